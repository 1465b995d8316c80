/*
 * Decoder and disassembler against the opcode map, ModRM and SIB tables of Intel SDM vol. 2 (ch. 2 and appendix A).
 * Texts are what GNU objdump -M intel prints for the same bytes, except where it shows implied operands.
 */
#include "cpu/opcodes.h"
#include "tests/unit.h"

static struct insn insn;

/* Decodes space-separated hexadecimal bytes; what follows them is 0x90. */
static unsigned decode_hex(unsigned code_bits, const char *hex, const u64 *features)
{
    struct decoder decoder = {code_bits == 16 ? SIZE_16 : code_bits == 32 ? SIZE_32 : SIZE_64, features};
    u8 bytes[32];
    unsigned n = 0;
    memset(bytes, 0x90, sizeof(bytes));
    for (char *end; *hex && n < sizeof(bytes); hex = end)
        bytes[n++] = strtoul(hex, &end, 16);
    return decode(&decoder, bytes, sizeof(bytes), &insn);
}

struct expectation {
    u8 bits, length;
    const char *hex, *text;
};

static void check_texts(const struct expectation *e, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char text[160];
        unsigned length = decode_hex(e[i].bits, e[i].hex, NULL);
        disassemble(&insn, 0x1000, text, sizeof(text));
        if (length != e[i].length || strcmp(text, e[i].text))
            printf("  %s in %u-bit code: \"%s\", %u bytes\n", e[i].hex, e[i].bits, text, length);
        CHECK_EQ(length, e[i].length);
        CHECK(!strcmp(text, e[i].text));
    }
}
#define CHECK_TEXTS(...)                                                                                               \
    do {                                                                                                               \
        static const struct expectation list[] = {__VA_ARGS__};                                                        \
        check_texts(list, ARRAY_SIZE(list));                                                                           \
    } while (0)

TEST(sixteen_bit_modrm_follows_table_2_1)
{
    static const u8 base[] = {RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX};
    static const u8 index[] = {RSI, RDI, RSI, RDI, NO_REG, NO_REG, NO_REG, NO_REG};
    static const u8 segment[] = {DS, DS, SS, SS, DS, DS, SS, DS};
    for (unsigned modrm = 0; modrm < 0xc0; modrm++) {
        u8 bytes[] = {0x8b, modrm, 0xfe, 0x80, 0x90, 0x90};
        struct decoder decoder = {SIZE_16, NULL};
        unsigned mod = modrm >> 6, rm = modrm & 7;
        bool direct = mod == 0 && rm == 6;
        unsigned length = decode(&decoder, bytes, sizeof(bytes), &insn);
        CHECK_EQ(length, direct ? 4 : 2 + mod);
        CHECK(insn.memory);
        CHECK_EQ(insn.reg, modrm >> 3 & 7);
        CHECK_EQ(insn.base, direct ? NO_REG : base[rm]);
        CHECK_EQ(insn.index, direct ? NO_REG : index[rm]);
        CHECK_EQ(insn.segment, direct ? DS : segment[rm]);
        CHECK_EQ(insn.disp, direct || mod == 2 ? (i16)0x80fe : mod == 1 ? -2 : 0);
        CHECK_EQ(insn.size, SIZE_16);
        CHECK_EQ(insn.address_size, SIZE_16);
    }
}

TEST(thirty_two_bit_modrm_follows_table_2_2)
{
    for (unsigned modrm = 0; modrm < 0xc0; modrm++) {
        u8 bytes[] = {0x8b, modrm, 0xfe, 0x80, 0x90, 0x90, 0x90};
        struct decoder decoder = {SIZE_32, NULL};
        unsigned mod = modrm >> 6, rm = modrm & 7;
        bool direct = mod == 0 && rm == 5;
        if (rm == 4)
            continue;
        unsigned length = decode(&decoder, bytes, sizeof(bytes), &insn);
        CHECK_EQ(length, 2 + (direct || mod == 2 ? 4 : mod));
        CHECK_EQ(insn.base, direct ? NO_REG : rm);
        CHECK_EQ(insn.index, NO_REG);
        CHECK_EQ(insn.segment, rm == 5 && !direct ? SS : DS);
        CHECK_EQ(insn.disp, direct || mod == 2 ? (i32)0x909080fe : mod == 1 ? -2 : 0);
    }
}

