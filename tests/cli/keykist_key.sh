#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# keykist key, random and digest: keys are made and used, and openssl judges what comes out.
. "$(dirname "$0")/keykist_lib.sh"

keykist token init --label t --so-pin 12345678 --pin 1234 > "$WORK/token.out" 2>&1 ||
    bail "no token: $(cat "$WORK/token.out")"
printf '1234\n' > "$WORK/pin"
printf 'what is to be signed\n' > "$WORK/file"
head -c 3000000 /dev/urandom > "$WORK/long"
: > "$WORK/empty"

key()
{
    command=$1
    shift
    runk key "$command" "$@" --pin-file "$WORK/pin"
}

# open_key COMMAND...: without a PIN.
open_key()
{
    command=$1
    shift
    runk key "$command" "$@"
}

# done_so NAME: the last run was successful and quiet on stderr.
done_so()
{
    check "$1" sh -c "test $status = 0 && test ! -s '$WORK/err' || { cat '$WORK/out' '$WORK/err'; false; }"
}

# ---- making ----

curve=P-384
kinds='rsa:2048 p-256 ec:p-384 ec:secp521r1 ed25519 aes generic:512'
[ "$KK_KIND" = own ] && kinds="$kinds secp256k1 ed448 x25519 x448"
for kind in $kinds; do
    key generate "$kind" --label "$kind"
    check "$kind made, and its URI said" sh -c "test $status = 0 && grep -q '^pkcs11:.*object=$kind;type=' '$WORK/out'"
done
key list --json
check "all of them are listed" test "$(json 'sorted(set(o["label"] for o in d["objects"]))')" = \
    "$(python3 -c 'import sys; print(sorted(sys.argv[1:]))' $kinds)"
check "with types and sizes" test "$(json 'sorted((o["type"], o["size"]) for o in d["objects"] if o["class"] == "public" and o["label"][0] in "rpe" and o["label"] != "ed448")')" = \
    "[('Ed25519', 256), ('P-256', 256), ('P-384', 384), ('P-521', 521), ('RSA', 2048)]"
check "private keys are sensitive and stay" test "$(json 'set(o["flags"] for o in d["objects"] if o["class"] != "public")')" = \
    "{'private,sensitive'}"
uri=$(json '[o["uri"] for o in d["objects"] if o["label"] == "p-256" and o["class"] == "private"][0]')
key show "$uri" --json
check "a URI of the list finds its key" test "$(json '[(o["label"], o["class"]) for o in d["objects"]]')" = "[('p-256', 'private')]"
for label in rsa:2048 p-256 ed25519; do
    keykist key export --label "$label" "$WORK/$label.pub" > "$WORK/export.out"
    openssl pkey -pubin -in "$WORK/$label.pub" -pubout -outform DER -out "$WORK/spki"
    openssl asn1parse -inform DER -in "$WORK/spki" -strparse "$(openssl asn1parse -inform DER \
        -in "$WORK/spki" | sed -n 's/^ *\([0-9]*\):.*BIT STRING.*/\1/p' | head -n 1)" -noout \
        -out "$WORK/bits" 2> "$WORK/openssl.err" || true
    key list --label "$label" --json
    check "$label: both have the ID that X.509 gives the key" test "$(json 'set(o["id"] for o in d["objects"])')" = \
        "{'$(openssl dgst -sha1 -r "$WORK/bits" | cut -d ' ' -f 1)'}"
done
open_key list --json
check "without the PIN, public ones only" test "$(json 'set(o["class"] for o in d["objects"])')" = "{'public'}"
runk object import "$WORK/file" --type data --label 'rsa:2048' --pin-file "$WORK/pin"
key list --label rsa:2048 --json
check "what is no key is not listed" test "$(json 'sorted(o["class"] for o in d["objects"])')" = "['private', 'public']"

