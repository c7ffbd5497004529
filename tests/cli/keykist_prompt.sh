#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# keykist on a terminal, by expect(1): PINs, questions, the bar.
. "$(dirname "$0")/keykist_lib.sh"

needs_terminal
NO_COLOR=1
TERM=xterm
export NO_COLOR TERM

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

talk "a PIN on the command line is remarked on" 0 'keykist: note: others on this machine' \
    "object list --token asked --pin 1234" < /dev/null
talk "a secret key is used with the PIN asked for" 0 'Enter the user PIN: ' \
    "key generate aes --token asked --label secret" << 'END'
await "Enter the user PIN: "; send "1234\r"
END
talk "... also where a public one would need none" 0 'Enter the user PIN: ' \
    "key encrypt --token asked --label secret --base64 $WORK/made" << 'END'
await "Enter the user PIN: "; send "1234\r"
END

talk "a large key says that it takes a while" 0 'Making an RSA key of 2048 bits \.\.\.' \
    "key generate rsa:2048 --token asked --label large --pin 1234" < /dev/null
head -c 40000000 /dev/zero > "$WORK/large"
talk "a long file draws a bar" 0 'Signing \[#+ *\] [0-9]+ of 38' \
    "key sign --token asked --label large --pin 1234 --base64 $WORK/large" < /dev/null

# Colours: on a terminal, unless somebody says no.
escape=$(printf '\033')
for colour in '' 1; do
    NO_COLOR=$colour
    talk "NO_COLOR=$colour: an error" 1 'keykist:' "token show --token nobody" < /dev/null
    grep -q "$escape\[31m" "$WORK/shown" && found=yes || found=no
    check "... is red, or not" test "$found" = "$([ -z "$colour" ] && echo yes || echo no)"
    on_terminal "$KK_KEYKIST token list --module $MODULE" < /dev/null
    grep -q "$escape\[1m" "$WORK/shown" && found=yes || found=no
    check "... as are the titles of a table" test "$found" = "$([ -z "$colour" ] && echo yes || echo no)"
done
runk token list
check "nothing is coloured where no terminal is" sh -c "! grep -q '$escape' '$WORK/out'"
on_terminal "$KK_KEYKIST random 8 --module $MODULE" < /dev/null
check "bytes do not go to a terminal" grep -q 'the result is not text: use --out FILE, --base64 or --hex' "$WORK/shown"

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
