#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Node: one of the two packages with a program of ours in steps; the packages hold no tests. pkcs11js is
# compiled when it is installed, with the headers of this machine's Node where there are any.
#
# Usage: test_node.sh pkcs11js|graphene-pk11 MODULE SOFTHSM2-UTIL CACHE-FOLDER
set -u
package=$1
module=$(realpath "$2")
util=$(realpath "$3")
cache=$4
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../languages.sh"
need node npm g++ make

install_packages()
{
    cp "$here/package.json" "$here/package-lock.json" "$1" &&
        (cd "$1" && [ ! -f /usr/include/node/node.h ] || npm_config_nodedir=/usr && export npm_config_nodedir
            npm ci --no-audit --no-fund --prefix "$1") &&
        node -e "require('$1/node_modules/pkcs11js')"
}

only_once node "$here/package.json" "$here/package-lock.json" -- install_packages ||
    cannot_run "npm did not install pkcs11js: $(grep -m 1 -i error "$cache/node.log")"
make_work_folder
client "$package" "$(node -p "require('$cache/node/node_modules/$package/package.json').version")"
cp "$here/steps.js" "$here"/*_steps.js .
ln -s "$cache/node/node_modules" node_modules
new_token node 1234 5678

steps()
{
    plain node "${package%-pk11}_steps.js" "$module" node 1234 5678 results >out 2>&1 && some results 40
}

check 'the program runs to its end' steps
[ ! -f results ] || results results
[ "$failures" -eq 0 ] || sed 's/^/#   /' out
plan_done
