package policies

import (
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/finding"
)

// shared are issuers of which everybody can get tokens, with the claims that say whose they are, or which one.
var shared = map[string][]string{
	"token.actions.githubusercontent.com": {"sub", "repository", "repository_id", "job_workflow_ref", "actor", "actor_id", "enterprise_id",
		"repository_owner", "repository_owner_id"},
	"gitlab.com":       {"sub", "project_id", "namespace_id", "user_id", "user_login", "user_email"},
	"app.terraform.io": {"sub"},
}

// federated finds identity providers whose tokens are let in too widely, or never.
func (e entry) federated() {
	_, issuer, ok := strings.Cut(string(e.value), ":oidc-provider/")
	if !ok || strings.Contains(issuer, "${") {
		return
	}
	issuer = strings.ToLower(issuer)
	if e.otherIssuer(issuer) {
		return
	}
	claims := e.claims(issuer)
	e.emptySet(issuer)
	if known := shared[issuer]; known != nil {
		e.subject(issuer, claims, known)
		if !e.limited(issuer+":aud") && !e.limited(issuer+":oaud") {
			e.report(&audienceRule, e.at(), `"StringEquals": {"`+issuer+`:aud": "`+audienceOf(issuer)+`"}`, "tokens for any audience of the provider are let in")
		}
	}
}

func audienceOf(issuer string) string {
	switch issuer {
	case "gitlab.com":
		return "https://gitlab.com"
	case "app.terraform.io":
		return "aws.workload.identity"
	}
	return "sts.amazonaws.com"
}

// claims are the conditions on an issuer's claims that a token must meet, by claim.
func (e entry) claims(issuer string) map[string][]test {
	claims := map[string][]test{}
	for _, t := range e.wants() {
		if claim, ok := strings.CutPrefix(t.key, issuer+":"); ok && (claim == "sub" || !t.holdsAnyway()) {
			claims[claim] = append(claims[claim], t)
		}
		if t.key == "" { // nobody knows
			claims["sub"] = append(claims["sub"], t)
		}
	}
	return claims
}

// otherIssuer finds conditions on the claims of a provider that the statement does not trust: no token has them.
func (e entry) otherIssuer(issuer string) (found bool) {
	trusted := func(host string) bool {
		return slices.ContainsFunc(e.entries(), func(o entry) bool {
			return !o.value.known() || strings.HasSuffix(strings.ToLower(string(o.value)), ":oidc-provider/"+host)
		})
	}
	for _, t := range e.limitedBy() {
		host, claim := t.key, ""
		if i := strings.LastIndexByte(t.key, ':'); i >= 0 {
			host, claim = t.key[:i], t.key[i+1:]
		}
		if !strings.Contains(host, ".") || trusted(host) || strings.Contains(host, "${") || strings.Contains(host, ":") {
			continue
		}
		found = true
		e.report(&otherIssuerRule, t.Pos, issuer+":"+claim, "%s is no claim of %s", t.Key, issuer)
	}
	return found
}

// emptySet finds ForAllValues on a claim, which holds for a token that does not have it.
func (e entry) emptySet(issuer string) {
	for _, c := range e.Conditions {
		t := testOf(c)
		if strings.HasPrefix(t.key, issuer+":") && t.set == "ForAllValues" {
			e.report(&emptySetRule, t.Pos, t.base, "%s on %s holds where there is no such claim", c.Operator, c.Key)
		}
	}
}

// subject finds tokens of others that are let in.
func (e entry) subject(issuer string, claims map[string][]test, known []string) {
	limiting := slices.DeleteFunc(slices.Clone(known), func(claim string) bool { return len(claims[claim]) == 0 })
	owner := func(claim string) bool { return claim == "repository_owner" || claim == "repository_owner_id" }
	switch {
	case len(limiting) == 0:
		e.report(&noSubjectRule, e.at(), `"StringEquals": {"`+issuer+`:sub": "…"}`, "nothing says whose tokens of %s are let in", issuer)
		return
	case !slices.ContainsFunc(limiting, func(claim string) bool { return !owner(claim) }):
		e.owners(claims[limiting[0]][0].Pos, "", "every repository of the owner is let in")
		return
	}
	others := slices.ContainsFunc(limiting, func(claim string) bool { return claim != "sub" && !owner(claim) })
	for _, t := range claims["sub"] {
		for _, v := range t.Values {
			if value := textOf(v); value.known() {
				e.wide(t, string(value), others || limitsRef(claims), len(limiting) > 1)
				e.halfForm(t, string(value))
				e.neverHad(t, string(value))
				e.exact(t, string(value))
				e.pullRequest(t, string(value))
			}
		}
	}
}

