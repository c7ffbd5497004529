#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The call trace: real programs under it, what is in it and what is not, and the calls made again.
#
# KK_CONFORMANCE  the conformance runner
# KK_HEADERS      the folder with pkcs11.h
. "$(dirname "$0")/keykist_lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
python=$here/../../build-venv/bin/python3
[ -x "$python" ] || python=python3
cd "$WORK" || exit 1

PIN=13579246
SO_PIN=97531864
util --init-token --free --label T --pin $PIN --so-pin $SO_PIN > init 2>&1 || bail "no token: $(cat init)"
cp -r "$TOKENS" before
lines() { grep -vc '^#' "$1"; }
hex() { printf '%s' "$1" | od -An -tx1 | tr -d ' \n'; }

# absent FILE TEXT...: none of the texts is in the file, as text or in hexadecimal digits.
absent()
{
    file=$1
    shift
    for text in "$@"; do
        if grep -qF "$text" "$file" || grep -qiF "$(hex "$text")" "$file"; then
            echo "found: $text"
            return 1
        fi
    done
}

# understood FILE: every line that is no remark is a call.
understood()
{
    for pid in $(sed -n 's/^# keykist trace 1 of process \([0-9]*\),.*/\1/p' "$1" | sort -u); do
        "$KK_KEYKIST" trace --pid "$pid" --to-c "$1" > program.c 2> err || return 1
        grep -q ' 0 lines not understood' err || { cat err; return 1; }
    done
}

# counted FILE: in the summaries each function has as many calls as there are lines of it.
counted()
{
    grep -v '^#' "$1" | sed 's/.*\] \(C_[A-Za-z]*\)(.*/\1/' | sort | uniq -c |
        awk '{print $2, $1}' > by-lines
    awk '$1 == "#" && $2 ~ /^C_/ {n[$2] += $3} END {for (f in n) print f, n[f]}' "$1" |
        sort > by-summary
    cmp by-lines by-summary
}

# again TRACE: its calls once more, on the tokens as they were before.
again()
{
    rm -rf after
    mv "$TOKENS" after
    cp -r before "$TOKENS"
    mkdir -p include/keykist
    cp "$KK_HEADERS/pkcs11.h" include/keykist
    "$KK_KEYKIST" trace --to-c "$1" > replay.c 2> err || { cat err; return 1; }
    grep -q ' 0 left out' err || { cat err; return 1; }
    cc -std=c11 -Wall -Wextra -Werror -Iinclude -o replay replay.c -ldl || return 1
    REPLAY_USER_PIN=$PIN REPLAY_SO_PIN=$SO_PIN ./replay "$MODULE" > replayed || { cat replayed; return 1; }
    grep -q ' 0 differ$' replayed
}

# ---- conformance: the same results, all functions ----

chapters=handles,null,badinput,async,messages,wrapauth,general,inits,templates,objects
results()
{
    "$here/../conformance/run.sh" "$KK_CONFORMANCE" --module "$MODULE" --only "$chapters" > "$1" 2>&1
}
results without
KEYKIST_TRACE=$WORK/conformance results with
check "a trace changes no result" cmp without with
check "there are some" grep -q ' 0 failed' with
check "every function is in it" test "$(grep -v '^#' conformance |
    sed 's/.*\] \(C_[A-Za-z]*\)(.*/\1/' | sort -u | wc -l)" = 104
check "every line of it is understood" understood conformance
check "it is its owner's" test "$(stat -c %a conformance)" = 600

# ---- log.trace ----

echo "log.trace = $WORK/by-config" >> softhsm2.conf
util --show-slots > out
check "log.trace" grep -q '\] C_Initialize(pInitArgs=NULL) = CKR_OK (' by-config
check "log.trace in keykist config" sh -c "'$KK_KEYKIST' config show | grep -q 'log.trace.*by-config'"
"$KK_KEYKIST" doctor --module "$MODULE" > out 2>&1
check "log.trace in keykist doctor" grep -q 'log.trace = .*by-config: every call' out
sed -i '$d' softhsm2.conf
echo "log.trace = $WORK/missing/trace" >> softhsm2.conf
: > log
sed -i 's/log.level = .*/log.level = WARNING/' softhsm2.conf
util --show-slots > out 2> err
check "a file that cannot be written breaks nothing" grep -q 'T' out
check "it is said once" test "$(grep -c 'log.trace: .*missing/trace cannot be written' log)" = 1
ln -s "$WORK/target" link
sed -i '$d' softhsm2.conf
echo "log.trace = $WORK/link" >> softhsm2.conf
util --show-slots > out 2> err
check "a symbolic link is not followed" test ! -e target
sed -i '$d' softhsm2.conf

# ---- keykist trace ----

TMPDIR=$WORK/tmp
export TMPDIR
mkdir "$TMPDIR"

