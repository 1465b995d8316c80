#!/bin/sh
# The VNC server with a client on libvncclient, and with vncsnapshot where it is installed.
. "$(dirname "$0")/common.sh"

why="built without libvncserver (Debian package: libvncserver-dev)"
if ! grep -q 'CONFIG_VNC 1' "$O/config.h"; then
    skip VNC
    finish
fi
client=$O/tests/vncclient
$CC -std=gnu17 -O1 -w -o "$client" tests/vncclient.c -lvncclient 2>"$work/cc" || { why="no libvncclient" && skip VNC && finish; }

# serve OPTIONS...: the demonstration disk behind a free display number; sets display, pid.
serve() {
    for display in 41 42 43 44 45 46 47 48; do
        "$CLUTCH" -vnc ":$display$1" -monitor none -serial none -snapshot -hda "$O/roms/$disk.bin" >"$work/out" 2>&1 &
        pid=$!
        sleep 1
        kill -0 $pid 2>/dev/null && return
    done
    fail "no display number is free: $(cat "$work/out")"
    finish
}

disk=demo
serve ''
# A busy host draws few pictures in 4 s: then in longer.
sees_demo() {
    for wait in 4000 15000 60000; do
        within 60 "$client" 127.0.0.1:$display - wait:$wait "shot:$work/demo.ppm" >"$work/shot" || return 1
        if grep -q '^720x400' "$work/shot" && [ "$(cut -d' ' -f2 "$work/shot")" -ge 4 ]; then return 0; fi
    done
    return 1
}
if sees_demo; then
    ok "a client sees the demonstration disk: $(cat "$work/shot")"
else
    fail "picture: $(cat "$work/shot")"
fi
if command -v vncsnapshot >/dev/null; then
    if within 30 vncsnapshot -quiet ":$display" "$work/snapshot.jpg" >"$work/log" 2>&1 && [ -s "$work/snapshot.jpg" ]; then
        ok "vncsnapshot takes the picture"
    else
        fail "vncsnapshot: $(cat "$work/log")"
    fi
else
    why="vncsnapshot is not installed" && skip vncsnapshot
fi
# Half a handshake, and nonsense: the server goes on.
for noise in 'RFB 003.008\n' 'GET / HTTP/1.0\r\n\r\n' '\377\377\377\377\377\377\377\377\377\377\377\377\377\377'; do
    # shellcheck disable=SC2059
    printf "$noise" >"$work/noise"
    command -v nc >/dev/null && timeout 2 nc -w 1 127.0.0.1 $((5900 + display)) <"$work/noise" >/dev/null 2>&1
done
# Half a handshake that stays holds others up for a second, not for the library's twenty.
if command -v nc >/dev/null; then
    { printf 'RFB 0'; sleep 6; } | timeout 8 nc 127.0.0.1 $((5900 + display)) >/dev/null 2>&1 &
    half=$!
    sleep 0.5
    if within 6 "$client" 127.0.0.1:$display - wait:100 "shot:$work/b.ppm" >"$work/shot" 2>&1; then
        ok "half a handshake does not keep others out"
    else
        fail "beside half a handshake: $(cat "$work/shot")"
    fi
    kill $half 2>/dev/null
fi
within 60 "$client" 127.0.0.1:$display - type:xyz wait:300 type:q wait:500 >/dev/null 2>&1
if timeout 30 tail --pid=$pid -f /dev/null && wait $pid; then
    ok "keys of a client reach the guest: q turns it off"
else
    kill $pid 2>/dev/null
    fail "q by VNC did not turn the guest off"
fi

# Two clients at a time, one of which changes the screen's size for both: F1 is a picture.
disk=screen-test
serve ''
within 60 "$client" 127.0.0.1:$display - wait:6000 "shot:$work/b.ppm" >"$work/other" 2>&1 &
other=$!
within 60 "$client" 127.0.0.1:$display - wait:3000 "shot:$work/c.ppm" key:ffbe wait:1500 "shot:$work/c.ppm" >"$work/shot" 2>&1
wait $other
if [ "$(sed -n 1p "$work/shot" | cut -d ' ' -f 1)" = 720x400 ] && [ "$(wc -l <"$work/shot")" = 2 ] &&
    [ "$(sed -n 2p "$work/shot" | cut -d ' ' -f 1)" != 720x400 ] && [ "$(sed -n 2p "$work/shot")" = "$(cat "$work/other")" ]; then
    ok "two clients follow a change of the screen's size: $(tr '\n' ' ' <"$work/shot")"
else
    fail "two clients: $(cat "$work/shot" "$work/other")"
fi
kill $pid
wait $pid 2>/dev/null
disk=demo
serve ',password=secret'
if within 30 "$client" 127.0.0.1:$display secret wait:500 "shot:$work/p.ppm" >"$work/shot" &&
    ! within 30 "$client" 127.0.0.1:$display wrong wait:100 >"$work/refused" 2>&1; then
    ok "the password lets in, another one does not"
else
    fail "password: $(cat "$work/shot" "$work/refused")"
fi
if [ "$(ss -ltn 2>/dev/null | grep -c "127.0.0.1:$((5900 + display)) ")" = 1 ]; then
    ok "it listens on the loopback interface only"
elif command -v ss >/dev/null; then
    fail "listening: $(ss -ltn | grep ":$((5900 + display))")"
else
    why="ss is not installed" && skip "the address it listens on"
fi
socket=$(mktemp -u /tmp/clutch-vnc-XXXXXX)
"$CLUTCH" -vnc "unix:$socket" -monitor none -serial none -snapshot -hda "$O/roms/demo.bin" >"$work/local" 2>&1 &
local=$!
for _ in $(seq 100); do [ ! -S "$socket" ] || break; sleep 0.1; done
if within 30 "$client" "$socket" - wait:500 "shot:$work/p.ppm" >"$work/shot" && [ "$(stat -c %a "$socket")" = 700 ]; then
    ok "a local socket, for its owner alone: $(cat "$work/shot")"
else
    fail "local socket: $(cat "$work/shot" "$work/local"; ls -l "$socket")"
fi
kill $local
wait $local 2>/dev/null
[ ! -e "$socket" ] && ok "it goes with the machine" || fail "the socket stays"
"$CLUTCH" -vnc ":$display" -monitor none -serial none >"$work/busy" 2>&1
[ $? = 1 ] && grep -q 'cannot listen' "$work/busy" && ok "a port in use is said in one line" || fail "busy: $(cat "$work/busy")"
kill $pid
wait $pid 2>/dev/null
finish
