/*
 * Source: "Debugging with GDB", appendices "Target Descriptions" and "Standard Target Features", "i386 Features" (YMM: the
 *   upper halves alone, named ymm0h to ymm15h); the order of the first registers is the one of a debugger that asks for no description.  SDM vol. 1, "EFLAGS Register", "MXCSR
 *   Control and Status Register"; vol. 3A, "Control Registers".
 * Modelled: all can be read; general and x87 and SSE registers, EIP, EFLAGS, selectors and bases of segments, CR2 can be
 *   written.  Writing a selector loads the base only where no descriptor is needed (real-address and virtual-8086 mode).
 * Not modelled: writing control registers, whose changes have conditions of their own.
 */
#include "ui/gdb/registers.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cpu/feature.h"
#include "cpu/system.h"
#include "cpu/x87_state.h"

enum kind { GPR, IP, FLAGS, SELECTOR, BASE, ST, X87, XMM, MXCSR, KERNEL_GS, CR, EFER, YMMH };
enum part { CORE, SSE, AVX, SEGMENTS, SYSTEM, CORE32, PARTS };
enum x87_field { FCTRL, FSTAT, FTAG, FISEG, FIOFF, FOSEG, FOOFF, FOP };

struct reg {
    const char *name, *type;
    u8 bits, kind, index, part;
};

#define CORE_END                                                                                                       \
    {"eflags", "i386_eflags", 32, FLAGS, 0, CORE}, {"cs", "int32", 32, SELECTOR, CS, CORE},                            \
        {"ss", "int32", 32, SELECTOR, SS, CORE}, {"ds", "int32", 32, SELECTOR, DS, CORE},                              \
        {"es", "int32", 32, SELECTOR, ES, CORE}, {"fs", "int32", 32, SELECTOR, FS, CORE},                              \
        {"gs", "int32", 32, SELECTOR, GS, CORE}, {"st0", "i387_ext", 80, ST, 0, CORE},                                 \
        {"st1", "i387_ext", 80, ST, 1, CORE}, {"st2", "i387_ext", 80, ST, 2, CORE},                                    \
        {"st3", "i387_ext", 80, ST, 3, CORE}, {"st4", "i387_ext", 80, ST, 4, CORE},                                    \
        {"st5", "i387_ext", 80, ST, 5, CORE}, {"st6", "i387_ext", 80, ST, 6, CORE},                                    \
        {"st7", "i387_ext", 80, ST, 7, CORE}, {"fctrl", "int", 32, X87, FCTRL, CORE},                                  \
        {"fstat", "int", 32, X87, FSTAT, CORE}, {"ftag", "int", 32, X87, FTAG, CORE},                                  \
        {"fiseg", "int", 32, X87, FISEG, CORE}, {"fioff", "int", 32, X87, FIOFF, CORE},                                \
        {"foseg", "int", 32, X87, FOSEG, CORE}, {"fooff", "int", 32, X87, FOOFF, CORE},                                \
        {"fop", "int", 32, X87, FOP, CORE}
#define VECTOR(n) {"xmm" #n, "vec128", 128, XMM, n, SSE}
#define VECTORS_0_7 VECTOR(0), VECTOR(1), VECTOR(2), VECTOR(3), VECTOR(4), VECTOR(5), VECTOR(6), VECTOR(7)
#define VECTORS_8_15 VECTOR(8), VECTOR(9), VECTOR(10), VECTOR(11), VECTOR(12), VECTOR(13), VECTOR(14), VECTOR(15)
#define GPR64(name, n) {name, "int64", 64, GPR, n, CORE}
#define GPR32(name, n, part) {name, "int32", 32, GPR, n, part}
#define GENERAL32(part)                                                                                             \
    GPR32("eax", RAX, part), GPR32("ecx", RCX, part), GPR32("edx", RDX, part), GPR32("ebx", RBX, part),    \
        GPR32("esp", RSP, part), GPR32("ebp", RBP, part), GPR32("esi", RSI, part),                            \
        GPR32("edi", RDI, part), {"eip", "int32", 32, IP, 0, part}
