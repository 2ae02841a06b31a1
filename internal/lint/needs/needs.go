// Package needs computes the IAM policy that a pipeline needs, from the calls of AWS that it makes: by the AWS CLI in its
// scripts, by known actions, and by tools as far as their needs are known. What is not known is said to be so. It holds the
// needs against a role that is given, with the engine of package iam.
//
// The package is pure: files in, values out.
package needs

import (
	"cmp"
	"io/fs"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/lint/pipelines"
)

// Need is one permission that a pipeline needs.
type Need struct {
	// Place of the call, and the job that makes it; empty for a build.
	Place pipelines.Place `json:"place"`
	Job   string          `json:"job,omitempty"`
	// Command that needs it, in short: aws ssm get-parameter.
	Command string `json:"command"`
	Action  string `json:"action"`
	// Resources are ARNs, with * for what only a run knows; * alone for an action that takes nothing else.
	Resources []string `json:"resources"`
	// Exact says that nothing of Resources is left open.
	Exact bool `json:"exact"`
	// Role and Region that the call is made with, as far as files tell.
	Role   string `json:"role,omitempty"`
	Region string `json:"region,omitempty"`
}

// Unknown is something of a pipeline whose needs are not known, or not all of them.
type Unknown struct {
	Place   pipelines.Place `json:"place"`
	Job     string          `json:"job,omitempty"`
	Command string          `json:"command"`
	Why     string          `json:"why"`
}

// Needs are all of a pipeline's.
type Needs struct {
	Needs   []Need    `json:"needs"`
	Unknown []Unknown `json:"unknown"`
}

// Of computes what a workflow, an action or a buildspec needs, with the actions, workflows and scripts of its repository
// that it uses; files is nil where there is none. The error says why the file is no pipeline.
func Of(file string, content []byte, files fs.FS) (*Needs, error) {
	work, err := pipelines.WorkOf(file, content, files)
	if err != nil {
		return nil, err
	}
	n := &Needs{Needs: []Need{}, Unknown: []Unknown{}}
	for i := range work.Actions {
		n.action(&work.Actions[i])
	}
	for i := range work.Calls {
		n.call(&work.Calls[i])
	}
	for _, u := range work.Unread {
		n.Unknown = append(n.Unknown, Unknown{
			Place: pipelines.Place{File: u.File, Line: u.Line, Column: u.Column}, Command: "the script",
			Why: u.Why,
		})
	}
	n.sort()
	return n, nil
}

// sort puts everything in the order of places, and leaves out what is there twice.
func (n *Needs) sort() {
	place := func(a, b pipelines.Place) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	}
	slices.SortStableFunc(n.Needs, func(a, b Need) int { return cmp.Or(place(a.Place, b.Place), strings.Compare(a.Action, b.Action)) })
	n.Needs = slices.CompactFunc(n.Needs, func(a, b Need) bool {
		return a.Place == b.Place && a.Action == b.Action && a.Role == b.Role && slices.Equal(a.Resources, b.Resources)
	})
	slices.SortStableFunc(n.Unknown, func(a, b Unknown) int { return cmp.Or(place(a.Place, b.Place), strings.Compare(a.Command, b.Command)) })
	n.Unknown = slices.CompactFunc(n.Unknown, func(a, b Unknown) bool { return a.Place == b.Place && a.Why == b.Why })
}

// asked is who needs something, and where.
type asked struct {
	place   pipelines.Place
	entry   pipelines.Entry
	command string
}

// need adds an action on resources.
func (n *Needs) need(a asked, action string, exact bool, resources ...string) {
	n.Needs = append(n.Needs, Need{
		Place: a.place, Job: a.entry.Job, Command: a.command, Action: action, Resources: resources, Exact: exact,
		Role: a.entry.Role, Region: a.entry.Region,
	})
}

func (n *Needs) unknown(a asked, why string) {
	n.Unknown = append(n.Unknown, Unknown{Place: a.place, Job: a.entry.Job, Command: a.command, Why: why})
}

// account is that of the role that a call is made with; * where that is not known.
func (a asked) account() string {
	if parts := strings.SplitN(a.entry.Role, ":", 6); len(parts) == 6 {
		return parts[4]
	}
	return "*"
}

func (a asked) region() string { return cmp.Or(a.entry.Region, "*") }
