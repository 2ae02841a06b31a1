package rehearse_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/slipway-cd/slipway/internal/awsclient"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/record"
	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/ship"
)

var kills = flag.Int("kills", 5, "how often TestR105KilledDeploys kills a deploy")

// childEnv holds what the process that is killed is to do.
const childEnv = "SLIPWAY_TEST_SHIPS"

// child is a deploy of its own process.
type child struct {
	Stage    string            `json:"stage"`
	Files    map[string]string `json:"files"`
	RunID    string            `json:"runId"`
	Version  string            `json:"version"`
	Endpoint string            `json:"endpoint"`
	Resume   bool              `json:"resume"`

	// dies is the line of its events at which it is killed, later how long after it; 0 for never. diesAt is a text in
	// place of the line.
	dies   int
	later  time.Duration
	diesAt string
}

// watched is the standard error of a child, which is killed at a line.
type watched struct {
	text      *bytes.Buffer
	lines, at int
	words     string
	kill      func()
}

func (w *watched) Write(p []byte) (int, error) {
	before := w.lines
	w.lines += bytes.Count(p, []byte("\n"))
	n, err := w.text.Write(p)
	if before < w.at && w.lines >= w.at || w.words != "" && bytes.Contains(p, []byte(w.words)) {
		w.kill()
	}
	return n, err
}

// ships runs as the process that may be killed, and prints its result.
func ships(text string) int {
	var c child
	err := json.Unmarshal([]byte(text), &c)
	var result *ship.Result
	if err == nil {
		result, err = c.run(context.Background())
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(result)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (c *child) run(ctx context.Context) (*ship.Result, error) {
	_, p, err := parse(c.Stage, c.Files, c.Version)
	if err != nil {
		return nil, err
	}
	config, err := awsclient.Load(ctx, awsclient.Options{Region: "eu-west-1", EndpointURL: c.Endpoint})
	if err != nil {
		return nil, err
	}
	cfg := ship.Config{Plan: p, Stage: "dev", RunID: c.RunID, Send: config, Watch: config, Timing: killTiming,
		Events: func(e ship.Event) {
			if e.Kind != ship.EventWaiting { // of which there are as many as the machine is slow
				fmt.Fprintln(os.Stderr, e.Kind, e.Instance, e.Message)
			}
		}}
	p.Record.Lease = 2 // the shortest: every resume waits for it
	cfg.Bucket = awsclient.NewBucket(config, p.Record.Region, p.Record.Bucket, p.Record.Account)
	cfg.About = ship.About{Version: c.Version, Actor: c.RunID}
	cfg.Prove = func(*plan.Plan) error { return nil }
	cfg.WaitEach = 200 * time.Millisecond
	if c.Resume {
		return ship.Continue(ctx, cfg, ship.Continuing{})
	}
	return ship.Deploy(ctx, cfg)
}

var killTiming = ship.Timing{TickMin: 50 * time.Millisecond, TickMax: 200 * time.Millisecond, NotYet: 2 * time.Second}

// parse reads the release that ships a version.
func parse(stage string, files map[string]string, version string) (*release.Release, *plan.Plan, error) {
	fsys := fstest.MapFS{}
	for name, content := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(content), Mode: 0o755}
	}
	r, err := release.Parse("slipway.yaml", []byte(header+stage), release.Options{Files: fsys, Set: map[string]string{"version": version}})
	if err != nil {
		return nil, nil, err
	}
	p, err := plan.New(r)
	return r, p, err
}

// start runs the child, and gives its standard output and error. The role's credentials are in its environment.
func (c *child) start(t *testing.T, s scenario) (cmd *exec.Cmd, out, events *bytes.Buffer) {
	t.Helper()
	config := s.config(t, c.RunID, nil)
	keys, err := config.Send.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.Endpoint = s.aws.Endpoint()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(text), "AWS_ACCESS_KEY_ID="+keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+keys.SecretAccessKey,
		"AWS_SESSION_TOKEN="+keys.SessionToken, "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
	out, events = &bytes.Buffer{}, &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, &watched{text: events, at: c.dies, words: c.diesAt, kill: func() {
		time.Sleep(c.later)
		_ = cmd.Process.Kill()
	}}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out, events
}

