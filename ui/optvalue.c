/*
 * Values of options: sizes, choices, and the key=value lists of -drive, -boot, -rtc and others.
 */
#include "ui/optvalue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ui/nearest.h"

#define KB (1ull << 10)
#define MB (1ull << 20)
#define GB (1ull << 30)

const char *const optvalue_machines[] = {"pc", "isapc", NULL};
/* --- words and numbers ------------------------------------------------------------------------------------------ */

char *optvalue_keep(struct options *options, const char *text)
{
    char *copy = options->string_count < OPTIONS_MAX_STRINGS ? strdup(text) : NULL;
    if (!copy)
        return "";
    return options->strings[options->string_count++] = copy;
}

int optvalue_size(const char *text, u64 unit, u64 *bytes)
{
    char *end;
    errno = 0;
    double number = strtod(text, &end);
    if (errno || end == text || !strchr("0123456789", text[0]) || number > 1e15)
        return -EINVAL;
    switch (*end) {
    case 'b':
    case 'B':
        unit = 1;
        end++;
        break;
    case 'k':
    case 'K':
        unit = KB;
        end++;
        break;
    case 'm':
    case 'M':
        unit = MB;
        end++;
        break;
    case 'g':
    case 'G':
        unit = GB;
        end++;
        break;
    case 't':
    case 'T':
        unit = GB << 10;
        end++;
        break;
    default: break;
    }
    if (*end || number * unit >= 1e18)
        return -EINVAL;
    *bytes = number * unit;
    return 0;
}

int optvalue_number(const char *option, const char *text, u64 max, u64 *number, struct error *err)
{
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 0);
    if (errno || end == text || *end || text[0] == '-' || *number > max)
        return error_set(err, EINVAL, "%s: '%s' is not a number from 0 to %#llx", option, text,
                         (unsigned long long)max);
    return 0;
}

int optvalue_choice(const char *option, const char *text, const char *const *choices, struct error *err)
{
    char hint[300];
    for (int i = 0; choices[i]; i++)
        if (!strcmp(choices[i], text))
            return i;
    return error_set(err, EINVAL, "%s: unknown value '%s'%s", option, text,
                     nearest_hint(hint, sizeof(hint), text, choices));
}

int optvalue_bool(const char *option, const char *text, bool *on, struct error *err)
{
    static const char *const words[] = {"off", "on", "no", "yes", "false", "true", NULL};
    int choice = optvalue_choice(option, text, words, err);
    if (choice < 0)
        return choice;
    *on = choice & 1;
    return 0;
}

/* --- key=value lists -------------------------------------------------------------------------------------------- */

bool optvalue_pair(char **cursor, char **key, char **value)
{
    char *in = *cursor, *out = in;
    if (!*in)
        return false;
    *key = in;
    *value = NULL;
    while (*in && (*in != ',' || in[1] == ',')) {
        if (*in == ',')
            in++;
        if (*in == '=' && !*value) {
            *out++ = '\0';
            *value = out;
            in++;
            continue;
        }
        *out++ = *in++;
    }
    *cursor = *in ? in + 1 : in;
    *out = '\0';
    return true;
}

struct key {
    const char *name;
    int (*set)(struct options *options, void *target, const char *value, struct error *err);
};

static int unknown_key(const char *option, const char *name, const struct key *keys, struct error *err)
{
    const char *names[32];
    char hint[300];
    int count = 0;
    while (keys[count].name && count < 31) {
        names[count] = keys[count].name;
        count++;
    }
    names[count] = NULL;
    return error_set(err, EINVAL, "%s: unknown key '%s'%s", option, name,
                     nearest_hint(hint, sizeof(hint), name, names));
}

/* Sets target from a list.  A first piece without "=" is the value of the key `implied` (NULL: not allowed); a later
 * one means KEY=on. */
