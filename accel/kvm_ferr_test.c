/*
 * x87 errors that a host's processor makes exceptions, and a guest wants as IRQ 13, against a scripted KVM.
 *
 * Source: SDM vol. 1, "MS-DOS Compatibility Sub-mode"; vol. 3A, "Interrupt 16" (a fault: the saved IP is that of the
 *   waiting instruction), "Real-Address Mode: Interrupt and Exception Handling" (IP, CS, FLAGS on the stack); vol. 3B,
 *   "Debug Registers": DR7 has G0 to G3 in bits 1, 3, 5, 7, GD in bit 13, R/W1 and LEN1 in bits 20-23, R/W3 and LEN3 in 28-31.
 */
#include <config.h>

#include "tests/unit.h"

#if CONFIG_KVM
#include "accel/kvm_fake.h"

#include "cpu/system.h"

#define HANDLER 0x10134u /* 1000:0134 */
#define CODE 0x20100u    /* 2000:0100 */
#define STACK 0x7ffau

static void poke(u32 at, const void *bytes, size_t length) { memmove(rig->ram.host + at, bytes, length); }

/* A guest in real-address mode on an Intel host, whose handler was reached from WAIT. */
static struct kvm *open_guest(void)
{
    static const u8 vector[4] = {0x34, 0x01, 0x00, 0x10}, frame[6] = {0x00, 0x01, 0x00, 0x20, 0x02, 0x02};
    struct kvm *kvm = open_rig();
    kvm->ferr.by_exception = true;
    poke(4 * 16, vector, sizeof(vector));
    poke(STACK, frame, sizeof(frame));
    poke(CODE, (const u8[]){0x9b}, 1);
    rig->vcpu.cpu->gpr[RSP] = STACK;
    return kvm;
}

static int nothing(struct kvm_run *run) { return EINTR; }

static int reaches_handler(struct kvm_run *run) { return debug_exit(run, HANDLER, 1); }

/* Between two slices nobody looks. */
static int errs(struct kvm_run *run)
{
    fake.fpu.fsw = 0x8084; /* ES, ZE */
    return reaches_handler(run);
}

static int writes_entry(struct kvm_run *run)
{
    poke(4 * 16, (const u8[]){0x78, 0x56}, 2);
    return debug_exit(run, 0x1234, 2);
}

static u64 dr(unsigned n) { return fake.guest_debug.arch.debugreg[n]; }

/* --- the points --- */

TEST(a_breakpoint_at_the_handler_and_a_watchpoint_at_its_vector)
{
    open_guest();
    run_steps(nothing, NULL);
    CHECK_EQ(fake.guest_debug.control, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP);
    CHECK_EQ(dr(0), HANDLER);
    CHECK_EQ(dr(1), 0x40);
    CHECK_EQ(dr(7), 0x400 | 1 << 13 | 2 | 2 << 2 | 0xd << 20);
    CHECK_EQ(run_steps(writes_entry, NULL), ENGINE_EXIT_KICKED);
    CHECK_EQ(dr(0), 0x15678);
    close_rig();
}

/* IDT and GDT of protected mode: a 32-bit interrupt gate to 08:00001234, whose base is 30000h. */
static void go_protected(void)
{
    static const u8 gate[8] = {0x34, 0x12, 0x08, 0x00, 0x00, 0x8e, 0x00, 0x00};
    static const u8 segment[8] = {0xff, 0xff, 0x00, 0x00, 0x03, 0x9b, 0xcf, 0x00};
    struct cpu *cpu = rig->vcpu.cpu;
    cpu->cr0 |= CR0_PE;
    cpu->idtr = (struct descriptor_table){0x1000, 0x7ff};
    cpu->gdtr = (struct descriptor_table){0x2000, 0xff};
    poke(0x1000 + 8 * 16, gate, sizeof(gate));
    poke(0x2008, segment, sizeof(segment));
}

