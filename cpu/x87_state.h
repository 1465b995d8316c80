/*
 * x87 state as the outside sees it: reset, status and control words.  For cpu_reset, FXSAVE, debuggers, other engines.
 */
#ifndef CPU_X87_STATE_H
#define CPU_X87_STATE_H

#include "cpu/cpu.h"

/* FNINIT: control 037f, everything empty.  RESET differs only in the control word (0040, SDM vol. 3A table 9-1). */
void x87_init(struct fpu *fpu);
/* With TOP. */
u16 x87_status_word(const struct fpu *fpu);
void x87_set_status_word(struct fpu *fpu, u16 value);
/* Two bits a physical register, as FNSTENV stores them; the setter looks at "empty" (3) only. */
u16 x87_tag_word(const struct fpu *fpu);
void x87_set_tag_word(struct fpu *fpu, u16 tags);
/* Keeps reserved bits as the processor does.  ES must be brought up to date by x87_update_summary (cpu/x87.h). */
void x87_set_control_word(struct fpu *fpu, u16 value);

#endif