#define MXCSR_ROW {"mxcsr", "i386_mxcsr", 32, MXCSR, 0, SSE}
#define BASES(bits, type)                                                                                              \
    {"cs_base", type, bits, BASE, CS, SYSTEM}, {"ss_base", type, bits, BASE, SS, SYSTEM},                              \
        {"ds_base", type, bits, BASE, DS, SYSTEM}, {"es_base", type, bits, BASE, ES, SYSTEM}
#define CONTROL(bits, type)                                                                                            \
    {"cr0", type, bits, CR, 0, SYSTEM}, {"cr2", type, bits, CR, 2, SYSTEM}, {"cr3", type, bits, CR, 3, SYSTEM},        \
        {"cr4", type, bits, CR, 4, SYSTEM}

static const struct reg i386[] = {
    GENERAL32(CORE), CORE_END, VECTORS_0_7, MXCSR_ROW, CONTROL(32, "int32"), BASES(32, "int32"),
    {"fs_base", "int32", 32, BASE, FS, SYSTEM}, {"gs_base", "int32", 32, BASE, GS, SYSTEM},
};

static const struct reg x86_64[] = {
    GPR64("rax", RAX), GPR64("rbx", RBX), GPR64("rcx", RCX), GPR64("rdx", RDX), GPR64("rsi", RSI), GPR64("rdi", RDI),
    GPR64("rbp", RBP), GPR64("rsp", RSP), GPR64("r8", R8), GPR64("r9", R9), GPR64("r10", R10), GPR64("r11", R11),
    GPR64("r12", R12), GPR64("r13", R13), GPR64("r14", R14), GPR64("r15", R15), {"rip", "int64", 64, IP, 0, CORE},
    CORE_END, VECTORS_0_7, VECTORS_8_15, MXCSR_ROW,
    {"fs_base", "int64", 64, BASE, FS, SEGMENTS}, {"gs_base", "int64", 64, BASE, GS, SEGMENTS},
    {"k_gs_base", "int64", 64, KERNEL_GS, 0, SYSTEM}, CONTROL(64, "int64"), {"cr8", "int64", 64, CR, 8, SYSTEM},
    {"efer", "int64", 64, EFER, 0, SYSTEM}, BASES(64, "int64"),
    GENERAL32(CORE32), /* GDB_BOTH only, so the last */
};
#define GENERAL32_COUNT 9

#define UPPER(n) {"ymm" #n "h", "uint128", 128, YMMH, n, AVX}

/* Behind the others, so that their numbers do not depend on it. */
static const struct reg avx[] = {
    UPPER(0), UPPER(1), UPPER(2),  UPPER(3),  UPPER(4),  UPPER(5),  UPPER(6),  UPPER(7),
    UPPER(8), UPPER(9), UPPER(10), UPPER(11), UPPER(12), UPPER(13), UPPER(14), UPPER(15),
};

enum gdb_layout gdb_choose_layout(const struct cpu *cpu)
{
    enum gdb_layout upper = cpu_has(cpu, FEATURE_AVX) ? GDB_AVX : 0;
    if (!cpu_has(cpu, FEATURE_LM))
        return GDB_I386 | upper;
    return (cpu->efer & EFER_LMA ? GDB_X86_64 : GDB_BOTH) | upper;
}

static bool is_i386(enum gdb_layout layout) { return (layout & ~GDB_AVX) == GDB_I386; }
static bool is_both(enum gdb_layout layout) { return (layout & ~GDB_AVX) == GDB_BOTH; }

/* Without YMM registers. */
static unsigned legacy_count(enum gdb_layout layout)
{
    if (is_i386(layout))
        return ARRAY_SIZE(i386);
    return ARRAY_SIZE(x86_64) - (is_both(layout) ? 0 : GENERAL32_COUNT);
}

unsigned gdb_register_count(enum gdb_layout layout)
{
    unsigned upper = is_i386(layout) ? 8 : 16;
    return legacy_count(layout) + (layout & GDB_AVX ? upper : 0);
}

