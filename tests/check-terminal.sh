#!/bin/sh
# The screen on a terminal (-display curses), in tmux: text, keys, mouse, pictures, sizes, and the terminal afterwards.
. "$(dirname "$0")/common.sh"

why="tmux is not installed"
command -v tmux >/dev/null || { skip "the terminal screen" && finish; }
export LC_ALL=C.UTF-8
unset TMUX
TMUX_TMPDIR=$(mktemp -d)
export TMUX_TMPDIR
pane() { tmux -u -L clutch -f /dev/null "$@"; }
trap 'pane kill-server 2>/dev/null; rm -rf "$TMUX_TMPDIR"' EXIT
trap 'exit 1' INT TERM
pane new-session -d -x 100 -y 30 "PS1='prompt> ' sh" 2>"$work/tmux" || { why="tmux does not start: $(cat "$work/tmux")" && skip "the terminal screen" && finish; }

patience=30
screen() { pane capture-pane -p; }
# see WORDS: waits for them on the terminal.
see() {
    end=$(($(date +%s) + patience * SLOWER))
    until screen | grep -qF -e "$1"; do
        [ "$(date +%s)" -lt $end ] || return 1
        sleep 0.2
    done
}
gone() {
    end=$(($(date +%s) + patience * SLOWER))
    while screen | grep -qF -e "$1"; do
        [ "$(date +%s)" -lt $end ] || return 1
        sleep 0.2
    done
}
# shows LABEL WORDS
shows() {
    if see "$2"; then ok "$1"; else
        fail "$1: no '$2' on"
        screen | sed 's/^/    /'
    fi
}
keys() { pane send-keys "$@"; }
# bytes HEX...: as a terminal would send them.
bytes() { pane send-keys -H "$@"; }
settings() { stty -a <"$(pane display -p '#{pane_tty}')"; }
# run OPTION...: the emulator at the prompt.
run() {
    keys C-l
    keys -l "clear; $variables '$CLUTCH' -display curses -snapshot $*; echo \"status=\$?\""
    keys Enter
}
variables="TERM=xterm-256color COLORTERM="

see 'prompt>'
settings >"$work/before"
run "-hda '$O/roms/screen-test.bin'"
shows "box drawing and characters of code page 437 are UTF-8" '╔════╗'
shows "shades, blocks and symbols" '║ ░█♥║'
keys a
shows "a letter" 'k1E61'
keys A
shows "a capital letter" 'k1E41'
keys F5
shows "F5" 'k3F00'
bytes 1b 5b 31 3b 33 51 # CSI 1;3Q
shows "Alt-F2" 'k6900'
keys F12
shows "F12" 'k8600'
keys Up
shows "an arrow" 'k48E0'
keys M-x
shows "Alt-X" 'k2D00'
keys C-c
shows "Ctrl-C goes to the guest" 'k2E03'
keys C-z
shows "Ctrl-Z, too" 'k2C1A'
keys Escape
shows "Esc by itself" 'k011B'
keys C-a C-a
shows "Ctrl-A twice is Ctrl-A" 'k1E01'
keys C-a 3
shows "Ctrl-A 3 is F3" 'k3D00'
# The pointer: two columns to the right and a row down, of 8 and 16 counts; a PS/2 mouse counts y upwards.
bytes 1b 5b 3c 33 35 3b 33 30 3b 31 30 4d
bytes 1b 5b 3c 33 35 3b 33 32 3b 31 31 4d
shows "the mouse moves" '0010 00F0'
bytes 1b 5b 3c 30 3b 33 32 3b 31 31 4d
shows "its left button" 'm0009 0000 0000'
keys C-a h
shows "Ctrl-A h helps" 'Ctrl-A Ctrl-A'
keys z
if gone 'Ctrl-A Ctrl-A'; then ok "a key ends the help"; else fail "the help stays"; fi
keys C-a c
see '(clutch)'
keys -l 'info version'
keys Enter
shows "the monitor behind Ctrl-A c" 'clutch 0'
keys C-a c
shows "and back" 'k3D00'
pane resize-window -x 60 -y 8
keys b
shows "a terminal that is too small shows the part around the cursor" 'k3062'
[ "$(screen | grep -c '╔')" = 0 ] && ok "and not the rest" || fail "all of it is on 8 lines"
pane resize-window -x 132 -y 43
shows "a larger one shows it all" '╔════╗'
keys F1
shows "a picture is half blocks" '▀▀▀▀▀▀▀▀'
pane capture-pane -p -e >"$work/picture"
count=$(grep -o '38;5;[0-9]*' "$work/picture" | sort -u | wc -l)
[ "$count" -ge 20 ] && ok "in $count of 256 colours" || fail "only $count colours"
keys z
shows "text comes back" '╔════╗'
keys C-a x
shows "Ctrl-A x ends it" 'status=0'
if [ "$(screen | grep -c '═')" = 0 ] && [ "$(pane display -p '#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{wrap_flag} #{keypad_flag}')" = '0 1 0 1 0' ]; then
    ok "the terminal's screen is as it was"
else
    fail "screen: $(pane display -p '#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{wrap_flag} #{keypad_flag}')"
fi
settings >"$work/after"
# The size alone has changed.
if [ "$(sed 's/rows.*columns [0-9]*;//' "$work/before")" = "$(sed 's/rows.*columns [0-9]*;//' "$work/after")" ]; then
    ok "its settings, too"
else
    fail "settings: $(diff "$work/before" "$work/after")"
fi

# ended SIGNAL STATUS: kills the emulator.
ended() {
    rm -f "$work/pid"
    run "-pidfile '$work/pid' -hda '$O/roms/screen-test.bin'"
    see '╔════╗'
    kill "-$1" "$(cat "$work/pid")"
    gone '╔════╗'
    see "status=$2" && sleep 0.2
    if [ "$(pane display -p '#{alternate_on} #{cursor_flag} #{mouse_any_flag}')" = '0 1 0' ] && settings | grep -q ' icanon'; then
        ok "the terminal is put back at SIG$1"
    else
        fail "SIG$1: $(pane display -p '#{alternate_on} #{cursor_flag} #{mouse_any_flag}')"
        screen | sed 's/^/    /'
    fi
}
ended TERM 143
[ -n "$SANITIZE" ] || ended SEGV 139

variables="TERM=xterm-256color COLORTERM=truecolor"
run "-hda '$O/roms/demo.bin'"
shows "the demonstration disk" 'Hello from real mode'
keys q
shows "its q turns off" 'status=0'
run "-serial stdio"
shows "a serial port on the same terminal is refused" 'status=1'
"$CLUTCH" -display curses </dev/null >"$work/none" 2>&1
[ $? = 1 ] && [ "$(wc -l <"$work/none")" = 1 ] && grep -q 'needs a terminal' "$work/none" &&
    ok "without a terminal there is one line" || fail "no terminal: $(cat "$work/none")"

why="no ../shared/testdata/guests/freedos.img"
image=../shared/testdata/guests/freedos.img
if [ -e "$image" ]; then
    patience=60
    run "-fda '$image'"
    shows "FreeDOS" 'A:\>'
    sleep 1
    keys -l ver
    keys Enter
    see 'FreeCom version'
    sleep 0.5
    keys F3
    shows "its F3 repeats a command" 'A:\>ver'
    keys C-a x
    see 'status=0'
else
    skip "FreeDOS"
fi
finish
