/*
 * The board's sound: the loudspeaker, the cards of -device, and where the mix of everything goes (-audiodev).
 */
#include <errno.h>

#include "machine/pc/board.h"

static const struct sound_config *find(struct pc *pc, enum sound_card card)
{
    for (int i = 0; i < pc->config->sound_count; i++)
        if (pc->config->sounds[i].card == card)
            return &pc->config->sounds[i];
    return NULL;
}

static int plug_mpu401(struct pc *pc, const struct sound_config *config, struct error *err)
{
    struct irq irq = config->irq            ? pc_isa_irq(pc, config->irq)
                     : find(pc, SOUND_SB16) ? sb16_mpu_irq(&pc->sb16)
                                            : pc_isa_irq(pc, 5);
    if (config->midi) {
        pc->midi_chr = chardev_open(config->midi, pc->machine->loop, err);
        if (!pc->midi_chr)
            return -EINVAL;
    }
    mpu401_init(&pc->mpu401, pc->machine, config->port, &irq, pc->midi_chr);
    return 0;
}

/* The card carries an MPU-401 at 330h, unless -device mpu401 describes it otherwise. */
static int plug_sb16(struct pc *pc, const struct sound_config *config, struct error *err)
{
    struct sb16_settings settings = {config->port, config->irq, config->dma, config->dma16};
    struct irq irqs[4] = {pc_isa_irq(pc, 9), pc_isa_irq(pc, 5), pc_isa_irq(pc, 7), pc_isa_irq(pc, 10)};
    const struct sound_config own = {.port = 0x330, .midi = config->midi};
    int r = sb16_init(&pc->sb16, pc->machine, pc->audio, &pc->dma, &pc->mpu401, irqs, &settings);
    return r == 0 && !find(pc, SOUND_MPU401) ? plug_mpu401(pc, &own, err) : r;
}

static int plug_ac97(struct pc *pc, struct error *err)
{
    if (!pc->has_pci)
        return error_set(err, EINVAL, "-device AC97: isapc has no PCI bus; sb16 fits");
    return ac97_init(&pc->ac97, pc->machine, pc->audio);
}

static int plug(struct pc *pc, const struct sound_config *config, struct error *err)
{
    error_set(err, ENOMEM, "not enough memory for the machine's sound");
    switch (config->card) {
    case SOUND_SB16: return plug_sb16(pc, config, err);
    case SOUND_ADLIB: return opl3_init(&pc->adlib, pc->machine, pc->audio, config->port, "adlib");
    case SOUND_MPU401: return plug_mpu401(pc, config, err);
    case SOUND_AC97: return plug_ac97(pc, err);
    case SOUND_NONE: break;
    }
    return 0;
}

int pc_open_sound(struct pc *pc, struct error *err)
{
    const struct machine_config *config = pc->config;
    pc->audio = audio_open(config->audiodev ? config->audiodev : "none", pc->machine->clock, err);
    if (!pc->audio && config->audiodev_optional) {
        error_report("%s", err->text);
        pc->audio = audio_open("none", pc->machine->clock, err);
    }
    if (!pc->audio)
        return -EINVAL;
    int r = speaker_init(&pc->speaker, pc->audio, &pc->port61, pc->machine->clock);
    if (r < 0)
        return error_set(err, ENOMEM, "not enough memory for the machine's sound");
    for (int i = 0; r == 0 && i < config->sound_count; i++)
        r = plug(pc, &config->sounds[i], err);
    return r;
}

void pc_close_sound(struct pc *pc)
{
    audio_close(pc->audio);
    chardev_close(pc->midi_chr);
}

struct audio *pc_audio(struct machine *machine)
{
    const struct pc *pc = machine->board;
    return pc->audio;
}
