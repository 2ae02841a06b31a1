package documents

import (
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-cd/slipway/internal/runbook"
)

// plugins are those of the agent (Command document plugin reference).
var plugins = []string{
	"aws:applications", "aws:cloudWatch", "aws:configureDocker", "aws:configurePackage", "aws:domainJoin", "aws:downloadContent",
	"aws:psModule", "aws:refreshAssociation", "aws:runDockerAction", "aws:runDocument", "aws:runPowerShellScript",
	"aws:runShellScript", "aws:softwareInventory", "aws:updateAgent", "aws:updateSsmAgent",
}

func (c *check) schema() {
	if strings.HasPrefix(c.doc.Schema, "1.") && c.doc.Root.Get("runtimeConfig") != nil {
		c.at(&oldSchema, c.doc.Root.Key("schemaVersion"), "", "the document has schema %s", c.doc.Schema)
	}
}

// elements are those of a document besides its steps.
var elements = []string{"schemaVersion", "description", "parameters", "assumeRole", "outputs", "files", "variables"}

// stepless reports a document without steps. Much else has a schemaVersion: what has elements of its own is something else.
func (c *check) stepless() {
	if len(c.doc.Steps) > 0 || !slices.Contains([]string{"0.3", "1.2", "2.0", "2.2"}, c.doc.Schema) {
		return
	}
	at, name := c.doc.Root.Key("schemaVersion"), ""
	for _, f := range c.doc.Root.Fields {
		switch key := f.Key.Text; {
		case slices.Contains(elements, key):
		case key == "mainSteps", key == "runtimeConfig":
			if f.Value.Open {
				return
			}
		case near(key, []string{"mainSteps"}) != "" || key == "steps":
			at, name = f.Key, key
		default:
			return
		}
	}
	fix := "mainSteps, with a step"
	if name != "" {
		fix = "mainSteps in the place of " + name
	}
	c.at(&unreadable, at, fix, "the document has no steps: Systems Manager does not take it")
}

// command looks at the steps of a Command document.
func (c *check) command() {
	for i, s := range c.doc.Steps {
		if !slices.Contains(plugins, s.Action) {
			c.at(&unknownAction, s.At, near(s.Action, plugins), "step %s: %q is no plugin of the agent", s.Name, s.Action)
		}
		c.limit(s, s.Inputs.Get("timeoutSeconds"))
		c.precondition(s)
		switch onFailure := s.Inputs.Get("onFailure"); {
		case onFailure != nil && onFailure.Text == "successAndExit":
			c.at(&hidesFailure, onFailure, "", "step %s: a failure of it is reported as success", s.Name)
		case onFailure == nil && followed(c.doc.Steps[i+1:]) && strings.HasPrefix(c.doc.Schema, "2."):
			c.at(&goesOn, s.At, "", "step %s has no onFailure: exit, and step %s runs after it has failed", s.Name, c.doc.Steps[i+1].Name)
		}
	}
	c.platforms()
}

// followed says whether a step comes that is not there for both ends: finallyStep runs after a failure by intention.
func followed(rest []runbook.Step) bool {
	return slices.ContainsFunc(rest, func(s runbook.Step) bool { return s.Inputs.Value("finallyStep") != "true" })
}

// The bounds of an execution timeout, in seconds; delivery has others.
const (
	leastTimeout = 5
	mostTimeout  = 172800
)

// limit checks a time limit that is written out, or the default of the parameter that gives it.
func (c *check) limit(s runbook.Step, n *runbook.Node) {
	if n == nil || n.Kind != runbook.Text {
		return
	}
	at, text := n, n.Text
	if m := whole.FindStringSubmatch(text); m != nil {
		p := c.doc.Parameter(m[1])
		if p == nil || p.Default == nil || p.Default.Kind != runbook.Text {
			return
		}
		at, text = p.Default, p.Default.Text
	}
	if strings.Contains(text, "{{") {
		return
	}
	if seconds, err := strconv.Atoi(strings.TrimSpace(text)); err != nil || seconds < leastTimeout || seconds > mostTimeout {
		c.at(&timeoutRange, at, "", "step %s: the time limit %q is none from %d to %d seconds, and becomes 3600", s.Name, text, leastTimeout, mostTimeout)
	}
}

// known platforms of a precondition.
var knownPlatforms = []string{"linux", "windows", "macos"}

// precondition finds one that no node meets.
func (c *check) precondition(s runbook.Step) {
	precondition := s.Body.Get("precondition")
	if precondition == nil || precondition.Kind != runbook.Map {
		return
	}
	for _, f := range precondition.Fields {
		if f.Key.Text != "StringEquals" {
			c.at(&neverHolds, f.Key, "", "step %s: %q is no operator of preconditions", s.Name, f.Key.Text)
			continue
		}
		if platform := platformOf(f.Value); platform != nil && !slices.Contains(knownPlatforms, strings.ToLower(platform.Text)) && !strings.Contains(platform.Text, "{{") {
			c.at(&neverHolds, platform, "", "step %s: no node has the platformType %q", s.Name, platform.Text)
		}
	}
}

// platformOf is what an operator's operands compare platformType with; nil where they compare something else.
func platformOf(operands *runbook.Node) *runbook.Node {
	texts := operands.Texts()
	if len(texts) != 2 {
		return nil
	}
	for i, t := range texts {
		if t.Text == "platformType" {
			return texts[1-i]
		}
	}
	return nil
}

// platforms tells where the whole document is skipped on one kind of node.
func (c *check) platforms() {
	covered := map[string]bool{}
	var first *runbook.Node
	for _, s := range c.doc.Steps {
		precondition := s.Body.Get("precondition")
		platform := platformOf(precondition.Get("StringEquals"))
		if platform == nil {
			return // it runs, or fails, everywhere
		}
		if first == nil {
			first = s.Body.Key("precondition")
		}
		covered[strings.ToLower(platform.Text)] = true
	}
	if first == nil || covered["linux"] && covered["windows"] {
		return
	}
	for name := range covered {
		if !slices.Contains(knownPlatforms, name) {
			return
		}
	}
	other := "Windows"
	if !covered["linux"] {
		other = "Linux"
	}
	c.at(&skipsSilently, first, "", "every step has a precondition, and none holds on %s: the document does nothing there, and says Success", other)
}
