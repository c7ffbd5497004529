#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# XiPKI's ipkcs11wrapper, which is the IAIK PKCS#11 wrapper (Wrapper.java says what is done). It comes from Maven Central.
#
# Usage: test_xipki.sh MODULE SOFTHSM2-UTIL
set -u
module=$(realpath "$1")
util=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
make_work_folder
need javac mvn

pin=1234567
version=1.0.9
slf4j=1.7.36

if ! plain "$util" --module "$module" --init-token --free --label java --pin $pin --so-pin $pin >out 2>&1; then
    sed 's/^/# /' out
    echo 'Bail out! no token'
    exit 99
fi
client 'xipki ipkcs11wrapper (IAIK)' $version

# fetch ARTIFACT: into the work folder; what Maven keeps of it is in its own cache.
fetch()
{
    timeout 300 mvn -q -B dependency:copy -Dartifact="$1" -DoutputDirectory="$work/jars" >out 2>&1
}

if ! fetch org.xipki:ipkcs11wrapper:$version || ! fetch org.slf4j:slf4j-api:$slf4j; then
    sed 's/^/# /' out
    cannot_run 'Maven Central does not answer'
fi
: >why
if ! plain javac -nowarn -cp 'jars/*' -d classes "$here/../java/Tap.java" "$here/Wrapper.java" >out 2>&1; then
    sed 's/^/# /' out
    echo 'Bail out! the program does not compile'
    exit 99
fi
plain java -Djava.io.tmpdir="$work" -cp 'classes:jars/*' Wrapper "$module" $pin >out 2>&1
status=$?
grep -E '^(ok|not ok|#|1\.\.)' out
exit $status
