package sts

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Claims describe the workflow job that asks for a token ("OpenID Connect reference", GitHub docs). An empty claim is left
// out.
type Claims struct {
	Repository string // owner/name
	// OwnerID and RepositoryID, when both are given, make the subject immutable: repo:O@OID/R@RID:… That is the form of
	// repositories that were created, renamed or moved after 15 July 2026; ClassicSubject keeps that of the older ones.
	OwnerID, RepositoryID string
	ClassicSubject        bool
	Environment           string // only of a job that names one
	Ref                   string // refs/heads/main
	Actor, ActorID, SHA   string
	EventName             string // push, pull_request, workflow_dispatch
	HeadRef, BaseRef      string // of a pull request
	Workflow, WorkflowRef string
	JobWorkflowRef        string // of a reusable workflow: acme/ci/.github/workflows/deploy.yml@refs/heads/main
	RunID                 string
	Visibility            string // public, private, internal
	Audience              string // https://github.com/OWNER when empty
	Now                   time.Time
}

var (
	repositoryName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}/[A-Za-z0-9._-]{1,100}$`)
	number         = regexp.MustCompile(`^[0-9]{0,20}$`)
)

// Check finds what no job of GitHub's could have.
func (c Claims) Check() error {
	switch {
	case !repositoryName.MatchString(c.Repository):
		return fmt.Errorf("repository %q is not owner/name", c.Repository)
	case c.Ref != "" && !strings.HasPrefix(c.Ref, "refs/"):
		return fmt.Errorf("ref %q does not begin with refs/: refs/heads/main", c.Ref)
	case !number.MatchString(c.OwnerID) || !number.MatchString(c.RepositoryID) || !number.MatchString(c.ActorID):
		return fmt.Errorf("an id of %s is not a number", c.Repository)
	case (c.OwnerID == "") != (c.RepositoryID == ""):
		return fmt.Errorf("%s has only one of owner id and repository id", c.Repository)
	}
	return nil
}

// Subject is the token's sub claim.
func (c Claims) Subject() string {
	owner, name, _ := strings.Cut(c.Repository, "/")
	repository := escape(owner) + "/" + escape(name)
	if c.OwnerID != "" && c.RepositoryID != "" && !c.ClassicSubject {
		repository = escape(owner) + "@" + c.OwnerID + "/" + escape(name) + "@" + c.RepositoryID
	}
	switch {
	case c.Environment != "":
		return "repo:" + repository + ":environment:" + escape(c.Environment)
	case strings.HasPrefix(c.EventName, "pull_request"):
		return "repo:" + repository + ":pull_request"
	}
	return "repo:" + repository + ":ref:" + escape(c.Ref)
}

// escape keeps a value from passing for more than one part of a subject.
func escape(s string) string { return strings.ReplaceAll(s, ":", "%3A") }

// custom are GitHub's own claims. The ids are there only when they are given.
func (c Claims) custom(owner string) map[string]any {
	m := map[string]any{
		"repository": c.Repository, "repository_owner": owner, "repository_owner_id": c.OwnerID, "repository_id": c.RepositoryID,
		"environment": c.Environment, "ref": c.Ref, "ref_type": refType(c.Ref), "sha": c.SHA, "event_name": c.EventName,
		"actor": c.Actor, "actor_id": c.ActorID, "head_ref": c.HeadRef, "base_ref": c.BaseRef, "workflow": c.Workflow,
		"workflow_ref": c.WorkflowRef, "job_workflow_ref": c.JobWorkflowRef, "run_id": c.RunID, "repository_visibility": c.Visibility,
		"runner_environment": "self-hosted",
	}
	for name, value := range m {
		if value == "" {
			delete(m, name)
		}
	}
	return m
}

func refType(ref string) string {
	switch {
	case strings.HasPrefix(ref, "refs/tags/"):
		return "tag"
	case strings.HasPrefix(ref, "refs/heads/"):
		return "branch"
	}
	return ""
}
