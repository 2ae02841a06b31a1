package iam

// trust evaluates the trust policy of the role that is assumed. It is a resource policy that must always allow
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_update-role-trust-policy.html); what it is worth
// by itself depends on how it names the principal, see [grant].
func (e *evaluation) trust() { e.attached(LayerTrust, e.set.Trust) }
