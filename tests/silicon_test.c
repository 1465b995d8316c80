/*
 * The interpreter against the host's processor: every user-mode row of the opcode table with random and corner-case
 * operands, in 64-bit mode and in compatibility mode, executed by both; all registers, flags, memory, x87 and SSE
 * state must agree bit for bit, and faults must be the same faults.
 *
 * The seed is fixed and the number of cases bounded, so that `make check` repeats itself.  Environment:
 *   SILICON_SEED=n    another seed         SILICON_CASES=n   cases for each row and mode
 *   SILICON_SEQUENCES=n runs of several instructions
 *   SILICON_ENDLESS=1 new seeds for ever, until something differs (make fuzz-cpu)
 *   SILICON_ROW=text  only rows whose text contains this    SILICON_VERBOSE=1  exclusions row by row
 *   SILICON_RECORD=file results for recorded_test
 *   SILICON_BASELINE=1 as if the host had no extension beyond SSE2: do tests of our own cover the rest?
 *
 * Not compared: flags that the row leaves undefined, and what `differences` below lists with its reason.
 * Skipped on hosts that are not x86-64 Linux.
 */
#include "tests/unit.h"

#if defined(__x86_64__) && defined(__linux__)

#include <cpuid.h>
#include <time.h>

#include "cpu/coverage.h"
#include "tests/silicon_cases.h"
#include "tests/silicon_guest.h"
#include "tests/silicon_host.h"
#include "tests/silicon_record.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DEFAULT_CASES 16
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define DEFAULT_CASES 16
#endif
#endif
#ifndef DEFAULT_CASES
#define DEFAULT_CASES 160
#endif

/* --- rows that are not executed --- */

struct exclusion {
    const char *mnemonic; /* as the row has it, or its beginning before '*' */
    const char *reason;
};

static const struct exclusion exclusions[] = {
    {"syscall", "enters the host's kernel"},
    {"sysenter", "enters the host's kernel"},
    {"sysexit", "AMD has it in legacy mode only: #UD instead of #GP"},
    {"cpuid", "the host's own answers"},
    {"rdtsc*", "time"},
    {"rdpmc", "whether the host's kernel lets users is not known"},
    {"rdrand", "random"},
    {"rdseed", "random"},
    {"rdpid", "the host's own answer"},
    {"xgetbv", "the host's own answer"},
    {"sgdt", "Linux emulates it under UMIP"},
    {"sidt", "Linux emulates it under UMIP"},
    {"smsw", "Linux emulates it under UMIP"},
    {"sldt", "Linux emulates it under UMIP"},
    {"str", "Linux emulates it under UMIP"},
    {"rdfsbase", "FS base is the sandbox's thread pointer"},
    {"wrfsbase", "FS base is the sandbox's thread pointer"},
    {"lfs", "FS is the sandbox's thread pointer"},
    {"clflush*", "no effect to compare"},
    {"clwb", "no effect to compare"},
    {"xsave*", "the host has more state components: another layout"},
    {"xrstor*", "the host has more state components: another layout"},
    {"vmcall", "the hypervisor's"},
    {"vmmcall", "the hypervisor's"},
};

static bool matches(const char *mnemonic, const char *pattern)
{
    size_t length = strcspn(pattern, "*");
    return !strncmp(mnemonic, pattern, length) && (pattern[length] == '*' || !mnemonic[length]);
}

static bool host_has(unsigned feature)
{
    static const struct {
        u32 leaf, subleaf, reg, bit;
    } bits[] = {{FEATURE_NO_LEAF, 0, 0, 0},
#define FEATURE_WHERE(name, text, leaf, subleaf, reg, bit) {leaf, subleaf, FEATURE_##reg, bit},
                FEATURES(FEATURE_WHERE)
#undef FEATURE_WHERE
    };
    u32 out[4];
    if (bits[feature].leaf == FEATURE_NO_LEAF)
        return true;
    if (getenv("SILICON_BASELINE") && feature != FEATURE_LM &&
        (bits[feature].leaf != 1 || bits[feature].reg != FEATURE_EDX))
        return false;
    if (!__get_cpuid_count(bits[feature].leaf, bits[feature].subleaf, &out[0], &out[1], &out[2], &out[3]))
        return false;
    return out[bits[feature].reg] >> bits[feature].bit & 1;
}

