#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# keykist object: every kind of key and every format in and out, held against what openssl makes of
# the same files; and what is refused.
. "$(dirname "$0")/keykist_lib.sh"

keykist token init --label t --so-pin 12345678 --pin 1234 > "$WORK/token.out" 2>&1 ||
    bail "no token: $(cat "$WORK/token.out")"

object()
{
    command=$1
    shift
    runk object "$command" "$@" --pin 1234
}

empty()
{
    keykist object delete --all --yes --pin 1234 > "$WORK/empty.out" 2>&1
}

# same NAME FILE FILE: the two hold the same bytes.
same()
{
    check "$1" cmp -s "$2" "$3"
}

imported()
{
    said "$1" 0 "Token \"t\" (serial S, slot N): $2" ""
}


# The identifier that X.509 gives a key, by openssl alone.
key_id()
{
    openssl pkey -in "$1" -pubout -outform DER > "$WORK/spki"
    openssl asn1parse -inform DER -in "$WORK/spki" -strparse "$(openssl asn1parse -inform DER \
        -in "$WORK/spki" | sed -n 's/^ *\([0-9]*\):.*BIT STRING.*/\1/p' | head -n 1)" -noout \
        -out "$WORK/bits" 2> "$WORK/openssl.err" || true
    openssl dgst -sha1 -r "$WORK/bits" | cut -d ' ' -f 1
}

# ---- keys of every kind, there and back ----

openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$WORK/rsa.pem" 2> "$WORK/genpkey"
for curve in P-256 P-384 P-521 secp256k1; do
    openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$curve" -out "$WORK/$curve.pem" 2> "$WORK/genpkey"
done
for algorithm in ED25519 ED448 X25519 X448; do
    openssl genpkey -algorithm $algorithm -out "$WORK/$algorithm.pem" 2> "$WORK/genpkey"
done
keys='rsa P-256 P-384 P-521 secp256k1 ED25519 ED448 X25519 X448'
# SoftHSM has no X448, and wants ways of writing the others that this test does not pin down.
[ "$KK_KIND" = own ] || keys='rsa P-256 P-384 P-521 ED25519'

for key in $keys; do
    openssl pkey -in "$WORK/$key.pem" -pubout -out "$WORK/$key.pub"
    openssl pkey -in "$WORK/$key.pem" -outform DER -out "$WORK/$key.der"
    openssl pkcs8 -topk8 -in "$WORK/$key.pem" -out "$WORK/$key.enc" -passout pass:secret
    openssl pkcs8 -topk8 -in "$WORK/$key.pem" -outform DER -out "$WORK/$key.p8e" -passout pass:secret -v2 aes-256-cbc

    object import "$WORK/$key.pem" --extractable --not-sensitive
    imported "$key: imported" "2 objects imported."
    object list --class private --json
    check "$key: its ID is the key identifier of X.509, its label the file's name" test \
        "$(json '[(o["id"], o["label"]) for o in d["objects"]]')" = "[('$(key_id "$WORK/$key.pem")', '$key')]"

    object export --class public "$WORK/$key.out.pub"
    same "$key: the public key in PEM" "$WORK/$key.pub" "$WORK/$key.out.pub"
    object export --class private --plain "$WORK/$key.out.pem"
    openssl pkey -in "$WORK/$key.out.pem" -outform DER -out "$WORK/$key.out.der" 2> "$WORK/openssl.err"
    same "$key: the private key in PEM" "$WORK/$key.der" "$WORK/$key.out.der"
    object export --class private --plain --format der "$WORK/$key.out.p8"
    openssl pkey -inform DER -in "$WORK/$key.out.p8" -outform DER -out "$WORK/$key.out2.der" 2> "$WORK/openssl.err"
    same "$key: ... in DER" "$WORK/$key.der" "$WORK/$key.out2.der"
    object export --class private --passphrase other "$WORK/$key.out.enc"
    openssl pkey -in "$WORK/$key.out.enc" -passin pass:other -outform DER -out "$WORK/$key.out3.der" 2> "$WORK/openssl.err"
    same "$key: ... encrypted" "$WORK/$key.der" "$WORK/$key.out3.der"
    object export --class private --format jwk --plain "$WORK/$key.jwk"
    check "$key: ... as JWK" test "$status" = 0
    object export --class public --format jwk "$WORK/$key.pub.jwk"
    check "$key: the public key as JWK" sh -c "! grep -q '\"d\"' '$WORK/$key.pub.jwk' && grep -q '\"kty\"' '$WORK/$key.pub.jwk'"

    for form in der enc p8e jwk out.p8 out.enc; do
        empty
        passphrase=secret
        [ $form = out.enc ] && passphrase=other
        object import "$WORK/$key.$form" --passphrase $passphrase --extractable --not-sensitive
        object export --class private --plain --format der "$WORK/$key.again" --force
        openssl pkey -inform DER -in "$WORK/$key.again" -outform DER -out "$WORK/$key.again.der" 2> "$WORK/openssl.err"
        same "$key: in and out again from .$form" "$WORK/$key.der" "$WORK/$key.again.der"
    done
    for form in pub pub.jwk; do
        empty
        object import "$WORK/$key.$form"
        imported "$key: .$form imported" "1 object imported."
        object export "$WORK/$key.again.pub" --force
        same "$key: ... and out again" "$WORK/$key.pub" "$WORK/$key.again.pub"
    done
    empty
