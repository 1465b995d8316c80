/*
 * struct cpu to a scripted KVM and back.
 *
 * Source: Linux kernel documentation, virt/kvm/api: KVM_SET_REGS, KVM_SET_SREGS2, KVM_SET_MSRS (returns how many),
 *   KVM_SET_VCPU_EVENTS; SDM vol. 1, "XSAVE area"; vol. 2A, "FXSAVE".
 */
#include <config.h>

#include "tests/random.h"
#include "tests/unit.h"

#if CONFIG_KVM
#include "accel/kvm_fake.h"
#include "cpu/system.h"

static void fill_segments(struct cpu *cpu)
{
    static const u16 access[] = {0x93, 0xa09b | SEG_G, 0xc0f3, 0x97, 0x83 | SEG_S, 0x10b3, 0x82, 0x8b};
    for (unsigned i = 0; i < SEG_COUNT; i++)
        cpu->seg[i] = (struct segment){random64(), (u32)random64(), (u16)random64(), access[i], 0, 0};
    cpu->seg[GS] = (struct segment){.base = random64(), .access = SEG_NULL};
    cpu->gdtr = (struct descriptor_table){random64(), (u16)random64()};
    cpu->idtr = (struct descriptor_table){random64(), (u16)random64()};
}

static void fill(struct cpu *cpu)
{
    for (unsigned i = 0; i < 16; i++) {
        cpu->gpr[i] = random64();
        memcpy(&cpu->vec[i], (u64[]){random64(), random64(), random64(), random64()}, 32);
    }
    for (unsigned i = 0; i < 8; i++)
        cpu->fpu.reg[i] = (struct x87_reg){.mantissa = random64(), .sign_exponent = (u16)random64()};
    fill_segments(cpu);
    cpu->rip = random64();
    cpu->rflags = FLAG_IF | FLAG_CF | FLAG_AC | FLAG_ID | 0x3002;
    cpu->cr0 = CR0_PG | CR0_PE | CR0_WP | CR0_NE | CR0_ET;
    cpu->cr2 = random64();
    cpu->cr3 = 0x1000;
    cpu->cr4 = CR4_PAE | CR4_OSFXSR | CR4_PGE;
    cpu->cr8 = 5;
    cpu->xcr0 = XSTATE_X87 | XSTATE_SSE | XSTATE_AVX;
    cpu->efer = EFER_LMA | EFER_LME | EFER_SCE | EFER_NXE;
    cpu->cpl = 3;
    cpu->fpu.control = 0x027f;
    cpu->fpu.status = 0x4122;
    cpu->fpu.top = 5;
    cpu->fpu.valid = 0xa5;
    cpu->fpu.opcode = 0x5d9;
    cpu->fpu.ip = random64();
    cpu->fpu.dp = random64();
    cpu->mxcsr = 0x1fa0;
    for (unsigned i = 0; i < 4; i++)
        cpu->dr[i] = random64();
    cpu->dr[6] = 0xffff4ff1;
    cpu->dr[7] = 0x403;
    u64 *const msrs[] = {&cpu->star, &cpu->lstar, &cpu->cstar, &cpu->fmask, &cpu->kernel_gs_base, &cpu->tsc_aux,
                         &cpu->sysenter_cs, &cpu->sysenter_esp, &cpu->sysenter_eip, &cpu->pat, &cpu->mtrr_def_type,
                         &cpu->mtrr_fixed[3], &cpu->mtrr_base[7], &cpu->mtrr_mask[7]};
    for (unsigned i = 0; i < ARRAY_SIZE(msrs); i++)
        *msrs[i] = random64();
    cpu->nmi_blocked = true;
    cpu->shadow = SHADOW_MOVSS;
    cpu->tsc_offset = random64();
}

#define SAME(field) CHECK(!memcmp(&cpu->field, &want->field, sizeof(cpu->field)))

