package iam_test

import (
	"iter"
	"slices"
	"strings"
	"testing"
)

// simClass is a kind of case that the two judges see differently, with the page of AWS's documentation that decides.
type simClass struct {
	name, page, quote string
	applies           func(c *simCase) bool
	example           simCase
	ours, theirs      string
}

// classOf returns the first class that a case belongs to. It does not see the answers.
func classOf(c *simCase) *simClass {
	for i := range simClasses {
		if simClasses[i].applies(c) {
			return &simClasses[i]
		}
	}
	return nil
}

// TestDifferentialClasses shows each class by its example: it exists, and the predicates know it.
func TestDifferentialClasses(t *testing.T) {
	t.Parallel()
	s := findSimulator(t)
	cases := make([]*simCase, len(simClasses))
	for i := range simClasses {
		cases[i] = &simClasses[i].example
	}
	answers := s.ask(t, cases)
	for i := range simClasses {
		class := &simClasses[i]
		t.Run(class.name, func(t *testing.T) {
			t.Parallel()
			d, err := class.example.decide()
			if err != nil {
				t.Fatal(err)
			}
			if got := d.Outcome.String(); got != class.ours {
				t.Errorf("ours is %s (%s), want %s: %q, %s", got, d.Layer, class.ours, class.quote, class.page)
			}
			if got := answers[i].Outcome; got != class.theirs {
				t.Errorf("the simulator says %q %s, want %s: is the class dead?", got, answers[i].Problem, class.theirs)
			}
			if class.ours == class.theirs {
				t.Error("there is no difference")
			}
			if !class.applies(&class.example) {
				t.Error("the class does not know its own example")
			}
		})
	}
}

// all yields every statement, with the policy that it stands in.
func (c *simCase) all() iter.Seq2[*simPolicy, *simStatement] {
	var policies []*simPolicy
	for _, list := range append(append([][]simPolicy{c.Identity}, c.SCPs...), c.RCPs...) {
		for i := range list {
			policies = append(policies, &list[i])
		}
	}
	policies = append(policies, c.Boundary, c.Session, c.Attached, c.Endpoint)
	return func(yield func(*simPolicy, *simStatement) bool) {
		for _, p := range policies {
			if p == nil {
				continue
			}
			for i := range p.Statement {
				if !yield(p, &p.Statement[i]) {
					return
				}
			}
		}
	}
}

// anyStatement says whether a statement of the case has the property. old: of a version without policy variables.
func anyStatement(has func(c *simCase, st *simStatement, old bool) bool) func(*simCase) bool {
	return func(c *simCase) bool {
		for p, st := range c.all() {
			if has(c, st, p.Version != "2012-10-17") {
				return true
			}
		}
		return false
	}
}

// simTest is one condition as a predicate sees it.
type simTest struct {
	operator string // with prefix and suffix
	values   simList
	request  []string // the key's values; nil when it is absent
	deny     bool
	old      bool // the policy's version knows no policy variables
}

// anyCondition says whether a condition has the property.
func anyCondition(has func(c *simCase, test simTest) bool) func(*simCase) bool {
	return anyStatement(func(c *simCase, st *simStatement, old bool) bool {
		for operator, keys := range st.Condition {
			for key, values := range keys {
				if has(c, simTest{operator, values, c.values(key), st.Effect == "Deny", old}) {
					return true
				}
			}
		}
		return false
	})
}

// values returns the request's values of a key.
func (c *simCase) values(key string) []string {
	for name, values := range c.Context {
		if strings.EqualFold(name, key) {
			return values
		}
	}
	return nil
}

// unresolved says whether the text has a variable without default whose key the request does not have.
func (c *simCase) unresolved(text string) bool {
	for {
		_, rest, found := strings.Cut(text, "${")
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			return false
		}
		if strings.Contains(name, ":") && !strings.Contains(name, ",") && c.values(name) == nil {
			return true
		}
		text = after
	}
}

// earlyVariable says whether a policy variable stands in an ARN before the resource's own name.
func earlyVariable(arn string) bool {
	before, _, found := strings.Cut(arn, "${")
	if !found {
		return false
	}
	parts := strings.SplitN(before, ":", 6)
	return len(parts) < 6 || parts[2] != "s3" && !strings.ContainsAny(parts[5], "/:")
}

// variableInPrefix says whether a policy variable stands before the fifth colon.
func variableInPrefix(arn string) bool {
	before, _, found := strings.Cut(arn, "${")
	return found && strings.Count(before, ":") < 5
}

// principalAccount is the account field of the principal's ARN.
func (c *simCase) principalAccount() string {
	if parts := strings.Split(c.Principal, ":"); len(parts) > 4 {
		return parts[4]
	}
	return ""
}

// managed says whether the principal is one that IAM manages.
func (c *simCase) managed() bool {
	return strings.HasPrefix(c.Principal, "arn:") && !strings.Contains(c.Principal, "-provider/")
}

func (p simPrincipals) names(values ...string) bool {
	if _, everyone := p["*"]; everyone {
		return slices.Contains(values, "*")
	}
	for _, list := range p {
		for _, v := range values {
			if slices.Contains(list, v) {
				return true
			}
		}
	}
	return false
}
