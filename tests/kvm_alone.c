/*
 * What the host's KVM does with some code, without Clutch in between: the control for docs/ORACLES.md, "A software KVM".
 *
 *   cc -O1 -o /tmp/kvm_alone tests/kvm_alone.c && /tmp/kvm_alone
 *
 * A line for each case says "as the manual says", or what came in its place.  By hand; exit status 1 if anything differs.
 *
 * Source: Linux kernel documentation, virt/kvm/api; SDM vol. 3A, "Interrupt and Exception Handling", "4-Level Paging";
 *   vol. 3B, "Debug Registers", "Single-Step Exception Condition"; vol. 2, "INT n", "XGETBV".
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MEMORY = 0x200000, CODE = 0x4000, STACK = 0x7000, HANDLERS = 0x5000, GDT = 0x800, IDT = 0x10000, TSS = 0x900 };
enum { REAL, FLAT32, USER32, USER64, COMPATIBILITY };
enum { NONE = -1 };

struct test {
    const char *name;
    int mode;
    uint8_t code[40]; /* then HLT */
    uint64_t rax, rcx, rdi, flags, dr0, dr7;
    int vector;       /* wanted; NONE: it gets to HLT, or to its port access */
    uint64_t offset;  /* ... of the saved instruction pointer, from the first instruction */
    int window;       /* it shall leave with KVM_EXIT_IRQ_WINDOW_OPEN */
    uint64_t want_rax, want_rcx; /* 0: any */
};

static const struct test tests[] = {
    {"STI, NOP, NOP, CLI with an interrupt window asked for", REAL, {0xfb, 0x90, 0x90, 0xfa}, .window = 1, .vector = NONE},
    {"MOV CR0: 32-bit paging", FLAT32, {0x0f, 0x22, 0xd9, 0x0f, 0x22, 0xc0}, .rax = 0x80000011, .rcx = 0x20000, .vector = NONE,
     .want_rax = 0x80000011},
    {"a write to watched memory", FLAT32, {0xa3, 0, 0, 3, 0, 0x90}, .dr0 = 0x30000, .dr7 = 0xd0401, .vector = 1, .offset = 5},
    {"single step of REP STOSB: after the first round", FLAT32, {0xf3, 0xaa, 0x90}, .rcx = 3, .rdi = 0x30000, .flags = 0x100,
     .vector = 1, .want_rcx = 2},
    {"single step: not between MOV SS and the next instruction", FLAT32, {0x8e, 0xd0, 0x90, 0x90}, .rax = 16, .flags = 0x100,
     .vector = 1, .offset = 3},
    {"UD2 through a gate that is not present", FLAT32, {0x0f, 0x0b}, .dr7 = 0x400, .vector = 11, .rax = 6},
    {"FLDZ, 32-bit user code", USER32, {0xd9, 0xee, 0xe6, 0x80}, .flags = 0x3000, .vector = NONE},
    {"FLDZ, compatibility mode", COMPATIBILITY, {0xd9, 0xee, 0xe6, 0x80}, .flags = 0x3000, .vector = NONE},
    {"INT 30h, 64-bit user code", USER64, {0xcd, 0x30}, .vector = 0x30, .offset = 2},
    {"XGETBV, 64-bit user code, XCR0 = 3", USER64, {0x31, 0xc9, 0x0f, 0x01, 0xd0, 0xe6, 0x80}, .flags = 0x3000, .vector = NONE,
     .want_rax = 3},
};

static int system_fd, vm, cpu;
static struct kvm_run *run;
static uint8_t *memory;

static void put(uint32_t at, uint64_t value) { memcpy(memory + at, &value, 8); }

