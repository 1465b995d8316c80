/*
 * Berkeley TestFloat's vectors through the x87 and SSE helpers, and through softfloat.c by itself.
 *
 * Each line of a file op[_pPRECISION][_ROUNDING].txt is OPERAND... RESULT FLAGS in hex; FLAGS: 1 inexact, 2 underflow,
 * 4 overflow, 8 divide by zero, 16 invalid.  The denormal flag is not in them, so it is not compared.
 * Skipped where the archive is not there.
 */
#include <dirent.h>
#include <unistd.h>

#include "cpu/softfloat.h"
#include "cpu/toy_board.h"
#include "cpu/x87.h"

#define ARCHIVE "../shared/testdata/cpu/testfloat/vectors.tar.xz"
#define OPERAND 0x2000u /* in the toy's memory */

struct value {
    u64 low;  /* significand of extended precision, or the whole */
    u16 high; /* sign and exponent */
};

/* What one line is checked with. */
struct run {
    struct toy *toy;
    struct value operand[3], result;
    u32 flags; /* FLOAT_* */
    u8 rounding, precision;
};

typedef void check_fn(struct run *run);

#define DO(name) void do_##name(struct cpu *cpu, const struct op *op);
DO(fadd_ST0_STi)
DO(fsub_ST0_STi)
DO(fmul_ST0_STi)
DO(fdiv_ST0_STi)
DO(fsqrt)
DO(frndint)
DO(fprem1)
DO(fcom_ST0_STi)
DO(fucom)
DO(fst_m32)
DO(fst_m64)
DO(fist_i32)
DO(fistp_i64)
DO(fld_m32)
DO(fld_m64)
DO(fild_i32)
DO(fild_i64)
DO(addss)
DO(subss)
DO(mulss)
DO(divss)
DO(sqrtss)
DO(addsd)
DO(subsd)
DO(mulsd)
DO(divsd)
DO(sqrtsd)
DO(addps)
DO(subps)
DO(mulps)
DO(divps)
DO(addpd)
DO(subpd)
DO(mulpd)
DO(divpd)
DO(cmpss)
DO(cmpsd)
DO(comiss)
DO(ucomiss)
DO(comisd)
DO(ucomisd)
DO(cvtss2sd)
DO(cvtsd2ss)
DO(cvtss2si)
DO(cvtsd2si)
DO(cvtsi2ss)
DO(cvtsi2sd)
#undef DO

typedef void helper_fn(struct cpu *cpu, const struct op *op);

/* --- x87 --- */

static void x87_start(struct run *run)
{
    static const u16 control[] = {[32] = 0x007f, [64] = 0x027f, [80] = 0x037f};
    struct fpu *fpu = &run->toy->cpu->fpu;
    fpu->control = control[run->precision] | (u16)(run->rounding << 10);
    fpu->status = 0;
    fpu->top = 6;
    fpu->valid = 0xc0;
    for (unsigned i = 0; i < 2; i++) {
        fpu->reg[6 + i].mantissa = run->operand[i].low;
        fpu->reg[6 + i].sign_exponent = run->operand[i].high;
    }
}

static void x87_result(struct run *run)
{
    struct fpu *fpu = &run->toy->cpu->fpu;
    const struct x87_reg *r = x87_st(fpu, 0);
    run->result = (struct value){r->mantissa, r->sign_exponent};
    run->flags = fpu->status & FLOAT_ALL;
}

static void x87_register(struct run *run, helper_fn *helper)
{
    struct op op = {.rm = 1};
    x87_start(run);
    helper(run->toy->cpu, &op);
    x87_result(run);
}

static const struct op memory_op = {
    .rm = REG_ZERO * 8, .index = REG_ZERO * 8, .mem = OP_MEMORY | DS << 2, .disp = OPERAND, .address = SIZE_32};

static void x87_store_to(struct run *run, helper_fn *helper, unsigned size)
{
    x87_start(run);
    helper(run->toy->cpu, &memory_op);
    x87_result(run);
    run->result = (struct value){peek(run->toy, OPERAND, size), 0};
}

