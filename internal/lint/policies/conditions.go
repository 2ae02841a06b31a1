package policies

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/finding"
)

const (
	conditionKeys      = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html"
	conditionOperators = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"
)

// conditionRules are about conditions that never hold.
var conditionRules = []finding.Rule{untaggedRule, tagKeyRule, keyRule, keyOfActionRule, operatorRule, literalStarRule, excludeRule}

var (
	untaggedRule = finding.Rule{
		Code: "SLW051", Name: "tags-of-a-document", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "A condition on tags stands over a document as well.",
		Why:    "A send is authorised on the document too, which has no such tag, so the condition never holds and every send is denied.",
		Source: "https://docs.aws.amazon.com/systems-manager/latest/userguide/run-command-setting-up.html",
		Fix:    "two statements: the document without the condition, the instances with it", Requirements: []string{"R51"},
	}
	tagKeyRule = finding.Rule{
		Code: "SLW207", Name: "tag-without-key", Severity: finding.Error, Subject: finding.Policy,
		Title:  "A condition key about tags does not say which tag.",
		Why:    "No request has a key of that name, so the condition never holds.",
		Source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html", Fix: "ssm:resourceTag/<key>", Requirements: []string{"R51"},
	}
	keyRule = finding.Rule{
		Code: "SLW209", Name: "no-such-condition-key", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "AWS has no such condition key.",
		Why:    "A key that no request has makes a condition that never holds.",
		Source: conditionKeys, Fix: "the key's name as AWS writes it",
	}
	keyOfActionRule = finding.Rule{
		Code: "SLW210", Name: "key-of-other-actions", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "A condition key is in no request for the action.",
		Why:    "The condition never holds for it, so the statement never allows it.",
		Source: actionsReference, Fix: "a statement of its own for the action, without the condition", Requirements: []string{"R51"},
	}
	operatorRule = finding.Rule{
		Code: "SLW211", Name: "operator-of-another-type", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "An operator compares a key with what it never is.",
		Why:    "The value of the key is of another type, so the condition never holds.",
		Source: conditionOperators, Fix: "an operator of the key's type",
	}
	literalStarRule = finding.Rule{
		Code: "SLW212", Name: "literal-star", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "A star in a value is compared letter by letter.",
		Why:    "Only StringLike and the operators for ARNs have wildcards: StringEquals wants the value to have a star in it.",
		Source: conditionOperators, Fix: "StringLike",
	}
	excludeRule = finding.Rule{
		Code: "SLW213", Name: "conditions-exclude-each-other", Severity: finding.Error, Subject: finding.Policy,
		Title:  "Two conditions of a statement never hold together.",
		Why:    "All conditions of a statement must hold, so it never matches a request.",
		Source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html",
		Fix:    "one condition with both values, or two statements",
	}
)

// test is a condition, with its operator taken apart.
type test struct {
	condition
	base     string // the operator without prefix and suffix
	set      string // ForAllValues or ForAnyValue
	ifExists bool
	key      string // in lower case
	negated  bool
	// holdsWithout says that the condition holds where a request does not have the key.
	holdsWithout bool
}

func testOf(c condition) test {
	t := test{condition: c, base: c.Operator, key: strings.ToLower(string(textOf(c.Key)))}
	if set, base, ok := strings.Cut(t.base, ":"); ok {
		t.set, t.base = set, base
	}
	t.base, t.ifExists = strings.CutSuffix(t.base, "IfExists")
	t.negated = strings.Contains(t.base, "Not")
	absent := t.base == "Null" && slices.ContainsFunc(c.Values, func(v string) bool { return strings.EqualFold(v, "true") })
	t.holdsWithout = t.ifExists || t.negated || t.set == "ForAllValues" || absent
	return t
}

// conditions looks for conditions that never hold.
func (s *statement) conditions() {
	tests := make([]test, 0, len(s.Conditions))
	for _, c := range s.Conditions {
		if _, marked := iam.IntrinsicJSON(c.Operator); marked || !textOf(c.Key).known() {
			continue
		}
		tests = append(tests, testOf(c))
	}
	for i, t := range tests {
		s.literalStar(t)
		if s.key(t) && !t.holdsWithout {
			s.keyOfActions(t)
			s.untagged(t)
			s.operatorOfType(t)
		}
		for _, o := range tests[:i] {
			s.exclude(o, t)
		}
	}
}

