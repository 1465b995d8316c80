/*
 * Local APICs: what stands between the interrupt wires and messages of the board and each CPU.
 *
 * Source: Intel SDM vol. 3A, ch. "Advanced Programmable Interrupt Controller (APIC)"; Intel MultiProcessor
 *         Specification 1.4, "Virtual Wire Mode".
 * Modelled: all registers of a version 14h APIC with six LVT entries; LINT0 and LINT1 in every mode; virtual wire;
 *         priorities, EOI with broadcast, ICR with all delivery modes, destinations and shorthands, lowest priority by
 *         processor priority, ESR, software and global disabling, relocation by IA32_APIC_BASE, messages (MSI) at
 *         FEExxxxx.  The timer is in lapic_timer.c.
 * Differs: LINT0 of CPU 0 leaves reset as an unmasked ExtINT, which the MP specification asks of firmware: the firmware
 *         here comes back from a reset by shutdown code (CMOS 0Fh) without setting it up again.
 *         Wires carry "asserted", so that the polarity bits are stored and change nothing.  All CPUs share one window:
 *         the one that moved it last decides where.
 * Not modelled: x2APIC, CMCI, focus processor checking, remote read, the arbitration of the serial APIC bus.
 */
#include "devices/lapic_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "machine/trace.h"

#define BASE_BSP 0x100u
#define BASE_ENABLE 0x800u
#define BASE_ADDRESS 0xfffffffff000ull
#define VERSION (0x14u | (LVT_COUNT - 1) << 16)
#define SVR_ENABLE 0x100u
#define DFR_FLAT 0xfu /* bits 31-28 */
#define FIRST_VECTOR 16

enum {
    ESR_SEND_ILLEGAL = 0x20,
    ESR_RECEIVE_ILLEGAL = 0x40,
    ESR_ILLEGAL_REGISTER = 0x80,
};

/* Interrupt Command Register. */
#define ICR_WRITABLE 0xccfffu /* without delivery status */
#define ICR_LOGICAL 0x800u
#define ICR_ASSERT 0x4000u
#define ICR_LEVEL 0x8000u
enum { SHORTHAND_NONE, SHORTHAND_SELF, SHORTHAND_ALL, SHORTHAND_OTHERS };

enum {
    REG_ID = 0x020,
    REG_VERSION = 0x030,
    REG_TPR = 0x080,
    REG_APR = 0x090,
    REG_PPR = 0x0a0,
    REG_EOI = 0x0b0,
    REG_RRD = 0x0c0,
    REG_LDR = 0x0d0,
    REG_DFR = 0x0e0,
    REG_SVR = 0x0f0,
    REG_ISR = 0x100,
    REG_TMR = 0x180,
    REG_IRR = 0x200,
    REG_ESR = 0x280,
    REG_ICR_LOW = 0x300,
    REG_ICR_HIGH = 0x310,
    REG_LVT = 0x320, /* in the order of enum lapic_lvt */
    REG_INITIAL_COUNT = 0x380,
    REG_CURRENT_COUNT = 0x390,
    REG_DCR = 0x3e0,
};

static const u32 lvt_writable[LVT_COUNT] = {
    [LVT_TIMER] = LVT_VECTOR | LVT_MASKED | LVT_TIMER_MODE,
    [LVT_THERMAL] = LVT_VECTOR | 0x700 | LVT_MASKED,
    [LVT_PERFMON] = LVT_VECTOR | 0x700 | LVT_MASKED,
    [LVT_LINT0] = LVT_VECTOR | 0x700 | 0x2000 | LVT_LEVEL | LVT_MASKED,
    [LVT_LINT1] = LVT_VECTOR | 0x700 | 0x2000 | LVT_LEVEL | LVT_MASKED,
    [LVT_ERROR] = LVT_VECTOR | LVT_MASKED,
};

/* --- vectors and priorities --- */

static bool test_bit(const u32 set[8], u8 vector)
{
    return set[vector >> 5] >> (vector & 31) & 1;
}

