/*
 * -kernel: Linux bzImage and zImage through fw_cfg and our boot ROM (roms/linuxboot.S).
 *
 * Source: Linux Documentation/arch/x86/boot.rst, boot protocols up to 2.15; PLATFORM.md 2.9 (docs/SOURCES.md).
 * Modelled: the 16-bit entry of every protocol version, initrd, command line, vga=.
 * Not modelled: EFI handover, 64-bit entry, struct setup_data.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine/pc/board.h"

/* The real-mode kernel header, offsets in the file. */
enum {
    SETUP_SECTS = 0x1f1,
    VID_MODE = 0x1fa,
    BOOT_FLAG = 0x1fe,
    HEADER_MAGIC = 0x202,
    VERSION = 0x206,
    TYPE_OF_LOADER = 0x210,
    LOADFLAGS = 0x211,
    RAMDISK_IMAGE = 0x218,
    RAMDISK_SIZE = 0x21c,
    HEAP_END_PTR = 0x224,
    CMD_LINE_PTR = 0x228,
    INITRD_ADDR_MAX = 0x22c,
    XLOADFLAGS = 0x236,
    CMDLINE_SIZE = 0x238,
    INIT_SIZE = 0x260,
    HEADER_END = 0x264,
};

#define HDRS 0x53726448 /* "HdrS" */
#define LOADED_HIGH 0x01
#define CAN_USE_HEAP 0x80
#define XLF_CAN_BE_LOADED_ABOVE_4G 0x02
#define OLD_CMDLINE_MAGIC_AT 0x20
#define OLD_CMDLINE_OFFSET_AT 0x22
#define OLD_CMDLINE_MAGIC 0xa33f

#define SECTOR 512
#define KERNEL_MAX (1u << 30)
#define INITRD_MAX 0xfffff000u
#define SETUP_MAX 0x8000
#define FIRMWARE_RESERVE 0x28001 /* kept free below the top of memory for what the BIOS puts there */

struct linux_image {
    struct blob file;
    u16 protocol;
    bool high;               /* bzImage: the protected-mode part goes to 1 MiB */
    u32 setup_size;
    u32 setup_addr, cmdline_addr, kernel_addr;
    u32 initrd_addr;
    const char *cmdline;
    u32 cmdline_size; /* with its NUL */
    struct blob initrd;
};

static u16 get16(const u8 *p) { return p[0] | p[1] << 8; }
static u32 get32(const u8 *p) { return get16(p) | (u32)get16(p + 2) << 16; }

static void put16(u8 *p, u16 value)
{
    p[0] = value;
    p[1] = value >> 8;
}

static void put32(u8 *p, u32 value)
{
    put16(p, value);
    put16(p + 2, value >> 16);
}

static bool has_header(const struct blob *file)
{
    return file->size >= HEADER_END && get32(file->data + HEADER_MAGIC) == HDRS;
}

/* A kernel from before protocol 2.00 shows only the boot sector's signature. */
static bool has_boot_signature(const struct blob *file)
{
    return file->size >= HEADER_END && get16(file->data + BOOT_FLAG) == 0xaa55;
}

static int check_size(const struct linux_image *image, const char *path, struct error *err)
{
    u64 size = image->file.size;
    if (image->setup_size > SETUP_MAX)
        return error_set(err, EINVAL, "%s: bad kernel: its setup code is larger than 32 KiB", path);
    if (size <= image->setup_size)
        return error_set(err, EINVAL, "%s: truncated kernel: %llu bytes, the setup code alone has %u", path,
                         (unsigned long long)size, image->setup_size);
    /* syssize, 32 bits since protocol 2.04, counts 16-byte paragraphs: the last one need not be full (memtest86+). */
    if (image->protocol >= 0x204) {
        u64 want = image->setup_size + 16ull * get32(image->file.data + 0x1f4);
        if (size + 15 < want)
            return error_set(err, EINVAL, "%s: truncated kernel: %llu bytes, its header says %llu", path,
                             (unsigned long long)size, (unsigned long long)want);
    }
    return 0;
}

