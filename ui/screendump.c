/*
 * Screendumps: pictures from display->render, text from display->text through code page 437.
 */
#include "ui/screendump.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/png.h"

static int write_ppm(FILE *file, const struct surface *surface)
{
    fprintf(file, "P6\n%d %d\n255\n", surface->width, surface->height);
    for (int i = 0; i < surface->width * surface->height; i++) {
        u32 pixel = surface->pixels[i];
        u8 rgb[3] = {pixel >> 16, pixel >> 8, pixel};
        fwrite(rgb, 3, 1, file);
    }
    return 0;
}

/* UTF-8 for code points below 10000h. */
static void put_utf8(FILE *file, u16 code)
{
    if (code < 0x80) {
        putc(code, file);
    } else if (code < 0x800) {
        putc(0xc0 | code >> 6, file);
        putc(0x80 | (code & 0x3f), file);
    } else {
        putc(0xe0 | code >> 12, file);
        putc(0x80 | (code >> 6 & 0x3f), file);
        putc(0x80 | (code & 0x3f), file);
    }
}

/* Lines without the blanks at their ends. */
static void write_text(FILE *file, const struct text_screen *screen)
{
    for (int y = 0; y < screen->rows; y++) {
        const u16 *row = screen->cells + y * screen->columns;
        int length = screen->columns;
        while (length > 0 && ((row[length - 1] & 0xff) == ' ' || (row[length - 1] & 0xff) == 0))
            length--;
        for (int x = 0; x < length; x++) {
            u16 code = cp437_to_unicode[row[x] & 0xff];
            put_utf8(file, code ? code : ' ');
        }
        putc('\n', file);
    }
}

static int dump_text(const struct display *display, FILE *file, struct error *err)
{
    struct text_screen *screen = calloc(1, sizeof(*screen));
    if (!screen)
        return error_set(err, ENOMEM, "not enough memory");
    bool text = display->text && display->text(display->opaque, screen);
    if (text)
        write_text(file, screen);
    free(screen);
    return text ? 0 : error_set(err, EINVAL, "the screen is in a graphics mode; dump it as .png");
}

static int dump_picture(const struct display *display, FILE *file, int (*write)(FILE *, const struct surface *),
                        struct error *err)
{
    struct surface surface = {0};
    int result = display->render(display->opaque, &surface);
    if (result == 0)
        result = write(file, &surface);
    surface_free(&surface);
    return result == 0 ? 0 : error_set(err, -result, "%s", strerror(-result));
}

int screendump(const struct display *display, const char *path, struct error *err)
{
    const char *ending = strrchr(path, '.');
    struct error why;
    if (!display->render)
        return error_set(err, ENODEV, "there is no screen (-vga none)");
    if (!ending || (strcmp(ending, ".png") && strcmp(ending, ".ppm") && strcmp(ending, ".txt")))
        return error_set(err, EINVAL, "%s: the name should end in .png, .ppm or .txt", path);
    FILE *file = fopen(path, "wbe");
    if (!file)
        return error_set(err, errno, "%s: %s", path, strerror(errno));
    int result = !strcmp(ending, ".txt")
                     ? dump_text(display, file, &why)
                     : dump_picture(display, file, !strcmp(ending, ".png") ? png_write : write_ppm, &why);
    if (fclose(file) != 0 && result == 0)
        result = error_set(&why, errno, "%s", strerror(errno));
    if (result < 0)
        remove(path);
    return result < 0 ? error_set(err, -result, "%s: %s", path, why.text) : 0;
}
