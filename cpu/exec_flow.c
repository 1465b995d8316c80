/*
 * Near branches, calls and returns, and the pseudo-ops that join blocks.
 *
 * cpu->rip holds the start of the running block; a branch adds its displacement from there (op->imm, which block.c has
 * made relative to the block) and follows the link to the next block, or finds it and makes the link.
 *
 * Source: Intel SDM vol. 2, JMP, Jcc, CALL, RET, LOOP, JCXZ.
 * Not modelled: #GP at the branch itself for a target beyond CS.limit; the fault comes at the target instead.
 */
#include "cpu/exec_forms.h"

#include "cpu/alu.h"
#include "cpu/coverage.h"

/* --- joining blocks --- */

/* Finds the block at cpu->rip and links it behind `op` in slot `which`; blocks that are not cached are not linked. */
#define LINK_SLOW(which)                                                                                               \
    OP(link_##which)                                                                                                   \
    {                                                                                                                  \
        struct link *link = (struct link *)LINK(op);                                                                   \
        if (block_is_scratch(cpu->blocks, op) || (cpu->mode & MODE_STEP) || cpu->attention || cpu->budget_held)        \
            LEAVE();                                                                                                   \
        cpu->fl = FL;                                                                                                  \
        cpu->op = NULL;                                                                                                \
        u64 flushes = cpu->blocks->flushes;                                                                            \
        struct block *block = block_find(cpu);                                                                         \
        if (flushes == cpu->blocks->flushes && !block_is_scratch(cpu->blocks, block->ops))                             \
            link->to[which] = block;                                                                                   \
        if (cpu->budget < block->count)                                                                                \
            LEAVE();                                                                                                   \
        cpu->budget -= block->count;                                                                                   \
        DISPATCH(block->ops);                                                                                          \
    }
LINK_SLOW(0)
LINK_SLOW(1)

OP(lookup)
{
    if ((cpu->mode & MODE_STEP) || cpu->attention || cpu->budget_held)
        LEAVE();
    cpu->fl = FL;
    cpu->op = NULL;
    struct block *block = block_find(cpu);
    if (cpu->budget < block->count)
        LEAVE();
    cpu->budget -= block->count;
    DISPATCH(block->ops);
}

/* The end of a block that did not end in a branch. */
static OP(fallthrough_near)
{
    cpu->rip += op->disp;
    FOLLOW_NEAR(1);
}
static OP(fallthrough_cross)
{
    cpu->rip += op->disp;
    FOLLOW_CROSS(1);
}

/* First op of blocks under a CS limit, and of an instruction that crosses into the next page. */
static OP(check)
{
    const struct block *block = container_of(op, struct block, ops[0]);
    if ((cpu->mode & MODE_LIMIT) && unlikely(cpu->rip + block->bytes - 1 > cpu->seg[CS].limit)) {
        cpu_set_attention(cpu, ATTENTION_CHECK);
        LEAVE_BEFORE();
    }
    if (unlikely(block->page2 != block->page)) {
        u64 linear = CODE_LINEAR(cpu->rip + block->bytes - 1);
        struct itlb_entry *entry = &cpu->itlb[(linear >> 12) & (ITLB_SIZE - 1)];
        if (entry->tag != (linear & ~0xfffull) || entry->phys != block->page2) {
            cpu_set_attention(cpu, ATTENTION_CHECK);
            LEAVE_BEFORE();
        }
    }
    NEXT();
}

/* The block was killed: decode again from this instruction on. */
static OP(stale) { LEAVE_BEFORE(); }

/* Before every instruction while coverage is asked for: op->imm is its place in the map. */
static OP(cover)
{
    coverage_complete(cpu);
    cpu->covering = op->imm;
    if (op->reg) /* a fault completes it */
        coverage_complete(cpu);
    NEXT();
}

/* First op, after a check, where a debugger's breakpoint may lie: the loop looks closer. */
static OP(breakpoint)
{
    if (!debugger_breakpoint(&cpu->debugger, CODE_LINEAR(cpu->rip)))
        NEXT();
    cpu_set_attention(cpu, ATTENTION_CHECK);
    LEAVE_BEFORE();
}

/* End of an uncached block. */
static OP(leave_block)
{
    cpu->rip += op->disp;
    LEAVE();
}

void (*const exec_fallthrough_near)(void) = HANDLER(fallthrough_near);
void (*const exec_fallthrough_cross)(void) = HANDLER(fallthrough_cross);
void (*const exec_check)(void) = HANDLER(check);
void (*const exec_stale)(void) = HANDLER(stale);
void (*const exec_leave)(void) = HANDLER(leave_block);
void (*const exec_cover)(void) = HANDLER(cover);
void (*const exec_breakpoint)(void) = HANDLER(breakpoint);

/* --- targets --- */

#define TARGET_16 (cpu->rip = (u16)(cpu->rip + op->imm))
#define TARGET_32 (cpu->rip = (u32)(cpu->rip + op->imm))
#define TARGET_64 (cpu->rip += (i64)(i32)op->imm)
#define PASS_BY (cpu->rip += op->disp)

#define BRANCH_ROW(name, bits)                                                                                         \
    {                                                                                                                  \
        [BRANCH_NEAR] = HANDLER(name##_##bits##_NEAR), [BRANCH_CROSS] = HANDLER(name##_##bits##_CROSS),                \
        [BRANCH_NEAR_SEG] = HANDLER(name##_##bits##_NEAR), [BRANCH_CROSS_SEG] = HANDLER(name##_##bits##_CROSS),        \
        [BRANCH_NEAR64] = HANDLER(name##_##bits##_NEAR), [BRANCH_CROSS64] = HANDLER(name##_##bits##_CROSS),            \
    }
#define BRANCH_IMPL(name)                                                                                              \
    const struct impl impl_##name = {                                                                                  \
        {[SIZE_16] = BRANCH_ROW(name, 16), [SIZE_32] = BRANCH_ROW(name, 32), [SIZE_64] = BRANCH_ROW(name, 64)}};

/* taken is evaluated once and may count. */
#define CONDITIONAL(name, bits, reach, taken)                                                                          \
    static OP(name##_##bits##_##reach)                                                                                 \
    {                                                                                                                  \
        if (taken) {                                                                                                   \
            TARGET_##bits;                                                                                             \
            FOLLOW_##reach(0);                                                                                         \
        }                                                                                                              \
        PASS_BY;                                                                                                       \
        FOLLOW_##reach(1);                                                                                             \
    }
#define CONDITIONAL_ALL(name, taken)                                                                                   \
    CONDITIONAL(name, 16, NEAR, taken)                                                                                 \
    CONDITIONAL(name, 16, CROSS, taken)                                                                                \
    CONDITIONAL(name, 32, NEAR, taken)                                                                                 \
    CONDITIONAL(name, 32, CROSS, taken)                                                                                \
    CONDITIONAL(name, 64, NEAR, taken)                                                                                 \
    CONDITIONAL(name, 64, CROSS, taken)                                                                                \
    BRANCH_IMPL(name)

#define JCC(cc) CONDITIONAL_ALL(j##cc##_J, CONDITION_##cc(FL))
CONDITIONS(JCC)

/* LOOP and JCXZ count in CX, ECX or RCX by address size. */
#define COUNT_DOWN                                                                                                     \
    (op->address == SIZE_16   ? --REG16(cpu, RCX * 8) != 0                                                             \
     : op->address == SIZE_32 ? (REG64(cpu, RCX * 8) = (u32)(REG64(cpu, RCX * 8) - 1)) != 0                            \
                              : --REG64(cpu, RCX * 8) != 0)
#define COUNT_IS_ZERO (reg_read(cpu, RCX * 8, op->address) == 0)
CONDITIONAL_ALL(loop_J, COUNT_DOWN)
CONDITIONAL_ALL(loope_J, COUNT_DOWN && (FL & FL_ZF))
CONDITIONAL_ALL(loopne_J, COUNT_DOWN && !(FL & FL_ZF))
CONDITIONAL_ALL(jcxz_J, COUNT_IS_ZERO)

#define JUMP(bits, reach)                                                                                              \
    static OP(jmp_J_##bits##_##reach)                                                                                  \
    {                                                                                                                  \
        TARGET_##bits;                                                                                                 \
        FOLLOW_##reach(0);                                                                                             \
    }
JUMP(16, NEAR)
JUMP(16, CROSS)
JUMP(32, NEAR)
JUMP(32, CROSS)
JUMP(64, NEAR)
JUMP(64, CROSS)
BRANCH_IMPL(jmp_J)

/* --- indirect --- */

/* Near branches fault on a target that is not canonical, before they change anything.  SDM, JMP, CALL, RET: #GP(0). */
static OP(target_gp)
{
    SYNC();
    raise_gp(cpu, 0);
}
#define CHECK_TARGET_16(target)
#define CHECK_TARGET_32(target)
#define CHECK_TARGET_64(target)                                                                                        \
    do {                                                                                                               \
        if (unlikely((u64)((i64)((target) << 16) >> 16) != (target)))                                                  \
            GOTO(target_gp);                                                                                           \
    } while (0)

#define JUMP_TO(value)                                                                                                 \
    do {                                                                                                               \
        cpu->rip = (value);                                                                                            \
        FOLLOW_INDIRECT();                                                                                             \
    } while (0)
DEFINE_READ(jmp_E, 16, JUMP_TO(m))
DEFINE_READ(jmp_E, 32, JUMP_TO(m))
DEFINE_READ(jmp_E, 64, CHECK_TARGET_64(m); JUMP_TO(m))
IMPL_WORDS(jmp_E);

/* --- the stack --- */

/* The stack pointer's width: 64-bit mode, or SS.B. */
static u64 stack_mask(const struct cpu *c)
{
    return c->mode & MODE_CODE64 ? ~0ull : c->seg[SS].access & SEG_DB ? 0xffffffff : 0xffff;
}

static void set_stack_pointer(struct cpu *c, u64 value)
{
    if (c->mode & MODE_CODE64)
        c->gpr[RSP] = value;
    else if (c->seg[SS].access & SEG_DB)
        c->gpr[RSP] = (u32)value;
    else
        REG16(c, RSP * 8) = value;
}

/* Any stack: writes `value` below SP and returns, faulting with nothing changed. */
static void push(struct cpu *c, enum size size, u64 value)
{
    u64 sp = (c->gpr[RSP] - (1u << size)) & stack_mask(c);
    store_sized(c, SS, sp, size, value);
    set_stack_pointer(c, sp);
}

static u64 stack_read(struct cpu *c, enum size size)
{
    u64 sp = c->gpr[RSP] & stack_mask(c);
    return size == SIZE_16 ? load16(c, SS, sp) : size == SIZE_32 ? load32(c, SS, sp) : load64(c, SS, sp);
}

static void stack_drop(struct cpu *c, unsigned bytes) { set_stack_pointer(c, c->gpr[RSP] + bytes); }

/* PUSH and CALL on a flat stack of 32 or, for 64-bit operands, 64 bits: one probe. */
#define STACK_u16 u32
#define STACK_u32 u32
#define STACK_u64 u64
#define PUSH_FLAT(bits, value, slow)                                                                                   \
    do {                                                                                                               \
        STACK_u##bits lin = (STACK_u##bits)(REG64(cpu, RSP * 8) - bits / 8);                                                                      \
        HOST_WRITE(u##bits, slow);                                                                                     \
        PUT(u##bits, host, (value));                                                                                   \
        REG64(cpu, RSP * 8) = lin;                                                                                     \
    } while (0)

#define PUSH(name, bits, value)                                                                                        \
    static OP(name##_##bits##_slow)                                                                                    \
    {                                                                                                                  \
        SYNC();                                                                                                        \
        push(cpu, SIZE_##bits, (value));                                                                               \
        NEXT();                                                                                                        \
    }                                                                                                                  \
    static OP(name##_##bits##_flat)                                                                                    \
    {                                                                                                                  \
        PUSH_FLAT(bits, (value), name##_##bits##_slow);                                                                \
        NEXT();                                                                                                        \
    }
#define STACK_ROW(name, bits)                                                                                          \
    [SIZE_##bits] = {[FORM_REG] = HANDLER(name##_##bits##_flat),                                                       \
                     [FORM_REG_SEG] = HANDLER(name##_##bits##_slow),                                                   \
                     [FORM_REG64] = HANDLER(name##_##bits##_slow)}
#define STACK_IMPL(name)                                                                                               \
    const struct impl impl_##name = {                                                                                  \
        {STACK_ROW(name, 16), STACK_ROW(name, 32), [SIZE_64] = {[FORM_REG64] = HANDLER(name##_64_flat)}}};

PUSH(push_Z, 16, R_u16(op->rm))
PUSH(push_Z, 32, R_u32(op->rm))
PUSH(push_Z, 64, R_u64(op->rm))
STACK_IMPL(push_Z)
PUSH(push_I, 16, IMM(16))
PUSH(push_I, 32, IMM(32))
PUSH(push_I, 64, IMM(64))
STACK_IMPL(push_I)

#define POP(bits)                                                                                                      \
    static OP(pop_Z_##bits##_slow)                                                                                     \
    {                                                                                                                  \
        SYNC();                                                                                                        \
        u##bits value = stack_read(cpu, SIZE_##bits);                                                                  \
        stack_drop(cpu, bits / 8);                                                                                     \
        W_u##bits(op->rm, value);                                                                                      \
        NEXT();                                                                                                        \
    }                                                                                                                  \
    static OP(pop_Z_##bits##_flat)                                                                                     \
    {                                                                                                                  \
        STACK_u##bits lin = (STACK_u##bits)REG64(cpu, RSP * 8);                                                        \
        HOST_READ(u##bits, pop_Z_##bits##_slow);                                                                       \
        u##bits value = GET(u##bits, host);                                                                            \
        REG64(cpu, RSP * 8) = (STACK_u##bits)(lin + bits / 8);                                                                   \
        W_u##bits(op->rm, value);                                                                                      \
        NEXT();                                                                                                        \
    }
POP(16)
POP(32)
POP(64)
STACK_IMPL(pop_Z)

/* PUSH r/m: the operand is read before the stack is touched. */
#define PUSH_E_FORM(form, bits)                                                                                        \
    static OP(push_E_##bits##_##form)                                                                                  \
    {                                                                                                                  \
        u##bits value;                                                                                                 \
        {                                                                                                              \
            LINEAR_##form(bits / 8, read_top, push_E_##bits##_slow);                                                   \
            HOST_READ(u##bits, push_E_##bits##_slow);                                                                  \
            value = GET(u##bits, host);                                                                                \
        }                                                                                                              \
        PUSH_FLAT(bits, value, push_E_##bits##_slow);                                                                  \
        NEXT();                                                                                                        \
    }
#define PUSH_E(bits)                                                                                                   \
    static OP(push_E_##bits##_slow)                                                                                    \
    {                                                                                                                  \
        SYNC();                                                                                                        \
        push(cpu, SIZE_##bits, rm_read(cpu, op, SIZE_##bits));                                                         \
        NEXT();                                                                                                        \
    }                                                                                                                  \
    ADDRESS_FORMS_FLAT_##bits(PUSH_E_FORM, bits)
#define ADDRESS_FORMS_FLAT_16(X, bits) X(BD, bits) X(SIB, bits)
#define ADDRESS_FORMS_FLAT_32(X, bits) X(BD, bits) X(SIB, bits)
#define ADDRESS_FORMS_FLAT_64(X, bits) X(M64, bits)
PUSH_E(16)
PUSH_E(32)
PUSH_E(64)
#define PUSH_E_ROW(bits)                                                                                               \
    [SIZE_##bits] = {                                                                                                  \
        [FORM_REG] = HANDLER(push_Z_##bits##_flat),                                                                    \
        [FORM_REG_SEG] = HANDLER(push_Z_##bits##_slow),                                                                \
        [FORM_BD] = HANDLER(push_E_##bits##_BD),                                                                       \
        [FORM_SIB] = HANDLER(push_E_##bits##_SIB),                                                                     \
        [FORM_SEG] = HANDLER(push_E_##bits##_slow),                                                                    \
        [FORM_REG64] = HANDLER(push_Z_##bits##_slow),                                                                  \
        [FORM_M64] = HANDLER(push_E_##bits##_slow),                                                                    \
        [FORM_M64X] = HANDLER(push_E_##bits##_slow),                                                                   \
    }
const struct impl impl_push_E = {{PUSH_E_ROW(16), PUSH_E_ROW(32),
                                  [SIZE_64] = {[FORM_REG64] = HANDLER(push_Z_64_flat),
                                               [FORM_M64] = HANDLER(push_E_64_M64),
                                               [FORM_M64X] = HANDLER(push_E_64_slow)}}};

/* POP r/m: an address that uses ESP sees it already incremented; it must be back if the write faults. */
static void pop_memory(struct cpu *c, const struct op *o, enum size size)
{
    u64 value = stack_read(c, size), before = c->gpr[RSP];
    stack_drop(c, 1u << size);
    u64 ea = op_ea(c, o), after = c->gpr[RSP];
    c->gpr[RSP] = before;
    store_sized(c, OP_SEGMENT(o), ea, size, value);
    c->gpr[RSP] = after;
}
#define POP_E(bits)                                                                                                    \
    static OP(pop_E_##bits)                                                                                            \
    {                                                                                                                  \
        SYNC();                                                                                                        \
        pop_memory(cpu, op, SIZE_##bits);                                                                              \
        NEXT();                                                                                                        \
    }
POP_E(16)
POP_E(32)
POP_E(64)
#define POP_E_ROW(bits)                                                                                                \
    [SIZE_##bits] = {                                                                                                  \
        [FORM_REG] = HANDLER(pop_Z_##bits##_flat), [FORM_REG_SEG] = HANDLER(pop_Z_##bits##_slow),                      \
        [FORM_BD] = HANDLER(pop_E_##bits),         [FORM_SIB] = HANDLER(pop_E_##bits),                                 \
        [FORM_SEG] = HANDLER(pop_E_##bits),        [FORM_REG64] = HANDLER(pop_Z_##bits##_slow),                        \
        [FORM_M64] = HANDLER(pop_E_##bits),        [FORM_M64X] = HANDLER(pop_E_##bits),                                \
    }
const struct impl impl_pop_E = {{POP_E_ROW(16), POP_E_ROW(32),
                                 [SIZE_64] = {[FORM_REG64] = HANDLER(pop_Z_64_flat),
                                              [FORM_M64] = HANDLER(pop_E_64),
                                              [FORM_M64X] = HANDLER(pop_E_64)}}};

/* LEAVE: SP = BP by stack size, then pop BP by operand size. */
#define LEAVE_FRAME(bits)                                                                                              \
    static OP(leave_##bits##_slow)                                                                                     \
    {                                                                                                                  \
        SYNC();                                                                                                        \
        u64 bp = cpu->gpr[RBP] & stack_mask(cpu);                                                                      \
        u##bits value = LOAD_u##bits(cpu, SS, bp);                                                                     \
        set_stack_pointer(cpu, bp + bits / 8);                                                                         \
        W_u##bits(RBP * 8, value);                                                                                     \
        NEXT();                                                                                                        \
    }                                                                                                                  \
    static OP(leave_##bits##_flat)                                                                                     \
    {                                                                                                                  \
        STACK_u##bits lin = (STACK_u##bits)REG64(cpu, RBP * 8);                                                        \
        HOST_READ(u##bits, leave_##bits##_slow);                                                                       \
        u##bits value = GET(u##bits, host);                                                                            \
        REG64(cpu, RSP * 8) = (STACK_u##bits)(lin + bits / 8);                                                                   \
        W_u##bits(RBP * 8, value);                                                                                     \
        NEXT();                                                                                                        \
    }
LEAVE_FRAME(16)
LEAVE_FRAME(32)
LEAVE_FRAME(64)
STACK_IMPL(leave)

/* --- calls and returns --- */

#define RETURN_ADDRESS(bits) ((u##bits)(cpu->rip + op->disp))

#define CALL_J(bits, reach)                                                                                            \
    static OP(call_J_##bits##_##reach##_slow)                                                                          \
    {                                                                                                                  \
        SYNC();                                                                                                        \
        push(cpu, SIZE_##bits, RETURN_ADDRESS(bits));                                                                  \
        TARGET_##bits;                                                                                                 \
        FOLLOW_##reach(0);                                                                                             \
    }                                                                                                                  \
    static OP(call_J_##bits##_##reach##_flat)                                                                          \
    {                                                                                                                  \
        PUSH_FLAT(bits, RETURN_ADDRESS(bits), call_J_##bits##_##reach##_slow);                                         \
        TARGET_##bits;                                                                                                 \
        FOLLOW_##reach(0);                                                                                             \
    }
CALL_J(16, NEAR)
CALL_J(16, CROSS)
CALL_J(32, NEAR)
CALL_J(32, CROSS)
CALL_J(64, NEAR)
CALL_J(64, CROSS)
#define CALL_J_ROW(bits)                                                                                               \
    [SIZE_##bits] = {                                                                                                  \
        [BRANCH_NEAR] = HANDLER(call_J_##bits##_NEAR_flat),                                                            \
        [BRANCH_CROSS] = HANDLER(call_J_##bits##_CROSS_flat),                                                          \
        [BRANCH_NEAR_SEG] = HANDLER(call_J_##bits##_NEAR_slow),                                                        \
        [BRANCH_CROSS_SEG] = HANDLER(call_J_##bits##_CROSS_slow),                                                      \
        [BRANCH_NEAR64] = HANDLER(call_J_##bits##_NEAR_slow),                                                          \
        [BRANCH_CROSS64] = HANDLER(call_J_##bits##_CROSS_slow),                                                        \
    }
const struct impl impl_call_J = {{CALL_J_ROW(16), CALL_J_ROW(32),
                                  [SIZE_64] = {[BRANCH_NEAR64] = HANDLER(call_J_64_NEAR_flat),
                                               [BRANCH_CROSS64] = HANDLER(call_J_64_CROSS_flat)}}};

/* CALL r/m: return address is op->ip + op->length from the block's start. */
#define NEXT_ADDRESS(bits) ((u##bits)(cpu->rip + op->ip + op->length))
#define CALL_E_FORM(form, bits)                                                                                        \
    static OP(call_E_##bits##_##form)                                                                                  \
    {                                                                                                                  \
        u##bits target;                                                                                                \
        {                                                                                                              \
            LINEAR_##form(bits / 8, read_top, call_E_##bits##_slow);                                                   \
            HOST_READ(u##bits, call_E_##bits##_slow);                                                                  \
            target = GET(u##bits, host);                                                                               \
        }                                                                                                              \
        CHECK_TARGET_##bits(target);                                                                                   \
        PUSH_FLAT(bits, NEXT_ADDRESS(bits), call_E_##bits##_slow);                                                     \
        JUMP_TO(target);                                                                                               \
    }
#define CALL_E(bits)                                                                                                   \
    static OP(call_E_##bits##_slow)                                                                                    \
    {                                                                                                                  \
        SYNC();                                                                                                        \
        u##bits target = rm_read(cpu, op, SIZE_##bits);                                                                \
        CHECK_TARGET_##bits(target);                                                                                   \
        push(cpu, SIZE_##bits, NEXT_ADDRESS(bits));                                                                    \
        JUMP_TO(target);                                                                                               \
    }                                                                                                                  \
    static OP(call_E_##bits##_reg)                                                                                     \
    {                                                                                                                  \
        u##bits target = R_u##bits(op->rm);                                                                            \
        CHECK_TARGET_##bits(target);                                                                                   \
        PUSH_FLAT(bits, NEXT_ADDRESS(bits), call_E_##bits##_slow);                                                     \
        JUMP_TO(target);                                                                                               \
    }                                                                                                                  \
    ADDRESS_FORMS_FLAT_##bits(CALL_E_FORM, bits)
CALL_E(16)
CALL_E(32)
CALL_E(64)
#define CALL_E_ROW(bits)                                                                                               \
    [SIZE_##bits] = {                                                                                                  \
        [FORM_REG] = HANDLER(call_E_##bits##_reg), [FORM_REG_SEG] = HANDLER(call_E_##bits##_slow),                     \
        [FORM_BD] = HANDLER(call_E_##bits##_BD),   [FORM_SIB] = HANDLER(call_E_##bits##_SIB),                          \
        [FORM_SEG] = HANDLER(call_E_##bits##_slow),                                                                    \
        [FORM_REG64] = HANDLER(call_E_##bits##_slow),                                                                  \
        [FORM_M64] = HANDLER(call_E_##bits##_slow), [FORM_M64X] = HANDLER(call_E_##bits##_slow),                       \
    }
const struct impl impl_call_E = {{CALL_E_ROW(16), CALL_E_ROW(32),
                                  [SIZE_64] = {[FORM_REG64] = HANDLER(call_E_64_reg),
                                               [FORM_M64] = HANDLER(call_E_64_M64),
                                               [FORM_M64X] = HANDLER(call_E_64_slow)}}};

#define RET(name, bits, extra)                                                                                         \
    static OP(name##_##bits##_slow)                                                                                    \
    {                                                                                                                  \
        SYNC();                                                                                                        \
        u##bits target = stack_read(cpu, SIZE_##bits);                                                                 \
        CHECK_TARGET_##bits(target);                                                                                   \
        stack_drop(cpu, bits / 8 + (extra));                                                                           \
        JUMP_TO(target);                                                                                               \
    }                                                                                                                  \
    static OP(name##_##bits##_flat)                                                                                    \
    {                                                                                                                  \
        STACK_u##bits lin = (STACK_u##bits)REG64(cpu, RSP * 8);                                                        \
        HOST_READ(u##bits, name##_##bits##_slow);                                                                      \
        u##bits target = GET(u##bits, host);                                                                           \
        CHECK_TARGET_##bits(target);                                                                                   \
        REG64(cpu, RSP * 8) = (STACK_u##bits)(lin + bits / 8 + (extra));                                                         \
        JUMP_TO(target);                                                                                               \
    }
RET(ret, 16, 0)
RET(ret, 32, 0)
RET(ret, 64, 0)
STACK_IMPL(ret)
RET(ret_I, 16, IMM(16))
RET(ret_I, 32, IMM(16))
RET(ret_I, 64, IMM(16))
STACK_IMPL(ret_I)
