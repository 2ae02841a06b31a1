package ssm

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

type createDocumentInput struct {
	Name, Content, DocumentType, DocumentFormat, VersionName, DisplayName, TargetType string

	Tags        []tag
	Attachments []json.RawMessage
	Requires    []json.RawMessage
}

type documentOutput struct {
	DocumentDescription *documentDescription
}

// documentDescription is what CreateDocument, UpdateDocument and DescribeDocument answer.
type documentDescription struct {
	Name            string
	DisplayName     string `json:",omitempty"`
	VersionName     string `json:",omitempty"`
	Owner           string
	CreatedDate     time.Time
	Status          string
	Hash            string
	HashType        string
	DocumentVersion string
	LatestVersion   string
	DefaultVersion  string
	Description     string                 `json:",omitempty"`
	Parameters      []parameterDescription `json:",omitempty"`
	PlatformTypes   []string
	DocumentType    string
	DocumentFormat  string
	SchemaVersion   string
	TargetType      string `json:",omitempty"`
	Tags            []tag
}

type parameterDescription struct {
	Name         string
	Type         string
	Description  string `json:",omitempty"`
	DefaultValue string `json:",omitempty"`
}

// describe parses the stored text again: it is the only truth about a document.
func describe(d stored) (*documentDescription, error) {
	parsed, err := parseDocument(d.content, d.format)
	if err != nil {
		return nil, err
	}
	out := &documentDescription{
		Name: d.name, DisplayName: d.displayName, VersionName: d.versionName, Owner: d.owner,
		CreatedDate: d.created, Status: "Active", Hash: d.hash, HashType: "Sha256",
		DocumentVersion: strconv.Itoa(d.version), LatestVersion: strconv.Itoa(d.latestVersion),
		DefaultVersion: strconv.Itoa(d.defaultVersion), Description: parsed.description,
		PlatformTypes: parsed.platforms(), DocumentType: "Command", DocumentFormat: d.format,
		SchemaVersion: parsed.schema, TargetType: d.targetType, Tags: append([]tag{}, d.tags...),
	}
	for _, name := range slices.Sorted(maps.Keys(parsed.parameters)) {
		p := parsed.parameters[name]
		out.Parameters = append(out.Parameters, parameterDescription{
			Name: name, Type: p.kind, Description: p.description, DefaultValue: p.defaultShown})
	}
	return out, nil
}

var documentTypes = []string{"Command", "Policy", "Automation", "Session", "Package", "ApplicationConfiguration",
	"ApplicationConfigurationSchema", "DeploymentStrategy", "ChangeCalendar", "Automation.ChangeTemplate",
	"ProblemAnalysis", "ProblemAnalysisTemplate", "CloudFormation", "ConformancePackTemplate", "QuickSetup",
	"ManualApprovalPolicy", "AutoApprovalPolicy"}

var documentFormats = []string{"YAML", "JSON", "TEXT"}

// reservedPrefixes may not begin the name of a document; AWS compares without regard to case.
var reservedPrefixes = []string{"aws", "amazon", "amzn", "awsec2", "awsconfigremediation", "awssupport"}

func (in *createDocumentInput) validate() error {
	v := &validation{}
	v.required("name", in.Name)
	v.matches("name", in.Name, documentName)
	v.required("content", in.Content)
	v.oneOf("documentType", in.DocumentType, documentTypes...)
	v.oneOf("documentFormat", in.DocumentFormat, documentFormats...)
	v.matches("versionName", in.VersionName, versionName)
	v.matches("displayName", in.DisplayName, displayName)
	v.length("displayName", in.DisplayName, 0, 1024)
	v.matches("targetType", in.TargetType, targetType)
	v.length("targetType", in.TargetType, 0, 200)
	for i, t := range in.Tags {
		path := "tags." + strconv.Itoa(i+1) + ".member."
		v.required(path+"key", t.Key)
		v.length(path+"key", t.Key, 1, 128)
		v.matches(path+"key", t.Key, tagText)
		v.length(path+"value", t.Value, 0, 256)
		v.matches(path+"value", t.Value, tagText)
	}
	return v.err()
}

