/*
 * The processor: all of its guest-visible state, and what the board and the engines may ask of it.
 *
 * struct cpu is the only truth when no engine is running.  While the interpreter runs, two things live elsewhere: RIP
 * is the start of the running block plus the op's offset, and the arithmetic flags are an image in a register (see
 * cpu/exec.h); cpu_run has put both back when it returns.
 *
 * Source: Intel SDM vol. 1 ch. 3 (execution environment), vol. 3A ch. 2 (system architecture).
 */
#ifndef CPU_CPU_H
#define CPU_CPU_H

#include <setjmp.h>

#include "cpu/bus.h"
#include "cpu/debugger.h"
#include "cpu/types.h"

enum gpr { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };
enum { REG_ZERO = 16 }; /* a slot that always reads 0: "no base", "no index" */

/* Encoding order of Sreg; LDTR and TR have the same hidden parts. */
enum seg { ES, CS, SS, DS, FS, GS, LDTR, TR, SEG_COUNT };

/* RFLAGS */
#define FLAG_CF 0x1u
#define FLAG_PF 0x4u
#define FLAG_AF 0x10u
#define FLAG_ZF 0x40u
#define FLAG_SF 0x80u
#define FLAG_TF 0x100u
#define FLAG_IF 0x200u
#define FLAG_DF 0x400u
#define FLAG_OF 0x800u
#define FLAG_IOPL 0x3000u
#define FLAG_NT 0x4000u
#define FLAG_RF 0x10000u
#define FLAG_VM 0x20000u
#define FLAG_AC 0x40000u
#define FLAG_VIF 0x80000u
#define FLAG_VIP 0x100000u
#define FLAG_ID 0x200000u
#define FLAGS_ARITH (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

#define CR0_PE 0x1u
#define CR0_MP 0x2u
#define CR0_EM 0x4u
#define CR0_TS 0x8u
#define CR0_ET 0x10u
#define CR0_NE 0x20u
#define CR0_WP 0x10000u
#define CR0_AM 0x40000u
#define CR0_NW 0x20000000u
#define CR0_CD 0x40000000u
#define CR0_PG 0x80000000u

#define CR4_VME 0x1u
#define CR4_PVI 0x2u
#define CR4_TSD 0x4u
#define CR4_DE 0x8u
#define CR4_PSE 0x10u
#define CR4_PAE 0x20u
#define CR4_MCE 0x40u
#define CR4_PGE 0x80u
#define CR4_PCE 0x100u
#define CR4_OSFXSR 0x200u
#define CR4_OSXMMEXCPT 0x400u
#define CR4_UMIP 0x800u
#define CR4_FSGSBASE 0x10000u
#define CR4_PCIDE 0x20000u
#define CR4_OSXSAVE 0x40000u
#define CR4_SMEP 0x100000u
#define CR4_SMAP 0x200000u

/* XCR0, XSTATE_BV */
#define XSTATE_X87 0x1u
#define XSTATE_SSE 0x2u
#define XSTATE_AVX 0x4u

#define EFER_SCE 0x1u
#define EFER_LME 0x100u
#define EFER_LMA 0x400u
#define EFER_NXE 0x800u

/* Vectors.  SDM vol. 3A, "Exception and Interrupt Reference". */
enum vector {
    VECTOR_DE, VECTOR_DB, VECTOR_NMI, VECTOR_BP, VECTOR_OF, VECTOR_BR, VECTOR_UD, VECTOR_NM, VECTOR_DF,
    VECTOR_CSO, VECTOR_TS, VECTOR_NP, VECTOR_SS, VECTOR_GP, VECTOR_PF, VECTOR_MF = 16, VECTOR_AC, VECTOR_MC,
    VECTOR_XM,
};

/* struct segment.access: bits 40-55 of the descriptor, limit bits 48-51 cleared. */
#define SEG_TYPE 0x000fu
#define SEG_ACCESSED 0x0001u
#define SEG_WRITABLE 0x0002u /* data */
#define SEG_READABLE 0x0002u /* code */
#define SEG_EXPAND_DOWN 0x0004u
#define SEG_CONFORMING 0x0004u
#define SEG_CODE 0x0008u
#define SEG_S 0x0010u /* code or data, not system */
#define SEG_DPL 0x0060u
#define SEG_DPL_SHIFT 5
#define SEG_P 0x0080u
#define SEG_AVL 0x1000u
#define SEG_L 0x2000u
#define SEG_DB 0x4000u
#define SEG_G 0x8000u
#define SEG_NULL 0x0100u /* ours (a limit bit, always 0 above): loaded with a null selector, unusable */

struct segment {
    u64 base;
    u32 limit; /* in bytes, granularity applied */
    u16 selector;
    u16 access;
    /* Derived by segment_derive: the last offset that plain loads and stores may touch; -1 sends every access to the
     * checking path (unreadable, read-only, expand-down, null). */
    i64 read_top, write_top;
};

