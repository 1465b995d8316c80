/*
 * The PC: the board's schematic.
 *
 * Source: PLATFORM.md 2.1-2.3, 2.8 (docs/SOURCES.md).  `pc` has a 440FX host bridge, a PIIX3 and a PIIX4's power
 * management; `isapc` has the same chips on an ISA bus, with no bridge in between.
 */
#include "machine/pc/pc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cpu/cpu.h"
#include "machine/pc/board.h"

#define VGA_WINDOW 0xa0000
#define VGA_WINDOW_END 0xc0000

/* The PIC's INT goes to CPU 0, which is plugged in later; or to every LINT0 and the I/O APIC's first input. */
static void set_intr(void *opaque, int line, bool level)
{
    struct pc *pc = opaque;
    if (!pc->has_apic) {
        irq_set(&pc->machine->intr, level);
        return;
    }
    struct irq lint0 = lapics_intr(&pc->lapics), intin0 = ioapic_irq(&pc->ioapic, 0);
    irq_set(&lint0, level);
    irq_set(&intin0, level);
}

/* The I/O APIC has IRQ 0 on input 2, as the MADT's override says, and the 8259 on input 0. */
static int ioapic_pin(int irq)
{
    return irq == 0 ? 2 : irq == 2 ? 0 : irq;
}

/* An interrupt line goes to both controllers. */
static void set_gsi(void *opaque, int irq, bool level)
{
    struct pc *pc = opaque;
    struct irq pic = i8259_irq(&pc->pic, irq);
    irq_set(&pic, level);
    if (!pc->has_apic || irq == 2)
        return;
    struct irq pin = ioapic_irq(&pc->ioapic, ioapic_pin(irq));
    irq_set(&pin, level);
}

static void set_legacy_irq(void *opaque, int source, bool level)
{
    struct legacy_irq *irq = opaque;
    irq->levels[source] = level;
    if (irq->source == source)
        irq_set(&irq->out, level);
}

static void select_legacy_source(struct legacy_irq *irq, enum legacy_source source)
{
    irq->source = source;
    irq_set(&irq->out, irq->levels[source]);
}

/* HPET, "Legacy Replacement Option": its comparators 0 and 1 stand in for the 8254 and the RTC. */
static void set_legacy_replacement(void *opaque, int line, bool on)
{
    struct pc *pc = opaque;
    select_legacy_source(&pc->irq0, on ? LEGACY_HPET : LEGACY_CHIP);
    select_legacy_source(&pc->irq8, on ? LEGACY_HPET : LEGACY_CHIP);
}

static void set_ignne(void *opaque, int line, bool level)
{
    struct machine *machine = opaque;
    machine->ignne = level;
}

static void set_shared(void *opaque, int source, bool level)
{
    struct shared_irq *shared = opaque;
    shared->levels = level ? shared->levels | 1 << source : shared->levels & ~(1 << source);
    irq_set(&shared->out, shared->levels != 0);
}

struct irq pc_isa_irq(struct pc *pc, int line)
{
    return pc->has_pci ? piix3_irq(&pc->piix3, line) : i8259_irq(&pc->pic, line);
}

struct ide_channel *pc_ide_channel(struct pc *pc, int channel)
{
    return pc->has_pci ? &pc->ide.channel[channel] : &pc->isa_ide[channel];
}

static int alloc_ram(struct pc *pc, struct error *err)
{
    struct machine *machine = pc->machine;
    u64 size = pc->config->ram_size, limit = pc->has_pci ? RAM_MAX_PC : RAM_MAX_ISAPC;
    if (size < RAM_MIN)
        return error_set(err, EINVAL, "-m: too little memory: the machine needs at least %llu MiB", RAM_MIN >> 20);
    if (size > limit)
        return error_set(err, EINVAL, "-m: too much memory: %s takes at most %llu MiB", pc->has_pci ? "pc" : "isapc",
                         (unsigned long long)(limit >> 20));
    machine->ram_size = size & ~0xfffull;
    machine->ram = memory_alloc(machine->ram_size);
    machine->ram_flags = calloc(machine->ram_size / 4096, 1);
    if (machine->ram && machine->ram_flags)
        return 0;
    return error_set(err, ENOMEM, "-m: the host cannot give the machine %llu MiB of memory",
                     (unsigned long long)(size >> 20));
}

