package ship

import (
	"context"
	"errors"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/record"
)

// uploadScripts puts the scripts of a step that its document does not hold into the record's bucket. Their names are
// their content: what is there already is the same one.
func (r *runner) uploadScripts(ctx context.Context, step *plan.Step) error {
	if len(step.Blobs) == 0 {
		return nil
	}
	if r.cfg.Bucket == nil {
		return noRecord("a script that is too large for an SSM document")
	}
	bucket := steady{r: r, a: r.sender, bucket: r.cfg.Bucket}
	for _, b := range step.Blobs {
		_, err := bucket.Put(ctx, b.Key, []byte(b.Content), record.Condition{Absent: true})
		if err != nil && !errors.Is(err, record.ErrConflict) {
			return err
		}
	}
	return nil
}
