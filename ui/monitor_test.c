#include "ui/monitor.h"

#include "cpu/cpu.h"
#include "machine/trace.h"
#include "tests/unit.h"

/* A machine of 64 KiB of RAM and one port, without a processor. */
static struct machine *machine;
static struct monitor *monitor;
static struct region ram;
static u8 port_value;
static int keys[32], key_count;
static int moved[3];
static unsigned buttons;
static char out[65536];
static size_t out_length;

static size_t keep(struct chardev *chr, const u8 *data, size_t length)
{
    size_t piece = MIN(length, sizeof(out) - 1 - out_length);
    memcpy(out + out_length, data, piece);
    out_length += piece;
    out[out_length] = '\0';
    return length;
}

static const struct chardev_ops ops = {.name = "test", .write = keep};
static struct chardev chr = {.ops = &ops};

static u64 port_read(void *opaque, u64 offset, unsigned size)
{
    return port_value;
}

static void port_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    port_value = value;
}

static const struct bus_ops port_ops = {.read = port_read, .write = port_write, .min_size = 1, .max_size = 1};
static struct port_range port = {.name = "test port", .base = 0x80, .count = 1, .ops = &port_ops};

static void key(void *opaque, int key, bool down)
{
    if (key_count < 32)
        keys[key_count++] = down ? key : -key;
}

static void pointer(void *opaque, int dx, int dy, int wheel, unsigned pressed)
{
    moved[0] = dx;
    moved[1] = dy;
    moved[2] = wheel;
    buttons = pressed;
}

static void set_up(void)
{
    struct error err;
    machine = machine_create(&err);
    machine->input.mouse.pointer = pointer;
    machine->input.keyboard.key = key;
    ram = (struct region){.name = "ram", .kind = REGION_RAM, .size = 65536, .enabled = true};
    ram.host = memory_alloc(65536);
    ram.page_flags = calloc(16, 1);
    memory_add(machine->memory, &ram);
    ioports_add(machine->ports, &port);
    out_length = key_count = 0;
    chr.user = (struct chardev_user){0};
    monitor = monitor_create(machine, NULL, &chr);
}

static void tear_down(void)
{
    monitor_destroy(monitor);
    machine_destroy(machine);
    memory_free(ram.host, 65536);
    free(ram.page_flags);
}

static void type(const char *text)
{
    chr.user.receive(chr.user.opaque, (const u8 *)text, strlen(text));
}

/* Does the command's answer hold this text? */
static bool answers(const char *line, const char *text)
{
    out_length = 0;
    out[0] = '\0';
    monitor_command(monitor, line);
    if (!strstr(out, text))
        printf("%s: '%s'\n", line, out);
    return strstr(out, text) != NULL;
}

TEST(a_prompt_greets_and_follows_each_line)
{
    set_up();
    CHECK(strstr(out, "(clutch) "));
    out_length = 0;
    type("\r");
    CHECK(!strcmp(out, "\r\n(clutch) "));
    tear_down();
}

TEST(typing_is_echoed_and_backspace_takes_it_back)
{
    set_up();
    out_length = 0;
    type("xz\b\x7fhelp\r\n");
    CHECK(strstr(out, "xz\b \b\b \bhelp\r\n"));
    CHECK(strstr(out, "screendump"));
    CHECK(!strstr(out, "unknown"));
    tear_down();
}

TEST(unknown_commands_name_the_nearest)
{
    set_up();
    CHECK(answers("sytem_reset", "'system_reset'"));
    CHECK(answers("info rtx", "'rtc'"));
    CHECK(answers("frobnicate", "help lists"));
    tear_down();
}

TEST(xp_shows_memory_in_gdbs_formats)
{
    set_up();
    memcpy(ram.host + 0x1000, "\x01\x02\x03\x84hello\0", 10);
    CHECK(answers("xp 0x1000", "00001000: 0x84030201\r\n"));
    CHECK(answers("xp /2xh 0x1000", "00001000: 0x0201 0x8403\r\n"));
    CHECK(answers("xp/4db 0x1000", "00001000: 1 2 3 -124\r\n"));
    CHECK(answers("xp /ub 0x1003", "132"));
    CHECK(answers("xp /s 0x1004", "\"hello\""));
    CHECK(answers("xp /1xg 0x1000", "0x6c6c656884030201"));
    CHECK(answers("xp /2c 0x1000 + 4", "'h' 'e'"));
    tear_down();
}

