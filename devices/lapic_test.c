#include "devices/lapic.h"

#include "devices/testbench.h"

enum {
    ID = 0x20, VERSION = 0x30, TPR = 0x80, PPR = 0xa0, EOI = 0xb0, LDR = 0xd0, DFR = 0xe0, SVR = 0xf0, ISR = 0x100,
    TMR = 0x180, IRR = 0x200, ESR = 0x280, ICR = 0x300, ICR_HIGH = 0x310, TIMER = 0x320, LINT0 = 0x350, LINT1 = 0x360,
    ERROR = 0x370, INITIAL = 0x380, CURRENT = 0x390, DIVIDE = 0x3e0,
};

#define BASE 0xfee00000u
#define TICK_NS (NS_PER_SEC / LAPIC_HZ)

static struct bench bench;
static struct lapics apics;
static bool intr[MAX_CPUS];
static int nmis[MAX_CPUS], inits[MAX_CPUS], smis[MAX_CPUS], startups[MAX_CPUS];
static u8 startup_vector, eoi_vector;
static int eois;

static void drive(void *opaque, int cpu, enum cpu_pin pin, int value)
{
    switch (pin) {
    case CPU_PIN_INTR: intr[cpu] = value; break;
    case CPU_PIN_NMI: nmis[cpu]++; break;
    case CPU_PIN_SMI: smis[cpu]++; break;
    case CPU_PIN_INIT: inits[cpu]++; break;
    case CPU_PIN_STARTUP:
        startups[cpu]++;
        startup_vector = value;
        break;
    }
}

static void hear_eoi(void *opaque, u8 vector)
{
    eois++;
    eoi_vector = vector;
}

static int pic_vector(void *opaque)
{
    return 0x08;
}

static u32 read_as(int cpu, u64 address)
{
    bench.machine->current_cpu = cpu;
    u32 value = memory_load(bench.machine->memory, address, 4);
    bench.machine->current_cpu = -1;
    return value;
}

static void write_as(int cpu, u64 address, u32 value)
{
    bench.machine->current_cpu = cpu;
    memory_store(bench.machine->memory, address, value, 4);
    bench.machine->current_cpu = -1;
}

static u32 get(unsigned reg)
{
    return read_as(0, BASE + reg);
}
static void set(unsigned reg, u32 value)
{
    write_as(0, BASE + reg, value);
}

static int ack(int cpu)
{
    return bench.machine->apic->acknowledge(bench.machine->apic_opaque, cpu);
}

static void set_base(int cpu, u64 base)
{
    bench.machine->apic->set_base(bench.machine->apic_opaque, cpu, base);
}

static void drive_lint(int pin, bool level)
{
    struct irq wire = lapic_lint(&apics, 0, pin);
    irq_set(&wire, level);
}

static void start_reset(int cpus)
{
    bench_open(&bench);
    memset(intr, 0, sizeof(intr)), memset(nmis, 0, sizeof(nmis)), memset(inits, 0, sizeof(inits));
    memset(smis, 0, sizeof(smis)), memset(startups, 0, sizeof(startups));
    eois = startup_vector = eoi_vector = 0;
    bench.machine->drive_cpu = drive;
    bench.machine->acknowledge = pic_vector;
    lapics_init(&apics, bench.machine, cpus);
    lapics_on_eoi(&apics, hear_eoi, NULL);
}

/* All of them software-enabled, spurious vector FFh. */
static void start(int cpus)
{
    start_reset(cpus);
    for (int i = 0; i < cpus; i++)
        write_as(i, BASE + SVR, 0x1ff);
}

static void stop(void)
{
    bench_close(&bench);
}

static void self_ipi(u8 vector)
{
    set(ICR, 0x40000 | vector);
}

TEST(reset_leaves_the_manual_s_state)
{
    start_reset(2);
    CHECK_EQ(get(ID), 0);
    CHECK_EQ(read_as(1, BASE + ID), 0x01000000);
    CHECK_EQ(get(VERSION), 0x00050014);
    CHECK_EQ(get(DFR), 0xffffffff);
    CHECK_EQ(get(SVR), 0xff);
    CHECK_EQ(get(TPR), 0);
    CHECK_EQ(get(TIMER), 0x10000);
    CHECK_EQ(get(LINT1), 0x10000);
    CHECK_EQ(get(LINT0), 0x700); /* virtual wire, CPU 0 only */
    CHECK_EQ(read_as(1, BASE + LINT0), 0x10000);
    stop();
}

