/* Rules of paging, TLB and memory access.  Constants: Intel SDM vol. 3A, ch. "Paging". */
#include "cpu/toy_board.h"

enum { P = 1, RW = 2, US = 4, A = 0x20, D = 0x40, PS = 0x80, G = 0x100 };
enum { DIRECTORY = 0x10000, TABLE = 0x11000, FRAME = 0x20000 };
#define NX (1ull << 63)

/* 32-bit paging: one table for linear 0x00400000-0x007fffff; everything else by 4 MiB pages where PSE is on. */
static struct toy *paged(u32 directory_bits, u32 page_bits)
{
    struct toy *toy = toy_create("qemu32", NULL);
    toy_protected_mode(toy);
    poke(toy, DIRECTORY + 4, TABLE | directory_bits, 4);
    poke(toy, TABLE, FRAME | page_bits, 4);
    cr3_write(toy->cpu, DIRECTORY);
    cr0_write(toy->cpu, CR0_PE | CR0_PG);
    return toy;
}

static void user(struct toy *toy)
{
    toy->cpu->cpl = 3;
    cpu_update_mode(toy->cpu);
}

#define LINEAR 0x400000u

TEST(a_load_through_two_levels_sets_accessed_in_both_and_not_dirty)
{
    struct toy *toy = paged(P | RW | US, P | RW | US);
    poke(toy, FRAME + 0x123, 0x11223344, 4);
    CHECK_EQ(load32(toy->cpu, DS, LINEAR + 0x123), 0x11223344);
    CHECK_EQ(peek(toy, DIRECTORY + 4, 4), TABLE | P | RW | US | A);
    CHECK_EQ(peek(toy, TABLE, 4), FRAME | P | RW | US | A);
    toy_destroy(toy);
}

TEST(the_first_store_after_a_load_sets_dirty)
{
    struct toy *toy = paged(P | RW | US, P | RW | US);
    load8(toy->cpu, DS, LINEAR);
    store8(toy->cpu, DS, LINEAR, 0x5a);
    CHECK_EQ(peek(toy, TABLE, 4), FRAME | P | RW | US | A | D);
    CHECK_EQ(peek(toy, FRAME, 1), 0x5a);
    toy_destroy(toy);
}

TEST(a_page_that_is_not_present_faults_with_p_clear_and_cr2)
{
    struct toy *toy = paged(P | RW | US, 0);
    CHECK_FAULT(toy->cpu, load8(toy->cpu, DS, LINEAR + 5), VECTOR_PF, 0);
    CHECK_EQ(toy->cpu->cr2, LINEAR + 5);
    CHECK_FAULT(toy->cpu, store8(toy->cpu, DS, LINEAR + 6, 0), VECTOR_PF, PF_W);
    user(toy);
    CHECK_FAULT(toy->cpu, store8(toy->cpu, DS, LINEAR + 7, 0), VECTOR_PF, PF_W | PF_U);
    CHECK_EQ(toy->cpu->cr2, LINEAR + 7);
    toy_destroy(toy);
}

TEST(user_needs_u_in_both_levels)
{
    struct toy *toy = paged(P | RW, P | RW | US);
    user(toy);
    CHECK_FAULT(toy->cpu, load8(toy->cpu, DS, LINEAR), VECTOR_PF, PF_P | PF_U);
    CHECK_EQ(peek(toy, TABLE, 4) & A, 0);
    toy_destroy(toy);
}

TEST(a_user_store_needs_w_in_both_levels)
{
    struct toy *toy = paged(P | US, P | RW | US);
    user(toy);
    load8(toy->cpu, DS, LINEAR);
    CHECK_FAULT(toy->cpu, store8(toy->cpu, DS, LINEAR, 0), VECTOR_PF, PF_P | PF_U | PF_W);
    CHECK_EQ(peek(toy, TABLE, 4) & D, 0);
    toy_destroy(toy);
}

