package ec2

import (
	"context"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// maxInstances bounds what one account runs in one region: all of it runs on this machine.
const maxInstances = 1000

// runInput is RunInstancesRequest, as far as it is served. The decoder refuses every other parameter.
type runInput struct {
	ImageId, InstanceType string
	MinCount, MaxCount    *int
	IamInstanceProfile    *profileInput
	TagSpecification      []tagSpecification
	ClientToken           string
	DryRun                bool
	MetadataOptions       *metadataInput
	UserData              string
	Placement             struct{ AvailabilityZone, Tenancy string }
	SubnetId              string
	SecurityGroupId       []string
	SecurityGroup         []string
	DisableApiTermination bool
}

type tagSpecification struct {
	ResourceType string
	Tag          []tagInput
}

type metadataInput struct {
	HttpTokens, HttpEndpoint, InstanceMetadataTags string
	HttpPutResponseHopLimit                        int
}

type runOutput struct {
	reservation
}

var (
	imagePattern = regexp.MustCompile(`^ami-([0-9a-f]{8}|[0-9a-f]{17})$`)
	typePattern  = regexp.MustCompile(`^[a-z][a-z0-9-]*\.[a-z0-9-]+$`)
)

// template is the instance that a request describes. Its errors are those of values that are wrong in themselves.
func (in *runInput) template(c *gateway.Call) (Instance, error) {
	i := Instance{Account: c.Caller.Account, Region: c.Region, ImageID: in.ImageId, Type: in.InstanceType, Zone: in.Placement.AvailabilityZone,
		Token: in.ClientToken, Protected: in.DisableApiTermination, UserData: in.UserData, State: Pending,
		Reason: Reason{"pending", "pending"}, Tags: map[string]string{}}
	for _, t := range in.tags() {
		i.Tags[t.Key] = t.value()
	}
	if o := in.MetadataOptions; o != nil {
		i.Metadata = MetadataOptions{o.HttpEndpoint, o.HttpTokens, o.HttpPutResponseHopLimit, o.InstanceMetadataTags}
	}
	for _, check := range []func(Instance) error{in.checkCounts, in.checkImage, in.checkTags, in.checkMetadata, in.checkNetwork} {
		if err := check(i); err != nil {
			return Instance{}, err
		}
	}
	return i, nil
}

func (in *runInput) tags() (tags []tagInput) {
	for _, spec := range in.TagSpecification {
		tags = append(tags, spec.Tag...)
	}
	return tags
}

func (in *runInput) checkCounts(Instance) error {
	switch {
	case in.MinCount == nil:
		return missing("MinCount")
	case in.MaxCount == nil:
		return missing("MaxCount")
	case *in.MinCount < 1:
		return invalidValue(fmt.Sprintf("Value (%d) for parameter minCount is invalid. Minimum value is 1.", *in.MinCount))
	case *in.MaxCount < *in.MinCount:
		return fault("InvalidParameterCombination", "The value for 'MaxCount' must be greater than or equal to the value for 'MinCount'")
	}
	return nil
}

func (in *runInput) checkImage(i Instance) error {
	if in.ImageId == "" {
		return missing("ImageId")
	}
	if !imagePattern.MatchString(in.ImageId) {
		return fault("InvalidAMIID.Malformed", fmt.Sprintf("Invalid id: %q", in.ImageId))
	}
	if !typePattern.MatchString(i.instanceType()) {
		return invalidValue("Invalid value '" + in.InstanceType + "' for InstanceType.")
	}
	if len(in.ClientToken) > 64 {
		return invalidValue("Value (" + in.ClientToken + ") for parameter clientToken is invalid. The token must be at most 64 characters.")
	}
	if _, err := base64.StdEncoding.DecodeString(in.UserData); err != nil {
		return invalidValue("Invalid BASE64 encoding of user data")
	}
	if len(in.UserData) > base64.StdEncoding.EncodedLen(16<<10) {
		return invalidValue("User data is limited to 16384 bytes")
	}
	return nil
}

func (in *runInput) checkTags(Instance) error {
	for _, spec := range in.TagSpecification {
		if spec.ResourceType != "instance" {
			return invalidValue("'" + spec.ResourceType + "' is not a valid taggable resource type for this operation.")
		}
	}
	if len(in.tags()) > maxTags {
		return fault("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
	}
	return checkTags(in.tags())
}

func (in *runInput) checkMetadata(i Instance) error {
	o := i.metadata()
	for _, v := range []struct {
		name, value string
		allowed     []string
	}{
		{"HttpTokens", o.HTTPTokens, []string{"optional", "required"}},
		{"HttpEndpoint", o.HTTPEndpoint, []string{"enabled", "disabled"}},
		{"InstanceMetadataTags", o.Tags, []string{"enabled", "disabled"}},
	} {
		if !slices.Contains(v.allowed, v.value) {
			return invalidValue("Value (" + v.value + ") for parameter " + v.name + " is invalid. Valid values: " + strings.Join(v.allowed, ", "))
		}
	}
	if o.HopLimit < 1 || o.HopLimit > 64 {
		return invalidValue(fmt.Sprintf("Value (%d) for parameter HttpPutResponseHopLimit is invalid. Valid values: 1 to 64", o.HopLimit))
	}
	return nil
}

// checkNetwork: there is the default VPC and nothing else.
func (in *runInput) checkNetwork(i Instance) error {
	if in.Placement.Tenancy != "" && in.Placement.Tenancy != "default" {
		return fault("Unsupported", "The tenancy '"+in.Placement.Tenancy+"' is not supported.")
	}
	if !slices.Contains(zonesOf(i.Region), i.zone()) {
		return invalidValue("Invalid availability zone: [" + i.zone() + "]")
	}
	if in.SubnetId != "" && in.subnet(i) == "" {
		return fault("InvalidSubnetID.NotFound", "The subnet ID '"+in.SubnetId+"' does not exist")
	}
	for _, id := range in.SecurityGroupId {
		if id != groupID(i.Account, i.Region) {
			return fault("InvalidGroup.NotFound", "The security group '"+id+"' does not exist")
		}
	}
	for _, name := range in.SecurityGroup {
		if name != "default" {
			return fault("InvalidGroup.NotFound", "The security group '"+name+"' does not exist in default VPC '"+vpcID(i.Account, i.Region)+"'")
		}
	}
	return nil
}

// subnet is the zone of the subnet that the request names, empty if that is no subnet of the default VPC.
func (in *runInput) subnet(i Instance) (zone string) {
	for _, zone := range zonesOf(i.Region) {
		if in.SubnetId == subnetID(i.Account, i.Region, zone) && (i.Zone == "" || i.Zone == zone) {
			return zone
		}
	}
	return ""
}

// runAccess: RunInstances is authorised on everything that it uses and makes: the image, the subnet, the security group
// that the request names or that EC2 takes by default, and the instance, the network interface and the root volume
// that come to be; on the role of the profile; and, with tags, on CreateTags for what is tagged. All must be allowed.
// The image's owner, visibility and tags are not known here, so that conditions on them do not hold.
func (s *Service) runAccess(ctx context.Context, c *gateway.Call, in *runInput) ([]gateway.Access, error) {
	i, err := in.template(c)
	if err != nil {
		return nil, err
	}
	if in.SubnetId != "" {
		i.Zone = in.subnet(i)
	}
	pass, profile, err := s.passRole(ctx, c, in.IamInstanceProfile)
	if err != nil {
		return nil, err
	}
	i.ProfileARN = profile
	plain := map[string][]string{"ec2:IsLaunchTemplateResource": {"false"}}
	zone := map[string][]string{"ec2:AvailabilityZone": {i.zone()}}
	vpc := map[string][]string{"ec2:Vpc": {arn(c, "vpc", vpcID(i.Account, i.Region))}}
	subnet := arn(c, "subnet", subnetID(i.Account, i.Region, i.zone()))
	needs := []gateway.Access{
		access(c, arn(c, "instance", "*"), plain, i.launchKeys(), requestTags(in.tags())),
		access(c, "arn:aws:ec2:"+c.Region+"::image/"+i.ImageID, plain, map[string][]string{
			"ec2:ImageID": {i.ImageID}, "ec2:ImageType": {"machine"}, "ec2:RootDeviceType": {"ebs"}}),
		access(c, subnet, plain, zone, vpc, map[string][]string{"ec2:SubnetID": {subnetID(i.Account, i.Region, i.zone())}}),
		access(c, arn(c, "network-interface", "*"), plain, zone, vpc, map[string][]string{"ec2:Subnet": {subnet}}),
		access(c, arn(c, "security-group", groupID(i.Account, i.Region)), plain, vpc, map[string][]string{
			"ec2:SecurityGroupID": {groupID(i.Account, i.Region)}}),
		access(c, arn(c, "volume", "*"), plain, zone),
	}
	if len(in.tags()) > 0 {
		create := access(c, arn(c, "instance", "*"), requestTags(in.tags()), i.launchKeys(),
			map[string][]string{"ec2:CreateAction": {"RunInstances"}})
		create.Action = "ec2:CreateTags"
		needs = append(needs, create)
	}
	return append(needs, pass...), nil
}

func (s *Service) runInstances(ctx context.Context, c *gateway.Call, in *runInput) (*runOutput, error) {
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	i, err := in.template(c)
	if err != nil {
		return nil, err
	}
	if in.SubnetId != "" {
		i.Zone = in.subnet(i)
	}
	if in.IamInstanceProfile != nil {
		p, err := s.mustFind(ctx, c, in.IamInstanceProfile)
		if err != nil {
			return nil, err
		}
		i.associate(p, "", s.now())
	}
	if i.Reservation, err = s.newID("r-"); err != nil {
		return nil, err
	}
	i.Launched, i.Changed = s.now(), s.now()
	made, fresh, err := s.make(ctx, in, i)
	if err != nil {
		return nil, err
	}
	out := &runOutput{reservations(made)[0]}
	if fresh {
		err = s.tell(ctx, made)
	}
	return out, err
}
