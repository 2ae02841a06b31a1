package plan

import (
	"fmt"
	"slices"
	"strings"
)

// Recorded is a call that was really made, as a local AWS recorded it.
type Recorded struct {
	// Account is the 12-digit account of the principal; for a principal without one, of the resource.
	Account string
	// Principal is the name of the role (<app>-<stage>-<Kind>); GitHub, EC2 or SSM for the assumption of a role by
	// a web identity or a service.
	Principal string
	Action    string
	// Resources that were authorised: ARNs, or "*" for an action without resource types.
	Resources []string
}

// Filter limits a comparison to what was shipped. Nil members stand for everything.
type Filter struct{ Stages, Steps []string }

func (f Filter) stage(name string) bool { return f.Stages == nil || slices.Contains(f.Stages, name) }

// step holds for the calls of a whole stage too.
func (f Filter) step(name string) bool {
	return f.Steps == nil || name == "" || slices.Contains(f.Steps, name)
}

// Difference is what was made and not planned, or planned and not made. Both empty means that the plan was true.
type Difference struct {
	Outside []Recorded
	// Missing are the calls that every deploy makes and that were never recorded.
	Missing []Call
}

// Empty says that the recorded calls and the plan agree.
func (d Difference) Empty() bool { return len(d.Outside) == 0 && len(d.Missing) == 0 }

// String tells the difference, for a test's failure; empty when there is none.
func (d Difference) String() string {
	var b strings.Builder
	for _, r := range d.Outside {
		fmt.Fprintf(&b, "not in the plan: %s by %s in %s on %s\n",
			r.Action, r.Principal, r.Account, strings.Join(r.Resources, ", "))
	}
	for _, c := range d.Missing {
		fmt.Fprintf(&b, "never made: %s (%s)\n", c.ID, c.Reason)
	}
	return b.String()
}

// Compare holds the recorded calls of one or more deploys against the plan: each must be planned, and every Always
// call of the filtered stages and steps must have been made.
func (p *Plan) Compare(recorded []Recorded, f Filter) Difference {
	var d Difference
	made := make(map[string]bool)
	for _, r := range recorded {
		planned := false
		for i := range p.Stages {
			s := &p.Stages[i]
			if !f.stage(s.Name) || s.Account != r.Account {
				continue
			}
			for j := range s.Calls {
				if c := &s.Calls[j]; f.step(c.Step) && s.covers(c, r) {
					planned, made[c.ID] = true, true
				}
			}
		}
		if !planned {
			d.Outside = append(d.Outside, r)
		}
	}
	for i := range p.Stages {
		if !f.stage(p.Stages[i].Name) {
			continue
		}
		for _, c := range p.Stages[i].Calls {
			if c.When == Always && f.step(c.Step) && !made[c.ID] {
				d.Missing = append(d.Missing, c)
			}
		}
	}
	return d
}

// covers says whether a recorded call is the planned one.
func (s *Stage) covers(c *Call, r Recorded) bool {
	principal := string(c.Role)
	if role := s.role(c.Role); role != nil {
		principal = role.Name
	}
	if r.Principal != principal || !strings.EqualFold(c.Action, r.Action) {
		return false
	}
	if c.NoPermission {
		return true // nothing was authorised, so nothing says on what
	}
	if len(r.Resources) == 0 {
		return false
	}
	for _, arn := range r.Resources {
		if !slices.ContainsFunc(c.Resources, func(planned Resource) bool { return matches(planned.ARN, arn) }) {
			return false
		}
	}
	return true
}

// matches says whether an ARN fits a planned one, whose only wildcard is a * at its end. An action without resource
// types is planned on *, and recorded on * or, as AWS's denials have it, on a whole account.
func matches(planned, arn string) bool {
	if prefix, ok := strings.CutSuffix(planned, "*"); ok {
		return strings.HasPrefix(arn, prefix)
	}
	return planned == arn
}