static const char *excluded(struct cpu *cpu, const struct opcode *opcode)
{
    if (!host_has(opcode->feature))
        return "the host lacks the feature";
    if (!feature_test(cpu->features, opcode->feature))
        return "the model lacks the feature";
    for (unsigned i = 0; i < ARRAY_SIZE(exclusions); i++)
        if (matches(opcode->mnemonic, exclusions[i].mnemonic))
            return exclusions[i].reason;
    if (opcode->operands[0] == OPERAND_rFS && named(opcode, "pop"))
        return "FS is the sandbox's thread pointer";
    if (opcode->operands[0] == OPERAND_Sw && strstr(opcode->source, " 4 "))
        return "FS is the sandbox's thread pointer";
    return NULL;
}

/* --- known differences between processors --- */

enum part {
    PART_APPROXIMATE = 1, /* XMM registers: singles may differ by 1.5 * 2^-11 of their value, both makers' 2^-12 */
    PART_CR2 = 2,
    PART_UPPER_HALF = 4, /* of general registers, with 32-bit operands */
    PART_PE = 0x20,
    PART_C0 = 0x100, /* bits of the x87 status word at their places */
    PART_C1 = 0x200,
    PART_C2 = 0x400,
    PART_C3 = 0x4000,
    PART_CONDITION = PART_C0 | PART_C1 | PART_C2 | PART_C3,
    PART_X87 = 0x10000,
    PART_FLAGS = 0x20000,    /* arithmetic */
    PART_STACK = 0x40000,    /* bytes 2 and 3 of what was pushed */
    PART_FXSAVE = 0x80000,   /* last opcode and pointers, MXCSR_MASK in memory */
    PART_GENERAL = 0x100000, /* general registers */
    PART_MEMORY = 0x400000,
    PART_ALL = 0x200000,
};

/* In which cases: `mnemonic` is what the row has or its beginning before '*'. */
enum when {
    ALWAYS,
    BITS32,    /* outside of 64-bit mode */
    SIZED32,   /* operand size 32 */
    IN_MEMORY, /* the operand is */
    IN_REGISTER,
    INVALID,        /* an unmasked invalid operation or denormal operand */
    NAN_RESULT,     /* ST(0) becomes a NaN */
    NO_COUNT,       /* REP with a count of 0 */
    FAULT,          /* it ends in a fault */
    STACK_FIRST,    /* silicon has #PF or #AC where we have #GP */
    ALIGNMENT,      /* silicon has #AC where we have none */
    SEGMENT_SLOT,   /* #AC for a segment register's slot on the stack */
    ONLY_SILICON,   /* faults */
    PENDING,        /* an x87 exception waits */
    UNMASKED_RANGE, /* overflow or underflow, unmasked */
    UNALIGNED,      /* the operand in memory is not on a 16-byte boundary */
    VEX_W32,        /* VEX.W is set outside of 64-bit mode */
};

struct difference {
    const char *mnemonic;
    enum when when;
    unsigned parts; /* that are not compared */
    const char *reason;
};

