/*
 * One test of the benchmark guest on one engine: a PC whose firmware is the guest, and a device that tells it what to do
 * and looks at the host's clock when it begins and ends.
 *
 * The device's ports are those of roms/bench.S.  Its data port and its page of memory-mapped registers give a sequence of
 * numbers that depends on everything written before, so that a lost or doubled access shows in the checksum.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "accel/accel.h"
#include "machine/pc/pc.h"
#include "ui/bench_rom.h"

#define PORT_BASE 0x5b0
#define MMIO_BASE 0xd0000000u

enum {
    PORT_TEST = 0,     /* in */
    PORT_BATCH = 4,    /* in */
    PORT_BEGIN = 8,    /* out */
    PORT_END = 12,     /* out */
    PORT_DIFFER = 16,  /* out */
    PORT_FAULT = 20,   /* out */
    PORT_DATA = 24,    /* in, out */
    PORT_RESTART = 28, /* out */
};

struct bench_device {
    struct machine *machine;
    struct accel *accel;
    struct port_range ports;
    struct region window;
    u32 test;
    struct bench_batches batches;
    struct bench_sample *sample;
    u32 reads, written;
    /* When the guest began. */
    struct timespec began;
    u64 instructions, exits, fallbacks;
    bool has_checksum;
};

static double seconds_since(const struct timespec *then)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

static void problem(struct bench_device *device, const char *text, u32 number)
{
    if (!device->sample->problem[0])
        snprintf(device->sample->problem, sizeof(device->sample->problem), text, number);
    machine_guest_exit(device->machine, 0);
}

static u64 next_number(struct bench_device *device)
{
    return (u32)(++device->reads * 0x9e3779b1u) ^ device->written;
}

static void take_number(struct bench_device *device, u32 value)
{
    device->written = (device->written << 1 | device->written >> 31) + value;
}

static u32 next_batch(struct bench_device *device)
{
    u64 batch = bench_next_batch(&device->batches, device->sample);
    if (!batch) {
        device->sample->valid = !device->sample->problem[0];
        machine_guest_exit(device->machine, 0);
    }
    return batch;
}

static void begin(struct bench_device *device)
{
    device->exits = accel_exits(device->accel);
    device->fallbacks = accel_fallbacks(device->accel);
    device->instructions = cpu_instructions(device->machine->cpus[0]);
    clock_gettime(CLOCK_MONOTONIC, &device->began);
}

static void end(struct bench_device *device, u32 checksum)
{
    struct bench_batch took = {.seconds = seconds_since(&device->began)};
    took.interpreted = cpu_instructions(device->machine->cpus[0]) - device->instructions;
    took.exits = accel_exits(device->accel) - device->exits;
    took.fallbacks = accel_fallbacks(device->accel) - device->fallbacks;
    bench_batch_took(&device->batches, device->sample, &took);
    if (device->has_checksum && device->sample->checksum != checksum)
        problem(device, "two batches differ: the checksum of one is %08x", checksum);
    device->has_checksum = true;
    device->sample->checksum = checksum;
}

static u64 read_port(void *opaque, u64 offset, unsigned size)
{
    struct bench_device *device = opaque;
    switch (offset) {
    case PORT_TEST: return device->test;
    case PORT_BATCH: return next_batch(device);
    case PORT_DATA: return next_number(device);
    default: return ~0u;
    }
}

static void write_port(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct bench_device *device = opaque;
    switch (offset) {
    case PORT_BEGIN: begin(device); break;
    case PORT_END: end(device, value); break;
    case PORT_DIFFER:
        if (value)
            problem(device, "passes of one batch differ (bits %08x of the checksum)", value);
        break;
    case PORT_FAULT: problem(device, "exception %u in the guest", value); break;
    case PORT_DATA: take_number(device, value); break;
    case PORT_RESTART: device->reads = device->written = 0; break;
    }
}

static const struct bus_ops port_ops = {.read = read_port, .write = write_port, .min_size = 4, .max_size = 4};

static u64 read_window(void *opaque, u64 offset, unsigned size)
{
    return next_number(opaque);
}
static void write_window(void *opaque, u64 offset, u64 value, unsigned size)
{
    take_number(opaque, value);
}
static const struct bus_ops window_ops = {.read = read_window, .write = write_window, .min_size = 4, .max_size = 4};

