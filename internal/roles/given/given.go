// Package given reads the roles that people have: from the folders that slipway renders, from single policies, from
// templates of CloudFormation, from plans of Terraform, and from what IAM says of a whole account.
//
// What a file does not say is never made up. A value that only CloudFormation knows stays an [iam.Intrinsic], a managed policy
// whose text nobody gave has no document, and what else cannot be told is among the role's doubts: a proof is undecided
// then, and says what is missing. Keys that an object has twice are errors in every reader, since most programs silently
// take the last one (R117).
//
// The package is pure: it reads the text, or the file system, that it is handed.
package given

import (
	"errors"
	"fmt"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/managed"
	"github.com/slipway-cd/slipway/iam/yaml"
	"github.com/slipway-cd/slipway/internal/roles"
)

// Options are what a file may leave open.
type Options struct {
	// Account is the 12-digit account of a template, a plan or a policy; empty where it is not known. An account dump
	// has its own.
	Account string
	// Region and Partition of a template; empty where they are not known. A region tells the partition.
	Region, Partition string
	// Parameters are values of a template's parameters, and of pseudo parameters such as AWS::StackName. A parameter that
	// is not among them has its default.
	Parameters map[string]string
	// Declared hears of each parameter that a template declares; nil where nobody asks.
	Declared func(name string)
}

// Kind says what a file is.
type Kind string

// The kinds of files.
const (
	KindPolicy   Kind = "policy"
	KindTemplate Kind = "CloudFormation template"
	KindPlan     Kind = "Terraform plan"
	KindDump     Kind = "account dump"
)

// MaxFile bounds a file, in bytes: what IAM says of a large account has some 10 MB.
const MaxFile = 32 << 20

// Read reads what a file has, of whatever kind it is. The findings are what is wrong with it, in order of place; the set
// holds what could be read all the same. It is nil where that is nothing.
func Read(name string, src []byte, o Options) (*roles.Set, []*iam.SyntaxError) {
	root, findings := tree(name, src)
	if len(findings) > 0 {
		return nil, findings
	}
	kind, ok := KindOf(root)
	if !ok {
		return nil, []*iam.SyntaxError{at(name, root.Pos, CodeFile,
			"neither a policy, nor a CloudFormation template, nor a Terraform plan (terraform show -json), nor the output of "+
				"aws iam get-account-authorization-details: roles are read from those")}
	}
	if findings := iam.Duplicates(name, root); len(findings) > 0 {
		return nil, findings
	}
	switch kind {
	case KindTemplate:
		return readTemplate(name, root, o)
	case KindDump:
		return readDump(name, root)
	case KindPlan:
		return readPlan(name, root, o)
	default:
		return readPolicy(name, root)
	}
}

// tree reads JSON or YAML.
func tree(name string, src []byte) (*iam.Node, []*iam.SyntaxError) {
	if !yaml.IsJSON(src) {
		return yaml.ReadTree(name, src)
	}
	root, fault := iam.ReadTree(name, src, MaxFile)
	if fault != nil {
		return nil, []*iam.SyntaxError{fault}
	}
	return root, nil
}

// KindOf tells what a file is by its content; ok is false where it has no roles that could be read.
func KindOf(root *iam.Node) (kind Kind, ok bool) {
	switch {
	case root.Field("Statement") != nil:
		return KindPolicy, true
	case isTemplate(root):
		return KindTemplate, true
	case isDump(root):
		return KindDump, true
	case isPlan(root):
		return KindPlan, true
	}
	return "", false
}

// readPolicy reads a file that is a policy and nothing else: whose it is, it does not say.
func readPolicy(name string, root *iam.Node) (*roles.Set, []*iam.SyntaxError) {
	d, findings := iam.FromNode(name, root, iam.ReadOptions{Places: true, Intrinsics: true})
	if d == nil {
		return nil, findings
	}
	return &roles.Set{Loose: []roles.Policy{{Name: name, Document: d, Place: place(name, root.Pos)}}}, findings
}

// Error makes one error of findings; nil of none.
func Error(findings []*iam.SyntaxError) error {
	errs := make([]error, 0, len(findings))
	for _, f := range findings {
		errs = append(errs, f)
	}
	return errors.Join(errs...)
}

// awsPolicy gives the text of one of AWS's managed policies.
func awsPolicy(arn string) *iam.Document {
	p, ok := managed.Lookup(plainPartition(arn))
	if !ok {
		return nil
	}
	return p.Document()
}

// plainPartition puts the partition aws in the place of one that is left to the template: AWS's managed policies are the same
// in each, but for the partition in their ARNs.
func plainPartition(arn string) string {
	text, ok := subText(arn)
	if !ok {
		return arn
	}
	rest, ok := strings.CutPrefix(text, "arn:${AWS::Partition}:")
	if !ok || strings.Contains(rest, "${") {
		return arn
	}
	return "arn:aws:" + rest
}

// CodeFile is the code of what is wrong around the policies of a file: a template, a plan or a dump would not be taken, or is not all
// there. What is wrong in a policy has the policy language's codes.
const CodeFile iam.Code = "file"

func at(file string, pos iam.Position, code iam.Code, format string, args ...any) *iam.SyntaxError {
	return &iam.SyntaxError{File: file, Line: pos.Line, Column: pos.Column, Code: code, Message: fmt.Sprintf(format, args...)}
}

func place(file string, pos iam.Position) roles.Place {
	return roles.Place{File: file, Line: pos.Line, Column: pos.Column}
}
