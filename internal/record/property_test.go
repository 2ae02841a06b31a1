package record_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/slipway-cd/slipway/internal/record"
	"github.com/slipway-cd/slipway/internal/record/recordtest"
	"github.com/slipway-cd/slipway/internal/release"
)

// slipwayProcess is one run of slipway on a machine with a clock of its own: it deploys, resumes, or cancels. Its calls
// of the bucket meet faults, and it can die within each.
type slipwayProcess struct {
	w     *stageWorld
	name  string
	skew  time.Duration
	store *record.Store
	lease *record.Lease
	// deploy is what it ships; saves counts the saves that were tried, saved is the last that was acknowledged.
	deploy *record.Deploy
	dead   bool
}

// stageWorld is the truth about a stage.
type stageWorld struct {
	t       *rapid.T
	time    time.Time
	bucket  *recordtest.Bucket
	late    []recordtest.Call // writes that are on their way still
	tokens  int
	procs   []*slipwayProcess
	broken  map[string]bool // tokens of the locks that were taken away
	created map[string]int  // deploys that are acknowledged, with the last acknowledged save
	cancels map[string]bool // acknowledged requests to cancel
	order   map[string]int  // which deploy began as the how manieth
	latest  int             // the highest that the state ever named
}

var errCall = errors.New("the call failed")

func (p *slipwayProcess) now() time.Time { return p.w.time.Add(p.skew) }

// call makes a call of the bucket under a fault that the test draws.
func call[T any](p *slipwayProcess, late func(), do func() (T, error)) (T, error) {
	var zero T
	if p.dead {
		return zero, errCall
	}
	fault := rapid.SampledFrom([]string{"none", "none", "none", "none", "none", "none", "not made", "answer lost", "made twice", "late", "dies before", "dies after"}).Draw(p.w.t, "fault")
	switch fault {
	case "not made":
		return zero, errCall
	case "dies before":
		p.dead = true
		return zero, errCall
	case "late":
		if late != nil {
			late()
		}
		return zero, errCall
	}
	out, err := do()
	switch fault {
	case "answer lost":
		return zero, errCall
	case "made twice":
		return do()
	case "dies after":
		p.dead = true
		return zero, errCall
	}
	return out, err
}

func (p *slipwayProcess) Get(ctx context.Context, key string) (record.Object, error) {
	return call(p, nil, func() (record.Object, error) { return p.w.bucket.Get(ctx, key) })
}

func (p *slipwayProcess) Put(ctx context.Context, key string, body []byte, when record.Condition) (string, error) {
	later := func() { p.w.late = append(p.w.late, recordtest.Call{Key: key, Body: body, When: when}) }
	return call(p, later, func() (string, error) { return p.w.bucket.Put(ctx, key, body, when) })
}

func (p *slipwayProcess) List(ctx context.Context, prefix, after string, limit int) ([]string, error) {
	return call(p, nil, func() ([]string, error) { return p.w.bucket.List(ctx, prefix, after, limit) })
}

// start makes a new run of the program on the machine.
func (p *slipwayProcess) start() {
	p.dead, p.lease, p.deploy = false, nil, nil
	var err error
	p.store, err = record.NewStore(record.Config{Bucket: p, App: "shop", Stage: "prod", Now: p.now, Redact: release.Redact,
		NewToken: func() string { p.w.tokens++; return fmt.Sprint("token-", p.w.tokens) }})
	if err != nil {
		p.w.t.Fatal(err)
	}
}

// holds tells that the process may go on: it believes in its lease.
func (p *slipwayProcess) holds() bool {
	return !p.dead && p.lease != nil && p.lease.Valid(p.now())
}

// act does one thing that a slipway does.
func (p *slipwayProcess) act(ctx context.Context) {
	if p.dead {
		p.start()
	}
	actions := []string{"die", "cancel", "break"}
	switch {
	case p.lease == nil:
		actions = append(actions, "acquire", "acquire", "acquire", "adopt", "adopt")
	case p.deploy == nil:
		actions = append(actions, "begin", "begin", "renew", "release")
	default:
		actions = append(actions, "renew", "save", "save", "succeed", "release")
	}
	switch rapid.SampledFrom(actions).Draw(p.w.t, p.name+" does") {
	case "die":
		p.dead = true
	case "acquire":
		p.lease, _ = p.store.Acquire(ctx, record.Owner{Actor: p.name}, lease)
	case "adopt":
		p.adopt(ctx)
	case "renew":
		if err := p.lease.Renew(ctx); err != nil {
			var gone *record.LostError
			if errors.As(err, &gone) {
				p.start()
			}
		}
	case "release":
		_ = p.lease.Release(ctx)
		p.start()
	case "begin":
		p.begin(ctx)
	case "save":
		p.save(ctx, "")
	case "succeed":
		p.save(ctx, "succeeded")
		if p.deploy != nil && p.deploy.Verdict != "" {
			_ = p.store.SetState(ctx, record.State{Current: p.deploy.ID, Latest: p.deploy.ID})
		}
	case "cancel":
		p.cancel(ctx)
	case "break":
		_, _ = p.store.Break(ctx, record.Owner{Actor: p.name})
	}
}

func (p *slipwayProcess) begin(ctx context.Context) {
	state, err := p.store.State(ctx)
	if err != nil || !p.holds() {
		return
	}
	p.w.tokens++
	order := len(p.w.order) + 1
	run := fmt.Sprint("run", p.w.tokens)
	d := &record.Deploy{ID: record.NewID(p.w.time, run), RunID: run, Previous: state.Current, Why: "0"}
	p.w.order[d.ID] = order
	if err := p.store.Create(ctx, d); err != nil {
		return
	}
	p.deploy = d
	p.w.created[d.ID] = 0
	_ = p.store.SetState(ctx, record.State{Current: state.Current, Latest: d.ID})
}

