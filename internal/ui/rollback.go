package ui

import "github.com/slipway-cd/slipway/internal/ship"

// rolledBack tells what the rollback did that followed a failed deploy: its nodes where it did not succeed on all of
// them, and how it ended.
func (u *UI) rolledBack(back *ship.Result) {
	if back == nil {
		return
	}
	if back.Verdict != ship.Succeeded {
		u.nodesTable(back)
		for i := range back.Steps {
			u.explain(&back.Steps[i], back.Problem)
		}
		if back.Problem != nil {
			u.problem(back.Problem)
		}
	}
	text := "rollback"
	if back.Record != nil {
		text += " to " + clean(back.Record.Version)
	}
	text += ": " + u.verdict(back.Verdict)
	if back.Verdict == ship.Refused {
		text += ", nothing was sent"
	}
	u.note("%s", text)
}
