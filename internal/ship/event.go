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
	EventBatch     EventKind = "batch"     // a batch begins; Batch says which nodes
	EventPause     EventKind = "pause"     // the pause between two batches
	EventOutput    EventKind = "output"    // lines that a script wrote while it runs, of one node
	EventLock      EventKind = "lock"      // the stage's lock: taken, waited for, lost, released
	EventRecord    EventKind = "record"    // the deploy's record: begun, ended
	EventRollback  EventKind = "rollback"  // a rollback begins
	EventJoined    EventKind = "joined"    // nodes that joined the targets meanwhile and run another version
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
	// Batch is which batch of the step it is about, of rollouts.
	Batch *Batch `json:"batch,omitempty"`
	// Nodes are the nodes it is about: of targets, batch and joined events.
	Nodes []string `json:"nodes,omitempty"`
	// Until is when a pause, or the wait for a lock, ends.
	Until time.Time `json:"until,omitzero"`
	// Version is what is shipped, as the deploy's record has it: of record and rollback events.
	Version string `json:"version,omitempty"`
}

// Batch is one batch of a step's rollout.
type Batch struct {
	// Number counts from 1. Of is how many there will be, as far as that is known; 0 when not.
	Number int `json:"number"`
	Of     int `json:"of,omitempty"`
	// Done and Total count the step's nodes: with a verdict, and all of them.
	Done  int `json:"done"`
	Total int `json:"total"`
	// Check is true while the batch is validated once more after the pause.
	Check bool `json:"check,omitempty"`
}
