#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The example hook for MySQL and MariaDB, run by the agent, against a real server: while a writer
# writes, a freeze and a copy of the disk; the copy is what a snapshot would hold. A second server,
# told to repair nothing, must find in it exactly the rows that a client sees while frozen, in a
# MyISAM table too, which no log of its own would bring back.
unset TMPDIR # a folder of the namespace that is root's alone
set -u
here=$(dirname "$(readlink -f "$0")")
hook=$here/../../packaging/hooks/mysql
PATH=$PATH:/usr/sbin:/sbin
: "${FIRN_BINARY:?is set by meson test}"
server=$(command -v mariadbd || command -v mysqld)
client=$(command -v mariadb || command -v mysql)
if [ -z "$server" ] || [ -z "$client" ] || ! command -v mariadb-install-db >/dev/null; then
    echo "1..0 # SKIP no MariaDB server (apt-get install mariadb-server-core mariadb-client-core)"
    exit 0
fi
if ! command -v perl >/dev/null; then
    echo "1..0 # SKIP no perl to talk to the agent with (apt-get install perl-base)"
    exit 0
fi
if ! [ -e /run/firn-test-namespace ]; then
    echo "1..0 # SKIP only to be run by tests/kernel/run"
    exit 0
fi

fs=/mnt/ext4
user=mysql
id -u $user >/dev/null 2>&1 || user=nobody # the packages of the bare programs make no user
run=/run/firn-hooks-mysql
own=/run/firn-hooks-mysql-root # what the agent trusts is root's alone
count=0
failed=0
writer=

check() # DESCRIPTION COMMAND...
{
    what=$1
    shift
    count=$((count + 1))
    if "$@" >"$run/said"; then
        echo "ok $count - $what"
    else
        echo "not ok $count - $what"
        failed=1
    fi
    sed 's/^/# /' "$run/said"
}

