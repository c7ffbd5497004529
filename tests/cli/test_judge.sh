#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The installed softhsm2-util as the judge: the same commands, and both must say the same on each
# stream, with the same exit status. Where they are meant to differ, other tests say what is right.
. "$(dirname "$0")/lib.sh"

JUDGE=/usr/bin/softhsm2-util
if [ "$KK_KIND" != foreign ] || [ "$("$JUDGE" --version 2> /dev/null)" != 2.6.1 ] ||
    ! "$JUDGE" --help | grep -q 'Shows this help screen'; then
    echo "1..0 # SKIP no softhsm2-util 2.6.1 to judge by, or another module"
    exit 0
fi

# Each program has a token directory of its own, in which the same things happen.
mkdir "$WORK/a" "$WORK/b"
for side in a b; do
    sed "s#^directories.tokendir.*#directories.tokendir = $WORK/$side#" "$WORK/softhsm2.conf" \
        > "$WORK/$side.conf"
done

# side PROGRAM CONF ARGUMENTS...: the serial of the token with label t stands for SERIAL.
side()
{
    program=$1
    SOFTHSM2_CONF=$WORK/$2.conf
    where=$2
    shift 2
    "$program" --module "$MODULE" "$@" < /dev/null > "$WORK/$where.out" 2> "$WORK/$where.err"
    echo "rc=$?" >> "$WORK/$where.out"
}

# Every token's serial is random; a slot of four digits and more follows from it.
plain()
{
    normalise "$1" | sed -E -e 's/(Serial number: +)[0-9a-f]{16}/\1S/' -e 's/0x[0-9a-f]{4,8} */0xN/'
}

# judge ARGUMENTS...
judge()
{
    side "$JUDGE" a "$@"
    side "$KK_UTIL" b "$@"
    for stream in out err; do
        plain "$WORK/a.$stream" > "$WORK/a.plain"
        plain "$WORK/b.$stream" > "$WORK/b.plain"
        if ! cmp -s "$WORK/a.plain" "$WORK/b.plain"; then
            fail "$*"
            diff "$WORK/a.plain" "$WORK/b.plain" | sed 's/^/# /'
            return
        fi
    done
    pass "$*"
}

pins="--so-pin $SO_PIN --pin $PIN"
user="--token t --pin $PIN"
printf '0123456789abcdef0123456789abcdef' > "$WORK/key"
: > "$WORK/empty"

