/*
 * Keyboard and mouse of the host, to the menu, to shortcuts, or to the guest.
 *
 * The mouse is the guest's alone while it is grabbed.  A guest that takes positions (machine/input.h, tablet) needs no
 * grab: its pointer goes where the host's is over the picture.
 */
#include "ui/sdl/internal.h"

#define SHORTCUT (KMOD_LCTRL | KMOD_RCTRL)

/* --- keyboard ------------------------------------------------------------------------------------------------------ */

static void send_key(struct window *window, int key, bool down)
{
    if (window->down[key] == down)
        return;
    window->down[key] = down;
    machine_lock(window->machine);
    input_key(&window->machine->input, key, down);
    machine_unlock(window->machine);
}

void events_release_keys(struct window *window)
{
    for (int key = 0; key < (int)ARRAY_SIZE(window->down); key++)
        if (window->down[key])
            send_key(window, key, false);
}

void events_type(struct window *window, const int *keys, int count)
{
    events_release_keys(window);
    for (int i = 0; i < count; i++)
        send_key(window, keys[i], true);
    for (int i = count; i-- > 0;)
        send_key(window, keys[i], false);
}

/* AltGr arrives as right Alt, on some hosts with a left Ctrl: so shortcuts take the left Alt only. */
static bool is_shortcut(const SDL_Keysym *key)
{
    bool plus = key->sym == SDLK_EQUALS || key->sym == SDLK_PLUS; /* on many keyboards with Shift */
    return key->mod & SHORTCUT && key->mod & KMOD_LALT && (plus || !(key->mod & KMOD_SHIFT));
}

static void answer_question(struct window *window, SDL_Keycode key)
{
    if (key == SDLK_RETURN || key == SDLK_KP_ENTER || key == SDLK_y)
        window_quit(window);
    if (key == SDLK_ESCAPE || key == SDLK_n) {
        window->question = false;
        window->redraw = true;
    }
}

static void key_down(struct window *window, const SDL_KeyboardEvent *event)
{
    const struct action *action = is_shortcut(&event->keysym) ? action_for(event->keysym.sym) : NULL;
    int key = keymap_key(event->keysym.scancode);
    if (action) {
        if (event->repeat)
            return;
        events_release_keys(window); /* the guest is not left with Ctrl and Alt held down */
        action->run(window, 0);
        return;
    }
    if (window->question) {
        answer_question(window, event->keysym.sym);
        return;
    }
    if (window->menu.open && menu_key(window, event->keysym.sym))
        return;
    if (event->repeat || key < 0) /* the guest's keyboard repeats by itself */
        return;
    paste_stop(window);
    send_key(window, key, true);
}

/* --- mouse --------------------------------------------------------------------------------------------------------- */

void events_grab(struct window *window, bool grab)
{
    if (window->grabbed == grab)
        return;
    window->grabbed = grab;
    window->captured = grab && !window->absolute;
    SDL_SetRelativeMouseMode(window->captured ? SDL_TRUE : SDL_FALSE);
    SDL_SetWindowKeyboardGrab(window->sdl, grab ? SDL_TRUE : SDL_FALSE);
}

void events_absolute(struct window *window, bool absolute)
{
    window->absolute = absolute;
    if (!absolute)
        SDL_ShowCursor(SDL_ENABLE);
    if (window->grabbed) { /* the pointer is let go, or caught, while the keys stay the guest's */
        events_grab(window, false);
        events_grab(window, true);
    }
}

static unsigned button_bit(int button)
{
    switch (button) {
    case SDL_BUTTON_LEFT: return 1;
    case SDL_BUTTON_RIGHT: return 2;
    case SDL_BUTTON_MIDDLE: return 4;
    case SDL_BUTTON_X1: return 8;
    case SDL_BUTTON_X2: return 0x10;
    default: return 0;
    }
}

static int scaled(int at, int start, int size)
{
    int inside = MAX(0, MIN(at - start, size - 1));
    return size > 1 ? (int)((i64)inside * INPUT_ABSOLUTE_MAX / (size - 1)) : 0;
}

static void send_position(struct window *window, SDL_Point point, int wheel)
{
    const SDL_Rect *place = &window->picture.place;
    machine_lock(window->machine);
    input_absolute(&window->machine->input, scaled(point.x, place->x, place->w), scaled(point.y, place->y, place->h),
                   wheel, window->buttons);
    machine_unlock(window->machine);
}

static void send_movement(struct window *window, int dx, int dy, int wheel)
{
    machine_lock(window->machine);
    input_pointer(&window->machine->input, dx, dy, wheel, window->buttons);
    machine_unlock(window->machine);
}

