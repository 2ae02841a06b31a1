package roles

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/slipway-cd/slipway/iam"
)

// What IAM takes, in characters without white space (IAM user guide, "IAM and AWS STS quotas"; R118).
const (
	maxTrust   = 2_048
	maxManaged = 6_144  // a managed policy
	maxInline  = 10_240 // all inline policies of a role together
)

// check compares a role with IAM's quotas, and prints and parses each of its documents again.
func check(r *Role) error {
	var errs []error
	if r.Trust != nil {
		errs = append(errs, reread(r.Trust))
		if n := size(r.Trust); n > maxTrust {
			errs = append(errs, fmt.Errorf("the trust policy has %d characters, and IAM takes %d: it lists too many subjects", n, maxTrust))
		}
	}
	total, parts := 0, []string{}
	for _, p := range r.Policies {
		errs = append(errs, reread(p.Document))
		n := size(p.Document)
		total += n
		parts = append(parts, fmt.Sprintf("%s %d", p.Name, n))
	}
	if total > maxInline {
		errs = append(errs, fmt.Errorf("its policies have %d characters (%s), and IAM takes %d together: name the nodes by tags instead of ids, or split the stage",
			total, strings.Join(parts, ", "), maxInline))
	}
	return errors.Join(errs...)
}

// reread proves that a document says in print what it says in memory, and that it can be evaluated.
func reread(want *iam.Document) error {
	got, err := iam.Parse(want.Name, want.JSON())
	if err != nil {
		return fmt.Errorf("a rendered policy does not parse: %w", err)
	}
	for i := range got.Statements {
		got.Statements[i].Pos = iam.Position{}
		for j := range got.Statements[i].Conditions {
			got.Statements[i].Conditions[j].Pos = iam.Position{}
		}
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("%s: the rendered policy reads differently from what was meant", want.Name)
	}
	if _, err := iam.Compile(got); err != nil {
		return fmt.Errorf("a rendered policy does not compile: %w", err)
	}
	return nil
}

// size counts a document's characters as IAM does: without white space.
func size(d *iam.Document) int {
	text := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, string(d.JSON()))
	return utf8.RuneCountInString(text)
}
