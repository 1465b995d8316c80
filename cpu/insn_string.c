/*
 * String instructions: MOVS, CMPS, STOS, LODS, SCAS, INS, OUTS, with and without REP.
 *
 * REP works in pieces: as many elements as the count, the instructions left in this run, the page ends of both
 * operands, the segment limits and the width of the address registers allow, on host memory when both operands are
 * plain RAM, one element at a time otherwise.  After each piece the registers are what they are between two
 * iterations, so a fault or an interrupt finds a state to go on from.
 *
 * Source: Intel SDM vol. 2, REP/REPE/REPNE and the instructions' pages; vol. 1, "Repeating String Operations".
 * Modelled: 16, 32 and 64-bit addresses, overlap in element order, traps after each iteration (TF), and that a fault
 * leaves EFLAGS of REP CMPS/SCAS as they were ("restored to the state prior to the execution of the instruction").
 * F2 repeats instructions that do not compare like F3 (the manual reserves it; silicon does so).
 */
#include <string.h>

#include "cpu/alu.h"
#include "cpu/system.h"

struct string {
    struct cpu *cpu;
    const struct op *op;
    unsigned bytes; /* of an element */
    u64 mask;       /* of address registers and counter */
    bool backward;
    bool stop;     /* REPE, REPNE: ended by the comparison */
    bool compared; /* a, b are the elements compared last */
    u64 a, b;
    unsigned element_wise; /* elements still to be done one at a time before windows are tried again */
};

struct string_kind {
    bool reads_source;           /* DS:rSI or another segment */
    bool uses_dest, writes_dest; /* ES:rDI */
    void (*element)(struct string *s);
    /* `n` elements; `source` and `dest` point to the lowest addresses.  Returns how many were done.  NULL: none. */
    u64 (*piece)(struct string *s, u8 *source, u8 *dest, u64 n);
};

/* --- address registers --- */

static inline u64 address_mask(enum size size)
{
    return size == SIZE_16 ? 0xffff : size == SIZE_32 ? 0xffffffff : ~0ull;
}

static inline u64 address(const struct string *s, enum gpr reg)
{
    return s->cpu->gpr[reg] & s->mask;
}

static inline void set_address(const struct string *s, enum gpr reg, u64 value)
{
    reg_write(s->cpu, reg * 8, s->op->address, value & s->mask);
}

static inline void advance(const struct string *s, enum gpr reg, u64 elements)
{
    u64 distance = elements * s->bytes;
    set_address(s, reg, s->cpu->gpr[reg] + (s->backward ? -distance : distance));
}

/* --- elements --- */

static inline u64 load_element(const struct string *s, enum seg seg, u64 offset)
{
    switch (s->op->size) {
    case SIZE_8: return load8(s->cpu, seg, offset);
    case SIZE_16: return load16(s->cpu, seg, offset);
    case SIZE_32: return load32(s->cpu, seg, offset);
    default: return load64(s->cpu, seg, offset);
    }
}

static inline u64 load_source(const struct string *s)
{
    return load_element(s, OP_SEGMENT(s->op), address(s, RSI));
}

static inline void store_dest(const struct string *s, u64 value)
{
    store_sized(s->cpu, ES, address(s, RDI), s->op->size, value);
}

static u64 host_element(const u8 *from, enum size size)
{
    u64 value = 0;
    memcpy(&value, from, 1u << size);
    return value;
}

/* Notes a comparison; REPE goes on while equal, REPNE while not. */
static inline void compare(struct string *s, u64 a, u64 b)
{
    s->a = a;
    s->b = b;
    s->compared = true;
    s->stop = s->op->rep == REP_F2 ? a == b : a != b;
}

static void set_compare_flags(struct string *s)
{
    u32 *fl = &s->cpu->fl;
    switch (s->op->size) {
    case SIZE_8: alu_cmp8(s->a, s->b, fl); break;
    case SIZE_16: alu_cmp16(s->a, s->b, fl); break;
    case SIZE_32: alu_cmp32(s->a, s->b, fl); break;
    case SIZE_64: alu_cmp64(s->a, s->b, fl); break;
    }
}

