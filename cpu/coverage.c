/*
 * The coverage map of the opcode table: a file that the programs of one test run share.  cpu/coverage.h tells more.
 */
#include "cpu/coverage.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cpu/insn.h"

u8 *coverage_map;

__attribute__((constructor)) static void open_map(void)
{
    const char *name = getenv("CLUTCH_COVERAGE");
    size_t size = coverage_index(opcode_count, 0);
    int fd = name && *name ? open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666) : -1;
    if (fd < 0)
        return;
    void *map =
        ftruncate(fd, (off_t)size) < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map != MAP_FAILED)
        coverage_map = map;
}
