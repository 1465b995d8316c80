#include "devices/i440fx.h"

#include <errno.h>
#include <string.h>

#include "machine/trace.h"

enum {
    PAM0 = 0x59,    /* bits 5:4: F0000-FFFFF */
    PAM1 = 0x5a,    /* low nibble C0000-C3FFF, high nibble C4000-C7FFF; 5Bh-5Fh go on from there */
    DRAM_SIZE = 0x57, /* RAM in units of 8 MiB where the datasheet has a DRAM timing register: for coreboot */
    SMRAM = 0x72,
};

#define PAM_RE 1
#define PAM_WE 2

#define SMRAM_D_OPEN 0x40
#define SMRAM_D_CLS 0x20
#define SMRAM_D_LCK 0x10
#define SMRAM_G_SMRAME 0x08

#define VGA_WINDOW 0xa0000
#define PAM_START 0xc0000
#define PAM_END 0x100000
#define PAM_PIECE 0x4000
#define BIOS_PIECE 12 /* F0000-FFFFF, the last one, is 64 KiB */

enum { PRIORITY_RAM = 0, PRIORITY_PAM = 20, PRIORITY_SMRAM = 20 };

u64 i440fx_lowmem(u64 ram_size)
{
    return ram_size < I440FX_LOWMEM_LIMIT ? ram_size : I440FX_LOWMEM_SPLIT;
}

static unsigned pam_attributes(const struct i440fx *bridge, int piece)
{
    const u8 *config = bridge->pci.config;
    if (piece == BIOS_PIECE)
        return config[PAM0] >> 4 & 3;
    return config[PAM1 + piece / 2] >> (piece % 2 * 4) & 3;
}

static void update_pam(struct i440fx *bridge, int piece)
{
    struct i440fx_pam *pam = &bridge->pam[piece];
    unsigned attributes = pam_attributes(bridge, piece);
    memory_enable(pam->memory, &pam->ram, attributes == (PAM_RE | PAM_WE));
    memory_enable(pam->memory, &pam->read_only, attributes == PAM_RE);
    memory_enable(pam->memory, &pam->write_only, attributes == PAM_WE);
}

/* 82441FX, "SMRAM": setting D_LCK clears D_OPEN, and then D_LCK, D_OPEN, G_SMRAME and C_BASE_SEG cannot be changed. */
static void update_smram(struct i440fx *bridge)
{
    u8 *smram = &bridge->pci.config[SMRAM];
    if (*smram & SMRAM_D_LCK)
        *smram &= ~SMRAM_D_OPEN;
    bridge->pci.writable[SMRAM] =
        *smram & SMRAM_D_LCK ? SMRAM_D_CLS : SMRAM_D_OPEN | SMRAM_D_CLS | SMRAM_D_LCK | SMRAM_G_SMRAME;
    if ((*smram & (SMRAM_D_LCK | SMRAM_G_SMRAME)) == (SMRAM_D_LCK | SMRAM_G_SMRAME))
        trace(UNIMP, "i440fx: SMRAM locked for SMM, which no CPU here enters");
    memory_enable(bridge->machine->memory, &bridge->smram, *smram & SMRAM_D_OPEN);
}

static void update(struct i440fx *bridge)
{
    memory_begin(bridge->machine->memory);
    for (int piece = 0; piece < I440FX_PAM_PIECES; piece++)
        update_pam(bridge, piece);
    update_smram(bridge);
    memory_commit(bridge->machine->memory);
}

static void config_written(struct pci_device *pci, unsigned reg, unsigned size)
{
    if (reg + size > PAM0 && reg <= SMRAM)
        update(container_of(pci, struct i440fx, pci));
}

static u64 shadow_read(void *opaque, u64 offset, unsigned size)
{
    return ~0ull; /* reads come from the region's host memory */
}

static void shadow_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct i440fx_pam *pam = opaque;
    for (unsigned i = 0; i < size; i++)
        pam->host[offset + i] = value >> (8 * i);
    pam->flags[offset / 4096] |= PAGE_DIRTY_VGA | PAGE_DIRTY_SAVE;
}

static const struct bus_ops shadow_ops = {.read = shadow_read, .write = shadow_write, .min_size = 1, .max_size = 8};

static struct region ram_region(struct i440fx *bridge, const char *name, u64 base, u64 size, u64 ram_offset)
{
    struct machine *machine = bridge->machine;
    return (struct region){
        .name = name,
        .kind = REGION_RAM,
        .base = base,
        .size = size,
        .priority = PRIORITY_RAM,
        .enabled = true,
        .host = machine->ram + ram_offset,
        .page_flags = machine->ram_flags + ram_offset / 4096,
    };
}