stop()
{
    [ -z "$writer" ] || kill "$writer" 2>/dev/null
    fsfreeze -u $fs 2>/dev/null
    [ -z "${agent-}" ] || kill "$agent"
    for pid in "$run"/*.pid; do
        [ -s "$pid" ] && kill "$(cat "$pid")" 2>/dev/null
    done
    tries=300
    while [ $tries -gt 0 ] && pgrep -x 'mariadbd|mysqld' --ns $$ --nslist mnt >/dev/null; do
        tries=$((tries - 1))
        sleep 0.1
    done
    umount /mnt/copy 2>/dev/null
    [ -z "${loop-}" ] || losetup -d "$loop" 2>/dev/null
}

bail()
{
    echo "Bail out! $1"
    for log in "$run"/*.log; do
        sed 's/^/# /' "$log" | tail -n 30
    done
    stop
    exit 1
}

start() # NAME DATADIR
{
    "$server" --no-defaults --datadir="$2" --socket="$run/$1.sock" --pid-file="$run/$1.pid" \
        --skip-networking --user=$user --innodb-log-file-size=8M --innodb-buffer-pool-size=16M \
        --myisam-recover-options=OFF --aria-recover-options=OFF --log-error="$run/$1.log" \
        --bind-address=127.0.0.1 >>"$run/$1.out" 2>&1 &
    tries=1200
    until "$client" --no-defaults --socket="$run/$1.sock" -e 'SELECT 1' >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || bail "the server '$1' does not answer"
        sleep 0.1
    done
}

sql() # NAME STATEMENTS
{
    "$client" --no-defaults --socket="$run/$1.sock" --batch --skip-column-names -e "$2"
}

rows()
{
    sql "$1" 'SELECT COUNT(*) FROM t.plain; SELECT COUNT(*) FROM t.safe' | tr '\n' ' '
}

# Waits until a number that SQL tells is at least this.
until_at_least() # NAME NUMBER STATEMENT
{
    tries=600
    until [ "$(sql "$1" "$3")" -ge "$2" ]; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.1
    done
}

# Asks the agent; it must answer with this number.
# shellcheck disable=SC2317 # called by check
ask() # COMMAND NUMBER
{
    # shellcheck disable=SC2016 # Perl's own
    answer=$(perl -MIO::Socket::UNIX -e '
        my $agent = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "no agent: $!";
        print $agent qq({"execute": "$ARGV[1]"}\n);
        print scalar <$agent>' "$run/agent.sock" "$1")
    echo "$1: $answer"
    [ "$answer" = "{\"return\": $2}" ]
}

write_on()
{
    i=0
    while echo "INSERT INTO t.plain VALUES ($i); INSERT INTO t.safe VALUES ($i);"; do
        i=$((i + 1))
    done | "$client" --no-defaults --socket="$run/first.sock" >"$run/writer.out" 2>&1
}

trap 'stop; exit 1' TERM INT HUP
mkdir $run
mkdir -m 700 $own
chown $user $run
mkdir -m 700 $fs/db
chown $user $fs/db
mariadb-install-db --no-defaults --datadir=$fs/db --user=$user --skip-test-db \
    --innodb-log-file-size=8M >$run/install.log 2>&1 || bail "mariadb-install-db failed"
start first $fs/db
sql first 'CREATE DATABASE t; CREATE TABLE t.plain (i INT) ENGINE=MyISAM;
           CREATE TABLE t.safe (i INT) ENGINE=InnoDB' || bail "cannot make tables"
write_on &
writer=$!
until_at_least first 50 'SELECT COUNT(*) FROM t.safe' || bail "the writer does not write"

export FIRN_MYSQL_OPTIONS="--no-defaults --socket=$run/first.sock"
export FIRN_MYSQL_STATE=$run/lock
mkdir $own/hooks.d
cp "$hook" $own/hooks.d/50-mysql
"$FIRN_BINARY" -m unix-listen -p $run/agent.sock -t $own/state -F$own/hooks.d 2>$run/agent.log &
agent=$!
tries=600
until [ -S $run/agent.sock ]; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || bail "the agent does not start"
    sleep 0.1
done
check "the agent freezes, with the hook" ask guest-fsfreeze-freeze 1
before=$(rows first)
dd if="$(findmnt -no SOURCE $fs)" of=/tmp/copy.img bs=1M conv=sparse 2>/dev/null || bail "cannot copy the disk"
# it is the lock that holds, not the filesystem: a statement has not begun
check "the writer waits for the lock" until_at_least first 1 \
    "SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for%lock%'"
check "no row came while the lock was held" [ "$(rows first)" = "$before" ]
check "the agent thaws" ask guest-fsfreeze-thaw 1
check "the writer goes on" until_at_least first $((${before%% *} + 50)) \
    'SELECT COUNT(*) FROM t.plain'
check "the hook has left nothing behind" [ ! -e "$FIRN_MYSQL_STATE" ]
check "thawing twice is no error" "$hook" thaw

mkdir -p /mnt/copy
loop=$(losetup -f --show /tmp/copy.img) || bail "no loop device"
mount "$loop" /mnt/copy || bail "the copy cannot be mounted"
start second /mnt/copy/db
check "the copy has exactly the rows of the moment" [ "$(rows second)" = "$before" ]
check "its MyISAM table was closed properly" [ "$(sql second 'CHECK TABLE t.plain' | cut -f 3,4)" = "status	OK" ]

# a server that is not there is nobody's consistency
kill "$writer" 2>/dev/null
writer=
check "no server is no failure" \
    env FIRN_MYSQL_OPTIONS="--no-defaults --socket=$run/nobody.sock" "$hook" freeze
# a lock that cannot be had fails the freeze, and leaves none behind
(
    echo 'LOCK TABLES t.plain WRITE; SELECT 1;'
    sleep 60
) | "$client" --no-defaults --socket="$run/first.sock" --batch --unbuffered -N >$run/blocker.out 2>&1 &
blocker=$!
tries=600
while ! [ -s $run/blocker.out ] && [ $tries -gt 0 ]; do
    tries=$((tries - 1))
    sleep 0.1
done
# shellcheck disable=SC2317 # called by check
refuses()
{
    ! env FIRN_MYSQL_WAIT=1 "$hook" freeze >"$run/refused.out"
}
check "a lock that cannot be had is a failure" refuses
check "and leaves nothing behind" [ ! -e "$FIRN_MYSQL_STATE" ]
kill $blocker 2>/dev/null
stop
echo "1..$count"
exit $failed
