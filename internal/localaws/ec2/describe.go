package ec2

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"maps"
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
	InstanceType     string       `xml:"instanceType"`
	LaunchTime       string       `xml:"launchTime"`
	Placement        placement    `xml:"placement"`
	PrivateIPAddress string       `xml:"privateIpAddress,omitempty"`
	Architecture     string       `xml:"architecture"`
	Profile          *profileItem `xml:"iamInstanceProfile,omitempty"`
	Tags             []tagItem    `xml:"tagSet"`
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
}

type tagItem struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

const (
	defaultImage = "ami-0123456789abcdef0"
	defaultType  = "t3.micro"
)

// describeAccess: DescribeInstances has no resource types.
func describeAccess(context.Context, *gateway.Call, *describeInput) ([]gateway.Access, error) {
	return []gateway.Access{{}}, nil
}

func (s *Service) describeInstances(ctx context.Context, c *gateway.Call, in *describeInput) (*describeOutput, error) {
	if in.DryRun {
		return nil, &gateway.Error{Code: "DryRunOperation",
			Message: "Request would have succeeded, but DryRun flag is set.", Status: 412}
	}
	match, err := compileFilters(in.Filter)
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
	return page(chosen, in)
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
	var missing []string
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		if !idPattern.MatchString(id) {
			return nil, &gateway.Error{Code: "InvalidInstanceID.Malformed", Message: fmt.Sprintf("Invalid id: %q", id)}
		}
		i, ok := byID[id]
		if !ok {
			missing = append(missing, id)
			continue
		}
		chosen = append(chosen, i)
	}
	switch len(missing) {
	case 0:
		return chosen, nil
	case 1:
		return nil, notFound("The instance ID '" + missing[0] + "' does not exist")
	default:
		return nil, notFound("The instance IDs '" + strings.Join(missing, ", ") + "' do not exist")
	}
}

func notFound(message string) error {
	return &gateway.Error{Code: "InvalidInstanceID.NotFound", Message: message}
}

// page cuts the instances to one page: a token is the id after which the next page begins.
func page(chosen []Instance, in *describeInput) (*describeOutput, error) {
	if in.MaxResults != 0 {
		if len(in.InstanceId) > 0 {
			return nil, &gateway.Error{Code: "InvalidParameterCombination",
				Message: "The parameter instancesSet cannot be used with the parameter maxResults"}
		}
		if in.MaxResults < 5 || in.MaxResults > 1000 {
			return nil, &gateway.Error{Code: "InvalidParameterValue", Message: fmt.Sprintf(
				"Value ( %d ) for parameter maxResults is invalid. Expecting a value between 5 and 1000.", in.MaxResults)}
		}
	}
	if in.NextToken != "" {
		after, err := base64.RawURLEncoding.DecodeString(in.NextToken)
		if err != nil || !idPattern.Match(after) {
			return nil, &gateway.Error{Code: "InvalidParameterValue", Message: "The token '" + in.NextToken + "' is invalid"}
		}
		chosen = slices.DeleteFunc(chosen, func(i Instance) bool { return i.ID <= string(after) })
	}
	out := &describeOutput{Reservations: []reservation{}}
	limit := cmp.Or(in.MaxResults, 1000)
	if len(chosen) > limit {
		chosen = chosen[:limit]
		out.NextToken = base64.RawURLEncoding.EncodeToString([]byte(chosen[limit-1].ID))
	}
	for _, i := range chosen {
		out.Reservations = append(out.Reservations, reservation{
			// Each instance was launched by a request of its own.
			ReservationID: "r-" + strings.TrimPrefix(i.ID, "i-"),
			OwnerID:       i.Account,
			Instances:     []instanceItem{item(i)},
		})
	}
	return out, nil
}

