package policies

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/finding"
)

const (
	ssmReference = "https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html"
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
	for i, t := range s.named() {
		parts, ok := t.arn()
		if !ok || !slices.Contains([]text{"ssm", "ec2"}, parts[arnService]) {
			continue
		}
		s.documentOwner(i, t, parts)
		s.instanceARN(i, t, parts)
	}
}

// named are the resources that a statement names, be it for what it is about or for what it is not: one that matches nothing
// is wrong in either place.
func (s *statement) named() []text {
	if len(s.resources) > 0 {
		return s.resources
	}
	list := make([]text, len(s.NotResources))
	for i, r := range s.NotResources {
		list[i] = textOf(r)
	}
	return list
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
		f := s.report(&documentRule, s.resourceAt(i), joined(right), "%s is a document of AWS, which is in no account: %s matches nothing", name, t)
		if s.Effect == "Deny" || !slices.Contains(freeDocuments, name) { // a grant to run anything as root is for a person to write
			s.replace(f, t, right)
		}
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

// wide says whether a resource of a policy stands for all of a kind: "*", or an ARN whose resource is only stars after
// its type.
func (t text) wide(service string, kinds ...string) bool {
	if t == "*" {
		return true
	}
	parts, ok := t.arn()
	if !ok {
		return false
	}
	if !covers(pieces(parts[arnService]), pieces(text(service))) {
		return false
	}
	resource := string(parts[arnResource])
	return onlyStars(resource) || slices.ContainsFunc(kinds, func(k string) bool {
		rest, has := strings.CutPrefix(resource, k)
		return has && onlyStars(strings.TrimPrefix(rest, "/"))
	})
}

func onlyStars(s string) bool { return strings.Contains(s, "*") && strings.Trim(s, "*?/") == "" }

// wideAt is the first resource that stands for all of a kind; -1 where there is none.
func (s *statement) wideAt(service string, kinds ...string) int {
	return slices.IndexFunc(s.resources, func(t text) bool { return t.wide(service, kinds...) })
}
