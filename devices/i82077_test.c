/*
 * The floppy controller on a bench with its DMA controller and 64 KiB of RAM; images in temporary files.
 */
#include "devices/i82077.h"

#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#include "devices/testbench.h"

enum { DOR = 0x3f2, TDR = 0x3f3, MSR = 0x3f4, DSR = 0x3f4, FIFO = 0x3f5, DIR = 0x3f7, CCR = 0x3f7 };
enum { RQM = 0x80, DIO = 0x40, NON_DMA = 0x20, BUSY = 0x10 };
enum { TO_MEMORY = 0x46, FROM_MEMORY = 0x4a };
enum { TRANSFER_AT = 0x1000 };

static struct bench bench;
static struct i8237 dma;
static struct i82077 fdc;
static struct region ram;
static struct block *disk;
static char path[2][64];
static u8 result[16];

static void out(u16 port, u8 value)
{
    bench_out(&bench, port, value);
}
static u8 in(u16 port)
{
    return bench_in(&bench, port);
}

static u8 pattern(u32 sector, unsigned i)
{
    return sector * 7 + (sector >> 8) + i;
}

/* A disk of `size` bytes whose sectors can be told apart. */
static struct block *make_disk(int which, u32 size, bool readonly)
{
    struct error err;
    strcpy(path[which], "/tmp/clutch-floppy-XXXXXX");
    int fd = mkstemp(path[which]);
    u8 *data = malloc(size);
    for (u32 i = 0; i < size; i++)
        data[i] = pattern(i / 512, i % 512);
    if (write(fd, data, size) != (ssize_t)size)
        abort();
    close(fd);
    free(data);
    return block_open(&(struct block_options){.file = path[which], .format = "raw", .readonly = readonly},
                      bench.machine->loop, bench.machine->clock, &err);
}

static void remove_disk(int which, struct block *block)
{
    if (block)
        block_close(block);
    unlink(path[which]);
}

/* Power on, drives not yet reset by software. */
static void power_on(u32 size, bool readonly)
{
    struct error err;
    bench_open(&bench);
    ram = (struct region){.name = "ram", .kind = REGION_RAM, .size = 0x10000, .enabled = true};
    ram.host = memory_alloc(ram.size);
    ram.page_flags = calloc(16, 1);
    memory_add(bench.machine->memory, &ram);
    struct irq irq = bench_wire(&bench);
    i8237_init(&dma, bench.machine);
    out(0xd4, 0x00); /* the cascade of the DMA controllers */
    i82077_init(&fdc, bench.machine, &dma, &irq);
    disk = size ? make_disk(0, size, readonly) : NULL;
    CHECK_EQ(i82077_attach(&fdc, 0, disk, &err), 0);
}

static void power_off(void)
{
    i82077_change(&fdc, 0, NULL, NULL);
    if (disk)
        remove_disk(0, disk);
    memory_remove(bench.machine->memory, &ram);
    memory_free(ram.host, ram.size);
    free(ram.page_flags);
    bench_close(&bench);
}

static void command(unsigned count, ...)
{
    va_list bytes;
    va_start(bytes, count);
    while (count--)
        out(FIFO, va_arg(bytes, int));
    va_end(bytes);
}

/* Reads the result phase to its end; how many bytes it had. */
static unsigned results(void)
{
    unsigned count = 0;
    memset(result, 0xee, sizeof(result));
    while ((in(MSR) & (RQM | DIO | BUSY)) == (RQM | DIO | BUSY) && count < sizeof(result))
        result[count++] = in(FIFO);
    return count;
}

static void check_result(u32 st0_st1_st2, u32 c_h_r_n)
{
    CHECK_EQ(results(), 7);
    CHECK_EQ(result[0] << 16 | result[1] << 8 | result[2], st0_st1_st2);
    CHECK_EQ((u32)result[3] << 24 | result[4] << 16 | result[5] << 8 | result[6], c_h_r_n);
}

/* SENSE INTERRUPT STATUS: ST0 and PCN. */
static u16 sense(void)
{
    out(FIFO, 0x08);
    unsigned count = results();
    CHECK(count == 2 || result[0] == 0x80);
    return count == 2 ? result[0] << 8 | result[1] : result[0];
}

