#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# NSS with its keys and certificates in a token: modutil, certutil (an authority, requests, certificates), cmsutil,
# signtool, pk12util, a TLS server and its client, and a thousand more keys. openssl, which knows nothing of the
# token, checks what they made.
#
# Usage: test_nss.sh MODULE SOFTHSM2-UTIL
set -u
built=$(realpath "$1")
util=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../programs.sh"
need modutil certutil cmsutil signtool pk12util selfserv tstclnt pkcs11-tool python3
make_work_folder
prepare_user
client NSS "$(version_of libnss3-tools)"

db=sql:$work/db

prepare()
{
    mkdir -p db && echo "$pin" >password && head -c 64 /dev/urandom >noise && printf 'kit:%s\n' $pin >passwords &&
        make_token kit && run certutil -N -d "$db" --empty-password
}

module_added()
{
    run modutil -force -dbdir "$db" -add keykist -libfile "$module" && run modutil -dbdir "$db" -list keykist &&
        has 'Manufacturer: SoftHSM' 'Token Name: +kit +$' 'Login Type: Login required'
}

in_token()
{
    command=$1
    shift
    run "$command" -d "$db" -f passwords "$@"
}

# --- certificates --------------------------------------------------------------------------------

# authority NAME OPTION...: a self-signed certificate, key and certificate in the token
authority()
{
    cert=$1
    shift
    printf 'y\n\ny\n' >answers
    hand_over
    (becoming timeout $limit certutil -S -d "$db" -f passwords -h kit -n "$cert" -s "CN=$cert" -x -t CT,C,C -z noise \
        -m "$(date +%s%N | tail -c 9)" -v 12 -2 --keyUsage certSigning,crlSigning,digitalSignature "$@") >out 2>&1 <answers &&
        exported "$cert" && plain_openssl verify -CAfile "$cert.pem" "$cert.pem" && has ': OK$'
}

exported()
{
    run certutil -L -d "$db" -n "kit:$1" -a -f passwords -h kit && sed -n '/BEGIN/,/END/p' out >"$1.pem" && [ -s "$1.pem" ]
}

# certificate NAME AUTHORITY OPTION...: a request with a new key, signed, and brought into the token
certificate()
{
    cert=$1
    from=$2
    shift 2
    in_token certutil -R -h kit -s "CN=$cert" -z noise -a -o "$cert.csr" "$@" &&
        plain_openssl req -in "$cert.csr" -noout -verify && has 'verify OK' &&
        in_token certutil -C -c "kit:$from" -i "$cert.csr" -a -o "$cert.crt" -m "$(date +%s%N | tail -c 9)" -v 6 \
            --keyUsage digitalSignature,keyEncipherment --extKeyUsage serverAuth,clientAuth,emailProtection,codeSigning -7 somebody@example.org -8 localhost &&
        in_token certutil -A -h kit -n "$cert" -t u,u,u -a -i "$cert.crt" && exported "$cert" &&
        plain_openssl verify -CAfile "$from.pem" "$cert.pem" && has ': OK$'
}

listed()
{
    in_token certutil -K -h kit && has 'rsa .*kit:?.*authority' ' ec ' && in_token certutil -L -h kit && has '^kit:authority' '^kit:server' &&
        p11 kit -O --type cert && has 'label: +authority' 'label: +server'
}

valid()
{
    in_token certutil -V -n kit:server -u V && has 'certificate is valid'
}

# --- messages, archives --------------------------------------------------------------------------

signs()
{
    echo 'data of this test' >data
    run cmsutil -S -d "$db" -f passwords -N kit:server -T -i data -o data.p7s &&
        plain_openssl cms -verify -inform DER -in data.p7s -content data -binary -CAfile authority.pem -purpose any -out shown && same data shown
}

decrypts()
{
    plain_openssl cms -encrypt -binary -aes256 -outform DER -in data -out hidden.p7m server.pem &&
        run cmsutil -D -d "$db" -f passwords -i hidden.p7m -o shown && same data shown
}

# What is encrypted for somebody whose certificate is in the token.
encrypts()
{
    run cmsutil -E -d "$db" -f passwords -r kit:server -i data -o hidden.p7m &&
        run cmsutil -D -d "$db" -f passwords -i hidden.p7m -o shown && same data shown
}

signs_archive()
{
    mkdir -p tree && cp data tree/ && run signtool -d "$db" -p $pin -k kit:server -Z tree.jar tree && run signtool -d "$db" -v tree.jar &&
        has 'verified +data'
}

imports_archive()
{
    plain_openssl req -new -newkey rsa:2048 -nodes -keyout given.pem -out given.csr -subj /CN=given &&
        in_token certutil -C -c kit:authority -i given.csr -a -o given.crt -m 77 -v 6 \
            --keyUsage digitalSignature,keyEncipherment --extKeyUsage emailProtection &&
        plain_openssl pkcs12 -export -inkey given.pem -in given.crt -name given -out given.p12 -passout pass:secret &&
        run pk12util -i given.p12 -d "$db" -h kit -k password -W secret && has 'IMPORT SUCCESSFUL' &&
        in_token certutil -K -h kit && has ' given$|kit:given' && in_token certutil -L -h kit && has '^kit:given'
}

