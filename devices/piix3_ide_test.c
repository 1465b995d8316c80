/*
 * Bus master transfers of the PIIX3 with good and hostile descriptors.
 */
#include "devices/piix3_ide.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "machine/machine.h"
#include "tests/unit.h"

#define SECTORS 1024
#define RAM (1 << 20)
#define TABLE 0x8000
#define BM 0xc000
#define FUNCTION (1 << 3 | 1)

enum { DRQ_READY = 0x58, READY = 0x50 };

static struct machine machine;
static struct piix3_ide ide;
static struct region ram;
static struct block *disk;
static bool line[2];
static char path[64];

static void set_line(void *opaque, int number, bool level)
{
    line[number] = level;
}

static u32 in(u16 port, unsigned size)
{
    return ioports_read(machine.ports, port, size);
}

static void out(u16 port, u32 value, unsigned size)
{
    ioports_write(machine.ports, port, value, size);
}

static u8 pattern(u64 sector, u32 i)
{
    return (u8)(sector * 7 + i * 3);
}

static void make_image(void)
{
    u8 data[512];
    strcpy(path, "/tmp/clutch-piix3-XXXXXX");
    int fd = mkstemp(path);
    for (u64 sector = 0; sector < SECTORS; sector++) {
        for (u32 i = 0; i < 512; i++)
            data[i] = pattern(sector, i);
        if (write(fd, data, 512) != 512)
            abort();
    }
    close(fd);
}

static void setup(void)
{
    static u8 flags[RAM / 4096];
    struct error err;
    machine = (struct machine){.ports = ioports_create(), .memory = memory_create()};
    machine.pci = pci_create(machine.memory, machine.ports);
    ram = (struct region){.name = "ram", .kind = REGION_RAM, .size = RAM, .enabled = true, .host = memory_alloc(RAM),
                          .page_flags = flags};
    memory_add(machine.memory, &ram);
    make_image();
    disk = block_open(&(struct block_options){.file = path, .format = "raw"}, NULL, NULL, &err);
    struct irq irq[2] = {{set_line, NULL, 0}, {set_line, NULL, 1}};
    piix3_ide_init(&ide, &machine, irq);
    ide_attach(&ide.channel[0], 0, disk, IDE_DISK);
    pci_config_write(machine.pci, FUNCTION, 0x20, BM, 4);
    pci_config_write(machine.pci, FUNCTION, 0x04, 5, 2);
    line[0] = line[1] = false;
}

static void teardown(void)
{
    ide_detach(&ide.channel[0], 0);
    block_close(disk);
    memory_free(ram.host, RAM);
    pci_destroy(machine.pci);
    memory_destroy(machine.memory);
    ioports_destroy(machine.ports);
    unlink(path);
}

static void descriptor(unsigned index, u32 address, u16 count, bool last)
{
    u32 words[2] = {address, count | (last ? 0x80000000u : 0)};
    memory_write(machine.memory, TABLE + index * 8, words, 8);
}

static void command(u32 lba, u8 count, u8 code)
{
    out(0x1f6, 0xe0 | lba >> 24, 1);
    out(0x1f2, count, 1);
    out(0x1f3, lba & 0xff, 1);
    out(0x1f4, lba >> 8 & 0xff, 1);
    out(0x1f5, lba >> 16 & 0xff, 1);
    out(0x1f7, code, 1);
}

static void start(bool to_memory)
{
    out(BM + 4, TABLE, 4);
    out(BM + 2, 0x06, 1);
    out(BM, to_memory ? 0x08 : 0x00, 1);
    out(BM, to_memory ? 0x09 : 0x01, 1);
}

TEST(the_function_is_a_legacy_ide_bus_master)
{
    setup();
    CHECK_EQ(pci_config_read(machine.pci, FUNCTION, 0, 4), 0x70108086);
    CHECK_EQ(pci_config_read(machine.pci, FUNCTION, 8, 4) >> 8, 0x010180);
    pci_config_write(machine.pci, FUNCTION, 0x20, 0xffffffff, 4);
    CHECK_EQ(pci_config_read(machine.pci, FUNCTION, 0x20, 4), 0xfffffff1);
    teardown();
}

TEST(read_dma_scatters_over_the_descriptors_and_ends_with_interrupt_and_not_active)
{
    setup();
    descriptor(0, 0x10000, 512, false);
    descriptor(1, 0x20002, 510, false);
    descriptor(2, 0x30000, 514, true);
    command(5, 3, 0xc8);
    start(true);
    block_drain(disk);
    CHECK(line[0]);
    CHECK_EQ(in(BM + 2, 1), 0x04);
    CHECK_EQ(in(0x1f7, 1), READY);
    CHECK(!line[0]);
    CHECK_EQ(in(BM + 2, 1), 0x04); /* latched until 1 is written */
    out(BM + 2, 0x04, 1);
    CHECK_EQ(in(BM + 2, 1), 0);
    CHECK_EQ(ram.host[0x10000], pattern(5, 0));
    CHECK_EQ(ram.host[0x20002], pattern(6, 0));
    CHECK_EQ(ram.host[0x20002 + 509], pattern(6, 509));
    CHECK_EQ(ram.host[0x30000], pattern(6, 510));
    CHECK_EQ(ram.host[0x30002], pattern(7, 0));
    teardown();
}

