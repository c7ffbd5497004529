#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the commands of a page, one after the other in a folder of their own, and compares what they
print with what the page says they print. page.py says what a page may hold. TAP.

What is the run's own is not compared: serial numbers, slots, identifiers, keys, dates, versions. The paths that a
page names (the module's, /etc/web/, ...) are those of the run's folder (PLACES).

Usage: run_guide.py --build FOLDER [--python FILE] [--write] PAGE
With --write the page gets the real output instead. KK_CLIENTS=required: what a page needs may not be missing."""
import argparse
import os
import pathlib
import pty
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import page

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
MODULE = "/usr/lib/softhsm/libsofthsm2.so"
LIMIT = 600
SEARCHED = f"/usr/sbin:{os.environ['PATH']}"
# The module of the build folder, unless the page names one.
# root becomes another number, with the same rights to files.
NOT_ROOT = ["unshare", "--user", "--map-user=1000"]
WITH_MODULE = 'case " $* " in *" --module "*) ;; *) exec "{file}" "$@" --module "{module}" ;; esac\n'
OWN = [
    # what newer versions of pkcs11-tool add
    (r"^  (uri|Allowed mechanisms): .*\n?", ""),
    (r", (signRecover|verifyRecover)\b", ""),
    (r"\b20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9:]{8}\.[0-9]{6} \[[0-9.]+\]", "WHEN WHO"),
    (r"\([0-9]+\.[0-9] us\)", "(DURATION)"),
    (r"\b0x[0-9a-f]{4,8}\b", "0xSLOT"),
    (r"#[0-9a-f]{12}\b", "#MARK"),
    (r"hKey=0x[0-9a-f]+", "hKey=HANDLE"),
    (r"process [0-9]+", "process N"),
    (r"[0-9]+\.[0-9]{3} ms", "N ms"),
    (r"(?m)^(#   C_\w+ +[0-9]+ +[0-9]+) [ 0-9.]+", r"\1 N"),
    (r"Serial number(:?) +[0-9a-f]+", r"Serial number\1 X"),
    (r"\b[0-9a-f]{64,}\b", "HASH"),
    (r"\b[0-9a-f]{40}\b", "ID"),
    (r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID"),
    (r"(?:%[0-9A-F]{2}){20}", "ID"),
    (r"\b[0-9a-f]{32}\b", "ID"),
    (r"\bSerial: [0-9A-F]+", "Serial: X"),
    (r"\b[0-9a-f]{16}\b", "SERIAL"),
    (r"\b[sS]lot(?: ID:?)? 0x[0-9a-f]+", "slot N"),
    (r"\(0x[0-9a-f]+\)", "(slot)"),
    (r"\b(?:s|S)lot(?: ID:)? [0-9]+", "slot N"),
    (r"\b[0-9]{6,10}\b", "NUMBER"),
    (r"\b20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z?", "TIME"),
    (r"\b[A-Z][a-z]{2} [A-Z][a-z]{2} +[0-9]{1,2} [0-9:]{8} 20[0-9]{2}\b", "TIME"),
    (r"\bversion:? [0-9]+(\.[0-9]+)+", "version V"),
    (r"^(?:[A-Za-z0-9+/]{60,}=*|[A-Za-z0-9+/]{4,}=+)$", "BASE64"),
    (r"^dmlkZXI[A-Za-z0-9+/]*$|^dHlwZT1[A-Za-z0-9+/]*$", "BASE64"),
    (r"\b(?:[0-9A-F]{2}:){19,31}[0-9A-F]{2}\b", "HASH"),
    (r"AAAA[A-Za-z0-9+/]{20,}=*", "KEY"),
    (r"SHA256:[A-Za-z0-9+/]{43}", "SHA256:FINGERPRINT"),
    (r"\bID +[0-9]{1,5} (KSK|ZSK)", r"ID TAG \1"),
    (r"(example\.?\+013\+|ECDSAP256SHA256/|DS )[0-9]+", r"\1TAG"),
]


def settled(text):
    for pattern, word in OWN:
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    text = "\n".join(re.sub(r" +", " ", line).rstrip() for line in text.strip("\n").split("\n"))
    return re.sub(r"(BASE64\n)+(?=BASE64\n)", "", text)


def fits(want, got):
    pattern = "\n".join("(?:.*\n)*?.*" if line == "..." else re.escape(line) for line in settled(want).split("\n"))
    return re.fullmatch(pattern, settled(got)) is not None


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Run:
    """The folder in which a page's commands run, and what they find there."""

    def __init__(self, folder, options):
        self.folder = folder
        self.work = folder / "work"
        for name in ("work", "bin", "etc", "tmp", "home", "home/.config"):
            (folder / name).mkdir()
        (folder / "tokens").mkdir(mode=0o700)
        (folder / "include").mkdir()
        (folder / "include" / "keykist").symlink_to(TOP / "src" / "cryptoki")
        build = options.build
        self.module = build / "src" / "module" / "libkeykist.so"
        self.places = [(MODULE, str(self.module)), ("/usr/lib/vendor/hsm.so", str(self.module)), ("/usr/include/keykist", str(TOP / "src" / "cryptoki"))]
        self.places += [(f"/etc/{name}", f"{folder}/etc/{name}") for name in ("web", "bind", "ssh", "softhsm")]
        port = free_port()
        self.places += [("localhost:443", f"localhost:{port}"), ("listen 443", f"listen localhost:{port}"), ("--port=443", f"--port={port}")]
        self.places += [("localhost:8080", f"localhost:{free_port()}")]
        port = free_port()
        self.places += [("127.0.0.1:5300", f"127.0.0.1:{port}"), ("-p 5300", f"-p {port}")]
        self.places += [(f"~/{name}", f"{folder}/home/{name}") for name in (".config", ".gnupg")]
        for name in ("web", "bind", "ssh", "softhsm"):
            (folder / "etc" / name).mkdir()
        self.conf = folder / "etc" / "softhsm" / "softhsm2.conf"
        self.conf.write_text(f"directories.tokendir = {folder}/tokens\npin.kdf = test\nlog.file = {folder}/log\n")
        for name in ("keykist", "softhsm2-util", "softhsm2-dump-file", "softhsm2-keyconv", "softhsm2-migrate"):
            loads = name in ("keykist", "softhsm2-util", "softhsm2-migrate")
            self.program(name, (WITH_MODULE if loads else "").format(file=f"{build}/src/cli/{name}", module=self.module) +
                         f'exec "{build}/src/cli/{name}" "$@"')
        if options.python:
            self.program("python3", f'exec "{options.python}" "$@"')
        shutil.copytree(TOP / "examples", self.work / "examples",
                        ignore=shutil.ignore_patterns("node_modules", "target"))
        (folder / "state").write_text("")
        self.here = self.work
        self.environment = dict(
            os.environ, SOFTHSM2_CONF=str(self.conf), LC_ALL="C", TZ="UTC", TMPDIR=f"{folder}/tmp",
            XDG_CONFIG_HOME=f"{folder}/home/.config", GNUPGHOME=f"{folder}/home/.gnupg",
            PATH=f"{folder}/bin:/usr/sbin:{os.environ['PATH']}", CPATH=f"{folder}/include", PKCS11_MODULE=str(self.module), GOTOOLCHAIN="local",
            GOFLAGS="-mod=mod -buildvcs=false", npm_config_fund="false", npm_config_audit="false",
            npm_config_update_notifier="false", SOURCES=str(TOP), KEYKIST_BUILD=str(build))
        self.environment.pop("MAKEFLAGS", None)
        if pathlib.Path("/usr/include/node/node.h").exists():
            self.environment["npm_config_nodedir"] = "/usr"

    def program(self, name, line):
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)

    def not_as_root(self, names):
        """What is in the way of that."""
        if os.getuid() != 0:
            return ""
        if not shutil.which(NOT_ROOT[0]) or subprocess.run(NOT_ROOT + ["true"], capture_output=True, check=False).returncode:
            return "a user beside root"
        for name in names:
            real = shutil.which(name, path=SEARCHED)
            self.program(name, f'[ "$(id -u)" -eq 0 ] || exec {real} "$@"\nexec {" ".join(NOT_ROOT)} {real} "$@"')
        return ""

    def real(self, text):
        for said, real in self.places:
            text = text.replace(said, real)
        return text

    def said(self, text):
        for said, real in self.places:
            text = text.replace(real, said)
        return text.replace(str(self.work) + "/", "")

    def put_file(self, name, lines):
        more, path = name.startswith("+"), self.here / self.real(name.lstrip("+"))
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a" if more else "w") as out:
            out.write(self.real("\n".join(lines) + "\n"))

    def command(self, text, typed):
        """What the command prints, and its exit status. Variables and the folder stay for the next one."""
        state = self.folder / "state"
        script = (f"set -a; . '{state}'; set +a; set -a\n{self.real(text)}\nended=$?; {{ export -p; "
                  f"}} | grep -v -e '^export _=' -e '^export PWD=' -e '^export OLDPWD=' >'{state}'; "
                  f"pwd >'{self.folder}/here'; exit $ended")
        arguments = dict(args=["sh", "-c", script], cwd=self.here, env=self.environment)
        status, printed = self.on_terminal(arguments, typed) if typed is not None else self.without(arguments)
        here = self.folder / "here"
        if here.exists():
            self.here = pathlib.Path(here.read_text().strip())
        return self.said(printed), status

    def without(self, arguments):
        """A file, not a pipe, takes what is printed: what goes on in the background would keep a pipe open."""
        with tempfile.TemporaryFile() as out:
            done = subprocess.run(stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, timeout=LIMIT,
                                  check=False, **arguments)
            out.seek(0)
            return done.returncode, out.read().decode(errors="replace")

    def on_terminal(self, arguments, typed):
        """Each line is typed when the program waits: nothing new was printed for a moment, and a prompt stands there."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(arguments["cwd"])
            os.execvpe(arguments["args"][0], arguments["args"], arguments["env"])
        printed, typed, until = b"", list(typed), time.monotonic() + LIMIT
        while time.monotonic() < until:
            if select.select([terminal], [], [], 0.5)[0]:
                try:
                    piece = os.read(terminal, 65536)
                except OSError:
                    piece = b""
                if not piece:
                    break
                printed += piece
            elif typed and printed.rstrip(b" ").endswith((b":", b"?", b"]")):
                os.write(terminal, typed.pop(0).encode() + b"\n")
                printed += b"\n"
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        text = printed.decode(errors="replace").replace("\r", "")
        return status, re.sub(r"\n\n+", "\n", text)


class Tap:
    """Numbers, and the page's real output."""

    def __init__(self):
        self.number = 0
        self.real = []

    def say(self, good, name, more=(), skip=""):
        self.number += 1
        name = name.replace("\\\n", " ").split("\n")[0].replace("#", "")
        print(f"{'ok' if good else 'not ok'} {self.number} - {name}{skip}")
        for line in more:
            print("# " + line)
        sys.stdout.flush()


