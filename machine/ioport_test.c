/*
 * Rules of machine/ioport.h.
 */
#include "machine/ioport.h"

#include "tests/unit.h"

struct chip {
    u8 tag;
    u64 offset[16], value[16];
    unsigned size[16], count;
};

static void note(struct chip *chip, u64 offset, u64 value, unsigned size)
{
    unsigned i = chip->count++ % ARRAY_SIZE(chip->offset);
    chip->offset[i] = offset;
    chip->value[i] = value;
    chip->size[i] = size;
}

/* Every byte reads tag + offset. */
static u64 chip_read(void *opaque, u64 offset, unsigned size)
{
    struct chip *chip = opaque;
    u64 value = 0;
    note(chip, offset, 0, size);
    for (unsigned i = 0; i < size; i++)
        value |= (u64)(u8)(chip->tag + offset + i) << (i * 8);
    return value;
}

static void chip_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    note(opaque, offset, value, size);
}

static void read_block(void *opaque, u64 offset, unsigned size, void *data, unsigned count)
{
    note(opaque, offset, count, size);
    memset(data, 0x77, (size_t)size * count);
}

static const struct bus_ops byte_ops = {chip_read, chip_write, 1, 1, NULL, NULL};
static const struct bus_ops word_ops = {chip_read, chip_write, 2, 2, NULL, NULL};
static const struct bus_ops dword_ops = {chip_read, chip_write, 4, 4, NULL, NULL};
static const struct bus_ops any_ops = {chip_read, chip_write, 0, 0, NULL, NULL};
static const struct bus_ops block_ops = {chip_read, chip_write, 1, 4, read_block, NULL};

static struct port_range range_of(struct chip *chip, u16 base, u32 count, const struct bus_ops *ops)
{
    return (struct port_range){.name = "chip", .base = base, .count = count, .ops = ops, .opaque = chip};
}

TEST(unassigned_ports_read_all_ones)
{
    struct ioports *ports = ioports_create();
    CHECK_EQ(ioports_read(ports, 0x80, 1), 0xff);
    CHECK_EQ(ioports_read(ports, 0x80, 2), 0xffff);
    CHECK_EQ(ioports_read(ports, 0x80, 4), 0xffffffff);
    ioports_write(ports, 0x80, 0, 4);
    ioports_destroy(ports);
}

TEST(wide_accesses_to_a_byte_chip_go_byte_by_byte)
{
    struct ioports *ports = ioports_create();
    struct chip chip = {.tag = 0x40};
    struct port_range range = range_of(&chip, 0x3c0, 4, &byte_ops);
    ioports_add(ports, &range);
    CHECK_EQ(ioports_read(ports, 0x3c0, 4), 0x43424140);
    CHECK_EQ(chip.count, 4);
    chip.count = 0;
    ioports_write(ports, 0x3c2, 0xbbaa, 2);
    CHECK_EQ(chip.count, 2);
    CHECK_EQ(chip.offset[0], 2);
    CHECK_EQ(chip.value[0], 0xaa);
    CHECK_EQ(chip.value[1], 0xbb);
    ioports_destroy(ports);
}

TEST(dwords_reach_a_word_chip_as_two_words)
{
    struct ioports *ports = ioports_create();
    struct chip chip = {.tag = 0};
    struct port_range range = range_of(&chip, 0x100, 8, &word_ops);
    ioports_add(ports, &range);
    ioports_write(ports, 0x100, 0x11223344, 4);
    CHECK_EQ(chip.count, 2);
    CHECK_EQ(chip.value[0], 0x3344);
    CHECK_EQ(chip.value[1], 0x1122);
    CHECK_EQ(chip.offset[1], 2);
    ioports_destroy(ports);
}

TEST(narrow_accesses_are_widened_to_the_smallest_size)
{
    struct ioports *ports = ioports_create();
    struct chip chip = {.tag = 0x20};
    struct port_range range = range_of(&chip, 0x100, 8, &dword_ops);
    ioports_add(ports, &range);
    CHECK_EQ(ioports_read(ports, 0x105, 1), 0x25);
    CHECK_EQ(chip.offset[0], 4);
    CHECK_EQ(chip.size[0], 4);
    ioports_write(ports, 0x106, 0xabcd, 2);
    CHECK_EQ(chip.value[1], 0xabcd0000);
    ioports_destroy(ports);
}

