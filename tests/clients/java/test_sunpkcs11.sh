#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# All that Java's SunPKCS11 has, with every JDK that is installed: each service (Services.java), the key store and TLS with
# keys in it (Store.java), and a user's tasks with keytool and jarsigner, whose results openssl, pkcs11-tool and Java without
# the token look at.
#
# Usage: test_sunpkcs11.sh MODULE SOFTHSM2-UTIL
set -u
module=$(realpath "$1")
util=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
make_work_folder
need javac openssl pkcs11-tool

pin=1234567


# --- JDKs ----------------------------------------------------------------------------------------

# The folders of JDKs, each once: the one on the path, and what Debian keeps.
jdks()
{
    for compiler in "$(command -v javac)" "${JAVA_HOME:-/nowhere}/bin/javac" /usr/lib/jvm/*/bin/javac; do
        compiler=$(realpath -q "$compiler") && [ -x "$compiler" ] && dirname "$(dirname "$compiler")"
    done | sort -u
}

version_of()
{
    sed -n 's/^JAVA_VERSION="\(.*\)"/\1/p' "$1/release"
}

# SunPKCS11 is there, and the JDK is 17 or newer.
is_usable()
{
    major=$(version_of "$1" | cut -d. -f1)
    [ "${major:-0}" -ge 17 ] && [ -e "$1/lib/libj2pkcs11.so" ]
}

jdk()
{
    command=$1
    shift
    plain "$home/bin/$command" "$@" >out 2>&1
}

# --- a token, and keys with their chains ---------------------------------------------------------

make_token()
{
    "$util" --module "$module" --init-token --free --label java --pin $pin --so-pin $pin >out 2>&1
}

# request NAME ARGUMENT...: a key and a request; the arguments are those of openssl req.
request()
{
    name=$1
    shift
    plain openssl req -new -nodes -keyout "$name.key" -out "$name.csr" -subj "/CN=localhost" "$@" >out 2>&1
}

# issue NAME AUTHORITY CONSTRAINT
issue()
{
    echo "basicConstraints=$3" >extensions
    plain openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.key" -days 30 -extfile extensions \
        -set_serial "0x$(openssl rand -hex 8)" -out "$1.crt" >out 2>&1
}

make_authorities()
{
    plain openssl req -new -x509 -nodes -newkey rsa:2048 -keyout root.key -out root.crt -days 30 -subj '/CN=root' \
        -addext basicConstraints=critical,CA:TRUE >out 2>&1 &&
        plain openssl req -new -nodes -newkey rsa:2048 -keyout middle.key -out middle.csr -subj '/CN=middle' >out 2>&1 &&
        issue middle root critical,CA:TRUE && cat middle.crt root.crt >authorities.crt
}

# key NAME ARGUMENT...: NAME.p12, with the chain
key()
{
    name=$1
    request "$@" && issue "$name" middle CA:FALSE && plain openssl pkcs12 -export -inkey "$name.key" -in "$name.crt" \
        -certfile authorities.crt -name "$name" -passout "pass:$pin" -out "$name.p12" >out 2>&1
}

make_keys()
{
    make_authorities && key rsa -newkey rsa:2048 && key next -newkey rsa:2048 && key kept -newkey rsa:2048 &&
        key ec -newkey ec -pkeyopt ec_paramgen_curve:P-256
}

# --- the programs in Java ------------------------------------------------------------------------

# compile: those that this JDK's language knows
compile()
{
    rm -rf classes
    newer=
    [ "$major" -lt 25 ] || newer=$here/Derivations.java
    jdk javac -nowarn -d classes "$here/Tap.java" "$here/Services.java" "$here/Keys.java" "$here/Signatures.java" \
        "$here/Secrets.java" "$here/Ciphers.java" "$here/Store.java" "$here/Talk.java" $newer
}

skipped()
{
    number=$((number + 1))
    echo "ok $number - $1"
}

# program NAME ARGUMENT...: its lines of TAP become ours.
program()
{
    name=$1
    jdk java -cp classes "$@"
    cp out "$name.out"
    grep -E '^((not )?ok [0-9]+ - |1\.\.)' "$name.out" >lines
    while read -r line; do
        grep -B 8 -F -x -- "$line" "$name.out" | grep '^#' >out
        case $line in
        1..*) ;;
        ok*'# SKIP '*) skipped "$major: ${line#* - }" ;;
        ok*) result 0 "$major: ${line#* - }" ;;
        *) result 1 "$major: ${line#* - }" ;;
        esac
    done <lines
    cp "$name.out" out
    check "$major: $name ran to its end" has '^1\.\.[1-9]'
}

# --- keytool -------------------------------------------------------------------------------------

# token_tool COMMAND ARGUMENT...: on the key store in the token
token_tool()
{
    command=$1
    shift
    jdk "$command" "$@" -keystore NONE -storetype PKCS11 -storepass $pin -providerClass sun.security.pkcs11.SunPKCS11 \
        -providerArg "$configuration"
}

keytool()
{
    token_tool keytool "$@"
}

generates()
{
    keytool -genkeypair -alias "$1" -dname "CN=$1" -validity 10 -keyalg "$2" "$3" "$4" &&
        keytool -list -alias "$1" && has 'PrivateKeyEntry' && p11 -O --type privkey && has "ID: +$(id_of "$1")\$"
}

# Java names its keys by CKA_ID, not by CKA_LABEL.
id_of()
{
    printf %s "$1" | od -A n -t x1 | tr -d ' \n'
}

p11()
{
    loading pkcs11-tool --module "$module" --token-label java --login --pin $pin "$@" >out 2>&1
}

# The request, verified by openssl, which issues the certificate; keytool takes the chain.
certifies()
{
    keytool -certreq -alias "$1" -file "$1.csr" && plain openssl req -in "$1.csr" -verify -noout >out 2>&1 &&
        has 'verify OK' && issue "$1" middle CA:FALSE && cat "$1.crt" authorities.crt >chain.pem &&
        keytool -importcert -noprompt -trustcacerts -alias "$1" -file chain.pem && keytool -list -v -alias "$1" &&
        has 'Certificate chain length: 3' 'Owner: CN=root'
}

exports()
{
    keytool -exportcert -rfc -alias "$1" -file exported.pem &&
        plain openssl verify -CAfile root.crt -untrusted middle.crt exported.pem >out 2>&1 && has ': OK$'
}

issues_with_a_key_of_the_token()
{
    request guest -newkey rsa:2048 && keytool -gencert -alias "$1" -infile guest.csr -rfc -outfile guest.crt -validity 5 &&
        plain openssl verify -partial_chain -CAfile "$1.crt" -check_ss_sig guest.crt >out 2>&1
    plain openssl x509 -in guest.crt -noout -issuer >out 2>&1 && has "CN = $1\$|CN=$1\$|CN = localhost|CN=localhost"
}

makes_a_secret_key()
{
    keytool -genseckey -alias secret -keyalg AES -keysize 256 && keytool -list && has '^secret, SecretKeyEntry' &&
        p11 -O --type secrkey && has 'AES length 32' 'label: +secret$'
}

imports_a_store()
{
    jdk keytool -importkeystore -noprompt -srckeystore next.p12 -srcstoretype PKCS12 -srcstorepass $pin -srcalias next \
        -destkeystore NONE -deststoretype PKCS11 -deststorepass $pin -destalias moved \
        -providerClass sun.security.pkcs11.SunPKCS11 -providerArg "$configuration" &&
        keytool -list -v -alias moved && has 'PrivateKeyEntry' 'Certificate chain length: 3'
}

finds_what_is_left()
{
    p11 -O --type privkey && has "ID: +$(id_of kept)\$" && p11 -O --type secrkey && has 'label: +kept-secret$' &&
        p11 --read-object --type cert --id "$(id_of kept)" --output-file kept.der &&
        plain openssl x509 -inform DER -in kept.der -out read.crt 2>out && plain openssl x509 -in kept.crt -out known.crt 2>out &&
        same read.crt known.crt
}

renames()
{
    keytool -changealias -alias moved -destalias renamed && keytool -list && has '^renamed, PrivateKeyEntry' &&
        lacks '^moved,' && p11 -O --type privkey && has "ID: +$(id_of renamed)\$"
}

deletes()
{
    keytool -delete -alias "$1" && keytool -list && lacks "^$1," && p11 -O --type privkey && lacks "ID: +$(id_of "$1")\$"
}

refuses_a_wrong_pin()
{
    ! jdk keytool -list -keystore NONE -storetype PKCS11 -storepass 000000 -providerClass sun.security.pkcs11.SunPKCS11 \
        -providerArg "$configuration" && has 'CKR_PIN_INCORRECT|load failed' && keytool -list
}

sees_keys_of_others()
{
    p11 --keypairgen --key-type rsa:2048 --id 77 --label foreign &&
        p11 --read-object --type pubkey --id 77 --output-file foreign.der &&
        plain openssl x509 -new -subj /CN=foreign -force_pubkey foreign.der -CA middle.crt -CAkey middle.key -days 5 \
            -set_serial 99 -outform DER -out foreign.crt >out 2>&1 &&
        p11 --write-object foreign.crt --type cert --id 77 --label foreign && keytool -list &&
        has '^foreign, PrivateKeyEntry' && keytool -certreq -alias foreign -file foreign.csr &&
        plain openssl req -in foreign.csr -verify -noout >out 2>&1 && has 'verify OK' && deletes foreign &&
        p11 --delete-object --type pubkey --id 77
}

# --- jarsigner -----------------------------------------------------------------------------------

signs_a_jar()
{
    printf 'text of an archive\n' >text && jdk jar cf app.jar text && token_tool jarsigner app.jar "$1" &&
        has 'jar signed' && jdk jarsigner -verify -verbose -certs app.jar && has '^jar verified' 'CN=' &&
        plain python3 - <<END >>out 2>&1
import zipfile
old = zipfile.ZipFile("app.jar")
new = zipfile.ZipFile("changed.jar", "w")
for name in old.namelist():
    new.writestr(name, b"other text\n" if name == "text" else old.read(name))
new.close()
END
    ! jdk jarsigner -verify changed.jar && has 'digest error|SecurityException'
}

# -------------------------------------------------------------------------------------------------

# Whose keys are taken into the token may not be extracted, and those made there neither.
configure()
{
    cat >java.cfg <<END
name = Keykist
library = $module
slotListIndex = 0
$1
END
    configuration=java.cfg
}

all_of()
{
    home=$1
    major=$(version_of "$home" | cut -d. -f1)
    client SunPKCS11 "$(version_of "$home")"
    check "$major: the programs compile" compile
    configure 'attributes = compatibility'
    program Services java.cfg $pin
    configure 'attributes(*, CKO_PRIVATE_KEY, *) = {
  CKA_SENSITIVE = true
  CKA_EXTRACTABLE = false
}'
    program Store java.cfg $pin .
    check "$major: pkcs11-tool finds what Store left" finds_what_is_left
    check "$major: keytool deletes it" deletes kept
    check "$major: keytool makes an RSA key" generates rsa1 RSA -keysize 2048
    check "$major: keytool makes an EC key" generates ec1 EC -groupname secp384r1
    check "$major: a request and its chain, RSA" certifies rsa1
    check "$major: a request and its chain, EC" certifies ec1
    check "$major: a certificate comes out" exports ec1
    check "$major: a certificate issued with a key of the token" issues_with_a_key_of_the_token rsa1
    check "$major: a secret key" makes_a_secret_key
    check "$major: keys of a PKCS #12 file" imports_a_store
    check "$major: an entry is renamed" renames
    check "$major: a wrong PIN is refused" refuses_a_wrong_pin
    check "$major: a key that pkcs11-tool made" sees_keys_of_others
    check "$major: an archive signed with RSA" signs_a_jar rsa1
    check "$major: an archive signed with EC" signs_a_jar ec1
    for entry in rsa1 ec1 secret renamed kept-secret; do
        check "$major: keytool deletes $entry" deletes $entry
    done
}

if ! make_token || ! make_keys; then
    sed 's/^/# /' out
    echo 'Bail out! no token, or no keys'
    exit 99
fi
for folder in $(jdks); do
    ! is_usable "$folder" || all_of "$folder"
done
plan_done
