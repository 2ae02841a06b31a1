package policy

import (
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// What a compiled policy takes in memory, measured; [TestWeights] holds the estimate against the heap.
const (
	weightOfPolicy    = 600
	weightOfStatement = 750
	weightOfCondition = 350
	weightOfPattern   = 120
	weightOfWildcard  = 150 // what is between two wildcards or variables is kept by itself
	weightOfKept      = 500 // anything in a cache: its place there and what points to it
)

// weigh estimates the memory of a policy, compiled from a document whose text is kept as well.
func weigh(text string, d *iam.Document) int {
	weight := len(text) + weightOfPolicy + weightOfStatement*len(d.Statements)
	for i := range d.Statements {
		st := &d.Statements[i]
		for _, list := range [...][]string{st.Actions, st.NotActions, st.Resources, st.NotResources} {
			weight += weighPatterns(list)
		}
		for _, list := range [...][]iam.PrincipalPattern{st.Principals, st.NotPrincipals} {
			for j := range list {
				weight += weighPatterns(list[j].Values)
			}
		}
		for j := range st.Conditions {
			weight += weightOfCondition + weighPatterns(st.Conditions[j].Values)
		}
	}
	return weight
}

func weighPatterns(patterns []string) (weight int) {
	for _, p := range patterns {
		weight += weightOfPattern + len(p)
		if len(p) > 1 {
			weight += weightOfWildcard * (strings.Count(p, "*") + strings.Count(p, "?") + strings.Count(p, "${"))
		}
	}
	return weight
}

// weighText estimates the memory of what is read from a short text: its parts stay parts of it.
func weighText(text string) int { return weightOfKept + 4*len(text) }
