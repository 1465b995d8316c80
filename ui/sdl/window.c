/*
 * The window: how it comes and goes, and its turn of work sixty times a second.
 *
 * The machine lock is held while the guest's picture is copied and while a turn's input is handed over, never while
 * the host draws: presenting waits for the host's vertical retrace.  Nothing is presented that has not changed.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/sdl/internal.h"

#define HIDDEN_MS 100
#define MINIMUM_WIDTH 400
#define MINIMUM_HEIGHT 240

/* --- panels -------------------------------------------------------------------------------------------------------- */

bool panel_resize(struct window *window, struct panel *panel, int width, int height)
{
    bool same = panel->texture && panel->canvas.width == width && panel->canvas.height == height;
    if (!canvas_resize(&panel->canvas, width, height, window->scale))
        return false;
    if (!same) {
        if (panel->texture)
            SDL_DestroyTexture(panel->texture);
        panel->texture =
            SDL_CreateTexture(window->renderer, SDL_PIXELFORMAT_ARGB8888, SDL_TEXTUREACCESS_STREAMING, width, height);
        if (panel->texture)
            SDL_SetTextureBlendMode(panel->texture, SDL_BLENDMODE_BLEND);
    }
    panel->place.w = width;
    panel->place.h = height;
    return panel->texture != NULL;
}

void panel_upload(struct window *window, struct panel *panel)
{
    SDL_UpdateTexture(panel->texture, NULL, panel->canvas.pixels, panel->canvas.width * (int)sizeof(u32));
    window->redraw = true;
}

void panel_show(struct window *window, struct panel *panel)
{
    if (panel->texture)
        SDL_RenderCopy(window->renderer, panel->texture, NULL, &panel->place);
}

void panel_free(struct panel *panel)
{
    if (panel->texture)
        SDL_DestroyTexture(panel->texture);
    canvas_free(&panel->canvas);
    *panel = (struct panel){0};
}

/* --- sizes --------------------------------------------------------------------------------------------------------- */

void window_output_size(struct window *window, int *width, int *height)
{
    if (SDL_GetRendererOutputSize(window->renderer, width, height) < 0)
        SDL_GetWindowSize(window->sdl, width, height);
}

SDL_Point window_point(struct window *window, int x, int y)
{
    int width, height, output_width, output_height;
    SDL_GetWindowSize(window->sdl, &width, &height);
    window_output_size(window, &output_width, &output_height);
    return (SDL_Point){width ? x * output_width / width : x, height ? y * output_height / height : y};
}

bool window_status_shown(const struct window *window)
{
    return window->full_screen ? !window->status_hidden_full : !window->status_hidden;
}

static int status_pixels(const struct window *window)
{
    return window_status_shown(window) ? (int)(STATUS_HEIGHT * window->scale) : 0;
}

/* The factor between SDL's window coordinates and pixels is the furniture's scale. */
static void find_scale(struct window *window)
{
    int width, height, output_width, output_height;
    SDL_GetWindowSize(window->sdl, &width, &height);
    window_output_size(window, &output_width, &output_height);
    window->scale = width ? MAX(1.0f, MIN(4.0f, (float)output_width / (float)width)) : 1;
}

void window_layout(struct window *window)
{
    int width, height, status = status_pixels(window);
    find_scale(window);
    window_output_size(window, &width, &height);
    picture_place(window, width, MAX(1, height - status));
    window->status_panel.place = (SDL_Rect){0, height - status, width, status};
    memset(&window->status, 0, sizeof(window->status)); /* is drawn anew */
    window->redraw = true;
}

int window_take_size(struct window *window, int zoom)
{
    SDL_Rect usable = {0, 0, 1 << 20, 1 << 20};
    int status = window_status_shown(window) ? STATUS_HEIGHT : 0, width, height;
    SDL_GetDisplayUsableBounds(MAX(0, SDL_GetWindowDisplayIndex(window->sdl)), &usable);
    for (;; zoom--) {
        picture_natural_size(window, zoom, &width, &height);
        if ((width <= usable.w && height + status <= usable.h) || zoom <= 1)
            break;
    }
    window->asked_width = MAX(MIN(width, usable.w), MINIMUM_WIDTH);
    window->asked_height = MAX(MIN(height + status, usable.h), MINIMUM_HEIGHT);
    SDL_SetWindowSize(window->sdl, window->asked_width, window->asked_height);
    return zoom;
}

