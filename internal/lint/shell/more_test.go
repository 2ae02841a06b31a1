package shell

import (
	"slices"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/finding"
)

// TestR098TheLoopsOfD0: its first loop, the one that swallows, and the one that it recommends.
func TestR098TheLoopsOfD0(t *testing.T) {
	t.Parallel()
	sent := `COMMAND_ID=$(aws ssm send-command \
  --instance-ids "$INSTANCE_ID" \
  --document-name "AWS-RunShellScript" \
  --parameters 'commands=["cd /opt/app && docker compose pull && docker compose up -d"]' \
  --query 'Command.CommandId' --output text)
echo "Command ID: $COMMAND_ID"
while true; do
  STATUS=$(aws ssm get-command-invocation --command-id "$COMMAND_ID" --instance-id "$INSTANCE_ID" \
    --query 'Status' --output text`
	check(t, []shape{
		{"first", sent + `)
  case "$STATUS" in
    Success)   exit 0 ;;
    Failed|Cancelled|TimedOut) exit 1 ;;
    *) sleep 5 ;;
  esac
done`, "1:111 7:105 8:130"},
		{"trap", sent + ` 2>/dev/null || echo "InProgress")
  case "$STATUS" in
    Success)   exit 0 ;;
    Failed|Cancelled|TimedOut) exit 1 ;;
    *) sleep 5 ;;
  esac
done`, "1:111 7:105 8:104"},
		{"recommended", sent + `)
  case "$STATUS" in
    Success)   echo "Deploy succeeded"; exit 0 ;;
    Failed)    aws ssm get-command-invocation --command-id "$COMMAND_ID" --instance-id "$INSTANCE_ID"; exit 1 ;;
    Cancelled) echo "Deploy cancelled"; exit 1 ;;
    TimedOut)  echo "Deploy timed out on the box"; exit 1 ;;
    Pending|InProgress|Delayed) sleep 5 ;;
    *) echo "Unexpected status: $STATUS"; exit 1 ;;
  esac
done`, "1:111 7:105 8:130"},
	})
}

// TestR098WaysToLook: other ways to look at a status, right and wrong.
func TestR098WaysToLook(t *testing.T) {
	t.Parallel()
	start := "id=$(aws ssm send-command --targets Key=tag:App,Values=shop --document-name shop-release --query Command.CommandId --output text)\nsleep 60\n"
	list := `aws ssm list-command-invocations --command-id "$id" `
	rows := list + `--query 'CommandInvocations[*].[InstanceId,Status]' --output text`
	words := list + `--query 'CommandInvocations[].Status' --output text`
	check(t, []shape{
		{"while read in a pipe", start + rows + " | while read -r node status; do\n  [ \"$status\" = Success ] || exit 1\ndone", "3:104"},
		{"while read in a pipe, pipefail", "set -o pipefail\n" + start + rows + " | while read -r node status; do\n  [ \"$status\" = Success ] || exit 1\ndone", ""},
		{"while read, a variable in a pipe", start + "bad=0\n" + rows + " | while read -r node status; do\n  [ \"$status\" = Success ] || bad=1\ndone\nexit $bad", "4:102 4:104"},
		{"while read behind it", start + "bad=0\nrows=$(" + rows + ")\nwhile read -r node status; do\n  [ \"$status\" = Success ] || bad=1\ndone <<< \"$rows\"\nexit $bad", ""},
		{"for each word", start + "for s in $(" + words + "); do\n  if [ \"$s\" != Success ]; then exit 1; fi\ndone", "3:104"},
		{"for each word of a variable", start + "all=$(" + words + ")\nfor s in $all; do\n  if [ \"$s\" != Success ]; then exit 1; fi\ndone", ""},
		{"grep -v", start + "all=$(" + words + ")\nif echo \"$all\" | tr '\\t' '\\n' | grep -qv Success; then exit 1; fi", ""},
		{"grep -q Failed", start + "all=$(" + words + ")\nif echo \"$all\" | grep -q Failed; then exit 1; fi", "3:102 3:106"},
		{"grep -c", start + "all=$(" + words + ")\n[ $(echo \"$all\" | grep -c Failed) -eq 0 ]", "3:102 3:106"},
		{"jq -e", start + list + "| jq -e '.CommandInvocations[0].Status == \"Success\"' >/dev/null", ""},
		{"exit code by $?", "set +e\n" + start + "status=$(" + words + ")\nif [ $? -ne 0 ]; then echo 'cannot read'; exit 1; fi\n[ \"$status\" = Success ]", ""},
		{"exit code by $?, forgotten", "set +e\n" + start + "status=$(" + words + ")\necho $?\nif [ \"$status\" = Failed ]; then exit 1; fi", "2:104 4:102 4:104 4:106"},
		{"response code", start + "code=$(aws ssm get-command-invocation --command-id $id --instance-id i-1 --query ResponseCode --output text)\nexit $code", ""},
		{"error counts", start + "n=$(aws ssm list-commands --command-id $id --query 'Commands[0].ErrorCount' --output text)\n[ \"$n\" = 0 ]", "3:102 3:106"},
		{"error and completed counts", start + "read -r bad done < <(aws ssm list-commands --command-id $id --query 'Commands[0].[ErrorCount,CompletedCount]' --output text)\n[ \"$bad\" = 0 ] && [ \"$done\" = 1 ]", "3:106"},
		{"lower case", start + "status=$(" + words + ")\n[ \"${status,,}\" = success ]", ""},
		{"return of a function", start + "f() { local s; s=$(" + words + ") || return 1; [ \"$s\" = Success ]; return $?; }\nf", ""},
		{"not", start + "! " + words + " | grep -q Failed", "3:102 3:104 3:106"},
		{"and", start + "status=$(" + words + ") && [ \"$status\" = Success ] && echo fine", ""},
		{"and, then more", start + "status=$(" + words + ") && [ \"$status\" = Success ] && echo fine\necho over", "3:102 3:104"},
		{"and, in if", start + "if status=$(" + words + ") && [ \"$status\" = Success ]; then echo fine; else exit 1; fi", ""},
	})
}

