# What comes behind the script's text. "$@" is the interpreter and its arguments; sw_bash is set where that is bash.
if [ -n "$sw_where" ]; then
  cd "$sw_where" 2>/dev/null || sw_fail "DIRECTORY_MISSING: the working directory $sw_where is not there, or cannot be entered"
elif [ -n "$sw_become" ]; then
  cd "$HOME" 2>/dev/null || cd /
elif [ -n "$sw_sum" ]; then
  cd /
fi
: >"$sw_out"
if [ -n "$sw_bash" ]; then
  # Where it fails is told by a trap that bash reads before the script, whose lines keep their numbers. Only what ends the
  # script counts: errors where set -e is off do not, nor those of subshells, which their parents report.
  : >"$sw_at"
  cat >"$sw_tmp/.env" <<EOF
unset BASH_ENV
trap 'sw_c=\$?; case \$-:\$BASH_SUBSHELL in *e*:0) printf "%s %s %s\n" "\$sw_c" "\$LINENO" "\${BASH_SOURCE[0]}" >"$sw_at" ;; esac' ERR
EOF
  set -- env "BASH_ENV=$sw_tmp/.env" "$@"
fi
if [ -n "$sw_become" ]; then
  [ -n "$sw_bash" ] && chmod 660 "$sw_at" && chmod 640 "$sw_tmp/.env"
  chmod 750 "$sw_tmp" && chmod 640 "$sw_script"
  chgrp "$(id -g "$sw_user")" "$sw_tmp" "$sw_script" ${sw_bash:+"$sw_at" "$sw_tmp/.env"}
  set -- env "PATH=$PATH" "HOME=$HOME" "$@"
  case $sw_become in
    runuser) set -- runuser -u "$sw_user" -- "$@" ;;
    setpriv) set -- setpriv --reuid "$sw_user" --regid "$(id -g "$sw_user")" --init-groups -- "$@" ;;
    su) set -- su -s /bin/sh -c 'exec "$0" "$@"' -- "$sw_user" "$@" ;;
  esac
fi
sw_lock

# The script writes into a file, which is copied from while it grows: what a script leaves running may hold it for ever,
# and meets no closed pipe. A copy is bounded by the size at its start, for somebody may write faster than it reads.
sw_size() { wc -c <"$sw_out"; }
sw_copy() { dd bs=65536 count=$(($(sw_size) / 65536 + 1)) <&3; } 2>/dev/null
sw_tail() {
  [ "$(sw_size)" -gt 23000 ] && [ ! -e "$sw_tmp/.told" ] || return 0
  : >"$sw_tmp/.told"
  { echo "slipway: the last 7000 bytes:"; tail -c 7000 "$sw_out"; echo; } >&2
}
# A shell forgets a TERM that comes between its fork and its exec, and the nap would outlive the command: hence KILL.
sw_follow() {
  trap '[ -z "$sw_nap" ] || { kill -9 $!; wait $!; } 2>/dev/null; exit 0' TERM
  sw_nap= sw_tick=0.5
  : >"$sw_tmp/.ready"
  while [ -e "$sw_out" ] && [ ! -e "$sw_tmp/.done" ]; do
    sw_copy
    # At its limit the agent ends it with SIGKILL, and nothing more can be said.
    [ "$(date +%s)" -lt $((sw_start + sw_limit - 3)) ] || sw_tail
    sw_nap=1
    sleep $sw_tick >/dev/null 2>&1 3<&- &
    wait $! || sw_tick=1
    sw_nap=
  done
}
# A signal before its trap is set would meet the trap of this shell: then the follower finds the file.
sw_halt() {
  : >"$sw_tmp/.done"
  [ ! -e "$sw_tmp/.ready" ] || kill "$sw_f" 2>/dev/null
}
exec 3<"$sw_out"
sw_follow &
sw_f=$!
sw_code=0
"$@" </dev/null >>"$sw_out" 2>&1 3<&- || sw_code=$?
sw_halt
wait "$sw_f" 2>/dev/null
sw_f=
sw_copy

if [ -s "$sw_at" ] && read -r sw_c sw_line sw_from <"$sw_at" && [ "$sw_c" = "$sw_code" ]; then
  [ "$sw_from" != "$sw_script" ] || sw_from=$sw_path
  sw_say "at $sw_from:$sw_line: exit code $sw_c"
fi
# These are orders to the agent: a program that happens to exit with one of them must not be reported as timed out or
# succeeded, nor reboot the node.
sw_why=
case $sw_code in
  137) sw_why="killed, most often because memory ran out; the agent would report a timeout" ;;
  168) sw_why="the agent would report success and skip the remaining steps" ;;
  169) sw_why="the agent would skip the remaining steps" ;;
  194) sw_why="the agent would reboot the node and run the script again" ;;
esac
if [ -n "$sw_why" ]; then
  sw_say "the script exited with $sw_code ($sw_why); reported as 1"
  sw_code=1
fi
sw_tail
exit "$sw_code"
