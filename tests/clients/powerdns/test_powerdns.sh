#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# PowerDNS with the keys of a zone in a token, by way of p11-kit: pdnsutil is told of them, the server signs each
# answer as it goes out. What it answers is verified by programs that know nothing of the token.
#
# Usage: test_powerdns.sh MODULE SOFTHSM2-UTIL
set -u
built=$(realpath "$1")
util=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../programs.sh"
need pdns_server pdnsutil pkcs11-tool dig delv dnssec-verify python3
schema=/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql
[ -e $schema ] || cannot_run 'PowerDNS comes without SQLite'
pdnsutil --help 2>&1 | grep -q 'hsm assign' || cannot_run 'this PowerDNS is built without PKCS#11'
make_work_folder
prepare_user
client PowerDNS "$(version_of pdns-server)"
zone=powered.example

# p11-kit with this module only, under the name that pdnsutil is told.
configure()
{
    mkdir -p "$XDG_CONFIG_HOME/pkcs11/modules" run
    echo 'user-config: only' >"$XDG_CONFIG_HOME/pkcs11/pkcs11.conf"
    echo "module: $module" >"$XDG_CONFIG_HOME/pkcs11/modules/keykist.module"
    port=$(free_port)
    cat >pdns.conf <<END
launch=gsqlite3
gsqlite3-database=$work/pdns.db
gsqlite3-dnssec=yes
module-dir=$(dirname "$(dpkg -L pdns-backend-sqlite3 | grep 'backend\.so$')")
local-address=127.0.0.1
local-port=$port
socket-dir=$work/run
zone-cache-refresh-interval=0
cache-ttl=0
query-cache-ttl=0
END
    python3 - $schema pdns.db <<'END' >out 2>&1 && make_token dns
import sqlite3, sys
sqlite3.connect(sys.argv[2]).executescript(open(sys.argv[1]).read())
END
}

pdns()
{
    run pdnsutil --config-dir="$work" "$@"
}

makes_zone()
{
    pdns create-zone "$zone" "ns.$zone" && pdns add-record "$zone" ns A 60 127.0.0.1 &&
        pdns add-record "$zone" www A 60 192.0.2.1
}

# makes_key ALGORITHM TYPE LABEL ID: in the token, and the zone's. pdnsutil's own "create-key" writes beyond the end of an
# array before it asks the token for a key (Pkcs11Token::GenerateKeyPair, seen with valgrind), with SoftHSM, too.
makes_key()
{
    make_pair dns "$2" "$3" "$4" && pdns hsm assign "$zone" "$1" ksk keykist dns $pin "$3" &&
        has 'Module keykist slot dns assigned'
}

# The token has what PowerDNS needs; what it keeps itself is where that is.
keeps_no_key()
{
    pdns export-zone-key "$zone" 1 && has '^Engine: keykist' '^Slot: dns' && lacks '^PrivateExponent|^PrivateKey|^Prime1'
}

serves()
{
    pdns rectify-zone "$zone" && pdns check-zone "$zone" && start server pdns_server --config-dir="$work" --daemon=no --guardian=no --disable-syslog &&
        server=$last && soon answers www 192.0.2.1
}

# answers NAME ADDRESS
answers()
{
    plain dig +dnssec +noall +answer @127.0.0.1 -p "$port" "$1.$zone" A >out 2>&1 && has "[[:space:]]A[[:space:]]$2\$" "[[:space:]]RRSIG[[:space:]]A $algorithm "
}

# validated NAME ADDRESS: from the key on, by delv
validated()
{
    plain dig +short @127.0.0.1 -p "$port" "$zone" DNSKEY | sed -n 's/^257 \([0-9]*\) \([0-9]*\) \(.*\)$/\1 \2 "\3"/p' | {
        read -r rest || return 1
        echo "trust-anchors { $zone. static-key 257 $rest; };"
    } >anchor && run delv @127.0.0.1 -p "$port" -a anchor +root="$zone" "$1.$zone" A && has '^; fully validated' "[[:space:]]$2\$"
}

# Every record of the zone is signed while it is transferred.
signs_all()
{
    for host in $(seq 100); do
        echo "INSERT INTO records (domain_id, name, type, content, ttl, auth) VALUES (1, 'h$host.$zone', 'A', '198.51.100.$host', 60, 1);"
    done >records
    python3 -c 'import sqlite3; sqlite3.connect("pdns.db").executescript(open("records").read())' && hand_over &&
        pdns rectify-zone "$zone" && plain pdnsutil --config-dir="$work" show-zone "$zone" >out 2>&1
    for host in 1 50 100; do
        soon validated "h$host" "198.51.100.$host" || return 1
    done
}

ends()
{
    stop "$server" && cp server.log out && lacks '[Aa]ssertion|[Ss]egmentation|Got a signal'
}

check 'a token, a database' configure
check 'a zone' makes_zone
algorithm=13
check 'an ECDSA key' makes_key ecdsa256 EC:prime256v1 pdns-ec 01
check 'the key is in the token only' keeps_no_key
check 'the server signs with it' serves
check 'the answer is valid' validated www 192.0.2.1
check 'a hundred names' signs_all
check 'the server ends' ends
check 'and starts again' serves
check 'the server ends again' ends
zone=rsa.example
algorithm=8
check 'another zone' makes_zone
check 'an RSA key' makes_key rsasha256 rsa:2048 pdns-rsa 02
check 'the server signs with it, too' serves
check 'its answer is valid' validated www 192.0.2.1
check 'the server ends at last' ends
plan_done
