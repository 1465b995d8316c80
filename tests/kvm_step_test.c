/*
 * Privileged instructions in the interpreter and in KVM: one instruction on the same registers, descriptor tables and
 * memory, then registers, segments with hidden parts, control registers and 64 KiB of memory are compared.
 *
 * Every instruction is followed by HLT, and so are all handlers of exceptions and all targets of far transfers, so both
 * stop right behind it; what was pushed is in memory.  Descriptors, gates, stack frames, selectors, flags and privilege
 * are random from a fixed seed; KVM_STEP_SEED and KVM_STEP_CASES choose others.
 *
 * KVM's own emulator differs from the manual in places.  Then the manual is right: such rows carry a reason, their
 * differences are counted and do not fail the test.  Cases that KVM gives up (internal error, no end) are counted.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/random.h"
#include "tests/toy_board.h"
#include "tests/unit.h"

#define MEMORY 0x10000u
enum {
    GDT = 0x1000,
    IDT = 0x2000,
    TSS_AT = 0x3000,
    HANDLERS = 0x4000, /* 16 bytes each, all HLT */
    CODE = 0x5000,
    TARGET = 0x6000,
    DATA = 0x8000,
    STACK0 = 0x9000,
    STACK3 = 0xa000,
    PAGES = 0xc000,
    CODE0 = 0x08,
    DATA0 = 0x10,
    CODE3 = 0x18,
    DATA3 = 0x20,
    TSS_SEL = 0x28,
    RANDOM_FROM = 0x38, /* to the GDT's end */
    GDT_LIMIT = 0xff,
};

/* --- rows --- */

#define LEGACY 1u
#define LONG 2u
#define BOTH (LEGACY | LONG)
#define FAR_OPERAND 4u /* a far pointer follows the opcode */
#define VECTOR_OPERAND 8u

struct row {
    const char *name;
    u8 length, bytes[6];
    unsigned flags;
    const char *differs; /* why KVM may be wrong; NULL: it must agree */
    unsigned where;      /* there */
};

/* Where KVM may differ.  kvm_pvm, which has neither VT-x nor SVM, runs CPL 3 of 64-bit mode on the processor itself, with
 * the host's descriptor tables and flags, and emulates the rest. */
#define AT_LONG3 1u /* CPL 3 in 64-bit mode */
#define AT_LONG0 2u
#define AT_LONG (AT_LONG0 | AT_LONG3)
#define AT_CPL3 (AT_LONG3 | 4u)
#define ANYWHERE 15u
#define HOST_SELECTORS "kvm_pvm: the host's own selectors at CPL 3", AT_LONG3
#define HOST_GDT "kvm_pvm: looks into the host's GDT at CPL 3", AT_LONG3

