#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Usage: test_run.sh MODULE SOFTHSM2-UTIL
# The walkthrough must stop, and say where, when a program prints anything else than the document
# has: softhsm2-util and pkcs11-tool are replaced by ones that change their output a little.
set -u
here=$(cd "$(dirname "$0")" && pwd)
module=$(realpath "$1")
util=$(realpath "$2")
work=$(mktemp -d "${TMPDIR:-/tmp}/keykist-demo-test.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
number=0
failed=0

# changed SECTION WHAT SED-SCRIPT: the run with that change must fail in that section.
changed()
{
    number=$((number + 1))
    cat >"$work/util" <<END
#!/bin/sh
"$util" "\$@" >"$work/out"
status=\$?
sed '$3' "$work/out"
exit \$status
END
    chmod +x "$work/util"
    if "$here/run.sh" --module "$module" --util "$work/util" >"$work/log" 2>&1; then
        echo "not ok $number - $2: not noticed"
        failed=1
    elif grep -q "^FAILED at section $1\$" "$work/log" && grep -q '^--- the document, section' "$work/log"; then
        echo "ok $number - $2"
    else
        echo "not ok $number - $2: not noticed in section $1"
        sed 's/^/# /' "$work/log"
        failed=1
    fi
}

# A file in the token's directory that the document does not show.
extra_file()
{
    number=$((number + 1))
    cat >"$work/util" <<END
#!/bin/sh
"$util" "\$@"
status=\$?
for dir in "\$(sed -n 's/^directories.tokendir = //p' "\$SOFTHSM2_CONF")"/*; do : >"\$dir/extra"; done
exit \$status
END
    chmod +x "$work/util"
    if "$here/run.sh" --module "$module" --util "$work/util" >"$work/log" 2>&1; then
        echo "not ok $number - a file too many: not noticed"
        failed=1
    elif grep -q "^FAILED at section 10.5\$" "$work/log"; then
        echo "ok $number - a file too many in the token's directory"
    else
        echo "not ok $number - a file too many: not noticed in section 10.5"
        sed 's/^/# /' "$work/log"
        failed=1
    fi
}

echo 1..6
extra_file
changed 10.4 'another message' 's/has been initialized/was initialized/'
changed 10.7 'a line too many' '/Slot info:/a\        Hint: none'
changed 10.7 'a line that is missing' '/Firmware version/d'
changed 10.7 'a serial that does not fit the slot' 's/^\( *Serial number:  *\)[0-9a-f]\{16\}/\10123456789abcdef/'
changed 10.7 'another label' 's/MyToken/mytoken/'
exit $failed