static void choose_addresses(struct linux_image *image)
{
    if (image->protocol >= 0x200 && image->high) {
        image->setup_addr = 0x10000;
        image->cmdline_addr = 0x20000;
        image->kernel_addr = 0x100000;
    } else {
        image->setup_addr = 0x90000;
        image->cmdline_addr = 0x9a000 - image->cmdline_size;
        image->kernel_addr = image->high ? 0x100000 : 0x10000;
    }
    /* Loaded high, but the command line is still found at an offset from the setup code. */
    if (image->protocol < 0x202 && image->high) {
        image->setup_addr = 0x90000;
        image->cmdline_addr = 0x9a000 - image->cmdline_size;
    }
}

static int parse_header(struct linux_image *image, const char *path, struct error *err)
{
    const u8 *header = image->file.data;
    image->protocol = has_header(&image->file) ? get16(header + VERSION) : 0;
    image->high = image->protocol >= 0x200 && header[LOADFLAGS] & LOADED_HIGH;
    image->setup_size = ((header[SETUP_SECTS] ? header[SETUP_SECTS] : 4) + 1) * SECTOR;
    int r = check_size(image, path, err);
    if (r < 0)
        return r;
    u32 limit = image->protocol >= 0x206 ? get32(header + CMDLINE_SIZE) : 255;
    if (image->cmdline_size - 1 > MIN(limit, 0xf000))
        return error_set(err, EINVAL, "-append: %u characters; this kernel takes at most %u", image->cmdline_size - 1,
                         limit);
    choose_addresses(image);
    if (!image->high && image->file.size - image->setup_size > 0x80000)
        return error_set(err, EINVAL, "%s: bad kernel: a zImage of more than 512 KiB", path);
    return 0;
}

static u32 initrd_limit(const struct linux_image *image)
{
    const u8 *header = image->file.data;
    if (image->protocol >= 0x20c && get16(header + XLOADFLAGS) & XLF_CAN_BE_LOADED_ABOVE_4G)
        return 0xffffffff;
    return image->protocol >= 0x203 ? get32(header + INITRD_ADDR_MAX) : 0x37ffffff;
}

/* Where the kernel's own memory ends once it has unpacked itself. */
static u64 kernel_end(const struct linux_image *image)
{
    u64 size = image->file.size - image->setup_size;
    if (image->protocol >= 0x20a)
        size = MAX(size, get32(image->file.data + INIT_SIZE));
    return image->kernel_addr + size;
}

static int place_initrd(struct linux_image *image, u64 lowmem, const char *path, struct error *err)
{
    if (image->protocol < 0x200)
        return error_set(err, EINVAL, "%s: this kernel is too old for an initrd", path);
    u64 top = MIN((u64)initrd_limit(image), lowmem - FIRMWARE_RESERVE);
    u64 addr = top > image->initrd.size ? (top - image->initrd.size) & ~0xfffull : 0;
    if (addr < kernel_end(image) || addr < 0x100000)
        return error_set(err, ENOMEM, "%s: kernel and initrd do not fit into %llu MiB of memory (-m)", path,
                         (unsigned long long)(lowmem >> 20));
    image->initrd_addr = addr;
    return 0;
}

/* The last "vga=" word of the command line is for the loader. */
static bool parse_vga(const char *cmdline, u16 *mode)
{
    const char *value = NULL;
    for (const char *at = strstr(cmdline, "vga="); at; at = strstr(at + 1, "vga="))
        if (at == cmdline || at[-1] == ' ')
            value = at + 4;
    if (!value)
        return false;
    if (!strncmp(value, "normal", 6))
        *mode = 0xffff;
    else if (!strncmp(value, "ext", 3))
        *mode = 0xfffe;
    else if (!strncmp(value, "ask", 3))
        *mode = 0xfffd;
    else
        *mode = strtoul(value, NULL, 0);
    return true;
}

