#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# keykist cert issue: an authority whose key is in the token certifies keys of others; openssl makes the requests and
# verifies what comes out.
. "$(dirname "$0")/keykist_lib.sh"

keykist token init --label t --so-pin 12345678 --pin 1234 > "$WORK/token.out" 2>&1 ||
    bail "no token: $(cat "$WORK/token.out")"
cd "$WORK" || exit 1
printf '1234\n' > pin

authority()
{
    keykist key generate "$1" --label "ca $1" --pin-file pin > made 2>&1 || bail "$(cat made)"
    keykist cert self-sign --label "ca $1" --subject "CN=Authority $1,O=Example" --ca --days 3650 \
        --out "ca-$1.crt" --pin-file pin > made 2>&1 || bail "$(cat made)"
}

issue()
{
    runk cert issue "$@" --pin-file pin
}

text()
{
    openssl x509 -in "$1" -noout -text -nameopt RFC2253 > text
}

for kind in rsa:2048 p-256 p-384 ed25519; do
    authority "$kind"
done

# ---- requests of all kinds, by authorities of all kinds ----

request()
{
    who=$1
    shift
    openssl req -new -newkey "$@" -nodes -keyout "$who.key" -subj "/C=DE/O=Example/CN=$who" \
        -addext "subjectAltName=DNS:$who.example,IP:192.0.2.7" -addext extendedKeyUsage=serverAuth \
        -addext basicConstraints=CA:TRUE -out "$who.csr" 2> openssl.err
}
request rsa rsa:2048
request pss rsa:2048 -sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest -sigopt rsa_mgf1_md:sha384
request ec ec -pkeyopt ec_paramgen_curve:prime256v1
request ec512 ec -pkeyopt ec_paramgen_curve:secp384r1 -sha512
request ed ed25519
for kind in rsa:2048 p-256 p-384 ed25519; do
    for who in rsa pss ec ec512 ed; do
        issue --label "ca $kind" --out "$who.crt" --force "$who.csr"
        check "$kind: $who is certified, openssl verifies it" sh -c "test $status = 0 || { cat err; false; }
            openssl verify -x509_strict -CAfile 'ca-$kind.crt' -purpose sslserver -verify_hostname $who.example '$who.crt'"
        check "... it is that key" sh -c "openssl x509 -in $who.crt -noout -pubkey > a && openssl pkey -in $who.key -pubout > b && cmp a b"
    done
done
text rsa.crt
check "subject and issuer" sh -c "grep -q 'Subject: CN=rsa,O=Example,C=DE' text && grep -q 'Issuer: CN=Authority ed25519,O=Example' text"
check "further names and purposes are the request's" sh -c "grep -q 'DNS:rsa.example, IP Address:192.0.2.7' text && grep -q 'TLS Web Server Authentication' text"
check "it is no authority, though the request says so" grep -q 'CA:FALSE' text
check "an RSA key may also encipher" grep -q 'Digital Signature, Key Encipherment' text
check "identifiers of both keys" sh -c "openssl x509 -in rsa.crt -noout -ext subjectKeyIdentifier,authorityKeyIdentifier > ids &&
    openssl x509 -in ca-ed25519.crt -noout -ext subjectKeyIdentifier | sed -n 's/^ *\([0-9A-F:]*\)\$/\1/p' > id && grep -qf id ids && test \$(grep -c : ids) -ge 3"
text ec.crt
check "an EC key only signs" sh -c "grep -q '^ *Digital Signature\$' text"
openssl req -in ec.csr -outform DER -out der.csr
issue --label 'ca p-256' --format der --out der.crt der.csr
check "DER in, DER out" openssl verify -CAfile ca-p-256.crt der.crt

# ---- what is asked for otherwise ----

issue --label 'ca p-256' --subject CN=other --san other.example --for client,email --days 10 --out other.crt ec.csr
text other.crt
check "others than the request's" sh -c "grep -q 'Subject: CN=other\$' text && grep -q '^ *DNS:other.example\$' text &&
    grep -q 'Client Authentication, E-mail Protection' text && ! grep -q 'Server Authentication' text"
