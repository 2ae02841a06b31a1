package roles

import (
	"fmt"

	"github.com/slipway-cd/slipway/internal/plan"
)

// crossAccountPolicy ends the name of the policy of a pipeline's user, a managed one so that a key's successor can have it
// too (R87).
const crossAccountPolicy = "-GithubActionsCrossAccountPolicy"

// managedPath is the path of managed policies.
const managedPath = "/managed/"

// pipeline renders the principal that the pipeline itself has, from the calls of all stages: there is one of it.
func (s *Set) pipeline(p *plan.Plan) error {
	all := plan.Stage{}
	var own *plan.Role
	for i := range p.Stages {
		for j, r := range p.Stages[i].Roles {
			if r.Kind.Shared() {
				own = &p.Stages[i].Roles[j]
			}
		}
		all.Calls = append(all.Calls, p.Stages[i].Calls...)
	}
	if own == nil {
		return nil
	}
	if own.Kind == plan.KindUser {
		return s.user(&all, *own, p.App)
	}
	role, err := render(&all, *own, p.Boundary)
	if err != nil {
		return fmt.Errorf("role %s: %w", own.Name, err)
	}
	s.Roles = append(s.Roles, role)
	return nil
}

// user renders the user whose access keys a pipeline has. What it may do is in a managed policy.
func (s *Set) user(all *plan.Stage, own plan.Role, app string) error {
	policy, err := permissions(all, own)
	if err != nil {
		return fmt.Errorf("user %s: %w", own.Name, err)
	}
	name := app + crossAccountPolicy
	policy.Document.Name = managedFile(own.Account, userPrefix+own.Name, name)
	u := User{
		Account: own.Account, Name: own.Name, Path: own.Path, Purpose: own.Purpose,
		Attached: []Attached{{
			ARN: "arn:aws:iam::" + own.Account + ":policy" + managedPath + name, Document: policy.Document, Notes: policy.Notes,
		}},
	}
	if n := policy.Document.Size(); n > maxManaged {
		return fmt.Errorf("user %s: its policy has %d characters, and IAM takes %d", own.Name, n, maxManaged)
	}
	s.Users = append(s.Users, u)
	return reread(policy.Document)
}
