package escalation

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// finder finds the edges of a world.
type finder struct {
	world  *World
	people []*person
	byARN  map[string]*person
	doubts doubts
	edges  []Edge
	chosen map[chosenKey]choice
	joint  map[string]jointChoice
	saml   []thing // the SAML providers that roles trust
	groups map[string]*Group
	joined map[joinKey]bool
	given  map[pairKey]gift
	held   map[pairKey]bool // whether a user's policies allow all that a group's do
	// texts are numbers for what policies say, and ids the number of each text.
	texts map[*iam.Policy]string
	ids   map[string]string
	// work counts what takes long.
	work struct{ probed, compared int }
	// exceeding says of whom it is known whether its policies allow more than its boundary.
	exceeding map[*person]bool
	// services are the answers to whether a service may assume a role.
	services map[serviceKey]choice
}

type serviceKey struct{ service, role string }

// person is a principal, prepared.
type person struct {
	*Principal
	index   int
	account string
	role    bool
	session iam.Principal       // as which it makes calls
	context map[string][]string // what is known of its calls
	keys    string              // the names of the known keys
	views   map[string]*view    // by what is known of a resource's tags
	made    map[chosenKey][]example
}

// view is a person's policies, with everything unknown for and against it.
type view struct {
	knowledge   knowledge
	best, worst *iam.PolicySet
}

func newFinder(w *World) (*finder, error) {
	f := &finder{
		world: w, byARN: map[string]*person{}, doubts: doubts{map[doubtKey]*iam.Policy{}}, chosen: map[chosenKey]choice{},
		services: map[serviceKey]choice{}, joint: map[string]jointChoice{},
		groups: map[string]*Group{}, joined: map[joinKey]bool{}, given: map[pairKey]gift{}, held: map[pairKey]bool{},
		texts: map[*iam.Policy]string{}, ids: map[string]string{}, exceeding: map[*person]bool{},
	}
	for i := range w.Groups {
		f.groups[w.Groups[i].ARN] = &w.Groups[i]
	}
	for i := range w.Principals {
		p := newPerson(&w.Principals[i], i)
		f.people = append(f.people, p)
		f.byARN[p.ARN] = p
		if _, err := f.view(p, tagsUnknown); err != nil {
			return nil, err
		}
	}
	var err error
	f.saml, err = f.providers()
	return f, err
}

func newPerson(p *Principal, index int) *person {
	fields := strings.SplitN(p.ARN, ":", 6)
	for len(fields) < 6 {
		fields = append(fields, "") // not an ARN: it is nobody to any policy
	}
	account, path := fields[4], fields[5]
	name := path[strings.LastIndexByte(path, '/')+1:]
	out := &person{
		Principal: p, index: index, account: account, role: strings.HasPrefix(path, "role/"),
		session: iam.Principal{ARN: p.ARN, Account: account},
		context: map[string][]string{
			"aws:PrincipalArn": {p.ARN}, "aws:PrincipalAccount": {account}, "aws:PrincipalType": {"User"},
			"aws:SecureTransport": {"true"}, "aws:PrincipalIsAWSService": {"false"},
		},
		views: map[string]*view{}, made: map[chosenKey][]example{},
	}
	if out.role {
		out.session.RoleARN, out.session.ARN = p.ARN, "arn:aws:sts::"+account+":assumed-role/"+name+"/session"
		out.context["aws:PrincipalType"] = []string{"AssumedRole"}
	} else {
		out.context["aws:username"] = []string{name}
	}
	maps.Copy(out.context, p.Context)
	names := make([]string, 0, len(out.context))
	for key := range out.context {
		names = append(names, strings.ToLower(key))
	}
	slices.Sort(names)
	out.keys = strings.Join(slices.Compact(names), " ")
	return out
}

// tagged is what is known of the tags of a resource.
type tagged struct {
	name  string // the same for equal knowledge
	keys  map[string]bool
	other bool     // it may have further tags
	also  []string // further condition keys that are known, in lower case
}

var tagsUnknown = tagged{other: true}

