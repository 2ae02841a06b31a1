package logs

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

type filterInput struct {
	groupRef
	LogStreamNames      []string `json:"logStreamNames"`
	LogStreamNamePrefix string   `json:"logStreamNamePrefix"`
	StartTime           *int64   `json:"startTime"`
	EndTime             *int64   `json:"endTime"`
	FilterPattern       string   `json:"filterPattern"`
	NextToken           string   `json:"nextToken"`
	Limit               *int     `json:"limit"`
	Interleaved         *bool    `json:"interleaved"` // always true by now, whatever is said
	Unmask              bool     `json:"unmask"`
}

func (in *filterInput) check() error {
	if len(in.LogStreamNames) > 0 && in.LogStreamNamePrefix != "" {
		return invalid("LogStreamNamePrefix and LogStreamNames cannot both be specified.")
	}
	if len(in.LogStreamNames) > 100 {
		return broken(len(in.LogStreamNames), "logStreamNames", "Member must have length less than or equal to 100")
	}
	for _, name := range in.LogStreamNames {
		if err := checkName("logStreamNames", name, streamName); err != nil {
			return err
		}
	}
	if _, err := parsePattern(in.FilterPattern); err != nil {
		return err
	}
	if _, err := parseSpot(in.NextToken); err != nil {
		return err
	}
	if err := checkTimes(in.StartTime, in.EndTime); err != nil {
		return err
	}
	return checkBetween("limit", in.Limit, 1, maxPageEvents)
}

type filteredEvent struct {
	LogStreamName string `json:"logStreamName"`
	outputEvent
	EventID string `json:"eventId"`
}

type filterOutput struct {
	Events []filteredEvent `json:"events"`
	// SearchedLogStreams is always empty, as AWS has it since 2020.
	SearchedLogStreams []empty `json:"searchedLogStreams"`
	NextToken          string  `json:"nextToken,omitempty"`
}

// spot is where an event is in its group: events are ordered by their time, their arrival, and their stream.
type spot struct{ at, ingested, stream, seq int64 }

// id is what an event is known by, 56 digits as AWS has them.
func (p spot) id() string { return fmt.Sprintf("%016d%020d%020d", p.at, p.stream, p.seq) }

func (p spot) token() string {
	return tokenOf(fmt.Sprintf("%d/%d/%d/%d", p.at, p.ingested, p.stream, p.seq))
}

func parseSpot(token string) (spot, error) {
	text, err := position(token)
	if err != nil || text == "" {
		return spot{-1, -1, -1, -1}, err
	}
	var p spot
	if _, err := fmt.Sscanf(text, "%d/%d/%d/%d", &p.at, &p.ingested, &p.stream, &p.seq); err != nil {
		return spot{}, invalid("The specified nextToken is invalid.")
	}
	return p, nil
}

// maxScan is how many events one request looks at: a page that has found too little then says where to go on.
const maxScan = 50000

func (s *Service) filterEvents(ctx context.Context, c *gateway.Call, in *filterInput) (*filterOutput, error) {
	t, err := in.own(c)
	if err != nil {
		return nil, err
	}
	match, err := parsePattern(in.FilterPattern)
	if err != nil {
		return nil, err
	}
	from, err := parseSpot(in.NextToken)
	if err != nil {
		return nil, err
	}
	g, err := mustGroup(ctx, s.db, t)
	if err != nil {
		return nil, err
	}
	names, err := s.searched(ctx, g, in)
	if err != nil {
		return nil, err
	}
	out := &filterOutput{Events: []filteredEvent{}, SearchedLogStreams: []empty{}}
	return out, s.search(ctx, g, in, names, from, match, out)
}

// searched gives the names of the streams that are searched, by their ids.
func (s *Service) searched(ctx context.Context, g group, in *filterInput) (map[int64]string, error) {
	all, err := streams(ctx, s.db, g)
	if err != nil {
		return nil, err
	}
	names := map[int64]string{}
	found := 0
	for _, st := range all {
		listed := slices.Contains(in.LogStreamNames, st.name)
		if listed {
			found++
		}
		if listed || len(in.LogStreamNames) == 0 && strings.HasPrefix(st.name, in.LogStreamNamePrefix) {
			names[st.id] = st.name
		}
	}
	if found < len(unique(in.LogStreamNames)) {
		return nil, noStream()
	}
	return names, nil
}

func unique(names []string) []string { return slices.Compact(slices.Sorted(slices.Values(names))) }

// search fills a page with what matches behind a spot.
func (s *Service) search(ctx context.Context, g group, in *filterInput, names map[int64]string, from spot, match pattern, out *filterOutput) error {
	start, end := max(s.expired(g), from.at), int64(math.MaxInt64)
	if in.StartTime != nil {
		start = max(start, *in.StartTime)
	}
	if in.EndTime != nil {
		end = *in.EndTime
	}
	rows, err := s.db.QueryContext(ctx, `SELECT e.at, e.ingested, e.stream, e.seq, e.message FROM logs_stream s JOIN logs_event e ON e.stream = s.id
		WHERE s.parent = ? AND s.last >= ? AND e.at >= ? AND e.at <= ? AND (e.at, e.ingested, e.stream, e.seq) > (?, ?, ?, ?)
		ORDER BY e.at, e.ingested, e.stream, e.seq LIMIT ?`, g.id, start, start, end, from.at, from.ingested, from.stream, from.seq, maxScan+1)
	if err != nil {
		return fmt.Errorf("search log events: %w", err)
	}
	defer func() { _ = rows.Close() }()
	limit := limitOr(in.Limit, maxPageEvents)
	size, scanned, last := 0, 0, from
	for ; rows.Next(); scanned++ {
		var p spot
		var message string
		if err := rows.Scan(&p.at, &p.ingested, &p.stream, &p.seq, &message); err != nil {
			return fmt.Errorf("search log events: %w", err)
		}
		name, ok := names[p.stream]
		wanted := ok && match.matches(message)
		if scanned == maxScan || wanted && (len(out.Events) == limit || len(out.Events) > 0 && size+len(message)+perEvent > maxPageBytes) {
			out.NextToken = last.token()
			break
		}
		last = p
		if wanted {
			size += len(message) + perEvent
			out.Events = append(out.Events, filteredEvent{name, outputEvent{p.at, message, p.ingested}, p.id()})
		}
	}
	return rows.Err()
}
