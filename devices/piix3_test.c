#include "devices/piix3.h"

#include "tests/unit.h"

#define DEVFN 8

struct board {
    struct machine *machine;
    struct piix3 bridge;
    struct pci_device card; /* slot 3: INTA goes to PIRQC */
    u16 levels;
};

static void set_level(void *opaque, int line, bool level)
{
    struct board *board = opaque;
    board->levels = level ? board->levels | 1 << line : board->levels & ~(1 << line);
}

static void build(struct board *board)
{
    struct irq out[16];
    memset(board, 0, sizeof(*board));
    board->machine = machine_create(NULL);
    board->machine->pci = pci_create(board->machine->memory, board->machine->ports);
    for (int i = 0; i < 16; i++)
        out[i] = (struct irq){set_level, board, i};
    CHECK_EQ(piix3_init(&board->bridge, board->machine, out), 0);
    pci_init(&board->card, "card", 3 << 3, 0x1234, 0x5678, 0, 0x020000);
    board->card.config[0x3d] = board->card.reset_config[0x3d] = 1;
    CHECK_EQ(pci_add(board->machine->pci, &board->card), 0);
    machine_reset_devices(board->machine);
}

static void dismantle(struct board *board)
{
    machine_destroy(board->machine);
}

static void route(struct board *board, int pirq, u8 value)
{
    pci_config_write(board->machine->pci, DEVFN, 0x60 + pirq, value, 1);
}

static void pulse_line(struct board *board, int line, bool level)
{
    struct irq irq = piix3_irq(&board->bridge, line);
    irq_set(&irq, level);
}

TEST(identity_is_piix3_with_more_functions)
{
    struct board board;
    build(&board);
    CHECK_EQ(pci_config_read(board.machine->pci, DEVFN, 0, 4), 0x70008086);
    CHECK_EQ(pci_config_read(board.machine->pci, DEVFN, 0x0e, 1), 0x80);
    CHECK_EQ(pci_config_read(board.machine->pci, DEVFN, 0x60, 4), 0x80808080);
    dismantle(&board);
}

TEST(isa_lines_pass_through)
{
    struct board board;
    build(&board);
    pulse_line(&board, 4, true);
    CHECK_EQ(board.levels, 1 << 4);
    pulse_line(&board, 4, false);
    CHECK_EQ(board.levels, 0);
    dismantle(&board);
}

TEST(disabled_pirq_reaches_nobody)
{
    struct board board;
    build(&board);
    pci_set_intx(&board.card, true);
    CHECK_EQ(board.levels, 0);
    route(&board, 2, 0x8b);
    CHECK_EQ(board.levels, 0);
    dismantle(&board);
}

TEST(slot_3_inta_is_pirqc)
{
    struct board board;
    build(&board);
    for (int pirq = 0; pirq < 4; pirq++)
        route(&board, pirq, 3 + pirq);
    pci_set_intx(&board.card, true);
    CHECK_EQ(board.levels, 1 << 5);
    dismantle(&board);
}

TEST(a_held_interrupt_follows_its_route)
{
    struct board board;
    build(&board);
    route(&board, 2, 11);
    pci_set_intx(&board.card, true);
    CHECK_EQ(board.levels, 1 << 11);
    route(&board, 2, 10);
    CHECK_EQ(board.levels, 1 << 10);
    pci_set_intx(&board.card, false);
    CHECK_EQ(board.levels, 0);
    dismantle(&board);
}

TEST(pci_and_isa_share_a_line_by_or)
{
    struct board board;
    build(&board);
    route(&board, 2, 11);
    pci_set_intx(&board.card, true);
    pulse_line(&board, 11, true);
    pci_set_intx(&board.card, false);
    CHECK_EQ(board.levels, 1 << 11);
    pulse_line(&board, 11, false);
    CHECK_EQ(board.levels, 0);
    dismantle(&board);
}

TEST(sci_shares_irq_9)
{
    struct board board;
    build(&board);
    pulse_line(&board, PIIX3_SCI, true);
    pulse_line(&board, 9, true);
    pulse_line(&board, PIIX3_SCI, false);
    CHECK_EQ(board.levels, 1 << 9);
    dismantle(&board);
}

/* 82371SB: IRQ 0, 1, 2, 8, 13 are reserved in PIRQRC. */
TEST(reserved_routes_reach_nobody)
{
    static const u8 reserved[] = {0, 1, 2, 8, 13};
    struct board board;
    build(&board);
    pci_set_intx(&board.card, true);
    for (size_t i = 0; i < sizeof(reserved); i++) {
        route(&board, 2, reserved[i]);
        CHECK_EQ(board.levels, 0);
    }
    dismantle(&board);
}

TEST(rcpu_resets_and_srst_stays)
{
    struct board board;
    build(&board);
    ioports_write(board.machine->ports, 0xcf9, 0x02, 1);
    CHECK_EQ(board.machine->event, EVENT_NONE);
    CHECK_EQ(ioports_read(board.machine->ports, 0xcf9, 1), 0x02);
    ioports_write(board.machine->ports, 0xcf9, 0x06, 1);
    CHECK_EQ(board.machine->event, EVENT_RESET);
    dismantle(&board);
}

TEST(cf8_dwords_are_not_resets)
{
    struct board board;
    build(&board);
    ioports_write(board.machine->ports, 0xcf8, 0x80000600, 4);
    CHECK_EQ(board.machine->event, EVENT_NONE);
    CHECK_EQ(ioports_read(board.machine->ports, 0xcf8, 4), 0x80000600);
    dismantle(&board);
}

UNIT_MAIN()
