#include <stdlib.h>

#include "accel/accel.h"
#include "machine/cpubus.h"

#include "tests/unit.h"

#define RAM_SIZE 0x100000u
#define CODE 0x1000u

static struct machine *machine;
static struct vcpu vcpu;
static struct lockstep_options options;
static struct region ram;
static struct port_range port;
static unsigned port_reads, port_writes;
static char reports[20000];

static void keep_report(const char *text)
{
    strncat(reports, text, sizeof(reports) - strlen(reports) - 2);
    strcat(reports, "\n");
}

static u64 read_port(void *opaque, u64 offset, unsigned size)
{
    return 0x40 + ++port_reads;
}
/* 0dfh, 0ddh: A20 on and off, as in the keyboard controller. */
static void write_port(void *opaque, u64 offset, u64 value, unsigned size)
{
    port_writes++;
    if (value == 0xdf || value == 0xdd)
        cpu_set_a20(vcpu.cpu, value == 0xdf);
}
static const struct bus_ops port_ops = {.read = read_port, .write = write_port, .min_size = 1, .max_size = 1};

static int acknowledge(void *opaque)
{
    cpu_set_intr(vcpu.cpu, false);
    return 0x20;
}

/* A board of RAM and one port, and a CPU in real-address mode at CODE. */
static void build(const u8 *code, size_t size, const struct engine *second)
{
    struct error err;
    char why[200];
    reports[0] = 0;
    port_reads = port_writes = 0;
    error_on_report(keep_report);
    machine = machine_create(&err);
    machine->ram_size = RAM_SIZE;
    machine->ram = memory_alloc(RAM_SIZE);
    machine->ram_flags = calloc(RAM_SIZE / 4096, 1);
    machine->acknowledge = acknowledge;
    ram = (struct region){.name = "ram",
                          .kind = REGION_RAM,
                          .size = RAM_SIZE,
                          .enabled = true,
                          .host = machine->ram,
                          .page_flags = machine->ram_flags};
    port = (struct port_range){.name = "port", .base = 0x80, .count = 1, .ops = &port_ops};
    memory_add(machine->memory, &ram);
    ioports_add(machine->ports, &port);
    memcpy(machine->ram + CODE, code, size);
    vcpu = (struct vcpu){.machine = machine, .engine = &lockstep_engine, .lockstep = &options};
    vcpu.cpu = cpu_create("pentium3", NULL, &machine_cpu_bus, machine, why);
    machine->cpus[0] = vcpu.cpu;
    machine->cpu_count = 1;
    vcpu.cpu->seg[CS].selector = 0;
    vcpu.cpu->seg[CS].base = 0;
    vcpu.cpu->rip = CODE;
    vcpu.cpu->gpr[RSP] = 0x8000;
    vcpu.cpu->gpr[RDX] = 0; /* after RESET: the processor's signature */
    options.engines = "interp:interp";
    options.second = second;
    CHECK_EQ(lockstep_engine.create(&vcpu, &err), 0);
    lockstep_engine.load(&vcpu);
}

/* At least so many instructions, unless something ends it. */
static void run(u64 instructions)
{
    while (cpu_instructions(vcpu.cpu) < instructions && machine->event == EVENT_NONE)
        lockstep_engine.run(&vcpu, instructions - cpu_instructions(vcpu.cpu));
}

static void take_apart(void)
{
    lockstep_engine.destroy(&vcpu);
    cpu_destroy(vcpu.cpu);
    memory_remove(machine->memory, &ram);
    memory_free(machine->ram, RAM_SIZE);
    free(machine->ram_flags);
    machine_destroy(machine);
    error_on_report(NULL);
    options = (struct lockstep_options){0};
}

static bool reported(const char *text)
{
    return strstr(reports, text) != NULL;
}

/* Counts in BX, keeps the count at 2000h, calls and returns. */
static const u8 counting[] = {
    0x43,                   /* inc bx */
    0x89, 0x1e, 0x00, 0x20, /* mov [2000h], bx */
    0x01, 0xd8,             /* add ax, bx */
    0x50, 0x59,             /* push ax; pop cx */
    0xeb, 0xf5,             /* jmp to the start */
};

