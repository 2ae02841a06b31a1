package ec2

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// maxTags is how many tags a resource may have ("Tag restrictions", EC2 user guide).
const maxTags = 50

// tagInput is a tag of a request. DeleteTags tells a missing value from an empty one.
type tagInput struct {
	Key   string
	Value *string
}

func (t tagInput) value() string {
	if t.Value == nil {
		return ""
	}
	return *t.Value
}

type tagsInput struct {
	ResourceId []string
	Tag        []tagInput
	DryRun     bool
}

// requestTags are the condition keys that describe the tags of a request.
func requestTags(tags []tagInput) map[string][]string {
	m := map[string][]string{}
	for _, t := range tags {
		m["aws:RequestTag/"+t.Key] = []string{t.value()}
		m["aws:TagKeys"] = append(m["aws:TagKeys"], t.Key)
	}
	return m
}

// checkTags holds the tags of a request to the documented restrictions.
func checkTags(tags []tagInput) error {
	seen := map[string]bool{}
	for _, t := range tags {
		switch {
		case t.Key == "":
			return invalidValue("Tag key cannot be null or empty.")
		case utf8.RuneCountInString(t.Key) > 127: // "Tag", EC2 API reference; elsewhere it is 128
			return invalidValue("Tag key exceeds the maximum length of 127 characters")
		case utf8.RuneCountInString(t.value()) > 256:
			return invalidValue("Tag value exceeds the maximum length of 256 characters")
		case strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
			return invalidValue("Tag keys starting with 'aws:' are reserved for internal use")
		case seen[t.Key]:
			return invalidValue(fmt.Sprintf("Duplicate tag key '%s' specified.", t.Key))
		}
		seen[t.Key] = true
	}
	return nil
}

// tagsAccess: every resource that is named, with the tags that it has and those of the request. Only instances are
// resources here that have tags.
func (s *Service) tagsAccess(ctx context.Context, c *gateway.Call, in *tagsInput) ([]gateway.Access, error) {
	if len(in.ResourceId) == 0 {
		return nil, missing("resourceIdSet")
	}
	if len(in.Tag) == 0 && c.Operation == "CreateTags" {
		return nil, missing("tagSet")
	}
	for _, id := range in.ResourceId {
		if !strings.HasPrefix(id, "i-") {
			return nil, fault("InvalidID", fmt.Sprintf("The ID '%s' is not valid", id))
		}
	}
	return s.onInstances(ctx, c, in.ResourceId, requestTags(in.Tag))
}

func (s *Service) createTags(ctx context.Context, c *gateway.Call, in *tagsInput) (*returnOutput, error) {
	if err := checkTags(in.Tag); err != nil {
		return nil, err
	}
	return s.changeTags(ctx, c, in, func(have map[string]string) error {
		for _, t := range in.Tag {
			have[t.Key] = t.value()
		}
		if len(have) > maxTags {
			return fault("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
		}
		return nil
	})
}

// deleteTags deletes the named tags, those with a value only if they have it, and all tags when none are named.
func (s *Service) deleteTags(ctx context.Context, c *gateway.Call, in *tagsInput) (*returnOutput, error) {
	return s.changeTags(ctx, c, in, func(have map[string]string) error {
		if len(in.Tag) == 0 {
			maps.DeleteFunc(have, func(k, _ string) bool { return !strings.HasPrefix(strings.ToLower(k), "aws:") })
		}
		for _, t := range in.Tag {
			if v, ok := have[t.Key]; ok && (t.Value == nil || *t.Value == v) {
				delete(have, t.Key)
			}
		}
		return nil
	})
}

func (s *Service) changeTags(ctx context.Context, c *gateway.Call, in *tagsInput, f func(map[string]string) error) (*returnOutput, error) {
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	_, _, err := s.applyAll(ctx, c, in.ResourceId, func(i *Instance) error {
		if i.Tags == nil {
			i.Tags = map[string]string{}
		}
		return f(i.Tags)
	})
	return &returnOutput{true}, err
}

type describeTagsInput struct {
	Filter     []filter
	MaxResults int
	NextToken  string
	DryRun     bool
}

type describeTagsOutput struct {
	NextToken string        `xml:"nextToken,omitempty"`
	Tags      []resourceTag `xml:"tagSet"`
}

type resourceTag struct {
	Key          string `xml:"key"`
	ResourceID   string `xml:"resourceId"`
	ResourceType string `xml:"resourceType"`
	Value        string `xml:"value"`
}

var tagFields = map[string]func(resourceTag) []string{
	"key":           func(t resourceTag) []string { return []string{t.Key} },
	"value":         func(t resourceTag) []string { return []string{t.Value} },
	"resource-id":   func(t resourceTag) []string { return []string{t.ResourceID} },
	"resource-type": func(t resourceTag) []string { return []string{t.ResourceType} },
}

func (s *Service) describeTags(ctx context.Context, c *gateway.Call, in *describeTagsInput) (*describeTagsOutput, error) {
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	match, err := compileFilters(in.Filter, tagFields, func(key string) func(resourceTag) []string {
		return func(t resourceTag) []string {
			if t.Key != key {
				return nil
			}
			return []string{t.Value}
		}
	})
	if err != nil {
		return nil, err
	}
	all, err := s.Instances(ctx, c.Caller.Account, c.Region)
	if err != nil {
		return nil, err
	}
	tags := []resourceTag{}
	for _, i := range all {
		for _, k := range slices.Sorted(maps.Keys(i.Tags)) {
			if t := (resourceTag{k, i.ID, "instance", i.Tags[k]}); match(t) {
				tags = append(tags, t)
			}
		}
	}
	out := &describeTagsOutput{}
	out.Tags, out.NextToken, err = page(tags, func(t resourceTag) string { return t.ResourceID + "/" + t.Key }, in.MaxResults, in.NextToken, false)
	return out, err
}