/* clang-format off */
static const struct row rows[] = {
    {"mov ds, ax", 2, {0x8e, 0xd8}, BOTH, HOST_SELECTORS},
    {"mov es, ax", 2, {0x8e, 0xc0}, BOTH, HOST_SELECTORS},
    {"mov fs, ax", 2, {0x8e, 0xe0}, BOTH, HOST_SELECTORS},
    {"mov ss, ax", 2, {0x8e, 0xd0}, BOTH, NULL, 0},
    {"pop es", 1, {0x07}, LEGACY, NULL, 0},
    {"pop ss", 1, {0x17}, LEGACY, NULL, 0},
    {"pop gs", 2, {0x0f, 0xa9}, BOTH, HOST_SELECTORS},
    {"push ds", 1, {0x1e}, LEGACY, NULL, 0},
    {"push fs", 2, {0x0f, 0xa0}, BOTH, HOST_SELECTORS},
    {"lds eax, [ebx]", 2, {0xc5, 0x03}, LEGACY, NULL, 0},
    {"les eax, [ebx]", 2, {0xc4, 0x03}, LEGACY, NULL, 0},
    {"lss eax, [ebx]", 3, {0x0f, 0xb2, 0x03}, BOTH, HOST_SELECTORS},
    {"lgs eax, [ebx]", 3, {0x0f, 0xb5, 0x03}, BOTH, HOST_SELECTORS},
    {"lar ecx, ax", 3, {0x0f, 0x02, 0xc8}, BOTH, HOST_GDT},
    {"lsl ecx, ax", 3, {0x0f, 0x03, 0xc8}, BOTH, HOST_GDT},
    {"verr ax", 3, {0x0f, 0x00, 0xe0}, BOTH, HOST_GDT},
    {"verw ax", 3, {0x0f, 0x00, 0xe8}, BOTH, HOST_GDT},
    {"arpl ax, cx", 2, {0x63, 0xc8}, LEGACY, NULL, 0},
    {"sldt ecx", 3, {0x0f, 0x00, 0xc1}, BOTH, NULL, 0},
    {"str ecx", 3, {0x0f, 0x00, 0xc9}, BOTH, NULL, 0},
    {"smsw ecx", 3, {0x0f, 0x01, 0xe1}, BOTH, NULL, 0},
    {"sgdt [ebx]", 3, {0x0f, 0x01, 0x03}, BOTH, NULL, 0},
    {"sidt [ebx]", 3, {0x0f, 0x01, 0x0b}, BOTH, NULL, 0},
    {"lgdt [ebx]", 3, {0x0f, 0x01, 0x13}, BOTH, NULL, 0},
    {"lidt [ebx]", 3, {0x0f, 0x01, 0x1b}, BOTH, NULL, 0},
    {"lldt ax", 3, {0x0f, 0x00, 0xd0}, BOTH, "KVM ignores the type in the upper half", AT_LONG0},
    {"ltr ax", 3, {0x0f, 0x00, 0xd8}, BOTH, "KVM ignores the type in the upper half", AT_LONG0},
    {"ljmp ptr", 1, {0xea}, LEGACY | FAR_OPERAND, NULL, 0},
    {"lcall ptr", 1, {0x9a}, LEGACY | FAR_OPERAND, NULL, 0},
    {"ljmp [ebx]", 2, {0xff, 0x2b}, BOTH, NULL, 0},
    {"lcall [ebx]", 2, {0xff, 0x1b}, BOTH, NULL, 0},
    {"lret", 1, {0xcb}, BOTH, NULL, 0},
    {"lretw", 2, {0x66, 0xcb}, LEGACY, NULL, 0},
    {"lretq", 2, {0x48, 0xcb}, LONG, NULL, 0},
    {"lret 8", 3, {0xca, 8, 0}, BOTH, NULL, 0},
    {"iret", 1, {0xcf}, BOTH, "kvm_pvm: faults of IRET in another order, error code 0", AT_LONG},
    {"iretw", 2, {0x66, 0xcf}, LEGACY, NULL, 0},
    {"iretq", 2, {0x48, 0xcf}, LONG, "kvm_pvm: faults of IRET in another order, error code 0", AT_LONG},
    {"int n", 1, {0xcd}, BOTH | VECTOR_OPERAND, "kvm_pvm: no INT n at CPL 0; error code 0 for a gate's DPL", ANYWHERE},
    {"int3", 1, {0xcc}, BOTH, "kvm_pvm: the gate's DPL is not looked at", AT_LONG3},
    {"into", 1, {0xce}, LEGACY, NULL, 0},
    {"ud2", 2, {0x0f, 0x0b}, BOTH, NULL, 0},
    {"cli", 1, {0xfa}, BOTH, NULL, 0},
    {"sti", 1, {0xfb}, BOTH, NULL, 0},
    {"pushf", 1, {0x9c}, BOTH, "kvm_pvm: the host's IF", AT_LONG3},
    {"popf", 1, {0x9d}, BOTH, "kvm_pvm: AC is lost", AT_CPL3},
    {"popfw", 2, {0x66, 0x9d}, BOTH, NULL, 0},
    {"clts", 2, {0x0f, 0x06}, BOTH, NULL, 0},
    {"lmsw cx", 3, {0x0f, 0x01, 0xf1}, BOTH, NULL, 0},
    {"mov eax, cr0", 3, {0x0f, 0x20, 0xc0}, BOTH, NULL, 0},
    {"mov eax, cr2", 3, {0x0f, 0x20, 0xd0}, BOTH, NULL, 0},
    {"mov eax, cr4", 3, {0x0f, 0x20, 0xe0}, BOTH, NULL, 0},
    {"mov eax, cr1", 3, {0x0f, 0x20, 0xc8}, BOTH, "#GP comes before #UD", AT_CPL3},
    {"mov cr2, ecx", 3, {0x0f, 0x22, 0xd1}, BOTH, NULL, 0},
    {"mov cr0, edx", 3, {0x0f, 0x22, 0xc2}, BOTH, NULL, 0},
    {"mov ecx, dr7", 3, {0x0f, 0x21, 0xf9}, BOTH, NULL, 0},
    {"invlpg [ebx]", 3, {0x0f, 0x01, 0x3b}, BOTH, NULL, 0},
    {"enter 16, 0", 4, {0xc8, 0x10, 0, 0}, BOTH, NULL, 0},
    {"enter 8, 3", 4, {0xc8, 0x08, 0, 3}, BOTH, NULL, 0},
    {"leave", 1, {0xc9}, BOTH, NULL, 0},
    {"pusha", 1, {0x60}, LEGACY, NULL, 0},
    {"popa", 1, {0x61}, LEGACY, NULL, 0},
    {"bound eax, [ebx]", 2, {0x62, 0x03}, LEGACY, NULL, 0},
    {"swapgs", 3, {0x0f, 0x01, 0xf8}, LONG, NULL, 0},
    {"hlt", 1, {0xf4}, BOTH, NULL, 0},
};
/* clang-format on */

