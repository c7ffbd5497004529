#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# strongSwan's pki with the keys of an authority in a token: a certificate of its own, certificates for others,
# revocation lists, requests. openssl, which knows nothing of the token, checks them. With strongSwan's own
# hashes, with OpenSSL's in the same process, and with the token's hashes, random numbers and public keys as well.
#
# Usage: test_strongswan.sh MODULE SOFTHSM2-UTIL
set -u
built=$(realpath "$1")
util=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../programs.sh"
need pki pkcs11-tool
[ -e /usr/lib/ipsec/plugins/libstrongswan-pkcs11.so ] || cannot_run "strongSwan's plug-in for tokens is not installed"
make_work_folder
prepare_user
client strongSwan "$(version_of strongswan-pki)"
STRONGSWAN_CONF=$work/strongswan.conf
export STRONGSWAN_CONF

# configure PLUGINS OPTION: yes or no, whether the token does what it can
configure()
{
    cat >strongswan.conf <<END
pki {
    load = $1
}
libstrongswan {
    plugins {
        pkcs11 {
            use_hasher = $2
            use_rng = $2
            use_pubkey = $2
            use_dh = $2
            modules {
                keykist {
                    path = $module
                    os_locking = yes
                }
            }
        }
    }
}
END
    echo $pin >answers
}

# pki COMMAND...: its output, without what its plug-ins say, in `out`
pki_says()
{
    hand_over
    (becoming timeout $limit pki "$@") >made 2>out <answers
    ended=$?
    [ $ended -ne 0 ] || sed -n '/-----BEGIN/,/-----END/p' made | sed 's/^Smartcard PIN: //' >out
    return $ended
}

a_token()
{
    configure 'random nonce x509 revocation constraints pubkey pkcs1 pkcs8 pem sha1 sha2 gmp pkcs11' no
    make_token vpn && make_pair vpn rsa:2048 ca 0101 && make_pair vpn EC:prime256v1 eca 0202 &&
        make_pair vpn rsa:3072 server 0303 && run openssl req -new -newkey rsa:2048 -nodes -keyout client.pem -subj /CN=client -out client.csr
}

# authority TYPE ID NAME
authority()
{
    pki_says --self --keyid "$2" --type priv --dn "C=CH, CN=$3" --ca --outform pem --digest sha256 && cp out "$3.pem" &&
        plain_openssl verify -CAfile "$3.pem" "$3.pem" && has ': OK$'
}

public_key()
{
    pki_says --pub --keyid "$2" --type priv --outform pem && cp out ours &&
        p11 vpn --read-object --type pubkey --id "$2" --output-file key.der && plain_openssl pkey -pubin -inform DER -in key.der -out theirs &&
        same ours theirs
}

# issue AUTHORITY-ID AUTHORITY NAME INPUT...: a certificate
issue()
{
    id=$1
    ca=$2
    subject=$3
    shift 3
    pki_says --issue --cakeyid "$id" --cacert "$ca.pem" --dn "CN=$subject" --san "$subject.example" --flag serverAuth --outform pem "$@" &&
        cp out "$subject.crt" && plain_openssl verify -CAfile "$ca.pem" "$subject.crt" && has ': OK$'
}

# The public key of the request is in the token too, and so is that which signs.
request()
{
    pki_says --req --keyid 0303 --type priv --dn CN=server --outform pem --digest sha384 && cp out server.csr &&
        plain_openssl req -in server.csr -noout -verify && has 'verify OK' && issue "$1" "$2" server --type pkcs10 --in server.csr
}

revocation()
{
    pki_says --signcrl --cakeyid "$1" --cacert "$2.pem" --cert client.crt --reason superseded --lifetime 2 --outform pem && cp out list.crl &&
        plain_openssl crl -in list.crl -CAfile "$2.pem" -noout && has 'verify OK' && cat "$2.pem" list.crl >both &&
        ! plain_openssl verify -crl_check -CAfile both client.crt && has 'certificate revoked' && plain_openssl verify -crl_check -CAfile both server.crt
}

verifies()
{
    pki_says --verify --in server.crt --cacert "$1.pem" && grep -q 'certificate trusted, lifetimes valid' made
}

wrong_pin()
{
    echo 9999 >answers
    fails pki_says --self --keyid 0101 --type priv --dn CN=nobody --ca --outform pem && [ $ended -lt 124 ]
    refused=$?
    echo $pin >answers
    [ $refused -eq 0 ] && authority rsa 0101 ca
}

# -------------------------------------------------------------------------------------------------

check 'a token' a_token
# OpenSSL behind the token: its engine for tokens would take the PIN that is meant for strongSwan's own way.
while IFS=: read -r how plugins whole type id ca; do
    configure "nonce x509 revocation constraints pubkey pkcs1 pkcs8 pem pkcs11 $plugins" "$whole"
    check "$how: public key" public_key "$type" "$id"
    check "$how: pki --self" authority "$type" "$id" "$ca"
    check "$how: pki --issue" issue "$id" "$ca" client --type pkcs10 --in client.csr
    check "$how: pki --req, and --issue" request "$id" "$ca"
    check "$how: pki --verify" verifies "$ca"
    check "$how: pki --signcrl" revocation "$id" "$ca"
done <<END
RSA:random sha1 sha2 gmp:no:rsa:0101:ca
RSA, hashes of the token:random sha1 sha2:yes:rsa:0101:ca
RSA, with OpenSSL:random openssl:no:rsa:0101:ca
ECDSA, with OpenSSL:random openssl:no:ecdsa:0202:eca
END
configure 'random nonce x509 revocation constraints pubkey pkcs1 pkcs8 pem sha1 sha2 gmp pkcs11' no
check 'a wrong PIN' wrong_pin
plan_done
