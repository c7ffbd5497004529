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
# What SoftHSM cannot do is left out for what calls itself SoftHSM, or 2.6: ours is to do it.
sed -i 's/manufacturer.startswith("SoftHSM")/manufacturer.startswith("SoftHSM itself")/; s/SoftHSMversion <= (2, 6)/SoftHSMversion <= (2, 5)/' test/*.py
: >test/__init__.py

suite()
{
    PYKCS11LIB=$module timeout 600 "$python" "$here/unittest_results.py" test results >out 2>&1 &&
        some results 85
}

cp "$here/skip-pykcs11.txt" skips
case $(openssl_of_module) in
3.0 | 3.1) cat "$here/skip-pykcs11-openssl-3.1.txt" >>skips ;;
esac

check 'its test suite runs to its end' suite
results results skips
[ "$failures" -eq 0 ] || sed 's/^/#   /' out
plan_done
