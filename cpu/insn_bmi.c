/*
 * General registers: POPCNT, LZCNT, TZCNT, BMI1, BMI2, ADX, CRC32, MOVBE.
 *
 * Source: Intel SDM vol. 2 the instructions' pages, 2.6.14 "Exceptions Type 13" (VEX in real-address and virtual-8086
 *   mode is #UD).
 * Undefined flags are as measured on an AMD processor of family 1Ah: PF is that of the result's low byte where the
 * table says undefined, AF is 0 (1 after BEXTR), SF is 0 after BEXTR, LZCNT and TZCNT; these two leave OF.
 */
#include "cpu/op.h"
#include "cpu/wide.h"

static unsigned bits_of(enum size size) { return 8u << size; }
static u64 mask_of(enum size size) { return ~0ull >> (64 - bits_of(size)); }

/* VEX: operand size 32, or 64 with VEX.W in 64-bit code. */
static enum size vex_begin(struct cpu *cpu, const struct op *op)
{
    if (unlikely(!in_protected_mode(cpu)))
        raise_ud(cpu);
    return op->size;
}

static u64 vvvv_read(struct cpu *cpu, const struct op *op, enum size size)
{
    return reg_read(cpu, OP_VVVV(op) * 8, size);
}

static u32 parity(u64 value) { return __builtin_parity((u8)value) ? 0 : FL_PF; }

/* SF, ZF, PF of a result; OF, AF, CF are 0. */
static u32 logic_flags(u64 value, enum size size)
{
    return (value >> (bits_of(size) - 1) & 1 ? FL_SF : 0) | (value ? 0 : FL_ZF) | parity(value);
}

/* --- counts --- */

void do_popcnt(struct cpu *cpu, const struct op *op)
{
    u64 value = rm_read(cpu, op, op->size);
    reg_write(cpu, op->reg, op->size, (u64)__builtin_popcountll(value));
    cpu->fl = value ? 0 : FL_ZF;
}

static void count_zeros(struct cpu *cpu, const struct op *op, u64 value, unsigned count)
{
    reg_write(cpu, op->reg, op->size, count);
    cpu->fl = (cpu->fl & FL_OF) | (value ? 0 : FL_CF) | (count ? 0 : FL_ZF);
}

void do_tzcnt(struct cpu *cpu, const struct op *op)
{
    u64 value = rm_read(cpu, op, op->size);
    count_zeros(cpu, op, value, value ? (unsigned)__builtin_ctzll(value) : bits_of(op->size));
}

void do_lzcnt(struct cpu *cpu, const struct op *op)
{
    u64 value = rm_read(cpu, op, op->size);
    unsigned bits = bits_of(op->size);
    count_zeros(cpu, op, value, value ? (unsigned)__builtin_clzll(value) - (64 - bits) : bits);
}

/* --- BMI1 --- */

void do_andn(struct cpu *cpu, const struct op *op)
{
    enum size size = vex_begin(cpu, op);
    u64 b = rm_read(cpu, op, size), result = ~vvvv_read(cpu, op, size) & b;
    reg_write(cpu, op->reg, size, result);
    cpu->fl = logic_flags(result, size);
}

static void lowest_bit(struct cpu *cpu, const struct op *op, enum size size, u64 result, bool carry)
{
    result &= mask_of(size);
    reg_write(cpu, OP_VVVV(op) * 8, size, result);
    cpu->fl = logic_flags(result, size) | (carry ? FL_CF : 0);
}

void do_blsr(struct cpu *cpu, const struct op *op)
{
    enum size size = vex_begin(cpu, op);
    u64 value = rm_read(cpu, op, size);
    lowest_bit(cpu, op, size, value & (value - 1), !value);
}

void do_blsmsk(struct cpu *cpu, const struct op *op)
{
    enum size size = vex_begin(cpu, op);
    u64 value = rm_read(cpu, op, size);
    lowest_bit(cpu, op, size, value ^ (value - 1), !value);
}

void do_blsi(struct cpu *cpu, const struct op *op)
{
    enum size size = vex_begin(cpu, op);
    u64 value = rm_read(cpu, op, size);
    lowest_bit(cpu, op, size, value & -value, value);
}

/* Control: bits 7-0 where it starts, 15-8 its length. */
void do_bextr(struct cpu *cpu, const struct op *op)
{
    enum size size = vex_begin(cpu, op);
    u64 value = rm_read(cpu, op, size), control = vvvv_read(cpu, op, size);
    unsigned start = control & 0xff, length = control >> 8 & 0xff;
    value = start < 64 ? value >> start : 0;
    if (length < 64)
        value &= (1ull << length) - 1;
    reg_write(cpu, op->reg, size, value);
    cpu->fl = (value ? 0 : FL_ZF) | FL_AF | parity(value);
}

/* --- BMI2 --- */

void do_bzhi(struct cpu *cpu, const struct op *op)
{
    enum size size = vex_begin(cpu, op);
    u64 value = rm_read(cpu, op, size);
    unsigned index = vvvv_read(cpu, op, size) & 0xff;
    bool beyond = index >= bits_of(size);
    if (!beyond)
        value &= (1ull << index) - 1;
    reg_write(cpu, op->reg, size, value);
    cpu->fl = logic_flags(value, size) | (beyond ? FL_CF : 0);
}

