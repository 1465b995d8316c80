/*
 * What a processor can have: one name per feature, and the CPUID bit that tells the guest about it.
 *
 * FEATURE(NAME, "name", leaf, subleaf, register, bit).  The text is what a user writes after -cpu model,+name.  Leaf
 * FEATURE_NO_LEAF: a property of the generation that no CPUID bit tells (the decoder asks for it all the same).
 *
 * Source: Intel SDM vol. 2A, "CPUID"; AMD64 APM vol. 3, appendix E.
 */
#ifndef CPU_FEATURE_H
#define CPU_FEATURE_H

#include "cpu/types.h"

#define FEATURE_NO_LEAF 0xffffffffu

/* clang-format off */
#define FEATURES(FEATURE)                                                                                              \
    /* generations */                                                                                                  \
    FEATURE(I486, "i486", FEATURE_NO_LEAF, 0, EAX, 0)   /* BSWAP XADD CMPXCHG INVLPG INVD WBINVD, CR0.WP, EFLAGS.AC */ \
    FEATURE(CPUID, "cpuid", FEATURE_NO_LEAF, 0, EAX, 0) /* CPUID and EFLAGS.ID */                                      \
    FEATURE(I586, "i586", FEATURE_NO_LEAF, 0, EAX, 0)   /* CR4 */                                                      \
    FEATURE(I686, "i686", FEATURE_NO_LEAF, 0, EAX, 0)   /* hint NOPs 0F 18-1F, RDPMC, UD1 */                           \
    FEATURE(TESTREG, "testreg", FEATURE_NO_LEAF, 0, EAX, 0) /* TR3-TR7, which the Pentium lost */                      \
    FEATURE(FPU, "fpu", 1, 0, EDX, 0)                                                                                  \
    FEATURE(VME, "vme", 1, 0, EDX, 1)                                                                                  \
    FEATURE(DE, "de", 1, 0, EDX, 2)                                                                                    \
    FEATURE(PSE, "pse", 1, 0, EDX, 3)                                                                                  \
    FEATURE(TSC, "tsc", 1, 0, EDX, 4)                                                                                  \
    FEATURE(MSR, "msr", 1, 0, EDX, 5)                                                                                  \
    FEATURE(PAE, "pae", 1, 0, EDX, 6)                                                                                  \
    FEATURE(MCE, "mce", 1, 0, EDX, 7)                                                                                  \
    FEATURE(CX8, "cx8", 1, 0, EDX, 8)                                                                                  \
    FEATURE(APIC, "apic", 1, 0, EDX, 9)                                                                                \
    FEATURE(SEP, "sep", 1, 0, EDX, 11)                                                                                 \
    FEATURE(MTRR, "mtrr", 1, 0, EDX, 12)                                                                               \
    FEATURE(PGE, "pge", 1, 0, EDX, 13)                                                                                 \
    FEATURE(MCA, "mca", 1, 0, EDX, 14)                                                                                 \
    FEATURE(CMOV, "cmov", 1, 0, EDX, 15)                                                                               \
    FEATURE(PAT, "pat", 1, 0, EDX, 16)                                                                                 \
    FEATURE(PSE36, "pse36", 1, 0, EDX, 17)                                                                             \
    FEATURE(PN, "pn", 1, 0, EDX, 18)                                                                                   \
    FEATURE(CLFSH, "clflush", 1, 0, EDX, 19)                                                                           \
    FEATURE(DS, "ds", 1, 0, EDX, 21)                                                                                   \
    FEATURE(ACPI, "acpi", 1, 0, EDX, 22)                                                                               \
    FEATURE(MMX, "mmx", 1, 0, EDX, 23)                                                                                 \
    FEATURE(FXSR, "fxsr", 1, 0, EDX, 24)                                                                               \
    FEATURE(SSE, "sse", 1, 0, EDX, 25)                                                                                 \
    FEATURE(SSE2, "sse2", 1, 0, EDX, 26)                                                                               \
    FEATURE(SS, "ss", 1, 0, EDX, 27)                                                                                   \
    FEATURE(HTT, "ht", 1, 0, EDX, 28)                                                                                  \
    FEATURE(SSE3, "sse3", 1, 0, ECX, 0)                                                                                \
    FEATURE(PCLMUL, "pclmulqdq", 1, 0, ECX, 1)                                                                         \
    FEATURE(MONITOR, "monitor", 1, 0, ECX, 3)                                                                          \
    FEATURE(VMX, "vmx", 1, 0, ECX, 5)                                                                                  \
    FEATURE(SSSE3, "ssse3", 1, 0, ECX, 9)                                                                              \
    FEATURE(FMA, "fma", 1, 0, ECX, 12)                                                                                 \
    FEATURE(CX16, "cx16", 1, 0, ECX, 13)                                                                               \
    FEATURE(PCID, "pcid", 1, 0, ECX, 17)                                                                               \
    FEATURE(SSE41, "sse4.1", 1, 0, ECX, 19)                                                                            \
    FEATURE(SSE42, "sse4.2", 1, 0, ECX, 20)                                                                            \
    FEATURE(X2APIC, "x2apic", 1, 0, ECX, 21)                                                                           \
    FEATURE(MOVBE, "movbe", 1, 0, ECX, 22)                                                                             \
    FEATURE(POPCNT, "popcnt", 1, 0, ECX, 23)                                                                           \
    FEATURE(TSC_DEADLINE, "tsc-deadline", 1, 0, ECX, 24)                                                               \
    FEATURE(AES, "aes", 1, 0, ECX, 25)                                                                                 \
    FEATURE(XSAVE, "xsave", 1, 0, ECX, 26)                                                                             \
    FEATURE(AVX, "avx", 1, 0, ECX, 28)                                                                                 \
    FEATURE(F16C, "f16c", 1, 0, ECX, 29)                                                                               \
    FEATURE(RDRAND, "rdrand", 1, 0, ECX, 30)                                                                           \
    FEATURE(HYPERVISOR, "hypervisor", 1, 0, ECX, 31)                                                                   \
    FEATURE(FSGSBASE, "fsgsbase", 7, 0, EBX, 0)                                                                        \
    FEATURE(BMI1, "bmi1", 7, 0, EBX, 3)                                                                                \
    FEATURE(AVX2, "avx2", 7, 0, EBX, 5)                                                                                \
    FEATURE(SMEP, "smep", 7, 0, EBX, 7)                                                                                \
    FEATURE(BMI2, "bmi2", 7, 0, EBX, 8)                                                                                \
    FEATURE(ERMS, "erms", 7, 0, EBX, 9)                                                                                \
    FEATURE(INVPCID, "invpcid", 7, 0, EBX, 10)                                                                         \
    FEATURE(RDSEED, "rdseed", 7, 0, EBX, 18)                                                                           \
    FEATURE(ADX, "adx", 7, 0, EBX, 19)                                                                                 \
    FEATURE(SMAP, "smap", 7, 0, EBX, 20)                                                                               \
    FEATURE(CLFLUSHOPT, "clflushopt", 7, 0, EBX, 23)                                                                   \
    FEATURE(CLWB, "clwb", 7, 0, EBX, 24)                                                                               \
    FEATURE(SHA, "sha-ni", 7, 0, EBX, 29)                                                                              \
    FEATURE(UMIP, "umip", 7, 0, ECX, 2)                                                                                \
    FEATURE(RDPID, "rdpid", 7, 0, ECX, 22)                                                                             \
    FEATURE(XSAVEOPT, "xsaveopt", 0xd, 1, EAX, 0)                                                                      \
    FEATURE(XSAVEC, "xsavec", 0xd, 1, EAX, 1)                                                                          \
    FEATURE(XGETBV1, "xgetbv1", 0xd, 1, EAX, 2)                                                                        \
    FEATURE(SYSCALL, "syscall", 0x80000001u, 0, EDX, 11)                                                               \
    FEATURE(NX, "nx", 0x80000001u, 0, EDX, 20)                                                                         \
    FEATURE(MMXEXT, "mmxext", 0x80000001u, 0, EDX, 22)                                                                 \
    FEATURE(FXSR_OPT, "fxsr-opt", 0x80000001u, 0, EDX, 25)                                                             \
    FEATURE(PDPE1GB, "pdpe1gb", 0x80000001u, 0, EDX, 26)                                                               \
    FEATURE(RDTSCP, "rdtscp", 0x80000001u, 0, EDX, 27)                                                                 \
    FEATURE(LM, "lm", 0x80000001u, 0, EDX, 29)                                                                         \
    FEATURE(3DNOWEXT, "3dnowext", 0x80000001u, 0, EDX, 30)                                                             \
    FEATURE(3DNOW, "3dnow", 0x80000001u, 0, EDX, 31)                                                                   \
    FEATURE(LAHF64, "lahf-lm", 0x80000001u, 0, ECX, 0)                                                                 \
    FEATURE(SVM, "svm", 0x80000001u, 0, ECX, 2)                                                                        \
    FEATURE(CR8_LEGACY, "cr8legacy", 0x80000001u, 0, ECX, 4)                                                           \
    FEATURE(LZCNT, "abm", 0x80000001u, 0, ECX, 5)                                                                      \
    FEATURE(SSE4A, "sse4a", 0x80000001u, 0, ECX, 6)                                                                    \
    FEATURE(3DNOWPREFETCH, "3dnowprefetch", 0x80000001u, 0, ECX, 8)                                                    \
    FEATURE(INVTSC, "invtsc", 0x80000007u, 0, EDX, 8)
/* clang-format on */

enum feature {
    FEATURE_NONE,
#define FEATURE_ENUM(name, text, leaf, subleaf, reg, bit) FEATURE_##name,
    FEATURES(FEATURE_ENUM)
#undef FEATURE_ENUM
        FEATURE_COUNT
};

/* In the order in which CPUID returns them. */
enum feature_register { FEATURE_EAX, FEATURE_EBX, FEATURE_ECX, FEATURE_EDX };

/* `set` is struct cpu.features (4 words); NULL has everything. */
static inline bool feature_test(const u64 *set, unsigned feature)
{
    return !feature || !set || (set[feature / 64 & 3] >> (feature % 64) & 1);
}

static inline void feature_set(u64 *set, unsigned feature, bool on)
{
    u64 bit = 1ull << (feature % 64);
    set[feature / 64 & 3] = on ? set[feature / 64 & 3] | bit : set[feature / 64 & 3] & ~bit;
}

#endif
