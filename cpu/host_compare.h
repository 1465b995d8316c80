/*
 * For tests of instructions: the same bytes executed in 64-bit mode by the interpreter and by the host's processor, on
 * random and corner-case operands, and everything that comes out compared.  Also short programs in real-address mode.
 *
 * Cases use the registers of struct native only; RSI points to 64 bytes of memory, aligned to 64.
 */
#ifndef CPU_HOST_COMPARE_H
#define CPU_HOST_COMPARE_H

#include <sys/mman.h>

#include "cpu/opcodes.h"
#include "cpu/simd.h"
#include "cpu/toy_code.h"
#include "tests/random.h"

#define DATA 0x5000u

enum compare_option {
    IMMEDIATE = 1, /* the last byte is an immediate: any value */
    FLOATS = 2,    /* operands and MXCSR for floating point */
    SMALL = 4,     /* RAX and RDX hold small numbers (lengths of strings) */
};

struct compare_case {
    const char *hex;
    u8 options;
};

struct native {
    u64 rax, rcx, rdx, rbx, r8, r9, rsi, flags;
    union simd xmm[4]; /* XMM0, XMM1, XMM2, XMM9 */
    u64 mm[2];         /* MM1, MM2 */
    u32 mxcsr;
    u8 memory[64] __attribute__((aligned(64)));
};

/* --- operands --- */

static u64 random_integer(void)
{
    static const u64 corners[] = {0, 1, ~0ull, 0x8000000000000000ull, 0x7fffffffffffffffull, 0x8080808080808080ull,
                                  0x7f807f807f807f80ull, 0x80007fff80007fffull, 0x8000000080000000ull, 0xffull,
                                  0x00ff00ff00ff00ffull, 0x7fffffff7fffffffull};
    u64 r = random64();
    switch (r & 3) {
    case 0: return corners[(r >> 8) % ARRAY_SIZE(corners)];
    case 1: return random64() & random64() & random64();
    case 2: /* equal and zero bytes: strings */
        return (random64() & 0x0303030303030303ull) * ((r >> 9) & 1 ? 1 : 0x21);
    default: return random64();
    }
}

static u32 random_single(void)
{
    static const u32 corners[] = {0, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00001, 0xffc00002,
                                  0x7f800003, 0xff8fffff, 1, 0x80000001, 0x007fffff, 0x00800000, 0x7f7fffff, 0x3f000000,
                                  0x3effffff, 0xbf000000, 0x3fc00000, 0x40200000, 0xc0200000, 0x4b000001, 0x4affffff};
    u64 r = random64();
    if (r & 1)
        return corners[(r >> 8) % ARRAY_SIZE(corners)];
    return r & 2 ? (u32)(r >> 32) : (u32)((r >> 32 & 0x81ffffff) + 0x3f000000);
}

static u64 random_double(void)
{
    static const u64 corners[] = {0, 1ull << 63, 0x3ff0000000000000ull, 0x7ff0000000000000ull, 0xfff0000000000000ull,
                                  0x7ff8000000000001ull, 0xfff8000000000002ull, 0x7ff0000000000003ull, 1,
                                  0x000fffffffffffffull, 0x0010000000000000ull, 0x7fefffffffffffffull,
                                  0x3fe0000000000000ull, 0xbfdfffffffffffffull, 0xbff8000000000000ull,
                                  0x4330000000000001ull, 0x432fffffffffffffull, 0x4004000000000000ull};
    u64 r = random64();
    if (r & 1)
        return corners[(r >> 8) % ARRAY_SIZE(corners)];
    return r & 2 ? random64() : (random64() & 0x803fffffffffffffull) + 0x3fe0000000000000ull;
}

static u64 random_quad(unsigned options)
{
    if (!(options & FLOATS))
        return random_integer();
    return random64() & 1 ? random_double() : random_single() | (u64)random_single() << 32;
}

