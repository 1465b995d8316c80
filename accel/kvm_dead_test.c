/*
 * A KVM that dies under its guest, keeps the state, cannot be created, has no permission or is not there: one line, and
 * the next engine, or the machine's end.
 *
 * Source: Linux kernel documentation, virt/kvm/api: KVM_RUN, KVM_CREATE_VM, KVM_GET_API_VERSION.
 */
#include <config.h>

#include "tests/unit.h"

#if CONFIG_KVM
#include "accel/kvm_fake.h"

#include <time.h>
#include <unistd.h>

#include "accel/shift.h"

/* --- KVM dies --- */

static int dies(struct kvm_run *run) { return EIO; }

TEST(a_dead_kvm_is_told_in_one_line_and_the_interpreter_takes_the_state_over)
{
    open_rig();
    struct vcpu *vcpu = &rig->vcpu;
    CHECK_EQ(run_steps(out_byte, dies), ENGINE_EXIT_DEAD);
    fake.regs.rip = 0x999;
    shift_give_up(vcpu);
    CHECK_EQ(rig->machine->event, EVENT_NONE);
    CHECK(vcpu->engine == &interp_engine && vcpu->shift.gear == &interp_engine);
    CHECK_EQ(vcpu->cpu->rip, 0x999);
    CHECK_EQ(lines, 1);
    CHECK(!strcmp(said, "kvm failed (Input/output error); the interpreter goes on"));
    close_rig();
}

TEST(a_dead_kvm_that_keeps_the_state_ends_the_machine)
{
    open_rig();
    CHECK_EQ(run_steps(dies, NULL), ENGINE_EXIT_DEAD);
    fake.failing = KVM_GET_REGS;
    fake.failing_error = EIO;
    shift_give_up(&rig->vcpu);
    CHECK_EQ(rig->machine->event, EVENT_HOST);
    close_rig();
}

/* Neither a monitor that looks nor a detour may go on with half a state. */
TEST(a_kvm_that_keeps_the_state_ends_the_machine_whoever_asks)
{
    open_rig();
    CHECK_EQ(run_steps(out_byte, NULL), ENGINE_EXIT_KICKED);
    fake.failing = KVM_GET_XSAVE;
    fake.failing_error = EIO;
    shift_store(&rig->vcpu);
    CHECK_EQ(rig->machine->event, EVENT_HOST);
    close_rig();
}

/* EIO: what KVM answers to every call when it has found itself out ("KVM_BUG"). */
TEST(a_kvm_that_takes_no_state_because_it_is_dead_is_left)
{
    open_rig();
    struct vcpu *vcpu = &rig->vcpu;
    struct error err = {""};
    fake.failing = KVM_SET_SREGS2;
    fake.failing_error = EIO;
    kvm_engine.load(vcpu);
    CHECK_EQ(run_steps(out_byte, NULL), ENGINE_EXIT_DEAD);
    shift_give_up(vcpu);
    CHECK(vcpu->engine == &interp_engine);
    CHECK_EQ(rig->machine->event, EVENT_NONE);
    CHECK_EQ(lines, 1);
    CHECK_EQ(-shift_to(vcpu, &kvm_engine, &err), EIO);
    CHECK(strstr(err.text, "failed before"));
    close_rig();
}

TEST(a_memory_map_that_kvm_refuses_is_the_end_of_kvm_only)
{
    open_rig();
    fake.failing = KVM_SET_USER_MEMORY_REGION;
    fake.failing_error = ENOMEM;
    CHECK_EQ(run_steps(out_byte, NULL), ENGINE_EXIT_DEAD);
    shift_give_up(&rig->vcpu);
    CHECK_EQ(rig->machine->event, EVENT_NONE);
    CHECK(strstr(said, "memory map"));
    close_rig();
}

/* The guest as a whole: KVM serves one output and dies; the interpreter executes the rest. */
static void write_exit(void *opaque, u64 offset, u64 value, unsigned size)
{
    machine_guest_exit(rig->machine, (int)value);
}

static int out_of_one_byte(struct kvm_run *run)
{
    out_byte(run);
    fake.length = 1;
    return 0;
}

static const struct bus_ops exit_ops = {.write = write_exit, .min_size = 1, .max_size = 1};

