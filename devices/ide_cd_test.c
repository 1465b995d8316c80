/*
 * CD-ROM drive: discs with several tracks (cue sheets), raw frames, and audio.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "devices/audio/recording.h"
#include "devices/packetbench.h"

/* The disc: track 1 mode 1, 100 frames; track 2 audio with an index 0 of 50 frames, 200 frames in all; track 3 audio
 * after a gap of 25 frames that is in no file, 75 frames. */
enum { TRACK2 = 150, TRACK3 = 325, LEAD_OUT = 400, FRAMES = 375 };

static char dir[32], cue[64], bin[64];
static struct recording recording;
static u64 now;

static u64 instructions(void *opaque)
{
    return now;
}

static void write_file(const char *path, const void *data, size_t length)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, length, file) != length)
        abort();
    fclose(file);
}

static i16 sample_of(unsigned n)
{
    return (i16)(n / 64 % 2 ? 12000 : -12000); /* a square wave of 345 Hz */
}

static void make_disc(void)
{
    static const char sheet[] =
        "REM made here\r\nCATALOG 1234567890123\r\nFILE \"d.bin\" BINARY\r\n"
        "  TRACK 01 MODE1/2352\r\n    INDEX 01 00:00:00\r\n"
        "  TRACK 02 AUDIO\r\n    FLAGS DCP\r\n    ISRC ABCDE1234567\r\n    INDEX 00 00:01:25\r\n"
        "    INDEX 01 00:02:00\r\n  TRACK 03 AUDIO\r\n    PREGAP 00:00:25\r\n    INDEX 01 00:04:00\r\n";
    static u8 data[FRAMES * 2352];
    for (u32 frame = 0; frame < 100; frame++) {
        memset(data + frame * 2352 + 16, (int)frame, 2048);
        disc_complete_frame(data + frame * 2352, DISC_MODE1, frame);
    }
    for (u32 at = 100 * 2352; at < sizeof(data); at += 2) {
        i16 sample = at % 4 ? 1000 : sample_of(at / 4);
        data[at] = (u8)sample;
        data[at + 1] = (u8)(sample >> 8);
    }
    strcpy(dir, "/tmp/clutch-cd-XXXXXX");
    if (!mkdtemp(dir))
        abort();
    snprintf(cue, sizeof(cue), "%s/disc.cue", dir);
    snprintf(bin, sizeof(bin), "%s/d.bin", dir);
    write_file(cue, sheet, sizeof(sheet) - 1);
    write_file(bin, data, sizeof(data));
}

static void remove_disc(void)
{
    unlink(cue);
    unlink(bin);
    rmdir(dir);
}

static void setup(void)
{
    struct error err;
    machine = (struct machine){.ports = ioports_create(), .clock = clock_create()};
    memset(&channel, 0, sizeof(channel));
    clock_use_icount(machine.clock, 0, instructions, NULL);
    make_disc();
    disc = block_open(&(struct block_options){.file = cue, .readonly = true, .disc = true}, NULL, NULL, &err);
    if (!disc) {
        puts(err.text);
        abort();
    }
    ide_init(&channel, &machine, 0x170, 0x376, &(struct irq){set_line, NULL, 0});
    ide_attach(&channel, 0, disc, IDE_CDROM);
    recording_start(&recording, machine.clock);
    ide_connect_audio(&channel, 0, recording.audio);
    line = false;
}

static struct wav_samples teardown(void)
{
    ide_detach(&channel, 0);
    struct wav_samples samples = recording_end(&recording);
    block_close(disc);
    ioports_destroy(machine.ports);
    clock_destroy(machine.clock);
    remove_disc();
    return samples;
}

static void finish(void)
{
    struct wav_samples samples = teardown();
    wav_free(&samples);
}

