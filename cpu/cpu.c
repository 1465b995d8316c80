/*
 * The processor as a whole: creation, reset, printing, tracing.
 *
 * Source: Intel SDM vol. 3A, "Processor State After Reset" (table "IA-32 and Intel 64 Processor States Following
 *   Power-up, Reset, or INIT").
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/block.h"
#include "cpu/mmu.h"

/* --- tracing --- */

u32 cpu_trace_mask;
void (*cpu_trace_print)(enum cpu_trace category, const char *text);

void cpu_trace_line(enum cpu_trace category, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (cpu_trace_print)
        cpu_trace_print(category, text);
}

/* --- reset --- */

static void reset_segments(struct cpu *cpu)
{
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        cpu->seg[i] = (struct segment){.limit = 0xffff, .access = SEG_P | SEG_S | SEG_WRITABLE | SEG_ACCESSED};
        if (i == CS) { /* a writable segment for now: real-address mode checks no types */
            cpu->seg[i].selector = 0xf000;
            cpu->seg[i].base = 0xffff0000;
        } else if (i >= LDTR) {
            cpu->seg[i].access = SEG_P | (i == LDTR ? TYPE_LDT : TYPE_TSS32_BUSY);
        }
        segment_derive(&cpu->seg[i]);
    }
    cpu->gdtr = cpu->idtr = (struct descriptor_table){.limit = 0xffff};
}

static void reset_fpu(struct cpu *cpu)
{
    cpu->fpu = (struct fpu){.control = 0x40, .valid = 0xff}; /* RESET: +0.0 everywhere, not as FNINIT */
    memset(cpu->vec, 0, sizeof(cpu->vec));
    memset(cpu->k, 0, sizeof(cpu->k));
    cpu->mxcsr = 0x1f80;
}

static void reset_events(struct cpu *cpu)
{
    cpu->activity = ACTIVITY_ACTIVE;
    cpu->nmi_pending = cpu->nmi_blocked = cpu->init_pending = cpu->smi_pending = cpu->startup_pending = false;
    cpu->shadow = 0;
    cpu->pending_dr6 = 0;
    memset(&cpu->held, 0, sizeof(cpu->held));
    memset(&cpu->fault, 0, sizeof(cpu->fault));
    __atomic_and_fetch(&cpu->attention, ATTENTION_EXIT | ATTENTION_INTR, __ATOMIC_SEQ_CST);
}

static void print_to_trace(void *out, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    text[strcspn(text, "\n")] = 0;
    cpu_trace_line(CPU_TRACE_RESET, "%s", text);
}

/* What RESET and INIT have in common. */
static void reset_common(struct cpu *cpu)
{
    if (cpu_tracing(RESET))
        cpu_print_state(cpu, print_to_trace, NULL);
    memset(cpu->gpr, 0, sizeof(cpu->gpr));
    cpu->gpr[RDX] = cpu_signature(cpu);
    cpu->rip = cpu->next_rip = 0xfff0;
    cpu->rflags = 2;
    cpu->fl = fl_from_eflags(2);
    cpu->op = NULL;
    cpu->cpl = 0;
    reset_segments(cpu);
    cpu->cr2 = cpu->cr3 = cpu->cr4 = cpu->cr8 = 0;
    memset(cpu->dr, 0, sizeof(cpu->dr));
    cpu->dr[6] = DR6_FIXED;
    cpu->dr[7] = DR7_FIXED;
    memset(cpu->pdpte, 0, sizeof(cpu->pdpte));
    reset_events(cpu);
}

static void reset_caches(struct cpu *cpu)
{
    tlb_flush_all(cpu);
    block_flush_all(cpu);
    cpu_update_mode(cpu);
}

void cpu_reset(struct cpu *cpu)
{
    reset_common(cpu);
    cpu->cr0 = CR0_CD | CR0_NW | CR0_ET;
    if (!cpu_has(cpu, FEATURE_I486))
        cpu->cr0 = CR0_ET;
    cpu->xcr0 = XSTATE_X87;
    msr_reset(cpu);
    reset_fpu(cpu);
    reset_caches(cpu);
}

/* INIT keeps CR0.CD and NW, the FPU, most MSRs and the TSC.  All but the bootstrap processor wait for a start-up
 * IPI. */
void cpu_init(struct cpu *cpu)
{
    reset_common(cpu);
    cpu->cr0 = (cpu->cr0 & (CR0_CD | CR0_NW)) | CR0_ET;
    cpu->efer = 0;
    if (!(cpu->apic_base & APIC_BASE_BSP))
        cpu->activity = ACTIVITY_WAIT_SIPI;
    reset_caches(cpu);
}

/* "the processor begins at VV000h": real mode, CS = VV00h. */
void cpu_take_startup(struct cpu *cpu)
{
    cpu->startup_pending = false;
    if (cpu->activity != ACTIVITY_WAIT_SIPI)
        return;
    cpu->seg[CS].selector = cpu->startup_vector << 8;
    cpu->seg[CS].base = (u64)cpu->startup_vector << 12;
    cpu->rip = 0;
    cpu->activity = ACTIVITY_ACTIVE;
    cpu_update_mode(cpu);
}

/* --- creation --- */

struct cpu *cpu_create(const char *model, const char *features, const struct cpu_bus *bus, void *board, char *why)
{
    struct cpu *cpu = aligned_alloc(64, (sizeof(*cpu) + 63) & ~(size_t)63);
    if (!cpu) {
        snprintf(why, 200, "out of memory");
        return NULL;
    }
    memset(cpu, 0, sizeof(*cpu));
    cpu->bus = bus;
    cpu->board = board;
    cpu->a20 = true;
    cpu->a20_mask = ~0ull;
    cpu_seed_random(cpu, 0x0123456789abcdefull);
    if (!cpu_model_apply(cpu, model, features, why)) {
        free(cpu);
        return NULL;
    }
    cpu->blocks = block_cache_create();
    if (!cpu->blocks) {
        snprintf(why, 200, "out of memory for decoded code");
        free(cpu);
        return NULL;
    }
    tlb_init(cpu);
    cpu_reset(cpu);
    return cpu;
}