key generate rsa --label p-256
tells "a label that is there" 1 'keykist: there is a key with the label "p-256" already: choose another, or use --force'
key generate p-256 --label p-256 --id 0102 --force
done_so "... with --force"
key delete --label p-256 --id 0102 --yes
check "... and its pair deleted by its ID" grep -q '2 objects deleted' "$WORK/out"
key generate rsa:99 --label x
tells "too few bits" 1 'keykist: rsa keys have 512 to 16384 bits, not "99"; kinds are .*'
key generate ec:p-255 --label x
tells "no such curve" 1 'keykist: there is no curve "p-255": use p-256, .*'
key generate dsa --label x
tells "no such kind" 1 'keykist: there is no kind of key "dsa"; kinds are rsa\[:BITS\], .*'
key generate ed25519:1 --label x
tells "nothing to be chosen" 1 'keykist: nothing belongs behind the colon, not "1"; .*'
key generate rsa
tells "no label" 1 'keykist: --label is missing: how is the key to be called\?'
key generate aes --label x --usage paint
tells "no such use" 1 'keykist: --usage takes .*'
key generate rsa:2048 --label 'only decrypts' --usage encrypt
key sign --label 'only decrypts' "$WORK/file" --hex
tells "a use that it has not" 1 'keykist: Could not sign with CKM_SHA256_RSA_PKCS: the key is not made for that \(CKR_KEY_FUNCTION_NOT_PERMITTED\); .*'

# ---- names ----

key label --label generic:512 --new-label mac --new-id 0a0b
done_so "another label and ID"
key list --label mac --json
check "... are there" test "$(json '[(o["label"], o["id"]) for o in d["objects"]]')" = "[('mac', '0a0b')]"
key label --label mac
tells "label: nothing to change" 1 'keykist: what is to be changed\? Use --new-label or --new-id'
key label --new-label x
tells "label: of what?" 1 'keykist: which objects\? Use --label or --id'

# ---- signatures, judged by openssl ----

# judged NAME LABEL FILE OPTIONS...: openssl finds the signature good.
judged()
{
    name=$1
    public=$WORK/$2.pub
    file=$3
    shift 3
    check "$name: openssl finds it good" openssl dgst "$@" -verify "$public" -signature "$WORK/sig" "$file"
}

# sign LABEL FILE OPTIONS...: to $WORK/sig.
sign()
{
    label=$1
    file=$2
    shift 2
    key sign --label "$label" "$file" --out "$WORK/sig" --force "$@"
}

for label in ec:p-384 ec:secp521r1; do
    keykist key export --label "$label" "$WORK/$label.pub" > "$WORK/export.out"
done
sign rsa:2048 "$WORK/file"
judged "RSA, nothing said" rsa:2048 "$WORK/file" -sha256
check "... and what it is, is said" grep -q 'signed with CKM_SHA256_RSA_PKCS, signature in ' "$WORK/out"
sign rsa:2048 "$WORK/long"
judged "RSA, a long file" rsa:2048 "$WORK/long" -sha256
sign rsa:2048 "$WORK/empty"
judged "RSA, an empty file" rsa:2048 "$WORK/empty" -sha256
sign rsa:2048 "$WORK/file" --hash sha512
judged "RSA, SHA-512" rsa:2048 "$WORK/file" -sha512
sign rsa:2048 "$WORK/file" --mechanism sha256-rsa-pss
judged "PSS" rsa:2048 "$WORK/file" -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32
sign rsa:2048 "$WORK/file" --mechanism rsa-pss --hash sha384
judged "PSS with SHA-384" rsa:2048 "$WORK/file" -sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:48
sign p-256 "$WORK/file"
judged "P-256" p-256 "$WORK/file" -sha256
check "... and the form is said" grep -q '(DER)' "$WORK/out"
sign ec:p-384 "$WORK/long"
judged "P-384 goes with SHA-384" ec:p-384 "$WORK/long" -sha384
sign ec:secp521r1 "$WORK/file"
judged "P-521 with SHA-512" ec:secp521r1 "$WORK/file" -sha512
sign p-256 "$WORK/file" --hash sha512
judged "P-256 with SHA-512" p-256 "$WORK/file" -sha512
sign p-256 "$WORK/file" --format raw
check "raw: 64 bytes" test "$(wc -c < "$WORK/sig")" = 64
check "... and said" grep -q '(r and s)' "$WORK/out"
python3 - "$WORK/sig" << 'END'
import sys
def number(b):
    b = b.lstrip(b"\0")
    b = b"\0" + b if not b or b[0] & 0x80 else b
    return bytes([2, len(b)]) + b
