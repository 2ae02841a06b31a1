package proof

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// entries weighs the trust policy: whom it lets in that the plan does not.
func (s *scale) entries() error {
	given, needed := s.given.trust, s.needed.trust
	if given == nil || needed == nil {
		return nil
	}
	d := given.Document()
	var denies []iam.Statement
	for i := range d.Statements {
		if d.Statements[i].Effect == iam.Deny {
			denies = append(denies, d.Statements[i])
		}
	}
	for i := range d.Statements {
		st := &d.Statements[i]
		if st.Effect != iam.Allow || saysSame(st, needed.Document()) {
			continue
		}
		if err := s.entry(d, i, denies); err != nil {
			return err
		}
	}
	return nil
}

// saysSame says whether a trust policy has just this statement.
func saysSame(st *iam.Statement, d *iam.Document) bool {
	return slices.ContainsFunc(d.Statements, func(n iam.Statement) bool {
		samePrincipals := slices.EqualFunc(st.Principals, n.Principals, func(p, q iam.PrincipalPattern) bool {
			return p.Kind == q.Kind && slices.Equal(p.Values, q.Values)
		})
		return samePrincipals && len(st.NotPrincipals) == 0 && slices.Equal(st.Actions, n.Actions) && sameConditions(st.Conditions, n.Conditions)
	})
}

// entry weighs one statement of a trust policy, by principal and by the value of a condition, so that only who is too
// many is told.
func (s *scale) entry(d *iam.Document, i int, denies []iam.Statement) error {
	var whole []Surplus
	for _, piece := range pieces(d.Statements[i]) {
		if nobody(&piece.statement) {
			continue
		}
		after, err := compileStatements("given", d.Version, append([]iam.Statement{piece.statement}, denies...))
		if err != nil {
			return err
		}
		found := iam.Compare([]*iam.Policy{s.needed.trust}, after, iam.CompareOptions{Actions: entryActions})
		for _, a := range found.Added {
			surplus := s.at(d, i, SurplusCaller)
			surplus.Caller = piece.text()
			surplus.Actions, surplus.Count = []string{a.Action}, 1
			surplus.Text = "the plan has nobody enter as " + surplus.Caller + " with " + a.Action + exampleCaller(&a.Request)
			if missing := s.missing(piece.statement, denies); len(missing) > 0 {
				surplus.Kind, surplus.Needed = SurplusCondition, missing
				surplus.Text = "the plan has " + surplus.Caller + " enter only where " + strings.Join(missing, " and ") + exampleCaller(&a.Request)
			}
			whole = append(whole, surplus)
		}
		for _, u := range found.Unclear {
			surplus := s.at(d, i, SurplusUnknown)
			surplus.Caller, surplus.Text = piece.text(), "whether "+piece.text()+" is more than needed cannot be told: "+u.Why
			whole = append(whole, surplus)
		}
	}
	s.found = append(s.found, whole...)
	return nil
}

// nobody says whether a part of a statement lets in nobody, because it wants a caller of aws:PrincipalArn whom its principal is
// not: somebody of another account, or a user or role where it names a service or an issuer of tokens.
func nobody(st *iam.Statement) bool {
	if len(st.Principals) != 1 || len(st.Principals[0].Values) != 1 {
		return false
	}
	p := st.Principals[0]
	account := accountOf(p.Values[0])
	if p.Kind == iam.KindAWS && account == "" {
		return false // anybody
	}
	return slices.ContainsFunc(st.Conditions, func(c iam.Condition) bool {
		exact := c.Operator == "StringEquals" || c.Operator == "StringLike" || c.Operator == "ArnEquals" || c.Operator == "ArnLike"
		return exact && strings.EqualFold(c.Key, "aws:PrincipalArn") && !slices.ContainsFunc(c.Values, func(v string) bool {
			parts := strings.SplitN(v, ":", 6)
			person := len(parts) == 6 && parts[2] == "iam" && accountOf(parts[4]) != ""
			return !person || p.Kind == iam.KindAWS && parts[4] == account
		})
	})
}

// accountOf is the account of a principal, which its id alone stands for too; empty where it has none, or a pattern.
func accountOf(principal string) string {
	if parts := strings.SplitN(principal, ":", 6); len(parts) == 6 {
		principal = parts[4]
	}
	if len(principal) == 12 && strings.Trim(principal, "0123456789") == "" {
		return principal
	}
	return ""
}

// missing are the conditions with which a part of a trust statement would let in nobody but whom the plan does; none if
// it is not for a lack of conditions.
func (s *scale) missing(st iam.Statement, denies []iam.Statement) []string {
	for _, n := range s.needed.trust.Document().Statements {
		more := slices.DeleteFunc(slices.Clone(n.Conditions), func(c iam.Condition) bool {
			return slices.ContainsFunc(st.Conditions, func(d iam.Condition) bool { return strings.EqualFold(c.Key, d.Key) })
		})
		if len(more) == 0 {
			continue
		}
		narrow := st
		narrow.Conditions = slices.Concat(st.Conditions, more)
		after, err := compileStatements("given", iam.Version2012, append([]iam.Statement{narrow}, denies...))
		if err != nil {
			continue // it names a condition that nothing can be said of
		}
		if iam.Compare([]*iam.Policy{s.needed.trust}, after, iam.CompareOptions{Actions: entryActions}).Verdict == iam.NoMorePermissive {
			return conditionsText([]iam.Statement{{Conditions: more}})
		}
	}
	return nil
}

// entryActions are those that a trust policy decides about.
var entryActions = []string{
	"sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity", "sts:SetSourceIdentity", "sts:TagSession", "sts:SetContext",
}

// piece is a part of a trust statement: one principal, one value of each condition that names some.
type piece struct {
	statement iam.Statement
	who       string
	where     []string
}

func (p piece) text() string {
	if len(p.where) == 0 {
		return p.who
	}
	return p.who + " where " + strings.Join(p.where, " and ")
}

// maxPieces bounds into how many parts a statement is cut.
const maxPieces = 256

// pieces cuts a trust statement. Its parts together say what it says: principals and the values of a condition are
// alternatives, but for those of a condition that negates.
func pieces(st iam.Statement) []piece {
	list := byPrincipal(st)
	for i, c := range st.Conditions {
		if len(c.Values) < 2 || !alternatives(c.Operator) || len(list)*len(c.Values) > maxPieces {
			for j := range list {
				list[j].where = append(list[j].where, conditionText(c))
			}
			continue
		}
		var next []piece
		for _, p := range list {
			for _, v := range c.Values {
				cut := piece{statement: p.statement, who: p.who, where: slices.Clone(p.where)}
				cut.statement.Conditions = slices.Clone(p.statement.Conditions)
				cut.statement.Conditions[i].Values = []string{v}
				cut.where = append(cut.where, conditionText(cut.statement.Conditions[i]))
				next = append(next, cut)
			}
		}
		list = next
	}
	return list
}

func conditionText(c iam.Condition) string {
	if c.Operator == "StringEquals" {
		return c.Key + " is " + strings.Join(c.Values, " or ")
	}
	return c.Operator + " " + c.Key + " " + strings.Join(c.Values, "|")
}

// alternatives says whether one of a condition's values is enough.
func alternatives(operator string) bool {
	return !strings.Contains(operator, "Not") && !strings.HasPrefix(operator, "ForAllValues:")
}

func byPrincipal(st iam.Statement) (list []piece) {
	for _, p := range st.Principals {
		for _, v := range p.Values {
			cut := st
			cut.Principals = []iam.PrincipalPattern{{Kind: p.Kind, Values: []string{v}}}
			list = append(list, piece{statement: cut, who: v})
		}
		if len(p.Values) == 0 {
			cut := st
			cut.Principals = []iam.PrincipalPattern{p}
			list = append(list, piece{statement: cut, who: "anybody"})
		}
	}
	if len(list) == 0 || len(list) > maxPieces {
		return []piece{{statement: st, who: "anybody but those whom it names"}}
	}
	for i := range list {
		if list[i].who == iam.AnyPrincipal {
			list[i].who = "anybody in AWS"
		}
	}
	return list
}

// exampleCaller names one who would be let in.
func exampleCaller(r *iam.Request) string {
	text := ""
	if r.Principal.ARN != "" && r.Principal.Kind == iam.PrincipalAWS {
		text = ": " + r.Principal.ARN
	}
	for _, key := range r.Context.Keys() {
		if strings.HasSuffix(key, ":sub") || strings.HasSuffix(key, ":aud") {
			text += ", " + key + " " + strings.Join(r.Context.Get(key), " ")
		}
	}
	if text == "" {
		return ""
	}
	return ", for example: " + strings.TrimLeft(text, ",: ")
}