static void compare(const struct cpu *cpu, const struct cpu *want)
{
    SAME(gpr);
    SAME(rip);
    SAME(rflags);
    SAME(cpl);
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        SAME(seg[i].base);
        SAME(seg[i].limit);
        SAME(seg[i].selector);
        SAME(seg[i].access);
    }
    CHECK_EQ(cpu->gdtr.base, want->gdtr.base);
    CHECK_EQ(cpu->gdtr.limit, want->gdtr.limit);
    CHECK_EQ(cpu->idtr.base, want->idtr.base);
    CHECK_EQ(cpu->idtr.limit, want->idtr.limit);
    SAME(cr0);
    SAME(cr2);
    SAME(cr3);
    SAME(cr4);
    SAME(cr8);
    SAME(xcr0);
    SAME(efer);
    SAME(apic_base);
    SAME(dr);
    for (unsigned i = 0; i < 8; i++) {
        SAME(fpu.reg[i].mantissa);
        SAME(fpu.reg[i].sign_exponent);
    }
    SAME(fpu.control);
    SAME(fpu.status);
    SAME(fpu.top);
    SAME(fpu.valid);
    SAME(fpu.opcode);
    SAME(fpu.ip);
    SAME(fpu.dp);
    SAME(mxcsr);
    for (unsigned i = 0; i < 16; i++)
        CHECK(!memcmp(&cpu->vec[i], &want->vec[i], 32));
    SAME(star);
    SAME(lstar);
    SAME(cstar);
    SAME(fmask);
    SAME(kernel_gs_base);
    SAME(tsc_aux);
    SAME(sysenter_cs);
    SAME(sysenter_esp);
    SAME(sysenter_eip);
    SAME(pat);
    if (fake.no_msr_filter) { /* else they never leave struct cpu */
        SAME(mtrr_def_type);
        SAME(mtrr_fixed);
        SAME(mtrr_base);
        SAME(mtrr_mask);
    }
    SAME(tsc_offset);
    SAME(nmi_blocked);
    SAME(shadow);
    CHECK(!cpu->held.valid);
}

/* Other values in all that comes from KVM; the model and the wires stay. */
static void spoil(struct cpu *cpu)
{
    fill(cpu);
    cpu->cr0 = cpu->cr3 = cpu->cr4 = cpu->cr8 = cpu->efer = cpu->rflags = 0;
    cpu->cpl = cpu->fpu.top = cpu->fpu.valid = 0;
    cpu->fpu.control = 0x37f;
    cpu->fpu.status = cpu->fpu.opcode = 0;
    cpu->mxcsr = 0;
    cpu->xcr0 = XSTATE_X87;
    cpu->dr[6] = cpu->dr[7] = 0;
    cpu->nmi_blocked = false;
    cpu->shadow = 0;
}

static void round_trip(bool old)
{
    open_board();
    fake.old_sregs = fake.no_msr_filter = old;
    struct kvm *kvm = open_cpu();
    struct cpu *cpu = rig->vcpu.cpu, *want = malloc(sizeof(*want));
    fill(cpu);
    memcpy(want, cpu, sizeof(*want));
    CHECK(kvm_state_load(kvm));
    spoil(cpu);
    CHECK(kvm_state_store(kvm));
    compare(cpu, want);
    free(want);
    close_rig();
}

TEST(state_makes_the_round_trip_bit_for_bit) { round_trip(false); }
TEST(state_makes_the_round_trip_through_an_old_kernel) { round_trip(true); }

