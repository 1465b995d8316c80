/*
 * Rules of the x87, as real instructions.  Constants: Intel SDM vol. 1 ch. 8, vol. 2 the instructions' pages.
 */
#include <stdarg.h>

#include "cpu/toy_code.h"
#include "cpu/x87.h"
#include "cpu/x87_math.h"
#include "tests/random.h"

#define DATA 0x500u

static int ferr_level, ignne;

static int signal_seen(void *board, enum cpu_signal signal, int value)
{
    if (signal == CPU_SIGNAL_FERR) {
        ferr_level = value;
        cpu_set_intr(((struct toy *)board)->cpu, value);
    }
    return signal == CPU_SIGNAL_IGNNE_QUERY ? ignne : 0;
}

static struct toy *start(void)
{
    static struct cpu_bus bus;
    struct toy *toy = start_model("max");
    bus = toy_bus;
    bus.signal = signal_seen;
    ferr_level = ignne = 0;
    toy->cpu->bus = &bus;
    return toy;
}

static u16 status(const struct toy *toy)
{
    return (u16)(toy->cpu->fpu.status | toy->cpu->fpu.top << 11);
}

static void put(struct toy *toy, unsigned i, u16 sign_exponent, u64 mantissa)
{
    x87_put(x87_st(&toy->cpu->fpu, i), sign_exponent, mantissa);
    toy->cpu->fpu.valid |= (u8)(1u << x87_index(&toy->cpu->fpu, i));
}

/* ST(0) and ST(1). */
static void load_two(struct toy *toy, u16 se0, u64 m0, u16 se1, u64 m1)
{
    toy->cpu->fpu.top = 6;
    toy->cpu->fpu.valid = 0;
    toy->cpu->fpu.status = 0;
    put(toy, 0, se0, m0);
    put(toy, 1, se1, m1);
}

static void check_st(const struct toy *toy, int line, unsigned i, u16 sign_exponent, u64 mantissa)
{
    const struct x87_reg *r = &toy->cpu->fpu.reg[x87_index(&toy->cpu->fpu, i)];
    if (r->sign_exponent == sign_exponent && r->mantissa == mantissa)
        return;
    unit_errors++;
    printf("line %d: ST(%u) is %04x %016llx, should be %04x %016llx\n", line, i, r->sign_exponent,
           (unsigned long long)r->mantissa, sign_exponent, (unsigned long long)mantissa);
}
#define CHECK_ST(toy, ...) check_st(toy, __LINE__, __VA_ARGS__)
#define ONE 0x3fff, 0x8000000000000000ull
#define TWO 0x4000, 0x8000000000000000ull
#define INDEFINITE 0xffff, 0xc000000000000000ull

/* --- stack --- */

TEST(fninit_gives_037f_and_an_empty_stack)
{
    struct toy *toy = start();
    run(toy, "d9 e8  d9 e8  db e3");
    CHECK_EQ(toy->cpu->fpu.control, 0x037f);
    CHECK_EQ(status(toy), 0);
    CHECK_EQ(toy->cpu->fpu.valid, 0);
    toy_destroy(toy);
}

TEST(masked_stack_overflow_pushes_the_indefinite_with_c1_set)
{
    struct toy *toy = start();
    CHECK_EQ(run(toy, "d9 e8 d9 e8 d9 e8 d9 e8 d9 e8 d9 e8 d9 e8 d9 e8 d9 e8"), NO_FAULT);
    CHECK_ST(toy, 0, INDEFINITE);
    CHECK_ST(toy, 1, ONE);
    CHECK_EQ(status(toy), FLOAT_IE | X87_SF | X87_C1 | 7 << 11);
    toy_destroy(toy);
}

TEST(masked_stack_underflow_gives_the_indefinite_with_c1_clear)
{
    struct toy *toy = start();
    run(toy, "d8 c1");
    CHECK_ST(toy, 0, INDEFINITE);
    CHECK_EQ(status(toy), FLOAT_IE | X87_SF);
    CHECK_EQ(toy->cpu->fpu.valid, 1);
    toy_destroy(toy);
}

TEST(unmasked_stack_faults_change_nothing_but_the_status)
{
    struct toy *toy = start();
    toy->cpu->fpu.control = 0x37e;
    run(toy, "de c1");
    CHECK_EQ(status(toy), FLOAT_IE | X87_SF | X87_ES | X87_B);
    CHECK_EQ(toy->cpu->fpu.valid, 0);
    toy_destroy(toy);
}

