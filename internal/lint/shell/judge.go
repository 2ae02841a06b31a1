package shell

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/finding"
)

// judge says what is wrong with what scripts do in the scenarios. Something is found when it comes so in every run in which
// its place was come to: what depends on a condition that nobody can decide is not certain.
func (p *prober) judge() []finding.Finding {
	var found []finding.Finding
	for _, rule := range []func() []finding.Finding{p.unread, p.unwatched, p.unchecked, p.unended, p.waiters, p.swallowed, p.endless, p.statuses, p.delays, p.early, p.exposures, p.unseen, p.uncancelled, p.sent, p.shorthand, p.unfollowed} {
		found = append(found, rule()...)
	}
	return found
}

// at is a finding at a place.
func (at site) at(r *finding.Rule, format string, args ...any) finding.Finding {
	return r.At(at.file, at.line, at.column, "", format, args...)
}

// sites are the places of events that a run of a scenario came to, in their order.
func (p *prober) sites(c *scenario, is func(*event) bool) []site {
	var list []site
	for _, w := range p.runs(c) {
		for _, e := range w.events {
			if is(e) && !slices.Contains(list, e.at) {
				list = append(list, e.at)
			}
		}
	}
	return list
}

// every says whether all runs of a scenario that came to a place are so, and at least one did.
func (p *prober) every(c *scenario, at site, so func(*world, []*event) bool) bool {
	seen := false
	for _, w := range p.runs(c) {
		var here []*event
		for _, e := range w.events {
			if e.at == at {
				here = append(here, e)
			}
		}
		if len(here) == 0 {
			continue
		}
		if !so(w, here) {
			return false
		}
		seen = true
	}
	return seen
}

func isSend(e *event) bool { return e.is("ssm", "send-command") }

// green says whether a run ended well.
func (w *world) green() bool { return !w.red && w.never == nil }

// greens says whether the runs that came to a place end well when all is well. What does not, even then, is not understood.
func (p *prober) greens(c *scenario, at site) bool {
	return p.every(c, at, func(w *world, _ []*event) bool { return w.green() })
}

// follows are the reads and waits that are about one of the sends, or may be.
func (w *world) follows(sends []*event) []*event {
	var list []*event
	for _, e := range w.events {
		if (e.is("ssm", "get-command-invocation", "list-command-invocations", "list-commands") || e.waits()) && (e.command == nil || slices.Contains(sends, e.command)) {
			list = append(list, e)
		}
	}
	return list
}

// unread finds commands whose result nothing reads (W1).
func (p *prober) unread() []finding.Finding {
	var found []finding.Finding
	for _, at := range p.sites(allWell, isSend) {
		if p.every(allWell, at, func(w *world, sends []*event) bool {
			return w.green() && len(w.follows(sends)) == 0 && !p.handedOn(w, sends)
		}) {
			found = append(found, at.at(&unreadRule, "aws ssm send-command: nothing reads what becomes of the command, so this is green when it fails"))
		}
	}
	return found
}

func isAutomation(e *event) bool { return e.is("ssm", "start-automation-execution") }

// unwatched finds automations that nothing asks for (W1). Whoever starts one step by step goes on with it by hand.
func (p *prober) unwatched() []finding.Finding {
	var found []finding.Finding
	asks := func(e *event) bool {
		return e.is("ssm", "get-automation-execution", "describe-automation-executions", "describe-automation-step-executions")
	}
	for _, at := range p.sites(allWell, isAutomation) {
		if p.every(allWell, at, func(w *world, starts []*event) bool {
			return w.green() && starts[0].flags["--mode"].s != "Interactive" && !slices.ContainsFunc(w.events, asks) && !p.handedOn(w, starts)
		}) {
			found = append(found, at.at(&unwatchedRule, "aws ssm start-automation-execution: nothing reads what becomes of the automation, so this is green when it fails"))
		}
	}
	return found
}

// handedOn says whether something else was given the id: a program, a file, an output that somebody reads.
func (p *prober) handedOn(w *world, sends []*event) bool {
	for _, e := range sends {
		if w.handed[e] {
			return true
		}
		holds := func(v value) bool {
			return slices.ContainsFunc(v.from, func(o *origin) bool { return o.kind == ofSend && o.event == e })
		}
		for name, v := range w.files {
			if holds(v) && !strings.HasPrefix(name, "/github/") && !strings.HasPrefix(name, "/tmp/made") && !strings.HasPrefix(name, "/dev/") {
				return true
			}
		}
		for name, v := range w.outputs {
			if holds(v) && slices.Contains(p.sequence.Uses, name) {
				return true
			}
		}
	}
	return false
}

