/* Game controllers, from SDL's virtual joysticks to what a program reads at port 201h. */
#include "tests/unit.h"

#include "devices/gameport.h"
#include "devices/testbench.h"
#include "ui/sdl/internal.h"

#if SDL_VERSION_ATLEAST(2, 24, 0)

/* IBM Game Control Adapter: 24.2 us + 0.011 us for each ohm, of 0 to 100 kilohms. */
#define LOW_NS 24200
#define HIGH_NS 1124200
#define MIDDLE_NS 574200

static struct bench bench;
static struct gameport port;
static struct window window;

static void handle_events(void)
{
    SDL_Event event;
    SDL_PumpEvents();
    while (SDL_PollEvent(&event))
        pad_event(&window, &event);
}

static void start(void)
{
    bench_open(&bench);
    gameport_init(&port, bench.machine);
    window = (struct window){.machine = bench.machine};
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    SDL_SetHint(SDL_HINT_JOYSTICK_DEVICE, "");
    CHECK_EQ(SDL_Init(SDL_INIT_EVENTS | SDL_INIT_GAMECONTROLLER), 0);
    handle_events();
}

static void stop(void)
{
    pad_close(&window);
    SDL_Quit();
    bench_close(&bench);
}

/* Plugs one in; returns SDL's joystick to move it by. */
static SDL_Joystick *plug(SDL_JoystickType type, int *index)
{
    *index = SDL_JoystickAttachVirtual(type, 6, 15, 1);
    CHECK(*index >= 0);
    SDL_Joystick *stick = SDL_JoystickOpen(*index);
    handle_events();
    return stick;
}

static void tilt(SDL_Joystick *stick, int axis, i16 value)
{
    SDL_JoystickSetVirtualAxis(stick, axis, value);
    handle_events();
}

static void press(SDL_Joystick *stick, int button, bool down)
{
    SDL_JoystickSetVirtualButton(stick, button, down);
    handle_events();
}

/* How long an axis' bit stays set after a write, to the microsecond; -1: longer than 2 ms. */
static int time_axis(int axis)
{
    bench_out(&bench, 0x201, 0);
    for (int us = 0; us < 2000; us++) {
        if (!(bench_in(&bench, 0x201) >> axis & 1))
            return us * 1000;
        bench_wait(&bench, 1000);
    }
    return -1;
}

static bool is_about(int axis, int wanted)
{
    int took = time_axis(axis);
    return took >= wanted - 1000 && took <= wanted + 1000;
}

static unsigned buttons(void)
{
    return ~bench_in(&bench, 0x201) >> 4 & 15u;
}

TEST(a_controller_can_come_and_go)
{
    int index;
    start();
    CHECK_EQ(time_axis(0), -1);
    SDL_Joystick *stick = plug(SDL_JOYSTICK_TYPE_GAMECONTROLLER, &index);
    for (int axis = 0; axis < 4; axis++)
        CHECK(is_about(axis, MIDDLE_NS));
    press(stick, SDL_CONTROLLER_BUTTON_A, true);
    CHECK_EQ(buttons(), 1);
    SDL_JoystickClose(stick);
    SDL_JoystickDetachVirtual(index);
    handle_events();
    CHECK_EQ(time_axis(0), -1);
    CHECK_EQ(buttons(), 0);
    stick = plug(SDL_JOYSTICK_TYPE_GAMECONTROLLER, &index);
    CHECK(is_about(0, MIDDLE_NS));
    SDL_JoystickClose(stick);
    stop();
}

TEST(both_sticks_reach_both_ends)
{
    static const int ends[4] = {LOW_NS, HIGH_NS, HIGH_NS, LOW_NS};
    int index;
    start();
    SDL_Joystick *stick = plug(SDL_JOYSTICK_TYPE_GAMECONTROLLER, &index);
    for (int axis = 0; axis < 4; axis++)
        tilt(stick, axis, ends[axis] == LOW_NS ? INT16_MIN : INT16_MAX);
    for (int axis = 0; axis < 4; axis++)
        CHECK(is_about(axis, ends[axis]));
    SDL_JoystickClose(stick);
    stop();
}

TEST(four_buttons_and_the_direction_pad)
{
    int index;
    start();
    SDL_Joystick *stick = plug(SDL_JOYSTICK_TYPE_GAMECONTROLLER, &index);
    for (int i = 0; i < 4; i++) {
        press(stick, SDL_CONTROLLER_BUTTON_A + i, true);
        CHECK_EQ(buttons(), 1u << i);
        press(stick, SDL_CONTROLLER_BUTTON_A + i, false);
    }
    press(stick, SDL_CONTROLLER_BUTTON_DPAD_LEFT, true);
    press(stick, SDL_CONTROLLER_BUTTON_DPAD_DOWN, true);
    CHECK(is_about(0, LOW_NS));
    CHECK(is_about(1, HIGH_NS));
    press(stick, SDL_CONTROLLER_BUTTON_DPAD_LEFT, false);
    CHECK(is_about(0, MIDDLE_NS));
    SDL_JoystickClose(stick);
    stop();
}

TEST(of_two_controllers_each_is_one_joystick)
{
    int first, second;
    start();
    SDL_Joystick *a = plug(SDL_JOYSTICK_TYPE_GAMECONTROLLER, &first);
    SDL_Joystick *b = plug(SDL_JOYSTICK_TYPE_GAMECONTROLLER, &second);
    tilt(a, 0, INT16_MIN);
    tilt(b, 0, INT16_MAX);
    press(a, SDL_CONTROLLER_BUTTON_B, true);
    press(b, SDL_CONTROLLER_BUTTON_A, true);
    CHECK(is_about(0, LOW_NS));
    CHECK(is_about(1, MIDDLE_NS));
    CHECK(is_about(2, HIGH_NS));
    CHECK_EQ(buttons(), 0x2 | 0x4);
    SDL_JoystickClose(a);
    SDL_JoystickDetachVirtual(first); /* the other one is both joysticks now */
    handle_events();
    CHECK(is_about(0, HIGH_NS));
    CHECK_EQ(buttons(), 0x1);
    SDL_JoystickClose(b);
    stop();
}

TEST(a_joystick_without_a_mapping_is_taken_as_it_is)
{
    int index;
    start();
    SDL_Joystick *stick = plug(SDL_JOYSTICK_TYPE_FLIGHT_STICK, &index);
    CHECK(!SDL_IsGameController(index));
    tilt(stick, 1, INT16_MIN);
    press(stick, 2, true);
    CHECK(is_about(1, LOW_NS));
    CHECK_EQ(buttons(), 4);
    SDL_JoystickSetVirtualHat(stick, 0, SDL_HAT_RIGHTUP);
    handle_events();
    CHECK(is_about(0, HIGH_NS));
    SDL_JoystickClose(stick);
    stop();
}

#else

TEST(needs_a_newer_sdl) {}

#endif

UNIT_MAIN()
