#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The openssl command with keys of a token, through pkcs11-provider; and programs that use the module
# directly while their own OpenSSL is configured to load it too. What was signed with the token is
# verified by an openssl that knows nothing of it.
#
# Usage: test_provider.sh MODULE SOFTHSM2-UTIL TEST-APPLICATION
# Where pkcs11-provider is installed comes from `openssl version -m`; without it all is skipped.
set -u
module=$(realpath "$1")
util=$(realpath "$2")
application=$(realpath "$3")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"

modules=$(openssl version -m 2>/dev/null | sed -n 's/^MODULESDIR: "\(.*\)"$/\1/p')
provider=$modules/pkcs11.so
if [ -z "$modules" ] || [ ! -e "$provider" ]; then
    echo '1..0 # SKIP pkcs11-provider is not installed (Debian 12 has none)'
    exit 0
fi
make_work_folder
client pkcs11-provider "$(dpkg-query -W -f='${Version}' pkcs11-provider 2>/dev/null || echo -)"

pin=1234
limit=20 # seconds until a deadlock is taken for one

# conf NAME [MORE]: an openssl.cnf with the provider on our module.
conf()
{
    cat >"$1" <<END
openssl_conf = first
config_diagnostics = 1
[first]
providers = all
${3:-}
[all]
default = own
pkcs11 = token
[own]
activate = 1
[token]
module = $provider
pkcs11-module-path = $module
pkcs11-module-token-pin = $pin
${2:-}
activate = 1
[preferred]
default_properties = ?provider=pkcs11
[req]
distinguished_name = nobody
[nobody]
END
}

uri()
{
    echo "pkcs11:token=provider;object=$1;type=$2"
}

# with CONF COMMAND...: no longer than the limit; the output is left in `out`.
with()
{
    chosen=$1
    shift
    OPENSSL_CONF=$work/$chosen loading timeout "$limit" "$@" >out 2>&1
}

# openssl with the provider, and without.
token_openssl()
{
    with late.cnf openssl "$@"
}

plain_openssl()
{
    plain openssl "$@" >out 2>&1
}

p11()
{
    loading pkcs11-tool --module "$module" --token-label provider --login --pin $pin "$@" >out 2>&1
}

# --- a token with keys ---------------------------------------------------------------------------

make_token()
{
    loading "$util" --module "$module" --init-token --free --label provider --so-pin 12345678 \
        --pin $pin >out 2>&1 &&
        p11 --keypairgen --key-type rsa:2048 --id 01 --label rsa &&
        p11 --keypairgen --key-type EC:prime256v1 --id 02 --label p256 &&
        p11 --keypairgen --key-type EC:secp384r1 --id 03 --label p384 &&
        p11 --keypairgen --key-type EC:edwards25519 --id 04 --label ed25519
}

import_key()
{
    plain_openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out imported.pem &&
        loading "$util" --module "$module" --import imported.pem --token provider --label imported \
            --id 05 --pin $pin >out 2>&1
}

# --- the openssl command -------------------------------------------------------------------------

list_providers()
{
    token_openssl list -providers && has 'PKCS#11 Provider' 'status: active'
}

list_keys()
{
    token_openssl storeutl -text 'pkcs11:token=provider' && has '^Total found: 10$' \
        'PKCS11 RSA Private Key \(2048 bits\)' 'PKCS11 EC Private Key \(256 bits\)' \
        'PKCS11 EC Private Key \(384 bits\)' 'PKCS11 ED25519 Private Key'
}

# The files may differ: there are two forms of an RSA public key in PEM.
same_key()
{
    plain_openssl pkey -pubin -in "$1" -pubout -outform DER -out one.der &&
        plain_openssl pkey -pubin -in "$2" -pubout -outform DER -out other.der &&
        same one.der other.der
}

# The same key from its private and from its public object.
public_key()
{
    token_openssl pkey -in "$(uri "$1" private)" -pubout -out "$1.pub" &&
        token_openssl pkey -pubin -in "$(uri "$1" public)" -pubout -out again.pub &&
        same_key "$1.pub" again.pub
}

imported_key_is_the_same()
{
    public_key imported && plain_openssl pkey -in imported.pem -pubout -out again.pub &&
        same_key imported.pub again.pub
}

# digest_signature KEY DIGEST [OPTION...]
digest_signature()
{
    key=$1
    digest=$2
    shift 2
    token_openssl dgst "-$digest" -sign "$(uri "$key" private)" "$@" -out signature data &&
        plain_openssl dgst "-$digest" -verify "$key.pub" "$@" -signature signature data &&
        has '^Verified OK$'
}

