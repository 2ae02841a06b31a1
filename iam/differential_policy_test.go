package iam_test

import (
	"slices"
	"strings"
)

// simLayer says what a policy is for, and with that what it may contain.
type simLayer uint8

const (
	layerIdentity simLayer = iota
	layerBoundary
	layerSession
	layerAttached
	layerSCP
	layerRCP
	layerEndpoint
)

// policy makes a policy. One of its statements is, with the given chance in percent, meant to allow the request.
func (g *simGenerator) policy(layer simLayer, allows float64) simPolicy {
	p := simPolicy{Version: "2012-10-17"}
	if layer != layerRCP {
		p.Version = pick(g, []string{"2012-10-17", "2012-10-17", "2012-10-17", "2012-10-17", "2012-10-17",
			"2012-10-17", "2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17", ""})
	}
	s := &simStatements{simGenerator: g, layer: layer, variables: p.Version == "2012-10-17" || g.rare()}
	if layer != layerRCP { // those can only deny
		s.add("Allow", g.chance(allows))
		for g.chance(25) {
			s.add("Allow", g.chance(20))
		}
	}
	if layer == layerRCP || g.chance(25) {
		s.add("Deny", g.chance(28))
	}
	g.r.Shuffle(len(s.list), func(i, j int) { s.list[i], s.list[j] = s.list[j], s.list[i] })
	p.Statement = s.list
	return p
}

// simStatements makes the statements of one policy.
type simStatements struct {
	*simGenerator
	layer     simLayer
	variables bool // the policy's version knows policy variables
	list      []simStatement
}

// add makes a statement that is meant to match the request, or to miss it in one element.
func (s *simStatements) add(effect string, match bool) {
	const elements = 4
	missed := -1
	if !match {
		missed = s.r.IntN(elements)
	}
	st := simStatement{Effect: effect}
	if s.chance(30) {
		st.Sid = "S" + string(rune('A'+len(s.list)))
	}
	s.actions(&st, missed != 0)
	if s.layer != layerAttached || !s.c.assumes() { // a trust policy names no resources
		s.resources(&st, missed != 1)
	}
	s.principals(&st, missed != 2)
	s.conditions(&st, missed != 3)
	s.list = append(s.list, st)
}

func (s *simStatements) actions(st *simStatement, match bool) {
	not := s.layer != layerRCP && s.chance(10)
	var list simList
	if match != not {
		list = append(list, s.actionPattern())
	}
	for len(list) == 0 || s.chance(30) {
		list = append(list, pick(s.simGenerator, simSiblings))
	}
	s.shuffle(list)
	if not {
		st.NotAction = list
	} else {
		st.Action = list
	}
}

func (s *simStatements) shuffle(list simList) {
	s.r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}

// actionPattern matches the request's action.
func (s *simStatements) actionPattern() string {
	service, name, _ := strings.Cut(s.c.Action, ":")
	i := s.r.IntN(len(name))
	j := i + s.r.IntN(len(name)-i)
	switch s.r.IntN(9) {
	case 0:
		name = "*"
	case 1:
		name = name[:i] + "*"
	case 2:
		name = name[:i] + "*" + name[j:]
	case 3:
		name = name[:i] + "?" + name[i+1:]
	case 4:
		name = "*" + name[i:]
	case 5:
		name = strings.ToLower(name)
	case 6:
		if s.layer != layerRCP {
			return "*"
		}
		service = strings.ToUpper(service)
	}
	return service + ":" + name
}

func (s *simStatements) resources(st *simStatement, match bool) {
	not := s.chance(10)
	var list simList
	if match != not {
		list = append(list, s.resourcePattern())
	}
	for len(list) == 0 || s.chance(20) {
		list = append(list, s.otherResource())
	}
	s.shuffle(list)
	if not {
		st.NotResource = list
	} else {
		st.Resource = list
	}
}

