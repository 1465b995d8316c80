/*
 * Between lapic.c and lapic_timer.c.
 */
#ifndef DEVICES_LAPIC_INTERNAL_H
#define DEVICES_LAPIC_INTERNAL_H

#include "devices/lapic.h"

#define LVT_VECTOR 0x000ffu
#define LVT_REMOTE_IRR 0x04000u
#define LVT_LEVEL 0x08000u
#define LVT_MASKED 0x10000u
#define LVT_MODE(lvt) ((lvt) >> 8 & 7)
#define LVT_PERIODIC 0x20000u
#define LVT_TSC_DEADLINE 0x40000u
#define LVT_TIMER_MODE (LVT_PERIODIC | LVT_TSC_DEADLINE)

/* Sends the entry's vector to its own CPU, unless it is masked. */
void lapic_raise_local(struct lapic *apic, enum lapic_lvt entry);

void lapic_timer_init(struct lapic *apic);
void lapic_timer_reset(struct lapic *apic);
/* LVT timer gets a new value: mode and mask. */
void lapic_timer_write_lvt(struct lapic *apic, u32 value);
void lapic_timer_write_count(struct lapic *apic, u32 value);
void lapic_timer_write_divider(struct lapic *apic, u32 value);
u32 lapic_timer_count(struct lapic *apic);
/* Virtual ns; 0: disarmed. */
u64 lapic_timer_deadline(struct lapic *apic);
void lapic_timer_set_deadline(struct lapic *apic, u64 ns);

#endif
