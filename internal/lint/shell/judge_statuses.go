package shell

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/finding"
)

// statuses finds statuses that are forgotten, and those that are looked for and never there (W6).
func (p *prober) statuses() []finding.Finding {
	var found []finding.Finding
	for _, at := range p.sites(fails, (*event).readsStatus) {
		if p.every(fails, at, func(w *world, _ []*event) bool { return w.red && !w.ended }) && p.greens(allWell, at) {
			found = append(found, p.forgotten(at)...)
		}
	}
	var places []site
	for _, c := range []*scenario{fails, slow, cancelled, timedOut, cancelling} {
		for _, w := range p.runs(c) {
			for at, status := range w.dead {
				if !slices.Contains(places, at) {
					places = append(places, at)
					f := at.at(&statusesRule, "Status is never %q: it stands in StatusDetails, or nowhere", status)
					f.Severity = finding.Warning
					found = append(found, f)
				}
			}
		}
	}
	return found
}

// forgotten are the final statuses that are not taken for failures.
func (p *prober) forgotten(at site) []finding.Finding {
	var green, waits []string
	endless := false
	usual := p.most(fails, at)
	for _, c := range []struct {
		scenario *scenario
		status   string
	}{{timedOut, "TimedOut"}, {cancelled, "Cancelled"}, {cancelling, "Cancelling"}} {
		switch {
		case p.every(c.scenario, at, func(w *world, here []*event) bool { return w.green() && !w.asksAfter(here) }):
			green = append(green, c.status)
		case c.scenario == cancelling:
		case p.every(c.scenario, at, func(w *world, _ []*event) bool { return w.never != nil || w.ended }):
			waits, endless = append(waits, c.status), true
		case p.every(c.scenario, at, func(w *world, here []*event) bool { n, _ := asked(here); return w.red && n > usual+2 }):
			waits = append(waits, c.status)
		}
	}
	var found []finding.Finding
	if len(green) > 0 {
		found = append(found, at.at(&statusesRule, "%s: this is green when the status is %s", here(p.runs(fails), at), strings.Join(green, " or ")))
	}
	if len(waits) > 0 {
		until := "until it gives up"
		if endless {
			until = "for ever"
		}
		f := at.at(&statusesRule, "%s: %s is final, and this goes on asking %s", here(p.runs(fails), at), strings.Join(waits, " or "), until)
		if !endless {
			f.Severity = finding.Warning
		}
		found = append(found, f)
	}
	return found
}

// asksAfter says whether a run asks again, elsewhere, after it asked here.
func (w *world) asksAfter(here []*event) bool {
	i := slices.Index(w.events, here[len(here)-1])
	return slices.ContainsFunc(w.events[i+1:], func(e *event) bool { return e.readsStatus() || e.waits() })
}

// most is how often one invocation is asked for in a scenario.
func (p *prober) most(c *scenario, at site) int {
	n := 0
	for _, w := range p.runs(c) {
		var list []*event
		for _, e := range w.events {
			if e.at == at {
				list = append(list, e)
			}
		}
		times, _ := asked(list)
		n = max(n, times)
	}
	return n
}

// asked is how often one invocation was asked for at most.
func asked(list []*event) (int, string) {
	counts := map[string]int{}
	most := 0
	for _, e := range list {
		key := e.flags["--command-id"].s + " " + e.flags["--instance-id"].s
		counts[key]++
		most = max(most, counts[key])
	}
	return most, ""
}

// delays finds what takes Delayed, or an empty list, for an end (W6).
func (p *prober) delays() []finding.Finding {
	var found []finding.Finding
	for _, at := range p.sites(slow, (*event).readsStatus) {
		if !p.greens(slow, at) {
			continue
		}
		var wrong []string
		if p.every(delayed, at, func(w *world, _ []*event) bool { return w.red }) {
			wrong = append(wrong, "Delayed")
		}
		if p.every(nothingYet, at, func(w *world, here []*event) bool {
			return w.red && !slices.ContainsFunc(here, func(e *event) bool { return e.err != "" })
		}) {
			wrong = append(wrong, "no invocation yet (None)")
		}
		if len(wrong) > 0 {
			f := at.at(&statusesRule, "%s: %s is not final, and fails this, though the command may succeed", here(p.runs(slow), at), strings.Join(wrong, " and "))
			f.Severity = finding.Warning
			found = append(found, f)
		}
	}
	return found
}

// early finds reads right after the send that InvocationDoesNotExist fails.
func (p *prober) early() []finding.Finding {
	var found []finding.Finding
	for _, at := range p.sites(early, func(e *event) bool { return e.err == notYet && e.command != nil }) {
		if p.every(early, at, func(w *world, _ []*event) bool { return w.red }) && p.greens(allWell, at) {
			found = append(found, at.at(&earlyRule, "%s right after the send: InvocationDoesNotExist fails this, though the command was sent", here(p.runs(early), at)))
		}
	}
	return found
}

// exposures finds credentials in the log, and in the environment of later steps (R91).
func (p *prober) exposures() []finding.Finding {
	var found []finding.Finding
	var seen []exposure
	for _, w := range p.runs(allWell) {
		for _, x := range w.exposed {
			if slices.Contains(seen, x) {
				continue
			}
			seen = append(seen, x)
			if x.env {
				found = append(found, x.at.at(&leakedRule, "credentials of an assumed role are written into $GITHUB_ENV"))
			} else {
				found = append(found, x.at.at(&printedRule, "credentials of an assumed role are printed"))
			}
		}
	}
	return found
}

// unseen finds AssumeRole whose failure nothing sees (R92).
func (p *prober) unseen() []finding.Finding {
	assumes := func(e *event) bool { return e.service == "sts" && e.err == "AccessDenied" }
	var found []finding.Finding
	for _, at := range p.sites(unassumed, assumes) {
		goesOn := p.every(unassumed, at, func(w *world, here []*event) bool {
			i := slices.Index(w.events, here[len(here)-1])
			if here[0].asked {
				return false
			}
			return w.green() || i+1 < len(w.events) && w.events[i+1].at.script == at.script
		})
		if goesOn && p.greens(allWell, at) {
			found = append(found, at.at(&assumeRule, "aws sts %s: when it fails this goes on, without the role's credentials", p.runs(unassumed)[0].named(at)))
		}
	}
	return found
}

// named is the operation that is called at a place.
func (w *world) named(at site) string {
	for _, e := range w.events {
		if e.at == at {
			return e.operation
		}
	}
	return "assume-role"
}

// uncancelled finds commands that are left running when a script gives up (R101).
func (p *prober) uncancelled() []finding.Finding {
	var found []finding.Finding
	for _, at := range p.sites(unending, isSend) {
		if p.greens(allWell, at) && p.every(unending, at, func(w *world, sends []*event) bool {
			return w.red && !w.ended && len(w.follows(sends)) > few && !w.cancels() && w.never == nil
		}) {
			found = append(found, at.at(&cancelRule, "when the wait for this command is over, the command goes on"))
		}
	}
	return found
}

// cancels says whether a run cancels a command, at a deadline or when it is interrupted.
func (w *world) cancels() bool {
	return slices.ContainsFunc(w.events, func(e *event) bool { return e.is("ssm", "cancel-command") }) ||
		slices.ContainsFunc(w.interrupts, func(t string) bool { return strings.Contains(t, "cancel-command") })
}
