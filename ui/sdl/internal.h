/*
 * Inside the window.  Everybody else includes ui/window.h.
 *
 * Everything here belongs to the main thread, except what is marked "lock": that is shared with the loop's thread under
 * the machine lock.  What changes the machine (discs, gears) is posted to that thread; keys and pointer are not.
 */
#ifndef UI_SDL_INTERNAL_H
#define UI_SDL_INTERNAL_H

#include <SDL.h>

#include "machine/pc/pc.h"
#include "ui/sdl/canvas.h"
#include "ui/window.h"

#define FRAME_MS 16
#define NOTICE_MS 5000
#define STATUS_HEIGHT 26 /* at scale 1 */

/* A canvas and its texture. */
struct panel {
    struct canvas canvas;
    SDL_Texture *texture;
    SDL_Rect place; /* in the window, in output pixels */
};

/* What the status line shows; compared as a block to see whether it must be drawn anew. */
struct status {
    char engine[24], speed[20], volume[12], fps[12], hint[48];
    struct lamp {
        char name[8];
        u8 state; /* enum lamp_state */
    } lamps[PC_DRIVES + 1];
    u8 lamp_count;
    u8 leds;
    bool paused;
    int width; /* of the window */
};

enum lamp_state { LAMP_EMPTY, LAMP_IDLE, LAMP_READ, LAMP_WRITE };

/* What the lamps and the speed are made from. */
struct meter {
    u64 drive_reads[PC_DRIVES], drive_writes[PC_DRIVES];
    u32 read_at[PC_DRIVES], write_at[PC_DRIVES]; /* SDL ticks of the last access */
    u64 instructions, exits;
    u32 speed_at;
    double mips, exits_per_ms;
    unsigned frames; /* of the guest, since fps_at */
    u32 fps_at;
    unsigned fps;
};

struct window;

struct menu_entry {
    char label[256];
    char keys[20]; /* the shortcut, as text */
    bool checked, disabled, separator, submenu;
    void (*run)(struct window *window, int argument);
    int argument;
};

#define MENU_MAX 4096
#define MENU_DEPTH 4

struct menu {
    bool open, stale;
    u32 built_at;
    void (*build[MENU_DEPTH])(struct window *window, int argument); /* the way down to the page that is shown */
    int argument[MENU_DEPTH], selected[MENU_DEPTH];
    int depth;
    int first;                 /* entry at the top of a page that scrolls */
    int row_height, top, rows; /* in output pixels, as drawn */
    char title[128];
    struct menu_entry *entries;
    int count;
    struct panel panel;
    char directory[1024]; /* of the file list */
};

struct picture {
    struct surface surface;
    SDL_Texture *texture, *sharp; /* sharp: enlarged by a whole factor */
    int width, height;            /* of texture */
    int sharp_width, sharp_height;
    bool smooth, whole, square; /* filter; whole multiples only; no aspect correction */
    SDL_Rect place;             /* on the output */
    bool sharp_stale;
};

#define PADS 2

struct pad {
    SDL_GameController *controller;
    SDL_Joystick *joystick; /* one that SDL has no mapping for */
    SDL_JoystickID id;
    i16 axes[INPUT_JOYSTICK_AXES];
    unsigned buttons;
};

struct window {
    struct machine *machine;
    struct accel *accel;
    struct window_options options;
    SDL_Window *sdl;
    SDL_Renderer *renderer;
    u32 wake_event;
    float scale; /* of the furniture */

    struct picture picture;
    struct status status;
    struct meter meter;
    struct panel status_panel, notice_panel, question_panel;
    struct menu menu;
    struct pad pads[PADS];

    bool redraw; /* something of the window itself changed */
    bool hidden; /* minimised or covered as a whole */
    bool full_screen, status_hidden, status_hidden_full;
    bool user_sized;               /* the user pulled at the window: it keeps its size */
    int zoom;                      /* size of the window when it follows the guest */
    int asked_width, asked_height; /* the size we set last */
    bool question;                 /* "switch off?" is on the screen */
    bool grabbed;                  /* keys and mouse are the guest's */
    bool captured;                 /* grabbed, and the pointer cannot leave: the guest takes movements */
    bool absolute;                 /* the guest takes positions */
    bool running;
    u32 next_frame;

    bool down[KEY_PAUSE + 1]; /* keys that the guest believes to be held, by KEY_* code */
    unsigned buttons;         /* of the mouse, as the guest knows them */
    bool click_taken;         /* the click that grabbed the mouse is not the guest's */

