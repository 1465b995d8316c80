/*
 * Results of a processor, kept: a file with a line for each row of the opcode table, `key<TAB>n:digest n:digest ...`.
 * Case n of a row follows from its key (its text, and what else tells it from others) and n alone (odd n: 64-bit mode); its digest is that of everything that
 * the silicon test compares.  SILICON_RECORD=file makes silicon_test write such a file, recorded_test reads it.
 */
#ifndef TESTS_SILICON_RECORD_H
#define TESTS_SILICON_RECORD_H

#include <stdio.h>
#include <string.h>

#include "cpu/cpu.h"
#include "cpu/opcodes.h"
#include "tests/silicon_state.h"

#define RECORD_CASES 4 /* for each row and mode, where so many were found */

static inline void digest_add(u64 *digest, const void *data, size_t size)
{
    const u8 *bytes = data;
    for (size_t i = 0; i < size; i++)
        *digest = (*digest ^ bytes[i]) * 0x100000001b3ull; /* FNV-1a */
}

static inline u64 digest_of_text(const char *text)
{
    u64 digest = 0xcbf29ce484222325ull;
    digest_add(&digest, text, strlen(text));
    return digest;
}

/* Rows of AVX: YMM registers belong to the result. */
static inline bool record_vectors(const struct opcode *opcode)
{
    return opcode_patterns[opcode - opcode_table].map >= MAP_V0F && opcode->feature != FEATURE_BMI1 &&
           opcode->feature != FEATURE_BMI2;
}

static inline const char *record_key(const struct opcode *opcode)
{
    static char key[200];
    u32 attr = opcode->attr;
    bool vectors = record_vectors(opcode);
    snprintf(key, sizeof(key), "%s%s%s%s%s%s%s", opcode->source, attr & ATTR_NO64 ? " legacy" : "",
             attr & ATTR_ONLY64 ? " long" : "", attr & ATTR_W0 ? " W0" : "", attr & ATTR_W1 ? " W1" : "",
             vectors && attr & ATTR_L0 ? " L0" : "", vectors && attr & ATTR_L1 ? " L1" : "");
    return key;
}

static inline u64 record_seed(const struct opcode *opcode, unsigned n)
{
    return (digest_of_text(record_key(opcode)) + n) * 0x9e3779b97f4a7c15ull;
}

/* Upper halves outside of 64-bit mode, undefined flags, and which null selector it is are left out. */
static inline u32 record_digest(const struct silicon_case *c, const struct machine_state *out, const u8 *memory)
{
    bool wide = c->in.seg[CS] == USER_CODE64;
    u64 digest = digest_of_text(""), flags = out->rflags & ~(u64)opcode_table[c->row].flags_undefined;
    for (unsigned i = 0; i < (wide ? 16 : 8); i++)
        digest_add(&digest, &out->gpr[i], wide ? 8 : 4);
    for (unsigned i = 0; i < 6; i++) {
        u16 selector = out->seg[i] < 4 ? 0 : out->seg[i];
        digest_add(&digest, &selector, 2);
    }
    digest_add(&digest, &out->rip, 8);
    digest_add(&digest, &flags, 8);
    digest_add(&digest, &out->fx.control, 2);
    digest_add(&digest, &out->fx.status, 2);
    digest_add(&digest, &out->fx.tag, 1);
    digest_add(&digest, &out->fx.mxcsr, 4);
    for (unsigned i = 0; i < 8; i++)
        digest_add(&digest, &out->fx.st[i], 10);
    digest_add(&digest, out->fx.xmm, sizeof(out->fx.xmm));
    if (record_vectors(&opcode_table[c->row]))
        digest_add(&digest, out->ymm, sizeof(out->ymm));
    digest_add(&digest, memory, DATA_SIZE);
    return (u32)(digest ^ digest >> 32);
}

#endif
