package ssm

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
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

func (s *Service) describeDocumentAccess(ctx context.Context, c *gateway.Call, in *documentInput) ([]gateway.Access, error) {
	if err := in.validate(); err != nil {
		return nil, err
	}
	return s.documentAccess(ctx, c, in.Name)
}

func (s *Service) describeDocument(ctx context.Context, c *gateway.Call, in *documentInput) (*describeDocumentOutput, error) {
	d, err := find(ctx, s.db, c, in.Name, selector{in.DocumentVersion, in.VersionName})
	if err != nil {
		return nil, err
	}
	description, err := s.describe(d)
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

func (s *Service) getDocumentAccess(ctx context.Context, c *gateway.Call, in *documentInput) ([]gateway.Access, error) {
	if err := in.validate(); err != nil {
		return nil, err
	}
	return s.documentAccess(ctx, c, in.Name)
}

func (s *Service) getDocument(ctx context.Context, c *gateway.Call, in *documentInput) (*getDocumentOutput, error) {
	d, err := find(ctx, s.db, c, in.Name, selector{in.DocumentVersion, in.VersionName})
	if err != nil {
		return nil, err
	}
	out := &getDocumentOutput{Name: d.ref, DisplayName: d.displayName, VersionName: d.versionName,
		CreatedDate: d.created, DocumentVersion: strconv.Itoa(d.version), Status: s.documentStatus(d),
		Content: d.content, DocumentType: d.kind, DocumentFormat: d.format}
	if in.DocumentFormat == "" || in.DocumentFormat == d.format {
		return out, nil
	}
	out.DocumentFormat = in.DocumentFormat
	out.Content, err = d.written(in.DocumentFormat)
	return out, err
}

// written is the document in another format than the one it was given in. What is equal in both is kept, the order of
// the keys is not: uncertain: how AWS orders them.
func (d *stored) written(format string) (string, error) {
	parsed, err := d.parse()
	if err != nil {
		return "", err
	}
	switch format {
	case "JSON":
		return string(parsed.text), nil
	case "YAML":
		return yamlText(parsed.tree)
	default: // uncertain: whether AWS gives the text of a document of another format as TEXT
		return "", invalid("A document of type " + d.kind + " can be had as JSON or YAML, not as " + format + ".")
	}
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

func (s *Service) listVersionsAccess(ctx context.Context, c *gateway.Call, in *listVersionsInput) ([]gateway.Access, error) {
	v := &validation{}
	v.required("name", in.Name)
	v.matches("name", in.Name, documentRef)
	v.between("maxResults", in.MaxResults, 1, 50)
	if err := v.err(); err != nil {
		return nil, err
	}
	return s.documentAccess(ctx, c, in.Name)
}

// listDocumentVersions lists the newest version first.
func (s *Service) listDocumentVersions(ctx context.Context, c *gateway.Call, in *listVersionsInput) (*listVersionsOutput, error) {
	before, err := pageNumber(in.NextToken, 1<<62)
	if err != nil {
		return nil, err
	}
	limit := limitOr(in.MaxResults, 50)
	versions, err := s.visibleVersions(ctx, c, in.Name, before, limit+1)
	if err != nil {
		return nil, err
	}
	out := &listVersionsOutput{DocumentVersions: []documentVersionInfo{}}
	for i, d := range versions {
		if i == limit {
			out.NextToken = pageToken(strconv.Itoa(versions[i-1].version))
			break
		}
		out.DocumentVersions = append(out.DocumentVersions, documentVersionInfo{Name: d.ref, DisplayName: d.displayName,
			VersionName: d.versionName, DocumentVersion: strconv.Itoa(d.version), CreatedDate: d.created,
			IsDefaultVersion: d.version == d.defaultVersion, DocumentFormat: d.format, Status: s.documentStatus(d)})
	}
	return out, nil
}

// visibleVersions are the versions below a number, newest first, that the caller may use: of another account's document
// those that it shares.
func (s *Service) visibleVersions(ctx context.Context, c *gateway.Call, ref string, before int64, most int) ([]stored, error) {
	one, err := find(ctx, s.db, c, ref, selector{})
	if err != nil {
		return nil, err
	}
	if awsOwned(one.name) {
		return []stored{one}, nil
	}
	const page = `WHERE d.account = ? AND d.region = ? AND d.name = ? AND v.version < ? ORDER BY v.version DESC LIMIT ?`
	if one.owner == c.Caller.Account {
		return s.storedList(ctx, page, one.owner, c.Region, one.name, before, most)
	}
	shares, err := sharesWith(ctx, s.db, one.owner, c.Region, one.name, c.Caller.Account)
	if err != nil {
		return nil, err
	}
	all, err := s.storedList(ctx, page, one.owner, c.Region, one.name, before, maxVersions)
	if err != nil {
		return nil, err
	}
	seen := all[:0]
	for _, d := range all {
		if slices.ContainsFunc(shares, func(one sharing) bool { return one.covers(d) }) && len(seen) < most {
			seen = append(seen, d.seenFromOutside(c.Region))
		}
	}
	return seen, nil
}

func (s *Service) storedList(ctx context.Context, where string, args ...any) ([]stored, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT `+storedColumns+storedJoin+where, args...)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(r *sql.Rows) (stored, error) { return scanStored(r) })
}
