#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# keykist object, as a table: each kind of key that a token holds, in each format that there is, out of the
# token, read by openssl where it can, and in again. What a format has no form for, and what may not
# leave, is refused with one sentence and leaves no file.
#
# Nothing of this is about disks, and there are many commits: in memory where that can be had.
if [ -z "${TMPDIR:-}" ] && [ -d /dev/shm ] && [ -w /dev/shm ]; then
    TMPDIR=/dev/shm
    export TMPDIR
fi
. "$(dirname "$0")/keykist_lib.sh"

cd "$WORK" || exit 1
keykist token init --label t --so-pin 12345678 --pin 1234 > token.out 2>&1 ||
    bail "no token: $(cat token.out)"

object()
{
    command=$1
    shift
    runk object "$command" "$@" --pin 1234
}

empty()
{
    keykist object delete --all --yes --pin 1234 > empty.out 2>&1
}

# refused NAME SENTENCE: by that sentence alone, and the file "never" is not there.
refused()
{
    tells "$1" 1 "keykist: $2"
    check "$1: no file" test ! -e never
}

# der FILE [OPTIONS]: what openssl makes of a key, as it writes it.
der()
{
    file=$1
    shift
    openssl pkey -in "$file" -outform DER "$@" 2> openssl.err
}

# ---- pairs of keys ----

# KIND JWK OPTIONS...: whether JWK has a form for it, and what openssl genpkey needs to make one.
pairs='
rsa-2048         yes -algorithm RSA -pkeyopt rsa_keygen_bits:2048
rsa-3072-e3      yes -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -pkeyopt rsa_keygen_pubexp:3
P-224            no  -algorithm EC -pkeyopt ec_paramgen_curve:P-224
P-256            yes -algorithm EC -pkeyopt ec_paramgen_curve:P-256
P-384            yes -algorithm EC -pkeyopt ec_paramgen_curve:P-384
P-521            yes -algorithm EC -pkeyopt ec_paramgen_curve:P-521
secp256k1        yes -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1
brainpoolP256r1  no  -algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP256r1
brainpoolP320r1  no  -algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP320r1
brainpoolP384r1  no  -algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP384r1
brainpoolP512r1  no  -algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP512r1
brainpoolP256t1  no  -algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP256t1
ED25519          yes -algorithm ED25519
ED448            yes -algorithm ED448
X25519           yes -algorithm X25519
X448             yes -algorithm X448'
# Formats of private keys: FORMAT, and how a file of it is protected.
private_formats='
pem    --plain
der    --passphrase other
pkcs12 --passphrase other
jwk    --plain'

echo "$pairs" | sed 1d > pairs
echo "$private_formats" | sed 1d > private_formats

count=0

# bring FILE OPTIONS...: imports a file under a label of its own, so that the token need not be emptied.
bring()
{
    count=$((count + 1))
    file=$1
    shift
    object import "$file" --label "n$count" --id "$(printf %04x $count)" "$@"
}

# in_again KIND WHAT: the exported file, imported without a public key beside it, is the key.
in_again()
{
    bring file --passphrase other --extractable --not-sensitive --no-public
    check "$1 as $2: in again" test "$status" = 0
    object export --label "n$count" --plain --force again.pem
    der again.pem > again.der
    check "... and the same" cmp -s "$1.der" again.der
}

while read -r kind jwk options; do
    empty
    # shellcheck disable=SC2086 # options
    openssl genpkey $options -out "$kind.pem" 2> genpkey.err ||
        bail "no $kind: $(cat genpkey.err)"
    der "$kind.pem" > "$kind.der"
    der "$kind.pem" -pubout > "$kind.pub.der"
    object import "$kind.pem" --extractable --not-sensitive --label pair
    while read -r format protection; do
        # shellcheck disable=SC2086 # options
        object export --label pair --class private --format "$format" $protection --force file
        if [ "$format $jwk" = "jwk no" ]; then
            tells "$kind has no form as JWK" 1 'keykist: JWK has no form for a key of this kind or curve'
            continue
        fi
        check "$kind as $format $protection" test "$status" = 0
        case $format in
        pem | der) der file -passin pass:other > file.der ;;
        pkcs12) openssl pkcs12 -in file -passin pass:other -nodes -nocerts 2> openssl.err | der /dev/stdin > file.der ;;
        esac
        # openssl reads no JWK.
        [ "$format" = jwk ] || check "... as openssl reads it" cmp -s "$kind.der" file.der
        in_again "$kind" "$format $protection"
    done < private_formats
    for format in pem der jwk; do
        object export --label pair --class public --format $format --force file
        if [ "$format $jwk" = "jwk no" ]; then
            tells "$kind: no public JWK" 1 'keykist: JWK has no form for a key of this kind or curve'
            continue
        fi
        check "$kind, public, as $format" test "$status" = 0
        [ $format = jwk ] || check "... as openssl reads it" sh -c \
            "openssl pkey -pubin -in file -outform DER | cmp -s - '$kind.pub.der'"
        bring file
        object export --label "n$count" --class public --format der --force again.der
        check "... in again" cmp -s "$kind.pub.der" again.der
    done
done < pairs

