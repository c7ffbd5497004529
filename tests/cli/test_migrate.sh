#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# softhsm2-migrate: databases as SoftHSM 1 left them, into a token of the module. The keys are those of
# bind/, so that a DNSKEY record says whether they arrived.
. "$(dirname "$0")/lib.sh"

BIND=$(cd "$(dirname "$0")" && pwd)/bind
found="Found slot N with matching token label."
unable="ERROR: Unable to migrate all of the objects."

if ! python3 -c 'import sqlite3' 2> /dev/null; then
    echo "1..0 # SKIP no python3 with sqlite3 to make databases"
    exit 0
fi
DB=$WORK/db
mkdir "$DB"
python3 "$(dirname "$0")/softhsm1_db.py" "$DB" "$BIND/alg08.private" "$BIND/alg10.private" ||
    bail "no databases"

# migrate ARGUMENTS...
migrate()
{
    run_program "$KK_MIGRATE" --module "$MODULE" "$@"
}

# migrate_db NAME ARGUMENTS...: from $DB/NAME.db into the token t.
migrate_db()
{
    db=$DB/$1.db
    shift
    migrate --db "$db" --token t --pin "$PIN" "$@"
}

# fresh_token: the one token, with nothing in it.
fresh_token()
{
    rm -rf "${TOKENS:?}"/*
    make_token t
}

is_usage()
{
    test "$status" = "$1" -a "$(head -n 2 "$WORK/out")" = "SoftHSM migration tool. From SoftHSM v1 database to PKCS#11.
Usage: softhsm2-migrate [OPTIONS]"
}

run_program "$KK_MIGRATE"
check "no arguments: usage, rc 0" is_usage 0
run_program "$KK_MIGRATE" --help
check "--help: rc 0" is_usage 0
run_program "$KK_MIGRATE" --version
said "--version" 0 "2.6.1" ""
run_program "$KK_MIGRATE" --free
check "an unknown option: usage, rc 1" is_usage 1
run_program "$KK_MIGRATE" --module /nonexistent --db "$DB/good.db" --token t
check "a module that is not there: rc 1" test "$status" = 1 -a "$(head -c 54 "$WORK/err")" = \
    "ERROR: Could not load the PKCS#11 library/module: /non"

fresh_token
migrate --db "$DB/good.db" --pin "$PIN"
said "no token" 1 "" \
    "ERROR: A slot/token must be supplied. Use --slot <number>, --serial <serial>, or --token <label>"
migrate --db "$DB/good.db" --token none --pin "$PIN"
said "a token that is not there" 1 "" "ERROR: Could not find a slot/token using --serial, or --token"
migrate --db "$DB/good.db" --slot 4711 --pin "$PIN"
said "a slot that is not there" 1 "" "ERROR: The given slot does not exist."
migrate --token t --pin "$PIN"
said "no --db" 1 "$found" "ERROR: A path to the database must be supplied. Use --db <path>"
migrate --db "$DB/good.db" --token t --pin 4321
said "a wrong PIN" 1 "$found" "ERROR: The given user PIN does not match the one in the token."
migrate --db "$DB/good.db" --token t
said "no PIN, no terminal" 1 "$found
=== User PIN (4-255 characters) ===
Please enter user PIN: " "ERROR: Could not get user PIN"

migrate --db "$WORK/none.db" --token t --pin "$PIN"
said "no database" 1 "$found" \
    "ERROR: Could not open token database. Probably wrong path or privileges: WORK/none.db"
check "... and none is made" test ! -e "$WORK/none.db"
migrate --db "$WORK" --token t --pin "$PIN"
said "a directory" 1 "$found" \
    "ERROR: Could not open token database. Probably wrong path or privileges: WORK"
: > "$DB/zero.db"
migrate_db zero
said "a file of nothing" 1 "$found" "ERROR: Wrong database schema version: WORK/db/zero.db"
cp "$BIND/alg08.private" "$DB/text.db"
migrate_db text
said "a file that is no database" 1 "$found" \
    "ERROR: The token database has not been initialized by SoftHSM"
migrate_db version
said "another version" 1 "$found" "ERROR: Wrong database schema version: WORK/db/version.db"
migrate_db noToken
said "no table Token" 1 "$found" "ERROR: The Token table is missing the in database"
migrate_db noObjects
said "no table Objects" 1 "$found" "ERROR: The Objects table is missing the in database"
migrate_db noAttributes
said "no table Attributes" 1 "$found" "ERROR: The Attributes table is missing in the database"
migrate_db empty
said "no objects" 1 "$found" "ERROR: There are not objects in the database
ERROR: Could not find any objects in the database.
$unable"

migrate_db damaged
said "parts that do not belong together" 1 "$found" \
    "ERROR: The parts of the key do not belong together. Skipping object 1
$unable"
migrate_db odd
said "what is not migrated, and what is" 1 "$found
Object 6 has been migrated" "ERROR: Not supporting class 1 in object 1. Continuing.
ERROR: Not supporting class 4 in object 2. Continuing.
ERROR: Cannot export object 3. Only supporting RSA keys. Continuing.
ERROR: Could not get the class of object 4. Continuing.
ERROR: Could not get the class of object 5. Continuing.
$unable"
migrate_db session
said "a session object" 0 "$found
Object 1 has been migrated
Object 2 is a session object and has been left out
The database has been migrated to the new HSM" ""
migrate_db narrow
said "a database of a machine with 32 bits" 0 "$found
Object 1 has been migrated
The database has been migrated to the new HSM" ""

# ---- what arrives ----

fresh_token
cp "$DB/good.db" "$WORK/before.db"
chmod 400 "$DB/good.db"
migrate_db good
said "two key pairs" 0 "$found
Object 1 has been migrated
Object 2 has been migrated
Object 5 has been migrated
Object 6 has been migrated
The database has been migrated to the new HSM" ""
check "the database is as it was" cmp "$DB/good.db" "$WORK/before.db"
check "... and nothing lies beside it" test "$(echo "$DB"/good.db*)" = "$DB/good.db"

# tool ARGUMENTS...: pkcs11-tool, logged in.
tool()
{
    pkcs11-tool --module "$MODULE" --token-label t --login --pin "$PIN" "$@" 2> "$WORK/tool.err"
}

# lists TYPE: label, ID and usage of each object.
lists()
{
    tool -O --type "$1" | sed -n -E 's/, signRecover//; s/, verifyRecover//; s/^  (label|ID|Usage): +//p' |
        paste -sd '  \n' - | tr -s ' ' | sort
}

# signs ALGORITHM ID: verified with the key of the DNSKEY record.
printf '0123456789abcdef0123456789abcdef' > "$WORK/data"
signs()
{
    python3 "$(dirname "$0")/dnskey.py" < "$BIND/alg$1.key" > "$WORK/public.pem"
    rm -f "$WORK/signature"
    tool --sign --id "$2" --mechanism RSA-PKCS --input-file "$WORK/data" \
        --output-file "$WORK/signature" > "$WORK/tool.out" 2>&1
    openssl pkeyutl -verify -pubin -inkey "$WORK/public.pem" -in "$WORK/data" \
        -sigfile "$WORK/signature" > "$WORK/verified" 2>&1
}

if [ -n "${KK_SANITIZED:-}" ] || ! command -v pkcs11-tool > /dev/null 2>&1 || ! command -v openssl > /dev/null 2>&1; then
    skip "what arrived" "no openssl, no pkcs11-tool, or none that can load a sanitized module"
else
    check "the private keys, with their uses" test "$(lists privkey)" = "one 0102 sign
two a1 sign"
    check "the public keys, with their uses" test "$(lists pubkey)" = "one 0102 encrypt, verify
two a1 encrypt, verify"
    check "the first signs" signs 08 0102
    check "the second signs" signs 10 a1
    fresh_token
    migrate_db good --no-public-key
    said "--no-public-key" 0 "$found
Object 2 has been migrated
Object 6 has been migrated
The database has been migrated to the new HSM" ""
    check "... the private keys" test "$(tool -O --type privkey | grep -c Object)" = 2
    check "... and no others" test "$(tool -O --type pubkey | grep -c Object)" = 0
fi

# Which attributes are needed is tested with the judge.
JUDGE=/usr/bin/softhsm2-migrate
if [ "$KK_KIND" != foreign ] || [ "$("$JUDGE" --version 2> /dev/null)" != 2.6.1 ] ||
    ! "$JUDGE" --help | grep -q 'Shows this help screen'; then
    skip "the same as SoftHSM's program" "no softhsm2-migrate 2.6.1 to judge by, or another module"
    finish
    exit 0
fi

# judge NAME ARGUMENTS...: the same words and status.
judge()
{
    name=$1
    shift
    fresh_token
    run_program "$JUDGE" --module "$MODULE" "$@"
    out=$(normalise "$WORK/out")
    err=$(normalise "$WORK/err")
    wanted=$status
    cp -r "$TOKENS" "$WORK/judged"
    fresh_token
    migrate "$@"
    said "as the judge: $name" "$wanted" "$out" "$err"
}

for db in version noToken noObjects noAttributes empty good odd lacks text zero; do
    judge "$db" --db "$DB/$db.db" --token t --pin "$PIN"
    [ $db = lacks ] || rm -rf "$WORK/judged"
done
judge "no --db" --token t --pin "$PIN"
judge "no --pin" --db "$DB/good.db" --token t
judge "a wrong PIN" --db "$DB/empty.db" --token t --pin 4321
judge "no token" --db "$DB/good.db"
judge "--no-public-key" --db "$DB/good.db" --token t --pin "$PIN" --no-public-key

# The objects themselves, by SoftHSM's own dump: which attributes, their truth values, their lengths.
# Of a private key the judge leaves three numbers out, which are computed here.
shape()
{
    for object in "$1"/*/*.object; do
        case $object in */token.object) continue ;; esac
        softhsm2-dump-file "$object" | grep -o -E 'CKA_.*|FALSE|TRUE|\(length .*' | tr '\n' ' ' |
            sed -E 's/(CKA_EXPONENT_[12]|CKA_COEFFICIENT) \(length [0-9]+\)/\1/g'
        echo
    done | sort
}

if command -v softhsm2-dump-file > /dev/null 2>&1; then
    rm -rf "$WORK/judged"
    judge "good, to compare" --db "$DB/good.db" --token t --pin "$PIN"
    shape "$WORK/judged" > "$WORK/judged.shape"
    shape "$TOKENS" > "$WORK/own.shape"
    check "there are four objects" test "$(wc -l < "$WORK/own.shape")" = 4
    check "the objects have the same attributes" cmp "$WORK/judged.shape" "$WORK/own.shape"
else
    skip "the objects have the same attributes" "no softhsm2-dump-file"
fi

finish