/* --- a case --- */

struct trial {
    const struct row *row;
    bool wide; /* 64-bit mode */
    unsigned cpl;
    u64 gpr[16], rflags, cr0;
    u8 memory[MEMORY];
};

static void put(struct trial *t, u32 at, u64 value, unsigned size)
{
    memcpy(t->memory + at, &value, size);
}

static u64 descriptor(u32 base, u32 limit, unsigned access, unsigned flags)
{
    return (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)access << 40 | (u64)(limit >> 16 & 15) << 48 |
           (u64)flags << 52 | (u64)(base >> 24) << 56;
}

static u16 random_selector(void)
{
    static const u16 often[] = {0, 3, CODE0, DATA0, CODE3 | 3, DATA3 | 3, DATA0 | 3, CODE3, 0x100};
    if (below(3) == 0)
        return often[below(ARRAY_SIZE(often))];
    return (u16)(RANDOM_FROM + 8 * below((GDT_LIMIT + 1 - RANDOM_FROM) / 8)) | (below(2) ? 3 : below(4));
}

/* Segments, gates and what is neither.  Task gates and TSSs only where nothing can switch to them. */
static u64 random_descriptor(const struct trial *t)
{
    unsigned type = below(32);
    if (!t->wide && (type == 1 || type == 5 || type == 9))
        type |= 0x10;
    unsigned access = type | below(4) << 5 | (below(8) ? 0x80 : 0);
    if (type >= 16) {
        unsigned flags = type & 8 ? (t->wide && below(2) ? 0xa : 0xc) : below(4) ? 0xc : 4;
        return descriptor(0, below(6) ? 0xfffff : 0xfff, access | 1, flags);
    }
    if (type == 2 || type == 3 || type == 11 || type == 1 || type == 9)
        return descriptor(GDT, 0xff, access, 0);
    return TARGET | (u64)(below(3) ? (below(2) ? CODE0 : random_selector()) : 0) << 16 | (u64)below(4) << 32 |
           (u64)access << 40;
}

static void make_gdt(struct trial *t)
{
    unsigned code = t->wide ? 0xa : 0xc;
    put(t, GDT + CODE0, descriptor(0, 0xfffff, 0x9b, code), 8);
    put(t, GDT + DATA0, descriptor(0, 0xfffff, 0x93, 0xc), 8);
    put(t, GDT + CODE3, descriptor(0, 0xfffff, 0xfb, code), 8);
    put(t, GDT + DATA3, descriptor(0, 0xfffff, 0xf3, 0xc), 8);
    put(t, GDT + TSS_SEL, descriptor(TSS_AT, 0x67, 0x8b, 0), 8);
    for (unsigned i = RANDOM_FROM; i < GDT_LIMIT; i += 8)
        put(t, GDT + i, random_descriptor(t), 8);
    for (unsigned i = RANDOM_FROM + 8; t->wide && i < GDT_LIMIT; i += 16) /* upper halves, as often as not */
        if (below(2))
            put(t, GDT + i, 0, 8);
}

