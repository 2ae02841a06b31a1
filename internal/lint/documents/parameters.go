package documents

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/runbook"
)

// free says whether a parameter is known to take any text: types of AWS's resources are checked by AWS.
func free(p *runbook.Parameter) bool {
	if p.Open {
		return false
	}
	switch p.Type {
	case "String", "StringList", "":
		return true
	}
	return false
}

func (c *check) parameters() {
	role := c.roleReference()
	for i := range c.doc.Parameters {
		p := &c.doc.Parameters[i]
		if p.Name == role {
			c.rolePattern(p)
		} else if c.doc.Type == runbook.Automation && free(p) && p.Pattern == nil && len(p.Values) == 0 && !c.injected[p.Name] {
			c.at(&freeParameter, p.Key, "", "parameter %s has neither allowedPattern nor allowedValues", p.Name)
		}
		if p.Pattern != nil && p.Pattern.Kind == runbook.Text {
			c.pattern(p)
		}
		c.fallback(p)
	}
}

// pattern looks at the pattern of a parameter. Where it means nothing, nothing more is said of it.
func (c *check) pattern(p *runbook.Parameter) {
	text := p.Pattern.Text
	compiled := c.compile(text)
	switch {
	case compiled == nil && c.doc.Type == runbook.Command:
		c.at(&unportable, p.Pattern, "", "parameter %s: the agent, which matches as Go does, does not read the pattern %s", p.Name, text)
	case compiled == nil:
		c.unportable(p, "is one of Java only: nothing outside of Systems Manager can check it")
	case javaDiffers.MatchString(text):
		c.unportable(p, "is read by Java in another way than by Go")
	case compiled.matchesAnything():
		c.at(&anything, p.Pattern, "", "parameter %s: the pattern %s lets everything through", p.Name, text)
	case !release.Anchored(compiled.tree):
		c.at(&unanchored, p.Pattern, "^(?:"+strings.TrimSuffix(strings.TrimPrefix(text, "^"), "$")+")$",
			"parameter %s: the pattern %s is not anchored at both ends", p.Name, text)
	}
}

// unportable reports a pattern that not everybody reads in the same way. Nobody but Systems Manager, which reads it as Java
// does, has to read that of a runbook.
func (c *check) unportable(p *runbook.Parameter, what string) {
	if p.Pattern.Open {
		return
	}
	f := unportable.At(c.file, p.Pattern.Line, p.Pattern.Column, "", "parameter %s: the pattern %s %s", p.Name, p.Pattern.Text, what)
	if c.doc.Type == runbook.Automation {
		f.Severity = finding.Info
	}
	c.found = append(c.found, f)
}

// fallback holds the default of a parameter against what it allows.
func (c *check) fallback(p *runbook.Parameter) {
	var compiled *pattern
	if p.Pattern != nil {
		compiled = c.compile(p.Pattern.Text)
	}
	for _, value := range p.Default.Texts() {
		switch {
		case strings.Contains(value.Text, "{{"): // filled in when it is used
		case len(p.Values) > 0 && !slices.ContainsFunc(p.Values, func(v *runbook.Node) bool { return v.Text == value.Text }):
			c.at(&wrongDefault, value, "", "parameter %s: its default %q is none of its allowedValues", p.Name, value.Text)
		case compiled != nil && !compiled.re.MatchString(value.Text):
			c.at(&wrongDefault, value, "", "parameter %s: its default %q does not match its pattern %s", p.Name, value.Text, p.Pattern.Text)
		}
	}
}

// roleReference is the parameter that names the runbook's role; empty where none does.
func (c *check) roleReference() string {
	if c.doc.AssumeRole == nil {
		return ""
	}
	names := runbook.References(c.doc.AssumeRole.Text)
	if len(names) != 1 {
		return ""
	}
	return names[0]
}

// rolePattern looks at the parameter that names the role. AWS checks the type of roles itself.
func (c *check) rolePattern(p *runbook.Parameter) {
	if !free(p) || len(p.Values) > 0 {
		return
	}
	if p.Pattern == nil {
		c.at(&roleParameter, p.Key, "", "parameter %s names the runbook's role, and takes any text", p.Name)
		return
	}
	compiled := c.compile(p.Pattern.Text)
	if compiled == nil {
		return // what is wrong with it is said by another rule
	}
	for _, other := range []string{"admin", "arn:aws:s3:::bucket", "AutomationRole"} {
		if compiled.re.MatchString(other) {
			c.at(&roleParameter, p.Pattern, "", "parameter %s names the runbook's role, and its pattern %s lets %q through", p.Name, p.Pattern.Text, other)
			return
		}
	}
}
