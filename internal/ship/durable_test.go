package ship

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/record"
	"github.com/slipway-cd/slipway/internal/record/recordtest"
)

// durable is a fleet with a record. Its processes can be killed at any call.
type durable struct {
	*fleet
	bucket *recordtest.Bucket
	// calls counts those of the process that runs, to AWS and to the bucket; at is the one that kills it, before it is
	// made or after. 0 for none.
	calls, at int
	after     bool
	runs      int
}

func newDurable(t *testing.T, nodes int) *durable {
	d := &durable{fleet: newFleet(newFake(t, names(nodes)...))}
	d.bucket = &recordtest.Bucket{Now: d.clock.now}
	return d
}

// count ends the goroutine of the process at its last call: no line of it runs any more, as with kill -9.
func (d *durable) count(after bool) {
	if !after {
		d.calls++
	}
	if d.calls == d.at && after == d.after {
		runtime.Goexit()
	}
}

// killable is the HTTP client, and the bucket, of a process.
type killable struct {
	d    *durable
	http *http.Client
}

func (k killable) Do(req *http.Request) (*http.Response, error) {
	k.d.count(false)
	resp, err := k.http.Do(req)
	k.d.count(true)
	return resp, err
}

func (k killable) Get(ctx context.Context, key string) (record.Object, error) {
	k.d.count(false)
	o, err := k.d.bucket.Get(ctx, key)
	k.d.count(true)
	return o, err
}

func (k killable) Put(ctx context.Context, key string, body []byte, when record.Condition) (string, error) {
	k.d.count(false)
	etag, err := k.d.bucket.Put(ctx, key, body, when)
	k.d.count(true)
	return etag, err
}

func (k killable) List(ctx context.Context, prefix, after string, limit int) ([]string, error) {
	k.d.count(false)
	keys, err := k.d.bucket.List(ctx, prefix, after, limit)
	k.d.count(true)
	return keys, err
}

// process is the configuration of one run of slipway.
func (d *durable) process(change ...func(*Config)) Config {
	d.runs++
	cfg := d.config()
	k := killable{d: d, http: cfg.Send.HTTPClient.(*http.Client)}
	cfg.Send.HTTPClient, cfg.Watch.HTTPClient = k, k
	cfg.Send.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	cfg.Bucket, cfg.RunID = k, fmt.Sprintf("run-%d", d.runs)
	cfg.Prove = func(*plan.Plan) error { return nil }
	cfg.About = About{Version: fmt.Sprintf("v%d", d.runs), Actor: "alice", Host: "laptop"}
	cfg.Plan.Record = &plan.Record{Bucket: "b", Lease: 60}
	for _, c := range change {
		c(&cfg)
	}
	return cfg
}

// run runs one process to its end, or until it is killed; nil then.
func (d *durable) run(do func() (*Result, error)) (res *Result) {
	d.t.Helper()
	d.calls = 0
	done := make(chan error, 1)
	killed := true
	go func() {
		var err error
		defer func() { done <- err }()
		res, err = do()
		killed = false
	}()
	if err := <-done; err != nil {
		d.t.Fatal(err)
	}
	if killed {
		return nil
	}
	return res
}

func (d *durable) ship(change ...func(*Config)) *Result {
	d.t.Helper()
	return d.run(func() (*Result, error) { return Deploy(context.Background(), d.process(change...)) })
}

func (d *durable) resume(how Continuing, change ...func(*Config)) *Result {
	d.t.Helper()
	return d.run(func() (*Result, error) { return Continue(context.Background(), d.process(change...), how) })
}

// store is the record as a reader sees it.
func (d *durable) store() *record.Store {
	d.t.Helper()
	s, err := record.NewStore(record.Config{Bucket: d.bucket, App: "web", Stage: "dev", Now: d.clock.now,
		NewToken: func() string { return "reader" }, Redact: func(s string) string { return s }})
	if err != nil {
		d.t.Fatal(err)
	}
	return s
}

