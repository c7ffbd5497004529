#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The packages as an administrator meets them, in a Debian that may be thrown away afterwards: needs
# root, apt-get and its archive, and changes the system that it runs on. tests/packages/run.sh makes
# such a system and calls this in it.
#
# Usage: inside.sh FOLDER-WITH-PACKAGES
# TAP on standard output. Three parts: Keykist installed over SoftHSM, and back; a fresh installation;
# a user that nobody knows.
set -u
debs=$(cd "${1:?a folder with packages}" && pwd)
top=$(cd "$(dirname "$0")/../.." && pwd)
conf=/etc/softhsm/softhsm2.conf
tokens=/var/lib/softhsm/tokens
short=/usr/lib/softhsm/libsofthsm2.so
work=$(mktemp -d /tmp/keykist-packages.XXXXXX) || exit 99
chmod 0755 "$work"
trap 'rm -rf "$work"' EXIT
export DEBIAN_FRONTEND=noninteractive
number=0
failures=0

check()
{
    name=$1
    shift
    number=$((number + 1))
    if "$@" >"$work/out" 2>&1 </dev/null; then
        echo "ok $number - $name"
    else
        failures=$((failures + 1))
        echo "not ok $number - $name"
        tail -n 40 "$work/out" | sed 's/^/#   /'
    fi
}

apt()
{
    apt-get -q -y -o Dpkg::Use-Pty=0 "$@"
}

install_ours()
{
    # shellcheck disable=SC2046 # one word per package
    apt install --no-install-recommends $(ls "$debs"/keykist_*.deb "$debs"/libkeykist_*.deb "$debs"/keykist-softhsm2_*.deb "$debs"/libkeykist-dev_*.deb)
}

status()
{
    dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null
}

# are STATE PACKAGE...
are()
{
    state=$1
    shift
    for package in "$@"; do
        [ "$(status "$package")" = "$state" ] || { echo "$package is $(status "$package")"; return 1; }
    done
}

# modes PATH...: as SoftHSM's package has them.
modes_are_right()
{
    stat -c '%a %U:%G %n' /etc/softhsm $conf /var/lib/softhsm $tokens | tee "$work/modes"
    diff - "$work/modes" <<END
750 root:softhsm /etc/softhsm
640 root:softhsm $conf
2770 root:softhsm /var/lib/softhsm
2770 root:softhsm $tokens
END
}

# ---- keys ----

tool()
{
    module=$1
    shift
    pkcs11-tool --module "$module" --token-label made-by-softhsm --login --pin 1234 "$@"
}

make_token_and_keys()
{
    softhsm2-util --init-token --free --label made-by-softhsm --pin 1234 --so-pin 12345678 &&
        tool $short --keypairgen --key-type rsa:2048 --label rsa --id 01 &&
        tool $short --keypairgen --key-type EC:prime256v1 --label ec --id 02 &&
        tool $short --read-object --type pubkey --id 01 --output-file "$work/rsa.der" &&
        tool $short --read-object --type pubkey --id 02 --output-file "$work/ec.der"
}

# The signatures are checked by OpenSSL, with the public keys that SoftHSM gave out.
keys_sign()
{
    for module in $short "$long"; do
        date >"$work/data"
        openssl dgst -sha256 -binary -out "$work/hash" "$work/data"
        rm -f "$work"/*.sig
        tool "$module" --sign --id 01 --mechanism SHA256-RSA-PKCS --input-file "$work/data" --output-file "$work/rsa.sig" &&
            openssl dgst -sha256 -verify "$work/rsa.der" -keyform DER -signature "$work/rsa.sig" "$work/data" &&
            tool "$module" --sign --id 02 --mechanism ECDSA --signature-format openssl \
                --input-file "$work/hash" --output-file "$work/ec.sig" &&
            openssl dgst -sha256 -verify "$work/ec.der" -keyform DER -signature "$work/ec.sig" "$work/data" || return 1
    done
}

as_member()
{
    setpriv --reuid member --regid member --init-groups env HOME=/nonexistent "$@"
}

member_makes_token()
{
    as_member softhsm2-util --init-token --free --label "$1" --pin 4321 --so-pin 12345678 &&
        as_member pkcs11-tool --module $short --token-label "$1" --login --pin 4321 --keypairgen --key-type EC:prime256v1 \
            --label key --id 07
}

member_signs()
{
    date >"$work/data"
    chmod 0644 "$work/data"
    as_member pkcs11-tool --module $short --token-label "$1" --login --pin 4321 --sign --id 07 --mechanism ECDSA \
        --input-file "$work/data" --output-file /dev/null
}

module_is()
{
    [ "$(as_member pkcs11-tool --module $short --show-info | sed -n 's/^Cryptoki version *//p')" = "$1" ]
}

