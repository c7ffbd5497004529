#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Programs that know OpenSSL only, with keys in the token: nginx (TLS, RSA and EC), curl with a client certificate,
# osslsigncode, openssl s_server. By way of pkcs11-provider, and by way of libp11's engine; which of the two is not
# there, and each program that is not, is skipped. What was made is looked at by an openssl that knows no token.
#
# Usage: test_programs.sh MODULE SOFTHSM2-UTIL
set -u
module=$(realpath "$1")
util=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
make_work_folder
need openssl pkcs11-tool
export PATH="$PATH:/usr/sbin"

pin=1234
limit=30 # seconds

skip()
{
    number=$((number + 1))
    echo "ok $number - $1 # SKIP $2"
}

version_of()
{
    dpkg-query -W -f='${Version}' "$1" 2>/dev/null || echo -
}

plain_openssl()
{
    plain openssl "$@" >out 2>&1
}

p11()
{
    plain pkcs11-tool --module "$module" --token-label web --login --pin $pin "$@" >out 2>&1
}

# --- ways to the token: what a program is configured with ----------------------------------------

modules=$(openssl version -m 2>/dev/null | sed -n 's/^MODULESDIR: "\(.*\)"$/\1/p')
engines=$(openssl version -e | sed -n 's/^ENGINESDIR: "\(.*\)"$/\1/p')

conf()
{
    cat >"$1.cnf" <<END
openssl_conf = first
[first]
$2
[req]
distinguished_name = nobody
[nobody]
END
}

make_provider_conf()
{
    conf provider "providers = all
[all]
default = own
pkcs11 = token
[own]
activate = 1
[token]
module = $modules/pkcs11.so
pkcs11-module-path = $module
pkcs11-module-token-pin = $pin
pkcs11-module-encode-provider-uri-to-pem = true
activate = 1"
}

make_engine_conf()
{
    conf engine "engines = all
[all]
pkcs11 = token
[token]
engine_id = pkcs11
MODULE_PATH = $module
PIN = $pin
init = 1"
}

uri()
{
    echo "pkcs11:token=web;object=$1;type=private"
}

# with COMMAND...: by the way that is under test
with()
{
    OPENSSL_CONF=$work/$way.cnf plain timeout "$limit" "$@" >out 2>&1
}

# A file that stands for a key of the token: what the provider writes in place of the key.
make_reference()
{
    with openssl pkey -in "$(uri "$1")" -out "$1.pem" && cp "$1.pem" out && has 'BEGIN PKCS#11 PROVIDER URI' &&
        lacks 'BEGIN (RSA |EC )?PRIVATE KEY'
}

# key_for_nginx NAME
key_for_nginx()
{
    case $way in
    provider) echo "$work/$1.pem" ;;
    engine) echo "engine:pkcs11:$(uri "$1");pin-value=$pin" ;;
    esac
}

# --- a token, an authority outside, certificates -------------------------------------------------

make_token()
{
    plain "$util" --module "$module" --init-token --free --label web --so-pin 12345678 --pin $pin >out 2>&1 &&
        p11 --keypairgen --key-type rsa:2048 --id 01 --label rsa &&
        p11 --keypairgen --key-type EC:prime256v1 --id 02 --label ec &&
        p11 --keypairgen --key-type rsa:2048 --id 03 --label client &&
        p11 --keypairgen --key-type EC:secp384r1 --id 04 --label next &&
        plain_openssl req -new -x509 -nodes -newkey rsa:2048 -keyout root.key -out root.crt -days 9 -subj /CN=root \
            -addext basicConstraints=critical,CA:TRUE
}

