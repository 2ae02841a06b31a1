package iam

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	engine "github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// The wire structures of the operations that list context keys.
type (
	customKeysIn    struct{ PolicyInputList []string }
	principalKeysIn struct {
		PolicySourceArn string
		PolicyInputList []string
	}
	keysOut struct{ ContextKeyNames []string }
)

func (s *Service) contextKeyOperations() []gateway.Operation {
	return []gateway.Operation{
		gateway.Op("GetContextKeysForCustomPolicy", func(context.Context, *gateway.Call, *customKeysIn) ([]gateway.Access, error) { return everything() },
			func(_ context.Context, c *gateway.Call, in *customKeysIn) (*keysOut, error) {
				return newSimulation(c.Caller.Account).keys(in.PolicyInputList)
			}),
		gateway.Op("GetContextKeysForPrincipalPolicy", func(ctx context.Context, c *gateway.Call, in *principalKeysIn) ([]gateway.Access, error) {
			return s.onEntity(ctx, c, in.PolicySourceArn)
		}, s.principalKeys),
	}
}

func (s *Service) principalKeys(ctx context.Context, c *gateway.Call, in *principalKeysIn) (*keysOut, error) {
	m := entityPattern.FindStringSubmatch(in.PolicySourceArn)
	o := owner{m[1], m[2], m[3]}
	if o.account != c.Caller.Account {
		return nil, noSuchEntity("Entity not found for %s.", in.PolicySourceArn)
	}
	if err := o.must(ctx, s.db); err != nil {
		return nil, err
	}
	sim := newSimulation(o.account)
	if err := s.loadEntity(ctx, sim, o); err != nil {
		return nil, err
	}
	return sim.keys(in.PolicyInputList)
}

// keys lists the context keys of the simulation's policies and of others.
func (sim *simulation) keys(policies []string) (*keysOut, error) {
	for i, text := range policies {
		if err := sim.identity("PolicyInputList."+strconv.Itoa(i+1), text); err != nil {
			return nil, err
		}
	}
	out := &keysOut{ContextKeyNames: []string{}}
	seen := map[string]bool{}
	for _, doc := range sim.documents {
		for i := range doc.Statements {
			for _, key := range statementKeys(&doc.Statements[i]) {
				if folded := strings.ToLower(key); !seen[folded] {
					seen[folded] = true
					out.ContextKeyNames = append(out.ContextKeyNames, key)
				}
			}
		}
	}
	return out, nil
}

// statementKeys lists the context keys that a statement reads, in its order: those of variables and of conditions.
func statementKeys(st *engine.Statement) []string {
	var keys []string
	for _, list := range [][]string{st.Resources, st.NotResources} {
		for _, pattern := range list {
			keys = append(keys, variables(pattern)...)
		}
	}
	for _, c := range st.Conditions {
		keys = append(keys, c.Key)
		for _, value := range c.Values {
			keys = append(keys, variables(value)...)
		}
	}
	return keys
}

// variables lists the context keys of the policy variables in a text: the key of ${key, 'default'}.
func variables(text string) []string {
	var keys []string
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			return keys
		}
		n := engine.VariableLength(text[i:])
		if n == 0 {
			return keys
		}
		key, _, _ := strings.Cut(text[i+2:i+n-1], ",")
		if key = strings.TrimSpace(key); key != "*" && key != "?" && key != "$" {
			keys = append(keys, key)
		}
		text = text[i+n:]
	}
}

var keyPattern = regexp.MustCompile(`^[^:\s]+:\S+$`)

// valueChecks are what the values of a type must be.
var valueChecks = map[string]func(string) bool{
	"string":  func(string) bool { return true },
	"numeric": func(s string) bool { _, err := strconv.ParseFloat(s, 64); return err == nil },
	"boolean": func(s string) bool { return strings.EqualFold(s, "true") || strings.EqualFold(s, "false") },
	"ip": func(s string) bool {
		_, err := netip.ParseAddr(s)
		_, wide := netip.ParsePrefix(s)
		return err == nil || wide == nil
	},
	"binary": func(s string) bool { _, err := base64.StdEncoding.DecodeString(s); return err == nil },
	"date": func(s string) bool {
		_, seconds := strconv.ParseFloat(s, 64)
		_, day := time.Parse(time.DateOnly, s)
		_, moment := time.Parse(time.RFC3339, s)
		return seconds == nil || day == nil || moment == nil
	},
}

// check refuses an entry that says other than its type.
func (e *contextEntry) check() error {
	single, list := strings.CutSuffix(e.ContextKeyType, "List")
	valid, ok := valueChecks[single]
	if !ok {
		return invalid("1 validation error detected: Value at 'contextEntries' failed to satisfy constraint: Member must satisfy enum value set: [string, stringList, numeric, numericList, boolean, booleanList, ip, ipList, binary, binaryList, date, dateList]")
	}
	if len(e.ContextKeyName) < 5 || len(e.ContextKeyName) > 256 || !keyPattern.MatchString(e.ContextKeyName) {
		return invalidInput("Invalid context key name: %s", e.ContextKeyName)
	}
	if len(e.ContextKeyValues) > 1 && !list {
		return invalidInput("Context key %s is of type %s and has %d values.", e.ContextKeyName, e.ContextKeyType, len(e.ContextKeyValues))
	}
	for _, v := range e.ContextKeyValues {
		if !valid(v) {
			return invalidInput("Invalid value of context key %s: %s is no %s.", e.ContextKeyName, v, single)
		}
	}
	return nil
}

// statementAt says where the statement of that index is, as the simulator does: from the end of the token before it (the
// bracket, the statement before) to its own end; one that is no list begins behind its brace. uncertain: this is what
// AWS's published answers have.
func statementAt(text string, index int) (start, end position) {
	d := json.NewDecoder(strings.NewReader(text))
	if !toStatements(d) {
		return start, end
	}
	first, err := d.Token()
	from := d.InputOffset()
	if err != nil {
		return start, end
	}
	if first == json.Delim('{') {
		for depth := 1; depth > 0; {
			t, err := d.Token()
			if err != nil {
				return start, end
			}
			if t == json.Delim('{') || t == json.Delim('[') {
				depth++
			} else if t == json.Delim('}') || t == json.Delim(']') {
				depth--
			}
		}
		return place(text, from), place(text, d.InputOffset())
	}
	for range index + 1 {
		from = d.InputOffset()
		var statement json.RawMessage
		if !d.More() || d.Decode(&statement) != nil {
			return start, end
		}
	}
	return place(text, from), place(text, d.InputOffset())
}

// toStatements reads on to the value of the Statement element.
func toStatements(d *json.Decoder) bool {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return false
		}
		if name == "Statement" {
			return true
		}
		var other json.RawMessage
		if d.Decode(&other) != nil {
			return false
		}
	}
	return false
}

func place(text string, offset int64) position {
	before := text[:offset]
	line := strings.LastIndexByte(before, '\n') + 1
	return position{1 + strings.Count(before, "\n"), 1 + utf8.RuneCountInString(before[line:])}
}
