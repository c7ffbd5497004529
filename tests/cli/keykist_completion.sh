#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# keykist completion, config and mechanism: what needs no key.
. "$(dirname "$0")/keykist_lib.sh"

# ---- completion ----

"$KK_KEYKIST" completion bash > "$WORK/bash"
"$KK_KEYKIST" completion zsh > "$WORK/zsh"
"$KK_KEYKIST" completion fish > "$WORK/fish"

# completes NAME WANT WORD...: bash completes the last word to these.
# shellcheck disable=SC2016 # bash is to see the dollars
completes()
{
    name=$1
    want=$2
    shift 2
    got=$(cd "$WORK" && bash -c 'source ./bash; COMP_WORDS=(keykist "$@"); COMP_CWORD=$#; _keykist; echo "${COMPREPLY[*]}"' - "$@")
    check "$name" test "$got" = "$want"
}
if command -v bash > /dev/null 2>&1; then
    : > "$WORK/file.txt"
    completes "groups" "token" to
    completes "... and words of their own" "restore" rest
    completes "commands" "show sign" key s
    completes "options" "--signature --serial --slot" key verify --s
    completes "... of a group that is one command" "--mechanism --module" digest --m
    completes "... behind its operand" "--mechanism --module" digest file.txt --m
    completes "... of a word of its own" "--replace --rekey" restore FILE --re
    completes "files" "file.txt" key sign file
    completes "values that are files" "file.txt" key sign --pin-file fil
    completes "values that are no files" "" key sign --label fil
    completes "help" "--help" object --h
else
    skip "bash" "there is no bash"
fi
for shell in zsh fish; do
    if command -v $shell > /dev/null 2>&1; then
        check "$shell takes its script" $shell -n "$WORK/$shell"
    fi
done
# Each command and option of the tables is in each of the three.
"$KK_KEYKIST" key sign --help | sed -n 's/^  --\([a-z0-9-]*\).*/\1/p' > "$WORK/options"
for shell in bash zsh fish; do
    for option in $(cat "$WORK/options"); do
        grep -qe "--$option\b" -e "-l $option\b" "$WORK/$shell" || echo "$option"
    done > "$WORK/missing"
    check "$shell: all options of key sign" test ! -s "$WORK/missing"
done
bare completion tcsh
tells "another shell" 1 'keykist: there is completion for bash, zsh and fish, not for "tcsh"'

# ---- config ----

cat > "$WORK/conf" << END
# a comment
directories.tokendir = $TOKENS
pin.max_tries = 5
log.file = $WORK/log
END
SOFTHSM2_CONF=$WORK/conf
bare config show --json
check "config show: what a line says, and which" test "$(json '[(s["value"], s["from"]) for s in d["settings"] if s["setting"] == "pin.max_tries"]')" = \
    "[('5', '$WORK/conf:3')]"
check "... the default" test "$(json '[(s["value"], s["from"]) for s in d["settings"] if s["setting"] == "objectstore.umask"]')" = \
    "[('0077', 'default')]"
check "... what follows from another" test "$(json '[(s["value"], s["from"]) for s in d["settings"] if s["setting"] == "log.target"]')" = \
    "[('file', 'follows from another setting')]"
check "... and which file it is, and why" test "$(json 'd["file"], d["file_from"]')" = "('$WORK/conf', 'SOFTHSM2_CONF')"
bare config show
check "as a table" grep -Eq "^pin\.max_tries +5 +$WORK/conf:3$" "$WORK/out"
bare config check
said "config check: nothing is wrong" 0 "WORK/conf is understood." ""
echo 'pin.min_lenght = 8' >> "$WORK/conf"
bare config check
check "config check: a line that is passed over" sh -c "test $status = 1 && grep -q 'conf:5: unknown key pin.min_lenght' '$WORK/out' &&
    grep -qx 'keykist: the configuration has lines that are passed over' '$WORK/err'"
echo 'mechanisms.policy = nonsense' >> "$WORK/conf"
bare config check --json
check "config check: a line that is refused" test "$status $(json 'd["good"], d["refused"], len(d["findings"])')" = "1 (False, True, 2)"
bare config show
tells "config show: refused" 1 'keykist: .*conf:6: mechanisms.policy cannot be nonsense'
SOFTHSM2_CONF=$WORK/softhsm2.conf

# ---- mechanisms ----

keykist token init --label t --so-pin 12345678 --pin 1234 > "$WORK/token.out" 2>&1 ||
    bail "no token: $(cat "$WORK/token.out")"
runk mechanism list --json
check "mechanisms are listed" test "$(json '[m["mechanism"] for m in d["mechanisms"] if m["name"] in ("rsa-pkcs-oaep", "sha256")]')" = \
    "['CKM_RSA_PKCS_OAEP', 'CKM_SHA256']"
runk mechanism list --for digest --json
check "... those for something" test "$(json 'set("digest" in m["for"] for m in d["mechanisms"])')" = "{True}"
runk mechanism list --for painting
tells "... for nothing" 1 'keykist: --for takes encrypt, .*, not "painting"'
runk mechanism show sha256-rsa-pss --json
check "one of them" test "$(json 'd["mechanism"]["mechanism"], d["mechanism"]["number"], "sign" in d["mechanism"]["for"]')" = \
    "('CKM_SHA256_RSA_PKCS_PSS', '0x43', True)"
runk mechanism show nonsense
tells "none of that name" 1 'keykist: there is no mechanism "nonsense"; .*'
runk mechanism show CKM_SKIPJACK_CBC64
tells "one that the token has not" 1 'keykist: the token has no CKM_SKIPJACK_CBC64'
finish
