package iam_test

import (
	"math/rand/v2"
	"strings"
)

// simGenerator makes one case. Policies are made from the request: an element is meant to match it or to miss it
// narrowly, and what it really does is for the two judges to say.
type simGenerator struct {
	r       *rand.Rand
	c       simCase
	target  simTarget
	keys    []simKey // all that the request may have
	account string   // of the principal
}

// newSimCase makes the case of an index; the same seed and index always give the same case.
func newSimCase(seed, index uint64) *simCase {
	g := &simGenerator{r: rand.New(rand.NewPCG(seed, index))}
	g.chooseTarget()
	g.choosePrincipal()
	g.context()
	g.policies()
	return &g.c
}

func (g *simGenerator) chance(percent float64) bool { return g.r.Float64()*100 < percent }

// rare is the chance of what the two judges are known to see differently.
func (g *simGenerator) rare() bool { return g.r.Float64() < 0.0012 }

// rarely is rare, twice as often.
func (g *simGenerator) rarely() bool { return g.r.Float64() < 0.0024 }

func pick[T any](g *simGenerator, list []T) T { return list[g.r.IntN(len(list))] }

func (g *simGenerator) word() string { return pick(g, simWords) }

// fill puts words, a region and an account into the template of an ARN.
func (g *simGenerator) fill(template, account string) string {
	var out strings.Builder
	for i := range len(template) {
		switch template[i] {
		case 'W':
			out.WriteString(g.word())
		case 'R':
			out.WriteString(pick(g, simRegions))
		case 'A':
			out.WriteString(account)
		default:
			out.WriteByte(template[i])
		}
	}
	return out.String()
}

func (g *simGenerator) chooseTarget() {
	g.target = pick(g, simTargets)
	g.account = pick(g, homeAccounts)
	owner := g.account
	if g.target.attached && g.chance(30) {
		owner = g.otherAccount(owner)
	}
	g.c.Action, g.c.Account, g.c.Resource = g.target.action, owner, "*"
	if len(g.target.resources) > 0 {
		g.c.Resource = g.fill(pick(g, g.target.resources), owner)
	}
}

func (g *simGenerator) otherAccount(account string) string {
	if account == homeAccounts[0] {
		return homeAccounts[1]
	}
	return homeAccounts[0]
}

// choosePrincipal prefers sessions, of which most is documented. Web identities, SAML users, services and anonymous
// callers only ask for what has a policy that can name them.
func (g *simGenerator) choosePrincipal() {
	c, iam := &g.c, "arn:aws:iam::"+g.account+":"
	switch roll := g.r.IntN(100); {
	case c.Action == assumeWeb:
		c.Principal = g.webIdentity()
	case c.Action == assumeSAML:
		c.Principal = "arn:aws:iam::" + c.Account + ":saml-provider/Office"
	case roll < 9 && g.target.attached:
		c.Principal = pick(g, []string{"ec2.amazonaws.com", "lambda.amazonaws.com", "ssm.amazonaws.com"})
	case roll < 15 && g.target.attached && !c.assumes():
		c.Principal = "*"
	case roll < 20 && !c.assumes():
		c.Principal = iam + "root"
	case roll < 25:
		name := pick(g, []string{"ann", "bob"})
		c.Principal = "arn:aws:sts::" + g.account + ":federated-user/" + name
		c.RoleARN = iam + "user/" + name // the simulator takes the names to be the same
	case roll < 32:
		c.Principal = iam + "role/" + pick(g, []string{"Deploy", "team/Deploy", "Read"})
	case roll < 62:
		c.Principal = iam + "user/" + pick(g, []string{"ann", "team/bob"})
	default:
		g.chooseSession(iam)
	}
}

func (g *simGenerator) webIdentity() string {
	switch {
	case g.chance(20):
		return "cognito-identity.amazonaws.com"
	case g.rarely():
		return "accounts.google.com"
	}
	provider := pick(g, []string{"token.actions.githubusercontent.com", "example.com"})
	return "arn:aws:iam::" + g.c.Account + ":oidc-provider/" + provider
}

