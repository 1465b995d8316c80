#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "machine/pc/board.h"
#include "tests/unit.h"

/* isapc needs no firmware but its BIOS; nothing runs here. */
static struct machine *machine;
static struct pc *pc;
static struct machine_config config;
static struct error err;
static char paths[6][64];
static int path_count;

static const char *make_file(u64 size)
{
    char *path = paths[path_count++];
    strcpy(path, "/tmp/clutch-media-test-XXXXXX");
    int fd = mkstemp(path);
    CHECK(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
    close(fd);
    return path;
}

static void set_up(void)
{
    path_count = 0;
    config = (struct machine_config){
        .machine = MACHINE_ISAPC,
        .ram_size = 4 << 20,
        .cpus = 1,
        .vga = VGA_NONE,
        .bios = make_file(0x20000),
        .icount_shift = -1,
        .drive_count = 3,
    };
    config.drives[0] = (struct drive_config){.file = make_file(1 << 20)};
    config.drives[1] = (struct drive_config){.file = make_file(100 << 10), .media = MEDIA_CDROM, .index = 2};
    config.drives[1].id = "cd";
    config.drives[2] = (struct drive_config){.interface = DRIVE_FLOPPY};
    if (pc_create(&config, &machine, &err) < 0) {
        printf("%s\n", err.text);
        exit(1);
    }
    pc = machine->board;
}

static void tear_down(void)
{
    pc_destroy(machine);
    while (path_count)
        unlink(paths[--path_count]);
}

static int change(const char *name, const char *file, bool force)
{
    struct pc_medium medium = {.file = file};
    err.text[0] = '\0';
    return pc_change(machine, name, &medium, force, &err);
}

static const char *file_in(int drive)
{
    struct pc_drive drives[PC_DRIVES];
    pc_drives(machine, drives);
    return drives[drive].block ? block_file(drives[drive].block) : "";
}

TEST(drives_have_names)
{
    struct pc_drive drives[PC_DRIVES];
    set_up();
    CHECK_EQ(pc_drives(machine, drives), 3);
    CHECK(!strcmp(drives[0].name, "ide0-hd0") && !drives[0].removable);
    CHECK(!strcmp(drives[1].name, "ide1-cd0") && drives[1].removable);
    CHECK(!strcmp(drives[1].id, "cd"));
    CHECK(!strcmp(drives[2].name, "floppy0") && drives[2].removable);
    CHECK(drives[0].block && drives[1].block && !drives[2].block);
    tear_down();
}

TEST(a_disc_is_changed_and_the_guest_is_told)
{
    set_up();
    const char *other = make_file(200 << 10);
    CHECK_EQ(change("ide1-cd0", other, false), 0);
    CHECK(!strcmp(file_in(1), other));
    CHECK_EQ(pc_ide_channel(pc, 1)->drive[0].total, 400);
    CHECK(pc_ide_channel(pc, 1)->drive[0].medium_changed);
    CHECK_EQ(pc_eject(machine, "cd", false, &err), 0);
    CHECK(!strcmp(file_in(1), ""));
    CHECK_EQ(pc_eject(machine, "cd", false, &err), 0);
    tear_down();
}

TEST(a_failed_change_leaves_the_old_disc)
{
    set_up();
    char before[64];
    strcpy(before, file_in(1));
    CHECK(change("ide1-cd0", "/nosuch.iso", false) < 0);
    CHECK(strstr(err.text, "/nosuch.iso"));
    CHECK(!strcmp(file_in(1), before));
    tear_down();
}

TEST(a_locked_tray_opens_by_force_only)
{
    set_up();
    pc_ide_channel(pc, 1)->drive[0].locked = true;
    CHECK(pc_eject(machine, "ide1-cd0", false, &err) < 0);
    CHECK(strstr(err.text, "locked"));
    CHECK(change("ide1-cd0", paths[0], false) < 0);
    CHECK(strcmp(file_in(1), ""));
    CHECK_EQ(pc_eject(machine, "ide1-cd0", true, &err), 0);
    CHECK(!strcmp(file_in(1), ""));
    tear_down();
}

TEST(hard_disks_and_unknown_drives_are_refused)
{
    set_up();
    CHECK(change("ide0-hd0", paths[1], false) < 0);
    CHECK(strstr(err.text, "hard disk"));
    CHECK(change("ide3-cd7", paths[1], false) < 0);
    CHECK(strstr(err.text, "ide3-cd7"));
    tear_down();
}

TEST(a_floppy_goes_in_and_comes_in_anew)
{
    set_up();
    const char *disk = make_file(1440 << 10);
    CHECK_EQ(change("floppy0", disk, false), 0);
    CHECK(!strcmp(file_in(2), disk));
    CHECK_EQ(change("floppy0", disk, false), 0); /* the host has changed it: its lock is ours already */
    CHECK(!strcmp(file_in(2), disk));
    CHECK(!block_readonly(pc->floppies[0]));
    CHECK(change("floppy0", make_file(64 << 20), false) < 0);
    CHECK(strstr(err.text, "floppy"));
    CHECK(!strcmp(file_in(2), disk));
    CHECK_EQ(pc_eject(machine, "floppy0", false, &err), 0);
    CHECK(!strcmp(file_in(2), ""));
    tear_down();
}

TEST(a_file_that_nobody_may_write_is_a_write_protected_disk)
{
    set_up();
    const char *disk = make_file(720 << 10);
    chmod(disk, 0444);
    CHECK_EQ(change("floppy0", disk, false), 0);
    CHECK(block_readonly(pc->floppies[0]));
    tear_down();
}

TEST(an_eject_in_vain_is_a_request_that_the_guest_hears_of)
{
    set_up();
    pc->isa_ide[1].drive[0].locked = true;
    CHECK_EQ(pc_eject(machine, "ide1-cd0", false, &err), -EBUSY);
    CHECK_EQ(pc->isa_ide[1].drive[0].media_event, 1); /* MMC-3: EjectRequest */
    CHECK_EQ(pc_eject(machine, "ide1-cd0", true, &err), 0);
    CHECK_EQ(pc->isa_ide[1].drive[0].media_event, 3); /* MediaRemoval */
    tear_down();
}

TEST(a_floppy_drive_has_the_type_that_was_asked_for)
{
    set_up();
    CHECK_EQ(mc146818_cmos(&pc->rtc, 0x10), 0x40);
    pc_destroy(machine);
    config.floppy_types[0] = FLOPPY_2880K;
    CHECK_EQ(pc_create(&config, &machine, &err), 0);
    pc = machine->board;
    CHECK_EQ(mc146818_cmos(&pc->rtc, 0x10), 0x50);
    tear_down();
}

/* A writer's lock would shut others out. */
TEST(snapshot_holds_for_the_disks_that_come_later)
{
    set_up();
    const char *file = make_file(1440 << 10);
    CHECK_EQ(change("floppy0", file, false), 0);
    struct block_options again = {.file = file, .readonly = true};
    CHECK(block_open(&again, NULL, NULL, &err) == NULL);
    config.drives[2].snapshot = true;
    CHECK_EQ(change("floppy0", file, false), 0);
    struct block *other = block_open(&again, NULL, NULL, &err);
    CHECK(other != NULL);
    block_close(other);
    tear_down();
}

TEST(the_boot_order_is_set_in_cmos)
{
    set_up();
    CHECK_EQ(pc_boot_set(machine, "dc", &err), 0);
    CHECK_EQ(mc146818_cmos(&pc->rtc, 0x3d), 0x23);
    CHECK_EQ(mc146818_cmos(&pc->rtc, 0x38), 0);
    CHECK_EQ(pc_boot_set(machine, "nad", &err), 0);
    CHECK_EQ(mc146818_cmos(&pc->rtc, 0x3d), 0x14);
    CHECK_EQ(mc146818_cmos(&pc->rtc, 0x38), 0x30);
    CHECK(pc_boot_set(machine, "x", &err) < 0);
    CHECK(pc_boot_set(machine, "cc", &err) < 0);
    CHECK(pc_boot_set(machine, "", &err) < 0);
    tear_down();
}

TEST(acknowledged_interrupts_are_counted)
{
    u64 counts[16];
    set_up();
    ioports_write(machine->ports, 0x20, 0x11, 1);
    ioports_write(machine->ports, 0x21, 0x08, 1);
    ioports_write(machine->ports, 0x21, 0x04, 1);
    ioports_write(machine->ports, 0x21, 0x01, 1);
    ioports_write(machine->ports, 0x21, 0x00, 1);
    struct irq irq3 = i8259_irq(&pc->pic, 3);
    irq_set(&irq3, true);
    CHECK_EQ(machine->acknowledge(machine->acknowledge_opaque), 0x0b);
    machine->acknowledge(machine->acknowledge_opaque); /* spurious: not counted */
    pc_irq_counts(machine, counts);
    CHECK_EQ(counts[3], 1);
    CHECK_EQ(counts[7], 0);
    tear_down();
}

UNIT_MAIN()
