/*
 * ATA protocol sequences against a small disk in a temporary file.
 */
#include "devices/ide.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "machine/machine.h"
#include "tests/unit.h"

enum { DATA = 0x1f0, ERROR, COUNT, LOW, MID, HIGH, DEVICE, STATUS, CONTROL = 0x3f6 };
enum { ERR = 0x01, DRQ = 0x08, DSC = 0x10, DRDY = 0x40, BSY = 0x80 };

#define SECTORS 2048 /* 2 cylinders of 16 * 63, and a bit */

static struct machine machine;
static struct ide_channel channel;
static struct block *disk;
static char path[64];
static int edges;
static bool line;

static void set_line(void *opaque, int number, bool level)
{
    edges += level && !line;
    line = level;
}

static u8 in(u16 port)
{
    return (u8)ioports_read(machine.ports, port, 1);
}

static void out(u16 port, u8 value)
{
    ioports_write(machine.ports, port, value, 1);
}

static u8 pattern(u64 sector, unsigned i)
{
    return (u8)(sector * 13 + i);
}

static void make_image(void)
{
    strcpy(path, "/tmp/clutch-ide-XXXXXX");
    int fd = mkstemp(path);
    u8 data[512];
    for (u64 sector = 0; sector < SECTORS; sector++) {
        for (unsigned i = 0; i < 512; i++)
            data[i] = pattern(sector, i);
        if (write(fd, data, 512) != 512)
            abort();
    }
    close(fd);
}

static void setup(bool readonly)
{
    struct error err;
    machine = (struct machine){.ports = ioports_create()};
    memset(&channel, 0, sizeof(channel));
    make_image();
    disk = block_open(&(struct block_options){.file = path, .format = "raw", .readonly = readonly}, NULL, NULL, &err);
    ide_init(&channel, &machine, 0x1f0, 0x3f6, &(struct irq){set_line, NULL, 0});
    ide_attach(&channel, 0, disk, IDE_DISK);
    edges = 0;
    line = false;
}

static void teardown(void)
{
    ide_detach(&channel, 0);
    block_close(disk);
    ioports_destroy(machine.ports);
    unlink(path);
}

/* Until the host has done its part. */
static void wait(void)
{
    block_drain(disk);
}

static void lba28(u32 lba, u8 count, u8 command)
{
    out(DEVICE, (u8)(0xe0 | lba >> 24));
    out(COUNT, count);
    out(LOW, (u8)lba);
    out(MID, (u8)(lba >> 8));
    out(HIGH, (u8)(lba >> 16));
    out(STATUS, command);
}

static bool read_sector(u64 sector)
{
    bool right = true;
    for (unsigned i = 0; i < 512; i += 2) {
        u16 word = (u16)ioports_read(machine.ports, DATA, 2);
        right &= word == (pattern(sector, i) | pattern(sector, i + 1) << 8);
    }
    return right;
}

static void write_sector(u8 value)
{
    for (unsigned i = 0; i < 512; i += 4)
        ioports_write(machine.ports, DATA, value * 0x01010101u, 4);
}

static u16 identify[256];

static void read_identify(void)
{
    out(DEVICE, 0xa0);
    out(STATUS, 0xec);
    CHECK_EQ(in(STATUS), DRDY | DSC | DRQ);
    for (int i = 0; i < 256; i++)
        identify[i] = (u16)ioports_read(machine.ports, DATA, 2);
    CHECK_EQ(in(STATUS), DRDY | DSC);
}

TEST(power_on_leaves_the_disk_signature_and_a_ready_drive)
{
    setup(false);
    CHECK_EQ(in(STATUS), DRDY | DSC);
    CHECK_EQ(in(ERROR), 0x01);
    CHECK_EQ(in(COUNT), 0x01);
    CHECK_EQ(in(LOW), 0x01);
    CHECK_EQ(in(MID), 0x00);
    CHECK_EQ(in(HIGH), 0x00);
    CHECK(!line);
    teardown();
}

TEST(an_absent_device_1_has_status_0_and_device_0_answers_for_its_other_registers)
{
    setup(false);
    out(DEVICE, 0xb0);
    CHECK_EQ(in(STATUS), 0);
    CHECK_EQ(in(CONTROL), 0);
    out(COUNT, 0x55);
    out(LOW, 0xaa);
    CHECK_EQ(in(COUNT), 0x55);
    CHECK_EQ(in(LOW), 0xaa);
    CHECK_EQ(in(DEVICE), 0xb0);
    out(STATUS, 0xec);
    CHECK_EQ(in(STATUS), 0);
    CHECK(!line);
    teardown();
}