TEST(an_engine_agrees_with_itself)
{
    build(counting, sizeof(counting), NULL);
    run(100000);
    CHECK_EQ(machine->event, EVENT_NONE);
    take_apart();
    CHECK(reported("agree: 100000 of 100000 instructions"));
}

/* The second engine: an interpreter with an error from instruction 5000 on. */
static unsigned error_kind;
static enum engine_exit run_wrongly(struct vcpu *b, u64 budget)
{
    enum engine_exit why = interp_engine.run(b, budget);
    struct cpu_page page;
    if (cpu_instructions(b->cpu) < 5000)
        return why;
    b->cpu->bus->page(b->cpu->board, 0x2000, &page);
    switch (error_kind) {
    case 0: b->cpu->gpr[RDX] ^= 0x40; break;
    case 1: page.host[0] ^= 1; break;     /* a store gone wrong */
    case 2: page.host[0x800] ^= 1; break; /* a store that nobody asked for */
    case 3: b->cpu->bus->out(b->cpu->board, 0x80, 1, 1); break;
    case 4: b->cpu->fpu.reg[3].mantissa = 7; break;
    }
    error_kind = 99;
    return why;
}

static struct engine wrong(unsigned kind)
{
    struct engine engine = interp_engine;
    engine.run = run_wrongly;
    error_kind = kind;
    return engine;
}

TEST(a_wrong_register_stops_the_machine_with_both_values_and_the_code)
{
    struct engine engine = wrong(0);
    options.command = "clutch -icount shift=0";
    build(counting, sizeof(counting), &engine);
    run(100000);
    CHECK_EQ(machine->event, EVENT_INTERNAL);
    CHECK(cpu_instructions(vcpu.cpu) >= 5000 && cpu_instructions(vcpu.cpu) <= 5000 + 64);
    CHECK(reported("rdx") && reported("A 0000000000000000") && reported("B 0000000000000040"));
    CHECK(reported("inc    bx") && reported("state of A and B"));
    CHECK(reported("to repeat: clutch -icount shift=0 -accel lockstep=interp:interp,step=64,from=4992,count=64,"));
    take_apart();
    CHECK(reported("DIFFER"));
}

TEST(a_wrong_store_is_found_in_the_same_step)
{
    struct engine engine = wrong(1);
    build(counting, sizeof(counting), &engine);
    run(100000);
    CHECK_EQ(machine->event, EVENT_INTERNAL);
    CHECK(reported("memory at 2000, which A stored to"));
    take_apart();
}

TEST(a_stray_store_is_found_when_all_memory_is_compared)
{
    struct engine engine = wrong(2);
    build(counting, sizeof(counting), &engine);
    run(10000);
    CHECK_EQ(machine->event, EVENT_NONE);
    take_apart(); /* which compares */
    CHECK(reported("offset 2800 of RAM: A 00, B 01"));
}

TEST(an_access_that_the_first_engine_did_not_make_is_found)
{
    struct engine engine = wrong(3);
    build(counting, sizeof(counting), &engine);
    run(100000);
    CHECK_EQ(machine->event, EVENT_INTERNAL);
    CHECK(reported("B: port write of 1 bytes at 80; A: nothing more"));
    CHECK_EQ(port_writes, 0); /* and it did not reach the device */
    take_apart();
}

TEST(x87_registers_are_compared)
{
    struct engine engine = wrong(4);
    build(counting, sizeof(counting), &engine);
    run(100000);
    CHECK(reported("fpu.reg[3]"));
    take_apart();
}

