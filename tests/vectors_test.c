/*
 * Single instructions against what real chips did: the SingleStepTests suites for the 8086 and the 80286 in real mode
 * (MIT licence), files in the MOO format, read in place from $CLUTCH_TESTDATA or ../shared/testdata; skipped if absent.
 *
 * Each test gives registers and bytes of memory before and after one instruction.  A HLT stands where execution must
 * end up: behind the instruction, at the branch target, or at the exception handler.
 *
 * Source: the suites' README.md, moo_format_v1.md, metadata.json (undefined flags), revocation_list.txt.
 * Modelled CPU: a 486.  What an 8086 or a 286 does otherwise than later processors is excluded, with the reason.
 */
#include <zlib.h>

#include "cpu/insn.h"
#include "tests/toy_board.h"
#include "tests/unit.h"

static struct cpu *cpu;

/* Writes as a device would: decoded code that is there goes away. */
static void poke(u32 phys, u8 value)
{
    phys &= TOY_RAM - 1;
    if (toy.flags[phys >> 12] & CPU_PAGE_CODE)
        cpu_code_written(cpu, phys, 1);
    toy.ram[phys] = value;
}

/* --- the file format --- */

enum { AX, BX, CX, DX, R_CS, R_SS, R_DS, R_ES, SP, BP, SI, DI, IP, FLAGS, REGS };
static const char *const reg_names[REGS] = {"ax", "bx", "cx", "dx", "cs", "ss", "ds",
                                            "es", "sp", "bp", "si", "di", "ip", "flags"};

struct bytes {
    const u8 *at;
    u32 length;
};

struct state {
    u16 present, regs[REGS];
    struct bytes ram; /* entries of u32 address, u8 value */
};

struct moo_test {
    char name[64];
    struct bytes code, hash;
    struct state before, after;
    bool exception;
    u8 exception_number;
};

static u32 get32(const u8 *p)
{
    return p[0] | p[1] << 8 | p[2] << 16 | (u32)p[3] << 24;
}
static u16 get16(const u8 *p)
{
    return p[0] | p[1] << 8;
}

/* Takes the chunk at the front of `rest`; false at the end or if the file is damaged. */
static bool next_chunk(struct bytes *rest, char type[5], struct bytes *data)
{
    if (rest->length < 8 || get32(rest->at + 4) > rest->length - 8)
        return false;
    memcpy(type, rest->at, 4);
    type[4] = 0;
    *data = (struct bytes){rest->at + 8, get32(rest->at + 4)};
    rest->at += 8 + data->length;
    rest->length -= 8 + data->length;
    return true;
}

/* Length-prefixed contents. */
static struct bytes counted(struct bytes data, unsigned entry)
{
    if (data.length < 4)
        return (struct bytes){data.at, 0};
    u32 length = get32(data.at) * entry;
    return (struct bytes){data.at + 4, MIN(length, data.length - 4)};
}

static void parse_regs(struct bytes data, struct state *state)
{
    if (data.length < 2)
        return;
    const u8 *at = data.at + 2, *end = data.at + data.length;
    state->present = get16(data.at);
    for (unsigned i = 0; i < REGS && at + 2 <= end; i++)
        if (state->present >> i & 1) {
            state->regs[i] = get16(at);
            at += 2;
        }
}

static void parse_state(struct bytes data, struct state *state)
{
    char type[5];
    struct bytes chunk;
    while (next_chunk(&data, type, &chunk))
        if (!strcmp(type, "REGS"))
            parse_regs(chunk, state);
        else if (!strcmp(type, "RAM "))
            state->ram = counted(chunk, 5);
}