/* The window takes the size of the guest's picture, unless the user has said how large it should be. */
static void follow_guest(struct window *window)
{
    u32 flags = SDL_GetWindowFlags(window->sdl);
    bool fixed = flags & (SDL_WINDOW_MAXIMIZED | SDL_WINDOW_FULLSCREEN_DESKTOP);
    if (!fixed && !window->user_sized)
        window_take_size(window, window->zoom);
    window_layout(window);
}

/* --- what the user is told ----------------------------------------------------------------------------------------- */

void window_notice(struct window *window, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(window->notice, sizeof(window->notice), fmt, args);
    va_end(args);
    window->notice_until = SDL_GetTicks() + NOTICE_MS;
}

static void draw_notice(struct window *window)
{
    struct panel *panel = &window->notice_panel;
    int output_width, output_height;
    window_output_size(window, &output_width, &output_height);
    int line = text_height(window->scale), pad = line / 2;
    int width = MIN(text_width(window->scale, window->notice) + 2 * pad, output_width - pad);
    if (!panel_resize(window, panel, MAX(width, 1), line + pad))
        return;
    panel->place.x = (output_width - width) / 2;
    panel->place.y = pad;
    canvas_round(&panel->canvas, 0, 0, (float)width, (float)(line + pad), (float)pad / 2, 0xf0303846);
    canvas_text(&panel->canvas, pad, pad / 2, 0xffe8ecf2, window->notice);
    panel_upload(window, panel);
}

static void update_notice(struct window *window, u32 now)
{
    if (*window->notice && (i32)(now - window->notice_until) >= 0)
        *window->notice = '\0';
    if (!strcmp(window->notice, window->notice_shown))
        return;
    snprintf(window->notice_shown, sizeof(window->notice_shown), "%s", window->notice);
    window->redraw = true;
    if (*window->notice)
        draw_notice(window);
}

static void draw_question(struct window *window)
{
    static const char *const lines[] = {"The guest is running.  Switch it off?", "",
                                        "Enter: switch off      Esc: let it run"};
    struct panel *panel = &window->question_panel;
    int output_width, output_height, line = text_height(window->scale), pad = line;
    window_output_size(window, &output_width, &output_height);
    int width = text_width(window->scale, lines[2]) + 2 * pad, height = 3 * line + 2 * pad;
    if (!panel_resize(window, panel, width, height))
        return;
    panel->place.x = (output_width - width) / 2;
    panel->place.y = (output_height - height) / 2;
    canvas_round(&panel->canvas, 0, 0, (float)width, (float)height, 8 * window->scale, 0xf8c0504a);
    canvas_round(&panel->canvas, 1, 1, (float)width - 2, (float)height - 2, 7 * window->scale, 0xff2a2f38);
    for (int i = 0; i < (int)ARRAY_SIZE(lines); i++)
        canvas_text(&panel->canvas, pad, pad + i * line, i ? 0xffa8b0bc : 0xffffffff, lines[i]);
    panel_upload(window, panel);
}

void window_quit(struct window *window)
{
    machine_lock(window->machine);
    window->machine->state = RUN_QUIT;
    machine_kick(window->machine);
    machine_unlock(window->machine);
}

void window_close(struct window *window)
{
    if (window->question || window->options.no_confirm || !window->running) {
        window_quit(window);
        return;
    }
    window->question = true;
    events_grab(window, false);
    events_release_keys(window);
    draw_question(window);
}

static void update_title(struct window *window)
{
    char title[sizeof(window->title)];
    const char *name = window->options.name;
    const char *hint = window->grabbed ? " - Ctrl-Alt-G releases the mouse" : "";
    snprintf(title, sizeof(title), "%.80s%sClutch (%s%s)%s", name ? name : "", name ? " - " : "", window->status.engine,
             window->running ? "" : ", paused", hint);
    if (!strcmp(title, window->title))
        return;
    snprintf(window->title, sizeof(window->title), "%s", title);
    SDL_SetWindowTitle(window->sdl, title);
}

