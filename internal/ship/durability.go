package ship

import (
	"context"
	"fmt"
	"time"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/record"
)

// Durability is the part of a [Config] that is about what outlives this process: the lock, the record, the way back.
type Durability struct {
	// Bucket is where the release keeps its record; nil keeps none. It must reach the record as the role that sends.
	Bucket record.Bucket
	// About is what the record says of the deploy.
	About About
	// WaitForLock is how long a lock that somebody else holds is waited for; 0 refuses at once, less than 0 waits for as
	// long as it takes.
	WaitForLock time.Duration
	// WaitEach is the pause between two looks at it; 0 means 5 s.
	WaitEach time.Duration
	// Holds is told which deploy holds the stage's lock until when, each time that changes; no deploy when the lock was given
	// back. nil is not told. It is called from the calling goroutine.
	Holds func(deploy string, until time.Time)
	// Detach ends the deploy when its only command is sent, and leaves the rest to Continue.
	Detach bool
	// Prove proves the plan of an automatic rollback before it is shipped; an error refuses it. nil refuses all.
	Prove func(*plan.Plan) error
	// NoRollback leaves a deploy that failed as it is, whatever the stage's on-failure says.
	NoRollback bool
}

// About says who ships what, for people and for the record.
type About struct {
	// Version is what people call what is shipped; Commit where it came from.
	Version, Commit string
	Actor, Host     string
	Reason          string
}

// Recorded says where a deploy is written down.
type Recorded struct {
	ID      string      `json:"id"`
	Kind    record.Kind `json:"kind"`
	Version string      `json:"version,omitempty"`
	// Previous is the deploy that was current before; of a rollback, Target is the one that it goes back to.
	Previous string `json:"previous,omitempty"`
	Target   string `json:"target,omitempty"`
	// Problem is what could not be written down. What is said about the nodes is true all the same.
	Problem string `json:"problem,omitempty"`
}

// versionOf is what a deploy is called: its version, or its id where it has none.
func versionOf(d *record.Deploy) string {
	if d.Version != "" {
		return d.Version
	}
	return d.ID
}

// newDeploy is the record of a deploy that begins.
func (r *runner) newDeploy(kind record.Kind, now time.Time) *record.Deploy {
	d := &record.Deploy{
		ID: record.NewID(now, r.cfg.RunID), App: r.plan.App, Stage: r.stage.Name, Kind: kind,
		RunID: r.cfg.RunID, Version: r.cfg.About.Version, Commit: r.cfg.About.Commit, Actor: r.cfg.About.Actor,
		Principal: r.sender.principal, Reason: r.cfg.About.Reason, Began: now.UTC(),
	}
	if d.Version == "" {
		d.Version = d.Commit
	}
	return d
}

// noRecord is the refusal of what only a release with a record can do.
func noRecord(what string) error {
	return &refusal{problem: Problem{Code: CodeNoRecord, Message: fmt.Sprintf("%s takes a record, and the release file names none", what),
		Hint: "add `record: {bucket: NAME}` to the release file"}}
}

// outlive is a context for what must be done also when the deploy is interrupted.
func outlive(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }
