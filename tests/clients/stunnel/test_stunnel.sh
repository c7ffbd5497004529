#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# stunnel with the key of its server in a token, through libp11's engine: in the background (it forks), with many
# connections at once. openssl is the client.
#
# Usage: test_stunnel.sh MODULE SOFTHSM2-UTIL
set -u
built=$(realpath "$1")
util=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../programs.sh"
need stunnel certtool pkcs11-tool python3
engine_is_there || cannot_run 'libengine-pkcs11-openssl is not installed'
stunnel -version 2>&1 | grep -q 'ENGINE' || cannot_run 'this stunnel is built without engines'
make_work_folder
prepare_user
client stunnel "$(stunnel -version 2>&1 | sed -n 's/.*stunnel \([0-9.]*\) .*/\1/p' | head -n 1)"

configure()
{
    make_token tls && make_pair tls rsa:2048 rsa 01 && make_pair tls EC:prime256v1 ec 02 && make_authority && certify tls rsa 01 && certify tls ec 02 || return 1
    port=$(free_port)
    ec_port=$(free_port)
    mkdir -p www && echo 'hello from behind' >www/file
    back=$(free_port)
    # Not as the user: Python may lie where only root reaches it.
    python3 -u -m http.server --bind 127.0.0.1 --directory "$work/www" "$back" >back.log 2>&1 &
    started="$started $!"
    said back.log '^Serving HTTP' || return 1
    cat >stunnel.conf <<END
pid = $work/stunnel.pid
output = $work/stunnel.log
engine = pkcs11
engineCtrl = MODULE_PATH:$module
engineCtrl = PIN:$pin
socket = l:TCP_NODELAY=1
[rsa]
engineNum = 1
accept = 127.0.0.1:$port
connect = 127.0.0.1:$back
cert = $work/rsa.pem
key = pkcs11:token=tls;object=rsa;type=private
[ec]
engineNum = 1
accept = 127.0.0.1:$ec_port
connect = 127.0.0.1:$back
cert = $work/ec.pem
key = pkcs11:token=tls;object=ec;type=private
END
}

starts()
{
    run stunnel "$work/stunnel.conf" && soon test -s stunnel.pid || {
        cat stunnel.log >>out
        return 1
    }
    daemon=$(cat stunnel.pid)
    started="$started $daemon"
}

connects()
{
    printf 'GET /file HTTP/1.0\r\n\r\n' | plain openssl s_client -connect "127.0.0.1:$1" -CAfile ca.pem -verify_return_error "$2" -ign_eof >out 2>&1
    has 'Verify return code: 0 \(ok\)' '^hello from behind'
}

at_once()
{
    connections=
    for i in $(seq 20); do
        (printf 'GET /file HTTP/1.0\r\n\r\n' | plain openssl s_client -connect "127.0.0.1:$1" -CAfile ca.pem -verify_return_error -ign_eof >"c$i" 2>&1) &
        connections="$connections $!"
    done
    for connection in $connections; do
        wait "$connection"
    done
    cat c? c?? >out
    [ "$(grep -c '^hello from behind' out)" -eq 20 ]
}

ends()
{
    stop "$daemon" && cp stunnel.log out && lacks 'INTERNAL ERROR|signal 11' && has 'Terminated|Terminating'
}

check 'a token with certificates' configure
check 'stunnel starts, and goes to the background' starts
for version in -tls1_3 -tls1_2; do
    check "RSA, $version" connects "$port" $version
    check "ECDSA, $version" connects "$ec_port" $version
done
check 'twenty at once, RSA' at_once "$port"
check 'twenty at once, ECDSA' at_once "$ec_port"
check 'stunnel ends' ends
plan_done
