package iam

// session evaluates the policies passed when the session was made: they limit it together, any one may allow
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session).
func (e *evaluation) session() {
	for _, p := range e.set.Session {
		e.own(LayerSession, p)
	}
}