static void add_isa_ram(struct pc *pc, struct region *region, u64 start, u64 end)
{
    struct machine *machine = pc->machine;
    *region = (struct region){
        .name = "ram",
        .kind = REGION_RAM,
        .base = start,
        .size = end - start,
        .enabled = true,
        .host = machine->ram + start,
        .page_flags = machine->ram_flags + start / 4096,
    };
    memory_add(machine->memory, region);
}

/* isapc has no PAM: the BIOS runs from RAM at E0000-FFFFF, where a reset puts it (PLATFORM.md 2.8). */
static void copy_bios_to_ram(struct pc *pc)
{
    u64 window = MIN(pc->bios_size, BIOS_WINDOW);
    memory_write(pc->machine->memory, (1 << 20) - window, pc->bios + pc->bios_size - window, window);
}

static int build_memory(struct pc *pc, struct error *err)
{
    if (pc->has_pci) {
        if (pc->bios_size < BIOS_WINDOW) /* i440fx reads a whole window in "read ROM, write RAM" */
            return error_set(err, EINVAL, "the BIOS must have at least 128 KiB");
        return i440fx_init(&pc->i440fx, pc->machine, pc->bios + pc->bios_size - BIOS_WINDOW);
    }
    add_isa_ram(pc, &pc->isa_low, 0, VGA_WINDOW);
    add_isa_ram(pc, &pc->isa_high, VGA_WINDOW_END, pc->machine->ram_size);
    return 0;
}

static void wire_interrupts(struct pc *pc)
{
    struct machine *machine = pc->machine;
    if (pc->has_apic) {
        lapics_init(&pc->lapics, machine, 1);
        ioapic_init(&pc->ioapic, machine, &pc->lapics);
    }
    i8259_init(&pc->pic, machine, &(struct irq){set_intr, pc, 0});
    machine->acknowledge = i8259_acknowledge;
    machine->acknowledge_opaque = &pc->pic;
}

static int wire_pci(struct pc *pc, struct error *err)
{
    struct machine *machine = pc->machine;
    machine->pci = pci_create(machine->memory, machine->ports);
    if (!machine->pci)
        return error_set(err, ENOMEM, "not enough memory for the PCI bus");
    device_add(&machine->devices, &pc->pci_host, &pci_host_ops, machine->pci, "pci");
    return 0;
}

static int wire_south_bridge(struct pc *pc)
{
    struct irq inputs[16];
    for (int i = 0; i < 16; i++)
        inputs[i] = (struct irq){set_gsi, pc, i};
    int r = piix3_init(&pc->piix3, pc->machine, inputs);
    if (r == 0)
        r = piix4_pm_init(&pc->pm, pc->machine, piix3_irq(&pc->piix3, PIIX3_SCI));
    return r;
}

static void wire_hpet(struct pc *pc)
{
    struct irq irq0 = {set_legacy_irq, &pc->irq0, LEGACY_HPET}, irq8 = {set_legacy_irq, &pc->irq8, LEGACY_HPET};
    struct irq legacy = {set_legacy_replacement, pc, 0}, pins[IOAPIC_PINS] = {0};
    for (int i = 0; pc->has_apic && i < IOAPIC_PINS; i++)
        pins[i] = ioapic_irq(&pc->ioapic, i);
    hpet_init(&pc->hpet, pc->machine, &irq0, &irq8, &legacy, pins);
}

/* What the calendar counts.  Under -icount nothing of the host's may show. */
static enum host_time host_time(const struct machine_config *config)
{
    static const enum host_time times[] = {
        [RTC_CLOCK_DEFAULT] = HOST_CALENDAR,
        [RTC_CLOCK_HOST] = HOST_CALENDAR,
        [RTC_CLOCK_RT] = HOST_MONOTONIC,
        [RTC_CLOCK_VM] = HOST_NONE,
    };
    return config->icount_shift >= 0 ? HOST_NONE : times[config->rtc_clock];
}

