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

// subKey is the condition key of a GitHub token's subject, audKey of its audience.
const (
	subKey = plan.Issuer + ":sub"
	audKey = plan.Issuer + ":aud"
)

// statement is a statement to add, while permissions are gathered into it.
type statement struct {
	sid, why  string
	by        plan.RoleKind
	trust     bool // it belongs into the trust policy
	actions   []string
	resources []string
	tags      []plan.Tag
}

// statements makes the fewest statements that give what the role lacks and nothing else: one for each purpose, and a
// further one where actions of the same purpose need different resources.
func (l *lack) statements() []*statement {
	var single []*statement
	for _, w := range l.wants {
		st := newStatement(w)
		i := slices.IndexFunc(single, func(s *statement) bool {
			return s.by == st.by && s.actions[0] == w.action && reflect.DeepEqual(s.tags, st.tags)
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
			return s.sid == st.sid && s.by == st.by && slices.Equal(s.resources, st.resources) && reflect.DeepEqual(s.tags, st.tags)
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

func newStatement(w want) *statement {
	call := plan.Call{Role: w.by}
	a, _ := catalog.Lookup(w.action)
	tagged := len(w.resource.Tags) > 0 && actionHasKey(a, "ssm:resourcetag/key")
	st := &statement{by: w.by, trust: enters(&call), actions: []string{w.action}, resources: []string{w.resource.ARN}}
	st.sid, st.why = plan.Purpose(w.action, tagged)
	if tagged {
		st.tags = w.resource.Tags
	}
	if w.by == plan.KindSSM {
		st.sid, st.why = "ManagedNodes", "Lets Systems Manager hand the role to the machines outside EC2 that are registered with it."
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
	out := iam.Statement{Sid: st.sid, Effect: iam.Allow, Actions: slices.Sorted(slices.Values(st.actions))}
	switch st.by {
	case plan.KindGitHub:
		out.Principals = []iam.PrincipalPattern{{Kind: iam.KindFederated, Values: []string{provider(role.Account)}}}
		out.Conditions = []iam.Condition{
			{Operator: "StringEquals", Key: audKey, Values: []string{plan.Audience}},
			{Operator: "StringEquals", Key: subKey, Values: role.Subjects},
		}
	case plan.KindEC2, plan.KindSSM:
		out.Principals = []iam.PrincipalPattern{{Kind: iam.KindService, Values: []string{service(st.by)}}}
	default:
		out.Resources = st.resources
		for _, t := range st.tags {
			out.Conditions = append(out.Conditions, iam.Condition{
				Operator: "StringEquals", Key: "ssm:resourceTag/" + t.Key, Values: t.Values,
			})
		}
	}
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
