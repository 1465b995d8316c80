#include "machine/pc/pc.h"

#include <unistd.h>

#include "machine/pc/board.h"
#include "tests/unit.h"

/* Files that a test writes; removed at its end. */
static char paths[8][64];
static int path_count;

static const char *write_file(const void *data, size_t size)
{
    char *path = paths[path_count++];
    strcpy(path, "/tmp/clutch-pc-test-XXXXXX");
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    close(fd);
    return path;
}

static void remove_files(void)
{
    while (path_count)
        unlink(paths[--path_count]);
}

/* A BIOS of 128 KiB whose bytes tell their 4 KiB page. */
static const char *write_bios(void)
{
    static u8 image[0x20000];
    for (size_t i = 0; i < sizeof(image); i++)
        image[i] = i >> 12;
    return write_file(image, sizeof(image));
}

static struct machine_config config_of(enum machine_type type, u64 ram_size)
{
    return (struct machine_config){
        .machine = type,
        .ram_size = ram_size,
        .cpus = 1,
        .vga = VGA_NONE,
        .bios = write_bios(),
        .icount_shift = 0,
        .rtc_base = RTC_DATE,
    };
}

static struct machine *create(const struct machine_config *config)
{
    struct machine *machine;
    struct error err;
    int r = pc_create(config, &machine, &err);
    if (r < 0)
        printf("%s\n", err.text);
    CHECK_EQ(r, 0);
    return machine;
}

static void check_error(const struct machine_config *config, const char *part)
{
    struct machine *machine;
    struct error err = {""};
    CHECK(pc_create(config, &machine, &err) < 0);
    CHECK(machine == NULL);
    if (!strstr(err.text, part))
        printf("got: %s\n", err.text);
    CHECK(strstr(err.text, part) != NULL);
    CHECK(!strchr(err.text, '\n'));
}

static u8 cmos(struct machine *machine, u8 index)
{
    ioports_write(machine->ports, 0x70, index, 1);
    return ioports_read(machine->ports, 0x71, 1);
}

static const struct fw_cfg_item *item(struct machine *machine, u16 key)
{
    return fw_cfg_item(&((struct pc *)machine->board)->fw_cfg, key);
}

static const struct fw_cfg_item *file(struct machine *machine, const char *name)
{
    int key = fw_cfg_file_key(&((struct pc *)machine->board)->fw_cfg, name);
    return key < 0 ? NULL : item(machine, key);
}

static u32 word(const u8 *p, unsigned bytes)
{
    u32 value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (u32)p[i] << (8 * i);
    return value;
}

TEST(bios_ends_at_4_gib_and_at_1_mib)
{
    struct machine_config config = config_of(MACHINE_PC, 64 << 20);
    struct machine *machine = create(&config);
    CHECK_EQ(memory_load(machine->memory, 0xfffffff0, 1), 0x1f);
    CHECK_EQ(memory_load(machine->memory, 0xfffe0000, 1), 0x00);
    CHECK_EQ(memory_load(machine->memory, 0xe0000, 1), 0x00);
    CHECK_EQ(memory_load(machine->memory, 0xffff0, 1), 0x1f);
    pc_destroy(machine);
    remove_files();
}

TEST(isapc_runs_its_bios_from_ram_that_reset_refills)
{
    struct machine_config config = config_of(MACHINE_ISAPC, 4 << 20);
    struct machine *machine = create(&config);
    CHECK(machine->pci == NULL);
    CHECK_EQ(ioports_read(machine->ports, 0xcfc, 4), 0xffffffff);
    CHECK_EQ(memory_load(machine->memory, 0xffff0, 1), 0x1f);
    memory_store(machine->memory, 0xffff0, 0x55, 1);
    memory_store(machine->memory, 0xc0000, 0x66, 1);
    CHECK_EQ(memory_load(machine->memory, 0xffff0, 1), 0x55);
    machine_reset_devices(machine);
    CHECK_EQ(memory_load(machine->memory, 0xffff0, 1), 0x1f);
    CHECK_EQ(memory_load(machine->memory, 0xc0000, 1), 0x66);
    pc_destroy(machine);
    remove_files();
}