# certify KEY PURPOSE: asked for with the key in the token, issued by the authority
certify()
{
    echo "subjectAltName=DNS:localhost,IP:127.0.0.1
extendedKeyUsage=$2" >extensions
    case $way in
    provider) with openssl req -new -key "$(uri "$1")" -subj "/CN=$1" -out "$1.csr" ;;
    engine) with openssl req -new -engine pkcs11 -keyform engine -key "$(uri "$1")" -subj "/CN=$1" -out "$1.csr" ;;
    esac && plain_openssl x509 -req -in "$1.csr" -CA root.crt -CAkey root.key -days 5 -extfile extensions \
        -set_serial "0x$(openssl rand -hex 8)" -out "$1.crt" && plain_openssl verify -CAfile root.crt "$1.crt"
}

# --- nginx ---------------------------------------------------------------------------------------

# One server for RSA and EC; it wants a certificate of its client.
nginx_conf()
{
    port=$(free_port)
    cat >nginx.conf <<END
$([ "$(id -u)" -ne 0 ] || echo 'user root;')
env SOFTHSM2_CONF;
env OPENSSL_CONF;
daemon off;
worker_processes 2;
pid $work/nginx.pid;
error_log $work/nginx.log info;
events { }
http {
    access_log off;
    client_body_temp_path $work/t1;
    proxy_temp_path $work/t2;
    fastcgi_temp_path $work/t3;
    uwsgi_temp_path $work/t4;
    scgi_temp_path $work/t5;
    server {
        listen 127.0.0.1:$port ssl;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_certificate $work/rsa.crt;
        ssl_certificate_key "$(key_for_nginx rsa)";
        ssl_certificate $work/ec.crt;
        ssl_certificate_key "$(key_for_nginx "$1")";
        ssl_client_certificate $work/root.crt;
        ssl_verify_client optional;
        location / { return 200 "hello \$ssl_client_s_dn\n"; }
    }
}
END
}

answers()
{
    for _ in $(seq 100); do
        plain_openssl s_client -connect "127.0.0.1:$port" </dev/null && return 0
        kill -0 "$nginx" 2>/dev/null || break
        sleep 0.1
    done
    cat nginx.log >>out
    return 1
}

start_nginx()
{
    : >nginx.log
    nginx_conf ec
    OPENSSL_CONF=$work/$way.cnf timeout 300 nginx -p "$work" -c nginx.conf >>nginx.log 2>&1 &
    nginx=$!
    answers
}

stop_nginx()
{
    kill "$(cat nginx.pid)" && wait "$nginx"
}

# handshake PROTOCOL KIND: the signature is one that the wanted key makes
handshake()
{
    case $2 in
    ec) algorithms=ECDSA+SHA256 ;;
    rsa) algorithms=rsa_pss_rsae_sha256 ;;
    esac
    echo Q | plain openssl s_client -connect "127.0.0.1:$port" -CAfile root.crt -verify_return_error "-$1" \
        -sigalgs "$algorithms" >out 2>&1 && has 'Verify return code: 0 \(ok\)' "CN ?= ?$2\$"
}

# Ten at a time, fifty in all, by the two workers.
many_handshakes()
{
    seq 50 | xargs -P 10 -I N timeout "$limit" openssl s_client -connect "127.0.0.1:$port" -CAfile root.crt \
        -verify_return_error -brief >out 2>&1 && [ "$(grep -c 'Verification: OK' out)" -eq 50 ]
}

# The EC key is replaced by a new one of the token while the server works.
rotates()
{
    certify next serverAuth && cp next.crt ec.crt && port_before=$port && nginx_conf next &&
        sed -i "s/127.0.0.1:$port/127.0.0.1:$port_before/" nginx.conf && port=$port_before && kill -HUP "$(cat nginx.pid)" &&
        for _ in $(seq 50); do
            ! handshake_of_the_new_key || return 0
            sleep 0.1
        done
    return 1
}

handshake_of_the_new_key()
{
    echo Q | plain openssl s_client -connect "127.0.0.1:$port" -CAfile root.crt -verify_return_error \
        -sigalgs ECDSA+SHA384 >out 2>&1 && has 'Verify return code: 0 \(ok\)' 'CN ?= ?next$'
}

