package roles

import (
	"fmt"
	"slices"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
)

// trust makes the trust policy from the calls by which others enter the role.
func trust(stage *plan.Stage, r plan.Role) (*iam.Document, []Note, error) {
	entries := entriesOf(stage, r)
	doc := &iam.Document{Name: trustFile(r.Account, r.Name), Version: iam.Version2012}
	var notes []Note
	for _, e := range entries {
		st, note, err := e.statement(r)
		if err != nil {
			return nil, nil, err
		}
		doc.Statements = append(doc.Statements, st)
		notes = append(notes, note)
	}
	switch {
	case len(doc.Statements) > 0:
		return doc, notes, nil
	case len(r.Subjects) > 0:
		return nil, nil, fmt.Errorf("the plan has subjects for it and no call by which they enter")
	case r.Kind == plan.KindNode:
		return nil, nil, fmt.Errorf("the plan has no call by which a service hands it to nodes")
	}
	st, note := ownAccount(r)
	doc.Statements = []iam.Statement{st}
	return doc, []Note{note}, nil
}

// entry is how one kind of principal enters a role.
type entry struct {
	kind    plan.RoleKind
	actions []string
	when    []plan.When
}

func entriesOf(stage *plan.Stage, r plan.Role) []entry {
	var out []entry
	for _, c := range stage.Calls {
		hands := c.Action == "iam:PassRole" // who hands a role over does not enter it
		if hands || !slices.ContainsFunc(c.Resources, func(res plan.Resource) bool { return res.ARN == r.ARN() }) {
			continue
		}
		i := slices.IndexFunc(out, func(e entry) bool { return e.kind == c.Role })
		if i < 0 {
			i = len(out)
			out = append(out, entry{kind: c.Role})
		}
		out[i].actions = add(out[i].actions, c.Action)
		out[i].when = add(out[i].when, c.When)
	}
	return out
}

func (e entry) statement(r plan.Role) (iam.Statement, Note, error) {
	switch {
	case (e.kind == plan.KindGitHub || e.kind == plan.KindGitLab) && len(r.Subjects) == 0:
		return iam.Statement{}, Note{}, fmt.Errorf("%s enters it, and no subject says which workflow: every repository could", e.kind)
	case e.kind.Shared() && r.From == "":
		return iam.Statement{}, Note{}, fmt.Errorf("%s enters it, and nothing says who that is", e.kind)
	case !e.kind.Enters() && !e.kind.Shared():
		return iam.Statement{}, Note{}, fmt.Errorf("the plan lets %s enter it, which is not supported", e.kind)
	}
	st, why := r.Entry(e.kind, e.actions)
	return st, Note{Sid: st.Sid, Reason: why, When: e.when}, nil
}

// ownAccount is the trust of a role for which no pipeline is named: the account's own administrators decide.
func ownAccount(r plan.Role) (iam.Statement, Note) {
	const sid = "OwnAccount"
	st := iam.Statement{
		Sid: sid, Effect: iam.Allow, Actions: []string{"sts:AssumeRole"},
		Principals: principal(iam.KindAWS, "arn:aws:iam::"+r.Account+":root"),
	}
	return st, Note{Sid: sid, Reason: "The release names no CI. Anybody in account " + r.Account +
		" whom IAM allows sts:AssumeRole on this role may assume it, not only its root user; with ci in the release file only that pipeline may."}
}

func principal(kind, value string) []iam.PrincipalPattern {
	return []iam.PrincipalPattern{{Kind: kind, Values: []string{value}}}
}
