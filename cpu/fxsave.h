/*
 * The FXSAVE area in memory, which is also the legacy region of XSAVE.
 *
 * Source: Intel SDM vol. 2A "FXSAVE" (tables 3-43 to 3-46).
 */
#ifndef CPU_FXSAVE_H
#define CPU_FXSAVE_H

#include "cpu/cpu.h"

struct fxsave_area {
    u16 control, status;
    u8 tag, reserved1;
    u16 opcode;
    u32 ip;
    u16 ip_selector, ip_high; /* with REX.W ip has 64 bits: the next two fields are its upper half */
    u32 dp;
    u16 dp_selector, dp_high;
    u32 mxcsr, mxcsr_mask;
    struct {
        u64 mantissa;
        u16 sign_exponent;
        u8 reserved[6];
    } st[8];
    u64 xmm[16][2];
};

_Static_assert(sizeof(struct fxsave_area) == 416, "FXSAVE area up to the reserved bytes");
#define FXSAVE_SIZE 512
#define FXSAVE_XMM offsetof(struct fxsave_area, xmm)

/* The x87's part of the area; wide: FIP and FDP of 64 bits without selectors (REX.W). */
void fxsave_put_x87(const struct cpu *cpu, bool wide, struct fxsave_area *area);
void fxsave_get_x87(struct cpu *cpu, bool wide, const struct fxsave_area *area);

#endif
