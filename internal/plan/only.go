package plan

import (
	"fmt"
	"strings"
)

// Only is the plan of one stage. The error names the stages that there are.
func (p *Plan) Only(stage string) (*Plan, error) {
	names := make([]string, len(p.Stages))
	for i, s := range p.Stages {
		if s.Name == stage {
			return &Plan{App: p.App, Record: p.Record, Boundary: p.Boundary, Stages: p.Stages[i : i+1 : i+1]}, nil
		}
		names[i] = s.Name
	}
	return nil, fmt.Errorf("no stage %q: there is %s", stage, strings.Join(names, ", "))
}

// Role is the stage's role of a kind; ok is false when the stage has none.
func (s *Stage) Role(kind RoleKind) (role Role, ok bool) {
	if r := s.role(kind); r != nil {
		return *r, true
	}
	return Role{}, false
}

// Pipeline gives the kinds of the roles that send and that watch: Trigger and Verify of a split stage, Deploy twice
// otherwise.
func (s *Stage) Pipeline() (send, watch RoleKind) {
	if s.role(KindTrigger) != nil {
		return KindTrigger, KindVerify
	}
	return KindDeploy, KindDeploy
}
