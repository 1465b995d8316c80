/*
 * Processor models: for every row of the opcode table and every model, the instruction executes or raises #UD as the
 * table's feature column says; and what CPUID, EFLAGS and the control registers tell a guest about each model.
 *
 * Each row is executed at CPL 0 in flat 32-bit code, and in 64-bit code where the model has it, with several random
 * encodings; then at CPL 3, in real-address mode and in virtual-8086 mode for the privilege and mode columns.
 *
 * Source: Intel SDM vol. 2 (exceptions of each instruction), vol. 3B ch. "Architecture Compatibility"; specification
 *   updates of the Pentium, Pentium II and Pentium III; AP-485 "Intel Processor Identification and the CPUID
 *   Instruction" (signatures, feature flags, EFLAGS.AC and ID).
 */
#include "cpu/coverage.h"
#include "tests/silicon_cases.h"
#include "tests/silicon_guest.h"
#include "tests/unit.h"

enum {
    CODE = 0x400000, /* linear = physical, and PHYS_CODE of the 64-bit world */
    DATA = 0x500000,
    GDT = 0x1000,
    IDT = 0x2000,
    TSS = 0x3000,
    HANDLERS = 0x5000,
    STACK = 0x8000,
    USER_STACK = 0x9000,
};

/* Which code the row runs in. */
enum world { FLAT32, USER32, V86, REAL, FLAT64, USER64 };

static bool is_wide(enum world world)
{
    return world == FLAT64 || world == USER64;
}

static void set_segments(struct cpu *cpu, unsigned cpl)
{
    for (enum seg seg = ES; seg <= GS; seg++) {
        u16 type = seg == CS ? SEG_CODE | SEG_READABLE : SEG_WRITABLE;
        u16 access = (u16)(type | SEG_P | SEG_S | SEG_ACCESSED | SEG_DB | SEG_G | cpl << SEG_DPL_SHIFT);
        u16 selector = (u16)((seg == CS ? 0x08 : 0x10) + (cpl ? 0x13 : 0));
        cpu->seg[seg] = (struct segment){.limit = 0xffffffff, .selector = selector, .access = access};
    }
    cpu->cpl = cpl;
}

/* Flat descriptors, gates to HLT for all vectors, a TSS with a stack for CPL 0 and no I/O permission map. */
static void legacy_tables(struct cpu *cpu)
{
    guest_poke(GDT + 0x08, 0x00cf9b000000ffff);
    guest_poke(GDT + 0x10, 0x00cf93000000ffff);
    guest_poke(GDT + 0x18, 0x00cffb000000ffff);
    guest_poke(GDT + 0x20, 0x00cff3000000ffff);
    for (u32 vector = 0; vector < 256; vector++) {
        u32 handler = HANDLERS + vector * 16;
        guest_poke(IDT + vector * 8, (handler & 0xffff) | 0x08 << 16 | 0x8e00ull << 32);
        toy.ram[HANDLERS + vector * 16] = 0xf4;
    }
    guest_poke(TSS + 4, STACK | 0x10ull << 32);
    cpu->gdtr = (struct descriptor_table){.base = GDT, .limit = 0x7f};
    cpu->idtr = (struct descriptor_table){.base = IDT, .limit = 0x7ff};
    cpu->seg[TR] = (struct segment){.base = TSS, .limit = 0x67, .selector = 0x28, .access = SEG_P | 0xb};
    cpu->seg[LDTR] = (struct segment){.access = SEG_NULL};
}

static u64 cr4_for(const struct cpu *cpu)
{
    return (cpu_has(cpu, FEATURE_FXSR) ? CR4_OSFXSR : 0) | (cpu_has(cpu, FEATURE_SSE) ? CR4_OSXMMEXCPT : 0) |
           (cpu_has(cpu, FEATURE_XSAVE) ? CR4_OSXSAVE : 0) | (cpu_has(cpu, FEATURE_FSGSBASE) ? CR4_FSGSBASE : 0);
}