static void parse_test(struct bytes data, struct moo_test *v)
{
    char type[5];
    struct bytes chunk, text;
    memset(v, 0, sizeof(*v));
    data.at += 4, data.length -= 4; /* index */
    while (next_chunk(&data, type, &chunk))
        if (!strcmp(type, "NAME")) {
            text = counted(chunk, 1);
            snprintf(v->name, sizeof(v->name), "%.*s", (int)text.length, (const char *)text.at);
        } else if (!strcmp(type, "BYTS")) {
            v->code = counted(chunk, 1);
        } else if (!strcmp(type, "INIT")) {
            parse_state(chunk, &v->before);
        } else if (!strcmp(type, "FINA")) {
            v->after = v->before;
            v->after.ram.length = 0;
            u16 regs[REGS];
            memcpy(regs, v->before.regs, sizeof(regs));
            memset(v->after.regs, 0, sizeof(v->after.regs));
            parse_state(chunk, &v->after);
            for (unsigned i = 0; i < REGS; i++)
                if (!(v->after.present >> i & 1))
                    v->after.regs[i] = regs[i];
        } else if (!strcmp(type, "EXCP") && chunk.length >= 5) {
            v->exception = true;
            v->exception_number = chunk.at[0];
        } else if (!strcmp(type, "HASH")) {
            v->hash = chunk;
        }
}

/* --- metadata.json: just enough of JSON for objects, numbers and plain strings --- */

static const char *skip_object(const char *p)
{
    for (int depth = 0; *p; p++)
        if (*p == '{')
            depth++;
        else if (*p == '}' && --depth == 0)
            return p;
    return p;
}

/* The value of `key` directly in the object that begins at `object`; NULL if it is not there. */
static const char *member(const char *object, const char *key)
{
    size_t length = strlen(key);
    if (!object)
        return NULL;
    for (const char *p = object + 1; *p && *p != '}'; p++) {
        if (*p == '{')
            p = skip_object(p);
        if (*p == '"') {
            const char *end = strchr(p + 1, '"');
            if (!end)
                return NULL;
            const char *colon = end + 1 + strspn(end + 1, " \t\r\n");
            if (*colon == ':' && (size_t)(end - p - 1) == length && !strncmp(p + 1, key, length))
                return colon + 1 + strspn(colon + 1, " \t\r\n");
            p = end;
        }
    }
    return NULL;
}

/* --- running --- */

struct suite {
    const char *name, *directory;
    bool is_8086;
    char *metadata, *revoked;
    unsigned passed, failed, excluded;
};

struct file {
    struct suite *suite;
    const char *opcode; /* "80.7" */
    u16 flags_mask;
    unsigned passed, failed, excluded;
    const char *why_excluded;
};

static const u8 gpr_of[REGS] = {
    [AX] = RAX, [BX] = RBX, [CX] = RCX, [DX] = RDX, [SP] = RSP, [BP] = RBP, [SI] = RSI, [DI] = RDI};
static const u8 seg_of[REGS] = {[R_CS] = CS, [R_SS] = SS, [R_DS] = DS, [R_ES] = ES};

static void load_state(const struct state *state)
{
    for (unsigned i = 0; i < REGS; i++)
        if (i >= R_CS && i <= R_ES) {
            cpu->seg[seg_of[i]].selector = state->regs[i];
            cpu->seg[seg_of[i]].base = (u32)state->regs[i] << 4;
        } else if (i < IP) {
            cpu->gpr[gpr_of[i]] = state->regs[i];
        }
    cpu->rip = state->regs[IP];
    cpu->rflags = (state->regs[FLAGS] & 0x0cd5) | 2;
    cpu->activity = ACTIVITY_ACTIVE;
    cpu_state_changed(cpu);
}

static u16 register_now(unsigned i)
{
    if (i >= R_CS && i <= R_ES)
        return cpu->seg[seg_of[i]].selector;
    return i == IP ? cpu->rip : i == FLAGS ? cpu->rflags : cpu->gpr[gpr_of[i]];
}

static u32 wrap(const struct file *file, u32 linear)
{
    return linear & (file->suite->is_8086 ? 0xfffff : TOY_RAM - 1);
}

static bool ram_lists(struct bytes list, u32 phys)
{
    for (u32 i = 0; i + 5 <= list.length; i += 5)
        if (get32(list.at + i) == phys)
            return true;
    return false;
}