/* --- a turn -------------------------------------------------------------------------------------------------------- */

static bool ended(struct window *window)
{
    machine_lock(window->machine);
    bool quit = window->machine->state == RUN_QUIT;
    machine_unlock(window->machine);
    return quit;
}

/* What a frame needs of the machine, in one go.  Returns whether the guest's picture is new. */
static bool read_machine(struct window *window)
{
    struct machine *machine = window->machine;
    const struct display *display = &machine->display;
    bool fresh = false;
    machine_lock(machine);
    if (!window->hidden && display->render && display_stale(display, &window->picture.surface))
        fresh = display->render(display->opaque, &window->picture.surface) == 0;
    window->running = machine->state == RUN_RUNNING;
    bool absolute = input_is_absolute(&machine->input);
    status_read(window);
    if (*window->posted_notice)
        window_notice(window, "%s", window->posted_notice);
    *window->posted_notice = '\0';
    machine_unlock(machine);
    if (absolute != window->absolute)
        events_absolute(window, absolute);
    return fresh;
}

static void present(struct window *window)
{
    SDL_SetRenderDrawColor(window->renderer, 0, 0, 0, 255);
    SDL_RenderClear(window->renderer);
    picture_show(window);
    if (window_status_shown(window))
        panel_show(window, &window->status_panel);
    if (window->menu.open)
        panel_show(window, &window->menu.panel);
    if (*window->notice)
        panel_show(window, &window->notice_panel);
    if (window->question)
        panel_show(window, &window->question_panel);
    SDL_RenderPresent(window->renderer);
    window->redraw = false;
}

static void frame(struct window *window, u32 now)
{
    int width = window->picture.width, height = window->picture.height;
    int aspect = window->picture.surface.aspect_width;
    if (read_machine(window) && picture_upload(window)) {
        window->meter.frames++;
        window->redraw = true;
    }
    if (width != window->picture.width || height != window->picture.height ||
        aspect != window->picture.surface.aspect_width)
        follow_guest(window);
    paste_tick(window, now);
    if (window->menu.open)
        menu_draw(window);
    status_draw(window);
    update_title(window);
    update_notice(window, now);
    if (window->redraw && !window->hidden)
        present(window);
}

/* A frame that comes late, for the host was busy, does not make the following ones hurry. */
static void schedule_frame(struct window *window, u32 now)
{
    u32 period = window->hidden ? HIDDEN_MS : FRAME_MS;
    window->next_frame += period;
    if ((i32)(now - window->next_frame) > 0)
        window->next_frame = now;
}

void window_run(struct window *window)
{
    SDL_Event event;
    window->next_frame = SDL_GetTicks();
    while (!ended(window)) {
        i32 left = (i32)(window->next_frame - SDL_GetTicks());
        if (left > 0 ? SDL_WaitEventTimeout(&event, left) : SDL_PollEvent(&event)) {
            do
                events_handle(window, &event);
            while (SDL_PollEvent(&event));
        }
        u32 now = SDL_GetTicks();
        if ((i32)(window->next_frame - now) <= 0) {
            schedule_frame(window, now);
            frame(window, now);
        }
    }
}

void window_wake(struct window *window)
{
    SDL_Event event = {.type = window->wake_event};
    SDL_PushEvent(&event);
}

/* --- birth and death ----------------------------------------------------------------------------------------------- */

static int fail(struct error *err)
{
    return error_set(err, ENODEV, "no window (%s); -display none and -nographic work without", SDL_GetError());
}

/* SDL's last resorts, unless the user asked for them. */
static bool nobody_sees_it(void)
{
    const char *driver = SDL_GetCurrentVideoDriver(), *asked = getenv("SDL_VIDEODRIVER");
    return (!asked || !*asked) && driver && (!strcmp(driver, "offscreen") || !strcmp(driver, "dummy"));
}

