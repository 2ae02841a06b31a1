package pipelines

import (
	"slices"
	"strings"
)

// ranks are the names of stages in the order in which a release goes through them.
var ranks = [][]string{
	{"dev", "develop", "development", "sandbox"},
	{"test", "testing", "qa", "int", "integration"},
	{"staging", "stage", "stg", "uat", "preprod", "pre-prod", "acceptance"},
	{"prod", "production", "prd", "live"},
}

// rank is the stage that a job ships to, as its environment, or its own name, tells; -1 where neither does.
func (j *job) rank() int {
	environment := j.get("environment")
	name := environment.text()
	if environment.isMap() {
		name = environment.get("name").text()
	}
	if name == "" {
		name = j.id
		for _, before := range []string{"deploy-", "deploy_", "ship-", "ship_", "release-", "release_"} {
			name = strings.TrimPrefix(name, before)
		}
	}
	return slices.IndexFunc(ranks, func(names []string) bool { return slices.Contains(names, strings.ToLower(name)) })
}

// stages finds a job that ships to a later stage and does not wait for an earlier one (R90). Jobs with conditions are left
// alone: they may never run together.
func (c *checker) stages(w *workflow) {
	var shipping []*job
	for _, j := range w.jobs {
		if j.rank() >= 0 && !j.get("if").there() && c.enters(j) {
			shipping = append(shipping, j)
		}
	}
	for _, late := range shipping {
		var before []string
		waits := false
		for _, early := range shipping {
			if early.rank() < late.rank() {
				before = append(before, early.id)
				waits = waits || w.waits(late, early, map[string]bool{})
			}
		}
		if len(before) > 0 && !waits {
			c.add(&stagesRule, late.key.place(), "needs: ["+before[len(before)-1]+"]",
				"job %q ships at the same time as %s, and also when that fails", late.id, strings.Join(before, ", "))
		}
	}
}

// enters says whether a job, or a workflow that it calls, ships something.
func (c *checker) enters(j *job) bool {
	found := false
	all(j.steps, func(s *step) {
		found = found || s.uses == "aws-actions/aws-cloudformation-github-deploy" || s.uses == "aws-actions/amazon-ecs-deploy-task-definition"
		for _, call := range c.calls[s] {
			found = found || ships(call) || deployed(call) != ""
		}
	})
	if j.calls != nil {
		for _, inner := range j.calls.jobs {
			found = found || c.enters(inner)
		}
	}
	return found
}

// waits says whether a job needs another, directly or through others.
func (w *workflow) waits(late, early *job, seen map[string]bool) bool {
	for _, need := range late.get("needs").items() {
		id := strings.ToLower(need.text())
		if strings.EqualFold(id, early.id) {
			return true
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		for _, j := range w.jobs {
			if strings.EqualFold(j.id, id) && w.waits(j, early, seen) {
				return true
			}
		}
	}
	return false
}