static const struct difference differences[] = {
    {"rcp*", ALWAYS, PART_APPROXIMATE, "each maker's own tables; relative error up to 1.5 * 2^-12 (SDM)"},
    {"vrcp*", ALWAYS, PART_APPROXIMATE, "each maker's own tables; relative error up to 1.5 * 2^-12 (SDM)"},
    {"vrsqrt*", ALWAYS, PART_APPROXIMATE, "each maker's own tables; relative error up to 1.5 * 2^-12 (SDM)"},
    {"rsqrt*", ALWAYS, PART_APPROXIMATE, "each maker's own tables; relative error up to 1.5 * 2^-12 (SDM)"},
    {"cmpxchg", SIZED32, PART_UPPER_HALF, "AMD leaves the upper half of a destination that was not equal"},
    {"push", BITS32, PART_STACK, "segment registers: Intel writes 16 bits of the slot, AMD all of it (SDM, PUSH)"},
    {"iret*", ALWAYS, PART_CR2, "order in which the stack is read"},
    {"retf", ALWAYS, PART_CR2, "order in which the stack is read"},
    {"fnstenv", ALWAYS, PART_CR2, "order in which the fields are written"},
    {"fnsave", ALWAYS, PART_CR2, "order in which the fields are written"},
    {"fldenv", ALWAYS, PART_CR2, "order in which the fields are read"},
    {"frstor", ALWAYS, PART_CR2, "order in which the fields are read"},
    {"ins*", NO_COUNT, PART_ALL, "AMD checks the I/O permission even so"},
    {"outs*", NO_COUNT, PART_ALL, "AMD checks the I/O permission even so"},
    {"nop", IN_REGISTER, PART_ALL, "0F 0D with a register: #UD on AMD"},
    {"int1", ALWAYS, PART_ALL, "hypervisors that intercept #DB report the address of INT1 itself"},
    {"fcmov*", ALWAYS, PART_C1, "AMD keeps C1"},
    {"fcomi*", ALWAYS, PART_C1, "AMD keeps C1; SDM, FCOMI: cleared"},
    {"fucomi*", ALWAYS, PART_C1, "AMD keeps C1; SDM, FCOMI: cleared"},
    {"ffree*", ALWAYS, PART_CONDITION, "undefined (SDM, FFREE)"},
    {"fcom*", INVALID, PART_CONDITION | PART_FLAGS, "AMD sets them even if invalid is unmasked; SDM, FCOM: not"},
    {"fucom*", INVALID, PART_CONDITION | PART_FLAGS, "as FCOM"},
    {"ficom*", INVALID, PART_CONDITION, "as FCOM"},
    {"ftst", INVALID, PART_CONDITION, "as FCOM"},
    {"fprem*", NAN_RESULT, PART_C0 | PART_C1 | PART_C3, "no quotient: bits undefined"},
    {"retf", STACK_FIRST, PART_ALL, "AMD reads the outer stack before it looks at the selector"},
    {"iret*", STACK_FIRST, PART_ALL, "AMD reads all of the frame before it looks at the selector"},
    {"call", STACK_FIRST, PART_ALL, "AMD looks at the stack before it looks at the target"},
    {"push", SEGMENT_SLOT, PART_ALL, "as above: AMD's 32-bit write is unaligned where Intel's 16 bits are not"},
    {"enter", ALIGNMENT, PART_ALL, "AMD checks the alignment of the probe at the new stack pointer; SDM: a #PF only"},
    {"bound", ALIGNMENT, PART_ALL, "AMD takes the pair of bounds as one operand; SDM: two words or doublewords"},
    {"pusha*", FAULT, PART_MEMORY | PART_CR2, "AMD pushes word by word until the fault; we check all of it first"},
    {"popa*", FAULT, PART_GENERAL | PART_CR2, "AMD pops word by word until the fault; we check all of it first"},
    {"scas*", FAULT, PART_FLAGS, "flags of the last comparison; SDM, REP: as before the instruction"},
    {"cmps*", FAULT, PART_FLAGS, "flags of the last comparison; SDM, REP: as before the instruction"},
    {"fxrstor", ALWAYS, PART_CR2, "order in which the fields are read"},
    {"fxsave", ALWAYS, PART_CR2 | PART_FXSAVE, "AMD stores pointers only while ES is set, and has MXCSR bit 17"},
    {"maskmov*", ALWAYS, PART_CR2, "order in which the bytes are written"},
    {"vmaskmovdqu", ALWAYS, PART_CR2, "order in which the bytes are written"},
    {"maskmovq", FAULT, PART_X87, "AMD is in MMX mode already"},
    {"cvt*", FAULT, PART_X87, "to and from MMX: AMD is in MMX mode already"},
    {"sha*", UNALIGNED, PART_ALL, "AMD takes it; SDM, SHA1NEXTE: #GP"},
    {"maskmov*", ALIGNMENT, PART_ALL, "AMD looks at the alignment of all of it before it touches a page"},
    {"vmaskmovdqu", ALIGNMENT, PART_ALL, "as MASKMOVDQU"},
    {"vmaskmovdqu", ONLY_SILICON, PART_ALL, "as MASKMOVDQU"},
    {"maskmov*", ONLY_SILICON, PART_ALL, "AMD touches memory with a mask of zeros too"},
    {"fx*", UNALIGNED, PART_ALL, "#GP or #SS: both are there"},
    {"fld", INVALID, PART_X87, "AMD pushes even if the denormal operand is unmasked; SDM vol. 1, 8.5.2: does not"},
    {"fscale", UNMASKED_RANGE, PART_PE | PART_C1,
     "AMD sets PE and C1 if the result is out of reach of the bias adjustment too"},
    {"vpinsrd*", VEX_W32, PART_ALL, "#UD on AMD; SDM, PINSRD: ignored"},
    {"vpextrd*", VEX_W32, PART_ALL, "#UD on AMD; SDM, PEXTRD: ignored"},
    {"cvtpi2ps", PENDING, PART_ALL, "with the operand in memory AMD does not look at x87 exceptions"},
    {"cvtpi2ps", IN_MEMORY, PART_X87, "AMD stays in x87 mode if the operand is in memory; SDM, CVTPI2PS: does not"},
};

