#include "devices/i8042.h"

#include "devices/ps2_keyboard.h"
#include "devices/ps2_mouse.h"
#include "devices/testbench.h"

#define MS 1000000ull

static struct bench bench;
static struct a20 a20;
static struct i8042 kbc;
static struct ps2_keyboard keyboard;
static struct ps2_mouse mouse;
static int irq12_rises;
static bool irq12_level;

static void set_irq12(void *opaque, int line, bool level)
{
    irq12_rises += level && !irq12_level;
    irq12_level = level;
}

static void command(u8 value)
{
    bench_out(&bench, 0x64, value);
}
static void data(u8 value)
{
    bench_out(&bench, 0x60, value);
}
static u8 status(void)
{
    return bench_in(&bench, 0x64);
}

/* The next byte within 5 ms, or -1. */
static int get(void)
{
    for (int i = 0; i < 50 && !(status() & 1); i++)
        bench_wait(&bench, MS / 10);
    return status() & 1 ? bench_in(&bench, 0x60) : -1;
}

#define EXPECT(...)                                       \
    do {                                                  \
        static const int bytes[] = {__VA_ARGS__};         \
        for (size_t i_ = 0; i_ < ARRAY_SIZE(bytes); i_++) \
            CHECK_EQ(get(), bytes[i_]);                   \
        CHECK_EQ(get(), -1);                              \
    } while (0)

static void start(u8 command_byte)
{
    bench_open(&bench);
    irq12_rises = irq12_level = 0;
    struct irq irq1 = bench_wire(&bench), irq12 = {set_irq12, NULL, 0};
    a20_init(&a20, bench.machine);
    ps2_keyboard_init(&keyboard, bench.machine);
    ps2_mouse_init(&mouse, bench.machine);
    i8042_init(&kbc, bench.machine, &a20, &irq1, &irq12, &keyboard.port, &mouse.port);
    command(0x60);
    data(command_byte);
}

static void stop(void)
{
    bench_close(&bench);
}

static void key(int code, bool down)
{
    input_key(&bench.machine->input, code, down);
}
static void stroke(int code)
{
    key(code, true);
    key(code, false);
}

static void to_mouse(u8 value)
{
    command(0xd4);
    data(value);
}

TEST(self_test_answers_55_and_sets_the_system_flag)
{
    start(0x00);
    CHECK_EQ(status() & 0x04, 0);
    command(0xaa);
    CHECK_EQ(get(), 0x55);
    CHECK_EQ(status() & 0x04, 0x04);
    command(0xab);
    CHECK_EQ(get(), 0x00);
    command(0xa9);
    CHECK_EQ(get(), 0x00);
    stop();
}

TEST(command_byte_and_ram_read_back)
{
    start(0x47);
    command(0x20);
    CHECK_EQ(get(), 0x47);
    command(0x7f);
    data(0x5a);
    command(0x3f);
    CHECK_EQ(get(), 0x5a);
    command(0xa7);
    command(0xad);
    command(0x20);
    CHECK_EQ(get(), 0x77);
    command(0xa8);
    command(0xae);
    command(0x20);
    CHECK_EQ(get(), 0x47);
    stop();
}

TEST(status_bit_3_tells_command_from_data)
{
    start(0x00);
    command(0xae);
    CHECK_EQ(status() & 0x08, 0x08);
    data(0xee);
    CHECK_EQ(status() & 0x08, 0x00);
    stop();
}

TEST(key_comes_translated_to_set_1)
{
    start(0x41);
    stroke(0x1e); /* A */
    CHECK_EQ(get(), 0x1e);
    CHECK_EQ(get(), 0x9e);
    stroke(0x41); /* F7, 83 in set 2 */
    EXPECT(0x41, 0xc1);
    stop();
}

TEST(key_comes_in_set_2_without_translation)
{
    start(0x01);
    stroke(0x1e);
    EXPECT(0x1c, 0xf0, 0x1c);
    stroke(KEY_E0 | 0x48); /* cursor up */
    EXPECT(0xe0, 0x75, 0xe0, 0xf0, 0x75);
    stroke(0x58); /* F12 */
    EXPECT(0x07, 0xf0, 0x07);
    stop();
}

TEST(every_set_1_code_survives_the_way_through_set_2)
{
    for (int code = 1; code <= 0x58; code++)
        if (code < 0x55 || code > 0x55)
            CHECK_EQ(ps2_set1_from_set2(ps2_set2_from_set1(code)), code);
}

