package iam

import (
	"cmp"
	"slices"
)

// ReadOptions says what is accepted.
type ReadOptions struct {
	// Lenient reads on where there is one sensible meaning, and reports what it met: of two equal keys the last
	// one counts, as it does for most JSON readers; an unknown element of the policy is ignored, unless it looks like
	// a misspelt one, but none of a statement, which would then say something else; a number or a boolean in the place of a string is taken as it is written.
	Lenient bool
	// Intrinsics accepts CloudFormation's functions in the place of values, and keeps them; see [Intrinsic].
	Intrinsics bool
	// Places keeps the places of the elements of each statement, for what [Document.Validate] finds.
	Places bool
}

// maxFindings is how many findings are reported. A person does not read more, and a hostile text has a million.
const maxFindings = 100

// Read reads a policy document in JSON and gives everything that is wrong with its form, in order of place: at
// most a hundred findings, and one more that says so where there would be more.
// Strict, which is the default, there is no document if there is any finding. [ReadOptions.Lenient] gives the
// document in spite of findings, unless one of them has no sensible reading. Text that is not JSON has one finding.
// What depends on the kind of policy is left to [Document.Validate].
func Read(name string, src []byte, o ReadOptions) (*Document, []*SyntaxError) {
	var d *Document
	var findings []*SyntaxError
	fault := withJSON(name, string(src), func(root *Node) { d, findings = FromNode(name, root, o) })
	if fault != nil {
		return nil, []*SyntaxError{fault}
	}
	return d, findings
}

// Parse reads a policy document in JSON. It is strict where AWS is (unknown elements, wrong types, a missing
// Effect or Action) and stricter where AWS would silently take the last of two duplicate keys.
// A missing Resource or Principal is no error here, since that depends on the kind of policy:
// see [Document.Validate]. Every error is a [*SyntaxError]: the first that was found; [Read] gives all.
func Parse(name string, src []byte) (*Document, error) {
	p := parser{file: name}
	var d *Document
	if fault := withJSON(name, string(src), func(root *Node) { d = p.document(root) }); fault != nil {
		return nil, fault
	}
	if len(p.findings) > 0 {
		return nil, p.findings[0]
	}
	return d, nil
}

// FromNode reads a policy document from the nodes of its source, in whatever notation that was; see [Read].
// The node is not changed. The document keeps strings of it, but none of its lists.
func FromNode(name string, n *Node, o ReadOptions) (*Document, []*SyntaxError) {
	p := parser{file: name, options: o}
	d := p.document(n)
	SortFindings(p.findings)
	if p.failed || len(p.findings) > 0 && !o.Lenient {
		return nil, p.findings
	}
	return d, p.findings
}

// SortFindings brings findings of one file into the order of their places. Those of one place stay as they are.
func SortFindings(findings []*SyntaxError) {
	slices.SortStableFunc(findings, func(a, b *SyntaxError) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// hard reports a finding that leaves the policy without a sensible reading.
func (p *parser) hard(pos Position, code Code, format string, args ...any) {
	p.failed = true
	p.soft(pos, code, format, args...)
}

// soft reports a finding that a lenient reader goes on after.
func (p *parser) soft(pos Position, code Code, format string, args ...any) {
	switch {
	case len(p.findings) < maxFindings:
		p.findings = append(p.findings, newFinding(p.file, pos, code, format, args...))
	case len(p.findings) == maxFindings:
		p.findings = append(p.findings, tooMany(p.file, pos))
	}
}

// tooMany is the finding that ends a list of findings.
func tooMany(file string, pos Position) *SyntaxError {
	return newFinding(file, pos, CodeTooManyFindings, "more than %d findings: what follows here is left out", maxFindings)
}

// maxTreeDepth is how deep [ReadTree] reads: what programs print (the plan of a Terraform module in a module, say) is nested deeper
// than what people write.
const maxTreeDepth = 200

// maxTreeValues is how many values it reads: each takes some hundred bytes.
const maxTreeValues = 2_000_000

// ReadTree reads any JSON text of at most so many bytes as nodes, for files that have policies inside of them, such as
// templates: [FromNode] reads those. Duplicate keys are kept, and are the caller's to report ([Duplicates]).
func ReadTree(name string, src []byte, size int) (*Node, *SyntaxError) {
	s := scanner{bounds: bounds{what: "text", size: size, depth: maxTreeDepth, values: maxTreeValues}}
	root, fault := s.scan(name, string(src))
	if fault != nil {
		return nil, fault
	}
	return &root, nil
}

// Duplicates reports every key that an object of a tree has twice: most readers silently take the last one. At most a
// hundred are reported.
func Duplicates(name string, n *Node) []*SyntaxError {
	p := parser{file: name}
	p.duplicates(n)
	SortFindings(p.findings)
	return p.findings
}

func (p *parser) duplicates(n *Node) {
	if len(p.findings) > maxFindings {
		return
	}
	if n.Kind == ObjectNode {
		p.fields(n)
	}
	for i := range n.Items {
		p.duplicates(&n.Items[i])
	}
	for i := range n.Fields {
		p.duplicates(&n.Fields[i].Value)
	}
}