TEST(virtual_wire_passes_the_pic_s_request_and_vector)
{
    start_reset(1);
    drive_lint(0, true);
    CHECK(intr[0]);
    CHECK_EQ(ack(0), 0x08);
    drive_lint(0, false);
    CHECK(!intr[0]);
    stop();
}

TEST(masked_lint0_holds_the_pic_back)
{
    start(1);
    set(LINT0, 0x10700);
    drive_lint(0, true);
    CHECK(!intr[0]);
    set(LINT0, 0x700);
    CHECK(intr[0]);
    stop();
}

TEST(globally_disabled_pins_are_intr_and_nmi)
{
    start(1);
    set(LINT0, 0x10000);
    set_base(0, BASE | 0x100);
    drive_lint(0, true);
    CHECK(intr[0]);
    CHECK_EQ(ack(0), 0x08);
    drive_lint(1, true);
    CHECK_EQ(nmis[0], 1);
    CHECK_EQ(get(VERSION), 0xffffffff); /* nobody answers */
    stop();
}

TEST(apic_base_moves_the_registers)
{
    start(1);
    set_base(0, 0xfe000000 | 0x900);
    CHECK_EQ(read_as(0, 0xfe000000 + VERSION), 0x00050014);
    CHECK_EQ(get(VERSION), 0xffffffff);
    stop();
}

TEST(fixed_interrupt_goes_from_irr_to_isr_at_inta_and_leaves_at_eoi)
{
    start(1);
    self_ipi(0x51);
    CHECK_EQ(get(IRR + 0x20), 1u << 17);
    CHECK(intr[0]);
    CHECK_EQ(ack(0), 0x51);
    CHECK(!intr[0]);
    CHECK_EQ(get(IRR + 0x20), 0);
    CHECK_EQ(get(ISR + 0x20), 1u << 17);
    CHECK_EQ(get(PPR), 0x50);
    set(EOI, 0);
    CHECK_EQ(get(ISR + 0x20), 0);
    CHECK_EQ(get(PPR), 0);
    CHECK_EQ(eois, 0); /* an edge's EOI is not broadcast */
    stop();
}

TEST(same_class_waits_and_higher_class_interrupts_service)
{
    start(1);
    self_ipi(0x51);
    CHECK_EQ(ack(0), 0x51);
    self_ipi(0x5f);
    CHECK(!intr[0]);
    self_ipi(0x60);
    CHECK(intr[0]);
    CHECK_EQ(ack(0), 0x60);
    set(EOI, 0); /* of the highest in service */
    CHECK(!intr[0]);
    set(EOI, 0);
    CHECK(intr[0]);
    CHECK_EQ(ack(0), 0x5f);
    stop();
}

TEST(task_priority_holds_its_class_and_lower_back)
{
    start(1);
    set(TPR, 0x50);
    self_ipi(0x5f);
    CHECK(!intr[0]);
    CHECK_EQ(ack(0), -1);
    set(TPR, 0x4f);
    CHECK(intr[0]);
    stop();
}

TEST(cr8_is_the_class_of_the_tpr)
{
    start(1);
    const struct machine_apic *apic = bench.machine->apic;
    apic->set_tpr(bench.machine->apic_opaque, 0, 0x70);
    CHECK_EQ(get(TPR), 0x70);
    set(TPR, 0x23);
    CHECK_EQ(apic->tpr(bench.machine->apic_opaque, 0), 0x23);
    stop();
}

TEST(level_message_sets_tmr_and_broadcasts_its_eoi)
{
    start(1);
    CHECK(lapics_send(&apics, &(struct apic_message){.destination = 0, .vector = 0x61, .level = true}));
    CHECK_EQ(get(TMR + 0x30), 1u << 1);
    CHECK_EQ(ack(0), 0x61);
    set(EOI, 0);
    CHECK_EQ(eois, 1);
    CHECK_EQ(eoi_vector, 0x61);
    stop();
}

TEST(software_disabled_takes_no_fixed_interrupt_but_nmi)
{
    start(1);
    set(SVR, 0xff);
    CHECK(!lapics_send(&apics, &(struct apic_message){.vector = 0x61}));
    CHECK(lapics_send(&apics, &(struct apic_message){.mode = APIC_NMI}));
    CHECK_EQ(nmis[0], 1);
    stop();
}

TEST(software_disabling_masks_every_lvt_entry_for_good)
{
    start(1);
    set(LINT1, 0x400);
    set(SVR, 0xff);
    CHECK_EQ(get(LINT1), 0x10400);
    set(LINT1, 0x400);
    CHECK_EQ(get(LINT1), 0x10400);
    set(SVR, 0x1ff);
    set(LINT1, 0x400);
    CHECK_EQ(get(LINT1), 0x400);
    stop();
}