TEST(fxch_swaps_and_ffree_empties)
{
    struct toy *toy = start();
    run(toy, "d9 ee  d9 e8  d9 c9  dd c1");
    CHECK_ST(toy, 0, 0, 0);
    CHECK_EQ(toy->cpu->fpu.valid, 0x40);
    toy_destroy(toy);
}

/* --- arithmetic --- */

TEST(subtraction_and_division_keep_their_order_in_every_form)
{
    static const struct {
        const char *code;
        u16 se;
        u64 m;
    } forms[] = {
        {"d8 e1", 0xbfff, 1ull << 63}, /* FSUB ST(0),ST(1): 1 - 2 */
        {"d8 e9", 0x3fff, 1ull << 63}, /* FSUBR */
        {"de e9", 0x3fff, 1ull << 63}, /* FSUBP ST(1),ST(0): 2 - 1 */
        {"de e1", 0xbfff, 1ull << 63}, /* FSUBRP */
        {"d8 f1", 0x3ffe, 1ull << 63}, /* FDIV ST(0),ST(1): 1 / 2 */
        {"d8 f9", 0x4000, 1ull << 63},
        {"de f9", 0x4000, 1ull << 63},
        {"de f1", 0x3ffe, 1ull << 63},
        {"dc e9  d9 c9", 0x3fff, 1ull << 63}, /* FSUB ST(1),ST(0) */
        {"dc e1  d9 c9", 0xbfff, 1ull << 63},
        {"dc f9  d9 c9", 0x4000, 1ull << 63},
        {"dc f1  d9 c9", 0x3ffe, 1ull << 63},
        {"d8 26 00 05", 0xc000, 1ull << 63}, /* FSUB m32 = 3 */
        {"d8 2e 00 05", 0x4000, 1ull << 63},
        {"da 26 04 05", 0xc000, 1ull << 63}, /* FISUB m32int = 3 */
        {"da 2e 04 05", 0x4000, 1ull << 63},
    };
    struct toy *toy = start();
    poke(toy, DATA, 0x40400000, 4);
    poke(toy, DATA + 4, 3, 4);
    for (unsigned i = 0; i < ARRAY_SIZE(forms); i++) {
        load_two(toy, ONE, TWO);
        CHECK_EQ(run(toy, forms[i].code), NO_FAULT);
        CHECK_ST(toy, 0, forms[i].se, forms[i].m);
    }
    toy_destroy(toy);
}

TEST(precision_control_shortens_the_significand)
{
    static const struct {
        u16 control;
        u64 third;
    } cases[] = {{0x07f, 0xaaaaab0000000000ull}, {0x27f, 0xaaaaaaaaaaaaa800ull}, {0x37f, 0xaaaaaaaaaaaaaaabull}};
    struct toy *toy = start();
    for (unsigned i = 0; i < 3; i++) {
        load_two(toy, ONE, 0x4000, 3ull << 62);
        toy->cpu->fpu.control = cases[i].control;
        run(toy, "d8 f1");
        CHECK_ST(toy, 0, 0x3ffd, cases[i].third);
    }
    toy_destroy(toy);
}

TEST(c1_tells_that_the_result_was_rounded_up)
{
    struct toy *toy = start();
    load_two(toy, ONE, 0x4000, 3ull << 62);
    run(toy, "d8 f1");
    CHECK_EQ(status(toy) & (X87_C1 | FLOAT_ALL), X87_C1 | FLOAT_PE);
    load_two(toy, ONE, 0x4000, 3ull << 62);
    toy->cpu->fpu.control = 0xf7f;
    run(toy, "d8 f1");
    CHECK_EQ(status(toy) & (X87_C1 | FLOAT_ALL), FLOAT_PE);
    toy_destroy(toy);
}

TEST(exception_flags_stay_until_cleared_and_come_back_when_raised_again)
{
    struct toy *toy = start();
    load_two(toy, ONE, 0x4000, 3ull << 62);
    run(toy, "d8 f1  db e2");
    CHECK_EQ(status(toy) & FLOAT_ALL, 0);
    run(toy, "d8 f1");
    CHECK_EQ(status(toy) & FLOAT_ALL, FLOAT_PE);
    run(toy, "db e2  d8 c0");
    CHECK_EQ(status(toy) & FLOAT_ALL, 0);
    toy_destroy(toy);
}