with_nginx()
{
    client "nginx ($way)" "$(version_of nginx)"
    check "$way: nginx starts with its keys in the token" start_nginx
    for protocol in tls1_3 tls1_2; do
        check "$way: nginx, $protocol with the EC key" handshake $protocol ec
        check "$way: nginx, $protocol with the RSA key" handshake $protocol rsa
    done
    check "$way: nginx, fifty connections" many_handshakes
    if command -v curl >/dev/null 2>&1; then
        client "curl ($way)" "$(version_of curl)"
        check "$way: curl shows a certificate whose key is in the token" curl_shows_its_certificate
        check "$way: curl without a certificate is nobody" curl_is_nobody
    else
        skip "$way: curl shows a certificate whose key is in the token" 'curl is not installed'
    fi
    client "nginx ($way)" "$(version_of nginx)"
    check "$way: nginx takes a new key while it works" rotates
    check "$way: nginx ends" stop_nginx
    certify ec serverAuth >/dev/null 2>&1
}

# --- curl ----------------------------------------------------------------------------------------

curl_shows_its_certificate()
{
    case $way in
    provider) with curl -s --cacert root.crt --cert client.crt --key client.pem "https://127.0.0.1:$port/" ;;
    engine) with curl -s --cacert root.crt --cert client.crt --engine pkcs11 --key-type ENG --key "$(uri client)" \
        "https://127.0.0.1:$port/" ;;
    esac && has '^hello CN=client$'
}

curl_is_nobody()
{
    plain curl -s --cacert root.crt "https://127.0.0.1:$port/" >out 2>&1 && has '^hello $'
}

# --- osslsigncode --------------------------------------------------------------------------------

signs_a_program()
{
    rm -f signed.exe
    python3 "$here/program_exe.py" && certify client clientAuth,codeSigning && case $way in
    provider) with osslsigncode sign -h sha256 -certs client.crt -key client.pem -in program.exe -out signed.exe ;;
    engine) plain osslsigncode sign -h sha256 -pkcs11engine "$engines/pkcs11.so" -pkcs11module "$module" -pass $pin \
        -certs client.crt -key "$(uri client)" -in program.exe -out signed.exe \
        >out 2>&1 ;;
    esac && plain osslsigncode verify -CAfile root.crt -in signed.exe >out 2>&1 &&
        has 'Signature verification: ok|Succeeded' && lacks 'Signature verification: failed'
}

# -------------------------------------------------------------------------------------------------

with_osslsigncode()
{
    client "osslsigncode ($way)" "$(version_of osslsigncode)"
    check "$way: osslsigncode signs a program, and it verifies" signs_a_program
}

# each_program WITH-FUNCTION PROGRAM
program()
{
    if command -v "$2" >/dev/null 2>&1; then
        "$1"
    else
        skip "$way: $2" "$2 is not installed"
    fi
}

all_of()
{
    way=$1
    "make_${way}_conf"
    client "openssl req ($way)" "$(openssl version | cut -d' ' -f2)"
    for key in rsa ec; do
        check "$way: a certificate for $key" certify $key serverAuth
    done
    check "$way: a certificate for client" certify client clientAuth
    if [ "$way" = provider ]; then
        for key in rsa ec client next; do
            check "$way: a file that stands for $key" make_reference $key
        done
    fi
    program with_nginx nginx
    program with_osslsigncode osslsigncode
}

[ -e "$modules/pkcs11.so" ] || [ -e "$engines/pkcs11.so" ] || cannot_run 'neither pkcs11-provider nor libp11 is installed'
if ! make_token; then
    sed 's/^/# /' out
    echo 'Bail out! no token'
    exit 99
fi
if [ -e "$modules/pkcs11.so" ]; then
    all_of provider
else
    skip 'programs by way of pkcs11-provider' 'pkcs11-provider is not installed (Debian 12 has none)'
fi
if [ -e "$engines/pkcs11.so" ]; then
    all_of engine
else
    skip 'programs by way of the engine' "libp11's engine is not installed"
fi
plan_done
