#include "devices/fw_cfg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine/trace.h"

enum {
    DMA_ERROR = 0x01,
    DMA_READ = 0x02,
    DMA_SKIP = 0x04,
    DMA_SELECT = 0x08,
    DMA_WRITE = 0x10,
};

#define ID_TRADITIONAL 1
#define ID_DMA 2
#define DMA_SIGNATURE_HIGH 0x554d4551 /* "QEMU" as the guest's inl at 514h sees it */
#define DMA_SIGNATURE_LOW 0x47464320  /* " CFG", at 518h */
#define DIRECTORY_ENTRY 64

static u32 get_be32(const u8 *p)
{
    return (u32)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static void put_be32(u8 *p, u32 value)
{
    for (int i = 0; i < 4; i++)
        p[i] = value >> (24 - 8 * i);
}

/* Item behind a key, present or not; NULL for a key that can have none. */
static struct fw_cfg_item *slot(struct fw_cfg *fw, u16 key)
{
    if (key == FW_CFG_FILE_DIR)
        return &fw->directory;
    if (key < FW_CFG_FILE_FIRST)
        return &fw->generic[key];
    if (key >= FW_CFG_ARCH && key < FW_CFG_ARCH + FW_CFG_FILE_FIRST)
        return &fw->arch[key - FW_CFG_ARCH];
    if (key < FW_CFG_FILE_FIRST + fw->file_count)
        return &fw->files[key - FW_CFG_FILE_FIRST].item;
    return NULL;
}

const struct fw_cfg_item *fw_cfg_item(const struct fw_cfg *fw, u16 key)
{
    const struct fw_cfg_item *item = slot((struct fw_cfg *)fw, key);
    return item && item->data ? item : NULL;
}

static void select_key(struct fw_cfg *fw, u16 key)
{
    trace(FWCFG, "select %04x", key);
    fw->key = key;
    fw->offset = 0;
}

/* Bytes left of the selected item. */
static u32 remaining(struct fw_cfg *fw)
{
    const struct fw_cfg_item *item = slot(fw, fw->key);
    return item && fw->offset < item->size ? item->size - fw->offset : 0;
}

static u8 next_byte(struct fw_cfg *fw)
{
    return remaining(fw) ? slot(fw, fw->key)->data[fw->offset++] : 0;
}

static u64 select_read(void *opaque, u64 offset, unsigned size)
{
    struct fw_cfg *fw = opaque;
    return size == 2 ? fw->key : 0xff;
}

static void select_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    select_key(opaque, value);
}

static u64 data_read(void *opaque, u64 offset, unsigned size)
{
    return next_byte(opaque);
}

static void data_read_block(void *opaque, u64 offset, unsigned size, void *data, unsigned count)
{
    struct fw_cfg *fw = opaque;
    u32 part = MIN(count, remaining(fw));
    if (part)
        memcpy(data, slot(fw, fw->key)->data + fw->offset, part);
    memset((u8 *)data + part, 0, count - part);
    fw->offset += part;
}

static void data_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    trace(GUEST, "fw_cfg: write to the data port, %02x", (unsigned)value);
}

static void store_zeros(struct memory *memory, u64 address, u32 length)
{
    static const u8 zeros[4096];
    while (length) {
        u32 part = MIN(length, sizeof(zeros));
        memory_write(memory, address, zeros, part);
        address += part;
        length -= part;
    }
}

/* Past the item's end the guest gets zeros; no more than there is RAM, which bounds the time that takes. */
static void dma_read(struct fw_cfg *fw, u64 address, u32 length)
{
    u32 part = MIN(length, remaining(fw));
    if (part)
        memory_write(fw->machine->memory, address, slot(fw, fw->key)->data + fw->offset, part);
    fw->offset += part;
    store_zeros(fw->machine->memory, address + part, MIN(length - part, fw->machine->ram_size));
}

