package shell

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	send = `id=$(aws ssm send-command --document-name AWS-RunShellScript --instance-ids i-1 --parameters file://p.json --query Command.CommandId --output text)` + "\n"
	get  = `aws ssm get-command-invocation --command-id "$id" --instance-id i-1 --query Status --output text`
	// the parameters limit the run, so that only what a case is about is found.
	parameters = `{"commands":["set -e\n/opt/app/deploy.sh"],"executionTimeout":["600"]}`
)

// shape is a script and what is found in it: line and code, in their order.
type shape struct{ name, script, want string }

// found analyzes a script as GitHub starts it where no shell is named.
func found(script string, more ...Script) string {
	all := append([]Script{{File: "s.sh", Text: script, Errexit: true}}, more...)
	p := Analyze(Sequence{Scripts: all, Read: func(path string) ([]byte, bool) { return []byte(parameters), path == "p.json" }})
	var got []string
	for _, f := range p.Findings() {
		got = append(got, fmt.Sprintf("%d:%s", f.Line, strings.TrimPrefix(string(f.Code), "SLW")))
	}
	for _, u := range p.Unread {
		got = append(got, "unread "+u.Why)
	}
	return strings.Join(got, " ")
}

func check(t *testing.T, shapes []shape) {
	t.Helper()
	var names []string
	for _, s := range shapes {
		if slices.Contains(names, s.name) {
			t.Errorf("two shapes are named %s", s.name)
		}
		names = append(names, s.name)
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(s.want, found(s.script)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", s.script, diff)
			}
		})
	}
}

func TestR098W01NothingReadsTheResult(t *testing.T) {
	t.Parallel()
	check(t, []shape{
		{"fire and forget", send + "echo sent $id", "1:101"},
		{"no id at all", "aws ssm send-command --document-name d --instance-ids i-1", "1:101"},
		{"waited for", send + `aws ssm wait command-executed --command-id "$id" --instance-id i-1`, "2:103"},
		{"another program asks", send + `python3 poll.py "$id"`, ""},
		{"in a file", send + `echo "$id" > command-id.txt`, ""},
		{"by list-commands", "aws ssm send-command --document-name d --instance-ids i-1\nsleep 5\n[ \"$(aws ssm list-commands --max-items 1 --query 'Commands[0].Status' --output text)\" = Success ]", ""},
		{"in the summary", send + `echo "$id" >> $GITHUB_STEP_SUMMARY`, "1:101"},
		{"only perhaps", send + `if [ "$WAIT" = yes ]; then aws ssm wait command-executed --command-id $id --instance-id i-1; fi`, "2:103"},
	})
}

func TestR098W02NothingChecksTheStatus(t *testing.T) {
	t.Parallel()
	check(t, []shape{
		{"printed", send + "sleep 10\n" + get, "3:102"},
		{"output alone", send + "sleep 10\naws ssm get-command-invocation --command-id $id --instance-id i-1 --query StandardOutputContent --output text", "3:102"},
		{"in a variable", send + "sleep 10\nstatus=$(" + get + ")\necho \"status: $status\"", "3:102"},
		{"looked at in vain", send + "sleep 10\nstatus=$(" + get + ")\nif [ \"$status\" != Success ]; then echo failed; fi", "3:102"},
		{"its bound passed", send + "sleep 5\nfor i in {1..30}; do\n  status=$(" + get + ")\n  if [ \"$status\" == Success ]; then break; elif [[ $status =~ ^(Failed|TimedOut|Cancelled)$ ]]; then exit 1; fi\n  sleep 10\ndone", "4:102"},
		{"its bound passed, and it looks again", send + "sleep 5\nfor i in {1..30}; do\n  status=$(" + get + ")\n  if [ \"$status\" == Success ]; then break; elif [[ $status =~ ^(Failed|TimedOut|Cancelled)$ ]]; then exit 1; fi\n  sleep 10\ndone\n[ $status == Success ]", "1:136"},
		{"only failed is bad", send + "sleep 10\nstatus=$(" + get + ")\n[ \"$status\" != Failed ]", "3:102 3:106"},
		{"checked", send + "sleep 10\nstatus=$(" + get + ")\n[ \"$status\" = Success ]", ""},
		{"checked by if", send + "sleep 10\nstatus=$(" + get + ")\nif [[ $status != Success ]]; then echo failed; exit 1; fi", ""},
		{"by grep", send + "sleep 10\n" + get + " | grep -q Success", ""},
	})
}

// polling is a poll loop around a way to ask and a way to decide.
func polling(ask, decide string) string {
	return send + "for i in $(seq 1 60); do\n  sleep 5\n  " + ask + "\n  " + decide + "\ndone\nexit 1\n"
}