TEST(of_two_nans_the_larger_significand_wins_and_a_quiet_one_beats_a_signaling_one)
{
    struct toy *toy = start();
    load_two(toy, 0x7fff, 0xc000000000000001ull, 0xffff, 0xc000000000000002ull);
    run(toy, "d8 c1");
    CHECK_ST(toy, 0, 0xffff, 0xc000000000000002ull);
    CHECK_EQ(status(toy) & FLOAT_ALL, 0);
    load_two(toy, 0x7fff, 0xc000000000000001ull, 0xffff, 0xbfffffffffffffffull);
    run(toy, "d8 c1");
    CHECK_ST(toy, 0, 0x7fff, 0xc000000000000001ull);
    CHECK_EQ(status(toy) & FLOAT_ALL, FLOAT_IE);
    load_two(toy, 0x7fff, 0x8000000000000001ull, ONE);
    run(toy, "d8 c1");
    CHECK_ST(toy, 0, 0x7fff, 0xc000000000000001ull);
    toy_destroy(toy);
}

TEST(unsupported_formats_are_invalid_operands)
{
    struct toy *toy = start();
    load_two(toy, 0x3fff, 0x4000000000000000ull, ONE); /* unnormal */
    run(toy, "d8 c1");
    CHECK_ST(toy, 0, INDEFINITE);
    CHECK_EQ(status(toy) & FLOAT_ALL, FLOAT_IE);
    toy_destroy(toy);
}

/* --- unmasked exceptions --- */

TEST(unmasked_zero_divide_leaves_the_operands_and_the_next_waiting_instruction_faults)
{
    struct toy *toy = start();
    load_two(toy, ONE, 0, 0);
    toy->cpu->fpu.control = 0x37b;
    CHECK_EQ(run(toy, "d8 f1"), NO_FAULT);
    CHECK_ST(toy, 0, ONE);
    CHECK_EQ(status(toy) & (X87_ES | X87_B | FLOAT_ALL), X87_ES | X87_B | FLOAT_ZE);
    CHECK_EQ(run(toy, "df e0"), NO_FAULT); /* FNSTSW does not wait */
    CHECK_EQ(toy->cpu->gpr[RAX] & 0xffff, status(toy));
    CHECK_EQ(run(toy, "9b"), VECTOR_MF);
    CHECK_EQ(run(toy, "d9 e8"), VECTOR_MF);
    CHECK_EQ(run(toy, "d9 2e 00 05"), VECTOR_MF);      /* FLDCW waits */
    CHECK_EQ(run(toy, "db e2  9b"), NO_FAULT);         /* FNCLEX */
    toy_destroy(toy);
}

TEST(the_faulting_instruction_of_mf_is_the_waiting_one)
{
    struct toy *toy = start();
    load_two(toy, ONE, 0, 0);
    toy->cpu->fpu.control = 0x37b;
    toy->cpu->gpr[RSP] = 0x7000;
    run(toy, "d8 f1  90  d9 e8");
    CHECK_EQ(peek(toy, 0x6ffa, 2), CODE + 3);
    CHECK_EQ(toy->cpu->fpu.ip, CODE);
    toy_destroy(toy);
}

TEST(unmasked_overflow_and_underflow_wrap_the_exponent)
{
    struct toy *toy = start();
    load_two(toy, 0x7ffe, 1ull << 63, TWO);
    toy->cpu->fpu.control = 0x377;
    run(toy, "d8 c9");
    CHECK_ST(toy, 0, 0x7fff - 24576, 1ull << 63);
    CHECK_EQ(status(toy) & (X87_ES | FLOAT_ALL), X87_ES | FLOAT_OE);
    load_two(toy, 0x0001, 1ull << 63, TWO);
    toy->cpu->fpu.control = 0x36f;
    run(toy, "d8 f1");
    CHECK_ST(toy, 0, 24576, 1ull << 63); /* exact, and yet UE */
    CHECK_EQ(status(toy) & (X87_ES | FLOAT_ALL), X87_ES | FLOAT_UE);
    toy_destroy(toy);
}

TEST(unmasked_precision_stores_the_result)
{
    struct toy *toy = start();
    load_two(toy, ONE, 0x4000, 3ull << 62);
    toy->cpu->fpu.control = 0x35f;
    run(toy, "d8 f1");
    CHECK_ST(toy, 0, 0x3ffd, 0xaaaaaaaaaaaaaaabull);
    CHECK_EQ(status(toy) & (X87_ES | FLOAT_ALL), X87_ES | FLOAT_PE);
    toy_destroy(toy);
}

TEST(unmasked_overflow_to_memory_stores_and_pops_nothing)
{
    struct toy *toy = start();
    load_two(toy, 0x7000, 1ull << 63, ONE);
    toy->cpu->fpu.control = 0x377;
    poke(toy, DATA, 0x12345678, 4);
    run(toy, "d9 1e 00 05");
    CHECK_EQ(peek(toy, DATA, 4), 0x12345678);
    CHECK_EQ(status(toy) & (X87_TOP | X87_ES | FLOAT_ALL), 6 << 11 | X87_ES | FLOAT_OE);
    toy_destroy(toy);
}

