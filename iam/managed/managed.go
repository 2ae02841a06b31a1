// Package managed knows the texts of those of AWS's managed policies that deploy roles, nodes and their operators carry.
//
// Each has the number and the date of its default version, as the AWS managed policy reference
// (https://docs.aws.amazon.com/aws-managed-policy/latest/reference/) had them in May 2026. AWS has many more: one that
// is not here is not known, which is not the same as empty.
package managed

import (
	"bytes"
	_ "embed" // the documents
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slipway-cd/slipway/iam"
)

// Prefix begins the ARNs of AWS's own policies: they belong to no account.
const Prefix = "arn:aws:iam::aws:policy/"

// source holds the policies. The statements are AWS's, word for word.
//
//go:embed managed.json
var source []byte

// Policy is one of AWS's managed policies. It is shared, and must not be changed.
type Policy struct {
	Name string `json:"name"`
	// Path is / or what AWS keeps a kind of policies under: /service-role/.
	Path    string    `json:"path"`
	Version int       `json:"version"` // of the default version
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
	// Text is the policy, indented.
	Text json.RawMessage `json:"document"`

	document *iam.Document
}

// ARN of the policy.
func (p *Policy) ARN() string { return Prefix + strings.TrimPrefix(p.Path, "/") + p.Name }

// Document is the policy's text, parsed. It is named by the policy.
func (p *Policy) Document() *iam.Document { return p.document }

var policies = sync.OnceValue(func() map[string]*Policy {
	list, err := read(source)
	if err != nil {
		panic(fmt.Sprintf("embedded policies: %v", err)) // a test reads them
	}
	m := make(map[string]*Policy, len(list))
	for _, p := range list {
		m[p.ARN()] = p
	}
	return m
})

func read(source []byte) ([]*Policy, error) {
	var list []*Policy
	if err := json.Unmarshal(source, &list); err != nil {
		return nil, err
	}
	for _, p := range list {
		var text bytes.Buffer
		if err := json.Indent(&text, p.Text, "", "  "); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		p.Text = text.Bytes()
		var err error
		if p.document, err = iam.Parse(p.Name, p.Text); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Lookup finds a policy by its ARN; ok is false for a policy that is not known.
func Lookup(arn string) (p *Policy, ok bool) {
	p, ok = policies()[arn]
	return p, ok
}

// All lists the policies that are known, by name.
func All() []*Policy {
	list := make([]*Policy, 0, len(policies()))
	for _, p := range policies() {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b *Policy) int { return strings.Compare(a.Name, b.Name) })
	return list
}
