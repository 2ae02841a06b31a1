package ssm

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// maxResourceTags is how many tags a resource may have.
const maxResourceTags = 50

// Taggable is a kind of resource that AddTagsToResource, RemoveTagsFromResource and ListTagsForResource serve. These
// three are the same for all kinds: a new kind only adds itself to [Config.Taggable], or to kindsOf when it is of this
// package.
type Taggable interface {
	// TagARN is the ARN of the resource that a ResourceId means, whether it is there or not.
	TagARN(account, region, id string) string
	// Tags of a resource; found is false when there is none.
	Tags(ctx context.Context, account, region, id string) (tags map[string]string, found bool, err error)
	// ChangeTags keeps what change makes of a resource's tags, in one transaction. An error of change is given back,
	// and nothing is changed.
	ChangeTags(ctx context.Context, account, region, id string, change func(tags map[string]string) error) (found bool, err error)
}

// kindsOf are all kinds of resources with tags: those from outside, and the package's own.
func (s *Service) kindsOf(outside map[string]Taggable) map[string]Taggable {
	kinds := map[string]Taggable{}
	maps.Copy(kinds, outside)
	kinds["Document"] = documentTags{s}
	return kinds
}

func (s *Service) tagOperations() []gateway.Operation {
	only := "ResourceType: only " + strings.Join(slices.Sorted(maps.Keys(s.taggable)), ", ")
	return []gateway.Operation{
		gateway.Op("AddTagsToResource", s.addTagsAccess, s.addTags).Except(only),
		gateway.Op("RemoveTagsFromResource", s.removeTagsAccess, s.removeTags).Except(only),
		gateway.Op("ListTagsForResource", s.listTagsAccess, s.listTags).Except(only),
	}
}

type (
	resourceInput struct{ ResourceType, ResourceId string }
	addTagsInput  struct {
		resourceInput
		Tags []tag
	}
	removeTagsInput struct {
		resourceInput
		TagKeys []string
	}
	listTagsOutput struct{ TagList []tag }
)

// resourceTypes are those of the service model, whether they are served or not.
var resourceTypes = []string{"Document", "ManagedInstance", "MaintenanceWindow", "Parameter", "PatchBaseline", "OpsItem",
	"OpsMetadata", "Automation", "Association"}

func (in *resourceInput) check(v *validation) {
	v.required("resourceType", in.ResourceType)
	v.oneOf("resourceType", in.ResourceType, resourceTypes...)
	v.required("resourceId", in.ResourceId)
}

// kind finds who keeps the tags of a resource.
func (s *Service) kind(in *resourceInput) (Taggable, error) {
	if k := s.taggable[in.ResourceType]; k != nil {
		return k, nil
	}
	return nil, fault("InvalidResourceType", "The resource type %s isn't valid.", in.ResourceType)
}

// tagAccess is the access to a resource's tags, with the tags that it has.
func (s *Service) tagAccess(ctx context.Context, c *gateway.Call, in *resourceInput, v *validation) (gateway.Access, error) {
	in.check(v)
	if err := v.err(); err != nil {
		return gateway.Access{}, err
	}
	k, err := s.kind(in)
	if err != nil {
		return gateway.Access{}, err
	}
	tags, _, err := k.Tags(ctx, c.Caller.Account, c.Region, in.ResourceId)
	if err != nil {
		return gateway.Access{}, err
	}
	return gateway.Access{Resource: k.TagARN(c.Caller.Account, c.Region, in.ResourceId), Context: tagKeys(tags)}, nil
}

// tagKeys are both spellings of a resource's tags.
func tagKeys(tags map[string]string) map[string][]string {
	keys := make(map[string][]string, 2*len(tags))
	for k, v := range tags {
		keys["ssm:resourceTag/"+k] = []string{v}
		keys["aws:ResourceTag/"+k] = []string{v}
	}
	return keys
}

