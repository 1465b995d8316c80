/*
 * ACPI tables and the script by which the firmware places and links them.
 *
 * Source: ACPI specification 1.0b, "System Description Table"; ACPI 2.0c for MADT; IA-PC HPET specification 1.0a;
 * Windows ACPI Emulated Devices Table; PLATFORM.md 2.6 (docs/SOURCES.md) for the loader's commands.
 * The tables are of revision 1 and below 4 GiB: RSDT, no XSDT.  FADT of revision 1: no reset register.
 */
#include "machine/pc/acpi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/piix4_pm.h"
#include "machine/pc/dsdt.h"

#define TABLES "etc/acpi/tables"
#define RSDP "etc/acpi/rsdp"
#define LOADER "etc/table-loader"

#define HEADER_SIZE 36
#define HEADER_CHECKSUM 9
#define FACS_SIZE 64
#define FADT_SIZE 116
#define RSDP_SIZE 20
#define TABLE_ALIGN 16u /* not required, but expected by some */
#define MAX_TABLES 8
#define SCI_IRQ 9

/* Offsets in the FADT. */
enum {
    FADT_FACS = 36,
    FADT_DSDT = 40,
    FADT_SCI_INT = 46,
    FADT_SMI_CMD = 48,
    FADT_ACPI_ENABLE = 52,
    FADT_ACPI_DISABLE = 53,
    FADT_PM1A_EVT = 56,
    FADT_PM1A_CNT = 64,
    FADT_PM_TMR = 76,
    FADT_GPE0 = 80,
    FADT_PM1_EVT_LEN = 88,
    FADT_PM1_CNT_LEN = 89,
    FADT_PM_TMR_LEN = 91,
    FADT_GPE0_LEN = 92,
    FADT_P_LVL2_LAT = 96,
    FADT_P_LVL3_LAT = 98,
    FADT_CENTURY = 108,
    FADT_FLAGS = 112,
};

#define FADT_WBINVD 0x0001
#define FADT_PROC_C1 0x0004
#define FADT_SLP_BUTTON 0x0020 /* there is no fixed sleep button; the power button (bit 4 clear) is one */
#define FADT_FIX_RTC 0x0040    /* the RTC does not wake from sleep */
#define FADT_USE_PLATFORM_CLOCK 0x8000
#define NO_LATENCY 0x0fff      /* over 1000 us: no C3; over 100 us: no C2 */

#define LAPIC_BASE 0xfee00000u
#define IOAPIC_BASE 0xfec00000u
#define HPET_BASE 0xfed00000u
#define HPET_ID 0x8086a201u

enum { LOADER_ALLOCATE = 1, LOADER_ADD_POINTER = 2, LOADER_ADD_CHECKSUM = 3 };
enum { ZONE_HIGH = 1, ZONE_FSEG = 2 };
#define LOADER_ENTRY 128
#define LOADER_NAME 56

struct tables {
    struct aml file;   /* all tables but the RSDP */
    struct aml loader;
    u32 listed[MAX_TABLES]; /* offsets of those that the RSDT names */
    int count;
};

static void set_le(struct aml *aml, u32 at, u64 value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes && at + i < aml->size; i++)
        aml->data[at + i] = value >> (8 * i);
}

static void pad(struct aml *aml, u32 size)
{
    while (aml->size < size && !aml->failed)
        aml_byte(aml, 0);
}

/* The script. */

static void loader_name(struct tables *tables, const char *name)
{
    u32 end = tables->loader.size + LOADER_NAME;
    aml_bytes(&tables->loader, name, strlen(name));
    pad(&tables->loader, end);
}

static u32 loader_begin(struct tables *tables, u32 command)
{
    u32 start = tables->loader.size;
    aml_le(&tables->loader, command, 4);
    return start;
}

static void loader_end(struct tables *tables, u32 start)
{
    pad(&tables->loader, start + LOADER_ENTRY);
}

static void loader_allocate(struct tables *tables, const char *file, u32 align, u8 zone)
{
    u32 start = loader_begin(tables, LOADER_ALLOCATE);
    loader_name(tables, file);
    aml_le(&tables->loader, align, 4);
    aml_byte(&tables->loader, zone);
    loader_end(tables, start);
}

/* Adds the address of `TABLES` to the four bytes at `at` of file, which hold an offset into it. */
static void loader_pointer(struct tables *tables, const char *file, u32 at)
{
    u32 start = loader_begin(tables, LOADER_ADD_POINTER);
    loader_name(tables, file);
    loader_name(tables, TABLES);
    aml_le(&tables->loader, at, 4);
    aml_byte(&tables->loader, 4);
    loader_end(tables, start);
}

