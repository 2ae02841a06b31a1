package imds

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Instance is what the metadata tell.
type Instance struct {
	ID, Account, Region, Zone string
	ImageID, Type             string
	Architecture              string // x86_64, arm64
	PrivateIP, HostName       string // ip-10-0-0-1.eu-west-1.compute.internal
	Index                     int    // in its reservation
	Launched                  time.Time
	UserData                  string
	// ProfileARN and ProfileID are of the instance profile, RoleName of its role; empty where there is none.
	ProfileARN, ProfileID, RoleName string
	// Tags are shown where the instance allows it; nil otherwise.
	Tags map[string]string
	// Disabled instances have no metadata; where tokens are optional, version 1 is served as well.
	Disabled, TokensOptional bool
}

// item is something that can be asked for. An empty value means that it is not there.
type item struct {
	kind  string
	value func(ctx context.Context, s Source, now time.Time) (string, error)
}

const (
	plain    = "text/plain"
	jsonKind = "application/json"
)

func text(s string) item {
	return item{plain, func(context.Context, Source, time.Time) (string, error) { return s, nil }}
}

func document(v any) item {
	return item{jsonKind, func(context.Context, Source, time.Time) (string, error) { return indent(v) }}
}

// indent writes JSON as the service does.
func indent(v any) (string, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	return string(b), err
}

// items are all that there is, by path below /latest/.
func (i Instance) items() map[string]item {
	mac := i.mac()
	all := map[string]item{
		"dynamic/instance-identity/document":                                     document(i.identity()),
		"meta-data/identity-credentials/ec2/info":                                document(info{"Success", "", i.Launched.UTC().Format(time.RFC3339), i.Account}),
		"meta-data/identity-credentials/ec2/security-credentials/" + ec2Instance: {jsonKind, identityCredentials},
	}
	for path, value := range map[string]string{
		"ami-id": i.ImageID, "ami-launch-index": strconv.Itoa(i.Index), "hostname": i.HostName, "instance-action": "none",
		"instance-id": i.ID, "instance-life-cycle": "on-demand", "instance-type": i.Type, "local-hostname": i.HostName,
		"local-ipv4": i.PrivateIP, "mac": mac, "placement/availability-zone": i.Zone, "placement/availability-zone-id": zoneID(i.Zone),
		"placement/region": i.Region, "services/domain": "amazonaws.com", "services/partition": "aws",
	} {
		all["meta-data/"+path] = text(value)
	}
	for path, value := range map[string]string{"device-number": "0", "local-hostname": i.HostName, "local-ipv4s": i.PrivateIP, "mac": mac, "owner-id": i.Account} {
		all["meta-data/network/interfaces/macs/"+mac+"/"+path] = text(value)
	}
	for key, value := range i.Tags {
		all["meta-data/tags/instance/"+key] = text(value)
	}
	if i.UserData != "" {
		all["user-data"] = item{"application/octet-stream", text(i.UserData).value}
	}
	if i.ProfileARN != "" {
		all["meta-data/iam/info"] = document(profile{"Success", i.Launched.UTC().Format(time.RFC3339), i.ProfileARN, i.ProfileID})
	}
	if i.RoleName != "" {
		all["meta-data/iam/security-credentials/"+i.RoleName] = item{jsonKind, i.roleCredentials}
	}
	return all
}

// list gives the entries of a directory, a line each; empty if there is none. A tag's key may hold a slash.
func list(all map[string]item, path string) string {
	dir := strings.TrimSuffix(path, "/")
	if dir != "" {
		dir += "/"
	}
	entries := map[string]bool{}
	for name := range all {
		rest, ok := strings.CutPrefix(name, dir)
		if !ok {
			continue
		}
		if first, _, more := strings.Cut(rest, "/"); more && dir != "meta-data/tags/instance/" {
			rest = first + "/"
		}
		entries[rest] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(entries)), "\n")
}

// ec2Instance is the name of the role that every instance's identity credentials have.
const ec2Instance = "ec2-instance"