static void wire_system_chips(struct pc *pc)
{
    struct machine *machine = pc->machine;
    struct irq irq0 = {set_legacy_irq, &pc->irq0, LEGACY_CHIP}, irq8 = {set_legacy_irq, &pc->irq8, LEGACY_CHIP};
    struct irq irq13 = pc_isa_irq(pc, 13);

    pc->irq0.out = pc_isa_irq(pc, 0);
    pc->irq8.out = pc_isa_irq(pc, 8);
    if (pc->has_hpet)
        wire_hpet(pc);
    i8254_init(&pc->pit, machine, &irq0);
    i8237_init(&pc->dma, machine);
    port61_init(&pc->port61, machine, &pc->pit);
    a20_init(&pc->a20, machine);
    port92_init(&pc->port92, machine, &pc->a20);
    mc146818_init(&pc->rtc, machine, &irq8);
    mc146818_follow(&pc->rtc, host_time(pc->config));
    fpu_irq13_init(&pc->fpu, machine, &irq13);
    fpu_irq13_connect_ignne(&pc->fpu, &(struct irq){set_ignne, machine, 0});
    machine->ferr = fpu_irq13_ferr(&pc->fpu);
}

static void show_leds(void *opaque, u8 leds)
{
    struct input *input = opaque;
    input->leds = leds;
}

static void wire_keyboard(struct pc *pc)
{
    struct irq irq1 = pc_isa_irq(pc, 1), irq12 = pc_isa_irq(pc, 12);
    ps2_keyboard_init(&pc->keyboard, pc->machine);
    pc->keyboard.leds_changed = show_leds;
    pc->keyboard.leds_opaque = &pc->machine->input;
    ps2_mouse_init(&pc->mouse, pc->machine);
    i8042_init(&pc->kbc, pc->machine, &pc->a20, &irq1, &irq12, &pc->keyboard.port, &pc->mouse.port);
    vmmouse_init(&pc->vmmouse, pc->machine, &pc->mouse);
    gameport_init(&pc->gameport, pc->machine);
}

/* COM1 and COM3 share IRQ 4, COM2 and COM4 IRQ 3. */
static void wire_serial(struct pc *pc)
{
    static const u16 base[] = {0x3f8, 0x2f8, 0x3e8, 0x2e8};
    static const char *const id[] = {"com1", "com2", "com3", "com4"};
    pc->irq4.out = pc_isa_irq(pc, 4);
    pc->irq3.out = pc_isa_irq(pc, 3);
    for (int i = 0; i < CONFIG_MAX_SERIALS; i++) {
        struct irq irq = {set_shared, i % 2 ? &pc->irq3 : &pc->irq4, i / 2};
        if (pc->serial[i])
            uart16550_init(&pc->uart[i], pc->machine, base[i], &irq, pc->serial[i], id[i]);
    }
}

static int wire_ports(struct pc *pc, struct error *err)
{
    const struct machine_config *config = pc->config;
    struct irq irq7 = pc_isa_irq(pc, 7);
    wire_serial(pc);
    if (pc->parallel_chr)
        parallel_init(&pc->parallel, pc->machine, 0x378, &irq7, pc->parallel_chr, "lpt1");
    if (pc->debugcon_chr)
        debugcon_init(&pc->debugcon, pc->machine, config->debugcon_port ? config->debugcon_port : 0x402,
                      pc->debugcon_chr);
    if (config->debug_exit)
        return debug_exit_init(&pc->debug_exit, pc->machine, config->debug_exit_port, config->debug_exit_size, err);
    return 0;
}

static int wire_vga(struct pc *pc, struct error *err)
{
    struct blob rom = {0};
    if (pc->config->vga == VGA_NONE)
        return 0;
    int r = pc->has_pci ? pc_find_vga_bios(pc, &rom, err) : 0;
    if (r < 0)
        return r;
    bool cirrus = pc->config->vga == VGA_CIRRUS;
    struct vga_config config = {.vram_size = cirrus ? pc->config->cirrus_memory : pc->config->vga_memory,
                                .rom = rom.data, .rom_size = rom.size};
    if (cirrus)
        r = cirrus_init(&pc->cirrus, pc->machine, pc->machine->pci, &config);
    else
        r = vga_init(&pc->vga, pc->machine, pc->machine->pci, &config);
    if (r < 0)
        r = error_set(err, ENOMEM, "not enough memory for the graphics chip");
    free(rom.data);
    return r;
}

/* A file that nobody may write is a floppy disk with its tab in the other place; a snapshot writes elsewhere. */
static bool write_protected(const struct drive_config *drive)
{
    struct stat st;
    return drive->interface == DRIVE_FLOPPY && !drive->snapshot && drive->file && stat(drive->file, &st) == 0 &&
           (!(st.st_mode & 0222) || (access(drive->file, W_OK) < 0 && access(drive->file, R_OK) == 0));
}

