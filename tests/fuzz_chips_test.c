/*
 * A guest that programs every chip with random values: nothing may crash, hang, or trip a sanitizer.
 *
 * No CPU: what a guest could do is done from here, in bursts at one range of ports or registers so that protocols of
 * several steps are reached, with time going on by a made-up instruction count.  Seeds are fixed; to hunt for more:
 * FUZZ_SEED=n FUZZ_BURSTS=n build/tests/tests/fuzz_chips_test.
 */
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

#include "machine/pc/board.h"
#include "tests/random.h"
#include "tests/unit.h"
#include "ui/monitor.h"

#define SECONDS_AT_MOST 600 /* an instrumented build on a busy host; a hang never ends */
#define BURSTS 150000
#define RAM_SIZE (4u << 20)

static struct machine *machine;
static struct monitor *monitor;
static const struct chardev_ops monitor_ops = {.name = "test"};
static struct chardev monitor_chr = {.ops = &monitor_ops};
static struct pc *pc;
static u64 seed, bursts_done, instructions;
static char dir[64], names[12][128];
static int name_count;

/* --- chance ------------------------------------------------------------------------------------------------------ */

static u64 random_value(void)
{
    switch (below(8)) {
    case 0: return 0;
    case 1: return UINT64_MAX;
    case 2: return below(16);
    case 3: return 1ull << below(64);
    case 4: return below(RAM_SIZE); /* an address that exists */
    default: return random64();
    }
}

static unsigned random_size(unsigned largest)
{
    return 1u << below(largest == 8 ? 4 : 3);
}

/* --- the machine ------------------------------------------------------------------------------------------------- */

static u64 count(void *opaque)
{
    return instructions;
}

static const char *write_file(const char *name, size_t size)
{
    char *path = names[name_count++];
    snprintf(path, sizeof(names[0]), "%.60s/%s", dir, name);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    for (size_t i = 0; file && i < size; i++)
        putc(i == 510 ? 0x55 : i == 511 ? 0xaa : (int)(i >> 9), file);
    if (file)
        fclose(file);
    return path;
}

/* A disc of data and audio: the image of another one, and a floppy's. */
static const char *write_sheet(void)
{
    static const char text[] = "FILE disc.iso BINARY\nTRACK 1 MODE1/2048\nINDEX 1 0:0:0\nFILE a.img BINARY\n"
                               "TRACK 2 AUDIO\nPREGAP 0:0:20\nINDEX 1 0:0:0\nTRACK 3 MODE2/2352\nINDEX 1 0:5:0\n";
    const char *path = write_file("disc.cue", 0);
    FILE *file = fopen(path, "w");
    CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
    return path;
}

static void remove_files(void)
{
    while (name_count)
        unlink(names[--name_count]);
    rmdir(dir);
}

/* Everything that can be plugged in. */
static void fill(struct machine_config *config)
{
    *config = (struct machine_config){
        .ram_size = RAM_SIZE,
        .cpus = 1,
        .icount_shift = 0,
        .rtc_base = RTC_DATE,
        .parallel = "null",
        .debugcon = "null",
        .debugcon_port = 0x402,
        .debug_exit = true,
        .debug_exit_port = 0x501,
        .debug_exit_size = 2,
        .bios = write_file("bios.bin", 0x20000),
        .firmware_dirs = {dir},
        .firmware_dir_count = 1,
        .drive_count = 6,
        .audiodev = "wav,path=/dev/null",
        .sounds = {{SOUND_SB16, 0x220, 5, 1, 5, NULL},
                   {SOUND_MPU401, 0x330, 9, 0, 0, "null"},
                   {SOUND_ADLIB, 0x398, 0, 0, 0, NULL},
                   {.card = SOUND_AC97}},
        .sound_count = 4,
    };
    for (int i = 0; i < CONFIG_MAX_SERIALS; i++)
        config->serial[i] = "null";
    write_file("vgabios-stdvga.bin", 0x8000);
    write_file("vgabios-cirrus.bin", 0x8000);
    config->drives[0] = (struct drive_config){.file = write_file("disk.img", 700 * 512 + 100)};
    config->drives[1] = (struct drive_config){.file = config->drives[0].file, .index = 1, .readonly = true};
    config->drives[2] =
        (struct drive_config){.file = write_file("disc.iso", 50 * 2048), .media = MEDIA_CDROM, .index = 2};
    config->drives[3] = (struct drive_config){.file = write_file("a.img", 1440 << 10), .interface = DRIVE_FLOPPY};
    config->drives[4] =
        (struct drive_config){.file = write_file("b.img", 20000), .interface = DRIVE_FLOPPY, .index = 1};
    config->drives[5] = (struct drive_config){.file = write_sheet(), .media = MEDIA_CDROM, .index = 3};
    config->drives[0].snapshot = config->drives[3].snapshot = config->drives[4].snapshot = true;
}

