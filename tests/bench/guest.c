/*
 * The benchmark guest: a static Linux program without a C library, run as /init under an unmodified kernel, or natively.
 *
 * Prints `@ NAME start` and `@ NAME end CHECKSUM` around each test on standard output; tests/bench/timeline.c times the
 * lines from outside, so that the guest's own clock plays no part.  As process 1 it powers the machine off at the end.
 * Builds for i386 and x86-64 (-nostdlib -static).
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long word;

/* --- system calls --- */

#if defined(__x86_64__)
static long call(long n, long a, long b, long c, long d)
{
    long r;
    register long r10 asm("r10") = d;
    asm volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
    return r;
}
enum { SYS_write = 1, SYS_mmap = 9, SYS_munmap = 11, SYS_ioctl = 16, SYS_getpid = 39, SYS_fork = 57, SYS_exit = 60, SYS_wait4 = 61,
       SYS_getppid = 110, SYS_reboot = 169 };
#else
static long call(long n, long a, long b, long c, long d)
{
    long r;
    asm volatile("int $0x80" : "=a"(r) : "a"(n), "b"(a), "c"(b), "d"(c), "S"(d) : "memory");
    return r;
}
enum { SYS_exit = 1, SYS_fork = 2, SYS_write = 4, SYS_getpid = 20, SYS_ioctl = 54, SYS_getppid = 64, SYS_reboot = 88, SYS_mmap = 90,
       SYS_munmap = 91, SYS_wait4 = 114 };
#endif

static void *map(word length)
{
#if defined(__x86_64__)
    void *result;
    register long r10 asm("r10") = 0x22;
    register long r8 asm("r8") = -1;
    register long r9 asm("r9") = 0;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(SYS_mmap), "D"(0), "S"(length), "d"(3), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return result;
#else
    word arguments[6] = {0, length, 3, 0x22, (word)-1, 0}; /* read, write; private, anonymous */
    return (void *)call(SYS_mmap, (long)arguments, 0, 0, 0);
#endif
}

/* gcc asks for these. */
void *memset(void *to, int value, word length)
{
    void *at = to;
    asm volatile("rep stosb" : "+D"(at), "+c"(length) : "a"(value) : "memory");
    return to;
}
void *memcpy(void *to, const void *from, word length)
{
    void *at = to;
    asm volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(length) : : "memory");
    return to;
}

/* --- printing --- */

static char *put(char *at, const char *text)
{
    while (*text)
        *at++ = *text++;
    return at;
}

static void say(const char *name, const char *what, u32 checksum)
{
    char line[80], *at = line;
    at = put(at, "@ ");
    at = put(at, name);
    at = put(at, " ");
    at = put(at, what);
    *at++ = ' ';
    for (int shift = 28; shift >= 0; shift -= 4)
        *at++ = "0123456789abcdef"[checksum >> shift & 15];
    *at++ = '\n';
    call(SYS_write, 1, (long)line, at - line, 0);
}

/* --- the tests --- */

static u8 *memory; /* 16 MiB */
static u32 seed;

static u32 random_word(void) { return seed = seed * 1664525u + 1013904223u; }

static u32 sieve(void)
{
    enum { SIZE = 2000000 };
    u32 count = 0;
    for (int round = 0; round < 16; round++) {
        memset(memory, 1, SIZE);
        count = 0;
        for (u32 i = 2; i < SIZE; i++)
            if (memory[i]) {
                count++;
                for (u32 k = i * 2; k < SIZE; k += i)
                    memory[k] = 0;
            }
    }
    return count;
}

static u32 rotate(u32 x, int n) { return x >> n | x << (32 - n); }

static u32 sha_like(void)
{
    u32 h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}, w[64];
    for (int block = 0; block < 300000; block++) {
        for (int i = 0; i < 16; i++)
            w[i] = block * 16 + i;
        for (int i = 16; i < 64; i++)
            w[i] = w[i - 16] + w[i - 7] + (rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3) +
                   (rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10);
        u32 a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], k = h[7];
        for (int i = 0; i < 64; i++) {
            u32 t1 = k + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + 0x428a2f98u * i + w[i];
            u32 t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
            k = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
        }
        h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e, h[5] += f, h[6] += g, h[7] += k;
    }
    return h[0] ^ h[7];
}