TEST(pause_and_print_screen_have_their_own_sequences)
{
    start(0x41);
    stroke(KEY_PAUSE);
    EXPECT(0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5);
    stroke(KEY_E0 | 0x37);
    EXPECT(0xe0, 0x2a, 0xe0, 0x37, 0xe0, 0xb7, 0xe0, 0xaa);
    key(0x38, true);
    CHECK_EQ(get(), 0x38);
    stroke(KEY_E0 | 0x37); /* Alt-PrintScreen is SysRq */
    EXPECT(0x54, 0xd4);
    stop();
}

/* Technical Reference, "Scan Code Set 1" and 2, keys 75-89: the cases "Num Lock on", "Shift", "Shift and Num Lock". */
static void num_lock_on(void)
{
    data(0xed);
    CHECK_EQ(get(), 0xfa);
    data(0x02);
    CHECK_EQ(get(), 0xfa);
}

TEST(grey_keys_press_shift_while_num_lock_is_on)
{
    start(0x41);
    num_lock_on();
    stroke(KEY_E0 | 0x52); /* Insert */
    EXPECT(0xe0, 0x2a, 0xe0, 0x52, 0xe0, 0xd2, 0xe0, 0xaa);
    key(0x36, true);
    CHECK_EQ(get(), 0x36);
    stroke(KEY_E0 | 0x52);
    EXPECT(0xe0, 0x52, 0xe0, 0xd2);
    stop();
}

TEST(grey_keys_release_the_shifts_that_are_held)
{
    start(0x41);
    key(0x2a, true);
    CHECK_EQ(get(), 0x2a);
    stroke(KEY_E0 | 0x48); /* up */
    EXPECT(0xe0, 0xaa, 0xe0, 0x48, 0xe0, 0xc8, 0xe0, 0x2a);
    key(0x36, true);
    CHECK_EQ(get(), 0x36);
    stroke(KEY_E0 | 0x48); /* "If both Shift keys are down, both sets of codes" */
    EXPECT(0xe0, 0xaa, 0xe0, 0xb6, 0xe0, 0x48, 0xe0, 0xc8, 0xe0, 0x2a, 0xe0, 0x36);
    stop();
}

TEST(shift_codes_in_set_2)
{
    start(0x01);
    num_lock_on();
    stroke(KEY_E0 | 0x4b); /* left */
    EXPECT(0xe0, 0x12, 0xe0, 0x6b, 0xe0, 0xf0, 0x6b, 0xe0, 0xf0, 0x12);
    key(0x36, true);
    CHECK_EQ(get(), 0x59);
    stroke(KEY_E0 | 0x35); /* the keypad's slash: Num Lock does not matter */
    EXPECT(0xe0, 0xf0, 0x59, 0xe0, 0x4a, 0xe0, 0xf0, 0x4a, 0xe0, 0x59);
    stop();
}

TEST(shift_let_go_before_a_grey_key_stays_up)
{
    start(0x41);
    key(0x2a, true);
    key(KEY_E0 | 0x53, true);
    key(0x2a, false);
    key(KEY_E0 | 0x53, false);
    EXPECT(0x2a, 0xe0, 0xaa, 0xe0, 0x53, 0xaa, 0xe0, 0xd3);
    stop();
}

TEST(sysrq_is_released_as_sysrq_without_alt)
{
    start(0x41);
    key(0x38, true);
    key(KEY_E0 | 0x37, true);
    key(0x38, false);
    key(KEY_E0 | 0x37, false);
    EXPECT(0x38, 0x54, 0xb8, 0xd4);
    stop();
}

TEST(repeated_grey_keys_leave_the_shift_codes_out)
{
    start(0x41);
    num_lock_on();
    key(KEY_E0 | 0x50, true); /* down */
    EXPECT(0xe0, 0x2a, 0xe0, 0x50);
    bench_wait(&bench, 500 * MS);
    CHECK_EQ(get(), 0xe0);
    CHECK_EQ(get(), 0x50);
    key(KEY_E0 | 0x50, false);
    EXPECT(0xe0, 0xd0, 0xe0, 0xaa);
    stop();
}

TEST(break_and_print_screen_with_ctrl)
{
    start(0x41);
    key(0x1d, true);
    CHECK_EQ(get(), 0x1d);
    stroke(KEY_PAUSE);
    EXPECT(0xe0, 0x46, 0xe0, 0xc6);
    stroke(KEY_E0 | 0x37);
    EXPECT(0xe0, 0x37, 0xe0, 0xb7);
    stop();
}

