#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# softhsm2-keyconv: its words, its files, and the keys: they are those of the DNSKEY record, and they
# sign in a token. bind/ has a key of each algorithm; where dnssec-keygen is, fresh ones come to them.
. "$(dirname "$0")/lib.sh"

BIND=$(cd "$(dirname "$0")" && pwd)/bind
OUT=$WORK/out.pem
written="The key has been written to WORK/out.pem"
missing="ERROR: Some parts of the key material is missing in the input file."

# convert ARGUMENTS...: with an output file that is not there before.
convert()
{
    rm -f "$OUT"
    run_program "$KK_KEYCONV" --out "$OUT" "$@"
}

# refused NAME ERR: the last conversion failed with these words, and left nothing behind.
refused()
{
    said "$1" 1 "" "$2"
    check "$1: no file" test "$(ls "$WORK"/out.pem* 2> /dev/null)" = ""
}

# edit FILE SED-ARGUMENTS...: a changed copy of a key file.
edit()
{
    file=$1
    shift
    sed "$@" "$BIND/$file" > "$WORK/edited"
    convert --in "$WORK/edited"
}

# ---- the command line ----

run_program "$KK_KEYCONV"
check "no arguments: usage, rc 0" test "$status" = 0 -a "$(sed -n 2p "$WORK/out")" = "Usage: softhsm2-keyconv [OPTIONS]"
run_program "$KK_KEYCONV" --help
check "--help: rc 0" test "$status" = 0 -a "$(sed -n 2p "$WORK/out")" = "Usage: softhsm2-keyconv [OPTIONS]"
run_program "$KK_KEYCONV" -v
said "-v" 0 "2.6.1" ""
run_program "$KK_KEYCONV" --bogus 2> /dev/null
check "an unknown option: usage, rc 1" test "$status" = 1 -a "$(sed -n 2p "$WORK/out")" = "Usage: softhsm2-keyconv [OPTIONS]"
run_program "$KK_KEYCONV" --in "$BIND/alg08.private"
said "no --out" 1 "" "ERROR: A path to the output file must be supplied. Use --out <path>"
convert
refused "no --in" "ERROR: A path to the input file must be supplied. Use --in <path>"
convert --in "$WORK/nonexistent"
refused "no input file" "ERROR: Could not open input file WORK/nonexistent for reading."
convert --in "$WORK"
refused "a directory" "ERROR: Could not open input file WORK for reading."
run_program "$KK_KEYCONV" --in "$BIND/alg08.private" --out "$WORK/none/out.pem"
said "no such directory" 1 "" "ERROR: Could not open the output file: WORK/none/out.pem (errno 2)"

# ---- what the file says ----

edit alg08.private 's/v1.3/v1.4/'
said "a later minor version" 0 "$written" ""
edit alg08.private 's/v1.3/v1.4/; $aQuantum: AAAA\nnothing'
said "fields of a later version are reported by their names only" 0 "$written" "ERROR: Unrecognized input line 14
ERROR: --> Quantum:
ERROR: Unrecognized input line 15
ERROR: --> "
edit alg08.private 's/v1.3/v2.0/'
refused "another major version" "ERROR: Cannot parse this version of file format, v2.0."
edit alg08.private 's/v1.3/one/'
refused "no version" "ERROR: Invalid/unknown version string (one)."
edit alg08.private 's/^Algorithm: 8/Algorithm: 12/'
refused "an algorithm that is not handled" "ERROR: The algorithm 12 is not supported."
edit alg08.private '/^Algorithm/d'
refused "no algorithm" "ERROR: The algorithm -1 was not given in the file."
edit alg08.private '/^Prime2/d'
refused "a part missing" "$missing"
edit alg13.private '/^PrivateKey/d'
refused "the private key missing" "$missing"
edit alg13.private 's/^PrivateKey: .*/Engine: cGtjczEx\nLabel: eA==/'
refused "a key that is in another HSM" "ERROR: Unrecognized input line 3
ERROR: --> Engine:
ERROR: Unrecognized input line 4
ERROR: --> Label:
$missing"
edit alg08.private 's/^Prime1: .*/Prime1: ab!!/; s/^Prime2: .*/Prime2: a/'
refused "no Base64" "ERROR: Could not parse the base64 string on line 6.
ERROR: Could not parse the base64 string on line 7."
edit alg08.private '$aModulus: AQ=='
said "a field twice" 0 "$written" 'ERROR: Duplicate "Modulus:" field, line 14 - ignored'
edit alg08.private 's/$/\r/'
said "lines of DOS" 0 "$written" ""
for key in alg08:Prime1 alg08:Coefficient alg03:'Public_value(y)' alg03:'Subprime(q)'; do
    edit "${key%%:*}.private" "s/^${key#*:}: ..../${key#*:}: AAAA/"
    refused "another ${key#*:}" "ERROR: The parts of the key do not belong together."
