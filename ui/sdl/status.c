/*
 * The status line: engine and speed, lamps of drives and network, locks, frames, what the mouse does.
 */
#include "ui/sdl/internal.h"

#include <stdio.h>
#include <string.h>

#include "cpu/cpu.h"

#define LAMP_MS 120 /* how long an access keeps a lamp lit */

enum {
    INK = 0xffd2d7df,
    FAINT = 0xff8a93a1,
    DARK = 0xff1c2027,
    EDGE = 0xff343b47,
    BADGE = 0xff2f6f4f,
    BADGE_PAUSED = 0xff8a6a1f,
    GREEN = 0xff5fdc7a,
    AMBER = 0xffffb648,
    GREY = 0xff4a5260,
};

/* --- reading ------------------------------------------------------------------------------------------------------- */

/* "HD", "HD2", "HD3" */
static void number_name(char name[8], const char *kind, int number)
{
    snprintf(name, 8, number > 1 ? "%s%d" : "%s", kind, number % 100);
}

static void name_drive(const struct pc_drive *drive, int *discs, int *disks, char name[8])
{
    if (!strncmp(drive->name, "floppy", 6))
        snprintf(name, 8, "%c", drive->name[6] == '1' ? 'B' : 'A');
    else
        number_name(name, drive->removable ? "CD" : "HD", drive->removable ? ++*discs : ++*disks);
}

static u8 lamp_state(struct meter *meter, int i, const struct pc_drive *drive, u32 now)
{
    struct block_stats stats;
    if (!drive->block)
        return LAMP_EMPTY;
    block_stats(drive->block, &stats);
    if (stats.reads != meter->drive_reads[i])
        meter->read_at[i] = now;
    if (stats.writes != meter->drive_writes[i])
        meter->write_at[i] = now;
    meter->drive_reads[i] = stats.reads;
    meter->drive_writes[i] = stats.writes;
    if (meter->write_at[i] && now - meter->write_at[i] < LAMP_MS)
        return LAMP_WRITE;
    return meter->read_at[i] && now - meter->read_at[i] < LAMP_MS ? LAMP_READ : LAMP_IDLE;
}

static void read_drives(struct window *window, struct status *status, u32 now)
{
    struct pc_drive drives[PC_DRIVES];
    int discs = 0, disks = 0, count = pc_drives(window->machine, drives);
    status->lamp_count = (u8)count;
    for (int i = 0; i < count; i++) {
        name_drive(&drives[i], &discs, &disks, status->lamps[i].name);
        status->lamps[i].state = lamp_state(&window->meter, i, &drives[i], now);
    }
}

/* Over half a second each. */
static void read_speed(struct window *window, u32 now)
{
    struct meter *meter = &window->meter;
    u32 passed = now - meter->speed_at;
    if (passed < 500)
        return;
    u64 instructions = window->machine->cpu_count ? cpu_instructions(window->machine->cpus[0]) : 0;
    meter->mips = (double)(instructions - meter->instructions) / 1000 / passed;
    meter->instructions = instructions;
    u64 exits = accel_exits(window->accel);
    meter->exits_per_ms = (double)(exits - meter->exits) / passed;
    meter->exits = exits;
    meter->fps = (meter->frames * 1000 + passed / 2) / passed;
    meter->frames = 0;
    meter->speed_at = now;
}

/* Exits only of an engine that cannot count instructions. */
static void format_speed(const struct meter *meter, char text[20])
{
    if (meter->exits_per_ms > 0)
        snprintf(text, 20, meter->exits_per_ms < 10 ? "%.1fk exits/s" : "%.0fk exits/s", meter->exits_per_ms);
    else if (meter->mips > 0)
        snprintf(text, 20, meter->mips < 10 ? "%.1f MIPS" : "%.0f MIPS", meter->mips);
}

/* Nothing where nobody hears anything. */
static void read_volume(struct window *window, char text[12])
{
    struct audio *audio = pc_audio(window->machine);
    if (!strcmp(audio_backend_name(audio), "none"))
        return;
    if (audio_muted(audio))
        snprintf(text, 12, "Mute");
    else
        snprintf(text, 12, "Vol %d%%", MAX(0, MIN(audio_volume(audio), 100)));
}

void status_read(struct window *window)
{
    struct status status;
    const struct meter *meter = &window->meter;
    u32 now = SDL_GetTicks();
    int height;
    memset(&status, 0, sizeof(status)); /* compared as bytes */
    status.leds = window->machine->input.leds;
    status.paused = !window->running;
    read_speed(window, now);
    read_drives(window, &status, now);
    window_output_size(window, &status.width, &height);
    snprintf(status.engine, sizeof(status.engine), "%s", accel_engine_name(window->accel));
    format_speed(meter, status.speed);
    snprintf(status.fps, sizeof(status.fps), "%u fps", MIN(meter->fps, 999u));
    snprintf(status.hint, sizeof(status.hint), "%s",
             window->grabbed    ? "Ctrl-Alt-G releases the mouse"
             : window->absolute ? "mouse follows"
                                : "click: mouse to the guest");
    read_volume(window, status.volume);
    if (!memcmp(&status, &window->status, sizeof(status)))
        return;
    window->status = status;
    window->status_panel.place.x = -1; /* stale */
}

