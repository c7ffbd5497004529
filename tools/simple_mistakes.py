#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Mistakes that a pattern finds: constants and calls outside the folders that own them, banned
calls, comments of the wrong kind, unfinished marks, missing licence lines."""
import re
import sys

from source_files import line_of, read, report, source_files, without

C_FILES = ["src/*.c", "src/*.h", "tests/*.c", "tests/*.h", "bench/*.c", "bench/*.h", "fuzz/*.c", "fuzz/*.h"]
OTHER_FILES = ["*.py", "*.sh", "*meson.build", "meson_options.txt", "Makefile", ".ci/run"]


def call(*names):
    """A call of one of the functions, not a longer name, not a member."""
    return re.compile(r"(?<![\w.>])(?:" + "|".join(names) + r")\s*\(")


# (what, pattern, folders where it is looked for, folders or files where it may stand)
RULES = [
    (
        "a CKM_ constant belongs into the mechanism table",
        re.compile(r"\bCKM_[A-Z0-9_]+\b"),
        ["src/"],
        ["src/cryptoki/", "src/mechanism/", "src/cli/"],
    ),
    (
        "banned call",
        call(
            "strcpy", "strcat", "sprintf", "vsprintf", "strncpy", "strncat", "strtok", "gets", "atoi", "atol",
            "alloca", "rand", "srand", "random", "gmtime", "localtime", "asctime", "ctime", "mktemp", "tmpnam",
        ),
        ["src/", "tests/", "bench/", "fuzz/"],
        [],
    ),
    ("memcmp outside base/: use kk_ct_equal or kk_bytes", call("memcmp"), ["src/"], ["src/base/"]),
    (
        "raw allocation outside base/",
        call("malloc", "calloc", "realloc", "reallocarray", "free", "strdup", "strndup", "asprintf", "vasprintf"),
        ["src/"],
        ["src/base/"],
    ),
    ("a library never ends its process", call("exit", "_exit", "quick_exit"), ["src/"], ["src/cli/", "src/daemon/"]),
    (
        "a library leaves the process's state alone",
        call("signal", "sigaction", "setlocale", "umask", "setenv", "putenv", "unsetenv", "chdir"),
        ["src/"],
        ["src/cli/", "src/daemon/"],
    ),
    (
        "a library does not write to the terminal",
        re.compile(r"\b(?:printf|puts|perror|vprintf)\s*\(|\bstderr\b|\bstdout\b"),
        ["src/"],
        ["src/cli/", "src/daemon/", "src/base/log.c"],
    ),
    ("goto", re.compile(r"\bgoto\b"), ["src/"], []),
]

LINE_COMMENT = re.compile(r"//[^\n]*")
# "# TODO" is TAP's word for a check that is expected to fail.
MARK = re.compile(r"(?<!# )\b(?:TODO|FIXME|XXX|HACK)\b")
BLOCK_COMMENT_OR_STRING = re.compile(
    r"""/\*.*?\*/ | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""", re.DOTALL | re.VERBOSE
)


def starts_with_any(path, prefixes):
    return any(str(path).startswith(prefix) for prefix in prefixes)


def check_rules(path, text):
    code = without(text)
    for what, pattern, where, allowed in RULES:
        if not starts_with_any(path, where) or starts_with_any(path, allowed):
            continue
        for match in pattern.finditer(code):
            yield f"{path}:{line_of(code, match.start())}: {what}: {match[0].rstrip('( ')}"


def check_comments(path, text):
    blanked = BLOCK_COMMENT_OR_STRING.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    for match in LINE_COMMENT.finditer(blanked):
        yield f"{path}:{line_of(blanked, match.start())}: // comment"


def check_marks(path, text):
    if path.parts[0] == "tools":  # they have to name what they look for
        return
    for match in MARK.finditer(text):
        yield f"{path}:{line_of(text, match.start())}: unfinished: {match[0]}"


def check_licence(path, text):
    head = text.split("\n", 2)[:2]
    if not any("SPDX-License-Identifier: BSD-2-Clause" in line for line in head):
        yield f"{path}:1: no SPDX line"


def check_c(path):
    text = read(path)
    yield from check_rules(path, text)
    yield from check_comments(path, text)
    yield from check_marks(path, text)
    yield from check_licence(path, text)


def check_other(path):
    text = read(path)
    yield from check_marks(path, text)
    yield from check_licence(path, text)


def main():
    problems = [problem for path in source_files(*C_FILES) for problem in check_c(path)]
    problems += [problem for path in source_files(*OTHER_FILES) for problem in check_other(path)]
    return report(problems)


if __name__ == "__main__":
    sys.exit(main())