pss_signature()
{
    digest_signature rsa "$1" -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest
}

verified_on_the_token()
{
    plain_openssl dgst -sha256 -sign imported.pem -out signature data &&
        token_openssl dgst -sha256 -verify "$(uri imported public)" -signature signature data &&
        has '^Verified OK$' && plain_openssl rand -out signature 256 &&
        ! token_openssl dgst -sha256 -verify "$(uri imported public)" -signature signature data
}

eddsa_signature()
{
    token_openssl pkeyutl -sign -rawin -inkey "$(uri ed25519 private)" -in data -out signature &&
        plain_openssl pkeyutl -verify -rawin -pubin -inkey ed25519.pub -in data \
            -sigfile signature && has 'Verified Successfully'
}

# decrypts OPTION...: what plain openssl encrypted
decrypts()
{
    plain_openssl pkeyutl -encrypt -pubin -inkey rsa.pub -in data -out hidden "$@" &&
        token_openssl pkeyutl -decrypt -inkey "$(uri rsa private)" -in hidden -out shown "$@" &&
        same data shown
}

decrypts_oaep()
{
    decrypts -pkeyopt rsa_padding_mode:oaep -pkeyopt "rsa_oaep_md:$1" -pkeyopt "rsa_mgf1_md:$1"
}

derives()
{
    plain_openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out peer.pem &&
        plain_openssl pkey -in peer.pem -pubout -out peer.pub &&
        token_openssl pkeyutl -derive -inkey "$(uri p256 private)" -peerkey peer.pub -out ours &&
        plain_openssl pkeyutl -derive -inkey peer.pem -peerkey p256.pub -out theirs &&
        same ours theirs
}

# request KEY: a request, signed by the key it is for
request()
{
    token_openssl req -new -key "$(uri "$1" private)" -subj "/CN=$1" -out "$1.csr" &&
        plain_openssl req -in "$1.csr" -noout -verify && has 'verify OK'
}

authority()
{
    token_openssl req -new -x509 -key "$(uri "$1" private)" -subj "/CN=authority $1" -days 2 \
        -addext basicConstraints=critical,CA:TRUE -out "$1.crt" &&
        plain_openssl verify -CAfile "$1.crt" "$1.crt" && has ': OK$'
}

certificate()
{
    authority "$1" && token_openssl x509 -req -in "$2.csr" -CA "$1.crt" \
        -CAkey "$(uri "$1" private)" -days 1 -set_serial 7 -out "$2.crt" &&
        plain_openssl verify -CAfile "$1.crt" "$2.crt" && has ': OK$'
}

signed_message()
{
    token_openssl cms -sign -in data -signer rsa.crt -inkey "$(uri rsa private)" -outform PEM \
        -out message.pem -nodetach -binary &&
        plain_openssl cms -verify -in message.pem -inform PEM -CAfile rsa.crt -purpose any \
            -out shown && same data shown
}

# A server whose key is in the token; it says which port it was given.
tls_server()
{
    OPENSSL_CONF=$work/late.cnf loading timeout $limit openssl s_server -accept 127.0.0.1:0 \
        -cert "$1.crt" -key "$(uri "$1" private)" -naccept 1 -www >server 2>&1
}

# tls KEY: a handshake in which the token signs
tls()
{
    : >server
    tls_server "$1" &
    for _ in $(seq 150); do
        port=$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' server)
        [ -z "$port" ] || break
        sleep 0.1
    done
    echo Q | plain openssl s_client -connect "127.0.0.1:$port" -CAfile "$1.crt" \
        -verify_return_error >out 2>&1
    status=$?
    wait $!
    cat server >>out
    [ $status -eq 0 ] && has 'Verify return code: 0 \(ok\)'
}

# The new key's file holds its URI, and is as good as that.
generates()
{
    with made.cnf openssl genpkey -propquery provider=pkcs11 -algorithm EC -pkeyopt group:P-256 \
        -pkeyopt 'pkcs11_uri:pkcs11:token=provider;object=made;id=%06' -out made.pem &&
        public_key made && digest_signature made sha256 &&
        token_openssl dgst -sha256 -sign made.pem -out signature data &&
        plain_openssl dgst -sha256 -verify made.pub -signature signature data
}