imported_signs()
{
    run cmsutil -S -d "$db" -f passwords -N kit:given -T -i data -o given.p7s &&
        plain_openssl cms -verify -inform DER -in given.p7s -content data -binary -CAfile authority.pem -purpose any -out shown
}

# --- TLS -----------------------------------------------------------------------------------------

server_starts()
{
    port=$(free_port)
    start selfserv selfserv -d "$db" -w $pin -n "kit:$1" $2 -p "$port" -V tls1.2:tls1.3 -v
    server=$last
    for _ in $(seq 50); do
        python3 -c "import socket; socket.create_connection(('127.0.0.1', $port), 1)" 2>/dev/null && return 0
        sleep 0.2
    done
    cp selfserv.log out
    return 1
}

openssl_connects()
{
    printf 'GET / HTTP/1.0\r\n\r\n' | plain openssl s_client -connect "127.0.0.1:$port" -CAfile authority.pem -verify_return_error "$@" -ign_eof >out 2>&1
    has 'Verify return code: 0 \(ok\)' 'HTTP/1\.0 200'
}

nss_connects()
{
    printf 'GET / HTTP/1.0\r\n\r\n' >request
    hand_over
    (becoming timeout $limit tstclnt -h 127.0.0.1 -a localhost -p "$port" -d "$db" -w $pin -V tls1.2:tls1.3) >out 2>&1 <request
    has 'HTTP/1\.0 200'
}

# The client's key is the token's this time.
client_certificate()
{
    run env openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out local.pem &&
        run openssl req -x509 -key local.pem -subj /CN=localhost -days 2 -out local.crt || return 1
    port=$(free_port)
    start s_server openssl s_server -accept "127.0.0.1:$port" -cert local.crt -key local.pem -Verify 2 -CAfile authority.pem -verify_return_error -www "$1"
    said s_server.log '^ACCEPT' || return 1
    printf 'GET / HTTP/1.0\r\n\r\n' >request
    hand_over
    (becoming timeout $limit tstclnt -h 127.0.0.1 -a localhost -o -p "$port" -d "$db" -w $pin -n kit:server -V tls1.2:tls1.3) >out 2>&1 <request
    kill "$last"
    has 'HTTP/1\.0 200' 'CN *= *server'
}

server_ends()
{
    stop "$server"
}

# --- the end -------------------------------------------------------------------------------------

MANY=1000

many_keys()
{
    plain python3 "$here/../many_keys.py" "$module" kit $pin $MANY >out 2>&1
}

many_listed()
{
    began=$(date +%s%N)
    in_token certutil -K -h kit || return 1
    took=$((($(date +%s%N) - began) / 1000000))
    echo "# $MANY more keys are listed in $took ms"
    [ "$(grep -c ' ec ' out)" -gt $MANY ] && [ $took -lt 20000 ]
}

deletes()
{
    in_token certutil -F -n kit:given -h kit && in_token certutil -L -h kit && lacks '^kit:given' && in_token certutil -K -h kit && lacks 'given'
}

module_removed()
{
    run modutil -force -dbdir "$db" -delete keykist && has 'deleted' && run certutil -L -d "$db" -h all && lacks '^kit:'
}

# -------------------------------------------------------------------------------------------------

check 'a token and a database' prepare
check 'modutil -add, -list' module_added
check 'certutil: an RSA authority' authority authority -k rsa -g 2048 -Z SHA256
check 'certutil: an ECDSA authority' authority eauthority -k ec -q nistp384 -Z SHA384
check 'certutil: a certificate of RSA' certificate server authority -k rsa -g 2048
check 'certutil: a certificate of ECDSA' certificate eserver authority -k ec -q nistp256
check 'certutil: lists' listed
check 'certutil: valid' valid
check 'cmsutil signs' signs
check 'cmsutil decrypts' decrypts
check 'cmsutil encrypts' encrypts
check 'signtool' signs_archive
check 'pk12util imports' imports_archive
check 'what was imported signs' imported_signs
check 'TLS server, RSA, starts' server_starts server ''
check 'TLS 1.3, openssl' openssl_connects -tls1_3
check 'TLS 1.2, openssl' openssl_connects -tls1_2
check 'TLS 1.2 with RSA decryption, openssl' openssl_connects -tls1_2 -cipher AES128-GCM-SHA256
check 'TLS, NSS' nss_connects
check 'TLS server ends' server_ends
check 'TLS server, ECDSA, starts' server_starts eserver "-e kit:eserver"
check 'TLS 1.3 with ECDSA, openssl' openssl_connects -tls1_3
check 'TLS 1.2 with ECDSA, openssl' openssl_connects -tls1_2
check 'TLS server ends' server_ends
check 'TLS 1.3, a client certificate' client_certificate -tls1_3
check 'TLS 1.2, a client certificate' client_certificate -tls1_2
check 'certutil deletes' deletes
check "$MANY more keys" many_keys
check 'all of them are listed' many_listed
check 'modutil -delete' module_removed
plan_done
