/*
 * A program that looks at the processor from a user's side: results, faults, segments, ways into the kernel, debug
 * registers.  It runs under a kernel in the machine (as init, too) and natively on the host, which must agree.
 *
 * Source: Intel SDM vol. 3A, chapter 6 (vectors, error codes, which address is saved); Linux, Documentation/x86/entry_64.rst
 *         and the pages of modify_ldt(2), ptrace(2), sigaction(2), vm86(2).
 *
 * Prints `ok NAME`, `FAIL NAME: got HEX, want HEX`, `sum NAME: HEX` (to be compared between machines), `skip NAME: WHY`,
 * and around all `user 32: start`, `user 32: done`, or 64.  As init it runs /user32 after that, if it is there, and powers off.
 */
#include "system.h"

static void check(const char *name, u64 got, u64 want)
{
    put(got == want ? "ok " : "FAIL ");
    put(name);
    if (got != want) {
        put(": got ");
        put_hex(got);
        put(", want ");
        put_hex(want);
    }
    put("\n");
}

static void sum(const char *name, u64 value)
{
    put("sum ");
    put(name);
    put(": ");
    put_hex(value);
    put("\n");
}

static void skip(const char *name, const char *why)
{
    put("skip ");
    put(name);
    put(": ");
    put(why);
    put("\n");
}

/* --- results ----------------------------------------------------------------------------------------------------- */

static u64 seed = 88172645463325252ull;

static u64 next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static u64 mix(u64 hash, const void *data, unsigned size)
{
    const u8 *byte = data;
    while (size--)
        hash = (hash ^ *byte++) * 1099511628211ull;
    return hash;
}

static void integers(void)
{
    enum { DEFINED = 0x8d5 & ~0x10 }; /* without AF */
    u64 hash = 14695981039346656037ull;
    for (int i = 0; i < 200000; i++) {
        word a = next(), b = next(), low, high, flags;
        __asm__("mul %4\n pushf\n pop %2" : "=a"(low), "=d"(high), "=r"(flags) : "0"(a), "r"(b) : "cc");
        low += high ^ (flags & 0x801);
        __asm__("imul %2, %0\n pushf\n pop %1" : "+r"(low), "=r"(flags) : "r"(b) : "cc");
        high ^= flags & 0x801;
        __asm__("div %3" : "+a"(low), "=d"(flags) : "1"(high % (b | 1)), "r"(b | 1) : "cc");
        __asm__("sub %2, %0\n sbb %3, %0\n pushf\n pop %1" : "+r"(low), "=&r"(high) : "r"(a), "r"(b) : "cc");
        low += high & DEFINED;
        __asm__("shld %%cl, %2, %0\n ror %%cl, %0\n bswap %0\n" : "+r"(low) : "c"((i & 31) | 1), "r"(a) : "cc");
        hash = mix(hash, &low, sizeof(low));
    }
    sum("integers", hash);
}

static void x87(void)
{
    u64 hash = 14695981039346656037ull;
    for (int i = 0; i < 50000; i++) {
        u16 control = 0x37f & ~0xf00, status;
        u64 a = next() & 0x7fefffffffffffffull, b = next() & 0x7fefffffffffffffull;
        u8 result[10];
        control |= (u16)(i << 8 & 0xf00);
        if ((control & 0x300) == 0x100)
            control |= 0x300; /* precision control 01 is reserved */
        __asm__ volatile("fninit\n fldcw %1\n fldl %2\n fldl %3\n fdivrp\n fsqrt\n fldl %2\n fmulp\n fldl %3\n faddp\n"
                         "fnstsw %4\n fstpt %0"
                         : "=m"(result)
                         : "m"(control), "m"(a), "m"(b), "m"(status)
                         : "memory");
        hash = mix(hash, result, 10);
        hash = mix(hash, &status, 2);
        __asm__ volatile("fninit\n fldl %2\n fldl %1\n fprem\n frndint\n fbstp %0\n fstp %%st(0)"
                         : "=m"(result)
                         : "m"(a), "m"(b)
                         : "memory");
        hash = mix(hash, result, 10);
    }
    __asm__ volatile("fninit");
    sum("x87", hash);
}