/* PLATFORM.md 2.5: 64 MiB gives FC00h KiB above 1 MiB and 300h times 64 KiB above 16 MiB. */
TEST(cmos_tells_memory)
{
    struct machine_config config = config_of(MACHINE_PC, 64 << 20);
    struct machine *machine = create(&config);
    CHECK_EQ(cmos(machine, 0x15) | cmos(machine, 0x16) << 8, 640);
    CHECK_EQ(cmos(machine, 0x17) | cmos(machine, 0x18) << 8, 0xfc00);
    CHECK_EQ(cmos(machine, 0x30) | cmos(machine, 0x31) << 8, 0xfc00);
    CHECK_EQ(cmos(machine, 0x34) | cmos(machine, 0x35) << 8, 0x0300);
    CHECK_EQ(cmos(machine, 0x5b), 0);
    CHECK_EQ(cmos(machine, 0x14), 0x06);
    pc_destroy(machine);
    remove_files();
}

TEST(memory_above_3_gib_moves_behind_4_gib)
{
    struct machine_config config = config_of(MACHINE_PC, 6ull << 30);
    struct machine *machine = create(&config);
    CHECK_EQ(cmos(machine, 0x5b), 0x00);
    CHECK_EQ(cmos(machine, 0x5c), 0xc0);
    const struct fw_cfg_item *e820 = file(machine, "etc/e820");
    CHECK_EQ(e820->size, 40);
    CHECK_EQ(word(e820->data + 8, 4), 0xc0000000);
    CHECK_EQ(word(e820->data + 24, 4), 1);
    memory_store(machine->memory, 0x1bfffffff, 0x77, 1);
    CHECK_EQ(memory_load(machine->memory, 0x1bfffffff, 1), 0x77);
    CHECK_EQ(memory_load(machine->memory, 0x1c0000000, 1), 0xff);
    CHECK_EQ(memory_load(machine->memory, 0xc0000000, 1), 0xff);
    pc_destroy(machine);
    remove_files();
}

/* PLATFORM.md 2.5: "cad" is 12, 30; "dca" is 23, 10. */
TEST(boot_order_is_in_cmos)
{
    struct machine_config config = config_of(MACHINE_PC, 64 << 20);
    struct machine *machine = create(&config);
    CHECK_EQ(cmos(machine, 0x3d), 0x12);
    CHECK_EQ(cmos(machine, 0x38), 0x30);
    pc_destroy(machine);
    strcpy(config.boot_order, "dca");
    strcpy(config.boot_once, "n");
    machine = create(&config);
    CHECK_EQ(cmos(machine, 0x3d), 0x04);
    machine_reset_devices(machine);
    CHECK_EQ(cmos(machine, 0x3d), 0x23);
    CHECK_EQ(cmos(machine, 0x38), 0x10);
    pc_destroy(machine);
    remove_files();
}

TEST(user_items_reach_fw_cfg)
{
    struct machine_config config = config_of(MACHINE_PC, 64 << 20);
    config.fw_cfg[0] = (struct fw_cfg_config){.name = "opt/text", .text = "hello"};
    config.fw_cfg[1] = (struct fw_cfg_config){.name = "opt/file", .file = write_file("data", 4)};
    config.fw_cfg_count = 2;
    struct machine *machine = create(&config);
    CHECK_EQ(file(machine, "opt/text")->size, 5);
    CHECK(!memcmp(file(machine, "opt/file")->data, "data", 4));
    pc_destroy(machine);
    remove_files();
}

TEST(the_power_button_is_on_pc_only)
{
    struct machine_config config = config_of(MACHINE_PC, 64 << 20);
    struct machine *machine = create(&config);
    CHECK(pc_power_button(machine));
    pc_destroy(machine);
    config.machine = MACHINE_ISAPC;
    machine = create(&config);
    CHECK(!pc_power_button(machine));
    pc_destroy(machine);
    remove_files();
}

TEST(bad_input_is_told_in_one_line)
{
    struct machine_config config = config_of(MACHINE_PC, 64 << 20), bad = config;
    bad.ram_size = 4096;
    check_error(&bad, "too little memory");
    bad.ram_size = 1ull << 40;
    check_error(&bad, "too much memory");
    bad = config;
    bad.bios = "/nonexistent/bios";
    check_error(&bad, "/nonexistent/bios");
    bad.bios = write_file("short", 5);
    check_error(&bad, "64 KiB");
    bad = config;
    bad.kernel = "/nonexistent/kernel";
    check_error(&bad, "/nonexistent/kernel");
    bad.kernel = write_file("", 0);
    check_error(&bad, "empty");
    bad.kernel = write_file("not a kernel", 12);
    check_error(&bad, "neither a Linux kernel");
    bad = config;
    bad.drives[0] = (struct drive_config){.file = "/nonexistent/disk"};
    bad.drive_count = 1;
    check_error(&bad, "/nonexistent/disk");
    remove_files();
}

