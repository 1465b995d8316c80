#!/bin/sh
# The window: real keys and mouse movements (xdotool) in a virtual X server, and what the guest and the screen make of them.
# Wants Xvfb, xdotool and ImageMagick; a window manager (openbox) for full screen and closing, xclip for pasting, Xlib for drops.
. "$(dirname "$0")/common.sh"
build_expect
socket=$work/monitor
helper=$work/x.sh
guests=../shared/testdata/guests

for tool in Xvfb xdotool import; do
    command -v $tool >/dev/null || { why="no $tool" && skip "the window" && finish; }
done
grep -q 'CONFIG_SDL 1' "$O/config.h" || { why="built without SDL2" && skip "the window" && finish; }

rm -f "$work"/display "$work"/*.png "$work"/*.ppm
Xvfb -displayfd 3 -screen 0 1024x800x24 -noreset 3>"$work/display" >"$work/xvfb.log" 2>&1 &
server=$! manager=
trap 'kill $manager $server 2>/dev/null' EXIT
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -s "$work/display" ] || sleep 0.5; done
DISPLAY=:$(cat "$work/display")
export DISPLAY SDL_AUDIODRIVER=dummy
[ -z "$SANITIZE" ] || export ASAN_OPTIONS=detect_leaks=0 # those of SDL's D-Bus and OpenGL libraries
if command -v openbox >/dev/null; then # without the keys that it takes by default
    cat >"$work/rc.xml" <<END
<openbox_config xmlns="http://openbox.org/3.4/rc"><keyboard>
<keybind key="C-A-k"><action name="Close"/></keybind></keyboard></openbox_config>
END
    openbox --config-file "$(cd "$work" && pwd)/rc.xml" >"$work/openbox.log" 2>&1 &
    manager=$!
    sleep $((1 + SLOWER)) # a window that comes while the manager starts is never shown
fi

# What scripts run: each waits until it holds, for twenty seconds.
cat >"$helper" <<END
set -u
win() { xdotool search --onlyvisible --name Clutch 2>/dev/null | tail -n 1; }
# The bytes that the keyboard controller gave the guest, acknowledgements left out.
bytes() { sed -n 's/.*output buffer = \\(..\\)\$/\\1/p' "$work/trace" | grep -v fa | tr '\\n' ' '; }
aux() { sed -n 's/.*output buffer = \\(..\\) (aux)\$/\\1/p' "$work/trace" | tr '\\n' ' '; }
holds() {
    case \$1 in
    window) [ -n "\$(win)" ] ;;
    focused) [ -z "$manager" ] || [ "\$(xdotool getwindowfocus)" = "\$(win)" ] ;;
    title) xdotool getwindowname "\$(win)" | grep -q -e "\$2" ;;
    untitled) ! xdotool getwindowname "\$(win)" | grep -q -e "\$2" ;;
    size) xdotool getwindowgeometry "\$(win)" | grep -q "Geometry: \$2\\\$" ;;
    bytes) [ "\$(bytes)" = "\$(cat "\$2")" ] ;;
    ends) bytes | grep -q "\$2 \\\$" ;;
    aux) aux | grep -q "\$2" ;;
    booted) grep -Eq 'Booting from 0000:7c00|No bootable device' "$work/bios" && sleep 1 ;; # and what was booted drew
    shot) ls clutch-*.png >/dev/null 2>&1 && mv clutch-*.png "$work" ;;
    shots) [ "\$(ls clutch-*.png 2>/dev/null | wc -l)" = 2 ] && mv clutch-*.png "$work" ;;
    file) grep -q "\$3" "\$2" ;;
    same) # the picture in the window is the one in a file: at its original size
        rm -f "$work/window.ppm"
        import -window "\$(win)" "$work/window.png" &&
            convert "$work/window.png" -crop "\$3+0+0" +repage -depth 8 "$work/window.ppm" &&
            cmp -s "$work/window.ppm" "\$2" ;;
    esac
}
for _ in \$(seq $((100 * SLOWER))); do
    holds "\$@" && exit 0
    sleep 0.2
done
echo "never: \$*"
case \$1 in
title | untitled) xdotool getwindowname "\$(win)" ;;
size) xdotool getwindowgeometry "\$(win)" ;;
bytes | ends) bytes ;;
aux) aux ;;
esac
exit 1
END
until_() { echo "run sh $helper $*"; }

clutch() { echo "$CLUTCH -display sdl -joystick none -monitor unix:$socket,server,nowait -debugcon file:$work/bios"; }

# window NAME OPTION... <SCRIPT: a conversation with a machine in a window; "until ..." waits for what the helper knows,
# "keys K..." presses keys, "x ..." is xdotool.
window() {
    label=$1
    shift
    rm -f "$work/trace" "$work/bios" "$socket"
    sed -e "s|^until |run sh $helper |" -e "s|^keys |run sh $helper focused \&\& xdotool key --delay 60 |" -e 's|^x |run xdotool |' >"$work/talk"
    # shellcheck disable=SC2046
    converse "$label" -m "$socket" $(clutch) "$@" <"$work/talk"
}

if DISPLAY=:54321 within 20 "$CLUTCH" -display sdl -audiodev none 2>"$work/stderr" ||
    ! grep -q 'clutch: no window: .*:54321' "$work/stderr"; then
    fail "a display that does not answer is told"
else
    ok "a display that does not answer is told"
fi

# --- every key ------------------------------------------------------------------------------------------------------

# A PC's keys 01-53h and 56-58h have the X server's key codes 8 higher (evdev); others as listed: code, bytes of set 1.
plain='02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e 1f 20 21 22 23 24 25 26 27
28 29 2a 2b 2c 2d 2e 2f 30 31 32 33 34 35 36 37 38 39 3b 3c 3d 3e 3f 40 41 42 43 44 46 47 48 49 4a 4b 4c 4d 4e 4f 50 51
52 53 56 57 58'
codes='' want=''
for code in $plain; do
    codes="$codes $((0x$code + 8))"
    want="$want$code $(printf %02x $((0x$code | 0x80))) "
done
while read -r code bytes; do
    codes="$codes $code" want="$want$bytes "
done <<END
104 e0 1c e0 9c
105 e0 1d e0 9d
106 e0 35 e0 b5
107 e0 2a e0 37 e0 b7 e0 aa
108 e0 38 e0 b8
110 e0 47 e0 c7
111 e0 48 e0 c8
112 e0 49 e0 c9
113 e0 4b e0 cb
114 e0 4d e0 cd
115 e0 4f e0 cf
116 e0 50 e0 d0
117 e0 51 e0 d1
118 e0 52 e0 d2
119 e0 53 e0 d3
127 e1 1d 45 e1 9d c5
133 e0 5b e0 db
134 e0 5c e0 dc
135 e0 5d e0 dd
END
printf %s "$want" >"$work/want"

# SeaBIOS without a disk reads keys and does nothing with them.
window "every key reaches the guest with its scan code" -d kbd -D "$work/trace" <<END
timeout 60
until window
until title Clutch
until booted
monitor logfile $work/trace
ask info status => running
run xdotool key --delay 40 $codes
until bytes $work/want
monitor quit
status 0
END

window "mouse: grab, movement, release; keys are let go with the focus" -d kbd -D "$work/trace" <<END
timeout 60
until window
until booted
monitor o 0x64 0x60
monitor o 0x60 0x47
monitor o 0x64 0xd4
monitor o 0x60 0xf4
sleep 0.3
monitor i 0x60
x mousemove 500 400 click 1
until title releases the mouse
sleep 0.5
x mousemove_relative 10 5
until aux '28 0a fb'
x click 3
until aux '0a 00 00 08 00 00'
keys ctrl+alt+g
until untitled releases the mouse
until ends '9d b8'
x keydown a
until ends 1e
$(if [ -n "$manager" ]; then
    printf '%s\n' 'run xdotool windowminimize $(xdotool search --onlyvisible --name Clutch | tail -n 1)' 'until ends 9e'
fi)
x keyup a
monitor quit
status 0
END

rm -f "$work/serial"
window "a guest with a driver gets positions without a grab" -hda "$O/roms/pointer-test.bin" -snapshot \
    -serial "file:$work/serial" <<END
timeout 60
until window
until file $work/serial ready
x mousemove 10 10 mousemove 500 400
until file $work/serial '^0000'
x click 1
until file $work/serial '^00000020'
until untitled releases the mouse
monitor quit
status 0
END

# --- the window itself ----------------------------------------------------------------------------------------------

# Which engine is there beside the interpreter?
other=$(echo 'quit' | within 20 "$CLUTCH" -display none -monitor stdio -S -accel kvm >/dev/null 2>&1 && echo kvm || echo interp)

window "the picture, the menu, pause, the gear lever, the status line" -hda "$O/roms/demo.bin" -snapshot <<END
timeout 60
until window
until booted
keys ctrl+alt+a
monitor stop
until title paused
monitor screendump $work/guest.ppm
sleep 1
until same $work/guest.ppm 720x400
keys ctrl+alt+p
ask info status => running
keys ctrl+alt+m
sleep 0.5
keys Return
ask info status => paused
keys ctrl+alt+p
ask info status => running
keys ctrl+alt+e
ask info accel => engine: $other
until title $other
monitor accel interp
until title interp
keys ctrl+alt+b
until size 720x400
monitor quit
status 0
END

mkdir -p "$work/files"
cp "$O/roms/demo.bin" "$work/files/other.img"
window "out of the drive and in again by the menu" -drive if=floppy,file="$work/files/other.img" -snapshot <<END
timeout 60
until window
until booted
keys ctrl+alt+m Down Down Down Down Right Down Return
ask info block => floppy0: empty
keys Escape
keys ctrl+alt+m Down Down Down Down Right Return
sleep 0.5
keys End Return
ask info block => $(cd "$work" && pwd)/files/other.img
monitor quit
status 0
END

# Dropped: a file that the one floppy drive takes, one for which two CD drives offer themselves, one that is neither.
if echo '#include <X11/Xlib.h>' | $CC -E - >/dev/null 2>&1 && $CC -std=gnu17 -O1 -o "$work/xdnd" tests/xdnd.c -lX11; then
    files=$(cd "$work" && pwd)/files
    cp "$O/roms/demo.bin" "$files/another disk.img"
    truncate -s 100k "$files/disc.img"
    printf CD001 | dd of="$files/disc.img" bs=1 seek=32769 conv=notrunc status=none
    truncate -s 5M "$files/neither.img"
    drop() { echo "run $work/xdnd \$(xdotool search --onlyvisible --name Clutch | tail -n 1) '$files/$1'"; }
    window "files dropped on the window, while it is paused, too" -drive if=floppy,file="$work/files/other.img" -snapshot \
        -drive media=cdrom,index=2 -drive media=cdrom,index=3 <<END
timeout 60
until window
until booted
$(drop another%20disk.img)
sleep 0.5
ask info block => floppy0: $files/another disk.img
$(drop neither.img)
$(drop missing.img)
sleep 0.5
ask info block => floppy0: $files/another disk.img
monitor stop
$(drop disc.img)
sleep 0.5
keys Down Return
sleep 0.5
ask info block => ide1-cd1: $files/disc.img
monitor quit
status 0
END
else
    why="no Xlib" && skip "files dropped on the window"
fi

# Pasted: what the guest's keyboard sends for "Az!\351" on a German one, where Y and Z change places and the accent is dead.
printf 'Az!\303\251' >"$work/text"
printf '1d 38 9d b8 2a 1e 9e aa 15 95 2a 02 82 aa 0d 8d 12 92 ' >"$work/want"
if command -v xclip >/dev/null; then
    window "pasted text is typed on the keyboard of -k" -k de -d kbd -D "$work/trace" <<END
timeout 60
until window
until booted
monitor logfile $work/trace
ask info status => running
run xclip -selection clipboard $work/text
run xdotool key ctrl+alt+v
sleep 1
until bytes $work/want
monitor quit
status 0
END
else
    why="no xclip" && skip "pasted text"
fi

rm -f "$work"/clutch-*.png
window "a screenshot" -hda "$O/roms/demo.bin" -snapshot <<END
timeout 60
until window
until booted
keys ctrl+alt+s ctrl+alt+s
until shots
monitor quit
status 0
END

if [ -n "$manager" ]; then
    window "full screen and back, larger and smaller" -hda "$O/roms/demo.bin" -snapshot <<END
timeout 60
until window
until size 720x566
keys ctrl+alt+f
until size 1024x800
keys ctrl+alt+f
until size 720x566
keys ctrl+alt+a
until size 720x426
keys ctrl+alt+b
until size 720x400
monitor quit
status 0
END

    window "closing asks once; Esc goes on, Enter ends" -hda "$O/roms/demo.bin" -snapshot <<END
timeout 60
until window
until booted
keys ctrl+alt+k
sleep 1
x key --delay 60 Escape
ask info status => running
keys ctrl+alt+k
sleep 1
x key --delay 60 Return
status 0
END

    window "-no-confirm does not ask" -no-confirm -hda "$O/roms/demo.bin" -snapshot <<END
timeout 60
until window
until booted
keys ctrl+alt+k
status 0
END
else
    why="no openbox" && skip "full screen and closing"
fi

rm -f "$work"/clutch-*.png
window "modes of any size, seventy a second" -hda "$O/roms/mode-storm.bin" -snapshot <<END
timeout 60
until window
until booted
keys ctrl+alt+f
sleep 0.5
keys ctrl+alt+i
sleep 0.5
keys ctrl+alt+f
sleep 0.5
keys ctrl+alt+s
until shot
ask info status => running
monitor quit
status 0
END

# --- a session by keys alone ----------------------------------------------------------------------------------------

if [ -e "$guests/freedos.img" ]; then
    window "from the boot menu to a FreeDOS shell by keys alone" -m 32 -boot menu=on -fda "$guests/freedos.img" \
        -hda "$O/roms/demo.bin" -snapshot <<END
timeout 60
until window
screen Press ESC for boot menu
keys Escape
screen 2. Floppy
keys 2
screen FREEDOS-720K-OK
run xdotool type --delay 60 'echo abc>b:'
run xdotool key --delay 60 BackSpace BackSpace BackSpace Return
screen abc
run xdotool type --delay 60 'dir'
keys Return
screen 7 file(s)
run import -window root $work/session.png
monitor quit
status 0
END
else
    why="no $guests/freedos.img" && skip "a session by keys alone"
fi
finish
