# SPDX-License-Identifier: GPL-2.0-or-later
# TAP for tests that are shell scripts: `plan` at the end.
# shellcheck shell=bash
number=0
failures=0

# check NAME COMMAND...: ok when the command succeeds.
check()
{
    local name=$1
    shift
    number=$((number + 1))
    if "$@"; then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name"
        failures=$((failures + 1))
    fi
}

same()
{
    [ "$1" = "$2" ] || {
        diff <(echo "$2") <(echo "$1") | sed 's/^/# /' # wanted, got
        return 1
    }
}

skip()
{
    number=$((number + 1))
    echo "ok $number - $1 # SKIP $2"
}

plan()
{
    echo "1..$number"
    exit $((failures > 0))
}