static void make_idt(struct trial *t)
{
    static const u8 types[] = {0x8e, 0x8f, 0xee, 0xef, 0x0e, 0x86, 0xe6, 0x8c, 0xe2, 0x92};
    for (unsigned i = 0; i < 32; i++) {
        u32 handler = HANDLERS + 16 * i;
        bool strange = i >= 20 && below(2);
        u64 access = strange ? types[below(ARRAY_SIZE(types))] : i & 1 ? 0x8e : 0xee;
        u64 gate = handler | (u64)(strange && below(4) == 0 ? random_selector() : CODE0) << 16 | access << 40;
        put(t, IDT + i * (t->wide ? 16 : 8), gate, 8);
        if (t->wide)
            put(t, IDT + i * 16 + 8, 0, 8);
    }
}

static void make_tss(struct trial *t)
{
    if (t->wide) {
        put(t, TSS_AT + 4, STACK0, 8);
        return;
    }
    put(t, TSS_AT + 4, STACK0, 4);
    put(t, TSS_AT + 8, DATA0, 2);
}

static u32 random_flags(void)
{
    u32 flags = 2 | (random64() & (FLAGS_ARITH | FLAG_DF | FLAG_IOPL | FLAG_AC | FLAG_ID));
    return below(16) ? flags : flags | FLAG_NT;
}

/* What far returns pop, at the operand size that the row has. */
static void make_stack(struct trial *t, u32 sp)
{
    unsigned size = t->row->bytes[0] == 0x66 ? 2 : t->row->bytes[0] == 0x48 ? 8 : 4;
    u64 frame[5] = {TARGET, random_selector(), random_flags(), STACK3, random_selector()};
    bool segment = t->row->bytes[0] == 0x07 || t->row->bytes[0] == 0x17 || t->row->bytes[1] == 0xa9;
    if (segment)
        frame[0] = random_selector();
    if (!strncmp(t->row->name, "popf", 4))
        frame[0] = random_flags();
    if (!strncmp(t->row->name, "lret", 4)) { /* no flags */
        bool release = t->row->bytes[0] == 0xca;
        frame[2] = release ? 0 : frame[3], frame[3] = release ? 0 : frame[4];
        if (release && size == 4)
            frame[4] = STACK3, put(t, sp + 20, random_selector(), 4);
    }
    for (unsigned i = 0; i < 5; i++)
        put(t, sp + i * size, frame[i], size);
}

static void make_pages(struct trial *t)
{
    put(t, PAGES, (PAGES + 0x1000) | 0x27, 8);
    put(t, PAGES + 0x1000, (PAGES + 0x2000) | 0x27, 8);
    put(t, PAGES + 0x2000, 0xe7, 8);
}

static void make_code(struct trial *t)
{
    memset(t->memory + HANDLERS, 0xf4, 0x1000);
    memset(t->memory + CODE, 0xf4, 0x2000);
    memcpy(t->memory + CODE, t->row->bytes, t->row->length);
    unsigned at = CODE + t->row->length;
    if (t->row->flags & FAR_OPERAND) {
        put(t, at, TARGET, 4);
        put(t, at + 4, random_selector(), 2);
    }
    if (t->row->flags & VECTOR_OPERAND)
        put(t, at, below(36), 1);
}

