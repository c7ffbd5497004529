#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# --import: selection, checks, every kind of file, and the objects that come of it.
. "$(dirname "$0")/lib.sh"

make_token demo
found="Found slot N with matching token label."
done="$found
The key pair has been imported."
unreadable="ERROR: Could not read the PKCS#8 file. Maybe it is encypted (--file-pin <PIN>)"
unencrypted="ERROR: Could not read the PKCS#8 file. Maybe the file is not encrypted."
wrong_pin="ERROR: Could not decrypt the PKCS#8 file. Maybe wrong PIN to file (--file-pin <PIN>)"
no_slot="ERROR: A slot/token must be supplied. Use --slot <number>, --serial <serial>, or --token <label>"
not_found="ERROR: Could not find a slot/token using --serial, or --token"
edit="Please edit --id <hex> to correct error."

# import FILE ARGUMENTS...: into the token, with its PIN.
import()
{
    file=$1
    shift
    run --import "$KEYS/$file" --token demo --pin "$PIN" "$@"
}

run --import "$KEYS/rsa.pem" --label a --id 01 --pin "$PIN"
said "no selector" 1 "" "$no_slot"

run --import "$KEYS/rsa.pem" --free --label a --id 01 --pin "$PIN"
said "--free is no selector here" 1 "" "$no_slot"

run --import "$KEYS/rsa.pem" --token nobody --label a --id 01 --pin "$PIN"
said "a token that is not there" 1 "" "$not_found"

run --import "$KEYS/rsa.pem" --serial nobody --label a --id 01 --pin "$PIN"
said "a serial that is not there" 1 "" "$not_found"

run --import "$KEYS/rsa.pem" --slot 4711 --label a --id 01 --pin "$PIN"
said "a slot that is not there" 1 "" "ERROR: The given slot does not exist."

run --import "$KEYS/rsa.pem" --slot 1 --label a --id 01 --pin "$PIN"
said "a slot without a token" 1 "" "ERROR: Could not open a session on the given slot."

run --import "$KEYS/rsa.pem" --slot -3 --label a --id 01 --pin "$PIN"
said "a negative slot" 1 "" "ERROR: The slot number is negative."

import rsa.pem --id 01
said "no label" 1 "$found" "ERROR: A label for the object must be supplied. Use --label <text>"

import rsa.pem --label a
said "no ID" 1 "$found" "ERROR: An ID for the object must be supplied. Use --id <hex>"

import rsa.pem --label a --id 012
said "an ID of 3 digits" 1 "$found" "ERROR: Invalid length on hex string.
$edit"

import rsa.pem --label a --id ''
said "an empty ID" 1 "$found" "ERROR: Invalid length on hex string.
$edit"

import rsa.pem --label a --id 0g
said "an ID with a wrong digit" 1 "$found" "ERROR: Invalid character in hex string.
$edit"

run --import "$KEYS/rsa.pem" --token demo --pin 4321 --label a --id 01
said "the wrong user PIN" 1 "$found" \
    "ERROR: The given user PIN does not match the one in the token."

run --import "$KEYS/rsa.pem" --token demo --label a --id 01
said "no PIN, no terminal" 1 "$found
=== User PIN (4-255 characters) ===
Please enter user PIN: " "ERROR: Could not get user PIN"

import rsa.pem --label a --id 01 --import-type foo
said "an unknown type is an error" 1 "" "ERROR: Invalid import type 'foo'"

import rsa.pem --label a --id 01 --import-type cert --aes
said "--aes against --import-type" 1 "" \
    "ERROR: --aes and --import-type cert contradict each other."

import nonexistent --label a --id 01
said "a file that is not there" 1 "$found" "ERROR: Could open the PKCS#8 file: $KEYS/nonexistent"

import . --label a --id 01
said "a directory" 1 "$found" "$unreadable"

import cert.pem --label a --id 01
said "a certificate is no key" 1 "$found" "$unreadable"

import dh.pem --label a --id 01
said "an algorithm that is not handled" 1 "$found" "ERROR: Cannot handle this algorithm."

# ---- IDs ----

import rsa.pem --label rsa --id A1b2
said "an RSA key" 0 "$done" ""

import rsa.pem --label rsa2 --id a1B2
said "an ID in use" 1 "$found" \
    "ERROR: The ID is already assigned to another object. Use --force to override this message."

import nonexistent --label rsa2 --id a1B2
said "... is found before the file is" 1 "$found" \
    "ERROR: The ID is already assigned to another object. Use --force to override this message."

import rsa.pem --label rsa2 --id a1B2 --force
said "... and taken with --force" 0 "$done" ""

import rsa.pem --label private --id a3 --no-public-key
said "--no-public-key" 0 "$done" ""

