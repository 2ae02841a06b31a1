package iam

import (
	"fmt"
	"iter"
	"slices"
	"unicode/utf8"
)

// Quota is one of AWS's limits on policies (R118). Quotas are per policy unless Together is set.
type Quota struct {
	Kind     PolicyKind
	Code     Code   // CodeQuotaSize counts characters, CodeQuotaCount policies
	What     string // what is counted, for messages
	Max      int    // what AWS takes unless it is asked for more
	Raisable int    // what AWS can be asked for; 0 if Max is fixed
	Together bool   // all policies of this kind that one role, user or group has count together
	Space    bool   // white space between JSON's tokens counts too, so that less of it helps
	Page     string // the AWS page that the quota rests on, and the section
}

const (
	pageIAM           = "reference_iam-quotas.html" // IAM user guide, "IAM and AWS STS quotas"
	pageAssumeRole    = "API_AssumeRole.html"       // AWS STS API reference, Policy
	pageOrganizations = "orgs_reference_limits.html"
	pageBucket        = "bucket-policies.html" // Amazon S3 user guide
	pageEndpoint      = "vpc-limits-endpoints.html"
)

// quotas are all that this package knows. IAM "does not count white space when calculating the size of a policy".
//
// The length of a trust policy: the user guide of 2023 has 4,096 as the most that can be asked for; a report of
// 2026 has 8,192, and 25 managed policies for a role. The smaller, documented numbers stand here.
// Service control policies: 5,120 characters and 5 attached until 15 May 2026, when AWS doubled both.
// S3 speaks of 20 KB, so its quota is compared with bytes, see [Document.Size].
var quotas = []Quota{
	{Kind: ManagedPolicy, Code: CodeQuotaSize, What: "a managed policy", Max: 6_144, Page: pageIAM},
	{Kind: RolePolicy, Code: CodeQuotaSize, What: "all inline policies of a role", Max: 10_240, Together: true, Page: pageIAM},
	{Kind: UserPolicy, Code: CodeQuotaSize, What: "all inline policies of a user", Max: 2_048, Together: true, Page: pageIAM},
	{Kind: GroupPolicy, Code: CodeQuotaSize, What: "all inline policies of a group", Max: 5_120, Together: true, Page: pageIAM},
	{Kind: TrustPolicy, Code: CodeQuotaSize, What: "a trust policy", Max: 2_048, Raisable: 4_096, Page: pageIAM},
	{Kind: SessionPolicy, Code: CodeQuotaSize, What: "a session policy", Max: 2_048, Page: pageAssumeRole},
	{Kind: ServiceControlPolicy, Code: CodeQuotaSize, What: "a service control policy", Max: 10_240, Space: true, Page: pageOrganizations},
	{Kind: ResourceControlPolicy, Code: CodeQuotaSize, What: "a resource control policy", Max: 5_120, Space: true, Page: pageOrganizations},
	{Kind: BucketPolicy, Code: CodeQuotaSize, What: "a bucket policy", Max: 20 << 10, Space: true, Page: pageBucket},
	{Kind: EndpointPolicy, Code: CodeQuotaSize, What: "an endpoint policy", Max: 20_480, Space: true, Page: pageEndpoint},

	{Kind: RolePolicy, Code: CodeQuotaCount, What: "managed policies attached to a role", Max: 10, Raisable: 20, Page: pageIAM},
	{Kind: UserPolicy, Code: CodeQuotaCount, What: "managed policies attached to a user", Max: 10, Raisable: 20, Page: pageIAM},
	{Kind: GroupPolicy, Code: CodeQuotaCount, What: "managed policies attached to a group", Max: 10, Page: pageIAM},
	{Kind: ServiceControlPolicy, Code: CodeQuotaCount, What: "service control policies attached to a root, unit or account", Max: 10, Page: pageOrganizations},
	{Kind: ResourceControlPolicy, Code: CodeQuotaCount, What: "resource control policies attached to a root, unit or account", Max: 5, Page: pageOrganizations},
}

// Quotas lists AWS's quotas on policies that this package checks.
func Quotas() []Quota { return slices.Clone(quotas) }

// quotaOf finds the quota of a kind; ok is false where there is not one number: an [IdentityPolicy] may be of
// several kinds, and for a [ResourcePolicy] each service has its own.
func quotaOf(kind PolicyKind, code Code) (q Quota, ok bool) {
	i := slices.IndexFunc(quotas, func(q Quota) bool { return q.Kind == kind && q.Code == code })
	if i < 0 {
		return Quota{}, false
	}
	return quotas[i], true
}