// deploys are the records of the stage, the oldest first.
func (d *durable) deploys() []*record.Deploy {
	d.t.Helper()
	all, err := d.store().History(context.Background(), 100)
	if err != nil {
		d.t.Fatal(err)
	}
	slices.Reverse(all)
	return all
}

func (d *durable) state() record.State {
	d.t.Helper()
	state, err := d.store().State(context.Background())
	if err != nil {
		d.t.Fatal(err)
	}
	return state
}

// settled checks what must hold when all is over: no lock, no deploy without an end, and nothing sent twice.
func (d *durable) settled() {
	d.t.Helper()
	lock, err := d.store().Lock(context.Background())
	if err != nil || lock.Held {
		d.t.Errorf("the lock is still held: %+v, %v", lock, err)
	}
	for _, deploy := range d.deploys() {
		if deploy.Ended.IsZero() {
			d.t.Errorf("deploy %s has no end", deploy.ID)
		}
		for _, s := range deploy.Sends {
			if s.CommandID == "" && s.Verdict != string(NotStarted) {
				d.t.Errorf("deploy %s: what became of %s is not known", deploy.ID, s.Comment)
			}
		}
	}
	seen := map[string]int{}
	for _, c := range d.commands {
		if seen[c.comment]++; seen[c.comment] > 1 {
			d.t.Errorf("%s was sent twice", c.comment)
		}
	}
}

// shipped counts, for every node, how often a run's command reached it.
func (d *durable) shipped(run string) map[string]int {
	times := map[string]int{}
	for _, c := range d.commands {
		if runOf(c.comment) == run {
			for _, id := range c.nodes {
				times[id]++
			}
		}
	}
	return times
}

func versions(d *record.Deploy) map[string]int {
	counts := map[string]int{}
	for _, n := range d.Nodes {
		counts[n.Version]++
	}
	return counts
}

var inBatches = rolling(plan.Rollout{Batches: []string{"1", "2", "100%"}, Pause: 20})

func TestR105ADeployIsRecorded(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 7)
	want(t, d.ship(inBatches), 0, Succeeded)
	d.settled()
	all := d.deploys()
	if len(all) != 1 {
		t.Fatalf("%d records", len(all))
	}
	got := all[0]
	if got.Verdict != "succeeded" || got.Version != "v1" || got.Actor != "alice" || got.Principal != testPrincipal || len(got.Targets) != 7 || len(got.Sends) != 3 {
		t.Errorf("record = %+v", got)
	}
	if s := got.Steps[0]; s.DocumentVersion != "3" || s.DocumentHash != testHash || s.Verdict != "succeeded" {
		t.Errorf("step = %+v", s)
	}
	if diff := cmp.Diff(map[string]int{"v1": 7}, versions(got)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(record.State{Current: got.ID, Latest: got.ID}, d.state()); diff != "" {
		t.Error(diff)
	}
}

// TestR105KilledAtEveryCall kills a rolling deploy before and after each of its calls, to AWS and to the bucket, and
// resumes it: every node is shipped to exactly once, whatever had been done or written down.
func TestR105KilledAtEveryCall(t *testing.T) {
	t.Parallel()
	whole := newDurable(t, 7)
	want(t, whole.ship(inBatches), 0, Succeeded)
	for at := 1; at <= whole.calls; at++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprint(at, after), func(t *testing.T) {
				t.Parallel()
				d := newDurable(t, 7)
				d.at, d.after = at, after
				if res := d.ship(inBatches); res != nil {
					t.Fatal("it was not killed")
				}
				d.at = 0
				res := d.resume(Continuing{})
				if records := d.deploys(); len(records) == 0 {
					if len(d.commands) > 0 || res.Verdict != Refused {
						t.Errorf("no record, %d commands, %s", len(d.commands), res.Verdict)
					}
				} else {
					want(t, res, 0, Succeeded)
					if len(records) != 1 || d.state().Current != records[0].ID {
						t.Errorf("%d records, state %+v", len(records), d.state())
					}
					if diff := cmp.Diff(map[string]int{"v1": 7}, versions(records[0])); diff != "" {
						t.Error(diff)
					}
					for _, id := range d.nodes {
						if n := d.shipped("run-1")[id]; n != 1 {
							t.Errorf("%s was shipped to %d times", id, n)
						}
					}
				}
				d.settled()
			})
		}
	}
}