TEST(supervisor_stores_mind_write_protection_only_with_wp)
{
    struct toy *toy = paged(P | RW | US, P | US);
    CHECK_NO_FAULT(toy->cpu, store8(toy->cpu, DS, LINEAR, 1));
    cr0_write(toy->cpu, CR0_PE | CR0_PG | CR0_WP);
    CHECK_FAULT(toy->cpu, store8(toy->cpu, DS, LINEAR, 1), VECTOR_PF, PF_P | PF_W);
    toy_destroy(toy);
}

TEST(a_4_mib_page_needs_pse)
{
    struct toy *toy = paged(P | RW | US, P | RW | US);
    poke(toy, DIRECTORY + 8, 0x400000 | P | RW | PS, 4); /* linear 8 MiB -> physical 4 MiB, or a table at 4 MiB */
    poke(toy, 0x400000, 0x30000 | P | RW, 4);
    poke(toy, 0x30000, 0xaa, 1);
    poke(toy, 0x512345, 0xbb, 1);
    CHECK_EQ(load8(toy->cpu, DS, 0x800000), 0xaa);
    cr4_write(toy->cpu, CR4_PSE);
    CHECK_EQ(load8(toy->cpu, DS, 0x912345), 0xbb);
    CHECK_EQ(peek(toy, DIRECTORY + 8, 4), 0x400000 | P | RW | PS | A);
    toy_destroy(toy);
}

TEST(pse36_takes_physical_bits_32_to_35_from_bits_13_to_16)
{
    struct toy *toy = paged(P | RW, P | RW);
    u64 phys;
    cr4_write(toy->cpu, CR4_PSE);
    poke(toy, DIRECTORY + 8, 0x400000 | 0x1e000 | P | RW | PS, 4);
    CHECK(cpu_translate_debug(toy->cpu, 0x800123, &phys));
    CHECK_EQ(phys, 0xf00400123);
    toy_destroy(toy);
}

TEST(a_reserved_bit_in_a_4_mib_page_faults_with_rsvd)
{
    struct toy *toy = paged(P | RW, P | RW);
    cr4_write(toy->cpu, CR4_PSE);
    poke(toy, DIRECTORY + 8, 0x400000 | 0x200000 | P | RW | PS, 4); /* bit 21 */
    CHECK_FAULT(toy->cpu, load8(toy->cpu, DS, 0x800000), VECTOR_PF, PF_P | PF_RSVD);
    toy_destroy(toy);
}

/* --- PAE --- */

enum { PDPT = 0x12000, DIRECTORY_PAE = 0x13000, TABLE_PAE = 0x14000 };

static struct toy *paged_pae(u64 page_bits)
{
    struct toy *toy = toy_create("qemu32", NULL);
    toy_protected_mode(toy);
    poke(toy, PDPT, DIRECTORY_PAE | P, 8);
    poke(toy, DIRECTORY_PAE + 16, TABLE_PAE | P | RW | US, 8); /* linear 4 MiB */
    poke(toy, TABLE_PAE, FRAME | page_bits, 8);
    cr4_write(toy->cpu, CR4_PAE);
    cr3_write(toy->cpu, PDPT);
    cr0_write(toy->cpu, CR0_PE | CR0_PG);
    return toy;
}

TEST(pae_walks_three_levels)
{
    struct toy *toy = paged_pae(P | RW | US);
    store32(toy->cpu, DS, LINEAR + 8, 0x12345678);
    CHECK_EQ(peek(toy, FRAME + 8, 4), 0x12345678);
    CHECK_EQ(peek(toy, TABLE_PAE, 8), FRAME | P | RW | US | A | D);
    CHECK_EQ(peek(toy, DIRECTORY_PAE + 16, 8), TABLE_PAE | P | RW | US | A);
    CHECK_EQ(peek(toy, PDPT, 8), DIRECTORY_PAE | P);
    toy_destroy(toy);
}

