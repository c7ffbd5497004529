#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# keykist key derive, encapsulate, decapsulate: the new keys are those that openssl makes of the same, or those
# that the other side makes.
. "$(dirname "$0")/keykist_lib.sh"

keykist token init --label t --so-pin 12345678 --pin 1234 > "$WORK/token.out" 2>&1 ||
    bail "no token: $(cat "$WORK/token.out")"
printf '1234\n' > "$WORK/pin"
cd "$WORK" || exit 1

key()
{
    command=$1
    shift
    runk key "$command" "$@" --pin-file "$WORK/pin"
}

# bytes_of LABEL: a key that may leave in clear, in hexadecimal.
bytes_of()
{
    rm -f bytes
    keykist key export --class secret --label "$1" --format raw --plain bytes --pin-file pin > export.out 2>&1 ||
        cat export.out
    od -An -v -tx1 bytes | tr -d ' \n'
}

hex()
{
    od -An -v -tx1 | tr -d ' \n'
}

done_so()
{
    check "$1" sh -c "test $status = 0 && test ! -s err || { cat out err; false; }"
}

# ---- ECDH ----

curves='p-256:prime256v1 p-384:secp384r1'
[ "$KK_KIND" = own ] && curves="$curves p-521:secp521r1 x25519: x448:"
for pair in $curves; do
    kind=${pair%%:*}
    if [ -n "${pair#*:}" ]; then
        openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:${pair#*:}" -out peer.key 2> /dev/null
    else
        openssl genpkey -algorithm "$kind" -out peer.key
    fi
    openssl pkey -in peer.key -pubout -out peer.pub
    key generate "$kind" --label "$kind" --usage derive
    done_so "$kind: a key that derives"
    keykist key export --label "$kind" ours.pub --force > export.out
    openssl pkeyutl -derive -inkey peer.key -peerkey ours.pub -out agreed
    key derive --label "$kind" --peer peer.pub --new-label "$kind-agreed" --extractable --not-sensitive
    check "$kind: derived, and its URI said" sh -c "test $status = 0 && grep -q '^pkcs11:.*object=$kind-agreed;type=secret' out || { cat out err; false; }"
    check "$kind: what openssl agrees on" test "$(bytes_of "$kind-agreed")" = "$(hex < agreed)"
    key derive --label "$kind" --peer peer.pub --new-label "$kind-aes" --new-type aes:256 --usage encrypt --json
    check "$kind: an AES key" test "$(json 'd["label"]')" = "$kind-aes"
done
key list --label p-256-aes --json
check "it is sensitive and stays" test "$(json '[(o["type"], o["size"], o["flags"]) for o in d["objects"]]')" = \
    "[('AES', 256, 'private,sensitive')]"
key derive --label p-256 --peer peer.key --new-label z
tells "a private key is no peer" 1 'keykist: peer.key: there is no public key for ECDH in it \(EC, X25519 or X448\)'
key derive --label p-256 --new-label z
tells "no peer" 1 'keykist: --peer is missing: .*'
key derive --label p-256 --peer peer.pub
tells "no new label" 1 'keykist: --new-label is missing: .*'
openssl ecparam -name prime256v1 -genkey -noout -out p256.key && openssl pkey -in p256.key -pubout -out p256.pub
key derive --label p-256 --peer p256.pub --new-label p-256-aes
tells "the label is taken" 1 'keykist: there is a secret key with the label "p-256-aes" already: choose another'
key derive --label p-256 --peer p256.pub --new-label z --salt 00
tells "no salt with ECDH" 1 'keykist: --salt is for HKDF'
key derive --label p-256 --peer p256.pub --new-label z --new-type rsa
tells "a type that is none" 1 'keykist: --new-type takes aes\[:BITS\] or generic\[:BITS\], not "rsa"'
key derive --label p-256 --peer p256.pub --new-label z --kdf md5
tells "a kdf that is none" 1 'keykist: --kdf takes none, .* not "md5"'
key generate rsa:2048 --label rsa
key derive --label rsa --peer p256.pub --new-label z
tells "RSA agrees on nothing" 1 'keykist: the key agrees on nothing: .*'
key generate p-256 --label signer
key derive --label signer --peer p256.pub --new-label z
if [ "$KK_KIND" = own ]; then
    tells "a key that may not" 1 'keykist: the key is not made for that \(CKR_KEY_FUNCTION_NOT_PERMITTED\): keys for it are made with --usage derive'
fi

if [ "$KK_KIND" != own ]; then
    key encapsulate --label rsa --new-label z --out c
    tells "a module before 3.2" 1 'keykist: this module has no C_EncapsulateKey: .*'
    finish
    exit
fi

# ANSI X9.63's derivation, and what it takes along.
openssl pkeyutl -derive -inkey p256.key -peerkey ours.pub -out agreed 2> /dev/null
keykist key export --label p-256 ours.pub --force > export.out
openssl pkeyutl -derive -inkey p256.key -peerkey ours.pub -out agreed
openssl kdf -binary -keylen 48 -kdfopt digest:SHA256 -kdfopt "hexkey:$(hex < agreed)" -kdfopt hexinfo:c0ffee \
    -out x963 X963KDF
key derive --label p-256 --peer p256.pub --kdf sha256 --info c0ffee --new-type generic:384 --new-label x963 \
    --extractable --not-sensitive
done_so "ECDH with a derivation"
check "it is openssl's" test "$(bytes_of x963)" = "$(hex < x963)"

# ---- HKDF ----

printf 'a secret of more than thirty-two bytes' > base
keykist key import base --type generic --label base --usage derive --pin-file pin > import.out 2>&1 ||
    bail "no base key: $(cat import.out)"
openssl kdf -binary -keylen 42 -kdfopt digest:SHA384 -kdfopt "hexkey:$(hex < base)" -kdfopt hexsalt:0011 \
    -kdfopt hexinfo:2233 -out hkdf HKDF
key derive --label base --hash sha384 --salt 0011 --info 2233 --new-type generic:336 --new-label hkdf --extractable --not-sensitive
check "HKDF" test "$status" = 0
check "it is openssl's" test "$(bytes_of hkdf)" = "$(hex < hkdf)"
openssl kdf -binary -keylen 32 -kdfopt digest:SHA256 -kdfopt "hexkey:$(hex < base)" -out hkdf HKDF
key derive --label base --new-label plain --extractable --not-sensitive
check "without salt and info too" test "$(bytes_of plain)" = "$(hex < hkdf)"
key derive --label base --new-label z --peer p256.pub
tells "no peer with HKDF" 1 'keykist: --peer and --kdf are for ECDH, with a private key'
key derive --label base --new-label z --hash md7
tells "no such hash" 1 'keykist: there is no hash "md7": use .*'
key derive --label base --new-label z --mechanism aes-gcm
tells "no such derivation" 1 'keykist: --mechanism takes hkdf-derive for this key, not "aes-gcm"'
key derive 'pkcs11:token=t;object=base;type=secret-key' --new-label by-uri
check "by URI" test "$status" = 0

# ---- encapsulation ----

kinds='rsa:2048 p-256 x25519 x448'
keykist mechanism list --json > out 2> /dev/null
case $(json '"ml-kem" in [m["name"] for m in d["mechanisms"]]') in
True) kinds="$kinds ml-kem-512 ml-kem-768 ml-kem-1024" ;;
esac
for kind in $kinds; do
    case $kind in
    ml-kem*) key generate "$kind" --label "kem-$kind" ;;
    *) key generate "$kind" --label "kem-$kind" --usage encapsulate,derive ;;
    esac
    done_so "$kind: a key that encapsulates"
    key encapsulate --label "kem-$kind" --new-label "$kind-there" --extractable --not-sensitive --out ciphertext --force
    done_so "$kind: encapsulated"
    key decapsulate --label "kem-$kind" --new-label "$kind-here" --extractable --not-sensitive ciphertext
    done_so "$kind: decapsulated"
    check "$kind: both are the same, and have 32 bytes" sh -c "test '$(bytes_of "$kind-there")' = '$(bytes_of "$kind-here")' &&
        test '$(bytes_of "$kind-here" | wc -c)' = 64"
    [ "$kind" = x25519 ] && cp ciphertext x25519.ciphertext