static void enter_legacy(struct cpu *cpu, enum world world)
{
    legacy_tables(cpu);
    set_segments(cpu, world == USER32 ? 3 : 0);
    cpu->cr0 = CR0_ET | (world == REAL ? 0 : CR0_PE);
    if (world == V86 || world == REAL) {
        for (enum seg seg = ES; seg <= GS; seg++)
            segment_set_v86(&cpu->seg[seg], seg == CS ? 0x1000 : 0x2000);
        cpu->cpl = world == V86 ? 3 : 0;
    }
    cpu->rflags = 2 | (world == V86 ? FLAG_VM : 0);
    cpu->gpr[RSP] = world == USER32 ? USER_STACK : world == FLAT32 ? STACK : 0x800;
    cpu->rip = world == V86 || world == REAL ? 0x100 : CODE;
    for (u32 i = 0; world == REAL && i < 256; i++) { /* real-mode vectors */
        u32 vector = (u32)(HANDLERS + i * 16);
        memcpy(toy.ram + i * 4, &vector, 4);
    }
    if (world == REAL)
        cpu->idtr = (struct descriptor_table){.base = 0, .limit = 0x3ff};
}

static void enter_long(struct cpu *cpu, enum world world)
{
    struct silicon_case c = {.in = {.rip = CODE_BASE, .rflags = 2}};
    c.in.seg[CS] = USER_CODE64;
    c.in.seg[SS] = c.in.seg[DS] = c.in.seg[ES] = USER_DATA;
    c.in.fx.control = 0x37f;
    c.in.fx.mxcsr = 0x1f80;
    guest_tables(cpu);
    guest_descriptors(cpu);
    cpu->cr0 = CR0_PE | CR0_PG | CR0_NE | CR0_ET | CR0_WP | CR0_MP;
    cpu->cr4 |= CR4_PAE;
    cpu->efer = EFER_LME | EFER_LMA | EFER_SCE | EFER_NXE;
    guest_load(cpu, &c);
    cpu->gpr[RSP] = DATA_BASE + 0x1000;
    if (world == FLAT64) {
        cpu->cpl = 0;
        cpu->seg[CS].access &= (u16)~SEG_DPL;
        cpu->seg[SS].access &= (u16)~SEG_DPL;
        cpu->seg[CS].selector = KERNEL_CODE;
        cpu->seg[SS].selector = KERNEL_DATA;
    }
}

/* Executes one instruction from a fresh state: the vector that it raised, or -1. */
static int execute(struct cpu *cpu, enum world world, const u8 *code, unsigned length)
{
    u32 at = world == V86 || world == REAL ? 0x10100 : CODE;
    cpu_reset(cpu);
    cpu->cr4 = cr4_for(cpu);
    cpu->xcr0 = cpu_has(cpu, FEATURE_XSAVE) ? xsave_supported(cpu) : cpu->xcr0;
    for (unsigned i = 0; i < 16; i++)
        cpu->gpr[i] = is_wide(world) ? DATA_BASE + 0x100 : world == FLAT32 || world == USER32 ? DATA : 0x100;
    u64 general = cpu->gpr[0];
    if (is_wide(world))
        enter_long(cpu, world);
    else
        enter_legacy(cpu, world);
    for (unsigned i = 0; i < 16; i++)
        if (i != RSP)
            cpu->gpr[i] = general;
    cpu->fpu.control = 0x37f;
    cpu->fpu.valid = 0;
    memset(toy.ram + at, 0x90, 32);
    memcpy(toy.ram + at, code, length);
    cpu_code_written(cpu, at, 64);
    cpu_state_changed(cpu);
    cpu_run(cpu, 1);
    u64 handlers = (is_wide(world) ? HIGH : 0) + HANDLERS;
    u64 vector = (cpu->rip - 1 - handlers) / 16; /* past the handler's HLT, or at it when INT was the instruction */
    if (cpu->rip - handlers < 256 * 16 && (cpu->rip - handlers) % 16 <= 1)
        return (int)((cpu->rip - handlers) / 16);
    return vector < 256 && cpu->activity == ACTIVITY_SHUTDOWN ? 255 : -1;
}

/* --- every row --- */

static bool exists_in(const struct opcode *opcode, enum world world)
{
    if (opcode->attr & (is_wide(world) ? ATTR_NO64 : ATTR_ONLY64))
        return false;
    return !(opcode->attr & ATTR_W1) || is_wide(world) || opcode_patterns[opcode - opcode_table].map >= MAP_V0F;
}