TEST(unmasking_a_flag_that_is_set_makes_it_pending)
{
    struct toy *toy = start();
    load_two(toy, ONE, 0x4000, 3ull << 62);
    poke(toy, DATA, 0x35f, 2);
    run(toy, "d8 f1  d9 2e 00 05");
    CHECK_EQ(status(toy) & X87_ES, X87_ES);
    toy_destroy(toy);
}

TEST(without_ne_ferr_rises_and_falls_with_the_exception)
{
    struct toy *toy = start();
    toy->cpu->cr0 &= ~(u64)CR0_NE;
    load_two(toy, ONE, 0, 0);
    toy->cpu->fpu.control = 0x37b;
    ignne = 1;
    CHECK_EQ(run(toy, "d8 f1  9b"), NO_FAULT);
    CHECK_EQ(ferr_level, 1);
    run(toy, "db e2");
    CHECK_EQ(ferr_level, 0);
    toy_destroy(toy);
}

/* "MS-DOS Compatibility Sub-mode": the waiting instruction is held until the interrupt has been serviced. */
TEST(an_error_that_another_engine_left_interrupts_before_the_waiting_instruction)
{
    struct toy *toy = start();
    struct cpu *cpu = toy->cpu;
    cpu->cr0 &= ~(u64)CR0_NE;
    cpu->fpu.control = 0x37b;
    cpu->fpu.status = FLOAT_ZE;
    cpu->rip = CODE;
    cpu->rflags |= FLAG_IF;
    poke(toy, CODE, 0xfa9b, 2); /* WAIT; CLI */
    poke(toy, 0x75 * 4, HANDLERS, 4);
    toy->vector = 0x75;
    cpu->held.x87_error = true;
    cpu_state_changed(cpu);
    cpu_run(cpu, 100);
    CHECK_EQ(ferr_level, 1);
    CHECK_EQ(cpu->rip, HANDLERS + 1);
    CHECK_EQ(peek(toy, cpu->gpr[RSP], 2), CODE);
    toy_destroy(toy);
}

TEST(nm_comes_from_em_and_ts_and_for_wait_from_mp_with_ts)
{
    struct toy *toy = start();
    struct cpu *cpu = toy->cpu;
    u64 cr0 = cpu->cr0 & ~(u64)(CR0_EM | CR0_TS | CR0_MP);
    cpu->cr0 = cr0 | CR0_EM;
    CHECK_EQ(run(toy, "d9 e8"), VECTOR_NM);
    CHECK_EQ(run(toy, "db e3"), VECTOR_NM);
    CHECK_EQ(run(toy, "9b"), NO_FAULT);
    cpu->cr0 = cr0 | CR0_TS;
    CHECK_EQ(run(toy, "df e0"), VECTOR_NM);
    CHECK_EQ(run(toy, "9b"), NO_FAULT);
    cpu->cr0 = cr0 | CR0_TS | CR0_MP;
    CHECK_EQ(run(toy, "9b"), VECTOR_NM);
    toy_destroy(toy);
}

TEST(a_store_that_faults_does_not_pop)
{
    struct toy *toy = start();
    load_two(toy, ONE, TWO);
    CHECK_EQ(run(toy, "dd 1e fc ff"), VECTOR_GP); /* 8 bytes at 0xfffc */
    CHECK_EQ(status(toy), 6 << 11);
    toy_destroy(toy);
}

/* --- comparison --- */

TEST(compare_sets_c3_c2_c0_and_fcomi_the_flags)
{
    static const struct {
        u16 se0;
        u64 m0;
        u16 se1;
        u64 m1;
        u16 code;
    } cases[] = {
        {ONE, TWO, X87_C0}, {TWO, ONE, 0}, {ONE, ONE, X87_C3}, {0x8000, 0, 0, 0, X87_C3},
        {0xbfff, 1ull << 63, ONE, X87_C0}, {0x7fff, 1ull << 63, TWO, 0},
        {0x7fff, 0xc000000000000000ull, ONE, X87_C3 | X87_C2 | X87_C0},
    };
    struct toy *toy = start();
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        u16 c = cases[i].code;
        load_two(toy, cases[i].se0, cases[i].m0, cases[i].se1, cases[i].m1);
        run(toy, "dd e1");
        CHECK_EQ(status(toy) & X87_CONDITION, c);
        load_two(toy, cases[i].se0, cases[i].m0, cases[i].se1, cases[i].m1);
        toy->cpu->rflags |= FLAGS_ARITH;
        cpu_state_changed(toy->cpu);
        run(toy, "db e9");
        CHECK_EQ(toy->cpu->rflags & FLAGS_ARITH,
                 (c & X87_C0 ? FLAG_CF : 0) | (c & X87_C2 ? FLAG_PF : 0) | (c & X87_C3 ? FLAG_ZF : 0));
    }
    toy_destroy(toy);
}

