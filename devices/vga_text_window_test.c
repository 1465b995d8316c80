/*
 * Text memory as RAM: when it is, what each way to the planes shows of it, and that no program sees a difference.
 * "The planes": plane p of offset o, IBM VGA manual, "Video Memory Organization"; in odd/even modes offset o has the bytes of
 * addresses o & ~1 (plane 0) and o | 1 (plane 1).
 */
#include "devices/cirrus.h"
#include "devices/vga.h"
#include "devices/vga_internal.h"
#include "machine/machine.h"
#include "tests/random.h"
#include "tests/unit.h"

#define FRAME_BUFFER 0xe0000000u
#define BAR1 0xf0000000u
#define TEXT 0xb8000u

/* A board with one of the two chips. */
struct rig {
    struct machine machine;
    struct vga std;
    struct cirrus cirrus;
    struct vga *vga;
};
static struct rig rigs[2], *rig = &rigs[0];

static u64 executed; /* nanoseconds */

static u64 instructions(void *opaque)
{
    return executed;
}

static void out(u16 port, u8 value)
{
    ioports_write(rig->machine.ports, port, value, 1);
}

static void indexed(u16 port, u8 index, u8 value)
{
    out(port, index);
    out(port + 1, value);
}

static u64 load(u32 address, unsigned size)
{
    return memory_load(rig->machine.memory, address, size);
}

static void store(u32 address, u64 value, unsigned size)
{
    memory_store(rig->machine.memory, address, value, size);
}

static void set_dispi(u16 index, u16 value)
{
    ioports_write(rig->machine.ports, 0x1ce, index, 2);
    ioports_write(rig->machine.ports, 0x1cf, value, 2);
}

/* The registers of mode 3 that decide where bytes go, and those that show its picture. */
static void mode_3(void)
{
    static const u8 crtc[] = {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00,
                              0x00, 0x00, 0x00, 0x9c, 0x0e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff};
    out(0x3c2, 0x67);
    for (u8 i = 0; i < sizeof(crtc); i++)
        indexed(0x3d4, i, crtc[i]);
    indexed(0x3c4, 1, 0x00);
    indexed(0x3c4, 2, 0x03);
    indexed(0x3c4, 4, 0x02);
    for (u8 i = 0; i < 5; i++)
        indexed(0x3ce, i, 0x00);
    indexed(0x3ce, 5, 0x10);
    indexed(0x3ce, 6, 0x0e);
    indexed(0x3ce, 8, 0xff);
    ioports_read(rig->machine.ports, 0x3da, 1);
    out(0x3c0, 0x20);
}

/* Reads enough for the memory map to change, without changing a byte; it stays so for a while. */
static void use(void)
{
    for (int i = 0; i < 300; i++)
        load(TEXT, 1);
    executed += NS_PER_SEC;
}

static void plug_in(bool cirrus)
{
    struct machine *machine = &rig->machine;
    *machine = (struct machine){.ports = ioports_create(), .memory = memory_create(), .clock = clock_create()};
    machine->pci = pci_create(machine->memory, machine->ports);
    clock_use_icount(machine->clock, 0, instructions, NULL);
    rig->vga = cirrus ? &rig->cirrus.vga : &rig->std;
    const struct vga_config config = {.vram_size = 1u << 20};
    CHECK_EQ(cirrus ? cirrus_init(&rig->cirrus, machine, machine->pci, &config)
                    : vga_init(&rig->std, machine, machine->pci, &config), 0);
    pci_config_write(machine->pci, 2 << 3, 0x10, FRAME_BUFFER, 4);
    if (cirrus)
        pci_config_write(machine->pci, 2 << 3, 0x14, BAR1, 4);
    pci_config_write(machine->pci, 2 << 3, 0x04, 3, 2);
    if (cirrus)
        indexed(0x3c4, 6, 0x12); /* its extensions are unlocked */
}

static void unplug(void)
{
    if (rig->vga == &rig->std)
        vga_destroy(&rig->std);
    else
        cirrus_destroy(&rig->cirrus);
    pci_destroy(rig->machine.pci);
    ioports_destroy(rig->machine.ports);
    memory_destroy(rig->machine.memory);
    clock_destroy(rig->machine.clock);
}

static void setup(bool cirrus)
{
    plug_in(cirrus);
    mode_3();
    use();
}

static const u8 *planes(u32 offset)
{
    return rig->vga->vram + offset * 4;
}

