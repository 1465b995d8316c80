/*
 * /init of the soak test's initrd (tests/check-kvm.sh): a program for 64-bit Linux without any library that does the same
 * sums again and again, in integer, x87, SSE and (where CPUID and XCR0 say so) AVX registers, across system calls, page
 * faults, signals and processes, and compares each round with the first.  Run on the host it prints what the first round must be.
 *
 *   soak_guest ROUNDS    as an ordinary program; as process 1: for SOAK seconds (environment), then power off.
 *
 * Built with -ffreestanding -nostdlib -static; needs nothing beyond SSE2.  CPUID, too, must say the same each time: in a
 * page of its own, which a KVM for user code only leaves to the interpreter.
 */
#include <asm/unistd.h>

typedef unsigned long long u64;
typedef unsigned char u8;
typedef double v2d __attribute__((vector_size(16)));
typedef unsigned v4u __attribute__((vector_size(16)));
typedef double v4d __attribute__((vector_size(32)));
typedef unsigned v8u __attribute__((vector_size(32)));

static long syscall6(long n, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#define call(n, a, b, c) syscall6(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)

static unsigned length(const char *text)
{
    unsigned n = 0;
    while (text[n])
        n++;
    return n;
}

static void print(const char *text) { call(__NR_write, 1, text, length(text)); }

static void print_hex(u64 value)
{
    char text[17];
    for (int i = 15; i >= 0; i--, value >>= 4)
        text[i] = "0123456789abcdef"[value & 15];
    text[16] = 0;
    print(text);
}

static void print_decimal(u64 value)
{
    char text[24], *p = text + 23;
    *p = 0;
    do
        *--p = (char)('0' + value % 10);
    while (value /= 10);
    print(p);
}

static u64 mix(u64 hash, u64 value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
    return hash ^ hash >> 29;
}

static u64 integers(void)
{
    u64 x = 88172645463325252ull, hash = 1;
    for (int i = 0; i < 40000; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        hash = mix(hash, x / ((x >> 40) | 1)) + (x << (x & 63));
    }
    return hash;
}

/* Eight values stay in x87 registers over many instructions: all 80 bits of each count. */
static u64 x87(void)
{
    u64 hash = 2;
    for (int i = 1; i <= 300; i++) {
        struct {
            u64 mantissa;
            unsigned short exponent;
        } __attribute__((packed)) out[7];
        double seed = i * 1.000000119;
        int turns = 40;
        __asm__ volatile("fninit; fldl %1; fldpi; fldl2e; fldln2; fldl2t; fld1; fldlg2\n"
                         "1: fmul %%st(6), %%st; fsqrt; fadd %%st(1), %%st; fxch %%st(2); fsub %%st(4), %%st\n"
                         "fmul %%st(5), %%st; frndint; fadd %%st(3), %%st; fxch %%st(5); fabs; fsqrt; fadd %%st(6), %%st\n"
                         "decl %2; jnz 1b\n"
                         "fstpt %0; fstpt 10+%0; fstpt 20+%0; fstpt 30+%0; fstpt 40+%0; fstpt 50+%0; fstpt 60+%0"
                         : "=o"(out), "+m"(seed), "+r"(turns)
                         :
                         : "memory", "cc");
        for (int k = 0; k < 7; k++)
            hash = mix(mix(hash, out[k].mantissa), out[k].exponent);
    }
    return hash;
}

static u64 sse(void)
{
    v2d a = {1.5, -2.25}, b = {0.75, 3.125}, c = {1e-3, 1e3};
    v4u w = {1, 2, 3, 4};
    u64 hash = 3;
    for (int i = 0; i < 20000; i++) {
        a = a * b + c;
        b = b / (a * a + (v2d){1, 1}) + (v2d){0.5, 0.25};
        __asm__("sqrtpd %1, %0" : "=x"(c) : "x"(a * a + b * b));
        w = w * 1664525u + (v4u){1013904223u, 1, 3, 5};
        w ^= __builtin_shufflevector(w, w, 3, 0, 1, 2) >> 5;
        if ((i & 63) == 0)
            hash = mix(mix(hash, ((u64 *)&a)[0] ^ ((u64 *)&b)[1]), ((u64 *)&w)[0] ^ ((u64 *)&c)[1]);
    }
    return mix(hash, ((u64 *)&a)[1] ^ ((u64 *)&w)[1]);
}

/* All of a YMM register counts, and stays live across system calls. */
__attribute__((target("avx2,fma"))) static u64 avx(void)
{
    v4d a = {1.5, -2.25, 0.125, 7}, b = {0.75, 3.125, -1, 0.5}, c = {1e-3, 1e3, 1, -1};
    v8u w = {1, 2, 3, 4, 5, 6, 7, 8}, turn = {7, 0, 1, 2, 3, 4, 5, 6};
    u64 hash = 7;
    for (int i = 0; i < 20000; i++) {
        __asm__("vfmadd213pd %2, %1, %0" : "+x"(a) : "x"(b), "x"(c));
        b = b / (a * a + (v4d){1, 1, 1, 1}) + (v4d){0.5, 0.25, 0.125, 1};
        __asm__("vsqrtpd %1, %0" : "=x"(c) : "x"(b * b + (v4d){1, 2, 3, 4}));
        w = w * 1664525u + (v8u){1013904223u, 1, 3, 5, 7, 9, 11, 13};
        __asm__("vpermd %0, %1, %0" : "+x"(w) : "x"(turn));
        __asm__("vpsrlvd %1, %0, %0" : "+x"(w) : "x"(turn & 1));
        if ((i & 63) == 0)
            hash = mix(mix(hash, ((u64 *)&a)[3] ^ ((u64 *)&b)[2]), ((u64 *)&w)[3] ^ ((u64 *)&c)[0]);
        if ((i & 2047) == 0)
            hash = mix(hash, (u64)call(__NR_close, 99, 0, 0));
    }
    return mix(hash, ((u64 *)&a)[2] ^ ((u64 *)&w)[2]);
}

/* String instructions over pages that are new each time. */
static u64 pages(void)
{
    u64 hash = 4;
    for (int round = 0; round < 4; round++) {
        u8 *map = (u8 *)syscall6(__NR_mmap, 0, 1 << 18, 3, 0x22, -1, 0);
        for (u64 i = 0; i < 1 << 18; i += 512)
            *(u64 *)(map + i) = mix(i, (u64)round);
        u8 *to = map + (1 << 17), *from = map;
        u64 count = (1 << 17) - 64;
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
        for (u64 i = 0; i < 1 << 18; i += 256)
            hash = mix(hash, *(u64 *)(map + i));
        call(__NR_munmap, map, 1 << 18, 0);
    }
    return hash;
}

static u64 processes(void)
{
    int pipe[2];
    u64 value = 5;
    call(__NR_pipe, pipe, 0, 0);
    long child = call(__NR_fork, 0, 0, 0);
    if (child == 0) {
        value = mix(integers(), sse());
        call(__NR_write, pipe[1], &value, 8);
        call(__NR_exit, 0, 0, 0);
    }
    call(__NR_read, pipe[0], &value, 8);
    syscall6(__NR_wait4, child, 0, 0, 0, 0, 0);
    call(__NR_close, pipe[0], 0, 0);
    call(__NR_close, pipe[1], 0, 0);
    for (int i = 0; i < 500; i++)
        value = mix(value, (u64)call(__NR_getppid, 0, 0, 0) * 0 + (u64)call(__NR_close, 99, 0, 0));
    return value;
}

/* To 32-bit code by RETF and back by JMP: Linux' selectors. */
static u64 compatibility(void)
{
    static u64 stack[64], kept;
    u64 hash = 7;
    for (unsigned i = 0; i < 50; i++) {
        unsigned value = i * 2654435761u, code = 0;
        __asm__ volatile("movq %%rsp, %2; leaq 504+%3, %%rsp; pushq $0x23; leaq 1f(%%rip), %%rax; pushq %%rax; lretq\n"
                         ".code32\n1: movl %%cs, %%eax; movl %1, %%ecx; incl %%ecx; roll $7, %%ecx; movl %%ecx, %%ebx\n"
                         "ljmp $0x33, $2f\n.code64\n2: movq %2, %%rsp"
                         : "=&a"(code), "+b"(value), "=m"(kept), "=m"(stack)
                         :
                         : "rcx", "memory", "cc");
        hash = mix(mix(hash, code), value);
        hash = mix(hash, integers() & 0xff);
        i += 9;
    }
    return hash;
}

static u64 seconds(void)
{
    u64 now[2] = {0, 0};
    call(__NR_clock_gettime, 1, now, 0);
    return now[0];
}

__attribute__((section(".text.last"), aligned(4096), noinline)) static u64 processor(void)
{
    u64 hash = 6;
    for (unsigned leaf = 0; leaf < 4; leaf++) {
        unsigned a = leaf & 1, b, c = 0, d;
        if (leaf >= 2)
            a |= 0x80000000u;
        __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
        if (leaf == 1)
            b &= 0xffffff; /* without the APIC's number */
        hash = mix(mix(hash, a | (u64)b << 32), c | (u64)d << 32);
    }
    return hash;
}

/* In the same page. */
__attribute__((section(".text.last"), noinline)) static int has_avx(void)
{
    unsigned a = 1, b, c = 0, d, low, high;
    const unsigned wanted = 1u << 28 | 1u << 27 | 1u << 12; /* AVX, OSXSAVE, FMA */
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if ((c & wanted) != wanted)
        return 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    a = 7, c = 0;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return (low & 6) == 6 && b >> 5 & 1;
}

/* Components that XCR0 enables; 0: no XSAVEC (CPUID leaf 13, subleaf 1). */
__attribute__((section(".text.last"), noinline)) static u64 saved_components(void)
{
    unsigned a = 1, b, c = 0, d, low, high;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if (!(c >> 27 & 1)) /* OSXSAVE */
        return 0;
    a = 13, c = 1;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if (!(a >> 1 & 1))
        return 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low | (u64)high << 32;
}

/* In a page of its own, as dynamic linkers have it: SDM vol. 2D, "XSAVEC": XCOMP_BV is XCR0 and the mask, with bit 63. */
__attribute__((section(".text.xsave"), aligned(4096), noinline)) static u64 compacted(u8 *area)
{
    __asm__ volatile("xsavec (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory");
    return *(u64 *)(area + 520);
}

/* Does XSAVEC go by the XCR0 that the system has set? */
static int saves_others(void)
{
    static u8 area[8192] __attribute__((aligned(64)));
    u64 components = saved_components();
    int wrong = 0;
    for (unsigned i = 0; components && i < 50000; i++) /* long enough for another engine to take over */
        wrong |= compacted(area) != (components | 1ull << 63);
    return wrong;
}

static const struct {
    const char *name;
    u64 (*sum)(void);
} sums[] = {{"integers", integers}, {"x87", x87}, {"sse", sse}, {"pages", pages}, {"processes", processes},
          {"compatibility", compatibility}, {"avx", avx}};
enum { SUMS = sizeof(sums) / sizeof(sums[0]) };

static u64 number(const char *text)
{
    u64 value = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (u64)(*text - '0');
    return value;
}

static int soak(u64 rounds, u64 until)
{
    u64 first[SUMS] = {0}, round = 0, wrong = 0, cpuid = processor();
    int count = has_avx() ? SUMS : SUMS - 1; /* AVX is the last */
    do {
        for (int i = 0; i < count; i++) {
            u64 sum = sums[i].sum();
            if (round == 0) {
                print("sum "), print(sums[i].name), print(" "), print_hex(sum), print("\n");
                first[i] = sum;
            } else if (sum != first[i]) {
                wrong++;
                print("WRONG "), print(sums[i].name), print(" "), print_hex(sum), print("\n");
            }
        }
        if (processor() != cpuid)
            wrong++, print("WRONG CPUID\n");
        if (saves_others())
            wrong++, print("WRONG XSAVEC\n");
        round++;
    } while (until ? seconds() < until : round < rounds);
    if (until) {
        print("soak rounds "), print_decimal(round), print("\n");
    }
    print("soak wrong "), print_decimal(wrong), print("\n");
    return wrong != 0;
}

__attribute__((used)) void begin(long *stack)
{
    const char **argument = (const char **)stack + 1, **environment = argument + stack[0] + 1;
    if (call(__NR_getpid, 0, 0, 0) != 1)
        call(__NR_exit, soak(stack[0] > 1 ? number(argument[1]) : 1, 0), 0, 0);
    u64 duration = 20;
    for (; *environment; environment++)
        if ((*environment)[0] == 'S' && (*environment)[4] == '=')
            duration = number(*environment + 5);
    soak(0, seconds() + duration);
    syscall6(__NR_reboot, 0xfee1dead, 672274793, 0x4321fedc, 0, 0, 0);
    for (;;)
        call(__NR_pause, 0, 0, 0);
}

__asm__(".globl _start\n_start: mov %rsp, %rdi\nand $-16, %rsp\ncall begin");