static void make_trial(struct trial *t, const struct row *row)
{
    memset(t, 0, sizeof(*t));
    t->row = row;
    t->wide = (row->flags & BOTH) == BOTH ? below(2) : (row->flags & LONG) != 0;
    t->cpl = below(2) ? 3 : 0;
    for (unsigned i = 0; i < 16; i++)
        t->gpr[i] = t->wide ? random64() & 0x7fff : (u32)random64();
    u32 sp = t->cpl ? STACK3 - 0x100 : STACK0 - 0x100;
    t->gpr[RAX] = random_selector();
    t->gpr[RBX] = DATA;
    t->gpr[RSP] = sp;
    t->gpr[RBP] = sp + 0x40;
    t->rflags = random_flags();
    t->cr0 = CR0_PE | CR0_ET | CR0_NE | (t->wide ? CR0_PG | CR0_WP : 0) | (below(2) ? CR0_TS : 0);
    t->gpr[RDX] = t->cr0 ^ (below(2) ? CR0_TS : CR0_MP);
    t->gpr[RCX] &= 0xfffffff7;
    make_gdt(t);
    make_idt(t);
    make_tss(t);
    make_stack(t, sp);
    if (t->wide)
        make_pages(t);
    make_code(t);
    put(t, DATA, TARGET, 4);
    put(t, DATA + 4, random_selector(), 2);
    if ((row->bytes[1] == 0x01) && (row->bytes[2] == 0x13 || row->bytes[2] == 0x1b)) /* LGDT, LIDT: as they are */
        put(t, DATA, 0xff | (u64)(row->bytes[2] == 0x13 ? GDT : IDT) << 16, 8);
    t->rflags &= ~(u64)(FLAG_AC | (t->wide && t->cpl ? FLAG_IOPL | FLAG_NT : 0)); /* kvm_pvm runs CPL 3 without */
}

/* --- outcome --- */

struct outcome {
    bool shutdown;
    u64 gpr[16], rip, rflags, cr0, cr2, cr4;
    struct segment seg[SEG_COUNT];
    struct descriptor_table gdtr, idtr;
};

/* --- the interpreter --- */

static struct segment flat(const struct trial *t, u16 selector)
{
    u64 d;
    memcpy(&d, t->memory + GDT + (selector & 0xf8), 8);
    struct segment s = {.selector = selector, .limit = 0xffffffff, .access = (d >> 40) & 0xf0ff};
    return s;
}

static void start(struct cpu *cpu, const struct trial *t)
{
    cpu_reset(cpu);
    for (unsigned i = 0; i < 16; i++)
        cpu->gpr[i] = t->gpr[i];
    for (enum seg seg = ES; seg <= GS; seg++)
        cpu->seg[seg] = flat(t, seg == CS ? (t->cpl ? CODE3 | 3 : CODE0) : t->cpl ? DATA3 | 3 : DATA0);
    cpu->seg[TR] = (struct segment){.base = TSS_AT, .limit = 0x67, .selector = TSS_SEL, .access = 0x8b};
    cpu->seg[LDTR] = (struct segment){.access = 0x100}; /* null */
    cpu->gdtr = (struct descriptor_table){GDT, GDT_LIMIT};
    cpu->idtr = (struct descriptor_table){IDT, t->wide ? 511 : 255};
    cpu->cr0 = t->cr0;
    cpu->cr3 = t->wide ? PAGES : 0;
    cpu->cr4 = t->wide ? CR4_PAE : 0;
    cpu->efer = t->wide ? EFER_LME | EFER_LMA : 0;
    cpu->rip = cpu->next_rip = CODE;
    cpu->rflags = t->rflags;
    cpu->cpl = t->cpl;
    cpu_state_changed(cpu);
}

static void interpret(struct cpu *cpu, const struct trial *t, struct outcome *o, u8 *memory)
{
    memcpy(toy.ram, t->memory, MEMORY);
    cpu_map_changed(cpu); /* forget the code of the case before */
    start(cpu, t);
    enum cpu_exit why = cpu_run(cpu, 100);
    memset(o, 0, sizeof(*o));
    o->shutdown = why == CPU_EXIT_SHUTDOWN;
    for (unsigned i = 0; i < 16; i++)
        o->gpr[i] = cpu->gpr[i];
    o->rip = cpu->rip;
    o->rflags = cpu->rflags;
    o->cr0 = cpu->cr0;
    o->cr2 = cpu->cr2;
    o->cr4 = cpu->cr4;
    memcpy(o->seg, cpu->seg, sizeof(o->seg));
    o->gdtr = cpu->gdtr;
    o->idtr = cpu->idtr;
    memcpy(memory, toy.ram, MEMORY);
}

/* --- KVM --- */

static struct {
    int system, vm, vcpu;
    struct kvm_run *run;
    u8 *memory;
} kvm;