TEST(malformed_addresses_and_formats_are_told)
{
    set_up();
    CHECK(answers("xp", "address is missing"));
    CHECK(answers("xp banana", "banana"));
    CHECK(answers("xp /q 0", "'q'"));
    CHECK(answers("xp 0 0", "left over"));
    CHECK(answers("xp /999999999x 0", "at most"));
    CHECK(answers("x $rip", "unknown register"));
    tear_down();
}

TEST(ports_are_read_and_written)
{
    set_up();
    CHECK(answers("o 0x80 0x5a", ""));
    CHECK_EQ(port_value, 0x5a);
    CHECK(answers("i 0x80", "0x5a"));
    CHECK(answers("i /b 0x81", "0xff"));
    tear_down();
}

TEST(sendkey_presses_in_order_and_releases_backwards)
{
    set_up();
    CHECK(answers("sendkey ctrl-alt-delete", ""));
    CHECK_EQ(key_count, 3);
    CHECK_EQ(keys[0], input_key_by_name("ctrl"));
    CHECK_EQ(keys[2], input_key_by_name("delete"));
    CHECK(answers("sendkey a", ""));
    CHECK_EQ(key_count, 7);
    CHECK_EQ(keys[3], -keys[2]);
    CHECK_EQ(keys[5], -keys[0]);
    CHECK_EQ(keys[6], 0x1e); /* scan set 1 of A */
    CHECK(answers("sendkey ctrl-nokey", "nokey"));
    CHECK(answers("sendkey", "which keys"));
    tear_down();
}

TEST(system_reset_and_quit_reach_the_machine)
{
    set_up();
    CHECK(answers("system_reset", ""));
    CHECK_EQ(machine->event, EVENT_RESET);
    CHECK(answers("q", ""));
    CHECK_EQ(machine->state, RUN_QUIT);
    tear_down();
}

TEST(the_memory_tree_names_what_answers)
{
    set_up();
    CHECK(answers("info mtree", "ram"));
    CHECK(strstr(out, "0080-0080 test port"));
    tear_down();
}

TEST(a_screendump_without_a_screen_says_so)
{
    set_up();
    CHECK(answers("screendump /tmp/x.png", "no screen"));
    CHECK(answers("screendump", "which file"));
    tear_down();
}

TEST(a_line_that_never_ends_is_cut)
{
    set_up();
    for (int i = 0; i < 2000; i++)
        type("a");
    type("\r");
    CHECK(strstr(out, "unknown command"));
    tear_down();
}

/* Page tables of the three kinds, written to SDM vol. 3A "Paging"; only the registers of the CPU matter here. */
static void put_entry(u64 at, u64 value, unsigned size)
{
    memory_write(machine->memory, at, &value, size);
}

TEST(info_mem_joins_neighbours_of_equal_rights)
{
    static struct cpu cpu;
    set_up();
    machine->cpus[0] = &cpu;
    machine->cpu_count = 1;
    cpu = (struct cpu){.cr0 = CR0_PG | CR0_PE, .cr3 = 0x1000, .cr4 = CR4_PSE};
    put_entry(0x1000, 0x2007, 4);         /* first 4 MiB: a table, user and writable */
    put_entry(0x1000 + 4 * 768, 0x83, 4); /* C0000000: a 4 MiB page, supervisor */
    put_entry(0x2000 + 4 * 1, 0x5007, 4);
    put_entry(0x2000 + 4 * 2, 0x6007, 4);
    put_entry(0x2000 + 4 * 3, 0x7005, 4);
    CHECK(answers("info mem", "0000000000001000-0000000000003000 0000000000002000 urwx\r\n"));
    CHECK(strstr(out, "0000000000003000-0000000000004000 0000000000001000 ur-x\r\n"));
    CHECK(strstr(out, "00000000c0000000-00000000c0400000 0000000000400000 -rwx\r\n"));
    cpu.cr0 = CR0_PE;
    CHECK(answers("info mem", "paging is off"));
    machine->cpu_count = 0;
    tear_down();
}

TEST(info_mem_walks_pae_tables_with_nx)
{
    static struct cpu cpu;
    set_up();
    machine->cpus[0] = &cpu;
    machine->cpu_count = 1;
    cpu = (struct cpu){.cr0 = CR0_PG | CR0_PE, .cr3 = 0x1020, .cr4 = CR4_PAE};
    put_entry(0x1020 + 8 * 3, 0x2001, 8);
    put_entry(0x2000, 0x80000000000000e3ull, 8); /* 2 MiB, NX */
    put_entry(0x2008, 0x3003, 8);
    put_entry(0x3000 + 8 * 511, 0x4003, 8);
    CHECK(answers("info mem", "00000000c0000000-00000000c0200000 0000000000200000 -rw-\r\n"));
    CHECK(strstr(out, "00000000c03ff000-00000000c0400000 0000000000001000 -rwx\r\n"));
    machine->cpu_count = 0;
    tear_down();
}