TEST(the_toc_has_every_track_with_its_control_bits)
{
    setup();
    u8 data[128];
    packet("\x43\0\0\0\0\0\0\0\x80\0\0", 0xfffe);
    CHECK_EQ(receive(data, sizeof(data)), 4 + 4 * 8);
    CHECK_EQ(data[2], 1);
    CHECK_EQ(data[3], 3);
    CHECK_EQ(data[5], 0x14);     /* data */
    CHECK_EQ(data[8 + 5], 0x12); /* audio, copies permitted */
    CHECK_EQ(be32(data + 8 + 8), TRACK2);
    CHECK_EQ(data[16 + 5], 0x10);
    CHECK_EQ(be32(data + 16 + 8), TRACK3);
    CHECK_EQ(data[24 + 6], 0xaa);
    CHECK_EQ(be32(data + 24 + 8), LEAD_OUT);
    packet("\x43\x02\0\0\0\0\x02\0\x80\0\0", 0xfffe); /* from track 2 on, in minutes, seconds, frames */
    CHECK_EQ(receive(data, sizeof(data)), 4 + 3 * 8);
    CHECK_EQ(data[2], 1); /* of the whole disc */
    CHECK_EQ(be32(data + 8), 0x00000400);
    packet("\x43\0\x02\0\0\0\0\0\x80\0\0", 0xfffe); /* full TOC */
    CHECK_EQ(receive(data, sizeof(data)), 4 + 6 * 11);
    CHECK_EQ(data[4 + 3], 0xa0);
    CHECK_EQ(data[4 + 8], 1);
    CHECK_EQ(data[15 + 8], 3);
    CHECK_EQ(data[26 + 3], 0xa2);
    CHECK_EQ(data[26 + 9], 7); /* 400 + 150 frames: 00:07:25 */
    CHECK_EQ(data[26 + 10], 25);
    packet("\x43\0\0\0\0\0\x04\0\x80\0\0", 0xfffe);
    check_sense(5, 0x24);
    finish();
}

TEST(user_data_of_a_raw_data_track_and_none_of_audio)
{
    setup();
    static u8 data[100 * 2048];
    packet("\x28\0\0\0\0\0\0\0\x64\0\0", 0xfffe);
    CHECK_EQ(receive(data, sizeof(data)), 100 * 2048);
    for (int i = 0; i < 100; i++)
        CHECK(data[i * 2048] == i && data[i * 2048 + 2047] == i);
    packet("\x28\0\0\0\0\xc8\0\0\x01\0\0", 0xfffe);
    check_sense(5, 0x64);
    packet("\x28\0\0\0\x01\x90\0\0\x01\0\0", 0xfffe);
    check_sense(5, 0x21);
    finish();
}

TEST(read_cd_sends_the_fields_that_are_asked_for)
{
    setup();
    static u8 data[4 * 2448];
    packet("\xbe\0\0\0\0\x05\0\0\x01\xf8\0", 0xfffe);
    CHECK_EQ(receive(data, sizeof(data)), 2352);
    CHECK(!memcmp(data, "\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\x02\x05\x01", 16)); /* 00:02:05, mode 1 */
    packet("\xbe\x08\0\0\0\x05\0\0\x02\x10\0", 0xfffe); /* mode 1 expected, user data */
    CHECK_EQ(receive(data, sizeof(data)), 4096);
    packet("\xbe\x04\0\0\0\x05\0\0\x01\x10\0", 0xfffe); /* CD-DA expected */
    check_sense(5, 0x64);
    packet("\xbe\0\0\0\0\x05\0\0\x01\x90\0", 0xfffe); /* sync and user data, but not what is between */
    check_sense(5, 0x24);
    packet("\xbe\0\0\0\0\xc8\0\0\x03\x10\x02", 0xfffe); /* audio with the Q channel */
    CHECK_EQ(receive(data, sizeof(data)), 3 * 2368);
    const u8 *q = data + 2368 + 2352;
    CHECK_EQ((i16)(data[0] | data[1] << 8), sample_of(200 * 588));
    CHECK(!memcmp(q, "\x21\x02\x01\0\0\x51\0\0\x04\x51", 10)); /* track 2, 51 frames in; 201 + 150 = 00:04:51 */
    packet("\xbe\0\0\0\0\x6e\0\0\x01\x10\x02", 0xfffe);
    receive(data, sizeof(data));
    CHECK(!memcmp(data + 2352, "\x21\x02\0\0\0\x40\0\0\x03\x35", 10)); /* index 0 counts down */
    packet("\xb9\0\0\0\x02\x05\0\x02\x07\x10\0", 0xfffe);              /* READ CD MSF: two frames */
    CHECK_EQ(receive(data, sizeof(data)), 4096);
    CHECK_EQ(data[0], 5);
    packet("\xbe\0\0\0\x01\x30\0\0\x01\x10\0", 0xfffe); /* the gap that is in no file is silent */
    CHECK_EQ(receive(data, sizeof(data)), 2352);
    CHECK(data[0] == 0 && !memcmp(data, data + 1, 2351));
    finish();
}

