/*
 * A game controller of the host as the joystick of the guest.
 *
 * The left stick, or the direction pad, is joystick A with buttons 1 and 2 (A and B); the right stick is joystick B with
 * buttons 3 and 4 (X and Y).  The first controller found is taken.
 */
#include "ui/sdl/internal.h"

static void send(struct window *window)
{
    machine_lock(window->machine);
    const struct pad *pad = &window->pad;
    bool there = pad->controller || pad->joystick;
    input_joystick_set(&window->machine->input, there ? pad->axes : NULL, pad->buttons);
    machine_unlock(window->machine);
}

void pad_close(struct window *window)
{
    if (window->pad.controller)
        SDL_GameControllerClose(window->pad.controller);
    if (window->pad.joystick)
        SDL_JoystickClose(window->pad.joystick);
    window->pad = (struct pad){0};
}

static void open_pad(struct window *window, int index)
{
    struct pad *pad = &window->pad;
    if (pad->controller || pad->joystick || window->options.no_joystick)
        return;
    if (SDL_IsGameController(index))
        pad->controller = SDL_GameControllerOpen(index);
    else
        pad->joystick = SDL_JoystickOpen(index);
    if (!pad->controller && !pad->joystick)
        return;
    pad->id = SDL_JoystickGetDeviceInstanceID(index);
    send(window);
    window_notice(window, "Joystick: %s", SDL_JoystickNameForIndex(index));
}

static bool ours(const struct window *window, SDL_JoystickID id)
{
    return (window->pad.controller || window->pad.joystick) && window->pad.id == id;
}

static void axis(struct window *window, int axis, i16 value)
{
    if (axis < 0 || axis >= INPUT_JOYSTICK_AXES)
        return;
    window->pad.axes[axis] = value;
    send(window);
}

static void button(struct window *window, int button, bool down)
{
    if (button < 0 || button >= 4)
        return;
    unsigned bit = 1u << button;
    window->pad.buttons = down ? window->pad.buttons | bit : window->pad.buttons & ~bit;
    send(window);
}

/* SDL's controller axes begin with left x, y, right x, y; its buttons with A, B, X, Y. */
static void controller_button(struct window *window, int which, bool down)
{
    switch (which) {
    case SDL_CONTROLLER_BUTTON_DPAD_LEFT: axis(window, 0, down ? INT16_MIN : 0); break;
    case SDL_CONTROLLER_BUTTON_DPAD_RIGHT: axis(window, 0, down ? INT16_MAX : 0); break;
    case SDL_CONTROLLER_BUTTON_DPAD_UP: axis(window, 1, down ? INT16_MIN : 0); break;
    case SDL_CONTROLLER_BUTTON_DPAD_DOWN: axis(window, 1, down ? INT16_MAX : 0); break;
    default: button(window, which, down);
    }
}

static void removed(struct window *window, SDL_JoystickID id)
{
    if (!ours(window, id))
        return;
    pad_close(window);
    send(window);
}

void pad_event(struct window *window, const SDL_Event *event)
{
    bool mapped = window->pad.controller != NULL;
    switch (event->type) {
    case SDL_JOYDEVICEADDED: open_pad(window, event->jdevice.which); break;
    case SDL_JOYDEVICEREMOVED: removed(window, event->jdevice.which); break;
    case SDL_CONTROLLERAXISMOTION:
        if (mapped && ours(window, event->caxis.which))
            axis(window, event->caxis.axis, event->caxis.value);
        break;
    case SDL_CONTROLLERBUTTONDOWN:
    case SDL_CONTROLLERBUTTONUP:
        if (mapped && ours(window, event->cbutton.which))
            controller_button(window, event->cbutton.button, event->type == SDL_CONTROLLERBUTTONDOWN);
        break;
    case SDL_JOYAXISMOTION:
        if (!mapped && ours(window, event->jaxis.which))
            axis(window, event->jaxis.axis, event->jaxis.value);
        break;
    case SDL_JOYBUTTONDOWN:
    case SDL_JOYBUTTONUP:
        if (!mapped && ours(window, event->jbutton.which))
            button(window, event->jbutton.button, event->type == SDL_JOYBUTTONDOWN);
        break;
    }
}