static bool set_up(struct machine_config *config)
{
    struct error err = {""};
    if (pc_create(config, &machine, &err) < 0) {
        printf("%s\n", err.text);
        return false;
    }
    pc = machine->board;
    clock_use_icount(machine->clock, 0, count, NULL);
    machine->state = RUN_RUNNING;
    monitor = monitor_create(machine, NULL, &monitor_chr);
    return true;
}

/* --- ports ------------------------------------------------------------------------------------------------------- */

struct port_list {
    struct {
        u16 base;
        u32 count;
    } range[256];
    unsigned count;
};

static void add_ports(void *opaque, const struct port_range *range)
{
    struct port_list *list = opaque;
    if (!range->count || list->count == ARRAY_SIZE(list->range))
        return;
    list->range[list->count].base = range->base;
    list->range[list->count++].count = range->count;
}

static void touch_port(u16 port)
{
    unsigned size = random_size(4);
    u8 data[4 * 64];
    if (one_in(16)) {
        unsigned elements = 1 + below(64);
        memset(data, (int)random64(), sizeof(data));
        if (one_in(2))
            ioports_read_block(machine->ports, port, size, data, elements);
        else
            ioports_write_block(machine->ports, port, size, data, elements);
    } else if (one_in(3)) {
        ioports_read(machine->ports, port, size);
    } else {
        ioports_write(machine->ports, port, (u32)random_value(), size);
    }
}

static void touch_ports(void)
{
    static struct port_list list;
    list.count = 0;
    ioports_each(machine->ports, add_ports, &list);
    unsigned i = below(list.count);
    for (unsigned n = 1 + below(60); n; n--)
        touch_port((u16)(list.range[i].base + below(list.range[i].count) - one_in(50) + one_in(50)));
}

static void touch_any_port(void)
{
    touch_port((u16)random64());
}

/* Address, then data, with the address right most of the time. */
static void touch_pci(void)
{
    static const u8 functions[] = {0x00, 0x08, 0x09, 0x0a, 0x0b, 0x10, 0x18};
    for (unsigned n = 1 + below(12); n; n--) {
        u32 address =
            one_in(20) ? (u32)random64() : 0x80000000u | functions[below(sizeof(functions))] << 8 | (u32)below(256);
        ioports_write(machine->ports, 0xcf8, address, 4);
        touch_port((u16)(0xcfc + below(4)));
    }
}

/* What firmware does at power-on: without it the chips' windows are seldom mapped. */
static void place_windows(void)
{
    static const struct {
        u8 function, reg;
        u32 value;
    } settings[] = {
        {0x09, 0x20, 0xc000},     {0x10, 0x10, 0xe0000000}, {0x10, 0x18, 0xe1000000}, {0x0b, 0x40, 0x600},
        {0x0b, 0x90, 0x700},      {0x0b, 0x80, 1},          {0x0b, 0xd2, 1},          {0x08, 0x04, 7},
        {0x09, 0x04, 5},          {0x0b, 0x04, 3},          {0x10, 0x04, 3},          {0x09, 0x40, 0x80008000},
        {0x10, 0x14, 0xe1800000}, {0x10, 0x30, 0xe2000001}, {0x18, 0x10, 0xd000},     {0x18, 0x14, 0xd100},
        {0x18, 0x04, 5},
    };
    for (size_t i = 0; i < ARRAY_SIZE(settings) && pc->has_pci; i++)
        pci_config_write(machine->pci, settings[i].function, settings[i].reg, settings[i].value, 4);
}