func (v *validation) tags(path string, tags []tag) {
	for i, t := range tags {
		member := path + "." + strconv.Itoa(i+1) + ".member."
		v.required(member+"key", t.Key)
		v.length(member+"key", t.Key, 1, 128)
		v.matches(member+"key", t.Key, tagText)
		v.length(member+"value", t.Value, 0, 256)
		v.matches(member+"value", t.Value, tagText)
	}
}

func (s *Service) addTagsAccess(ctx context.Context, c *gateway.Call, in *addTagsInput) ([]gateway.Access, error) {
	v := &validation{}
	if in.Tags == nil {
		v.missing("tags")
	}
	v.tags("tags", in.Tags)
	a, err := s.tagAccess(ctx, c, &in.resourceInput, v)
	if err != nil {
		return nil, err
	}
	for _, t := range in.Tags {
		if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return nil, invalid("aws: prefixed tag key names are not allowed for external use.")
		}
		a.Context["aws:RequestTag/"+t.Key] = []string{t.Value}
		a.Context["aws:TagKeys"] = append(a.Context["aws:TagKeys"], t.Key)
	}
	return []gateway.Access{a}, nil
}

func (s *Service) addTags(ctx context.Context, c *gateway.Call, in *addTagsInput) (*struct{}, error) {
	return s.changeTags(ctx, c, &in.resourceInput, func(tags map[string]string) error {
		for _, t := range in.Tags {
			tags[t.Key] = t.Value
		}
		if len(tags) > maxResourceTags {
			return fault("TooManyTagsError", "The number of tags exceeds the limit of %d.", maxResourceTags)
		}
		return nil
	})
}

func (s *Service) removeTagsAccess(ctx context.Context, c *gateway.Call, in *removeTagsInput) ([]gateway.Access, error) {
	v := &validation{}
	if in.TagKeys == nil {
		v.missing("tagKeys")
	}
	for i, key := range in.TagKeys {
		v.length("tagKeys."+strconv.Itoa(i+1)+".member", key, 1, 128)
	}
	a, err := s.tagAccess(ctx, c, &in.resourceInput, v)
	if err != nil {
		return nil, err
	}
	if len(in.TagKeys) > 0 {
		a.Context["aws:TagKeys"] = in.TagKeys
	}
	return []gateway.Access{a}, nil
}

func (s *Service) removeTags(ctx context.Context, c *gateway.Call, in *removeTagsInput) (*struct{}, error) {
	return s.changeTags(ctx, c, &in.resourceInput, func(tags map[string]string) error {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
		return nil
	})
}

func (s *Service) changeTags(ctx context.Context, c *gateway.Call, in *resourceInput, change func(map[string]string) error) (*struct{}, error) {
	k, err := s.kind(in)
	if err != nil {
		return nil, err
	}
	found, err := k.ChangeTags(ctx, c.Caller.Account, c.Region, in.ResourceId, change)
	if err == nil && !found {
		err = noResource(in)
	}
	return &struct{}{}, err
}

func noResource(in *resourceInput) error {
	return fault("InvalidResourceId", "The resource ID %q isn't valid. Verify that you entered the correct ID and try again.", in.ResourceId)
}

func (s *Service) listTagsAccess(ctx context.Context, c *gateway.Call, in *resourceInput) ([]gateway.Access, error) {
	a, err := s.tagAccess(ctx, c, in, &validation{})
	return []gateway.Access{a}, err
}

func (s *Service) listTags(ctx context.Context, c *gateway.Call, in *resourceInput) (*listTagsOutput, error) {
	k, err := s.kind(in)
	if err != nil {
		return nil, err
	}
	tags, found, err := k.Tags(ctx, c.Caller.Account, c.Region, in.ResourceId)
	if err == nil && !found {
		err = noResource(in)
	}
	if err != nil {
		return nil, err
	}
	out := &listTagsOutput{TagList: []tag{}}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out.TagList = append(out.TagList, tag{Key: key, Value: tags[key]})
	}
	return out, nil
}
