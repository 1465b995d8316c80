#include "devices/piix4_pm.h"

#include "tests/unit.h"

#define DEVFN 0x0b
#define PMBASE 0x600

struct board {
    struct machine *machine;
    struct piix4_pm pm;
    u64 ns;
    bool sci;
};

static u64 now(void *opaque)
{
    return ((struct board *)opaque)->ns;
}

static void set_sci(void *opaque, int line, bool level)
{
    ((struct board *)opaque)->sci = level;
}

static void build(struct board *board)
{
    memset(board, 0, sizeof(*board));
    board->machine = machine_create(NULL);
    clock_use_icount(board->machine->clock, 0, now, board);
    board->machine->pci = pci_create(board->machine->memory, board->machine->ports);
    CHECK_EQ(piix4_pm_init(&board->pm, board->machine, (struct irq){set_sci, board, 9}), 0);
    machine_reset_devices(board->machine);
    pci_config_write(board->machine->pci, DEVFN, 0x40, PMBASE | 1, 4);
    pci_config_write(board->machine->pci, DEVFN, 0x80, 1, 1);
}

static void dismantle(struct board *board)
{
    machine_destroy(board->machine);
}

static u32 in(struct board *board, u16 port, unsigned size)
{
    return ioports_read(board->machine->ports, port, size);
}

static void out(struct board *board, u16 port, u32 value, unsigned size)
{
    ioports_write(board->machine->ports, port, value, size);
}

static void pass(struct board *board, u64 ns)
{
    board->ns += ns;
    clock_run(board->machine->clock);
}

TEST(smi_handler_is_taken_as_installed)
{
    struct board board;
    build(&board);
    CHECK_EQ(pci_config_read(board.machine->pci, DEVFN, 0, 4), 0x71138086);
    CHECK_EQ(pci_config_read(board.machine->pci, DEVFN, 0x5b, 1) & 2, 2);
    dismantle(&board);
}

TEST(registers_appear_where_pmba_says)
{
    struct board board;
    build(&board);
    pci_config_write(board.machine->pci, DEVFN, 0x40, 0xb001, 4);
    CHECK_EQ(in(&board, PMBASE + 4, 2), 0xffff);
    CHECK_EQ(in(&board, 0xb004, 2), 0);
    pci_config_write(board.machine->pci, DEVFN, 0x80, 0, 1);
    CHECK_EQ(in(&board, 0xb004, 2), 0xffff);
    dismantle(&board);
}

TEST(timer_counts_24_bits_at_3579545_hz)
{
    struct board board;
    build(&board);
    pass(&board, NS_PER_SEC);
    CHECK_EQ(in(&board, PMBASE + 8, 4), 3579545);
    pass(&board, 4 * NS_PER_SEC);
    CHECK_EQ(in(&board, PMBASE + 8, 4), 5 * 3579545 - 0x1000000);
    dismantle(&board);
}

/* ACPI: TMR_STS is set when bit 23 changes, 2.3435 s apart. */
TEST(timer_status_follows_bit_23)
{
    struct board board;
    build(&board);
    pass(&board, 2300000000ull);
    CHECK_EQ(in(&board, PMBASE, 2) & 1, 0);
    pass(&board, 100000000);
    CHECK_EQ(in(&board, PMBASE, 2) & 1, 1);
    out(&board, PMBASE, 1, 2);
    CHECK_EQ(in(&board, PMBASE, 2) & 1, 0);
    pass(&board, 2400000000ull);
    CHECK_EQ(in(&board, PMBASE, 2) & 1, 1);
    dismantle(&board);
}

TEST(enabled_timer_overflow_raises_sci)
{
    struct board board;
    build(&board);
    out(&board, PMBASE + 4, 1, 2);
    out(&board, PMBASE + 2, 1, 2);
    pass(&board, 2300000000ull);
    CHECK(!board.sci);
    pass(&board, 100000000);
    CHECK(board.sci);
    out(&board, PMBASE, 1, 2);
    CHECK(!board.sci);
    dismantle(&board);
}

TEST(power_button_raises_sci_when_enabled)
{
    struct board board;
    build(&board);
    out(&board, PMBASE + 4, 1, 2);
    piix4_pm_power_button(&board.pm);
    CHECK(!board.sci);
    out(&board, PMBASE + 2, 0x100, 2);
    CHECK(board.sci);
    CHECK_EQ(in(&board, PMBASE, 2), 0x100);
    out(&board, PMBASE, 0x100, 2);
    CHECK(!board.sci);
    dismantle(&board);
}

TEST(no_sci_while_sci_en_is_clear)
{
    struct board board;
    build(&board);
    out(&board, PMBASE + 2, 0x100, 2);
    piix4_pm_power_button(&board.pm);
    CHECK(!board.sci);
    dismantle(&board);
}

TEST(apm_commands_switch_acpi_on_and_off)
{
    struct board board;
    build(&board);
    out(&board, 0xb2, 0xf1, 1);
    CHECK_EQ(in(&board, PMBASE + 4, 2) & 1, 1);
    out(&board, 0xb2, 0xf0, 1);
    CHECK_EQ(in(&board, PMBASE + 4, 2) & 1, 0);
    out(&board, 0xb3, 0x5a, 1);
    CHECK_EQ(in(&board, 0xb3, 1), 0x5a);
    dismantle(&board);
}

TEST(soft_off_shuts_down)
{
    struct board board;
    build(&board);
    out(&board, PMBASE + 4, 0x2000, 2);
    CHECK_EQ(board.machine->event, EVENT_SHUTDOWN);
    CHECK_EQ(in(&board, PMBASE + 4, 2) & 0x2000, 0); /* SLP_EN is write-only */
    dismantle(&board);
}

TEST(suspend_to_ram_is_not_there)
{
    struct board board;
    build(&board);
    out(&board, PMBASE + 4, 0x2400, 2);
    CHECK_EQ(board.machine->event, EVENT_NONE);
    dismantle(&board);
}

TEST(general_purpose_events_are_plain_latches)
{
    struct board board;
    build(&board);
    out(&board, PIIX4_GPE0_BASE + 2, 0xffff, 2);
    CHECK_EQ(in(&board, PIIX4_GPE0_BASE + 2, 2), 0xffff);
    CHECK_EQ(in(&board, PIIX4_GPE0_BASE, 2), 0);
    dismantle(&board);
}

TEST(nothing_answers_on_smbus)
{
    struct board board;
    build(&board);
    pci_config_write(board.machine->pci, DEVFN, 0x90, 0x701, 4);
    out(&board, 0x704, 0xa1, 1);
    out(&board, 0x702, 0x48, 1);
    CHECK_EQ(in(&board, 0x700, 1), 0x04);
    out(&board, 0x700, 0x04, 1);
    CHECK_EQ(in(&board, 0x700, 1), 0);
    for (int i = 0; i < 100; i++)
        out(&board, 0x707, i, 1);
    dismantle(&board);
}

UNIT_MAIN()
