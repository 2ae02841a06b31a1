package policies

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam/catalog"
)

// action is a pattern of actions, with those that it stands for.
type action struct {
	text    text
	service string // lower case; empty where it has a wildcard
	list    []catalog.Action
	// unknown says that nothing can be told: it is a symbol, or stands for actions of many services.
	unknown bool
	every   bool // * or *:*
	whole   bool // service:*
	wild    bool // it has a wildcard
}

// mostExpanded bounds the actions that all patterns together stand for: AWS's own longest policies have some thousand.
const mostExpanded = 20_000

// expand finds what a pattern of actions stands for, as long as there is not too much of it.
func (l *linter) expand(pattern string) action {
	if l.expanded > mostExpanded {
		return action{text: textOf(pattern), unknown: true}
	}
	a := expand(pattern)
	l.expanded += len(a.list)
	return a
}

// expand finds what a pattern of actions stands for.
func expand(pattern string) action {
	t := textOf(pattern)
	a := action{text: t, wild: strings.ContainsAny(string(t), "*?")}
	service, name, ok := strings.Cut(string(t), ":")
	switch {
	case onlyWild(string(t)) || onlyWild(service) && onlyWild(name):
		a.every = true
		return a
	case !t.known() || !ok || strings.ContainsAny(service, "*?"):
		a.unknown = true
		return a
	}
	a.service = strings.ToLower(service)
	a.whole = onlyWild(name)
	if !a.wild {
		if found, ok := catalog.Lookup(string(t)); ok {
			a.list = []catalog.Action{found}
		}
		return a
	}
	wanted := lower(pieces(text(name)))
	for _, known := range catalog.Actions(a.service) {
		if covers(wanted, lower(pieces(text(known)))) {
			found, _ := catalog.Lookup(a.service + ":" + known)
			a.list = append(a.list, found)
		}
	}
	return a
}

// onlyWild says whether a pattern stands for every name: * and its longer forms, such as ?*.
func onlyWild(pattern string) bool {
	return strings.Contains(pattern, "*") && strings.Trim(pattern, "*?") == ""
}

// has says whether the pattern stands for an action; false where that cannot be told.
func (a action) has(name string) bool {
	if a.every {
		return true
	}
	return slices.ContainsFunc(a.list, func(c catalog.Action) bool { return strings.EqualFold(c.String(), name) })
}

// scopable says whether an action is authorised on resources that a policy can name.
func scopable(a catalog.Action) bool { return len(a.Resources) > 0 }

// halfKnown are services of whose resources the catalog does not have all. uncertain: nothing is said about them.
//
// API Gateway, Elastic Load Balancing, Greengrass and Managed Service for Apache Flink have two references, for their two
// generations, AWS Marketplace has ten, and the catalog has one service for each: /apis itself is missing, and so are
// listeners and target groups for elasticloadbalancing:AddTags. CodeStar Connections was renamed, and AWS's own policies have
// ARNs of both names for actions of either. Views and catalogs that AWS owns have an ARN without an account, which no reference has.
var halfKnown = []string{
	"apigateway", "aws-marketplace", "codeconnections", "codestar-connections", "elasticloadbalancing", "greengrass", "kinesisanalytics",
	"partnercentral", "resource-explorer-2",
}

// transforms are what a change set is authorised on as well, where its template has a transform or a macro
// (https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-permissions-cloudformation.html).
const transforms = "arn:${Partition}:cloudformation:${Region}:${Account}:transform/${TransformName}"

// arnsOf are the ARN patterns of an action's resource types; "" is a type whose pattern is not known.
func arnsOf(a catalog.Action) []string {
	var arns []string
	for _, r := range a.Resources {
		known, _ := catalog.ResourceType(a.Service, r.Type)
		arns = append(arns, known.ARNs...)
	}
	if name := a.String(); name == "cloudformation:CreateChangeSet" || name == "cloudformation:CreateStack" || name == "cloudformation:UpdateStack" {
		arns = append(arns, transforms)
	}
	return arns
}

// writes says whether an action changes something.
func writes(a catalog.Action) bool {
	return a.AccessLevel != catalog.LevelRead && a.AccessLevel != catalog.LevelList
}
