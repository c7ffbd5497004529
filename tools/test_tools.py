#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The checks of this folder find what they are there to find: each is run on a small tree with one
mistake of each kind, and on one without. Prints TAP."""
import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path

import check_layers
import check_quotes
import clients_table
import count_results
import simple_mistakes
import source_files
import spec_trace

LICENCE = "/* SPDX-License-Identifier: BSD-2-Clause */\n"

# (name, check, file, text, what must be said, or None when nothing may be)
CASES = [
    ("an include downward", check_layers, "src/store/a.c", '#include "base/b.h"\n', None),
    ("an include upward", check_layers, "src/base/a.c", '#include "object/o.h"\n', "base/ may not include object/"),
    ("an include sideways", check_layers, "src/store/a.c", '#include "crypto/c.h"\n', "store/ may not include crypto/"),
    ("the one header of crypto/ that cli/ may include", check_layers, "src/cli/a.c", '#include "crypto/keyfile.h"\n', None),
    ("another header of crypto/ in cli/", check_layers, "src/cli/a.c", '#include "crypto/c.h"\n', "cli/ may not"),
    ("the one header of store/", check_layers, "src/cli/a.c", '#include "store/softhsm1.h"\n', None),
    ("another header of store/ in cli/", check_layers, "src/cli/a.c", '#include "store/s.h"\n', "cli/ may not"),
    ("OpenSSL outside crypto/", check_layers, "src/object/a.c", "#include <openssl/evp.h>\n", "<openssl/evp.h>"),
    ("OpenSSL inside crypto/", check_layers, "src/crypto/a.c", "#include <openssl/evp.h>\n", None),
    ("libsodium outside crypto/", check_layers, "src/base/a.c", "#include <sodium.h>\n", "<sodium.h>"),
    ("SQLite outside store/", check_layers, "src/token/a.c", "#include <sqlite3.h>\n", "<sqlite3.h>"),
    ("a header without its layer", check_layers, "src/base/a.c", '#include "b.h"\n', 'is not "layer/file.h"'),
    ("a header that does not exist", check_layers, "src/base/a.c", '#include "base/no.h"\n', "does not exist"),
    ("the own header second", check_layers, "src/base/b.c", '#include <stdio.h>\n#include "base/b.h"\n', "own header"),
    ("an include in a comment", check_layers, "src/base/a.c", '/*\n#include "object/o.h"\n*/\n', None),
    ("a mechanism outside its table", simple_mistakes, "src/api/a.c", "int x = CKM_AES_GCM;\n", "CKM_AES_GCM"),
    ("a mechanism in the table", simple_mistakes, "src/mechanism/a.c", "int x = CKM_AES_GCM;\n", None),
    ("a mechanism in a comment", simple_mistakes, "src/api/a.c", "/* CKM_AES_GCM */\n", None),
    ("a banned call", simple_mistakes, "tests/a.c", "void f(void) { strcpy(a, b); }\n", "strcpy"),
    ("a longer name", simple_mistakes, "src/api/a.c", "void f(void) { kk_strcpy(a, b); }\n", None),
    ("a member of that name", simple_mistakes, "src/api/a.c", "void f(void) { x->free(y); }\n", None),
    ("memcmp", simple_mistakes, "src/token/a.c", "int f(void) { return memcmp(a, b, 1); }\n", "memcmp"),
    ("memcmp in base/", simple_mistakes, "src/base/a.c", "int f(void) { return memcmp(a, b, 1); }\n", None),
    ("raw malloc", simple_mistakes, "src/token/a.c", "void *f(void) { return malloc(1); }\n", "malloc"),
    ("exit in a library", simple_mistakes, "src/api/a.c", "void f(void) { exit(1); }\n", "exit"),
    ("stderr in a library", simple_mistakes, "src/api/a.c", "void f(void) { fputs(a, stderr); }\n", "stderr"),
    ("goto", simple_mistakes, "src/api/a.c", "void f(void) { goto end; }\n", "goto"),
    ("a line comment", simple_mistakes, "src/api/a.c", "int x; // why\n", "// comment"),
    ("slashes in a string", simple_mistakes, "src/api/a.c", 'char *x = "https://a";\n', None),
    ("an unfinished mark", simple_mistakes, "src/api/a.c", "/* TODO: more */\n", "TODO"),
    ("a citation", spec_trace, "src/api/a.c", "/*= pkcs11-3.2 C_Sign: ends the operation */\n", None),
    ("a citation of another form", spec_trace, "src/api/a.c", "/*= C_Sign ends the operation */\n", "not 'pkcs11-3.2"),
]


def run_check(check, name, text, licence=LICENCE):
    """(exit code, output) of the check on a tree with one file of interest."""
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        for path, content in (
            ("src/base/b.h", LICENCE),
            ("src/object/o.h", LICENCE),
            ("src/crypto/c.h", LICENCE),
            ("src/crypto/keyfile.h", LICENCE),
            ("src/store/softhsm1.h", LICENCE),
            ("src/store/s.h", LICENCE),
            ("src/cryptoki/functions.h", LICENCE + "#define F(X) X(C_Sign, ())\n"),
            (name, licence + text),
        ):
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            (top / path).write_text(content, encoding="utf-8")
        source_files.TOP = check_layers.TOP = top
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(io.StringIO()):
            code = check.main()
        return code, output.getvalue()


def case_holds(check, name, text, wanted):
    code, output = run_check(check, name, text)
    if wanted is None:
        return code == 0, output
    return code == 1 and wanted in output, output


def licence_is_asked_for():
    code, output = run_check(simple_mistakes, "src/api/a.c", "int x;\n", licence="")
    return code == 1 and "no SPDX line" in output, output


def results_are_counted():
    tests = [
        {"name": "tap", "result": "FAIL", "stdout": "1..3\nok 1 - a\nnot ok 2 - b\nok 3 - c # SKIP no\n"},
        {"name": "plain", "result": "OK", "stdout": "hello"},
        {"name": "broken off", "result": "TIMEOUT", "stdout": "1..9\nok 1 - a\n"},
        {"name": "left out", "result": "SKIP", "stdout": ""},
        {"name": "judge", "result": "OK", "stdout": "1..1\nnot ok 1 - PKCS #1 by another module\n"},
    ]
    wanted = [(1, 1, ["tap: 2 - b"]), (1, 0, []), (1, 0, ["broken off: TIMEOUT"]), (0, 1, []), (1, 0, [])]
    with tempfile.TemporaryDirectory() as folder:
        rows = [{"name": test["name"], "protocol": "exitcode" if test["name"] == "judge" else "tap"} for test in tests]
        (Path(folder) / "intro-tests.json").write_text(json.dumps(rows), encoding="utf-8")
        log = "".join(json.dumps({**test, "name": f"keykist:unit / {test['name']}"}) + "\n" for test in tests)
        (Path(folder) / "testlog.json").write_text(log, encoding="utf-8")
        found = [count_results.count_test(*pair) for pair in count_results.read_folder(Path(folder))]
    found = [(good, left, [name.removeprefix("keykist:unit / ") for name in names]) for good, left, names in found]
    return found == wanted, str(found)


def clients_are_tabled():
    tests = [
        {"name": "k:clients / a", "result": "FAIL",
         "stdout": "# client tool 1.0\nok 1 - a\nok 2 - b # SKIP no TPM\n# client lib 2\nnot ok 3 - c\n"},
        {"name": "k:clients / a-again", "result": "OK", "stdout": "# client tool 1.0\nok 1 - a\n"},
        {"name": "k:clients / off", "result": "TIMEOUT", "stdout": "# client slow 3\nok 1 - a\n"},
        {"name": "k:clients / none", "result": "SKIP", "stdout": "1..0 # SKIP node is not installed\n"},
    ]
    lines, failed = clients_table.table((test, True) for test in tests)
    wanted = ["| lib | 2 | 0 | 1 | 0 |", "| none | - | 0 | 0 | 1: node is not installed |", "| slow | 3 | 1 | 1 | 0 |",
              "| tool | 1.0 | 2 | 0 | 1: no TPM |"]
    return lines[2:] == wanted and failed == 2, "\n".join(lines)


def uncited_clauses_are_told():
    """Of three clauses one is cited by its heading, one by a name in a title; one can't be reached."""
    files = {
        spec_trace.CLAUSES: "# numbers\n5\tFunctions\n5.1\tC_One\tCKR_A CKR_B\n5.2\tC_Two\tCKA_C\n",
        spec_trace.RETURN_CODES: "C_One CKR_A CKR_B\nC_Two CKR_A\n",
        spec_trace.UNREACHABLE: "| code | functions | why |\n|---|---|---|\n| `CKR_B` | every function | because |\n",
        "runner": "#!/bin/sh\necho 'a/b pkcs11-3.2 C_One: CKR_A for something'\n",
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / name).write_text(text, encoding="utf-8")
        (Path(folder) / "runner").chmod(0o700)
        before, source_files.TOP = source_files.TOP, Path(folder)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            problems = spec_trace.trace_checks(str(Path(folder) / "runner"))
        source_files.TOP = before
    lines = said.getvalue().splitlines()
    wanted = ["no check cites 5.2 C_Two", "no check cites 5.2 C_Two: CKA_C"]
    return lines[:-1] == wanted and len(problems) == 1, said.getvalue()


