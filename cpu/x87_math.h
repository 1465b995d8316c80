/*
 * The x87's transcendental functions in software: for hosts without an x87.  Operands are finite or not, but not NaN,
 * and in the range that the instruction accepts; results are to be rounded by soft_to_f80.  IE, ZE, DE are raised.
 */
#ifndef CPU_X87_MATH_H
#define CPU_X87_MATH_H

#include "cpu/softfloat.h"

struct soft soft_f2xm1(struct float_env *env, struct soft a);
/* b * log2(a), b * log2(a + 1) */
struct soft soft_fyl2x(struct float_env *env, struct soft b, struct soft a);
struct soft soft_fyl2xp1(struct float_env *env, struct soft b, struct soft a);
/* atan(y / x) in the quadrant of the point (x, y) */
struct soft soft_fpatan(struct float_env *env, struct soft y, struct soft x);
void soft_fsincos(struct float_env *env, struct soft a, struct soft *sine, struct soft *cosine);
struct soft soft_fptan(struct float_env *env, struct soft a);

/* Exact: */
struct soft soft_scale(struct float_env *env, struct soft a, struct soft b);
void soft_extract(struct float_env *env, struct soft a, struct soft *significand, struct soft *exponent);

#endif
