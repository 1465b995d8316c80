/*
 * A debugger's single steps by KVM, against a scripted KVM: which ones it gets, what the guest sees of them, and that
 * nothing happens twice when the interpreter has to make one.
 *
 * Source: Linux kernel documentation, virt/kvm/api: KVM_SET_GUEST_DEBUG, KVM_EXIT_DEBUG; SDM vol. 3B, "Single-Step Exception
 *   Condition"; vol. 2 for what the instructions do.
 */
#include <config.h>

#include "tests/unit.h"

#if CONFIG_KVM
#include "accel/kvm_fake.h"

#include "accel/debug.h"
#include "cpu/system.h"

#define PLACE 0x1000u /* real-address mode: 0000:1000 */
#define STACK 0x8000u

static struct debug debug;
static u64 length; /* of the instruction that the script executes */

/* Code at PLACE, in real-address mode with SS = DS = ES = 0, and KVM in gear. */
static void place(const char *code, unsigned size)
{
    struct cpu *cpu = rig->vcpu.cpu;
    memcpy(rig->ram.host + PLACE, code, size);
    cpu->seg[CS].base = cpu->seg[CS].selector = 0;
    cpu->rip = PLACE;
    cpu->gpr[RSP] = STACK;
    cpu->rflags = 2;
    cpu_state_changed(cpu);
    debug = (struct debug){.stepping = true};
    fake.steps_done = fake.step_count = 0;
    machine_lock(rig->machine);
    kvm_engine.load(&rig->vcpu);
    machine_unlock(rig->machine);
}
#define PLACE_CODE(code) place(code, sizeof(code) - 1)

static void open_step(void) { open_rig(); }

static void script(fake_step *first, fake_step *second)
{
    fake.steps[0] = first;
    fake.steps[1] = second;
    fake.step_count = second ? 2 : 1;
    fake.steps_done = 0;
}

static void park(void)
{
    machine_lock(rig->machine);
    kvm_engine.store(&rig->vcpu);
    machine_unlock(rig->machine);
}

/* One step; struct cpu is then what a debugger sees. */
static void make_step(void)
{
    CHECK_EQ(debug_step(&debug, &rig->vcpu), ENGINE_EXIT_DEBUG);
    CHECK_EQ(rig->vcpu.cpu->debugger.cause, STOP_STEP);
    CHECK(rig->vcpu.engine == &kvm_engine); /* it stays in gear */
    CHECK_EQ(fake.guest_debug.control, 0);
    park();
}

static u64 steps_by_kvm(void)
{
    const struct exits *exits = &rig->vcpu.exit_stats;
    for (unsigned i = 0; i < EXITS_NAMES && exits->names[i].name; i++)
        if (!strcmp(exits->names[i].name, "step of a debugger"))
            return exits->names[i].count;
    return 0;
}

/* What KVM does with an instruction while it steps: TF is its own, the #DB is an exit. */
static int steps(struct kvm_run *run)
{
    CHECK_EQ(fake.guest_debug.control,
             KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_BLOCKIRQ);
    CHECK_EQ(fake.sregs.idt.limit, 0);
    CHECK(!(fake.regs.rflags & FLAG_TF));
    fake.regs.rip += length;
    run->exit_reason = KVM_EXIT_DEBUG;
    run->debug.arch.exception = VECTOR_DB;
    run->debug.arch.pc = fake.regs.rip;
    run->debug.arch.dr6 = DR6_FIXED | DR6_BS;
    return 0;
}

static int adds(struct kvm_run *run)
{
    fake.regs.rax += 5;
    fake.debug.dr6 |= DR6_BS; /* a KVM that lets it through */
    return steps(run);
}

static int compares(struct kvm_run *run)
{
    fake.regs.rflags |= FLAG_ZF | FLAG_PF;
    return steps(run);
}

static int faults(struct kvm_run *run)
{
    fake.regs.rax = 0xdead;
    fake.sregs.cr2 = 0x123; /* KVM's business: the step has not been made */
    run->exit_reason = KVM_EXIT_SHUTDOWN;
    return 0;
}

static int is_kicked(struct kvm_run *run) { return EINTR; }

