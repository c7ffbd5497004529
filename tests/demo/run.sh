#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The walkthrough of a SoftHSM user's first hour (sections 10.4 to 12.4.4 of the document that
# expected/ was taken from), with real programs: pkcs11-tool, softhsm2-util, Python with PyKCS11.
#
# Shows each command as the document has it and its real output, and compares that with the
# document's. Exceptions, and there are no others:
#   - the slot's number, the token's serial and the module's path are the run's own: where they
#     stand, and only there, the document's are put in before comparing;
#   - the document's mechanism number 8197 is a slip, CKM_RSA_PKCS_OAEP is 9;
#   - blanks at line ends, which the document does not have;
#   - section 10.5: dates, owners, the uuids in file names and the sizes of objects. The document's
#     listing shows a key pair: it is compared once more after 10.6, and before that without it;
#   - opensc.sed: lines that depend on the version of pkcs11-tool.
#
# Usage: run.sh --module FILE --util FILE [--python FILE] [--tap] [--keep]
set -u

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
expected=$here/expected

doc_module=/usr/lib/softhsm/libsofthsm2.so
doc_slot=1461154852
doc_slot_hex=0x57177424
doc_serial=0e40036557177424

module=
util=
python=$top/build-venv/bin/python3
[ -x "$python" ] || python=python3
tap=no
keep=no
while [ $# -gt 0 ]; do
    case $1 in
    --module) module=$2; shift ;;
    --util) util=$2; shift ;;
    --python) python=$2; shift ;;
    --tap) tap=yes ;;
    --keep) keep=yes ;;
    *) echo "run.sh: unknown option $1" >&2; exit 2 ;;
    esac
    shift