/* DISPI: index at 1ce, data at 1cf, both words. */
TEST(odd_word_ports_are_passed_whole)
{
    struct ioports *ports = ioports_create();
    struct chip chip = {.tag = 0};
    struct port_range range = range_of(&chip, 0x1ce, 3, &word_ops);
    ioports_add(ports, &range);
    ioports_write(ports, 0x1cf, 0xb0c5, 2);
    CHECK_EQ(chip.count, 1);
    CHECK_EQ(chip.offset[0], 1);
    CHECK_EQ(chip.value[0], 0xb0c5);
    ioports_destroy(ports);
}

TEST(an_access_past_the_last_port_goes_on_at_the_neighbour)
{
    struct ioports *ports = ioports_create();
    struct chip low = {.tag = 0x10}, high = {.tag = 0x80};
    struct port_range a = range_of(&low, 0x200, 2, &any_ops), b = range_of(&high, 0x202, 1, &any_ops);
    ioports_add(ports, &a);
    ioports_add(ports, &b);
    CHECK_EQ(ioports_read(ports, 0x201, 2), 0x8011);
    CHECK_EQ(ioports_read(ports, 0x200, 4), 0xff801110);
    CHECK_EQ(ioports_read(ports, 0x1ff, 2), 0x10ff);
    ioports_destroy(ports);
}

TEST(nothing_answers_above_the_last_port)
{
    struct ioports *ports = ioports_create();
    struct chip chip = {.tag = 0x01}, zero = {.tag = 0x55};
    struct port_range range = range_of(&chip, 0xffff, 1, &any_ops), bottom = range_of(&zero, 0, 4, &any_ops);
    ioports_add(ports, &range);
    ioports_add(ports, &bottom);
    CHECK_EQ(ioports_read(ports, 0xffff, 4), 0xffffff01);
    CHECK_EQ(zero.count, 0);
    ioports_destroy(ports);
}

TEST(the_latest_addition_wins_and_removal_restores)
{
    struct ioports *ports = ioports_create();
    struct chip low = {.tag = 0x10}, high = {.tag = 0x80};
    struct port_range a = range_of(&low, 0x300, 8, &any_ops), b = range_of(&high, 0x304, 8, &any_ops);
    ioports_add(ports, &a);
    ioports_add(ports, &b);
    CHECK_EQ(ioports_read(ports, 0x303, 1), 0x13);
    CHECK_EQ(ioports_read(ports, 0x304, 1), 0x80);
    ioports_remove(ports, &b);
    CHECK_EQ(ioports_read(ports, 0x304, 1), 0x14);
    CHECK_EQ(ioports_read(ports, 0x308, 1), 0xff);
    ioports_remove(ports, &b); /* not linked: nothing happens */
    CHECK_EQ(ioports_read(ports, 0x304, 1), 0x14);
    ioports_destroy(ports);
}

TEST(moving_links_moves_and_unlinks)
{
    struct ioports *ports = ioports_create();
    struct chip chip = {.tag = 0x10};
    struct port_range bar = range_of(&chip, 0, 0, &any_ops);
    ioports_move(ports, &bar, 0xc000, 16);
    CHECK_EQ(ioports_read(ports, 0xc00f, 1), 0x1f);
    ioports_move(ports, &bar, 0xc010, 16);
    CHECK_EQ(ioports_read(ports, 0xc000, 1), 0xff);
    CHECK_EQ(ioports_read(ports, 0xc010, 1), 0x10);
    ioports_move(ports, &bar, 0, 0);
    CHECK_EQ(ioports_read(ports, 0xc010, 1), 0xff);
    CHECK_EQ(ioports_read(ports, 0, 1), 0xff);
    ioports_destroy(ports);
}

