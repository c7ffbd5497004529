#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Adds up the results of test runs.

Usage: count_results.py [--broken NAME]... FOLDER...
FOLDER: holds testlog.json and intro-tests.json, copied from a build's meson-logs and meson-info
--broken: a step that failed as such (a build, say) and counts as one failure
Prints the end of what each failing test printed, one line per failure, how much was skipped, and at last "N passed, N failed". A TAP test counts its checks,
any other test counts as one. A test that broke off counts as failed, whatever its checks said.
"""
import json
import re
import sys
from pathlib import Path

EXCERPT_LINES = 12
GOOD = {"OK", "EXPECTEDFAIL"}
TAP_LINE = re.compile(r"^(not )?ok\b(.*?)(?:#\s*(skip|todo)\b.*)?$", re.IGNORECASE)


def tap_checks(output):
    """(name, passed, skipped) of each check."""
    for line in output.splitlines():
        match = TAP_LINE.match(line)
        if match:
            directive = (match[3] or "").lower()
            yield match[2].strip(" -"), not match[1] or directive == "todo", directive == "skip"


def count_test(test, is_tap):
    """(passed, skipped, names of failures). What a test of another protocol printed is not looked
    at, even when it is TAP: it may be about something else."""
    passed = skipped = 0
    failures = []
    for name, good, was_skipped in tap_checks(test.get("stdout") or "") if is_tap else ():
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


def failure_excerpt(test, is_tap):
    """The end of what it printed, without the checks that passed."""
    for stream in ("stdout", "stderr"):
        lines = [line for line in (test.get(stream) or "").splitlines()
                 if not (is_tap and line.startswith("ok "))]
        for line in lines[-EXCERPT_LINES:]:
            yield f"    {test['name']}: {line}"


def read_files(log, tests):
    """(test, is it TAP) of each test that ran."""
    with open(tests, encoding="utf-8") as file:
        tap = {test["name"] for test in json.load(file) if test["protocol"] == "tap"}
    with open(log, encoding="utf-8") as file:
        for line in file:
            test = json.loads(line)
            yield test, test["name"].split(" / ", 1)[-1] in tap


def read_folder(folder):
    return read_files(folder / "testlog.json", folder / "intro-tests.json")


def main():
    passed = skipped = failed = 0
    lines = []
    arguments = sys.argv[1:]
    while arguments[:1] == ["--broken"]:
        print(f"FAILED step: {arguments[1]}")
        failed += 1
        arguments = arguments[2:]
    for folder in map(Path, arguments):
        for test, is_tap in read_folder(folder):
            good, left_out, failures = count_test(test, is_tap)
            passed += good
            skipped += left_out
            failed += len(failures)
            lines += [f"FAILED {folder.name}: {failure}" for failure in failures]
            if failures:
                print("\n".join(failure_excerpt(test, is_tap)))
    print("\n".join(lines + [f"{skipped} skipped"]))
    print(f"{passed} passed, {failed} failed")


if __name__ == "__main__":
    main()
