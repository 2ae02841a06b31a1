package ssm_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slipway-cd/slipway/internal/localaws/ssm"
)

// inbox collects what is pushed to a node.
type inbox struct {
	mu  sync.Mutex
	ids []string
	new chan struct{}
}

func (b *inbox) push(messages []ssm.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range messages {
		b.ids = append(b.ids, m.ID)
	}
	select {
	case b.new <- struct{}{}:
	default:
	}
}

// take waits for n messages and forgets them.
func (b *inbox) take(t *testing.T, n int) []string {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		b.mu.Lock()
		if len(b.ids) >= n {
			got := b.ids
			b.ids = nil
			b.mu.Unlock()
			return got
		}
		b.mu.Unlock()
		select {
		case <-b.new:
		case <-deadline:
			t.Fatalf("waited in vain for %d messages", n)
		}
	}
}

// none fails if anything was pushed that has not been taken.
func (b *inbox) none(t *testing.T, w *world) {
	t.Helper()
	w.ssm.Settle()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ids) > 0 {
		t.Errorf("pushed: %v", b.ids)
	}
}

func (w *world) connect(id string) (*inbox, func()) {
	b := &inbox{new: make(chan struct{}, 1)}
	disconnect := w.ssm.Connect(ssm.Node{Account: account, Region: region, Instance: id}, b.push)
	w.t.Cleanup(disconnect)
	return b, disconnect
}

func nodeOf(id string) ssm.Node { return ssm.Node{Account: account, Region: region, Instance: id} }

// TestPushedOnce: a node with a channel that also polls gets each command once, over the channel.
func TestPushedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	before := w.shell(object{"InstanceIds": []string{a.id}})
	box, _ := w.connect(a.id)
	after := w.shell(object{"InstanceIds": []string{a.id}})
	ids := box.take(t, 2)
	if !slices.Equal(ids, []string{"aws.ssm." + before + "." + a.id, "aws.ssm." + after + "." + a.id}) {
		t.Errorf("got %v", ids)
	}
	if got := a.messages(); len(got) != 0 {
		t.Errorf("the poll got %v too", got)
	}
	if got := w.status(before, a.id); got != "Pending/Pending" {
		t.Errorf("before it is acknowledged: %s", got)
	}
	for _, id := range ids {
		must(t, w.ssm.Acknowledge(t.Context(), nodeOf(a.id), id))
		must(t, w.ssm.Reply(t.Context(), nodeOf(a.id), id, `{"documentStatus":"Success"}`))
	}
	if got := w.status(after, a.id); got != "Success/Success" {
		t.Error(got)
	}
}

// TestPushRedelivers: what a node refuses, or does not acknowledge, it gets again, later and later.
func TestPushRedelivers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	box, _ := w.connect(a.id)
	id := "aws.ssm." + w.shell(object{"InstanceIds": []string{a.id}}) + "." + a.id
	tick := func(d time.Duration) {
		w.clock.advance(d)
		must(t, w.ssm.Tick(context.Background()))
	}
	box.take(t, 1)
	tick(9 * time.Second)
	box.none(t, w)
	tick(time.Second)
	box.take(t, 1) // unacknowledged
	must(t, w.ssm.Postpone(t.Context(), nodeOf(a.id), id))
	tick(9 * time.Second)
	box.none(t, w)
	tick(time.Second)
	box.take(t, 1) // refused, after as long again
	must(t, w.ssm.Postpone(t.Context(), nodeOf(a.id), id))
	tick(19 * time.Second)
	box.none(t, w)
	tick(time.Second)
	box.take(t, 1)
	must(t, w.ssm.Acknowledge(t.Context(), nodeOf(a.id), id))
	tick(time.Minute)
	box.none(t, w)
}

// TestChannelDrops: messages that nobody acknowledged are free when the channel ends, or is replaced.
func TestChannelDrops(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	first, endFirst := w.connect(a.id)
	id := w.shell(object{"InstanceIds": []string{a.id}})
	first.take(t, 1)
	second, endSecond := w.connect(a.id)
	second.take(t, 1)
	endFirst()
	first.none(t, w)
	if !w.ssm.Connected(nodeOf(a.id)) {
		t.Error("the end of the old channel ended the new one")
	}
	endSecond()
	if got := a.messages(); len(got) != 1 || !strings.Contains(text(got[0], "MessageId"), id) {
		t.Errorf("the poll got %v", got)
	}
	w.clock.advance(time.Minute)
	if w.ssm.Connected(nodeOf(a.id)) {
		t.Error("a node without channel and polls is connected")
	}
}