TEST(info_tlb_tells_where_pages_go)
{
    static struct cpu cpu;
    set_up();
    machine->cpus[0] = &cpu;
    machine->cpu_count = 1;
    cpu = (struct cpu){.cr0 = CR0_PG | CR0_PE, .cr3 = 0x1000, .cr4 = CR4_PSE, .phys_mask = ~0ull, .a20_mask = ~0ull};
    put_entry(0x1000, 0x2007, 4);
    put_entry(0x1000 + 4 * 768, 0x1e3, 4); /* C0000000: global, dirty, accessed, 4 MiB */
    put_entry(0x2000 + 4 * 1, 0x5007, 4);
    put_entry(0x2000 + 4 * 2, 0x6007, 4);
    put_entry(0x2000 + 4 * 3, 0x9007, 4); /* not the next one in memory */
    CHECK(answers("info tlb", "0000000000001000: 0000000000005000 -------UW 2 x 4 KiB\r\n"));
    CHECK(strstr(out, "0000000000003000: 0000000000009000 -------UW 1 x 4 KiB\r\n"));
    CHECK(strstr(out, "00000000c0000000: 0000000000000000 -GPDA---W 1 x 4096 KiB\r\n"));
    machine->cpu_count = 0;
    tear_down();
}

TEST(mouse_commands_move_and_press)
{
    set_up();
    CHECK(answers("mouse_move 10 -20", ""));
    CHECK_EQ(moved[0], 10);
    CHECK_EQ(moved[1], -20);
    CHECK_EQ(moved[2], 0);
    CHECK(answers("mouse_button 5", ""));
    CHECK_EQ(buttons, 5);
    CHECK(answers("mouse_move 0 0 3", ""));
    CHECK_EQ(moved[2], 3);
    CHECK_EQ(buttons, 5); /* held */
    CHECK(answers("mouse_button 0", ""));
    CHECK_EQ(buttons, 0);
    CHECK(answers("mouse_move 1", "mouse_move DX DY"));
    CHECK(answers("mouse_move 1 2 3 4", "mouse_move DX DY"));
    CHECK(answers("mouse_move 1 2 x", "mouse_move DX DY"));
    CHECK(answers("mouse_button left", "STATE"));
    tear_down();
}

TEST(trace_categories_are_switched_one_by_one_and_all_together)
{
    set_up();
    CHECK(answers("log ide,pic", ""));
    CHECK_EQ(trace_mask, 1ull << TRACE_IDE | 1ull << TRACE_PIC);
    CHECK(answers("trace pic off", ""));
    CHECK(answers("trace vga on", ""));
    CHECK_EQ(trace_mask, 1ull << TRACE_IDE | 1ull << TRACE_VGA);
    CHECK(answers("info trace", "ide          on "));
    CHECK(strstr(out, "pic          off"));
    CHECK(answers("trace idee on", "did you mean ide?"));
    CHECK(answers("trace ide maybe", "on|off"));
    CHECK_EQ(trace_mask, 1ull << TRACE_IDE | 1ull << TRACE_VGA);
    CHECK(answers("log none", ""));
    CHECK_EQ(trace_mask, 0);
    CHECK(answers("logfile /nosuchdirectory/x", "/nosuchdirectory/x"));
    tear_down();
}

TEST(help_explains_one_command)
{
    set_up();
    CHECK(answers("help eject", "eject [-f] DRIVE"));
    CHECK(!strstr(out, "sendkey"));
    CHECK(answers("help info tlb", "info tlb"));
    CHECK(!strstr(out, "info pic"));
    CHECK(answers("help info", "info history"));
    CHECK(answers("help ejekt", "'eject'"));
    CHECK(answers("help q", "quit"));
    tear_down();
}

TEST(lines_are_remembered)
{
    set_up();
    type("print 1 + 2\r");
    CHECK(strstr(out, "0x3\r\n"));
    out_length = 0;
    type("\033[A\r");
    CHECK(strstr(out, "0x3\r\n"));
    CHECK(answers("info history", "0: print 1 + 2"));
    tear_down();
}

UNIT_MAIN()
