/*
 * -kernel: multiboot kernels through fw_cfg and our boot ROM (roms/multiboot.S).
 *
 * Source: Multiboot Specification version 0.6.96; PLATFORM.md 2.9 (docs/SOURCES.md).
 * Modelled: ELF32 and the address fields ("a.out kludge"), command line, modules from -initrd "file args,file args".
 * Not modelled: the video mode fields (text mode stays), ELF64, multiboot 2.
 *
 * Kernel and modules go to memory as one image.  The information structure goes to 9500h; the ROM adds what only the
 * BIOS knows: the memory map, at 9000h, and the sizes of memory.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine/pc/board.h"

#define MAGIC 0x1badb002
#define SEARCH_LIMIT 8192
#define FLAG_ALIGN 0x00000001
#define FLAG_MEMORY 0x00000002
#define FLAG_VIDEO 0x00000004
#define FLAG_ADDRESSES 0x00010000
#define REQUIRED_FLAGS 0x0000ffff
#define KNOWN_FLAGS (FLAG_ALIGN | FLAG_MEMORY | FLAG_VIDEO)

/* Multiboot information: offsets, and flags that say which are filled. */
enum {
    INFO_FLAGS = 0,
    INFO_BOOT_DEVICE = 12,
    INFO_CMDLINE = 16,
    INFO_MODS_COUNT = 20,
    INFO_MODS_ADDR = 24,
    INFO_LOADER_NAME = 64,
    INFO_SIZE = 88,
};

#define INFO_HAS_MEMORY 0x001
#define INFO_HAS_BOOT_DEVICE 0x002
#define INFO_HAS_CMDLINE 0x004
#define INFO_HAS_MODULES 0x008
#define INFO_HAS_MMAP 0x040
#define INFO_HAS_LOADER_NAME 0x200

#define INFO_ADDR 0x9500
#define INFO_LIMIT 0x6000 /* up to F500h: the information, strings and module list together */
#define BOOT_DEVICE 0x8000ffff /* first hard disk */
#define MODULE_ENTRY 16
#define MAX_MODULES 64
#define PAGE 4096
#define MODULE_LIMIT (1u << 30)
#define LOADER_NAME "clutch"

struct image {
    const struct blob *file;
    const char *path;
    u64 lowmem;
    u8 *data; /* kernel, then modules */
    u32 base, size, entry;
    u8 info[INFO_LIMIT];
    u32 info_size;
    u8 modules[MAX_MODULES * MODULE_ENTRY];
    u32 module_count;
};

static u32 get32(const u8 *p)
{
    return p[0] | p[1] << 8 | p[2] << 16 | (u32)p[3] << 24;
}

static void put32(u8 *p, u32 value)
{
    for (int i = 0; i < 4; i++)
        p[i] = value >> (8 * i);
}

/* Offset of the header in the file, or -1: magic, flags and checksum sum to zero, aligned to 4 in the first 8 KiB. */
static i64 find_header(const struct blob *kernel)
{
    u64 end = MIN(kernel->size, SEARCH_LIMIT);
    for (u64 at = 0; at + 12 <= end; at += 4) {
        const u8 *p = kernel->data + at;
        if (get32(p) == MAGIC && get32(p) + get32(p + 4) + get32(p + 8) == 0)
            return at;
    }
    return -1;
}

bool multiboot_probe(const struct blob *kernel)
{
    return find_header(kernel) >= 0;
}

static int bad(struct image *image, struct error *err, const char *why)
{
    return error_set(err, EINVAL, "%s: bad multiboot kernel: %s", image->path, why);
}

