/*
 * The command line in one line, for whoever wants to repeat a run.
 *
 * Source: POSIX.1-2017, Shell Command Language, "Single-Quotes": all between them is literal, and no single quote can be
 * there.
 */
#include "ui/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool is_plain(const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-";
    return *text && !text[strspn(text, plain)];
}

static void put_quoted(FILE *out, const char *text)
{
    if (is_plain(text)) {
        fputs(text, out);
        return;
    }
    putc('\'', out);
    for (; *text; text++)
        if (*text == '\'')
            fputs("'\\''", out);
        else
            putc(*text, out);
    putc('\'', out);
}

static char *join(int argc, char **argv, const char *rest)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    for (int i = 0; i < argc; i++) {
        if (i)
            putc(' ', out);
        put_quoted(out, argv[i]);
    }
    fputs(rest, out);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

char *command_quoted(int argc, char **argv) { return join(argc, argv, ""); }

char *command_dated(int argc, char **argv, i64 epoch)
{
    char option[60] = "";
    struct tm date;
    time_t seconds = (time_t)epoch;
    if (gmtime_r(&seconds, &date))
        strftime(option, sizeof(option), " -rtc base=%Y-%m-%dT%H:%M:%S", &date);
    return join(argc, argv, option);
}
