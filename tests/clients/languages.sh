# SPDX-License-Identifier: BSD-2-Clause
# Shared by the tests of clients that come from a language's registry, after lib.sh. What was fetched and
# built is kept in the folder $cache, which lies in the build folder; a test runs without the registry once it is there.
#
#   cache   the folder

# only_once NAME FILE... -- COMMAND...: runs COMMAND with an empty folder $cache/NAME as its last
# argument, unless it ended well before with the same files. Two tests that want the same wait for each other.
only_once()
{
    once_name=$1
    shift
    once_files=
    while [ "$1" != -- ]; do
        once_files="$once_files $1"
        shift
    done
    shift
    mkdir -p "$cache" || return 1
    # shellcheck disable=SC2086 # none of our paths has a blank
    once_sum=$(cat $once_files | sha256sum)
    (
        flock 9
        [ "$(cat "$cache/$once_name.done" 2>/dev/null)" != "$once_sum" ] || exit 0
        rm -rf "${cache:?}/$once_name" "$cache/$once_name.done"
        mkdir "$cache/$once_name" && "$@" "$cache/$once_name" >"$cache/$once_name.log" 2>&1 &&
            echo "$once_sum" >"$cache/$once_name.done"
    ) 9>"$cache/$once_name.lock"
}

# new_token LABEL PIN SO-PIN: in $work, with PINs that cost no time: a suite logs in hundreds of times.
new_token()
{
    grep -q '^pin.kdf' softhsm2.conf || [ "$skip_list" != /dev/null ] || echo 'pin.kdf = test' >>softhsm2.conf
    plain "$util" --module "$module" --init-token --free --label "$1" --pin "$2" --so-pin "$3" >out 2>&1 || {
        sed 's/^/# /' out
        echo 'Bail out! no token'
        exit 99
    }
}

# results FILE [SKIPS]: FILE has "pass<TAB>name", "fail<TAB>name", "skip<TAB>name<TAB>why" per test of a suite;
# what is said about a failure stands in the file `said`. SKIPS: "name<TAB>reason" of tests that may fail, with the proof.
results()
{
    while IFS=$tab read -r verdict test_name reason; do
        number=$((number + 1))
        excuse=$(sed -n "s/^$(printf '%s' "$test_name" | sed 's/[][\\.*^$/]/\\&/g')$tab//p" "${2:-/dev/null}" | head -n 1)
        case $verdict:$excuse in
        pass:*) echo "ok $number - $test_name" ;;
        skip:*) echo "ok $number - $test_name # SKIP $reason" ;;
        fail:?*) echo "ok $number - $test_name # SKIP $excuse" ;;
        *)
            failures=$((failures + 1))
            echo "not ok $number - $test_name"
            ;;
        esac
    done <"$1"
}

# some FILE MINIMUM: a suite that broke off before it ran its tests is no success.
some()
{
    [ "$(wc -l <"$1")" -ge "$2" ] || {
        echo "$(wc -l <"$1") tests ended, not $2 or more" >>why
        return 1
    }
}
