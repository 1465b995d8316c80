/*
 * What shortcuts and menu entries do.
 *
 * Discs and gears are changed on the thread of the machine's loop, where block requests complete and the monitor's
 * commands run; what went wrong comes back as a notice.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "ui/png.h"
#include "ui/sdl/internal.h"

/* --- on the loop's thread ------------------------------------------------------------------------------------------ */

struct request {
    struct window *window;
    void (*run)(struct request *request);
    int engine;
    bool eject;
    char drive[32], file[1024];
};

static void perform(void *opaque)
{
    struct request *request = opaque;
    request->run(request);
    free(request);
}

static void post(struct window *window, const struct request *what)
{
    struct request *request = malloc(sizeof(*request));
    if (!request)
        return;
    *request = *what;
    request->window = window;
    loop_post(window->machine->loop, perform, request);
}

/* Lock held. */
static void report(struct request *request, const char *text)
{
    snprintf(request->window->posted_notice, sizeof(request->window->posted_notice), "%.199s", text);
}

static void perform_change(struct request *request)
{
    struct window *window = request->window;
    struct error err;
    struct pc_medium medium = {.file = request->file};
    int r = request->eject ? pc_eject(window->machine, request->drive, false, &err)
                           : pc_change(window->machine, request->drive, &medium, false, &err);
    const char *name = strrchr(request->file, '/');
    if (r == 0)
        snprintf(err.text, sizeof(err.text), request->eject ? "%s: ejected" : "%s: %s", request->drive,
                 name ? name + 1 : request->file);
    report(request, err.text);
}

static void perform_shift(struct request *request)
{
    struct window *window = request->window;
    struct error err;
    const char *name = engines[request->engine]->name;
    if (!strcmp(name, accel_engine_name(window->accel)))
        snprintf(err.text, sizeof(err.text), "%s is in gear already", name);
    else if (accel_shift(window->accel, name, &err) == 0)
        snprintf(err.text, sizeof(err.text), "Shifted to %s", name);
    report(request, err.text);
}

/* --- the machine --------------------------------------------------------------------------------------------------- */

static void pause(struct window *window, int argument)
{
    machine_lock(window->machine);
    accel_set_state(window->accel, window->machine->state == RUN_RUNNING ? RUN_STOPPED : RUN_RUNNING);
    machine_unlock(window->machine);
}

static void reset(struct window *window, int argument)
{
    machine_lock(window->machine);
    machine_request(window->machine, EVENT_RESET, "window");
    machine_unlock(window->machine);
    window_notice(window, "Reset");
}

static void power_button(struct window *window, int argument)
{
    machine_lock(window->machine);
    bool pressed = pc_power_button(window->machine);
    machine_unlock(window->machine);
    window_notice(window, pressed ? "Power button pressed" : "This board has no power button");
}

static void ctrl_alt_del(struct window *window, int argument)
{
    static const int keys[] = {0x1d, 0x38, KEY_E0 | 0x53};
    events_type(window, keys, ARRAY_SIZE(keys));
}

bool action_engine_there(int engine)
{
    struct error why;
    return !engines[engine]->probe || engines[engine]->probe(&why) == 0;
}

static int next_engine(struct window *window)
{
    int count = 0, now = 0;
    const char *name = accel_engine_name(window->accel);
    for (; engines[count]; count++)
        if (!strcmp(engines[count]->name, name))
            now = count;
    int next = now;
    do
        next = (next + 1) % count;
    while (next != now && !action_engine_there(next));
    return next;
}

void action_shift(struct window *window, int engine)
{
    struct request request = {.run = perform_shift};
    machine_lock(window->machine);
    request.engine = engine < 0 ? next_engine(window) : engine;
    machine_unlock(window->machine);
    post(window, &request);
}

static void shift(struct window *window, int argument)
{
    action_shift(window, -1);
}

/* --- discs ---------------------------------------------------------------------------------------------------------- */

void action_change(struct window *window, const char *drive, const char *file)
{
    struct request request = {.run = perform_change, .eject = !file};
    snprintf(request.drive, sizeof(request.drive), "%s", drive);
    snprintf(request.file, sizeof(request.file), "%s", file ? file : "");
    post(window, &request);
}

/* --- the screen ----------------------------------------------------------------------------------------------------- */

static void full_screen(struct window *window, int argument)
{
    window->full_screen = !window->full_screen;
    SDL_SetWindowFullscreen(window->sdl, window->full_screen ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0);
    if (window->full_screen && !window->absolute)
        events_grab(window, true);
    if (!window->full_screen)
        events_grab(window, false);
    window_layout(window);
}

void action_zoom(struct window *window, int zoom)
{
    window->user_sized = false;
    window->zoom = MAX(1, MIN(zoom, 8));
    if (window->full_screen)
        return;
    SDL_RestoreWindow(window->sdl);
    int taken = window_take_size(window, window->zoom);
    if (taken < window->zoom)
        window_notice(window, "The desktop has no room for more");
    window->zoom = taken;
    window_layout(window);
}

static void larger(struct window *window, int argument)
{
    action_zoom(window, window->zoom + 1);
}

static void smaller(struct window *window, int argument)
{
    action_zoom(window, window->zoom - 1);
}

static void unscaled(struct window *window, int argument)
{
    action_zoom(window, 1);
}

