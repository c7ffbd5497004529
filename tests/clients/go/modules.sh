# SPDX-License-Identifier: BSD-2-Clause
# Shared by the Go tests here. Modules lie in Go's own cache; versions and sums stand in go.mod and go.sum.

GOTOOLCHAIN=local
GOFLAGS='-mod=readonly -buildvcs=false'
CGO_ENABLED=1
export GOTOOLCHAIN GOFLAGS CGO_ENABLED

# need_module FOLDER PATH: FOLDER's modules, and the sources of PATH's in $work/suite, which its tests may change.
need_module()
{
    need go gcc
    cp -R "$here/$1" field &&
        (cd field && go mod download && go mod verify) >out 2>&1 ||
        cannot_run "Go does not take $2: $(tail -n 1 out)"
    source=$(cd field && go list -m -f '{{.Dir}}' "$2")
    cp -R "$source" suite && chmod -R u+w suite
}

module_version()
{
    sed -n "s#^\(require\)\{0,1\}[[:space:]]*$2 v##p" "$here/$1/go.mod"
}

# "pass<TAB>name" and so on from what `go test -v` printed: a test, or a part of one that has no parts itself.
verdicts()
{
    awk '
        function add(verdict) { count++; name[count] = $3; what[count] = verdict; why[count] = said }
        /^ *--- PASS: / { add("pass") }
        /^ *--- FAIL: / { add("fail") }
        /^ *--- SKIP: / { add("skip") }
        /^=== / { if ($1 " " $2 != "=== RUN") next }
        { said = $0; sub(/^ *[a-z_0-9]*\.go:[0-9]*: /, "", said) }
        END {
            for (i = 1; i <= count; i++)
                print what[i] "\t" name[i] (what[i] == "skip" ? "\t" why[i] : "")
        }' out
}

# go_suite FILE MINIMUM ARGUMENT...: the tests of the module in the current folder. A program that broke off is a failure, failed
# tests are told one by one.
go_suite()
{
    go_results=$1
    go_minimum=$2
    shift 2
    timeout 600 go test -v -count=1 "$@" . >"$work/out" 2>&1
    cd "$work" || exit 99
    if grep -Eq '^(panic:|fatal error:|SIG|.*\[build failed\])' out; then
        return 1
    fi
    verdicts >"$go_results"
    some "$go_results" "$go_minimum"
}

# What the failed tests said, where one did.
tell_failures()
{
    [ "$failures" -eq 0 ] || grep -v -e '--- PASS: ' -e '^=== ' out | sed 's/^/#   /'
}