#define SETUP_SECTORS 4
#define SETUP_SIZE ((SETUP_SECTORS + 1) * 512)
#define PROTECTED_SIZE 0x1000

static void make_kernel(u8 *image, u16 protocol, u8 loadflags)
{
    memset(image, 0, SETUP_SIZE + PROTECTED_SIZE);
    image[0x1f1] = SETUP_SECTORS;
    image[0x1f4] = PROTECTED_SIZE / 16 & 0xff;
    image[0x1f5] = PROTECTED_SIZE / 16 >> 8;
    image[0x1fe] = 0x55;
    image[0x1ff] = 0xaa;
    memcpy(image + 0x202, "HdrS", 4);
    image[0x206] = protocol;
    image[0x207] = protocol >> 8;
    image[0x211] = loadflags;
    memcpy(image + 0x22c, "\xff\xff\xff\x37", 4);
    memcpy(image + 0x238, "\xff\x07", 2);
    memset(image + SETUP_SIZE, 0x90, PROTECTED_SIZE);
}

/* Linux boot.rst: setup and command line in low memory, protected-mode part at 1 MiB, header fields as the loader's. */
TEST(bzimage_header_is_filled_in)
{
    u8 kernel[SETUP_SIZE + PROTECTED_SIZE];
    make_kernel(kernel, 0x20c, 0x01);
    struct machine_config config = config_of(MACHINE_PC, 64 << 20);
    config.kernel = write_file(kernel, sizeof(kernel));
    config.initrd = write_file("initrd", 6);
    config.append = "root=/dev/sda vga=ask";
    struct machine *machine = create(&config);
    const u8 *setup = item(machine, FW_CFG_SETUP_DATA)->data;
    CHECK_EQ(word(item(machine, FW_CFG_SETUP_ADDR)->data, 4), 0x10000);
    CHECK_EQ(word(item(machine, FW_CFG_SETUP_SIZE)->data, 4), SETUP_SIZE);
    CHECK_EQ(word(item(machine, FW_CFG_KERNEL_ADDR)->data, 4), 0x100000);
    CHECK_EQ(word(item(machine, FW_CFG_KERNEL_SIZE)->data, 4), PROTECTED_SIZE);
    CHECK_EQ(setup[0x210], 0xb0);
    CHECK_EQ(setup[0x211], 0x81);
    CHECK_EQ(word(setup + 0x1fa, 2), 0xfffd);
    CHECK_EQ(word(setup + 0x228, 4), 0x20000);
    CHECK_EQ(word(setup + 0x21c, 4), 6);
    CHECK_EQ(word(setup + 0x218, 4) & 0xfff, 0);
    CHECK(word(setup + 0x218, 4) < 64 << 20);
    CHECK_EQ(word(item(machine, FW_CFG_CMDLINE_SIZE)->data, 4), strlen(config.append) + 1);
    CHECK(!strcmp((const char *)file(machine, "bootorder")->data, "/rom@genroms/linuxboot.bin"));
    pc_destroy(machine);
    remove_files();
}

TEST(zimage_goes_below_1_mib)
{
    u8 kernel[SETUP_SIZE + PROTECTED_SIZE];
    make_kernel(kernel, 0x201, 0x00);
    struct machine_config config = config_of(MACHINE_PC, 64 << 20);
    config.kernel = write_file(kernel, sizeof(kernel));
    config.append = "x";
    struct machine *machine = create(&config);
    const u8 *setup = item(machine, FW_CFG_SETUP_DATA)->data;
    CHECK_EQ(word(item(machine, FW_CFG_SETUP_ADDR)->data, 4), 0x90000);
    CHECK_EQ(word(item(machine, FW_CFG_KERNEL_ADDR)->data, 4), 0x10000);
    CHECK_EQ(word(setup + 0x20, 2), 0xa33f);
    CHECK_EQ(word(setup + 0x22, 2), 0xa000 - 2);
    pc_destroy(machine);
    remove_files();
}

