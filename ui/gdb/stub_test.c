/*
 * A session with the gdb server, packet by packet, and nonsense in place of packets.
 *
 * Source: "Debugging with GDB", appendix "GDB Remote Serial Protocol"; the registers of a debugger that asks for no
 *   description begin with RAX, RBX, RCX, RDX, RSI, RDI, RBP, RSP, R8-R15, RIP, EFLAGS.
 */
#include "machine/machine.h"
#include "tests/unit.h"
#include "ui/gdb/session.h"

#define RAM_SIZE 0x100000u

static struct machine *machine;
static struct accel *accel;
static struct gdb *gdb;
static struct region ram;
static struct chardev chr;
static char sent[4 * GDB_PACKET_MAX];
static size_t sent_length;

static size_t collect(struct chardev *to, const u8 *data, size_t length)
{
    size_t room = MIN(length, sizeof(sent) - 1 - sent_length);
    memcpy(sent + sent_length, data, room);
    sent_length += room;
    sent[sent_length] = 0;
    return length;
}

static void open_session(const char *model)
{
    static const struct chardev_ops ops = {.name = "test", .write = collect};
    struct error err = {""};
    machine = machine_create(&err);
    ram = (struct region){.name = "ram", .kind = REGION_RAM, .size = RAM_SIZE, .enabled = true,
                          .host = memory_alloc(RAM_SIZE), .page_flags = calloc(1, RAM_SIZE / 4096)};
    memory_add(machine->memory, &ram);
    struct accel_options options = {.cpu_model = model, .icount_shift = -1};
    accel = accel_create(machine, &options, &err);
    CHECK(accel != NULL);
    chr = (struct chardev){.ops = &ops};
    gdb = gdb_open(machine, accel, &chr);
}

static void close_session(void)
{
    gdb_close(gdb, 0);
    accel_destroy(accel);
    machine_destroy(machine);
    memory_free(ram.host, RAM_SIZE);
    free(ram.page_flags);
}

static void feed(const void *data, size_t length) { chr.user.receive(chr.user.opaque, data, length); }

/* Sends a packet; the data of the answer, without what surrounds it. */
static const char *ask_bytes(const void *data, size_t length)
{
    static struct gdb_text text;
    static char packet[2 * GDB_PACKET_MAX + 4];
    static struct gdb_reader reader;
    text.length = 0;
    gdb_put_bytes(&text, data, length);
    sent_length = 0;
    sent[0] = 0;
    feed(packet, gdb_frame(&text, packet));
    for (size_t i = 0; i < sent_length; i++)
        if (gdb_take(&reader, (u8)sent[i]) == GDB_PACKET)
            return reader.data;
    return "(none)";
}

static const char *ask(const char *text) { return ask_bytes(text, strlen(text)); }

#define CHECK_ANSWER(packet, want)                                                                                     \
    do {                                                                                                               \
        const char *answer = ask(packet);                                                                              \
        CHECK(!strcmp(answer, want));                                                                                  \
        if (strcmp(answer, want))                                                                                      \
            printf("    %s: %.200s\n", packet, answer);                                                                \
    } while (0)

TEST(a_connection_alone_does_not_stop_the_machine)
{
    open_session("max");
    accel_set_state(accel, RUN_RUNNING);
    chr.user.event(chr.user.opaque, CHAR_OPENED);
    CHECK_EQ(machine->state, RUN_RUNNING);
    chr.user.event(chr.user.opaque, CHAR_CLOSED);
    chr.user.event(chr.user.opaque, CHAR_OPENED);
    CHECK_ANSWER("?", "T02thread:1;");
    CHECK_EQ(machine->state, RUN_STOPPED);
    CHECK_ANSWER("Z0,7c00,1", "OK");
    chr.user.event(chr.user.opaque, CHAR_CLOSED); /* it vanished: as if it had detached */
    CHECK_EQ(machine->state, RUN_RUNNING);
    CHECK_EQ(machine->cpus[0]->debugger.count, 0);
    close_session();
}

