// Package escalation finds out which principals of AWS accounts can become, or command, which others, and prints how.
//
// A [World] of principals with their policies, and of nodes with their roles, goes in; a [Graph] comes out, whose edges
// are well-documented techniques (the table in techniques.go), each with the calls that make it possible and the
// statements that allow them. [Graph.Paths] follows them.
//
// It fails closed. An edge that depends on a condition key whose value is not known is found, and says so ("if …");
// a resource that the caller chooses is taken to be one that the policies allow. What it does not see is a service
// that is not in the table, and a resource policy that gives a principal more than its own policies do.
// The package is pure, and uses the evaluator of package iam.
package escalation

import (
	"github.com/slipway-cd/slipway/iam"
)

// World is what is known of one or several accounts.
type World struct {
	Principals []Principal
	Nodes      []Node
	// Groups of users, with and without members. One that only a user names is known by its name.
	Groups []Group
	// Outside says that there are further roles, users and nodes. What a principal may do to such ones is found too,
	// as an edge to one that stands for all whom a policy's pattern can mean.
	Outside bool
}

// Principal is a role or a user.
type Principal struct {
	// ARN of the role or user, with its path.
	ARN string
	// Name by which it is printed; empty: the last part of its ARN.
	Name string
	// Policies as for [iam.PolicySet]; a user's include those of its groups. Trust and Resource are not used.
	Policies *iam.PolicySet
	// Trust is a role's trust policy; nil: nobody can assume it.
	Trust *iam.Policy
	// Attached are the ARNs of the customer managed policies among Policies, Groups the ARNs of a user's groups.
	Attached, Groups []string
	// Boundary is the ARN of the managed policy that is its boundary; empty where there is none, or nobody knows it.
	Boundary string
	// Documents are the ARNs of Systems Manager documents that are the principal's own to write: what it can make
	// these run on the nodes that run them is nothing new.
	Documents []string
	// Context holds condition keys that are known of the principal's sessions, such as aws:PrincipalTag/…. Its ARN,
	// account, type and user name are added.
	Context map[string][]string
}

// Group is a group of users.
type Group struct {
	// ARN of the group, with its path.
	ARN string
	// Policies of the group; Open says that it may have further ones.
	Policies []*iam.Policy
	Open     bool
	// Attached are the ARNs of the customer managed policies among Policies.
	Attached []string
}

// Node is a machine with an agent that takes commands, and with the credentials of a role.
type Node struct {
	// ARN of the instance (ec2) or managed instance (ssm).
	ARN string
	// Name by which it is printed; empty: the last part of its ARN.
	Name string
	// Tags of the node; OtherTags says that it may have further ones.
	Tags      map[string]string
	OtherTags bool
	// Role is the ARN of the role on the node; empty when none is known.
	Role string
	// If says, as a sentence, on what it depends that there is such a node; empty where it is known to be there.
	If string
}

// Kind says what an edge gives.
type Kind string

// The kinds of edges.
const (
	// Become: the credentials of the other principal.
	Become Kind = "become"
	// Run: code of the caller's choice runs with the other principal's permissions.
	Run Kind = "run"
	// Command: commands on a node that has the other principal's credentials.
	Command Kind = "command"
	// Change: decides what the other principal may do, without becoming it. No path leads on from there.
	Change Kind = "change"
)

// Edge is one way from one principal to another.
type Edge struct {
	From string `json:"from"` // ARN
	// To is the ARN of the other principal; of a node without a known role; of the account's root user
	// (…:root) where a principal can have every permission of the account; of the principal itself where it can give
	// itself more, but not everything (see Limit); or, for one that the world does not list, a pattern.
	To        string `json:"to"`
	Kind      Kind   `json:"kind"`
	Technique string `json:"technique"` // a stable name
	// Limit names what bounds that which a change can give: a boundary, say, or the one policy that may be attached.
	// Empty: nothing that is known.
	Limit string `json:"limit,omitempty"`
	// Via is the ARN of what stands between: the node, the policy, the group, the new role, the one that is changed
	// and then used.
	Via string `json:"via,omitempty"`
	// Calls that make it possible, all of them needed.
	Calls []Call `json:"calls"`
	// If lists what it depends on and the world does not say: condition keys, or a sentence.
	If []string `json:"if,omitempty"`
	// Outside says that To is not one of the world's.
	Outside bool `json:"outside,omitempty"`
	// Source is the page that documents the technique.
	Source string `json:"source"`
}

// Call is an action on a resource, with the statements that allow it.
type Call struct {
	Action     string             `json:"action"`
	Resource   string             `json:"resource"`
	Statements []iam.StatementRef `json:"statements,omitempty"`
}

// Graph is all edges, in the order of the world's principals and of the techniques.
type Graph struct {
	Edges []Edge
	names map[string]string
}

// Find finds all edges. The error is about a policy that cannot be compiled any more when what is unknown is left out,
// which does not happen with policies that come from [iam.Compile].
func Find(w *World) (*Graph, error) {
	f, err := newFinder(w)
	if err != nil {
		return nil, err
	}
	if err := f.find(); err != nil {
		return nil, err
	}
	return f.graph(), nil
}

// find finds the edges.
func (f *finder) find() error {
	for i := range techniques {
		if err := f.technique(&techniques[i]); err != nil {
			return err
		}
	}
	if f.world.Outside {
		if err := f.outside(); err != nil {
			return err
		}
	}
	return f.combine()
}