/* Memory for guest addresses [base, end), zeroed. */
static int reserve(struct image *image, u64 base, u64 end, struct error *err)
{
    if (end <= base || base < 0x10000)
        return bad(image, err, "it wants to be where the BIOS is, or nowhere");
    if (end > image->lowmem)
        return error_set(err, ENOMEM, "%s: the kernel needs memory up to %llu MiB, the machine has %llu (-m)",
                         image->path, (unsigned long long)(end + 0xfffff) >> 20,
                         (unsigned long long)image->lowmem >> 20);
    if (base < 0x100000 && end > 0x9fc00)
        return bad(image, err, "it overlaps the BIOS below 1 MiB");
    image->data = calloc(1, end - base);
    if (!image->data)
        return error_set(err, ENOMEM, "%s: not enough memory for the kernel", image->path);
    image->base = base;
    image->size = end - base;
    return 0;
}

/* "The address fields of Multiboot header". */
static int load_by_addresses(struct image *image, u64 header_at, struct error *err)
{
    const struct blob *file = image->file;
    if (header_at + 32 > file->size)
        return bad(image, err, "its header is truncated");
    const u8 *header = file->data + header_at;
    u32 header_addr = get32(header + 12), load_addr = get32(header + 16), load_end = get32(header + 20);
    u32 bss_end = get32(header + 24);
    if (header_addr < load_addr || header_addr - load_addr > header_at)
        return bad(image, err, "its load address is behind its header");
    u64 from = header_at - (header_addr - load_addr), length = file->size - from;
    if (load_end) {
        if (load_end < load_addr)
            return bad(image, err, "its load end address is below its load address");
        if (load_end - load_addr > length)
            return bad(image, err, "the file is truncated");
        length = load_end - load_addr;
    }
    int r = reserve(image, load_addr, MAX((u64)load_addr + length, bss_end), err);
    if (r < 0)
        return r;
    memcpy(image->data, file->data + from, length);
    image->entry = get32(header + 28);
    return 0;
}

static int program_headers(struct image *image, const Elf32_Ehdr *elf, Elf32_Phdr *headers, struct error *err)
{
    if (elf->e_phentsize != sizeof(*headers) || elf->e_phnum > 64 ||
        elf->e_phoff + (u64)elf->e_phnum * sizeof(*headers) > image->file->size)
        return bad(image, err, "its ELF program headers are outside of the file");
    memcpy(headers, image->file->data + elf->e_phoff, elf->e_phnum * sizeof(*headers));
    for (int i = 0; i < elf->e_phnum; i++) {
        if (headers[i].p_type != PT_LOAD)
            continue;
        if (headers[i].p_offset + (u64)headers[i].p_filesz > image->file->size)
            return bad(image, err, "the file is truncated: a segment lies outside of it");
        if (headers[i].p_filesz > headers[i].p_memsz)
            return bad(image, err, "a segment has more bytes than memory");
    }
    return 0;
}

static bool is_loaded(const Elf32_Phdr *header)
{
    return header->p_type == PT_LOAD && header->p_memsz;
}

/* An entry point that is a virtual address is turned into the physical one of its segment. */
static u32 physical_entry(const Elf32_Ehdr *elf, const Elf32_Phdr *headers)
{
    for (int i = 0; i < elf->e_phnum; i++)
        if (is_loaded(&headers[i]) && elf->e_entry - headers[i].p_paddr < headers[i].p_memsz)
            return elf->e_entry;
    for (int i = 0; i < elf->e_phnum; i++)
        if (is_loaded(&headers[i]) && elf->e_entry - headers[i].p_vaddr < headers[i].p_memsz)
            return elf->e_entry - headers[i].p_vaddr + headers[i].p_paddr;
    return elf->e_entry;
}