static void wait_for_interrupt(void)
{
    for (int ms = 0; !bench.level && ms < 3000; ms++)
        bench_wait(&bench, 1000000);
    CHECK(bench.level);
}

/* As a BIOS does it: reset, sense, motor on, 500 kbit/s, DMA, head on track 0. */
static void start(u32 size, bool readonly)
{
    power_on(size, readonly);
    out(DOR, 0x1c);
    wait_for_interrupt();
    for (int i = 0; i < 4; i++)
        sense();
    out(CCR, size && size <= 737280 ? 2 : 0);
    command(3, 0x03, 0xdf, 0x02);
    command(2, 0x07, 0x00);
    wait_for_interrupt();
    CHECK_EQ(sense(), 0x2000);
}

static void stop(void)
{
    power_off();
}

static void program_dma(u8 mode, u16 length)
{
    out(0x0a, 0x06);
    out(0x0c, 0);
    out(0x0b, mode);
    out(0x04, TRANSFER_AT & 0xff);
    out(0x04, TRANSFER_AT >> 8);
    out(0x81, 0);
    out(0x05, (length - 1) & 0xff);
    out(0x05, (length - 1) >> 8);
    out(0x0a, 0x02);
}

static void transfer(u8 code, u8 unit_head, u8 c, u8 h, u8 r, u8 eot)
{
    command(9, code, unit_head, c, h, r, 2, eot, 0x1b, 0xff);
    wait_for_interrupt();
}

static void seek(u8 track)
{
    command(3, 0x0f, 0x00, track);
    wait_for_interrupt();
    CHECK_EQ(sense(), 0x2000 | track);
}

static bool holds(u32 at, u32 sector)
{
    for (unsigned i = 0; i < 512; i++)
        if (ram.host[at + i] != pattern(sector, i))
            return false;
    return true;
}

static void read_image(u32 sector, u8 *data)
{
    int fd = open(path[0], O_RDONLY);
    CHECK(pread(fd, data, 512, sector * 512) == 512);
    close(fd);
}

#define KB1440 1474560

/* Resets. */

TEST(controller_is_held_in_reset_after_power_on)
{
    power_on(KB1440, false);
    CHECK_EQ(in(DOR), 0);
    CHECK_EQ(in(MSR), 0);
    power_off();
}

TEST(reset_raises_one_interrupt_for_four_drives_to_be_sensed)
{
    power_on(KB1440, false);
    out(DOR, 0x0c);
    CHECK(!bench.level);
    bench_wait(&bench, 250000);
    CHECK_EQ(bench.rises, 1);
    CHECK_EQ(in(MSR), RQM);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(sense(), (0xc0 | i) << 8);
    CHECK_EQ(bench.rises, 1);
    CHECK(!bench.level);
    CHECK_EQ(sense(), 0x80);
    power_off();
}

TEST(dsr_reset_clears_itself)
{
    start(KB1440, false);
    out(DSR, 0x80);
    wait_for_interrupt();
    CHECK_EQ(sense(), 0xc000);
    CHECK_EQ(in(DOR), 0x1c);
    stop();
}

TEST(dmagate_holds_back_interrupt)
{
    power_on(KB1440, false);
    out(DOR, 0x04);
    bench_wait(&bench, 1000000);
    CHECK(!bench.level);
    CHECK_EQ(sense(), 0xc000);
    out(DOR, 0x0c);
    CHECK(!bench.level);
    power_off();
}

static void dump(void)
{
    out(FIFO, 0x0e);
    CHECK_EQ(results(), 10);
}