static void status_line(struct window *window, int argument)
{
    if (window->full_screen) {
        window->status_hidden_full = !window->status_hidden_full;
    } else {
        window->status_hidden = !window->status_hidden;
        if (!window->user_sized && !(SDL_GetWindowFlags(window->sdl) & SDL_WINDOW_MAXIMIZED)) {
            window->asked_height += window->status_hidden ? -STATUS_HEIGHT : STATUS_HEIGHT;
            SDL_SetWindowSize(window->sdl, window->asked_width, window->asked_height);
        }
    }
    window_layout(window);
}

static void smooth(struct window *window, int argument)
{
    window->picture.smooth = !window->picture.smooth;
    window_layout(window);
}

static void whole(struct window *window, int argument)
{
    window->picture.whole = !window->picture.whole;
    window_layout(window);
}

static void square(struct window *window, int argument)
{
    window->picture.square = !window->picture.square;
    if (window->user_sized || window->full_screen)
        window_layout(window);
    else
        action_zoom(window, window->zoom);
}

/* A new file by the time of day, with a number behind it for the second one in a second; NULL and errno. */
static FILE *create_screenshot(char name[64])
{
    char when[32];
    time_t now = time(NULL);
    struct tm local;
    FILE *file = NULL;
    if (!localtime_r(&now, &local) || !strftime(when, sizeof(when), "clutch-%Y%m%d-%H%M%S", &local))
        return NULL;
    for (int i = 1; i < 100 && !file && (i == 1 || errno == EEXIST); i++) {
        snprintf(name, 64, i == 1 ? "%s.png" : "%s-%d.png", when, i);
        file = fopen(name, "wbxe");
    }
    return file;
}

/* Drawn anew, so that a hidden window gives a picture, too; written without the machine's lock. */
static void screenshot(struct window *window, int argument)
{
    char name[64] = "";
    struct surface surface = {0};
    const struct display *display = &window->machine->display;
    machine_lock(window->machine);
    int r = display->render ? display->render(display->opaque, &surface) : -ENODEV;
    machine_unlock(window->machine);
    FILE *file = r == 0 ? create_screenshot(name) : NULL;
    if (r == 0)
        r = file ? png_write(file, &surface) : -errno;
    if (file && fclose(file) != 0 && r == 0)
        r = -errno;
    surface_free(&surface);
    window_notice(window, r == 0 ? "Screenshot: %s" : "Screenshot %s: %s", name, strerror(-r));
}

/* --- sound ---------------------------------------------------------------------------------------------------------- */

void action_volume(struct window *window, int change)
{
    machine_lock(window->machine);
    struct audio *audio = pc_audio(window->machine);
    int volume = MAX(0, MIN(audio_volume(audio) + change, 100));
    bool heard = strcmp(audio_backend_name(audio), "none"), mute = !change && !audio_muted(audio);
    audio_set_volume(audio, volume, mute);
    machine_unlock(window->machine);
    if (!heard)
        window_notice(window, "No sound: -audiodev sdl lets you hear it");
    else if (mute)
        window_notice(window, "Sound off");
    else
        window_notice(window, "Volume %d%%", volume);
}

/* --- keyboard and mouse --------------------------------------------------------------------------------------------- */

static void grab(struct window *window, int argument)
{
    events_grab(window, !window->grabbed);
}

static void paste(struct window *window, int argument)
{
    char *text = SDL_GetClipboardText();
    if (text && *text)
        paste_start(window, text);
    else
        window_notice(window, "There is no text to paste");
    SDL_free(text);
}

void action_menu(struct window *window, int argument)
{
    menu_open(window, !window->menu.open);
}

static void quit(struct window *window, int argument)
{
    window_close(window);
}

const struct action actions[] = {
    {SDLK_m, "Menu", "Ctrl-Alt-M", action_menu},
    {SDLK_p, "Pause", "Ctrl-Alt-P", pause},
    {SDLK_r, "Reset", "Ctrl-Alt-R", reset},
    {0, "Power button", "", power_button},
    {SDLK_d, "Ctrl-Alt-Del", "Ctrl-Alt-D", ctrl_alt_del},
    {SDLK_e, "Shift gear", "Ctrl-Alt-E", shift},
    {SDLK_f, "Full screen", "Ctrl-Alt-F", full_screen},
    {SDLK_g, "Mouse to the guest", "Ctrl-Alt-G", grab},
    {SDLK_v, "Paste text", "Ctrl-Alt-V", paste},
    {SDLK_s, "Screenshot", "Ctrl-Alt-S", screenshot},
    {SDLK_PLUS, "Larger", "Ctrl-Alt-+", larger},
    {SDLK_EQUALS, "", "", larger},
    {SDLK_KP_PLUS, "", "", larger},
    {SDLK_MINUS, "Smaller", "Ctrl-Alt--", smaller},
    {SDLK_KP_MINUS, "", "", smaller},
    {SDLK_u, "Original size", "Ctrl-Alt-U", unscaled},
    {SDLK_i, "Smooth pixels", "Ctrl-Alt-I", smooth},
    {SDLK_w, "Whole multiples only", "Ctrl-Alt-W", whole},
    {SDLK_a, "Square pixels", "Ctrl-Alt-A", square},
    {SDLK_b, "Status line", "Ctrl-Alt-B", status_line},
    {SDLK_q, "Switch off", "Ctrl-Alt-Q", quit},
    {0, NULL, NULL, NULL},
};

const struct action *action_for(SDL_Keycode key)
{
    for (const struct action *action = actions; action->run; action++)
        if (key && action->key == key)
            return action;
    return NULL;
}
