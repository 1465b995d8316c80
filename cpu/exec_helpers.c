/*
 * Handlers around the plain C instruction helpers: from each line of helpers_*.def, the handler op_h_NAME and the table
 * impl_NAME that opcode rows point to.  See cpu/op.h for what NEXT, END and REPEAT promise.
 */
#include "cpu/exec.h"

/* After an op that may have changed anything: on to the next block unless the loop must look up. */
static OP(after_end)
{
    if (unlikely(cpu->attention || cpu->budget_held))
        LEAVE();
    FOLLOW_INDIRECT();
}

#define HELPER_NEXT(name)                                                                                              \
    void do_##name(struct cpu *, const struct op *);                                                                   \
    OP(h_##name);                                                                                                      \
    OP(h_##name)                                                                                                       \
    {                                                                                                                  \
        SYNC();                                                                                                        \
        do_##name(cpu, op);                                                                                            \
        RELOAD();                                                                                                      \
        NEXT();                                                                                                        \
    }
#define HELPER_END(name)                                                                                               \
    void do_##name(struct cpu *, const struct op *);                                                                   \
    OP(h_##name);                                                                                                      \
    OP(h_##name)                                                                                                       \
    {                                                                                                                  \
        cpu->fl = FL;                                                                                                  \
        cpu->rip += op->ip;                                                                                            \
        cpu->next_rip = cpu->rip + op->length;                                                                         \
        cpu->op = NULL;                                                                                                \
        do_##name(cpu, op);                                                                                            \
        RELOAD();                                                                                                      \
        cpu->rip = cpu->next_rip;                                                                                      \
        GOTO(after_end);                                                                                               \
    }
#define HELPER_REPEAT(name)                                                                                            \
    bool do_##name(struct cpu *, const struct op *);                                                                   \
    OP(h_##name);                                                                                                      \
    OP(h_##name)                                                                                                       \
    {                                                                                                                  \
        SYNC();                                                                                                        \
        bool finished = do_##name(cpu, op);                                                                            \
        RELOAD();                                                                                                      \
        if (likely(finished))                                                                                          \
            NEXT();                                                                                                    \
        cpu->rip += op->ip;                                                                                            \
        cpu->budget += op->left - 1;                                                                                   \
        LEAVE();                                                                                                       \
    }
#define HELPER_ROW(name)                                                                                               \
    {                                                                                                                  \
        [FORM_REG] = HANDLER(h_##name), [FORM_REG_SEG] = HANDLER(h_##name), [FORM_REG64] = HANDLER(h_##name),          \
        [FORM_BD] = HANDLER(h_##name), [FORM_SIB] = HANDLER(h_##name), [FORM_SEG] = HANDLER(h_##name),                 \
        [FORM_M64] = HANDLER(h_##name), [FORM_M64X] = HANDLER(h_##name),                                               \
    }

#define HELPER(name, kind)                                                                                             \
    HELPER_##kind(name) extern const struct impl impl_##name;                                                          \
    const struct impl impl_##name = {{HELPER_ROW(name), HELPER_ROW(name), HELPER_ROW(name), HELPER_ROW(name)}};

#include "cpu/helpers_avx.def"
#include "cpu/helpers_bits.def"
#include "cpu/helpers_fpu.def"
#include "cpu/helpers_int.def"
#include "cpu/helpers_simd.def"
#include "cpu/helpers_sys.def"
