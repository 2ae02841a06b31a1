package proof

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/escalation"
	"github.com/slipway-cd/slipway/internal/plan"
)

// Escalation is a way by which a role of the plan reaches what the plan does not give it.
type Escalation struct {
	Stage string `json:"stage"`
	// Role that has the way: its ARN.
	Role string `json:"role"`
	// Reaches is the ARN of a role, node or account (its root user); a pattern for those that the plan does not know.
	Reaches string `json:"reaches"`
	// Path is the whole way in one line.
	Path string `json:"path"`
	// If lists what it depends on and neither the plan nor the policies say.
	If []string `json:"if,omitempty"`
	// Limit names what bounds that which the way can give: a boundary, say. Empty: nothing that is known.
	Limit string           `json:"limit,omitempty"`
	Steps []EscalationStep `json:"steps"`
}

// EscalationStep is one step of the way.
type EscalationStep struct {
	From      string `json:"from"`
	To        string `json:"to"`
	Kind      string `json:"kind"` // become, run, command or change
	Technique string `json:"technique"`
	Via       string `json:"via,omitempty"`
	// Calls that it takes, and Statements that allow them.
	Calls      []string `json:"calls"`
	Statements []string `json:"statements,omitempty"`
	// Source is the page of AWS that documents the technique.
	Source string `json:"source"`
}

// Escalate finds the ways by which the plan's roles reach more than they hold, and refutes the result if there is any.
// What the plan itself calls for is none: a role that sends the stage's commands holds the role on the stage's nodes.
// There may be roles, users and nodes that nobody has listed; what a role may do to those counts too.
func (r *Result) Escalate(p *plan.Plan, given []Role) error {
	subjects, err := compileRoles(given)
	if err != nil {
		return err
	}
	if r.Escalations, err = escalations(p, given, subjects); err != nil {
		return err
	}
	if len(r.Escalations) > 0 {
		r.Verdict = Refuted
	}
	open, any, err := opened(subjects)
	if err != nil || !any {
		return err
	}
	all, err := escalations(p, given, open)
	if err != nil {
		return err
	}
	for _, e := range all {
		if !slices.ContainsFunc(r.Escalations, func(certain Escalation) bool { return certain.Role == e.Role && certain.Reaches == e.Reaches }) {
			r.Perhaps = append(r.Perhaps, e)
		}
	}
	if len(r.Perhaps) > 0 {
		r.Verdict = r.Verdict.worse(Undecided)
	}
	return nil
}

// opened are roles in whose policies the values that only a deploy knows speak for them; any says whether there are such values.
func opened(subjects map[roleKey]*subject) (out map[roleKey]*subject, any bool, err error) {
	out = make(map[roleKey]*subject, len(subjects))
	for key, s := range subjects {
		favourable, _, err := s.openings.open(s.own(), iam.Principal{})
		if err != nil {
			return nil, false, err
		}
		any = any || len(s.openings) > 0
		o := *s
		o.policies, o.boundary = favourable.Identity, favourable.Boundary
		if best := s.openings[s.trust]; best != nil {
			o.trust = best
		}
		out[key] = &o
	}
	return out, any, nil
}

// escalations finds the ways of the plan's roles.
func escalations(p *plan.Plan, given []Role, subjects map[roleKey]*subject) (list []Escalation, err error) {
	w := world(p, given, subjects)
	graph, err := escalation.Find(w)
	if err != nil {
		return nil, fmt.Errorf("escalation paths: %w", err)
	}
	byDesign := heldByDesign(p, w, graph)
	paths := graph.Paths()
	told := map[string]bool{} // a role may serve several stages
	for i := range p.Stages {
		for j := range p.Stages[i].Roles {
			role := p.Stages[i].Roles[j].ARN()
			if told[role] {
				continue
			}
			told[role] = true
			own := func(path *escalation.Path) bool {
				planned := &p.Stages[i].Roles[j]
				return startsOwn(&p.Stages[i], planned, subjects[keyOf(planned)], path)
			}
			for k := range paths {
				if paths[k].From == role && (paths[k].Changes() || !byDesign[role][paths[k].To]) && !own(&paths[k]) {
					list = append(list, newEscalation(p.Stages[i].Name, &paths[k]))
				}
			}
		}
	}
	return list, nil
}

