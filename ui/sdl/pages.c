/*
 * The pages of the menu: the machine, its drives and their files, engines, the screen, keys.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ui/sdl/internal.h"

static void add_action(struct window *window, SDL_Keycode key, bool checked)
{
    const struct action *action = action_for(key);
    struct menu_entry *entry = menu_add(window, action->run, 0, "%s", action->label);
    snprintf(entry->keys, sizeof(entry->keys), "%s", action->keys);
    entry->checked = checked;
}

static void add_page(struct window *window, void (*go)(struct window *, int), int argument, const char *label,
                     const char *value)
{
    struct menu_entry *entry =
        value ? menu_add(window, go, argument, "%s: %s", label, value) : menu_add(window, go, argument, "%s", label);
    entry->submenu = true;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* --- drives -------------------------------------------------------------------------------------------------------- */

/* A copy that holds without the lock. */
struct drive_view {
    char name[32], file[1024];
    bool removable, full, locked;
};

static int view_drives(struct window *window, struct drive_view views[PC_DRIVES])
{
    struct pc_drive drives[PC_DRIVES];
    machine_lock(window->machine);
    int count = pc_drives(window->machine, drives);
    for (int i = 0; i < count; i++) {
        views[i] = (struct drive_view){
            .removable = drives[i].removable, .full = drives[i].block != NULL, .locked = drives[i].locked};
        memcpy(views[i].name, drives[i].name, sizeof(views[i].name));
        snprintf(views[i].file, sizeof(views[i].file), "%s", drives[i].block ? block_file(drives[i].block) : "");
    }
    machine_unlock(window->machine);
    return count;
}

static bool view_drive(struct window *window, int index, struct drive_view *view)
{
    struct drive_view views[PC_DRIVES];
    if (index >= view_drives(window, views))
        return false;
    *view = views[index];
    return true;
}

static void page_files(struct window *window, int drive);

static void eject(struct window *window, int index)
{
    struct drive_view view;
    if (view_drive(window, index, &view))
        action_change(window, view.name, NULL);
    menu_back(window);
}

static void set_directory(struct window *window, const char *path)
{
    if (strlen(path) < sizeof(window->menu.directory))
        strcpy(window->menu.directory, path);
}

static void go_files(struct window *window, int index)
{
    menu_go(window, page_files, index);
}

static void page_drive(struct window *window, int index)
{
    struct drive_view view;
    if (!view_drive(window, index, &view))
        return;
    menu_title(window, "%s: %s", view.name, view.full ? base_name(view.file) : "empty");
    add_page(window, go_files, index, view.full ? "Change..." : "Insert...", NULL);
    menu_add(window, eject, index, "Eject")->disabled = !view.full;
    if (view.locked)
        menu_add(window, NULL, 0, "The guest has locked the tray")->disabled = true;
}

/* The list of files starts where the drive's present one is, else where the program was started. */
static void start_directory(struct window *window, const struct drive_view *view)
{
    char path[PATH_MAX];
    if (*window->menu.directory)
        return;
    if (view->full && realpath(view->file, path)) {
        char *slash = strrchr(path, '/');
        slash[slash == path] = '\0';
    } else if (!getcwd(path, sizeof(path))) {
        strcpy(path, "/");
    }
    set_directory(window, path);
}

static void go_drive(struct window *window, int index)
{
    struct drive_view view;
    if (!view_drive(window, index, &view))
        return;
    start_directory(window, &view);
    menu_go(window, page_drive, index);
}

static void add_drives(struct window *window)
{
    struct drive_view views[PC_DRIVES];
    int count = view_drives(window, views);
    for (int i = 0; i < count; i++) {
        const char *file = views[i].full ? base_name(views[i].file) : "empty";
        if (views[i].removable)
            add_page(window, go_drive, i, views[i].name, file);
        else
            menu_add(window, NULL, 0, "%s: %s", views[i].name, file)->disabled = true;
    }
    if (count)
        menu_separator(window);
}

