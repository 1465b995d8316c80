/*
 * System calls, signals and output for tests/guest/user.c; see system.h.
 */
#include "system.h"

volatile struct fault fault;
void (*on_signal)(int signal, struct registers *registers);

void put(const char *text)
{
    word length = 0;
    while (text[length])
        length++;
    system_call(SYS_WRITE, 1, (word)text, length, 0);
}

void put_hex(u64 value)
{
    char text[17];
    int at = 16;
    text[16] = 0;
    do
        text[--at] = "0123456789abcdef"[value & 15];
    while ((value >>= 4) && at);
    put(text + at);
}

/* --- signals ----------------------------------------------------------------------------------------------------- */

/* Where attempt() goes on after a fault. */
word resume_sp;
extern char resume[];

#ifdef __x86_64__
__asm__(".globl attempt, resume\n"
        "attempt: push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n sub $8, %rsp\n"
        "mov %rsp, resume_sp\n call *%rdi\n xor %eax, %eax\n jmp 1f\n"
        "resume: mov $1, %eax\n"
        "1: add $8, %rsp\n pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n"
        "restorer: mov $15, %eax\n syscall\n");
#else
__asm__(".globl attempt, resume\n"
        "attempt: push %ebx\n push %ebp\n push %esi\n push %edi\n"
        "mov %esp, resume_sp\n call *20(%esp)\n xor %eax, %eax\n jmp 1f\n"
        "resume: mov $1, %eax\n"
        "1: pop %edi\n pop %esi\n pop %ebp\n pop %ebx\n ret\n"
        "restorer: mov $173, %eax\n int $0x80\n");
#endif
extern void restorer(void);

enum { FLAGS_TF = 1 << 8, FLAGS_DF = 1 << 10, FLAGS_AC = 1 << 18 };

static void handler(int signal, void *info, struct context *context)
{
    struct registers *registers = &context->registers;
    if (on_signal) {
        on_signal(signal, registers);
        return;
    }
    fault.signal = signal;
    fault.vector = registers->vector;
    fault.error = registers->error;
    fault.address = registers->cr2;
    fault.ip = registers->ip;
    fault.flags = registers->flags;
    registers->ip = (word)resume;
    registers->sp = resume_sp;
    registers->flags &= ~(word)(FLAGS_TF | FLAGS_DF | FLAGS_AC);
}

/* A stack of their own: that of the program may be no good. */
static char signal_stack[32768] __attribute__((aligned(16)));

void catch_signals(void)
{
    enum { SA_SIGINFO = 4, SA_RESTORER = 0x4000000, SA_ONSTACK = 0x8000000, SA_NODEFER = 0x40000000 };
    static const u8 signals[] = {SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGUSR1};
    struct {
        void (*handler)(int, void *, struct context *);
        word flags;
        void (*restorer)(void);
        u32 mask[2];
    } action = {handler, SA_SIGINFO | SA_RESTORER | SA_ONSTACK | SA_NODEFER, restorer, {0, 0}};
    struct {
        void *start;
        int flags;
        word size;
    } stack = {signal_stack, 0, sizeof(signal_stack)};
    system_call(BITS == 64 ? 131 : 186, (word)&stack, 0, 0, 0);
    for (unsigned i = 0; i < sizeof(signals); i++)
        system_call(SYS_SIGACTION, signals[i], (word)&action, 0, 8);
}