static void x87_load_from(struct run *run, helper_fn *helper, unsigned size)
{
    poke(run->toy, OPERAND, run->operand[0].low, size);
    x87_start(run);
    helper(run->toy->cpu, &memory_op);
    x87_result(run);
}

static void x87_compare(struct run *run, bool quiet, u32 wanted)
{
    x87_register(run, quiet ? do_fucom : do_fcom_ST0_STi);
    u32 code = run->toy->cpu->fpu.status & (X87_C0 | X87_C2 | X87_C3);
    run->result = (struct value){(code & X87_C2) == 0 && (code & wanted) != 0, 0};
}

#define X87(name, helper)                                                                                              \
    static void name(struct run *run) { x87_register(run, helper); }
#define X87_STORE(name, helper, size)                                                                                  \
    static void name(struct run *run) { x87_store_to(run, helper, size); }
#define X87_LOAD(name, helper, size)                                                                                   \
    static void name(struct run *run) { x87_load_from(run, helper, size); }
#define X87_COMPARE(name, quiet, wanted)                                                                               \
    static void name(struct run *run) { x87_compare(run, quiet, wanted); }

X87(extF80_add, do_fadd_ST0_STi)
X87(extF80_sub, do_fsub_ST0_STi)
X87(extF80_mul, do_fmul_ST0_STi)
X87(extF80_div, do_fdiv_ST0_STi)
X87(extF80_sqrt, do_fsqrt)
X87(extF80_roundToInt, do_frndint)
X87_STORE(extF80_to_f32, do_fst_m32, 4)
X87_STORE(extF80_to_f64, do_fst_m64, 8)
X87_STORE(extF80_to_i32, do_fist_i32, 4)
X87_STORE(extF80_to_i64, do_fistp_i64, 8)
X87_LOAD(f32_to_extF80, do_fld_m32, 4)
X87_LOAD(f64_to_extF80, do_fld_m64, 8)
X87_LOAD(i32_to_extF80, do_fild_i32, 4)
X87_LOAD(i64_to_extF80, do_fild_i64, 8)
X87_COMPARE(extF80_eq, true, X87_C3)
X87_COMPARE(extF80_eq_signaling, false, X87_C3)
X87_COMPARE(extF80_le, false, X87_C3 | X87_C0)
X87_COMPARE(extF80_le_quiet, true, X87_C3 | X87_C0)
X87_COMPARE(extF80_lt, false, X87_C0)
X87_COMPARE(extF80_lt_quiet, true, X87_C0)

static void extF80_rem(struct run *run)
{
    struct op op = {0};
    x87_start(run);
    for (int i = 0; i < 2000; i++) {
        do_fprem1(run->toy->cpu, &op);
        if (!(run->toy->cpu->fpu.status & X87_C2))
            break;
    }
    x87_result(run);
}

/* --- SSE --- */

static struct cpu *sse_start(struct run *run)
{
    struct cpu *cpu = run->toy->cpu;
    cpu->mxcsr = 0x1f80u | (u32)run->rounding << 13;
    for (unsigned i = 0; i < 2; i++) {
        memset(&cpu->vec[i], 0, sizeof(cpu->vec[i]));
        cpu->vec[i].q[0] = run->operand[i].low;
    }
    return cpu;
}

/* xmm0 = helper(xmm0, xmm1); conversions take xmm1. */
static void sse_register(struct run *run, helper_fn *helper, unsigned imm, bool f64)
{
    struct op op = {.reg = 0, .rm = 1, .imm = imm, .size = SIZE_32};
    struct cpu *cpu = sse_start(run);
    helper(cpu, &op);
    run->result = (struct value){f64 ? cpu->vec[0].q[0] : cpu->vec[0].d[0], 0};
    run->flags = cpu->mxcsr & FLOAT_ALL;
}

/* The packed form must give in every element what the scalar form gives. */
static void sse_both(struct run *run, helper_fn *scalar, helper_fn *packed, bool f64)
{
    struct op op = {.reg = 0, .rm = 1};
    struct cpu *cpu = sse_start(run);
    for (unsigned i = 0; i < 2; i++)
        for (unsigned lane = 0; lane < (f64 ? 2 : 4); lane++)
            if (f64)
                cpu->vec[i].q[lane] = run->operand[i].low;
            else
                cpu->vec[i].d[lane] = (u32)run->operand[i].low;
    packed(cpu, &op);
    union vector_reg r = cpu->vec[0];
    u32 flags = cpu->mxcsr & FLOAT_ALL;
    sse_register(run, scalar, 0, f64);
    bool same = f64 ? r.q[1] == run->result.low : r.d[1] == run->result.low && r.d[3] == run->result.low;
    if (!same || flags != run->flags)
        run->flags = ~0u;
}

