#include "devices/fw_cfg.h"

#include "tests/unit.h"

#define RAM_SIZE 0x100000

struct board {
    struct machine *machine;
    struct fw_cfg fw;
    struct region ram;
    u8 flags[RAM_SIZE / 4096];
};

static void build(struct board *board)
{
    memset(board, 0, sizeof(*board));
    board->machine = machine_create(NULL);
    board->machine->ram_size = RAM_SIZE;
    board->ram = (struct region){.name = "ram",
                                 .kind = REGION_RAM,
                                 .size = RAM_SIZE,
                                 .enabled = true,
                                 .host = memory_alloc(RAM_SIZE),
                                 .page_flags = board->flags};
    memory_add(board->machine->memory, &board->ram);
    fw_cfg_init(&board->fw, board->machine);
}

static void dismantle(struct board *board)
{
    fw_cfg_destroy(&board->fw);
    machine_destroy(board->machine);
    memory_free(board->ram.host, RAM_SIZE);
}

static void choose(struct board *board, u16 key)
{
    ioports_write(board->machine->ports, 0x510, key, 2);
}

static u8 next(struct board *board)
{
    return ioports_read(board->machine->ports, 0x511, 1);
}

static u32 next_be32(struct board *board)
{
    u32 value = 0;
    for (int i = 0; i < 4; i++)
        value = value << 8 | next(board);
    return value;
}

static void store_be32(struct board *board, u32 at, u32 value)
{
    memory_store(board->machine->memory, at, __builtin_bswap32(value), 4);
}

static u32 load_be32(struct board *board, u32 at)
{
    return __builtin_bswap32(memory_load(board->machine->memory, at, 4));
}

/* Returns the control word that the device writes back. */
static u32 dma(struct board *board, u32 control, u32 length, u32 address)
{
    store_be32(board, 0x1000, control);
    store_be32(board, 0x1004, length);
    store_be32(board, 0x1008, 0);
    store_be32(board, 0x100c, address);
    ioports_write(board->machine->ports, 0x518, __builtin_bswap32(0x1000), 4);
    return load_be32(board, 0x1000);
}

TEST(signature_and_features_are_there)
{
    struct board board;
    build(&board);
    choose(&board, 0);
    CHECK_EQ(next(&board), 'Q');
    CHECK_EQ(next(&board), 'E');
    CHECK_EQ(next(&board), 'M');
    CHECK_EQ(next(&board), 'U');
    CHECK_EQ(next(&board), 0);
    choose(&board, 1);
    CHECK_EQ(next_be32(&board), 0x03000000); /* traditional and DMA, little-endian */
    dismantle(&board);
}

TEST(unknown_key_reads_zero)
{
    struct board board;
    build(&board);
    choose(&board, 0x7fff);
    CHECK_EQ(next(&board), 0);
    choose(&board, 0xffff);
    CHECK_EQ(next(&board), 0);
    dismantle(&board);
}

TEST(selecting_starts_over)
{
    struct board board;
    build(&board);
    fw_cfg_add_u64(&board.fw, FW_CFG_RAM_SIZE, 0x1122334455667788);
    choose(&board, FW_CFG_RAM_SIZE);
    CHECK_EQ(next_be32(&board), 0x88776655);
    choose(&board, FW_CFG_RAM_SIZE);
    CHECK_EQ(next(&board), 0x88);
    dismantle(&board);
}

TEST(directory_is_big_endian_and_sorted)
{
    struct board board;
    char name[FW_CFG_NAME_SIZE];
    build(&board);
    fw_cfg_add_file(&board.fw, "etc/zoo", "1234567", 7);
    fw_cfg_add_file(&board.fw, "bootorder", "x", 1);
    choose(&board, FW_CFG_FILE_DIR);
    CHECK_EQ(next_be32(&board), 2);
    CHECK_EQ(next_be32(&board), 1);
    CHECK_EQ(next_be32(&board), 0x00200000);
    for (int i = 0; i < FW_CFG_NAME_SIZE; i++)
        name[i] = next(&board);
    CHECK(!strcmp(name, "bootorder"));
    CHECK_EQ(next_be32(&board), 7);
    CHECK_EQ(next_be32(&board), 0x00210000);
    choose(&board, 0x21);
    CHECK_EQ(next(&board), '1');
    dismantle(&board);
}

TEST(adding_a_name_again_replaces_the_file)
{
    struct board board;
    build(&board);
    fw_cfg_add_file(&board.fw, "a", "old", 3);
    fw_cfg_add_file(&board.fw, "a", "newer", 5);
    CHECK_EQ(board.fw.file_count, 1);
    CHECK_EQ(fw_cfg_item(&board.fw, 0x20)->size, 5);
    dismantle(&board);
}

TEST(names_that_do_not_fit_are_refused)
{
    struct board board;
    char name[FW_CFG_NAME_SIZE + 1];
    build(&board);
    memset(name, 'n', FW_CFG_NAME_SIZE);
    name[FW_CFG_NAME_SIZE] = 0;
    CHECK(fw_cfg_add_file(&board.fw, name, "", 0) < 0);
    CHECK(fw_cfg_add_file(&board.fw, "", "", 0) < 0);
    CHECK(fw_cfg_add_bytes(&board.fw, 0x4000, "", 0) < 0);
    dismantle(&board);
}

TEST(dma_signature_reads_as_text)
{
    struct board board;
    build(&board);
    CHECK_EQ(ioports_read(board.machine->ports, 0x514, 4), 0x554d4551);
    CHECK_EQ(ioports_read(board.machine->ports, 0x518, 4), 0x47464320);
    dismantle(&board);
}

TEST(dma_reads_and_pads_with_zeros)
{
    struct board board;
    build(&board);
    memset(board.ram.host + 0x2000, 0xee, 16);
    fw_cfg_add_bytes(&board.fw, FW_CFG_KERNEL_DATA, "abcdef", 6);
    CHECK_EQ(dma(&board, FW_CFG_KERNEL_DATA << 16 | 0x0a, 8, 0x2000), 0);
    CHECK(!memcmp(board.ram.host + 0x2000, "abcdef\0\0\xee", 9));
    dismantle(&board);
}

TEST(dma_goes_on_where_it_stopped_and_skips)
{
    struct board board;
    build(&board);
    fw_cfg_add_bytes(&board.fw, FW_CFG_KERNEL_DATA, "abcdef", 6);
    CHECK_EQ(dma(&board, FW_CFG_KERNEL_DATA << 16 | 0x0a, 2, 0x2000), 0);
    CHECK_EQ(dma(&board, 0x04, 2, 0), 0);
    CHECK_EQ(dma(&board, 0x02, 1, 0x2002), 0);
    CHECK(!memcmp(board.ram.host + 0x2000, "abe", 3));
    CHECK_EQ(next(&board), 'f'); /* ports and DMA share the position */
    dismantle(&board);
}

TEST(dma_write_ends_with_error)
{
    struct board board;
    build(&board);
    CHECK_EQ(dma(&board, 0x10, 4, 0x2000), 1);
    dismantle(&board);
}

TEST(dma_outside_of_memory_harms_nobody)
{
    struct board board;
    build(&board);
    fw_cfg_add_bytes(&board.fw, FW_CFG_KERNEL_DATA, "abcdef", 6);
    CHECK_EQ(dma(&board, FW_CFG_KERNEL_DATA << 16 | 0x0a, 0xffffffff, 0xfffffff0), 0);
    ioports_write(board.machine->ports, 0x514, 0xffffffff, 4);
    ioports_write(board.machine->ports, 0x518, 0xffffffff, 4);
    dismantle(&board);
}

UNIT_MAIN()