// limitsRef says whether a claim besides the subject says from where in the repository the job is.
func limitsRef(claims map[string][]test) bool {
	return len(claims["ref"])+len(claims["environment"])+len(claims["job_workflow_ref"]) > 0
}

// ids are the wildcards in the place of immutable ids.
var ids = regexp.MustCompile(`@[*?]+`)

// wide finds a subject whose wildcards let more in than one repository, or everything in it. narrowed says that another
// condition limits that; owned, that one limits at least to an owner.
func (e entry) wide(t test, value string, narrowed, owned bool) {
	if !strings.HasSuffix(t.base, "Like") || narrowed {
		return // StringEquals has no wildcards: see SLW212
	}
	value = ids.ReplaceAllString(value, "@0")
	kind, rest, ok := strings.Cut(value, ":")
	name, context, inContext := strings.Cut(rest, ":")
	switch {
	case !ok && value == "*", strings.ContainsAny(kind, "*?"):
		kind, name = "*", "*"
	case kind != "repo" && kind != "project_path":
		return // of a template of one's own, or of another issuer
	}
	owner, repository, whole := strings.Cut(name, "/")
	wild := func(s string) bool { return strings.ContainsAny(s, "*?") }
	switch {
	case kind == "*", wild(owner), !whole && !wild(name):
		if !owned {
			e.report(&noSubjectRule, t.Pos, "the whole owner and name of the repository", "%s: anybody can have a repository of such a name", value)
		}
	case wild(repository):
		e.owners(t.Pos, "the whole name of the repository", "%s: every such repository of %s is let in", value, owner)
	case !inContext && !strings.HasSuffix(name, "*"):
		return // no star lets anything more in: see exact
	case !inContext || strings.HasPrefix(context, "*"):
		e.report(&anyRefRule, t.Pos, "", "%s: every branch, tag, environment and pull request of the repository is let in", value)
	case context == "ref:refs/heads/*", context == "ref_type:branch:ref:*":
		e.report(&anyRefRule, t.Pos, "", "%s: every branch of the repository is let in", value)
	case context == "environment:*":
		e.report(&anyRefRule, t.Pos, "", "%s: every environment is let in, and a job makes one by naming it", value).Severity = finding.Info
	case context == "ref:*", context == "ref:refs/*", context == "ref_type:*":
		e.report(&anyRefRule, t.Pos, "", "%s: every branch and every tag of the repository is let in", value)
	}
}

// halfForm finds a subject with one immutable id: GitHub's subjects have both or none.
func (e entry) halfForm(t test, value string) {
	rest, ok := strings.CutPrefix(value, "repo:")
	if !ok || !strings.HasPrefix(t.key, "token.actions.githubusercontent.com") {
		return
	}
	name, _, _ := strings.Cut(rest, ":")
	owner, repository, whole := strings.Cut(name, "/")
	if whole && !strings.Contains(repository, "*") && !strings.Contains(owner, "*") && strings.Contains(owner, "@") != strings.Contains(repository, "@") {
		e.report(&formRule, t.Pos, "repo:<owner>@<id>/<name>@<id>:…, or neither id", "%s has one of the two ids: no token has such a subject", value)
	}
}

// contexts are the claims that can follow the repository in a subject, or stand in its place where the subject was customized.
var contexts = []string{
	"ref", "environment", "pull_request", "sha", "repository", "repository_id", "repository_owner", "repository_owner_id", "enterprise", "enterprise_id",
	"run_id", "run_number", "run_attempt", "actor", "actor_id", "workflow", "workflow_ref", "workflow_sha", "head_ref", "base_ref", "event_name",
	"ref_type", "ref_protected", "environment_node_id", "job_workflow_ref", "job_workflow_sha", "repository_visibility", "runner_environment",
	"issuer_scope", "context", "repo",
}

