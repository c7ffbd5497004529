#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The layer rule over #include lines: a layer includes only what stands in its row, OpenSSL and
libsodium are for crypto/ alone, databases for store/ alone. Project headers are named by their full
path, "layer/file.h", and a file's own header comes first."""
import re
import sys

from source_files import TOP, line_of, read, report, source_files, without

LOW = {"cryptoki", "base"}
API = LOW | {"trace", "mechanism", "object", "token", "session"}

# layer: the layers it may include, besides itself
MAY_INCLUDE = {
    "cryptoki": set(),
    "base": {"cryptoki"},
    "trace": LOW,
    "crypto": LOW,
    "store": LOW,
    "tpm": LOW | {"crypto"},
    "mechanism": LOW | {"crypto"},
    "object": LOW | {"crypto", "mechanism"},
    "token": LOW | {"crypto", "store", "tpm", "mechanism", "object"},
    "session": LOW | {"mechanism", "object", "token"},
    "api": API,
    "rpc": LOW,
    "client": LOW | {"rpc"},
    "daemon": LOW | {"rpc", "api"},
    "module": LOW | {"trace", "api", "client", "admin"},
    "admin": API,
    "cli": LOW | {"trace"},
}

# single headers beyond the rows: the programs read and write key files and DER, have secrets sealed by the
# TPM, and one reads SoftHSM 1's database
ALSO = {("cli", "crypto/der.h"), ("cli", "crypto/keyfile.h"), ("cli", "crypto/keyfile_bag.h"), ("cli", "store/softhsm1.h"), ("cli", "tpm/tpm.h")}

# the only layers that may include a library's headers
LIBRARIES = [
    (re.compile(r"openssl/|sodium(\.h|/)"), {"crypto"}),
    (re.compile(r"sqlite3(ext)?\.h"), {"store"}),
    (re.compile(r"(postgresql/)?libpq"), {"store"}),
    (re.compile(r"tss2/"), {"tpm"}),
]

# written by the build into its own root
GENERATED = {"paths.h", "probe.h", "replay_text.h"}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def check_project_include(layer, name):
    if name in GENERATED:
        return None
    folder, separator, _ = name.partition("/")
    if not separator or folder not in MAY_INCLUDE:
        return f'"{name}" is not "layer/file.h"'
    if not (TOP / "src" / name).exists():
        return f'"{name}" does not exist'
    if folder == layer or folder in MAY_INCLUDE[layer] or (layer, name) in ALSO:
        return None
    return f"{layer}/ may not include {folder}/ ({name})"


def check_system_include(layer, name):
    for pattern, layers in LIBRARIES:
        if pattern.match(name) and layer not in layers:
            return f"{layer}/ may not include <{name}>"
    return None


def check_order(path, includes):
    """A source file's own header shows that it needs no other before it."""
    own = f"{path.parts[1]}/{path.stem}.h"
    names = [name for _, _, name in includes]
    if path.suffix == ".c" and own in names and names[0] != own:
        yield f'{path}: "{own}", its own header, is not the first include'


def check_file(path):
    layer = path.parts[1]
    if layer not in MAY_INCLUDE:
        yield f"{path}: src/{layer}/ is not a layer"
        return
    text = without(read(path), strings=False)
    includes = [(line_of(text, match.start()), match[1], match[2]) for match in INCLUDE.finditer(text)]
    for line, kind, name in includes:
        check = check_project_include if kind == '"' else check_system_include
        problem = check(layer, name)
        if problem:
            yield f"{path}:{line}: {problem}"
    yield from check_order(path, includes)


def main():
    files = source_files("src/*.c", "src/*.h")
    return report([problem for path in files for problem in check_file(path)])


if __name__ == "__main__":
    sys.exit(main())
