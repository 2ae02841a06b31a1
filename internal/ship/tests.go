package ship

import (
	"context"
	"fmt"
	"time"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/record"
)

// TestResult is what became of a test: a program that runs where slipway runs, after the steps before it.
type TestResult struct {
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	// Why explains every verdict but succeeded.
	Why string `json:"why,omitempty"`
}

// testsAfter runs the tests that come after so many steps, and says whether the stage goes on. A test decides as a step
// does; what it printed the caller has shown. Those of a deploy that is only looked at are not run.
func (r *runner) testsAfter(ctx context.Context, steps int) bool {
	for _, t := range r.stage.Tests {
		if t.After != steps {
			continue
		}
		res := r.test(ctx, t)
		r.res.Tests = append(r.res.Tests, res)
		ran := res.Verdict == Succeeded || res.Verdict == Failed
		if ran && r.ledger != nil && r.ledger.opened && !r.reportOnly {
			r.ledger.deploy.Tests = append(withoutTest(r.ledger.deploy.Tests, t.Name), record.Test{Name: t.Name, Verdict: string(res.Verdict), Why: res.Why})
			_ = r.ledger.afterwards(ctx) // kept, and told with the result
		}
		if res.Verdict != Succeeded {
			return false
		}
	}
	return true
}

func withoutTest(tests []record.Test, name string) (rest []record.Test) {
	for _, t := range tests {
		if t.Name != name {
			rest = append(rest, t)
		}
	}
	return rest
}

// test runs one test, unless the record says what became of it already, or nobody is there to run it.
func (r *runner) test(ctx context.Context, t plan.Test) TestResult {
	if r.ledger != nil {
		for _, was := range r.ledger.deploy.Tests {
			if was.Name == t.Name && was.Verdict != "" {
				return TestResult{Name: t.Name, Verdict: Verdict(was.Verdict), Why: was.Why}
			}
		}
	}
	res := TestResult{Name: t.Name, Verdict: NotStarted}
	_, stopped := halted(ctx)
	switch {
	case ctx.Err() != nil:
		res.Why = "not run: " + stopped + " before it"
	case r.reportOnly || r.cfg.RunTest == nil:
		res.Why = "not run: this only looks at what was sent; slipway deploy runs it"
	case r.ledger != nil && !r.ledger.deploy.CancelRequested.IsZero():
		res.Why = "not run: the deploy was cancelled"
	default:
		res.Verdict = Succeeded
		if err := r.attend(ctx, t); err != nil {
			res.Verdict, res.Why = Failed, fmt.Sprintf("test %s: %v", t.Run.Path, err)
		}
	}
	return res
}

// attend waits for a test, and lets the journal hear meanwhile that the deploy lives: the lock is renewed.
func (r *runner) attend(ctx context.Context, t plan.Test) error {
	done := make(chan error, 1)
	go func() { done <- r.cfg.RunTest(ctx, t) }()
	part := aliveEvery
	if r.ledger != nil {
		part = min(part, max(r.leaseTime()/3, time.Millisecond))
	}
	ticker := time.NewTicker(part)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ticker.C:
			r.journal.alive(ctx)
		}
	}
}

// testsOf are the tests that a deploy had, as its record has them: a release may have others by now.
func testsOf(stage *plan.Stage, d *record.Deploy) (tests []plan.Test) {
	for _, was := range d.Tests {
		test := plan.Test{Name: was.Name, After: len(stage.Steps)}
		for _, t := range stage.Tests {
			if t.Name == was.Name {
				test = t
			}
		}
		test.After = min(test.After, len(stage.Steps))
		tests = append(tests, test)
	}
	return tests
}

// plannedTests writes down, when a deploy begins, which tests will decide about it.
func plannedTests(stage *plan.Stage) (tests []record.Test) {
	for _, t := range stage.Tests {
		tests = append(tests, record.Test{Name: t.Name})
	}
	return tests
}

// leaveTestsOut lists the tests that were not come to.
func (r *runner) leaveTestsOut() {
	if len(r.res.Steps) == 0 || r.res.Verdict == Refused {
		return
	}
	for _, t := range r.stage.Tests[min(len(r.res.Tests), len(r.stage.Tests)):] {
		r.res.Tests = append(r.res.Tests, TestResult{Name: t.Name, Verdict: NotStarted, Why: "not run: what comes before it did not succeed"})
	}
}
