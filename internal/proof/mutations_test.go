package proof_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/proof"
	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/roles"
)

// example is one stage of an example, with the roles that are rendered for it.
type example struct {
	name    string
	plan    *plan.Plan
	roles   []proof.Role
	buckets []proof.Bucket
}

// examples are all stages of all examples, found by walking.
func examples(t *testing.T) (list []example) {
	t.Helper()
	root := filepath.Join("..", "..", "examples")
	found := 0
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() != "slipway.yaml" {
			return err
		}
		found++
		source, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		r, err := release.Parse(name, source, release.Options{Files: os.DirFS(filepath.Dir(name))})
		if err != nil {
			return err
		}
		p, err := plan.New(r)
		if err != nil {
			return err
		}
		for _, stage := range p.Stages {
			one, err := p.Only(stage.Name)
			if err != nil {
				return err
			}
			e := example{name: filepath.Base(filepath.Dir(name)) + "/" + stage.Name, plan: one}
			e.roles, e.buckets = renderedRoles(t, one)
			list = append(list, e)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 3 {
		t.Fatalf("only %d examples found: the walk is broken", found)
	}
	return list
}

// renderedRoles are the roles of a plan, as the proof takes them. They may be changed.
func renderedRoles(t *testing.T, p *plan.Plan) (list []proof.Role, buckets []proof.Bucket) {
	t.Helper()
	set, err := roles.Render(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range set.Roles {
		role := proof.Role{Account: r.Account, Name: r.Name, Path: r.Path, Trust: r.Trust, Boundary: r.Boundary}
		for _, policy := range r.Policies {
			role.Policies = append(role.Policies, policy.Document)
		}
		for _, a := range r.Attached {
			role.Policies = append(role.Policies, a.Document)
		}
		list = append(list, role)
	}
	for _, u := range set.Users {
		user := proof.Role{Account: u.Account, Name: u.Name, Path: u.Path, User: true}
		for _, policy := range u.Policies {
			user.Policies = append(user.Policies, policy.Document)
		}
		for _, a := range u.Attached {
			user.Policies = append(user.Policies, a.Document)
		}
		list = append(list, user)
	}
	for _, b := range set.Buckets {
		buckets = append(buckets, proof.Bucket{Account: b.Account, Name: b.Name, Policy: b.Policy})
	}
	return list, buckets
}

// mutant is a role with one change.
type mutant struct {
	what string
	// role, policy and statement that were changed.
	role      int
	policy    string
	statement iam.Statement // as it was
	trust     bool
	// changed is the document in place of the other.
	changed *iam.Document
}

// mutate gives the documents of a role with one statement changed by each of some ways. A way gives nil to remove the
// statement.
func mutate(list []proof.Role, ways func(st iam.Statement, trust bool) map[string]*iam.Statement) (out []mutant) {
	for i, r := range list {
		for _, d := range append(slices.Clone(r.Policies), r.Trust) {
			if d == nil {
				continue
			}
			for j, st := range d.Statements {
				for what, changed := range ways(st, d == r.Trust) {
					c := *d
					c.Statements = slices.Clone(d.Statements)
					if changed == nil {
						c.Statements = slices.Delete(c.Statements, j, j+1)
					} else {
						c.Statements[j] = *changed
					}
					out = append(out, mutant{
						what: fmt.Sprintf("%s, %s, %s: %s", r.Name, d.Name, st.Sid, what), role: i, policy: d.Name, statement: st,
						trust: d == r.Trust, changed: &c,
					})
				}
			}
		}
	}
	return out
}

// of are the roles of an example with the change.
func (m mutant) of(e example) []proof.Role {
	list := slices.Clone(e.roles)
	role := &list[m.role]
	if m.trust {
		role.Trust = m.changed
		return list
	}
	role.Policies = slices.Clone(role.Policies)
	for i, d := range role.Policies {
		if d.Name == m.policy {
			role.Policies[i] = m.changed
		}
	}
	return list
}

func without[T any](list []T, i int) []T { return slices.Delete(slices.Clone(list), i, i+1) }

// kindOf is what a role of an example is for.
func (e example) kindOf(i int) plan.Role {
	for _, r := range e.plan.Stages[0].Roles {
		if r.Name == e.roles[i].Name && r.Account == e.roles[i].Account {
			return r
		}
	}
	return plan.Role{}
}

// needing are the calls of the plan that need one of some actions on one of some resources of a role, or into it. It
// knows nothing of policies.
func (e example) needing(role plan.Role, trust bool, actions, resources []string) map[string]plan.When {
	out := map[string]plan.When{}
	for _, c := range e.plan.Stages[0].Calls {
		if c.NoPermission || !slices.Contains(actions, c.Action) || !trust && c.Role != role.Kind {
			continue
		}
		for _, r := range c.Resources {
			if trust && r.ARN == role.ARN() || !trust && slices.Contains(resources, r.ARN) {
				out[c.ID] = c.When
			}
		}
	}
	return out
}

// refuted are the calls that a result refutes, with their circumstances.
func refuted(t *testing.T, r *proof.Result) map[string]plan.When {
	t.Helper()
	out := map[string]plan.When{}
	for _, c := range r.Calls {
		switch c.Verdict {
		case proof.Refuted:
			out[c.ID] = c.When
		case proof.Undecided:
			t.Errorf("undecided: %s: %s", c.ID, c.Why)
		}
	}
	return out
}

// removals are all ways to take one action, resource or principal from a statement, with what is then missing.
func removals(st iam.Statement, _ bool) map[string]*iam.Statement {
	out := map[string]*iam.Statement{"the statement": nil}
	for i, a := range st.Actions {
		if changed := st; len(st.Actions) > 1 {
			changed.Actions = without(st.Actions, i)
			out["action "+a] = &changed
		}
	}
	for i, r := range st.Resources {
		if changed := st; len(st.Resources) > 1 {
			changed.Resources = without(st.Resources, i)
			out["resource "+r] = &changed
		}
	}
	return out
}

// lost are the actions and resources that a mutant does not have any more.
func (m mutant) lost() (actions, resources []string) {
	i := slices.IndexFunc(m.changed.Statements, func(st iam.Statement) bool { return st.Sid == m.statement.Sid })
	if i < 0 {
		return m.statement.Actions, m.statement.Resources
	}
	gone := func(before, after []string) []string {
		left := slices.DeleteFunc(slices.Clone(before), func(s string) bool { return slices.Contains(after, s) })
		if len(left) == 0 {
			return before
		}
		return left
	}
	return gone(m.statement.Actions, m.changed.Statements[i].Actions), gone(m.statement.Resources, m.changed.Statements[i].Resources)
}

// TestR113EveryPermissionIsNeededByANamedScenario removes each action, resource and statement of each role of each
// example: what is refuted is just what the plan needs it for, with its scenario.
func TestR113EveryPermissionIsNeededByANamedScenario(t *testing.T) {
	t.Parallel()
	for _, e := range examples(t) {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			scenarios := map[plan.When]bool{}
			mutants := mutate(e.roles, removals)
			for _, m := range mutants {
				actions, resources := m.lost()
				role := e.kindOf(m.role)
				want := e.needing(role, m.trust, actions, resources)
				result, err := proof.Prove(e.plan, m.of(e), e.buckets...)
				if err != nil {
					t.Errorf("without %s: %v", m.what, err)
					continue
				}
				if diff := cmp.Diff(want, refuted(t, result)); diff != "" {
					t.Errorf("without %s: -needed +refuted:\n%s", m.what, diff)
				}
				if len(want) == 0 && !(m.trust && m.statement.Sid == "OwnAccount") {
					t.Errorf("%s: no call of the plan needs it", m.what)
				}
				for _, when := range want {
					scenarios[when] = true
				}
			}
			if len(mutants) < 20 {
				t.Errorf("only %d mutants", len(mutants))
			}
			for _, when := range []plan.When{plan.Always, plan.OnInterrupt, plan.OnFailure, plan.OnLost, plan.Fallback, plan.OnLaunch} {
				if !scenarios[when] {
					t.Errorf("no permission is for the scenario %q", when)
				}
			}
		})
	}
}