/* The opcode byte as an 8086 or 286 sees it: behind segment overrides, LOCK and REP. */
static u8 opcode_byte(struct bytes code)
{
    for (u32 i = 0; i < code.length; i++)
        if (!memchr("\x26\x2e\x36\x3e\xf0\xf2\xf3", code.at[i], 7))
            return code.at[i];
    return 0;
}

static bool is_divide(const struct insn *insn)
{
    return (insn->opcode_byte == 0xf6 || insn->opcode_byte == 0xf7) && (insn->modrm >> 3 & 7) >= 6;
}

/* What the 8086 did otherwise: Intel, "iAPX 86/88, 186/188 User's Manual"; 80386 Programmer's Reference, ch. 14. */
static const char *reason_8086(const struct insn *insn, const struct moo_test *v)
{
    u8 opcode = opcode_byte(v->code), digit = insn->modrm >> 3 & 7, al = v->before.regs[AX], cl = v->before.regs[CX];
    bool interrupted = v->after.regs[SP] == (u16)(v->before.regs[SP] - 6);
    if ((opcode & 0xf0) == 0x60 || opcode == 0xc0 || opcode == 0xc1 || opcode == 0xc8 || opcode == 0xc9)
        return "an alias of another opcode on the 8086";
    if (opcode == 0x54)
        return "PUSH SP stores the new value on the 8086";
    if (opcode >= 0xd0 && opcode <= 0xd3 && digit == 6)
        return "SETMO on the 8086";
    if ((opcode == 0xd2 || opcode == 0xd3) && cl > 31)
        return "the 8086 does not mask shift counts";
    if (opcode >= 0xd8 && opcode <= 0xdf)
        return "no coprocessor";
    if ((is_divide(insn) || opcode == 0xd4) && interrupted)
        return "a divide error saves the next instruction's address on the 8086";
    if (is_divide(insn) && insn->rep != REP_NONE)
        return "REP negates the quotient on the 8086";
    if ((opcode == 0x37 && al > 0xf9) || (opcode == 0x3f && al < 6))
        return "AAA and AAS do not carry from AL into AH on the 8086";
    if ((opcode == 0x8c || opcode == 0x8e) && digit > 3)
        return "FS and GS on a 386";
    return NULL;
}

/* Why a later processor need not do what the chip did; NULL: it must. */
static const char *reason_to_exclude(const struct file *file, const struct moo_test *v)
{
    struct decoder decoder = {SIZE_16, cpu->features};
    struct insn insn;
    u8 code[16] = {0};
    bool old = file->suite->is_8086;
    memcpy(code, v->code.at, MIN(v->code.length, sizeof(code)));
    decode(&decoder, code, 15, &insn);
    if (!old && v->code.length > 11)
        return "longer than the 286's 10 bytes";
    if (old && reason_8086(&insn, v))
        return reason_8086(&insn, v);
    if (insn.opcode == &opcode_invalid || insn.opcode == &opcode_too_long)
        return v->exception && v->exception_number == 6 ? NULL : "invalid, or not lockable, on a 386";
    if (v->exception && v->exception_number == VECTOR_GP && insn.opcode->attr & ATTR_STRING)
        return "the 286 does not restore registers when a string instruction faults";
    return NULL;
}

/* Bits of the flags to compare.  IOPL and NT, which real mode keeps at 0 on a 286 and at 1 on an 8086, are not. */
static u16 flags_mask(const struct file *file)
{
    return file->flags_mask & 0x0fd5;
}

/* The same for a byte in memory: flags that were pushed are compared like the register. */
static u8 ram_mask(const struct file *file, const struct moo_test *v, u32 phys)
{
    u16 mask = flags_mask(file), sp = v->after.regs[SP];
    u8 opcode = opcode_byte(v->code);
    if (v->exception && v->exception_number == VECTOR_DE)
        mask &= ~FLAGS_ARITH; /* undefined when the divide error is raised */
    if (opcode != 0x9c)
        sp += 4;
    if (!v->exception && opcode != 0x9c && !(opcode >= 0xcc && opcode <= 0xce))
        return 0xff;
    u32 flags_at = wrap(file, ((u32)v->after.regs[R_SS] << 4) + sp);
    return phys == flags_at ? mask : phys == flags_at + 1 ? mask >> 8 : 0xff;
}

