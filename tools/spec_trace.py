#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Lists where the sources cite the standard, and which C_ functions nobody cites.

A citation is a comment of this form; SUBJECT is a function or the name of a section:
    /*= pkcs11-3.2 SUBJECT: what the standard says */

Usage: spec_trace.py [--all]     --all prints every citation, not only the counts
Informs; fails only on a citation that is not of that form."""
import re
import sys
from collections import defaultdict

from source_files import line_of, read, report, source_files

CITATION = re.compile(r"/\*=(.*?)\*/", re.DOTALL)
FORM = re.compile(r"\s*pkcs11-3\.2\s+([^:\n]+?):\s*(\S.*)", re.DOTALL)
FUNCTION = re.compile(r"\bX\((C_\w+)")


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


def main():
    good, bad = citations()
    by_subject = defaultdict(list)
    for subject, text, place in good:
        by_subject[subject].append((text, place))

    if "--all" in sys.argv[1:]:
        for subject, rows in sorted(by_subject.items()):
            print(subject)
            for text, place in rows:
                print(f"    {place}: {text}")

    functions = list(dict.fromkeys(FUNCTION.findall(read("src/cryptoki/functions.h"))))
    uncited = [name for name in functions if name not in by_subject]
    print(f"{len(good)} citations of {len(by_subject)} subjects; {len(functions) - len(uncited)} of "
          f"{len(functions)} functions are cited")
    if uncited:
        print("not cited: " + " ".join(uncited))
    return report(bad)


if __name__ == "__main__":
    sys.exit(main())