/* --- files --------------------------------------------------------------------------------------------------------- */

static void leave_directory(struct window *window)
{
    char *slash = strrchr(window->menu.directory, '/');
    if (slash)
        slash[slash == window->menu.directory] = '\0';
}

#define PATH_SIZE 1400 /* of a directory's path and a name */

static void join(char path[PATH_SIZE], const char *directory, const char *name)
{
    snprintf(path, PATH_SIZE, "%.1023s%s%.255s", directory, directory[1] ? "/" : "", name);
}

static void choose_directory(struct window *window, int entry)
{
    struct menu *menu = &window->menu;
    char path[PATH_SIZE], name[256];
    snprintf(name, sizeof(name), "%s", menu->entries[entry].label);
    name[strlen(name) - 1] = '\0'; /* the slash */
    if (!strcmp(name, "..")) {
        leave_directory(window);
    } else if (strlen(menu->directory) + strlen(name) + 2 < sizeof(menu->directory)) {
        join(path, menu->directory, name);
        strcpy(menu->directory, path);
    }
    menu->selected[menu->depth] = menu->first = 0;
}

static void choose_file(struct window *window, int entry)
{
    struct menu *menu = &window->menu;
    struct drive_view view;
    char path[PATH_SIZE];
    join(path, menu->directory, menu->entries[entry].label);
    if (view_drive(window, menu->argument[menu->depth], &view))
        action_change(window, view.name, path);
    menu_back(window);
    menu_back(window);
}

/* Directories first, then by name. */
static int compare_entries(const void *a, const void *b)
{
    const struct menu_entry *x = a, *y = b;
    return x->submenu != y->submenu ? y->submenu - x->submenu : strcasecmp(x->label, y->label);
}

static void add_file(struct window *window, const char *name)
{
    struct menu *menu = &window->menu;
    struct stat info;
    char path[PATH_SIZE];
    join(path, menu->directory, name);
    if ((name[0] == '.' && strcmp(name, "..")) || strlen(name) > 250 || stat(path, &info) < 0)
        return;
    if (S_ISDIR(info.st_mode))
        menu_add(window, choose_directory, 0, "%s/", name)->submenu = true;
    else if (S_ISREG(info.st_mode) && info.st_size)
        menu_add(window, choose_file, 0, "%s", name);
}

static void page_files(struct window *window, int drive)
{
    struct menu *menu = &window->menu;
    DIR *directory = opendir(menu->directory);
    struct dirent *file;
    menu_title(window, "%s", menu->directory);
    if (!directory) {
        menu_add(window, NULL, 0, "%s", strerror(errno))->disabled = true;
        add_file(window, "..");
    }
    while (directory && (file = readdir(directory)))
        add_file(window, file->d_name);
    if (directory)
        closedir(directory);
    qsort(menu->entries, (size_t)menu->count, sizeof(menu->entries[0]), compare_entries);
    for (int i = 0; i < menu->count; i++)
        menu->entries[i].argument = i;
}

/* --- engines ------------------------------------------------------------------------------------------------------- */

static void page_engines(struct window *window, int argument)
{
    char name[24];
    machine_lock(window->machine);
    snprintf(name, sizeof(name), "%s", accel_engine_name(window->accel));
    machine_unlock(window->machine);
    menu_title(window, "The engine in gear");
    for (int i = 0; engines[i]; i++) {
        struct menu_entry *entry = menu_add(window, action_shift, i, "%s: %s", engines[i]->name,
                                            engines[i]->description ? engines[i]->description : "");
        entry->checked = !strcmp(engines[i]->name, name);
        entry->disabled = !action_engine_there(i);
    }
}

static void go_engines(struct window *window, int argument)
{
    menu_go(window, page_engines, 0);
}

/* --- screen and keys ----------------------------------------------------------------------------------------------- */

