package plan

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/slipway-cd/slipway/internal/release"
)

// textWidth is the width that the text form keeps to.
const textWidth = 100

// Text tells the plan to people: by stage and principal, a line for each call and its reason below.
func (p *Plan) Text() string {
	var b strings.Builder
	if p.Record != nil {
		fmt.Fprintf(&b, "record: bucket %s in account %s, %s\n\n", p.Record.Bucket, p.Record.Account, p.Record.Region)
	}
	for i := range p.Stages {
		if i > 0 {
			b.WriteByte('\n')
		}
		p.Stages[i].text(&b)
	}
	return b.String()
}

func (s *Stage) text(b *strings.Builder) {
	fmt.Fprintf(b, "stage %s: account %s, %s\n", s.Name, s.Account, s.Region)
	fmt.Fprintf(b, "  on %s\n", s.Targets)
	if node := s.role(KindNode); node != nil && node.Exists() {
		writeWrapped(b, "  ", "the nodes carry the role "+node.Path+node.Name+", which is there already; the policy "+node.Extension+" is attached to it")
	}
	for _, step := range s.Steps {
		writeWrapped(b, "  ", step.sentence())
	}
	for _, a := range s.Automations {
		writeWrapped(b, "  ", fmt.Sprintf("step %s starts the runbook %s (%s), for at most %s, %s", a.Name, a.Own.Name, a.Source, clock(a.Timeout), s.after(a.After)))
	}
	for _, t := range s.Tests {
		writeWrapped(b, "  ", fmt.Sprintf("step %s runs %s on the machine of slipway, for at most %s, %s", t.Name, t.Run.Path, clock(t.Timeout), s.after(t.After)))
	}
	if s.OnFailure == string(release.Rollback) {
		writeWrapped(b, "  ", "a deploy that failed is followed by a rollback to the last good one; one of unknown outcome is not")
	}
	s.Hooks.text(b)
	for _, kind := range s.principals() {
		s.principalText(b, kind)
	}
}

// after says where among the steps another kind of step comes.
func (s *Stage) after(steps int) string {
	if steps == 0 {
		return "first"
	}
	return "after step " + s.Steps[steps-1].Name
}

func (h Hooks) text(b *strings.Builder) {
	if h.Before != nil {
		writeWrapped(b, "  ", h.Before.Path+" runs before anything is sent, on the machine of slipway, and may refuse the deploy")
	}
	if h.After != nil {
		writeWrapped(b, "  ", h.After.Path+" runs after the verdict, on the machine of slipway")
	}
}

// sentence tells what a step runs, and how it spreads over the nodes.
func (s *Step) sentence() string {
	text := fmt.Sprintf("step %s runs %s, for at most %s", s.Name, s.DocumentName, clock(s.ExecutionTimeout))
	if s.Once {
		text += "; on one node only"
	}
	if rollout := s.RolloutText(); rollout != "" {
		text += "; " + rollout
	}
	if s.Own == nil {
		text += "; whoever may send it may run anything there, as root" // R28
	}
	return text
}

// RolloutText tells how a step spreads over the nodes; empty for all of them at once.
func (s *Step) RolloutText() string {
	r := s.Rollout
	var parts []string
	if len(r.Batches) > 0 {
		parts = append(parts, "in batches of "+strings.Join(r.Batches, ", "))
	}
	if r.Pause > 0 {
		parts = append(parts, "a pause of "+clock(r.Pause)+" after each")
	}
	if s.Check != nil {
		parts = append(parts, "then "+s.Check.DocumentName+" on its nodes, for at most "+clock(s.Check.ExecutionTimeout))
	}
	if r.MaxFailures != "" && r.MaxFailures != defaultMaxErrors {
		parts = append(parts, "up to "+r.MaxFailures+" may fail")
	}
	if r.MinHealthy != "" {
		parts = append(parts, r.MinHealthy+" stay in service")
	}
	if r.Alarm != "" {
		parts = append(parts, "the alarm "+r.Alarm+" stops it")
	}
	return strings.Join(parts, ", ")
}

// principals lists who makes calls, in the order in which they first do.
func (s *Stage) principals() []RoleKind {
	var kinds []RoleKind
	seen := make(map[RoleKind]bool)
	for _, c := range s.Calls {
		if !seen[c.Role] {
			seen[c.Role] = true
			kinds = append(kinds, c.Role)
		}
	}
	return kinds
}

func (s *Stage) principalText(b *strings.Builder, kind RoleKind) {
	name, purpose := s.principal(kind)
	fmt.Fprintf(b, "\n  %s\n", name)
	writeWrapped(b, "    ", purpose)
	columns := [2]int{}
	for _, c := range s.Calls {
		if c.Role == kind {
			columns[0] = max(columns[0], len(c.Action))
			columns[1] = max(columns[1], len(c.When))
		}
	}
	for _, c := range s.Calls {
		if c.Role == kind {
			c.text(b, columns)
		}
	}
}

