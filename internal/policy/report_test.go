package policy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/policy"
)

// explained asks and explains.
func explained(t *testing.T, q policy.Question, given iam.PolicySet) *policy.Report {
	t.Helper()
	asked, err := policy.Ask(q, given)
	if err != nil {
		t.Fatal(err)
	}
	report, err := policy.Explain(asked)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func identity(policies ...*iam.Policy) iam.PolicySet { return iam.PolicySet{Identity: policies} }

// allowIf allows everything under conditions.
func allowIf(t *testing.T, name, conditions string) *iam.Policy {
	t.Helper()
	return compiled(t, name, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":`+conditions+`}}`)
}

// TestExplainUnmet lists all conditions that do not hold, and gives them: then the request is allowed.
func TestExplainUnmet(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		conditions string
		context    map[string][]string
		want       []policy.Condition
		give       map[string][]string
	}{
		"absent": {
			`{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`, nil,
			[]policy.Condition{{Operator: "StringEquals", Key: "aws:PrincipalOrgID", Values: []string{"o-1"}}},
			map[string][]string{"aws:PrincipalOrgID": {"o-1"}},
		},
		"several, one met": {
			`{"StringEquals":{"a:k":"v","a:met":"m"},"Bool":{"aws:SecureTransport":"true"}}`,
			map[string][]string{"a:k": {"w"}, "a:met": {"m"}},
			[]policy.Condition{
				{Operator: "StringEquals", Key: "a:k", Values: []string{"v"}, Has: []string{"w"}},
				{Operator: "Bool", Key: "aws:SecureTransport", Values: []string{"true"}},
			},
			map[string][]string{"a:k": {"v"}, "a:met": {"m"}, "aws:SecureTransport": {"true"}},
		},
		"a variable": {
			`{"StringEquals":{"a:k":"${aws:username}"}}`, map[string][]string{"a:k": {"bob"}},
			[]policy.Condition{{Operator: "StringEquals", Key: "a:k", Values: []string{"${aws:username}"}, Has: []string{"bob"}}},
			map[string][]string{"a:k": {"ann"}},
		},
	} {
		q := policy.Question{Principal: user, Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Context: c.context}
		report := explained(t, q, identity(allowIf(t, "p", c.conditions)))
		if report.Allowed() || len(report.Near) == 0 {
			t.Errorf("%s: got %+v", name, report)
			continue
		}
		if diff := cmp.Diff(c.want, report.Near[0].Unmet); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if len(report.Remedies) == 0 || !report.Remedies[0].Unguarded {
			t.Errorf("%s: the remedies do not say that they drop conditions: %+v", name, report.Remedies)
		}
		text := report.Text()
		if before, after := strings.Index(text, "would allow it if"), strings.Index(text, "this would allow it"); before < 0 || after < before {
			t.Errorf("%s: the conditions do not come before the statement:\n%s", name, text)
		}
		q.Context = c.give
		if again := explained(t, q, identity(allowIf(t, "p", c.conditions))); !again.Allowed() {
			t.Errorf("%s: denied although the conditions hold", name)
		}
	}
}

// TestExplainUnmetOfNamesakes tells two policies of one name apart by what fails in them.
func TestExplainUnmetOfNamesakes(t *testing.T) {
	t.Parallel()
	q := policy.Question{Principal: user, Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k"}
	given := iam.PolicySet{
		Identity: []*iam.Policy{allowIf(t, "p", `{"Null":{"a:k":"true"}}`)},
		Boundary: allowIf(t, "p", `{"StringEquals":{"a:k":"v"}}`),
	}
	report := explained(t, q, given)
	want := []policy.Condition{{Operator: "StringEquals", Key: "a:k", Values: []string{"v"}}}
	if len(report.Near) == 0 || report.Near[0].Layer != "boundary" || cmp.Diff(want, report.Near[0].Unmet) != "" {
		t.Errorf("got %+v", report.Near)
	}
}

// TestExplainDenial says what of a deny matched, and what is missing besides.
func TestExplainDenial(t *testing.T) {
	t.Parallel()
	deny := compiled(t, "scp", `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
		{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-1","aws:PrincipalAccount":"444455556666"}}}]}`)
	q := policy.Question{Principal: user, Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k"}
	for name, c := range map[string]struct {
		identity []*iam.Policy
		missing  []string
		text     string
	}{
		"the deny alone": {[]*iam.Policy{iam.AllowAll("all")}, nil, "without it the request would be allowed\n"},
		"nothing allows": {nil, []string{"identity"}, "without it the request would still not be allowed by the identity policies\n"},
	} {
		report := explained(t, q, iam.PolicySet{Identity: c.identity, SCPs: [][]*iam.Policy{{deny}}})
		if report.Decision != "ExplicitlyDenied" || len(report.Decisive) != 1 {
			t.Errorf("%s: got %+v", name, report)
			continue
		}
		want := []policy.Condition{
			{Operator: "StringNotEquals", Key: "aws:SourceVpce", Values: []string{"vpce-1"}},
			{Operator: "StringNotEquals", Key: "aws:PrincipalAccount", Values: []string{"444455556666"}, Has: []string{"111122223333"}},
		}
		if diff := cmp.Diff(want, report.Decisive[0].Conditions); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(c.missing, report.Missing); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if !strings.Contains(report.Text(), c.text) {
			t.Errorf("%s: %s", name, report.Text())
		}
	}
}

// TestExplainUnknownAction offers nothing for an action that does not exist.
func TestExplainUnknownAction(t *testing.T) {
	t.Parallel()
	q := policy.Question{Principal: user, Action: "ssm:SendComand", Resource: "*"}
	report := explained(t, q, identity())
	if len(report.Remedies) > 0 || len(report.Closest) == 0 || !strings.Contains(report.Text(), "no statement is offered") {
		t.Errorf("got %s", report.Text())
	}
	q.Resource = ""
	if _, err := policy.Ask(q, identity()); err == nil || !strings.Contains(err.Error(), "did you mean ssm:SendCommand") {
		t.Errorf("without a resource: %v", err)
	}
}

// TestExplainListsWhatIsRead lists a key that was filled in where a policy reads it, in whatever way.
func TestExplainListsWhatIsRead(t *testing.T) {
	t.Parallel()
	q := policy.Question{Principal: user, Action: "s3:GetObject", Resource: "arn:aws:s3:::b/ann"}
	for text, want := range map[string][]string{
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`:                                                                        nil,
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/${AWS:username}"}}`:                                           {"aws:username"},
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"AWS:PrincipalType":"User"}}}}`:              {"aws:PrincipalType"},
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLike":{"a:k":"${aws:PrincipalAccount, 'nobody'}"}}}}`: {"aws:PrincipalAccount"},
	} {
		var got []string
		for _, f := range explained(t, q, identity(compiled(t, "p", text))).Filled {
			got = append(got, f.Key)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// TestAskChecksPrincipals refuses policies of the wrong kind, with their place.
func TestAskChecksPrincipals(t *testing.T) {
	t.Parallel()
	with := compiled(t, "with", `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`)
	without := compiled(t, "without", `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	mixed := compiled(t, "mixed", `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","NotPrincipal":{"AWS":"111122223333"},"Action":"*","Resource":"*"}]}`)
	q := policy.Question{Principal: user, Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k"}
	for name, c := range map[string]struct {
		set iam.PolicySet
		bad string // the policy that is refused
	}{
		"identity":         {iam.PolicySet{Identity: []*iam.Policy{without, with}}, "with"},
		"boundary":         {iam.PolicySet{Boundary: with}, "with"},
		"session":          {iam.PolicySet{Session: []*iam.Policy{mixed}}, "mixed"},
		"scp":              {iam.PolicySet{SCPs: [][]*iam.Policy{{without}, {without, with}}}, "with"},
		"trust":            {iam.PolicySet{Trust: mixed}, "mixed"},
		"resource":         {iam.PolicySet{Resource: without}, "without"},
		"rcp":              {iam.PolicySet{RCPs: [][]*iam.Policy{{with, without}}}, "without"},
		"vpce":             {iam.PolicySet{Endpoint: without}, "without"},
		"right everywhere": {iam.PolicySet{Identity: []*iam.Policy{without}, Resource: mixed, Trust: with, Endpoint: with, RCPs: [][]*iam.Policy{{with}}}, ""},
	} {
		_, err := policy.Ask(q, c.set)
		var found *iam.SyntaxError
		if bad := errors.As(err, &found); bad != (c.bad != "") || bad && (found.File != c.bad || found.Line != 1 || found.Column < 15) {
			t.Errorf("%s: got %v, want one about %q", name, err, c.bad)
		}
	}
}
