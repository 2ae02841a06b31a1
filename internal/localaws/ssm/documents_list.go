package ssm

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

type listDocumentsInput struct {
	DocumentFilterList []keyValue
	Filters            []keyValues
	MaxResults         *int
	NextToken          string
}

// keyValue and keyValues are the two forms of filter that SSM has; field names are matched without regard to case.
// keyValue is an older form of filter; its members are small in the service model.
type keyValue struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type keyValues struct {
	Key    string
	Values []string
}

type documentIdentifier struct {
	Name            string
	DisplayName     string `json:",omitempty"`
	Owner           string
	VersionName     string `json:",omitempty"`
	CreatedDate     time.Time
	PlatformTypes   []string
	DocumentVersion string
	DocumentType    string
	SchemaVersion   string
	DocumentFormat  string
	TargetType      string `json:",omitempty"`
	Tags            []tag
}

type listDocumentsOutput struct {
	DocumentIdentifiers []documentIdentifier
	NextToken           string `json:",omitempty"`
}

func listDocumentsAccess(_ context.Context, _ *gateway.Call, in *listDocumentsInput) ([]gateway.Access, error) {
	v := &validation{}
	v.between("maxResults", in.MaxResults, 1, 50)
	if len(in.DocumentFilterList) > 0 && len(in.Filters) > 0 {
		return nil, invalid("DocumentFilterList and Filters can't be used together.")
	}
	for i, f := range in.DocumentFilterList {
		v.oneOf("documentFilterList."+strconv.Itoa(i+1)+".member.key", f.Key, "Name", "Owner", "PlatformTypes", "DocumentType")
	}
	for i, f := range in.Filters {
		path := "filters." + strconv.Itoa(i+1) + ".member."
		v.length(path+"key", f.Key, 1, 128)
		for j, value := range f.Values {
			v.length(path+"values."+strconv.Itoa(j+1)+".member", value, 1, 256)
		}
	}
	if len(in.Filters) > 6 {
		v.add(strconv.Itoa(len(in.Filters))+" filters", "filters", "Member must have length less than or equal to 6")
	}
	return []gateway.Access{{}}, v.err()
}

func (s *Service) listDocuments(ctx context.Context, c *gateway.Call, in *listDocumentsInput) (*listDocumentsOutput, error) {
	after, err := pagePosition(in.NextToken)
	if err != nil {
		return nil, err
	}
	filters := in.Filters
	for _, f := range in.DocumentFilterList {
		filters = append(filters, keyValues{f.Key, []string{f.Value}})
	}
	owner, err := ownerFilter(filters)
	if err != nil {
		return nil, err
	}
	all, err := s.documentsOf(ctx, c, owner)
	if err != nil {
		return nil, err
	}
	out := &listDocumentsOutput{DocumentIdentifiers: []documentIdentifier{}}
	limit := limitOr(in.MaxResults, 50)
	for _, d := range all {
		if d.ref <= after {
			continue
		}
		description, err := s.describe(d)
		if err != nil {
			return nil, err
		}
		ok, err := description.matches(filters)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if len(out.DocumentIdentifiers) == limit {
			out.NextToken = pageToken(out.DocumentIdentifiers[limit-1].Name)
			break
		}
		out.DocumentIdentifiers = append(out.DocumentIdentifiers, description.identifier())
	}
	return out, nil
}

// ownerFilter is the one value of the Owner filter; without one documents of all owners are listed.
func ownerFilter(filters []keyValues) (string, error) {
	owner := ""
	for _, f := range filters {
		if f.Key != "Owner" {
			continue
		}
		if owner != "" || len(f.Values) != 1 {
			return "", invalid("Only one Owner can be specified in a request.")
		}
		owner = f.Values[0]
	}
	return owner, nil
}

// documentsOf lists the documents of an owner that the caller may use, by name.
func (s *Service) documentsOf(ctx context.Context, c *gateway.Call, owner string) ([]stored, error) {
	wanted := func(one string) bool { return owner == "" || owner == "All" || owner == one }
	var all []stored
	add := func(more []stored, err error) error {
		all = append(all, more...)
		return err
	}
	var err error
	if wanted("Self") {
		err = add(s.storedList(ctx, `WHERE d.account = ? AND d.region = ? AND v.version = d.default_version`, c.Caller.Account, c.Region))
	}
	if err == nil && wanted("Private") {
		err = add(s.sharedDocuments(ctx, c, false))
	}
	if err == nil && wanted("Public") {
		err = add(s.sharedDocuments(ctx, c, true))
	}
	if wanted(awsOwner) || owner == "Public" {
		for name := range builtins {
			if d, ok := builtin(name); ok {
				all = append(all, d)
			}
		}
	}
	slices.SortFunc(all, func(a, b stored) int { return strings.Compare(a.ref, b.ref) })
	// What is shared with the caller and with everybody is one document.
	return slices.CompactFunc(all, func(a, b stored) bool { return a.ref == b.ref }), err
}

func (d *documentDescription) identifier() documentIdentifier {
	return documentIdentifier{Name: d.Name, DisplayName: d.DisplayName, Owner: d.Owner, VersionName: d.VersionName,
		CreatedDate: d.CreatedDate, PlatformTypes: d.PlatformTypes, DocumentVersion: d.DocumentVersion,
		DocumentType: d.DocumentType, SchemaVersion: d.SchemaVersion, DocumentFormat: d.DocumentFormat,
		TargetType: d.TargetType, Tags: d.Tags}
}

// matches applies the filters of ListDocuments but that of the owner. Names match by prefix.
func (d *documentDescription) matches(filters []keyValues) (bool, error) {
	for _, f := range filters {
		var hit func(string) bool
		switch key, isTag := strings.CutPrefix(f.Key, "tag:"); {
		case isTag:
			hit = func(v string) bool { return slices.Contains(d.Tags, tag{key, v}) }
		case f.Key == "Name":
			hit = func(v string) bool { return strings.HasPrefix(d.Name, v) }
		case f.Key == "Owner":
			continue // see ownerFilter
		case f.Key == "TargetType":
			hit = func(v string) bool { return d.TargetType == v }
		case f.Key == "PlatformTypes":
			hit = func(v string) bool { return slices.Contains(d.PlatformTypes, v) }
		case f.Key == "DocumentType":
			hit = func(v string) bool { return d.DocumentType == v }
		default:
			return false, fault("InvalidFilterKey", "The specified key isn't valid: %s", f.Key)
		}
		if !slices.ContainsFunc(f.Values, hit) {
			return false, nil
		}
	}
	return true, nil
}
