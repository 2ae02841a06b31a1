package ci

import (
	"regexp"

	"github.com/slipway-cd/slipway/internal/lint/pipelines"
)

// pin is an action at a commit. A tag can be moved to other code; a commit cannot.
type pin struct{ name, commit, version string }

func (p pin) String() string { return p.name + "@" + p.commit + " # " + p.version }

// pinned is when the commits of the actions were looked up.
const pinned = "2026-11-28"

var checkout = pin{"actions/checkout", "08c6903cd8c0fde910a37f88322edcfb5dd907a8", "v5.0.0"}

// ActionName is slipway's own action.
const ActionName = pipelines.ActionName

var commit = regexp.MustCompile(`^[0-9a-f]{40}$`)

// action is slipway's own action, at the commit that this program was built from, or at the tag of its major version
// where a build does not know its commit.
func action(ref string) string {
	switch {
	case commit.MatchString(ref):
		return ActionName + "@" + ref
	case ref == "":
		return ActionName + "@v1"
	}
	return ActionName + "@" + ref
}