TEST(sib_follows_table_2_3)
{
    for (unsigned mod = 0; mod < 3; mod++)
        for (unsigned sib = 0; sib < 256; sib++) {
            u8 bytes[] = {0x8b, mod << 6 | 4, sib, 0xfe, 0x80, 0x90, 0x90, 0x90};
            struct decoder decoder = {SIZE_32, NULL};
            unsigned base = sib & 7, index = sib >> 3 & 7;
            bool no_base = base == 5 && mod == 0;
            unsigned length = decode(&decoder, bytes, sizeof(bytes), &insn);
            CHECK_EQ(length, 3 + (no_base || mod == 2 ? 4 : mod));
            CHECK_EQ(insn.base, no_base ? NO_REG : base);
            CHECK_EQ(insn.index, index == 4 ? NO_REG : index);
            CHECK_EQ(insn.scale, sib >> 6);
            CHECK_EQ(insn.segment, (base == 4 || base == 5) && !no_base ? SS : DS);
        }
}

TEST(rex_extends_reg_index_and_base)
{
    decode_hex(64, "4f 8b 84 e5 10 00 00 00", NULL); /* mov r8, [r13+r12*8+0x10] */
    CHECK_EQ(insn.reg, 8);
    CHECK_EQ(insn.base, 13);
    CHECK_EQ(insn.index, 12);
    CHECK_EQ(insn.scale, 3);
    CHECK_EQ(insn.size, SIZE_64);
    CHECK_EQ(insn.segment, DS);                   /* R13 is not RBP */
    decode_hex(64, "49 8b 05 10 00 00 00", NULL); /* REX.B does not turn off RIP-relative */
    CHECK_EQ(insn.base, BASE_RIP);
    decode_hex(64, "41 8b 04 24", NULL); /* r12 as base needs a SIB */
    CHECK_EQ(insn.base, 12);
    CHECK_EQ(insn.index, NO_REG);
    decode_hex(64, "8b 04 25 00 00 00 80", NULL); /* SIB without base: absolute, sign-extended */
    CHECK_EQ(insn.base, NO_REG);
    CHECK_EQ(insn.disp, 0xffffffff80000000ull);
}

TEST(rex_counts_only_before_the_opcode)
{
    decode_hex(64, "48 66 01 c8", NULL);
    CHECK_EQ(insn.size, SIZE_16);
    CHECK_EQ(insn.rex, 0);
    decode_hex(64, "66 48 01 c8", NULL);
    CHECK_EQ(insn.size, SIZE_64);
}

