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
		found, err := policy.Compare(side(t, "old", c.old), side(t, "new", c.new), c.anyAction)
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
		found, err := policy.Compare(c.old, c.new, false)
		if err != nil || found.Exit() != c.want {
			t.Errorf("%s: want exit %d: %v\n%s", name, c.want, err, found.Text())
		}
	}
}

func TestCompareKinds(t *testing.T) {
	t.Parallel()
	_, err := policy.Compare(side(t, "old", allowAll), side(t, "new", trusting(user)), false)
	if err == nil || !strings.Contains(err.Error(), "new names principals and old does not") {
		t.Errorf("got %v", err)
	}
	found, err := policy.Compare(side(t, "old", trusting(user)), side(t, "new", trusting("*")), false)
	if err != nil || found.Exit() != 1 || !strings.Contains(found.Text(), "sts:AssumeRole") || !strings.Contains(found.Text(), " by ") {
		t.Errorf("a trust policy that is opened: %v\n%s", err, found.Text())
	}
}