const (
	killedNodes = 20
	killedStage = `record: {bucket: shop-record}
variables: {version: v0}
stages:
  - name: dev
    account: dev
    targets: {tags: {App: shop, Environment: dev}, min: 20}
    steps:
      - command: {name: release, script: release.sh, parameters: {Version: "${version}"}, timeout: 1m, rollout: {batches: [1, 25%, 50%, 100%]}}
`
)

var killedFiles = map[string]string{"release.sh": "mkdir -p /var/lib/shop\necho \"$Version\" >>/var/lib/shop/log\n"}

// TestR105KilledDeploys kills a rolling deploy over 20 nodes at random moments, with kill -9, and resumes it. Its verdict is
// held against what the nodes really did, each of which wrote down every version that it was given.
//
//	go test ./internal/rehearse -run '^TestR105KilledDeploys$' -kills 100 -timeout 30m
func TestR105KilledDeploys(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what a node wrote is looked for in the layers of its file system, which it has on Linux")
	}
	t.Parallel()
	// Most of the time is waiting for the locks of the dead: several local AWS at once, each with its part of the seeds.
	worlds := min(4, (*kills+4)/5)
	var deaths atomic.Int64
	t.Run("worlds", func(t *testing.T) {
		for world := range worlds {
			t.Run(strconv.Itoa(world), func(t *testing.T) {
				t.Parallel()
				killDeploys(t, world, worlds, &deaths)
			})
		}
	})
	if deaths.Load() == 0 {
		t.Error("no deploy was killed before its end: nothing was tested")
	}
	t.Logf("%d deploys over %d nodes, of which %d were killed before their end", *kills, killedNodes, deaths.Load())
}

// killDeploys kills a deploy for each seed of one world, and resumes it.
func killDeploys(t *testing.T, world, worlds int, deaths *atomic.Int64) {
	s := start(t, killedStage, killedFiles)
	first := child{Stage: killedStage, Files: killedFiles, RunID: "first", Version: "first"}
	cmd, out, events := first.start(t, s)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, events)
	}
	lines := bytes.Count(events.Bytes(), []byte("\n"))
	wantSucceeded(t, out, events)
	for seed := world; seed < *kills; seed += worlds {
		random := rand.New(rand.NewPCG(uint64(seed), 105))
		run := fmt.Sprintf("k%d", seed)
		c := child{Stage: killedStage, Files: killedFiles, RunID: run, Version: "v-" + run,
			dies: 1 + random.IntN(lines), later: time.Duration(random.Int64N(int64(50 * time.Millisecond)))}
		cmd, _, events := c.start(t, s)
		if err := cmd.Wait(); err != nil && !cmd.ProcessState.Exited() {
			deaths.Add(1)
		}
		r := child{Stage: killedStage, Files: killedFiles, RunID: "r" + run, Version: "resume", Resume: true}
		cmd, out, more := r.start(t, s)
		if err := cmd.Wait(); err != nil {
			t.Fatalf("seed %d: resume: %v\n%s", seed, err, more)
		}
		s.wantEnded(t, seed, run, out, fmt.Sprintf("killed at line %d\n%s--- resume\n%s", c.dies, events, more))
		if t.Failed() {
			return
		}
	}
	s.wantPlanned(t)
}

func wantSucceeded(t *testing.T, out, events io.Reader) *ship.Result {
	t.Helper()
	var result ship.Result
	if err := json.NewDecoder(out).Decode(&result); err != nil {
		t.Fatal(err)
	}
	if result.Verdict != ship.Succeeded {
		text, _ := io.ReadAll(events)
		t.Fatalf("verdict %s: %+v\n%s", result.Verdict, result, text)
	}
	return &result
}

