#!/bin/sh
# Wrong use of the program: one clear line on standard error, exit status 1, no terminal or file left behind.
set -u
unset DISPLAY WAYLAND_DISPLAY # a window opens only where a test wants one
clutch=${CLUTCH:-./clutch}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0

fail() {
    echo "check-cli: $*"
    failed=$((failed + 1))
}

# refuses WORDS OPTION...: exit status 1, nothing on standard output, one line with WORDS on standard error.
refuses() {
    words=$1
    shift
    timeout 20 "$clutch" "$@" >"$dir/out" 2>"$dir/err" </dev/null
    status=$?
    if [ $status != 1 ]; then
        fail "$*: exit status $status"
    elif [ "$(wc -l <"$dir/err")" != 1 ] || [ -s "$dir/out" ]; then
        fail "$*: not one line: $(cat "$dir/out" "$dir/err")"
    elif ! grep -qF -e "$words" "$dir/err"; then
        fail "$*: no '$words' in: $(cat "$dir/err")"
    else
        passed=$((passed + 1))
    fi
}

# prints WORDS OPTION...: exit status 0 and WORDS on standard output.
prints() {
    words=$1
    shift
    if timeout 20 "$clutch" "$@" 2>&1 </dev/null | grep -qF -e "$words"; then
        passed=$((passed + 1))
    else
        fail "$*: does not print '$words'"
    fi
}

head -c 300 /dev/zero >"$dir/short"
head -c 100000 /dev/urandom >"$dir/noise"
head -c 1000 "$dir/noise" >"$dir/odd.bin"

refuses "did you mean -nographic" -nograhpic
refuses "needs a value" -m
refuses "at least" -display none -m 1K
refuses "at most" -display none -m 100000G
refuses "isapc" -M ispac
refuses "did you mean 'kvm'" -accel kvn
refuses "which engine" -accel ""
refuses "-accel auto -accel kvm" -accel auto:kvm
refuses "stats=file:$dir/no/x: No such" -display none -accel "interp,stats=file:$dir/no/x"
refuses "pentium" -cpu pentuim
refuses "not available yet" -loadvm x
refuses "nosuch.img" -display none -hda "$dir/nosuch.img"
refuses "$dir" -display none -hda "$dir"
refuses "nosuch.img" -display none -drive "file=$dir/nosuch.img,format=raw"
refuses "nosuch" -display none -kernel "$dir/nosuch"
refuses "short" -display none -kernel "$dir/short"
refuses "noise" -display none -kernel "$dir/noise"
refuses "nosuch" -display none -bios "$dir/nosuch"
refuses "odd.bin" -display none -bios "$dir/odd.bin"
refuses "nosuch" -display none -serial "file:$dir/nosuch/x"
refuses "stdoi" -display none -serial stdoi
refuses "no_such_category" -display none -d no_such_category
refuses "nosuch" -display none -d int -D "$dir/nosuch/x"
refuses "nosuch" -display none -pidfile "$dir/nosuch/x"
prints "-kernel FILE" -help
prints "clutch" --version
prints "pentium" -cpu help
prints "guest" -d help

# A signal ends the machine in order: its status, and the process id's file is gone.
"$clutch" -display none -S -pidfile "$dir/pid" </dev/null >/dev/null 2>"$dir/err" &
child=$!
tries=0
while [ ! -s "$dir/pid" ] && [ $tries -lt 100 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
[ "$(cat "$dir/pid" 2>/dev/null)" = $child ] && kill -TERM $child
wait $child
status=$?
if [ $status = 143 ] && [ ! -e "$dir/pid" ]; then
    passed=$((passed + 1))
else
    fail "SIGTERM: exit status $status, $(cat "$dir/err")"
fi

# answers WORDS COMMAND OPTION...: the monitor's answer, in a machine that has not started.
answers() {
    words=$1 command=$2
    shift 2
    out=$(printf '%s\nquit\n' "$command" | timeout 60 "$clutch" -S -display none -serial none -monitor stdio "$@" 2>&1)
    case $out in
    *"$words"*) passed=$((passed + 1)) ;;
    *) fail "monitor, $command: no '$words' in: $out" ;;
    esac
}
answers "no engine 'intrep' (did you mean 'interp'?)" "accel intrep"
answers "start only" "accel auto"
answers "in gear already" "accel tcg"
if [ -e /dev/kvm ]; then
    answers "start it without -icount" "accel kvm" -icount 3
fi
answers "no exits: no engine that leaves the guest was in gear" "info exits"

# What happened goes where the user wants it, in a table.
"$clutch" -display none -serial none -monitor none -S -accel "interp,stats=file:$dir/stats" >"$dir/out" 2>"$dir/err" </dev/null &
child=$!
for i in 1 2 3 4 5 6 7 8 9 10; do
    [ -e "$dir/stats" ] || sleep 1
done
kill -TERM $child
wait $child
if grep -q '^engine: interp' "$dir/stats" && [ ! -s "$dir/err" ]; then
    passed=$((passed + 1))
else
    fail "stats=file: $(cat "$dir/stats" "$dir/err")"
fi

echo "$passed passed, $failed failed"
[ $failed = 0 ]
