#include "devices/piix4_pm.h"

#include <string.h>

#include "machine/trace.h"

/* Configuration space. */
enum { PMBA = 0x40, DEVACTB = 0x58, PMREGMISC = 0x80, SMBBA = 0x90, SMBHSTCFG = 0xd2 };

/* I/O space at PMBA. */
enum {
    PMSTS = 0x00,
    PMEN = 0x02,
    PMCNTRL = 0x04,
    PMTMR = 0x08,
    GLBCTL = 0x28,
    DEVCTL = 0x2c,
    GPOREG = 0x34,
    PM_PORTS = 0x40,
};

#define PM1_TMR 0x0001
#define PM1_GBL 0x0020
#define PM1_PWRBTN 0x0100
#define PM1_RTC 0x0400
#define PM1_WAK 0x8000
#define PM1_STATUS_BITS (PM1_TMR | 0x0010 | PM1_GBL | PM1_PWRBTN | PM1_RTC | PM1_WAK)
#define PM1_ENABLE_BITS (PM1_TMR | PM1_GBL | PM1_PWRBTN | PM1_RTC)

#define CNTRL_SCI_EN 0x0001
#define CNTRL_SLP_TYP_SHIFT 10
#define CNTRL_SLP_EN 0x2000

/* SLP_TYP.  PIIX4 "PMCNTRL": 0 soft off or suspend to disk, 1 suspend to RAM; the tables of this board use 2 for S4. */
enum { SLEEP_OFF = 0, SLEEP_TO_RAM = 1, SLEEP_TO_DISK = 2 };

/* I/O space at SMBBA. */
enum {
    SMBHSTSTS = 0,
    SMBHSTCNT = 2,
    SMBHSTCMD = 3,
    SMBHSTADD = 4,
    SMBHSTDAT0 = 5,
    SMBHSTDAT1 = 6,
    SMBBLKDAT = 7,
    SMBUS_PORTS = 0x10,
};

#define SMB_DEV_ERR 0x04
#define SMB_STATUS_BITS 0x1e
#define SMB_START 0x40

#define TIMER_TOGGLE_MASK 0x7fffffull /* below bit 23, whose change sets TMR_STS */

static u64 ticks(struct piix4_pm *pm)
{
    return clock_ticks(pm->machine->clock, PIIX4_PM_TIMER_HZ);
}

static void latch_timer(struct piix4_pm *pm)
{
    if (ticks(pm) >= pm->timer_overflow)
        pm->pm1_status |= PM1_TMR;
}

static void await_next_toggle(struct piix4_pm *pm)
{
    pm->timer_overflow = (ticks(pm) | TIMER_TOGGLE_MASK) + 1;
}

/* ACPI 1.0b, "PM1 Event Grouping": an enabled event raises SCI while SCI_EN is set (SMI, not modelled, while clear). */
static void update(struct piix4_pm *pm)
{
    latch_timer(pm);
    bool pending = pm->pm1_status & pm->pm1_enable & PM1_ENABLE_BITS || pm->gpe0_status & pm->gpe0_enable;
    irq_set(&pm->sci, pending && pm->pm1_control & CNTRL_SCI_EN);

    if (pm->pm1_enable & PM1_TMR && !(pm->pm1_status & PM1_TMR))
        timer_set(&pm->timer, clock_ticks_to_ns(pm->timer_overflow, PIIX4_PM_TIMER_HZ));
    else
        timer_cancel(&pm->timer);
}

static void timer_fired(void *opaque)
{
    update(opaque);
}

static void enter_sleep(struct piix4_pm *pm)
{
    unsigned type = pm->pm1_control >> CNTRL_SLP_TYP_SHIFT & 7;
    trace(ACPI, "sleep type %u", type);
    if (type == SLEEP_OFF || type == SLEEP_TO_DISK)
        machine_request(pm->machine, EVENT_SHUTDOWN, type == SLEEP_OFF ? "ACPI S5" : "ACPI S4");
    else
        trace(UNIMP, "piix4_pm: sleep type %u", type);
}

