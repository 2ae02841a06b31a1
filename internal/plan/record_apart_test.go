package plan

import (
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/release"
)

// TestNobodyElseWritesTheRecord: what the release declares for its scripts, its tests and its runbooks lets none of them write where
// the lock and the record are, or change their bucket, by no pattern; what is beside it, and what reads, they may have.
func TestNobodyElseWritesTheRecord(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ action, resource, want string }{
		{"s3:PutObject", "shop-records/*", "write the record"},
		{"s3:PutObject", "shop-records/web/*", "write the record"},
		{"s3:PutObject", "shop-records/web/dev/lock", "write the record"},
		{"s3:PutObject", "shop-records/w?b/dev/*", "write the record"},
		{"s3:PutObject", "shop-*/*/lock", "write the record"},
		{"s3:PutObject", "*/x", "write the record"},
		{"s3:DeleteObject", "arn:aws:s3:::*/*", "write the record"},
		{"s3:PutObjectTagging", "shop-records/web/dev/*", "write the record"},
		{"s3:DeleteObjectVersion", "shop-records/*", "write the record"},
		{"s3:PutBucketVersioning", "shop-records", "change the bucket of the record"},
		{"s3:PutLifecycleConfiguration", "shop-*", "change the bucket of the record"},
		{"s3:PutObject", "shop-records/output/web/*", ""},
		{"s3:PutObject", "shop-records/webs/*", ""},
		{"s3:PutObject", "shop-data/web/*", ""},
		{"s3:PutLifecycleConfiguration", "shop-data", ""},
		{"s3:GetObject", "shop-records/*", ""},
		{"s3:ListBucket", "shop-records", ""},
		{"dynamodb:PutItem", "table/web", ""},
	} {
		for who, declare := range map[string]func(*release.Stage, release.Permission){
			"the scripts on its nodes": func(s *release.Stage, p release.Permission) { s.Permissions = []release.Permission{p} },
			"its tests": func(s *release.Stage, p release.Permission) {
				s.Steps = append(s.Steps, release.Step{Test: &release.Test{Name: "smoke", Allow: []release.Permission{p}}})
			},
			"its runbooks": func(s *release.Stage, p release.Permission) {
				s.Steps = append(s.Steps, release.Step{Automation: &release.Automation{Name: "x", Document: "x.yaml", HasRole: true,
					Allow: []release.Permission{p}, Content: runbookWithScript}})
			},
		} {
			r := webRelease()
			r.Record = &release.Record{Bucket: "shop-records", AccountID: r.Stages[0].AccountID}
			declare(&r.Stages[0], release.Permission{Actions: []string{c.action}, Resources: []string{c.resource}, Pos: release.Position{Line: 7, Column: 9}})
			_, err := New(r)
			switch {
			case c.want == "" && err != nil:
				t.Errorf("%s on %s by %s: %v", c.action, c.resource, who, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), "would let "+who+" "+c.want) || !strings.Contains(err.Error(), "slipway.yaml:7:9: ")):
				t.Errorf("%s on %s by %s: %v, want %q", c.action, c.resource, who, err, c.want)
			}
		}
	}
}

// runbookWithScript has a step whose needs nobody can tell.
const runbookWithScript = `schemaVersion: "0.3"
assumeRole: "{{ Role }}"
parameters:
  Role: {type: AWS::IAM::Role::Arn}
mainSteps:
  - {name: do, action: "aws:executeScript", inputs: {Runtime: python3.11, Handler: h, Script: "import boto3"}}
`
