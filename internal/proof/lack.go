package proof

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/plan"
)

// want is a permission that a role lacks, or that the plan needs of it.
type want struct {
	by       plan.RoleKind
	action   string
	resource plan.Resource
	call     *plan.Call
}

// lack gathers what one role lacks.
type lack struct {
	role *plan.Role
	// subject is nil when the whole role is missing.
	subject *subject
	// wants are permissions that statements would give; actions are all refuted actions, those that no
	// statement helps included.
	wants   []want
	actions []string
}

func newLack(role *plan.Role, s *subject) *lack { return &lack{role: role, subject: s} }

// need notes everything that a call needs.
func (l *lack) need(c *plan.Call) {
	if c.NoPermission {
		return
	}
	for _, r := range c.Resources {
		l.missing(c, r)
	}
}

// missing notes that no statement allows a call on a resource.
func (l *lack) missing(c *plan.Call, r plan.Resource) {
	known := func(w want) bool { return w.by == c.Role && w.action == c.Action && w.resource.ARN == r.ARN }
	if !slices.ContainsFunc(l.wants, known) {
		l.wants = append(l.wants, want{c.Role, c.Action, r, c})
	}
}

// lacking notes that a call is refuted, for whatever reason.
func (l *lack) lacking(c *plan.Call) {
	if !c.NoPermission && !slices.Contains(l.actions, c.Action) {
		l.actions = append(l.actions, c.Action)
	}
}

func (l *lack) any() bool { return len(l.actions) > 0 || len(l.wants) > 0 }

// summary tells what the role lacks. needed are the actions that its own policies must allow.
func (l *lack) summary(needed []string) Lack {
	out := Lack{Role: l.role.ARN(), Missing: l.subject == nil, Needs: needed, Lacks: l.actions, theirs: l.role.Exists()}
	for _, st := range l.statements() {
		if st.trust {
			out.Trust = append(out.Trust, st.render(l.role))
			continue
		}
		out.Add = append(out.Add, st.render(l.role))
	}
	return out
}

// remember keeps, for each action that a role needs, the statement that grants it. Where the given role allows the
// action already, a statement is asked for only because the role in the account differs: it has the Sid without a
// number then, as what it must not repeat in the account's policy is not known.
func (r *Result) remember(l *lack) {
	for _, w := range l.wants {
		key := statementKey(l.role.Name, w.action)
		if r.statements[key] != "" {
			continue
		}
		one := &lack{role: l.role}
		if !r.allows(l.role, w.action) {
			one.subject = l.subject
		}
		for _, other := range l.wants {
			if other.action == w.action && other.by == w.by {
				one.wants = append(one.wants, other)
			}
		}
		var texts []string
		for _, st := range one.statements() {
			texts = append(texts, st.render(l.role).JSON)
		}
		r.statements[key] = strings.Join(texts, ",\n")
	}
}

// allows says whether every call of an action by a role, or into it, is proved.
func (r *Result) allows(role *plan.Role, action string) bool {
	return !slices.ContainsFunc(r.Calls, func(c CallResult) bool {
		return c.Role == role.ARN() && c.Action == action && c.Verdict != Proved
	})
}