// TestR104TwoDeploysAtOnce: the second refuses, or waits until the first has ended.
func TestR104TwoDeploysAtOnce(t *testing.T) {
	t.Parallel()
	for _, waits := range []bool{false, true} {
		d := newDurable(t, 3)
		var second *Result
		first := d.process(inBatches)
		tell := first.Events
		first.Events = func(e Event) {
			tell(e)
			if e.Kind == EventPause && second == nil && !waits {
				cfg := d.process(inBatches)
				var err error
				if second, err = Deploy(context.Background(), cfg); err != nil {
					t.Error(err)
				}
			}
		}
		res, err := Deploy(context.Background(), first)
		if err != nil {
			t.Fatal(err)
		}
		want(t, res, 0, Succeeded)
		if !waits {
			want(t, second, 4, Refused)
			if second.Problem.Code != CodeLockHeld || !strings.Contains(second.Problem.Message, "alice on laptop") {
				t.Errorf("problem = %+v", second.Problem)
			}
		}
		d.settled()
	}
	d := newDurable(t, 3)
	held, err := d.store().Acquire(context.Background(), record.Owner{Actor: "bob"}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	released := false
	res := d.ship(inBatches, func(c *Config) {
		c.WaitForLock = time.Hour
		tell := c.Events
		c.Events = func(e Event) {
			tell(e)
			if e.Kind == EventLock && strings.Contains(e.Message, "waiting") && !released {
				released = true
				if err := held.Release(context.Background()); err != nil {
					t.Error(err)
				}
			}
		}
	})
	want(t, res, 0, Succeeded)
	if !released {
		t.Error("it did not wait")
	}
}

// TestR104ALostLockStopsBeforeTheNextBatch takes the lock away while the first batch runs.
func TestR104ALostLockStopsBeforeTheNextBatch(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 5)
	res := d.ship(inBatches, func(c *Config) {
		tell := c.Events
		c.Events = func(e Event) {
			tell(e)
			if e.Kind == EventSent && len(d.commands) == 1 {
				if _, err := d.store().Break(context.Background(), record.Owner{Actor: "bob", Reason: "it hangs"}); err != nil {
					t.Error(err)
				}
			}
		}
	})
	want(t, res, 1, Failed)
	if res.Problem == nil || res.Problem.Code != CodeLockLost || !strings.Contains(res.Problem.Message, "bob") || len(d.commands) != 1 {
		t.Errorf("%d commands, problem %+v", len(d.commands), res.Problem)
	}
}

// TestR104ALivingDeployKeepsItsLock: however short the lease, and however long the pauses and ticks, the lock of a deploy
// that lives is never free.
func TestR104ALivingDeployKeepsItsLock(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 5)
	d.takes = 5 * time.Minute
	looks := 0
	res := d.ship(inBatches, func(c *Config) {
		c.Plan.Record.Lease = 5
		sleep := c.Sleep
		c.Sleep = func(ctx context.Context, long time.Duration) error {
			err := sleep(ctx, long)
			lock, lockErr := d.store().Lock(context.Background())
			if lockErr != nil || lock.Expired || !lock.Held {
				t.Errorf("after a sleep of %s: %+v, %v", long, lock, lockErr)
			}
			looks++
			return err
		}
	})
	want(t, res, 0, Succeeded)
	if looks < 100 {
		t.Errorf("%d looks only", looks)
	}
	d.settled()
}