TEST(software_reset_takes_configuration_back_unless_locked)
{
    start(KB1440, false);
    command(4, 0x13, 0x00, 0x57, 0x12);
    dump();
    CHECK_EQ(result[4] << 8 | result[5], 0xdf02);
    CHECK_EQ(result[8] << 8 | result[9], 0x5712);
    out(FIFO, 0x94);
    CHECK_EQ(results(), 1);
    CHECK_EQ(result[0], 0x10);
    out(DSR, 0x80);
    wait_for_interrupt();
    dump();
    CHECK_EQ(result[7], 0x80);
    CHECK_EQ(result[8] << 8 | result[9], 0x0712); /* no implied seek, polling again */
    out(FIFO, 0x14);
    results();
    CHECK_EQ(result[0], 0x00);
    out(DOR, 0x18);
    out(DOR, 0x1c);
    wait_for_interrupt();
    dump();
    CHECK_EQ(result[4] << 8 | result[5], 0xdf02);
    CHECK_EQ(result[8] << 8 | result[9], 0x2000);
    stop();
}

TEST(perpendicular_drive_bits_need_ow)
{
    start(KB1440, false);
    command(2, 0x12, 0x84 | 0x03);
    dump();
    CHECK_EQ(result[7], 0x07);
    command(2, 0x12, 0x38);
    dump();
    CHECK_EQ(result[7], 0x04);
    stop();
}

TEST(version_is_that_of_an_enhanced_controller)
{
    start(KB1440, false);
    out(FIFO, 0x10);
    CHECK_EQ(results(), 1);
    CHECK_EQ(result[0], 0x90);
    stop();
}

TEST(invalid_command_answers_80h)
{
    start(KB1440, false);
    static const u8 codes[] = {0x00, 0x01, 0x18, 0x1f, 0x33, 0xff};
    for (size_t i = 0; i < sizeof(codes); i++) {
        out(FIFO, codes[i]);
        CHECK_EQ(results(), 1);
        CHECK_EQ(result[0], 0x80);
    }
    stop();
}

/* Seeks. */

TEST(seek_frees_the_controller_and_shows_the_drive_busy)
{
    start(KB1440, false);
    out(FIFO, 0x0f);
    CHECK_EQ(in(MSR), RQM | BUSY);
    command(2, 0x00, 40);
    CHECK_EQ(in(MSR), RQM | 0x01);
    wait_for_interrupt();
    CHECK_EQ(in(MSR), RQM);
    CHECK_EQ(sense(), 0x2028);
    CHECK(!bench.level);
    CHECK_EQ(fdc.drive[0].track, 40);
    stop();
}

TEST(recalibrate_steps_at_most_79_times)
{
    start(KB1440, false);
    seek(82);
    command(2, 0x07, 0x00);
    wait_for_interrupt();
    CHECK_EQ(sense(), 0x7000);
    CHECK_EQ(fdc.drive[0].track, 3);
    command(2, 0x07, 0x00);
    wait_for_interrupt();
    CHECK_EQ(sense(), 0x2000);
    CHECK_EQ(fdc.drive[0].track, 0);
    stop();
}

TEST(recalibrate_without_drive_is_equipment_check)
{
    start(KB1440, false);
    out(DOR, 0x2d);
    command(2, 0x07, 0x01);
    wait_for_interrupt();
    CHECK_EQ(sense(), 0x7100);
    stop();
}

TEST(relative_seek_counts_from_where_the_head_is)
{
    start(KB1440, false);
    command(3, 0xcf, 0x00, 10);
    wait_for_interrupt();
    CHECK_EQ(sense(), 0x200a);
    command(3, 0x8f, 0x00, 3);
    wait_for_interrupt();
    CHECK_EQ(sense(), 0x2007);
    CHECK_EQ(fdc.drive[0].track, 7);
    stop();
}

TEST(drive_status_shows_track_0_and_write_protection)
{
    start(KB1440, true);
    command(2, 0x04, 0x04);
    CHECK_EQ(results(), 1);
    CHECK_EQ(result[0], 0x7c);
    seek(1);
    command(2, 0x04, 0x00);
    results();
    CHECK_EQ(result[0], 0x68);
    stop();
}

/* Reading. */

