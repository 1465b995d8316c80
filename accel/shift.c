/*
 * Changing gear.
 *
 * A detour is as long as it must be and no longer: a single instruction that KVM lacks costs a few others, but where such
 * instructions come thick (x87 code under a KVM that has none) each detour is twice as long as the one before, so that
 * moving the state does not eat the time.
 *
 * An engine for user code only (a software KVM) is put in gear when the guest has stayed in user mode for some
 * instructions: few while that pays, more after each time that it did not.  What did not pay is a debt, and the engine
 * gets no other chance before the interpreter has run thirty times as long: so no guest loses more than some percent.
 */
#include "accel/shift.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "machine/trace.h"

#define LENGTH_MIN 16ull
#define LENGTH_MAX (1ull << 22) /* instructions: some ten milliseconds */
#define SOON 300000ull          /* ns in gear: it hardly paid for the changes */
#define NOT_READY 2000ull       /* instructions until the engine in gear is asked again */
#define LATE 20000000ull

/* Engines for user code only. */
#define QUIET_MIN 16ull
#define QUIET_UNPAID 4096ull      /* instructions in user mode after a stay that did not pay */
#define QUIET_MAX (1ull << 17)    /* less than between two ticks of a guest's clock */
#define QUIET_AT_FIRST (1ull << 16)
/* ns for a stay, and for each exit in it that made pages known.  The calls themselves take less (35000 and 45000); with
 * these, though, short programs are slower, as is the interpreter afterwards; with more, long computations stay out. */
#define STAY_COST 150000ull
#define PAGE_COST 60000ull
#define GAIN 4                    /* times as much time the interpreter would have taken, and more */
#define CREDIT_SHARE 32           /* this part of the interpreter's time may be lost by trying */
#define CREDIT_MAX 5000000ll
#define DEBT_MAX 8000000ll

/* What others did on a busy host is neither gain nor loss. */
static u64 thread_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (u64)now.tv_sec * NS_PER_SEC + (u64)now.tv_nsec;
}

u64 shift_next_length(u64 length, u64 ns)
{
    if (ns < SOON)
        length *= 2;
    else
        length = ns > LATE ? LENGTH_MIN : length / 2;
    return MAX(LENGTH_MIN, MIN(length, LENGTH_MAX));
}

static bool is_lost(struct vcpu *vcpu) { return vcpu->engine->alive && !vcpu->engine->alive(vcpu); }

void shift_store(struct vcpu *vcpu)
{
    vcpu->engine->store(vcpu);
    if (!is_lost(vcpu))
        return;
    snprintf(vcpu->shift.lost, sizeof(vcpu->shift.lost),
             "the host's KVM failed and took the processor's state along (%s: %s); -accel interp does without it",
             vcpu->cannot, strerror(vcpu->code));
    machine_request(vcpu->machine, EVENT_HOST, vcpu->shift.lost);
}

/* Both engines stand still: state from one to the other.  False: it is lost. */
static bool change(struct vcpu *vcpu, const struct engine *to)
{
    u64 before = clock_host_ns();
    shift_store(vcpu);
    if (is_lost(vcpu))
        return false;
    vcpu->engine = to;
    to->load(vcpu);
    u64 ns = clock_host_ns() - before;
    vcpu->shift.changes++;
    vcpu->shift.ns += ns;
    vcpu->shift.ns_max = MAX(vcpu->shift.ns_max, ns);
    return true;
}

/* --- engines for user code only --- */

i64 shift_stay_pays(u64 ns, u64 pages, u64 changes_ns)
{
    u64 lost = STAY_COST + pages * PAGE_COST;
    return (i64)(ns > lost ? (ns - lost) * GAIN : 0) - (i64)(lost + changes_ns);
}

/* It has come back, at `back` in this thread's time, and the interpreter has the state. */
static void judge_stay(struct vcpu *vcpu, u64 back)
{
    struct shift *shift = &vcpu->shift;
    u64 exits = vcpu->exits - shift->exits_at, changes_ns = thread_ns() - back + shift->load_ns;
    i64 paid = shift_stay_pays(back - shift->stay_from, exits ? exits - 1 : 0, changes_ns);
    shift->credit = MAX(-DEBT_MAX, MIN(shift->credit + paid, CREDIT_MAX));
    if (paid > 0)
        shift->length = QUIET_MIN;
    else
        shift->length = MIN(MAX(shift->length * 2, QUIET_UNPAID), QUIET_MAX);
}

static bool in_user64(const struct cpu *cpu)
{
    return cpu->cpl == 3 && (cpu->efer & EFER_LMA) && (cpu->seg[CS].access & SEG_L);
}