static int load_elf(struct image *image, struct error *err)
{
    Elf32_Ehdr elf;
    Elf32_Phdr headers[64];
    if (image->file->size < sizeof(elf))
        return bad(image, err, "the file is truncated");
    memcpy(&elf, image->file->data, sizeof(elf));
    if (memcmp(elf.e_ident, ELFMAG, SELFMAG))
        return bad(image, err, "neither an ELF file nor load addresses in its header");
    if (elf.e_ident[EI_CLASS] != ELFCLASS32 || elf.e_ident[EI_DATA] != ELFDATA2LSB)
        return bad(image, err, "it is not a 32-bit little-endian ELF file");
    int r = program_headers(image, &elf, headers, err);
    if (r < 0)
        return r;
    u64 base = UINT64_MAX, end = 0;
    for (int i = 0; i < elf.e_phnum; i++) {
        if (!is_loaded(&headers[i]))
            continue;
        base = MIN(base, headers[i].p_paddr);
        end = MAX(end, headers[i].p_paddr + (u64)headers[i].p_memsz);
    }
    r = reserve(image, base, end, err);
    for (int i = 0; r == 0 && i < elf.e_phnum; i++)
        if (is_loaded(&headers[i]))
            memcpy(image->data + (headers[i].p_paddr - base), image->file->data + headers[i].p_offset,
                   headers[i].p_filesz);
    image->entry = physical_entry(&elf, headers);
    return r;
}

static int load_kernel(struct image *image, struct error *err)
{
    u64 header_at = find_header(image->file);
    u32 flags = get32(image->file->data + header_at + 4);
    if (flags & REQUIRED_FLAGS & ~KNOWN_FLAGS)
        return bad(image, err, "it requires features that multiboot 0.6.96 does not have");
    return flags & FLAG_ADDRESSES ? load_by_addresses(image, header_at, err) : load_elf(image, err);
}

/* Copies a NUL-terminated string behind the information structure; returns its guest address, 0 if it has no room. */
static u32 add_string(struct image *image, const char *text)
{
    u32 size = strlen(text) + 1, at = image->info_size;
    if (size > INFO_LIMIT - at)
        return 0;
    memcpy(image->info + at, text, size);
    image->info_size += size;
    return INFO_ADDR + at;
}

/* "file args": both as the module sees them, from the kernel's name on. */
static u32 add_words(struct image *image, const char *file, const char *args, struct error *err)
{
    char *text = malloc(strlen(file) + strlen(args) + 2);
    u32 address = 0;
    if (text) {
        strcpy(text, file);
        if (*args)
            strcat(strcat(text, " "), args);
        address = add_string(image, text);
    }
    free(text);
    if (!address)
        error_set(err, EINVAL, "-append, -initrd: the command lines are too long for a multiboot kernel");
    return address;
}

static int append_module(struct image *image, const struct blob *module, const char *path, u32 cmdline,
                         struct error *err)
{
    u64 offset = ((u64)image->size + PAGE - 1) / PAGE * PAGE, end = offset + module->size;
    u64 start_addr = (image->base + offset + PAGE - 1) / PAGE * PAGE;
    offset = start_addr - image->base;
    end = offset + module->size;
    if (image->base + end > image->lowmem - 0x40000)
        return error_set(err, ENOMEM, "%s: kernel and modules do not fit into %llu MiB of memory (-m)", path,
                         (unsigned long long)image->lowmem >> 20);
    u8 *data = realloc(image->data, end);
    if (!data)
        return error_set(err, ENOMEM, "%s: not enough memory for the module", path);
    memset(data + image->size, 0, offset - image->size);
    memcpy(data + offset, module->data, module->size);
    image->data = data;
    image->size = end;

    u8 *entry = image->modules + image->module_count++ * MODULE_ENTRY;
    put32(entry, start_addr);
    put32(entry + 4, start_addr + module->size);
    put32(entry + 8, cmdline);
    put32(entry + 12, 0);
    return 0;
}

/* One element of the list: the file's name up to the first space, and the whole as its command line. */
static int load_module(struct image *image, char *words, struct error *err)
{
    struct blob blob;
    if (image->module_count == MAX_MODULES)
        return error_set(err, EINVAL, "-initrd: more than %d modules", MAX_MODULES);
    u32 cmdline = add_words(image, words, "", err);
    if (!cmdline)
        return -EINVAL;
    words[strcspn(words, " ")] = 0;
    int r = read_file(words, "module", MODULE_LIMIT, &blob, err);
    if (r == 0) {
        r = append_module(image, &blob, words, cmdline, err);
        free(blob.data);
    }
    return r;
}

