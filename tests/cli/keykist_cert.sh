#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# keykist cert: requests and certificates that openssl reads and verifies.
. "$(dirname "$0")/keykist_lib.sh"

keykist token init --label t --so-pin 12345678 --pin 1234 > "$WORK/token.out" 2>&1 ||
    bail "no token: $(cat "$WORK/token.out")"
printf '1234\n' > "$WORK/pin"
for kind in rsa:2048 p-256 p-384 ed25519; do
    keykist key generate $kind --label $kind --pin-file "$WORK/pin" > "$WORK/made" 2>&1 || bail "$(cat "$WORK/made")"
done

cert()
{
    command=$1
    shift
    runk cert "$command" "$@" --pin-file "$WORK/pin"
}

# ---- requests ----

for kind in rsa:2048 p-256 p-384 ed25519; do
    cert request --label $kind --subject "CN=$kind,O=Example Ltd,C=DE" --out "$WORK/$kind.csr"
    check "$kind: openssl verifies the request" sh -c \
        "openssl req -in '$WORK/$kind.csr' -noout -verify 2>&1 | grep -qi 'verify OK'"
    openssl req -in "$WORK/$kind.csr" -noout -pubkey > "$WORK/csr.pub"
    keykist key export --label $kind - > "$WORK/key.pub"
    check "... of this key" cmp "$WORK/csr.pub" "$WORK/key.pub"
done
check "the name, in its order" test "$(openssl req -in "$WORK/p-256.csr" -noout -subject -nameopt RFC2253)" = \
    "subject=CN=p-256,O=Example Ltd,C=DE"
cert request --label p-256 --subject '/C=DE/O=Example\/Sons, Ltd/CN=web' --san web.example --san dns:www.example \
    --san ip:192.0.2.7 --san ip:2001:db8::1 --san email:a@web.example --san uri:https://web.example/ \
    --for server,client
check "to standard output" test "$status" = 0
cp "$WORK/out" "$WORK/csr"
check "a name as openssl writes it" test "$(openssl req -in "$WORK/csr" -noout -subject -nameopt RFC2253)" = \
    'subject=CN=web,O=Example/Sons\, Ltd,C=DE'
openssl req -in "$WORK/csr" -noout -text > "$WORK/text"
check "further names" grep -q 'DNS:web.example, DNS:www.example, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:1, email:a@web.example, URI:https://web.example/' "$WORK/text"
check "purposes" grep -q 'TLS Web Server Authentication, TLS Web Client Authentication' "$WORK/text"
check "it verifies too" sh -c "openssl req -in '$WORK/csr' -noout -verify 2>&1 | grep -qi 'verify OK'"
cert request --label rsa:2048 --subject web --mechanism rsa-pss --hash sha384 --format der --out "$WORK/pss.csr"
check "PSS, in DER" sh -c "openssl req -inform DER -in '$WORK/pss.csr' -noout -verify 2>&1 | grep -qi 'verify OK'"
check "a word is a CN" test "$(openssl req -inform DER -in "$WORK/pss.csr" -noout -subject -nameopt RFC2253)" = "subject=CN=web"
cert request --label p-256 --subject CN=web --json
check "as JSON" test "$(json 'd["request"].splitlines()[0]')" = "-----BEGIN CERTIFICATE REQUEST-----"

# ---- certificates ----

for kind in rsa:2048 p-256 p-384 ed25519; do
    cert self-sign --label $kind --subject "CN=$kind" --out "$WORK/$kind.crt"
    check "$kind: openssl verifies the certificate" openssl verify -check_ss_sig -CAfile "$WORK/$kind.crt" "$WORK/$kind.crt"
    keykist cert export --label $kind "$WORK/again.crt" > "$WORK/exported"
    openssl x509 -in "$WORK/$kind.crt" -outform DER -out "$WORK/made.der"
    openssl x509 -in "$WORK/again.crt" -outform DER -out "$WORK/again.der"
    check "... and it is in the token" cmp "$WORK/made.der" "$WORK/again.der"
    rm -f "$WORK/again.crt"
done
openssl x509 -in "$WORK/rsa:2048.crt" -noout -text > "$WORK/text"
check "it is no CA's" grep -q 'CA:FALSE' "$WORK/text"
check "an RSA key's may encipher keys" grep -q 'Digital Signature, Key Encipherment' "$WORK/text"
check "valid for 365 days" sh -c "openssl x509 -in '$WORK/p-256.crt' -noout -checkend $((364 * 86400)) > /dev/null &&
    ! openssl x509 -in '$WORK/p-256.crt' -noout -checkend $((366 * 86400)) > /dev/null"
