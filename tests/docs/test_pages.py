#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every block of code in every document is run by a test, is quoted from a file, is no command, or has a mark with
the reason why it is not run; tests/docs/not-run.txt lists those. And every page that has commands has a test. TAP.

Usage: test_pages.py [--write]
With --write the list is written anew, to be read before it is committed."""
import pathlib
import re
import sys

import page

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tools"))
import source_files  # noqa: E402

LIST = TOP / "tests" / "docs" / "not-run.txt"


def pages():
    # What changed from version to version is history.
    return [TOP / path for path in source_files.source_files("*.md", "*.scd") if path.name != "CHANGELOG.md"]


def look():
    """(lines of the list, what is wrong, pages with commands)"""
    unrun, wrong, with_commands = [], [], set()
    for path in pages():
        name = str(path.relative_to(TOP))
        try:
            found = page.steps(path, path.read_text().split("\n"))
        except page.Wrong as why:
            wrong.append(f"{name}: {why}")
            continue
        for step in found:
            if step.kind == "no":
                unrun.append(f"{name}: {step.text}")
                if len(step.text) < 10:
                    wrong.append(f"{name}: line {step.line + 1}: no reason is given")
        if any(step.kind == "command" for step in found):
            with_commands.add(name)
    return unrun, wrong, with_commands


def tested():
    """The pages that meson.build names."""
    text = (TOP / "tests" / "docs" / "meson.build").read_text()
    return set(re.findall(r"'([A-Za-z0-9/_.-]+\.(?:md|scd))'", text))


def main():
    unrun, wrong, with_commands = look()
    if sys.argv[1:] == ["--write"]:
        LIST.write_text("".join(line + "\n" for line in unrun))
    listed = LIST.read_text().splitlines()
    untested = sorted(with_commands - tested())
    idle = sorted(tested() - with_commands)
    checks = [
        ("every block is run, quoted, text or marked", wrong),
        (f"the {len(unrun)} blocks that are not run are those of not-run.txt",
         [f"+ {line}" for line in unrun if line not in listed] + [f"- {line}" for line in listed if line not in unrun] +
         ([f"{len(unrun)} blocks, {len(listed)} lines"] if len(unrun) != len(listed) else [])),
        (f"each of the {len(with_commands)} pages with commands has a test", untested + idle),
        ("there are pages", [] if len(with_commands) > 10 else ["too few"]),
    ]
    print(f"1..{len(checks)}")
    for number, (name, bad) in enumerate(checks, 1):
        print(f"{'not ok' if bad else 'ok'} {number} - {name}")
        print("".join(f"# {line}\n" for line in bad), end="")


if __name__ == "__main__":
    main()
