package roles

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/plan"
)

// statement is an identity policy's statement while calls are gathered into it.
type statement struct {
	sid, why  string
	actions   []string
	resources []string
	tags      []plan.Tag // that the resources must carry
	passedTo  string     // the only service to which a role may be handed
	patterns  []string   // why resources without tags are patterns
	when      []plan.When
	steps     []string // those of the stage that need it; none where the whole stage does
}

// permissions gathers the calls that a role makes into one policy.
func permissions(stage *plan.Stage, r plan.Role) (Policy, error) {
	var grants []*statement
	for i := range stage.Calls {
		c := &stage.Calls[i]
		if c.Role != r.Kind || c.NoPermission {
			continue
		}
		if err := checkCall(c); err != nil {
			return Policy{}, fmt.Errorf("call %s: %w", c.ID, err)
		}
		grants = grant(grants, c)
	}
	name := strings.ToLower(string(r.Kind))
	policy := Policy{Name: name, Document: &iam.Document{Name: policyFile(r.Account, r.Name, name), Version: iam.Version2012}}
	for _, s := range ordered(merge(grants)) {
		policy.Document.Statements = append(policy.Document.Statements, s.document())
		policy.Notes = append(policy.Notes, s.note())
	}
	return policy, nil
}

// checkCall refuses what a least-privilege statement cannot grant. Each is a mistake in the plan, and would be a
// statement that never matches or one that is wider than the reviewer is told.
func checkCall(c *plan.Call) error {
	a, ok := catalog.Lookup(c.Action)
	if !ok || a.String() != c.Action {
		return fmt.Errorf("%q is not an action of the service authorization reference", c.Action)
	}
	if len(c.Resources) == 0 {
		return fmt.Errorf("%s: no resource", c.Action)
	}
	for _, r := range c.Resources {
		switch scoped := len(a.Resources) > 0; {
		case !scoped && r.ARN != "*":
			return fmt.Errorf("%s on %s: AWS defines no resource type for it: only * ever matches", c.Action, r.ARN)
		case scoped && r.ARN == "*":
			return fmt.Errorf("%s on *: AWS scopes it to %s", c.Action, strings.Join(typesOf(a), ", "))
		case scoped && !slices.Contains(typesOf(a), r.Type):
			return fmt.Errorf("%s on a resource of type %q: AWS scopes it to %s", c.Action, r.Type, strings.Join(typesOf(a), ", "))
		case scoped && len(r.Tags) == 0 && r.Pattern == "" && strings.ContainsAny(r.ARN, "*?"):
			return fmt.Errorf("%s on %s: a pattern without tags or a reason", c.Action, r.ARN)
		case strings.Contains(r.ARN, "${"):
			return fmt.Errorf("%s on %s: policy variables are not expected here", c.Action, r.ARN)
		}
		if err := checkTags(r.Tags); err != nil {
			return fmt.Errorf("%s on %s: %w", c.Action, r.ARN, err)
		}
	}
	return nil
}

func checkTags(tags []plan.Tag) error {
	for _, t := range tags {
		if t.Key == "" || len(t.Values) == 0 {
			return fmt.Errorf("tag %q without values", t.Key)
		}
		if slices.ContainsFunc(t.Values, func(v string) bool { return strings.Contains(v, "${") }) {
			return fmt.Errorf("tag %s: a value with ${ would be a policy variable", t.Key)
		}
	}
	return nil
}

func typesOf(a catalog.Action) []string {
	names := make([]string, len(a.Resources))
	for i, r := range a.Resources {
		names[i] = r.Type
	}
	return names
}

// grant adds a call to the statements, which are still one an action and kind of resource.
func grant(grants []*statement, c *plan.Call) []*statement {
	for _, r := range c.Resources {
		// A condition on tags would make a statement useless for an action that does not have the key.
		tagged := len(r.Tags) > 0 && plan.TagPrefix(c.Action) != ""
		var tags []plan.Tag
		if tagged {
			tags = r.Tags
		}
		sid, why := c.Purpose(tagged)
		i := slices.IndexFunc(grants, func(s *statement) bool {
			return s.sid == sid && s.actions[0] == c.Action && reflect.DeepEqual(s.tags, tags) && s.passedTo == c.PassedTo
		})
		if i < 0 {
			i = len(grants)
			grants = append(grants, &statement{sid: sid, why: why, actions: []string{c.Action}, tags: tags, passedTo: c.PassedTo})
		}
		grants[i].resources = add(grants[i].resources, r.ARN)
		if r.Pattern != "" {
			grants[i].patterns = add(grants[i].patterns, r.Pattern)
		}
		grants[i].when = add(grants[i].when, c.When)
		if c.Step != "" {
			grants[i].steps = add(grants[i].steps, c.Step)
		}
		if c.OnResume {
			grants[i].when = add(grants[i].when, plan.OnResume)
		}
	}
	return grants
}

// merge puts actions of one purpose into one statement, where that grants no action on another's resources.
func merge(grants []*statement) []*statement {
	var out []*statement
	for _, g := range grants {
		same := func(s *statement) bool {
			return s.sid == g.sid && slices.Equal(s.resources, g.resources) && s.conditions(g)
		}
		if i := slices.IndexFunc(out, same); i >= 0 {
			out[i].actions = add(out[i].actions, g.actions[0])
			for _, w := range g.when {
				out[i].when = add(out[i].when, w)
			}
			for _, step := range g.steps {
				out[i].steps = add(out[i].steps, step)
			}
			for _, why := range g.patterns {
				out[i].patterns = add(out[i].patterns, why)
			}
			continue
		}
		out = append(out, g)
	}
	// A Sid must be unique in its policy.
	seen := map[string]bool{}
	for _, s := range out {
		if seen[s.sid] {
			_, operation, _ := strings.Cut(s.actions[0], ":")
			s.sid += operation
		}
		seen[s.sid] = true
	}
	return out
}

// ordered puts the two permissions first that belong together and that AWS keeps apart (R18).
func ordered(statements []*statement) []*statement {
	rank := func(s *statement) int {
		switch {
		case s.actions[0] == "ssm:SendCommand" && len(s.tags) == 0:
			return 0
		case s.actions[0] == "ssm:GetCommandInvocation":
			return 1
		case s.actions[0] == "ssm:SendCommand":
			return 2
		}
		return 3
	}
	slices.SortStableFunc(statements, func(a, b *statement) int { return rank(a) - rank(b) })
	return statements
}

func (s *statement) document() iam.Statement {
	return plan.Permission(s.sid, s.actions, s.resources, s.tags, plan.PassedTo(s.passedTo)...)
}

// conditions says whether two statements have the same, and by the same keys.
func (s *statement) conditions(other *statement) bool {
	return s.passedTo == other.passedTo && reflect.DeepEqual(s.tags, other.tags) &&
		(len(s.tags) == 0 || plan.TagPrefix(s.actions[0]) == plan.TagPrefix(other.actions[0]))
}

// add appends what is not there yet.
func add[T comparable](list []T, v T) []T {
	if slices.Contains(list, v) {
		return list
	}
	return append(list, v)
}