TEST(read_ends_at_terminal_count)
{
    start(KB1440, false);
    program_dma(TO_MEMORY, 1024);
    command(9, 0xe6, 0x00, 0, 0, 3, 2, 18, 0x1b, 0xff);
    CHECK_EQ(in(MSR), BUSY);
    CHECK(!bench.level);
    wait_for_interrupt();
    CHECK_EQ(in(MSR), RQM | DIO | BUSY);
    CHECK(holds(TRANSFER_AT, 2) && holds(TRANSFER_AT + 512, 3));
    CHECK_EQ(ram.host[TRANSFER_AT + 1024], 0);
    in(FIFO);
    CHECK(!bench.level); /* INT goes with the first result byte */
    CHECK_EQ(results(), 6);
    stop();
}

/* "Result Phase Table": MT, head, last sector; what C, H and R are then. */
TEST(result_id_is_that_of_the_next_sector)
{
    static const struct {
        u8 code, head, r;
        u32 id;
    } rows[] = {
        {0x46, 0, 5, 0x04000602}, {0x46, 0, 18, 0x05000102}, {0x46, 1, 5, 0x04010602}, {0x46, 1, 18, 0x05010102},
        {0xc6, 0, 5, 0x04000602}, {0xc6, 0, 18, 0x04010102}, {0xc6, 1, 5, 0x04010602}, {0xc6, 1, 18, 0x05000102},
    };
    start(KB1440, false);
    seek(4);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        program_dma(TO_MEMORY, 512);
        transfer(rows[i].code, rows[i].head << 2, 4, rows[i].head, rows[i].r, 18);
        check_result(rows[i].head << 18, rows[i].id);
    }
    stop();
}

TEST(mt_goes_on_at_the_other_side)
{
    start(KB1440, false);
    program_dma(TO_MEMORY, 2048);
    transfer(0xc6, 0x00, 0, 0, 17, 18);
    check_result(0x040000, 0x00010302);
    for (int i = 0; i < 4; i++)
        CHECK(holds(TRANSFER_AT + 512 * i, 16 + i));
    stop();
}

TEST(no_terminal_count_is_end_of_cylinder)
{
    start(KB1440, false);
    program_dma(TO_MEMORY, 2048);
    transfer(0x46, 0x00, 0, 0, 17, 18);
    check_result(0x408000, 0x01000102);
    CHECK(holds(TRANSFER_AT + 512, 17));
    stop();
}

TEST(non_dma_bytes_come_through_the_fifo)
{
    start(KB1440, false);
    command(3, 0x03, 0xdf, 0x03);
    command(9, 0x46, 0x00, 0, 0, 18, 2, 18, 0x1b, 0xff);
    CHECK_EQ(in(MSR), NON_DMA | BUSY);
    wait_for_interrupt();
    bool right = true;
    for (int i = 0; i < 512; i++) {
        right &= bench.level && in(MSR) == (RQM | DIO | NON_DMA | BUSY);
        right &= in(FIFO) == pattern(17, i);
    }
    CHECK(right);
    CHECK(bench.rises >= 512);
    wait_for_interrupt();
    check_result(0x408000, 0x01000102);
    stop();
}

TEST(sector_not_on_the_track_is_no_data)
{
    start(KB1440, false);
    program_dma(TO_MEMORY, 512);
    transfer(0x46, 0x00, 0, 0, 19, 19);
    check_result(0x400400, 0x00001302);
    transfer(0x46, 0x00, 0, 1, 1, 18); /* the ID's head is not the side */
    check_result(0x400400, 0x00010102);
    command(9, 0x46, 0x00, 0, 0, 1, 3, 18, 0x1b, 0xff);
    wait_for_interrupt();
    check_result(0x400400, 0x00000103);
    stop();
}

TEST(head_elsewhere_is_wrong_cylinder)
{
    start(KB1440, false);
    program_dma(TO_MEMORY, 512);
    transfer(0x46, 0x00, 5, 0, 1, 18);
    check_result(0x400410, 0x05000102);
    stop();
}

TEST(implied_seek_goes_there_first)
{
    start(KB1440, false);
    command(4, 0x13, 0x00, 0x40, 0x00);
    program_dma(TO_MEMORY, 512);
    transfer(0x46, 0x00, 5, 0, 1, 18);
    check_result(0x200000, 0x05000202);
    CHECK(holds(TRANSFER_AT, 180));
    dump();
    CHECK_EQ(result[0], 5);
    stop();
}

