package policies

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/finding"
)

const (
	ssmReference  = "https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html"
	runCommandIAM = "https://docs.aws.amazon.com/systems-manager/latest/userguide/run-command-setting-up.html"
)

var arnRules = []finding.Rule{documentRule, instanceRule}

var (
	documentRule = finding.Rule{
		Code: "SLW007", Name: "document-owner", Severity: finding.Error, Subject: finding.Policy,
		Title:  "The ARN of a document has the wrong owner.",
		Why:    "Documents of AWS have an empty account in their ARN, and all others have the account that owns them, so this one matches nothing and the call is denied.",
		Source: ssmReference, Fix: "arn:aws:ssm:<region>::document/AWS-… for AWS's documents, arn:aws:ssm:<region>:<account>:document/… for your own",
		Requirements: []string{"R7"},
	}
	instanceRule = finding.Rule{
		Code: "SLW008", Name: "instance-arn", Severity: finding.Error, Subject: finding.Policy,
		Title:  "An instance has an ARN that instances do not have.",
		Why:    "Instances of EC2 belong to ec2 and machines outside of it (mi-…) to ssm, so this ARN matches no node and every send is denied.",
		Source: ssmReference, Fix: "arn:aws:ec2:<region>:<account>:instance/i-…, or arn:aws:ssm:<region>:<account>:managed-instance/mi-…",
		Requirements: []string{"R8"},
	}
)

// arns looks at the resources of a statement one by one.
func (s *statement) arns() {
	for i, t := range s.resources {
		parts, ok := t.arn()
		if !ok || !slices.Contains([]text{"ssm", "ec2"}, parts[arnService]) {
			continue
		}
		s.documentOwner(i, t, parts)
		s.instanceARN(i, t, parts)
	}
}

// reserved are the beginnings of names that AWS keeps for its own documents
// (https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateDocument.html, Name).
var reserved = []string{"aws", "amazon", "amzn"}

func (s *statement) documentOwner(i int, t text, parts [6]text) {
	name, isDocument := strings.CutPrefix(string(parts[arnResource]), "document/")
	if parts[arnService] != "ssm" || !isDocument || strings.HasPrefix(name, "${") {
		return
	}
	account := string(parts[arnAccount])
	awsOwned := slices.ContainsFunc(reserved, func(p string) bool { return strings.HasPrefix(strings.ToLower(name), p) })
	right := parts
	switch {
	case awsOwned && account != "" && strings.Trim(account, "*") != "":
		right[arnAccount] = ""
		s.replace(s.report(&documentRule, s.resourceAt(i), joined(right), "%s is a document of AWS, which is in no account: %s matches nothing", name, t), t, right)
	case !awsOwned && account == "" && notReserved(name):
		right[arnAccount] = "<account>"
		s.report(&documentRule, s.resourceAt(i), joined(right), "%s is no document of AWS, and the ARN names no account: it matches nothing", name)
	}
}

// notReserved says that no name that a pattern matches is one of AWS's.
func notReserved(pattern string) bool {
	return !slices.ContainsFunc(reserved, func(p string) bool {
		return mayMeet(lower(pieces(text(pattern))), lower(pieces(text(p+"*"))))
	})
}

func (s *statement) instanceARN(i int, t text, parts [6]text) {
	right := parts
	kind, id, _ := strings.Cut(string(parts[arnResource]), "/")
	switch {
	case parts[arnService] == "ssm" && kind == "instance":
		if right[arnService] = "ec2"; strings.HasPrefix(id, "mi-") {
			right[arnService], right[arnResource] = "ssm", text("managed-instance/"+id)
		}
	case parts[arnService] == "ec2" && (kind == "managed-instance" || kind == "instance" && strings.HasPrefix(id, "mi-")):
		right[arnService], right[arnResource] = "ssm", text("managed-instance/"+id)
	case parts[arnService] == "ssm" && kind == "managed-instance" && strings.HasPrefix(id, "i-"):
		right[arnService], right[arnResource] = "ec2", text("instance/"+id)
	default:
		return
	}
	s.replace(s.report(&instanceRule, s.resourceAt(i), joined(right), "%s is the ARN of no instance", t), t, right)
}

func joined(parts [6]text) string {
	words := make([]string, len(parts))
	for i, p := range parts {
		words[i] = string(p)
	}
	return strings.Join(words, ":")
}

// starRules are about Resource "*".
var starRules = []finding.Rule{starRule, readStarRule}

var (
	starRule = finding.Rule{
		Code: "SLW004", Name: "star-on-scopable", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "Resource is a star for actions that change things, and could name them.",
		Why:    "Whoever holds the policy can do it to everything of the account, not only to what it is for.",
		Source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege",
		Fix:    "name the resources, and keep the star for the actions that have none", Requirements: []string{"R4"},
	}
	readStarRule = finding.Rule{
		Code: "SLW204", Name: "read-star-on-scopable", Severity: finding.Info, Subject: finding.Policy,
		Title:  "Resource is a star for actions that read, and could name what they read.",
		Why:    "What can be read of one application is rarely meant for another.",
		Source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege",
		Fix:    "name the resources, and keep the star for the actions that have none", Requirements: []string{"R4"},
	}
)

// stars looks for a star where resources could be named. Actions without resource types have no other choice, and
// conditions may narrow a statement as well as resources do.
func (s *statement) stars() {
	star := slices.Index(s.resources, "*")
	if star < 0 || s.narrowed() {
		return
	}
	var narrow []catalog.Action
	for _, a := range s.actions {
		if a.whole {
			continue
		}
		for _, c := range a.list {
			if scopable(c) {
				narrow = append(narrow, c)
			}
		}
	}
	if len(narrow) == 0 {
		return
	}
	rule := &readStarRule
	if changing := slices.DeleteFunc(slices.Clone(narrow), func(c catalog.Action) bool { return !writes(c) }); len(changing) > 0 {
		rule, narrow = &starRule, changing
	}
	names := make([]string, len(narrow))
	for i, c := range narrow {
		names[i] = c.String()
	}
	arns := arnsOf(narrow[0])
	s.report(rule, s.resourceAt(star), "\"Resource\": \""+arns[0]+"\" for "+narrow[0].String(), "* for %s, which can be narrowed", list(names))
}

// narrowed says whether a condition of the statement says more than where a request comes from.
func (s *statement) narrowed() bool {
	for i := range s.Conditions {
		key := strings.ToLower(s.Conditions[i].Key)
		if !slices.Contains(circumstances, key) {
			return true
		}
	}
	return false
}

// circumstances are condition keys about a request, whatever it is done to.
var circumstances = []string{
	"aws:requestedregion", "aws:securetransport", "aws:sourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:vpcsourceip",
	"aws:multifactorauthpresent", "aws:multifactorauthage", "aws:currenttime", "aws:epochtime", "aws:tokenissuetime",
	"aws:useragent", "aws:referer", "aws:principaltype", "aws:principalarn", "aws:principalaccount", "aws:principalorgid",
	"aws:userid", "aws:username",
}
