#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the conformance runner against every mutant of a module.

A fault is caught when a check fails on the mutant that passes on the module itself, seen through
the same proxy without a fault. Prints the faults that survive, then "N caught, N survived".
With --share only a part of the faults, another one each time; all with KEYKIST_LONG_TESTS set.
"""
import argparse
import concurrent.futures
import fnmatch
import os
import random
import subprocess
import sys


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", required=True, help="run.sh of the conformance runner")
    parser.add_argument("--runner", required=True, help="the conformance runner")
    parser.add_argument("--proxy", required=True, help="libmutant.so")
    parser.add_argument("--list", required=True, help="the program that lists the faults")
    parser.add_argument("--module", required=True, help="the module to spoil")
    parser.add_argument("--fault", default="*", help="only the faults that this glob fits")
    parser.add_argument("--share", type=int, default=1, metavar="N",
                        help="every N-th fault, beginning anywhere")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--verbose", action="store_true", help="tell what caught each fault")
    return parser.parse_args()


def make_environment(arguments, fault):
    """Memory for the tokens where there is some: nothing that is written here need last."""
    environment = dict(os.environ, MUTANT_MODULE=os.path.abspath(arguments.module),
                       MUTANT_FAULT=fault)
    if os.access("/dev/shm", os.W_OK):
        environment.setdefault("TMPDIR", "/dev/shm")
    return environment


def list_faults(arguments):
    text = subprocess.run([arguments.list], check=True, capture_output=True, text=True).stdout
    faults = [line.split("\t") for line in text.splitlines()]
    if len(set(name for name, _ in faults)) < len(faults):
        raise RuntimeError("two faults have one name: the second is never tried")
    faults = [fault for fault in faults if fnmatch.fnmatch(fault[0], arguments.fault)]
    share = 1 if "KEYKIST_LONG_TESTS" in os.environ else arguments.share
    first = random.randrange(share)
    if share > 1:
        print(f"every {share}. of {len(faults)} faults, from number {first}")
    return faults[first::share]


def run_checks(arguments, fault, chapters):
    """The ids of the checks that passed and of those that failed."""
    command = [arguments.run, arguments.runner, "--module", os.path.abspath(arguments.proxy)]
    if chapters:
        command += ["--only", chapters]
    result = subprocess.run(command, env=make_environment(arguments, fault), check=False, text=True,
                            errors="replace", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    passed, failed = set(), set()
    for line in result.stdout.splitlines():
        words = line.split()
        if line.startswith("ok ") and "# SKIP" not in line:
            passed.add(words[3])
        elif line.startswith("not ok "):
            failed.add(words[4])
    if not passed and not failed:
        raise RuntimeError(f"{fault}: the runner ran nothing: {result.stdout[:200]}")
    return passed, failed


def main():
    arguments = parse_arguments()
    good, _ = run_checks(arguments, "none", "")
    survived = []
    faults = list_faults(arguments)
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        runs = {name: pool.submit(run_checks, arguments, name, chapters)
                for name, chapters in faults}
        for name, run in runs.items():
            caught = sorted(run.result()[1] & good)
            if not caught:
                survived.append(name)
                print(f"survived: {name}")
            elif arguments.verbose:
                print(f"caught: {name}: {len(caught)} checks, {caught[0]} among them")
    print(f"{len(faults) - len(survived)} caught, {len(survived)} survived")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
