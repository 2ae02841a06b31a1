package ui

import (
	"cmp"

	"github.com/slipway-cd/slipway/internal/record"
	"github.com/slipway-cd/slipway/internal/ship"
)

// rollbackOf is "rollback to v41 (deploy 20261121T090000Z-11aa)" of a result that is a rollback's; empty of others.
func rollbackOf(r *ship.Result) string {
	if r.Record == nil || r.Record.Kind != record.KindRollback {
		return ""
	}
	text := "rollback"
	if to := cmp.Or(r.Record.Version, r.Record.Target); to != "" {
		text += " to " + to
	}
	if r.Record.Target != "" && r.Record.Target != r.Record.Version {
		text += " (deploy " + r.Record.Target + ")"
	}
	return text
}

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
