package iam_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/iam"
)

// The bounds on hostile input. They are generous: what they catch is growth that is not about linear.
const (
	hostileTime   = 2 * time.Second // of the processors
	hostileMemory = 256 << 20       // bytes allocated, freed ones included
	megabyte      = 1 << 20
)

// started is when the tests began.
var started = time.Now()

// hostile is a policy and a request that are built to be expensive.
type hostile struct {
	policy            string
	resource          string // * when empty
	context           map[string][]string
	wantError         bool
	principalsInstead bool // the policy is the resource's
}

func deny(elements string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*",` + elements + `}]}`
}

func quoted(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"`+format+`",`, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

func texts1000(format string) []string {
	out := make([]string, 1000)
	for i := range out {
		out[i] = fmt.Sprintf(format, i)
	}
	return out
}

// hostileInputs are the ways in, each near the size that [iam.Parse] takes at most, or with a request far larger than
// AWS takes.
func hostileInputs() map[string]hostile {
	manyA := strings.Repeat("a", 50_000)
	pad := func(repeat string) string { return strings.Repeat(repeat, (megabyte-500)/len(repeat)) }
	statement := `{"Effect":"Deny","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"},`
	list := func(s string) string { return `{"Statement":[` + strings.TrimSuffix(s, ",") + `]}` }
	arn := "arn:aws:s3:::"
	keys := map[string][]string{}
	for i := range 100_000 {
		keys[fmt.Sprintf("Key:%06d", i)] = []string{"x"}
	}
	return map[string]hostile{
		"longer than a policy may be": {policy: deny(`"Sid":"` + strings.Repeat("x", megabyte) + `","Resource":"*"`), wantError: true},
		"one long text":               {policy: deny(`"Sid":"` + pad("x") + `","Resource":"*"`)},
		"nested lists":                {policy: pad("["), wantError: true},
		"nested objects":              {policy: pad(`{"Statement":`), wantError: true},
		"nested conditions":           {policy: deny(`"Resource":"*","Condition":` + pad(`{"a":`)), wantError: true},
		"10,000 statements":           {policy: list(strings.Repeat(statement, 10_000)), resource: arn + "b/" + manyA},
		"statements without end":      {policy: `{"Statement":[` + pad(`{},`), wantError: true},
		"80,000 actions":              {policy: `{"Statement":{"Effect":"Allow","Action":[` + quoted(80_000, "a:%06d") + `],"Resource":"*"}}`},
		"40,000 resources":            {policy: deny(`"Resource":[` + quoted(40_000, "arn:aws:s3:::%06d*a") + `]`), resource: arn + manyA},
		"a thousand stars":            {policy: deny(`"Resource":"` + strings.Repeat("*a", 1000) + `b"`), resource: manyA},
		"a thousand stars in an ARN":  {policy: deny(`"Resource":"` + arn + strings.Repeat("*a", 1000) + `b"`), resource: arn + manyA},
		"stars within the segments": {
			policy:   deny(`"Resource":"arn:` + strings.Repeat("*a", 1000) + `b:*:*:` + strings.Repeat("a*", 1000) + `b:*"`),
			resource: "arn:" + manyA + ":" + manyA + ":" + manyA + ":" + manyA + ":x",
		},
		"stars that fall back": {
			policy:   deny(`"Resource":"arn:*:` + strings.Repeat("a*", 1000) + `b:c:*"`),
			resource: "arn:" + strings.Repeat(":"+strings.Repeat("a", 100), 1000),
		},
		"a thousand question marks": {policy: deny(`"Resource":"*` + strings.Repeat("?", 1000) + `b*"`), resource: manyA[:10_000]},
		"a long pattern against a long text": {
			policy: deny(`"Resource":"*` + strings.Repeat("?", 400_000) + `b"`), resource: strings.Repeat("a", megabyte),
		},
		"long values against a long text": {
			policy:  deny(`"Resource":"` + strings.Repeat("*${k:one}", 100) + `b"`),
			context: map[string][]string{"k:one": {strings.Repeat("a", 64_000) + "b"}}, resource: strings.Repeat("a", megabyte),
		},
		"half a megabyte of stars": {policy: deny(`"Resource":"` + pad("*") + `"`), resource: manyA},
		"ARNs of many stars": {
			policy:  deny(`"Resource":"*","Condition":{"ArnLike":{"k:one":"` + strings.Repeat("*a", 1000) + `b:*:*:*:*:` + strings.Repeat("*a", 1000) + `b"}}`),
			context: map[string][]string{"k:one": {manyA + "b:::::" + manyA}},
		},
		"a thousand values against a thousand": {
			policy:  deny(`"Resource":"*","Condition":{"ForAllValues:StringNotLike":{"k:one":[` + quoted(1000, "*x%d") + `]}}`),
			context: map[string][]string{"k:one": texts1000("value %d")},
		},
		"a thousand ARNs against a thousand": {
			policy:  deny(`"Resource":"*","Condition":{"ForAllValues:ArnNotLike":{"k:one":[` + quoted(1000, "arn:*:s3:::%d") + `]}}`),
			context: map[string][]string{"k:one": texts1000("arn:aws:s3:::x%d")},
		},
		"a thousand numbers of a hundred digits": {
			policy:  deny(`"Resource":"*","Condition":{"ForAllValues:NumericNotEquals":{"k:one":[` + quoted(1000, strings.Repeat("9", 100)+"%d") + `]}}`),
			context: map[string][]string{"k:one": texts1000(strings.Repeat("9", 100) + ".%d")},
		},
		"values of policy variables": {
			policy:  deny(`"Resource":"` + strings.Repeat("*${k:one}", 1000) + `b"`),
			context: map[string][]string{"k:one": {strings.Repeat("a", 1000) + "b"}}, resource: manyA + manyA,
		},
		"a context of 100,000 keys": {policy: deny(`"Resource":"*","Condition":{"StringLike":{"key:000001":"x"}}`), context: keys},
		"30,000 conditions":         {policy: deny(`"Resource":"*","Condition":{"StringEquals":{` + manyKeys(30_000) + `}}`)},
		"40,000 principals": {
			policy:            deny(`"Resource":"*","Principal":{"AWS":[` + quoted(20_000, "arn:aws:iam::111122223333:user/%06d") + `]}`),
			principalsInstead: true,
		},
		"a long ARN": {policy: deny(`"Resource":"arn:aws:s3:::b/*x*/*y"`), resource: arn + "b/" + strings.Repeat("x", 4*megabyte)},
		"a long text to find": {
			policy: deny(`"Resource":"*` + strings.Repeat("a", 2000) + `b*"`), resource: strings.Repeat("a", megabyte),
		},
	}
}

// TestHostileInputs reads, compiles, evaluates and explains each within the bounds. It does not run in parallel: it
// counts what the whole process allocates.
func TestHostileInputs(t *testing.T) {
	for name, h := range hostileInputs() {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := cpuTime()
			err := h.run()
			took := cpuTime() - start
			runtime.ReadMemStats(&after)
			if (err != nil) != h.wantError {
				t.Errorf("error %.200v, want one: %v", err, h.wantError)
			}
			if err != nil && len(err.Error()) > 1000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			if limit := slowed(hostileTime); took > limit {
				t.Errorf("took %s, at most %s are allowed", took, limit)
			}
			allocated := after.TotalAlloc - before.TotalAlloc
			if allocated > hostileMemory {
				t.Errorf("allocated %d bytes, at most %d are allowed", allocated, hostileMemory)
			}
			t.Logf("%s, %d kB", took, allocated>>10)
		})
	}
}

// slowed is a bound on time, wider under the race detector.
func slowed(d time.Duration) time.Duration {
	if underRace {
		return 10 * d
	}
	return d
}

func (h hostile) run() error {
	p, err := iam.ParsePolicy("hostile", []byte(h.policy))
	if err != nil {
		return err
	}
	set := &iam.PolicySet{Identity: []*iam.Policy{p}}
	if h.principalsInstead {
		set = &iam.PolicySet{Resource: p}
	}
	r := &iam.Request{Principal: drawnCallers[0], Action: "s3:GetObject", Resource: "*", Context: iam.NewContext(h.context)}
	if h.resource != "" {
		r.Resource = h.resource
	}
	set.Evaluate(r)
	set.Explain(r)
	p.Document().Validate(iam.IdentityPolicy)
	return nil
}

// TestMatchingGrowsLinearly gives a pattern, or what it is matched with, ten times the size: it may take ten times as long,
// give or take what a busy machine adds, and not a hundred times.
func TestMatchingGrowsLinearly(t *testing.T) {
	const times, tolerance = 10, 4
	tests := map[string]func(pattern, text int) (string, string){
		"stars": func(pattern, text int) (string, string) {
			return strings.Repeat("a*", pattern) + "b", strings.Repeat("a", text)
		},
		"stars within a segment": func(pattern, text int) (string, string) {
			return "arn:" + strings.Repeat("a*", pattern) + "b:*:x", "arn:" + strings.Repeat("a", text) + ":::x"
		},
		"question marks": func(pattern, text int) (string, string) {
			return "*" + strings.Repeat("?", pattern) + "b", strings.Repeat("a", text)
		},
	}
	for name, build := range tests {
		t.Run(name, func(t *testing.T) {
			small := matchingTime(t, build, 100, 4_000)
			for what, large := range map[string]time.Duration{
				"pattern": matchingTime(t, build, 100*times, 4_000),
				"text":    matchingTime(t, build, 100, 4_000*times),
			} {
				ratio := float64(large) / float64(small)
				t.Logf("%s: %s to %s, %.1f times", what, small, large, ratio)
				if ratio > times*tolerance {
					t.Errorf("a %s of %d times the size takes %.1f times as long", what, times, ratio)
				}
			}
		})
	}
}

// matchingTime is the best of several.
func matchingTime(t *testing.T, build func(pattern, text int) (string, string), pattern, text int) time.Duration {
	t.Helper()
	p, s := build(pattern, text)
	compiled, err := iam.Compile(&iam.Document{Name: "p", Version: iam.Version2012, Statements: []iam.Statement{
		{Effect: iam.Allow, Actions: []string{"*"}, Resources: []string{p}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	set := &iam.PolicySet{Identity: []*iam.Policy{compiled}}
	r := &iam.Request{Principal: drawnCallers[0], Action: "s3:GetObject", Resource: s, Account: home}
	best := time.Hour
	for range 10 {
		start := cpuTime()
		if set.Allowed(r) {
			t.Fatal("matches")
		}
		best = min(best, cpuTime()-start)
	}
	return max(best, time.Microsecond)
}
