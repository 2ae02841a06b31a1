package ssm_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/ssm"
)

func TestRunCommandRoundTrip(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	sent := w.do("SendCommand", object{"DocumentName": "AWS-RunShellScript", "InstanceIds": []string{a.id},
		"Comment": "slipway web/dev", "TimeoutSeconds": 60, "Parameters": object{"commands": []string{"true"}}})
	command, _ := sent["Command"].(object)
	id := text(command, "CommandId")
	if got := text(command, "Status") + text(command, "TargetCount"); got != "Pending1" {
		t.Errorf("sent: %v", command)
	}
	// ExpiresAfter is delivery plus execution: 60 s and the document's default hour.
	if got, want := command["ExpiresAfter"], float64(w.clock.now().Add(3660*time.Second).Unix()); got != want {
		t.Errorf("ExpiresAfter %v, want %v", got, want)
	}
	if got := w.status(id, a.id); got != "Pending/Pending" {
		t.Error(got)
	}
	m := a.take()
	if got := w.status(id, a.id); got != "InProgress/InProgress" {
		t.Error(got)
	}
	if got := text(m, "MessageId"); got != "aws.ssm."+id+"."+a.id {
		t.Error(got)
	}
	var payload object
	must(t, json.Unmarshal([]byte(text(m, "Payload")), &payload))
	want := object{"CommandId": id, "DocumentName": "AWS-RunShellScript", "Parameters": object{"commands": []any{"true"}},
		"OutputS3BucketName": "", "OutputS3KeyPrefix": "", "CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": "false"}
	content, _ := payload["DocumentContent"].(object)
	delete(payload, "DocumentContent")
	if diff := cmp.Diff(want, payload); diff != "" || text(content, "schemaVersion") != "1.2" {
		t.Errorf("payload: %s content %v", diff, content)
	}
	a.reply(m, "InProgress", object{})
	a.reply(m, "Success", object{"aws:runShellScript": plugin("Success", 0, "hello", "")})
	got := w.invocation(id, a.id)
	delete(got, "CloudWatchOutputConfig")
	if diff := cmp.Diff(object{"CommandId": id, "InstanceId": a.id, "Comment": "slipway web/dev",
		"DocumentName": "AWS-RunShellScript", "DocumentVersion": "$DEFAULT", "PluginName": "aws:runShellScript",
		"ResponseCode": 0.0, "ExecutionStartDateTime": "2026-11-22T04:30:00.000Z", "ExecutionElapsedTime": "PT1.25S",
		"ExecutionEndDateTime": "2026-11-22T04:30:01.250Z", "Status": "Success", "StatusDetails": "Success",
		"StandardOutputContent": "hello", "StandardOutputUrl": "", "StandardErrorContent": "", "StandardErrorUrl": "",
	}, got); diff != "" {
		t.Error(diff)
	}
	if status, counts := w.parent(id); status != "Success/Success" || counts != "1 1 0 0" {
		t.Error(status, counts)
	}
	if n, err := w.ssm.Running(context.Background()); n != 0 || err != nil {
		t.Error(n, err)
	}
}

// TestR012AgentStatuses: what the agent says becomes what the API shows.
func TestR012AgentStatuses(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]struct{ invocation, parent string }{
		"Success":   {"Success/Success", "Success/Success"},
		"Failed":    {"Failed/Failed", "Failed/Failed"},
		"TimedOut":  {"TimedOut/ExecutionTimedOut", "TimedOut/ExecutionTimedOut"},
		"Cancelled": {"Cancelled/Cancelled", "Cancelled/Cancelled"},
	} {
		t.Run(said, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a := w.node(1, nil)
			id := w.shell(object{"InstanceIds": []string{a.id}})
			a.finish(said, 7)
			if got := w.status(id, a.id); got != want.invocation {
				t.Errorf("invocation %s, want %s", got, want.invocation)
			}
			if got, _ := w.parent(id); got != want.parent {
				t.Errorf("command %s, want %s", got, want.parent)
			}
			if got := text(w.invocation(id, a.id), "ResponseCode"); got != "7" {
				t.Error(got)
			}
		})
	}
}