static void movs_element(struct string *s)
{
    store_dest(s, load_source(s));
    advance(s, RSI, 1);
    advance(s, RDI, 1);
}

static void stos_element(struct string *s)
{
    store_dest(s, s->cpu->gpr[RAX]);
    advance(s, RDI, 1);
}

static void lods_element(struct string *s)
{
    reg_write(s->cpu, RAX * 8, s->op->size, load_source(s));
    advance(s, RSI, 1);
}

static void cmps_element(struct string *s)
{
    u64 a = load_source(s);
    compare(s, a, load_element(s, ES, address(s, RDI)));
    advance(s, RSI, 1);
    advance(s, RDI, 1);
}

static void scas_element(struct string *s)
{
    u64 b = load_element(s, ES, address(s, RDI));
    compare(s, reg_read(s->cpu, RAX * 8, s->op->size), b);
    advance(s, RDI, 1);
}

/* The destination is checked before the port is read: what a device gave must not be lost to a fault. */
static void ins_element(struct string *s)
{
    struct cpu *cpu = s->cpu;
    check_write(cpu, ES, address(s, RDI), s->bytes);
    store_dest(s, cpu->bus->in(cpu->board, (u16)cpu->gpr[RDX], s->bytes));
    advance(s, RDI, 1);
}

static void outs_element(struct string *s)
{
    struct cpu *cpu = s->cpu;
    cpu->bus->out(cpu->board, (u16)cpu->gpr[RDX], (u32)load_source(s), s->bytes);
    advance(s, RSI, 1);
}

/* --- pieces on host memory --- */

/* Copies in the order of the elements; overlap repeats a pattern where the instruction would. */
static u64 movs_piece(struct string *s, u8 *source, u8 *dest, u64 n)
{
    u64 length = n * s->bytes, done;
    u64 distance = s->backward ? (u64)(source - dest) : (u64)(dest - source);
    if (distance >= length) {
        memmove(dest, source, length);
    } else if (!s->backward && distance >= s->bytes) {
        for (done = 0; done < length; done += MIN(distance, length - done))
            memcpy(dest + done, source + done, MIN(distance, length - done));
    } else {
        for (done = 0; done < n; done++) {
            u64 at = (s->backward ? n - 1 - done : done) * s->bytes;
            memmove(dest + at, source + at, s->bytes);
        }
    }
    advance(s, RSI, n);
    advance(s, RDI, n);
    return n;
}

static u64 stos_piece(struct string *s, u8 *source, u8 *dest, u64 n)
{
    u64 value = s->cpu->gpr[RAX];
    if (s->bytes == 1)
        memset(dest, (u8)value, n);
    else
        for (u64 i = 0; i < n; i++)
            memcpy(dest + i * s->bytes, &value, s->bytes);
    advance(s, RDI, n);
    return n;
}

/* Elements that are surely equal, eight bytes at a time. */
static u64 equal_elements(const u8 *a, const u8 *b, u64 n, unsigned bytes)
{
    u64 at = 0, length = n * bytes, x, y;
    for (; at + 8 <= length; at += 8) {
        memcpy(&x, a + at, 8);
        memcpy(&y, b + at, 8);
        if (x != y)
            break;
    }
    return at / bytes;
}

static u64 cmps_piece(struct string *s, u8 *source, u8 *dest, u64 n)
{
    u64 done = 0;
    if (s->op->rep == REP_F3 && !s->backward) {
        done = equal_elements(source, dest, n, s->bytes);
        if (done == n)
            done--; /* the last one makes the flags */
    }
    do {
        u64 at = (s->backward ? n - 1 - done : done) * s->bytes;
        compare(s, host_element(source + at, s->op->size), host_element(dest + at, s->op->size));
        done++;
    } while (!s->stop && done < n);
    advance(s, RSI, done);
    advance(s, RDI, done);
    return done;
}