check "of so many days" sh -c "openssl x509 -in other.crt -noout -checkend $((9 * 86400)) && ! openssl x509 -in other.crt -noout -checkend $((11 * 86400))"
issue --label 'ca p-384' --ca --path-len 0 --subject CN=Below --for server --out below.crt ec.csr
text below.crt
check "an authority below" sh -c "grep -q 'CA:TRUE, pathlen:0' text && grep -q 'Certificate Sign, CRL Sign' text"
cat ca-p-384.crt > all && openssl x509 -req -in rsa.csr -CA below.crt -CAkey ec.key -days 5 -out leaf.crt 2> openssl.err
check "... which certifies others" openssl verify -CAfile ca-p-384.crt -untrusted below.crt leaf.crt
keykist cert import below.crt --label below --pin-file pin > made 2>&1
keykist key import ec.key --label below --pin-file pin > made 2>&1
issue --label below --out leaf.crt --force rsa.csr
check "... and so does its key in the token" openssl verify -CAfile ca-p-384.crt -untrusted below.crt leaf.crt
issue 'pkcs11:token=t;object=ca%20rsa%3a2048;type=private' --hash sha512 --out uri.crt ec.csr
check "by URI, with another hash" sh -c "openssl x509 -in uri.crt -noout -text | grep -q sha512WithRSAEncryption"
issue --label 'ca rsa:2048' --mechanism rsa-pss --out pss2.crt ec.csr
check "with PSS" openssl verify -CAfile ca-rsa:2048.crt pss2.crt
issue --label 'ca p-256' --issuer ca-p-256.crt --json ec.csr
check "as a document" sh -c "python3 -c 'import json; print(json.load(open(\"out\"))[\"certificate\"], end=\"\")' > j.crt && openssl verify -CAfile ca-p-256.crt j.crt"
check "serial numbers are not given twice" test "$(for c in rsa ec other uri pss2 der; do openssl x509 -in $c.crt -noout -serial 2> openssl.err || openssl x509 -inform DER -in $c.crt -noout -serial; done | sort -u | wc -l)" = 6

# ---- what is refused ----

python3 - << 'END'
import base64
text = open("ec.csr").read().split("-----")
der = bytearray(base64.b64decode(text[2]))
at = der.find(b"\x0c\x02ec")
der[at + 2:at + 4] = b"ed"
open("changed.csr", "wb").write(der)
END
issue --label 'ca p-256' changed.csr
tells "a request that was changed" 1 'keykist: the request is not signed by the key that it names: .*'
issue --label 'ca p-256' rsa.crt
tells "no request" 1 'keykist: rsa.crt: it is no certificate signing request \(PKCS#10, in PEM or DER\)'
issue --label 'ca p-256' nowhere.csr
check "no file" sh -c "test $status = 1 && grep -q nowhere.csr err"
issue --label 'ca p-256' --issuer ca-p-384.crt ec.csr
tells "another authority's certificate" 1 "keykist: the authority's certificate is for another key .*"
issue --label 'ca p-256' --issuer pin ec.csr
tells "a file without a certificate" 1 'keykist: pin: there is no certificate in it'
issue --label 'ca p-256' --days 4000 ec.csr
tells "longer than the authority's" 1 "keykist: the authority's certificate ends before the new one would .*: use fewer --days"
keykist key generate p-256 --label short --pin-file pin > made 2>&1
keykist cert self-sign --label short --subject CN=short --ca --days 3 --pin-file pin > made 2>&1
issue --label short --out short.crt ec.csr
check "without --days it ends with the authority's" sh -c "openssl x509 -in short.crt -noout -checkend $((2 * 86400)) && ! openssl x509 -in short.crt -noout -checkend $((4 * 86400))"
issue --label 'ca p-256' --path-len 1 ec.csr
tells "a length without --ca" 1 'keykist: --path-len takes 0 to 9, and goes with --ca'
keykist key generate p-256 --label plain --pin-file pin > made 2>&1
issue --label plain ec.csr
tells "an authority without a certificate" 1 "keykist: the authority's certificate is not in the token: name its file by --issuer"
keykist cert self-sign --label plain --subject CN=plain --pin-file pin > made 2>&1
issue --label plain ec.csr
tells "one that is no authority" 1 "keykist: the authority's certificate is for none: .*"
openssl req -new -key ec.key -subj / -out empty.csr 2> openssl.err
issue --label 'ca p-256' empty.csr
tells "nobody's request" 1 'keykist: the request names no subject: give one by --subject'
issue --label 'ca p-256' --out other.crt ec.csr
tells "a file that is there" 1 'keykist: there is a file other.crt already: --force replaces it'
for length in 1 20 100 200; do
    head -c $length der.csr > cut.csr
    issue --label 'ca p-256' cut.csr
    check "a request of $length bytes" test "$status" = 1
done
finish
