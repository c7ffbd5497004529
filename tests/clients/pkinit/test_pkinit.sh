#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Kerberos logins with a key in a token (PKINIT of MIT Kerberos): kinit signs with it, and decrypts with it where it
# is told to; the KDC, another process, checks the signature with OpenSSL.
#
# Usage: test_pkinit.sh MODULE SOFTHSM2-UTIL
set -u
built=$(realpath "$1")
util=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../programs.sh"
need krb5kdc kdb5_util kadmin.local kinit klist certtool pkcs11-tool python3
[ -n "$(find /usr/lib -name pkinit.so 2>/dev/null)" ] || cannot_run 'krb5-pkinit is not installed'
make_work_folder
prepare_user
client Kerberos "$(version_of krb5-pkinit)"

KRB5_CONFIG=$work/krb5.conf
KRB5_KDC_PROFILE=$work/kdc.conf
KRB5CCNAME=FILE:$work/cache
export KRB5_CONFIG KRB5_KDC_PROFILE KRB5CCNAME

# principal_extensions NAME: an X.509 extension with a Kerberos name, of RFC 4556
principal_extensions()
{
    cat <<END
[own]
keyUsage = digitalSignature,keyEncipherment,keyAgreement
extendedKeyUsage = $2
subjectAltName = otherName:1.3.6.1.5.2.2;SEQUENCE:name
[name]
realm = EXP:0,GeneralString:EXAMPLE.ORG
principal = EXP:1,SEQUENCE:principal
[principal]
type = EXP:0,INTEGER:1
parts = EXP:1,SEQUENCE:parts
[parts]
$1
END
}

certificates()
{
    principal_extensions 'one = GeneralString:alice' 1.3.6.1.5.2.3.4 >alice.ext
    principal_extensions 'one = GeneralString:krbtgt
two = GeneralString:EXAMPLE.ORG' 1.3.6.1.5.2.3.5 >kdc.ext
    make_authority && plain_openssl req -new -newkey rsa:2048 -nodes -keyout kdc.key -subj /CN=kdc -out kdc.csr && chmod 644 kdc.key &&
        plain_openssl x509 -req -in kdc.csr -CA ca.pem -CAkey ca.key -days 9 -extfile kdc.ext -extensions own -out kdc.pem || return 1
    printf 'cn = "alice"\n' >template
    GNUTLS_PIN=$pin run certtool --provider "$module" --generate-request --template template --outfile alice.csr \
        --load-privkey "pkcs11:token=krb;object=rsa;type=private" --load-pubkey "pkcs11:token=krb;object=rsa;type=public" &&
        plain_openssl x509 -req -in alice.csr -CA ca.pem -CAkey ca.key -days 9 -extfile alice.ext -extensions own -outform DER -out alice.der &&
        p11 krb --write-object alice.der --type cert --id 01 --label rsa
}

configure()
{
    port=$(free_port)
    cat >krb5.conf <<END
[libdefaults]
    default_realm = EXAMPLE.ORG
    dns_lookup_kdc = false
    dns_lookup_realm = false
    rdns = false
[realms]
    EXAMPLE.ORG = {
        kdc = 127.0.0.1:$port
        pkinit_anchors = FILE:$work/ca.pem
        pkinit_kdc_hostname = kdc
    }
END
    cat >kdc.conf <<END
[realms]
    EXAMPLE.ORG = {
        database_name = $work/principals
        key_stash_file = $work/stash
        kdc_listen = 127.0.0.1:$port
        kdc_tcp_listen = 127.0.0.1:$port
        pkinit_identity = FILE:$work/kdc.pem,$work/kdc.key
        pkinit_anchors = FILE:$work/ca.pem
    }
[logging]
    kdc = FILE:$work/kdc.log
END
    make_token krb && make_pair krb rsa:2048 rsa 01 && certificates && run kdb5_util create -s -P master -r EXAMPLE.ORG &&
        run kadmin.local -q 'addprinc -randkey +requires_preauth alice'
}

kdc_starts()
{
    start krb5kdc krb5kdc -n
    kdc=$last
    said kdc.log 'commencing operation'
}

# log_in PIN OPTION...
log_in()
{
    echo "$1" >answers
    shift
    hand_over
    (becoming kdestroy -q) >/dev/null 2>&1
    (becoming timeout $limit kinit -X X509_user_identity="PKCS11:module_name=$module:token=krb" "$@" alice) >out 2>&1 <answers
}

# shellcheck disable=SC2120 # options are options
logs_in()
{
    log_in $pin "$@" && run klist && has '^Default principal: alice@EXAMPLE\.ORG' 'krbtgt/EXAMPLE\.ORG@EXAMPLE\.ORG'
}

wrong_pin()
{
    fails log_in 9999 && fails run klist && log_in $pin && run klist
}

kdc_ends()
{
    stop "$kdc"
}

check 'a token, certificates, a realm' configure
check 'the KDC starts' kdc_starts
check 'kinit with the token' logs_in
check 'kinit with the token, encrypted for its RSA key' logs_in -X flag_RSA_PROTOCOL=yes
check 'a wrong PIN' wrong_pin
check 'the KDC ends' kdc_ends
plan_done