static bool is_nan(const struct fx_image *fx)
{
    return (fx->st[0].sign_exponent & 0x7fff) == 0x7fff && fx->st[0].mantissa << 1;
}

static bool difference_applies(const struct silicon_case *s, const struct machine_state *guest, enum when when)
{
    bool wide = s->in.seg[CS] == USER_CODE64;
    const struct decoder decoder = {.code_size = wide ? SIZE_64 : SIZE_32};
    struct insn insn;
    decode(&decoder, s->code, 15, &insn);
    switch (when) {
    case BITS32: return !wide;
    case SIZED32: return insn.size == SIZE_32;
    case IN_MEMORY: return insn.memory;
    case IN_REGISTER: return insn.has_modrm && !insn.memory && insn.opcode_byte == 0x0d;
    case INVALID: return s->out.fx.status & ~s->out.fx.control & 3;
    case FAULT: return s->out.vector != VECTOR_BP;
    case STACK_FIRST: return (s->out.vector == VECTOR_PF || s->out.vector == VECTOR_AC) && guest->vector == VECTOR_GP;
    case ALIGNMENT: return s->out.vector == VECTOR_AC && guest->vector != VECTOR_AC;
    case SEGMENT_SLOT:
        return s->out.vector == VECTOR_AC && opcode_table[s->row].operands[0] >= OPERAND_rES &&
               opcode_table[s->row].operands[0] <= OPERAND_rGS && !wide;
    case ONLY_SILICON: return s->out.vector != VECTOR_BP && guest->vector == VECTOR_BP;
    case VEX_W32: return !wide && insn.vex.w;
    case UNALIGNED: return s->target & 15 || (insn.memory && insn.address_size == SIZE_16);
    case PENDING: return s->in.fx.status & 0x80;
    case UNMASKED_RANGE: return s->out.fx.status & ~s->out.fx.control & 0x18;
    case NAN_RESULT: return is_nan(&s->out.fx);
    case NO_COUNT:
        return insn.rep && !(insn.address_size == SIZE_16   ? (u16)s->in.gpr[RCX]
                             : insn.address_size == SIZE_32 ? (u32)s->in.gpr[RCX]
                                                            : s->in.gpr[RCX]);
    default: return true;
    }
}

static unsigned ignored_parts(const struct silicon_case *s, const struct machine_state *guest)
{
    unsigned parts = 0;
    if (s->count > 1) /* none of its rows has any */
        return 0;
    for (unsigned i = 0; i < ARRAY_SIZE(differences); i++)
        if (matches(opcode_table[s->row].mnemonic, differences[i].mnemonic) &&
            difference_applies(s, guest, differences[i].when))
            parts |= differences[i].parts;
    return parts;
}

/* --- comparison --- */

struct comparison {
    char text[600];
    unsigned length;
};

static void differ(struct comparison *c, const char *what, u64 host, u64 guest)
{
    if (host != guest && c->length < sizeof(c->text) - 80)
        c->length += (unsigned)snprintf(c->text + c->length, 80, "    %s: silicon %llx, interpreter %llx\n", what,
                                        (unsigned long long)host, (unsigned long long)guest);
}

