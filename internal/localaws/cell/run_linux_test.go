package cell

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/node"
)

func TestMain(m *testing.M) {
	node.MaybeInit()
	os.Exit(m.Run())
}

// scripted makes a cell whose agent is a script. What it logs goes to the channel.
func scripted(t *testing.T, script string) (c *Cell, logged chan string) {
	t.Helper()
	dir := t.TempDir()
	authority, err := LoadAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	agent := filepath.Join(dir, "agent")
	if err := os.Mkdir(agent, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(agent, binaries[0]), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	logged = make(chan string, 100)
	c, err = New(Config{InstanceID: "i-00000000000000001", Region: "eu-west-1", HostName: "ip-10-0-0-1", Address: "10.0.0.1",
		Dir: filepath.Join(dir, "node"), AgentDir: agent, Authority: authority,
		Logf: func(format string, args ...any) { logged <- fmt.Sprintf(format, args...) }})
	if errors.Is(err, node.ErrNoEnclosure) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(c.Close(), node.Remove(c.cfg.Dir)); err != nil {
			t.Error(err)
		}
	})
	return c, logged
}

// TestRunAtTheEnd: a cell whose time is over when it begins ends, and ends only once.
func TestRunAtTheEnd(t *testing.T) {
	t.Parallel()
	c, _ := scripted(t, "sleep 60")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Run(ctx); err != nil {
		t.Error(err)
	}
}

// TestRunAgain: an agent that ended is started again, even when that did not work at first.
func TestRunAgain(t *testing.T) {
	t.Parallel()
	c, logged := scripted(t, "exit 3")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	next := func(want string) {
		t.Helper()
		select {
		case got := <-logged:
			if !strings.Contains(got, want) {
				t.Errorf("logged %q, want %q", got, want)
			}
		case err := <-done:
			t.Fatalf("the cell ended: %v", err)
		case <-time.After(time.Minute):
			t.Fatalf("not logged: %s", want)
		}
	}
	away := c.cfg.AgentDir + "-away"
	next("exit status 3")
	if err := os.Rename(c.cfg.AgentDir, away); err != nil {
		t.Fatal(err)
	}
	next("cannot be started again")
	if err := os.Rename(away, c.cfg.AgentDir); err != nil {
		t.Fatal(err)
	}
	next("exit status 3")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
