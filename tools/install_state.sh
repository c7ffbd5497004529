#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Usage: install_state.sh CONFIG-FOLDER TOKEN-FOLDER TOKEN-FOLDER-AS-CONFIGURED
# What Meson does not install: a first softhsm2.conf, where there is none, and the folder that
# tokens live in. As root, the folder belongs to a group named softhsm, as SoftHSM's package has it:
# whoever is in that group can use the tokens. The group is made on this machine only, not when the
# token folder lies below a DESTDIR.
set -eu
confdir=$1
tokendir=$2
configured=$3
here=$(cd "$(dirname "$0")" && pwd)

if [ ! -e "$confdir/softhsm2.conf" ]; then
    mkdir -p "$confdir"
    sed "s|@TOKENDIR@|${configured%/}/|" "$here/../packaging/softhsm2.conf" >"$confdir/softhsm2.conf.new"
    chmod 0644 "$confdir/softhsm2.conf.new"
    mv "$confdir/softhsm2.conf.new" "$confdir/softhsm2.conf"
    echo "Installed $confdir/softhsm2.conf"
fi

if [ ! -d "$tokendir" ]; then
    mkdir -p "$tokendir"
    if [ "$(id -u)" -eq 0 ] && [ "$tokendir" = "$configured" ] && ! getent group softhsm >/dev/null; then
        groupadd --system softhsm
        echo "Made the group softhsm"
    fi
    if [ "$(id -u)" -eq 0 ] && getent group softhsm >/dev/null; then
        chgrp softhsm "$tokendir"
        chmod 2770 "$tokendir"
    else
        chmod 0700 "$tokendir"
    fi
    echo "Made $tokendir"
fi
