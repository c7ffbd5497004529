#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""No link in the documents leads nowhere, neither to a file nor to a heading in it; docs/SUMMARY.md, the book's table of
contents, has every page once; and every guide is linked from README.md. TAP."""
import pathlib
import re
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tools"))
import source_files  # noqa: E402

LINK = re.compile(r"(?<!!)\[[^\]\[]*\]\(([^)\s]+)\)")


def pages():
    return [TOP / path for path in source_files.source_files("*.md")]


def prose(path):
    """The page without its blocks of code and without code within lines."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", lambda code: code[0] if "](" not in code[0] else "", text)


def anchors(path):
    """What a heading is called in a link, as the usual programs make it."""
    found = set()
    for heading in re.findall(r"^#+ (.*)$", prose(path), flags=re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
        found.add(plain.strip().replace(" ", "-"))
    return found


def links(path):
    return [link for link in LINK.findall(prose(path)) if not re.match(r"[a-z]+:|\.\.\.$", link)]


def dead(path):
    """The links of a page that lead nowhere."""
    gone = []
    for link in links(path):
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists():
            gone.append(f"{link}: no such file")
        elif anchor and target.suffix == ".md" and anchor not in anchors(target):
            gone.append(f"{link}: no such heading")
    return gone


def in_contents():
    summary = TOP / "docs" / "SUMMARY.md"
    return [(summary.parent / link).resolve() for link in links(summary)]


def finds_what_is_dead():
    with tempfile.TemporaryDirectory() as name:
        page = pathlib.Path(name) / "page.md"
        page.write_text("# A heading\n[here](#a-heading) [there](#other) [file](none.md) [web](https://a.example)\n"
                        "```\n[code](nothing)\n```\n")
        return dead(page) == ["#other: no such heading", "none.md: no such file"]


def main():
    every = pages()
    contents = in_contents()
    wanted = {path for path in every if path.name != "SUMMARY.md"}
    from_readme = {(TOP / link.partition("#")[0]).resolve() for link in links(TOP / "README.md")}
    guides = set((TOP / "docs" / "guides").glob("*.md"))
    checks = [
        ("a link that leads nowhere is found", [] if finds_what_is_dead() else ["it is not"]),
        (f"no link of {len(every)} pages leads nowhere",
         [f"{path.relative_to(TOP)}: {why}" for path in every for why in dead(path)]),
        ("the contents have every page", [str(path.relative_to(TOP)) for path in sorted(wanted - set(contents))]),
        ("and each of them once", sorted({str(path) for path in contents if contents.count(path) > 1})),
        ("README.md links every guide", [str(path.relative_to(TOP)) for path in sorted(guides - from_readme)]),
    ]
    print(f"1..{len(checks)}")
    for number, (name, bad) in enumerate(checks, 1):
        print(f"{'not ok' if bad else 'ok'} {number} - {name}")
        print("".join(f"# {line}\n" for line in bad), end="")


if __name__ == "__main__":
    main()