TEST(what_is_not_known_gets_an_empty_answer)
{
    open_session("max");
    CHECK_ANSWER("vMustReplyEmpty", "");
    CHECK_ANSWER("!", "");
    CHECK_ANSWER("qTStatus", "");
    CHECK_ANSWER("QNonStop:1", "");
    CHECK_ANSWER("Z9,0,1", "");
    CHECK_ANSWER("", "");
    CHECK_ANSWER("qAttached", "1");
    CHECK_ANSWER("qC", "QC1");
    CHECK_ANSWER("qfThreadInfo", "m1");
    CHECK_ANSWER("qsThreadInfo", "l");
    CHECK_ANSWER("T1", "OK");
    CHECK_ANSWER("T2", "E03");
    CHECK_ANSWER("Hg0", "OK");
    CHECK_ANSWER("vCont?", "vCont;c;C;s;S");
    CHECK(strstr(ask("qSupported:multiprocess+"), "PacketSize=4000;") != NULL);
    close_session();
}

TEST(acknowledgements_are_sent_until_they_are_not_wanted)
{
    open_session("max");
    ask("qC");
    CHECK(!strncmp(sent, "+$QC1#c5", 8));
    sent_length = 0;
    feed("-", 1);
    CHECK(!strncmp(sent, "$QC1#c5", 7));
    sent_length = 0;
    feed("$qC#00", 6);
    CHECK_EQ(sent_length, 1);
    CHECK_EQ(sent[0], '-');
    ask("QStartNoAckMode");
    CHECK(!strcmp(sent, "+$OK#9a"));
    ask("qC");
    CHECK(!strcmp(sent, "$QC1#c5"));
    close_session();
}

TEST(registers_are_read_and_written)
{
    open_session("max");
    struct cpu *cpu = machine->cpus[0];
    cpu->gpr[RBX] = 0x1122334455667788;
    const char *all = ask("g");
    CHECK(!strncmp(all + 16, "8877665544332211", 16));
    CHECK(!strncmp(all + 16 * 16, "f0ff000000000000", 16)); /* RIP after reset; then EFLAGS, CS */
    CHECK(!strncmp(all + 17 * 16, "0200000000f00000", 16));
    CHECK_ANSWER("p1", "8877665544332211");
    CHECK_ANSWER("P2=0102030405060708", "OK");
    CHECK_EQ(cpu->gpr[RCX], 0x0807060504030201);
    CHECK_ANSWER("p3e7", "E16");
    CHECK_ANSWER("P3e7=00", "E16");
    CHECK_ANSWER("P2=01", "E16");
    static char back[2 * GDB_PACKET_MAX];
    snprintf(back, sizeof(back), "G%s", ask("g"));
    CHECK_ANSWER(back, "OK"); /* all as they were, control registers, too */
    CHECK_EQ(cpu->gpr[RCX], 0x0807060504030201);
    memcpy(back + 1, "efcdab8967452301", 16);
    CHECK_ANSWER(back, "OK");
    CHECK_EQ(cpu->gpr[RAX], 0x0123456789abcdef);
    close_session();
}

TEST(both_names_of_a_register_are_written)
{
    open_session("max");
    struct cpu *cpu = machine->cpus[0];
    unsigned eax = gdb_register_count(GDB_BOTH) - 9;
    char packet[40];
    CHECK_EQ(gdb_choose_layout(cpu), GDB_BOTH | GDB_AVX);
    snprintf(packet, sizeof(packet), "P%x=78563412", eax);
    CHECK_ANSWER(packet, "OK");
    CHECK_EQ(cpu->gpr[RAX], 0x12345678);
    close_session();
    open_session("pentium3");
    CHECK_EQ(gdb_choose_layout(machine->cpus[0]), GDB_I386);
    ask("?");
    CHECK_ANSWER("p8", "f0ff0000"); /* EIP */
    close_session();
}

