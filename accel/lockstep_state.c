/*
 * Lockstep: what is compared.
 *
 * The table below is the guest-visible state of struct cpu.  Derived state (TLB, blocks, lazy flags) is not in it: that
 * is what lockstep is to find errors in.
 */
#include "accel/lockstep.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cpu/insn.h"

/* OTHERS: real processors do not keep it, or KVM does not show it, so it is compared between our own engines only. */
enum { ALL = 0, OTHERS = 1 };

struct state_field {
    const char *name;
    u32 offset, size;
    u8 step, which; /* step: bytes of one element, for the report */
};

#define STATE(member, which)                                                                                           \
    {                                                                                                                  \
#member, offsetof(struct cpu, member), sizeof(((struct cpu *)0)->member), 0, which                             \
    }
#define STATES(member, of, which)                                                                                      \
    {                                                                                                                  \
#member, offsetof(struct cpu, member), sizeof(((struct cpu *)0)->member), of, which                            \
    }
#define SEGMENT(s)                                                                                                     \
    STATE(seg[s].selector, ALL), STATE(seg[s].base, ALL), STATE(seg[s].limit, ALL), STATE(seg[s].access, ALL)

static const struct state_field fields[] = {
    STATE(rip, ALL),
    {"gpr", offsetof(struct cpu, gpr), 16 * 8, 8, ALL}, /* [16] is always 0 */
    STATE(rflags, ALL),
    SEGMENT(ES),
    SEGMENT(CS),
    SEGMENT(SS),
    SEGMENT(DS),
    SEGMENT(FS),
    SEGMENT(GS),
    SEGMENT(LDTR),
    SEGMENT(TR),
    STATE(cpl, ALL),
    STATE(gdtr.base, ALL),
    STATE(gdtr.limit, ALL),
    STATE(idtr.base, ALL),
    STATE(idtr.limit, ALL),
    STATE(cr0, ALL),
    STATE(cr2, ALL),
    STATE(cr3, ALL),
    STATE(cr4, ALL),
    STATE(cr8, ALL),
    STATE(xcr0, ALL),
    STATES(dr, 8, ALL),
    STATES(tr, 4, OTHERS),
    STATE(efer, ALL),
    STATE(star, ALL),
    STATE(lstar, ALL),
    STATE(cstar, ALL),
    STATE(fmask, ALL),
    STATE(kernel_gs_base, ALL),
    STATE(tsc_aux, ALL),
    STATE(sysenter_cs, ALL),
    STATE(sysenter_esp, ALL),
    STATE(sysenter_eip, ALL),
    STATE(pat, ALL),
    STATE(apic_base, OTHERS),
    STATE(misc_enable, OTHERS),
    STATE(mcg_status, OTHERS),
    STATE(mcg_ctl, OTHERS),
    STATE(debugctl, OTHERS),
    STATE(mtrr_def_type, OTHERS),
    STATES(mtrr_fixed, 8, OTHERS),
    STATES(mtrr_base, 8, OTHERS),
    STATES(mtrr_mask, 8, OTHERS),
    STATE(microcode, OTHERS),
    STATE(tsc_offset, OTHERS),
    STATE(random, OTHERS),
    STATES(pdpte, 8, OTHERS),
    STATES(fpu.reg, 16, ALL),
    STATE(fpu.control, ALL),
    STATE(fpu.status, ALL),
    STATE(fpu.top, ALL),
    STATE(fpu.valid, ALL),
    STATE(fpu.opcode, OTHERS),
    STATE(fpu.ip_selector, OTHERS),
    STATE(fpu.dp_selector, OTHERS),
    STATE(fpu.ip, OTHERS),
    STATE(fpu.dp, OTHERS),
    STATE(fpu.ferr, OTHERS),
    {"vec", offsetof(struct cpu, vec), 16 * sizeof(union vector_reg), sizeof(union vector_reg), OTHERS},
    STATE(mxcsr, ALL),
    STATES(k, 8, OTHERS),
    STATE(activity, ALL),
    STATE(nmi_blocked, ALL),
    STATE(shadow, OTHERS),
    STATE(pending_dr6, ALL),
    STATE(held.valid, OTHERS),
    STATE(a20, ALL),
};

static const char *const register_names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                             "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

static bool counts(const struct lockstep *ls, const struct state_field *field)
{
    return field->which == ALL || !ls->second->timed;
}

