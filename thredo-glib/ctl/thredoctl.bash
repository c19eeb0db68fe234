# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Completion of thredoctl for bash: commands, options, processes by number, threads by number.

# Processes that can be watched. None is asked anything, so none that hangs holds this up.
_thredoctl_processes ()
{
  "$1" list --bare 2>/dev/null
}

# _thredoctl_threads THREDOCTL PROCESS: the numbers of its threads
_thredoctl_threads ()
{
  timeout 2 "$1" ps ${2:+"$2"} 2>/dev/null | while read -r number _
  do
    [[ $number == THREAD ]] || printf '%s\n' "$number"
  done
}

_thredoctl ()
{
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local command='' process='' is_given=false is_group=false options i words=''
  local -a arguments=()

  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++))
  do
    case ${COMP_WORDS[i]} in
      -p|--process) is_given=true; process=${COMP_WORDS[++i]} ;;
      -n|--rounds|-d|--delay|-w|--wait) ((++i)) ;;
      -g|--group) is_group=true ;;
      -*) ;;
      *)
        if [[ -z $command ]]
        then
          command=${COMP_WORDS[i]}
        else
          arguments+=("${COMP_WORDS[i]}")
        fi ;;
    esac
  done

  case $command in
    list) options='--json --bare' ;;
    ps|locks|queues|deadlocks) options='--json --process' ;;
    history) options='--json --follow --process' ;;
    top) options='--rounds --delay --process' ;;
    where|dump) options='--process' ;;
    cancel) options='--group --wait --process' ;;
    *) options='--version' ;;
  esac

  case $previous in
    -n|--rounds|-d|--delay|-w|--wait) return ;;
    -p|--process) words=$(_thredoctl_processes "$1") ;;
    *)
      if [[ $current == -* ]]
      then
        words="$options --help"
      elif [[ -z $command ]]
      then
        words='list ps top where cancel locks queues history deadlocks dump'
      elif [[ $command == list ]]
      then
        return
      elif ! $is_given && [[ ${#arguments[@]} -eq 0 ]]
      then
        words=$(_thredoctl_processes "$1")
      elif [[ $command == cancel || $command == where ]] && ! $is_group
      then
        $is_given || process=${arguments[0]}
        words=$(_thredoctl_threads "$1" "$process")
      fi ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _thredoctl thredoctl