raw = open(sys.argv[1], "rb").read()
body = number(raw[:32]) + number(raw[32:])
open(sys.argv[1], "wb").write(bytes([0x30, len(body)]) + body)
END
judged "raw, made DER elsewhere" p-256 "$WORK/file" -sha256
sign ed25519 "$WORK/file"
check "Ed25519: openssl finds it good" openssl pkeyutl -verify -rawin -pubin -inkey "$WORK/ed25519.pub" \
    -in "$WORK/file" -sigfile "$WORK/sig"
printf '0123456789abcdef0123456789abcdef' > "$WORK/mac.key"
runk object import "$WORK/mac.key" --type generic --label hmac --pin-file "$WORK/pin"
key sign --label hmac "$WORK/long" --hex
check "HMAC is openssl's" test "$(cat "$WORK/out")" = \
    "$(openssl dgst -sha256 -mac HMAC -macopt key:0123456789abcdef0123456789abcdef -r "$WORK/long" | cut -d ' ' -f 1)"
key sign --label hmac - --base64 < /dev/null
check "standard input" test "$status" = 0
key sign --label p-256 "$WORK/file" --json
check "as JSON" test "$(json 'd["result"], len(__import__("base64").b64decode(d["signature"])) > 60')" = \
    "('$([ "$KK_KIND" = own ] && echo 'signed with CKM_ECDSA_SHA256 (DER)' || echo 'signed with CKM_ECDSA on the hash by CKM_SHA256 (DER)')', True)"

runk mechanism show CKM_ML_DSA
if [ "$status" = 0 ] && openssl list -signature-algorithms 2> /dev/null | grep -qi ml-dsa; then
    for kind in ml-dsa-44 ml-dsa-65 ml-dsa-87; do
        key generate $kind --label $kind
        sign $kind "$WORK/file"
        runk key export --label $kind "$WORK/$kind.pub"
        check "$kind: openssl finds it good" openssl pkeyutl -verify -rawin -pubin -inkey "$WORK/$kind.pub" \
            -in "$WORK/file" -sigfile "$WORK/sig"
    done
    key generate ml-kem-768 --label kem
    check "ML-KEM-768 made" test "$status" = 0
fi

# ---- verifying ----

openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$WORK/other.pem"
runk key import "$WORK/other.pem" --label other --pin-file "$WORK/pin"
openssl dgst -sha256 -sign "$WORK/other.pem" -out "$WORK/other.sig" "$WORK/long"
open_key verify --label other --signature "$WORK/other.sig" "$WORK/long"
said "openssl's signature is good, without a PIN" 0 \
    "The signature is good (verified with $([ "$KK_KIND" = own ] && echo CKM_ECDSA_SHA256 || echo 'CKM_ECDSA on the hash by CKM_SHA256') (DER))." ""
for label in rsa:2048 p-256 ec:secp521r1 ed25519; do
    sign "$label" "$WORK/file"
    open_key verify --label "$label" --signature "$WORK/sig" "$WORK/file"
    check "$label: verified" test "$status" = 0
    open_key verify --label "$label" --signature "$WORK/sig" "$WORK/long"
    tells "$label: another file is exit status 3" 3 'keykist: the signature is not good: .*'
