package shell

import "testing"

// TestR098W03TheWaiter: it asks for 100 s.
func TestR098W03TheWaiter(t *testing.T) {
	t.Parallel()
	short := `id=$(aws ssm send-command --document-name AWS-RunShellScript --instance-ids i-1 --parameters '{"commands":["/opt/a"],"executionTimeout":["60"]}' --query Command.CommandId --output text)` + "\n"
	wait := `aws ssm wait command-executed --command-id "$id" --instance-id i-1`
	check(t, []shape{
		{"alone", send + wait, "2:103"},
		{"short enough", short + wait, ""},
		{"true", send + wait + " || true", "2:103"},
		{"short, true", short + wait + " || true", "2:103"},
		{"says that it goes on", send + wait + ` || echo "still running, continuing"`, "2:103"},
		{"a flag", send + wait + " || WAIT_FAILED=1\n" + get, "2:103"},
		{"a flag that counts", send + wait + " || WAIT_FAILED=1\n" + get + "\n[ -z \"$WAIT_FAILED\" ]", "2:103"},
		{"then the status decides", short + wait + " || true\n[ \"$(" + get + ")\" = Success ]", ""},
		{"then a long loop", send + wait + " || true\nfor i in $(seq 1 90); do\n  status=$(" + get + ")\n  " + decide + "\n  sleep 10\ndone\nexit 1", "1:136"},
		{"again and again", send + "for i in 1 2 3 4 5 6 7 8 9 10; do " + wait + " && break; done\n[ \"$(" + get + ")\" = Success ]", "1:136 2:104"},
		{"in a pipe", send + wait + " | tee log", "2:103"},
		{"in if", send + "if ! " + wait + "; then echo failed; " + get + "; exit 1; fi", "2:103"},
	})
}

// TestR098W06Statuses: which are final, and which there never are.
func TestR098W06Statuses(t *testing.T) {
	t.Parallel()
	ask := "status=$(" + get + ")"
	check(t, []shape{
		{"timed out forgotten", polling(ask, `case $status in Success) exit 0 ;; Failed|Cancelled) exit 1 ;; esac`), "1:136 4:106"},
		{"only failed", polling(ask, `if [ "$status" = Success ]; then exit 0; elif [ "$status" = Failed ]; then exit 1; fi`), "1:136 4:106"},
		{"only success", polling(ask, `[ "$status" = Success ] && exit 0`), "1:136"},
		{"green when timed out", polling(ask, `case $status in Success|TimedOut) exit 0 ;; Failed|Cancelled) exit 1 ;; esac`), "1:136 4:106"},
		{"anything else is fine", send + "sleep 5\nwhile [ \"$status\" != Success ]; do\n  " + ask + "\n  [ \"$status\" = Failed ] && exit 1\n  [ $((n++)) -gt 60 ] && break\n  sleep 5\ndone", "4:102 4:106"},
		{"delayed is final", polling(ask, `case $status in Success) exit 0 ;; Pending|InProgress) ;; *) exit 1 ;; esac`), "1:136 4:106"},
		{"delayed is final, without a bound", send + "sleep 5\nwhile true; do\n  " + ask + "\n  case $status in Success) exit 0 ;; Pending|InProgress) sleep 5 ;; *) exit 1 ;; esac\ndone", "3:105 4:106"},
		{"delayed is not final", polling(ask, `case $status in Success) exit 0 ;; Pending|InProgress|Delayed) ;; *) exit 1 ;; esac`), "1:136"},
		{"by D0", polling(ask, "case \"$status\" in\n Success) exit 0 ;;\n Failed) "+get+"; exit 1 ;;\n Cancelled) exit 1 ;;\n TimedOut) exit 1 ;;\n Pending|InProgress|Delayed) sleep 5 ;;\n *) echo \"unexpected $status\"; exit 1 ;;\nesac"), "1:136"},
		{"undeliverable", polling(ask, `case $status in Success) exit 0 ;; Failed|TimedOut|Cancelled|Undeliverable) exit 1 ;; esac`), "1:136 5:106"},
		{"undeliverable in details", polling("status=$(aws ssm get-command-invocation --command-id $id --instance-id i-1 --query StatusDetails --output text)", `case $status in Success) exit 0 ;; Failed|*TimedOut|Cancelled|Undeliverable|Terminated) exit 1 ;; esac`), "1:136"},
		{"incomplete", polling(ask, `if [[ $status == Success ]]; then exit 0; fi; if [[ $status =~ ^(Failed|Cancelled|TimedOut|Incomplete)$ ]]; then exit 1; fi`), "1:136 5:106"},
		{"none is final", polling("status=$(aws ssm list-command-invocations --command-id $id --query 'CommandInvocations[0].Status' --output text)", `case $status in Success) exit 0 ;; Pending|InProgress|Delayed|Cancelling) ;; *) exit 1 ;; esac`), "1:136 4:106"},
		{"none is not final", polling("status=$(aws ssm list-command-invocations --command-id $id --query 'CommandInvocations[0].Status' --output text)", `case $status in Success) exit 0 ;; Pending|InProgress|Delayed|Cancelling|None) ;; *) exit 1 ;; esac`), "1:136"},
	})
}