static bool ends_soon(void)
{
    bool ended = false;
    for (unsigned i = 0; i < 10000 && !ended; i++) {
        usleep(1000);
        machine_lock(rig->machine);
        ended = rig->machine->state == RUN_QUIT;
        machine_unlock(rig->machine);
    }
    return ended;
}

TEST(a_guest_outlives_its_kvm)
{
    /* OUT DX, AL; MOV AL, 37h; MOV DX, 520h; OUT DX, AL; HLT */
    static const u8 code[] = {0xee, 0xb0, 0x37, 0xba, 0x20, 0x05, 0xee, 0xf4};
    struct error err = {""};
    open_board();
    u8 *host = memory_alloc(0x10000);
    struct region rom = {.name = "rom", .kind = REGION_ROM, .base = 0xffff0000, .size = 0x10000, .enabled = true,
                         .host = host};
    struct port_range exit_port = {.name = "exit", .base = 0x520, .count = 1, .ops = &exit_ops};
    memcpy(host + 0xfff0, code, sizeof(code));
    memory_add(rig->machine->memory, &rom);
    ioports_add(rig->machine->ports, &exit_port);
    struct accel_options options = {.cpu_model = "max", .engine = "kvm", .icount_shift = -1};
    struct accel *accel = accel_create(rig->machine, &options, &err);
    CHECK(accel);
    lines = 0;
    fake.steps[0] = out_of_one_byte;
    fake.steps[1] = dies;
    fake.step_count = 2;
    machine_lock(rig->machine);
    rig->machine->state = RUN_RUNNING;
    CHECK_EQ(accel_start(accel, &err), 0);
    machine_unlock(rig->machine);
    CHECK(ends_soon());
    CHECK_EQ(accel_ending(accel), EVENT_GUEST_EXIT);
    CHECK(!strcmp(accel_engine_name(accel), "interp"));
    CHECK_EQ(rig->writes, 1);
    CHECK_EQ(lines, 1);
    CHECK(strstr(said, "the interpreter goes on"));
    accel_destroy(accel);
    memory_free(host, 0x10000);
    close_board();
}

/* --- KVM is not there --- */

static int choose(const char *wanted, struct error *err, const char **name)
{
    struct accel_options options = {.icount_shift = -1};
    int r = accel_choose(&wanted, 1, &options, err);
    *name = options.engine;
    return r;
}

TEST(an_absent_device_is_named_with_the_remedy)
{
    struct error err = {""};
    const char *name;
    open_board();
    fake.open_error = ENOENT;
    CHECK_EQ(-choose("kvm", &err, &name), EINVAL);
    CHECK(strstr(err.text, "/dev/kvm is not there; "));
    fake.open_error = ENODEV;
    CHECK_EQ(-choose("kvm", &err, &name), EINVAL);
    CHECK(strstr(err.text, "without a KVM behind it; "));
    CHECK_EQ(lines, 0);
    close_board();
}

TEST(the_remedy_follows_from_the_host)
{
    CHECK(strstr(kvm_open_remedy("vendor_id\t: GenuineIntel\nflags\t\t: fpu vmx ssse3\n", false), "modprobe kvm_intel"));
    CHECK(strstr(kvm_open_remedy("flags\t\t: fpu svm\nbugs\t\t:\n", false), "modprobe kvm_amd"));
    CHECK(strstr(kvm_open_remedy("flags\t\t: fpu svm_lock hypervisor\n", false), "nested"));
    CHECK(strstr(kvm_open_remedy("flags\t\t: fpu\nvmx flags\t: vmx\n", false), "firmware"));
    CHECK(strstr(kvm_open_remedy("", false), "firmware"));
    CHECK(strstr(kvm_open_remedy("flags\t\t: fpu vmx\n", true), "--device /dev/kvm"));
}

TEST(a_device_without_permission_is_named_with_the_remedy)
{
    struct error err = {""};
    const char *name;
    open_board();
    fake.open_error = EACCES;
    CHECK_EQ(-choose("kvm", &err, &name), EINVAL);
    CHECK(strstr(err.text, "/dev/kvm: permission denied; ") && strstr(err.text, "(sudo "));
    close_board();
}

