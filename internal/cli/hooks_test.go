package cli

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/ship"
	"github.com/slipway-cd/slipway/internal/ui"
)

// A hook that does not end is ended, with what it started, and refuses the deploy for what ended it.
func TestHookIsEnded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limit       time.Duration
		cause       error
		interrupted bool
		code        string
	}{
		"its own limit": {200 * time.Millisecond, nil, false, ship.CodeHook},
		"interrupted":   {time.Hour, context.Canceled, true, ship.CodeCancelled},
		"--timeout":     {time.Hour, &ship.TimeLimit{After: time.Second}, false, ship.CodeTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "before.sh"), []byte("#!/bin/sh\nsleep 60 | sleep 60\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			stage := &plan.Stage{Name: "dev", Hooks: plan.Hooks{Before: &plan.Hook{Path: "before.sh"}}, Steps: []plan.Step{{Name: "release"}}}
			h := hooks{terminal: ui.New(io.Discard, io.Discard, ui.Options{}), stage: stage, folder: dir, limit: c.limit}
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			if c.cause != nil {
				time.AfterFunc(200*time.Millisecond, func() { cancel(c.cause) })
			}
			began := time.Now()
			result, err := h.around(ctx, func() (*ship.Result, error) {
				t.Error("it was shipped")
				return nil, nil
			})
			if err != nil || result.Verdict != ship.Refused || result.Interrupted != c.interrupted || result.Problem.Code != c.code {
				t.Fatalf("result %+v, problem %+v, %v", result, result.Problem, err)
			}
			if took := time.Since(began); took > 4*time.Second {
				t.Errorf("took %s: what it started was not ended", took)
			}
		})
	}
}
