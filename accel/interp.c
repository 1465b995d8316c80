/*
 * The interpreter as an engine: struct cpu is its only state, so loading and storing are nothing.
 */
#include "accel/accel.h"

static int probe(struct error *why) { return 0; }
static int create(struct vcpu *vcpu, struct error *err) { return 0; }
static void destroy(struct vcpu *vcpu) {}
static void kick(struct vcpu *vcpu) { cpu_kick(vcpu->cpu); }

/* Memory may hold other code than we know when we come after another engine. */
static void load(struct vcpu *vcpu)
{
    if (vcpu->engine_state)
        cpu_memory_changed(vcpu->cpu);
    cpu_state_changed(vcpu->cpu);
}

static void store(struct vcpu *vcpu) {}
static void map_changed(struct vcpu *vcpu) { cpu_map_changed(vcpu->cpu); }

static enum engine_exit meaning(enum cpu_exit why)
{
    switch (why) {
    case CPU_EXIT_BUDGET: return ENGINE_EXIT_BUDGET;
    case CPU_EXIT_KICKED: return ENGINE_EXIT_KICKED;
    case CPU_EXIT_HALTED: return ENGINE_EXIT_HALTED;
    case CPU_EXIT_SHUTDOWN: return ENGINE_EXIT_SHUTDOWN;
    case CPU_EXIT_DEBUG: return ENGINE_EXIT_DEBUG;
    }
    return ENGINE_EXIT_BUDGET;
}

static enum engine_exit run(struct vcpu *vcpu, u64 budget) { return meaning(cpu_run(vcpu->cpu, budget)); }

enum engine_exit interp_step(struct vcpu *vcpu, bool interrupts) { return meaning(cpu_step(vcpu->cpu, interrupts)); }

const struct engine interp_engine = {
    .name = "interp",
    .description = "interpreter: runs everything everywhere",
    .probe = probe,
    .create = create,
    .destroy = destroy,
    .run = run,
    .kick = kick,
    .load = load,
    .store = store,
    .map_changed = map_changed,
};
