/*
 * The x87's FSCALE and FXTRACT, and its transcendental functions, in software.
 *
 * Source: Intel SDM vol. 2A "FSCALE", "FXTRACT".
 */
#include "cpu/x87_math.h"

/* The integer part of b, within +-65536. */
static i32 scale_amount(struct soft b)
{
    if (b.class == SOFT_ZERO || b.exponent < 0)
        return 0;
    i32 amount = b.exponent > 16 ? 0x10000 : (i32)(b.hi >> (63 - b.exponent));
    return b.sign ? -amount : amount;
}

struct soft soft_scale(struct float_env *env, struct soft a, struct soft b)
{
    struct soft r;
    if (soft_nan(env, &a, &b, &r))
        return r;
    if (b.class == SOFT_INF && a.class == (b.sign ? SOFT_INF : SOFT_ZERO)) {
        env->flags |= FLOAT_IE;
        return soft_indefinite();
    }
    if (a.denormal || b.denormal)
        env->flags |= FLOAT_DE;
    if (a.class != SOFT_NORMAL)
        return a;
    if (b.class == SOFT_INF)
        a.class = b.sign ? SOFT_ZERO : SOFT_INF;
    else
        a.exponent += scale_amount(b);
    return a;
}

void soft_extract(struct float_env *env, struct soft a, struct soft *significand, struct soft *exponent)
{
    a = soft_operand(env, a);
    *significand = *exponent = a;
    if (a.class == SOFT_ZERO) {
        env->flags |= FLOAT_ZE;
        exponent->class = SOFT_INF;
        exponent->sign = true;
    } else if (a.class == SOFT_INF) {
        exponent->sign = false;
    } else if (a.class == SOFT_NORMAL) {
        significand->exponent = 0;
        *exponent = soft_from_int(a.exponent);
    }
}
