/*
 * The tests of alu_test.c on the form of cpu/alu.h for hosts that are not x86-64.
 */
#define CPU_ALU_PORTABLE
#include "cpu/alu_test.c"
