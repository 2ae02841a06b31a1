package organizations

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

const maxTags = 50

var (
	tagPattern      = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
	resourcePattern = regexp.MustCompile(`^(r-[0-9a-z]{4,32}|\d{12}|ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}|p-[0-9a-zA-Z_]{8,128})$`)
)

// The wire structures of tags.
type (
	tagIn struct {
		ResourceId string
		Tags       []tag
	}
	untagIn struct {
		ResourceId string
		TagKeys    []string
	}
	tagsIn struct {
		ResourceId, NextToken string
	}
	tagsOut struct{ Tags []tag }
)

func (s *Service) tagOperations() []gateway.Operation {
	return []gateway.Operation{
		gateway.Op("TagResource", func(_ context.Context, c *gateway.Call, in *tagIn) ([]gateway.Access, error) {
			if err := checkTags(in.Tags); err != nil {
				return nil, err
			}
			return s.onTagged(c, in.ResourceId, tagConditions(in.Tags))
		}, func(ctx context.Context, c *gateway.Call, in *tagIn) (*empty, error) {
			return s.changeTags(ctx, c, in.ResourceId, func(old []tag) []tag {
				return append(dropTags(old, keysOf(in.Tags)), in.Tags...)
			})
		}),
		gateway.Op("UntagResource", func(_ context.Context, c *gateway.Call, in *untagIn) ([]gateway.Access, error) {
			return s.onTagged(c, in.ResourceId, map[string][]string{"aws:TagKeys": in.TagKeys})
		}, func(ctx context.Context, c *gateway.Call, in *untagIn) (*empty, error) {
			return s.changeTags(ctx, c, in.ResourceId, func(old []tag) []tag { return dropTags(old, in.TagKeys) })
		}),
		gateway.Op("ListTagsForResource", func(_ context.Context, c *gateway.Call, in *tagsIn) ([]gateway.Access, error) {
			return s.onTagged(c, in.ResourceId, nil)
		}, s.listTags),
	}
}

func keysOf(tags []tag) []string {
	keys := make([]string, len(tags))
	for i, t := range tags {
		keys[i] = t.Key
	}
	return keys
}

func dropTags(old []tag, keys []string) []tag {
	return slices.DeleteFunc(slices.Clone(old), func(t tag) bool { return slices.Contains(keys, t.Key) })
}

func checkTags(tags []tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		switch {
		case t.Key == "" || len(t.Key) > 128 || len(t.Value) > 256 || !tagPattern.MatchString(t.Key+t.Value):
			return invalid("INVALID_PATTERN: a tag has a key of 1 to 128 and a value of up to 256 letters, digits and _.:/=+-@.")
		case strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
			return invalid("INVALID_SYSTEM_TAGS_PARAMETER: keys that begin with aws: are reserved.")
		case seen[t.Key]:
			return invalid("DUPLICATE_TAG_KEY: tag keys must be unique.")
		}
		seen[t.Key] = true
	}
	if len(tags) > maxTags {
		return constraint("MAX_TAG_LIMIT_EXCEEDED", "a resource has at most %d tags.", maxTags)
	}
	return nil
}

// tagConditions are the condition keys of the tags that a request brings; nil for none.
func tagConditions(tags []tag) map[string][]string {
	if len(tags) == 0 {
		return nil
	}
	m := map[string][]string{"aws:TagKeys": keysOf(tags)}
	for _, t := range tags {
		m["aws:RequestTag/"+t.Key] = []string{t.Value}
	}
	return m
}

// withTags adds the condition keys of a request's tags to what its operation needs.
func withTags[In any](access func(context.Context, *gateway.Call, *In) ([]gateway.Access, error), tags func(*In) []tag) func(context.Context, *gateway.Call, *In) ([]gateway.Access, error) {
	return func(ctx context.Context, c *gateway.Call, in *In) ([]gateway.Access, error) {
		if err := checkTags(tags(in)); err != nil {
			return nil, err
		}
		needs, err := access(ctx, c, in)
		for i := range needs {
			conditions := tagConditions(tags(in))
			for key, values := range needs[i].Context {
				if conditions == nil {
					conditions = map[string][]string{}
				}
				conditions[key] = values
			}
			needs[i].Context = conditions
		}
		return needs, err
	}
}

// onTagged is the access to a root, a unit, an account or a policy.
func (s *Service) onTagged(c *gateway.Call, id string, conditions map[string][]string) ([]gateway.Access, error) {
	if !resourcePattern.MatchString(id) {
		return nil, invalid("INVALID_PATTERN_TARGET_ID: You provided a value for ResourceId that does not match its pattern.")
	}
	o := s.world.Load().byAccount[c.Caller.Account]
	if o == nil {
		o = &organization{id: "*", management: c.Caller.Account}
	}
	arn := o.targetARN(id)
	if strings.HasPrefix(id, "p-") {
		arn = o.arn("policy", "*/"+id)
		if p := o.policies[id]; p != nil {
			arn = o.policyARN(p)
		}
	}
	return []gateway.Access{{Resource: arn, Context: conditions}}, nil
}

// taggable gives AWS's error when there is nothing of that id, or it is AWS's.
func (o *organization) taggable(id string) error {
	if p := o.policies[id]; o.has(id) || p != nil && !p.aws {
		return nil
	}
	return failure("TargetNotFoundException", "You specified a target that does not exist.")
}

func (s *Service) changeTags(ctx context.Context, c *gateway.Call, id string, change func([]tag) []tag) (*empty, error) {
	return &empty{}, s.change(ctx, func(tx *store.Tx, w *world) error {
		o, err := w.managed(c)
		if err != nil {
			return err
		}
		if err := o.taggable(id); err != nil {
			return err
		}
		return putTags(ctx, tx, o, id, change(o.tags[id]))
	})
}

// putTags gives something these tags in place of those that it had.
func putTags(ctx context.Context, tx *store.Tx, o *organization, id string, tags []tag) error {
	if len(tags) > maxTags {
		return constraint("MAX_TAG_LIMIT_EXCEEDED", "a resource has at most %d tags.", maxTags)
	}
	if len(tags) == 0 {
		return exec(ctx, tx, `DELETE FROM org_tags WHERE org = ? AND id = ?`, o.id, id)
	}
	text, err := json.Marshal(tags)
	if err != nil {
		return fmt.Errorf("organizations: %w", err)
	}
	return exec(ctx, tx, `INSERT OR REPLACE INTO org_tags (org, id, tags) VALUES (?, ?, ?)`, o.id, id, string(text))
}

func (s *Service) listTags(_ context.Context, c *gateway.Call, in *tagsIn) (*tagsOut, error) {
	o, err := s.managed(c)
	if err != nil {
		return nil, err
	}
	if in.NextToken != "" {
		return nil, invalid("INVALID_NEXT_TOKEN: all tags come in one page.")
	}
	if err := o.taggable(in.ResourceId); err != nil {
		return nil, err
	}
	return &tagsOut{append([]tag{}, o.tags[in.ResourceId]...)}, nil
}
