package proof_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/managed"
	"github.com/slipway-cd/slipway/internal/proof"
)

// trapExample is the example of the two roles, with one role changed.
func trapExample(t *testing.T, name string, change func(*proof.Role)) (example, []proof.Role) {
	t.Helper()
	for _, e := range examples(t) {
		if e.name != "two-roles-trap/live" {
			continue
		}
		list := slices.Clone(e.roles)
		for i := range list {
			if strings.HasSuffix(list[i].Name, name) {
				list[i].Policies = slices.Clone(list[i].Policies)
				change(&list[i])
			}
		}
		return e, list
	}
	t.Fatal("no example two-roles-trap")
	return example{}, nil
}

func surplusOf(t *testing.T, e example, given []proof.Role) []proof.Surplus {
	t.Helper()
	r, err := proof.Prove(e.plan, given)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Weigh(e.plan, given, e.roles); err != nil {
		t.Fatal(err)
	}
	return r.Surplus
}

func parsed(t *testing.T, name, text string) *iam.Document {
	t.Helper()
	d, err := iam.Parse(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestR038WhatAmazonSSMManagedInstanceCoreGivesBeyondNeed: the policy is a start, and what of it no deploy needs is summed up.
func TestR038WhatAmazonSSMManagedInstanceCoreGivesBeyondNeed(t *testing.T) {
	t.Parallel()
	core, ok := managed.Lookup(managed.Prefix + "AmazonSSMManagedInstanceCore")
	if !ok {
		t.Fatal("the policy is not known")
	}
	e, given := trapExample(t, "-Node", func(r *proof.Role) { r.Policies = append(r.Policies, core.Document()) })
	found := surplusOf(t, e, given)
	var idle []string
	for _, s := range found {
		if s.Policy != core.Name || !strings.HasSuffix(s.Role, "-Node") {
			t.Errorf("told elsewhere: %+v", s)
		}
		if s.Kind == proof.SurplusAction {
			idle = append(idle, s.Actions...)
		}
	}
	for _, want := range []string{"ssm:GetParameter", "ssm:GetParameters", "ssm:PutInventory", "ssm:PutComplianceItems", "ssm:PutConfigurePackageResult", "ssm:GetManifest"} {
		if !slices.Contains(idle, want) {
			t.Errorf("%s is not told", want)
		}
	}
	for _, needed := range []string{"ssm:UpdateInstanceInformation", "ssmmessages:OpenControlChannel", "ec2messages:GetMessages"} {
		if slices.Contains(idle, needed) {
			t.Errorf("%s is needed, and told", needed)
		}
	}
}

// TestR037AnInstanceRoleHoldsLittleElse: D2's own example has whole services with a star.
func TestR037AnInstanceRoleHoldsLittleElse(t *testing.T) {
	t.Parallel()
	e, given := trapExample(t, "-Node", func(r *proof.Role) {
		r.Policies = []*iam.Document{parsed(t, "instance.json", `{"Version": "2012-10-17", "Statement": [
			{"Sid": "Required", "Effect": "Allow", "Action": ["ssm:UpdateInstanceInformation", "ssm:ListInstanceAssociations", "ssmmessages:*", "ec2messages:*"], "Resource": "*"}]}`)}
	})
	var actions, wider []string
	for _, s := range surplusOf(t, e, given) {
		switch s.Kind {
		case proof.SurplusAction:
			actions = append(actions, s.Actions...)
		case proof.SurplusResource:
			wider = append(wider, s.Actions...)
		}
	}
	slices.Sort(actions)
	slices.Sort(wider)
	if want := []string{"ssmmessages:CreateDataChannel", "ssmmessages:OpenDataChannel"}; !slices.Equal(actions, want) {
		t.Errorf("got %v, want %v", actions, want)
	}
	if want := []string{"ssm:ListInstanceAssociations", "ssm:UpdateInstanceInformation"}; !slices.Equal(wider, want) {
		t.Errorf("got %v, want %v", wider, want)
	}
}

// TestSurplusIsWhatIsReallyHeld: what the role's own Deny statements or its boundary take away is none, and nor is what gives
// nothing; what nobody can see is said to be unknown.
func TestSurplusIsWhatIsReallyHeld(t *testing.T) {
	t.Parallel()
	more := func(statements ...string) func(*proof.Role) {
		return func(r *proof.Role) {
			r.Policies = append(r.Policies, parsed(t, "more.json", `{"Version": "2012-10-17", "Statement": [`+strings.Join(statements, ",")+`]}`))
		}
	}
	const buckets = `{"Sid": "Buckets", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}`
	tests := map[string]struct {
		change func(*proof.Role)
		want   []proof.SurplusKind
	}{
		"held":                     {more(buckets), []proof.SurplusKind{proof.SurplusAction}},
		"denied":                   {more(buckets, `{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}`), nil},
		"denied in part":           {more(buckets, `{"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::a/*"}`), []proof.SurplusKind{proof.SurplusAction}},
		"something else is denied": {more(buckets, `{"Effect": "Deny", "Action": "s3:Get*", "Resource": "*"}`), []proof.SurplusKind{proof.SurplusAction}},
		"no action of AWS":         {more(`{"Effect": "Allow", "Action": "s3:PutObjekt", "Resource": "*"}`), nil},
		"on nothing":               {more(`{"Effect": "Allow", "Action": "ssm:DescribeParameters", "Resource": "arn:aws:ssm:eu-west-1:123456789012:parameter/x"}`), nil},
		"AWS's own name of everything": {more(`{"Effect": "Allow", "Action": "ssm:GetCommandInvocation",
			"Resource": "arn:aws:ssm:us-east-1:123456789012:*"}`), nil},
		"all but": {more(`{"Effect": "Allow", "NotAction": ["ssm:*", "ec2:*"], "Resource": "*"}`), []proof.SurplusKind{proof.SurplusAction}},
		"on all but": {more(`{"Effect": "Allow", "Action": "ssm:SendCommand", "NotResource": "arn:aws:ssm:*:*:document/AWS-*"}`),
			[]proof.SurplusKind{proof.SurplusResource}},
		"a boundary that takes it away": {func(r *proof.Role) {
			more(buckets)(r)
			r.Boundary = parsed(t, "boundary.json", `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["ssm:*", "ec2:*"], "Resource": "*"}}`)
		}, nil},
		"a boundary that does not": {func(r *proof.Role) {
			more(buckets)(r)
			r.Boundary = parsed(t, "boundary.json", `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}`)
		}, []proof.SurplusKind{proof.SurplusAction}},
		"a policy that nobody gave":      {func(r *proof.Role) { r.Unknown = []proof.Unknown{{What: "x"}} }, []proof.SurplusKind{proof.SurplusUnknown}},
		"an unknown boundary gives none": {func(r *proof.Role) { r.Unknown = []proof.Unknown{{What: "x", Layer: iam.LayerBoundary}} }, nil},
		"a value that only a deploy knows": {func(r *proof.Role) {
			r.Policies = append(r.Policies, &iam.Document{Name: "template.yaml", Version: iam.Version2012, Statements: []iam.Statement{
				{Sid: "Buckets", Effect: iam.Allow, Actions: []string{"s3:PutObject"}, Resources: []string{iam.Intrinsic(`{"Ref": "Bucket"}`)}}}})
		}, []proof.SurplusKind{proof.SurplusUnknown}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, given := trapExample(t, "-Deploy", test.change)
			var got []proof.SurplusKind
			for _, s := range surplusOf(t, e, given) {
				got = append(got, s.Kind)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %+v, want %v", surplusOf(t, e, given), test.want)
			}
		})
	}
}

// TestSurplusWithoutItsBoundary: a role that lacks the boundary that the release demands is not exactly what is needed.
func TestSurplusWithoutItsBoundary(t *testing.T) {
	t.Parallel()
	bounded := parsed(t, "boundary.json", `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}`)
	for name, test := range map[string]struct {
		demanded bool
		change   func(*proof.Role)
		want     []proof.SurplusKind
	}{
		"none is demanded": {false, func(*proof.Role) {}, nil},
		"it lacks it":      {true, func(*proof.Role) {}, []proof.SurplusKind{proof.SurplusBoundary}},
		"it has one":       {true, func(r *proof.Role) { r.Boundary = bounded }, nil},
		"it has one, unread": {true, func(r *proof.Role) {
			r.Unknown = []proof.Unknown{{What: "x", Layer: iam.LayerBoundary}}
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, given := trapExample(t, "-Deploy", test.change)
			for i := range e.plan.Stages {
				for j := range e.plan.Stages[i].Roles {
					if r := &e.plan.Stages[i].Roles[j]; test.demanded && strings.HasSuffix(r.Name, "-Deploy") {
						r.Boundary = "arn:aws:iam::" + r.Account + ":policy/limits"
					}
				}
			}
			var got []proof.SurplusKind
			for _, s := range surplusOf(t, e, given) {
				got = append(got, s.Kind)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
