/*
 * The thread that drives a CPU: timers, events, idling, and stopping; the engine does the rest.
 *
 * The machine lock is held here except inside the engine and while waiting.  In real time the guest runs in slices that
 * end no later than the next timer should fire, by the speed seen so far; under -icount a slice ends on the exact
 * instruction.
 */
#include "accel/debug.h"

#include <config.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "accel/shift.h"
#include "machine/cpubus.h"
#include "machine/trace.h"

#define SLICE_MIN 2000ull
#define SLICE_MAX 40000ull /* instructions: a fraction of a millisecond, the most that an interrupt waits */
#define SLICE_NS_MIN 20000ull
#define SLICE_NS_MAX 10000000ull

struct accel {
    struct machine *machine;
    struct accel_options options;
    struct vcpu vcpu;
    struct memory_listener listener;
    struct debug debug;
    int pauses;
    pthread_cond_t parked;
    enum machine_event ending;
    u64 ns_per_1000; /* guest speed: nanoseconds for 1000 instructions, smoothed */
    FILE *stats;     /* options.stats: where they go */
};

const struct engine *const engines[] = {
#if CONFIG_KVM
    &kvm_engine,
#endif
    &interp_engine,
    NULL,
};

const struct engine *engine_find(const char *name, size_t length)
{
    for (unsigned i = 0; engines[i]; i++)
        if (strlen(engines[i]->name) == length && !strncmp(engines[i]->name, name, length))
            return engines[i];
    return NULL;
}

/* --- wires --- */

static void wake(struct machine *machine) { pthread_cond_broadcast(&machine->wake); }

static void attend(struct accel *accel)
{
    if (accel->vcpu.engine->attend)
        accel->vcpu.engine->attend(&accel->vcpu);
    wake(accel->machine);
}

static void set_intr(void *opaque, int line, bool level)
{
    struct accel *accel = opaque;
    cpu_set_intr(accel->vcpu.cpu, level);
    if (level)
        attend(accel);
}

static void drive_cpu(void *opaque, int index, enum cpu_pin pin, int value)
{
    struct accel *accel = opaque;
    struct cpu *cpu = accel->vcpu.cpu;
    if (index != 0)
        return;
    switch (pin) {
    case CPU_PIN_INTR: cpu_set_intr(cpu, value); break;
    case CPU_PIN_NMI: cpu_raise_nmi(cpu); break;
    case CPU_PIN_INIT: cpu_raise_init(cpu); break;
    case CPU_PIN_STARTUP: cpu_start_up(cpu, value); break;
    case CPU_PIN_SMI: trace(UNIMP, "SMI: there is no system management mode"); break;
    }
    if (pin != CPU_PIN_INTR || value)
        attend(accel);
}

static void kick(void *opaque)
{
    struct accel *accel = opaque;
    accel->vcpu.engine->kick(&accel->vcpu);
    wake(accel->machine);
}

static void set_a20(void *opaque, bool on)
{
    struct accel *accel = opaque;
    cpu_set_a20(accel->vcpu.cpu, on);
}

/* 32-bit values: the upper halves of what is written become 0, as in 64-bit code. */
static bool registers(void *opaque, struct machine_registers *values, bool write)
{
    struct accel *accel = opaque;
    struct vcpu *vcpu = &accel->vcpu;
    u64 *gpr = vcpu->cpu->gpr;
    u32 *const places[] = {&values->eax, &values->ebx, &values->ecx, &values->edx, &values->esi, &values->edi};
    static const u8 numbers[] = {RAX, RBX, RCX, RDX, RSI, RDI};
    if (vcpu->parked) /* the monitor's access, nobody's arguments */
        return false;
    if (!write && vcpu->engine->registers && !vcpu->engine->registers(vcpu, false))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        if (!write)
            *places[i] = (u32)gpr[numbers[i]];
        else if ((u32)gpr[numbers[i]] != *places[i])
            gpr[numbers[i]] = *places[i];
    }
    return !write || !vcpu->engine->registers || vcpu->engine->registers(vcpu, true);
}

static void map_changed(void *opaque)
{
    struct accel *accel = opaque;
    shift_map_changed(&accel->vcpu);
}

static void settle(void *opaque)
{
    struct accel *accel = opaque;
    if (accel->vcpu.engine->settle)
        accel->vcpu.engine->settle(&accel->vcpu);
}