TEST(a_channel_without_drives_floats_with_dd7_pulled_down)
{
    setup(false);
    ide_detach(&channel, 0);
    out(COUNT, 0x55);
    CHECK_EQ(in(COUNT), 0x7f);
    CHECK_EQ(in(STATUS), 0x7f);
    teardown();
}

TEST(identify_tells_size_geometry_and_model)
{
    setup(false);
    read_identify();
    CHECK_EQ(identify[0], 0x0040);
    CHECK_EQ(identify[1], 2);
    CHECK_EQ(identify[3], 16);
    CHECK_EQ(identify[6], 63);
    CHECK_EQ(identify[60] | identify[61] << 16, SECTORS);
    CHECK_EQ(identify[100], SECTORS);
    CHECK_EQ(identify[27], 'C' << 8 | 'L');
    CHECK_EQ(identify[83] & 0xc000, 0x4000);
    CHECK_EQ(identify[63], 0); /* no bus master on this channel */
    CHECK_EQ(edges, 1);
    teardown();
}

TEST(read_sectors_interrupts_once_for_each_block_and_not_after_the_last)
{
    setup(false);
    lba28(5, 3, 0x20);
    CHECK_EQ(in(CONTROL), BSY);
    CHECK(!line);
    wait();
    for (u64 sector = 5; sector < 8; sector++) {
        CHECK(line);
        CHECK_EQ(in(CONTROL), DRDY | DSC | DRQ);
        CHECK(line); /* Alternate Status leaves INTRQ alone */
        CHECK_EQ(in(STATUS), DRDY | DSC | DRQ);
        CHECK(!line);
        CHECK(read_sector(sector));
    }
    CHECK(!line);
    CHECK_EQ(edges, 3);
    CHECK_EQ(in(STATUS), DRDY | DSC);
    CHECK_EQ(in(LOW), 7); /* the last sector's address */
    CHECK_EQ(in(COUNT), 0);
    teardown();
}

TEST(write_sectors_takes_the_first_block_without_interrupt_and_ends_with_one)
{
    setup(false);
    lba28(9, 2, 0x30);
    CHECK_EQ(in(STATUS), DRDY | DSC | DRQ);
    CHECK_EQ(edges, 0);
    write_sector(0x11);
    CHECK_EQ(edges, 1);
    CHECK_EQ(in(STATUS), DRDY | DSC | DRQ);
    write_sector(0x22);
    CHECK_EQ(in(CONTROL), BSY);
    CHECK(!line);
    wait();
    CHECK_EQ(edges, 2);
    CHECK_EQ(in(STATUS), DRDY | DSC);
    u8 data[1024];
    int fd = open(path, O_RDONLY);
    CHECK_EQ(pread(fd, data, 1024, 9 * 512), 1024);
    close(fd);
    CHECK_EQ(data[0], 0x11);
    CHECK_EQ(data[511], 0x11);
    CHECK_EQ(data[512], 0x22);
    teardown();
}

TEST(count_0_means_256_sectors)
{
    setup(false);
    lba28(0, 0, 0x20);
    wait();
    for (u64 sector = 0; sector < 256; sector++)
        CHECK(read_sector(sector));
    CHECK_EQ(in(STATUS), DRDY | DSC);
    teardown();
}

TEST(chs_addresses_follow_the_translation)
{
    setup(false);
    out(DEVICE, 0xa1); /* head 1 */
    out(COUNT, 1);
    out(LOW, 2);
    out(MID, 1);
    out(HIGH, 0);
    out(STATUS, 0x20);
    wait();
    CHECK(read_sector((1 * 16 + 1) * 63 + 1));
    out(COUNT, 17); /* INITIALIZE DEVICE PARAMETERS: 17 sectors, 4 heads */
    out(DEVICE, 0xa3);
    out(STATUS, 0x91);
    CHECK_EQ(in(STATUS), DRDY | DSC);
    out(COUNT, 1);
    out(LOW, 17);
    out(MID, 3);
    out(STATUS, 0x20);
    wait();
    CHECK(read_sector((3 * 4 + 3) * 17 + 16));
    out(LOW, 18); /* beyond the track */
    out(STATUS, 0x20);
    CHECK_EQ(in(STATUS), DRDY | DSC | ERR);
    CHECK_EQ(in(ERROR), 0x10);
    read_identify();
    CHECK_EQ(identify[55], 4);
    CHECK_EQ(identify[56], 17);
    CHECK_EQ(identify[54], SECTORS / 4 / 17);
    teardown();
}

