/*
 * The monitor's views of memory and ports: x, xp, i, o, print.
 *
 * Formats are gdb's: /COUNT LETTER SIZE in any order, LETTER of x d u o c s i, SIZE of b h w g.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"
#include "cpu/insn.h"
#include "ui/monitor_commands.h"

struct format {
    unsigned count;
    char letter;
    unsigned size;
};

struct view {
    struct monitor *monitor;
    bool physical;
};

struct cpu *monitor_cpu(struct monitor *monitor)
{
    return monitor->machine->cpu_count ? monitor->machine->cpus[0] : NULL;
}

/* Takes "/FMT" off *text.  False, with a message, if it makes no sense. */
static bool take_format(struct monitor *monitor, char **text, struct format *format)
{
    *format = (struct format){.count = 1, .letter = 'x', .size = 4};
    if (**text != '/')
        return true;
    char *p = *text + 1;
    if (*p >= '0' && *p <= '9')
        format->count = strtoul(p, &p, 10);
    for (; *p && *p != ' '; p++) {
        static const char sizes[] = "bh w   g";
        const char *size = *p == ' ' ? NULL : strchr(sizes, *p);
        if (size) {
            format->size = size - sizes + 1;
        } else if (strchr("xduocsi", *p)) {
            format->letter = *p;
            format->size = *p == 'c' || *p == 's' ? 1 : format->size;
        } else {
            monitor_print(monitor, "format: '%c' is none of x d u o c s i b h w g\n", *p);
            return false;
        }
    }
    while (*p == ' ')
        p++;
    *text = p;
    return true;
}

static bool register_value(const struct cpu *cpu, const char *name, size_t length, u64 *value)
{
    static const char *const names[] = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
    static const char *const segments[] = {"es", "cs", "ss", "ds", "fs", "gs"};
    if (!cpu || length < 2)
        return false;
    const char *tail = length == 3 && (name[0] == 'e' || name[0] == 'r') ? name + 1 : name;
    size_t tail_length = length - (tail - name);
    for (int i = 0; i < 8; i++)
        if (tail_length == 2 && !strncmp(tail, names[i], 2))
            return *value = cpu->gpr[i], true;
    for (int i = 0; i < 6; i++)
        if (length == 2 && !strncmp(name, segments[i], 2))
            return *value = cpu->seg[i].base, true;
    if ((tail_length == 2 && !strncmp(tail, "ip", 2)) || (length == 2 && !strncmp(name, "pc", 2)))
        return *value = cpu->rip + cpu->seg[CS].base, true; /* linear: what x wants */
    return false;
}

static bool term(struct monitor *monitor, char **text, u64 *value)
{
    char *p = *text, *end;
    if (*p == '$') {
        size_t length = strspn(++p, "abcdefghijklmnopqrstuvwxyz0123456789");
        if (!register_value(monitor_cpu(monitor), p, length, value)) {
            monitor_print(monitor, "unknown register '$%.*s'\n", (int)length, p);
            return false;
        }
        *text = p + length;
        return true;
    }
    *value = strtoull(p, &end, 0);
    if (end == p) {
        monitor_print(monitor, *p ? "'%s' is no number or $register\n" : "an address is missing%s\n", p);
        return false;
    }
    *text = end;
    return true;
}

bool monitor_expression(struct monitor *monitor, char *text, u64 *value)
{
    u64 right;
    if (!term(monitor, &text, value))
        return false;
    for (;;) {
        while (*text == ' ')
            text++;
        char sign = *text;
        if (sign != '+' && sign != '-')
            break;
        text++;
        while (*text == ' ')
            text++;
        if (!term(monitor, &text, &right))
            return false;
        *value += sign == '+' ? right : -right;
    }
    if (*text)
        monitor_print(monitor, "'%s' is left over\n", text);
    return !*text;
}

static bool fetch(const struct view *view, u64 address, void *data, unsigned length)
{
    if (!view->physical)
        return monitor_cpu(view->monitor) && cpu_read_debug(monitor_cpu(view->monitor), address, data, length);
    memory_read(view->monitor->machine->memory, address, data, length);
    return true;
}

static void print_value(struct monitor *monitor, const struct format *format, u64 value)
{
    unsigned shift = 64 - 8 * format->size;
    long long signed_value = (i64)(value << shift) >> shift;
    switch (format->letter) {
    case 'd': monitor_print(monitor, " %lld", signed_value); break;
    case 'u': monitor_print(monitor, " %llu", (unsigned long long)value); break;
    case 'o': monitor_print(monitor, " 0%llo", (unsigned long long)value); break;
    case 'c': monitor_print(monitor, value >= ' ' && value < 127 ? " '%c'" : " '\\x%02x'", (int)value); break;
    default: monitor_print(monitor, " 0x%0*llx", 2 * format->size, (unsigned long long)value); break;
    }
}

static void unreadable(struct monitor *monitor, u64 address)
{
    monitor_print(monitor, "%08llx: not mapped\n", (unsigned long long)address);
}

