package proof

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
)

// escalate proves, and looks for ways by which roles reach more than they hold.
func escalate(t *testing.T, p *plan.Plan, roles []Role) *Result {
	t.Helper()
	r := prove(t, p, roles)
	if err := r.Escalate(p, roles); err != nil {
		t.Fatal(err)
	}
	return r
}

func pathsOf(r *Result) (paths []string) {
	for _, e := range r.Escalations {
		paths = append(paths, e.Path)
	}
	return paths
}

// twoStages is a plan whose second stage has nodes of other tags in the same account.
func twoStages(r *release.Release) {
	prod := r.Stages[0]
	prod.Name = "prod"
	prod.Targets.Tags = []release.Tag{{Key: "App", Values: []string{"web"}}, {Key: "Env", Values: []string{"prod"}}}
	r.Stages = append(r.Stages, prod)
}

func TestR116WhatThePlanCallsForIsNoEscalation(t *testing.T) {
	t.Parallel()
	managed := func(r *release.Release) {
		r.Stages[0].Targets.Instances = append(r.Stages[0].Targets.Instances, "mi-1234567890abcdef0")
	}
	plans := map[string]*plan.Plan{
		"trap": trapPlan(t), "web": webPlan(t), "split": webPlan(t, split), "managed nodes": trapPlan(t, managed),
		"no CI": webPlan(t, func(r *release.Release) { r.CI = release.CI{} }), "two stages": webPlan(t, twoStages),
	}
	for name, p := range plans {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			roles := granted(t, p)
			if r := escalate(t, p, roles); r.Verdict != Proved || r.Exit() != 0 || len(r.Escalations) > 0 {
				t.Errorf("got %s with %q", r.Verdict, pathsOf(r))
			}
		})
	}
}

func TestR116ARoleThatReachesMoreIsRefuted(t *testing.T) {
	t.Parallel()
	const (
		other  = " of account 123456789012"
		deploy = "arn:aws:iam::123456789012:role/slipway/synap-live-Deploy"
	)
	tests := map[string]struct {
		statement string
		want      []string
	}{
		"nothing of it": {`{"Effect": "Allow", "Action": ["s3:*", "ec2:RunInstances", "ssm:List*"], "Resource": "*"}`, nil},
		"its own nodes": {`{"Effect": "Allow", "Action": "ssm:StartSession", "Resource": "arn:aws:ec2:*:*:instance/i-1234567890abcdef0"}`, nil},
		"passes any role": {`{"Effect": "Allow", "Action": ["iam:PassRole", "ec2:RunInstances"], "Resource": "*"}`,
			[]string{"iam:PassRole + ec2:RunInstances → any other role" + other + " (if ec2.amazonaws.com may assume it)"}},
		"its own policy": {`{"Effect": "Allow", "Action": "iam:PutRolePolicy", "Resource": "` + deploy + `"}`,
			[]string{"iam:PutRolePolicy on itself → everything in account 123456789012"}},
		"the nodes' policy": {`{"Effect": "Allow", "Action": "iam:AttachRolePolicy", "Resource": "arn:aws:iam::*:role/slipway/*-Node"}`,
			[]string{"iam:AttachRolePolicy → synap-live-Node", "iam:AttachRolePolicy → arn:aws:iam::*:role/slipway/*-Node",
				"iam:AttachRolePolicy + ssm:SendCommand on synap-live-Node → everything in account 123456789012"}},
		"a policy version": {`{"Effect": "Allow", "Action": "iam:CreatePolicyVersion", "Resource": "arn:aws:iam::123456789012:policy/a"}`,
			[]string{"iam:CreatePolicyVersion on arn:aws:iam::123456789012:policy/a → whoever has it"}},
		"a trust policy": {`{"Effect": "Allow", "Action": "iam:UpdateAssumeRolePolicy", "Resource": "arn:aws:iam::123456789012:role/Admin"}`,
			[]string{"iam:UpdateAssumeRolePolicy → arn:aws:iam::123456789012:role/Admin"}},
		"a role elsewhere": {`{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::999999999999:role/Admin"}`,
			[]string{"sts:AssumeRole → arn:aws:iam::999999999999:role/Admin (if its trust policy allows it)"}},
		"another node": {`{"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "arn:aws:ec2:*:*:instance/i-9*"}`,
			[]string{"ssm:SendCommand on node i-9* → its role"}},
		"on an unknown condition": {`{"Effect": "Allow", "Action": "iam:PutRolePolicy", "Resource": "` + deploy + `", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}`,
			[]string{"iam:PutRolePolicy on itself → everything in account 123456789012 (if aws:SourceIp)"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want []string
			for _, text := range test.want {
				want = append(want, "synap-live-Deploy → "+text)
			}
			r := escalate(t, trapPlan(t), deployWith(t, test.statement))
			if diff := cmp.Diff(want, pathsOf(r), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			if refuted := r.Verdict == Refuted && r.Exit() == 1; refuted != (len(want) > 0) {
				t.Errorf("got %s, exit %d", r.Verdict, r.Exit())
			}
		})
	}
}

func TestR116OneStageReachesAnother(t *testing.T) {
	t.Parallel()
	const prodRole = "arn:aws:iam::111111111111:role/slipway/web-prod-Deploy"
	tests := map[string]struct{ statement, trust, want string }{
		"its nodes": {`{"Effect": "Allow", "Action": "ssm:StartSession", "Resource": "*", "Condition": {"StringEquals": {"ssm:resourceTag/App": "web"}}}`, "",
			"web-dev-Deploy → ssm:StartSession on node with App=web, Env=prod → web-prod-Node"},
		"its role": {`{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "` + prodRole + `"}`,
			`{"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole"}`,
			"web-dev-Deploy → sts:AssumeRole → web-prod-Deploy"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := webPlan(t, twoStages)
			roles := granted(t, p)
			for i := range roles {
				switch {
				case roles[i].Name == "web-dev-Deploy":
					extra := document(t, "policy-extra.json", `{"Version": "2012-10-17", "Statement": [`+test.statement+`]}`)
					roles[i].Policies = append(roles[i].Policies, extra)
				case roles[i].Name == "web-prod-Deploy" && test.trust != "":
					trust := document(t, "trust.json", `{"Version": "2012-10-17", "Statement": [`+test.trust+`]}`)
					roles[i].Trust.Statements = append(roles[i].Trust.Statements, trust.Statements...)
				}
			}
			r := escalate(t, p, roles)
			if !slices.Contains(pathsOf(r), test.want) || r.Exit() != 1 {
				t.Errorf("exit %d, got %q", r.Exit(), pathsOf(r))
			}
		})
	}
}