TEST(pdptes_are_loaded_with_cr3_and_not_read_again)
{
    struct toy *toy = paged_pae(P | RW | US);
    poke(toy, PDPT, 0, 8);
    CHECK_NO_FAULT(toy->cpu, load8(toy->cpu, DS, LINEAR));
    cr3_write(toy->cpu, PDPT);
    CHECK_FAULT(toy->cpu, load8(toy->cpu, DS, LINEAR), VECTOR_PF, 0);
    toy_destroy(toy);
}

TEST(reserved_bits_in_a_pdpte_make_mov_cr3_fault)
{
    struct toy *toy = paged_pae(P | RW | US);
    poke(toy, PDPT + 8, DIRECTORY_PAE | P | RW, 8); /* bits 1 and 2 are reserved there */
    CHECK_FAULT(toy->cpu, cr3_write(toy->cpu, PDPT), VECTOR_GP, 0);
    poke(toy, PDPT + 8, RW, 8); /* not present: ignored */
    CHECK_NO_FAULT(toy->cpu, cr3_write(toy->cpu, PDPT));
    toy_destroy(toy);
}

TEST(bit_63_is_reserved_until_nxe_and_then_forbids_fetches)
{
    struct toy *toy = paged_pae(P | RW | US | NX);
    CHECK_FAULT(toy->cpu, load8(toy->cpu, DS, LINEAR), VECTOR_PF, PF_P | PF_RSVD);
    CHECK(msr_write(toy->cpu, 0xc0000080, EFER_NXE));
    CHECK_NO_FAULT(toy->cpu, load8(toy->cpu, DS, LINEAR));
    CHECK_FAULT(toy->cpu, mmu_fetch(toy->cpu, LINEAR), VECTOR_PF, PF_P | PF_I);
    user(toy);
    CHECK_FAULT(toy->cpu, mmu_fetch(toy->cpu, LINEAR), VECTOR_PF, PF_P | PF_I | PF_U);
    toy_destroy(toy);
}

TEST(without_nxe_a_fetch_fault_has_no_i_bit)
{
    struct toy *toy = paged(P | RW | US, 0);
    CHECK_FAULT(toy->cpu, mmu_fetch(toy->cpu, LINEAR), VECTOR_PF, 0);
    toy_destroy(toy);
}

TEST(address_bits_beyond_the_processors_width_are_reserved)
{
    struct toy *toy = paged_pae(P | RW | US | 1ull << 36);
    CHECK_FAULT(toy->cpu, load8(toy->cpu, DS, LINEAR), VECTOR_PF, PF_P | PF_RSVD);
    toy_destroy(toy);
}

TEST(pae_large_pages_have_2_mib_whatever_pse_says)
{
    struct toy *toy = paged_pae(P);
    poke(toy, DIRECTORY_PAE + 24, 0x600000 | P | RW | PS, 8); /* linear 6 MiB */
    poke(toy, 0x7fffff, 0x77, 1);
    CHECK_EQ(load8(toy->cpu, DS, 0x7fffff), 0x77);
    poke(toy, DIRECTORY_PAE + 24, 0x600000 | 0x2000 | P | RW | PS, 8);
    tlb_flush_all(toy->cpu);
    CHECK_FAULT(toy->cpu, load8(toy->cpu, DS, 0x7fffff), VECTOR_PF, PF_P | PF_RSVD);
    toy_destroy(toy);
}

/* --- 4-level paging --- */

TEST(four_levels_reach_4_kib_and_2_mib_pages)
{
    struct toy *toy = paged_pae(P | RW | US);
    struct cpu *cpu = toy->cpu;
    u64 phys, linear = 0xffff800000400000;
    poke(toy, 0x15000 + 256 * 8, PDPT | P | RW | US, 8); /* PML4 */
    poke(toy, PDPT, DIRECTORY_PAE | P | RW | US, 8);
    poke(toy, DIRECTORY_PAE + 24, 0x600000 | P | PS, 8);
    cpu->efer |= EFER_LME | EFER_LMA;
    cpu->cr3 = 0x15000;
    tlb_flush_all(cpu);
    CHECK(cpu_translate_debug(cpu, linear + 0x10, &phys));
    CHECK_EQ(phys, FRAME + 0x10);
    CHECK(cpu_translate_debug(cpu, linear + 0x3fffff, &phys));
    CHECK_EQ(phys, 0x7fffff);
    CHECK_EQ(peek(toy, 0x15000 + 256 * 8, 8) & A, 0);
    CHECK_FAULT(cpu, system_load8(cpu, linear + 0x1000), VECTOR_PF, 0);
    CHECK_EQ(cpu->cr2, linear + 0x1000);
    CHECK_EQ(peek(toy, 0x15000 + 256 * 8, 8) & A, A);
    toy_destroy(toy);
}

