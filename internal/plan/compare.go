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
	// Missing are the calls that a deploy makes to come to its end and that were not recorded, not often enough, or
	// only after the first command was sent where they must come before it.
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
		fmt.Fprintf(&b, "missing: %s (%s)\n", c.ID, c.Reason)
	}
	return b.String()
}

// Compare holds the recorded calls of one or more deploys, in their order, against the plan: each must be planned, and
// of the filtered stages and steps every call must have been made as often as it is at the least, and in time. Records
// do not tell a probe from the same read made later: that is why the first send divides them.
func (p *Plan) Compare(recorded []Recorded, f Filter) Difference {
	var d Difference
	planned := make([]bool, len(recorded))
	for i := range p.Stages {
		s := &p.Stages[i]
		if !f.stage(s.Name) {
			continue
		}
		t := s.tally(recorded, f)
		for j, by := range t.by {
			planned[j] = planned[j] || len(by) > 0
		}
		d.Missing = append(d.Missing, t.missing()...)
	}
	for i, r := range recorded {
		if !planned[i] {
			d.Outside = append(d.Outside, r)
		}
	}
	return d
}

// tally says which records are which of a stage's calls.
type tally struct {
	calls []*Call
	// by lists, for each record, the indexes of the calls that it may be.
	by [][]int
	// sent is how many records there are before the first command was sent.
	sent int
}

func (s *Stage) tally(recorded []Recorded, f Filter) tally {
	t := tally{by: make([][]int, len(recorded)), sent: len(recorded)}
	for i := range s.Calls {
		if f.step(s.Calls[i].Step) {
			t.calls = append(t.calls, &s.Calls[i])
		}
	}
	for i, r := range recorded {
		for j, c := range t.calls {
			if !s.covers(c, r) {
				continue
			}
			t.by[i] = append(t.by[i], j)
			if c.Action == "ssm:SendCommand" {
				t.sent = min(t.sent, i)
			}
		}
	}
	return t
}

// missing lists the calls that were made too seldom. Calls that differ only in their circumstance look the same in the
// records, and are counted together.
func (t tally) missing() []Call {
	var missing []Call
	for i, c := range t.calls {
		var least, before, made, early int
		for _, other := range t.calls {
			if c.looksLike(other) {
				least, before = least+other.Least, before+other.BeforeSend
			}
		}
		for j, by := range t.by {
			if !slices.Contains(by, i) {
				continue
			}
			made++
			if j < t.sent {
				early++
			}
		}
		tooLate := early < before && c.BeforeSend > 0
		tooFew := made-min(early, before) < least-before && c.Least > c.BeforeSend
		if tooLate || tooFew {
			missing = append(missing, *c)
		}
	}
	return missing
}

// looksLike says whether the records of two calls look the same.
func (c *Call) looksLike(other *Call) bool {
	return c.Role == other.Role && c.Action == other.Action &&
		slices.EqualFunc(c.Resources, other.Resources, func(a, b Resource) bool { return a.ARN == b.ARN })
}

// covers says whether a recorded call is the planned one.
func (s *Stage) covers(c *Call, r Recorded) bool {
	principal, account := string(c.Role), s.Account
	if role := s.role(c.Role); role != nil {
		principal, account = role.Name, role.Account
	}
	if c.Role == KindBuilds { // it hands out a role of the pipeline's, in that role's account
		if own := s.own(); own != nil {
			account = own.Account
		}
	}
	if r.Principal != principal || r.Account != account || !strings.EqualFold(c.Action, r.Action) {
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

// matches says whether an ARN fits a planned one, in which * stands for anything and ? for one character. An action
// without resource types is planned on *, and recorded on * or, as AWS's denials have it, on a whole account.
func matches(planned, arn string) bool {
	star, from := -1, 0 // the last * that was met, and how much of arn it has taken
	i, j := 0, 0
	for j < len(arn) {
		switch {
		case i < len(planned) && planned[i] == '*':
			star, from = i, j
			i++
		case i < len(planned) && (planned[i] == arn[j] || planned[i] == '?'):
			i, j = i+1, j+1
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(planned[i:], "*") == ""
}
