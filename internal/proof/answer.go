package proof

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// answer is the verdict about one question.
type answer struct {
	verdict  Verdict
	why      string
	nearest  []string
	warnings []string
	// blocked says that a statement alone does not help; addable, that one is missing.
	blocked, addable bool
	// narrower says that a statement allows the very action on other resources.
	narrower bool
}

// maxNearest is how many existing statements are told.
const maxNearest = 2

// bounded evaluates a question, with everything unknown about the request for and against it.
func (q question) bounded() (answer, error) {
	favourable, unfavourable, decided, err := q.doubt.bounds(q.set)
	if err != nil {
		return answer{}, err
	}
	if decided {
		return q.definite(q.set), nil
	}
	best, worst := favourable.Evaluate(&q.request), unfavourable.Evaluate(&q.request)
	switch {
	case worst.Outcome == iam.Allowed:
		return answer{verdict: Proved}, nil
	case best.Outcome != iam.Allowed:
		return q.definite(favourable), nil
	}
	return answer{verdict: Undecided, why: q.on(q.set, slices.Concat(best.Decisive, worst.Decisive))}, nil
}

// definite answers by a policy set in which nothing is unknown.
func (q question) definite(set *iam.PolicySet) answer {
	x := set.Explain(&q.request)
	switch x.Decision.Outcome {
	case iam.Allowed:
		return answer{verdict: Proved}
	case iam.ExplicitlyDenied:
		return answer{
			verdict: Refuted, blocked: true,
			why: strings.Join(references(x.Decision.Decisive), ", ") + " denies it" + layerOf(x.Decision.Layer) +
				": a statement that allows it does not help while this one is there",
		}
	}
	a := answer{verdict: Refuted, why: q.lacking(x.Missing)}
	a.blocked = slices.Contains(x.Missing, iam.LayerBoundary) || slices.Contains(x.Missing, iam.LayerSCP)
	a.addable = slices.Contains(x.Missing, iam.LayerIdentity) || slices.Contains(x.Missing, iam.LayerTrust)
	misspelt := q.misspelt()
	for _, ref := range slices.SortedFunc(maps.Keys(misspelt), byPlace) {
		a.nearest = append(a.nearest, misspelt[ref])
	}
	for _, n := range x.Near {
		if n.Mismatch == iam.MismatchResource && n.Layer == iam.LayerIdentity {
			a.narrower = true
		}
		if misspelt[n.Ref] == "" {
			a.nearest = append(a.nearest, q.near(n))
		}
	}
	a.nearest = a.nearest[:min(len(a.nearest), maxNearest)]
	return a
}

// byPlace orders statements by policy and by their order in it.
func byPlace(r, s iam.StatementRef) int {
	return cmp.Or(strings.Compare(r.Policy, s.Policy), cmp.Compare(r.Index, s.Index))
}

// lacking says in words which policies had to allow a request and do not.
func (q question) lacking(layers []iam.Layer) string {
	var parts []string
	for _, l := range layers {
		switch l {
		case iam.LayerIdentity:
			parts = append(parts, "no policy of the role allows it")
		case iam.LayerTrust:
			parts = append(parts, "the role's trust policy does not let "+q.caller()+" assume it")
		case iam.LayerBoundary:
			parts = append(parts, "the role's permissions boundary does not allow it, and limits whatever its policies allow")
		case iam.LayerSCP:
			parts = append(parts, "the service control policies do not allow it: every level must, and limits whatever the role's policies allow")
		case iam.LayerResource:
			parts = append(parts, "no policy of the resource allows it")
		default:
			parts = append(parts, "it is not allowed")
		}
	}
	return strings.Join(parts, "; ")
}

// caller names who wants to assume a role.
func (q question) caller() string {
	if provider := q.request.Context.Get("aws:FederatedProvider"); q.request.Principal.Kind == iam.PrincipalFederated && len(provider) > 0 {
		_, issuer, _ := strings.Cut(provider[0], "oidc-provider/")
		if sub := q.request.Context.Get(issuer + ":sub"); len(sub) > 0 {
			return "tokens of " + strings.ReplaceAll(sub[0], string(anyText), "*")
		}
	}
	return q.request.Principal.ARN
}

// near tells one existing statement that came close.
func (q question) near(n iam.Near) string {
	where := reference(n.Ref)
	if n.Layer == iam.LayerBoundary {
		where = "the boundary's " + where
	}
	if n.Mismatch == iam.MismatchAction {
		told := fmt.Sprintf("%s allows %s, but not %s: granting one never grants the other",
			where, short(n.Has), q.request.Action)
		if i := slices.IndexFunc(n.Has, unknownAction); i >= 0 {
			told = fmt.Sprintf("%s allows %s", where, q.noAction(n.Has[i]))
		}
		return told
	}
	return where + " " + strings.ReplaceAll(n.Detail, q.request.Resource, q.display)
}

// short lists a few values and counts the rest.
func short(values []string) string {
	const most = 3
	if len(values) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(values[:most], ", "), len(values)-most)
	}
	return strings.Join(values, ", ")
}

func layerOf(l iam.Layer) string {
	switch l {
	case iam.LayerBoundary:
		return " in the permissions boundary"
	case iam.LayerTrust:
		return " in the trust policy"
	case iam.LayerSCP:
		return " in the service control policies"
	}
	return ""
}

func references(refs []iam.StatementRef) []string {
	var names []string
	for _, r := range refs {
		names = appendNew(names, reference(r))
	}
	return names
}

// reference names a statement and where it stands.
func reference(r iam.StatementRef) string {
	name := "statement " + r.Statement + " in " + r.Policy
	if r.Pos.Line > 0 {
		name += ":" + strconv.Itoa(r.Pos.Line) + ":" + strconv.Itoa(r.Pos.Column)
	}
	return name
}

// refOf is the statement of a document as the evaluator names it.
func refOf(d *iam.Document, index int) iam.StatementRef {
	st := &d.Statements[index]
	name := st.Sid
	if name == "" {
		name = strconv.Itoa(index)
	}
	return iam.StatementRef{Policy: d.Name, Statement: name, Index: index, Effect: st.Effect, Pos: st.Pos}
}