/* --- TLB --- */

TEST(mov_cr3_keeps_global_pages_and_drops_the_rest)
{
    struct toy *toy = paged(P | RW, P | RW | G);
    struct cpu *cpu = toy->cpu;
    cr4_write(cpu, CR4_PGE);
    poke(toy, TABLE + 4, (FRAME + 0x1000) | P | RW, 4);
    poke(toy, FRAME, 0x11, 1);
    poke(toy, FRAME + 0x1000, 0x22, 1);
    load8(cpu, DS, LINEAR);
    load8(cpu, DS, LINEAR + 0x1000);
    poke(toy, TABLE, 0, 4);
    poke(toy, TABLE + 4, 0, 4);
    CHECK_EQ(load8(cpu, DS, LINEAR + 0x1000), 0x22);
    cr3_write(cpu, DIRECTORY);
    CHECK_EQ(load8(cpu, DS, LINEAR), 0x11);
    CHECK_FAULT(cpu, load8(cpu, DS, LINEAR + 0x1000), VECTOR_PF, 0);
    cr4_write(cpu, 0);
    CHECK_FAULT(cpu, load8(cpu, DS, LINEAR), VECTOR_PF, 0);
    toy_destroy(toy);
}

static int load_fault(struct cpu *cpu, u64 linear) { return FAULT_OF(cpu, load8(cpu, DS, linear)); }

TEST(global_pages_survive_any_number_of_fills)
{
    struct toy *toy = paged(P | RW, P | RW | G);
    struct cpu *cpu = toy->cpu;
    cr4_write(cpu, CR4_PGE);
    for (unsigned i = 0; i < 400; i++)
        poke(toy, TABLE + 4 * i, (FRAME + 0x1000 * i) | P | RW | (i % 4 ? 0 : G), 4);
    for (unsigned i = 0; i < 400; i++)
        load8(cpu, DS, LINEAR + 0x1000 * i);
    memset(toy->ram + TABLE, 0, 0x1000);
    cr3_write(cpu, DIRECTORY);
    cr3_write(cpu, DIRECTORY);
    for (unsigned i = 0; i < 400; i++)
        CHECK_EQ(load_fault(cpu, LINEAR + 0x1000 * i), i % 4 ? (int)VECTOR_PF : NO_FAULT);
    tlb_flush_all(cpu);
    for (unsigned i = 0; i < 400; i++)
        CHECK_EQ(load_fault(cpu, LINEAR + 0x1000 * i), VECTOR_PF);
    toy_destroy(toy);
}

TEST(invlpg_drops_one_page_global_or_not)
{
    struct toy *toy = paged(P | RW, P | RW | G);
    struct cpu *cpu = toy->cpu;
    cr4_write(cpu, CR4_PGE);
    load8(cpu, DS, LINEAR);
    poke(toy, TABLE, 0, 4);
    tlb_flush_page(cpu, LINEAR + 0xfff);
    CHECK_FAULT(cpu, load8(cpu, DS, LINEAR), VECTOR_PF, 0);
    toy_destroy(toy);
}