const decide = `case "$status" in Success) exit 0 ;; Failed|TimedOut|Cancelled) exit 1 ;; esac`

func TestR098W04ErrorsBecomeStatuses(t *testing.T) {
	t.Parallel()
	check(t, []shape{
		{"a status in its place", polling("status=$("+get+` 2>/dev/null || echo "InProgress")`, decide), "1:136 4:104"},
		{"pending in its place", polling("status=$("+get+` || echo Pending)`, decide), "1:136 4:104"},
		{"true", polling("status=$("+get+` || true)`, decide), "1:136 4:104"},
		{"outside of the substitution", polling("status=$("+get+`) || true`, decide), "1:136 4:104"},
		{"local", polling("f() { local status=$("+get+" 2>/dev/null); echo $status; }; status=$(f)", decide), "1:136 4:104"},
		{"in a function", polling("ask() { "+get+" 2>/dev/null || echo Pending; }; status=$(ask)", decide), "1:136 4:104"},
		{"continue", polling("status=$("+get+`) || { echo "retrying"; continue; }`, decide), "1:136 4:104"},
		{"if not", polling("if ! status=$("+get+` 2>&1); then echo "$status"; continue; fi`, decide), "1:136 4:104"},
		{"set +e", "set +e\n" + polling("status=$("+get+")", decide), "2:136 5:104"},
		{"fails", polling("status=$("+get+")", decide), "1:136"},
		{"tolerant of what is not there yet", polling("if ! status=$("+get+` 2>&1); then case "$status" in *InvocationDoesNotExist*) continue ;; *) echo "$status"; exit 1 ;; esac; fi`, decide), "1:136"},
		{"tolerant by grep", polling("status=$("+get+` 2>err) || { grep -q InvocationDoesNotExist err && continue; cat err; exit 1; }`, decide), "1:136"},
		{"five errors in the log", polling("status=$("+get+`) || { n=$((n+1)); [ $n -lt 5 ] && continue; exit 1; }`, decide), "1:136"},
		{"in a process substitution", polling("mapfile -t all < <("+get+"); status=${all[0]}", decide), "1:136 4:104"},
		{"once, thrown away", send + "sleep 5\nstatus=$(" + get + " 2>/dev/null)\n[ $status = Success ]", "3:104"},
		{"output may be missing", polling("status=$("+get+")", `if [ $status = Success ]; then aws ssm get-command-invocation --command-id $id --instance-id i-1 --query StandardOutputContent || true; exit 0; fi; case $status in Pending|InProgress|Delayed) ;; *) exit 1 ;; esac`), "1:136"},
	})
}

func TestR098W05LoopsWithoutABound(t *testing.T) {
	t.Parallel()
	body := "\n  status=$(" + get + ")\n  " + decide + "\n  sleep 5\ndone"
	check(t, []shape{
		{"while true", send + "sleep 3\nwhile true; do" + body, "3:105"},
		{"while colon", send + "sleep 3\nwhile :; do" + body, "3:105"},
		{"until", send + "sleep 3\nuntil [ \"$status\" = Success ]; do" + body, "3:105"},
		{"counted, not compared", send + "sleep 3\nwhile true; do n=$((n+1)); echo $n" + body, "3:105"},
		{"for with no end", send + "sleep 3\nfor ((;;)); do" + body, "3:105"},
		{"seconds", send + "sleep 3\nwhile (( SECONDS < 900 )); do" + body + "\nexit 1", "1:136"},
		{"deadline", send + "sleep 3\nend=$(( $(date +%s) + 600 ))\nwhile [ $(date +%s) -lt $end ]; do" + body + "\nexit 1", "1:136"},
		{"counter", send + "sleep 3\nn=0\nwhile true; do n=$((n+1)); [ $n -gt 60 ] && exit 1" + body, "1:136"},
		{"c loop", send + "sleep 3\nfor ((i=0; i<60; i++)); do" + body + "\nexit 1", "1:136"},
		{"braces", send + "sleep 3\nfor i in {1..60}; do" + body + "\nexit 1", "1:136"},
		{"let", send + "sleep 3\nn=60\nwhile [ $n -gt 0 ]; do let n-=1" + body + "\nexit 1", "1:136"},
		{"expr", send + "sleep 3\nn=0\nwhile [ $n -lt 60 ]; do n=`expr $n + 1`" + body + "\nexit 1", "1:136"},
		{"timeout", send + "sleep 3\nexport id\ntimeout 600 bash -c 'while true; do s=$(aws ssm get-command-invocation --command-id $id --instance-id i-1 --query Status --output text); case $s in Success) exit 0;; Failed|TimedOut|Cancelled) exit 1;; esac; sleep 5; done'", ""},
	})
}
