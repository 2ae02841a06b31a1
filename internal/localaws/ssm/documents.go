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
func (s *Service) describe(d stored) (*documentDescription, error) {
	parsed, err := d.parse()
	if err != nil {
		return nil, err
	}
	out := &documentDescription{
		Name: d.ref, DisplayName: d.displayName, VersionName: d.versionName, Owner: d.owner,
		CreatedDate: d.created, Status: s.documentStatus(d), Hash: d.hash, HashType: "Sha256",
		DocumentVersion: strconv.Itoa(d.version), LatestVersion: strconv.Itoa(d.latestVersion),
		DefaultVersion: strconv.Itoa(d.defaultVersion), Description: parsed.description,
		PlatformTypes: parsed.platforms(), DocumentType: d.kind, DocumentFormat: d.format,
		SchemaVersion: parsed.schema, TargetType: d.targetType, Tags: append([]tag{}, d.tags...),
	}
	for _, name := range slices.Sorted(maps.Keys(parsed.parameters)) {
		p := parsed.parameters[name]
		out.Parameters = append(out.Parameters, parameterDescription{
			Name: name, Type: p.kind, Description: p.description, DefaultValue: p.defaultShown})
	}
	return out, nil
}

// documentStatus is Active, but for a while after a write when the service is set to be slow.
func (s *Service) documentStatus(d stored) string {
	switch {
	case d.owner == awsOwner || s.now().Sub(d.created) >= s.delay:
		return "Active"
	case d.version == 1:
		return "Creating"
	default:
		return "Updating"
	}
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
	v.tags("tags", in.Tags)
	return v.err()
}

// createDocumentAccess: the document that is to be, with the tags it is to have. Tags need AddTagsToResource too.
func createDocumentAccess(_ context.Context, c *gateway.Call, in *createDocumentInput) ([]gateway.Access, error) {
	if err := in.validate(); err != nil {
		return nil, err
	}
	arn := documentARN(c.Caller.Account, c.Region, in.Name)
	keys := requestTagKeys(in.Tags)
	keys["ssm:DocumentType"] = []string{cmp.Or(in.DocumentType, typeCommand)}
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
	kind := cmp.Or(in.DocumentType, typeCommand)
	if _, served := schemas[kind]; !served {
		return nil, badDocument("the local AWS serves documents of type Command and Automation, not %s", kind)
	}
	if len(in.Attachments) > 0 || len(in.Requires) > 0 {
		return nil, badDocument("attachments and required documents are not served by the local AWS")
	}
	d := stored{name: in.Name, ref: in.Name, owner: c.Caller.Account, kind: kind, targetType: in.TargetType, tags: in.Tags,
		defaultVersion: 1, latestVersion: 1, version: 1, versionName: in.VersionName, displayName: in.DisplayName,
		format: cmp.Or(in.DocumentFormat, "JSON"), content: in.Content, hash: sha256Hex(in.Content)}
	if _, err := d.parse(); err != nil {
		return nil, err
	}
	err := s.update(ctx, func(w *work) error {
		d.created = w.now
		return w.insertDocument(ctx, c, d)
	})
	if err != nil {
		return nil, err
	}
	description, err := s.describe(d)
	return &documentOutput{description}, err
}

func (w *work) insertDocument(ctx context.Context, c *gateway.Call, d stored) error {
	exists, err := documentExists(ctx, w, c.Caller.Account, c.Region, d.name)
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
		(account, region, name, created, type, target_type, tags, default_version, latest_version) VALUES (?,?,?,?,?,?,?,1,1)`,
		c.Caller.Account, c.Region, d.name, nanos(d.created), d.kind, d.targetType, string(tags)); err != nil {
		return err
	}
	return w.insertVersion(ctx, c, d)
}
