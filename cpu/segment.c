/*
 * Segmentation: descriptors, and loading of segment registers, LDTR and TR.
 *
 * Source: Intel SDM vol. 3A, ch. "Protected-Mode Memory Management" (segment descriptors), ch. "Protection" (privilege
 *   level checking when accessing data segments), vol. 2 "MOV", "LLDT", "LTR"; ch. "8086 Emulation" for real-address
 *   and virtual-8086 mode.
 * Modelled: all checks, the accessed bit, 16-byte system descriptors of long mode.
 * Not modelled: LOCK semantics of the accessed-bit update towards other processors.
 */
#include "cpu/system.h"

u32 descriptor_base(const struct descriptor *d)
{
    return d->low >> 16 | (d->high & 0xff) << 16 | (d->high & 0xff000000);
}

u32 descriptor_limit(const struct descriptor *d)
{
    u32 limit = (d->low & 0xffff) | (d->high & 0xf0000);
    return d->high & 0x800000 ? limit << 12 | 0xfff : limit;
}

void segment_derive(struct segment *seg)
{
    bool usable = (seg->access & (SEG_NULL | SEG_P | SEG_S)) == (SEG_P | SEG_S);
    bool code = seg->access & SEG_CODE;
    seg->read_top = seg->write_top = -1;
    if (!usable || (!code && (seg->access & SEG_EXPAND_DOWN)))
        return;
    if (!code || (seg->access & SEG_READABLE))
        seg->read_top = seg->limit;
    if (!code && (seg->access & SEG_WRITABLE))
        seg->write_top = seg->limit;
}

void segment_fill(struct segment *seg, u16 selector, const struct descriptor *d)
{
    seg->selector = selector;
    seg->base = descriptor_base(d);
    seg->limit = descriptor_limit(d);
    seg->access = (d->high >> 8) & 0xf0ff;
    segment_derive(seg);
}

void segment_set_null(struct segment *seg, u16 selector)
{
    *seg = (struct segment){.selector = selector, .access = SEG_NULL};
    segment_derive(seg);
}

/* Limit and the D/B bit stay as protected mode left them ("unreal mode" lives by it). */
void segment_set_real(struct segment *seg, u16 selector)
{
    if (seg->access & SEG_NULL) {
        seg->limit = 0xffff;
        seg->access = 0;
    }
    seg->selector = selector;
    seg->base = (u32)selector << 4;
    seg->access = (seg->access & (SEG_G | SEG_DB)) | SEG_P | SEG_S | SEG_WRITABLE | SEG_ACCESSED;
    segment_derive(seg);
}

void segment_set_v86(struct segment *seg, u16 selector)
{
    *seg = (struct segment){.selector = selector, .base = (u32)selector << 4, .limit = 0xffff};
    seg->access = SEG_P | SEG_DPL | SEG_S | SEG_WRITABLE | SEG_ACCESSED;
    segment_derive(seg);
}

/* --- descriptor tables --- */

bool descriptor_address(const struct cpu *cpu, u16 selector, u64 *linear)
{
    u32 offset = selector & 0xfff8;
    u64 base = cpu->gdtr.base;
    u32 limit = cpu->gdtr.limit;
    if (selector & 4) {
        const struct segment *ldt = &cpu->seg[LDTR];
        if (ldt->access & SEG_NULL)
            return false;
        base = ldt->base;
        limit = ldt->limit;
    }
    *linear = in_long_mode(cpu) ? base + offset : (u32)(base + offset);
    return offset + 7 <= limit;
}

bool descriptor_read(struct cpu *cpu, u16 selector, struct descriptor *d)
{
    u64 linear;
    if (!descriptor_address(cpu, selector, &linear))
        return false;
    u64 bits = system_load64(cpu, linear);
    *d = (struct descriptor){(u32)bits, (u32)(bits >> 32)};
    return true;
}

void descriptor_fetch(struct cpu *cpu, u16 selector, enum vector vector, struct descriptor *d)
{
    if (!descriptor_read(cpu, selector, d))
        cpu_raise_error(cpu, vector, selector_error(selector));
}

void descriptor_set_accessed(struct cpu *cpu, u16 selector, struct descriptor *d)
{
    u64 linear;
    if ((d->high & 0x100) || !descriptor_address(cpu, selector, &linear))
        return;
    d->high |= 0x100;
    system_store8(cpu, linear + 5, (u8)(d->high >> 8));
}

/* --- data and stack segments --- */

void segment_prepare_data(struct cpu *cpu, u16 selector, unsigned cpl, enum vector vector, struct segment *to)
{
    struct descriptor d;
    if (selector_is_null(selector)) {
        segment_set_null(to, selector);
        return;
    }
    descriptor_fetch(cpu, selector, vector, &d);
    if (!descriptor_is_segment(&d) || !descriptor_is_readable(&d))
        cpu_raise_error(cpu, vector, selector_error(selector));
    unsigned dpl = descriptor_dpl(&d);
    if (!descriptor_is_conforming(&d) && ((selector & 3u) > dpl || cpl > dpl))
        cpu_raise_error(cpu, vector, selector_error(selector));
    if (!descriptor_present(&d))
        cpu_raise_error(cpu, VECTOR_NP, selector_error(selector));
    descriptor_set_accessed(cpu, selector, &d);
    segment_fill(to, selector, &d);
}

