package iam_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

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

// TestAllowedNeverAllocates asks about whatever the generators draw: all layers and kinds of caller, and all operators but
// those for which a value of the wrong type costs an error.
func TestAllowedNeverAllocates(t *testing.T) {
	draw := rapid.Custom(func(t *rapid.T) scenario { return scenario{drawDocuments(t), drawRequest(t)} })
	seen := map[bool]int{}
	for i := range 300 {
		s := draw.Example(i)
		s.docs.drop("Date", "IpAddress", "NotIpAddress")
		set, err := compileDocuments(s.docs)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(1, func() { seen[set.Allowed(s.request)]++ }); n != 0 {
			show(t, s.docs, s.request)
			t.Fatalf("Allowed makes %v allocations", n)
		}
	}
	if seen[true] == 0 || seen[false] == 0 {
		t.Errorf("not all answers were given: %v", seen)
	}
}

// drop takes the conditions whose operator begins so out of the documents.
func (docs documents) drop(operators ...string) {
	for _, levels := range docs {
		for _, d := range slices.Concat(levels...) {
			for i := range d.Statements {
				st := &d.Statements[i]
				st.Conditions = slices.DeleteFunc(st.Conditions, func(c iam.Condition) bool {
					return slices.ContainsFunc(operators, func(prefix string) bool { return strings.HasPrefix(bareOperator(c.Operator), prefix) })
				})
			}
		}
	}
}

// TestCompiledIsFarFasterThanReference is the gate on speed: a machine's own speed does not matter to a ratio.
func TestCompiledIsFarFasterThanReference(t *testing.T) {
	const (
		least  = 100
		rounds = 5
	)
	set, docs := deployRole(t), deployDocuments(t)
	for name, r := range deployRequests() {
		compiled, slow := time.Hour, time.Hour
		for range rounds {
			compiled = min(compiled, timePer(2000, func() { set.Evaluate(r) }))
			slow = min(slow, timePer(2, func() { (&reference{docs, r}).verdict() }))
		}
		ratio := float64(slow) / float64(max(compiled, 1))
		t.Logf("%s: %s, the reference %s: %.0f times", name, compiled, slow, ratio)
		if ratio < least {
			t.Errorf("%s: only %.0f times as fast as the reference, want %d", name, ratio, least)
		}
	}
}

// timePer is the time of one of n runs.
func timePer(n int, f func()) time.Duration {
	start := time.Now()
	for range n {
		f()
	}
	return time.Since(start) / time.Duration(n)
}

// deployDocuments is the deploy role for the reference.
func deployDocuments(tb testing.TB) documents {
	tb.Helper()
	level := []*iam.Document{}
	for _, p := range deployRole(tb).Identity {
		level = append(level, p.Document())
	}
	return documents{iam.LayerIdentity: {level}}
}

// BenchmarkReference shows what compiling is worth.
func BenchmarkReference(b *testing.B) {
	docs := deployDocuments(b)
	for name, r := range deployRequests() {
		b.Run(name, func(b *testing.B) {
			ref := &reference{docs, r}
			for b.Loop() {
				ref.verdict()
			}
		})
	}
}

// sixKilobytes is a document of as many statements of the deploy role, in turn, as AWS takes in a managed policy: "the
// size of each managed policy cannot exceed 6,144 characters" (reference_iam-quotas.html).
func sixKilobytes(tb testing.TB) *iam.Document {
	tb.Helper()
	const most = 6144
	d := &iam.Document{Name: "six-kilobytes", Version: iam.Version2012}
	for _, p := range deployRole(tb).Identity {
		for _, st := range p.Document().Statements {
			d.Statements = append(d.Statements, st)
			if minifiedSize(tb, d) > most {
				d.Statements = d.Statements[:len(d.Statements)-1]
				return d
			}
		}
	}
	tb.Fatal("the deploy role is smaller than that")
	return nil
}

func minifiedSize(tb testing.TB, d *iam.Document) int {
	tb.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, d.JSON()); err != nil {
		tb.Fatal(err)
	}
	return out.Len()
}

func BenchmarkCompile(b *testing.B) {
	d := sixKilobytes(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := iam.Compile(d); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	source := sixKilobytes(b).JSON()
	b.SetBytes(int64(len(source)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := iam.Parse("p", source); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExplain(b *testing.B) {
	set, r := deployRole(b), deployRequests()["ImplicitlyDenied"]
	b.ReportAllocs()
	for b.Loop() {
		set.Explain(r)
	}
}