static u32 dma_execute(struct fw_cfg *fw, u32 control, u32 length, u64 address)
{
    trace(FWCFG, "dma control %08x length %x address %llx", control, length, (unsigned long long)address);
    if (address + length < address)
        return DMA_ERROR;
    if (control & DMA_SELECT)
        select_key(fw, control >> 16);
    if (control & DMA_READ)
        dma_read(fw, address, length);
    else if (control & DMA_WRITE)
        return DMA_ERROR; /* nothing here can be written */
    else if (control & DMA_SKIP)
        fw->offset += MIN(length, remaining(fw));
    return 0;
}

/* Command block in guest memory, big-endian: u32 control, u32 length, u64 address. */
static void dma_start(struct fw_cfg *fw, u64 block)
{
    u8 command[16], status[4];
    if (block > UINT64_MAX - sizeof(command))
        return;
    memory_read(fw->machine->memory, block, command, sizeof(command));
    u64 address = (u64)get_be32(command + 8) << 32 | get_be32(command + 12);
    put_be32(status, dma_execute(fw, get_be32(command), get_be32(command + 4), address));
    memory_write(fw->machine->memory, block, status, sizeof(status));
}

static u64 dma_port_read(void *opaque, u64 offset, unsigned size)
{
    return offset ? DMA_SIGNATURE_LOW : DMA_SIGNATURE_HIGH;
}

static void dma_port_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct fw_cfg *fw = opaque;
    u32 word = __builtin_bswap32((u32)value);
    if (offset == 0) {
        fw->dma_high = word;
        return;
    }
    u64 block = (u64)fw->dma_high << 32 | word;
    fw->dma_high = 0;
    dma_start(fw, block);
}

static const struct bus_ops select_ops = {.read = select_read, .write = select_write, .min_size = 2, .max_size = 2};
static const struct bus_ops data_ops = {
    .read = data_read, .write = data_write, .min_size = 1, .max_size = 1, .read_block = data_read_block};
static const struct bus_ops dma_ops = {.read = dma_port_read, .write = dma_port_write, .min_size = 4, .max_size = 4};

static void free_item(struct fw_cfg_item *item)
{
    free(item->data);
    *item = (struct fw_cfg_item){0};
}

/* One byte more than asked for, so that an empty item is there, too. */
static int copy_item(struct fw_cfg_item *item, const void *data, u32 size)
{
    u8 *copy = malloc((size_t)size + 1);
    if (!copy)
        return -ENOMEM;
    if (size)
        memcpy(copy, data, size);
    free_item(item);
    *item = (struct fw_cfg_item){copy, size};
    return 0;
}

int fw_cfg_add_bytes(struct fw_cfg *fw, u16 key, const void *data, u32 size)
{
    struct fw_cfg_item *item = slot(fw, key);
    return item && key != FW_CFG_FILE_DIR ? copy_item(item, data, size) : -EINVAL;
}

static int add_integer(struct fw_cfg *fw, u16 key, u64 value, u32 size)
{
    u8 bytes[8];
    for (u32 i = 0; i < size; i++)
        bytes[i] = value >> (8 * i);
    return fw_cfg_add_bytes(fw, key, bytes, size);
}

int fw_cfg_add_u16(struct fw_cfg *fw, u16 key, u16 value) { return add_integer(fw, key, value, 2); }
int fw_cfg_add_u32(struct fw_cfg *fw, u16 key, u32 value) { return add_integer(fw, key, value, 4); }
int fw_cfg_add_u64(struct fw_cfg *fw, u16 key, u64 value) { return add_integer(fw, key, value, 8); }

/* Big-endian count, then {u32 size, u16 key, u16 0, char name[56]} in the order of names. */
static int build_directory(struct fw_cfg *fw)
{
    u32 size = 4 + fw->file_count * DIRECTORY_ENTRY;
    u8 *directory = calloc(1, size);
    if (!directory)
        return -ENOMEM;
    put_be32(directory, fw->file_count);
    for (int i = 0; i < fw->file_count; i++) {
        u8 *entry = directory + 4 + i * DIRECTORY_ENTRY;
        put_be32(entry, fw->files[i].item.size);
        put_be32(entry + 4, (u32)(FW_CFG_FILE_FIRST + i) << 16);
        memcpy(entry + 8, fw->files[i].name, FW_CFG_NAME_SIZE);
    }
    free_item(&fw->directory);
    fw->directory = (struct fw_cfg_item){directory, size};
    return 0;
}