// TestManyAtOnce: a command's counts are right when its nodes answer in the same transactions.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var boxes []*inbox
	nodes := w.nodes(40, map[string]string{"App": "web"})
	for _, a := range nodes {
		box, _ := w.connect(a.id)
		boxes = append(boxes, box)
	}
	id := w.shell(object{"Targets": []object{{"Key": "tag:App", "Values": []string{"web"}}}, "MaxConcurrency": "30", "MaxErrors": "40"})
	var all sync.WaitGroup
	for i, a := range nodes {
		all.Go(func() {
			for _, m := range boxes[i].take(t, 1) {
				if err := w.ssm.Acknowledge(t.Context(), nodeOf(a.id), m); err != nil {
					t.Error(err)
				}
				status := []string{"Success", "Failed"}[i%2]
				if err := w.ssm.Reply(t.Context(), nodeOf(a.id), m, `{"documentStatus":"`+status+`"}`); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if status, counts := w.parent(id); status != "Failed/Incomplete" || counts != "40 40 20 0" {
		t.Errorf("got %s, %s", status, counts)
	}
}

// TestOneBadChangeOfMany: what is wrong with one message is not the others' trouble.
func TestOneBadChangeOfMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nodes := w.nodes(20, nil)
	var all sync.WaitGroup
	for i, a := range nodes {
		id := "aws.ssm." + w.shell(object{"InstanceIds": []string{a.id}}) + "." + a.id
		all.Go(func() {
			if err := w.ssm.Acknowledge(t.Context(), nodeOf(a.id), id); err != nil {
				t.Error(err)
			}
			if err := w.ssm.Reply(t.Context(), nodeOf(nodes[(i+1)%20].id), id, `{"documentStatus":"Success"}`); err == nil {
				t.Error("another node answered")
			}
		})
	}
	all.Wait()
}

// TestLateStep: the result of a step that overtakes nothing, but is overtaken by the document's, is not lost. Nothing else
// is changed after the end.
func TestLateStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	command := w.shell(object{"InstanceIds": []string{a.id}})
	message := a.take()
	a.reply(message, "Success", object{})
	a.reply(message, "InProgress", object{"aws:runShellScript": plugin("Success", 0, "out", "err")})
	a.reply(message, "InProgress", object{"aws:runShellScript": plugin("Failed", 1, "changed", "")})
	a.reply(message, "Failed", object{"another": plugin("Failed", 1, "more", "")})
	o := w.invocation(command, a.id)
	if text(o, "StatusDetails") != "Success" || text(o, "StandardOutputContent") != "out" {
		t.Errorf("got %v", o)
	}
}

// TestRefusedAfterCancel: a command that the node had no room for does not begin after it was cancelled.
func TestRefusedAfterCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	box, _ := w.connect(a.id)
	command := w.shell(object{"InstanceIds": []string{a.id}})
	id := box.take(t, 1)[0]
	w.do("CancelCommand", object{"CommandId": command})
	cancel := box.take(t, 1)[0]
	must(t, w.ssm.Postpone(t.Context(), nodeOf(a.id), id))
	must(t, w.ssm.Acknowledge(t.Context(), nodeOf(a.id), cancel))
	w.pass(time.Minute)
	box.none(t, w)
	if got := w.status(command, a.id); got != "Cancelled/Cancelled" {
		t.Error(got)
	}
}

// TestCancelIsTakenOnce: a cancel whose reply overtakes the acknowledgement does not come again.
func TestCancelIsTakenOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	box, _ := w.connect(a.id)
	command := w.shell(object{"InstanceIds": []string{a.id}})
	must(t, w.ssm.Acknowledge(t.Context(), nodeOf(a.id), box.take(t, 1)[0]))
	w.do("CancelCommand", object{"CommandId": command})
	cancel := box.take(t, 1)[0]
	must(t, w.ssm.AcknowledgeSoon(t.Context(), nodeOf(a.id), cancel))
	must(t, w.ssm.Reply(t.Context(), nodeOf(a.id), cancel, `{"documentStatus":"Success"}`))
	w.pass(time.Minute)
	box.none(t, w)
	if got := w.status(command, a.id); got != "Cancelling/Cancelling" {
		t.Error(got)
	}
}

// TestTooLateStep: what comes after the service has given an invocation up changes nothing.
func TestTooLateStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	command := w.shell(object{"InstanceIds": []string{a.id}, "TimeoutSeconds": 30,
		"Parameters": object{"commands": []string{"x"}, "executionTimeout": []string{"60"}}})
	message := a.take()
	w.pass(90 * time.Second)
	before := w.invocation(command, a.id)
	a.reply(message, "InProgress", object{"aws:runShellScript": plugin("Success", 0, "out", "")})
	a.reply(message, "Success", object{"aws:runShellScript": plugin("Success", 0, "out", "")})
	if diff := cmp.Diff(before, w.invocation(command, a.id)); diff != "" || text(before, "StatusDetails") != "DeliveryTimedOut" {
		t.Errorf("%v changed: %s", before, diff)
	}
}
