/*
 * Files dropped on the window: into which drive.
 *
 * Source: ECMA-119, "Volume Descriptor" (CD001 from sector 16 on); ECMA-167, "Volume Structure Descriptor" (BEA01 in the same
 *         place: UDF without ISO 9660); ECMA-130, "Sectors" (the 12 bytes that begin a raw one).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ui/sdl/internal.h"

#define FLOPPY_BYTES_MAX (2880u * 1024 + 512 * 1024) /* 2.88 MB and what formats squeeze onto it */

enum kind { KIND_FLOPPY, KIND_DISC, KIND_NEITHER };

static bool ends_in(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length > tail && !strcasecmp(text + length - tail, end);
}

static bool has_disc_contents(FILE *image)
{
    static const u8 sync[12] = {0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0};
    u8 first[sizeof(sync)] = {0};
    char id[5] = {0};
    if (fread(first, 1, sizeof(first), image) == sizeof(first) && !memcmp(first, sync, sizeof(sync)))
        return true;
    return fseek(image, 16 * 2048 + 1, SEEK_SET) == 0 && fread(id, 1, 5, image) == 5 &&
           (!memcmp(id, "CD001", 5) || !memcmp(id, "BEA01", 5));
}

/* 0, or -errno if it cannot be read. */
static int find_kind(const char *file, enum kind *kind)
{
    struct stat info;
    if (stat(file, &info) < 0)
        return -errno;
    if (!S_ISREG(info.st_mode))
        return S_ISDIR(info.st_mode) ? -EISDIR : -EINVAL;
    FILE *image = fopen(file, "rbe");
    if (!image)
        return -errno;
    bool disc = ends_in(file, ".cue") || ends_in(file, ".iso") || has_disc_contents(image);
    *kind = disc ? KIND_DISC : info.st_size <= FLOPPY_BYTES_MAX ? KIND_FLOPPY : KIND_NEITHER;
    fclose(image);
    return 0;
}

static bool takes(const struct pc_drive *drive, enum kind kind)
{
    bool floppy = !strncmp(drive->name, "floppy", 6);
    return drive->removable && floppy == (kind == KIND_FLOPPY);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* --- several drives: which one? ----------------------------------------------------------------------------------------- */

static int read_drives(struct window *window, struct pc_drive drives[PC_DRIVES])
{
    machine_lock(window->machine);
    int count = pc_drives(window->machine, drives);
    machine_unlock(window->machine);
    return count;
}

static void insert(struct window *window, int index)
{
    struct pc_drive drives[PC_DRIVES];
    if (index < read_drives(window, drives))
        action_change(window, drives[index].name, window->dropped);
}

static void page_drop(struct window *window, int kind)
{
    struct pc_drive drives[PC_DRIVES];
    char contents[200];
    menu_title(window, "Where to? %s", base_name(window->dropped));
    machine_lock(window->machine);
    int count = pc_drives(window->machine, drives);
    for (int i = 0; i < count; i++) {
        if (!takes(&drives[i], (enum kind)kind))
            continue;
        snprintf(contents, sizeof(contents), "%s", drives[i].block ? base_name(block_file(drives[i].block)) : "empty");
        menu_add(window, insert, i, "%s: %s", drives[i].name, contents);
    }
    machine_unlock(window->machine);
}

/* --- the drop ----------------------------------------------------------------------------------------------------------- */

/* A drive that is the only one of its kind takes the file at once. */
void drop_file(struct window *window, const char *file)
{
    struct pc_drive drives[PC_DRIVES];
    enum kind kind = KIND_NEITHER;
    int fit = 0, last = 0, r = find_kind(file, &kind), count = read_drives(window, drives);
    if (r < 0) {
        window_notice(window, "%s: %s", base_name(file), strerror(-r));
        return;
    }
    for (int i = 0; i < count; i++) {
        if (takes(&drives[i], kind)) {
            fit++;
            last = i;
        }
    }
    snprintf(window->dropped, sizeof(window->dropped), "%s", file);
    if (kind == KIND_NEITHER)
        window_notice(window, "%s: not a CD's image, and too large for a floppy disk", base_name(file));
    else if (!fit)
        window_notice(window, kind == KIND_FLOPPY ? "This machine has no floppy drive (-fda, or -drive if=floppy)"
                                                  : "This machine has no CD drive (-cdrom, or -drive media=cdrom)");
    else if (fit == 1)
        insert(window, last);
    else
        menu_open_at(window, page_drop, kind);
}