static void code_written(void *opaque, u64 phys, u64 length)
{
    struct accel *accel = opaque;
    cpu_code_written(accel->vcpu.cpu, phys, length);
    if (accel->vcpu.engine->attend)
        accel->vcpu.engine->attend(&accel->vcpu);
}

static u64 instructions(void *opaque)
{
    struct accel *accel = opaque;
    return cpu_instructions(accel->vcpu.cpu);
}

/* A sleeping CPU's thread wakes up; a running one ends its slice, whose length followed from the old deadline. */
static void earlier_deadline(void *opaque)
{
    kick(opaque);
}

/* --- stopping --- */

static void set_state(struct accel *accel, enum run_state state)
{
    struct machine *machine = accel->machine;
    machine->state = state;
    if (state == RUN_RUNNING)
        clock_start(machine->clock), cpubus_stop_tsc(machine, false);
    else if (state == RUN_STOPPED)
        clock_stop(machine->clock), cpubus_stop_tsc(machine, true);
    debug_announce(&accel->debug, machine);
}

static void stop(struct accel *accel, enum accel_stop_reason reason)
{
    accel->debug.stepping = accel->debug.passing = false;
    accel->debug.stop = (struct accel_stop){.reason = reason};
    set_state(accel, RUN_STOPPED);
}

/* --- events --- */

static void nothing(void *opaque) {}

static void end(struct accel *accel, enum machine_event event)
{
    accel->ending = event;
    accel->machine->state = RUN_QUIT;
    loop_post(accel->machine->loop, nothing, NULL); /* the main thread looks at the state */
}

static void reset_cpu(struct accel *accel)
{
    cpu_reset(accel->vcpu.cpu);
    if (accel->machine->tsc.fixed)
        accel->vcpu.cpu->tsc_offset = 0;
}

static void reset(struct accel *accel)
{
    trace(RESET, "reset: %s", accel->machine->event_text ? accel->machine->event_text : "user");
    shift_store(&accel->vcpu); /* an access under way comes to its end */
    machine_reset_devices(accel->machine);
    reset_cpu(accel);
    accel->vcpu.engine->load(&accel->vcpu);
}

static void handle_event(struct accel *accel)
{
    struct machine *machine = accel->machine;
    enum machine_event event = machine->event;
    machine->event = EVENT_NONE;
    switch (event) {
    case EVENT_NONE: break;
    case EVENT_RESET:
    case EVENT_TRIPLE_FAULT:
        if (accel->options.no_reboot)
            end(accel, event);
        else
            reset(accel);
        break;
    case EVENT_SHUTDOWN:
        if (accel->options.no_shutdown)
            stop(accel, ACCEL_STOP_POWER_OFF);
        else
            end(accel, event);
        break;
    case EVENT_GUEST_EXIT:
    case EVENT_HOST:
    case EVENT_INTERNAL: end(accel, event); break;
    }
}

/* --- time --- */

static void wait_until(struct machine *machine, u64 deadline)
{
    if (deadline == CLOCK_NEVER) {
        pthread_cond_wait(&machine->wake, &machine->lock);
        return;
    }
    u64 now = clock_ns(machine->clock);
    if (deadline <= now)
        return;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    u64 ns = (u64)until.tv_nsec + MIN(deadline - now, 3600 * NS_PER_SEC);
    until.tv_sec += ns / NS_PER_SEC;
    until.tv_nsec = ns % NS_PER_SEC;
    pthread_cond_timedwait(&machine->wake, &machine->lock, &until);
}

static void idle(struct accel *accel)
{
    struct machine *machine = accel->machine;
    u64 deadline = clock_deadline(machine->clock);
    if (!clock_is_icount(machine->clock))
        wait_until(machine, deadline);
    else if (deadline == CLOCK_NEVER)
        pthread_cond_wait(&machine->wake, &machine->lock);
    else {
        if (accel->options.icount_sleep)
            wait_until(machine, deadline);
        clock_warp(machine->clock, deadline);
    }
}

static u64 slice(struct accel *accel)
{
    struct clock *clock = accel->machine->clock;
    if (clock_is_icount(clock))
        return MIN(clock_icount_budget(clock), SLICE_MAX);
    u64 deadline = clock_deadline(clock), now = clock_ns(clock);
    if (deadline <= now)
        return SLICE_MIN;
    u64 until = MIN(deadline - now, 1000000ull) * 1000 / accel->ns_per_1000;
    return MAX(SLICE_MIN, MIN(until, SLICE_MAX));
}

