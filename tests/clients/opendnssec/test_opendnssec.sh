#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# OpenDNSSEC, for which SoftHSM was made: its tool for keys, its speed test with threads, and 311 keys, whose
# list took SoftHSM 13 minutes (its issue 680). What it says of a key is compared with what pkcs11-tool and
# openssl say.
#
# Usage: test_opendnssec.sh MODULE SOFTHSM2-UTIL
set -u
built=$(realpath "$1")
util=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../programs.sh"
need ods-hsmutil ods-hsmspeed pkcs11-tool python3
make_work_folder
prepare_user
client OpenDNSSEC "$(ods-hsmutil -V 2>&1 | sed -n 's/.*version //p')"

# A process for each of 311 keys, and as many logins: with PINs that are quickly tried.
configure()
{
    echo 'pin.kdf = test' >>softhsm2.conf
    cat >conf.xml <<END
<?xml version="1.0" encoding="UTF-8"?>
<Configuration><RepositoryList><Repository name="token">
<Module>$module</Module><TokenLabel>ods</TokenLabel><PIN>$pin</PIN>
</Repository></RepositoryList></Configuration>
END
    make_token ods
}

ods()
{
    run ods-hsmutil -c "$work/conf.xml" "$@"
}

information()
{
    ods info && has '^Repository: token$' 'Token Label: +ods' 'Manufacturer: +SoftHSM project'
}

# Every key is made, signs, is destroyed. There is no GOST; and the tool's ECDSA test neither signs nor destroys its
# keys, whatever the module (hsmtest.c).
self_test()
{
    ods test token
    lacks '^Deleting key\.\.\. Failed' && [ "$(grep -c 'Failed' out)" -eq 1 ] && has 'GOST key\.\.\. Failed' &&
        [ "$(grep -cE '^Signing .*OK$' out)" -ge 20 ] && has 'ED25519 key\.\.\. OK' 'Generating 1024 bytes of random data\.\.\. OK'
}

generates()
{
    ods generate token "$1" "$2" && has '^Key generation successful: [0-9a-f]{32}$' &&
        id=$(sed -n 's/^Key generation successful: //p' out) && ods list token &&
        has "^token +$id +$(echo "$1" | tr '[:lower:]' '[:upper:]')/$2"
}

# OpenSC 0.23 reads no public key on P-384 as a file.
public_key()
{
    if [ "$kind" = ECDSA ]; then
        p11 ods -O --type pubkey --id "$id" && plain python3 "$here/../opensc/spki.py" "$id" <out >key.pub 2>>why
    else
        p11 ods --read-object --type pubkey --id "$id" --output-file key.der &&
            plain_openssl pkey -pubin -inform DER -in key.der -out key.pub
    fi
}

# The DNSKEY record's key is the token's.
dnskey()
{
    ods dnskey "$id" example.org 257 "$1" && has "^example.org\\..*IN[[:space:]]DNSKEY[[:space:]]257 3 $1 " &&
        cp out record && public_key && plain_openssl pkey -pubin -in key.pub -noout -text && cp out text &&
        python3 - <<'END' >out 2>&1
import base64, re
text = open("text").read()
key = base64.b64decode("".join(open("record").read().split(";")[0].split("DNSKEY")[1].split()[3:]))
number = lambda name: bytes.fromhex("".join(re.search(name + r":\n((?:    .*\n)+)", text)[1].split()).replace(":", ""))
if "Modulus" in text:
    assert key[:4] == b"\x03\x01\x00\x01" and key[4:] == number("Modulus").lstrip(b"\0"), key.hex()
else:
    assert b"\x04" + key == number("pub"), key.hex()
END
}

removes()
{
    ods remove "$id" && ods list token && lacks "$id" && p11 ods -O && lacks "$id"
}

speed()
{
    hand_over
    run ods-hsmspeed -c "$work/conf.xml" -r token -i 100 -s "$1" -t "$2" && has 'sig/s|signatures per second' &&
        grep -E 'sig/s|per second' out | sed 's/^/# /'
}

# --- as many keys as in the issue ----------------------------------------------------------------

KEYS=311

many_keys()
{
    for _ in $(seq $KEYS); do
        ods generate token ECDSA 256 || return 1
    done
}

many_listed()
{
    began=$(date +%s%N)
    ods list token && took=$((($(date +%s%N) - began) / 1000000)) && has "^$KEYS keys found" &&
        echo "# a list of $KEYS keys: $took ms" && [ "$took" -lt 5000 ]
}

purges()
{
    ods -f purge token
    ods list token && has '^0 keys found' && p11 ods -O && lacks 'Private Key'
}

# -------------------------------------------------------------------------------------------------

check 'a token, with its information' configure
check 'information' information
check 'test' self_test
check 'purge' purges
while read -r kind size number_there; do
    check "generate and list: $kind $size" generates "$kind" "$size"
    check "dnskey: $kind $size" dnskey "$number_there"
    check "remove: $kind $size" removes
done <<END
rsa 2048 8
rsa 4096 10
ECDSA 256 13
ECDSA 384 14
END
check 'speed of RSA 2048, one thread' speed 2048 1
check 'speed of RSA 2048, eight threads' speed 2048 8
check "$KEYS keys" many_keys
check "$KEYS keys are listed in five seconds" many_listed
check "$KEYS keys are purged" purges
plan_done
