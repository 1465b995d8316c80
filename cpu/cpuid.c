/*
 * Processor models and CPUID.
 *
 * Source: Intel SDM vol. 2A, "CPUID"; AMD64 APM vol. 3, appendix E.  Signatures: Intel specification updates of the
 *   processors named.
 * A model has what its original has and what is implemented here: CPUID promises only what works.
 */
#include <stdio.h>
#include <string.h>

#include "cpu/system.h"

struct cpu_model {
    const char *name, *vendor, *brand;
    u32 signature;
    u32 level, extended_level; /* highest leaves; 0: none */
    u8 phys_bits;
    bool l3;
    const struct cpu_model *base; /* has all of its features */
    const u8 *features;           /* more, 0 at the end */
    const u8 *without;            /* what the base had and this one lost; NULL: nothing */
};

#define LIST(...) (const u8[]) { __VA_ARGS__, FEATURE_NONE }
#define F(name) FEATURE_##name
#define BRAND "Clutch Virtual CPU"

static const struct cpu_model model_386 = {
    .name = "386", .vendor = "GenuineIntel", .signature = 0x0303, .phys_bits = 32,
    .features = LIST(F(FPU), F(TESTREG))};
/* An SL-enhanced i486 DX2: the first with CPUID; CR4 came with later ones. */
static const struct cpu_model model_486 = {
    .name = "486", .vendor = "GenuineIntel", .signature = 0x0435, .level = 1, .phys_bits = 32, .base = &model_386,
    .features = LIST(F(I486), F(CPUID))};
/* 75 to 200 MHz (P54C), without MMX.  Its local APIC is for two-processor boards, which have none here. */
static const struct cpu_model model_pentium = {
    .name = "pentium", .vendor = "GenuineIntel", .signature = 0x052c, .level = 1, .phys_bits = 32, .base = &model_486,
    .features = LIST(F(I586), F(VME), F(DE), F(PSE), F(TSC), F(MSR), F(MCE), F(CX8)), .without = LIST(F(TESTREG))};
static const struct cpu_model model_pentium2 = {
    .name = "pentium2", .vendor = "GenuineIntel", .signature = 0x0652, .level = 2, .phys_bits = 36,
    .base = &model_pentium,
    .features = LIST(F(I686), F(PAE), F(APIC), F(SEP), F(MTRR), F(PGE), F(MCA), F(CMOV), F(PAT), F(PSE36), F(MMX),
                     F(FXSR))};
static const struct cpu_model model_pentium3 = {
    .name = "pentium3", .vendor = "GenuineIntel", .signature = 0x0673, .level = 3, .phys_bits = 36,
    .base = &model_pentium2, .features = LIST(F(SSE))};
static const struct cpu_model model_qemu32 = {
    .name = "qemu32", .vendor = "GenuineIntel", .brand = BRAND, .signature = 0x0663, .level = 4,
    .extended_level = 0x80000004, .phys_bits = 36, .l3 = true, .base = &model_pentium3,
    .features = LIST(F(SSE2), F(SSE3), F(NX))};
static const struct cpu_model model_core2duo = {
    .name = "core2duo", .vendor = "GenuineIntel", .brand = "Intel(R) Core(TM)2 Duo CPU     T7700  @ 2.40GHz",
    .signature = 0x06fb, .level = 10, .extended_level = 0x80000008, .phys_bits = 36, .base = &model_qemu32,
    .features = LIST(F(CLFSH), F(SS), F(HTT), F(MONITOR), F(SSSE3), F(CX16), F(SYSCALL), F(LM), F(LAHF64))};
static const struct cpu_model model_qemu64 = {
    .name = "qemu64", .vendor = "GenuineIntel", .brand = BRAND, .signature = 0x0f61, .level = 13,
    .extended_level = 0x80000008, .phys_bits = 40, .l3 = true, .base = &model_qemu32,
    .features = LIST(F(CLFSH), F(CX16), F(SYSCALL), F(LM), F(LAHF64))};
