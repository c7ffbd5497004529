# SPDX-License-Identifier: BSD-2-Clause
# Shared by the Python tests here: a virtual environment with both libraries, and the sources of one.

make_venv()
{
    python3 -m venv "$1" &&
        "$1/bin/pip" install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
            -r "$here/requirements.txt"
}

# The source archive holds the tests; a wheel does not.
fetch_sdist()
{
    grep "^$1==" "$here/sdists.txt" >"$2/wanted.txt" &&
        "$cache/python/bin/pip" download --quiet --disable-pip-version-check --no-deps --no-binary "$1" \
            --require-hashes -r "$2/wanted.txt" -d "$2" &&
        tar -x -z -f "$2"/*.tar.gz -C "$2" --strip-components=1
}

need_python()
{
    need python3
    only_once python "$here/requirements.txt" -- make_venv ||
        cannot_run "PyPI has no $1 for this Python, or does not answer: $(tail -n 1 "$cache/python.log")"
    python=$cache/python/bin/python3
}

need_sdist()
{
    only_once "sdist-$1" "$here/sdists.txt" -- fetch_sdist "$1" ||
        cannot_run "PyPI gave no source archive of $1: $(tail -n 1 "$cache/sdist-$1.log")"
}

version_of()
{
    sed -n "s/^$1==\([^ ]*\).*/\1/p" "$here/sdists.txt"
}
