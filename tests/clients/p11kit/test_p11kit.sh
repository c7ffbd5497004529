#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The module behind p11-kit, GnuTLS and libp11's engine for OpenSSL. What was signed is verified by
# an openssl that knows nothing of the token. Each of the three is skipped where it is not there.
#
# Usage: test_p11kit.sh MODULE SOFTHSM2-UTIL
set -u
built=$(realpath "$1")
util=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
make_work_folder

pin=1234
so_pin=12345678
limit=20 # seconds until a deadlock is taken for one

# p11-kit reads nothing of root's home: as root, all is done as nobody, with a copy of the module.
module=$work/module.so
cp "$built" "$module"
mkdir -p config/pkcs11/modules home
echo 'user-config: only' >config/pkcs11/pkcs11.conf
echo "module: $module" >config/pkcs11/modules/keykist.module
XDG_CONFIG_HOME=$work/config
HOME=$work/home
GNUTLS_PIN=$pin
GNUTLS_SO_PIN=$so_pin
export XDG_CONFIG_HOME HOME GNUTLS_PIN GNUTLS_SO_PIN
unset OPENSSL_CONF

as_user()
{
    if [ "$(id -u)" -eq 0 ]; then
        chown -R 65534:65534 "$work"
        loading setpriv --reuid=65534 --regid=65534 --clear-groups timeout "$limit" "$@"
    else
        loading timeout "$limit" "$@"
    fi
}

# run COMMAND...: the output is left in `out`.
run()
{
    as_user "$@" >out 2>&1 </dev/null
}

plain_openssl()
{
    plain openssl "$@" >out 2>&1
}

skip()
{
    number=$((number + 1))
    echo "ok $number - $1 # SKIP $2"
}

# --- a token with keys ---------------------------------------------------------------------------

make_token()
{
    cp "$util" util && run "$work/util" --module "$module" --init-token --free --label kit \
        --so-pin $so_pin --pin $pin
}

p11()
{
    run pkcs11-tool --module "$module" --token-label kit --login --pin $pin "$@"
}

make_keys()
{
    p11 --keypairgen --key-type rsa:2048 --id 01 --label rsa --usage-sign --usage-decrypt &&
        p11 --keypairgen --key-type EC:prime256v1 --id 02 --label ec --usage-sign --usage-derive
}

export_rsa_key()
{
    p11 --read-object --type pubkey --id 01 --output-file rsa.der &&
        plain_openssl pkey -pubin -inform DER -in rsa.der -out rsa.pub
}

export_ec_key()
{
    p11 -O --type pubkey && plain python3 "$here/../opensc/spki.py" ec <out >ec.pub 2>>why
}

verified()
{
    plain_openssl dgst -sha256 -verify "$1.pub" -signature signature data && has '^Verified OK$'
}

# --- p11-kit -------------------------------------------------------------------------------------

# Under the address sanitizer's runtime some builds of p11-kit never end: they wait in freelocale(),
# called by p11-kit's own destructor, with no module loaded. certtool ends through the same one.
kit_ends()
{
    [ -z "${KK_PRELOAD:-}" ] || loading timeout 10 p11-kit --help >/dev/null 2>&1 </dev/null
}

list_modules()
{
    run p11-kit list-modules && has '^(keykist: |module: keykist$)' 'token: kit$' \
        'library-manufacturer: SoftHSM' 'manufacturer: SoftHSM project' 'user-pin-initialized'
}

