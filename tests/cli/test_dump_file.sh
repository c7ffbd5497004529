#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# softhsm2-dump-file: its words and exit status; and, with SoftHSM and its own program there, the same
# lines for every object of a token that SoftHSM made. What each kind of value and of damage looks
# like is tested in tests/unit/cli/test_object_file.c.
. "$(dirname "$0")/lib.sh"

CORPUS=$(cd "$(dirname "$0")/../../fuzz/corpus/object_file" && pwd)

dump()
{
    run_program "$KK_DUMP_FILE" "$@"
}

is_usage()
{
    test "$status" = "$1" -a "$(head -n 2 "$WORK/out")" = "SoftHSM dump tool. From SoftHSM v2 object file.
Usage: softhsm2-dump-file path"
}

dump
check "no arguments: usage, rc 1" is_usage 1
dump --help
check "--help: rc 0" is_usage 0
dump -h
check "-h: rc 0" is_usage 0
dump --bogus
check "an unknown option: usage, rc 1" is_usage 1
dump --version
said "--version" 0 "2.6.1" ""
dump "$WORK/nonexistent"
said "no such file" 1 "" "can't open object file WORK/nonexistent"
dump "$WORK"
said "a directory" 1 "" "ERROR: Could not read the object file WORK"
dump "$CORPUS/generation" "$CORPUS/generation"
said "two files" 1 "" "ERROR: Give the path of one object file."
cp "$CORPUS/generation" "$WORK/file"
dump "$WORK/file"
said "an object without attributes" 0 'Dump of object file "WORK/file"
00 00 00 00 00 00 00 07 generation 7' ""
: > "$WORK/file"
dump "$WORK/file"
said "an empty file" 1 'Dump of object file "WORK/file"' \
    "ERROR: The file is damaged at byte 0: the file is empty."
head -c 60 "$CORPUS/token" > "$WORK/file"
dump "$WORK/file"
said "half a file" 1 'Dump of object file "WORK/file"
00 00 00 00 00 00 00 0a generation 10
00 00 00 00 80 00 53 49 CKA_OS_TOKENLABEL
00 00 00 00 00 00 00 03 byte string attribute
00 00 00 00 00 00 00 20 (length 32)
74 20 20 20 20 20 20 20 <t.......>
20 20 20 20 20 20 20 20 <........>
20 20 20 20 20 20 20 20 <........>
20 20 20 20             <....    >' \
    "ERROR: The file is damaged at byte 24: CKA_OS_TOKENLABEL has a length of 32 bytes, but 28 are left."
dump -- "$WORK/file"
check "-- before a path" test "$status" = 1 -a "$(wc -l < "$WORK/out")" = 9
if [ -e /dev/full ]; then
    "$KK_DUMP_FILE" "$CORPUS/token" > /dev/full 2> /dev/null
    check "output that cannot be written is a failure" test $? = 1
else
    skip "output that cannot be written is a failure" "no /dev/full"
fi

JUDGE=/usr/bin/softhsm2-dump-file
if [ "$KK_KIND" != foreign ] || ! [ -x "$JUDGE" ] || "$JUDGE" "$CORPUS/generation" > /dev/null 2>&1; then
    # SoftHSM's own program ends a good dump with 1.
    skip "the same as SoftHSM's program" "no softhsm2-dump-file of SoftHSM to judge by, or another module"
    finish
    exit 0
fi

# judge NAME FILE
judge()
{
    "$JUDGE" "$2" > "$WORK/judged" 2>&1
    dump "$2"
    check "as the judge: $1" cmp "$WORK/judged" "$WORK/out"
    check "... rc 0, no error" test "$status" = 0 -a ! -s "$WORK/err"
}

make_token t
for file in rsa ec ed25519 dsa; do
    util --import "$KEYS/$file.pem" --token t --pin "$PIN" --label $file --id 01 --force > "$WORK/import" 2>&1
done
util --import "$KEYS/cert.pem" --import-type cert --token t --pin "$PIN" --label cert --id 01 > "$WORK/import" 2>&1
head -c 32 /dev/zero > "$WORK/key"
util --import "$WORK/key" --aes --token t --pin "$PIN" --label aes --id 02 > "$WORK/import" 2>&1
count=0
for object in "$TOKENS"/*/*.object; do
    case $object in */token.object) name="the token" ;; *) name="object $count" ;; esac
    judge "$name" "$object"
    count=$((count + 1))
done
check "there were a token, four key pairs, a certificate and a key" test "$count" = 11
for file in generation map mechanisms strings token; do
    judge "$file" "$CORPUS/$file"
done

finish
