#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# OpenVPN with the keys of server and client in tokens, through pkcs11-helper: the list of what there is, a tunnel
# (without a device) with both ends in the background, which fork, and the PIN given over the management interface.
#
# Usage: test_openvpn.sh MODULE SOFTHSM2-UTIL
set -u
built=$(realpath "$1")
util=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../programs.sh"
need openvpn certtool pkcs11-tool python3
make_work_folder
prepare_user
client OpenVPN "$(openvpn --version | sed -n 's/^OpenVPN \([^ ]*\).*/\1/p')"

a_token()
{
    make_token vpn && make_pair vpn rsa:2048 server 01 && make_pair vpn rsa:3072 client 02 && make_pair vpn EC:prime256v1 ec 03 && make_authority &&
        certify vpn server 01 && certify vpn client 02 && certify vpn ec 03
}

lists()
{
    run openvpn --show-pkcs11-ids "$module" && has 'DN: +CN=server$' 'DN: +CN=client$' 'DN: +CN=ec$' 'Serialized id: .*/vpn/01$' &&
        sed -n 's/.*Serialized id: *//p' out >ids
}

# Answers the questions for a PIN, until the tunnel is there.
answer()
{
    python3 - "$1" $pin <<'END'
import socket, sys, time
deadline = time.time() + 30
while True:
    try:
        connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 2)
        break
    except OSError:
        if time.time() > deadline:
            sys.exit("nobody listens")
        time.sleep(0.1)
connection.settimeout(30)
stream = connection.makefile("rw", newline="\n")
stream.write("state on\nhold release\n")
stream.flush()
for line in stream:
    print(line.rstrip())
    if line.startswith(">PASSWORD:Need '"):
        stream.write("password '%s' %s\n" % (line.split("'")[1], sys.argv[2]))
        stream.flush()
    if ",CONNECTED,SUCCESS" in line:
        break
else:
    sys.exit("ended")
END
}

# vpn NAME ID OPTION...: in the background, waiting for its PIN
vpn()
{
    vpn_name=$1
    identity=$2
    shift 2
    management=$(free_port)
    run openvpn --daemon --writepid "$work/$vpn_name.pid" --log "$work/$vpn_name.log" --dev null --ca "$work/ca.pem" --verb 3 \
        --pkcs11-providers "$module" --pkcs11-id "$identity" --pkcs11-pin-cache 300 --management 127.0.0.1 "$management" \
        --management-query-passwords --management-hold "$@" || {
        cat "$vpn_name.log" >>out
        return 1
    }
    soon test -s "$vpn_name.pid" && started="$started $(cat "$vpn_name.pid")"
    (answer "$management" >"$vpn_name.answer" 2>&1) &
}

# tunnel SERVER CLIENT OPTION...: the ids' last parts
tunnel()
{
    port=$(free_port)
    rm -f ./*.pid ./*.log
    one=$(grep "/vpn/$1\$" ids)
    other=$(grep "/vpn/$2\$" ids)
    shift 2
    vpn server "$one" --tls-server --dh none --proto tcp-server --local 127.0.0.1 --port "$port" --ifconfig 10.9.0.1 10.9.0.2 --ifconfig-noexec "$@" &&
        vpn client "$other" --tls-client --proto tcp-client --remote 127.0.0.1 "$port" --nobind --ifconfig 10.9.0.2 10.9.0.1 --ifconfig-noexec \
            --remote-cert-tls server "$@" && soon grep -q 'Initialization Sequence Completed' client.log && soon grep -q 'Initialization Sequence Completed' server.log
    done=$?
    cat server.log server.answer client.log client.answer >out
    [ $done -eq 0 ] && has 'VERIFY OK: depth=0, CN=server|VERIFY OK: depth=0, CN=ec' && lacks 'signing failed|TLS Error'
}

ends()
{
    for end in client server; do
        stop "$(cat $end.pid)" || return 1
    done
    cat server.log client.log >out
    has 'SIGTERM' && soon nobody_has_module
}

nobody_has_module()
{
    ! grep -ls "$module" /proc/[0-9]*/maps >out
}

check 'a token with certificates' a_token
check 'openvpn --show-pkcs11-ids' lists
check 'TLS 1.3, RSA' tunnel 01 02
check 'both ends end' ends
check 'TLS 1.2, RSA' tunnel 01 02 --tls-version-max 1.2
check 'both ends end, again' ends
check 'TLS 1.3, ECDSA' tunnel 03 02
check 'both ends end, at last' ends
plan_done