static void random_native(struct native *n, unsigned options)
{
    u64 *gpr = &n->rax;
    for (unsigned i = 0; i < 6; i++)
        gpr[i] = options & SMALL && i != 1 ? (u64)(i64)(i32)(random64() % 41 - 20) : random_integer();
    n->flags = 0x202 | (random64() & FLAGS_ARITH);
    for (unsigned i = 0; i < 4; i++)
        for (unsigned k = 0; k < 2; k++)
            n->xmm[i].q[k] = random_quad(options);
    n->mm[0] = random_integer();
    n->mm[1] = random_integer();
    for (unsigned i = 0; i < 8; i++) {
        u64 quad = random_quad(options);
        memcpy(&n->memory[8 * i], &quad, 8);
    }
    n->mxcsr = 0x1f80;
    if (options & FLOATS)
        n->mxcsr |= (u32)(random64() & 0xe07f) & (random64() & 1 ? 0xffff : 0x0000);
}

/* --- host --- */

#if defined(__x86_64__)

static u8 *native_page;

static bool native_ready(void)
{
    if (!native_page)
        native_page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return native_page != MAP_FAILED;
}

#define OFFSET(field) [field] "i"(offsetof(struct native, field))

static void native_run(struct native *n, const u8 *code, unsigned length)
{
    memcpy(native_page, code, length);
    native_page[length] = 0xc3;
    n->rsi = (u64)(uintptr_t)n->memory;
    register struct native *r12 asm("r12") = n;
    register u8 *r13 asm("r13") = native_page;
    asm volatile("lea -256(%%rsp), %%rsp\n\t"
                 "ldmxcsr %c[mxcsr](%%r12)\n\t"
                 "movdqu %c[xmm](%%r12), %%xmm0\n\tmovdqu %c[xmm]+16(%%r12), %%xmm1\n\t"
                 "movdqu %c[xmm]+32(%%r12), %%xmm2\n\tmovdqu %c[xmm]+48(%%r12), %%xmm9\n\t"
                 "movq %c[mm](%%r12), %%mm1\n\tmovq %c[mm]+8(%%r12), %%mm2\n\t"
                 "pushq %c[flags](%%r12)\n\tpopfq\n\t"
                 "mov %c[rax](%%r12), %%rax\n\tmov %c[rcx](%%r12), %%rcx\n\tmov %c[rdx](%%r12), %%rdx\n\t"
                 "mov %c[rbx](%%r12), %%rbx\n\tmov %c[r8](%%r12), %%r8\n\tmov %c[r9](%%r12), %%r9\n\t"
                 "mov %c[rsi](%%r12), %%rsi\n\t"
                 "call *%%r13\n\t"
                 "mov %%rax, %c[rax](%%r12)\n\tmov %%rcx, %c[rcx](%%r12)\n\tmov %%rdx, %c[rdx](%%r12)\n\t"
                 "mov %%rbx, %c[rbx](%%r12)\n\tmov %%r8, %c[r8](%%r12)\n\tmov %%r9, %c[r9](%%r12)\n\t"
                 "pushfq\n\tpopq %c[flags](%%r12)\n\t"
                 "movdqu %%xmm0, %c[xmm](%%r12)\n\tmovdqu %%xmm1, %c[xmm]+16(%%r12)\n\t"
                 "movdqu %%xmm2, %c[xmm]+32(%%r12)\n\tmovdqu %%xmm9, %c[xmm]+48(%%r12)\n\t"
                 "movq %%mm1, %c[mm](%%r12)\n\tmovq %%mm2, %c[mm]+8(%%r12)\n\t"
                 "stmxcsr %c[mxcsr](%%r12)\n\tmovl $0x1f80, -8(%%rsp)\n\tldmxcsr -8(%%rsp)\n\temms\n\t"
                 "lea 256(%%rsp), %%rsp"
                 : "+r"(r12), "+r"(r13)
                 : OFFSET(mxcsr), OFFSET(xmm), OFFSET(mm), OFFSET(flags), OFFSET(rax), OFFSET(rcx), OFFSET(rdx),
                   OFFSET(rbx), OFFSET(r8), OFFSET(r9), OFFSET(rsi)
                 : "rax", "rcx", "rdx", "rbx", "r8", "r9", "rsi", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm9", "mm1",
                   "mm2");
}