# shellcheck disable=SC2086
{
    judge --show-slots
    judge --init-token $pins
    judge --init-token --label x $pins
    judge --init-token --free $pins
    judge --init-token --free --label 123456789012345678901234567890123 $pins
    judge --init-token --free --label x --pin 1234
    judge --init-token --free --label x --so-pin 1234
    judge --init-token --free --label x --so-pin 123 --pin 1234
    judge --init-token --slot 99 --label x $pins
    judge --init-token --slot 99
    judge --init-token --slot 99 --label x
    judge --init-token --slot 99 --label x --so-pin 1234
    judge --init-token --slot -2 --label x $pins
    judge --init-token --token nobody --label x $pins
    judge --init-token --serial nobody --label x $pins
    judge --init-token --serial 12345678901234567 --label x $pins
    judge --init-token --token 123456789012345678901234567890123 --label x $pins
    judge --init-token --free --label t $pins
    judge --show-slots
    judge --init-token --token t --label t $pins
    judge --init-token --token t --label t --so-pin 87654321 --pin 1234
    judge --init-token --slot 1 --label twin $pins
    judge --init-token --free --label twin $pins
    judge --init-token --token twin --label twin $pins
    judge --init-token --free --token t --label '' $pins
    judge --init-token --fr --lab abbreviated $pins

    judge --import "$KEYS/rsa.pem"
    judge --import "$KEYS/rsa.pem" --free --label x --id 01 --pin 1234
    judge --import "$KEYS/rsa.pem" --token nobody --label x --id 01 --pin 1234
    judge --import "$KEYS/rsa.pem" --token twin --label x --id 01 --pin 1234
    judge --import "$KEYS/rsa.pem" --slot 99 --label x --id 01
    judge --import "$KEYS/rsa.pem" --slot 5 --label x --id 01
    judge --import "$KEYS/rsa.pem" --slot -2 --label x --id 01
    judge --import "$KEYS/rsa.pem" --token t --label x --id 01
    judge --import "$KEYS/rsa.pem" --token t --pin 12 --label x --id 01
    judge --import "$KEYS/rsa.pem" --token t --pin 4321 --label x --id 01
    judge --import "$KEYS/rsa.pem" $user
    judge --import "$KEYS/rsa.pem" $user --label x
    judge --import "$KEYS/rsa.pem" $user --id 01
    judge --import "$KEYS/rsa.pem" $user --label x --id 0
    judge --import "$KEYS/rsa.pem" $user --label x --id 0x
    judge --import "$KEYS/rsa.pem" $user --label x --id ''
    judge --import "$KEYS/rsa.pem" $user --label x --id 0A
    judge --import "$KEYS/rsa.pem" $user --label x --id 0a
    judge --import "$KEYS/rsa.pem" $user --label x --id 0a --force
    judge --import "$KEYS/rsa.pem" $user --label '' --id 0b --no-public-key
    judge --import "$KEYS/rsa.pem" $user --label x --id 0b
    for file in ec ed25519 ed448 dsa; do
        judge --import "$KEYS/$file.pem" $user --label $file --id 0c --force
    done
    judge --import "$KEYS/rsa-encrypted.pem" $user --label x --id 0d
    judge --import "$KEYS/rsa-encrypted.pem" $user --label x --id 0d --file-pin wrong
    judge --import "$KEYS/rsa-encrypted.pem" $user --label x --id 0d --file-pin secret
    judge --import "$KEYS/rsa.pem" $user --label x --id 0e --file-pin secret
    judge --import "$KEYS/dh.pem" $user --label x --id 0e
    judge --import "$KEYS/cert.pem" $user --label x --id 0e
    judge --import "$KEYS/nonexistent" $user --label x --id 0e
    judge --import "$KEYS" $user --label x --id 0e
    judge --import "$WORK/empty" $user --label x --id 0e
    judge --import "$WORK/empty" $user --label x --id 0e --aes
    judge --import "$KEYS/nonexistent" $user --label x --id 0e --aes
    judge --import "$WORK/key" $user --label x --aes
    judge --import "$WORK/key" $user --id 0e --aes
    judge --import "$WORK/key" $user --label x --id 0e1 --aes
    judge --delete-token
    judge --delete-token --slot 1
    judge --delete-token --serial 12345678901234567
    judge --delete-token --token 123456789012345678901234567890123
    judge --module /nonexistent --show-slots
    judge --version
}

# What the imports left in the token, by SoftHSM's own dump: which attributes, their truth values and
# their lengths. A secret key too, about which the judge says nothing.
side "$JUDGE" a --import "$WORK/key" --token t --pin "$PIN" --label aes --id 0f --aes
side "$KK_UTIL" b --import "$WORK/key" --token t --pin "$PIN" --label aes --id 0f --aes
if command -v softhsm2-dump-file > /dev/null 2>&1; then
    for side in a b; do
        for object in "$WORK/$side"/*/*.object; do
            case $object in */token.object) continue ;; esac
            softhsm2-dump-file "$object" | grep -o -E 'CKA_.*|FALSE|TRUE|\(length .*' |
                tr -d '\n'
            echo
        done | sort > "$WORK/$side.objects"
    done
    check "the objects are there" test "$(wc -l < "$WORK/a.objects")" -gt 12
    check "the objects have the same attributes" cmp "$WORK/a.objects" "$WORK/b.objects"
else
    skip "the objects have the same attributes" "no softhsm2-dump-file"
fi

finish
