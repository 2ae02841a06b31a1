package proof

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/slipway-cd/slipway/internal/plan"
)

const textWidth = 100

// Text tells the result to people: a short summary when everything is proved, otherwise what is wrong first.
func (r *Result) Text() string {
	var b strings.Builder
	counts := map[Verdict]int{}
	for i := range r.Calls {
		counts[r.Calls[i].Verdict]++
	}
	switch {
	case len(r.Escalations) > 0:
		r.escalationHead(&b, counts)
	case r.Verdict == Proved:
		fmt.Fprintf(&b, "proved: the roles allow all %d calls of the plan\n", len(r.Calls))
		r.perRole(&b)
		for _, rollout := range r.Rollouts {
			wrapped(&b, "  ", "", rollout)
		}
	case r.Verdict == Undecided:
		fmt.Fprintf(&b, "undecided: %d of %d calls", counts[Undecided], len(r.Calls))
		if len(r.Perhaps) > 0 {
			fmt.Fprintf(&b, ", and %d %s by which a role may reach more than it holds", len(r.Perhaps), plural("way", len(r.Perhaps)))
		}
		b.WriteByte('\n')
	default:
		fmt.Fprintf(&b, "refuted: %d of %d calls", counts[Refuted], len(r.Calls))
		if counts[Undecided] > 0 {
			fmt.Fprintf(&b, ", and %d undecided", counts[Undecided])
		}
		b.WriteByte('\n')
	}
	if r.Verdict != Proved {
		for _, role := range r.lacking() {
			r.roleText(&b, role)
		}
	}
	r.escalationText(&b)
	r.perhapsText(&b)
	r.warnings(&b)
	return b.String()
}

// perRole counts the calls by the role that decides about them.
func (r *Result) perRole(b *strings.Builder) {
	var roles []string
	counts := map[string]int{}
	width := 0
	for i := range r.Calls {
		role := r.Calls[i].Role
		if counts[role] == 0 {
			roles = append(roles, role)
			width = max(width, len(role))
		}
		counts[role]++
	}
	for _, role := range roles {
		fmt.Fprintf(b, "  %-*s  %3d calls\n", width, role, counts[role])
	}
}

// lacking lists the roles that have findings, in the order of their calls.
func (r *Result) lacking() []string {
	var roles []string
	for i := range r.Calls {
		if c := &r.Calls[i]; c.Verdict != Proved && !slices.Contains(roles, c.Role) {
			roles = append(roles, c.Role)
		}
	}
	return roles
}

func (r *Result) roleText(b *strings.Builder, role string) {
	fmt.Fprintf(b, "\n%s\n", role)
	i := slices.IndexFunc(r.Roles, func(l Lack) bool { return l.Role == role })
	if i >= 0 && r.Roles[i].Missing {
		remedy := "write it with\n  slipway roles render --format json --out DIR, or add its folder to the policies."
		if r.Roles[i].theirs {
			remedy = "it is yours, and slipway\n  does not render it. " + giveTheirs + "."
		}
		fmt.Fprintf(b, "  The role %s is missing. It is not made up: %s\n", roleName(role), remedy)
		wrapped(b, "  ", "plan needs ", set(r.Roles[i].Needs))
		return
	}
	if i >= 0 {
		wrapped(b, "  ", "plan needs ", set(r.Roles[i].Needs)+";")
		wrapped(b, "  ", "role lacks ", set(r.Roles[i].Lacks))
	}
	r.findings(b, role)
	if i >= 0 {
		suggest(b, "add to a policy of the role:", r.Roles[i].Add)
		suggest(b, "add to the role's trust policy:", r.Roles[i].Trust)
	}
}

// giveTheirs says how a role that others made comes into a proof.
const giveTheirs = "Give its files with --policies, or read it with --live"

// findings tells the calls of a role that are not proved; what differs only in the circumstance is told once. The
// two permissions that belong together and that AWS keeps apart come first.
func (r *Result) findings(b *strings.Builder, role string) {
	var open []*CallResult
	for i := range r.Calls {
		if c := &r.Calls[i]; c.Verdict != Proved && c.Role == role {
			open = append(open, c)
		}
	}
	slices.SortStableFunc(open, func(c, d *CallResult) int { return rank(c.Action) - rank(d.Action) })
	told := map[string]bool{}
	for _, c := range open {
		if key := c.key(); !told[key] {
			told[key] = true
			c.text(b, open, told)
		}
	}
}

