/*
 * The opcode table: cpu/opcodes.def made into struct opcode, and what the decoder must see to find a row.
 *
 * Source: cpu/opcodes.def (the rows), cpu/opcodes.h (the notation).
 */
#include "cpu/opcodes.h"

/* Every impl that a row names. */
#define ROW(map, opcode, prefix, modrm, mnemonic, operands, attributes, feature, read, written, undefined, set)        \
    extern const struct impl impl_##set;
#include "cpu/opcodes.def"
#undef ROW
extern const struct impl impl_ud, impl_too_long;

/* Per operand kind: class of insn.reg, class of insn.rm, and whether it moves an implied RAX from rm to reg. */
#define IN_REG_RM(class) CLASS_NONE
#define IN_REG_REG(class) CLASS_##class
#define IN_REG_OPCODE(class) CLASS_NONE
#define IN_REG_VVVV(class) CLASS_NONE
#define IN_REG_IS4(class) CLASS_NONE
#define IN_REG_SREG(class) CLASS_SEG
#define IN_REG_RAX(class) CLASS_NONE
#define IN_REG_FIXED(class) CLASS_NONE
#define IN_REG_IMM(class) CLASS_NONE
#define IN_REG_MOFFS(class) CLASS_NONE
#define IN_REG_STRING(class) CLASS_NONE
#define IN_RM_RM(class) CLASS_##class
#define IN_RM_REG(class) CLASS_NONE
#define IN_RM_OPCODE(class) CLASS_##class
#define IN_RM_VVVV(class) CLASS_NONE
#define IN_RM_IS4(class) CLASS_NONE
#define IN_RM_SREG(class) CLASS_NONE
#define IN_RM_RAX(class) CLASS_NONE
#define IN_RM_FIXED(class) CLASS_NONE
#define IN_RM_IMM(class) CLASS_NONE
#define IN_RM_MOFFS(class) CLASS_NONE
#define IN_RM_STRING(class) CLASS_NONE

enum {
    IN_REG_ = CLASS_NONE,
    IN_RM_ = CLASS_NONE,
    IS_RAX_ = 0,
    TAKES_RM_ = 0,
#define OPERAND_CLASSES(kind, where, class, size)                                                                      \
    IN_REG_##kind = IN_REG_##where(class), IN_RM_##kind = IN_RM_##where(class),                                        \
    IS_RAX_##kind = WHERE_##where == WHERE_RAX,                                                                        \
    TAKES_RM_##kind = WHERE_##where == WHERE_OPCODE || WHERE_##where == WHERE_MOFFS,
    OPERANDS(OPERAND_CLASSES)
#undef OPERAND_CLASSES
};

#define SPREAD_OPERANDS(...) SPREAD_OPERANDS_(__VA_ARGS__, , , , )
#define SPREAD_OPERANDS_(a, b, c, d, ...)                                                                              \
    .operands = {OPERAND_##a, OPERAND_##b, OPERAND_##c, OPERAND_##d},                                                  \
    .reg_class = (IN_REG_##a | IN_REG_##b | IN_REG_##c | IN_REG_##d) |                                                 \
                 (HAS_RAX(a, b, c, d) && RM_TAKEN(a, b, c, d) ? CLASS_GPR : 0),                                        \
    .rm_class = (IN_RM_##a | IN_RM_##b | IN_RM_##c | IN_RM_##d) |                                                      \
                (HAS_RAX(a, b, c, d) && !RM_TAKEN(a, b, c, d) ? CLASS_GPR : 0)
#define HAS_RAX(a, b, c, d) (IS_RAX_##a | IS_RAX_##b | IS_RAX_##c | IS_RAX_##d)
#define RM_TAKEN(a, b, c, d) (TAKES_RM_##a | TAKES_RM_##b | TAKES_RM_##c | TAKES_RM_##d)
#define SPREAD_ATTRIBUTES(...) SPREAD_ATTRIBUTES_(__VA_ARGS__, , , , , , )
#define SPREAD_ATTRIBUTES_(a, b, c, d, e, f, ...) (ATTR_##a | ATTR_##b | ATTR_##c | ATTR_##d | ATTR_##e | ATTR_##f)

/* clang-format off */
#define ROW(map_, opcode_, prefix_, modrm_, name, operands_, attributes, feature_, read, written, undefined, set)      \
    {                                                                                                                  \
        .mnemonic = name, SPREAD_OPERANDS operands_, .feature = FEATURE_##feature_,                                    \
        .attr = SPREAD_ATTRIBUTES attributes, .flags_read = FLAGS_##read, .flags_written = FLAGS_##written,            \
        .flags_undefined = FLAGS_##undefined, .impl = &impl_##set,                                                     \
        .source = #map_ " " #opcode_ " " #prefix_ " " #modrm_ " " name " " #operands_,                                 \
    },
/* clang-format on */
const struct opcode opcode_table[] = {
#include "cpu/opcodes.def"
};
#undef ROW
const unsigned opcode_count = ARRAY_SIZE(opcode_table);

#define ROW(map, opcode, prefix, modrm, mnemonic, operands, attributes, feature, read, written, undefined, set)        \
    {MAP_##map, opcode, PREFIX_##prefix, MODRM_##modrm},
const struct opcode_pattern opcode_patterns[] = {
#include "cpu/opcodes.def"
};
#undef ROW

/* clang-format off */
const struct operand_kind operand_kinds[OPERAND_COUNT] = {
    {WHERE_NOWHERE, CLASS_NONE, 'n'},
#define OPERAND_KIND(kind, where, class, size) {WHERE_##where, CLASS_##class, #size[0]},
    OPERANDS(OPERAND_KIND)
#undef OPERAND_KIND
};
/* clang-format on */

const struct opcode opcode_invalid = {.mnemonic = "(bad)", .attr = ATTR_END, .impl = &impl_ud, .source = "no row"};
const struct opcode opcode_too_long = {
    .mnemonic = "(too long)", .attr = ATTR_END, .impl = &impl_too_long, .source = "more than 15 bytes"};
