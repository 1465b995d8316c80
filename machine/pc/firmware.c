/*
 * Firmware files: where they are looked for, and the BIOS ROM in the memory map.
 *
 * Source: PLATFORM.md 2.1, 2.8 (docs/SOURCES.md).  The ROM ends at 4 GiB, where the CPU's reset vector points; its last
 * 128 KiB show below 1 MiB as well.
 */
#include <config.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "machine/pc/board.h"

#define BIOS_UNIT 0x10000
#define BIOS_MAX (16u << 20)

static const char *const usual_dirs[] = {
    CONFIG_FIRMWARE_DIR, CONFIG_DATA_DIR, "/usr/share/seabios", "/usr/share/qemu", "/usr/share/vgabios",
};

static int read_all(int fd, u8 *data, u64 size)
{
    for (u64 done = 0; done < size;) {
        ssize_t n = read(fd, data + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? -errno : -EIO;
        done += n;
    }
    return 0;
}

static int read_open_file(int fd, const char *path, const char *what, u64 limit, struct blob *blob, struct error *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return error_set(err, errno, "%s: cannot read the %s: %s", path, what, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return error_set(err, EINVAL, "%s: cannot read the %s: not a regular file", path, what);
    if (st.st_size == 0)
        return error_set(err, EINVAL, "%s: the %s is empty", path, what);
    if ((u64)st.st_size > limit)
        return error_set(err, EFBIG, "%s: the %s is larger than %llu MiB", path, what,
                         (unsigned long long)(limit >> 20));
    u8 *data = malloc(st.st_size);
    if (!data)
        return error_set(err, ENOMEM, "%s: not enough memory for the %s", path, what);
    int r = read_all(fd, data, st.st_size);
    if (r < 0) {
        free(data);
        return error_set(err, -r, "%s: cannot read the %s: %s", path, what, strerror(-r));
    }
    *blob = (struct blob){data, st.st_size};
    return 0;
}

int read_file(const char *path, const char *what, u64 limit, struct blob *blob, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, errno, "%s: cannot open the %s: %s", path, what, strerror(errno));
    int r = read_open_file(fd, path, what, limit, blob, err);
    close(fd);
    return r;
}

static bool find_in(const char *dir, const char *name, char *path, size_t size)
{
    return *dir && snprintf(path, size, "%s/%s", dir, name) < (int)size && access(path, R_OK) == 0;
}

/* -L directories first, then the usual ones. */
static bool find_firmware(const struct machine_config *config, const char *name, char *path, size_t size)
{
    for (int i = 0; i < config->firmware_dir_count && i < CONFIG_MAX_DIRS; i++)
        if (find_in(config->firmware_dirs[i], name, path, size))
            return true;
    for (size_t i = 0; i < ARRAY_SIZE(usual_dirs); i++)
        if (find_in(usual_dirs[i], name, path, size))
            return true;
    return false;
}

static int find_bios(struct pc *pc, char *path, size_t size, struct error *err)
{
    const struct machine_config *config = pc->config;
    if (config->bios) {
        if (strlen(config->bios) >= size)
            return error_set(err, ENAMETOOLONG, "-bios: the name is too long");
        strcpy(path, config->bios);
        if (access(path, R_OK) == 0 || strchr(path, '/') || find_firmware(config, config->bios, path, size))
            return 0;
        return error_set(err, ENOENT, "%s: cannot find the BIOS, neither here nor in the firmware directories",
                         config->bios);
    }
    const char *name = pc->has_pci ? "bios-256k.bin" : "bios.bin";
    if (find_firmware(config, name, path, size) || find_firmware(config, "bios.bin", path, size))
        return 0;
    return error_set(err, ENOENT,
                     "cannot find the BIOS %s: install SeaBIOS (Debian package seabios), or say where it is with "
                     "-L DIR or -bios FILE",
                     name);
}

static int check_bios(const char *path, const struct blob *blob, struct error *err)
{
    if (blob->size % BIOS_UNIT == 0)
        return 0;
    return error_set(err, EINVAL, "%s: not a BIOS: its size, %llu bytes, is not a multiple of 64 KiB", path,
                     (unsigned long long)blob->size);
}

static void map_bios(struct pc *pc)
{
    u64 window = MIN(pc->bios_size, BIOS_WINDOW);
    pc->bios_top = (struct region){
        .name = "bios",
        .kind = REGION_ROM,
        .base = (1ull << 32) - pc->bios_size,
        .size = pc->bios_size,
        .priority = 10,
        .enabled = true,
        .host = pc->bios,
        .page_flags = pc->bios_flags,
    };
    memory_add(pc->machine->memory, &pc->bios_top);
    if (!pc->has_pci)
        return; /* isapc: a copy in RAM, made at each reset */
    pc->bios_window = pc->bios_top;
    pc->bios_window.name = "bios-window";
    pc->bios_window.base = (1 << 20) - window;
    pc->bios_window.size = window;
    pc->bios_window.host += pc->bios_size - window;
    pc->bios_window.page_flags += (pc->bios_size - window) / 4096;
    memory_add(pc->machine->memory, &pc->bios_window);
}

int pc_load_bios(struct pc *pc, struct error *err)
{
    char path[4096];
    struct blob blob;
    int r = find_bios(pc, path, sizeof(path), err);
    if (r == 0)
        r = read_file(path, "BIOS", BIOS_MAX, &blob, err);
    if (r < 0)
        return r;
    r = check_bios(path, &blob, err);
    if (r == 0) {
        pc->bios_size = blob.size;
        pc->bios = memory_alloc(blob.size);
        pc->bios_flags = calloc(blob.size / 4096, 1);
        r = pc->bios && pc->bios_flags ? 0 : error_set(err, ENOMEM, "%s: not enough memory for the BIOS", path);
    }
    if (r == 0) {
        memcpy(pc->bios, blob.data, blob.size);
        map_bios(pc);
    }
    free(blob.data);
    return r;
}

int pc_find_vga_bios(struct pc *pc, struct blob *blob, struct error *err)
{
    char path[4096];
    bool cirrus = pc->config->vga == VGA_CIRRUS;
    const char *name = cirrus ? "vgabios-cirrus.bin" : pc->has_pci ? "vgabios-stdvga.bin" : "vgabios-isavga.bin";
    *blob = (struct blob){0};
    if (pc->config->vga == VGA_NONE)
        return 0;
    if (!find_firmware(pc->config, name, path, sizeof(path)))
        return error_set(err, ENOENT,
                         "cannot find the VGA BIOS %s: install SeaBIOS (Debian package seabios), say where it is with "
                         "-L DIR, or do without by -vga none",
                         name);
    return read_file(path, "VGA BIOS", VGA_ROM_MAX, blob, err);
}