/* Encodings that are #UD or go to the handler of #UD for reasons of their own. */
static bool usable(const struct encoding *e)
{
    const struct insn *insn = &e->insn;
    if (insn->lock || (named(e->opcode, "int") && insn->imm == VECTOR_UD))
        return false;
    if (insn->opcode->reg_class == CLASS_CR && insn->reg == 4) /* CR4 is not in the 386 and 486: a test below */
        return false;
    if (insn->opcode->reg_class == CLASS_CR && insn->reg == 8) /* only in 64-bit mode */
        return e->wide;
    return insn->opcode->reg_class != CLASS_TR || insn->reg >= 6;
}

static bool encode_for(struct encoding *e, unsigned row, enum world world, u64 seed)
{
    random_state = seed;
    for (unsigned attempt = 0; attempt < 60; attempt++)
        if (encode(e, row, is_wide(world)) && usable(e))
            return true;
    return false;
}

static u8 decode_size(enum world world)
{
    return is_wide(world) ? SIZE_64 : world == V86 || world == REAL ? SIZE_16 : SIZE_32;
}

/* With the model's features the bytes may be another row's (TZCNT: BSF). */
static const struct opcode *row_of(const struct cpu *cpu, enum world world, const struct encoding *e)
{
    struct decoder decoder = {.code_size = decode_size(world), .features = cpu->features};
    struct insn insn;
    decode(&decoder, e->bytes, 15, &insn);
    return insn.opcode;
}

static void check_row(struct cpu *cpu, const char *model, unsigned row, enum world world, unsigned *missing)
{
    const struct opcode *opcode = &opcode_table[row];
    struct encoding e;
    for (unsigned i = 0; i < 3; i++) {
        if (!encode_for(&e, row, world, row * 64 + i)) {
            *missing += !i;
            return;
        }
        bool has = feature_test(cpu->features, opcode->feature);
        const struct opcode *found = row_of(cpu, world, &e);
        bool undefined = has ? opcode->attr & ATTR_FAULTS : found == &opcode_invalid;
        if (!has && found == opcode)
            printf("%s, %s: decoded without its feature\n", model, opcode->source), unit_errors++;
        int vector = execute(cpu, world, e.bytes, e.length);
        if ((vector == VECTOR_UD) != undefined) {
            printf("%s, %u-bit, %s: exception %d, should be%s #UD (%02x %02x %02x %02x %02x)\n", model,
                   is_wide(world) ? 64 : 32, opcode->source, vector, undefined ? "" : " no", e.bytes[0], e.bytes[1],
                   e.bytes[2], e.bytes[3], e.bytes[4]);
            unit_errors++;
        }
    }
}

TEST(every_model_executes_the_rows_that_it_has_and_no_others)
{
    unsigned missing = 0, cases = 0;
    for (const char *const *model = cpu_model_names(); *model; model++) {
        struct cpu *cpu = toy_cpu(*model);
        for (unsigned row = 0; row < opcode_count; row++)
            for (enum world world = FLAT32; world <= FLAT64; world += FLAT64 - FLAT32) {
                if ((is_wide(world) && !cpu_has(cpu, FEATURE_LM)) || !exists_in(&opcode_table[row], world))
                    continue;
                check_row(cpu, *model, row, world, &missing);
                cases++;
            }
        cpu_destroy(cpu);
    }
    printf("models: %u rows x models x modes\n", cases);
    CHECK_EQ(missing, 0);
}

/* --- the privilege and mode columns --- */

/* #UD, not #GP, below CPL 0: SDM, "CLAC", "STAC". */
static bool is_ud_unprivileged(const struct opcode *opcode)
{
    return named(opcode, "clac") || named(opcode, "stac");
}

static void check_vector(struct cpu *cpu, unsigned row, enum world world, int want)
{
    struct encoding e;
    if (!exists_in(&opcode_table[row], world))
        return;
    for (unsigned i = 0; i < 3; i++) {
        /* 16-bit worlds: 32-bit encodings without 66 and 67 mean the 16-bit instruction, of the same row. */
        if (!encode_for(&e, row, world, row * 64 + i) || row_of(cpu, world, &e) != e.opcode)
            continue;
        int got = execute(cpu, world, e.bytes, e.length);
        if (got != want) {
            printf("world %u, %s: exception %d, should be %d (%02x %02x %02x %02x)\n", world, e.opcode->source, got,
                   want, e.bytes[0], e.bytes[1], e.bytes[2], e.bytes[3]);
            unit_errors++;
        }
    }
}

