package iam

// resource evaluates the resource's own policy. Within one account it adds to the identity policies,
// across accounts both must allow
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html).
func (e *evaluation) resource() { e.attached(LayerResource, e.set.Resource) }