TEST(irq_1_has_an_edge_for_each_byte)
{
    start(0x41);
    stroke(0x1e);
    CHECK_EQ(bench.rises, 0); /* bytes take time on the wire */
    bench_wait(&bench, MS);
    CHECK_EQ(bench.rises, 1);
    bench_wait(&bench, 100 * MS);
    CHECK_EQ(bench.rises, 1);
    CHECK_EQ(bench_in(&bench, 0x60), 0x1e);
    CHECK(!bench.level);
    bench_wait(&bench, MS);
    CHECK_EQ(bench.rises, 2);
    CHECK_EQ(bench_in(&bench, 0x60), 0x9e);
    CHECK_EQ(bench_in(&bench, 0x60), 0x9e); /* the buffer keeps its value */
    stop();
}

TEST(disabled_keyboard_keeps_its_keys)
{
    start(0x51);
    stroke(0x1e);
    CHECK_EQ(get(), -1);
    command(0xae);
    EXPECT(0x1e, 0x9e);
    stop();
}

TEST(answer_of_the_controller_does_not_lose_a_key)
{
    start(0x40);
    key(0x1e, true);
    bench_wait(&bench, MS);
    command(0x20);
    CHECK_EQ(get(), 0x40);
    CHECK_EQ(get(), 0x1e);
    stop();
}

TEST(keyboard_reset_acknowledges_and_passes_its_self_test)
{
    start(0x01);
    data(0xff);
    EXPECT(0xfa, 0xaa);
    stop();
}

TEST(identify_and_echo)
{
    start(0x01);
    data(0xf2);
    EXPECT(0xfa, 0xab, 0x83);
    data(0xee);
    EXPECT(0xee);
    command(0x60), data(0x41);
    data(0xf2);
    EXPECT(0xfa, 0xab, 0x41); /* the answer is translated too */
    stop();
}

static int lamps;
static void show_lamps(void *opaque, u8 leds)
{
    lamps = leds;
}

TEST(leds_are_set_and_told)
{
    start(0x01);
    keyboard.leds_changed = show_lamps;
    data(0xed);
    CHECK_EQ(get(), 0xfa);
    data(0x06);
    CHECK_EQ(get(), 0xfa);
    CHECK_EQ(lamps, 6);
    stop();
}

TEST(unknown_command_asks_for_resend_and_resend_repeats)
{
    start(0x01);
    data(0xf1);
    EXPECT(0xfe);
    data(0xee);
    EXPECT(0xee);
    data(0xfe);
    EXPECT(0xee);
    stop();
}

TEST(scan_sets_can_be_chosen_and_asked_for)
{
    start(0x01);
    data(0xf0);
    CHECK_EQ(get(), 0xfa);
    data(0x03);
    EXPECT(0xfa);
    data(0xf0);
    CHECK_EQ(get(), 0xfa);
    data(0x00);
    EXPECT(0xfa, 0x03);
    stroke(0x1e);
    EXPECT(0x1c); /* default of set 3: typematic, no break */
    key(0x2a, true);
    key(0x2a, false);
    EXPECT(0x12, 0xf0, 0x12);
    data(0xfa);
    EXPECT(0xfa);
    stroke(0x1e);
    EXPECT(0x1c, 0xf0, 0x1c);
    data(0xf0);
    CHECK_EQ(get(), 0xfa);
    data(0x01);
    EXPECT(0xfa);
    stroke(KEY_E0 | 0x1c);
    EXPECT(0xe0, 0x1c, 0xe0, 0x9c);
    stop();
}

TEST(held_key_repeats_after_the_delay_at_the_rate)
{
    start(0x41);
    data(0xf3);
    CHECK_EQ(get(), 0xfa);
    data(0x00); /* 250 ms, 30 a second */
    CHECK_EQ(get(), 0xfa);
    key(0x1e, true);
    CHECK_EQ(get(), 0x1e);
    bench_wait(&bench, 240 * MS);
    CHECK(!(status() & 1));
    bench_wait(&bench, 15 * MS);
    CHECK_EQ(get(), 0x1e);
    int count = 0;
    for (int i = 0; i < 1000; i++) {
        bench_wait(&bench, MS);
        if (status() & 1)
            count += bench_in(&bench, 0x60) == 0x1e;
    }
    CHECK(count >= 29 && count <= 31);
    key(0x1e, false);
    EXPECT(0x9e);
    stop();
}