TEST(lint1_as_nmi_takes_edges)
{
    start(1);
    set(LINT1, 0x400);
    drive_lint(1, true);
    drive_lint(1, true);
    CHECK_EQ(nmis[0], 1);
    drive_lint(1, false);
    drive_lint(1, true);
    CHECK_EQ(nmis[0], 2);
    stop();
}

TEST(level_lint_asks_again_after_eoi)
{
    start(1);
    set(LINT0, 0x8040);
    drive_lint(0, true);
    CHECK_EQ(get(LINT0), 0xc040); /* remote IRR */
    CHECK_EQ(ack(0), 0x40);
    CHECK(!intr[0]);
    set(EOI, 0);
    CHECK_EQ(ack(0), 0x40);
    drive_lint(0, false);
    set(EOI, 0);
    CHECK_EQ(get(LINT0), 0x8040);
    CHECK(!intr[0]);
    stop();
}

TEST(startup_and_init_reach_the_others)
{
    start(3);
    set(ICR, 0xc4500); /* INIT, assert, all but self */
    CHECK_EQ(inits[0], 0);
    CHECK_EQ(inits[1] + inits[2], 2);
    CHECK_EQ(read_as(1, BASE + SVR), 0xff); /* reset by it */
    set(ICR, 0xc8500); /* level de-assert: arbitration IDs only */
    CHECK_EQ(inits[1], 1);
    set(ICR, 0xc4610);
    CHECK_EQ(startups[1] + startups[2], 2);
    CHECK_EQ(startup_vector, 0x10);
    CHECK_EQ(startups[0], 0);
    stop();
}

TEST(physical_destination_is_the_id_and_ff_is_everyone)
{
    start(3);
    set(ICR_HIGH, 0x02000000);
    set(ICR, 0x4455);
    CHECK_EQ(nmis[2], 1);
    CHECK_EQ(nmis[0] + nmis[1], 0);
    set(ICR_HIGH, 0xff000000);
    set(ICR, 0x4055);
    CHECK(intr[0] && intr[1] && intr[2]);
    stop();
}

TEST(flat_logical_destination_is_a_mask)
{
    start(3);
    for (int i = 0; i < 3; i++)
        write_as(i, BASE + LDR, 0x01000000u << i);
    lapics_send(&apics, &(struct apic_message){.destination = 0x06, .logical = true, .vector = 0x55});
    CHECK(!intr[0] && intr[1] && intr[2]);
    stop();
}

TEST(cluster_logical_destination_needs_cluster_and_member)
{
    start(3);
    for (int i = 0; i < 3; i++) {
        write_as(i, BASE + DFR, 0);
        write_as(i, BASE + LDR, (i < 2 ? 0x10u | 1 << i : 0x21u) << 24);
    }
    lapics_send(&apics, &(struct apic_message){.destination = 0x13, .logical = true, .vector = 0x55});
    CHECK(intr[0] && intr[1] && !intr[2]);
    lapics_send(&apics, &(struct apic_message){.destination = 0x21, .logical = true, .vector = 0x55});
    CHECK(intr[2]);
    stop();
}

TEST(lowest_priority_goes_to_the_cpu_that_does_least)
{
    start(3);
    write_as(0, BASE + TPR, 0x40);
    write_as(1, BASE + TPR, 0x20);
    write_as(2, BASE + TPR, 0x30);
    lapics_send(&apics, &(struct apic_message){.destination = 0xff, .mode = APIC_LOWEST, .vector = 0x55});
    CHECK(!intr[0] && intr[1] && !intr[2]);
    stop();
}

TEST(message_from_a_device_is_an_interrupt_and_no_register_write)
{
    start(2);
    memory_store(bench.machine->memory, 0xfee01000, 0x4055, 4); /* destination 1, fixed, edge */
    CHECK(!intr[0] && intr[1]);
    memory_store(bench.machine->memory, 0xfee00000 + SVR, 0x56, 4);
    CHECK_EQ(get(SVR), 0x1ff);
    CHECK(intr[0]);
    stop();
}

TEST(extint_message_asks_the_pic_for_its_vector)
{
    start(1);
    lapics_send(&apics, &(struct apic_message){.mode = APIC_EXTINT});
    CHECK(intr[0]);
    CHECK_EQ(ack(0), 0x08);
    CHECK(!intr[0]);
    stop();
}

