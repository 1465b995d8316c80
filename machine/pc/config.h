/*
 * What the user asked the board to be: filled by the command line (ui/options.c), read by pc_create and accel/.
 *
 * Plain values only.  Strings and arrays live in the configuration for as long as the machine does.
 */
#ifndef MACHINE_PC_CONFIG_H
#define MACHINE_PC_CONFIG_H

#include "machine/types.h"

#define CONFIG_MAX_DRIVES 8
#define CONFIG_MAX_FW_CFG 16
#define CONFIG_MAX_DIRS 8
#define CONFIG_MAX_ACCELS 4
#define CONFIG_MAX_SERIALS 4
#define CONFIG_MAX_SOUNDS 4

#define RAM_MIN (1ull << 20)
#define RAM_DEFAULT (128ull << 20)
#define RAM_MAX_ISAPC (3584ull << 20)
#define RAM_MAX_PC (64ull << 30)

enum machine_type { MACHINE_PC, MACHINE_ISAPC };
enum accel_type { ACCEL_AUTO, ACCEL_INTERP, ACCEL_KVM };
enum vga_type { VGA_STD, VGA_CIRRUS, VGA_NONE };
enum display_type { DISPLAY_DEFAULT, DISPLAY_NONE, DISPLAY_SDL, DISPLAY_CURSES };
enum sound_card { SOUND_NONE, SOUND_SB16, SOUND_ADLIB, SOUND_MPU401, SOUND_AC97 }; /* each at most once */
enum drive_interface { DRIVE_IDE, DRIVE_FLOPPY, DRIVE_NONE };
enum drive_media { MEDIA_DISK, MEDIA_CDROM };
enum rtc_base { RTC_UTC, RTC_LOCALTIME, RTC_DATE };
enum rtc_clock { RTC_CLOCK_DEFAULT, RTC_CLOCK_HOST, RTC_CLOCK_VM, RTC_CLOCK_RT }; /* default: host, vm under icount */

struct drive_config {
    const char *file;   /* NULL: an empty drive (CD-ROM, floppy) */
    const char *format; /* "raw", "qcow2", or NULL: find out */
    const char *id;     /* or NULL */
    enum drive_interface interface;
    enum drive_media media;
    int index; /* IDE: 0 primary master .. 3 secondary slave; floppy: 0 A, 1 B */
    bool snapshot, readonly;
};

/* -fw_cfg name=NAME,file=FILE or name=NAME,string=TEXT; exactly one of file and text is set. */
struct fw_cfg_config {
    const char *name, *file, *text;
};

struct sound_config {
    enum sound_card card;
    u16 port;
    u8 irq, dma, dma16; /* irq 0 of an MPU-401: the Sound Blaster's, or 5 */
    const char *midi;   /* spec for chardev_open */
};

/* -smbios type=1: NULL for what we say ourselves. */
struct system_config {
    const char *manufacturer, *product, *version, *serial, *sku, *family;
};

struct machine_config {
    enum machine_type machine;
    u64 ram_size; /* bytes */
    int cpus;
    const char *cpu_model;                     /* "pentium3"; NULL: the machine's default */
    const char *cpu_features;                  /* "+sse2,-apic", or NULL */
    enum accel_type accels[CONFIG_MAX_ACCELS]; /* in order of preference */
    int accel_count;                           /* 0: the interpreter */
    bool accel_stats;                          /* -accel kvm,stats=on */
    const char *accel_stats_file;              /* ... file:PATH; NULL: standard error */
    bool kvm_all_modes;                        /* -accel kvm,modes=all */

    const char *lockstep;                      /* "interp:kvm", or NULL */
    u64 lockstep_step, lockstep_from, lockstep_count, lockstep_scan; /* as in accel/accel.h */

    struct drive_config drives[CONFIG_MAX_DRIVES];
    int drive_count;
    u8 floppy_types[2]; /* CMOS types of floppy drives A and B; 0: by the disk, 1.44M without one */

    /* -kernel, -initrd, -append: NULL if not given. */
    const char *kernel, *initrd, *append;

    /* -boot: letters a, c, d, n; "" for the default order, and no once. */
    char boot_order[8], boot_once[8];
    bool boot_menu, boot_strict;
    bool boot_menu_wait_given;
    u16 boot_menu_wait;  /* ms that the menu's question stays (splash-time) */
    u32 boot_retry_wait; /* ms from "no bootable device" to a reboot; -1: never */

    /* Character devices: specs for chardev_open; NULL or "none": not there, for a serial port "no such port". */
    const char *serial[CONFIG_MAX_SERIALS];
    const char *parallel, *debugcon, *monitor;
    u16 debugcon_port; /* 0x402 unless -global isa-debugcon.iobase= says otherwise */

    bool nographic;
    enum display_type display;
    enum vga_type vga;
    u32 vga_memory;         /* bytes of -vga std; 0: its default */
    u32 cirrus_memory;      /* of -vga cirrus */

    const char *audiodev;   /* spec for audio_open; NULL: none */
    struct sound_config sounds[CONFIG_MAX_SOUNDS];
    int sound_count;
    bool audiodev_optional; /* nobody asked for it: where the host cannot, go on without */

    const char *bios;                           /* -bios, or NULL */
    const char *firmware_dirs[CONFIG_MAX_DIRS]; /* -L, searched first, in order */
    int firmware_dir_count;

    enum rtc_base rtc_base;
    i64 rtc_date; /* RTC_DATE: Unix seconds, the calendar taken as UTC */
    enum rtc_clock rtc_clock;

    int icount_shift;  /* 1 instruction = 2^shift ns; -1: real time */
    bool icount_sleep; /* idle time passes in real time even so */

    bool no_hpet; /* -no-hpet, -M hpet=off */
    bool no_reboot, no_shutdown, start_stopped;

    bool debug_exit; /* -device isa-debug-exit */
    u16 debug_exit_port;
    u8 debug_exit_size;

    const char *name, *pidfile;
    struct system_config system;
    struct fw_cfg_config fw_cfg[CONFIG_MAX_FW_CFG];
    int fw_cfg_count;
};

#endif
