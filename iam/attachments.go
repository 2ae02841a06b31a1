package iam

// Attachments is everything that is attached to one role, user or group, for [Attachments.Quotas].
type Attachments struct {
	Name   string     // of the role, user or group, for messages
	Holder PolicyKind // RolePolicy, UserPolicy or GroupPolicy: the kind of its inline policies
	Inline []*Document
	// Managed are the customer managed policies whose text is known.
	Managed []*Document
	// ManagedCount is how many managed policies are attached, AWS's own and unknown ones included. It need not be
	// given if Managed has all.
	ManagedCount int
	Trust        *Document // of a role; nil if it is not known
	Boundary     *Document // a managed policy too, which counts on its own; nil if there is none
}

// Quotas finds what AWS would not store or attach (R118): each [*SyntaxError] has the code [CodeQuotaSize] or
// [CodeQuotaCount], and the place of the statement with which there is too much, where there is one.
// Documents with intrinsics have no known size: what has one of them is not judged by size.
func (a *Attachments) Quotas() []*SyntaxError {
	var findings []*SyntaxError
	if q, ok := quotaOf(a.Holder, CodeQuotaSize); ok {
		findings = append(findings, q.check(a.Inline)...)
	}
	for _, d := range a.Managed {
		findings = append(findings, d.checkSize(ManagedPolicy)...)
	}
	if a.Boundary != nil {
		findings = append(findings, a.Boundary.checkSize(ManagedPolicy)...)
	}
	if a.Trust != nil {
		findings = append(findings, a.Trust.checkSize(TrustPolicy)...)
	}
	count := max(a.ManagedCount, len(a.Managed))
	if q, ok := quotaOf(a.Holder, CodeQuotaCount); ok && count > q.Max {
		findings = append(findings, newFinding(a.Name, Position{}, q.Code, "%s", q.message(count)))
	}
	return findings
}
