package ssm

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// documentInput asks for one document.
type documentInput struct {
	Name, DocumentVersion, VersionName, DocumentFormat string
}

func (in *documentInput) validate() error {
	v := &validation{}
	v.required("name", in.Name)
	v.matches("name", in.Name, documentRef)
	v.matches("documentVersion", in.DocumentVersion, versionRef)
	v.matches("versionName", in.VersionName, versionName)
	v.oneOf("documentFormat", in.DocumentFormat, documentFormats...)
	return v.err()
}

type describeDocumentOutput struct{ Document *documentDescription }

func describeDocumentAccess(_ context.Context, c *gateway.Call, in *documentInput) ([]gateway.Access, error) {
	return documentAccess(c, in.Name), in.validate()
}

func (s *Service) describeDocument(ctx context.Context, c *gateway.Call, in *documentInput) (*describeDocumentOutput, error) {
	d, err := find(ctx, s.db, c, in.Name, selector{in.DocumentVersion, in.VersionName})
	if err != nil {
		return nil, err
	}
	description, err := describe(d)
	return &describeDocumentOutput{description}, err
}

type getDocumentOutput struct {
	Name            string
	DisplayName     string `json:",omitempty"`
	VersionName     string `json:",omitempty"`
	CreatedDate     time.Time
	DocumentVersion string
	Status          string
	Content         string
	DocumentType    string
	DocumentFormat  string
}

func getDocumentAccess(_ context.Context, c *gateway.Call, in *documentInput) ([]gateway.Access, error) {
	return documentAccess(c, in.Name), in.validate()
}

func (s *Service) getDocument(ctx context.Context, c *gateway.Call, in *documentInput) (*getDocumentOutput, error) {
	d, err := find(ctx, s.db, c, in.Name, selector{in.DocumentVersion, in.VersionName})
	if err != nil {
		return nil, err
	}
	out := &getDocumentOutput{Name: d.name, DisplayName: d.displayName, VersionName: d.versionName,
		CreatedDate: d.created, DocumentVersion: strconv.Itoa(d.version), Status: "Active",
		Content: d.content, DocumentType: "Command", DocumentFormat: d.format}
	if in.DocumentFormat == "" || in.DocumentFormat == d.format {
		return out, nil
	}
	// uncertain: AWS renders the other format in a way of its own. JSON is at least a subset of YAML.
	parsed, err := parseDocument(d.content, d.format)
	if err != nil {
		return nil, err
	}
	text, err := parsed.json()
	if err != nil {
		return nil, err
	}
	out.Content, out.DocumentFormat = string(text), in.DocumentFormat
	return out, nil
}

type listVersionsInput struct {
	Name       string
	MaxResults *int
	NextToken  string
}

type documentVersionInfo struct {
	Name             string
	DisplayName      string `json:",omitempty"`
	VersionName      string `json:",omitempty"`
	DocumentVersion  string
	CreatedDate      time.Time
	IsDefaultVersion bool
	DocumentFormat   string
	Status           string
}

type listVersionsOutput struct {
	DocumentVersions []documentVersionInfo
	NextToken        string `json:",omitempty"`
}

func listVersionsAccess(_ context.Context, c *gateway.Call, in *listVersionsInput) ([]gateway.Access, error) {
	v := &validation{}
	v.required("name", in.Name)
	v.matches("name", in.Name, documentRef)
	v.between("maxResults", in.MaxResults, 1, 50)
	return documentAccess(c, in.Name), v.err()
}

// listDocumentVersions lists the newest version first.
func (s *Service) listDocumentVersions(ctx context.Context, c *gateway.Call, in *listVersionsInput) (*listVersionsOutput, error) {
	before, err := pageNumber(in.NextToken, 1<<62)
	if err != nil {
		return nil, err
	}
	latest, err := find(ctx, s.db, c, in.Name, selector{version: "$LATEST"})
	if err != nil {
		return nil, err
	}
	versions := []stored{latest}
	limit := limitOr(in.MaxResults, 50)
	if !awsOwned(latest.name) {
		if versions, err = s.storedList(ctx, `WHERE d.account = ? AND d.region = ? AND d.name = ? AND v.version < ?
			ORDER BY v.version DESC LIMIT ?`, c.Caller.Account, c.Region, latest.name, before, limit+1); err != nil {
			return nil, err
		}
	}
	out := &listVersionsOutput{DocumentVersions: []documentVersionInfo{}}
	for i, d := range versions {
		if i == limit {
			out.NextToken = pageToken(strconv.Itoa(versions[i-1].version))
			break
		}
		out.DocumentVersions = append(out.DocumentVersions, documentVersionInfo{Name: d.name, DisplayName: d.displayName,
			VersionName: d.versionName, DocumentVersion: strconv.Itoa(d.version), CreatedDate: d.created,
			IsDefaultVersion: d.version == d.defaultVersion, DocumentFormat: d.format, Status: "Active"})
	}
	return out, nil
}

func (s *Service) storedList(ctx context.Context, where string, args ...any) ([]stored, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT `+storedColumns+storedJoin+where, args...)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(r *sql.Rows) (stored, error) { return scanStored(r) })
}

// collect reads all rows and closes them.
func collect[T any](rows *sql.Rows, scan func(*sql.Rows) (T, error)) ([]T, error) {
	defer func() { _ = rows.Close() }()
	var all []T
	for rows.Next() {
		x, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	return all, rows.Err()
}

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
	all, err := s.storedList(ctx, `WHERE d.account = ? AND d.region = ? AND v.version = d.default_version`,
		c.Caller.Account, c.Region)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(builtins)) {
		if d, ok := builtin(name); ok {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b stored) int { return strings.Compare(a.name, b.name) })
	out := &listDocumentsOutput{DocumentIdentifiers: []documentIdentifier{}}
	limit := limitOr(in.MaxResults, 50)
	for _, d := range all {
		if d.name <= after {
			continue
		}
		description, err := describe(d)
		if err != nil {
			return nil, err
		}
		ok, err := description.matches(filters, c.Caller.Account)
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

func (d *documentDescription) identifier() documentIdentifier {
	return documentIdentifier{Name: d.Name, DisplayName: d.DisplayName, Owner: d.Owner, VersionName: d.VersionName,
		CreatedDate: d.CreatedDate, PlatformTypes: d.PlatformTypes, DocumentVersion: d.DocumentVersion,
		DocumentType: d.DocumentType, SchemaVersion: d.SchemaVersion, DocumentFormat: d.DocumentFormat,
		TargetType: d.TargetType, Tags: d.Tags}
}

// matches applies the filters of ListDocuments. Names match by prefix.
func (d *documentDescription) matches(filters []keyValues, account string) (bool, error) {
	for _, f := range filters {
		var hit func(string) bool
		switch key, isTag := strings.CutPrefix(f.Key, "tag:"); {
		case isTag:
			hit = func(v string) bool { return slices.Contains(d.Tags, tag{key, v}) }
		case f.Key == "Name":
			hit = func(v string) bool { return strings.HasPrefix(d.Name, v) }
		case f.Key == "Owner":
			hit = func(v string) bool {
				return v == "All" || (v == "Self" && d.Owner == account) || (v == "Amazon" && d.Owner == v)
			}
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
