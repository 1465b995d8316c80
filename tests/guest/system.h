/*
 * What tests/guest/user.c needs of Linux on i386 and x86-64, without a library: system calls, signals with their register
 * frames, output.
 *
 * Source: Linux, "arch/x86/entry/syscalls/syscall_32.tbl" and "syscall_64.tbl" (numbers), asm/sigcontext.h (frames).
 */
#ifndef TESTS_GUEST_SYSTEM_H
#define TESTS_GUEST_SYSTEM_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned long word;

#ifdef __x86_64__
#define BITS 64
#define SP "rsp"
#define AX "rax"
enum {
    SYS_WRITE = 1,
    SYS_MMAP = 9,
    SYS_SIGACTION = 13,
    SYS_GETPID = 39,
    SYS_FORK = 57,
    SYS_EXECVE = 59,
    SYS_EXIT = 60,
    SYS_WAIT4 = 61,
    SYS_KILL = 62,
    SYS_PTRACE = 101,
    SYS_MODIFY_LDT = 154,
    SYS_REBOOT = 169,
};
/* The registers in a signal's frame. */
struct registers {
    u64 r8, r9, r10, r11, r12, r13, r14, r15, di, si, bp, bx, dx, ax, cx, sp, ip, flags;
    u16 cs, gs, fs, ss;
    u64 error, vector, mask, cr2;
};
struct context {
    word flags, link, stack[3];
    struct registers registers;
};
#else
#define BITS 32
#define SP "esp"
#define AX "eax"
enum {
    SYS_EXIT = 1,
    SYS_FORK = 2,
    SYS_WRITE = 4,
    SYS_EXECVE = 11,
    SYS_GETPID = 20,
    SYS_PTRACE = 26,
    SYS_KILL = 37,
    SYS_REBOOT = 88,
    SYS_WAIT4 = 114,
    SYS_MODIFY_LDT = 123,
    SYS_VM86 = 166,
    SYS_SIGACTION = 174,
    SYS_MMAP = 192,
};
struct registers {
    u32 gs, fs, es, ds, di, si, bp, sp, bx, dx, cx, ax, vector, error, ip, cs, flags, sp_at_signal, ss, fpu, mask, cr2;
};
struct context {
    word flags, link, stack[3];
    struct registers registers;
};
#endif

enum { SIGILL = 4, SIGTRAP = 5, SIGBUS = 7, SIGFPE = 8, SIGSEGV = 11, SIGUSR1 = 10 };
enum { PROT_RWX = 7, PROT_READ = 1, PROT_RW = 3, MAP_PRIVATE = 2, MAP_FIXED = 0x10, MAP_ANONYMOUS = 0x20 };

static inline word system_call(word number, word a, word b, word c, word d)
{
    word result;
#ifdef __x86_64__
    register word r10 __asm__("r10") = d;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
#else
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d) : "memory");
#endif
    return result;
}

/* Memory at this address, or NULL. */
static inline void *map_at(word address, word size, int protection)
{
    word result;
    word flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
#ifdef __x86_64__
    register word r10 __asm__("r10") = flags, r8 __asm__("r8") = -1ul, r9 __asm__("r9") = 0;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(SYS_MMAP), "D"(address), "S"(size), "d"(protection), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
#else
    __asm__ volatile("push %%ebp\n xor %%ebp, %%ebp\n int $0x80\n pop %%ebp"
                     : "=a"(result)
                     : "a"(SYS_MMAP), "b"(address), "c"(size), "d"(protection), "S"(flags), "D"(-1)
                     : "memory");
#endif
    return result == address ? (void *)address : 0;
}

void put(const char *text);
void put_hex(u64 value);

/* One fault as its signal tells it. */
struct fault {
    int signal;
    word vector, error, address, ip, flags;
};
extern volatile struct fault fault;
/* Runs the code; true if it ended in a signal, which `fault` then describes. */
int attempt(void (*code)(void));
/* Called for SIGTRAP, SIGUSR1 where it is set; then the program goes on where it was. */
extern void (*on_signal)(int signal, struct registers *registers);
void catch_signals(void);

#endif