static void patch_header(struct linux_image *image)
{
    u8 *header = image->file.data;
    u16 mode;
    if (parse_vga(image->cmdline, &mode))
        put16(header + VID_MODE, mode);
    if (image->protocol >= 0x202) {
        put32(header + CMD_LINE_PTR, image->cmdline_addr);
    } else {
        put16(header + OLD_CMDLINE_MAGIC_AT, OLD_CMDLINE_MAGIC);
        put16(header + OLD_CMDLINE_OFFSET_AT, image->cmdline_addr - image->setup_addr);
    }
    if (image->protocol >= 0x200)
        header[TYPE_OF_LOADER] = 0xb0;
    if (image->protocol >= 0x201) {
        header[LOADFLAGS] |= CAN_USE_HEAP;
        put16(header + HEAP_END_PTR, image->cmdline_addr - image->setup_addr - 0x200);
    }
    if (image->initrd.size) {
        put32(header + RAMDISK_IMAGE, image->initrd_addr);
        put32(header + RAMDISK_SIZE, image->initrd.size);
    }
}

static int add_part(struct fw_cfg *fw, u16 addr_key, u16 size_key, u16 data_key, u32 addr, const void *data, u32 size)
{
    int r = fw_cfg_add_u32(fw, addr_key, addr);
    r = r ? r : fw_cfg_add_u32(fw, size_key, size);
    return r ? r : fw_cfg_add_bytes(fw, data_key, data, size);
}

static int publish(struct pc *pc, const struct linux_image *image)
{
    struct fw_cfg *fw = &pc->fw_cfg;
    const u8 *file = image->file.data;
    int r = add_part(fw, FW_CFG_SETUP_ADDR, FW_CFG_SETUP_SIZE, FW_CFG_SETUP_DATA, image->setup_addr, file,
                     image->setup_size);
    r = r ? r : add_part(fw, FW_CFG_KERNEL_ADDR, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA, image->kernel_addr,
                         file + image->setup_size, image->file.size - image->setup_size);
    r = r ? r : add_part(fw, FW_CFG_CMDLINE_ADDR, FW_CFG_CMDLINE_SIZE, FW_CFG_CMDLINE_DATA, image->cmdline_addr,
                         image->cmdline, image->cmdline_size);
    r = r ? r : add_part(fw, FW_CFG_INITRD_ADDR, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA, image->initrd_addr,
                         image->initrd.data, image->initrd.size);
    return r;
}

static int load_linux(struct pc *pc, struct linux_image *image, struct error *err)
{
    const struct machine_config *config = pc->config;
    u64 lowmem = pc->has_pci ? i440fx_lowmem(pc->machine->ram_size) : pc->machine->ram_size;
    int r = parse_header(image, config->kernel, err);
    if (r < 0)
        return r;
    if (kernel_end(image) > lowmem)
        return error_set(err, ENOMEM, "%s: the kernel needs %llu MiB of memory, the machine has %llu (-m)",
                         config->kernel, (unsigned long long)(kernel_end(image) + 0xfffff) >> 20,
                         (unsigned long long)lowmem >> 20);
    if (config->initrd) {
        r = read_file(config->initrd, "initrd", INITRD_MAX, &image->initrd, err);
        r = r ? r : place_initrd(image, lowmem, config->initrd, err);
        if (r < 0)
            return r;
    }
    patch_header(image);
    if (publish(pc, image) < 0)
        return error_set(err, ENOMEM, "%s: not enough memory for the kernel", config->kernel);
    return pc_add_boot_rom(pc, "linuxboot", err);
}

int pc_load_kernel(struct pc *pc, struct error *err)
{
    const char *path = pc->config->kernel;
    struct linux_image image = {.cmdline = pc->config->append ? pc->config->append : ""};
    image.cmdline_size = strnlen(image.cmdline, 0x10000) + 1;
    int r = read_file(path, "kernel", KERNEL_MAX, &image.file, err);
    if (r < 0)
        return r;
    if (has_header(&image.file))
        r = load_linux(pc, &image, err);
    else if (multiboot_probe(&image.file))
        r = multiboot_load(pc, &image.file, err);
    else if (has_boot_signature(&image.file))
        r = load_linux(pc, &image, err);
    else
        r = error_set(err, EINVAL, "%s: neither a Linux kernel (bzImage, zImage) nor a multiboot kernel", path);
    free(image.initrd.data);
    free(image.file.data);
    return r;
}
