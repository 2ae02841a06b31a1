package iam

// Decision is the answer to a request, with its reasons.
type Decision struct {
	Outcome Outcome
	// Layer is the first layer that denied; LayerNone when the request is allowed.
	Layer Layer
	// Decisive holds, when the request is allowed, the statements that allow it, in each layer that had to;
	// when it is explicitly denied, every statement that denies it; otherwise nothing.
	// It may be shared with the policy and must not be changed.
	Decisive []StatementRef
}

// StatementRef points at a statement.
type StatementRef struct {
	Policy    string // the document's Name
	Statement string // its Sid, or its index when it has none
	Index     int    // counted from 0
	Effect    Effect
	Pos       Position
}