// key says whether AWS has a condition key, and reports one that it has not.
func (s *statement) key(t test) bool {
	prefix, name, _ := strings.Cut(t.key, ":")
	if strings.ContainsAny(prefix, "./") {
		return false // the claim of an identity provider
	}
	if name == "resourcetag" || name == "requesttag" || name == "principaltag" {
		s.report(&tagKeyRule, t.Pos, t.Key+"/<key>", "%s names no tag", t.Key)
		return false
	}
	if slices.ContainsFunc(ofDevices, func(beginning string) bool { return strings.HasPrefix(t.key, beginning) }) {
		return false
	}
	if _, ok := s.keyOf(t.key); ok || slices.Contains(unlisted, t.key) {
		return ok
	}
	if prefix != "aws" && !known(prefix) {
		return false // of a service that the catalog does not have
	}
	names := make([]string, 0, 100)
	for _, k := range slices.Concat(catalog.GlobalKeys(), catalog.ConditionKeys(prefix)) {
		names = append(names, k.Name)
	}
	s.report(&keyRule, t.Pos, suggest(t.Key, names, "%s"), "AWS has no condition key %s as of %s", t.Key, asOf())
	return false
}

// keyOfActions reports actions whose requests never have a key.
func (s *statement) keyOfActions(t test) {
	if strings.HasPrefix(t.key, "aws:") && !strings.Contains(t.key, "tag") || slices.Contains(ofSessions, t.key) || s.policy.kind == iam.TrustPolicy || s.policy.kind == iam.ResourcePolicy {
		return
	}
	if strings.HasPrefix(t.key, "aws:principaltag/") {
		return
	}
	var never, perhaps []string
	for _, a := range s.actions {
		switch {
		case a.every || a.unknown || len(a.list) == 0 || slices.Contains(halfKnown, a.service) || a.service == "tag":
		case slices.ContainsFunc(a.list, func(c catalog.Action) bool { return hasKey(c, t.key) }):
		case slices.ContainsFunc(a.list, func(c catalog.Action) bool { return scopable(c) || len(c.ConditionKeys) > 0 }):
			perhaps = append(perhaps, string(a.text))
		default:
			never = append(never, string(a.text))
		}
	}
	if len(never) > 0 {
		s.report(&keyOfActionRule, t.Pos, "", "no request for %s has %s", list(never), t.Key)
	}
	if len(perhaps) > 0 { // the reference has gaps: AWS's own policies have keys that it does not list
		s.report(&keyOfActionRule, t.Pos, "", "no request for %s has %s, as far as AWS's reference says", list(perhaps), t.Key).Severity = finding.Info
	}
}

// untagged reports a condition on tags over the document of a send.
func (s *statement) untagged(t test) {
	if !strings.HasPrefix(t.key, "ssm:resourcetag/") && !strings.HasPrefix(t.key, "aws:resourcetag/") || s.Effect != iam.Allow {
		return
	}
	if len(s.present([]string{"ssm:SendCommand", "ssm:StartSession"})) == 0 {
		return
	}
	document, nodes := -1, false
	for i, r := range s.resources {
		parts, _ := r.arn()
		switch {
		case strings.HasPrefix(string(parts[arnResource]), "document/"):
			document = i
			continue
		case r == "*" && s.policy.holder.role != "" && !s.documentElsewhere():
			document = i
		}
		nodes = true
	}
	if document < 0 || !nodes {
		return
	}
	f := s.report(&untaggedRule, t.Pos, "", "%s is wanted of %s too", t.Key, s.resources[document])
	if parts, _ := s.resources[document].arn(); parts[arnAccount] == "" {
		f.Severity = finding.Error // nobody but AWS can tag its documents
	}
}

// documentElsewhere says whether another statement may allow a send with a document, or where that is not known.
func (s *statement) documentElsewhere() bool {
	h := s.policy.holder
	return h.doubtful || slices.ContainsFunc(h.about("ssm:SendCommand"), func(o *statement) bool {
		return o != s && o.allows() && !o.narrowed() && slices.ContainsFunc(o.resources, func(t text) bool {
			parts, ok := t.arn()
			return !ok || parts[arnService] == "ssm"
		})
	})
}

