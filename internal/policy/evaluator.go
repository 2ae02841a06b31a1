package policy

import (
	"fmt"
	"hash/maphash"
	"strings"
	"unicode"

	"github.com/slipway-cd/slipway/iam"
)

// Evaluator answers lines of the contract of `slipway policy eval`, each a request with all policies that apply to
// it. It keeps what it compiled, within bounds. The zero Evaluator is ready; it is for one goroutine.
type Evaluator struct {
	policies assembler
	bundles  cache[string, *bundle]
	seed     maphash.Seed
	seen     [8192]uint64 // hashes of sets of policies
	callers  cache[string, caller]
	contexts cache[string, given]
	request  iam.Request // of the current line
}

// caller is a principal that was read before.
type caller struct {
	principal iam.Principal
	root      bool
	err       error
}

// given is a context that was read before.
type given struct {
	context iam.Context
	err     error
}

// Append answers one line, without its line feed, and appends the answer with one to dst. A line that cannot be
// answered gets an answer that says why.
func (e *Evaluator) Append(dst, text []byte) []byte {
	l, err := readLine(string(text))
	if err != nil {
		return appendError(dst, l.id, err)
	}
	s, err := e.read(l, &e.request)
	if err != nil {
		return appendError(dst, l.id, err)
	}
	return appendDecision(dst, l.id, s.Evaluate(&e.request))
}

// ReadLine gives the policies and the request of one line of eval's input, which may be broken over lines.
func ReadLine(text []byte) (*iam.PolicySet, *iam.Request, error) {
	l, err := readLine(strings.TrimPrefix(string(text), byteOrderMark))
	if err != nil {
		return nil, nil, err
	}
	r := &iam.Request{}
	s, err := new(Evaluator).read(l, r)
	if err != nil {
		return nil, nil, err
	}
	return s, r, nil
}

// read fills in the request of a line and finds its policies.
func (e *Evaluator) read(l line, r *iam.Request) (*iam.PolicySet, error) {
	c, err := readCall(l.request)
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	who := e.caller(c.principal)
	if who.err != nil {
		return nil, fmt.Errorf("request: %w", who.err)
	}
	*r = iam.Request{Principal: who.principal, Action: c.action, Resource: c.resource, Account: c.account}
	if c.context != "" && c.context != "null" {
		found := e.context(c.context)
		if found.err != nil {
			return nil, fmt.Errorf("request: %w", found.err)
		}
		r.Context = found.context
		rolePath(r)
	}
	return e.bundle(l.policies).set(who.root, assumesRole(r.Action, r.Resource))
}

func (e *Evaluator) bundle(text string) *bundle {
	b, ok := e.bundles.find(text, maxBundles)
	if !ok {
		b = e.policies.bundle(text)
		if e.repeats(text) {
			// Policies that bundles share are counted for each: one bundle may be all that still holds them.
			text = strings.Clone(text)
			e.bundles.put(text, b, weighText(text)+e.policies.weight, maxBundles)
		}
	}
	return b
}

// repeats says whether policies were seen before, as far as is remembered: a set that comes once is not worth keeping,
// and where every line combines its policies in a new way none is. A wrong answer costs time, nothing else.
func (e *Evaluator) repeats(policies string) bool {
	if e.seed == (maphash.Seed{}) {
		e.seed = maphash.MakeSeed()
	}
	hash := maphash.String(e.seed, policies)
	last := &e.seen[hash%uint64(len(e.seen))]
	again := *last == hash
	*last = hash
	return again
}

func (e *Evaluator) caller(text string) caller {
	c, ok := e.callers.find(text, maxCallers)
	if !ok {
		text = strings.Clone(text)
		c = readCaller(text)
		e.callers.put(text, c, weighText(text), maxCallers)
	}
	return c
}

func (e *Evaluator) context(text string) given {
	g, ok := e.contexts.find(text, maxContexts)
	if !ok {
		text = strings.Clone(text)
		g.context, g.err = readContext(text)
		e.contexts.put(text, g, weighText(text), maxContexts)
	}
	return g
}

func readCaller(text string) caller {
	name, err := unquote(text)
	if err != nil {
		return caller{err: fmt.Errorf("principal %w", err)}
	}
	if strings.ContainsFunc(name, unicode.IsControl) {
		return caller{err: fmt.Errorf("principal %q has a control character", name)}
	}
	p, err := iam.ParsePrincipal(name)
	return caller{principal: p, root: isRoot(p), err: err}
}

func isRoot(p iam.Principal) bool {
	return p.Kind == iam.PrincipalAWS && strings.HasSuffix(p.ARN, ":iam::"+p.Account+":root")
}

// rolePath completes the role behind a session: the session's ARN leaves out the role's path, and aws:PrincipalArn has
// it (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn).
func rolePath(r *iam.Request) {
	role := r.Principal.RoleARN
	if role == "" {
		return
	}
	values := r.Context.Get("aws:principalarn")
	if len(values) != 1 {
		return
	}
	before, name, ok := strings.Cut(role, ":role/")
	if prefix := before + ":role/"; ok && strings.HasPrefix(values[0], prefix) && strings.HasSuffix(values[0], "/"+name) {
		r.Principal.RoleARN = values[0]
	}
}