/* The interpreter has run: may the other engine go on?  Sets how many instructions later to ask again. */
static bool is_quiet(struct vcpu *vcpu, u64 instructions)
{
    struct shift *shift = &vcpu->shift;
    const struct cpu *cpu = vcpu->cpu;
    u64 now = clock_host_ns();
    shift->credit = MIN(shift->credit + (i64)(MIN(now - shift->judged_at, LATE) / CREDIT_SHARE), CREDIT_MAX);
    shift->judged_at = now;
    bool user = in_user64(cpu);
    shift->quiet = user && cpu->stats.entries == shift->entries ? shift->quiet + instructions : 0;
    shift->entries = cpu->stats.entries;
    u64 rest = shift->length - MIN(shift->quiet, shift->length);
    shift->left = user && rest ? rest : MAX(NOT_READY, shift->length / 4);
    return user && !rest && shift->credit >= 0;
}

/* --- detours --- */

static void show_instruction(struct vcpu *vcpu, char *text, size_t size)
{
    struct cpu *cpu = vcpu->cpu;
    u64 linear = (cpu->efer & EFER_LMA) && (cpu->seg[CS].access & SEG_L) ? cpu->rip : (u32)(cpu->seg[CS].base + cpu->rip);
    int at = snprintf(text, size, "%04x:%llx:", cpu->seg[CS].selector, (unsigned long long)cpu->rip);
    u8 byte;
    for (unsigned i = 0; i < 8 && at > 0 && (size_t)at < size && cpu_read_debug(cpu, linear + i, &byte, 1); i++)
        at += snprintf(text + at, size - (size_t)at, " %02x", byte);
}

/* The one of vcpu->cannot.  False: it was there. */
static bool find_cause(struct shift *shift, const char *text, struct shift_cause **cause)
{
    unsigned i = 0;
    while (i < SHIFT_CAUSES - 1 && shift->causes[i].text && strcmp(shift->causes[i].text, text))
        i++;
    *cause = &shift->causes[i];
    if ((*cause)->text)
        return false;
    (*cause)->text = i < SHIFT_CAUSES - 1 ? text : "other causes";
    return true;
}

/* The first of each cause is told; info accel has the counts. */
static void count_cause(struct vcpu *vcpu)
{
    struct shift *shift = &vcpu->shift;
    const char *text = vcpu->cannot ? vcpu->cannot : "no reason given";
    char instruction[64];
    shift->detour_from = clock_host_ns();
    if (find_cause(shift, text, &shift->cause) && !vcpu->expected) {
        show_instruction(vcpu, instruction, sizeof(instruction));
        error_report("%s cannot go on by itself (%s, at %s); the interpreter helps out (info accel counts)",
                     shift->gear->name, text, instruction);
    }
    shift->cause->count++;
}

static void end_detour(struct shift *shift)
{
    if (shift->cause)
        shift->cause->ns += clock_host_ns() - shift->detour_from;
    shift->cause = NULL;
    shift->left = 0;
}

static int by_count(const void *a, const void *b)
{
    const struct shift_cause *x = *(const struct shift_cause *const *)a, *y = *(const struct shift_cause *const *)b;
    return x->count != y->count ? (x->count > y->count ? -1 : 1) : strcmp(x->text, y->text);
}

void shift_print_causes(const struct shift *shift, exits_printer *print, void *out)
{
    const struct shift_cause *sorted[SHIFT_CAUSES];
    unsigned count = 0;
    while (count < SHIFT_CAUSES && shift->causes[count].text)
        sorted[count] = &shift->causes[count], count++;
    qsort(sorted, count, sizeof(sorted[0]), by_count);
    if (count)
        exits_print_head(print, out, "fallback to the interpreter");
    for (unsigned i = 0; i < count; i++) {
        u64 now = sorted[i] == shift->cause ? clock_host_ns() - shift->detour_from : 0;
        exits_print_row(print, out, sorted[i]->count, sorted[i]->ns + now);
        print(out, "%s (%llu instructions)\n", sorted[i]->text, (unsigned long long)sorted[i]->instructions);
    }
}

static void print_to_trace(void *out, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    text[strcspn(text, "\n")] = 0;
    trace(ACCEL, "  %s", text);
}

