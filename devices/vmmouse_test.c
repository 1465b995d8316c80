#include "devices/vmmouse.h"

#include "devices/testbench.h"

/* Values of VMware's vmmouse_proto.h. */
enum { MAGIC = 0x564d5868, GET_VERSION = 10, DATA = 39, STATUS = 40, COMMAND = 41 };
enum { ENABLE = 0x45414552, RELATIVE = 0x4c455252, ABSOLUTE = 0x53424152, DISABLE = 0xf5, VERSION_ID = 0x3442554a };

static struct bench bench;
static struct ps2_mouse mouse;
static struct vmmouse vm;
static struct machine_registers cpu;

static bool registers(void *opaque, struct machine_registers *values, bool write)
{
    if (write)
        cpu = *values;
    else
        *values = cpu;
    return true;
}

static void start(void)
{
    bench_open(&bench);
    bench.machine->registers = registers;
    ps2_mouse_init(&mouse, bench.machine);
    vmmouse_init(&vm, bench.machine, &mouse);
}

/* IN EAX,DX */
static u32 backdoor(u32 command, u32 argument)
{
    cpu = (struct machine_registers){.eax = MAGIC, .ebx = argument, .ecx = command, .edx = 0x5658};
    return ioports_read(bench.machine->ports, 0x5658, 4);
}

static void enable(void)
{
    backdoor(COMMAND, ENABLE);
    CHECK_EQ(backdoor(STATUS, 0), 1);
    CHECK_EQ(backdoor(DATA, 1), VERSION_ID);
    backdoor(COMMAND, ABSOLUTE);
}

TEST(the_version_command_tells_the_magic)
{
    start();
    u32 version = backdoor(GET_VERSION, ~MAGIC);
    CHECK_EQ(cpu.ebx, MAGIC);
    CHECK(version != 0xffffffff);
    bench_close(&bench);
}

TEST(without_the_magic_the_port_is_empty)
{
    start();
    cpu = (struct machine_registers){.eax = 1, .ecx = GET_VERSION, .edx = 0x5658};
    CHECK_EQ(ioports_read(bench.machine->ports, 0x5658, 4), 0xffffffff);
    CHECK_EQ(cpu.ebx, 0);
    bench.machine->registers = NULL;
    CHECK_EQ(backdoor(GET_VERSION, 0), 0xffffffff);
    bench_close(&bench);
}

TEST(positions_come_only_after_they_were_asked_for)
{
    start();
    CHECK(!input_is_absolute(&bench.machine->input));
    input_absolute(&bench.machine->input, 1, 2, 0, 0);
    CHECK_EQ(backdoor(STATUS, 0) >> 16, 0xffff);
    enable();
    CHECK(input_is_absolute(&bench.machine->input));
    CHECK_EQ(backdoor(STATUS, 0), 0);
    input_absolute(&bench.machine->input, 0x1234, 0xffff, 1, 1 | 4);
    CHECK_EQ(backdoor(STATUS, 0), 4);
    CHECK_EQ(backdoor(DATA, 4), 0x28); /* left 20h, middle 8 */
    CHECK_EQ(cpu.ebx, 0x1234);
    CHECK_EQ(cpu.ecx, 0xffff);
    CHECK_EQ(cpu.edx, 0xffffffff); /* one step away from the user */
    backdoor(COMMAND, RELATIVE);
    CHECK(!input_is_absolute(&bench.machine->input));
    backdoor(COMMAND, DISABLE);
    CHECK_EQ(backdoor(STATUS, 0) >> 16, 0xffff);
    bench_close(&bench);
}

/* The driver is called by the PS/2 mouse's interrupt: a packet without movement. */
TEST(a_position_makes_the_mouse_send_an_empty_packet)
{
    start();
    mouse.port.write(mouse.port.opaque, 0xf4);
    CHECK_EQ(mouse.port.read(mouse.port.opaque), 0xfa);
    enable();
    input_absolute(&bench.machine->input, 5, 5, 0, 0);
    CHECK_EQ(mouse.port.read(mouse.port.opaque), 0x08);
    CHECK_EQ(mouse.port.read(mouse.port.opaque), 0x00);
    CHECK_EQ(mouse.port.read(mouse.port.opaque), 0x00);
    CHECK_EQ(mouse.port.read(mouse.port.opaque), -1);
    bench_close(&bench);
}

TEST(a_full_queue_is_an_error_until_the_driver_begins_anew)
{
    start();
    enable();
    for (int i = 0; i < 1000; i++)
        input_absolute(&bench.machine->input, i, i, 0, 0);
    CHECK_EQ(backdoor(STATUS, 0) >> 16, 0xffff);
    enable();
    CHECK_EQ(backdoor(STATUS, 0), 0);
    bench_close(&bench);
}

TEST(asking_for_more_than_there_is_disables)
{
    start();
    enable();
    CHECK_EQ(backdoor(DATA, 4), 0xffffffff);
    CHECK_EQ(backdoor(STATUS, 0) >> 16, 0xffff);
    enable();
    backdoor(DATA, 0x80000000);
    CHECK(!input_is_absolute(&bench.machine->input));
    bench_close(&bench);
}

TEST(reset_disables)
{
    start();
    enable();
    machine_reset_devices(bench.machine);
    CHECK(!input_is_absolute(&bench.machine->input));
    bench_close(&bench);
}

UNIT_MAIN()