type (
	info struct {
		Code, Message, LastUpdated string
		AccountId                  string
	}
	profile struct{ Code, LastUpdated, InstanceProfileArn, InstanceProfileId string }
	keys    struct {
		Code, LastUpdated string
		Type              string `json:",omitempty"`
		AccessKeyId       string `json:",omitempty"`
		SecretAccessKey   string `json:",omitempty"`
		Token             string `json:",omitempty"`
		Expiration        string `json:",omitempty"`
		Message           string `json:",omitempty"`
	}
)

func (c Credentials) document() (string, error) {
	k := keys{Code: "Success", LastUpdated: c.Issued.UTC().Format(time.RFC3339), Message: c.Denied}
	if c.Denied != "" {
		k.Code = "AssumeRoleUnauthorizedAccess"
		return indent(k)
	}
	k.Type, k.AccessKeyId, k.SecretAccessKey, k.Token = "AWS-HMAC", c.AccessKeyID, c.SecretAccessKey, c.Token
	k.Expiration = c.Expires.UTC().Format(time.RFC3339)
	return indent(k)
}

// roleCredentials answers with 200 and a Code also where the trust policy does not let EC2 assume the role; see
// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html.
func (i Instance) roleCredentials(ctx context.Context, s Source, _ time.Time) (string, error) {
	c, err := s.RoleCredentials(ctx)
	if err != nil {
		return "", err
	}
	return c.document()
}

func identityCredentials(ctx context.Context, s Source, _ time.Time) (string, error) {
	c, err := s.IdentityCredentials(ctx)
	if err != nil || c.AccessKeyID == "" {
		return "", err
	}
	return c.document()
}

// identity is the instance identity document. Its signatures, with AWS's keys, are not there.
func (i Instance) identity() any {
	return struct {
		AccountID               string    `json:"accountId"`
		Architecture            string    `json:"architecture"`
		AvailabilityZone        string    `json:"availabilityZone"`
		BillingProducts         []string  `json:"billingProducts"`
		DevpayProductCodes      []string  `json:"devpayProductCodes"`
		MarketplaceProductCodes []string  `json:"marketplaceProductCodes"`
		ImageID                 string    `json:"imageId"`
		InstanceID              string    `json:"instanceId"`
		InstanceType            string    `json:"instanceType"`
		KernelID                *string   `json:"kernelId"`
		PendingTime             time.Time `json:"pendingTime"`
		PrivateIP               string    `json:"privateIp"`
		RamdiskID               *string   `json:"ramdiskId"`
		Region                  string    `json:"region"`
		Version                 string    `json:"version"`
	}{AccountID: i.Account, Architecture: i.Architecture, AvailabilityZone: i.Zone, ImageID: i.ImageID, InstanceID: i.ID,
		InstanceType: i.Type, PendingTime: i.Launched.UTC().Truncate(time.Second), PrivateIP: i.PrivateIP, Region: i.Region, Version: "2017-09-30"}
}

// mac is made of the instance's id: an address that is administered locally.
func (i Instance) mac() string {
	digits := strings.TrimPrefix(i.ID, "i-")
	digits = (strings.Repeat("0", 10) + digits)[len(digits):]
	mac := "06"
	for at := 0; at < 10; at += 2 {
		mac += ":" + digits[at:at+2]
	}
	return mac
}

// directions are how zone ids abbreviate regions; the longer names come first.
var directions = []struct{ name, short string }{
	{"northeast", "ne"}, {"northwest", "nw"}, {"southeast", "se"}, {"southwest", "sw"}, {"north", "n"}, {"south", "s"},
	{"east", "e"}, {"west", "w"}, {"central", "c"},
}

// zoneID is the id of a zone, euw1-az1 of eu-west-1a. Which letter has which id differs between accounts; here they are
// in order.
func zoneID(zone string) string {
	if zone == "" {
		return ""
	}
	region, letter := zone[:len(zone)-1], zone[len(zone)-1]
	short := strings.ReplaceAll(region, "-", "")
	for _, d := range directions {
		if strings.Contains(short, d.name) {
			short = strings.Replace(short, d.name, d.short, 1)
			break
		}
	}
	return short + "-az" + strconv.Itoa(int(letter-'a')+1)
}
