#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Folders with a fresh Debian (or Ubuntu) in them, to build and test in. Needs root.
#
# release_folder.sh make SUITE FOLDER   a minimal system, with make, git and certificates only
# release_folder.sh enter FOLDER COMMAND...   run a command in it, as root
# release_folder.sh remove FOLDER
#
# Packages come from where this machine gets its own: mirror, proxy and certificate authorities are
# read from its settings. MIRROR=... names another mirror (for Ubuntu on Debian and the reverse).
# ARCH=i386 makes a folder of another architecture, one whose programs this machine can run.
# What was bootstrapped is kept below ${KEYKIST_CACHE:-/var/cache/keykist-ci} and copied next time.
set -eu
cache=${KEYKIST_CACHE:-/var/cache/keykist-ci}
arch=${ARCH:-}

this_machines_mirror()
{
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        grep -v security | head -n 1
}

apt_proxy()
{
    apt-config shell proxy Acquire::http::Proxy 2>/dev/null | sed -n "s/^proxy='\\(.*\\)'\$/\\1/p"
}

bootstrap()
{
    suite=$1
    mirror=${MIRROR:-$(this_machines_mirror)}
    made=$cache/$suite${arch:+-$arch}
    rm -rf "$made.part"
    mkdir -p "$cache"
    proxy=$(apt_proxy)
    [ -z "$proxy" ] || export http_proxy="$proxy"
    script=/usr/share/debootstrap/scripts/$suite
    [ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
    if ! debootstrap ${arch:+"--arch=$arch"} --variant=minbase --include=make,git,ca-certificates \
        "$suite" "$made.part" "${mirror%/}" "$script" >"$made.log" 2>&1; then
        tail -n 20 "$made.log" >&2
        return 1
    fi
    # Ubuntu keeps much of what we need (meson, ninja, softhsm2) outside main.
    case $(sed -n 's/^ID=//p' "$made.part/etc/os-release") in
    ubuntu) sed -i 's/ main$/ main universe/' "$made.part/etc/apt/sources.list" ;;
    esac
    mv "$made.part" "$made"
}

# The way to the network, as this machine has it.
copy_network_settings()
{
    folder=$1
    cp -L /etc/resolv.conf "$folder/etc/resolv.conf"
    apt-config dump | grep -E '^Acquire::(https?|Check|ForceIPv|Retries)' \
        >"$folder/etc/apt/apt.conf.d/90machine" || true
    [ ! -f /etc/pip.conf ] || cp /etc/pip.conf "$folder/etc/pip.conf"
    if ls /usr/local/share/ca-certificates/*.crt >/dev/null 2>&1; then
        mkdir -p "$folder/usr/local/share/ca-certificates"
        cp /usr/local/share/ca-certificates/*.crt "$folder/usr/local/share/ca-certificates/"
        chroot "$folder" update-ca-certificates >/dev/null 2>&1
    fi
}

mount_kernel_folders()
{
    mountpoint -q "$1/proc" || mount -t proc proc "$1/proc"
    if ! mountpoint -q "$1/dev"; then
        mount --rbind /dev "$1/dev"
        mount --make-rslave "$1/dev"
    fi
}

unmount_kernel_folders()
{
    if mountpoint -q "$1/dev"; then
        umount -R -l "$1/dev"
    fi
    if mountpoint -q "$1/proc"; then
        umount -l "$1/proc"
    fi
}

remove_folder()
{
    [ -d "$1" ] || return 0
    unmount_kernel_folders "$1"
    rm -rf --one-file-system "$1"
}

make_folder()
{
    suite=$1
    folder=$2
    made=$cache/$suite${arch:+-$arch}
    [ -d "$made" ] || bootstrap "$suite"
    remove_folder "$folder"
    mkdir -p "$(dirname "$folder")"
    cp -a --reflink=auto "$made" "$folder"
    copy_network_settings "$folder"
    mount_kernel_folders "$folder"
}

enter_folder()
{
    folder=$1
    shift
    mount_kernel_folders "$folder"
    chroot "$folder" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        ${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} \
        ${no_proxy:+"no_proxy=$no_proxy"} ${PIP_INDEX_URL:+"PIP_INDEX_URL=$PIP_INDEX_URL"} \
        SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
        PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
        "$@"
}

[ "$(id -u)" -eq 0 ] || { echo "release_folder.sh: needs root" >&2; exit 1; }
action=${1:?make, enter or remove}
shift
case $action in
make) make_folder "$@" ;;
enter) enter_folder "$@" ;;
remove) remove_folder "$@" ;;
*) echo "release_folder.sh: unknown action $action" >&2; exit 2 ;;
esac
