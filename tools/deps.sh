#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Usage: deps.sh [cov] [ci] [python] [clients] [clients-all]
# Installs what building and testing need with apt-get, and says what. Does nothing when all of it
# is there. Works on Debian 12 and 13 and on Ubuntu 22.04 and newer; elsewhere it names what is
# missing and stops.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)

build_packages='gcc libc6-dev meson ninja-build pkg-config libssl-dev libsqlite3-dev libsodium-dev'
test_packages='libcmocka-dev opensc openssl expect python3 python3-venv'
# What is built and tested where the release has it: the TPM plug-in and its tests; OpenSSL's FIPS provider; programs that meet
# the module in tests; what counts instructions; what makes the man pages. Without one its test is skipped.
client_packages='libtss2-dev swtpm bind9-utils openssl-provider-fips pkcs11-provider libengine-pkcs11-openssl p11-kit p11-kit-modules gnutls-bin valgrind scdoc'
# For CI only: a second compiler, SoftHSM itself to test the tests with, a way to make other
# releases' folders.
ci_packages='clang clang-format-19 shellcheck softhsm2 debootstrap ca-certificates git universal-ctags'
cov_packages='gcovr'
# What `make check-clients` may not skip, and what only `make check-clients-all` runs. A language that is
# there already, from elsewhere, is not installed again: words "PROGRAM=PACKAGE".
core_clients='go=golang-go node=nodejs npm=npm javac=default-jdk-headless named=bind9 delv=bind9-dnsutils ldns-verify-zone=ldnsutils'
all_clients='knotd=knot kzonesign=knot-dnssecutils ods-hsmutil=libhsm-bin ods-signerd=opendnssec-signer ods-enforcerd=opendnssec-enforcer-sqlite3 apache2=apache2-bin pdnsutil=pdns-server nginx=nginx-light curl=curl osslsigncode=osslsigncode cargo=cargo sshd=openssh-server certutil=libnss3-tools pki=strongswan-pki gpgsm=gpgsm gnupg-pkcs11-scd=gnupg-pkcs11-scd openvpn=openvpn stunnel=stunnel4 certtool=gnutls-bin krb5kdc=krb5-kdc kadmin.local=krb5-admin-server kinit=krb5-user mvn=maven'
# Plug-ins of programs are no programs: with whatever comes along.
all_plugins='krb5-pkinit pdns-backend-sqlite3 libstrongswan-standard-plugins libstrongswan-extra-plugins'
# Only where PyPI does not answer.
python_packages='python3-pykcs11'

# unless_there PROGRAM=PACKAGE...: the packages of those programs that are not there.
unless_there()
{
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null 2>&1 || printf ' %s' "${pair#*=}"
    done
}

packages="$build_packages $test_packages"
# shellcheck disable=SC2086 # one word per client is meant
for group in "$@"; do
    case $group in
    ci) packages="$packages $ci_packages" ;;
    cov) packages="$packages $cov_packages" ;;
    python) packages="$packages $python_packages" ;;
    clients) client_packages="$client_packages$(unless_there $core_clients)" ;;
    clients-all) client_packages="$client_packages$(unless_there $all_clients) $all_plugins" ;;
    *)
        echo "deps.sh: unknown group '$group'" >&2
        exit 2
        ;;
    esac
done

# On other systems: the programs and libraries must be there already.
require_without_apt()
{
    missing=
    for program in cc meson ninja pkg-config pkcs11-tool openssl python3; do
        command -v $program >/dev/null 2>&1 || missing="$missing $program"
    done
    for library in libcrypto sqlite3 libsodium cmocka; do
        pkg-config --exists $library 2>/dev/null || missing="$missing $library"
    done
    if [ -n "$missing" ]; then
        echo "This is not Debian or Ubuntu. Please install:$missing" >&2
        exit 1
    fi
}

# missing_packages NAME...: those that are not installed
missing_packages()
{
    for package in "$@"; do
        state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$state" = installed ] || printf ' %s' "$package"
    done
}

as_root()
{
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        echo "Not root, and there is no sudo. As root, please run: $*" >&2
        exit 1
    fi
}

# Meson 1.0 comes with Debian 12; what is older is complemented from PyPI, inside the tree.
meson_is_old_enough_to_replace()
{
    version=$(meson --version 2>/dev/null || echo 0)
    [ "${version%%.*}" -lt 1 ]
}

if ! command -v apt-get >/dev/null 2>&1; then
    require_without_apt
    exit 0
fi

install_packages()
{
    echo "Installing with apt-get: $*"
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends "$@"
}

# Those of the names that this release has.
known_packages()
{
    for package in "$@"; do
        [ -z "$(apt-cache madison "$package" 2>/dev/null)" ] || printf ' %s' "$package"
    done
}

# shellcheck disable=SC2086 # one word per package is meant, here and below
missing=$(missing_packages $packages)
if [ -n "$missing" ]; then
    as_root apt-get -q update
    # shellcheck disable=SC2086
    install_packages $missing
fi

# shellcheck disable=SC2046,SC2086
missing=$(known_packages $(missing_packages $client_packages))
if [ -n "$missing" ]; then
    # shellcheck disable=SC2086
    install_packages $missing || echo "Tests with these will be skipped:$missing"
fi

if meson_is_old_enough_to_replace && [ ! -x "$top/build-meson/bin/meson" ]; then
    echo "Installing Meson 1.x from PyPI into build-meson/ (this system's is too old)"
    python3 -m venv "$top/build-meson"
    "$top/build-meson/bin/pip" install --quiet 'meson>=1.0,<2'
fi
