package ssm

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// command is one accepted SendCommand.
type command struct {
	seq                                     int64
	id, account, region                     string
	requested, expires                      time.Time
	document                                string
	status, details                         string
	cancelled                               bool
	targets, completed, errors, undelivered int
	request                                 sendInput
	payload                                 string
	limits                                  limits
	// triggered is the state of the alarm that stopped the command: ALARM or UNKNOWN.
	triggered string
}

// limits are what a command was accepted with, resolved to numbers.
type limits struct {
	// Concurrency is how many nodes may work at once, Errors how many may fail before the rest is not begun.
	Concurrency, Errors int
	// SlowStart begins with one node and opens up as nodes finish.
	SlowStart           bool
	Delivery, Execution time.Duration
	// Steps are the names of the document's steps, in order, and Folders where their output is, below their plugins'.
	Steps   []string
	Folders []string `json:",omitempty"`
}

// folder is a step's folder.
func (l limits) folder(step string) string {
	if i := slices.Index(l.Steps, step); i >= 0 && i < len(l.Folders) {
		return l.Folders[i]
	}
	return ""
}

const commandColumns = `c.seq, c.id, c.account, c.region, c.requested, c.expires, c.document, c.status, c.details,
	c.cancelled, c.targets, c.completed, c.errors, c.undelivered, c.request, c.limits, c.triggered`

func scanCommand(row interface{ Scan(...any) error }, more ...any) (*command, error) {
	c := &command{}
	var requested, expires int64
	var request, limits string
	err := row.Scan(append([]any{&c.seq, &c.id, &c.account, &c.region, &requested, &expires, &c.document, &c.status,
		&c.details, &c.cancelled, &c.targets, &c.completed, &c.errors, &c.undelivered, &request, &limits, &c.triggered}, more...)...)
	if err != nil {
		return nil, err
	}
	c.requested, c.expires = fromNanos(requested), fromNanos(expires)
	return c, c.decode(request, limits)
}

var (
	requests  memo[sendInput]
	allLimits memo[limits]
)

// decode reads the parts that are stored as JSON. What it gives is shared by all who read the command.
func (c *command) decode(request, limit string) (err error) {
	if c.request, err = requests.get(request, fromJSON[sendInput]); err != nil {
		return fmt.Errorf("read command %s: %w", c.id, err)
	}
	if c.limits, err = allLimits.get(limit, fromJSON[limits]); err != nil {
		return fmt.Errorf("read command %s: %w", c.id, err)
	}
	return nil
}

func fromJSON[T any](text string) (value T, err error) {
	err = json.Unmarshal([]byte(text), &value)
	return value, err
}

// errNoCommand says that an owner has no such command.
var errNoCommand = errors.New("no such command")

func loadCommand(ctx context.Context, q querier, account, region, id string) (*command, error) {
	c, err := scanCommand(q.QueryRowContext(ctx, `SELECT `+commandColumns+` FROM ssm_command c
		WHERE c.id = ? AND c.account = ? AND c.region = ?`, id, account, region))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errNoCommand
	}
	return c, err
}

func loadCommandSeq(ctx context.Context, q querier, seq int64) (*command, error) {
	return scanCommand(q.QueryRowContext(ctx, `SELECT `+commandColumns+` FROM ssm_command c WHERE c.seq = ?`, seq))
}

// insertCommand writes a new command and sets its seq.
func (w *work) insertCommand(ctx context.Context, c *command) error {
	request, err := json.Marshal(c.request)
	if err != nil {
		return err
	}
	limits, err := json.Marshal(c.limits)
	if err != nil {
		return err
	}
	res, err := w.ExecContext(ctx, `INSERT INTO ssm_command
		(id, account, region, requested, expires, document, status, details, targets, completed, request, payload, limits, alarm, triggered)
		VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`, c.id, c.account, c.region, nanos(c.requested), nanos(c.expires), c.document,
		c.status, c.details, c.targets, c.completed, string(request), c.payload, string(limits), c.request.alarm(), c.triggered)
	if err != nil {
		return err
	}
	c.seq, err = res.LastInsertId()
	return err
}

// share is a MaxConcurrency or MaxErrors, absolute or as a percentage of n.
// uncertain: which way AWS rounds a percentage; down is the careful one.
func share(text string, n int) int {
	percent, isPercent := strings.CutSuffix(text, "%")
	v, err := strconv.Atoi(percent)
	if err != nil {
		return 0 // the request was validated: only a number beyond int gets here, and it fails closed
	}
	if isPercent {
		return n * v / 100
	}
	return v
}

// uuidForm is a command id.
var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// newUUID makes a random (version 4) UUID.
func (s *Service) newUUID() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(s.rand, b[:]); err != nil {
		return "", fmt.Errorf("make id: %w", err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}