TEST(auto_takes_the_interpreter_and_says_why_in_one_line)
{
    static const int errors[] = {ENOENT, EACCES, ENODEV};
    struct error err = {""};
    const char *name;
    open_board();
    for (unsigned i = 0; i < ARRAY_SIZE(errors); i++) {
        fake.open_error = errors[i];
        lines = 0;
        CHECK_EQ(choose("auto", &err, &name), 0);
        CHECK(!strcmp(name, "interp"));
        CHECK_EQ(lines, 1);
        CHECK(strstr(said, "/dev/kvm"));
    }
    close_board();
}

/* An OUT after `ms`, as kvm_measure's loop ends. */
static int measured(struct kvm_run *run, unsigned ms)
{
    nanosleep(&(struct timespec){.tv_nsec = (long)ms * 1000000}, NULL);
    return port_exit(run, KVM_EXIT_IO_OUT, 1, 1);
}

static int slow(struct kvm_run *run) { return measured(run, 20); }
static int quick(struct kvm_run *run) { return measured(run, 0); }

static int measure_with(fake_step *first, fake_step *others, struct error *why)
{
    open_board();
    for (unsigned i = 0; i < FAKE_STEPS; i++)
        fake.steps[i] = i ? others : first;
    fake.step_count = FAKE_STEPS;
    int r = kvm_measure(why);
    close_board();
    return r;
}

/* The first run in a new machine pays for its page faults, whatever runs the guest. */
TEST(hardware_is_known_by_its_best_run)
{
    struct error why = {""};
    CHECK_EQ(measure_with(slow, quick, &why), 0);
}

TEST(a_software_kvm_is_slow_in_every_run)
{
    struct error why = {""};
    CHECK_EQ(-measure_with(slow, slow, &why), ENOTSUP);
    CHECK(strstr(why.text, "software"));
}

TEST(the_next_engine_asked_for_is_taken)
{
    static const char *const wanted[] = {"kvm", "interp"};
    struct error err = {""};
    struct accel_options options = {.icount_shift = -1};
    open_board();
    fake.open_error = ENOENT;
    CHECK_EQ(accel_choose(wanted, 2, &options, &err), 0);
    CHECK(!strcmp(options.engine, "interp"));
    CHECK_EQ(lines, 1);
    CHECK(strstr(said, "trying interp"));
    close_board();
}

/* VirtualBox, say: /dev/kvm answers, and machines cannot be had. */
static const char *engine_beside_another_hypervisor(const char *const *wanted, int count, struct error *err)
{
    struct accel_options options = {.cpu_model = "max", .icount_shift = -1};
    const char *name = NULL;
    open_board();
    fake.failing = KVM_CREATE_VM;
    fake.failing_error = EBUSY;
    CHECK_EQ(accel_choose(wanted, count, &options, err), 0);
    struct accel *accel = accel_create(rig->machine, &options, err);
    if (accel)
        name = accel_engine_name(accel);
    accel_destroy(accel);
    close_board();
    return name;
}

TEST(the_next_engine_asked_for_is_taken_when_a_machine_cannot_be_had)
{
    static const char *const two[] = {"kvm", "interp"}, *const automatic[] = {"auto"};
    struct error err = {""};
    CHECK(!engine_beside_another_hypervisor(two, 1, &err));
    CHECK(strstr(err.text, "-accel kvm: KVM_CREATE_VM: ") && strstr(err.text, "another hypervisor"));
    lines = 0;
    CHECK(!strcmp(engine_beside_another_hypervisor(two, 2, &err), "interp"));
    CHECK_EQ(lines, 1);
    CHECK(strstr(said, "another hypervisor") && strstr(said, "trying interp"));
    lines = 0;
    CHECK(!strcmp(engine_beside_another_hypervisor(automatic, 1, &err), "interp"));
    CHECK_EQ(lines, 1);
    CHECK(strstr(said, "KVM_CREATE_VM"));
}

TEST(another_version_of_the_interface_is_refused)
{
    struct error err = {""};
    open_board();
    fake.version = 11;
    CHECK_EQ(-kvm_engine.probe(&err), ENOTSUP);
    CHECK(strstr(err.text, "version 12"));
    close_board();
}
#endif

UNIT_MAIN()
