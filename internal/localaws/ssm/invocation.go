package ssm

import (
	"context"
	"encoding/json"
	"fmt"
)

// invocation is a command on one node.
type invocation struct {
	seq, command    int64
	instance        string
	phase           phase
	status, details string
	due             int64
	trace           string
	plugins         map[string]pluginResult
}

const invocationColumns = `i.seq, i.command, i.instance, i.phase, i.status, i.details, i.due, i.trace, i.plugins`

func scanInvocation(row interface{ Scan(...any) error }, more ...any) (*invocation, error) {
	i := &invocation{}
	var plugins string
	if err := row.Scan(append(i.columns(&plugins), more...)...); err != nil {
		return nil, err
	}
	return i, i.decode(plugins)
}

// columns are where [invocationColumns] go.
func (i *invocation) columns(plugins *string) []any {
	return []any{&i.seq, &i.command, &i.instance, &i.phase, &i.status, &i.details, &i.due, &i.trace, plugins}
}

func (i *invocation) decode(plugins string) error {
	i.plugins = map[string]pluginResult{}
	if plugins == "{}" {
		return nil
	}
	if err := json.Unmarshal([]byte(plugins), &i.plugins); err != nil {
		return fmt.Errorf("read invocation: %w", err)
	}
	return nil
}

// loadBoth reads a command with its invocation on one node; the error is sql.ErrNoRows when there is none.
func loadBoth(ctx context.Context, q querier, n Node, id string) (*command, *invocation, error) {
	i := &invocation{}
	var plugins string
	c, err := scanCommand(q.QueryRowContext(ctx, `SELECT `+commandColumns+`, `+invocationColumns+`
		FROM ssm_command c JOIN ssm_invocation i ON i.command = c.seq AND i.instance = ?
		WHERE c.id = ? AND c.account = ? AND c.region = ?`, n.Instance, id, n.Account, n.Region), i.columns(&plugins)...)
	if err != nil {
		return nil, nil, err
	}
	return c, i, i.decode(plugins)
}

func loadInvocation(ctx context.Context, q querier, command int64, instance string) (*invocation, error) {
	return scanInvocation(q.QueryRowContext(ctx, `SELECT `+invocationColumns+` FROM ssm_invocation i
		WHERE i.command = ? AND i.instance = ?`, command, instance))
}

func (w *work) save(ctx context.Context, i *invocation) error {
	plugins, err := json.Marshal(i.plugins)
	if err != nil {
		return err
	}
	_, err = w.ExecContext(ctx, `UPDATE ssm_invocation SET phase = ?, status = ?, details = ?, due = ?, trace = ?,
		plugins = ? WHERE seq = ?`, i.phase, i.status, i.details, i.due, i.trace, string(plugins), i.seq)
	return err
}

// accept notes that the node is working. From here it has the execution time on top of the delivery time: a node
// that falls silent is given up at the command's total timeout.
func (w *work) accept(ctx context.Context, cmd *command, i *invocation) error {
	if i.phase >= phaseAcked {
		return nil
	}
	i.phase = phaseAcked
	i.due += int64(cmd.limits.Execution)
	if i.status == "Pending" || i.status == "Delayed" {
		i.status, i.details = "InProgress", "InProgress"
	}
	if err := w.save(ctx, i); err != nil {
		return err
	}
	return w.progress(ctx, cmd.seq)
}

// finish makes the invocation's status final and withdraws its messages.
func (w *work) finish(ctx context.Context, cmd *command, i *invocation) error {
	i.phase, i.due = phaseDone, 0
	if err := w.save(ctx, i); err != nil {
		return err
	}
	if _, err := w.ExecContext(ctx, `DELETE FROM ssm_message WHERE account = ? AND region = ? AND instance = ?
		AND command = ?`, cmd.account, cmd.region, i.instance, cmd.seq); err != nil {
		return err
	}
	return w.advance(ctx, cmd)
}