void segment_prepare_stack(struct cpu *cpu, u16 selector, unsigned cpl, enum vector vector, struct segment *to)
{
    struct descriptor d;
    if (selector_is_null(selector)) {
        /* 64-bit mode, "MOV": a null SS is allowed below CPL 3. */
        if (!in_64bit_mode(cpu) || cpl == 3 || (selector & 3u) != cpl)
            cpu_raise_error(cpu, vector, 0);
        segment_set_null(to, selector);
        to->access |= cpl << SEG_DPL_SHIFT;
        return;
    }
    descriptor_fetch(cpu, selector, vector, &d);
    if ((selector & 3u) != cpl || descriptor_dpl(&d) != cpl || !descriptor_is_writable(&d))
        cpu_raise_error(cpu, vector, selector_error(selector));
    if (!descriptor_present(&d))
        cpu_raise_error(cpu, VECTOR_SS, selector_error(selector));
    descriptor_set_accessed(cpu, selector, &d);
    segment_fill(to, selector, &d);
}

void segment_load(struct cpu *cpu, enum seg seg, u16 selector)
{
    struct segment loaded = cpu->seg[seg];
    if (in_real_mode(cpu))
        segment_set_real(&loaded, selector);
    else if (in_v86_mode(cpu))
        segment_set_v86(&loaded, selector);
    else if (seg == SS)
        segment_prepare_stack(cpu, selector, cpu->cpl, VECTOR_GP, &loaded);
    else
        segment_prepare_data(cpu, selector, cpu->cpl, VECTOR_GP, &loaded);
    cpu->seg[seg] = loaded;
    cpu_update_mode(cpu);
}

void segment_install_code(struct cpu *cpu, u16 selector, const struct descriptor *d, unsigned cpl)
{
    segment_fill(&cpu->seg[CS], (selector & 0xfffc) | cpl, d);
    cpu->stats.entries += cpl < cpu->cpl;
    cpu->cpl = cpl;
}

void segment_drop_inner(struct cpu *cpu)
{
    static const enum seg order[] = {ES, FS, GS, DS};
    for (unsigned i = 0; i < ARRAY_SIZE(order); i++) {
        struct segment *seg = &cpu->seg[order[i]];
        if (seg->access & SEG_NULL) /* keeps its base: that of FS and GS may come from an MSR */
            continue;
        bool conforming = (seg->access & (SEG_S | SEG_CODE | SEG_CONFORMING)) == (SEG_S | SEG_CODE | SEG_CONFORMING);
        if (!conforming && (seg->access & SEG_DPL) >> SEG_DPL_SHIFT < cpu->cpl)
            segment_set_null(seg, 0);
    }
}

/* --- LDTR, TR --- */

/* Upper half of a base in a 16-byte descriptor. */
static u64 base_high(struct cpu *cpu, u16 selector, enum vector vector)
{
    u64 linear;
    if (!in_long_mode(cpu))
        return 0;
    if (!descriptor_address(cpu, selector + 8, &linear))
        cpu_raise_error(cpu, vector, selector_error(selector));
    u64 bits = system_load64(cpu, linear);
    if (bits >> 32 & 0x1f00 || !is_canonical(bits << 32))
        cpu_raise_error(cpu, vector, selector_error(selector));
    return bits << 32;
}

void ldtr_load(struct cpu *cpu, u16 selector, enum vector vector)
{
    struct descriptor d;
    if (selector_is_null(selector)) {
        segment_set_null(&cpu->seg[LDTR], selector);
        return;
    }
    if (selector & 4)
        cpu_raise_error(cpu, vector, selector_error(selector));
    descriptor_fetch(cpu, selector, vector, &d);
    if (descriptor_is_segment(&d) || descriptor_type(&d) != TYPE_LDT)
        cpu_raise_error(cpu, vector, selector_error(selector));
    if (!descriptor_present(&d))
        cpu_raise_error(cpu, vector == VECTOR_TS ? VECTOR_TS : VECTOR_NP, selector_error(selector));
    u64 high = base_high(cpu, selector, vector);
    segment_fill(&cpu->seg[LDTR], selector, &d);
    cpu->seg[LDTR].base |= high;
}

void tr_load(struct cpu *cpu, u16 selector)
{
    struct descriptor d;
    u64 linear;
    if (selector_is_null(selector))
        raise_gp(cpu, 0);
    if (selector & 4)
        raise_gp(cpu, selector_error(selector));
    descriptor_fetch(cpu, selector, VECTOR_GP, &d);
    unsigned type = descriptor_type(&d);
    if (descriptor_is_segment(&d) || !(type == TYPE_TSS32 || (type == TYPE_TSS16 && !in_long_mode(cpu))))
        raise_gp(cpu, selector_error(selector));
    if (!descriptor_present(&d))
        cpu_raise_error(cpu, VECTOR_NP, selector_error(selector));
    u64 high = base_high(cpu, selector, VECTOR_GP);
    descriptor_address(cpu, selector, &linear);
    d.high |= TYPE_BUSY << 8;
    system_store8(cpu, linear + 5, (u8)(d.high >> 8));
    segment_fill(&cpu->seg[TR], selector, &d);
    cpu->seg[TR].base |= high;
}
