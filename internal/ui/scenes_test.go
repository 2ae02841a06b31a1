package ui

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/ship"
)

var update = flag.Bool("update", false, "write the golden files anew")

// screens are the terminals on which every scene is played.
var screens = [][2]int{{80, 24}, {120, 40}, {40, 10}}

// TestScenes plays deploys of 3, 20 and 500 nodes with every outcome on terminals of three sizes, and compares what a
// person sees in the middle and at the end.
func TestScenes(t *testing.T) {
	t.Parallel()
	for _, outcome := range []string{"success", "failure", "unknown", "interrupt", "rollback"} {
		for _, nodes := range []int{3, 20, 500} {
			name := fmt.Sprintf("%s-%d", outcome, nodes)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				var got strings.Builder
				for _, size := range screens {
					play(&got, size, outcome, nodes)
				}
				golden(t, filepath.Join("testdata", "screen", name+".txt"), got.String())
			})
		}
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got); -update writes it anew:\n%s", file, diff)
	}
}

// deployScene is a scene with the state of the deploy that is played.
type deployScene struct {
	*scene
	out     *strings.Builder
	title   string
	ids     []string
	results []ship.NodeResult
	verdict map[string]ship.Verdict
	command int
}

func play(out *strings.Builder, size [2]int, outcome string, nodes int) {
	d := &deployScene{scene: newScene(size[0], size[1], Subject{App: "shop", Version: "v42", Steps: map[string][]string{"prod": {"migrate", "release"}}}),
		out: out, title: fmt.Sprintf("%d×%d", size[0], size[1]), verdict: map[string]ship.Verdict{}}
	for i := range nodes {
		d.ids = append(d.ids, nodeID(i))
	}
	d.prologue()
	sizes := map[int][]int{3: {3}, 20: {1, 5, 14}, 500: {1, 125, 374}}[nodes]
	done := 0
	for i, n := range sizes {
		last := i == min(1, len(sizes)-1) && outcome != "success"
		d.batch(i+1, len(sizes), d.ids[done:done+n], outcome, last)
		done += n
		if last {
			break
		}
		if i+1 < len(sizes) {
			d.event(time.Second, ship.Event{Kind: ship.EventPause, Step: "release", Message: "pause of 30s", Until: d.now.Add(31 * time.Second), Batch: &ship.Batch{Number: i + 2, Of: len(sizes)}})
			d.wait(7 * time.Second)
			if i == 0 {
				d.shot("pause")
			}
			d.wait(23 * time.Second)
		}
	}
	d.epilogue(outcome)
	d.ui.Result(d.result(outcome))
	d.end()
	d.shot("end")
}

// shot is a picture of the screen now.
func (d *deployScene) shot(what string) {
	d.tick()
	fmt.Fprintf(d.out, "── %s, %s, after %s\n%s", d.title, what, d.now.Sub(noon), d.term.picture())
}

func (d *deployScene) prologue() {
	d.event(0, ship.Event{Kind: ship.EventIdentity, Message: "arn:aws:sts::333333333333:assumed-role/shop-prod-Deploy/slipway"})
	d.event(time.Second, ship.Event{Kind: ship.EventLock, Message: "lock taken for deploy 20261122T120001Z-4f2a"})
	d.event(time.Second, ship.Event{Kind: ship.EventTargets, Message: fmt.Sprintf("%d nodes: %s, …", len(d.ids), d.ids[0]), Nodes: d.ids})
	d.event(time.Second, ship.Event{Kind: ship.EventSent, Step: "migrate", CommandID: "0f0a3c1e-0000-4000-8000-000000000000", Message: "command 0f0a3c1e-0000-4000-8000-000000000000"})
	d.event(time.Second, ship.Event{Kind: ship.EventBatch, Step: "migrate", Batch: &ship.Batch{Number: 1, Of: 1, Total: 1}, Nodes: d.ids[:1]})
	d.node(2*time.Second, "migrate", d.ids[0], ship.Succeeded)
	d.event(0, ship.Event{Kind: ship.EventStep, Step: "migrate", Verdict: ship.Succeeded})
}

// batch ships to nodes; bad is the batch in which the outcome is decided.
func (d *deployScene) batch(number, of int, nodes []string, outcome string, bad bool) {
	b := &ship.Batch{Number: number, Of: of, Done: len(d.verdict) - 1, Total: len(d.ids)}
	if of == 1 {
		b = nil
	} else {
		d.event(time.Second, ship.Event{Kind: ship.EventBatch, Step: "release", Batch: b, Nodes: nodes})
	}
	d.command++
	d.event(time.Second, ship.Event{Kind: ship.EventSent, Step: "release", CommandID: fmt.Sprintf("ebe76b7d-0000-4000-8000-%012d", d.command)})
	for i, id := range nodes {
		d.event(10*time.Millisecond, ship.Event{Kind: ship.EventNode, Step: "release", Instance: id, Status: "Pending", Message: "Pending"})
		if i%5 != 4 {
			d.event(0, ship.Event{Kind: ship.EventNode, Step: "release", Instance: id, Status: "InProgress", Message: "InProgress"})
			d.event(0, ship.Event{Kind: ship.EventOutput, Step: "release", Instance: id, Message: []string{
				"docker pull: 10%\rdocker pull: 70%\n", "installing v42 in /opt/shop\n", "größer: 漢字 und 🚀 in einer langen Zeile, die nicht in die Tabelle passt\n", "\x1b[31mstarting\x1b[0m\n"}[i%4]})
		}
	}
	for i, id := range nodes {
		if i == len(nodes)*2/3 && (bad || number == of) {
			d.shot(fmt.Sprintf("batch %d", number))
			if bad && d.decide(outcome) {
				return
			}
		}
		v := ship.Succeeded
		if bad && (outcome == "failure" || outcome == "rollback") && i%40 == 1 {
			v = ship.Failed
		}
		d.node(20*time.Millisecond, "release", id, v)
	}
}