TEST(privileged_rows_fault_below_cpl_0)
{
    for (unsigned i = 0; i < 2; i++) {
        struct cpu *cpu = toy_cpu(i ? "486" : "max");
        for (unsigned row = 0; row < opcode_count; row++) {
            const struct opcode *opcode = &opcode_table[row];
            int want = is_ud_unprivileged(opcode) ? VECTOR_UD : VECTOR_GP;
            if (!(opcode->attr & ATTR_PRIV) || !feature_test(cpu->features, opcode->feature))
                continue;
            check_vector(cpu, row, USER32, want);
            if (i == 0)
                check_vector(cpu, row, USER64, want);
            check_vector(cpu, row, V86, opcode->attr & ATTR_PM ? VECTOR_UD : want);
        }
        cpu_destroy(cpu);
    }
}

/* IOPL is 0 and there is no permission map.  INS and OUTS with a count of 0 check nothing. */
TEST(iopl_sensitive_rows_fault_above_iopl)
{
    struct cpu *cpu = toy_cpu("max");
    for (unsigned row = 0; row < opcode_count; row++)
        if (opcode_table[row].attr & ATTR_IOPL) {
            check_vector(cpu, row, USER32, VECTOR_GP);
            check_vector(cpu, row, USER64, VECTOR_GP);
            check_vector(cpu, row, V86, VECTOR_GP);
        }
    cpu_destroy(cpu);
}

TEST(protected_mode_rows_are_undefined_in_real_and_virtual_8086_mode)
{
    struct cpu *cpu = toy_cpu("max");
    for (unsigned row = 0; row < opcode_count; row++)
        if (opcode_table[row].attr & ATTR_PM || opcode_patterns[row].map >= MAP_V0F) {
            check_vector(cpu, row, REAL, VECTOR_UD);
            check_vector(cpu, row, V86, VECTOR_UD);
        }
    cpu_destroy(cpu);
}

/* --- the same, from the manuals and not from the table --- */

static const struct {
    const char *text, *first; /* the oldest model that has it */
    u8 code[8];
    unsigned length;
} arrivals[] = {
    {"bswap eax", "486", {0x0f, 0xc8}, 2},
    {"xadd [ebx], ecx", "486", {0x0f, 0xc1, 0x0b}, 3},
    {"cmpxchg [ebx], ecx", "486", {0x0f, 0xb1, 0x0b}, 3},
    {"invlpg [ebx]", "486", {0x0f, 0x01, 0x3b}, 3},
    {"invd", "486", {0x0f, 0x08}, 2},
    {"wbinvd", "486", {0x0f, 0x09}, 2},
    {"cpuid", "486", {0x0f, 0xa2}, 2},
    {"mov eax, cr4", "pentium", {0x0f, 0x20, 0xe0}, 3},
    {"rdtsc", "pentium", {0x0f, 0x31}, 2},
    {"rdmsr", "pentium", {0x0f, 0x32}, 2},
    {"cmpxchg8b [ebx]", "pentium", {0x0f, 0xc7, 0x0b}, 3},
    {"cmovz eax, ecx", "pentium2", {0x0f, 0x44, 0xc1}, 3},
    {"fcomi st1", "pentium2", {0xdb, 0xf1}, 2},
    {"fcmovb st1", "pentium2", {0xda, 0xc1}, 2},
    {"rdpmc", "pentium2", {0x0f, 0x33}, 2},
    {"nop [ebx]", "pentium2", {0x0f, 0x1f, 0x03}, 3},
    {"sysenter", "pentium2", {0x0f, 0x34}, 2},
    {"emms", "pentium2", {0x0f, 0x77}, 2},
    {"fxsave [ebx]", "pentium2", {0x0f, 0xae, 0x03}, 3},
    {"addps xmm0, xmm1", "pentium3", {0x0f, 0x58, 0xc1}, 3},
    {"sfence", "pentium3", {0x0f, 0xae, 0xf8}, 3},
    {"addpd xmm0, xmm1", "qemu32", {0x66, 0x0f, 0x58, 0xc1}, 4},
    {"mfence", "qemu32", {0x0f, 0xae, 0xf0}, 3},
    {"haddps xmm0, xmm1", "qemu32", {0xf2, 0x0f, 0x7c, 0xc1}, 4},
    {"vaddps ymm0, ymm1, ymm2", "x86-64-v3", {0xc5, 0xf4, 0x58, 0xc2}, 4},
    {"vpaddd ymm0, ymm1, ymm2", "x86-64-v3", {0xc5, 0xf5, 0xfe, 0xc2}, 4},
};

