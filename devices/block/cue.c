/*
 * Cue sheets: the text that lays out a disc from files.
 *
 * Source: CDRWIN user's guide, "Cue sheet commands"; Multimedia Programming Interface 1.0, "WAVE form" (RIFF).
 * Modelled: FILE (BINARY, MOTOROLA, WAVE with CD samples), TRACK, INDEX, PREGAP, POSTGAP, FLAGS, CATALOG, ISRC; one
 *   file for all tracks or one for each; a track whose index 0 ends the file before its own.  Address 0 of the disc is
 *   the first file's time 0, so that what is hidden before index 1 of the first track is there.
 * Not modelled: indexes above 1 (read, not told to the guest), CD-TEXT and sub-channel files, MP3 and AIFF, sessions.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devices/block/cue_internal.h"

#define MAX_SHEET (256 * 1024)
#define MAX_WORDS 8
#define SILENCE (-1)

struct track_type {
    const char *name;
    u8 mode;
    u16 size, place; /* bytes of a frame in the file, and where they stand in the 2352 */
};

static const struct track_type track_types[] = {
    {"AUDIO", DISC_AUDIO, 2352, 0},       {"MODE1/2048", DISC_MODE1, 2048, 16}, {"MODE1/2352", DISC_MODE1, 2352, 0},
    {"MODE2/2048", DISC_MODE2, 2048, 24}, {"MODE2/2324", DISC_MODE2, 2324, 24}, {"MODE2/2336", DISC_MODE2, 2336, 16},
    {"MODE2/2352", DISC_MODE2, 2352, 0},  {"CDI/2336", DISC_MODE2, 2336, 16},   {"CDI/2352", DISC_MODE2, 2352, 0},
};

/* An INDEX 00 or 01. */
struct point {
    int track, index, file;
    u32 time; /* frames since the file's begin */
    unsigned line;
};

struct sheet {
    struct cue_image *cue;
    const char *path;
    unsigned line;
    struct error *err;
    struct {
        const struct track_type *type;
        u32 gap, post_gap; /* frames */
        int index;         /* the last one; -1: none */
    } tracks[DISC_TRACKS];
    struct point points[CUE_MAX_POINTS];
    int point_count;
};

static int PRINTF_LIKE(2, 3) wrong(struct sheet *sheet, const char *fmt, ...)
{
    char text[300];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return error_set(sheet->err, EINVAL, "cue sheet '%.180s' line %u: %s", sheet->path, sheet->line, text);
}

/* --- files -------------------------------------------------------------------------------------------------------- */

static u32 le32(const u8 *at)
{
    return at[0] | (u32)at[1] << 8 | (u32)at[2] << 16 | (u32)at[3] << 24;
}

/* PCM, 2 channels, 44100 Hz, 16 bits. */
static bool is_cd_format(const u8 *chunk, u32 length)
{
    static const u8 cd[16] = {1, 0, 2, 0, 0x44, 0xac, 0, 0, 0x10, 0xb1, 2, 0, 4, 0, 16, 0};
    return length >= sizeof(cd) && !memcmp(chunk, cd, sizeof(cd));
}

static int read_wave(struct sheet *sheet, struct cue_file *file)
{
    u8 head[12], chunk[24];
    u64 at = sizeof(head);
    bool format = false;
    if (pread(file->fd, head, sizeof(head), 0) != sizeof(head) || memcmp(head, "RIFF", 4) ||
        memcmp(head + 8, "WAVE", 4))
        return wrong(sheet, "the file is not WAVE");
    for (int n = 0; n < 1000; n++) {
        memset(chunk, 0, sizeof(chunk));
        if (pread(file->fd, chunk, sizeof(chunk), (off_t)at) < 8)
            break;
        u32 length = le32(chunk + 4);
        if (!memcmp(chunk, "fmt ", 4))
            format = is_cd_format(chunk + 8, length);
        if (!memcmp(chunk, "data", 4)) {
            file->begin = at + 8;
            file->end = MIN(file->end, file->begin + length);
            return format ? 0 : wrong(sheet, "a WAVE file for a CD has 44100 Hz, 16 bits and two channels");
        }
        at += 8 + (u64)length + (length & 1);
    }
    return wrong(sheet, "the WAVE file has no samples");
}

