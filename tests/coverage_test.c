/*
 * Every row of the opcode table must have been executed, to its end, by some test of the run: tests/run.sh starts this
 * program last, with the map that all the others have filled (cpu/coverage.h).
 *
 * Skipped when it is started alone, and where the host's processor could not be compared with: there most rows of the
 * general registers have no other test.
 */
#include "cpu/coverage.h"
#include "cpu/opcodes.h"
#include "tests/unit.h"

static bool executed(unsigned row)
{
    const u8 *modes = coverage_map + coverage_index(row, 0);
    return modes[0] || modes[1] || modes[2];
}

/* Modes in which the row exists and ran; 16 and 32-bit code count as one. */
static void count_modes(unsigned *legacy, unsigned *wide)
{
    for (unsigned row = 0; row < opcode_count; row++) {
        const u8 *modes = coverage_map + coverage_index(row, 0);
        *legacy += modes[0] || modes[1];
        *wide += modes[2];
    }
}

TEST(every_row_of_the_opcode_table_was_executed)
{
    unsigned missing = 0, legacy = 0, wide = 0;
    if (!coverage_map)
        SKIP("no coverage map: `make check` makes one");
    for (unsigned row = 0; row < opcode_count; row++)
        missing += !executed(row);
    count_modes(&legacy, &wide);
    printf("coverage: %u of %u rows, %u in 16 or 32-bit code, %u in 64-bit code\n", opcode_count - missing,
           opcode_count, legacy, wide);
    for (unsigned row = 0; row < opcode_count; row++)
        if (!executed(row))
            printf("not executed: %s\n", opcode_table[row].source);
    if (missing && !coverage_map[COVERAGE_SILICON])
        SKIP("the host's processor could not be compared with");
    CHECK_EQ(missing, 0);
}

UNIT_MAIN()
