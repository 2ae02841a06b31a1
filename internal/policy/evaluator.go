package policy

import (
	"fmt"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// Evaluator answers lines of the contract of `slipway policy eval`, each a request with all policies that apply to
// it. It keeps what it compiled, within bounds. The zero Evaluator is ready; it is for one goroutine.
type Evaluator struct {
	bundles  cache[*bundle]
	callers  cache[caller]
	contexts cache[given]
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

// ReadLine gives the policies and the request of one line of eval's input.
func ReadLine(text []byte) (*iam.PolicySet, *iam.Request, error) {
	l, err := readLine(string(text))
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
	who := e.callers.get(c.principal, readCaller)
	if who.err != nil {
		return nil, fmt.Errorf("request: %w", who.err)
	}
	*r = iam.Request{Principal: who.principal, Action: c.action, Resource: c.resource, Account: c.account}
	if c.context != "" && c.context != "null" {
		found := e.contexts.get(c.context, func(text string) given {
			context, err := readContext(text)
			return given{context, err}
		})
		if found.err != nil {
			return nil, fmt.Errorf("request: %w", found.err)
		}
		r.Context = found.context
		rolePath(r)
	}
	return e.bundles.get(l.policies, compileBundle).set(who.root, assumesRole(r.Action, r.Resource))
}

func readCaller(text string) caller {
	name, err := unquote(text)
	if err != nil {
		return caller{err: fmt.Errorf("principal %w", err)}
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