/* --- drawing ------------------------------------------------------------------------------------------------------- */

static int px(const struct window *window, float units)
{
    return (int)(units * window->scale + 0.5f);
}

static int draw_badge(struct window *window, int x, int y)
{
    struct canvas *canvas = &window->status_panel.canvas;
    const struct status *status = &window->status;
    const char *text = status->paused ? "PAUSED" : status->engine;
    int width = text_width(window->scale, text) + px(window, 14);
    canvas_round(canvas, (float)x, (float)px(window, 4), (float)width, (float)px(window, 18), (float)px(window, 5),
                 status->paused ? BADGE_PAUSED : BADGE);
    canvas_text(canvas, x + px(window, 7), y, 0xffffffff, text);
    window->badge_left = x;
    window->badge_right = x + width;
    x += width + px(window, 8);
    canvas_text(canvas, x, y, INK, status->speed);
    return x + text_width(window->scale, "888k exits/s") + px(window, 12); /* stays where it is when the figure grows */
}

static int draw_lamps(struct window *window, int x, int y)
{
    static const u32 colors[] = {[LAMP_EMPTY] = 0, [LAMP_IDLE] = GREY, [LAMP_READ] = GREEN, [LAMP_WRITE] = AMBER};
    struct canvas *canvas = &window->status_panel.canvas;
    float size = (float)px(window, 8), top = (float)px(window, 9);
    for (int i = 0; i < window->status.lamp_count; i++) {
        const struct lamp *lamp = &window->status.lamps[i];
        canvas_round(canvas, (float)x, top, size, size, size / 2, GREY);
        canvas_round(canvas, (float)x + 1, top + 1, size - 2, size - 2, size / 2 - 1,
                     lamp->state == LAMP_EMPTY ? DARK : colors[lamp->state]);
        x = canvas_text(canvas, x + px(window, 12), y, lamp->state == LAMP_EMPTY ? FAINT : INK, lamp->name);
        x += px(window, 9);
    }
    return x + px(window, 5);
}

static int draw_locks(struct window *window, int x, int y)
{
    static const struct {
        u8 bit;
        const char *name;
    } locks[] = {{2, "Num"}, {4, "Caps"}, {1, "Scr"}};
    for (size_t i = 0; i < ARRAY_SIZE(locks); i++)
        if (window->status.leds & locks[i].bit)
            x = canvas_text(&window->status_panel.canvas, x, y, FAINT, locks[i].name) + px(window, 7);
    return x;
}

/* From the right, as much as there is room for. */
static void draw_right(struct window *window, int left, int y)
{
    struct canvas *canvas = &window->status_panel.canvas;
    const char *const texts[] = {window->status.fps, window->status.hint};
    int x = canvas->width - px(window, 10);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        x -= text_width(window->scale, i ? texts[i] : "888 fps");
        if (x < left)
            return;
        canvas_text(canvas, x, y, FAINT, texts[i]);
        x -= px(window, 14);
    }
}

void status_draw(struct window *window)
{
    struct panel *panel = &window->status_panel;
    int width, height, line = px(window, STATUS_HEIGHT);
    if (!window_status_shown(window) || panel->place.x == 0)
        return;
    window_output_size(window, &width, &height);
    if (!panel_resize(window, panel, width, line))
        return;
    panel->place = (SDL_Rect){0, height - line, width, line};
    canvas_fill(&panel->canvas, 0, 0, width, line, DARK);
    canvas_fill(&panel->canvas, 0, 0, width, px(window, 1), EDGE);
    int y = px(window, 5);
    int x = canvas_text(&panel->canvas, px(window, 9), y, INK, SIGN_BARS " Menu") + px(window, 11);
    x = draw_badge(window, x, y);
    x = draw_lamps(window, x, y);
    window->volume_left = x;
    if (*window->status.volume)
        x = canvas_text(&panel->canvas, x, y, INK, window->status.volume) + px(window, 14);
    window->volume_right = x;
    x = draw_locks(window, x, y);
    draw_right(window, x + px(window, 10), y);
    panel_upload(window, panel);
}

static bool over_status(const struct window *window, SDL_Point point)
{
    return window_status_shown(window) && SDL_PointInRect(&point, &window->status_panel.place);
}

bool status_wheel(struct window *window, SDL_Point point, int away)
{
    if (!over_status(window, point))
        return false;
    if (away)
        action_volume(window, away * 5);
    return true;
}

bool status_click(struct window *window, SDL_Point point, int button)
{
    if (!over_status(window, point))
        return false;
    if (point.x >= window->badge_left && point.x < window->badge_right)
        action_shift(window, -1);
    else if (point.x >= window->volume_left && point.x < window->volume_right)
        action_volume(window, 0);
    else
        menu_open(window, true);
    return true;
}
