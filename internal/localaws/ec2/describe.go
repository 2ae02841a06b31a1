package ec2

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// describeInput is DescribeInstancesRequest. The list fields carry the wire's singular names.
type describeInput struct {
	InstanceId []string
	Filter     []filter
	MaxResults int
	NextToken  string
	DryRun     bool
}

type filter struct {
	Name  string
	Value []string
}

type describeOutput struct {
	Reservations []reservation `xml:"reservationSet"`
	NextToken    string        `xml:"nextToken,omitempty"`
}

type reservation struct {
	ReservationID string         `xml:"reservationId"`
	OwnerID       string         `xml:"ownerId"`
	Instances     []instanceItem `xml:"instancesSet"`
}

type instanceItem struct {
	InstanceID       string       `xml:"instanceId"`
	ImageID          string       `xml:"imageId"`
	State            stateItem    `xml:"instanceState"`
	PrivateDNSName   string       `xml:"privateDnsName"`
	TransitionReason string       `xml:"reason"`
	AMILaunchIndex   int          `xml:"amiLaunchIndex"`
	InstanceType     string       `xml:"instanceType"`
	LaunchTime       string       `xml:"launchTime"`
	Placement        placement    `xml:"placement"`
	SubnetID         string       `xml:"subnetId,omitempty"`
	VPCID            string       `xml:"vpcId,omitempty"`
	PrivateIPAddress string       `xml:"privateIpAddress,omitempty"`
	Groups           []groupItem  `xml:"groupSet"`
	StateReason      *Reason      `xml:"stateReason"`
	Architecture     string       `xml:"architecture"`
	RootDeviceType   string       `xml:"rootDeviceType"`
	ClientToken      string       `xml:"clientToken"`
	Tags             []tagItem    `xml:"tagSet"`
	Profile          *profileItem `xml:"iamInstanceProfile,omitempty"`
	Metadata         metadataItem `xml:"metadataOptions"`
}

type groupItem struct {
	ID   string `xml:"groupId"`
	Name string `xml:"groupName"`
}

type metadataItem struct {
	State    string `xml:"state"`
	Tokens   string `xml:"httpTokens"`
	HopLimit int    `xml:"httpPutResponseHopLimit"`
	Endpoint string `xml:"httpEndpoint"`
	Tags     string `xml:"instanceMetadataTags"`
}

type stateItem struct {
	Code int    `xml:"code"`
	Name string `xml:"name"`
}

type placement struct {
	AvailabilityZone string `xml:"availabilityZone"`
	Tenancy          string `xml:"tenancy"`
}

type profileItem struct {
	ARN string `xml:"arn"`
	ID  string `xml:"id,omitempty"`
}

type tagItem struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

func (s *Service) describeInstances(ctx context.Context, c *gateway.Call, in *describeInput) (*describeOutput, error) {
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	match, err := compileFilters(in.Filter, instanceFields, tagField)
	if err != nil {
		return nil, err
	}
	all, err := s.Instances(ctx, c.Caller.Account, c.Region)
	if err != nil {
		return nil, err
	}
	chosen, err := choose(all, in.InstanceId)
	if err != nil {
		return nil, err
	}
	chosen = slices.DeleteFunc(chosen, func(i Instance) bool { return !match(i) })
	chosen, next, err := page(chosen, func(i Instance) string { return i.ID }, in.MaxResults, in.NextToken, len(in.InstanceId) > 0)
	if err != nil {
		return nil, err
	}
	return &describeOutput{Reservations: reservations(chosen), NextToken: next}, nil
}

// reservations groups instances by the request that launched them.
func reservations(instances []Instance) []reservation {
	out := []reservation{}
	at := map[string]int{}
	for _, i := range instances {
		n, ok := at[i.reservation()]
		if !ok {
			n = len(out)
			at[i.reservation()] = n
			out = append(out, reservation{ReservationID: i.reservation(), OwnerID: i.Account})
		}
		out[n].Instances = append(out[n].Instances, item(i))
	}
	return out
}

// choose picks the instances by id; no ids means all of them.
func choose(all []Instance, ids []string) ([]Instance, error) {
	if len(ids) == 0 {
		return all, nil
	}
	byID := make(map[string]Instance, len(all))
	for _, i := range all {
		byID[i.ID] = i
	}
	var chosen []Instance
	var absent []string
	for _, id := range unique(ids) {
		if err := wellFormed(id); err != nil {
			return nil, err
		}
		i, ok := byID[id]
		if !ok {
			absent = append(absent, id)
			continue
		}
		chosen = append(chosen, i)
	}
	return chosen, absence(absent)
}

// page cuts a list, ordered by id, to one page: a token is the id after which the next page begins. named says that the
// request names what it wants, which excludes a page size.
func page[T any](list []T, id func(T) string, size int, token string, named bool) (page []T, next string, err error) {
	if size != 0 && named {
		return nil, "", fault("InvalidParameterCombination", "The parameter instancesSet cannot be used with the parameter maxResults")
	}
	if size != 0 && (size < 5 || size > 1000) {
		return nil, "", invalidValue(fmt.Sprintf("Value ( %d ) for parameter maxResults is invalid. Expecting a value between 5 and 1000.", size))
	}
	if token != "" {
		after, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil || !strings.HasPrefix(string(after), "i-") {
			return nil, "", invalidValue("The token '" + token + "' is invalid")
		}
		list = slices.DeleteFunc(list, func(v T) bool { return id(v) <= string(after) })
	}
	if limit := cmp.Or(size, 1000); len(list) > limit {
		list = list[:limit]
		next = base64.RawURLEncoding.EncodeToString([]byte(id(list[limit-1])))
	}
	return list, next, nil
}