TEST(texts_of_integer_instructions)
{
    CHECK_TEXTS(
        {32, 2, "00 01", "add    BYTE PTR [ecx],al"}, {32, 6, "81 c1 78 56 34 12", "add    ecx,0x12345678"},
        {32, 3, "83 e9 ff", "sub    ecx,0xffffffff"}, {16, 3, "83 e9 ff", "sub    cx,0xffff"},
        {16, 4, "66 83 e9 ff", "sub    ecx,0xffffffff"}, {32, 5, "a1 78 56 34 12", "mov    eax,ds:0x12345678"},
        {32, 5, "67 66 a3 34 12", "mov    ds:0x1234,ax"}, {16, 3, "a0 34 12", "mov    al,ds:0x1234"},
        {64, 9, "a0 88 77 66 55 44 33 22 11", "mov    al,ds:0x1122334455667788"},
        {64, 10, "48 b8 88 77 66 55 44 33 22 11", "mov    rax,0x1122334455667788"},
        {64, 7, "48 c7 c0 00 00 00 80", "mov    rax,0xffffffff80000000"}, {32, 3, "0f b6 c4", "movzx  eax,ah"},
        {64, 4, "40 0f b6 c4", "movzx  eax,spl"}, {32, 3, "0f bf c1", "movsx  eax,cx"},
        {64, 3, "48 63 c1", "movsxd rax,ecx"}, {32, 4, "8d 44 88 f0", "lea    eax,[eax+ecx*4-0x10]"},
        {32, 1, "91", "xchg   ecx,eax"}, {64, 2, "41 90", "xchg   r8d,eax"}, {64, 2, "49 90", "xchg   r8,rax"},
        {32, 1, "90", "nop"}, {32, 2, "f3 90", "pause"}, {32, 2, "0f c9", "bswap  ecx"},
        {32, 3, "0f af c1", "imul   eax,ecx"}, {32, 3, "6b c1 fe", "imul   eax,ecx,0xfffffffe"},
        {32, 2, "d1 e0", "shl    eax,1"}, {32, 3, "c1 f8 1f", "sar    eax,0x1f"}, {32, 2, "d3 c8", "ror    eax,cl"},
        {32, 4, "0f a4 c8 05", "shld   eax,ecx,0x5"}, {32, 4, "0f ba e0 07", "bt     eax,0x7"},
        {32, 4, "f0 0f b1 0a", "lock cmpxchg DWORD PTR [edx],ecx"}, {32, 1, "98", "cwde"}, {16, 1, "98", "cbw"},
        {64, 2, "48 99", "cqo"}, {32, 3, "0f 94 c0", "sete   al"}, {32, 3, "0f 44 c1", "cmove  eax,ecx"},
        {32, 1, "d7", "xlat"}, {32, 2, "64 d7", "fs xlat"}, {32, 3, "65 8b 00", "mov    eax,DWORD PTR gs:[eax]"},
        {16, 4, "67 8b 04 24", "mov    ax,WORD PTR [esp]"}, {32, 3, "67 8b 00", "mov    eax,DWORD PTR [bx+si]"});
}

TEST(texts_of_branches_and_stack_instructions)
{
    CHECK_TEXTS({32, 2, "75 fe", "jne    0x1000"}, {32, 6, "0f 84 00 01 00 00", "je     0x1106"},
                {16, 4, "0f 84 00 01", "je     0x1104"}, {16, 3, "e8 fd ff", "call   0x1000"},
                {32, 4, "66 e9 fc ef", "jmp    0x0"}, {64, 6, "66 e9 00 00 00 00", "jmp    0x1006"},
                {32, 2, "e3 00", "jecxz  0x1002"}, {16, 2, "e3 00", "jcxz   0x1002"}, {64, 2, "e3 00", "jrcxz  0x1002"},
                {32, 3, "67 e3 00", "jcxz   0x1003"}, {32, 2, "ff e0", "jmp    eax"}, {64, 2, "ff e0", "jmp    rax"},
                {32, 2, "ff 18", "call   FWORD PTR [eax]"}, {16, 5, "ea f0 ff 00 f0", "jmp    0xf000:0xfff0"},
                {32, 7, "9a 78 56 34 12 08 00", "call   0x8:0x12345678"}, {32, 3, "c2 08 00", "ret    0x8"},
                {32, 4, "c8 34 12 02", "enter  0x1234,0x2"}, {32, 1, "9c", "pushfd"}, {16, 1, "9c", "pushf"},
                {64, 1, "9c", "pushfq"}, {32, 2, "66 60", "pusha"}, {32, 1, "60", "pushad"},
                {64, 1, "50", "push   rax"}, {64, 2, "41 50", "push   r8"}, {64, 2, "66 50", "push   ax"},
                {32, 2, "6a ff", "push   0xffffffff"}, {32, 1, "06", "push   es"}, {32, 2, "0f a9", "pop    gs"},
                {32, 2, "cd 80", "int    0x80"}, {64, 2, "48 cf", "iretq"});
}

