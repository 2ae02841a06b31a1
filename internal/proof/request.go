package proof

import (
	"maps"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/plan"
)

// question is one request to a policy set, with what is unknown about it.
type question struct {
	set     *iam.PolicySet
	request iam.Request
	doubt
	// unknown are policies of the set that nobody gave.
	unknown []Unknown
	// openings are those of the set's policies that have values which only CloudFormation knows.
	openings openings
	// display is the resource as people know it.
	display string
}

// callContext are the keys that every call of a stage has.
func callContext(s *plan.Stage) map[string][]string {
	return map[string][]string{
		"aws:RequestedRegion":       {s.Region},
		"aws:SecureTransport":       {"true"},
		"aws:ViaAWSService":         {"false"},
		"aws:PrincipalIsAWSService": {"false"},
		"aws:ResourceAccount":       {s.Account},
	}
}

// roleContext are the keys of a call that a role's session makes.
func roleContext(s *plan.Stage, r *plan.Role) map[string][]string {
	context := callContext(s)
	context["aws:PrincipalArn"] = []string{r.ARN()}
	context["aws:PrincipalAccount"] = []string{r.Account}
	context["aws:PrincipalType"] = []string{"AssumedRole"}
	if r.Kind == plan.KindUser {
		context["aws:PrincipalType"], context["aws:username"] = []string{"User"}, []string{r.Name}
	}
	if len(r.Subjects) > 0 {
		context["aws:FederatedProvider"] = []string{r.Provider()}
	}
	return context
}

// tokenContext are the keys of a token with a subject: aud, sub, and the claims that the subject tells.
func tokenContext(s *plan.Stage, r *plan.Role, subject string) map[string][]string {
	context := callContext(s)
	claim := func(name, value string) {
		// What a * stands for is not known beforehand.
		context[r.TokenIssuer()+":"+name] = []string{strings.ReplaceAll(value, "*", string(anyText))}
	}
	claim("aud", r.TokenAudience())
	claim("sub", subject)
	context["aws:FederatedProvider"] = []string{r.Provider()}
	if r.Workflow != "" {
		claim("job_workflow_ref", r.Workflow)
	}
	parts := strings.SplitN(subject, ":", 4)
	if len(parts) < 4 || parts[0] != "repo" {
		return context
	}
	owner, name, _ := strings.Cut(parts[1], "/")
	owner, ownerID, _ := strings.Cut(owner, "@")
	name, nameID, _ := strings.Cut(name, "@")
	claim("repository", owner+"/"+name)
	claim("repository_owner", owner)
	if ownerID != "" && nameID != "" {
		claim("repository_owner_id", ownerID)
		claim("repository_id", nameID)
	}
	if parts[2] == "environment" || parts[2] == "ref" {
		claim(parts[2], parts[3])
	}
	return context
}

// tagContext are the keys that a resource's tags give to an action.
func tagContext(action string, tags map[string]string) map[string][]string {
	context := make(map[string][]string, 2*len(tags))
	for key, value := range tags {
		for _, prefix := range []string{plan.NodeTag, plan.ResourceTag, "ec2:ResourceTag/"} {
			if hasKey(action, strings.ToLower(prefix+key)) {
				context[prefix+key] = []string{value}
			}
		}
	}
	return context
}

// absentGlobals are global keys that a direct call of a deploy never has: it passes no tags, and no service makes it
// for somebody else.
var absentGlobals = []string{
	"aws:requesttag/", "aws:tagkeys", "aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths",
	"aws:calledvia", "aws:calledviafirst", "aws:calledvialast", "aws:username",
}

// knowing says which keys of an action's context are known: those that it has, and those that AWS never gives it.
// tagsKnown says that the resource has no other tags than those in the context.
func knowing(action string, context map[string][]string, tagsKnown bool) knowledge {
	present := make(map[string]bool, len(context))
	for key := range context {
		present[strings.ToLower(key)] = true
	}
	return func(key string) bool {
		key = strings.ToLower(key)
		prefix, name, _ := strings.Cut(key, ":")
		switch {
		case present[key]:
			return true
		case strings.HasPrefix(name, "resourcetag/"):
			return tagsKnown || !hasKey(action, key)
		case prefix == "aws":
			return absentGlobal(key)
		}
		return !hasKey(action, key)
	}
}

func absentGlobal(key string) bool {
	for _, absent := range absentGlobals {
		if key == absent || strings.HasSuffix(absent, "/") && strings.HasPrefix(key, absent) {
			return true
		}
	}
	return false
}

// hasKey says whether AWS may give a key, in lower case, to an action, by itself or through a resource's type.
func hasKey(action, key string) bool {
	if strings.HasPrefix(key, strings.ToLower(plan.Issuer)+":") {
		return strings.HasPrefix(action, "sts:")
	}
	a, ok := catalog.Lookup(action)
	if !ok {
		return true
	}
	if actionHasKey(a, key) {
		return true
	}
	for _, r := range a.Resources {
		if t, ok := catalog.ResourceType(a.Service, r.Type); ok && lists(t.ConditionKeys, key) {
			return true
		}
	}
	return false
}

// actionHasKey says whether the reference lists a key, in lower case, with the action itself.
func actionHasKey(a catalog.Action, key string) bool {
	return lists(a.ConditionKeys, key) || slices.ContainsFunc(a.Resources, func(r catalog.ActionResource) bool {
		return lists(r.ConditionKeys, key)
	})
}

// lists says whether a key is among keys, which may end in a ${Placeholder}.
func lists(keys []string, key string) bool {
	return slices.ContainsFunc(keys, func(k string) bool {
		before, _, placeholder := strings.Cut(strings.ToLower(k), "${")
		return before == key || placeholder && strings.HasPrefix(key, before)
	})
}

// with joins contexts into a new one.
func with(contexts ...map[string][]string) map[string][]string {
	joined := map[string][]string{}
	for _, c := range contexts {
		maps.Copy(joined, c)
	}
	return joined
}