done

# ---- DSA, which JWK does not have ----

openssl dsaparam -genkey -out "$WORK/dsa.sec1" 1024 2> "$WORK/genpkey"
openssl pkcs8 -topk8 -nocrypt -in "$WORK/dsa.sec1" -out "$WORK/dsa.pem"
openssl pkey -in "$WORK/dsa.pem" -pubout -out "$WORK/dsa.pub"
openssl pkey -in "$WORK/dsa.pem" -outform DER -out "$WORK/dsa.der"
object import "$WORK/dsa.pem" --extractable --not-sensitive
imported "dsa: imported" "2 objects imported."
object export --class public "$WORK/dsa.out.pub"
same "dsa: the public key in PEM" "$WORK/dsa.pub" "$WORK/dsa.out.pub"
object export --class private --plain --format der "$WORK/dsa.out.p8"
openssl pkey -inform DER -in "$WORK/dsa.out.p8" -outform DER -out "$WORK/dsa.out.der" 2> "$WORK/openssl.err"
same "dsa: the private key in DER" "$WORK/dsa.der" "$WORK/dsa.out.der"
object export --class private --passphrase other "$WORK/dsa.out.enc"
openssl pkey -in "$WORK/dsa.out.enc" -passin pass:other -outform DER -out "$WORK/dsa.out2.der" 2> "$WORK/openssl.err"
same "dsa: ... encrypted" "$WORK/dsa.der" "$WORK/dsa.out2.der"
object export --class private --plain --format jwk "$WORK/dsa.jwk"
check "dsa: not as JWK" test "$status" = 1
empty

# ---- certificates and PKCS#12 ----

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/ca.key" -out "$WORK/ca.pem" -days 30 -subj "/CN=root" 2> "$WORK/req"
openssl req -new -key "$WORK/P-256.pem" -subj "/CN=leaf" -out "$WORK/leaf.csr" 2> "$WORK/req"
openssl x509 -req -in "$WORK/leaf.csr" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" -set_serial 77 -days 30 -out "$WORK/leaf.pem" 2> "$WORK/req"
openssl pkcs12 -export -inkey "$WORK/P-256.pem" -in "$WORK/leaf.pem" -certfile "$WORK/ca.pem" -name "web server" \
    -passout pass:secret -out "$WORK/all.p12"

object import "$WORK/all.p12"
tells "PKCS#12 without a passphrase" 1 'keykist: .*all\.p12 is encrypted: use --passphrase-file, .*'
object import "$WORK/all.p12" --passphrase wrong
tells "... with a wrong one" 1 "keykist: .*all\.p12: the passphrase does not open it"
openssl pkcs12 -export -inkey "$WORK/P-256.pem" -in "$WORK/leaf.pem" -nomac -passout pass:secret -out "$WORK/nomac.p12"
object import "$WORK/nomac.p12" --passphrase wrong
tells "... the same without a MAC" 1 "keykist: .*nomac\.p12: the passphrase does not open it"
object import "$WORK/nomac.p12"
tells "... and without a passphrase" 1 'keykist: .*nomac\.p12 is encrypted: use --passphrase-file, .*'
object import "$WORK/all.p12" --passphrase secret --extractable
imported "... with the right one" "4 objects imported."
object list --json
check "... the key and its certificate have one ID and the name of the file" test \
    "$(json 'sorted((o["class"], o["label"]) for o in d["objects"] if o["id"] == "'"$(key_id "$WORK/P-256.pem")"'")')" = \
    "[('cert', 'web server'), ('private', 'web server'), ('public', 'web server')]"
