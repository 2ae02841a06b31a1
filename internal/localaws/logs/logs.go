// Package logs is CloudWatch Logs in the local AWS, as far as a release touches it: log groups and streams, events put
// and read, filtered and followed, retention and tags.
//
// Requests come in through the gateway ([Service.API]); all state is in SQLite. A node writes the output of its commands
// here with the credentials of its own role, so that a role which cannot write its log is found out.
package logs

import (
	"context"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// Service is CloudWatch Logs. It is safe for concurrent use.
type Service struct {
	db  *store.DB
	now func() time.Time
}

// schema: times are milliseconds since 1970, as on the wire. Events of a stream are kept in the order in which they are
// read: by time, and by arrival where that is equal.
var schema = []string{
	`CREATE TABLE IF NOT EXISTS logs_group (
		id INTEGER PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, created INTEGER NOT NULL,
		retention INTEGER NOT NULL DEFAULT 0, tags TEXT NOT NULL DEFAULT '{}', UNIQUE (account, region, name))`,
	`CREATE TABLE IF NOT EXISTS logs_stream (
		id INTEGER PRIMARY KEY, parent INTEGER NOT NULL, name TEXT NOT NULL, created INTEGER NOT NULL,
		first INTEGER NOT NULL DEFAULT 0, last INTEGER NOT NULL DEFAULT 0, ingested INTEGER NOT NULL DEFAULT 0,
		events INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0, UNIQUE (parent, name))`,
	`CREATE TABLE IF NOT EXISTS logs_event (
		stream INTEGER NOT NULL, at INTEGER NOT NULL, seq INTEGER NOT NULL, ingested INTEGER NOT NULL, message TEXT NOT NULL,
		PRIMARY KEY (stream, at, seq)) WITHOUT ROWID`,
}

// New makes the service and its tables. A nil now means the real clock.
func New(db *store.DB, now func() time.Time) (*Service, error) {
	if now == nil {
		now = time.Now
	}
	if err := db.Migrate(context.Background(), "logs", schema...); err != nil {
		return nil, err
	}
	return &Service{db: db, now: now}, nil
}

// maxRequest holds a batch of 1 MB whose every byte is written as a JSON escape.
const maxRequest = 8 << 20

// API is the service behind the gateway.
func (s *Service) API() gateway.Service {
	return gateway.Service{
		Name:     "logs",
		Protocol: gateway.JSON11,
		Target:   "Logs_20140328",
		MaxBody:  maxRequest,
		Operations: []gateway.Operation{
			gateway.Op("CreateLogGroup", s.createGroupAccess, s.createGroup).Except(
				"kmsKeyId is refused: there are no KMS keys", "logGroupClass: only STANDARD", "deletionProtectionEnabled is refused"),
			gateway.Op("DeleteLogGroup", onGroup[groupInput](s), s.deleteGroup),
			gateway.Op("DescribeLogGroups", describeGroupsAccess, s.describeGroups).Except(
				"accountIdentifiers and includeLinkedAccounts are refused: no accounts are linked", "logGroupIdentifiers is refused"),
			gateway.Op("PutRetentionPolicy", onGroup[retentionInput](s), s.putRetention),
			gateway.Op("DeleteRetentionPolicy", onGroup[groupInput](s), s.deleteRetention),
			gateway.Op("CreateLogStream", onStream[streamInput](s), s.createStream),
			gateway.Op("DeleteLogStream", onStream[streamInput](s), s.deleteStream),
			gateway.Op("DescribeLogStreams", onGroup[describeStreamsInput](s), s.describeStreams),
			gateway.Op("PutLogEvents", onStream[putInput](s), s.putEvents).Except(
				"entity is not kept", "sequenceToken is ignored, as by AWS"),
			gateway.Op("GetLogEvents", onStream[getInput](s), s.getEvents).Except("unmask changes nothing: no data is masked"),
			gateway.Op("FilterLogEvents", onGroup[filterInput](s), s.filterEvents).Except(
				"filterPattern: terms and regular expressions; JSON and space-delimited patterns are refused",
				"unmask changes nothing: no data is masked"),
			gateway.Op("TagResource", s.tagAccess, s.tagResource).Except("only log groups have tags"),
			gateway.Op("UntagResource", s.untagAccess, s.untagResource).Except("only log groups have tags"),
			gateway.Op("ListTagsForResource", s.listTagsAccess, s.listTags).Except("only log groups have tags"),
			gateway.Op("TagLogGroup", s.tagGroupAccess, s.tagGroup),
			gateway.Op("UntagLogGroup", s.untagGroupAccess, s.untagGroup),
			gateway.Op("ListTagsLogGroup", onGroup[groupInput](s), s.listGroupTags),
		},
	}
}

// millis is how times are written and stored.
func millis(t time.Time) int64 { return t.UnixMilli() }
