/*
 * -device MODEL[,KEY=VALUE]: plug-in cards, as one table of models with what each can be told.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ui/nearest.h"
#include "ui/optvalue.h"

/* What a card can be told; a model takes the keys that its defaults do not leave at 0. */
struct values {
    u64 iobase, iosize, irq, dma, dma16;
    const char *midi;
};

struct model {
    const char *name;
    struct values defaults;
    int (*plug)(struct options *options, const struct values *values, struct error *err);
    enum sound_card sound;
};

static int plug_debug_exit(struct options *options, const struct values *values, struct error *err)
{
    if (values->iosize != 1 && values->iosize != 2 && values->iosize != 4)
        return error_set(err, EINVAL, "-device isa-debug-exit: iosize is 1, 2 or 4");
    options->machine.debug_exit = true;
    options->machine.debug_exit_port = values->iobase;
    options->machine.debug_exit_size = values->iosize;
    return 0;
}

static bool among(u64 value, const u16 *list)
{
    while (*list && *list != value)
        list++;
    return *list != 0;
}

static int plug_sb16(struct options *options, const struct values *values, struct error *err)
{
    static const u16 ports[] = {0x220, 0x240, 0x260, 0x280, 0}, irqs[] = {2, 5, 7, 9, 10, 0}, dmas16[] = {5, 6, 7, 0};
    if (!among(values->iobase, ports))
        return error_set(err, EINVAL, "-device sb16: iobase is 0x220, 0x240, 0x260 or 0x280");
    if (!among(values->irq, irqs))
        return error_set(err, EINVAL, "-device sb16: irq is 5, 7, 9 or 10");
    if (values->dma > 3 || values->dma == 2)
        return error_set(err, EINVAL, "-device sb16: dma is 0, 1 or 3");
    if (!among(values->dma16, dmas16))
        return error_set(err, EINVAL, "-device sb16: dma16 is 5, 6 or 7");
    return 0;
}

#define ANY_IRQ 255 /* the board chooses */

/* Models of which there can be one each are known by their place here. */
static const struct model models[] = {
    {"isa-debug-exit", {.iobase = 0x501, .iosize = 2}, plug_debug_exit, SOUND_NONE},
    {"sb16", {.iobase = 0x220, .irq = 5, .dma = 1, .dma16 = 5, .midi = "none"}, plug_sb16, SOUND_SB16},
    {"adlib", {.iobase = 0x388}, NULL, SOUND_ADLIB},
    {"mpu401", {.iobase = 0x330, .irq = ANY_IRQ, .midi = "none"}, NULL, SOUND_MPU401},
    {"AC97", {0}, NULL, SOUND_AC97},
};

const char *const optvalue_devices[] = {"isa-debug-exit", "sb16", "adlib", "mpu401", "AC97", NULL};

/* Values that QEMU's users type and that a later version will have: refused in words of their own. */
static const char *const later_devices[] = {"e1000", "rtl8139",    "ne2k_isa",     "ne2k_pci",       "virtio-",
                                            "usb-",  "es1370",     "VGA",          "isa-serial",     "ide-",
                                            "pcspk", "cirrus-vga", "isa-debugcon", "piix3-usb-uhci", NULL};

static int find_model(const char *name, const struct model **model, struct error *err)
{
    for (int i = 0; later_devices[i]; i++)
        if (!strncmp(name, later_devices[i], strlen(later_devices[i])))
            return error_set(err, EINVAL, "-device %s is not available yet; -device help lists what is", name);
    int choice = optvalue_choice("-device", name, optvalue_devices, err);
    if (choice < 0)
        return choice;
    *model = &models[choice];
    return 0;
}

static int set_value(const struct model *model, struct values *values, const char *key, const char *value,
                     struct error *err)
{
    const struct values *defaults = &model->defaults;
    const struct {
        const char *name;
        bool known;
        u64 *number, max;
    } keys[] = {
        {"iobase", defaults->iobase, &values->iobase, 0xffff},
        {"iosize", defaults->iosize, &values->iosize, 4},
        {"irq", defaults->irq, &values->irq, 15},
        {"dma", defaults->dma, &values->dma, 7},
        {"dma16", defaults->dma16, &values->dma16, 7},
    };
    char option[64], hint[300];
    const char *names[ARRAY_SIZE(keys) + 3];
    int count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (!keys[i].known)
            continue;
        names[count++] = keys[i].name;
        if (strcmp(key, keys[i].name))
            continue;
        snprintf(option, sizeof(option), "-device %s %s", model->name, key);
        return optvalue_number(option, value, keys[i].max, keys[i].number, err);
    }
    if (!strcmp(key, "id") || !strcmp(key, "audiodev")) /* there is one mixer, whatever its name */
        return 0;
    if (defaults->midi && !strcmp(key, "midi")) {
        values->midi = value;
        return 0;
    }
    if (defaults->midi)
        names[count++] = "midi";
    names[count++] = "id";
    names[count] = NULL;
    return error_set(err, EINVAL, "-device %s: unknown key '%s'%s", model->name, key,
                     nearest_hint(hint, sizeof(hint), key, names));
}

static int plug_sound(struct options *options, const struct model *model, const struct values *values,
                      struct error *err)
{
    struct machine_config *machine = &options->machine;
    for (int i = 0; i < machine->sound_count; i++)
        if (machine->sounds[i].card == model->sound)
            return error_set(err, EINVAL, "-device %s: there can be one", model->name);
    machine->sounds[machine->sound_count++] = (struct sound_config){
        .card = model->sound,
        .port = values->iobase,
        .irq = values->irq == 2 ? 9 : values->irq == ANY_IRQ ? 0 : values->irq,
        .dma = values->dma,
        .dma16 = values->dma16,
        .midi = values->midi,
    };
    return 0;
}

int optvalue_device(struct options *options, const char *value, struct error *err)
{
    char *cursor = optvalue_keep(options, value), *key, *text;
    const struct model *model = NULL;
    struct values values;
    while (optvalue_pair(&cursor, &key, &text)) {
        int r;
        if (!model && (!text || !strcmp(key, "driver"))) {
            const char *name = text ? text : key;
            if (!strcmp(name, "help")) {
                options->help = HELP_DEVICES;
                return 0;
            }
            r = find_model(name, &model, err);
            if (r == 0)
                values = model->defaults;
        } else if (model) {
            r = set_value(model, &values, key, text ? text : "on", err);
        } else {
            r = error_set(err, EINVAL, "-device: the model comes first: -device MODEL,%s=...", key);
        }
        if (r < 0)
            return r;
    }
    if (!model)
        return error_set(err, EINVAL, "-device: no model given; -device help lists them");
    int r = model->plug ? model->plug(options, &values, err) : 0;
    return r == 0 && model->sound != SOUND_NONE ? plug_sound(options, model, &values, err) : r;
}