// text tells one finding; open are all findings about the role. A statement that allows only other actions is told
// with the first finding that it is near to.
func (c *CallResult) text(b *strings.Builder, open []*CallResult, told map[string]bool) {
	fmt.Fprintf(b, "\n  %s: %s on %s\n", c.Verdict, c.Action, strings.Join(c.Resources, ",\n    "))
	if c.Principal != c.Role {
		wrapped(b, "    ", "by      ", c.Principal)
	}
	for _, other := range open {
		if other.key() == c.key() {
			wrapped(b, "    ", "needed  ", other.where()+": "+other.Reason)
		}
	}
	wrapped(b, "    ", "why     ", c.Why)
	for _, near := range c.Nearest {
		statement, _, _ := strings.Cut(near, ", but not ")
		if !told[statement] {
			told[statement] = true
			wrapped(b, "    ", "nearest ", near)
		}
	}
	if c.Blocked {
		wrapped(b, "    ", "note    ", "adding a statement to the role's policies alone does not help here")
	}
}

// key is what a finding is about.
func (c *CallResult) key() string {
	return string(c.Verdict) + c.Principal + c.Action + strings.Join(c.Resources, " ") + c.Why
}

// where says for what of the release a call is needed: stage, step, and the scenario where it is not every deploy.
func (c *CallResult) where() string {
	where := "stage " + c.Stage
	if c.Step != "" {
		where += ", step " + c.Step
	}
	if scenario := scenarios[c.When]; scenario != "" {
		where += ", " + scenario
	}
	return where
}

// scenarios names the circumstances that are not every deploy's, for people.
var scenarios = map[plan.When]string{
	plan.FirstTime: "the first time", plan.OnChange: "when the script changed", plan.OnInterrupt: "when interrupted",
	plan.OnFailure: "when something fails", plan.OnLost: "when an answer is lost", plan.OnResume: "to resume", plan.OnStatus: "for status and history",
	plan.OnRollback: "to roll back", plan.OnOutput: "for the output", plan.OnScript: "for a script", plan.OnTags: "for session tags",
	plan.OnBuild:  "for the build's log",
	plan.OnLaunch: "when a node starts", plan.Fallback: "as the fallback",
}

func suggest(b *strings.Builder, title string, statements []Statement) {
	if len(statements) == 0 {
		return
	}
	fmt.Fprintf(b, "\n  %s\n\n", title)
	for i, st := range statements {
		text := st.JSON
		if i < len(statements)-1 {
			text += ","
		}
		for _, line := range strings.Split(text, "\n") {
			fmt.Fprintf(b, "    %s\n", line)
		}
	}
	var starred []string
	for _, st := range statements {
		if st.Star != "" {
			starred = append(starred, st.actions...)
		}
	}
	if len(starred) > 0 {
		b.WriteByte('\n')
		wrapped(b, "  ", "why *: ", starReason(starred))
	}
}

func (r *Result) warnings(b *strings.Builder) {
	var told []string
	for i := range r.Calls {
		for _, w := range r.Calls[i].Warnings {
			w = r.Calls[i].Role + ": " + w
			if !slices.Contains(told, w) {
				told = append(told, w)
				wrapped(b, "", "warning: ", w)
			}
		}
	}
}

// set writes actions as {SendCommand, …}, with their service where there are several services.
func set(actions []string) string {
	services := map[string]bool{}
	for _, a := range actions {
		service, _, _ := strings.Cut(a, ":")
		services[service] = true
	}
	names := slices.Clone(actions)
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	for i, a := range names {
		// ssm is what a deploy is about; the others are told with their service.
		if service, name, ok := strings.Cut(a, ":"); ok && (len(services) == 1 || service == "ssm") {
			names[i] = name
		}
	}
	return "{" + strings.Join(names, ", ") + "}"
}

// wrapped writes a text behind a label, its further lines below its first.
func wrapped(b *strings.Builder, indent, label, text string) {
	head := indent + label
	room := textWidth - utf8.RuneCountInString(head)
	line := ""
	flush := func() {
		b.WriteString(strings.TrimRight(head+line, " ") + "\n")
		head, line = strings.Repeat(" ", textWidth-room), ""
	}
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > room {
			flush()
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" {
		flush()
	}
}