static unsigned rank(const char *name)
{
    unsigned i = 0;
    for (const char *const *model = cpu_model_names(); *model && strcmp(*model, name); model++)
        i++;
    return i;
}

TEST(instructions_arrive_with_the_processors_that_brought_them)
{
    for (const char *const *model = cpu_model_names(); *model; model++) {
        struct cpu *cpu = toy_cpu(*model);
        for (unsigned i = 0; i < ARRAY_SIZE(arrivals); i++) {
            bool undefined = execute(cpu, FLAT32, arrivals[i].code, arrivals[i].length) == VECTOR_UD;
            if (undefined != (rank(*model) < rank(arrivals[i].first))) {
                printf("%s on %s: %s\n", arrivals[i].text, *model, undefined ? "#UD" : "executed");
                unit_errors++;
            }
        }
        cpu_destroy(cpu);
    }
}

/* The Pentium has no test registers; the 386 has TR6 and TR7, the 486 TR3 to TR7. */
TEST(test_registers_are_those_of_the_386_and_486)
{
    static const u8 tr3[] = {0x0f, 0x24, 0xd8}, tr6[] = {0x0f, 0x26, 0xf0};
    static const struct {
        const char *model;
        int tr3, tr6;
    } rows[] = {{"386", VECTOR_UD, -1}, {"486", -1, -1}, {"pentium", VECTOR_UD, VECTOR_UD}, {"max", 6, 6}};
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct cpu *cpu = toy_cpu(rows[i].model);
        CHECK_EQ(execute(cpu, FLAT32, tr3, sizeof(tr3)), rows[i].tr3);
        CHECK_EQ(execute(cpu, FLAT32, tr6, sizeof(tr6)), rows[i].tr6);
        cpu_destroy(cpu);
    }
}

/* AP-485: what tells a 386 from a 486 (AC), and one with CPUID (ID). */
TEST(flags_that_can_be_toggled_tell_the_generation)
{
    static const u8 code[] = {0x9d}; /* POPF, all ones on the stack but TF */
    static const struct {
        const char *model;
        u32 want;
    } rows[] = {{"386", 0}, {"486", FLAG_AC | FLAG_ID}, {"pentium", FLAG_AC | FLAG_ID}, {"max", FLAG_AC | FLAG_ID}};
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct cpu *cpu = toy_cpu(rows[i].model);
        guest_poke(STACK, ~(u64)FLAG_TF);
        CHECK_EQ(execute(cpu, FLAT32, code, 1), -1);
        CHECK_EQ(cpu->rflags & (FLAG_AC | FLAG_ID), rows[i].want);
        cpu_destroy(cpu);
    }
}

/* CR0: SDM vol. 3B, "Control Registers": NE, WP, AM, NW, CD came with the 486; ET is always 1 since. */
TEST(the_386_has_no_486_bits_in_cr0)
{
    static const u8 code[] = {0x0f, 0x22, 0xc0};
    for (unsigned i = 0; i < 2; i++) {
        struct cpu *cpu = toy_cpu(i ? "486" : "386");
        u32 all = CR0_PE | CR0_NE | CR0_WP | CR0_AM;
        execute(cpu, FLAT32, (const u8[]){0x90}, 1);
        cpu->gpr[RAX] = all;
        cpu->rip = CODE;
        memcpy(toy.ram + CODE, code, 3);
        cpu_code_written(cpu, CODE, 16);
        cpu_run(cpu, 1);
        CHECK_EQ(cpu->cr0, i ? all | CR0_ET : CR0_PE | CR0_ET);
        cpu_destroy(cpu);
    }
}