/* The name is relative to the sheet. */
static int open_file(struct sheet *sheet, const char *name, struct cue_file *file)
{
    const char *slash = strrchr(sheet->path, '/');
    char path[4096];
    struct stat st;
    int directory = *name != '/' && slash ? (int)(slash + 1 - sheet->path) : 0;
    if (snprintf(path, sizeof(path), "%.*s%s", directory, sheet->path, name) >= (int)sizeof(path))
        return wrong(sheet, "the file's name is too long");
    file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file->fd < 0)
        return wrong(sheet, "cannot open '%.150s': %s", path, strerror(errno));
    sheet->cue->file_count++;
    if (fstat(file->fd, &st) < 0 || !S_ISREG(st.st_mode))
        return wrong(sheet, "'%.200s' is not a file", path);
    file->end = (u64)st.st_size;
    return 0;
}

static int do_file(struct sheet *sheet, char **words)
{
    struct cue_image *cue = sheet->cue;
    bool wave = !strcasecmp(words[1], "WAVE"), big = !strcasecmp(words[1], "MOTOROLA");
    if (!wave && !big && strcasecmp(words[1], "BINARY"))
        return wrong(sheet, "FILE takes a name and BINARY, MOTOROLA or WAVE, not '%.20s'", words[1]);
    if (cue->file_count == CUE_MAX_FILES)
        return wrong(sheet, "more than %d files", CUE_MAX_FILES);
    struct cue_file *file = &cue->files[cue->file_count];
    file->swap = big;
    int r = open_file(sheet, words[0], file);
    return r == 0 && wave ? read_wave(sheet, file) : r;
}

/* --- the other commands; words are "" where the line has fewer ---------------------------------------------------- */

static int parse_number(const char *text, u32 limit, u32 *value)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || number > limit)
        return -EINVAL;
    *value = (u32)number;
    return 0;
}

static int parse_time(struct sheet *sheet, const char *text, u32 *frames)
{
    unsigned m, s, f;
    int length = 0;
    if (sscanf(text, "%3u:%2u:%2u%n", &m, &s, &f, &length) != 3 || text[length] || s > 59 || f > 74)
        return wrong(sheet, "'%.20s' is no time; write MINUTES:SECONDS:FRAMES", text);
    *frames = (m * 60 + s) * 75 + f;
    return 0;
}

static struct disc_track *last_track(struct sheet *sheet)
{
    struct disc *disc = &sheet->cue->disc;
    return disc->count ? &disc->track[disc->count - 1] : NULL;
}

/* The last TRACK was given and has its INDEX 01. */
static int check_track(struct sheet *sheet)
{
    int count = sheet->cue->disc.count;
    return count && sheet->tracks[count - 1].index < 1
               ? wrong(sheet, "track %u has no INDEX 01", sheet->cue->disc.first + count - 1u)
               : 0;
}

static int do_track(struct sheet *sheet, char **words)
{
    struct disc *disc = &sheet->cue->disc;
    const struct track_type *type = NULL;
    u32 number;
    for (size_t i = 0; i < ARRAY_SIZE(track_types); i++)
        type = strcasecmp(words[1], track_types[i].name) ? type : &track_types[i];
    if (parse_number(words[0], DISC_TRACKS, &number) < 0 || number == 0)
        return wrong(sheet, "tracks have numbers from 1 to %d", DISC_TRACKS);
    if (disc->count && number != (u32)disc->first + disc->count)
        return wrong(sheet, "track %u does not follow the one before it", number);
    if (!type)
        return wrong(sheet, "no track type '%.20s'; there are AUDIO, MODE1/2048, MODE1/2352, MODE2/2336, MODE2/2352",
                     words[1]);
    if (check_track(sheet) < 0)
        return -EINVAL;
    disc->first = disc->count ? disc->first : (u8)number;
    sheet->tracks[disc->count].type = type;
    sheet->tracks[disc->count].index = -1;
    disc->track[disc->count++] = (struct disc_track){
        .control = type->mode == DISC_AUDIO ? 0 : DISC_DATA,
        .mode = type->mode,
        .complete = type->size == DISC_RAW_BYTES,
    };
    return 0;
}

static int do_index(struct sheet *sheet, char **words)
{
    int track = sheet->cue->disc.count - 1, file = sheet->cue->file_count - 1;
    const struct point *last = sheet->point_count ? &sheet->points[sheet->point_count - 1] : NULL;
    u32 index, time;
    if (track < 0 || file < 0)
        return wrong(sheet, "INDEX comes after FILE and TRACK");
    if (parse_number(words[0], 99, &index) < 0)
        return wrong(sheet, "'%.20s' is no index; there are 00 to 99", words[0]);
    if (parse_time(sheet, words[1], &time) < 0)
        return -EINVAL;
    int before = sheet->tracks[track].index;
    if (before < 0 ? index > 1 : (int)index != before + 1)
        return wrong(sheet, "INDEX %02u out of order", index);
    if (last && last->file == file && time < last->time)
        return wrong(sheet, "this index lies before the one above it");
    sheet->tracks[track].index = (int)index;
    if (index > 1)
        return last->file == file ? 0 : wrong(sheet, "INDEX %02u is not in the file of INDEX 01", index);
    sheet->points[sheet->point_count++] = (struct point){track, (int)index, file, time, sheet->line};
    return 0;
}