/* "i386 Features": org.gnu.gdb.i386.avx has the upper halves, 8 of them outside of 64-bit architectures. */
TEST(upper_halves_of_ymm_registers)
{
    static char xml[GDB_XML_MAX];
    open_session("max");
    struct cpu *cpu = machine->cpus[0];
    enum gdb_layout layout = gdb_choose_layout(cpu);
    char packet[80];
    cpu->vec[15] = (union vector_reg){.q = {1, 2, 0x1122334455667788, 4}};
    ask("?");
    snprintf(packet, sizeof(packet), "p%x", gdb_register_count(layout) - 1);
    CHECK_ANSWER(packet, "88776655443322110400000000000000");
    snprintf(packet, sizeof(packet), "P%x=000102030405060708090a0b0c0d0e0f", gdb_register_count(layout) - 1);
    CHECK_ANSWER(packet, "OK");
    CHECK_EQ(cpu->vec[15].q[1], 2);
    CHECK_EQ(cpu->vec[15].q[2], 0x0706050403020100);
    CHECK_EQ(cpu->vec[15].q[3], 0x0f0e0d0c0b0a0908);
    CHECK(gdb_describe(layout, false, xml) < GDB_XML_MAX - 1);
    CHECK(strstr(xml, "org.gnu.gdb.i386.avx") && strstr(xml, "ymm15h\" bitsize=\"128\" type=\"uint128\""));
    close_session();
    CHECK_EQ(gdb_register_count(GDB_I386 | GDB_AVX) - gdb_register_count(GDB_I386), 8);
    open_session("pentium3");
    gdb_describe(gdb_choose_layout(machine->cpus[0]), false, xml);
    CHECK(!strstr(xml, "avx"));
    close_session();
}

TEST(the_description_comes_in_pieces)
{
    static char xml[GDB_XML_MAX + 64];
    open_session("max");
    size_t length = 0;
    for (;;) {
        char packet[80];
        snprintf(packet, sizeof(packet), "qXfer:features:read:target.xml:%zx,100", length);
        const char *answer = ask(packet);
        size_t piece = strlen(answer + 1);
        memcpy(xml + length, answer + 1, piece);
        length += piece;
        if (*answer != 'm')
            break;
    }
    CHECK(strstr(xml, "name=\"rip\" bitsize=\"64\" type=\"int64\" regnum=\"16\"") != NULL);
    CHECK(strstr(xml, "name=\"eip\" bitsize=\"32\"") != NULL);
    CHECK(strstr(xml, "</target>") != NULL);
    CHECK(length < GDB_XML_MAX - 1);
    CHECK_ANSWER("qXfer:features:read:target.xml:ffffffffffffffff,100", "E16");
    CHECK_ANSWER("qXfer:features:read:other.xml:0,100", "");
    close_session();
}

TEST(memory_is_read_and_written)
{
    open_session("max");
    CHECK_ANSWER("M1000,4:01020304", "OK");
    CHECK_ANSWER("m1000,4", "01020304");
    const u8 binary[] = {'X', '1', '0', '0', '4', ',', '3', ':', '#', 0, '}'};
    CHECK(!strcmp(ask_bytes(binary, sizeof(binary)), "OK"));
    CHECK_ANSWER("m1000,8", "0102030423007d00");
    CHECK_ANSWER("X1000,0:", "OK");
    CHECK_ANSWER("M1000,4:0102", "E16");
    CHECK_ANSWER("M1000,ffffffff:00", "E16");
    CHECK_ANSWER("m1000", "E16");
    CHECK_ANSWER("m80000000,4", "E0e");
    CHECK_ANSWER("mfffff,2", "00"); /* as far as there is memory */
    CHECK_EQ(strlen(ask("m0,ffffffff")), GDB_PACKET_MAX);
    CHECK_ANSWER("Qqemu.PhyMemMode:1", "OK");
    CHECK_ANSWER("m1000,4", "01020304");
    CHECK_ANSWER("qqemu.PhyMemMode", "1");
    close_session();
}