TEST(state_lies_where_the_interface_says)
{
    struct kvm *kvm = open_rig();
    struct cpu *cpu = rig->vcpu.cpu;
    const u8 *area = (const u8 *)&fake.xsave;
    u16 word;
    fill(cpu);
    CHECK(kvm_state_load(kvm));
    CHECK_EQ(fake.regs.rsi, cpu->gpr[RSI]);
    CHECK_EQ(fake.regs.r15, cpu->gpr[R15]);
    CHECK_EQ(fake.sregs.ss.dpl, 3);
    CHECK_EQ(fake.sregs.cs.l, 1);
    CHECK_EQ(fake.sregs.gs.unusable, 1);
    CHECK_EQ(fake.sregs.tr.type, 11);
    memcpy(&word, area, 2); /* FCW, FSW with TOP, abridged FTW, FOP, ST0, XMM0, XSTATE_BV */
    CHECK_EQ(word, 0x027f);
    memcpy(&word, area + 2, 2);
    CHECK_EQ(word & 0x3800, 5 << 11);
    CHECK_EQ(area[4], 0xa5);
    CHECK(!memcmp(area + 32, &cpu->fpu.reg[5].mantissa, 8));
    CHECK(!memcmp(area + 32 + 16 * 3, &cpu->fpu.reg[0].mantissa, 8));
    CHECK(!memcmp(area + 160, &cpu->vec[0], 16));
    CHECK(!memcmp(area + 160 + 15 * 16, &cpu->vec[15], 16));
    CHECK_EQ(area[512], 7);
    CHECK(!memcmp(area + 576, &cpu->vec[0].q[2], 16));
    CHECK(!memcmp(area + 576 + 15 * 16, &cpu->vec[15].q[2], 16));
    CHECK_EQ(fake.xcrs.xcrs[0].value, 7);
    CHECK_EQ(fake_msr(0xc0000082)->data, cpu->lstar);
    CHECK_EQ(fake.events.interrupt.shadow, KVM_X86_SHADOW_INT_MOV_SS);
    CHECK_EQ(fake.events.nmi.masked, 1);
    close_rig();
}

/* A component whose XSTATE_BV bit is clear is in its initial state, whatever its bytes are. */
TEST(upper_halves_that_kvm_calls_initial_are_zero)
{
    struct kvm *kvm = open_rig();
    struct cpu *cpu = rig->vcpu.cpu;
    fill(cpu);
    CHECK(kvm_state_load(kvm));
    ((u8 *)&fake.xsave)[512] = 3;
    CHECK(kvm_state_store(kvm));
    CHECK_EQ(cpu->vec[3].q[2] | cpu->vec[3].q[3], 0);
    CHECK(cpu->vec[3].q[0] != 0);
    close_rig();
}

/* SDM vol. 1, "XSAVE-Managed State"; MXCSR is loaded from there whatever XSTATE_BV says. */
TEST(x87_and_sse_registers_that_kvm_calls_initial_are)
{
    struct kvm *kvm = open_rig();
    struct cpu *cpu = rig->vcpu.cpu;
    fill(cpu);
    CHECK(kvm_state_load(kvm));
    ((u8 *)&fake.xsave)[512] = 0;
    CHECK(kvm_state_store(kvm));
    CHECK_EQ(cpu->fpu.control, 0x37f);
    CHECK_EQ(cpu->fpu.status | cpu->fpu.top | cpu->fpu.valid, 0);
    CHECK_EQ(cpu->fpu.reg[3].mantissa, 0);
    CHECK_EQ(cpu->vec[3].q[0] | cpu->vec[3].q[1], 0);
    CHECK_EQ(cpu->mxcsr, 0x1fa0);
    close_rig();
}

TEST(pae_page_directory_pointers_travel_outside_long_mode)
{
    struct kvm *kvm = open_rig();
    struct cpu *cpu = rig->vcpu.cpu;
    fill(cpu);
    cpu->efer = 0;
    for (unsigned i = 0; i < 4; i++)
        cpu->pdpte[i] = 0x2001 + i * 0x1000;
    CHECK(kvm_state_load(kvm));
    CHECK(fake.sregs.flags & KVM_SREGS2_FLAGS_PDPTRS_VALID);
    CHECK_EQ(fake.sregs.cs.l, 0); /* reserved there */
    memset(cpu->pdpte, 0, sizeof(cpu->pdpte));
    CHECK(kvm_state_store(kvm));
    CHECK_EQ(cpu->pdpte[3], 0x5001);
    close_rig();
}