static void on_alarm(int number)
{
    kvm.run->immediate_exit = 1;
}

static const char *kvm_open(void)
{
    kvm.system = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm.system < 0)
        return "no /dev/kvm";
    kvm.vm = ioctl(kvm.system, KVM_CREATE_VM, 0);
    kvm.memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct kvm_userspace_memory_region region = {.memory_size = MEMORY, .userspace_addr = (u64)(uintptr_t)kvm.memory};
    if (kvm.vm < 0 || ioctl(kvm.vm, KVM_SET_TSS_ADDR, 0xfffbd000ul) < 0 ||
        ioctl(kvm.vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
        return "KVM makes no virtual machine";
    kvm.vcpu = ioctl(kvm.vm, KVM_CREATE_VCPU, 0);
    int size = ioctl(kvm.system, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (kvm.vcpu < 0 || size < (int)sizeof(*kvm.run))
        return "KVM makes no virtual processor";
    kvm.run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, kvm.vcpu, 0);
    static union {
        struct kvm_cpuid2 cpuid;
        u8 room[sizeof(struct kvm_cpuid2) + 256 * sizeof(struct kvm_cpuid_entry2)];
    } features;
    features.cpuid.nent = 256;
    if (kvm.run == MAP_FAILED || ioctl(kvm.system, KVM_GET_SUPPORTED_CPUID, &features.cpuid) < 0 ||
        ioctl(kvm.vcpu, KVM_SET_CPUID2, &features.cpuid) < 0)
        return "KVM takes no CPUID";
    struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &action, NULL);
    return NULL;
}

static struct kvm_segment to_kvm(const struct segment *s)
{
    return (struct kvm_segment){
        .base = s->base,
        .limit = s->limit,
        .selector = s->selector,
        .type = s->access & 15,
        .s = s->access >> 4 & 1,
        .dpl = s->access >> 5 & 3,
        .present = s->access >> 7 & 1,
        .avl = s->access >> 12 & 1,
        .l = s->access >> 13 & 1,
        .db = s->access >> 14 & 1,
        .g = s->access >> 15 & 1,
        .unusable = s->access >> 8 & 1,
    };
}

static struct segment from_kvm(const struct kvm_segment *k)
{
    struct segment s = {.base = k->base, .limit = k->limit, .selector = k->selector};
    s.access =
        k->type | k->s << 4 | k->dpl << 5 | k->present << 7 | k->avl << 12 | k->l << 13 | k->db << 14 | k->g << 15;
    if (k->unusable)
        s.access = SEG_NULL;
    return s;
}

static struct kvm_segment *segment_of(struct kvm_sregs *s, enum seg seg)
{
    struct kvm_segment *const order[] = {&s->es, &s->cs, &s->ss, &s->ds, &s->fs, &s->gs, &s->ldt, &s->tr};
    return order[seg];
}

static bool kvm_start(const struct trial *t, const struct cpu *cpu)
{
    struct kvm_regs regs = {.rip = CODE, .rflags = t->rflags};
    struct kvm_sregs sregs;
    struct kvm_vcpu_events events;
    const u64 *g = t->gpr;
    regs.rax = g[0], regs.rcx = g[1], regs.rdx = g[2], regs.rbx = g[3];
    regs.rsp = g[4], regs.rbp = g[5], regs.rsi = g[6], regs.rdi = g[7];
    regs.r8 = g[8], regs.r9 = g[9], regs.r10 = g[10], regs.r11 = g[11];
    regs.r12 = g[12], regs.r13 = g[13], regs.r14 = g[14], regs.r15 = g[15];
    memcpy(kvm.memory, t->memory, MEMORY);
    if (ioctl(kvm.vcpu, KVM_GET_SREGS, &sregs) < 0)
        return false;
    for (enum seg seg = ES; seg < SEG_COUNT; seg++)
        *segment_of(&sregs, seg) = to_kvm(&cpu->seg[seg]);
    sregs.gdt = (struct kvm_dtable){.base = GDT, .limit = GDT_LIMIT};
    sregs.idt = (struct kvm_dtable){.base = IDT, .limit = t->wide ? 511 : 255};
    sregs.cr0 = t->cr0, sregs.cr2 = 0, sregs.cr3 = t->wide ? PAGES : 0, sregs.cr4 = t->wide ? CR4_PAE : 0;
    sregs.efer = t->wide ? EFER_LME | EFER_LMA : 0;
    struct kvm_mp_state state = {.mp_state = KVM_MP_STATE_RUNNABLE};
    if (ioctl(kvm.vcpu, KVM_GET_VCPU_EVENTS, &events) < 0)
        return false;
    events.exception.injected = events.exception.pending = 0;
    events.interrupt.injected = events.interrupt.shadow = events.nmi.injected = events.nmi.pending = 0;
    events.triple_fault.pending = 0;
    ioctl(kvm.vcpu, KVM_SET_MP_STATE, &state);
    return ioctl(kvm.vcpu, KVM_SET_VCPU_EVENTS, &events) >= 0 && ioctl(kvm.vcpu, KVM_SET_SREGS, &sregs) >= 0 &&
           ioctl(kvm.vcpu, KVM_SET_REGS, &regs) >= 0;
}

