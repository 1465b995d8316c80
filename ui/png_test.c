#include "ui/png.h"

#include <zlib.h>

#include "tests/unit.h"

static u32 get32(const u8 *at)
{
    return (u32)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

/* PNG specification 5.3: length, type, data, CRC of type and data. */
static const u8 *chunk(const u8 *at, const char *type, u32 *length)
{
    *length = get32(at);
    CHECK(!memcmp(at + 4, type, 4));
    CHECK_EQ(get32(at + 8 + *length), crc32(0, at + 4, *length + 4));
    return at + 12 + *length;
}

TEST(a_picture_is_signature_header_data_end)
{
    u32 pixels[2] = {0x112233, 0xaabbcc};
    struct surface surface = {.width = 2, .height = 1, .pixels = pixels};
    char *file;
    size_t size;
    u32 length;
    FILE *out = open_memstream(&file, &size);
    CHECK_EQ(png_write(out, &surface), 0);
    fclose(out);

    const u8 *at = (u8 *)file;
    CHECK(!memcmp(at, "\x89PNG\r\n\x1a\n", 8));
    const u8 *header = at + 8, *data = chunk(header, "IHDR", &length);
    CHECK_EQ(length, 13);
    CHECK_EQ(get32(header + 8), 2);
    CHECK_EQ(get32(header + 12), 1);
    CHECK_EQ(header[16], 8);
    CHECK_EQ(header[17], 2);
    const u8 *end = chunk(data, "IDAT", &length);
    u8 lines[7];
    uLongf lines_size = sizeof(lines);
    CHECK_EQ(uncompress(lines, &lines_size, data + 8, length), Z_OK);
    CHECK_EQ(lines_size, 7);
    CHECK(!memcmp(lines, "\x00\x11\x22\x33\xaa\xbb\xcc", 7));
    CHECK(chunk(end, "IEND", &length) == at + size);
    free(file);
}

UNIT_MAIN()
