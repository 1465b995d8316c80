/*
 * Page tables of our own for user code: what enters them, what leaves them, and which code does not.
 *
 * Source: SDM vol. 3A, "4-Level Paging", "Accessed and Dirty Flags"; vol. 2, the instructions named.
 */
#include <config.h>

#include "tests/unit.h"

#if CONFIG_KVM
#include "accel/kvm_fake.h"
#include "accel/kvm_tables.h"

#define P 1ull
#define RW 2ull
#define US 4ull
#define A 0x20ull
#define D 0x40ull
#define NX (1ull << 63)
#define ROOT 0x1000u /* the guest's tables: 1000h, 2000h, 3000h; 4000h maps 400000h and up */
#define LINEAR 0x400000ull
#define FAULT_READ 4u /* error codes of user accesses */
#define FAULT_WRITE 6u
#define FAULT_FETCH 0x14u
#define PRESENT 1u

static struct kvm *kvm;

static u64 *guest_entry(u64 linear) { return (u64 *)(void *)(rig->ram.host + 0x4000) + (linear >> 12 & 511); }

static void link_table(u64 table, unsigned index, u64 to)
{
    ((u64 *)(void *)(rig->ram.host + table))[index] = to | P | RW | US | A;
}

/* Three data pages and one of code, all used before. */
static void open_tables(void)
{
    struct error err;
    kvm = open_rig();
    struct cpu *cpu = rig->vcpu.cpu;
    link_table(ROOT, 0, 0x2000);
    link_table(0x2000, 0, 0x3000);
    link_table(0x3000, 2, 0x4000);
    for (unsigned i = 0; i < 3; i++)
        *guest_entry(LINEAR + i * 0x1000) = (0x10000 + i * 0x1000) | P | RW | US | A | D | NX;
    *guest_entry(LINEAR + 0x8000) = 0x20000 | P | US | A;
    memset(rig->ram.host + 0x20000, 0x90, 0x1000);
    cpu->cr0 = CR0_PG | CR0_PE | CR0_WP;
    cpu->cr3 = ROOT;
    cpu->cr4 = CR4_PAE | CR4_OSFXSR;
    cpu->efer = EFER_LMA | EFER_LME | EFER_SCE | EFER_NXE;
    kvm->user_only = true;
    CHECK_EQ(kvm_tables_create(kvm, &err), 0);
    CHECK(kvm_tables_select(kvm));
}

/* The last entry of our tables on the way to an address; 0: there is none. */
static u64 our_entry(u64 linear)
{
    const struct kvm_userspace_memory_region *pool = NULL;
    for (unsigned i = 0; i < FAKE_SLOTS; i++)
        if (fake.slots[i].memory_size && kvm_tables_root(kvm) - fake.slots[i].guest_phys_addr < fake.slots[i].memory_size)
            pool = &fake.slots[i];
    CHECK(pool);
    u64 entry = kvm_tables_root(kvm);
    for (unsigned shift = 39; shift >= 12; shift -= 9) {
        const u64 *table = (const void *)(uintptr_t)(pool->userspace_addr + (entry & 0xffffffffff000) -
                                                     pool->guest_phys_addr);
        entry = table[linear >> shift & 511];
        if (!(entry & P))
            return 0;
    }
    return entry;
}

/* KVM has come back with a page fault. */
static bool fault(u64 linear, u32 error)
{
    fake_run()->exit_reason = KVM_EXIT_SHUTDOWN;
    fake.events.exception.nr = 14;
    fake.events.exception.error_code = error;
    fake.sregs.cr2 = linear;
    kvm->synced = false;
    return kvm_tables_resolve(kvm);
}