static void sse(void)
{
    u64 hash = 14695981039346656037ull;
    for (int i = 0; i < 50000; i++) {
        u64 in[4] = {next(), next(), next(), next()}, out[2];
        u32 control = 0x1f80 | (u32)(i << 13 & 0x6000);
        __asm__ volatile(
            "ldmxcsr %1\n movdqu %2, %%xmm0\n movdqu %3, %%xmm1\n"
            "movdqa %%xmm0, %%xmm2\n mulps %%xmm1, %%xmm2\n sqrtpd %%xmm2, %%xmm3\n divpd %%xmm1, %%xmm0\n"
            "cvtps2dq %%xmm2, %%xmm4\n pmaddwd %%xmm1, %%xmm4\n psadbw %%xmm3, %%xmm4\n pxor %%xmm4, %%xmm0\n"
            "pshufd $0x1b, %%xmm0, %%xmm0\n packuswb %%xmm2, %%xmm2\n paddusw %%xmm2, %%xmm0\n movdqu %%xmm0, %0\n"
            "stmxcsr %1"
            : "=m"(out), "+m"(control)
            : "m"(in), "m"(in[2])
            : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4");
        hash = mix(hash, out, sizeof(out));
        hash = mix(hash, &control, sizeof(control));
    }
    u32 control = 0x1f80;
    __asm__ volatile("ldmxcsr %0" : : "m"(control));
    sum("sse", hash);
}

/* --- faults ------------------------------------------------------------------------------------------------------ */

/* A fault's signal, vector and error code in one number, as digits: 0xSSVVEEEE. */
static u64 told(void)
{
    return (u64)fault.signal << 24 | fault.vector << 16 | (fault.error & 0xffff);
}

static void expect(const char *name, void (*code)(void), u32 signal, u32 vector, u32 error)
{
    u64 got = attempt(code) ? told() : 0;
    check(name, got, signal << 24 | vector << 16 | error);
}

#define CODE(name, ...)                                                                                                \
    static void name(void)                                                                                             \
    {                                                                                                                  \
        __asm__ volatile(__VA_ARGS__);                                                                                 \
    }
CODE(divide_by_zero, "xor %%ecx, %%ecx\n xor %%edx, %%edx\n div %%ecx" : : : "eax", "ecx", "edx")
CODE(divide_overflow, "mov $0x80000000, %%eax\n cltd\n mov $-1, %%ecx\n idiv %%ecx" : : : "eax", "ecx", "edx")
CODE(breakpoint, "int3")
CODE(undefined, "ud2")
CODE(lock_register, ".byte 0xf0, 0x01, 0xc0" : : : "eax")
CODE(halt, "hlt")
CODE(clear_if, "cli")
CODE(port_in, "in $0x80, %%al" : : : "eax")
CODE(read_msr, "xor %%ecx, %%ecx\n rdmsr" : : : "eax", "ecx", "edx")
CODE(read_cr0, "mov %%cr0, %%" AX : : : AX)
CODE(read_dr7, "mov %%dr7, %%" AX : : : AX)
CODE(software_interrupt, "int $0x21")
CODE(load_tr, "mov $8, %%eax\n ltr %%ax" : : : "eax")
CODE(null_read, "xor %%eax, %%eax\n mov (%%eax), %%eax" : : : "eax")
CODE(null_write, "xor %%eax, %%eax\n mov %%eax, 16(%%eax)" : : : "eax")
CODE(bad_selector, "mov $0x7b38, %%eax\n mov %%eax, %%fs" : : : "eax")
CODE(bad_stack_selector, "mov $0x33, %%eax\n add $0x800, %%eax\n mov %%eax, %%ss" : : : "eax")
CODE(misaligned, "pushf\n orl $0x40000, (%%" SP ")\n popf\n mov (%0), %%eax\n mov 1(%0), %%eax" : : "r"(&seed) : "eax")
CODE(single_step, "pushf\n orl $0x100, (%%" SP ")\n popf\n nop\n nop" : :)
CODE(x87_divide, "fninit\n push %%" SP "\n movl $0x37b, (%%" SP ")\n fldcw (%%" SP ")\n fldz\n fld1\n fdivp\n fwait"
     :
     :)
CODE(sse_divide, "push %%" SP "\n movl $0x1d80, (%%" SP ")\n ldmxcsr (%%" SP ")\n"
                 "pcmpeqd %%xmm0, %%xmm0\n cvtdq2ps %%xmm0, %%xmm0\n xorps %%xmm1, %%xmm1\n divps %%xmm1, %%xmm0"
     :
     :
     : "xmm0", "xmm1")

#define READ_ONLY 0x20000000
static void write_read_only(void)
{
    *(volatile int *)READ_ONLY = 1;
}
#ifdef __x86_64__
CODE(far_away, "mov $0x8000000000000000, %%rax\n mov (%%rax), %%al" : : : "rax")
CODE(far_stack, "mov $0x8000000000000000, %%rax\n mov %%rax, %%rsp\n push %%rax" : : : "rax")
CODE(far_jump, "mov $0x8000000000000000, %%rax\n jmp *%%rax" : : : "rax")
static void no_execute(void)
{
    ((void (*)(void))READ_ONLY)();
}
#else
CODE(overflow, "mov $0x7fffffff, %%eax\n inc %%eax\n into" : : : "eax")
static __attribute__((used)) int limits[2] = {3, 5};
CODE(out_of_bounds, "mov $6, %%eax\n bound %%eax, limits" : : : "eax")
#endif

static void faults(void)
{
    expect("divide by zero", divide_by_zero, SIGFPE, 0, 0);
    expect("quotient too large", divide_overflow, SIGFPE, 0, 0);
    expect("single step", single_step, SIGTRAP, 1, 0);
    expect("int3", breakpoint, SIGTRAP, 3, 0);
    check("int3 saves the next address", *(u8 *)(fault.ip - 1), 0xcc);
    expect("ud2", undefined, SIGILL, 6, 0);
    check("ud2 saves its own address", *(u16 *)fault.ip, 0x0b0f);
    expect("LOCK before a register", lock_register, SIGILL, 6, 0);
    expect("hlt", halt, SIGSEGV, 13, 0);
    expect("cli", clear_if, SIGSEGV, 13, 0);
    expect("in", port_in, SIGSEGV, 13, 0);
    expect("rdmsr", read_msr, SIGSEGV, 13, 0);
    expect("mov from CR0", read_cr0, SIGSEGV, 13, 0);
    expect("mov from DR7", read_dr7, SIGSEGV, 13, 0);
    expect("ltr", load_tr, SIGSEGV, 13, 0);
    expect("int 21h", software_interrupt, SIGSEGV, 13, 0x21 * 8 + 2);
    expect("read of nothing", null_read, SIGSEGV, 14, 4);
    expect("write to nothing", null_write, SIGSEGV, 14, 6);
    check("CR2", fault.address, 16);
    expect("selector beyond the GDT", bad_selector, SIGSEGV, 13, 0x7b38);
    expect("stack selector beyond the GDT", bad_stack_selector, SIGSEGV, 13, 0x830);
    expect("misaligned with AC", misaligned, SIGBUS, 17, 0);
    expect("x87 division by zero", x87_divide, SIGFPE, 16, 0);
    expect("SSE division by zero", sse_divide, SIGFPE, 19, 0);
    __asm__ volatile("fninit");
    if (map_at(READ_ONLY, 4096, PROT_READ)) {
        (void)*(volatile int *)READ_ONLY;
        expect("write to a read-only page", write_read_only, SIGSEGV, 14, 7);
    }
#ifdef __x86_64__
    expect("address that is not canonical", far_away, SIGSEGV, 13, 0);
    expect("stack that is not canonical", far_stack, SIGBUS, 12, 0);
    expect("jump to an address that is not canonical", far_jump, SIGSEGV, 13, 0);
    expect("execution of data", no_execute, SIGSEGV, 14, 0x15);
#else
    expect("into", overflow, SIGSEGV, 4, 0);
    expect("bound", out_of_bounds, SIGSEGV, 5, 0);
#endif
}

/* Registers of the FPU and of SSE survive a signal whose handler uses them. */
static void disturb(int signal, struct registers *registers)
{
    __asm__ volatile("fninit\n fldz\n pxor %%xmm5, %%xmm5" : : : "xmm5");
}
static void signal_frames(void)
{
    double in = 1.25, out = 0;
    u64 xmm[2] = {0x123456789abcdef0ull, 42}, back[2] = {0, 0};
    on_signal = disturb;
    word self = system_call(SYS_GETPID, 0, 0, 0, 0), killed = SYS_KILL;
#ifdef __x86_64__
    __asm__ volatile("fldl %4\n movdqu %5, %%xmm5\n syscall\n movdqu %%xmm5, %1\n fstpl %0"
                     : "=m"(out), "=m"(back), "+a"(killed)
                     : "D"(self), "m"(in), "m"(xmm), "S"(SIGUSR1)
                     : "rcx", "r11", "xmm5", "memory");
#else
    __asm__ volatile("fldl %4\n movdqu %5, %%xmm5\n int $0x80\n movdqu %%xmm5, %1\n fstpl %0"
                     : "=m"(out), "=m"(back), "+a"(killed)
                     : "b"(self), "m"(in), "m"(xmm), "c"(SIGUSR1)
                     : "xmm5", "memory");
#endif
    on_signal = 0;
    check("x87 across a signal", out == in, 1);
    check("SSE across a signal", back[0] == xmm[0] && back[1] == xmm[1], 1);
}

/* --- segments ---------------------------------------------------------------------------------------------------- */

struct descriptor {
    u32 number, base, limit, flags; /* struct user_desc of modify_ldt(2) */
};
enum { D_32BIT = 1, D_DATA = 0, D_DATA_DOWN = 1 << 1, D_CODE = 2 << 1, D_READ_ONLY = 8, D_PAGES = 16, D_ABSENT = 32 };
enum { DATA16, READONLY, DOWN, ABSENT, CODE16, STACK16 };
#define SELECTOR(n) ((n)*8 + 7)
#define LOW 0x10000000 /* a page of code and data, a stack above it */

static int describe(u32 number, u32 base, u32 limit, u32 flags)
{
    struct descriptor d = {number, base, limit, flags};
    return (int)system_call(SYS_MODIFY_LDT, 0x11, (word)&d, sizeof(d), 0);
}

#define FS_CODE(name, selector, text)                                                                                  \
    CODE(name, "mov %0, %%eax\n mov %%eax, %%fs\n" text : : "i"(SELECTOR(selector)) : "eax", "memory")
FS_CODE(read_inside, DATA16, "mov %%fs:0x7c, %%eax")
FS_CODE(read_across, DATA16, "mov %%fs:0x7d, %%eax")
FS_CODE(write_readonly, READONLY, "movl $0, %%fs:0")
FS_CODE(below_down, DOWN, "mov %%fs:0xfff, %%al")
FS_CODE(above_down, DOWN, "mov %%fs:0x1000, %%al")
FS_CODE(load_absent, ABSENT, "")
FS_CODE(write_code, CODE16, "movl $0, %%fs:0")
CODE(stack_absent, "mov %0, %%eax\n mov %%eax, %%ss" : : "i"(SELECTOR(ABSENT)) : "eax")
CODE(stack_readonly, "mov %0, %%eax\n mov %%eax, %%ss" : : "i"(SELECTOR(READONLY)) : "eax")

static u32 access_rights(u32 selector)
{
    u32 rights = 0xbad;
    __asm__("lar %1, %0" : "+r"(rights) : "r"(selector) : "cc");
    return rights;
}
static u32 segment_limit(u32 selector)
{
    u32 limit = 0xbad;
    __asm__("lsl %1, %0" : "+r"(limit) : "r"(selector) : "cc");
    return limit;
}
static int verify(u32 selector, int write)
{
    u8 good;
    if (write)
        __asm__("verw %w1\n setz %0" : "=q"(good) : "r"(selector) : "cc");
    else
        __asm__("verr %w1\n setz %0" : "=q"(good) : "r"(selector) : "cc");
    return good;
}

/* Calls far, on a stack below 4 GiB, and gives back EAX: the callee returns with a 32-bit far return. */
static u32 call_far(u32 selector, u32 offset, u32 argument)
{
    static struct {
        u32 offset;
        u16 selector;
    } target;
    u32 result = argument;
    target.offset = offset;
    target.selector = selector;
#ifdef __x86_64__
    __asm__ volatile("mov %%rsp, %%rbx\n mov %2, %%esp\n lcall *%1\n mov %%rbx, %%rsp"
                     : "+a"(result)
                     : "m"(target), "i"(LOW + 0x2000)
                     : "rbx", "rcx", "rdx", "r8", "memory", "cc");
#else
    __asm__ volatile("lcall *%1" : "+a"(result) : "m"(target) : "ecx", "edx", "memory", "cc");
#endif
    return result;
}

static void copy(u32 offset, const u8 *code, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        ((volatile u8 *)LOW)[offset + i] = code[i];
}

/* In a 16-bit segment: AX, arithmetic of 16 bits, SI and BX as addresses, then back. */
static const u8 code16[] = {
    0xb9, 0xff, 0xff,             /* mov cx, FFFFh */
    0x01, 0xc8,                   /* add ax, cx */
    0x66, 0xc1, 0xe0, 0x10,       /* shl eax, 16 */
    0xb8, 0x34, 0x12,             /* mov ax, 1234h */
    0x2e, 0x8b, 0x16, 0x00, 0x01, /* mov dx, cs:[100h] */
    0x01, 0xd0,                   /* add ax, dx */
    0x66, 0xcb,                   /* retf, 32 bits */
};
/* As 64-bit code it gives the high half of RAX, as 32-bit code it decrements EAX first: 48 is REX.W or DEC EAX. */
static const u8 code_mixed[] = {
    0x48, 0xc1, 0xc8, 0x10, /* ror rax, 16  or  dec eax; ror eax, 16 */
    0xcb,                   /* retf, 32 bits */
};

static void segments(void)
{
    if (!map_at(LOW, 8192, PROT_RWX) || describe(DATA16, LOW, 0x7f, D_DATA) != 0) {
        skip("segments", "no modify_ldt here");
        return;
    }
    describe(READONLY, LOW, 0xfff, D_DATA | D_READ_ONLY);
    describe(DOWN, LOW, 0xfff, D_DATA_DOWN | D_32BIT);
    describe(ABSENT, LOW, 0xfff, D_DATA | D_ABSENT);
    describe(CODE16, LOW, 0xffff, D_CODE);
    describe(STACK16, LOW, 0xffff, D_DATA);
    check("read at a segment's end", attempt(read_inside), 0);
    /* 64-bit code knows neither limits nor types of data segments. */
    u32 signal = BITS == 64 ? 0 : SIGSEGV, vector = BITS == 64 ? 0 : 13;
    expect("read across a segment's end", read_across, signal, vector, 0);
    expect("write to a read-only segment", write_readonly, signal, vector, 0);
    expect("write to a code segment", write_code, signal, vector, 0);
    expect("below an expand-down segment", below_down, signal, vector, 0);
    check("inside an expand-down segment", attempt(above_down), 0);
    expect("absent data segment", load_absent, SIGBUS, 11, SELECTOR(ABSENT) & ~3);
    expect("absent stack segment", stack_absent, SIGBUS, 12, SELECTOR(ABSENT) & ~3);
    expect("read-only stack segment", stack_readonly, SIGSEGV, 13, SELECTOR(READONLY) & ~3);
    check("LAR", access_rights(SELECTOR(CODE16)) & ~0x100u, 0x00fa00);
    check("LAR of an expand-down segment", access_rights(SELECTOR(DOWN)) & ~0x100u, 0x40f600);
    check("LAR of null", access_rights(0), 0xbad);
    check("LSL", segment_limit(SELECTOR(DATA16)), 0x7f);
    check("VERR, VERW", verify(SELECTOR(READONLY), 0) * 2 + verify(SELECTOR(READONLY), 1), 2);
    copy(0, code16, sizeof(code16));
    copy(0x100, (const u8 *)"\x01\x10", 2);
    check("16-bit code", call_far(SELECTOR(CODE16), 0, 3), 0x00022235);
    copy(0, code_mixed, sizeof(code_mixed));
    u32 wide = 0x33, narrow = 0x23; /* __USER_CS and __USER32_CS of x86-64 */
    if ((access_rights(wide) & 0x20fa00) == 0x20fa00) {
        check("64-bit code", call_far(wide, LOW, 0x12345678), 0x00001234);
        check("32-bit code", call_far(narrow, LOW, 0x12345679), 0x56781234);
    } else {
        skip("64-bit code", "no 64-bit kernel");
    }
}

/* --- the kernel -------------------------------------------------------------------------------------------------- */

static void entries(const word *vector)
{
    u32 self = (u32)system_call(SYS_GETPID, 0, 0, 0, 0), got = 20;
#ifdef __x86_64__
    __asm__ volatile("int $0x80" : "+a"(got) : : "memory", "r8", "r9", "r10", "r11");
    check("int 80h from 64-bit code", got, self);
#else
    word fast = 0;
    for (; vector[0]; vector += 2)
        if (vector[0] == 32) /* AT_SYSINFO: SYSENTER or SYSCALL, whichever the processor has */
            fast = vector[1];
    if (fast) {
        __asm__ volatile("call *%1" : "+a"(got) : "r"(fast) : "memory");
        check("fast system call", got, self);
    } else {
        skip("fast system call", "not offered");
    }
#endif
    /* IRET to a 16-bit stack leaves the upper half of ESP alone; the kernel sees to it that no other value is there. */
    u32 high;
#ifdef __x86_64__
    if (segment_limit(SELECTOR(STACK16)) != 0xffff) {
        skip("IRET to a 16-bit stack", "no such segment");
        return;
    }
    __asm__ volatile(
        "mov %%rsp, %%rbx\n mov %%ss, %%ecx\n mov %2, %%esp\n mov %3, %%edx\n mov %%edx, %%ss\n mov $20, %%eax\n"
        "int $0x80\n mov %%esp, %%edx\n mov %%ecx, %%ss\n mov %%rbx, %%rsp"
        : "=d"(high), "=a"(got)
        : "i"(0x12341f00), "i"(SELECTOR(STACK16))
        : "rbx", "rcx", "r8", "r9", "r10", "r11", "memory");
#else
    if (segment_limit(SELECTOR(STACK16)) != 0xffff) {
        skip("IRET to a 16-bit stack", "no such segment");
        return;
    }
    __asm__ volatile(
        "mov %%esp, %%esi\n mov %%ss, %%ecx\n mov %2, %%esp\n mov %3, %%edx\n mov %%edx, %%ss\n mov $20, %%eax\n"
        "int $0x80\n mov %%esp, %%edx\n mov %%ecx, %%ss\n mov %%esi, %%esp"
        : "=d"(high), "=a"(got)
        : "i"(0x12341f00), "i"(SELECTOR(STACK16))
        : "esi", "ecx", "memory");
#endif
    check("IRET to a 16-bit stack", high, 0x12341f00);
    check("and the call's result", got, self);
}

/* --- a traced program --------------------------------------------------------------------------------------------- */

enum { PTRACE_TRACEME, PTRACE_PEEKUSER = 3, PTRACE_POKEUSER = 6, PTRACE_CONT, PTRACE_KILL, PTRACE_SINGLESTEP };
#define DEBUG_REGISTER(n) ((BITS == 64 ? 848 : 252) + (n) * sizeof(word)) /* offsetof(struct user, u_debugreg) */
#define IP_OFFSET (BITS == 64 ? 128 : 48)
static volatile u32 watched, stepped;
extern char stop_here[], string_end[];

static void traced(void)
{
    system_call(SYS_PTRACE, PTRACE_TRACEME, 0, 0, 0);
    system_call(SYS_KILL, system_call(SYS_GETPID, 0, 0, 0, 0), SIGTRAP, 0, 0);
    __asm__ volatile("nop\n mov $3, %%ecx\n 1: dec %%ecx\n jnz 1b\n"
                     "mov $5, %%ecx\n mov %0, %%eax\n mov %%eax, %0\n"
                     "stop_here: nop\n nop\n string_end: nop"
                     : "+m"(watched)
                     :
                     : "eax", "ecx", "memory", "cc");
    system_call(SYS_EXIT, 7, 0, 0, 0);
}

static int wait_for(word child)
{
    int status = 0;
    system_call(SYS_WAIT4, child, (word)&status, 0x40000000, 0);
    return status;
}
static word peek(word child, word offset)
{
    word value = 0;
    system_call(SYS_PTRACE, PTRACE_PEEKUSER, child, offset, (word)&value);
    return value;
}
static int poke(word child, word offset, word value)
{
    return (int)system_call(SYS_PTRACE, PTRACE_POKEUSER, child, offset, value);
}
static int go_on(word child, int request)
{
    system_call(SYS_PTRACE, (word)request, child, 0, 0);
    return wait_for(child);
}

static void tracing(void)
{
    word child = system_call(SYS_FORK, 0, 0, 0, 0);
    if (child == 0)
        traced();
    if (wait_for(child) != (SIGTRAP << 8 | 0x7f)) {
        skip("debug registers", "no ptrace here");
        return;
    }
    if (poke(child, DEBUG_REGISTER(0), (word)stop_here) < 0 || poke(child, DEBUG_REGISTER(1), (word)&watched) < 0 ||
        poke(child, DEBUG_REGISTER(7), 0x00d00005) < 0) { /* 0: execute; 1: write, four bytes */
        skip("debug registers", "not to be written here");
    } else {
        check("data breakpoint", go_on(child, PTRACE_CONT), SIGTRAP << 8 | 0x7f);
        check("after the write", peek(child, IP_OFFSET), (word)stop_here);
        check("DR6 of the write and of the instruction that follows", peek(child, DEBUG_REGISTER(6)) & 0xf, 2);
        poke(child, DEBUG_REGISTER(6), 0);
        check("code breakpoint", go_on(child, PTRACE_CONT), SIGTRAP << 8 | 0x7f);
        check("before the instruction", peek(child, IP_OFFSET), (word)stop_here);
        check("DR6 of the code breakpoint", peek(child, DEBUG_REGISTER(6)) & 0xf, 1);
        poke(child, DEBUG_REGISTER(7), 0);
        check("step", go_on(child, PTRACE_SINGLESTEP), SIGTRAP << 8 | 0x7f);
        check("one instruction on", peek(child, IP_OFFSET), (word)stop_here + 1);
        check("DR6 of the step", peek(child, DEBUG_REGISTER(6)) & 0x400f, 0x4000);
    }
    int steps = 0;
    while (go_on(child, PTRACE_SINGLESTEP) == (SIGTRAP << 8 | 0x7f) && steps < 1000)
        steps++;
    sum("steps to the end", steps);
}

/* --- start ------------------------------------------------------------------------------------------------------- */

/* As init: the tests in a child, since the kernel reports init's faults; /user32; the end. */
static void be_init(char **environment)
{
    char *arguments[] = {"/user32", 0};
    word child = system_call(SYS_FORK, 0, 0, 0, 0);
    if (child == 0)
        return;
    wait_for(child);
    if (BITS == 64) {
        child = system_call(SYS_FORK, 0, 0, 0, 0);
        if (child == 0) {
            system_call(SYS_EXECVE, (word)arguments[0], (word)arguments, (word)environment, 0);
            system_call(SYS_EXIT, 1, 0, 0, 0);
        }
        wait_for(child);
    }
    system_call(SYS_REBOOT, 0xfee1dead, 672274793, 0x4321fedc, 0);
}

static __attribute__((used)) void begin(word *stack)
{
    char **environment = (char **)(stack + stack[0] + 2);
    word *auxiliary = (word *)environment;
    while (*auxiliary++)
        ;
    if (system_call(SYS_GETPID, 0, 0, 0, 0) == 1)
        be_init(environment);
    put(BITS == 64 ? "user 64: start\n" : "user 32: start\n");
    catch_signals();
    integers();
    x87();
    sse();
    faults();
    signal_frames();
    segments();
    entries(auxiliary);
    tracing();
    put(BITS == 64 ? "user 64: done\n" : "user 32: done\n");
    system_call(SYS_EXIT, 0, 0, 0, 0);
}

#ifdef __x86_64__
__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call begin\n");
#else
__asm__(".globl _start\n_start: mov %esp, %eax\n and $-16, %esp\n sub $12, %esp\n push %eax\n call begin\n");
#endif
