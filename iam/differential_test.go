package iam_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

const (
	// differentialSeed is the default; the variable differentialSeedName may hold another.
	differentialSeed     = 2026
	differentialSeedName = "SLIPWAY_IAM_SEED"
	differentialCases    = 20_000
	differentialShort    = 2_000 // with -short, and under the race detector
	// differentialSpare is how many more are made, in percent: some the simulator does not look at.
	differentialSpare = 3
	mostShown         = 12 // differences that are printed
	// mostOfClasses is how many of the cases, in percent, may belong to a class: what does cannot show a mistake.
	mostOfClasses = 1
)

// verdict is one case with both answers.
type verdict struct {
	index  int
	c      *simCase
	ours   iam.Decision
	theirs string
}

// TestDifferential asks a second, independent judge: npm's @cloud-copilot/iam-simulate, in a process of its own.
// Where the two differ the case must belong to a class whose page of AWS's documentation decides for ours.
func TestDifferential(t *testing.T) {
	t.Parallel()
	s := findSimulator(t)
	wanted := differentialCases
	if testing.Short() || underRace {
		wanted = differentialShort
	}
	seed := uint64(differentialSeed)
	if text := os.Getenv(differentialSeedName); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", differentialSeedName, err)
		}
	}
	t.Logf("seed %d", seed)
	cases := make([]*simCase, wanted+wanted*differentialSpare/100)
	for i := range cases {
		cases[i] = newSimCase(seed, uint64(i))
	}
	verdicts := judge(t, cases, s.ask(t, cases))
	if len(verdicts) < wanted {
		t.Errorf("%d cases were answered by both, want %d", len(verdicts), wanted)
	}
	checkDifferences(t, verdicts)
	checkSpread(t, verdicts)
}

// judge puts the answers together, without the cases that the simulator refused. Those must be few.
func judge(t *testing.T, cases []*simCase, answers []simAnswer) (verdicts []verdict) {
	t.Helper()
	refused := map[string]int{}
	for i, c := range cases {
		if problem := answers[i].Problem; problem != "" {
			refused[problem]++
			continue
		}
		d, err := c.decide()
		if err != nil {
			t.Fatalf("case %d: %v\n%s", i, err, c)
		}
		verdicts = append(verdicts, verdict{i, c, d, answers[i].Outcome})
	}
	for problem, count := range refused {
		t.Logf("refused by the simulator: %d× %s", count, problem)
	}
	return verdicts
}

// checkDifferences wants every difference in a class, and few of them.
func checkDifferences(t *testing.T, verdicts []verdict) {
	t.Helper()
	classes := map[string]int{}
	differences, unknown, members := 0, 0, 0
	for _, v := range verdicts {
		class := classOf(v.c)
		if class != nil {
			members++
		}
		if v.ours.Outcome.String() == v.theirs {
			continue
		}
		differences++
		if class != nil {
			classes[class.name]++
			continue
		}
		if unknown++; unknown <= mostShown {
			t.Errorf("case %d: ours %s (%s) by %s, the simulator %s\n%s", v.index, v.ours.Outcome, v.ours.Layer,
				decisive(v.ours), v.theirs, v.c)
		}
	}
	t.Logf("%d cases, %d of a class, %d differences, %d of no class; by class: %v",
		len(verdicts), members, differences, unknown, classes)
	if members*100 >= mostOfClasses*len(verdicts) {
		t.Errorf("%d of %d cases belong to a class: the classes are too wide to show anything", members, len(verdicts))
	}
	if unknown > mostShown {
		t.Errorf("%d more differences of no class", unknown-mostShown)
	}
	if differences*100 >= len(verdicts) {
		t.Errorf("%d differences in %d cases are not under 1 %%", differences, len(verdicts))
	}
}

func decisive(d iam.Decision) string {
	var names []string
	for _, ref := range d.Decisive {
		names = append(names, fmt.Sprintf("%s[%d]", ref.Policy, ref.Index))
	}
	return strings.Join(names, " ")
}

// checkSpread shows that the cases ask something: every outcome is frequent, and every layer denies and allows.
func checkSpread(t *testing.T, verdicts []verdict) {
	t.Helper()
	const leastPercent = 15
	leastOfLayer := len(verdicts) / 500
	outcomes := map[iam.Outcome]int{}
	denials := map[string]int{}
	for _, v := range verdicts {
		outcomes[v.ours.Outcome]++
		if v.ours.Outcome != iam.Allowed {
			denials[fmt.Sprintf("%s %s", v.ours.Layer, v.ours.Outcome)]++
		}
	}
	t.Logf("outcomes: %v; denials: %v", outcomes, denials)
	for _, o := range []iam.Outcome{iam.Allowed, iam.ImplicitlyDenied, iam.ExplicitlyDenied} {
		if outcomes[o]*100 < leastPercent*len(verdicts) {
			t.Errorf("%s in %d of %d cases, want at least %d %%", o, outcomes[o], len(verdicts), leastPercent)
		}
	}
	for l := iam.LayerIdentity; l <= iam.LayerEndpoint; l++ {
		for _, o := range []iam.Outcome{iam.ImplicitlyDenied, iam.ExplicitlyDenied} {
			if l == iam.LayerRCP && o == iam.ImplicitlyDenied {
				continue // RCPFullAWSAccess is attached to every level
			}
			if key := fmt.Sprintf("%s %s", l, o); denials[key] < leastOfLayer {
				t.Errorf("%s: %d cases, want at least %d", key, denials[key], leastOfLayer)
			}
		}
	}
}