TEST(a_page_that_the_guest_maps_is_added_when_it_is_missing)
{
    open_tables();
    CHECK_EQ(our_entry(LINEAR), 0);
    CHECK(fault(LINEAR + 0x123, FAULT_READ));
    CHECK_EQ(our_entry(LINEAR) & ~(A | D), 0x10000 | P | US | NX);
    CHECK(fault(LINEAR, FAULT_WRITE | PRESENT));
    CHECK_EQ(our_entry(LINEAR) & ~(A | D), 0x10000 | P | US | RW | NX);
    close_rig();
}

TEST(used_neighbours_come_along_with_the_rights_that_set_no_flag)
{
    open_tables();
    *guest_entry(LINEAR + 0x1000) &= ~D;
    *guest_entry(LINEAR + 0x2000) &= ~A;
    CHECK(fault(LINEAR, FAULT_WRITE));
    CHECK_EQ(our_entry(LINEAR + 0x1000) & (P | RW), P);
    CHECK_EQ(our_entry(LINEAR + 0x2000), 0);
    CHECK(!(*guest_entry(LINEAR + 0x2000) & A));
    close_rig();
}

TEST(a_write_sets_a_and_d_where_the_guest_has_its_entry)
{
    open_tables();
    *guest_entry(LINEAR) &= ~(A | D);
    CHECK(fault(LINEAR, FAULT_READ));
    CHECK_EQ(*guest_entry(LINEAR) & (A | D), A);
    CHECK(fault(LINEAR, FAULT_WRITE | PRESENT));
    CHECK_EQ(*guest_entry(LINEAR) & (A | D), A | D);
    close_rig();
}

TEST(what_the_guest_does_not_allow_is_the_interpreters)
{
    open_tables();
    CHECK(!fault(LINEAR + 0x3000, FAULT_READ));            /* not there */
    CHECK(!fault(LINEAR, FAULT_FETCH));                    /* NX */
    CHECK(!fault(LINEAR + 0x8000, FAULT_WRITE));           /* read-only */
    CHECK(!fault(0xffffff7fffffe000ull, FAULT_FETCH));     /* where SYSCALL goes */
    *guest_entry(LINEAR) &= ~US;
    CHECK(!fault(LINEAR, FAULT_READ));
    *guest_entry(LINEAR + 0x1000) = 0xfee00000 | P | RW | US | A | D; /* registers */
    CHECK(!fault(LINEAR + 0x1000, FAULT_READ));
    CHECK(!fault(LINEAR + 0x8000, 0x10)); /* an access of the system's */
    close_rig();
}

TEST(a_fault_that_its_entry_does_not_explain_is_not_for_ever_resolved)
{
    open_tables();
    CHECK(fault(LINEAR, FAULT_READ));
    CHECK(!fault(LINEAR, FAULT_READ | PRESENT));
    close_rig();
}

TEST(code_is_executable_and_never_writable)
{
    open_tables();
    *guest_entry(LINEAR + 0x8000) |= RW | D;
    CHECK(fault(LINEAR + 0x8000, FAULT_FETCH));
    CHECK_EQ(our_entry(LINEAR + 0x8000) & (P | RW | NX), P);
    CHECK(!fault(LINEAR + 0x8000, FAULT_WRITE | PRESENT));
    *guest_entry(LINEAR) = 0x20000 | P | RW | US | A | D | NX; /* the same page elsewhere */
    CHECK(fault(LINEAR, FAULT_READ));
    CHECK(!fault(LINEAR, FAULT_WRITE | PRESENT));
    CHECK_EQ(our_entry(LINEAR) & RW, 0);
    close_rig();
}

TEST(a_page_that_could_be_written_is_not_executed)
{
    open_tables();
    *guest_entry(LINEAR + 0x8000) |= RW | D;
    CHECK(fault(LINEAR + 0x8000, FAULT_WRITE));
    CHECK(!fault(LINEAR + 0x8000, FAULT_FETCH | PRESENT));
    CHECK(our_entry(LINEAR + 0x8000) & NX);
    CHECK(kvm_tables_select(kvm)); /* in new tables it is code */
    CHECK_EQ(our_entry(LINEAR + 0x8000), 0);
    CHECK(!fault(LINEAR + 0x8000, FAULT_WRITE));
    CHECK(fault(LINEAR + 0x8000, FAULT_FETCH));
    close_rig();
}

