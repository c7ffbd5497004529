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
        header=$(find "$root" -path '*/keykist/pkcs11.h') && [ -n "$header" ] && [ -e "$(dirname "$header")/vendor.h" ]
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
#include <keykist/vendor.h>

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

# What is written about the module leads to it.
paths_lead_to_module()
{
    told=$(sed -n 's/^module: //p' "$(find "$root" -name keykist.module)")
    prefix=$(sed -n 's/^prefix=//p' "$(find "$root" -name keykist.pc)")
    asked=$(sed -n "s|^module=\${prefix}|$prefix|p" "$(find "$root" -name keykist.pc)")
    echo "p11-kit: $told, pkg-config: $asked"
    cmp "$root$told" "$module" && cmp "$root$asked" "$module"
}

# Each library that the installed module needs, with its version, and the module's own hash.
bill_is_true()
{
    "$here/../../tools/sbom.py" "$build" >"$work/bill" || return 1
    hash=$(sha256sum "$build/src/module/libkeykist.so" | cut -d ' ' -f 1)
    grep -q "\"$hash\"" "$work/bill" || { echo "the module's hash is not in it"; return 1; }
    for project in openssl libsodium sqlite; do
        grep -q "\"pkg:generic/$project@[0-9]" "$work/bill" || { echo "no $project in it"; return 1; }
    done
    python3 -c 'import json, sys; sys.exit(json.load(open(sys.argv[1]))["bomFormat"] != "CycloneDX")' "$work/bill"
}

tools_say_their_version()
{
    util=$(find "$root" -name softhsm2-util)
    [ "$("$util" --version)" = 2.6.1 ]
}

check 'installs' installs
check 'softhsm/libsofthsm2.so leads to the module' link_leads_to_module
check 'the TPM plug-in is where it is looked for' plugin_is_where_it_is_looked_for
check 'a program builds with <keykist/pkcs11.h> and <keykist/vendor.h>' program_builds "$@"
if [ "${KK_BUILDS_PROGRAMS:-yes}" = yes ]; then
    check 'and runs on the installed module' program_runs
fi
check 'p11-kit and pkg-config are told where the module is' paths_lead_to_module
check 'the bill of materials is that of the build' bill_is_true
check 'softhsm2-util says its version' tools_say_their_version
echo "1..$number"
[ "$failures" -eq 0 ]
