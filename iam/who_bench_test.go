package iam_test

import (
	"fmt"
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

// manyRoles makes roles as accounts have them: each with an inline policy of its own and one to three managed
// policies, which are shared when shared > 0 and its own otherwise, under one service control policy.
func manyRoles(tb testing.TB, n, shared int) []iam.Subject {
	tb.Helper()
	compile := func(d *iam.Document) *iam.Policy {
		p, err := iam.Compile(d)
		if err != nil {
			tb.Fatal(err)
		}
		return p
	}
	var pool []*iam.Policy
	for i := range shared {
		pool = append(pool, compile(managed(i)))
	}
	scps := [][]*iam.Policy{{iam.AllowAll("FullAWSAccess")}, {iam.AllowAll("FullAWSAccess"), compile(guardrail())}}
	subjects := make([]iam.Subject, n)
	for i := range subjects {
		name := fmt.Sprintf("app%d-live-Deploy", i)
		set := &iam.PolicySet{Identity: []*iam.Policy{compile(inline(i))}, SCPs: scps}
		for j := range 1 + i%3 {
			if shared > 0 {
				set.Identity = append(set.Identity, pool[(i*7+j*31)%shared])
			} else {
				set.Identity = append(set.Identity, compile(managed(i*3+j)))
			}
		}
		subjects[i] = iam.Subject{
			Principal: iam.Principal{
				ARN: "arn:aws:sts::" + home + ":assumed-role/" + name + "/run", RoleARN: "arn:aws:iam::" + home + ":role/" + name, Account: home,
			},
			Policies: set,
			Context: map[string][]string{
				"aws:PrincipalArn": {"arn:aws:iam::" + home + ":role/" + name}, "aws:PrincipalAccount": {home},
				"aws:PrincipalTag/app": {fmt.Sprintf("app%d", i)},
			},
		}
	}
	return subjects
}

// deployActions are what a deploy role may do, by purpose.
var deployActions = [][]string{
	{"ssm:SendCommand", "ssm:GetCommandInvocation", "ssm:ListCommandInvocations", "ssm:ListCommands", "ssm:CancelCommand"},
	{"ec2:DescribeInstances", "ec2:DescribeTags", "sts:AssumeRole", "sts:TagSession", "iam:PassRole"},
	{"s3:GetObject", "s3:PutObject", "s3:ListBucket", "logs:GetLogEvents", "logs:FilterLogEvents"},
}

// inline is what only role i may do.
func inline(i int) *iam.Document {
	d := &iam.Document{Name: "inline", Version: iam.Version2012}
	for _, actions := range deployActions {
		d.Statements = append(d.Statements, iam.Statement{
			Effect: iam.Allow, Actions: actions[:2+i%4],
			Resources: []string{
				fmt.Sprintf("arn:aws:ssm:eu-west-1:%s:document/app%d-*", home, i),
				fmt.Sprintf("arn:aws:ec2:eu-west-1:%s:instance/i-%08x", home, i%10),
			},
		})
	}
	return d
}

// managed is the i-th managed policy: five statements, about some of a dozen services.
func managed(i int) *iam.Document {
	services := []string{"ssm", "s3", "ec2", "logs", "kms", "sqs", "dynamodb", "lambda", "ecr", "cloudwatch", "sns", "iam"}
	d := &iam.Document{Name: fmt.Sprintf("managed-%d", i), Version: iam.Version2012}
	for j := range 5 {
		service := services[(i+j*5)%len(services)]
		st := iam.Statement{
			Effect: iam.Allow, Actions: []string{service + ":Get*", service + ":List*", service + ":Describe*", service + ":SendCommand"},
			Resources: []string{fmt.Sprintf("arn:aws:%s:*:*:*/app%d*", service, i%50), "arn:aws:ec2:*:*:instance/*"},
		}
		if j == i%5 {
			st.Conditions = []iam.Condition{{Operator: "StringEquals", Key: "aws:ResourceTag/app", Values: []string{"${aws:PrincipalTag/app}"}}}
		}
		d.Statements = append(d.Statements, st)
	}
	return d
}

// guardrail is a service control policy that spares one role.
func guardrail() *iam.Document {
	return &iam.Document{Name: "guardrail", Version: iam.Version2012, Statements: []iam.Statement{
		{
			Effect: iam.Deny, Actions: []string{"iam:*", "organizations:*"}, Resources: []string{"*"},
			Conditions: []iam.Condition{{Operator: "ArnNotLike", Key: "aws:PrincipalArn", Values: []string{"arn:aws:iam::*:role/admin"}}},
		},
		{Effect: iam.Deny, Actions: []string{"ssm:SendCommand"}, Resources: []string{"arn:aws:ec2:*:*:instance/i-00000007"}},
	}}
}

// manyCalls are five actions on ten resources each.
func manyCalls() []iam.Call {
	var calls []iam.Call
	for _, action := range []string{"ssm:SendCommand", "ssm:GetCommandInvocation", "ec2:DescribeInstances", "s3:GetObject", "iam:PassRole"} {
		for i := range 10 {
			c := iam.Call{Action: action, Account: home, Resource: fmt.Sprintf("arn:aws:ec2:eu-west-1:%s:instance/i-%08x", home, i)}
			if i%2 == 1 {
				c.Resource = fmt.Sprintf("arn:aws:ssm:eu-west-1:%s:document/app%d-release", home, i)
			}
			if i%3 == 0 {
				c.Context = map[string][]string{"aws:ResourceTag/app": {fmt.Sprintf("app%d", i)}}
			}
			calls = append(calls, c)
		}
	}
	return calls
}

// BenchmarkWhoCan answers 5,000 roles × 5 actions × 10 resources.
func BenchmarkWhoCan(b *testing.B) {
	for name, shared := range map[string]int{"Shared": 200, "Distinct": 0} {
		b.Run(name, func(b *testing.B) {
			subjects, calls := manyRoles(b, 5000, shared), manyCalls()
			b.ReportAllocs()
			for b.Loop() {
				iam.WhoCan(subjects, calls)
			}
		})
	}
}
