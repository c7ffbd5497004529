#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The programs of examples/ in one language: built as the guide says, run, their output compared with
# examples/expected.txt, their signature verified by OpenSSL with the public key that pkcs11-tool reads.
#
# Usage: test_examples.sh c|go|node|python|rust MODULE SOFTHSM2-UTIL CACHE-FOLDER
set -u
language=$1
module=$(realpath "$2")
util=$(realpath "$3")
cache=$4
top=$(cd "$(dirname "$0")/../../.." && pwd)
. "$top/tests/clients/lib.sh"
. "$top/tests/clients/languages.sh"
examples=$top/examples
need pkcs11-tool openssl

# Each has the name of its function that builds, which sets `program`, what runs it.
build_c()
{
    need cc
    cc -Wall -Wextra -Werror -o example "$examples/c/example.c" -I"$top/src/cryptoki" -ldl >out 2>&1 &&
        program=./example
}

build_go()
{
    need go gcc
    cp -R "$examples/go" source &&
        (cd source && GOTOOLCHAIN=local GOFLAGS=-buildvcs=false go build -mod=readonly -o ../example .) >out 2>&1 ||
        cannot_run "Go does not build it: $(tail -n 1 out)"
    program=./example
}

install_node()
{
    cp "$examples/node/package.json" "$examples/node/package-lock.json" "$1" &&
        (cd "$1" && [ ! -f /usr/include/node/node.h ] || npm_config_nodedir=/usr && export npm_config_nodedir
            npm ci --no-audit --no-fund --prefix "$1") &&
        node -e "require('$1/node_modules/pkcs11js')"
}

build_node()
{
    need node npm g++ make
    only_once example-node "$examples/node/package.json" "$examples/node/package-lock.json" -- install_node ||
        cannot_run "npm did not install pkcs11js: $(grep -m 1 -i error "$cache/example-node.log")"
    cp "$examples/node/example.js" . && ln -s "$cache/example-node/node_modules" node_modules &&
        program='node example.js'
}

build_python()
{
    here=$top/tests/clients/python
    . "$here/venv.sh"
    need_python "$1"
    program="$python $examples/python/with_$2.py"
}

build_rust()
{
    need cargo gcc
    cp -R "$examples/rust" source &&
        (cd source && CARGO_TARGET_DIR=$cache/example-rust cargo build --locked) >out 2>&1 ||
        cannot_run "cargo does not build it: $(grep -m 1 '^error' out)"
    program=$cache/example-rust/debug/example
}

as_expected()
{
    USER_PIN=1234 PKCS11_MODULE=$module plain $program >out 2>why && same "$examples/expected.txt" out
}

openssl_agrees()
{
    pkcs11-tool --module "$module" --token-label demo --read-object --type pubkey --label signer -o signer.der >out 2>&1 &&
        printf 'a message of 24 bytes...' >message &&
        openssl dgst -sha256 -verify signer.der -keyform DER -signature signature.bin message >out 2>&1 && has '^Verified OK$'
}

# A token that is not there, a wrong PIN: the program ends with an error, and says which.
tells()
{
    ! USER_PIN=$1 TOKEN_LABEL=$2 PKCS11_MODULE=$module plain $program >out 2>&1 && grep -Eqi -- "$3" out
}

run_example()
{
    rm -rf tokens && mkdir tokens
    new_token demo 1234 5678
    check "$1: prints what it should" as_expected
    check "$1: OpenSSL verifies its signature" openssl_agrees
    check "$1: tells that there is no such token" tells 1234 nowhere 'no token|NoSuchToken'
    check "$1: tells that the PIN is wrong" tells 4321 demo 'PIN_INCORRECT|PinIncorrect|0x000000A0|PIN is incorrect'
}

make_work_folder
client "example-$language" -
if [ "$language" = python ]; then
    build_python python-pkcs11 python_pkcs11
    run_example 'python-pkcs11'
    build_python PyKCS11 pykcs11
    run_example 'PyKCS11'
else
    check "$language: builds" "build_$language"
    run_example "$language"
fi
plan_done
