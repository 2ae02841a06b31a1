package yaml

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/slipway-cd/slipway/iam"
)

// printer prints a tree in block style.
type printer struct{ out []byte }

// top prints the whole document. A tag at the top needs no space before it.
func (p *printer) top(n *iam.Node) {
	if short, ok := shorten(n); ok {
		p.out = append(p.out, short.tag...)
		p.value(short.argument, "", false)
		return
	}
	switch {
	case n.Kind == iam.ObjectNode && len(n.Fields) > 0:
		p.fields(n, "", false)
	case n.Kind == iam.ListNode && len(n.Items) > 0:
		p.items(n, "", false)
	default:
		p.line(scalar(n))
	}
}

// value prints what stands behind "key:", "-" or a tag, and ends the line. What has lines of its own is indented;
// inList says that its first line may stand behind the dash.
func (p *printer) value(n *iam.Node, indent string, inList bool) {
	if short, ok := shorten(n); ok {
		p.out = append(append(p.out, ' '), short.tag...)
		p.value(short.argument, indent, false)
		return
	}
	switch {
	case n.Kind == iam.ObjectNode && len(n.Fields) > 0:
		p.start(inList)
		p.fields(n, indent, inList)
	case n.Kind == iam.ListNode && len(n.Items) > 0:
		p.start(inList)
		p.items(n, indent, inList)
	default:
		p.line(" " + scalar(n))
	}
}

// start goes to where a block begins: behind the dash, or in the next line.
func (p *printer) start(inList bool) {
	if inList {
		p.out = append(p.out, ' ')
	} else {
		p.out = append(p.out, '\n')
	}
}

func (p *printer) fields(n *iam.Node, indent string, inList bool) {
	for i := range n.Fields {
		if i > 0 || !inList {
			p.out = append(p.out, indent...)
		}
		p.key(quote(n.Fields[i].Name), indent)
		p.value(&n.Fields[i].Value, indent+"  ", false)
	}
}

// maxSimpleKey is how long a key may be that stands before its colon in one line (YAML 1.2.2, section 7.4.2: 1,024
// characters). This counts bytes, and leaves room.
const maxSimpleKey = 1000

// key prints a key up to its colon; a very long one as an explicit key in a line of its own.
func (p *printer) key(quoted, indent string) {
	if len(quoted) > maxSimpleKey {
		p.line("? " + quoted)
		p.out = append(append(p.out, indent...), ':')
		return
	}
	p.out = append(append(p.out, quoted...), ':')
}

func (p *printer) items(n *iam.Node, indent string, inList bool) {
	for i := range n.Items {
		if i > 0 || !inList {
			p.out = append(p.out, indent...)
		}
		p.out = append(p.out, '-')
		p.value(&n.Items[i], indent+"  ", true)
	}
}

func (p *printer) line(s string) { p.out = append(append(p.out, s...), '\n') }

// scalar prints what has one line.
func scalar(n *iam.Node) string {
	switch n.Kind {
	case iam.StringNode:
		return quote(n.Text)
	case iam.ListNode:
		return "[]"
	case iam.ObjectNode:
		return "{}"
	}
	return n.Text
}

// quote prints a string: plain if every reader takes it for this text, otherwise in single quotes, or in double
// quotes where it has characters that need escapes.
func quote(s string) string {
	switch {
	case isPlain(s):
		return s
	case strings.IndexFunc(s, needsEscape) < 0:
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case !needsEscape(r):
			b.WriteRune(r)
		case r <= 0xff:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// needsEscape says whether a character cannot be trusted to survive, or to be seen, in a text file. A space that is
// not U+0020 is not printable to Go, so it is escaped too.
func needsEscape(r rune) bool {
	return !unicode.IsPrint(r) || r == unicode.ReplacementChar || r == '\ufeff'
}

// isPlain says whether a string needs no quotes in any version of YAML: it begins with a letter, a slash or a
// dollar sign, so that it is no number, date or indicator, has nothing that ends a plain scalar, and is no word
// that stands for something else.
func isPlain(s string) bool {
	if s == "" || !isLetter(s[0]) && s[0] != '/' && s[0] != '$' {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c <= ' ' && c != ' ' || c >= 0x7f, c == '`', c == '"', c == '\'':
			return false
		case c == ':' && (i == len(s)-1 || s[i+1] == ' '),
			c == '#' && s[i-1] == ' ',
			c == ' ' && i == len(s)-1:
			return false
		}
	}
	switch strings.ToLower(s) {
	case "true", "false", "yes", "no", "on", "off", "y", "n", "null":
		return false
	}
	return true
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