// neverHad finds a subject that no token of GitHub has: what follows the repository is none of its claims, or no ref.
func (e entry) neverHad(t test, value string) {
	if !strings.HasPrefix(t.key, "token.actions.githubusercontent.com") {
		return
	}
	const fix = "repo:<owner>/<name>:ref:refs/heads/<branch>, or repo:<owner>/<name>:environment:<environment>"
	first, rest, _ := strings.Cut(value, ":")
	if strings.Contains(first, "/") && !strings.ContainsAny(first, "*?") {
		e.report(&neverHadRule, t.Pos, "repo:"+value, "%s: a subject begins with repo:", value)
		return
	}
	if first != "repo" {
		return
	}
	_, context, ok := strings.Cut(rest, ":")
	claim, of, more := strings.Cut(context, ":")
	wild := strings.IndexAny(claim, "*?")
	switch {
	case !ok, context == "", strings.HasPrefix(claim, "repo_property_"):
	case wild >= 0 && slices.ContainsFunc(contexts, func(c string) bool { return strings.HasPrefix(c, claim[:wild]) }):
	case wild >= 0 && strings.HasPrefix("repo_property_", claim[:wild]):
	case !slices.Contains(contexts, claim):
		e.report(&neverHadRule, t.Pos, fix, "%s: no claim of a token is called %s", value, claim)
	case claim == "ref" && more && !mayBeRef(of):
		e.report(&neverHadRule, t.Pos, fix, "%s: a ref begins with refs/heads/, refs/tags/ or refs/pull/", value)
	}
}

// mayBeRef says whether a pattern can match a ref that GitHub runs workflows for.
func mayBeRef(pattern string) bool {
	if i := strings.IndexAny(pattern, "*?"); i >= 0 {
		pattern = pattern[:i]
		return slices.ContainsFunc(refs, func(r string) bool { return strings.HasPrefix(r, pattern) || strings.HasPrefix(pattern, r) })
	}
	return slices.ContainsFunc(refs, func(r string) bool { return strings.HasPrefix(pattern, r) })
}

var refs = []string{"refs/heads/", "refs/tags/", "refs/pull/"}

// exact finds a subject that ends with the name of the repository. Only a repository with a template of its own for subjects
// has such ones, and they come from everywhere in it.
func (e entry) exact(t test, value string) {
	name, ok := strings.CutPrefix(value, "repo:")
	if !ok || strings.ContainsAny(name, ":*?") || !strings.Contains(name, "/") || !strings.HasPrefix(t.key, "token.actions.githubusercontent.com") {
		return
	}
	e.report(&formRule, t.Pos, value+":environment:<stage>", "%s says of no branch or environment: unless the repository's subjects are customized, no token has it", value).Severity = finding.Warning
}

// changing are actions by which a pipeline changes what runs.
var changing = []string{"ssm:SendCommand", "ssm:StartAutomationExecution", "cloudformation:ExecuteChangeSet", "cloudformation:UpdateStack", "iam:PassRole"}

// pullRequest finds jobs of pull requests that may deploy. What a role may do is known only with its policies.
func (e entry) pullRequest(t test, value string) {
	if !strings.HasSuffix(value, ":pull_request") {
		return
	}
	if action := e.changes(); action != "" {
		e.report(&pullRequestRule, t.Pos, "a role of its own for pull requests, which only reads", "jobs of pull requests may %s", action)
	}
}

// changes is an action by which who is let in changes what runs; empty where the role has none that is known.
func (e entry) changes() string {
	i := slices.IndexFunc(changing, func(action string) bool {
		return slices.ContainsFunc(e.policy.holder.about(strings.ToLower(action)), func(s *statement) bool { return s.Effect == iam.Allow && s.policy != e.policy })
	})
	if i < 0 {
		return ""
	}
	return changing[i]
}

// owners reports that all repositories of an owner are let in. Into a role that deploys they must not be; one that only reads
// may be meant for them.
func (e entry) owners(at iam.Position, fix, format string, args ...any) {
	action := e.changes()
	if action == "" {
		e.report(&ownerRule, at, fix, format, args...)
		return
	}
	e.report(&ownerRule, at, fix, format+", and may "+action, args...).Severity = finding.Error
}