static int ignore_x_error(void *display, void *event)
{
    return 0;
}

/* SDL answers windows of other programs (the clipboard's, the window manager's) and wakes its own window from another thread
 * when they may have gone; Xlib ends the program for that unless somebody says otherwise.  Called before SDL_Init, because
 * that is what SDL_Quit goes back to before the last answers come in, and after it, because SDL has a handler between. */
static void survive_x_errors(void)
{
    void *xlib = dlopen("libX11.so.6", RTLD_LAZY);
    void *(*set_handler)(int (*handler)(void *display, void *event)) = NULL;
    if (xlib)
        *(void **)&set_handler = dlsym(xlib, "XSetErrorHandler");
    if (set_handler)
        set_handler(ignore_x_error);
}

static int open_window(struct window *window, struct error *err)
{
    SDL_SetMainReady();
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1"); /* main has its own */
    SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
    SDL_SetHint(SDL_HINT_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR, "0");
    SDL_SetHint(SDL_HINT_MOUSE_FOCUS_CLICKTHROUGH, "1");
    SDL_SetHint(SDL_HINT_RENDER_SCALE_QUALITY, "nearest");
    SDL_SetHint(SDL_HINT_APP_NAME, "Clutch");
    survive_x_errors();
    if (SDL_Init(SDL_INIT_VIDEO | SDL_INIT_EVENTS) < 0)
        return fail(err);
    if (nobody_sees_it()) {
        const char *display = getenv("DISPLAY");
        return error_set(err, ENODEV, "no window: %s%s; -display none and -nographic work without",
                         display ? "no desktop answers at DISPLAY=" : "DISPLAY is not set", display ? display : "");
    }
    survive_x_errors();
    if (!window->options.no_joystick)
        SDL_InitSubSystem(SDL_INIT_GAMECONTROLLER); /* none is no reason to stop */
    window->sdl = SDL_CreateWindow("Clutch", SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED, 720, 540 + STATUS_HEIGHT,
                                   SDL_WINDOW_RESIZABLE | SDL_WINDOW_ALLOW_HIGHDPI);
    if (!window->sdl)
        return fail(err);
    window->renderer = renderer_create(window->sdl);
    if (!window->renderer)
        return fail(err);
    SDL_SetWindowMinimumSize(window->sdl, MINIMUM_WIDTH, MINIMUM_HEIGHT);
    SDL_GetWindowSize(window->sdl, &window->asked_width, &window->asked_height);
    SDL_EventState(SDL_DROPFILE, SDL_ENABLE);
    SDL_StopTextInput();
    window->wake_event = SDL_RegisterEvents(1);
    return 0;
}

struct window *window_create(struct machine *machine, struct accel *accel, const struct window_options *options,
                             struct error *err)
{
    struct window *window = calloc(1, sizeof(*window));
    if (!window) {
        error_set(err, ENOMEM, "not enough memory for the window");
        return NULL;
    }
    *window = (struct window){
        .machine = machine, .accel = accel, .options = *options, .scale = 1, .zoom = 1, .status_hidden_full = true};
    if (open_window(window, err) < 0) {
        window_destroy(window);
        return NULL;
    }
    window_layout(window);
    if (options->full_screen)
        action_for(SDLK_f)->run(window, 0);
    return window;
}

void window_destroy(struct window *window)
{
    if (!window)
        return;
    pad_close(window);
    picture_free(window);
    panel_free(&window->status_panel);
    panel_free(&window->notice_panel);
    panel_free(&window->question_panel);
    panel_free(&window->menu.panel);
    free(window->menu.entries);
    free(window->paste);
    if (window->renderer)
        SDL_DestroyRenderer(window->renderer);
    if (window->sdl)
        SDL_DestroyWindow(window->sdl);
    SDL_QuitSubSystem(SDL_INIT_VIDEO | SDL_INIT_EVENTS); /* sound is somebody else's */
    if (SDL_WasInit(SDL_INIT_GAMECONTROLLER))
        SDL_QuitSubSystem(SDL_INIT_GAMECONTROLLER);
    free(window);
}
