#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# keykist token check, repair, rekey on our own module: each damage made is the one found.
. "$(dirname "$0")/keykist_lib.sh"

pins="--so-pin $SO_PIN --pin $PIN"

# sql STATEMENT: edits the one token's database, as somebody with an editor does.
sql()
{
    python3 -c 'import glob, sqlite3, sys
db = sqlite3.connect(glob.glob(sys.argv[1] + "/*/keykist.db")[0])
db.execute(sys.argv[2])
db.commit()' "$TOKENS" "$1"
}

# flip TABLE CONDITION [FROM-END]: one bit of the first of these blobs, in its last byte.
flip()
{
    python3 -c 'import glob, sqlite3, sys
db = sqlite3.connect(glob.glob(sys.argv[1] + "/*/keykist.db")[0])
where = f"from {sys.argv[2]} where {sys.argv[3]}"
row, blob = db.execute(f"select rowid, blob {where}").fetchone()
blob = bytearray(blob)
blob[-int(sys.argv[4])] ^= 1
assert db.execute(f"update {sys.argv[2]} set blob = ? where rowid = ?", (bytes(blob), row)).rowcount == 1
db.commit()' "$TOKENS" "$1" "$2" "${3:-1}"
}

# fresh: a token "t" with three objects, and no other.
fresh()
{
    rm -rf "${TOKENS:?}"/*
    make_token t
    util --import "$KEYS/ec.pem" --label pair --id 01 --token t --pin "$PIN" > "$WORK/made" &&
        util --import "$KEYS/cert.pem" --import-type cert --label cert --id 02 --token t \
            --pin "$PIN" >> "$WORK/made" ||
        bail "no objects: $(cat "$WORK/made")"
}

# finds NAME PATTERN ARGUMENTS...: check says it is damaged, and this finding is listed.
finds()
{
    name=$1
    pattern=$2
    shift 2
    runk token check "$@"
    check "$name" sh -c "test $status = 1 && grep -q -e '$pattern' '$WORK/out' &&
        grep -Eqx 'keykist: the token is damaged: [0-9]+ findings?' '$WORK/err'"
}

fresh
runk token check
said "a sound token, without a PIN" 0 \
    "2 public objects are sound. Private objects were not opened: that needs a PIN." ""
runk token check --pin "$PIN"
said "with the user's" 0 "1 private and 2 public objects are sound." ""
runk token check --so-pin "$SO_PIN" --json
check "with the SO's, as JSON" test \
    "$status $(json 'd["sound"], d["private_checked"], d["private_objects"], d["findings"]')" = \
    "0 (True, True, 1, [])"
runk token check --pin 0000
tells "with a wrong one" 1 'keykist: Could not check the token: the PIN is wrong \(CKR_PIN_INCORRECT\)\.'
runk token check $pins
tells "with two" 1 'keykist: one PIN is enough: --pin, or --so-pin'
runk token check --login
tells "--login without a terminal" 1 'keykist: the user PIN is missing: .*'

# ---- damage ----

flip objects "private = 1"
finds "a changed private object" "its bytes were changed" --pin "$PIN"
runk token check --pin "$PIN" --json
check "... as JSON" test \
    "$status $(json 'd["sound"], len(d["findings"]), d["findings"][0]["what"], d["findings"][0]["label"]')" = \
    "1 (False, 1, 'its bytes were changed', None)"
runk token check
check "... not seen without a PIN" test "$status" = 0
runk token repair $pins
check "repair says what it left out" sh -c "test $status = 0 &&
    grep -q 'its bytes were changed' '$WORK/out' &&
    grep -qx '0 private and 2 public objects were taken along.' '$WORK/out'"
runk token list --json
check "... and makes a second token" test \
    "$(json 'len(d["tokens"]), len(set(t["serial"] for t in d["tokens"]))')" = "(2, 2)"
check "... with the same label" test "$(json 'set(t["label"] for t in d["tokens"])')" = "{'t'}"

fresh
sql "delete from objects where private = 1"
finds "a deleted private object" "it is missing" --pin "$PIN"

fresh
flip objects "private = 0" 40 # behind it is the trust tag
finds "a changed public object, without a PIN" "its bytes were changed"

fresh
flip rows "tbl = 5"
finds "a changed list" "list of private objects is damaged" --pin "$PIN"

fresh
flip rows "tbl = 2 and no = 0"
finds "the SO's key row, found by the user" "the SO.s key row is not the one" --pin "$PIN"
runk token repair --so-pin 99999999 --pin "$PIN" --replace
tells "replacing wants --yes" 1 'keykist: The token "t" will be deleted when the new one is made, .*'
serial=$(serial_of t)
runk token repair --so-pin 99999999 --pin "$PIN" --replace --yes --json
check "repair with --replace keeps the serial" test \
    "$status $(json 'd["token"]["serial"], d["private_objects"], d["public_objects"]')" = \
    "0 ('$serial', 1, 2)"
runk token list --json
check "... and there is one token" test "$(json 'len(d["tokens"])')" = 1
runk token check --pin "$PIN"
said "... which is sound" 0 "1 private and 2 public objects are sound." ""
runk pin reset --so-pin 99999999 --new-pin "$PIN"
check "... and has the SO PIN that was given" test "$status" = 0

fresh
runk token repair --so-pin 00000000 --pin "$PIN"
tells "a wrong SO PIN for a sound row is refused" 1 \
    'keykist: Could not repair the token: the PIN is wrong \(CKR_PIN_INCORRECT\)\.'
runk token list --json
check "... and nothing is made" test "$(json 'len(d["tokens"])')" = 1

# ---- rekey ----

fresh
cp -R "$TOKENS" "$WORK/copy"
runk token rekey --so-pin "$SO_PIN"
tells "rekey wants both PINs" 1 'keykist: the user PIN is missing: .*'
runk token rekey --so-pin "$SO_PIN" --pin 0000
tells "... and right ones" 1 'keykist: Could not give the token new keys: the PIN is wrong .*'
runk token rekey $pins --so-recovery maybe
tells "--so-recovery is on or off" 1 'keykist: --so-recovery is "on" or "off"'
runk token rekey $pins
said "rekey" 0 \
    'Token "t" (serial S, slot N): it has new keys, and all objects are sealed with them.' ""
runk token check --pin "$PIN"
said "... all is there" 0 "1 private and 2 public objects are sound." ""
runk token show --json
check "... nothing is pending" test "$(json 'd["state"]')" = ready
runk token rekey $pins --so-recovery off
check "so-recovery is taken away" test "$status" = 0
runk token show --json
check "... and shown so" test "$(json 'd["so_recovery"]')" = False
runk token check --so-pin "$SO_PIN"
said "... the SO opens no private object" 0 \
    "2 public objects are sound. Private objects were not opened: that needs the user's PIN." ""
runk pin reset --so-pin "$SO_PIN" --new-pin 4321
tells "... and a reset would empty it" 1 'keykist: All private objects of the token "t" will be lost .*'

# The old key rows do not open the token any more.
python3 - "$WORK/copy" "$TOKENS" <<'END'
import glob, sqlite3, sys
old, new = (sqlite3.connect(glob.glob(folder + "/*/keykist.db")[0]) for folder in sys.argv[1:])
for row in old.execute("select tbl, no, generation, tag, blob from rows where tbl = 2").fetchall():
    new.execute("replace into rows (tbl, no, generation, tag, blob) values (?, ?, ?, ?, ?)", row)
new.commit()
END
runk pin change --pin "$PIN" --new-pin 4321
tells "old key rows put back open nothing" 1 'keykist: Could not log in as user: .* \(CKR_DEVICE_ERROR\)\.'

fresh
sql "delete from objects where private = 1"
runk token rekey $pins
tells "a damaged token keeps its keys" 1 'keykist: the token keeps the keys it has: it is damaged .*'
finish
