#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What an installation puts where, and whether a program outside the tree can be built with it.
#
# Usage: install.sh BUILD-FOLDER COMPILER...
set -u
build=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/keykist-install.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
root=$work/root
number=0
failures=0

check()
{
    name=$1
    shift
    number=$((number + 1))
    if "$@" >"$work/out" 2>&1; then
        echo "ok $number - $name"
    else
        failures=$((failures + 1))
        echo "not ok $number - $name"
        sed 's/^/#   /' "$work/out"
    fi
}

installs()
{
    DESTDIR=$root "$here/../../tools/meson" install -C "$build" --no-rebuild &&
        module=$(find "$root" -name libkeykist.so) && [ -n "$module" ] &&
        header=$(find "$root" -path '*/keykist/pkcs11.h') && [ -n "$header" ]
}

link_leads_to_module()
{
    link=$(dirname "$module")/softhsm/libsofthsm2.so
    [ "$(readlink "$link")" = ../libkeykist.so ] && cmp "$link" "$module"
}

# Where it was built.
plugin_is_where_it_is_looked_for()
{
    path=$(sed -n 's/^#define KK_TPM_PLUGIN_PATH "\(.*\)"$/\1/p' "$build/paths.h")
    [ -n "$path" ] && { [ ! -e "$build/src/tpm/libkeykist-tpm2.so" ] || [ -e "$root$path" ]; }
}

# Nothing but the standard's own names, and what the compiler says with every warning on.
program_builds()
{
    cat >"$work/program.c" <<'END'
#include <dlfcn.h>
#include <keykist/pkcs11.h>

int main(int argc, char **argv)
{
    void *module = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
    CK_C_GetInterface get = module ? (CK_C_GetInterface)dlsym(module, "C_GetInterface") : NULL;
    CK_VERSION version = {3, 2};
    CK_INTERFACE *found = NULL;
    CK_UTF8CHAR name[] = "PKCS 11";
    CK_INFO info;
    if (get == NULL || get(name, &version, &found, 0) != CKR_OK) {
        return 1;
    }
    const CK_FUNCTION_LIST_3_2 *p11 = (const CK_FUNCTION_LIST_3_2 *)found->pFunctionList;
    return p11->C_Initialize(NULL) == CKR_OK && p11->C_GetInfo(&info) == CKR_OK &&
           info.cryptokiVersion.major == 3 && p11->C_Finalize(NULL) == CKR_OK ? 0 : 1;
}
END
    "$@" -Wall -Wextra -Werror -I "$(dirname "$(dirname "$header")")" -o "$work/program" "$work/program.c" -ldl
}

program_runs()
{
    "$here/with_conf.sh" "$work/program" "$(dirname "$module")/softhsm/libsofthsm2.so"
}

tools_say_their_version()
{
    util=$(find "$root" -name softhsm2-util)
    [ "$("$util" --version)" = 2.6.1 ]
}

check 'installs' installs
check 'softhsm/libsofthsm2.so leads to the module' link_leads_to_module
check 'the TPM plug-in is where it is looked for' plugin_is_where_it_is_looked_for
check 'a program builds with <keykist/pkcs11.h>' program_builds "$@"
if [ "${KK_BUILDS_PROGRAMS:-yes}" = yes ]; then
    check 'and runs on the installed module' program_runs
fi
check 'softhsm2-util says its version' tools_say_their_version
echo "1..$number"
[ "$failures" -eq 0 ]
