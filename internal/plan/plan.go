package plan

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/release"
)

// RolePath is the IAM path of every role that slipway makes.
const RolePath = "/slipway/"

// Audience is the aud of the tokens that enter.
const Audience = "sts.amazonaws.com"

// Issuer is the host of GitHub's token issuer: the name of the OIDC provider and of its condition keys.
const Issuer = "token.actions.githubusercontent.com"

// The default rollout: all nodes at once, and a first failure fails the stage.
const (
	defaultMaxConcurrency = "100%"
	defaultMaxErrors      = "0"
)

// SendCommand's TimeoutSeconds says how long a node may take to pick the command up.
const (
	minDeliveryTimeout = 30
	maxDeliveryTimeout = 300
)

// New computes the plan of a release that package release has checked. It fails where a script does not fit into
// an SSM document or a name does not fit into one.
func New(r *release.Release) (*Plan, error) {
	p := &Plan{App: r.App}
	for i := range r.Stages {
		s, err := newStage(r, &r.Stages[i])
		if err != nil {
			return nil, fmt.Errorf("stage %s: %w", r.Stages[i].Name, err)
		}
		p.Stages = append(p.Stages, s)
	}
	return p, nil
}

func newStage(r *release.Release, rs *release.Stage) (Stage, error) {
	s := Stage{
		Name: rs.Name, Account: rs.AccountID, Region: rs.Region,
		Targets: Targets{Instances: rs.Targets.Instances, Min: rs.Targets.Min},
	}
	if s.Region == "" {
		s.Region = r.Region
	}
	for _, t := range rs.Targets.Tags {
		s.Targets.Tags = append(s.Targets.Tags, Tag(t))
	}
	s.Roles = newRoles(r, rs)
	for _, rstep := range rs.Steps {
		if rstep.Command == nil {
			return Stage{}, fmt.Errorf("%s:%d: a step without a command: only command steps exist so far", r.File, rstep.Pos.Line)
		}
		step, err := newStep(r.App, rs.Name, rstep.Command)
		if err != nil {
			return Stage{}, fmt.Errorf("step %s: %w", rstep.Command.Name, err)
		}
		s.Steps = append(s.Steps, step)
	}
	s.Calls = newCalls(&s, r.CI.GitHub != nil)
	return s, nil
}

// newRoles lists the stage's roles: Deploy, or Trigger and Verify; then Node.
func newRoles(r *release.Release, rs *release.Stage) []Role {
	role := func(kind RoleKind, subjects []string, purpose string) Role {
		return Role{
			Kind: kind, Account: rs.AccountID, Name: r.App + "-" + rs.Name + "-" + string(kind), Path: RolePath,
			Subjects: subjects, Purpose: purpose,
		}
	}
	subjects := subjectsOf(r.CI.GitHub, rs.Name)
	node := role(KindNode, nil, "Lets the stage's nodes report to Systems Manager and receive commands.")
	if rs.Split {
		return []Role{
			role(KindTrigger, subjects, "Publishes the release's documents and queues its commands; it cannot read what became of them."),
			role(KindVerify, subjects, "Reads what became of the commands, and cancels them on interrupt; it cannot send any."),
			node,
		}
	}
	return []Role{
		role(KindDeploy, subjects, "Ships the release to the stage's nodes, and reads on each what became of it."),
		node,
	}
}

// subjectsOf gives the token subject with which a stage's jobs enter; none without GitHub.
func subjectsOf(g *release.GitHub, stage string) []string {
	if g == nil {
		return nil
	}
	repository := g.Repository
	owner, name, ok := strings.Cut(g.Repository, "/")
	if ok && g.OwnerID != "" && g.RepositoryID != "" {
		repository = owner + "@" + g.OwnerID + "/" + name + "@" + g.RepositoryID
	}
	if g.Environments {
		return []string{"repo:" + repository + ":environment:" + stage}
	}
	branch := g.Branch
	if branch == "" {
		branch = "main"
	}
	return []string{"repo:" + repository + ":ref:refs/heads/" + branch}
}

func newStep(app, stage string, c *release.Command) (Step, error) {
	step := Step{
		Name: c.Name, DocumentName: c.Document,
		MaxConcurrency: c.MaxConcurrency, MaxErrors: c.MaxErrors,
	}
	if step.MaxConcurrency == "" {
		step.MaxConcurrency = defaultMaxConcurrency
	}
	if step.MaxErrors == "" {
		step.MaxErrors = defaultMaxErrors
	}
	if c.Script == nil {
		sharedStep(&step, c)
		return step, nil
	}
	return step, ownStep(&step, app, stage, c)
}

// sharedStep fills in a step that runs commands with a document of AWS.
func sharedStep(step *Step, c *release.Command) {
	setTimeouts(step, timeoutOf(c.Timeout))
	step.ScriptSteps = []string{"aws:runShellScript"}
	step.Parameters = map[string][]string{
		"commands":         stopAtFirstFailure(c.Commands),
		"executionTimeout": {strconv.Itoa(step.ExecutionTimeout)},
	}
}

// stopAtFirstFailure makes the shell stop where a command fails: the agent joins them into one script, whose last
// command alone would decide, and one line can hold several (R20). A shebang must stay the first line to be honoured.
func stopAtFirstFailure(commands []string) []string {
	if len(commands) == 0 {
		return commands
	}
	if !strings.HasPrefix(commands[0], "#!") {
		return append([]string{"set -e"}, commands...)
	}
	shebang, rest, _ := strings.Cut(commands[0], "\n")
	if !shellShebang.MatchString(shebang) {
		return commands
	}
	stopping := []string{shebang, "set -e"}
	if rest != "" {
		stopping = append(stopping, rest)
	}
	return append(stopping, commands[1:]...)
}

// ownStep fills in a step that runs a script as a document of its own.
func ownStep(step *Step, app, stage string, c *release.Command) error {
	total := timeoutOf(c.Script.Timeout, c.Timeout)
	step.ScriptSteps = []string{c.Name}
	if c.Validate != nil {
		total += timeoutOf(c.Validate.Timeout)
		step.ScriptSteps = append(step.ScriptSteps, validateStep)
	}
	setTimeouts(step, total)
	for _, p := range c.Parameters {
		if step.Parameters == nil {
			step.Parameters = make(map[string][]string, len(c.Parameters))
		}
		step.Parameters[p.Name] = []string{p.Value}
	}
	doc, err := newDocument(app, stage, c)
	if err != nil {
		return err
	}
	step.DocumentName, step.Own = doc.Name, doc
	return checkSize(doc, step.Parameters)
}

// setTimeouts derives both of SSM's timeouts from the one that the release file gives (R109).
func setTimeouts(step *Step, total time.Duration) {
	step.ExecutionTimeout = seconds(total)
	step.DeliveryTimeout = min(max(step.ExecutionTimeout, minDeliveryTimeout), maxDeliveryTimeout)
}

// seconds rounds up: a fraction of a second is time that the user granted.
func seconds(d time.Duration) int {
	return int((d + time.Second - 1) / time.Second)
}

// timeoutOf gives the first limit that is set, or the default.
func timeoutOf(limits ...time.Duration) time.Duration {
	for _, d := range limits {
		if d > 0 {
			return d
		}
	}
	return release.DefaultTimeout
}
