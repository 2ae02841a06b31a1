package plan

// enter adds the calls with which each of the pipeline's roles begins.
func (b *builder) enter() {
	for i := range b.stage.Roles {
		r := &b.stage.Roles[i]
		if r.Kind.Shared() {
			b.startBuild(r)
		}
	}
	for i := range b.stage.Roles {
		r := &b.stage.Roles[i]
		if r.Kind == KindNode || r.Kind == KindAutomation || r.Kind == KindTest || r.Kind == KindOperator || r.Kind.Shared() {
			continue
		}
		b.assume(r)
		b.add(Call{
			Role: r.Kind, Action: "sts:GetCallerIdentity", NoPermission: true,
			When: Always, Often: "once", BeforeSend: 1, OnResume: true,
			Reason: "Tells account and principal, so that a deploy never runs in the wrong account unnoticed.",
		})
	}
}

// startBuild adds the assumption of a project's service role by CodeBuild (R85). A user has keys, and assumes nothing first.
func (b *builder) startBuild(own *Role) {
	if own.Kind != KindCodeBuild {
		return
	}
	b.add(Call{
		Role: KindBuilds, Action: "sts:AssumeRole", Resources: []Resource{{ARN: own.ARN(), Type: "role"}},
		When: Always, Often: "at the start of each build", BeforeSend: 1, OnResume: true,
		Reason: "CodeBuild assumes the project's service role for the build; its trust policy decides.",
	})
}

// assume adds the calls by which a role of the stage is assumed. Where the pipeline's own principal does, both halves are
// needed: that principal's policy and the role's trust policy (R84).
func (b *builder) assume(r *Role) {
	call := Call{Resources: []Resource{{ARN: r.ARN(), Type: "role"}}, When: Always, Often: "once", BeforeSend: 1, OnResume: true}
	if r.Kind == KindTest { // when its turn comes, and not to resume anything
		call.When, call.Often, call.BeforeSend, call.OnResume = OnTest, "once per test", 0, false
	}
	own := b.stage.own()
	switch {
	case len(r.Subjects) > 0:
		call.Role, call.Action = r.identity(), "sts:AssumeRoleWithWebIdentity"
		call.Reason = "The workflow enters the account with its GitHub token; the role's trust policy decides."
		if call.Role == KindGitLab {
			call.Reason = "The job enters the account with its GitLab token; the role's trust policy decides."
		}
	case own != nil:
		call.Role, call.Action = own.Kind, "sts:AssumeRole"
		call.Reason = "The pipeline enters the account from its own; its policy and the role's trust policy decide."
	default:
		return
	}
	b.add(call)
	if own != nil && own.Kind == KindUser {
		b.add(Call{
			Role: KindUser, Action: "sts:TagSession", Resources: call.Resources, When: OnTags, Often: "with each assumption",
			Reason: "aws-actions/configure-aws-credentials tags the sessions that it makes: both sides must allow that too.",
		})
	}
}

// enters says whether a call is one by which a role of the stage is entered by the pipeline.
func (b *builder) enters(c *Call) bool {
	return c.Role == KindGitHub || c.Role == KindGitLab || c.Role.Shared()
}

// own is the pipeline's own principal; nil where it has none.
func (s *Stage) own() *Role {
	for i := range s.Roles {
		if s.Roles[i].Kind.Shared() {
			return &s.Roles[i]
		}
	}
	return nil
}
