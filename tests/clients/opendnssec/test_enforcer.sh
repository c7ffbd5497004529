#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# OpenDNSSEC's daemons with a policy: the enforcer makes keys in the token and says which are in use, the signer signs a zone
# with them. A ZSK and a KSK are rolled over, the enforcer's clock being put forward; both daemons are started again. Each
# signed zone is verified by programs that know nothing of the token.
#
# Usage: test_enforcer.sh MODULE SOFTHSM2-UTIL FIRST-KEY
# FIRST-KEY is preloaded into the daemons (first_key.c says why): without it, the signer crashes or hangs at its end with
# any module.
set -u
built=$(realpath "$1")
util=$(realpath "$2")
first_key=$(realpath "$3")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../programs.sh"
need ods-enforcerd ods-enforcer ods-signerd ods-signer dnssec-verify ldns-verify-zone pkcs11-tool python3 unshare
schema=/usr/share/opendnssec/schema.sqlite
[ -e $schema ] || cannot_run 'OpenDNSSEC comes without SQLite'
# Its sockets lie below /run, whatever its configuration says; the daemons get a folder of their own there.
runtime=/run/opendnssec
unshare --mount mkdir -p $runtime 2>/dev/null || cannot_run 'no namespace for mounts can be made (that takes root)'
make_work_folder
prepare_user
client 'OpenDNSSEC daemons' "$(version_of opendnssec-signer)"
zone=enforced.example

# The policy's times are short; nobody waits for them in any case.
policy()
{
    cat >kasp.xml <<END
<?xml version="1.0" encoding="UTF-8"?>
<KASP><Policy name="quick"><Description>Keys in the token</Description>
<Signatures><Resign>PT10M</Resign><Refresh>PT30M</Refresh>
<Validity><Default>P2D</Default><Denial>P2D</Denial></Validity>
<Jitter>PT1M</Jitter><InceptionOffset>PT3600S</InceptionOffset><MaxZoneTTL>PT60S</MaxZoneTTL></Signatures>
<Denial><NSEC/></Denial>
<Keys><TTL>PT60S</TTL><RetireSafety>PT60S</RetireSafety><PublishSafety>PT60S</PublishSafety><Purge>P1D</Purge>
<KSK><Algorithm length="2048">8</Algorithm><Lifetime>P1Y</Lifetime><Repository>token</Repository></KSK>
<ZSK><Algorithm length="2048">8</Algorithm><Lifetime>P90D</Lifetime><Repository>token</Repository></ZSK></Keys>
<Zone><PropagationDelay>PT60S</PropagationDelay>
<SOA><TTL>PT60S</TTL><Minimum>PT60S</Minimum><Serial>counter</Serial></SOA></Zone>
<Parent><PropagationDelay>PT60S</PropagationDelay><DS><TTL>PT60S</TTL></DS>
<SOA><TTL>PT60S</TTL><Minimum>PT60S</Minimum></SOA></Parent>
</Policy></KASP>
END
}

configuration()
{
    cat >conf.xml <<END
<?xml version="1.0" encoding="UTF-8"?>
<Configuration><RepositoryList><Repository name="token">
<Module>$module</Module><TokenLabel>ods</TokenLabel><PIN>$pin</PIN><SkipPublicKey/>
</Repository></RepositoryList>
<Common><Logging><Verbosity>3</Verbosity><Syslog><Facility>local0</Facility></Syslog></Logging>
<PolicyFile>$work/kasp.xml</PolicyFile><ZoneListFile>$work/zonelist.xml</ZoneListFile></Common>
<Enforcer><Datastore><SQLite>$work/kasp.db</SQLite></Datastore>
<AutomaticKeyGenerationPeriod>P30D</AutomaticKeyGenerationPeriod>
<WorkingDirectory>$work/enforcer</WorkingDirectory><WorkerThreads>0</WorkerThreads></Enforcer>
<Signer><WorkingDirectory>$work/signer</WorkingDirectory><WorkerThreads>2</WorkerThreads><SignerThreads>4</SignerThreads>
<Listener><Interface><Address>127.0.0.1</Address><Port>$(free_port)</Port></Interface></Listener></Signer>
</Configuration>
END
}