cert self-sign --label p-384 --subject 'CN=Root,O=Example' --ca --days 20000 --no-store --out "$WORK/ca.crt"
check "a CA's" openssl verify -check_ss_sig -CAfile "$WORK/ca.crt" "$WORK/ca.crt"
openssl x509 -in "$WORK/ca.crt" -noout -text > "$WORK/text"
check "... says so" sh -c "grep -q 'CA:TRUE' '$WORK/text' && grep -q 'Certificate Sign, CRL Sign' '$WORK/text'"
check "... beyond 2050" grep -q 'Not After : .* 20[5-9][0-9] GMT' "$WORK/text"
cert list --json
check "--no-store: it is not in the token" test "$(json 'sorted(c["label"] for c in d["certificates"])')" = \
    "['ed25519', 'p-256', 'p-384', 'rsa:2048']"
runk key list --label p-256 --json
id=$(json 'd["objects"][0]["id"]')
cert list --label p-256 --json
check "a certificate has its key's ID" test "$(json 'd["certificates"][0]["id"]')" = "$id"
check "... and what openssl says of it" test \
    "$(json '(d["certificates"][0]["sha256"], d["certificates"][0]["serial_number"].upper())')" = \
    "('$(openssl x509 -in "$WORK/p-256.crt" -noout -fingerprint -sha256 | sed -e 's/.*=//' -e 's/://g' | tr A-F a-f)', '$(openssl x509 -in "$WORK/p-256.crt" -noout -serial | sed 's/.*=//')')"

# A certificate of a CA elsewhere takes its place beside the key.
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/ca.key" -out "$WORK/root.crt" -subj '/CN=Some CA' 2> "$WORK/openssl.err"
printf 'subjectAltName=DNS:web.example,IP:192.0.2.7\n' > "$WORK/ext"
openssl x509 -req -in "$WORK/csr" -CA "$WORK/root.crt" -CAkey "$WORK/ca.key" -CAcreateserial -days 30 \
    -extfile "$WORK/ext" -out "$WORK/web.crt" 2> "$WORK/openssl.err"
runk cert import "$WORK/web.crt" --label web --force --pin-file "$WORK/pin"
check "imported" test "$status" = 0
runk cert show --label web --json
check "who made it for whom" test "$(json '[(c["subject"], c["issuer"], c["alt_names"], c["ca"], c["id"]) for c in d["certificates"]]')" = \
    "[('CN=web,O=Example/Sons\\\\, Ltd,C=DE', 'CN=Some CA', 'dns:web.example,ip:192.0.2.7', False, '$id')]"
check "until when" test "$(json 'd["certificates"][0]["not_after"][:10]')" = \
    "$(date -u -d "$(openssl x509 -in "$WORK/web.crt" -noout -enddate | sed 's/.*=//')" +%Y-%m-%d)"
runk cert show --label web
check "as lines" grep -Eq '^Subject +CN=web,' "$WORK/out"
runk cert show "$(runk cert show --label web --json; json 'd["certificates"][0]["uri"]')"
check "by its URI" grep -Eq '^Label +web$' "$WORK/out"
cert label --label web --new-label www
check "another label" test "$status" = 0
cert delete --label www --yes
check "deleted" grep -q '1 object deleted' "$WORK/out"
runk cert show --label www
tells "... and gone" 1 'keykist: no certificate fits'
runk key list --json
check "keys are left alone" test "$(json 'len(d["objects"])')" = 4

# ---- what is wrong ----

cert request --label p-256
tells "no subject" 1 'keykist: --subject is missing: .*'
for pair in 'CN=|CN cannot be ""' 'XX=a|the names are CN, .*, not "XX"' 'C=DEU|C cannot be "DEU"' \
    'CN=a+O=b|a \+ \(write it \\\+\) in "CN=a\+O=b"' 'CN=a,b|no NAME=VALUE in "b"' '/|nothing in "/"' '|nothing in ""'; do
    cert request --label p-256 --subject "${pair%%|*}"
    tells "subject ${pair%%|*}" 1 "keykist: --subject: ${pair#*|}"
done
cert request --label p-256 --subject CN=a --san ip:1.2.3
tells "no address" 1 'keykist: --san: this is no address: "1.2.3"'
cert request --label p-256 --subject CN=a --san 'a b'
tells "a name with a blank" 1 'keykist: --san: a name is ASCII without blanks, not "a b"'
cert request --label p-256 --subject CN=a --for painting
tells "no purpose" 1 'keykist: --for takes server, client, code and email, .*, not "painting"'
cert self-sign --label p-256 --subject CN=a --days 0
tells "no day" 1 'keykist: --days takes 1 to 36500, not "0"'
cert request --label p-256 --subject CN=a --format text
tells "no format" 1 'keykist: --format takes pem or der, not "text"'
cert self-sign --label p-256 --subject CN=a --out "$WORK/p-256.crt"
tells "a file is there" 1 'keykist: there is a file .*/p-256.crt already: --force replaces it'
keykist key generate aes --label aes --pin-file "$WORK/pin" > "$WORK/made"
cert request --label aes --subject CN=a
tells "a secret key" 1 'keykist: certificates are for key pairs, and this is a secret key'
cert request --label rsa:2048 --subject CN=a --mechanism CKM_RSA_PKCS
tells "a mechanism that certificates have not" 1 'keykist: CKM_RSA_PKCS is not for certificates'
finish