TEST(wrong_data_rate_finds_no_address_mark)
{
    start(KB1440, false);
    for (u8 rate = 1; rate < 4; rate++) {
        out(CCR, rate);
        command(2, 0x4a, 0x00);
        wait_for_interrupt();
        CHECK_EQ(results(), 7);
        CHECK_EQ(result[0] << 8 | result[1], 0x4001);
    }
    out(CCR, 0);
    command(2, 0x0a, 0x00); /* FM */
    wait_for_interrupt();
    CHECK_EQ(results(), 7);
    CHECK_EQ(result[0] << 8 | result[1], 0x4001);
    stop();
}

TEST(motor_off_finds_no_address_mark)
{
    start(KB1440, false);
    out(DOR, 0x0c);
    program_dma(TO_MEMORY, 512);
    transfer(0x46, 0x00, 0, 0, 1, 18);
    check_result(0x400100, 0x00000102);
    stop();
}

TEST(read_id_sees_every_sector_as_the_disk_turns)
{
    u32 seen = 0;
    start(KB1440, false);
    seek(2);
    for (int i = 0; i < 200; i++) {
        command(2, 0x4a, 0x04);
        wait_for_interrupt();
        CHECK_EQ(results(), 7);
        CHECK_EQ(result[0] << 16 | result[3] << 8 | result[4], 0x040201);
        CHECK(result[5] >= 1 && result[5] <= 18);
        seen |= 1u << result[5];
        bench_wait(&bench, 7000000);
    }
    CHECK_EQ(seen, 0x7fffe);
    stop();
}

TEST(read_track_goes_by_position_not_by_id)
{
    start(KB1440, false);
    program_dma(TO_MEMORY, 1024);
    transfer(0x42, 0x04, 0, 1, 1, 2);
    check_result(0x040000, 0x00010302);
    CHECK(holds(TRANSFER_AT, 18) && holds(TRANSFER_AT + 512, 19));
    program_dma(TO_MEMORY, 512);
    transfer(0x42, 0x04, 0, 1, 9, 18);
    CHECK_EQ(results(), 7);
    CHECK_EQ(result[1], 0x04);
    CHECK(holds(TRANSFER_AT, 18));
    stop();
}

TEST(verify_ends_at_eot_or_after_sc_sectors)
{
    start(KB1440, false);
    command(9, 0x56, 0x00, 0, 0, 10, 2, 18, 0x1b, 0xff);
    wait_for_interrupt();
    check_result(0x000000, 0x01000102);
    command(9, 0xd6, 0x80, 0, 0, 17, 2, 18, 0x1b, 4);
    wait_for_interrupt();
    check_result(0x040000, 0x00010302);
    command(9, 0x56, 0x80, 0, 0, 17, 2, 18, 0x1b, 4);
    wait_for_interrupt();
    CHECK_EQ(results(), 7);
    CHECK_EQ(result[0] & 0xc0, 0x40);
    stop();
}

TEST(request_that_dma_never_answers_is_overrun)
{
    start(KB1440, false);
    program_dma(TO_MEMORY, 512);
    out(0x0a, 0x06);
    transfer(0x46, 0x00, 0, 0, 1, 18);
    check_result(0x401000, 0x00000102);
    CHECK_EQ(in(0x08) & 0x40, 0); /* DREQ has gone */
    stop();
}

/* Writing. */

TEST(written_sector_is_in_the_image)
{
    u8 data[512];
    start(KB1440, false);
    seek(79);
    program_dma(FROM_MEMORY, 512);
    memset(ram.host + TRANSFER_AT, 0xa5, 512);
    transfer(0x45, 0x04, 79, 1, 18, 18);
    check_result(0x040000, 0x50010102);
    read_image(2879, data);
    CHECK(data[0] == 0xa5 && data[511] == 0xa5);
    stop();
}

TEST(sector_cut_off_by_terminal_count_is_filled_with_zeros)
{
    u8 data[512];
    start(KB1440, false);
    program_dma(FROM_MEMORY, 100);
    memset(ram.host + TRANSFER_AT, 0xa5, 512);
    transfer(0x45, 0x00, 0, 0, 1, 18);
    check_result(0x000000, 0x00000202);
    read_image(0, data);
    CHECK(data[99] == 0xa5 && data[100] == 0 && data[511] == 0);
    stop();
}