slot=$(slot_of demo)
run --import "$KEYS/rsa.pem" --slot "$slot" --pin "$PIN" --label byslot --id a4
said "by slot" 0 "The key pair has been imported." ""

serial=$(serial_of demo)
run --import "$KEYS/rsa.pem" --serial "$serial" --token demo --pin "$PIN" --label both --id a5
said "by serial and label" 0 "Found slot N with matching serial and token label.
The key pair has been imported." ""

# ---- every form of file ----

id=10
for file in rsa.der rsa-traditional.pem rsa-traditional.der rsa-pss.pem ec.pem ec-traditional.pem \
    ec-explicit.pem ec-compressed.pem dsa.pem ed25519.pem ed448.pem x25519.pem x448.pem; do
    import "$file" --label "${file%%.*}" --id $id --import-type keypair
    said "$file" 0 "$done" ""
    id=$((id + 1))
done

for file in rsa-encrypted.pem rsa-encrypted-3des.der rsa-traditional-encrypted.pem; do
    import "$file" --label "$file" --id $id
    said "$file without its PIN" 1 "$found" "$unreadable"
    import "$file" --label "$file" --id $id --file-pin wrong
    said "$file with a wrong PIN" 1 "$found" "$wrong_pin"
    import "$file" --label "$file" --id $id --file-pin ''
    said "$file with an empty PIN" 1 "$found" "$wrong_pin"
    import "$file" --label "${file%%.*}" --id $id --file-pin secret
    said "$file with its PIN" 0 "$done" ""
    id=$((id + 1))
done

for file in rsa.pem rsa.der rsa-traditional.pem rsa-traditional.der; do
    import "$file" --label x --id ff --file-pin secret
    said "$file with a PIN, but not encrypted" 1 "$found" "$unencrypted"
done

head -c 700 "$KEYS/rsa.pem" > "$WORK/cut.pem"
run --import "$WORK/cut.pem" --token demo --pin "$PIN" --label x --id ff
said "half a file" 1 "$found" "$unreadable"
: > "$WORK/empty"
run --import "$WORK/empty" --token demo --pin "$PIN" --label x --id ff
said "an empty file" 1 "$found" "$unreadable"
mkfifo "$WORK/fifo"
cat "$KEYS/ec.pem" > "$WORK/fifo" &
run --import "$WORK/fifo" --token demo --pin "$PIN" --label fifo --id fe
said "a pipe" 0 "$done" ""
wait

# ---- secret keys ----

aes="$found
The secret key has been imported."
for len in 16 24 32; do
    head -c $len /dev/zero > "$WORK/key"
    run --import "$WORK/key" --aes --token demo --pin "$PIN" --label aes$len --id a1b2
    said "an AES key of $len bytes; its ID may be in use" 0 "$aes" ""
done
run --import "$WORK/key" --import-type aes --token demo --pin "$PIN" --label aes --id a1b2
said "--import-type aes" 0 "$aes" ""
run --import "$WORK/key" --import-type aes --aes --token demo --pin "$PIN" --label aes --id a1b2
said "--import-type aes and --aes" 0 "$aes" ""
for len in 1 15 17 31 33 64; do
    head -c $len /dev/zero > "$WORK/key"
    run --import "$WORK/key" --aes --token demo --pin "$PIN" --label x --id ff
    said "an AES key of $len bytes is refused" 1 "$found" \
        "ERROR: An AES key has 16, 24 or 32 bytes; the file has $len."
done
run --import "$WORK/empty" --aes --token demo --pin "$PIN" --label x --id ff
said "an empty secret key file" 1 "$found" "ERROR: Could not read the secret key file."
run --import "$WORK/nonexistent" --aes --token demo --pin "$PIN" --label x --id ff
said "a secret key file that is not there" 1 "$found" "ERROR: Could not open the secret key file."
run --import "$WORK/key" --aes --token demo --pin "$PIN" --id ff
said "a secret key needs a label" 1 "$found" \
    "ERROR: A label for the object must be supplied. Use --label <text>"
run --import "$WORK/key" --aes --token demo --pin "$PIN" --label x
said "a secret key needs an ID" 1 "$found" \
    "ERROR: An ID for the object must be supplied. Use --id <hex>"

# ---- certificates ----

for file in cert.pem cert.der; do
    import "$file" --import-type cert --label "$file" --id a1b2
    said "$file" 0 "$found
The certificate with label=$file has been imported." ""
done
import rsa.pem --import-type cert --label x --id ff
said "a key is no certificate" 1 "$found" \
    "ERROR: Could not read the certificate file: $KEYS/rsa.pem"
import nonexistent --import-type cert --label x --id ff
said "a certificate that is not there" 1 "$found" \
    "ERROR: Could not read the certificate file: $KEYS/nonexistent"

