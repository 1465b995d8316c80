/*
 * The interpreter against results that a processor gave once: tests/silicon.txt, made by silicon_test on the host that
 * its first line names.  It runs everywhere, and so stands in for the silicon test where the host's processor lacks an
 * extension, or is no x86.  A few cases for each row; instructions that end in a fault are left to the silicon test.
 *
 * RECORDED=file reads another one.
 */
#include "tests/silicon_cases.h"
#include "tests/silicon_guest.h"
#include "tests/silicon_record.h"
#include "tests/unit.h"

static const struct opcode *find_row(const char *key, size_t length)
{
    for (unsigned row = 0; row < opcode_count; row++) {
        const char *candidate = record_key(&opcode_table[row]);
        if (strlen(candidate) == length && !memcmp(candidate, key, length))
            return &opcode_table[row];
    }
    return NULL;
}

#ifdef __x86_64__
#define X87_IS_THE_HOSTS true
#else
#define X87_IS_THE_HOSTS false
#endif

/* Transcendental functions are those of the host's own processor on an x86 host, and software elsewhere. */
static bool approximate(const struct opcode *opcode)
{
    static const char *const names[] = {"fsin", "fcos", "fsincos", "fptan", "fpatan", "f2xm1", "fyl2x", "fyl2xp1"};
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        if (named(opcode, names[i]))
            return true;
    return false;
}

static void check_case(struct cpu *cpu, const struct opcode *opcode, unsigned n, u32 want)
{
    static struct silicon_case c;
    struct machine_state out;
    memset(&c, 0, sizeof(c));
    if (!generate(&c, (unsigned)(opcode - opcode_table), n & 1, record_seed(opcode, n))) {
        printf("%s, case %u: cannot be made any more\n", opcode->source, n);
        unit_errors++;
        return;
    }
    guest_run(cpu, &c, &out);
    u32 got = record_digest(&c, &out, toy.ram + PHYS_DATA);
    if (got != want || out.vector != VECTOR_BP) {
        printf("%s, case %u: exception %u, result differs\n", opcode->source, n, out.vector);
        unit_errors++;
    }
}

static unsigned check_line(struct cpu *cpu, char *line)
{
    char *tab = strchr(line, '\t'), *end;
    const struct opcode *opcode = tab ? find_row(line, (size_t)(tab - line)) : NULL;
    unsigned cases = 0;
    if (!opcode) {
        printf("no such row: %.80s\n", line);
        unit_errors++;
    }
    if (!opcode || (approximate(opcode) && !X87_IS_THE_HOSTS))
        return 0;
    for (char *at = tab + 1; *at && *at != '\n'; at = end) {
        unsigned n = (unsigned)strtoul(at, &end, 10);
        if (*end != ':')
            break;
        u32 digest = (u32)strtoul(end + 1, &end, 16);
        end += *end == ' ';
        check_case(cpu, opcode, n, digest);
        cases++;
    }
    return cases;
}

TEST(results_are_those_that_a_processor_gave)
{
    const char *name = getenv("RECORDED") ? getenv("RECORDED") : "tests/silicon.txt";
    FILE *file = fopen(name, "r");
    char line[512];
    unsigned rows = 0, cases = 0;
    if (!file)
        SKIP("no tests/silicon.txt: start it in the source tree");
    struct cpu *cpu = guest_create();
    while (fgets(line, sizeof(line), file)) {
        unsigned n = *line == '#' ? 0 : check_line(cpu, line);
        cases += n;
        rows += n != 0;
    }
    fclose(file);
    cpu_destroy(cpu);
    printf("recorded: %u cases of %u rows\n", cases, rows);
    CHECK(rows > 800);
}

UNIT_MAIN()
