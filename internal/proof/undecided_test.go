package proof

import (
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

func TestPoliciesWhoseTextIsUnknownDecideNothing(t *testing.T) {
	t.Parallel()
	attached := Unknown{What: "the attached policy arn:aws:iam::123456789012:policy/more", Give: "write it as policy-more.json into the role's folder"}
	tests := map[string]struct {
		deploy  string
		unknown Unknown
		want    Verdict
		exit    int
	}{
		"what nothing else allows":      {"policy-incomplete.json", attached, Undecided, 3},
		"what another policy allows":    {"policy-full.json", attached, Undecided, 3}, // it may deny
		"a boundary, and not allowed":   {"policy-incomplete.json", Unknown{What: "the boundary x", Layer: iam.LayerBoundary}, Refuted, 1},
		"a boundary, and allowed":       {"policy-full.json", Unknown{What: "the boundary x", Layer: iam.LayerBoundary}, Undecided, 3},
		"only the trust, and entered":   {"policy-full.json", Unknown{What: "the trust policy", Layer: iam.LayerTrust}, Proved, 3},
		"only the trust, not permitted": {"policy-incomplete.json", Unknown{What: "the trust policy", Layer: iam.LayerTrust}, Refuted, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			roles := trapRoles(t, test.deploy)
			roles[0].Unknown = []Unknown{test.unknown}
			r := prove(t, trapPlan(t), roles)
			c := resultOf(t, r, getInvocation)
			if c.Verdict != test.want || r.Exit() != test.exit {
				t.Errorf("%s (%s), exit %d", c.Verdict, c.Why, r.Exit())
			}
			if c.Verdict == Undecided && !strings.Contains(c.Why, test.unknown.What+", whose text is not known") {
				t.Errorf("it does not say what is missing: %s", c.Why)
			}
			if c.Verdict == Undecided && !strings.HasSuffix(c.Why, test.unknown.Give) {
				t.Errorf("it does not say how to give it: %s", c.Why)
			}
		})
	}
}

func TestUnknownPoliciesDoNotSaveWhatIsDenied(t *testing.T) {
	t.Parallel()
	roles := deployWith(t, `{"Sid": "NoReading", "Effect": "Deny", "Action": "ssm:Get*", "Resource": "*"}`)
	roles[0].Unknown = []Unknown{{What: "the attached policy x"}}
	if c := resultOf(t, prove(t, trapPlan(t), roles), getInvocation); c.Verdict != Refuted {
		t.Errorf("%s: %s", c.Verdict, c.Why)
	}
}

func TestR053ServiceControlPoliciesAreIntersected(t *testing.T) {
	t.Parallel()
	full := `{"Effect": "Allow", "Action": "*", "Resource": "*"}`
	level := func(name string, statements ...string) []*iam.Document {
		return []*iam.Document{document(t, name, `{"Version": "2012-10-17", "Statement": [`+strings.Join(statements, ",")+`]}`)}
	}
	tests := map[string]struct {
		scps [][]*iam.Document
		want Verdict
		why  string
	}{
		"none given":     {nil, Proved, ""},
		"all is allowed": {[][]*iam.Document{level("root.json", full), level("ou.json", full)}, Proved, ""},
		"a level denies": {[][]*iam.Document{level("root.json", full), level("ou.json", full,
			`{"Sid": "Quiet", "Effect": "Deny", "Action": "ssm:Get*", "Resource": "*"}`)}, Refuted, "statement Quiet in ou.json"},
		"a level does not allow": {[][]*iam.Document{level("root.json", full), level("ou.json", `{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}`)},
			Refuted, "service control policies do not allow it"},
		"a level without policies": {[][]*iam.Document{level("root.json", full), {}}, Refuted, "service control policies do not allow it"},
		"for another region": {[][]*iam.Document{level("root.json", full,
			`{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["us-east-1"]}}}`)}, Proved, ""},
		"by an organization that nobody named": {[][]*iam.Document{level("root.json", full,
			`{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": ["o-1"]}}}`)},
			Undecided, "aws:PrincipalOrgID"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			roles := trapRoles(t, "policy-full.json")
			roles[0].SCPs = test.scps
			r := prove(t, trapPlan(t), roles)
			if c := resultOf(t, r, getInvocation); c.Verdict != test.want || !strings.Contains(c.Why, test.why) {
				t.Errorf("%s: %s", c.Verdict, c.Why)
			}
			if len(test.scps) > 0 && test.want == Refuted && len(r.Roles) > 0 && len(r.Roles[0].Add) > 0 {
				t.Errorf("a statement is offered that cannot help: %+v", r.Roles[0].Add)
			}
		})
	}
}
