/*
 * PNG, as small as it gets: 8-bit RGB, one IDAT, no filter.
 *
 * Source: Portable Network Graphics (PNG) Specification, second edition, chapters 5 "Datastream structure", 11 "Chunk
 * specifications".
 */
#include "ui/png.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static void put32(u8 *at, u32 value)
{
    at[0] = value >> 24;
    at[1] = value >> 16;
    at[2] = value >> 8;
    at[3] = value;
}

static void write_chunk(FILE *file, const char *type, const u8 *data, u32 length)
{
    u8 word[4];
    u32 crc = crc32(0, (const u8 *)type, 4);
    crc = length ? crc32(crc, data, length) : crc;
    put32(word, length);
    fwrite(word, 4, 1, file);
    fwrite(type, 4, 1, file);
    if (length)
        fwrite(data, length, 1, file);
    put32(word, crc);
    fwrite(word, 4, 1, file);
}

/* Each line starts with its filter type, 0: none. */
static u8 *pack_lines(const struct surface *surface, size_t *size)
{
    size_t stride = 1 + 3 * (size_t)surface->width;
    u8 *lines = malloc(stride * surface->height), *out = lines;
    *size = stride * surface->height;
    const u32 *pixel = surface->pixels;
    for (int y = 0; lines && y < surface->height; y++) {
        *out++ = 0;
        for (int x = 0; x < surface->width; x++, pixel++) {
            *out++ = *pixel >> 16;
            *out++ = *pixel >> 8;
            *out++ = *pixel;
        }
    }
    return lines;
}

int png_write(FILE *file, const struct surface *surface)
{
    static const u8 signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    u8 header[13] = {[8] = 8 /* bits */, [9] = 2 /* RGB */};
    size_t size;
    u8 *lines = pack_lines(surface, &size);
    uLongf packed_size = compressBound(size);
    u8 *packed = lines ? malloc(packed_size) : NULL;
    int result = -ENOMEM;
    if (packed && compress2(packed, &packed_size, lines, size, 6) == Z_OK) {
        put32(header, surface->width);
        put32(header + 4, surface->height);
        fwrite(signature, sizeof(signature), 1, file);
        write_chunk(file, "IHDR", header, sizeof(header));
        write_chunk(file, "IDAT", packed, packed_size);
        write_chunk(file, "IEND", NULL, 0);
        result = ferror(file) ? -EIO : 0;
    }
    free(lines);
    free(packed);
    return result;
}
