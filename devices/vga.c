/*
 * VGA: the registers.
 *
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Video Subsystem"; FreeVGA, "VGA Registers".
 * Modelled: Miscellaneous Output, sequencer, CRT controller with its write protection, graphics and attribute
 *   controllers, DAC with 6- and 8-bit components and the comparator at its outputs.  Timing is in vga_timing.c, what
 *   the registers show in vga_draw.c, the memory window in vga_memory.c and vga_text_window.c, high resolutions in vga_dispi.c.
 * Not modelled: vertical retrace interrupt (the PCI function has none and no software of this board uses it), light
 *   pen, diagnostics bits.
 */
#include "devices/vga.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/vga_internal.h"
#include "machine/machine.h"
#include "machine/trace.h"

#define PRIORITY_WINDOW 1
#define PRIORITY_DIRECT 2
#define ISA_FRAME_BUFFER 0xe0000000u

/* Bits that exist. */
static const u8 sr_bits[8] = {0x03, 0x3d, 0x0f, 0x3f, 0x0e};
static const u8 gr_bits[16] = {0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff};
static const u8 ar_bits[32] = {0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
                               0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0xef, 0xff, 0x3f, 0x0f, 0x0f};

#define CR_COUNT 0x19
#define CR11_PROTECT 0x80
#define CR07_LINE_COMPARE_8 0x10

enum { DAC_WRITING = 0, DAC_READING = 3 };

static u8 read_status1(struct vga *vga)
{
    vga->ar_data = false;
    return vga_retrace_status(vga);
}

/* DAC. */

static bool wide_dac(const struct vga *vga)
{
    return vga->dispi[DISPI_ENABLE] & DISPI_8BIT_DAC;
}

static void write_dac(struct vga *vga, u8 value)
{
    vga->dac_cache[vga->dac_component % 3] = wide_dac(vga) ? value : value & 0x3f;
    if (++vga->dac_component < 3)
        return;
    vga->dac_component = 0;
    vga_raster_note(vga, RASTER_DAC, vga->dac_write_index, vga->dac_cache);
    memcpy(vga->palette + vga->dac_write_index * 3, vga->dac_cache, 3);
    vga->dac_write_index++;
}

static u8 read_dac(struct vga *vga)
{
    u8 value = vga->palette[vga->dac_read_index * 3 + vga->dac_component % 3];
    if (++vga->dac_component >= 3) {
        vga->dac_component = 0;
        vga->dac_read_index++;
    }
    return value;
}

/* Input Status 0, "Switch Sense": the comparator at the DAC's outputs.  A monitor's termination keeps colours of less
 * than half the scale below its reference; without one (not modelled) they would be above.  Unverified: which colour
 * is at the outputs when the program looks; the border's here, as in blanked time. */
static u8 switch_sense(const struct vga *vga)
{
    const u8 *color = vga->palette + (vga->ar[AR_OVERSCAN] & vga->dac_mask) * 3;
    u8 half = wide_dac(vga) ? 0x80 : 0x20;
    return color[0] < half && color[1] < half && color[2] < half ? 0x10 : 0x00;
}

/* Attribute controller: one port for index and data. */

static void write_attribute(struct vga *vga, u8 value)
{
    u8 index = vga->ar_index & 0x1f;
    if (!vga->ar_data) {
        vga->ar_index = value & 0x3f;
    } else {
        value &= ar_bits[index];
        vga_raster_note(vga, RASTER_ATTRIBUTE, index, &value);
        vga->ar[index] = value;
    }
    vga->ar_data = !vga->ar_data;
}

/* CRT controller. */