// weighed is the surplus of changed roles, all of which must still be proved.
func weighed(t *testing.T, e example, m mutant) []proof.Surplus {
	t.Helper()
	given := m.of(e)
	result, err := proof.Prove(e.plan, given, e.buckets...)
	if err != nil {
		t.Fatalf("%s: %v", m.what, err)
	}
	if result.Verdict != proof.Proved {
		t.Errorf("%s: %s, though nothing was taken away:\n%s", m.what, result.Verdict, result.Text())
	}
	if err := result.Weigh(e.plan, given, e.roles); err != nil {
		t.Fatalf("%s: %v", m.what, err)
	}
	if len(result.Surplus) > 0 && result.Exact() == 0 {
		t.Errorf("%s: a surplus, and exit 0 where none is allowed", m.what)
	}
	return result.Surplus
}

// reported fails unless a surplus is told just where it is.
func reported(t *testing.T, e example, m mutant, found []proof.Surplus) {
	t.Helper()
	if len(found) == 0 {
		t.Errorf("%s: it is not told", m.what)
	}
	for _, s := range found {
		if s.Role != e.kindOf(m.role).ARN() || s.Policy != m.policy || s.Statement != m.statement.Sid || s.Kind == proof.SurplusUnknown || s.Text == "" {
			t.Errorf("%s: told elsewhere, or not: %+v", m.what, s)
		}
	}
}