TEST(only_the_unordered_compare_takes_a_quiet_nan_without_ie)
{
    struct toy *toy = start();
    load_two(toy, INDEFINITE, ONE);
    run(toy, "dd e1");
    CHECK_EQ(status(toy) & FLOAT_ALL, 0);
    run(toy, "d8 d1");
    CHECK_EQ(status(toy) & FLOAT_ALL, FLOAT_IE);
    toy_destroy(toy);
}

TEST(fxam_tells_the_classes)
{
    static const struct {
        u16 se;
        u64 m;
        u16 code;
    } cases[] = {
        {0x3fff, 0x4000000000000000ull, 0}, {0x7fff, 0xc000000000000000ull, X87_C0}, {0x3fff, 1ull << 63, X87_C2},
        {0x7fff, 1ull << 63, X87_C2 | X87_C0}, {0, 0, X87_C3}, {0x8000, 0, X87_C3 | X87_C1},
        {0, 1, X87_C3 | X87_C2}, {0xbfff, 1ull << 63, X87_C2 | X87_C1},
    };
    struct toy *toy = start();
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        load_two(toy, cases[i].se, cases[i].m, ONE);
        run(toy, "d9 e5");
        CHECK_EQ(status(toy) & X87_CONDITION, cases[i].code);
    }
    toy->cpu->fpu.valid = 0;
    run(toy, "d9 e5");
    CHECK_EQ(status(toy) & (X87_C3 | X87_C2 | X87_C0), X87_C3 | X87_C0);
    toy_destroy(toy);
}

/* --- conversions --- */

TEST(fist_rounds_as_told_and_stores_the_indefinite_for_what_does_not_fit)
{
    static const u16 want[4] = {2, 2, 3, 2}; /* 2.5: nearest even, down, up, to zero */
    struct toy *toy = start();
    for (unsigned rounding = 0; rounding < 4; rounding++) {
        load_two(toy, 0x4000, 0xa000000000000000ull, ONE);
        toy->cpu->fpu.control = (u16)(0x37f | rounding << 10);
        run(toy, "df 1e 00 05");
        CHECK_EQ(peek(toy, DATA, 2), want[rounding]);
        CHECK_EQ(status(toy) & FLOAT_ALL, FLOAT_PE);
    }
    load_two(toy, 0x400e, 1ull << 63, ONE); /* 32768 */
    run(toy, "df 1e 00 05");
    CHECK_EQ(peek(toy, DATA, 2), 0x8000);
    CHECK_EQ(status(toy) & FLOAT_ALL, FLOAT_IE);
    load_two(toy, 0xc00e, 1ull << 63, ONE); /* -32768 fits */
    run(toy, "df 1e 00 05");
    CHECK_EQ(peek(toy, DATA, 2), 0x8000);
    CHECK_EQ(status(toy) & FLOAT_ALL, 0);
    toy_destroy(toy);
}

TEST(packed_bcd_goes_in_and_out)
{
    struct toy *toy = start();
    memcpy(toy->ram + DATA, "\x89\x67\x45\x23\x01\x00\x00\x00\x99\x80", 10);
    CHECK_EQ(run(toy, "df 26 00 05  df 36 10 05"), NO_FAULT);
    CHECK_EQ(memcmp(toy->ram + DATA, toy->ram + DATA + 16, 10), 0);
    load_two(toy, 0x403b, 0xde0b6b3a76400000ull, ONE); /* 10^18: one digit too many */
    run(toy, "df 36 10 05");
    CHECK_EQ(peek(toy, DATA + 16, 8), 0xc000000000000000ull);
    CHECK_EQ(peek(toy, DATA + 24, 2), 0xffff);
    CHECK_EQ(status(toy) & FLOAT_ALL, FLOAT_IE);
    toy_destroy(toy);
}

TEST(fld_m80_and_fstp_m80_keep_a_signaling_nan)
{
    struct toy *toy = start();
    poke(toy, DATA, 0x8000000000000001ull, 8);
    poke(toy, DATA + 8, 0xffff, 2);
    run(toy, "db 2e 00 05  db 3e 10 05");
    CHECK_EQ(memcmp(toy->ram + DATA, toy->ram + DATA + 16, 10), 0);
    CHECK_EQ(status(toy), 0);
    toy_destroy(toy);
}