// world is what the plan and the given roles say about the accounts. Of the given roles, those that the plan does not
// have are there as well: one can be reached.
func world(p *plan.Plan, given []Role, subjects map[roleKey]*subject) *escalation.World {
	w := &escalation.World{Outside: true}
	planned := map[roleKey]bool{}
	add := func(arn, name string, s *subject) {
		w.Principals = append(w.Principals, escalation.Principal{
			ARN: arn, Name: name, Policies: s.own(), Trust: s.trust, Documents: documentsOf(p, arn),
		})
	}
	for i := range p.Stages {
		stage := &p.Stages[i]
		for _, role := range stage.Roles {
			key := keyOf(&role)
			if s := subjects[key]; s != nil && !planned[key] {
				planned[key] = true
				add(role.ARN(), role.Name, s)
			}
		}
		w.Nodes = append(w.Nodes, nodesOf(stage)...)
	}
	for _, r := range given {
		if key := (roleKey{r.Account, keyName(r.Name, r.User)}); !planned[key] {
			other := plan.Role{Account: r.Account, Path: r.Path, Name: r.Name}
			if r.User {
				other.Kind = plan.KindUser
			}
			add(other.ARN(), r.Name, subjects[key])
		}
	}
	return w
}

// documentsOf lists the documents that the plan has a role write: each is its stage's own, and runs on the stage's nodes.
func documentsOf(p *plan.Plan, arn string) (documents []string) {
	for i := range p.Stages {
		stage := &p.Stages[i]
		for _, role := range stage.Roles {
			for j := range stage.Calls {
				c := &stage.Calls[j]
				if role.ARN() != arn || c.Role != role.Kind || c.Action != "ssm:UpdateDocument" {
					continue
				}
				for _, r := range c.Resources {
					documents = appendNew(documents, r.ARN)
				}
			}
		}
	}
	return documents
}

// nodesOf lists the nodes that a stage sends commands to. Such that are found by tags are one for each combination of
// tag values, and which other tags they have nobody knows.
func nodesOf(stage *plan.Stage) []escalation.Node {
	role := ""
	for _, r := range stage.Roles {
		if r.Kind == plan.KindNode {
			role = r.ARN()
		}
	}
	var nodes []escalation.Node
	for i := range stage.Calls {
		for _, res := range sentTo(&stage.Calls[i]) {
			for _, tags := range combinations(res.Tags) {
				n := escalation.Node{ARN: res.ARN, Tags: tags, OtherTags: true, Role: role}
				if len(tags) > 0 {
					n.Name = "with " + combinationText(res.Tags, tags)
					n.ARN = strings.TrimSuffix(res.ARN, "*") + representative + n.Name
				}
				if !slices.ContainsFunc(nodes, func(other escalation.Node) bool { return other.ARN == n.ARN }) {
					nodes = append(nodes, n)
				}
			}
		}
	}
	return nodes
}

// sentTo lists the nodes that a call sends a command to.
func sentTo(c *plan.Call) (nodes []plan.Resource) {
	if c.Action != "ssm:SendCommand" {
		return nil
	}
	for _, r := range c.Resources {
		if r.Type == "instance" || r.Type == "managed-instance" {
			nodes = append(nodes, r)
		}
	}
	return nodes
}

// combinations lists every choice of one value for each tag, at most maxTagged.
func combinations(tags []plan.Tag) []map[string]string {
	list := []map[string]string{{}}
	for _, tag := range tags {
		var next []map[string]string
		for _, chosen := range list {
			for _, value := range tag.Values {
				next = append(next, withTag(chosen, tag.Key, value))
			}
		}
		list = next[:min(len(next), maxTagged)]
	}
	return list
}

func withTag(tags map[string]string, key, value string) map[string]string {
	out := map[string]string{key: value}
	for k, v := range tags {
		out[k] = v
	}
	return out
}

func combinationText(order []plan.Tag, tags map[string]string) string {
	var parts []string
	for _, tag := range order {
		parts = append(parts, tag.Key+"="+tags[tag.Key])
	}
	return strings.Join(parts, ", ")
}

