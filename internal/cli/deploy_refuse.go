package cli

import (
	"fmt"

	"github.com/slipway-cd/slipway/internal/plan"
)

// refuseAutomations refuses a release with runbooks before anything is sent to any stage: they are planned and proved, and a
// deploy that left them out would be none.
func refuseAutomations(p *plan.Plan) error {
	for i := range p.Stages {
		for _, a := range p.Stages[i].Automations {
			return &failure{
				code: exitRefused,
				err: fmt.Errorf("refused: stage %s, step %s: automation steps are planned and proved, and not carried out yet; nothing was sent",
					p.Stages[i].Name, a.Name),
				hint: "ship the other stages with --stage; start the runbook yourself: aws ssm start-automation-execution --document-name " + a.Own.Name,
			}
		}
	}
	return nil
}
