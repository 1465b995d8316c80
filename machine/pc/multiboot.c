#include "machine/pc/board.h"
bool multiboot_probe(const struct blob *kernel) { return false; }
int multiboot_load(struct pc *pc, const struct blob *kernel, struct error *err) { return -1; }
