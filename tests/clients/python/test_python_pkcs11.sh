#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# python-pkcs11: the tests of its own source archive, then the walkthrough of examples/intro-to-soft-hsm
# with it. Seven of the suite's tests run only where the module's file is named libsofthsm2.so, and none
# only elsewhere: so it is given that name.
#
# Usage: test_python_pkcs11.sh MODULE SOFTHSM2-UTIL CACHE-FOLDER
set -u
module=$(realpath "$1")
util=$(realpath "$2")
cache=$3
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../languages.sh"
. "$here/venv.sh"
need_python python-pkcs11
need_sdist python-pkcs11
make_work_folder
client python-pkcs11 "$(version_of python-pkcs11)"

new_token suite 1234 5678
cp -R "$cache/sdist-python-pkcs11/tests" .
ln -s "$module" libsofthsm2.so

suite()
{
    PKCS11_MODULE=$work/libsofthsm2.so PKCS11_TOKEN_LABEL=suite PKCS11_TOKEN_PIN=1234 PKCS11_TOKEN_SO_PIN=5678 \
        timeout 600 "$python" "$here/unittest_results.py" tests results >out 2>&1 && some results 150
}

check 'its test suite runs to its end' suite
results results "$here/skip-python-pkcs11.txt"
[ "$failures" -eq 0 ] || sed 's/^/#   /' out

# The walkthrough: one library's keys and messages are another's.
intro=$here/../../../examples/intro-to-soft-hsm
new_token MyToken 1234 5678
mkdir -p examples
cp -R "$intro" examples/

with_library()
{
    plain "$python" "$here/walkthrough.py" "$module" "$@" >out 2>&1
}

tool()
{
    plain pkcs11-tool --module "$module" --token-label MyToken --login --pin 1234 "$@" >out 2>&1
}

wrong_pin()
{
    with_library wrong-pin && has '^PinIncorrect$'
}

listed()
{
    tool -O && has 'Private Key Object; RSA' 'Public Key Object; RSA 2048 bits' 'label: *MyKey$'
}

found()
{
    tool --keypairgen --key-type rsa:2048 --label ByTool --id 02 && with_library list &&
        has '^PRIVATE_KEY RSA 2048 ByTool$' '^PUBLIC_KEY RSA 2048 ByTool$' '^PRIVATE_KEY RSA 2048 MyKey$'
}

other_library_encrypts()
{
    plain "$python" examples/intro-to-soft-hsm/encrypt_message.py "$module" >out 2>&1 &&
        with_library decrypt && has "^$(cat "$intro/secret_message.txt")\$"
}

other_library_decrypts()
{
    with_library encrypt && plain "$python" examples/intro-to-soft-hsm/decrypt_message.py "$module" >out 2>&1 &&
        has "^Decrypted message: '$(cat "$intro/secret_message.txt")'"
}

openssl_verifies()
{
    with_library sign && plain openssl dgst -sha256 -verify public.pem -signature signature.bin \
        "$intro/confidential_document.txt" >out 2>&1 && has '^Verified OK$'
}

gone()
{
    with_library delete && tool -O && lacks 'MyKey'
}

client python-pkcs11-walkthrough "$(version_of python-pkcs11)"
check 'walkthrough: a wrong PIN is told' wrong_pin
check 'walkthrough: a key pair' with_library generate
check 'walkthrough: pkcs11-tool lists it' listed
check 'walkthrough: keys of pkcs11-tool are found' found
check 'walkthrough: PyKCS11 encrypts, python-pkcs11 decrypts' other_library_encrypts
check 'walkthrough: python-pkcs11 encrypts, PyKCS11 decrypts' other_library_decrypts
check 'walkthrough: openssl verifies a signature' openssl_verifies
check 'walkthrough: a deleted key pair is gone' gone
plan_done