static void set_bit(u32 set[8], u8 vector, bool on)
{
    u32 bit = 1u << (vector & 31);
    set[vector >> 5] = on ? set[vector >> 5] | bit : set[vector >> 5] & ~bit;
}

/* The highest vector in the set, or -1. */
static int highest(const u32 set[8])
{
    for (int i = 7; i >= 0; i--)
        if (set[i])
            return i * 32 + 31 - __builtin_clz(set[i]);
    return -1;
}

static u8 class_of(int vector)
{
    return vector < 0 ? 0 : vector >> 4;
}

/* "Task and Processor Priorities" */
static u8 ppr(const struct lapic *apic)
{
    u8 service = class_of(highest(apic->isr));
    return apic->tpr >> 4 >= service ? apic->tpr : service << 4;
}

/* "Arbitration Priority Register" of the P6 family. */
static u8 apr(const struct lapic *apic)
{
    u8 request = class_of(highest(apic->irr)), service = class_of(highest(apic->isr)), task = apic->tpr >> 4;
    if (task >= request && task > service)
        return apic->tpr;
    return MAX(MAX(task, service), request) << 4;
}

static bool is_enabled(const struct lapic *apic)
{
    return apic->base & BASE_ENABLE;
}
static bool is_software_enabled(const struct lapic *apic)
{
    return is_enabled(apic) && apic->svr & SVR_ENABLE;
}

/* The vector that the CPU would get now, or -1. */
static int deliverable(const struct lapic *apic)
{
    int vector = highest(apic->irr);
    return is_enabled(apic) && class_of(vector) > ppr(apic) >> 4 ? vector : -1;
}

/* "If the APIC is disabled globally, LINT0 and LINT1 are the pins INTR and NMI." */
static bool extint_pending(const struct lapic *apic)
{
    if (!is_enabled(apic))
        return apic->lint_levels & 1;
    for (int pin = 0; pin < 2; pin++) {
        u32 lvt = apic->lvt[LVT_LINT0 + pin];
        if (apic->lint_levels >> pin & 1 && !(lvt & LVT_MASKED) && LVT_MODE(lvt) == APIC_EXTINT)
            return true;
    }
    return apic->extint;
}

/* Drive INTR from the state. */
static void update(struct lapic *apic)
{
    bool intr = deliverable(apic) >= 0 || extint_pending(apic);
    if (intr == apic->intr)
        return;
    apic->intr = intr;
    machine_drive_cpu(apic->bus->machine, apic->cpu, CPU_PIN_INTR, intr);
}

/* --- requests --- */

static bool request(struct lapic *apic, u8 vector, bool level);

/* "Error Handling": the error is latched, and told by the LVT's error entry. */
static void note_error(struct lapic *apic, u32 error)
{
    u32 lvt = apic->lvt[LVT_ERROR];
    apic->errors |= error;
    trace(GUEST, "lapic%d: error %02x", apic->cpu, error);
    if (!(lvt & LVT_MASKED) && (lvt & LVT_VECTOR) >= FIRST_VECTOR)
        request(apic, lvt & LVT_VECTOR, false);
}

static bool request(struct lapic *apic, u8 vector, bool level)
{
    if (!is_software_enabled(apic))
        return false;
    if (vector < FIRST_VECTOR) {
        note_error(apic, ESR_RECEIVE_ILLEGAL);
        return false;
    }
    set_bit(apic->irr, vector, true);
    set_bit(apic->tmr, vector, level);
    update(apic);
    return true;
}

static void reset_registers(struct lapic *apic);

