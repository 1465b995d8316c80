/*
 * The monitor's info commands.
 */
#include <stdio.h>
#include <string.h>

#include "cpu/cpu.h"
#include "machine/pc/pc.h"
#include "ui/monitor_commands.h"
#include "ui/nearest.h"

/* --- chips ------------------------------------------------------------------------------------------------------- */

static u64 field_value(const struct field *field, const u8 *at, u32 index)
{
    switch (field->type) {
    case FIELD_U8: return at[index];
    case FIELD_BOOL: return ((const bool *)at)[index];
    case FIELD_U16: return ((const u16 *)at)[index];
    case FIELD_U32: return ((const u32 *)at)[index];
    case FIELD_U64: return ((const u64 *)at)[index];
    default: return 0;
    }
}

static void print_bytes(struct monitor *monitor, const u8 *at, u32 count)
{
    for (u32 i = 0; i < MIN(count, 256u); i++)
        monitor_print(monitor, "%s%02x", i % 16 ? " " : "\n    ", at[i]);
    monitor_print(monitor, count > 256 ? "\n    (%u bytes)\n" : "\n", count);
}

static void print_field(struct monitor *monitor, const struct field *field, const void *state)
{
    const u8 *at = (const u8 *)state + field->offset;
    monitor_print(monitor, "  %-20s", field->name);
    if (field->type == FIELD_TIMER) {
        const struct timer *timer = (const struct timer *)at;
        if (timer_armed(timer))
            monitor_print(monitor, " at %llu ns\n", (unsigned long long)timer->deadline);
        else
            monitor_print(monitor, " idle\n");
        return;
    }
    if (field->type == FIELD_MEMORY) {
        monitor_print(monitor, " %u bytes\n", *(const u32 *)((const u8 *)state + field->count));
        return;
    }
    if (field->type == FIELD_BYTES) {
        print_bytes(monitor, at, field->count);
        return;
    }
    for (u32 i = 0; i < MIN(field->count, 64u); i++)
        monitor_print(monitor, " %llx", (unsigned long long)field_value(field, at, i));
    monitor_print(monitor, "\n");
}

static void show_device(struct monitor *monitor, const struct device *device)
{
    monitor_print(monitor, "%s (%s)\n", device->id, device->ops->name);
    if (device->ops->info) {
        device->ops->info(device->state, monitor_print, monitor);
        return;
    }
    for (const struct field *field = device->ops->fields; field && field->name; field++)
        print_field(monitor, field, device->state);
}

/* All chips whose id or type is `name`.  How many there were. */
static int show_devices(struct monitor *monitor, const char *name)
{
    int count = 0;
    for (struct device *device = monitor->machine->devices.first; device; device = device->next) {
        if (!strcmp(device->id, name) || !strcmp(device->ops->name, name)) {
            show_device(monitor, device);
            count++;
        }
    }
    return count;
}

static void show_type(struct monitor *monitor, const char *type)
{
    if (!show_devices(monitor, type))
        monitor_print(monitor, "this board has none\n");
}

static void info_pic(struct monitor *monitor, char *args)
{
    show_type(monitor, "i8259");
}
static void info_pit(struct monitor *monitor, char *args)
{
    show_type(monitor, "i8254");
}
static void info_rtc(struct monitor *monitor, char *args)
{
    show_type(monitor, "mc146818");
}
static void info_hpet(struct monitor *monitor, char *args)
{
    show_type(monitor, "hpet");
}

static void info_lapic(struct monitor *monitor, char *args)
{
    show_type(monitor, "lapic");
}
static void info_ioapic(struct monitor *monitor, char *args)
{
    show_type(monitor, "ioapic");
}

static void info_devices(struct monitor *monitor, char *args)
{
    for (struct device *device = monitor->machine->devices.first; device; device = device->next)
        monitor_print(monitor, "%-16s %s\n", device->id, device->ops->name);
}

static void info_audio(struct monitor *monitor, char *args)
{
    audio_print(pc_audio(monitor->machine), monitor_print, monitor);
}

/* --- fabric ------------------------------------------------------------------------------------------------------ */

static const char *kind_name(const struct region *region)
{
    static const char *const names[] = {"ram", "rom", "i/o", "romd"};
    return names[region->kind & 3];
}

static void print_port(void *opaque, const struct port_range *range)
{
    monitor_print(opaque, "  %04x-%04x %s\n", range->base, range->base + range->count - 1, range->name);
}

static void info_mtree(struct monitor *monitor, char *args)
{
    size_t count;
    const struct range *range = memory_ranges(monitor->machine->memory, &count);
    monitor_print(monitor, "memory\n");
    for (; count; count--, range++)
        monitor_print(monitor, "  %016llx-%016llx %-4s %s @%llx\n", (unsigned long long)range->start,
                      (unsigned long long)range->end - 1, kind_name(range->region), range->region->name,
                      (unsigned long long)range->offset);
    monitor_print(monitor, "ports\n");
    ioports_each(monitor->machine->ports, print_port, monitor);
}

static u32 config32(const struct pci_device *dev, unsigned reg)
{
    return dev->config[reg] | dev->config[reg + 1] << 8 | dev->config[reg + 2] << 16 | (u32)dev->config[reg + 3] << 24;
}