def missing(names):
    gone = [name for name in names.split() if name != "nothing" and not
            (os.path.exists(name) if name.startswith("/") else shutil.which(name, path=SEARCHED))]
    return " and ".join(gone)


def compare(step, lines, run, tap):
    got, status = run.command(step.text, step.typed)
    if step.first is None:
        tap.say(status == 0, step.text, got.split("\n") if status else ())
        return
    want = "\n".join(lines[step.first:step.end])
    good = fits(want, got)
    tap.say(good, step.text, () if good else [f"page: {line}" for line in settled(want).split("\n")] +
            [f"real: {line}" for line in settled(got).split("\n")])
    if not good:
        tap.real.append((step.first, step.end, got.rstrip("\n").split("\n") if got.strip() else []))


def work(todo, lines, run, tap):
    gone = ""
    for step in todo:
        if step.kind == "needs":
            gone = missing(step.text)
            if gone and os.environ.get("KK_CLIENTS") == "required":
                tap.say(False, f"{gone}: not installed")
        elif step.kind == "user" and not gone:
            gone = run.not_as_root(step.text.split())
        elif gone and step.kind == "command":
            tap.say(True, step.text, skip=f" # SKIP {gone} is not there")
        elif gone:
            continue
        elif step.kind == "file":
            run.put_file(step.text, lines[step.first:step.end])
        elif step.kind == "first":
            got, status = run.command(step.text, None)
            if status != 0:
                tap.say(False, f"first: {step.text}", got.split("\n"))
        elif step.kind == "command":
            compare(step, lines, run, tap)


def stop_all(folder):
    """What a page started in the background has its folder in its environment or its arguments."""
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        try:
            mine = f"TMPDIR={folder}/tmp".encode() in pathlib.Path(f"/proc/{pid}/environ").read_bytes()
            if mine and pid != os.getpid():
                os.kill(pid, 15)
        except OSError:
            continue


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=lambda name: pathlib.Path(name).resolve(), required=True)
    parser.add_argument("--python", type=os.path.abspath)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("page", type=pathlib.Path)
    options = parser.parse_args()
    lines = options.page.read_text().split("\n")
    todo = page.steps(options.page, lines)
    tap = Tap()
    if options.python and not os.path.exists(options.python):
        print(f"1..0 # SKIP there is no {options.python}: make venv")
        return
    with tempfile.TemporaryDirectory(prefix="keykist-page.", ignore_cleanup_errors=True) as name:
        try:
            work(todo, lines, Run(pathlib.Path(name), options), tap)
        finally:
            stop_all(name)
    print(f"1..{tap.number}")
    if options.write:
        for first, end, got in reversed(tap.real):
            lines[first:end] = got
        options.page.write_text("\n".join(lines))


if __name__ == "__main__":
    main()