object list
check "... and stand together in the list" test "$(tail -n 3 "$WORK/out" | cut -d ' ' -f 1 | tr '\n' ' ')" = "cert private public "
object export --class cert --label "web server" "$WORK/out.cert"
openssl x509 -in "$WORK/leaf.pem" -outform DER -out "$WORK/leaf.der"
openssl x509 -in "$WORK/out.cert" -outform DER -out "$WORK/out.cert.der"
same "the certificate in PEM" "$WORK/leaf.der" "$WORK/out.cert.der"
object export --class cert --label "web server" --format der "$WORK/out.der"
same "... in DER" "$WORK/leaf.der" "$WORK/out.der"

object export --label "web server" --class private --passphrase new "$WORK/sensitive"
tells "a sensitive key" 1 'keykist: the key is sensitive and may leave the token only wrapped: use --by-wrapping'
object export --label "web server" --format pkcs12 --passphrase new --by-wrapping "$WORK/out.p12"
check "PKCS#12, the key got out by wrapping" test "$status" = 0
[ "$status" = 0 ] || sed 's/^/# /' "$WORK/err"
openssl pkcs12 -in "$WORK/out.p12" -passin pass:new -nodes -nocerts 2> "$WORK/openssl.err" |
    openssl pkey -outform DER -out "$WORK/p12.der" 2> "$WORK/openssl.err"
same "... the same key" "$WORK/P-256.der" "$WORK/p12.der"
check "... with its certificate and the one above" test \
    "$(openssl pkcs12 -in "$WORK/out.p12" -passin pass:new -nokeys 2> "$WORK/openssl.err" | grep -c 'BEGIN CERT')" = 2
check "... both of its authentication and encryption as they should be" sh -c \
    "openssl pkcs12 -in '$WORK/out.p12' -passin pass:new -info -noout 2>&1 | grep -q 'AES-256-CBC, Iteration 600000, PRF hmacWithSHA256'"
check "a file is its owner's only" test "$(stat -c %a "$WORK/out.p12")" = 600
empty
object import "$WORK/out.p12" --passphrase new
imported "... and in again" "4 objects imported."
object export --class private --label "web server" --passphrase new --by-wrapping "$WORK/never"
tells "a key that is not extractable" 1 'keykist: the key may not leave the token: its CKA_EXTRACTABLE is false'
check "... leaves no file" test ! -e "$WORK/never"
object import "$WORK/leaf.pem" "$WORK/ca.pem"
imported "a certificate that is there" "0 objects imported, 2 left out that were there."
empty

# ---- secret keys ----

head -c 32 /dev/urandom > "$WORK/aes"
object import "$WORK/aes" --type aes --id 01:02 --label a --extractable --not-sensitive
imported "an AES key" "1 object imported."
object export --class secret "$WORK/aes.out"
tells "... not in clear unless that is said" 1 'keykist: the key would be written in clear: use --plain if that is meant'
object export --class secret --plain "$WORK/aes.out"
same "... there and back" "$WORK/aes" "$WORK/aes.out"
object export --class secret --plain --format jwk "$WORK/aes.jwk"
check "... as JWK" python3 -c 'import base64, json, sys
k = json.load(open(sys.argv[1]))
assert k["kty"] == "oct" and k["kid"] == "a"
assert base64.urlsafe_b64decode(k["k"] + "==") == open(sys.argv[2], "rb").read()' "$WORK/aes.jwk" "$WORK/aes"
object export --class secret --plain --format pem "$WORK/aes.pem"
tells "... has no PEM" 1 'keykist: a secret key cannot be written as pem'
object delete --class secret --yes
imported "delete" "1 object deleted."
object import "$WORK/aes.jwk" --type aes --extractable
object export --type aes --plain --by-wrapping "$WORK/aes.out" --force
same "... sensitive, got out by wrapping" "$WORK/aes" "$WORK/aes.out"
printf '{\001\002\003\004\005\006\007\010\011\013\014\016\017\020\377' > "$WORK/brace"
object import "$WORK/brace" --type aes --label brace --extractable --not-sensitive
imported "an AES key that begins as JSON does" "1 object imported."
object export --label brace --plain "$WORK/brace.out"
same "... there and back" "$WORK/brace" "$WORK/brace.out"
head -c 31 "$WORK/aes" > "$WORK/short"
object import "$WORK/short" --type aes
tells "an AES key of 31 bytes" 1 'keykist: .*: an AES key has 16, 24 or 32 bytes; this one has 31'
object import "$WORK/short" --type generic --extractable --not-sensitive --label g
imported "... is a generic secret" "1 object imported."
object import "$WORK/short" --type generic --label g --skip-existing
imported "... it goes by its label when it has no ID" "0 objects imported, 1 left out that was there."
object export --label g --plain "$WORK/short.out"
same "... there and back" "$WORK/short" "$WORK/short.out"
empty