static u64 slice_ns(struct accel *accel)
{
    u64 deadline = clock_deadline(accel->machine->clock), now = clock_ns(accel->machine->clock);
    return MAX(SLICE_NS_MIN, MIN(deadline - MIN(deadline, now), SLICE_NS_MAX));
}

/* --- the thread --- */

static void after_run(struct accel *accel, enum engine_exit why, u64 executed)
{
    struct vcpu *vcpu = &accel->vcpu;
    struct machine *machine = accel->machine;
    if (why == ENGINE_EXIT_CANNOT) {
        shift_detour(vcpu);
        return;
    }
    if (why == ENGINE_EXIT_DEAD) {
        shift_give_up(vcpu);
        return;
    }
    if (why == ENGINE_EXIT_DEBUG && debug_stopped(&accel->debug, vcpu->cpu))
        set_state(accel, RUN_STOPPED);
    if (vcpu->shift.left) {
        shift_detour_ran(vcpu, executed);
    } else if (why == ENGINE_EXIT_SHUTDOWN && machine->event == EVENT_NONE) {
        machine->event = EVENT_TRIPLE_FAULT;
        machine->event_text = "triple fault";
    }
}

static void run(struct accel *accel)
{
    struct vcpu *vcpu = &accel->vcpu;
    struct machine *machine = accel->machine;
    u64 budget = slice(accel);
    bool alone = debug_is_alone(&accel->debug);
    if (vcpu->engine->timed)
        vcpu->slice_ns = slice_ns(accel);
    else if (vcpu->shift.left)
        budget = MIN(budget, vcpu->shift.left);
    machine_unlock(machine);
    u64 executed = cpu_instructions(vcpu->cpu), before = clock_host_ns();
    enum engine_exit why = alone ? debug_step(&accel->debug, vcpu) : vcpu->engine->run(vcpu, budget);
    u64 ns = clock_host_ns() - before;
    executed = cpu_instructions(vcpu->cpu) - executed;
    machine_lock(machine);
    if (executed >= SLICE_MIN / 2)
        accel->ns_per_1000 = MAX(100ull, (accel->ns_per_1000 * 7 + ns * 1000 / executed) / 8);
    after_run(accel, why, executed);
}

static void park(struct accel *accel)
{
    struct vcpu *vcpu = &accel->vcpu;
    bool stopped = false;
    u64 began = clock_host_ns(), shifts = vcpu->shift.shifts;
    shift_store(vcpu);
    u64 place = debug_place(vcpu->cpu);
    vcpu->parked = true;
    pthread_cond_broadcast(&accel->parked);
    while (accel->pauses || accel->machine->state == RUN_STOPPED) {
        if (!accel->pauses && accel->machine->event != EVENT_NONE)
            break;
        stopped |= accel->machine->state == RUN_STOPPED;
        pthread_cond_wait(&accel->machine->wake, &accel->machine->lock);
    }
    vcpu->parked = false;
    if (stopped && place == debug_place(vcpu->cpu)) /* a debugger that went elsewhere may stop there at once */
        debug_goes_on(&accel->debug, vcpu->cpu);
    vcpu->engine->load(vcpu);
    if (vcpu->shift.shifts != shifts && !stopped)
        shift_took(&vcpu->shift, vcpu->shift.shifts - shifts, clock_host_ns() - began);
}

static void *drive(void *opaque)
{
    struct accel *accel = opaque;
    struct machine *machine = accel->machine;
    machine_lock(machine);
    accel->vcpu.parked = false;
    accel->vcpu.engine->load(&accel->vcpu);
    while (machine->state != RUN_QUIT) {
        if (machine->event != EVENT_NONE)
            handle_event(accel);
        else if (accel->pauses || machine->state == RUN_STOPPED)
            park(accel);
        else {
            if (!debug_holds_time(&accel->debug, accel->vcpu.cpu))
                clock_run(machine->clock);
            if (machine->event != EVENT_NONE)
                continue;
            if (cpu_has_work(accel->vcpu.cpu))
                run(accel);
            else
                idle(accel);
        }
    }
    accel->vcpu.parked = true;
    pthread_cond_broadcast(&accel->parked);
    machine_unlock(machine);
    return NULL;
}

