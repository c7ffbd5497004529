#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# keykist doctor: what is bad is said so, and what is not is not.
. "$(dirname "$0")/keykist_lib.sh"

chmod 700 "$TOKENS"

# conf LINE...: the configuration, with these lines behind the directories.
conf()
{
    {
        echo "directories.tokendir = $TOKENS"
        echo "log.file = $WORK/log"
        for line; do
            echo "$line"
        done
    } > "$SOFTHSM2_CONF"
}

# bad NAME TOPIC PATTERN: the last run found this, and says so by its exit status.
bad()
{
    check "$1" sh -c "test $status = 1 && grep -Eq '^bad +$2 +.*$3' '$WORK/out' &&
        grep -Eqx 'keykist: [0-9]+ findings? (is|are) bad' '$WORK/err'"
}

conf
runk doctor
check "a plain installation" sh -c "test $status = 0 && ! grep -q '^bad' '$WORK/out'"
check "... says what a thief can do" grep -Eq "^note +PINs +one try takes .* PINs of 4 digits in" \
    "$WORK/out"
check "... what has no protection without a pepper" grep -Eq "^note +pepper +there is none" "$WORK/out"
check "... and where OpenSSL has keys" grep -Eq "^note +memory +during a login OpenSSL" "$WORK/out"
check "... and which OpenSSL that is" sh -c "sed -n 's/^ok  *OpenSSL  *//p' '$WORK/out' | grep -q '^OpenSSL [3-9]'"
if [ -e /usr/lib/softhsm/libsofthsm2.so ] && grep -q libstdc++ /usr/lib/softhsm/libsofthsm2.so; then
    check "... and who is found where SoftHSM is looked for" grep -Eq \
        "^note +module +programs that load /usr/lib/softhsm/libsofthsm2\.so get .*, not .*: " "$WORK/out"
fi
runk doctor --json
check "as JSON" test "$status $(json 'd["good"], set(f["level"] for f in d["findings"]) - {"ok", "note"}')" = \
    "0 (True, set())"

conf "pin.kdf = test"
runk doctor
bad "a KDF for tests" PINs "pin.kdf = test"
conf "pin.max_tries = 0"
runk doctor
bad "a PIN that never locks" PINs "pin.max_tries = 0"
conf "no.such.key = 1" "pin.max_tries = many" "nonsense"
runk doctor --json
check "each line of the configuration that is not understood" test \
    "$status $(json 'd["good"], len([f for f in d["findings"] if f["level"] == "bad" and f["topic"] == "configuration"])')" = \
    "1 (False, 3)"
check "... with file and line" sh -c "grep -q 'softhsm2.conf:3: unknown key no.such.key' '$WORK/out'"
conf "log.level = LOUD"
runk doctor
bad "a configuration that is refused" configuration "log.level cannot be LOUD"
(SOFTHSM2_CONF=$WORK/nowhere; export SOFTHSM2_CONF; runk doctor; exit "$status")
status=$?
bad "a configuration that is not there" configuration "nowhere cannot be read"

conf "token.pepper = file:$WORK/none"
runk doctor
bad "a pepper that is not there" pepper "none cannot be read"
printf '%064d' 0 > "$WORK/pepper"
chmod 644 "$WORK/pepper"
conf "token.pepper = file:$WORK/pepper"
runk doctor
bad "a pepper that everybody may read" pepper "everybody may get at"
chmod 600 "$WORK/pepper"
runk doctor
check "a pepper as it should be" sh -c "test $status = 0 && grep -Eq '^ok +pepper' '$WORK/out'"
cp "$WORK/pepper" "$TOKENS/pepper"
chmod 600 "$TOKENS/pepper"
conf "token.pepper = file:$TOKENS/pepper"
runk doctor
bad "a pepper beside the tokens" pepper "who copies them copies it too"
rm "$TOKENS/pepper"

conf
chmod 777 "$TOKENS"
runk doctor
bad "a token directory that everybody may write to" "token directory" "everybody may write"
chmod 755 "$TOKENS"
runk doctor
check "one that others may look into is fine" test "$status" = 0
keykist token init --label t --so-pin 12345678 > "$WORK/token.out" 2>&1
runk doctor
check "... as long as the tokens are closed" test "$status" = 0
check "a token without a user PIN is a note" grep -Eq '^note +tokens +"t" .* has no user PIN yet' \
    "$WORK/out"