static void show_cells(const struct view *view, const struct format *format, u64 address)
{
    unsigned per_line = format->letter == 'c' ? 8
                        : format->size == 8   ? 2
                                              : 16 / format->size / (format->size == 1 ? 2 : 1);
    for (unsigned i = 0; i < format->count; i++, address += format->size) {
        u64 value = 0;
        if (i % per_line == 0)
            monitor_print(view->monitor, "%s%08llx:", i ? "\n" : "", (unsigned long long)address);
        if (!fetch(view, address, &value, format->size)) {
            monitor_print(view->monitor, " not mapped");
            break;
        }
        print_value(view->monitor, format, value);
    }
    monitor_print(view->monitor, "\n");
}

static void show_strings(const struct view *view, const struct format *format, u64 address)
{
    for (unsigned i = 0; i < format->count; i++) {
        char text[201];
        unsigned length = 0;
        monitor_print(view->monitor, "%08llx:", (unsigned long long)address);
        while (length < sizeof(text) - 1 && fetch(view, address, &text[length], 1)) {
            address++;
            if (!text[length])
                break;
            if (text[length] < ' ' || text[length] > 126)
                text[length] = '.';
            length++;
        }
        text[length] = '\0';
        monitor_print(view->monitor, " \"%s\"\n", text);
    }
}

static unsigned code_size(const struct cpu *cpu)
{
    unsigned mode = cpu->mode & MODE_CODE;
    return mode == MODE_CODE64 ? SIZE_64 : mode == MODE_CODE32 ? SIZE_32 : SIZE_16;
}

static void show_code(const struct view *view, const struct format *format, u64 address)
{
    const struct cpu *cpu = monitor_cpu(view->monitor);
    struct decoder decoder = {.code_size = cpu ? code_size(cpu) : SIZE_16, .features = cpu ? cpu->features : NULL};
    for (unsigned i = 0; i < format->count; i++) {
        u8 bytes[15];
        char text[128];
        struct insn insn;
        unsigned available = 0;
        while (available < sizeof(bytes) && fetch(view, address + available, &bytes[available], 1))
            available++;
        unsigned length = available ? decode(&decoder, bytes, available, &insn) : 0;
        if (!length) {
            unreadable(view->monitor, address + available);
            return;
        }
        disassemble(&insn, address, text, sizeof(text));
        monitor_print(view->monitor, "%08llx: ", (unsigned long long)address);
        for (unsigned j = 0; j < 8; j++)
            monitor_print(view->monitor, j < length ? "%02x " : "   ", bytes[j % sizeof(bytes)]);
        monitor_print(view->monitor, "%s\n", text);
        address += length;
    }
}

static void show(struct monitor *monitor, char *args, bool physical)
{
    struct view view = {monitor, physical};
    struct format format;
    u64 address;
    if (!take_format(monitor, &args, &format) || !monitor_expression(monitor, args, &address))
        return;
    if (format.count > 65536) {
        monitor_print(monitor, "at most 65536 at a time\n");
        return;
    }
    if (format.letter == 'i')
        show_code(&view, &format, address);
    else if (format.letter == 's')
        show_strings(&view, &format, address);
    else
        show_cells(&view, &format, address);
}

void monitor_show_code(struct monitor *monitor)
{
    const struct cpu *cpu = monitor_cpu(monitor);
    bool code64 = (cpu->efer & EFER_LMA) && (cpu->seg[CS].access & SEG_L);
    show_code(&(struct view){monitor, false}, &(struct format){.count = 1},
              code64 ? cpu->rip : (u32)(cpu->seg[CS].base + cpu->rip));
}

void monitor_x(struct monitor *monitor, char *args)
{
    show(monitor, args, false);
}

void monitor_xp(struct monitor *monitor, char *args)
{
    show(monitor, args, true);
}

/* --- ports ------------------------------------------------------------------------------------------------------- */

void monitor_in(struct monitor *monitor, char *args)
{
    struct format format;
    u64 port;
    bool sized = *args == '/';
    if (!take_format(monitor, &args, &format) || !monitor_expression(monitor, args, &port))
        return;
    format.size = sized ? MIN(format.size, 4u) : 1;
    monitor_print(monitor, "port %04llx:", (unsigned long long)port & 0xffff);
    print_value(monitor, &format, ioports_read(monitor->machine->ports, port, format.size));
    monitor_print(monitor, "\n");
}

void monitor_out(struct monitor *monitor, char *args)
{
    struct format format;
    u64 port, value;
    bool sized = *args == '/';
    if (!take_format(monitor, &args, &format))
        return;
    char *second = strchr(args, ' ');
    if (!second) {
        monitor_print(monitor, "write it as: o PORT VALUE\n");
        return;
    }
    *second++ = '\0';
    if (monitor_expression(monitor, args, &port) && monitor_expression(monitor, second, &value))
        ioports_write(monitor->machine->ports, port, value, sized ? MIN(format.size, 4u) : 1);
}

void monitor_calculate(struct monitor *monitor, char *args)
{
    struct format format;
    u64 value;
    if (!take_format(monitor, &args, &format) || !monitor_expression(monitor, args, &value))
        return;
    format.size = 8;
    if (format.letter == 'x')
        monitor_print(monitor, " 0x%llx", (unsigned long long)value);
    else
        print_value(monitor, &format, value);
    monitor_print(monitor, "\n");
}
