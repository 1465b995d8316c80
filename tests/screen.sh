# Read by scripts that watch a machine's screen and press its keys, over the monitor.
# shellcheck shell=sh
screen=$work/screen.txt
patience=${PATIENCE:-90} # seconds for each guest
watched=0   # guests; the last screen of each is left in $work/NUMBER.png

snap() {
    echo "screendump $1"
    sleep "${2:-0.5}"
}
waiting() { [ "$(date +%s)" -lt $((start + patience * SLOWER)) ]; }
# A key by its character, as sendkey calls it.
key() {
    case $1 in
    ' ') echo spc ;;
    /) echo slash ;;
    .) echo dot ;;
    ,) echo comma ;;
    -) echo minus ;;
    =) echo equal ;;
    +) echo shift-equal ;;
    '(') echo shift-9 ;;
    ')') echo shift-0 ;;
    '<') echo shift-comma ;;
    '>') echo shift-dot ;;
    ';') echo semicolon ;;
    ':') echo shift-semicolon ;;
    "'") echo apostrophe ;;
    '"') echo shift-apostrophe ;;
    '\') echo backslash ;;
    '%') echo shift-5 ;;
    '*') echo shift-8 ;;
    '&') echo shift-7 ;;
    '{') echo shift-bracket_left ;;
    '}') echo shift-bracket_right ;;
    [A-Z]) echo "shift-$1" | tr A-Z a-z ;;
    *) echo "$1" ;;
    esac
}
# colours FILE: how many different ones a picture has.
colours() { od -An -v -tx1 -w3 -j 15 "$1" 2>/dev/null | sort -u | wc -l; }
# Each line of standard input, in turn: `see TEXT` waits for the text on the screen, `match REGEX` for an extended regular
# expression, `gone TEXT` until it is no more there, `picture P6 WIDTH HEIGHT` for a screen of that size, `keys NAME...`
# presses keys, `type TEXT` characters and Enter, `monitor COMMAND` and `pause SECONDS` do as they say.  `colours NUMBER` waits
# for a picture of that many, `keep` keeps one, `differs BYTES` waits for one with so many bytes of another value.
conduct() {
    while IFS= read -r line; do
        verb=${line%% *} text=${line#* }
        case $verb in
        keys) for name in $text; do
            echo "sendkey $name 20"
            sleep 0.1
        done ;;
        type)
            while [ -n "$text" ]; do
                rest=${text#?}
                echo "sendkey $(key "${text%"$rest"}") 20"
                sleep 0.1
                text=$rest
            done
            echo "sendkey ret 20"
            ;;
        see) until grep -qsF -e "$text" "$screen" || ! waiting; do snap "$screen"; done ;;
        match) until grep -qsE -e "$text" "$screen" || ! waiting; do snap "$screen"; done ;;
        gone) while grep -qsF -e "$text" "$screen" && waiting; do snap "$screen"; done ;;
        picture) until [ "$(head -c 10 "$work/screen.ppm" 2>/dev/null | tr '\n' ' ')" = "$text" ] || ! waiting; do
            snap "$work/screen.ppm" 1
        done ;;
        colours) until [ "$(colours "$work/screen.ppm")" -ge "$text" ] || ! waiting; do snap "$work/screen.ppm" 1; done ;;
        keep) snap "$work/kept.ppm" 1 ;;
        differs) until [ "$(cmp -l "$work/kept.ppm" "$work/screen.ppm" 2>/dev/null | wc -l)" -ge "$text" ] || ! waiting; do
            snap "$work/screen.ppm" 1
        done ;;
        monitor) echo "$text" ;;
        pause) sleep "$text" ;;
        esac
    done
    ! waiting || echo reached >"$work/reached"
    echo "screendump $picture"
    [ -z "${SHIFTS:-}" ] || echo "info accel"
    echo quit
}
# SHIFTS (environment): seconds from one change of engine to the next, to the interpreter and to KVM by turns, all the while.
shift_gears() {
    while sleep "$SHIFTS"; do
        echo "accel interp"
        sleep "$SHIFTS"
        echo "accel kvm"
    done
}
# watch LABEL OPTION...: a machine, conducted by standard input.
watch() {
    label=$1
    shift
    watched=$((watched + 1))
    picture=$work/$watched.png
    rm -f "$work/reached" "$screen" "$work/screen.ppm" "$picture"
    start=$(date +%s)
    { [ -z "${SHIFTS:-}" ] || shift_gears & conduct; } | within $((patience + 30)) "$CLUTCH" -display none -monitor stdio "$@" >"$work/monitor.out" 2>&1
    if [ -e "$work/reached" ]; then
        ok "$label ($(($(date +%s) - start)) s)"
    else
        fail "$label; its screen:"
        sed 's/^/    /' "$screen" 2>/dev/null
    fi
}