func item(i Instance) instanceItem {
	it := instanceItem{
		InstanceID:       i.ID,
		ImageID:          cmp.Or(i.ImageID, defaultImage),
		State:            stateItem{Code: stateCodes[i.State], Name: i.State},
		PrivateDNSName:   privateDNS(i),
		InstanceType:     cmp.Or(i.Type, defaultType),
		LaunchTime:       i.Launched.UTC().Format("2006-01-02T15:04:05.000Z"),
		Placement:        placement{AvailabilityZone: i.Region + "a", Tenancy: "default"},
		PrivateIPAddress: i.PrivateIP,
		Architecture:     "x86_64",
		Tags:             []tagItem{},
	}
	if i.ProfileARN != "" {
		it.Profile = &profileItem{ARN: i.ProfileARN}
	}
	for _, k := range slices.Sorted(maps.Keys(i.Tags)) {
		it.Tags = append(it.Tags, tagItem{Key: k, Value: i.Tags[k]})
	}
	return it
}

func privateDNS(i Instance) string {
	if i.PrivateIP == "" {
		return ""
	}
	return "ip-" + strings.ReplaceAll(i.PrivateIP, ".", "-") + "." + i.Region + ".compute.internal"
}

// filterFields gives the values of an instance that a filter is compared with.
var filterFields = map[string]func(Instance) []string{
	"instance-id":              func(i Instance) []string { return []string{i.ID} },
	"image-id":                 func(i Instance) []string { return []string{cmp.Or(i.ImageID, defaultImage)} },
	"instance-type":            func(i Instance) []string { return []string{cmp.Or(i.Type, defaultType)} },
	"instance-state-name":      func(i Instance) []string { return []string{i.State} },
	"instance-state-code":      func(i Instance) []string { return []string{strconv.Itoa(stateCodes[i.State])} },
	"private-ip-address":       func(i Instance) []string { return []string{i.PrivateIP} },
	"private-dns-name":         func(i Instance) []string { return []string{privateDNS(i)} },
	"availability-zone":        func(i Instance) []string { return []string{i.Region + "a"} },
	"iam-instance-profile.arn": func(i Instance) []string { return []string{i.ProfileARN} },
	"owner-id":                 func(i Instance) []string { return []string{i.Account} },
	"tag-key":                  func(i Instance) []string { return slices.Collect(maps.Keys(i.Tags)) },
	"tag-value":                func(i Instance) []string { return slices.Collect(maps.Values(i.Tags)) },
}

// compileFilters makes one predicate: several filters are ANDed, several values of one ORed.
func compileFilters(filters []filter) (func(Instance) bool, error) {
	type test struct {
		field  func(Instance) []string
		values []string
	}
	tests := make([]test, 0, len(filters))
	for _, f := range filters {
		field, ok := filterFields[f.Name]
		if key, isTag := strings.CutPrefix(f.Name, "tag:"); isTag {
			field, ok = tagField(key), true
		}
		if !ok {
			return nil, &gateway.Error{Code: "InvalidParameterValue", Message: "The filter '" + f.Name + "' is invalid"}
		}
		if len(f.Value) == 0 {
			return nil, &gateway.Error{Code: "InvalidParameterValue",
				Message: "The filter '" + f.Name + "' must have at least one value"}
		}
		tests = append(tests, test{field, f.Value})
	}
	return func(i Instance) bool {
		for _, t := range tests {
			if !anyMatch(t.field(i), t.values) {
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

func anyMatch(have, patterns []string) bool {
	return slices.ContainsFunc(have, func(v string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return wildcard(p, v) })
	})
}

// wildcard matches EC2's filter values: * is any run of characters, ? is one, \ makes the next one literal.
// It is linear in practice and never exponential: only the last star is ever revisited.
func wildcard(pattern, value string) bool {
	p, v, star, mark := 0, 0, -1, 0
	for v < len(value) {
		literal, width := false, 1
		if p+1 < len(pattern) && pattern[p] == '\\' {
			literal, width = true, 2
		}
		switch {
		case p < len(pattern) && !literal && pattern[p] == '*':
			star, mark = p, v
			p++
		case p < len(pattern) && ((!literal && pattern[p] == '?') || pattern[p+width-1] == value[v]):
			p += width
			v++
		case star >= 0:
			mark++
			p, v = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