static int do_gap(struct sheet *sheet, char **words, bool post)
{
    int track = sheet->cue->disc.count - 1;
    u32 frames;
    if (track < 0)
        return wrong(sheet, "a gap comes after TRACK");
    if (!post && sheet->tracks[track].index > 0)
        return wrong(sheet, "PREGAP comes before INDEX 01");
    if (parse_time(sheet, words[0], &frames) < 0)
        return -EINVAL;
    *(post ? &sheet->tracks[track].post_gap : &sheet->tracks[track].gap) = frames;
    return 0;
}

static int do_pregap(struct sheet *sheet, char **words)
{
    return do_gap(sheet, words, false);
}

static int do_postgap(struct sheet *sheet, char **words)
{
    return do_gap(sheet, words, true);
}

static int do_flags(struct sheet *sheet, char **words)
{
    struct disc_track *track = last_track(sheet);
    for (int i = 0; track && *words[i]; i++) {
        if (!strcasecmp(words[i], "DCP"))
            track->control |= DISC_COPY_PERMITTED;
        if (!strcasecmp(words[i], "PRE") && track->mode == DISC_AUDIO)
            track->control |= DISC_PREEMPHASIS;
        if (!strcasecmp(words[i], "4CH") && track->mode == DISC_AUDIO)
            track->control |= DISC_FOUR_CHANNELS;
    }
    return 0;
}

static bool is_code(const char *text, size_t length)
{
    return strlen(text) == length &&
           strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == length;
}

static int do_catalog(struct sheet *sheet, char **words)
{
    if (!is_code(words[0], 13))
        return wrong(sheet, "a catalogue number has 13 digits");
    memcpy(sheet->cue->disc.catalogue, words[0], 14);
    return 0;
}

static int do_isrc(struct sheet *sheet, char **words)
{
    struct disc_track *track = last_track(sheet);
    if (!track || !is_code(words[0], 12))
        return wrong(sheet, "an ISRC comes after TRACK and has 12 letters and digits");
    memcpy(track->isrc, words[0], 13);
    return 0;
}

static int do_nothing(struct sheet *sheet, char **words)
{
    return 0;
}

static const struct command {
    const char *name;
    int (*run)(struct sheet *sheet, char **words);
} commands[] = {
    {"FILE", do_file},          {"TRACK", do_track},   {"INDEX", do_index},       {"PREGAP", do_pregap},
    {"POSTGAP", do_postgap},    {"FLAGS", do_flags},   {"CATALOG", do_catalog},   {"ISRC", do_isrc},
    {"REM", do_nothing},        {"TITLE", do_nothing}, {"PERFORMER", do_nothing}, {"SONGWRITER", do_nothing},
    {"CDTEXTFILE", do_nothing},
};

/* --- layout ------------------------------------------------------------------------------------------------------- */

static u32 disc_end(const struct cue_image *cue)
{
    const struct cue_extent *last = &cue->extents[MAX(cue->extent_count - 1, 0)];
    return last->address + last->count;
}

/* The next `count` frames of the disc: from byte `offset` of a file, or silence. */
static int lay(struct sheet *sheet, int track, u64 count, int file, u64 offset)
{
    struct cue_image *cue = sheet->cue;
    const struct track_type *type = sheet->tracks[track].type;
    u32 address = disc_end(cue);
    if (count == 0)
        return 0;
    if (count > DISC_MAX_FRAMES - address)
        return wrong(sheet, "the disc gets longer than 99 minutes and 59 seconds");
    cue->extents[cue->extent_count++] =
        (struct cue_extent){address, (u32)count, file, offset, type->size, type->place, (u8)track};
    return 0;
}

/* What follows a point, up to the next one or to the end of its file; *offset is where the point is and where it ends.
 * */
static int lay_from(struct sheet *sheet, const struct point *point, const struct point *next, u64 *offset)
{
    const struct cue_file *file = &sheet->cue->files[point->file];
    u16 size = sheet->tracks[point->track].type->size;
    u64 left = file->end > *offset ? (file->end - *offset + size - 1) / size : 0, count = left;
    if (next && next->file == point->file)
        count = next->time - point->time;
    sheet->line = next ? next->line : point->line;
    if (count > left)
        return wrong(sheet, "this index lies behind the end of its file");
    int r = lay(sheet, point->track, count, point->file, *offset);
    *offset += count * size;
    return r;
}