TEST(invlpg_drops_all_pieces_of_a_large_page)
{
    struct toy *toy = paged(P | RW, P | RW);
    struct cpu *cpu = toy->cpu;
    cr4_write(cpu, CR4_PSE);
    poke(toy, DIRECTORY + 8, 0x400000 | P | RW | PS, 4);
    load8(cpu, DS, 0x800000);
    load8(cpu, DS, 0x900000);
    poke(toy, DIRECTORY + 8, 0, 4);
    tlb_flush_page(cpu, 0xa00000);
    CHECK_FAULT(cpu, load8(cpu, DS, 0x900000), VECTOR_PF, 0);
    toy_destroy(toy);
}

TEST(a_page_that_becomes_present_needs_no_invalidation)
{
    struct toy *toy = paged(P | RW, 0);
    CHECK_FAULT(toy->cpu, load8(toy->cpu, DS, LINEAR), VECTOR_PF, 0);
    poke(toy, TABLE, FRAME | P | RW, 4);
    CHECK_NO_FAULT(toy->cpu, load8(toy->cpu, DS, LINEAR));
    toy_destroy(toy);
}

TEST(a_page_filled_for_the_supervisor_does_not_open_to_the_user)
{
    struct toy *toy = paged(P | RW, P | RW);
    load8(toy->cpu, DS, LINEAR);
    user(toy);
    CHECK_FAULT(toy->cpu, load8(toy->cpu, DS, LINEAR), VECTOR_PF, PF_P | PF_U);
    CHECK_NO_FAULT(toy->cpu, system_load8(toy->cpu, LINEAR));
    toy_destroy(toy);
}

TEST(fetch_probe_changes_nothing)
{
    struct toy *toy = paged(P | RW, P | RW);
    u64 phys;
    CHECK(mmu_fetch_probe(toy->cpu, LINEAR + 3, &phys));
    CHECK_EQ(phys, FRAME + 3);
    CHECK_EQ(peek(toy, TABLE, 4) & A, 0);
    CHECK(!mmu_fetch_probe(toy->cpu, LINEAR + 0x1000, &phys));
    CHECK_EQ(mmu_fetch(toy->cpu, LINEAR + 3), FRAME + 3);
    CHECK_EQ(peek(toy, TABLE, 4) & A, A);
    toy_destroy(toy);
}

/* --- accesses --- */

TEST(a_store_across_pages_writes_nothing_when_the_second_faults)
{
    struct toy *toy = paged(P | RW, P | RW);
    poke(toy, FRAME + 0xffe, 0x1111, 2);
    CHECK_FAULT(toy->cpu, store32(toy->cpu, DS, LINEAR + 0xffe, 0x22222222), VECTOR_PF, PF_W);
    CHECK_EQ(toy->cpu->cr2, LINEAR + 0x1000);
    CHECK_EQ(peek(toy, FRAME + 0xffe, 2), 0x1111);
    toy_destroy(toy);
}

TEST(an_access_across_pages_reaches_two_frames)
{
    struct toy *toy = paged(P | RW, P | RW);
    poke(toy, TABLE + 4, 0x30000 | P | RW, 4);
    store64(toy->cpu, DS, LINEAR + 0xffd, 0x8877665544332211);
    CHECK_EQ(peek(toy, FRAME + 0xffd, 3), 0x332211);
    CHECK_EQ(peek(toy, 0x30000, 5), 0x8877665544);
    CHECK_EQ(load64(toy->cpu, DS, LINEAR + 0xffd), 0x8877665544332211);
    toy_destroy(toy);
}

TEST(registers_are_reached_through_the_bus_with_their_size)
{
    struct toy *toy = toy_create("qemu32", NULL);
    toy_protected_mode(toy);
    toy->mmio_value = 0xcafebabe;
    CHECK_EQ(load32(toy->cpu, DS, TOY_MMIO + 8), 0xcafebabe);
    CHECK_EQ(toy->mmio_size, 4);
    CHECK_EQ(toy->mmio_reads, 1);
    store16(toy->cpu, DS, TOY_MMIO + 2, 0x1234);
    CHECK_EQ(toy->mmio_size, 2);
    CHECK_EQ(toy->mmio_address, TOY_MMIO + 2);
    CHECK_EQ(toy->mmio_value, 0x1234);
    toy_destroy(toy);
}

