/*
 * The processor's door to the board: where a page of RAM is, registers, ports, INTA, TSC, FERR#.
 *
 * Looking up a page takes no lock, because the map stands still while a CPU is inside guest code (memory.h); whatever
 * calls a chip does.
 */
#include "machine/cpubus.h"

#include "cpu/cpu.h"
#include "machine/machine.h"
#include "machine/trace.h"

#define PAGE 0x1000u

_Static_assert(CPU_PAGE_CODE == PAGE_CODE, "an engine's code bit is the map's");
_Static_assert((CPU_PAGE_DIRTY & (PAGE_DIRTY_VGA | PAGE_DIRTY_SAVE)) == (PAGE_DIRTY_VGA | PAGE_DIRTY_SAVE),
               "an engine's dirty bits hold all of the map's");

static bool whole_page(const struct range *range, u64 phys)
{
    return range && phys >= range->start && range->end - phys >= PAGE && range->region->kind != REGION_MMIO &&
           range->region->host;
}

/* ROM without flags of its own: what an engine notes there is never looked at, since no store reaches it. */
static u8 no_flags;

static void page(void *board, u64 phys, struct cpu_page *page)
{
    struct machine *machine = board;
    phys &= ~(u64)(PAGE - 1);
    const struct range *range = memory_find(machine->memory, phys);
    *page = (struct cpu_page){0};
    if (!whole_page(range, phys))
        return;
    const struct region *region = range->region;
    u64 offset = phys - range->start + range->offset;
    page->host = region->host + offset;
    page->flags = region->page_flags ? &region->page_flags[offset / PAGE] : &no_flags;
    page->writable = region->kind == REGION_RAM && region->page_flags;
    page->log_dirty = region->log_dirty;
}

static u64 read(void *board, u64 phys, unsigned size)
{
    struct machine *machine = board;
    machine_lock(machine);
    machine->current_cpu = 0;
    u64 value = memory_load(machine->memory, phys, size);
    machine->current_cpu = -1;
    machine_unlock(machine);
    return value;
}

static void write(void *board, u64 phys, u64 value, unsigned size)
{
    struct machine *machine = board;
    machine_lock(machine);
    machine->current_cpu = 0;
    memory_store(machine->memory, phys, value, size);
    machine->current_cpu = -1;
    machine_unlock(machine);
}

static u32 in(void *board, u16 port, unsigned size)
{
    struct machine *machine = board;
    machine_lock(machine);
    u32 value = ioports_read(machine->ports, port, size);
    machine_unlock(machine);
    return value;
}

static void out(void *board, u16 port, u32 value, unsigned size)
{
    struct machine *machine = board;
    machine_lock(machine);
    ioports_write(machine->ports, port, value, size);
    machine_unlock(machine);
}

static void in_block(void *board, u16 port, unsigned size, void *data, unsigned count)
{
    struct machine *machine = board;
    machine_lock(machine);
    ioports_read_block(machine->ports, port, size, data, count);
    machine_unlock(machine);
}

static void out_block(void *board, u16 port, unsigned size, const void *data, unsigned count)
{
    struct machine *machine = board;
    machine_lock(machine);
    ioports_write_block(machine->ports, port, size, data, count);
    machine_unlock(machine);
}

/* Nobody drives the bus without a PIC: all ones. */
static int take_vector(struct machine *machine)
{
    if (machine->apic)
        return machine->apic->acknowledge(machine->apic_opaque, 0);
    return machine->acknowledge ? machine->acknowledge(machine->acknowledge_opaque) & 0xff : 0xff;
}

static int acknowledge(void *board)
{
    struct machine *machine = board;
    machine_lock(machine);
    int vector = take_vector(machine);
    machine_unlock(machine);
    trace(INT, "INTA gives vector %02x", vector);
    return vector;
}

u64 cpubus_host_tsc(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    return 0;
#endif
}

void cpubus_stop_tsc(struct machine *machine, bool stop)
{
    struct machine_tsc *tsc = &machine->tsc;
    if (!tsc->host_hz || tsc->fixed || stop == (tsc->stopped_at != 0))
        return;
    u64 now = cpubus_host_tsc();
    if (!stop)
        tsc->late += now - tsc->stopped_at;
    tsc->stopped_at = stop ? now : 0;
}

static u64 tsc(void *board)
{
    struct machine *machine = board;
    if (machine->tsc.host_hz)
        return (machine->tsc.stopped_at ? machine->tsc.stopped_at : cpubus_host_tsc()) - machine->tsc.late;
    return clock_ns(machine->clock) * (CPUBUS_TSC_HZ / NS_PER_SEC);
}