/* Where the name is or belongs; *found says which. */
static int position(const struct fw_cfg *fw, const char *name, bool *found)
{
    int i = 0;
    while (i < fw->file_count && strcmp(fw->files[i].name, name) < 0)
        i++;
    *found = i < fw->file_count && strcmp(fw->files[i].name, name) == 0;
    return i;
}

static int insert_file(struct fw_cfg *fw, int at, const char *name)
{
    if (FW_CFG_FILE_FIRST + fw->file_count >= FW_CFG_ARCH)
        return -ENOSPC;
    struct fw_cfg_file *files = realloc(fw->files, (fw->file_count + 1) * sizeof(*files));
    if (!files)
        return -ENOMEM;
    memmove(files + at + 1, files + at, (fw->file_count - at) * sizeof(*files));
    files[at] = (struct fw_cfg_file){0};
    strcpy(files[at].name, name);
    fw->files = files;
    fw->file_count++;
    return 0;
}

int fw_cfg_add_file(struct fw_cfg *fw, const char *name, const void *data, u32 size)
{
    size_t length = strlen(name);
    if (!length || length >= FW_CFG_NAME_SIZE)
        return -EINVAL;
    bool found;
    int at = position(fw, name, &found);
    int r = found ? 0 : insert_file(fw, at, name);
    if (r == 0)
        r = copy_item(&fw->files[at].item, data, size);
    return r == 0 ? build_directory(fw) : r;
}

int fw_cfg_file_key(const struct fw_cfg *fw, const char *name)
{
    bool found;
    int at = position(fw, name, &found);
    return found ? FW_CFG_FILE_FIRST + at : -ENOENT;
}

static void reset(void *state)
{
    struct fw_cfg *fw = state;
    select_key(fw, 0);
    fw->dma_high = 0;
}

static const struct field fields[] = {
    FIELD(U16, struct fw_cfg, key),
    FIELD(U32, struct fw_cfg, offset),
    FIELD(U32, struct fw_cfg, dma_high),
    FIELD_END,
};

const struct device_ops fw_cfg_ops = {
    .name = "fw_cfg",
    .version = 1,
    .fields = fields,
    .reset = reset,
};

static void add_ports(struct fw_cfg *fw, struct port_range *range, u16 base, u32 count, const struct bus_ops *ops)
{
    *range = (struct port_range){.name = "fw_cfg", .base = base, .count = count, .ops = ops, .opaque = fw};
    ioports_add(fw->machine->ports, range);
}

void fw_cfg_init(struct fw_cfg *fw, struct machine *machine)
{
    *fw = (struct fw_cfg){.machine = machine};
    add_ports(fw, &fw->select_port, 0x510, 2, &select_ops);
    add_ports(fw, &fw->data_port, 0x511, 1, &data_ops);
    add_ports(fw, &fw->dma_port, 0x514, 8, &dma_ops);
    fw_cfg_add_bytes(fw, FW_CFG_SIGNATURE, "QEMU", 4);
    fw_cfg_add_u32(fw, FW_CFG_ID, ID_TRADITIONAL | ID_DMA);
    build_directory(fw);
    device_add(&machine->devices, &fw->device, &fw_cfg_ops, fw, "fw_cfg");
}

void fw_cfg_destroy(struct fw_cfg *fw)
{
    for (int i = 0; i < FW_CFG_FILE_FIRST; i++) {
        free_item(&fw->generic[i]);
        free_item(&fw->arch[i]);
    }
    for (int i = 0; i < fw->file_count; i++)
        free_item(&fw->files[i].item);
    free(fw->files);
    free_item(&fw->directory);
    fw->files = NULL;
    fw->file_count = 0;
}
