#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The module in another process: p11-kit's server (which forks for each client) and p11-kit remote, with
# pkcs11-tool, GnuTLS and many clients at once in front. Also p11-kit's trust tools on certificates of a token.
#
# Usage: test_p11server.sh MODULE SOFTHSM2-UTIL
set -u
built=$(realpath "$1")
util=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../programs.sh"
need p11-kit p11tool certtool pkcs11-tool python3
make_work_folder
prepare_user
client p11-kit-server "$(version_of p11-kit)"
GNUTLS_PIN=$pin
export GNUTLS_PIN

far=$(find /usr/lib /usr/lib64 -name p11-kit-client.so 2>/dev/null | head -n 1)
[ -n "$far" ] || cannot_run 'p11-kit-client.so is not installed'

a_token()
{
    make_token kit && make_pair kit rsa:2048 rsa 01 && make_pair kit EC:prime256v1 ec 02 && echo 'data of this test' >data &&
        p11 kit --read-object --type pubkey --id 01 --output-file rsa.der && plain_openssl pkey -pubin -inform DER -in rsa.der -out rsa.pub
}

server_starts()
{
    rm -f socket
    start server p11-kit server -f --provider "$module" --name "$work/socket" "$1"
    server=$last
    soon test -S socket
}

# away ARGUMENT...: pkcs11-tool, whose module is in the server
away()
{
    run env P11_KIT_SERVER_ADDRESS="unix:path=$work/socket" pkcs11-tool --module "$far" --token-label kit --login --pin $pin "$@"
}

far_lists()
{
    away -O && has 'label: +rsa$' 'label: +ec$' && away -M && has 'SHA256-RSA-PKCS, keySize' 'AES-ECB'
}

far_signs()
{
    away --sign --mechanism SHA256-RSA-PKCS --id 01 --input-file data --output-file signature &&
        plain_openssl dgst -sha256 -verify rsa.pub -signature signature data && has '^Verified OK'
}

far_encrypts()
{
    plain_openssl pkeyutl -encrypt -pubin -inkey rsa.pub -in data -out hidden -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 &&
        away --decrypt --mechanism RSA-PKCS-OAEP --hash-algorithm SHA256 --id 01 --input-file hidden --output-file shown && same data shown
}

far_makes()
{
    away --keypairgen --key-type EC:secp384r1 --id 0e --label gone && away --keygen --key-type AES:32 --id 0f --label secret &&
        away --delete-object --type privkey --id 0e && away --delete-object --type pubkey --id 0e && p11 kit -O && lacks 'label: +gone$' && has 'label: +secret$'
}

# Twenty processes, of which the server has a child each.
far_at_once()
{
    hand_over
    clients=
    for i in $(seq 20); do
        (becoming timeout $limit env P11_KIT_SERVER_ADDRESS="unix:path=$work/socket" pkcs11-tool --module "$far" --token-label kit \
            --login --pin $pin --sign --mechanism SHA256-RSA-PKCS --id 01 --input-file data --output-file "s$i") >"o$i" 2>&1 </dev/null &
        clients="$clients $!"
    done
    for client in $clients; do
        wait "$client"
    done
    for i in $(seq 20); do
        cat "o$i" >out
        plain_openssl dgst -sha256 -verify rsa.pub -signature "s$i" data || return 1
    done
}

far_certificate()
{
    printf 'cn = "authority"\nca\ncert_signing_key\nexpiration_days = 2\n' >template
    run env P11_KIT_SERVER_ADDRESS="unix:path=$work/socket" certtool --provider "$far" --generate-self-signed --template template \
        --load-privkey 'pkcs11:token=kit;object=rsa;type=private' --load-pubkey 'pkcs11:token=kit;object=rsa;type=public' --outfile rsa.crt &&
        plain_openssl verify -CAfile rsa.crt rsa.crt && has ': OK$'
}

server_ends()
{
    stop "$server" && soon nobody_has_module
}

nobody_has_module()
{
    ! grep -ls "$module" /proc/[0-9]*/maps >out
}

# --- p11-kit remote, and modules of p11-kit --------------------------------------------------------

# remote: the module of a command's standard input and output, as it is done over ssh
remote_lists()
{
    mkdir -p home/.config/pkcs11/modules
    echo 'user-config: only' >home/.config/pkcs11/pkcs11.conf
    printf 'remote: |p11-kit remote %s\n' "$module" >home/.config/pkcs11/modules/far.module
    run p11-kit list-modules && has 'token: kit$' && run p11tool --login --list-all 'pkcs11:token=kit' && has 'Label: rsa$' 'Private key \(RSA-2048\)'
}

remote_signs()
{
    run p11tool --login --test-sign 'pkcs11:token=kit;object=rsa;type=private' && has 'private key parameters\.\.\. ok' 'public key in the token\.\.\. ok'
}

# Two modules at once, one of them far: the proxy makes one of them.
with_proxy()
{
    proxy=$(dirname "$(dirname "$far")")/p11-kit-proxy.so
    [ -e "$proxy" ] || return 1
    printf 'module: %s\n' "$module" >home/.config/pkcs11/modules/near.module
    run pkcs11-tool --module "$proxy" -L && [ "$(grep -c 'token label *: kit$' out)" -eq 2 ] &&
        run pkcs11-tool --module "$proxy" --token-label kit --login --pin $pin --sign --mechanism SHA256-RSA-PKCS --id 01 \
            --input-file data --output-file signature && plain_openssl dgst -sha256 -verify rsa.pub -signature signature data
}

# What the SO marked as trusted is an anchor. The tool's exit code is 1 where any slot has no token yet, as SoftHSM's last
# one: p11-kit ends its walk there (p11_kit_iter_next() goes no further after C_OpenSession's CKR_TOKEN_NOT_RECOGNIZED).
trust_lists()
{
    GNUTLS_SO_PIN=$so_pin
    export GNUTLS_SO_PIN
    run p11tool --provider "$module" --so-login --write --load-certificate rsa.crt --label authority --id 01 --mark-trusted --mark-ca 'pkcs11:token=kit' &&
        run p11tool --provider "$module" --list-all-trusted 'pkcs11:token=kit' && has 'Label: authority' 'CKA_TRUSTED' || return 1
    rm -f home/.config/pkcs11/modules/far.module
    printf 'module: %s\ntrust-policy: yes\n' "$module" >home/.config/pkcs11/modules/near.module
    run trust list --filter=certificates
    has 'label: authority' 'trust: anchor' 'category: authority'
}

# -------------------------------------------------------------------------------------------------

check 'a token' a_token
check 'p11-kit server starts' server_starts 'pkcs11:token=kit'
check 'lists' far_lists
check 'signs' far_signs
check 'decrypts' far_encrypts
check 'makes and destroys' far_makes
check 'certtool signs' far_certificate
check 'twenty clients at once' far_at_once
check 'p11-kit server ends' server_ends
check 'p11-kit remote lists' remote_lists
check 'p11-kit remote signs' remote_signs
check 'near and far together' with_proxy
check 'trust list' trust_lists
plan_done
