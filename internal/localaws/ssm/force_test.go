package ssm_test

import (
	"context"

	"github.com/slipway-cd/slipway/internal/localaws/ssm"
)

func (w *world) force(command, instance, status, details string) {
	w.t.Helper()
	must(w.t, w.ssm.ForceInvocation(context.Background(), account, region, command, instance,
		ssm.Outcome{Status: status, StatusDetails: details, ResponseCode: 1, Stdout: "forced"}))
}

// queued says whether a message waits for the node, without taking it.
func (w *world) queued(instance string) bool {
	w.t.Helper()
	var n int
	must(w.t, w.db.QueryRowContext(context.Background(), `SELECT count(*) FROM ssm_message WHERE instance = ?`, instance).Scan(&n))
	return n > 0
}