/* --- reports --- */

void accel_print_exits(const struct accel *accel, exits_printer *print, void *out)
{
    const struct vcpu *vcpu = &accel->vcpu;
    if (!vcpu->exit_stats.entered)
        print(out, "no exits: %s\n", vcpu->shift.gear->timed ? "kvm is in gear and was not entered yet"
                                                             : "no engine that leaves the guest was in gear");
    exits_print(&vcpu->exit_stats, print, out);
    shift_print_causes(&vcpu->shift, print, out);
}

static void print_engine(const struct accel *accel, exits_printer *print, void *out)
{
    const struct shift *shift = &accel->vcpu.shift;
    print(out, "engine: %s (%s%s)\n", shift->gear->name, shift->gear->description,
          shift->gear->timed && accel->vcpu.user_only ? ", a software one: 64-bit user code only" : "");
    if (shift->gear->print)
        shift->gear->print(&accel->vcpu, print, out);
    if (accel->vcpu.engine != shift->gear)
        print(out, "executing now: %s\n", accel->vcpu.engine->name);
    print(out, "instructions interpreted: %llu\n", (unsigned long long)cpu_instructions(accel->vcpu.cpu));
    if (shift->shifts || shift->changes)
        print(out, "shifts: %llu; detours through the interpreter: %llu, of %llu instructions\n",
              (unsigned long long)shift->shifts, (unsigned long long)shift->detours,
              (unsigned long long)shift->detour_instructions);
    if (shift->changes)
        print(out, "a change of engine takes %llu us, at most %llu us\n",
              (unsigned long long)(shift->ns / shift->changes / 1000), (unsigned long long)(shift->ns_max / 1000));
    if (shift->parked)
        print(out, "for a shift the guest stood still %llu us, at most %llu us\n",
              (unsigned long long)(shift->parked_ns / shift->parked / 1000),
              (unsigned long long)(shift->parked_max / 1000));
}

void accel_print(const struct accel *accel, exits_printer *print, void *out)
{
    const struct shift_cause *causes = accel->vcpu.shift.causes;
    print_engine(accel, print, out);
    for (unsigned i = 0; i < SHIFT_CAUSES && causes[i].text; i++)
        print(out, "  %llu times: %s\n", (unsigned long long)causes[i].count, causes[i].text);
}

static void print_line(void *out, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vfprintf(out, fmt, args);
    va_end(args);
}

static void print_stats(struct accel *accel)
{
    if (!accel->stats)
        return;
    print_engine(accel, print_line, accel->stats);
    accel_print_exits(accel, print_line, accel->stats);
    if (accel->stats != stderr && fclose(accel->stats) != 0)
        error_report("-accel stats=file:%s: %s", accel->options.stats_file, strerror(errno));
}

/* --- outside --- */

/* A board without local APICs takes CPUs without them: CPUID promises nothing else. */
static struct cpu *create_cpu(struct machine *machine, const struct accel_options *options, char *why)
{
    char features[1024];
    snprintf(features, sizeof(features), "%s%s", options->cpu_features ? options->cpu_features : "",
             machine->apic ? "" : ",-apic,-tsc-deadline");
    return cpu_create(options->cpu_model, features, &machine_cpu_bus, machine, why);
}

/* Where another engine may take over later, the counter has to be one that it can go on with. */
static void choose_tsc(struct machine *machine, const struct accel_options *options)
{
    for (unsigned i = 0; engines[i] && options->icount_shift < 0; i++)
        if (engines[i]->tsc && engines[i]->tsc(&machine->tsc))
            return;
}

static int open_stats(struct accel *accel, struct error *err)
{
    const char *path = accel->options.stats_file;
    if (!accel->options.stats)
        return 0;
    accel->stats = path ? fopen(path, "we") : stderr;
    return accel->stats ? 0 : error_set(err, errno, "-accel stats=file:%s: %s", path, strerror(errno));
}

static int not_created(const struct vcpu *vcpu, struct error *err)
{
    struct error why = *err;
    return error_set(err, EINVAL, "-accel %s: %s", vcpu->engine->name, why.text);
}

/* What cannot be created gives way to what the user would have next; the interpreter is always there for who left the
 * choice to us. */
