#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Apache httpd with the keys of its TLS server, RSA and EC, in a token: by pkcs11-provider where that and a mod_ssl
# that knows OpenSSL's stores are there, else by libp11's engine. The parent starts and restarts, the children that
# it forks sign. openssl is the client.
#
# Usage: test_apache.sh MODULE SOFTHSM2-UTIL
set -u
built=$(realpath "$1")
util=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../programs.sh"
need apache2 openssl certtool pkcs11-tool python3
modules=/usr/lib/apache2/modules
[ -e $modules/mod_ssl.so ] || cannot_run 'Apache has no mod_ssl'

# way_to_token: what this Apache has to reach a token with
way_to_token()
{
    if [ -n "$(provider_path)" ] && nm -D $modules/mod_ssl.so | grep -q ' OSSL_STORE_open'; then
        echo provider
    elif engine_is_there; then
        echo engine
    fi
}

way=$(way_to_token)
# While a thread of a child logs in, pkcs11-provider 1.0 turns others away with a CKR_CANT_LOCK of its own (fetch_session()):
# there is one child then, whose first connection comes alone.
case $way in
provider) device=builtin children=1 ;;
engine) device=pkcs11 children=2 ;;
*) cannot_run 'neither pkcs11-provider nor libengine-pkcs11-openssl is installed' ;;
esac
make_work_folder
prepare_user
client "Apache ($way)" "$(version_of apache2-bin)"

# A module of Apache's that is not built in.
load()
{
    [ ! -e "$modules/mod_$1.so" ] || echo "LoadModule $2 $modules/mod_$1.so"
}

# key NAME: as mod_ssl wants it
key()
{
    case $way in
    provider) echo "pkcs11:token=web;object=$1;type=private" ;;
    engine) echo "pkcs11:token=web;object=$1;type=private;pin-value=$pin" ;;
    esac
}

# httpd_conf EC-KEY: two keys for one host, as those have who serve old and new clients
httpd_conf()
{
    cat >httpd.conf <<END
ServerRoot $work
ServerName localhost
DefaultRuntimeDir $work
PidFile $work/httpd.pid
ErrorLog $work/error.log
LogLevel warn ssl:info
Listen 127.0.0.1:$port
$(load mpm_event mpm_event_module)
$(load authz_core authz_core_module)
$(load socache_shmcb socache_shmcb_module)
$(load ssl ssl_module)
StartServers $children
ServerLimit $children
ThreadsPerChild 25
MaxRequestWorkers $((25 * $children))
DocumentRoot $work/www
Mutex file:$work default
SSLSessionCache none
SSLCryptoDevice $device
<VirtualHost 127.0.0.1:$port>
    SSLEngine on
    SSLProtocol -all +TLSv1.2 +TLSv1.3
    SSLCertificateFile $work/rsa.pem
    SSLCertificateKeyFile "$(key rsa)"
    SSLCertificateFile $work/$1.pem
    SSLCertificateKeyFile "$(key "$1")"
</VirtualHost>
END
}

configure()
{
    make_token web && make_pair web rsa:2048 rsa 01 && make_pair web EC:prime256v1 ec 02 &&
        make_pair web EC:secp384r1 next 03 && make_authority && certify web rsa 01 && certify web ec 02 &&
        certify web next 03 || return 1
    mkdir -p www && echo 'hello from the token' >www/file
    "${way}_conf" openssl.cnf
    port=$(free_port)
    httpd_conf ec
}

# apache ARGUMENT...: mod_ssl asks an engine "pkcs11" before OpenSSL's stores, wherever it finds one.
apache()
{
    case $way in
    provider) run env OPENSSL_CONF="$work/openssl.cnf" OPENSSL_ENGINES="$work" apache2 -f "$work/httpd.conf" "$@" ;;
    engine) run env OPENSSL_CONF="$work/openssl.cnf" apache2 -f "$work/httpd.conf" "$@" ;;
    esac
}

# In the background by itself, as on a server.
starts()
{
    apache -k start && soon test -s httpd.pid || {
        cat error.log >>out
        return 1
    }
    daemon=$(cat httpd.pid)
    started="$started $daemon"
    soon connects -tls1_3
}

# connects OPTION...: the file is had, and the certificate is the authority's
connects()
{
    printf 'GET /file HTTP/1.0\r\n\r\n' | plain openssl s_client -connect "127.0.0.1:$port" -CAfile ca.pem \
        -verify_return_error "$@" -ign_eof >out 2>&1
    has 'Verify return code: 0 \(ok\)' '^hello from the token'
}

# connects_with KEY PROTOCOL: the signature is one that the wanted key makes
connects_with()
{
    case $1 in
    rsa) connects "$2" -sigalgs rsa_pss_rsae_sha256 && has 'CN ?= ?rsa$' ;;
    ec) connects "$2" -sigalgs ECDSA+SHA256 && has 'CN ?= ?ec$' ;;
    next) connects "$2" -sigalgs ECDSA+SHA384 && has 'CN ?= ?next$' ;;
    esac
}

# The children sign at the same time, each in many threads.
at_once()
{
    seq 60 | xargs -P 12 -I N timeout "$limit" openssl s_client -connect "127.0.0.1:$port" -CAfile ca.pem \
        -verify_return_error -brief >said 2>&1
    grep -v '^Connecting' said | cat - error.log >out
    [ "$(grep -c 'Verification: OK' said)" -eq 60 ]
}

# Another EC key: Apache reads its configuration anew and replaces its children; nobody is turned away.
rotates()
{
    httpd_conf next
    hand_over
    kill -USR1 "$daemon" && soon connects_with next -tls1_3 && connects_with rsa -tls1_3
}

# Not with a key that is not in the token.
refuses()
{
    httpd_conf missing
    cp next.pem missing.pem
    sed -i "s/127.0.0.1:$port/127.0.0.1:$(free_port)/; s,httpd.pid,other.pid," httpd.conf
    ! apache -k start && [ $ended -lt 124 ] &&
        [ ! -s other.pid ]
}

ends()
{
    stop "$daemon" && cp error.log out && lacks 'exit signal|[Aa]ssertion|segfault'
}

check "a token with certificates ($way)" configure
check 'Apache starts, and goes to the background' starts
if [ "$failures" -gt 0 ]; then
    plan_done
    exit
fi
for protocol in -tls1_3 -tls1_2; do
    check "RSA, $protocol" connects_with rsa $protocol
    check "ECDSA, $protocol" connects_with ec $protocol
done
check 'sixty connections' at_once
check 'a new key while it works' rotates
check 'sixty connections after that' at_once
check 'no start without the key' refuses
check 'Apache ends' ends
plan_done
