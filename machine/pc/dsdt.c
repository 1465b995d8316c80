/*
 * The DSDT: what of the board an ACPI operating system cannot find by itself.
 *
 * Source: ACPI specification 1.0b and 2.0c; PLATFORM.md 2.3, 2.6 (docs/SOURCES.md) for addresses and PIRQ wiring.
 * The PCI root with its windows, interrupt routing over four link devices, the ISA devices, processors, sleep states.
 */
#include "machine/pc/dsdt.h"

#include <stdio.h>

#include "devices/piix4_pm.h"

#define LINKS "ABCD"

static void isa_device(struct aml *aml, const char *name, const char *id, struct aml *resources)
{
    aml_device(aml, name);
    aml_name_eisa_id(aml, "_HID", id);
    aml_name_resources(aml, "_CRS", resources);
    aml_end(aml);
}

static void add_timer_chips(struct aml *aml)
{
    struct aml pic = {0}, dma = {0}, pit = {0}, rtc = {0}, speaker = {0}, fpu = {0};
    res_io(&pic, 0x20, 2);
    res_io(&pic, 0xa0, 2);
    res_io(&pic, 0x4d0, 2);
    res_irq(&pic, 2);
    isa_device(aml, "PIC", "PNP0000", &pic);
    res_io(&pit, 0x40, 4);
    res_irq(&pit, 0);
    isa_device(aml, "TIMR", "PNP0100", &pit);
    res_io(&dma, 0x00, 16);
    res_io(&dma, 0x81, 3);
    res_io(&dma, 0x87, 1);
    res_io(&dma, 0x89, 3);
    res_io(&dma, 0x8f, 1);
    res_io(&dma, 0xc0, 32);
    res_dma(&dma, 4);
    isa_device(aml, "DMAC", "PNP0200", &dma);
    res_io(&rtc, 0x70, 2);
    res_irq(&rtc, 8);
    isa_device(aml, "RTC", "PNP0B00", &rtc);
    res_io(&speaker, 0x61, 1);
    isa_device(aml, "SPKR", "PNP0800", &speaker);
    res_io(&fpu, 0xf0, 1);
    res_irq(&fpu, 13);
    isa_device(aml, "COPR", "PNP0C04", &fpu);
}

static void add_keyboard(struct aml *aml, const struct acpi_config *config)
{
    struct aml keyboard = {0}, mouse = {0};
    if (config->has_keyboard) {
        res_io(&keyboard, 0x60, 1);
        res_io(&keyboard, 0x64, 1);
        res_irq(&keyboard, 1);
        isa_device(aml, "PS2K", "PNP0303", &keyboard);
    }
    if (config->has_mouse) {
        res_irq(&mouse, 12);
        isa_device(aml, "PS2M", "PNP0F13", &mouse);
    }
}

static void add_serial(struct aml *aml, int port)
{
    static const u16 base[] = {0x3f8, 0x2f8, 0x3e8, 0x2e8};
    struct aml resources = {0};
    char name[5];
    snprintf(name, sizeof(name), "COM%d", (port & 3) + 1);
    res_io(&resources, base[port & 3], 8);
    res_irq(&resources, port % 2 ? 3 : 4);
    aml_device(aml, name);
    aml_name_eisa_id(aml, "_HID", "PNP0501");
    aml_name_int(aml, "_UID", port + 1);
    aml_name_resources(aml, "_CRS", &resources);
    aml_end(aml);
}

static void add_ports(struct aml *aml, const struct acpi_config *config)
{
    struct aml parallel = {0}, floppy = {0};
    for (int i = 0; i < 4; i++)
        if (config->serial_mask >> i & 1)
            add_serial(aml, i);
    if (config->has_parallel) {
        res_io(&parallel, 0x378, 8);
        res_irq(&parallel, 7);
        isa_device(aml, "LPT1", "PNP0400", &parallel);
    }
    if (config->has_floppy) {
        res_io(&floppy, 0x3f2, 4);
        res_io(&floppy, 0x3f7, 1);
        res_irq(&floppy, 6);
        res_dma(&floppy, 2);
        isa_device(aml, "FDC0", "PNP0700", &floppy);
    }
}

