/*
 * Rules of machine/memory.h.
 */
#include "machine/memory.h"

#include "tests/unit.h"

/* A chip that logs its accesses and answers with a pattern: byte k of its window reads 0x10 + k. */
struct chip {
    u64 offset[32], value[32];
    unsigned size[32], count;
};

static void note(struct chip *chip, u64 offset, u64 value, unsigned size)
{
    if (chip->count < ARRAY_SIZE(chip->offset)) {
        chip->offset[chip->count] = offset;
        chip->value[chip->count] = value;
        chip->size[chip->count] = size;
    }
    chip->count++;
}

static u64 chip_read(void *opaque, u64 offset, unsigned size)
{
    u64 value = 0;
    note(opaque, offset, 0, size);
    for (unsigned i = 0; i < size; i++)
        value |= (u64)(u8)(0x10 + offset + i) << (i * 8);
    return value;
}

static void chip_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    note(opaque, offset, value, size);
}

static const struct bus_ops byte_ops = {chip_read, chip_write, 1, 1, NULL, NULL};
static const struct bus_ops dword_ops = {chip_read, chip_write, 4, 4, NULL, NULL};
static const struct bus_ops any_ops = {chip_read, chip_write, 1, 8, NULL, NULL};
static const struct bus_ops default_ops = {chip_read, chip_write, 0, 0, NULL, NULL};

struct host {
    struct memory *memory;
    struct region ram, second;
    u8 *bytes, flags[16];
    struct chip chip;
};

#define RAM_SIZE 0x10000u

static struct region region_of(enum region_kind kind, const char *name, u64 base, u64 size, int priority)
{
    return (struct region){
        .name = name, .kind = kind, .base = base, .size = size, .priority = priority, .enabled = true};
}

static void setup(struct host *h)
{
    memset(h, 0, sizeof(*h));
    h->memory = memory_create();
    h->bytes = memory_alloc(RAM_SIZE);
    h->ram = region_of(REGION_RAM, "ram", 0, RAM_SIZE, 0);
    h->ram.host = h->bytes;
    h->ram.page_flags = h->flags;
    memory_add(h->memory, &h->ram);
}

static void add_chip(struct host *h, u64 base, u64 size, const struct bus_ops *ops)
{
    h->second = region_of(REGION_MMIO, "chip", base, size, 1);
    h->second.ops = ops;
    h->second.opaque = &h->chip;
    memory_add(h->memory, &h->second);
}

static void teardown(struct host *h)
{
    memory_destroy(h->memory);
    memory_free(h->bytes, RAM_SIZE);
}

TEST(unassigned_reads_all_ones_and_swallows_writes)
{
    struct host h;
    setup(&h);
    CHECK(!memory_find(h.memory, RAM_SIZE));
    memory_store(h.memory, 0xfee00000, 0x12345678, 4);
    CHECK_EQ(memory_load(h.memory, 0xfee00000, 1), 0xff);
    CHECK_EQ(memory_load(h.memory, 0xfee00000, 4), 0xffffffff);
    CHECK_EQ(memory_load(h.memory, 0xfee00000, 8), UINT64_MAX);
    teardown(&h);
}

TEST(higher_priority_hides_lower_and_gives_it_back)
{
    struct host h;
    setup(&h);
    add_chip(&h, 0x4000, 0x1000, &byte_ops);
    size_t count;
    const struct range *ranges = memory_ranges(h.memory, &count);
    CHECK_EQ(count, 3);
    CHECK_EQ(ranges[0].end, 0x4000);
    CHECK(ranges[1].region == &h.second);
    CHECK_EQ(ranges[2].start, 0x5000);
    CHECK_EQ(ranges[2].offset, 0x5000);
    memory_enable(h.memory, &h.second, false);
    ranges = memory_ranges(h.memory, &count);
    CHECK_EQ(count, 1);
    CHECK_EQ(ranges[0].end, RAM_SIZE);
    teardown(&h);
}