# What has no form.
empty
object import P-256.pem --extractable --not-sensitive --label pair
object export --label pair --class private --format raw --plain never
refused "a private key as raw" 'a private key cannot be written as raw'
object export --label pair --class public --format raw never
refused "a public key as raw" 'a public key cannot be written as raw'
object export --label pair --class public --format pkcs12 --passphrase other never
refused "a public key as pkcs12" 'a public key cannot be written as pkcs12'
# A key that begins as JSON does is a key all the same.
for first in '{' '[' ' {'; do
    { printf '%s' "$first"; head -c 40 /dev/zero; } | head -c 32 > braced
    empty
    object import braced --type aes --extractable --not-sensitive
    object export --class secret --plain --force file
    check "a key of bytes that begin with \"$first\"" cmp -s braced file
done

# ---- secret keys ----

while read -r kind bytes shown; do
    head -c "$bytes" /dev/urandom > secret
    for format in raw jwk; do
        empty
        object import secret --type "$kind" --extractable --not-sensitive
        object export --class secret --format $format --plain --force file
        check "$kind of $bytes bytes as $format" test "$status" = 0
        empty
        object import file --type "$kind" --extractable --not-sensitive
        object export --class secret --plain --force again
        check "... in again, and the same" cmp -s secret again
        object list --class secret --json
        check "... of that type" test "$(json 'd["objects"][0]["type"]')" = "$shown"
    done
    for format in pem der pkcs12; do
        object export --class secret --format $format --passphrase other never
        refused "$kind as $format" "a secret key cannot be written as $format"
    done
done << 'EOF2'
aes 16 AES
aes 24 AES
aes 32 AES
generic 1 generic
generic 100 generic
sha1-hmac 20 SHA_1_HMAC
sha256-hmac 32 SHA256_HMAC
sha384-hmac 48 SHA384_HMAC
sha512-hmac 64 SHA512_HMAC
EOF2

# ---- certificates ----

openssl req -x509 -key P-256.pem -out cert.pem -days 30 -subj "/CN=leaf" 2> req.err
openssl x509 -in cert.pem -outform DER -out cert.der
for format in pem der; do
    empty
    object import cert.$format
    object export --class cert --format $format --force file
    check "a certificate as $format" sh -c "openssl x509 -in file -outform DER 2> openssl.err | cmp -s - cert.der"
    empty
    object import file
    object export --class cert --format der --force again
    check "... in again, and the same" cmp -s cert.der again
done
for format in pkcs12 jwk raw; do
    object export --class cert --format $format --passphrase other never
    refused "a certificate as $format" "a certificate cannot be written as $format"
done

# ---- data ----

head -c 300 /dev/urandom > data
printf x > data1
for data in data data1; do
    for private in "" --not-private; do
        empty
        # shellcheck disable=SC2086 # options
        object import $data --type data --label notes $private
        said "data $private" 0 'Token "t" (serial S, slot N): 1 object imported.' ""
        if [ -z "$private" ]; then
            object export --class data never
            refused "private data in clear" 'the data would be written in clear: use --plain if that is meant'
            object export --class data --plain --force file
        else
            object export --class data --force file
        fi
        check "... as it was" cmp -s $data file
    done
done
object list --class data --json
check "... with its label" test "$(json 'd["objects"][0]["label"], d["objects"][0]["class"]')" = "('notes', 'data')"
for format in pem der pkcs12 jwk; do
    object export --class data --format $format --passphrase other never
    refused "data as $format" "data cannot be written as $format"
done
object import data --type data --id 01
tells "data with an ID" 1 'keykist: data has no ID: leave --id out'
object import data --type data --label notes --skip-existing
said "data that is there" 0 'Token "t" (serial S, slot N): 0 objects imported, 1 left out that was there.' ""

# ---- what may not leave ----

may_not='the key may not leave the token: its CKA_EXTRACTABLE is false'
wrapped='the key is sensitive and may leave the token only wrapped: use --by-wrapping'
head -c 32 data > aes
for kind in rsa-2048 P-256 brainpoolP256r1 ED25519 X448; do
    for rule in "may_not " "may_not --not-sensitive" "wrapped --extractable"; do
        empty
        # shellcheck disable=SC2086 # options
        object import $kind.pem ${rule#* }
        for format in "pem --plain" "der --passphrase other" "pkcs12 --passphrase other" "jwk --plain"; do
            # shellcheck disable=SC2086 # options
            object export --class private --format $format never
            refused "$kind, ${rule#* }, as $format" "$(eval "echo \"\$${rule%% *}\"")"
        done
        # shellcheck disable=SC2086 # options
        object export --class private --plain --by-wrapping --force file
        case $rule in
        wrapped*) check "... by wrapping" sh -c "openssl pkey -in file -outform DER | cmp -s - $kind.der" ;;
        *) tells "... nor by wrapping" 1 "keykist: $may_not" ;;
        esac
    done
done
for type in aes generic sha256-hmac; do
    for rule in "may_not " "may_not --not-sensitive" "wrapped --extractable"; do
        empty
        # shellcheck disable=SC2086 # options
        object import aes --type $type ${rule#* }
        for format in raw jwk; do
            object export --class secret --format $format --plain never
            refused "$type, ${rule#* }, as $format" "$(eval "echo \"\$${rule%% *}\"")"
        done
        object export --class secret --plain --by-wrapping --force file
        case $rule in
        wrapped*) check "... by wrapping" cmp -s aes file ;;
        *) tells "... nor by wrapping" 1 "keykist: $may_not" ;;
        esac
    done
done
finish