static void sse_convert(struct run *run, helper_fn *helper, bool f64)
{
    run->operand[1] = run->operand[0];
    sse_register(run, helper, 0, f64);
}

static void sse_to_integer(struct run *run, helper_fn *helper, enum size size)
{
    struct op op = {.reg = RAX * 8, .rm = 0, .size = size};
    struct cpu *cpu = sse_start(run);
    helper(cpu, &op);
    run->result = (struct value){cpu->gpr[RAX], 0};
    run->flags = cpu->mxcsr & FLOAT_ALL;
}

static void sse_from_integer(struct run *run, helper_fn *helper, enum size size, bool f64)
{
    struct op op = {.reg = 0, .rm = RAX * 8, .size = size};
    struct cpu *cpu = sse_start(run);
    cpu->gpr[RAX] = run->operand[0].low;
    helper(cpu, &op);
    run->result = (struct value){f64 ? cpu->vec[0].q[0] : cpu->vec[0].d[0], 0};
    run->flags = cpu->mxcsr & FLOAT_ALL;
}

static void sse_predicate(struct run *run, helper_fn *helper, unsigned predicate, bool f64)
{
    sse_register(run, helper, predicate, f64);
    run->result.low &= 1;
}

static void sse_flags(struct run *run, helper_fn *helper, u32 wanted)
{
    sse_register(run, helper, 0, false);
    u32 fl = run->toy->cpu->fl;
    run->result = (struct value){!(fl & FL_PF) && (fl & wanted), 0};
}

#define SSE(bits, name, f64)                                                                                           \
    static void f##bits##_add(struct run *run) { sse_both(run, do_adds##name, do_addp##name, f64); }                   \
    static void f##bits##_sub(struct run *run) { sse_both(run, do_subs##name, do_subp##name, f64); }                   \
    static void f##bits##_mul(struct run *run) { sse_both(run, do_muls##name, do_mulp##name, f64); }                   \
    static void f##bits##_div(struct run *run) { sse_both(run, do_divs##name, do_divp##name, f64); }                   \
    static void f##bits##_sqrt(struct run *run) { sse_convert(run, do_sqrts##name, f64); }                             \
    static void f##bits##_eq(struct run *run) { sse_predicate(run, do_cmps##name, 0, f64); }                           \
    static void f##bits##_lt(struct run *run) { sse_predicate(run, do_cmps##name, 1, f64); }                           \
    static void f##bits##_le(struct run *run) { sse_predicate(run, do_cmps##name, 2, f64); }                           \
    static void f##bits##_eq_signaling(struct run *run) { sse_flags(run, do_comis##name, FL_ZF); }                     \
    static void f##bits##_lt_quiet(struct run *run) { sse_flags(run, do_ucomis##name, FL_CF); }                        \
    static void f##bits##_le_quiet(struct run *run) { sse_flags(run, do_ucomis##name, FL_CF | FL_ZF); }                \
    static void f##bits##_to_i32(struct run *run) { sse_to_integer(run, do_cvts##name##2si, SIZE_32); }                \
    static void f##bits##_to_i64(struct run *run) { sse_to_integer(run, do_cvts##name##2si, SIZE_64); }                \
    static void i32_to_f##bits(struct run *run) { sse_from_integer(run, do_cvtsi2s##name, SIZE_32, f64); }             \
    static void i64_to_f##bits(struct run *run) { sse_from_integer(run, do_cvtsi2s##name, SIZE_64, f64); }

SSE(32, s, false)
SSE(64, d, true)

static void f32_to_f64(struct run *run) { sse_convert(run, do_cvtss2sd, true); }
static void f64_to_f32(struct run *run) { sse_convert(run, do_cvtsd2ss, false); }