done
# The ciphertext with X25519 is a public key, and openssl agrees on the same with it.
keykist key generate x25519 --label open --usage encapsulate,derive --not-sensitive --extractable --pin-file pin > open.out
key encapsulate --label open --new-label open-there --extractable --not-sensitive --out ciphertext --force
keykist key export --class private --label open --plain open.key --pin-file pin > export.out 2>&1
{ printf '\060\052\060\005\006\003\053\145\156\003\041\000' && cat ciphertext; } > ephemeral.der
openssl pkeyutl -derive -inkey open.key -peerkey ephemeral.der -peerform DER -out agreed
check "X25519: openssl makes the same key of the ciphertext" test "$(bytes_of open-there)" = "$(hex < agreed)"
key encapsulate --label kem-rsa:2048 --new-label o --extractable --not-sensitive --out ciphertext --force --hash sha512
keykist key generate rsa:2048 --label openrsa --usage encapsulate --not-sensitive --extractable --pin-file pin > open.out
key encapsulate --label openrsa --new-label openrsa-there --extractable --not-sensitive --out ciphertext --force
keykist key export --class private --label openrsa --plain openrsa.key --pin-file pin > export.out 2>&1
openssl pkeyutl -decrypt -inkey openrsa.key -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 \
    -in ciphertext -out agreed
check "RSA: openssl decrypts the same key" test "$(bytes_of openrsa-there)" = "$(hex < agreed)"
key encapsulate --label kem-p-256 --new-label j --json
check "with --json the ciphertext is in the document" test "$(json 'sorted(d) and len(__import__("base64").b64decode(d["ciphertext"]))')" = 65
head -c 40 ciphertext > short
key decapsulate --label kem-rsa:2048 --new-label z short
tells "a ciphertext that is none" 1 'keykist: the file was not made for this key and mechanism, or it was changed \(CKM_RSA_PKCS_OAEP\)'
key encapsulate --label rsa --new-label z --out c --force
tells "a key that may not" 1 'keykist: the key is not made for that \(CKR_KEY_FUNCTION_NOT_PERMITTED\): keys for it are made with --usage encapsulate'
key encapsulate --label kem-x25519 --new-label z --hash sha1
tells "no hash with X25519" 1 'keykist: --mechanism and --hash are for RSA keys'
key encapsulate --label kem-x25519 --new-label left --out ciphertext
check "a file that is there is kept, and no key is left behind" sh -c "test $status = 1 && ! '$KK_KEYKIST' key list --label left --class secret --pin-file pin --module '$MODULE' | grep -q left"
finish