func (p *slipwayProcess) adopt(ctx context.Context) {
	state, err := p.store.State(ctx)
	if err != nil || state.Latest == "" {
		return
	}
	l, d, err := p.store.Adopt(ctx, state.Latest, record.Owner{Actor: p.name}, lease)
	if err != nil {
		return
	}
	p.lease, p.deploy = l, d
}

// save writes one more thing down, without a look at the lease: a slipway that slept does not know.
func (p *slipwayProcess) save(ctx context.Context, verdict string) {
	n := 0
	if _, err := fmt.Sscan(p.deploy.Why, &n); err != nil {
		p.w.t.Fatal(err)
	}
	p.deploy.Why, p.deploy.Verdict = fmt.Sprint(n+1), verdict
	err := p.store.Save(ctx, p.deploy)
	switch {
	case err == nil:
		p.w.created[p.deploy.ID] = n + 1
	case errors.Is(err, record.ErrConflict):
		p.start() // somebody else has it
	}
}

func (p *slipwayProcess) cancel(ctx context.Context) {
	if len(p.w.created) == 0 {
		return
	}
	id := rapid.SampledFrom(slices.Sorted(maps.Keys(p.w.created))).Draw(p.w.t, "deploy")
	_, err := p.store.Update(ctx, id, func(d *record.Deploy) error {
		if d.CancelRequested.IsZero() {
			d.CancelRequested = p.now()
		}
		return nil
	})
	if err == nil {
		p.w.cancels[id] = true
	}
}

// noteBroken remembers whose lock was taken away: that it believes to hold it, until it renews it, is meant so.
func (w *stageWorld) noteBroken() {
	var l record.Lock
	if body := w.bucket.Object("shop/prod/lock.json"); body != nil && json.Unmarshal(body, &l) == nil && l.BrokenBy != nil {
		w.broken[l.Owner.Token] = true
	}
}

// arrive lets writes come in that were on their way, after everything that happened since.
func (w *stageWorld) arrive(ctx context.Context) {
	if len(w.late) == 0 {
		return
	}
	i := rapid.IntRange(0, len(w.late)-1).Draw(w.t, "late write")
	c := w.late[i]
	w.late = append(w.late[:i:i], w.late[i+1:]...)
	_, _ = w.bucket.Put(ctx, c.Key, c.Body, c.When)
	w.noteBroken()
}

// check tests what must always be true.
func (w *stageWorld) check() {
	var holders []string
	for _, p := range w.procs {
		if p.holds() && !w.broken[p.lease.Lock().Owner.Token] {
			holders = append(holders, p.name)
		}
	}
	if len(holders) > 1 {
		w.t.Fatalf("%s hold the lock at once", strings.Join(holders, " and "))
	}
	w.checkState()
	for id, saved := range w.created {
		var d record.Deploy
		body := w.bucket.Object("shop/prod/deploys/" + id + ".json")
		if err := json.Unmarshal(body, &d); err != nil {
			w.t.Fatalf("deploy %s is lost: %v in %q", id, err, body)
		}
		n := -1
		if _, err := fmt.Sscan(d.Why, &n); err != nil || n < saved {
			w.t.Fatalf("deploy %s is as of save %d, and save %d was acknowledged", id, n, saved)
		}
		if w.cancels[id] && d.CancelRequested.IsZero() {
			w.t.Fatalf("the request to cancel %s is lost", id)
		}
	}
}

func (w *stageWorld) checkState() {
	body := w.bucket.Object("shop/prod/state.json")
	if body == nil {
		return
	}
	var state record.State
	if err := json.Unmarshal(body, &state); err != nil {
		w.t.Fatal(err)
	}
	if w.order[state.Latest] < w.latest {
		w.t.Fatalf("the state went back to deploy %s", state.Latest)
	}
	w.latest = w.order[state.Latest]
	for _, id := range []string{state.Current, state.Latest} {
		if id != "" && w.bucket.Object("shop/prod/deploys/"+id+".json") == nil {
			w.t.Fatalf("the state names deploy %s, which does not exist", id)
		}
	}
}

// TestR104OneHolderOfALockAtATime: whatever fails, and whoever dies when, on machines whose clocks are hours apart,
// never do two hold the lock, and nothing that was acknowledged is lost (R104, R105).
func TestR104OneHolderOfALockAtATime(t *testing.T) {
	t.Parallel()
	for i := range 8 { // each with a seed of its own; -rapid.checks makes them longer
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, checkStage)
		})
	}
}

// checkStage lets three machines do what they do to one stage.
func checkStage(t *rapid.T) {
	ctx := context.Background()
	w := &stageWorld{t: t, time: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC),
		broken: map[string]bool{}, created: map[string]int{}, cancels: map[string]bool{}, order: map[string]int{}}
	w.bucket = &recordtest.Bucket{Now: func() time.Time { return w.time }}
	for _, name := range []string{"ann", "ben", "cid"} {
		p := &slipwayProcess{w: w, name: name, skew: time.Duration(rapid.IntRange(-7200, 7200).Draw(t, "skew")) * time.Second}
		p.start()
		w.procs = append(w.procs, p)
	}
	for range rapid.IntRange(20, 150).Draw(t, "steps") {
		w.time = w.time.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 300, 5000, 30000, 59500, 75000}).Draw(t, "ms")) * time.Millisecond)
		w.procs[rapid.IntRange(0, len(w.procs)-1).Draw(t, "process")].act(ctx)
		w.noteBroken()
		if rapid.Bool().Draw(t, "arrives") {
			w.arrive(ctx)
		}
		w.check()
	}
}