TEST(full_buffer_takes_whole_keys_and_then_the_overrun_code)
{
    start(0x11);
    const struct input_sink *sink = &bench.machine->input.keyboard;
    for (int i = 0; i < 20; i++) {
        sink->key(sink->opaque, 0x1e, true); /* three bytes each without translation */
        sink->key(sink->opaque, 0x1e, false);
    }
    command(0xae);
    int count = 0, byte, last = -1;
    while ((byte = get()) >= 0) {
        last = byte;
        count++;
    }
    CHECK_EQ(count, 17);
    CHECK_EQ(last, 0x00);
    stroke(0x1e);
    EXPECT(0x1c, 0xf0, 0x1c);
    stop();
}

TEST(keys_that_come_too_fast_wait_for_room)
{
    start(0x11);
    for (int i = 0; i < INPUT_WAITING / 2; i++)
        stroke(0x1e);
    command(0xae);
    for (int i = 0; i < INPUT_WAITING / 2; i++) {
        CHECK_EQ(get(), 0x1c);
        CHECK_EQ(get(), 0xf0);
        CHECK_EQ(get(), 0x1c);
    }
    CHECK_EQ(get(), -1);
    stop();
}

TEST(more_keys_than_can_wait_overrun_the_buffer)
{
    start(0x11);
    for (int i = 0; i < INPUT_WAITING; i++)
        stroke(0x1e);
    command(0xae);
    int strokes = 0, overruns = 0, byte;
    while ((byte = get()) >= 0) {
        strokes += byte == 0xf0;
        overruns += byte == 0x00;
    }
    CHECK(strokes < INPUT_WAITING);
    CHECK_EQ(overruns, 1);
    stop();
}

TEST(disabled_scanning_sends_no_keys)
{
    start(0x41);
    data(0xf5);
    CHECK_EQ(get(), 0xfa);
    stroke(0x1e);
    CHECK_EQ(get(), -1);
    data(0xf4);
    CHECK_EQ(get(), 0xfa);
    stroke(0x1e);
    EXPECT(0x1e, 0x9e);
    stop();
}

TEST(output_port_controls_a20_and_reads_it_back)
{
    start(0x00);
    CHECK(a20.on);
    command(0xd1);
    data(0xdd);
    CHECK(!a20.on);
    command(0xd0);
    CHECK_EQ(get() & 0x03, 0x01);
    command(0xdf);
    CHECK(a20.on);
    command(0xdd);
    CHECK(!a20.on);
    a20_set(&a20, true); /* port 92 */
    command(0xd0);
    CHECK_EQ(get() & 0x02, 0x02);
    CHECK_EQ(bench.machine->event, EVENT_NONE);
    stop();
}

TEST(reset_line_is_pulsed_by_fe_and_by_even_pulses)
{
    start(0x00);
    command(0xff);
    CHECK_EQ(bench.machine->event, EVENT_NONE);
    command(0xfe);
    CHECK_EQ(bench.machine->event, EVENT_RESET);
    bench.machine->event = EVENT_NONE;
    command(0xf0);
    CHECK_EQ(bench.machine->event, EVENT_RESET);
    bench.machine->event = EVENT_NONE;
    command(0xd1);
    data(0x02);
    CHECK_EQ(bench.machine->event, EVENT_RESET);
    stop();
}

TEST(d2_and_d3_put_bytes_into_the_output_buffer)
{
    start(0x03);
    command(0xd2);
    data(0x1e);
    CHECK_EQ(status() & 0x21, 0x01);
    CHECK(bench.level);
    CHECK_EQ(get(), 0x1e);
    command(0xd3);
    data(0x5a);
    CHECK_EQ(status() & 0x21, 0x21);
    CHECK(irq12_level);
    CHECK_EQ(get(), 0x5a);
    CHECK(!irq12_level);
    stop();
}

TEST(missing_device_times_out)
{
    start(0x00);
    kbc.mouse = NULL;
    to_mouse(0xff);
    CHECK_EQ(status() & 0x61, 0x61);
    CHECK_EQ(get(), 0xfe);
    CHECK_EQ(status() & 0x61, 0x00);
    stop();
}

