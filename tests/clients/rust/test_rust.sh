#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The cryptoki crate: its own tests. They initialise the first token with PINs of their own; what
# SoftHSM cannot do is left out only where the module's path has "softhsm" in it, so ours has to do it all.
#
# Usage: test_rust.sh MODULE SOFTHSM2-UTIL CACHE-FOLDER
set -u
module=$(realpath "$1")
util=$(realpath "$2")
cache=$3
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../languages.sh"
need cargo gcc

# The crate's own Cargo.lock, with its sums, says what its tests are built with.
build_tests()
{
    cp "$here/Cargo.toml" "$here/Cargo.lock" "$here/nothing.rs" "$1" &&
        (cd "$1" && cargo fetch --locked) &&
        crate=$(cd "$1" && cargo metadata --locked --format-version 1 |
            sed 's/"manifest_path":/\n&/g' | sed -n 's#^"manifest_path":"\([^"]*/cryptoki-[0-9][^"]*\)/Cargo.toml".*#\1#p') &&
        cp -R "$crate" "$1/crate" && chmod -R u+w "$1/crate" &&
        (cd "$1/crate" && CARGO_TARGET_DIR=$1/target cargo test --locked --no-run --tests)
}

only_once rust "$here/Cargo.toml" "$here/Cargo.lock" -- build_tests ||
    cannot_run "cargo does not build cryptoki's tests: $(grep -m 1 '^error' "$cache/rust.log")"
make_work_folder
client cryptoki "$(sed -n 's/^cryptoki = "=\(.*\)"/\1/p' "$here/Cargo.toml")"
new_token first 1234 abcdef654321

cp "$here/skip-cryptoki.txt" skips
case $(openssl_of_module) in
3.[0-4])
    for missing in ml_dsa:ml_dsa ml_dsa:ml_dsa_hash ml_dsa:ml_dsa_hashes ml_dsa:ml_dsa_multipart ml_kem:ml_kem; do
        printf '%s\tML-KEM and ML-DSA need OpenSSL 3.5 (docs/status.md)\n' "$missing" >>skips
    done
    ;;
esac
case $(openssl_of_module) in
3.[01]) printf 'basic:sign_verify_eddsa_with_ed448_schemes\tEd448 with a context or prehash needs OpenSSL 3.2 (docs/status.md)\n' >>skips ;;
esac

# cargo_test ARGUMENT...: one test at a time, for they share the token.
cargo_test()
{
    (cd "$cache/rust/crate" && CARGO_TARGET_DIR=$cache/rust/target TEST_PKCS11_MODULE=$module RUST_BACKTRACE=0 \
        timeout 900 cargo test --locked --offline --tests --no-fail-fast -- --test-threads=1 --exact "$@") >>out 2>&1
}

# C_WaitForSlotEvent waits: that test would not end. Those that fail leave a module that is still initialised, and run
# by themselves.
suite()
{
    skipped=
    for test_name in $(sed 's/^[a-z_]*:\([a-z0-9_]*\).*/\1/' skips); do
        skipped="$skipped --skip $test_name"
    done
    : >out
    # shellcheck disable=SC2086
    cargo_test $skipped
    # shellcheck disable=SC2046
    cargo_test $(sed 's/^[a-z_]*:\([a-z0-9_]*\).*/\1/' skips | grep -v '^wait_for_slot_event$')
    awk '
        /^ *Running / { program = $2; sub(/.*\//, "", program); sub(/\.rs$/, "", program) }
        /^test .* \.\.\. ok$/ { print "pass\t" program ":" $2 }
        /^test .* \.\.\. FAILED$/ { print "fail\t" program ":" $2 }
        /^test .* \.\.\. ignored/ { why = $0; sub(/.*ignored,? */, "", why); print "skip\t" program ":" $2 "\t" why }' out >results
    printf 'fail\tbasic:wait_for_slot_event\n' >>results
    some results 100
}

check 'its own tests run to their end' suite
results results skips
[ "$failures" -eq 0 ] || sed 's/^/#   /' out
plan_done