static void host_cpuid(u32 leaf, u32 subleaf, u32 out[4])
{
    asm volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "a"(leaf), "c"(subleaf));
}

static bool host_has(unsigned feature)
{
    static const struct {
        u32 leaf, subleaf, reg, bit;
    } places[FEATURE_COUNT] = {
#define EAX 0
#define EBX 1
#define ECX 2
#define EDX 3
#define PLACE(feature, text, leaf, subleaf, reg, bit) [FEATURE_##feature] = {leaf, subleaf, reg, bit},
        FEATURES(PLACE)
#undef EAX
#undef EBX
#undef ECX
#undef EDX
    };
    u32 out[4], leaf = places[feature].leaf;
    if (!feature || leaf == FEATURE_NO_LEAF)
        return true;
    host_cpuid(leaf & 0x80000000, 0, out);
    if (out[0] < leaf)
        return false;
    host_cpuid(leaf, places[feature].subleaf, out);
    return out[places[feature].reg] >> places[feature].bit & 1;
}

#else

static bool native_ready(void) { return false; }
static void native_run(struct native *n, const u8 *code, unsigned length) {}
static bool host_has(unsigned feature) { return false; }

#endif

/* --- interpreter --- */

/* The first 2 MiB mapped to themselves. */
static void enter_64bit_mode(struct toy *toy)
{
    struct cpu *cpu = toy->cpu;
    poke(toy, 0x10000, 0x11007, 8);
    poke(toy, 0x11000, 0x12007, 8);
    poke(toy, 0x12000, 0x87, 8);
    toy_protected_mode(toy);
    toy_set_descriptor(toy, TOY_CODE0, toy_descriptor(0, 0xfffff, 0x9b, 0xa));
    toy_set_descriptor(toy, TOY_CODE3, toy_descriptor(0, 0xfffff, 0xfb, 0xa));
    cpu->cr3 = 0x10000;
    cpu->cr4 |= CR4_PAE;
    cpu->efer |= EFER_LME | EFER_LMA | EFER_SCE;
    cpu->cr0 |= CR0_PG;
    toy_set_cpl(toy, 0);
    cpu_state_changed(cpu);
}

/* --- comparison --- */

static const struct opcode *covered[512];
static unsigned covered_count;

static bool is_covered(const struct opcode *opcode)
{
    for (unsigned i = 0; i < covered_count; i++)
        if (covered[i] == opcode)
            return true;
    return false;
}

static void emulate(struct toy *toy, struct native *n, const u8 *code, unsigned length)
{
    struct cpu *cpu = toy->cpu;
    static const u8 gprs[6] = {RAX, RCX, RDX, RBX, R8, R9}, xmms[4] = {0, 1, 2, 9};
    u64 *values = &n->rax;
    if (memcmp(toy->ram + CODE, code, length) || toy->ram[CODE + length] != 0xf4) {
        memcpy(toy->ram + CODE, code, length);
        toy->ram[CODE + length] = 0xf4;
        block_written(cpu, CODE, length + 1);
    }
    for (unsigned i = 0; i < 6; i++)
        cpu->gpr[gprs[i]] = values[i];
    cpu->gpr[RSI] = DATA;
    for (unsigned i = 0; i < 4; i++)
        memcpy(&cpu->vec[xmms[i]], &n->xmm[i], 16);
    for (unsigned i = 0; i < 2; i++)
        cpu->fpu.reg[1 + i].mantissa = n->mm[i];
    memcpy(toy->ram + DATA, n->memory, sizeof n->memory);
    cpu->mxcsr = n->mxcsr;
    cpu->rflags = n->flags & ~(u64)FLAG_IF;
    cpu->rip = CODE;
    cpu->activity = ACTIVITY_ACTIVE;
    cpu_run(cpu, 2);
    CHECK_EQ(cpu->rip, CODE + length + 1);
    for (unsigned i = 0; i < 6; i++)
        values[i] = cpu->gpr[gprs[i]];
    for (unsigned i = 0; i < 4; i++)
        memcpy(&n->xmm[i], &cpu->vec[xmms[i]], 16);
    for (unsigned i = 0; i < 2; i++)
        n->mm[i] = cpu->fpu.reg[1 + i].mantissa;
    memcpy(n->memory, toy->ram + DATA, sizeof n->memory);
    n->mxcsr = cpu->mxcsr;
    n->flags = cpu->rflags;
}

