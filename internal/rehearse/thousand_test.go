package rehearse_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/slipway-cd/slipway/internal/awsclient"
	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/ship"
)

var fleetSize = flag.Int("nodes", 150, "how many simulated nodes the deploy of a large fleet has; CI sets 1000")

// shipMemory is what slipway may take, nodes or not.
const shipMemory = 150 << 20

// fleetChildEnv holds, for the process that ships to a large fleet, how to reach it.
const fleetChildEnv = "SLIPWAY_TEST_SHIP_TO"

// childJob is what that process is told, childReport what it tells.
type childJob struct {
	Release, Endpoint, Key, Secret, Token string
	Files                                 map[string]string
}

type childReport struct {
	Verdict ship.Verdict
	Nodes   map[ship.Verdict]int
	// MostCalls of one tick but for reads of output, and Ticks that there were. Output counts these reads, Throttled the calls
	// that were refused for their number.
	MostCalls, Ticks, Output, Throttled, Calls int
	// Busiest is the tick of MostCalls, by operation.
	Busiest map[string]int
	// LastTick is the longest wait that could lie between the last node's end and the verdict.
	LastTick time.Duration
	Ended    time.Time
	// Memory is the most that the process ever had resident.
	Memory  int64
	Problem *ship.Problem
}

func largeStage(n int) string {
	return header + fmt.Sprintf(`stages:
  - name: dev
    account: dev
    targets: {tags: {App: shop, Environment: dev}, min: %d}
    steps:
      - command: {name: release, script: release.sh, timeout: 1m, rollout: {batches: [1, 25%%, 100%%], max-failures: 10%%}}
`, n)
}

// TestLargeFleet ships to a large fleet in batches, from a process of its own: with few calls, little memory, and the
// truth, told as soon as it can be known; also when every API is throttled to 10 calls a second.
func TestLargeFleet(t *testing.T) {
	t.Parallel()
	for _, throttled := range []bool{false, true} {
		for _, failing := range []bool{false, true} {
			if throttled != failing && *fleetSize < 1000 {
				continue // all four where it was asked for
			}
			t.Run(fmt.Sprintf("%d nodes, throttled %v, failing %v", *fleetSize, throttled, failing), func(t *testing.T) {
				bad := ""
				var mu sync.Mutex
				var last time.Time
				f := startFleet(t, localaws.Config{}, largeStage(*fleetSize), faultScripts, func(id string, _ int) (string, int) {
					mu.Lock()
					defer mu.Unlock()
					last = time.Now()
					if id == bad {
						return "Failed", 1
					}
					return "Success", 0
				})
				f.delay = func(id string) time.Duration { // up to 3 s, so that something always moves
					return time.Duration(id[len(id)-1]^id[len(id)-3]) % 30 * 100 * time.Millisecond
				}
				if failing {
					mu.Lock()
					bad = f.ids[len(f.ids)/2]
					mu.Unlock()
				}
				if throttled {
					perSecond := 10.0
					if underRace { // where everything is slower, ten a second are met by nobody
						perSecond = 2
					}
					f.throttleAll(t, gateway.Throttle{PerSecond: perSecond, Burst: 1})
				}
				report := f.shipAlone(t)
				mu.Lock()
				defer mu.Unlock()
				after := report.Ended.Sub(last)
				t.Logf("%d nodes: %s, %d calls, at most %d in one of %d ticks, %d reads of output, %d throttled; %d MB; told %s after the last node ended",
					len(f.ids), report.Verdict, report.Calls, report.MostCalls, report.Ticks, report.Output, report.Throttled, report.Memory>>20, after.Round(time.Millisecond))
				wantReport(t, f, report, failing, throttled)
				if !throttled && after > report.LastTick+5*time.Second {
					t.Errorf("the verdict came %s after the last node's end, the last tick was %s", after, report.LastTick)
				}
			})
		}
	}
}

func wantReport(t *testing.T, f *fleet, report childReport, failing, throttled bool) {
	t.Helper()
	n := len(f.ids)
	verdict, failed := ship.Succeeded, 0
	if failing {
		verdict, failed = ship.Failed, 1
	}
	if report.Verdict != verdict || report.Nodes[ship.Succeeded] != n-failed || report.Nodes[ship.Failed] != failed {
		t.Errorf("%s, %v, %+v", report.Verdict, report.Nodes, report.Problem)
	}
	for id, commands := range f.commandsOf() {
		if commands != 1 {
			t.Errorf("%s was given %d commands", id, commands)
		}
	}
	if most := 3 + (n+49)/50; report.MostCalls > most {
		t.Errorf("%d calls in one tick, at most %d: %v", report.MostCalls, most, report.Busiest)
	}
	if report.Memory > shipMemory && !underRace {
		t.Errorf("%d MB", report.Memory>>20)
	}
	if throttled != (report.Throttled > 0) {
		t.Errorf("%d calls were throttled", report.Throttled)
	}
}

