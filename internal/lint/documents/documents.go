// Package documents finds in Systems Manager documents what lets others run commands of their own, what hides failures, and
// what does not work: in Command documents, Automation runbooks and the preferences of sessions.
//
// Patterns of parameters are tried with what an attacker would write, not only looked at. What cannot be told from the
// document is left alone. The package is pure.
package documents

import (
	"errors"

	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/runbook"
)

// check is one document while it is looked at.
type check struct {
	file  string
	doc   *runbook.Document
	found []finding.Finding
	// injected are the parameters of which it was said that they reach a shell.
	injected map[string]bool
}

// Lint looks at one document.
func Lint(file string, content []byte) []finding.Finding {
	doc, err := runbook.Parse(content)
	if err != nil {
		line, column := 1, 1
		var syntax *runbook.SyntaxError
		if errors.As(err, &syntax) {
			line, column = syntax.Line, syntax.Column
		}
		return []finding.Finding{unreadable.At(file, line, column, "", "this is no document that Systems Manager takes: %v", err)}
	}
	return look(file, doc)
}

// Template looks at the documents in a template of CloudFormation. What a deploy decides is left alone.
func Template(file string, content []byte) (found []finding.Finding) {
	list, err := runbook.InTemplate(content)
	var syntax *runbook.SyntaxError
	if errors.As(err, &syntax) && syntax.TooLarge { // of what is no template at all, whoever reads its roles says so
		f := unreadable.At(file, syntax.Line, syntax.Column, "a template of its own for the documents", "the documents of the template were not looked at: %v", err)
		f.Severity = finding.Warning // they may be right
		return []finding.Finding{f}
	}
	for _, e := range list {
		if e.Err != nil {
			found = append(found, unreadable.At(file, e.Err.Line, e.Err.Column, "",
				"the content of %s is no document that Systems Manager takes: %v", e.ID, e.Err))
			continue
		}
		found = append(found, look(file, e.Document)...)
	}
	return found
}

func look(file string, doc *runbook.Document) []finding.Finding {
	c := &check{file: file, doc: doc, injected: map[string]bool{}}
	if doc.Type == runbook.Other { // of policies and configurations nothing is known here
		return nil
	}
	c.secrets()
	switch doc.Type {
	case runbook.Session:
		c.session()
	case runbook.Command:
		c.stepless()
		c.schema()
		c.scripts()
		c.parameters()
		c.command()
	case runbook.Automation:
		c.stepless()
		c.scripts()
		c.parameters()
		c.automation()
	}
	return c.found
}

// at reports a finding at a node.
func (c *check) at(rule *finding.Rule, n *runbook.Node, fix, format string, args ...any) {
	if n.Open {
		return // CloudFormation's functions decide what is there
	}
	c.found = append(c.found, rule.At(c.file, n.Line, n.Column, fix, format, args...))
}