// Size counts the characters of the document as [Document.Compact] prints it: the least that it can count against
// AWS's quotas. AWS's pages say characters, not bytes; where a policy has only the characters that IAM takes, the
// difference is that between é and two bytes.
//
// uncertain: whether IAM, which does not count white space, counts it within strings. It is counted here.
func (d *Document) Size() int { return utf8.RuneCount(d.Compact()) }

// checkSize compares the document with the size that a policy of its kind may have. The place is the statement
// with which it becomes too long. What a document with intrinsics will have when it is deployed nobody knows.
func (d *Document) checkSize(kind PolicyKind) []*SyntaxError {
	q, ok := quotaOf(kind, CodeQuotaSize)
	if !ok {
		return nil
	}
	return q.check([]*Document{d})
}

// check compares documents, which count together, with a quota on size.
func (q Quota) check(documents []*Document) []*SyntaxError {
	total := 0
	var over *Document
	var place Position
	for _, d := range documents {
		if _, _, found := d.firstIntrinsic(); found {
			return nil
		}
		size := q.size(d)
		if over == nil && total+size > q.Max {
			over, place = d, q.crossing(d, q.Max-total)
		}
		total += size
	}
	if over == nil {
		return nil
	}
	return []*SyntaxError{newFinding(over.Name, place, q.Code, "%s", q.message(total))}
}

// size counts what the quota counts, at the least.
func (q Quota) size(d *Document) int { return q.count(d.Compact()) }

// count counts what the quota counts: characters, or bytes where AWS speaks of kilobytes.
func (q Quota) count(text []byte) int {
	if q.Kind == BucketPolicy {
		return len(text)
	}
	return utf8.RuneCount(text)
}

// crossing is the place of the statement with which a document exceeds what is left of a quota.
func (q Quota) crossing(d *Document, left int) Position {
	total := q.size(&Document{Version: d.Version, ID: d.ID})
	for i := range d.Statements {
		st := d.Statements[i].node()
		total += q.count(appendCompact(nil, &st))
		if total > left {
			return d.Statements[i].Pos
		}
		total++ // the comma
	}
	return Position{}
}

// message says how much there is, and how much AWS takes.
func (q Quota) message(n int) string {
	unit := "characters"
	switch {
	case q.Code == CodeQuotaCount:
		unit = "policies"
	case q.Kind == BucketPolicy:
		unit = "bytes"
	}
	text := fmt.Sprintf("%d %s, and AWS takes %d for %s", n, unit, q.Max, q.What)
	if q.Raisable > 0 {
		text += fmt.Sprintf(" (up to %d on request)", q.Raisable)
	}
	return text
}

// CheckSource compares a policy's JSON text, as it is written, with the size that a policy of its kind may have.
// [Document.Validate] compares the shortest form instead. They differ in what the text has beyond need, such as
// lists of one; and in white space where it counts, for example in service control policies that are not stored
// with the console. The place is the character that is too much. The text need not be correct JSON.
func CheckSource(name string, src []byte, kind PolicyKind) []*SyntaxError {
	q, ok := quotaOf(kind, CodeQuotaSize)
	if !ok {
		return nil
	}
	total := 0
	var place Position
	for c := range characters(src) {
		if c.space && !q.Space {
			continue
		}
		if q.Kind == BucketPolicy {
			total += c.bytes
		} else {
			total++
		}
		if total > q.Max && place == (Position{}) {
			place = c.pos
		}
	}
	if total <= q.Max {
		return nil
	}
	return []*SyntaxError{newFinding(name, place, q.Code, "%s", q.message(total))}
}

// character is one character of a JSON text.
type character struct {
	pos   Position
	bytes int
	space bool // white space outside of strings
}

func characters(src []byte) iter.Seq[character] {
	return func(yield func(character) bool) {
		pos := Position{Line: 1, Column: 1}
		inString, escaped := false, false
		for i := 0; i < len(src); {
			r, size := utf8.DecodeRune(src[i:])
			space := !inString && (r == ' ' || r == '\t' || r == '\r' || r == '\n')
			if !yield(character{pos, size, space}) {
				return
			}
			switch {
			case escaped:
				escaped = false
			case r == '\\':
				escaped = inString
			case r == '"':
				inString = !inString
			}
			pos.Column += size
			if r == '\n' {
				pos = Position{Line: pos.Line + 1, Column: 1}
			}
			i += size
		}
	}
}