static void print_bar(struct monitor *monitor, const struct pci_device *dev, int index)
{
    static const char *const kinds[] = {"", "I/O", "memory", "prefetchable memory", "ROM"};
    const struct pci_bar *bar = &dev->bars[index];
    u32 value = config32(dev, index == 6 ? 0x30 : 0x10 + 4 * index);
    u32 mask = bar->kind == PCI_BAR_IO ? ~3u : bar->kind == PCI_BAR_ROM ? ~0x7ffu : ~0xfu;
    if (bar->kind != PCI_BAR_NONE)
        monitor_print(monitor, "      BAR%d: %s at %08x, %u bytes\n", index, kinds[bar->kind], value & mask, bar->size);
}

static void print_pci(void *opaque, struct pci_device *dev)
{
    monitor_print(opaque, "  00:%02x.%d %04x:%04x class %04x  %s", dev->devfn >> 3, dev->devfn & 7,
                  config32(dev, 0) & 0xffff, config32(dev, 0) >> 16, config32(dev, 8) >> 16, dev->name);
    if (dev->config[0x3d])
        monitor_print(opaque, ", INT%c on IRQ %d", 'A' + dev->config[0x3d] - 1, dev->config[0x3c]);
    monitor_print(opaque, "\n");
    for (int i = 0; i < 7; i++)
        print_bar(opaque, dev, i);
}

static void info_pci(struct monitor *monitor, char *args)
{
    if (monitor->machine->pci)
        pci_each(monitor->machine->pci, print_pci, monitor);
    else
        monitor_print(monitor, "this board has no PCI\n");
}

/* --- machine ----------------------------------------------------------------------------------------------------- */

static void info_status(struct monitor *monitor, char *args)
{
    static const char *const states[] = {"running", "paused", "quitting"};
    monitor_print(monitor, "VM status: %s\n", states[monitor->machine->state]);
}

static void info_registers(struct monitor *monitor, char *args)
{
    for (int i = 0; i < monitor->machine->cpu_count; i++) {
        monitor_print(monitor, "CPU#%d\n", i);
        cpu_print_state(monitor->machine->cpus[i], monitor_print, monitor);
    }
}

static void info_cpus(struct monitor *monitor, char *args)
{
    for (int i = 0; i < monitor->machine->cpu_count; i++) {
        const struct cpu *cpu = monitor->machine->cpus[i];
        monitor_print(monitor, "CPU#%d: %s, %llu instructions\n", i,
                      cpu->activity == ACTIVITY_ACTIVE ? "active" : "halted",
                      (unsigned long long)cpu_instructions(cpu));
    }
}

static void info_accel(struct monitor *monitor, char *args)
{
    if (monitor->accel)
        accel_print(monitor->accel, monitor_print, monitor);
    else
        monitor_print(monitor, "engine: none\n");
}

static void info_exits(struct monitor *monitor, char *args)
{
    if (monitor->accel)
        accel_print_exits(monitor->accel, monitor_print, monitor);
}

const struct monitor_command monitor_infos[] = {
    {"registers", "", "the processor's state", info_registers},
    {"cpus", "", "processors", info_cpus},
    {"accel", "", "the engine that executes, its detours and shifts", info_accel},
    {"exits", "", "why the guest was left, how often and how long: reasons, ports, pages of registers, injections, fallbacks", info_exits},
    {"breakpoints", "", "breakpoints and watchpoints, the monitor's and gdb's", monitor_info_breakpoints},
    {"mem", "", "mapped linear memory, with its rights", monitor_info_mem},
    {"tlb", "", "linear to physical, as the page tables say", monitor_info_tlb},
    {"mtree", "", "what answers at which physical address and port", info_mtree},
    {"pic", "", "interrupt controllers", info_pic},
    {"irq", "", "how often each interrupt was taken", monitor_info_irq},
    {"pit", "", "timer", info_pit},
    {"rtc", "", "clock and CMOS", info_rtc},
    {"lapic", "", "local interrupt controllers", info_lapic},
    {"ioapic", "", "I/O interrupt controller", info_ioapic},
    {"hpet", "", "high precision event timer", info_hpet},
    {"pci", "", "PCI functions", info_pci},
    {"audio", "", "where sound goes, what got lost on the way, and who makes it", info_audio},
    {"block", "", "drives and what is in them", monitor_info_block},
    {"devices", "", "chips; info NAME shows one", info_devices},
    {"trace", "", "categories of the trace, on and off", monitor_info_trace},
    {"status", "", "running or paused", info_status},
    {"version", "", "our version", monitor_info_version},
    {"history", "", "the last commands", monitor_info_history},
    {NULL, NULL, NULL, NULL},
};

static void unknown(struct monitor *monitor, const char *name)
{
    const char *names[ARRAY_SIZE(monitor_infos)];
    for (size_t i = 0; i < ARRAY_SIZE(monitor_infos); i++)
        names[i] = monitor_infos[i].name;
    const char *similar = nearest(name, names);
    monitor_print(monitor,
                  similar ? "info knows no '%s' (did you mean '%s'?)\n" : "info knows no '%s'; see help info\n", name,
                  similar);
}

void monitor_info(struct monitor *monitor, char *args)
{
    for (const struct monitor_command *info = monitor_infos; info->name; info++) {
        if (!strcmp(info->name, *args ? args : "status")) {
            info->run(monitor, args);
            return;
        }
    }
    if (!show_devices(monitor, args))
        unknown(monitor, args);
}
