# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Completion of firn's command line. Options come from 'firn --help' and commands from 'firn -b help',
# which print the agent's own tables.

# The items of a list with commas between them: what is there stays, its last item is completed.
_firn_list()
{
    local head=
    [[ $1 != *,* ]] || head=${1%,*},
    mapfile -t COMPREPLY < <(compgen -P "$head" -W "$2" -- "${1##*,}")
    compopt -o nospace
}

_firn_value()
{
    case $1 in
    --block-rpcs | --allow-rpcs | --blacklist | -b | -a) _firn_list "$2" "$(firn -b help 2>/dev/null) help" ;;
    --method | -m)
        mapfile -t COMPREPLY < <(compgen -W "virtio-serial isa-serial unix-listen vsock-listen" -- "$2")
        ;;
    --path | --logfile | --pidfile | --statedir | --fsfreeze-hook | --config | -[plftFc])
        mapfile -t COMPREPLY < <(compgen -f -- "$2")
        compopt -o filenames
        ;;
    *) COMPREPLY=() ;;
    esac
}

_firn()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} options
    # "=" is a word of its own
    if [ "$word" = "=" ]; then
        _firn_value "$before" ""
    elif [ "$before" = "=" ]; then
        _firn_value "${COMP_WORDS[COMP_CWORD - 2]}" "$word"
    elif [[ $before =~ ^-[mplftbac]$ ]]; then
        _firn_value "$before" "$word"
    else
        options=$(firn --help 2>/dev/null | grep -oE -- '--[a-z-]+' | sort -u)
        [ "$COMP_CWORD" -gt 1 ] || options+=" doctor report"
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
    fi
}

complete -F _firn firn qemu-ga