/* False: KVM did not come to an end that tells anything. */
static bool kvm_finish(struct outcome *o)
{
    struct kvm_regs r;
    struct kvm_sregs s;
    struct itimerval limit = {.it_value.tv_usec = 200000}, none = {0};
    kvm.run->immediate_exit = 0;
    setitimer(ITIMER_REAL, &limit, NULL);
    int result = ioctl(kvm.vcpu, KVM_RUN, 0);
    setitimer(ITIMER_REAL, &none, NULL);
    memset(o, 0, sizeof(*o));
    if (result < 0 || (kvm.run->exit_reason != KVM_EXIT_HLT && kvm.run->exit_reason != KVM_EXIT_SHUTDOWN))
        return false;
    o->shutdown = kvm.run->exit_reason == KVM_EXIT_SHUTDOWN;
    if (ioctl(kvm.vcpu, KVM_GET_REGS, &r) < 0 || ioctl(kvm.vcpu, KVM_GET_SREGS, &s) < 0)
        return false;
    const u64 gpr[16] = {r.rax, r.rcx, r.rdx, r.rbx, r.rsp, r.rbp, r.rsi, r.rdi,
                         r.r8,  r.r9,  r.r10, r.r11, r.r12, r.r13, r.r14, r.r15};
    memcpy(o->gpr, gpr, sizeof(gpr));
    o->rip = r.rip, o->rflags = r.rflags, o->cr0 = s.cr0, o->cr2 = s.cr2, o->cr4 = s.cr4;
    for (enum seg seg = ES; seg < SEG_COUNT; seg++)
        o->seg[seg] = from_kvm(segment_of(&s, seg));
    o->gdtr = (struct descriptor_table){s.gdt.base, s.gdt.limit};
    o->idtr = (struct descriptor_table){s.idt.base, s.idt.limit};
    return true;
}

/* --- comparison --- */

static const char *const names[] = {"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"};

static bool same(char *why, const char *what, u64 ours, u64 theirs)
{
    if (ours == theirs)
        return true;
    snprintf(why, 200, "%s: %llx, KVM %llx", what, (unsigned long long)ours, (unsigned long long)theirs);
    return false;
}

/* A null segment has only its selector; KVM may call it usable or not. */
static bool same_segment(char *why, enum seg seg, const struct segment *a, const struct segment *b)
{
    char what[20];
    snprintf(what, sizeof(what), "%s", names[seg]);
    if (!same(why, what, a->selector, b->selector))
        return false;
    if (a->selector < 4)
        return true;
    snprintf(what, sizeof(what), "%s base", names[seg]);
    if (!same(why, what, a->base, b->base))
        return false;
    snprintf(what, sizeof(what), "%s limit", names[seg]);
    if (!same(why, what, a->limit, b->limit))
        return false;
    snprintf(what, sizeof(what), "%s access", names[seg]);
    return same(why, what, a->access & ~1u, b->access & ~1u);
}