TEST(text_memory_becomes_ram_after_some_accesses_of_a_cpu)
{
    for (int cirrus = 0; cirrus < 2; cirrus++) {
        plug_in(cirrus);
        mode_3();
        rig->machine.current_cpu = -1; /* DMA */
        use();
        CHECK(!vga_text_is_mapped(rig->vga));
        rig->machine.current_cpu = 0;
        store(TEXT + 7, 0x1f, 1);
        CHECK(!vga_text_is_mapped(rig->vga));
        CHECK_EQ(planes(6)[1], 0x1f);
        use();
        CHECK(vga_text_is_mapped(rig->vga));
        const struct range *range = memory_find(rig->machine.memory, TEXT);
        CHECK(range->region->kind == REGION_RAM);
        CHECK(range->start == TEXT && range->end == TEXT + 0x8000);
        CHECK_EQ(load(TEXT + 7, 1), 0x1f);
        unplug();
    }
}

TEST(who_often_takes_the_ram_away_waits_longer_for_it)
{
    plug_in(false);
    for (int i = 0; i < 4; i++) {
        mode_3();
        for (int n = 0; n < 10000 && !vga_text_is_mapped(rig->vga); n++)
            load(TEXT, 1);
        CHECK(vga_text_is_mapped(rig->vga));
        indexed(0x3c4, 2, 0x04);
    }
    mode_3();
    use();
    CHECK(!vga_text_is_mapped(rig->vga));
    for (int n = 0; n < 10000; n++)
        load(TEXT, 1);
    CHECK(vga_text_is_mapped(rig->vga));
    executed += NS_PER_SEC; /* it was worth it */
    indexed(0x3c4, 2, 0x04);
    mode_3();
    use();
    CHECK(vga_text_is_mapped(rig->vga));
    unplug();
}

TEST(the_monochrome_window_and_cga_graphics_are_ram_too)
{
    setup(false);
    indexed(0x3ce, 6, 0x0a); /* memory map 2 */
    CHECK(!vga_text_is_mapped(rig->vga));
    for (int i = 0; i < 300; i++)
        store(0xb0000 + 2, 0x5a, 1);
    CHECK(vga_text_is_mapped(rig->vga));
    CHECK(memory_find(rig->machine.memory, 0xb0000)->region->kind == REGION_RAM);
    CHECK_EQ(load(TEXT, 1), 0xff); /* nothing answers there */
    indexed(0x3ce, 5, 0x30); /* mode 4: shift interleave, odd/even, graphics */
    indexed(0x3ce, 6, 0x0f);
    use();
    CHECK(vga_text_is_mapped(rig->vga));
    CHECK_EQ(load(TEXT + 2, 1), 0x5a);
    unplug();
}

/* One register each, by which a byte goes another way. */
static const struct {
    u16 port;
    u8 index, value;
} ways_out[] = {
    {0x3c2, 0, 0x65},    /* memory off */
    {0x3c4, 2, 0x01},    /* only plane 0 */
    {0x3c4, 2, 0x07},    /* plane 2, too: fonts */
    {0x3c4, 2, 0x0f},
    {0x3c4, 4, 0x06},    /* sequential */
    {0x3c4, 4, 0x0a},    /* chain 4 */
    {0x3ce, 1, 0x01},    /* set/reset */
    {0x3ce, 3, 0x01},    /* rotate */
    {0x3ce, 3, 0x18},    /* XOR */
    {0x3ce, 4, 0x02},    /* reads planes 2 and 3 */
    {0x3ce, 5, 0x11},    /* write modes */
    {0x3ce, 5, 0x12},
    {0x3ce, 5, 0x18},    /* read mode 1 */
    {0x3ce, 5, 0x00},    /* reads one plane */
    {0x3ce, 6, 0x0c},    /* A0 counts */
    {0x3ce, 6, 0x06},    /* the window at A0000h */
    {0x3ce, 6, 0x02},
    {0x3ce, 6, 0x0a},    /* at B0000h */
    {0x3ce, 8, 0x0f},    /* bit mask */
};