TEST(loading_a_denormal_sets_de_and_normalizes)
{
    struct toy *toy = start();
    poke(toy, DATA, 1, 4);
    run(toy, "d9 06 00 05");
    CHECK_ST(toy, 0, 16383 - 149, 1ull << 63);
    CHECK_EQ(status(toy) & FLOAT_ALL, FLOAT_DE);
    toy_destroy(toy);
}

TEST(constants_follow_rounding_control)
{
    static const struct {
        const char *code;
        u64 nearest, up, down;
    } cases[] = {
        {"d9 e9", 0xd49a784bcd1b8afeull, 0xd49a784bcd1b8affull, 0xd49a784bcd1b8afeull},
        {"d9 ea", 0xb8aa3b295c17f0bcull, 0xb8aa3b295c17f0bcull, 0xb8aa3b295c17f0bbull},
        {"d9 eb", 0xc90fdaa22168c235ull, 0xc90fdaa22168c235ull, 0xc90fdaa22168c234ull},
        {"d9 ec", 0x9a209a84fbcff799ull, 0x9a209a84fbcff799ull, 0x9a209a84fbcff798ull},
        {"d9 ed", 0xb17217f7d1cf79acull, 0xb17217f7d1cf79acull, 0xb17217f7d1cf79abull},
    };
    struct toy *toy = start();
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
        for (unsigned rounding = 0; rounding < 4; rounding++) {
            toy->cpu->fpu = (struct fpu){.control = (u16)(0x37f | rounding << 10)};
            run(toy, cases[i].code);
            u64 want = rounding == ROUND_NEAREST ? cases[i].nearest
                       : rounding == ROUND_UP    ? cases[i].up
                                                 : cases[i].down;
            CHECK_EQ(x87_st(&toy->cpu->fpu, 0)->mantissa, want);
        }
    toy_destroy(toy);
}

/* --- remainder, scale, circular --- */

TEST(fprem_gives_quotient_bits_and_says_when_it_is_not_done)
{
    struct toy *toy = start();
    load_two(toy, 0x4003, 0xb800000000000000ull, 0x4000, 3ull << 62); /* 23 rem 3 = 2, quotient 7 */
    run(toy, "d9 f8");
    CHECK_ST(toy, 0, TWO);
    CHECK_EQ(status(toy) & X87_CONDITION, X87_C0 | X87_C3 | X87_C1);
    load_two(toy, 0x4003, 0xb800000000000000ull, 0x4000, 3ull << 62); /* FPREM1: -1, quotient 8 */
    run(toy, "d9 f5");
    CHECK_ST(toy, 0, 0xbfff, 1ull << 63);
    CHECK_EQ(status(toy) & X87_CONDITION, 0);
    load_two(toy, 0x3fff + 70, 0xffffffffffffffffull, 0x4000, 3ull << 62);
    run(toy, "d9 f8");
    CHECK_EQ(status(toy) & X87_C2, X87_C2);
    toy_destroy(toy);
}

TEST(fscale_adds_the_truncated_second_operand_to_the_exponent)
{
    struct toy *toy = start();
    load_two(toy, ONE, 0xc000, 0xe000000000000000ull); /* -3.5 */
    run(toy, "d9 fd");
    CHECK_ST(toy, 0, 0x3fff - 3, 1ull << 63);
    toy_destroy(toy);
}

TEST(fxtract_of_zero_divides_by_zero)
{
    struct toy *toy = start();
    load_two(toy, 0x8000, 0, ONE);
    run(toy, "d9 f4");
    CHECK_ST(toy, 0, 0x8000, 0);
    CHECK_ST(toy, 1, 0xffff, 1ull << 63);
    CHECK_EQ(status(toy) & FLOAT_ALL, FLOAT_ZE);
    load_two(toy, 0xc003, 0xb800000000000000ull, ONE);
    run(toy, "d9 f4");
    CHECK_ST(toy, 0, 0xbfff, 0xb800000000000000ull);
    CHECK_ST(toy, 1, 0x4001, 0x8000000000000000ull);
    toy_destroy(toy);
}

