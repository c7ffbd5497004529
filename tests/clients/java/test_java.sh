#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Java's SunPKCS11: the secrets and keys of TLS in the token (Tls.java says what is done). Skipped
# where there is no Java compiler.
#
# Usage: test_java.sh MODULE SOFTHSM2-UTIL
set -u
module=$(realpath "$1")
util=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
make_work_folder

need javac keytool
client SunPKCS11 "$(java --version | sed -n '1s/^[a-z]* \([^ ]*\).*/\1/p')"

pin=1234567
cat >java.cfg <<END
name = Keykist
library = $module
slotListIndex = 0
attributes = compatibility
END
exports=
for package in spec interfaces; do
    exports="$exports --add-exports java.base/sun.security.internal.$package=ALL-UNNAMED"
done

prepare()
{
    "$util" --module "$module" --init-token --free --label java --pin $pin --so-pin $pin &&
        plain keytool -genkeypair -keystore server.p12 -storetype PKCS12 -storepass $pin -alias server \
            -keyalg RSA -keysize 2048 -dname CN=localhost &&
        plain javac -nowarn -d . $exports "$here/Tls.java"
}

if ! prepare >out 2>&1; then
    sed 's/^/# /' out
    echo 'Bail out! no token, no key for the server, or no program'
    exit 99
fi
plain java $exports -cp . Tls java.cfg $pin server.p12
