#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# keykist token upgrade, downgrade on our own module: what changes, what stays, and what is there
# after a kill at a call that changes something on the disk.
#
# KK_KILL_AT  kill_at
# KK_KILLS    how many kills of each command (14)
. "$(dirname "$0")/keykist_lib.sh"

pins="--so-pin $SO_PIN --pin $PIN"
echo "objectstore.backend = file" >> "$SOFTHSM2_CONF"
cp "$SOFTHSM2_CONF" "$WORK/file.conf"

# fresh: a token "t" in SoftHSM's format with one private and three public objects, and no other.
fresh()
{
    rm -rf "${TOKENS:?}"/* "${TOKENS:?}"/.[!.]*
    make_token t
    util --import "$KEYS/ec.pem" --label pair --id 01 --token t --pin "$PIN" > "$WORK/made" &&
        util --import "$KEYS/cert.pem" --import-type cert --label cert --id 02 --token t \
            --pin "$PIN" >> "$WORK/made" ||
        bail "no objects: $(cat "$WORK/made")"
}

kind()
{
    keykist token list --json > "$WORK/list" 2>> "$WORK/err"
    python3 -c 'import json, sys
print(*[t["kind"] for t in json.load(open(sys.argv[1]))["tokens"]])' "$WORK/list"
}

identity()
{
    keykist token list --json > "$WORK/list" 2>> "$WORK/err"
    python3 -c 'import json, sys
print(*[(t["label"], t["serial"], t["slot"]) for t in json.load(open(sys.argv[1]))["tokens"]])' \
        "$WORK/list"
}

directories()
{
    find "$TOKENS" -mindepth 1 -maxdepth 1 | wc -l
}

is()
{
    check "$1" test "$2" = "$3"
}

fresh
before=$(identity)
is "the token is in SoftHSM's format" "$(kind)" softhsm2
# shellcheck disable=SC2086 # two options
runk token upgrade --so-pin "$SO_PIN" --pin 99999999
tells "a wrong PIN" 1 'keykist: Could not convert the token: the PIN is wrong \(CKR_PIN_INCORRECT\)\.'
runk token upgrade --so-pin 99999999 --pin "$PIN"
tells "a wrong SO PIN" 1 'keykist: Could not convert the token: the PIN is wrong \(CKR_PIN_INCORRECT\)\.'
is "neither changes anything" "$(kind) $(directories)" "softhsm2 1"

# shellcheck disable=SC2086
runk token upgrade $pins
check "upgrade" test "$status" = 0
is "it is sealed" "$(kind)" sealed
is "label, serial and slot stay" "$(identity)" "$before"
runk token check --pin "$PIN"
said "every object is there" 0 "1 private and 2 public objects are sound." ""
# shellcheck disable=SC2086
runk token upgrade $pins
tells "once more" 1 'keykist: the token is of the kind "sealed" already'
is "the old one is set aside" "$(find "$TOKENS/.backup" -name token.object | wc -l)" 1

# shellcheck disable=SC2086
runk token downgrade $pins --json
check "downgrade, as JSON" test "$status $(json 'd["kind"], d["private_objects"], d["public_objects"]')" = \
    "0 ('softhsm2', 1, 2)"
is "it is in SoftHSM's format" "$(kind)" softhsm2
is "label, serial and slot stay" "$(identity)" "$before"
runk token upgrade --purge
tells "--purge asks first" 1 'keykist: .*--yes.*'
runk token upgrade --purge --yes
check "--purge" test "$status" = 0
is "nothing is set aside any more" "$(directories)" 1
# shellcheck disable=SC2086
runk token upgrade $pins
keykist token delete --token t --yes > /dev/null 2>&1
is "deleting a token deletes what was set aside of it" "$(directories)" 0

if [ "$("$KK_KILL_AT" 1000000 true; echo $?)" != 0 ]; then
    skip "kills" "processes cannot be traced here"
    finish
fi

# killed COMMAND KIND: kills it again and again, each time a little later; then it must work.
killed()
{
    command=$1
    wanted=$2
    at=1
    kills=0
    bad=
    while [ "$kills" -lt "${KK_KILLS:-14}" ]; do
        # shellcheck disable=SC2086
        "$KK_KILL_AT" "$at" "$KK_KEYKIST" token "$command" --module "$MODULE" $pins \
            < /dev/null > "$WORK/out" 2> "$WORK/err"
        [ $? = 137 ] || break
        kills=$((kills + 1))
        seen=$(identity)
        [ "$seen" = "$before" ] || bad="$bad at $at: $seen;"
        ! grep -q "\"kind\": \"$wanted\"" "$WORK/list" || break
        at=$((at + 1 + at / 5))
    done
    [ "$(kind)" = "$wanted" ] || {
        # shellcheck disable=SC2086 # two options
        runk token "$command" $pins
        [ "$status" = 0 ] || bad="$bad then: $(cat "$WORK/err")"
    }
    [ -z "$bad" ] && [ "$kills" -gt 4 ] && [ "$(kind)" = "$wanted" ] || {
        printf '%s kills;%s\n' "$kills" "$bad"
        return 1
    }
}

# forge: CKA_TRUSTED on in the certificate's file, as anybody can do who may write it.
forge()
{
    python3 - "$TOKENS" <<'END'
import glob, struct, sys
off = struct.pack(">QQB", 0x86, 1, 0)
changed = 0
for path in glob.glob(sys.argv[1] + "/*-*/*.object"):
    data = open(path, "rb").read()
    if struct.pack(">QQQ", 0, 2, 1) in data and off in data:
        open(path, "wb").write(data.replace(off, off[:-1] + b"\1"))
        changed += 1
sys.exit(changed != 1)
END
}

fresh
check "a certificate is made trusted by an edit" forge
# shellcheck disable=SC2086
runk token upgrade $pins
check "upgrade says what it trusts" grep -Eq '^[0-9a-f-]{36} +cert +CKA_TRUSTED was taken over, although' "$WORK/out"
runk object show --label cert --json
check "... and takes it over" test "$(json 'str(d).lower().count("trusted")')" -gt 0
fresh
forge
# shellcheck disable=SC2086
runk token upgrade $pins --no-trust --json
check "upgrade --no-trust, as JSON" test "$status $(json '[(f["label"], f["what"][:31]) for f in d["findings"]]')" = \
    "0 [('cert', 'CKA_TRUSTED was not taken over:')]"
# shellcheck disable=SC2086
runk token downgrade $pins --no-trust
tells "downgrade takes no --no-trust" 2 'keykist: unknown option "--no-trust".*'

fresh
before=$(identity)
check "upgrade, killed and run again" killed upgrade sealed
runk token check --pin "$PIN"
said "every object is there" 0 "1 private and 2 public objects are sound." ""
check "downgrade, killed and run again" killed downgrade softhsm2
# shellcheck disable=SC2086
runk token upgrade $pins
runk token check --pin "$PIN"
said "and after that too" 0 "1 private and 2 public objects are sound." ""
finish
