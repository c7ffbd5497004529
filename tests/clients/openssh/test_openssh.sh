#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# OpenSSH with keys in a token: ssh-keygen lists, signs and certifies with them; ssh logs in with the module
# itself, and through ssh-agent, which forks; sshd has its host key in an agent. Signatures are checked by
# ssh-keygen -Y verify and by sshd, which know the public keys only. With a thousand other keys in the token too.
#
# Usage: test_openssh.sh MODULE SOFTHSM2-UTIL
set -u
built=$(realpath "$1")
util=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../programs.sh"
need ssh ssh-keygen ssh-agent ssh-add sshd pkcs11-tool python3
make_work_folder
prepare_user
client OpenSSH "$(ssh -V 2>&1 | sed -n 's/^OpenSSH_\([^ ,]*\).*/\1/p')"
user=$(id -un)
[ "$(id -u)" -ne 0 ] || user=nobody
# The helper of ssh-agent and ssh asks for the PIN by a program where there is no terminal.
SSH_ASKPASS=$work/askpass
SSH_ASKPASS_REQUIRE=force
export SSH_ASKPASS SSH_ASKPASS_REQUIRE

a_token()
{
    printf '#!/bin/sh\necho %s\n' $pin >askpass && chmod 755 askpass && make_token ssh &&
        make_pair ssh rsa:3072 rsa 01 && make_pair ssh EC:prime256v1 ecdsa 02 && make_pair ssh EC:secp384r1 ecdsa384 03 &&
        make_pair ssh EC:edwards25519 ed25519 04
}

# lists TYPE NAME: the public key, in NAME.pub
lists()
{
    run ssh-keygen -D "$module" && grep -E "^$1 .* $2\$" out >"$2.pub" && run ssh-keygen -lf "$2.pub"
}

# The list's key is the token's: by openssl
same_key()
{
    p11 ssh --read-object --type pubkey --id 01 --output-file rsa.der &&
        plain_openssl pkey -pubin -inform DER -in rsa.der -out rsa.pem && run ssh-keygen -e -m PKCS8 -f rsa.pub &&
        same out rsa.pem
}

# --- signatures, certificates --------------------------------------------------------------------

# The signature is made by the agent, for the public key given; or by the module, through ssh-keygen's own.
signs_file()
{
    echo 'data of this test' >data
    rm -f data.sig
    run env SSH_AUTH_SOCK="$work/agent" ssh-keygen -Y sign -f "$1.pub" -n file data || return 1
    echo "somebody $(cat "$1.pub")" >allowed
    (becoming ssh-keygen -Y verify -f allowed -I somebody -n file -s data.sig) <data >out 2>&1 && has '^Good "file" signature' &&
        ! (becoming ssh-keygen -Y verify -f allowed -I somebody -n file -s data.sig) <askpass >>out 2>&1
}

# A certificate for a user's key, with the authority's in the token.
certifies()
{
    rm -f user user.pub user-cert.pub
    run ssh-keygen -q -t ed25519 -N '' -f user &&
        run ssh-keygen -s "$1.pub" -D "$module" -I somebody -n "$user" -V +1h user.pub && run ssh-keygen -Lf user-cert.pub &&
        has 'user certificate' && grep 'Signing CA:' out | grep -qF "$(ssh-keygen -lf "$1.pub" | cut -d' ' -f2)"
}

# --- the agent -----------------------------------------------------------------------------------

agent_starts()
{
    rm -f agent
    start agent ssh-agent -D -a "$work/agent" -P "$work/*"
    agent=$last
    soon test -S agent
}

add()
{
    run env SSH_AUTH_SOCK="$work/agent" ssh-add "$@"
}

agent_adds()
{
    add -s "$module" && has '^Card added' && add -L &&
        has '^ssh-rsa ' '^ecdsa-sha2-nistp256 ' '^ecdsa-sha2-nistp384 ' &&
        for key in rsa ecdsa ecdsa384; do
            add -T "$key.pub" || return 1
        done
}

agent_removes()
{
    add -e "$module" && has '^Card removed' && fails add -T rsa.pub && agent_adds
}

# The helper that it forked has the module; it ends with the agent.
agent_ends()
{
    stop "$agent" && soon nobody_has_module
}

nobody_has_module()
{
    ! grep -ls "$module" /proc/[0-9]*/maps >out
}

# --- the server ----------------------------------------------------------------------------------

# server NAME HOST-KEY [LINE]: in the foreground, as the user, on a free port
server()
{
    port=$(free_port)
    cat >"$1.conf" <<END
Port $port
ListenAddress 127.0.0.1
HostKey $work/$2
PidFile $work/$1.pid
AuthorizedKeysFile $work/authorized
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM yes
StrictModes no
${3:-}
END
    start "$1" "$(command -v sshd)" -D -e -f "$work/$1.conf"
    sshd=$last
    said "$1.log" 'Server listening'
}