// unchecked finds reads after which a failed command is a success (W2).
func (p *prober) unchecked() []finding.Finding {
	var found []finding.Finding
	for _, at := range p.sites(fails, isSend) {
		if !p.greens(allWell, at) || !p.every(fails, at, func(w *world, sends []*event) bool {
			list := w.follows(sends)
			return w.green() && len(list) > 0 && !slices.ContainsFunc(list, (*event).waits)
		}) {
			continue
		}
		w := p.runs(fails)[0]
		list := w.follows(w.sends())
		if len(list) == 0 {
			continue
		}
		e := list[len(list)-1]
		asks := slices.DeleteFunc(slices.Clone(list), func(e *event) bool { return !e.readsStatus() })
		switch {
		case len(asks) == 0:
			found = append(found, e.at.at(&uncheckedRule, "aws %s %s reads the output, and nothing reads the status: this is green when the command failed", e.service, e.operation))
		case !slices.ContainsFunc(asks, func(e *event) bool { return e.looked }):
			found = append(found, asks[0].at.at(&uncheckedRule, "the status is read, and nothing looks at it: this is green when it is Failed"))
		default:
			found = append(found, asks[0].at.at(&uncheckedRule, "the status is looked at, and this is green all the same when it is Failed"))
		}
	}
	return found
}

// unended finds what ends well though the command has not ended: a loop whose rounds are over, a status that is only
// compared with Failed.
func (p *prober) unended() []finding.Finding {
	var found []finding.Finding
	for _, at := range p.sites(unending, (*event).readsStatus) {
		if !p.greens(allWell, at) || !p.every(fails, at, func(w *world, _ []*event) bool { return w.red }) {
			continue
		}
		if p.every(unending, at, func(w *world, here []*event) bool {
			return w.green() && !w.asksAfter(here)
		}) {
			found = append(found, at.at(&uncheckedRule, "%s: this is green when the command has not ended (InProgress) and nothing asks any more", here(p.runs(unending), at)))
		}
	}
	return found
}

func (w *world) sends() []*event {
	return slices.DeleteFunc(slices.Clone(w.events), func(e *event) bool { return !isSend(e) })
}

// waiters finds waits that end before the command has to, and waits whose failure is swallowed (W3).
func (p *prober) waiters() []finding.Finding {
	var found []finding.Finding
	for _, at := range p.sites(unending, (*event).waits) {
		if !p.greens(allWell, at) {
			continue
		}
		switch {
		case p.greens(unending, at):
			f := at.at(&waiterRule, "aws ssm wait command-executed gives up after 100 s, and this is green then, with the command still running")
			f.Severity = finding.Error
			found = append(found, f)
		case p.greens(fails, at):
			f := at.at(&waiterRule, "aws ssm wait command-executed fails when the command does, and this is green all the same")
			f.Severity = finding.Error
			found = append(found, f)
		case p.every(lasting, at, func(w *world, waits []*event) bool {
			i := slices.IndexFunc(waits, (*event).waits) // a text that another shell runs has one place
			return w.red && i >= 0 && limitOf(waits[i].command) > waiterLimit && !slices.ContainsFunc(w.events, func(e *event) bool { return e.err == "validation" })
		}):
			found = append(found, at.at(&waiterRule, "aws ssm wait command-executed gives up after 100 s; the command may run %s, and this is red while it does", limitText(p.runs(lasting), at)))
		}
	}
	return found
}

// swallowsWait says whether a place is a wait whose failure nothing sees.
func (p *prober) swallowsWait(at site) bool {
	return slices.Contains(p.sites(unending, (*event).waits), at) && p.greens(allWell, at) && (p.greens(unending, at) || p.greens(fails, at))
}

func limitText(runs []*world, at site) string {
	for _, w := range runs {
		for _, e := range w.events {
			if e.at != at || e.command == nil {
				continue
			}
			if c := e.command; !slices.Contains(shellDocuments, c.flags["--document-name"].s) && !executionTimeout.MatchString(c.parameters.s) {
				return "as long as its document says"
			}
			return fmt.Sprintf("%d s", int(limitOf(e.command)/time.Second))
		}
	}
	return "longer"
}

// swallowed finds reads whose errors are taken for a status (W4).
func (p *prober) swallowed() []finding.Finding {
	var found []finding.Finding
	asks := func(e *event) bool { return (e.readsStatus() || e.waits()) && e.err == denied }
	for _, at := range p.sites(refuses, asks) {
		if p.swallowsWait(at) { // is found already
			continue
		}
		if f, ok := p.swallows(at); ok {
			found = append(found, f)
		}
	}
	for _, at := range p.sites(unsent, isSend) {
		if p.hidden(at) { // by what a shell does with exit codes: that is told of every call that ships
			continue
		}
		if p.every(unsent, at, func(w *world, _ []*event) bool { return w.green() }) && p.greens(allWell, at) {
			f := at.at(&swallowedRule, "aws ssm send-command: when it is denied (AccessDeniedException) nothing is sent, and this is green")
			f.Fix = "assign the command id by itself, without local, export or || in the same line, in a shell with set -e"
			found = append(found, f)
		}
	}
	return found
}

// hidden says whether a call's exit code cannot become that of its script.
func (p *prober) hidden(at site) bool {
	return slices.ContainsFunc(p.program.Calls, func(c Call) bool {
		return c.Hidden != "" && c.File == at.file && c.Line == at.line && c.Column == at.column
	})
}

// few is how often a read may be tried again, with its error in the log, without being taken for a loop that knows no errors.
const few = 5

func (p *prober) swallows(at site) (finding.Finding, bool) {
	if !p.every(allWell, at, func(w *world, _ []*event) bool { return w.green() }) && !p.every(slow, at, func(w *world, _ []*event) bool { return w.green() }) {
		return finding.Finding{}, false
	}
	most := 0
	shown := true
	all := func(so func(w *world, n int, shown bool) bool) bool {
		return p.every(refuses, at, func(w *world, here []*event) bool {
			n, seen := tries(here)
			most, shown = max(most, n), shown && seen
			return so(w, n, seen)
		})
	}
	what := here(p.runs(refuses), at)
	switch {
	case all(func(w *world, _ int, _ bool) bool { return w.never != nil || w.ended }):
		return at.at(&swallowedRule, "%s: when it is denied (AccessDeniedException) it is asked again and again, without an end", what), true
	case all(func(w *world, _ int, _ bool) bool { return w.green() }):
		return at.at(&swallowedRule, "%s: when it is denied (AccessDeniedException) this is green, and nobody knows how the command ended", what), true
	case all(func(w *world, n int, seen bool) bool { return n > 1 && !seen }):
		return at.at(&swallowedRule, "%s: when it is denied (AccessDeniedException) it is asked %d times, and the error is thrown away", what, most), true
	case all(func(w *world, n int, _ bool) bool { return n > few }):
		f := at.at(&swallowedRule, "%s: errors are not told apart; when it is denied (AccessDeniedException) it is asked %d times", what, most)
		f.Severity = finding.Warning
		return f, true
	case all(func(w *world, _ int, seen bool) bool { return !seen && w.red }):
		f := at.at(&swallowedRule, "%s: its errors are thrown away; when it is denied (AccessDeniedException) this fails, and the log does not say why", what)
		f.Severity = finding.Warning
		return f, true
	}
	return finding.Finding{}, false
}

// here is what is called at a place.
func here(runs []*world, at site) string {
	for _, w := range runs {
		for _, e := range w.events {
			if e.at == at {
				return "aws " + e.service + " " + e.operation
			}
		}
	}
	return "aws"
}

// tries is how often the same was asked at most, and whether the log has its errors.
func tries(here []*event) (most int, shown bool) {
	counts := map[string]int{}
	for _, e := range here {
		if e.err == "" {
			continue
		}
		key := e.flags["--command-id"].s + " " + e.flags["--instance-id"].s
		counts[key]++
		most = max(most, counts[key])
		shown = shown || e.shown
	}
	return most, shown
}

// endless finds loops without a bound (W5).
func (p *prober) endless() []finding.Finding {
	var found []finding.Finding
	var seen []site
	for _, w := range p.runs(unending) {
		if w.never == nil || slices.Contains(seen, *w.never) {
			continue
		}
		seen = append(seen, *w.never)
		last := w.events[len(w.events)-1].at
		if p.every(unending, last, func(other *world, _ []*event) bool { return other.never != nil }) {
			f := w.never.at(&endlessRule, "this loop asks for a status until it is final, and has no other end")
			if p.every(fails, last, func(other *world, _ []*event) bool { return other.never != nil }) {
				f = w.never.at(&endlessRule, "this loop asks for a status until the command succeeded, and never ends when it failed")
				f.Fix = "leave with 1 when the status is Failed, TimedOut or Cancelled, and at a deadline"
			}
			found = append(found, f)
		}
	}
	return found
}
