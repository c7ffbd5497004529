#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the unittest tests in the folder TESTS and writes one line per test to FILE.

Usage: unittest_results.py TESTS FILE
A line is "pass<TAB>name", "fail<TAB>name" or "skip<TAB>name<TAB>reason". A test with subtests is one test:
it fails with one of them. What failed is told on standard output."""
import sys
import unittest


class Results(unittest.TestResult):
    def __init__(self, file):
        super().__init__()
        self.file = file

    def write(self, verdict, test, *more):
        self.file.write("\t".join((verdict, test.id(), *more)) + "\n")
        self.file.flush()

    def startTest(self, test):
        super().startTest(test)
        self.verdict = ("pass",)

    def stopTest(self, test):
        super().stopTest(test)
        self.write(self.verdict[0], test, *self.verdict[1:])

    def fail(self, test, error):
        self.verdict = ("fail",)
        print(f"{test.id()}:\n{self._exc_info_to_string(error, test)}", flush=True)

    def addFailure(self, test, err):
        self.fail(test, err)

    def addError(self, test, err):
        if isinstance(test, unittest.TestCase):
            self.fail(test, err)
        else:
            # A class or a module that could not be set up.
            print(f"{test.id()}:\n{err[1]!r}", flush=True)
            self.write("fail", test)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.fail(subtest, err)

    def addSkip(self, test, reason):
        if isinstance(test, unittest.TestCase) and hasattr(self, "verdict"):
            if self.verdict[0] == "pass":
                self.verdict = ("skip", " ".join(reason.split()))
        else:
            self.write("skip", test, " ".join(reason.split()))

    def addExpectedFailure(self, test, err):
        self.verdict = ("skip", "the suite expects it to fail")

    def addUnexpectedSuccess(self, test):
        self.verdict = ("fail",)
        print(f"{test.id()}: passed, which the suite does not expect", flush=True)


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    suite = unittest.TestLoader().discover(sys.argv[1], top_level_dir=".")
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        suite.run(Results(file))
    return 0


if __name__ == "__main__":
    sys.exit(main())