TEST(those_of_the_other_mode_stay)
{
    struct kvm *kvm = open_guest();
    run_steps(nothing, NULL);
    go_protected();
    run_steps(nothing, NULL);
    CHECK_EQ(dr(0), HANDLER);
    CHECK_EQ(dr(1), 0x40);
    CHECK_EQ(dr(2), 0x31234);
    CHECK_EQ(dr(3), 0x1080);
    CHECK_EQ(dr(7), 0x400 | 1 << 13 | 0xaa | 0xd << 20 | 9u << 28);
    CHECK_EQ(kvm->ferr.handlers[1].frame, 32);
    rig->ram.host[0x1000 + 8 * 16 + 5] = 0x86; /* a 16-bit gate */
    run_steps(nothing, NULL);
    CHECK_EQ(kvm->ferr.handlers[1].frame, 16);
    rig->ram.host[0x1000 + 8 * 16 + 5] = 0x85; /* a task gate */
    run_steps(nothing, NULL);
    CHECK_EQ(dr(2), 0);
    close_rig();
}

TEST(an_entry_that_is_not_aligned_is_not_watched)
{
    open_guest();
    go_protected();
    rig->vcpu.cpu->idtr.base = 0x1004;
    poke(0x1004 + 8 * 16, rig->ram.host + 0x1000 + 8 * 16, 8);
    run_steps(nothing, NULL);
    CHECK_EQ(dr(2), 0x31234);
    CHECK_EQ(dr(3), 0);
    close_rig();
}

/* The tables may lie where no memory is. */
TEST(nonsense_in_the_tables_does_no_harm)
{
    open_guest();
    struct cpu *cpu = rig->vcpu.cpu;
    cpu->idtr = (struct descriptor_table){0xe0000000, 0xffff};
    CHECK_EQ(run_steps(nothing, NULL), ENGINE_EXIT_KICKED);
    cpu->cr0 |= CR0_PE;
    CHECK_EQ(run_steps(nothing, NULL), ENGINE_EXIT_KICKED);
    cpu->idtr = (struct descriptor_table){0x1000, 0x7f};
    CHECK_EQ(run_steps(nothing, NULL), ENGINE_EXIT_KICKED);
    go_protected();
    cpu->gdtr.base = 0xfffffff4;
    poke(0, (const u8[]){0, 0, 0, 0}, 4);
    CHECK_EQ(run_steps(nothing, NULL), ENGINE_EXIT_KICKED);
    CHECK_EQ(fake.guest_debug.control, 0);
    close_rig();
}

TEST(a_guest_that_debugs_itself_is_the_interpreters_while_it_wants_irq_13)
{
    open_guest();
    run_steps(nothing, NULL);
    CHECK_EQ(dr(0), HANDLER);
    rig->vcpu.cpu->dr[7] = 0x401;
    CHECK_EQ(run_steps(nothing, NULL), ENGINE_EXIT_CANNOT);
    rig->vcpu.cpu->cr0 |= CR0_NE;
    CHECK_EQ(run_steps(nothing, NULL), ENGINE_EXIT_KICKED);
    CHECK_EQ(fake.guest_debug.control, 0);
    close_rig();
}

TEST(the_points_of_a_debugger_go_first)
{
    open_guest();
    run_steps(nothing, NULL);
    CHECK_EQ(debugger_add(rig->vcpu.cpu, &(struct point){.address = 0x7c00, .length = 1}), 0);
    run_steps(nothing, NULL);
    CHECK_EQ(dr(0), 0x7c00);
    CHECK_EQ(dr(1), 0);
    debugger_remove_all(rig->vcpu.cpu, 0);
    run_steps(nothing, NULL);
    CHECK_EQ(dr(0), HANDLER);
    close_rig();
}

/* --- at the handler --- */

static void check_goes_on(void)
{
    CHECK(fake.regs.rflags & FLAG_RF);
    store_state();
    CHECK(!rig->vcpu.cpu->held.x87_error);
}

static void check_error(u8 undo)
{
    struct cpu *cpu = rig->vcpu.cpu;
    CHECK(strstr(rig->vcpu.cannot, "IRQ 13"));
    store_state();
    CHECK(cpu->held.x87_error);
    CHECK_EQ(cpu->held.undo, undo);
    CHECK(!kvm_engine.ready(&rig->vcpu));
    cpu->held.x87_error = false;
    cpu->fpu.ferr = true; /* until the guest has cleared it */
    CHECK(!kvm_engine.ready(&rig->vcpu));
    cpu->fpu.ferr = false;
    CHECK(kvm_engine.ready(&rig->vcpu));
}