TEST(among_equals_the_later_added_wins)
{
    struct host h;
    struct region first = region_of(REGION_MMIO, "first", 0x100000, 0x2000, 5);
    struct region second = region_of(REGION_MMIO, "second", 0x101000, 0x2000, 5);
    setup(&h);
    first.ops = second.ops = &byte_ops;
    first.opaque = second.opaque = &h.chip;
    memory_add(h.memory, &first);
    memory_add(h.memory, &second);
    CHECK(memory_find(h.memory, 0x100fff)->region == &first);
    CHECK(memory_find(h.memory, 0x101000)->region == &second);
    memory_remove(h.memory, &second);
    CHECK(memory_find(h.memory, 0x101000)->region == &first);
    CHECK(!memory_find(h.memory, 0x102000));
    teardown(&h);
}

TEST(addresses_reach_up_to_2_to_the_52)
{
    struct host h;
    setup(&h);
    u64 top = (1ull << 52) - 0x1000;
    add_chip(&h, top, 0x1000, &default_ops);
    CHECK(memory_find(h.memory, (1ull << 52) - 1)->region == &h.second);
    CHECK(!memory_find(h.memory, 1ull << 52));
    CHECK_EQ(memory_load(h.memory, top, 4), 0x13121110);
    memory_move(h.memory, &h.second, UINT64_MAX - 0xfff); /* out of reach: no wrap to 0 */
    CHECK(memory_find(h.memory, 0)->region == &h.ram);
    CHECK(!memory_find(h.memory, UINT64_MAX));
    teardown(&h);
}

TEST(accesses_are_split_to_the_largest_size_low_bytes_first)
{
    struct host h;
    setup(&h);
    add_chip(&h, 0x20000, 0x100, &byte_ops);
    CHECK_EQ(memory_load(h.memory, 0x20004, 4), 0x17161514);
    CHECK_EQ(h.chip.count, 4);
    CHECK_EQ(h.chip.offset[0], 4);
    CHECK_EQ(h.chip.offset[3], 7);
    h.chip.count = 0;
    memory_store(h.memory, 0x20000, 0xaabb, 2);
    CHECK_EQ(h.chip.value[0], 0xbb);
    CHECK_EQ(h.chip.value[1], 0xaa);
    teardown(&h);
}

TEST(without_sizes_a_chip_gets_1_to_4)
{
    struct host h;
    setup(&h);
    add_chip(&h, 0x20000, 0x100, &default_ops);
    CHECK_EQ(memory_load(h.memory, 0x20000, 8), 0x1716151413121110);
    CHECK_EQ(h.chip.count, 2);
    CHECK_EQ(h.chip.size[1], 4);
    CHECK_EQ(memory_load(h.memory, 0x20001, 1), 0x11);
    CHECK_EQ(h.chip.size[2], 1);
    teardown(&h);
}

TEST(accesses_are_widened_to_the_smallest_size)
{
    struct host h;
    setup(&h);
    add_chip(&h, 0x20000, 0x100, &dword_ops);
    CHECK_EQ(memory_load(h.memory, 0x20002, 1), 0x12);
    CHECK_EQ(h.chip.offset[0], 0);
    CHECK_EQ(h.chip.size[0], 4);
    memory_store(h.memory, 0x20006, 0xabcd, 2);
    CHECK_EQ(h.chip.offset[1], 4);
    CHECK_EQ(h.chip.value[1], 0xabcd0000);
    teardown(&h);
}

TEST(chips_see_aligned_accesses_only)
{
    struct host h;
    setup(&h);
    add_chip(&h, 0x20000, 0x100, &any_ops);
    CHECK_EQ(memory_load(h.memory, 0x20001, 4), 0x14131211);
    CHECK_EQ(h.chip.count, 3); /* 1 + 2 + 1 */
    for (unsigned i = 0; i < h.chip.count; i++)
        CHECK_EQ(h.chip.offset[i] % h.chip.size[i], 0);
    h.chip.count = 0;
    CHECK_EQ(memory_load(h.memory, 0x20008, 8), 0x1f1e1d1c1b1a1918);
    CHECK_EQ(h.chip.count, 1);
    teardown(&h);
}

