package policies

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// piece is a piece of a pattern.
type piece struct {
	kind   pieceKind
	r      rune   // the one character; that which a word does not have
	symbol string // of a symbol
}

type pieceKind uint8

const (
	one    pieceKind = iota // this character
	any1                    // any character
	many                    // any text
	symbol                  // some text that is not known
	word1                   // any character but one
	word                    // any text without that one
)

// pieces divides a pattern of a policy.
func pieces(t text) []piece {
	var list []piece
	rest := string(t)
	for rest != "" {
		if strings.HasPrefix(rest, "${") {
			if end := strings.IndexByte(rest, '}'); end > 0 {
				list = append(list, piece{kind: symbol, symbol: rest[2:end]})
				rest = rest[end+1:]
				continue
			}
		}
		r, size := utf8.DecodeRuneInString(rest)
		switch r {
		case '*':
			list = append(list, piece{kind: many})
		case '?':
			list = append(list, piece{kind: any1})
		default:
			list = append(list, piece{kind: one, r: r})
		}
		rest = rest[size:]
	}
	return list
}

// template divides an ARN pattern of the catalog: a placeholder stands for some text. The name of a bucket has no slash,
// which tells a bucket from an object.
func template(arn string) []piece {
	var list []piece
	for _, p := range pieces(text(arn)) {
		switch {
		case p.kind != symbol:
			list = append(list, p)
		case p.symbol == "BucketName":
			list = append(list, piece{kind: word1, r: '/'}, piece{kind: word, r: '/'})
		default:
			list = append(list, piece{kind: any1}, piece{kind: many})
		}
	}
	return list
}

// withoutColons is the same where placeholders have no colons, as few names have: but for those of objects.
func withoutColons(arn string) []piece {
	var list []piece
	for _, p := range pieces(text(arn)) {
		switch {
		case p.kind != symbol:
			list = append(list, p)
		case p.symbol == "ObjectName":
			list = append(list, piece{kind: any1}, piece{kind: many})
		default:
			list = append(list, piece{kind: word1, r: ':'}, piece{kind: word, r: ':'})
		}
	}
	return list
}

// mayMeet says whether some text is matched by both patterns, whatever the symbols are.
func mayMeet(a, b []piece) bool {
	const most = 4_000_000 // of pairs to look at; a longer pattern may meet anything
	if len(a)*len(b) > most {
		return true
	}
	width := len(b) + 1
	seen := make([]bool, (len(a)+1)*width)
	stack := []int{0}
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[at] {
			continue
		}
		seen[at] = true
		i, j := at/width, at%width
		if i == len(a) && j == len(b) {
			return true
		}
		if i < len(a) && a[i].loops() {
			stack = append(stack, at+width)
		}
		if j < len(b) && b[j].loops() {
			stack = append(stack, at+1)
		}
		if i < len(a) && j < len(b) && a[i].meets(b[j]) {
			next := at
			if !a[i].loops() {
				next += width
			}
			if !b[j].loops() {
				next++
			}
			stack = append(stack, next)
		}
	}
	return false
}

// loops says that a piece takes any number of characters.
func (p piece) loops() bool { return p.kind == many || p.kind == symbol || p.kind == word }

// meets says whether one character can be taken by both.
func (p piece) meets(q piece) bool {
	if p.kind == one && q.kind == one {
		return p.r == q.r
	}
	if p.kind == one {
		return q.kind != word && q.kind != word1 || p.r != q.r
	}
	if q.kind == one {
		return q.meets(p)
	}
	return true
}

// covers says whether the pattern matches every text that target stands for: symbols are equal to themselves only.
func covers(pattern, target []piece) bool {
	star, back, i := -1, 0, 0
	for j := 0; j < len(target); {
		switch {
		case i < len(pattern) && pattern[i].kind == many:
			star, back = i, j
			i++
		case i < len(pattern) && pattern[i].takes(target[j]):
			i++
			j++
		case star >= 0:
			back++
			i, j = star+1, back
		default:
			return false
		}
	}
	for i < len(pattern) && pattern[i].kind == many {
		i++
	}
	return i == len(pattern)
}

// takes says whether a piece that is no star is matched by this one.
func (p piece) takes(q piece) bool {
	if p.kind == any1 {
		return q.kind == one || q.kind == any1
	}
	return p.kind != many && p == q
}

// lower folds a pattern of actions, whose case IAM ignores.
func lower(list []piece) []piece {
	out := make([]piece, len(list))
	for i, p := range list {
		p.r = unicode.ToLower(p.r)
		out[i] = p
	}
	return out
}