/* --- protocols that chance alone hardly gets into ---------------------------------------------------------------- */

static void out(u16 port, u32 value)
{
    ioports_write(machine->ports, port, value, 1);
}

static void program_mouse(void)
{
    static const u8 commands[] = {0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xee,
                                  0xf0, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xff};
    for (unsigned n = 1 + below(8); n; n--) {
        out(0x64, 0xd4);
        out(0x60, one_in(3) ? (u32)random64() : commands[below(sizeof(commands))]);
        for (unsigned reads = below(4); reads; reads--)
            ioports_read(machine->ports, 0x60, 1);
    }
}

/* DMA channels with counts and modes that fit, then commands that play, and time for it. */
static void program_sound(void)
{
    static const u8 commands[] = {0x10, 0x14, 0x16, 0x17, 0x1c, 0x1f, 0x20, 0x24, 0x2c, 0x34, 0x40, 0x41, 0x48, 0x74,
                                  0x75, 0x76, 0x77, 0x7d, 0x7f, 0x80, 0x90, 0x91, 0x98, 0x99, 0xb0, 0xb6, 0xb8, 0xbe,
                                  0xc0, 0xc6, 0xc8, 0xce, 0xd0, 0xd4, 0xd5, 0xd6, 0xd9, 0xda, 0xe0, 0xe1, 0xe2, 0xe3};
    if (one_in(2)) {
        unsigned channel = one_in(2) ? 1 : 5, chip = channel / 4 ? 0xc0 : 0, shift = channel / 4;
        out(0xd6, 0xc0);
        out(0xd4, 0);
        out(chip + (0x0b << shift), (u32)(random64() & 0xfc) | (channel & 3));
        out(chip + (((channel & 3) * 2 + 1) << shift), (u32)random64());
        out(chip + (((channel & 3) * 2 + 1) << shift), one_in(3) ? (u32)random64() : 0);
        out(chip + (0x0a << shift), channel & 3);
    }
    if (one_in(6)) {
        out(0x226, 1);
        out(0x226, 0);
    }
    for (unsigned n = below(8); n; n--) {
        out(0x22c, one_in(4) ? (u32)random64() : commands[below(sizeof(commands))]);
        for (unsigned arguments = below(4); arguments; arguments--)
            out(0x22c, one_in(2) ? (u32)random64() : 0);
    }
    for (unsigned n = below(20); n; n--) {
        unsigned bank = one_in(2) ? 2 : 0;
        out(0x220 + bank, one_in(8) ? 5 : (u32)random64());
        out(0x221 + bank, (u32)random64());
    }
}

static void write_indexed(u16 port, u8 index, u32 value)
{
    out(port, index);
    out(port + 1, value);
}

/* The CL-GD5446's extensions, unlocked: banks, formats, and a BitBLT with any registers; on another card, noise. */
static void program_blitter(void)
{
    u64 window = one_in(2) ? 0xa0000 : 0xe0000000;
    write_indexed(0x3c4, 0x06, 0x12);
    if (one_in(2))
        write_indexed(0x3c4, one_in(2) ? 0x07 : (u32)below(0x20), (u32)random64());
    if (one_in(2))
        write_indexed(0x3d4, 0x13 + (u32)below(0x10), (u32)random64());
    if (one_in(2))
        write_indexed(0x3ce, 0x09 + (u32)below(3), (u32)random64());
    for (unsigned n = below(24); n; n--)
        write_indexed(0x3ce, 0x20 + (u32)below(0x16), one_in(3) ? (u32)random64() : (u32)below(8));
    if (one_in(2))
        write_indexed(0x3ce, 0x30, (u32)random64() & (one_in(2) ? 0xff : 0xc4)); /* a source from the CPU */
    write_indexed(0x3ce, 0x31, one_in(8) ? (u32)random64() : 2);
    for (unsigned n = below(200); n; n--)
        memory_store(machine->memory, window + below(0x20000), random64(), 1u << below(4));
    if (one_in(6))
        write_indexed(0x3ce, 0x31, 4); /* reset */
}

