package logs

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

const maxTags = 50

var (
	tagKey   = regexp.MustCompile(`^([\p{L}\p{Z}\p{N}_.:/=+\-@]+)$`)
	tagValue = regexp.MustCompile(`^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$`)
)

func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return broken(len(tags), "tags", "Map must have at most 50 entries")
	}
	for k, v := range tags {
		switch {
		case !tagKey.MatchString(k) || utf8.RuneCountInString(k) > 128:
			return broken(k, "tags", "Map keys must satisfy constraint: [Member must have length less than or equal to 128, Member must satisfy regular expression pattern: "+tagKey.String()+"]")
		case !tagValue.MatchString(v) || utf8.RuneCountInString(v) > 256:
			return broken(v, "tags", "Map value must satisfy constraint: [Member must have length less than or equal to 256, Member must satisfy regular expression pattern: "+tagValue.String()+"]")
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return invalid("aws: prefixed tag key names are not allowed for external use.")
		}
	}
	return nil
}

func requestTags(tags map[string]string) map[string][]string {
	m := map[string][]string{}
	for k, v := range tags {
		m["aws:RequestTag/"+k] = []string{v}
	}
	if len(tags) > 0 {
		m["aws:TagKeys"] = slices.Sorted(maps.Keys(tags))
	}
	return m
}

type resourceInput struct {
	ResourceArn string `json:"resourceArn"`
}

// group reads the ARN of a log group. The ARN has no :* at its end here.
func (in resourceInput) group() (target, error) {
	if in.ResourceArn == "" {
		return target{}, broken(nil, "resourceArn", "Member must not be null")
	}
	m := identifier.FindStringSubmatch(in.ResourceArn)
	if m == nil {
		return target{}, invalid("The specified resource ARN is not the ARN of a log group: %s", in.ResourceArn)
	}
	return target{m[2], m[1], m[3]}, nil
}

type tagInput struct {
	resourceInput
	Tags map[string]string `json:"tags"`
}

type untagInput struct {
	resourceInput
	TagKeys []string `json:"tagKeys"`
}

type tagsOutput struct {
	Tags map[string]string `json:"tags"`
}

// onTags is the access to the tags of a resource, on the ARN without :*.
func (s *Service) onTags(ctx context.Context, c *gateway.Call, in resourceInput, more map[string][]string) ([]gateway.Access, error) {
	t, err := in.group()
	if err != nil {
		return nil, err
	}
	return s.need(ctx, c, "", t, t.arn(), more)
}

func (s *Service) tagAccess(ctx context.Context, c *gateway.Call, in *tagInput) ([]gateway.Access, error) {
	if err := mustTags(in.Tags); err != nil {
		return nil, err
	}
	return s.onTags(ctx, c, in.resourceInput, requestTags(in.Tags))
}

func mustTags(tags map[string]string) error {
	if len(tags) == 0 {
		return broken(nil, "tags", "Member must not be null")
	}
	return checkTags(tags)
}

func (s *Service) untagAccess(ctx context.Context, c *gateway.Call, in *untagInput) ([]gateway.Access, error) {
	if in.TagKeys == nil {
		return nil, broken(nil, "tagKeys", "Member must not be null")
	}
	return s.onTags(ctx, c, in.resourceInput, map[string][]string{"aws:TagKeys": in.TagKeys})
}

func (s *Service) listTagsAccess(ctx context.Context, c *gateway.Call, in *resourceInput) ([]gateway.Access, error) {
	return s.onTags(ctx, c, *in, nil)
}

func (s *Service) tagResource(ctx context.Context, c *gateway.Call, in *tagInput) (*empty, error) {
	return s.retag(ctx, c, in.resourceInput, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
}

func (s *Service) untagResource(ctx context.Context, c *gateway.Call, in *untagInput) (*empty, error) {
	return s.retag(ctx, c, in.resourceInput, func(tags map[string]string) {
		maps.DeleteFunc(tags, func(k, _ string) bool { return slices.Contains(in.TagKeys, k) })
	})
}

func (s *Service) listTags(ctx context.Context, c *gateway.Call, in *resourceInput) (*tagsOutput, error) {
	t, err := in.group()
	if err != nil {
		return nil, err
	}
	return s.tagsOf(ctx, c, t)
}

func (s *Service) tagsOf(ctx context.Context, c *gateway.Call, t target) (*tagsOutput, error) {
	if t.account != c.Caller.Account || t.region != c.Region {
		return nil, noGroup()
	}
	g, err := mustGroup(ctx, s.db, t)
	return &tagsOutput{g.tags}, err
}

func (s *Service) retag(ctx context.Context, c *gateway.Call, in resourceInput, change func(map[string]string)) (*empty, error) {
	t, err := in.group()
	if err != nil {
		return nil, err
	}
	return s.changeTags(ctx, c, t, change)
}

func (s *Service) changeTags(ctx context.Context, c *gateway.Call, t target, change func(map[string]string)) (*empty, error) {
	if t.account != c.Caller.Account || t.region != c.Region {
		return nil, noGroup()
	}
	return &empty{}, s.db.Tx(ctx, func(tx *store.Tx) error {
		g, err := loadGroup(ctx, tx, t)
		if errors.Is(err, errNone) {
			return noGroup()
		}
		if err != nil {
			return err
		}
		change(g.tags)
		if len(g.tags) > maxTags {
			return fault("TooManyTagsException", "The resource has too many tags: at most %d are allowed.", maxTags)
		}
		text, err := json.Marshal(g.tags)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE logs_group SET tags = ? WHERE id = ?`, string(text), g.id)
		return err
	})
}

// The older operations, by name.
type (
	tagGroupInput struct {
		nameRef
		Tags map[string]string `json:"tags"`
	}
	untagGroupInput struct {
		nameRef
		Tags []string `json:"tags"`
	}
)

func (s *Service) tagGroupAccess(ctx context.Context, c *gateway.Call, in *tagGroupInput) ([]gateway.Access, error) {
	t, err := in.group().resolve(c)
	if err == nil {
		err = mustTags(in.Tags)
	}
	if err != nil {
		return nil, err
	}
	return s.need(ctx, c, "", t, scoped(t.arn()), requestTags(in.Tags))
}

func (s *Service) untagGroupAccess(ctx context.Context, c *gateway.Call, in *untagGroupInput) ([]gateway.Access, error) {
	t, err := in.group().resolve(c)
	if err == nil && len(in.Tags) == 0 {
		err = broken(nil, "tags", "Member must not be null")
	}
	if err != nil {
		return nil, err
	}
	return s.need(ctx, c, "", t, scoped(t.arn()), map[string][]string{"aws:TagKeys": in.Tags})
}

func (s *Service) tagGroup(ctx context.Context, c *gateway.Call, in *tagGroupInput) (*empty, error) {
	t, err := in.group().own(c)
	if err != nil {
		return nil, err
	}
	return s.changeTags(ctx, c, t, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
}

func (s *Service) untagGroup(ctx context.Context, c *gateway.Call, in *untagGroupInput) (*empty, error) {
	t, err := in.group().own(c)
	if err != nil {
		return nil, err
	}
	return s.changeTags(ctx, c, t, func(tags map[string]string) {
		maps.DeleteFunc(tags, func(k, _ string) bool { return slices.Contains(in.Tags, k) })
	})
}

func (s *Service) listGroupTags(ctx context.Context, c *gateway.Call, in *groupInput) (*tagsOutput, error) {
	t, err := in.group().own(c)
	if err != nil {
		return nil, err
	}
	return s.tagsOf(ctx, c, t)
}
