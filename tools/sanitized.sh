#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Usage: sanitized.sh COMMAND...
# Runs a command with the sanitizers' settings: stop at the first finding, check for leaks too.
set -eu
# intercept_tls_get_addr: the leak checker of gcc 12 dies in programs that load a module with it.
ASAN_OPTIONS=intercept_tls_get_addr=0:abort_on_error=1:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1
UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
# Libraries that were not built with ThreadSanitizer hide their own locking from it.
TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:ignore_noninstrumented_modules=1
export ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS

# ThreadSanitizer of older compilers cannot live with many bits of address randomisation.
if setarch -R true 2>/dev/null; then
    exec setarch -R "$@"
fi
exec "$@"