TEST(non_dma_write_takes_bytes_from_the_fifo)
{
    u8 data[512];
    start(KB1440, false);
    command(3, 0x03, 0xdf, 0x03);
    command(9, 0x45, 0x00, 0, 0, 1, 2, 1, 0x1b, 0xff);
    wait_for_interrupt();
    CHECK_EQ(in(MSR), RQM | NON_DMA | BUSY);
    for (int i = 0; i < 512; i++)
        out(FIFO, i ^ 0x55);
    wait_for_interrupt();
    check_result(0x408000, 0x01000102);
    read_image(0, data);
    CHECK(data[0] == 0x55 && data[511] == (0xff ^ 0x55));
    stop();
}

TEST(write_protected_disk_is_not_writable)
{
    start(KB1440, true);
    program_dma(FROM_MEMORY, 512);
    transfer(0x45, 0x00, 0, 0, 1, 18);
    check_result(0x400200, 0x00000102);
    command(6, 0x4d, 0x00, 2, 18, 0x54, 0xf6);
    wait_for_interrupt();
    CHECK_EQ(results(), 7);
    CHECK_EQ(result[1], 0x02);
    stop();
}

/* "Skip Bit vs READ DATA Command", and the table for READ DELETED DATA. */
TEST(skip_bit_and_deleted_data_marks)
{
    start(KB1440, false);
    program_dma(FROM_MEMORY, 512);
    transfer(0x49, 0x00, 0, 0, 2, 18);
    check_result(0x000000, 0x00000302);

    program_dma(TO_MEMORY, 1024);
    transfer(0x46, 0x00, 0, 0, 2, 18); /* read, CM, and no further */
    check_result(0x000040, 0x00000202);
    program_dma(TO_MEMORY, 1024);
    transfer(0x66, 0x00, 0, 0, 1, 18); /* skipped */
    check_result(0x000040, 0x00000402);
    CHECK(holds(TRANSFER_AT, 0) && holds(TRANSFER_AT + 512, 2));
    program_dma(TO_MEMORY, 512);
    transfer(0x4c, 0x00, 0, 0, 2, 18);
    check_result(0x000000, 0x00000302);
    program_dma(TO_MEMORY, 512);
    transfer(0x6c, 0x00, 0, 0, 1, 18);
    check_result(0x000040, 0x00000302);

    program_dma(FROM_MEMORY, 512);
    transfer(0x45, 0x00, 0, 0, 2, 18); /* an ordinary mark again */
    results();
    program_dma(TO_MEMORY, 512);
    transfer(0x46, 0x00, 0, 0, 2, 18);
    check_result(0x000000, 0x00000302);
    stop();
}

TEST(format_fills_the_track_with_the_filler_byte)
{
    u8 data[512];
    start(KB1440, false);
    seek(1);
    for (int i = 0; i < 18; i++)
        memcpy(ram.host + TRANSFER_AT + 4 * i, (u8[]){1, 1, i + 1, 2}, 4);
    program_dma(FROM_MEMORY, 72);
    command(6, 0x4d, 0x04, 2, 18, 0x54, 0xf6);
    wait_for_interrupt();
    CHECK_EQ(results(), 7);
    CHECK_EQ(result[0] << 16 | result[1] << 8 | result[2], 0x040000);
    for (u32 sector = 54; sector < 72; sector++) {
        read_image(sector, data);
        CHECK(data[0] == 0xf6 && data[511] == 0xf6);
    }
    read_image(53, data);
    CHECK(data[0] == pattern(53, 0));
    dump();
    CHECK_EQ(result[6], 18);
    stop();
}

/* Disks. */