kit_proxy()
{
    for folder in $(pkg-config --variable=libdir p11-kit-1 2>/dev/null) /usr/lib/*-linux-gnu \
        /usr/lib64 /usr/lib; do
        [ ! -e "$folder/p11-kit-proxy.so" ] || {
            echo "$folder/p11-kit-proxy.so"
            return
        }
    done
}

through_proxy()
{
    run pkcs11-tool --module "$proxy" --token-label kit --login --pin $pin "$@"
}

proxy_lists()
{
    run pkcs11-tool --module "$proxy" -L && has 'token label +: kit$' &&
        through_proxy -O && has 'label: +rsa$' 'label: +ec$'
}

proxy_signs()
{
    through_proxy --sign --mechanism SHA256-RSA-PKCS --id 01 --input-file data \
        --output-file signature && verified rsa
}

proxy_makes_and_destroys()
{
    through_proxy --keypairgen --key-type EC:secp384r1 --id 0e --label gone &&
        through_proxy --delete-object --type privkey --id 0e &&
        through_proxy --delete-object --type pubkey --id 0e &&
        p11 -O && lacks 'label: +gone$'
}

# --- GnuTLS --------------------------------------------------------------------------------------

# gnutls ARGUMENTS...: on the token, logged in
gnutls()
{
    run p11tool --provider "$module" --login "$@" 'pkcs11:token=kit'
}

gnutls_lists()
{
    run p11tool --provider "$module" --list-tokens && has 'Label: kit$' 'Requires login' &&
        gnutls --list-all && has 'Private key \(RSA-2048\)' 'Public key \(EC/ECDSA-SECP256R1\)'
}

gnutls_mechanisms()
{
    run p11tool --provider "$module" --list-mechanisms 'pkcs11:token=kit' &&
        has 'CKM_RSA_PKCS ' 'CKM_ECDSA ' 'CKM_AES_GCM '
}

# gnutls_makes ID ALGORITHM OPTION: a key pair, which signs
gnutls_makes()
{
    id=$1
    gnutls --generate-privkey="$2" "$3" --id "$id" --label "made-$id" &&
        run p11tool --provider "$module" --login --test-sign \
            "pkcs11:token=kit;object=made-$id;type=private" &&
        has 'private key parameters\.\.\. ok' 'public key in the token\.\.\. ok'
}

gnutls_certificate()
{
    printf 'cn = "authority"\nca\ncert_signing_key\nexpiration_days = 2\n' >template
    run certtool --provider "$module" --generate-self-signed --template template \
        --load-privkey 'pkcs11:token=kit;object=rsa;type=private' \
        --load-pubkey 'pkcs11:token=kit;object=rsa;type=public' --outfile rsa.crt &&
        plain_openssl verify -CAfile rsa.crt rsa.crt && has ': OK$'
}

# Without certtool, any certificate will do.
a_certificate()
{
    [ -s rsa.crt ] || plain_openssl req -new -x509 -key given.pem -subj /CN=given -out rsa.crt
}

gnutls_writes()
{
    plain_openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out given.pem &&
        a_certificate &&
        gnutls --write --load-privkey given.pem --label given --id 0d &&
        gnutls --write --load-certificate rsa.crt --label rsa --id 01 &&
        gnutls --write --secret-key=000102030405060708090a0b0c0d0e0f --label secret --id 0c &&
        gnutls --list-all && has 'Label: given$' 'X.509 Certificate' 'Secret key'
}

gnutls_deletes()
{
    run p11tool --provider "$module" --login --batch --delete 'pkcs11:token=kit;object=given' &&
        gnutls --list-all && lacks 'Label: given$'
}

# --- libp11's engine -----------------------------------------------------------------------------

# An openssl.cnf with the engine on our module; "default" makes it the engine for everything, also
# for what the module itself does in the same process.
engine_conf()
{
    cat >"$1.cnf" <<END
openssl_conf = first
[first]
engines = all
[all]
pkcs11 = token
[token]
engine_id = pkcs11
MODULE_PATH = $module
PIN = $pin
$2
[req]
distinguished_name = nobody
[nobody]
END
}

with_engine()
{
    chosen=$1
    shift
    run env OPENSSL_CONF="$work/$chosen.cnf" "$@"
}

engine_signs()
{
    with_engine "$1" openssl dgst -engine pkcs11 -keyform engine -sha256 \
        -sign "pkcs11:token=kit;object=$2;type=private" -out signature data && verified "$2"
}

engine_certifies()
{
    with_engine "$1" openssl req -engine pkcs11 -keyform engine -new -x509 -subj /CN=engine \
        -key 'pkcs11:token=kit;object=rsa;type=private' -out engine.crt &&
        plain_openssl verify -CAfile engine.crt engine.crt && has ': OK$'
}

engine_decrypts()
{
    plain_openssl pkeyutl -encrypt -pubin -inkey rsa.pub -in data -out hidden &&
        with_engine "$1" openssl pkeyutl -engine pkcs11 -keyform engine -decrypt \
            -inkey 'pkcs11:token=kit;object=rsa;type=private' -in hidden -out shown &&
        same data shown
}

beside_engine()
{
    with_engine "$chosen" pkcs11-tool --module "$module" --token-label kit --login --pin $pin "$@"
}

# A program that uses the module directly, with that engine in its OpenSSL.
beside_engine_signs()
{
    chosen=$1
    beside_engine --sign --mechanism SHA256-RSA-PKCS --id 01 --input-file data \
        --output-file signature && verified rsa &&
        beside_engine --sign --mechanism ECDSA-SHA256 --signature-format openssl --id 02 \
            --input-file data --output-file signature && verified ec
}

beside_engine_pss()
{
    chosen=$1
    beside_engine --sign --mechanism SHA256-RSA-PKCS-PSS --id 01 --input-file data \
        --output-file signature &&
        plain_openssl dgst -sha256 -sigopt rsa_padding_mode:pss -verify rsa.pub \
            -signature signature data
}

beside_engine_decrypts()
{
    chosen=$1
    plain_openssl pkeyutl -encrypt -pubin -inkey rsa.pub -in data -out hidden \
        -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 &&
        beside_engine --decrypt --mechanism RSA-PKCS-OAEP --hash-algorithm SHA256 --id 01 \
            --input-file hidden --output-file shown && same data shown
}

beside_engine_derives()
{
    chosen=$1
    plain_openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out peer.pem &&
        plain_openssl pkey -in peer.pem -pubout -outform DER -out peer.der &&
        plain_openssl pkeyutl -derive -inkey peer.pem -peerkey ec.pub -out theirs &&
        beside_engine --derive --mechanism ECDH1-DERIVE --id 02 --input-file peer.der \
            --output-file ours && same ours theirs
}

beside_engine_makes_keys()
{
    chosen=$1
    for type in rsa:2048 EC:secp384r1 EC:edwards25519; do
        beside_engine --keypairgen --key-type $type --id 0f --label gone &&
            beside_engine --delete-object --type privkey --id 0f &&
            beside_engine --delete-object --type pubkey --id 0f || return 1
    done
}

# -------------------------------------------------------------------------------------------------

echo 'data of this test' >data
client p11-kit "$(dpkg-query -W -f='${Version}' p11-kit 2>/dev/null || echo -)"
check 'a token' make_token
check 'key pairs' make_keys
check 'the RSA public key' export_rsa_key
check 'the EC public key' export_ec_key

stuck=
if ! command -v p11-kit >/dev/null 2>&1; then
    skip 'p11-kit list-modules' 'p11-kit is not installed'
elif kit_ends; then
    check 'p11-kit list-modules' list_modules
else
    stuck='p11-kit does not end under the sanitizer, even without a module'
    skip 'p11-kit list-modules' "$stuck"
fi
proxy=$(kit_proxy)
if [ -n "$proxy" ]; then
    check 'p11-kit-proxy lists' proxy_lists
    check 'p11-kit-proxy signs' proxy_signs
    check 'p11-kit-proxy makes and destroys a pair' proxy_makes_and_destroys
else
    skip 'p11-kit-proxy' 'p11-kit-proxy.so is not installed'
fi

if command -v p11tool >/dev/null 2>&1; then
    client GnuTLS "$(p11tool --version | sed -n '1s/.* //p')"
    check 'p11tool lists' gnutls_lists
    check 'p11tool lists mechanisms' gnutls_mechanisms
    check 'p11tool makes an RSA pair' gnutls_makes 0a rsa --bits=2048
    check 'p11tool makes an EC pair' gnutls_makes 0b ecdsa --curve=secp256r1
    if [ -z "$stuck" ]; then
        check 'certtool signs with the token' gnutls_certificate
    else
        skip 'certtool signs with the token' "$stuck"
    fi
    check 'p11tool writes a key, a certificate, a secret' gnutls_writes
    check 'p11tool deletes' gnutls_deletes
else
    skip 'p11tool' 'gnutls-bin is not installed'
fi

engines=$(openssl version -e 2>/dev/null | sed -n 's/^ENGINESDIR: "\(.*\)"$/\1/p')
client libp11 "$(dpkg-query -W -f='${Version}' libengine-pkcs11-openssl 2>/dev/null || echo -)"
if [ -n "$engines" ] && [ -e "$engines/pkcs11.so" ]; then
    engine_conf asked 'init = 0'
    engine_conf default 'default_algorithms = ALL'
    for conf in asked default; do
        check "engine signs with RSA, $conf" engine_signs $conf rsa
        check "engine signs with EC, $conf" engine_signs $conf ec
        check "engine certifies, $conf" engine_certifies $conf
        check "engine decrypts, $conf" engine_decrypts $conf
        check "beside the engine: signatures, $conf" beside_engine_signs $conf
        check "beside the engine: PSS, $conf" beside_engine_pss $conf
        check "beside the engine: OAEP, $conf" beside_engine_decrypts $conf
        check "beside the engine: new pairs, $conf" beside_engine_makes_keys $conf
    done
    # With the engine for everything pkcs11-tool itself can't read the other side's key.
    check 'beside the engine: ECDH, asked' beside_engine_derives asked
else
    skip 'engine' 'libengine-pkcs11-openssl is not installed'
fi
plan_done
