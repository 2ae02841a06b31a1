package iam_test

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/slipway-cd/slipway/iam"
)

// scenario is one draw of the generators.
type scenario struct {
	docs    documents
	request *iam.Request
}

const scenarios = 1500

// TestGeneratorsAreWellSpread shows that the properties are about something: over a fixed series of draws every
// outcome, every layer that can decide, every kind of caller and every operator, met and not met, has its share.
func TestGeneratorsAreWellSpread(t *testing.T) {
	t.Parallel()
	draw := rapid.Custom(func(t *rapid.T) scenario { return scenario{drawDocuments(t), drawRequest(t)} })
	seen := map[string]int{}
	for i := range scenarios {
		s := draw.Example(i)
		for _, label := range s.labels() {
			seen[label]++
		}
	}
	for label, percent := range wantedShares() {
		if got := 100 * float64(seen[label]) / scenarios; got < percent {
			t.Errorf("%s: %.2f %% of the draws, want at least %.2f %%", label, got, percent)
		}
	}
	for _, label := range slices.Sorted(maps.Keys(seen)) {
		t.Logf("%6.2f %% %s", 100*float64(seen[label])/scenarios, label)
	}
}

// wantedShares are the least shares, in percent.
func wantedShares() map[string]float64 {
	shares := map[string]float64{"Allowed": 10, "ImplicitlyDenied": 10, "ExplicitlyDenied": 10}
	for layer := iam.LayerIdentity; layer <= iam.LayerEndpoint; layer++ {
		shares["ExplicitlyDenied by "+layer.String()] = 0.5
		shares["ImplicitlyDenied by "+layer.String()] = 0.5
	}
	for _, who := range []string{"account", "role", "everyone", "self"} {
		shares["Allowed, gate names "+who] = 0.5
	}
	for _, p := range drawnCallers {
		shares["Allowed "+p.ARN] = 0.2
		shares["denied "+p.ARN] = 2
	}
	for _, c := range drawnCalls {
		shares["Allowed "+c.action] = 0.2
		shares["denied "+c.action] = 2
	}
	for _, operator := range allOperators() {
		shares[operator+" holds"], shares[operator+" fails"] = 0.2, 0.2
	}
	return shares
}

// labels names what a scenario shows.
func (s scenario) labels() []string {
	f := &reference{s.docs, s.request}
	v := f.verdict()
	out := []string{v.outcome.String()}
	word := "denied "
	if v.outcome == iam.Allowed {
		word = "Allowed "
		worth := [...]string{"nobody", "account", "role", "everyone", "self"}[f.layer(f.gate()).worth]
		out = append(out, "Allowed, gate names "+worth)
	}
	out = append(out, word+s.request.Principal.ARN, word+s.request.Action)
	for _, layer := range v.layers {
		out = append(out, v.outcome.String()+" by "+layer.String())
	}
	return append(out, f.operators()...)
}

// operators names each operator of the documents once, with what came of it.
func (f *reference) operators() []string {
	found := map[string]bool{}
	for _, levels := range f.documents {
		for _, d := range slices.Concat(levels...) {
			for i := range d.Statements {
				st := &d.Statements[i]
				for j := range st.Conditions {
					c := &st.Conditions[j]
					result := " fails"
					if f.condition(d, c, st.Effect == iam.Deny) {
						result = " holds"
					}
					found[bareOperator(c.Operator)+result] = true
				}
			}
		}
	}
	return slices.Collect(maps.Keys(found))
}