chmod 755 "$TOKENS"/*-*
runk doctor
bad "a token that others may get at" "token directory" "chmod -R o-rwx"
chmod 700 "$TOKENS" "$TOKENS"/*-*

# note NAME TOPIC PATTERN: the last run found nothing bad, and told of this.
note()
{
    check "$1" sh -c "test $status = 0 && grep -Eq '^note +$2 +.*$3' '$WORK/out'"
}

runk doctor
check "nothing of owners and groups" sh -c "! grep -Eq 'belong|group' '$WORK/out'"
chmod 770 "$TOKENS"
runk doctor
note "a token directory that a group may write to" "token directory" 'a group \(gid [0-9]+\) may write to'
chmod 1770 "$TOKENS"
runk doctor
check "... each member for itself" sh -c "! grep -q 'a group (gid' '$WORK/out'"
chmod 700 "$TOKENS"
chmod 770 "$TOKENS"/*-*
runk doctor
note "a token that a group may write to" "token directory" "a group may change or delete what is in 1 token"
chmod 700 "$TOKENS"/*-*
if [ "$(id -u)" = 0 ]; then
    chown 4711 "$TOKENS"/*-*
    runk doctor
    note "a token of somebody else's" "token directory" '1 token belongs to others .*uid 4711'
    chown 0 "$TOKENS"/*-*
else
    skip "a token of somebody else's" "only root can give files away"
fi
# Who is not root, and not their owner, does not see them: that is said.
seen=$(stat -c %a "$WORK" "$TOKENS" "$SOFTHSM2_CONF" | tr '\n' ' ')
chmod 755 "$WORK" "$TOKENS"
chmod 644 "$SOFTHSM2_CONF"
if [ "$(id -u)" = 0 ] && setpriv --reuid 65534 --regid 65534 --clear-groups \
    sh -c "test -r '$MODULE' && test -x '$KK_KEYKIST' && test -x '$TOKENS'" 2> /dev/null; then
    setpriv --reuid 65534 --regid 65534 --clear-groups "$KK_KEYKIST" doctor --module "$MODULE" \
        < /dev/null > "$WORK/out" 2> "$WORK/err"
    status=0 # whatever else it finds
    note "tokens of another user" tokens 'belongs to another user \(uid 0\) and is not shown to you: .*objectstore.umask = 0007'
else
    skip "tokens of another user" "only root can be somebody else, where the program may be run"
fi
# shellcheck disable=SC2086 # three words
set -- $seen
chmod "$1" "$WORK"
chmod "$2" "$TOKENS"
chmod "$3" "$SOFTHSM2_CONF"
runk slot unplug "$(serial_of t)"
runk doctor
note "a token that is unplugged" tokens '"t" \(slot [0-9]+\) is unplugged'
runk slot plug "$(runk slot list --json; json '[s["serial"] for s in d["slots"] if s["label"] == "t"][0]')"

# The same token twice, out of a copy, say; one that does not open; what a deleted one leaves.
second=$TOKENS/ffffffff-ffff-4fff-8fff-ffffffffffff
cp -R "$TOKENS"/*-* "$second"
runk doctor
bad "two tokens with one serial number" tokens 'is a token that is not shown: it has the serial number'
rm "$second"/*
: > "$second/keykist.db"
runk doctor
bad "a token that cannot be opened" tokens 'ffffffffffff is a token that is not shown'
rm "$second"/*
: > "$second/audit.log"
runk doctor
check "a deleted token's log is no token" test "$status" = 0
rm -r "$second"

chmod 666 "$SOFTHSM2_CONF"
runk doctor
bad "a configuration that everybody may write" configuration "everybody may write"
chmod 600 "$SOFTHSM2_CONF"

conf "pin.max_tries = 1"
keykist pin init --so-pin 12345678 --new-pin 1234 > "$WORK/token.out" 2>&1
keykist pin change --pin 0000 --new-pin 1111 > "$WORK/token.out" 2>&1
runk doctor
bad "a locked PIN" tokens "the user PIN is locked"

conf "directories.tokendir = $WORK/nowhere"
runk doctor
check "no token directory" sh -c "test $status = 1 && grep -Eq '^bad +token directory +.*nowhere' '$WORK/out'"
finish