static u64 scas_piece(struct string *s, u8 *source, u8 *dest, u64 n)
{
    u64 wanted = reg_read(s->cpu, RAX * 8, s->op->size), done = 0;
    if (s->bytes == 1 && s->op->rep == REP_F2 && !s->backward) {
        const u8 *found = memchr(dest, (u8)wanted, n);
        done = found ? (u64)(found - dest) : n - 1;
    }
    do {
        u64 at = (s->backward ? n - 1 - done : done) * s->bytes;
        compare(s, wanted, host_element(dest + at, s->op->size));
        done++;
    } while (!s->stop && done < n);
    advance(s, RDI, done);
    return done;
}

static u64 ins_piece(struct string *s, u8 *source, u8 *dest, u64 n)
{
    struct cpu *cpu = s->cpu;
    if (s->backward)
        return 0;
    cpu->bus->in_block(cpu->board, (u16)cpu->gpr[RDX], s->bytes, dest, n);
    advance(s, RDI, n);
    return n;
}

static u64 outs_piece(struct string *s, u8 *source, u8 *dest, u64 n)
{
    struct cpu *cpu = s->cpu;
    if (s->backward)
        return 0;
    cpu->bus->out_block(cpu->board, (u16)cpu->gpr[RDX], s->bytes, source, n);
    advance(s, RSI, n);
    return n;
}

/* --- repetition --- */

/* An operand's part in a piece: elements that lie in one page and inside the segment, none of which wraps. */
static u64 fit_operand(const struct string *s, enum seg seg, enum gpr reg, bool write, u64 n, u64 *linear)
{
    const struct segment *segment = &s->cpu->seg[seg];
    u64 offset = address(s, reg), size = s->bytes;
    bool code64 = s->cpu->mode & MODE_CODE64;
    u64 base = code64 && seg < FS ? 0 : segment->base;
    u64 top = code64 ? s->mask : MIN(s->mask, (u64)(write ? segment->write_top : segment->read_top));
    u64 in_page = (base + offset) & 0xfff;
    if (!code64 && (write ? segment->write_top : segment->read_top) < 0)
        return 0;
    if (offset > top || top - offset < size - 1 || in_page + size > 0x1000)
        return 0;
    if (s->backward) {
        n = MIN(n, MIN(in_page, offset) / size + 1);
        offset -= (n - 1) * size;
    } else {
        n = MIN(n, (0x1000 - in_page) / size);
        n = MIN(n, (top - offset - (size - 1)) / size + 1);
    }
    *linear = code64 ? base + offset : (u32)(base + offset);
    return code64 && !is_canonical(*linear) ? 0 : n;
}

/* Host memory of `n` elements from `linear` up; a fault names the element that comes first. */
static u8 *window(const struct string *s, u64 linear, u64 n, bool write)
{
    if (s->backward && !mmu_window(s->cpu, linear + (n - 1) * s->bytes, s->bytes, write))
        return NULL;
    return mmu_window(s->cpu, linear, n * s->bytes, write);
}

/* Does up to `n` elements on host memory; returns how many, 0 if they must go one at a time. */
static u64 try_piece(struct string *s, const struct string_kind *kind, u64 n)
{
    u64 source_at = 0, dest_at = 0;
    u8 *source = NULL, *dest = NULL;
    enum seg seg = OP_SEGMENT(s->op);
    if (kind->reads_source)
        n = fit_operand(s, seg, RSI, false, n, &source_at);
    if (n && kind->uses_dest) {
        u64 fit = fit_operand(s, ES, RDI, kind->writes_dest, n, &dest_at);
        if (s->backward && kind->reads_source)
            source_at += (n - fit) * s->bytes;
        n = fit;
    }
    if (n < 2)
        return 0;
    if (kind->reads_source && !(source = window(s, source_at, n, false)))
        return s->element_wise = n, 0;
    if (kind->uses_dest && !(dest = window(s, dest_at, n, kind->writes_dest)))
        return s->element_wise = n, 0;
    return kind->piece(s, source, dest, n);
}