TEST(circular_functions_refuse_arguments_from_2_to_the_63_on)
{
    static const char *const codes[] = {"d9 fe", "d9 ff", "d9 fb", "d9 f2"};
    struct toy *toy = start();
    for (unsigned i = 0; i < 4; i++) {
        load_two(toy, 0x3fff + 63, 1ull << 63, ONE);
        run(toy, codes[i]);
        CHECK_ST(toy, 0, 0x3fff + 63, 1ull << 63);
        CHECK_EQ(status(toy) & (X87_C2 | X87_TOP), X87_C2 | 6 << 11);
    }
    toy_destroy(toy);
}

/* --- environment --- */

static void fill_environment(struct toy *toy)
{
    struct fpu *fpu = &toy->cpu->fpu;
    *fpu = (struct fpu){.control = 0x27f, .status = X87_C3, .top = 5, .valid = 0xe0, .opcode = 0x1c8,
                        .ip_selector = 0x1234, .dp_selector = 0x2345, .ip = 0x56789, .dp = 0x6789a};
    x87_put(&fpu->reg[5], 0x3fff, 1ull << 63); /* valid; 6 is zero */
    x87_put(&fpu->reg[7], 0x7fff, 1ull << 63); /* special */
}

static void check_fields(struct toy *toy, const u32 *want, unsigned size)
{
    for (unsigned i = 0; i < 7; i++)
        CHECK_EQ(peek(toy, DATA + i * size, size), size == 2 ? (u16)want[i] : want[i]);
}

TEST(environments_have_four_formats)
{
    static const u32 real16[7] = {0x27f, 0x6800, 0x93ff, 0x8ac9, 0x61c8, 0xacea, 0x8000};
    static const u32 real32[7] = {0xffff027f, 0xffff6800, 0xffff93ff, 0xffff8ac9, 0x61c8, 0xffffacea, 0x8000};
    struct toy *toy = start();
    /* Linear 0x12340 + 0x56789 = 0x68ac9; 0x23450 + 0x6789a = 0x8acea. */
    fill_environment(toy);
    run(toy, "d9 36 00 05");
    check_fields(toy, real16, 2);
    fill_environment(toy);
    run(toy, "66 d9 36 00 05");
    check_fields(toy, real32, 4);
    toy_destroy(toy);
}

TEST(protected_mode_environments_keep_selectors)
{
    static const u32 want32[7] = {0xffff027f, 0xffff6800, 0xffff93ff, 0x56789, 0x01c81234, 0x6789a, 0xffff2345};
    static const u32 want16[7] = {0x27f, 0x6800, 0x93ff, 0x6789, 0x1234, 0x789a, 0x2345};
    struct toy *toy = start();
    void do_fnstenv(struct cpu *, const struct op *), do_fldenv(struct cpu *, const struct op *);
    struct op op = {.rm = REG_ZERO * 8, .index = REG_ZERO * 8, .mem = OP_MEMORY | DS << 2, .disp = DATA,
                    .address = SIZE_32, .size = SIZE_32};
    toy_protected_mode(toy);
    fill_environment(toy);
    do_fnstenv(toy->cpu, &op);
    check_fields(toy, want32, 4);
    do_fldenv(toy->cpu, &op);
    CHECK_EQ(toy->cpu->fpu.opcode, 0x1c8);
    CHECK_EQ(toy->cpu->fpu.dp_selector, 0x2345);
    CHECK_EQ(toy->cpu->fpu.valid, 0xe0);
    CHECK_EQ(toy->cpu->fpu.top, 5);
    op.size = SIZE_16;
    fill_environment(toy);
    do_fnstenv(toy->cpu, &op);
    check_fields(toy, want16, 2);
    toy_destroy(toy);
}

TEST(fnstenv_masks_all_exceptions_and_fnsave_initializes)
{
    struct toy *toy = start();
    fill_environment(toy);
    toy->cpu->fpu.control = 0x240;
    run(toy, "d9 36 00 05");
    CHECK_EQ(toy->cpu->fpu.control, 0x27f);
    fill_environment(toy);
    struct fpu before = toy->cpu->fpu;
    run(toy, "dd 36 00 05");
    CHECK_EQ(toy->cpu->fpu.control, 0x37f);
    CHECK_EQ(toy->cpu->fpu.valid, 0);
    run(toy, "dd 26 00 05");
    CHECK_EQ(toy->cpu->fpu.valid, before.valid);
    CHECK_EQ(toy->cpu->fpu.top, before.top);
    for (unsigned i = 0; i < 8; i++) {
        CHECK_EQ(toy->cpu->fpu.reg[i].mantissa, before.reg[i].mantissa);
        CHECK_EQ(toy->cpu->fpu.reg[i].sign_exponent, before.reg[i].sign_exponent);
    }
    toy_destroy(toy);
}

