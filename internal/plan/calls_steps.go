package plan

// automations adds the calls that publish the stage's runbooks, start them and follow them to their end.
func (b *builder) automations(trigger, verify RoleKind) {
	role := b.stage.role(KindAutomation)
	if role == nil {
		return
	}
	b.add(Call{
		Role: KindSSM, Action: "sts:AssumeRole", Resources: []Resource{{ARN: role.ARN(), Type: "role"}}, When: OnAutomation,
		Often: "once per execution", Reason: "Systems Manager assumes the role for the runbook; its trust policy decides.",
	})
	for i := range b.stage.Automations {
		a := &b.stage.Automations[i]
		step := &Step{Name: a.Name, DocumentName: a.Own.Name, Own: a.Own}
		b.publish(trigger, step, a.Name)
		executions := []Resource{b.stage.executions()}
		add := func(role RoleKind, action string, resources []Resource, when When, often, reason string) {
			b.addTo(step, Call{Step: a.Name, Role: role, Action: action, Resources: resources, When: when, Often: often, Reason: reason})
		}
		// uncertain: whether AWS still asks for automation-definition besides, as it did before 2025; the reference lists it as
		// not required.
		add(trigger, "ssm:StartAutomationExecution", append([]Resource{b.stage.document(step)}, executions...), Always, "once",
			"Starts the runbook.")
		b.addTo(step, Call{
			Step: a.Name, Role: trigger, Action: "iam:PassRole", Resources: []Resource{{ARN: role.ARN(), Type: "role"}},
			PassedTo: "ssm.amazonaws.com", When: Always, Often: "with the start",
			Reason: "Hands the runbook its role, this one and to Systems Manager only.",
		})
		add(verify, "ssm:GetAutomationExecution", executions, Tick, "once per tick", "Reads the state of the runbook while it runs.")
		add(verify, "ssm:DescribeAutomationStepExecutions", executions, OnFinish, "once per page of steps",
			"Reads what became of each step of the runbook.")
		add(verify, "ssm:StopAutomationExecution", executions, OnInterrupt, "once",
			"Stops the runbook when the deploy is interrupted or cancelled.")
	}
}

// tests adds the assumption of the role that the stage's tests run with.
func (b *builder) tests() {
	role := b.stage.role(KindTest)
	if role == nil {
		return
	}
	b.assume(role)
}