static void write_descriptors(u32 table)
{
    for (unsigned i = 0; i < 16; i++, table += 8) {
        memory_store(machine->memory, table, one_in(8) ? random_value() : below(RAM_SIZE), 4);
        memory_store(machine->memory, table + 4, random64() & (one_in(8) ? UINT32_MAX : 0x80003fff), 4);
    }
}

static void start_bus_master(unsigned channel)
{
    u16 base = 0xc000 + 8 * channel;
    u32 table = (u32)below(RAM_SIZE) & ~3u;
    write_descriptors(table);
    ioports_write(machine->ports, base + 4, table, 4);
    out(base + 2, 6);
    out(base, 1 | (one_in(2) ? 8 : 0));
}

static void send_packet(u16 base)
{
    static const u8 packets[] = {0x00, 0x03, 0x12, 0x1b, 0x1e, 0x25, 0x28, 0x2b, 0x35, 0x42, 0x43,
                                 0x46, 0x4a, 0x4e, 0x51, 0x5a, 0xa8, 0xbb, 0xbd, 0xbe, 0x55, 0x1a,
                                 0x44, 0x45, 0x45, 0x47, 0x4b, 0x52, 0xa5, 0xb9, 0xbe, 0xbe};
    u16 words[6], limit = one_in(2) ? 0xffff : 0x1ff; /* addresses and lengths that fit now and then */
    for (unsigned i = 0; i < 6; i++)
        words[i] = one_in(2) ? 0 : (u16)random64();
    words[1] = one_in(2) ? 0 : words[1];
    words[2] = (u16)((words[2] & limit) >> 8 | (words[2] & limit) << 8);
    words[0] = (words[0] & 0xff00) | packets[below(sizeof(packets))];
    out(base + 7, 0xa0);
    ioports_write_block(machine->ports, base, 2, words, 6);
}

static void send_command(u16 base)
{
    static const u8 commands[] = {0x20, 0x24, 0x25, 0x29, 0x30, 0x34, 0x35, 0x39, 0x40, 0x42, 0x91, 0xc4, 0xc5, 0xc6,
                                  0xc8, 0xca, 0xe7, 0xea, 0xec, 0xef, 0xf8, 0x27, 0x90, 0xa1, 0x08, 0xe0, 0xe6};
    out(base + 7, commands[below(sizeof(commands))]);
}

static void wait_for_drive(void)
{
    instructions += below(4000000);
    clock_run(machine->clock);
    instructions += below(100000);
    clock_run(machine->clock);
}

static void use_drive(void)
{
    unsigned channel = (unsigned)below(2);
    u16 base = channel ? 0x170 : 0x1f0;
    bool dma = one_in(2);
    u8 data[512];
    out(base + 6, 0xe0 | (one_in(3) ? 0x10 : 0) | (one_in(8) ? (u32)below(16) : 0));
    for (u16 reg = 1; reg < 6; reg++)
        out(base + reg, one_in(2) ? 0 : (u32)below(one_in(4) ? 256 : 8));
    if (dma)
        out(base + 1, 1);
    if (channel && one_in(4) == 0)
        send_packet(base);
    else
        send_command(base);
    memset(data, (int)random64(), sizeof(data));
    for (unsigned n = 1 + below(6); n; n--) {
        if (dma)
            start_bus_master(channel);
        wait_for_drive();
        ioports_read(machine->ports, base + 7, 1);
        if (one_in(2))
            ioports_read_block(machine->ports, base, 2, data, sizeof(data) / 2);
        else
            ioports_write_block(machine->ports, base, 2, data, sizeof(data) / 2);
    }
}

