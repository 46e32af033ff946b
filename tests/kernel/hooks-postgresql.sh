#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The example hook for PostgreSQL against a real server: while a writer writes, the hook, a freeze
# and a copy of the disk, which is what a snapshot would hold. A second server on the copy must start
# from the hook's checkpoint, and have every row that was committed when the freeze had returned.
unset TMPDIR # a folder of the namespace that is root's alone
set -u
here=$(dirname "$(readlink -f "$0")")
hook=$here/../../packaging/hooks/postgresql
bin=
for folder in /usr/lib/postgresql/*/bin; do
    [ -x "$folder/initdb" ] && bin=$folder
done
if [ -z "$bin" ] || ! command -v psql >/dev/null; then
    echo "1..0 # SKIP no PostgreSQL server (apt-get install postgresql)"
    exit 0
fi
if ! command -v perl >/dev/null; then
    echo "1..0 # SKIP no perl to leave a dead socket with (apt-get install perl-base)"
    exit 0
fi
if ! [ -e /run/firn-test-namespace ]; then
    echo "1..0 # SKIP only to be run by tests/kernel/run"
    exit 0
fi

fs=/mnt/ext4
run=/run/firn-hooks-postgresql
count=0
failed=0

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

as_postgres()
{
    (cd / && setpriv --reuid=postgres --regid=postgres --init-groups env HOME=/ LC_ALL=C.UTF-8 "$@")
}

stop()
{
    fsfreeze -u $fs 2>/dev/null
    as_postgres "$bin/pg_ctl" -D $fs/db -m immediate -W stop >/dev/null 2>&1
    as_postgres "$bin/pg_ctl" -D /mnt/copy/db -m immediate -w stop >/dev/null 2>&1
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

start() # PORT DATADIR
{
    as_postgres "$bin/pg_ctl" -D "$2" -l "$run/$1.log" -w -t 120 \
        -o "-p $1 -k $run/$1 -c listen_addresses='' -c log_checkpoints=on -c autovacuum=off -c min_wal_size=2MB" \
        start >"$run/$1.start" 2>&1 || bail "the server on port $1 does not start"
}

sql() # PORT STATEMENT
{
    as_postgres psql -XqAt -h "$run/$1" -p "$1" -d postgres -c "$2"
}

# Waits until the table has at least so many rows.
until_rows() # NUMBER
{
    tries=600
    until [ "$(sql 5501 'SELECT count(*) FROM t')" -ge "$1" ]; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.1
    done
}

# The number of each row that the server has said it committed goes to a file of its own.
write_on()
{
    i=0
    while i=$((i + 1)) && echo "INSERT INTO t VALUES ($i) RETURNING i;"; do
        :
    done | as_postgres psql -XqAt -h $run/5501 -p 5501 -d postgres >$run/committed 2>&1
}

trap 'stop; exit 1' TERM INT HUP
mkdir $run $run/5501 $run/5502
mkdir -m 700 $fs/db
chown postgres $run $run/5501 $run/5502 $fs/db
as_postgres "$bin/initdb" -D $fs/db -A trust --wal-segsize=1 --no-sync >$run/initdb.log 2>&1 || bail "initdb failed"
start 5501 $fs/db
sql 5501 'CREATE TABLE t (i integer)' || bail "cannot make a table"
write_on &
until_rows 50 || bail "the writer does not write"

export FIRN_POSTGRESQL_SOCKETS=$run/5501
check "the hook freezes" "$hook" freeze
checkpoint=$(sql 5501 'SELECT checkpoint_lsn FROM pg_control_checkpoint()')
fsfreeze -f $fs || bail "cannot freeze $fs"
committed=$(tail -n 2 $run/committed | head -n 1)
dd if="$(findmnt -no SOURCE $fs)" of=/tmp/copy.img bs=1M conv=sparse 2>/dev/null || bail "cannot copy the disk"
fsfreeze -u $fs
check "the hook thaws" "$hook" thaw
check "the writer goes on" until_rows $((committed + 50))

mkdir -p /mnt/copy
loop=$(losetup -f --show /tmp/copy.img) || bail "no loop device"
mount "$loop" /mnt/copy || bail "the copy cannot be mounted"
rm -f /mnt/copy/db/postmaster.pid
redo=$(as_postgres "$bin/pg_controldata" /mnt/copy/db | sed -n 's/^Latest checkpoint location: *//p')
check "the copy starts from the hook's checkpoint" [ "$redo" = "$checkpoint" ]
start 5502 /mnt/copy/db
rows=$(sql 5502 'SELECT count(*) FROM t')
check "the copy has all that was committed ($committed of $rows)" [ "$rows" -ge "$committed" ]
check "without a hole" [ "$(sql 5502 'SELECT max(i) FROM t')" = "$rows" ]

# a socket that a dead server left behind, and none at all, are no failure; a refusal is one
dead=$run/dead
mkdir "$dead"
perl -MIO::Socket::UNIX -e 'umask 0; IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 1) or die' "$dead/.s.PGSQL.5432"
check "a server that is gone is no failure" env FIRN_POSTGRESQL_SOCKETS="$dead" "$hook" freeze
check "no server is no failure" env FIRN_POSTGRESQL_SOCKETS=/nonexistent "$hook" freeze
# shellcheck disable=SC2317 # called by check
refused()
{
    ! env FIRN_POSTGRESQL_USER=nobody "$hook" freeze >"$run/refused"
}
check "a server that refuses is one" refused
stop
echo "1..$count"
exit $failed
