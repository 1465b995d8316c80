/*
 * CD-ROM drive: the PACKET protocol and the packet commands.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "devices/packetbench.h"

#define CD_SECTORS 200

static char path[64];

/* The last sector of the image is incomplete. */
static void make_image(void)
{
    u8 data[2048];
    strcpy(path, "/tmp/clutch-cd-XXXXXX");
    int fd = mkstemp(path);
    for (int sector = 0; sector < CD_SECTORS; sector++) {
        memset(data, sector + 1, sizeof(data));
        if (write(fd, data, 2048) != 2048)
            abort();
    }
    if (ftruncate(fd, CD_SECTORS * 2048 - 1000) < 0)
        abort();
    close(fd);
}

static void setup(bool with_disc)
{
    struct error err;
    machine = (struct machine){.ports = ioports_create()};
    memset(&channel, 0, sizeof(channel));
    make_image();
    disc = block_open(&(struct block_options){.file = path, .readonly = true}, NULL, NULL, &err);
    ide_init(&channel, &machine, 0x170, 0x376, &(struct irq){set_line, NULL, 0});
    ide_attach(&channel, 0, with_disc ? disc : NULL, IDE_CDROM);
    line = false;
}

static void teardown(void)
{
    ide_detach(&channel, 0);
    block_close(disc);
    ioports_destroy(machine.ports);
    unlink(path);
}

TEST(disk_commands_are_aborted_with_the_packet_signature)
{
    setup(true);
    CHECK_EQ(in(STATUS), 0);
    CHECK_EQ(in(MID), 0x14);
    CHECK_EQ(in(HIGH), 0xeb);
    out(MID, 0);
    out(HIGH, 0);
    out(STATUS, 0xec);
    CHECK_EQ(in(STATUS), READY | CHK);
    CHECK_EQ(in(ERROR), 0x04);
    CHECK_EQ(in(MID), 0x14);
    CHECK_EQ(in(HIGH), 0xeb);
    teardown();
}

TEST(identify_packet_device_tells_a_removable_cd_rom)
{
    setup(true);
    u16 words[256];
    out(STATUS, 0xa1);
    CHECK_EQ(in(STATUS), READY | DRQ);
    ioports_read_block(machine.ports, DATA, 2, words, 256);
    CHECK_EQ(words[0], 0x85c0);
    CHECK_EQ(words[27], 'C' << 8 | 'L');
    CHECK_EQ(in(STATUS), READY);
    teardown();
}

TEST(device_reset_is_taken_at_any_time)
{
    setup(true);
    out(STATUS, 0xa0);
    out(STATUS, 0x08);
    CHECK_EQ(in(STATUS), 0);
    CHECK_EQ(in(MID), 0x14);
    CHECK_EQ(in(ERROR), 0x01);
    teardown();
}

TEST(inquiry_is_cut_to_the_allocation_length)
{
    setup(true);
    u8 data[64];
    packet("\x12\0\0\0\x24\0\0\0\0\0\0", 0xfffe);
    CHECK_EQ(receive(data, sizeof(data)), 36);
    CHECK_EQ(data[0], 5);
    CHECK_EQ(data[1], 0x80);
    CHECK(memcmp(data + 8, "CLUTCH  CD-ROM", 14) == 0);
    packet("\x12\0\0\0\x05\0\0\0\0\0\0", 0xfffe);
    CHECK_EQ(receive(data, sizeof(data)), 5);
    teardown();
}

TEST(read_10_sends_blocks_of_the_byte_count_limit)
{
    setup(true);
    static u8 data[8 * 2048];
    packet("\x28\0\0\0\0\x05\0\0\x02\0\0", 2048);
    CHECK_EQ(in(MID) | in(HIGH) << 8, 2048);
    CHECK_EQ(receive(data, sizeof(data)), 4096);
    CHECK_EQ(data[0], 6);
    CHECK_EQ(data[2047], 6);
    CHECK_EQ(data[2048], 7);
    CHECK_EQ(in(STATUS), READY);
    teardown();
}

TEST(a_long_read_crosses_the_buffer_and_the_incomplete_last_sector_ends_in_zeros)
{
    setup(true);
    static u8 data[CD_SECTORS * 2048];
    packet("\xa8\0\0\0\0\0\0\0\0\xc8\0", 0xffff);
    CHECK_EQ(receive(data, sizeof(data)), CD_SECTORS * 2048);
    CHECK_EQ(data[100 * 2048], 101);
    CHECK_EQ(data[199 * 2048], 200);
    CHECK_EQ(data[199 * 2048 + 1047], 200);
    CHECK_EQ(data[199 * 2048 + 1048], 0);
    teardown();
}