func (g *simGenerator) chooseSession(iam string) {
	path, name := "", pick(g, []string{"Deploy", "Read"})
	switch {
	case g.rarely():
		path, name = "aws-service-role/ecs.amazonaws.com/", "AWSServiceRoleForECS"
	case g.chance(30):
		path = "team/"
	}
	g.c.RoleARN = iam + "role/" + path + name
	g.c.Principal = "arn:aws:sts::" + g.account + ":assumed-role/" + name + "/" + pick(g, []string{"ci", "ann"})
}

// isAWS says whether the principal is one that IAM manages: only those have policies of their own.
func (g *simGenerator) isAWS() bool {
	return strings.HasPrefix(g.c.Principal, "arn:") && !g.isFederated()
}

func (g *simGenerator) isFederated() bool { return g.c.Action == assumeWeb || g.c.Action == assumeSAML }

func (g *simGenerator) isRoot() bool { return strings.HasSuffix(g.c.Principal, ":root") }

func (g *simGenerator) isSession() bool {
	return strings.Contains(g.c.Principal, ":sts:") || strings.Contains(g.c.Principal, ":role/")
}

// context gives the request some of the keys that it can have.
func (g *simGenerator) context() {
	g.keys = append(append([]simKey{}, globalKeys...), g.target.keys...)
	g.c.Context = map[string][]string{}
	for range 3 + g.r.IntN(6) {
		key := pick(g, g.keys)
		if len(g.target.keys) > 0 && g.chance(25) {
			key = pick(g, g.target.keys)
		}
		g.c.Context[key.name] = g.requestValues(key)
	}
}

func (g *simGenerator) requestValues(key simKey) []string {
	if !key.many {
		return []string{g.value(key.kind)}
	}
	var list []string
	for range 1 + g.r.IntN(3) {
		list = append(list, g.value(key.kind))
	}
	if g.rare() {
		list = []string{""}
	}
	return list
}

// value is one that a key of the type may have.
func (g *simGenerator) value(kind keyType) string {
	switch {
	case kind != keyString:
		return pick(g, simValues[kind])
	case g.chance(15):
		return g.word() + "/" + g.word()
	case g.chance(5):
		return pick(g, []string{"a*b", "who?", "$5", "${aws:username}", "a.b", "[x]"})
	default:
		return g.word()
	}
}

// policies gives the case its policies, by layer.
func (g *simGenerator) policies() {
	c := &g.c
	if g.isAWS() {
		g.ownPolicies()
	}
	if g.target.attached && g.chance(75) || !g.isAWS() || c.assumes() {
		p := g.policy(layerAttached, 72)
		c.Attached = &p
	}
	if g.isAWS() && g.chance(35) || g.c.Principal != "*" && g.rare() {
		c.SCPs = g.tree(layerSCP)
	}
	if rcpSupported[serviceName(c.Action)] && g.chance(30) || g.rare() {
		c.RCPs = g.tree(layerRCP)
	}
	if g.chance(15) {
		p := g.policy(layerEndpoint, 85)
		c.Endpoint = &p
	}
}

// rcpSupported are services whose resources resource control policies apply to.
var rcpSupported = map[string]bool{"s3": true, "sts": true, "kms": true, "sqs": true, "secretsmanager": true}

func serviceName(action string) string {
	service, _, _ := strings.Cut(action, ":")
	return service
}

func (g *simGenerator) ownPolicies() {
	c := &g.c
	if g.isRoot() { // a root user may do everything that no other policy forbids
		c.Identity = []simPolicy{{Version: "2012-10-17", Statement: []simStatement{
			{Effect: "Allow", Action: simList{"*"}, Resource: simList{"*"}}}}}
		return
	}
	for range pick(g, []int{0, 1, 1, 1, 2, 3}) {
		c.Identity = append(c.Identity, g.policy(layerIdentity, 75))
	}
	if g.chance(30) {
		p := g.policy(layerBoundary, 75)
		c.Boundary = &p
	}
	federatedUser := strings.Contains(c.Principal, ":federated-user/")
	if g.isSession() && g.chance(22) || federatedUser && !g.rare() {
		p := g.policy(layerSession, 80)
		c.Session = &p
	}
}

func (g *simGenerator) tree(layer simLayer) (out [][]simPolicy) {
	for range 1 + g.r.IntN(3) {
		level := []simPolicy{g.policy(layer, 93)}
		if g.chance(20) {
			level = append(level, g.policy(layer, 50))
		}
		out = append(out, level)
	}
	return out
}