/* XMM and YMM registers are compared under KVM, too, which has no more of them. */
static bool same_vectors(const struct cpu *a, const struct cpu *b)
{
    for (unsigned i = 0; i < 16; i++)
        if (memcmp(&a->vec[i], &b->vec[i], 32) != 0)
            return false;
    return true;
}

static bool same_flags(const struct lockstep *ls)
{
    return !((ls->a->cpu->rflags ^ ls->b.cpu->rflags) & ~(u64)ls->flags_ignored);
}

static bool same_field(const struct lockstep *ls, const struct state_field *field)
{
    if (field->offset == offsetof(struct cpu, rflags))
        return same_flags(ls);
    const u8 *a = (const u8 *)ls->a->cpu, *b = (const u8 *)ls->b.cpu;
    return !counts(ls, field) || memcmp(a + field->offset, b + field->offset, field->size) == 0;
}

bool lockstep_same_state(const struct lockstep *ls)
{
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        if (!same_field(ls, &fields[i]))
            return false;
    return same_vectors(ls->a->cpu, ls->b.cpu);
}

void lockstep_copy_state(struct lockstep *ls)
{
    u8 *a = (u8 *)ls->a->cpu, *b = (u8 *)ls->b.cpu;
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        memcpy(b + fields[i].offset, a + fields[i].offset, fields[i].size);
    ls->b.cpu->held = ls->a->cpu->held;
    ls->b.cpu->new_tf_counts = ls->a->cpu->new_tf_counts;
    ls->b.cpu->nmi_pending = ls->a->cpu->nmi_pending;
    ls->b.cpu->tlb_flushes = ls->a->cpu->tlb_flushes;
    ls->b.cpu->intr = false;
    if (ls->b.cpu->a20_mask != ls->a->cpu->a20_mask)
        cpu_set_a20(ls->b.cpu, ls->a->cpu->a20);
}

/* --- memory ------------------------------------------------------------------------------------------------------ */

/* Accessed and dirty bits of page tables: a processor may set them early, KVM's emulation late or not at all. */
static bool same_but_accessed(const u8 *a, const u8 *b, u64 size)
{
    for (u64 i = 0; i < size; i++)
        if ((a[i] ^ b[i]) & ~0x60)
            return false;
    return true;
}

static bool same_bytes(const struct lockstep *ls, const u8 *a, const u8 *b, u64 size)
{
    return memcmp(a, b, size) == 0 || (ls->second->timed && same_but_accessed(a, b, size));
}

bool lockstep_same_stores(struct lockstep *ls)
{
    bool same = true;
    machine_lock(ls->machine);
    for (size_t i = 0; i < ls->store_count && same; i++) {
        const struct lockstep_store *store = &ls->stores[i];
        const u8 *a = lockstep_a_memory(ls, store->phys);
        u8 *b = a ? lockstep_b_memory(ls, a) : NULL;
        if (!b || lockstep_overlaps_mirror(ls, a, store->size))
            continue;
        same = same_bytes(ls, a, b, store->size);
        if (!same)
            snprintf(ls->problem, sizeof(ls->problem), "memory at %llx, which A stored to, differs",
                     (unsigned long long)store->phys);
        else if (ls->second->timed)
            memcpy(b, a, store->size);
    }
    machine_unlock(ls->machine);
    ls->stores_compared += ls->store_count;
    return same;
}

bool lockstep_same_memory(struct lockstep *ls)
{
    ls->scans++;
    for (unsigned i = 0; i < ls->copy_count; i++) {
        const struct lockstep_copy *copy = &ls->copies[i];
        for (u64 at = 0; at < copy->size; at += 4096)
            if (!same_bytes(ls, copy->host + at, copy->copy + at, MIN(4096ull, copy->size - at))) {
                u64 byte = at;
                while (copy->host[byte] == copy->copy[byte])
                    byte++;
                snprintf(ls->problem, sizeof(ls->problem),
                         "memory, offset %llx of %s: A %02x, B %02x; all memory was last equal after instruction %llu",
                         (unsigned long long)byte, copy->host == ls->machine->ram ? "RAM" : "other memory",
                         copy->host[byte], copy->copy[byte], (unsigned long long)(ls->began_at + ls->last_scan));
                ls->in_scan = true;
                return false;
            }
    }
    ls->last_scan = lockstep_ran(ls);
    return true;
}