TEST(rom_sums_to_zero_and_tells_its_length)
{
    u8 kernel[SETUP_SIZE + PROTECTED_SIZE], sum = 0;
    make_kernel(kernel, 0x20c, 0x01);
    struct machine_config config = config_of(MACHINE_PC, 64 << 20);
    config.kernel = write_file(kernel, sizeof(kernel));
    struct machine *machine = create(&config);
    const struct fw_cfg_item *rom = file(machine, "genroms/linuxboot.bin");
    for (u32 i = 0; i < rom->size; i++)
        sum += rom->data[i];
    CHECK_EQ(sum, 0);
    CHECK_EQ(word(rom->data, 2), 0xaa55);
    CHECK_EQ(rom->data[2] * 512u, rom->size);
    pc_destroy(machine);
    remove_files();
}

/* Linux boot.rst, "syssize": the size in units of 16-byte paragraphs, so that a file may end within the last one. */
TEST(last_paragraph_of_a_kernel_need_not_be_full)
{
    u8 kernel[SETUP_SIZE + PROTECTED_SIZE];
    make_kernel(kernel, 0x20c, 0x01);
    struct machine_config config = config_of(MACHINE_PC, 64 << 20), bad = config;
    config.kernel = write_file(kernel, sizeof(kernel) - 15);
    struct machine *machine = create(&config);
    CHECK_EQ(word(item(machine, FW_CFG_KERNEL_SIZE)->data, 4), PROTECTED_SIZE - 15);
    pc_destroy(machine);
    bad.kernel = write_file(kernel, sizeof(kernel) - 16);
    check_error(&bad, "truncated kernel");
    remove_files();
}

TEST(bad_kernels_are_told_apart)
{
    u8 kernel[SETUP_SIZE + PROTECTED_SIZE];
    struct machine_config config = config_of(MACHINE_PC, 64 << 20), bad = config;
    make_kernel(kernel, 0x20c, 0x01);
    bad.kernel = write_file(kernel, SETUP_SIZE + 16);
    check_error(&bad, "truncated kernel");
    bad.kernel = write_file(kernel, 0x300);
    check_error(&bad, "truncated kernel");
    kernel[0x1f1] = 255;
    bad.kernel = write_file(kernel, sizeof(kernel));
    check_error(&bad, "larger than 32 KiB");
    make_kernel(kernel, 0x20c, 0x01);
    memcpy(kernel + 0x260, "\0\0\0\x10", 4); /* init_size */
    bad.kernel = write_file(kernel, sizeof(kernel));
    check_error(&bad, "needs 257 MiB");
    remove_files();
}

static void put32(u8 *p, u32 value)
{
    memcpy(p, &value, 4);
}

static void make_multiboot(u8 image[256], u32 load_end)
{
    memset(image, 0x5a, 256);
    put32(image, 0x1badb002);
    put32(image + 4, 0x10000);
    put32(image + 8, -(0x1badb002 + 0x10000));
    put32(image + 12, 0x100000);
    put32(image + 16, 0x100000);
    put32(image + 20, load_end);
    put32(image + 24, 0x101000);
    put32(image + 28, 0x100020);
}

TEST(multiboot_address_fields_place_the_image)
{
    u8 image[256];
    make_multiboot(image, 0);
    struct machine_config config = config_of(MACHINE_PC, 64 << 20);
    config.kernel = write_file(image, sizeof(image));
    config.initrd = write_file("module", 6);
    struct machine *machine = create(&config);
    const u8 *info = item(machine, FW_CFG_INITRD_DATA)->data;
    CHECK_EQ(word(item(machine, FW_CFG_KERNEL_ADDR)->data, 4), 0x100000);
    CHECK_EQ(word(item(machine, FW_CFG_KERNEL_ENTRY)->data, 4), 0x100020);
    CHECK_EQ(item(machine, FW_CFG_KERNEL_DATA)->size, 0x1006);
    CHECK_EQ(word(item(machine, FW_CFG_INITRD_ADDR)->data, 4), 0x9500);
    CHECK_EQ(word(info + 20, 4), 1);
    u32 list = word(info + 24, 4) - 0x9500;
    CHECK_EQ(word(info + list, 4), 0x101000);
    CHECK_EQ(word(info + list + 4, 4), 0x101006);
    pc_destroy(machine);
    remove_files();
}

