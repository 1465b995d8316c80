#include "machine/pc/aml.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_OP = 0x08,
    BYTE_PREFIX = 0x0a,
    WORD_PREFIX = 0x0b,
    DWORD_PREFIX = 0x0c,
    STRING_PREFIX = 0x0d,
    SCOPE_OP = 0x10,
    BUFFER_OP = 0x11,
    PACKAGE_OP = 0x12,
    METHOD_OP = 0x14,
    DUAL_NAME_PREFIX = 0x2e,
    MULTI_NAME_PREFIX = 0x2f,
    EXT_PREFIX = 0x5b,
    EXT_REGION = 0x80,
    EXT_FIELD = 0x81,
    EXT_DEVICE = 0x82,
    EXT_PROCESSOR = 0x83,
    IF_OP = 0xa0,
};

#define REGION_SPACE_PCI_CONFIG 0x02
#define FIELD_BYTE_ACCESS 0x01
#define METHOD_SERIALIZED 0x08

static bool reserve(struct aml *aml, u32 size)
{
    if (aml->capacity - aml->size >= size)
        return true;
    u32 capacity = (aml->size + size) * 2;
    u8 *data = realloc(aml->data, capacity);
    if (!data) {
        aml->failed = true;
        return false;
    }
    aml->data = data;
    aml->capacity = capacity;
    return true;
}

void aml_bytes(struct aml *aml, const void *data, u32 size)
{
    if (!size || !reserve(aml, size))
        return;
    memcpy(aml->data + aml->size, data, size);
    aml->size += size;
}

void aml_byte(struct aml *aml, u8 value)
{
    aml_bytes(aml, &value, 1);
}

void aml_le(struct aml *aml, u64 value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        aml_byte(aml, value >> (8 * i));
}

static void name_segment(struct aml *aml, const char *text, size_t length)
{
    char segment[4] = {'_', '_', '_', '_'};
    assert(length <= sizeof(segment));
    memcpy(segment, text, length);
    aml_bytes(aml, segment, sizeof(segment));
}

static int count_segments(const char *name)
{
    int count = 1;
    for (; *name; name++)
        count += *name == '.';
    return count;
}

void aml_name(struct aml *aml, const char *name)
{
    if (*name == '\\')
        aml_byte(aml, *name++);
    int count = count_segments(name);
    if (count == 2) {
        aml_byte(aml, DUAL_NAME_PREFIX);
    } else if (count > 2) {
        aml_byte(aml, MULTI_NAME_PREFIX);
        aml_byte(aml, count);
    }
    for (int i = 0; i < count; i++) {
        size_t length = strcspn(name, ".");
        name_segment(aml, name, length);
        name += length + 1;
    }
}

void aml_int(struct aml *aml, u32 value)
{
    unsigned bytes = value > 0xffff ? 4 : value > 0xff ? 2 : 1;
    if (value > 1)
        aml_byte(aml, bytes == 4 ? DWORD_PREFIX : bytes == 2 ? WORD_PREFIX : BYTE_PREFIX);
    aml_le(aml, value, bytes); /* 0 and 1 are opcodes of their own */
}

void aml_string(struct aml *aml, const char *text)
{
    aml_byte(aml, STRING_PREFIX);
    aml_bytes(aml, text, strlen(text) + 1);
}

static unsigned hex_digit(char c)
{
    return c <= '9' ? c - '0' : c - 'A' + 10;
}

/* Three letters of five bits and four hexadecimal digits, most significant byte first. */
void aml_eisa_id(struct aml *aml, const char *id)
{
    assert(strlen(id) == 7);
    u16 vendor = (id[0] - 0x40) << 10 | (id[1] - 0x40) << 5 | (id[2] - 0x40);
    aml_byte(aml, DWORD_PREFIX);
    aml_byte(aml, vendor >> 8);
    aml_byte(aml, vendor);
    aml_byte(aml, hex_digit(id[3]) << 4 | hex_digit(id[4]));
    aml_byte(aml, hex_digit(id[5]) << 4 | hex_digit(id[6]));
}

/* The length is put in when it is known. */
static void begin(struct aml *aml)
{
    assert(aml->depth < AML_DEPTH);
    aml->open[aml->depth++] = aml->size;
}

/* PkgLength counts itself: one byte up to 63, else four low bits and up to three more bytes. */
void aml_end(struct aml *aml)
{
    assert(aml->depth > 0);
    u32 at = aml->open[--aml->depth], content = aml->size - at;
    u32 bytes = content + 1 < 0x40 ? 1 : content + 2 < 0x1000 ? 2 : content + 3 < 0x100000 ? 3 : 4;
    u32 length = content + bytes;
    if (aml->failed || !reserve(aml, bytes))
        return;
    memmove(aml->data + at + bytes, aml->data + at, content);
    aml->size += bytes;
    if (bytes == 1) {
        aml->data[at] = length;
        return;
    }
    aml->data[at] = (bytes - 1) << 6 | (length & 15);
    for (u32 i = 1; i < bytes; i++)
        aml->data[at + i] = length >> (8 * i - 4);
}

void aml_buffer(struct aml *aml, const struct aml *content)
{
    aml_byte(aml, BUFFER_OP);
    begin(aml);
    aml_int(aml, content->size);
    aml_bytes(aml, content->data, content->size);
    aml_end(aml);
}

void aml_name_op(struct aml *aml, const char *name)
{
    aml_byte(aml, NAME_OP);
    aml_name(aml, name);
}