static u64 scale(u64 value, u64 by, u64 of) { return (u64)((unsigned __int128)value * by / of); }

/* When virtual time is `ns` the counter will be (or was) so many ticks, and back. */
static u64 tsc_at(struct machine *machine, u64 ns)
{
    u64 hz = machine->tsc.host_hz, now = clock_ns(machine->clock);
    if (!hz || !ns)
        return ns * (CPUBUS_TSC_HZ / NS_PER_SEC);
    return ns >= now ? tsc(machine) + scale(ns - now, hz, NS_PER_SEC) : tsc(machine) - scale(now - ns, hz, NS_PER_SEC);
}

static u64 ns_at(struct machine *machine, u64 ticks)
{
    u64 hz = machine->tsc.host_hz, now = tsc(machine);
    if (!hz || !ticks)
        return ticks / (CPUBUS_TSC_HZ / NS_PER_SEC);
    return ticks <= now ? 1 : clock_ns(machine->clock) + scale(ticks - now, NS_PER_SEC, hz) + 1;
}

static u64 apic_read(void *board, enum cpu_apic reg)
{
    struct machine *machine = board;
    const struct machine_apic *apic = machine->apic;
    u64 value = 0;
    if (!apic)
        return 0;
    machine_lock(machine);
    if (reg == CPU_APIC_TPR)
        value = apic->tpr(machine->apic_opaque, 0);
    else if (reg == CPU_APIC_DEADLINE)
        value = tsc_at(machine, apic->deadline(machine->apic_opaque, 0));
    machine_unlock(machine);
    return value;
}

static void apic_write(void *board, enum cpu_apic reg, u64 value)
{
    struct machine *machine = board;
    const struct machine_apic *apic = machine->apic;
    if (!apic)
        return;
    machine_lock(machine);
    switch (reg) {
    case CPU_APIC_BASE: apic->set_base(machine->apic_opaque, 0, value); break;
    case CPU_APIC_TPR: apic->set_tpr(machine->apic_opaque, 0, value); break;
    case CPU_APIC_DEADLINE:
        apic->set_deadline(machine->apic_opaque, 0, ns_at(machine, value));
        break;
    }
    machine_unlock(machine);
}

static int signal(void *board, enum cpu_signal signal, int value)
{
    struct machine *machine = board;
    int answer = 0;
    machine_lock(machine);
    switch (signal) {
    case CPU_SIGNAL_TRIPLE_FAULT:
        machine_request(machine, EVENT_TRIPLE_FAULT, "triple fault");
        break;
    case CPU_SIGNAL_FERR:
        irq_set(&machine->ferr, value);
        break;
    case CPU_SIGNAL_IGNNE_QUERY:
        answer = machine->ignne;
        break;
    }
    machine_unlock(machine);
    return answer;
}

/* The writer hears of it as well, which does no harm: its own copy is gone already. */
static void code_written(void *board, u64 phys, unsigned length)
{
    struct machine *machine = board;
    if (machine->cpu_count < 2)
        return;
    machine_lock(machine);
    for (int i = 0; i < machine->cpu_count; i++)
        cpu_code_written(machine->cpus[i], phys, length);
    machine_unlock(machine);
}

const struct cpu_bus machine_cpu_bus = {
    .page = page,
    .read = read,
    .write = write,
    .in = in,
    .out = out,
    .in_block = in_block,
    .out_block = out_block,
    .acknowledge = acknowledge,
    .tsc = tsc,
    .signal = signal,
    .code_written = code_written,
    .apic_read = apic_read,
    .apic_write = apic_write,
};

/* Tracing. */

static const enum trace_category categories[CPU_TRACE_COUNT] = {
    [CPU_TRACE_INT] = TRACE_INT,     [CPU_TRACE_CPU] = TRACE_CPU,     [CPU_TRACE_IN_ASM] = TRACE_IN_ASM,
    [CPU_TRACE_RESET] = TRACE_RESET, [CPU_TRACE_MMU] = TRACE_MMU,     [CPU_TRACE_TASK] = TRACE_TASK,
    [CPU_TRACE_SMC] = TRACE_SMC,     [CPU_TRACE_UNIMP] = TRACE_UNIMP, [CPU_TRACE_GUEST] = TRACE_GUEST,
};

static void print(enum cpu_trace category, const char *text)
{
    trace_line(categories[category], "%s", text);
}

static void follow_mask(void)
{
    u32 mask = 0;
    for (int i = 0; i < CPU_TRACE_COUNT; i++)
        if (trace_mask & (1ull << categories[i]))
            mask |= 1u << i;
    cpu_trace_mask = mask;
}

void cpubus_connect_trace(void)
{
    cpu_trace_print = print;
    trace_on_select(follow_mask);
}