// TestR098Wrappers: functions that run what they are given, and one in the place of the CLI.
func TestR098Wrappers(t *testing.T) {
	t.Parallel()
	retry := "retry() {\n  local n=$1; shift\n  for i in $(seq $n); do \"$@\" && return 0; sleep 2; done\n  return 1\n}\n"
	wrapper := "aws() { command aws --region eu-west-1 \"$@\"; }\n"
	check(t, []shape{
		{"few times", retry + send + "sleep 5\nstatus=$(retry 3 " + get + ")\n[ \"$status\" = Success ]", ""},
		{"many times", retry + send + "sleep 5\nstatus=$(retry 30 " + get + ")\n[ \"$status\" = Success ]", "8:104"},
		{"never looked at", retry + send + "sleep 5\nretry 3 " + get, "8:102"},
		{"never read", retry + strings.Replace(send, "$(aws", "$(retry 3 aws", 1) + "echo $id", "6:101"},
		{"in its place", wrapper + send + "sleep 5\n[ \"$(" + get + ")\" = Success ]", ""},
		{"in its place, never read", wrapper + send, "2:101"},
	})
}

// TestKeysOfAssociativeArrays: keys with what the parser takes for arithmetic, and lists of keys and values.
func TestKeysOfAssociativeArrays(t *testing.T) {
	t.Parallel()
	loop := "for tag in \"${!nodes[@]}\"; do\n  " + send + `aws ssm wait command-executed --command-id "$id" --instance-id "${nodes[$tag]}"` + "\ndone"
	sure := func(array, key string) string {
		return "set -e\n" + array + "\nif [ \"${nodes[" + key + "]}\" = i-1 ]; then exit 0; fi\naws ssm send-command --document-name d --instance-ids i-1"
	}
	check(t, []shape{
		{"a loop over keys with a dash", "declare -A nodes=([web-one]=i-1 [db]=i-2)\n" + loop, "4:103"},
		{"a key with a dash", sure("declare -A nodes=([db-one]=i-2 [web-one-a]=i-1)", "web-one-a"), ""},
		{"another key with a dash", sure("declare -A nodes=([db-one]=i-1 [web-one-a]=i-2)", "web-one-a"), "4:101"},
		{"set by itself", sure("declare -A nodes\nnodes[web-one]=i-1\nnodes[db-one]=i-2", "web-one"), ""},
		{"keys and values in turn", sure("declare -A nodes=(db i-2 web-one i-1)", "web-one"), ""},
		{"the last of a key", sure("declare -A nodes=([web-one]=i-2 [web-one]=i-1)", "web-one"), ""},
	})
}

// TestR098ALoopUntilSuccess: a loop that greps a whole answer for Success is not taken for one that a failed command ends.
func TestR098ALoopUntilSuccess(t *testing.T) {
	t.Parallel()
	whole := `aws ssm get-command-invocation --command-id "$id" --instance-id i-1`
	check(t, []shape{
		{"grep in until", send + "sleep 5\nuntil " + whole + " | grep Success; do\n  sleep 5\ndone", "3:105 3:104"},
		{"grep in while", send + "sleep 5\nwhile ! " + whole + " | grep -q '\"Status\": \"Success\"'; do\n  sleep 5\ndone", "3:105 3:104"},
		{"a form", send + "sleep 5\nout=\nuntil [[ $out == *Success* ]]; do\n  sleep 5\n  out=$(" + whole + ")\ndone", "4:105"},
		{"once", send + "sleep 5\n" + whole + " | grep -q Success", ""},
		{"what it printed", send + "sleep 5\n" + whole + " | grep -q 'deployed v1'", ""},
	})
	for script, want := range map[string]string{
		send + "sleep 5\nuntil " + whole + " | grep Success; do\n  sleep 5\ndone":                                                                   "never ends when it failed",
		send + "sleep 5\nwhile :; do\n  s=$(" + get + ")\n  case $s in Success) exit ;; Failed|TimedOut|Cancelled) exit 1 ;; esac\n  sleep 5\ndone": "has no other end",
	} {
		p := Analyze(Sequence{Scripts: []Script{{File: "s.sh", Text: script, Errexit: true}}, Read: func(string) ([]byte, bool) { return []byte(parameters), true }})
		if !slices.ContainsFunc(p.Findings(), func(f finding.Finding) bool { return f.Code == "SLW105" && strings.Contains(f.Message, want) }) {
			t.Errorf("no %q: %v", want, p.Findings())
		}
	}
}