static const struct cpu_model model_v2 = {
    .name = "x86-64-v2", .vendor = "GenuineIntel", .brand = BRAND, .signature = 0x0f61, .level = 13,
    .extended_level = 0x80000008, .phys_bits = 40, .l3 = true, .base = &model_qemu64,
    .features = LIST(F(SSSE3), F(SSE41), F(SSE42), F(POPCNT))};
/* As the x86-64 psABI, "Low Level System Information", lists the levels. */
static const struct cpu_model model_v3 = {
    .name = "x86-64-v3", .vendor = "GenuineIntel", .brand = BRAND, .signature = 0x0f61, .level = 13,
    .extended_level = 0x80000008, .phys_bits = 40, .l3 = true, .base = &model_v2,
    .features = LIST(F(XSAVE), F(AVX), F(AVX2), F(BMI1), F(BMI2), F(F16C), F(FMA), F(LZCNT), F(MOVBE))};
/* A Core of 2013, without its transactions (HLE, RTM). */
static const struct cpu_model model_haswell = {
    .name = "Haswell", .vendor = "GenuineIntel", .brand = "Intel Core Processor (Haswell)", .signature = 0x306c4,
    .level = 13, .extended_level = 0x80000008, .phys_bits = 40, .l3 = true, .base = &model_v3,
    .features = LIST(F(VME), F(PCLMUL), F(AES), F(PCID), F(TSC_DEADLINE), F(RDRAND), F(FSGSBASE), F(SMEP), F(ERMS),
                     F(INVPCID), F(XSAVEOPT), F(RDTSCP))};
static const struct cpu_model model_max = {
    .name = "max", .vendor = "GenuineIntel", .brand = BRAND, .signature = 0x0f61, .level = 13,
    .extended_level = 0x80000008, .phys_bits = 40, .l3 = true, .base = &model_v3,
    .features = LIST(F(SMEP), F(UMIP), F(PCID), F(INVPCID), F(RDTSCP), F(TSC_DEADLINE), F(PDPE1GB), F(ERMS), F(SMAP),
                     F(FSGSBASE), F(RDPID), F(PCLMUL), F(AES), F(SHA), F(XSAVEOPT), F(XSAVEC), F(XGETBV1), F(RDRAND),
                     F(RDSEED), F(ADX), F(CLFLUSHOPT), F(CLWB), F(3DNOWPREFETCH))};

/* What is here, and what each needs; the rest is masked out of the models and refused when asked for by name.
 * SDM vol. 1, "... Checking for ... Support" of the SSE to AES extensions; vol. 3A, "Control Registers" for what CR4
 * switches on, and 4.1.4 "Enumeration of Paging Features by CPUID". */