TEST(raw_frames_of_an_image_of_user_data_are_made_up)
{
    static u8 iso[60 * 2048], data[60 * 2352], frame[2352];
    for (size_t i = 0; i < sizeof(iso); i++)
        iso[i] = (u8)(i * 7 + i / 2048);
    setup();
    write_file(bin, iso, sizeof(iso));
    struct block *cd = disc;
    disc = block_open(&(struct block_options){.file = bin, .readonly = true, .disc = true}, NULL, NULL, NULL);
    ide_change_medium(&channel, 0, disc);
    packet("\0\0\0\0\0\0\0\0\0\0\0", 0);
    packet("\xbe\0\0\0\0\0\0\0\x3c\xf8\0", 0xfffe);
    CHECK_EQ(receive(data, sizeof(data)), sizeof(data));
    for (u32 i = 0; i < 60; i++) {
        memcpy(frame + 16, iso + i * 2048, 2048);
        disc_complete_frame(frame, DISC_MODE1, i);
        CHECK(!memcmp(frame, data + i * 2352, 2352));
    }
    packet("\xbe\0\0\0\0\0\0\0\x3c\x20\0", 0xfffe); /* headers alone */
    CHECK_EQ(receive(data, sizeof(data)), 60 * 4);
    CHECK(!memcmp(data + 59 * 4, "\0\x02\x59\x01", 4));
    ide_change_medium(&channel, 0, NULL);
    block_close(disc);
    disc = cd;
    finish();
}

static void pass(u64 ns)
{
    for (u64 end = now + ns; now < end;) {
        now = MIN(now + NS_PER_SEC / 100, end);
        clock_run(machine.clock);
        block_drain(disc);
    }
}

static u8 audio_status(u32 *position)
{
    u8 data[16];
    packet("\x42\0\x40\x01\0\0\0\0\x10\0\0", 0xfffe);
    CHECK_EQ(receive(data, sizeof(data)), 16);
    CHECK_EQ(data[4], 1);
    *position = be32(data + 8);
    return data[1];
}

TEST(audio_plays_in_guest_time_and_tells_where_it_is)
{
    setup();
    u32 position;
    packet("\x45\0\0\0\0\x96\0\0\x96\0\0", 0xfffe); /* 150 frames from 150 on */
    CHECK_EQ(in(STATUS), READY);
    pass(NS_PER_SEC);
    CHECK_EQ(audio_status(&position), 0x11);
    CHECK(position >= 150 + 74 && position <= 150 + 75);
    packet("\x4b\0\0\0\0\0\0\0\0\0\0", 0xfffe);
    u32 before;
    CHECK_EQ(audio_status(&before), 0x12);
    pass(NS_PER_SEC);
    CHECK_EQ(audio_status(&position), 0x12);
    CHECK_EQ(position, before);
    packet("\x4b\0\0\0\0\0\0\0\x01\0\0", 0xfffe);
    pass(NS_PER_SEC + NS_PER_SEC / 10);
    CHECK_EQ(audio_status(&position), 0x13); /* completed: told once */
    CHECK_EQ(position, 300);
    CHECK_EQ(audio_status(&position), 0x15);
    packet("\x4b\0\0\0\0\0\0\0\x01\0\0", 0xfffe);
    check_sense(5, 0x2c);
    struct wav_samples samples = teardown();
    int loud = 0;
    for (u32 i = 0; i < samples.count; i++) {
        CHECK(abs(samples.frames[i][1]) < 1400); /* the right channel is quiet: sample 1000 and its filter */
        loud += abs(samples.frames[i][0]) > 8000;
    }
    CHECK(loud > 48000 * 19 / 10 && loud < 48000 * 21 / 10);
    wav_free(&samples);
}

