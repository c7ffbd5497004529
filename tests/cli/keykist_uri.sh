#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# keykist: tokens and objects named by a PKCS#11 URI (RFC 7512), and PINs from file descriptors.
. "$(dirname "$0")/keykist_lib.sh"

for label in t 'a b'; do
    keykist token init --label "$label" --so-pin 12345678 --pin 1234 > "$WORK/token.out" 2>&1 ||
        bail "no token: $(cat "$WORK/token.out")"
done
serial=$(keykist token list --json | python3 -c 'import json, sys
print([t["serial"] for t in json.load(sys.stdin)["tokens"] if t["label"] == "t"][0])')
printf 'secret text' > "$WORK/data"
printf '1234\n' > "$WORK/pin"
runk object import "$WORK/data" --type data --label 'my data' --token t --pin-file "$WORK/pin"
check "an object" test "$status" = 0

# finds NAME URI: the object by this URI.
finds()
{
    runk object list --json "$2"
    check "$1" test "$status $(json '[o["label"] for o in d["objects"]]')" = "0 ['my data']"
}
finds "by token, label and PIN file" "pkcs11:token=t;object=my%20data;type=data?pin-source=file:$WORK/pin"
finds "pin-source as a bare path" "pkcs11:token=t;object=my%20data?pin-source=$WORK/pin"
finds "pin-source as file:///" "pkcs11:token=t?pin-source=file://$WORK/pin"
finds "pin-value" "pkcs11:token=t?pin-value=1234"
finds "by serial number" "pkcs11:serial=$serial?pin-value=1234"
runk object list --json --uri "pkcs11:token=t" --pin 1234
check "--uri" test "$status $(json 'len(d["objects"])')" = "0 1"
runk object list --json "pkcs11:token=a%20b" --pin 1234
check "another token" test "$status $(json 'len(d["objects"])')" = "0 0"
runk object list --json "pkcs11:token=t;object=other" --pin 1234
check "another object" test "$status $(json 'len(d["objects"])')" = "0 0"
runk object list --json "pkcs11:token=t;type=cert" --pin 1234
check "another class" test "$status $(json 'len(d["objects"])')" = "0 0"
if [ "$KK_KIND" = own ]; then
    runk token show --json "pkcs11:token=t;slot-description=%20"
    tells "a slot's description that is none's" 1 'keykist: no token fits the URI'
fi
runk object list "pkcs11:token=t;manufacturer=Nobody"
tells "a manufacturer that is none's" 1 'keykist: no token fits the URI'
runk object list "pkcs11:token=nobody"
tells "a token that is not there" 1 'keykist: no token fits the URI'
runk object list "pkcs11:token=t;library-version=99.9"
tells "a library of another version" 1 'keykist: no token fits the URI'

runk object list "pkcs11:tokn=t"
tells "an attribute that there is none of" 2 'keykist: this is no PKCS#11 URI: an unknown attribute "tokn"'
runk object list "pkcs11:token=a b"
tells "a blank" 2 'keykist: this is no PKCS#11 URI: a character in "token" that is to be written as %XX \(a blank as %20\)'
runk object list "pkcs11:token=t" "pkcs11:token=t"
tells "two of them" 2 'keykist: pkcs11:token=t is one URI too many; .*'
runk object list "pkcs11:token=t" --token other
tells "a URI and an option that differ" 2 'keykist: --token and the URI name different things'
runk token delete "pkcs11:token=t;object=my%20data" --yes
tells "an object's URI where a token is deleted" 2 \
    'keykist: the URI names an object, and "keykist token delete" works on a token'
runk object list "pkcs11:token=t?pin-source=%7c/bin/echo%201234"
tells "a program as the source of a PIN" 2 'keykist: pin-source names a program, and keykist runs none: .*'
runk object list "pkcs11:token=t?pin-source=a&pin-value=b"
tells "two PINs" 2 'keykist: the URI has both pin-source and pin-value'
runk object list "pkcs11:token=t?module-name=softhsm2"
tells "a module by its name" 2 'keykist: module-name .*'
"$KK_KEYKIST" object list --json "pkcs11:token=t?module-path=$MODULE&pin-value=1234" < /dev/null > "$WORK/out" 2> "$WORK/err"
status=$?
check "module-path" test "$status $(json 'len(d["objects"])')" = "0 1"

# ---- PINs from descriptors ----

runk object list --json --token t --pin-fd 3 3< "$WORK/pin"
check "--pin-fd" test "$status $(json 'len(d["objects"])')" = "0 1"
printf '12345678\n4321\n' > "$WORK/pins"
runk pin reset --token t --so-pin-fd 5 --new-pin-fd 5 --yes 5< "$WORK/pins"
check "two PINs on two lines of one descriptor" test "$status" = 0
printf '4321' > "$WORK/pin"
runk object list --json --token t --pin-fd 3 3< "$WORK/pin"
check "... and the last line needs no end" test "$status" = 0
runk object list --token t --pin-fd 77
tells "a descriptor that is not open" 1 'keykist: Could not read a PIN from the file descriptor 77\.'
runk object list --token t --pin-fd x
tells "no descriptor" 1 'keykist: "x" is no file descriptor\.'
head -c 1000 /dev/zero > "$WORK/zeros"
runk object list --token t --pin-fd 3 3< "$WORK/zeros"
tells "no end of the line" 1 'keykist: Could not read a PIN from the file descriptor 3\.'
runk object list --token t --pin-fd 3 --pin 1234 3< "$WORK/pin"
tells "two sources" 1 'keykist: Use only one of --pin, --pin-file, --pin-env and -fd of --pin\.'
finish
