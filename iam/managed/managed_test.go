package managed_test

import (
	"slices"
	"testing"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/managed"
)

func TestPoliciesAreWhatAWSTakes(t *testing.T) {
	t.Parallel()
	all := managed.All()
	if len(all) < 10 {
		t.Fatalf("only %d policies", len(all))
	}
	for _, p := range all {
		if got, ok := managed.Lookup(p.ARN()); !ok || got != p {
			t.Errorf("%s: not found by its own ARN", p.ARN())
		}
		if errs := p.Document().Validate(iam.ManagedPolicy); len(errs) > 0 {
			t.Errorf("%s: %v", p.Name, errs)
		}
		if p.Version < 1 || p.Created.IsZero() || p.Updated.Before(p.Created) {
			t.Errorf("%s: version %d of %s, made %s", p.Name, p.Version, p.Updated, p.Created)
		}
	}
}

func TestLookupKnowsWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, arn := range []string{"", "AdministratorAccess", managed.Prefix + "NoSuchPolicy", managed.Prefix + "AmazonAPIGatewayPushToCloudWatchLogs"} {
		if p, ok := managed.Lookup(arn); ok {
			t.Errorf("%s: found %s", arn, p.Name)
		}
	}
	p, ok := managed.Lookup(managed.Prefix + "AdministratorAccess")
	if !ok || !slices.Equal(p.Document().Statements[0].Actions, []string{"*"}) {
		t.Errorf("AdministratorAccess: %v %v", p, ok)
	}
}