static bool deliver(struct lapic *apic, u8 mode, u8 vector, bool level)
{
    struct machine *machine = apic->bus->machine;
    if (!is_enabled(apic))
        return false;
    trace(APIC, "lapic%d: mode %d vector %02x %s", apic->cpu, mode, vector, level ? "level" : "edge");
    switch (mode) {
    case APIC_FIXED:
    case APIC_LOWEST: return request(apic, vector, level);
    case APIC_SMI: machine_drive_cpu(machine, apic->cpu, CPU_PIN_SMI, 0); return true;
    case APIC_NMI: machine_drive_cpu(machine, apic->cpu, CPU_PIN_NMI, 0); return true;
    case APIC_INIT:
        reset_registers(apic);
        update(apic);
        machine_drive_cpu(machine, apic->cpu, CPU_PIN_INIT, 0);
        return true;
    case APIC_STARTUP: machine_drive_cpu(machine, apic->cpu, CPU_PIN_STARTUP, vector); return true;
    case APIC_EXTINT:
        apic->extint = true;
        update(apic);
        return true;
    default: trace(GUEST, "lapic%d: delivery mode %d is reserved", apic->cpu, mode); return false;
    }
}

void lapic_raise_local(struct lapic *apic, enum lapic_lvt entry)
{
    u32 lvt = apic->lvt[entry];
    if (!(lvt & LVT_MASKED))
        request(apic, lvt & LVT_VECTOR, false);
}

/* --- LINT0, LINT1 --- */

static bool is_level_lint(u32 lvt)
{
    return LVT_MODE(lvt) == APIC_FIXED && lvt & LVT_LEVEL;
}

/* A level-triggered pin asks again until it is released; remote IRR holds it while it is in service. */
static void sample_level(struct lapic *apic, int pin)
{
    u32 *lvt = &apic->lvt[LVT_LINT0 + pin];
    if (!(apic->lint_levels >> pin & 1) || *lvt & (LVT_MASKED | LVT_REMOTE_IRR) || !is_level_lint(*lvt))
        return;
    if (request(apic, *lvt & LVT_VECTOR, true))
        *lvt |= LVT_REMOTE_IRR;
}

static void lint_rose(struct lapic *apic, int pin)
{
    u32 lvt = apic->lvt[LVT_LINT0 + pin];
    if (!is_enabled(apic)) {
        if (pin == 1)
            machine_drive_cpu(apic->bus->machine, apic->cpu, CPU_PIN_NMI, 0);
    } else if (is_level_lint(lvt)) {
        sample_level(apic, pin);
    } else if (!(lvt & LVT_MASKED) && LVT_MODE(lvt) != APIC_EXTINT) {
        deliver(apic, LVT_MODE(lvt), lvt & LVT_VECTOR, false);
    }
}

static void set_lint(struct lapic *apic, int pin, bool level)
{
    u8 bit = 1u << pin;
    bool rose = level && !(apic->lint_levels & bit);
    apic->lint_levels = level ? apic->lint_levels | bit : apic->lint_levels & ~bit;
    if (rose)
        lint_rose(apic, pin);
    update(apic);
}

static void set_lint_wire(void *opaque, int pin, bool level)
{
    set_lint(opaque, pin & 1, level);
}

struct irq lapic_lint(struct lapics *apics, int cpu, int pin)
{
    assert(cpu >= 0 && cpu < apics->count);
    return (struct irq){set_lint_wire, &apics->lapic[cpu], pin};
}

static void set_all_lints(void *opaque, int pin, bool level)
{
    struct lapics *apics = opaque;
    for (int i = 0; i < apics->count; i++)
        set_lint(&apics->lapic[i], pin & 1, level);
}

struct irq lapics_intr(struct lapics *apics)
{
    return (struct irq){set_all_lints, apics, 0};
}

struct irq lapics_nmi(struct lapics *apics)
{
    return (struct irq){set_all_lints, apics, 1};
}

/* --- messages --- */

/* "Logical Destination Mode": flat, or a cluster in bits 7-4 and members in bits 3-0. */
static bool matches_logical(const struct lapic *apic, u8 destination)
{
    u8 logical = apic->ldr >> 24;
    if (apic->dfr >> 28 == DFR_FLAT)
        return destination & logical;
    bool cluster = destination >> 4 == logical >> 4 || destination >> 4 == 0xf;
    return cluster && destination & logical & 0xf;
}