/* Runs one piece of at most `n` elements; returns how many were done, at least 1. */
static u64 run_piece(struct string *s, const struct string_kind *kind, u64 n)
{
    u64 done = 0;
    if (s->element_wise)
        s->element_wise--;
    else if (n > 1 && kind->piece)
        done = try_piece(s, kind, n);
    if (!done) {
        kind->element(s);
        done = 1;
    }
    return done;
}

/* Iterations that this run has left; the first one is paid with the instruction. */
static u64 affordable(const struct cpu *cpu)
{
    return cpu->mode & MODE_STEP ? 1 : (u64)MAX(cpu->budget, 0) + 1;
}

static bool repeat(struct string *s, const struct string_kind *kind)
{
    struct cpu *cpu = s->cpu;
    u64 count = address(s, RCX);
    bool finished = true;
    while (count) {
        u64 done = run_piece(s, kind, MIN(count, affordable(cpu)));
        count -= done;
        set_address(s, RCX, count);
        finished = !count || s->stop;
        bool wait = cpu->attention || cpu->budget_held || cpu->budget < (i64)done || cpu->mode & MODE_STEP;
        if (finished || wait) {
            cpu->budget -= done - 1;
            break;
        }
        cpu->budget -= done;
    }
    return finished;
}

static inline bool run(struct cpu *cpu, const struct op *op, const struct string_kind *kind)
{
    struct string s = {
        .cpu = cpu,
        .op = op,
        .bytes = 1u << op->size,
        .mask = address_mask(op->address),
        .backward = cpu->rflags & FLAG_DF,
    };
    bool finished = true;
    if (op->rep == REP_NONE)
        kind->element(&s);
    else
        finished = repeat(&s, kind);
    if (s.compared)
        set_compare_flags(&s);
    /* SDM vol. 3B, "Instruction-Breakpoint Exception Condition": what comes between two iterations saves RF = 1. */
    if (!finished)
        cpu->rflags |= FLAG_RF;
    return finished;
}

static const struct string_kind movs = {true, true, true, movs_element, movs_piece};
static const struct string_kind cmps = {true, true, false, cmps_element, cmps_piece};
static const struct string_kind stos = {false, true, true, stos_element, stos_piece};
static const struct string_kind lods = {true, false, false, lods_element, NULL};
static const struct string_kind scas = {false, true, false, scas_element, scas_piece};
static const struct string_kind ins = {false, true, true, ins_element, ins_piece};
static const struct string_kind outs = {true, false, false, outs_element, outs_piece};

bool do_movs(struct cpu *cpu, const struct op *op)
{
    return run(cpu, op, &movs);
}
bool do_cmps(struct cpu *cpu, const struct op *op)
{
    return run(cpu, op, &cmps);
}
bool do_stos(struct cpu *cpu, const struct op *op)
{
    return run(cpu, op, &stos);
}
bool do_lods(struct cpu *cpu, const struct op *op)
{
    return run(cpu, op, &lods);
}
bool do_scas(struct cpu *cpu, const struct op *op)
{
    return run(cpu, op, &scas);
}

/* A count of 0 touches no port. */
static bool nothing_to_do(const struct cpu *cpu, const struct op *op)
{
    return op->rep != REP_NONE && !(cpu->gpr[RCX] & address_mask(op->address));
}

bool do_ins(struct cpu *cpu, const struct op *op)
{
    if (nothing_to_do(cpu, op))
        return true;
    io_check(cpu, (u16)cpu->gpr[RDX], 1u << op->size);
    return run(cpu, op, &ins);
}

bool do_outs(struct cpu *cpu, const struct op *op)
{
    if (nothing_to_do(cpu, op))
        return true;
    io_check(cpu, (u16)cpu->gpr[RDX], 1u << op->size);
    return run(cpu, op, &outs);
}