static int compare(const u32 *a, const u32 *b) { return *a < *b ? -1 : *a > *b; }

static void quick_sort(u32 *low, u32 *high, int (*order)(const u32 *, const u32 *))
{
    while (low < high) {
        u32 pivot = low[(high - low) / 2], *i = low, *k = high;
        while (i <= k) {
            while (order(i, &pivot) < 0)
                i++;
            while (order(k, &pivot) > 0)
                k--;
            if (i <= k) {
                u32 t = *i;
                *i++ = *k;
                *k-- = t;
            }
        }
        if (k - low < high - i) {
            quick_sort(low, k, order);
            low = i;
        } else {
            quick_sort(i, high, order);
            high = k;
        }
    }
}

static u32 sort(void)
{
    u32 *values = (u32 *)memory, sum = 0;
    for (int round = 0; round < 6; round++) {
        seed = round;
        for (int i = 0; i < 400000; i++)
            values[i] = random_word();
        quick_sort(values, values + 399999, compare);
        sum = sum * 31 + values[1000];
    }
    return sum;
}

struct node {
    struct node *left, *right;
    u32 value;
};

static struct node *grow(int depth, struct node **pool)
{
    struct node *node = (*pool)++;
    node->value = depth;
    node->left = depth ? grow(depth - 1, pool) : 0;
    node->right = depth ? grow(depth - 1, pool) : 0;
    return node;
}

static u32 count(const struct node *node) { return node ? node->value + count(node->left) + count(node->right) : 0; }

static u32 tree(void)
{
    u32 sum = 0;
    for (int round = 0; round < 60; round++) {
        struct node *pool = (struct node *)memory;
        sum += count(grow(17, &pool));
    }
    return sum;
}

/* A small interpreter: what indirect branches cost. */
static u32 bytecode(void)
{
    static const u8 program[] = {0, 1, 2, 1, 3, 4, 0, 5, 2, 6, 3, 1, 7};
    u32 a = 1, b = 2, c = 0;
    for (int round = 0; round < 10000000; round++)
        for (const u8 *at = program;; at++) {
            switch (*at) {
            case 0: a += b; continue;
            case 1: b ^= a; continue;
            case 2: c += a & b; continue;
            case 3: a = a << 1 | a >> 31; continue;
            case 4: b -= c; continue;
            case 5: c ^= round; continue;
            case 6: a *= 5; continue;
            default: break;
            }
            break;
        }
    return a ^ b ^ c;
}

#define X87 __attribute__((target("fpmath=387")))

X87 static u32 mandelbrot(void)
{
    u32 sum = 0;
    for (int y = 0; y < 480; y++)
        for (int x = 0; x < 200; x++) {
            double cr = x / 80.0 - 2.0, ci = y / 240.0 - 1.0, zr = 0, zi = 0;
            int n = 0;
            while (n < 200 && zr * zr + zi * zi < 4.0) {
                double t = zr * zr - zi * zi + cr;
                zi = 2 * zr * zi + ci;
                zr = t;
                n++;
            }
            sum += n;
        }
    return sum;
}

static u32 x87_functions(void)
{
    long double sum = 0;
    for (int i = 1; i < 300000; i++) {
        long double x = i * 0.0002L, s, c, l, a;
        asm volatile("fsincos" : "=t"(c), "=u"(s) : "0"(x));
        asm volatile("fyl2x" : "=t"(l) : "0"(x), "u"(1.0L) : "st(1)");
        asm volatile("fpatan" : "=t"(a) : "0"(x), "u"(s) : "st(1)");
        sum += s * c + l * a;
    }
    return (u32)(long)(sum * 1000);
}