/* Ports that belong to the board and to nothing else. */
static void add_board_resources(struct aml *aml)
{
    struct aml resources = {0};
    res_io(&resources, 0x80, 1);
    res_io(&resources, 0x92, 1);
    res_io(&resources, 0xb2, 2);
    res_io(&resources, DSDT_PM_BASE, 0x40);
    res_io(&resources, DSDT_SMBUS_BASE, 0x10);
    res_io(&resources, PIIX4_GPE0_BASE, 4);
    isa_device(aml, "MBRD", "PNP0C02", &resources);
}

static void add_fw_cfg(struct aml *aml)
{
    struct aml resources = {0};
    res_io(&resources, 0x510, 12);
    aml_device(aml, "FWCF");
    aml_name_op(aml, "_HID");
    aml_string(aml, "QEMU0002");
    aml_name_int(aml, "_STA", 0x0b);
    aml_name_resources(aml, "_CRS", &resources);
    aml_end(aml);
}

/* 00:01.0 with the PIRQ route control registers, and what hangs off it. */
static void add_isa_bridge(struct aml *aml, const struct acpi_config *config)
{
    static const char *const routes[] = {"PRQA", "PRQB", "PRQC", "PRQD"};
    aml_device(aml, "ISA");
    aml_name_int(aml, "_ADR", 0x00010000);
    aml_pci_region(aml, "PIRQ", 0x60, 4);
    aml_byte_fields(aml, "PIRQ", routes, 4);
    add_timer_chips(aml);
    add_keyboard(aml, config);
    add_ports(aml, config);
    add_board_resources(aml);
    add_fw_cfg(aml);
    aml_end(aml);
}

static void add_windows(struct aml *aml, const struct acpi_config *config)
{
    struct aml resources = {0};
    res_bus_window(&resources, 0, 0xff);
    res_io(&resources, 0xcf8, 8);
    res_io_window(&resources, 0x0000, 0x0cf7);
    res_io_window(&resources, 0x0d00, 0xffff);
    res_memory_window(&resources, 0x000a0000, 0x000bffff, true);
    res_memory_window(&resources, MAX(config->lowmem, 0x80000000u), 0xfebfffff, false);
    aml_name_resources(aml, "_CRS", &resources);
}

/* {slot, pin, source, index}; INTx of a slot goes to PIRQ (x + slot - 1) mod 4. */
static void route_pin(struct aml *aml, int slot, int pin)
{
    char link[5] = "LNKx";
    link[3] = LINKS[(pin + slot + 3) % 4];
    aml_package(aml, 4);
    aml_int(aml, (u32)slot << 16 | 0xffff);
    aml_int(aml, pin);
    if (slot == 1 && pin == 0) { /* power management: its INTA is SCI, and that is IRQ 9 */
        aml_int(aml, 0);
        aml_int(aml, 9);
    } else {
        aml_name(aml, link);
        aml_int(aml, 0);
    }
    aml_end(aml);
}

static void add_routing(struct aml *aml)
{
    aml_name_op(aml, "_PRT");
    aml_package(aml, 31 * 4);
    for (int slot = 1; slot < 32; slot++)
        for (int pin = 0; pin < 4; pin++)
            route_pin(aml, slot, pin);
    aml_end(aml);
}

static void add_pci_root(struct aml *aml, const struct acpi_config *config)
{
    aml_device(aml, "PCI0");
    aml_name_eisa_id(aml, "_HID", "PNP0A03");
    aml_name_int(aml, "_UID", 0);
    add_windows(aml, config);
    add_routing(aml);
    add_isa_bridge(aml, config);
    aml_end(aml);
}

