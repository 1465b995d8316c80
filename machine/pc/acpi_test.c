#include "machine/pc/acpi.h"

#include "machine/pc/aml.h"
#include "tests/unit.h"

#define BASE 0x07fe0000u /* where the pretended BIOS puts the tables */

struct file {
    char name[56];
    u8 *data;
    u32 size, address;
};

struct firmware {
    struct machine *machine;
    struct fw_cfg fw;
    struct file files[2];
    int count;
};

static u32 get32(const u8 *p)
{
    return p[0] | p[1] << 8 | p[2] << 16 | (u32)p[3] << 24;
}

static struct file *file(struct firmware *firmware, const u8 *name)
{
    for (int i = 0; i < firmware->count; i++)
        if (!strncmp(firmware->files[i].name, (const char *)name, 56))
            return &firmware->files[i];
    CHECK(!"the script names a file that it did not allocate");
    return NULL;
}

static void allocate(struct firmware *firmware, const u8 *entry)
{
    const struct fw_cfg_item *item =
        fw_cfg_item(&firmware->fw, fw_cfg_file_key(&firmware->fw, (const char *)entry + 4));
    struct file *f = &firmware->files[firmware->count++];
    memcpy(f->name, entry + 4, 56);
    f->data = malloc(item->size);
    memcpy(f->data, item->data, item->size);
    f->size = item->size;
    f->address = entry[64] == 2 ? 0xf5a00 : BASE;
    CHECK(get32(entry + 60) >= 16);
}

static void add_pointer(struct firmware *firmware, const u8 *entry)
{
    struct file *in = file(firmware, entry + 4), *to = file(firmware, entry + 60);
    u32 at = get32(entry + 116);
    CHECK_EQ(entry[120], 4);
    CHECK(at + 4 <= in->size);
    u32 value = get32(in->data + at) + to->address;
    memcpy(in->data + at, &value, 4);
}

static void add_checksum(struct firmware *firmware, const u8 *entry)
{
    struct file *f = file(firmware, entry + 4);
    u32 at = get32(entry + 60), start = get32(entry + 64), length = get32(entry + 68);
    u8 sum = 0;
    CHECK(start + length <= f->size && at >= start && at < start + length);
    for (u32 i = start; i < start + length; i++)
        sum += f->data[i];
    f->data[at] -= sum;
}

/* Does what a BIOS does with the script. */
static void run(struct firmware *firmware, const struct acpi_config *config)
{
    memset(firmware, 0, sizeof(*firmware));
    firmware->machine = machine_create(NULL);
    fw_cfg_init(&firmware->fw, firmware->machine);
    CHECK_EQ(acpi_add_tables(&firmware->fw, config), 0);
    const struct fw_cfg_item *script =
        fw_cfg_item(&firmware->fw, fw_cfg_file_key(&firmware->fw, "etc/table-loader"));
    CHECK_EQ(script->size % 128, 0);
    for (u32 at = 0; at < script->size; at += 128) {
        const u8 *entry = script->data + at;
        switch (get32(entry)) {
        case 1:
            allocate(firmware, entry);
            break;
        case 2:
            add_pointer(firmware, entry);
            break;
        case 3:
            add_checksum(firmware, entry);
            break;
        default:
            CHECK(!"unknown command");
        }
    }
}

static void finish(struct firmware *firmware)
{
    for (int i = 0; i < firmware->count; i++)
        free(firmware->files[i].data);
    fw_cfg_destroy(&firmware->fw);
    machine_destroy(firmware->machine);
}

/* The table at a physical address, its sum checked. */
static const u8 *table(struct firmware *firmware, u32 address)
{
    const struct file *f = file(firmware, (const u8 *)"etc/acpi/tables");
    CHECK(address >= BASE && address - BASE < f->size);
    const u8 *t = f->data + (address - BASE);
    u32 length = get32(t + 4);
    CHECK(address - BASE + length <= f->size);
    u8 sum = 0;
    for (u32 i = 0; i < length; i++)
        sum += t[i];
    if (memcmp(t, "FACS", 4))
        CHECK_EQ(sum, 0);
    return t;
}

static const u8 *rsdt(struct firmware *firmware)
{
    const struct file *f = file(firmware, (const u8 *)"etc/acpi/rsdp");
    u8 sum = 0;
    for (u32 i = 0; i < 20; i++)
        sum += f->data[i];
    CHECK_EQ(sum, 0);
    CHECK(!memcmp(f->data, "RSD PTR ", 8));
    return table(firmware, get32(f->data + 16));
}