static void compare_general(struct comparison *c, const struct silicon_case *s, const struct machine_state *guest,
                            unsigned ignored)
{
    static const char *const names[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                          "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    static const char *const segments[6] = {"es", "cs", "ss", "ds", "fs", "gs"};
    const struct machine_state *host = &s->out;
    bool wide = s->in.seg[CS] == USER_CODE64 && host->seg[CS] == USER_CODE64 && !(ignored & PART_UPPER_HALF);
    unsigned registers = ignored & PART_GENERAL ? 0 : s->in.seg[CS] == USER_CODE64 ? 16 : 8;
    u64 undefined = opcode_table[s->row].flags_undefined | (ignored & PART_FLAGS ? FLAGS_ARITH : 0);
    if (s->count > 1)
        undefined = host->vector == VECTOR_BP ? s->undefined : s->ever_undefined;
    differ(c, "vector", host->vector, guest->vector);
    if (host->vector != guest->vector)
        return;
    /* Upper halves are undefined outside of 64-bit mode. */
    for (unsigned i = 0; i < registers; i++)
        differ(c, names[i], wide ? host->gpr[i] : (u32)host->gpr[i], wide ? guest->gpr[i] : (u32)guest->gpr[i]);
    /* Returning to user mode, as the sandbox's kernel does, makes null selectors 0. */
    for (unsigned i = 0; i < 6; i++)
        differ(c, segments[i], host->seg[i] < 4 ? 0 : host->seg[i], guest->seg[i] < 4 ? 0 : guest->seg[i]);
    differ(c, "rip", host->rip, guest->rip);
    differ(c, "rflags", host->rflags & ~undefined, guest->rflags & ~undefined);
    if (host->vector == VECTOR_PF && !(ignored & PART_CR2))
        differ(c, "cr2", host->cr2, guest->cr2);
    if (host->vector != VECTOR_PF ||
        (!(ignored & PART_CR2) && host->cr2 < 0x7ffffffff000)) /* Linux hides what is in the kernel's half */
        differ(c, "error code", host->error, guest->error);
}

/* Singles: equal, or finite, of one sign and within the errors of two approximations. */
static bool near(u32 a, u32 b)
{
    float x, y;
    memcpy(&x, &a, 4);
    memcpy(&y, &b, 4);
    return a == b || (x - y <= x * 0x1.8p-11f && y - x <= x * 0x1.8p-11f) ||
           (x < 0 && y - x <= -x * 0x1.8p-11f && x - y <= -x * 0x1.8p-11f);
}

static bool both_near(u64 a, u64 b)
{
    return near((u32)a, (u32)b) && near(a >> 32, b >> 32);
}

static void compare_fx(struct comparison *c, const struct silicon_case *s, const struct machine_state *state,
                       unsigned ignored)
{
    const struct fx_image *host = &s->out.fx, *guest = &state->fx;
    unsigned conditions = ignored & (PART_CONDITION | PART_PE);
    char name[20];
    differ(c, "x87 control", host->control, guest->control);
    if (!(ignored & PART_X87)) {
        differ(c, "x87 status", host->status & ~conditions, guest->status & ~conditions);
        differ(c, "x87 tags", host->tag, guest->tag);
        for (unsigned i = 0; i < 8; i++) {
            snprintf(name, sizeof(name), "st%u", i);
            differ(c, name, host->st[i].mantissa, guest->st[i].mantissa);
            snprintf(name, sizeof(name), "st%u exponent", i);
            differ(c, name, host->st[i].sign_exponent, guest->st[i].sign_exponent);
        }
    }
    differ(c, "mxcsr", host->mxcsr, guest->mxcsr);
    for (unsigned i = 0; i < 16; i++)
        for (unsigned j = 0; j < 2; j++) {
            snprintf(name, sizeof(name), "xmm%u.%u", i, j);
            if (!(ignored & PART_APPROXIMATE) || !both_near(host->xmm[i][j], guest->xmm[i][j]))
                differ(c, name, host->xmm[i][j], guest->xmm[i][j]);
        }
    for (unsigned i = 0; i < 16 && sandbox.has_avx; i++)
        for (unsigned j = 0; j < 2; j++) {
            snprintf(name, sizeof(name), "ymm%u.%u", i, 2 + j);
            if (!(ignored & PART_APPROXIMATE) || !both_near(s->out.ymm[i][j], state->ymm[i][j]))
                differ(c, name, s->out.ymm[i][j], state->ymm[i][j]);
        }
}

static void compare_memory(struct comparison *c, const struct silicon_case *s, unsigned ignored)
{
    u32 pushed = ignored & PART_STACK ? (u32)s->out.gpr[RSP] + 2 - DATA_BASE : ~0u;
    const u8 *guest = toy.ram + PHYS_DATA;
    char name[30];
    if (!memcmp(s->memory_out, guest, DATA_SIZE) || ignored & PART_MEMORY)
        return;
    for (unsigned i = 0; i < DATA_SIZE; i++) {
        snprintf(name, sizeof(name), "[%x]", DATA_BASE + i);
        u32 field = DATA_BASE + i - (u32)s->target;
        bool differs = (ignored & PART_FXSAVE) && ((field >= 6 && field < 24) || (field >= 28 && field < 32));
        if (i - pushed >= 2 && !differs)
            differ(c, name, s->memory_out[i], guest[i]);
    }
}

static void compare(struct comparison *c, const struct silicon_case *s, const struct machine_state *guest)
{
    unsigned ignored = ignored_parts(s, guest);
    if (ignored & PART_ALL)
        return;
    compare_general(c, s, guest, ignored);
    if (s->out.vector != guest->vector)
        return;
    compare_fx(c, s, guest, ignored);
    compare_memory(c, s, ignored);
}

/* --- the table's flags columns --- */

/* Silicon changed no flag that the row neither writes nor leaves undefined. */
static void check_written(struct comparison *c, const struct silicon_case *s)
{
    const struct opcode *opcode = &opcode_table[s->row];
    u64 may_change = opcode->flags_written | opcode->flags_undefined;
    u64 changed = (s->in.rflags ^ s->out.rflags) & (FLAGS_ARITH | FLAG_DF) & ~may_change;
    differ(c, "flags that the row does not write", changed, 0);
}

/* The result is the same with other values of the flags that the row does not read. */
static void check_read(struct cpu *cpu, struct comparison *c, const struct silicon_case *s,
                       const struct machine_state *before)
{
    static struct silicon_case again;
    static u8 memory[DATA_SIZE];
    const struct opcode *opcode = &opcode_table[s->row];
    struct machine_state after;
    u64 unread = FLAGS_ARITH & ~(u64)opcode->flags_read;
    memcpy(memory, toy.ram + PHYS_DATA, DATA_SIZE);
    again = *s;
    again.in.rflags ^= unread;
    guest_run(cpu, &again, &after);
    u64 compared = opcode->flags_written & ~(u64)opcode->flags_undefined & (FLAGS_ARITH | FLAG_DF);
    bool same = after.vector == before->vector && after.rip == before->rip &&
                !memcmp(after.gpr, before->gpr, sizeof(after.gpr)) &&
                !memcmp(&after.fx, &before->fx, sizeof(after.fx)) &&
                !memcmp(after.ymm, before->ymm, sizeof(after.ymm)) && !memcmp(memory, toy.ram + PHYS_DATA, DATA_SIZE) &&
                !((after.rflags ^ before->rflags) & compared);
    differ(c, "it reads flags that the row does not", same, true);
}

static void check_flags_columns(struct cpu *cpu, struct comparison *c, const struct silicon_case *s,
                                const struct machine_state *guest)
{
    if (s->count != 1 || c->length || s->out.vector != VECTOR_BP || guest->vector != VECTOR_BP)
        return;
    check_written(c, s);
    check_read(cpu, c, s, guest);
}

/* --- the run --- */

static struct {
    unsigned long long cases, faults, sequences, instructions;
    u32 *covered, *failed; /* by row */
    unsigned reported, unsteady;
} tally;

static void report(const struct silicon_case *s, const struct comparison *c)
{
    const struct opcode *opcode = &opcode_table[s->row];
    bool wide = s->in.seg[CS] == USER_CODE64;
    struct decoder decoder = {.code_size = wide ? SIZE_64 : SIZE_32};
    struct insn insn;
    char text[120];
    unit_errors++;
    if (tally.failed[s->row]++ >= 3 || tally.reported++ >= 200)
        return;
    printf("row %s (%u-bit):", opcode->source, wide ? 64 : 32);
    for (unsigned at = 0; at < s->code_length; at += insn.length) {
        decode(&decoder, s->code + at, 15, &insn);
        disassemble(&insn, s->in.rip + at, text, sizeof(text));
        printf(" %s;", text);
    }
    for (unsigned i = 0; i < s->code_length; i++)
        printf(" %02x", s->code[i]);
    printf(", seed %llx, exception %u\n", (unsigned long long)s->seed, s->out.vector);
    printf("    error %x, cr2 %llx, rip %llx\n", s->out.error, (unsigned long long)s->out.cr2,
           (unsigned long long)s->out.rip);
    printf(
        "    in: ax %llx cx %llx dx %llx bx %llx sp %llx bp %llx si %llx di %llx flags %llx fcw %x fsw %x mxcsr %x\n",
        (unsigned long long)s->in.gpr[RAX], (unsigned long long)s->in.gpr[RCX], (unsigned long long)s->in.gpr[RDX],
        (unsigned long long)s->in.gpr[RBX], (unsigned long long)s->in.gpr[RSP], (unsigned long long)s->in.gpr[RBP],
        (unsigned long long)s->in.gpr[RSI], (unsigned long long)s->in.gpr[RDI], (unsigned long long)s->in.rflags,
        s->in.fx.control, s->in.fx.status, s->in.fx.mxcsr);
    if (opcode->attr & ATTR_X87)
        for (unsigned i = 0; i < 8; i++)
            printf("    st%u %04x.%016llx%s", i, s->in.fx.st[i].sign_exponent,
                   (unsigned long long)s->in.fx.st[i].mantissa, i & 1 ? "\n" : "");
    printf("%s", c->text);
}

/* Runs a case on both; `c` says what differs. */
static void compare_case(struct cpu *cpu, const struct silicon_case *s, struct comparison *c)
{
    struct machine_state guest;
    guest_run(cpu, s, &guest);
    compare(c, s, &guest);
    check_flags_columns(cpu, c, s, &guest);
}

/*
 * A processor gives the same result each time; a host that takes it away in the middle of a case may not give it back
 * whole.  AMD's FXSAVE and XSAVE, for one, leave out the x87 instruction and data pointers while no exception is
 * pending, so a task switch loses them.  Only what differs in every one of some runs is a difference.
 */
static bool differs_again(struct cpu *cpu, unsigned at)
{
    struct silicon_case *first = &sandbox.page->cases[0], saved = *first, suspect = sandbox.page->cases[at];
    bool again = true;
    for (unsigned i = 0; again && i < 3; i++) {
        struct comparison c = {.length = 0};
        *first = suspect;
        if (host_run(1) >= 0)
            break;
        compare_case(cpu, first, &c);
        again = c.length != 0;
    }
    *first = saved;
    tally.unsteady += !again;
    return again;
}

static void run_batch(struct cpu *cpu, unsigned count)
{
    int lost = host_run(count);
    if (lost >= 0) {
        struct silicon_case *s = &sandbox.page->cases[lost];
        struct comparison c = {.text = "    the sandbox did not survive it\n"};
        report(s, &c);
        count = (unsigned)lost;
    }
    for (unsigned i = 0; i < count; i++) {
        struct silicon_case *s = &sandbox.page->cases[i];
        struct comparison c = {.length = 0};
        compare_case(cpu, s, &c);
        if (c.length && differs_again(cpu, i))
            report(s, &c);
        tally.cases++;
        tally.faults += s->out.vector != VECTOR_BP;
    }
}

static void run_rows(struct cpu *cpu, u64 seed, unsigned cases, const char *only)
{
    unsigned filled = 0;
    for (unsigned row = 0; row < opcode_count; row++) {
        const struct opcode *opcode = &opcode_table[row];
        if (excluded(cpu, opcode) || (only && !strstr(opcode->source, only)))
            continue;
        for (unsigned i = 0; i < cases * 2; i++) {
            u64 case_seed = seed ^ (u64)row << 40 ^ (u64)i << 20;
            if (!generate(&sandbox.page->cases[filled], row, i & 1, case_seed * 0x9e3779b97f4a7c15ull))
                continue;
            tally.covered[row]++;
            if (++filled == BATCH) {
                run_batch(cpu, filled);
                filled = 0;
            }
        }
    }
    if (filled)
        run_batch(cpu, filled);
}

/* --- results for recorded_test --- */

/* Cases that go through, and where processors agree. */
static bool recordable(struct cpu *cpu, struct silicon_case *s)
{
    struct machine_state guest;
    struct comparison c = {.length = 0};
    if (s->out.vector != VECTOR_BP)
        return false;
    guest_run(cpu, s, &guest);
    compare(&c, s, &guest);
    return !c.length && !ignored_parts(s, &guest);
}

/* One row's line; false if there is none. */
static bool record_row(struct cpu *cpu, unsigned row, FILE *file)
{
    const struct opcode *opcode = &opcode_table[row];
    unsigned found[2] = {0, 0}, tried = 0;
    for (unsigned n = 0; n < 64; n++) {
        struct silicon_case *s = &sandbox.page->cases[0];
        if (found[n & 1] == RECORD_CASES || !generate(s, row, n & 1, record_seed(opcode, n)) || host_run(1) >= 0 ||
            !recordable(cpu, s))
            continue;
        if (!tried++)
            fprintf(file, "%s\t", record_key(opcode));
        fprintf(file, "%u:%08x ", n, record_digest(s, &s->out, s->memory_out));
        found[n & 1]++;
    }
    if (tried)
        fprintf(file, "\n");
    return tried;
}

static void record(struct cpu *cpu, const char *name)
{
    FILE *file = fopen(name, "w");
    u32 brand[13] = {0};
    unsigned rows = 0;
    if (!file) {
        perror(name);
        return;
    }
    for (unsigned i = 0; i < 3; i++)
        __get_cpuid(0x80000002 + i, &brand[4 * i], &brand[4 * i + 1], &brand[4 * i + 2], &brand[4 * i + 3]);
    fprintf(file, "# Made by SILICON_RECORD=file silicon_test on: %s\n", (char *)brand);
    for (unsigned row = 0; row < opcode_count; row++)
        rows += !excluded(cpu, &opcode_table[row]) && record_row(cpu, row, file);
    fclose(file);
    printf("recorded %u rows\n", rows);
}

/* AddressSanitizer's shadow memory takes up addresses below 4 GiB, where a sequence that ran astray should fault. */
#ifdef __SANITIZE_ADDRESS__
#define SHADOWED true
#elif defined(__has_feature)
#define SHADOWED __has_feature(address_sanitizer)
#else
#define SHADOWED false
#endif

/* --- sequences --- */

static bool has_differences(const struct opcode *opcode)
{
    for (unsigned i = 0; i < ARRAY_SIZE(differences); i++)
        if (matches(opcode->mnemonic, differences[i].mnemonic))
            return true;
    return false;
}

static void run_sequences(struct cpu *cpu, u64 seed, unsigned count)
{
    bool *usable = calloc(opcode_count, sizeof(bool));
    for (unsigned row = 0; row < opcode_count; row++)
        usable[row] = !excluded(cpu, &opcode_table[row]) && !has_differences(&opcode_table[row]) &&
                      fits_sequence(&opcode_table[row]);
    for (unsigned i = 0; i < count; i += BATCH) {
        for (unsigned k = 0; k < BATCH; k++) {
            u64 case_seed = (seed ^ (u64)(i + k) << 24) * 0x9e3779b97f4a7c15ull;
            generate_sequence(&sandbox.page->cases[k], usable, k & 1, case_seed);
            tally.instructions += sandbox.page->cases[k].count;
        }
        run_batch(cpu, BATCH);
        tally.sequences += BATCH;
    }
    free(usable);
}

static unsigned long long setting(const char *name, unsigned long long otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 0) : otherwise;
}