static void loader_checksum(struct tables *tables, const char *file, u32 at, u32 from, u32 length)
{
    u32 start = loader_begin(tables, LOADER_ADD_CHECKSUM);
    loader_name(tables, file);
    aml_le(&tables->loader, at, 4);
    aml_le(&tables->loader, from, 4);
    aml_le(&tables->loader, length, 4);
    loader_end(tables, start);
}

/* The tables. */

static u32 table_begin(struct tables *tables, const char *signature, u8 revision)
{
    struct aml *file = &tables->file;
    u32 start = (file->size + TABLE_ALIGN - 1) & ~(TABLE_ALIGN - 1);
    pad(file, start);
    aml_bytes(file, signature, 4);
    aml_le(file, 0, 4); /* length */
    aml_byte(file, revision);
    aml_byte(file, 0); /* checksum */
    aml_bytes(file, "CLUTCH", 6);
    aml_bytes(file, "CLUTCHPC", 8);
    aml_le(file, 1, 4);
    aml_bytes(file, "CLUT", 4);
    aml_le(file, 1, 4);
    return start;
}

static void table_end(struct tables *tables, u32 start)
{
    u32 length = tables->file.size - start;
    set_le(&tables->file, start + 4, length, 4);
    loader_checksum(tables, TABLES, start + HEADER_CHECKSUM, start, length);
}

/* As table_end, for a table that the RSDT names. */
static void table_end_listed(struct tables *tables, u32 start)
{
    table_end(tables, start);
    tables->listed[tables->count++] = start;
}

static u32 add_facs(struct tables *tables)
{
    u32 start = tables->file.size; /* 0: aligned to 64 as the file is */
    aml_bytes(&tables->file, "FACS", 4);
    aml_le(&tables->file, FACS_SIZE, 4);
    pad(&tables->file, start + FACS_SIZE);
    return start;
}

static u32 add_dsdt(struct tables *tables, const struct acpi_config *config)
{
    u32 start = table_begin(tables, "DSDT", 1);
    dsdt_build(&tables->file, config);
    table_end(tables, start);
    return start;
}

static void fill_fadt(struct aml *file, u32 fadt)
{
    set_le(file, fadt + FADT_SCI_INT, SCI_IRQ, 2);
    set_le(file, fadt + FADT_SMI_CMD, 0xb2, 4);
    set_le(file, fadt + FADT_ACPI_ENABLE, PIIX4_ACPI_ENABLE, 1);
    set_le(file, fadt + FADT_ACPI_DISABLE, PIIX4_ACPI_DISABLE, 1);
    set_le(file, fadt + FADT_PM1A_EVT, DSDT_PM_BASE, 4);
    set_le(file, fadt + FADT_PM1A_CNT, DSDT_PM_BASE + 4, 4);
    set_le(file, fadt + FADT_PM_TMR, DSDT_PM_BASE + 8, 4);
    set_le(file, fadt + FADT_GPE0, PIIX4_GPE0_BASE, 4);
    set_le(file, fadt + FADT_PM1_EVT_LEN, 4, 1);
    set_le(file, fadt + FADT_PM1_CNT_LEN, 2, 1);
    set_le(file, fadt + FADT_PM_TMR_LEN, 4, 1);
    set_le(file, fadt + FADT_GPE0_LEN, 4, 1);
    set_le(file, fadt + FADT_P_LVL2_LAT, NO_LATENCY, 2);
    set_le(file, fadt + FADT_P_LVL3_LAT, NO_LATENCY, 2);
    set_le(file, fadt + FADT_CENTURY, 0x32, 1);
    set_le(file, fadt + FADT_FLAGS,
           FADT_WBINVD | FADT_PROC_C1 | FADT_SLP_BUTTON | FADT_FIX_RTC | FADT_USE_PLATFORM_CLOCK, 4);
}

static void add_fadt(struct tables *tables, u32 facs, u32 dsdt)
{
    u32 fadt = table_begin(tables, "FACP", 1);
    pad(&tables->file, fadt + FADT_SIZE);
    fill_fadt(&tables->file, fadt);
    set_le(&tables->file, fadt + FADT_FACS, facs, 4);
    set_le(&tables->file, fadt + FADT_DSDT, dsdt, 4);
    loader_pointer(tables, TABLES, fadt + FADT_FACS);
    loader_pointer(tables, TABLES, fadt + FADT_DSDT);
    table_end_listed(tables, fadt);
}

static void add_irq_override(struct aml *file, u8 irq, u32 gsi, u16 flags)
{
    aml_byte(file, 2);
    aml_byte(file, 10);
    aml_byte(file, 0);
    aml_byte(file, irq);
    aml_le(file, gsi, 4);
    aml_le(file, flags, 2);
}

