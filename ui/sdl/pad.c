/*
 * Game controllers of the host as the joysticks of the guest.
 *
 * One controller is both: its left stick, or the direction pad, is joystick A with buttons 1 and 2 (A and B); the right
 * stick is joystick B with buttons 3 and 4 (X and Y).  Of two controllers each is one joystick, by its left stick and its
 * buttons A and B.
 */
#include "ui/sdl/internal.h"

static bool is_open(const struct pad *pad)
{
    return pad->controller || pad->joystick;
}

static void join(const struct pad pads[PADS], i16 axes[INPUT_JOYSTICK_AXES], unsigned *buttons)
{
    const struct pad *only = is_open(&pads[0]) ? &pads[0] : &pads[1];
    bool both = is_open(&pads[0]) && is_open(&pads[1]);
    for (int i = 0; i < INPUT_JOYSTICK_AXES; i++)
        axes[i] = both ? pads[i / 2].axes[i % 2] : only->axes[i];
    *buttons = both ? (pads[0].buttons & 3) | (pads[1].buttons & 3) << 2 : only->buttons;
}

static void send(struct window *window)
{
    i16 axes[INPUT_JOYSTICK_AXES];
    unsigned buttons;
    bool there = is_open(&window->pads[0]) || is_open(&window->pads[1]);
    join(window->pads, axes, &buttons);
    machine_lock(window->machine);
    input_joystick_set(&window->machine->input, there ? axes : NULL, buttons);
    machine_unlock(window->machine);
}

static void close_pad(struct pad *pad)
{
    if (pad->controller)
        SDL_GameControllerClose(pad->controller);
    if (pad->joystick)
        SDL_JoystickClose(pad->joystick);
    *pad = (struct pad){0};
}

void pad_close(struct window *window)
{
    for (int i = 0; i < PADS; i++)
        close_pad(&window->pads[i]);
}

static struct pad *pad_of(struct window *window, SDL_JoystickID id)
{
    for (int i = 0; i < PADS; i++)
        if (is_open(&window->pads[i]) && window->pads[i].id == id)
            return &window->pads[i];
    return NULL;
}

static struct pad *free_pad(struct window *window)
{
    for (int i = 0; i < PADS; i++)
        if (!is_open(&window->pads[i]))
            return &window->pads[i];
    return NULL;
}

static void open_pad(struct window *window, int index)
{
    SDL_JoystickID id = SDL_JoystickGetDeviceInstanceID(index);
    struct pad *pad = free_pad(window);
    if (!pad || pad_of(window, id) || window->options.no_joystick)
        return;
    if (SDL_IsGameController(index))
        pad->controller = SDL_GameControllerOpen(index);
    else
        pad->joystick = SDL_JoystickOpen(index);
    if (!is_open(pad))
        return;
    pad->id = id;
    send(window);
    window_notice(window, "Joystick: %s", SDL_JoystickNameForIndex(index));
}

static void removed(struct window *window, SDL_JoystickID id)
{
    struct pad *pad = pad_of(window, id);
    if (!pad)
        return;
    close_pad(pad);
    send(window);
    window_notice(window, "Joystick unplugged");
}

static void axis(struct window *window, struct pad *pad, int axis, i16 value)
{
    if (axis < 0 || axis >= INPUT_JOYSTICK_AXES)
        return;
    pad->axes[axis] = value;
    send(window);
}

static void button(struct window *window, struct pad *pad, int button, bool down)
{
    if (button < 0 || button >= 4)
        return;
    unsigned bit = 1u << button;
    pad->buttons = down ? pad->buttons | bit : pad->buttons & ~bit;
    send(window);
}

/* SDL's controller axes begin with left x, y, right x, y; its buttons with A, B, X, Y. */
static void controller_button(struct window *window, struct pad *pad, int which, bool down)
{
    switch (which) {
    case SDL_CONTROLLER_BUTTON_DPAD_LEFT: axis(window, pad, 0, down ? INT16_MIN : 0); break;
    case SDL_CONTROLLER_BUTTON_DPAD_RIGHT: axis(window, pad, 0, down ? INT16_MAX : 0); break;
    case SDL_CONTROLLER_BUTTON_DPAD_UP: axis(window, pad, 1, down ? INT16_MIN : 0); break;
    case SDL_CONTROLLER_BUTTON_DPAD_DOWN: axis(window, pad, 1, down ? INT16_MAX : 0); break;
    default: button(window, pad, which, down);
    }
}

static void hat(struct window *window, struct pad *pad, u8 at)
{
    axis(window, pad, 0, at & SDL_HAT_LEFT ? INT16_MIN : at & SDL_HAT_RIGHT ? INT16_MAX : 0);
    axis(window, pad, 1, at & SDL_HAT_UP ? INT16_MIN : at & SDL_HAT_DOWN ? INT16_MAX : 0);
}

/* SDL tells of each controller twice, mapped and as a bare joystick: the second is for those without a mapping. */
static void move(struct window *window, const SDL_Event *event)
{
    struct pad *pad = pad_of(window, event->jdevice.which);
    bool mapped = pad && pad->controller, bare = pad && pad->joystick;
    switch (event->type) {
    case SDL_CONTROLLERAXISMOTION:
        if (mapped)
            axis(window, pad, event->caxis.axis, event->caxis.value);
        break;
    case SDL_CONTROLLERBUTTONDOWN:
    case SDL_CONTROLLERBUTTONUP:
        if (mapped)
            controller_button(window, pad, event->cbutton.button, event->type == SDL_CONTROLLERBUTTONDOWN);
        break;
    case SDL_JOYAXISMOTION:
        if (bare)
            axis(window, pad, event->jaxis.axis, event->jaxis.value);
        break;
    case SDL_JOYBUTTONDOWN:
    case SDL_JOYBUTTONUP:
        if (bare)
            button(window, pad, event->jbutton.button, event->type == SDL_JOYBUTTONDOWN);
        break;
    case SDL_JOYHATMOTION:
        if (bare)
            hat(window, pad, event->jhat.value);
        break;
    }
}

void pad_event(struct window *window, const SDL_Event *event)
{
    switch (event->type) {
    case SDL_JOYDEVICEADDED: open_pad(window, event->jdevice.which); break;
    case SDL_JOYDEVICEREMOVED: removed(window, event->jdevice.which); break;
    case SDL_CONTROLLERAXISMOTION:
    case SDL_CONTROLLERBUTTONDOWN:
    case SDL_CONTROLLERBUTTONUP:
    case SDL_JOYAXISMOTION:
    case SDL_JOYBUTTONDOWN:
    case SDL_JOYBUTTONUP:
    case SDL_JOYHATMOTION: move(window, event); break;
    }
}