static const struct {
    u8 feature, needs[3];
} implemented[] = {
    {F(TESTREG), {0}},
    {F(FPU), {0}},
    {F(I486), {0}},
    {F(CPUID), {F(I486)}},
    {F(I586), {F(CPUID)}},
    {F(I686), {F(I586)}},
    {F(VME), {F(I586)}},
    {F(DE), {F(I586)}},
    {F(PSE), {F(I586)}},
    {F(TSC), {F(I586)}},
    {F(MSR), {F(I586)}},
    {F(PAE), {F(I586)}},
    {F(MCE), {F(MSR)}},
    {F(CX8), {F(CPUID)}},
    {F(APIC), {F(CPUID)}},
    {F(SEP), {F(MSR), F(I686)}},
    {F(MTRR), {F(MSR)}},
    {F(PGE), {F(I586)}},
    {F(MCA), {F(MCE)}},
    {F(CMOV), {F(CPUID)}},
    {F(PAT), {F(MSR)}},
    {F(PSE36), {F(PSE)}},
    {F(CLFSH), {F(CPUID)}},
    {F(MMX), {F(FPU), F(CPUID)}},
    {F(FXSR), {F(FPU), F(I586)}},
    {F(SSE), {F(FXSR)}},
    {F(SSE2), {F(SSE)}},
    {F(SSE3), {F(SSE2)}},
    {F(SSSE3), {F(SSE3)}},
    {F(SSE41), {F(SSSE3)}},
    {F(SSE42), {F(SSE41)}},
    {F(PCLMUL), {F(SSE2)}},
    {F(AES), {F(SSE2)}},
    {F(SHA), {F(SSE2)}},
    {F(CX16), {F(LM), F(CX8)}},
    {F(POPCNT), {F(CPUID)}},
    {F(LZCNT), {F(CPUID)}},
    {F(BMI1), {F(CPUID)}},
    {F(BMI2), {F(CPUID)}},
    {F(ADX), {F(CPUID)}},
    {F(MOVBE), {F(CPUID)}},
    {F(RDRAND), {F(CPUID)}},
    {F(RDSEED), {F(CPUID)}},
    {F(ERMS), {F(CPUID)}},
    {F(CLFLUSHOPT), {F(CPUID)}},
    {F(CLWB), {F(CPUID)}},
    {F(3DNOWPREFETCH), {F(CPUID)}},
    {F(SMEP), {F(I586)}},
    {F(SMAP), {F(I586)}},
    {F(UMIP), {F(I586)}},
    {F(NX), {F(PAE), F(MSR)}},
    {F(LM), {F(PAE), F(MSR), F(I686)}},
    {F(SYSCALL), {F(LM)}}, /* Intel: in 64-bit mode only */
    {F(LAHF64), {F(LM)}},
    {F(PDPE1GB), {F(LM)}},
    {F(PCID), {F(LM)}},
    {F(INVPCID), {F(LM)}},
    {F(FSGSBASE), {F(LM)}},
    {F(RDTSCP), {F(TSC), F(MSR)}},
    {F(RDPID), {F(MSR)}},
    {F(TSC_DEADLINE), {F(TSC), F(MSR), F(APIC)}},
    {F(XSAVE), {F(FXSR)}},
    {F(XSAVEOPT), {F(XSAVE)}},
    {F(XSAVEC), {F(XSAVE)}},
    {F(XGETBV1), {F(XSAVE)}},
    {F(AVX), {F(XSAVE), F(SSE42)}},
    {F(AVX2), {F(AVX)}},
    {F(FMA), {F(AVX)}},
    {F(F16C), {F(AVX)}},
};

static const struct cpu_model *const models[] = {
    &model_386,    &model_486,    &model_pentium, &model_pentium2, &model_pentium3,
    &model_qemu32, &model_core2duo, &model_qemu64, &model_v2,      &model_v3,
    &model_haswell, &model_max,
};

static const struct {
    const char *name;
    u32 leaf;
    u8 subleaf, reg, bit;
} feature_bits[FEATURE_COUNT] = {
#define EAX FEATURE_EAX
#define EBX FEATURE_EBX
#define ECX FEATURE_ECX
#define EDX FEATURE_EDX
#define FEATURE_BIT(feature, text, leaf, subleaf, reg, bit) [FEATURE_##feature] = {text, leaf, subleaf, reg, bit},
    FEATURES(FEATURE_BIT)
#undef EAX
#undef EBX
#undef ECX
#undef EDX
};

/* --- models --- */

const char *const *cpu_model_names(void)
{
    static const char *names[ARRAY_SIZE(models) + 1];
    for (unsigned i = 0; i < ARRAY_SIZE(models); i++)
        names[i] = models[i]->name;
    return names;
}

const struct cpu_model *cpu_model_find(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(models); i++)
        if (!strcmp(models[i]->name, name))
            return models[i];
    return NULL;
}

static bool is_implemented(unsigned feature)
{
    for (unsigned i = 0; i < ARRAY_SIZE(implemented); i++)
        if (implemented[i].feature == feature)
            return true;
    return false;
}

static void add_model(u64 *set, const struct cpu_model *model)
{
    if (model->base)
        add_model(set, model->base);
    for (const u8 *f = model->features; *f; f++)
        if (is_implemented(*f))
            feature_set(set, *f, true);
    for (const u8 *f = model->without; f && *f; f++)
        feature_set(set, *f, false);
}

static unsigned feature_find(const char *name, size_t length)
{
    for (unsigned i = 1; i < FEATURE_COUNT; i++)
        if (strlen(feature_bits[i].name) == length && !memcmp(feature_bits[i].name, name, length))
            return i;
    return FEATURE_NONE;
}

