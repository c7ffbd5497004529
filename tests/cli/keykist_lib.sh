# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
#
# What every test of keykist begins with: lib.sh, and the same for this program.
#
# KK_KEYKIST  the program
. "$(dirname "$0")/lib.sh"

# keykist GROUP COMMAND ARGUMENTS...: runs the program on the module, standard input empty.
keykist()
{
    "$KK_KEYKIST" "$@" --module "$MODULE" < /dev/null
}

# runk ARGUMENTS...: the same, keeping what it says and its exit status.
runk()
{
    keykist "$@" > "$WORK/out" 2> "$WORK/err"
    status=$?
}

# bare ARGUMENTS...: without a module.
bare()
{
    "$KK_KEYKIST" "$@" < /dev/null > "$WORK/out" 2> "$WORK/err"
    status=$?
}

# Serials, slots and paths made the same.
normalise()
{
    sed -E -e "s#$WORK#WORK#g" \
        -e 's/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/UUID/g' \
        -e 's/serial [0-9a-f]{16}/serial S/' -e 's/"serial": "[0-9a-f]{16}"/"serial": "S"/' \
        -e 's/slot [0-9]+/slot N/' -e 's/"slot": [0-9]+/"slot": N/' "$1"
}

# json EXPRESSION: the value of a Python expression over the last run's document, `d`.
json()
{
    python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$WORK/out" "$1"
}

# tells NAME STATUS PATTERN: the last run's exit status, and one line on stderr that the extended
# regular expression describes as a whole; nothing on stdout.
tells()
{
    if [ "$status" = "$2" ] && [ ! -s "$WORK/out" ] && [ "$(wc -l < "$WORK/err")" = 1 ] &&
        grep -Eqx -e "$3" "$WORK/err"; then
        pass "$1"
        return
    fi
    fail "$1"
    explain "exit status and line" "$2 $3" "$status $(cat "$WORK/out" "$WORK/err")"
}