// TestMutationsARemovedConditionIsASurplus takes each condition away, and of each the values that are not the last.
func TestMutationsARemovedConditionIsASurplus(t *testing.T) {
	t.Parallel()
	removed := func(st iam.Statement, _ bool) map[string]*iam.Statement {
		out := map[string]*iam.Statement{}
		for i, c := range st.Conditions {
			changed := st
			changed.Conditions = without(st.Conditions, i)
			out["without the condition on "+c.Key] = &changed
		}
		return out
	}
	conditions := 0
	for _, e := range examples(t) {
		for _, m := range mutate(e.roles, removed) {
			conditions++
			reported(t, e, m, weighed(t, e, m))
		}
	}
	if conditions < 10 {
		t.Errorf("only %d conditions", conditions)
	}
}

// TestMutationsAConditionValueIsNeeded takes values of conditions away: the calls that need them are not allowed any more.
func TestMutationsAConditionValueIsNeeded(t *testing.T) {
	t.Parallel()
	removed := func(st iam.Statement, _ bool) map[string]*iam.Statement {
		out := map[string]*iam.Statement{}
		for i, c := range st.Conditions {
			for j, v := range c.Values {
				if len(c.Values) == 1 {
					continue
				}
				changed := st
				changed.Conditions = slices.Clone(st.Conditions)
				changed.Conditions[i].Values = without(c.Values, j)
				out[c.Key+" without "+v] = &changed
			}
		}
		return out
	}
	for _, e := range examples(t) {
		for _, m := range mutate(e.roles, removed) {
			result, err := proof.Prove(e.plan, m.of(e), e.buckets...)
			if err != nil {
				t.Fatal(err)
			}
			want := e.needing(e.kindOf(m.role), m.trust, m.statement.Actions, m.statement.Resources)
			if diff := cmp.Diff(want, refuted(t, result)); diff != "" {
				t.Errorf("%s: -needed +refuted:\n%s", m.what, diff)
			}
		}
	}
}

// foreignActions is a sample of what no statement of an example needs, or only some.
var foreignActions = []string{
	"iam:PassRole", "iam:*", "s3:DeleteObject", "s3:Get*", "ssm:GetParameter", "ssm:*", "SSM:startsession", "ec2:TerminateInstances", "ec2:Describe*",
	"dynamodb:GetItem", "lambda:InvokeFunction", "logs:*", "cloudformation:Delete?tack", "sts:AssumeRole", "*", "*:*", "kms:Decrypt", "ssmmessages:*",
	"organizations:LeaveOrganization", "ssm:DescribeParameters",
}

// everySo gives one in so many actions of AWS.
func everySo(many int) (list []string) {
	n := 0
	for _, service := range catalog.Services() {
		for _, name := range catalog.Actions(service) {
			if n++; n%many == 0 {
				list = append(list, service+":"+name)
			}
		}
	}
	return list
}

// grants says whether an action, or pattern, on some resources can give a role more than the plan needs of it.
func (e example) grants(role plan.Role, pattern string, resources []string) bool {
	starred := slices.Contains(resources, "*")
	for _, service := range catalog.Services() {
		prefix, _, _ := strings.Cut(pattern, ":")
		if !strings.ContainsAny(prefix, "*?") && !strings.EqualFold(prefix, service) {
			continue
		}
		for _, name := range catalog.Actions(service) {
			action := service + ":" + name
			if ok, _ := filepath.Match(strings.ToLower(pattern), strings.ToLower(action)); !ok && pattern != "*" {
				continue
			}
			a, _ := catalog.Lookup(action)
			if len(a.Resources) == 0 && !starred {
				continue // only * gives it
			}
			for _, r := range resources {
				if r == "*" && len(a.Resources) > 0 || len(e.needing(role, false, []string{a.String()}, []string{r})) == 0 {
					return true
				}
			}
		}
	}
	return false
}