static void init_pam(struct i440fx *bridge, int piece, u8 *rom)
{
    struct i440fx_pam *pam = &bridge->pam[piece];
    u64 base = PAM_START + (u64)piece * PAM_PIECE;
    u64 size = piece == BIOS_PIECE ? PAM_END - base : PAM_PIECE;

    pam->memory = bridge->machine->memory;
    pam->ram = ram_region(bridge, "pam-ram", base, size, base);
    pam->ram.priority = PRIORITY_PAM;
    pam->ram.enabled = false;
    pam->host = pam->ram.host;
    pam->flags = pam->ram.page_flags;

    pam->read_only = pam->ram;
    pam->read_only.name = "pam-rom";
    pam->read_only.kind = REGION_ROM;

    pam->write_only = pam->ram;
    pam->write_only.name = "pam-write-only";
    pam->write_only.kind = REGION_ROMD;
    pam->write_only.ops = &shadow_ops;
    pam->write_only.opaque = pam;
    pam->write_only.host = base >= 0xe0000 ? rom + (base - 0xe0000) : bridge->empty;
    pam->write_only.page_flags = bridge->empty_flags;

    memory_add(pam->memory, &pam->ram);
    memory_add(pam->memory, &pam->read_only);
    memory_add(pam->memory, &pam->write_only);
}

static void init_ram(struct i440fx *bridge)
{
    struct machine *machine = bridge->machine;
    u64 lowmem = i440fx_lowmem(machine->ram_size);

    bridge->low = ram_region(bridge, "ram", 0, VGA_WINDOW, 0);
    memory_add(machine->memory, &bridge->low);
    if (lowmem > PAM_END) {
        bridge->high = ram_region(bridge, "ram", PAM_END, lowmem - PAM_END, PAM_END);
        memory_add(machine->memory, &bridge->high);
    }
    if (machine->ram_size > lowmem) {
        bridge->above_4g = ram_region(bridge, "ram-above-4g", 1ull << 32, machine->ram_size - lowmem, lowmem);
        memory_add(machine->memory, &bridge->above_4g);
    }
    bridge->smram = ram_region(bridge, "smram", VGA_WINDOW, PAM_START - VGA_WINDOW, VGA_WINDOW);
    bridge->smram.priority = PRIORITY_SMRAM;
    bridge->smram.enabled = false;
    memory_add(machine->memory, &bridge->smram);
}

static void reset(void *state)
{
    struct i440fx *bridge = state;
    pci_reset(&bridge->pci);
    update(bridge);
}

static void loaded(void *state)
{
    struct i440fx *bridge = state;
    pci_loaded(&bridge->pci);
    update(bridge);
}

static const struct field fields[] = {
    FIELD_BLOB(struct i440fx, pci.config),
    FIELD_END,
};

const struct device_ops i440fx_ops = {
    .name = "i440fx",
    .version = 1,
    .fields = fields,
    .reset = reset,
    .loaded = loaded,
};

static void init_config(struct i440fx *bridge)
{
    struct pci_device *pci = &bridge->pci;
    pci_init(pci, "i440fx", 0, 0x8086, 0x1237, 0x02, 0x060000);
    pci_set_subsystem(pci, 0x1af4, 0x1100);
    memset(pci->writable + 0x40, 0xff, sizeof(pci->writable) - 0x40);
    /* 82441FX, "PCI Configuration Registers": PCICMD 0006h, PCISTS 0280h. */
    pci->reset_config[0x04] = 0x06;
    pci->reset_config[0x06] = 0x80;
    pci->reset_config[0x07] = 0x02;
    pci->reset_config[DRAM_SIZE] = MIN(bridge->machine->ram_size >> 23, 255);
    pci->reset_config[SMRAM] = 0x02;
    memcpy(pci->config, pci->reset_config, sizeof(pci->config));
    pci->config_written = config_written;
    pci->opaque = bridge;
}

int i440fx_init(struct i440fx *bridge, struct machine *machine, u8 *rom)
{
    *bridge = (struct i440fx){.machine = machine};
    bridge->empty = memory_alloc(PAM_PIECE);
    if (!bridge->empty)
        return -ENOMEM;
    memset(bridge->empty, 0xff, PAM_PIECE);

    init_config(bridge);
    int r = pci_add(machine->pci, &bridge->pci);
    if (r < 0)
        return r;
    memory_begin(machine->memory);
    init_ram(bridge);
    for (int piece = 0; piece < I440FX_PAM_PIECES; piece++)
        init_pam(bridge, piece, rom);
    update(bridge);
    memory_commit(machine->memory);
    device_add(&machine->devices, &bridge->device, &i440fx_ops, bridge, "i440fx");
    return 0;
}

void i440fx_destroy(struct i440fx *bridge)
{
    memory_free(bridge->empty, PAM_PIECE);
    bridge->empty = NULL;
}
