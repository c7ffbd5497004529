#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# keykist on a terminal, by expect(1): PINs, questions, the bar.
. "$(dirname "$0")/keykist_lib.sh"

needs_terminal

# talk NAME STATUS PATTERN ARGUMENTS: runs the program on a terminal, its stdout in a file; the
# dialogue is on stdin. The terminal must have shown PATTERN.
talk()
{
    on_terminal "sh -c {exec $KK_KEYKIST $4 --module $MODULE > $WORK/out}"
    if [ "$status" = "$2" ] && tr '\r' '\n' < "$WORK/shown" | grep -Eq -e "$3"; then
        pass "$1"
    else
        fail "$1"
        explain "exit status and terminal" "$2 $3" "$status $(tr "\r\033" "\n^" < "$WORK/shown")"
    fi
}

talk "PINs are asked for, new ones twice, and stdout is for the result" 0 \
    'Enter the user PIN again: \*\*\*\*' "token init --label asked --json" << 'END'
await "Enter the SO PIN: ";         send "12345678\r"
await "Enter the SO PIN again: ";   send "12345678\r"
await "Enter the user PIN: ";       send "1234\r"
await "Enter the user PIN again: "; send "1234\r"
END
check "... which is a JSON document" test "$(json 'd["result"]')" = initialised
check "... and the PINs are not shown" sh -c "! grep -q 1234 '$WORK/shown'"

talk "two different ones are refused" 1 'keykist: the two are not the same' \
    "pin change --pin 1234" << 'END'
await "Enter the new user PIN: ";       send "5678\r"
await "Enter the new user PIN again: "; send "8765\r"
END
check "... with nothing on stdout" test ! -s "$WORK/out"

talk "a login asks once" 0 'Enter the user PIN: \*\*\*\*' "token check --login" << 'END'
await "Enter the user PIN: "; send "1234\r"
END

talk "a rekey asks for both" 0 'Enter the user PIN: ' "token rekey" << 'END'
await "Enter the SO PIN: ";   send "12345678\r"
await "Enter the user PIN: "; send "1234\r"
END

util --import "$KEYS/ec.pem" --label pair --id 01 --token asked --pin 1234 > "$WORK/made" 2>&1
check "... and the PINs stay" test $? = 0
talk "what takes long draws a bar" 0 'Sealing anew \[#{30}\] 2 of 2' \
    "token rekey --so-pin 12345678 --pin 1234" < /dev/null

talk "a question that is answered with no" 1 'keykist: nothing was done' \
    "token delete --token asked" << 'END'
await {All objects of the token "asked" will be lost. Go on? (yes/no) }; send "no\r"
END
runk token show --token asked
check "... deletes nothing" test "$status" = 0
talk "... with yes" 0 'Go on' "token delete --token asked" << 'END'
await {Go on? (yes/no) }; send "yes\r"
END
runk token show --token asked
check "... deletes" test "$status" = 1
finish