// TestR110ParentStatus mixes the ends of five nodes' invocations.
func TestR110ParentStatus(t *testing.T) {
	t.Parallel()
	outcome := map[string]string{"Success": "Success", "Failed": "Failed", "ExecutionTimedOut": "TimedOut",
		"DeliveryTimedOut": "TimedOut", "Cancelled": "Cancelled", "Undeliverable": "Failed",
		"Terminated": "Cancelled", "InvalidPlatform": "Failed", "AccessDenied": "Failed"}
	for _, tc := range []struct {
		ends, maxErrors, want, counts string
	}{
		{"Success Success Success Success Success", "0", "Success/Success", "5 5 0 0"},
		{"Undeliverable Undeliverable Undeliverable Undeliverable Success", "0", "Success/Success", "5 5 0 0"},
		{"AccessDenied AccessDenied AccessDenied AccessDenied Success", "0", "Success/Success", "5 5 0 0"},
		{"InvalidPlatform InvalidPlatform InvalidPlatform InvalidPlatform Success", "0", "Success/Success", "5 5 0 0"},
		{"Undeliverable Undeliverable Undeliverable Undeliverable Undeliverable", "0", "Failed/Failed", "5 5 0 0"},
		{"AccessDenied AccessDenied AccessDenied AccessDenied AccessDenied", "0", "Failed/AccessDenied", "5 5 0 0"},
		{"Success Success Success Success Failed", "0", "Failed/Failed", "5 5 1 0"},
		{"Success Success Success Success Failed", "1", "Failed/Incomplete", "5 5 1 0"},
		{"Success Success Success Failed Failed", "20%", "Failed/Failed", "5 5 2 0"},
		{"Success Success Success Success DeliveryTimedOut", "0", "Failed/Incomplete", "5 5 0 1"},
		{"ExecutionTimedOut ExecutionTimedOut Success Success Success", "1", "TimedOut/ExecutionTimedOut", "5 5 2 0"},
		{"DeliveryTimedOut DeliveryTimedOut DeliveryTimedOut DeliveryTimedOut DeliveryTimedOut", "0", "TimedOut/DeliveryTimedOut", "5 5 0 5"},
		{"Cancelled Success Success Success Success", "0", "Cancelled/Cancelled", "5 5 0 0"},
		{"Failed Terminated Terminated Terminated Terminated", "0", "Failed/Failed", "5 5 1 0"},
	} {
		t.Run(tc.ends+" "+tc.maxErrors, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.nodes(5, nil)
			var ids []string
			for i := range 5 {
				ids = append(ids, nodeID(i+1))
			}
			id := w.shell(object{"InstanceIds": ids, "MaxErrors": tc.maxErrors})
			for i, details := range strings.Fields(tc.ends) {
				w.force(id, ids[i], outcome[details], details)
				if got := w.status(id, ids[i]); got != outcome[details]+"/"+details {
					t.Errorf("invocation is %s", got)
				}
			}
			status, counts := w.parent(id)
			if status != tc.want || counts != tc.counts {
				t.Errorf("got %s %s, want %s %s", status, counts, tc.want, tc.counts)
			}
		})
	}
}

func TestMaxConcurrencyStartsSlowly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	agents := w.nodes(6, map[string]string{"App": "web"})
	id := w.shell(object{"Targets": []object{{"Key": "tag:App", "Values": []string{"web"}}}, "MaxConcurrency": "50%"})
	waiting := func() (got []int) {
		for i, a := range agents {
			if w.queued(a.id) {
				got = append(got, i)
			}
		}
		return got
	}
	// One, then two, then as many as MaxConcurrency: three.
	for _, want := range [][]int{{0}, {1, 2}, {2, 3, 4}, {3, 4, 5}, {4, 5}, {5}} {
		got := waiting()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		agents[got[0]].finish("Success", 0)
	}
	if status, counts := w.parent(id); status != "Success/Success" || counts != "6 6 0 0" {
		t.Error(status, counts)
	}
}

func TestMaxErrorsTerminatesTheRest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	agents := w.nodes(4, map[string]string{"App": "web"})
	id := w.shell(object{"Targets": []object{{"Key": "tag:App", "Values": []string{"web"}}}, "MaxConcurrency": "1", "MaxErrors": "1"})
	agents[0].finish("Failed", 1)
	if got, _ := w.parent(id); got != "InProgress/InProgress" {
		t.Error(got)
	}
	agents[1].finish("Failed", 1)
	for _, a := range agents[2:] {
		if got := w.status(id, a.id); got != "Cancelled/Terminated" {
			t.Error(got)
		}
	}
	if status, counts := w.parent(id); status != "Failed/Failed" || counts != "4 4 2 0" {
		t.Error(status, counts)
	}
}

