/*
 * One-line errors for people.
 */
#include "machine/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int error_set(struct error *err, int code, const char *fmt, ...)
{
    if (err) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(err->text, sizeof(err->text), fmt, args);
        va_end(args);
    }
    return -code;
}

static void (*reporter)(const char *text);

void error_on_report(void (*show)(const char *text))
{
    __atomic_store_n(&reporter, show, __ATOMIC_RELEASE);
}

void error_report(const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    int length = vasprintf(&text, fmt, args);
    va_end(args);
    if (length < 0)
        return;
    void (*show)(const char *text) = __atomic_load_n(&reporter, __ATOMIC_ACQUIRE);
    if (show)
        show(text);
    else
        fprintf(stderr, "clutch: %s\n", text);
    free(text);
}
