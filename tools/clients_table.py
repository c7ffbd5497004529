#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Prints what real clients said about the module, as a table in Markdown.

Usage: clients_table.py BUILD-FOLDER SETUP
The tests of the last run of that setup in BUILD-FOLDER that are TAP and have lines "# client NAME VERSION" before the
checks that belong to that client (tests/clients/lib.sh). A test that broke off counts as one failure of
its last client, or of itself when it named none. Exits with 1 when something failed."""
import re
import sys
from pathlib import Path

import count_results

CLIENT = re.compile(r"^# client (.+?) (\S+)$")
SKIPPED_ALL = re.compile(r"^1\.\.0\s*#\s*skip\w*\s*(.*)$", re.IGNORECASE)
CHECK = re.compile(r"^(not )?ok\b.*?(?:#\s*skip\b\s*(.*))?$", re.IGNORECASE)


class Row:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.reasons = []

    def skip(self, reason):
        self.skipped += 1
        if reason and reason not in self.reasons:
            self.reasons.append(reason)


def add_test(rows, test):
    name = test["name"].split(" / ", 1)[-1]
    client, failed_before = None, sum(row.failed for row in rows.values())
    for line in (test.get("stdout") or "").splitlines():
        if match := CLIENT.match(line):
            client = (match[1], match[2])
            rows.setdefault(client, Row())
        elif match := SKIPPED_ALL.match(line):
            rows.setdefault(client or (name, "-"), Row()).skip(match[1])
        elif client and (match := CHECK.match(line)):
            row = rows[client]
            if match[2] is not None:
                row.skip(match[2].strip())
            elif match[1]:
                row.failed += 1
            else:
                row.passed += 1
    broke_off = test["result"] not in count_results.GOOD | {"SKIP"}
    if broke_off and failed_before == sum(row.failed for row in rows.values()):
        rows.setdefault(client or (name, "-"), Row()).failed += 1


def table(tests):
    """The lines of the table, and how much failed."""
    rows = {}
    for test, is_tap in tests:
        if is_tap:
            add_test(rows, test)
    lines = ["| client | version | passed | failed | skipped |", "|---|---|---|---|---|"]
    for (name, version), row in sorted(rows.items(), key=lambda item: item[0][0].lower()):
        why = f"{row.skipped}: {'; '.join(row.reasons)}" if row.reasons else str(row.skipped)
        lines.append(f"| {name} | {version} | {row.passed} | {row.failed} | {why} |")
    return lines, sum(row.failed for row in rows.values())


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    build = Path(sys.argv[1])
    lines, failed = table(count_results.read_files(build / "meson-logs" / f"testlog-{sys.argv[2]}.json",
                                                   build / "meson-info" / "intro-tests.json"))
    print("\n".join(lines))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
