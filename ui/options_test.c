#include <config.h>

#include "ui/options.h"

#include "tests/unit.h"

static struct options options;
static struct error err;

static int parse(const char *line)
{
    static char copy[2000];
    char *argv[64] = {"clutch"}, *save = NULL;
    int argc = 1;
    options_free(&options);
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
        argv[argc++] = word;
    err.text[0] = '\0';
    int r = options_parse(&options, argc, argv, &err);
    CHECK(!strchr(err.text, '\n'));
    CHECK_EQ(r < 0, err.text[0] != '\0');
    return r;
}

#define CONFIG options.machine
/* Refused, and the line says so. */
#define REFUSES(line, words)                                                                                           \
    do {                                                                                                               \
        CHECK(parse(line) < 0);                                                                                        \
        if (!strstr(err.text, words))                                                                                  \
            printf("%s: '%s'\n", line, err.text);                                                                      \
        CHECK(strstr(err.text, words) != NULL);                                                                        \
    } while (0)

/* The tests decide whether there is a desktop. */
__attribute__((constructor)) static void no_desktop(void)
{
    unsetenv("DISPLAY");
    unsetenv("WAYLAND_DISPLAY");
}

TEST(no_options_give_the_default_machine)
{
    CHECK_EQ(parse(""), 0);
    CHECK_EQ(CONFIG.ram_size, 128 << 20);
    CHECK_EQ(CONFIG.machine, MACHINE_PC);
    CHECK_EQ(CONFIG.icount_shift, -1);
    CHECK_EQ(CONFIG.debugcon_port, 0x402);
    CHECK(options.terminal_by_default);
}

TEST(memory_takes_units_and_defaults_to_mib)
{
    CHECK_EQ(parse("-m 64"), 0);
    CHECK_EQ(CONFIG.ram_size, 64ull << 20);
    CHECK_EQ(parse("-m 64M"), 0);
    CHECK_EQ(CONFIG.ram_size, 64ull << 20);
    CHECK_EQ(parse("-m 1G"), 0);
    CHECK_EQ(CONFIG.ram_size, 1ull << 30);
    CHECK_EQ(parse("-m 2048k"), 0);
    CHECK_EQ(CONFIG.ram_size, 2ull << 20);
    CHECK_EQ(parse("-m size=1.5G"), 0);
    CHECK_EQ(CONFIG.ram_size, 3ull << 29);
}

TEST(memory_out_of_bounds_is_refused)
{
    REFUSES("-m 0", "at least 1M");
    REFUSES("-m 512K", "at least 1M");
    REFUSES("-m 9999T", "at most");
    REFUSES("-m 4G -M isapc", "at most 3584M");
    REFUSES("-m lots", "not a size");
    REFUSES("-m -1", "not a size");
    REFUSES("-m 64X", "not a size");
    REFUSES("-m inf", "not a size");
    REFUSES("-m nan", "not a size");
    REFUSES("-m 1e300", "not a size");
    REFUSES("-m", "needs a value");
}

TEST(video_memory_is_a_power_of_two)
{
    CHECK_EQ(parse("-global VGA.vgamem_mb=32"), 0);
    CHECK_EQ(CONFIG.vga_memory, 32 << 20);
    CHECK_EQ(parse("-global cirrus-vga.vgamem_mb=2"), 0);
    CHECK_EQ(CONFIG.cirrus_memory, 2 << 20);
    REFUSES("-global cirrus-vga.vgamem_mb=3", "1, 2 or 4");
    REFUSES("-global VGA.vgamem_mb=24", "1, 2, 4, 8");
    REFUSES("-global VGA.vgamem_mb=0", "1, 2, 4, 8");
    REFUSES("-global VGA.vgamem_mb=512", "vgamem_mb");
}

TEST(both_spellings_of_an_option_work)
{
    CHECK_EQ(parse("--kernel vmlinuz --append quiet"), 0);
    CHECK(!strcmp(CONFIG.kernel, "vmlinuz"));
    CHECK(!strcmp(CONFIG.append, "quiet"));
}

TEST(unknown_options_name_the_nearest)
{
    REFUSES("-kernle x", "-kernel");
    REFUSES("-nograpic", "-nographic");
    REFUSES("--xyzzyplugh", "-help");
}

TEST(options_of_later_versions_are_refused)
{
    REFUSES("-smp 2", "not available yet");
    REFUSES("-device e1000", "not available yet");
}