TEST(kvm_makes_the_step)
{
    open_step();
    struct cpu *cpu = rig->vcpu.cpu;
    PLACE_CODE("\x83\xc0\x05"); /* ADD AX, 5 */
    cpu->gpr[RAX] = 1;
    cpu->idtr.limit = 0x3ff;
    machine_lock(rig->machine);
    kvm_engine.load(&rig->vcpu);
    machine_unlock(rig->machine);
    length = 3;
    script(adds, NULL);
    make_step();
    CHECK_EQ(steps_by_kvm(), 1);
    CHECK_EQ(cpu->rip, PLACE + 3);
    CHECK_EQ(cpu->gpr[RAX], 6);
    CHECK_EQ(cpu->idtr.limit, 0x3ff);
    CHECK_EQ(fake.sregs.idt.limit, 0x3ff);
    CHECK(!(cpu->dr[6] & DR6_BS)); /* the guest traced nothing */
    CHECK(!(cpu->rflags & FLAG_TF) && !cpu->pending_dr6);
    close_rig();
}

TEST(as_many_steps_as_instructions)
{
    open_step();
    PLACE_CODE("\x90\x90\x90\x90\x90\x9c\x90\x90"); /* five NOPs, PUSHF, two NOPs */
    length = 1;
    for (unsigned i = 0; i < 8; i++) {
        script(steps, NULL);
        make_step();
        CHECK_EQ(rig->vcpu.cpu->rip, PLACE + 1 + i);
        CHECK_EQ(steps_by_kvm(), i < 5 ? i + 1 : i); /* the interpreter's: PUSHF */
    }
    u16 pushed;
    memcpy(&pushed, rig->ram.host + STACK - 2, 2);
    CHECK_EQ(pushed, 2); /* no TF in it */
    close_rig();
}