static void program_floppy_dma(void)
{
    static const u8 modes[] = {0x46, 0x4a, 0x56, 0x5a, 0x66, 0x6a, 0x42, 0x06};
    out(0x0c, 0);
    out(0x0b, modes[below(sizeof(modes))]);
    for (unsigned i = 0; i < 2; i++)
        out(0x04, (u32)random64());
    out(0x05, (u32)random64());
    out(0x05, (u32)below(one_in(4) ? 256 : 8));
    out(0x81, (u32)below(256));
    out(0x0a, one_in(8) ? 6 : 2);
    out(0xd4, 0);
}

/* A command that a drive may well understand, and its transfer. */
static void use_floppy(void)
{
    static const u8 codes[] = {0x02, 0x05, 0x06, 0x09, 0x0a, 0x0c, 0x0d, 0x16,
                               0x03, 0x07, 0x0f, 0x8f, 0x13, 0x08, 0x14};
    u8 rates[] = {0, 2}, unit = (u8)below(2);
    program_floppy_dma();
    out(0x3f2, 0x3c | unit);
    out(0x3f7, one_in(8) ? (u32)below(256) : rates[below(2)]);
    out(0x3f5, codes[below(sizeof(codes))] | (one_in(8) ? 0 : 0x40) | (one_in(2) ? 0x80 : 0) | (one_in(4) ? 0x20 : 0));
    for (unsigned i = 0; i < 8; i++)
        out(0x3f5, one_in(10) ? (u32)below(256) : i == 3 ? 1 + (u32)below(18) : i == 4 ? 2 : (u32)below(3));
    for (unsigned n = 1 + below(4); n; n--) {
        wait_for_drive();
        for (unsigned byte = below(600); byte; byte--)
            if (one_in(2))
                ioports_read(machine->ports, 0x3f5, 1);
            else
                out(0x3f5, (u32)random64());
        if (one_in(30))
            out(0x3f2, 0);
    }
}

/* --- memory ------------------------------------------------------------------------------------------------------ */

static void touch_memory(u64 address)
{
    unsigned size = random_size(8);
    u8 data[256];
    if (one_in(20)) {
        memory_read(machine->memory, address, data, below(sizeof(data)));
    } else if (one_in(20)) {
        memset(data, (int)random64(), sizeof(data));
        memory_write(machine->memory, address, data, below(sizeof(data)));
    } else if (one_in(3)) {
        memory_load(machine->memory, address, size);
    } else {
        memory_store(machine->memory, address, random_value(), size);
    }
}

static void touch_registers(void)
{
    size_t ranges;
    const struct range *range = memory_ranges(machine->memory, &ranges);
    u64 start = 0, length = 0;
    for (unsigned tries = 0; tries < 20 && !length; tries++) {
        const struct range *candidate = range + below(ranges);
        if (candidate->region->kind == REGION_MMIO || candidate->region->kind == REGION_ROMD || one_in(50)) {
            start = candidate->start;
            length = candidate->end - candidate->start;
        }
    }
    machine->current_cpu = one_in(4) ? -1 : 0; /* a CPU's own access reaches its local APIC */
    for (unsigned n = 1 + below(40); n && length; n--)
        touch_memory(start + below(one_in(2) ? MIN(length, 0x100u) : length));
    machine->current_cpu = -1;
}

static void touch_any_memory(void)
{
    touch_memory(random_value() & 0x1ffffffff);
}

/* --- the outside ------------------------------------------------------------------------------------------------- */

