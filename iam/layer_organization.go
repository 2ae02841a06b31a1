package iam

import "strings"

// servicePolicies evaluates the service control policies, which limit the principals of member accounts, their root
// users included (https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html).
func (e *evaluation) servicePolicies() {
	if e.scps = e.limitedBySCPs(); e.scps {
		e.levels(LayerSCP, e.set.SCPs)
	}
}

// resourcePolicies evaluates the resource control policies, which limit what anybody may do with the resources of member
// accounts (https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_evaluation.html).
func (e *evaluation) resourcePolicies() {
	if e.rcps = e.limitedByRCPs(); e.rcps {
		e.levels(LayerRCP, e.set.RCPs)
	}
}

// levels evaluates a tree of policies from the root down: the layer allows when each level does.
func (e *evaluation) levels(l Layer, levels [][]*Policy) {
	all := layerSet(l)
	for _, level := range levels {
		all &= e.level(l, level)
	}
	e.allowed = e.allowed&^layerSet(l) | all
}

// level evaluates one level of a tree and returns the layer if it allows.
func (e *evaluation) level(l Layer, level []*Policy) layers {
	e.allowed &^= layerSet(l)
	for _, p := range level {
		if l == LayerRCP {
			e.attached(l, p)
		} else {
			e.own(l, p)
		}
	}
	return e.allowed & layerSet(l)
}

// tree returns the policies of a layer that has levels.
func (e *evaluation) tree(l Layer) [][]*Policy {
	if l == LayerRCP {
		return e.set.RCPs
	}
	return e.set.SCPs
}

// closedLevels returns the levels of a tree that do not allow the request, counted from the root.
func (e *evaluation) closedLevels(l Layer) (closed []int) {
	probe := evaluation{set: e.set, request: e.request, filter: e.filter}
	for i, level := range e.tree(l) {
		if probe.level(l, level) == 0 {
			closed = append(closed, i)
		}
	}
	return closed
}

// limitedBySCPs says whether service control policies have a say. They
// "affect only principals that are managed by accounts that are part of the organization" and
// "don't affect any service-linked role"
// (https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html).
func (e *evaluation) limitedBySCPs() bool {
	p := &e.request.Principal
	return e.set.SCPs != nil && p.Kind == PrincipalAWS && !p.serviceLinked()
}

// limitedByRCPs says whether resource control policies have a say: they limit everybody, but "do not impact the effective
// permissions of any service-linked role", nor who may assume one, and apply to actions of some services only
// (https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html).
func (e *evaluation) limitedByRCPs() bool {
	r := e.request
	return e.set.RCPs != nil && !r.Principal.serviceLinked() && !ServiceLinked(r.Resource) && !isManagedKey(r.Resource) &&
		rcpApplies(r.Action)
}

// isManagedKey says whether the resource is the alias of an AWS managed KMS key: RCPs do not apply to those keys.
// The ARN of such a key itself does not tell.
func isManagedKey(arn string) bool {
	return arnField(arn, arnService) == "kms" && strings.HasPrefix(arnResource(arn), "alias/aws/")
}

// ServiceLinked says whether the ARN is a service-linked role's: it lies under the path that AWS reserves for them
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html).
func ServiceLinked(roleARN string) bool {
	const path = ":role/aws-service-role/"
	return strings.Contains(roleARN, path) && // says no to nearly all, cheaply
		arnField(roleARN, arnService) == "iam" && strings.HasPrefix(arnResource(roleARN), path[1:])
}

func (p *Principal) serviceLinked() bool {
	return p.Kind == PrincipalAWS && (ServiceLinked(p.RoleARN) || ServiceLinked(p.ARN))
}