// TestR100Timeouts: the delivery timeout ends what no node took, the total timeout what a node forgot.
func TestR100Timeouts(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t)
	a, b := w.node(1, nil), w.node(2, nil)
	id := w.shell(object{"InstanceIds": []string{a.id, b.id}, "TimeoutSeconds": 30,
		"Parameters": object{"commands": []string{"sleep 1"}, "executionTimeout": []string{"60"}}})
	a.take()
	step := func(d time.Duration, wantA, wantB string) {
		t.Helper()
		w.clock.advance(d)
		must(t, w.ssm.Tick(ctx))
		if gotA, gotB := w.status(id, a.id), w.status(id, b.id); gotA != wantA || gotB != wantB {
			t.Errorf("got %s and %s, want %s and %s", gotA, gotB, wantA, wantB)
		}
	}
	step(9*time.Second, "InProgress/InProgress", "Pending/Pending")
	step(20*time.Second, "InProgress/InProgress", "Delayed/Delayed")
	step(time.Second, "InProgress/InProgress", "TimedOut/DeliveryTimedOut")
	step(59*time.Second, "InProgress/InProgress", "TimedOut/DeliveryTimedOut")
	step(time.Second, "TimedOut/DeliveryTimedOut", "TimedOut/DeliveryTimedOut")
	if got := b.messages(); len(got) != 0 {
		t.Errorf("an expired command was delivered: %v", got)
	}
	if status, counts := w.parent(id); status != "TimedOut/DeliveryTimedOut" || counts != "2 2 0 2" {
		t.Error(status, counts)
	}
}

func TestTerminatedInstanceIsUndeliverable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	id := w.shell(object{"InstanceIds": []string{a.id}, "TimeoutSeconds": 30})
	must(t, w.ec2.Launch(context.Background(), ec2.Instance{ID: a.id, Account: account, Region: region, State: ec2.Terminated}))
	w.clock.advance(time.Minute)
	must(t, w.ssm.Tick(context.Background()))
	if got := w.status(id, a.id); got != "Failed/Undeliverable" {
		t.Error(got)
	}
}

func TestExecutionTimeoutBelowFiveIsAnHour(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	out := w.do("SendCommand", object{"DocumentName": "AWS-RunShellScript", "InstanceIds": []string{a.id}, "TimeoutSeconds": 30,
		"Parameters": object{"commands": []string{"true"}, "executionTimeout": []string{"2"}}})
	command, _ := out["Command"].(object)
	if got, want := command["ExpiresAfter"], float64(w.clock.now().Add(3630*time.Second).Unix()); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestR101Cancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b, c := w.node(1, nil), w.node(2, nil), w.node(3, nil)
	id := w.shell(object{"InstanceIds": []string{a.id, b.id, c.id}})
	m := a.take()
	n := b.take()
	w.do("CancelCommand", object{"CommandId": id})
	for agent, want := range map[string]string{a.id: "Cancelling/Cancelling", b.id: "Cancelling/Cancelling", c.id: "Cancelled/Cancelled"} {
		if got := w.status(id, agent); got != want {
			t.Errorf("%s is %s, want %s", agent, got, want)
		}
	}
	if got, _ := w.parent(id); got != "Cancelling/Cancelling" {
		t.Error(got)
	}
	if got := c.messages(); len(got) != 0 {
		t.Errorf("delivered although cancelled: %v", got)
	}
	stop := a.take()
	if !strings.HasPrefix(text(stop, "Topic"), "aws.ssm.cancelCommand") || text(stop, "MessageId") == text(m, "MessageId") ||
		text(stop, "Payload") != `{"CancelMessageId":"`+text(m, "MessageId")+`"}` {
		t.Errorf("cancel message: %v", stop)
	}
	a.reply(m, "Cancelled", object{"aws:runShellScript": plugin("Cancelled", 137, "", "")})
	// A cancel is an attempt: this node was faster.
	b.reply(n, "Success", object{"aws:runShellScript": plugin("Success", 0, "", "")})
	if got := w.status(id, a.id) + " " + w.status(id, b.id); got != "Cancelled/Cancelled Success/Success" {
		t.Error(got)
	}
	if got, _ := w.parent(id); got != "Cancelled/Cancelled" {
		t.Error(got)
	}
	w.do("CancelCommand", object{"CommandId": id}) // nothing left to do
}

