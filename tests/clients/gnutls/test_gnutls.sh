#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# GnuTLS with the URIs of keys in a token: certtool as an authority (certificates, requests, revocation lists, a
# message), and a TLS server and client whose keys are in the token. openssl, which knows nothing of the token,
# checks what was made, and is the other side of TLS.
#
# Usage: test_gnutls.sh MODULE SOFTHSM2-UTIL
set -u
built=$(realpath "$1")
util=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../programs.sh"
need certtool p11tool gnutls-serv gnutls-cli pkcs11-tool python3
make_work_folder
prepare_user
client GnuTLS "$(certtool --version | sed -n '1s/.* //p')"
GNUTLS_PIN=$pin
export GNUTLS_PIN

uri()
{
    echo "pkcs11:token=tls;object=$1;type=${2:-private}"
}

a_token()
{
    make_token tls && make_pair tls rsa:3072 ca 01 && make_pair tls EC:secp384r1 eca 02 && make_pair tls rsa:2048 server 03 &&
        make_pair tls EC:prime256v1 eserver 04
}

tool()
{
    run certtool --provider "$module" "$@"
}

authority()
{
    printf 'cn = "%s"\nca\ncert_signing_key\ncrl_signing_key\nexpiration_days = 9\n' "$1" >template
    tool --generate-self-signed --template template --load-privkey "$(uri "$1")" --load-pubkey "$(uri "$1" public)" --outfile "$1.pem" &&
        plain_openssl verify -CAfile "$1.pem" "$1.pem" && has ': OK$'
}

# certificate AUTHORITY NAME [OPTION...]
certificate()
{
    ca=$1
    subject=$2
    shift 2
    printf 'cn = "%s"\ndns_name = "localhost"\nip_address = "127.0.0.1"\nsigning_key\nencryption_key\ntls_www_server\ntls_www_client\nemail_protection_key\nexpiration_days = 9\n' "$subject" >template
    tool --generate-request --template template --load-privkey "$(uri "$subject")" --load-pubkey "$(uri "$subject" public)" --outfile "$subject.csr" "$@" &&
        plain_openssl req -in "$subject.csr" -noout -verify && has 'verify OK' &&
        tool --generate-certificate --template template --load-request "$subject.csr" --load-ca-privkey "$(uri "$ca")" \
            --load-ca-certificate "$ca.pem" --outfile "$subject.pem" "$@" &&
        plain_openssl verify -CAfile "$ca.pem" "$subject.pem" && has ': OK$'
}

# The certificate in the token, and found there by its URI
stored()
{
    run p11tool --provider "$module" --login --write --load-certificate "$1.pem" --label "$1" --id "$2" 'pkcs11:token=tls' &&
        run p11tool --provider "$module" --login --export "pkcs11:token=tls;object=$1;type=cert" --outfile "$1.der" &&
        plain_openssl x509 -in "$1.der" -inform PEM -noout -fingerprint -sha256 && cp out one && plain_openssl x509 -in "$1.pem" -noout -fingerprint -sha256 && same one out
}

revocation()
{
    printf 'crl_next_update = 5\ncrl_number = 3\n' >template
    tool --generate-crl --template template --load-ca-privkey "$(uri "$1")" --load-ca-certificate "$1.pem" --load-certificate "$2.pem" --outfile list.crl &&
        plain_openssl crl -in list.crl -CAfile "$1.pem" -noout && has 'verify OK' && cat "$1.pem" list.crl >both &&
        ! plain_openssl verify -crl_check -CAfile both "$2.pem" && has 'certificate revoked'
}

message()
{
    echo 'data of this test' >data
    tool --p7-sign --load-privkey "$(uri "$1")" --load-certificate "$1.pem" --infile data --outfile message.p7 &&
        plain_openssl cms -verify -inform PEM -in message.p7 -CAfile ca.pem -binary -purpose any -out shown && same data shown
}

# --- TLS -----------------------------------------------------------------------------------------

server_starts()
{
    port=$(free_port)
    start serv gnutls-serv --provider "$module" --http -p "$port" --x509keyfile "$(uri "$1")" --x509certfile "pkcs11:token=tls;object=$1;type=cert"
    server=$last
    said serv.log 'listening on IPv4|IPv4 0\.0\.0\.0 port'
}

connects()
{
    printf 'GET / HTTP/1.0\r\n\r\n' | plain openssl s_client -connect "127.0.0.1:$port" -CAfile ca.pem -verify_return_error "$@" -ign_eof >out 2>&1
    has 'Verify return code: 0 \(ok\)' 'HTTP/1\.0 200'
}

at_once()
{
    connections=
    for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
        (printf 'GET / HTTP/1.0\r\n\r\n' | plain openssl s_client -connect "127.0.0.1:$port" -CAfile ca.pem -verify_return_error -ign_eof >"c$i" 2>&1) &
        connections="$connections $!"
    done
    for connection in $connections; do
        wait "$connection"
    done
    cat c? c?? >out
    [ "$(grep -c 'HTTP/1.0 200' out)" -eq 12 ]
}

server_ends()
{
    stop "$server"
}

# The client's key is the token's, and openssl asks for it.
client_certificate()
{
    run openssl req -x509 -newkey rsa:2048 -nodes -keyout local.pem -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 2 -out local.crt || return 1
    port=$(free_port)
    start s_server openssl s_server -accept "127.0.0.1:$port" -cert local.crt -key local.pem -Verify 2 -CAfile ca.pem -verify_return_error -www "$2"
    said s_server.log '^ACCEPT' || return 1
    printf 'GET / HTTP/1.0\r\n\r\n' >request
    hand_over
    (becoming timeout $limit gnutls-cli --provider "$module" --x509keyfile "$(uri "$1")" --x509certfile "$1.pem" --x509cafile local.crt -p "$port" localhost) >out 2>&1 <request
    kill "$last"
    has 'HTTP/1\.0 200' "CN *= *$1"
}

# -------------------------------------------------------------------------------------------------

check 'a token' a_token
check 'certtool: an RSA authority' authority ca
check 'certtool: an ECDSA authority' authority eca
check 'certtool: a certificate of RSA' certificate ca server
check 'certtool: a certificate of ECDSA' certificate ca eserver
check 'certtool: a revocation list, RSA' revocation ca server
check 'certtool: a certificate, by ECDSA' certificate eca server
check 'certtool: a revocation list, ECDSA' revocation eca server
check 'certtool: a certificate, with PSS' certificate ca server --sign-params=RSA-PSS --hash=SHA256
check 'certtool: a message of RSA' message server
check 'certtool: a message of ECDSA' message eserver
check 'certificates in the token, RSA' stored server 03
check 'certificates in the token, ECDSA' stored eserver 04
for key in server eserver; do
    check "TLS server, $key" server_starts $key
    check "TLS 1.3, $key" connects -tls1_3
    check "TLS 1.2, $key" connects -tls1_2
    [ $key = eserver ] || check "TLS 1.2 with RSA decryption" connects -tls1_2 -cipher AES128-GCM-SHA256
    check "TLS, twelve at once, $key" at_once
    check "TLS server ends, $key" server_ends
    check "TLS 1.3 with a client certificate, $key" client_certificate $key -tls1_3
    check "TLS 1.2 with a client certificate, $key" client_certificate $key -tls1_2
done
plan_done
