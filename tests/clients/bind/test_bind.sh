#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# BIND 9 with its keys in a token, through pkcs11-provider: keys from labels, a zone signed offline,
# named that signs by itself, a key rolled over, restarts. What was signed is verified by programs that know
# nothing of the token: dnssec-verify, ldns-verify-zone, and delv, which asks named over the network.
#
# Usage: test_bind.sh MODULE SOFTHSM2-UTIL
# BIND knows labels of a provider since 9.20. Older ones want engines, which Debian's are built without.
set -u
built=$(realpath "$1")
util=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../programs.sh"
need dnssec-keyfromlabel dnssec-signzone dnssec-verify named rndc delv dig pkcs11-tool
make_work_folder
prepare_user

bind_version()
{
    named -v | sed -n 's/^BIND \([0-9.]*\).*/\1/p'
}

# The named proof: BIND before 9.20 takes labels to an engine, and its library imports no function of engines.
without_token()
{
    case $(bind_version) in
    9.1[0-9].*) ;;
    *) return 1 ;;
    esac
    ! nm -D "$(ldd "$(command -v dnssec-keyfromlabel)" | sed -n 's/.*=> \(.*libdns[-.].*\) (.*/\1/p')" |
        grep -q ' ENGINE_by_id'
}

client BIND "$(bind_version)"
if without_token; then
    skip 'BIND with keys in a token' 'this BIND is older than 9.20 and built without engines: it has no way to a token (libdns imports no ENGINE_by_id)'
    plan_done
    exit
fi
[ -n "$(provider_path)" ] || cannot_run 'pkcs11-provider is not installed'
provider_conf provider.cnf

token_run()
{
    run env OPENSSL_CONF="$work/provider.cnf" "$@"
}

zone_file()
{
    cat >"$1" <<END
\$TTL 1
@ SOA ns hostmaster ${2:-1} 3600 900 86400 1
@ NS ns
ns A 127.0.0.1
www A 192.0.2.${2:-1}
sub NS ns.sub
ns.sub A 192.0.2.53
END
}

# --- offline -------------------------------------------------------------------------------------

# a_key ZONE ALGORITHM LABEL [OPTION...]: BIND's files of a key in the token; the key's name is left in `out`.
a_key()
{
    zone=$1
    algorithm=$2
    label=$3
    shift 3
    token_run dnssec-keyfromlabel -K keys -a "$algorithm" -l "pkcs11:token=dns;object=$label" "$@" "$zone" &&
        has "^K$zone\\.\\+[0-9]{3}\\+[0-9]{5}\$"
}

zone_of()
{
    echo "$1.example" | tr '[:upper:]' '[:lower:]'
}

# two_keys ALGORITHM TYPE: a KSK and a ZSK, made in the token by pkcs11-tool
two_keys()
{
    make_pair dns "$2" "ksk-$1" "${3}01" && make_pair dns "$2" "zsk-$1" "${3}02" &&
        a_key "$(zone_of "$1")" "$1" "ksk-$1" -f KSK && a_key "$(zone_of "$1")" "$1" "zsk-$1" &&
        fails grep -rqE '^(PrivateExponent|PrivateKey|Prime1):' keys
}

signed()
{
    zone_file "$(zone_of "$1")"
    sign_again "$1"
}

sign_again()
{
    zone=$(zone_of "$1")
    token_run dnssec-signzone -S -K keys -o "$zone" "$zone" && verified "$zone"
}

# verified ZONE: by two programs, neither of which sees the token
verified()
{
    run dnssec-verify -o "$1" "$1.signed" && has 'Zone fully signed' &&
        { ! command -v ldns-verify-zone >/dev/null || run ldns-verify-zone "$1.signed"; }
}

# The new ZSK takes over: its signature, and no other ZSK's, is at the address of www.
rolled_over()
{
    zone=$(zone_of "$1")
    old=$(grep -l ' 256 ' keys/K"$zone".+*.key)
    old_tag=$(basename "$old" .key | sed 's/.*+0*//')
    make_pair dns "$2" "next-$1" "${3}03" && a_key "$zone" "$1" "next-$1" || return 1
    new_tag=$(sed 's/.*+0*//' out)
    token_run dnssec-settime -K keys -I now "$(basename "$old" .key)" && sign_again "$1" || return 1
    run dnssec-verify -o "$zone" "$zone.signed" && cp "$zone.signed" out && has " $new_tag $zone\\." &&
        has "key id = $old_tag" && fails grep -Eq " $old_tag $zone\\.\$" out
}

# BIND up to 9.20.26 reads the raw private key also where there is a label; later ones, openssleddsa_tofile(), do not.
edwards()
{
    make_pair dns EC:edwards25519 ksk-ED25519 1901 || return 1
    a_key ed25519.example ED25519 ksk-ED25519 -f KSK || grep -q 'failed to write key' out
}

