package ssm

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// stored is one version of a document with what belongs to all versions.
type stored struct {
	name, owner                   string
	kind                          string
	targetType                    string
	tags                          []tag
	defaultVersion, latestVersion int

	version                  int
	versionName, displayName string
	created                  time.Time
	format, content, hash    string
	// ref is what the document is called by whom it is shown to: its name, or the ARN when another account shares it.
	ref string
}

type tag struct {
	Key, Value string
}

// querier is what sql.DB and sql.Tx have in common.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

const storedColumns = `d.name, d.account, d.type, d.target_type, d.tags, d.default_version, d.latest_version,
	v.version, v.version_name, v.display_name, v.created, v.format, v.content, v.hash`

const storedJoin = ` FROM ssm_document d JOIN ssm_document_version v USING (account, region, name) `

func scanStored(row interface{ Scan(...any) error }) (stored, error) {
	var d stored
	var tags string
	var created int64
	err := row.Scan(&d.name, &d.owner, &d.kind, &d.targetType, &tags, &d.defaultVersion, &d.latestVersion,
		&d.version, &d.versionName, &d.displayName, &created, &d.format, &d.content, &d.hash)
	if err != nil {
		return stored{}, err
	}
	d.created, d.ref = fromNanos(created), d.name
	if err := json.Unmarshal([]byte(tags), &d.tags); err != nil {
		return stored{}, fmt.Errorf("read document %s: %w", d.name, err)
	}
	return d, nil
}

var parsedDocuments memo[*document]

// parse reads the text. A document that was read before is shared: nobody may change it.
func (d *stored) parse() (*document, error) {
	return parsedDocuments.get(d.kind+" "+d.format+" "+d.content, func(string) (*document, error) {
		return parseDocument(d.kind, d.content, d.format)
	})
}

// noDocument is the answer for every document that does not exist or is not the caller's to see.
func noDocument(ref string) error {
	return fault("InvalidDocument", "Document with name %s does not exist.", ref)
}

// splitRef takes a name or an ARN apart. Documents that AWS owns have no owner. ok is false when it can name no document
// of this region.
func splitRef(c *gateway.Call, ref string) (owner, name string, ok bool) {
	if !strings.HasPrefix(ref, "arn:") {
		return c.Caller.Account, ref, !strings.ContainsAny(ref, ":/")
	}
	parts := strings.SplitN(ref, ":", 6)
	if len(parts) != 6 || parts[1] != "aws" || parts[2] != "ssm" || parts[3] != c.Region {
		return "", ref, false
	}
	name, ok = strings.CutPrefix(parts[5], "document/")
	// An account in the ARN of a document of AWS's own is as wrong as none in that of any other.
	return parts[4], name, ok && (parts[4] == "") == awsOwned(name)
}

// refARN is the ARN that permissions are checked on: that of the reference if it is one, whoever owns it.
func refARN(c *gateway.Call, ref string) string {
	if strings.HasPrefix(ref, "arn:") {
		return ref
	}
	return documentARN(c.Caller.Account, c.Region, ref)
}

// selector says which version of a document is meant.
type selector struct{ version, versionName string }

// find reads a document by name or ARN, in the version that the selector names; an empty one is the default. Another
// account's document is found in the versions that it shares with the caller.
func find(ctx context.Context, q querier, c *gateway.Call, ref string, which selector) (stored, error) {
	owner, name, ok := splitRef(c, ref)
	switch {
	case !ok:
		return stored{}, noDocument(ref)
	case awsOwned(name):
		return findBuiltin(name, which)
	case owner != c.Caller.Account:
		return findShared(ctx, q, c, owner, name, which)
	}
	return findOwned(ctx, q, owner, c.Region, name, which)
}

// findOwned reads a document, whoever asks.
func findOwned(ctx context.Context, q querier, owner, region, name string, which selector) (stored, error) {
	condition, args := "v.version = d.default_version", []any{owner, region, name}
	switch which.version {
	case "", "$DEFAULT":
		if which.versionName != "" {
			condition, args = "v.version_name = ?", append(args, which.versionName)
		}
	case "$LATEST":
		condition = "v.version = d.latest_version"
	default:
		n, err := strconv.Atoi(which.version)
		if err != nil {
			return stored{}, noVersion(name)
		}
		condition, args = "v.version = ?", append(args, n)
	}
	d, err := scanStored(q.QueryRowContext(ctx, `SELECT `+storedColumns+storedJoin+
		`WHERE d.account = ? AND d.region = ? AND d.name = ? AND `+condition, args...))
	if !errors.Is(err, sql.ErrNoRows) {
		return d, err
	}
	exists, err := documentExists(ctx, q, owner, region, name)
	if err != nil {
		return stored{}, err
	}
	if exists {
		return stored{}, noVersion(name)
	}
	return stored{}, noDocument(name)
}

func findBuiltin(name string, which selector) (stored, error) {
	d, ok := builtin(name)
	if !ok {
		return stored{}, noDocument(name)
	}
	if which.versionName != "" || (which.version != "" && which.version != "1" && !strings.HasPrefix(which.version, "$")) {
		return stored{}, noVersion(name)
	}
	return d, nil
}

func noVersion(name string) error {
	return fault("InvalidDocumentVersion", "The document version isn't valid or doesn't exist: %s.", name)
}

func documentExists(ctx context.Context, q querier, owner, region, name string) (bool, error) {
	var n int
	err := q.QueryRowContext(ctx, `SELECT count(*) FROM ssm_document WHERE account = ? AND region = ? AND name = ?`,
		owner, region, name).Scan(&n)
	return n > 0, err
}

// insertVersion writes a version of a document whose row exists.
func (w *work) insertVersion(ctx context.Context, c *gateway.Call, d stored) error {
	_, err := w.ExecContext(ctx, `INSERT INTO ssm_document_version
		(account, region, name, version, created, version_name, display_name, format, content, hash)
		VALUES (?,?,?,?,?,?,?,?,?,?)`, c.Caller.Account, c.Region, d.name, d.version, nanos(d.created),
		d.versionName, d.displayName, d.format, d.content, d.hash)
	return err
}

// collect reads all rows and closes them.
func collect[T any](rows *sql.Rows, scan func(*sql.Rows) (T, error)) ([]T, error) {
	defer func() { _ = rows.Close() }()
	var all []T
	for rows.Next() {
		x, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	return all, rows.Err()
}