"$KK_KEYKIST" trace -- "$KK_UTIL" --module "$MODULE" --show-slots > out 2> err
check "a trace on standard error" grep -q '\] C_GetSlotList(tokenPresent=' err
check "with a summary" grep -q '^# summary of process' err
check "the program's own output is apart" grep -q 'Label:.*T' out
"$KK_KEYKIST" trace --beginnings --output both -- "$KK_UTIL" --module "$MODULE" --show-slots > out 2> err
check "beginnings" test "$(grep -c '^# begins: .*) *$' both)" = "$(lines both)"
check "a trace with them is understood" understood both
"$KK_KEYKIST" trace -- sh -c 'exit 7' 2> err
check "the program's exit status" test $? = 7
"$KK_KEYKIST" trace -- "$WORK/no-such-program" 2> err
check "a program that is not there" test $? = 127
"$KK_KEYKIST" trace --output "$WORK/link" -- true 2> err
check "an output that is a link" grep -q 'it is a symbolic link' err
bare trace
tells "nothing to do" 1 'keykist: say which program is to be run behind --, or --to-c and a trace'
bare trace --module "$MODULE" -- true
tells "another module" 1 "keykist: only calls of Keykist's own module can be traced; .*"
bare trace --to-c "$WORK/no-such-trace"
check "a trace that is not there" test "$status" = 1
printf 'no trace\n\000\377 at all' > nonsense
bare trace --to-c nonsense
tells "no trace" 1 'keykist: nonsense holds no call that can be made again'
check "nothing is left in the temporary folder" test -z "$(ls "$TMPDIR")"

if [ -n "$KK_SANITIZED" ]; then
    finish
    exit 0
fi

# ---- other people's programs ----

if command -v pkcs11-tool > /dev/null; then
    rm -f tool
    "$KK_KEYKIST" trace --output tool -- pkcs11-tool --module "$MODULE" --token-label T --login \
        --pin $PIN --keypairgen --key-type EC:prime256v1 --label k --id 01 > out 2>&1
    check "pkcs11-tool" test $? = 0
    check "its login" grep -q 'C_Login(hSession=0x[0-9a-f]*, userType=CKU_USER, pPin=<secret>) = CKR_OK (' tool
    check "its template" grep -q 'pPublicKeyTemplate=\[.*CKA_EC_PARAMS=x.06082a8648ce3d030107.' tool
    check "no PIN" absent tool $PIN
    check "its calls again" again tool
    rm -rf "$TOKENS" && cp -r before "$TOKENS"
else
    skip "pkcs11-tool" "OpenSC is not installed"
fi

if "$python" -c 'import PyKCS11' 2> /dev/null; then
    rm -f client
    "$KK_KEYKIST" trace --output client -- "$python" "$here/trace_client.py" "$MODULE" $PIN > random 2> err
    check "PyKCS11" test $? = 0
    remark < err
    check "no secret" absent client $PIN not-the-pin "the value of key" "a plaintext that" "a seed that is"
    check "no random bytes" sh -c '! grep -qiF "$(cut -c1-12 random)" client'
    check "an IV" grep -q 'CKM_AES_CBC_PAD{x.30313233343536373839616263646566.}' client
    check "GCM" grep -q 'CKM_AES_GCM{pIv=x.7477656c7665206279746573., ulIvLen=12, ' client
    check "PSS" grep -q 'CKM_SHA256_RSA_PKCS_PSS{hashAlg=CKM_SHA256, mgf=CKG_MGF1_SHA256, sLen=32}' client
    check "the key's value is a length" grep -q 'C_CreateObject(.*CKA_VALUE=<16 bytes>' client
    check "a wrong signature" grep -q 'C_Verify(.*) = CKR_SIGNATURE_INVALID (' client
    check "its summary counts right" counted client
    check "failures in the summary" grep -q '^#   C_Login  *2  *1 .*(CKR_PIN_INCORRECT 1)' client
    check "its calls again" again client
    sed -i 's/) = CKR_PIN_INCORRECT/) = CKR_OK/' client
    check "a result that is another one is told" sh -c \
        "'$KK_KEYKIST' trace --to-c client > other.c 2> err && cc -std=c11 -Iinclude -o other other.c -ldl &&
         ! REPLAY_USER_PIN=wrong-$PIN ./other '$MODULE' > replayed && grep -q 'C_Login gives 0xa0, was 0x0' replayed"
else
    skip "PyKCS11" "it is not installed; \"make venv\" does it"
fi

KEYKIST_TRACE=$WORK/crowd "$python" "$here/trace_crowd.py" "$MODULE" > out 2>&1
check "threads and a child" test $? = 0
check "all of their lines are whole" understood crowd
check "none is lost" test "$(lines crowd)" = 1604
check "they are counted" counted crowd
check "a head line for each process" test "$(grep -c '^# keykist trace 1 of process' crowd)" = 2
finish