static const u8 *find(struct firmware *firmware, const char *signature)
{
    const u8 *list = rsdt(firmware);
    for (u32 at = 36; at < get32(list + 4); at += 4) {
        const u8 *t = table(firmware, get32(list + at));
        if (!memcmp(t, signature, 4))
            return t;
    }
    return NULL;
}

TEST(script_links_tables_and_makes_their_sums_zero)
{
    struct firmware firmware;
    struct acpi_config config = {.lowmem = 128 << 20, .cpus = 1, .has_keyboard = true, .has_mouse = true};
    run(&firmware, &config);
    const u8 *fadt = find(&firmware, "FACP");
    CHECK(fadt != NULL);
    CHECK_EQ(get32(fadt + 4), 116);
    CHECK(!memcmp(table(&firmware, get32(fadt + 36)), "FACS", 4));
    CHECK_EQ(get32(fadt + 36) % 64, 0);
    CHECK(!memcmp(table(&firmware, get32(fadt + 40)), "DSDT", 4));
    CHECK_EQ(fadt[46], 9);
    CHECK_EQ(get32(fadt + 56), 0x600);
    CHECK_EQ(get32(fadt + 76), 0x608);
    finish(&firmware);
}

TEST(without_apic_there_is_no_madt)
{
    struct firmware firmware;
    struct acpi_config config = {.lowmem = 128 << 20, .cpus = 1};
    run(&firmware, &config);
    CHECK(!find(&firmware, "APIC"));
    CHECK(!find(&firmware, "HPET"));
    finish(&firmware);
}

TEST(madt_lists_every_cpu_and_the_io_apic)
{
    struct firmware firmware;
    struct acpi_config config = {.lowmem = 128 << 20, .cpus = 3, .has_apic = true, .has_hpet = true};
    int local = 0, io = 0;
    run(&firmware, &config);
    const u8 *madt = find(&firmware, "APIC");
    CHECK(madt != NULL);
    for (u32 at = 44; at < get32(madt + 4); at += madt[at + 1]) {
        local += madt[at] == 0;
        io += madt[at] == 1;
    }
    CHECK_EQ(local, 3);
    CHECK_EQ(io, 1);
    CHECK(find(&firmware, "HPET") != NULL);
    finish(&firmware);
}

/* ACPI 2.0c, "Package Length Encoding". */
TEST(package_length_takes_as_few_bytes_as_it_can)
{
    static const u8 filler[5000];
    struct aml aml = {0};
    aml_scope(&aml, "ABCD");
    aml_bytes(&aml, filler, 58);
    aml_end(&aml);
    CHECK_EQ(aml.data[1], 63);
    CHECK_EQ(aml.size, 64);
    aml.size = 0;
    aml_scope(&aml, "ABCD");
    aml_bytes(&aml, filler, 59);
    aml_end(&aml);
    CHECK_EQ(aml.data[1], 0x41); /* one more byte follows; 65 = 4 << 4 | 1 */
    CHECK_EQ(aml.data[2], 0x04);
    aml.size = 0;
    aml_scope(&aml, "ABCD");
    aml_bytes(&aml, filler, 5000);
    aml_end(&aml);
    CHECK_EQ(aml.data[1], 0x80 | (5007 & 15));
    CHECK_EQ(aml.data[2], 5007 >> 4 & 0xff);
    CHECK_EQ(aml.data[3], 5007 >> 12);
    free(aml.data);
}

TEST(names_are_padded_and_prefixed)
{
    static const u8 want[] = "\x5c\x2f\x03_SB_PCI0ISA_" "\x2e" "ABC_D___" "X___";
    struct aml aml = {0};
    aml_name(&aml, "\\_SB.PCI0.ISA");
    aml_name(&aml, "ABC.D");
    aml_name(&aml, "X");
    CHECK_EQ(aml.size, sizeof(want) - 1);
    CHECK(!memcmp(aml.data, want, sizeof(want) - 1));
    free(aml.data);
}

/* ACPI 2.0c gives EISAID("PNP0303") as 0303D041h in memory order 41 D0 03 03. */
TEST(eisa_ids_are_compressed)
{
    struct aml aml = {0};
    aml_eisa_id(&aml, "PNP0303");
    CHECK(!memcmp(aml.data, "\x0c\x41\xd0\x03\x03", 5));
    free(aml.data);
}

UNIT_MAIN()