    char dropped[1024]; /* the file dropped last */
    u32 *paste;         /* code points not yet typed */
    size_t paste_length, paste_at;
    u32 paste_due;

    int badge_left, badge_right;   /* the gear lever of the status line */
    int volume_left, volume_right; /* and its volume */
    char title[160];
    char notice[200], notice_shown[200];
    u32 notice_until;
    char posted_notice[200]; /* lock: from the loop's thread, "" for none */
};

/* window.c */
void window_notice(struct window *window, const char *fmt, ...) PRINTF_LIKE(2, 3);
void window_close(struct window *window); /* the close button: asks once */
void window_quit(struct window *window);
/* The window's size, or whether it has furniture, changed: where everything goes now. */
void window_layout(struct window *window);
/* Gives it the size of the guest's picture, `zoom` times or as often as the desktop has room for; returns how often. */
int window_take_size(struct window *window, int zoom);
bool window_status_shown(const struct window *window);
void window_output_size(struct window *window, int *width, int *height);
/* Where a place in SDL's window coordinates is on the output. */
SDL_Point window_point(struct window *window, int x, int y);
bool panel_resize(struct window *window, struct panel *panel, int width, int height);
void panel_upload(struct window *window, struct panel *panel);
void panel_show(struct window *window, struct panel *panel);
void panel_free(struct panel *panel);

/* renderer.c */
SDL_Renderer *renderer_create(SDL_Window *window); /* NULL: SDL_GetError tells why */

/* picture.c */
/* Takes over what changed in the guest's picture.  False if nothing did. */
bool picture_upload(struct window *window);
/* Size that a window needs to show it at `zoom`. */
void picture_natural_size(const struct window *window, int zoom, int *width, int *height);
void picture_place(struct window *window, int width, int height);
void picture_show(struct window *window);
void picture_free(struct window *window);

/* status.c */
void status_read(struct window *window); /* lock held */
void status_draw(struct window *window);
/* A click on it, a turn of the wheel over it (the volume).  True if it was one. */
bool status_wheel(struct window *window, SDL_Point point, int away);
bool status_click(struct window *window, SDL_Point point, int button);

/* events.c */
void events_handle(struct window *window, const SDL_Event *event);
void events_grab(struct window *window, bool grab);
void events_absolute(struct window *window, bool absolute); /* the guest takes positions from now on, or not */
void events_release_keys(struct window *window);
void events_type(struct window *window, const int *keys, int count); /* pressed together, then let go */

/* keymap.c */
/* The guest's key for a key of this place on the keyboard; -1 if a PC's has none. */
int keymap_key(SDL_Scancode scancode);

/* actions.c: what shortcuts and menu entries do. */
struct action {
    SDL_Keycode key; /* with Ctrl and Alt */
    const char *label, *keys;
    void (*run)(struct window *window, int argument);
};
extern const struct action actions[];
const struct action *action_for(SDL_Keycode key);
void action_menu(struct window *window, int argument);
void action_shift(struct window *window, int engine); /* index in engines[]; -1: the next one */
bool action_engine_there(int engine);
void action_change(struct window *window, const char *drive, const char *file); /* file NULL: eject */
void action_volume(struct window *window, int change); /* in per cent; 0: mute, or not any more */
void action_zoom(struct window *window, int zoom);

/* drop.c */
void drop_file(struct window *window, const char *file);

/* menu.c, pages.c */
void menu_open(struct window *window, bool open);
/* Opens it at this page, as the first one. */
void menu_open_at(struct window *window, void (*build)(struct window *, int), int argument);
void menu_stale(struct window *window);
void menu_draw(struct window *window);
bool menu_key(struct window *window, SDL_Keycode key); /* true: the menu took it */
void menu_motion(struct window *window, SDL_Point point);
void menu_click(struct window *window, SDL_Point point, int button);
void menu_wheel(struct window *window, int rows);
void menu_go(struct window *window, void (*build)(struct window *, int), int argument);
void menu_back(struct window *window);
struct menu_entry *menu_add(struct window *window, void (*run)(struct window *, int), int argument, const char *fmt,
                            ...) PRINTF_LIKE(4, 5);
void menu_separator(struct window *window);
void menu_title(struct window *window, const char *fmt, ...) PRINTF_LIKE(2, 3);
void page_root(struct window *window, int argument);

/* paste.c */
void paste_start(struct window *window, const char *text);
void paste_tick(struct window *window, u32 now);
void paste_stop(struct window *window);

/* pad.c */
void pad_event(struct window *window, const SDL_Event *event);
void pad_close(struct window *window);

#endif