// decide ends the batch early where reading is denied, or the user stops it.
func (d *deployScene) decide(outcome string) bool {
	switch outcome {
	case "unknown":
		d.event(time.Second, ship.Event{Kind: ship.EventNotYet, Step: "release", Message: "ssm:ListCommandInvocations: ThrottlingException"})
		d.shot("throttled")
		return true
	case "interrupt":
		d.ui.Interrupt("cancelling…")
		d.shot("interrupted")
		d.event(time.Second, ship.Event{Kind: ship.EventCancel, Step: "release", Message: "interrupted: cancelling command ebe76b7d"})
		for _, id := range d.ids {
			if n := d.ui.model.nodes[id]; n != nil && (n.phase == phaseRunning || n.phase == phaseWaiting) {
				d.node(time.Millisecond, "release", id, ship.Failed)
			}
		}
		return true
	}
	return false
}

func (d *deployScene) node(after time.Duration, step, id string, v ship.Verdict) {
	r := ship.NodeResult{InstanceID: id, Verdict: v, Status: "Success", StatusDetails: "Success", CommandID: fmt.Sprintf("ebe76b7d-0000-4000-8000-%012d", d.command),
		Steps: []ship.ScriptStepResult{{Name: "release", Status: "Success", Stdout: "starting v42\n"}, {Name: "validate", Status: "Success", Stdout: "answered 200\n"}}}
	if v == ship.Failed {
		r.Status, r.StatusDetails, r.Why = "Failed", "Failed", "step validate: exit code 7"
		r.Steps[1] = ship.ScriptStepResult{Name: "validate", Status: "Failed", ExitCode: 7, Stdout: "asking http://127.0.0.1:8080\n", Stderr: "no answer in 60 s\n"}
	}
	if step == "release" {
		d.results = append(d.results, r)
		d.verdict[id] = v
	}
	d.event(after, ship.Event{Kind: ship.EventNode, Step: step, Instance: id, Verdict: v, Status: r.StatusDetails, Message: r.Why, Node: &r})
}

func (d *deployScene) epilogue(outcome string) {
	verdict := map[string]ship.Verdict{"success": ship.Succeeded, "unknown": ship.Unknown}[outcome]
	if verdict == "" {
		verdict = ship.Failed
	}
	d.event(time.Second, ship.Event{Kind: ship.EventStep, Step: "release", Verdict: verdict})
	if outcome != "rollback" {
		return
	}
	d.event(time.Second, ship.Event{Kind: ship.EventRollback, Message: "rolling back to v41, deploy 20261121T090000Z-11aa"})
	d.event(time.Second, ship.Event{Kind: ship.EventSent, Step: "release", CommandID: "aaaaaaaa-0000-4000-8000-000000000001"})
	for i, id := range d.ids {
		if i == len(d.ids)/2 {
			d.shot("rolling back")
		}
		r := ship.NodeResult{InstanceID: id, Verdict: ship.Succeeded, Steps: []ship.ScriptStepResult{{Name: "release", Stdout: "starting v41\n"}}}
		d.event(0, ship.Event{Kind: ship.EventNode, Step: "release", Instance: id, Status: "InProgress", Message: "InProgress"})
		d.event(5*time.Millisecond, ship.Event{Kind: ship.EventNode, Step: "release", Instance: id, Verdict: ship.Succeeded, Node: &r})
	}
	d.event(time.Second, ship.Event{Kind: ship.EventStep, Step: "release", Verdict: ship.Succeeded})
}

func (d *deployScene) result(outcome string) *ship.Result {
	first := "ebe76b7d-0000-4000-8000-000000000001"
	r := &ship.Result{Stage: "prod", Verdict: ship.Succeeded, Interrupted: outcome == "interrupt", Steps: []ship.StepResult{
		{Name: "migrate", CommandID: "0f0a3c1e-0000-4000-8000-000000000000", Verdict: ship.Succeeded, Nodes: []ship.NodeResult{{InstanceID: d.ids[0], Verdict: ship.Succeeded, Status: "Success"}}},
		{Name: "release", CommandID: first, Verdict: ship.Succeeded, Nodes: d.results}}}
	step := &r.Steps[1]
	for _, id := range d.ids {
		if d.verdict[id] != "" {
			continue
		}
		n := ship.NodeResult{InstanceID: id, Verdict: ship.NotStarted, Why: "its batch never began"}
		if s := d.ui.model.nodes[id]; outcome == "unknown" && s != nil && (s.phase == phaseRunning || s.phase == phaseWaiting) {
			n = ship.NodeResult{InstanceID: id, Verdict: ship.Unknown, Status: "InProgress", CommandID: step.CommandID, Why: "its result could not be read"}
		}
		step.Nodes = append(step.Nodes, n)
	}
	switch outcome {
	case "unknown":
		r.Verdict, step.Verdict = ship.Unknown, ship.Unknown
		r.Problem = &ship.Problem{API: "ssm:ListCommandInvocations", Message: "the result could not be read: throttled for 60s", CommandID: first, Hint: "slipway resume tells the truth later"}
	case "success":
	default:
		r.Verdict, step.Verdict = ship.Failed, ship.Failed
	}
	return r
}