// good is what a loop should be, around a way to follow a command.
const cancels = "aws ssm cancel-command --command-id \"$id\"\necho gave up; exit 1\n"

// TestR098CorrectLoopsCarryNothing: bounded, tolerant of what is not there yet alone, cancelling on a deadline.
func TestR098CorrectLoopsCarryNothing(t *testing.T) {
	t.Parallel()
	ask := "status=$(" + get + ")"
	check(t, []shape{
		{"case", send + "sleep 5\nfor i in {1..60}; do\n" + ask + "\n" + decide + "\nsleep 10\ndone\n" + cancels, ""},
		{"if chain", send + "sleep 5\nfor i in $(seq 60); do\n" + ask + "\nif [[ $status == Success ]]; then exit 0; elif [[ $status == Failed || $status == TimedOut || $status == Cancelled ]]; then exit 1; fi\nsleep 10\ndone\n" + cancels, ""},
		{"while and", send + "sleep 5\nend=$((SECONDS+900))\nstatus=Pending\nwhile [[ $status == Pending || $status == InProgress || $status == Delayed || $status == Cancelling ]]; do\nif (( SECONDS > end )); then\n" + cancels + "fi\nsleep 5\n" + ask + "\ndone\n[[ $status == Success ]]", ""},
		{"while not", send + "sleep 5\nn=0\nwhile [ \"$status\" != Success ] && [ \"$status\" != Failed ] && [ \"$status\" != TimedOut ] && [ \"$status\" != Cancelled ]; do\nn=$((n+1)); if [ $n -gt 60 ]; then\n" + cancels + "fi\nsleep 5\n" + ask + "\ndone\ntest \"$status\" = Success", ""},
		{"jq", send + "sleep 5\nfor i in {1..60}; do\nout=$(aws ssm get-command-invocation --command-id $id --instance-id i-1 --output json)\nstatus=$(echo \"$out\" | jq -r .Status)\n" + decide + "\nsleep 10\ndone\n" + cancels, ""},
		{"jq in a pipe", "set -o pipefail\n" + send + "sleep 5\nfor i in {1..60}; do\nstatus=$(aws ssm get-command-invocation --command-id $id --instance-id i-1 | jq -r '.Status')\n" + decide + "\nsleep 10\ndone\n" + cancels, ""},
		{"list", send + "sleep 5\nfor i in {1..60}; do\nstatus=$(aws ssm list-command-invocations --command-id $id --query 'CommandInvocations[0].Status' --output text)\n" + decide + "\nsleep 10\ndone\n" + cancels, ""},
		{"function with result", send + "ask() {\n  local out\n  if ! out=$(" + get + " 2>&1); then\n    if [[ $out == *InvocationDoesNotExist* ]]; then echo Pending; return 0; fi\n    echo \"$out\" >&2\n    return 1\n  fi\n  echo \"$out\"\n}\nfor i in {1..60}; do\nstatus=$(ask) || exit 1\n" + decide + "\nsleep 10\ndone\n" + cancels, ""},
		{"function with status", send + "follow() {\nfor i in {1..60}; do\n" + ask + "\ncase $status in Success) return 0 ;; Failed|TimedOut|Cancelled) return 1 ;; esac\nsleep 10\ndone\naws ssm cancel-command --command-id $id\nreturn 1\n}\nsleep 5\nfollow", ""},
		{"instances", "ids=$(aws ec2 describe-instances --filters Name=tag:App,Values=shop --query 'Reservations[].Instances[].InstanceId' --output text)\n" +
			"id=$(aws ssm send-command --document-name AWS-RunShellScript --instance-ids $ids --parameters file://p.json --query Command.CommandId --output text)\nsleep 5\nfailed=0\nfor node in $ids; do\n  done=no\n  for i in {1..60}; do\n    status=$(aws ssm get-command-invocation --command-id $id --instance-id $node --query Status --output text)\n" +
			"    case $status in Success) done=yes; break ;; Failed|TimedOut|Cancelled) failed=1; done=yes; break ;; esac\n    sleep 5\n  done\n  if [ $done = no ]; then aws ssm cancel-command --command-id $id; exit 1; fi\ndone\nexit $failed", ""},
		{"in parallel", send + "sleep 5\nfollow() {\nfor i in {1..60}; do\nstatus=$(aws ssm get-command-invocation --command-id $id --instance-id $1 --query Status --output text) || return 1\ncase $status in Success) return 0 ;; Failed|TimedOut|Cancelled) return 1 ;; esac\nsleep 10\ndone\naws ssm cancel-command --command-id $id\nreturn 1\n}\npids=()\nfor node in i-1 i-2; do follow $node & pids+=($!); done\ncode=0\nfor pid in \"${pids[@]}\"; do wait $pid || code=1; done\nexit $code", ""},
		{"trap", send + "trap 'aws ssm cancel-command --command-id $id' INT TERM\nsleep 5\nfor i in {1..60}; do\n" + ask + "\n" + decide + "\nsleep 10\ndone\nexit 1", ""},
		{"until", send + "sleep 5\nn=0\nuntil [ \"$status\" = Success ]; do\n" + ask + "\ncase $status in Failed|TimedOut|Cancelled) exit 1 ;; esac\nn=$(expr $n + 1)\nif [ $n -ge 60 ]; then\n" + cancels + "fi\nsleep 5\ndone", ""},
		{"tolerant for half a minute", send + "deadline=$((SECONDS+1200)); early=$((SECONDS+30))\nwhile (( SECONDS < deadline )); do\nif out=$(" + get + " 2>&1); then\n  case $out in Success) exit 0 ;; Failed|TimedOut|Cancelled) exit 1 ;; esac\nelif [[ $out == *InvocationDoesNotExist* ]] && (( SECONDS < early )); then :\nelse echo \"$out\" >&2; exit 1\nfi\nsleep 5\ndone\n" + cancels, ""},
		{"array of statuses", send + "sleep 5\nfor i in {1..60}; do\ntext=$(aws ssm list-command-invocations --command-id $id --query 'CommandInvocations[].Status' --output text)\nmapfile -t all < <(echo \"$text\" | tr '\\t' '\\n')\nopen=0; bad=0\nfor s in \"${all[@]}\"; do case $s in Success) ;; Failed|TimedOut|Cancelled) bad=1 ;; *) open=1 ;; esac; done\n[ $bad = 1 ] && exit 1\n[ ${#all[@]} -gt 0 ] && [ $open = 0 ] && exit 0\nsleep 5\ndone\n" + cancels, ""},
		{"xargs", send + "sleep 5\nfor i in {1..60}; do\nstatus=$(echo $id | xargs -I{} aws ssm get-command-invocation --command-id {} --instance-id i-1 --query Status --output text)\n" + decide + "\nsleep 10\ndone\n" + cancels, ""},
		{"timeout on each call", send + "sleep 5\nfor i in {1..60}; do\nstatus=$(timeout 30 " + get + ")\n" + decide + "\nsleep 10\ndone\n" + cancels, ""},
		{"json by jq -n", "params=$(jq -n --arg v \"$GITHUB_SHA\" '{commands: [\"set -e\", \"/opt/deploy \\($v)\"], executionTimeout: [\"900\"]}')\nid=$(aws ssm send-command --document-name AWS-RunShellScript --instance-ids i-1 --parameters \"$params\" | jq -r .Command.CommandId)\nsleep 5\nfor i in {1..90}; do\n" + ask + "\n" + decide + "\nsleep 10\ndone\n" + cancels, ""},
		{"retries of throttling", send + "sleep 5\nfor i in {1..60}; do\nif ! status=$(" + get + " 2>err.txt); then\nif grep -qE 'InvocationDoesNotExist|ThrottlingException' err.txt; then sleep 5; continue; fi\ncat err.txt >&2; exit 1\nfi\n" + decide + "\nsleep 10\ndone\n" + cancels, ""},
		{"not about commands", "status=$(aws cloudformation describe-stacks --stack-name x --query 'Stacks[0].StackStatus' --output text || echo NONE)\nif [ $status = NONE ]; then aws cloudformation create-stack --stack-name x; fi", ""},
	})
}
