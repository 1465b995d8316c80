/*
 * A KVM whose calls fail: each request that the engine makes, from the first time or from a later one on, with each of some
 * errnos.  Whatever fails, the guest's result is right or there is one line that says why there is none.
 *
 * Source: Linux kernel documentation, virt/kvm/api.
 */
#include <config.h>

#include "tests/unit.h"

#if CONFIG_KVM
#include "accel/kvm_fake.h"

#include <unistd.h>

#include "accel/shift.h"

/*
 * The guest: INC AL; OUT DX, AL, two hundred times, with a NOP now and then; then it ends with AL + 15.  The scripted KVM
 * executes INC and leaves for each OUT; at anything else it says that its emulator lacks the instruction, so that the
 * interpreter executes that and some of the following.
 */
#define OUTPUTS 200u
#define BETWEEN_NOPS 20u
#define TEST_PORT 0x500u

static u8 *code;

static int execute(struct kvm_run *run)
{
    const u8 *at = code + (fake.regs.rip & 0xffff);
    if (at[0] == 0xfe && at[1] == 0xc0) {
        fake.regs.rax = (fake.regs.rax & ~0xffull) | ((fake.regs.rax + 1) & 0xff);
        fake.regs.rip += 2;
        at += 2;
    }
    if (at[0] != 0xee) {
        run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
        run->internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
        return 0;
    }
    fake.run[FAKE_DATA] = (u8)fake.regs.rax;
    run->exit_reason = KVM_EXIT_IO;
    run->io.direction = KVM_EXIT_IO_OUT;
    run->io.size = 1;
    run->io.count = 1;
    run->io.port = TEST_PORT;
    run->io.data_offset = FAKE_DATA;
    fake.length = 1;
    return 0;
}

static unsigned outputs;
static bool in_order;

static void take_output(void *opaque, u64 offset, u64 value, unsigned size)
{
    outputs++;
    in_order &= value == outputs;
}

static void take_exit(void *opaque, u64 offset, u64 value, unsigned size)
{
    machine_guest_exit(rig->machine, (int)value);
}

static const struct bus_ops output_ops = {.write = take_output, .min_size = 1, .max_size = 1};
static const struct bus_ops exit_ops = {.write = take_exit, .min_size = 1, .max_size = 1};

static void write_guest(void)
{
    static const u8 begin[] = {0x30, 0xc0, 0xba, 0x00, 0x05, 0xe9};              /* XOR AL, AL; MOV DX, 500h; JMP near */
    static const u8 end[] = {0x04, 0x0f, 0xba, 0x20, 0x05, 0xee, 0xf4}; /* ADD AL, 15; MOV DX, 520h; OUT DX, AL; HLT */
    u8 *p = code;
    memcpy(code + 0xfff0, begin, sizeof(begin));
    code[0xfff6] = (u8)(0x10000 - 0xfff8); /* to 0 */
    code[0xfff7] = 0;
    for (unsigned i = 1; i <= OUTPUTS; i++) {
        memcpy(p, (u8[]){0xfe, 0xc0, 0xee}, 3);
        p += 3;
        if (i % BETWEEN_NOPS == 0)
            *p++ = 0x90;
    }
    memcpy(p, end, sizeof(end));
}

static bool ends(void)
{
    bool ended = false;
    for (unsigned i = 0; i < 120000 && !ended; i++) {
        usleep(i < 100 ? 50 : 1000);
        machine_lock(rig->machine);
        ended = rig->machine->state == RUN_QUIT;
        machine_unlock(rig->machine);
    }
    return ended;
}