// createDocumentAccess: the document that is to be, with the tags it is to have. Tags need AddTagsToResource too.
func createDocumentAccess(_ context.Context, c *gateway.Call, in *createDocumentInput) ([]gateway.Access, error) {
	if err := in.validate(); err != nil {
		return nil, err
	}
	arn := documentARN(c.Caller.Account, c.Region, in.Name)
	keys := map[string][]string{"ssm:DocumentType": {cmp.Or(in.DocumentType, "Command")}}
	for _, t := range in.Tags {
		keys["aws:RequestTag/"+t.Key] = []string{t.Value}
		keys["aws:TagKeys"] = append(keys["aws:TagKeys"], t.Key)
	}
	need := []gateway.Access{{Resource: arn, Context: keys}}
	if len(in.Tags) > 0 {
		need = append(need, gateway.Access{Action: "ssm:AddTagsToResource", Resource: arn, Context: keys})
	}
	return need, nil
}

// maxDocuments is the quota of documents in an account and region.
const maxDocuments = 500

func (s *Service) createDocument(ctx context.Context, c *gateway.Call, in *createDocumentInput) (*documentOutput, error) {
	for _, p := range reservedPrefixes {
		if strings.HasPrefix(strings.ToLower(in.Name), p) {
			return nil, invalid("Document name " + in.Name + " begins with the reserved prefix " + p + ".")
		}
	}
	if t := cmp.Or(in.DocumentType, "Command"); t != "Command" {
		return nil, badDocument("the local AWS serves documents of type Command only, not %s", t)
	}
	if len(in.Attachments) > 0 || len(in.Requires) > 0 {
		return nil, badDocument("attachments and required documents are not served by the local AWS")
	}
	d := stored{name: in.Name, owner: c.Caller.Account, targetType: in.TargetType, tags: in.Tags,
		defaultVersion: 1, latestVersion: 1, version: 1, versionName: in.VersionName, displayName: in.DisplayName,
		format: cmp.Or(in.DocumentFormat, "JSON"), content: in.Content, hash: sha256Hex(in.Content)}
	if _, err := parseDocument(d.content, d.format); err != nil {
		return nil, err
	}
	err := s.update(ctx, func(w *work) error {
		d.created = w.now
		return w.insertDocument(ctx, c, d)
	})
	if err != nil {
		return nil, err
	}
	description, err := describe(d)
	return &documentOutput{description}, err
}

func (w *work) insertDocument(ctx context.Context, c *gateway.Call, d stored) error {
	exists, err := documentExists(ctx, w, c, d.name)
	if err != nil {
		return err
	}
	if exists {
		return fault("DocumentAlreadyExists", "Document with same name %s already exists", d.name)
	}
	var n int
	if err := w.QueryRowContext(ctx, `SELECT count(*) FROM ssm_document WHERE account = ? AND region = ?`,
		c.Caller.Account, c.Region).Scan(&n); err != nil {
		return err
	}
	if n >= maxDocuments {
		return fault("DocumentLimitExceeded", "You can have at most %d active SSM documents.", maxDocuments)
	}
	tags, err := json.Marshal(append([]tag{}, d.tags...))
	if err != nil {
		return err
	}
	if _, err := w.ExecContext(ctx, `INSERT INTO ssm_document
		(account, region, name, created, target_type, tags, default_version, latest_version) VALUES (?,?,?,?,?,?,1,1)`,
		c.Caller.Account, c.Region, d.name, nanos(d.created), d.targetType, string(tags)); err != nil {
		return err
	}
	return w.insertVersion(ctx, c, d)
}

type updateDocumentInput struct {
	Name, Content, DocumentVersion, DocumentFormat, VersionName, DisplayName, TargetType string

	Attachments []json.RawMessage
}

