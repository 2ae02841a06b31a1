package release

import (
	"fmt"
	"slices"
	"strings"
)

// didYouMean is a hint that names the known word nearest to what was written; empty when none is near.
func didYouMean(written string, known []string) string {
	if near := Nearest(written, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

// Nearest finds the known word that differs least, in at most a third of its letters (and always in one or two).
func Nearest(written string, known []string) string {
	best, least := "", 0
	for _, word := range known {
		if len(written) > 2*len(word)+2 {
			continue // far too long, and long input must not cost time
		}
		distance := editDistance(strings.ToLower(written), strings.ToLower(word))
		limit := max(2, len(word)/3)
		if distance <= limit && distance < len(word) && (best == "" || distance < least) {
			best, least = word, distance
		}
	}
	return best
}

// editDistance counts the insertions, deletions, replacements and swaps of neighbours that turn a into b.
func editDistance(a, b string) int {
	s, t := []rune(a), []rune(b)
	var before []int
	previous := make([]int, len(t)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(s); i++ {
		row := make([]int, len(t)+1)
		row[0] = i
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			row[j] = min(previous[j]+1, row[j-1]+1, previous[j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, previous = previous, row
	}
	return previous[len(t)]
}

// listed is "a, b and c", for hints that name what is known.
func listed(words []string) string {
	sorted := slices.Sorted(slices.Values(words))
	if len(sorted) < 2 {
		return strings.Join(sorted, "")
	}
	return strings.Join(sorted[:len(sorted)-1], ", ") + " and " + sorted[len(sorted)-1]
}
