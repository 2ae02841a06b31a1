package iam_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

// The operations of a deploy role, one statement each, in three policies.
var operations = [3][10]string{
	{"ssm:SendCommand", "ssm:GetCommandInvocation", "ssm:ListCommandInvocations", "ssm:ListCommands", "ssm:CancelCommand",
		"ssm:DescribeInstanceInformation", "ssm:CreateDocument", "ssm:UpdateDocument", "ssm:DescribeDocument", "ssm:ListDocumentVersions"},
	{"ec2:DescribeInstances", "ec2:DescribeTags", "sts:AssumeRole", "sts:TagSession", "iam:PassRole",
		"cloudformation:CreateChangeSet", "cloudformation:DescribeChangeSet", "cloudformation:ExecuteChangeSet",
		"cloudformation:DescribeStacks", "cloudformation:DescribeStackEvents"},
	{"s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:DeleteObject", "logs:GetLogEvents", "logs:FilterLogEvents",
		"logs:DescribeLogStreams", "ssm:StartAutomationExecution", "ssm:GetAutomationExecution", "ssm:StopAutomationExecution"},
}

// deployRole is a role of three policies with ten statements each, as a deploy role with many stages has.
func deployRole(tb testing.TB) *iam.PolicySet {
	tb.Helper()
	set := &iam.PolicySet{}
	for p := range 3 {
		d := &iam.Document{Name: fmt.Sprintf("policy-%d", p), Version: iam.Version2012}
		for _, operation := range operations[p] {
			service, name, _ := strings.Cut(operation, ":")
			d.Statements = append(d.Statements, iam.Statement{
				Sid:     name,
				Effect:  iam.Allow,
				Actions: []string{operation, operation + "s", service + ":Lookup*"},
				Resources: []string{
					"arn:aws:ec2:eu-west-1:111122223333:instance/*",
					"arn:aws:" + service + ":eu-west-1:111122223333:document/web-dev-*",
				},
				Conditions: []iam.Condition{{
					Operator: "StringEquals", Key: "ssm:resourceTag/Environment", Values: []string{"dev", "${aws:PrincipalTag/stage}"},
				}},
			})
		}
		if p == 2 {
			d.Statements[9] = iam.Statement{
				Effect: iam.Deny, Actions: []string{"iam:*", "ssm:DeleteDocument"}, Resources: []string{"*"},
			}
		}
		policy, err := iam.Compile(d)
		if err != nil {
			tb.Fatal(err)
		}
		set.Identity = append(set.Identity, policy)
	}
	return set
}

func deployRequests() map[string]*iam.Request {
	request := func(action, resource string) *iam.Request {
		return &iam.Request{
			Principal: iam.Principal{
				ARN:     "arn:aws:sts::111122223333:assumed-role/app-dev-Deploy/run",
				RoleARN: "arn:aws:iam::111122223333:role/slipway/app-dev-Deploy",
				Account: "111122223333",
			},
			Action:   action,
			Resource: resource,
			Context:  iam.NewContext(map[string][]string{"ssm:resourceTag/Environment": {"dev"}}),
		}
	}
	return map[string]*iam.Request{
		"Allowed":          request("ssm:SendCommand", "arn:aws:ssm:eu-west-1:111122223333:document/web-dev-release"),
		"ImplicitlyDenied": request("ssm:GetInventory", "*"),
		"ExplicitlyDenied": request("ssm:DeleteDocument", "arn:aws:ssm:eu-west-1:111122223333:document/web-dev-release"),
	}
}

func BenchmarkEvaluate(b *testing.B) {
	set := deployRole(b)
	for name, r := range deployRequests() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				set.Evaluate(r)
			}
		})
	}
}

func BenchmarkAllowed(b *testing.B) {
	set := deployRole(b)
	for name, r := range deployRequests() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				set.Allowed(r)
			}
		})
	}
}

// TestEvaluationDoesNotAllocate shows that neither way of asking allocates while one statement decides.
func TestEvaluationDoesNotAllocate(t *testing.T) {
	set := deployRole(t)
	for name, r := range deployRequests() {
		if n := testing.AllocsPerRun(100, func() { set.Evaluate(r) }); n != 0 {
			t.Errorf("%s: Evaluate makes %v allocations", name, n)
		}
		if n := testing.AllocsPerRun(100, func() { set.Allowed(r) }); n != 0 {
			t.Errorf("%s: Allowed makes %v allocations", name, n)
		}
		if got := set.Evaluate(r).Outcome.String(); got != name {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

// TestAllowedNeverAllocates has two decisive statements in each of several layers.
func TestAllowedNeverAllocates(t *testing.T) {
	set := policies{
		identity: allowAll + "," + allowS3, boundary: allowAll + "," + allowS3, session: allowAll, resource: to(`"*"`),
	}.compile(t)
	r := &iam.Request{Principal: session, Action: "s3:GetObject", Resource: "arn:aws:s3:::b"}
	if !set.Allowed(r) || len(set.Evaluate(r).Decisive) < 5 {
		t.Fatal("not what this test is about")
	}
	if n := testing.AllocsPerRun(100, func() { set.Allowed(r) }); n != 0 {
		t.Errorf("Allowed makes %v allocations", n)
	}
}

// BenchmarkReference shows what compiling is worth.
func BenchmarkReference(b *testing.B) {
	documents := map[iam.Layer][]*iam.Document{}
	for _, p := range deployRole(b).Identity {
		documents[iam.LayerIdentity] = append(documents[iam.LayerIdentity], p.Document())
	}
	for name, r := range deployRequests() {
		b.Run(name, func(b *testing.B) {
			ref := reference{set: documents, limited: map[iam.Layer]bool{}, request: r}
			for b.Loop() {
				ref.outcome()
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	source := deployRole(b).Identity[0].Document().JSON()
	b.SetBytes(int64(len(source)))
	for b.Loop() {
		if _, err := iam.ParsePolicy("p", source); err != nil {
			b.Fatal(err)
		}
	}
}
