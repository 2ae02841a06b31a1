package plan

import (
	"fmt"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/release"
)

// besideRecord refuses what the release declares where it would let somebody write the record: the lock, what a rollback ships,
// and what is deployed are below the app's name in that bucket, and nobody writes there but who ships. Who may change the bucket
// itself may do the same.
func besideRecord(r *release.Release, c *Call, who string) error {
	action, ok := catalog.Lookup(c.Action)
	reads := action.AccessLevel == catalog.LevelRead || action.AccessLevel == catalog.LevelList
	if r.Record == nil || !ok || action.Service != "s3" || reads {
		return nil
	}
	for _, on := range c.Resources {
		// An access point, a job: of which bucket, its name does not tell.
		name := strings.TrimPrefix(on.ARN, "arn:aws:s3:::")
		switch {
		case on.Type == "bucket" && iam.Overlap(name, r.Record.Bucket):
			return fmt.Errorf("%s on %s would let %s change the bucket of the record: leave it out", c.Action, on.ARN, who)
		case on.Type == "object" && iam.Overlap(name, r.Record.Bucket+"/"+r.App+"/*"): // a * of the bucket's may stand for more than it
			return fmt.Errorf("%s on %s would let %s write the record, which is below %s/ in the same bucket: name another bucket, or what is beside it, "+
				"such as arn:aws:s3:::%s/output/%s/*", c.Action, on.ARN, who, r.App, r.Record.Bucket, r.App)
		}
	}
	return nil
}
