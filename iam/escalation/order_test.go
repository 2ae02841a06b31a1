package escalation_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/escalation"
)

// manyRoles is a world in which each role assumes the next one, and some can do more.
func manyRoles(tb testing.TB, n int) *escalation.World {
	tb.Helper()
	w := &escalation.World{Outside: true, Nodes: []escalation.Node{{ARN: node, Role: roleARN("R0"), Tags: map[string]string{"App": "web", "Env": "dev"}}}}
	parse := func(src string) *iam.Policy {
		p, err := iam.ParsePolicy("policy", []byte(`{"Version": "2012-10-17", "Statement": [`+src+`]}`))
		if err != nil {
			tb.Fatal(err)
		}
		return p
	}
	shared := parse(allow("s3:GetObject ssm:List*", "*", `"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}`))
	trust := parse(trusts(trustsAccount, ""))
	for i := range n {
		statements := allow("sts:AssumeRole", roleARN(fmt.Sprint("R", i+1)))
		switch i % 10 {
		case 3:
			statements += "," + allow("iam:PutRolePolicy", roleARN(fmt.Sprint("R", i)), `"StringEquals": {"aws:PrincipalTag/a": "b", "aws:RequestedRegion": "c"}`)
		case 7:
			statements += "," + allow("ssm:StartSession", "*", `"StringEquals": {"ssm:resourceTag/App": "web"}`)
		}
		w.Principals = append(w.Principals, escalation.Principal{
			ARN: roleARN(fmt.Sprint("R", i)), Policies: &iam.PolicySet{Identity: []*iam.Policy{shared, parse(statements)}}, Trust: trust,
		})
	}
	return w
}

func TestR116TheOrderIsAlwaysTheSame(t *testing.T) {
	t.Parallel()
	first := texts(t, manyRoles(t, 40))
	if len(first) < 100 {
		t.Fatalf("only %d paths: this shows little", len(first))
	}
	for range 5 {
		if diff := cmp.Diff(first, texts(t, manyRoles(t, 40))); diff != "" {
			t.Fatal(diff)
		}
	}
}

// BenchmarkFind looks at 200 roles, each of which can assume the next one.
func BenchmarkFind(b *testing.B) {
	w := manyRoles(b, 200)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := escalation.Find(w); err != nil {
			b.Fatal(err)
		}
	}
}
