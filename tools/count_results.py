#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Adds up the results of test runs from Meson's testlog.json files.

Usage: count_results.py [--broken NAME]... FILE...
--broken: a step that failed as such (a build, say) and counts as one failure
Prints one line per failure, how much was skipped, and at last "N passed, N failed". A TAP test counts its checks,
any other test counts as one. A test that broke off counts as failed, whatever its checks said.
"""
import json
import re
import sys

GOOD = {"OK", "EXPECTEDFAIL"}
TAP_LINE = re.compile(r"^(not )?ok\b([^#]*)(?:#\s*(skip|todo)\b)?", re.IGNORECASE)
TAP_PLAN = re.compile(r"^1\.\.(\d+)")


def tap_checks(output):
    """(name, passed, skipped) of each check; nothing when this is no TAP."""
    lines = output.splitlines()
    if not any(TAP_PLAN.match(line) for line in lines):
        return
    for line in lines:
        match = TAP_LINE.match(line)
        if match:
            directive = (match[3] or "").lower()
            yield match[2].strip(" -"), not match[1] or directive == "todo", directive == "skip"


def count_test(test):
    passed = skipped = 0
    failures = []
    for name, good, was_skipped in tap_checks(test.get("stdout") or ""):
        if not good:
            failures.append(f"{test['name']}: {name}")
        elif was_skipped:
            skipped += 1
        else:
            passed += 1
    result = test["result"]
    if result not in GOOD | {"SKIP"} and not failures:
        failures.append(f"{test['name']}: {result}")
    elif result == "SKIP" and not passed + skipped:
        skipped += 1
    elif result in GOOD and not passed + skipped + len(failures):
        passed += 1
    return passed, skipped, failures


def main():
    passed = skipped = failed = 0
    arguments = sys.argv[1:]
    while arguments[:1] == ["--broken"]:
        print(f"FAILED step: {arguments[1]}")
        failed += 1
        arguments = arguments[2:]
    for path in arguments:
        with open(path, encoding="utf-8") as file:
            for line in file:
                good, left_out, failures = count_test(json.loads(line))
                passed += good
                skipped += left_out
                failed += len(failures)
                for failure in failures:
                    print(f"FAILED {path}: {failure}")
    print(f"{skipped} skipped")
    print(f"{passed} passed, {failed} failed")


if __name__ == "__main__":
    main()
