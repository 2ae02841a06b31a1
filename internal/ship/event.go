package ship

import "time"

// EventKind says what an event is about.
type EventKind string

// The kinds of events, in the order in which a deploy meets them.
const (
	EventIdentity  EventKind = "identity"  // who deploys
	EventTargets   EventKind = "targets"   // the nodes that the stage's targets are now
	EventPreflight EventKind = "preflight" // a check passed
	EventEarlier   EventKind = "earlier"   // what became of an earlier send
	EventDocument  EventKind = "document"  // the version that will be sent
	EventSent      EventKind = "sent"      // SendCommand was answered
	EventLost      EventKind = "lost"      // SendCommand's answer was lost: the command is looked for, never sent again
	EventNode      EventKind = "node"      // a node's status changed
	EventWaiting   EventKind = "waiting"   // one tick of the watch, nothing new
	EventNotYet    EventKind = "not yet"   // a call is repeated: throttled, broken, or nothing there yet
	EventWarning   EventKind = "warning"   // a risk that is taken
	EventCancel    EventKind = "cancel"    // interrupted: the command is cancelled
	EventStep      EventKind = "step"      // a step has its verdict
)

// Event is something that happened, for people and for logs. Parameters of a command never enter one.
type Event struct {
	Time      time.Time `json:"time"`
	Kind      EventKind `json:"kind"`
	Stage     string    `json:"stage"`
	Step      string    `json:"step,omitempty"`
	CommandID string    `json:"commandId,omitempty"`
	Instance  string    `json:"instanceId,omitempty"`
	Status    string    `json:"status,omitempty"` // Run Command's words, details first
	Verdict   Verdict   `json:"verdict,omitempty"`
	Message   string    `json:"message"`
	// Counts of nodes by status, of waiting events.
	Counts map[string]int `json:"counts,omitempty"`
	// Node is the node's result, of node events that carry a verdict.
	Node *NodeResult `json:"node,omitempty"`
}
