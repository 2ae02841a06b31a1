package given

import (
	"net/url"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// embedded reads a policy that is a value of a file: an object, or text that is one, as JSON or URL-encoded (RFC 3986), as
// IAM's API gives it. What stands in a text is all said to stand where the text begins. d is nil where there is no policy.
func (b *book) embedded(n *iam.Node) (d *iam.Document) {
	if n.Kind != iam.StringNode {
		return b.document(n)
	}
	source := n.Text
	if strings.HasPrefix(strings.TrimSpace(source), "%") { // JSON never begins so, and white space may be encoded too
		decoded, err := url.PathUnescape(source)
		if err != nil {
			b.report(n.Pos, iam.CodeNotJSON, "the policy is not URL-encoded as IAM does: %v", err)
			return nil
		}
		source = decoded
	}
	root, fault := iam.ReadTree(b.file, []byte(source), maxEmbedded)
	if fault != nil {
		b.report(n.Pos, fault.Code, "the policy in this text, at its line %d, column %d: %s", fault.Line, fault.Column, fault.Message)
		return nil
	}
	move(root, n.Pos)
	if twice := iam.Duplicates(b.file, root); len(twice) > 0 {
		b.findings = append(b.findings, twice[0])
		return nil
	}
	return b.document(root)
}

// maxEmbedded bounds the text of a policy within a file.
const maxEmbedded = 1 << 20

// document reads a policy of nodes. Only templates have values that are not known yet.
func (b *book) document(n *iam.Node) *iam.Document {
	d, findings := iam.FromNode(b.file, n, iam.ReadOptions{Intrinsics: b.intrinsics, Places: true})
	b.findings = append(b.findings, findings...)
	return d
}

// move puts a tree where the text stands that it was read from.
func move(n *iam.Node, pos iam.Position) {
	n.Pos = pos
	for i := range n.Items {
		move(&n.Items[i], pos)
	}
	for i := range n.Fields {
		n.Fields[i].Pos = pos
		move(&n.Fields[i].Value, pos)
	}
}

// textOf is the text of a field; empty where it has none.
func textOf(n *iam.Node, name string) string {
	f := n.Field(name)
	if f == nil || f.Kind != iam.StringNode || strings.Contains(f.Text, "\x00") {
		return ""
	}
	return f.Text
}
