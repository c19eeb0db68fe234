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
  local current=${COMP_WORDS[COMP_CWORD]} previous=''
  local command='' process='' is_given=false is_group=false options word words=''
  local -a arguments=()

  # To bash, --process=1 is three words.
  [[ $current != = ]] || current=''
  for word in "${COMP_WORDS[@]:1:COMP_CWORD - 1}"
  do
    [[ $word != = ]] || continue
    case $previous in
      -p|--process) process=$word; is_given=true; previous=''; continue ;;
      -n|--rounds|-d|--delay|-w|--wait) previous=''; continue ;;
    esac
    previous=$word
    case $word in
      -g|--group) is_group=true ;;
      -*) ;;
      *)
        if [[ -z $command ]]
        then
          command=$word
        else
          arguments+=("$word")
        fi ;;
    esac
  done

  COMPREPLY=()

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
        $is_given || process=${arguments[0]-}
        words=$(_thredoctl_threads "$1" "$process")
      fi ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _thredoctl thredoctl