TEST(every_store_to_a_logged_page_marks_it_dirty)
{
    struct toy *toy = toy_create("qemu32", NULL);
    toy_protected_mode(toy);
    for (unsigned i = 0; i < 2; i++) {
        toy->flags[TOY_LOGGED >> 12] = 0;
        store8(toy->cpu, DS, TOY_LOGGED + i, 1);
        CHECK_EQ(toy->flags[TOY_LOGGED >> 12], CPU_PAGE_DIRTY);
    }
    toy_destroy(toy);
}

TEST(protecting_a_code_page_sends_stores_to_the_slow_path)
{
    struct toy *toy = toy_create("qemu32", NULL);
    toy_protected_mode(toy);
    struct tlb_entry *e = &toy->cpu->tlbs[TLB_SUPERVISOR][FRAME >> 12];
    store8(toy->cpu, DS, FRAME, 1);
    CHECK_EQ(e->write_tag, FRAME);
    tlb_protect_code(toy->cpu, FRAME);
    CHECK_EQ(e->write_tag, TLB_INVALID);
    CHECK_EQ(e->read_tag, FRAME);
    toy_destroy(toy);
}

TEST(a20_off_clears_bit_20_of_physical_addresses)
{
    struct toy *toy = toy_create("qemu32", NULL);
    struct cpu *cpu = toy->cpu;
    toy_protected_mode(toy);
    cpu->a20_mask = ~(1ull << 20);
    poke(toy, 0x345, 0x99, 1);
    CHECK_EQ(load8(cpu, DS, 0x100345), 0x99);
    toy_destroy(toy);
}

TEST(alignment_is_checked_at_cpl_3_with_am_and_ac)
{
    struct toy *toy = toy_create("qemu32", NULL);
    struct cpu *cpu = toy->cpu;
    toy_protected_mode(toy);
    cr0_write(cpu, cpu->cr0 | CR0_AM);
    flags_write(cpu, flags_get(cpu) | FLAG_AC);
    CHECK_NO_FAULT(cpu, load32(cpu, DS, FRAME + 1));
    user(toy);
    CHECK_FAULT(cpu, load32(cpu, DS, FRAME + 2), VECTOR_AC, 0);
    CHECK_NO_FAULT(cpu, load32(cpu, DS, FRAME + 4));
    CHECK_NO_FAULT(cpu, load8(cpu, DS, FRAME + 3));
    CHECK_NO_FAULT(cpu, system_load32(cpu, FRAME + 1));
    toy_destroy(toy);
}

TEST(smep_forbids_supervisor_fetches_from_user_pages)
{
    struct toy *toy = paged(P | RW | US, P | RW | US);
    feature_set(toy->cpu->features, FEATURE_SMEP, true);
    CHECK_NO_FAULT(toy->cpu, mmu_fetch(toy->cpu, LINEAR));
    cr4_write(toy->cpu, CR4_SMEP);
    CHECK_FAULT(toy->cpu, mmu_fetch(toy->cpu, LINEAR), VECTOR_PF, PF_P | PF_I);
    toy_destroy(toy);
}

TEST(smap_opens_user_pages_only_while_ac_is_set)
{
    struct toy *toy = paged(P | RW | US, P | RW | US);
    struct cpu *cpu = toy->cpu;
    feature_set(cpu->features, FEATURE_SMAP, true);
    cr4_write(cpu, CR4_SMAP);
    CHECK_FAULT(cpu, load8(cpu, DS, LINEAR), VECTOR_PF, PF_P);
    flags_write(cpu, flags_get(cpu) | FLAG_AC);
    CHECK_NO_FAULT(cpu, store8(cpu, DS, LINEAR, 1));
    CHECK_NO_FAULT(cpu, store8(cpu, DS, LINEAR, 1));
    CHECK_FAULT(cpu, system_load8(cpu, LINEAR), VECTOR_PF, PF_P);
    flags_write(cpu, flags_get(cpu) & ~(u64)FLAG_AC);
    CHECK_FAULT(cpu, load8(cpu, DS, LINEAR), VECTOR_PF, PF_P);
    toy_destroy(toy);
}

