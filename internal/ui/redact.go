package ui

import (
	"slices"

	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/ship"
)

// redacted is an event without what is certainly a secret (R119). The event itself stays as it is.
func (u *UI) redacted(e ship.Event) ship.Event {
	if e.Kind == ship.EventOutput { // it comes in parts, and a private key may go over several
		keys := u.keys[e.Instance]
		if keys == nil {
			keys = &release.LineRedactor{}
			u.keys[e.Instance] = keys
		}
		e.Message = keys.Redact(e.Message)
		return e
	}
	e.Message = release.RedactOutput(e.Message)
	if e.Node != nil {
		node := redactedNode(*e.Node)
		e.Node = &node
	}
	return e
}

func redactedNode(n ship.NodeResult) ship.NodeResult {
	n.Why = release.RedactOutput(n.Why)
	n.Steps = slices.Clone(n.Steps)
	for i := range n.Steps {
		s := &n.Steps[i]
		s.Stdout, s.Stderr = release.RedactOutput(s.Stdout), release.RedactOutput(s.Stderr)
	}
	return n
}

// Redacted is a result without what is certainly a secret, as it may be shown or written to a file (R119). The result
// itself stays as it is.
func Redacted(r *ship.Result) *ship.Result {
	out := *r
	out.Steps = slices.Clone(r.Steps)
	for i := range out.Steps {
		s := &out.Steps[i]
		s.Why = release.RedactOutput(s.Why)
		s.Nodes = slices.Clone(s.Nodes)
		for j := range s.Nodes {
			s.Nodes[j] = redactedNode(s.Nodes[j])
		}
	}
	if r.Problem != nil {
		p := *r.Problem
		p.Message, p.Hint = release.RedactOutput(p.Message), release.RedactOutput(p.Hint)
		out.Problem = &p
	}
	return &out
}
