// Package proof evaluates every call of a plan against given roles, from files alone.
//
// A call is proved, refuted, or undecided: undecided where the answer depends on something that neither the plan nor
// the policies say, such as which instances carry a tag or which address a request comes from. Nothing is assumed in
// a role's favour. The evaluator is package iam, the same that the local AWS enforces. The package is pure.
package proof

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
)

// Role is a role as it was given: rendered, read from files, or read from an account.
type Role struct {
	Account, Name string
	// Path is empty where nobody said it: it is not looked at then. With another path than the plan's it is another role.
	Path string
	// User says that it is a user of IAM.
	User bool
	// Trust is nil when the role has no trust policy.
	Trust    *iam.Document
	Policies []*iam.Document
	// Boundary is nil when the role has none.
	Boundary *iam.Document
	// Unknown are policies that the role has and whose text nobody gave. What hangs on one is undecided.
	Unknown []Unknown
	// SCPs are the service control policies above the role's account, by level: the organization's root first, the
	// account last. nil where they were not given: then they are not looked at, and [Result.Unseen] says so.
	SCPs [][]*iam.Document
}

// Unknown is a policy whose text is not known.
type Unknown struct {
	// What it is, for people: "the attached policy arn:aws:iam::aws:policy/ReadOnlyAccess".
	What string
	// Why says what is not known of it, as a sentence, where that is not its text: What is empty then.
	Why string
	// Give says how it can be given.
	Give string
	// Layer that it belongs to: [iam.LayerBoundary], [iam.LayerTrust], [iam.LayerResource], or the
	// role's own policies, which is the zero value too.
	Layer iam.Layer
}

// Bucket is a bucket's policy as it was given.
type Bucket struct {
	// Account that owns the bucket.
	Account, Name string
	// Open says that only a deploy knows the name: Name is a pattern of package path.
	Open bool
	// Policy is nil where nobody gave its text.
	Policy *iam.Document
	// Doubts say, as sentences, what is not known of it. What hangs on it is undecided.
	Doubts []string
}

// Verdict is the answer about one call or about all of them.
type Verdict string

// The three verdicts.
const (
	Proved    Verdict = "proved"
	Undecided Verdict = "undecided"
	Refuted   Verdict = "refuted"
)

// worse orders verdicts: refuted wins over undecided, undecided over proved.
func (v Verdict) worse(w Verdict) Verdict {
	rank := map[Verdict]int{Proved: 0, Undecided: 1, Refuted: 2}
	if rank[w] > rank[v] {
		return w
	}
	return v
}

// Result is the proof of a whole plan.
type Result struct {
	Verdict Verdict `json:"verdict"`
	// Calls are all calls of the plan, in its order.
	Calls []CallResult `json:"calls"`
	// Roles sums up what each role lacks; only roles that lack something.
	Roles []Lack `json:"roles,omitempty"`
	// Rollouts tell how steps spread over their nodes, of those that do not go to all at once: what is proved holds for
	// every batch.
	Rollouts []string `json:"rollouts,omitempty"`
	// Surplus is what roles hold that no call needs; see [Result.Weigh].
	Surplus []Surplus `json:"surplus,omitempty"`
	// Unseen are kinds of policies that were not given and that AWS would ask too, each with how to give it.
	Unseen []string `json:"unseen,omitempty"`
	// Escalations are the ways by which a role of the plan reaches more than it holds; see [Result.Escalate].
	Escalations []Escalation `json:"escalations,omitempty"`
	// Perhaps are such ways that there are only if values that a deploy decides say so.
	Perhaps []Escalation `json:"perhaps_escalations,omitempty"`

	// statements are the statement for each role's name and action, lacking or not.
	statements map[string]string
}

// CallResult is the verdict about one call.
type CallResult struct {
	ID    string `json:"id"`
	Stage string `json:"stage"`
	Step  string `json:"step,omitempty"`
	// Principal that makes the call: a role's ARN, a web identity provider's ARN, or a service.
	Principal string `json:"principal"`
	// Role that is lacking when the call is not proved: the principal's own, or the one that it wants to assume.
	Role   string `json:"role"`
	Action string `json:"action"`
	// Resources of the call; when it is not proved only those that stand in the way.
	Resources []string `json:"resources"`
	Verdict   Verdict  `json:"verdict"`
	// When says in which circumstances a deploy makes the call: the scenario that fails without it.
	When plan.When `json:"when"`
	// Reason is the plan's: why a deploy makes the call.
	Reason string `json:"reason"`
	// Why the call is refuted or undecided.
	Why string `json:"why,omitempty"`
	// Nearest are the existing statements that came closest, in words.
	Nearest []string `json:"nearest,omitempty"`
	// Blocked says that a statement added to the role's policies does not help by itself.
	Blocked bool `json:"blocked,omitempty"`
	// Warnings do not change the verdict.
	Warnings []string `json:"warnings,omitempty"`
}

// Lack is what one role lacks.
type Lack struct {
	Role    string `json:"role"`
	Missing bool   `json:"missing,omitempty"` // the whole role
	// Needs and Lacks are operations, without the service where all are of one.
	Needs []string `json:"needs"`
	Lacks []string `json:"lacks"`
	// Add are the statements to add to the role's policies, ready to paste, and Trust those for its trust policy.
	Add   []Statement `json:"add,omitempty"`
	Trust []Statement `json:"trust,omitempty"`

	// theirs is true for a role that others made, and that slipway does not render.
	theirs bool
}

// Statement is a policy statement to add.
type Statement struct {
	JSON string `json:"json"`
	// Why the role needs it.
	Why string `json:"why"`
	// Star says why the resource must be *; empty when it is not.
	Star string `json:"star,omitempty"`

	actions []string
}

// The exit codes of a proof.
const (
	exitProved    = 0
	exitRefuted   = 1
	exitUndecided = 3
)

// Exit is the exit code: 0 proved, 1 refuted, 3 undecided.
func (r *Result) Exit() int {
	switch r.Verdict {
	case Proved:
		return exitProved
	case Undecided:
		return exitUndecided
	}
	return exitRefuted
}

// Statements gives what a principal that was denied a planned call needs, as JSON to paste: every statement that its
// role lacks, so that it is denied nothing else next; or, where the role was proved and AWS denies all the same, the
// one that the call needs. The principal is a role's ARN, or that of a session of the role. It is empty when the plan
// has no such call.
func (r *Result) Statements(principal, action string) string {
	needed := r.statements[statementKey(roleName(principal), action)]
	if needed == "" {
		return ""
	}
	for _, lack := range r.Roles {
		if roleName(lack.Role) != roleName(principal) || len(lack.Add) == 0 {
			continue
		}
		var all []string
		if !slices.ContainsFunc(lack.Lacks, func(a string) bool { return strings.EqualFold(a, action) }) {
			all = append(all, needed)
		}
		for _, statement := range lack.Add {
			all = append(all, statement.JSON)
		}
		return strings.Join(all, ",\n")
	}
	return needed
}

func statementKey(role, action string) string { return role + " " + strings.ToLower(action) }

// roleName takes the name out of …:role/path/Name and of …:assumed-role/Name/session.
func roleName(arn string) string {
	resource := arn[strings.LastIndexByte(arn, ':')+1:]
	parts := strings.Split(resource, "/")
	if len(parts) > 1 && parts[0] == "assumed-role" {
		return parts[1]
	}
	return parts[len(parts)-1]
}