// TestMutationsASurplusActionIsTold adds actions to each statement.
func TestMutationsASurplusActionIsTold(t *testing.T) {
	t.Parallel()
	for _, e := range examples(t) {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			for _, action := range slices.Concat(foreignActions, everySo(4_000)) {
				for _, m := range mutate(e.roles, func(st iam.Statement, trust bool) map[string]*iam.Statement {
					if trust || slices.Contains(st.Actions, action) {
						return nil
					}
					changed := st
					changed.Actions = append(slices.Clone(st.Actions), action)
					return map[string]*iam.Statement{"with " + action: &changed}
				}) {
					found := weighed(t, e, m)
					if e.grants(e.kindOf(m.role), action, m.statement.Resources) {
						reported(t, e, m, found)
					} else if len(found) > 0 {
						t.Errorf("%s: it gives nothing, and is told: %+v", m.what, found)
					}
				}
			}
		})
	}
}

// TestMutationsASurplusResourceIsTold adds wider patterns to each statement.
func TestMutationsASurplusResourceIsTold(t *testing.T) {
	t.Parallel()
	wider := func(st iam.Statement, _ bool) map[string]*iam.Statement {
		out := map[string]*iam.Statement{}
		for _, r := range st.Resources {
			if r == "*" {
				continue
			}
			for _, pattern := range []string{"*", r[:len(r)-1] + "?", strings.TrimSuffix(r, "*")[:strings.LastIndexAny(strings.TrimSuffix(r, "*"), ":/")+1] + "*", "arn:aws:*"} {
				if slices.Contains(st.Resources, pattern) || strings.HasSuffix(r, "*") && strings.HasSuffix(pattern, "?") {
					continue
				}
				changed := st
				changed.Resources = append(slices.Clone(st.Resources), pattern)
				out["on "+pattern] = &changed
			}
		}
		return out
	}
	for _, e := range examples(t) {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			for _, m := range mutate(e.roles, wider) {
				reported(t, e, m, weighed(t, e, m))
			}
		})
	}
}

// TestMutationsASurplusCallerIsTold adds principals, and subjects of tokens, to each trust policy.
func TestMutationsASurplusCallerIsTold(t *testing.T) {
	t.Parallel()
	more := func(st iam.Statement, trust bool) map[string]*iam.Statement {
		out := map[string]*iam.Statement{}
		if !trust {
			return nil
		}
		add := func(what string, p ...iam.PrincipalPattern) {
			changed := st
			changed.Principals = append(slices.Clone(st.Principals), p...)
			out[what] = &changed
		}
		add("another account", iam.PrincipalPattern{Kind: iam.KindAWS, Values: []string{"arn:aws:iam::999999999999:root"}})
		add("a service", iam.PrincipalPattern{Kind: iam.KindService, Values: []string{"lambda.amazonaws.com"}})
		add("everybody", iam.PrincipalPattern{Kind: iam.KindAWS, Values: []string{"*"}})
		for i, c := range st.Conditions {
			changed := st
			changed.Conditions = slices.Clone(st.Conditions)
			another := "repo:somebody/else:ref:refs/heads/main"
			switch {
			case c.Key == "aws:PrincipalArn": // of the account: nobody of another one is let in by its root
				another = strings.Join(strings.Split(c.Values[0], ":")[:5], ":") + ":role/another"
			case strings.HasPrefix(c.Operator, "Arn"):
				another = "arn:aws:ssm:*:999999999999:automation-execution/*"
			}
			changed.Conditions[i].Values = append(slices.Clone(c.Values), another)
			out["another value of "+c.Key] = &changed
		}
		return out
	}
	for _, e := range examples(t) {
		for _, m := range mutate(e.roles, more) {
			found := weighed(t, e, m)
			people := slices.ContainsFunc(m.statement.Conditions, func(c iam.Condition) bool { return c.Key == "aws:PrincipalArn" })
			if other := strings.HasSuffix(m.what, "another account") || strings.HasSuffix(m.what, "a service"); people && other {
				if len(found) > 0 { // none of them is one of the people
					t.Errorf("%s: it lets in nobody, and is told: %+v", m.what, found)
				}
				continue
			}
			reported(t, e, m, found)
		}
	}
}

// TestMutationsWhatIsRenderedHasNoSurplus is the near twin: nothing is told of roles as they are rendered, in whatever
// order they are written.
func TestMutationsWhatIsRenderedHasNoSurplus(t *testing.T) {
	t.Parallel()
	for _, e := range examples(t) {
		for _, m := range mutate(e.roles, func(st iam.Statement, _ bool) map[string]*iam.Statement {
			same := st
			turned := st
			turned.Actions, turned.Resources = slices.Clone(st.Actions), slices.Clone(st.Resources)
			slices.Reverse(turned.Actions)
			slices.Reverse(turned.Resources)
			return map[string]*iam.Statement{"as it is": &same, "turned": &turned}
		}) {
			if found := weighed(t, e, m); len(found) > 0 {
				t.Errorf("%s: %+v", m.what, found)
			}
		}
	}
}
