#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Usage: sbom.py BUILD-FOLDER

Prints the bill of materials of a finished build, as CycloneDX 1.5 (JSON): the files that are installed
with their SHA-256, and which library, in which version, each program and module is linked with. It
comes from Meson's data and from the files themselves. The same build gives the same bytes; the time in
it is SOURCE_DATE_EPOCH's, and left out without that."""
import hashlib
import json
import os
import re
import subprocess
import sys
import uuid
from datetime import datetime, timezone
from pathlib import Path

# Meson's name of a dependency: the project, its licence, its libraries' names.
LIBRARIES = {
    "libcrypto": ("openssl", "Apache-2.0", r"libcrypto\.so"),
    "libsodium": ("libsodium", "ISC", r"libsodium\.so"),
    "sqlite3": ("sqlite", "blessing", r"libsqlite3\.so"),
    "tss2-mu": ("tpm2-tss-mu", "BSD-2-Clause", r"libtss2-mu\.so"),
    "tss2-rc": ("tpm2-tss-rc", "BSD-2-Clause", r"libtss2-rc\.so"),
    "tss2-sys": ("tpm2-tss-sys", "BSD-2-Clause", r"libtss2-sys\.so"),
    "tss2-tctildr": ("tpm2-tss-tctildr", "BSD-2-Clause", r"libtss2-tctildr\.so"),
}
# The C library, the loader and what compilers and sanitizers bring.
SYSTEM = re.compile(r"(libc|libm|libdl|libpthread|libgcc_s|libasan|libubsan|libtsan|ld-linux.*|ld64|libc\.musl.*)\.so|ld\.so")


class Mistake(Exception):
    pass


def intro(build, name):
    return json.loads((build / "meson-info" / f"intro-{name}.json").read_text(encoding="utf-8"))


def needed(path):
    """The libraries that a program or module is linked with, as the loader sees them."""
    with path.open("rb") as file:
        if file.read(4) != b"\x7fELF":
            return []
    text = subprocess.run(["readelf", "-d", "-W", path], check=True, capture_output=True, text=True).stdout
    return re.findall(r"\(NEEDED\).*\[(.*)\]", text)


def dependency_of(soname):
    for name, (_, _, pattern) in LIBRARIES.items():
        if re.match(pattern, soname):
            return name
    if SYSTEM.match(soname):
        return None
    raise Mistake(f"{soname} is not in tools/sbom.py: whose is it, under which licence?")


def library_ref(name, versions):
    return f"{LIBRARIES[name][0]}@{versions[name]}"


def library(name, versions):
    project, licence, _ = LIBRARIES[name]
    return {
        "type": "library",
        "bom-ref": library_ref(name, versions),
        "name": project,
        "version": versions[name],
        "licenses": [{"license": {"id": licence}}],
        "purl": f"pkg:generic/{project}@{versions[name]}",
    }


def installed_files(build):
    """(name below the file system's top, the built file)"""
    files = {target: Path(source) for source, target in intro(build, "installed").items()}
    for target, source in sorted(files.items()):
        if source.is_file():
            yield target, source
        elif not os.path.lexists(source) and not target.endswith("libsofthsm2.so"):
            raise Mistake(f"{source} is not built")


def bill(build):
    project = intro(build, "projectinfo")
    versions = {entry["name"]: entry["version"] for entry in intro(build, "dependencies")}
    top = f"keykist@{project['version']}"
    files, edges, used = [], [], set()
    for target, source in installed_files(build):
        ref = f"file:{target}"
        wanted = sorted({name for name in map(dependency_of, needed(source)) if name})
        used.update(wanted)
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
        files.append({"type": "file", "bom-ref": ref, "name": target, "hashes": [{"alg": "SHA-256", "content": digest}]})
        edges.append({"ref": ref, "dependsOn": [library_ref(name, versions) for name in wanted]})
    content = {
        "metadata": {
            "component": {
                "type": "library", "bom-ref": top, "name": "keykist", "version": project["version"],
                "licenses": [{"license": {"id": "BSD-2-Clause"}}], "purl": f"pkg:generic/keykist@{project['version']}",
            },
        },
        "components": [library(name, versions) for name in sorted(used)] + files,
        "dependencies": [{"ref": top, "dependsOn": [file["bom-ref"] for file in files]}] + edges,
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(content, sort_keys=True))
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch:
        content["metadata"]["timestamp"] = datetime.fromtimestamp(int(epoch), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "serialNumber": f"urn:uuid:{serial}", "version": 1, **content}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        print(json.dumps(bill(Path(sys.argv[1])), indent=1))
    except (OSError, Mistake, subprocess.CalledProcessError) as error:
        sys.exit(f"sbom.py: {error}")


if __name__ == "__main__":
    main()