# client_runs KEY-OPTION...: a login with nothing but that. What it runs needs no shell, which nobody does not have: a way
# through the connection to sshd itself, which says what it is.
client_runs()
{
    echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 <"$host.pub")" >known
    run ssh -F none -p "$port" -o UserKnownHostsFile="$work/known" -o StrictHostKeyChecking=yes \
        -o GlobalKnownHostsFile=none -o PreferredAuthentications=publickey "$@" -W "127.0.0.1:$port" "$user@127.0.0.1" &&
        has '^SSH-2\.0-OpenSSH' || {
        cat ./*ed.log >>out
        return 1
    }
}

file_server()
{
    run ssh-keygen -q -t ed25519 -N '' -f hostkey && host=hostkey && cat rsa.pub ecdsa.pub ecdsa384.pub >authorized &&
        server filed hostkey
}

login_by_module()
{
    cp "$1.pub" authorized
    client_runs -o IdentityAgent=none -o PKCS11Provider="$module" -o IdentitiesOnly=no
}

login_by_agent()
{
    cp "$1.pub" authorized
    client_runs -o IdentityAgent="$work/agent" -o IdentityFile="$work/$1.pub" -o IdentitiesOnly=yes
}

login_refused()
{
    cp user.pub authorized
    fails client_runs -o IdentityAgent="$work/agent" && has 'Permission denied'
}

login_by_certificate()
{
    : >authorized
    stop "$sshd"
    server certified hostkey "TrustedUserCAKeys $work/rsa.pub" && client_runs -o IdentityAgent=none \
        -i "$work/user" -o CertificateFile="$work/user-cert.pub" -o IdentitiesOnly=yes
}

# sshd knows the public half of its host key; the agent has the token.
host_key_in_token()
{
    stop "$sshd"
    host=$1
    cp rsa.pub authorized
    server hosted "$1.pub" "HostKeyAgent $work/agent" && login_by_agent rsa
}

# Several logins at once, all of which the one agent serves.
logins_at_once()
{
    cp ecdsa.pub authorized
    echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 <"$host.pub")" >known
    hand_over
    for i in 1 2 3 4 5 6 7 8; do
        (becoming timeout $limit ssh -F none -p "$port" -o UserKnownHostsFile="$work/known" -o IdentityAgent="$work/agent" \
            -o IdentityFile="$work/ecdsa.pub" -o IdentitiesOnly=yes -W "127.0.0.1:$port" "$user@127.0.0.1") >"login$i" 2>&1 </dev/null &
        logins="${logins:-} $!"
    done
    for login in $logins; do
        wait "$login"
    done
    cat login? >out
    [ "$(grep -c '^SSH-2\.0-OpenSSH' out)" -eq 8 ]
}

# --- many keys -----------------------------------------------------------------------------------

MANY=1000

many_keys()
{
    plain python3 "$here/../many_keys.py" "$module" ssh $pin $MANY >out 2>&1
}

many_listed()
{
    began=$(date +%s%N)
    run ssh-keygen -D "$module" || return 1
    took=$((($(date +%s%N) - began) / 1000000))
    echo "# $MANY more keys are listed in $took ms"
    [ "$(grep -c '^ecdsa-sha2-nistp256' out)" -gt $MANY ] && [ $took -lt 20000 ]
}

# -------------------------------------------------------------------------------------------------

mkdir -p /run/sshd 2>/dev/null
check 'a token' a_token
check 'ssh-keygen -D lists RSA' lists ssh-rsa rsa
check 'ssh-keygen -D lists ECDSA P-256' lists ecdsa-sha2-nistp256 ecdsa
check 'ssh-keygen -D lists ECDSA P-384' lists ecdsa-sha2-nistp384 ecdsa384
if lists ssh-ed25519 ed25519; then
    check 'ssh-keygen -D lists Ed25519' lists ssh-ed25519 ed25519
else
    skip 'ssh-keygen -D lists Ed25519' 'this OpenSSH asks a token for RSA and ECDSA keys only (ssh-pkcs11.c, before 10.1)'
fi
check 'the RSA key is the one of the token' same_key
check 'ssh-agent starts' agent_starts
check 'ssh-add -s' agent_adds
check 'ssh-add -e, and again -s' agent_removes
for key in rsa ecdsa ecdsa384; do
    check "ssh-keygen -Y sign, $key" signs_file $key
done
check 'a certificate, RSA' certifies rsa
check 'a certificate, ECDSA' certifies ecdsa
check 'sshd starts' file_server
for key in rsa ecdsa ecdsa384; do
    check "ssh with the module, $key" login_by_module $key
    check "ssh with the agent, $key" login_by_agent $key
done
check 'ssh without the right key is refused' login_refused
check 'another certificate, RSA' certifies rsa
check 'ssh with that certificate' login_by_certificate
for key in rsa ecdsa; do
    check "sshd with its host key in the token, $key" host_key_in_token $key
done
check 'eight logins at once' logins_at_once
check 'ssh-agent ends' agent_ends
check "$MANY more keys" many_keys
check 'all of them are listed' many_listed
plan_done