static u32 pm_dword(struct piix4_pm *pm, unsigned reg)
{
    switch (reg) {
    case PMSTS:
        latch_timer(pm);
        return pm->pm1_status | (u32)pm->pm1_enable << 16;
    case PMCNTRL:
        return pm->pm1_control;
    case PMTMR:
        return ticks(pm) & 0xffffff;
    case GLBCTL:
        return pm->global_control;
    case DEVCTL:
        return pm->device_control;
    case GPOREG:
        return pm->general_output;
    default:
        return 0;
    }
}

static u64 pm_read(void *opaque, u64 offset, unsigned size)
{
    struct piix4_pm *pm = opaque;
    unsigned reg = offset & (PM_PORTS - 4), shift = offset % 4 * 8;
    u64 value = pm_dword(pm, reg);
    if (shift + size * 8 > 32)
        value |= (u64)pm_dword(pm, (reg + 4) % PM_PORTS) << 32;
    return value >> shift;
}

static void set_byte16(u16 *reg, unsigned high, u8 value)
{
    *reg = high ? (*reg & 0x00ff) | value << 8 : (*reg & 0xff00) | value;
}

static void set_byte32(u32 *reg, unsigned byte, u8 value)
{
    *reg = (*reg & ~(0xffu << byte * 8)) | (u32)value << byte * 8;
}

static void clear_status(struct piix4_pm *pm, u16 bits)
{
    latch_timer(pm);
    pm->pm1_status &= ~(bits & PM1_STATUS_BITS);
    if (bits & PM1_TMR)
        await_next_toggle(pm);
}

static void pm_write_byte(struct piix4_pm *pm, unsigned reg, u8 value)
{
    switch (reg & ~1u) {
    case PMSTS:
        clear_status(pm, reg & 1 ? value << 8 : value);
        return;
    case PMEN:
        set_byte16(&pm->pm1_enable, reg & 1, value);
        return;
    case PMCNTRL:
        set_byte16(&pm->pm1_control, reg & 1, value);
        return;
    }
    switch (reg & ~3u) {
    case GLBCTL:
        set_byte32(&pm->global_control, reg & 3, value);
        return;
    case DEVCTL:
        set_byte32(&pm->device_control, reg & 3, value);
        return;
    case GPOREG:
        set_byte32(&pm->general_output, reg & 3, value);
        return;
    default:
        trace(UNIMP, "piix4_pm: write %02x to register %02x", value, reg);
    }
}

static void pm_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct piix4_pm *pm = opaque;
    trace(ACPI, "pm write %02x = %0*x", (unsigned)offset, size * 2, (unsigned)value);
    for (unsigned i = 0; i < size; i++)
        pm_write_byte(pm, (offset + i) % PM_PORTS, value >> (8 * i));
    pm->pm1_enable &= PM1_ENABLE_BITS;
    bool sleep = pm->pm1_control & CNTRL_SLP_EN; /* write-only: reads 0 */
    pm->pm1_control &= ~CNTRL_SLP_EN;
    update(pm);
    if (sleep)
        enter_sleep(pm);
}

/* Nothing answers on the bus: a transaction ends at once with a device error. */
static void smbus_start(struct piix4_pm *pm)
{
    pm->smb_status |= SMB_DEV_ERR;
    pm->smb_index = 0;
}

static u64 smbus_read(void *opaque, u64 offset, unsigned size)
{
    struct piix4_pm *pm = opaque;
    switch (offset) {
    case SMBHSTSTS:
        return pm->smb_status;
    case SMBHSTCNT:
        pm->smb_index = 0; /* PIIX4, "SMBBLKDAT": reading SMBHSTCNT resets the index */
        return pm->smb_control;
    case SMBHSTCMD:
        return pm->smb_command;
    case SMBHSTADD:
        return pm->smb_address;
    case SMBHSTDAT0:
        return pm->smb_data0;
    case SMBHSTDAT1:
        return pm->smb_data1;
    case SMBBLKDAT:
        return pm->smb_block[pm->smb_index++ % sizeof(pm->smb_block)];
    default:
        return 0;
    }
}