static u32 sse2(void)
{
    double *v = (double *)memory;
    double result[2];
    for (int i = 0; i < 4096; i++)
        v[i] = i * 0.5;
    asm volatile("xorpd %%xmm3, %%xmm3" : : : "xmm3");
    for (int round = 0; round < 8000; round++)
        for (int i = 0; i < 4096; i += 4)
            asm volatile("movapd (%0), %%xmm0\n\tmovapd 16(%0), %%xmm1\n\tmovapd %%xmm0, %%xmm2\n\tmulpd %%xmm1, %%xmm2\n\t"
                         "addpd %%xmm2, %%xmm3\n\tsubpd %%xmm0, %%xmm1\n\taddpd %%xmm1, %%xmm3"
                         :
                         : "r"(v + i)
                         : "xmm0", "xmm1", "xmm2", "xmm3", "memory");
    asm volatile("movupd %%xmm3, %0" : "=m"(result));
    return (u32)(long)(result[0] / 1e6) ^ (u32)(long)(result[1] / 1e6);
}

static u32 strings(void)
{
    u32 sum = 0;
    memset(memory, 1, 16 << 20);
    memory[90000] = 0xff;
    for (int round = 0; round < 100; round++) {
        word n = 4 << 18;
        void *to = memory + (4 << 20), *from = memory + (8 << 20);
        asm volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
        u8 *at = memory + round;
        word left = 100000;
        asm volatile("repne scasb" : "+D"(at), "+c"(left) : "a"(0xff) : "memory", "cc");
        sum += left;
    }
    return sum;
}

static u32 copy_words(void)
{
    u32 sum = 0;
    for (int round = 0; round < 60; round++) {
        volatile u32 *from = (u32 *)memory, *to = (u32 *)(memory + (4 << 20));
        for (int i = 0; i < 1 << 20; i++)
            to[i] = from[i];
        sum += to[round];
    }
    return sum;
}

static u32 system_calls(void)
{
    u32 sum = 0;
    for (int i = 0; i < 100000; i++)
        sum += call(SYS_getppid, 0, 0, 0, 0);
    return sum;
}

static u32 page_faults(void)
{
    u32 sum = 0;
    for (int round = 0; round < 25; round++) {
        u8 *pages = map(4 << 20);
        for (int i = 0; i < 4 << 20; i += 4096)
            pages[i] = i >> 12, sum += pages[i];
        call(SYS_munmap, (long)pages, 4 << 20, 0, 0);
    }
    return sum;
}

static u32 forks(void)
{
    u32 sum = 0;
    for (int i = 0; i < 250; i++) {
        int status = 0;
        long child = call(SYS_fork, 0, 0, 0, 0);
        if (!child)
            call(SYS_exit, i & 127, 0, 0, 0);
        call(SYS_wait4, child, (long)&status, 0, 0);
        sum += status >> 8 & 127;
    }
    return sum;
}

static const struct {
    const char *name;
    u32 (*run)(void);
} tests[] = {
    {"sieve", sieve},
    {"sha-like", sha_like},
    {"sort", sort},
    {"tree", tree},
    {"bytecode", bytecode},
    {"x87-mandelbrot", mandelbrot},
    {"x87-functions", x87_functions},
    {"sse2", sse2},
    {"rep-strings", strings},
    {"copy-words", copy_words},
    {"system-calls", system_calls},
    {"page-faults", page_faults},
    {"fork-exit-wait", forks},
};

__attribute__((noreturn, used)) static void start(void)
{
    memory = map(16 << 20);
    say("init", "end", 0);
    for (unsigned i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        say(tests[i].name, "start", 0);
        say(tests[i].name, "end", tests[i].run());
    }
    say("done", "end", 0);
    call(SYS_ioctl, 1, 0x5409, 1, 0); /* tcdrain: the kernel's own messages overtake what is still in the buffer */
    if (call(SYS_getpid, 0, 0, 0, 0) == 1)
        call(SYS_reboot, (long)0xfee1dead, 672274793, 0x4321fedc, 0);
    call(SYS_exit, 0, 0, 0, 0);
    for (;;)
        ;
}

#if defined(__x86_64__)
asm(".globl _start\n_start:\n\tand $-16, %rsp\n\tcall start");
#else
asm(".globl _start\n_start:\n\tand $-16, %esp\n\tcall start");
#endif