static void page_screen(struct window *window, int argument)
{
    const struct picture *picture = &window->picture;
    menu_title(window, "Screen: %d x %d", picture->width, picture->height);
    add_action(window, SDLK_f, window->full_screen);
    add_action(window, SDLK_PLUS, false);
    add_action(window, SDLK_MINUS, false);
    add_action(window, SDLK_u, false);
    menu_separator(window);
    add_action(window, SDLK_i, picture->smooth);
    add_action(window, SDLK_w, picture->whole);
    add_action(window, SDLK_a, picture->square);
    add_action(window, SDLK_b, window_status_shown(window));
}

static void go_screen(struct window *window, int argument)
{
    menu_go(window, page_screen, 0);
}

static void page_sound(struct window *window, int argument)
{
    menu_title(window, "Sound: %s", *window->status.volume ? window->status.volume : "none (-audiodev sdl)");
    menu_add(window, action_volume, 10, "Louder");
    menu_add(window, action_volume, -10, "Quieter");
    menu_add(window, action_volume, 0, "Mute")->checked = !strcmp(window->status.volume, "Mute");
}

static void go_sound(struct window *window, int argument)
{
    menu_go(window, page_sound, 0);
}

/* Keys that a desktop keeps for itself. */
static const struct {
    const char *label;
    int keys[4], count;
} key_presets[] = {
    {"Ctrl-Alt-Del", {0x1d, 0x38, KEY_E0 | 0x53}, 3},
    {"Ctrl-Alt-Backspace", {0x1d, 0x38, 0x0e}, 3},
    {"Ctrl-Alt-F1", {0x1d, 0x38, 0x3b}, 3},
    {"Ctrl-Alt-F2", {0x1d, 0x38, 0x3c}, 3},
    {"Ctrl-Alt-F7", {0x1d, 0x38, 0x41}, 3},
    {"Alt-Tab", {0x38, 0x0f}, 2},
    {"Alt-F4", {0x38, 0x3e}, 2},
    {"Ctrl-Esc", {0x1d, 0x01}, 2},
    {"Left Windows key", {KEY_E0 | 0x5b}, 1},
    {"Menu key", {KEY_E0 | 0x5d}, 1},
    {"Print Screen", {KEY_E0 | 0x37}, 1},
    {"Alt-SysRq", {0x38, KEY_E0 | 0x37}, 2},
    {"Pause", {KEY_PAUSE}, 1},
    {"Ctrl-Break", {0x1d, KEY_PAUSE}, 2},
    {"Num Lock", {0x45}, 1},
    {"Scroll Lock", {0x46}, 1},
    {"F12", {0x58}, 1},
};

static void press_preset(struct window *window, int i)
{
    events_type(window, key_presets[i].keys, key_presets[i].count);
    menu_open(window, false);
}

static void page_keys(struct window *window, int argument)
{
    menu_title(window, "Press a key");
    for (int i = 0; i < (int)ARRAY_SIZE(key_presets); i++)
        menu_add(window, press_preset, i, "%s", key_presets[i].label);
}

static void go_keys(struct window *window, int argument)
{
    menu_go(window, page_keys, 0);
}

/* --- the first page ------------------------------------------------------------------------------------------------ */

void page_root(struct window *window, int argument)
{
    menu_title(window, "%s", window->options.name ? window->options.name : "Clutch");
    add_action(window, SDLK_p, !window->running);
    add_action(window, SDLK_r, false);
    for (const struct action *action = actions; action->run; action++)
        if (!action->key)
            menu_add(window, action->run, 0, "%s", action->label);
    add_page(window, go_engines, 0, "Gear", window->status.engine);
    menu_separator(window);
    add_drives(window);
    add_action(window, SDLK_g, window->grabbed);
    add_action(window, SDLK_v, false);
    add_action(window, SDLK_d, false);
    add_page(window, go_keys, 0, "Press a key", NULL);
    menu_separator(window);
    add_page(window, go_screen, 0, "Screen", NULL);
    add_page(window, go_sound, 0, "Sound", NULL);
    add_action(window, SDLK_s, false);
    add_action(window, SDLK_q, false);
}
