# SPDX-License-Identifier: BSD-2-Clause
"""A page of the documents as a list of steps, for the tests that run and count them.

A block of code, between lines of three backticks, is one of these:

    commands    its first line begins with "$ ". A command goes on behind a backslash at its end, and up to
                the end of a here-document; what stands behind it, up to the next command, is what it prints.
                A line "..." there stands for any lines.
    a quote     right behind 'From [`FILE`](...):'; tools/check_quotes.py holds it against the file
    text        "```text": a format or a picture, nothing that anybody types
    marked      by a comment, which nobody sees who reads the page:

    <!-- test: file NAME -->    the block is the content of this file; +NAME: more of it
    <!-- test: no, REASON -->   the block is not run; tests/docs/not-run.txt lists all of these
    <!-- test: type WORD... --> the commands of the block are run on a terminal, and get these lines typed

Others stand by themselves, and are done in the order of the page:

    <!-- test: first COMMAND --> is run, and must succeed: what the reader has already
    <!-- test: needs NAME... --> what follows is skipped where one of these programs or files is not there;
                                 "needs nothing" ends that
    <!-- test: user NAME... -->  these programs are not run as root: some refuse that, or read nothing of root's home.
                                 Where it can't be had that they are somebody else's, what follows is skipped

In a man page the lines of the section EXAMPLES that begin with a tab are commands, of which nothing is
compared but that they succeed; a mark is a comment of scdoc's, '; test: ...'."""
import collections
import re

# kind: command, file, first, needs, user or no; text: the command, the mark's words; lines [first, end): what it prints, or
# the file's content; line: where it stands; typed: what is typed meanwhile, None where there is no terminal
Step = collections.namedtuple("Step", "kind text first end line typed", defaults=[None])

MARK = re.compile(r"^(?:<!--|;) test: (file|no,|first|needs|user|type) ?(.*?)(?: -->)?$")
QUOTE = re.compile(r"^From \[`[^`]+`\]\([^)]*\):$")
FENCE = re.compile(r"^```([a-z]*)$")


class Wrong(Exception):
    """A block that is none of these."""


def commands(lines, start, end, typed):
    number = start
    while number < end:
        if not lines[number].startswith("$ "):
            raise Wrong(f"line {number + 1} is neither a command nor the output of one")
        begin, words = number, [lines[number][2:]]
        number += 1
        ends = re.search(r"<<-?'?([A-Za-z]+)'?", words[0])
        while words[-1].endswith("\\") or (ends and words[-1] != ends[1]):
            words.append(lines[number])
            number += 1
        first = number
        while number < end and not lines[number].startswith("$ "):
            number += 1
        yield Step("command", "\n".join(words), first, number, begin, typed)


def block(lines, start, end, marks, language, before):
    """The steps of one block. `before`: the last line with something on it."""
    typed = None
    for kind, text, line in marks:
        if kind in ("file", "no"):
            yield Step(kind, text, start, end, line)
            return
        typed = text.split()
    if QUOTE.match(before) or language == "text":
        return
    if start == end or not lines[start].startswith("$ "):
        raise Wrong(f"line {start}: a block that is neither run nor marked (tests/docs/page.py)")
    yield from commands(lines, start, end, typed)


def guide(lines):
    start, language, before, marks = None, "", "", []
    for number, line in enumerate(lines):
        mark, fence = MARK.match(line), FENCE.match(line)
        if start is not None:
            if line == "```":
                yield from block(lines, start, number, marks, language, before)
                start, before, marks = None, "", []
        elif mark and mark[1] in ("first", "needs", "user"):
            yield Step(mark[1], mark[2], number, number, number)
        elif mark:
            marks.append((mark[1].rstrip(","), mark[2], number))
        elif line.startswith("<!-- test:"):
            raise Wrong(f"line {number + 1}: an unknown mark")
        elif fence:
            start, language = number + 1, fence[1]
        elif line.startswith("    ") and number > 0 and lines[number - 1] == "":
            raise Wrong(f"line {number + 1}: an indented block: use three backticks")
        elif line.strip() and marks:
            raise Wrong(f"line {number + 1}: a mark without a block")
        if start is None and line.strip():
            before = line
    if start is not None:
        raise Wrong("the last block has no end")


def man_page(lines):
    inside, skip = False, False
    for number, line in enumerate(lines):
        mark = MARK.match(line)
        if line.startswith("# "):
            inside = line == "# EXAMPLES"
        elif mark:
            skip = mark[1] == "no,"
            yield Step(mark[1].rstrip(","), mark[2], number, number, number)
        elif line == "\t```" and not skip:
            raise Wrong(f"line {number + 1}: a block that is not marked")
        elif line == "\t```":
            skip = lines[number - 1] == "" or lines[number - 1].startswith(";")
        elif line.startswith("\t") and inside:
            if not skip:
                yield Step("command", line[1:], None, None, number)
            skip = False


def steps(path, lines):
    return list(man_page(lines) if path.suffix == ".scd" else guide(lines))
