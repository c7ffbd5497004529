#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Lists where the sources and the conformance checks cite the standard, and what nobody cites.

In the sources a citation is a comment of this form; SUBJECT is a function or the name of a section:
    /*= pkcs11-3.2 SUBJECT: what the standard says */
A conformance check cites its clause and says in its title what the clause is about. Of the clauses of
the functions' chapters (tests/conformance/clauses.txt: headings, and the names of which each speaks)
this tells which ones no check cites:
  - a heading without sub-headings is cited by a check that names it, or whose row is that function;
  - a name in a function's clause (a code, attribute, flag or state) by a check of that function that
    has the name in its clause or title;
  - a code that docs/return-codes.md says the function can't return needs no check.

Usage: spec_trace.py [--all] [--checks RUNNER]
  --all      prints every citation of the sources, not only the counts
  --checks   the conformance runner, for its list of checks
Fails on a citation that is not of that form, and when no check cites 5 % of the clauses or more."""
import re
import subprocess
import sys
from collections import defaultdict

from source_files import line_of, read, report, source_files

CITATION = re.compile(r"/\*=(.*?)\*/", re.DOTALL)
FORM = re.compile(r"\s*pkcs11-3\.2\s+([^:\n]+?):\s*(\S.*)", re.DOTALL)
FUNCTION = re.compile(r"\bX\((C_\w+)")
CHECK = re.compile(r"(\S+?)/(\S+?)(?::(\S+))?\s+pkcs11-3\.2 (.*)")
NAME = re.compile(r"\bCK[A-Z]?_\w+")
MOST_UNCITED = 0.05
CLAUSES = "tests/conformance/clauses.txt"
UNREACHABLE = "docs/return-codes.md"
RETURN_CODES = "tests/conformance/return-codes.txt"


def citations():
    """(subject, text, place) of each, and the places of malformed ones."""
    good, bad = [], []
    for path in source_files("src/*.c", "src/*.h"):
        text = read(path)
        for match in CITATION.finditer(text):
            place = f"{path}:{line_of(text, match.start())}"
            form = FORM.fullmatch(match[1])
            if form:
                good.append((form[1], " ".join(form[2].replace("\n *", " ").split()), place))
            else:
                bad.append(f"{place}: not 'pkcs11-3.2 SUBJECT: text'")
    return good, bad


def lines_of(path):
    """Without comments and empty ones."""
    return [line for line in read(path).splitlines() if line and not line.startswith("#")]


def clauses():
    """Number, heading and names of each clause that has no clauses below it."""
    rows = [(line + "\t").split("\t")[:3] for line in lines_of(CLAUSES)]
    numbers = [row[0] for row in rows]
    return [
        (number, heading, names.split()) for number, heading, names in rows
        if not any(other.startswith(number + ".") for other in numbers)
    ]


def unreachable():
    """The (function, code) pairs of the document's tables; a table says "every function" of those
    that list the code."""
    listed = defaultdict(set)
    for line in lines_of(RETURN_CODES):
        function, *codes = line.split()
        for code in codes:
            listed[code].add(function)
    pairs = set()
    for line in lines_of(UNREACHABLE):
        cells = line.split("|")
        if len(cells) < 4:
            continue
        for code in re.findall(r"CKR_\w+", cells[1]):
            every = "every function" in cells[2]
            functions = listed[code] if every else re.findall(r"C_\w+", cells[2])
            pairs.update((function, code) for function in functions)
    return pairs


def cited_by_checks(runner):
    """What the checks cite: headings, and (function, name) pairs; and how many checks there are."""
    listing = subprocess.run([runner, "--list"], check=True, capture_output=True, text=True).stdout
    headings, pairs, count = set(), set(), 0
    for line in listing.splitlines():
        match = CHECK.match(line)
        if not match:
            continue
        _, _, row, text = match.groups()
        clause = text.split(": ")[0]
        functions = set(re.findall(r"\bC_\w+", f"{row} {text}"))
        headings.update({clause}, functions)
        pairs.update((function, name) for function in functions for name in NAME.findall(text))
        count += 1
    return headings, pairs, count


def trace_checks(runner):
    """Prints what no check cites; whether that is too much."""
    headings, pairs, count = cited_by_checks(runner)
    excused = unreachable()
    total, missing = 0, []
    for number, heading, names in clauses():
        total += 1 + len(names)
        if heading not in headings:
            missing.append(f"{number} {heading}")
        missing += [
            f"{number} {heading}: {name}" for name in names
            if (heading, name) not in pairs and (heading, name) not in excused
        ]
    for line in missing:
        print(f"no check cites {line}")
    share = len(missing) / total
    print(f"{count} checks; {total - len(missing)} of {total} clauses of chapter 5 are cited, "
          f"{share:.1%} are not")
    return [] if share < MOST_UNCITED else [f"{MOST_UNCITED:.0%} of the clauses or more are not cited"]


def trace_sources(everything):
    """Prints what the sources cite; gives the malformed citations."""
    good, bad = citations()
    by_subject = defaultdict(list)
    for subject, text, place in good:
        by_subject[subject].append((text, place))
    for subject, rows in sorted(by_subject.items()) if everything else []:
        print(subject)
        for text, place in rows:
            print(f"    {place}: {text}")
    functions = list(dict.fromkeys(FUNCTION.findall(read("src/cryptoki/functions.h"))))
    uncited = [name for name in functions if name not in by_subject]
    print(f"{len(good)} citations of {len(by_subject)} subjects; {len(functions) - len(uncited)} of "
          f"{len(functions)} functions are cited")
    if uncited:
        print("not cited: " + " ".join(uncited))
    return bad


def main():
    arguments = sys.argv[1:]
    problems = trace_sources("--all" in arguments)
    if "--checks" in arguments:
        problems += trace_checks(arguments[arguments.index("--checks") + 1])
    return report(problems)


if __name__ == "__main__":
    sys.exit(main())