TEST(truncated_multiboot_kernels_are_refused)
{
    u8 image[256];
    make_multiboot(image, 0x100400);
    struct machine_config config = config_of(MACHINE_PC, 64 << 20);
    config.kernel = write_file(image, sizeof(image));
    check_error(&config, "truncated");
    config.kernel = write_file(image, 20);
    check_error(&config, "truncated");
    make_multiboot(image, 0);
    put32(image + 24, 0x80000000);
    config.kernel = write_file(image, sizeof(image));
    check_error(&config, "needs memory");
    make_multiboot(image, 0);
    put32(image + 4, 0);
    put32(image + 8, -0x1badb002);
    config.kernel = write_file(image, sizeof(image));
    check_error(&config, "neither an ELF file");
    remove_files();
}

static void drive_isa(struct pc *pc, int irq, bool level)
{
    struct irq wire = piix3_irq(&pc->piix3, irq);
    irq_set(&wire, level);
}

TEST(interrupt_lines_reach_the_pic_and_the_io_apic_with_irq_0_on_input_2)
{
    struct machine_config config = config_of(MACHINE_PC, 64 << 20);
    struct machine *machine = create(&config);
    struct pc *pc = machine->board;
    drive_isa(pc, 5, true);
    CHECK_EQ(pc->ioapic.levels & 1 << 5, 1 << 5);
    CHECK_EQ(pc->pic.chip[0].lines & 0x20, 0x20);
    drive_isa(pc, 5, false);
    CHECK_EQ(pc->ioapic.levels & 1 << 5, 0);
    drive_isa(pc, 0, false);
    CHECK_EQ(pc->ioapic.levels & 1 << 2, 0);
    drive_isa(pc, 0, true);
    CHECK_EQ(pc->ioapic.levels & 1 << 2, 1 << 2);
    pc_destroy(machine);
    remove_files();
}

TEST(hpet_replaces_the_8254_on_irq_0)
{
    struct machine_config config = config_of(MACHINE_PC, 64 << 20);
    struct machine *machine = create(&config);
    struct pc *pc = machine->board;
    bool pit = pc->irq0.levels[LEGACY_CHIP];
    CHECK_EQ(pc->pic.chip[0].lines & 1, pit);
    memory_store(machine->memory, HPET_BASE + 0x10, 2, 4);
    CHECK_EQ(pc->pic.chip[0].lines & 1, 0);
    memory_store(machine->memory, HPET_BASE + 0x10, 0, 4);
    CHECK_EQ(pc->pic.chip[0].lines & 1, pit);
    pc_destroy(machine);
    remove_files();
}

TEST(boards_without_apic_and_hpet_answer_nothing_there)
{
    struct machine_config config = config_of(MACHINE_PC, 64 << 20);
    config.cpu_model = "pentium3";
    config.cpu_features = "-apic";
    config.no_hpet = true;
    struct machine *machine = create(&config);
    CHECK(!machine->apic);
    CHECK_EQ(memory_load(machine->memory, 0xfec00010, 4), 0xffffffff);
    CHECK_EQ(memory_load(machine->memory, HPET_BASE, 4), 0xffffffff);
    pc_destroy(machine);
    config = config_of(MACHINE_ISAPC, 16 << 20);
    machine = create(&config);
    CHECK(!machine->apic);
    pc_destroy(machine);
    remove_files();
}

TEST(the_calendar_follows_the_host_except_under_icount)
{
    struct machine_config config = config_of(MACHINE_ISAPC, 4 << 20);
    struct machine *machine = create(&config);
    CHECK_EQ(((struct pc *)machine->board)->rtc.follows, HOST_NONE);
    CHECK_EQ(((struct pc *)machine->board)->rtc.lead, 0);
    pc_destroy(machine);
    config.icount_shift = -1;
    machine = create(&config);
    CHECK_EQ(((struct pc *)machine->board)->rtc.follows, HOST_CALENDAR);
    pc_destroy(machine);
    config.rtc_clock = RTC_CLOCK_VM;
    machine = create(&config);
    CHECK_EQ(((struct pc *)machine->board)->rtc.follows, HOST_NONE);
    pc_destroy(machine);
    remove_files();
}

UNIT_MAIN()
