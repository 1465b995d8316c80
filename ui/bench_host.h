/*
 * What the benchmark's host is: processor, kernel, and whether its KVM is hardware's.
 */
#ifndef UI_BENCH_HOST_H
#define UI_BENCH_HOST_H

#include "ui/bench_table.h"

void bench_describe_host(struct bench_table *table);

#endif