# ---- the configuration ----

admin_changes()
{
    printf '# the administrator was here\nlog.level = INFO\n' >>$conf
    cp -p $conf "$work/admin.conf"
    useradd --no-create-home --groups softhsm member
    getent group softhsm >"$work/group"
}

# Nothing asked: where ucf wanted to and could not, it left a file.
admin_has_changes()
{
    cmp "$work/admin.conf" $conf && ! ls $conf.* 2>/dev/null
}

group_is_as_before()
{
    getent group softhsm | diff "$work/group" -
}

# ---- part one: over SoftHSM, and back ----

over_softhsm()
{
    check "SoftHSM is installed" apt install --no-install-recommends softhsm2
    check "the administrator changes its configuration" admin_changes
    check "SoftHSM makes a token and keys" make_token_and_keys
    check "a member of the group makes a token of his own" member_makes_token member-softhsm
    check "Keykist is installed over it" install_ours
    check "SoftHSM's packages are gone" are config-files softhsm2-common
    check "Keykist's are there" are installed keykist libkeykist keykist-softhsm2
    check "programs find Keykist where SoftHSM was" cmp "/usr/lib/$triplet/pkcs11/libkeykist.so" $short
    check "the configuration is as it was" admin_has_changes
    check "folders and configuration have their modes" modes_are_right
    check "the same keys sign, through both paths" keys_sign
    check "the member's key signs" member_signs member-softhsm
}

# SoftHSM's purge, at a time when its configuration is Keykist's, and then SoftHSM again: ucf, which has
# forgotten the file, keeps it or asks.
purge_under_keykist()
{
    check "Keykist is installed over it once more" install_ours
    check "the configuration is what it was" admin_has_changes
    check "SoftHSM's packages can be purged under Keykist" dpkg --purge softhsm2-common softhsm2 libsofthsm2
    check "the configuration is still as it was" admin_has_changes
    check "the group has its number and its members" group_is_as_before
    check "folders and configuration still have their modes" modes_are_right
    check "the same keys sign after the purge" keys_sign
    check "the member's key signs after the purge" member_signs member-softhsm
    check "SoftHSM comes back after its purge" apt install --no-install-recommends softhsm2
    check "to the administrator's configuration" cmp "$work/admin.conf" $conf
    check "and the keys sign with it" keys_sign
    check "SoftHSM can be purged" apt purge softhsm2 softhsm2-common libsofthsm2
    check "tokens are left" test -n "$(ls $tokens)"
}

and_back()
{
    check "SoftHSM can be installed again" apt install --no-install-recommends softhsm2
    check "it takes keykist-softhsm2's place" are installed softhsm2 softhsm2-common libsofthsm2 libkeykist
    check "programs find SoftHSM again" grep -q libstdc++ $short
    check "the configuration has the administrator's changes" admin_has_changes
    check "the same keys sign with SoftHSM" keys_sign
    check "the member's key signs with SoftHSM" member_signs member-softhsm
    check "what is left of Keykist can be purged" apt purge keykist-softhsm2 keykist libkeykist
    check "the configuration stays SoftHSM's" admin_has_changes
    check "the keys still sign" keys_sign
}

# ---- part two: on a system that had none ----

is_our_configuration()
{
    sed "s|@TOKENDIR@|$tokens/|" "$top/packaging/softhsm2.conf" | cmp - $conf
}

nobody_cannot_read()
{
    ! setpriv --reuid 65534 --regid 65534 --clear-groups cat $conf &&
        ! setpriv --reuid 65534 --regid 65534 --clear-groups ls $tokens
}

p11kit_finds_it()
{
    p11-kit list-modules | tee "$work/modules" | grep -E '^(module: )?keykist' && grep libkeykist.so "$work/modules"
}