/* Signatures and flags of leaf 1: AP-485, table "Intel486, Pentium ... Processor Signatures"; the feature flags of
 * the processors' specification updates. */
TEST(cpuid_identifies_the_models)
{
    static const struct {
        const char *model;
        u32 highest, signature, edx, ecx;
    } rows[] = {
        {"486", 1, 0x435, 0x00000001, 0},
        {"pentium", 1, 0x52c, 0x000001bf, 0},
        {"pentium2", 2, 0x652, 0x0183fbff, 0},
        {"pentium3", 3, 0x673, 0x0383fbff, 0}, /* without the serial number, bit 18 */
        {"qemu32", 4, 0x663, 0x0783fbff, 1},
        {"core2duo", 10, 0x6fb, 0x078bfbff, 0x2201},
        {"qemu64", 13, 0xf61, 0x078bfbff, 0x2001},
        {"x86-64-v2", 13, 0xf61, 0x078bfbff, 0x982201},
        {"x86-64-v3", 13, 0xf61, 0x078bfbff, 0x34d83201},
        {"Haswell", 13, 0x306c4, 0x078bfbff, 0x77da3203},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct cpu *cpu = toy_cpu(rows[i].model);
        u32 out[4], vendor[4];
        cpuid_leaf(cpu, 0, 0, vendor);
        CHECK_EQ(vendor[0], rows[i].highest);
        CHECK(!memcmp(&vendor[1], "Genu", 4) && !memcmp(&vendor[3], "ineI", 4) && !memcmp(&vendor[2], "ntel", 4));
        cpuid_leaf(cpu, 1, 0, out);
        CHECK_EQ(out[0], rows[i].signature);
        CHECK_EQ(cpu->gpr[RDX], rows[i].signature); /* after RESET */
        CHECK_EQ(out[3], rows[i].edx);
        CHECK_EQ(out[2], rows[i].ecx);
        cpu_destroy(cpu);
    }
}

static bool applies(const char *model, const char *features, unsigned feature, bool want)
{
    struct cpu *cpu = calloc(1, sizeof(*cpu));
    char why[200] = "";
    bool good = cpu_model_apply(cpu, model, features, why) && cpu_has(cpu, feature) == want;
    free(cpu);
    return good;
}

static bool refuses(const char *model, const char *features, const char *message)
{
    struct cpu *cpu = calloc(1, sizeof(*cpu));
    char why[200] = "";
    bool good = !cpu_model_apply(cpu, model, features, why) && !strcmp(why, message);
    if (!good)
        printf("%s,%s: %s\n", model, features, why);
    free(cpu);
    return good;
}

TEST(features_bring_what_they_need_and_take_what_needs_them)
{
    CHECK(applies("pentium", "+mmx", FEATURE_MMX, true));
    CHECK(applies("qemu64", "-sse2", FEATURE_SSE3, false));
    CHECK(applies("qemu64", "-sse2", FEATURE_SSE, true));
    CHECK(applies("pentium2", "+sse2", FEATURE_SSE, true));
    CHECK(applies("max", "-xsave", FEATURE_XSAVEOPT, false));
    CHECK(applies("max", "-pae", FEATURE_LM, false));
    CHECK(applies("max", "avx=off", FEATURE_SSE42, true));
    CHECK(applies("max", "-avx", FEATURE_AVX2, false));
    CHECK(applies("max", "-xsave", FEATURE_FMA, false));
    CHECK(applies("max", "-avx2", FEATURE_FMA, true));
    CHECK(applies("qemu64", "+avx2", FEATURE_XSAVE, true));
    CHECK(applies("qemu64", NULL, FEATURE_AVX, false));
    CHECK(refuses("qemu64", "-sse,+sse2", "CPU feature 'sse2' needs one that was switched off"));
    CHECK(refuses("qemu64", "+avx512f", "there is no CPU feature 'avx512f'"));
    CHECK(refuses("qemu64", "+vmx", "CPU feature 'vmx' is not implemented"));
    CHECK(refuses("qemu64", "nx=maybe", "CPU feature 'nx=maybe': must be on or off"));
    CHECK(refuses("8086", "", "there is no CPU model '8086'"));
}

int main(void)
{
    coverage_map = NULL; /* whether rows exist is asked here, not what they do */
    return unit_run();
}
