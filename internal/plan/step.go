package plan

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/release"
)

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

func newStep(r *release.Release, stage string, c *release.Command) (Step, error) {
	step := Step{
		Name: c.Name, DocumentName: c.Document, Once: c.Once,
		MaxConcurrency: cmp.Or(c.MaxConcurrency, defaultMaxConcurrency),
		MaxErrors:      cmp.Or(c.MaxErrors, defaultMaxErrors),
	}
	if c.Output != nil {
		step.Output = Output{LogGroup: c.Output.LogGroup, Bucket: c.Output.Bucket, Prefix: c.Output.Prefix}
	}
	if c.Rollout != nil {
		step.setRollout(c.Rollout)
	}
	if c.Document != "" {
		sharedStep(&step, c)
		return step, nil
	}
	name := r.App + "-" + stage + "-" + c.Name
	if err := ownStep(&step, r, stage, name, c, documentScripts(c)); err != nil {
		return Step{}, err
	}
	if c.Rollout != nil && c.Rollout.Validate != nil {
		check := Step{
			Name: c.Name + release.CheckSuffix, MaxConcurrency: defaultMaxConcurrency, MaxErrors: step.MaxErrors,
			Output: step.Output,
		}
		if err := ownStep(&check, r, stage, name+release.CheckSuffix, c, []named{{step: validateStep, script: c.Rollout.Validate}}); err != nil {
			return Step{}, err
		}
		step.Check = &check
	}
	return step, nil
}

// setRollout fills in how the step spreads. max-failures and max-errors are one bound: whichever the file gives.
func (s *Step) setRollout(r *release.Rollout) {
	s.MaxErrors = cmp.Or(r.MaxFailures, s.MaxErrors)
	s.Rollout = Rollout{
		Batches: r.Batches, Pause: seconds(r.Pause), MaxFailures: s.MaxErrors, MinHealthy: r.MinHealthy, Alarm: r.Alarm,
	}
}

// oftenSent says how often the step's command is queued.
func (s *Step) oftenSent(check bool) string {
	switch {
	case check:
		return "once per batch and 50 nodes, after the pause, never retried"
	case s.Once:
		return "once, to one node, never retried"
	case len(s.Rollout.Batches) > 0 || s.Rollout.MinHealthy != "":
		return "once per batch and 50 nodes, never retried"
	}
	return "once per step, never retried"
}

// named is a script with the name of its document step.
type named struct {
	step   string
	script *release.Script
	blob   *Blob // nil where the document holds it
}

// documentScripts lists what a command's document runs, in order.
func documentScripts(c *release.Command) []named {
	var list []named
	for _, n := range []named{
		{c.Name, c.Script, nil}, {"stop", c.Stop, nil}, {"install", c.Install, nil}, {"start", c.Start, nil},
		{validateStep, c.Validate, nil},
	} {
		if n.script != nil {
			list = append(list, n)
		}
	}
	return list
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

// ownStep fills in a step that runs scripts as a document of its own. Scripts that are too large for it, or too large
// together, travel through the record's bucket: the largest first.
func ownStep(step *Step, r *release.Release, stage, name string, c *release.Command, scripts []named) error {
	step.Parameters = parametersOf(c)
	for i, n := range scripts {
		if tooLarge(r, n.script) {
			scripts[i].blob = newBlob(r.App, n.script)
		}
	}
	for {
		doc, err := newDocument(r, stage, name, c, scripts)
		if err != nil {
			return err
		}
		err = checkSize(doc, step.Parameters)
		if err == nil {
			step.DocumentName, step.Own = doc.Name, doc
			break
		}
		if largest := largestInline(scripts); r.Record != nil && largest != nil {
			largest.blob = newBlob(r.App, largest.script)
			continue
		}
		return err
	}
	var total time.Duration
	for _, n := range scripts {
		total += timeoutOf(n.script.Timeout, c.Timeout)
		if n.blob != nil {
			step.Blobs = append(step.Blobs, *n.blob)
			total += fetchTime
			step.ScriptSteps = append(step.ScriptSteps, fetchPrefix+n.step)
			step.Sources = append(step.Sources, n.script.Path)
		}
		step.ScriptSteps = append(step.ScriptSteps, n.step)
		step.Sources = append(step.Sources, n.script.Path)
	}
	setTimeouts(step, total)
	return nil
}

func parametersOf(c *release.Command) map[string][]string {
	var parameters map[string][]string
	for _, p := range c.Parameters {
		if parameters == nil {
			parameters = make(map[string][]string, len(c.Parameters))
		}
		parameters[p.Name] = []string{p.Value}
	}
	return parameters
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
