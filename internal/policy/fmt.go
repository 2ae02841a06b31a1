package policy

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/yaml"
)

// FmtOptions say how a policy is read and printed.
type FmtOptions struct {
	To      Format // empty: as it is written
	Lenient bool   // read what AWS would not take, where it is clear what is meant
	// Kind asks for what AWS refuses in this kind of policy; nil only for what it refuses in every kind.
	Kind *iam.PolicyKind
}

// Formatted is a policy, printed canonically.
type Formatted struct {
	Text     []byte // nil when the policy could not be read
	From, To Format
	// Findings are everything that is wrong with the policy, in the order of its places.
	Findings []*iam.SyntaxError
	// Advice is what the author should know, and AWS does not refuse.
	Advice []*iam.SyntaxError
	// Comments says that it has comments, which the printed text has not.
	Comments bool
}

// Drops is the first finding by which the printed policy lacks an element that the written one has, and nil when it has
// all of them.
func (f *Formatted) Drops() *iam.SyntaxError {
	i := slices.IndexFunc(f.Findings, func(finding *iam.SyntaxError) bool {
		// After too many findings, any may follow.
		return slices.Contains([]iam.Code{iam.CodeUnknownElement, iam.CodeDuplicateKey, iam.CodeTooManyFindings}, finding.Code)
	})
	if i < 0 {
		return nil
	}
	return f.Findings[i]
}

// Canonical says whether a policy was written as it is printed, but for its comments.
func (f *Formatted) Canonical(text []byte) bool {
	if !f.Comments {
		return bytes.Equal(f.Text, text)
	}
	want := string(f.Text)
	for line := range strings.Lines(string(text)) {
		next, rest, _ := strings.Cut(want, "\n")
		after, same := strings.CutPrefix(strings.TrimSuffix(line, "\n"), next)
		switch {
		case want != "" && same && (after == "" || after[0] == ' ' && isComment(after)):
			want = rest
		case !isComment(line):
			return false
		}
	}
	return want == ""
}

func isComment(text string) bool { return strings.HasPrefix(strings.TrimLeft(text, " "), "#") }

// maxTemplate is what CloudFormation takes of a template, in bytes.
const maxTemplate = 1 << 20

// template formats a template of CloudFormation instead of a policy; nil where the text is none, or cannot be read (R129).
// Keys keep their order.
func (f *Formatted) template(name string, text []byte, o FmtOptions) (*Formatted, error) {
	if o.Kind != nil {
		return nil, nil
	}
	root := readTree(f.From, name, text)
	if root == nil || !isTemplate(root) {
		return nil, nil
	}
	if f.Findings = iam.Duplicates(name, root); len(f.Findings) > 0 {
		return f, nil
	}
	f.Comments = f.From == YAML && hasComments(text)
	f.Text = root.JSON()
	if f.To == YAML {
		var err error
		if f.Text, err = yaml.PrintTree(name, root); err != nil {
			return nil, err
		}
	}
	if again := readTree(f.To, name, f.Text); again == nil || !bytes.Equal(again.Compact(), root.Compact()) {
		return nil, fmt.Errorf("%s: what was printed as %s does not say the same: a bug", name, f.To)
	}
	return f, nil
}

func readTree(format Format, name string, text []byte) *iam.Node {
	if format == YAML {
		root, _ := yaml.ReadTree(name, text)
		return root
	}
	root, _ := iam.ReadTree(name, text, maxTemplate)
	return root
}

// isTemplate says whether a text is a template: it has resources, or says of what version it is, and is no policy.
func isTemplate(root *iam.Node) bool {
	has := func(key string) bool {
		return slices.ContainsFunc(root.Fields, func(field iam.Field) bool { return field.Name == key })
	}
	return !has("Statement") && (has("Resources") || has("AWSTemplateFormatVersion"))
}

// Fmt reads a policy in either format and prints it. Intrinsic functions of CloudFormation are kept. What it printed
// it reads again, and it is an error when that does not say the same.
func Fmt(name string, text []byte, o FmtOptions) (*Formatted, error) {
	f := &Formatted{From: FormatOf(name, text), To: o.To}
	if f.To == "" {
		f.To = f.From
	}
	if t, err := f.template(name, text, o); t != nil || err != nil {
		return t, err
	}
	how := iam.ReadOptions{Lenient: o.Lenient, Intrinsics: true, Places: true}
	var d *iam.Document
	d, f.Findings = readAs(f.From, name, text, how)
	if d == nil {
		return f, nil
	}
	if err := f.judge(d, text, o.Kind); err != nil {
		return nil, err
	}
	f.Comments = f.From == YAML && hasComments(text)
	printed, err := printAs(f.To, d)
	if err != nil {
		return nil, fmt.Errorf("%s: print: %w", name, err)
	}
	again, _ := readAs(f.To, name, printed, how)
	if again == nil || !bytes.Equal(again.JSON(), d.JSON()) {
		return nil, fmt.Errorf("%s: what was printed as %s does not say the same: a bug", name, f.To)
	}
	f.Text = printed
	return f, nil
}

// judge adds what is wrong with what the policy says. A policy that is only too long as it is written can be stored
// shorter, and is no mistake: what is printed canonically has more white space than most.
func (f *Formatted) judge(d *iam.Document, text []byte, kind *iam.PolicyKind) error {
	errs := d.Check()
	if kind != nil {
		errs = d.Validate(*kind)
	}
	tooLong := false
	for _, err := range errs {
		var finding *iam.SyntaxError
		if !errors.As(err, &finding) {
			return err
		}
		f.Findings = append(f.Findings, finding)
		tooLong = tooLong || finding.Code == iam.CodeQuotaSize
	}
	iam.SortFindings(f.Findings)
	if kind != nil && f.From == JSON && !tooLong && !d.HasIntrinsics() {
		f.Advice = iam.CheckSource(d.Name, text, *kind)
		for _, advice := range f.Advice {
			advice.Message += fmt.Sprintf(", as it is written; the shortest form has %d", d.Size())
		}
	}
	return nil
}

func readAs(format Format, name string, text []byte, o iam.ReadOptions) (*iam.Document, []*iam.SyntaxError) {
	if format == YAML {
		return yaml.Read(name, text, o)
	}
	return iam.Read(name, text, o)
}

func printAs(format Format, d *iam.Document) ([]byte, error) {
	if format == YAML {
		return yaml.Print(d)
	}
	return d.JSON(), nil
}

// hasComments says whether YAML seems to have comments. A number sign in a string can look like one: it then says yes
// too often, never too seldom.
func hasComments(text []byte) bool {
	for at, c := range text {
		if c == '#' {
			if before, _ := utf8.DecodeLastRune(text[:at]); at == 0 || !isWord(before) {
				return true
			}
		}
	}
	return false
}

// isWord says whether a number sign after a character belongs to a word. After white space, the many characters that end
// a line, quotes and brackets it may begin a comment.
func isWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("/._-=+@$%~", r)
}