/* Pages that may be written and executed: what the interpreter has decoded is not made writable by the way. */
TEST(decoded_code_is_no_writable_neighbour)
{
    open_tables();
    *guest_entry(LINEAR + 0x1000) &= ~NX;
    *guest_entry(LINEAR + 0x2000) &= ~NX;
    rig->ram.page_flags[0x12] |= CPU_PAGE_CODE;
    CHECK(fault(LINEAR, FAULT_WRITE));
    CHECK_EQ(our_entry(LINEAR + 0x1000) & (P | RW), P | RW);
    CHECK_EQ(our_entry(LINEAR + 0x2000), 0);
    close_rig();
}

static bool is_foreign(const char *bytes, size_t size) { return kvm_tables_foreign((const u8 *)bytes, size, size); }

TEST(instructions_that_answer_for_the_host_are_found)
{
    static const struct {
        char bytes[5];
        u8 size;
        bool foreign;
    } cases[] = {
        {"\x90\x0f\xa2\x90", 4, true},     /* CPUID */
        {"\x0f\x01\xd0", 3, true},         /* XGETBV */
        {"\x0f\x01\xf9", 3, true},         /* RDTSCP */
        {"\xf3\x0f\xc7\xf8", 4, true},     /* RDPID */
        {"\x0f\xc7\xf0", 3, true},         /* RDRAND */
        {"\x0f\x02\xc1", 3, true},         /* LAR */
        {"\x0f\x03\xc1", 3, true},         /* LSL */
        {"\x0f\x00\xe0", 3, true},         /* VERR */
        {"\x0f\x01\xee", 3, true},         /* RDPKRU */
        {"\x0f\xae\x64\x24", 4, true},     /* XSAVE [RSP+40h] */
        {"\x0f\xae\x6c\x24", 4, true},     /* XRSTOR [RSP+40h] */
        {"\x0f\xae\x74\x24", 4, true},     /* XSAVEOPT [RSP+40h] */
        {"\x0f\xc7\x64\x24", 4, true},     /* XSAVEC [RSP+40h] */
        {"\x0f\x0f\xa2\x90", 4, true},     /* behind another 0F */
        {"\x0f\xae\x44\x24", 4, false},    /* FXSAVE [RSP+40h] */
        {"\x0f\xae\x5c\x24", 4, false},    /* STMXCSR [RSP+40h] */
        {"\x0f\xae\xe8\x90", 4, false},    /* LFENCE */
        {"\x0f\xae\xf0\x90", 4, false},    /* MFENCE */
        {"\x0f\x31\x90", 3, false},        /* RDTSC */
        {"\x0f\x05\x90", 3, false},        /* SYSCALL */
        {"\x0f\xc7\x0f\x90", 4, false},    /* CMPXCHG8B */
        {"\x0f\xaf\xc1\xa2", 4, false},    /* IMUL */
        {"\x90\x90\x0f", 3, false},        /* the rest is not there */
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
        CHECK_EQ(is_foreign(cases[i].bytes, cases[i].size), cases[i].foreign);
}

TEST(a_page_with_cpuid_is_not_executed)
{
    open_tables();
    memcpy(rig->ram.host + 0x20500, "\x0f\xa2", 2);
    CHECK(!fault(LINEAR + 0x8000, FAULT_FETCH));
    CHECK(our_entry(LINEAR + 0x8000) & NX);
    close_rig();
}

/* 0F at the end of one page, A2 at the start of the next. */
TEST(an_instruction_may_lie_across_two_pages)
{
    open_tables();
    *guest_entry(LINEAR + 0x9000) = 0x22000 | P | US; /* not used yet: no neighbour */
    memset(rig->ram.host + 0x22000, 0x90, 0x1000);
    rig->ram.host[0x20fff] = 0x0f;
    rig->ram.host[0x22000] = 0xa2;
    CHECK(fault(LINEAR + 0x8000, FAULT_FETCH));
    CHECK(!fault(LINEAR + 0x9000, FAULT_FETCH));
    close_rig();
}

/* SDM vol. 3A, "Invalidation of TLBs": what the guest took away counts from its next flush on. */
TEST(a_flush_takes_what_the_guest_no_longer_maps)
{
    open_tables();
    fault(LINEAR, FAULT_WRITE);
    u64 root = kvm_tables_root(kvm);
    *guest_entry(LINEAR) = 0;
    CHECK(kvm_tables_select(kvm));
    CHECK_EQ(kvm_tables_root(kvm), root);
    rig->vcpu.cpu->tlb_flushes++;
    CHECK(kvm_tables_select(kvm));
    CHECK(kvm_tables_root(kvm) != root); /* KVM learns of no single entry */
    CHECK_EQ(our_entry(LINEAR), 0);
    close_rig();
}

TEST(a_flush_leaves_what_the_guest_still_maps)
{
    open_tables();
    fault(LINEAR, FAULT_WRITE);
    u64 root = kvm_tables_root(kvm);
    rig->vcpu.cpu->tlb_flushes++;
    CHECK(kvm_tables_select(kvm));
    CHECK_EQ(kvm_tables_root(kvm), root);
    *guest_entry(LINEAR) &= ~D; /* written to the disk: the next write counts again */
    rig->vcpu.cpu->tlb_flushes++;
    CHECK(kvm_tables_select(kvm));
    CHECK(kvm_tables_root(kvm) != root);
    close_rig();
}

TEST(address_spaces_have_tables_each)
{
    open_tables();
    fault(LINEAR, FAULT_WRITE);
    u64 root = kvm_tables_root(kvm);
    memcpy(rig->ram.host + 0x5000, rig->ram.host + ROOT, 0x1000);
    rig->vcpu.cpu->cr3 = 0x5000;
    CHECK(kvm_tables_select(kvm));
    CHECK(kvm_tables_root(kvm) != root);
    CHECK_EQ(our_entry(LINEAR), 0);
    rig->vcpu.cpu->cr3 = ROOT;
    CHECK(kvm_tables_select(kvm));
    CHECK_EQ(kvm_tables_root(kvm), root);
    CHECK(our_entry(LINEAR));
    close_rig();
}

TEST(code_that_changes_is_looked_at_again)
{
    static const u8 cpuid[] = {0x0f, 0xa2};
    open_tables();
    CHECK(fault(LINEAR + 0x8000, FAULT_FETCH));
    CHECK(!kvm_tables_code_written(kvm));
    CHECK(cpu_write_debug(rig->vcpu.cpu, LINEAR + 0x8100, "\x90", 1));
    CHECK(kvm_tables_code_written(kvm));
    CHECK(kvm_tables_select(kvm));
    CHECK(!(our_entry(LINEAR + 0x8000) & NX));
    CHECK(cpu_write_debug(rig->vcpu.cpu, LINEAR + 0x8100, cpuid, 2));
    CHECK(kvm_tables_select(kvm));
    CHECK_EQ(our_entry(LINEAR + 0x8000), 0);
    close_rig();
}

/* Entries of the pool are used once; when they are, KVM has to forget all of them. */
TEST(the_pool_is_used_anew)
{
    open_tables();
    for (unsigned i = 0; i < 3000; i++) {
        CHECK(fault(LINEAR, FAULT_WRITE));
        CHECK(our_entry(LINEAR));
        *guest_entry(LINEAR) ^= 0x3000; /* 10000h, 13000h */
        rig->vcpu.cpu->tlb_flushes++;
        if (!kvm_tables_select(kvm))
            CHECK(kvm_tables_select(kvm));
    }
    close_rig();
}
#endif

UNIT_MAIN()
