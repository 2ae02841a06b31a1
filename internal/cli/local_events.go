package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

type eventsCommand struct {
	dataFlag
	Name      string `placeholder:"OPERATION" help:"Only this operation, for example SendCommand."`
	Service   string `placeholder:"NAME" help:"Only this service, for example ssm."`
	Account   string `placeholder:"ID" help:"Only calls from this account."`
	Principal string `placeholder:"TEXT" help:"Only callers whose ARN holds this, for example a role's name."`
	Resource  string `placeholder:"TEXT" help:"Only calls that were checked on a resource whose ARN holds this."`
	Errors    bool   `help:"Only calls that were answered with an error."`
	Denied    bool   `help:"Only calls of which a permission was denied."`
	Since     string `placeholder:"TIME" help:"Only from then on: a duration such as 10m, or a time such as 2026-11-22T04:30:00Z."`
	Until     string `placeholder:"TIME" help:"Only before then."`
	Limit     int    `short:"n" placeholder:"N" help:"Only the newest N of those that the service, the operation, the account and the times choose."`
	Follow    bool   `help:"Go on printing what happens, until interrupted."`
	Output    string `short:"o" enum:"text,json" default:"json" help:"json: one CloudTrail record a line; text: one short line a call (default: json)."`
}

// Help shows examples under `slipway local events --help`.
func (eventsCommand) Help() string {
	return `Oldest first. Every record has CloudTrail's form; what was decided, and by which statement, is under "slipway".
CloudTrail's LookupEvents gives the same events to any AWS client: aws cloudtrail lookup-events.

Examples:
  slipway local events --name SendCommand
  slipway local events --follow --output text
  slipway local events --denied --principal web-dev-Deploy --since 10m
  slipway local events | jq -r 'select(.errorCode) | .errorMessage'`
}

// followInterval is how late --follow may print an event.
const followInterval = 200 * time.Millisecond

// Run prints the event log, of a local AWS that runs or that ran.
func (c *eventsCommand) Run(ctx context.Context, process *Process) error {
	filter, err := c.filter(time.Now())
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(c.Data, "state.db")); err != nil {
		return noLocal(c.Data, err)
	}
	db, err := store.Open(c.Data)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	log, err := gateway.NewEventLog(db)
	if err != nil {
		return err
	}
	for {
		events, err := log.List(ctx, filter)
		if err != nil && ctx.Err() != nil {
			return nil // Ctrl-C is how --follow ends
		}
		if err != nil {
			return err
		}
		for i := range events {
			filter.After = events[i].Seq
			if err := c.print(process.Stdout, &events[i]); err != nil {
				return err
			}
		}
		filter.Limit = 0
		if !c.Follow || !pause(ctx, followInterval) {
			return nil
		}
	}
}

// pause waits, and says whether ctx is still on.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func (c *eventsCommand) filter(now time.Time) (gateway.Filter, error) {
	f := gateway.Filter{Name: c.Name, Account: c.Account, Limit: c.Limit}
	if c.Service != "" {
		f.Source = strings.ToLower(c.Service) + ".amazonaws.com"
	}
	var err error
	if f.Since, err = moment("--since", c.Since, now); err != nil {
		return f, err
	}
	if f.Until, err = moment("--until", c.Until, now); err != nil {
		return f, err
	}
	if c.Limit < 0 {
		return f, usage(fmt.Errorf("--limit %d: want a number of events", c.Limit), "")
	}
	f.Match = c.wants
	return f, nil
}

// moment reads a time, or a duration before now.
func moment(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, usage(fmt.Errorf("%s %q: neither a duration nor a time", flag, text), "for example 10m, or 2026-11-22T04:30:00Z")
	}
	return at, nil
}

// wants chooses by what the log has no index for.
func (c *eventsCommand) wants(e *gateway.Event) bool {
	if c.Errors && e.ErrorCode == "" || !strings.Contains(e.UserIdentity.ARN+" "+e.UserIdentity.PrincipalID, c.Principal) {
		return false
	}
	denied, named := !c.Denied, c.Resource == ""
	for _, check := range e.Slipway.Checks {
		denied = denied || check.Decision != "Allowed"
		named = named || strings.Contains(check.Resource, c.Resource)
	}
	return denied && named
}

func (c *eventsCommand) print(w io.Writer, e *gateway.Event) error {
	if c.Output == "text" {
		_, err := io.WriteString(w, eventLine(e))
		return err
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(e)
}

// eventLine is a call in one line: when, who, what, how it was answered, and what decided.
func eventLine(e *gateway.Event) string {
	who := e.UserIdentity.ARN[strings.LastIndexByte(e.UserIdentity.ARN, ':')+1:]
	if who == "" {
		who = e.UserIdentity.PrincipalID
	}
	service, _, _ := strings.Cut(e.EventSource, ".")
	outcome := "ok"
	if e.ErrorCode != "" {
		outcome = e.ErrorCode
	}
	parts := []string{e.EventTime.Local().Format("15:04:05.000"), orDash(e.RecipientAccountID), orDash(e.AWSRegion), orDash(who), service + ":" + e.EventName, outcome}
	for _, check := range e.Slipway.Checks {
		by := strings.Join(check.Decisive, " ")
		if by == "" {
			by = "no statement"
		}
		parts = append(parts, check.Decision+" "+check.Action+" on "+check.Resource+" ("+by+")")
	}
	return plain(strings.Join(parts, "  ")) + "\n"
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// plain keeps a client's text from moving the cursor of whoever reads it.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}
