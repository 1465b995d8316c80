/*
 * Cue sheets: where they put tracks, and how wrong ones are refused.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devices/block/block.h"
#include "devices/block/disc.h"
#include "tests/unit.h"

static char dir[40], sheet[60];
static struct error err;

static void in_dir(char path[60], const char *name)
{
    snprintf(path, 60, "%s/%s", dir, name);
}

static void write_file(const char *name, const void *data, size_t length, size_t size)
{
    char path[60];
    in_dir(path, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, length, file) != length || ftruncate(fileno(file), (off_t)size) < 0)
        abort();
    fclose(file);
}

/* a.bin: 300 raw frames; b.bin: 100 frames of 2048; c.wav: 75 frames less 100 bytes. */
static void make_files(void)
{
    static const u8 wave[44] =
        "RIFF\0\0\0\0WAVEfmt \x10\0\0\0\1\0\2\0\x44\xac\0\0\x10\xb1\2\0\4\0\x10\0data\xff\xff\xff\x7f";
    if (*sheet)
        return;
    strcpy(dir, "/tmp/clutch-cue-XXXXXX");
    if (!mkdtemp(dir))
        abort();
    in_dir(sheet, "x.cue");
    write_file("a.bin", "abcd", 4, 300 * 2352);
    write_file("b.bin", "user", 4, 100 * 2048);
    write_file("c.wav", wave, sizeof(wave), sizeof(wave) + 75 * 2352 - 100);
}

static struct block *open_sheet(const char *text)
{
    make_files();
    write_file("x.cue", text, strlen(text), strlen(text));
    return block_open(&(struct block_options){.file = sheet, .readonly = true, .disc = true}, NULL, NULL, &err);
}

static const struct disc *layout(struct block **block, const char *text)
{
    *block = open_sheet(text);
    if (!*block) {
        printf("%s\n", err.text);
        abort();
    }
    CHECK_EQ(block_sectors(*block), block_disc(*block)->lead_out * 5ull);
    return block_disc(*block);
}

TEST(one_file_with_several_tracks)
{
    struct block *block;
    const struct disc *disc = layout(&block, "FILE a.bin BINARY\nTRACK 1 MODE2/2352\nINDEX 1 0:0:0\n"
                                             "TRACK 2 AUDIO\nINDEX 0 00:01:00\nINDEX 1 00:02:00\nPOSTGAP 00:00:10\n"
                                             "TRACK 3 AUDIO\nPREGAP 00:02:00\nINDEX 1 00:03:00\nINDEX 2 00:03:30\n");
    CHECK_EQ(disc->count, 3);
    CHECK_EQ(disc->track[1].pregap, 75);
    CHECK_EQ(disc->track[1].start, 150);
    CHECK_EQ(disc->track[2].pregap, 235);
    CHECK_EQ(disc->track[2].start, 385);
    CHECK_EQ(disc->lead_out, 460);
    CHECK_EQ(disc_track_end(disc, &disc->track[1]), 235);
    CHECK(disc_find(disc, 234) == &disc->track[1] && disc_find(disc, 235) == &disc->track[2]);
    CHECK(!disc_find(disc, 460));
    block_close(block);
}

static struct block_request request;
static u8 frames[3 * DISC_FRAME_BYTES];

static void done(void *opaque, int result)
{
    *(int *)opaque = result;
}

static int read_frame(struct block *block, u32 address, u32 count)
{
    int result = 1;
    request = (struct block_request){
        .sector = address * 5, .count = count * 5, .data = frames, .done = done, .opaque = &result};
    memset(frames, 0xee, sizeof(frames));
    block_submit(block, &request);
    block_drain(block);
    return result;
}

TEST(a_file_for_each_track_data_of_2048_bytes_and_wave)
{
    struct block *block;
    const struct disc *disc =
        layout(&block, "\xef\xbb\xbf"
                       "FILE \"b.bin\" BINARY\r\n  TRACK 05 MODE1/2048\r\n    INDEX 01 00:00:00\r\n"
                       "FILE c.wav WAVE\n TRACK 06 AUDIO\n  TITLE \"a b\"\n  INDEX 00 00:00:00\n INDEX 01 00:00:32\n");
    CHECK_EQ(disc->first, 5);
    CHECK_EQ(disc->track[1].pregap, 100);
    CHECK_EQ(disc->track[1].start, 132);
    CHECK_EQ(disc->lead_out, 175);
    CHECK_EQ(read_frame(block, 0, 1), 0);
    CHECK(!memcmp(frames + 16, "user", 4));
    CHECK_EQ(read_frame(block, 174, 1), 0); /* incomplete: ends in zeros */
    CHECK_EQ(frames[2351], 0);
    CHECK(read_frame(block, 175, 1) < 0);
    block_close(block);
}

