#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# PINs: options, files, environment variables, and what happens without a terminal.
. "$(dirname "$0")/lib.sh"

slot="Slot 0 has a free/uninitialized token."
ask_so="=== SO PIN (4-255 characters) ===
Please enter SO PIN: "
ask_user="=== User PIN (4-255 characters) ===
Please enter user PIN: "
init="--init-token --free --label x"

# shellcheck disable=SC2086
{
    run $init --pin 1234
    said "no SO PIN, no terminal" 1 "$slot
$ask_so" "ERROR: Could not get SO PIN"

    run $init --so-pin 12345678
    said "no user PIN, no terminal" 1 "$slot
$ask_user" "ERROR: Could not get user PIN"

    run $init --so-pin 123 --pin 1234
    said "an SO PIN of 3 bytes" 1 "$slot
$ask_so" "ERROR: Could not get SO PIN"

    run $init --so-pin 12345678 --pin 123
    said "a user PIN of 3 bytes" 1 "$slot
$ask_user" "ERROR: Could not get user PIN"

    long=$(printf '%0256d' 0)
    run $init --so-pin "$long" --pin 1234
    said "an SO PIN of 256 bytes" 1 "$slot
$ask_so" "ERROR: Could not get SO PIN"

    run $init --pin-file "$WORK/nonexistent" --so-pin 12345678
    said "a PIN file that is not there" 1 "$slot" \
        "ERROR: Could not open the PIN file: WORK/nonexistent (No such file or directory)
ERROR: Could not get user PIN"

    run $init --pin-file "$WORK" --so-pin 12345678
    said "a PIN file that is a directory" 1 "$slot" \
        "ERROR: Could not read the PIN file: WORK
ERROR: Could not get user PIN"

    run $init --pin-file /dev/zero --so-pin 12345678
    said "a PIN file without an end" 1 "$slot" \
        "ERROR: Could not read the PIN file: /dev/zero
ERROR: Could not get user PIN"

    run $init --pin 1234 --so-pin-env KK_TEST_UNSET
    said "a variable that is not set" 1 "$slot" \
        "ERROR: The environment variable KK_TEST_UNSET is not set.
ERROR: Could not get SO PIN"

    run $init --so-pin 12345678 --pin 1234 --pin-file "$WORK/pin"
    said "a PIN from two places" 1 "$slot" \
        "ERROR: Use only one of --pin, --pin-file and --pin-env.
ERROR: Could not get user PIN"

    printf '' > "$WORK/empty"
    run $init --so-pin 12345678 --pin-file "$WORK/empty"
    said "an empty PIN file" 1 "$slot
$ask_user" "ERROR: Could not get user PIN"
}

# The token gets its PINs by each way, and is opened with the same PINs given plainly.
# way LABEL ARGUMENTS...: SO PIN "so secret", user PIN "user secret".
way()
{
    label=$1
    shift
    run --init-token --free --label "$label" "$@"
    check "$label: the token is made" test "$status" = 0
    run --import "$KEYS/ec.pem" --label k --id 01 --token "$label" --pin "user secret"
    said "$label: the user PIN is the one given" 0 "Found slot N with matching token label.
The key pair has been imported." ""
    run --init-token --token "$label" --label "$label" --so-pin "so secret" --pin 1234
    said "$label: the SO PIN is the one given" 0 "Found slot N with matching token label.
The token has been initialized on slot N" ""
}

printf 'so secret\n' > "$WORK/so"
printf 'user secret\r\nanother line\n' > "$WORK/user"
way files --so-pin-file "$WORK/so" --pin-file "$WORK/user"

printf 'user secret' > "$WORK/user"
KK_TEST_SO="so secret"
KK_TEST_USER="user secret"
export KK_TEST_SO KK_TEST_USER
way environment --so-pin-env KK_TEST_SO --pin-env KK_TEST_USER
way mixed --so-pin-env KK_TEST_SO --pin-file "$WORK/user"

mkfifo "$WORK/fifo"
printf 'user secret\n' > "$WORK/fifo" &
way pipe --so-pin "so secret" --pin-file "$WORK/fifo"
wait

way last --pin 1111 --so-pin 2222 --pin "user secret" --so-pin "so secret"

# The PIN does not stay in the process's argument list.
if [ -r "/proc/$$/cmdline" ]; then
    mkfifo "$WORK/held"
    "$KK_UTIL" ${MODULE:+--module "$MODULE"} --init-token --free --label held \
        --so-pin 13572468 --pin-file "$WORK/held" > /dev/null 2>&1 &
    child=$!
    exec 3> "$WORK/held" # opens once the program reads the file: all options are taken by then
    if tr '\0' ' ' < "/proc/$child/cmdline" | grep -q 13572468; then
        fail "a PIN is taken out of the argument list"
    else
        check "a PIN is taken out of the argument list" \
            sh -c "tr '\\0' ' ' < /proc/$child/cmdline | grep -q -e --init-token"
    fi
    echo 1234 >&3
    exec 3>&-
    wait "$child"
    check "... and used all the same" test $? = 0
else
    skip "a PIN is taken out of the argument list" "no /proc"
fi

finish