static int create_engine(struct vcpu *vcpu, const struct accel_options *options, struct error *err)
{
    struct accel_options next = *options;
    while (shift_create(vcpu, vcpu->engine, err) < 0) {
        const char *name = vcpu->engine->name;
        if (vcpu->engine == &interp_engine || vcpu->engine == &lockstep_engine)
            return -EINVAL;
        if (!next.automatic && !next.other_count)
            return not_created(vcpu, err);
        if (next.automatic) {
            error_report("-accel auto: the interpreter executes, not %s: %s", name, err->text);
            next.engine = interp_engine.name;
        } else {
            error_report("-accel %s: %s; trying %s", name, err->text, next.others[0]);
            if (accel_choose(next.others, next.other_count, &next, err) < 0)
                return -EINVAL;
        }
        vcpu->engine = vcpu->shift.gear = engine_find(next.engine, strlen(next.engine));
        vcpu->shift.automatic = next.automatic;
    }
    return 0;
}

struct accel *accel_create(struct machine *machine, const struct accel_options *options, struct error *err)
{
    struct accel *accel = calloc(1, sizeof(*accel));
    char why[200] = "out of memory";
    if (!accel) {
        error_set(err, ENOMEM, "out of memory for the CPU");
        return NULL;
    }
    accel->machine = machine;
    accel->options = *options;
    accel->ns_per_1000 = 5000;
    pthread_cond_init(&accel->parked, NULL);
    struct vcpu *vcpu = &accel->vcpu;
    *vcpu = (struct vcpu){.accel = accel, .machine = machine, .parked = true};
    vcpu->lockstep = &accel->options.lockstep;
    if (vcpu->lockstep->engines)
        vcpu->engine = &lockstep_engine;
    else
        vcpu->engine = options->engine ? engine_find(options->engine, strlen(options->engine)) : &interp_engine;
    vcpu->shift.gear = vcpu->engine;
    vcpu->kvm_all_modes = options->kvm_all_modes;
    vcpu->shift.automatic = options->automatic;
    if (!vcpu->engine) {
        error_set(err, EINVAL, "there is no engine '%s'", options->engine);
        free(accel);
        return NULL;
    }
    choose_tsc(machine, options);
    vcpu->cpu = create_cpu(machine, options, why);
    if (!vcpu->cpu)
        error_set(err, EINVAL, "-cpu: %s", why);
    if (!vcpu->cpu || open_stats(accel, err) < 0 || create_engine(vcpu, options, err) < 0) {
        cpu_destroy(vcpu->cpu);
        if (accel->options.stats_file && accel->stats)
            fclose(accel->stats);
        free(accel);
        return NULL;
    }
    if (machine->tsc.fixed)
        vcpu->cpu->tsc_offset = 0;
    machine->cpus[0] = vcpu->cpu;
    machine->cpu_count = 1;
    machine->intr = (struct irq){set_intr, accel, 0};
    machine->drive_cpu = drive_cpu;
    machine->drive_opaque = accel;
    machine->registers = registers;
    machine->registers_opaque = accel;
    machine->kick = kick;
    machine->kick_opaque = accel;
    machine->set_a20 = set_a20;
    machine->a20_opaque = accel;
    accel->listener = (struct memory_listener){.map_changed = map_changed, .code_written = code_written,
                                               .settle = settle, .opaque = accel};
    memory_listen(machine->memory, &accel->listener);
    clock_on_earlier(machine->clock, earlier_deadline, accel);
    cpubus_connect_trace();
    if (options->icount_shift >= 0)
        clock_use_icount(machine->clock, options->icount_shift, instructions, accel);
    return accel;
}

int accel_start(struct accel *accel, struct error *err)
{
    int code = pthread_create(&accel->vcpu.thread, NULL, drive, accel);
    if (code)
        return error_set(err, code, "cannot start the CPU's thread: %s", strerror(code));
    accel->vcpu.started = true;
    return 0;
}

static void join(struct accel *accel)
{
    if (!accel->vcpu.started)
        return;
    machine_lock(accel->machine);
    accel->machine->state = RUN_QUIT;
    kick(accel);
    machine_unlock(accel->machine);
    pthread_join(accel->vcpu.thread, NULL);
    accel->vcpu.started = false;
}