static const struct reg *reg_of(enum gdb_layout layout, unsigned n)
{
    unsigned legacy = legacy_count(layout);
    if (n >= gdb_register_count(layout))
        return NULL;
    return n >= legacy ? &avx[n - legacy] : is_i386(layout) ? &i386[n] : &x86_64[n];
}

/* --- reading --- */

static u64 control(const struct cpu *cpu, unsigned n)
{
    switch (n) {
    case 0: return cpu->cr0;
    case 2: return cpu->cr2;
    case 3: return cpu->cr3;
    case 4: return cpu->cr4;
    default: return cpu->cr8;
    }
}

static u64 x87_field(const struct cpu *cpu, enum x87_field field)
{
    const struct fpu *fpu = &cpu->fpu;
    switch (field) {
    case FCTRL: return fpu->control;
    case FSTAT: return x87_status_word(fpu);
    case FTAG: return x87_tag_word(fpu);
    case FISEG: return fpu->ip_selector;
    case FIOFF: return (u32)fpu->ip;
    case FOSEG: return fpu->dp_selector;
    case FOOFF: return (u32)fpu->dp;
    default: return fpu->opcode;
    }
}

static u64 value_of(const struct cpu *cpu, const struct reg *reg)
{
    switch ((enum kind)reg->kind) {
    case GPR: return cpu->gpr[reg->index];
    case IP: return cpu->rip;
    case FLAGS: return cpu->rflags | 2;
    case SELECTOR: return cpu->seg[reg->index].selector;
    case BASE: return cpu->seg[reg->index].base;
    case X87: return x87_field(cpu, reg->index);
    case MXCSR: return cpu->mxcsr;
    case KERNEL_GS: return cpu->kernel_gs_base;
    case CR: return control(cpu, reg->index);
    case EFER: return cpu->efer;
    case ST:
    case XMM:
    case YMMH: break;
    }
    return 0;
}

unsigned gdb_register_read(const struct cpu *cpu, enum gdb_layout layout, unsigned n, u8 *data)
{
    const struct reg *reg = reg_of(layout, n);
    if (!reg)
        return 0;
    if (reg->kind == XMM) {
        memcpy(data, &cpu->vec[reg->index], 16);
    } else if (reg->kind == YMMH) {
        memcpy(data, &cpu->vec[reg->index].q[2], 16);
    } else if (reg->kind == ST) {
        const struct x87_reg *st = &cpu->fpu.reg[(cpu->fpu.top + reg->index) & 7];
        memcpy(data, &st->mantissa, 8);
        memcpy(data + 8, &st->sign_exponent, 2);
    } else {
        u64 value = value_of(cpu, reg);
        memcpy(data, &value, sizeof(value));
    }
    return reg->bits / 8;
}

/* --- writing --- */

static void write_selector(struct cpu *cpu, enum seg seg, u16 selector)
{
    cpu->seg[seg].selector = selector;
    if (!(cpu->cr0 & CR0_PE) || (cpu->rflags & FLAG_VM))
        cpu->seg[seg].base = (u32)selector << 4;
}

/* VM stays: it changes what the segments are. */
static void write_flags(struct cpu *cpu, u64 value)
{
    const u64 mask = FLAGS_ARITH | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT | FLAG_RF | FLAG_AC | FLAG_VIF |
                     FLAG_VIP | FLAG_ID;
    cpu->rflags = (cpu->rflags & ~mask) | (value & mask) | 2;
}

static bool write_base(struct cpu *cpu, enum seg seg, u64 value)
{
    bool wide = (cpu->efer & EFER_LMA) && seg >= FS;
    if (wide ? (u64)((i64)(value << 16) >> 16) != value : value > UINT32_MAX)
        return false;
    cpu->seg[seg].base = value;
    return true;
}