/* From nanoseconds to hours. */
static void let_time_pass(void)
{
    unsigned rounds = 1 + below(4);
    u64 step = 1ull << below(one_in(40) ? 44 : 24);
    while (rounds--) {
        instructions += below(step);
        clock_run(machine->clock);
    }
}

static void press_keys(void)
{
    for (unsigned n = below(40); n; n--) {
        if (one_in(2))
            input_key(&machine->input, (int)below(0x400), one_in(2));
        else
            input_pointer(&machine->input, (int)below(1000) - 500, (int)below(1000) - 500, (int)below(20) - 10,
                          (unsigned)below(8));
    }
}

static void type_at(struct chardev *chr)
{
    struct chardev_user *user = &chr->user;
    u8 data[64];
    memset(data, (int)random64(), sizeof(data));
    size_t room = user->room ? user->room(user->opaque) : 0;
    if (room && user->receive)
        user->receive(user->opaque, data, MIN(room, 1 + below(sizeof(data))));
    if (user->event && one_in(4))
        user->event(user->opaque, (enum char_event)below(3));
    if (user->writable && one_in(4))
        user->writable(user->opaque);
}

static void send_characters(void)
{
    struct chardev *chr = one_in(4) ? pc->parallel_chr : pc->serial[below(CONFIG_MAX_SERIALS)];
    if (chr)
        type_at(chr);
}

static void take_interrupt(void)
{
    if (machine->apic)
        machine->apic->acknowledge(machine->apic_opaque, 0);
    else
        machine->acknowledge(machine->acknowledge_opaque);
}

/* What a CPU does by MSRs and CR8. */
static void program_apic(void)
{
    const struct machine_apic *apic = machine->apic;
    void *opaque = machine->apic_opaque;
    if (!apic)
        return;
    if (one_in(8))
        apic->set_base(opaque, 0, one_in(2) ? 0xfee00900 : random_value() & 0xffffffb00);
    apic->set_tpr(opaque, 0, (u8)random64());
    apic->tpr(opaque, 0);
    apic->set_deadline(opaque, 0, one_in(2) ? clock_ns(machine->clock) + below(100000) : random_value());
    apic->deadline(opaque, 0);
}

static void look_at_screen(void)
{
    static struct surface surface;
    static struct text_screen text;
    struct display *display = &machine->display;
    if (display->text)
        display->text(display->opaque, &text);
    if (display->changed && display->changed(display->opaque) && one_in(4))
        CHECK_EQ(display->render(display->opaque, &surface), 0);
    surface_free(&surface);
    memset(&surface, 0, sizeof(surface));
}

static size_t printed;

static void print(void *out, const char *fmt, ...)
{
    char text[2048];
    va_list args;
    va_start(args, fmt);
    printed += (size_t)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
}

static void look_at_chips(void)
{
    for (struct device *device = machine->devices.first; device; device = device->next)
        if (device->ops->info)
            device->ops->info(device->state, print, NULL);
}

/* Nothing that ends us or makes files.  & stands for a small number, # for any. */
static void use_monitor(void)
{
    static const char *const lines[] = {
        "info block",
        "info pic",
        "info irq",
        "info mtree",
        "info pci",
        "info lapic",
        "info devices",
        "info rtc",
        "x /&x #",
        "xp /&i #",
        "xp /&s #",
        "xp /&ug #",
        "i /b #",
        "i /w #",
        "o /w & #",
        "sendkey #",
        "mouse_move & &",
        "mouse_button &",
        "eject -f ide1-cd0",
        "eject floppy&",
        "print $eax + &",
        "change floppy& /nosuch#",
        "boot_set dc",
        "nmi",
        "gva2gpa #",
        "help info",
        "\033[A\033[D&",
        "&#",
    };
    char line[200], *end = line;
    for (const char *p = lines[below(ARRAY_SIZE(lines))]; *p; p++) {
        if (*p == '&')
            end += sprintf(end, "%d", (int)below(300) - 20);
        else if (*p == '#')
            end += sprintf(end, "%#llx", (unsigned long long)random_value());
        else
            *end++ = *p;
    }
    *end++ = '\r';
    monitor_chr.user.receive(monitor_chr.user.opaque, (const u8 *)line, (size_t)(end - line));
}