# ---- several in one file, several files, IDs ----

cat "$WORK/leaf.pem" "$WORK/P-256.pem" "$WORK/ca.pem" "$WORK/P-256.pub" > "$WORK/bundle.pem"
object import "$WORK/bundle.pem" --label bundle
imported "a bundle: the public key is there once" "4 objects imported, 1 left out that was there."
object import "$WORK/P-256.pem"
tells "the ID is taken" 1 'keykist: .*P-256\.pem: there is a private key with the same ID: use --force, --skip-existing or another --id'
object import "$WORK/P-256.pem" "$WORK/P-384.pem" --skip-existing
imported "... left out with --skip-existing" "2 objects imported, 1 left out that was there."
object import "$WORK/P-256.pem" --force --no-public --label twice
imported "... not with --force" "1 object imported."
object import "$WORK/P-256.pem" --id abcd --usage derive --label derives
imported "... another ID" "2 objects imported."
object show --label derives --class private --json
check "... with the usage that was asked for" test "$(json 'd["objects"][0]["id"], d["objects"][0]["usage"]')" = "('abcd', 'derive')"
empty
mkdir "$WORK/many"
for key in rsa P-256 P-384; do cp "$WORK/$key.pem" "$WORK/many"; done
object import "$WORK/many"
imported "a directory" "6 objects imported."
empty
ls "$WORK/many"/* > "$WORK/names"
object import --list "$WORK/names"
imported "a list of files" "6 objects imported."
object import "$WORK/many" --skip-existing --json
check "... once more, as JSON" test "$status $(json 'd["result"]')" = "0 0 objects imported, 3 left out that were there"
empty
head -c 1000 "$WORK/rsa.pem" > "$WORK/many/zz.pem"
object import "$WORK/many"
tells "one of them is cut off" 1 'keykist: .*/many/zz\.pem holds no key or certificate in a known format, or is damaged; .*'
if [ "$KK_KIND" = own ]; then
    object list --json
    check "... nothing of its transaction is stored" test "$(json 'len(d["objects"])')" = 0
fi
empty

# ---- what is wrong with files ----

unknown='holds no key or certificate in a known format, or is damaged; a symmetric key needs --type'
for name in rsa.pem rsa.der rsa.enc rsa.p8e leaf.der all.p12 rsa.jwk ca.pem; do
    size=$(stat -c %s "$WORK/$name")
    for part in 1 3 $((size / 2)) $((size - 3)); do
        head -c "$part" "$WORK/$name" > "$WORK/part"
        object import "$WORK/part" --passphrase secret
        if [ "$status" != 1 ] || ! grep -Eq "keykist: .*part(:| $unknown)" "$WORK/err"; then
            fail "$name cut off after $part bytes"
            sed 's/^/# /' "$WORK/out" "$WORK/err"
        fi
    done
done
object list --json
check "files cut off leave nothing behind" test "$(json 'len(d["objects"])')" = 0
head -c 3000 /dev/urandom > "$WORK/noise"
object import "$WORK/noise"
tells "noise" 1 "keykist: .*noise $unknown"
: > "$WORK/nothing"
object import "$WORK/nothing"
tells "an empty file" 1 "keykist: .*nothing $unknown"
object import "$WORK/absent"
tells "no file" 1 'keykist: could not open .*absent: No such file or directory'
object import
tells "no file named" 1 'keykist: which files\? .*'
object import "$WORK/rsa.enc"
tells "encrypted, no passphrase" 1 'keykist: .*rsa\.enc is encrypted: use --passphrase-file, --passphrase-env or --passphrase'
object import "$WORK/rsa.enc" --passphrase wrong
tells "encrypted, a wrong one" 1 'keykist: .*rsa\.enc: the passphrase does not open it'
object import "$KEYS/dh.pem"
tells "a kind of key that is not handled" 1 'keykist: .*dh\.pem: a key or its encryption is of an algorithm or form that is not handled'
for text in '{' '{}' '[]' '{"kty":"RSA"}' '{"keys":[]}' '{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}' \
    '{"kty":"oct","k":"A"}' '{"kty":"oct","k":"AA=="}' '{"kty":"oct","k":"AAAA","k":"AAAA"}' '{"kty":"oct","k":""}'; do
    printf '%s' "$text" > "$WORK/bad.jwk"
    object import "$WORK/bad.jwk"
    tells "JWK $text" 1 "keykist: .*bad\.jwk $unknown"
