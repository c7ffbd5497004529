#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The conformance runner, in the chapters that policies touch, with mechanisms.policy: policy.sh CONFORMANCE MODULE POLICY EXPECTED. `fips` is
# skipped (77) where OpenSSL's FIPS provider is not installed (in the place of OPENSSL_MODULES, or the
# usual one).
set -eu

conf=$(mktemp "${TMPDIR:-/tmp}/policy.XXXXXX")
trap 'rm -f "$conf" "$conf.cnf" "$conf.log"' EXIT
trap 'exit 129' HUP INT TERM

if [ "$3" = fips ]; then
    modules=${OPENSSL_MODULES:-$(openssl version -m | sed -n 's/.*"\(.*\)".*/\1/p')}
    if [ ! -e "$modules/fips.so" ]; then
        echo "OpenSSL's FIPS provider is not installed"
        exit 77
    fi
    openssl fipsinstall -module "$modules/fips.so" -out "$conf.cnf" >"$conf.log" 2>&1 || {
        cat "$conf.log"
        exit 1
    }
    echo "mechanisms.fips_config = $conf.cnf" >>"$conf"
    echo "mechanisms.fips_certificate = 1" >>"$conf"
fi
echo "mechanisms.policy = $3" >>"$conf"
chapters=general,slots,mechanisms,tokens,sessions,login,objects,attributes,find,keygen,keypair,digest,sign,verify,signature
chapters=$chapters,cipher,encrypt,rsacrypt,dual,messages,state,usage,wrap,wrapauth,derive,kdf,groups,kem,lattice,templates
chapters=$chapters,interop,random,features,chaos
CONFORMANCE_BACKEND=sqlite CONFORMANCE_CONF=$conf "$(dirname "$0")/run.sh" "$1" --module "$2" --only "$chapters" \
    --expected "$4"