/* Where KVM does not tell them they are what the guest's CR3 points at, whatever they were here before. */
TEST(pae_page_directory_pointers_come_from_memory_where_kvm_keeps_them)
{
    static const u64 pointers[4] = {0x2001, 0x3001, 0, 0x5001};
    open_board();
    fake.old_sregs = true;
    struct kvm *kvm = open_cpu();
    struct cpu *cpu = rig->vcpu.cpu;
    fill(cpu);
    cpu->efer = 0;
    cpu->cr3 = 0x1000;
    CHECK(kvm_state_load(kvm));
    memcpy(rig->ram.host + 0x4020, pointers, sizeof(pointers));
    fake.sregs.cr3 = 0x4020; /* the guest changes its address space */
    CHECK(kvm_state_store(kvm));
    CHECK(!memcmp(cpu->pdpte, pointers, sizeof(pointers)));
    close_rig();
}

/* SDM vol. 3A, "Invalidation of TLBs": after the flush no old translation is used, whichever engine executed it. */
TEST(the_processors_tlb_follows_the_guests_flushes_under_another_engine)
{
    struct kvm *kvm = open_rig();
    struct cpu *cpu = rig->vcpu.cpu;
    fill(cpu);
    CHECK(kvm_state_load(kvm));
    unsigned before = fake.tlb_flushes;
    CHECK(kvm_state_store(kvm));
    CHECK(kvm_state_load(kvm)); /* nothing was flushed */
    CHECK_EQ(fake.tlb_flushes, before);
    CHECK(kvm_state_store(kvm));
    tlb_flush_page(cpu, 0x1000);
    CHECK(kvm_state_load(kvm));
    CHECK(fake.tlb_flushes > before);
    CHECK_EQ(fake.sregs.cr4, cpu->cr4);
    before = fake.tlb_flushes;
    CHECK(kvm_state_store(kvm));
    CHECK(kvm_state_load(kvm));
    CHECK_EQ(fake.tlb_flushes, before);
    close_rig();
}

/* KVM_CAP_EXCEPTION_PAYLOAD, not enabled: the address is in CR2 once the events have been asked for. */
TEST(a_page_fault_that_waits_brings_its_address)
{
    struct kvm *kvm = open_rig();
    struct cpu *cpu = rig->vcpu.cpu;
    CHECK(kvm_state_load(kvm));
    fake.events.exception.pending = 1;
    fake.events.exception.nr = VECTOR_PF;
    fake.fault_address = 0xdead000;
    CHECK(kvm_state_store(kvm));
    CHECK_EQ(cpu->held.vector, VECTOR_PF);
    CHECK_EQ(cpu->cr2, 0xdead000);
    close_rig();
}

/* KVM's copy is what it was loaded with; the guest's write came to us. */
TEST(the_apics_base_address_is_the_models)
{
    struct kvm *kvm = open_rig();
    struct cpu *cpu = rig->vcpu.cpu;
    CHECK(kvm_state_load(kvm));
    CHECK(msr_write(cpu, 0x1b, 0xfee00100));
    CHECK(kvm_state_store(kvm));
    CHECK_EQ(cpu->apic_base, 0xfee00100);
    close_rig();
}

TEST(without_a_filter_the_apics_base_address_is_what_kvm_says)
{
    open_board();
    fake.no_msr_filter = true;
    struct kvm *kvm = open_cpu();
    struct cpu *cpu = rig->vcpu.cpu;
    CHECK(kvm_state_load(kvm));
    kvm_msr_follow_apic_base(kvm);
    CHECK_EQ(cpu->apic_base, 0xfee00900);
    fake_run()->apic_base = 0xfee00100; /* as KVM leaves it after the guest's WRMSR */
    kvm_msr_follow_apic_base(kvm);
    CHECK_EQ(cpu->apic_base, 0xfee00100);
    close_rig();
}