static u32 find_targets(const struct lapics *apics, u8 destination, bool logical)
{
    u32 targets = 0;
    for (int i = 0; i < apics->count; i++) {
        const struct lapic *apic = &apics->lapic[i];
        bool match = logical ? matches_logical(apic, destination) : apic->id >> 24 == destination;
        if (is_enabled(apic) && (match || destination == 0xff))
            targets |= 1u << i;
    }
    return targets;
}

/* "Lowest Priority Delivery Mode": of those that take interrupts, the one with the lowest processor priority. */
static u32 find_lowest(const struct lapics *apics, u32 targets)
{
    int best = -1;
    for (int i = 0; i < apics->count; i++) {
        const struct lapic *apic = &apics->lapic[i];
        if (targets >> i & 1 && is_software_enabled(apic) && (best < 0 || ppr(apic) < ppr(&apics->lapic[best])))
            best = i;
    }
    return best < 0 ? 0 : 1u << best;
}

static bool send(struct lapics *apics, u32 targets, u8 mode, u8 vector, bool level)
{
    bool taken = false;
    if (mode == APIC_LOWEST)
        targets = find_lowest(apics, targets);
    for (int i = 0; i < apics->count; i++)
        if (targets >> i & 1)
            taken |= deliver(&apics->lapic[i], mode, vector, level);
    return taken;
}

bool lapics_send(struct lapics *apics, const struct apic_message *m)
{
    return send(apics, find_targets(apics, m->destination, m->logical), m->mode & 7, m->vector, m->level);
}

static u32 icr_targets(const struct lapic *apic)
{
    u32 all = (1u << apic->bus->count) - 1, self = 1u << apic->cpu;
    switch (apic->icr_low >> 18 & 3) {
    case SHORTHAND_SELF: return self;
    case SHORTHAND_ALL: return all;
    case SHORTHAND_OTHERS: return all & ~self;
    default: return find_targets(apic->bus, apic->icr_high >> 24, apic->icr_low & ICR_LOGICAL);
    }
}

/* A write to the low half sends.  "Valid combinations": level-triggered fixed IPIs are sent as edges. */
static void send_ipi(struct lapic *apic)
{
    u32 icr = apic->icr_low;
    u8 mode = icr >> 8 & 7, vector = icr & 0xff;
    if (mode == APIC_INIT && icr & ICR_LEVEL && !(icr & ICR_ASSERT))
        return; /* INIT level de-assert sets arbitration IDs only */
    if (mode == APIC_EXTINT || mode == 3 || ((icr >> 18 & 3) == SHORTHAND_SELF && mode != APIC_FIXED)) {
        trace(GUEST, "lapic%d: ICR %08x is no valid combination", apic->cpu, icr);
        return;
    }
    if (mode <= APIC_LOWEST && vector < FIRST_VECTOR) {
        note_error(apic, ESR_SEND_ILLEGAL);
        return;
    }
    send(apic->bus, icr_targets(apic), mode, vector, false);
}

/* "Message Signalled Interrupts": destination, RH and DM in the address; the rest in the data. */
static void message_signalled(struct lapics *apics, u64 offset, u32 data)
{
    struct apic_message message = {
        .destination = offset >> 12,
        .logical = offset & 4,
        .mode = data >> 8 & 7,
        .vector = data,
        .level = data & ICR_LEVEL,
    };
    if (message.level && !(data & ICR_ASSERT))
        return;
    if (offset & 8 && message.mode == APIC_FIXED) /* redirection hint: any one of them */
        message.mode = APIC_LOWEST;
    lapics_send(apics, &message);
}

/* --- registers --- */

static void end_of_interrupt(struct lapic *apic)
{
    int vector = highest(apic->isr);
    if (vector < 0)
        return;
    set_bit(apic->isr, vector, false);
    for (int pin = 0; pin < 2; pin++) {
        u32 *lvt = &apic->lvt[LVT_LINT0 + pin];
        if (*lvt & LVT_REMOTE_IRR && (*lvt & LVT_VECTOR) == (u32)vector) {
            *lvt &= ~LVT_REMOTE_IRR;
            sample_level(apic, pin);
        }
    }
    if (test_bit(apic->tmr, vector) && apic->bus->eoi)
        apic->bus->eoi(apic->bus->eoi_opaque, vector);
    update(apic);
}