static void press_buttons(void)
{
    if (one_in(4))
        machine_reset_devices(machine);
    else
        pc_power_button(machine);
}

static void handle_event(void)
{
    if (machine->event == EVENT_RESET || machine->event == EVENT_TRIPLE_FAULT)
        machine_reset_devices(machine);
    machine->event = EVENT_NONE;
}

/* The main loop's turn: host files and what the disks' threads have posted. */
static void nothing(void *opaque) {}

static void run_loop(void)
{
    loop_turn(machine->loop, 0, nothing, nothing, NULL);
}

/* --- rounds ------------------------------------------------------------------------------------------------------ */

static const struct {
    void (*act)(void);
    unsigned weight;
} acts[] = {
    {touch_ports, 60},    {touch_registers, 20}, {touch_pci, 8},      {touch_any_port, 4},  {touch_any_memory, 4},
    {let_time_pass, 30},  {press_keys, 3},       {take_interrupt, 8}, {send_characters, 3}, {look_at_screen, 2},
    {look_at_chips, 1},   {press_buttons, 1},    {place_windows, 4},  {program_mouse, 4},   {program_sound, 4},
    {program_blitter, 4}, {use_drive, 10},       {run_loop, 1},       {use_monitor, 1},     {use_floppy, 8},
    {program_apic, 4},
};

static void act(void)
{
    unsigned total = 0;
    for (size_t i = 0; i < ARRAY_SIZE(acts); i++)
        total += acts[i].weight;
    unsigned choice = (unsigned)below(total);
    for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
        if (choice < acts[i].weight) {
            acts[i].act();
            return;
        }
        choice -= acts[i].weight;
    }
}

static void too_long(int number)
{
    char text[100];
    int length = snprintf(text, sizeof(text), "fuzz_chips_test: hangs: seed %llu, burst %llu\n",
                          (unsigned long long)seed, (unsigned long long)bursts_done);
    if (write(STDOUT_FILENO, text, (size_t)length) < 0)
        _exit(2);
    signal(SIGALRM, SIG_DFL);
    abort(); /* a core or a sanitizer's stack tells where */
}

static u64 from_environment(const char *name, u64 otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 0) : otherwise;
}

static void fuzz(enum machine_type type, enum vga_type vga, u64 number)
{
    struct machine_config config;
    strcpy(dir, "/tmp/clutch-fuzz-XXXXXX");
    CHECK(mkdtemp(dir) != NULL);
    fill(&config);
    config.machine = type;
    config.vga = vga;
    config.sound_count -= type == MACHINE_ISAPC; /* the last card is PCI's */
    seed = from_environment("FUZZ_SEED", number);
    random_state = seed;
    instructions = 0;
    if (set_up(&config)) {
        u64 bursts = from_environment("FUZZ_BURSTS", BURSTS);
        for (bursts_done = 0; bursts_done < bursts; bursts_done++) {
            act();
            handle_event();
        }
        machine_reset_devices(machine);
        monitor_destroy(monitor);
        pc_destroy(machine);
    } else {
        CHECK(!"the machine could be built");
    }
    remove_files();
}

TEST(random_programming_of_a_pc_harms_nothing)
{
    signal(SIGALRM, too_long);
    alarm(SECONDS_AT_MOST);
    fuzz(MACHINE_PC, VGA_STD, 1);
    fuzz(MACHINE_PC, VGA_CIRRUS, 2);
}

TEST(random_programming_of_an_isa_pc_harms_nothing)
{
    fuzz(MACHINE_ISAPC, VGA_STD, 3);
    fuzz(MACHINE_ISAPC, VGA_CIRRUS, 4);
    alarm(0);
}

UNIT_MAIN()