TEST(registers_by_which_a_byte_goes_another_way_end_it)
{
    for (unsigned i = 0; i < 2 * ARRAY_SIZE(ways_out); i++) {
        setup(i & 1);
        CHECK(vga_text_is_mapped(rig->vga));
        store(TEXT + 0x7ffe, 0x1e41, 2);
        CHECK_EQ(planes(0x7ffe)[0], 0);
        if (ways_out[i / 2].port == 0x3c2)
            out(0x3c2, ways_out[i / 2].value);
        else
            indexed(ways_out[i / 2].port, ways_out[i / 2].index, ways_out[i / 2].value);
        if (vga_text_is_mapped(rig->vga))
            printf("register %x.%x = %02x\n", ways_out[i / 2].port, ways_out[i / 2].index, ways_out[i / 2].value);
        CHECK(!vga_text_is_mapped(rig->vga));
        CHECK(memory_find(rig->machine.memory, TEXT)->region->kind == REGION_MMIO);
        CHECK_EQ(planes(0x7ffe)[0], 0x41);
        CHECK_EQ(planes(0x7ffe)[1], 0x1e);
        mode_3();
        CHECK_EQ(load(TEXT + 0x7ffe, 2), 0x1e41);
        unplug();
    }
}

TEST(registers_of_the_cirrus_end_it)
{
    static const struct {
        u16 port;
        u8 index, value;
    } ways[] = {
        {0x3c4, 0x07, 0x01}, /* packed pixels */
        {0x3c4, 0x17, 0x04}, /* BLT registers at B8000h */
        {0x3ce, 0x09, 0x01}, /* offset */
        {0x3ce, 0x0b, 0x01}, /* two offsets */
        {0x3ce, 0x0b, 0x02}, /* addresses by 8 */
        {0x3ce, 0x0b, 0x04}, /* extended write modes */
        {0x3ce, 0x01, 0x01}, /* set/reset */
    };
    for (unsigned i = 0; i < ARRAY_SIZE(ways); i++) {
        setup(true);
        store(TEXT, 0x1e41, 2);
        indexed(ways[i].port, ways[i].index, ways[i].value);
        CHECK(!vga_text_is_mapped(rig->vga));
        CHECK_EQ(planes(0)[0], 0x41);
        use();
        CHECK(!vga_text_is_mapped(rig->vga));
        unplug();
    }
    setup(true);
    CHECK(vga_text_is_mapped(rig->vga));
    store(BAR1 + 0x0e, 2, 1); /* the sequencer in memory */
    store(BAR1 + 0x04, 2, 1);
    store(BAR1 + 0x05, 0x0f, 1);
    CHECK(!vga_text_is_mapped(rig->vga));
    unplug();
}

TEST(a_dispi_mode_ends_it_and_clears_what_was_written)
{
    setup(false);
    store(TEXT, 0x1e41, 2);
    set_dispi(1, 640);
    set_dispi(2, 480);
    set_dispi(3, 8);
    set_dispi(4, 1);
    CHECK(!vga_text_is_mapped(rig->vga));
    CHECK_EQ(planes(0)[0], 0);
    set_dispi(4, 0);
    mode_3();
    store(TEXT, 0x1e42, 2);
    use();
    CHECK(vga_text_is_mapped(rig->vga));
    store(TEXT, 0x1e43, 2);
    set_dispi(4, 0x81); /* memory is kept */
    CHECK_EQ(planes(0)[0], 0x43);
    unplug();
}

TEST(reset_ends_it_and_keeps_memory)
{
    for (int cirrus = 0; cirrus < 2; cirrus++) {
        setup(cirrus);
        store(TEXT + 2, 0x1e41, 2);
        rig->vga->device_entry.ops->reset(rig->vga);
        CHECK(!vga_text_is_mapped(rig->vga));
        CHECK_EQ(planes(2)[0], 0x41);
        CHECK_EQ(planes(2)[1], 0x1e);
        unplug();
    }
}

