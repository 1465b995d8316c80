/*
 * Planar graphics whose writes come late: when they may, and that no program sees a difference.
 * "The planes": plane p of offset o, IBM VGA manual, "Video Memory Organization".
 */
#include "devices/cirrus.h"
#include "devices/vga.h"
#include "devices/vga_internal.h"
#include "machine/machine.h"
#include "tests/random.h"
#include "tests/unit.h"

#define FRAME_BUFFER 0xe0000000u
#define WINDOW 0xa0000u
#define QUEUE 100u

/* A board, and the writes that the engine of the first one has gathered. */
struct rig {
    struct machine machine;
    struct vga std;
    struct cirrus cirrus;
    struct vga *vga;
    struct memory_listener listener;
    bool gathers;
    struct {
        u32 address;
        unsigned size;
        u64 value;
    } queue[QUEUE];
    unsigned queued;
};
static struct rig rigs[2], *rig = &rigs[0];

static u64 executed, gathered;

static u64 instructions(void *opaque) { return executed; }

static void make_writes(struct rig *engine, int cpu)
{
    unsigned count = engine->queued;
    engine->queued = 0;
    for (unsigned i = 0; i < count; i++) {
        engine->machine.current_cpu = cpu;
        memory_store(engine->machine.memory, engine->queue[i].address, engine->queue[i].value, engine->queue[i].size);
    }
    engine->machine.current_cpu = 0;
}

static void settle(void *opaque) { make_writes(opaque, -1); }

/* An access of the CPU: to RAM it is made at once, whatever was gathered; all else comes after the gathered writes. */
static void store(u32 address, u64 value, unsigned size)
{
    const struct range *range = memory_find(rig->machine.memory, address);
    if (range && range->region->late_writes && rig->gathers && rig->queued < QUEUE) {
        rig->queue[rig->queued].address = address;
        rig->queue[rig->queued].size = size;
        rig->queue[rig->queued++].value = value;
        gathered++;
        return;
    }
    if (!range || range->region->kind != REGION_RAM)
        make_writes(rig, 0);
    memory_store(rig->machine.memory, address, value, size);
}

static u64 load(u32 address, unsigned size)
{
    const struct range *range = memory_find(rig->machine.memory, address);
    if (!range || range->region->kind != REGION_RAM)
        make_writes(rig, 0);
    return memory_load(rig->machine.memory, address, size);
}

static void out(u16 port, u16 value, unsigned size)
{
    make_writes(rig, 0);
    ioports_write(rig->machine.ports, port, value, size);
}

static void load_port(u16 port)
{
    make_writes(rig, 0);
    ioports_read(rig->machine.ports, port, 1);
}

static void indexed(u16 port, u8 index, u8 value)
{
    out(port, index, 1);
    out(port + 1, value, 1);
}

static void set_dispi(u16 index, u16 value)
{
    out(0x1ce, index, 2);
    out(0x1cf, value, 2);
}

