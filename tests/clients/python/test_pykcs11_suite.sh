#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# PyKCS11: the tests of its own source archive. They use the first slot, the PINs 1234 and 123456 and a
# copy of the module in another folder.
#
# Usage: test_pykcs11_suite.sh MODULE SOFTHSM2-UTIL CACHE-FOLDER
set -u
module=$(realpath "$1")
util=$(realpath "$2")
cache=$3
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../languages.sh"
. "$here/venv.sh"
need_python PyKCS11
need_sdist PyKCS11
make_work_folder
client PyKCS11-suite "$(version_of PyKCS11)"

new_token suite 1234 123456
cp -R "$cache/sdist-PyKCS11/test" .
: >test/__init__.py

suite()
{
    PYKCS11LIB=$module timeout 600 "$python" "$here/unittest_results.py" test results >out 2>&1 &&
        some results 85
}

# Ed448 with a context or a prehash is there from OpenSSL 3.2 on: which one the module has, ldd tells.
cp "$here/skip-pykcs11.txt" skips
library=$(ldd "$module" | sed -n 's/.*=> \([^ ]*libcrypto[^ ]*\).*/\1/p')
case $(strings -n 8 "${library:-/dev/null}" 2>/dev/null | sed -n 's/^OpenSSL \(3\.[01]\)\..*/\1/p' | head -n 1) in
3.0 | 3.1)
    printf 'test.test_asymetric_ECC.TestEDDSA.test_sign_text\t%s\n' \
        'Ed448 with a context or prehash needs OpenSSL 3.2 (docs/status.md)' >>skips
    ;;
esac

check 'its test suite runs to its end' suite
results results skips
[ "$failures" -eq 0 ] || sed 's/^/#   /' out
plan_done
