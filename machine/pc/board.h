/*
 * Inside machine/pc: the board as a struct, and the steps that build it.  Everybody else includes machine/pc/pc.h.
 */
#ifndef MACHINE_PC_BOARD_H
#define MACHINE_PC_BOARD_H

#include "devices/a20.h"
#include "devices/ac97.h"
#include "devices/cirrus.h"
#include "devices/debug_exit.h"
#include "devices/debugcon.h"
#include "devices/fpu_irq13.h"
#include "devices/fw_cfg.h"
#include "devices/gameport.h"
#include "devices/hpet.h"
#include "devices/i440fx.h"
#include "devices/i8042.h"
#include "devices/i82077.h"
#include "devices/i8237.h"
#include "devices/i8254.h"
#include "devices/i8259.h"
#include "devices/ioapic.h"
#include "devices/lapic.h"
#include "devices/mc146818.h"
#include "devices/mpu401.h"
#include "devices/parallel.h"
#include "devices/piix3.h"
#include "devices/piix3_ide.h"
#include "devices/piix4_pm.h"
#include "devices/port61.h"
#include "devices/port92.h"
#include "devices/ps2_keyboard.h"
#include "devices/ps2_mouse.h"
#include "devices/sb16.h"
#include "devices/speaker.h"
#include "devices/uart16550.h"
#include "devices/vga.h"
#include "devices/vmmouse.h"
#include "machine/pc/pc.h"

#define BIOS_WINDOW 0x20000 /* the last 128 KiB of the BIOS stand below 1 MiB, too */

/* Two chips on one line of the edge-triggered ISA bus (COM1 and COM3). */
struct shared_irq {
    u8 levels;
    struct irq out;
};

/* IRQ 0 or 8: driven by the 8254 or the RTC, or by the HPET while it replaces them. */
struct legacy_irq {
    bool levels[2]; /* by enum legacy_source */
    u8 source;
    struct irq out;
};
enum legacy_source { LEGACY_CHIP, LEGACY_HPET };

struct blob {
    u8 *data; /* malloc */
    u64 size;
};

struct pc {
    struct machine *machine;
    const struct machine_config *config;
    bool has_pci, has_apic, has_hpet;

    /* Memory. */
    u8 *bios;
    u64 bios_size;
    struct region bios_top, bios_window;  /* bios_window: pc only */
    struct region isa_low, isa_high;      /* isapc: RAM around the VGA window */
    u8 *bios_flags;

    /* Chips. */
    struct i440fx i440fx;
    struct piix3 piix3;
    struct piix3_ide ide;
    struct ide_channel isa_ide[2];
    struct piix4_pm pm;
    struct i8259 pic;
    struct lapics lapics; /* has_apic */
    struct ioapic ioapic; /* has_apic */
    struct hpet hpet;     /* has_hpet */
    struct legacy_irq irq0, irq8;
    struct i8254 pit;
    struct i8237 dma;
    struct i82077 fdc;
    struct mc146818 rtc;
    struct a20 a20;
    struct port61 port61;
    struct port92 port92;
    struct speaker speaker;
    struct sb16 sb16;     /* these as -device says */
    struct opl3 adlib;
    struct mpu401 mpu401; /* on the Sound Blaster, or a card of its own */
    struct ac97 ac97;
    struct fpu_irq13 fpu;
    struct ps2_keyboard keyboard;
    struct ps2_mouse mouse;
    struct i8042 kbc;
    struct vmmouse vmmouse;
    struct gameport gameport;
    struct uart16550 uart[CONFIG_MAX_SERIALS];
    struct parallel parallel;
    struct debugcon debugcon;
    struct debug_exit debug_exit;
    struct fw_cfg fw_cfg;
    struct vga vga;
    struct cirrus cirrus;
    struct shared_irq irq3, irq4;
    struct device pci_host, self;
    unsigned resets; /* since power-on: -boot once= holds for the first boot only */

    /* What is plugged in. */
    struct block *disks[4]; /* by IDE index */
    struct block *floppies[2];
    struct chardev *serial[CONFIG_MAX_SERIALS], *parallel_chr, *debugcon_chr, *monitor_chr, *midi_chr;
    struct audio *audio;
    struct char_mux *mux; /* of the first "mon:"; goes with its last port */
    char bootorder[512]; /* lines for fw_cfg's bootorder */
};

/* The wire of an ISA interrupt. */
struct irq pc_isa_irq(struct pc *pc, int line);
struct ide_channel *pc_ide_channel(struct pc *pc, int channel);

/* Opens the image of a drive; *block is NULL for one without a disk. */
int pc_open_disk(struct pc *pc, const struct drive_config *drive, struct block **block, struct error *err);

/* firmware.c: files from -bios, -L and the usual directories. */

/* Reads a whole file of at most `limit` bytes.  `what` names it in the error ("kernel"). */
int read_file(const char *path, const char *what, u64 limit, struct blob *blob, struct error *err);
int pc_load_bios(struct pc *pc, struct error *err);
/* VGA BIOS for the board's graphics chip; data NULL if there is none. */
int pc_find_vga_bios(struct pc *pc, struct blob *blob, struct error *err);

/* chars.c: opens what -serial, -parallel, -debugcon and -monitor name; closes it. */
int pc_open_chars(struct pc *pc, struct error *err);
void pc_close_chars(struct pc *pc);

/* sound.c: opens -audiodev, plugs in the loudspeaker and the sound cards; after the system chips. */
int pc_open_sound(struct pc *pc, struct error *err);
void pc_close_sound(struct pc *pc);

/* cmos.c: what the BIOS finds in the RTC's memory. */
void pc_fill_cmos(struct pc *pc);
void pc_set_boot_order(struct pc *pc, const char *order);

/* setup.c: items of fw_cfg. */
int pc_fill_fw_cfg(struct pc *pc, struct error *err);
/* Puts a line in front of / at the end of `bootorder`. */
void pc_boot_first(struct pc *pc, const char *path);
/* Adds a copy of our ROM `name` as genroms/NAME.bin, checksum made right, and boots it first. */
int pc_add_boot_rom(struct pc *pc, const char *name, struct error *err);

/* linux.c, multiboot.c: -kernel, -initrd, -append. */
int pc_load_kernel(struct pc *pc, struct error *err);
bool multiboot_probe(const struct blob *kernel);
int multiboot_load(struct pc *pc, const struct blob *kernel, struct error *err);

#endif