static void keep_flags(void *out, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void keep_flags(void *out, const char *fmt, ...)
{
    char line[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    if (strstr(line, "EFL="))
        snprintf(out, 256, "%s", line);
}

TEST(info_registers_shows_the_flags_that_kvm_left)
{
    open_step();
    char line[256] = "";
    PLACE_CODE("\x38\xc0"); /* CMP AL, AL */
    length = 2;
    script(compares, NULL);
    make_step();
    cpu_print_state(rig->vcpu.cpu, keep_flags, line);
    CHECK(strstr(line, "[---Z-P-]"));
    close_rig();
}

TEST(a_kick_before_the_instruction_is_no_step)
{
    open_step();
    PLACE_CODE("\x90");
    length = 1;
    script(is_kicked, steps);
    make_step();
    CHECK_EQ(steps_by_kvm(), 1);
    CHECK_EQ(rig->vcpu.cpu->rip, PLACE + 1);
    close_rig();
}

TEST(a_step_that_never_comes_is_the_interpreters)
{
    open_step();
    PLACE_CODE("\x40"); /* INC AX */
    rig->vcpu.cpu->gpr[RAX] = 1;
    script(is_kicked, NULL); /* and ever again */
    make_step();
    CHECK_EQ(steps_by_kvm(), 0);
    CHECK_EQ(rig->vcpu.cpu->gpr[RAX], 2);
    CHECK_EQ(rig->vcpu.cpu->rip, PLACE + 1);
    close_rig();
}

/* "Divide Error": the saved CS:IP points to the instruction; real-address mode pushes FLAGS, CS, IP. */
TEST(a_fault_is_delivered_by_the_interpreter_without_tf)
{
    open_step();
    struct cpu *cpu = rig->vcpu.cpu;
    const u16 vector[2] = {0x2000, 0};
    memcpy(rig->ram.host, vector, 4);
    cpu->idtr.limit = 0x3ff;
    PLACE_CODE("\xf6\xf1"); /* DIV CL */
    script(faults, NULL);
    make_step();
    CHECK_EQ(steps_by_kvm(), 0);
    CHECK_EQ(cpu->rip, 0x2000); /* before the handler's first instruction */
    CHECK_EQ(cpu->gpr[RAX], 0);
    CHECK_EQ(cpu->cr2, 0);
    u16 frame[3];
    memcpy(frame, rig->ram.host + STACK - 6, 6);
    CHECK_EQ(frame[0], PLACE);
    CHECK(!(frame[2] & FLAG_TF));
    close_rig();
}

/* --- devices --- */

static struct region registers;

static int reads_register(struct kvm_run *run)
{
    CHECK_EQ(fake.sregs.idt.limit, 0);
    run->exit_reason = KVM_EXIT_MMIO;
    run->mmio.phys_addr = 0x200000;
    run->mmio.len = 1;
    run->mmio.is_write = 0;
    fake.length = 0;
    return 0;
}

static int writes_register(struct kvm_run *run)
{
    reads_register(run);
    run->mmio.is_write = 1;
    run->mmio.data[0] = 0x77;
    return 0;
}

static void open_device(void)
{
    open_step();
    registers = (struct region){.name = "registers", .kind = REGION_MMIO, .size = 0x1000, .enabled = true, .base = 0x200000,
                                .ops = &register_ops};
    memory_add(rig->machine->memory, &registers);
    rig->vcpu.cpu->seg[DS].base = 0x200000;
}

TEST(a_device_is_read_once)
{
    open_device();
    PLACE_CODE("\xa0\x00\x00"); /* MOV AL, [0] */
    script(reads_register, steps);
    make_step();
    CHECK_EQ(steps_by_kvm(), 0);
    CHECK_EQ(rig->reads, 1);
    CHECK_EQ(rig->vcpu.cpu->gpr[RAX], 0x11); /* what the register's first read gives: 1111h */
    CHECK_EQ(rig->vcpu.cpu->rip, PLACE + 3);
    close_rig();
}

/* OR [0], AL: read, then written; KVM's own result is made of nothing. */
TEST(a_device_is_written_once_and_with_the_right_value)
{
    open_device();
    PLACE_CODE("\x08\x06\x00\x00");
    rig->vcpu.cpu->gpr[RAX] = 0x80;
    machine_lock(rig->machine);
    kvm_engine.load(&rig->vcpu);
    machine_unlock(rig->machine);
    script(reads_register, writes_register);
    make_step();
    CHECK_EQ(steps_by_kvm(), 0);
    CHECK_EQ(rig->reads, 1);
    CHECK_EQ(rig->writes, 1);
    CHECK_EQ(rig->written[0], 0x91); /* 11h | 80h */
    CHECK(!kvm_of(&rig->vcpu)->io_pending);
    close_rig();
}

static int reads_register_and_dies(struct kvm_run *run)
{
    fake.failing = KVM_RUN;
    fake.failing_error = EIO;
    return reads_register(run);
}

TEST(a_kvm_that_dies_over_a_dropped_access_has_lost_nothing)
{
    open_device();
    PLACE_CODE("\xa0\x00\x00");
    script(reads_register_and_dies, NULL);
    make_step();
    CHECK(kvm_engine.alive(&rig->vcpu));
    CHECK_EQ(rig->reads, 1);
    CHECK_EQ(rig->vcpu.cpu->rip, PLACE + 3);
    CHECK_EQ(kvm_engine.run(&rig->vcpu, 1), ENGINE_EXIT_DEAD);
    close_rig();
}

static int writes_gathered(struct kvm_run *run)
{
    CHECK(fake_gather(0x200000, 0x80, 1));
    return steps(run);
}

TEST(a_write_that_kvm_gathers_is_made_once)
{
    open_device();
    registers.late_writes = true;
    PLACE_CODE("\xa2\x00\x00"); /* MOV [0], AL */
    rig->vcpu.cpu->gpr[RAX] = 0x80;
    machine_lock(rig->machine);
    kvm_engine.load(&rig->vcpu);
    machine_unlock(rig->machine);
    length = 3;
    script(writes_gathered, NULL);
    make_step();
    CHECK_EQ(steps_by_kvm(), 0);
    CHECK_EQ(rig->writes, 1);
    CHECK_EQ(rig->written[0], 0x80);
    CHECK_EQ(rig->vcpu.cpu->rip, PLACE + 3);
    close_rig();
}

TEST(ports_are_the_interpreters)
{
    open_step();
    PLACE_CODE("\xec\xee"); /* IN AL, DX; OUT DX, AL */
    rig->vcpu.cpu->gpr[RDX] = 0x500;
    machine_lock(rig->machine);
    kvm_engine.load(&rig->vcpu);
    machine_unlock(rig->machine);
    fake.ran = 0;
    make_step();
    make_step();
    CHECK_EQ(fake.ran, 0);
    CHECK_EQ(rig->reads, 1);
    CHECK_EQ(rig->writes, 1);
    CHECK_EQ(rig->written[0], 0x11);
    close_rig();
}

/* --- events --- */

static int raises(struct kvm_run *run)
{
    cpu_set_intr(rig->vcpu.cpu, true);
    cpu_raise_nmi(rig->vcpu.cpu);
    CHECK(!run->request_interrupt_window);
    return steps(run);
}

TEST(an_interrupt_that_comes_meanwhile_waits_for_the_end_of_the_step)
{
    open_step();
    struct cpu *cpu = rig->vcpu.cpu;
    PLACE_CODE("\x90\x90");
    cpu->rflags |= FLAG_IF;
    machine_lock(rig->machine);
    kvm_engine.load(&rig->vcpu);
    machine_unlock(rig->machine);
    fake_run()->ready_for_interrupt_injection = fake_run()->if_flag = 1;
    length = 1;
    script(raises, NULL);
    debug.interrupts = true;
    make_step();
    CHECK_EQ(cpu->rip, PLACE + 1);
    CHECK_EQ(fake.interrupts + fake.nmis, 0);
    CHECK(cpu->nmi_pending && cpu->intr);
    close_rig();
}

static void step_with_interrupt(bool interrupts)
{
    struct cpu *cpu = rig->vcpu.cpu;
    const u16 vector[2] = {0x2000, 0};
    memcpy(rig->ram.host + 0x21 * 4, vector, 4);
    PLACE_CODE("\x90");
    cpu->idtr.limit = 0x3ff;
    cpu->rflags |= FLAG_IF;
    cpu_set_intr(cpu, true);
    machine_lock(rig->machine);
    kvm_engine.load(&rig->vcpu);
    machine_unlock(rig->machine);
    length = 1;
    script(steps, NULL);
    debug.interrupts = interrupts;
    make_step();
}

TEST(an_interrupt_at_the_boundary_comes_first_if_it_may)
{
    open_step();
    step_with_interrupt(true);
    CHECK_EQ(steps_by_kvm(), 0);
    CHECK_EQ(rig->vcpu.cpu->rip, 0x2000);
    close_rig();
    open_step();
    step_with_interrupt(false);
    CHECK_EQ(steps_by_kvm(), 1);
    CHECK_EQ(rig->vcpu.cpu->rip, PLACE + 1);
    CHECK_EQ(fake.interrupts, 0);
    CHECK(rig->vcpu.cpu->intr);
    close_rig();
}

/* --- what KVM never steps --- */

TEST(instructions_that_are_the_interpreters)
{
    static const struct {
        const char *code;
        u8 size;
    } list[] = {{"\x9c", 1}, {"\x9d", 1}, {"\xfb", 1}, {"\xfa", 1}, {"\x8e\xd0", 2}, {"\x17", 1}, {"\xcd\x21", 2}, {"\xcc", 1},
                {"\xcf", 1}, {"\xf3\xa4", 2}, {"\xf2\xae", 2}, {"\x0f\x0b", 2}, {"\x0f\xa2", 2}, {"\x0f\x31", 2},
                {"\x0f\x20\xc0", 3}, {"\x0f\x22\xc0", 3}, {"\x0f\x01\x0e\x00\x30", 5}, {"\xd9\xe8", 2}, {"\xe4\x80", 2},
                {"\xea\x00\x20\x00\x00", 5}, {"\x8e\xd8", 2}, {"\xf1", 1}, {"\x0f\xae\x06\x00\x30", 5}};
    for (unsigned i = 0; i < ARRAY_SIZE(list); i++) {
        open_step();
        rig->vcpu.cpu->idtr.limit = 0x3ff;
        place(list[i].code, list[i].size);
        fake.ran = 0;
        make_step();
        CHECK_EQ(fake.ran, 0);
        close_rig();
    }
}

static void check_state_is_the_interpreters(void)
{
    fake.ran = 0;
    script(steps, NULL);
    length = 1;
    CHECK_EQ(debug_step(&debug, &rig->vcpu), ENGINE_EXIT_DEBUG);
    CHECK_EQ(fake.ran, 0);
    close_rig();
}

static struct cpu *open_at_nop(void)
{
    open_step();
    PLACE_CODE("\x90");
    kvm_of(&rig->vcpu)->failed_state = true; /* the state is in struct cpu */
    return rig->vcpu.cpu;
}

TEST(states_that_are_the_interpreters)
{
    open_at_nop()->shadow = SHADOW_STI;
    check_state_is_the_interpreters();
    open_at_nop()->shadow = SHADOW_MOVSS;
    check_state_is_the_interpreters();
    open_at_nop()->rflags |= FLAG_RF;
    check_state_is_the_interpreters();
    open_at_nop()->rflags |= FLAG_TF;
    check_state_is_the_interpreters();
    open_at_nop()->dr[7] |= 1;
    check_state_is_the_interpreters();
    open_at_nop()->debugctl = 2; /* BTF: TF counts branches */
    check_state_is_the_interpreters();
    open_at_nop()->pending_dr6 = DR6_BS;
    check_state_is_the_interpreters();
    debugger_add(open_at_nop(), &(struct point){.address = 0x9000, .kind = POINT_WRITE, .length = 4});
    check_state_is_the_interpreters();
}

/* "gdb stepi" from and onto a breakpoint: it is a step, and the processor's breakpoint registers are empty meanwhile. */
static int steps_without_breakpoints(struct kvm_run *run)
{
    CHECK_EQ(fake.guest_debug.arch.debugreg[7], 0);
    return steps(run);
}

TEST(a_step_from_a_breakpoint_onto_another)
{
    open_step();
    struct cpu *cpu = rig->vcpu.cpu;
    debugger_add(cpu, &(struct point){.address = PLACE, .kind = POINT_EXECUTE, .length = 1});
    debugger_add(cpu, &(struct point){.address = PLACE + 1, .kind = POINT_EXECUTE, .length = 1});
    PLACE_CODE("\x90\x90");
    length = 1;
    script(steps_without_breakpoints, NULL);
    CHECK_EQ(debug_step(&debug, &rig->vcpu), ENGINE_EXIT_DEBUG);
    CHECK_EQ(cpu->debugger.cause, STOP_STEP);
    CHECK_EQ(cpu->rip, PLACE + 1);
    CHECK_EQ(steps_by_kvm(), 1);
    CHECK_EQ(fake.guest_debug.arch.debugreg[0], PLACE); /* for when it goes on */
    CHECK_EQ(fake.guest_debug.arch.debugreg[1], PLACE + 1);
    close_rig();
}

/* AMD's processors drop the x87's pointers where no error is pending (APM vol. 2, "FXSAVE and FXRSTOR Instructions"). */
static int drops_x87_pointers(struct kvm_run *run)
{
    memset((u8 *)&fake.xsave + 6, 0, 18); /* FOP, FIP, FDP */
    return steps(run);
}

TEST(x87_pointers_survive_a_step)
{
    open_step();
    struct cpu *cpu = rig->vcpu.cpu;
    PLACE_CODE("\x90");
    cpu->fpu.ip = 0x7c12;
    cpu->fpu.ip_selector = 0x7c0;
    cpu->fpu.dp = 0x9000;
    cpu->fpu.opcode = 0x123;
    machine_lock(rig->machine);
    kvm_engine.load(&rig->vcpu);
    machine_unlock(rig->machine);
    length = 1;
    script(drops_x87_pointers, NULL);
    make_step();
    CHECK_EQ(steps_by_kvm(), 1);
    CHECK_EQ(cpu->fpu.ip, 0x7c12);
    CHECK_EQ(cpu->fpu.ip_selector, 0x7c0);
    CHECK_EQ(cpu->fpu.dp, 0x9000);
    CHECK_EQ(cpu->fpu.opcode, 0x123);
    close_rig();
}

/* --- the host --- */

static void check_host(bool works)
{
    open_cpu();
    CHECK_EQ(kvm_of(&rig->vcpu)->has_steps, works);
    PLACE_CODE("\x90");
    length = 1;
    script(steps, NULL);
    if (works) {
        make_step();
        CHECK_EQ(steps_by_kvm(), 1);
    } else {
        CHECK_EQ(debug_step(&debug, &rig->vcpu), ENGINE_EXIT_DEBUG);
        CHECK_EQ(rig->vcpu.cpu->rip, PLACE + 1);
        CHECK_EQ(steps_by_kvm(), 0);
    }
    close_rig();
}

TEST(a_kvm_that_cannot_is_found_out)
{
    open_board();
    check_host(true);
    open_board();
    fake.no_steps = true;
    check_host(false);
    open_board();
    fake.ignores_idt = true; /* the handler would find TF in its frame */
    check_host(false);
}

TEST(a_kvm_that_refuses_leaves_it_to_the_interpreter)
{
    open_step();
    PLACE_CODE("\x40");
    fake.failing = KVM_SET_GUEST_DEBUG;
    fake.failing_error = EINVAL;
    make_step();
    CHECK_EQ(rig->vcpu.cpu->gpr[RAX], 1);
    CHECK_EQ(steps_by_kvm(), 0);
    close_rig();
}

TEST(a_kvm_that_dies_in_a_step_leaves_the_state_of_before)
{
    open_step();
    PLACE_CODE("\x40");
    fake.failing = KVM_RUN;
    fake.failing_error = EIO;
    CHECK_EQ(debug_step(&debug, &rig->vcpu), ENGINE_EXIT_DEAD);
    park();
    CHECK(kvm_engine.alive(&rig->vcpu));
    CHECK_EQ(rig->vcpu.cpu->rip, PLACE);
    CHECK_EQ(rig->vcpu.cpu->gpr[RAX], 0);
    close_rig();
}
#endif

UNIT_MAIN()