TEST(texts_of_string_instructions)
{
    CHECK_TEXTS({32, 2, "f3 a4", "rep movsb"}, {32, 1, "a5", "movsd"}, {16, 1, "a5", "movsw"},
                {64, 3, "f3 48 ab", "rep stosq"}, {32, 2, "f2 ae", "repnz scasb"}, {32, 2, "f3 a6", "repz cmpsb"},
                {32, 2, "64 ad", "fs lodsd"}, {32, 2, "f3 6d", "rep insd"}, {16, 2, "66 6f", "outsd"});
}

TEST(texts_of_system_instructions)
{
    CHECK_TEXTS({32, 3, "0f 20 c0", "mov    eax,cr0"}, {32, 3, "0f 22 18", "mov    cr3,eax"},
                {64, 4, "44 0f 20 c0", "mov    rax,cr8"}, {32, 3, "0f 23 f8", "mov    dr7,eax"},
                {32, 3, "0f 01 10", "lgdt   [eax]"}, {32, 3, "0f 01 38", "invlpg BYTE PTR [eax]"},
                {64, 3, "0f 01 f8", "swapgs"}, {32, 3, "0f 01 f9", "rdtscp"}, {32, 2, "8e d8", "mov    ds,ax"},
                {32, 2, "8c d8", "mov    eax,ds"}, {32, 2, "8c 18", "mov    WORD PTR [eax],ds"},
                {32, 3, "0f 00 d8", "ltr    ax"}, {32, 2, "e4 60", "in     al,0x60"}, {32, 2, "66 ed", "in     ax,dx"},
                {32, 2, "e7 80", "out    0x80,eax"}, {32, 2, "0f a2", "cpuid"},
                {32, 3, "0f c7 08", "cmpxchg8b QWORD PTR [eax]"},
                {64, 4, "48 0f c7 08", "cmpxchg16b XMMWORD PTR [rax]"}, {32, 2, "63 c8", "arpl   ax,cx"},
                {32, 2, "62 00", "bound  eax,QWORD PTR [eax]"}, {32, 2, "c5 00", "lds    eax,FWORD PTR [eax]"},
                {32, 3, "0f b2 20", "lss    esp,FWORD PTR [eax]"}, {32, 2, "0f 0b", "ud2"});
}

static bool invalid(unsigned bits, const char *hex)
{
    CHECK(decode_hex(bits, hex, NULL) != 0);
    return insn.opcode == &opcode_invalid;
}

TEST(undocumented_encodings_decode_as_on_silicon)
{
    CHECK_TEXTS({32, 3, "82 c1 05", "add    cl,0x5"}, {32, 1, "d6", "salc"}, {32, 1, "f1", "int1"},
                {32, 3, "c0 f1 03", "shl    cl,0x3"}, {32, 3, "f6 c9 01", "test   cl,0x1"},
                {32, 6, "f7 c9 01 00 00 00", "test   ecx,0x1"}, {32, 3, "0f b9 c1", "ud1    eax,ecx"},
                {32, 3, "0f ff c1", "ud0    eax,ecx"});
}

TEST(encodings_without_a_meaning_are_invalid)
{
    CHECK(invalid(32, "c6 c8 00"));    /* group 11 /1 */
    CHECK(invalid(32, "fe d0"));       /* group 4 /2 */
    CHECK(invalid(32, "ff f8"));       /* group 5 /7 */
    CHECK(invalid(32, "ff d8"));       /* CALL far with a register */
    CHECK(invalid(32, "8f c8"));       /* group 1A /1 */
    CHECK(invalid(32, "8e c8"));       /* MOV CS */
    CHECK(invalid(32, "8e f0"));       /* no segment register 6 */
    CHECK(invalid(32, "8d c0"));       /* LEA of a register */
    CHECK(invalid(32, "62 c0"));       /* BOUND with a register */
    CHECK(invalid(32, "c5 c0"));       /* LDS with a register */
    CHECK(invalid(32, "c4 e1 38 28 c1")); /* VMOVAPS: VEX.vvvv[3] counts outside of 64-bit code too */
    CHECK(invalid(32, "0f 20 c8"));    /* CR1 */
    CHECK(invalid(32, "0f 00 f0"));    /* group 6 /6 */
    CHECK(invalid(32, "0f 01 c0"));    /* SGDT with a register */
    CHECK(invalid(32, "0f ba d8 00")); /* group 8 /3 */
    CHECK(invalid(32, "0f c7 c8"));    /* CMPXCHG8B with a register */
    CHECK(invalid(32, "0f 04"));
}