/* Splits at commas; ",," stands for a comma.  Returns what follows, or NULL. */
static char *next_element(char *from)
{
    char *to = from;
    for (; *from; from++) {
        if (*from == ',') {
            if (from[1] != ',') {
                *to = 0;
                return from + 1;
            }
            from++;
        }
        *to++ = *from;
    }
    *to = 0;
    return NULL;
}

static int load_modules(struct image *image, const char *list, struct error *err)
{
    char *copy = strdup(list), *next = copy;
    int r = copy ? 0 : error_set(err, ENOMEM, "-initrd: not enough memory");
    while (next && r == 0) {
        char *words = next;
        next = next_element(next);
        r = load_module(image, words, err);
    }
    free(copy);
    return r;
}

static int build_info(struct pc *pc, struct image *image, struct error *err)
{
    const struct machine_config *config = pc->config;
    u8 *info = image->info;
    image->info_size = INFO_SIZE;
    u32 flags = INFO_HAS_MEMORY | INFO_HAS_BOOT_DEVICE | INFO_HAS_CMDLINE | INFO_HAS_MMAP | INFO_HAS_LOADER_NAME;
    u32 name = add_string(image, LOADER_NAME);
    u32 cmdline = add_words(image, config->kernel, config->append ? config->append : "", err);
    if (!cmdline)
        return -EINVAL;
    int r = config->initrd ? load_modules(image, config->initrd, err) : 0;
    if (r < 0)
        return r;
    if (image->module_count) {
        u32 size = image->module_count * MODULE_ENTRY;
        image->info_size = (image->info_size + 3) & ~3u;
        if (size > INFO_LIMIT - image->info_size)
            return error_set(err, EINVAL, "-initrd: too many modules");
        memcpy(info + image->info_size, image->modules, size);
        put32(info + INFO_MODS_COUNT, image->module_count);
        put32(info + INFO_MODS_ADDR, INFO_ADDR + image->info_size);
        image->info_size += size;
        flags |= INFO_HAS_MODULES;
    }
    put32(info + INFO_FLAGS, flags);
    put32(info + INFO_BOOT_DEVICE, BOOT_DEVICE);
    put32(info + INFO_CMDLINE, cmdline);
    put32(info + INFO_LOADER_NAME, name);
    return 0;
}

static int publish(struct pc *pc, const struct image *image)
{
    struct fw_cfg *fw = &pc->fw_cfg;
    int r = fw_cfg_add_u32(fw, FW_CFG_KERNEL_ENTRY, image->entry);
    r = r ? r : fw_cfg_add_u32(fw, FW_CFG_KERNEL_ADDR, image->base);
    r = r ? r : fw_cfg_add_u32(fw, FW_CFG_KERNEL_SIZE, image->size);
    r = r ? r : fw_cfg_add_bytes(fw, FW_CFG_KERNEL_DATA, image->data, image->size);
    r = r ? r : fw_cfg_add_u32(fw, FW_CFG_INITRD_ADDR, INFO_ADDR);
    r = r ? r : fw_cfg_add_u32(fw, FW_CFG_INITRD_SIZE, image->info_size);
    r = r ? r : fw_cfg_add_bytes(fw, FW_CFG_INITRD_DATA, image->info, image->info_size);
    return r;
}

int multiboot_load(struct pc *pc, const struct blob *kernel, struct error *err)
{
    struct image *image = calloc(1, sizeof(*image));
    if (!image)
        return error_set(err, ENOMEM, "%s: not enough memory for the kernel", pc->config->kernel);
    image->file = kernel;
    image->path = pc->config->kernel;
    image->lowmem = pc->has_pci ? i440fx_lowmem(pc->machine->ram_size) : pc->machine->ram_size;

    int r = load_kernel(image, err);
    r = r ? r : build_info(pc, image, err);
    if (r == 0 && publish(pc, image) < 0)
        r = error_set(err, ENOMEM, "%s: not enough memory for the kernel", image->path);
    r = r ? r : pc_add_boot_rom(pc, "multiboot", err);
    free(image->data);
    free(image);
    return r;
}