TEST(engines_are_listed_in_order_of_preference)
{
    CHECK_EQ(parse("-accel kvm -accel tcg"), 0);
    CHECK_EQ(CONFIG.accel_count, 2);
    CHECK_EQ(CONFIG.accels[0], ACCEL_KVM);
    CHECK_EQ(CONFIG.accels[1], ACCEL_INTERP);
    CHECK_EQ(parse("-M pc,accel=kvm:tcg"), 0);
    CHECK_EQ(CONFIG.accels[0], ACCEL_KVM);
    CHECK_EQ(CONFIG.accels[1], ACCEL_INTERP);
}

TEST(an_engine_named_twice_counts_once_at_its_first_place)
{
    CHECK_EQ(parse("-accel kvm -accel interp -accel kvm,stats=on -accel tcg -enable-kvm -accel auto"), 0);
    CHECK_EQ(CONFIG.accel_count, 3);
    CHECK_EQ(CONFIG.accels[0], ACCEL_KVM);
    CHECK_EQ(CONFIG.accels[1], ACCEL_INTERP);
    CHECK_EQ(CONFIG.accels[2], ACCEL_AUTO);
    CHECK(CONFIG.accel_stats);
}

TEST(settings_of_engines_hold_whichever_engine_they_stand_behind)
{
    CHECK_EQ(parse("-accel interp,modes=all,stats -accel kvm"), 0);
    CHECK(CONFIG.kvm_all_modes && CONFIG.accel_stats && !CONFIG.accel_stats_file);
    CHECK_EQ(parse("-accel kvm,stats=file:a,,b,modes=safe"), 0);
    CHECK(CONFIG.accel_stats && !strcmp(CONFIG.accel_stats_file, "a,b"));
    CHECK_EQ(parse("-accel kvm,stats=on,stats=off"), 0);
    CHECK(!CONFIG.accel_stats);
    CHECK_EQ(parse("-accel kvm,kernel-irqchip=off -accel tcg,thread=single"), 0);
}

TEST(wrong_engines_and_settings_are_refused_with_advice)
{
    static char *empty[] = {"clutch", "-accel", ""};
    options_free(&options);
    CHECK(options_parse(&options, 3, empty, &err) < 0 && strstr(err.text, "which engine"));
    REFUSES("-accel kvn", "did you mean 'kvm'");
    REFUSES("-accel KVM", "did you mean 'kvm'");
    REFUSES("-accel hvf", "no such engine");
    REFUSES("-accel ,kvm", "which engine");
    REFUSES("-accel kvm,", "comma");
    REFUSES("-accel auto:kvm", "-accel auto -accel kvm");
    REFUSES("-accel kvm,interp", "-accel kvm -accel interp");
    REFUSES("-accel kvm,foo", "there are stats=");
    REFUSES("-accel kvm,stast=on", "did you mean 'stats'");
    REFUSES("-accel kvm,stats=maybe", "write on");
    REFUSES("-accel kvm,stats=file:", "write on");
    REFUSES("-accel kvm,modes", "write safe");
    REFUSES("-accel kvm,step=3", "lockstep's");
    REFUSES("-accel kvm,kernel-irqchip=split", "kernel-irqchip=off");
    REFUSES("-accel lockstep", "-accel lockstep=interp:kvm");
    REFUSES("-accel lockstep=interp:kvm -accel kvm", "leave out");
    REFUSES("-accel kvm -accel lockstep=interp:kvm", "leave out");
    REFUSES("-M pc,accel=kvm:", "which engine");
    REFUSES("-M pc,accel=", "which engine");
}

TEST(machine_names_are_checked)
{
    CHECK_EQ(parse("-M isapc"), 0);
    CHECK_EQ(CONFIG.machine, MACHINE_ISAPC);
    CHECK_EQ(parse("-M pc,hpet=off"), 0);
    CHECK(CONFIG.no_hpet);
    CHECK_EQ(parse("-M pc,hpet=on"), 0);
    CHECK(!CONFIG.no_hpet);
    CHECK_EQ(parse("-no-hpet"), 0);
    CHECK(CONFIG.no_hpet);
    CHECK_EQ(parse("-machine pc-i440fx-7.2,usb=off"), 0);
    REFUSES("-M q35", "i440FX");
    REFUSES("-M ispac", "isapc");
    REFUSES("-M pc,acel=tcg", "accel");
}

TEST(cpu_models_are_checked)
{
    CHECK_EQ(parse("-cpu qemu32,-apic,+sse2"), 0);
    CHECK(!strcmp(CONFIG.cpu_model, "qemu32"));
    CHECK(!strcmp(CONFIG.cpu_features, "-apic,+sse2"));
    REFUSES("-cpu pentuim", "pentium");
    CHECK_EQ(parse("-cpu help"), 0);
    CHECK_EQ(options.help, HELP_CPUS);
}