const githubPage = "https://docs.github.com/en/actions/reference/security/oidc"

var federatedRules = []finding.Rule{
	noSubjectRule, formRule, ownerRule, audienceRule, anyRefRule, pullRequestRule, emptySetRule, otherIssuerRule, neverHadRule,
}

var (
	noSubjectRule = finding.Rule{
		Code: "SLW019", Name: "anybodys-token", Severity: finding.Error, Subject: finding.Trust,
		Title:  "Tokens of anybody's repository may assume a role.",
		Why:    "The issuer gives tokens to everybody; only a condition on their subject says whose are let in.",
		Source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html",
		Fix:    "a condition on the token's sub: repo:<owner>/<name>:environment:<stage>", Requirements: []string{"R19"},
	}
	formRule = finding.Rule{
		Code: "SLW244", Name: "subject-of-another-form", Severity: finding.Error, Subject: finding.Trust,
		Title:  "No token of the repository has a subject of this form.",
		Why:    "Repositories made, renamed or transferred after 15 July 2026 have subjects with immutable ids, older ones without: a job is denied.",
		Source: githubPage, Fix: "the subject as the repository's tokens have it", Requirements: []string{"R106"},
	}
	neverHadRule = finding.Rule{
		Code: "SLW252", Name: "no-such-subject", Severity: finding.Error, Subject: finding.Trust,
		Title:  "No token of GitHub has such a subject.",
		Why:    "After the repository stand the names of claims with their values, ref:refs/heads/main for a branch: the job is denied.",
		Source: githubPage, Fix: "the subject as the repository's tokens have it", Requirements: []string{"R19", "R106"},
	}
	ownerRule = finding.Rule{
		Code: "SLW240", Name: "any-repository-of-an-owner", Severity: finding.Warning, Subject: finding.Trust,
		Title:  "Every repository of an owner may assume a role.",
		Why:    "Whoever can push to any of them, or make one, can deploy.",
		Source: githubPage, Fix: "the repository that deploys", Requirements: []string{"R19"},
	}
	audienceRule = finding.Rule{
		Code: "SLW241", Name: "any-audience", Severity: finding.Warning, Subject: finding.Trust,
		Title:  "Tokens for any audience may assume a role.",
		Why:    "A token that a job asked for to show it elsewhere enters as well, as long as the provider lists its audience.",
		Source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html",
		Fix:    "a condition on the token's aud", Requirements: []string{"R19"},
	}
	anyRefRule = finding.Rule{
		Code: "SLW242", Name: "any-ref", Severity: finding.Warning, Subject: finding.Trust,
		Title:  "Every branch and pull request of a repository may assume a role.",
		Why:    "A star in a pattern spans colons, so whoever can push a branch deploys what nobody has reviewed.",
		Source: githubPage, Fix: "the environment, branch or tags that deploy: repo:<owner>/<name>:environment:<stage>", Requirements: []string{"R19"},
	}
	pullRequestRule = finding.Rule{
		Code: "SLW243", Name: "pull-request-deploys", Severity: finding.Warning, Subject: finding.Trust,
		Title:  "Jobs of pull requests may deploy.",
		Why:    "They run what the pull request says before anybody has reviewed it.",
		Source: githubPage, Fix: "the environment or branch that deploys", Requirements: []string{"R19"},
	}
	emptySetRule = finding.Rule{
		Code: "SLW245", Name: "holds-without-the-claim", Severity: finding.Warning, Subject: finding.Trust,
		Title:  "A condition on a token's claim holds for tokens without the claim.",
		Why:    "ForAllValues is true of an empty set.",
		Source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html",
		Fix:    "the operator without ForAllValues: a claim has one value", Requirements: []string{"R19"},
	}
	otherIssuerRule = finding.Rule{
		Code: "SLW246", Name: "claim-of-another-provider", Severity: finding.Error, Subject: finding.Trust,
		Title:  "A condition is on a claim of a provider that the statement does not trust.",
		Why:    "Tokens have the claims of their own issuer only, so the condition never holds and nobody gets in.",
		Source: conditionKeys, Fix: "the key with the provider's own name", Requirements: []string{"R19"},
	}
)
