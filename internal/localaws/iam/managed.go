package iam

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the documents
	"encoding/base32"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// managedPrefix is where AWS's own policies are: they belong to no account.
const managedPrefix = "arn:aws:iam::aws:policy/"

// managedJSON holds the policies of AWS that releases meet, each with the number and the date of its default version,
// as the AWS managed policy reference had them in May 2026. The statements are AWS's, word for word.
//
//go:embed managed.json
var managedJSON []byte

// awsPolicy is one of AWS's policies.
type awsPolicy struct {
	Name     string          `json:"name"`
	Path     string          `json:"path"`
	Version  int             `json:"version"`
	Created  time.Time       `json:"created"`
	Updated  time.Time       `json:"updated"`
	Document json.RawMessage `json:"document"`
}

// awsPolicies gives AWS's policies by ARN; others are NoSuchEntity.
var awsPolicies = sync.OnceValue(func() map[string]*awsPolicy {
	var list []*awsPolicy
	if err := json.Unmarshal(managedJSON, &list); err != nil {
		panic(fmt.Sprintf("embedded policies: %v", err)) // a test reads them
	}
	m := make(map[string]*awsPolicy, len(list))
	for _, p := range list {
		var text bytes.Buffer
		if err := json.Indent(&text, p.Document, "", "  "); err != nil {
			panic(fmt.Sprintf("embedded policy %s: %v", p.Name, err))
		}
		p.Document = text.Bytes()
		m[p.policy().arn] = p
	}
	return m
})

// policy is one of AWS's policies as every account sees it. uncertain: its id, which AWS does not publish, is made of
// its ARN.
func (p *awsPolicy) policy() *managedPolicy {
	a := managedPrefix + strings.TrimPrefix(p.Path, "/") + p.Name
	sum := sha256.Sum256([]byte(a))
	id := "ANPA" + base32.StdEncoding.EncodeToString(sum[:])[:17]
	return &managedPolicy{
		arn: a, name: p.Name, path: p.Path, id: id, version: p.Version, created: p.Created.Unix(), updated: p.Updated.Unix(),
	}
}

// listAWSPolicies gives AWS's policies in order of their names.
func listAWSPolicies() []*managedPolicy {
	var list []*managedPolicy
	for _, p := range awsPolicies() {
		list = append(list, p.policy())
	}
	slices.SortFunc(list, func(a, b *managedPolicy) int { return strings.Compare(a.name, b.name) })
	return list
}

// nameOf is the name at the end of an ARN.
func nameOf(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