static void print_native(const char *what, const struct native *n)
{
    const u64 *gpr = &n->rax;
    printf("  %s:", what);
    for (unsigned i = 0; i < 6; i++)
        printf(" %llx", (unsigned long long)gpr[i]);
    printf(", flags %llx, mxcsr %x, mm %llx %llx\n   ", (unsigned long long)n->flags & FLAGS_ARITH, n->mxcsr,
           (unsigned long long)n->mm[0], (unsigned long long)n->mm[1]);
    for (unsigned i = 0; i < 4; i++)
        printf(" %016llx.%016llx", (unsigned long long)n->xmm[i].q[1], (unsigned long long)n->xmm[i].q[0]);
    printf("\n    %016llx.%016llx\n", (unsigned long long)((const u64 *)(const void *)n->memory)[1],
           (unsigned long long)((const u64 *)(const void *)n->memory)[0]);
}

/* False at the first difference. */
static bool compare_once(struct toy *toy, const struct compare_case *c, const u8 *code, unsigned length, u32 flags)
{
    static struct native before __attribute__((aligned(64))), host __attribute__((aligned(64))),
        guest __attribute__((aligned(64)));
    random_native(&before, c->options);
    host = guest = before;
    native_run(&host, code, length);
    emulate(toy, &guest, code, length);
    host.rsi = guest.rsi = 0;
    host.flags &= flags;
    guest.flags &= flags;
    if (!memcmp(&host, &guest, sizeof host))
        return true;
    unit_errors++;
    printf("%s (imm %02x): interpreter and host differ\n", c->hex, code[length - 1]);
    print_native("before", &before);
    print_native("host", &host);
    print_native("here", &guest);
    return false;
}

static inline void compare_with_host(const struct compare_case *cases, unsigned count, unsigned rounds)
{
    struct toy *toy = start_model("max");
    unsigned skipped = 0;
    enter_64bit_mode(toy);
    if (!native_ready())
        SKIP("the host cannot execute x86-64 code");
    for (unsigned i = 0; i < count; i++) {
        u8 code[16];
        unsigned length = from_hex(cases[i].hex, code, sizeof code);
        struct decoder decoder = {SIZE_64, NULL};
        struct insn insn;
        decode(&decoder, code, length, &insn);
        if (insn.opcode == &opcode_invalid || insn.length != length) {
            unit_errors++;
            printf("%s: is not an instruction of %u bytes\n", cases[i].hex, length);
            continue;
        }
        if (!is_covered(insn.opcode))
            covered[covered_count++] = insn.opcode;
        if (!host_has(insn.opcode->feature)) {
            skipped++;
            continue;
        }
        u32 flags = FLAGS_ARITH & ~(u32)insn.opcode->flags_undefined;
        for (unsigned round = 0; round < rounds; round++) {
            if (cases[i].options & IMMEDIATE)
                code[length - 1] = rounds >= 256 ? (u8)round : (u8)random64();
            if (!compare_once(toy, &cases[i], code, length, flags))
                break;
        }
    }
    if (skipped)
        printf("%u of %u instructions skipped: the host does not have them\n", skipped, count);
    toy_destroy(toy);
}

/* Every row of a feature must have been compared; those with vectors under VEX are left to tests/silicon_test.c. */
static inline void check_rows_covered(const u8 *features, unsigned count)
{
    for (unsigned row = 0; row < opcode_count; row++)
        for (unsigned i = 0; i < count; i++)
            if (opcode_table[row].feature == features[i] && !is_covered(&opcode_table[row]) &&
                !(opcode_patterns[row].map >= MAP_V0F && opcode_table[row].reg_class == CLASS_XMM)) {
                unit_errors++;
                printf("no test for row %s\n", opcode_table[row].source);
            }
}

#endif