static void write_crtc(struct vga *vga, u8 value)
{
    unsigned index = vga->cr_index & 0x1f;
    if (index >= CR_COUNT)
        return;
    if (index <= CR_OVERFLOW && vga->cr[CR_VERTICAL_RETRACE_END] & CR11_PROTECT) {
        if (index != CR_OVERFLOW)
            return;
        value = (u8)((vga->cr[index] & ~CR07_LINE_COMPARE_8) | (value & CR07_LINE_COMPARE_8));
    }
    if (index == CR_START_HIGH || index == CR_START_LOW || index == CR_PRESET_ROW_SCAN)
        vga_start_changes(vga);
    vga->cr[index] = value;
}

/* Ports. */

static bool answers(const struct vga *vga, unsigned port)
{
    bool color = vga->misc & MISC_COLOR;
    if ((port & 0xff0) == 0x3b0)
        return !color;
    return (port & 0xff0) == 0x3d0 ? color : true;
}

u8 vga_port_read(struct vga *vga, unsigned port)
{
    u8 value;
    if (!answers(vga, port))
        return 0xff;
    if (vga->extension && vga->extension->read && vga->extension->read(vga->extension_opaque, port, &value))
        return value;
    switch (port) {
    case 0x3c0:
        return vga->ar_index;
    case 0x3c1:
        return vga->ar[vga->ar_index & 0x1f];
    case 0x3c2:
        return switch_sense(vga);
    case 0x3c3:
        return 0x01; /* video subsystem enabled */
    case 0x3c4:
        return vga->sr_index;
    case 0x3c5:
        return vga->sr[vga->sr_index & 7];
    case 0x3c6:
        return vga->dac_mask;
    case 0x3c7:
        return vga->dac_state;
    case 0x3c8:
        return vga->dac_write_index;
    case 0x3c9:
        return read_dac(vga);
    case 0x3ca:
        return vga->feature;
    case 0x3cc:
        return vga->misc;
    case 0x3ce:
        return vga->gr_index;
    case 0x3cf:
        return vga->gr[vga->gr_index & 15];
    case 0x3b4:
    case 0x3d4:
        return vga->cr_index;
    case 0x3b5:
    case 0x3d5:
        return vga->cr[vga->cr_index & 0x1f];
    case 0x3ba:
    case 0x3da:
        return read_status1(vga);
    default:
        return 0xff;
    }
}

static void write_dac_port(struct vga *vga, unsigned port, u8 value)
{
    switch (port) {
    case 0x3c6:
        vga_raster_note(vga, RASTER_DAC_MASK, 0, &value);
        vga->dac_mask = value;
        break;
    case 0x3c7:
        vga->dac_read_index = value;
        vga->dac_component = 0;
        vga->dac_state = DAC_READING;
        break;
    case 0x3c8:
        vga->dac_write_index = value;
        vga->dac_component = 0;
        vga->dac_state = DAC_WRITING;
        break;
    default:
        write_dac(vga, value);
        break;
    }
}

static void write_index_or_data(struct vga *vga, unsigned port, u8 value)
{
    unsigned index;
    switch (port) {
    case 0x3c4:
        vga->sr_index = value & 7;
        break;
    case 0x3c5:
        index = vga->sr_index & 7;
        vga->sr[index] = value & sr_bits[index];
        break;
    case 0x3ce:
        vga->gr_index = value & 15;
        break;
    case 0x3cf:
        index = vga->gr_index & 15;
        vga->gr[index] = value & gr_bits[index];
        break;
    case 0x3b4:
    case 0x3d4:
        vga->cr_index = value & 0x1f;
        break;
    case 0x3b5:
    case 0x3d5:
        write_crtc(vga, value);
        break;
    default:
        break;
    }
}

void vga_port_write(struct vga *vga, unsigned port, u8 value)
{
    if (!answers(vga, port))
        return;
    vga->changed = true;
    if (vga->extension && vga->extension->write && vga->extension->write(vga->extension_opaque, port, value))
        return;
    switch (port) {
    case 0x3c0:
        write_attribute(vga, value);
        break;
    case 0x3c2:
        vga->misc = value;
        break;
    case 0x3c6:
    case 0x3c7:
    case 0x3c8:
    case 0x3c9:
        write_dac_port(vga, port, value);
        break;
    case 0x3ba:
    case 0x3da:
        vga->feature = value;
        break;
    default:
        write_index_or_data(vga, port, value);
        break;
    }
    if (port == 0x3c2 || port == 0x3c5 || port == 0x3cf)
        vga_update_direct(vga);
}