wrong_pin()
{
    conf wrong.cnf
    sed -i 's/^pkcs11-module-token-pin = .*/pkcs11-module-token-pin = 9999/' wrong.cnf
    ! with wrong.cnf openssl dgst -sha256 -sign "$(uri rsa private)" -out refused data &&
        [ ! -s refused ] && digest_signature rsa sha256
}

no_such_key()
{
    ! token_openssl pkey -in "$(uri nobody private)" -pubout && [ $? -ne 124 ]
}

# --- programs that load the module themselves ----------------------------------------------------

# Each of these initialises the module itself; its OpenSSL may do so too, before, within, or later.
tool_lists()
{
    with "$1" pkcs11-tool --module "$module" --token-label provider --login --pin $pin -O &&
        has 'label: +rsa$' 'label: +ed25519$'
}

tool_signs()
{
    with "$1" pkcs11-tool --module "$module" --token-label provider --login --pin $pin --sign \
        --mechanism SHA256-RSA-PKCS --id 01 --input-file data --output-file signature &&
        plain_openssl dgst -sha256 -verify rsa.pub -signature signature data
}

util_shows()
{
    with "$1" "$util" --module "$module" --show-slots && has 'Label: +provider'
}

util_imports()
{
    with "$1" "$util" --module "$module" --import imported.pem --token provider --label again \
        --id 05 --force --pin $pin && has 'imported'
}

command_signs()
{
    with "$1" openssl dgst -sha256 -sign "$(uri rsa private)" -out signature data &&
        plain_openssl dgst -sha256 -verify rsa.pub -signature signature data
}

command_draws()
{
    with "$1" openssl rand -hex 16 && has '^[0-9a-f]{32}$'
}

# The lines of the test application are ours. Its tokens are its own: the provider, which knows one
# PIN, may well try the first token it sees.
application_reports()
{
    loading timeout 400 "$here/../../module/with_conf.sh" "$application" "$module" "$provider" \
        >report 2>&1
    grep -E '^(not )?ok [0-9]+ - ' report >lines
    while read -r line; do
        cp report out
        case $line in
        ok*) result 0 "${line#* - }" ;;
        *) result 1 "${line#* - }" ;;
        esac
    done <lines
    cp report out
    check 'the test application ran to its end' has '^1\.\.[1-9]'
}

# -------------------------------------------------------------------------------------------------

conf late.cnf
conf early.cnf 'pkcs11-module-load-behavior = early'
conf made.cnf 'pkcs11-module-encode-provider-uri-to-pem = true'
conf preferred.cnf 'pkcs11-module-load-behavior = early' 'alg_section = preferred'
echo 'data of this test' >data

check 'a token with keys of pkcs11-tool' make_token
check 'a key of softhsm2-util --import' import_key
check 'the provider is active' list_providers
check 'all objects are listed' list_keys
for key in rsa p256 p384 ed25519; do
    check "public key of $key" public_key $key
done
check 'public key of the imported pair' imported_key_is_the_same
for key in rsa p256 p384; do
    for digest in sha1 sha256 sha512; do
        check "$digest signature with $key" digest_signature $key $digest
    done
done
for digest in sha256 sha384; do
    check "$digest PSS signature" pss_signature $digest
done
check 'Ed25519 signature' eddsa_signature
check 'imported key signs' digest_signature imported sha256
check 'verified with a public key of the token' verified_on_the_token
check 'RSA decryption' decrypts -pkeyopt rsa_padding_mode:pkcs1
for digest in sha1 sha256; do
    check "$digest OAEP decryption" decrypts_oaep $digest
done
check 'ECDH' derives
for key in rsa p256 ed25519; do
    check "certificate request of $key" request $key
done
check 'certificate of p256, signed by rsa' certificate rsa p256
check 'certificate of rsa, signed by p384' certificate p384 rsa
check 'self-signed certificate of rsa' authority rsa
check 'self-signed certificate of p256' authority p256
check 'self-signed certificate of ed25519' authority ed25519
check 'CMS signature' signed_message
for key in rsa p256 ed25519; do
    check "TLS server with $key" tls $key
done
check 'a key pair made through the provider' generates
check 'a wrong PIN is refused' wrong_pin
check 'a key that is not there' no_such_key
for file in late.cnf early.cnf preferred.cnf; do
    check "pkcs11-tool lists, $file" tool_lists $file
    check "pkcs11-tool signs, $file" tool_signs $file
    check "softhsm2-util shows slots, $file" util_shows $file
    check "softhsm2-util imports, $file" util_imports $file
    check "openssl signs, $file" command_signs $file
    check "openssl draws random numbers, $file" command_draws $file
done
application_reports
plan_done
