package ship

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/slipway-cd/slipway/internal/plan"
)

// latest is the version that Describe must be asked for by name: without one it gives the default version, which
// stays 1.
const latest = "$LATEST"

// version is one version of an SSM document.
type version struct {
	number, hash string
	status       types.DocumentStatus
}

// publish makes sure that the step's own document exists with exactly the plan's content, and remembers the version.
func (r *runner) publish(ctx context.Context, step *plan.Step) error {
	if step.Own == nil {
		return nil
	}
	if err := r.uploadScripts(ctx, step); err != nil {
		return err
	}
	v, err := r.ensure(ctx, step.Own)
	if err != nil {
		return err
	}
	if err := r.awaitActive(ctx, step.Own.Name, &v); err != nil {
		return err
	}
	if !strings.EqualFold(v.hash, step.Own.Hash) {
		return &refusal{problem: Problem{Code: CodeDocument, API: "ssm:DescribeDocument", Principal: r.sender.principal, Message: fmt.Sprintf(
			"document %s, version %s, has the hash %s, and what was meant has %s", step.Own.Name, v.number, v.hash, step.Own.Hash),
			Hint: "somebody else may be changing the document; deploy again"}}
	}
	r.documents[step.Name] = v.number
	r.event(Event{Kind: EventDocument, Step: step.Name, Message: fmt.Sprintf("document %s, version %s", step.Own.Name, v.number)})
	return nil
}

func (r *runner) ensure(ctx context.Context, doc *plan.Document) (version, error) {
	if doc.Version != "" {
		return r.published(ctx, doc)
	}
	v, err := r.describe(ctx, doc.Name, latest, nil)
	if noSuchDocument(err) {
		return r.create(ctx, doc)
	}
	if err != nil {
		return version{}, err
	}
	if strings.EqualFold(v.hash, doc.Hash) {
		return v, nil
	}
	v, err = r.update(ctx, doc)
	if errorCode(err) == "DuplicateDocumentContent" {
		return r.findVersion(ctx, doc)
	}
	return v, err
}

// published finds the version that an earlier deploy shipped. One that is gone cannot be shipped again (R105).
func (r *runner) published(ctx context.Context, doc *plan.Document) (version, error) {
	v, err := r.describe(ctx, doc.Name, doc.Version, nil)
	if noSuchDocument(err) || errorCode(err) == "InvalidDocumentVersion" {
		return version{}, &refusal{problem: Problem{Code: CodeDocument, API: "ssm:DescribeDocument", Principal: r.sender.principal, Message: fmt.Sprintf(
			"document %s, version %s, is not there any more: what was shipped then cannot be shipped again", doc.Name, doc.Version),
			Hint: "deploy that version of the release anew"}}
	}
	return v, err
}

func (r *runner) describe(ctx context.Context, name, number string, again func(error) bool) (version, error) {
	out, err := call(ctx, r, r.sender, "ssm:DescribeDocument", again, func(ctx context.Context) (*ssm.DescribeDocumentOutput, error) {
		return r.sender.ssm.DescribeDocument(ctx, &ssm.DescribeDocumentInput{Name: aws.String(name), DocumentVersion: aws.String(number)})
	})
	if err != nil {
		return version{}, err
	}
	return r.versionOf("ssm:DescribeDocument", out.Document)
}

func (r *runner) versionOf(api string, d *types.DocumentDescription) (version, error) {
	if d == nil || aws.ToString(d.DocumentVersion) == "" {
		return version{}, &callError{api: api, principal: r.sender.principal, err: errors.New("the answer names no document version")}
	}
	return version{number: *d.DocumentVersion, hash: aws.ToString(d.Hash), status: d.Status}, nil
}