/* "Local APIC State After It Has Been Software Disabled": mask bits are set and stay so. */
static void write_lvt(struct lapic *apic, enum lapic_lvt entry, u32 value)
{
    value &= lvt_writable[entry];
    if (!(apic->svr & SVR_ENABLE))
        value |= LVT_MASKED;
    if (entry == LVT_TIMER) {
        lapic_timer_write_lvt(apic, value);
        return;
    }
    if (is_level_lint(value))
        value |= apic->lvt[entry] & LVT_REMOTE_IRR;
    apic->lvt[entry] = value;
    if (entry == LVT_LINT0 || entry == LVT_LINT1)
        sample_level(apic, entry - LVT_LINT0);
    update(apic);
}

static void write_svr(struct lapic *apic, u32 value)
{
    apic->svr = value & 0x3ff;
    if (!(value & SVR_ENABLE))
        for (int i = 0; i < LVT_COUNT; i++)
            write_lvt(apic, i, apic->lvt[i]);
    update(apic);
}

static void write_register(struct lapic *apic, unsigned reg, u32 value)
{
    switch (reg) {
    case REG_ID: apic->id = value & 0xff000000; break;
    case REG_TPR:
        apic->tpr = value;
        update(apic);
        break;
    case REG_EOI: end_of_interrupt(apic); break;
    case REG_LDR: apic->ldr = value & 0xff000000; break;
    case REG_DFR: apic->dfr = value | 0x0fffffff; break;
    case REG_SVR: write_svr(apic, value); break;
    case REG_ESR: /* "A write (of any value) updates the register and clears the errors noted before" */
        apic->esr = apic->errors;
        apic->errors = 0;
        break;
    case REG_ICR_LOW:
        apic->icr_low = value & ICR_WRITABLE;
        send_ipi(apic);
        break;
    case REG_ICR_HIGH: apic->icr_high = value & 0xff000000; break;
    case REG_INITIAL_COUNT: lapic_timer_write_count(apic, value); break;
    case REG_DCR: lapic_timer_write_divider(apic, value); break;
    case REG_VERSION:
    case REG_APR:
    case REG_PPR:
    case REG_RRD:
    case REG_CURRENT_COUNT: break; /* read only */
    default:
        if (reg >= REG_LVT && reg < REG_LVT + 16 * LVT_COUNT)
            write_lvt(apic, (reg - REG_LVT) >> 4, value);
        else if (reg < REG_ISR || reg >= REG_ESR)
            note_error(apic, ESR_ILLEGAL_REGISTER);
    }
}

/* ISR, TMR and IRR: 8 registers each. */
static u32 read_vectors(const struct lapic *apic, unsigned reg)
{
    unsigned i = reg >> 4 & 7;
    return reg < REG_TMR ? apic->isr[i] : reg < REG_IRR ? apic->tmr[i] : apic->irr[i];
}

static u32 read_register(struct lapic *apic, unsigned reg)
{
    if (reg >= REG_ISR && reg < REG_ESR)
        return read_vectors(apic, reg);
    if (reg >= REG_LVT && reg < REG_LVT + 16 * LVT_COUNT)
        return apic->lvt[(reg - REG_LVT) >> 4];
    switch (reg) {
    case REG_ID: return apic->id;
    case REG_VERSION: return VERSION;
    case REG_TPR: return apic->tpr;
    case REG_APR: return apr(apic);
    case REG_PPR: return ppr(apic);
    case REG_EOI:
    case REG_RRD: return 0;
    case REG_LDR: return apic->ldr;
    case REG_DFR: return apic->dfr;
    case REG_SVR: return apic->svr;
    case REG_ESR: return apic->esr;
    case REG_ICR_LOW: return apic->icr_low;
    case REG_ICR_HIGH: return apic->icr_high;
    case REG_INITIAL_COUNT: return apic->initial_count;
    case REG_CURRENT_COUNT: return lapic_timer_count(apic);
    case REG_DCR: return apic->dcr;
    default: note_error(apic, ESR_ILLEGAL_REGISTER); return 0;
    }
}

