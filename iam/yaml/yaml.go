// Package yaml reads and prints policy documents in YAML, as CloudFormation's templates have them.
//
// The nodes of the YAML text become those of package iam ([iam.Node]), and iam reads and prints them: a policy
// means the same in both notations. Scalars follow YAML 1.2's JSON schema and nothing else: 0123456789,
// 2012-10-17, yes, no, on and off are text, only true, false, null and JSON's numbers are not.
// CloudFormation's short forms (!Ref, !Sub, !GetAtt …) are read as the functions that they stand for, and printed.
package yaml

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// Read reads a policy document in YAML and gives everything that is wrong with its form, in order of place. It
// differs from [iam.Read] in the notation only. Short forms count as intrinsics ([iam.ReadOptions]); aliases and
// merge keys are followed, within bounds; more than one document and other tags than CloudFormation's are refused.
// Columns count bytes, as everywhere in package iam.
func Read(name string, src []byte, o iam.ReadOptions) (*iam.Document, []*iam.SyntaxError) {
	root, findings := load(name, src)
	if len(findings) > 0 {
		return nil, findings
	}
	return iam.FromNode(name, root, o)
}

// Parse reads a policy document in YAML, strictly and without intrinsics. The error is the first finding in order
// of place, an [*iam.SyntaxError]; [Read] gives all.
func Parse(name string, src []byte) (*iam.Document, error) {
	d, findings := Read(name, src, iam.ReadOptions{})
	if len(findings) > 0 {
		return nil, findings[0]
	}
	return d, nil
}

// ReadTree reads any YAML text as nodes, for files that have policies inside of them, such as templates, within the bounds of a
// policy: a template of CloudFormation has at most 1 MB. Short forms have become the functions that they stand for.
// Duplicate keys are kept: see [iam.Duplicates].
func ReadTree(name string, src []byte) (*iam.Node, []*iam.SyntaxError) {
	root, findings := load(name, src)
	if len(findings) > 0 {
		return nil, findings
	}
	return root, nil
}

// Print prints the document as YAML: block style, two spaces, elements in AWS's order, quotes where a reader could
// take a plain scalar for something else, CloudFormation's functions in their short form where there is one.
// The same document always gives the same bytes. What is printed has been read back and compared; a document that
// YAML cannot carry (text that is not UTF-8, a marked value that is not JSON) is an error.
func Print(d *iam.Document) ([]byte, error) { return PrintTree(d.Name, d.Node()) }

// PrintTree prints any nodes as YAML, as [Print] does those of a policy, with keys in the order of the source. The name is for
// messages.
func PrintTree(name string, node *iam.Node) ([]byte, error) {
	p := printer{}
	p.top(node)
	back, findings := load(name, p.out)
	if len(findings) > 0 {
		return nil, fmt.Errorf("print %s as YAML: it does not read back: %w", name, findings[0])
	}
	if hasNul(back) {
		return nil, fmt.Errorf("print %s as YAML: it has the character U+0000, or a marked value that is not JSON", name)
	}
	if !same(node, back) {
		return nil, fmt.Errorf("print %s as YAML: %w", name, errDiffers)
	}
	return p.out, nil
}

var errDiffers = errors.New("it reads back differently")

// hasNul looks for the character that no text of a policy has, and that marks what is none ([iam.Intrinsic]).
func hasNul(n *iam.Node) bool {
	return strings.IndexByte(n.Text, 0) >= 0 ||
		slices.ContainsFunc(n.Items, func(item iam.Node) bool { return hasNul(&item) }) ||
		slices.ContainsFunc(n.Fields, func(f iam.Field) bool { return strings.IndexByte(f.Name, 0) >= 0 || hasNul(&f.Value) })
}

// same compares two trees but for their places.
func same(a, b *iam.Node) bool {
	return reflect.DeepEqual(placeless(a), placeless(b))
}

func placeless(n *iam.Node) iam.Node {
	c := iam.Node{Kind: n.Kind, Text: n.Text}
	for i := range n.Items {
		c.Items = append(c.Items, placeless(&n.Items[i]))
	}
	for i := range n.Fields {
		c.Fields = append(c.Fields, iam.Field{Name: n.Fields[i].Name, Value: placeless(&n.Fields[i].Value)})
	}
	return c
}

// IsJSON guesses the notation of a policy from its first character: JSON begins with a brace. YAML may do so too,
// and JSON is YAML, but a text that people call JSON deserves a JSON reader's messages.
func IsJSON(src []byte) bool {
	src = bytes.TrimLeft(src, " \t\r\n\ufeff")
	return len(src) > 0 && src[0] == '{'
}
