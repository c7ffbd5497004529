#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# ThalesGroup/crypto11: its own tests, with the tokens that they name, and TLS with keys in the token
# (crypto11/tls_test.go). Its tests of HMAC and of OAEP leave out what calls itself SoftHSM: that name is
# changed there, for them to run.
#
# Usage: test_crypto11.sh MODULE SOFTHSM2-UTIL
set -u
module=$(realpath "$1")
util=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../languages.sh"
. "$here/modules.sh"
make_work_folder
need_module crypto11 github.com/ThalesGroup/crypto11
client ThalesGroup/crypto11 "$(module_version crypto11 github.com/ThalesGroup/crypto11)"

new_token token1 password sopassword
new_token token2 password sopassword
printf '{"Path": "%s", "TokenLabel": "token1", "Pin": "password"}\n' "$module" >suite/config
sed -i 's/ManufacturerID == "SoftHSM"/ManufacturerID == "SoftHSM itself"/' suite/*_test.go

# Tests that fail leave keys and logins behind that others stumble over: they run on their own.
known=$(cut -f 1 "$here/skip-crypto11.txt" | grep -v / | paste -s -d '|')

own_tests()
{
    cd suite && go_suite results 100 -skip "^($known)\$"
}

known_tests()
{
    cd suite && go_suite results 1 -run "^($known)\$"
}

field_tests()
{
    PKCS11_MODULE=$module TOKEN_LABEL=field USER_PIN=password
    export PKCS11_MODULE TOKEN_LABEL USER_PIN
    cd field && go_suite results 4
}

check 'its own tests run to their end' own_tests
results results
tell_failures
check 'its own tests that are known to fail run to their end' known_tests
results results "$here/skip-crypto11.txt"

new_token field password sopassword
client crypto11-TLS "$(module_version crypto11 github.com/ThalesGroup/crypto11)"
check 'TLS with keys in the token runs to its end' field_tests
results results
tell_failures
plan_done
