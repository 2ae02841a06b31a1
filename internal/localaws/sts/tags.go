package sts

import (
	"bytes"
	"cmp"
	"compress/flate"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
)

// The limits of session tags ("Pass session tags in AWS STS", IAM user guide).
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
	// maxPacked is how many bytes session policies and tags may have when they are packed. uncertain: AWS's packed form is
	// its own and not documented; here it is that of DEFLATE.
	maxPacked = 2048
)

var (
	tagText    = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
	sourceName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	externalID = regexp.MustCompile(`^[\w+=,.@:/-]{2,}$`)
)

// sessionTags are the tags that a new session gets beside those of its role.
type sessionTags struct {
	tags       map[string]string
	transitive []string // the keys that sessions made by this one get as well
}

// newTags joins the tags that a request passes with those that the caller's session hands on.
func newTags(passed []iam.Tag, transitive []string, caller gateway.Caller) (sessionTags, error) {
	if err := checkTags(passed); err != nil {
		return sessionTags{}, err
	}
	t := sessionTags{tags: map[string]string{}, transitive: slices.Clone(transitive)}
	for _, tag := range passed {
		t.tags[tag.Key] = tag.Value
	}
	for _, key := range transitive {
		if !hasFold(slices.Collect(maps.Keys(t.tags)), key) {
			return sessionTags{}, badParameter("The specified transitive tag key must be included in the requested tags.")
		}
	}
	for _, key := range caller.TransitiveTags {
		if hasFold(slices.Collect(maps.Keys(t.tags)), key) {
			return sessionTags{}, badParameter("One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		}
	}
	for _, key := range caller.TransitiveTags {
		t.tags[key] = caller.SessionTags[key]
		t.transitive = append(t.transitive, key)
	}
	return t, nil
}

func badParameter(message string) error {
	return &gateway.Error{Code: "InvalidParameterValue", Message: message}
}

// hasFold: the keys of tags are the same whatever their case.
func hasFold(keys []string, key string) bool {
	return slices.ContainsFunc(keys, func(k string) bool { return strings.EqualFold(k, key) })
}

func checkTags(tags []iam.Tag) error {
	if len(tags) > maxTags {
		return invalid("1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to %d", maxTags)
	}
	var keys []string
	for i, t := range tags {
		switch {
		case t.Key == "" || utf8.RuneCountInString(t.Key) > maxTagKey || !tagText.MatchString(t.Key):
			return invalid(`1 validation error detected: Value '%s' at 'tags.%d.member.key' failed to satisfy constraint: Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+`, t.Key, i+1)
		case utf8.RuneCountInString(t.Value) > maxTagValue || !tagText.MatchString(t.Value):
			return invalid(`1 validation error detected: Value '%s' at 'tags.%d.member.value' failed to satisfy constraint: Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]*`, t.Value, i+1)
		case strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
			return badParameter("Tag keys that begin with aws: are reserved for internal use.")
		case hasFold(keys, t.Key):
			return badParameter("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		keys = append(keys, t.Key)
	}
	return nil
}

// conditions adds the keys that the tags of the new session are.
func (t *sessionTags) conditions(m map[string][]string) {
	for _, key := range slices.Sorted(maps.Keys(t.tags)) {
		m["aws:RequestTag/"+key] = []string{t.tags[key]}
		m["aws:TagKeys"] = append(m["aws:TagKeys"], key)
	}
	if len(t.transitive) > 0 {
		m["sts:TransitiveTagKeys"] = t.transitive
	}
}

// packed is how much of the space for policies and tags a session takes, in percent; nil when it has neither.
func packed(in *sessionIn, tags map[string]string) (*int, error) {
	if in.Policy == "" && len(in.PolicyArns) == 0 && len(tags) == 0 {
		return nil, nil
	}
	plain, err := json.Marshal([]any{in.Policy, in.PolicyArns, tags})
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(plain)
	if err := cmp.Or(err, w.Close()); err != nil {
		return nil, err
	}
	percent := (b.Len()*100 + maxPacked - 1) / maxPacked
	if percent > 100 {
		return nil, tooLarge(fmt.Sprintf("Packed policy consumes %d%% of allotted space, please use smaller policy.", percent))
	}
	return &percent, nil
}

func tooLarge(message string) error {
	return &gateway.Error{Code: "PackedPolicyTooLarge", Message: message}
}

// The claims of a token that say what tags and what source identity the session gets ("Passing session tags using
// AssumeRoleWithWebIdentity", IAM user guide).
const (
	tagsClaim   = "https://aws.amazon.com/tags"
	sourceClaim = "https://aws.amazon.com/source_identity"
)

// sessionTags reads them. A claim that is not in its form is refused.
func (t *claims) sessionTags() (tags sessionTags, source string, err error) {
	var in struct {
		Tags struct {
			Principal  map[string][]string `json:"principal_tags"`
			Transitive []string            `json:"transitive_tag_keys"`
		} `json:"https://aws.amazon.com/tags"`
		Source string `json:"https://aws.amazon.com/source_identity"`
	}
	plain, err := json.Marshal(map[string]any{tagsClaim: t.custom[tagsClaim], sourceClaim: t.custom[sourceClaim]})
	if err == nil {
		err = json.Unmarshal(plain, &in)
	}
	if err != nil {
		return sessionTags{}, "", invalidToken("The session tags of the ID Token cannot be read.")
	}
	var passed []iam.Tag
	for _, key := range slices.Sorted(maps.Keys(in.Tags.Principal)) {
		if len(in.Tags.Principal[key]) != 1 {
			return sessionTags{}, "", invalidToken("A session tag of the ID Token does not have one value.")
		}
		passed = append(passed, iam.Tag{Key: key, Value: in.Tags.Principal[key][0]})
	}
	if in.Source != "" && !sourceName.MatchString(in.Source) {
		return sessionTags{}, "", invalidToken("The source identity of the ID Token isn't valid.")
	}
	tags, err = newTags(passed, in.Tags.Transitive, gateway.Caller{})
	return tags, in.Source, err
}
