/*
 * `clutch bench`: the benchmark guest, or a machine of the user's, under every engine.
 */
#ifndef UI_BENCH_H
#define UI_BENCH_H

#include "machine/types.h"

/* What a machine did, told by the program when it has ended. */
struct bench_figures {
    bool started;     /* else the options describe no machine that can be built here */
    u64 instructions; /* that the interpreter counted */
    u64 exits;        /* of engines that leave the guest for the host */
    u64 fallbacks;    /* how often the interpreter took over from them */
};

/* argv[0] is "bench".  program: the whole of clutch with a command line, which returns its exit status and fills in the
 * figures; called in a process made for it.  Returns the exit status: 1 for wrong use, or if a test failed. */
int bench_main(int argc, char **argv, int (*program)(int argc, char **argv, struct bench_figures *figures));

#endif
