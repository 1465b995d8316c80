/*
 * The base types, for rooms that may not look into cpu/ (devices/ above all).
 */
#ifndef MACHINE_TYPES_H
#define MACHINE_TYPES_H

#include "cpu/types.h"

#endif
