// Package iam is the AWS policy language: parse, print, compile, evaluate, explain and compare.
//
// Documents are parsed once ([Parse]; [Read] for every finding), compiled once ([Compile]) and then evaluated as often as
// wanted: [PolicySet.Evaluate] takes a concrete request and answers definitely, with the statements that decided it;
// [PolicySet.Explain] adds which statements came closest to allowing it, and the smallest that would. [WhoCan] answers
// many calls for many principals, [Compare] says what one policy allows and another does not.
//
// What is evaluated are policies: identity, boundary, session, resource and trust policies, service and resource control
// policies, those of VPC endpoints. KMS grants, access control lists and what a service decides by itself are not there.
// The package reads no clock, no environment and no files, and imports the standard library only.
//
// Where AWS does not document what happens, the engine fails closed, and a comment that begins with
// "uncertain:" says so.
package iam

// Position is a place in a policy's source text. Both count from 1, Column in bytes, as Go's own tools do;
// the zero Position is unknown.
type Position struct{ Line, Column int }

// Outcome is the answer to a request.
type Outcome uint8

// The three answers that AWS's policy evaluation logic gives.
const (
	ImplicitlyDenied Outcome = iota
	ExplicitlyDenied
	Allowed
)

// String gives the outcome as one word: Allowed, ImplicitlyDenied or ExplicitlyDenied.
func (o Outcome) String() string {
	switch o {
	case Allowed:
		return "Allowed"
	case ExplicitlyDenied:
		return "ExplicitlyDenied"
	default:
		return "ImplicitlyDenied"
	}
}

// Layer names a kind of policy in the evaluation.
type Layer uint8

// The layers, in the order in which a denial is reported.
const (
	LayerNone Layer = iota
	LayerIdentity
	LayerBoundary
	LayerSession
	LayerTrust // the trust policy of the role that is assumed
	LayerResource
	LayerSCP      // service control policies of the principal's organization
	LayerRCP      // resource control policies of the resource's organization
	LayerEndpoint // the policy of the VPC endpoint that the request passes

	layerCount
)

var layerNames = [layerCount]string{"none", "identity", "boundary", "session", "trust", "resource", "scp", "rcp", "vpce"}

// String gives the layer as one lower-case word.
func (l Layer) String() string {
	if l < layerCount {
		return layerNames[l]
	}
	return layerNames[LayerNone]
}

// PrincipalKind says what sort of principal makes a request.
type PrincipalKind uint8

// The kinds of principal a policy's Principal element can name.
const (
	PrincipalAWS       PrincipalKind = iota // an IAM user, role session or account
	PrincipalFederated                      // a web identity, named by its provider
	PrincipalService                        // an AWS service, for example ec2.amazonaws.com
	PrincipalAnonymous
)

// Principal is who makes a request. An account's root user has no privileges of its own here: it is given
// a policy that allows everything, like everybody else.
type Principal struct {
	Kind PrincipalKind
	// ARN of the user or of the role session (arn:aws:sts::…:assumed-role/Name/Session);
	// for a federated principal the provider's ARN, for a service its name (ec2.amazonaws.com).
	ARN string
	// RoleARN is who is behind a session: the role of a role session, with its path, or the IAM user of a federated
	// user session (arn:aws:sts::…:federated-user/Name), which its ARN does not tell. Empty for everything else.
	RoleARN string
	// Account is the 12-digit account of the principal; empty for services.
	Account string
	// CanonicalID is the canonical user id of the principal's account, for the resource policies of Amazon S3 that
	// name accounts by it; empty where it is not known.
	CanonicalID string
}

// Request is one API call on one resource, as IAM sees it.
type Request struct {
	Principal Principal
	Action    string // service:Operation
	Resource  string // an ARN, or * for an action without resource types
	// Account owns the resource. When it is empty, the account in Resource counts,
	// and the principal's own where that has none.
	Account string
	// Context holds the request's condition keys. Nothing is derived: keys that AWS fills in by itself, such as
	// aws:PrincipalArn, must be given.
	Context Context
}

// PolicySet is every policy that applies to one principal and one resource. The zero PolicySet denies everything.
// It is not changed by evaluation and may be used by several goroutines at once.
type PolicySet struct {
	Identity []*Policy
	// Boundary is the permissions boundary; nil when the principal has none.
	Boundary *Policy
	// Session holds the session policies given when the session was made; nil when there are none.
	Session []*Policy
	// Trust is the trust policy of the role that the request assumes: it must allow the call
	// even within one account. nil for calls other than sts:AssumeRole*.
	Trust *Policy
	// Resource is the resource's own policy; nil when it has none. Without one a KMS key is closed to everyone.
	Resource *Policy
	// SCPs are the service control policies above the principal, by level: the organization's root first, then each
	// organizational unit, the account last. Every level must allow. nil when none apply: outside of an organization
	// that uses them, and in its management account.
	SCPs [][]*Policy
	// RCPs are the resource control policies above the resource, by level as SCPs are. AWS attaches RCPFullAWSAccess
	// to every level: it must be among them ([AllowEveryone] does the same). nil when none apply.
	RCPs [][]*Policy
	// Endpoint is the policy of the VPC endpoint that the request passes; nil when it passes none.
	Endpoint *Policy
}
