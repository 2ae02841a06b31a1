package iam_test

import (
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"github.com/slipway-cd/slipway/iam"
)

// drawWho draws subjects and calls from a few policies, so that subjects share some.
func drawWho(t *rapid.T) ([]iam.Subject, []iam.Call) {
	pool := func(label string, attached bool) func() *iam.Policy {
		var made []*iam.Policy
		for range 4 {
			made = append(made, compileOne(t, drawDocument(t, attached)))
		}
		return func() *iam.Policy {
			p := rapid.SampledFrom(made).Draw(t, label)
			if rapid.IntRange(0, 2).Draw(t, "copy") == 0 {
				d := *p.Document()
				d.Name = "copy"
				return compileOne(t, &d)
			}
			return p
		}
	}
	own, attached := pool("own", false), pool("attached", true)
	maybe := func(make func() *iam.Policy) *iam.Policy {
		if rapid.IntRange(0, 2).Draw(t, "maybe") == 0 {
			return make()
		}
		return nil
	}
	levels := func(make func() *iam.Policy) (out [][]*iam.Policy) {
		if rapid.Bool().Draw(t, "no tree") {
			return nil
		}
		for range rapid.IntRange(0, 2).Draw(t, "levels") {
			level := []*iam.Policy{iam.AllowAll("FullAWSAccess")}
			if rapid.IntRange(0, 3).Draw(t, "narrow") == 0 {
				level = nil
			}
			out = append(out, append(level, own(), maybe(make)))
		}
		return out
	}
	var subjects []iam.Subject
	for range rapid.IntRange(1, 5).Draw(t, "subjects") {
		s := iam.Subject{Principal: drawRequest(t).Principal, Context: drawKeys(t)}
		if rapid.IntRange(0, 9).Draw(t, "bare") > 0 {
			s.Policies = &iam.PolicySet{
				Identity: []*iam.Policy{own(), own(), maybe(own)}, Boundary: maybe(own),
				SCPs: levels(own), RCPs: levels(attached), Endpoint: maybe(attached),
			}
			if p := maybe(own); p != nil {
				s.Policies.Session = []*iam.Policy{p, maybe(own)}
			}
		}
		subjects = append(subjects, s)
	}
	var calls []iam.Call
	for range rapid.IntRange(1, 6).Draw(t, "calls") {
		r := drawRequest(t)
		calls = append(calls, iam.Call{
			Action: r.Action, Resource: r.Resource, Account: r.Account, Context: drawKeys(t),
			ResourcePolicy: maybe(attached), Trust: maybe(attached),
		})
	}
	return subjects, calls
}

func compileOne(t *rapid.T, d *iam.Document) *iam.Policy {
	p, err := iam.Compile(d)
	if err != nil {
		t.Fatalf("%s: %v", d.JSON(), err)
	}
	return p
}

// drawKeys draws condition keys, some of them in another case.
func drawKeys(t *rapid.T) map[string][]string {
	if rapid.IntRange(0, 2).Draw(t, "no keys") == 0 {
		return nil
	}
	context := map[string][]string{}
	for _, key := range []string{"aws:username", "K:One", "k:list"} {
		if n := rapid.SampledFrom([]int{0, 0, 1, 1, 2}).Draw(t, "values"); n > 0 {
			context[key] = rapid.SliceOfN(rapid.SampledFrom(contextValues[:6]), n, n).Draw(t, key)
		}
	}
	return context
}

// evaluateOne is the obvious way to answer one call for one subject.
func evaluateOne(s *iam.Subject, c *iam.Call) iam.Outcome {
	set := iam.PolicySet{}
	if s.Policies != nil {
		set = *s.Policies
	}
	set.Resource, set.Trust = c.ResourcePolicy, c.Trust
	context := map[string][]string{}
	for _, key := range iam.NewContext(s.Context).Keys() {
		context[key] = iam.NewContext(s.Context).Get(key)
	}
	for _, key := range iam.NewContext(c.Context).Keys() {
		context[key] = iam.NewContext(c.Context).Get(key)
	}
	return set.Evaluate(&iam.Request{
		Principal: s.Principal, Action: c.Action, Resource: c.Resource, Account: c.Account, Context: iam.NewContext(context),
	}).Outcome
}