TEST(devices_are_reached_once)
{
    /* in al, 80h; add bl, al; out 80h, al; jmp */
    static const u8 code[] = {0xe4, 0x80, 0x00, 0xc3, 0xe6, 0x80, 0xeb, 0xf8};
    build(code, sizeof(code), NULL);
    run(4000);
    CHECK_EQ(machine->event, EVENT_NONE);
    CHECK_EQ(port_reads, 1000);
    CHECK_EQ(port_writes, 1000);
    take_apart();
    CHECK(reported("agree: 4000 of 4000 instructions"));
}

TEST(pins_that_a_device_moves_are_no_difference)
{
    /* mov al, 0ddh; out 80h, al; mov al, 0dfh; out 80h, al; jmp */
    static const u8 code[] = {0xb0, 0xdd, 0xe6, 0x80, 0xb0, 0xdf, 0xe6, 0x80, 0xeb, 0xf6};
    build(code, sizeof(code), NULL);
    run(4000);
    CHECK_EQ(machine->event, EVENT_NONE);
    take_apart();
    CHECK(reported("agree: 4000 of 4000 instructions"));
}

TEST(nothing_compared_is_no_agreement)
{
    options.from = 3000;
    build(counting, sizeof(counting), NULL);
    run(2000);
    CHECK_EQ(lockstep_finish(&vcpu), LOCKSTEP_NOTHING);
    take_apart();
    CHECK(reported("NOTHING WAS COMPARED") && !reported("agree"));
}

TEST(a_difference_that_the_last_look_at_memory_finds_counts)
{
    struct engine engine = wrong(2);
    build(counting, sizeof(counting), &engine);
    run(10000);
    CHECK_EQ(lockstep_finish(&vcpu), LOCKSTEP_DIFFER);
    take_apart();
}

TEST(both_take_an_interrupt_at_the_same_instruction)
{
    /* sti; then counting; the handler: inc dx; iret */
    static const u8 code[] = {0xfb, 0x43, 0xeb, 0xfd, 0x42, 0xcf};
    build(code, sizeof(code), NULL);
    machine->ram[0x20 * 4] = (CODE + 4) & 0xff;
    machine->ram[0x20 * 4 + 1] = (CODE + 4) >> 8;
    for (unsigned i = 1; i <= 100; i++) {
        run(i * 97);
        cpu_set_intr(vcpu.cpu, true);
    }
    run(10000);
    CHECK_EQ(machine->event, EVENT_NONE);
    CHECK_EQ(vcpu.cpu->gpr[RDX], 100);
    take_apart();
    CHECK(reported("agree"));
}

TEST(what_devices_write_to_memory_reaches_the_second_engine)
{
    /* mov ax, [3000h]; add bx, ax; jmp */
    static const u8 code[] = {0xa1, 0x00, 0x30, 0x01, 0xc3, 0xeb, 0xf9};
    build(code, sizeof(code), NULL);
    for (u16 i = 1; i < 50; i++) {
        run(i * 100);
        memory_write(machine->memory, 0x3000, &i, 2);
    }
    run(6000);
    CHECK_EQ(machine->event, EVENT_NONE);
    take_apart();
    CHECK(reported("agree"));
}

TEST(comparing_begins_and_ends_where_asked)
{
    options.from = 3000;
    options.count = 2000;
    build(counting, sizeof(counting), NULL);
    run(100000);
    CHECK_EQ(machine->event, EVENT_GUEST_EXIT);
    CHECK(cpu_instructions(vcpu.cpu) >= 5000 && cpu_instructions(vcpu.cpu) < 5000 + 64);
    take_apart();
}

TEST(the_first_engine_must_count_and_both_must_exist)
{
    struct error err;
    machine = machine_create(&err);
    char why[200];
    vcpu = (struct vcpu){.machine = machine, .lockstep = &options};
    vcpu.cpu = cpu_create("pentium3", NULL, &machine_cpu_bus, machine, why);
    options.engines = "interp:warp";
    CHECK(lockstep_engine.create(&vcpu, &err) < 0);
    CHECK(strstr(err.text, "wants two engines") != NULL);
    cpu_destroy(vcpu.cpu);
    machine_destroy(machine);
}

UNIT_MAIN()