int pc_open_disk(struct pc *pc, const struct drive_config *drive, struct block **block, struct error *err)
{
    struct block_options options = {
        .file = drive->file,
        .format = drive->format,
        .readonly = drive->readonly || drive->media == MEDIA_CDROM || write_protected(drive),
        .disc = drive->media == MEDIA_CDROM,
        .snapshot = drive->snapshot,
    };
    *block = NULL;
    if (!drive->file)
        return drive->media == MEDIA_CDROM || drive->interface == DRIVE_FLOPPY
                   ? 0
                   : error_set(err, EINVAL, "a hard disk needs an image: file=");
    *block = block_open(&options, pc->machine->loop, pc->machine->clock, err);
    return *block ? 0 : -EINVAL;
}

static int attach_floppy(struct pc *pc, const struct drive_config *drive, struct error *err)
{
    if (drive->index < 0 || drive->index >= (int)ARRAY_SIZE(pc->floppies))
        return error_set(err, EINVAL, "drive index %d: there are only floppy drives 0 and 1", drive->index);
    if (pc->fdc.drive[drive->index].type)
        return error_set(err, EBUSY, "floppy drive %d is used twice", drive->index);
    int r = pc_open_disk(pc, drive, &pc->floppies[drive->index], err);
    r = r < 0 ? r : i82077_attach(&pc->fdc, drive->index, pc->floppies[drive->index], err);
    if (r == 0 && pc->config->floppy_types[drive->index])
        pc->fdc.drive[drive->index].type = pc->config->floppy_types[drive->index];
    return r;
}

static int attach_drive(struct pc *pc, const struct drive_config *drive, struct error *err)
{
    if (drive->interface == DRIVE_NONE)
        return 0;
    if (drive->interface == DRIVE_FLOPPY)
        return attach_floppy(pc, drive, err);
    if (drive->index < 0 || drive->index >= (int)ARRAY_SIZE(pc->disks))
        return error_set(err, EINVAL, "drive index %d: IDE takes 0 to 3", drive->index);
    struct ide_channel *channel = pc_ide_channel(pc, drive->index / 2);
    if (channel->drive[drive->index % 2].media != IDE_NONE)
        return error_set(err, EBUSY, "drive index %d is used twice", drive->index);
    int r = pc_open_disk(pc, drive, &pc->disks[drive->index], err);
    if (r < 0)
        return r;
    ide_attach(channel, drive->index % 2, pc->disks[drive->index],
               drive->media == MEDIA_CDROM ? IDE_CDROM : IDE_DISK);
    if (drive->media == MEDIA_CDROM && ide_connect_audio(channel, drive->index % 2, pc->audio) < 0)
        return error_set(err, ENOMEM, "not enough memory for the machine's sound");
    return 0;
}

static int wire_disks(struct pc *pc, struct error *err)
{
    struct irq irq[2] = {pc_isa_irq(pc, 14), pc_isa_irq(pc, 15)}, irq6 = pc_isa_irq(pc, 6);
    i82077_init(&pc->fdc, pc->machine, &pc->dma, &irq6);
    if (pc->has_pci)
        piix3_ide_init(&pc->ide, pc->machine, irq);
    else
        ide_isa_init(pc->isa_ide, pc->machine, irq);
    int r = 0;
    for (int i = 0; i < pc->config->drive_count && i < CONFIG_MAX_DRIVES && r == 0; i++)
        r = attach_drive(pc, &pc->config->drives[i], err);
    return r;
}

static void set_calendar(struct pc *pc)
{
    const struct machine_config *config = pc->config;
    time_t now = time(NULL);
    struct tm local;
    if (config->rtc_base == RTC_DATE)
        now = config->rtc_date;
    else if (config->rtc_base == RTC_LOCALTIME && localtime_r(&now, &local))
        now += local.tm_gmtoff;
    clock_set_epoch(pc->machine->clock, now);
}

/* After every chip has been reset. */
static void reset(void *state)
{
    struct pc *pc = state;
    const struct machine_config *config = pc->config;
    if (!pc->has_pci)
        copy_bios_to_ram(pc);
    if (pc->resets++ == 1 && *config->boot_once)
        pc_set_boot_order(pc, config->boot_order);
}

static const struct field fields[] = {FIELD_END};

static const struct device_ops board_ops = {.name = "pc", .version = 1, .fields = fields, .reset = reset};