TEST(a_data_breakpoint_traps_after_the_access)
{
    struct toy *toy = toy_create("qemu32", NULL);
    struct cpu *cpu = toy->cpu;
    toy_protected_mode(toy);
    store32(cpu, DS, FRAME, 1);
    cpu->dr[0] = FRAME + 2;
    cpu->dr[7] = DR7_FIXED | 1 | 0x10000 | 0x40000; /* L0, writes, 2 bytes */
    tlb_flush_all(cpu);
    store16(cpu, DS, FRAME, 1);
    CHECK_EQ(cpu->pending_dr6, 0);
    load32(cpu, DS, FRAME);
    CHECK_EQ(cpu->pending_dr6, 0);
    store32(cpu, DS, FRAME, 0x5555aaaa);
    CHECK_EQ(cpu->pending_dr6, DR6_B0);
    CHECK_EQ(peek(toy, FRAME, 4), 0x5555aaaa);
    toy_destroy(toy);
}

TEST(a_window_is_the_host_memory_of_a_page)
{
    struct toy *toy = paged(P | RW, P | RW);
    CHECK(mmu_window(toy->cpu, LINEAR + 16, 64, true) == toy->ram + FRAME + 16);
    CHECK_EQ(peek(toy, TABLE, 4) & D, D);
    CHECK_FAULT(toy->cpu, mmu_window(toy->cpu, LINEAR + 0x1000, 4, false), VECTOR_PF, 0);
    toy_destroy(toy);
}

/* A board where a register puts other RAM at FRAME (memory.h: "engines must forget host pointers before they go on"). */
static bool moved;

static void moving_page(void *board, u64 phys, struct cpu_page *page)
{
    toy_page(board, moved && phys == FRAME ? FRAME + 0x1000 : phys, page);
}

static void moving_write(void *board, u64 phys, u64 value, unsigned size)
{
    struct toy *toy = board;
    moved = true;
    cpu_map_changed(toy->cpu);
}

TEST(a_register_that_changes_the_map_is_felt_by_the_next_access_of_the_block)
{
    static const u8 code[] = {
        0xa2, 0x00, 0x00, 0x02, 0x00,       /* mov [FRAME],al */
        0x8a, 0x1d, 0x01, 0x00, 0x02, 0x00, /* mov bl,[FRAME+1] */
        0xa2, 0x00, 0x00, 0x00, 0xe0,       /* mov [TOY_MMIO],al */
        0xa2, 0x02, 0x00, 0x02, 0x00,       /* mov [FRAME+2],al */
        0x8a, 0x3d, 0x01, 0x00, 0x02, 0x00, /* mov bh,[FRAME+1] */
        0xf4,
    };
    struct toy *toy = toy_create("pentium3", NULL);
    struct cpu_bus bus = toy_bus;
    bus.page = moving_page;
    bus.write = moving_write;
    toy->cpu->bus = &bus;
    toy_protected_mode(toy);
    memcpy(toy->ram + 0x4000, code, sizeof(code));
    poke(toy, FRAME + 1, 0x11, 1);
    poke(toy, FRAME + 0x1001, 0x22, 1);
    toy->cpu->rip = 0x4000;
    toy->cpu->gpr[RAX] = 0x5a;
    cpu_state_changed(toy->cpu);
    CHECK_EQ(cpu_run(toy->cpu, 100), CPU_EXIT_HALTED);
    CHECK(moved);
    CHECK_EQ(peek(toy, FRAME, 4), 0x115a);
    CHECK_EQ(peek(toy, FRAME + 0x1000, 4), 0x5a2200);
    CHECK_EQ(toy->cpu->gpr[RBX] & 0xffff, 0x2211);
    toy_destroy(toy);
}

UNIT_MAIN()