static bool same_memory(char *why, const u8 *a, const u8 *b)
{
    for (unsigned i = 0; i < PAGES; i++)
        if (a[i] != b[i]) {
            snprintf(why, 200, "memory %x: %02x, KVM %02x", i, a[i], b[i]);
            return false;
        }
    return true;
}

static bool compare(char *why, const struct outcome *a, const struct outcome *b, const u8 *memory_a, const u8 *memory_b)
{
    char what[20];
    if (!same(why, "shutdown", a->shutdown, b->shutdown))
        return false;
    if (a->shutdown)
        return true;
    if (!same(why, "rip", a->rip, b->rip))
        return false;
    for (unsigned i = 0; i < 16; i++) {
        snprintf(what, sizeof(what), "register %u", i);
        if (!same(why, what, a->gpr[i], b->gpr[i]))
            return false;
    }
    if (!same(why, "rflags", a->rflags, b->rflags) || !same(why, "cr0", a->cr0, b->cr0) ||
        !same(why, "cr2", a->cr2, b->cr2) || !same(why, "cr4", a->cr4, b->cr4) ||
        !same(why, "gdtr", a->gdtr.base << 16 | a->gdtr.limit, b->gdtr.base << 16 | b->gdtr.limit) ||
        !same(why, "idtr", a->idtr.base << 16 | a->idtr.limit, b->idtr.base << 16 | b->idtr.limit))
        return false;
    for (enum seg seg = ES; seg < SEG_COUNT; seg++)
        if (!same_segment(why, seg, &a->seg[seg], &b->seg[seg]))
            return false;
    return same_memory(why, memory_a, memory_b);
}

/* --- the test --- */

static unsigned long long setting(const char *name, unsigned long long otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 0) : otherwise;
}

static struct {
    unsigned same, differ, known, cannot;
    char why[200];
} results[ARRAY_SIZE(rows)];

static void run_case(struct cpu *cpu, unsigned row)
{
    static struct trial t;
    static u8 memory[MEMORY];
    struct outcome ours, theirs;
    char why[200] = "";
    make_trial(&t, &rows[row]);
    memcpy(toy.ram, t.memory, MEMORY);
    start(cpu, &t);
    if (!kvm_start(&t, cpu) || !kvm_finish(&theirs)) {
        results[row].cannot++;
        return;
    }
    interpret(cpu, &t, &ours, memory);
    if (theirs.rip == HANDLERS + 6 * 16 + 1 &&
        ours.rip != theirs.rip) { /* #UD: its emulator knows no such instruction */
        results[row].cannot++;
        return;
    }
    if (compare(why, &ours, &theirs, memory, kvm.memory)) {
        results[row].same++;
        return;
    }
    unsigned where = t.wide ? (t.cpl ? AT_LONG3 : AT_LONG0) : t.cpl ? 4 : 8;
    if (rows[row].differs && (rows[row].where & where)) {
        results[row].known++;
        return;
    }
    if (!results[row].differ++)
        snprintf(results[row].why, sizeof(results[row].why), "%s, CPL %u: %.150s", t.wide ? "64-bit" : "32-bit", t.cpl,
                 why);
}

TEST(privileged_instructions_do_what_they_do_in_kvm)
{
    const char *missing = kvm_open();
    if (missing)
        SKIP(missing);
    struct cpu *cpu = toy_cpu("max");
    unsigned cases = setting("KVM_STEP_CASES", 200), same = 0, cannot = 0, known = 0;
    random_state = setting("KVM_STEP_SEED", 0x9e3779b97f4a7c15ull);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        for (unsigned n = 0; n < cases; n++)
            run_case(cpu, i);
        same += results[i].same;
        cannot += results[i].cannot;
        known += results[i].known;
        if (results[i].known)
            printf("kvm: %s: %u differ: %s\n", rows[i].name, results[i].known, rows[i].differs);
        if (results[i].differ) {
            unit_errors++;
            printf("%s: %u of %u differ, first: %s\n", rows[i].name, results[i].differ, cases, results[i].why);
        }
    }
    printf("kvm: %u cases of %zu instructions the same, %u differ for known reasons, %u that this KVM cannot execute\n",
           same, ARRAY_SIZE(rows), known, cannot);
    cpu_destroy(cpu);
}

UNIT_MAIN()
