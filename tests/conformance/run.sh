#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Runs the conformance runner in an empty environment of its own, which is removed afterwards.
#   run.sh [CONFORMANCE] --module PATH [options of the runner]
# CONFORMANCE is the runner's path; by default it is looked for beside this script and in PATH.
set -eu

runner=conformance
case "${1-}" in
    -*|'') [ -x "$(dirname "$0")/conformance" ] && runner="$(dirname "$0")/conformance" ;;
    *) runner=$1; shift ;;
esac

home=$(mktemp -d "${TMPDIR:-/tmp}/conformance.XXXXXX")
trap 'rm -rf "$home"' EXIT
trap 'exit 129' HUP INT TERM
mkdir -m 0700 "$home/tokens"
# pin.kdf is Keykist's: SoftHSM warns about the key in its log and goes on.
cat > "$home/softhsm2.conf" <<CONF
directories.tokendir = $home/tokens/
objectstore.backend = ${CONFORMANCE_BACKEND:-file}
log.level = ERROR
slots.removable = false
pin.kdf = test
CONF
if [ -n "${CONFORMANCE_CONF-}" ]; then
    cat "$CONFORMANCE_CONF" >> "$home/softhsm2.conf"
fi

SOFTHSM2_CONF=$home/softhsm2.conf HOME=$home "$runner" "$@"
