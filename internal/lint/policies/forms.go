package policies

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/slipway-cd/slipway/iam/catalog"
)

// form is the ARN of a resource that an action is authorised on, as the statement would have it: of a type that every
// request has if there is one, and of the action's own service rather than of another. Access points and machines outside of
// EC2 are what few have, and the execution that a call starts has no name yet.
func (s *statement) form(c catalog.Action) string {
	rank := func(r catalog.ActionResource) int {
		known, _ := catalog.ResourceType(c.Service, r.Type)
		parts, _ := text(slices.Concat(known.ARNs, []string{""})[0]).arn()
		n := 0
		if !r.Required {
			n += 4
		}
		if strings.HasPrefix(r.Type, "accesspoint") || r.Type == "managed-instance" || strings.HasSuffix(r.Type, "-execution") && strings.HasPrefix(c.Name, "Start") {
			n += 2
		}
		if string(parts[arnService]) != c.Service {
			n++
		}
		return n
	}
	types := slices.Clone(c.Resources)
	slices.SortStableFunc(types, func(a, b catalog.ActionResource) int { return cmp.Compare(rank(a), rank(b)) })
	for _, r := range types {
		if known, _ := catalog.ResourceType(c.Service, r.Type); len(known.ARNs) > 0 && known.ARNs[0] != "" {
			return s.written(known.ARNs[0])
		}
	}
	return "*"
}

// allForms are those of all types of an action.
func (s *statement) allForms(c catalog.Action) []string {
	var list []string
	for _, arn := range arnsOf(c) {
		list = append(list, s.written(arn))
	}
	return list
}

// written is an ARN pattern of the catalog with what the policy itself has in the place of its placeholders: the partition,
// and, where its other ARNs have them, region and account. A name that nobody knows stands as <name>.
func (s *statement) written(arn string) string {
	parts, ok := text(arn).arn()
	if !ok {
		return placeholders(arn)
	}
	for i, otherwise := range map[int]string{arnPartition: "aws", arnRegion: "<region>", arnAccount: "<account>"} {
		if strings.Contains(string(parts[i]), "${") {
			parts[i] = text(cmp.Or(s.usual(i), otherwise))
		}
	}
	parts[arnResource] = text(placeholders(s.filled(parts)))
	return joined(parts)
}

// usual is what the ARNs of the statement, or else those of the policy, have as one of their parts; empty where they have
// nothing that says which.
func (s *statement) usual(part int) string {
	for _, o := range slices.Concat([]*statement{s}, s.policy.statements) {
		for _, t := range o.resources {
			parts, ok := t.arn()
			value := string(parts[part])
			if ok && (part == arnPartition || strings.Trim(value, "*") != "" && value != "aws") {
				return value
			}
		}
	}
	return ""
}

// filled is the resource of an ARN pattern with the bucket or the log group that the statement names; what lies in it is a star.
func (s *statement) filled(parts [6]text) string {
	resource := string(parts[arnResource])
	of := map[text]struct{ before, after, first, rest string }{
		"s3":   {"", "/", "${BucketName}", "${ObjectName}"},
		"logs": {"log-group:", ":", "${LogGroupName}", "${LogStreamName}"},
	}[parts[arnService]]
	if of.first == "" || !strings.Contains(resource, of.first) {
		return resource
	}
	for _, t := range s.resources {
		have, ok := t.arn()
		name, has := strings.CutPrefix(string(have[arnResource]), of.before)
		name, _, _ = strings.Cut(name, of.after)
		if ok && has && have[arnService] == parts[arnService] && strings.Trim(name, "*") != "" && !strings.HasPrefix(name, "accesspoint") {
			return strings.NewReplacer(of.first, name, of.rest, "*").Replace(resource)
		}
	}
	return resource
}

// placeholders writes ${DocumentName} as <document-name>: what a file has with a dollar and braces is a variable.
func placeholders(arn string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(arn, "${")
		b.WriteString(before)
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			return b.String()
		}
		b.WriteString("<" + Kebab(name) + ">")
		arn = after
	}
}

// Kebab is a name of AWS's reference as command lines and placeholders have it: function-name for FunctionName.
func Kebab(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
