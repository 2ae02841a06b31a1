package iam_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
)

// rule is one documented rule of the evaluation: what AWS says, and a request that shows it.
type rule struct {
	name  string // unique among all rules
	page  string // the URL of the page of AWS's documentation
	quote string // one sentence of that page, word for word

	set     layerTexts
	who     iam.Principal
	do, on  string              // the action and the resource; * when on is empty
	account string              // the resource's owner; when empty that in its ARN, or the principal's
	with    map[string][]string // condition keys

	want    iam.Outcome
	by      iam.Layer // the layer that a denial reports
	unasked bool      // it is allowed without asking the policies
}

// layerTexts are the policies of a request, by layer. Each text is a whole document, or only its statements,
// which then belong to version 2012-10-17.
type layerTexts struct {
	identity        []string
	boundary        string
	session         []string
	trust, resource string
	scps, rcps      [][]string // by level, the organization's root first
	endpoint        string
}

func (l layerTexts) compile(t *testing.T) *iam.PolicySet {
	t.Helper()
	return &iam.PolicySet{
		Identity: compileTexts(t, "identity", l.identity),
		Boundary: compileText(t, "boundary", l.boundary),
		Session:  compileTexts(t, "session", l.session),
		Trust:    compileText(t, "trust", l.trust),
		Resource: compileText(t, "resource", l.resource),
		SCPs:     compileLevels(t, "scp", l.scps),
		RCPs:     compileLevels(t, "rcp", l.rcps),
		Endpoint: compileText(t, "endpoint", l.endpoint),
	}
}

// compileText compiles one text; an empty one is no policy.
func compileText(t *testing.T, name, text string) *iam.Policy {
	t.Helper()
	if !strings.Contains(text, `"Statement"`) {
		return policy(t, name, text)
	}
	p, err := iam.ParsePolicy(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func compileTexts(t *testing.T, name string, texts []string) (out []*iam.Policy) {
	t.Helper()
	for _, text := range texts {
		out = append(out, compileText(t, name, text))
	}
	return out
}

func compileLevels(t *testing.T, name string, levels [][]string) (out [][]*iam.Policy) {
	t.Helper()
	for _, texts := range levels {
		out = append(out, compileTexts(t, name, texts))
	}
	return out
}

// has says whether a layer has a policy.
func (l layerTexts) has(layer iam.Layer) bool {
	switch layer {
	case iam.LayerIdentity:
		return len(l.identity) > 0
	case iam.LayerBoundary:
		return l.boundary != ""
	case iam.LayerSession:
		return len(l.session) > 0
	case iam.LayerTrust:
		return l.trust != ""
	case iam.LayerResource:
		return l.resource != ""
	case iam.LayerSCP:
		return len(l.scps) > 0
	case iam.LayerRCP:
		return len(l.rcps) > 0
	case iam.LayerEndpoint:
		return l.endpoint != ""
	}
	return false
}

func (r *rule) request() *iam.Request {
	resource := r.on
	if resource == "" {
		resource = "*"
	}
	return &iam.Request{
		Principal: r.who, Action: r.do, Resource: resource, Account: r.account, Context: iam.NewContext(r.with),
	}
}

// runRules runs every rule: the answer and the layer that is reported must be AWS's, and the three ways to ask agree.
func runRules(t *testing.T, rules []rule) {
	t.Helper()
	for i := range rules {
		r := &rules[i]
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			set, request := r.set.compile(t), r.request()
			d := set.Evaluate(request)
			if d.Outcome != r.want || d.Layer != r.by {
				t.Errorf("got %v by %v, want %v by %v\n%s: %q", d.Outcome, d.Layer, r.want, r.by, r.page, r.quote)
			}
			if set.Allowed(request) != (d.Outcome == iam.Allowed) {
				t.Error("Allowed disagrees with Evaluate")
			}
			if diff := cmp.Diff(d, set.Explain(request).Decision); diff != "" {
				t.Errorf("Explain disagrees with Evaluate: %s", diff)
			}
			if decided := len(d.Decisive) > 0; decided != (d.Outcome != iam.ImplicitlyDenied && !r.unasked) {
				t.Errorf("%v with %d decisive statements", d.Outcome, len(d.Decisive))
			}
		})
	}
}

// checkSources shows that every rule says where it comes from, and that no two have one name.
func checkSources(t *testing.T, rules []rule) {
	t.Helper()
	seen := map[string]bool{}
	for i := range rules {
		r := &rules[i]
		if r.name == "" || seen[r.name] {
			t.Errorf("rule %q: no name of its own", r.name)
		}
		seen[r.name] = true
		fromAWS := strings.HasPrefix(r.page, "https://docs.aws.amazon.com/")
		if !fromAWS && !strings.HasPrefix(r.page, "https://docs.github.com/") {
			t.Errorf("rule %q: page %q is none of AWS's or GitHub's documentation", r.name, r.page)
		}
		if len(strings.Fields(r.quote)) < 3 {
			t.Errorf("rule %q: no quotation", r.name)
		}
	}
}

// evaluationRules are the rules of the whole evaluation: who may do what, given the policies of every layer.
// What a statement's elements match has rules of its own.
func evaluationRules() []rule {
	return slices.Concat(
		identityRules, resourceRules, limitRules, notPrincipalRules, crossRules,
		scpRules, rcpRules, endpointRules,
		trustRules, assumeExtraRules, webIdentityRules,
		serviceRules, passRoleRules, keyRules, bucketRules, managedRules, unaskedRules,
	)
}

func TestEvaluationRulesHaveSources(t *testing.T) {
	t.Parallel()
	checkSources(t, evaluationRules())
}

// TestEvaluationRulesCoverEverything shows that every layer allows, denies and is silent in some rule, and that every
// kind of principal gets every answer.
func TestEvaluationRulesCoverEverything(t *testing.T) {
	t.Parallel()
	type layerOutcome struct {
		layer   iam.Layer
		outcome iam.Outcome
	}
	type kindOutcome struct {
		kind    iam.PrincipalKind
		outcome iam.Outcome
	}
	layers, kinds := map[layerOutcome]int{}, map[kindOutcome]int{}
	for _, r := range evaluationRules() {
		kinds[kindOutcome{r.who.Kind, r.want}]++
		for layer := iam.LayerIdentity; layer <= iam.LayerEndpoint; layer++ {
			if r.want == iam.Allowed && r.set.has(layer) || r.by == layer {
				layers[layerOutcome{layer, r.want}]++
			}
		}
	}
	for _, outcome := range []iam.Outcome{iam.Allowed, iam.ImplicitlyDenied, iam.ExplicitlyDenied} {
		for layer := iam.LayerIdentity; layer <= iam.LayerEndpoint; layer++ {
			if layers[layerOutcome{layer, outcome}] == 0 {
				t.Errorf("no rule is %v by the layer %v", outcome, layer)
			}
		}
		for kind := iam.PrincipalAWS; kind <= iam.PrincipalAnonymous; kind++ {
			if kinds[kindOutcome{kind, outcome}] == 0 {
				t.Errorf("no rule is %v for a principal of kind %d", outcome, kind)
			}
		}
	}
}
