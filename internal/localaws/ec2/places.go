package ec2

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// regions are those of the partition aws that need no opt-in. The local AWS itself serves any region.
var regions = []string{"ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
	"ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2",
	"us-west-1", "us-west-2"}

type regionsInput struct {
	RegionName []string
	Filter     []filter
	AllRegions bool
	DryRun     bool
}

type regionsOutput struct {
	Regions []regionItem `xml:"regionInfo"`
}

type regionItem struct {
	Name     string `xml:"regionName"`
	Endpoint string `xml:"regionEndpoint"`
	OptIn    string `xml:"optInStatus"`
}

var regionFields = map[string]func(regionItem) []string{
	"region-name":   func(r regionItem) []string { return []string{r.Name} },
	"endpoint":      func(r regionItem) []string { return []string{r.Endpoint} },
	"opt-in-status": func(r regionItem) []string { return []string{r.OptIn} },
}

func describeRegions(_ context.Context, _ *gateway.Call, in *regionsInput) (*regionsOutput, error) {
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	match, err := compileFilters(in.Filter, regionFields, nil)
	if err != nil {
		return nil, err
	}
	for _, name := range in.RegionName {
		if !slices.Contains(regions, name) {
			return nil, invalidValue("Invalid region name: " + name)
		}
	}
	out := &regionsOutput{Regions: []regionItem{}}
	for _, name := range regions {
		r := regionItem{name, "ec2." + name + ".amazonaws.com", "opt-in-not-required"}
		if match(r) && (len(in.RegionName) == 0 || slices.Contains(in.RegionName, name)) {
			out.Regions = append(out.Regions, r)
		}
	}
	return out, nil
}

type zonesInput struct {
	ZoneName, ZoneId     []string
	Filter               []filter
	AllAvailabilityZones bool
	DryRun               bool
}

type zonesOutput struct {
	Zones []zoneItem `xml:"availabilityZoneInfo"`
}

type zoneItem struct {
	Name   string `xml:"zoneName"`
	ID     string `xml:"zoneId"`
	State  string `xml:"zoneState"`
	Region string `xml:"regionName"`
	Group  string `xml:"groupName"`
	Border string `xml:"networkBorderGroup"`
	OptIn  string `xml:"optInStatus"`
	Type   string `xml:"zoneType"`
}

var zoneFields = map[string]func(zoneItem) []string{
	"zone-name":     func(z zoneItem) []string { return []string{z.Name} },
	"zone-id":       func(z zoneItem) []string { return []string{z.ID} },
	"state":         func(z zoneItem) []string { return []string{z.State} },
	"region-name":   func(z zoneItem) []string { return []string{z.Region} },
	"group-name":    func(z zoneItem) []string { return []string{z.Group} },
	"opt-in-status": func(z zoneItem) []string { return []string{z.OptIn} },
	"zone-type":     func(z zoneItem) []string { return []string{z.Type} },
}

func zonesOf(region string) []string { return []string{region + "a", region + "b", region + "c"} }

func describeZones(_ context.Context, c *gateway.Call, in *zonesInput) (*zonesOutput, error) {
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	match, err := compileFilters(in.Filter, zoneFields, nil)
	if err != nil {
		return nil, err
	}
	out := &zonesOutput{Zones: []zoneItem{}}
	known := map[string]bool{}
	for n, name := range zonesOf(c.Region) {
		z := zoneItem{name, fmt.Sprintf("%s-az%d", shortRegion(c.Region), n+1), "available", c.Region, c.Region, c.Region, "opt-in-not-required", "availability-zone"}
		known[z.Name], known[z.ID] = true, true
		if match(z) && (len(in.ZoneName)+len(in.ZoneId) == 0 || slices.Contains(in.ZoneName, z.Name) || slices.Contains(in.ZoneId, z.ID)) {
			out.Zones = append(out.Zones, z)
		}
	}
	for _, name := range slices.Concat(in.ZoneName, in.ZoneId) {
		if !known[name] {
			return nil, invalidValue("Invalid availability zone: [" + name + "]")
		}
	}
	return out, nil
}

// shortRegion is how zone ids name a region: euw1 for eu-west-1, apse2 for ap-southeast-2.
func shortRegion(region string) string {
	parts := strings.Split(region, "-")
	for i, p := range parts[1:] {
		short := p[:min(1, len(p))]
		for _, second := range []string{"east", "west"} {
			if len(p) > len(second) && strings.HasSuffix(p, second) {
				short += second[:1]
			}
		}
		parts[i+1] = short
	}
	return strings.Join(parts, "")
}