static void smbus_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct piix4_pm *pm = opaque;
    switch (offset) {
    case SMBHSTSTS:
        pm->smb_status &= ~(value & SMB_STATUS_BITS);
        break;
    case SMBHSTCNT:
        pm->smb_control = value & ~SMB_START;
        if (value & SMB_START)
            smbus_start(pm);
        break;
    case SMBHSTCMD:
        pm->smb_command = value;
        break;
    case SMBHSTADD:
        pm->smb_address = value;
        break;
    case SMBHSTDAT0:
        pm->smb_data0 = value;
        break;
    case SMBHSTDAT1:
        pm->smb_data1 = value;
        break;
    case SMBBLKDAT:
        pm->smb_block[pm->smb_index++ % sizeof(pm->smb_block)] = value;
        break;
    }
}

static u64 apm_read(void *opaque, u64 offset, unsigned size)
{
    struct piix4_pm *pm = opaque;
    return offset == 0 ? pm->apm_command : pm->apm_status;
}

/* On hardware the command raises SMI and the BIOS's handler flips SCI_EN.  With no SMM, the board does its work. */
static void apm_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct piix4_pm *pm = opaque;
    if (offset) {
        pm->apm_status = value;
        return;
    }
    trace(ACPI, "apm command %02x", (unsigned)value);
    pm->apm_command = value;
    if (value == PIIX4_ACPI_ENABLE)
        pm->pm1_control |= CNTRL_SCI_EN;
    else if (value == PIIX4_ACPI_DISABLE)
        pm->pm1_control &= ~CNTRL_SCI_EN;
    else
        trace(UNIMP, "piix4_pm: SMI for APM command %02x", (unsigned)value);
    update(pm);
}

static u64 gpe0_read(void *opaque, u64 offset, unsigned size)
{
    struct piix4_pm *pm = opaque;
    u32 both = pm->gpe0_status | (u32)pm->gpe0_enable << 16;
    return both >> (offset & 3) * 8 & 0xff;
}

static void gpe0_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct piix4_pm *pm = opaque;
    if (offset & 2)
        set_byte16(&pm->gpe0_enable, offset & 1, value);
    else
        pm->gpe0_status &= ~(offset & 1 ? value << 8 : value);
    update(pm);
}

static const struct bus_ops pm_ops = {.read = pm_read, .write = pm_write, .min_size = 1, .max_size = 4};
static const struct bus_ops smbus_ops = {.read = smbus_read, .write = smbus_write, .min_size = 1, .max_size = 1};
static const struct bus_ops apm_ops = {.read = apm_read, .write = apm_write, .min_size = 1, .max_size = 1};
static const struct bus_ops gpe0_ops = {.read = gpe0_read, .write = gpe0_write, .min_size = 1, .max_size = 1};

static void map_ports(struct piix4_pm *pm)
{
    const u8 *config = pm->pci.config;
    u16 base = (config[PMBA] & 0xc0) | config[PMBA + 1] << 8;
    ioports_move(pm->machine->ports, &pm->io, base, config[PMREGMISC] & 1 ? PM_PORTS : 0);
    base = (config[SMBBA] & 0xf0) | config[SMBBA + 1] << 8;
    ioports_move(pm->machine->ports, &pm->smbus, base, config[SMBHSTCFG] & 1 ? SMBUS_PORTS : 0);
}

static void config_written(struct pci_device *pci, unsigned reg, unsigned size)
{
    if (reg + size > PMBA)
        map_ports(container_of(pci, struct piix4_pm, pci));
}

void piix4_pm_power_button(struct piix4_pm *pm)
{
    trace(ACPI, "power button");
    pm->pm1_status |= PM1_PWRBTN;
    update(pm);
}

static void reset(void *state)
{
    struct piix4_pm *pm = state;
    pci_reset(&pm->pci);
    pm->pm1_status = pm->pm1_enable = pm->pm1_control = 0;
    pm->gpe0_status = pm->gpe0_enable = 0;
    pm->general_output = pm->global_control = pm->device_control = 0;
    pm->apm_command = pm->apm_status = 0;
    pm->smb_status = pm->smb_control = pm->smb_index = 0;
    pm->smb_command = pm->smb_address = pm->smb_data0 = pm->smb_data1 = 0;
    memset(pm->smb_block, 0, sizeof(pm->smb_block));
    await_next_toggle(pm);
    map_ports(pm);
    update(pm);
}

static void loaded(void *state)
{
    struct piix4_pm *pm = state;
    pci_loaded(&pm->pci);
    map_ports(pm);
    update(pm);
}

