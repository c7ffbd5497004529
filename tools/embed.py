#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""embed.py OUT.h NAME=FILE...: each file as an array of characters that a zero byte ends."""
import sys
from pathlib import Path


def array(name, path):
    data = Path(path).read_bytes() + b"\0"
    rows = [", ".join(map(str, data[at:at + 24])) for at in range(0, len(data), 24)]
    return f"static const char {name}[] = {{\n    " + ",\n    ".join(rows) + "};\n"


def main():
    pairs = [argument.split("=", 1) for argument in sys.argv[2:]]
    text = "/* SPDX-License-Identifier: BSD-2-Clause */\n" + "".join(array(*pair) for pair in pairs)
    Path(sys.argv[1]).write_text(text, encoding="ascii")


if __name__ == "__main__":
    main()