void aml_name_int(struct aml *aml, const char *name, u32 value)
{
    aml_name_op(aml, name);
    aml_int(aml, value);
}

void aml_name_eisa_id(struct aml *aml, const char *name, const char *id)
{
    aml_name_op(aml, name);
    aml_eisa_id(aml, id);
}

void aml_resources(struct aml *aml, struct aml *resources)
{
    static const u8 end_tag[] = {0x79, 0x00}; /* checksum 0: not checked */
    aml_bytes(resources, end_tag, sizeof(end_tag));
    aml_buffer(aml, resources);
    aml->failed |= resources->failed;
    free(resources->data);
    *resources = (struct aml){0};
}

void aml_name_resources(struct aml *aml, const char *name, struct aml *resources)
{
    aml_name_op(aml, name);
    aml_resources(aml, resources);
}

void aml_scope(struct aml *aml, const char *name)
{
    aml_byte(aml, SCOPE_OP);
    begin(aml);
    aml_name(aml, name);
}

void aml_device(struct aml *aml, const char *name)
{
    aml_byte(aml, EXT_PREFIX);
    aml_byte(aml, EXT_DEVICE);
    begin(aml);
    aml_name(aml, name);
}

void aml_method(struct aml *aml, const char *name, unsigned args, bool serialized)
{
    aml_byte(aml, METHOD_OP);
    begin(aml);
    aml_name(aml, name);
    aml_byte(aml, args | (serialized ? METHOD_SERIALIZED : 0));
}

void aml_package(struct aml *aml, u8 elements)
{
    aml_byte(aml, PACKAGE_OP);
    begin(aml);
    aml_byte(aml, elements);
}

void aml_if(struct aml *aml)
{
    aml_byte(aml, IF_OP);
    begin(aml);
}

void aml_processor(struct aml *aml, const char *name, u8 id)
{
    aml_byte(aml, EXT_PREFIX);
    aml_byte(aml, EXT_PROCESSOR);
    begin(aml);
    aml_name(aml, name);
    aml_byte(aml, id);
    aml_le(aml, 0, 4); /* no processor register block */
    aml_byte(aml, 0);
    aml_end(aml);
}

void aml_pci_region(struct aml *aml, const char *name, u32 offset, u32 length)
{
    aml_byte(aml, EXT_PREFIX);
    aml_byte(aml, EXT_REGION);
    aml_name(aml, name);
    aml_byte(aml, REGION_SPACE_PCI_CONFIG);
    aml_int(aml, offset);
    aml_int(aml, length);
}

void aml_byte_fields(struct aml *aml, const char *region, const char *const *names, int count)
{
    aml_byte(aml, EXT_PREFIX);
    aml_byte(aml, EXT_FIELD);
    begin(aml);
    aml_name(aml, region);
    aml_byte(aml, FIELD_BYTE_ACCESS);
    for (int i = 0; i < count; i++) {
        aml_name(aml, names[i]);
        aml_byte(aml, 8);
    }
    aml_end(aml);
}

void res_io(struct aml *res, u16 base, u8 length)
{
    aml_byte(res, 0x47);
    aml_byte(res, 0x01); /* decodes 16 bits */
    aml_le(res, base, 2);
    aml_le(res, base, 2);
    aml_byte(res, 1);
    aml_byte(res, length);
}

void res_irq(struct aml *res, unsigned irq)
{
    aml_byte(res, 0x22);
    aml_le(res, 1u << irq, 2);
}

void res_dma(struct aml *res, unsigned channel)
{
    aml_byte(res, 0x2a);
    aml_byte(res, 1 << channel);
    aml_byte(res, 0x00);
}

void res_pci_irqs(struct aml *res, const u32 *irqs, u8 count)
{
    aml_byte(res, 0x89);
    aml_le(res, 2 + 4 * count, 2);
    aml_byte(res, 0x09); /* consumer, level, active high, shared */
    aml_byte(res, count);
    for (u8 i = 0; i < count; i++)
        aml_le(res, irqs[i], 4);
}

#define WINDOW_FIXED 0x0c /* both ends fixed, positive decode, producer */

static void word_window(struct aml *res, u8 type, u8 flags, u16 first, u16 last)
{
    aml_byte(res, 0x88);
    aml_le(res, 13, 2);
    aml_byte(res, type);
    aml_byte(res, WINDOW_FIXED);
    aml_byte(res, flags);
    aml_le(res, 0, 2);
    aml_le(res, first, 2);
    aml_le(res, last, 2);
    aml_le(res, 0, 2);
    aml_le(res, (u32)last - first + 1, 2);
}

void res_bus_window(struct aml *res, u16 first, u16 last)
{
    word_window(res, 2, 0, first, last);
}

void res_io_window(struct aml *res, u16 first, u16 last)
{
    word_window(res, 1, 3, first, last);
}

void res_memory_window(struct aml *res, u32 first, u32 last, bool cacheable)
{
    aml_byte(res, 0x87);
    aml_le(res, 23, 2);
    aml_byte(res, 0);
    aml_byte(res, WINDOW_FIXED);
    aml_byte(res, cacheable ? 0x03 : 0x01);
    aml_le(res, 0, 4);
    aml_le(res, first, 4);
    aml_le(res, last, 4);
    aml_le(res, 0, 4);
    aml_le(res, (u64)last - first + 1, 4);
}