// heldByDesign lists, for each role, what it reaches by steps that the plan itself calls for.
func heldByDesign(p *plan.Plan, w *escalation.World, g *escalation.Graph) map[string]map[string]bool {
	held := map[string]map[string]bool{}
	for i := range p.Stages {
		stage := &p.Stages[i]
		for _, role := range stage.Roles {
			own := map[string]bool{}
			for j := range stage.Calls {
				if stage.Calls[j].Role != role.Kind {
					continue
				}
				for _, res := range sentTo(&stage.Calls[j]) {
					for k := range g.Edges {
						if e := &g.Edges[k]; e.From == role.ARN() && e.Technique == "send-command" && isNode(w, e.Via, res) {
							own[e.To] = true
						}
					}
				}
			}
			for _, arn := range handedTo(stage, &role) {
				for k := range g.Edges {
					if e := &g.Edges[k]; e.From == role.ARN() && e.To == arn && e.Technique == "pass-"+startRunbook {
						own[arn] = true
					}
				}
			}
			if held[role.ARN()] == nil { // a pipeline's own principal is in every stage
				held[role.ARN()] = map[string]bool{}
			}
			maps.Copy(held[role.ARN()], own)
		}
	}
	heldByEntering(p, held)
	return held
}

// heldByEntering adds to what a pipeline's own principal holds the roles that the plan has it assume, and what those hold.
func heldByEntering(p *plan.Plan, held map[string]map[string]bool) {
	for i := range p.Stages {
		stage := &p.Stages[i]
		for _, c := range stage.Calls {
			own, ok := stage.Role(c.Role)
			if !c.Assumes() || !ok {
				continue
			}
			for _, r := range c.Resources {
				held[own.ARN()][r.ARN] = true
				maps.Copy(held[own.ARN()], held[r.ARN])
			}
		}
	}
}

// isNode says whether a node of the world is one that a resource of a plan means.
func isNode(w *escalation.World, arn string, r plan.Resource) bool {
	i := slices.IndexFunc(w.Nodes, func(n escalation.Node) bool { return n.ARN == arn })
	if i < 0 || len(r.Tags) == 0 {
		return arn == r.ARN
	}
	for _, tag := range r.Tags {
		if !slices.Contains(tag.Values, w.Nodes[i].Tags[tag.Key]) {
			return false
		}
	}
	return strings.HasPrefix(arn, strings.TrimSuffix(r.ARN, "*"))
}

func newEscalation(stage string, p *escalation.Path) Escalation {
	out := Escalation{
		Stage: stage, Role: p.From, Reaches: p.To, Path: p.Text, If: p.If(), Limit: p.Edges[len(p.Edges)-1].Limit,
	}
	for i := range p.Edges {
		e := &p.Edges[i]
		step := EscalationStep{
			From: e.From, To: e.To, Kind: string(e.Kind), Technique: e.Technique, Via: e.Via, Source: e.Source,
		}
		for _, c := range e.Calls {
			step.Calls = appendNew(step.Calls, c.Action+" on "+c.Resource)
			step.Statements = appendNew(step.Statements, references(c.Statements)...)
		}
		out.Steps = append(out.Steps, step)
	}
	return out
}

// escalationHead begins the text of a result with escalations.
func (r *Result) escalationHead(b *strings.Builder, counts map[Verdict]int) {
	fmt.Fprintf(b, "refuted: %d %s by which a role reaches more than it holds", len(r.Escalations), plural("way", len(r.Escalations)))
	for _, v := range []Verdict{Refuted, Undecided} {
		if counts[v] > 0 {
			fmt.Fprintf(b, ", and %d of %d calls %s", counts[v], len(r.Calls), v)
		}
	}
	b.WriteByte('\n')
}

func plural(word string, n int) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// perhapsText tells the ways that there may be.
func (r *Result) perhapsText(b *strings.Builder) {
	for i := range r.Perhaps {
		e := &r.Perhaps[i]
		fmt.Fprintf(b, "\n%s\n  undecided: whether it reaches more than it holds depends on values that are only known when the template is deployed\n\n", e.Role)
		wrapped(b, "    ", "path    ", e.Path)
		for _, step := range e.Steps {
			if len(step.Statements) > 0 {
				wrapped(b, "    ", "by      ", strings.Join(step.Statements, ", "))
			}
		}
	}
}

// escalationText tells the escalations, by role.
func (r *Result) escalationText(b *strings.Builder) {
	role := ""
	for i := range r.Escalations {
		e := &r.Escalations[i]
		if e.Role != role {
			role = e.Role
			fmt.Fprintf(b, "\n%s\n  refuted: it reaches more than it holds\n", role)
		}
		b.WriteByte('\n')
		wrapped(b, "    ", "path    ", e.Path)
		for _, step := range e.Steps {
			if len(step.Statements) > 0 {
				wrapped(b, "    ", "by      ", strings.Join(step.Statements, ", "))
			}
			wrapped(b, "    ", "see     ", step.Source)
		}
	}
}