TEST(reads_outside_the_disc_are_illegal)
{
    setup(true);
    packet("\x28\0\0\0\0\xc7\0\0\x02\0\0", 2048);
    check_sense(5, 0x21);
    packet("\x28\0\xff\xff\xff\xff\0\xff\xff\0\0", 2048);
    check_sense(5, 0x21);
    teardown();
}

TEST(capacity_and_toc_describe_one_data_track)
{
    setup(true);
    u8 data[64];
    packet("\x25\0\0\0\0\0\0\0\0\0\0", 8);
    CHECK_EQ(receive(data, sizeof(data)), 8);
    CHECK_EQ(be32(data), CD_SECTORS - 1);
    CHECK_EQ(be32(data + 4), 2048);
    packet("\x43\0\0\0\0\0\0\0\x40\0\0", 0xfffe);
    CHECK_EQ(receive(data, sizeof(data)), 20);
    CHECK_EQ(data[1], 18);
    CHECK_EQ(data[2], 1);
    CHECK_EQ(data[3], 1);
    CHECK_EQ(data[5], 0x14);
    CHECK_EQ(be32(data + 8), 0);
    CHECK_EQ(data[14], 0xaa);
    CHECK_EQ(be32(data + 16), CD_SECTORS);
    packet("\x43\x02\0\0\0\0\0\0\x40\0\0", 0xfffe); /* MSF: sector 0 is at 00:02:00 */
    receive(data, sizeof(data));
    CHECK_EQ(be32(data + 8), 0x00000200);
    CHECK_EQ(be32(data + 16), 0x00000432);
    teardown();
}

TEST(an_empty_drive_is_not_ready)
{
    setup(false);
    packet("\0\0\0\0\0\0\0\0\0\0\0", 0);
    check_sense(2, 0x3a);
    packet("\x28\0\0\0\0\0\0\0\x01\0\0", 2048);
    check_sense(2, 0x3a);
    ide_change_medium(&channel, 0, disc);
    packet("\0\0\0\0\0\0\0\0\0\0\0", 0);
    check_sense(6, 0x28); /* once */
    packet("\0\0\0\0\0\0\0\0\0\0\0", 0);
    CHECK_EQ(in(STATUS), READY);
    teardown();
}

TEST(a_locked_tray_does_not_open)
{
    setup(true);
    packet("\x1e\0\0\0\x01\0\0\0\0\0\0", 0);
    packet("\x1b\0\0\0\x02\0\0\0\0\0\0", 0);
    check_sense(5, 0x53);
    packet("\x1e\0\0\0\0\0\0\0\0\0\0", 0);
    packet("\x1b\0\0\0\x02\0\0\0\0\0\0", 0);
    CHECK_EQ(in(STATUS), READY);
    u8 data[8];
    packet("\x4a\x01\0\0\x10\0\0\0\x08\0\0", 0xfffe);
    CHECK_EQ(receive(data, sizeof(data)), 8);
    CHECK_EQ(data[5], 0x01); /* open, no medium */
    packet("\x1b\0\0\0\x03\0\0\0\0\0\0", 0);
    packet("\0\0\0\0\0\0\0\0\0\0\0", 0);
    check_sense(6, 0x28);
    teardown();
}

TEST(unknown_packets_are_illegal_and_every_known_one_ends)
{
    setup(true);
    packet("\xff\0\0\0\0\0\0\0\0\0\0", 0);
    check_sense(5, 0x20);
    static u8 data[65536 * 4];
    for (unsigned code = 0; code < 256; code++) {
        if (code == 0x55) /* MODE SELECT wants data first */
            continue;
        char bytes[12] = {(char)code, 1, 0, 0, 0x10, 0, 0, 0, 2, 0, 0, 0};
        packet(bytes, 100);
        receive(data, sizeof(data));
        packet("\x1b\0\0\0\x03\0\0\0\0\0\0", 0);
    }
    teardown();
}

TEST(a_software_reset_ends_a_packet_command)
{
    setup(true);
    packet("\x28\0\0\0\0\0\0\0\x08\0\0", 2048);
    out(CONTROL, 4);
    out(CONTROL, 0);
    CHECK_EQ(in(STATUS), 0);
    CHECK_EQ(in(HIGH), 0xeb);
    CHECK(!line);
    teardown();
}

UNIT_MAIN()