# ---- what the token holds now, by another program ----

if ! command -v pkcs11-tool > /dev/null 2>&1 || [ -n "${KK_SANITIZED:-}" ]; then
    skip "objects seen by pkcs11-tool" "no pkcs11-tool, or none that can load a sanitized module"
    finish
    exit 0
fi

# tool ARGUMENTS...: pkcs11-tool, logged in to the token.
tool()
{
    pkcs11-tool --module "$MODULE" --token-label demo --login --pin "$PIN" "$@" 2> "$WORK/tool.err"
}

# shows NAME TYPE LABEL TEXT...: the listing of an object holds these lines. Newer tools name the
# recover usages too; which usages a key has is what test_judge.sh compares.
shows()
{
    name=$1
    tool -O --type "$2" | sed 's/, signRecover//; s/signRecover, //; s/, verifyRecover//' | awk -v label="$3" '
        /Object/ { if (wanted) printf "%s", text; text = ""; wanted = 0 }
        { text = text $0 "\n" }
        $1 == "label:" && $2 == label { wanted = 1 }
        END { if (wanted) printf "%s", text }' > "$WORK/object"
    shift 3
    for text in "$@"; do
        if ! grep -q -e "$text" "$WORK/object"; then
            fail "$name"
            explain "a line with" "$text" "$(cat "$WORK/object")"
            return
        fi
    done
    pass "$name"
}

shows "RSA private key" privkey rsa "ID: *a1b2" "Usage: *decrypt, sign, unwrap$" \
    "Access: *sensitive$"
shows "RSA public key" pubkey rsa "RSA 2048 bits" "ID: *a1b2" "Usage: *encrypt, verify, wrap$"
shows "EC private key" privkey ec "Usage: *sign$" "Access: *sensitive$"
shows "EC public key" pubkey ec "EC_PARAMS: *06082a8648ce3d030107" "EC_POINT: *044104" \
    "Usage: *verify$"
shows "compressed point: stored uncompressed" pubkey ec-compressed "EC_POINT: *044104"
shows "explicit curve: known by its name" pubkey ec-explicit "EC_PARAMS: *06082a8648ce3d030107"
shows "DSA private key" privkey dsa "Usage: *sign$"
shows "Ed25519 private key" privkey ed25519 "Usage: *sign$"
shows "X25519 private key" privkey x25519 "Usage: *derive$"
# SoftHSM cuts the key at its first zero byte; these keys are nothing but zeros.
shows "AES key" secrkey aes32 "AES length 32" "ID: *a1b2" "Usage: *encrypt, decrypt"
shows "certificate" cert cert.pem "ID: *a1b2" "DN: *CN=cli test" "serial: *1267"
tool -O --type pubkey > "$WORK/publics"
check "--no-public-key left no public key" \
    sh -c "test -s '$WORK/publics' && ! grep -q 'label: *private$' '$WORK/publics'"

if ! command -v openssl > /dev/null 2>&1; then
    skip "signatures by imported keys" "no openssl"
    finish
    exit 0
fi

# signs FILE MECHANISM ID PKCS11-TOOL-ARGUMENTS...: signs 32 bytes in the token, verifies outside.
printf '0123456789abcdef0123456789abcdef' > "$WORK/data"
signs()
{
    file=$1 mechanism=$2 object=$3
    shift 3
    rm -f "$WORK/signature"
    openssl pkey -in "$KEYS/$file" -pubout -out "$WORK/public.pem" 2> "$WORK/openssl.err"
    tool --sign --mechanism "$mechanism" --id "$object" --input-file "$WORK/data" \
        --output-file "$WORK/signature" "$@" > "$WORK/tool.out" || cat "$WORK/tool.err"
    case $mechanism in EDDSA) raw=-rawin ;; *) raw= ;; esac
    # shellcheck disable=SC2086
    if openssl pkeyutl -verify -pubin -inkey "$WORK/public.pem" -in "$WORK/data" \
        -sigfile "$WORK/signature" $raw > "$WORK/verified" 2>&1; then
        pass "a signature by $file"
    else
        fail "a signature by $file"
        sed 's/^/# /' "$WORK/verified"
    fi
}

signs rsa.pem RSA-PKCS a1b2
signs rsa.der RSA-PKCS 10
signs rsa-traditional.pem RSA-PKCS 11
signs rsa-traditional.der RSA-PKCS 12
signs ec.pem ECDSA 14 --signature-format openssl
signs ec-traditional.pem ECDSA 15 --signature-format openssl
signs ec-explicit.pem ECDSA 16 --signature-format openssl
signs ed25519.pem EDDSA 19
signs ed448.pem EDDSA 20

finish
