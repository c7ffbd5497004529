#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the commands of a guide, one after the other in a folder of their own, and compares what they
print with what the page says they print. TAP.

A command is a line that begins with "$ " in a block of code, with those that follow a backslash at its
end; what stands behind it, up to the next command or the block's end, is what it prints. Serial
numbers, slots, identifiers and dates are the run's own and not compared; a block whose first line
is "# not run" is not run.

Usage: run_guide.py --keykist FILE --module FILE [--write] PAGE
With --write the page gets the real output instead."""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

OWN = [
    (r"\b20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9:]{8}\.[0-9]{6} \[[0-9.]+\]", "WHEN WHO"),
    (r"\([0-9]+\.[0-9] us\)", "(DURATION)"),
    (r"\b0x[0-9a-f]{4,8}\b", "0xSLOT"),
    (r"#[0-9a-f]{12}\b", "#MARK"),
    (r"hKey=0x[0-9a-f]+", "hKey=HANDLE"),
    (r"process [0-9]+", "process N"),
    (r"[0-9]+\.[0-9]{3} ms", "N ms"),
    (r"(?m)^(#   C_\w+ +[0-9]+ +[0-9]+) [ 0-9.]+", r"\1 N"),
    (r"\b[0-9a-f]{64}\b", "HASH"),
    (r"\b[0-9a-f]{40}\b", "ID"),
    (r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID"),
    (r"(?:%[0-9A-F]{2}){20}", "ID"),
    (r"\b[0-9a-f]{16}\b", "SERIAL"),
    (r"\bslot [0-9]+", "slot N"),
    (r"\b20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z", "TIME"),
    (r"Serial number +[0-9a-f]+", "Serial number X"),
]


def settled(text):
    for pattern, word in OWN:
        text = re.sub(pattern, word, text)
    return "\n".join(re.sub(r" +", " ", line).rstrip() for line in text.strip("\n").split("\n"))


def blocks(lines):
    """(number of the first line, number behind the last) of each block of code."""
    start = None
    for number, line in enumerate(lines):
        if line.startswith("```"):
            if start is None:
                start = number + 1
            else:
                yield start, number
                start = None


def steps(lines):
    """(command, first line of its output, line behind the last) of each command."""
    for start, end in blocks(lines):
        if start < end and lines[start].startswith("# not run"):
            continue
        number = start
        while number < end:
            if not lines[number].startswith("$ "):
                sys.exit(f"line {number + 1} is neither a command nor the output of one")
            command = lines[number][2:]
            number += 1
            while command.endswith("\\"):
                command = command[:-1] + lines[number].strip()
                number += 1
            first = number
            while number < end and not lines[number].startswith("$ "):
                number += 1
            yield command, first, number


def prepare(folder, options):
    """A configuration, and the program under its own name."""
    (folder / "tokens").mkdir(mode=0o700)
    (folder / "bin").mkdir()
    (folder / "work").mkdir()
    (folder / "softhsm2.conf").write_text(
        f"directories.tokendir = {folder}/tokens\npin.kdf = test\nlog.file = {folder}/log\n")
    program = folder / "bin" / "keykist"
    program.write_text(f'#!/bin/sh\nexec "{options.keykist}" "$@" --module "{options.module}"\n')
    program.chmod(0o755)
    return dict(os.environ, SOFTHSM2_CONF=f"{folder}/softhsm2.conf", LC_ALL="C", HOME=str(folder),
                PATH=f"{folder}/bin:{os.environ['PATH']}")


def run(command, folder, environment):
    done = subprocess.run(["sh", "-c", command], cwd=folder / "work", env=environment, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=120)
    return done.stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--keykist", type=os.path.realpath, required=True)
    parser.add_argument("--module", type=os.path.realpath, required=True)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("page", type=pathlib.Path)
    options = parser.parse_args()
    lines = options.page.read_text().split("\n")
    todo = list(steps(lines))
    written = list(lines)
    print(f"1..{len(todo)}")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        environment = prepare(folder, options)
        results = [run(command, folder, environment) for command, _, _ in todo]
    for number, ((command, first, end), got) in enumerate(zip(todo, results), 1):
        want = "\n".join(lines[first:end])
        good = settled(want) == settled(got)
        print(f"{'ok' if good else 'not ok'} {number} - {command.replace('#', '')}")
        if not good:
            print("\n".join("# page: " + line for line in settled(want).split("\n")))
            print("\n".join("# real: " + line for line in settled(got).split("\n")))
    for (_, first, end), got in reversed(list(zip(todo, results))):
        written[first:end] = got.rstrip("\n").split("\n") if got.strip() else []
    if options.write:
        options.page.write_text("\n".join(written))


if __name__ == "__main__":
    main()
