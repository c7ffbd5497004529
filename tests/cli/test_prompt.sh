#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The PIN prompts on a terminal, by expect(1).
. "$(dirname "$0")/lib.sh"

needs_terminal

# talk NAME STATUS TRANSCRIPT OPTIONS: runs the program on a terminal; the dialogue is on stdin.
# Carriage returns are taken out of what the terminal showed.
talk()
{
    on_terminal "$KK_UTIL ${MODULE:+--module $MODULE} $4"
    tr -d '\r' < "$WORK/shown" > "$WORK/out"
    : > "$WORK/err"
    said "$1" "$2" "$3" ""
}

range="ERROR: The length of the PIN is out of range."
differ="ERROR: The entered PINs are not equal."
so="=== SO PIN (4-255 characters) ==="
user="=== User PIN (4-255 characters) ==="

talk "both PINs are asked for, twice each" 0 "Slot 0 has a free/uninitialized token.
$so
Please enter SO PIN: ********
Please reenter SO PIN: ********
$user
Please enter user PIN: ****
Please reenter user PIN: ****
The token has been initialized and is reassigned to slot N" "--init-token --free --label asked" << 'END'
await "Please enter SO PIN: ";    send "12345678\r"
await "Please reenter SO PIN: ";  send "12345678\r"
await "Please enter user PIN: ";  send "1234\r"
await "Please reenter user PIN: "; send "1234\r"
END

talk "bad lengths and unequal PINs are asked for again" 0 "Slot 1 has a free/uninitialized token.
$so
Please enter SO PIN: ***
$range
$so
Please enter SO PIN: ********
Please reenter SO PIN: ********
$differ
$so
Please enter SO PIN: ********
Please reenter SO PIN: ********
The token has been initialized and is reassigned to slot N" \
    "--init-token --free --label again --pin 1234" << 'END'
await "Please enter SO PIN: ";    send "123\r"
await "Please enter SO PIN: ";    send "12345678\r"
await "Please reenter SO PIN: ";  send "12345679\r"
await "Please enter SO PIN: ";    send "12345678\r"
await "Please reenter SO PIN: ";  send "12345678\r"
END

talk "a PIN option of a bad length leads to the question" 0 \
    "Found slot N with matching token label.
$user
Please enter user PIN: ****
Please reenter user PIN: ****
The key pair has been imported." "--import $KEYS/ec.pem --token asked --label k --id 01 --pin 1" << 'END'
await "Please enter user PIN: ";  send "1234\r"
await "Please reenter user PIN: "; send "1234\r"
END

talk "an empty answer is out of range" 0 "Found slot N with matching token label.
$user
Please enter user PIN: 
$range
$user
Please enter user PIN: ****
Please reenter user PIN: ****
The key pair has been imported." "--import $KEYS/ec.pem --token asked --label k --id 02" << 'END'
await "Please enter user PIN: ";  send "\r"
await "Please enter user PIN: ";  send "1234\r"
await "Please reenter user PIN: "; send "1234\r"
END

bs=$(printf '\b \b')
talk "backspace takes back one star, ^U all" 0 "Found slot N with matching token label.
$user
Please enter user PIN: **$bs$bs*****$bs
Please reenter user PIN: ****
The key pair has been imported." "--import $KEYS/ec.pem --token asked --label k --id 03" << 'END'
await "Please enter user PIN: ";  send "98\02512345\177\r"
await "Please reenter user PIN: "; send "1234\r"
END

talk "end of file gives up" 1 "Found slot N with matching token label.
$user
Please enter user PIN: 
ERROR: Could not get user PIN" "--import $KEYS/ec.pem --token asked --label k --id 04" << 'END'
await "Please enter user PIN: ";  send "\004"
END

talk "^C ends the program" 99 "Found slot N with matching token label.
$user
Please enter user PIN: **" "--import $KEYS/ec.pem --token asked --label k --id 04" << 'END'
await "Please enter user PIN: ";  send "12"
await "**"; send "\003"
END

# shellcheck disable=SC2016
# After ^C the terminal echoes again: a shell asks stty, on the same terminal, before and after.
cat > "$WORK/tty.exp" << END
log_user 0; set timeout 20
spawn -noecho sh -c {
    before=\$(stty -g)
    trap : INT
    '$KK_UTIL' ${MODULE:+--module '$MODULE'} --import '$KEYS/ec.pem' --token asked --label k --id 04
    after=\$(stty -g)
    [ "\$before" = "\$after" ] && echo terminal-restored
}
expect "Please enter user PIN: "; send "12\003"
expect {
    terminal-restored { exit 0 }
    eof { exit 1 }
    timeout { exit 2 }
}
END
check "the terminal is as before after ^C" expect -f "$WORK/tty.exp"

finish
