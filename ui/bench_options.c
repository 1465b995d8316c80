/*
 * `clutch bench`: its command line.  One hyphen or two, as in the rest of Clutch and as elsewhere.
 */
#include "ui/bench_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/bench_table.h"
#include "ui/nearest.h"

int bench_complain(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("clutch bench: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    return -EINVAL;
}

void bench_print_help(void)
{
    puts("Usage: clutch bench [options] [TEST...]\n"
         "       clutch bench [options] -- OPTIONS OF CLUTCH\n\n"
         "Runs our benchmark guest, or the machine that the options behind -- describe, under\n"
         "every engine of this host; what can run natively runs natively too.\n"
         "TEST: a name of --list, its part before or behind the last dash (x87, 64u), or a\n"
         "pattern ('port-*').\n\n"
         "  --list             the tests\n"
         "  --only A,B         these tests (as TEST)\n"
         "  --accel A,B        these engines: native, interp, kvm (--engine is the same);\n"
         "                     A:B: two in lockstep, compared as they go\n"
         "  --runs N           so many runs of each (3); the table has the median\n"
         "  --time SECONDS     measure at least so long in each run (0.1)\n"
         "  --timeout SECONDS  give up a run after this (120)\n"
         "  --json FILE        all figures, each run too (docs/BENCH.md)\n"
         "  --svg FILE         a bar chart\n\n"
         "A machine behind --:\n"
         "  --until TEXT       done when this appears on its standard output (the serial port,\n"
         "                     unless -serial says otherwise); without it, when the machine ends:\n"
         "                     power-off or isa-debug-exit, with the same status everywhere\n"
         "  --prompt TEXT      wait for this on standard output, then type the next --type\n"
         "  --type LINE        typed into the serial port; pairs of --prompt and --type may be\n"
         "                     repeated; time begins with the last line, and without --until\n"
         "                     ends at its prompt or with the machine\n"
         "Time is from the start of the program if nothing is typed.  -snapshot is implied.\n\n"
         "  clutch bench --prompt '# ' --type 'md5sum /bin/*' -- -kernel vmlinuz -initrd rd.gz \\\n"
         "      -append console=ttyS0\n\n"
         "Exit status: 0 all is well; 1 wrong use, a test failed, or engines disagree; 130\n"
         "after Ctrl-C, which leaves no files.");
}

static int parse_number(const char *option, const char *text, double low, double high, double *value)
{
    char *end;
    *value = strtod(text, &end);
    if (end != text && !*end && *value >= low && *value <= high)
        return 0;
    return bench_complain("--%s %s: not a number from %g to %g", option, text, low, high);
}

static int parse_runs(struct bench_options *options, const char *text)
{
    double number;
    int r = parse_number("runs", text, 1, BENCH_MAX_RUNS, &number);
    options->runs = r < 0 ? 1 : (int)number;
    return r == 0 && number != options->runs ? bench_complain("--runs %s: not a whole number", text) : r;
}

static int add_test(struct bench_options *options, const char *name)
{
    if (options->test_count == BENCH_MAX_TESTS)
        return bench_complain("more than %d names of tests", BENCH_MAX_TESTS);
    options->tests[options->test_count++] = name;
    return 0;
}

static int add_tests(struct bench_options *options, const char *list)
{
    int r = 0;
    free(options->strings); /* the last --only counts */
    options->test_count = 0;
    char *rest = options->strings = strdup(list);
    for (char *name; r == 0 && (name = strsep(&rest, ","));)
        r = *name ? add_test(options, name) : bench_complain("--only %s: an empty name", list);
    return r;
}

static int check_text(const char *option, const char *text)
{
    if (!*text || strlen(text) > BENCH_SEARCH_MAX)
        return bench_complain("--%s wants a text of 1 to %d bytes", option, BENCH_SEARCH_MAX);
    return 0;
}

static int add_prompt(struct bench_options *options, const char *text)
{
    int count = options->step_count;
    if (count && !options->steps[count - 1].line)
        return bench_complain("--prompt %s: the --prompt before it has no --type", text);
    if (count == BENCH_MAX_STEPS)
        return bench_complain("more than %d prompts", BENCH_MAX_STEPS);
    options->steps[options->step_count++].prompt = text;
    return check_text("prompt", text);
}

static int add_line(struct bench_options *options, const char *text)
{
    struct bench_step *step = options->step_count ? &options->steps[options->step_count - 1] : NULL;
    if (!step || step->line)
        return bench_complain("--type %s: there is no --prompt before it to wait for", text);
    if (strlen(text) > 1000)
        return bench_complain("--type wants a line of at most 1000 bytes");
    step->line = text;
    return 0;
}

enum { LIST = 1000, ENGINE, ONLY, RUNS, TIME, TIMEOUT, JSON, SVG, UNTIL, PROMPT, TYPE, HELP };

static const struct option table[] = {
    {"list", no_argument, NULL, LIST},
    {"accel", required_argument, NULL, ENGINE},
    {"engine", required_argument, NULL, ENGINE},
    {"only", required_argument, NULL, ONLY},
    {"runs", required_argument, NULL, RUNS},
    {"time", required_argument, NULL, TIME},
    {"timeout", required_argument, NULL, TIMEOUT},
    {"json", required_argument, NULL, JSON},
    {"svg", required_argument, NULL, SVG},
    {"until", required_argument, NULL, UNTIL},
    {"prompt", required_argument, NULL, PROMPT},
    {"type", required_argument, NULL, TYPE},
    {"help", no_argument, NULL, HELP},
    {"h", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static int unknown_option(const char *given)
{
    const char *names[ARRAY_SIZE(table)];
    char hint[200], word[100];
    size_t i;
    for (i = 0; table[i].name; i++)
        names[i] = table[i].name;
    names[i] = NULL;
    snprintf(word, sizeof(word), "%s", given + strspn(given, "-"));
    word[strcspn(word, "=")] = 0;
    for (i = 0; names[i]; i++)
        if (!strcmp(names[i], word))
            return bench_complain(table[i].has_arg ? "--%s wants a value" : "--%s takes no value", word);
    return bench_complain("there is no option '%s'%s", given, nearest_hint(hint, sizeof(hint), word, names));
}

static int take_option(struct bench_options *options, int option, char **argv)
{
    switch (option) {
    case LIST: options->list = true; return 0;
    case HELP: options->help = true; return 0;
    case ENGINE: options->engines = optarg; return 0;
    case ONLY: return add_tests(options, optarg);
    case RUNS: return parse_runs(options, optarg);
    case TIME: return parse_number("time", optarg, 0.0001, 3600, &options->seconds);
    case TIMEOUT: return parse_number("timeout", optarg, 0.1, 86400, &options->timeout);
    case JSON: options->json = optarg; return 0;
    case SVG: options->svg = optarg; return 0;
    case UNTIL: options->until = optarg; return check_text("until", optarg);
    case PROMPT: return add_prompt(options, optarg);
    case TYPE: return add_line(options, optarg);
    default: return unknown_option(argv[optind - 1]);
    }
}

/* What a terminal echoes would be taken for the end. */
static int check_dialogue(struct bench_options *options)
{
    struct bench_step *last = options->step_count ? &options->steps[options->step_count - 1] : NULL;
    if (!last)
        return 0;
    if (!last->line)
        return bench_complain("--prompt %s: no --type says what to type there", last->prompt);
    options->until_prompt = !options->until;
    if (!options->until)
        options->until = last->prompt;
    if (strstr(last->line, options->until))
        return bench_complain("--type %s: the guest echoes it, and '%s' in it would be taken for the end", last->line,
                              options->until);
    return 0;
}

static int check(struct bench_options *options)
{
    if (options->command && options->test_count)
        return bench_complain("either tests or a machine behind --, not both (%s)", options->tests[0]);
    if (!options->command && (options->until || options->step_count))
        return bench_complain("--until, --prompt and --type are for a machine behind --");
    if (options->command && !options->command_count)
        return bench_complain("there are no options of Clutch behind --");
    return check_dialogue(options);
}

int bench_options_parse(struct bench_options *options, int argc, char **argv)
{
    int option, r = 0, end = argc;
    *options = (struct bench_options){.runs = 3, .seconds = 0.1, .timeout = 120};
    for (int i = 1; i < argc && end == argc; i++)
        if (!strcmp(argv[i], "--"))
            end = i;
    if (end < argc) {
        options->command = argv + end + 1;
        options->command_count = argc - end - 1;
        if (options->command_count > BENCH_MAX_ARGUMENTS)
            return bench_complain("too many options behind --");
    }
    opterr = 0;
    optind = 1;
    while (r == 0 && (option = getopt_long_only(end, argv, "", table, NULL)) != -1)
        r = take_option(options, option, argv);
    for (int i = optind; r == 0 && i < end; i++)
        r = add_test(options, argv[i]);
    return r == 0 && !options->help ? check(options) : r;
}

/* --- tests --------------------------------------------------------------------------------------------------------- */

/* The nearest of all names, kernels and modes. */
static int unknown_test(const struct bench_rom *rom, const char *word)
{
    static char texts[512][32];
    static const char *names[ARRAY_SIZE(texts) + 1];
    size_t count = 0;
    for (int i = 0; i < rom->test_count && count + 3 < ARRAY_SIZE(texts); i++) {
        bench_test_name(&rom->tests[i], texts[count++]);
        snprintf(texts[count++], 32, "%.16s", rom->tests[i].name);
        snprintf(texts[count++], 32, "%s", bench_mode_name(rom->tests[i].mode));
    }
    for (size_t i = 0; i < count; i++)
        names[i] = texts[i];
    names[count] = NULL;
    const char *best = nearest(word, names);
    return bench_complain(best ? "there is no test '%s' (did you mean '%s'?)" : "there is no test '%s' (--list shows them)",
                          word, best);
}

int bench_check_tests(const struct bench_options *options, const struct bench_rom *rom)
{
    for (int i = 0; i < options->test_count; i++) {
        bool any = false;
        for (int t = 0; t < rom->test_count; t++)
            any |= bench_test_matches(&rom->tests[t], options->tests[i]);
        if (!any)
            return unknown_test(rom, options->tests[i]);
    }
    return 0;
}