// principal names who makes the calls of a kind, and says what for.
func (s *Stage) principal(kind RoleKind) (name, purpose string) {
	switch kind {
	case KindGitHub:
		return "GitHub Actions", "The repository's workflow, with a token whose subject is " + s.subjects() + "."
	case KindGitLab:
		return "GitLab CI/CD", "The project's jobs, with a token whose subject is " + s.subjects() + "."
	case KindPeople:
		return "operators", "The people who look at deploys and end or undo them."
	case KindBuilds:
		return "codebuild.amazonaws.com", "Hands the pipeline's service role to its builds."
	case KindEC2:
		return "ec2.amazonaws.com", "Hands the node role to the instances."
	case KindSSM:
		return "ssm.amazonaws.com", "Hands the node role to managed nodes."
	}
	if r := s.role(kind); r != nil {
		return r.Name, r.Purpose
	}
	return string(kind), ""
}

func (s *Stage) subjects() string {
	for _, r := range s.Roles {
		if len(r.Subjects) > 0 {
			text := strings.Join(r.Subjects, " or ")
			if r.Workflow != "" {
				text += ", of the workflow " + r.Workflow
			}
			return text
		}
	}
	return "nobody's"
}

// text writes a call: action, circumstance and resources in columns, and below them why and how often.
func (c Call) text(b *strings.Builder, columns [2]int) {
	head := fmt.Sprintf("    %-*s  %-*s  ", columns[0], c.Action, columns[1], c.When)
	indent := strings.Repeat(" ", len(head))
	for i, line := range wrapWords(c.resourceText(), textWidth-len(head)) {
		if i > 0 {
			head = indent
		}
		b.WriteString(head + line + "\n")
	}
	writeWrapped(b, "      ", c.Reason+" "+sentence(c.Often))
}

// sentence makes one of a phrase. That a call is made once needs no telling.
func sentence(phrase string) string {
	if phrase == "" || phrase == "once" {
		return ""
	}
	return strings.ToUpper(phrase[:1]) + phrase[1:] + "."
}

// resourceText names what a call touches; of many nodes, the first few.
func (c Call) resourceText() string {
	if c.NoPermission {
		return "(needs no permission)"
	}
	const shown = 4
	var names []string
	for i, r := range c.Resources {
		if i == shown && len(c.Resources) > shown+1 {
			names = append(names, fmt.Sprintf("and %d more", len(c.Resources)-shown))
			break
		}
		names = append(names, r.short())
	}
	return strings.Join(names, ", ")
}

// String names the targets as people would.
func (t Targets) String() string {
	switch {
	case len(t.Tags) == 0:
		return strings.Join(t.Instances, ", ")
	case len(t.Tags) == 1 && t.Tags[0].Key == groupTag:
		return fmt.Sprintf("the members of the Auto Scaling group %s (at least %d)", strings.Join(t.Tags[0].Values, ", "), t.Min)
	}
	return fmt.Sprintf("instances tagged %s (at least %d)", tagText(t.Tags), t.Min)
}

func tagText(tags []Tag) string {
	parts := make([]string, 0, len(tags))
	for _, t := range tags {
		parts = append(parts, t.Key+"="+strings.Join(t.Values, "|"))
	}
	return strings.Join(parts, ", ")
}

// short leaves out what all ARNs of a stage share: everything up to the type.
func (r Resource) short() string {
	parts := strings.SplitN(r.ARN, ":", 6)
	if len(parts) < 6 {
		return r.ARN
	}
	text := parts[5]
	if _, rest, ok := strings.Cut(text, "role/aws-service-role/"); ok { // the name says whose it is
		text = "role/" + rest[strings.IndexByte(rest, '/')+1:]
	}
	if len(r.Tags) > 0 {
		text += " tagged " + tagText(r.Tags)
	}
	return text
}

// clock writes seconds as 6m or 90s.
func clock(seconds int) string {
	if seconds >= 60 && seconds%60 == 0 {
		return fmt.Sprintf("%dm", seconds/60)
	}
	return fmt.Sprintf("%ds", seconds)
}

// writeWrapped writes a paragraph that begins at indent and ends at textWidth.
func writeWrapped(b *strings.Builder, indent, text string) {
	for _, line := range wrapWords(text, textWidth-len(indent)) {
		b.WriteString(indent + line + "\n")
	}
}

// wrapWords breaks a text into lines of at most width characters; a longer word stays whole.
func wrapWords(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