TEST(accesses_never_cross_the_end_of_a_window)
{
    struct host h;
    setup(&h);
    add_chip(&h, 0x20000, 6, &dword_ops); /* odd size: the last two bytes make no dword */
    CHECK_EQ(memory_load(h.memory, 0x20004, 4), 0xffffffff);
    CHECK_EQ(h.chip.count, 0);
    memory_move(h.memory, &h.second, RAM_SIZE - 4 + 0x20000);
    teardown(&h);
}

TEST(an_access_over_a_border_is_answered_by_both_sides)
{
    struct host h;
    setup(&h);
    add_chip(&h, RAM_SIZE, 0x100, &byte_ops);
    h.bytes[RAM_SIZE - 2] = 0xa1;
    h.bytes[RAM_SIZE - 1] = 0xa2;
    CHECK_EQ(memory_load(h.memory, RAM_SIZE - 2, 4), 0x1110a2a1);
    memory_store(h.memory, RAM_SIZE - 1, 0x0201, 2);
    CHECK_EQ(h.bytes[RAM_SIZE - 1], 0x01);
    CHECK_EQ(h.chip.value[h.chip.count - 1], 0x02);
    CHECK_EQ(memory_load(h.memory, RAM_SIZE + 0xff, 2), 0xff0f); /* pattern byte 0x10f wraps to 0x0f */
    teardown(&h);
}

TEST(rom_drops_writes_and_romd_sends_them_to_the_chip)
{
    struct host h;
    u8 *rom = memory_alloc(0x1000);
    setup(&h);
    rom[3] = 0x5a;
    h.second = region_of(REGION_ROM, "rom", 0x2000, 0x1000, 1);
    h.second.host = rom;
    h.second.ops = &byte_ops;
    h.second.opaque = &h.chip;
    memory_add(h.memory, &h.second);
    memory_store(h.memory, 0x2003, 0, 1);
    CHECK_EQ(memory_load(h.memory, 0x2003, 1), 0x5a);
    CHECK_EQ(h.chip.count, 0);
    memory_begin(h.memory);
    h.second.kind = REGION_ROMD;
    memory_commit(h.memory);
    memory_store(h.memory, 0x2003, 0x77, 1);
    CHECK_EQ(memory_load(h.memory, 0x2003, 1), 0x5a);
    CHECK_EQ(h.chip.count, 1);
    CHECK_EQ(h.chip.value[0], 0x77);
    memory_free(rom, 0x1000);
    teardown(&h);
}

static void count_change(void *opaque)
{
    ++*(int *)opaque;
}

TEST(listeners_hear_of_changes_and_of_nothing_else)
{
    struct host h;
    int changes = 0;
    struct memory_listener listener = {.map_changed = count_change, .opaque = &changes};
    setup(&h);
    memory_listen(h.memory, &listener);
    add_chip(&h, 0x20000, 0x1000, &byte_ops);
    CHECK_EQ(changes, 1);
    memory_move(h.memory, &h.second, 0x20000);
    memory_enable(h.memory, &h.second, true);
    CHECK_EQ(changes, 1);
    memory_begin(h.memory);
    memory_move(h.memory, &h.second, 0x30000);
    memory_begin(h.memory);
    memory_enable(h.memory, &h.second, false);
    memory_commit(h.memory);
    CHECK_EQ(changes, 1);
    memory_enable(h.memory, &h.second, true);
    memory_commit(h.memory);
    CHECK_EQ(changes, 2);
    memory_begin(h.memory);
    memory_commit(h.memory);
    CHECK_EQ(changes, 2);
    memory_begin(h.memory);
    h.ram.log_dirty = true;
    memory_commit(h.memory);
    CHECK_EQ(changes, 3);
    memory_begin(h.memory);
    h.second.late_writes = true;
    memory_commit(h.memory);
    CHECK_EQ(changes, 4);
    teardown(&h);
}

struct code_log {
    u64 phys[8], length[8];
    int count;
};

static void note_code(void *opaque, u64 phys, u64 length)
{
    struct code_log *log = opaque;
    if (log->count < 8) {
        log->phys[log->count] = phys;
        log->length[log->count] = length;
    }
    log->count++;
}

