package proof

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/plan"
)

// statement is a statement to add, while permissions are gathered into it.
type statement struct {
	sid, why  string
	by        plan.RoleKind
	trust     bool // it belongs into the trust policy
	actions   []string
	resources []string
	tags      []plan.Tag
	passedTo  string
}

// statements makes the fewest statements that give what the role lacks and nothing else: one for each purpose, and a
// further one where actions of the same purpose need different resources.
func (l *lack) statements() []*statement {
	var single []*statement
	for _, w := range l.wants {
		st := newStatement(l.role, w)
		i := slices.IndexFunc(single, func(s *statement) bool {
			return s.by == st.by && s.sid == st.sid && s.actions[0] == w.action && s.conditions(st)
		})
		if i < 0 {
			single = append(single, st)
			continue
		}
		if !slices.Contains(single[i].resources, w.resource.ARN) {
			single[i].resources = append(single[i].resources, w.resource.ARN)
		}
	}
	var merged []*statement
	for _, st := range single {
		i := slices.IndexFunc(merged, func(s *statement) bool {
			return s.sid == st.sid && s.by == st.by && slices.Equal(s.resources, st.resources) && s.conditions(st)
		})
		if i < 0 {
			merged = append(merged, st)
			continue
		}
		merged[i].actions = append(merged[i].actions, st.actions...)
	}
	l.nameApart(merged)
	slices.SortStableFunc(merged, func(a, b *statement) int { return rank(a.actions[0]) - rank(b.actions[0]) })
	return merged
}

// conditions says whether two statements have the same, and by the same keys.
func (st *statement) conditions(other *statement) bool {
	return st.passedTo == other.passedTo && reflect.DeepEqual(st.tags, other.tags) &&
		(len(st.tags) == 0 || plan.TagPrefix(st.actions[0]) == plan.TagPrefix(other.actions[0]))
}

// rank puts sending and reading first: what the trap of two permissions is about (R18).
func rank(action string) int {
	switch action {
	case "ssm:SendCommand":
		return 0
	case "ssm:GetCommandInvocation":
		return 1
	}
	return 2
}

func newStatement(role *plan.Role, w want) *statement {
	st := &statement{by: w.by, trust: w.by != role.Kind, actions: []string{w.action}, resources: []string{w.resource.ARN}}
	if st.trust {
		var entry iam.Statement
		entry, st.why = role.Entry(w.by, st.actions)
		st.sid = entry.Sid
		return st
	}
	tagged := len(w.resource.Tags) > 0 && plan.TagPrefix(w.action) != ""
	st.sid, st.why = w.call.Purpose(tagged)
	st.passedTo = w.call.PassedTo
	if tagged {
		st.tags = w.resource.Tags
	}
	return st
}

// nameApart numbers Sids that the role's policies have already: a Sid must be unique in its policy.
func (l *lack) nameApart(statements []*statement) {
	used := map[string]bool{}
	if l.subject != nil {
		for _, d := range append(slices.Clone(l.subject.role.Policies), l.subject.role.Trust) {
			if d == nil {
				continue
			}
			for i := range d.Statements {
				used[d.Statements[i].Sid] = true
			}
		}
	}
	for _, st := range statements {
		sid := st.sid
		for n := 2; used[st.sid]; n++ {
			st.sid = sid + strconv.Itoa(n)
		}
		used[st.sid] = true
	}
}

// render writes the statement as JSON, with its reasons.
func (st *statement) render(role *plan.Role) Statement {
	out := Statement{JSON: statementJSON(st.document(role)), Why: st.why, actions: st.actions}
	if !st.trust && slices.Contains(st.resources, "*") {
		out.Star = starReason(st.actions)
	}
	return out
}

func (st *statement) document(role *plan.Role) iam.Statement {
	actions := slices.Sorted(slices.Values(st.actions))
	if !st.trust {
		return plan.Permission(st.sid, actions, st.resources, st.tags, plan.PassedTo(st.passedTo)...)
	}
	out, _ := role.Entry(st.by, actions)
	out.Sid = st.sid
	return out
}

// starReason says why the actions' resource must be *. It names no action twice when all have the same reason.
func starReason(actions []string) string {
	reason, ok := catalog.Unscopable(actions[0])
	if !ok {
		return ""
	}
	if len(actions) == 1 {
		return reason
	}
	return strings.Replace(reason, actions[0], strings.Join(actions, ", "), 1)
}

// statementJSON prints a single statement as it stands in a policy.
func statementJSON(st iam.Statement) string {
	document := iam.Document{Version: iam.Version2012, Statements: []iam.Statement{st}}
	var parsed struct{ Statement []json.RawMessage }
	var out bytes.Buffer
	// Document.JSON always prints a list of statements in valid JSON; a test reads back what is printed here.
	if err := json.Unmarshal(document.JSON(), &parsed); err != nil || len(parsed.Statement) != 1 {
		return string(document.JSON())
	}
	if err := json.Indent(&out, parsed.Statement[0], "", "  "); err != nil {
		return string(parsed.Statement[0])
	}
	return out.String()
}