TEST(illegal_vector_is_an_error_that_a_write_shows)
{
    start(1);
    set(ERROR, 0xfe);
    self_ipi(0x0f);
    CHECK(!(get(IRR) & 0x8000));
    CHECK_EQ(ack(0), 0xfe);
    CHECK_EQ(get(ESR), 0);
    set(ESR, 0);
    CHECK_EQ(get(ESR), 0x20); /* send illegal vector */
    set(ESR, 0);
    CHECK_EQ(get(ESR), 0);
    lapics_send(&apics, &(struct apic_message){.vector = 0x0f});
    set(ESR, 0);
    CHECK_EQ(get(ESR), 0x40); /* receive illegal vector */
    get(0x3f0);
    set(ESR, 0);
    CHECK_EQ(get(ESR), 0x80); /* illegal register */
    stop();
}

TEST(one_shot_counts_down_once)
{
    start(1);
    set(DIVIDE, 0xb); /* by 1 */
    set(TIMER, 0x40);
    set(INITIAL, 1000);
    bench_wait(&bench, 400 * TICK_NS);
    CHECK_EQ(get(CURRENT), 600);
    bench_wait(&bench, 599 * TICK_NS);
    CHECK(!intr[0]);
    bench_wait(&bench, TICK_NS);
    CHECK_EQ(ack(0), 0x40);
    CHECK_EQ(get(CURRENT), 0);
    set(EOI, 0);
    bench_wait(&bench, 5000 * TICK_NS);
    CHECK(!intr[0]);
    stop();
}

TEST(periodic_timer_reloads_without_drift)
{
    start(1);
    set(DIVIDE, 0x0); /* by 2 */
    set(TIMER, 0x20040);
    set(INITIAL, 500);
    for (int i = 1; i <= 3; i++) {
        bench_until(&bench, i * 1000 * TICK_NS);
        CHECK_EQ(ack(0), 0x40);
        CHECK_EQ(get(CURRENT), 500);
        set(EOI, 0);
    }
    set(INITIAL, 0);
    bench_wait(&bench, 5000 * TICK_NS);
    CHECK(!intr[0]);
    stop();
}

TEST(divider_is_two_to_the_power)
{
    static const struct {
        u8 value, by;
    } table[] = {{0, 2}, {1, 4}, {2, 8}, {3, 16}, {8, 32}, {9, 64}, {10, 128}, {11, 1}};
    start(1);
    set(TIMER, 0x10040);
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        set(DIVIDE, table[i].value);
        set(INITIAL, 1000);
        bench_wait(&bench, 100 * table[i].by * TICK_NS);
        CHECK_EQ(get(CURRENT), 900);
    }
    stop();
}

TEST(masked_timer_counts_and_does_not_interrupt)
{
    start(1);
    set(DIVIDE, 0xb);
    set(TIMER, 0x30040);
    set(INITIAL, 1000);
    bench_wait(&bench, 2500 * TICK_NS);
    CHECK_EQ(get(CURRENT), 500);
    CHECK(!intr[0]);
    set(TIMER, 0x20040);
    CHECK(!intr[0]); /* what it missed is lost */
    bench_wait(&bench, 500 * TICK_NS);
    CHECK(intr[0]);
    stop();
}

TEST(tsc_deadline_fires_once_and_disarms)
{
    start(1);
    const struct machine_apic *apic = bench.machine->apic;
    void *opaque = bench.machine->apic_opaque;
    apic->set_deadline(opaque, 0, 5000);
    CHECK_EQ(apic->deadline(opaque, 0), 0); /* ignored in the other modes */
    set(TIMER, 0x40040);
    apic->set_deadline(opaque, 0, 5000);
    CHECK_EQ(apic->deadline(opaque, 0), 5000);
    bench_until(&bench, 4999);
    CHECK(!intr[0]);
    bench_until(&bench, 5000);
    CHECK_EQ(ack(0), 0x40);
    CHECK_EQ(apic->deadline(opaque, 0), 0);
    set(EOI, 0);
    apic->set_deadline(opaque, 0, 1); /* long ago */
    CHECK(intr[0]);
    stop();
}

TEST(changing_to_or_from_deadline_mode_disarms)
{
    start(1);
    set(DIVIDE, 0xb);
    set(TIMER, 0x40);
    set(INITIAL, 1000);
    set(TIMER, 0x40040);
    set(TIMER, 0x40);
    bench_wait(&bench, 2000 * TICK_NS);
    CHECK(!intr[0]);
    stop();
}

UNIT_MAIN()