TEST(writes_mark_every_page_dirty)
{
    struct host h;
    u8 data[0x1002] = {0};
    setup(&h);
    memory_write(h.memory, 0x1fff, data, sizeof(data)); /* pages 1, 2, 3 */
    CHECK_EQ(h.flags[0], 0);
    CHECK_EQ(h.flags[1], PAGE_DIRTY_VGA | PAGE_DIRTY_SAVE);
    CHECK_EQ(h.flags[2], PAGE_DIRTY_VGA | PAGE_DIRTY_SAVE);
    CHECK_EQ(h.flags[3], PAGE_DIRTY_VGA | PAGE_DIRTY_SAVE);
    CHECK_EQ(h.flags[4], 0);
    memory_read(h.memory, 0x5000, data, 16);
    CHECK_EQ(h.flags[5], 0);
    teardown(&h);
}

TEST(writes_into_code_are_reported_under_every_alias)
{
    struct host h;
    struct code_log log = {0};
    struct memory_listener listener = {.code_written = note_code, .opaque = &log};
    setup(&h);
    h.second = region_of(REGION_RAM, "alias", 0x100000, 0x2000, 1); /* pages 2 and 3 of RAM again */
    h.second.host = h.bytes + 0x2000;
    h.second.page_flags = h.flags + 2;
    memory_add(h.memory, &h.second);
    memory_listen(h.memory, &listener);
    memory_store(h.memory, 0x2010, 1, 4);
    CHECK_EQ(log.count, 0);
    h.flags[2] |= PAGE_CODE;
    memory_store(h.memory, 0x100010, 0x11223344, 4);
    CHECK_EQ(memory_load(h.memory, 0x2010, 4), 0x11223344);
    CHECK_EQ(log.count, 2);
    CHECK_EQ(log.phys[0], 0x2010);
    CHECK_EQ(log.length[0], 4);
    CHECK_EQ(log.phys[1], 0x100010);
    CHECK_EQ(h.flags[2], PAGE_CODE | PAGE_DIRTY_VGA | PAGE_DIRTY_SAVE);
    teardown(&h);
}

TEST(block_transfers_skip_holes)
{
    struct host h;
    u8 data[16];
    setup(&h);
    memory_move(h.memory, &h.ram, 0x1000);
    memset(h.bytes, 0x33, 8);
    memory_read(h.memory, 0xff8, data, sizeof(data));
    for (int i = 0; i < 16; i++)
        CHECK_EQ(data[i], i < 8 ? 0xff : 0x33);
    teardown(&h);
}

static struct host *settled;

/* An engine that holds a write back: 5Ah to 8000h. */
static void settle(void *opaque)
{
    unsigned *times = opaque;
    if (!(*times)++)
        memory_store(settled->memory, 0x8000, 0x5a, 1);
}

TEST(late_writes_are_made_before_any_other_access_to_the_region)
{
    struct host h;
    unsigned times = 0;
    struct memory_listener listener = {.settle = settle, .opaque = &times};
    setup(&h);
    settled = &h;
    add_chip(&h, 0x8000, 0x10, &byte_ops);
    memory_listen(h.memory, &listener);
    memory_load(h.memory, 0x8000, 1);
    CHECK_EQ(times, 0); /* it may not be late */
    h.second.late_writes = true;
    h.chip.count = 0;
    memory_store(h.memory, 0x8001, 0x77, 1);
    CHECK_EQ(times, 1);
    CHECK_EQ(h.chip.count, 2);
    CHECK_EQ(h.chip.value[0], 0x5a);
    CHECK_EQ(h.chip.value[1], 0x77);
    memory_load(h.memory, 0x1000, 1); /* RAM */
    CHECK_EQ(times, 1);
    teardown(&h);
}

TEST(memory_is_zeroed_and_page_aligned)
{
    u8 *host = memory_alloc(0x3000);
    CHECK(host != NULL);
    CHECK_EQ((uintptr_t)host & 0xfff, 0);
    CHECK_EQ(host[0] | host[0x2fff], 0);
    memory_free(host, 0x3000);
    CHECK(!memory_alloc(0));
    CHECK(!memory_alloc(1ull << 60));
}

UNIT_MAIN()