func (in *updateDocumentInput) validate() error {
	v := &validation{}
	v.required("name", in.Name)
	v.matches("name", in.Name, documentName)
	v.required("content", in.Content)
	v.matches("documentVersion", in.DocumentVersion, versionRef)
	v.oneOf("documentFormat", in.DocumentFormat, documentFormats...)
	v.matches("versionName", in.VersionName, versionName)
	v.matches("displayName", in.DisplayName, displayName)
	v.matches("targetType", in.TargetType, targetType)
	return v.err()
}

func updateDocumentAccess(_ context.Context, c *gateway.Call, in *updateDocumentInput) ([]gateway.Access, error) {
	return documentAccess(c, in.Name), in.validate()
}

// documentAccess is one document, of the only type there is.
func documentAccess(c *gateway.Call, ref string) []gateway.Access {
	return []gateway.Access{{Resource: refARN(c, ref), Context: map[string][]string{"ssm:DocumentType": {"Command"}}}}
}

// maxVersions is the quota of versions of a document.
const maxVersions = 1000

func (s *Service) updateDocument(ctx context.Context, c *gateway.Call, in *updateDocumentInput) (*documentOutput, error) {
	if len(in.Attachments) > 0 {
		return nil, badDocument("attachments are not served by the local AWS")
	}
	var d stored
	err := s.update(ctx, func(w *work) error {
		latest, err := find(ctx, w, c, in.Name, selector{version: "$LATEST"})
		if err != nil {
			return err
		}
		// The update is based on the version that the caller names, which must be the latest.
		base, err := find(ctx, w, c, in.Name, selector{version: in.DocumentVersion})
		if err != nil {
			return err
		}
		if base.version != latest.version {
			return fault("InvalidDocumentVersion", "The document version isn't the latest version; set it to $LATEST.")
		}
		d = latest
		d.version, d.latestVersion, d.created = latest.latestVersion+1, latest.latestVersion+1, w.now
		d.content, d.hash, d.format = in.Content, sha256Hex(in.Content), cmp.Or(in.DocumentFormat, "JSON")
		d.versionName, d.displayName = in.VersionName, cmp.Or(in.DisplayName, latest.displayName)
		d.targetType = cmp.Or(in.TargetType, latest.targetType)
		if _, err := parseDocument(d.content, d.format); err != nil {
			return err
		}
		return w.addVersion(ctx, c, d)
	})
	if err != nil {
		return nil, err
	}
	description, err := describe(d)
	return &documentOutput{description}, err
}

// addVersion refuses content and version names that another version has.
func (w *work) addVersion(ctx context.Context, c *gateway.Call, d stored) error {
	var same, named, versions int
	err := w.QueryRowContext(ctx, `SELECT coalesce(sum(hash = ?), 0), coalesce(sum(version_name = ?), 0), count(*)
		FROM ssm_document_version WHERE account = ? AND region = ? AND name = ?`,
		d.hash, d.versionName, c.Caller.Account, c.Region, d.name).Scan(&same, &named, &versions)
	switch {
	case err != nil:
		return err
	case same > 0:
		return fault("DuplicateDocumentContent",
			"The content of the association document matches another document. Change the content of the document and try again.")
	case d.versionName != "" && named > 0:
		return fault("DuplicateDocumentVersionName", "The version name %s has already been used in this document.", d.versionName)
	case versions >= maxVersions:
		return fault("DocumentVersionLimitExceeded", "The document has too many versions. Delete one or more document versions and try again.")
	}
	if _, err := w.ExecContext(ctx, `UPDATE ssm_document SET latest_version = ?, target_type = ?
		WHERE account = ? AND region = ? AND name = ?`,
		d.latestVersion, d.targetType, c.Caller.Account, c.Region, d.name); err != nil {
		return err
	}
	return w.insertVersion(ctx, c, d)
}