void do_pdep(struct cpu *cpu, const struct op *op)
{
    enum size size = vex_begin(cpu, op);
    u64 mask = rm_read(cpu, op, size), value = vvvv_read(cpu, op, size), result = 0;
    for (; mask; mask &= mask - 1, value >>= 1)
        if (value & 1)
            result |= mask & -mask;
    reg_write(cpu, op->reg, size, result);
}

void do_pext(struct cpu *cpu, const struct op *op)
{
    enum size size = vex_begin(cpu, op);
    u64 mask = rm_read(cpu, op, size), value = vvvv_read(cpu, op, size), result = 0;
    for (u64 bit = 1; mask; mask &= mask - 1, bit <<= 1)
        if (value & mask & -mask)
            result |= bit;
    reg_write(cpu, op->reg, size, result);
}

static unsigned shift_count(struct cpu *cpu, const struct op *op, enum size size)
{
    return vvvv_read(cpu, op, size) & (bits_of(size) - 1);
}

void do_shlx(struct cpu *cpu, const struct op *op)
{
    enum size size = vex_begin(cpu, op);
    u64 value = rm_read(cpu, op, size);
    reg_write(cpu, op->reg, size, value << shift_count(cpu, op, size));
}

void do_shrx(struct cpu *cpu, const struct op *op)
{
    enum size size = vex_begin(cpu, op);
    u64 value = rm_read(cpu, op, size);
    reg_write(cpu, op->reg, size, value >> shift_count(cpu, op, size));
}

void do_sarx(struct cpu *cpu, const struct op *op)
{
    enum size size = vex_begin(cpu, op);
    u64 value = rm_read(cpu, op, size);
    i64 number = size == SIZE_64 ? (i64)value : (i32)value;
    reg_write(cpu, op->reg, size, (u64)(number >> shift_count(cpu, op, size)));
}

void do_rorx(struct cpu *cpu, const struct op *op)
{
    enum size size = vex_begin(cpu, op);
    u64 value = rm_read(cpu, op, size);
    unsigned bits = bits_of(size), count = op->imm & (bits - 1);
    reg_write(cpu, op->reg, size, count ? value >> count | value << (bits - count) : value);
}

/* EDX times the operand; if both halves go to one register, it holds the high one. */
void do_mulx(struct cpu *cpu, const struct op *op)
{
    enum size size = vex_begin(cpu, op);
    u64 a = reg_read(cpu, RDX * 8, size), b = rm_read(cpu, op, size), high, low;
    if (size == SIZE_64) {
        wide_multiply_64(a, b, &high, &low);
    } else {
        low = a * b;
        high = low >> 32;
    }
    reg_write(cpu, OP_VVVV(op) * 8, size, low);
    reg_write(cpu, op->reg, size, high);
}

/* --- ADX --- */

static void add_with(struct cpu *cpu, const struct op *op, u32 flag)
{
    u64 a = reg_read(cpu, op->reg, op->size), b = rm_read(cpu, op, op->size);
    u64 mask = mask_of(op->size), carry_in = cpu->fl & flag ? 1 : 0, sum = (a + b + carry_in) & mask;
    bool carry = sum < a || (carry_in && sum == a);
    reg_write(cpu, op->reg, op->size, sum);
    cpu->fl = (cpu->fl & ~flag) | (carry ? flag : 0);
}

void do_adcx(struct cpu *cpu, const struct op *op) { add_with(cpu, op, FL_CF); }
void do_adox(struct cpu *cpu, const struct op *op) { add_with(cpu, op, FL_OF); }

/* --- CRC32: polynomial 11EDC6F41, bits reflected --- */

static u32 crc32_byte(u32 crc, u8 byte)
{
    crc ^= byte;
    for (unsigned i = 0; i < 8; i++)
        crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    return crc;
}

static void crc32(struct cpu *cpu, const struct op *op, enum size size)
{
    u64 value = rm_read(cpu, op, size);
    u32 crc = REG32(cpu, op->reg);
    for (unsigned i = 0; i < bits_of(size); i += 8)
        crc = crc32_byte(crc, (u8)(value >> i));
    reg_write(cpu, op->reg, SIZE_64, crc);
}

void do_crc32_b(struct cpu *cpu, const struct op *op) { crc32(cpu, op, SIZE_8); }
void do_crc32_v(struct cpu *cpu, const struct op *op) { crc32(cpu, op, op->size); }

/* --- MOVBE --- */

static u64 swapped(u64 value, enum size size) { return __builtin_bswap64(value) >> (64 - bits_of(size)); }

void do_movbe_G_M(struct cpu *cpu, const struct op *op)
{
    reg_write(cpu, op->reg, op->size, swapped(rm_read(cpu, op, op->size), op->size));
}

void do_movbe_M_G(struct cpu *cpu, const struct op *op)
{
    rm_write(cpu, op, op->size, swapped(reg_read(cpu, op->reg, op->size), op->size));
}