TEST(what_cannot_be_played_is_refused_and_a_read_ends_playing)
{
    setup();
    u32 position;
    u8 data[2048];
    packet("\x45\0\0\0\0\x05\0\0\x05\0\0", 0xfffe); /* a data track */
    check_sense(5, 0x64);
    packet("\x45\0\0\0\x01\x80\0\0\xff\0\0", 0xfffe); /* beyond the lead-out */
    check_sense(5, 0x21);
    packet("\x47\0\0\0\x05\0\0\x04\0\0\0", 0xfffe); /* ends before it begins */
    check_sense(5, 0x24);
    packet("\x47\0\0\0\x04\0\0\x05\0\0\0", 0xfffe);
    CHECK_EQ(in(STATUS), READY);
    CHECK_EQ(audio_status(&position), 0x11);
    packet("\x28\0\0\0\0\0\0\0\x01\0\0", 0xfffe);
    CHECK_EQ(receive(data, sizeof(data)), 2048);
    CHECK_EQ(audio_status(&position), 0x15);
    packet("\xa5\0\0\0\0\x96\0\0\0\x96\0", 0xfffe);
    packet("\x4e\0\0\0\0\0\0\0\0\0\0", 0xfffe);
    CHECK_EQ(audio_status(&position), 0x15);
    finish();
}

TEST(mode_select_sets_the_ports_and_mode_sense_tells_them)
{
    static const char list[24] = {0, 0, 0, 0, 0, 0, 0, 0, 0x0e, 14, 4, 0, 0, 0, 0, 75, 1, 0x40, 2, 0x20, 0, 0, 0, 0};
    u8 data[64];
    setup();
    packet("\x55\x10\0\0\0\0\0\0\x18\0\0", 0xfffe);
    CHECK_EQ(in(STATUS), READY | DRQ);
    CHECK_EQ(in(COUNT), 0); /* data to the drive */
    CHECK_EQ(in(MID) | in(HIGH) << 8, 24);
    ioports_write_block(machine.ports, DATA, 2, list, 12);
    CHECK_EQ(in(STATUS), READY);
    packet("\x5a\0\x0e\0\0\0\0\0\x40\0\0", 0xfffe);
    CHECK_EQ(receive(data, sizeof(data)), 24);
    CHECK_EQ(data[8 + 9], 0x40);
    CHECK_EQ(data[8 + 11], 0x20);
    CHECK_EQ(data[2], 3);                           /* data and audio */
    packet("\x5a\0\x4e\0\0\0\0\0\x40\0\0", 0xfffe); /* what can be changed */
    receive(data, sizeof(data));
    CHECK_EQ(data[8 + 9], 0xff);
    CHECK_EQ(data[8 + 2], 0);
    packet("\x55\x10\0\0\0\0\0\0\x0a\0\0", 0xfffe); /* a page that is not there */
    ioports_write_block(machine.ports, DATA, 2, "\0\0\0\0\0\0\0\0\x33\0", 5);
    check_sense(5, 0x26);
    finish();
}

TEST(catalogue_number_isrc_disc_and_tracks)
{
    u8 data[64];
    setup();
    packet("\x42\0\x40\x02\0\0\0\0\x40\0\0", 0xfffe);
    CHECK_EQ(receive(data, sizeof(data)), 24);
    CHECK(data[8] == 0x80 && !memcmp(data + 9, "1234567890123", 13));
    packet("\x42\0\x40\x03\0\0\x02\0\x40\0\0", 0xfffe);
    CHECK_EQ(receive(data, sizeof(data)), 24);
    CHECK(data[8] == 0x80 && !memcmp(data + 9, "ABCDE1234567", 12));
    packet("\x52\x01\0\0\0\x02\0\0\x40\0\0", 0xfffe);
    CHECK_EQ(receive(data, sizeof(data)), 36);
    CHECK_EQ(be32(data + 8), TRACK2);
    CHECK_EQ(be32(data + 24), 150);
    CHECK_EQ(data[6], 0x0f);
    packet("\x51\0\0\0\0\0\0\0\x40\0\0", 0xfffe);
    CHECK_EQ(receive(data, sizeof(data)), 34);
    CHECK_EQ(data[6], 3);
    packet("\x44\0\0\0\0\x64\0\0\x08\0\0", 0xfffe); /* READ HEADER of audio */
    check_sense(5, 0x64);
    finish();
}

UNIT_MAIN()