func TestRedeliveryUntilAcknowledged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	w.shell(object{"InstanceIds": []string{a.id}})
	if got := a.messages(); len(got) != 1 {
		t.Fatalf("%d messages", len(got))
	}
	if got := a.messages(); len(got) != 0 {
		t.Fatalf("given twice within the visibility timeout: %v", got)
	}
	w.clock.advance(10 * time.Second)
	m := a.take()
	w.clock.advance(time.Minute)
	if got := a.messages(); len(got) != 0 {
		t.Fatalf("given again after the acknowledgement: %v", got)
	}
	a.call("ec2messages", "AcknowledgeMessage", object{"MessageId": m["MessageId"]})
}

// TestRestartKeepsPendingCommands closes the database, as the end of the process does.
func TestRestartKeepsPendingCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := newWorldIn(t, dir, 0)
	a, b := w.node(1, nil), w.node(2, nil)
	id := w.shell(object{"InstanceIds": []string{a.id, b.id}})
	a.messages() // handed out, never acknowledged
	must(t, w.db.Close())

	again := newWorldIn(t, dir, 0)
	again.clock.advance(time.Minute)
	a, b = again.node(1, nil), again.node(2, nil)
	a.finish("Success", 0)
	b.finish("Success", 0)
	if got, _ := again.parent(id); got != "Success/Success" {
		t.Error(got)
	}
}

// TestLongPollIsWoken: a poll that began before the send has the message long before it would end empty.
func TestLongPollIsWoken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	type answer struct {
		messages int
		err      error
	}
	got := make(chan answer, 1)
	go func() {
		found, err := w.ssm.Receive(t.Context(), ssm.Node{Account: account, Region: region, Instance: a.id}, time.Second, time.Minute)
		got <- answer{len(found), err}
	}()
	time.Sleep(20 * time.Millisecond)
	w.shell(object{"InstanceIds": []string{a.id}})
	select {
	case one := <-got:
		if one.messages != 1 || one.err != nil {
			t.Error(one)
		}
	case <-time.After(10 * time.Second):
		t.Error("the poll was not woken")
	}
}

func TestConsistencyDelay(t *testing.T) {
	t.Parallel()
	w := newWorldIn(t, "", 2*time.Second)
	a := w.node(1, nil)
	id := w.shell(object{"InstanceIds": []string{a.id}})
	read := object{"CommandId": id, "InstanceId": a.id}
	if _, code := w.ask("admin", "ssm", "GetCommandInvocation", read); code != "InvocationDoesNotExist" {
		t.Error(code)
	}
	if list, _ := w.do("ListCommandInvocations", object{"CommandId": id})["CommandInvocations"].([]any); len(list) != 0 {
		t.Error(list)
	}
	if len(a.messages()) != 1 {
		t.Error("the node does not wait for readers")
	}
	w.clock.advance(2 * time.Second)
	if list, _ := w.do("ListCommandInvocations", object{"CommandId": id})["CommandInvocations"].([]any); len(list) != 1 {
		t.Error(list)
	}
	if got := w.status(id, a.id); got != "Pending/Pending" {
		t.Error(got)
	}
}

// TestCancelPartOfARollout: nodes that are cancelled before they began make no room for others.
func TestCancelPartOfARollout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	agents := w.nodes(6, map[string]string{"App": "web"})
	id := w.shell(object{"Targets": web, "MaxConcurrency": "6", "MaxErrors": "6"})
	working := func(want int) {
		t.Helper()
		n := 0
		for _, a := range agents {
			if w.queued(a.id) {
				n++
			}
		}
		if n != want {
			t.Errorf("%d nodes have a message, want %d", n, want)
		}
	}
	working(1)
	w.do("CancelCommand", object{"CommandId": id, "InstanceIds": []string{agents[3].id, agents[4].id}})
	working(1)
	agents[0].finish("Success", 0)
	working(2)
	agents[1].finish("Success", 0)
	agents[2].finish("Success", 0)
	agents[5].finish("Success", 0)
	if status, counts := w.parent(id); status != "Cancelled/Cancelled" || counts != "6 6 0 0" {
		t.Errorf("got %s, %s", status, counts)
	}
}
