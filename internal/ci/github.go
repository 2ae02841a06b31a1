package ci

import (
	"fmt"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
)

// hosted is when GitHub ends a job on its own runners, whatever timeout-minutes says.
const hosted = 6 * time.Hour

// workflow writes one GitHub workflow.
type workflow struct {
	strings.Builder
	r    *release.Release
	o    Options
	jobs []job
	// whole is true where one group guards the whole run: what is sent by one job and watched by the next must not have
	// another run between them, and a job that waits in a group is dropped when a newer one comes.
	whole bool
}

// GitHub renders the workflow that proves the release on pull requests and ships its stages.
func GitHub(r *release.Release, p *plan.Plan, o Options) (string, error) {
	if r.CI.Users != nil {
		return "", &Error{"the release has ci.users: its user has access keys, and a workflow with keys that do not expire is not rendered, since GitHub has tokens",
			"write ci: {github: {repository: owner/name, environments: true}} in its place, and render the roles again; or write the workflow " +
				"yourself: docs/github-actions.md says how it enters"}
	}
	if other := otherThan(r.CI, "github"); other != "" {
		return "", &Error{"the release has ci." + other + ": its roles would not let GitHub's tokens in",
			"write ci: {github: {repository: owner/name, environments: true}} in its place, and render the roles again"}
	}
	if r.CI.GitHub == nil {
		return "", &Error{"the release has no ci.github: its roles would not let a workflow in",
			"add ci: {github: {repository: owner/name, environments: true}}, and render the roles again"}
	}
	if err := checkRefs(r.CI.GitHub, &o); err != nil {
		return "", err
	}
	if err := checkSet(o.Set); err != nil {
		return "", err
	}
	w := &workflow{r: r, o: o, jobs: newJobs(r, p)}
	for _, j := range w.jobs {
		w.whole = w.whole || j.split
	}
	w.head()
	w.prove()
	for _, j := range w.jobs {
		w.stage(j)
	}
	return w.String(), nil
}

// checkRefs refuses what the roles would not let in, and takes the tags that they do.
func checkRefs(g *release.GitHub, o *Options) error {
	switch {
	case o.Tags != "" && !g.Environments && g.Tags == "":
		return &Error{"tags cannot deploy: without ci.github.environments the roles let only a branch in",
			"add environments: true under ci.github, or tags, and render the roles again"}
	case o.Tags != "" && g.Tags != "" && o.Tags != g.Tags:
		return &Error{fmt.Sprintf("--tags %s: the roles let in the tags %s", o.Tags, g.Tags), "leave --tags out"}
	case g.Workflow != "" && !strings.HasPrefix(g.Workflow, g.Repository+"/"):
		return &Error{"ci.github.workflow is a workflow of another repository: what is rendered here would not be let in",
			"render in that repository, and call it from this one"}
	}
	if g.Tags != "" {
		o.Tags = g.Tags
	}
	return nil
}

func (w *workflow) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

func (w *workflow) head() {
	header(&w.Builder, "github", w.o.File)
	w.line("# With --check FILE it tells whether that is due. Actions are pinned to commits, looked up %s; Dependabot may", pinned)
	w.line("# raise them: --check looks past the pins.")
	if !commit.MatchString(w.o.Action) {
		w.line("# slipway's own action is not pinned: this slipway was not built from a commit. Give --action COMMIT.")
	}
	w.line("name: slipway")
	w.line("on:")
	switch {
	case w.o.Tags != "" && w.r.CI.GitHub.Branch != "":
		w.line("  push: {branches: [%q], tags: [%q]}", w.r.CI.GitHub.Branch, w.o.Tags)
	case w.o.Tags != "":
		w.line("  push: {tags: [%q]}", w.o.Tags)
	default:
		w.line("  push: {branches: [%q]}", w.branch())
	}
	w.line("  pull_request:")
	w.line("permissions: {} # a job gets what it asks for, and nothing else")
	if w.whole {
		w.line("concurrency: # what one job sends, the next one watches: no other run comes between them")
		w.line("  group: slipway-%s-${{ github.event_name == 'pull_request' && github.run_id || 'deploy' }}", w.r.App)
		w.line("  cancel-in-progress: false")
	}
	w.line("jobs:")
}

func (w *workflow) branch() string {
	if branch := w.r.CI.GitHub.Branch; branch != "" {
		return branch
	}
	return "main"
}

// proveJob is the id of the job that proves. Stages have no underscore in their names.
const proveJob = "prove_roles"