done
sign p-256 "$WORK/file" --format raw
open_key verify --label p-256 --signature "$WORK/sig" "$WORK/file"
check "raw is found out, and said" sh -c "test $status = 0 && grep -q '(r and s)' '$WORK/out'"
open_key verify --label p-256 --signature "$WORK/sig" --format raw "$WORK/file"
check "raw, as said" test "$status" = 0
open_key verify --label p-256 --signature "$WORK/sig" --format der "$WORK/file"
tells "raw is not DER" 3 'keykist: the signature is not good: .*'
open_key verify --label p-256 --signature "$WORK/file" "$WORK/file"
tells "what is no signature" 3 'keykist: the signature is not good: .*'
open_key verify --label p-256 --signature "$WORK/empty" "$WORK/file"
tells "an empty one" 3 'keykist: the signature is not good: .*'
open_key verify --label p-256 --signature "$WORK/sig" "$WORK/long" --json
check "as JSON, the answer is in it" test "$status $(json 'd["good"]')" = "3 False"
open_key verify --label p-256 --signature "$WORK/none" "$WORK/file"
tells "no signature file is exit status 1" 1 'keykist: could not open .*/none: No such file or directory'
open_key verify --label p-256 "$WORK/file"
tells "no signature named" 1 'keykist: --signature is missing: which file has it\?'
key sign --label rsa:2048 "$WORK/file" --format raw
tells "a form that RSA has not" 1 'keykist: --format is for ECDSA: a signature by CKM_SHA256_RSA_PKCS has one form only'
key sign --label p-256 "$WORK/file" --mechanism nonsense
tells "no such mechanism" 1 'keykist: there is no mechanism "nonsense"; .*'
key sign --label p-256 "$WORK/file" --mechanism sha256-rsa-pss
tells "a mechanism of other keys" 1 'keykist: Could not sign with CKM_SHA256_RSA_PKCS_PSS: (that is for keys of another type \(CKR_KEY_TYPE_INCONSISTENT\)|the module failed; .*)'
key sign --label ed25519 "$WORK/file" --hash sha256
tells "a hash where there is none" 1 'keykist: --hash does not go with CKM_EDDSA'
key sign --label p-256 "$WORK/file" --hash md5
tells "no such hash" 1 'keykist: there is no hash "md5": use sha1, .*'
key sign "$WORK/file"
tells "which key?" 1 'keykist: [0-9]* keys fit: choose one by --label, --id or --type'
key sign --label p-256 "$WORK/none"
tells "no file" 1 'keykist: could not open .*/none: No such file or directory'
open_key sign --label p-256 "$WORK/file"
tells "no PIN" 1 'keykist: the user PIN is missing: use --pin-file, --pin-env or --pin'
key sign --label p-256 "$WORK/file" --out "$WORK/file"
tells "a file is there" 1 'keykist: there is a file .*/file already: --force replaces it'

# ---- ciphers ----

printf 'secret words' > "$WORK/plain"
hash=sha256
[ "$KK_KIND" = own ] || hash=sha1
open_key encrypt --label rsa:2048 "$WORK/plain" --hash $hash --out "$WORK/rsa.enc"
done_so "RSA-OAEP needs no PIN"
key decrypt --label rsa:2048 "$WORK/rsa.enc" --hash $hash
check "... and back" test "$(cat "$WORK/out")" = 'secret words'
openssl pkeyutl -encrypt -pubin -inkey "$WORK/rsa:2048.pub" -in "$WORK/plain" -out "$WORK/openssl.enc" \
    -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:$hash -pkeyopt rsa_mgf1_md:$hash
key decrypt --label rsa:2048 "$WORK/openssl.enc" --hash $hash
check "what openssl encrypted" test "$(cat "$WORK/out")" = 'secret words'
if [ "$KK_KIND" = foreign ]; then
    open_key encrypt --label rsa:2048 "$WORK/plain"
    tells "a hash that SoftHSM does not take, and what to do" 1 'keykist: Could not encrypt with CKM_RSA_PKCS_OAEP: the module does not take this hash: try --hash sha1 \(CKR_.*\)'
fi
open_key encrypt --label rsa:2048 "$WORK/long" --hash $hash
tells "too long for RSA" 1 'keykist: the file is too long for an RSA key \(3000000 bytes\): .*|keykist: Could not encrypt with CKM_RSA_PKCS_OAEP: .*'

