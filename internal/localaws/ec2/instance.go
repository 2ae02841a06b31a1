package ec2

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// Instance is one machine.
type Instance struct {
	ID      string            `json:"id"`
	Account string            `json:"account"`
	Region  string            `json:"region"`
	Tags    map[string]string `json:"tags"`
	// ProfileARN is the instance profile, arn:aws:iam::A:instance-profile/…; empty when there is none.
	ProfileARN string `json:"profile,omitempty"`
	PrivateIP  string `json:"ip,omitempty"`
	State      string `json:"state"` // Running when empty
	// ImageID and Type are shown by DescribeInstances; both have a default.
	ImageID string `json:"image,omitempty"`
	Type    string `json:"type,omitempty"`
	// Launched is set by Launch when zero.
	Launched time.Time `json:"launched"`
	// Boot counts the starts after the first one: a machine of an earlier boot is to be replaced.
	Boot int `json:"boot,omitempty"`
	// Changed is when the state last changed, and Reason why, for StateReason: Client.UserInitiatedShutdown.
	Changed time.Time `json:"changed,omitzero"`
	Reason  Reason    `json:"reason,omitzero"`
	// ProfileID, Association and ProfileSince are of the association with the instance profile.
	ProfileID    string    `json:"profileId,omitempty"`
	Association  string    `json:"association,omitempty"`
	ProfileSince time.Time `json:"profileSince,omitzero"`
	// Reservation, Index and Token are of the RunInstances that made the instance.
	Reservation string `json:"reservation,omitempty"`
	Index       int    `json:"index,omitempty"`
	Token       string `json:"token,omitempty"`
	Zone        string `json:"zone,omitempty"` // the region's first when empty
	// Protected instances cannot be terminated: DisableApiTermination.
	Protected bool `json:"protected,omitempty"`
	// Metadata are the instance metadata options; the zero value means those of EC2.
	Metadata MetadataOptions `json:"metadata,omitzero"`
	// UserData is what was handed over at the launch, in base64.
	UserData string `json:"userData,omitempty"`
}

// Reason is why an instance has the state that it has.
type Reason struct {
	Code    string `json:"code" xml:"code"`
	Message string `json:"message" xml:"message"`
}

// MetadataOptions say how the instance metadata service of an instance answers.
type MetadataOptions struct {
	HTTPEndpoint string `json:"endpoint,omitempty"` // enabled or disabled
	HTTPTokens   string `json:"tokens,omitempty"`   // optional or required
	HopLimit     int    `json:"hops,omitempty"`     // of the answer to PUT
	Tags         string `json:"tags,omitempty"`     // enabled or disabled: tags in the metadata
}

// ARN is the instance's ARN.
func (i Instance) ARN() string {
	return "arn:aws:ec2:" + i.Region + ":" + i.Account + ":instance/" + i.ID
}

const (
	defaultImage = "ami-0123456789abcdef0"
	defaultType  = "t3.micro"
)

func (i Instance) image() string        { return cmp.Or(i.ImageID, defaultImage) }
func (i Instance) instanceType() string { return cmp.Or(i.Type, defaultType) }
func (i Instance) zone() string         { return cmp.Or(i.Zone, i.Region+"a") }

// reservation is the reservation's id. An instance that Launch made was launched by a request of its own.
func (i Instance) reservation() string {
	return cmp.Or(i.Reservation, "r-"+strings.TrimPrefix(i.ID, "i-"))
}

// metadata are the metadata options with EC2's defaults for what was not said.
func (i Instance) metadata() MetadataOptions {
	o := i.Metadata
	return MetadataOptions{cmp.Or(o.HTTPEndpoint, "enabled"), cmp.Or(o.HTTPTokens, "required"), cmp.Or(o.HopLimit, 2), cmp.Or(o.Tags, "disabled")}
}

// address is the private address, which a terminated instance has lost.
func (i Instance) address() string {
	if i.State == Terminated {
		return ""
	}
	return i.PrivateIP
}

func (i Instance) privateDNS() string {
	if i.address() == "" {
		return ""
	}
	return "ip-" + strings.ReplaceAll(i.PrivateIP, ".", "-") + "." + i.Region + ".compute.internal"
}

// associate gives the instance another profile; an empty one takes it away.
func (i *Instance) associate(p Profile, association string, now time.Time) {
	i.ProfileARN, i.ProfileID, i.Association, i.ProfileSince = p.ARN, p.ID, association, now
}

// The default VPC of an account in a region. Nothing is kept of it: its ids follow from where it is.
func vpcID(account, region string) string          { return derived("vpc-", account, region) }
func subnetID(account, region, zone string) string { return derived("subnet-", account, region, zone) }
func groupID(account, region string) string        { return derived("sg-", account, region) }

func derived(prefix string, parts ...string) string {
	sum := sha256.Sum256([]byte(prefix + strings.Join(parts, "/")))
	return prefix + "0" + hex.EncodeToString(sum[:8])
}