done
edit alg13.private 's/^PrivateKey: .*/PrivateKey: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=/'
refused "a key of zero" "ERROR: The parts of the key do not belong together."
for wrong in 13:14 14:13 15:16 16:15; do
    [ "$wrong" = 13:14 ] && continue # a short number is a number
    edit "alg${wrong%:*}.private" "s/^Algorithm: ${wrong%:*}/Algorithm: ${wrong#*:}/"
    refused "the key of ${wrong%:*} for ${wrong#*:}" "ERROR: The parts of the key do not belong together."
done

# ---- the file that is written ----

convert --in "$BIND/alg08.private"
check "the file is its owner's" test "$(stat -c %a "$OUT")" = 600
check "in clear" grep -q -e '-----BEGIN PRIVATE KEY-----' "$OUT"
echo old > "$WORK/old.pem"
chmod 644 "$WORK/old.pem"
run_program "$KK_KEYCONV" --in "$BIND/alg13.private" --out "$WORK/old.pem"
check "a file is replaced" test "$(stat -c %a "$WORK/old.pem")" = 600 -a "$(grep -c old "$WORK/old.pem")" = 0
cp "$WORK/old.pem" "$WORK/kept.pem"
run_program "$KK_KEYCONV" --in "$WORK/edited" --out "$WORK/old.pem" --pin ''
said "an empty PIN" 1 "" "ERROR: The PIN is empty. Leave --pin out for a file in clear."
check "... and what was there is kept" cmp -s "$WORK/old.pem" "$WORK/kept.pem"
run_program "$KK_KEYCONV" --in "$BIND/alg13.private" --out /dev/stdout
check "a pipe" test "$status" = 0 -a "$(head -n 1 "$WORK/out")" = "-----BEGIN PRIVATE KEY-----"
convert --in "$BIND/alg13.private" --pin-file "$WORK/nonexistent"
refused "no PIN file" "ERROR: Could not open the PIN file: WORK/nonexistent (No such file or directory)"
convert --in "$BIND/alg13.private" --pin a --pin-env HOME
refused "two PINs" "ERROR: Use only one of --pin, --pin-file and --pin-env."

if command -v openssl > /dev/null 2>&1; then
    convert --in "$BIND/alg08.private"
    cp "$OUT" "$WORK/clear.pem"
    echo secret > "$WORK/pin"
    FILE_PIN=secret
    export FILE_PIN
    for option in "--pin secret" "--pin-file $WORK/pin" "--pin-env FILE_PIN"; do
        # shellcheck disable=SC2086
        convert --in "$BIND/alg08.private" $option
        openssl pkey -in "$OUT" -passin pass:secret > "$WORK/opened.pem" 2> /dev/null
        check "encrypted with ${option%% *}" cmp -s "$WORK/opened.pem" "$WORK/clear.pem"
    done
    openssl asn1parse -in "$OUT" > "$WORK/parsed"
    for part in PBES2 PBKDF2 hmacWithSHA256 aes-256-cbc; do
        check "... by $part" grep -q ":$part$" "$WORK/parsed"
    done
else
    skip "encrypted files" "no openssl"
fi

# ---- the keys ----

make_token t

# Whether the module can sign with keys of this algorithm.
can_sign()
{
    case $1 in
    03 | 06) pkcs11-tool --module "$MODULE" -M 2> /dev/null | grep -q '^  DSA, .*sign' ;;
    *) true ;;
    esac
}

# signs ALGORITHM ID: in the token; verified with the DNSKEY record's key.
printf '0123456789abcdef0123456789abcdef' > "$WORK/data"
signs()
{
    raw='' format=''
    case $1 in
    03 | 06) mechanism=DSA input=$WORK/sha1 ;;
    13 | 14) mechanism=ECDSA format=--signature-format=openssl input=$WORK/data ;;
    15 | 16) mechanism=EDDSA raw=-rawin input=$WORK/data ;;
    *) mechanism=RSA-PKCS input=$WORK/data ;;
    esac
    head -c 20 "$WORK/data" > "$WORK/sha1"
    rm -f "$WORK/signature"
    # shellcheck disable=SC2086
    pkcs11-tool --module "$MODULE" --token-label t --login --pin "$PIN" --sign --id "$2" \
        --mechanism $mechanism $format --input-file "$input" --output-file "$WORK/signature" \
        > "$WORK/tool.out" 2>&1
    if [ "$mechanism" = DSA ]; then
        mv "$WORK/signature" "$WORK/numbers"
        python3 "$(dirname "$0")/dnskey.py" --signature < "$WORK/numbers" > "$WORK/signature"
    fi
    # shellcheck disable=SC2086
    openssl pkeyutl -verify -pubin -inkey "$WORK/public.pem" -in "$input" \
        -sigfile "$WORK/signature" $raw > "$WORK/verified" 2>&1
}

