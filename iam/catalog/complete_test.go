package catalog

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam/catalog/internal/format"
)

// counted is how much of each kind the catalog has.
type counted struct{ Services, Actions, Resources, ARNs, Keys, TypedKeys, Dependent, Dependents, PassRole int }

func count() counted {
	var n counted
	for _, service := range Services() {
		s := load(service)
		n.Services++
		n.Actions += len(s.actions)
		n.Resources += len(s.resources)
		n.Keys += len(s.keys)
		for _, r := range s.resources {
			n.ARNs += len(r.ARNs)
		}
		for _, k := range s.keys {
			if k.Type != "" {
				n.TypedKeys++
			}
		}
		for _, a := range s.actions {
			n.Dependents += len(a.DependentActions)
			if len(a.DependentActions) > 0 {
				n.Dependent++
			}
			if slices.Contains(a.DependentActions, "iam:PassRole") {
				n.PassRole++
			}
		}
	}
	return n
}

// The numbers are those of the two packages, counted outside of this program, and of gaps.go: less means that the
// generator lost something.
func TestR074NothingIsLost(t *testing.T) {
	t.Parallel()
	want := counted{
		Services: 456, Actions: 22_091, Resources: 2_334,
		ARNs:      2_347 + 3, // and of gaps.go
		Keys:      2_578 + 8,
		TypedKeys: 2_578 + 8,
		Dependent: 1_584 + 98, Dependents: 4_141 + 111, PassRole: 250 + 105,
	}
	if diff := cmp.Diff(want, count()); diff != "" {
		t.Errorf("update these numbers together with the data (-want +got):\n%s", diff)
	}
}

// Every name that the catalog gives leads on: keys of actions and resources are keys of the service or global ones,
// dependent actions are actions, resource types have ARN patterns with the parts of an ARN.
func TestEveryReferenceLeadsOn(t *testing.T) {
	t.Parallel()
	global := map[string]bool{}
	for _, k := range GlobalKeys() {
		global[strings.ToLower(k.Name)] = true
	}
	for _, service := range Services() {
		known := map[string]bool{}
		for _, k := range ConditionKeys(service) {
			known[k.Name] = true
		}
		check := func(of string, keys []string) {
			for _, k := range keys {
				if !known[k] && !global[strings.ToLower(k)] {
					t.Errorf("%s: condition key %s is in no list", of, k)
				}
			}
		}
		s := load(service)
		for _, r := range s.resources {
			check(service+" "+r.Type, r.ConditionKeys)
			for _, arn := range r.ARNs {
				if !strings.HasPrefix(arn, "arn:") || strings.Count(arn, ":") < 5 {
					t.Errorf("%s %s: %q is no ARN pattern", service, r.Type, arn)
				}
			}
		}
		for _, a := range s.actions {
			check(a.String(), a.ConditionKeys)
			reason, ok := Unscopable(a.String())
			if ok != (len(a.Resources) == 0) || ok != strings.Contains(reason, " "+a.String()+" ") {
				t.Errorf("%s with %d resource types: Unscopable says %t, %q", a, len(a.Resources), ok, reason)
			}
			for _, r := range a.Resources {
				check(a.String(), r.ConditionKeys)
			}
		}
	}
}

// What the older source adds, next to what is added by hand.
func TestDependentActions(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"ec2:RunInstances":               "ec2:CreateTags iam:PassRole ssm:GetParameters",
		"ecr:CreateRepository":           "ecr:TagResource",
		"ecs:RunTask":                    "iam:PassRole",
		"lambda:CreateFunction":          "iam:PassRole lambda:PassCapacityProvider",
		"states:CreateStateMachine":      "iam:PassRole states:PublishStateMachineVersion",
		"cloudformation:DescribeStacks":  "cloudformation:ListStacks",
		"ssm:CreateDocument":             "iam:PassRole",
		"cloudformation:CreateChangeSet": "iam:PassRole",
		"ecs:RegisterTaskDefinition":     "iam:PassRole",
		"ssm:SendCommand":                "iam:PassRole",
		"sts:AssumeRoleWithWebIdentity":  "sts:SetSourceIdentity sts:TagSession",
		"ssm:GetCommandInvocation":       "",
		"s3:GetObject":                   "",
	}
	for action, want := range tests {
		a, ok := Lookup(action)
		if got := strings.Join(a.DependentActions, " "); !ok || got != want {
			t.Errorf("%s depends on %q, want %q", action, got, want)
		}
	}
}

func TestGlobalKeys(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"aws:CalledVia":              "ArrayOfString",
		"aws:CurrentTime":            "Date",
		"aws:MultiFactorAuthAge":     "Numeric",
		"aws:PrincipalArn":           "ARN",
		"aws:PrincipalTag/${TagKey}": "String",
		"aws:RequestTag/${TagKey}":   "String",
		"aws:RequestedRegion":        "String",
		"aws:SecureTransport":        "Bool",
		"aws:SourceArn":              "ARN",
		"aws:SourceIp":               "IPAddress",
		"aws:TagKeys":                "ArrayOfString",
		"aws:username":               "String",
	}
	keys := GlobalKeys()
	if !slices.IsSortedFunc(keys, func(a, b ConditionKey) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	}) {
		t.Error("not sorted")
	}
	if len(keys) != 52 {
		t.Errorf("%d global keys, want 52", len(keys))
	}
	for _, k := range keys {
		if typ, ok := want[k.Name]; ok && typ != k.Type {
			t.Errorf("%s has type %s, want %s", k.Name, k.Type, typ)
		}
		if !strings.HasPrefix(k.Name, "aws:") || k.Type == "" {
			t.Errorf("%s of type %q: not a global key", k.Name, k.Type)
		}
		delete(want, k.Name)
	}
	for name := range want {
		t.Errorf("%s is missing", name)
	}
}

// The claims that a trust policy for GitHub can test: those of the reference, and those of gaps.go.
func TestGitHubClaims(t *testing.T) {
	t.Parallel()
	a, _ := Lookup("sts:AssumeRoleWithWebIdentity")
	for _, issuer := range githubIssuers {
		for _, claim := range []string{"aud", "sub", "repository", "repository_id", "ref", "environment", "job_workflow_ref", "actor"} {
			if name := issuer + ":" + claim; !slices.Contains(a.ConditionKeys, name) {
				t.Errorf("%s is missing", name)
			}
		}
	}
}

// The first use inflates the header and one service, never the whole file: 2 ms for ec2, the largest, of the 10 ms that it
// may take (BenchmarkFirstUse). Time is no good test on a busy machine; what is allocated is. Not parallel: it counts.
func TestFirstUseReadsOneServiceOnly(t *testing.T) {
	allocations := func(names ...string) float64 {
		return testing.AllocsPerRun(3, func() {
			a, err := format.Open(embedded)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				s, _, err := a.Service(name)
				if err != nil {
					t.Fatal(err)
				}
				build(s)
			}
		})
	}
	largest, all := allocations("ec2"), allocations(Services()...)
	if largest > 15_000 {
		t.Errorf("the first use, of the largest service, allocates %v times", largest)
	}
	if largest*8 > all {
		t.Errorf("one service allocates %v times, all of them %v times", largest, all)
	}
}