/* The APIC of the CPU whose access is being served; NULL: it has none that answers, or it is no CPU's. */
static struct lapic *accessed(struct lapics *apics)
{
    int cpu = apics->machine->current_cpu;
    return cpu >= 0 && cpu < apics->count && is_enabled(&apics->lapic[cpu]) ? &apics->lapic[cpu] : NULL;
}

/* Who is no CPU (the monitor) sees CPU 0's registers. */
static u64 read_window(void *opaque, u64 offset, unsigned size)
{
    struct lapics *apics = opaque;
    struct lapic *apic = apics->machine->current_cpu < 0 ? &apics->lapic[0] : accessed(apics);
    if (!apic)
        return UINT64_MAX;
    u32 value = offset & 0xf ? 0 : read_register(apic, offset & 0xff0);
    trace(APIC, "lapic%d: read %03x = %08x", apic->cpu, (unsigned)offset, value);
    return value;
}

static void write_window(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct lapics *apics = opaque;
    struct lapic *apic = accessed(apics);
    u64 at = apics->window.base + offset;
    if (apic) {
        trace(APIC, "lapic%d: write %03x = %08x", apic->cpu, (unsigned)offset, (u32)value);
        if (!(offset & 0xf))
            write_register(apic, offset & 0xff0, value);
    } else if (at - LAPIC_BASE < MSI_WINDOW) {
        message_signalled(apics, at - LAPIC_BASE, value);
    }
}

static u64 read_msi(void *opaque, u64 offset, unsigned size)
{
    return UINT64_MAX;
}

static void write_msi(void *opaque, u64 offset, u64 value, unsigned size)
{
    message_signalled(opaque, offset, value);
}

static const struct bus_ops window_ops = {.read = read_window, .write = write_window, .min_size = 4, .max_size = 4};
static const struct bus_ops msi_ops = {.read = read_msi, .write = write_msi, .min_size = 4, .max_size = 4};

/* --- the CPU's side --- */

static struct lapic *lapic_of(void *opaque, int cpu)
{
    struct lapics *apics = opaque;
    assert(cpu >= 0 && cpu < apics->count);
    return &apics->lapic[cpu];
}

/* INTA: a vector of our own, or the 8259's in virtual wire mode; -1 if the request has gone. */
static int acknowledge(void *opaque, int cpu)
{
    struct lapic *apic = lapic_of(opaque, cpu);
    struct machine *machine = apic->bus->machine;
    int vector = deliverable(apic);
    if (vector >= 0) {
        set_bit(apic->irr, vector, false);
        set_bit(apic->isr, vector, true);
    } else if (extint_pending(apic) && machine->acknowledge) {
        apic->extint = false;
        vector = machine->acknowledge(machine->acknowledge_opaque);
    }
    update(apic);
    return vector;
}

static void place_window(struct lapics *apics, u64 base)
{
    bool any = false;
    for (int i = 0; i < apics->count; i++)
        any |= is_enabled(&apics->lapic[i]);
    memory_begin(apics->machine->memory);
    memory_move(apics->machine->memory, &apics->window, base & BASE_ADDRESS);
    memory_enable(apics->machine->memory, &apics->window, any);
    memory_commit(apics->machine->memory);
}

/* "Local APIC Status and Location": a disabled APIC may lose its state; this one does. */
static void set_base(void *opaque, int cpu, u64 base)
{
    struct lapic *apic = lapic_of(opaque, cpu);
    trace(APIC, "lapic%d: base %llx", cpu, (unsigned long long)base);
    apic->base = base;
    if (!is_enabled(apic))
        reset_registers(apic);
    place_window(apic->bus, base);
    update(apic);
}

