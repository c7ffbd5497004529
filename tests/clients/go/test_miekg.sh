#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# miekg/pkcs11: its own tests, in SoftHSM's token directory that comes with them, and what programs do with it
# in the field (miekg/field_test.go).
#
# Usage: test_miekg.sh MODULE SOFTHSM2-UTIL
set -u
module=$(realpath "$1")
util=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../languages.sh"
. "$here/modules.sh"
make_work_folder
need_module miekg github.com/miekg/pkcs11
client miekg/pkcs11 "$(module_version miekg github.com/miekg/pkcs11)"

own_tests()
{
    # They set SOFTHSM2_CONF themselves, to the file beside them.
    SOFTHSM_LIB=$module
    export SOFTHSM_LIB
    cd suite && go_suite results 20
}

field_tests()
{
    PKCS11_MODULE=$module TOKEN_LABEL=field USER_PIN=1234
    export PKCS11_MODULE TOKEN_LABEL USER_PIN
    cd field && go_suite results 10
}

check 'its own tests run to their end' own_tests
results results
tell_failures

new_token field 1234 5678
client miekg/pkcs11-field "$(module_version miekg github.com/miekg/pkcs11)"
check 'the tests of the field run to their end' field_tests
results results
tell_failures
plan_done