/* What the user asked for by name. */
struct wishes {
    u64 on[4], off[4];
};

static bool wish(struct wishes *w, const char *name, size_t length, bool on, char *why)
{
    unsigned feature = feature_find(name, length);
    if (!feature) {
        snprintf(why, 200, "there is no CPU feature '%.*s'", (int)MIN(length, 60), name);
        return false;
    }
    if (on && !is_implemented(feature)) {
        snprintf(why, 200, "CPU feature '%s' is not implemented", feature_bits[feature].name);
        return false;
    }
    feature_set(w->on, feature, on);
    feature_set(w->off, feature, !on);
    return true;
}

/* One "+name", "-name" or "name=on|off". */
static bool read_wish(struct wishes *w, const char *text, size_t length, char *why)
{
    const char *equals = memchr(text, '=', length);
    if (*text == '+' || *text == '-')
        return wish(w, text + 1, length - 1, *text == '+', why);
    if (!equals)
        return wish(w, text, length, true, why);
    size_t value = length - (size_t)(equals + 1 - text);
    bool on = value == 2 && !memcmp(equals + 1, "on", 2);
    if (!on && !(value == 3 && !memcmp(equals + 1, "off", 3))) {
        snprintf(why, 200, "CPU feature '%.*s': must be on or off", (int)MIN(length, 60), text);
        return false;
    }
    return wish(w, text, (size_t)(equals - text), on, why);
}

/* Adds what the features of the set need; true if there was anything. */
static bool add_needed(u64 *set)
{
    bool changed = false;
    for (unsigned i = 0; i < ARRAY_SIZE(implemented); i++)
        for (unsigned k = 0; k < 3 && feature_test(set, implemented[i].feature); k++)
            if (!feature_test(set, implemented[i].needs[k])) {
                feature_set(set, implemented[i].needs[k], true);
                changed = true;
            }
    return changed;
}

/* The same the other way: what lacks something that it needs goes too. */
static bool drop_stranded(u64 *set)
{
    bool changed = false;
    for (unsigned i = 0; i < ARRAY_SIZE(implemented); i++)
        for (unsigned k = 0; k < 3 && feature_test(set, implemented[i].feature); k++)
            if (!feature_test(set, implemented[i].needs[k])) {
                feature_set(set, implemented[i].feature, false);
                changed = true;
            }
    return changed;
}

/* False: "+a,-b" where a cannot be without b. */
static bool wishes_agree(const u64 *set, const struct wishes *w, char *why)
{
    for (unsigned i = 1; i < FEATURE_COUNT; i++)
        if (feature_test(w->on, i) && !feature_test(set, i)) {
            snprintf(why, 200, "CPU feature '%s' needs one that was switched off", feature_bits[i].name);
            return false;
        }
    return true;
}

/* A feature that is added brings what it needs; one that is removed takes along what needs it. */
static bool apply_changes(u64 *set, const char *features, char *why)
{
    struct wishes w = {{0}, {0}};
    while (features && *features) {
        size_t length = strcspn(features, ",");
        if (length && !read_wish(&w, features, length, why))
            return false;
        features += length;
        features += *features == ',';
    }
    for (unsigned i = 0; i < 4; i++)
        set[i] |= w.on[i];
    while (add_needed(set))
        continue;
    for (unsigned i = 0; i < 4; i++)
        set[i] &= ~w.off[i];
    while (drop_stranded(set))
        continue;
    return wishes_agree(set, &w, why);
}

bool cpu_model_apply(struct cpu *cpu, const char *name, const char *features, char *why)
{
    if (!strcmp(name, "host"))
        name = "max";
    const struct cpu_model *model = cpu_model_find(name);
    if (!model) {
        snprintf(why, 200, "there is no CPU model '%.60s'", name);
        return false;
    }
    memset(cpu->features, 0, sizeof(cpu->features));
    add_model(cpu->features, model);
    if (!apply_changes(cpu->features, features, why))
        return false;
    cpu->model = model;
    /* Without PAE and PSE-36 nothing reaches beyond 4 GiB. */
    bool wide = cpu_has(cpu, FEATURE_PAE) || cpu_has(cpu, FEATURE_PSE36);
    cpu->phys_mask = (1ull << (wide ? model->phys_bits : 32)) - 1;
    return true;
}