/* 82441FX: CONFADD answers dwords at CF8 only; PIIX3's reset control is the byte CF9. */
TEST(exact_ranges_share_ports_by_size)
{
    struct ioports *ports = ioports_create();
    struct chip address = {.tag = 0x10}, reset = {.tag = 0x90};
    struct port_range cf8 = range_of(&address, 0xcf8, 4, &dword_ops), cf9 = range_of(&reset, 0xcf9, 1, &byte_ops);
    cf8.exact = cf9.exact = true;
    for (int order = 0; order < 2; order++) {
        ioports_add(ports, order ? &cf8 : &cf9);
        ioports_add(ports, order ? &cf9 : &cf8);
        CHECK_EQ(ioports_read(ports, 0xcf8, 4), 0x13121110);
        CHECK_EQ(ioports_read(ports, 0xcf9, 1), 0x90);
        CHECK_EQ(ioports_read(ports, 0xcf8, 1), 0xff);
        CHECK_EQ(ioports_read(ports, 0xcfa, 1), 0xff);
        reset.count = address.count = 0;
        ioports_write(ports, 0xcf8, 0x0606, 2); /* halves of a wider access are not what an exact range waits for */
        ioports_write(ports, 0xcf9, 0x0606, 2);
        ioports_write(ports, 0xcf9, 0x06060606, 4);
        CHECK_EQ(reset.count + address.count, 0);
        ioports_remove(ports, &cf8);
        ioports_remove(ports, &cf9);
    }
    ioports_destroy(ports);
}

TEST(ordinary_ranges_show_through_where_an_exact_one_declines)
{
    struct ioports *ports = ioports_create();
    struct chip below = {.tag = 0x40}, above = {.tag = 0x10};
    struct port_range plain = range_of(&below, 0xcf8, 4, &byte_ops), exact = range_of(&above, 0xcf8, 4, &dword_ops);
    exact.exact = true;
    ioports_add(ports, &plain);
    ioports_add(ports, &exact);
    CHECK_EQ(ioports_read(ports, 0xcf8, 1), 0x40);
    CHECK_EQ(ioports_read(ports, 0xcf8, 4), 0x13121110);
    ioports_destroy(ports);
}

TEST(blocks_go_to_the_chip_at_once_or_one_by_one)
{
    struct ioports *ports = ioports_create();
    struct chip disk = {0}, plain = {.tag = 0x21};
    struct port_range data = range_of(&disk, 0x1f0, 1, &block_ops), other = range_of(&plain, 0x60, 1, &byte_ops);
    u16 words[4] = {0};
    u8 bytes[3];
    data.count = 8;
    ioports_add(ports, &data);
    ioports_add(ports, &other);
    ioports_read_block(ports, 0x1f0, 2, words, 4);
    CHECK_EQ(disk.count, 1);
    CHECK_EQ(disk.value[0], 4);
    CHECK_EQ(words[3], 0x7777);
    ioports_write_block(ports, 0x1f0, 2, words, 4); /* the chip has no block write */
    CHECK_EQ(disk.count, 5);
    CHECK_EQ(disk.value[4], 0x7777);
    ioports_read_block(ports, 0x60, 1, bytes, 3);
    CHECK_EQ(plain.count, 3);
    CHECK_EQ(bytes[2], 0x21);
    ioports_destroy(ports);
}

static void collect(void *opaque, const struct port_range *range)
{
    struct chip *log = opaque;
    log->offset[log->count++] = range->base;
}

TEST(ranges_are_listed_in_ascending_order)
{
    struct ioports *ports = ioports_create();
    struct chip chip = {0}, log = {0};
    struct port_range a = range_of(&chip, 0x3f8, 8, &any_ops), b = range_of(&chip, 0x20, 2, &any_ops),
                      c = range_of(&chip, 0x60, 1, &any_ops);
    ioports_add(ports, &a);
    ioports_add(ports, &b);
    ioports_add(ports, &c);
    ioports_each(ports, collect, &log);
    CHECK_EQ(log.count, 3);
    CHECK_EQ(log.offset[0], 0x20);
    CHECK_EQ(log.offset[1], 0x60);
    CHECK_EQ(log.offset[2], 0x3f8);
    ioports_destroy(ports);
}

UNIT_MAIN()