static bool over_picture(const struct window *window, SDL_Point point)
{
    return SDL_PointInRect(&point, &window->picture.place) && !window->menu.open && !window->question;
}

static void motion(struct window *window, const SDL_MouseMotionEvent *event)
{
    SDL_Point point = window_point(window, event->x, event->y);
    if (window->captured) {
        send_movement(window, event->xrel, event->yrel, 0);
        return;
    }
    menu_motion(window, point);
    bool guest = window->absolute && over_picture(window, point);
    SDL_ShowCursor(guest ? SDL_DISABLE : SDL_ENABLE);
    if (guest || window->buttons) /* dragged out of the picture: the pointer waits at its edge */
        send_position(window, point, 0);
}

static void send_buttons(struct window *window, SDL_Point point)
{
    if (window->captured)
        send_movement(window, 0, 0, 0);
    else
        send_position(window, point, 0);
}

static void button_down(struct window *window, SDL_Point point, int button)
{
    if (window->question)
        return;
    if (!window->captured) {
        if (window->menu.open) {
            menu_click(window, point, button);
            return;
        }
        if (status_click(window, point, button) || !over_picture(window, point))
            return;
        if (!window->absolute) {
            events_grab(window, true);
            window->click_taken = true;
            return;
        }
    }
    window->buttons |= button_bit(button);
    send_buttons(window, point);
}

static void button_up(struct window *window, SDL_Point point, int button)
{
    if (window->click_taken) {
        window->click_taken = false;
        return;
    }
    if (!(window->buttons & button_bit(button)))
        return;
    window->buttons &= ~button_bit(button);
    send_buttons(window, point);
}

static void wheel(struct window *window, const SDL_MouseWheelEvent *event)
{
    int away = event->direction == SDL_MOUSEWHEEL_FLIPPED ? -event->y : event->y;
    SDL_Point point = window_point(window, event->mouseX, event->mouseY);
    if (window->menu.open)
        menu_wheel(window, -away);
    else if (window->captured)
        send_movement(window, 0, 0, away);
    else if (!status_wheel(window, point, away) && window->absolute && over_picture(window, point))
        send_position(window, point, away);
}

/* --- the window ---------------------------------------------------------------------------------------------------- */

static void lose_focus(struct window *window)
{
    events_grab(window, false);
    events_release_keys(window);
    if (window->buttons) {
        window->buttons = 0;
        send_movement(window, 0, 0, 0);
    }
}

static void resized(struct window *window, int width, int height)
{
    if (width != window->asked_width || height != window->asked_height)
        window->user_sized |= !window->full_screen;
    window_layout(window);
}

static void window_event(struct window *window, const SDL_WindowEvent *event)
{
    switch (event->event) {
    case SDL_WINDOWEVENT_SIZE_CHANGED: resized(window, event->data1, event->data2); break;
    case SDL_WINDOWEVENT_FOCUS_LOST: lose_focus(window); break;
    case SDL_WINDOWEVENT_HIDDEN:
    case SDL_WINDOWEVENT_MINIMIZED: window->hidden = true; break;
    case SDL_WINDOWEVENT_SHOWN:
    case SDL_WINDOWEVENT_RESTORED:
    case SDL_WINDOWEVENT_EXPOSED:
        window->hidden = false;
        window->redraw = true;
        break;
    case SDL_WINDOWEVENT_CLOSE: window_close(window); break;
    }
}

static void drop(struct window *window, char *file)
{
    drop_file(window, file);
    SDL_free(file);
}

void events_handle(struct window *window, const SDL_Event *event)
{
    int key;
    switch (event->type) {
    case SDL_QUIT: /* comes after the last window's close event, which has been answered */ break;
    case SDL_WINDOWEVENT: window_event(window, &event->window); break;
    case SDL_KEYDOWN: key_down(window, &event->key); break;
    case SDL_KEYUP:
        key = keymap_key(event->key.keysym.scancode);
        if (key >= 0)
            send_key(window, key, false);
        break;
    case SDL_MOUSEMOTION: motion(window, &event->motion); break;
    case SDL_MOUSEBUTTONDOWN:
        button_down(window, window_point(window, event->button.x, event->button.y), event->button.button);
        break;
    case SDL_MOUSEBUTTONUP:
        button_up(window, window_point(window, event->button.x, event->button.y), event->button.button);
        break;
    case SDL_MOUSEWHEEL: wheel(window, &event->wheel); break;
    case SDL_DROPFILE: drop(window, event->drop.file); break;
    case SDL_RENDER_TARGETS_RESET:
    case SDL_RENDER_DEVICE_RESET:
        picture_free(window); /* the next frame makes it anew */
        window_layout(window);
        break;
    default: pad_event(window, event); break;
    }
}
