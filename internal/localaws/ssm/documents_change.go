package ssm

import (
	"context"
	"strconv"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

type defaultVersionInput struct{ Name, DocumentVersion string }

type defaultVersionOutput struct{ Description defaultVersionDescription }

type defaultVersionDescription struct {
	Name               string
	DefaultVersion     string
	DefaultVersionName string `json:",omitempty"`
}

func (s *Service) defaultVersionAccess(ctx context.Context, c *gateway.Call, in *defaultVersionInput) ([]gateway.Access, error) {
	v := &validation{}
	v.required("name", in.Name)
	v.matches("name", in.Name, documentName)
	v.required("documentVersion", in.DocumentVersion)
	v.matches("documentVersion", in.DocumentVersion, versionNumber)
	if err := v.err(); err != nil {
		return nil, err
	}
	return s.documentAccess(ctx, c, in.Name)
}

func (s *Service) updateDocumentDefaultVersion(ctx context.Context, c *gateway.Call, in *defaultVersionInput) (*defaultVersionOutput, error) {
	var d stored
	err := s.update(ctx, func(w *work) (err error) {
		if awsOwned(in.Name) {
			return noDocument(in.Name)
		}
		if d, err = find(ctx, w, c, in.Name, selector{version: in.DocumentVersion}); err != nil {
			return err
		}
		_, err = w.ExecContext(ctx, `UPDATE ssm_document SET default_version = ? WHERE account = ? AND region = ? AND name = ?`,
			d.version, c.Caller.Account, c.Region, d.name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &defaultVersionOutput{defaultVersionDescription{Name: d.name, DefaultVersion: strconv.Itoa(d.version),
		DefaultVersionName: d.versionName}}, nil
}

type deleteDocumentInput struct {
	Name, DocumentVersion, VersionName string

	Force bool
}

func (s *Service) deleteDocumentAccess(ctx context.Context, c *gateway.Call, in *deleteDocumentInput) ([]gateway.Access, error) {
	v := &validation{}
	v.required("name", in.Name)
	v.matches("name", in.Name, documentName)
	v.matches("documentVersion", in.DocumentVersion, versionRef)
	v.matches("versionName", in.VersionName, versionName)
	if err := v.err(); err != nil {
		return nil, err
	}
	return s.documentAccess(ctx, c, in.Name)
}

// deleteDocument deletes a whole document, or one version that is not the default.
func (s *Service) deleteDocument(ctx context.Context, c *gateway.Call, in *deleteDocumentInput) (*struct{}, error) {
	err := s.update(ctx, func(w *work) error {
		if awsOwned(in.Name) {
			return noDocument(in.Name)
		}
		d, err := find(ctx, w, c, in.Name, selector{in.DocumentVersion, in.VersionName})
		if err != nil {
			return err
		}
		if in.DocumentVersion == "" && in.VersionName == "" {
			if err := w.unshared(ctx, c, d.name); err != nil {
				return err
			}
			_, err = w.ExecContext(ctx, `DELETE FROM ssm_document WHERE account = ? AND region = ? AND name = ?`,
				c.Caller.Account, c.Region, d.name)
			return err
		}
		if d.version == d.defaultVersion {
			return fault("InvalidDocumentOperation", "Default version of the document can't be deleted.")
		}
		if _, err := w.ExecContext(ctx, `DELETE FROM ssm_document_version
			WHERE account = ? AND region = ? AND name = ? AND version = ?`,
			c.Caller.Account, c.Region, d.name, d.version); err != nil {
			return err
		}
		// $LATEST must name a version that exists.
		_, err = w.ExecContext(ctx, `UPDATE ssm_document SET latest_version = (SELECT max(version) FROM ssm_document_version v
			WHERE v.account = ssm_document.account AND v.region = ssm_document.region AND v.name = ssm_document.name)
			WHERE account = ? AND region = ? AND name = ?`, c.Caller.Account, c.Region, d.name)
		return err
	})
	return &struct{}{}, err
}

// unshared refuses to let a document go that other accounts may be using.
func (w *work) unshared(ctx context.Context, c *gateway.Call, name string) error {
	var n int
	err := w.QueryRowContext(ctx, `SELECT count(*) FROM ssm_document_share WHERE account = ? AND region = ? AND name = ?`,
		c.Caller.Account, c.Region, name).Scan(&n)
	if err == nil && n > 0 {
		return fault("InvalidDocumentOperation", "The document %s is shared. Stop sharing it before you delete it.", name)
	}
	return err
}