// wantEnded holds what a resume said against what is there: the nodes' own files, the requests, the record, the lock.
func (s scenario) wantEnded(t *testing.T, seed int, run string, out *bytes.Buffer, story string) {
	t.Helper()
	var result ship.Result
	if err := json.Unmarshal(out.Bytes(), &result); err != nil {
		t.Fatalf("seed %d: %v: %s", seed, err, out)
	}
	wrong := func(format string, args ...any) {
		t.Helper()
		t.Errorf("seed %d: %s\n%s\n%s", seed, fmt.Sprintf(format, args...), out, story)
	}
	deploys, lock := s.recorded(t, run)
	if lock.Held {
		wrong("the lock is left: %+v", lock)
	}
	if len(deploys) > 1 {
		wrong("%d records", len(deploys))
	}
	runs, sends := s.versions(t, "v-"+run), s.sendsOf(t, run)
	for comment, n := range sends {
		if n != 1 {
			wrong("%q was sent %d times", comment, n)
		}
	}
	if len(deploys) == 0 { // killed before it wrote anything: the last deploy is another one
		if len(sends) != 0 || len(runs) != 0 {
			wrong("no record, and %d sends, %d nodes", len(sends), len(runs))
		}
		return
	}
	d := deploys[0]
	if d.Ended.IsZero() || d.Verdict != string(result.Verdict) || result.Verdict != ship.Succeeded {
		wrong("verdict %s, recorded %q, ended %s", result.Verdict, d.Verdict, d.Ended)
	}
	if len(d.Nodes) != killedNodes || len(runs) != killedNodes {
		wrong("%d nodes recorded, %d have the version", len(d.Nodes), len(runs))
	}
	for id, n := range d.Nodes {
		if runs[id] != 1 || n.Version != "v-"+run || n.Verdict != string(ship.Succeeded) {
			wrong("%s was given it %d times, the record says %+v", id, runs[id], n)
		}
	}
}

// versions counts, for every node, how often it was given a version, by what it wrote itself.
func (s scenario) versions(t *testing.T, version string) map[string]int {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(s.aws.Dir(), "nodes", "*", "overlay", "var", "upper", "lib", "shop", "log"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("no node wrote anything down: %v", err)
	}
	given := map[string]int{}
	for _, name := range logs {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		id := strings.Split(strings.TrimPrefix(name, filepath.Join(s.aws.Dir(), "nodes")+"/"), "/")[0]
		for lines := bufio.NewScanner(file); lines.Scan(); {
			if lines.Text() == version {
				given[id]++
			}
		}
		_ = file.Close()
	}
	return given
}

// sendsOf counts the SendCommand requests of a run by their comment.
func (s scenario) sendsOf(t *testing.T, run string) map[string]int {
	t.Helper()
	events, err := s.aws.Events().List(t.Context(), gateway.Filter{Name: "SendCommand"})
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, e := range events {
		var in struct{ Comment string }
		if err := json.Unmarshal(e.RequestParameters, &in); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(in.Comment, " "+run+".") {
			counts[in.Comment]++
		}
	}
	return counts
}

// recorded are the records of a run, and the lock, as they are in the bucket.
func (s scenario) recorded(t *testing.T, run string) ([]*record.Deploy, record.Status) {
	t.Helper()
	config := s.config(t, "reader", nil).Send
	store, err := record.NewStore(record.Config{Bucket: awsclient.NewBucket(config, "eu-west-1", s.plan.Record.Bucket, ""), App: "shop", Stage: "dev",
		Now: time.Now, NewToken: func() string { return "reader" }, Redact: release.Redact})
	if err != nil {
		t.Fatal(err)
	}
	all, err := store.History(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	var mine []*record.Deploy
	for _, d := range all {
		if d.RunID == run {
			mine = append(mine, d)
		}
	}
	lock, err := store.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return mine, lock
}
