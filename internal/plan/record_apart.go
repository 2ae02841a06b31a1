package plan

import (
	"fmt"
	"strings"

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
		case on.Type == "bucket" && overlap(name, r.Record.Bucket):
			return fmt.Errorf("%s on %s would let %s change the bucket of the record: leave it out", c.Action, on.ARN, who)
		case on.Type == "object" && overlap(name, r.Record.Bucket+"/"+r.App+"/*"): // a * of the bucket's may stand for more than it
			return fmt.Errorf("%s on %s would let %s write the record, which is below %s/ in the same bucket: name another bucket, or what is beside it, "+
				"such as arn:aws:s3:::%s/output/%s/*", c.Action, on.ARN, who, r.App, r.Record.Bucket, r.App)
		}
	}
	return nil
}

// overlap says whether there is a text that two patterns with * and ? both match.
func overlap(a, b string) bool {
	// reach[j] says whether a[:i] and b[:j] can stand for the same text.
	reach := make([]bool, len(b)+1)
	reach[0] = true
	for j := range len(b) {
		reach[j+1] = reach[j] && b[j] == '*'
	}
	for i := range len(a) {
		next := make([]bool, len(b)+1)
		next[0] = reach[0] && a[i] == '*'
		for j := range len(b) {
			if a[i] == '*' || b[j] == '*' {
				next[j+1] = reach[j+1] || next[j]
			} else {
				next[j+1] = reach[j] && (a[i] == b[j] || a[i] == '?' || b[j] == '?')
			}
		}
		reach = next
	}
	return reach[len(b)]
}