func item(i Instance) instanceItem {
	o := i.metadata()
	it := instanceItem{
		InstanceID:       i.ID,
		ImageID:          i.image(),
		State:            stateOf(i.State),
		PrivateDNSName:   i.privateDNS(),
		AMILaunchIndex:   i.Index,
		InstanceType:     i.instanceType(),
		LaunchTime:       i.Launched.UTC().Format("2006-01-02T15:04:05.000Z"),
		Placement:        placement{AvailabilityZone: i.zone(), Tenancy: "default"},
		PrivateIPAddress: i.address(),
		Architecture:     "x86_64",
		RootDeviceType:   "ebs",
		ClientToken:      i.Token,
		Tags:             []tagItem{},
		Metadata:         metadataItem{"applied", o.HTTPTokens, o.HopLimit, o.HTTPEndpoint, o.Tags},
	}
	if i.Reason.Code != "" && i.State != Running {
		it.StateReason = &i.Reason
	}
	if i.Reason == userShutdown && i.State != Running && i.State != Pending {
		it.TransitionReason = "User initiated (" + i.Changed.UTC().Format("2006-01-02 15:04:05") + " GMT)"
	}
	if i.State != Terminated {
		it.SubnetID, it.VPCID = subnetID(i.Account, i.Region, i.zone()), vpcID(i.Account, i.Region)
		it.Groups = []groupItem{{groupID(i.Account, i.Region), "default"}}
	}
	if i.associationID() != "" {
		it.Profile = &profileItem{i.ProfileARN, i.ProfileID}
	}
	for _, k := range slices.Sorted(maps.Keys(i.Tags)) {
		it.Tags = append(it.Tags, tagItem{Key: k, Value: i.Tags[k]})
	}
	return it
}

// instanceFields gives the values of an instance that a filter is compared with.
var instanceFields = map[string]func(Instance) []string{
	"instance-id":                  func(i Instance) []string { return []string{i.ID} },
	"image-id":                     func(i Instance) []string { return []string{i.image()} },
	"instance-type":                func(i Instance) []string { return []string{i.instanceType()} },
	"instance-state-name":          func(i Instance) []string { return []string{i.State} },
	"instance-state-code":          func(i Instance) []string { return []string{strconv.Itoa(stateCodes[i.State])} },
	"private-ip-address":           func(i Instance) []string { return []string{i.address()} },
	"private-dns-name":             func(i Instance) []string { return []string{i.privateDNS()} },
	"availability-zone":            func(i Instance) []string { return []string{i.zone()} },
	"iam-instance-profile.arn":     func(i Instance) []string { return profileValue(i, i.ProfileARN) },
	"iam-instance-profile.id":      func(i Instance) []string { return profileValue(i, i.ProfileID) },
	"iam-instance-profile.name":    func(i Instance) []string { return profileValue(i, path.Base(i.ProfileARN)) },
	"owner-id":                     func(i Instance) []string { return []string{i.Account} },
	"tag-key":                      func(i Instance) []string { return slices.Collect(maps.Keys(i.Tags)) },
	"tag-value":                    func(i Instance) []string { return slices.Collect(maps.Values(i.Tags)) },
	"reservation-id":               func(i Instance) []string { return []string{i.reservation()} },
	"client-token":                 func(i Instance) []string { return []string{i.Token} },
	"architecture":                 func(Instance) []string { return []string{"x86_64"} },
	"root-device-type":             func(Instance) []string { return []string{"ebs"} },
	"tenancy":                      func(Instance) []string { return []string{"default"} },
	"subnet-id":                    func(i Instance) []string { return []string{subnetID(i.Account, i.Region, i.zone())} },
	"vpc-id":                       func(i Instance) []string { return []string{vpcID(i.Account, i.Region)} },
	"instance.group-id":            func(i Instance) []string { return []string{groupID(i.Account, i.Region)} },
	"instance.group-name":          func(Instance) []string { return []string{"default"} },
	"state-reason-code":            func(i Instance) []string { return []string{i.Reason.Code} },
	"launch-time":                  func(i Instance) []string { return []string{i.Launched.UTC().Format("2006-01-02T15:04:05.000Z")} },
	"metadata-options.http-tokens": func(i Instance) []string { return []string{i.metadata().HTTPTokens} },
}

func profileValue(i Instance, value string) []string {
	if i.associationID() == "" {
		return nil
	}
	return []string{value}
}

// compileFilters makes one predicate: several filters are ANDed, several values of one ORed. tag gives the field of a
// filter tag:KEY; nil when there are no such filters.
func compileFilters[T any](filters []filter, fields map[string]func(T) []string, tag func(key string) func(T) []string) (func(T) bool, error) {
	type test struct {
		field  func(T) []string
		values []string
	}
	tests := make([]test, 0, len(filters))
	for _, f := range filters {
		field, ok := fields[f.Name]
		if key, isTag := strings.CutPrefix(f.Name, "tag:"); isTag && tag != nil {
			field, ok = tag(key), true
		}
		if !ok {
			return nil, invalidValue("The filter '" + f.Name + "' is invalid")
		}
		if len(f.Value) == 0 {
			return nil, invalidValue("The filter '" + f.Name + "' must have at least one value")
		}
		tests = append(tests, test{field, f.Value})
	}
	return func(v T) bool {
		for _, t := range tests {
			if !anyMatch(t.field(v), t.values) {
				return false
			}
		}
		return true
	}, nil
}

func tagField(key string) func(Instance) []string {
	return func(i Instance) []string {
		if v, ok := i.Tags[key]; ok {
			return []string{v}
		}
		return nil
	}
}
