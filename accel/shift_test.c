/*
 * Changing gear: how long a detour lasts, and what a KVM for user code only may be given.
 */
#include "accel/shift.h"

#include <config.h>

#include "tests/unit.h"

TEST(a_single_cause_costs_a_short_detour)
{
    CHECK_EQ(shift_next_length(0, 1000000000), 16);
    CHECK_EQ(shift_next_length(1 << 20, 1000000000), 16);
}

TEST(detours_double_while_they_come_thick)
{
    u64 length = 16;
    for (unsigned i = 0; i < 4; i++)
        length = shift_next_length(length, 1000);
    CHECK_EQ(length, 256);
}

TEST(detours_are_bounded)
{
    u64 length = 16;
    for (unsigned i = 0; i < 100; i++)
        length = shift_next_length(length, 0);
    CHECK_EQ(length, 1 << 22);
}

TEST(detours_shrink_again_when_the_gear_holds)
{
    CHECK_EQ(shift_next_length(1024, 2000000), 512);
}

/* An engine for user code only: what a stay cost is less than what the interpreter would have taken, or not. */
TEST(a_stay_pays_when_it_is_longer_than_the_changes)
{
    CHECK(shift_stay_pays(4000000, 0, 100000) > 0);
    CHECK(shift_stay_pays(10000, 0, 100000) < 0);
}

TEST(time_spent_on_pages_is_no_gain)
{
    CHECK(shift_stay_pays(1000000, 20, 100000) < 0);
    CHECK(shift_stay_pays(100000000, 20, 100000) > 0);
}

#if CONFIG_KVM
#include <stdlib.h>

#include "accel/kvm.h"

static struct cpu *user64(void)
{
    struct cpu *cpu = calloc(1, sizeof(*cpu));
    cpu->efer = EFER_LMA | EFER_SCE;
    cpu->cr0 = CR0_PG | CR0_PE;
    cpu->cr4 = CR4_PAE | CR4_OSFXSR;
    cpu->seg[CS].access = SEG_L;
    cpu->cpl = 3;
    cpu->rflags = FLAG_IF;
    return cpu;
}

TEST(user_code_of_64_bits_is_taken)
{
    struct cpu *cpu = user64();
    CHECK(!kvm_user_why_not(cpu));
    free(cpu);
}

TEST(what_would_have_to_fault_is_not_taken)
{
    struct cpu *cpu = user64();
    cpu->cr0 |= CR0_TS;
    CHECK(kvm_user_why_not(cpu));
    cpu->cr0 &= ~CR0_TS;
    cpu->cr4 |= CR4_TSD;
    CHECK(kvm_user_why_not(cpu));
    cpu->cr4 &= ~CR4_TSD;
    cpu->efer &= ~EFER_SCE;
    CHECK(kvm_user_why_not(cpu));
    free(cpu);
}

TEST(other_modes_single_steps_and_shadows_are_not_taken)
{
    struct cpu *cpu = user64();
    cpu->cpl = 0;
    CHECK(kvm_user_why_not(cpu));
    cpu->cpl = 3;
    cpu->seg[CS].access = SEG_DB;
    CHECK(kvm_user_why_not(cpu));
    cpu->seg[CS].access = SEG_L;
    cpu->rflags = FLAG_IF | FLAG_TF;
    CHECK(kvm_user_why_not(cpu));
    cpu->rflags = FLAG_IF | FLAG_IOPL; /* PUSHF would show the host's */
    CHECK(kvm_user_why_not(cpu));
    cpu->rflags = FLAG_IF;
    cpu->shadow = SHADOW_MOVSS;
    CHECK(kvm_user_why_not(cpu));
    free(cpu);
}
#endif

UNIT_MAIN()