TEST(mode_decides_between_encodings)
{
    static const char *const gone[] = {"06", "27",    "37", "60",    "61", "62 00", "82 c0 00",
                                       "9a", "c4 00", "ce", "d4 0a", "d6", "ea"};
    for (unsigned i = 0; i < ARRAY_SIZE(gone); i++) {
        CHECK(invalid(64, gone[i]));
        CHECK(!invalid(32, gone[i]));
    }
    CHECK(invalid(32, "0f 01 f8")); /* SWAPGS */
    CHECK_TEXTS({32, 1, "40", "inc    eax"}, {64, 3, "40 ff c0", "inc    eax"});
}

TEST(lock_needs_a_lockable_instruction_with_a_memory_destination)
{
    CHECK(!invalid(32, "f0 01 00"));
    CHECK(!invalid(32, "f0 87 00"));
    CHECK(!invalid(32, "f0 0f ab 00"));
    CHECK(invalid(32, "f0 01 c0"));    /* register */
    CHECK(invalid(32, "f0 03 00"));    /* memory is the source */
    CHECK(invalid(32, "f0 39 00"));    /* CMP */
    CHECK(invalid(32, "f0 89 00"));    /* MOV */
    CHECK(invalid(32, "f0 0f a3 00")); /* BT */
    CHECK(invalid(32, "f0 90"));
}

TEST(features_gate_encodings)
{
    u64 none[4] = {0};
    decode_hex(32, "0f c8", none); /* BSWAP came with the 486 */
    CHECK(insn.opcode == &opcode_invalid);
    decode_hex(32, "0f 44 c1", none);
    CHECK(insn.opcode == &opcode_invalid);
    feature_set(none, FEATURE_CMOV, true);
    decode_hex(32, "0f 44 c1", none);
    CHECK(insn.opcode != &opcode_invalid);
    decode_hex(32, "01 c1", none);
    CHECK(insn.opcode != &opcode_invalid);
}

