package roles

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/slipway-cd/slipway/iam"
)

// check compares a role with IAM's quotas (R118), and prints and parses each of its documents again.
func check(r *Role) error {
	var errs []error
	all := iam.Attachments{
		Name: r.Name, Holder: iam.RolePolicy, ManagedCount: len(r.Attached), Trust: r.Trust, Boundary: r.Boundary,
	}
	for _, d := range []*iam.Document{r.Trust, r.Boundary} {
		if d != nil {
			errs = append(errs, reread(d))
		}
	}
	for _, p := range r.Policies {
		errs = append(errs, reread(p.Document))
		all.Inline = append(all.Inline, p.Document)
	}
	for _, a := range r.Attached {
		if a.Document != nil && !ofAWS(a.ARN) {
			errs = append(errs, reread(a.Document))
			all.Managed = append(all.Managed, a.Document)
		}
	}
	for _, f := range all.Quotas() {
		errs = append(errs, fmt.Errorf("%s: %s", f.File, f.Message))
	}
	return errors.Join(errs...)
}

// reread proves that a document says in print what it says in memory, and that it can be evaluated.
func reread(want *iam.Document) error {
	got, err := iam.Parse(want.Name, want.JSON())
	if err != nil {
		return fmt.Errorf("a rendered policy does not parse: %w", err)
	}
	clearPlaces(got)
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("%s: the rendered policy reads differently from what was meant", want.Name)
	}
	if _, err := iam.Compile(got); err != nil {
		return fmt.Errorf("a rendered policy does not compile: %w", err)
	}
	return nil
}

// clearPlaces forgets where a document's parts stand in its text.
func clearPlaces(d *iam.Document) {
	for i := range d.Statements {
		d.Statements[i].Pos = iam.Position{}
		for j := range d.Statements[i].Conditions {
			d.Statements[i].Conditions[j].Pos = iam.Position{}
		}
	}
}