TEST(an_index_0_that_ends_the_file_before)
{
    struct block *block;
    const struct disc *disc =
        layout(&block, "FILE c.wav WAVE\nTRACK 1 AUDIO\nINDEX 1 0:0:0\nTRACK 2 AUDIO\nINDEX 0 0:0:70\n"
                       "FILE c.wav WAVE\nINDEX 1 0:0:0\n");
    CHECK_EQ(disc->track[1].pregap, 70);
    CHECK_EQ(disc->track[1].start, 75);
    CHECK_EQ(disc->lead_out, 150);
    block_close(block);
}

TEST(samples_of_either_byte_order)
{
    struct block *block;
    layout(&block, "FILE a.bin MOTOROLA\nTRACK 1 AUDIO\nINDEX 1 0:0:0\n");
    CHECK_EQ(read_frame(block, 0, 3), 0);
    CHECK(!memcmp(frames, "badc", 4));
    block_close(block);
}

/* The message names the line and has the word. */
static void refused(const char *text, unsigned line, const char *word)
{
    char where[30];
    struct block *block = open_sheet(text);
    snprintf(where, sizeof(where), "line %u: ", line);
    if (block || !strstr(err.text, where) || !strstr(err.text, word) || strchr(err.text, '\n')) {
        CHECK(false);
        printf("    %s: %s\n", word, block ? "taken" : err.text);
    }
    block_close(block);
}

TEST(wrong_sheets_are_refused_with_the_line)
{
    refused("", 1, "no TRACK");
    refused("FILE a.bin BINARY\nTRACK 1 AUDIO\n", 3, "no INDEX 01");
    refused("FILE a.bin BINARY\nTRACK 1 AUDIO\nINDEX 0 0:0:0\nTRACK 2 AUDIO\n", 4, "no INDEX 01");
    refused("FILE a.bin BINARY\nTRACK 1 AUDIO\nINDEX 1 1:00:00\n", 3, "behind the end");
    refused("FILE a.bin BINARY\nTRACK 1 AUDIO\nINDEX 1 0:02:00\nTRACK 2 AUDIO\nINDEX 1 0:01:00", 5,
            "before the one above");
    refused("FILE a.bin BINARY\nTRACK 1 AUDIO\nINDEX 1 0:01:75\n", 3, "no time");
    refused("FILE a.bin BINARY\nTRACK 1 AUDIO\nINDEX 2 0:01:00\n", 3, "out of order");
    refused("TRACK 1 AUDIO\nINDEX 1 0:0:0\n", 2, "after FILE");
    refused("FILE a.bin BINARY\nTRACK 2 AUDIO\nINDEX 1 0:0:0\nTRACK 4 AUDIO\n", 4, "follow");
    refused("FILE a.bin BINARY\nTRACK 0 AUDIO\n", 2, "1 to 99");
    refused("FILE a.bin BINARY\nTRACK 1 VIDEO\n", 2, "track type");
    refused("FILE a.mp3 MP3\n", 1, "BINARY");
    refused("FILE a.bin WAVE\n", 1, "not WAVE");
    refused("FILE none.bin BINARY\n", 1, "none.bin");
    refused("FILE / BINARY\n", 1, "not a file");
    refused("FILE /dev/zero BINARY\n", 1, "not a file");
    refused("FILE a.bin BINARY\nTRACK 1 AUDIO\nPREGAP 99:59:74\nINDEX 1 0:0:0\n", 4, "longer");
    refused("NONSENSE\n", 1, "command");
    refused("FILE a.bin BINARY\nTRACK 1 AUDIO\nINDEX 1 0:0:0\nTRACK 2 AUDIO\nINDEX 1 0:0:0\n", 5, "empty");
}

TEST(no_text_does_harm)
{
    static const char *const words[] = {"FILE",  "a.bin",    "c.wav",    "BINARY",      "WAVE",       "TRACK",
                                        "01",    "2",        "99",       "AUDIO",       "INDEX",      "00",
                                        "1",     "00:00:00", "00:01:00", "00:03:74",    "99:59:74",   "\n",
                                        "\n",    "\"",       "PREGAP",   "POSTGAP",     "MODE1/2048", "MODE1/2352",
                                        "FLAGS", "ISRC",     "-1",       "999999999999"};
    u32 seed = 7;
    int taken = 0;
    for (int n = 0; n < 3000; n++) {
        char text[1000] = "FILE a.bin BINARY\nTRACK 1 AUDIO\nINDEX 1 0:0:0\n";
        if (n % 3 == 0)
            *text = '\0';
        for (int i = 0; i < 60; i++) {
            seed = seed * 1103515245 + 12345;
            strcat(strcat(text, words[(seed >> 16) % ARRAY_SIZE(words)]), " ");
        }
        struct block *block = open_sheet(text);
        taken += block != NULL;
        if (block)
            read_frame(block, seed % block_disc(block)->lead_out, 1);
        block_close(block);
    }
    CHECK(taken >= 0);
    for (const char *const *name = (const char *const[]){"a.bin", "b.bin", "c.wav", "x.cue", NULL}; *name; name++) {
        char path[60];
        in_dir(path, *name);
        unlink(path);
    }
    rmdir(dir);
}

UNIT_MAIN()