TEST(every_picture_shows_what_was_written)
{
    static struct text_screen screen;
    static struct surface surface;
    for (int cirrus = 0; cirrus < 2; cirrus++) {
        setup(cirrus);
        struct display *display = &rig->machine.display;
        indexed(0x3c4, 2, 0x04); /* a font of solid 'A's, at A0000h */
        indexed(0x3c4, 4, 0x06);
        indexed(0x3ce, 5, 0x00);
        indexed(0x3ce, 6, 0x04);
        for (u32 i = 0; i < 16; i++)
            store(0xa0000 + 'A' * 32 + i, 0xff, 1);
        mode_3();
        for (u8 i = 0; i < 16; i++) {
            ioports_read(rig->machine.ports, 0x3da, 1);
            out(0x3c0, i);
            out(0x3c0, i);
        }
        ioports_read(rig->machine.ports, 0x3da, 1);
        out(0x3c0, 0x12);
        out(0x3c0, 0x0f);
        out(0x3c0, 0x33);
        out(0x3c0, 0x08);
        out(0x3c8, 14);
        for (int i = 0; i < 3; i++)
            out(0x3c9, 63);
        indexed(0x3d4, 0x0a, 0x20);
        use();
        CHECK(vga_text_is_mapped(rig->vga));
        surface.generation = 0;
        CHECK_EQ(display->render(display->opaque, &surface), 0);
        CHECK(!display->changed(display->opaque));
        store(TEXT + 2 * 160 + 2 * 3, 0x0e41, 2);
        CHECK(display->changed(display->opaque));
        CHECK_EQ(display->render(display->opaque, &surface), 0);
        CHECK_EQ(surface.pixels[33 * 720 + 3 * 9], 0xffffff);
        CHECK_EQ(surface.pixels[33 * 720 + 4 * 9], 0);
        CHECK(surface.dirty_first == 32 && surface.dirty_end == 48);
        CHECK(!display->changed(display->opaque));
        store(TEXT + 4 * 160, 0x0742, 2);
        CHECK(display->text(display->opaque, &screen));
        CHECK_EQ(screen.cells[2 * 80 + 3], 0x0e41);
        CHECK_EQ(screen.cells[4 * 80], 0x0742);
        CHECK(vga_text_is_mapped(rig->vga));
        unplug();
    }
    surface_free(&surface);
}

TEST(the_frame_buffer_shows_the_same_bytes)
{
    for (int cirrus = 0; cirrus < 2; cirrus++) {
        setup(cirrus);
        store(TEXT + 6, 0x1e41, 2);
        CHECK_EQ(load(FRAME_BUFFER + 6 * 4, 2), 0x1e41);
        CHECK(!vga_text_is_mapped(rig->vga));
        CHECK(memory_find(rig->machine.memory, FRAME_BUFFER)->region->kind == REGION_RAM);
        use();
        CHECK(vga_text_is_mapped(rig->vga));
        store(FRAME_BUFFER + 8 * 4, 0x1742, 2);
        CHECK_EQ(load(TEXT + 8, 2), 0x1742);
        use();
        rig->machine.current_cpu = -1; /* DMA must not change the map */
        store(TEXT + 10, 0x4243, 2);
        store(FRAME_BUFFER + 12 * 4, 0x2344, 2);
        CHECK_EQ(load(FRAME_BUFFER + 10 * 4, 2), 0x4243);
        CHECK(vga_text_is_mapped(rig->vga));
        CHECK_EQ(load(TEXT + 12, 2), 0x2344);
        CHECK_EQ(load(TEXT + 10, 2), 0x4243);
        rig->machine.current_cpu = 0;
        unplug();
    }
}

TEST(a_blt_of_the_cirrus_reads_and_writes_text)
{
    setup(true);
    store(TEXT, 0x1e41, 2);
    indexed(0x3ce, 0x20, 7); /* 8 bytes of one line, from 0 to 16: from cell 0 to cell 2 */
    indexed(0x3ce, 0x28, 16);
    indexed(0x3ce, 0x32, 0x0d); /* copy */
    indexed(0x3ce, 0x31, 0x02);
    CHECK_EQ(load(TEXT + 4, 2), 0x1e41);
    unplug();
}

TEST(saved_memory_has_what_was_written_and_a_load_replaces_it)
{
    for (int cirrus = 0; cirrus < 2; cirrus++) {
        setup(cirrus);
        const struct device_ops *ops = rig->vga->device_entry.ops;
        store(TEXT + 0x1234, 0x1e41, 2);
        ops->saving(rig->vga);
        CHECK_EQ(planes(0x1234)[0], 0x41);
        CHECK_EQ(planes(0x1234)[1], 0x1e);
        store(TEXT + 0x1234, 0x1f42, 2);
        rig->vga->vram[0x1234 * 4] = 0x43; /* as a load does */
        ops->loaded(rig->vga);
        CHECK_EQ(load(TEXT + 0x1234, 2), 0x1e43);
        use();
        CHECK(vga_text_is_mapped(rig->vga));
        CHECK_EQ(load(TEXT + 0x1234, 2), 0x1e43);
        unplug();
    }
}

/* Two boards get the same accesses; on one they are never a CPU's, so that text memory never becomes RAM there.  Whoever
 * uses the latches reads something first. */