void cpu_destroy(struct cpu *cpu)
{
    if (!cpu)
        return;
    block_cache_destroy(cpu->blocks);
    free(cpu);
}

/* --- printing --- */

typedef void print_fn(void *out, const char *fmt, ...);
#define HEX(value) ((unsigned long long)(value))

static void print_registers(const struct cpu *cpu, print_fn *print, void *out)
{
    static const char *const names[] = {"AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI"};
    static const u8 order[] = {RAX, RBX, RCX, RDX, RSI, RDI, RBP, RSP};
    bool wide = in_long_mode(cpu);
    for (unsigned i = 0; i < 8; i++)
        print(out, wide ? "R%s=%016llx%s" : "E%s=%08llx%s", names[order[i]], HEX(cpu->gpr[order[i]]),
              i % 4 == 3 ? "\n" : " ");
    for (unsigned i = 8; wide && i < 16; i++)
        print(out, "R%-2u=%016llx%s", i, HEX(cpu->gpr[i]), i % 4 == 3 ? "\n" : " ");
}

static void print_flags(const struct cpu *cpu, print_fn *print, void *out)
{
    u64 flags = flags_get(cpu);
    static const struct {
        u32 bit;
        char letter;
    } letters[] = {{FLAG_DF, 'D'}, {FLAG_OF, 'O'}, {FLAG_SF, 'S'}, {FLAG_ZF, 'Z'}, {FLAG_AF, 'A'}, {FLAG_PF, 'P'},
                   {FLAG_CF, 'C'}};
    char text[8] = {0};
    for (unsigned i = 0; i < 7; i++)
        text[i] = flags & letters[i].bit ? letters[i].letter : '-';
    print(out, in_long_mode(cpu) ? "RIP=%016llx RFL=%08llx [%s] CPL=%d II=%d A20=%d SMM=0 HLT=%d\n"
                                 : "EIP=%08llx EFL=%08llx [%s] CPL=%d II=%d A20=%d SMM=0 HLT=%d\n",
          HEX(cpu->rip), HEX(flags), text, cpu->cpl, cpu->shadow != 0, cpu->a20, cpu->activity == ACTIVITY_HALTED);
}

static void print_segments(const struct cpu *cpu, print_fn *print, void *out)
{
    static const char *const names[] = {"ES ", "CS ", "SS ", "DS ", "FS ", "GS ", "LDT", "TR "};
    const char *format = in_long_mode(cpu) ? "%s =%04x %016llx %08x %08x\n" : "%s =%04x %08llx %08x %08x\n";
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        const struct segment *s = &cpu->seg[i];
        print(out, format, names[i], s->selector, HEX(s->base), s->limit,
              s->access & SEG_NULL ? 0 : (u32)s->access << 8 | (s->limit & 0xf0000));
    }
    print(out, "GDT=     %08llx %08x\n", HEX(cpu->gdtr.base), cpu->gdtr.limit);
    print(out, "IDT=     %08llx %08x\n", HEX(cpu->idtr.base), cpu->idtr.limit);
}

static void print_fpu(const struct cpu *cpu, print_fn *print, void *out)
{
    const struct fpu *fpu = &cpu->fpu;
    print(out, "FCW=%04x FSW=%04x [ST=%d] FTW=%02x MXCSR=%08x\n", fpu->control, fpu->status | fpu->top << 11,
          fpu->top, fpu->valid, cpu->mxcsr);
    for (unsigned i = 0; i < 8; i++)
        print(out, "FPR%u=%016llx %04x%s", i, HEX(fpu->reg[i].mantissa), fpu->reg[i].sign_exponent,
              i & 1 ? "\n" : " ");
    unsigned count = in_long_mode(cpu) ? 16 : 8;
    if (cpu->xcr0 & XSTATE_AVX) {
        for (unsigned i = 0; i < count; i++)
            print(out, "YMM%02u=%016llx %016llx %016llx %016llx\n", i, HEX(cpu->vec[i].q[3]), HEX(cpu->vec[i].q[2]),
                  HEX(cpu->vec[i].q[1]), HEX(cpu->vec[i].q[0]));
        return;
    }
    for (unsigned i = 0; i < count; i++)
        print(out, "XMM%02u=%016llx%016llx%s", i, HEX(cpu->vec[i].q[1]), HEX(cpu->vec[i].q[0]), i & 1 ? "\n" : " ");
}

void cpu_print_state(const struct cpu *cpu, void (*print)(void *out, const char *fmt, ...) PRINTF_LIKE(2, 3),
                     void *out)
{
    print_registers(cpu, print, out);
    print_flags(cpu, print, out);
    print_segments(cpu, print, out);
    print(out, "CR0=%08llx CR2=%08llx CR3=%08llx CR4=%08llx\n", HEX(cpu->cr0), HEX(cpu->cr2), HEX(cpu->cr3),
          HEX(cpu->cr4));
    print(out, "DR0=%08llx DR1=%08llx DR2=%08llx DR3=%08llx\n", HEX(cpu->dr[0]), HEX(cpu->dr[1]), HEX(cpu->dr[2]),
          HEX(cpu->dr[3]));
    print(out, "DR6=%08llx DR7=%08llx\n", HEX(cpu->dr[6]), HEX(cpu->dr[7]));
    print(out, "EFER=%016llx\n", HEX(cpu->efer));
    print_fpu(cpu, print, out);
}