TEST(mouse_reset_gives_self_test_and_id)
{
    start(0x02);
    to_mouse(0xff);
    EXPECT(0xfa, 0xaa, 0x00);
    CHECK_EQ(irq12_rises, 3);
    CHECK_EQ(bench.rises, 0);
    stop();
}

TEST(mouse_reports_movement_with_y_upwards)
{
    start(0x02);
    input_pointer(&bench.machine->input, 5, 5, 0, 0);
    CHECK_EQ(get(), -1); /* not enabled yet */
    to_mouse(0xf4);
    EXPECT(0xfa);
    input_pointer(&bench.machine->input, 10, 3, 0, 1);
    EXPECT(0x29, 10, 0xfd);
    input_pointer(&bench.machine->input, -1, -2, 0, 0);
    EXPECT(0x18, 0xff, 2);
    stop();
}

TEST(mouse_keeps_to_its_sample_rate_and_adds_movement_up)
{
    start(0x02);
    to_mouse(0xf4);
    EXPECT(0xfa);
    for (int i = 0; i < 4; i++)
        input_pointer(&bench.machine->input, 100, 0, 0, 0);
    CHECK_EQ(get(), 0x08);
    CHECK_EQ(get(), 100);
    CHECK_EQ(get(), 0);
    bench_wait(&bench, 20 * MS);
    CHECK_EQ(get(), 0x08);
    CHECK_EQ(get(), 255);
    CHECK_EQ(get(), 0);
    bench_wait(&bench, 20 * MS);
    EXPECT(0x08, 45, 0);
    stop();
}

/* Pressed and let go between two samples: the button's contacts closed, so the driver hears of it. */
TEST(mouse_loses_no_click)
{
    start(0x02);
    to_mouse(0xf4);
    EXPECT(0xfa);
    input_pointer(&bench.machine->input, 1, 0, 0, 0);
    input_pointer(&bench.machine->input, 2, 0, 0, 2);
    input_pointer(&bench.machine->input, 3, 0, 0, 0);
    EXPECT(0x08, 1, 0, 0x0a, 2, 0);
    bench_wait(&bench, 20 * MS);
    EXPECT(0x08, 3, 0);
    stop();
}

static void set_rate(u8 rate)
{
    to_mouse(0xf3);
    CHECK_EQ(get(), 0xfa);
    to_mouse(rate);
    CHECK_EQ(get(), 0xfa);
}

TEST(intellimouse_sequence_adds_the_wheel)
{
    start(0x02);
    set_rate(200), set_rate(100), set_rate(80);
    to_mouse(0xf2);
    EXPECT(0xfa, 0x03);
    to_mouse(0xf4);
    EXPECT(0xfa);
    input_pointer(&bench.machine->input, 0, 0, 1, 0); /* away from the user */
    EXPECT(0x08, 0, 0, 0xff);
    set_rate(200), set_rate(200), set_rate(80);
    to_mouse(0xf2);
    EXPECT(0xfa, 0x04);
    to_mouse(0xf4);
    EXPECT(0xfa);
    input_pointer(&bench.machine->input, 0, 0, -1, 0x08);
    EXPECT(0x08, 0, 0, 0x11);
    stop();
}

TEST(mouse_status_and_remote_mode)
{
    start(0x02);
    to_mouse(0xe8);
    CHECK_EQ(get(), 0xfa);
    to_mouse(0x03);
    CHECK_EQ(get(), 0xfa);
    to_mouse(0xe7);
    CHECK_EQ(get(), 0xfa);
    to_mouse(0xf0);
    CHECK_EQ(get(), 0xfa);
    to_mouse(0xe9);
    EXPECT(0xfa, 0x50, 3, 100);
    input_pointer(&bench.machine->input, 7, 0, 0, 0);
    CHECK_EQ(get(), -1);
    to_mouse(0xeb);
    EXPECT(0xfa, 0x08, 7, 0);
    stop();
}

TEST(mouse_and_keyboard_share_the_buffer)
{
    start(0x43);
    to_mouse(0xf4);
    EXPECT(0xfa);
    stroke(0x1e);
    input_pointer(&bench.machine->input, 1, 0, 0, 0);
    int keys = 0, mice = 0;
    for (int i = 0; i < 5; i++) {
        bench_wait(&bench, MS);
        CHECK(status() & 1);
        *(status() & 0x20 ? &mice : &keys) += 1;
        bench_in(&bench, 0x60);
    }
    CHECK_EQ(keys, 2);
    CHECK_EQ(mice, 3);
    stop();
}

UNIT_MAIN()
