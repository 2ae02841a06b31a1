package policy_test

import (
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/policy"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	statement := func(action, resource string) string {
		return `{"Version":"2012-10-17","Statement":[{"Sid":"S","Effect":"Allow","Action":"` + action + `","Resource":"` + resource + `"}]}`
	}
	for name, c := range map[string]struct {
		old, new  string
		anyAction bool
		exit      int
		text      []string
	}{
		"the same":     {old: statement("s3:*", "*"), new: statement("s3:*", "*"), exit: 0, text: []string{"no more permissive: 0 added, 0 unclear"}},
		"narrower":     {old: statement("s3:*", "*"), new: statement("s3:Get*", "arn:aws:s3:::b/*"), exit: 0},
		"wider":        {old: statement("s3:GetObject", "*"), new: statement("s3:*Object", "*"), exit: 1, text: []string{"new:1:38 S (Allow) adds\n  s3:*Object on *\n    for example s3:"}},
		"by name only": {old: statement("ssm:SendCommand", "*"), new: statement("ssm:SendCommand*", "*"), exit: 0},
		"any action":   {old: statement("ssm:SendCommand", "*"), new: statement("ssm:SendCommand*", "*"), anyAction: true, exit: 1},
	} {
		found, err := policy.Compare(side(t, "old", c.old), side(t, "new", c.new), policy.CompareOptions{AnyAction: c.anyAction})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if found.Exit() != c.exit {
			t.Errorf("%s: exit %d, want %d\n%s", name, found.Exit(), c.exit, found.Text())
		}
		for _, want := range c.text {
			if !strings.Contains(found.Text(), want) {
				t.Errorf("%s: want %q in\n%s", name, want, found.Text())
			}
		}
	}
}

func side(t *testing.T, name, text string) policy.Side {
	t.Helper()
	return policy.Side{Policies: []*iam.Policy{compiled(t, name, text)}}
}

// TestCompareRoles compares each kind of policy of a role by itself; the worst counts.
func TestCompareRoles(t *testing.T) {
	t.Parallel()
	wide, narrow := compiled(t, "wide", allowAll), compiled(t, "narrow", allowS3)
	trust, open := compiled(t, "trust", trusting(user)), compiled(t, "open", trusting("*"))
	for name, c := range map[string]struct {
		old, new policy.Side
		want     int
	}{
		"the same":            {policy.Side{Trust: trust, Boundary: narrow}, policy.Side{Trust: trust, Boundary: narrow}, 0},
		"a boundary is added": {policy.Side{Policies: []*iam.Policy{wide}}, policy.Side{Policies: []*iam.Policy{wide}, Boundary: narrow}, 0},
		"a boundary is gone":  {policy.Side{Boundary: narrow}, policy.Side{}, 1},
		"a boundary is wider": {policy.Side{Boundary: narrow}, policy.Side{Boundary: wide}, 1},
		"trust is opened":     {policy.Side{Policies: []*iam.Policy{wide}, Trust: trust}, policy.Side{Policies: []*iam.Policy{narrow}, Trust: open}, 1},
		"trust is new":        {policy.Side{}, policy.Side{Trust: trust}, 1},
	} {
		found, err := policy.Compare(c.old, c.new, policy.CompareOptions{})
		if err != nil || found.Exit() != c.want {
			t.Errorf("%s: want exit %d: %v\n%s", name, c.want, err, found.Text())
		}
	}
}

func TestCompareKinds(t *testing.T) {
	t.Parallel()
	_, err := policy.Compare(side(t, "old", allowAll), side(t, "new", trusting(user)), policy.CompareOptions{})
	if err == nil || !strings.Contains(err.Error(), "new names principals and old does not") {
		t.Errorf("got %v", err)
	}
	found, err := policy.Compare(side(t, "old", trusting(user)), side(t, "new", trusting("*")), policy.CompareOptions{})
	if err != nil || found.Exit() != 1 || !strings.Contains(found.Text(), "sts:AssumeRole") || !strings.Contains(found.Text(), " by ") {
		t.Errorf("a trust policy that is opened: %v\n%s", err, found.Text())
	}
}

// TestCompareLiftedText names the Deny that no longer denies, and what allows instead.
func TestCompareLiftedText(t *testing.T) {
	t.Parallel()
	allow, deny := `{"Sid":"All","Effect":"Allow","Action":"*","Resource":"*"}`, `{"Sid":"NoKms","Effect":"Deny","Action":["kms:*","ssm:SendCommand"],"Resource":"*"}`
	policyOf := func(statements string) string { return `{"Version":"2012-10-17","Statement":[` + statements + `]}` }
	found, err := policy.Compare(side(t, "old", policyOf(allow+","+deny)), side(t, "new", policyOf(allow)), policy.CompareOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"old:1:97 NoKms (Deny) no longer denies\n  kms:* on *\n    for example kms:", ", now allowed by new:1:38 All (Allow)\n  ssm:SendCommand on *\n",
		"ssm:SendCommand on arn:aws:ssm:us-east-1:123456789012:document/x, now", "more permissive: 2 added, 0 unclear",
	} {
		if !strings.Contains(found.Text(), want) {
			t.Errorf("want %q in\n%s", want, found.Text())
		}
	}
	if len(found.Added) != 2 || found.Added[0].Lifted == nil || found.Added[0].Lifted.Statement != "NoKms" || found.Added[0].Statement.Statement != "All" {
		t.Errorf("%+v", found.Added)
	}
}

// TestCompareUnscopable adds an action on resources on which AWS never asks for it.
func TestCompareUnscopable(t *testing.T) {
	t.Parallel()
	statement := func(resource string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:DescribeInstances","Resource":"` + resource + `"}]}`
	}
	nothing := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"ec2:RunInstances","Resource":"*"}]}`
	for resource, exit := range map[string]int{"arn:aws:ec2:*:*:instance/*": 0, "*": 1} {
		for options, want := range map[policy.CompareOptions]int{{}: exit, {AnyAction: true}: 1} {
			found, err := policy.Compare(side(t, "old", nothing), side(t, "new", statement(resource)), options)
			if err != nil || found.Exit() != want {
				t.Errorf("%s, %+v: want exit %d: %v\n%s", resource, options, want, err, found.Text())
			}
		}
	}
}

// TestCompareSteps says what to do when the work is too much.
func TestCompareSteps(t *testing.T) {
	t.Parallel()
	found, err := policy.Compare(side(t, "old", allowS3), side(t, "new", allowS3+" "), policy.CompareOptions{Steps: 1})
	if err != nil || found.Exit() == 1 {
		t.Errorf("the same: %v\n%s", err, found.Text())
	}
	narrow := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::b/*"}]}`
	found, err = policy.Compare(side(t, "old", allowAll), side(t, "new", narrow), policy.CompareOptions{Steps: 1})
	if err != nil || found.Exit() != 3 || !strings.Contains(found.Text(), "within 1 steps of work: allow more steps") {
		t.Errorf("too few: %v\n%s", err, found.Text())
	}
}