TEST(the_drive_waits_with_drq_until_the_bus_master_is_started)
{
    setup();
    descriptor(0, 0x10000, 512, true);
    command(9, 1, 0xc8);
    block_drain(disk);
    CHECK(!line[0]);
    CHECK_EQ(in(0x3f6, 1), DRQ_READY);
    start(true);
    CHECK(line[0]);
    CHECK_EQ(ram.host[0x10000], pattern(9, 0));
    teardown();
}

TEST(write_dma_gathers_from_memory_in_several_chunks)
{
    setup();
    for (u32 i = 0; i < 0x40000; i++)
        ram.host[0x10000 + i] = (u8)(i >> 9);
    for (unsigned i = 0; i < 5; i++)
        descriptor(i, 0x10000 + i * 0x10000, 0, i == 4); /* 0: 64 KiB each */
    out(0x1f6, 0xe0, 1);
    out(0x1f2, 1, 1); /* 48-bit: 0x0108 sectors */
    out(0x1f2, 8, 1);
    for (u16 port = 0x1f3; port <= 0x1f5; port++) {
        out(port, 0, 1);
        out(port, 0, 1);
    }
    out(0x1f7, 0x35, 1);
    start(false);
    block_drain(disk);
    CHECK(line[0]);
    CHECK_EQ(in(BM + 2, 1), 0x05); /* the table is longer than the transfer: still active */
    out(BM, 0, 1);
    CHECK_EQ(in(BM + 2, 1), 0x04);
    u8 byte;
    int fd = open(path, O_RDONLY);
    CHECK_EQ(pread(fd, &byte, 1, 0x107 * 512), 1);
    CHECK_EQ(byte, 0x07);
    CHECK_EQ(pread(fd, &byte, 1, 0x108 * 512), 1);
    CHECK_EQ(byte, pattern(0x108, 0));
    close(fd);
    teardown();
}

TEST(a_table_that_is_too_short_leaves_the_drive_waiting_without_interrupt)
{
    setup();
    descriptor(0, 0x10000, 512, true);
    command(0, 2, 0xc8);
    start(true);
    block_drain(disk);
    CHECK(!line[0]);
    CHECK_EQ(in(BM + 2, 1), 0x00);
    CHECK_EQ(in(0x3f6, 1), DRQ_READY);
    out(0x3f6, 0x04, 1); /* the host gives up */
    out(0x3f6, 0x00, 1);
    CHECK_EQ(in(0x1f7, 1), READY);
    teardown();
}

TEST(descriptors_may_point_nowhere_and_at_each_other)
{
    setup();
    descriptor(0, 0xfffffffe, 0xffff, false);
    descriptor(1, TABLE, 16, false); /* the transfer overwrites its own table */
    for (unsigned i = 2; i < 200; i++)
        descriptor(i, 0x80000000, 2, false);
    command(0, 0, 0xc8);
    start(true);
    block_drain(disk);
    out(BM + 4, 0xffffffff, 4);
    CHECK_EQ(in(BM + 4, 4), 0xfffffffc);
    out(BM, 0x00, 1);
    out(0x3f6, 0x04, 1);
    out(0x3f6, 0x00, 1);
    command(0, 0, 0xc8);
    out(BM, 0x09, 1);
    block_drain(disk);
    CHECK(line[0] || in(0x3f6, 1) == DRQ_READY);
    teardown();
}

TEST(nothing_moves_without_permission_to_master_the_bus_or_in_the_wrong_direction)
{
    setup();
    descriptor(0, 0x10000, 512, true);
    pci_config_write(machine.pci, FUNCTION, 0x04, 1, 2);
    command(3, 1, 0xc8);
    start(true);
    block_drain(disk);
    CHECK(!line[0]);
    pci_config_write(machine.pci, FUNCTION, 0x04, 5, 2);
    CHECK(line[0]);
    in(0x1f7, 1);
    command(3, 1, 0xca);
    start(true);
    block_drain(disk);
    CHECK(!line[0]);
    CHECK_EQ(in(0x3f6, 1), DRQ_READY);
    teardown();
}

TEST(identify_reports_the_dma_mode_that_was_set)
{
    setup();
    u16 words[256];
    out(0x1f1, 0x03, 1);
    out(0x1f2, 0x22, 1);
    out(0x1f7, 0xef, 1);
    CHECK_EQ(in(0x1f7, 1), READY);
    out(0x1f7, 0xec, 1);
    ioports_read_block(machine.ports, 0x1f0, 2, words, 256);
    CHECK_EQ(words[49] & 0x0300, 0x0300);
    CHECK_EQ(words[63], 0x0407);
    CHECK_EQ(words[88], 0x003f);
    out(0x1f2, 0x42, 1);
    out(0x1f7, 0xef, 1);
    out(0x1f7, 0xec, 1);
    ioports_read_block(machine.ports, 0x1f0, 2, words, 256);
    CHECK_EQ(words[63], 0x0007);
    CHECK_EQ(words[88], 0x043f);
    teardown();
}

UNIT_MAIN()