TEST(step_with_a_disk_takes_disk_change_back)
{
    struct error err;
    start(KB1440, false);
    CHECK_EQ(in(DIR)&0x80, 0x80); /* no step since power-on */
    seek(1);
    CHECK_EQ(in(DIR)&0x80, 0);
    struct block *other = make_disk(1, 737280, false);
    CHECK_EQ(i82077_change(&fdc, 0, NULL, &err), 0);
    CHECK_EQ(in(DIR)&0x80, 0x80);
    seek(2);
    CHECK_EQ(in(DIR)&0x80, 0x80);
    CHECK_EQ(i82077_change(&fdc, 0, other, &err), 0);
    CHECK_EQ(in(DIR)&0x80, 0x80);
    seek(2);
    CHECK_EQ(in(DIR)&0x80, 0x80);
    seek(0);
    CHECK_EQ(in(DIR)&0x80, 0);
    out(CCR, 2);
    program_dma(TO_MEMORY, 512);
    transfer(0x46, 0x04, 0, 1, 1, 9);
    check_result(0x040000, 0x00010202);
    CHECK(holds(TRANSFER_AT, 9));
    i82077_change(&fdc, 0, NULL, &err);
    remove_disk(1, other);
    stop();
}

TEST(disk_taken_out_during_a_command_fails_it)
{
    start(KB1440, false);
    program_dma(TO_MEMORY, 512);
    command(9, 0x46, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff);
    bench_wait(&bench, 510000); /* the image is being read */
    i82077_change(&fdc, 0, NULL, NULL);
    CHECK(bench.level);
    check_result(0x400100, 0x00000102);
    stop();
}

TEST(reset_during_a_transfer_ends_it)
{
    start(KB1440, false);
    program_dma(TO_MEMORY, 512);
    command(9, 0x46, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff);
    bench_wait(&bench, 510000);
    out(DOR, 0x18);
    CHECK_EQ(in(MSR), 0);
    out(DOR, 0x1c);
    wait_for_interrupt();
    CHECK_EQ(sense(), 0xc000);
    CHECK_EQ(ram.host[TRANSFER_AT], 0);
    stop();
}

static u32 geometry_of(u32 size)
{
    struct floppy_geometry g = {0};
    struct error err = {""};
    bench_open(&bench);
    struct block *block = make_disk(0, size, true);
    int r = floppy_geometry(block, &g, &err);
    CHECK_EQ(r < 0, err.text[0] != 0);
    remove_disk(0, block);
    bench_close(&bench);
    return r < 0 ? 0 : g.cylinders << 16 | g.heads << 8 | g.sectors;
}

TEST(image_size_tells_the_format)
{
    static const struct {
        u32 kilobytes, geometry;
    } formats[] = {
        {160, 0x280108},  {180, 0x280109},  {320, 0x280208},  {360, 0x280209},  {640, 0x500208},
        {720, 0x500209},  {800, 0x50020a},  {1200, 0x50020f}, {1440, 0x500212}, {1680, 0x500215},
        {1722, 0x520215}, {2880, 0x500224}, {3840, 0x500230}, {820, 0x52020a},
    };
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
        CHECK_EQ(geometry_of(formats[i].kilobytes * 1024), formats[i].geometry);
}

TEST(odd_image_is_taken_for_the_next_usual_disk_that_holds_it)
{
    CHECK_EQ(geometry_of(512), 0x500212);
    CHECK_EQ(geometry_of(100), 0x500212);
    CHECK_EQ(geometry_of(KB1440 + 512), 0x500224);
    CHECK_EQ(geometry_of(4000 * 1024), 0);
}

TEST(image_cut_short_reads_as_zeros_and_takes_no_writes_beyond_its_end)
{
    start(1024, false);
    out(CCR, 0);
    program_dma(TO_MEMORY, 1536);
    memset(ram.host + TRANSFER_AT, 0xa5, 1536);
    transfer(0x46, 0x00, 0, 0, 1, 18);
    check_result(0x000000, 0x00000402);
    CHECK(holds(TRANSFER_AT + 512, 1));
    CHECK(ram.host[TRANSFER_AT + 1024] == 0 && ram.host[TRANSFER_AT + 1535] == 0);
    program_dma(FROM_MEMORY, 512);
    transfer(0x45, 0x00, 0, 0, 5, 18);
    check_result(0x402020, 0x00000502);
    stop();
}

UNIT_MAIN()