/* SDM vol. 4: 10h TSC, 174h SYSENTER_CS, 179h MCG_CAP, 1A0h MISC_ENABLE, 277h PAT, 2FFh MTRR_DEF_TYPE, 400h MC0_CTL. */
TEST(registers_that_kvm_would_answer_in_its_own_way_are_the_models)
{
    open_rig();
    static const u32 kvms[] = {0x10, 0x174, 0x176, 0x277, 0xc0000080, 0xc0000082, 0xc0000100, 0xc0000101, 0xc0000102};
    static const u32 ours[] = {0x1b, 0x8b, 0x179, 0x17a, 0x1a0, 0x1d9, 0x2ff, 0xce, 0x3b};
    for (unsigned i = 0; i < ARRAY_SIZE(kvms); i++)
        CHECK(fake_allows(kvms[i]));
    for (unsigned i = 0; i < ARRAY_SIZE(ours); i++)
        CHECK(!fake_allows(ours[i]));
    close_rig();
}

/* What KVM had taken and not delivered goes on elsewhere; an INT n starts anew, its RIP is still before it. */
TEST(undelivered_events_come_back)
{
    struct kvm *kvm = open_rig();
    struct cpu *cpu = rig->vcpu.cpu;
    CHECK(kvm_state_load(kvm));
    fake.events.exception.injected = fake.events.exception.has_error_code = 1;
    fake.events.exception.nr = VECTOR_PF;
    fake.events.exception.error_code = 6;
    CHECK(kvm_state_store(kvm));
    CHECK(cpu->held.valid && !cpu->held.external && cpu->held.has_error);
    CHECK_EQ(cpu->held.vector, VECTOR_PF);
    CHECK_EQ(cpu->held.error, 6);
    cpu->held.valid = false;
    fake.events = (struct kvm_vcpu_events){.interrupt = {.injected = 1, .nr = 0x31}, .nmi = {.pending = 1}};
    CHECK(kvm_state_store(kvm));
    CHECK(cpu->held.valid && cpu->held.external && cpu->nmi_pending);
    CHECK_EQ(cpu->held.vector, 0x31);
    cpu->held.valid = false;
    fake.events = (struct kvm_vcpu_events){.interrupt = {.injected = 1, .nr = 0x80, .soft = 1}};
    CHECK(kvm_state_store(kvm));
    CHECK(!cpu->held.valid);
    close_rig();
}

static void offset_travels(u64 offset)
{
    struct kvm *kvm = kvm_of(&rig->vcpu);
    struct cpu *cpu = rig->vcpu.cpu;
    cpu->tsc_offset = offset;
    kvm_tsc_load(kvm);
    CHECK(offset - fake.tsc_offset < 1u << 24); /* the time that it took */
    kvm_tsc_store(kvm);
    CHECK_EQ(cpu->tsc_offset, offset);
}

/* A detour through another engine must not move the counter by whatever the host's KVM began with. */
TEST(a_host_without_the_offset_attribute_keeps_offsets)
{
    struct machine_tsc tsc;
    struct kvm *kvm = open_rig();
    struct cpu *cpu = rig->vcpu.cpu;
    fake.old_tsc = true;
    CHECK(kvm_tsc_probe(&tsc));
    CHECK(!tsc.fixed);
    offset_travels(1ull << 40);
    offset_travels((1ull << 40) - 1000000); /* less than a second */
    fake.tsc_offset = 77ull << 32; /* the guest writes its counter */
    kvm_tsc_store(kvm);
    CHECK((77ull << 32) - cpu->tsc_offset < 1u << 24);
    close_rig();
}

TEST(an_msr_that_kvm_refuses_keeps_its_value)
{
    struct kvm *kvm = open_rig();
    struct cpu *cpu = rig->vcpu.cpu;
    cpu->pat = 0x0007040600070406;
    cpu->lstar = 0x1234;
    fake.refused_msr = 0x277;
    CHECK(kvm_state_load(kvm));
    CHECK_EQ(fake_msr(0xc0000082)->data, 0x1234);
    CHECK(kvm_state_store(kvm));
    CHECK_EQ(cpu->pat, 0x0007040600070406);
    close_rig();
}
#endif

UNIT_MAIN()