static bool check_registers(const struct file *file, const struct moo_test *v, bool report)
{
    bool same = true;
    for (unsigned i = 0; i < REGS; i++) {
        u16 got = register_now(i), want = v->after.regs[i], mask = i == FLAGS ? flags_mask(file) : 0xffff;
        if (i == IP && file->suite->is_8086)
            want++; /* behind the HLT */
        if ((got ^ want) & mask) {
            if (report)
                printf("    %s is %04x, should be %04x\n", reg_names[i], got & mask, want & mask);
            same = false;
        }
    }
    return same;
}

static bool check_ram(const struct file *file, const struct moo_test *v, bool report)
{
    bool same = true;
    for (u32 i = 0; i + 5 <= v->after.ram.length; i += 5) {
        u32 phys = get32(v->after.ram.at + i);
        u8 got = toy.ram[phys & (TOY_RAM - 1)], want = v->after.ram.at[i + 4];
        u8 mask = ram_mask(file, v, phys);
        if ((got ^ want) & mask) {
            if (report)
                printf("    byte at %06x is %02x, should be %02x\n", phys, got, want);
            same = false;
        }
    }
    return same;
}

static void restore_ram(struct bytes list)
{
    for (u32 i = 0; i + 5 <= list.length; i += 5)
        poke(get32(list.at + i), 0);
}

static void exclude(struct file *file, const char *why)
{
    file->excluded++;
    file->why_excluded = why;
}

static void run_vector(struct file *file, const struct moo_test *v)
{
    const char *why = reason_to_exclude(file, v);
    u16 end_ip = v->after.regs[IP] - !file->suite->is_8086;
    u32 end = wrap(file, ((u32)v->after.regs[R_CS] << 4) + end_ip);
    u32 start = wrap(file, ((u32)v->before.regs[R_CS] << 4) + v->before.regs[IP]);
    if (!why && (file->suite->is_8086 ? end - start < v->code.length : ram_lists(v->after.ram, end)))
        why = "ends inside itself or where it writes";
    if (why) {
        exclude(file, why);
        return;
    }
    for (u32 i = 0; i + 5 <= v->before.ram.length; i += 5)
        poke(get32(v->before.ram.at + i), v->before.ram.at[i + 4]);
    u8 old = toy.ram[end];
    poke(end, 0xf4);
    load_state(&v->before);
    cpu->fault.vector = 0xff;
    enum cpu_exit exit = cpu_run(cpu, 1);
    u8 fault = cpu->fault.vector;
    if (exit == CPU_EXIT_BUDGET)
        exit = cpu_run(cpu, 1000);
    poke(end, old);
    bool same = exit == CPU_EXIT_HALTED && check_registers(file, v, false) && check_ram(file, v, false);
    if (same) {
        file->passed++;
    } else if (v->exception && v->exception_number == VECTOR_GP && fault == VECTOR_SS) {
        exclude(file, "the 286 raises 13, later processors 12, when an operand crosses the end of the stack segment");
    } else if (file->failed++ < 2) {
        printf("  %s %s: %s", file->suite->name, file->opcode, v->name);
        if (v->exception)
            printf(" (exception %u)", v->exception_number);
        printf("%s\n", exit == CPU_EXIT_HALTED ? "" : ", did not reach its end");
        check_registers(file, v, true);
        check_ram(file, v, true);
    }
    memset(toy.port_data, 0xff, 1024);
    toy.port_at = 0;
    restore_ram(v->before.ram);
    restore_ram(v->after.ram);
    poke(end, 0);
}

static bool is_revoked(const struct suite *suite, struct bytes hash)
{
    char text[41] = "";
    for (u32 i = 0; i < hash.length && i < 20; i++)
        snprintf(text + 2 * i, 3, "%02x", hash.at[i]);
    return suite->revoked && *text && strstr(suite->revoked, text);
}