#define PORT_OPS(name, base)                                                                                           \
    static u64 name##_read(void *opaque, u64 offset, unsigned size)                                                    \
    {                                                                                                                  \
        return vga_port_read(opaque, (base) + (unsigned)offset);                                                       \
    }                                                                                                                  \
    static void name##_write(void *opaque, u64 offset, u64 value, unsigned size)                                       \
    {                                                                                                                  \
        vga_port_write(opaque, (base) + (unsigned)offset, (u8)value);                                                  \
    }                                                                                                                  \
    static const struct bus_ops name##_ops = {.read = name##_read, .write = name##_write, .min_size = 1, .max_size = 1}

PORT_OPS(mono_crtc, 0x3b4);
PORT_OPS(mono_status, 0x3ba);
PORT_OPS(vga_ports, 0x3c0);
PORT_OPS(color_crtc, 0x3d4);
PORT_OPS(color_status, 0x3da);

/* The chip's table. */

static void reset(void *state)
{
    struct vga *vga = state;
    if (vga->pci.bus)
        pci_reset(&vga->pci);
    vga->misc = vga->feature = 0;
    vga->sr_index = vga->cr_index = vga->gr_index = vga->ar_index = 0;
    memset(vga->sr, 0, sizeof(vga->sr));
    memset(vga->cr, 0, sizeof(vga->cr));
    memset(vga->gr, 0, sizeof(vga->gr));
    memset(vga->ar, 0, sizeof(vga->ar));
    memset(vga->latch, 0, sizeof(vga->latch));
    memset(vga->palette, 0, sizeof(vga->palette));
    memset(vga->dac_cache, 0, sizeof(vga->dac_cache));
    vga->ar_data = false;
    vga->dac_mask = 0xff;
    vga->dac_read_index = vga->dac_write_index = vga->dac_state = vga->dac_component = 0;
    vga->start_retrace = UINT64_MAX;
    vga->start_shown = vga->preset_shown = 0;
    vga->raster[0].used = vga->raster[1].used = false;
    vga_dispi_reset(vga);
    vga_update_direct(vga);
    vga->changed = true;
}

static void saving(void *state)
{
    vga_text_sync(state);
}

static void loaded(void *state)
{
    struct vga *vga = state;
    vga_text_forget(vga);
    vga_gather_end(vga);
    if (vga->pci.bus)
        pci_loaded(&vga->pci);
    vga->raster[0].used = vga->raster[1].used = false;
    for (u32 page = 0; page < vga->vram_size / 4096; page++)
        vga_mark_dirty(vga, page * 4096);
    vga_update_direct(vga);
    vga->changed = true;
}

static int check(const void *state)
{
    const struct vga *vga = state;
    const u16 *r = vga->dispi;
    if (vga->dac_component > 2)
        return -EINVAL;
    if (!vga_dispi_on(vga))
        return 0;
    bool sane = r[DISPI_XRES] >= 8 && r[DISPI_YRES] && r[DISPI_VIRT_WIDTH] >= r[DISPI_XRES];
    return sane && vga_dispi_valid_bpp(r[DISPI_BPP]) == r[DISPI_BPP] ? 0 : -EINVAL;
}

