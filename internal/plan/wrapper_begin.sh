# What comes before the script: this file's comments and indentation do not travel. Go puts variables above it
# (sw_app, sw_stage, sw_step, sw_name, sw_path, sw_file, sw_limit, sw_last, sw_user, sw_where, sw_sum); parameters of a
# release have no underscore in their names, so nothing here can change one.
sw_start=$(date +%s) sw_me=${SSM_COMMAND_ID:-pid-$$} sw_held= sw_f= sw_code=1 sw_become=
sw_node=${SLIPWAY_NODE_DIR:-} sw_one=${SLIPWAY_ONE_USER:-}
unset SLIPWAY_NODE_DIR SLIPWAY_ONE_USER
sw_say() { echo "slipway: $*" >&2; }
sw_fail() { sw_say "$*"; exit 1; }

# When a process that lives began: its number alone may be another one's by now.
sw_birth() {
  sw_b=
  { read -r sw_b <"/proc/$1/stat"; } 2>/dev/null || return 0
  set -- ${sw_b##*) }
  [ "$1" = Z ] || echo "${20}"
}

# A directory that outlives the script.
sw_place() {
  for sw_d in ${sw_node:+"$sw_node"} /run/slipway /var/lib/slipway "$HOME/.slipway"; do
    mkdir -p "$sw_d" 2>/dev/null && [ -w "$sw_d" ] && return 0
  done
  return 1
}

# One try to have the node for this command; says who has it. The state is guarded for that moment only: its owner is a
# command, whose steps are processes that follow each other. A process that was killed cannot say so: it is looked for.
sw_try() (
  flock -w 20 9 || exit 1
  sw_id=
  { read -r sw_id sw_pid sw_born sw_until sw_what <"$sw_state"; } 2>/dev/null
  if [ -n "$sw_what" ] && [ "$sw_id" != "$sw_me" ]; then
    if [ "$sw_pid" = 0 ]; then
      [ "$(date +%s)" -ge "$sw_until" ] || { echo "$sw_what, command $sw_id"; exit 1; }
    elif [ -n "$sw_born" ] && [ "$(sw_birth "$sw_pid")" = "$sw_born" ]; then
      echo "$sw_what, command $sw_id"
      exit 1
    fi
  fi
  echo "$sw_me $$ $(sw_birth $$) $((sw_start + sw_limit)) $sw_app/$sw_stage/$sw_step" >"$sw_state"
) 9>>"$sw_state.guard"

# Gives the node back, or keeps it for a short time where another step of the command is to follow.
sw_leave() (
  flock -w 20 9 || exit 1
  sw_id=
  { read -r sw_id sw_rest <"$sw_state"; } 2>/dev/null
  [ "$sw_id" = "$sw_me" ] || exit 0
  if [ "$1" = 0 ] && [ "$sw_last" = 0 ]; then
    echo "$sw_me 0 0 $(($(date +%s) + 60)) $sw_app/$sw_stage/$sw_step" >"$sw_state"
  else
    : >"$sw_state"
  fi
) 9>>"$sw_state.guard"

sw_lock() {
  command -v flock >/dev/null 2>&1 || { sw_say "this node has no flock: another deploy to it is not kept out"; return 0; }
  sw_place || { sw_say "no directory for a lock can be written: another deploy to this node is not kept out"; return 0; }
  sw_state=$sw_d/$sw_app.node sw_told=
  until sw_who=$(sw_try); do
    [ $(($(date +%s) - sw_start)) -lt $((sw_limit / 2)) ] ||
      sw_fail "NODE_LOCKED: another deploy still has this node after $((sw_limit / 2)) s (${sw_who:-its state cannot be read}): nothing was run"
    [ -n "$sw_told" ] || echo "slipway: waiting for another deploy on this node (${sw_who:-its state cannot be read})"
    sw_told=1
    sleep 1
  done
  sw_held=1
}

sw_end() {
  [ -z "$sw_f" ] || sw_halt
  [ -z "$sw_held" ] || sw_leave "$1"
  { echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) $sw_app/$sw_stage/$sw_step $sw_name command $sw_me exit $1" >>"${sw_node:-/var/log}/slipway.log"; } 2>/dev/null
  [ -z "$sw_tmp" ] || rm -rf "$sw_tmp"
}
sw_tmp=
trap 'sw_end $?' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -n "$sw_user" ] && [ "$(id -un)" != "$sw_user" ]; then
  if [ -n "$sw_one" ]; then
    echo "slipway: this node has one user only: the script runs as $(id -un) and not as $sw_user"
  else
    id "$sw_user" >/dev/null 2>&1 || sw_fail "USER_MISSING: there is no user $sw_user on this node (run-as)"
    sw_home=$(getent passwd "$sw_user" 2>/dev/null || grep "^$sw_user:" /etc/passwd)
    HOME=$(echo "$sw_home" | cut -d: -f6) TMPDIR=/tmp USER=$sw_user LOGNAME=$sw_user
    export HOME TMPDIR USER LOGNAME
    for sw_become in runuser setpriv su none; do
      case $sw_become in
        runuser) runuser -u "$sw_user" -- true ;;
        setpriv) setpriv --reuid "$sw_user" --regid "$(id -g "$sw_user")" --init-groups -- true ;;
        su) su -s /bin/sh -c true -- "$sw_user" ;;
      esac </dev/null >/dev/null 2>&1 && break
    done
    [ "$sw_become" != none ] || sw_fail "USER_DENIED: $(id -un) cannot become $sw_user here: none of runuser, setpriv and su does it"
  fi
fi

# The agent ends a script at its timeout with SIGKILL, and then nothing can clean up: what lies there for longer than any
# script may run (two days) is such a rest.
find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'slipway.????????' -type d -user "$(id -u)" -mtime +2 -exec rm -rf {} + 2>/dev/null
sw_tmp=$(mktemp -d "${TMPDIR:-/tmp}/slipway.XXXXXXXX") || exit 1
sw_script=$sw_tmp/$sw_file sw_out=$sw_tmp/.out sw_at=$sw_tmp/.at
