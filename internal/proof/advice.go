package proof

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/release"
)

// misspelt are the statements that name an action which AWS does not have and which is nearest to the one that is
// asked for: very likely they were meant to allow it. The sentences are by statement.
func (q question) misspelt() map[iam.StatementRef]string {
	told := map[iam.StatementRef]string{}
	for _, p := range append(slices.Clone(q.set.Identity), q.set.Boundary, q.set.Trust) {
		if p == nil {
			continue
		}
		d := p.Document()
		for i := range d.Statements {
			st := &d.Statements[i]
			for _, a := range st.Actions {
				if st.Effect == iam.Allow && unknownAction(a) && strings.EqualFold(q.intended(a), q.request.Action) {
					ref := refOf(d, i)
					told[ref] = fmt.Sprintf("%s allows %s", reference(ref), q.noAction(a))
				}
			}
		}
	}
	return told
}

// unknownAction says whether a policy's action, which is no pattern, is not in the service authorization reference.
func unknownAction(action string) bool {
	if strings.ContainsAny(action, "*?") {
		return false
	}
	_, ok := catalog.Lookup(action)
	return !ok
}

// intended is the action of AWS that is nearest to one that does not exist; empty when none is near.
func (q question) intended(action string) string {
	service, _, _ := strings.Cut(action, ":")
	names := catalog.Actions(service)
	if names == nil {
		service, _, _ = strings.Cut(q.request.Action, ":")
		names = catalog.Actions(service)
	}
	service = strings.ToLower(service)
	for i, name := range names {
		names[i] = service + ":" + name
	}
	return release.Nearest(action, names)
}

// noAction says that AWS has no such action, and which one may be meant.
func (q question) noAction(action string) string {
	text := action + ", which is no action of AWS"
	if intended := q.intended(action); intended != "" {
		text += "; did you mean " + intended + "?"
	}
	return text
}