static void run_file(struct suite *suite, const char *opcode, struct bytes contents)
{
    struct file file = {.suite = suite, .opcode = opcode, .flags_mask = 0xffff};
    char type[5], key[8];
    struct bytes chunk;
    snprintf(key, sizeof(key), "%.*s", (int)strcspn(opcode, "."), opcode);
    const char *entry = member(member(suite->metadata, "opcodes"), key);
    if (strchr(opcode, '.'))
        entry = member(member(entry, "reg"), strchr(opcode, '.') + 1);
    const char *mask = member(entry, "flags-mask");
    if (mask)
        file.flags_mask = strtoul(mask, NULL, 10);
    while (next_chunk(&contents, type, &chunk))
        if (!strcmp(type, "TEST") && chunk.length > 4) {
            struct moo_test v;
            parse_test(chunk, &v);
            if (!is_revoked(suite, v.hash))
                run_vector(&file, &v);
        }
    if (file.failed || getenv("VERBOSE"))
        printf("  %s %s: %u passed, %u failed, %u excluded%s%s\n", suite->name, opcode, file.passed, file.failed,
               file.excluded, file.excluded ? ": " : "", file.excluded ? file.why_excluded : "");
    suite->passed += file.passed;
    suite->failed += file.failed;
    suite->excluded += file.excluded;
}

/* Whole file, unpacked if need be, NUL-terminated; NULL if there is none. */
static char *read_file(const char *directory, const char *name, u32 *length)
{
    char path[512];
    size_t size = 0, room = 1 << 16;
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    gzFile in = gzopen(path, "rb");
    if (!in)
        return NULL;
    char *data = malloc(room + 1);
    for (int n; data && (n = gzread(in, data + size, room - size)) > 0;)
        if ((size += n) == room)
            data = realloc(data, (room *= 2) + 1);
    gzclose(in);
    if (data)
        data[size] = 0;
    if (length)
        *length = size;
    return data;
}

static void run_suite(struct suite *suite)
{
    char opcode[8], name[32], directory[512];
    const char *root = getenv("CLUTCH_TESTDATA");
    const char *only = getenv("ONLY");
    snprintf(directory, sizeof(directory), "%s/cpu/%s", root ? root : "../shared/testdata", suite->directory);
    suite->metadata = read_file(directory, "metadata.json", NULL);
    if (!suite->metadata)
        SKIP("no test data (set CLUTCH_TESTDATA)");
    suite->revoked = read_file(directory, "revocation_list.txt", NULL);
    cpu = toy_cpu("486");
    memset(toy.port_data, 0xff, sizeof(toy.port_data)); /* ports float */
    CHECK(cpu != NULL);
    if (!cpu)
        return;
    cpu_set_a20(cpu, !suite->is_8086);
    for (u8 byte = 0, group = 8; byte != 0xff || group != 8; group = (group + 1) % 9, byte += group == 8) {
        u32 length;
        snprintf(opcode, sizeof(opcode), group == 8 ? "%02X" : "%02X.%u", byte, group);
        snprintf(name, sizeof(name), "%s.MOO.gz", opcode);
        char *data = only && strcmp(only, opcode) ? NULL : read_file(directory, name, &length);
        if (data)
            run_file(suite, opcode, (struct bytes){(const u8 *)data, length});
        free(data);
    }
    printf("  %s: %u passed, %u failed, %u excluded\n", suite->name, suite->passed, suite->failed, suite->excluded);
    CHECK_EQ(suite->failed, 0);
    cpu_destroy(cpu);
    free(suite->metadata);
    free(suite->revoked);
}

TEST(instructions_do_what_an_80286_did)
{
    static struct suite suite = {.name = "80286", .directory = "80286-real"};
    run_suite(&suite);
}

TEST(instructions_do_what_an_8086_did)
{
    static struct suite suite = {.name = "8086", .directory = "8086", .is_8086 = true};
    run_suite(&suite);
}

UNIT_MAIN()