// resourcePattern matches the request's resource.
func (s *simStatements) resourcePattern() string {
	if s.c.Resource == "*" || s.chance(15) {
		return "*"
	}
	parts := strings.SplitN(s.c.Resource, ":", 6)
	for i := 3; i < 5; i++ { // region and account
		if parts[i] != "" && s.chance(15) {
			parts[i] = "*"
		}
	}
	if parts[3] == "eu-west-1" && s.chance(20) {
		parts[3] = pick(s.simGenerator, []string{"eu-*", "eu-*-1", "eu-west-?"})
	}
	parts[5] = s.namePattern(parts[5])
	if parts[3] != "" && s.rare() {
		parts = slices.Delete(parts, 3, 4)
		parts[3] = "*" // region and account at once
	}
	return strings.Join(parts, ":")
}

// namePattern makes a pattern of what follows the fifth colon. The type of the resource stays as it is.
func (s *simStatements) namePattern(name string) string {
	kind := 1 + strings.IndexAny(name, "/:")
	if strings.HasPrefix(s.c.Resource, "arn:aws:s3:") {
		kind = 0
	}
	head, tail := name[:kind], name[kind:]
	i := s.r.IntN(len(tail))
	j := i + s.r.IntN(len(tail)-i)
	switch s.r.IntN(8) {
	case 0:
		tail = "*"
	case 1:
		tail = tail[:i] + "*"
	case 2:
		tail = tail[:i] + "*" + tail[j:]
	case 3:
		tail = tail[:i] + "?" + tail[i+1:]
	case 4, 5:
		if s.variables && (kind > 0 || strings.HasPrefix(s.c.Resource, "arn:aws:s3:") || s.rare()) {
			tail = s.withVariable(tail)
		}
	}
	return head + tail
}

// otherResource most often misses the request's resource by a little.
func (s *simStatements) otherResource() string {
	if s.c.Resource == "*" {
		return pick(s.simGenerator, []string{"arn:aws:s3:::alpha/*", "arn:aws:sqs:*:*:*"})
	}
	parts := strings.SplitN(s.c.Resource, ":", 6)
	switch s.r.IntN(7) {
	case 0:
		parts[5] += "x"
	case 1:
		parts[5] = parts[5][:len(parts[5])-1]
	case 2:
		kind := 1 + strings.IndexAny(parts[5], "/:")
		parts[5] = parts[5][:kind] + strings.ToUpper(parts[5][kind:])
	case 3:
		if parts[4] == "" {
			return "arn:aws:s3:::other-*"
		}
		parts[4] = s.otherAccount(parts[4])
	case 4:
		parts[3] = "ap-south-1"
	case 5:
		return s.fill(pick(s.simGenerator, []string{"arn:aws:s3:::W/*", "arn:aws:sqs:*:A:W", "arn:aws:ssm:R:A:parameter/W/*"}), s.c.Account)
	case 6:
		parts[5] = strings.Replace(parts[5], s.word(), s.word(), 1)
	}
	return strings.Join(parts, ":")
}

// withVariable puts a policy variable where the text has the value of a key, or a default value.
func (g *simGenerator) withVariable(text string) string {
	for name, values := range sortedContext(g.c.Context) {
		if !g.many(name) && len(values[0]) > 0 && g.chance(70) {
			if before, after, ok := strings.Cut(text, values[0]); ok {
				return before + "${" + name + pick(g, []string{"", "", ", 'none'"}) + "}" + after
			}
		}
	}
	if i := strings.Index(text, "*"); i >= 0 {
		return text[:i] + "${*}" + text[i+1:]
	}
	if strings.ContainsAny(text, "'},$?") {
		return text
	}
	return "${" + g.absentKey() + ", '" + text + "'}"
}

// many says whether a key is multivalued. Such a key cannot be a variable.
func (g *simGenerator) many(name string) bool {
	return slices.ContainsFunc(g.keys, func(key simKey) bool { return key.name == name && key.many })
}