// operatorOfType reports an operator that does not fit the type of a key.
func (s *statement) operatorOfType(t test) {
	k, _ := s.keyOf(t.key)
	kind := strings.ToLower(strings.TrimPrefix(k.Type, "ArrayOf"))
	var fits []string // the types that an operator may find; values of type String may hold anything
	switch {
	case strings.HasPrefix(t.base, "Numeric"):
		fits = []string{"numeric", "date"}
	case strings.HasPrefix(t.base, "Date"):
		fits = []string{"date", "numeric"}
	case t.base == "Bool":
		fits = []string{"bool"}
	case t.base == "IpAddress":
		fits = []string{"ipaddress"}
	case strings.HasPrefix(t.base, "Arn"):
		fits = []string{"arn"}
	case kind == "ipaddress" && strings.HasPrefix(t.base, "String") && !slices.ContainsFunc(t.Values, func(v string) bool { return !strings.Contains(v, "/") }):
		s.report(&operatorRule, t.Pos, "IpAddress", "%s compares %s letter by letter, and no address is a range", t.Operator, t.Key)
		return
	default:
		return
	}
	if kind != "" && kind != "string" && !slices.Contains(fits, kind) {
		s.report(&operatorRule, t.Pos, "", "%s compares %s, which is of the type %s", t.Operator, t.Key, k.Type)
	}
}

// literalStar reports a star in a value that is compared letter by letter.
func (s *statement) literalStar(t test) {
	if !strings.HasPrefix(t.base, "String") || strings.HasSuffix(t.base, "Like") {
		return
	}
	stars := 0
	for _, v := range t.Values {
		// ${*} is the documented way to write a star that is meant to be one.
		if strings.Contains(strings.ReplaceAll(string(textOf(v)), "${*}", ""), "*") {
			stars++
		}
	}
	if stars == 0 {
		return
	}
	fix := strings.Replace(strings.Replace(t.Operator, "IgnoreCase", "", 1), "Equals", "Like", 1)
	f := s.report(&literalStarRule, t.Pos, fix, "%s compares %s with a star", t.Operator, t.Key)
	if stars == len(t.Values) && !t.holdsWithout {
		f.Severity = finding.Error
	}
}

// exclude reports two conditions on a key that no value meets.
func (s *statement) exclude(a, b test) {
	if a.base == "Null" || b.base == "Null" {
		if null, other := a, b; a.key == b.key {
			if b.base == "Null" {
				null, other = b, a
			}
			if null.holdsWithout && !other.holdsWithout && other.base != "Null" {
				s.report(&excludeRule, b.Pos, "", "%s is to be absent, and to have a value", b.Key)
			}
		}
		return
	}
	if a.holdsWithout || b.holdsWithout || a.set != "" || b.set != "" {
		return
	}
	if a.key == b.key && !valuesMeet(a, b) {
		s.report(&excludeRule, b.Pos, "", "no value of %s is both %s and %s", b.Key, quoted(a.Values), quoted(b.Values))
		return
	}
	account, source := a, b
	if a.key == "aws:sourcearn" {
		account, source = b, a
	}
	if account.key == "aws:sourceaccount" && source.key == "aws:sourcearn" && !accountsMeet(account.Values, source.Values) {
		s.report(&excludeRule, b.Pos, "", "aws:SourceArn names another account than aws:SourceAccount")
	}
}

// valuesMeet says whether some text may be equal to, or matched by, a value of each.
func valuesMeet(a, b test) bool {
	if !comparesText(a) || !comparesText(b) {
		return true
	}
	return slices.ContainsFunc(a.Values, func(v string) bool {
		return slices.ContainsFunc(b.Values, func(w string) bool { return mayMeet(a.value(v), b.value(w)) })
	})
}

func comparesText(t test) bool {
	return strings.HasPrefix(t.base, "String") && !strings.HasSuffix(t.base, "IgnoreCase") || strings.HasPrefix(t.base, "Arn")
}

// value is a value of a condition as a pattern: letter by letter where the operator has no wildcards.
func (t test) value(v string) []piece {
	list := pieces(textOf(v))
	if strings.HasPrefix(t.base, "String") && !strings.HasSuffix(t.base, "Like") {
		for i, p := range list {
			switch p.kind {
			case many:
				list[i] = piece{kind: one, r: '*'}
			case any1:
				list[i] = piece{kind: one, r: '?'}
			}
		}
	}
	return list
}

func accountsMeet(accounts, arns []string) bool {
	return slices.ContainsFunc(arns, func(v string) bool {
		parts, ok := textOf(v).arn()
		return !ok || parts[arnAccount] == "" || slices.ContainsFunc(accounts, func(a string) bool {
			return mayMeet(pieces(parts[arnAccount]), pieces(textOf(a)))
		})
	})
}

func quoted(values []string) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = `"` + string(textOf(v)) + `"`
	}
	return strings.Join(words, " or ")
}