def quotes_are_compared():
    quote = "From [`{}`](x):\n\n```c\nint x;\n{}```\n"
    guide = quote.format("a.c", "") + quote.format("a.c", "int z;\n") + quote.format("b.c", "")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.c").write_text("int x;\nint y;\n", encoding="utf-8")
        (Path(folder) / "guide.md").write_text(guide, encoding="utf-8")
        before, check_quotes.TOP = check_quotes.TOP, Path(folder)
        wrong, count = check_quotes.check(Path(folder) / "guide.md")
        check_quotes.TOP = before
    wanted = ["guide.md:6: a.c has other lines", "guide.md:12: there is no b.c"]
    return (wrong, count) == (wanted, 3), f"{count}\n" + "\n".join(wrong)


def failures_are_shown():
    test = {"name": "t", "stdout": "ok 1 - a\n# why\nnot ok 2 - b\n", "stderr": "said\n"}
    shown = list(count_results.failure_excerpt(test, True))
    return shown == ["    t: # why", "    t: not ok 2 - b", "    t: said"], str(shown)


def main():
    results = [(name, *case_holds(check, path, text, wanted)) for name, check, path, text, wanted in CASES]
    results.append(("a missing licence line", *licence_is_asked_for()))
    results.append(("results are counted", *results_are_counted()))
    results.append(("clients are tabled", *clients_are_tabled()))
    results.append(("failures are shown", *failures_are_shown()))
    results.append(("quotes are compared", *quotes_are_compared()))
    results.append(("uncited clauses are told", *uncited_clauses_are_told()))
    print(f"1..{len(results)}")
    for number, (name, good, output) in enumerate(results, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {name}")
        if not good:
            print("".join(f"#   {line}\n" for line in output.splitlines()), end="")
    return 0 if all(good for _, good, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main())