TEST(a_visit_without_an_error_goes_on_past_the_breakpoint)
{
    open_guest();
    CHECK_EQ(run_steps(reaches_handler, NULL), ENGINE_EXIT_KICKED);
    check_goes_on();
    close_rig();
}

TEST(with_ne_an_error_is_the_exception)
{
    open_guest();
    rig->vcpu.cpu->cr0 |= CR0_NE;
    CHECK_EQ(run_steps(errs, NULL), ENGINE_EXIT_KICKED);
    check_goes_on();
    close_rig();
}

TEST(an_error_is_taken_back)
{
    open_guest();
    CHECK_EQ(run_steps(errs, NULL), ENGINE_EXIT_CANNOT);
    check_error(16);
    close_rig();
}

/* FADD DWORD PTR CS:[BX] */
TEST(an_instruction_may_have_prefixes)
{
    open_guest();
    poke(CODE, (const u8[]){0x2e, 0x67, 0xd8, 0x07}, 4);
    CHECK_EQ(run_steps(errs, NULL), ENGINE_EXIT_CANNOT);
    check_error(16);
    close_rig();
}

/* Between the error and the next waiting instruction the BIOS may be called: FERR# is due, the call is not undone. */
TEST(a_call_of_the_handler_is_not_taken_back)
{
    open_guest();
    poke(CODE - 2, (const u8[]){0xcd, 0x10, 0x9b}, 3); /* INT 10h; WAIT */
    CHECK_EQ(run_steps(errs, NULL), ENGINE_EXIT_CANNOT);
    check_error(0);
    fake.fpu.fsw = 0;
    poke(CODE - 2, (const u8[]){0xff, 0xd3, 0x90}, 3); /* CALL BX; NOP */
    CHECK_EQ(run_steps(errs, NULL), ENGINE_EXIT_CANNOT);
    check_error(0);
    close_rig();
}

static int errs_in_protected_mode(struct kvm_run *run)
{
    fake.fpu.fsw = 0x8084;
    return debug_exit(run, 0x31234, 4);
}

TEST(an_error_of_protected_mode_is_taken_back_by_the_gates_frame)
{
    static const u8 frame[12] = {0x50, 0, 0, 0, 0x08, 0, 0, 0, 0x02, 0x02}; /* 08:50 */
    open_guest();
    go_protected();
    poke(STACK, frame, sizeof(frame));
    poke(0x30050, (const u8[]){0xd9, 0xe8}, 2); /* FLD1 */
    CHECK_EQ(run_steps(errs_in_protected_mode, NULL), ENGINE_EXIT_CANNOT);
    check_error(32);
    fake.fpu.fsw = 0;
    poke(STACK, (const u8[12]){0x00, 0x01, 0, 0, 0x00, 0x20, 0, 0, 0x02, 0x02, 0x02}, 12); /* from virtual-8086 mode */
    CHECK_EQ(run_steps(errs_in_protected_mode, NULL), ENGINE_EXIT_CANNOT);
    check_error(32);
    fake.fpu.fsw = 0;
    poke(STACK + 4, (const u8[]){0xf8, 0xff}, 2); /* a CS far beyond its table */
    CHECK_EQ(run_steps(errs_in_protected_mode, NULL), ENGINE_EXIT_CANNOT);
    close_rig();
}

/* --- on any host --- */

TEST(an_error_that_waits_is_found_before_a_slice)
{
    struct kvm *kvm = open_guest();
    kvm->ferr.by_exception = false; /* AMD: the processor stands still */
    fake.fpu.fsw = 0x8084;
    CHECK_EQ(run_steps(nothing, NULL), ENGINE_EXIT_CANNOT);
    CHECK_EQ(fake.guest_debug.control, 0);
    check_error(0);
    rig->vcpu.cpu->cr0 |= CR0_NE;
    CHECK_EQ(run_steps(nothing, NULL), ENGINE_EXIT_KICKED);
    close_rig();
}
#endif

UNIT_MAIN()