struct descriptor_table {
    u64 base;
    u16 limit;
};

/* One x87 register: 64-bit significand, then sign and exponent; MMX aliases the significand. */
struct x87_reg {
    u64 mantissa;
    u16 sign_exponent;
    u16 pad[3];
};

/* q[0] and q[1]: XMM; q[2] and q[3]: the upper half of YMM, which SSE does not touch; the rest is for ZMM. */
union vector_reg {
    u8 b[64];
    u16 w[32];
    u32 d[16];
    u64 q[8];
    float ss[16];
    double sd[8];
};

struct fpu {
    struct x87_reg reg[8]; /* physical R0-R7, not ST(i): ST(i) is reg[(top + i) & 7] */
    u16 control, status;   /* status without TOP: bits 11-13 are 0 here */
    u8 top;
    u8 valid;              /* bit i: physical register i is not empty (the abridged tag of FXSAVE) */
    u16 opcode;            /* last opcode, 11 bits */
    u16 ip_selector, dp_selector;
    u64 ip, dp;
    bool ferr;             /* FERR# as we last drove it (CR0.NE = 0) */
};

/* Software TLB.  Tags are linear page addresses; TLB_INVALID never matches (bit 0 set).  A load of `size` bytes hits
 * when ((linear + size - 1) & ~0xfff) == read_tag of entry (linear >> 12): one compare finds misses and page crossing.
 * write_tag stays invalid for pages that hold decoded code, for MMIO, ROM, clean pages (D = 0) and watched pages. */
#define TLB_SIZE 4096
#define TLB_INVALID 1ull
struct tlb_entry {
    u64 read_tag, write_tag;
    u64 addend; /* host address = linear + addend */
    u64 phys;   /* physical page | TLB_GLOBAL */
};
#define TLB_GLOBAL 1ull

#define ITLB_SIZE 256
struct itlb_entry {
    u64 tag;  /* linear page, TLB_INVALID if empty */
    u64 phys; /* physical page */
};

/* Host addresses of pages that hold paging structures, by low bits of the page number (mmu.c). */
#define WALK_PAGES 64
struct walk_page {
    u64 page; /* TLB_INVALID if empty */
    u8 *host; /* NULL: through the bus */
    u8 *flags;
};
enum tlb_class { TLB_SUPERVISOR, TLB_USER, TLB_NEVER, TLB_CLASSES }; /* NEVER: alignment checking is on */

/* Mode: everything beside the physical address that decides how bytes decode and which handlers fit. */
#define MODE_CODE16 0
#define MODE_CODE32 1
#define MODE_CODE64 2
#define MODE_CODE 3
#define MODE_FLAT 4   /* DS, ES, SS: base 0, limit 4 GiB, writable, SS.B = 1 (or 64-bit mode) */
#define MODE_LIMIT 8  /* CS is not 4 GiB: check the limit at block entry */
#define MODE_STEP 16  /* one instruction at a time: TF, breakpoints, -icount end; such blocks are not cached */
#define MODE_SHIFT 44 /* in struct block.key, above all physical addresses; above it the epoch (cpu/block.h) */

/* cpu->attention: why the dispatch loop must look up. */
#define ATTENTION_INTR 0x1u  /* cpu->intr rose, or IF was set while it is high */
#define ATTENTION_NMI 0x2u
#define ATTENTION_EXIT 0x4u  /* cpu_run shall return (kick) */
#define ATTENTION_HALT 0x8u  /* activity is not ACTIVE */
#define ATTENTION_SHADOW 0x10u /* STI / MOV SS: exactly one more instruction before interrupts */
#define ATTENTION_TRAP 0x20u /* TF, or a pending #DB from debug registers */
#define ATTENTION_CHECK 0x80u /* the block's entry check failed: execute one instruction with exact checks */
#define ATTENTION_CODE 0x100u /* other threads wrote PAGE_CODE memory: written_ranges */
#define ATTENTION_FLUSH 0x40u /* another thread asked for a TLB and block flush (map change) */
#define ATTENTION_INIT 0x200u /* init_pending or startup_pending */

enum activity { ACTIVITY_ACTIVE, ACTIVITY_HALTED, ACTIVITY_SHUTDOWN, ACTIVITY_WAIT_SIPI };

struct op;
struct block_cache;
struct cpu_model;

