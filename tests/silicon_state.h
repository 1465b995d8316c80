/*
 * What the silicon test feeds to, and takes from, the host's processor and the interpreter: one machine state and a
 * small world of memory at the same linear addresses in both.
 */
#ifndef TESTS_SILICON_STATE_H
#define TESTS_SILICON_STATE_H

#include "cpu/types.h"

#define CODE_BASE 0x20000000u /* two pages, filled with INT3: whatever an instruction leads to ends there */
#define CODE_SIZE 0x2000u
#define DATA_BASE 0x30000000u /* two pages read-write, one read-only; nothing is mapped around them */
#define DATA_SIZE 0x2000u
#define DATA_READ_ONLY (DATA_BASE + DATA_SIZE)
#define DATA_END (DATA_READ_ONLY + 0x1000u)
#define GS_BASE (DATA_BASE - 0x123400u)

/* Selectors as Linux has them: the guest's GDT follows. */
enum { KERNEL_CODE = 0x10, KERNEL_DATA = 0x18, USER_CODE32 = 0x23, USER_DATA = 0x2b, USER_CODE64 = 0x33 };

/* The first 416 bytes of a 64-bit FXSAVE image. */
struct fx_image {
    u16 control, status;
    u8 tag, reserved;
    u16 opcode;
    u64 ip, dp;
    u32 mxcsr, mxcsr_mask;
    struct {
        u64 mantissa;
        u16 sign_exponent;
        u16 pad[3];
    } st[8];
    u64 xmm[16][2];
};
_Static_assert(sizeof(struct fx_image) == 416, "FXSAVE64 layout");

struct machine_state {
    u64 gpr[16]; /* in encoding order */
    u64 rip, rflags;
    u16 seg[6];        /* enum seg of cpu/cpu.h */
    u32 vector, error; /* of the exception that ended the case; 3 if all went well */
    u64 cr2;
    struct fx_image fx;
    u64 ymm[16][2]; /* upper halves */
};

#define VECTOR_LOST 0xff /* no exception came: hang, shutdown, death of the sandbox */

struct silicon_case {
    struct machine_state in, out;
    u32 code_offset, code_length; /* from CODE_BASE */
    u8 code[64];
    bool loads_gs;
    unsigned row, count;                /* of instructions; row: of the last one */
    u32 undefined, ever_undefined;      /* of a sequence: flags at its end, and at any time */
    u64 seed, target; /* address of the memory operand, or 0 */
    u8 memory_in[DATA_SIZE], memory_out[DATA_SIZE];
};

static inline u8 read_only_byte(unsigned i)
{
    return (u8)(i * 37 + (i >> 5));
}

#endif
