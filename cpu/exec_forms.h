/*
 * Handler families by operand form: from one body, the handlers for a register operand, for each kind of memory
 * address, and the slow one that any of those falls back to when its TLB probe or segment check fails.
 *
 *   DEFINE_READ(name, bits, body)            body uses `m`, the value of r/m
 *   DEFINE_STORE(name, bits, value)          r/m = value
 *   DEFINE_MODIFY(name, bits, compute, done) compute makes `r` from `m`; r/m = r; then `done` (flags)
 *   IMPL_*(name)                             the table that an opcode row points to
 */
#ifndef CPU_EXEC_FORMS_H
#define CPU_EXEC_FORMS_H

#include "cpu/exec.h"

#define ADDRESS_FORMS_8(X, ...) X(BD, __VA_ARGS__) X(SIB, __VA_ARGS__) X(SEG, __VA_ARGS__) X(M64, __VA_ARGS__)
#define ADDRESS_FORMS_16 ADDRESS_FORMS_8
#define ADDRESS_FORMS_32 ADDRESS_FORMS_8
#define ADDRESS_FORMS_64(X, ...) X(M64, __VA_ARGS__)

#define READ_FORM(form, name, bits, ...)                                                                               \
    static OP(name##_##bits##_##form)                                                                                  \
    {                                                                                                                  \
        LINEAR_##form(bits / 8, read_top, name##_##bits##_slow);                                                       \
        HOST_READ(u##bits, name##_##bits##_slow);                                                                      \
        u##bits m = GET(u##bits, host);                                                                                \
        __VA_ARGS__;                                                                                                   \
        NEXT();                                                                                                        \
    }
#define DEFINE_READ(name, bits, ...)                                                                                   \
    static OP(name##_##bits##_slow)                                                                                    \
    {                                                                                                                  \
        SYNC();                                                                                                        \
        u##bits m = LOAD_u##bits(cpu, OP_SEGMENT(op), op_ea(cpu, op));                                                 \
        __VA_ARGS__;                                                                                                   \
        NEXT();                                                                                                        \
    }                                                                                                                  \
    static OP(name##_##bits##_reg)                                                                                     \
    {                                                                                                                  \
        u##bits m = R_u##bits(op->rm);                                                                                 \
        __VA_ARGS__;                                                                                                   \
        NEXT();                                                                                                        \
    }                                                                                                                  \
    ADDRESS_FORMS_##bits(READ_FORM, name, bits, __VA_ARGS__)

#define STORE_FORM(form, name, bits, ...)                                                                              \
    static OP(name##_##bits##_##form)                                                                                  \
    {                                                                                                                  \
        LINEAR_##form(bits / 8, write_top, name##_##bits##_slow);                                                      \
        HOST_WRITE(u##bits, name##_##bits##_slow);                                                                     \
        PUT(u##bits, host, (u##bits)(__VA_ARGS__));                                                                    \
        NEXT();                                                                                                        \
    }
#define DEFINE_STORE(name, bits, ...)                                                                                  \
    static OP(name##_##bits##_slow)                                                                                    \
    {                                                                                                                  \
        SYNC();                                                                                                        \
        STORE_u##bits(cpu, OP_SEGMENT(op), op_ea(cpu, op), (u##bits)(__VA_ARGS__));                                    \
        NEXT();                                                                                                        \
    }                                                                                                                  \
    static OP(name##_##bits##_reg)                                                                                     \
    {                                                                                                                  \
        W_u##bits(op->rm, (u##bits)(__VA_ARGS__));                                                                     \
        NEXT();                                                                                                        \
    }                                                                                                                  \
    ADDRESS_FORMS_##bits(STORE_FORM, name, bits, __VA_ARGS__)

#define MODIFY_FORM(form, name, bits, compute, done)                                                                   \
    static OP(name##_##bits##_##form)                                                                                  \
    {                                                                                                                  \
        LINEAR_##form(bits / 8, write_top, name##_##bits##_slow);                                                      \
        HOST_WRITE(u##bits, name##_##bits##_slow);                                                                     \
        u##bits m = GET(u##bits, host), r;                                                                             \
        compute;                                                                                                       \
        PUT(u##bits, host, r);                                                                                         \
        done;                                                                                                          \
        NEXT();                                                                                                        \
    }
#define DEFINE_MODIFY(name, bits, compute, done)                                                                       \
    static OP(name##_##bits##_slow)                                                                                    \
    {                                                                                                                  \
        SYNC();                                                                                                        \
        u64 address = op_ea(cpu, op);                                                                                  \
        check_write(cpu, OP_SEGMENT(op), address, bits / 8);                                                           \
        u##bits m = LOAD_u##bits(cpu, OP_SEGMENT(op), address), r;                                                     \
        compute;                                                                                                       \
        STORE_u##bits(cpu, OP_SEGMENT(op), address, r);                                                                \
        done;                                                                                                          \
        NEXT();                                                                                                        \
    }                                                                                                                  \
    static OP(name##_##bits##_reg)                                                                                     \
    {                                                                                                                  \
        u##bits m = R_u##bits(op->rm), r;                                                                              \
        compute;                                                                                                       \
        W_u##bits(op->rm, r);                                                                                          \
        done;                                                                                                          \
        NEXT();                                                                                                        \
    }                                                                                                                  \
    ADDRESS_FORMS_##bits(MODIFY_FORM, name, bits, compute, done)

/* One size's handlers; `from` is the size in their names. */
#define FORMS_8(name, from)                                                                                            \
    {                                                                                                                  \
        [FORM_REG] = HANDLER(name##_##from##_reg), [FORM_REG_SEG] = HANDLER(name##_##from##_reg),                      \
        [FORM_REG64] = HANDLER(name##_##from##_reg), [FORM_BD] = HANDLER(name##_##from##_BD),                          \
        [FORM_SIB] = HANDLER(name##_##from##_SIB), [FORM_SEG] = HANDLER(name##_##from##_SEG),                          \
        [FORM_M64] = HANDLER(name##_##from##_M64), [FORM_M64X] = HANDLER(name##_##from##_slow),                        \
    }
#define FORMS_16 FORMS_8
#define FORMS_32 FORMS_8
#define FORMS_64(name, from)                                                                                           \
    {                                                                                                                  \
        [FORM_REG] = HANDLER(name##_##from##_reg), [FORM_REG64] = HANDLER(name##_##from##_reg),                        \
        [FORM_M64] = HANDLER(name##_##from##_M64), [FORM_M64X] = HANDLER(name##_##from##_slow),                        \
    }
#define IMPL_ROW(name, bits) [SIZE_##bits] = FORMS_##bits(name, bits)
#define IMPL_ALL(name)                                                                                                 \
    const struct impl impl_##name = {{IMPL_ROW(name, 8), IMPL_ROW(name, 16), IMPL_ROW(name, 32), IMPL_ROW(name, 64)}}
#define IMPL_WORDS(name)                                                                                               \
    const struct impl impl_##name = {{IMPL_ROW(name, 16), IMPL_ROW(name, 32), IMPL_ROW(name, 64)}}

#define G(bits) R_u##bits(op->reg)
#define SET_G(bits, value) W_u##bits(op->reg, value)
#define IMM(bits) ((u##bits)(i32)op->imm) /* sign-extended to 64 bits */

#endif
