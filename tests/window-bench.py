#!/usr/bin/env python3
"""Frames per second and host CPU of the window, beside QEMU's SDL window, with build/roms/busy-screen.bin as the guest.

By hand, from the project's root: python3 tests/window-bench.py [SECONDS] [VARIABLE=VALUE for the programs]...
Wants Xvfb, openbox, xdotool, cc; qemu-system-i386 with its SDL module for the other side.  Frames are counted where the programs
present them (a preloaded library), CPU is that of all threads of the program, and of the X server, in per cent of one core.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

COUNTER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
static unsigned count;
static void tick(void)
{
    FILE *file = fopen(getenv("FRAMES_FILE"), "w");
    if (file) {
        fprintf(file, "%u\n", ++count);
        fclose(file);
    }
}
static void *real(const char *name)
{
    void *f = dlsym(RTLD_NEXT, name);
    return f ? f : dlsym(dlopen("libSDL2-2.0.so.0", RTLD_LAZY), name);
}
void SDL_RenderPresent(void *renderer)
{
    tick();
    ((void (*)(void *))real("SDL_RenderPresent"))(renderer);
}
int SDL_UpdateWindowSurface(void *window)
{
    tick();
    return ((int (*)(void *))real("SDL_UpdateWindowSurface"))(window);
}
void SDL_GL_SwapWindow(void *window)
{
    tick();
    ((void (*)(void *))real("SDL_GL_SwapWindow"))(window);
}
"""


def cpu_ticks(pid):
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        fields = open(f"/proc/{pid}/task/{thread}/stat").read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total


def frames(path):
    """The program may be writing it just now."""
    for _ in range(100):
        try:
            return int(open(path).read())
        except (OSError, ValueError):
            time.sleep(0.002)
    return 0


def measure(name, title, command, env, server, seconds, work):
    env = dict(env, FRAMES_FILE=f"{work}/frames", LD_PRELOAD=f"{work}/counter.so")
    program = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(6)
        search = ["xdotool", "search", "--onlyvisible", "--name", title]
        window = subprocess.run(search, env=env, capture_output=True, text=True).stdout.split()[-1]
        subprocess.run(["xdotool", "windowfocus", "--sync", window], env=env)
        for key, screen in (("1", "idle text"), ("2", "mode 13h"), ("3", "1024x768x32")):
            subprocess.run(["xdotool", "key", "--delay", "60", key], env=env)
            time.sleep(3)
            before = cpu_ticks(program.pid), cpu_ticks(server.pid), frames(env["FRAMES_FILE"]), time.time()
            time.sleep(seconds)
            after = cpu_ticks(program.pid), cpu_ticks(server.pid), frames(env["FRAMES_FILE"]), time.time()
            passed = after[3] - before[3]
            hertz = os.sysconf("SC_CLK_TCK") / 100
            own, x, shown = ((after[i] - before[i]) / passed for i in range(3))
            print(f"{name:7} {screen:12} {shown:5.1f} fps  {own / hertz:5.1f} % CPU  {x / hertz:4.1f} % X server", flush=True)
    finally:
        program.terminate()
        program.wait()


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 8
    disk = os.path.join(os.environ.get("O", "build"), "roms/busy-screen.bin")
    clutch = os.environ.get("CLUTCH", "./clutch")
    with tempfile.TemporaryDirectory() as work:
        open(f"{work}/counter.c", "w").write(COUNTER)
        subprocess.run(["cc", "-w", "-shared", "-fPIC", "-o", f"{work}/counter.so", f"{work}/counter.c", "-ldl"], check=True)
        read_end, write_end = os.pipe()
        server = subprocess.Popen(["Xvfb", "-displayfd", str(write_end), "-screen", "0", "1280x1024x24", "-noreset"],
                                  pass_fds=[write_end], stderr=subprocess.DEVNULL)
        display = ":" + os.read(read_end, 16).decode().strip()
        env = dict(os.environ, DISPLAY=display, SDL_AUDIODRIVER="dummy", SDL_VIDEODRIVER="x11")
        manager = subprocess.Popen(["openbox"], env=env, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        env.update(argument.split("=", 1) for argument in sys.argv[2:])
        try:
            time.sleep(2)
            common = ["-display", "sdl", "-hda", disk, "-snapshot"]
            measure("Clutch", "Clutch", [clutch, "-accel", "interp", "-no-confirm"] + common, env, server, seconds, work)
            if shutil.which("qemu-system-i386"):
                measure("QEMU", "QEMU", ["qemu-system-i386", "-accel", "tcg"] + common, env, server, seconds, work)
        finally:
            manager.terminate()
            server.terminate()


main()