static void write_x87(struct cpu *cpu, enum x87_field field, u64 value)
{
    struct fpu *fpu = &cpu->fpu;
    switch (field) {
    case FCTRL: x87_set_control_word(fpu, (u16)value); break;
    case FSTAT: x87_set_status_word(fpu, (u16)value); break;
    case FTAG: x87_set_tag_word(fpu, (u16)value); break;
    case FISEG: fpu->ip_selector = (u16)value; break;
    case FIOFF: fpu->ip = value; break;
    case FOSEG: fpu->dp_selector = (u16)value; break;
    case FOOFF: fpu->dp = value; break;
    case FOP: fpu->opcode = value & 0x7ff; break;
    }
}

/* False: it is not for writing. */
static bool write_value(struct cpu *cpu, const struct reg *reg, u64 value)
{
    switch ((enum kind)reg->kind) {
    case GPR: cpu->gpr[reg->index] = value; return true;
    case IP: cpu->rip = cpu->next_rip = value; return true;
    case FLAGS: write_flags(cpu, value); return true;
    case SELECTOR: write_selector(cpu, reg->index, (u16)value); return true;
    case BASE: return write_base(cpu, reg->index, value);
    case X87: write_x87(cpu, reg->index, value); return true;
    case MXCSR: cpu->mxcsr = value & 0xffff; return true;
    case KERNEL_GS: cpu->kernel_gs_base = (u64)((i64)(value << 16) >> 16); return true;
    case CR:
        if (reg->index == 2)
            cpu->cr2 = value;
        return reg->index == 2;
    case EFER:
    case ST:
    case XMM:
    case YMMH: break;
    }
    return false;
}

bool gdb_register_write(struct cpu *cpu, enum gdb_layout layout, unsigned n, const u8 *data)
{
    const struct reg *reg = reg_of(layout, n);
    u64 value = 0;
    if (!reg)
        return false;
    if (reg->kind == XMM) {
        memcpy(&cpu->vec[reg->index], data, 16);
        return true;
    }
    if (reg->kind == YMMH) {
        memcpy(&cpu->vec[reg->index].q[2], data, 16);
        return true;
    }
    if (reg->kind == ST) {
        struct x87_reg *st = &cpu->fpu.reg[(cpu->fpu.top + reg->index) & 7];
        memcpy(&st->mantissa, data, 8);
        memcpy(&st->sign_exponent, data + 8, 2);
        return true;
    }
    memcpy(&value, data, reg->bits / 8);
    if (value == (reg->bits == 32 ? (u32)value_of(cpu, reg) : value_of(cpu, reg)))
        return true; /* a debugger that writes all back */
    if (!write_value(cpu, reg, value))
        return false;
    cpu_state_changed(cpu);
    return true;
}

/* --- the description --- */