enum lockstep_verdict accel_verdict(struct accel *accel)
{
    if (!accel->options.lockstep.engines)
        return LOCKSTEP_NONE;
    join(accel);
    return lockstep_finish(&accel->vcpu);
}

void accel_destroy(struct accel *accel)
{
    if (!accel)
        return;
    join(accel);
    const struct cpu *cpu = accel->vcpu.cpu;
    trace(ACCEL, "%s: %llu instructions, %llu blocks built, %llu killed, %llu page walks, %llu events",
          accel->vcpu.engine->name, (unsigned long long)cpu_instructions(cpu),
          (unsigned long long)cpu->stats.blocks_built, (unsigned long long)cpu->stats.blocks_killed,
          (unsigned long long)cpu->stats.page_walks, (unsigned long long)cpu->stats.interrupts);
    print_stats(accel);
    memory_unlisten(accel->machine->memory, &accel->listener);
    accel->machine->intr.set = NULL;
    accel->machine->drive_cpu = NULL;
    accel->machine->kick = NULL;
    accel->machine->registers = NULL;
    accel->machine->set_a20 = NULL;
    accel->machine->cpu_count = 0;
    if (accel->options.lockstep.engines)
        lockstep_engine.destroy(&accel->vcpu);
    for (unsigned i = 0; engines[i]; i++)
        engines[i]->destroy(&accel->vcpu);
    cpu_destroy(accel->vcpu.cpu);
    debug_destroy(&accel->debug);
    pthread_cond_destroy(&accel->parked);
    free(accel);
}

void accel_pause(struct accel *accel)
{
    accel->pauses++;
    if (!accel->vcpu.started)
        return;
    while (!accel->vcpu.parked && accel->machine->state != RUN_QUIT) {
        kick(accel);
        pthread_cond_wait(&accel->parked, &accel->machine->lock);
    }
}

void accel_resume(struct accel *accel)
{
    accel->pauses--;
    wake(accel->machine);
}

void accel_set_state(struct accel *accel, enum run_state state)
{
    struct machine *machine = accel->machine;
    if (machine->state == RUN_QUIT || machine->state == state)
        return;
    if (state == RUN_STOPPED)
        stop(accel, ACCEL_STOP_USER);
    else
        set_state(accel, state);
    kick(accel);
}

int accel_can_debug(const struct accel *accel, struct error *err)
{
    if (accel->options.lockstep.engines)
        return error_set(err, EINVAL, "lockstep takes no debugger: start without it");
    return 0;
}

void accel_listen(struct accel *accel, struct accel_listener *listener)
{
    listener->next = accel->debug.listeners;
    accel->debug.listeners = listener;
}

void accel_unlisten(struct accel *accel, struct accel_listener *listener)
{
    for (struct accel_listener **at = &accel->debug.listeners; *at; at = &(*at)->next)
        if (*at == listener) {
            *at = listener->next;
            return;
        }
}

struct accel_stop accel_last_stop(const struct accel *accel) { return accel->debug.stop; }

void accel_step(struct accel *accel, bool interrupts)
{
    if (accel->machine->state != RUN_STOPPED || accel->options.lockstep.engines)
        return;
    accel->debug.stepping = true;
    accel->debug.interrupts = interrupts;
    accel_set_state(accel, RUN_RUNNING);
}

enum machine_event accel_ending(const struct accel *accel) { return accel->ending; }
u64 accel_exits(const struct accel *accel) { return accel->vcpu.exits; }
u64 accel_fallbacks(const struct accel *accel) { return accel->vcpu.shift.detours; }
const char *accel_engine_name(const struct accel *accel) { return accel->vcpu.shift.gear->name; }

int accel_shift(struct accel *accel, const char *name, struct error *err)
{
    const struct engine *engine = engine_find(name, strlen(name));
    if (!engine)
        return error_set(err, EINVAL, "this build has no engine '%s'", name);
    if (accel->options.lockstep.engines)
        return error_set(err, EINVAL, "lockstep has no gears: start without it to shift");
    if (engine->timed && accel->options.icount_shift >= 0)
        return error_set(err, EINVAL, "%s cannot count instructions, and this machine's time is made of them: start it "
                                      "without -icount to shift", engine->name);
    if (engine == accel->vcpu.shift.gear)
        return 0;
    accel_pause(accel);
    int r = shift_to(&accel->vcpu, engine, err);
    accel_resume(accel);
    return r;
}