/* --- softfloat.c by itself --- */

static struct float_env soft_env(const struct run *run, bool sse)
{
    static const u8 precision[] = {[32] = 24, [64] = 53, [80] = 64};
    return (struct float_env){
        .rounding = run->rounding, .precision = precision[run->precision], .masks = FLOAT_ALL, .sse = sse};
}

static struct soft soft_extended(const struct run *run, unsigned i)
{
    struct x87_reg r = {.mantissa = run->operand[i].low, .sign_exponent = run->operand[i].high};
    return soft_from_f80(&r);
}

static void soft_extended_result(struct run *run, struct float_env *env, struct soft a)
{
    struct x87_reg r = soft_to_f80(env, a);
    run->result = (struct value){r.mantissa, r.sign_exponent};
    run->flags = env->flags;
}

#define SOFT_TWO(name, operation)                                                                                      \
    static void soft_extF80_##name(struct run *run)                                                                    \
    {                                                                                                                  \
        struct float_env env = soft_env(run, false);                                                                   \
        soft_extended_result(run, &env, operation(&env, soft_extended(run, 0), soft_extended(run, 1)));                \
    }                                                                                                                  \
    static void soft_f32_##name(struct run *run)                                                                       \
    {                                                                                                                  \
        struct float_env env = soft_env(run, true);                                                                    \
        struct soft r = operation(&env, soft_from_f32(&env, (u32)run->operand[0].low),                                 \
                                  soft_from_f32(&env, (u32)run->operand[1].low));                                      \
        run->result = (struct value){soft_to_f32(&env, r), 0};                                                         \
        run->flags = env.flags;                                                                                        \
    }                                                                                                                  \
    static void soft_f64_##name(struct run *run)                                                                       \
    {                                                                                                                  \
        struct float_env env = soft_env(run, true);                                                                    \
        struct soft r = operation(&env, soft_from_f64(&env, run->operand[0].low),                                      \
                                  soft_from_f64(&env, run->operand[1].low));                                           \
        run->result = (struct value){soft_to_f64(&env, r), 0};                                                         \
        run->flags = env.flags;                                                                                        \
    }

SOFT_TWO(add, soft_add)
SOFT_TWO(sub, soft_sub)
SOFT_TWO(mul, soft_mul)
SOFT_TWO(div, soft_div)

static struct soft second_only_sqrt(struct float_env *env, struct soft a, struct soft b) { return soft_sqrt(env, a); }
SOFT_TWO(sqrt, second_only_sqrt)

static void soft_extF80_roundToInt(struct run *run)
{
    struct float_env env = soft_env(run, false);
    soft_extended_result(run, &env, soft_round_to_int(&env, soft_extended(run, 0)));
}

static void soft_extF80_rem(struct run *run)
{
    struct float_env env = soft_env(run, false);
    bool partial = true;
    u64 quotient;
    for (int i = 0; i < 2000 && partial; i++) {
        struct soft r =
            soft_remainder(&env, soft_extended(run, 0), soft_extended(run, 1), true, &quotient, &partial);
        soft_extended_result(run, &env, r);
        run->operand[0] = run->result;
    }
}

static void soft_to_single(struct run *run)
{
    struct float_env env = soft_env(run, false);
    run->result = (struct value){soft_to_f32(&env, soft_operand(&env, soft_extended(run, 0))), 0};
    run->flags = env.flags;
}

static void soft_to_double(struct run *run)
{
    struct float_env env = soft_env(run, false);
    run->result = (struct value){soft_to_f64(&env, soft_operand(&env, soft_extended(run, 0))), 0};
    run->flags = env.flags;
}

static void soft_to_integer(struct run *run, unsigned bits)
{
    struct float_env env = soft_env(run, false);
    i64 r = soft_to_int(&env, soft_extended(run, 0), bits);
    run->result = (struct value){bits == 32 ? (u32)r : (u64)r, 0};
    run->flags = env.flags;
}

static void soft_to_i32(struct run *run) { soft_to_integer(run, 32); }
static void soft_to_i64(struct run *run) { soft_to_integer(run, 64); }

