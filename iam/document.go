package iam

// Effect is what a statement does to the requests that it matches.
type Effect string

// The two effects. The policy language spells them exactly so.
const (
	Allow Effect = "Allow"
	Deny  Effect = "Deny"
)

// The versions of the policy language. A document without a version has the older one, which knows
// no policy variables.
const (
	Version2012 = "2012-10-17"
	Version2008 = "2008-10-17"
)

// The kinds of principal that a Principal element can name, and [AnyPrincipal] for `"Principal": "*"`.
const (
	KindAWS           = "AWS"
	KindFederated     = "Federated"
	KindService       = "Service"
	KindCanonicalUser = "CanonicalUser"
	AnyPrincipal      = "*"
)

// Document is a policy as it is written. It can be parsed or built by hand; [Compile] makes it usable.
//
// A document that was read with [ReadOptions.Intrinsics] may hold values that only CloudFormation knows. Such a
// value stands in the place of the string that it stands for, marked as [Intrinsic] says; where it replaces more
// than a string, the field's comment says where it is kept.
type Document struct {
	Name       string // file or policy name, for messages and for [StatementRef]
	Version    string // empty when the document has none
	ID         string // the Id element
	Statements []Statement

	// Intrinsic is an [Intrinsic] in the place of the whole policy; the other fields but Name are empty then.
	Intrinsic string
	// StatementIntrinsic is an [Intrinsic] in the place of the whole Statement element; Statements is empty then.
	StatementIntrinsic string
}

// Statement is one statement of a policy. Of each pair (Principals and NotPrincipals, Actions and NotActions,
// Resources and NotResources) at most one may be filled.
type Statement struct {
	Sid           string
	Effect        Effect
	Principals    []PrincipalPattern
	NotPrincipals []PrincipalPattern
	Actions       []string
	NotActions    []string
	Resources     []string
	NotResources  []string
	Conditions    []Condition
	Pos           Position // where the statement's brace stands; zero when built by hand
	Places        Places   // where its elements stand, if [ReadOptions.Places] asked for it

	// Intrinsic is an [Intrinsic] in the place of the whole statement; the other fields but Pos are empty then.
	Intrinsic string
}

// Places are where the values of a statement's elements stand, each of an element or of its Not form; zero where there is
// no such element, or where they were not asked for. Conditions have their own.
type Places struct {
	Sid, Effect, Principal, Action, Resource Position
	// Actions and Resources are the places of the values one by one, of the element or of its Not form.
	Actions, Resources []Position
}

// PrincipalPattern names principals of one kind, for example Service and ec2.amazonaws.com.
// `"Principal": "*"` is the kind [AnyPrincipal] without values; an [Intrinsic] in the place of the whole element
// is a kind without values too.
type PrincipalPattern struct {
	Kind   string
	Values []string
}

// Condition compares one context key with a list of values. All conditions of a statement must hold.
// An [Intrinsic] in the place of the whole Condition element is an Operator without key and values; one in the
// place of an operator's keys is a Key without values.
type Condition struct {
	Operator string // with its prefix and suffix, for example ForAnyValue:StringLikeIfExists
	Key      string
	Values   []string
	Pos      Position // where the key stands; zero when built by hand
}
