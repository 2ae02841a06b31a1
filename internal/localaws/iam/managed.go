package iam

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"

	"github.com/slipway-cd/slipway/iam/managed"
)

// awsPolicy is one of AWS's policies as every account sees it. uncertain: its id, which AWS does not publish, is made of
// its ARN.
func awsPolicy(p *managed.Policy) *managedPolicy {
	sum := sha256.Sum256([]byte(p.ARN()))
	id := "ANPA" + base32.StdEncoding.EncodeToString(sum[:])[:17]
	return &managedPolicy{
		arn: p.ARN(), name: p.Name, path: p.Path, id: id, version: p.Version, created: p.Created.Unix(), updated: p.Updated.Unix(),
	}
}

// listAWSPolicies gives AWS's policies in order of their names; others than these are NoSuchEntity.
func listAWSPolicies() []*managedPolicy {
	var list []*managedPolicy
	for _, p := range managed.All() {
		list = append(list, awsPolicy(p))
	}
	return list
}

// nameOf is the name at the end of an ARN.
func nameOf(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