static void soft_f32_mulAdd(struct run *run)
{
    struct float_env env = soft_env(run, true);
    struct soft r = soft_fma(&env, soft_from_f32(&env, (u32)run->operand[0].low),
                             soft_from_f32(&env, (u32)run->operand[1].low),
                             soft_from_f32(&env, (u32)run->operand[2].low));
    run->result = (struct value){soft_to_f32(&env, r), 0};
    run->flags = env.flags;
}

static void soft_f64_mulAdd(struct run *run)
{
    struct float_env env = soft_env(run, true);
    struct soft r = soft_fma(&env, soft_from_f64(&env, run->operand[0].low), soft_from_f64(&env, run->operand[1].low),
                             soft_from_f64(&env, run->operand[2].low));
    run->result = (struct value){soft_to_f64(&env, r), 0};
    run->flags = env.flags;
}

/* --- files --- */

struct operation {
    const char *name;
    check_fn *instruction, *software;
};

#define BOTH(name) {#name, name, soft_##name}
#define INSTRUCTION(name) {#name, name, NULL}
static const struct operation operations[] = {
    BOTH(extF80_add), BOTH(extF80_sub), BOTH(extF80_mul), BOTH(extF80_div), BOTH(extF80_sqrt), BOTH(extF80_rem),
    BOTH(extF80_roundToInt),
    {"extF80_to_f32", extF80_to_f32, soft_to_single}, {"extF80_to_f64", extF80_to_f64, soft_to_double},
    {"extF80_to_i32", extF80_to_i32, soft_to_i32}, {"extF80_to_i64", extF80_to_i64, soft_to_i64},
    INSTRUCTION(extF80_eq_signaling), INSTRUCTION(extF80_eq), INSTRUCTION(extF80_le_quiet), INSTRUCTION(extF80_le),
    INSTRUCTION(extF80_lt_quiet), INSTRUCTION(extF80_lt),
    INSTRUCTION(f32_to_extF80), INSTRUCTION(f64_to_extF80), INSTRUCTION(i32_to_extF80), INSTRUCTION(i64_to_extF80),
    BOTH(f32_add), BOTH(f32_sub), BOTH(f32_mul), BOTH(f32_div), BOTH(f32_sqrt),
    BOTH(f64_add), BOTH(f64_sub), BOTH(f64_mul), BOTH(f64_div), BOTH(f64_sqrt),
    {"f32_mulAdd", NULL, soft_f32_mulAdd}, {"f64_mulAdd", NULL, soft_f64_mulAdd},
    INSTRUCTION(f32_eq_signaling), INSTRUCTION(f32_eq), INSTRUCTION(f32_le_quiet), INSTRUCTION(f32_le),
    INSTRUCTION(f32_lt_quiet), INSTRUCTION(f32_lt),
    INSTRUCTION(f64_eq_signaling), INSTRUCTION(f64_eq), INSTRUCTION(f64_le_quiet), INSTRUCTION(f64_le),
    INSTRUCTION(f64_lt_quiet), INSTRUCTION(f64_lt),
    INSTRUCTION(f32_to_i32), INSTRUCTION(f32_to_i64), INSTRUCTION(f64_to_i32), INSTRUCTION(f64_to_i64),
    INSTRUCTION(i32_to_f32), INSTRUCTION(i64_to_f32), INSTRUCTION(i32_to_f64), INSTRUCTION(i64_to_f64),
    INSTRUCTION(f32_to_f64), INSTRUCTION(f64_to_f32),
};

static const struct operation *operation_of(const char *file)
{
    for (unsigned i = 0; i < ARRAY_SIZE(operations); i++) {
        size_t n = strlen(operations[i].name);
        if (!strncmp(file, operations[i].name, n) && (file[n] == '_' || file[n] == '.'))
            return &operations[i];
    }
    return NULL;
}

static u8 rounding_of(const char *file)
{
    return strstr(file, "_minMag") ? ROUND_ZERO : strstr(file, "_min.") ? ROUND_DOWN
           : strstr(file, "_max.") ? ROUND_UP : ROUND_NEAREST;
}

static u8 precision_of(const char *file) { return strstr(file, "_p32") ? 32 : strstr(file, "_p64") ? 64 : 80; }