static const struct {
    const char *name, *types;
} parts[PARTS] = {
    [CORE] = {"org.gnu.gdb.i386.core",
              "<flags id=\"i386_eflags\" size=\"4\">"
              "<field name=\"CF\" start=\"0\" end=\"0\"/><field name=\"\" start=\"1\" end=\"1\"/>"
              "<field name=\"PF\" start=\"2\" end=\"2\"/><field name=\"AF\" start=\"4\" end=\"4\"/>"
              "<field name=\"ZF\" start=\"6\" end=\"6\"/><field name=\"SF\" start=\"7\" end=\"7\"/>"
              "<field name=\"TF\" start=\"8\" end=\"8\"/><field name=\"IF\" start=\"9\" end=\"9\"/>"
              "<field name=\"DF\" start=\"10\" end=\"10\"/><field name=\"OF\" start=\"11\" end=\"11\"/>"
              "<field name=\"IOPL\" start=\"12\" end=\"13\"/><field name=\"NT\" start=\"14\" end=\"14\"/>"
              "<field name=\"RF\" start=\"16\" end=\"16\"/><field name=\"VM\" start=\"17\" end=\"17\"/>"
              "<field name=\"AC\" start=\"18\" end=\"18\"/><field name=\"VIF\" start=\"19\" end=\"19\"/>"
              "<field name=\"VIP\" start=\"20\" end=\"20\"/><field name=\"ID\" start=\"21\" end=\"21\"/></flags>\n"},
    [SSE] = {"org.gnu.gdb.i386.sse",
             "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/><vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
             "<vector id=\"v16i8\" type=\"int8\" count=\"16\"/><vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
             "<vector id=\"v4i32\" type=\"int32\" count=\"4\"/><vector id=\"v2i64\" type=\"int64\" count=\"2\"/>\n"
             "<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/><field name=\"v2_double\" type=\"v2d\"/>"
             "<field name=\"v16_int8\" type=\"v16i8\"/><field name=\"v8_int16\" type=\"v8i16\"/>"
             "<field name=\"v4_int32\" type=\"v4i32\"/><field name=\"v2_int64\" type=\"v2i64\"/>"
             "<field name=\"uint128\" type=\"uint128\"/></union>\n"
             "<flags id=\"i386_mxcsr\" size=\"4\">"
             "<field name=\"IE\" start=\"0\" end=\"0\"/><field name=\"DE\" start=\"1\" end=\"1\"/>"
             "<field name=\"ZE\" start=\"2\" end=\"2\"/><field name=\"OE\" start=\"3\" end=\"3\"/>"
             "<field name=\"UE\" start=\"4\" end=\"4\"/><field name=\"PE\" start=\"5\" end=\"5\"/>"
             "<field name=\"DAZ\" start=\"6\" end=\"6\"/><field name=\"IM\" start=\"7\" end=\"7\"/>"
             "<field name=\"DM\" start=\"8\" end=\"8\"/><field name=\"ZM\" start=\"9\" end=\"9\"/>"
             "<field name=\"OM\" start=\"10\" end=\"10\"/><field name=\"UM\" start=\"11\" end=\"11\"/>"
             "<field name=\"PM\" start=\"12\" end=\"12\"/><field name=\"RC\" start=\"13\" end=\"14\"/>"
             "<field name=\"FZ\" start=\"15\" end=\"15\"/></flags>\n"},
    [AVX] = {"org.gnu.gdb.i386.avx", ""},
    [SEGMENTS] = {"org.gnu.gdb.i386.segments", ""},
    [SYSTEM] = {"clutch.x86.system", ""},
};

struct xml {
    char *text;
    size_t length;
};

static void add(struct xml *xml, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int length = vsnprintf(xml->text + xml->length, GDB_XML_MAX - xml->length, fmt, args);
    va_end(args);
    xml->length = MIN(xml->length + (size_t)MAX(length, 0), (size_t)GDB_XML_MAX - 1);
}

/* Pointers would be as wide as the architecture that the user chooses; in GDB_BOTH the register stays what it is. */
static const char *type_of(enum gdb_layout layout, const struct reg *reg)
{
    if (is_both(layout))
        return reg->type;
    if (reg->kind == IP)
        return "code_ptr";
    return reg->kind == GPR && (reg->index == RSP || reg->index == RBP) ? "data_ptr" : reg->type;
}

static void describe_register(struct xml *xml, enum gdb_layout layout, unsigned n)
{
    const struct reg *reg = reg_of(layout, n);
    const char *group = reg->kind == ST || reg->kind == X87 ? " group=\"float\"" : "";
    add(xml, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\" regnum=\"%u\"%s/>\n", reg->name, reg->bits,
        type_of(layout, reg), n, group);
}

size_t gdb_describe(enum gdb_layout layout, bool real, char text[GDB_XML_MAX])
{
    struct xml xml = {.text = text};
    add(&xml, "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n<target>\n<architecture>%s</architecture>\n",
        !is_i386(layout) ? "i386:x86-64" : real ? "i8086" : "i386");
    for (unsigned f = CORE; f < CORE32; f++) {
        if ((f == SEGMENTS && is_i386(layout)) || (f == AVX && !(layout & GDB_AVX)))
            continue;
        add(&xml, "<feature name=\"%s\">\n%s", parts[f].name, parts[f].types);
        for (unsigned n = 0; n < gdb_register_count(layout); n++) {
            unsigned of = reg_of(layout, n)->part;
            if (of == f || (of == CORE32 && f == CORE))
                describe_register(&xml, layout, n);
        }
        add(&xml, "</feature>\n");
    }
    add(&xml, "</target>\n");
    return xml.length;
}