static void add_local_apics(struct aml *file, int cpus)
{
    for (int i = 0; i < cpus; i++) {
        aml_byte(file, 0);
        aml_byte(file, 8);
        aml_byte(file, i);
        aml_byte(file, i);
        aml_le(file, 1, 4); /* enabled */
    }
}

static void add_io_apic(struct aml *file)
{
    aml_byte(file, 1);
    aml_byte(file, 12);
    aml_byte(file, 0);
    aml_byte(file, 0);
    aml_le(file, IOAPIC_BASE, 4);
    aml_le(file, 0, 4);
}

static void add_madt(struct tables *tables, const struct acpi_config *config)
{
    static const u8 level_irqs[] = {5, 9, 10, 11}, nmi[] = {4, 6, 0xff, 0, 0, 1}; /* all CPUs, LINT1 */
    u32 madt = table_begin(tables, "APIC", 1);
    struct aml *file = &tables->file;
    aml_le(file, LAPIC_BASE, 4);
    aml_le(file, 1, 4); /* PCAT_COMPAT: two 8259s as well */
    add_local_apics(file, MAX(config->cpus, 1));
    add_io_apic(file);
    add_irq_override(file, 0, 2, 0);
    for (size_t i = 0; i < sizeof(level_irqs); i++)
        add_irq_override(file, level_irqs[i], level_irqs[i], 0x000d); /* active high, level */
    aml_bytes(file, nmi, sizeof(nmi));
    table_end_listed(tables, madt);
}

static void add_hpet(struct tables *tables)
{
    u32 hpet = table_begin(tables, "HPET", 1);
    struct aml *file = &tables->file;
    aml_le(file, HPET_ID, 4);
    aml_byte(file, 0); /* in memory space */
    aml_byte(file, 0);
    aml_byte(file, 0);
    aml_byte(file, 0);
    aml_le(file, HPET_BASE, 8);
    aml_byte(file, 0);  /* the first one */
    aml_le(file, 0, 2); /* minimum tick */
    aml_byte(file, 0);
    table_end_listed(tables, hpet);
}

/* WAET: the PM timer needs only one read. */
static void add_waet(struct tables *tables)
{
    u32 waet = table_begin(tables, "WAET", 1);
    aml_le(&tables->file, 2, 4);
    table_end_listed(tables, waet);
}

static u32 add_rsdt(struct tables *tables)
{
    u32 rsdt = table_begin(tables, "RSDT", 1);
    for (int i = 0; i < tables->count; i++) {
        loader_pointer(tables, TABLES, tables->file.size);
        aml_le(&tables->file, tables->listed[i], 4);
    }
    table_end(tables, rsdt);
    return rsdt;
}

static void build_tables(struct tables *tables, const struct acpi_config *config)
{
    loader_allocate(tables, RSDP, 16, ZONE_FSEG);
    loader_allocate(tables, TABLES, 64, ZONE_HIGH);
    u32 facs = add_facs(tables);
    u32 dsdt = add_dsdt(tables, config);
    add_fadt(tables, facs, dsdt);
    if (config->has_apic)
        add_madt(tables, config);
    if (config->has_hpet)
        add_hpet(tables);
    add_waet(tables);
}

static void build_rsdp(struct tables *tables, u8 rsdp[RSDP_SIZE], u32 rsdt)
{
    memset(rsdp, 0, RSDP_SIZE);
    memcpy(rsdp, "RSD PTR ", 8);
    memcpy(rsdp + 9, "CLUTCH", 6);
    for (int i = 0; i < 4; i++)
        rsdp[16 + i] = rsdt >> (8 * i);
    loader_pointer(tables, RSDP, 16);
    loader_checksum(tables, RSDP, 8, 0, RSDP_SIZE);
}

int acpi_add_tables(struct fw_cfg *fw, const struct acpi_config *config)
{
    struct tables tables = {0};
    u8 rsdp[RSDP_SIZE];
    build_tables(&tables, config);
    build_rsdp(&tables, rsdp, add_rsdt(&tables));

    int r = tables.file.failed || tables.loader.failed ? -ENOMEM : 0;
    r = r ? r : fw_cfg_add_file(fw, RSDP, rsdp, sizeof(rsdp));
    r = r ? r : fw_cfg_add_file(fw, TABLES, tables.file.data, tables.file.size);
    r = r ? r : fw_cfg_add_file(fw, LOADER, tables.loader.data, tables.loader.size);
    free(tables.file.data);
    free(tables.loader.data);
    return r;
}