func (r *runner) create(ctx context.Context, doc *plan.Document) (version, error) {
	const name = "ssm:CreateDocument"
	out, err := call(ctx, r, r.sender, name, nil, func(ctx context.Context) (*ssm.CreateDocumentOutput, error) {
		return r.sender.ssm.CreateDocument(ctx, &ssm.CreateDocumentInput{Name: aws.String(doc.Name), Content: aws.String(doc.Content),
			DocumentType: types.DocumentTypeCommand, DocumentFormat: types.DocumentFormatJson})
	})
	if errorCode(err) == "DocumentAlreadyExists" {
		// Made by a run beside this one, or by our own request whose answer was lost.
		return r.findVersion(ctx, doc)
	}
	if err != nil {
		return version{}, err
	}
	return r.versionOf(name, out.DocumentDescription)
}

func (r *runner) update(ctx context.Context, doc *plan.Document) (version, error) {
	const name = "ssm:UpdateDocument"
	out, err := call(ctx, r, r.sender, name, nil, func(ctx context.Context) (*ssm.UpdateDocumentOutput, error) {
		return r.sender.ssm.UpdateDocument(ctx, &ssm.UpdateDocumentInput{Name: aws.String(doc.Name), Content: aws.String(doc.Content),
			DocumentVersion: aws.String(latest), DocumentFormat: types.DocumentFormatJson})
	})
	if err != nil {
		return version{}, err
	}
	return r.versionOf(name, out.DocumentDescription)
}

// findVersion looks for the version that has our content: ListDocumentVersions names the versions, Describe their
// hashes. Newest first, for that is where it mostly is.
func (r *runner) findVersion(ctx context.Context, doc *plan.Document) (version, error) {
	in := &ssm.ListDocumentVersionsInput{Name: aws.String(doc.Name), MaxResults: aws.Int32(pageSize)}
	infos, err := pages(ctx, r, r.sender, "ssm:ListDocumentVersions", func(ctx context.Context, token *string) ([]types.DocumentVersionInfo, *string, error) {
		in.NextToken = token
		out, err := r.sender.ssm.ListDocumentVersions(ctx, in)
		if err != nil {
			return nil, nil, err
		}
		return out.DocumentVersions, out.NextToken, nil
	})
	if err != nil {
		return version{}, err
	}
	slices.SortFunc(infos, func(a, b types.DocumentVersionInfo) int {
		x, y := aws.ToString(a.DocumentVersion), aws.ToString(b.DocumentVersion)
		if len(x) != len(y) {
			return len(y) - len(x)
		}
		return strings.Compare(y, x)
	})
	for _, info := range infos {
		v, err := r.describe(ctx, doc.Name, aws.ToString(info.DocumentVersion), nil)
		if err != nil {
			return version{}, err
		}
		if strings.EqualFold(v.hash, doc.Hash) {
			return v, nil
		}
	}
	return version{}, &refusal{problem: Problem{Code: CodeDocument, API: "ssm:ListDocumentVersions", Principal: r.sender.principal, Message: fmt.Sprintf(
		"document %s: Systems Manager says that it has this content already, and none of its %s has the hash %s",
		doc.Name, count(len(infos), "version"), doc.Hash), Hint: "delete the document and deploy again"}}
}

// awaitActive waits until the version may be sent.
func (r *runner) awaitActive(ctx context.Context, name string, v *version) error {
	p := patience{r: r, since: r.cfg.Now()}
	for v.status != types.DocumentStatusActive {
		note := p.spent(nil)
		if note != "" || (v.status != types.DocumentStatusCreating && v.status != types.DocumentStatusUpdating) {
			return &refusal{problem: Problem{Code: CodeDocument, API: "ssm:DescribeDocument", Message: fmt.Sprintf("document %s, version %s, is %q and not Active", name, v.number, v.status)}}
		}
		if err := p.wait(ctx); err != nil {
			return err
		}
		next, err := r.describe(ctx, name, v.number, notEverywhere)
		if err != nil {
			return err
		}
		*v = next
	}
	return nil
}

// notEverywhere: the document, or its version, was just made, and not every host of the service knows it yet.
func notEverywhere(err error) bool {
	return noSuchDocument(err) || errorCode(err) == "InvalidDocumentVersion"
}
