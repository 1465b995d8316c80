/*
 * The board's sound: the loudspeaker, and where the mix of everything goes (-audiodev).
 */
#include <errno.h>

#include "machine/pc/board.h"

int pc_open_sound(struct pc *pc, struct error *err)
{
    const struct machine_config *config = pc->config;
    const char *spec = config->audiodev ? config->audiodev : "none";
    pc->audio = audio_open(spec, pc->machine->clock, err);
    if (!pc->audio && config->audiodev_optional) {
        error_report("%s", err->text);
        pc->audio = audio_open("none", pc->machine->clock, err);
    }
    if (!pc->audio)
        return -EINVAL;
    int r = speaker_init(&pc->speaker, pc->audio, &pc->port61, pc->machine->clock);
    return r ? error_set(err, ENOMEM, "not enough memory for the machine's sound") : 0;
}
