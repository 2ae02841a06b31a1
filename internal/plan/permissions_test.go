package plan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/release"
)

// TestR125WhatScriptsNeedIsPartOfTheNodeRole: what follows the account in an ARN becomes the whole of it, and what AWS
// would never match is refused at its place.
func TestR125WhatScriptsNeedIsPartOfTheNodeRole(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ action, resource, want string }{
		{"ssm:GetParameter", "parameter/shop/*", "arn:aws:ssm:eu-west-1:111111111111:parameter/shop/*"},
		{"secretsmanager:GetSecretValue", "secret:shop-*", "arn:aws:secretsmanager:eu-west-1:111111111111:secret:shop-*"},
		{"s3:GetObject", "artefacts/shop/*", "arn:aws:s3:::artefacts/shop/*"},
		{"s3:ListBucket", "artefacts", "arn:aws:s3:::artefacts"},
		{"kms:Decrypt", "arn:aws:kms:eu-central-1:222222222222:key/abc", "arn:aws:kms:eu-central-1:222222222222:key/abc"},
		{"ecr:GetAuthorizationToken", "*", "*"},
		{"ecr:GetAuthorizationToken", "repository/shop", "error: only * ever matches"},
		{"ecr:BatchGetImage", "*", "error: its resources have the form"},
		{"s3:ListBucket", "artefacts/shop", "error: its resources have the form"},
		{"s3:GetObject", "artefacts", "error: its resources have the form"},
		{"dynamodb:GetItem", "arn:aws:dynamodb:*:111111111111:table/shop", "error: its resources have the form"},
		{"dynamodb:GetItem", "arn:aws:s3:::shop", "error: its resources have the form"},
		{"ssm:GetParametre", "parameter/shop", "error: not an action"},
	} {
		t.Run(c.action+" on "+c.resource, func(t *testing.T) {
			t.Parallel()
			r := webRelease()
			r.Stages[0].Permissions = []release.Permission{{
				Actions: []string{c.action}, Resources: []string{c.resource}, Pos: release.Position{Line: 7, Column: 9},
			}}
			p, err := New(r)
			if want, refused := strings.CutPrefix(c.want, "error: "); refused {
				if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "slipway.yaml:7:9: ") {
					t.Fatalf("got %v, want an error at slipway.yaml:7:9 with %q", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := call(t, p, "dev/-/Node/"+c.action)
			if got.When != OnScript || !strings.Contains(got.Reason, "slipway.yaml:7:9") {
				t.Errorf("when %s, reason %q", got.When, got.Reason)
			}
			if diff := cmp.Diff(c.want, got.Resources[0].ARN); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if wild := strings.Contains(c.want, "*") && c.want != "*"; wild != (got.Resources[0].Pattern != "") {
				t.Errorf("a pattern has a reason, and nothing else has: %+v", got.Resources[0])
			}
		})
	}
}

func TestPatternsOfPlannedResources(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		planned, arn string
		want         bool
	}{
		{"arn:aws:s3:::b/shop/*", "arn:aws:s3:::b/shop/dev/lock.json", true},
		{"arn:aws:s3:::b/shop/*", "arn:aws:s3:::b/shops", false},
		{"arn:aws:s3:::b/*/lock", "arn:aws:s3:::b/x/y/lock", true},
		{"arn:aws:s3:::b/*/lock", "arn:aws:s3:::b/x/lock/z", false},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"*", "", true},
		{"abc", "abcd", false},
		{"*b*c", "abcbc", true},
	} {
		if got := matches(c.planned, c.arn); got != c.want {
			t.Errorf("%s on %s: %t", c.arn, c.planned, got)
		}
	}
}
