/*
 * The monitor's views of memory and ports: x, xp, i, o, info mem.
 *
 * Formats are gdb's: /COUNT LETTER SIZE in any order, LETTER of x d u o c s i, SIZE of b h w g.
 * Source for info mem: Intel SDM vol. 3A, "Paging".
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

static struct cpu *first_cpu(struct monitor *monitor)
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
        if (!register_value(first_cpu(monitor), p, length, value)) {
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

/* Numbers and $registers with + and - between them. */
static bool expression(struct monitor *monitor, char *text, u64 *value)
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
        return first_cpu(view->monitor) && cpu_read_debug(first_cpu(view->monitor), address, data, length);
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
    const struct cpu *cpu = first_cpu(view->monitor);
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
    if (!take_format(monitor, &args, &format) || !expression(monitor, args, &address))
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
    if (!take_format(monitor, &args, &format) || !expression(monitor, args, &port))
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
    if (expression(monitor, args, &port) && expression(monitor, second, &value))
        ioports_write(monitor->machine->ports, port, value, sized ? MIN(format.size, 4u) : 1);
}

/* --- page tables ------------------------------------------------------------------------------------------------- */

#define PTE_P 1u
#define PTE_W 2u
#define PTE_U 4u
#define PTE_PS 0x80u
#define PTE_NX (1ull << 63)

struct walk {
    struct monitor *monitor;
    struct cpu *cpu;
    unsigned entry_size;
    u64 start, end; /* the run so far, [start, end) */
    u64 rights;     /* of that run: PTE_* */
};

static void end_run(struct walk *walk)
{
    if (walk->end > walk->start)
        monitor_print(walk->monitor, "%016llx-%016llx %016llx %c%c%c%c\n", (unsigned long long)walk->start,
                      (unsigned long long)walk->end, (unsigned long long)(walk->end - walk->start),
                      walk->rights & PTE_U ? 'u' : '-', 'r', walk->rights & PTE_W ? 'w' : '-',
                      walk->rights & PTE_NX ? '-' : 'x');
}

static void add_page(struct walk *walk, u64 linear, u64 size, u64 rights)
{
    if (linear != walk->end || rights != walk->rights) {
        end_run(walk);
        walk->start = linear;
        walk->rights = rights;
    }
    walk->end = linear + size;
}

/* shift: of the linear bits that index this table; rights: what the levels above allow (W and U), and forbid (NX). */
static void walk_table(struct walk *walk, u64 table, unsigned shift, unsigned bits, u64 linear, u64 rights)
{
    bool legacy = walk->entry_size == 4, pdpt_of_pae = bits == 2;
    for (u64 i = 0; i < 1ull << bits; i++) {
        u64 entry = 0, here = linear | i << shift, next;
        memory_read(walk->monitor->machine->memory, (table + i * walk->entry_size), &entry, walk->entry_size);
        if (!(entry & PTE_P))
            continue;
        next = pdpt_of_pae ? rights : (rights & entry & (PTE_W | PTE_U)) | ((rights | entry) & PTE_NX);
        if (shift == 12 || (shift < 39 && !pdpt_of_pae && (entry & PTE_PS) && (!legacy || walk->cpu->cr4 & CR4_PSE)))
            add_page(walk, here, 1ull << shift, next);
        else
            walk_table(walk, entry & (legacy ? 0xfffff000 : 0x000ffffffffff000), shift - (legacy ? 10 : 9),
                       legacy ? 10 : 9, here, next);
    }
}

void monitor_info_mem(struct monitor *monitor, char *args)
{
    struct cpu *cpu = first_cpu(monitor);
    struct walk walk = {.monitor = monitor, .cpu = cpu, .entry_size = 8};
    u64 all = PTE_W | PTE_U;
    if (!cpu || !(cpu->cr0 & CR0_PG)) {
        monitor_print(monitor, "paging is off\n");
        return;
    }
    if (cpu->efer & EFER_LMA) {
        walk_table(&walk, cpu->cr3 & 0x000ffffffffff000, 39, 9, 0, all);
    } else if (cpu->cr4 & CR4_PAE) {
        walk_table(&walk, cpu->cr3 & 0xffffffe0, 30, 2, 0, all);
    } else {
        walk.entry_size = 4;
        walk_table(&walk, cpu->cr3 & 0xfffff000, 22, 10, 0, all);
    }
    end_run(&walk);
}