// TestR098W04TheFixOfASend: what is wrong with a send is not mended by tolerating an error of the reads.
func TestR098W04TheFixOfASend(t *testing.T) {
	t.Parallel()
	p := Analyze(Sequence{Scripts: []Script{{File: "s.sh", Errexit: true, Text: "f() { local id=$(aws ssm send-command --document-name d --instance-ids i-1 --query Command.CommandId --output text)\n" +
		"sleep 5\ns=$(" + get + " ) || true\n[[ $s == Success ]] && echo ok; }\nf & wait"}}})
	fixes := map[bool]bool{}
	for _, f := range p.Findings() {
		if f.Code == "SLW104" {
			fixes[strings.Contains(f.Fix, "InvocationDoesNotExist")] = true
			if strings.Contains(f.Message, "send-command") == strings.Contains(f.Fix, "InvocationDoesNotExist") {
				t.Errorf("%s: %s", f.Message, f.Fix)
			}
		}
	}
	if len(fixes) != 2 {
		t.Errorf("both were to be found: %v", p.Findings())
	}
}

// TestR098W01Automations: an automation that is started is asked for, as a command is.
func TestR098W01Automations(t *testing.T) {
	t.Parallel()
	start := `aws ssm start-automation-execution --document-name AWS-RestartEC2Instance --parameters InstanceId=i-1`
	id := "id=$(" + start + " --query AutomationExecutionId --output text)\n"
	status := `aws ssm get-automation-execution --automation-execution-id "$id" --query AutomationExecution.AutomationExecutionStatus --output text`
	check(t, []shape{
		{"alone", start, "1:131"},
		{"in a loop", "for i in 1 2 3; do\n  " + start + "\ndone", "2:131"},
		{"an id that is printed", id + "echo started $id", "1:131"},
		{"another call between", id + "aws sts get-caller-identity", "1:131"},
		{"asked for", id + "for i in {1..60}; do\n  s=$(" + status + ")\n  case $s in Success) exit 0 ;; Pending|InProgress|Waiting) sleep 10 ;; *) exit 1 ;; esac\ndone\nexit 1", ""},
		{"by a list", start + "\nsleep 60\n[ \"$(aws ssm describe-automation-executions --max-results 1 --query 'AutomationExecutionMetadataList[0].AutomationExecutionStatus' --output text)\" = Success ]", ""},
		{"by its steps", id + "aws ssm describe-automation-step-executions --automation-execution-id $id | grep -q Failed && exit 1", ""},
		{"by another program", id + `python3 wait.py "$id"`, ""},
		{"in a file", id + "echo $id > execution", ""},
		{"in a table", id + `aws dynamodb put-item --table-name runs --item "{\"id\": {\"S\": \"$id\"}}"`, ""},
		{"step by step", start + " --mode Interactive", ""},
		{"of another service", "aws stepfunctions start-execution --state-machine-arn x", ""},
		{"in a function that asks", "run() { local id; id=$(" + start + " --query AutomationExecutionId --output text); while [ \"$(" + status + ")\" = InProgress ]; do sleep 5; done; [ \"$(" + status + ")\" = Success ]; }\nrun", ""},
	})
}

// TestR098W01ByXargs: whoever starts it, and for whatever nodes.
func TestR098W01ByXargs(t *testing.T) {
	t.Parallel()
	nodes := "aws ec2 describe-instances --query 'Reservations[].Instances[].InstanceId' --output text"
	check(t, []shape{
		{"words", nodes + " | xargs aws ssm send-command --document-name d --instance-ids", "1:101"},
		{"a mark", nodes + " | xargs -n1 -I{} aws ssm send-command --document-name d --instance-ids {}", "1:101"},
		{"a shell", nodes + " | xargs -P 4 -I % sh -c 'aws ssm send-command --document-name d --instance-ids %'", "1:101"},
		{"a shell that waits", nodes + " | xargs -I % sh -c 'id=$(aws ssm send-command --document-name d --instance-ids % --parameters executionTimeout=60 --query Command.CommandId --output text); aws ssm wait command-executed --command-id $id --instance-id %'", ""},
		{"ids in a file", nodes + " | xargs -I % aws ssm send-command --document-name d --instance-ids % --query Command.CommandId --output text > ids", ""},
		{"handed on", nodes + " | xargs -I % aws ssm send-command --document-name d --instance-ids % --query Command.CommandId --output text | xargs ./wait.py", ""},
	})
}
