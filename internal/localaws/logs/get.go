package logs

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// The sizes of a page, of GetLogEvents and of FilterLogEvents.
const (
	maxPageEvents = 10000
	maxPageBytes  = 1 << 20
)

type getInput struct {
	groupRef
	LogStreamName string `json:"logStreamName"`
	StartTime     *int64 `json:"startTime"`
	EndTime       *int64 `json:"endTime"`
	NextToken     string `json:"nextToken"`
	Limit         *int   `json:"limit"`
	StartFromHead bool   `json:"startFromHead"`
	Unmask        bool   `json:"unmask"`
}

func (in *getInput) stream() string { return in.LogStreamName }

func (in *getInput) check() error {
	if err := checkTimes(in.StartTime, in.EndTime); err != nil {
		return err
	}
	if _, err := parseCursor(in.NextToken); err != nil {
		return err
	}
	return checkBetween("limit", in.Limit, 1, maxPageEvents)
}

func checkTimes(start, end *int64) error {
	for path, at := range map[string]*int64{"startTime": start, "endTime": end} {
		if at != nil && *at < 0 {
			return broken(*at, path, "Member must have value greater than or equal to 0")
		}
	}
	return nil
}

type outputEvent struct {
	Timestamp     int64  `json:"timestamp"`
	Message       string `json:"message"`
	IngestionTime int64  `json:"ingestionTime"`
}

type getOutput struct {
	Events   []outputEvent `json:"events"`
	Forward  string        `json:"nextForwardToken"`
	Backward string        `json:"nextBackwardToken"`
}

// place is where an event is in its stream.
type place struct{ at, seq int64 }

// cursor is a token of GetLogEvents: what comes after a place, or before it.
type cursor struct {
	place
	forward bool
}

func (c cursor) String() string {
	direction := "b"
	if c.forward {
		direction = "f"
	}
	return fmt.Sprintf("%s/%020d%020d/s", direction, c.at, c.seq)
}

// parseCursor reads a token; nil is none.
func parseCursor(token string) (*cursor, error) {
	if token == "" {
		return nil, nil
	}
	parts := strings.Split(token, "/")
	if len(parts) != 3 || parts[0] != "f" && parts[0] != "b" || len(parts[1]) != 40 || parts[2] != "s" {
		return nil, invalid("The specified nextToken is invalid.")
	}
	at, err := strconv.ParseInt(parts[1][:20], 10, 64)
	seq, err2 := strconv.ParseInt(parts[1][20:], 10, 64)
	if err != nil || err2 != nil {
		return nil, invalid("The specified nextToken is invalid.")
	}
	return &cursor{place{at, seq}, parts[0] == "f"}, nil
}

// getEvents gives a page of a stream, always with the oldest event first. A token that leads nowhere comes back as it is,
// so that a reader knows that it has come to the end, and can ask again later.
func (s *Service) getEvents(ctx context.Context, c *gateway.Call, in *getInput) (*getOutput, error) {
	t, err := in.own(c)
	if err != nil {
		return nil, err
	}
	g, err := mustGroup(ctx, s.db, t)
	if err != nil {
		return nil, err
	}
	st, err := mustStream(ctx, s.db, g, in.LogStreamName)
	if err != nil {
		return nil, err
	}
	from, err := parseCursor(in.NextToken)
	if err != nil {
		return nil, err
	}
	if from == nil {
		from = &cursor{place{math.MaxInt64, math.MaxInt64}, false}
		if in.StartFromHead {
			from = &cursor{place{-1, -1}, true}
		}
	}
	events, places, err := s.read(ctx, g, st, in, *from)
	if err != nil {
		return nil, err
	}
	out := &getOutput{Events: events}
	out.Forward, out.Backward = tokens(*from, places)
	return out, nil
}

// tokens are those of the pages around one. An empty page repeats the token that led to it; the other one leads back.
func tokens(from cursor, places []place) (forward, backward string) {
	if len(places) > 0 {
		return cursor{places[len(places)-1], true}.String(), cursor{places[0], false}.String()
	}
	switch {
	case from.at < 0 || from.at == math.MaxInt64: // nothing at all, yet
		return cursor{place{0, -1}, true}.String(), cursor{place{0, 0}, false}.String()
	case from.forward:
		return from.String(), cursor{place{from.at, from.seq + 1}, false}.String()
	}
	return cursor{place{from.at, from.seq - 1}, true}.String(), from.String()
}

// read takes the events of a page: those next to the cursor.
func (s *Service) read(ctx context.Context, g group, st stream, in *getInput, from cursor) ([]outputEvent, []place, error) {
	compare, order := ">", "ASC"
	if !from.forward {
		compare, order = "<", "DESC"
	}
	start, end := s.expired(g), int64(math.MaxInt64)
	if in.StartTime != nil {
		start = max(start, *in.StartTime)
	}
	if in.EndTime != nil {
		end = *in.EndTime
	}
	limit := limitOr(in.Limit, maxPageEvents)
	rows, err := s.db.QueryContext(ctx, `SELECT at, seq, ingested, message FROM logs_event WHERE stream = ? AND at >= ? AND at < ?
		AND (at, seq) `+compare+` (?, ?) ORDER BY at `+order+`, seq `+order+` LIMIT ?`, st.id, start, end, from.at, from.seq, limit)
	if err != nil {
		return nil, nil, fmt.Errorf("read log events: %w", err)
	}
	defer func() { _ = rows.Close() }()
	events, places := []outputEvent{}, []place{}
	for size := 0; rows.Next(); {
		var e outputEvent
		var seq int64
		if err := rows.Scan(&e.Timestamp, &seq, &e.IngestionTime, &e.Message); err != nil {
			return nil, nil, fmt.Errorf("read log events: %w", err)
		}
		if size += len(e.Message) + perEvent; size > maxPageBytes && len(events) > 0 {
			break
		}
		events, places = append(events, e), append(places, place{e.Timestamp, seq})
	}
	if !from.forward {
		slices.Reverse(events)
		slices.Reverse(places)
	}
	return events, places, rows.Err()
}