static int build(struct pc *pc, struct error *err)
{
    int r = alloc_ram(pc, err);
    r = r ? r : pc_load_bios(pc, err);
    r = r ? r : pc_open_chars(pc, err);
    if (r < 0)
        return r;
    set_calendar(pc);
    wire_interrupts(pc);
    r = pc->has_pci ? wire_pci(pc, err) : 0;
    r = r ? r : build_memory(pc, err);
    r = r || !pc->has_pci ? r : wire_south_bridge(pc);
    if (r < 0)
        return r;
    wire_system_chips(pc);
    wire_keyboard(pc);
    r = pc_open_sound(pc, err);
    r = r ? r : wire_ports(pc, err);
    r = r ? r : wire_vga(pc, err);
    r = r ? r : wire_disks(pc, err);
    if (r < 0)
        return r;
    fw_cfg_init(&pc->fw_cfg, pc->machine);
    pc_fill_cmos(pc);
    r = pc_fill_fw_cfg(pc, err);
    device_add(&pc->machine->devices, &pc->self, &board_ops, pc, "board");
    machine_reset_devices(pc->machine);
    return r;
}

int pc_create(const struct machine_config *config, struct machine **out, struct error *err)
{
    *out = NULL;
    error_set(err, ENOMEM, "not enough memory for the machine");
    struct pc *pc = calloc(1, sizeof(*pc));
    struct machine *machine = pc ? machine_create(err) : NULL;
    if (!machine) {
        free(pc);
        return -ENOMEM;
    }
    machine->board = pc;
    pc->machine = machine;
    pc->config = config;
    pc->has_pci = config->machine == MACHINE_PC;
    pc->has_apic = pc->has_pci && cpu_model_has_apic(config->cpu_model, config->cpu_features);
    pc->has_hpet = pc->has_pci && !config->no_hpet;
    int r = build(pc, err);
    if (r < 0)
        pc_destroy(machine);
    else
        *out = machine;
    return r;
}

static void destroy_disks(struct pc *pc)
{
    for (int i = 0; i < (int)ARRAY_SIZE(pc->floppies); i++) {
        if (!pc->floppies[i])
            continue;
        i82077_change(&pc->fdc, i, NULL, NULL);
        block_close(pc->floppies[i]);
    }
    for (int i = 0; i < (int)ARRAY_SIZE(pc->disks); i++) {
        if (!pc->disks[i])
            continue;
        ide_detach(pc_ide_channel(pc, i / 2), i % 2);
        block_close(pc->disks[i]);
    }
}

void pc_destroy(struct machine *machine)
{
    if (!machine)
        return;
    struct pc *pc = machine->board;
    u64 ram_size = machine->ram_size;
    u8 *ram = machine->ram, *ram_flags = machine->ram_flags;

    destroy_disks(pc);
    pc_close_chars(pc);
    pc_close_sound(pc);
    machine_destroy(machine);
    if (pc->i440fx.empty)
        i440fx_destroy(&pc->i440fx);
    fw_cfg_destroy(&pc->fw_cfg);
    vga_destroy(&pc->vga);
    cirrus_destroy(&pc->cirrus);
    if (pc->bios)
        memory_free(pc->bios, pc->bios_size);
    free(pc->bios_flags);
    if (ram)
        memory_free(ram, ram_size);
    free(ram_flags);
    free(pc);
}

bool pc_power_button(struct machine *machine)
{
    struct pc *pc = machine->board;
    if (pc->has_pci)
        piix4_pm_power_button(&pc->pm);
    return pc->has_pci;
}

bool pc_nmi(struct machine *machine)
{
    struct pc *pc = machine->board;
    if (mc146818_nmi_masked(&pc->rtc))
        return false;
    struct irq lint1 = lapics_nmi(&pc->lapics);
    if (pc->has_apic)
        irq_pulse(&lint1);
    else
        machine_drive_cpu(machine, 0, CPU_PIN_NMI, 0);
    machine_kick(machine);
    return true;
}

void pc_irq_counts(struct machine *machine, u64 counts[16])
{
    struct pc *pc = machine->board;
    for (int irq = 0; irq < 16; irq++)
        counts[irq] = i8259_count(&pc->pic, irq) + (pc->has_apic ? pc->ioapic.sent[ioapic_pin(irq)] : 0);
}

struct chardev *pc_monitor(struct machine *machine)
{
    struct pc *pc = machine->board;
    return pc->monitor_chr;
}
