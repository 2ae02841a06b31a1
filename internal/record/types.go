// Package record keeps what must outlive slipway: who holds a stage's lock, what was deployed when, by whom and with
// which outcome on every node.
//
// Everything is a JSON object in an S3 bucket, written with conditional writes (If-None-Match, If-Match) and never
// deleted, so that the roles need no right to delete and two writers cannot overwrite each other. The package is the
// objects and their rules; the bucket is handed in.
//
//	<app>/<stage>/lock.json            who holds the stage, until when
//	<app>/<stage>/state.json           which deploy is current, which was the last
//	<app>/<stage>/deploys/<id>.json    one deploy
//	<app>/scripts/<sha256>             scripts too large for a document
package record

import (
	"context"
	"errors"
	"time"
)

// Bucket is an S3 bucket with conditional writes. Errors may be of anything; those that are answers are [ErrNotFound],
// [ErrConflict] and [ErrNoConditions].
type Bucket interface {
	// Get gives an object. One that does not exist is [ErrNotFound].
	Get(ctx context.Context, key string) (Object, error)
	// Put writes an object. A condition that does not hold is [ErrConflict], and nothing is written.
	Put(ctx context.Context, key string, body []byte, when Condition) (etag string, err error)
	// List gives the keys with a prefix, in their order, at most limit of those after the key after.
	List(ctx context.Context, prefix, after string, limit int) ([]string, error)
}

// Object is what a bucket holds under a key.
type Object struct {
	Body []byte
	ETag string
	// Age is for how long the object has been as it is, by the bucket's own clock: the answer's Date less its
	// Last-Modified. No other clock has a say in whether a lock has expired. It is 0 where the bucket does not tell.
	Age time.Duration
}

// Condition says when an object may be written. The zero Condition is always.
type Condition struct {
	// Absent writes only what does not exist yet (If-None-Match: *).
	Absent bool
	// ETag writes only over this one (If-Match).
	ETag string
}

// Errors of a [Bucket] that are answers.
var (
	ErrNotFound = errors.New("no such object")
	ErrConflict = errors.New("somebody else wrote the object meanwhile")
	// ErrNoConditions is a bucket that cannot write under a condition, or ignores it.
	ErrNoConditions = errors.New("the bucket does not serve conditional writes")
)

// Kind says what a deploy is.
type Kind string

// The kinds of deploys.
const (
	KindDeploy   Kind = "deploy"
	KindRollback Kind = "rollback"
)