// absentKey is a key with one value that the request does not have.
func (g *simGenerator) absentKey() string {
	for {
		key := pick(g, g.keys)
		if _, present := g.c.Context[key.name]; !present && !key.many {
			return key.name
		}
	}
}

// principals names the request's principal, or others, where the policy names principals.
func (s *simStatements) principals(st *simStatement, match bool) {
	switch s.layer {
	case layerRCP, layerEndpoint:
		st.Principal = simPrincipals{"*": nil}
		return
	case layerAttached:
	default:
		return
	}
	if st.Effect == "Deny" && !s.c.assumes() && s.chance(12) {
		st.NotPrincipal = s.spared(!match)
		return
	}
	list := simPrincipals{}
	not := !s.c.assumes() && s.rare()
	if match != not {
		kind, value := s.principalPattern(st.Effect)
		list[kind] = append(list[kind], value)
	}
	for len(list) == 0 || list["*"] == nil && s.chance(25) {
		kind, value := s.otherPrincipal()
		list[kind] = append(list[kind], value)
	}
	if list["*"] != nil {
		list = simPrincipals{"*": nil}
	}
	if not {
		st.NotPrincipal = list
	} else {
		st.Principal = list
	}
}

// spared lists others and, when it is to spare the caller, the caller's account, role and session.
func (s *simStatements) spared(caller bool) simPrincipals {
	kind, value := s.otherPrincipal()
	list := simPrincipals{kind: {value}}
	switch {
	case !caller || s.c.Principal == "*":
	case !s.isAWS():
		list["Service"] = append(list["Service"], s.c.Principal)
	default:
		list["AWS"] = append(list["AWS"], "arn:aws:iam::"+s.account+":root")
		for _, arn := range []string{s.c.Principal, s.c.RoleARN} {
			if arn != "" && !slices.Contains(list["AWS"], arn) {
				list["AWS"] = append(list["AWS"], arn)
			}
		}
	}
	return list
}

// principalPattern names the principal of the request in one of the ways that there are.
func (s *simStatements) principalPattern(effect string) (kind, value string) {
	c := &s.c
	switch {
	case s.isFederated():
		return "Federated", c.Principal
	case !s.isAWS() && c.Principal != "*" && (c.assumes() || s.chance(70)):
		return "Service", c.Principal
	case c.Principal == "*" || s.chance(18) && !s.sessionAsks(effect):
		if c.Principal != "*" && !s.isAWS() && !s.rare() {
			return "*", "*" // {"AWS": "*"} means no services
		}
		return pick(s.simGenerator, []string{"*", "AWS"}), "*"
	case !s.isAWS():
		return "Service", c.Principal
	case s.isRoot() || s.chance(25):
		return "AWS", pick(s.simGenerator, []string{s.account, "arn:aws:iam::" + s.account + ":root"})
	case c.RoleARN != "" && s.chance(60):
		return "AWS", c.RoleARN
	case s.sessionAsks(effect):
		return "AWS", s.account
	}
	return "AWS", c.Principal
}

// sessionAsks says whether an Allow would go past the session's own policies: the simulator knows of no such grants.
func (s *simStatements) sessionAsks(effect string) bool {
	return s.c.Session != nil && effect == "Allow" && !s.rare()
}

func (s *simStatements) otherPrincipal() (kind, value string) {
	switch s.r.IntN(6) {
	case 0:
		return "Service", "backup.amazonaws.com"
	case 1:
		return "Federated", "arn:aws:iam::" + s.c.Account + ":saml-provider/Other"
	case 2:
		return "AWS", "777788889999"
	case 3:
		return "AWS", "arn:aws:sts::" + s.account + ":assumed-role/Deploy/other"
	case 4:
		return "AWS", "arn:aws:iam::" + s.account + ":role/Other"
	default:
		return "AWS", "arn:aws:iam::" + s.account + ":user/Carol"
	}
}
