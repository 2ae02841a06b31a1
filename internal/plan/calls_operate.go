package plan

import "slices"

// published are actions that make what a rollback finds: people ship again what was shipped, and nothing else.
var published = []string{"ssm:CreateDocument", "ssm:UpdateDocument", "ssm:ListDocumentVersions"}

// operate adds what people call who look at deploys, resume, cancel and roll back (R124): what the pipeline's roles call, but
// for what publishes something new.
func (b *builder) operate(trigger, verify RoleKind) {
	operator := b.stage.role(KindOperator)
	if operator == nil {
		return
	}
	pipeline := slices.Clone(b.calls)
	b.add(Call{
		Role: KindPeople, Action: "sts:AssumeRole", Resources: []Resource{{ARN: operator.ARN(), Type: "role"}},
		When: OnStatus, Often: "once", Reason: "A person enters the role; its trust policy decides, and what that person is allowed.",
	})
	if test := b.stage.role(KindTest); test != nil && len(test.People) > 0 {
		b.add(Call{
			Role: KindPeople, Action: "sts:AssumeRole", Resources: []Resource{{ARN: test.ARN(), Type: "role"}}, When: OnTest,
			Often: "once per test", Reason: "A person who resumes a deploy runs the tests that are left, as the role that is for them.",
		})
	}
	for _, c := range pipeline {
		if c.Role != trigger && c.Role != verify || slices.Contains(published, c.Action) || c.For == keepScripts.sid {
			continue
		}
		if c.When != OnStatus && c.When != OnResume && c.When != OnInterrupt && c.When != OnLost && c.When != OnFailure {
			c.When = OnRollback
		}
		c.Role, c.Least, c.BeforeSend = KindOperator, 0, 0
		same := func(o Call) bool {
			return o.Role == c.Role && o.Action == c.Action && o.When == c.When && o.Step == c.Step && o.ID == c.ID && o.For == c.For &&
				slices.EqualFunc(o.Resources, c.Resources, func(x, y Resource) bool { return x.ARN == y.ARN })
		}
		if i := slices.IndexFunc(b.calls, same); i >= 0 { // the same, made in several circumstances of a deploy
			b.calls[i].OnResume = b.calls[i].OnResume || c.OnResume
			continue
		}
		b.add(c)
	}
}