static void open_machine(void)
{
    struct {
        struct kvm_cpuid2 head;
        struct kvm_cpuid_entry2 entries[256];
    } leaves = {.head = {.nent = 256}};
    system_fd = open("/dev/kvm", O_RDWR);
    vm = ioctl(system_fd, KVM_CREATE_VM, 0);
    cpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    run = mmap(NULL, (size_t)ioctl(system_fd, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
    memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct kvm_userspace_memory_region region = {.memory_size = MEMORY, .userspace_addr = (uintptr_t)memory};
    struct kvm_enable_cap failures = {.cap = KVM_CAP_EXIT_ON_EMULATION_FAILURE, .args = {1}};
    ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);
    ioctl(vm, KVM_ENABLE_CAP, &failures);
    ioctl(system_fd, KVM_GET_SUPPORTED_CPUID, &leaves);
    ioctl(cpu, KVM_SET_CPUID2, &leaves);
}

static struct kvm_segment segment(unsigned selector, unsigned type, unsigned dpl, int is64)
{
    return (struct kvm_segment){.limit = ~0u, .selector = (uint16_t)selector, .type = (uint8_t)type, .present = 1,
                                .dpl = (uint8_t)dpl, .db = !is64, .s = 1, .l = (uint8_t)is64, .g = 1};
}

/* GDT: 8 and 10h for the system, 23h, 2Bh and 33h for users, 40h TSS.  Each handler is OUT 80h, AL; HLT. */
static void set_tables(int is64)
{
    static const uint64_t gdt[] = {0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0, 0x00cffb000000ffff, 0x00cff3000000ffff,
                                   0x00affb000000ffff, 0, 0x00008b0009000067};
    memcpy(memory + GDT, gdt, sizeof(gdt));
    if (is64)
        put(GDT + 8, 0x00af9b000000ffff);
    put(TSS + 4, 0x8000 | (is64 ? 0 : 16ull << 32));
    for (uint32_t vector = 0; vector < 64; vector++) {
        uint32_t at = HANDLERS + 16 * vector;
        put(IDT + (is64 ? 16 : 8) * vector, at | 8 << 16 | (uint64_t)(vector == 0x30 ? 0xee00 : 0x8e00) << 32);
        memcpy(memory + at, "\xe6\x80\xf4", 3);
    }
    put(0x1000, 0x2007), put(0x2000, 0x3007), put(0x3000, 0x87);     /* 4-level */
    put(0x20000, 0x21007);                                           /* 32-bit */
    for (uint32_t i = 0; i < 512; i++)
        memcpy(memory + 0x21000 + 4 * i, &(uint32_t){i << 12 | 7}, 4);
}

static void set_mode(int mode)
{
    int is64 = mode == USER64 || mode == COMPATIBILITY, user = mode != FLAT32;
    struct kvm_sregs sregs;
    ioctl(cpu, KVM_GET_SREGS, &sregs);
    sregs.cs.base = sregs.cs.selector = 0;
    if (mode != REAL) {
        set_tables(is64);
        sregs.gdt = (struct kvm_dtable){.base = GDT, .limit = 0x7f};
        sregs.idt = (struct kvm_dtable){.base = IDT, .limit = 0x3ff};
        sregs.cr0 = is64 ? 0x80000013 : 0x13;
        sregs.cr3 = is64 ? 0x1000 : 0;
        sregs.cr4 = is64 ? 0x40620 : 0x600;
        sregs.efer = is64 ? 0x500 : 0;
        sregs.cs = segment(!user ? 8 : mode == USER64 ? 0x33 : 0x23, 11, user ? 3 : 0, mode == USER64);
        sregs.ss = sregs.ds = sregs.es = segment(user ? 0x2b : 16, 3, user ? 3 : 0, 0);
        sregs.tr = (struct kvm_segment){.base = TSS, .limit = 0x67, .selector = 0x40, .type = 11, .present = 1};
    }
    ioctl(cpu, KVM_SET_SREGS, &sregs);
}

static int passes(const struct test *t)
{
    struct kvm_xcrs xcrs = {.nr_xcrs = 1, .xcrs = {{.value = 3}}};
    struct kvm_debugregs debug = {.db = {t->dr0}, .dr6 = 0xffff0ff0, .dr7 = t->dr7};
    struct kvm_regs regs = {.rip = CODE, .rsp = STACK, .rflags = t->flags | 2, .rax = t->rax, .rcx = t->rcx, .rdi = t->rdi};
    memcpy(memory + CODE, t->code, sizeof(t->code));
    memory[CODE + sizeof(t->code)] = 0xf4;
    for (unsigned i = sizeof(t->code); i > 0 && !memory[CODE + i - 1]; i--)
        memory[CODE + i - 1] = 0xf4;
    set_mode(t->mode);
    if (t->vector == 11) /* the gate of RAX */
        memory[IDT + 8 * t->rax + 5] = 0x0e;
    ioctl(cpu, KVM_SET_DEBUGREGS, &debug);
    ioctl(cpu, KVM_SET_XCRS, &xcrs);
    ioctl(cpu, KVM_SET_REGS, &regs);
    run->request_interrupt_window = (uint8_t)t->window;
    ioctl(cpu, KVM_RUN, 0);
    ioctl(cpu, KVM_GET_REGS, &regs);
    int handled = regs.rip >= HANDLERS && regs.rip < HANDLERS + 64 * 16;
    int vector = handled ? (int)(regs.rip - HANDLERS) / 16 : NONE;
    int has_error = vector == 8 || (vector >= 10 && vector <= 14);
    uint64_t saved = 0;
    memcpy(&saved, memory + (regs.rsp + (has_error ? 4 : 0)) % MEMORY, 4);
    int good = vector == t->vector && (!handled || saved == CODE + t->offset) && (!t->want_rax || regs.rax == t->want_rax) &&
               (!t->want_rcx || regs.rcx == t->want_rcx) && (!t->window || run->exit_reason == KVM_EXIT_IRQ_WINDOW_OPEN) &&
               run->exit_reason != KVM_EXIT_SHUTDOWN;
    printf("%s: ", t->name);
    if (good)
        puts("as the manual says");
    else if (handled)
        printf("vector %d, saved at +%llx, RCX %llx\n", vector, (unsigned long long)(saved - CODE),
               (unsigned long long)regs.rcx);
    else
        printf("exit %u at +%llx, RAX %llx\n", run->exit_reason, (unsigned long long)regs.rip - CODE,
               (unsigned long long)regs.rax);
    return good;
}

int main(void)
{
    unsigned wrong = 0;
    for (unsigned i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        open_machine();
        if (cpu < 0 || run == MAP_FAILED) {
            perror("/dev/kvm");
            return 1;
        }
        wrong += !passes(&tests[i]);
        munmap(memory, MEMORY);
        close(cpu), close(vm), close(system_fd);
    }
    return wrong != 0;
}