TEST(pointers_follow_instructions_with_operands_but_not_control_instructions)
{
    struct toy *toy = start();
    run(toy, "90  d9 06 00 05  d9 7e 10  9b");
    CHECK_EQ(toy->cpu->fpu.ip, CODE + 1);
    CHECK_EQ(toy->cpu->fpu.dp, DATA);
    toy_destroy(toy);
}

/* --- software transcendental functions against the host's, within one unit in the last place --- */

#if X87_HOST

static struct x87_reg random_number(unsigned lowest, unsigned highest)
{
    u64 r = random64();
    return (struct x87_reg){.mantissa = random64() | 1ull << 63,
                            .sign_exponent = (u16)((r & 0x8000) | (lowest + (r >> 16) % (highest - lowest + 1)))};
}

/* Distance in units of the last place. */
static bool close(struct x87_reg a, struct x87_reg b)
{
    i32 exponents = (i32)a.sign_exponent - (i32)b.sign_exponent;
    u64 distance = a.mantissa - b.mantissa + 1;
    if (exponents == 1 || exponents == -1)
        return (a.mantissa == 1ull << 63 && b.mantissa == ~0ull) || (b.mantissa == 1ull << 63 && a.mantissa == ~0ull);
    return exponents == 0 && distance <= 2;
}

#define COMPARE_WITH_HOST(name, text, low, high, low2, high2, expression)                                              \
    TEST(name##_is_within_one_place_of_the_host)                                                                       \
    {                                                                                                                  \
        unsigned far = 0;                                                                                              \
        for (int i = 0; i < 2000; i++) {                                                                               \
            struct x87_reg ra = random_number(low, high), rb = random_number(low2, high2), host, got;                  \
            struct float_env env = {.precision = 64, .masks = FLOAT_ALL};                                              \
            asm volatile("fninit\n\tfldt %2\n\tfldt %1\n\t" text "\n\tfstpt %0\n\tfninit"                              \
                         : "=m"(host)                                                                                  \
                         : "m"(ra), "m"(rb));                                                                          \
            struct soft a = soft_from_f80(&ra), b = soft_from_f80(&rb);                                                \
            got = soft_to_f80(&env, expression);                                                                       \
            far += !close(host, got);                                                                                  \
        }                                                                                                              \
        x87_loaded = 0x37f;                                                                                            \
        CHECK_EQ(far, 0);                                                                                              \
    }

static struct soft sine_of(struct float_env *env, struct soft a)
{
    struct soft sine, cosine;
    soft_fsincos(env, a, &sine, &cosine);
    return sine;
}

static struct soft cosine_of(struct float_env *env, struct soft a)
{
    struct soft sine, cosine;
    soft_fsincos(env, a, &sine, &cosine);
    return cosine;
}

#define MAGNITUDE(x) ((x).sign = false, (x))

COMPARE_WITH_HOST(f2xm1, "f2xm1", 0x3fff - 66, 0x3ffe, 0x3fff, 0x3fff, ((void)b, soft_f2xm1(&env, a)))
COMPARE_WITH_HOST(fsin, "fsin", 0x3fff - 66, 0x3fff + 62, 0x3fff, 0x3fff, ((void)b, sine_of(&env, a)))
COMPARE_WITH_HOST(fcos, "fcos", 0x3fff - 66, 0x3fff + 62, 0x3fff, 0x3fff, ((void)b, cosine_of(&env, a)))
COMPARE_WITH_HOST(fptan, "fptan\n\tfstp %%st(0)", 0x3fff - 66, 0x3fff + 62, 0x3fff, 0x3fff,
                  ((void)b, soft_fptan(&env, a)))
COMPARE_WITH_HOST(fpatan, "fpatan", 0x3fff - 30, 0x3fff + 30, 0x3fff - 30, 0x3fff + 30, soft_fpatan(&env, b, a))
COMPARE_WITH_HOST(fyl2x, "fabs\n\tfyl2x", 0x3fff - 100, 0x3fff + 100, 0x3fff - 30, 0x3fff + 30,
                  soft_fyl2x(&env, b, MAGNITUDE(a)))
COMPARE_WITH_HOST(fyl2x_near_1, "fabs\n\tfyl2x", 0x3ffe, 0x3fff, 0x3fff - 30, 0x3fff + 30,
                  soft_fyl2x(&env, b, MAGNITUDE(a)))
COMPARE_WITH_HOST(fyl2xp1, "fyl2xp1", 0x3fff - 66, 0x3ffc, 0x3fff - 30, 0x3fff + 30, soft_fyl2xp1(&env, b, a))

#endif

UNIT_MAIN()