# The link leads to where the package is; nothing lies there that is only in the build's folder.
tpm_plugin_is_whole()
{
    # shellcheck disable=SC2046 # one word per package
    apt install $(dpkg-query -W -f '${Recommends}' libkeykist | tr , '\n' | grep -o 'libtss2-[^ ]*') &&
        ldd "/usr/lib/$triplet/keykist/libkeykist-tpm2.so" | tee "$work/ldd" && ! grep 'not found' "$work/ldd"
}

softhsm_follows()
{
    apt install --no-install-recommends softhsm2 && cmp /usr/share/softhsm/softhsm2.conf $conf && ! ls $conf.* 2>/dev/null
}

softhsm_makes_token()
{
    softhsm2-util --init-token --free --label after --pin 1234 --so-pin 12345678 && softhsm2-util --show-slots | grep 'Label: *after'
}

is_gone()
{
    for place in /etc/softhsm /var/lib/keykist /usr/share/keykist /usr/lib/softhsm "/usr/lib/$triplet/keykist"; do
        [ ! -e "$place" ] || { find "$place"; return 1; }
    done
}

fresh()
{
    rm -rf ${tokens:?}/*
    groupdel softhsm 2>/dev/null
    check "Keykist is installed on a system that had none" install_ours
    usermod --append --groups softhsm member 2>/dev/null || useradd --no-create-home --groups softhsm member
    check "its configuration is there" is_our_configuration
    check "folders and configuration of a fresh installation" modes_are_right
    check "who is not in the group reads none of it" nobody_cannot_read
    check "a member of the group makes a sealed token" member_makes_token member-sealed
    check "and signs with it" member_signs member-sealed
    check "it is a sealed one" as_member sh -c 'keykist token list | grep "member-sealed.*sealed"'
    check "the module says 3.2" module_is 3.2
    check "p11-kit finds the module" p11kit_finds_it
    check "the TPM plug-in is whole with what is recommended" tpm_plugin_is_whole
    check "keykist doctor has nothing against it" keykist doctor
    check "keykist bench finds the benchmark" keykist bench --list
    check "the packages' test: the walkthrough" sh -c "cd '$top' && packaging/debian/tests/walkthrough"
    check "the packages' test: development" sh -c "cd '$top' && packaging/debian/tests/development"
}

# In containers: no name, no home, any number.
unknown()
{
    setpriv --reuid 54321 --regid 0 --clear-groups env -i PATH="$PATH" SOFTHSM2_CONF="$work/unknown.conf" "$@"
}

unknown_user_signs()
{
    mkdir -m 0770 "$work/unknown" && echo "directories.tokendir = $work/unknown" >"$work/unknown.conf" &&
        unknown softhsm2-util --init-token --free --label u --pin 1234 --so-pin 12345678 &&
        unknown pkcs11-tool --module $short --token-label u --login --pin 1234 --keypairgen --key-type EC:prime256v1 --id 07 &&
        date >"$work/data" && chmod 0644 "$work/data" &&
        unknown pkcs11-tool --module $short --token-label u --login --pin 1234 --sign --id 07 --mechanism ECDSA-SHA256 \
            --input-file "$work/data" --output-file /dev/null &&
        unknown keykist token check --token u --pin 1234
}

and_away()
{
    check "a user without a name and a home signs" unknown_user_signs
    check "SoftHSM follows on a fresh Keykist, with its own configuration" softhsm_follows
    check "and works beside the sealed token" softhsm_makes_token
    check "and Keykist comes again" install_ours
    check "with the sealed token" member_signs member-sealed
    check "everything is purged" apt purge keykist keykist-softhsm2 libkeykist libkeykist-dev softhsm2-common softhsm2 libsofthsm2
    check "nothing is left" is_gone
    check "but the tokens" test -n "$(ls $tokens)"
}

check "clients are installed" apt install --no-install-recommends opensc openssl p11-kit p11-kit-modules python3 python3-pykcs11 \
    gcc libc6-dev pkgconf dpkg-dev
triplet=$(dpkg-architecture -q DEB_HOST_MULTIARCH)
long=/usr/lib/$triplet/softhsm/libsofthsm2.so
over_softhsm
and_back
purge_under_keykist
fresh
and_away
echo "1..$number"
[ "$failures" -eq 0 ]
