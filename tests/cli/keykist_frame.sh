#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# keykist's command line: help, version, words that it does not know, and its one line of error.
. "$(dirname "$0")/keykist_lib.sh"

# All help comes without a module, exits 0 and says nothing on stderr.
helps()
{
    name=$1
    pattern=$2
    shift 2
    bare "$@"
    check "$name" sh -c "test $status = 0 && test ! -s '$WORK/err' && grep -q -e '$pattern' '$WORK/out'"
}
helps "--help lists the groups" "^  token  " --help
helps "-h too" "^  pin  " -h
helps "a group's help lists its commands" "^  list  " token --help
helps "a command's help lists its options" "^  --label LABEL" token init --help
helps "... and the common ones" "^  --json  " token init --help
helps "help wins over other options" "^  --label LABEL" token init --json --help --slot 5
helps "the short words" "^  restore  *backup restore" --help
helps "a short word's help is its command's" "keykist backup restore \[OPTIONS\] FILE" restore --help
helps "a group that is a short word has its help" "^  verify  " backup --help
helps "--version" "^keykist [0-9]" --version

bare
tells "no word" 2 'keykist: .* See "keykist --help"'
bare token
tells "a group alone" 2 'keykist: .* See "keykist token --help"'
bare tokn list
tells "an unknown group, and the nearest" 2 \
    'keykist: unknown command "tokn"; nearest is "token"; see "keykist --help"'
bare xyzzy
tells "an unknown group that is like none" 2 'keykist: unknown command "xyzzy"; see "keykist --help"'
bare --verbose
tells "an unknown option in front" 2 'keykist: unknown option "--verbose"; see "keykist --help"'
bare token lsit
tells "an unknown command, and the nearest" 2 \
    'keykist: unknown command "lsit"; nearest is "list"; see "keykist token --help"'
bare token list --jsno
tells "an unknown option, and the nearest" 2 \
    'keykist: unknown option "--jsno"; nearest is "--json"; see "keykist token list --help"'
bare token list --frobnicate
tells "an unknown option that is like none" 2 \
    'keykist: unknown option "--frobnicate"; see "keykist token list --help"'
bare token list -x
tells "an unknown letter" 2 'keykist: unknown option "-x"; see "keykist token list --help"'
bare backup --jsno
tells "an unknown option behind a short word" 2 \
    'keykist: unknown option "--jsno"; nearest is "--json"; see "keykist backup create --help"'
bare restor
tells "a short word is the nearest" 2 'keykist: unknown command "restor"; nearest is "restore"; .*'
bare token list --pin 1234
tells "an option of other commands" 2 'keykist: unknown option "--pin".*'
bare token init --label
tells "a value is missing" 2 'keykist: --label needs a value; see "keykist token init --help"'
bare token list --json=yes
tells "a value too many" 2 'keykist: --json takes no value; see "keykist token list --help"'
bare token list word
tells "a word too many" 2 'keykist: word is one word too many; see "keykist token list --help"'
bare token list -- --json
tells "behind -- there are no options" 2 'keykist: --json is one word too many; see .*'

bare token list --module "$WORK/none"
tells "a module that is not there" 1 'keykist: Could not load the PKCS#11 library/module: .*/none: .*'
if [ -z "$KK_SANITIZED" ]; then
    bare token list --module "$KK_NO_MODULE"
    tells "a library that is no module" 1 'keykist: Could not load the PKCS#11 library/module: .*'
fi

if [ "$KK_KIND" = own ]; then
    (SOFTHSM2_CONF=$WORK/nowhere.conf; bare token list --module "$MODULE"; exit "$status")
    status=$?
    tells "no configuration" 1 'keykist: configuration .*/nowhere\.conf cannot be read: No such file or directory; see softhsm2\.conf\(5\), or keykist config check'
    (echo "log.level = LOUD" > "$WORK/bad.conf"
     SOFTHSM2_CONF=$WORK/bad.conf; bare token list --module "$MODULE"; exit "$status")
    status=$?
    tells "a bad configuration: file, line and reason" 1 'keykist: .*/bad\.conf:1: log\.level cannot be LOUD; see .*'
    (printf '# x\nmechanisms.policy = nonsense\n' > "$WORK/bad.conf"
     SOFTHSM2_CONF=$WORK/bad.conf; bare token list --module "$MODULE"; exit "$status")
    status=$?
    tells "a policy that there is none of" 1 'keykist: .*/bad\.conf:2: mechanisms\.policy cannot be nonsense; see .*'
    (echo "directories.tokendir = $WORK/none" > "$WORK/bad.conf"
     SOFTHSM2_CONF=$WORK/bad.conf; bare token list --module "$MODULE"; exit "$status")
    status=$?
    tells "a directory of tokens that is not there" 1 'keykist: the directory of the tokens, .*/none, cannot be opened: No such file or directory \(directories\.tokendir in .*/bad\.conf\)'
    (SOFTHSM2_CONF=''; bare token list --module "$MODULE"; exit "$status")
    status=$?
    tells "an empty variable" 1 'keykist: there is no configuration: the variable SOFTHSM2_CONF is set, but empty'
fi

# What cannot be written is a failure.
if [ -e /dev/full ]; then
    "$KK_KEYKIST" --help > /dev/full 2> /dev/null
    check "a full disk below stdout is a failure" test $? = 1
fi
finish
