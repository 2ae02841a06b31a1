package iam_test

import (
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// reference is the slow and obvious evaluator that the compiled one is compared with. It works on documents, with
// regular expressions and strings only, follows AWS's words one after the other, and shares no code with the package.
type reference struct {
	documents documents
	request   *iam.Request
}

// documents are all policies that apply, by layer and level. A layer that is not in the map has no policies and no
// say; only SCPs and RCPs have more than one level.
type documents map[iam.Layer][][]*iam.Document

// The worth of being named in a policy, see [reference.worth].
const (
	worthNothing = iota
	worthAccount
	worthRole
	worthEveryone
	worthSelf
)

// ruling is an outcome, with the layers that deny explicitly, or that had to allow and do not.
type ruling struct {
	outcome iam.Outcome
	layers  []iam.Layer
}

// says tells what one layer says to the request.
type says struct {
	allows, denies bool
	worth          int
}

// verdict follows "How AWS enforcement code logic evaluates requests to allow or deny access"
// (reference_policies_evaluation-logic_policy-eval-denyallow.html): an explicit deny anywhere ends it; after that each
// layer that has a say must allow.
func (f *reference) verdict() ruling {
	said := map[iam.Layer]says{}
	denied := ruling{outcome: iam.ExplicitlyDenied}
	for layer := iam.LayerIdentity; layer <= iam.LayerEndpoint; layer++ {
		said[layer] = f.layer(layer)
		if said[layer].denies && !(f.free() && layer <= iam.LayerResource) {
			denied.layers = append(denied.layers, layer)
		}
	}
	if len(denied.layers) > 0 {
		return denied
	}
	missing := ruling{outcome: iam.ImplicitlyDenied}
	for layer := iam.LayerIdentity; layer <= iam.LayerEndpoint; layer++ {
		if f.must(layer, said) && !said[layer].allows {
			missing.layers = append(missing.layers, layer)
		}
	}
	if len(missing.layers) > 0 {
		return missing
	}
	return ruling{outcome: iam.Allowed}
}

// layer asks all policies of one layer: "for a permission to be allowed for a specific account, there must be an
// explicit Allow statement at every level from the root through each OU in the direct path to the account (including
// the target account itself)" (orgs_manage_policies_scps_evaluation.html); the other layers have one level.
func (f *reference) layer(layer iam.Layer) says {
	levels, exists := f.documents[layer]
	out := says{allows: exists}
	if !f.applies(layer) {
		return says{}
	}
	for _, level := range levels {
		allows := false
		for _, d := range level {
			for i := range d.Statements {
				st := &d.Statements[i]
				switch worth := f.statement(layer, d, st); {
				case worth == worthNothing:
				case st.Effect == iam.Deny:
					out.denies = true
				default:
					allows, out.worth = true, max(out.worth, worth)
				}
			}
		}
		out.allows = out.allows && allows
	}
	return out
}

// free says whether the caller needs no permission: "you can still perform this operation" (API_GetCallerIdentity.html), if
// the VPC endpoint lets it pass (reference_sts_vpc_endpoint_policies.html).
func (f *reference) free() bool {
	return f.request.Principal.Kind == iam.PrincipalAWS && strings.EqualFold(f.request.Action, "sts:GetCallerIdentity")
}

// applies says whether the policies of a layer concern this request at all.
func (f *reference) applies(layer iam.Layer) bool {
	p := f.request.Principal
	linked := regexp.MustCompile(`^arn:[^:]*:iam::\d{12}:role/aws-service-role/`)
	serviceLinked := p.Kind == iam.PrincipalAWS && (linked.MatchString(p.ARN) || linked.MatchString(p.RoleARN))
	switch layer {
	case iam.LayerSCP:
		// "SCPs affect only IAM users and roles that are managed by accounts that are part of the organization";
		// they "don't affect any service-linked role" (orgs_manage_policies_scps.html).
		return p.Kind == iam.PrincipalAWS && !serviceLinked
	case iam.LayerRCP:
		// "RCPs don't impact the effective permissions of any service-linked role"; "RCPs apply to a subset of AWS
		// services"; kms:RetireGrant is among what "is not restricted by RCPs" (orgs_manage_policies_rcps.html).
		service, _, _ := strings.Cut(strings.ToLower(f.request.Action), ":")
		supported := []string{"s3", "sts", "kms", "sqs", "secretsmanager"}
		return !serviceLinked && slices.Contains(supported, service) && !strings.EqualFold(f.request.Action, "kms:RetireGrant")
	default:
		return true
	}
}

// must says whether a layer has to allow, given what the layers say.
func (f *reference) must(layer iam.Layer, said map[iam.Layer]says) bool {
	_, exists := f.documents[layer]
	if f.free() {
		return layer == iam.LayerEndpoint && exists
	}
	switch layer {
	case iam.LayerSCP, iam.LayerRCP, iam.LayerEndpoint:
		return exists && f.applies(layer)
	case f.gate():
		return f.gateMust()
	case iam.LayerIdentity:
		return f.identityMust(said)
	case iam.LayerBoundary:
		return exists && f.limited(said)
	case iam.LayerSession:
		// "If you do not pass a policy, the resulting federated user session has no permissions"
		// (API_GetFederationToken.html), but for those of resource policies that name the session.
		return (exists || strings.Contains(f.request.Principal.ARN, ":federated-user/")) && f.limited(said)
	}
	return false
}

// limited says whether boundary and session policies limit the request: those that grant to the user or session itself
// are not "limited by an implicit deny in an identity-based policy, permissions boundary, or session policy", those to the
// role are by the latter two (reference_policies_evaluation-logic_policy-eval-denyallow.html), and those to everyone
// are not either: "Permissions boundaries and session policies do not limit permissions granted using the
// aws:PrincipalArn condition key with a wildcard (*) in the Principal element" (reference_policies_elements_principal.html).
func (f *reference) limited(said map[iam.Layer]says) bool {
	return f.request.Principal.Kind == iam.PrincipalAWS && (f.otherAccount() || said[f.gate()].worth <= worthRole)
}

// gate is the policy of the resource: for a role that is assumed, its trust policy.
func (f *reference) gate() iam.Layer {
	if _, exists := f.documents[iam.LayerTrust]; exists {
		return iam.LayerTrust
	}
	return iam.LayerResource
}

// gateMust says whether the resource's own policy has to allow: always for who has no identity policies and across
// accounts ("the request must be allowed in both accounts"), always for a role ("a role trust policy … must
// always allow") and a KMS key ("Unlike other AWS resource policies, … no principal … has any permissions to a KMS key
// unless that permission is explicitly allowed" in the key policy, grants aside).
func (f *reference) gateMust() bool {
	return f.request.Principal.Kind != iam.PrincipalAWS || f.otherAccount() || f.closed()
}

// closed says whether the account's own principals need the resource's policy too: for a role that is assumed, and for
// a KMS key.
func (f *reference) closed() bool {
	service, _, _ := strings.Cut(strings.ToLower(f.request.Action), ":")
	return f.gate() == iam.LayerTrust ||
		service == "kms" && f.ofKey() ||
		service == "sts" && strings.HasPrefix(strings.ToLower(f.request.Action), "sts:assumerole") && !strings.EqualFold(f.request.Action, "sts:AssumeRoot") ||
		service == "sts" && regexp.MustCompile(`^arn:[^:]*:iam:[^:]*:[^:]*:role/`).MatchString(f.request.Resource)
}

// ofKey says whether an action is about a KMS key, be it named by its alias, and not about the alias or none.
func (f *reference) ofKey() bool {
	_, operation, _ := strings.Cut(strings.ToLower(f.request.Action), ":")
	if strings.Contains(f.request.Resource, ":alias/") {
		return !slices.Contains([]string{"createalias", "updatealias", "deletealias"}, operation)
	}
	return !strings.HasSuffix(operation, "customkeystore") && !strings.HasSuffix(operation, "customkeystores") &&
		!slices.Contains([]string{"createkey", "listkeys", "listaliases", "generaterandom"}, operation)
}

// identityMust says whether the principal's own policies have to allow: across accounts always, within one account
// unless the resource's policy names the principal itself, its role, or everyone: "For IAM users and role
// principals within your account, no other permissions are required" (reference_policies_elements_principal.html).
// To name the account only delegates.
func (f *reference) identityMust(said map[iam.Layer]says) bool {
	if f.request.Principal.Kind != iam.PrincipalAWS {
		return false
	}
	return f.otherAccount() || said[f.gate()].worth <= worthAccount
}

func (f *reference) otherAccount() bool {
	owner := f.request.Account
	if parts := strings.SplitN(f.request.Resource, ":", 6); owner == "" && len(parts) == 6 && accountID.MatchString(parts[4]) {
		owner = parts[4]
	}
	return owner != "" && owner != f.account()
}

var accountID = regexp.MustCompile(`^[0-9]{12}$`)

func (f *reference) account() string {
	p := f.request.Principal
	if parts := strings.SplitN(p.ARN, ":", 6); p.Account == "" && len(parts) == 6 && accountID.MatchString(parts[4]) {
		return parts[4]
	}
	return p.Account
}

// statement says what a statement that matches is worth, and nothing when it does not match.
func (f *reference) statement(layer iam.Layer, d *iam.Document, st *iam.Statement) int {
	if !f.action(st) || !f.resource(layer, d, st) || !f.conditions(d, st) {
		return worthNothing
	}
	deny := st.Effect == iam.Deny
	names := len(st.Principals)+len(st.NotPrincipals) > 0
	switch layer {
	case iam.LayerTrust, iam.LayerResource, iam.LayerRCP, iam.LayerEndpoint:
	default:
		// AWS accepts no such policy that names principals or no resource: its Allow is worth nothing here.
		if !deny && (names || len(st.Resources)+len(st.NotResources) == 0) {
			return worthNothing
		}
		return worthSelf
	}
	if !names && deny {
		return worthEveryone // AWS accepts no such policy either
	}
	service, _, _ := strings.Cut(strings.ToLower(f.request.Action), ":")
	without := layer == iam.LayerTrust || layer == iam.LayerResource && (service == "sts" || service == "ecr")
	if !deny && !without && len(st.Resources)+len(st.NotResources) == 0 {
		return worthNothing // "Statements must include either a Resource or a NotResource element"
	}
	worth := f.principal(st)
	switch {
	case deny:
	case layer == iam.LayerTrust && len(st.NotPrincipals) > 0:
		// "You cannot use the NotPrincipal element in an IAM identity-based policy nor in an IAM role trust policy"
		// (reference_policies_elements_notprincipal.html).
		return worthNothing
	case layer == iam.LayerTrust && f.request.Principal.Kind != iam.PrincipalAWS && worth == worthEveryone:
		return worthNothing
	case layer == iam.LayerEndpoint && worth == worthAccount && f.gatewayEndpoint() && f.request.Principal.ARN != f.root():
		return worthNothing
	}
	return worth
}

// gatewayEndpoint says whether an account in the endpoint's policy means its root user only: "access is granted to the AWS
// account root user only, not all users and roles for the account" (vpc-endpoints-access.html, gateway endpoints).
func (f *reference) gatewayEndpoint() bool {
	service, _, _ := strings.Cut(strings.ToLower(f.request.Action), ":")
	return service == "s3" || service == "s3express" || service == "dynamodb"
}
