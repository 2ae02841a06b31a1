package logs

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// stream is a log stream. first and last are of its events' times, 0 when it has none.
type stream struct {
	id                             int64
	name                           string
	created, first, last, ingested int64
	events                         int64 // how many it has ever had: the next one's number
}

const streamColumns = `id, name, created, first, last, ingested, events`

func scanStream(row interface{ Scan(...any) error }) (st stream, err error) {
	err = row.Scan(&st.id, &st.name, &st.created, &st.first, &st.last, &st.ingested, &st.events)
	return st, err
}

// mustStream finds a stream of a group.
func mustStream(ctx context.Context, q querier, g group, name string) (stream, error) {
	st, err := scanStream(q.QueryRowContext(ctx, `SELECT `+streamColumns+` FROM logs_stream WHERE parent = ? AND name = ?`, g.id, name))
	if errors.Is(err, sql.ErrNoRows) {
		return stream{}, noStream()
	}
	if err != nil {
		return stream{}, fmt.Errorf("read log stream %s: %w", name, err)
	}
	return st, nil
}

// streams lists the streams of a group by name.
func streams(ctx context.Context, q querier, g group) ([]stream, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+streamColumns+` FROM logs_stream WHERE parent = ? ORDER BY name`, g.id)
	if err != nil {
		return nil, fmt.Errorf("list log streams: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []stream
	for rows.Next() {
		st, err := scanStream(rows)
		if err != nil {
			return nil, fmt.Errorf("list log streams: %w", err)
		}
		all = append(all, st)
	}
	return all, rows.Err()
}

type streamInput struct {
	nameRef
	LogStreamName string `json:"logStreamName"`
}

func (in *streamInput) stream() string { return in.LogStreamName }

func (s *Service) createStream(ctx context.Context, c *gateway.Call, in *streamInput) (*empty, error) {
	return &empty{}, s.inGroup(ctx, c, in.group(), func(tx *store.Tx, g group) error {
		result, err := tx.ExecContext(ctx, `INSERT INTO logs_stream (parent, name, created) VALUES (?,?,?) ON CONFLICT DO NOTHING`,
			g.id, in.LogStreamName, millis(s.now()))
		return created(result, err, "log stream")
	})
}

func (s *Service) deleteStream(ctx context.Context, c *gateway.Call, in *streamInput) (*empty, error) {
	return &empty{}, s.inGroup(ctx, c, in.group(), func(tx *store.Tx, g group) error {
		st, err := mustStream(ctx, tx, g, in.LogStreamName)
		if err != nil {
			return err
		}
		for _, statement := range []string{`DELETE FROM logs_event WHERE stream = ?`, `DELETE FROM logs_stream WHERE id = ?`} {
			if _, err := tx.ExecContext(ctx, statement, st.id); err != nil {
				return fmt.Errorf("delete log stream: %w", err)
			}
		}
		return nil
	})
}

type describeStreamsInput struct {
	groupRef
	Prefix     string `json:"logStreamNamePrefix"`
	OrderBy    string `json:"orderBy"`
	Descending bool   `json:"descending"`
	NextToken  string `json:"nextToken"`
	Limit      *int   `json:"limit"`
}

func (in *describeStreamsInput) check() error {
	if in.OrderBy == "LastEventTime" && in.Prefix != "" {
		return invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	if in.Prefix != "" {
		if err := checkName("logStreamNamePrefix", in.Prefix, streamName); err != nil {
			return err
		}
	}
	return cmp.Or(checkEnum("orderBy", in.OrderBy, "LogStreamName", "LastEventTime"), checkBetween("limit", in.Limit, 1, 50))
}

type streamOutput struct {
	Name                string `json:"logStreamName"`
	CreationTime        int64  `json:"creationTime"`
	FirstEventTimestamp *int64 `json:"firstEventTimestamp"`
	LastEventTimestamp  *int64 `json:"lastEventTimestamp"`
	LastIngestionTime   *int64 `json:"lastIngestionTime"`
	UploadSequenceToken string `json:"uploadSequenceToken"`
	ARN                 string `json:"arn"`
	StoredBytes         int64  `json:"storedBytes"` // always 0, as AWS has it since 2019
}

type describeStreamsOutput struct {
	LogStreams []streamOutput `json:"logStreams"`
	NextToken  string         `json:"nextToken,omitempty"`
}

func (s *Service) describeStreams(ctx context.Context, c *gateway.Call, in *describeStreamsInput) (*describeStreamsOutput, error) {
	t, err := in.own(c)
	if err != nil {
		return nil, err
	}
	after, err := position(in.NextToken)
	if err != nil {
		return nil, err
	}
	g, err := mustGroup(ctx, s.db, t)
	if err != nil {
		return nil, err
	}
	all, err := streams(ctx, s.db, g)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(st stream) bool { return !strings.HasPrefix(st.name, in.Prefix) })
	all = ordered(all, in, after)
	out := &describeStreamsOutput{LogStreams: []streamOutput{}}
	if limit := limitOr(in.Limit, 50); len(all) > limit {
		all = all[:limit]
		out.NextToken = tokenOf(in.key(all[limit-1]))
	}
	for _, st := range all {
		out.LogStreams = append(out.LogStreams, st.shape(t))
	}
	return out, nil
}

// key is what the streams are ordered by.
func (in *describeStreamsInput) key(st stream) string {
	if in.OrderBy == "LastEventTime" {
		return fmt.Sprintf("%020d/%s", st.last, st.name)
	}
	return st.name
}

// ordered brings the streams in the order of the request, and leaves out those up to the position after.
func ordered(all []stream, in *describeStreamsInput, after string) []stream {
	slices.SortFunc(all, func(a, b stream) int { return strings.Compare(in.key(a), in.key(b)) })
	if in.Descending {
		slices.Reverse(all)
	}
	return slices.DeleteFunc(all, func(st stream) bool {
		if after == "" {
			return false
		}
		if in.Descending {
			return in.key(st) >= after
		}
		return in.key(st) <= after
	})
}

func (st stream) shape(t target) streamOutput {
	out := streamOutput{Name: st.name, CreationTime: st.created, ARN: scoped(t.arn()) + st.name, UploadSequenceToken: st.sequence()}
	if st.events > 0 {
		out.FirstEventTimestamp, out.LastEventTimestamp, out.LastIngestionTime = &st.first, &st.last, &st.ingested
	}
	return out
}

// sequence is a sequence token: AWS still gives them, and does not ask for them any more.
func (st stream) sequence() string { return fmt.Sprintf("%028d%028d", st.id, st.events) }