done
[ -f "$module" ] || { echo "run.sh: no module at '$module'" >&2; exit 2; }
[ -x "$util" ] || { echo "run.sh: no softhsm2-util at '$util'" >&2; exit 2; }
module=$(cd "$(dirname "$module")" && pwd)/$(basename "$module")
util=$(cd "$(dirname "$util")" && pwd)/$(basename "$util")
case $python in
*/*) python=$(cd "$(dirname "$python")" && pwd)/$(basename "$python") ;;
*) python=$(command -v "$python") ;;
esac

work=$(mktemp -d "${TMPDIR:-/tmp}/keykist-demo.XXXXXX") || exit 1
if [ "$keep" = no ]; then
    trap 'rm -rf "$work"' EXIT
fi
tokens=$work/tokens

# Text for the reader; a comment where TAP is spoken.
say()
{
    if [ "$tap" = yes ]; then
        sed 's/^/# /'
    else
        cat
    fi
}

prepare()
{
    mkdir -p "$tokens" "$work/bin" "$work/examples" &&
        chmod 2770 "$tokens" &&
        cp -R "$top/examples/intro-to-soft-hsm" "$work/examples/" &&
        rm -f "$work"/examples/intro-to-soft-hsm/*.txt "$work"/examples/intro-to-soft-hsm/*.bin &&
        cat >"$work/softhsm2.conf" <<END
directories.tokendir = $tokens/
objectstore.backend = file
log.level = INFO
END
    cat >"$work/bin/softhsm2-util" <<END
#!/bin/sh
exec "$util" --module "$module" "\$@"
END
    chmod +x "$work/bin/softhsm2-util"
}

slot=none
slot_hex=none

# The slot is known once 10.4 has printed it.
learn_slot()
{
    slot=$(sed -n 's/^The token has been initialized and is reassigned to slot \([0-9]\{1,\}\)$/\1/p' "$1")
    slot_hex=$(printf '0x%x' "${slot:-0}")
}

# A serial counts as one only when the slot's number follows from it, as it must.
document_serial()
{
    serial=$(sed -n 's/^ *Serial number: *\([0-9a-f]\{16\}\) *$/\1/p' "$1" | head -n 1)
    [ -n "$serial" ] || return 0
    low=$(printf '%s' "$serial" | cut -c 9-16)
    if [ $((0x$low & 0x7fffffff)) = "$slot" ]; then
        printf 's/^\\( *Serial number:  *\\)%s$/\\1%s/\n' "$serial" "$doc_serial"
    fi
}

# The real output in the document's terms.
in_document_terms()
{
    document_serial "$1" >"$work/serial.sed"
    sed -e 's/[[:blank:]]*$//' -f "$here/opensc.sed" "$1" | sed -f "$work/serial.sed" \
        -e "s|$module|$doc_module|g" \
        -e "s/^\\(Slot \\|Found token in slot ID: \\|.* reassigned to slot \\)$slot\$/\\1$doc_slot/" \
        -e "s/\\(SoftHSM slot ID \\|a present token (\\)$slot_hex\\b/\\1$doc_slot_hex/" \
        -e 's/^\(Encrypting\|Decrypting\) data using mechanism: 9\.\.\.$/\1 data using mechanism: 8197.../'
}

# 10.5: what is there and who may read it; of names the uuid, and sizes of objects, are left out.
listing_in_document_terms()
{
    awk '/^total/ { next }
        $NF == "." || $NF == ".." { print $1, $NF; next }
        $NF ~ /[.]object$/ && $NF != "token.object" { print $1, $NF; next }
        { print $1, $5, $NF }' "$1" |
        sed -e 's/^\([-a-z]*S*[-a-zS]*\)[.+] /\1 /' \
            -e 's/[0-9a-f]\{8\}\(-[0-9a-f]\{4\}\)\{3\}-[0-9a-f]\{12\}/UUID/' | sort
}

# The real listing against the document's: whole, or without the key pair that comes with 10.6.
compare_listing()
{
    listing_in_document_terms "$expected/10.5.output" >"$work/want"
    listing_in_document_terms "$1" >"$work/got"
    if [ "$2" = without-keys ]; then
        sed -i '/UUID/d' "$work/want"
    fi
    diff -u --label "the document, section 10.5" --label "this run" "$work/want" "$work/got" >"$work/diff"
}

compare()
{
    section=$1
    if [ "$section" = 10.5 ]; then
        compare_listing "$work/real" without-keys
    else
        sed 's/[[:blank:]]*$//' "$expected/$section.output" >"$work/want"
        in_document_terms "$work/real" >"$work/got"
        diff -u --label "the document, section $section" --label "this run" "$work/want" "$work/got" \
            >"$work/diff" && compare_with_keys
    fi
}

# After 10.6 the token's directory is what the document shows in 10.5.
compare_with_keys()
{
    [ "$section" = 10.6 ] || return 0
    ls -la "$tokens"/* >"$work/listing"
    compare_listing "$work/listing" whole
}

# run SECTION COMMAND: runs it in the work folder, with the module's path replaced.
run()
{
    real_command=$(printf '%s\n' "$2" | sed "s|$doc_module|$module|g")
    (
        cd "$work" || exit 1
        PATH=$work/bin:$(dirname "$python"):$PATH
        export PATH SOFTHSM2_CONF="$work/softhsm2.conf" PKCS11_MODULE="$module"
        export PYTHONUNBUFFERED=1 LC_ALL=C
        if [ -n "${KK_PRELOAD:-}" ]; then
            # A sanitized module in programs that are not; their own leaks are not ours to report.
            export LD_PRELOAD="$KK_PRELOAD" ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0"
        fi
        eval "$real_command"
    ) >"$work/real" 2>&1
}

number=0

step()
{
    section=$1
    title=$2
    if [ -f "$expected/$section.command" ]; then
        command=$(cat "$expected/$section.command")
    else
        command="ls -la $tokens/*"
    fi
    number=$((number + 1))
    { printf '\n== %s %s\n$ %s\n' "$section" "$title" "$command"; } | say
    run "$section" "$command"
    status=$?
    say <"$work/real"
    [ "$section" = 10.4 ] && learn_slot "$work/real"

    if [ $status -eq 0 ] && compare "$section"; then
        [ "$tap" = yes ] && echo "ok $number - section $section: $title"
        return 0
    fi
    if [ $status -ne 0 ]; then
        echo "The command of section $section ended with code $status." | say
    fi
    if [ -s "$work/diff" ]; then
        { echo "Section $section differs from the document:"; cat "$work/diff"; } | say
    fi
    if [ "$tap" = yes ]; then
        echo "not ok $number - section $section: $title"
        echo "Bail out! the walkthrough stopped at section $section"
    else
        echo "FAILED at section $section" >&2
    fi
    exit 1
}

prepare || { echo "run.sh: cannot prepare $work" >&2; exit 2; }
[ "$tap" = yes ] && echo 1..11
say <<END
The walkthrough, in $work.
$doc_module in the commands stands for
$module
END

step 10.4 'Initialize Token'
step 10.5 'Token location'
step 10.6 'Generate Key Pair'
step 10.7 'List Tokens'
step 11.1 'Create a simple test document'
step 11.2 'Sign the document with your private key'
step 11.3 'Verify the signature with your public key'
step 12.4.1 'Create the plaintext message file'
step 12.4.2 'Run the encryption script'
step 12.4.3 'Run the decryption script'
step 12.4.4 'Verify the decrypted content'

printf '\nAll 11 steps printed what the document prints.\n' | say
