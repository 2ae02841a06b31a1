package policies

import (
	"fmt"
	"strings"
)

// suggest gives the name that was probably meant, in a format; empty where none is near.
func suggest(written string, names []string, format string) string {
	const most = 2
	best, name := most+1, ""
	for _, n := range names {
		if len(n)-len(written) > most || len(written)-len(n) > most {
			continue
		}
		if d := distance(strings.ToLower(written), strings.ToLower(n)); d < best && d <= max(1, len(n)/4) {
			best, name = d, n
		}
	}
	if name == "" {
		return ""
	}
	return fmt.Sprintf(format, name)
}

// distance counts the bytes to insert, delete, replace or swap with their neighbours to turn a into b.
func distance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := range len(a) {
		before, last, row := rows[0], rows[1], rows[2]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		rows = [3][]int{last, row, before}
	}
	return rows[1][len(b)]
}
