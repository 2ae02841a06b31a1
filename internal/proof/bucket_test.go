package proof

import (
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/roles"
)

// recorded keeps the release's record in a bucket of another account.
func recorded(r *release.Release) {
	r.Record = &release.Record{Bucket: "web-record", AccountID: "999999999999", Region: "eu-central-1", Lease: release.DefaultLease}
	r.Stages[0].Permissions = []release.Permission{{Actions: []string{"ssm:GetParameter"}, Resources: []string{"parameter/web/*"}}}
}

func rendered(t *testing.T, p *plan.Plan) (given []Role, buckets []Bucket) {
	t.Helper()
	set, err := roles.Render(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range set.Roles {
		role := Role{Account: r.Account, Name: r.Name, Path: r.Path, Trust: r.Trust, Boundary: r.Boundary}
		for _, policy := range r.Policies {
			role.Policies = append(role.Policies, policy.Document)
		}
		given = append(given, role)
	}
	for _, u := range set.Users {
		user := Role{Account: u.Account, Name: u.Name, Path: u.Path, User: true}
		for _, a := range u.Attached {
			user.Policies = append(user.Policies, a.Document)
		}
		given = append(given, user)
	}
	for _, b := range set.Buckets {
		buckets = append(buckets, Bucket{Account: b.Account, Name: b.Name, Policy: b.Policy})
	}
	return given, buckets
}

// TestR130BothHalvesAreProved: the record of another account needs the role's policy and the bucket's.
func TestR130BothHalvesAreProved(t *testing.T) {
	t.Parallel()
	p := webPlan(t, recorded)
	put := "dev/-/Deploy/s3:PutObject"
	for name, c := range map[string]struct {
		change func(given []Role, buckets []Bucket) ([]Role, []Bucket)
		want   Verdict
		why    string
	}{
		"both": {func(r []Role, b []Bucket) ([]Role, []Bucket) { return r, b }, Proved, ""},
		"no policy of the bucket": {func(r []Role, _ []Bucket) ([]Role, []Bucket) { return r, nil }, Undecided,
			"it depends on the policy of bucket web-record, which account 999999999999 owns and nobody gave: write it as 999999999999/bucket-web-record.json"},
		"a policy of the bucket for others": {func(r []Role, b []Bucket) ([]Role, []Bucket) {
			for i := range b[0].Policy.Statements {
				b[0].Policy.Statements[i].Principals[0].Values = []string{"arn:aws:iam::111111111111:role/other"}
			}
			return r, b
		}, Refuted, "account 999999999999 owns bucket web-record, and its policy must allow it as well"},
		"neither": {func(r []Role, _ []Bucket) ([]Role, []Bucket) {
			return edit(r, func(st *iam.Statement) { drop(st, "s3:PutObject") }), nil
		}, Refuted, "no policy of the role allows it"},
		"the role lacks it": {func(r []Role, b []Bucket) ([]Role, []Bucket) {
			return edit(r, func(st *iam.Statement) { drop(st, "s3:PutObject") }), b
		}, Refuted, "no policy of the role allows it"},
		"the bucket denies an object": {func(r []Role, b []Bucket) ([]Role, []Bucket) {
			b[0].Policy.Statements = append(b[0].Policy.Statements, iam.Statement{
				Sid: "Frozen", Effect: iam.Deny, Principals: []iam.PrincipalPattern{{Kind: iam.AnyPrincipal}},
				Actions: []string{"s3:PutObject"}, Resources: []string{"arn:aws:s3:::web-record/web/dev/lock.json"},
			})
			return r, b
		}, Undecided, "web-record/web/dev/lock.json"},
		"the role writes one object": {func(r []Role, b []Bucket) ([]Role, []Bucket) {
			return edit(r, func(st *iam.Statement) {
				if st.Sid == "KeepDeployRecord" {
					st.Resources = []string{"arn:aws:s3:::web-record/web/dev/lock.json"}
				}
			}), b
		}, Undecided, "it depends on which of"},
		"another stage's prefix": {func(r []Role, b []Bucket) ([]Role, []Bucket) {
			return edit(r, func(st *iam.Statement) {
				if st.Sid == "KeepDeployRecord" {
					st.Resources = []string{"arn:aws:s3:::web-record/web/prod/*"}
				}
			}), b
		}, Refuted, "no policy of the role allows it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given, buckets := rendered(t, p)
			given, buckets = c.change(given, buckets)
			result, err := Prove(p, given, buckets...)
			if err != nil {
				t.Fatal(err)
			}
			for _, call := range result.Calls {
				if call.ID == put && (call.Verdict != c.want || !strings.Contains(call.Why, c.why)) {
					t.Errorf("%s: %q, want %s with %q", call.Verdict, call.Why, c.want, c.why)
				}
				if c.want == Proved && call.Verdict != Proved {
					t.Errorf("%s: %s: %s", call.ID, call.Verdict, call.Why)
				}
			}
		})
	}
}

func edit(given []Role, change func(*iam.Statement)) []Role {
	for _, r := range given {
		for _, d := range r.Policies {
			for i := range d.Statements {
				change(&d.Statements[i])
			}
		}
	}
	return given
}

