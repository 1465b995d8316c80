#include "devices/i440fx.h"

#include "tests/unit.h"

#define RAM_SIZE (2u << 20)

struct board {
    struct machine *machine;
    struct i440fx bridge;
    struct region rom_region;
    u8 *rom;
    u8 rom_flags[32];
};

static void build(struct board *board)
{
    struct machine *machine = machine_create(NULL);
    memset(board, 0, sizeof(*board));
    board->machine = machine;
    machine->ram_size = RAM_SIZE;
    machine->ram = memory_alloc(RAM_SIZE);
    machine->ram_flags = calloc(RAM_SIZE / 4096, 1);
    machine->pci = pci_create(machine->memory, machine->ports);
    board->rom = memory_alloc(0x20000);
    memset(board->rom, 0xb1, 0x20000);
    board->rom_region = (struct region){.name = "bios",
                                        .kind = REGION_ROM,
                                        .base = 0xe0000,
                                        .size = 0x20000,
                                        .priority = 10,
                                        .enabled = true,
                                        .host = board->rom,
                                        .page_flags = board->rom_flags};
    memory_add(machine->memory, &board->rom_region);
    CHECK_EQ(i440fx_init(&board->bridge, machine, board->rom), 0);
    machine_reset_devices(machine);
}

static void dismantle(struct board *board)
{
    u8 *ram = board->machine->ram, *flags = board->machine->ram_flags;
    machine_destroy(board->machine);
    i440fx_destroy(&board->bridge);
    memory_free(board->rom, 0x20000);
    memory_free(ram, RAM_SIZE);
    free(flags);
}

static void config(struct board *board, u8 reg, u8 value)
{
    pci_config_write(board->machine->pci, 0, reg, value, 1);
}

static u8 load(struct board *board, u32 at)
{
    return memory_load(board->machine->memory, at, 1);
}

static void store(struct board *board, u32 at, u8 value)
{
    memory_store(board->machine->memory, at, value, 1);
}

TEST(identity_is_82441fx)
{
    struct board board;
    build(&board);
    CHECK_EQ(pci_config_read(board.machine->pci, 0, 0, 4), 0x12378086);
    CHECK_EQ(pci_config_read(board.machine->pci, 0, 8, 4), 0x06000002);
    CHECK_EQ(pci_config_read(board.machine->pci, 0, 0x72, 1), 0x02);
    dismantle(&board);
}

TEST(after_reset_rom_answers_and_ram_is_hidden)
{
    struct board board;
    build(&board);
    CHECK_EQ(load(&board, 0xffff0), 0xb1);
    CHECK_EQ(load(&board, 0xc0000), 0xff);
    store(&board, 0xe0000, 0x12);
    store(&board, 0xc0000, 0x12);
    CHECK_EQ(load(&board, 0xe0000), 0xb1);
    CHECK_EQ(board.machine->ram[0xe0000], 0);
    CHECK_EQ(board.machine->ram[0xc0000], 0);
    dismantle(&board);
}

TEST(write_enable_alone_shadows)
{
    struct board board;
    build(&board);
    config(&board, 0x59, 0x20);
    config(&board, 0x5a, 0x02);
    store(&board, 0xf0000, 0x12);
    store(&board, 0xc3fff, 0x34);
    CHECK_EQ(load(&board, 0xf0000), 0xb1);
    CHECK_EQ(load(&board, 0xc3fff), 0xff);
    CHECK_EQ(board.machine->ram[0xf0000], 0x12);
    CHECK_EQ(board.machine->ram[0xc3fff], 0x34);
    dismantle(&board);
}

TEST(read_enable_alone_protects)
{
    struct board board;
    build(&board);
    board.machine->ram[0xf1234] = 0x56;
    config(&board, 0x59, 0x10);
    CHECK_EQ(load(&board, 0xf1234), 0x56);
    store(&board, 0xf1234, 0x99);
    CHECK_EQ(load(&board, 0xf1234), 0x56);
    dismantle(&board);
}

TEST(both_enables_make_ram)
{
    struct board board;
    build(&board);
    config(&board, 0x59, 0x30);
    store(&board, 0xfffff, 0x77);
    CHECK_EQ(load(&board, 0xfffff), 0x77);
    dismantle(&board);
}

/* PAM1 low nibble C0000, high nibble C4000, ... PAM6 high nibble EC000. */
TEST(each_nibble_rules_its_16_kib)
{
    struct board board;
    build(&board);
    for (int piece = 0; piece < 12; piece++) {
        u32 base = 0xc0000 + piece * 0x4000;
        config(&board, 0x5a + piece / 2, piece % 2 ? 0x30 : 0x03);
        store(&board, base, 0xa5);
        store(&board, base + 0x3fff, 0x5a);
        CHECK_EQ(load(&board, base), 0xa5);
        CHECK_EQ(load(&board, base + 0x3fff), 0x5a);
        if (piece < 11)
            CHECK(load(&board, base + 0x4000) != 0);
        CHECK_EQ(board.machine->ram[base + 0x4000], 0);
        config(&board, 0x5a + piece / 2, 0);
    }
    dismantle(&board);
}

TEST(reset_brings_the_rom_back)
{
    struct board board;
    build(&board);
    config(&board, 0x59, 0x30);
    store(&board, 0xf0000, 0);
    machine_reset_devices(board.machine);
    CHECK_EQ(load(&board, 0xf0000), 0xb1);
    dismantle(&board);
}

TEST(d_open_shows_ram_at_a0000)
{
    struct board board;
    build(&board);
    CHECK_EQ(load(&board, 0xa0000), 0xff);
    config(&board, 0x72, 0x4a);
    store(&board, 0xbffff, 0x21);
    CHECK_EQ(load(&board, 0xbffff), 0x21);
    config(&board, 0x72, 0x0a);
    CHECK_EQ(load(&board, 0xbffff), 0xff);
    dismantle(&board);
}

TEST(d_lck_closes_smram_until_reset)
{
    struct board board;
    build(&board);
    config(&board, 0x72, 0x4a);
    config(&board, 0x72, 0x5a);
    CHECK_EQ(pci_config_read(board.machine->pci, 0, 0x72, 1) & 0x50, 0x10);
    config(&board, 0x72, 0x4a);
    CHECK_EQ(pci_config_read(board.machine->pci, 0, 0x72, 1) & 0x50, 0x10);
    CHECK_EQ(load(&board, 0xa0000), 0xff);
    machine_reset_devices(board.machine);
    config(&board, 0x72, 0x4a);
    CHECK_EQ(load(&board, 0xa0000), 0);
    dismantle(&board);
}

TEST(large_memory_is_split_at_3_gib)
{
    CHECK_EQ(i440fx_lowmem(0xdff00000), 0xdff00000);
    CHECK_EQ(i440fx_lowmem(0xe0000000), 0xc0000000);
    CHECK_EQ(i440fx_lowmem(16ull << 30), 0xc0000000);
}

UNIT_MAIN()