# zone_file SERIAL
zone_file()
{
    cat >"unsigned/$zone" <<END
\$ORIGIN $zone.
\$TTL 60
@ SOA ns hostmaster $1 3600 900 86400 60
@ NS ns
ns A 127.0.0.1
www A 192.0.2.$1
END
    for host in $(seq 200); do
        echo "host$host A 198.51.100.$host"
    done >>"unsigned/$zone"
}

configure()
{
    echo 'pin.kdf = test' >>softhsm2.conf
    cp "$first_key" first_key.so
    mkdir enforcer signer signconf unsigned signed sockets
    echo '<ZoneList/>' >zonelist.xml
    policy
    configuration
    zone_file 1
    make_token ods && python3 - $schema kasp.db <<'END' >out 2>&1
import sqlite3, sys
sqlite3.connect(sys.argv[2]).executescript(open(sys.argv[1]).read() + "INSERT INTO databaseVersion (version) VALUES (1);")
END
}

enforcer()
{
    run ods-enforcer -s "$work/sockets/enforcer.sock" "$@"
}

signer()
{
    run ods-signer -s "$work/sockets/engine.sock" "$@"
}

# daemon PROGRAM SOCKET: in the background, as the user, with the folder of its sockets
daemon()
{
    hand_over
    unshare --mount sh -c 'mount --bind "$0" "$1" && shift && exec "$@"' "$work/sockets" $runtime \
        setpriv --reuid=65534 --regid=65534 --clear-groups env LD_PRELOAD="$work/first_key.so" \
        "$1" -d -v -c "$work/conf.xml" >"$1.log" 2>&1 </dev/null &
    last=$!
    started="$started $last"
    soon test -S "sockets/$2" || {
        cp "$1.log" out
        return 1
    }
}

starts()
{
    daemon ods-enforcerd enforcer.sock && enforcer_process=$last && enforcer running && daemon ods-signerd engine.sock &&
        signer_process=$last && signer running
}

adds_zone()
{
    enforcer policy import && has '[Cc]reated policy quick' &&
        enforcer zone add -z "$zone" -p quick -i "$work/unsigned/$zone" -o "$work/signed/$zone" \
            -s "$work/signconf/$zone.xml" && has 'added successfully'
}

# keys STATE...: the list of the zone's keys, with their places in the token, has lines like these
keys()
{
    enforcer key list -v -z "$zone" && has "$@"
}

keys_are_made()
{
    later 1 && keys "^$zone +KSK +publish .* 2048 +8 +[0-9a-f]{32} +token " "^$zone +ZSK +ready .* 2048 +8 +[0-9a-f]{32} +token " &&
        cp out list && p11 ods -O --type privkey &&
        for id in $(sed -n 's/.* 8 *\([0-9a-f]\{32\}\) *token .*/\1/p' list); do
            has "ID: +$id\$" || return 1
        done
}

# becomes PATTERN...: the list has lines like these, at once or after a few steps of the enforcer's
becomes()
{
    for _ in 1 2 3 4 5 6; do
        ! keys "$@" 2>/dev/null || return 0
        later 1
    done
    keys "$@"
}

# leaves PATTERN: the list has no such line any more, after a few steps
leaves()
{
    for _ in 1 2 3 4 5 6; do
        enforcer key list -v -z "$zone" && grep -Eq -- "$1" out || return 0
        later 1
    done
    lacks "$1"
}

# tag_of TYPE STATE: of the key in that state; the newest where there are several
tag_of()
{
    sed -n "s/^$zone  *$1  *$2 .* token  *\\([0-9]*\\).*/\\1/p" out | tail -n 1
}

# The signer has read what the enforcer wrote, and signed anew.
signs()
{
    signer update --all && signer sign "$zone" && soon test -s "signed/$zone" && soon verified
}

verified()
{
    run dnssec-verify -o "$zone" "signed/$zone" && has 'Zone fully signed' && run ldns-verify-zone "signed/$zone"
}

