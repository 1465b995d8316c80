/*
 * What the benchmark's host is, and what else it does.
 */
#ifndef UI_BENCH_HOST_H
#define UI_BENCH_HOST_H

#include "ui/bench_table.h"

void bench_describe_host(struct bench_host *host);

/* Seconds of all processors since the host was started; own: of this process and its ended children. */
struct bench_usage {
    double all, busy, stolen, own;
};
/* False if the host does not tell. */
bool bench_usage(struct bench_usage *usage);
/* What others took between the two; unknown stays unknown where that was too short. */
void bench_describe_disturbance(struct bench_host *host, const struct bench_usage *from, const struct bench_usage *to);

#endif