static u8 get_tpr(void *opaque, int cpu)
{
    return lapic_of(opaque, cpu)->tpr;
}

static void set_tpr(void *opaque, int cpu, u8 tpr)
{
    struct lapic *apic = lapic_of(opaque, cpu);
    apic->tpr = tpr;
    update(apic);
}

static u64 get_deadline(void *opaque, int cpu)
{
    return lapic_timer_deadline(lapic_of(opaque, cpu));
}

static void set_deadline(void *opaque, int cpu, u64 ns)
{
    lapic_timer_set_deadline(lapic_of(opaque, cpu), ns);
}

static const struct machine_apic cpu_side = {
    .acknowledge = acknowledge,
    .set_base = set_base,
    .tpr = get_tpr,
    .set_tpr = set_tpr,
    .deadline = get_deadline,
    .set_deadline = set_deadline,
};

/* --- state --- */

/* "Local APIC State After Power-Up or Reset"; INIT leaves the ID as it is, and APIC_BASE. */
static void reset_registers(struct lapic *apic)
{
    memset(apic->irr, 0, sizeof(apic->irr));
    memset(apic->isr, 0, sizeof(apic->isr));
    memset(apic->tmr, 0, sizeof(apic->tmr));
    apic->ldr = apic->esr = apic->errors = apic->icr_low = apic->icr_high = 0;
    apic->dfr = 0xffffffff;
    apic->svr = 0xff;
    apic->tpr = 0;
    apic->extint = false;
    for (int i = 0; i < LVT_COUNT; i++)
        apic->lvt[i] = LVT_MASKED;
    if (apic->cpu == 0)
        apic->lvt[LVT_LINT0] = APIC_EXTINT << 8;
    lapic_timer_reset(apic);
}

static void reset(void *state)
{
    struct lapic *apic = state;
    apic->base = LAPIC_BASE | BASE_ENABLE | (apic->cpu == 0 ? BASE_BSP : 0);
    apic->id = (u32)apic->cpu << 24;
    reset_registers(apic);
    place_window(apic->bus, apic->base);
    update(apic);
}

static void loaded(void *state)
{
    struct lapic *apic = state;
    place_window(apic->bus, apic->base);
    machine_drive_cpu(apic->bus->machine, apic->cpu, CPU_PIN_INTR, apic->intr);
}

static int check(const void *state)
{
    const struct lapic *apic = state;
    return apic->lint_levels > 3 || apic->dcr & ~0xbu || (apic->counting && !apic->initial_count) ? -EINVAL : 0;
}

static void print_vectors(const char *name, const u32 set[8], void (*print)(void *out, const char *fmt, ...), void *out)
{
    print(out, "  %s", name);
    for (int i = 0; i < 256; i++)
        if (test_bit(set, i))
            print(out, " %02x", i);
    print(out, "\n");
}

static void print_lvt(const struct lapic *apic, int entry, void (*print)(void *out, const char *fmt, ...), void *out)
{
    static const char *const names[LVT_COUNT] = {"timer", "thermal", "perfmon", "lint0", "lint1", "error"};
    static const char *const modes[8] = {"fixed", "lowest", "SMI", "?", "NMI", "INIT", "?", "ExtINT"};
    static const char *const timer_modes[4] = {"one-shot", "periodic", "TSC-deadline", "?"};
    u32 lvt = apic->lvt[entry];
    print(out, "  %-8s %08x %s%s%s vector %02x\n", names[entry], lvt,
          entry == LVT_TIMER ? timer_modes[lvt >> 17 & 3] : modes[LVT_MODE(lvt)], lvt & LVT_LEVEL ? " level" : "",
          lvt & LVT_MASKED ? " masked" : "", lvt & LVT_VECTOR);
}