void shift_detour(struct vcpu *vcpu)
{
    struct shift *shift = &vcpu->shift;
    u64 back = vcpu->user_only ? thread_ns() : 0;
    if (!vcpu->user_only)
        shift->length = shift_next_length(shift->length, clock_host_ns() - shift->in_gear_at);
    shift->detours++;
    if (!change(vcpu, &interp_engine))
        return;
    if (vcpu->user_only && vcpu->exits == shift->exits_at) /* it never began */
        shift->length = shift->length ? shift->length : shift->automatic ? QUIET_AT_FIRST : QUIET_MIN;
    else if (vcpu->user_only)
        judge_stay(vcpu, back);
    shift->quiet = 0;
    shift->judged_at = clock_host_ns();
    shift->entries = vcpu->cpu->stats.entries;
    shift->left = shift->length;
    count_cause(vcpu);
    trace(ACCEL, "detour of %llu instructions at %04x:%llx: %s", (unsigned long long)shift->left,
          vcpu->cpu->seg[CS].selector, (unsigned long long)vcpu->cpu->rip, vcpu->cannot);
    if (trace_on(ACCEL))
        cpu_print_state(vcpu->cpu, print_to_trace, NULL);
}

void shift_detour_ran(struct vcpu *vcpu, u64 instructions)
{
    struct shift *shift = &vcpu->shift;
    shift->detour_instructions += instructions;
    if (shift->cause)
        shift->cause->instructions += instructions;
    shift->left -= MIN(shift->left, instructions);
    if (vcpu->user_only ? !is_quiet(vcpu, instructions) : shift->left != 0)
        return;
    if (shift->gear->ready && !shift->gear->ready(vcpu)) {
        shift->left = NOT_READY;
        return;
    }
    end_detour(shift);
    u64 before = vcpu->user_only ? thread_ns() : 0;
    change(vcpu, shift->gear);
    shift->stay_from = vcpu->user_only ? thread_ns() : 0;
    shift->load_ns = shift->stay_from - before;
    shift->exits_at = vcpu->exits;
    shift->in_gear_at = clock_host_ns();
}

void shift_give_up(struct vcpu *vcpu)
{
    const struct engine *dead = vcpu->engine;
    shift_store(vcpu);
    if (is_lost(vcpu))
        return;
    vcpu->engine = vcpu->shift.gear = &interp_engine;
    vcpu->failed = true;
    end_detour(&vcpu->shift);
    interp_engine.load(vcpu);
    error_report("%s failed (%s); the interpreter goes on", dead->name, vcpu->cannot);
}

/* --- shifts --- */

/* destroy() takes the lock, which only the machine's start does not hold; there the engine's own reason comes first. */
int shift_create(struct vcpu *vcpu, const struct engine *engine, struct error *err)
{
    bool lacks_tsc = engine->tsc && !vcpu->machine->tsc.host_hz;
    if (lacks_tsc && vcpu->started)
        return error_set(err, ENOTSUP, "%s was not there when the machine started, and cannot go on with its time-stamp "
                                       "counter: start anew", engine->name);
    int r = engine->create(vcpu, err);
    if (r < 0 || !lacks_tsc)
        return r;
    engine->destroy(vcpu);
    return error_set(err, ENOTSUP, "%s does not give its time-stamp counter (KVM_GET_TSC_KHZ, KVM_GET_MSRS)", engine->name);
}

int shift_to(struct vcpu *vcpu, const struct engine *engine, struct error *err)
{
    if (engine != &interp_engine && vcpu->failed)
        return error_set(err, EIO, "%s failed before (%s)", engine->name, vcpu->cannot);
    if (engine != &interp_engine && !vcpu->engine_state) {
        int r = shift_create(vcpu, engine, err);
        if (r < 0)
            return r;
    }
    end_detour(&vcpu->shift);
    vcpu->engine = vcpu->shift.gear = engine;
    vcpu->shift.length = 0;
    vcpu->shift.in_gear_at = clock_host_ns();
    vcpu->shift.exits_at = vcpu->exits;
    vcpu->shift.stay_from = vcpu->shift.load_ns = vcpu->shift.credit = 0;
    vcpu->shift.shifts++;
    return 0;
}

void shift_took(struct shift *shift, u64 shifts, u64 ns)
{
    shift->parked += shifts;
    shift->parked_ns += ns;
    shift->parked_max = MAX(shift->parked_max, ns);
}

/* All that there are: one that is not in gear now may be later, and has slots or decoded code of the old map. */
void shift_map_changed(struct vcpu *vcpu)
{
    vcpu->engine->map_changed(vcpu);
    for (unsigned i = 0; engines[i] && vcpu->engine != &lockstep_engine; i++)
        if (engines[i] != vcpu->engine && (engines[i] == &interp_engine || vcpu->engine_state))
            engines[i]->map_changed(vcpu);
}