/* --- instructions ------------------------------------------------------------------------------------------------ */

void lockstep_note_place(struct lockstep *ls)
{
    const struct cpu *cpu = ls->a->cpu;
    struct lockstep_place *place = &ls->trail[ls->trail_count++ % LOCKSTEP_TRAIL];
    place->rip = cpu->rip;
    place->linear = (cpu->code_base + cpu->rip) & cpu->code_mask;
    place->selector = cpu->seg[CS].selector;
    place->code_size = SIZE_16 + (cpu->mode & MODE_CODE);
    place->count = 0;
}

unsigned lockstep_fetch(struct lockstep *ls, const struct lockstep_place *place, u8 bytes[15])
{
    unsigned count = 0;
    while (count < 15 && cpu_read_debug(ls->a->cpu, place->linear + count, &bytes[count], 1))
        count++;
    return count;
}

static bool is_prefix(u8 byte, bool code64)
{
    return byte == 0x66 || byte == 0x67 || byte == 0xf2 || byte == 0xf3 || byte == 0x2e || byte == 0x36 ||
           byte == 0x3e || byte == 0x26 || byte == 0x64 || byte == 0x65 || byte == 0xf0 ||
           (code64 && (byte & 0xf0) == 0x40);
}

/* CPUID, RDTSC, RDPMC, RDTSCP, RDRAND and RDSEED */
static bool is_personal(const u8 *bytes, unsigned count, bool code64)
{
    unsigned at = 0;
    while (at < count && is_prefix(bytes[at], code64))
        at++;
    if (at + 2 >= count || bytes[at] != 0x0f)
        return false;
    u8 opcode = bytes[at + 1], modrm = bytes[at + 2];
    return opcode == 0xa2 || opcode == 0x31 || opcode == 0x33 || (opcode == 0x01 && modrm == 0xf9) ||
           (opcode == 0xc7 && modrm >= 0xf0);
}

void lockstep_look(struct lockstep *ls)
{
    struct lockstep_place *place = &ls->trail[(ls->trail_count - 1) % LOCKSTEP_TRAIL];
    struct decoder decoder = {.code_size = place->code_size, .features = ls->a->cpu->features};
    struct insn insn;
    u8 *bytes = place->bytes;
    unsigned count = lockstep_fetch(ls, place, bytes);
    place->count = (u8)count;
    /* Between the elements of a string instruction RF is set, which KVM keeps to itself while it steps. */
    ls->flags_ignored = FLAG_RF;
    ls->repeats = false;
    if (count && decode(&decoder, bytes, count, &insn)) {
        ls->flags_ignored |= insn.opcode->flags_undefined;
        ls->repeats = insn.rep != REP_NONE;
    }
    ls->personal = is_personal(bytes, count, place->code_size == SIZE_64);
}

/* --- differences ------------------------------------------------------------------------------------------------- */

static void each_element(const struct lockstep *ls, const struct state_field *field,
                         void (*report)(const char *name, const u8 *a, const u8 *b, u32 size))
{
    const u8 *a = (const u8 *)ls->a->cpu + field->offset, *b = (const u8 *)ls->b.cpu + field->offset;
    u32 step = field->step ? field->step : field->size;
    char name[32];
    for (u32 at = 0; at < field->size; at += step) {
        if (memcmp(a + at, b + at, step) == 0)
            continue;
        if (field->offset == offsetof(struct cpu, gpr))
            snprintf(name, sizeof(name), "%s", register_names[at / 8]);
        else if (field->step)
            snprintf(name, sizeof(name), "%s[%u]", field->name, at / step);
        else
            snprintf(name, sizeof(name), "%s", field->name);
        report(name, a + at, b + at, step);
    }
}

/* Under KVM the vector registers are not in the table of what must be the same. */
static bool is_vectors(const struct state_field *field) { return field->offset == offsetof(struct cpu, vec); }

void lockstep_each_difference(const struct lockstep *ls, void (*report)(const char *name, const u8 *a, const u8 *b,
                                                                        u32 size))
{
    bool vectors = !same_vectors(ls->a->cpu, ls->b.cpu);
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        if (!same_field(ls, &fields[i]) || (is_vectors(&fields[i]) && vectors))
            each_element(ls, &fields[i], report);
}
