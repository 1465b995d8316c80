/*
 * Rules of machine/machine.h and machine/device.h.
 */
#include "machine/machine.h"

#include "tests/unit.h"

static int kicks;

static void kick(void *opaque)
{
    kicks++;
}

static struct machine *create(void)
{
    struct machine *machine = machine_create(NULL);
    kicks = 0;
    machine->kick = kick;
    return machine;
}

TEST(the_first_request_of_a_turn_wins)
{
    struct machine *machine = create();
    machine_request(machine, EVENT_RESET, "port 92");
    machine_request(machine, EVENT_SHUTDOWN, "acpi");
    machine_guest_exit(machine, 33);
    CHECK_EQ(machine->event, EVENT_RESET);
    CHECK(!strcmp(machine->event_text, "port 92"));
    CHECK_EQ(machine->exit_status, 0);
    CHECK(kicks >= 1);
    machine_destroy(machine);
}

TEST(guest_exit_carries_its_status)
{
    struct machine *machine = create();
    machine_guest_exit(machine, 33);
    CHECK_EQ(machine->event, EVENT_GUEST_EXIT);
    CHECK_EQ(machine->exit_status, 33);
    CHECK_EQ(kicks, 1);
    machine_destroy(machine);
}

static void gate(void *opaque, bool on)
{
    *(int *)opaque = on ? 1 : 2;
}

TEST(a20_goes_to_the_engine)
{
    struct machine *machine = machine_create(NULL);
    int seen = 0;
    machine_a20(machine, false); /* nobody there yet */
    machine_kick(machine);
    machine->set_a20 = gate;
    machine->a20_opaque = &seen;
    machine_a20(machine, false);
    CHECK_EQ(seen, 2);
    machine_a20(machine, true);
    CHECK_EQ(seen, 1);
    machine_destroy(machine);
}

struct chip {
    struct device device;
    int reset_at;
};

static int resets;

static void reset(void *state)
{
    struct chip *chip = state;
    chip->reset_at = ++resets;
}

static const struct device_ops chip_ops = {.name = "chip", .reset = reset};
static const struct device_ops mute_ops = {.name = "mute"};

TEST(chips_are_reset_in_order_of_adding)
{
    struct machine *machine = create();
    struct chip a = {0}, b = {0}, c = {0};
    resets = 0;
    device_add(&machine->devices, &b.device, &chip_ops, &b, "b");
    device_add(&machine->devices, &c.device, &mute_ops, &c, "c");
    device_add(&machine->devices, &a.device, &chip_ops, &a, "a");
    machine_reset_devices(machine);
    CHECK_EQ(b.reset_at, 1);
    CHECK_EQ(a.reset_at, 2);
    CHECK(device_find(&machine->devices, "c") == &c.device);
    CHECK(!device_find(&machine->devices, "d"));
    machine_destroy(machine);
}

UNIT_MAIN()
