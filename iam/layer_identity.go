package iam

// identity evaluates the policies attached to the user or role: any one of them may allow
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_identity-vs-resource.html).
func (e *evaluation) identity() {
	for _, p := range e.set.Identity {
		e.own(LayerIdentity, p)
	}
}
