package plan

import "slices"

// Again is the plan that ships the steps of an earlier deploy to a stage, as they were recorded: with the documents that
// are there, and without making any. It is what a rollback does, and what a resume may still have to do.
func (p *Plan) Again(stage string, steps []Step) (*Plan, error) {
	only, err := p.Only(stage)
	if err != nil {
		return nil, err
	}
	again := *only
	s := only.Stages[0]
	s.Steps = slices.Clone(steps)
	var declared []Call
	for _, c := range s.Calls {
		if c.When == OnScript || c.Role == KindAutomation || c.Role == KindTest {
			declared = append(declared, c)
		}
	}
	s.Calls = newCalls(p.App, &s, p.Record, declared)
	again.Stages = []Stage{s}
	return &again, nil
}