/* The registers of mode 12h. */
static void planar(void)
{
    static const u8 crtc[] = {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0x00, 0x40, 0x00, 0x00, 0x00,
                              0x00, 0x00, 0x00, 0xea, 0x0c, 0xdf, 0x28, 0x00, 0xe7, 0x04, 0xe3, 0xff};
    out(0x3c2, 0xe3, 1);
    for (u8 i = 0; i < sizeof(crtc); i++)
        indexed(0x3d4, i, crtc[i]);
    load_port(0x3da);
    out(0x3c0, 0x20, 1);
    indexed(0x3c4, 1, 0x01);
    indexed(0x3c4, 2, 0x0f);
    indexed(0x3c4, 4, 0x06);
    for (u8 i = 0; i < 6; i++)
        indexed(0x3ce, i, 0x00);
    indexed(0x3ce, 6, 0x05);
    indexed(0x3ce, 7, 0x0f);
    indexed(0x3ce, 8, 0xff);
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
    pci_config_write(machine->pci, 2 << 3, 0x04, 3, 2);
    rig->queued = 0;
    rig->gathers = rig == &rigs[0];
    rig->listener = (struct memory_listener){.settle = settle, .opaque = rig};
    memory_listen(machine->memory, &rig->listener);
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

/* Accesses enough for the memory map to change. */
static void use(void)
{
    for (int i = 0; i < 300; i++)
        load(WINDOW + 0x8000, 1);
    executed += NS_PER_SEC;
}

static void setup(bool cirrus)
{
    plug_in(cirrus);
    planar();
    use();
}

static const u8 *planes(u32 offset) { return rig->vga->vram + offset * 4; }

static enum region_kind frame_buffer_kind(void)
{
    return memory_find(rig->machine.memory, FRAME_BUFFER)->region->kind;
}

TEST(writes_are_late_after_some_accesses_and_the_frame_buffer_is_no_ram_then)
{
    for (int cirrus = 0; cirrus < 2; cirrus++) {
        plug_in(cirrus);
        planar();
        CHECK(!rig->vga->window.late_writes);
        CHECK_EQ(frame_buffer_kind(), REGION_RAM);
        use();
        CHECK(rig->vga->window.late_writes);
        CHECK_EQ(frame_buffer_kind(), REGION_MMIO);
        unplug();
    }
}

TEST(a_viewer_has_them_made)
{
    setup(false);
    store(WINDOW + 5, 0x5a, 1);
    CHECK_EQ(rig->queued, 1);
    CHECK_EQ(planes(5)[2], 0);
    struct surface surface = {0};
    CHECK_EQ(vga_render(rig->vga, &surface), 0);
    CHECK_EQ(rig->queued, 0);
    CHECK_EQ(planes(5)[2], 0x5a);
    store(WINDOW, 0xa5, 1);
    CHECK(vga_changed(rig->vga));
    surface_free(&surface);
    unplug();
}

TEST(dma_finds_them_made)
{
    u8 bytes[4] = {0};
    setup(false);
    store(WINDOW + 5, 0x5a, 1);
    rig->machine.current_cpu = -1;
    memory_read(rig->machine.memory, WINDOW + 5, bytes, 1);
    CHECK_EQ(bytes[0], 0x5a);
    rig->machine.current_cpu = 0;
    store(WINDOW + 6, 0x3c, 1);
    rig->machine.current_cpu = -1;
    memory_read(rig->machine.memory, FRAME_BUFFER + 6 * 4, bytes, 4);
    CHECK_EQ(bytes[3], 0x3c);
    CHECK(rig->vga->window.late_writes); /* the map stays while a CPU may run */
    unplug();
}

TEST(the_frame_buffer_shows_them_and_is_ram_again)
{
    setup(false);
    store(WINDOW + 5, 0x5a, 1);
    CHECK_EQ(load(FRAME_BUFFER + 5 * 4, 4), 0x5a5a5a5a);
    CHECK(!rig->vga->window.late_writes);
    CHECK_EQ(frame_buffer_kind(), REGION_RAM);
    unplug();
}

TEST(text_and_linear_modes_end_it)
{
    setup(false);
    indexed(0x3ce, 6, 0x0e);
    CHECK(!rig->vga->window.late_writes);
    planar();
    use();
    CHECK(rig->vga->window.late_writes);
    store(WINDOW + 4, 0x77, 1);
    indexed(0x3c4, 4, 0x0e); /* chain 4: the window is RAM */
    CHECK(!rig->vga->window.late_writes);
    CHECK(vga_is_direct(rig->vga));
    CHECK_EQ(load(WINDOW + 16, 4), 0x77777777);
    unplug();
}

/* Each change of the map costs an engine what it knows of memory. */
TEST(who_often_ends_it_waits_longer)
{
    plug_in(false);
    planar();
    for (int i = 0; i < 4; i++) {
        for (int n = 0; n < 10000 && !rig->vga->window.late_writes; n++)
            load(WINDOW, 1);
        CHECK(rig->vga->window.late_writes);
        load(FRAME_BUFFER, 1);
    }
    use();
    CHECK(!rig->vga->window.late_writes);
    unplug();
}

/* --- the same program on a board whose engine gathers, and on one whose does not --- */

static void both(bool write, u32 address, u64 value, unsigned size)
{
    u64 got[2] = {0};
    for (int i = 0; i < 2; i++) {
        rig = &rigs[i];
        if (write)
            store(address, value, size);
        else
            got[i] = load(address, size);
    }
    CHECK_EQ(got[0], got[1]);
    rig = &rigs[0];
}

#define BOTH(...)                                                                                                      \
    for (int i = 0; i < 2; i++) {                                                                                      \
        rig = &rigs[i];                                                                                                \
        __VA_ARGS__;                                                                                                   \
    }                                                                                                                  \
    rig = &rigs[0]

static void compare_memory(void)
{
    vga_text_sync(rigs[0].vga);
    CHECK(memcmp(rigs[0].vga->vram, rigs[1].vga->vram, 1u << 20) == 0);
}

static void random_register(void)
{
    u8 index = (u8)(random64() % 9), value = (u8)random64();
    unsigned choice = (unsigned)(random64() % 20);
    if (choice < 16 && index != 6) {
        BOTH(indexed(0x3ce, index, value));
    } else if (choice < 18) {
        index = (u8)(2 + random64() % 3);
        BOTH(indexed(0x3c4, index, value & 0x0f));
    } else {
        BOTH(indexed(0x3ce, 6, value & 0x0f));
    }
}

static void random_mode(bool cirrus)
{
    u16 bits = (u16)(random64() & 3), value = (u16)(random64() & 0x81);
    if (cirrus) {
        BOTH(indexed(bits & 1 ? 0x3c4 : 0x3ce, bits & 2 ? 0x07 : 0x09, (u8)(value & 1)));
    } else {
        BOTH(set_dispi(1, 64); set_dispi(2, 32); set_dispi(3, bits & 1 ? 4 : 8); set_dispi(4, value);
             set_dispi(5, bits));
    }
}

static void random_step(bool cirrus)
{
    unsigned size = 1u << (random64() & 3), choice = (unsigned)(random64() % 100);
    u32 at = (u32)(random64() & 0x1fff8);
    if (choice < 70) {
        bool write = random64() % 8;
        for (u64 n = random64() % 40; n; n--)
            both(write, WINDOW + ((at + (u32)n * 8) & 0x1fff8), random64(), size);
    } else if (choice < 71) {
        both(random64() & 1, FRAME_BUFFER + at, random64(), size);
    } else if (choice < 75) {
        compare_memory();
    } else if (choice < 93) {
        random_register();
    } else if (choice < 95) {
        random_mode(cirrus);
    } else {
        BOTH(planar());
        if (cirrus) {
            BOTH(indexed(0x3c4, 0x07, 0); indexed(0x3ce, 0x09, 0));
        } else {
            BOTH(set_dispi(4, 0));
        }
    }
}

TEST(no_program_sees_a_difference)
{
    for (int cirrus = 0; cirrus < 2; cirrus++) {
        gathered = 0;
        BOTH(setup(cirrus));
        random_state = (u64)cirrus + 1;
        for (int n = 0; n < 6000 && !unit_errors; n++) {
            random_step(cirrus);
            executed += NS_PER_SEC;
        }
        compare_memory();
        BOTH(unplug());
        CHECK(gathered > 10000);
    }
}

UNIT_MAIN()