static void plug_in(struct bench_device *device)
{
    struct machine *machine = device->machine;
    device->ports =
        (struct port_range){.name = "bench", .base = PORT_BASE, .count = 32, .ops = &port_ops, .opaque = device};
    device->window = (struct region){.name = "bench",
                                     .kind = REGION_MMIO,
                                     .base = MMIO_BASE,
                                     .size = 0x1000,
                                     .priority = 10,
                                     .enabled = true,
                                     .ops = &window_ops,
                                     .opaque = device};
    machine_lock(machine);
    ioports_add(machine->ports, &device->ports);
    memory_add(machine->memory, &device->window);
    machine_unlock(machine);
}

/* --- the machine --------------------------------------------------------------------------------------------------- */

static void lock(void *machine)
{
    machine_lock(machine);
}
static void unlock(void *machine)
{
    machine_unlock(machine);
}

static void run(struct machine *machine, struct accel *accel)
{
    machine_lock(machine);
    accel_set_state(accel, RUN_RUNNING);
    while (machine->state != RUN_QUIT) {
        machine_unlock(machine);
        loop_turn(machine->loop, -1, lock, unlock, machine);
        machine_lock(machine);
    }
    machine_unlock(machine);
}

static void say_ending(struct bench_sample *sample, enum machine_event event, const struct machine *machine)
{
    if (sample->valid || sample->problem[0])
        return;
    if (event == EVENT_TRIPLE_FAULT)
        snprintf(sample->problem, sizeof(sample->problem), "triple fault in the guest");
    else
        snprintf(sample->problem, sizeof(sample->problem), "the engine gave up: %s",
                 machine->event_text ? machine->event_text : "no reason given");
}

#define FIRMWARE_SIZE 0x20000 /* the board wants that much; the ROM is at its end */

/* The board takes its firmware from a file: one that is nowhere but in memory. */
static int firmware_file(const struct bench_rom *rom, char *path, size_t size, struct error *err)
{
    int fd = memfd_create("clutch-bench", MFD_CLOEXEC);
    if (fd < 0 || pwrite(fd, rom->data, rom->size, FIRMWARE_SIZE - rom->size) != (ssize_t)rom->size)
        return error_set(err, errno, "no memory for the benchmark's firmware: %s", strerror(errno));
    snprintf(path, size, "/proc/self/fd/%d", fd);
    return fd;
}

/* That the interpreter stands in for an engine is in the figures. */
static void drop_report(const char *text) {}

static int build(struct bench_device *device, const char *path, const char *engine, struct error *err)
{
    static struct machine_config config;
    config = (struct machine_config){
        .ram_size = 32 << 20,
        .cpus = 1,
        .bios = path,
        .vga = VGA_NONE,
        .display = DISPLAY_NONE,
        .icount_shift = -1,
        .debugcon_port = 0x402,
        .no_reboot = true,
    };
    struct accel_options options = {
        .cpu_model = CPU_DEFAULT_MODEL, .engine = strchr(engine, ':') ? NULL : engine, .icount_shift = -1, .no_reboot = true};
    if (strchr(engine, ':'))
        options.lockstep.engines = engine;
    else
        error_on_report(drop_report);
    int r = pc_create(&config, &device->machine, err);
    if (r < 0)
        return r;
    plug_in(device);
    device->accel = accel_create(device->machine, &options, err);
    return device->accel ? accel_start(device->accel, err) : -EINVAL;
}

void bench_run_engine(const struct bench_rom *rom, const struct bench_test *test, const char *engine, double enough,
                      struct bench_sample *sample)
{
    char path[40];
    struct error err = {"out of memory"};
    struct bench_device device = {.test = test - rom->tests, .batches.enough = enough, .sample = sample};
    *sample = (struct bench_sample){0};
    int fd = firmware_file(rom, path, sizeof(path), &err);
    if (fd >= 0 && build(&device, path, engine, &err) == 0) {
        run(device.machine, device.accel);
        if (accel_verdict(device.accel) == LOCKSTEP_DIFFER)
            snprintf(sample->problem, sizeof(sample->problem), "the engines differ");
        say_ending(sample, accel_ending(device.accel), device.machine);
    } else {
        snprintf(sample->problem, sizeof(sample->problem), "%.190s", err.text);
    }
    accel_destroy(device.accel);
    pc_destroy(device.machine);
    if (fd >= 0)
        close(fd);
}
