/*
 * The portable form of cpu/alu.h: the same functions in C, for hosts that are not x86-64.
 *
 * Carries come from the carry-out vector (a & b) | ((a | b) & ~r): its top bit is CF, bit 3 AF, and the XOR of its top
 * two bits OF.  Undefined flags follow what most silicon does: AF clear after logic and shifts.
 */
#ifndef CPU_ALU_PORTABLE_H
#define CPU_ALU_PORTABLE_H

ALU_INLINE u32 alu_image(u64 r, unsigned bits, bool cf, bool of, bool af)
{
    u64 mask = bits == 64 ? ~0ull : (1ull << bits) - 1;
    return (of ? FL_OF : 0) | (cf ? FL_CF : 0) | (af ? FL_AF : 0) | ((r & mask) == 0 ? FL_ZF : 0) |
           (r >> (bits - 1) & 1 ? FL_SF : 0) | (__builtin_parity(r & 0xff) ? 0 : FL_PF);
}

#define ALU_SIZE(bits)                                                                                                 \
    ALU_INLINE u##bits alu_adc##bits(u##bits a, u##bits b, u32 in, u32 *fl)                                            \
    {                                                                                                                  \
        u##bits r = a + b + ((in & FL_CF) != 0);                                                                       \
        u##bits carry = (a & b) | ((a | b) & ~r);                                                                      \
        *fl = alu_image(r, bits, carry >> (bits - 1), ((carry >> (bits - 1)) ^ (carry >> (bits - 2))) & 1,             \
                        carry >> 3 & 1);                                                                               \
        return r;                                                                                                      \
    }                                                                                                                  \
    ALU_INLINE u##bits alu_sbb##bits(u##bits a, u##bits b, u32 in, u32 *fl)                                            \
    {                                                                                                                  \
        u##bits r = a - b - ((in & FL_CF) != 0);                                                                       \
        u##bits borrow = (~a & b) | ((~a | b) & r);                                                                    \
        *fl = alu_image(r, bits, borrow >> (bits - 1), ((borrow >> (bits - 1)) ^ (borrow >> (bits - 2))) & 1,          \
                        borrow >> 3 & 1);                                                                              \
        return r;                                                                                                      \
    }                                                                                                                  \
    ALU_INLINE u##bits alu_add##bits(u##bits a, u##bits b, u32 *fl) { return alu_adc##bits(a, b, 0, fl); }             \
    ALU_INLINE u##bits alu_sub##bits(u##bits a, u##bits b, u32 *fl) { return alu_sbb##bits(a, b, 0, fl); }             \
    ALU_INLINE void alu_cmp##bits(u##bits a, u##bits b, u32 *fl) { alu_sbb##bits(a, b, 0, fl); }                       \
    ALU_INLINE u##bits alu_logic##bits(u##bits r, u32 *fl)                                                             \
    {                                                                                                                  \
        *fl = alu_image(r, bits, 0, 0, 0);                                                                             \
        return r;                                                                                                      \
    }                                                                                                                  \
    ALU_INLINE u##bits alu_and##bits(u##bits a, u##bits b, u32 *fl) { return alu_logic##bits(a & b, fl); }             \
    ALU_INLINE u##bits alu_or##bits(u##bits a, u##bits b, u32 *fl) { return alu_logic##bits(a | b, fl); }              \
    ALU_INLINE u##bits alu_xor##bits(u##bits a, u##bits b, u32 *fl) { return alu_logic##bits(a ^ b, fl); }             \
    ALU_INLINE void alu_test##bits(u##bits a, u##bits b, u32 *fl) { alu_logic##bits(a & b, fl); }                      \
    ALU_INLINE u##bits alu_inc##bits(u##bits a, u32 in, u32 *fl)                                                       \
    {                                                                                                                  \
        u##bits r = alu_adc##bits(a, 1, 0, fl);                                                                        \
        *fl = (*fl & ~FL_CF) | (in & FL_CF);                                                                           \
        return r;                                                                                                      \
    }                                                                                                                  \
    ALU_INLINE u##bits alu_dec##bits(u##bits a, u32 in, u32 *fl)                                                       \
    {                                                                                                                  \
        u##bits r = alu_sbb##bits(a, 1, 0, fl);                                                                        \
        *fl = (*fl & ~FL_CF) | (in & FL_CF);                                                                           \
        return r;                                                                                                      \
    }                                                                                                                  \
    ALU_INLINE u##bits alu_neg##bits(u##bits a, u32 *fl) { return alu_sbb##bits(0, a, 0, fl); }                        \
    ALU_INLINE u##bits alu_shl##bits(u##bits a, unsigned count, u32 *fl)                                               \
    {                                                                                                                  \
        u##bits before = count > bits ? 0 : (u##bits)((u64)a << (count - 1));                                          \
        u##bits r = before << 1;                                                                                       \
        bool cf = before >> (bits - 1) & 1;                                                                            \
        *fl = alu_image(r, bits, cf, cf ^ (r >> (bits - 1) & 1), 0);                                                   \
        return r;                                                                                                      \
    }                                                                                                                  \
    ALU_INLINE u##bits alu_shr##bits(u##bits a, unsigned count, u32 *fl)                                               \
    {                                                                                                                  \
        u##bits before = count > bits ? 0 : a >> (count - 1);                                                          \
        u##bits r = before >> 1;                                                                                       \
        *fl = alu_image(r, bits, before & 1, before >> (bits - 1) & 1, 0);                                             \
        return r;                                                                                                      \
    }                                                                                                                  \
    ALU_INLINE u##bits alu_sar##bits(u##bits a, unsigned count, u32 *fl)                                               \
    {                                                                                                                  \
        i##bits before = (i##bits)a >> (count > bits ? bits - 1 : count - 1);                                          \
        u##bits r = before >> 1;                                                                                       \
        *fl = alu_image(r, bits, before & 1, 0, 0);                                                                    \
        return r;                                                                                                      \
    }                                                                                                                  \
    ALU_INLINE u32 alu_rotated##bits(u32 in, bool cf, bool of)                                                         \
    {                                                                                                                  \
        return (in & ~(FL_CF | FL_OF)) | (cf ? FL_CF : 0) | (of ? FL_OF : 0);                                          \
    }                                                                                                                  \
    ALU_INLINE u##bits alu_rol##bits(u##bits a, unsigned count, u32 in, u32 *fl)                                       \
    {                                                                                                                  \
        unsigned n = count & (bits - 1);                                                                               \
        u##bits r = n ? (u##bits)(a << n) | (u##bits)(a >> (bits - n)) : a;                                            \
        *fl = alu_rotated##bits(in, r & 1, (r ^ (r >> (bits - 1))) & 1);                                               \
        return r;                                                                                                      \
    }                                                                                                                  \
    ALU_INLINE u##bits alu_ror##bits(u##bits a, unsigned count, u32 in, u32 *fl)                                       \
    {                                                                                                                  \
        unsigned n = count & (bits - 1);                                                                               \
        u##bits r = n ? (u##bits)(a >> n) | (u##bits)(a << (bits - n)) : a;                                            \
        *fl = alu_rotated##bits(in, r >> (bits - 1), ((r >> (bits - 1)) ^ (r >> (bits - 2))) & 1);                     \
        return r;                                                                                                      \
    }                                                                                                                  \
    ALU_INLINE u##bits alu_rcl##bits(u##bits a, unsigned count, u32 in, u32 *fl)                                       \
    {                                                                                                                  \
        bool cf = (in & FL_CF) != 0;                                                                                   \
        for (unsigned n = count % (bits + 1); n; n--) {                                                                \
            bool out = a >> (bits - 1) & 1;                                                                            \
            a = (u##bits)(a << 1) | cf;                                                                                \
            cf = out;                                                                                                  \
        }                                                                                                              \
        *fl = alu_rotated##bits(in, cf, cf ^ (a >> (bits - 1) & 1));                                                   \
        return a;                                                                                                      \
    }                                                                                                                  \
    ALU_INLINE u##bits alu_rcr##bits(u##bits a, unsigned count, u32 in, u32 *fl)                                       \
    {                                                                                                                  \
        bool cf = (in & FL_CF) != 0;                                                                                   \
        for (unsigned n = count % (bits + 1); n; n--) {                                                                \
            bool out = a & 1;                                                                                          \
            a = (a >> 1) | (u##bits)((u##bits)cf << (bits - 1));                                                       \
            cf = out;                                                                                                  \
        }                                                                                                              \
        *fl = alu_rotated##bits(in, cf, ((a >> (bits - 1)) ^ (a >> (bits - 2))) & 1);                                  \
        return a;                                                                                                      \
    }

ALU_SIZE(8)
ALU_SIZE(16)
ALU_SIZE(32)
ALU_SIZE(64)

/* For 16 bits, counts above 16 bring in bits of the destination again, as silicon does. */
#define ALU_DOUBLE_SHIFT(bits)                                                                                   \
    ALU_INLINE u##bits alu_shld##bits(u##bits a, u##bits b, unsigned count, u32 *fl)                                   \
    {                                                                                                                  \
        bool cf = false;                                                                                               \
        u##bits before = a, high = a, low = b;                                                                         \
        for (unsigned n = 0; n < count; n++) {                                                                         \
            before = high;                                                                                             \
            cf = high >> (bits - 1) & 1;                                                                               \
            high = (u##bits)(high << 1) | (low >> (bits - 1));                                                         \
            low = (u##bits)(low << 1) | (bits == 16 ? cf : 0);                                               \
        }                                                                                                              \
        *fl = alu_image(high, bits, cf, (before ^ high) >> (bits - 1) & 1, 0);                                         \
        return high;                                                                                                   \
    }                                                                                                                  \
    ALU_INLINE u##bits alu_shrd##bits(u##bits a, u##bits b, unsigned count, u32 *fl)                                   \
    {                                                                                                                  \
        bool cf = false;                                                                                               \
        u##bits before = a, low = a, high = b;                                                                         \
        for (unsigned n = 0; n < count; n++) {                                                                         \
            before = low;                                                                                              \
            cf = low & 1;                                                                                              \
            low = (low >> 1) | (u##bits)(high << (bits - 1));                                                          \
            high = (high >> 1) | (bits == 16 ? (u##bits)((u##bits)cf << (bits - 1)) : 0);                              \
        }                                                                                                              \
        *fl = alu_image(low, bits, cf, (before ^ low) >> (bits - 1) & 1, 0);                                           \
        return low;                                                                                                    \
    }
ALU_DOUBLE_SHIFT(16)
ALU_DOUBLE_SHIFT(32)
ALU_DOUBLE_SHIFT(64)

#undef ALU_SIZE
#undef ALU_DOUBLE_SHIFT

#endif
