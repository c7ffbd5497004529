#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# keykist audit show, verify: what a token's use leaves behind, and that changes to it are found.
. "$(dirname "$0")/keykist_lib.sh"

keykist token init --label t --so-pin 12345678 --pin 1234 > "$WORK/token.out" 2>&1 ||
    bail "no token: $(cat "$WORK/token.out")"

if [ "$KK_KIND" != own ]; then
    runk audit show
    tells "show: a module that is not ours" 1 'keykist: the module .* cannot do that: .*'
    finish
    exit 0
fi

runk audit verify --pin 1234
tells "verify: there is no log" 1 \
    'keykist: the token has no audit log; audit.log in softhsm2.conf turns it on'
runk audit show --json
check "show: none" test "$(json 'd["entries"]')" = "[]"

# writers: which format a program must know to write the token.
writers()
{
    python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("SELECT min_reader, min_writer FROM format").fetchone())' \
        "$(echo "$TOKENS"/*/)keykist.db"
}
check "without a log all programs write the token" test "$(writers)" = "(1, 1)"

echo "audit.log = on" >> "$SOFTHSM2_CONF"
LOG=$(echo "$TOKENS"/*/)audit.log
runk pin change --pin 1234 --new-pin 5678
runk pin change --pin 1234 --new-pin 5678
tells "a wrong PIN" 1 'keykist: Could not log in as user: the PIN is wrong .*'
check "with one, those that know of its anchor" test "$(writers)" = "(1, 2)"
util --import "$KEYS/ec.pem" --token t --pin 5678 --label "a key" --id 01 > "$WORK/import" 2>&1
check "a key is imported" test $? = 0

runk audit show --json
check "show: what happened, in its order" test "$(json '[e["event"] for e in d["entries"]][:7]')" = \
    "['begin', 'epoch', 'login', 'pin-change', 'logout', 'pin-failed', 'login']"
check "... by whom" test "$(json '[e["user"] for e in d["entries"]][:6]')" = \
    "['user', 'user', 'user', 'user', 'user', 'public']"
check "... with what result" test "$(json 'd["entries"][5]["result"], d["entries"][5]["tried"]')" = \
    "('CKR_PIN_INCORRECT', 'user')"
check "... by which program" test "$(json 'd["entries"][0]["program"].rsplit("/", 1)[1]')" = keykist
check "... the key" test "$(json '[e["label"] for e in d["entries"] if e["event"] == "create"][0]')" = "a key"
check "no PIN is in the log" sh -c "! grep -q -e '\"[^\"]*\(1234\|5678\)[^\"]*\",\"uid' '$LOG'"
runk audit show --event pin-failed
check "show: one event" test "$(grep -c pin-failed "$WORK/out")" = 1
check "... and a title" test "$(wc -l < "$WORK/out")" = 2
runk audit show --since 2999-01-01 --json
check "show: since later" test "$(json 'len(d["entries"])')" = 0
runk audit show --since 2000-01-01T00:00:00 --json
check "show: since long ago" test "$(json 'len(d["entries"]) > 6')" = True
runk audit show --since yesterday
tells "show: no time" 1 'keykist: --since takes a time like .*'

runk audit verify --json
check "verify: hashes without a PIN" test "$(json 'd["result"], d["sealed"]')" = "('sound', None)"
runk audit verify --pin 5678 --json
check "verify: all is sealed" test "$(json 'd["result"], d["verified"], d["unsealed"]')" = \
    "('sound', 'hashes and MACs', 0)"
runk audit verify --so-pin 12345678
check "verify: with the SO's PIN" grep -q '^Result  *sound$' "$WORK/out"
runk audit verify --pin 5678 --so-pin 12345678
tells "verify: two PINs" 1 "keykist: Use the user's PIN or the SO's, not both\."
runk audit verify --pin 0000
tells "verify: a wrong PIN" 1 'keykist: Could not log in as user: .*'
runk audit verify --pin 5678 --json
check "... whose entry is sealed by the next login" test "$(json 'd["result"], d["unsealed"]')" = "('sound', 0)"

# An edit, a deleted line, a cut tail.
cp "$LOG" "$WORK/good"
sed '3s/"user":"user"/"user":"so"/' "$WORK/good" > "$LOG"
runk audit verify
check "verify: an edited entry" test "$status" = 1
check "... is named" grep -q -x -E \
    'keykist: the audit log is broken: audit.log, entry 3: its hash does not fit: .*' "$WORK/err"
check "... the figures too" grep -q '^First break  *3$' "$WORK/out"
sed 4d "$WORK/good" > "$LOG"
runk audit verify --json
check "verify: a deleted entry" test "$(json 'd["result"], d["break"], d["file"]')" = "('broken', 5, 'audit.log')"
head -n 4 "$WORK/good" > "$LOG"
runk audit verify
check "verify: a cut tail" grep -q 'entry 4: the entries behind it are missing' "$WORK/err"
runk audit verify --pin 5678
check "... and the login writes it down" grep -q 'entry 5: it tells that the log was cut' "$WORK/err"
printf 'junk\033[31m\n' >> "$LOG"
runk audit show
check "show: what is no entry is shown, harmlessly" \
    sh -c "grep -q '(no entry)' '$WORK/out' && ! grep -q '$(printf '\033')' '$WORK/out'"
runk audit show --json
check "... in JSON" test "$(json 'd["entries"][-1]')" = "{'no_entry': 'junk\\x1b[31m'}"

# What cannot be logged is refused.
cp "$WORK/good" "$LOG"
mv "$LOG" "$WORK/moved" && mkdir "$LOG"
runk pin change --pin 5678 --new-pin 1234
tells "what cannot be logged is refused" 1 'keykist: Could not log in as user: .*\(CKR_DEVICE_ERROR\)\.'
echo "audit.on_error = continue" >> "$SOFTHSM2_CONF"
runk pin change --pin 5678 --new-pin 1234
check "... but not with audit.on_error = continue" test "$status" = 0
rmdir "$LOG"

runk token delete --token t --yes
check "the log outlives its token" sh -c "grep -q token-delete '$LOG'"
finish