static const struct field fields[] = {
    FIELD_BLOB(struct piix4_pm, pci.config),
    FIELD(U16, struct piix4_pm, pm1_status),
    FIELD(U16, struct piix4_pm, pm1_enable),
    FIELD(U16, struct piix4_pm, pm1_control),
    FIELD(U16, struct piix4_pm, gpe0_status),
    FIELD(U16, struct piix4_pm, gpe0_enable),
    FIELD(U32, struct piix4_pm, general_output),
    FIELD(U32, struct piix4_pm, global_control),
    FIELD(U32, struct piix4_pm, device_control),
    FIELD(U8, struct piix4_pm, apm_command),
    FIELD(U8, struct piix4_pm, apm_status),
    FIELD(U64, struct piix4_pm, timer_overflow),
    FIELD(U8, struct piix4_pm, smb_status),
    FIELD(U8, struct piix4_pm, smb_control),
    FIELD(U8, struct piix4_pm, smb_command),
    FIELD(U8, struct piix4_pm, smb_address),
    FIELD(U8, struct piix4_pm, smb_data0),
    FIELD(U8, struct piix4_pm, smb_data1),
    FIELD_BLOB(struct piix4_pm, smb_block),
    FIELD(U8, struct piix4_pm, smb_index),
    FIELD_END,
};

const struct device_ops piix4_pm_ops = {
    .name = "piix4_pm",
    .version = 1,
    .fields = fields,
    .reset = reset,
    .loaded = loaded,
};

static void init_config(struct piix4_pm *pm)
{
    static const struct {
        u8 reg, value;
    } defaults[] = {
        {0x06, 0x80}, {0x07, 0x02}, {0x3d, 0x01}, {PMBA, 0x01},
        {DEVACTB + 3, 0x02}, /* APMC_EN already set: firmware takes its SMI handler as installed */
        {0x5f, 0x90}, {0x63, 0x60}, {0x67, 0x98}, {SMBBA, 0x01}, {SMBBA + 1, 0xb1}, {SMBHSTCFG, 0x09},
    };
    struct pci_device *pci = &pm->pci;

    pci_init(pci, "piix4-pm", 1 << 3 | 3, 0x8086, 0x7113, 0x03, 0x068000);
    pci_set_subsystem(pci, 0x1af4, 0x1100);
    for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
        pci->reset_config[defaults[i].reg] = defaults[i].value;
    memset(pci->writable + 0x40, 0xff, sizeof(pci->writable) - 0x40);
    pci->writable[PMBA] = 0xc0;
    pci->writable[PMBA + 2] = pci->writable[PMBA + 3] = 0;
    pci->writable[SMBBA] = 0xf0;
    pci->writable[SMBBA + 2] = pci->writable[SMBBA + 3] = 0;
    memcpy(pci->config, pci->reset_config, sizeof(pci->config));
    pci->config_written = config_written;
    pci->opaque = pm;
}

static struct port_range port_range(struct piix4_pm *pm, const char *name, u16 base, u32 count,
                                    const struct bus_ops *ops)
{
    return (struct port_range){.name = name, .base = base, .count = count, .ops = ops, .opaque = pm};
}

int piix4_pm_init(struct piix4_pm *pm, struct machine *machine, struct irq sci)
{
    *pm = (struct piix4_pm){.machine = machine, .sci = sci};
    init_config(pm);
    int r = pci_add(machine->pci, &pm->pci);
    if (r < 0)
        return r;
    timer_init(&pm->timer, machine->clock, timer_fired, pm);
    await_next_toggle(pm);
    pm->io = port_range(pm, "piix4-pm", 0, 0, &pm_ops);
    pm->smbus = port_range(pm, "piix4-smbus", 0, 0, &smbus_ops);
    pm->apm = port_range(pm, "piix4-apm", 0xb2, 2, &apm_ops);
    pm->gpe0 = port_range(pm, "piix4-gpe0", PIIX4_GPE0_BASE, 4, &gpe0_ops);
    ioports_add(machine->ports, &pm->apm);
    ioports_add(machine->ports, &pm->gpe0);
    map_ports(pm);
    device_add(&machine->devices, &pm->device, &piix4_pm_ops, pm, "piix4_pm");
    return 0;
}
