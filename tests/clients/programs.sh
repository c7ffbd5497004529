# SPDX-License-Identifier: BSD-2-Clause
# Shared by the tests of programs and daemons, behind lib.sh: a user who is not root, a token with keys,
# processes in the background. The caller has set `built` and `util`, and called make_work_folder.
#
# What is done as root here is done as nobody, with a copy of the module in the work folder; `module` is
# that copy. No program finds an openssl.cnf, a home or a module of this machine.

pin=1234
so_pin=12345678
limit=60 # seconds until a deadlock is taken for one
started=
PATH=$PATH:/usr/sbin:/sbin

prepare_user()
{
    module=$work/module.so
    cp "$built" "$module" && cp "$util" "$work/util" && mkdir -p home || exit 99
    HOME=$work/home
    XDG_CONFIG_HOME=$work/home/.config
    export HOME XDG_CONFIG_HOME
    unset OPENSSL_CONF PKCS11_MODULE_PATH
    trap stop_everything EXIT
    trap 'exit 1' INT TERM HUP PIPE
    echo "$pin" | tr -d '\n' >pin
}

# stop_everything: what `start` began and what `daemon_of` found; for the end, however it comes.
stop_everything()
{
    for process in $started; do
        kill "$process" 2>/dev/null
    done
    [ -z "$started" ] || sleep 0.2
    for process in $started; do
        kill -9 "$process" 2>/dev/null
    done
    rm -rf "$work"
}

# becoming COMMAND...: in place of this shell, as the user of the test.
becoming()
{
    if [ "$(id -u)" -eq 0 ]; then
        exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
    fi
    exec "$@"
}

hand_over()
{
    [ "$(id -u)" -ne 0 ] || chown -R 65534:65534 "$work"
}

# run COMMAND...: as the user, no longer than the limit; its output is left in `out`. A signal that ended
# it is said: programs that crash at their end have often done their work.
run()
{
    hand_over
    (becoming timeout "$limit" "$@") >out 2>&1 </dev/null
    ended=$?
    [ $ended -lt 124 ] || echo "ended with $ended: $*" >>why
    return $ended
}

# start NAME COMMAND...: in the background, as the user; its output goes to NAME.log, its id to `last`.
start()
{
    log=$1.log
    shift
    hand_over
    (becoming "$@") >"$log" 2>&1 </dev/null &
    last=$!
    started="$started $last"
}

# stop PROCESS: told to end, it must do so by itself.
stop()
{
    kill "$1" 2>>why || return 1
    gone "$1"
}

# gone PROCESS: it has ended, or ends soon.
gone()
{
    for _ in $(seq 150); do
        alive "$1" || return 0
        sleep 0.1
    done
    echo "process $1 does not end" >>why
    return 1
}

alive()
{
    state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null)
    [ -n "$state" ] && [ "$state" != Z ]
}

# soon COMMAND...: must succeed within 15 seconds.
soon()
{
    for _ in $(seq 75); do
        ! "$@" 2>/dev/null || return 0
        sleep 0.2
    done
    echo "not within 15 seconds: $*" >>why
    return 1
}

# said FILE PATTERN: a line of that log, soon; the log is then in `out`.
said()
{
    soon grep -Eq -- "$2" "$1"
    found=$?
    cp "$1" out
    return $found
}

fails()
{
    if "$@"; then
        echo "did not fail: $*" >>why
        return 1
    fi
}

skip()
{
    number=$((number + 1))
    echo "ok $number - $1 # SKIP $2"
}

version_of()
{
    dpkg-query -W -f='${Version}' "$1" 2>/dev/null || echo -
}

# make_token LABEL: and the tests' PINs.
make_token()
{
    run "$work/util" --module "$module" --init-token --free --label "$1" --so-pin $so_pin --pin $pin
}

# p11 TOKEN ARGUMENT...: pkcs11-tool, logged in.
p11()
{
    label=$1
    shift
    run pkcs11-tool --module "$module" --token-label "$label" --login --pin $pin "$@"
}

# make_pair TOKEN TYPE LABEL ID
make_pair()
{
    p11 "$1" --keypairgen --key-type "$2" --label "$3" --id "$4"
}

plain_openssl()
{
    plain openssl "$@" >out 2>&1
}

# engine_conf FILE [LINE]: an openssl.cnf with libp11's engine on our module.
engine_conf()
{
    cat >"$1" <<END
openssl_conf = first
[first]
engines = all
[all]
pkcs11 = token
[token]
engine_id = pkcs11
MODULE_PATH = $module
${2:-init = 0}
[req]
distinguished_name = nobody
[nobody]
END
}

# engine_is_there: libp11's engine, where this OpenSSL looks for engines.
engine_is_there()
{
    engines=$(openssl version -e 2>/dev/null | sed -n 's/^ENGINESDIR: "\(.*\)"$/\1/p')
    [ -n "$engines" ] && [ -e "$engines/pkcs11.so" ]
}

# provider_path: pkcs11-provider, or nothing.
provider_path()
{
    folder=$(openssl version -m 2>/dev/null | sed -n 's/^MODULESDIR: "\(.*\)"$/\1/p')
    [ ! -e "$folder/pkcs11.so" ] || echo "$folder/pkcs11.so"
}

# provider_conf FILE: an openssl.cnf with pkcs11-provider on our module. Loaded early: when several threads are the
# first to use it, version 1.0 crashes (p11prov_ctx_status() sets up its tables without a lock).
provider_conf()
{
    cat >"$1" <<END
openssl_conf = first
config_diagnostics = 1
[first]
providers = all
[all]
default = own
pkcs11 = token
[own]
activate = 1
[token]
module = $(provider_path)
pkcs11-module-path = $module
pkcs11-module-token-pin = file:$work/pin
pkcs11-module-load-behavior = early
activate = 1
[req]
distinguished_name = nobody
[nobody]
END
}

# make_authority: files ca.pem and ca.key, of openssl
make_authority()
{
    plain_openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -subj /CN=authority -days 9 -out ca.pem &&
        chmod 644 ca.key
}

# certify TOKEN LABEL ID: a certificate of that authority for the token's key of that label, as LABEL.pem and in the token
certify()
{
    printf 'cn = "%s"\n' "$2" >template
    printf 'subjectAltName=DNS:localhost,email:%s@example.org\nkeyUsage=digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth,clientAuth,emailProtection\n' "$2" >extensions
    GNUTLS_PIN=$pin run certtool --provider "$module" --generate-request --template template --outfile "$2.csr" \
        --load-privkey "pkcs11:token=$1;object=$2;type=private" --load-pubkey "pkcs11:token=$1;object=$2;type=public" &&
        plain_openssl x509 -req -in "$2.csr" -CA ca.pem -CAkey ca.key -days 9 -extfile extensions -out "$2.pem" &&
        plain_openssl x509 -in "$2.pem" -outform DER -out "$2.der" && p11 "$1" --write-object "$2.der" --type cert --id "$3" --label "$2"
}