func TestWhoCanEqualsEvaluate(t *testing.T) {
	t.Parallel()
	seen := map[iam.Outcome]int{}
	rapid.Check(t, func(t *rapid.T) {
		subjects, calls := drawWho(t)
		access := iam.WhoCan(subjects, calls)
		for s := range subjects {
			for c := range calls {
				want, got := evaluateOne(&subjects[s], &calls[c]), access.Outcome(s, c)
				seen[want]++
				if got != want || access.Allowed(s, c) != (want == iam.Allowed) {
					t.Fatalf("subject %d, call %d: got %s, Evaluate says %s", s, c, got, want)
				}
			}
		}
	})
	for _, o := range []iam.Outcome{iam.Allowed, iam.ImplicitlyDenied, iam.ExplicitlyDenied} {
		if !t.Failed() && seen[o] == 0 {
			t.Errorf("no call drawn was %s: the property shows nothing about it", o)
		}
	}
}

func TestWhoCanWithoutSubjectsOrCalls(t *testing.T) {
	t.Parallel()
	iam.WhoCan(nil, []iam.Call{{Action: "s3:GetObject", Resource: "*"}})
	iam.WhoCan([]iam.Subject{{}}, nil)
}

// TestWhoCanReadsTheSubjectsOwnKeys: one policy, two users, two answers.
func TestWhoCanReadsTheSubjectsOwnKeys(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:s3:::homes/ann/file"
	policies := map[string]string{
		"variable":  `{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::homes/${aws:UserName}/*"}`,
		"default":   `{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::homes/${ aws:username , 'bob'}/*"}`,
		"condition": `{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": {"StringEquals": {"AWS:username": "ann"}}}`,
		"value":     `{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": {"StringEquals": {"k:owner": "${aws:username}"}}}`,
		"denied": `{"Effect": "Allow", "Action": "*", "Resource": "*"},
			{"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::homes/${aws:username}/*"}`,
	}
	user := func(name string, p *iam.Policy) iam.Subject {
		return iam.Subject{
			Principal: iam.Principal{ARN: "arn:aws:iam::" + home + ":user/" + name, Account: home},
			Policies:  &iam.PolicySet{Identity: []*iam.Policy{p}},
			Context:   map[string][]string{"aws:username": {name}, "aws:PrincipalAccount": {home}},
		}
	}
	for name, statement := range policies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := iam.ParsePolicy("homes", []byte(`{"Version": "2012-10-17", "Statement": [`+statement+`]}`))
			if err != nil {
				t.Fatal(err)
			}
			access := iam.WhoCan([]iam.Subject{user("ann", p), user("bob", p)}, []iam.Call{
				{Action: "s3:GetObject", Resource: arn, Account: home, Context: map[string][]string{"k:owner": {"ann"}}},
			})
			if !access.Allowed(0, 0) || access.Allowed(1, 0) {
				t.Errorf("ann: %s, bob: %s", access.Outcome(0, 0), access.Outcome(1, 0))
			}
		})
	}
}

// TestWhoCanDoesNotDependOnGoroutines is not parallel: it sets how many threads all tests have.
func TestWhoCanDoesNotDependOnGoroutines(t *testing.T) {
	subjects, calls := manyRoles(t, 300, 40), manyCalls()
	answers := make([]*iam.Access, 0, 3)
	for _, n := range []int{1, 2, 5} {
		old := runtime.GOMAXPROCS(n)
		answers = append(answers, iam.WhoCan(subjects, calls))
		runtime.GOMAXPROCS(old)
	}
	allowed := 0
	for s := range subjects {
		for c := range calls {
			want := evaluateOne(&subjects[s], &calls[c])
			if want == iam.Allowed {
				allowed++
			}
			for i, a := range answers {
				if a.Outcome(s, c) != want {
					t.Fatalf("run %d, subject %d, call %d: got %s, want %s", i, s, c, a.Outcome(s, c), want)
				}
			}
		}
	}
	if allowed == 0 || allowed == len(subjects)*len(calls) {
		t.Errorf("%d of %d calls are allowed: this shows nothing", allowed, len(subjects)*len(calls))
	}
}
