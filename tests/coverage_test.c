/*
 * Every row of the opcode table must have been executed, to its end, by some test of the run: tests/run.sh starts this
 * program last, with the map that all the others have filled (cpu/coverage.h).
 *
 * Skipped when it is started alone, and where the host's processor could not be compared with: there most rows of the
 * general registers have no other test; the rows that are missing are listed all the same.
 */
#include "cpu/coverage.h"
#include "cpu/opcodes.h"
#include "tests/unit.h"

/* The row exists in the mode, and something ran it there.  16 and 32-bit code count as one: a row that is in one of
 * them is in the other. */
static bool exists(unsigned row, bool wide)
{
    u32 attr = opcode_table[row].attr;
    bool vex = opcode_patterns[row].map >= MAP_V0F; /* VEX.W is there in every mode */
    return wide ? !(attr & ATTR_NO64) : !(attr & (ATTR_ONLY64 | (vex ? 0 : ATTR_W1)));
}

static bool executed(unsigned row, bool wide)
{
    const u8 *modes = coverage_map + coverage_index(row, 0);
    return wide ? modes[2] : modes[0] || modes[1];
}

/* Rows of one mode; prints those that nothing executed and returns their number. */
static unsigned missing_rows(bool wide)
{
    unsigned there = 0, missing = 0;
    for (unsigned row = 0; row < opcode_count; row++) {
        there += exists(row, wide);
        if (exists(row, wide) && !executed(row, wide)) {
            printf("not executed in %s code: %s\n", wide ? "64-bit" : "16 or 32-bit", opcode_table[row].source);
            missing++;
        }
    }
    printf("coverage: %u of %u rows in %s code\n", there - missing, there, wide ? "64-bit" : "16 or 32-bit");
    return missing;
}

TEST(every_row_of_the_opcode_table_was_executed_in_every_mode_that_has_it)
{
    if (!coverage_map)
        SKIP("no coverage map: `make check` makes one");
    unsigned missing = missing_rows(false) + missing_rows(true);
    if (missing && !coverage_map[COVERAGE_SILICON])
        SKIP("the host's processor could not be compared with");
    CHECK_EQ(missing, 0);
}

UNIT_MAIN()
