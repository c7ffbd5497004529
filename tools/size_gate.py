#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Prints the sizes of functions and files per layer, and names the longest. Informs, never fails:
what matters is whether the next reader finds the way. Needs universal-ctags."""
import shutil
import statistics
import subprocess
import sys
from collections import defaultdict

from source_files import TOP, read, source_files, without

LONG_FUNCTION = 60
LONG_FILE = 600


def function_sizes(files):
    """(lines, path, name) of each function."""
    listing = subprocess.run(
        ["ctags", "-L", "-", "--languages=C", "--kinds-C=f", "--fields=+ne", "-f", "-"],
        cwd=TOP, check=True, capture_output=True, text=True, input="\n".join(map(str, files)),
    ).stdout
    for row in listing.splitlines():
        fields = row.split("\t")
        extra = dict(field.split(":", 1) for field in fields[3:] if ":" in field)
        if "line" in extra and "end" in extra:
            yield int(extra["end"]) - int(extra["line"]) + 1, fields[1], fields[0]


def code_lines(path):
    return sum(1 for line in without(read(path), strings=False).splitlines() if line.strip())


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def figures(values):
    return f"{statistics.median(values):6.0f}{percentile(values, 0.95):6}{max(values):6}" if values else " " * 18


def main():
    if not shutil.which("ctags"):
        print("size_gate: universal-ctags is not installed")
        return 0
    files = [path for path in source_files("src/*.c", "src/*.h", "tests/*.c", "bench/*.c")]
    groups = defaultdict(list)
    for path in files:
        groups["/".join(path.parts[:-1][:2])].append(path)
    sizes = list(function_sizes([path for path in files if path.suffix == ".c"]))

    print(f"{'':<22}{'code':>7}{'files':>7}   file med   p95   max   fn med   p95   max")
    total = 0
    for group, members in sorted(groups.items()):
        lengths = [read(path).count("\n") for path in members]
        functions = [lines for lines, path, _ in sizes if path.startswith(group + "/")]
        code = sum(map(code_lines, members))
        total += code if group.startswith("src/") else 0
        print(f"{group:<22}{code:>7}{len(members):>7}     {figures(lengths)}   {figures(functions)}")
    print(f"{'src/, code lines':<22}{total:>7}")

    for lines, path, name in sorted(sizes, reverse=True):
        if lines > LONG_FUNCTION and path.startswith("src/"):
            print(f"long function: {path} {name}: {lines} lines")
    for path in files:
        lines = read(path).count("\n")
        if lines > LONG_FILE and path.parts[0] == "src":
            print(f"long file: {path}: {lines} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
