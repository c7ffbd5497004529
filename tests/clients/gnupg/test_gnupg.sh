#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# GnuPG with keys in a token, through gnupg-pkcs11-scd in place of its own daemon for cards: gpgsm learns them, signs
# and decrypts. openssl, which knows nothing of the token, verifies and encrypts.
#
# Usage: test_gnupg.sh MODULE SOFTHSM2-UTIL
set -u
built=$(realpath "$1")
util=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../programs.sh"
need gpgsm gpg-connect-agent gpgconf gnupg-pkcs11-scd certtool pkcs11-tool
make_work_folder
prepare_user
client gnupg-pkcs11-scd "$(version_of gnupg-pkcs11-scd)"
GNUPGHOME=$work/g
export GNUPGHOME
trap 'run gpgconf --kill all; stop_everything' EXIT

configure()
{
    mkdir -p "$GNUPGHOME" && chmod 700 "$GNUPGHOME"
    printf 'providers keykist\nprovider-keykist-library %s\nlog-file %s/scd.log\n' "$module" "$work" >"$GNUPGHOME/gnupg-pkcs11-scd.conf"
    printf 'scdaemon-program %s\npinentry-program %s/pinentry\n' "$(command -v gnupg-pkcs11-scd)" "$work" >"$GNUPGHOME/gpg-agent.conf"
    printf 'disable-crl-checks\nbatch\n' >"$GNUPGHOME/gpgsm.conf"
    cat >pinentry <<END
#!/bin/sh
echo OK
while read -r command rest; do
    case \$command in
    GETPIN) printf 'D %s\nOK\n' $pin ;;
    BYE) echo OK; exit 0 ;;
    *) echo OK ;;
    esac
done
END
    chmod 755 pinentry
    make_token kit && make_pair kit rsa:2048 rsa 01 && make_pair kit rsa:3072 rsa3 02 && make_authority && certify kit rsa 01 && certify kit rsa3 02 &&
        printf '%s S relax\n' "$(openssl x509 -in ca.pem -noout -fingerprint -sha1 | sed 's/.*=//')" >"$GNUPGHOME/trustlist.txt"
}

learns()
{
    run gpg-connect-agent 'SCD LEARN --force' /bye && has '^S APPTYPE PKCS11' '^S KEY-FRIEDNLY .*/CN=rsa on kit' '^S KEY-FRIEDNLY .*/CN=rsa3 on kit' &&
        run gpgsm --import ca.pem && run gpgsm --learn-card && run gpgsm --list-secret-keys && has 'Subject: /CN=rsa$' 'Subject: /CN=rsa3$' 'card s/n: D276'
}

# A signature whose first bit is set GnuPG writes as a number, with a zero before it, which openssl rightly refuses: it
# is made anew (the time in it is another) until it begins with another bit.
signs()
{
    echo 'data of this test' >data
    for _ in $(seq 20); do
        rm -f signature
        run gpgsm --local-user "/CN=$1" --detach-sign --output signature data || return 1
        plain_openssl asn1parse -inform DER -in signature
        grep 'OCTET STRING' out | tail -n 1 | grep -Eq 'l= +(257|385) .*HEX DUMP]:00[89A-F]' || break
        sleep 1
    done
    plain_openssl cms -verify -inform DER -in signature -content data -binary -CAfile ca.pem -purpose any -out shown && same data shown
}

decrypts()
{
    rm -f shown
    plain_openssl cms -encrypt -binary -aes256 -outform DER -in data -out hidden "$1.pem" && run gpgsm --decrypt --output shown hidden && same data shown
}

encrypts()
{
    rm -f hidden shown
    run gpgsm --recipient "/CN=$1" --encrypt --output hidden data && run gpgsm --decrypt --output shown hidden && same data shown
}

# The daemon has gone, and comes again with its next use.
starts_again()
{
    run gpgconf --kill all && soon nobody_has_module && signs rsa && signs rsa3
}

nobody_has_module()
{
    ! grep -ls "$module" /proc/[0-9]*/maps >out
}

check 'a token with certificates' configure
check 'gpgsm learns the keys' learns
for key in rsa rsa3; do
    check "gpgsm signs, $key" signs $key
    check "gpgsm decrypts, $key" decrypts $key
    check "gpgsm encrypts, $key" encrypts $key
done
check 'the agent ends, and starts again' starts_again
plan_done
