package escalation

import (
	"slices"
	"strings"
)

// Path is a shortest way from one principal to another.
type Path struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Edges []Edge `json:"edges"`
	// Text is the path in one line, with names in place of principals' ARNs.
	Text string `json:"text"`
}

// If lists what the path depends on.
func (p *Path) If() (conditions []string) {
	for i := range p.Edges {
		for _, c := range p.Edges[i].If {
			if !slices.Contains(conditions, c) {
				conditions = append(conditions, c)
			}
		}
	}
	return conditions
}

// Changes says whether the path ends with deciding what the other may do, in place of acting as it.
func (p *Path) Changes() bool { return p.Edges[len(p.Edges)-1].Kind == Change }

// graph puts the edges in their order: by the world's principals, those that depend on nothing first.
func (f *finder) graph() *Graph {
	g := &Graph{Edges: f.edges, names: map[string]string{}}
	for _, p := range f.people {
		g.names[p.ARN] = p.Name
	}
	for i := range f.world.Nodes {
		g.names[f.world.Nodes[i].ARN] = f.world.Nodes[i].Name
	}
	slices.SortStableFunc(g.Edges, func(a, b Edge) int {
		if i, j := f.byARN[a.From].index, f.byARN[b.From].index; i != j {
			return i - j
		}
		return min(len(a.If), 1) - min(len(b.If), 1)
	})
	return g
}

// Paths gives, for every principal in the world's order, a shortest path to each other that it can reach, nearer ones
// first. One that it can both reach and change has two: the second gives more than the first.
func (g *Graph) Paths() []Path {
	from := g.byStart()
	var paths []Path
	for i := range g.Edges {
		if start := g.Edges[i].From; i == 0 || start != g.Edges[i-1].From {
			paths = append(paths, g.from(start, from)...)
		}
	}
	return paths
}

// byStart lists the edges that lead away from each.
func (g *Graph) byStart() map[string][]*Edge {
	from := map[string][]*Edge{}
	for i := range g.Edges {
		e := &g.Edges[i]
		from[e.From] = append(from[e.From], e)
	}
	return from
}

// from walks the graph breadth first. No path leads on from whom one can only change.
func (g *Graph) from(start string, edges map[string][]*Edge) (paths []Path) {
	type place struct {
		target  string
		changed bool
	}
	seen := map[place]bool{{start, false}: true}
	queue := [][]*Edge{nil}
	for len(queue) > 0 {
		way := queue[0]
		queue = queue[1:]
		at := start
		if len(way) > 0 {
			last := way[len(way)-1]
			paths = append(paths, g.path(start, way))
			if at = last.To; last.Kind == Change {
				continue
			}
		}
		for _, e := range edges[at] {
			if to := (place{g.place(e), e.Kind == Change}); !seen[to] {
				seen[to] = true
				queue = append(queue, append(slices.Clip(way), e))
			}
		}
	}
	return withoutLess(paths)
}

// place is the same for edges whose targets are told in the same words: patterns may differ in what does not matter.
func (g *Graph) place(e *Edge) string {
	switch {
	case e.Outside && strings.HasSuffix(e.Via, "instance/*"):
		return g.node(e)
	case !e.Outside || e.To == e.Via:
		return e.To
	}
	return g.target(e)
}

// withoutLess leaves out that a principal can give itself more when it can, without conditions, have everything.
func withoutLess(paths []Path) []Path {
	all := slices.ContainsFunc(paths, func(p Path) bool { return p.To == rootOf(accountOf(p.From)) && len(p.If()) == 0 })
	return slices.DeleteFunc(paths, func(p Path) bool { return all && p.To == p.From })
}

func (g *Graph) path(start string, way []*Edge) Path {
	p := Path{From: start, To: way[len(way)-1].To}
	var b strings.Builder
	b.WriteString(g.Name(start))
	for _, e := range way {
		p.Edges = append(p.Edges, *e)
		b.WriteString(" → " + g.step(e) + " → " + g.reached(e))
	}
	p.Text = b.String()
	if conditions := p.If(); len(conditions) > 0 {
		p.Text += " (if " + strings.Join(conditions, "; ") + ")"
	}
	return p
}

// Name is how a principal or node is printed: its name, or else the last part of its ARN.
func (g *Graph) Name(arn string) string {
	if name := g.names[arn]; name != "" {
		return name
	}
	if _, listed := g.names[arn]; listed {
		return arn[strings.LastIndexByte(arn, '/')+1:]
	}
	return arn
}

// reached tells the target, and what limits a change of it.
func (g *Graph) reached(e *Edge) string {
	switch {
	case e.Limit == "":
		return g.target(e)
	case e.To == e.From:
		return "more for itself, up to " + e.Limit
	}
	return g.target(e) + ", up to " + e.Limit
}

func (g *Graph) target(e *Edge) string {
	account := accountOf(e.To)
	switch {
	case strings.HasSuffix(e.To, ":root"):
		return "everything in account " + account
	case e.To == e.Via && strings.Contains(e.To, "instance/"):
		return "its role"
	case e.To == e.Via && strings.Contains(e.To, ":group/"):
		return "its members"
	case e.To == e.Via && strings.Contains(e.To, ":policy/"):
		return "whoever has it"
	case e.To == e.Via && strings.Contains(e.To, ":saml-provider/"):
		return "whoever signs in with it"
	case e.Technique == "new-role", e.Technique == "new-user":
		return "the new one"
	case !e.Outside:
		return g.Name(e.To)
	case strings.HasSuffix(e.To, ":role/*"):
		return "any other role of account " + account
	case strings.HasSuffix(e.To, ":user/*"):
		return "any other user of account " + account
	}
	return e.To
}

func accountOf(arn string) string {
	fields := strings.SplitN(arn, ":", 6)
	if len(fields) < 6 {
		return ""
	}
	return fields[4]
}

// step tells what is called, and on what stands between.
func (g *Graph) step(e *Edge) string {
	var actions []string
	for i := range e.Calls {
		if !slices.Contains(actions, e.Calls[i].Action) {
			actions = append(actions, e.Calls[i].Action)
		}
	}
	text := strings.Join(actions, " + ")
	switch {
	case (strings.HasSuffix(e.To, ":root") || e.To == e.From) && e.Via == "":
		return text + " on itself"
	case e.Technique == "new-role":
		return text + " of a new role"
	case e.Technique == "new-user":
		return text + " of a new user"
	case strings.HasPrefix(e.Technique, "new-group"):
		return text + " of a new group"
	case e.To == rootOf(accountOf(e.To)) && strings.Contains(e.Technique, "+"):
		return text + " on " + g.Name(e.Via)
	case e.Via == "":
		return text
	case strings.Contains(e.Via, "instance/"):
		return text + " on " + g.node(e)
	}
	return text + " on " + e.Via
}

func (g *Graph) node(e *Edge) string {
	id := e.Via[strings.LastIndexByte(e.Via, '/')+1:]
	switch {
	case !e.Outside:
		return "node " + g.Name(e.Via)
	case id != "*":
		return "node " + id
	case strings.Contains(e.Via, "managed-instance/"):
		return "any other managed node of account " + accountOf(e.Via)
	}
	return "any other instance of account " + accountOf(e.Via)
}
