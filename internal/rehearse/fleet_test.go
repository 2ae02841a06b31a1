package rehearse_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/slipway-cd/slipway/internal/awsclient"
	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/node/simulate"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/rehearse"
	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/ship"
)

// fleet is a release in a local AWS whose nodes are simulated: nothing runs, and what each node was given and said is known.
type fleet struct {
	scenario
	nodes *simulate.Fleet
	ids   []string
	nature
	// delay is how long a node takes for a command; nil is no time.
	delay func(id string) time.Duration

	mu    sync.Mutex
	taken map[string][]took
}

// nature is how nodes are.
type nature struct {
	// answer says how a node ends a command, the n-th that it takes, counted from 1; nil is a Success. A status of "" is
	// silence.
	answer func(id string, n int) (status string, code int)
	// platform and deaf are those of simulate.Config; mute keeps all nodes from reporting at all.
	platform string
	deaf     func(id string) bool
	mute     bool
}

// took is a command that a node took, and how the node says that it ended; empty when it says nothing.
type took struct{ command, status string }

// startFleet puts the release into a local AWS with simulated nodes.
func startFleet(t *testing.T, config localaws.Config, stage string, files map[string]string, answer func(id string, n int) (string, int)) *fleet {
	t.Helper()
	return (&fleet{nature: nature{answer: answer}}).start(t, config, stage, files, nil)
}

// start is [startFleet] with all that a fleet may be. spoil, if given, changes the rendered roles.
func (f *fleet) start(t *testing.T, config localaws.Config, stage string, files map[string]string, spoil func(*roles.Set)) *fleet {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, content := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(content)}
	}
	r, err := release.Parse("slipway.yaml", []byte(stage), release.Options{Files: fsys})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.New(r)
	if err != nil {
		t.Fatal(err)
	}
	set, err := roles.Render(p)
	if err != nil {
		t.Fatal(err)
	}
	if spoil != nil {
		spoil(set)
	}
	if config.Dir, err = os.MkdirTemp(t.TempDir(), ""); err != nil {
		t.Fatal(err)
	}
	aws, err := localaws.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	f.scenario, f.taken = scenario{aws: aws, release: r, plan: p}, map[string][]took{}
	t.Cleanup(func() {
		if f.nodes != nil {
			f.nodes.Close()
		}
		if err := aws.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	for _, step := range []func() error{
		func() error { return rehearse.Accounts(t.Context(), aws, p) },
		func() error { return rehearse.Roles(t.Context(), aws, set) },
		func() error { return rehearse.Nodes(t.Context(), aws, r, p) },
		func() error { return aws.Serve("127.0.0.1:0") },
		func() error { return f.connect(t.Context()) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// connect has the nodes of the first stage report and open their channels.
func (f *fleet) connect(ctx context.Context) (err error) {
	stage := f.plan.Stages[0]
	f.ids = rehearse.InstanceIDs(f.release, f.plan.App, stage)
	profile := "arn:aws:iam::" + stage.Account + ":instance-profile/slipway/" + f.plan.App + "-" + stage.Name + "-" + string(plan.KindNode)
	if f.mute {
		return nil
	}
	f.nodes, err = simulate.Connect(ctx, simulate.Config{Endpoint: f.aws.Endpoint(), Region: stage.Region, Report: true, Answer: f.take,
		Platform: f.platform, Deaf: f.deaf,
		Credentials: func(ctx context.Context, id string) (sigv4.Credentials, error) {
			c, err := f.aws.InstanceCredentials(ctx, ec2.Instance{ID: id, Account: stage.Account, Region: stage.Region, ProfileARN: profile})
			return sigv4.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}, err
		}}, f.ids)
	return err
}

// take notes a command and answers it.
func (f *fleet) take(id, payload string) string {
	var command struct{ CommandID string }
	if err := json.Unmarshal([]byte(payload), &command); err != nil {
		return ""
	}
	if f.delay != nil {
		time.Sleep(f.delay(id))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	status, code := "Success", 0
	if f.answer != nil {
		status, code = f.answer(id, len(f.taken[id])+1)
	}
	f.taken[id] = append(f.taken[id], took{strings.ToLower(command.CommandID), status})
	if status == "" {
		return ""
	}
	reply, err := simulate.Ended(payload, status, code)
	if err != nil {
		return ""
	}
	return reply
}

// did is what a node really did with a command; ok is false when it never got it.
func (f *fleet) did(id, command string) (status string, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, t := range f.taken[id] {
		if t.command == command {
			return t.status, true
		}
	}
	return "", false
}

// enter gives a role's configuration as CI would have it, over an endpoint.
func (f *fleet) enter(ctx context.Context, t *testing.T, kind plan.RoleKind, endpoint string) awsclient.Config {
	t.Helper()
	stage := &f.plan.Stages[0]
	role, _ := stage.Role(kind)
	config, err := awsclient.Load(ctx, awsclient.Options{Region: stage.Region, EndpointURL: endpoint, Credentials: awsclient.Nobody})
	if err != nil {
		t.Fatal(err)
	}
	config, err = awsclient.EnterGitHub(ctx, config, rehearse.Token(f.aws, f.release, stage.Name), role.ARN(), "test")
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// configAt is [scenario.config] over an endpoint, with short patience.
func (f *fleet) configAt(ctx context.Context, t *testing.T, runID, endpoint string) ship.Config {
	t.Helper()
	stage := &f.plan.Stages[0]
	send, watch := stage.Pipeline()
	cfg := ship.Config{
		Plan: f.plan, Stage: stage.Name, RunID: runID, Send: f.enter(ctx, t, send, endpoint), Watch: f.enter(ctx, t, watch, endpoint),
		Timing: ship.Timing{TickMin: 20 * time.Millisecond, TickMax: 100 * time.Millisecond, NotYet: 3 * time.Second, Grace: 5 * time.Second},
	}
	if f.plan.Record != nil {
		f.plan.Record.Lease = 4 // a short one: what is left locked is waited for
		cfg.Bucket = awsclient.NewBucket(cfg.Send, f.plan.Record.Region, f.plan.Record.Bucket, f.plan.Record.Account)
		cfg.About, cfg.WaitEach = ship.About{Version: runID, Actor: runID}, 100*time.Millisecond
	}
	return cfg
}
