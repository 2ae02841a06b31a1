package iam

// boundary evaluates the permissions boundary, which gives nothing and limits what the identity policies give
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html).
func (e *evaluation) boundary() { e.own(LayerBoundary, e.set.Boundary) }
