#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Knot DNS with its keys in a token: keymgr makes, lists, exports and removes them; knotd, in the background,
# signs zones with keys that it makes itself and rolls one over; kzonesign signs offline. The zones are
# validated by delv and ldns-verify-zone, which know nothing of the token.
#
# Usage: test_knot.sh MODULE SOFTHSM2-UTIL
set -u
built=$(realpath "$1")
util=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../programs.sh"
need knotd knotc keymgr kzonesign delv dig pkcs11-tool python3
make_work_folder
prepare_user
client Knot "$(knotd -V | sed -n 's/.*version //p')"

ZONES=100
ksk=none
zsk=none

zone_file()
{
    cat >"$1" <<END
\$TTL 1
@ SOA ns hostmaster ${2:-1} 3600 900 86400 1
@ NS ns
ns A 127.0.0.1
www A 192.0.2.${2:-1}
END
}

configure()
{
    port=$(free_port)
    mkdir -p db run zones keys
    cat >knot.conf <<END
server:
    rundir: $work/run
    listen: 127.0.0.1@$port
    pidfile: $work/knot.pid
    background-workers: 4
control:
    listen: $work/run/knot.sock
log:
  - target: $work/knot.log
    any: info
database:
    storage: $work/db
keystore:
  - id: token
    backend: pkcs11
    config: "pkcs11:token=knot;pin-value=$pin $module"
policy:
  - id: ecdsa
    keystore: token
    algorithm: ecdsap256sha256
    dnskey-ttl: 1
    zone-max-ttl: 1
    propagation-delay: 1
    cds-cdnskey-publish: none
  - id: rsa
    keystore: token
    algorithm: rsasha256
    single-type-signing: on
  - id: given
    keystore: token
    algorithm: ecdsap384sha384
    manual: on
  - id: shared
    keystore: token
    algorithm: ecdsap256sha256
template:
  - id: default
    storage: $work/zones
    file: "%s"
    zonefile-load: difference
    journal-content: all
    dnssec-signing: on
    dnssec-policy: ecdsa
  - id: many
    storage: $work/zones
    file: "many.zone"
    zonefile-sync: -1
    zonefile-load: difference
    journal-content: all
    dnssec-signing: on
    dnssec-policy: shared
zone:
  - domain: knot.example
  - domain: rsa.example
    dnssec-policy: rsa
  - domain: given.example
    dnssec-policy: given
END
    for zone in knot.example rsa.example given.example; do
        zone_file "zones/$zone"
    done
    zone_file zones/many.zone
    make_token knot
}

# --- keymgr --------------------------------------------------------------------------------------

manager()
{
    run keymgr -c "$work/knot.conf" "$@"
}

manager_makes()
{
    manager given.example generate algorithm=ECDSAP384SHA384 ksk=yes && ksk=$(tail -n 1 out) &&
        manager given.example generate algorithm=ECDSAP384SHA384 zsk=yes && zsk=$(tail -n 1 out) &&
        manager given.example list && has "^$ksk .* KSK ECDSAP384SHA384/?" "^$zsk .* ZSK ECDSAP384SHA384/?" &&
        p11 knot -O --type privkey && has "ID: +$ksk" "ID: +$zsk" && lacks 'extractable$'
}

# The DS record is that of the public key, by another program.
delegation()
{
    manager given.example dnskey "$ksk" && tail -n 1 out | sed 's/ DNSKEY/ 3600 IN DNSKEY/' >given.key &&
        manager given.example ds "$ksk" && sed -n 's/.* DS [0-9]* 14 2 //p' out >digest && [ -s digest ] &&
        run dnssec-dsfromkey -2 given.key && tr '[:upper:]' '[:lower:]' <out | grep -q "$(cat digest)\$"
}

manager_imports()
{
    make_pair knot EC:secp384r1 imported 0123456789abcdef0123456789abcdef01234567 &&
        manager given.example import-pkcs11 0123456789abcdef0123456789abcdef01234567 \
            algorithm=ECDSAP384SHA384 zsk=yes && manager given.example list &&
        has '^0123456789abcdef0123456789abcdef01234567 .* ZSK'
}

manager_deletes()
{
    manager given.example delete 0123456789abcdef0123456789abcdef01234567 && manager given.example list &&
        lacks '^0123456789' && p11 knot -O --type privkey && lacks '0123456789'
}

# --- offline -------------------------------------------------------------------------------------

sign_offline()
{
    mkdir -p offline && run kzonesign -c "$work/knot.conf" -o offline given.example && mv offline/given.example* signed.zone &&
        run ldns-verify-zone signed.zone
}

# --- knotd ---------------------------------------------------------------------------------------

