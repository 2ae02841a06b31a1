package ship

import (
	"context"
	"fmt"
	"slices"
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
		if res.Verdict != Succeeded {
			return false
		}
	}
	return true
}

// test runs one test, unless the record says what became of it already, or nobody is there to run it.
func (r *runner) test(ctx context.Context, t plan.Test) TestResult {
	was := r.recordedTest(t.Name)
	if was.Verdict != "" {
		return toldTest(was)
	}
	res := TestResult{Name: t.Name, Verdict: NotStarted}
	if why := r.noTest(ctx); why != "" {
		if res.Why = "not run: " + why; !was.Began.IsZero() {
			res = toldTest(was)
			res.Why += "; not run again: " + why
			if r.ledger.cancelled() {
				res.Verdict = Failed // whatever it found: somebody wanted the deploy to be none
			}
		}
		return res
	}
	if err := r.beginTest(ctx, was); err != nil {
		res.Why = "not run: " + err.Error()
		return res
	}
	res.Verdict, res.Why = Succeeded, ""
	if err := r.attend(ctx, t); err != nil {
		res.Verdict, res.Why = Failed, fmt.Sprintf("test %s: %v", t.Run.Path, err)
		if ctx.Err() != nil { // it is known that it did not come to its end: slipway ended it
			_, stopped := halted(ctx)
			res.Why = fmt.Sprintf("test %s was ended before it was done: %s", t.Run.Path, stopped)
		}
	}
	if r.noteTest(record.Test{Name: t.Name, Began: r.recordedTest(t.Name).Began, Verdict: string(res.Verdict), Why: res.Why}) {
		_ = r.ledger.afterwards(ctx) // kept, and told with the result
	}
	return res
}

// noTest says why no test is run now; empty where it is.
func (r *runner) noTest(ctx context.Context) string {
	_, stopped := halted(ctx)
	switch {
	case r.ledger.cancelled():
		return "the deploy was cancelled"
	case r.reportOnly || r.cfg.RunTest == nil:
		return "this only looks at what was begun"
	case ctx.Err() != nil:
		return stopped + " before it"
	}
	return ""
}

// beginTest writes down that a test begins, before it does: a slipway that is killed then has left a test whose end nobody saw. A
// resume runs such a test again, as the next deploy would: only its end can say something.
func (r *runner) beginTest(ctx context.Context, was record.Test) error {
	if r.ledger == nil {
		return nil
	}
	note := func() {
		if !was.Began.IsZero() {
			r.event(Event{Kind: EventWarning, Step: was.Name, Message: fmt.Sprintf("it was begun %s, and nobody saw its end: it is run again",
				was.Began.Format("2006-01-02 15:04:05 UTC"))})
		}
		r.noteTest(record.Test{Name: was.Name, Began: r.cfg.Now().UTC()})
	}
	return r.ledger.ahead(ctx, "that it begins", note, func() { r.noteTest(was) })
}

// cancelled says whether somebody asked for the deploy to stop.
func (l *ledger) cancelled() bool { return l != nil && !l.deploy.CancelRequested.IsZero() }

// recordedTest is what the record has of a test; only its name where that is nothing.
func (r *runner) recordedTest(name string) record.Test {
	if r.ledger != nil {
		for _, was := range r.ledger.deploy.Tests {
			if was.Name == name {
				return was
			}
		}
	}
	return record.Test{Name: name}
}

// noteTest puts what is known of a test into the record as it stands, and says whether there is one.
func (r *runner) noteTest(now record.Test) bool {
	if r.ledger == nil || !r.ledger.opened {
		return false
	}
	tests := slices.Clone(r.ledger.deploy.Tests)
	if i := slices.IndexFunc(tests, func(t record.Test) bool { return t.Name == now.Name }); i >= 0 {
		tests[i] = now
	} else {
		tests = append(tests, now)
	}
	r.ledger.deploy.Tests = tests
	return true
}

// toldTest is what the record says of a test. One that was begun and has no end may have had any.
func toldTest(was record.Test) TestResult {
	switch {
	case was.Verdict != "":
		return TestResult{Name: was.Name, Verdict: Verdict(was.Verdict), Why: was.Why}
	case !was.Began.IsZero():
		return TestResult{Name: was.Name, Verdict: Unknown, Why: "it was begun, and nobody saw its end"}
	}
	return TestResult{Name: was.Name, Verdict: NotStarted, Why: was.Why}
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