done
printf '{"kty":"EC","crv":"P-255","x":"AA","y":"AA"}' > "$WORK/bad.jwk"
object import "$WORK/bad.jwk"
tells "JWK, an unknown curve" 1 'keykist: .*bad\.jwk: a key or its encryption is of an algorithm or form that is not handled'
python3 - "$WORK/P-256.jwk" "$WORK/P-256.pub.jwk" "$WORK/bad.jwk" << 'EOF'
import json, sys
private, public = (json.load(open(name)) for name in sys.argv[1:3])
private["d"] = private["x"]
json.dump(private, open(sys.argv[3], "w"))
EOF
object import "$WORK/bad.jwk"
tells "JWK, a private key of another" 1 'keykist: .*bad\.jwk: the numbers of a key do not belong together'

# ---- what is wrong with the command line ----

object import "$WORK/rsa.pem" --id 123
tells "--id, half a byte" 1 'keykist: --id takes pairs of hexadecimal digits, not "123"'
object import "$WORK/rsa.pem" --type des
tells "--type" 1 'keykist: --type takes aes, generic, .*, not "des"'
object import "$WORK/rsa.pem" --usage sing
tells "--usage" 1 'keykist: --usage takes sign, encrypt, wrap, derive and encapsulate, with commas between them, not "sing"'
object list --class keys
tells "--class" 1 'keykist: there is no class "keys": use private, public, secret, cert or data'
object list --type rsaa
tells "--type of a list" 1 'keykist: there is no key type "rsaa": .*'
object delete --yes
tells "delete what?" 1 'keykist: which objects\? Use --label, --id, --class, --type, or --all'
object delete --label x --yes
tells "delete what is not there" 1 'keykist: no object fits'
object import "$WORK/rsa.pem" --extractable
object delete --type rsa
tells "delete without --yes" 1 'keykist: 2 objects of the token "t" will be lost: say --yes if that is meant'
object export "$WORK/two"
tells "export: two fit" 1 'keykist: 2 objects fit: choose one by --class, --id, --label or --type'
object export --class private "$WORK/clear" --by-wrapping
tells "export: in clear" 1 'keykist: the key would be written in clear: use a passphrase, or --plain if that is meant'
object export --class private --format pkcs12 "$WORK/clear" --by-wrapping --plain
tells "export: PKCS#12 without a passphrase" 1 'keykist: pkcs12 needs a passphrase: .*'
object export --class public --format raw "$WORK/clear"
tells "export: no such format" 1 'keykist: a public key cannot be written as raw'
object export --class public --format xml "$WORK/clear"
tells "export: an unknown format" 1 'keykist: --format takes pem, der, pkcs12, jwk or raw, not "xml"'
echo precious > "$WORK/precious"
object export --class public "$WORK/precious"
tells "export: a file is there" 1 'keykist: there is a file .*precious already: --force replaces it'
check "... as it was" test "$(cat "$WORK/precious")" = precious
object export --class public "$WORK/no/such/place"
tells "export: nowhere" 1 'keykist: could not write .*: No such file or directory'
object export --class public -
same "export: to standard output" "$WORK/rsa.pub" "$WORK/out"
check "no temporary file is left" test -z "$(find "$WORK" -maxdepth 1 -regex '.*\.[A-Za-z0-9]\{6\}')"
runk object list --json
check "without the PIN: public objects only" test "$(json '[o["class"] for o in d["objects"]]')" = "['public']"
runk object export --class private --plain "$WORK/clear"
tells "... and that is said" 1 'keykist: no object fits; private ones are seen with a PIN only'
finish