static void info(const void *state, void (*print)(void *out, const char *fmt, ...), void *out)
{
    const struct lapic *apic = state;
    print(out, "  base %09llx%s id %02x svr %03x%s ldr %02x dfr %x esr %02x icr %08x%08x\n",
          (unsigned long long)(apic->base & BASE_ADDRESS), is_enabled(apic) ? "" : " disabled", apic->id >> 24,
          apic->svr, apic->svr & SVR_ENABLE ? "" : " disabled", apic->ldr >> 24, apic->dfr >> 28, apic->esr,
          apic->icr_high, apic->icr_low);
    print(out, "  tpr %02x ppr %02x%s\n", apic->tpr, ppr(apic), apic->intr ? " INTR" : "");
    for (int i = 0; i < LVT_COUNT; i++)
        print_lvt(apic, i, print, out);
    print(out, "  timer    initial %08x divider %x%s\n", apic->initial_count, apic->dcr,
          timer_armed(&apic->timer) ? " armed" : "");
    print_vectors("irr", apic->irr, print, out);
    print_vectors("isr", apic->isr, print, out);
}

static const struct field fields[] = {
    FIELD(U64, struct lapic, base),
    FIELD(U32, struct lapic, id),
    FIELD(U32, struct lapic, ldr),
    FIELD(U32, struct lapic, dfr),
    FIELD(U32, struct lapic, svr),
    FIELD(U32, struct lapic, esr),
    FIELD(U32, struct lapic, icr_low),
    FIELD(U32, struct lapic, icr_high),
    FIELD(U32, struct lapic, errors),
    FIELD_ARRAY(U32, struct lapic, lvt),
    FIELD_ARRAY(U32, struct lapic, irr),
    FIELD_ARRAY(U32, struct lapic, isr),
    FIELD_ARRAY(U32, struct lapic, tmr),
    FIELD(U8, struct lapic, tpr),
    FIELD(U8, struct lapic, lint_levels),
    FIELD(BOOL, struct lapic, extint),
    FIELD(U32, struct lapic, dcr),
    FIELD(U32, struct lapic, initial_count),
    FIELD(BOOL, struct lapic, counting),
    FIELD(U64, struct lapic, zero_at),
    FIELD(U64, struct lapic, deadline),
    FIELD(BOOL, struct lapic, intr),
    FIELD(TIMER, struct lapic, timer),
    FIELD_END,
};

const struct device_ops lapic_ops = {
    .name = "lapic",
    .version = 1,
    .fields = fields,
    .reset = reset,
    .loaded = loaded,
    .check = check,
    .info = info,
};

static void add_window(struct lapics *apics, struct region *region, const char *name, u64 size, int priority,
                       const struct bus_ops *ops)
{
    *region = (struct region){
        .name = name,
        .kind = REGION_MMIO,
        .base = LAPIC_BASE,
        .size = size,
        .priority = priority,
        .enabled = true,
        .ops = ops,
        .opaque = apics,
    };
    memory_add(apics->machine->memory, region);
}

void lapics_init(struct lapics *apics, struct machine *machine, int count)
{
    assert(count > 0 && count <= MAX_CPUS);
    *apics = (struct lapics){.count = count, .machine = machine};
    for (int i = 0; i < count; i++) {
        char id[16];
        struct lapic *apic = &apics->lapic[i];
        apic->cpu = i;
        apic->bus = apics;
        lapic_timer_init(apic);
        snprintf(id, sizeof(id), "lapic%u", (unsigned)i % 100);
        device_add(&machine->devices, &apic->device, &lapic_ops, apic, id);
    }
    add_window(apics, &apics->msi, "msi", MSI_WINDOW, 1, &msi_ops);
    add_window(apics, &apics->window, "lapic", 0x1000, 2, &window_ops);
    for (int i = 0; i < count; i++)
        reset(&apics->lapic[i]);
    machine->apic = &cpu_side;
    machine->apic_opaque = apics;
}

void lapics_on_eoi(struct lapics *apics, void (*eoi)(void *opaque, u8 vector), void *opaque)
{
    apics->eoi = eoi;
    apics->eoi_opaque = opaque;
}
