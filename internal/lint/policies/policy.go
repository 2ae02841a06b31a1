package policies

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/roles"
)

// policy is one policy, with who has it.
type policy struct {
	document *iam.Document
	file     string
	source   []byte // nil where only the document is known
	kind     iam.PolicyKind
	holder   *holder
	name     string // of an inline policy
	// limits says that the policy allows nothing by itself: a boundary, or a policy of an organization.
	limits bool
	// foreign says that the text is AWS's own: nobody here can mend it.
	foreign    bool
	statements []*statement
}

// holder is who has policies.
type holder struct {
	// role is its name; empty where nobody is known to have the policy.
	role          string
	account, path string
	kind          kind
	place         roles.Place
	attached      []roles.Attached
	given         *roles.Role // nil for users, and for policies that stand alone
	// doubtful says that it may have more than is known.
	doubtful bool
	// policies are all that count for it.
	policies []*policy
	// index has, by the name of an action, the statements that stand for it; those that stand for every one under "".
	index map[string][]*statement
}

// statement is one statement, with what its patterns stand for.
type statement struct {
	*iam.Statement
	linter    *linter
	policy    *policy
	label     string // its Sid, or its number
	actions   []action
	resources []text
	patterns  []*pattern      // the same; see [statement.shapes]
	taken     map[string]bool // see [statement.takesType]
	// idles says that something in it was found to match nothing.
	idles bool
	// claimed are actions that a rule has found already.
	claimed map[string]bool
}

// open expands the statements of the policies that somebody has.
func (l *linter) open(h *holder) {
	h.policies = slices.DeleteFunc(h.policies, func(p *policy) bool { return p.tooLarge(l) })
	for _, p := range h.policies {
		p.open(l)
	}
}

// holder lints the policies that somebody has, one by one.
func (l *linter) holder(h *holder) {
	for _, p := range h.policies {
		if p.foreign {
			continue
		}
		p.language(l)
		p.trust()
		for _, s := range p.statements {
			s.lint()
		}
		p.covered()
	}
}

// own yields the statements that give somebody permissions and are not AWS's.
func (h *holder) own() iter.Seq[*statement] {
	return func(yield func(*statement) bool) {
		for _, p := range h.policies {
			for _, s := range p.statements {
				if !p.foreign && s.allows() && !yield(s) {
					return
				}
			}
		}
	}
}

// about gives the statements that stand for an action.
func (h *holder) about(action string) []*statement {
	if h.index == nil {
		h.index = map[string][]*statement{}
		for _, p := range h.policies {
			for _, s := range p.statements {
				h.add(s)
			}
		}
	}
	return slices.Concat(h.index[strings.ToLower(action)], h.index[""])
}

func (h *holder) add(s *statement) {
	put := func(name string) {
		if list := h.index[name]; len(list) == 0 || list[len(list)-1] != s {
			h.index[name] = append(list, s)
		}
	}
	for _, a := range s.actions {
		if a.every {
			put("")
		}
		for _, c := range a.list {
			put(strings.ToLower(c.String()))
		}
	}
}

// open expands the statements.
func (p *policy) open(l *linter) {
	for i := range p.document.Statements {
		st := &p.document.Statements[i]
		if st.Intrinsic != "" {
			continue
		}
		s := &statement{Statement: st, linter: l, policy: p, label: "statement " + strconv.Itoa(i+1)}
		if _, marked := iam.IntrinsicJSON(st.Sid); st.Sid != "" && !marked {
			s.label = st.Sid
		}
		for _, pattern := range st.Actions {
			s.actions = append(s.actions, l.expand(pattern))
		}
		for _, resource := range st.Resources {
			s.resources = append(s.resources, textOf(resource))
		}
		p.statements = append(p.statements, s)
	}
}

// lint looks for everything in a statement.
func (s *statement) lint() {
	s.arns()
	s.dead()
	s.conditions()
	s.negations()
	s.principals()
	if s.Effect == iam.Allow && !s.policy.limits && s.policy.kind != iam.TrustPolicy && s.policy.kind != iam.ResourcePolicy {
		s.width()
		s.stars()
	}
}

// report adds a finding at a place of the statement, or at the statement where that is not known.
func (s *statement) report(r *finding.Rule, at iam.Position, fix, format string, args ...any) *finding.Finding {
	if at == (iam.Position{}) {
		at = s.Pos
	}
	if partition := s.usual(arnPartition); fix == "" && partition != "" {
		fix = strings.ReplaceAll(r.Fix, "arn:aws:", "arn:"+partition+":")
	}
	f := r.At(s.policy.file, at.Line, at.Column, fix, "%s: "+format, append([]any{s.label}, args...)...)
	f.Role = s.policy.holder.role
	s.idles = s.idles || slices.Contains(idling, r.Code)
	s.linter.found = append(s.linter.found, f)
	return &s.linter.found[len(s.linter.found)-1]
}

// idling are the rules about what matches nothing.
var idling = []finding.Code{"SLW002", "SLW007", "SLW008", "SLW074", "SLW200", "SLW201", "SLW205", "SLW206", "SLW214"}

// actionAt and resourceAt are the places of a statement's actions and resources.
func (s *statement) actionAt(i int) iam.Position { return at(s.Places.Actions, i, s.Places.Action) }
func (s *statement) resourceAt(i int) iam.Position {
	return at(s.Places.Resources, i, s.Places.Resource)
}

func at(places []iam.Position, i int, otherwise iam.Position) iam.Position {
	if i < len(places) && places[i] != (iam.Position{}) {
		return places[i]
	}
	return otherwise
}

// list is a list for people: the first few, and how many more there are.
func list(items []string) string {
	const most = 5
	text := ""
	for i, item := range items {
		if i == most && len(items) > most+1 {
			return text + fmt.Sprintf(" and %d more", len(items)-most)
		}
		if i > 0 {
			text += ", "
		}
		text += item
	}
	return text
}