static int end_track(struct sheet *sheet, int number)
{
    const struct disc_track *track = &sheet->cue->disc.track[number];
    int r = lay(sheet, number, sheet->tracks[number].post_gap, SILENCE, 0);
    if (r == 0 && disc_end(sheet->cue) <= track->start)
        r = wrong(sheet, "track %u is empty", sheet->cue->disc.first + (unsigned)number);
    return r;
}

/* Where a point is: `offset` is where the one before it, in the same file, has ended. */
static int lay_point(struct sheet *sheet, const struct point *point, const struct point *before, u64 *offset)
{
    struct cue_image *cue = sheet->cue;
    struct disc_track *track = &cue->disc.track[point->track];
    int r = 0;
    sheet->line = point->line;
    if (!before || before->track != point->track) {
        r = before ? end_track(sheet, before->track) : 0;
        track->pregap = disc_end(cue);
    }
    if (r == 0 && (!before || before->file != point->file)) { /* what precedes the first index of a file */
        struct point begin = {point->track, 0, point->file, 0, point->line};
        *offset = cue->files[point->file].begin;
        r = lay_from(sheet, &begin, point, offset);
    }
    if (r == 0 && point->index == 1)
        r = lay(sheet, point->track, sheet->tracks[point->track].gap, SILENCE, 0);
    if (point->index == 1)
        track->start = disc_end(cue);
    return r;
}

static int lay_out(struct sheet *sheet)
{
    struct disc *disc = &sheet->cue->disc;
    u64 offset = 0;
    int r = check_track(sheet);
    for (int i = 0; i < sheet->point_count && r == 0; i++) {
        const struct point *point = &sheet->points[i];
        r = lay_point(sheet, point, i ? point - 1 : NULL, &offset);
        r = r ? r : lay_from(sheet, point, i + 1 < sheet->point_count ? point + 1 : NULL, &offset);
    }
    if (r == 0 && disc->count == 0)
        return wrong(sheet, "there is no TRACK");
    r = r ? r : end_track(sheet, disc->count - 1);
    disc->lead_out = disc_end(sheet->cue);
    return r;
}

/* --- the text ----------------------------------------------------------------------------------------------------- */

/* Cuts the line into words, which may stand in quotes. */
static void split(char *line, char *words[MAX_WORDS])
{
    static char empty[1];
    for (int i = 0; i < MAX_WORDS; i++) {
        line += strspn(line, " \t\r");
        words[i] = *line ? line : empty;
        bool quoted = *line == '"';
        words[i] += quoted;
        line += quoted;
        line += strcspn(line, quoted ? "\"" : " \t\r");
        if (*line)
            *line++ = '\0';
    }
}

static int do_line(struct sheet *sheet, char *line)
{
    char *words[MAX_WORDS + 1];
    split(line, words);
    words[MAX_WORDS] = words[MAX_WORDS - 1] + strlen(words[MAX_WORDS - 1]);
    if (!*words[0])
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        if (!strcasecmp(words[0], commands[i].name))
            return commands[i].run(sheet, words + 1);
    return wrong(sheet, "no command '%.20s'", words[0]);
}

static int do_text(struct sheet *sheet, char *text)
{
    int r = 0;
    for (char *line = text, *next; line && r == 0; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        sheet->line++;
        r = do_line(sheet, line);
    }
    return r ? r : lay_out(sheet);
}

int cue_read(struct cue_image *cue, int fd, const char *path, struct error *err)
{
    struct sheet *sheet = calloc(1, sizeof(*sheet));
    char *text = calloc(1, MAX_SHEET + 1);
    ssize_t length = text ? pread(fd, text, MAX_SHEET + 1, 0) : 0;
    int r;
    if (!sheet || !text)
        r = error_set(err, ENOMEM, "out of memory opening cue sheet '%s'", path);
    else if (length < 0)
        r = error_set(err, errno, "cannot read cue sheet '%s': %s", path, strerror(errno));
    else if (length > MAX_SHEET || memchr(text, 0, (size_t)length))
        r = error_set(err, EINVAL, "'%s' is not a cue sheet", path);
    else {
        *sheet = (struct sheet){.cue = cue, .path = path, .err = err};
        r = do_text(sheet, text + (memcmp(text, "\xef\xbb\xbf", 3) ? 0 : 3));
    }
    free(text);
    free(sheet);
    return r;
}
