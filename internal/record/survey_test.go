package record_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/record"
)

// stage is a stage after some deploys.
type stage struct {
	deploys []record.Deploy
	state   record.State
	// holder has the lock; silent is for how long it was not renewed.
	holder record.Owner
	silent time.Duration
	live   string // ids, with spaces between them
	named  bool
}

const (
	firstID  = "20261128T100000Z-one"
	secondID = "20261128T110000Z-two"
)

func (s *stage) survey(t *testing.T) *record.Survey {
	t.Helper()
	w, ctx := newWorld(t), context.Background()
	store := w.store(0)
	for _, d := range s.deploys {
		if err := store.Create(ctx, &d); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.State(ctx); err != nil {
		t.Fatal(err)
	}
	if err := store.SetState(ctx, s.state); err != nil {
		t.Fatal(err)
	}
	if s.holder != (record.Owner{}) {
		if _, err := store.Acquire(ctx, s.holder, lease); err != nil {
			t.Fatal(err)
		}
	}
	w.time = w.time.Add(s.silent)
	var live []record.LiveNode
	for _, id := range strings.Fields(s.live) {
		live = append(live, record.LiveNode{ID: id, State: "running"})
	}
	v, err := w.store(0).Survey(ctx, live, s.named)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func deployed(id, version, verdict string, nodes map[string]record.Node) record.Deploy {
	d := record.Deploy{ID: id, App: "shop", Stage: "prod", RunID: id[len(id)-3:], Version: version, Verdict: verdict, Nodes: nodes}
	for node := range nodes {
		d.Targets = append(d.Targets, node)
	}
	if verdict != "" {
		d.Ended = time.Date(2026, 11, 28, 11, 30, 0, 0, time.UTC)
	}
	return d
}

func good(id, version string) record.Node {
	return record.Node{Verdict: "succeeded", Version: version, Deploy: id}
}

func TestSurvey(t *testing.T) {
	t.Parallel()
	type nodes = map[string]record.Node
	both := nodes{"a": good(secondID, "v2"), "b": good(secondID, "v2")}
	for name, c := range map[string]struct {
		stage    stage
		standing record.Standing
		why      string
		nodes    string
	}{
		"never deployed": {stage{live: "a"}, record.StandingNothing,
			"nothing was deployed with success yet; 1 node joined and never deployed to", "a joined"},
		"current": {stage{deploys: []record.Deploy{deployed(secondID, "v2", "succeeded", both)},
			state: record.State{Current: secondID, Latest: secondID}, live: "a b"}, record.StandingCurrent, "", "a current v2 11:00; b current v2 11:00"},
		"a node joined and one left": {stage{deploys: []record.Deploy{deployed(secondID, "v2", "succeeded", both)},
			state: record.State{Current: secondID, Latest: secondID}, live: "b c"}, record.StandingDrift,
			"1 node joined and never deployed to; 1 node of the last deploy gone", "a gone v2 11:00; b current v2 11:00; c joined"},
		"a node left a group": {stage{deploys: []record.Deploy{deployed(secondID, "v2", "succeeded", both)},
			state: record.State{Current: secondID, Latest: secondID}, live: "b"}, record.StandingCurrent,
			"1 node of the last deploy gone", "a gone v2 11:00; b current v2 11:00"},
		"a named node is missing": {stage{deploys: []record.Deploy{deployed(secondID, "v2", "succeeded", both)}, named: true,
			state: record.State{Current: secondID, Latest: secondID}, live: "b"}, record.StandingDrift,
			"1 node of the last deploy gone", "a gone v2 11:00; b current v2 11:00"},
		"failed on the way": {stage{deploys: []record.Deploy{
			deployed(firstID, "v1", "succeeded", nodes{"a": good(firstID, "v1"), "b": good(firstID, "v1"), "c": good(firstID, "v1")}),
			deployed(secondID, "v2", "failed", nodes{"a": good(secondID, "v2"),
				"b": {Verdict: "failed", Deploy: secondID}, "c": {Verdict: "not started", Version: "v1", Deploy: firstID}})},
			state: record.State{Current: firstID, Latest: secondID}, live: "a b c"}, record.StandingFailed,
			"the last deploy, " + secondID + ", failed; what runs on 1 node is not known; 1 node on another version",
			"a outdated v2 11:00; b unknown 11:00; c current v1 10:00"},
		"unknown": {stage{deploys: []record.Deploy{deployed(secondID, "v2", "unknown", nodes{"a": {Verdict: "unknown", Deploy: secondID}})},
			state: record.State{Latest: secondID}, live: "a"}, record.StandingUnknown,
			"the last deploy, " + secondID + ", is unknown; nothing was deployed with success yet; what runs on 1 node is not known", "a unknown 11:00"},
		"in progress": {stage{deploys: []record.Deploy{deployed(firstID, "v1", "succeeded", nodes{"a": good(firstID, "v1")}),
			deployed(secondID, "v2", "", nodes{"a": {Verdict: "not started", Version: "v1", Deploy: firstID}})},
			state: record.State{Current: firstID, Latest: secondID}, live: "a", holder: record.Owner{Deploy: secondID}, silent: 30 * time.Second},
			record.StandingUnknown, "deploy " + secondID + " is in progress", "a current v1 10:00"},
		"died": {stage{deploys: []record.Deploy{deployed(secondID, "v2", "", nil)}, state: record.State{Latest: secondID}, live: "",
			holder: record.Owner{Deploy: secondID}, silent: 2 * time.Minute},
			record.StandingUnknown, "deploy " + secondID + " was broken off: its slipway died; nothing was deployed with success yet", ""},
		"died before the state named it": {stage{deploys: []record.Deploy{deployed(firstID, "v1", "succeeded", nodes{"a": good(firstID, "v1")}),
			deployed(secondID, "v2", "", nil)}, state: record.State{Current: firstID, Latest: firstID}, live: "a",
			holder: record.Owner{Deploy: secondID}, silent: 2 * time.Minute},
			record.StandingUnknown, "deploy " + secondID + " was broken off: its slipway died; 1 node joined and never deployed to", "a joined"},
		"a batch is out, and a batch is done": {stage{deploys: []record.Deploy{
			deployed(firstID, "v1", "succeeded", nodes{"a": good(firstID, "v1"), "b": good(firstID, "v1"), "c": good(firstID, "v1")}),
			sending(deployed(secondID, "v2", "", nodes{"a": good(secondID, "v2"),
				"b": {Verdict: "not started", Version: "v1", Deploy: firstID}, "c": {Verdict: "not started", Version: "v1", Deploy: firstID}}),
				record.Send{Step: "release", CommandID: "c1", Verdict: "succeeded", Nodes: []string{"a"}},
				record.Send{Step: "release", CommandID: "c2", Check: true, Nodes: []string{"a"}},
				record.Send{Step: "release", CommandID: "c3", Nodes: []string{"b"}})},
			state: record.State{Current: firstID, Latest: secondID}, live: "a b c", holder: record.Owner{Deploy: secondID}, silent: 30 * time.Second},
			record.StandingUnknown, "deploy " + secondID + " is in progress; what runs on 1 node is not known; 1 node on the new version, v2",
			"a new v2 11:00; b unknown 11:00 (step release: command c3 is out); c current v1 10:00"},
		"sent to the targets themselves, and died": {stage{deploys: []record.Deploy{
			deployed(firstID, "v1", "succeeded", nodes{"a": good(firstID, "v1"), "b": good(firstID, "v1")}),
			sending(deployed(secondID, "v2", "", nodes{"a": {Verdict: "not started", Version: "v1", Deploy: firstID}, "b": {Verdict: "not started", Version: "v1", Deploy: firstID}}),
				record.Send{Step: "release"})},
			state: record.State{Current: firstID, Latest: secondID}, live: "a b", holder: record.Owner{Deploy: secondID}, silent: 2 * time.Minute},
			record.StandingUnknown, "deploy " + secondID + " was broken off: its slipway died; what runs on 2 nodes is not known",
			"a unknown 11:00 (step release: a command may be out: whether it was sent is not known yet); b unknown 11:00 (step release: a command may be out: whether it was sent is not known yet)"},
		"ended without a verdict of a send": {stage{deploys: []record.Deploy{
			sending(deployed(secondID, "v2", "succeeded", both), record.Send{Step: "release", CommandID: "c1"})},
			state: record.State{Current: secondID, Latest: secondID}, live: "a b"}, record.StandingCurrent, "", "a current v2 11:00; b current v2 11:00"},
		"sent by who may not look at the nodes": {stage{deploys: []record.Deploy{sending(deployed(secondID, "v2", "", nil), record.Send{Step: "release", CommandID: "c1"})},
			state: record.State{Latest: secondID}, live: "a", holder: record.Owner{Deploy: secondID}}, record.StandingUnknown,
			"deploy " + secondID + " is in progress; nothing was deployed with success yet; what runs on 1 node is not known",
			"a unknown 11:00 (step release: command c1 is out)"},
		"left": {stage{deploys: []record.Deploy{leaving(sending(deployed(secondID, "v2", "", nodes{"a": {Verdict: "not started"}}),
			record.Send{Step: "release", CommandID: "c1"}))}, state: record.State{Latest: secondID}, live: "a", holder: record.Owner{Deploy: secondID}},
			record.StandingUnknown, "deploy " + secondID + " was sent, and left: nobody watches it; nothing was deployed with success yet; what runs on 1 node is not known",
			"a unknown 11:00 (step release: command c1 is out)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := c.stage.survey(t)
			if v.Standing != c.standing {
				t.Errorf("standing %q, want %q", v.Standing, c.standing)
			}
			if diff := cmp.Diff(c.why, strings.Join(v.Why, "; ")); diff != "" {
				t.Errorf("why (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.nodes, nodesLine(v)); diff != "" {
				t.Errorf("nodes (-want +got):\n%s", diff)
			}
		})
	}
}

// sending is a deploy with what it sent.
func sending(d record.Deploy, sends ...record.Send) record.Deploy {
	d.Sends = sends
	return d
}

// leaving is a deploy whose slipway went on purpose.
func leaving(d record.Deploy) record.Deploy {
	d.Detached = true
	return d
}

func nodesLine(v *record.Survey) string {
	var parts []string
	for _, n := range v.Nodes {
		text := fmt.Sprint(n.ID, " ", n.Standing)
		if n.Version != "" {
			text += " " + n.Version
		}
		if !n.Since.IsZero() {
			text += " " + n.Since.Format("15:04")
		}
		if n.Why != "" {
			text += " (" + n.Why + ")"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

func TestLockViewHidesTheToken(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	if _, err := w.store(0).Acquire(ctx, alice, lease); err != nil {
		t.Fatal(err)
	}
	st, err := w.store(0).Lock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	v := st.View(w.time)
	if !v.Held || v.Expired || v.Owner.Token != "" || v.Owner.Actor != "alice" || !v.Until.Equal(w.time.Add(lease+10*time.Second)) {
		t.Errorf("%+v, %+v", v, v.Owner)
	}
}

// TestALockThatWasLeftSaysSo: nobody renews it, whoever asks for it; taking the deploy up makes it a living one's again.
func TestALockThatWasLeftSaysSo(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	owner := bob
	owner.Deploy = secondID
	l, err := w.store(0).Acquire(ctx, owner, lease)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Leave(ctx); err != nil {
		t.Fatal(err)
	}
	left := func() (bool, string) {
		st, err := w.store(0).Lock(ctx)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.store(0).Acquire(ctx, alice, lease)
		var held *record.HeldError
		if !errors.As(err, &held) {
			t.Fatalf("got %v, want a lock that is held", err)
		}
		return st.View(w.time).Left, err.Error()
	}
	if is, text := left(); !is || !strings.Contains(text, "its slipway sent, and left: nobody renews it") || strings.Contains(text, "lives") {
		t.Errorf("left %t: %s", is, text)
	}
	owner.Token = l.Lock().Owner.Token
	if _, err := w.store(0).Acquire(ctx, owner, lease); err != nil {
		t.Fatal(err)
	}
	if is, text := left(); is || !strings.Contains(text, "renewed while that slipway lives") {
		t.Errorf("taken up, left %t: %s", is, text)
	}
}
