package iam

// maxOverlap bounds the work of [Overlap]: the product of the patterns' lengths.
const maxOverlap = 4 << 20

// Overlap says whether there is a text that two patterns with * and ? both match: of two resources, for example, whether there
// is something that both are about. Policy variables are text, and so are colons. Patterns so long that it would
// take too much time are taken to overlap.
func Overlap(first, second string) bool {
	if len(first)*len(second) > maxOverlap {
		return true
	}
	a, b := []rune(first), []rune(second) // ? stands for a character, however many bytes it takes
	// reach[j] says whether a[:i] and b[:j] can stand for the same text.
	reach, next := make([]bool, len(b)+1), make([]bool, len(b)+1)
	reach[0] = true
	for j := range len(b) {
		reach[j+1] = reach[j] && b[j] == '*'
	}
	for i := range len(a) {
		next[0] = reach[0] && a[i] == '*'
		for j := range len(b) {
			if a[i] == '*' || b[j] == '*' {
				next[j+1] = reach[j+1] || next[j]
			} else {
				next[j+1] = reach[j] && (a[i] == b[j] || a[i] == '?' || b[j] == '?')
			}
		}
		reach, next = next, reach
	}
	return reach[len(b)]
}
