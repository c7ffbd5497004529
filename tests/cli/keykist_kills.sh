#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# keykist token rekey and token repair --replace on our own module, killed in front of each call
# that changes something on the disk: what is there then, and that running it again ends it.
#
# KK_KILL_AT          kill_at
# KEYKIST_LONG_TESTS  set: in front of every call; otherwise of some, each a good deal later
. "$(dirname "$0")/keykist_lib.sh"

# Leaks cannot be looked for in a process that is traced.
[ -z "$KK_SANITIZED" ] || export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0"

pins="--so-pin $SO_PIN --pin $PIN"
every=2  # which kills of a rekey are followed by another one
[ -z "${KEYKIST_LONG_TESTS:-}" ] || every=1
keys=300 # more than one batch of a rekey, which is whole lists of 256 objects or a little more

if [ "$("$KK_KILL_AT" 1000000 true; echo $?)" != 0 ]; then
    skip "kills" "processes cannot be traced here"
    finish
    exit 0
fi

# begin: the token that was kept, and no other.
begin()
{
    rm -rf "${TOKENS:?}"/* "${TOKENS:?}"/.[!.]*
    cp -R "$WORK/kept/." "$TOKENS"
}

# killed_at N COMMAND...: runs keykist token COMMAND; succeeds when it was killed at N.
killed_at()
{
    at_call=$1
    shift
    "$KK_KILL_AT" "$at_call" "$KK_KEYKIST" token "$@" --module "$MODULE" < /dev/null \
        > "$WORK/out" 2> "$WORK/err"
    code=$?
    [ "$code" = 137 ]
}

# next N SHARE: the call to be killed at after N.
next()
{
    [ -z "${KEYKIST_LONG_TESTS:-}" ] || { echo $(($1 + 1)); return; }
    echo $(($1 + 1 + $1 / $2))
}

# opens: both PINs are right, and every object is there and whole.
opens()
{
    runk token check --pin "$PIN"
    [ "$status $(cat "$WORK/out" "$WORK/err")" = "0 $sound" ] ||
        { bad="$bad at $at, the user: $(cat "$WORK/out" "$WORK/err");"; return; }
    runk token check --so-pin "$SO_PIN"
    [ "$status $(cat "$WORK/out" "$WORK/err")" = "0 $sound" ] ||
        bad="$bad at $at, the SO: $(cat "$WORK/out" "$WORK/err");"
}

# identity: label, serial and slot of all tokens that are shown.
identity()
{
    keykist token list --json > "$WORK/list" 2>> "$WORK/err"
    python3 -c 'import json, sys
print(*[(t["label"], t["serial"], t["slot"], t["state"]) for t in json.load(open(sys.argv[1]))["tokens"]])' \
        "$WORK/list"
}

# ---- rekey ----

rm -rf "${TOKENS:?}"/*
make_token t
mkdir "$WORK/raw"
python3 -c 'import os, sys
for i in range(int(sys.argv[2])):
    open(f"{sys.argv[1]}/key-{i:03}.bin", "wb").write(b"K" + os.urandom(31))' "$WORK/raw" "$keys"
runk object import --type aes --token t --pin "$PIN" "$WORK/raw"
[ "$status" = 0 ] || bail "no keys: $(cat "$WORK/err")"
util --import "$KEYS/ec.pem" --label pair --id 01 --token t --pin "$PIN" > "$WORK/made" ||
    bail "no key pair: $(cat "$WORK/made")"
sound="$((keys + 1)) private and 1 public objects are sound."
cp -R "$TOKENS" "$WORK/kept"
ready=$(identity)
before=$(echo "$ready" | sed "s/, '[a-z]*')$//")

# rekey_again WITH: goes on, or begins anew; then nothing is left to do.
rekey_again()
{
    # shellcheck disable=SC2086 # two options
    runk token rekey $pins
    [ "$status" = 0 ] || bad="$bad at $at, again: $(cat "$WORK/err");"
    [ "$(identity)" = "$ready" ] || bad="$bad at $at, then: $(identity);"
    opens
}

at=1
kills=0
twice=0
bad=
begin
# shellcheck disable=SC2086
while killed_at "$at" rekey $pins; do
    kills=$((kills + 1))
    case $(identity) in
        "$before"*) ;;
        *) bad="$bad at $at: $(identity);" ;;
    esac
    opens
    # What goes on is killed as well, at one call of those that it has.
    # shellcheck disable=SC2086
    if [ $((kills % every)) = 0 ] && killed_at $((1 + at * 7 % 61)) rekey $pins; then
        twice=$((twice + 1))
        opens
    fi
    rekey_again
    [ -z "$bad" ] || break
    at=$(next "$at" 1)
    begin
done
echo "# rekey: $kills kills, $twice of them twice; the last at call $at"
echo "# count rekey-kills $((kills + twice))"
[ -z "$bad" ] || printf '%s\n' "$bad" | remark
check "rekey, killed anywhere and run again" \
    test "$kills" -gt 6 -a "$twice" -gt 2 -a "$code" = 0 -a -z "$bad"

# ---- repair --replace ----

# A token of a few objects, of which one does not open any more.
rm -rf "${TOKENS:?}"/* "${TOKENS:?}"/.[!.]*
make_token t
util --import "$KEYS/ec.pem" --label pair --id 01 --token t --pin "$PIN" > "$WORK/made" &&
    util --import "$KEYS/cert.pem" --import-type cert --label cert --id 02 --token t \
        --pin "$PIN" >> "$WORK/made" ||
    bail "no objects: $(cat "$WORK/made")"
ready=$(identity)
python3 - "$TOKENS" <<'END'
import glob, sqlite3, sys
db = sqlite3.connect(glob.glob(sys.argv[1] + "/*/keykist.db")[0])
row, blob = db.execute("select rowid, blob from objects where private = 1").fetchone()
blob = bytearray(blob)
blob[-1] ^= 1
db.execute("update objects set blob = ? where rowid = ?", (bytes(blob), row))
db.commit()
END
rm -rf "$WORK/kept"
cp -R "$TOKENS" "$WORK/kept"
repaired="0 private and 2 public objects are sound."

# state: which of the two tokens everybody uses.
state()
{
    runk token check --pin "$PIN"
    if grep -q "its bytes were changed" "$WORK/out"; then
        echo damaged
    elif [ "$status $(cat "$WORK/out")" = "0 $repaired" ]; then
        echo repaired
    else
        cat "$WORK/out" "$WORK/err"
    fi
}

# directories: how many tokens there are, shown or not. One that was never finished is none.
directories()
{
    find "$TOKENS" -path "$TOKENS/[!.]*/keykist.db" | wc -l
}

at=20 # the new token takes most of the calls
[ -z "${KEYKIST_LONG_TESTS:-}" ] || at=1
kills=0
both=0
bad=
# shellcheck disable=SC2086
while killed_at "$at" repair --replace --yes $pins; do
    kills=$((kills + 1))
    [ "$(identity)" = "$ready" ] || bad="$bad at $at: $(identity);"
    here=$(directories)
    seen=$(state)
    case $here/$seen in
        2/damaged) both=$((both + 1)) ;; # the old one, until it is deleted
        1/damaged | 1/repaired) ;;
        *) bad="$bad at $at: $here tokens, the one that is shown is $seen;" ;;
    esac
    [ "$seen" != damaged ] || {
        # shellcheck disable=SC2086
        runk token repair --replace --yes $pins
        [ "$status" = 0 ] || bad="$bad at $at, again: $(cat "$WORK/err");"
    }
    [ "$(directories)/$(state)" = 1/repaired ] ||
        bad="$bad at $at, then: $(directories) tokens, $(state);"
    [ "$(identity)" = "$ready" ] || bad="$bad at $at, then: $(identity);"
    [ -z "$bad" ] || break
    at=$(next "$at" 5)
    begin
done
echo "# repair --replace: $kills kills, $both of them with both tokens there; the last at call $at"
echo "# count repair-kills $kills"
[ -z "$bad" ] || printf '%s\n' "$bad" | remark
check "repair --replace, killed anywhere and run again" \
    test "$kills" -gt 8 -a "$code" = 0 -a -z "$bad"
check "... and the token that is shown is the one that was there, until it is deleted" \
    test "$both" -gt 0
finish
