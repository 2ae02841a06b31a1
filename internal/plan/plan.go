package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/slipway-cd/slipway/internal/release"
)

// RolePath is the IAM path of the roles that slipway makes, unless the release says another.
const RolePath = release.DefaultRolePath

// Audience is the aud of the tokens that enter.
const Audience = "sts.amazonaws.com"

// Issuer is the host of GitHub's token issuer: the name of the OIDC provider and of its condition keys.
const Issuer = "token.actions.githubusercontent.com"

// New computes the plan of a release that package release has checked. It fails where a script does not fit into
// an SSM document or a name does not fit into one.
func New(r *release.Release) (*Plan, error) {
	p := &Plan{App: r.App, Record: newRecord(r.Record)}
	if r.Roles.Boundary != nil {
		p.Boundary = r.Roles.Boundary.Content
	}
	for i := range r.Stages {
		s, err := newStage(r, &r.Stages[i])
		if err != nil {
			return nil, fmt.Errorf("stage %s: %w", r.Stages[i].Name, err)
		}
		p.Stages = append(p.Stages, s)
	}
	return p, nil
}

func newRecord(r *release.Record) *Record {
	if r == nil {
		return nil
	}
	return &Record{Bucket: r.Bucket, Account: r.AccountID, Region: r.Region, Lease: seconds(r.Lease)}
}

// groupTag is the tag that EC2 gives the members of an Auto Scaling group.
const groupTag = "aws:autoscaling:groupName"

func newStage(r *release.Release, rs *release.Stage) (Stage, error) {
	s := Stage{
		Name: rs.Name, Account: rs.AccountID, Region: rs.Region, OnFailure: string(rs.OnFailure),
		Targets: Targets{Instances: rs.Targets.Instances, Min: rs.Targets.Min},
	}
	if rs.Targets.AutoScalingGroup != "" {
		s.Targets.Tags = []Tag{{Key: groupTag, Values: []string{rs.Targets.AutoScalingGroup}}}
	}
	if s.Region == "" {
		s.Region = r.Region
	}
	for _, t := range rs.Targets.Tags {
		s.Targets.Tags = append(s.Targets.Tags, Tag(t))
	}
	s.Hooks = Hooks{Before: newHook(rs.Hooks.Before), After: newHook(rs.Hooks.After)}
	s.Roles = newRoles(r, rs)
	var others []Call
	for i := range rs.Steps {
		calls, err := s.addStep(r, &rs.Steps[i])
		if err != nil {
			return Stage{}, fmt.Errorf("step %s: %w", rs.Steps[i].Name(), err)
		}
		others = append(others, calls...)
	}
	declared, err := declaredCalls(r, &s, rs.Permissions)
	if err != nil {
		return Stage{}, err
	}
	declared = append(declared, others...)
	s.Calls = newCalls(r.App, &s, newRecord(r.Record), declared)
	return s, nil
}

// addStep plans a step of whichever kind. The calls are those that its own role makes.
func (s *Stage) addStep(r *release.Release, of *release.Step) ([]Call, error) {
	switch {
	case of.Automation != nil:
		return s.addAutomation(r, of.Automation)
	case of.Test != nil:
		return s.addTest(r, of.Test)
	case of.Command == nil:
		return nil, fmt.Errorf("%s:%d: a step that does nothing", r.File, of.Pos.Line)
	}
	step, err := newStep(r, s.Name, of.Command)
	if err != nil {
		return nil, err
	}
	s.Steps = append(s.Steps, step)
	return nil, nil
}

func newHook(h *release.Hook) *Hook {
	if h == nil {
		return nil
	}
	sum := sha256.Sum256([]byte(h.Content))
	return &Hook{Path: h.Path, SHA256: hex.EncodeToString(sum[:])}
}
