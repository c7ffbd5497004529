#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A guide that quotes a file says what stands there.

A block between ``` and ``` right behind a line "From [`PATH`](...):" must stand in the file PATH of this tree, line by
line. Exits with 1 and names the place where one does not."""
import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
QUOTE = re.compile(r"^From \[`([^`]+)`\]\([^)]*\):\n\n```[a-z]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def check(guide):
    text = guide.read_text(encoding="utf-8")
    wrong = []
    for match in QUOTE.finditer(text):
        source = TOP / match[1]
        line = text.count("\n", 0, match.start()) + 1
        if not source.is_file():
            wrong.append(f"{guide.relative_to(TOP)}:{line}: there is no {match[1]}")
        elif match[2] not in source.read_text(encoding="utf-8"):
            wrong.append(f"{guide.relative_to(TOP)}:{line}: {match[1]} has other lines")
    return wrong, len(QUOTE.findall(text))


def main():
    wrong, quotes = [], 0
    for guide in sorted(TOP.glob("docs/**/*.md")):
        found, count = check(guide)
        wrong += found
        quotes += count
    print("\n".join(wrong + [f"{quotes} quotes, {len(wrong)} wrong"]))
    return 1 if wrong or not quotes else 0


if __name__ == "__main__":
    sys.exit(main())
