# SPDX-License-Identifier: BSD-2-Clause
"""What the checks of this folder share: which files there are, and C text without its comments."""
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent

# A comment, a string or a character constant, whichever begins first.
TOKEN = re.compile(
    r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""", re.DOTALL | re.VERBOSE
)


def source_files(*patterns):
    """Paths below the top, tracked or new, that match one of git's patterns; by the file system
    where there is no git, as in a source archive."""
    try:
        listing = subprocess.run(
            ["git", "-C", str(TOP), "ls-files", "-z", "-co", "--exclude-standard", "--", *patterns],
            check=True, capture_output=True, text=True,
        ).stdout
        names = [name for name in listing.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = [
            str(path.relative_to(TOP))
            for pattern in patterns
            for path in TOP.glob(pattern.replace("*", "**/*", 1))
            if path.is_file() and not path.relative_to(TOP).parts[0].startswith("build")
        ]
    return sorted({Path(name) for name in names if (TOP / name).is_file()})


def read(path):
    return (TOP / path).read_text(encoding="utf-8", errors="replace")


def without(text, comments=True, strings=True):
    """The C text with comments or strings blanked out; lines keep their numbers."""

    def blank(match):
        token = match[0]
        is_comment = token.startswith("/")
        if (is_comment and not comments) or (not is_comment and not strings):
            return token
        kept = "".join("\n" if char == "\n" else " " for char in token)
        return kept if is_comment else '"' + kept[1:-1] + '"'

    return TOKEN.sub(blank, text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def report(problems):
    """Prints what was found; the exit code says whether there was anything."""
    for problem in problems:
        print(problem)
    if problems:
        print(f"{len(problems)} problem(s)", file=sys.stderr)
    return 1 if problems else 0
