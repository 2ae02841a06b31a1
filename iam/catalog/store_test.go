package catalog

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam/catalog/internal/format"
)

func TestSizeOfTheFile(t *testing.T) {
	t.Parallel()
	if n := len(embedded); n > 350_000 {
		t.Errorf("the embedded file has %d bytes, more than 350,000", n)
	}
}

// Every service decodes, and refers only to what exists: the errors that the package cannot report are excluded here.
func TestEveryServiceDecodes(t *testing.T) {
	t.Parallel()
	a, err := format.Open(embedded)
	if err != nil {
		t.Fatal(err)
	}
	actions := 0
	for _, name := range a.Services {
		if _, ok, err := a.Service(name); err != nil || !ok {
			t.Errorf("service %s: %v, %t", name, err, ok)
		}
		actions += checkService(t, name)
	}
	if len(a.Services) < 450 || actions < 22_000 {
		t.Errorf("%d services with %d actions, want at least 450 with 22,000: was the data cut?", len(a.Services), actions)
	}
	if len(Services()) != len(a.Services) {
		t.Errorf("Services() has %d of %d", len(Services()), len(a.Services))
	}
}

func checkService(t *testing.T, name string) (actions int) {
	t.Helper()
	levels := []string{LevelList, LevelRead, LevelWrite, LevelTagging, LevelPermissions}
	names := Actions(name)
	if !slices.IsSortedFunc(names, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }) {
		t.Errorf("%s: actions are not sorted", name)
	}
	for _, n := range names {
		a, ok := Lookup(name + ":" + n)
		if !ok || a.Name != n || a.Service != name {
			t.Errorf("%s:%s is found as %v, %t", name, n, a, ok)
		}
		if !slices.Contains(levels, a.AccessLevel) {
			t.Errorf("%s:%s has access level %q", name, n, a.AccessLevel)
		}
		for _, r := range a.Resources {
			if res, ok := ResourceType(name, r.Type); !ok || len(res.ARNs) == 0 {
				t.Errorf("%s:%s is authorised on %s, which is unknown", name, n, r.Type)
			}
		}
		for _, d := range a.DependentActions {
			if _, ok := Lookup(d); !ok {
				t.Errorf("%s:%s depends on %s, which is unknown", name, n, d)
			}
		}
	}
	return len(names)
}

// Each gap is one: the entry goes when the source has it.
func TestGapsAreStillGaps(t *testing.T) {
	t.Parallel()
	a, err := format.Open(embedded)
	if err != nil {
		t.Fatal(err)
	}
	source := func(service string) format.Service {
		s, ok, err := a.Service(service)
		if err != nil || !ok {
			t.Fatalf("service %s: %v, %t", service, err, ok)
		}
		return s
	}
	for action, keys := range gapKeys {
		service, _, _ := strings.Cut(action, ":")
		have := source(service).Keys
		got, _ := Lookup(action)
		for _, k := range keys {
			if slices.ContainsFunc(have, func(h format.Key) bool { return h.Name == k.Name }) {
				t.Errorf("the source has condition key %s now", k.Name)
			}
			if !slices.Contains(got.ConditionKeys, k.Name) || !slices.Contains(ConditionKeys(service), k) {
				t.Errorf("%s: %s is not filled in", action, k.Name)
			}
		}
	}
	needs := maps.Clone(gapDependents)
	for action, member := range passesRole {
		if member == "" {
			t.Errorf("%s: the request's member that names the role is missing", action)
		}
		needs[action] = append(slices.Clone(needs[action]), "iam:PassRole")
	}
	for action, dependents := range needs {
		service, name, _ := strings.Cut(action, ":")
		got, ok := Lookup(action)
		if !ok || got.Name != name {
			t.Errorf("%s: there is no such action", action)
		}
		for _, x := range source(service).Actions {
			for _, d := range dependents {
				if x.Name == name && slices.Contains(x.Dependents, d) {
					t.Errorf("the sources have %s for %s now", d, action)
				}
			}
		}
		for _, d := range dependents {
			if !slices.Contains(got.DependentActions, d) {
				t.Errorf("%s: %s is not filled in", action, d)
			}
		}
	}
	for typ, arns := range gapARNs {
		service, name, _ := strings.Cut(typ, ":")
		for _, r := range source(service).Resources {
			if r.Name == name && slices.Contains(r.ARNs, arns[0]) {
				t.Errorf("the source has %s for %s now", arns[0], typ)
			}
		}
	}
}

// Not parallel: it counts allocations.
func TestLookupAllocatesNothing(t *testing.T) {
	Lookup("ssm:SendCommand")
	n := testing.AllocsPerRun(100, func() {
		if _, ok := Lookup("SSM:sendCommand"); !ok {
			t.Error("ssm:SendCommand is unknown")
		}
	})
	if n != 0 {
		t.Errorf("Lookup allocates %v times", n)
	}
}

func BenchmarkLookup(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := Lookup("ssm:SendCommand"); !ok {
			b.Fatal("unknown")
		}
	}
}

// BenchmarkFirstUse opens the file and decodes one service, as the first Lookup of a process does.
func BenchmarkFirstUse(b *testing.B) {
	for _, name := range []string{"ssm", "sts", "ec2"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				a, err := format.Open(embedded)
				if err != nil {
					b.Fatal(err)
				}
				s, _, err := a.Service(name)
				if err != nil {
					b.Fatal(err)
				}
				if len(build(s).actions) == 0 {
					b.Fatal("no actions")
				}
			}
		})
	}
}