TEST(a_48_bit_read_takes_two_writes_to_each_register_and_hob_shows_the_first)
{
    setup(false);
    out(DEVICE, 0x40);
    out(COUNT, 0);
    out(COUNT, 2);
    out(LOW, 0);
    out(LOW, 0x34);
    out(MID, 0);
    out(MID, 0x02);
    out(HIGH, 0);
    out(HIGH, 0);
    out(CONTROL, 0x80);
    CHECK_EQ(in(LOW), 0);
    out(CONTROL, 0);
    CHECK_EQ(in(LOW), 0x34);
    out(STATUS, 0x24);
    wait();
    CHECK(read_sector(0x234));
    CHECK(read_sector(0x235));
    CHECK_EQ(in(STATUS), DRDY | DSC);
    out(LOW, 1); /* 01 00 00 00 in bits 47:24 */
    out(LOW, 0);
    out(STATUS, 0x24);
    CHECK_EQ(in(STATUS), DRDY | DSC | ERR);
    CHECK_EQ(in(ERROR), 0x10);
    teardown();
}

TEST(sectors_beyond_the_end_are_not_found)
{
    setup(false);
    lba28(SECTORS, 1, 0x20);
    CHECK_EQ(in(STATUS), DRDY | DSC | ERR);
    CHECK_EQ(in(ERROR), 0x10);
    lba28(SECTORS - 1, 1, 0x20);
    wait();
    CHECK(read_sector(SECTORS - 1));
    CHECK_EQ(in(STATUS), DRDY | DSC);
    teardown();
}

TEST(multiple_moves_blocks_of_the_set_size_and_a_rest)
{
    setup(false);
    lba28(0, 1, 0xc4);
    CHECK_EQ(in(ERROR), 0x04); /* not set: aborted */
    out(COUNT, 3);
    out(STATUS, 0xc6);
    CHECK_EQ(in(STATUS), DRDY | DSC | ERR); /* no power of two */
    out(COUNT, 4);
    out(STATUS, 0xc6);
    CHECK_EQ(in(STATUS), DRDY | DSC);
    edges = 0;
    lba28(10, 6, 0xc4);
    wait();
    CHECK_EQ(in(STATUS), DRDY | DSC | DRQ);
    for (u64 sector = 10; sector < 14; sector++)
        CHECK(read_sector(sector));
    CHECK(line);
    CHECK_EQ(in(STATUS), DRDY | DSC | DRQ);
    CHECK(read_sector(14));
    CHECK(read_sector(15));
    CHECK_EQ(in(STATUS), DRDY | DSC);
    CHECK_EQ(edges, 2);
    teardown();
}

TEST(nien_keeps_intrq_from_the_line)
{
    setup(false);
    out(CONTROL, 0x02);
    out(STATUS, 0xe5);
    CHECK(!line);
    out(CONTROL, 0);
    CHECK(line);
    CHECK_EQ(in(COUNT), 0xff); /* CHECK POWER MODE: active */
    in(STATUS);
    CHECK(!line);
    teardown();
}

TEST(unknown_commands_are_aborted)
{
    setup(false);
    static const u8 commands[] = {0x00, 0xa0, 0xa1, 0xb0, 0xc8, 0xff};
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        out(STATUS, commands[i]);
        CHECK_EQ(in(STATUS), DRDY | DSC | ERR);
        CHECK_EQ(in(ERROR), 0x04);
    }
    teardown();
}

