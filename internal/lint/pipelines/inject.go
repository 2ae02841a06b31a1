package pipelines

import (
	"slices"
	"strings"

	"github.com/rhysd/actionlint"
)

// untrusted are values that somebody writes who need not have a right to push, by the event that has them.
var untrusted = map[string][]string{
	"github.event.issue.title":                      {"issues", "issue_comment"},
	"github.event.issue.body":                       {"issues", "issue_comment"},
	"github.event.comment.body":                     {"issue_comment", "pull_request_review_comment", "commit_comment", "discussion_comment"},
	"github.event.review.body":                      {"pull_request_review"},
	"github.event.discussion.title":                 {"discussion", "discussion_comment"},
	"github.event.discussion.body":                  {"discussion", "discussion_comment"},
	"github.event.pull_request.title":               {"pull_request", "pull_request_target", "pull_request_review"},
	"github.event.pull_request.body":                {"pull_request", "pull_request_target", "pull_request_review"},
	"github.event.pull_request.head.ref":            {"pull_request", "pull_request_target", "pull_request_review"},
	"github.event.pull_request.head.label":          {"pull_request", "pull_request_target", "pull_request_review"},
	"github.event.workflow_run.head_branch":         {"workflow_run"},
	"github.event.workflow_run.display_title":       {"workflow_run"},
	"github.event.workflow_run.head_commit.message": {"workflow_run"},
	"github.head_ref":                               {"pull_request", "pull_request_target"},
}

// injected finds text of strangers in a script: GitHub puts it there before a shell reads it.
func (c *checker) injected(s *step) {
	run := s.get("run")
	if !strings.Contains(run.text(), "github.") || !s.job.workflow.isMap() {
		return
	}
	sc := run.scalar()
	for _, m := range expression.FindAllStringSubmatchIndex(sc.value, -1) {
		for _, n := range operands(strings.TrimSpace(sc.value[m[2]:m[3]])) {
			name := nameOf(n)
			if _, is := n.(*actionlint.ObjectDerefNode); !is {
				continue
			}
			if slices.ContainsFunc(untrusted[name], s.job.workflow.started) {
				line, column := sc.place(m[0])
				c.add(&injectedRule, Place{run.source.name, line, column}, "env: {TEXT: \"${{ "+name+" }}\"} on the step, and \"$TEXT\" in the script",
					"%s is text of whoever wrote it, and becomes part of the script", name)
			}
		}
	}
}

// started says whether an event starts a workflow, or one that calls it.
func (w *workflow) started(event string) bool {
	return w.triggers(event) || w.caller != nil && w.caller.workflow.started(event)
}