# try_key NAME ALGORITHM ID PRIVATE KEY: converted, compared, imported encrypted, used.
try_key()
{
    convert --in "$4"
    said "$1: converted" 0 "$written" ""
    python3 "$(dirname "$0")/dnskey.py" < "$5" > "$WORK/public.pem"
    openssl pkey -in "$OUT" -pubout > "$WORK/got.pem" 2> "$WORK/openssl.err"
    check "$1: the public key of the DNSKEY record" cmp "$WORK/public.pem" "$WORK/got.pem"
    convert --in "$4" --pin secret
    run --import "$OUT" --file-pin secret --token t --label "$1" --id "$3" --pin "$PIN"
    said "$1: imported" 0 "Found slot N with matching token label.
The key pair has been imported." ""
    if [ -n "${KK_SANITIZED:-}" ] || ! command -v pkcs11-tool > /dev/null 2>&1; then
        skip "$1: signs" "no pkcs11-tool, or none that can load a sanitized module"
        return
    fi
    if ! can_sign "$2"; then
        skip "$1: signs" "the module has no such mechanism"
        return
    fi
    check "$1: signs" signs "$2" "$3"
}

if ! command -v openssl > /dev/null 2>&1 || ! command -v python3 > /dev/null 2>&1; then
    skip "the keys" "no openssl, or no python3"
    finish
    exit 0
fi
for algorithm in 01 03 05 06 07 08 10 13 14 15 16; do
    try_key "algorithm $algorithm" $algorithm $algorithm "$BIND/alg$algorithm.private" \
        "$BIND/alg$algorithm.key"
done

if command -v dnssec-keygen > /dev/null 2>&1; then
    mkdir "$WORK/fresh"
    for name in 08:RSASHA256 10:RSASHA512 13:ECDSAP256SHA256 14:ECDSAP384SHA384 15:ED25519 16:ED448; do
        # -b counts for RSA only.
        key=$(dnssec-keygen -q -K "$WORK/fresh" -a "${name#*:}" -b 2048 example 2> /dev/null ||
            dnssec-keygen -q -K "$WORK/fresh" -a "${name#*:}" example 2> /dev/null)
        if [ -z "$key" ]; then
            skip "a fresh key, ${name#*:}" "dnssec-keygen does not make it"
            continue
        fi
        try_key "a fresh key, ${name#*:}" "${name%:*}" "f0${name%:*}" "$WORK/fresh/$key.private" \
            "$WORK/fresh/$key.key"
    done
else
    skip "fresh keys" "no dnssec-keygen"
fi

# ---- SoftHSM's own program as the judge ----

JUDGE=/usr/bin/softhsm2-keyconv
if [ "$KK_KIND" != foreign ] || [ "$("$JUDGE" --version 2> /dev/null)" != 2.6.1 ] ||
    ! "$JUDGE" --help | grep -q 'Shows this help screen'; then
    skip "the same as SoftHSM's program" "no softhsm2-keyconv 2.6.1 to judge by, or another module"
    finish
    exit 0
fi

# judge NAME ARGUMENTS...: the same words, the same status, the same file.
judge()
{
    name=$1
    shift
    run_program "$JUDGE" "$@" --out "$WORK/judge.pem"
    sed -i 's/judge\.pem/out.pem/' "$WORK/out" "$WORK/err"
    out=$(normalise "$WORK/out")
    err=$(normalise "$WORK/err")
    wanted=$status
    rm -f "$OUT"
    run_program "$KK_KEYCONV" "$@" --out "$OUT"
    said "as the judge: $name" "$wanted" "$out" "$err"
    [ "$wanted" != 0 ] || check "... and the file" cmp "$WORK/judge.pem" "$OUT"
}

for algorithm in 01 03 05 06 07 08 10; do
    judge "algorithm $algorithm" --in "$BIND/alg$algorithm.private"
done
judge "no --in"
judge "no input file" --in "$WORK/nonexistent"
for change in 's/v1.3/v1.1/' 's/v1.3/v1.0/' 's/v1.3/v2.0/' '1d' '/^Algorithm/d' 's/^Algorithm: 8/Algorithm: 99/' \
    's/^Algorithm: 8.*/Algorithm: x/' '/^Prime2/d' 's/^Modulus: .*/Modulus:/' 's/^Modulus: .*/Modulus: =/' \
    's/^Prime1: .*/Prime1: ab!!cd/' '$aAlgorithm: 5\nPrivate-key-format: v1.2\nPrime1: abcd' \
    's/^Modulus/modulus/' 's/$/\r/' '$aFoo:\nBar:'; do
    sed "$change" "$BIND/alg08.private" > "$WORK/edited"
    # No line may break in a name.
    judge "sed $(echo "$change" | tr -d '\n\r\\')" --in "$WORK/edited"
done

finish