server()
{
    run knotc -c "$work/knot.conf" "$@"
}

# Into the background: it forks.
daemon_starts()
{
    run knotd -d -c "$work/knot.conf" && soon test -s knot.pid || {
        cat knot.log >>out
        return 1
    }
    daemon=$(cat knot.pid)
    started="$started $daemon"
    soon server status
}

trust()
{
    plain dig +short @127.0.0.1 -p "$port" "$1" DNSKEY | sed -n "s/^257 \\([0-9]*\\) \\([0-9]*\\) \\(.*\\)\$/\\1 \\2 \"\\3\"/p" | {
        read -r rest || return 1
        echo "trust-anchors { $1. static-key 257 $rest; };"
    } >anchor
}

validated()
{
    trust "$1" && run delv @127.0.0.1 -p "$port" -a anchor +root="$1" "www.$1" A &&
        grep -q '^; fully validated' out && grep -Eq "^www\\.$1\\..*[[:space:]]$2\$" out
}

keys_of()
{
    plain dig +multi +noall +answer @127.0.0.1 -p "$port" "$1" DNSKEY | sed -n "s/.*; $2;.*key id = \\([0-9]*\\).*/\\1/p"
}

zone_changes()
{
    zone_file "zones/$1" "$2"
    hand_over
    server zone-reload "$1" && soon validated "$1" "192.0.2.$2"
}

only_new_key()
{
    tags=$(keys_of knot.example ZSK)
    [ -n "$tags" ] && [ "$tags" != "$old" ] && [ "$(echo "$tags" | wc -l)" -eq 1 ]
}

# The old ZSK is gone from the zone and from the token in the end.
rolls_over()
{
    old=$(keys_of knot.example ZSK)
    p11 knot -O --type privkey && before=$(grep -c 'Private Key' out) &&
        server zone-key-rollover knot.example zsk && soon only_new_key && validated knot.example 192.0.2.7 &&
        p11 knot -O --type privkey && [ "$(grep -c 'Private Key' out)" -eq "$before" ]
}

many_signed()
{
    last_of=zone$ZONES.many.example
    validated "zone1.many.example" 192.0.2.1 && validated "$last_of" 192.0.2.1
}

# As many keys in one process, made by four threads at once: Knot's users complained that this was slow.
many_zones()
{
    for i in $(seq $ZONES); do
        printf '  - domain: zone%s.many.example\n    template: many\n' "$i"
    done >>knot.conf
    began=$(date +%s%N)
    server reload || return 1
    for _ in $(seq 100); do
        [ "$(grep -c 'many.example.*DNSSEC, successfully signed' knot.log)" -ge $ZONES ] && break
        sleep 0.3
    done
    echo "# $ZONES zones, two keys each, made and signed: $((($(date +%s%N) - began) / 1000000)) ms"
    cp knot.log out
    lacks ' error: .*many\.example' && soon many_signed
}

daemon_ends()
{
    server stop && gone "$daemon" && cp knot.log out && has 'shutting down' && lacks 'critical|error: .*(sign|DNSSEC)'
}

# In the foreground this time, where its end is seen.
starts_again()
{
    zone_file zones/knot.example 9
    : >knot.log
    start foreground knotd -c "$work/knot.conf"
    daemon=$last
    soon server status && soon validated knot.example 192.0.2.9 && soon validated rsa.example 192.0.2.1 && soon many_signed
}

ends_by_signal()
{
    kill "$daemon" && wait "$daemon"
    ended=$?
    [ $ended -eq 0 ] || echo "ended with $ended" >>why
    cat foreground.log knot.log >out
    [ $ended -eq 0 ] && has 'shutting down' && lacks 'critical|error: .*(sign|DNSSEC)'
}

# -------------------------------------------------------------------------------------------------

check 'a token' configure
check 'keymgr generate, list' manager_makes
check 'keymgr dnskey, ds' delegation
check 'keymgr import-pkcs11' manager_imports
check 'keymgr delete' manager_deletes
check 'kzonesign' sign_offline
check 'knotd starts, and goes to the background' daemon_starts
check 'knotd signs, ECDSA P-256' soon validated knot.example 192.0.2.1
check 'knotd signs, RSA' soon validated rsa.example 192.0.2.1
check 'knotd signs with the keys of keymgr' soon validated given.example 192.0.2.1
check 'a changed zone is signed anew' zone_changes knot.example 7
check 'knotd rolls its ZSK over' rolls_over
check "knotd makes keys for $ZONES zones" many_zones
check 'knotd ends' daemon_ends
check 'knotd starts again with the same keys' starts_again
check 'knotd ends by a signal' ends_by_signal
plan_done
