package documents

import (
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/runbook"
)

// automation looks at the role and the steps of a runbook.
func (c *check) automation() {
	c.role()
	c.steps(c.doc.Steps)
}

// role: without one, or with one that may be empty, the runbook runs as whoever starts it.
func (c *check) role() {
	if !c.needsAny() {
		return
	}
	n := c.doc.AssumeRole
	if n == nil {
		c.at(&callersRole, c.doc.Root.Key("schemaVersion"), "", "the runbook names no assumeRole")
		return
	}
	if n.Text == "" {
		c.at(&callersRole, n, "", "assumeRole is empty")
		return
	}
	p := c.doc.Parameter(c.roleReference())
	if p != nil && p.Default != nil && p.Default.Text == "" && p.Default.Kind != runbook.List {
		c.at(&callersRole, p.Default, "leave the default out", "parameter %s, which names the role, is empty unless somebody gives it", p.Name)
	}
}

// needsAny says whether a step needs permissions, or may.
func (c *check) needsAny() bool {
	needs := c.doc.Needs()
	return len(needs.List)+len(needs.Undecided) > 0
}

// repeatable are actions whose second attempt finds what the first has done, or changes nothing.
var unrepeatable = []string{"aws:runCommand", "aws:runInstances", "aws:invokeLambdaFunction", "aws:executeStateMachine", "aws:executeAutomation"}

// steps looks at the steps of one level, among which they can name each other.
func (c *check) steps(steps []runbook.Step) {
	for _, s := range steps {
		if !runbook.KnownAction(s.Action) {
			c.at(&unknownAction, s.At, near(s.Action, runbook.ActionNames()), "step %s: %q is no action of runbooks", s.Name, s.Action)
		}
		for _, target := range targets(s) {
			if !slices.ContainsFunc(steps, func(o runbook.Step) bool { return o.Name == target.name }) {
				c.at(&noSuchStep, target.at, "", "step %s goes on with step %s, which there is not", s.Name, target.name)
			}
		}
		c.failure(s)
		if n := s.Body.Get("maxAttempts"); n != nil && slices.Contains(unrepeatable, s.Action) {
			if times, err := strconv.Atoi(n.Text); err == nil && times > 1 {
				c.at(&repeated, n, "", "step %s (%s) is done up to %d times", s.Name, s.Action, times)
			}
		}
		if s.Action == "aws:runCommand" {
			for _, limit := range s.Inputs.Get("Parameters").Get("executionTimeout").Texts() {
				c.limit(s, limit)
			}
		}
		c.steps(s.Inner)
	}
	c.branches(steps)
}

// failure: what continues after a failure reports success, unless the step is critical.
func (c *check) failure(s runbook.Step) {
	onFailure := s.Body.Get("onFailure")
	if onFailure == nil || s.Body.Get("isCritical") != nil {
		return
	}
	switch next, elsewhere := strings.CutPrefix(onFailure.Text, "step:"); {
	case strings.EqualFold(onFailure.Text, "Continue"):
		c.at(&notCritical, onFailure, "", "step %s may fail, and the automation goes on and reports success", s.Name)
	case elsewhere && !onFailure.Open: // AWS's pages do not agree: by one isCritical is true then, by another it counts only where it is set
		f := notCritical.At(c.file, onFailure.Line, onFailure.Column, "isCritical: true, or false where the failure is no failure of the automation",
			"step %s may fail, and the automation goes on with step %s: whether it fails then is not said", s.Name, next)
		f.Severity = finding.Info
		f.Why = "isCritical says whether a failure that is dealt with counts; AWS documents different defaults for it."
		c.found = append(c.found, f)
	}
}

// target is a step that another goes on with.
type target struct {
	name string
	at   *runbook.Node
}

func targets(s runbook.Step) []target {
	var list []target
	add := func(n *runbook.Node, prefix string) {
		if n == nil || n.Kind != runbook.Text || strings.Contains(n.Text, "{{") {
			return
		}
		if name, ok := strings.CutPrefix(n.Text, prefix); ok && name != "" {
			list = append(list, target{name, n})
		}
	}
	add(s.Body.Get("nextStep"), "")
	add(s.Body.Get("onFailure"), "step:")
	add(s.Body.Get("onCancel"), "step:")
	for _, n := range choices(s) {
		add(n, "")
	}
	return list
}

// choices are the steps that a branch leads to, where they are named.
func choices(s runbook.Step) []*runbook.Node {
	if s.Action != "aws:branch" {
		return nil
	}
	var list []*runbook.Node
	if n := s.Inputs.Get("Choices"); n != nil {
		for _, choice := range n.Items {
			if next := choice.Get("NextStep"); next != nil {
				list = append(list, next)
			}
		}
	}
	if n := s.Inputs.Get("Default"); n != nil {
		list = append(list, n)
	}
	return list
}

// branches finds a step of one choice that runs on into the step of another.
func (c *check) branches(steps []runbook.Step) {
	for _, branch := range steps {
		var led []string
		for _, n := range choices(branch) {
			led = append(led, n.Text)
		}
		for i, s := range steps {
			if i+1 == len(steps) || !slices.Contains(led, s.Name) || !slices.Contains(led, steps[i+1].Name) || s.Action == "aws:branch" {
				continue
			}
			if s.Body.Get("nextStep") == nil && s.Body.Get("isEnd") == nil {
				c.at(&fallsThrough, s.At, "", "step %s, to which step %s branches, runs on into step %s, which is another choice of it", s.Name, branch.Name, steps[i+1].Name)
			}
		}
	}
}