TEST(points_come_and_go)
{
    open_session("max");
    const struct debugger *debugger = &machine->cpus[0]->debugger;
    CHECK_ANSWER("Z0,7c00,1", "OK");
    CHECK_ANSWER("Z1,7c01,1", "OK");
    CHECK_ANSWER("Z2,8000,14", "OK"); /* 8, 8 and 4 */
    CHECK_EQ(debugger->count, 5);
    CHECK_EQ(debugger->points[4].length, 4);
    CHECK_ANSWER("z2,8000,14", "OK");
    CHECK_ANSWER("z0,7c00,1", "OK");
    CHECK_EQ(debugger->count, 1);
    CHECK_ANSWER("Z2,8000,0", "E16");
    CHECK_ANSWER("Z2,8000,ffffffffffffffff", "E16");
    CHECK_ANSWER("Z2,8000,400", "E1c"); /* no room, and nothing is left of it */
    CHECK_EQ(debugger->count, 1);
    CHECK_ANSWER("Z0,7c00", "E16");
    CHECK_ANSWER("D", "OK");
    CHECK_EQ(debugger->count, 0);
    CHECK_EQ(machine->state, RUN_RUNNING);
    close_session();
}

static void nothing(void *opaque) {}

TEST(going_on_is_answered_by_the_stop)
{
    open_session("max");
    CHECK_ANSWER("?", "T02thread:1;");
    CHECK_ANSWER("vCont;c", "(none)");
    CHECK_EQ(machine->state, RUN_RUNNING);
    loop_turn(machine->loop, 0, nothing, nothing, NULL);
    sent_length = 0;
    feed("\x03", 1);
    CHECK_EQ(machine->state, RUN_STOPPED);
    loop_turn(machine->loop, 0, nothing, nothing, NULL);
    CHECK(!strncmp(sent, "$T02thread:1;#", 14));
    ask("c7c00");
    CHECK_EQ(machine->cpus[0]->rip, 0x7c00);
    sent_length = 0;
    machine->state = RUN_QUIT;
    gdb_close(gdb, 33);
    CHECK(!strncmp(sent, "$W21#", 5));
    gdb = gdb_open(machine, accel, &chr);
    close_session();
}

/* Nothing that comes over the wire may do harm: fields that are cut short, too large, or missing. */
TEST(nonsense_does_no_harm)
{
    static const char *const starts[] = {"m", "M", "X", "p", "P", "G", "Z0,", "z4,", "Z2,7c00,", "vCont;", "qXfer:features:read:",
                                         "qXfer:features:read:target.xml:", "Qqemu.sstep=", "H", "T", "s", "c", "C05;", "?", "g",
                                         "qThreadExtraInfo,", "D"};
    static const char letters[] = "0123456789abcdef,:;=#$}*-+?\x03 \xff";
    static const size_t letter_count = sizeof(letters); /* with the 0 */
    open_session("max");
    srand(1);
    for (unsigned i = 0; i < 20000; i++) {
        char packet[128];
        const char *start = starts[(unsigned)rand() % ARRAY_SIZE(starts)];
        size_t length = (size_t)snprintf(packet, sizeof(packet), "%s", start);
        for (unsigned more = (unsigned)rand() % 40; more; more--)
            packet[length++] = letters[(unsigned)rand() % letter_count];
        if (rand() & 1)
            ask_bytes(packet, length);
        else
            feed(packet, length); /* not even a packet */
        sent_length = 0;
        loop_turn(machine->loop, 0, nothing, nothing, NULL);
    }
    feed("#00", 3);
    feed("\x03", 1);
    CHECK_ANSWER("vMustReplyEmpty", "");
    close_session();
}

UNIT_MAIN()