TEST(drives_find_their_places)
{
    CHECK_EQ(parse("-hda a.img -drive file=b.img,format=raw,index=2,snapshot=on -drive file=c.img"), 0);
    CHECK_EQ(CONFIG.drive_count, 3);
    CHECK_EQ(CONFIG.drives[0].index, 0);
    CHECK(!CONFIG.drives[0].snapshot);
    CHECK_EQ(CONFIG.drives[1].index, 2);
    CHECK(CONFIG.drives[1].snapshot);
    CHECK_EQ(CONFIG.drives[2].index, 1);
    CHECK_EQ(parse("disk.img"), 0);
    CHECK(!strcmp(CONFIG.drives[0].file, "disk.img"));
}

TEST(a_double_comma_is_a_comma_in_a_file_name)
{
    CHECK_EQ(parse("-drive file=a,,b=c.img,if=ide"), 0);
    CHECK(!strcmp(CONFIG.drives[0].file, "a,b=c.img"));
}

TEST(malformed_drives_are_refused)
{
    REFUSES("-drive fiel=x", "'file'");
    REFUSES("-drive file=x,format=rwa", "'raw'");
    REFUSES("-drive file=x,if=virtio", "not available yet");
    REFUSES("-drive file=x,index=4", "index");
    REFUSES("-drive file=x,snapshot=maybe", "snapshot");
    REFUSES("-drive format=raw", "file= is missing");
    REFUSES("-hda a -hda b", "taken");
    REFUSES("-hda a -hdb b -hdc c -hdd d -drive file=e", "taken");
}

TEST(there_is_one_monitor)
{
    CHECK_EQ(parse("-monitor none -monitor stdio"), 0);
    CHECK(!strcmp(CONFIG.monitor, "stdio"));
    REFUSES("-monitor unix:a -monitor unix:b", "unix:a already");
}

TEST(boot_takes_letters_old_and_new)
{
    CHECK_EQ(parse("-boot d"), 0);
    CHECK(!strcmp(CONFIG.boot_order, "d"));
    CHECK_EQ(parse("-boot order=cad,once=d,menu=on"), 0);
    CHECK(!strcmp(CONFIG.boot_order, "cad"));
    CHECK(!strcmp(CONFIG.boot_once, "d"));
    CHECK(CONFIG.boot_menu);
    REFUSES("-boot x", "no boot device");
    REFUSES("-boot cc", "twice");
    REFUSES("-boot order=cadncadncadn", "too long");
    CHECK_EQ(parse("-boot c,menu=on,splash-time=5000,reboot-timeout=100"), 0);
    CHECK_EQ(CONFIG.boot_menu_wait, 5000);
    CHECK(CONFIG.boot_menu_wait_given);
    CHECK_EQ(CONFIG.boot_retry_wait, 100);
    CHECK_EQ(parse("-boot d"), 0);
    CHECK_EQ(CONFIG.boot_retry_wait, 0xffffffff); /* never */
    CHECK(!CONFIG.boot_menu_wait_given);
    REFUSES("-boot splash-time=100000", "splash-time");
    REFUSES("-boot strict=on,once=d", "once");
    REFUSES("-M isapc -boot c,strict=on", "isapc");
}

TEST(rtc_takes_a_date)
{
    CHECK_EQ(parse("-rtc base=2000-01-01T00:00:00,clock=vm"), 0);
    CHECK_EQ(CONFIG.rtc_base, RTC_DATE);
    CHECK_EQ(CONFIG.rtc_date, 946684800);
    CHECK_EQ(CONFIG.rtc_clock, RTC_CLOCK_VM);
    CHECK_EQ(parse("-rtc base=2000-01-01"), 0);
    CHECK_EQ(CONFIG.rtc_date, 946684800);
    REFUSES("-rtc base=yesterday", "utc");
}

TEST(the_clock_is_the_hosts_unless_runs_shall_repeat)
{
    CHECK_EQ(parse("-rtc base=utc"), 0);
    CHECK_EQ(CONFIG.rtc_clock, RTC_CLOCK_DEFAULT);
    CHECK_EQ(parse("-rtc clock=host"), 0);
    CHECK_EQ(CONFIG.rtc_clock, RTC_CLOCK_HOST);
    CHECK_EQ(parse("-rtc clock=rt"), 0);
    CHECK_EQ(CONFIG.rtc_clock, RTC_CLOCK_RT);
    CHECK_EQ(parse("-icount 1 -rtc clock=vm"), 0);
    REFUSES("-icount 1 -rtc clock=host", "clock=vm");
    REFUSES("-rtc clock=rt -icount 1", "clock=vm");
    REFUSES("-rtc clock=hots", "'host'");
}