// Deploy is one deploy of a stage: the truth about it as far as it is known.
type Deploy struct {
	// ID sorts by time: <UTC time as 20060102T150405Z>-<run id>.
	ID    string `json:"id"`
	App   string `json:"app"`
	Stage string `json:"stage"`
	Kind  Kind   `json:"kind"`
	// RunID is in the comment of every command that the deploy sent.
	RunID string `json:"runId"`
	// Version is what people call what was shipped: the variable version, or the commit.
	Version string `json:"version,omitempty"`
	Commit  string `json:"commit,omitempty"`
	// Actor is who shipped it, Principal the ARN that did.
	Actor     string    `json:"actor,omitempty"`
	Principal string    `json:"principal,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	Began     time.Time `json:"began"`
	// Ended is zero while the deploy runs, or ran when its slipway died.
	Ended time.Time `json:"ended,omitzero"`
	// Verdict is empty until the deploy ended.
	Verdict string `json:"verdict,omitempty"`
	Why     string `json:"why,omitempty"`
	// Previous is the deploy that was current when this one began: what a rollback goes back to. Of a rollback, Target is
	// the deploy that it goes back to.
	Previous string `json:"previous,omitempty"`
	Target   string `json:"target,omitempty"`
	// RolledBackBy is the rollback that undid this deploy. It and CancelRequested are written by others than the deploy's own
	// slipway: [Store.Save] takes them over.
	RolledBackBy string `json:"rolledBackBy,omitempty"`
	// CancelRequested is when somebody asked, with slipway cancel or an interrupt, that no further batch begins; CancelledBy
	// is who that was, and CancelReason why.
	CancelRequested time.Time `json:"cancelRequested,omitzero"`
	CancelledBy     string    `json:"cancelledBy,omitempty"`
	CancelReason    string    `json:"cancelReason,omitempty"`
	// Detached is true while the deploy's own slipway has gone on purpose, and left what it sent to slipway resume.
	Detached bool `json:"detached,omitempty"`
	// Resumed are the times that another slipway took the deploy over, see [Store.Adopt].
	Resumed []Resumption `json:"resumed,omitempty"`
	// Targets are the nodes that the stage's targets were when the deploy began; Chosen is true where it was for these nodes
	// alone, and not for all that the targets are.
	Targets []string `json:"targets,omitempty"`
	Chosen  bool     `json:"chosen,omitempty"`
	// Others are nodes that the targets were as well, and that the deploy was not for.
	Others []string `json:"others,omitempty"`
	Steps  []Step   `json:"steps"`
	// Tests are the programs that decide about the deploy besides, each with its verdict once it ran.
	Tests []Test `json:"tests,omitempty"`
	Sends []Send `json:"sends,omitempty"`
	// Nodes is what became of every node.
	Nodes map[string]Node `json:"nodes,omitempty"`

	// version is what is known of the object in the bucket; nil before it was created or loaded.
	version *version
}

// Test is a program that runs where slipway runs.
type Test struct {
	Name string `json:"name"`
	// Began is when it was begun last; where it has no verdict, nobody saw its end.
	Began   time.Time `json:"began,omitzero"`
	Verdict string    `json:"verdict,omitempty"`
	Why     string    `json:"why,omitempty"`
}

// Resumption is who took a deploy over, and when.
type Resumption struct {
	At    time.Time `json:"at"`
	Actor string    `json:"actor,omitempty"`
	Host  string    `json:"host,omitempty"`
}

// Step is a command as it was shipped: with it, it can be shipped again.
type Step struct {
	Name            string              `json:"name"`
	DocumentName    string              `json:"documentName"`
	DocumentVersion string              `json:"documentVersion,omitempty"`
	DocumentHash    string              `json:"documentHash,omitempty"`
	Parameters      map[string][]string `json:"parameters,omitempty"`
	// Redacted is true where a parameter looked like a secret and was left out: the step cannot be shipped again.
	Redacted    bool     `json:"redacted,omitempty"`
	ScriptSteps []string `json:"scriptSteps"`
	// DeliveryTimeout and ExecutionTimeout in seconds.
	DeliveryTimeout  int  `json:"deliveryTimeout"`
	ExecutionTimeout int  `json:"executionTimeout"`
	Once             bool `json:"once,omitempty"`
	// MaxConcurrency and MaxErrors are SendCommand's, Rollout the batches: with them, and the sends so far, a rollout that
	// was broken off goes on where it was.
	MaxConcurrency string  `json:"maxConcurrency,omitempty"`
	MaxErrors      string  `json:"maxErrors,omitempty"`
	Rollout        Rollout `json:"rollout,omitzero"`
	// Check is sent to the nodes of a batch after the rollout's pause.
	Check *Step `json:"check,omitempty"`
	// Output is where the agent writes all output, Sources are the files of the ScriptSteps.
	Output  Output   `json:"output,omitzero"`
	Sources []string `json:"sources,omitempty"`
	// Verdict of the step, once it has one.
	Verdict string `json:"verdict,omitempty"`
}

// Rollout is in which batches the nodes of a step follow each other; see plan.Rollout.
type Rollout struct {
	Batches     []string `json:"batches,omitempty"`
	Pause       int      `json:"pause,omitempty"`
	MaxFailures string   `json:"maxFailures,omitempty"`
	MinHealthy  string   `json:"minHealthy,omitempty"`
	Alarm       string   `json:"alarm,omitempty"`
}

// Output is where the agent writes the complete output of a step's scripts; see plan.Output.
type Output struct {
	LogGroup string `json:"logGroup,omitempty"`
	Bucket   string `json:"bucket,omitempty"`
	Prefix   string `json:"prefix,omitempty"`
}

// Send is one SendCommand. It is written before it is made: a slipway that dies between the two leaves a Send without
// a command id, which is looked for by its comment.
type Send struct {
	Step string `json:"step"`
	// Batch counts from 1 in its step; Check is true of the validation after a batch's pause.
	Batch int  `json:"batch"`
	Check bool `json:"check,omitempty"`
	// Comment is unique to the send.
	Comment string `json:"comment"`
	// Nodes it is for; empty where the targets themselves were sent to.
	Nodes    []string  `json:"nodes,omitempty"`
	Intended time.Time `json:"intended"`
	// CommandID is empty until Run Command answered.
	CommandID string    `json:"commandId,omitempty"`
	Sent      time.Time `json:"sent,omitzero"`
	// Verdict of the command, once it has one.
	Verdict string `json:"verdict,omitempty"`
}

// Node is what became of a node.
type Node struct {
	Verdict string `json:"verdict"`
	// Step is the last one that was tried on it, Status Run Command's words about it.
	Step      string `json:"step,omitempty"`
	Status    string `json:"status,omitempty"`
	ExitCode  int    `json:"exitCode,omitempty"`
	CommandID string `json:"commandId,omitempty"`
	Why       string `json:"why,omitempty"`
	// Version that runs on the node as far as the record knows: that of this deploy, of an earlier one, or empty for
	// not known. Deploy is the last one that was begun on the node: it shipped the version, where there is one.
	Version string `json:"version,omitempty"`
	Deploy  string `json:"deploy,omitempty"`
}

// State says what a stage runs.
type State struct {
	// Current is the last deploy that succeeded, and Latest the last that began.
	Current string `json:"current,omitempty"`
	Latest  string `json:"latest,omitempty"`
}

// Owner is who holds a lock, for people.
type Owner struct {
	// Token is unique to the holder.
	Token string `json:"token,omitempty"`
	// Deploy is the deploy that holds it; empty when a person does.
	Deploy string `json:"deploy,omitempty"`
	Actor  string `json:"actor,omitempty"`
	Host   string `json:"host,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Lock is the lock of a stage as it stands in the bucket.
type Lock struct {
	Owner   Owner     `json:"owner,omitzero"`
	Since   time.Time `json:"since,omitzero"`
	Renewed time.Time `json:"renewed,omitzero"`
	// Expires is when everybody may take it.
	Expires time.Time `json:"expires,omitzero"`
	// Left is true when its holder sent what it had to and went: nobody renews the lock, and resume may take it at once.
	Left bool `json:"left,omitempty"`
	// Released is when it was given back; zero while it is held. BrokenBy is who took it away from its owner.
	Released time.Time `json:"released,omitzero"`
	BrokenBy *Owner    `json:"brokenBy,omitempty"`
}