func (w *workflow) prove() {
	w.line("  %s: # from files alone: no credentials, also for pull requests of forks", proveJob)
	w.line("    runs-on: ubuntu-latest")
	w.line("    timeout-minutes: %d", plan.JobMinutes(0))
	w.line("    permissions: {contents: read}")
	w.line("    steps:")
	w.slipway("prove", "", "")
}

// stage writes the job of a stage, or the two of one that is split.
func (w *workflow) stage(j job) {
	name := j.stage.Name
	if !j.split {
		w.job(name, j, "")
		w.slipway("deploy", name, "")
		return
	}
	w.job(triggerJob(name), j, "")
	w.slipway("deploy", name, "--detach")
	// With a record the deploy is picked up, which ends its record and its lock; without one there is only the command.
	command := ""
	if w.r.Record == nil {
		command = "${{ needs." + triggerJob(name) + ".outputs.command-id }}"
	}
	w.job(verifyJob(name), j, "${{ !cancelled() && needs."+triggerJob(name)+".outputs.command-id != '' }}")
	w.slipway("resume", name, command)
}

func triggerJob(stage string) string { return stage + "_trigger" }
func verifyJob(stage string) string  { return stage + "_verify" }

// last is the job after which a stage is known to have succeeded.
func (w *workflow) last(stage string) string {
	for _, j := range w.jobs {
		if j.stage.Name == stage && j.split {
			return verifyJob(stage)
		}
	}
	return stage
}

// job writes the head of a job that ships, or watches what was shipped.
func (w *workflow) job(id string, j job, condition string) {
	name := j.stage.Name
	needs := []string{proveJob}
	for _, stage := range j.needs {
		needs = append(needs, w.last(stage))
	}
	if condition != "" {
		needs = []string{triggerJob(name)}
	} else {
		condition = "github.event_name != 'pull_request'"
	}
	w.line("  %s:", id)
	if j.whole != "" {
		w.line("    # %s", j.whole)
	}
	w.line("    needs: [%s]", strings.Join(needs, ", "))
	w.line("    if: %s", condition)
	w.line("    runs-on: ubuntu-latest")
	if j.limit+plan.JobMargin > hosted {
		w.line("    # GitHub ends jobs on its own runners after %s: this one needs a runner of yours, or shorter timeouts.", plan.Clock(hosted))
	}
	w.line("    timeout-minutes: %d # the commands take %s at the most; the rest is for the runner", plan.JobMinutes(j.limit), plan.Clock(j.limit))
	if w.r.CI.GitHub.Environments {
		w.line("    environment: %s # the roles let in only jobs of this environment", name)
	}
	if !w.whole {
		w.line("    concurrency: {group: slipway-%s-%s, cancel-in-progress: false}", w.r.App, name)
	}
	w.line("    permissions: {id-token: write, contents: read}")
	w.line("    outputs:")
	for _, output := range Outputs {
		w.line("      %s: ${{ steps.slipway.outputs.%s }}", output, output)
	}
	w.line("    steps:")
}

// Outputs are what a step that ships gives to those after it.
var Outputs = []string{"verdict", "command-id", "deploy-id", "version"}

// slipway writes the steps that check the repository out and run one command of slipway. What differs reaches it through
// inputs, which no shell takes apart.
func (w *workflow) slipway(command, stage, args string) {
	w.line("      - uses: %s", checkout)
	w.line("        with: {persist-credentials: false}")
	w.line("      - uses: %s", action(w.o.Action))
	w.line("        id: slipway")
	w.line("        with:")
	w.line("          command: %s", command)
	w.line("          file: %q", w.o.File)
	if stage != "" {
		w.line("          stage: %s", stage)
	}
	if args != "" {
		w.line("          args: %s", args)
	}
	if w.o.Policies != "" && command != "resume" {
		w.line("          policies: %q", w.o.Policies)
	}
	w.set()
}

// set writes the variables, one a line.
func (w *workflow) set() {
	lines := constants(w.o.Set)
	if _, used := w.r.Variables[versionVariable]; used {
		version := "${{ github.sha }}"
		if w.o.Tags != "" {
			version = "${{ github.ref_type == 'tag' && github.ref_name || github.sha }}"
		}
		lines = append(lines, versionVariable+"="+version)
	}
	if len(lines) == 0 {
		return
	}
	w.line("          set: |")
	for _, l := range lines {
		w.line("            %s", l)
	}
}