# signed_by TAG: and nobody else signs the address of www
signed_by()
{
    grep -E "^www\\.$zone\\..*RRSIG[[:space:]]A " "signed/$zone" >out && has " $1 $zone\\." && [ "$(wc -l <out)" -eq 1 ]
}

# later TIMES: the enforcer's clock goes on to what it would do next with the zone, and it does so. It has no threads of its own
# for that here. The signer tells what the enforcer writes by its second.
later()
{
    for _ in $(seq "$1"); do
        sleep 1
        enforcer time leap --attach || return 1
    done
}

signed_with_address()
{
    signer sign "$zone" && soon grep -Eq "^www\\.$zone\\..*IN[[:space:]]A[[:space:]]192.0.2.$1\$" "signed/$zone" && soon verified
}

changes_zone()
{
    zone_file 7
    signed_with_address 7
}

# publishes TAG: the zone has the key
publishes()
{
    cp "signed/$zone" out && has "DNSKEY[[:space:]]25[67] .*id = $1 "
}

# What signs new data from then on is the new key; the old one is still published.
rolls_over_zsk()
{
    keys 'ZSK +active ' || return 1
    old=$(tag_of ZSK active)
    enforcer key rollover -z "$zone" -t ZSK && becomes 'ZSK +retire ' 'ZSK +(ready|active) ' || return 1
    new=$(sed -n "s/^$zone  *ZSK .* token  *\\([0-9]*\\).*/\\1/p" out | grep -vx "$old" | tail -n 1)
    [ -n "$new" ] && signer update --all && soon publishes "$new" && zone_file 8 && signed_with_address 8 && signed_by "$new"
}

# ds SAID TAG: the parent's keeper has seen the DS record of that key, or sees it no more
ds()
{
    enforcer key "ds-$1" -z "$zone" -x "$2" && later 1
}

ksk_is_active()
{
    becomes 'KSK +ready +waiting for ds-seen' && ds seen "$(tag_of KSK ready)" && keys 'KSK +active ' && signs
}

# only_ksk TAG: the zone has that one, and it signs the keys
only_ksk()
{
    grep -E "[[:space:]]DNSKEY[[:space:]]257 " "signed/$zone" >out && [ "$(wc -l <out)" -eq 1 ] && has "id = $1 " && verified
}

rolls_over_ksk()
{
    keys 'KSK +active ' || return 1
    old=$(tag_of KSK active)
    enforcer key rollover -z "$zone" -t KSK && becomes 'KSK +ready +waiting for ds-seen' || return 1
    new=$(tag_of KSK ready)
    ds seen "$new" && ds gone "$old" && becomes "KSK +active .* $new\$" && leaves 'KSK +retire' && signs || return 1
    soon only_ksk "$new"
}

# ended_well PROCESS: by itself, and without a signal; the module was unloaded by then
ended_well()
{
    gone "$1" || return 1
    wait "$1"
    ended=$?
    [ $ended -eq 0 ] || echo "ended with $ended" >>why
    [ $ended -eq 0 ]
}

ends()
{
    enforcer stop && ended_well "$enforcer_process" || return 1
    plain timeout 30 ods-signer -s "$work/sockets/engine.sock" stop >out 2>&1
    has 'Engine shut down' && ended_well "$signer_process" && rm -f sockets/*
}

starts_again()
{
    rm -f "signed/$zone" && starts && zone_file 9 && signed_with_address 9
}

check 'a token, a policy, an empty database' configure
check 'both daemons start' starts
if [ "$failures" -gt 0 ]; then
    plan_done
    exit
fi
check 'a policy and a zone' adds_zone
check 'the enforcer made keys in the token' keys_are_made
check 'the signer signs the zone' signs
check 'a changed zone is signed anew' changes_zone
check 'the KSK is told to the parent' ksk_is_active
check 'the ZSK is rolled over' rolls_over_zsk
check 'the KSK is rolled over' rolls_over_ksk
check 'both end' ends
check 'both start again, with the keys of the token' starts_again
check 'both end again' ends
plan_done