void cpuid_limit(struct cpu *cpu, u32 leaf, u32 subleaf, const u32 has[4], char *names, size_t size)
{
    u64 before[4];
    memcpy(before, cpu->features, sizeof(before));
    for (unsigned i = 1; i < FEATURE_COUNT; i++)
        if (feature_bits[i].leaf == leaf && feature_bits[i].subleaf == subleaf &&
            !(has[feature_bits[i].reg] >> feature_bits[i].bit & 1))
            feature_set(cpu->features, i, false);
    while (drop_stranded(cpu->features))
        continue;
    for (unsigned i = 1; i < FEATURE_COUNT; i++)
        if (feature_test(before, i) && !feature_test(cpu->features, i)) {
            size_t length = strlen(names);
            snprintf(names + length, size - length, "%s%s", length ? ", " : "", feature_bits[i].name);
        }
}

bool cpu_model_has_apic(const char *name, const char *features)
{
    struct cpu cpu;
    char why[200];
    return cpu_model_apply(&cpu, name ? name : CPU_DEFAULT_MODEL, features, why) && cpu_has(&cpu, FEATURE_APIC);
}

u32 cpu_signature(const struct cpu *cpu) { return cpu->model->signature; }

/* --- CPUID --- */

/* The model's highest leaf of a range, or higher where a feature that the user added needs it. */
static u32 highest_leaf(const struct cpu *cpu, bool extended)
{
    u32 highest = extended ? cpu->model->extended_level : cpu->model->level;
    for (unsigned i = 1; i < FEATURE_COUNT; i++) {
        u32 leaf = feature_bits[i].leaf;
        if (leaf != FEATURE_NO_LEAF && leaf >> 31 == extended && cpu_has(cpu, i))
            highest = MAX(highest, leaf);
    }
    return highest;
}

/* The string goes EBX, EDX, ECX. */
static void leaf_vendor(const struct cpu *cpu, u32 highest, u32 out[4])
{
    const char *vendor = cpu->model->vendor;
    out[0] = highest;
    memcpy(&out[1], vendor, 4);
    memcpy(&out[3], vendor + 4, 4);
    memcpy(&out[2], vendor + 8, 4);
}

static void leaf_features(const struct cpu *cpu, u32 leaf, u32 subleaf, u32 out[4])
{
    for (unsigned i = 1; i < FEATURE_COUNT; i++)
        if (feature_bits[i].leaf == leaf && feature_bits[i].subleaf == subleaf && cpu_has(cpu, i))
            out[feature_bits[i].reg] |= 1u << feature_bits[i].bit;
}

static void leaf_signature(const struct cpu *cpu, u32 out[4])
{
    leaf_features(cpu, 1, 0, out);
    out[0] = cpu->model->signature;
    out[1] = cpu->apic_id << 24 | (cpu_has(cpu, FEATURE_CLFSH) ? 8u << 8 : 0); /* lines of 64 bytes */
    if (cpu->cr4 & CR4_OSXSAVE)
        out[2] |= 1u << 27;
    if (!(cpu->apic_base & APIC_BASE_ENABLE)) /* the bit follows the global enable */
        out[3] &= ~(1u << 9);
}

static void leaf_brand(const struct cpu *cpu, u32 leaf, u32 out[4])
{
    char brand[48] = {0};
    if (cpu->model->brand)
        memcpy(brand, cpu->model->brand, strlen(cpu->model->brand));
    memcpy(out, brand + 16 * (leaf - 0x80000002), 16);
}

static const struct {
    u8 type, level;
    u16 ways;
    u32 size;
} caches[] = {{1, 1, 8, 32 << 10}, {2, 1, 8, 32 << 10}, {3, 2, 8, 2 << 20}, {3, 3, 16, 16 << 20}};

