package ship

import (
	"maps"
	"slices"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/record"
)

// recorded writes a step down as it is shipped now: with the version of its document, and all that its rollout needs
// to go on where another process left it.
func (r *runner) recorded(step *plan.Step) record.Step {
	s := record.Step{
		Name: step.Name, DocumentName: documentName(step), Parameters: maps.Clone(step.Parameters),
		ScriptSteps: slices.Clone(step.ScriptSteps), DeliveryTimeout: step.DeliveryTimeout, ExecutionTimeout: step.ExecutionTimeout,
		Once: step.Once, MaxConcurrency: step.MaxConcurrency, MaxErrors: step.MaxErrors,
		Rollout: record.Rollout(step.Rollout), Output: record.Output(step.Output), Sources: slices.Clone(step.Sources),
	}
	if step.Own != nil {
		s.DocumentVersion, s.DocumentHash = r.documents[step.Name], step.Own.Hash
	}
	if step.Check != nil {
		check := r.recorded(step.Check)
		s.Check = &check
	}
	return s
}

// recordedSteps are all steps of the stage.
func (r *runner) recordedSteps() []record.Step {
	steps := make([]record.Step, len(r.stage.Steps))
	for i := range r.stage.Steps {
		steps[i] = r.recorded(&r.stage.Steps[i])
	}
	return steps
}

// planned is a step of a record as it can be shipped again: its document is not made, it must be there, in that version
// and with that hash.
func planned(s record.Step) plan.Step {
	step := plan.Step{
		Name: s.Name, DocumentName: s.DocumentName, Parameters: maps.Clone(s.Parameters),
		ScriptSteps: slices.Clone(s.ScriptSteps), DeliveryTimeout: s.DeliveryTimeout, ExecutionTimeout: s.ExecutionTimeout,
		Once: s.Once, MaxConcurrency: s.MaxConcurrency, MaxErrors: s.MaxErrors,
		Rollout: plan.Rollout(s.Rollout), Output: plan.Output(s.Output), Sources: slices.Clone(s.Sources),
	}
	if s.DocumentHash != "" {
		step.Own = &plan.Document{Name: s.DocumentName, Hash: s.DocumentHash, Version: s.DocumentVersion}
	}
	if s.Check != nil {
		check := planned(*s.Check)
		step.Check = &check
	}
	return step
}

// plannedSteps are the steps of a deploy as they can be shipped again.
func plannedSteps(d *record.Deploy) []plan.Step {
	steps := make([]plan.Step, len(d.Steps))
	for i, s := range d.Steps {
		steps[i] = planned(s)
	}
	return steps
}
