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

#define ADDRESS_FORMS(X, ...) X(BD, __VA_ARGS__) X(SIB, __VA_ARGS__) X(SEG, __VA_ARGS__)

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
    ADDRESS_FORMS(READ_FORM, name, bits, __VA_ARGS__)

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
    ADDRESS_FORMS(STORE_FORM, name, bits, __VA_ARGS__)

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
    ADDRESS_FORMS(MODIFY_FORM, name, bits, compute, done)

#define IMPL_ROW(name, bits)                                                                                           \
    [SIZE_##bits] = {                                                                                                  \
        [FORM_REG] = HANDLER(name##_##bits##_reg),                                                                     \
        [FORM_REG_SEG] = HANDLER(name##_##bits##_reg),                                                                 \
        [FORM_BD] = HANDLER(name##_##bits##_BD),                                                                       \
        [FORM_SIB] = HANDLER(name##_##bits##_SIB),                                                                     \
        [FORM_SEG] = HANDLER(name##_##bits##_SEG),                                                                     \
    }
#define IMPL_8_16_32(name)                                                                                             \
    const struct impl impl_##name = {{IMPL_ROW(name, 8), IMPL_ROW(name, 16), IMPL_ROW(name, 32)}}
#define IMPL_16_32(name) const struct impl impl_##name = {{IMPL_ROW(name, 16), IMPL_ROW(name, 32)}}

/* All operand sizes of a family whose body is the same but for the size. */
#define READ_8_16_32(name, BODY)                                                                                       \
    DEFINE_READ(name, 8, BODY(8))                                                                                      \
    DEFINE_READ(name, 16, BODY(16))                                                                                    \
    DEFINE_READ(name, 32, BODY(32))                                                                                    \
    IMPL_8_16_32(name);

#define G(bits) R_u##bits(op->reg)
#define SET_G(bits, value) W_u##bits(op->reg, value)
#define IMM(bits) ((u##bits)op->imm)

#endif