/* One machine with one kind of failure.  True: as it should be. */
static bool run_guest(const char *engine, unsigned long request, unsigned from, int code_of_error)
{
    static struct region rom;
    static struct port_range output, leave;
    const char *const others[] = {"interp"};
    struct error err = {""};
    struct accel_options options = {.cpu_model = "max", .engine = "kvm", .icount_shift = -1};
    options.others = others;
    options.other_count = !strcmp(engine, "kvm interp");
    options.automatic = !strcmp(engine, "auto");
    open_board();
    ioports_remove(rig->machine->ports, &rig->ports);
    code = memory_alloc(0x10000);
    write_guest();
    rom = (struct region){.name = "rom", .kind = REGION_ROM, .base = 0xffff0000, .size = 0x10000, .enabled = true, .host = code};
    output = (struct port_range){.name = "out", .base = TEST_PORT, .count = 1, .ops = &output_ops};
    leave = (struct port_range){.name = "exit", .base = 0x520, .count = 1, .ops = &exit_ops};
    memory_add(rig->machine->memory, &rom);
    ioports_add(rig->machine->ports, &output);
    ioports_add(rig->machine->ports, &leave);
    outputs = 0;
    in_order = true;
    fake.failing = request;
    fake.failing_error = code_of_error;
    fake.failing_from = from;
    struct accel *accel = accel_create(rig->machine, &options, &err);
    bool right;
    fake.always = execute; /* the probes are over */
    if (!accel) {
        right = !options.other_count && !options.automatic && err.text[0];
    } else {
        machine_lock(rig->machine);
        rig->machine->state = RUN_RUNNING;
        CHECK_EQ(accel_start(accel, &err), 0);
        machine_unlock(rig->machine);
        right = ends();
        if (accel_ending(accel) == EVENT_GUEST_EXIT)
            right &= outputs == OUTPUTS && in_order && rig->machine->exit_status == OUTPUTS + 15;
        else
            right &= accel_ending(accel) == EVENT_HOST && rig->machine->event_text && outputs <= OUTPUTS && in_order;
        if (!right)
            printf("ending %d, %u outputs%s, status %d\n", accel_ending(accel), outputs, in_order ? "" : " out of order",
                   rig->machine->exit_status);
    }
    accel_destroy(accel);
    memory_free(code, 0x10000);
    close_board();
    return right;
}

static const struct {
    const char *name;
    unsigned long request;
} requests[] = {
#define REQUEST(name) {#name, name}
    REQUEST(KVM_GET_API_VERSION), REQUEST(KVM_CHECK_EXTENSION), REQUEST(KVM_CREATE_VM), REQUEST(KVM_CREATE_VCPU),
    REQUEST(KVM_GET_VCPU_MMAP_SIZE), REQUEST(KVM_GET_SUPPORTED_CPUID), REQUEST(KVM_SET_CPUID2), REQUEST(KVM_ENABLE_CAP),
    REQUEST(KVM_X86_SET_MSR_FILTER), REQUEST(KVM_GET_TSC_KHZ), REQUEST(KVM_SET_DEVICE_ATTR), REQUEST(KVM_GET_DEVICE_ATTR),
    REQUEST(KVM_SET_USER_MEMORY_REGION), REQUEST(KVM_RUN), REQUEST(KVM_GET_REGS), REQUEST(KVM_SET_REGS),
    REQUEST(KVM_GET_SREGS), REQUEST(KVM_SET_SREGS), REQUEST(KVM_GET_SREGS2), REQUEST(KVM_SET_SREGS2), REQUEST(KVM_GET_MSRS),
    REQUEST(KVM_SET_MSRS), REQUEST(KVM_GET_XSAVE), REQUEST(KVM_SET_XSAVE), REQUEST(KVM_GET_XCRS), REQUEST(KVM_SET_XCRS),
    REQUEST(KVM_GET_DEBUGREGS), REQUEST(KVM_SET_DEBUGREGS), REQUEST(KVM_GET_VCPU_EVENTS), REQUEST(KVM_SET_VCPU_EVENTS),
    REQUEST(KVM_SET_GUEST_DEBUG), REQUEST(KVM_SET_TSS_ADDR), REQUEST(KVM_SET_IDENTITY_MAP_ADDR),
};

static void sweep(const char *engine)
{
    static const int errors[] = {EIO, ENXIO, EINVAL, ENOMEM, EBADF};
    static const unsigned from[] = {0, 1, 5, 19};
    for (unsigned r = 0; r < ARRAY_SIZE(requests); r++)
        for (unsigned n = 0; n < ARRAY_SIZE(from); n++)
            for (unsigned e = 0; e < ARRAY_SIZE(errors); e++) {
                bool right = run_guest(engine, requests[r].request, from[n], errors[e]);
                if (!right)
                    printf("%s: %s after %u calls: %s\n", engine, requests[r].name, from[n], strerror(errors[e]));
                CHECK(right);
            }
}

TEST(a_guest_whose_kvm_does_all_is_right)
{
    CHECK(run_guest("kvm", 0, 0, 0));
    CHECK(fake.completed > BETWEEN_NOPS); /* KVM came back from the interpreter */
}

TEST(whatever_fails_the_guest_is_right_or_a_line_says_why) { sweep("kvm"); }
TEST(whatever_fails_the_next_engine_takes_over) { sweep("kvm interp"); }
TEST(whatever_fails_auto_goes_on) { sweep("auto"); }
#endif

UNIT_MAIN()