func drop(st *iam.Statement, action string) {
	var kept []string
	for _, a := range st.Actions {
		if a != action {
			kept = append(kept, a)
		}
	}
	st.Actions = kept
	if len(kept) == 0 {
		st.Actions = []string{never}
	}
}

// TestR107OutputThatTheNodeMayNotWriteIsRefuted takes each permission to write output from the node role in turn.
func TestR107OutputThatTheNodeMayNotWriteIsRefuted(t *testing.T) {
	t.Parallel()
	p := webPlan(t, func(r *release.Release) {
		r.Stages[0].Steps[0].Command.Output = &release.Output{LogGroup: "/web", Bucket: "web-logs", Prefix: "out"}
	})
	for _, action := range []string{
		"logs:DescribeLogGroups", "logs:CreateLogGroup", "logs:DescribeLogStreams", "logs:CreateLogStream", "logs:PutLogEvents",
		"s3:PutObject", "s3:PutObjectAcl", "s3:ListBucket", "s3:GetEncryptionConfiguration",
	} {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			given, _ := rendered(t, p)
			for _, r := range given {
				if strings.HasSuffix(r.Name, "-Node") {
					edit([]Role{r}, func(st *iam.Statement) { drop(st, action) })
				}
			}
			result, err := Prove(p, given)
			if err != nil {
				t.Fatal(err)
			}
			for _, call := range result.Calls {
				if lacking := call.ID == "dev/-/Node/"+action; lacking != (call.Verdict == Refuted) {
					t.Errorf("%s: %s: %s", call.ID, call.Verdict, call.Why)
				}
			}
		})
	}
}

// TestR125WhatScriptsNeedIsProved: declared, it must be allowed; of another account, only this half can be proved.
func TestR125WhatScriptsNeedIsProved(t *testing.T) {
	t.Parallel()
	p := webPlan(t, func(r *release.Release) {
		r.Stages[0].Permissions = []release.Permission{
			{Actions: []string{"ssm:GetParameter"}, Resources: []string{"parameter/web/*"}},
			{Actions: []string{"kms:Decrypt"}, Resources: []string{"arn:aws:kms:eu-west-1:222222222222:key/abc"}},
			{Actions: []string{"kms:Encrypt"}, Resources: []string{"key/own"}},
		}
	})
	for name, c := range map[string]struct {
		resource string
		want     Verdict
	}{
		"all":     {"arn:aws:ssm:eu-west-1:111111111111:parameter/web/*", Proved},
		"wider":   {"arn:aws:ssm:*:111111111111:parameter/*", Proved},
		"one":     {"arn:aws:ssm:eu-west-1:111111111111:parameter/web/db", Undecided},
		"another": {"arn:aws:ssm:eu-west-1:111111111111:parameter/shop/*", Refuted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given, _ := rendered(t, p)
			edit(given, func(st *iam.Statement) {
				if st.Actions[0] == "ssm:GetParameter" {
					st.Resources = []string{c.resource}
				}
			})
			result, err := Prove(p, given)
			if err != nil {
				t.Fatal(err)
			}
			for _, call := range result.Calls {
				switch call.ID {
				case "dev/-/Node/ssm:GetParameter":
					if call.Verdict != c.want {
						t.Errorf("%s: %s, want %s", call.Verdict, call.Why, c.want)
					}
				case "dev/-/Node/kms:Decrypt":
					if call.Verdict != Proved || len(call.Warnings) != 1 || !strings.Contains(call.Warnings[0], "222222222222") {
						t.Errorf("%+v, want proved with a warning", call)
					}
				case "dev/-/Node/kms:Encrypt":
					if call.Verdict != Proved || len(call.Warnings) != 1 || !strings.Contains(call.Warnings[0], "the key's policy") {
						t.Errorf("%+v, want proved with a warning", call)
					}
				}
			}
		})
	}
}

// TestTheProofTellsRollouts: what is proved holds for every batch.
func TestTheProofTellsRollouts(t *testing.T) {
	t.Parallel()
	p := webPlan(t, func(r *release.Release) {
		r.Stages[0].Steps[0].Command.Rollout = &release.Rollout{Batches: []string{"1", "50%"}, MinHealthy: "2"}
	})
	given, _ := rendered(t, p)
	result, err := Prove(p, given)
	if err != nil {
		t.Fatal(err)
	}
	if want := "stage dev, step release: in batches of 1, 50%, 2 stay in service"; !strings.Contains(result.Text(), want) {
		t.Errorf("got %s, want %q in it", result.Text(), want)
	}
}

// TestAKeyThatTheRoleMayNotUseIsRefuted: that a key's policy leaves the decision to IAM does not make it.
func TestAKeyThatTheRoleMayNotUseIsRefuted(t *testing.T) {
	t.Parallel()
	p := webPlan(t, func(r *release.Release) {
		r.Stages[0].Permissions = []release.Permission{{Actions: []string{"kms:Decrypt"}, Resources: []string{"key/own"}}}
	})
	given, _ := rendered(t, p)
	edit(given, func(st *iam.Statement) { drop(st, "kms:Decrypt") })
	result, err := Prove(p, given)
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range result.Calls {
		if call.Action == "kms:Decrypt" && call.Verdict != Refuted {
			t.Errorf("%+v, want refuted", call)
		}
	}
}