/* _STA: 0Bh enabled, 09h while bit 7 of the route control register disables the link. */
static void link_status(struct aml *aml, const char *route)
{
    aml_method(aml, "_STA", 0, false);
    aml_if(aml);
    aml_byte(aml, AML_AND);
    aml_name(aml, route);
    aml_int(aml, 0x80);
    aml_byte(aml, AML_NO_TARGET);
    aml_byte(aml, AML_RETURN);
    aml_int(aml, 0x09);
    aml_end(aml);
    aml_byte(aml, AML_RETURN);
    aml_int(aml, 0x0b);
    aml_end(aml);
}

static void link_disable(struct aml *aml, const char *route)
{
    aml_method(aml, "_DIS", 0, false);
    aml_byte(aml, AML_OR);
    aml_name(aml, route);
    aml_int(aml, 0x80);
    aml_name(aml, route);
    aml_end(aml);
}

/* The interrupt number is the dword at offset 5 of the extended interrupt descriptor. */
static void irq_field(struct aml *aml, const char *name)
{
    aml_int(aml, 5);
    aml_name(aml, name);
}

static void link_current(struct aml *aml, const char *route)
{
    struct aml resources = {0};
    res_pci_irqs(&resources, &(u32){0}, 1);
    aml_method(aml, "_CRS", 0, true);
    aml_name_resources(aml, "BUF", &resources);
    aml_byte(aml, AML_CREATE_DWORD_FIELD);
    aml_name(aml, "BUF");
    irq_field(aml, "INUM");
    aml_byte(aml, AML_AND);
    aml_name(aml, route);
    aml_int(aml, 0x0f);
    aml_name(aml, "INUM");
    aml_byte(aml, AML_RETURN);
    aml_name(aml, "BUF");
    aml_end(aml);
}

static void link_set(struct aml *aml, const char *route)
{
    aml_method(aml, "_SRS", 1, true);
    aml_byte(aml, AML_CREATE_DWORD_FIELD);
    aml_byte(aml, AML_ARG0);
    irq_field(aml, "INUM");
    aml_byte(aml, AML_STORE);
    aml_name(aml, "INUM");
    aml_name(aml, route);
    aml_end(aml);
}

static void add_link(struct aml *aml, int index)
{
    static const u32 choice[] = {5, 10, 11};
    char name[5] = "LNKx", route[] = "\\_SB.PCI0.ISA.PRQx";
    struct aml possible = {0};
    name[3] = route[sizeof(route) - 2] = LINKS[index];

    aml_device(aml, name);
    aml_name_eisa_id(aml, "_HID", "PNP0C0F");
    aml_name_int(aml, "_UID", index + 1);
    res_pci_irqs(&possible, choice, ARRAY_SIZE(choice));
    aml_name_resources(aml, "_PRS", &possible);
    link_status(aml, route);
    link_disable(aml, route);
    link_current(aml, route);
    link_set(aml, route);
    aml_end(aml);
}

static void add_processors(struct aml *aml, int cpus)
{
    char name[8];
    aml_scope(aml, "\\_PR");
    for (int i = 0; i < cpus; i++) {
        snprintf(name, sizeof(name), "CP%02X", i & 0xff);
        aml_processor(aml, name, i);
    }
    aml_end(aml);
}

/* SLP_TYP values as piix4_pm.c takes them. */
static void add_sleep_state(struct aml *aml, const char *name, u8 type)
{
    aml_name_op(aml, name);
    aml_package(aml, 4);
    aml_int(aml, type);
    aml_int(aml, type);
    aml_int(aml, 0);
    aml_int(aml, 0);
    aml_end(aml);
}

void dsdt_build(struct aml *aml, const struct acpi_config *config)
{
    add_processors(aml, MAX(config->cpus, 1));
    aml_scope(aml, "\\_SB");
    add_pci_root(aml, config);
    for (int i = 0; i < 4; i++)
        add_link(aml, i);
    aml_end(aml);
    add_sleep_state(aml, "\\_S4", 2);
    add_sleep_state(aml, "\\_S5", 0);
}