static u64 both(bool write, u32 address, u64 value, unsigned size)
{
    u64 got[2] = {0};
    for (int i = 0; i < 2; i++) {
        rig = &rigs[i];
        rig->machine.current_cpu = -i;
        if (write)
            store(address, value, size);
        else
            got[i] = load(address, size);
    }
    rig = &rigs[0];
    CHECK_EQ(got[0], got[1]);
    return got[0];
}

static void load_latches(void)
{
    for (u32 window = 0xa0000; window <= TEXT; window += 0x8000) /* one of them is there */
        both(false, window + (u32)(random64() & 0x7fff), 0, 1);
}

static void both_indexed(u16 port, u8 index, u8 value)
{
    for (int i = 0; i < 2; i++) {
        rig = &rigs[i];
        indexed(port, index, value);
    }
    rig = &rigs[0];
    load_latches();
}

static void both_dispi(u16 index, u16 value)
{
    for (int i = 0; i < 2; i++) {
        rig = &rigs[i];
        set_dispi(index, value);
    }
    rig = &rigs[0];
    load_latches();
}

static void both_mode_3(void)
{
    for (int i = 0; i < 2; i++) {
        rig = &rigs[i];
        mode_3();
    }
    rig = &rigs[0];
}

static void compare_memory(void)
{
    vga_text_sync(rigs[0].vga);
    CHECK(memcmp(rigs[0].vga->vram, rigs[1].vga->vram, 1u << 20) == 0);
}

static void random_step(bool cirrus)
{
    unsigned size = 1u << (random64() & 3), choice = (unsigned)(random64() % 100);
    u32 text = TEXT + (u32)(random64() & 0x7fff);
    if (choice < 60) {
        for (u64 n = random64() % 40; n; n--)
            both(random64() & 1, (text + (u32)n * 2) & ~(size - 1), random64(), size);
    } else if (choice < 70) {
        both(random64() & 1, 0xa0000 + (u32)(random64() & 0x1ffff & ~7ull), random64(), size);
    } else if (choice < 72) {
        both(random64() & 1, FRAME_BUFFER + (u32)(random64() & 0x3ffff & ~7ull), random64(), size);
    } else if (choice < 75) {
        compare_memory();
    } else if (choice < 78 && cirrus) {
        both_indexed(0x3ce, 0x20 + (u8)(random64() % 0x13), (u8)random64() & 0x3f);
        both_indexed(0x3ce, 0x31, 0x02);
        both_indexed(0x3ce, 0x31, 0x04); /* one that waits is given up */
    } else if (choice < 80 && cirrus) {
        both_indexed(random64() & 1 ? 0x3c4 : 0x3ce, random64() & 1 ? 0x07 : 0x09, (u8)(random64() & 1));
    } else if (choice < 80) {
        both_dispi(1, 64);
        both_dispi(2, 32);
        both_dispi(3, random64() & 1 ? 4 : 8);
        both_dispi(4, (u16)(random64() & 0x81));
        both_dispi(5, (u16)(random64() & 3));
    } else if (choice < 85) {
        both_indexed(0x3ce, (u8)(random64() % 9), (u8)random64());
    } else if (choice < 88) {
        both_indexed(0x3c4, (u8)(2 + random64() % 3), (u8)random64() & 0x0f);
    } else {
        both_mode_3();
        if (cirrus) {
            both_indexed(0x3c4, 0x07, 0x00);
            both_indexed(0x3ce, 0x09, 0x00);
        } else {
            both_dispi(4, 0);
        }
    }
}

TEST(no_program_sees_a_difference)
{
    unsigned mapped = 0;
    for (int cirrus = 0; cirrus < 2; cirrus++) {
        for (int i = 0; i < 2; i++) {
            rig = &rigs[i];
            plug_in(cirrus);
            mode_3();
        }
        rig = &rigs[0];
        random_state = (u64)cirrus + 1;
        for (int n = 0; n < 6000 && !unit_errors; n++) {
            random_step(cirrus);
            executed += NS_PER_SEC;
            mapped += vga_text_is_mapped(rigs[0].vga);
            CHECK(!vga_text_is_mapped(rigs[1].vga));
        }
        compare_memory();
        for (int i = 0; i < 2; i++) {
            rig = &rigs[i];
            unplug();
        }
        rig = &rigs[0];
    }
    CHECK(mapped > 1000);
}

UNIT_MAIN()