TEST(software_reset_ends_a_transfer_and_puts_the_signature)
{
    setup(false);
    lba28(0, 8, 0x20);
    wait();
    CHECK(read_sector(0));
    out(CONTROL, 0x04);
    CHECK_EQ(in(CONTROL), BSY);
    CHECK(!line);
    out(CONTROL, 0x00);
    CHECK_EQ(in(STATUS), DRDY | DSC);
    CHECK_EQ(in(ERROR), 0x01);
    CHECK_EQ(in(COUNT), 1);
    CHECK_EQ(in(LOW), 1);
    CHECK_EQ(in(DEVICE), 0);
    lba28(0, 8, 0x20);
    out(CONTROL, 0x04); /* while the host works */
    out(CONTROL, 0x00);
    wait();
    CHECK_EQ(in(STATUS), DRDY | DSC);
    CHECK(!line);
    teardown();
}

TEST(diagnostics_run_on_both_drives_and_device_0_interrupts)
{
    setup(false);
    out(DEVICE, 0xb0);
    out(STATUS, 0x90);
    CHECK(line);
    CHECK_EQ(in(ERROR), 0x01);
    CHECK_EQ(in(DEVICE), 0);
    CHECK_EQ(in(STATUS), DRDY | DSC);
    teardown();
}

TEST(a_sleeping_drive_wakes_by_reset_only)
{
    setup(false);
    out(STATUS, 0xe6);
    CHECK_EQ(in(STATUS), DRDY | DSC);
    edges = 0;
    out(STATUS, 0xec);
    CHECK_EQ(in(STATUS), DRDY | DSC);
    CHECK_EQ(edges, 0);
    out(CONTROL, 0x04);
    out(CONTROL, 0x00);
    read_identify();
    teardown();
}

TEST(a_write_protected_disk_aborts_writes)
{
    setup(true);
    lba28(0, 1, 0x30);
    CHECK_EQ(in(STATUS), DRDY | DSC | ERR);
    CHECK_EQ(in(ERROR), 0x04);
    teardown();
}

TEST(registers_cannot_be_written_while_a_transfer_runs)
{
    setup(false);
    lba28(1, 1, 0x20);
    out(LOW, 0x77);
    out(STATUS, 0xec);
    wait();
    CHECK_EQ(in(LOW), 1);
    CHECK(read_sector(1));
    teardown();
}

TEST(a_block_of_words_moves_as_single_words_do)
{
    setup(false);
    static u8 data[1024];
    lba28(20, 2, 0x20);
    wait();
    channel.command_ports.ops->read_block(&channel, 0, 2, data, 512);
    for (unsigned i = 0; i < 1024; i++)
        CHECK_EQ(data[i], pattern(20 + i / 512, i % 512));
    CHECK_EQ(in(STATUS), DRDY | DSC);
    channel.command_ports.ops->read_block(&channel, 0, 4, data, 2); /* nothing is offered */
    CHECK_EQ(data[7], 0xff);
    memset(data, 0x3c, sizeof(data));
    lba28(20, 2, 0x30);
    channel.command_ports.ops->write_block(&channel, 0, 4, data, 256);
    wait();
    CHECK_EQ(in(STATUS), DRDY | DSC);
    lba28(21, 1, 0x20);
    wait();
    CHECK_EQ(ioports_read(machine.ports, DATA, 4), 0x3c3c3c3c);
    teardown();
}

TEST(geometry_comes_from_a_consistent_partition_table)
{
    setup(false);
    unsigned c, h, s;
    ide_geometry(disk, &c, &h, &s);
    CHECK_EQ(c, 2);
    CHECK_EQ(h, 16);
    CHECK_EQ(s, 63);
    u8 mbr[512] = {0};
    u8 *entry = mbr + 446;
    entry[4] = 6;
    entry[5] = 3;  /* last head: 4 heads */
    entry[6] = 17; /* last sector */
    entry[7] = 9;  /* last cylinder */
    entry[8] = 17;
    entry[12] = (10 * 4 * 17 - 17) & 0xff;
    entry[13] = (10 * 4 * 17 - 17) >> 8;
    mbr[510] = 0x55;
    mbr[511] = 0xaa;
    int fd = open(path, O_WRONLY);
    CHECK_EQ(pwrite(fd, mbr, 512, 0), 512);
    close(fd);
    ide_geometry(disk, &c, &h, &s);
    CHECK_EQ(c, SECTORS / 4 / 17);
    CHECK_EQ(h, 4);
    CHECK_EQ(s, 17);
    CHECK_EQ(ide_translation(1024, 16, 63), 0);
    CHECK_EQ(ide_translation(1025, 16, 63), 1);
    teardown();
}

UNIT_MAIN()
