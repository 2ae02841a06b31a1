package ec2

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// access is one permission of a call, with the key that every EC2 action has.
func access(c *gateway.Call, resource string, keys ...map[string][]string) gateway.Access {
	all := map[string][]string{"ec2:Region": {c.Region}}
	for _, k := range keys {
		maps.Copy(all, k)
	}
	return gateway.Access{Resource: resource, Context: all}
}

// anything is the access check of an action without resource types.
func anything[In any](_ context.Context, c *gateway.Call, _ *In) ([]gateway.Access, error) {
	return []gateway.Access{access(c, "")}, nil
}

// arn is the ARN of a resource of this region and the caller's account.
func arn(c *gateway.Call, kind, id string) string {
	return "arn:aws:ec2:" + c.Region + ":" + c.Caller.Account + ":" + kind + "/" + id
}

// keys are the condition keys that describe an instance that is there ("Actions, resources, and condition keys for
// Amazon EC2", Service Authorization Reference). ec2:ProductCode, PlacementGroup and AvailabilityZoneId have no value here.
func (i Instance) keys() map[string][]string {
	m := i.launchKeys()
	m["ec2:InstanceID"] = []string{i.ID}
	for k, v := range i.Tags {
		m["aws:ResourceTag/"+k] = []string{v}
		m["ec2:ResourceTag/"+k] = []string{v}
	}
	return m
}

// launchKeys are those that are known before the instance is there.
func (i Instance) launchKeys() map[string][]string {
	m := map[string][]string{
		"ec2:InstanceType":     {i.instanceType()},
		"ec2:AvailabilityZone": {i.zone()},
		"ec2:Tenancy":          {"default"},
		"ec2:RootDeviceType":   {"ebs"},
		"ec2:EbsOptimized":     {"false"},
	}
	if i.ProfileARN != "" {
		m["ec2:InstanceProfile"] = []string{i.ProfileARN}
	}
	o := i.metadata()
	m["ec2:MetadataHttpEndpoint"] = []string{o.HTTPEndpoint}
	m["ec2:MetadataHttpTokens"] = []string{o.HTTPTokens}
	m["ec2:MetadataHttpPutResponseHopLimit"] = []string{strconv.Itoa(o.HopLimit)}
	return m
}

// onInstances is the access check of an action on instances by their ids. A missing instance is authorised like any
// other, without tags: whoever may not touch it does not learn that it is not there.
func (s *Service) onInstances(ctx context.Context, c *gateway.Call, ids []string, more map[string][]string) ([]gateway.Access, error) {
	if len(ids) == 0 {
		return nil, missing("instancesSet")
	}
	needs := make([]gateway.Access, 0, len(ids))
	for _, id := range ids {
		if err := wellFormed(id); err != nil {
			return nil, err
		}
		i, err := s.Instance(ctx, c.Caller.Account, c.Region, id)
		if errors.Is(err, ErrNotFound) {
			needs = append(needs, access(c, arn(c, "instance", id), more))
			continue
		}
		if err != nil {
			return nil, err
		}
		needs = append(needs, access(c, i.ARN(), i.keys(), more))
	}
	return needs, nil
}

func wellFormed(id string) error {
	if !idPattern.MatchString(id) {
		return fault("InvalidInstanceID.Malformed", "Invalid id: "+strconv.Quote(id))
	}
	return nil
}

func fault(code, message string) error { return &gateway.Error{Code: code, Message: message} }

func missing(parameter string) error {
	return fault("MissingParameter", "The request must contain the parameter "+parameter)
}

func invalidValue(message string) error { return fault("InvalidParameterValue", message) }

// dryRun is the answer to a permitted request that only asked for permission.
func dryRun(wanted bool) error {
	if !wanted {
		return nil
	}
	return &gateway.Error{Code: "DryRunOperation", Message: "Request would have succeeded, but DryRun flag is set.",
		Status: http.StatusPreconditionFailed}
}

// unique drops ids that are named twice.
func unique(ids []string) []string { return slices.Compact(slices.Sorted(slices.Values(ids))) }