TEST(icount_takes_a_shift)
{
    CHECK_EQ(parse("-icount shift=3,sleep=off"), 0);
    CHECK_EQ(CONFIG.icount_shift, 3);
    CHECK(!CONFIG.icount_sleep);
    CHECK_EQ(parse("-icount 7"), 0);
    CHECK_EQ(CONFIG.icount_shift, 7);
    REFUSES("-icount shift=99", "number");
}

TEST(debug_exit_takes_its_port)
{
    CHECK_EQ(parse("-device isa-debug-exit,iobase=0xf4,iosize=0x04"), 0);
    CHECK(CONFIG.debug_exit);
    CHECK_EQ(CONFIG.debug_exit_port, 0xf4);
    CHECK_EQ(CONFIG.debug_exit_size, 4);
    CHECK_EQ(parse("-device isa-debug-exit"), 0);
    CHECK_EQ(CONFIG.debug_exit_port, 0x501);
    CHECK_EQ(CONFIG.debug_exit_size, 2);
    REFUSES("-device isa-debug-exit,iobase=0x10000", "number");
    REFUSES("-device isa-debug-exit,iosize=3", "1, 2 or 4");
    REFUSES("-device isa-debug-exti", "isa-debug-exit");
}

TEST(sound_cards_take_their_resources)
{
    CHECK_EQ(parse("-device sb16"), 0);
    CHECK_EQ(CONFIG.sound_count, 1);
    CHECK_EQ(CONFIG.sounds[0].card, SOUND_SB16);
    CHECK_EQ(CONFIG.sounds[0].port, 0x220);
    CHECK_EQ(CONFIG.sounds[0].irq, 5);
    CHECK_EQ(parse("-audiodev wav,id=a,path=x -device sb16,audiodev=a,iobase=0x240,irq=2,dma=3,dma16=7 -device mpu401,midi=null"), 0);
    CHECK_EQ(CONFIG.sounds[0].port, 0x240);
    CHECK_EQ(CONFIG.sounds[0].irq, 9);
    CHECK_EQ(CONFIG.sounds[0].dma16, 7);
    CHECK(!strcmp(CONFIG.sounds[1].midi, "null"));
    REFUSES("-device sb16,irq=3", "5, 7, 9 or 10");
    REFUSES("-device sb16,iobase=0x230", "0x220");
    REFUSES("-device sb16,dma=2", "0, 1 or 3");
    REFUSES("-device sb16,dma16=4", "5, 6 or 7");
    REFUSES("-device adlib,irq=3", "unknown key");
    REFUSES("-device iobase=1,sb16", "comes first");
    REFUSES("-device sb16 -device sb16", "there can be one");
}

TEST(nographic_puts_serial_port_and_monitor_on_the_terminal)
{
    CHECK_EQ(parse("-nographic"), 0);
    CHECK(!strcmp(CONFIG.serial[0], "mon:stdio"));
    CHECK(!CONFIG.monitor);
    CHECK_EQ(parse("-nographic -monitor none"), 0);
    CHECK(!strcmp(CONFIG.serial[0], "stdio"));
    CHECK_EQ(parse("-nographic -serial null"), 0);
    CHECK(!strcmp(CONFIG.serial[0], "null"));
    CHECK(!strcmp(CONFIG.monitor, "stdio"));
}

TEST(gdb_is_told_where)
{
    CHECK_EQ(parse("-hda x"), 0);
    CHECK(!options.gdb);
    CHECK_EQ(parse("-s -S"), 0);
    CHECK(!strcmp(options.gdb, "tcp::1234"));
    CHECK(CONFIG.start_stopped);
    CHECK_EQ(parse("-s -gdb unix:x"), 0);
    CHECK(!strcmp(options.gdb, "unix:x"));
    CHECK_EQ(parse("-gdb stdio"), 0); /* the terminal is gdb's */
    CHECK(!options.terminal_by_default);
    REFUSES("-gdb stdio -serial stdio", "-gdb");
    REFUSES("-gdb stdio -nographic", "-gdb");
    REFUSES("-gdb stdio -display curses", "-gdb");
    REFUSES("-gdb", "needs a value");
}
TEST(without_a_window_but_with_a_serial_port_the_terminal_is_left_alone)
{
    CHECK_EQ(parse("-display none"), 0);
    CHECK(!strcmp(CONFIG.serial[0], "null"));
    CHECK(!options.terminal_by_default);
    CHECK_EQ(parse("-serial file:x -serial null"), 0);
    CHECK(!strcmp(CONFIG.serial[0], "file:x"));
    CHECK(!strcmp(CONFIG.serial[1], "null"));
    CHECK(!options.terminal_by_default);
    REFUSES("-serial a -serial b -serial c -serial d -serial e", "at most 4");
}

