package policy

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam/catalog"
)

// Closest gives the actions, at most three, whose spelling is closest to that of an action that does not exist.
func Closest(action string) []string {
	service, operation, _ := strings.Cut(action, ":")
	services := []string{service}
	if catalog.Actions(service) == nil {
		services = ClosestNames(service, catalog.Services())
	}
	var out []string
	for _, s := range services {
		for _, name := range ClosestNames(operation, catalog.Actions(s)) {
			out = append(out, strings.ToLower(s)+":"+name)
		}
	}
	return out[:min(maxClosest, len(out))]
}

const maxClosest = 3

// ClosestNames gives the names, at most three, that take the fewest edits, the closest first. Names that are more than
// a third different are not close.
func ClosestNames(name string, names []string) []string {
	type near struct {
		name  string
		edits int
	}
	var found []near
	most := max(2, len(name)/3)
	for _, candidate := range names {
		if d := len(candidate) - len(name); d > most || -d > most {
			continue
		}
		if edits := distance(strings.ToLower(name), strings.ToLower(candidate)); edits <= most {
			found = append(found, near{candidate, edits})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return a.edits - b.edits })
	out := []string{}
	for _, n := range found[:min(maxClosest, len(found))] {
		out = append(out, n.name)
	}
	return out
}

// distance counts the insertions, deletions and replacements of bytes that turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