// tagPrefixes are the condition keys that tell a resource's tags, in the spelling of the service authorization reference.
var tagPrefixes = []string{"aws:ResourceTag/", "ssm:resourceTag/", "ec2:ResourceTag/", "iam:ResourceTag/"}

// view gives a person's policies for a resource of whose tags so much is known.
func (f *finder) view(p *person, tags tagged) (*view, error) {
	if v := p.views[tags.name]; v != nil {
		return v, nil
	}
	known := map[string]bool{"aws:username": true, "aws:resourceaccount": true, "iam:passedtoservice": true}
	for _, key := range slices.Concat(strings.Fields(p.keys), tags.also) {
		known[key] = true
	}
	v := &view{knowledge: knowledge{name: p.keys + "|" + tags.name, known: func(key string) bool {
		for _, prefix := range tagPrefixes {
			if tag, ok := strings.CutPrefix(key, strings.ToLower(prefix)); ok {
				return tags.keys[tag] || !tags.other
			}
		}
		return known[key]
	}}}
	var err error
	if v.best, err = f.doubts.set(p.Policies, v.knowledge, true); err != nil {
		return nil, err
	}
	if v.worst, err = f.doubts.set(p.Policies, v.knowledge, false); err != nil {
		return nil, err
	}
	p.views[tags.name] = v
	return v, nil
}

// question is a call, of which the trust policy may depend on what is unknown.
type question struct {
	action, resource, account string
	context                   map[string][]string
	trust                     *iam.Policy
	tags                      tagged
}

// ask answers a question in the best case; conditions are what the best case depends on.
func (f *finder) ask(p *person, q *question) (call Call, conditions []string, ok bool, err error) {
	v, err := f.view(p, q.tags)
	if err != nil {
		return Call{}, nil, false, err
	}
	best, worst := *v.best, *v.worst
	if best.Trust, err = f.doubts.policy(q.trust, v.knowledge, true); err != nil {
		return Call{}, nil, false, err
	}
	if worst.Trust, err = f.doubts.policy(q.trust, v.knowledge, false); err != nil {
		return Call{}, nil, false, err
	}
	context := maps.Clone(p.context)
	maps.Copy(context, q.context)
	context["aws:ResourceAccount"] = []string{cmp.Or(q.account, p.account)}
	r := &iam.Request{
		Principal: p.session, Action: q.action, Resource: q.resource, Account: q.account, Context: iam.NewContext(context),
	}
	decision := best.Evaluate(r)
	if decision.Outcome != iam.Allowed {
		return Call{}, nil, false, nil
	}
	call = Call{Action: q.action, Resource: q.resource}
	for _, ref := range decision.Decisive {
		if ref.Policy != assumed {
			call.Statements = append(call.Statements, ref)
		}
	}
	if against := worst.Evaluate(r); against.Outcome != iam.Allowed {
		conditions = v.reasons(p.Policies, q.trust, slices.Concat(decision.Decisive, against.Decisive))
	}
	return call, conditions, true, nil
}

// reasons lists the unknown keys that the given statements read.
func (v *view) reasons(s *iam.PolicySet, trust *iam.Policy, refs []iam.StatementRef) (keys []string) {
	for _, p := range everyPolicy(s, trust) {
		document := p.Document()
		for _, ref := range refs {
			if ref.Policy != p.Name || ref.Index >= len(document.Statements) {
				continue
			}
			for _, key := range v.knowledge.unknown(&document.Statements[ref.Index]) {
				if !slices.Contains(keys, key) {
					keys = append(keys, key)
				}
			}
		}
	}
	if len(keys) == 0 {
		return []string{"what is not known of the call"}
	}
	slices.Sort(keys)
	return keys
}

func everyPolicy(s *iam.PolicySet, trust *iam.Policy) []*iam.Policy {
	all := []*iam.Policy{trust}
	if s != nil {
		all = append(slices.Concat(all, s.Identity, s.Session), s.Boundary, s.Endpoint)
		for _, level := range slices.Concat(s.SCPs, s.RCPs) {
			all = append(all, level...)
		}
	}
	return slices.DeleteFunc(all, func(p *iam.Policy) bool { return p == nil })
}