struct cpu {
    /* Hot, in the reach of one byte: ops address registers by byte offset from here. */
    u64 gpr[17]; /* [REG_ZERO] is always 0 */
    u64 rip;
    u64 next_rip;          /* in instruction helpers that end a block: where to go on */
    const struct op *op;   /* the op being executed, set before anything that may fault; NULL: rip is exact */
    struct tlb_entry *tlb; /* tlbs[class now in force] */
    struct itlb_entry *itlb;
    u64 code_base;         /* CS.base (0 in 64-bit mode) */
    u64 code_mask;         /* linear addresses of code wrap at 4 GiB outside 64-bit mode */
    u64 mode_key;          /* what keys of blocks hold beside the address: block_mode_key */
    struct block_cache *blocks;
    i64 budget;            /* instructions left in this run; counted down at block entry */
    i64 budget_held;       /* part of it set aside by cpu_set_attention so that the next block entry leaves */
    u32 fl;                /* arithmetic flags image while they are not in a register: see cpu/alu.h */
    volatile u32 attention;
    u32 mode;
    u8 cpl;

    /* Guest state.  rflags: while cpu_run is active its arithmetic bits are stale (use flags_get). */
    u64 rflags;
    struct segment seg[SEG_COUNT];
    struct descriptor_table gdtr, idtr;
    u64 cr0, cr2, cr3, cr4, cr8, xcr0;
    u64 dr[8];
    u32 tr[8]; /* test registers TR3-TR7 (386, 486) */
    u64 efer, star, lstar, cstar, fmask, kernel_gs_base, tsc_aux;
    u64 sysenter_cs, sysenter_esp, sysenter_eip;
    u64 pat, apic_base, misc_enable, mcg_status, mcg_ctl, debugctl;
    u64 mtrr_def_type, mtrr_fixed[11], mtrr_base[8], mtrr_mask[8];
    u64 microcode;
    u64 perf_select[2], perf_offset[2]; /* a counter is its event's count plus the offset */
    u64 tsc_offset; /* added to bus->tsc() */
    u64 random;     /* state of RDRAND's generator, never 0 */
    u64 pdpte[4];   /* PAE: loaded with CR3 */
    struct fpu fpu;
    union vector_reg vec[32];
    u32 mxcsr;
    u64 k[8];

    enum activity activity;
    bool intr;          /* level of INTR from the PIC or APIC; set under the machine lock, read by the loop */
    bool nmi_pending, nmi_blocked;
    bool init_pending, smi_pending;
    bool startup_pending; /* a start-up IPI came */
    u8 startup_vector;
    u8 shadow;          /* interrupts held off for one instruction: SHADOW_STI, SHADOW_MOVSS */
    /* What another engine left undone: the first thing to do.  An event that it had accepted and not delivered; or an x87
     * error that is due by FERR#.  undo: it came as an exception, in a frame of 16 or 32 bits, which is to be taken back. */
    struct {
        bool valid, external, has_error; /* external: by INTA, else an exception */
        bool x87_error;
        u8 vector, undo;
        u32 error;
    } held;
    bool new_tf_counts; /* SYSCALL, SYSRET: the single-step trap goes by TF after the instruction */
    u64 pending_dr6;    /* debug traps to deliver at the next boundary (DR6 bits); 0: none */
    bool a20;           /* false: physical bit 20 is forced to 0 */
    u64 a20_mask;       /* ~0 or ~(1 << 20) */
    u64 phys_mask;      /* implemented physical address bits */
    u32 apic_id;

    /* Fault under way: filled by cpu_raise, consumed by the loop. */
    struct {
        u8 vector;
        bool has_error, delivering; /* delivering: fault while another event was being delivered */
        u8 first_vector;            /* that event, when delivering */
        u32 error;
        bool breakpoint; /* an instruction breakpoint: the one fault that saves RF = 0 */
    } fault;
    jmp_buf recover; /* set by cpu_run; cpu_raise jumps there */

    const struct cpu_model *model;
    u64 features[4];    /* bitmap over enum feature (cpu/feature.h): model, plus and minus what the user asked */
    const struct cpu_bus *bus;
    void *board;

    /* Derived state, never saved. */
    /* Writes by DMA to memory with decoded code, waiting for this CPU's thread to forget the blocks.  Producers hold
     * the machine lock; when the ring is full, everything is flushed. */
    struct {
        u64 phys, length;
    } written_ranges[256];
    u32 written_head, written_tail;
    u64 instructions;   /* executed up to the start of this run */
    u32 covering;       /* place in the coverage map of the instruction under way (cpu/coverage.h) */
    i64 run_budget;     /* budget given to this run, so that executed = instructions + run_budget - budget - held */
    u64 code_writes;    /* stores to pages that hold code, by this CPU's thread */
    u64 code_writes_outside; /* ... and by others, who hold the machine lock; atomic */
    u64 tlb_flushes;    /* of any extent, by the guest: another engine's idea of its page tables may be old */
    u16 tlb_used_count[2];
    u16 tlb_used[2][1024]; /* indices filled since the last flush; count beyond the array: all */
    u64 tlb_large_low, tlb_large_high; /* linear bytes that large pages filled; low > high: none */
    struct debugger debugger;
    struct walk_page walk_pages[WALK_PAGES];
    struct itlb_entry itlbs[2][ITLB_SIZE];
    struct tlb_entry tlbs[TLB_CLASSES][TLB_SIZE];
    struct {
        u64 blocks_built, blocks_killed, flushes, tlb_fills, page_walks, faults, interrupts;
        u64 entries; /* into more privileged code */
    } stats;
};