TEST(kernel_options_need_a_kernel)
{
    REFUSES("-append quiet", "-kernel");
    REFUSES("-initrd x", "-kernel");
}

TEST(fw_cfg_takes_a_file_or_a_text)
{
    CHECK_EQ(parse("-fw_cfg name=opt/a,string=hello -fw_cfg opt/b,file=x"), 0);
    CHECK_EQ(CONFIG.fw_cfg_count, 2);
    CHECK(!strcmp(CONFIG.fw_cfg[0].text, "hello"));
    CHECK(!strcmp(CONFIG.fw_cfg[1].name, "opt/b"));
    REFUSES("-fw_cfg name=opt/a", "string=TEXT");
    REFUSES("-fw_cfg name=opt/a,string=x,file=y", "string=TEXT");
}

TEST(help_wins_over_what_follows)
{
    CHECK_EQ(parse("-help -nonsense"), 0);
    CHECK_EQ(options.help, HELP_OPTIONS);
    CHECK_EQ(parse("-M help"), 0);
    CHECK_EQ(options.help, HELP_MACHINES);
    CHECK_EQ(parse("-d help"), 0);
    CHECK_EQ(options.help, HELP_TRACE);
    CHECK_EQ(parse("--version"), 0);
    CHECK_EQ(options.help, HELP_VERSION);
}

TEST(a_desktop_brings_a_window)
{
    setenv("DISPLAY", ":0", 1);
    CHECK_EQ(parse(""), 0);
    CHECK_EQ(CONFIG.display, CONFIG_SDL ? DISPLAY_SDL : DISPLAY_NONE);
    CHECK_EQ(options.terminal_by_default, !CONFIG_SDL);
    CHECK_EQ(CONFIG.audiodev && !strcmp(CONFIG.audiodev, "sdl"), CONFIG_SDL);
    CHECK_EQ(parse("-audiodev none"), 0);
    CHECK(!strcmp(CONFIG.audiodev, "none"));
    CHECK_EQ(parse("-display none"), 0);
    CHECK(!CONFIG.audiodev);
    CHECK_EQ(CONFIG.display, DISPLAY_NONE);
    CHECK_EQ(parse("-nographic"), 0);
    CHECK(CONFIG.display != DISPLAY_SDL);
    setenv("DISPLAY", "", 1);
    CHECK_EQ(parse("-hda x"), 0);
    CHECK_EQ(CONFIG.display, DISPLAY_NONE);
    unsetenv("DISPLAY");
}

TEST(options_of_the_window)
{
    CHECK_EQ(parse("-full-screen -no-confirm -k de -joystick none"), 0);
    CHECK(options.full_screen && options.no_confirm && options.no_joystick);
    CHECK(!strcmp(options.layout, "de"));
    REFUSES("-k klingon", "klingon");
    REFUSES("-smbios serial=1", "type=1");
    REFUSES("-smbios type=0,vendor=x", "type=0");
    REFUSES("-joystick maybe", "maybe");
    if (!CONFIG_SDL) {
        REFUSES("-display sdl", "SDL2");
        return;
    }
    CHECK_EQ(parse("-display sdl,full-screen=on"), 0);
    CHECK(options.full_screen);
    REFUSES("-display sdl,frame=off", "full-screen");
}

TEST(a_terminal_screen_has_the_terminal_for_itself)
{
    CHECK_EQ(parse("-display curses -serial pty -monitor pty -hda x"), 0);
    CHECK_EQ(CONFIG.display, DISPLAY_CURSES);
    CHECK(!options.terminal_by_default);
    CHECK_EQ(parse("-display curses"), 0);
    CHECK(!CONFIG.serial[0] || strcmp(CONFIG.serial[0], "mon:stdio"));
    CHECK_EQ(parse("-display curses -d int -D x"), 0);
    REFUSES("-display curses -serial stdio", "-serial");
    REFUSES("-display curses -serial null -serial mon:stdio", "-serial");
    REFUSES("-display curses -monitor stdio", "-monitor");
    REFUSES("-display curses -debugcon stdio", "-debugcon");
    REFUSES("-display curses -device mpu401,midi=stdio", "midi");
    REFUSES("-display curses -nographic", "-nographic");
    REFUSES("-display curses -d int", "-D");
    REFUSES("-display curses,lines=50", "settings");
}

int main(void)
{
    int failed = unit_run();
    options_free(&options);
    return failed;
}
