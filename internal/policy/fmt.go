package policy

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/yaml"
)

// FmtOptions say how a policy is read and printed.
type FmtOptions struct {
	To      Format // empty: as it is written
	Lenient bool   // read what AWS would not take, where it is clear what is meant
	// Kind asks for what AWS refuses in this kind of policy; nil does not.
	Kind *iam.PolicyKind
}

// Formatted is a policy, printed canonically.
type Formatted struct {
	Text     []byte // nil when the policy could not be read
	From, To Format
	// Findings are everything that is wrong with the policy, in the order of its places.
	Findings []*iam.SyntaxError
	// Comments says that it has comments, which the printed text has not.
	Comments bool
}

// Canonical says whether a policy was written as it is printed.
func (f *Formatted) Canonical(text []byte) bool { return bytes.Equal(f.Text, text) }

// Fmt reads a policy in either format and prints it. Intrinsic functions of CloudFormation are kept. What it printed
// it reads again, and it is an error when that does not say the same.
func Fmt(name string, text []byte, o FmtOptions) (*Formatted, error) {
	f := &Formatted{From: FormatOf(name, text), To: o.To}
	if f.To == "" {
		f.To = f.From
	}
	how := iam.ReadOptions{Lenient: o.Lenient, Intrinsics: true}
	var d *iam.Document
	d, f.Findings = readAs(f.From, name, text, how)
	if d == nil {
		return f, nil
	}
	if o.Kind != nil {
		for _, err := range d.Validate(*o.Kind) {
			var finding *iam.SyntaxError
			if !errors.As(err, &finding) {
				return nil, err
			}
			f.Findings = append(f.Findings, finding)
		}
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
	for line := range strings.Lines(string(text)) {
		if at := strings.IndexByte(line, '#'); at >= 0 {
			for ; at < len(line); at++ {
				if line[at] == '#' && (at == 0 || line[at-1] == ' ' || line[at-1] == '\t') {
					return true
				}
			}
		}
	}
	return false
}