static const struct field fields[] = {
    FIELD_BLOB(struct vga, pci.config),
    FIELD(U8, struct vga, misc),
    FIELD(U8, struct vga, feature),
    FIELD(U8, struct vga, sr_index),
    FIELD_BLOB(struct vga, sr),
    FIELD(U8, struct vga, cr_index),
    FIELD_BLOB(struct vga, cr),
    FIELD(U8, struct vga, gr_index),
    FIELD_BLOB(struct vga, gr),
    FIELD(U8, struct vga, ar_index),
    FIELD_BLOB(struct vga, ar),
    FIELD(BOOL, struct vga, ar_data),
    FIELD_BLOB(struct vga, latch),
    FIELD(U8, struct vga, dac_mask),
    FIELD(U8, struct vga, dac_read_index),
    FIELD(U8, struct vga, dac_write_index),
    FIELD(U8, struct vga, dac_state),
    FIELD(U8, struct vga, dac_component),
    FIELD_BLOB(struct vga, dac_cache),
    FIELD_BLOB(struct vga, palette),
    FIELD(U16, struct vga, dispi_index),
    FIELD_ARRAY(U16, struct vga, dispi),
    FIELD(U64, struct vga, start_retrace),
    FIELD(U16, struct vga, start_shown),
    FIELD(U8, struct vga, preset_shown),
    FIELD_MEMORY_OF(struct vga, vram, vram_size),
    FIELD_END,
};

static const struct device_ops vga_ops = {
    .name = "vga",
    .version = 1,
    .fields = fields,
    .reset = reset,
    .saving = saving,
    .loaded = loaded,
    .check = check,
};

/* Wiring. */

static void add_port(struct vga *vga, struct port_range *range, u16 base, u16 count, const struct bus_ops *ops)
{
    *range = (struct port_range){.name = "vga", .base = base, .count = count, .ops = ops, .opaque = vga};
    ioports_add(vga->machine->ports, range);
}

static void add_ports(struct vga *vga)
{
    struct {
        struct port_range *range;
        u16 base, count;
        const struct bus_ops *ops;
    } all[] = {
        {&vga->mono_crtc, 0x3b4, 2, &mono_crtc_ops},
        {&vga->mono_status, 0x3ba, 1, &mono_status_ops},
        {&vga->vga_ports, 0x3c0, 16, &vga_ports_ops},
        {&vga->color_crtc, 0x3d4, 2, &color_crtc_ops},
        {&vga->color_status, 0x3da, 1, &color_status_ops},
    };
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        add_port(vga, all[i].range, all[i].base, all[i].count, all[i].ops);
}

static void add_dispi_ports(struct vga *vga)
{
    /* 16-bit registers at adjacent ports: an access belongs to the port where it starts. */
    add_port(vga, &vga->dispi_index_port, 0x1ce, 2, &vga_dispi_index_ops);
    add_port(vga, &vga->dispi_data_port, 0x1cf, 2, &vga_dispi_data_ops);
    add_port(vga, &vga->dispi_data_port2, 0x1d0, 2, &vga_dispi_data_ops);
}

static void add_regions(struct vga *vga)
{
    vga->window = (struct region){.name = "vga-window", .kind = REGION_MMIO, .base = VGA_WINDOW_BASE, .size = 0x20000,
                                  .priority = PRIORITY_WINDOW, .enabled = true, .ops = &vga_window_ops, .opaque = vga};
    vga->direct = (struct region){.name = "vga-direct", .kind = REGION_RAM, .base = VGA_WINDOW_BASE, .size = 0x10000,
                                  .priority = PRIORITY_DIRECT, .log_dirty = true, .host = vga->vram,
                                  .page_flags = vga->vram_flags};
    vga->frame_buffer = (struct region){.name = "vga-frame-buffer", .kind = REGION_RAM, .base = ISA_FRAME_BUFFER,
                                        .size = vga->vram_size, .priority = PRIORITY_WINDOW, .log_dirty = true,
                                        .ops = &vga_text_linear_ops, .opaque = vga, .host = vga->vram,
                                        .page_flags = vga->vram_flags};
    vga->registers = (struct region){.name = "vga-registers", .kind = REGION_MMIO, .size = 0x1000,
                                     .priority = PRIORITY_WINDOW, .ops = &vga_registers_ops, .opaque = vga};
    memory_add(vga->machine->memory, &vga->window);
    memory_add(vga->machine->memory, &vga->direct);
}