/* SDM, "CPUID", leaf 02H: descriptors.  A Pentium II's: 4 KiB and 4 MiB TLBs, 16+16 KiB L1, 512 KiB L2; where there is
 * leaf 04H, the same TLBs, and the caches of that leaf. */
static void leaf_descriptors(const struct cpu *cpu, u32 out[4])
{
    bool newer = cpu->model->level >= 4;
    out[0] = 0x03020101;
    out[1] = newer && cpu->model->l3 ? 0x4d : 0;
    out[3] = newer ? 0x2c04307d : 0x0c040843;
}

/* SDM, "CPUID", leaf 04H: one cache for each subleaf, until type 0; self-initializing, lines of 64 bytes. */
static void leaf_caches(const struct cpu *cpu, u32 subleaf, u32 out[4])
{
    if (cpu->model->level < 4 || subleaf >= (cpu->model->l3 ? 4 : 3))
        return;
    u32 ways = caches[subleaf].ways;
    out[0] = caches[subleaf].type | (u32)caches[subleaf].level << 5 | 1 << 8;
    out[1] = (ways - 1) << 22 | (64 - 1);
    out[2] = caches[subleaf].size / ways / 64 - 1;
}

/* Extended state.  Subleaf 0: what XCR0 may enable, the XSAVE area's size for XCR0 as it is and for all; from 2 on:
 * size and place of a component. */
static void leaf_xsave(const struct cpu *cpu, u32 subleaf, u32 out[4])
{
    if (!cpu_has(cpu, FEATURE_XSAVE))
        return;
    if (subleaf > 1) {
        out[0] = xsave_component(cpu, subleaf, &out[1]);
        out[1] = out[0] ? out[1] : 0;
        return;
    }
    u64 supported = xsave_supported(cpu);
    leaf_features(cpu, 0xd, subleaf, out);
    if (subleaf == 0) {
        out[0] = (u32)supported;
        out[2] = xsave_size(supported);
        out[3] = supported >> 32;
    }
    if (subleaf == 0 || (subleaf == 1 && cpu_has(cpu, FEATURE_XSAVEC)))
        out[1] = xsave_size(cpu->xcr0);
}

static void leaf_basic(const struct cpu *cpu, u32 leaf, u32 subleaf, u32 out[4])
{
    switch (leaf) {
    case 0: leaf_vendor(cpu, highest_leaf(cpu, false), out); break;
    case 1: leaf_signature(cpu, out); break;
    case 2: leaf_descriptors(cpu, out); break;
    case 4: leaf_caches(cpu, subleaf, out); break;
    case 0xd: leaf_xsave(cpu, subleaf, out); break;
    default: leaf_features(cpu, leaf, subleaf, out); break;
    }
}

static void leaf_extended(const struct cpu *cpu, u32 leaf, u32 subleaf, u32 out[4])
{
    unsigned bits = 64 - (unsigned)__builtin_clzll(cpu->phys_mask);
    switch (leaf) {
    case 0x80000000: out[0] = highest_leaf(cpu, true); break;
    case 0x80000002:
    case 0x80000003:
    case 0x80000004: leaf_brand(cpu, leaf, out); break;
    case 0x80000006: out[2] = 2048 << 16 | 6 << 12 | 64; break; /* L2: KiB, 8 ways, line */
    case 0x80000008: out[0] = bits | (cpu_has(cpu, FEATURE_LM) ? 48 : 32) << 8; break;
    default: leaf_features(cpu, leaf, 0, out); break; /* ECX selects nothing here */
    }
}

void cpuid_leaf(struct cpu *cpu, u32 leaf, u32 subleaf, u32 out[4])
{
    u32 highest = highest_leaf(cpu, false);
    memset(out, 0, 4 * sizeof(out[0]));
    if (leaf >= 0x80000000 && leaf <= highest_leaf(cpu, true)) {
        leaf_extended(cpu, leaf, subleaf, out);
        return;
    }
    if (leaf > highest) /* SDM: out of range gives the highest basic leaf */
        leaf = highest;
    leaf_basic(cpu, leaf, subleaf, out);
}
