package ssm

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

type describeNodesInput struct {
	// InstanceInformationFilterList is the older form of Filters.
	InstanceInformationFilterList []struct {
		Key      string   `json:"key"`
		ValueSet []string `json:"valueSet"`
	}
	Filters    []keyValues
	MaxResults *int
	NextToken  string
}

type describeNodesOutput struct {
	InstanceInformationList []nodeOutput
	NextToken               string `json:",omitempty"`
}

// nodeOutput is an InstanceInformation on the wire.
type nodeOutput struct {
	InstanceId       string
	PingStatus       string
	LastPingDateTime time.Time
	AgentVersion     string
	IsLatestVersion  bool
	PlatformType     string
	PlatformName     string
	PlatformVersion  string
	ResourceType     string
	IPAddress        string
	ComputerName     string
	SourceId         string
	SourceType       string
	// The others are of hybrid nodes only.
	ActivationId     string    `json:",omitempty"`
	IamRole          string    `json:",omitempty"`
	Name             string    `json:",omitempty"`
	RegistrationDate time.Time `json:",omitzero"`
}

func describeNodesAccess(_ context.Context, _ *gateway.Call, in *describeNodesInput) ([]gateway.Access, error) {
	v := &validation{}
	v.between("maxResults", in.MaxResults, 5, 50)
	for i, f := range in.InstanceInformationFilterList {
		path := "instanceInformationFilterList." + strconv.Itoa(i+1) + ".member."
		v.required(path+"key", f.Key)
		v.oneOf(path+"key", f.Key, "InstanceIds", "AgentVersion", "PingStatus", "PlatformTypes", "ActivationIds",
			"IamRole", "ResourceType", "AssociationStatus")
		v.count(path+"valueSet", f.ValueSet, 1, 100)
	}
	for i, f := range in.Filters {
		path := "filters." + strconv.Itoa(i+1) + ".member."
		v.required(path+"key", f.Key)
		v.count(path+"values", f.Values, 1, 100)
	}
	if err := v.err(); err != nil {
		return nil, err
	}
	if len(in.Filters) > 0 && len(in.InstanceInformationFilterList) > 0 {
		return nil, invalid("Filters and InstanceInformationFilterList can't be used together.")
	}
	return []gateway.Access{{}}, nil
}

// describeInstanceInformation lists the managed nodes by id. A node that is stopped, or whose agent never reported, is
// not in the list: its absence is the signal.
func (s *Service) describeInstanceInformation(ctx context.Context, c *gateway.Call, in *describeNodesInput) (*describeNodesOutput, error) {
	after, err := pagePosition(in.NextToken)
	if err != nil {
		return nil, err
	}
	filters := in.Filters
	for _, f := range in.InstanceInformationFilterList {
		filters = append(filters, keyValues{f.Key, f.ValueSet})
	}
	match, err := s.nodeFilter(filters)
	if err != nil {
		return nil, err
	}
	nodes, err := s.managedNodes(ctx, c)
	if err != nil {
		return nil, err
	}
	out := &describeNodesOutput{InstanceInformationList: []nodeOutput{}}
	limit := limitOr(in.MaxResults, 10)
	for _, n := range nodes {
		if n.stopped || n.id <= after || !match(n) {
			continue
		}
		if len(out.InstanceInformationList) == limit {
			out.NextToken = pageToken(out.InstanceInformationList[limit-1].InstanceId)
			break
		}
		out.InstanceInformationList = append(out.InstanceInformationList, n.shape(s.now()))
	}
	return out, nil
}

func (n managedNode) shape(now time.Time) nodeOutput {
	out := nodeOutput{InstanceId: n.id, PingStatus: n.pingStatus(now), LastPingDateTime: n.pinged,
		AgentVersion: n.info.AgentVersion, PlatformType: n.platform, PlatformName: n.info.PlatformName,
		PlatformVersion: n.info.PlatformVersion, ResourceType: n.resourceType(), IPAddress: n.info.IPAddress,
		ComputerName: n.info.ComputerName, SourceId: n.id, SourceType: "AWS::EC2::Instance"}
	if isHybrid(n.id) {
		out.SourceType = "AWS::SSM::ManagedInstance"
		out.ActivationId, out.IamRole, out.Name = n.hybrid.Activation, n.hybrid.Role, n.hybrid.Name
		out.RegistrationDate = n.hybrid.Registered
	}
	return out
}

// nodeFilter makes one predicate of all filters: every one must match, of the values of one any may.
func (s *Service) nodeFilter(filters []keyValues) (func(managedNode) bool, error) {
	isTag := func(f keyValues) bool { return strings.HasPrefix(f.Key, "tag:") || f.Key == "tag-key" }
	if slices.ContainsFunc(filters, isTag) && slices.ContainsFunc(filters, func(f keyValues) bool { return !isTag(f) }) {
		return nil, invalid("Tag filters can't be combined with other filter types.")
	}
	now := s.now()
	fields := map[string]func(managedNode) string{
		"InstanceIds":   func(n managedNode) string { return n.id },
		"AgentVersion":  func(n managedNode) string { return n.info.AgentVersion },
		"PingStatus":    func(n managedNode) string { return n.pingStatus(now) },
		"PlatformTypes": func(n managedNode) string { return n.platform },
		"PlatformType":  func(n managedNode) string { return n.platform },
		"ResourceType":  managedNode.resourceType,
		"ActivationIds": func(n managedNode) string { return n.hybrid.Activation },
		"IamRole":       func(n managedNode) string { return n.hybrid.Role },
		// State Manager is not served: no node has an association.
		"AssociationStatus": func(managedNode) string { return "" },
	}
	for _, f := range filters {
		if _, ok := fields[f.Key]; !ok && !isTag(f) {
			return nil, fault("InvalidFilterKey", "The specified key isn't valid: %s", f.Key)
		}
		if f.Key == "InstanceIds" {
			for _, id := range f.Values {
				if !instanceID.re.MatchString(id) {
					return nil, fault("InvalidInstanceId", "%s is not a valid instance ID.", id)
				}
			}
		}
	}
	return func(n managedNode) bool {
		return !slices.ContainsFunc(filters, func(f keyValues) bool {
			if isTag(f) {
				return !n.targeted([]target{{f.Key, f.Values}})
			}
			return !slices.Contains(f.Values, fields[f.Key](n))
		})
	}, nil
}