static int set_keys(struct options *options, const char *option, const char *text, const char *implied,
                    const struct key *keys, void *target, struct error *err)
{
    char *cursor = optvalue_keep(options, text), *name, *value;
    for (bool first = true; optvalue_pair(&cursor, &name, &value); first = false) {
        const struct key *key = keys;
        if (!value && first && implied) {
            value = name;
            name = (char *)implied;
        }
        while (key->name && strcmp(key->name, name))
            key++;
        if (!key->name)
            return unknown_key(option, name, keys, err);
        int r = key->set(options, target, value ? value : "on", err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int later(struct error *err, const char *what)
{
    return error_set(err, EINVAL, "%s is not available yet", what);
}

/* --- machine ---------------------------------------------------------------------------------------------------- */

static int memory_size(struct options *options, void *target, const char *value, struct error *err)
{
    if (optvalue_size(value, MB, &options->machine.ram_size) < 0)
        return error_set(err, EINVAL, "-m: '%s' is not a size; write 64 (MiB), 64M or 1G", value);
    return 0;
}

int optvalue_memory(struct options *options, const char *value, struct error *err)
{
    static const struct key keys[] = {{"size", memory_size}, {NULL, NULL}};
    return set_keys(options, "-m", value, "size", keys, NULL, err);
}

static int machine_type(struct options *options, void *target, const char *value, struct error *err)
{
    if (!strcmp(value, "help")) {
        options->help = HELP_MACHINES;
        return 0;
    }
    if (!strcmp(value, "q35") || !strncmp(value, "pc-q35", 6) || !strcmp(value, "microvm"))
        return error_set(err, EINVAL, "-M %s: there is no such board here; there are pc (i440FX) and isapc", value);
    if (!strncmp(value, "pc-i440fx", 9))
        value = "pc";
    int type = optvalue_choice("-M", value, optvalue_machines, err);
    if (type < 0)
        return type;
    options->machine.machine = type ? MACHINE_ISAPC : MACHINE_PC;
    return 0;
}

/* A:B: the same as -accel A -accel B. */
static int machine_accel(struct options *options, void *target, const char *value, struct error *err)
{
    char *names = optvalue_keep(options, value);
    for (bool last = false; !last;) {
        char *name = names;
        names += strcspn(names, ":");
        last = !*names;
        if (!last)
            *names++ = '\0';
        int r = optvalue_add_accel(options, name, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int machine_hpet(struct options *options, void *target, const char *value, struct error *err)
{
    bool on = true;
    int r = optvalue_bool("-M", value, &on, err);
    options->machine.no_hpet = !on;
    return r;
}

/* What this board has not: "off" says how it is. */
static int only_off(struct options *options, void *target, const char *value, struct error *err)
{
    bool on;
    int r = optvalue_bool("-M", value, &on, err);
    if (r < 0 || !on)
        return r;
    return later(err, "-M: switching on smm, usb, vmport or kernel_irqchip");
}

int optvalue_machine(struct options *options, const char *value, struct error *err)
{
    static const struct key keys[] = {
        {"type", machine_type},
        {"accel", machine_accel},
        {"smm", only_off},
        {"usb", only_off},
        {"vmport", only_off},
        {"hpet", machine_hpet},
        {"kernel_irqchip", only_off},
        {NULL, NULL},
    };
    return set_keys(options, "-M", value, "type", keys, NULL, err);
}

int optvalue_cpu(struct options *options, const char *value, struct error *err)
{
    char *model = optvalue_keep(options, value), *features = strchr(model, ',');
    if (features)
        *features++ = '\0';
    options->machine.cpu_model = model;
    options->machine.cpu_features = features;
    if (!strcmp(model, "help"))
        options->help = HELP_CPUS;
    return 0;
}

static int smp_cpus(struct options *options, void *target, const char *value, struct error *err)
{
    u64 count;
    int r = optvalue_number("-smp", value, 255, &count, err);
    if (r < 0)
        return r;
    if (count != 1)
        return count ? later(err, "-smp: more than one processor") : error_set(err, EINVAL, "-smp: at least 1");
    return 0;
}

int optvalue_smp(struct options *options, const char *value, struct error *err)
{
    static const struct key keys[] = {
        {"cpus", smp_cpus},    {"cores", smp_cpus},   {"threads", smp_cpus},
        {"sockets", smp_cpus}, {"maxcpus", smp_cpus}, {NULL, NULL},
    };
    return set_keys(options, "-smp", value, "cpus", keys, NULL, err);
}

static int set_name(struct options *options, void *target, const char *value, struct error *err)
{
    options->machine.name = value;
    return 0;
}

static int accept(struct options *options, void *target, const char *value, struct error *err)
{
    return 0;
}

int optvalue_name(struct options *options, const char *value, struct error *err)
{
    static const struct key keys[] = {
        {"guest", set_name}, {"process", accept}, {"debug-threads", accept}, {NULL, NULL}};
    return set_keys(options, "-name", value, "guest", keys, NULL, err);
}

/* --- disks ------------------------------------------------------------------------------------------------------ */

struct drive_parse {
    struct drive_config drive;
    int index, bus, unit; /* -1: not given */
};

static int drive_file(struct options *options, void *target, const char *value, struct error *err)
{
    ((struct drive_parse *)target)->drive.file = *value ? value : NULL;
    return 0;
}

static int drive_format(struct options *options, void *target, const char *value, struct error *err)
{
    static const char *const formats[] = {"raw", "qcow2", "cue", NULL};
    int choice = optvalue_choice("-drive format", value, formats, err);
    if (choice < 0)
        return choice;
    ((struct drive_parse *)target)->drive.format = formats[choice];
    return 0;
}

static int drive_interface(struct options *options, void *target, const char *value, struct error *err)
{
    static const char *const interfaces[] = {"ide", "floppy", "none", NULL};
    static const enum drive_interface values[] = {DRIVE_IDE, DRIVE_FLOPPY, DRIVE_NONE};
    if (!strcmp(value, "virtio") || !strcmp(value, "scsi"))
        return error_set(err, EINVAL, "-drive: if=%s is not available yet; there are ide, floppy, none", value);
    int choice = optvalue_choice("-drive if", value, interfaces, err);
    if (choice < 0)
        return choice;
    ((struct drive_parse *)target)->drive.interface = values[choice];
    return 0;
}

static int drive_media(struct options *options, void *target, const char *value, struct error *err)
{
    static const char *const media[] = {"disk", "cdrom", NULL};
    int choice = optvalue_choice("-drive media", value, media, err);
    if (choice < 0)
        return choice;
    ((struct drive_parse *)target)->drive.media = choice ? MEDIA_CDROM : MEDIA_DISK;
    return 0;
}

static int drive_snapshot(struct options *options, void *target, const char *value, struct error *err)
{
    return optvalue_bool("-drive snapshot", value, &((struct drive_parse *)target)->drive.snapshot, err);
}

static int drive_readonly(struct options *options, void *target, const char *value, struct error *err)
{
    return optvalue_bool("-drive readonly", value, &((struct drive_parse *)target)->drive.readonly, err);
}

static int drive_id(struct options *options, void *target, const char *value, struct error *err)
{
    ((struct drive_parse *)target)->drive.id = value;
    return 0;
}

static int small_number(const char *option, const char *value, int max, int *number, struct error *err)
{
    u64 wide;
    int r = optvalue_number(option, value, max, &wide, err);
    if (r == 0)
        *number = wide;
    return r;
}

static int drive_index(struct options *options, void *target, const char *value, struct error *err)
{
    return small_number("-drive index", value, 3, &((struct drive_parse *)target)->index, err);
}

static int drive_bus(struct options *options, void *target, const char *value, struct error *err)
{
    return small_number("-drive bus", value, 1, &((struct drive_parse *)target)->bus, err);
}

static int drive_unit(struct options *options, void *target, const char *value, struct error *err)
{
    return small_number("-drive unit", value, 1, &((struct drive_parse *)target)->unit, err);
}

/* How the host caches an image is the host's business: a flush of the guest's is always honoured. */
static int drive_cache(struct options *options, void *target, const char *value, struct error *err)
{
    static const char *const modes[] = {"writeback", "writethrough", "none", "directsync", "unsafe", NULL};
    return MIN(optvalue_choice("-drive cache", value, modes, err), 0);
}

static bool drive_taken(const struct options *options, enum drive_interface interface, int index)
{
    for (int i = 0; i < options->machine.drive_count; i++)
        if (options->machine.drives[i].interface == interface && options->machine.drives[i].index == index)
            return true;
    return false;
}

int optvalue_add_drive(struct options *options, const char *option, const struct drive_config *drive, struct error *err)
{
    struct machine_config *config = &options->machine;
    if (config->drive_count == CONFIG_MAX_DRIVES)
        return error_set(err, EINVAL, "%s: at most %d drives", option, CONFIG_MAX_DRIVES);
    if (drive->interface != DRIVE_NONE && drive_taken(options, drive->interface, drive->index))
        return error_set(err, EINVAL, "%s: %s drive %d is taken by an earlier option", option,
                         drive->interface == DRIVE_FLOPPY ? "floppy" : "IDE", drive->index);
    if (drive->interface == DRIVE_FLOPPY && drive->index > 1)
        return error_set(err, EINVAL, "%s: there are only floppy drives 0 and 1", option);
    config->drives[config->drive_count++] = *drive;
    return 0;
}

/* CD-ROMs go to the secondary master when they may choose, as everywhere. */
static int choose_index(const struct options *options, const struct drive_config *drive)
{
    int index = drive->media == MEDIA_CDROM ? 2 : 0;
    while (index < 3 && drive_taken(options, drive->interface, index))
        index++;
    return index;
}

int optvalue_drive(struct options *options, const char *value, struct error *err)
{
    static const struct key keys[] = {
        {"file", drive_file},
        {"format", drive_format},
        {"if", drive_interface},
        {"index", drive_index},
        {"bus", drive_bus},
        {"unit", drive_unit},
        {"media", drive_media},
        {"snapshot", drive_snapshot},
        {"readonly", drive_readonly},
        {"read-only", drive_readonly},
        {"cache", drive_cache},
        {"id", drive_id},
        {NULL, NULL},
    };
    struct drive_parse parse = {.index = -1, .bus = -1, .unit = -1};
    int r = set_keys(options, "-drive", value, NULL, keys, &parse, err);
    if (r < 0)
        return r;
    if (parse.index >= 0 && (parse.bus >= 0 || parse.unit >= 0))
        return error_set(err, EINVAL, "-drive: either index= or bus= and unit=, not both");
    if (parse.bus >= 0 || parse.unit >= 0)
        parse.index = MAX(parse.bus, 0) * 2 + MAX(parse.unit, 0);
    parse.drive.index = parse.index >= 0 ? parse.index : choose_index(options, &parse.drive);
    if (!parse.drive.file && parse.drive.media == MEDIA_DISK && parse.drive.interface == DRIVE_IDE)
        return error_set(err, EINVAL, "-drive: file= is missing");
    return optvalue_add_drive(options, "-drive", &parse.drive, err);
}

/* --- boot, clock ------------------------------------------------------------------------------------------------ */

static int boot_letters(const char *value, char *out, size_t size, struct error *err)
{
    if (strlen(value) >= size)
        return error_set(err, EINVAL, "-boot: '%s' is too long", value);
    for (const char *p = value; *p; p++) {
        if (!strchr("acdn", *p))
            return error_set(err, EINVAL,
                             "-boot: '%c' is no boot device; there are a (floppy), c (hard disk), d (CD-ROM), "
                             "n (network)",
                             *p);
        if (strchr(p + 1, *p))
            return error_set(err, EINVAL, "-boot: '%c' is given twice", *p);
    }
    strcpy(out, value);
    return 0;
}

static int boot_order(struct options *options, void *target, const char *value, struct error *err)
{
    return boot_letters(value, options->machine.boot_order, sizeof(options->machine.boot_order), err);
}

static int boot_once(struct options *options, void *target, const char *value, struct error *err)
{
    return boot_letters(value, options->machine.boot_once, sizeof(options->machine.boot_once), err);
}

static int boot_menu(struct options *options, void *target, const char *value, struct error *err)
{
    return optvalue_bool("-boot menu", value, &options->machine.boot_menu, err);
}

static int boot_strict(struct options *options, void *target, const char *value, struct error *err)
{
    return optvalue_bool("-boot strict", value, &options->machine.boot_strict, err);
}

static int boot_splash_time(struct options *options, void *target, const char *value, struct error *err)
{
    int ms;
    int r = small_number("-boot splash-time", value, 0xffff, &ms, err);
    options->machine.boot_menu_wait = r == 0 ? ms : 0;
    options->machine.boot_menu_wait_given = r == 0;
    return r;
}

static int boot_reboot_timeout(struct options *options, void *target, const char *value, struct error *err)
{
    int ms = -1;
    int r = strcmp(value, "-1") ? small_number("-boot reboot-timeout", value, 0xffff, &ms, err) : 0;
    options->machine.boot_retry_wait = (u32)ms;
    return r;
}

static int boot_splash(struct options *options, void *target, const char *value, struct error *err)
{
    return later(err, "-boot splash=");
}

int optvalue_boot(struct options *options, const char *value, struct error *err)
{
    static const struct key keys[] = {
        {"order", boot_order},
        {"once", boot_once},
        {"menu", boot_menu},
        {"strict", boot_strict},
        {"splash-time", boot_splash_time},
        {"reboot-timeout", boot_reboot_timeout},
        {"splash", boot_splash},
        {NULL, NULL},
    };
    return set_keys(options, "-boot", value, "order", keys, NULL, err);
}

static int rtc_base(struct options *options, void *target, const char *value, struct error *err)
{
    struct machine_config *config = &options->machine;
    struct tm date = {0};
    const char *end;
    if (!strcmp(value, "utc") || !strcmp(value, "localtime")) {
        config->rtc_base = value[0] == 'u' ? RTC_UTC : RTC_LOCALTIME;
        return 0;
    }
    end = strptime(value, "%Y-%m-%dT%H:%M:%S", &date);
    if (!end)
        end = strptime(value, "%Y-%m-%d", memset(&date, 0, sizeof(date)));
    if (!end || *end)
        return error_set(err, EINVAL, "-rtc: base '%s' should be utc, localtime or a date as 2000-01-31T12:00:00",
                         value);
    config->rtc_base = RTC_DATE;
    config->rtc_date = timegm(&date);
    return 0;
}

static int rtc_clock(struct options *options, void *target, const char *value, struct error *err)
{
    static const char *const clocks[] = {"host", "vm", "rt", NULL};
    static const enum rtc_clock values[] = {RTC_CLOCK_HOST, RTC_CLOCK_VM, RTC_CLOCK_RT};
    int choice = optvalue_choice("-rtc clock", value, clocks, err);
    if (choice < 0)
        return choice;
    options->machine.rtc_clock = values[choice];
    return 0;
}

static int rtc_driftfix(struct options *options, void *target, const char *value, struct error *err)
{
    return strcmp(value, "none") ? later(err, "-rtc driftfix other than none") : 0;
}

int optvalue_rtc(struct options *options, const char *value, struct error *err)
{
    static const struct key keys[] = {
        {"base", rtc_base}, {"clock", rtc_clock}, {"driftfix", rtc_driftfix}, {NULL, NULL}};
    return set_keys(options, "-rtc", value, NULL, keys, NULL, err);
}

static int icount_shift(struct options *options, void *target, const char *value, struct error *err)
{
    if (!strcmp(value, "auto"))
        return later(err, "-icount shift=auto");
    return small_number("-icount shift", value, 10, &options->machine.icount_shift, err);
}

static int icount_align(struct options *options, void *target, const char *value, struct error *err)
{
    return strcmp(value, "off") ? later(err, "-icount align=on") : 0;
}

static int icount_sleep(struct options *options, void *target, const char *value, struct error *err)
{
    return optvalue_bool("-icount sleep", value, &options->machine.icount_sleep, err);
}

int optvalue_icount(struct options *options, const char *value, struct error *err)
{
    static const struct key keys[] = {
        {"shift", icount_shift}, {"align", icount_align}, {"sleep", icount_sleep}, {NULL, NULL}};
    return set_keys(options, "-icount", value, "shift", keys, NULL, err);
}

/* --- fw_cfg --------------------------------------------------------------------------------------------------- */

static int fw_cfg_name(struct options *options, void *target, const char *value, struct error *err)
{
    if (!*value || strlen(value) > 55)
        return error_set(err, EINVAL, "-fw_cfg: a name has 1 to 55 characters");
    ((struct fw_cfg_config *)target)->name = value;
    return 0;
}

static int fw_cfg_file(struct options *options, void *target, const char *value, struct error *err)
{
    ((struct fw_cfg_config *)target)->file = value;
    return 0;
}

static int fw_cfg_string(struct options *options, void *target, const char *value, struct error *err)
{
    ((struct fw_cfg_config *)target)->text = value;
    return 0;
}

int optvalue_fw_cfg(struct options *options, const char *value, struct error *err)
{
    static const struct key keys[] = {
        {"name", fw_cfg_name}, {"file", fw_cfg_file}, {"string", fw_cfg_string}, {NULL, NULL}};
    struct fw_cfg_config entry = {0};
    int r = set_keys(options, "-fw_cfg", value, "name", keys, &entry, err);
    if (r < 0)
        return r;
    if (!entry.name || !entry.file == !entry.text)
        return error_set(err, EINVAL, "-fw_cfg: write name=NAME,file=FILE or name=NAME,string=TEXT");
    if (options->machine.fw_cfg_count == CONFIG_MAX_FW_CFG)
        return error_set(err, EINVAL, "-fw_cfg: at most %d of them", CONFIG_MAX_FW_CFG);
    options->machine.fw_cfg[options->machine.fw_cfg_count++] = entry;
    return 0;
}

#define SMBIOS_STRING_MAX 64 /* SMBIOS 2.4, "Text Strings" */

static int smbios_type(struct options *options, void *target, const char *value, struct error *err)
{
    *(bool *)target = !strcmp(value, "1");
    return *(bool *)target ? 0 : error_set(err, EINVAL, "-smbios type=%s: only type=1, the system, is available yet", value);
}

static int smbios_string(const char **string, const char *value, struct error *err)
{
    *string = value;
    if (!*value || strlen(value) > SMBIOS_STRING_MAX)
        return error_set(err, EINVAL, "-smbios: '%s': 1 to %d characters", value, SMBIOS_STRING_MAX);
    return 0;
}

#define SMBIOS_KEY(name)                                                                                               \
    static int smbios_##name(struct options *options, void *target, const char *value, struct error *err)              \
    {                                                                                                                  \
        return smbios_string(&options->machine.system.name, value, err);                                               \
    }
SMBIOS_KEY(manufacturer)
SMBIOS_KEY(product)
SMBIOS_KEY(version)
SMBIOS_KEY(serial)
SMBIOS_KEY(sku)
SMBIOS_KEY(family)

int optvalue_smbios(struct options *options, const char *value, struct error *err)
{
    static const struct key keys[] = {{"type", smbios_type},       {"manufacturer", smbios_manufacturer},
                                      {"product", smbios_product}, {"version", smbios_version},
                                      {"serial", smbios_serial},   {"sku", smbios_sku},
                                      {"family", smbios_family},   {NULL, NULL}};
    bool typed = false;
    int r = set_keys(options, "-smbios", value, NULL, keys, &typed, err);
    return r < 0 || typed ? r : error_set(err, EINVAL, "-smbios: write type=1,serial=TEXT or other keys of the system");
}

/* Video memory in MiB: a power of two, which a BAR's size is. */
static int set_video_memory(struct options *options, const char *value, struct error *err)
{
    u64 mib;
    int r = optvalue_number("-global VGA.vgamem_mb", value, 256, &mib, err);
    if (r == 0 && (mib == 0 || (mib & (mib - 1))))
        return error_set(err, EINVAL, "-global VGA.vgamem_mb=%s: 1, 2, 4, 8 ... 256", value);
    if (r == 0)
        options->machine.vga_memory = (u32)mib << 20;
    return r;
}

/* CMOS types; 120, 144 and 288 are QEMU's names. */
static int set_floppy_type(u8 *type, const char *value, struct error *err)
{
    static const char *const names[] = {"auto", "360", "1200", "720", "1440", "2880", "120", "144", "288", NULL};
    static const u8 types[] = {0, 1, 2, 3, 4, 5, 2, 4, 5};
    int choice = optvalue_choice("-global isa-fdc.fdtype", value, names, err);
    if (choice >= 0)
        *type = types[choice];
    return MIN(choice, 0);
}

/* As much as the chip's DRAM Control can tell. */
static int set_cirrus_memory(struct options *options, const char *value, struct error *err)
{
    u64 mib;
    int r = optvalue_number("-global cirrus-vga.vgamem_mb", value, 4, &mib, err);
    if (r == 0 && mib != 1 && mib != 2 && mib != 4)
        return error_set(err, EINVAL, "-global cirrus-vga.vgamem_mb=%s: 1, 2 or 4", value);
    if (r == 0)
        options->machine.cirrus_memory = (u32)mib << 20;
    return r;
}

int optvalue_global(struct options *options, const char *value, struct error *err)
{
    static const char iobase[] = "isa-debugcon.iobase=", vgamem[] = "VGA.vgamem_mb=", floppy[] = "isa-fdc.fdtype";
    static const char cirrus[] = "cirrus-vga.vgamem_mb=";
    const char *rest = value + strlen(floppy);
    u64 port;
    if (!strncmp(value, vgamem, strlen(vgamem)))
        return set_video_memory(options, value + strlen(vgamem), err);
    if (!strncmp(value, cirrus, strlen(cirrus)))
        return set_cirrus_memory(options, value + strlen(cirrus), err);
    if (!strncmp(value, floppy, strlen(floppy)) && (*rest == 'A' || *rest == 'B') && rest[1] == '=')
        return set_floppy_type(&options->machine.floppy_types[*rest - 'A'], rest + 2, err);
    if (strncmp(value, iobase, strlen(iobase)))
        return error_set(err, EINVAL, "-global: only %sPORT, %sN, %sN, %sA= and %sB= are available yet", iobase, vgamem,
                         cirrus, floppy, floppy);
    int r = optvalue_number("-global isa-debugcon.iobase", value + strlen(iobase), 0xffff, &port, err);
    if (r == 0)
        options->machine.debugcon_port = port;
    return r;
}
