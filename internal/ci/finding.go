package ci

import (
	"cmp"
	"slices"

	"github.com/slipway-cd/slipway/internal/lint"
)

// Code names a kind of finding, and stays what it is.
type Code = lint.Code

// What is found in pipelines.
const (
	// CodeSyntax is what GitHub would not accept at all.
	CodeSyntax Code = "SLW100"
	// CodeToken: a job that enters with GitHub's token may not ask for it.
	CodeToken Code = "SLW109"
	// CodeConcurrency: two runs could ship at the same time, or a newer run ends one that ships.
	CodeConcurrency Code = "SLW110"
	// CodeTimeout: the job or step ends before what it runs can have ended.
	CodeTimeout Code = "SLW121"
	// CodeUsage: slipway would refuse the command line.
	CodeUsage Code = "SLW127"
	// CodeSwallowed: a job or step succeeds although what it ships does not.
	CodeSwallowed Code = "SLW128"
)

// Finding is something wrong at one place of a file, as package lint has it.
type Finding = lint.Finding

func sortFindings(findings []Finding) {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Code, b.Code))
	})
}