/* A BAR's size is a power of two. */
static int copy_rom(struct vga *vga, const u8 *rom, u32 size)
{
    if (!rom || !size)
        return 0;
    for (vga->rom_size = 4096; vga->rom_size < size; vga->rom_size *= 2)
        ;
    vga->rom = memory_alloc(vga->rom_size);
    vga->rom_flags = calloc(vga->rom_size / 4096, 1);
    if (!vga->rom || !vga->rom_flags)
        return -ENOMEM;
    memcpy(vga->rom, rom, size);
    vga->rom_region = (struct region){.name = "vga-rom", .kind = REGION_ROM, .size = vga->rom_size,
                                      .priority = PRIORITY_WINDOW, .host = vga->rom, .page_flags = vga->rom_flags};
    return 0;
}

static int add_function(struct vga *vga, struct pci_bus *bus)
{
    struct pci_device *pci = &vga->pci;
    pci_init(pci, "vga", 2 << 3, 0x1234, 0x1111, 0x02, 0x030000);
    pci_set_subsystem(pci, 0x1af4, 0x1100);
    pci->bars[0] = (struct pci_bar){PCI_BAR_MEM_PREFETCH, vga->vram_size, &vga->frame_buffer, NULL};
    pci->bars[2] = (struct pci_bar){PCI_BAR_MEM, 0x1000, &vga->registers, NULL};
    if (vga->rom)
        pci->bars[6] = (struct pci_bar){PCI_BAR_ROM, vga->rom_size, &vga->rom_region, NULL};
    pci->opaque = vga;
    return pci_add(bus, pci);
}

int vga_init_core(struct vga *vga, struct machine *machine, u32 vram_size)
{
    memset(vga, 0, sizeof(*vga));
    vga->machine = machine;
    vga->vram_size = vram_size;
    vga->vram = memory_alloc(vram_size);
    vga->vram_flags = calloc(vram_size / 4096, 1);
    if (!vga->vram || !vga->vram_flags || vga_canvas_create(vga) < 0 || vga_text_create(vga, PRIORITY_DIRECT) < 0)
        return -ENOMEM;
    add_ports(vga);
    add_regions(vga);
    machine->display = (struct display){.render = vga_render, .text = vga_text, .changed = vga_changed,
                                        .generation = vga_generation, .opaque = vga};
    device_add(&machine->devices, &vga->device_entry, &vga_ops, vga, "vga");
    reset(vga);
    return 0;
}

int vga_init(struct vga *vga, struct machine *machine, struct pci_bus *bus, const struct vga_config *config)
{
    u32 size = config->vram_size ? config->vram_size : VGA_VRAM_SIZE;
    if (config->rom_size > VGA_ROM_MAX)
        return -EFBIG;
    int r = vga_init_core(vga, machine, size);
    if (r < 0)
        return r;
    if (bus && copy_rom(vga, config->rom, config->rom_size) < 0)
        return -ENOMEM;
    vga->linear_view = &vga->frame_buffer;
    vga_make_edid(vga);
    add_dispi_ports(vga);
    if (!bus) {
        vga->frame_buffer.enabled = true;
        memory_add(machine->memory, &vga->frame_buffer);
    } else if (add_function(vga, bus) < 0) {
        return -EBUSY;
    }
    reset(vga);
    return 0;
}

void vga_destroy(struct vga *vga)
{
    vga_canvas_destroy(vga);
    vga_text_destroy(vga);
    memory_free(vga->vram, vga->vram_size);
    memory_free(vga->rom, vga->rom_size);
    free(vga->vram_flags);
    free(vga->rom_flags);
}
