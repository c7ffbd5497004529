#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# pkcs11-tool of OpenSC against a module: tokens and PINs, every key type the tool makes, signing,
# encryption, derivation, wrapping, certificates and data. Where it can be, the openssl command is
# the second opinion.
#
# Usage: test_pkcs11_tool.sh MODULE SOFTHSM2-UTIL [SKIP-LIST]
set -u
module=$(realpath "$1")
util=$(realpath "$2")
# shellcheck disable=SC2034 # lib.sh uses it
[ $# -lt 3 ] || skip_list=$(realpath "$3")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
make_work_folder
client pkcs11-tool "$(opensc-tool -i | sed -n 's/^OpenSC \([^ ]*\).*/\1/p')"

so_pin=12345678
pin=1234
wrong_pin=9999

# p11 ARGUMENTS...: the tool on the first token. Its output, errors too, is left in `out`.
p11()
{
    loading pkcs11-tool --module "$module" "$@" >out 2>&1
}

# The same on the token "clients"; user, the same logged in as the user.
token()
{
    p11 --token-label clients "$@"
}

user()
{
    token --login --pin "$pin" "$@"
}

# refused CODE COMMAND...: must end with that PKCS#11 code.
refused()
{
    code=$1
    shift
    if "$@"; then
        echo "was not refused" >>why
        return 1
    fi
    has "$code"
}

# Whether the tool has an option. It has had those of GCM (--tag-bits-len) since 0.24.
tool_knows()
{
    plain pkcs11-tool --help 2>&1 | grep -q -- "$1"
}

fails()
{
    if "$@"; then
        echo "did not fail" >>why
        return 1
    fi
}

openssl_says()
{
    plain openssl "$@" >out 2>&1
}

# --- slots, tokens, PINs -------------------------------------------------------------------------

init_token()
{
    loading "$util" --module "$module" --init-token --free --label clients --so-pin $so_pin \
        --pin $pin >out 2>&1 && has '^The token has been initialized'
}

show_info()
{
    p11 --show-info && has '^Cryptoki version [23]\.[0-9]+$' '^Manufacturer     SoftHSM' '^Library '
}

list_slots()
{
    p11 -L && has '^Slot 0 \(0x[0-9a-f]+\): SoftHSM slot ID 0x' '^  token label        : clients$' \
        '^  token manufacturer : SoftHSM project$' '^  token model        : SoftHSM v2$' \
        '^  token flags        : .*login required, rng, token initialized, PIN initialized' \
        '^  serial num         : [0-9a-f]{16}$' '^  pin min/max        : 4/255$' \
        '^Slot 1 \(0x1\)' '^  token state: +uninitialized$'
}

list_token_slots()
{
    p11 -T && has '^Slot 0 ' '^  token label        : clients$'
}

second_token()
{
    p11 --slot-index 1 --init-token --label second --so-pin 87654321 &&
        has '^Token successfully initialized$' &&
        p11 --token-label second --login --login-type so --so-pin 87654321 --init-pin --new-pin 4321 &&
        has '^User PIN successfully initialized$' &&
        p11 -L && has 'token label        : second$' '^Slot 2 \(0x2\)'
}

change_pin()
{
    p11 --token-label second --login --pin 4321 --change-pin --new-pin 654321 &&
        has '^PIN successfully changed$' &&
        refused CKR_PIN_INCORRECT p11 --token-label second --login --pin 4321 -O &&
        p11 --token-label second --login --pin 654321 -O
}

change_so_pin()
{
    p11 --token-label second --login --login-type so --so-pin 87654321 --change-pin \
        --new-pin 11223344 && has '^PIN successfully changed$' &&
        refused CKR_PIN_INCORRECT p11 --token-label second --login --login-type so \
            --so-pin 87654321 --init-pin --new-pin 1111 &&
        p11 --token-label second --login --login-type so --so-pin 11223344 --init-pin \
            --new-pin 1111 &&
        p11 --token-label second --login --pin 1111 -O
}

short_pin()
{
    refused CKR_PIN_LEN_RANGE p11 --token-label second --login --pin 1111 --change-pin --new-pin 123
}

wrong_user_pin()
{
    refused CKR_PIN_INCORRECT token --login --pin $wrong_pin -O &&
        token -L && has 'user PIN count low' &&
        user -O && token -L && lacks 'user PIN count low'
}

wrong_so_pin()
{
    refused CKR_PIN_INCORRECT p11 --token-label second --login --login-type so --so-pin $wrong_pin \
        --init-pin --new-pin 1111 &&
        p11 --token-label second --login --pin 1111 -O
}

reinit_needs_the_so_pin()
{
    refused CKR_PIN_INCORRECT p11 --token-label second --init-token --label taken --so-pin 00000000 &&
        p11 -L && has 'token label        : second$'
}

reinit_token()
{
    p11 --token-label second --login --pin 1111 --keygen --key-type AES:16 --label gone &&
        p11 --token-label second --init-token --label again --so-pin 11223344 &&
        p11 -L && has 'token label        : again$' && lacks 'token label        : second$' &&
        p11 --token-label again -O && lacks gone &&
        fails p11 --token-label again --login --pin 1111 -O
}

check 'softhsm2-util makes a token' init_token
check 'show-info' show_info
check 'list-slots' list_slots
check 'list-token-slots' list_token_slots
check 'init-token and init-pin on the free slot' second_token
check 'change-pin of the user' change_pin
check 'change-pin of the SO' change_so_pin
check 'a PIN too short is refused' short_pin
check 'a wrong user PIN is counted, a right one clears it' wrong_user_pin
check 'a wrong SO PIN is refused' wrong_so_pin
check 'init-token again needs the SO PIN' reinit_needs_the_so_pin
check 'init-token again empties the token' reinit_token

# --- mechanisms ----------------------------------------------------------------------------------

mechanism_listed()
{
    grep -E "^  $1(,|\$)" mechanisms >out || has "^  $1(,|\$)"
}

token -M
cp out mechanisms
while read -r name; do
    check "mechanism ${name%%,*}" mechanism_listed "$name"
done <<'END'
RSA-PKCS-KEY-PAIR-GEN, keySize=.*generate_key_pair
RSA-PKCS, keySize=.*encrypt, decrypt, sign,.* verify,.* wrap, unwrap
RSA-X-509, keySize=.*encrypt, decrypt, sign,.* verify
RSA-PKCS-OAEP, keySize=.*encrypt, decrypt, wrap, unwrap
RSA-PKCS-PSS, keySize=.*sign, verify
SHA1-RSA-PKCS, keySize=.*sign, verify
SHA256-RSA-PKCS, keySize=.*sign, verify
SHA512-RSA-PKCS-PSS, keySize=.*sign, verify
ECDSA-KEY-PAIR-GEN, .*generate_key_pair
ECDSA, .*sign, verify
ECDSA-SHA256, .*sign, verify
ECDSA-SHA512, .*sign, verify
ECDH1-DERIVE, .*derive
EC-EDWARDS-KEY-PAIR-GEN, .*generate_key_pair
(EC-MONTGOMERY-KEY-PAIR-GEN|mechtype-0x1056), .*generate_key_pair
EDDSA, .*sign, verify
AES-KEY-GEN, .*generate
AES-ECB, .*encrypt, decrypt
AES-CBC, .*encrypt, decrypt
AES-CBC-PAD, .*encrypt, decrypt.*wrap, unwrap
AES-CTR, .*encrypt, decrypt
AES-GCM, .*encrypt, decrypt
AES-CMAC, .*sign, verify
AES-KEY-WRAP, .*wrap, unwrap
(AES-KEY-WRAP-PAD|mechtype-0x210A|AES-KEY-WRAP-KWP), .*wrap, unwrap
GENERIC-SECRET-KEY-GEN, .*generate
MD5, .*digest
SHA-1, .*digest
SHA256, .*digest
SHA512, .*digest
SHA3-256, .*digest
SHA-1-HMAC, .*sign, verify
SHA256-HMAC, .*sign, verify
SHA3-512-HMAC, .*sign, verify
END

# --- keys ----------------------------------------------------------------------------------------

# The pair's public half as openssl reads it, in <label>.pub.
rsa_public_key()
{
    token --read-object --type pubkey --id "$(id_of "$1")" --output-file "$1.der" &&
        openssl_says pkey -pubin -inform DER -in "$1.der" -out "$1.pub"
}

ec_public_key()
{
    token -O --type pubkey && plain python3 "$here/spki.py" "$1" <out >"$1.pub" 2>>why
}

key_pair()
{
    type=$1
    label=$2
    shift 2
    user --keypairgen --key-type "$type" --label "$label" --id "$(id_of "$label")" &&
        has '^Key pair generated:$' '^Private Key Object' '^Public Key Object' \
            "^  label:      $label\$" '^  Access: .*sensitive, always sensitive, never extractable, local' \
            "$@"
}

# An id from a label, so that every object has one of its own.
id_of()
{
    printf '%s' "$1" | od -An -tx1 | tr -d ' \n'
}

rsa_pair()
{
    key_pair "RSA:$1" "rsa$1" "^Public Key Object; RSA $1 bits\$" &&
        rsa_public_key "rsa$1" && openssl_says pkey -pubin -in "rsa$1.pub" -noout -text && has "Public-Key: \\($1 bit\\)"
}

ec_pair()
{
    key_pair "EC:$1" "$2" '^  EC_POINT:   04' "^  EC_PARAMS:  $3" && ec_public_key "$2" &&
        openssl_says pkey -pubin -in "$2.pub" -noout -text && has "ASN1 OID: $1"
}

edwards_pair()
{
    key_pair EC:edwards25519 ed25519 '^Public Key Object; EC_EDWARDS' && ec_public_key ed25519 &&
        openssl_says pkey -pubin -in ed25519.pub -noout -text && has '^ED25519 Public-Key:'
}

montgomery_pair()
{
    key_pair EC:curve25519 x25519 '^Public Key Object; EC_MONTGOMERY' && ec_public_key x25519 &&
        openssl_says pkey -pubin -in x25519.pub -noout -text && has '^X25519 Public-Key:'
}

secret_key()
{
    user --keygen --key-type "$1:$2" --label "$3" --id "$(id_of "$3")" &&
        has '^Key generated:$' "^Secret Key Object; $4 length $2\$" "^  label:      $3\$" \
            '^  Access: .*never extractable, local'
}

bad_length()
{
    refused 'CKR_(KEY_SIZE_RANGE|ATTRIBUTE_VALUE_INVALID|TEMPLATE_INCONSISTENT)' \
        user --keygen --key-type "$1" --label bad
}

needs_login()
{
    fails token --keypairgen --key-type RSA:2048 --label nobody &&
        token -O && lacks nobody
}

check 'RSA 2048 key pair' rsa_pair 2048
check 'RSA 3072 key pair' rsa_pair 3072
check 'prime256v1 key pair' ec_pair prime256v1 p256 06082a8648ce3d030107
check 'secp384r1 key pair' ec_pair secp384r1 p384 06052b81040022
check 'secp521r1 key pair' ec_pair secp521r1 p521 06052b81040023
check 'secp256k1 key pair' ec_pair secp256k1 k256 06052b8104000a
check 'brainpoolP256r1 key pair' ec_pair brainpoolP256r1 bp256 06092b2403030208010107
check 'brainpoolP384r1 key pair' ec_pair brainpoolP384r1 bp384 06092b240303020801010b
check 'brainpoolP512r1 key pair' ec_pair brainpoolP512r1 bp512 06092b240303020801010d
check 'edwards25519 key pair' edwards_pair
check 'curve25519 key pair' montgomery_pair
check 'AES 16 key' secret_key AES 16 aes16 AES
check 'AES 24 key' secret_key AES 24 aes24 AES
check 'AES 32 key' secret_key AES 32 aes32 AES
check 'generic secret of 64 bytes' secret_key GENERIC 64 gen64 'Generic secret'
check 'AES of 17 bytes is refused' bad_length AES:17
check 'a private key needs a login' needs_login

# --- signatures ----------------------------------------------------------------------------------

echo 'The quick brown fox jumps over the lazy dog.' >data.txt
head -c 70000 /dev/urandom >big.bin
for hash in sha1 sha224 sha256 sha384 sha512; do
    plain openssl dgst -$hash -binary -out data.$hash data.txt
done

sign()
{
    user --sign --mechanism "$2" --id "$(id_of "$1")" --input-file "$3" --output-file "$4" && has 'Using signature algorithm'
}

verify()
{
    token --verify --mechanism "$2" --id "$(id_of "$1")" --input-file "$3" --signature-file "$4" &&
        has '^Signature is valid$'
}

# Every bit counts: one flipped in the data must make the signature bad.
verify_refuses_change()
{
    printf 'X' | cat - "$3" >changed.bin
    token --verify --mechanism "$2" --id "$(id_of "$1")" --input-file changed.bin --signature-file "$4"
    has 'Invalid signature|CKR_SIGNATURE_INVALID|CKR_DATA_LEN_RANGE|CKR_SIGNATURE_LEN_RANGE'
}

rsa_hashed()
{
    sign rsa2048 "$1" big.bin sig && size_is sig 256 && verify rsa2048 "$1" big.bin sig &&
        verify_refuses_change rsa2048 "$1" big.bin sig &&
        openssl_says dgst "-$2" -verify rsa2048.pub -signature sig big.bin && has 'Verified OK'
}

rsa_pss()
{
    sign rsa2048 "$1" data.txt sig && size_is sig 256 && verify rsa2048 "$1" data.txt sig &&
        verify_refuses_change rsa2048 "$1" data.txt sig &&
        openssl_says dgst "-$2" -sigopt rsa_padding_mode:pss -sigopt "rsa_mgf1_md:$2" \
            -verify rsa2048.pub -signature sig data.txt && has 'Verified OK'
}

rsa_raw_pkcs()
{
    sign rsa2048 RSA-PKCS data.txt sig && verify rsa2048 RSA-PKCS data.txt sig &&
        verify_refuses_change rsa2048 RSA-PKCS data.txt sig &&
        openssl_says pkeyutl -verify -pubin -inkey rsa2048.pub -in data.txt -sigfile sig &&
        has 'Signature Verified Successfully'
}

rsa_pss_of_hash()
{
    user --sign --mechanism RSA-PKCS-PSS --hash-algorithm SHA256 --mgf MGF1-SHA256 --salt-len 32 \
        --id "$(id_of rsa2048)" --input-file data.sha256 --output-file sig &&
        openssl_says dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 \
            -verify rsa2048.pub -signature sig data.txt && has 'Verified OK'
}

rsa_openssl_made()
{
    user --keypairgen --key-type RSA:2048 --label other --id 0f0f || return 1
    plain openssl genpkey -algorithm RSA -out foreign.pem 2>/dev/null
    plain openssl dgst -sha256 -sign foreign.pem -out sig data.txt
    token --verify --mechanism SHA256-RSA-PKCS --id 0f0f --input-file data.txt --signature-file sig
    has 'Invalid signature|CKR_SIGNATURE_INVALID'
}

ecdsa_of_hash()
{
    user --sign --mechanism ECDSA --id "$(id_of "$1")" --signature-format openssl \
        --input-file "data.$2" --output-file sig &&
        openssl_says pkeyutl -verify -pubin -inkey "$1.pub" -in "data.$2" -sigfile sig &&
        has 'Signature Verified Successfully' &&
        token --verify --mechanism ECDSA --id "$(id_of "$1")" --signature-format openssl \
            --input-file "data.$2" --signature-file sig && has '^Signature is valid$'
}

ecdsa_plain_form()
{
    user --sign --mechanism ECDSA --id "$(id_of "$1")" --input-file data.sha256 --output-file sig &&
        size_is sig "$2" && verify "$1" ECDSA data.sha256 sig &&
        verify_refuses_change "$1" ECDSA data.sha256 sig
}

ecdsa_hashed()
{
    user --sign --mechanism "$2" --id "$(id_of "$1")" --signature-format openssl --input-file big.bin \
        --output-file sig &&
        openssl_says dgst "-$3" -verify "$1.pub" -signature sig big.bin && has 'Verified OK'
}

eddsa()
{
    sign ed25519 EDDSA data.txt sig && size_is sig 64 && verify ed25519 EDDSA data.txt sig &&
        verify_refuses_change ed25519 EDDSA data.txt sig &&
        openssl_says pkeyutl -verify -rawin -pubin -inkey ed25519.pub -in data.txt -sigfile sig &&
        has 'Signature Verified Successfully'
}

for hash in 1 224 256 384 512; do
    check "SHA$hash-RSA-PKCS" rsa_hashed SHA$hash-RSA-PKCS sha$hash
done
for hash in 1 224 256 384 512; do
    check "SHA$hash-RSA-PKCS-PSS" rsa_pss SHA$hash-RSA-PKCS-PSS sha$hash
done
check 'RSA-PKCS' rsa_raw_pkcs
check 'RSA-PKCS-PSS of a hash' rsa_pss_of_hash
check "another key's signature is invalid" rsa_openssl_made
check 'ECDSA prime256v1' ecdsa_of_hash p256 sha256
check 'ECDSA secp384r1' ecdsa_of_hash p384 sha384
check 'ECDSA secp521r1' ecdsa_of_hash p521 sha512
check 'ECDSA secp256k1' ecdsa_of_hash k256 sha256
check 'ECDSA brainpoolP256r1' ecdsa_of_hash bp256 sha256
check 'ECDSA brainpoolP512r1' ecdsa_of_hash bp512 sha512
check 'ECDSA prime256v1 as r and s' ecdsa_plain_form p256 64
check 'ECDSA secp521r1 as r and s' ecdsa_plain_form p521 132
check 'ECDSA-SHA256' ecdsa_hashed p256 ECDSA-SHA256 sha256
check 'ECDSA-SHA384' ecdsa_hashed p384 ECDSA-SHA384 sha384
check 'EDDSA edwards25519' eddsa

# --- MACs and digests ----------------------------------------------------------------------------

# Known keys, imported, so that openssl has them too.
head -c 32 /dev/urandom >known32.bin
head -c 16 /dev/urandom >known16.bin
known32=$(od -An -tx1 known32.bin | tr -d ' \n')
known16=$(od -An -tx1 known16.bin | tr -d ' \n')

import_secret()
{
    file=$1
    label=$2
    shift 2
    user --write-object "$file" --type secrkey "$@" --label "$label" --id "$(id_of "$label")" \
        --extractable --usage-sign --usage-decrypt --usage-wrap &&
        has '^Created secret key:$' "^  label:      $label\$"
}

hmac()
{
    sign mackey "$1-HMAC" big.bin mac &&
        plain openssl mac -digest "$1" -macopt "hexkey:$known32" -binary -in big.bin -out want HMAC &&
        same mac want
}

cmac()
{
    sign known16 AES-CMAC data.txt mac &&
        plain openssl mac -cipher AES-128-CBC -macopt "hexkey:$known16" -binary -in data.txt -out want CMAC &&
        same mac want
}

digest()
{
    token --hash --mechanism "$1" --input-file big.bin --output-file digest &&
        plain openssl dgst "-$2" -binary -out want big.bin && same digest want
}

random_bytes()
{
    token --generate-random 1000 --output-file random1 &&
        token --generate-random 1000 --output-file random2 &&
        size_is random1 1000 && fails cmp -s random1 random2
}

check 'import of a generic secret' import_secret known32.bin mackey
check 'import of an AES 16 key' import_secret known16.bin known16 --key-type AES:
check 'import of an AES 32 key' import_secret known32.bin known32 --key-type AES:
check 'HMAC SHA256' hmac SHA256
check 'HMAC SHA512' hmac SHA512
# The tool looked for a private key to compute a CMAC with before 0.24.
if tool_knows --tag-bits-len; then
    check 'AES-CMAC' cmac
fi
check 'digest MD5' digest MD5 md5
check 'digest SHA-1' digest SHA-1 sha1
check 'digest SHA256' digest SHA256 sha256
check 'digest SHA384' digest SHA384 sha384
check 'digest SHA512' digest SHA512 sha512
check 'digest SHA3-256' digest SHA3-256 sha3-256
check 'generate-random' random_bytes

# --- encryption ----------------------------------------------------------------------------------

iv=000102030405060708090a0b0c0d0e0f
head -c 64000 big.bin >blocks.bin

encrypt()
{
    user --encrypt --mechanism "$2" --id "$(id_of "$1")" --input-file "$3" --output-file "$4" --iv "$iv"
}

decrypt()
{
    user --decrypt --mechanism "$2" --id "$(id_of "$1")" --input-file "$3" --output-file "$4" --iv "$iv"
}

aes_like_openssl()
{
    mechanism=$1
    key=$2
    bytes=$3
    shift 3
    encrypt "$key" "$mechanism" "$bytes" sealed &&
        plain openssl enc -e "$@" -in "$bytes" -out want && same sealed want &&
        decrypt "$key" "$mechanism" sealed opened && same "$bytes" opened
}

aes_gcm()
{
    user --encrypt --mechanism AES-GCM --id "$(id_of known32)" --input-file data.txt \
        --output-file sealed --iv 000102030405060708090a0b --aad 0a0b0c --tag-bits-len 128 &&
        size_is sealed $(($(wc -c <data.txt) + 16)) &&
        user --decrypt --mechanism AES-GCM --id "$(id_of known32)" --input-file sealed \
            --output-file opened --iv 000102030405060708090a0b --aad 0a0b0c --tag-bits-len 128 &&
        same data.txt opened &&
        fails user --decrypt --mechanism AES-GCM --id "$(id_of known32)" --input-file sealed \
            --output-file opened --iv 000102030405060708090a0b --aad 0a0b0d --tag-bits-len 128
}

damaged_padding()
{
    encrypt known32 AES-CBC-PAD data.txt sealed || return 1
    head -c 33 sealed >shorter
    refused 'CKR_ENCRYPTED_DATA_(LEN_RANGE|INVALID)' decrypt known32 AES-CBC-PAD shorter opened
}

rsa_decrypt()
{
    plain openssl pkeyutl -encrypt -pubin -inkey rsa2048.pub -in data.txt -out sealed &&
        user --decrypt --mechanism RSA-PKCS --id "$(id_of rsa2048)" --input-file sealed --output-file opened &&
        same data.txt opened
}

rsa_oaep()
{
    plain openssl pkeyutl -encrypt -pubin -inkey rsa2048.pub -in data.txt -out sealed \
        -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:"$2" -pkeyopt rsa_mgf1_md:"$2" &&
        user --decrypt --mechanism RSA-PKCS-OAEP --hash-algorithm "$1" --mgf "$3" --id "$(id_of rsa2048)" \
            --input-file sealed --output-file opened && same data.txt opened
}

rsa_raw()
{
    head -c 255 big.bin | { printf '\000'; cat; } >raw256
    plain openssl pkeyutl -encrypt -pubin -inkey rsa2048.pub -in raw256 -out sealed \
        -pkeyopt rsa_padding_mode:none &&
        user --decrypt --mechanism RSA-X-509 --id "$(id_of rsa2048)" --input-file sealed --output-file opened &&
        same raw256 opened
}

check 'AES-ECB' aes_like_openssl AES-ECB known16 blocks.bin -aes-128-ecb -nopad -K "$known16"
check 'AES-CBC' aes_like_openssl AES-CBC known32 blocks.bin -aes-256-cbc -nopad -K "$known32" -iv "$iv"
check 'AES-CBC-PAD' aes_like_openssl AES-CBC-PAD known32 big.bin -aes-256-cbc -K "$known32" -iv "$iv"
if tool_knows --tag-bits-len; then
    check 'AES-GCM' aes_gcm
fi
check 'AES-CBC-PAD cut short' damaged_padding
check 'RSA-PKCS decryption' rsa_decrypt
check 'RSA-PKCS-OAEP with SHA-1' rsa_oaep SHA-1 sha1 MGF1-SHA1
check 'RSA-PKCS-OAEP with SHA256' rsa_oaep SHA256 sha256 MGF1-SHA256
check 'RSA-PKCS-OAEP with SHA512' rsa_oaep SHA512 sha512 MGF1-SHA512
check 'RSA-X-509 decryption' rsa_raw

# --- derivation ----------------------------------------------------------------------------------

ecdh()
{
    plain openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$2" -out peer.pem 2>/dev/null &&
        plain openssl pkey -in peer.pem -pubout -outform DER -out peer.der &&
        plain openssl pkeyutl -derive -inkey peer.pem -peerkey "$1.pub" -out want &&
        user --derive --mechanism ECDH1-DERIVE --id "$(id_of "$1")" --input-file peer.der --output-file shared &&
        same shared want &&
        user --derive-pass-der --mechanism ECDH1-DERIVE --id "$(id_of "$1")" --input-file peer.der \
            --output-file shared && same shared want
}

check 'ECDH prime256v1' ecdh p256 prime256v1
check 'ECDH secp384r1' ecdh p384 secp384r1
check 'ECDH secp521r1' ecdh p521 secp521r1
check 'ECDH brainpoolP256r1' ecdh bp256 brainpoolP256r1

# --- wrapping ------------------------------------------------------------------------------------

wrap_under_rsa()
{
    user --wrap --mechanism RSA-PKCS --id "$(id_of rsa2048)" --application-id "$(id_of known32)" \
        --output-file wrapped && size_is wrapped 256 &&
        user --unwrap --mechanism RSA-PKCS --id "$(id_of rsa2048)" --input-file wrapped \
            --key-type AES: --application-id 0101 --application-label unwrapped1 --extractable &&
        has '^Key unwrapped|^Secret Key Object; AES' &&
        user --read-object --type secrkey --id 0101 --output-file value && same value known32.bin
}

wrap_under_aes()
{
    user --wrap --mechanism "$1" --iv "$iv" --id "$(id_of known16)" \
        --application-id "$(id_of known32)" --output-file wrapped && size_is wrapped "$2" &&
        user --unwrap --mechanism "$1" --iv "$iv" --id "$(id_of known16)" --input-file wrapped \
            --key-type AES: --application-id "$3" --application-label "unwrapped$3" --extractable &&
        user --read-object --type secrkey --id "$3" --output-file value && same value known32.bin
}

wrap_refused()
{
    fails user --wrap --mechanism RSA-PKCS --id "$(id_of rsa2048)" \
        --application-id "$(id_of aes32)" --output-file wrapped &&
        has 'CKR_KEY_(UNEXTRACTABLE|NOT_WRAPPABLE)'
}

check 'wrap and unwrap with RSA-PKCS' wrap_under_rsa
check 'wrap and unwrap with AES-CBC-PAD' wrap_under_aes AES-CBC-PAD 48 0102
check 'wrap and unwrap with AES-KEY-WRAP' wrap_under_aes AES-KEY-WRAP 40 0103
check 'wrap and unwrap with AES-KEY-WRAP-PAD' wrap_under_aes 0x210a 40 0104
check 'a key that is not extractable is not wrapped' wrap_refused

# --- objects -------------------------------------------------------------------------------------

plain openssl req -x509 -newkey rsa:2048 -nodes -keyout cert.key -subj '/CN=keykist test/O=Example' \
    -days 3650 -outform DER -out cert.der 2>/dev/null
plain openssl pkey -in cert.key -outform DER -out cert.key.der
plain openssl pkey -in cert.key -pubout -outform DER -out cert.pub.der
plain openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out ec.key 2>/dev/null
plain openssl pkey -in ec.key -outform DER -out ec.key.der
plain openssl pkey -in ec.key -pubout -out ec.pub

certificate()
{
    user --write-object cert.der --type cert --label cert --id c0ffee &&
        has '^Created certificate:$' 'Certificate Object; type = X.509 cert' \
            '^  subject:    DN: CN=keykist test, O=Example$' '^  ID:         c0ffee$' &&
        token --read-object --type cert --label cert --output-file cert.back && same cert.der cert.back
}

import_rsa()
{
    user --write-object cert.key.der --type privkey --label certkey --id "$(id_of certkey)" --usage-sign \
        --usage-decrypt && has '^Created private key:$' &&
        user --write-object cert.pub.der --type pubkey --label certkey --id "$(id_of certkey)" &&
        has '^Created public key:$' &&
        sign certkey SHA256-RSA-PKCS data.txt sig &&
        plain openssl pkey -in cert.key -pubout -out cert.pub &&
        openssl_says dgst -sha256 -verify cert.pub -signature sig data.txt && has 'Verified OK'
}

import_ec()
{
    user --write-object ec.key.der --type privkey --label eckey --id "$(id_of eckey)" --usage-sign --usage-derive &&
        has '^Created private key:$' &&
        user --sign --mechanism ECDSA --id "$(id_of eckey)" --signature-format openssl \
            --input-file data.sha256 --output-file sig &&
        openssl_says pkeyutl -verify -pubin -inkey ec.pub -in data.sha256 -sigfile sig &&
        has 'Signature Verified Successfully'
}

# Leaves in `out` only what the last listing says of one label.
only_object()
{
    awk -v "label=  label:      $1" '/^[^ ]/ { if (found) printf "%s", text; text = ""; found = 0 }
        { text = text $0 "\n"; if ($0 == label) found = 1 }
        END { if (found) printf "%s", text }' out >one && mv one out
}

imported_is_not_local()
{
    user -O --type privkey && only_object certkey && has '^  Access:     sensitive' &&
        lacks 'local|always sensitive'
}

public_data()
{
    user --write-object data.txt --type data --label note --application-label app \
        --application-id 1.2.3.4 && has "^Data object " "^  label:          'note'" \
        "^  application:    'app'" '^  app_id:         1.2.3.4$' &&
        token --read-object --type data --label note --output-file back && same data.txt back
}

private_data()
{
    user --write-object data.txt --type data --label secret-note --private &&
        token -O --type data && lacks secret-note &&
        fails token --read-object --type data --label secret-note --output-file none &&
        user --read-object --type data --label secret-note --output-file back && same data.txt back
}

set_id()
{
    user --type privkey --id 0f0f --set-id 0e0e && user -O --type privkey && has '^  ID:         0e0e$' &&
        lacks '^  ID:         0f0f$'
}

list_without_login()
{
    token -O && has '^Public Key Object; RSA 2048 bits$' 'Certificate Object' &&
        lacks '^Private Key Object' "'secret-note'"
}

list_with_login()
{
    user -O && has '^Private Key Object; RSA' '^Private Key Object; EC' '^Secret Key Object; AES length 32$' \
        "'secret-note'" "'note'"
}

list_by_type()
{
    user -O --type secrkey && has '^Secret Key Object' && lacks '^P(rivate|ublic) Key Object' Certificate
}

secret_stays_inside()
{
    user --keygen --key-type AES:32 --label sensitive --id 5e5e --sensitive &&
        fails user --read-object --type secrkey --id 5e5e --output-file leaked && fails test -s leaked
}

# The tool sets CKA_DESTROYABLE only on certificates, and older ones have no name for
# CKR_ACTION_PROHIBITED (0x1b).
undestroyable()
{
    user --write-object cert.der --type cert --label keep --id 4b4b --undestroyable &&
        refused "\\(0x1b\\)" user --delete-object --type cert --label keep &&
        user -O --type cert && has '^  label:      keep$'
}

allowed_mechanisms()
{
    user --keypairgen --key-type RSA:2048 --label only --id "$(id_of only)" --allowed-mechanisms SHA256-RSA-PKCS &&
        has '^  Allowed mechanisms: SHA256-RSA-PKCS' && sign only SHA256-RSA-PKCS data.txt sig &&
        refused CKR_MECHANISM_INVALID sign only SHA512-RSA-PKCS data.txt sig
}

always_authenticate()
{
    user --keypairgen --key-type RSA:2048 --label each --id "$(id_of each)" --always-auth --private &&
        has 'always authenticate' && sign each SHA256-RSA-PKCS data.txt sig &&
        user --read-object --type pubkey --id "$(id_of each)" --output-file each.der &&
        openssl_says pkey -pubin -inform DER -in each.der -out each.pub &&
        openssl_says dgst -sha256 -verify each.pub -signature sig data.txt && has 'Verified OK'
}

delete_object()
{
    user --delete-object --type "$1" --label "$2" && user -O --type "$1" && lacks "label: +'?$2'?\$"
}

delete_without_login()
{
    fails token --delete-object --type privkey --label rsa3072 && user -O --type privkey &&
        has '^  label:      rsa3072$'
}

check 'certificate written and read' certificate
check 'RSA private key imported' import_rsa
check 'EC private key imported' import_ec
check 'an imported key is not local' imported_is_not_local
check 'data object written and read' public_data
check 'private data object' private_data
check 'set-id' set_id
check 'list-objects without login' list_without_login
check 'list-objects with login' list_with_login
check 'list-objects by type' list_by_type
check 'a sensitive key is not read' secret_stays_inside
check 'an undestroyable object stays' undestroyable
check 'allowed mechanisms' allowed_mechanisms
check 'always authenticate' always_authenticate
check 'deletion needs a login' delete_without_login
check 'certificate deleted' delete_object cert cert
check 'data object deleted' delete_object data note
check 'private key deleted' delete_object privkey certkey
check 'public key deleted' delete_object pubkey certkey
check 'secret key deleted' delete_object secrkey aes24

# --- the tool's own tests ------------------------------------------------------------------------

# On a token of its own: an RSA pair alone, so that the tool picks it.
own_test()
{
    p11 --token-label again --login --login-type so --so-pin 11223344 --init-pin --new-pin 1111 &&
        p11 --token-label again --login --pin 1111 --keypairgen --key-type RSA:2048 --id 01 &&
        p11 --token-label again --login --pin 1111 --test && lacks '^error|[Ee][Rr][Rr]: |FAILED|[1-9][0-9]* errors' && has '^No errors$'
}

own_fork_test()
{
    p11 --test-fork -L && lacks 'Aborting|Segmentation' && has '^  token label        : clients$'
}

# While the main thread makes a key, which takes long enough for the others to end; the tool would
# else wait 30 seconds for them.
own_thread_test()
{
    user --use-locking --test-threads ILGISLT0 --test-threads ILGISLT0 --keypairgen \
        --key-type RSA:4096 --label threads --id "$(id_of threads)" &&
        lacks 'CKR_GENERAL_ERROR|CKR_FUNCTION_FAILED|Segmentation' &&
        has 'C_Initialize.* (returned |rv:)CKR_OK' 'C_GetSlotList returned CKR_OK' \
            'Test thread 0 returning rv( = 0|:CKR_OK)$' 'Test thread 1 returning rv( = 0|:CKR_OK)$'
}

interfaces()
{
    p11 --list-interfaces && has "Interface 'PKCS 11'"
}

check 'pkcs11-tool --test' own_test
check 'pkcs11-tool --test-fork' own_fork_test
check 'pkcs11-tool --test-threads' own_thread_test
check 'pkcs11-tool --list-interfaces' interfaces

plan_done
