package pipelines

import "strings"

// concurrency finds a job that ships while another run of it does.
func (c *checker) concurrency(j *job) {
	group, outermost := node{}, j
	for at := j; at != nil && !group.there(); at = at.workflow.caller {
		group, outermost = at.setting("concurrency"), at
	}
	switch {
	case !group.there() && outermost.workflow.onlyCalled(): // its callers may have one
	case !group.there():
		c.add(&concurrencyRule, j.key.place(), "concurrency: {group: "+j.group()+", cancel-in-progress: false}",
			"job %q ships, and two runs of it can ship at the same time", j.id)
	case group.get("cancel-in-progress").yes():
		key, _ := outermost.entry("concurrency")
		if !key.there() {
			key, _ = outermost.workflow.entry("concurrency")
		}
		c.add(&concurrencyRule, key.place(), "cancel-in-progress: false",
			"job %q ships, and a newer run ends it half-way", j.id)
	}
}

// group is a name for the runs of a job that must not meet. Of the jobs of a matrix each has its own: a group keeps one that
// runs and one that waits, and the third would end the second.
func (j *job) group() string {
	matrix := j.get("strategy", "matrix")
	if !matrix.there() {
		return "deploy-" + j.id
	}
	var values []string
	matrix.each(func(key, _ node) {
		if key.Value != "include" && key.Value != "exclude" {
			values = append(values, "${{ matrix."+key.Value+" }}")
		}
	})
	if len(values) == 0 { // only a run knows its keys
		values = []string{"${{ strategy.job-index }}"}
	}
	return `"deploy-` + j.id + "-" + strings.Join(values, "-") + `"`
}

// token finds a job that may not ask for the token that it enters with. A workflow that is called may do no more than the
// job that calls it.
func (c *checker) token(j *job) {
	declared := false
	for at := j; at != nil; at = at.workflow.caller {
		key, permissions := at.entry("permissions")
		if !key.there() {
			key, permissions = at.workflow.entry("permissions")
		}
		if !key.there() {
			if declared || at.workflow.caller != nil || at.workflow.onlyCalled() {
				continue
			}
			key = at.key
		}
		declared = true
		if permissions.text() == "write-all" || permissions.get("id-token").text() == "write" || strings.Contains(permissions.text(), "${{") {
			continue
		}
		c.add(&tokenRule, key.place(), "permissions: {id-token: write, contents: read}",
			"job %q enters AWS with GitHub's token, and may not ask for one", j.id)
		return
	}
}