static void summary(struct cpu *cpu)
{
    unsigned covered = 0, out = 0, missed = 0;
    for (unsigned row = 0; row < opcode_count; row++) {
        const char *reason = excluded(cpu, &opcode_table[row]);
        covered += tally.covered[row] != 0;
        out += reason != NULL;
        missed += !reason && !tally.covered[row];
        if (getenv("SILICON_VERBOSE") && !tally.covered[row])
            printf("not executed: %s: %s\n", opcode_table[row].source, reason ? reason : "no encoding was found");
        if (tally.failed[row])
            printf("%u of %u cases differ: %s\n", tally.failed[row], tally.covered[row], opcode_table[row].source);
    }
    printf("silicon: %llu cases (%llu ended in a fault), %u of %u rows covered, %u excluded, %u without a case\n",
           tally.cases - tally.sequences, tally.faults, covered, opcode_count, out, missed);
    printf("silicon: %llu sequences of %llu instructions\n", tally.sequences, tally.instructions);
    if (tally.unsteady)
        printf("silicon: %u differences did not come again\n", tally.unsteady);
}

TEST(the_interpreter_agrees_with_silicon)
{
    struct cpu *cpu = guest_create();
    CHECK(cpu != NULL);
    if (!cpu)
        return;
    if (!host_start())
        SKIP("the sandbox cannot be built on this host");
    tally.covered = calloc(opcode_count, sizeof(u32));
    tally.failed = calloc(opcode_count, sizeof(u32));
    u64 seed = setting("SILICON_SEED", 4);
    unsigned cases = (unsigned)setting("SILICON_CASES", DEFAULT_CASES);
    coverage_mark(COVERAGE_SILICON);
    if (getenv("SILICON_RECORD"))
        record(cpu, getenv("SILICON_RECORD"));
    do {
        run_rows(cpu, seed, cases, getenv("SILICON_ROW"));
        if (!getenv("SILICON_ROW") && !SHADOWED)
            run_sequences(cpu, seed, (unsigned)setting("SILICON_SEQUENCES", cases * 200));
        if (getenv("SILICON_ENDLESS")) {
            summary(cpu);
            fflush(stdout);
            seed = (u64)time(NULL) << 32 ^ tally.cases;
        }
    } while (getenv("SILICON_ENDLESS") && !unit_errors);
    summary(cpu);
    host_stop();
    cpu_destroy(cpu);
    free(tally.covered);
    free(tally.failed);
}

#else

TEST(the_interpreter_agrees_with_silicon)
{
    SKIP("not an x86-64 Linux host");
}

#endif

UNIT_MAIN()