# A key whose bytes openssl has too.
hex=30313233343536373839616263646566
printf '0123456789abcdef' > "$WORK/aes.key"
runk object import "$WORK/aes.key" --type aes --label known --usage encrypt --pin-file "$WORK/pin"
key encrypt --label known "$WORK/long" --mechanism aes-cbc-pad --out "$WORK/cbc"
done_so "AES-CBC, the IV in front"
iv=$(head -c 16 "$WORK/cbc" | od -An -tx1 | tr -d ' \n')
tail -c +17 "$WORK/cbc" > "$WORK/cbc.body"
openssl enc -d -aes-128-cbc -K $hex -iv "$iv" -in "$WORK/cbc.body" -out "$WORK/cbc.plain"
check "... openssl decrypts it" cmp "$WORK/cbc.plain" "$WORK/long"
openssl enc -aes-128-cbc -K $hex -iv 000102030405060708090a0b0c0d0e0f -in "$WORK/long" -out "$WORK/cbc.openssl"
key decrypt --label known "$WORK/cbc.openssl" --mechanism aes-cbc-pad --iv 000102030405060708090a0b0c0d0e0f --out "$WORK/cbc.back"
check "... and what openssl encrypted, by its IV" cmp "$WORK/cbc.back" "$WORK/long"
key encrypt --label known "$WORK/plain" --mechanism aes-ctr --out "$WORK/ctr"
iv=$(head -c 16 "$WORK/ctr" | od -An -tx1 | tr -d ' \n')
check "AES-CTR: openssl decrypts it" test "$(tail -c +17 "$WORK/ctr" | openssl enc -d -aes-128-ctr -K $hex -iv "$iv")" = 'secret words'
key encrypt --label aes "$WORK/long" --out "$WORK/gcm"
done_so "AES-GCM is what is done when nothing is said"
check "... with IV and tag" test "$(wc -c < "$WORK/gcm")" = 3000028
key decrypt --label aes "$WORK/gcm" --out "$WORK/gcm.back"
check "... and back" cmp "$WORK/gcm.back" "$WORK/long"
python3 -c 'import sys
data = bytearray(open(sys.argv[1], "rb").read()); data[-1] ^= 1; open(sys.argv[1], "wb").write(data)' "$WORK/gcm"
key decrypt --label aes "$WORK/gcm"
tells "... changed by a bit" 1 'keykist: (the file was not encrypted with this key, mechanism and IV, or it was changed \(CKM_AES_GCM\)|Could not decrypt .*)'
# Test case 4 of the GCM specification.
printf '\376\377\351\222\206\145\163\034\155\152\217\224\147\060\203\010' > "$WORK/gcm.key"
runk object import "$WORK/gcm.key" --type aes --label gcm --usage encrypt --pin-file "$WORK/pin"
python3 -c 'import sys
sys.stdout.buffer.write(bytes.fromhex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"))' > "$WORK/gcm.plain"
key encrypt --label gcm "$WORK/gcm.plain" --iv cafebabefacedbaddecaf888 --aad feedfacedeadbeeffeedfacedeadbeefabaddad2 --hex
check "AES-GCM with --iv and --aad is the specification's" test "$(cat "$WORK/out")" = \
    42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47
key encrypt --label known "$WORK/plain" --mechanism aes-cbc-pad --iv 00
tells "an IV that is too short" 1 'keykist: --iv has 1 bytes, and CKM_AES_CBC_PAD takes 16'
key encrypt --label known "$WORK/plain" --iv 0g
tells "an IV that is no hexadecimal" 1 'keykist: --iv takes pairs of hexadecimal digits, not "0g"'
key encrypt --label known "$WORK/plain" --mechanism aes-cbc-pad --aad 00
tells "--aad elsewhere" 1 'keykist: --aad is for aes-gcm'
key decrypt --label known "$WORK/empty" --mechanism aes-cbc-pad
tells "not even an IV" 1 'keykist: the file is too short: CKM_AES_CBC_PAD begins with an IV of 16 bytes'
truncate -s 68M "$WORK/huge"
key encrypt --label known "$WORK/huge"
tells "a file that is too long" 1 'keykist: .*/huge is longer than 64 MiB: too long to be taken at once'
runk key encrypt --label aes "$WORK/plain"
tells "a secret key without a PIN" 1 'keykist: no public or secret key fits; secret ones are seen with a PIN only'

# ---- wrapping ----

key generate aes --label kek
runk object import "$WORK/mac.key" --type aes --label payload --extractable --pin-file "$WORK/pin"
key wrap --label payload --with kek --out "$WORK/wrapped"
done_so "wrapped by an AES key"
key unwrap "$WORK/wrapped" --with kek --type aes --label again --extractable --not-sensitive
done_so "... and unwrapped"
key export --label again --class secret --plain "$WORK/again"
check "... it is the same key" cmp "$WORK/again" "$WORK/mac.key"
python3 -c 'import sys
data = bytearray(open(sys.argv[1], "rb").read()); data[0] ^= 1; open(sys.argv[1], "wb").write(data)' "$WORK/wrapped"
key unwrap "$WORK/wrapped" --with kek --type aes --label broken
check "a file that was changed is refused" sh -c "test $status = 1 && grep -q '^keykist: ' '$WORK/err'"
if [ "$KK_KIND" = own ]; then
    printf '0123456789abcdef0123456789abcdef' > "$WORK/kek.key"
    runk object import "$WORK/kek.key" --type aes --label known-kek --usage wrap --pin-file "$WORK/pin"
    key wrap --label payload --with known-kek --out "$WORK/wrapped2"
    openssl enc -d -id-aes256-wrap-pad -K 3031323334353637383961626364656630313233343536373839616263646566 \
        -iv A65959A6 -in "$WORK/wrapped2" -out "$WORK/unwrapped"
    check "openssl unwraps it by RFC 5649" cmp "$WORK/unwrapped" "$WORK/mac.key"
    key wrap --label payload --with rsa:2048 --out "$WORK/by-rsa"
    done_so "wrapped by an RSA key"
    key unwrap "$WORK/by-rsa" --with rsa:2048 --type aes --label from-rsa
    done_so "... and unwrapped"
fi
key wrap --label aes --with kek --out "$WORK/never"
tells "a key that may not leave" 1 'keykist: the key may not leave the token: its CKA_EXTRACTABLE is false .*'
key wrap --label payload --with nobody --out "$WORK/never"
tells "no such wrapping key" 1 'keykist: there is no secret or public key with the label "nobody"'
key unwrap "$WORK/wrapped" --with kek --label x
tells "unwrap: what is it?" 1 'keykist: --type says what the key is: .*'

# ---- random and digest ----

runk random 32 --hex
check "random bytes" grep -Eqx '[0-9a-f]{64}' "$WORK/out"
cp "$WORK/out" "$WORK/first"
runk random 32 --hex
check "... others each time" sh -c "! cmp -s '$WORK/out' '$WORK/first'"
runk random 5 --out "$WORK/random"
check "... to a file" test "$(wc -c < "$WORK/random")" = 5
runk random 0
tells "no bytes" 1 'keykist: the number of bytes is 1 to 1048576, not "0"'
runk random 1x
tells "no number" 1 'keykist: the number of bytes is 1 to 1048576, not "1x"'
runk digest "$WORK/file" "$WORK/long"
sha256sum "$WORK/file" "$WORK/long" > "$WORK/sums"
check "digest prints what sha256sum prints" cmp "$WORK/out" "$WORK/sums"
runk digest --mechanism SHA-512 "$WORK/empty"
sha512sum "$WORK/empty" > "$WORK/sums"
check "... and sha512sum" cmp "$WORK/out" "$WORK/sums"
runk digest --json "$WORK/file"
check "as JSON" test "$(json 'd["mechanism"], len(d["files"][0]["hash"])')" = "('CKM_SHA256', 64)"
runk digest --mechanism crc "$WORK/file"
tells "no such hash" 1 'keykist: there is no hash "crc": use sha1, .*'
finish
