package ssm

import (
	"cmp"
	"context"
	"encoding/json"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

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

func (s *Service) updateDocumentAccess(ctx context.Context, c *gateway.Call, in *updateDocumentInput) ([]gateway.Access, error) {
	if err := in.validate(); err != nil {
		return nil, err
	}
	return s.documentAccess(ctx, c, in.Name)
}

// maxVersions is the quota of versions of a document.
const maxVersions = 1000

func (s *Service) updateDocument(ctx context.Context, c *gateway.Call, in *updateDocumentInput) (*documentOutput, error) {
	if len(in.Attachments) > 0 {
		return nil, badDocument("attachments are not served by the local AWS")
	}
	var d stored
	err := s.update(ctx, func(w *work) error {
		latest, err := w.updatable(ctx, c, in)
		if err != nil {
			return err
		}
		d = latest
		d.version, d.latestVersion, d.created = latest.latestVersion+1, latest.latestVersion+1, w.now
		d.content, d.hash, d.format = in.Content, sha256Hex(in.Content), cmp.Or(in.DocumentFormat, "JSON")
		d.versionName, d.displayName = in.VersionName, cmp.Or(in.DisplayName, latest.displayName)
		d.targetType = cmp.Or(in.TargetType, latest.targetType)
		if _, err := d.parse(); err != nil {
			return err
		}
		return w.addVersion(ctx, c, d)
	})
	if err != nil {
		return nil, err
	}
	description, err := s.describe(d)
	return &documentOutput{description}, err
}

// updatable finds the version that an update is based on. It must be the latest, of a schema that has versions.
func (w *work) updatable(ctx context.Context, c *gateway.Call, in *updateDocumentInput) (stored, error) {
	latest, err := find(ctx, w, c, in.Name, selector{version: "$LATEST"})
	if err != nil {
		return stored{}, err
	}
	base, err := find(ctx, w, c, in.Name, selector{version: in.DocumentVersion})
	if err != nil {
		return stored{}, err
	}
	if base.version != latest.version {
		return stored{}, fault("InvalidDocumentVersion", "The document version isn't the latest version; set it to $LATEST.")
	}
	parsed, err := latest.parse()
	if err != nil {
		return stored{}, err
	}
	if awsOwned(in.Name) {
		return stored{}, noDocument(in.Name)
	}
	if parsed.schema == "1.2" {
		return stored{}, fault("InvalidDocumentSchemaVersion", "Documents of schema version 1.2 can't be updated; use 2.0 or later.")
	}
	return latest, nil
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