TEST(fifteen_bytes_are_the_limit)
{
    /* 12 prefixes and MOV EAX, imm8-sized forms: 15 bytes are fine, 16 are not. */
    CHECK_EQ(decode_hex(32, "2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 83 c0 01", NULL), 15);
    CHECK(insn.opcode != &opcode_too_long);
    CHECK_EQ(decode_hex(32, "2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 83 c0 01", NULL), 15);
    CHECK(insn.opcode == &opcode_too_long);
    CHECK_EQ(decode_hex(32, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", NULL), 15);
    CHECK(insn.opcode == &opcode_too_long);
}

TEST(missing_bytes_are_asked_for)
{
    static const u8 bytes[] = {0x66, 0x81, 0x84, 0x88, 1, 2, 3, 4, 5, 6};
    struct decoder decoder = {SIZE_32, NULL};
    for (unsigned n = 0; n < sizeof(bytes); n++)
        CHECK_EQ(decode(&decoder, bytes, n, &insn), 0);
    CHECK_EQ(decode(&decoder, bytes, sizeof(bytes), &insn), sizeof(bytes));
}

TEST(last_of_repeated_prefixes_counts)
{
    decode_hex(32, "f2 f3 a4", NULL);
    CHECK_EQ(insn.rep, REP_F3);
    decode_hex(32, "2e 36 8b 00", NULL);
    CHECK_EQ(insn.segment, SS);
    decode_hex(32, "66 66 01 c0", NULL);
    CHECK_EQ(insn.size, SIZE_16);
    decode_hex(64, "64 2e 8b 00", NULL); /* CS, DS, ES, SS are ignored in 64-bit mode */
    CHECK_EQ(insn.segment, FS);
}

TEST(immediates_extend_as_their_instruction_says)
{
    decode_hex(32, "cd ff", NULL);
    CHECK_EQ(insn.imm, 0xff);
    decode_hex(32, "e4 ff", NULL);
    CHECK_EQ(insn.imm, 0xff);
    decode_hex(32, "c8 ff ff ff", NULL);
    CHECK_EQ(insn.imm, 0xffff);
    CHECK_EQ(insn.imm2, 0xff);
    decode_hex(64, "48 05 00 00 00 80", NULL);
    CHECK_EQ(insn.imm, 0xffffffff80000000ull);
    decode_hex(32, "ea 78 56 34 12 08 00", NULL);
    CHECK_EQ(insn.imm, 0x12345678);
    CHECK_EQ(insn.disp, 8);
}

/* SDM vol. 2, 2.3 "Intel Advanced Vector Extensions". */
TEST(vex_fields_take_the_place_of_rex_and_prefixes)
{
    CHECK_TEXTS({64, 5, "c4 e2 78 f2 ca", "andn   ecx,eax,edx"}, {64, 5, "c4 42 b8 f2 c8", "andn   r9,r8,r8"},
                {64, 6, "c4 a2 f8 f2 14 06", "andn   rdx,rax,QWORD PTR [rsi+r8*1]"},
                {64, 5, "c4 e2 f0 f3 da", "blsi   rcx,rdx"}, {32, 5, "c4 e2 70 f3 d2", "blsmsk ecx,edx"},
                {64, 5, "c4 e2 f8 f7 ca", "bextr  rcx,rdx,rax"}, {64, 6, "c4 e3 fb f0 ca 07", "rorx   rcx,rdx,0x7"},
                {64, 5, "c4 e2 fb f6 ca", "mulx   rcx,rax,rdx"}, {32, 5, "c4 e2 fb f5 ca", "pdep   ecx,eax,edx"},
                {64, 4, "c5 f4 58 ca", "vaddps ymm1,ymm1,ymm2"},
                {32, 4, "c5 f0 58 0a", "vaddps xmm1,xmm1,XMMWORD PTR [edx]"},
                {16, 4, "c5 f4 58 08", "vaddps ymm1,ymm1,YMMWORD PTR [bx+si]"}, {16, 3, "c5 f8 77", "vzeroupper"},
                {64, 6, "c4 c3 75 4a c8 20", "vblendvps ymm1,ymm1,ymm8,ymm2"},
                {64, 6, "c4 a2 6d 90 0c 9e", "vpgatherdd ymm1,DWORD PTR [rsi+ymm11*4],ymm2"},
                {64, 6, "c4 e2 ed 90 0c 9e", "vpgatherdq ymm1,QWORD PTR [rsi+xmm3*4],ymm2"},
                {64, 5, "c4 e1 f9 6e c8", "vmovq  xmm1,rax"}, {32, 5, "c4 e1 f9 6e c8", "vmovd  xmm1,eax"},
                {64, 5, "c4 e2 7d 20 0e", "vpmovsxbw ymm1,XMMWORD PTR [rsi]"},
                {64, 6, "c4 e3 7d 19 0e 01", "vextractf128 XMMWORD PTR [rsi],ymm1,0x1"},
                {32, 2, "c4 08", "les    ecx,FWORD PTR [eax]"}, {16, 2, "c5 08", "lds    cx,DWORD PTR [bx+si]"},
                {64, 5, "66 0f 38 10 ca", "pblendvb xmm1,xmm2,xmm0"}, {64, 5, "f2 0f 38 f0 ca", "crc32  ecx,dl"},
                {64, 6, "f2 48 0f 38 f1 ca", "crc32  rcx,rdx"}, {64, 6, "66 f2 0f 38 f1 ca", "crc32  ecx,dx"},
                {32, 4, "0f 38 f0 08", "movbe  ecx,DWORD PTR [eax]"}, {64, 4, "f3 0f c7 f9", "rdpid  rcx"},
                {64, 6, "66 0f 3a 14 08 01", "pextrb BYTE PTR [rax],xmm1,0x1"});
}

/* SDM: default 64-bit operand size in 64-bit mode; 66 gives 16 bits for stack operations, nothing for near branches. */
TEST(stack_and_branch_operands_have_64_bits_in_64_bit_mode)
{
    decode_hex(64, "68 00 00 00 00", NULL);
    CHECK_EQ(insn.size, SIZE_64);
    decode_hex(64, "66 68 00 00", NULL);
    CHECK_EQ(insn.size, SIZE_16);
    decode_hex(64, "ff d0", NULL);
    CHECK_EQ(insn.size, SIZE_64);
    decode_hex(64, "66 c3", NULL);
    CHECK_EQ(insn.size, SIZE_64);
    decode_hex(64, "cf", NULL);
    CHECK_EQ(insn.size, SIZE_32);
}

TEST(every_row_can_be_reached)
{
    static bool seen[4096];
    static const u8 prefixes[] = {0x90, 0x66, 0xf3, 0xf2};
    u64 old[4] = {0};
    feature_set(old, FEATURE_LM, true);
    for (unsigned step = 0; step < 4u * 2 * 2 * 4 * 256 * 256; step++) {
        u8 bytes[16] = {0};
        unsigned n = 0, map = step >> 16 & 3, prefix = step >> 18 & 3;
        bool code64 = step >> 20 & 1, wide = step >> 21 & 1;
        struct decoder decoder = {code64 ? SIZE_64 : SIZE_32, step >> 22 & 1 ? old : NULL};
        if (prefix)
            bytes[n++] = prefixes[prefix];
        if (wide && code64)
            bytes[n++] = 0x48;
        if (map)
            bytes[n++] = 0x0f;
        if (map > 1)
            bytes[n++] = map == 2 ? 0x38 : 0x3a;
        bytes[n++] = step >> 8;
        bytes[n++] = step;
        decode(&decoder, bytes, 15, &insn);
        if (insn.opcode >= opcode_table && insn.opcode < opcode_table + opcode_count)
            seen[insn.opcode - opcode_table] = true;
    }
    for (unsigned step = 0; step < 3u * 16 * 256 * 256; step++) {
        unsigned map = (step >> 20) + 1, fields = step >> 16 & 15; /* W, L, pp */
        u8 bytes[16] = {0xc4, 0xe0 | map, (fields & 8) << 4 | 0x78 | (fields & 7), step >> 8, step, 0x10};
        struct decoder decoder = {SIZE_64, NULL};
        decode(&decoder, bytes, 15, &insn);
        if (insn.opcode >= opcode_table && insn.opcode < opcode_table + opcode_count)
            seen[insn.opcode - opcode_table] = true;
    }
    for (unsigned i = 0; i < opcode_count; i++) {
        if (!seen[i])
            printf("  never decoded: %s\n", opcode_table[i].source);
        CHECK(seen[i]);
    }
}

/* A helper that leaves its block must stand in rows that end one, and the other way round. */
#define HELPER(name, kind)                                                                                             \
    extern const struct impl impl_##name;                                                                              \
    static void check_##name(void)                                                                                     \
    {                                                                                                                  \
        bool ends = #kind[0] == 'E';                                                                                   \
        for (unsigned i = 0; i < opcode_count; i++)                                                                    \
            if (opcode_table[i].impl == &impl_##name && ends != !!(opcode_table[i].attr & ATTR_END)) {                 \
                printf("  %s: helper is %s\n", opcode_table[i].source, #kind);                                         \
                CHECK(!"ATTR_END fits the helper");                                                                    \
            }                                                                                                          \
    }
#include "cpu/helpers_bits.def"
#include "cpu/helpers_fpu.def"
#include "cpu/helpers_int.def"
#include "cpu/helpers_simd.def"
#include "cpu/helpers_sys.def"
#undef HELPER

TEST(end_attributes_fit_the_helpers)
{
#define HELPER(name, kind) check_##name();
#include "cpu/helpers_bits.def"
#include "cpu/helpers_fpu.def"
#include "cpu/helpers_int.def"
#include "cpu/helpers_simd.def"
#include "cpu/helpers_sys.def"
}

UNIT_MAIN()
