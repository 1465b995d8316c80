#!/bin/sh
# The include rule of docs/DESIGN.md, "The rooms": which room may look into which.
set -u
passed=0 failed=0

# rule "FILES" ALLOWED: every #include "..." in FILES must match the regular expression ALLOWED.
rule() {
    found=0
    for file in $1; do
        # Tests, and headers that only they use, stand beside what they test.
        case $file in *_test.c) extra='|tests/|cpu/types\.h' ;; *.h) extra='|tests/(unit|random)\.h' ;; *) extra='' ;; esac
        [ -f "$file" ] || continue
        found=1
        bad=$(grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$file" | grep -vE "\"($2$extra)")
        [ -z "$bad" ] || { printf '%s\n' "$bad" | sed "s|^|$file:|" && failed=$((failed + 1)) && return; }
    done
    [ $found = 0 ] || passed=$((passed + 1))
}

rule "cpu/*.[ch]" 'cpu/'
rule "machine/*.[ch]" 'machine/[^/]*\.h"|cpu/(cpu|bus|types)\.h"'
rule "machine/pc/*.[ch]" 'machine/|devices/|cpu/(cpu|bus|types)\.h"'
rule "devices/*.[ch] devices/*/*.[ch]" 'devices/|machine/[^/]*\.h"'
rule "accel/*.[ch] accel/*/*.[ch]" 'accel/|machine/|cpu/'

# The rooms as the files really stand to each other: "ROOM NEEDS", for every include of one room's header in another's
# file.  tsort finds an order in which each room comes before what it needs, or names the rooms of a circle.
edges() {
    for file in cpu/*.[ch] machine/*.[ch] machine/pc/*.[ch] devices/*.[ch] devices/*/*.[ch] accel/*.[ch] accel/*/*.[ch] \
        ui/*.[ch] ui/*/*.[ch]; do
        case $file in *_test.c | *'*'*) continue ;; esac
        sed -n "s|^[[:space:]]*#[[:space:]]*include[[:space:]]*\"\(.*\)/[^/]*\"|${file%/*} \1|p" "$file"
    done | sed -E 's#(cpu|devices|accel|ui)/[^ ]*#\1#g' | sort -u | awk '$1 != $2 && $2 != "tests"'
}
if order=$(edges | tsort 2>&1); then
    passed=$((passed + 1))
    echo "rooms from the top: $(echo $order)"
else
    failed=$((failed + 1))
    printf 'a circle between rooms:\n%s\n' "$order"
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]