static struct value parse(const char *text)
{
    struct value v = {0};
    size_t n = strlen(text);
    if (n == 20) {
        char high[5] = {text[0], text[1], text[2], text[3]};
        v.high = (u16)strtoul(high, NULL, 16);
        text += 4;
    }
    v.low = strtoull(text, NULL, 16);
    return v;
}

static u32 x86_flags(u32 f)
{
    return (f & 1 ? FLOAT_PE : 0) | (f & 2 ? FLOAT_UE : 0) | (f & 4 ? FLOAT_OE : 0) | (f & 8 ? FLOAT_ZE : 0) |
           (f & 16 ? FLOAT_IE : 0);
}

static unsigned long total;

static bool agrees(check_fn *check, const struct run *line, struct value result, u32 flags, struct run *got)
{
    *got = *line;
    check(got);
    total++;
    return got->result.low == result.low && got->result.high == result.high && (got->flags & ~FLOAT_DE) == flags;
}

static unsigned check_line(const struct operation *operation, struct run *run, char *text)
{
    char *word[6], *save = NULL, copy[128];
    unsigned count = 0, wrong = 0;
    snprintf(copy, sizeof copy, "%s", text);
    for (char *w = strtok_r(text, " \r\n", &save); w && count < 6; w = strtok_r(NULL, " \r\n", &save))
        word[count++] = w;
    if (count < 3)
        return 0;
    for (unsigned i = 0; i < 3; i++)
        run->operand[i] = i < count - 2 ? parse(word[i]) : (struct value){0};
    struct value result = parse(word[count - 2]);
    u32 flags = x86_flags((u32)strtoul(word[count - 1], NULL, 16));
    check_fn *checks[2] = {operation->instruction, operation->software};
    for (unsigned i = 0; i < 2; i++) {
        struct run got;
        if (!checks[i] || agrees(checks[i], run, result, flags, &got))
            continue;
        wrong++;
        printf("%s, %s: %.*s: got %04x %016llx flags %02x\n", operation->name, i ? "software" : "instruction",
               (int)strcspn(copy, "\r\n"), copy, got.result.high, (unsigned long long)got.result.low, got.flags);
    }
    return wrong;
}

#define SHOWN 8 /* failures printed for each file */

static unsigned check_file(struct toy *toy, const char *directory, const char *name)
{
    const struct operation *operation = operation_of(name);
    char path[600], line[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "r");
    unsigned wrong = 0;
    CHECK(operation && file);
    if (!operation || !file)
        return 1;
    struct run run = {.toy = toy, .rounding = rounding_of(name), .precision = precision_of(name)};
    while (wrong < SHOWN && fgets(line, sizeof line, file))
        wrong += check_line(operation, &run, line);
    fclose(file);
    if (wrong)
        printf("%s: %u%s wrong\n", name, wrong, wrong >= SHOWN ? " or more" : "");
    return wrong;
}

TEST(results_and_flags_are_those_of_testfloat)
{
    char directory[] = "/tmp/clutch-testfloat-XXXXXX", command[300];
    unsigned files = 0, failed = 0;
    if (access(ARCHIVE, R_OK) != 0)
        SKIP("no " ARCHIVE);
    CHECK(mkdtemp(directory) != NULL);
    snprintf(command, sizeof command, "xz -dc %s | tar -x -C %s", ARCHIVE, directory);
    if (system(command) != 0)
        SKIP("xz or tar could not unpack it");
    struct toy *toy = toy_create("max", NULL);
    toy->cpu->cr4 |= CR4_OSFXSR | CR4_OSXMMEXCPT;
    DIR *list = opendir(directory);
    for (struct dirent *entry; list && (entry = readdir(list));) {
        if (!strstr(entry->d_name, ".txt"))
            continue;
        files++;
        failed += check_file(toy, directory, entry->d_name) != 0;
    }
    closedir(list);
    toy_destroy(toy);
    snprintf(command, sizeof command, "rm -r %s", directory);
    CHECK_EQ(system(command), 0);
    printf("%u files, %lu checks, %u files with wrong results\n", files, total, failed);
    CHECK_EQ(failed, 0);
    CHECK(files >= 180);
}

UNIT_MAIN()