writes_edwards()
{
    [ -n "$(find keys -name 'Ked25519*.private')" ]
}

wrong_pin()
{
    sed 's/^pkcs11-module-token-pin.*/pkcs11-module-token-pin = 9999/' provider.cnf >wrong.cnf
    rm -f rsasha256.example.signed
    ! run env OPENSSL_CONF="$work/wrong.cnf" dnssec-signzone -S -K keys -o rsasha256.example \
        rsasha256.example && [ $ended -lt 124 ] && [ ! -e rsasha256.example.signed ] && sign_again RSASHA256
}

# --- named ---------------------------------------------------------------------------------------

# Keys that named makes in the token by itself, and rolls over when told. The times are of a zone that is asked only here.
configure()
{
    port=$(free_port)
    control=$(free_port)
    mkdir -p served keystore
    zone_file served/zone 1
    cat >named.conf <<END
options {
    directory "$work/served"; pid-file "$work/named.pid"; session-keyfile none; key-directory "$work/keystore";
    listen-on port $port { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; dnssec-validation no;
    notify no; managed-keys-directory "$work/served";
};
key "control" { algorithm hmac-sha256; secret "a2V5IG9mIHRoaXMgdGVzdA=="; };
controls { inet 127.0.0.1 port $control allow { 127.0.0.1; } keys { "control"; }; };
key-store "token" { directory "$work/keystore"; pkcs11-uri "pkcs11:token=dns;pin-source=file:$work/pin"; };
dnssec-policy "quick" {
    keys {
        ksk key-store "token" lifetime unlimited algorithm ecdsap256sha256;
        zsk key-store "token" lifetime unlimited algorithm ecdsap256sha256;
    };
    dnskey-ttl 1; max-zone-ttl 1; publish-safety 0; retire-safety 0; purge-keys 0;
    zone-propagation-delay 0; parent-propagation-delay 0; parent-ds-ttl 1;
};
dnssec-policy "rsa" {
    keys {
        csk key-store "token" lifetime unlimited algorithm rsasha256 2048;
    };
};
zone "named.example" { type primary; file "zone"; inline-signing yes; dnssec-policy "quick"; };
zone "rsa.example" { type primary; file "rsa.zone"; inline-signing yes; dnssec-policy "rsa"; };
END
    zone_file served/rsa.zone 1
    cat >rndc.conf <<END
key "control" { algorithm hmac-sha256; secret "a2V5IG9mIHRoaXMgdGVzdA=="; };
options { default-key "control"; default-server 127.0.0.1; default-port $control; };
END
}

control()
{
    run rndc -c rndc.conf "$@"
}

# keys_of ZONE KSK|ZSK: the tags of the keys that it publishes
keys_of()
{
    plain dig +multi +noall +answer @127.0.0.1 -p "$port" "$1" DNSKEY |
        sed -n "s/.*; $2;.*key id = \\([0-9]*\\).*/\\1/p"
}

# trust ZONE: what delv begins with: the KSK
trust()
{
    plain dig +short @127.0.0.1 -p "$port" "$1" DNSKEY | sed -n "s/^257 \\([0-9]*\\) \\([0-9]*\\) \\(.*\\)\$/\\1 \\2 \"\\3\"/p" | {
        read -r rest || return 1
        echo "trust-anchors { $1. static-key 257 $rest; };"
    } >anchor
}

# validated ZONE NAME ADDRESS
validated()
{
    trust "$1" && run delv @127.0.0.1 -p "$port" -a anchor +root="$1" "$2.$1" A &&
        grep -q '^; fully validated' out && grep -Eq "^$2\\.$1\\..*[[:space:]]$3\$" out
}

# In the background by itself, as on a server: it forks after it has read its configuration.
daemon_starts()
{
    configure
    run env OPENSSL_CONF="$work/provider.cnf" named -c named.conf -L "$work/named.log" || { cat named.log >out; return 1; }
    soon test -s named.pid || return 1
    named_process=$(cat named.pid)
    started="$started $named_process"
    soon control status
}

named_made_keys()
{
    p11 dns -O --type privkey && has 'label: +named\.example\.-quick\.-ksk-' 'label: +named\.example\.-quick\.-zsk-' 'label: +rsa\.example\.-rsa\.-ksk-' &&
        fails grep -rqE '^(PrivateExponent|PrivateKey|Prime1):' keystore
}

zone_changes()
{
    zone_file served/zone 7
    control reload named.example && soon validated named.example www 192.0.2.7
}

# signed_by TAG: the address of www
signed_by()
{
    plain dig +short @127.0.0.1 -p "$port" www.named.example RRSIG >out
    grep -q "^A 13 3 .* $1 named\\.example\\." out
}

# new_key OLD-KEY: the zone has another ZSK
new_key()
{
    control loadkeys named.example
    new_tag=$(keys_of named.example ZSK | grep -vx "$1" | head -n 1)
    [ -n "$new_tag" ]
}

# daemon_rolls_over BEFORE AFTER: a new ZSK is made in the token and published. What changes from then on has its signature; other signatures
# stay, as they should, until they must be refreshed. The zone is valid all the time.
# named gives its keys labels with the second in which it makes them: two ZSKs of one second have the same label, and it can read
# neither of them any more ("public key is invalid", "private key is invalid").
daemon_rolls_over()
{
    old_tag=$(keys_of named.example ZSK)
    sleep 1
    control dnssec -rollover -key "$old_tag" named.example && soon new_key "$old_tag" || {
        control dnssec -status named.example
        grep -E ' (error|warning|critical): ' named.log >>out
        return 1
    }
    soon validated named.example www "192.0.2.$1" && sleep 2 && control loadkeys named.example && sleep 1 &&
        zone_file served/zone "$2" && control reload named.example && soon validated named.example www "192.0.2.$2" &&
        soon signed_by "$new_tag"
}

ended_well()
{
    cp named.log out
    gone "$named_process" && lacks 'assertion|critical|signal'
}

daemon_ends()
{
    control stop && ended_well
}

# starts_again BEFORE AFTER: it finds its keys in the token, and signs what changes then.
starts_again()
{
    : >named.log
    start foreground env OPENSSL_CONF="$work/provider.cnf" named -f -c named.conf -L "$work/named.log"
    named_process=$last
    soon control status || {
        cat foreground.log named.log >out
        return 1
    }
    soon validated named.example www "192.0.2.$1" && zone_file served/zone "$2" && control reload named.example &&
        soon validated named.example www "192.0.2.$2" && soon validated rsa.example www 192.0.2.1
}

# --- many keys -----------------------------------------------------------------------------------

MANY=1000

many_keys()
{
    plain python3 "$here/../many_keys.py" "$module" dns $pin $MANY >out 2>&1
}

# signs_among_many: what names its keys by label finds them among all the others, as fast as a person waits for
signs_among_many()
{
    rm -f ecdsap256sha256.example.signed
    began=$(date +%s%N)
    sign_again ECDSAP256SHA256 || return 1
    took=$((($(date +%s%N) - began) / 1000000))
    echo "# a zone is signed with keys among $MANY others in $took ms"
    [ $took -lt 20000 ]
}

ends_by_signal()
{
    kill "$named_process" && wait "$named_process"
    ended=$?
    [ $ended -eq 0 ] || echo "ended with $ended" >>why
    [ $ended -eq 0 ] && ended_well
}

# -------------------------------------------------------------------------------------------------

mkdir keys
check 'a token' make_token dns
number_of=10
for pair in RSASHA256=rsa:2048 ECDSAP256SHA256=EC:prime256v1 ECDSAP384SHA384=EC:secp384r1; do
    number_of=$((number_of + 1))
    check "${pair%%=*}: keys from labels" two_keys "${pair%%=*}" "${pair#*=}" $number_of
    check "${pair%%=*}: a signed zone" signed "${pair%%=*}"
    check "${pair%%=*}: another ZSK" rolled_over "${pair%%=*}" "${pair#*=}" $number_of
done
check 'ED25519: a key from a label' edwards
if writes_edwards; then
    check 'ED25519: keys from labels' two_keys ED25519 EC:edwards25519 18
    check 'ED25519: a signed zone' signed ED25519
else
    skip 'ED25519: a signed zone' 'this BIND writes no key file for an Ed25519 key that is not extractable (mended in openssleddsa_tofile() after 9.20.26)'
fi
check 'a wrong PIN signs nothing' wrong_pin
check 'named starts, and goes to the background' daemon_starts
check 'named signs, ECDSA' soon validated named.example www 192.0.2.1
check 'named signs, RSA' soon validated rsa.example www 192.0.2.1
check 'its keys are in the token' named_made_keys
check 'a changed zone is signed anew' zone_changes
check 'named rolls its ZSK over' daemon_rolls_over 7 8
check 'named ends' daemon_ends
check 'named starts again with the same keys' starts_again 8 9
check 'named ends by a signal' ends_by_signal
check "$MANY more keys" many_keys
check 'a zone is signed with keys among them' signs_among_many
check 'named starts with its keys among them' starts_again 9 10
check 'named ends by a signal again' ends_by_signal
plan_done
