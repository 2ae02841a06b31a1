package iam

import (
	"context"
	"database/sql"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// Tag is a key and its value.
type Tag struct{ Key, Value string }

const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

var tagPattern = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// checkTags checks tags that a request brings. IAM takes keys that differ only in case for the same.
func checkTags(tags []Tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		if t.Key == "" || len(t.Key) > maxTagKey || len(t.Value) > maxTagValue || !tagPattern.MatchString(t.Key+t.Value) {
			return invalid(`1 validation error detected: Value at 'tags' failed to satisfy constraint: keys have 1 to %d and values up to %d characters of [\p{L}\p{Z}\p{N}_.:/=+\-@]`, maxTagKey, maxTagValue)
		}
		key := strings.ToLower(t.Key)
		if strings.HasPrefix(key, "aws:") {
			return invalidInput("Tag keys must not begin with aws:, which is reserved for AWS.")
		}
		if seen[key] {
			return invalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[key] = true
	}
	if len(tags) > maxTags {
		return limitExceeded("TagsPerResource", maxTags)
	}
	return nil
}

// mergeTags gives old with tags set in it; what has the same key but for its case is replaced.
func mergeTags(old, tags []Tag) []Tag {
	keys := make([]string, len(tags))
	for i, t := range tags {
		keys[i] = t.Key
	}
	return append(dropTags(old, keys), tags...)
}

func dropTags(old []Tag, keys []string) []Tag {
	return slices.DeleteFunc(slices.Clone(old), func(t Tag) bool {
		return slices.ContainsFunc(keys, func(key string) bool { return strings.EqualFold(key, t.Key) })
	})
}

// requestTags adds the condition keys of tags that a request brings.
func requestTags(conditions map[string][]string, tags []Tag) {
	for _, t := range tags {
		conditions["aws:RequestTag/"+t.Key] = []string{t.Value}
		conditions["aws:TagKeys"] = append(conditions["aws:TagKeys"], t.Key)
	}
}

// resourceTags are the condition keys of the tags that an entity has, and of its boundary.
func resourceTags(boundary string, tags []Tag) map[string][]string {
	m := map[string][]string{}
	if boundary != "" {
		m["iam:PermissionsBoundary"] = []string{boundary}
	}
	for _, t := range tags {
		m["iam:ResourceTag/"+t.Key] = []string{t.Value}
		m["aws:ResourceTag/"+t.Key] = []string{t.Value}
	}
	return m
}

// newEntity is what the creation of an entity needs: its own action, and that of tagging where the request has tags.
func newEntity(arn, boundary, tagAction string, tags []Tag) ([]gateway.Access, error) {
	if err := checkTags(tags); err != nil {
		return nil, err
	}
	a := gateway.Access{Resource: arn, Context: map[string][]string{}}
	if boundary != "" {
		a.Context["iam:PermissionsBoundary"] = []string{boundary}
	}
	requestTags(a.Context, tags)
	if len(tags) == 0 {
		return []gateway.Access{a}, nil
	}
	tag := a
	tag.Action = tagAction
	return []gateway.Access{a, tag}, nil
}

// The wire structures of tags. One of the names is there, as the operation wants it.
type (
	tagIn struct {
		RoleName                 string `xml:",omitempty" json:",omitempty"`
		UserName                 string `xml:",omitempty" json:",omitempty"`
		PolicyArn                string `xml:",omitempty" json:",omitempty"`
		InstanceProfileName      string `xml:",omitempty" json:",omitempty"`
		OpenIDConnectProviderArn string `xml:",omitempty" json:",omitempty"`
		Tags                     []Tag
		TagKeys                  []string
		paging
	}
	tagsOut struct {
		Tags []Tag
		listed
	}
)

// taggable is a kind of entity that has tags: how it is found, and where its tags are.
type taggable struct {
	name   string // Role, in TagRole
	table  string
	column string // of the key beside the account
	key    func(*tagIn) string
	access func(context.Context, *gateway.Call, string) (gateway.Access, error)
	must   func(ctx context.Context, q querier, account, key string) error
}

func (s *Service) taggables() []taggable {
	return []taggable{
		{"Role", "iam_roles", "name", func(in *tagIn) string { return in.RoleName }, s.roleAccess,
			func(ctx context.Context, q querier, account, key string) error {
				_, err := mustOwnRole(ctx, q, account, key)
				return err
			}},
		{"User", "iam_users", "name", func(in *tagIn) string { return in.UserName }, s.userAccess,
			func(ctx context.Context, q querier, account, key string) error {
				_, err := mustUser(ctx, q, account, key)
				return err
			}},
		{"Policy", "iam_policies", "arn", func(in *tagIn) string { return in.PolicyArn }, s.policyAccess, hasOwnPolicy},
		{"InstanceProfile", "iam_profiles", "name", func(in *tagIn) string { return in.InstanceProfileName }, s.profileAccess,
			func(ctx context.Context, q querier, account, key string) error {
				_, err := mustProfile(ctx, q, account, key)
				return err
			}},
		{"OpenIDConnectProvider", "iam_providers", "arn", func(in *tagIn) string { return in.OpenIDConnectProviderArn }, s.providerAccess,
			func(ctx context.Context, q querier, account, key string) error {
				_, err := mustProvider(ctx, q, account, key)
				return err
			}},
	}
}

// tagOperations are the three of every kind.
func (s *Service) tagOperations() []gateway.Operation {
	var operations []gateway.Operation
	for _, k := range s.taggables() {
		operations = append(operations,
			gateway.Op("Tag"+k.name, func(ctx context.Context, c *gateway.Call, in *tagIn) ([]gateway.Access, error) {
				return k.onTag(ctx, c, in)
			}, func(ctx context.Context, c *gateway.Call, in *tagIn) (*empty, error) {
				return &empty{}, s.changeTags(ctx, c, k, in, func(old []Tag) []Tag { return mergeTags(old, in.Tags) })
			}),
			gateway.Op("Untag"+k.name, func(ctx context.Context, c *gateway.Call, in *tagIn) ([]gateway.Access, error) {
				a, err := k.access(ctx, c, k.key(in))
				if err == nil && len(in.TagKeys) > 0 {
					a = withCondition(a, "aws:TagKeys", in.TagKeys...)
				}
				return []gateway.Access{a}, err
			}, func(ctx context.Context, c *gateway.Call, in *tagIn) (*empty, error) {
				return &empty{}, s.changeTags(ctx, c, k, in, func(old []Tag) []Tag { return dropTags(old, in.TagKeys) })
			}),
			gateway.Op("List"+k.name+"Tags", func(ctx context.Context, c *gateway.Call, in *tagIn) ([]gateway.Access, error) {
				a, err := k.access(ctx, c, k.key(in))
				return []gateway.Access{a}, err
			}, func(ctx context.Context, c *gateway.Call, in *tagIn) (*tagsOut, error) {
				return s.listTags(ctx, c, k, in)
			}),
		)
	}
	return operations
}

func (k *taggable) onTag(ctx context.Context, c *gateway.Call, in *tagIn) ([]gateway.Access, error) {
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	a, err := k.access(ctx, c, k.key(in))
	if err != nil {
		return nil, err
	}
	if a.Context == nil {
		a.Context = map[string][]string{}
	}
	requestTags(a.Context, in.Tags)
	return []gateway.Access{a}, nil
}

// withCondition adds a condition key to what an access has.
func withCondition(a gateway.Access, key string, values ...string) gateway.Access {
	conditions := map[string][]string{key: values}
	for k, v := range a.Context {
		if k != key {
			conditions[k] = v
		}
	}
	a.Context = conditions
	return a
}

func (k *taggable) read(ctx context.Context, q querier, account, key string) ([]Tag, error) {
	if err := k.must(ctx, q, account, key); err != nil {
		return nil, err
	}
	var text string
	if _, err := one(ctx, q, `SELECT tags FROM `+k.table+` WHERE account = ? AND `+k.column+` = ?`, []any{account, key}, []any{&text}); err != nil {
		return nil, err
	}
	var tags []Tag
	if text == "" {
		return tags, nil
	}
	return tags, fromJSON(text, &tags)
}

func (s *Service) changeTags(ctx context.Context, c *gateway.Call, k taggable, in *tagIn, change func([]Tag) []Tag) error {
	account, key := c.Caller.Account, k.key(in)
	return s.write(ctx, func(q querier) error {
		old, err := k.read(ctx, q, account, key)
		if err != nil {
			return err
		}
		tags := change(old)
		if len(tags) > maxTags {
			return limitExceeded("TagsPer"+k.name, maxTags)
		}
		text, err := toJSON(tags)
		if err != nil {
			return err
		}
		_, err = exec(ctx, q, `UPDATE `+k.table+` SET tags = ? WHERE account = ? AND `+k.column+` = ?`, text, account, key)
		return err
	})
}

func (s *Service) listTags(ctx context.Context, c *gateway.Call, k taggable, in *tagIn) (*tagsOut, error) {
	tags, err := k.read(ctx, s.db, c.Caller.Account, k.key(in))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(tags, func(a, b Tag) int { return strings.Compare(a.Key, b.Key) })
	out := &tagsOut{}
	out.Tags, out.listed, err = page(in.paging, append([]Tag{}, tags...), func(t Tag) string { return t.Key })
	return out, err
}

// scanTags reads a column of tags, which is empty in rows that are older than it.
func scanTags(rows *sql.Rows, tags *[]Tag, into ...any) error {
	var text string
	if err := rows.Scan(append(into, &text)...); err != nil {
		return err
	}
	if text == "" {
		return nil
	}
	return fromJSON(text, tags)
}