// TestR116ABoundaryStops: what the boundary does not allow is no way.
func TestR116ABoundaryStops(t *testing.T) {
	t.Parallel()
	roles := deployWith(t, `{"Effect": "Allow", "Action": "*", "Resource": "*"}`)
	boundary := func(src string) *iam.Document {
		return document(t, "boundary.json", `{"Version": "2012-10-17", "Statement": [`+src+`]}`)
	}
	roles[0].Boundary = boundary(`{"Effect": "Allow", "NotAction": ["iam:*", "sts:*", "ec2:Create*"], "Resource": "*"},
		{"Effect": "Deny", "Action": ["ssm:*Session", "ssm:*Association", "ec2:ModifyInstanceAttribute", "ec2-instance-connect:*"], "Resource": "*"},
		{"Effect": "Deny", "Action": "ssm:SendCommand", "NotResource": ["arn:aws:ec2:*:*:instance/i-1234567890abcdef0", "arn:aws:ssm:*:*:document/*"]}`)
	left := escalate(t, trapPlan(t), roles)
	for _, path := range pathsOf(left) {
		if strings.Contains(path, "iam:") || strings.Contains(path, "SendCommand") || strings.Contains(path, "sts:") {
			t.Errorf("got %s", path)
		}
	}
	roles[0].Boundary = nil
	if free := escalate(t, trapPlan(t), roles); len(free.Escalations) <= len(left.Escalations) {
		t.Errorf("without the boundary: %q, with it: %q", pathsOf(free), pathsOf(left))
	}
}

func TestR116TheResultTellsThePath(t *testing.T) {
	t.Parallel()
	p := trapPlan(t)
	r := escalate(t, p, deployWith(t, `{"Sid": "Launch", "Effect": "Allow", "Action": ["iam:PassRole", "ec2:RunInstances"], "Resource": "*"}`))
	for _, want := range []string{
		"refuted: 1 way by which a role reaches more than it holds\n",
		"path    synap-live-Deploy → iam:PassRole + ec2:RunInstances → any other role of account",
		"by      statement Launch in policy-extra.json:1:41\n",
		"see     https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html\n",
	} {
		if !strings.Contains(r.Text(), want) {
			t.Errorf("no %q in:\n%s", want, r.Text())
		}
	}
	src, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Verdict     string
		Calls       []CallResult
		Escalations []struct {
			Stage, Role, Reaches, Path string
			Steps                      []struct {
				Calls, Statements []string
			}
		}
	}
	if err := json.Unmarshal(src, &got); err != nil {
		t.Fatal(err)
	}
	if got.Verdict != "refuted" || len(got.Calls) == 0 || len(got.Escalations) != 1 || len(got.Escalations[0].Steps) != 1 {
		t.Fatalf("got %s", src)
	}
	e := got.Escalations[0]
	wantCalls := []string{"iam:PassRole on arn:aws:iam::123456789012:role/*", "ec2:RunInstances on "}
	if e.Stage != "live" || e.Reaches != "arn:aws:iam::123456789012:role/*" || len(e.Steps[0].Calls) != 2 ||
		e.Steps[0].Calls[0] != wantCalls[0] || !strings.HasPrefix(e.Steps[0].Calls[1], wantCalls[1]) ||
		!slices.Equal(e.Steps[0].Statements, []string{"statement Launch in policy-extra.json:1:41"}) {
		t.Errorf("got %+v", e)
	}
	green, err := json.Marshal(escalate(t, p, granted(t, p)))
	if err != nil || strings.Contains(string(green), "escalations") {
		t.Errorf("a result without escalations: %v, %s", err, green)
	}
}
