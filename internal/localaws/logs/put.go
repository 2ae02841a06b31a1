package logs

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// The limits of PutLogEvents, from its API reference.
const (
	maxBatch     = 1 << 20
	perEvent     = 26 // what each event counts beside its message
	maxEvents    = 10000
	maxAge       = 14 * 24 * time.Hour
	maxAhead     = 2 * time.Hour
	maxBatchSpan = 24 * time.Hour
)

type inputEvent struct {
	Timestamp *int64 `json:"timestamp"`
	Message   string `json:"message"`
}

// inputEvents are the events of a request. They are a user's data and no part of the request's event, which is what
// writes inputs as JSON.
type inputEvents []inputEvent

// MarshalJSON hides the events.
func (inputEvents) MarshalJSON() ([]byte, error) {
	return []byte(`"HIDDEN_DUE_TO_SECURITY_REASONS"`), nil
}

type putInput struct {
	streamInput
	LogEvents     inputEvents `json:"logEvents"`
	SequenceToken string      `json:"sequenceToken"`
}

type rejectedInfo struct {
	TooNewStart *int `json:"tooNewLogEventStartIndex"`
	TooOldEnd   *int `json:"tooOldLogEventEndIndex"`
	ExpiredEnd  *int `json:"expiredLogEventEndIndex"`
}

type putOutput struct {
	NextSequenceToken string        `json:"nextSequenceToken"`
	Rejected          *rejectedInfo `json:"rejectedLogEventsInfo"`
}

func (in *putInput) check() error {
	if n := len(in.LogEvents); n < 1 {
		return broken("[]", "logEvents", "Member must have length greater than or equal to 1")
	} else if n > maxEvents {
		return broken(fmt.Sprintf("%d events", n), "logEvents", "Member must have length less than or equal to 10000")
	}
	size, last := 0, int64(0)
	for i, e := range in.LogEvents {
		path := fmt.Sprintf("logEvents.%d.member.", i+1)
		switch {
		case e.Timestamp == nil:
			return broken(nil, path+"timestamp", "Member must not be null")
		case *e.Timestamp < 0:
			return broken(*e.Timestamp, path+"timestamp", "Member must have value greater than or equal to 0")
		case e.Message == "":
			return broken("", path+"message", "Member must have length greater than or equal to 1")
		case len(e.Message) > maxBatch-perEvent:
			return invalid("Log event too large: %d bytes exceeds limit of %d", len(e.Message)+perEvent, maxBatch)
		case *e.Timestamp < last:
			return invalid("Log events in a single PutLogEvents request must be in chronological order.")
		}
		last = *e.Timestamp
		size += len(e.Message) + perEvent
	}
	if size > maxBatch {
		return invalid("Upload too large: %d bytes exceeds limit of %d", size, maxBatch)
	}
	return nil
}

// accepted gives the events that are neither too old nor too new for the group, and what was rejected. Events come in
// order, so that the rejected ones are at the two ends.
func (s *Service) accepted(g group, events inputEvents) (inputEvents, *rejectedInfo, error) {
	now := s.now()
	old, expired, ahead := millis(now.Add(-maxAge)), s.expired(g), millis(now.Add(maxAhead))
	first, end := 0, len(events)
	var rejected rejectedInfo
	for first < end && *events[first].Timestamp < max(old, expired) {
		first++
		if at := *events[first-1].Timestamp; at < expired {
			rejected.ExpiredEnd = &[]int{first}[0]
		} else {
			rejected.TooOldEnd = &[]int{first}[0]
		}
	}
	for end > first && *events[end-1].Timestamp > ahead {
		end--
		rejected.TooNewStart = &[]int{end}[0]
	}
	kept := events[first:end]
	if len(kept) > 0 && *kept[len(kept)-1].Timestamp-*kept[0].Timestamp > maxBatchSpan.Milliseconds() {
		return nil, nil, invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
	}
	if rejected == (rejectedInfo{}) {
		return kept, nil, nil
	}
	return kept, &rejected, nil
}

func (s *Service) putEvents(ctx context.Context, c *gateway.Call, in *putInput) (*putOutput, error) {
	out := &putOutput{}
	err := s.inGroup(ctx, c, in.group(), func(tx *store.Tx, g group) error {
		st, err := mustStream(ctx, tx, g, in.LogStreamName)
		if err != nil {
			return err
		}
		kept, rejected, err := s.accepted(g, in.LogEvents)
		if err != nil {
			return err
		}
		if err := s.write(ctx, tx, g, &st, kept); err != nil {
			return fmt.Errorf("write log events: %w", err)
		}
		out.NextSequenceToken, out.Rejected = st.sequence(), rejected
		return nil
	})
	return out, err
}

// write appends the events to a stream and forgets what its group does not keep any longer.
func (s *Service) write(ctx context.Context, tx *store.Tx, g group, st *stream, events inputEvents) error {
	if len(events) == 0 {
		return nil
	}
	now := millis(s.now())
	if err := insert(ctx, tx, st, events, now); err != nil {
		return err
	}
	first, last := *events[0].Timestamp, *events[len(events)-1].Timestamp
	if st.events == 0 || first < st.first {
		st.first = first
	}
	st.last, st.ingested = max(st.last, last), now
	st.events += int64(len(events))
	size := 0
	for _, e := range events {
		size += len(e.Message) + perEvent
	}
	if _, err := tx.ExecContext(ctx, `UPDATE logs_stream SET first = ?, last = ?, ingested = ?, events = ?, bytes = bytes + ? WHERE id = ?`,
		st.first, st.last, st.ingested, st.events, size, st.id); err != nil {
		return err
	}
	if g.retention == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM logs_event WHERE stream = ? AND at < ?`, st.id, s.expired(g))
	return err
}

// rowsAtOnce is how many events one statement inserts.
const rowsAtOnce = 50

var (
	insertOne  = insertion(1)
	insertMany = insertion(rowsAtOnce)
)

func insertion(rows int) string {
	text := `INSERT INTO logs_event (stream, at, seq, ingested, message) VALUES (?,?,?,?,?)`
	for range rows - 1 {
		text += `,(?,?,?,?,?)`
	}
	return text
}

func insert(ctx context.Context, tx *store.Tx, st *stream, events inputEvents, now int64) error {
	args := make([]any, 0, 5*rowsAtOnce)
	for n := 0; n < len(events); {
		count, statement := 1, insertOne
		if len(events)-n >= rowsAtOnce {
			count, statement = rowsAtOnce, insertMany
		}
		args = args[:0]
		for i := n; i < n+count; i++ {
			args = append(args, st.id, *events[i].Timestamp, st.events+int64(i), now, valid(events[i].Message))
		}
		if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
			return err
		}
		n += count
	}
	return nil
}

// valid is a message without what is no UTF-8: half a character at the end of a chunk of output. It is kept as the
// replacement character.
func valid(message string) string {
	if utf8.ValidString(message) {
		return message
	}
	return string([]rune(message))
}