// throttleAll throttles every action of the pipeline's roles.
func (f *fleet) throttleAll(t *testing.T, limit gateway.Throttle) {
	t.Helper()
	for _, c := range f.plan.Stages[0].Calls {
		if c.Role != plan.KindDeploy {
			continue
		}
		if err := f.aws.Throttle(c.Action, limit); err != nil {
			t.Fatal(err)
		}
	}
}

// shipAlone ships in a process of its own, so that its memory is slipway's and not the local AWS's.
func (f *fleet) shipAlone(t *testing.T) childReport {
	t.Helper()
	keys, err := f.enter(t.Context(), t, plan.KindDeploy, f.aws.Endpoint()).Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	job, err := json.Marshal(childJob{Release: largeStage(*fleetSize), Files: faultScripts, Endpoint: f.aws.Endpoint(), Key: keys.AccessKeyID,
		Secret: keys.SecretAccessKey, Token: keys.SessionToken})
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), self, "-test.run=^TestShipChild$", "-test.count=1")
	child.Env = append(os.Environ(), fleetChildEnv+"="+string(job))
	out, err := child.Output()
	if err != nil {
		t.Fatalf("the process that ships: %v\n%s", err, out)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	var report childReport
	if err := json.Unmarshal([]byte(line), &report); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return report
}

// counter counts calls by operation as they are made.
type counter struct {
	http      *http.Client
	mu        sync.Mutex
	tick, all map[string]int
	most      int
	busiest   map[string]int // the tick with most calls
	ticks     int
	throttled int
}

func (c *counter) Do(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	c.mu.Lock()
	c.tick[operation]++
	c.all[operation]++
	c.mu.Unlock()
	answer, err := c.http.Do(r)
	if err == nil && answer.StatusCode == http.StatusBadRequest {
		c.mu.Lock()
		c.throttled++ // nothing else is refused with this status in these deploys, but the test of the right to read
		c.mu.Unlock()
	}
	return answer, err
}

// turn begins the next tick.
func (c *counter) turn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ticks++
	if calls := c.tick["ListCommandInvocations"] + c.tick["ListCommands"]; calls > c.most {
		c.most, c.busiest = calls, maps.Clone(c.tick)
	}
	c.tick = map[string]int{}
}

// TestShipChild is the process that [fleet.shipAlone] starts.
func TestShipChild(t *testing.T) {
	text := os.Getenv(fleetChildEnv)
	if text == "" {
		t.Skip("only in the process that TestLargeFleet starts")
	}
	var job childJob
	if err := json.Unmarshal([]byte(text), &job); err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for name, content := range job.Files {
		files[name] = &fstest.MapFile{Data: []byte(content)}
	}
	r, err := release.Parse("slipway.yaml", []byte(job.Release), release.Options{Files: files})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.New(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_SESSION_TOKEN", job.Token)
	t.Setenv("AWS_ACCESS_KEY_ID", job.Key)
	t.Setenv("AWS_SECRET_ACCESS_KEY", job.Secret)
	config, err := awsclient.Load(t.Context(), awsclient.Options{Region: p.Stages[0].Region, EndpointURL: job.Endpoint})
	if err != nil {
		t.Fatal(err)
	}
	calls := &counter{http: &http.Client{}, tick: map[string]int{}, all: map[string]int{}}
	config.HTTPClient = calls
	var lastTick time.Duration
	began, sent := time.Now(), false
	res, err := ship.Deploy(t.Context(), ship.Config{Plan: p, Stage: "dev", Send: config, Watch: config, RunID: "run-1",
		Events: func(e ship.Event) {
			switch e.Kind {
			case ship.EventSent:
				sent = true
			case ship.EventBatch:
				calls.turn()
			case ship.EventWaiting:
				calls.turn()
				lastTick, began = time.Since(began), time.Now()
			}
			if !sent {
				calls.turn()
				calls.most, calls.throttled = 0, 0
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	calls.turn()
	report := childReport{Verdict: res.Verdict, Nodes: map[ship.Verdict]int{}, MostCalls: calls.most, Busiest: calls.busiest, Ticks: calls.ticks, Ended: time.Now(),
		LastTick: max(lastTick, time.Since(began)), Memory: residentPeak(t), Output: calls.all["GetCommandInvocation"], Throttled: calls.throttled, Problem: res.Problem}
	for _, n := range calls.all {
		report.Calls += n
	}
	for _, n := range res.Steps[0].Nodes {
		report.Nodes[n.Verdict]++
	}
	line, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(string(line))
}

// residentPeak is the most memory that this process had, where the system tells.
func residentPeak(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Logf("memory is not measured: %v", err)
		return 0
	}
	for line := range strings.Lines(string(status)) {
		var kB int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kB); n == 1 {
			return kB << 10
		}
	}
	return 0
}