#define SHADOW_STI 1
#define SHADOW_MOVSS 2

enum cpu_exit {
    CPU_EXIT_BUDGET,   /* the instructions asked for were executed */
    CPU_EXIT_KICKED,   /* cpu_kick */
    CPU_EXIT_HALTED,   /* HLT with nothing to wake it */
    CPU_EXIT_SHUTDOWN, /* triple fault; bus->signal was told */
    CPU_EXIT_DEBUG,    /* a debugger's breakpoint, watchpoint or single step: cpu->debugger tells */
};

#define CPU_DEFAULT_MODEL "qemu64"

/* Creates a CPU of a named model ("qemu32", "pentium3", "max" ...) with "+f,-f" features (may be NULL).  NULL with a
 * reason in `why` (at least 200 bytes) on failure.  The state is that after RESET. */
struct cpu *cpu_create(const char *model, const char *features, const struct cpu_bus *bus, void *board, char *why);
void cpu_destroy(struct cpu *cpu);
/* Hardware reset (not INIT): SDM vol. 3A, "Processor State After Reset".  Caches and TLBs are dropped. */
void cpu_reset(struct cpu *cpu);
/* True if such a CPU (NULL model: the default) has a local APIC; false for models and features that do not exist. */
bool cpu_model_has_apic(const char *model, const char *features);
/* Other numbers from RDRAND and RDSEED than those that follow from the fixed seed of cpu_create. */
void cpu_seed_random(struct cpu *cpu, u64 seed);
/* Names of the models, NULL-terminated. */
const char *const *cpu_model_names(void);

/* The interpreter: executes at most `budget` instructions; exact to the instruction. */
enum cpu_exit cpu_run(struct cpu *cpu, u64 budget);
/* For a debugger: one instruction, or one iteration of REP, whatever breakpoint it stands at; where it faults, the delivery
 * of the fault.  Interrupts wait unless `interrupts` (then one may be delivered first) or the CPU is halted.
 * CPU_EXIT_DEBUG with the cause STOP_STEP or STOP_WATCHPOINT, or what kept it: KICKED, HALTED, SHUTDOWN. */
enum cpu_exit cpu_step(struct cpu *cpu, bool interrupts);
/* Instructions executed since power-on; valid inside bus callbacks too. */
u64 cpu_instructions(const struct cpu *cpu);

/* From any thread: cpu_run returns soon (within some ten thousand instructions). */
void cpu_kick(struct cpu *cpu);
/* Levels from the board; any thread that holds the machine lock. */
void cpu_set_intr(struct cpu *cpu, bool level);
void cpu_raise_nmi(struct cpu *cpu);
/* INIT and start-up IPI; they take effect at the next instruction boundary. */
void cpu_raise_init(struct cpu *cpu);
void cpu_start_up(struct cpu *cpu, u8 vector);
/* A20 and map changes.  From the CPU's own thread inside a bus callback: takes effect with the next instruction. */
void cpu_set_a20(struct cpu *cpu, bool on);
void cpu_map_changed(struct cpu *cpu);
void cpu_code_written(struct cpu *cpu, u64 phys, u64 length); /* DMA or another CPU wrote PAGE_CODE memory */

/* Stores to the page, RAM, count as stores to code from here on (code_writes).  CPU's own thread. */
void cpu_watch_code(struct cpu *cpu, u64 phys);

/* Another engine ran: memory may have changed anywhere, decoded code too.  CPU's own thread, outside of cpu_run. */
void cpu_memory_changed(struct cpu *cpu);

/* True if cpu_run would do something: not halted, or an event is there that wakes it. */
bool cpu_has_work(const struct cpu *cpu);

/* Outside of cpu_run the state is complete: rflags holds the arithmetic flags.  After changing segments, control
 * registers, or RFLAGS from outside (debugger, load, another engine) call cpu_state_changed. */
void cpu_state_changed(struct cpu *cpu);

/* For debuggers: translates without side effects.  False if not mapped. */
bool cpu_translate_debug(struct cpu *cpu, u64 linear, u64 *phys);
bool cpu_read_debug(struct cpu *cpu, u64 linear, void *data, unsigned length);
bool cpu_write_debug(struct cpu *cpu, u64 linear, const void *data, unsigned length);
/* Full register dump in text, several lines (info registers, -d cpu_reset). */
void cpu_print_state(const struct cpu *cpu, void (*print)(void *out, const char *fmt, ...) PRINTF_LIKE(2, 3),
                     void *out);

#endif
