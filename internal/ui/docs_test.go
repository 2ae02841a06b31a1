package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/ship"
)

// Between these lines docs/output.md is made by this test, with -update.
const (
	docsBegin = "<!-- made by go test ./internal/ui -update, from the types in internal/ship -->\n"
	docsEnd   = "<!-- the end of what is made -->\n"
)

// TestOutputDocs holds docs/output.md against the Go types: a kind of event or a field that it does not describe fails.
func TestOutputDocs(t *testing.T) {
	t.Parallel()
	file := filepath.Join("..", "..", "docs", "output.md")
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(body), docsBegin)
	old, after, ended := strings.Cut(rest, docsEnd)
	if !found || !ended {
		t.Fatalf("%s has not the two lines between which it is made", file)
	}
	want := madeDocs(t)
	if *update {
		if err := os.WriteFile(file, []byte(before+docsBegin+want+docsEnd+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, old); diff != "" {
		t.Errorf("%s (-want +got); -update writes it anew:\n%s", file, diff)
	}
}

// documented are the types that appear in the output, in the order in which the document has them.
var documented = []any{ship.Event{}, ship.Batch{}, ship.Result{}, ship.StepResult{}, ship.SendResult{}, ship.NodeResult{},
	ship.ScriptStepResult{}, ship.Problem{}, ship.Recorded{}}

// fieldTexts are for fields without a comment in the code.
var fieldTexts = map[string]string{
	"Event.time": "When it happened, RFC 3339.", "Event.kind": "One of the kinds above.", "Event.stage": "The stage.", "Event.step": "The step.",
	"Event.commandId": "The command.", "Event.instanceId": "The node.", "Event.verdict": "Of a node, a step or a deploy that has one.",
	"Event.message": "What happened, for people; of output events the lines.", "Batch.of": "See number.", "Batch.total": "See done.",
	"Result.verdict": "succeeded, failed, unknown or refused.", "Result.stage": "The stage.", "Result.steps": "The steps, see StepResult.",
	"StepResult.name": "The step.", "StepResult.documentVersion": "The version of the SSM document that was sent.", "StepResult.verdict": "As a node's, or refused.",
	"StepResult.nodes": "See NodeResult.", "StepResult.why": "Explains every verdict but succeeded.", "StepResult.cannotResume": "See resume.", "StepResult.code": "See stopped.",
	"SendResult.commandId": "The command.", "SendResult.batch": "Counts from 1.", "SendResult.nodes": "The nodes it was for.", "SendResult.verdict": "As a step's.", "SendResult.why": "Explains every verdict but succeeded.",
	"NodeResult.instanceId": "The node.", "NodeResult.verdict": "succeeded, failed, unknown or not started.", "NodeResult.statusDetails": "See status.", "NodeResult.steps": "The scripts, see ScriptStepResult.",
	"ScriptStepResult.name": "The script's name in the document.", "ScriptStepResult.statusDetails": "Run Command's word, in detail.",
	"ScriptStepResult.stdout": "What it wrote, stdout and stderr in their order.", "ScriptStepResult.stderr": "What Run Command has as stderr: what slipway says about how the script ended.",
	"Problem.action": "See principal.", "Problem.resource": "See principal.", "Problem.commandId": "The command it is about.", "Problem.message": "What is wrong, for people.", "Problem.hint": "What would help.",
	"Recorded.id": "The deploy's id in the record.", "Recorded.kind": "deploy or rollback.", "Recorded.version": "What was shipped.", "Recorded.target": "See previous.",
}

// examples are one event of each kind.
func examples() map[ship.EventKind]ship.Event {
	node := ship.NodeResult{InstanceID: "i-2", Verdict: ship.Failed, Status: "Failed", StatusDetails: "Failed", Why: "step validate: exit code 7",
		Steps: []ship.ScriptStepResult{{Name: "release", Status: "Success", Elapsed: 3 * time.Second, Stdout: "installing v42\n"}, {Name: "validate", Status: "Failed", ExitCode: 7, Stdout: "no answer\n"}}}
	batch := &ship.Batch{Number: 2, Of: 3, Done: 1, Total: 20}
	return map[ship.EventKind]ship.Event{
		ship.EventIdentity:  {Message: "arn:aws:sts::333333333333:assumed-role/shop-prod-Deploy/slipway"},
		ship.EventTargets:   {Message: "2 nodes: i-1, i-2", Nodes: []string{"i-1", "i-2"}},
		ship.EventPreflight: {Message: "2 nodes registered, the result can be read"},
		ship.EventEarlier:   {CommandID: "0831e1a8-a1ac-4257-a1fd-c831b48c4107", Message: "the last command of this stage has ended: succeeded"},
		ship.EventDocument:  {Step: "release", Message: "document shop-prod-release, version 7"},
		ship.EventSent:      {Step: "release", CommandID: "ebe76b7d-6cf5-49fe-895a-079f68423610", Message: "command ebe76b7d-6cf5-49fe-895a-079f68423610"},
		ship.EventLost:      {Step: "release", Message: "the answer to SendCommand was lost; looking for the command"},
		ship.EventNode:      {Step: "release", CommandID: "ebe76b7d-6cf5-49fe-895a-079f68423610", Instance: "i-2", Status: "Failed", Verdict: ship.Failed, Message: node.Why, Node: &node},
		ship.EventWaiting:   {Step: "release", CommandID: "ebe76b7d-6cf5-49fe-895a-079f68423610", Counts: map[string]int{"InProgress": 1, "Success": 1}},
		ship.EventNotYet:    {Step: "release", Message: "ssm:ListCommandInvocations: ThrottlingException"},
		ship.EventWarning:   {Message: "i-2 is Pending for 5m0s, longer than its delivery timeout"},
		ship.EventCancel:    {Step: "release", CommandID: "ebe76b7d-6cf5-49fe-895a-079f68423610", Message: "interrupted: cancelling command ebe76b7d-6cf5-49fe-895a-079f68423610"},
		ship.EventStep:      {Step: "release", CommandID: "ebe76b7d-6cf5-49fe-895a-079f68423610", Verdict: ship.Failed},
		ship.EventBatch:     {Step: "release", Batch: batch, Nodes: []string{"i-2", "i-3"}, Message: "batch 2: 2 nodes: i-2, i-3"},
		ship.EventPause:     {Step: "release", Batch: batch, Until: noon.Add(30 * time.Second), Message: "pause of 30s"},
		ship.EventOutput:    {Step: "release", Instance: "i-2", Message: "pulling the image\nstarting\n"},
		ship.EventLock:      {Until: noon.Add(2 * time.Minute), Message: "waiting: held by ann for deploy 20261122T115800Z-4f2a"},
		ship.EventRecord:    {Version: "v42", Message: "recorded as 20261122T120000Z-77b1"},
		ship.EventRollback:  {Version: "v41", Message: "back to v41 (deploy 20261121T090000Z-11aa)"},
		ship.EventJoined:    {Nodes: []string{"i-8", "i-9"}, Message: "2 nodes joined meanwhile and run the old version: i-8, i-9"},
	}
}

func madeDocs(t *testing.T) string {
	t.Helper()
	kinds, comments := shipSource(t)
	if len(kinds) < 20 {
		t.Fatalf("only %d kinds of events were found: the test is broken", len(kinds))
	}
	var b strings.Builder
	b.WriteString("| kind | says |\n|---|---|\n")
	for _, k := range kinds {
		fmt.Fprintf(&b, "| `%s` | %s |\n", k.value, k.comment)
	}
	b.WriteString("\nOne of each:\n\n```json\n")
	all := examples()
	for _, k := range kinds {
		example, ok := all[ship.EventKind(k.value)]
		if !ok || k.comment == "" {
			t.Errorf("a kind of event, %q, without a comment or an example", k.value)
		}
		example.Kind, example.Time, example.Stage = ship.EventKind(k.value), noon, "prod"
		var out bytes.Buffer
		New(&out, &out, Options{JSON: true}).Event(example)
		b.WriteString(out.String())
	}
	b.WriteString("```\n")
	for _, v := range documented {
		b.WriteString(typeDocs(t, reflect.TypeOf(v), comments))
	}
	return b.String()
}

// typeDocs is a table of a type's fields. One that is documented nowhere fails.
func typeDocs(t *testing.T, typ reflect.Type, comments map[string]string) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "\n### %s\n\n%s\n\n| field | type | is |\n|---|---|---|\n", typ.Name(), comments[typ.Name()])
	for i := range typ.NumField() {
		field := typ.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !field.IsExported() || name == "-" {
			continue
		}
		text := comments[typ.Name()+"."+field.Name]
		if text == "" {
			text = fieldTexts[typ.Name()+"."+name]
		}
		if text == "" {
			t.Errorf("%s.%s: no comment, and nothing in fieldTexts", typ.Name(), name)
		}
		missing := ""
		if strings.Contains(options, "omit") {
			missing = "?"
		}
		fmt.Fprintf(&b, "| `%s`%s | %s | %s |\n", name, missing, jsonType(field.Type), strings.ReplaceAll(text, "|", `\|`))
	}
	return b.String()
}

// jsonType names what a field is in JSON.
func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return jsonType(t.Elem())
	case reflect.Slice:
		return "list of " + jsonType(t.Elem())
	case reflect.Map:
		return "object of " + jsonType(t.Elem())
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64:
		if t == reflect.TypeFor[time.Duration]() {
			return "nanoseconds"
		}
		return "number"
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return "time"
		}
		return t.Name()
	}
	return "text"
}

// kind is a constant of type EventKind.
type kind struct{ value, comment string }

// shipSource reads the kinds of events and the comments of types and fields out of the source of package ship.
func shipSource(t *testing.T) (kinds []kind, comments map[string]string) {
	t.Helper()
	comments = map[string]string{}
	files, err := filepath.Glob(filepath.Join("..", "ship", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				if typ, ok := n.Type.(*ast.Ident); ok && typ.Name == "EventKind" {
					value, err := strconv.Unquote(n.Values[0].(*ast.BasicLit).Value)
					if err != nil {
						t.Fatal(err)
					}
					kinds = append(kinds, kind{value, oneText(n.Comment, n.Doc)})
				}
			case *ast.GenDecl:
				for _, spec := range n.Specs {
					if typ, ok := spec.(*ast.TypeSpec); ok {
						comments[typ.Name.Name] = oneText(n.Doc)
						structComments(typ, comments)
					}
				}
			}
			return true
		})
	}
	return kinds, comments
}

func structComments(typ *ast.TypeSpec, comments map[string]string) {
	s, ok := typ.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, field := range s.Fields.List {
		for _, name := range field.Names {
			comments[typ.Name.Name+"."+name.Name] = oneText(field.Doc, field.Comment)
		}
	}
}

func oneText(groups ...*ast.CommentGroup) string {
	for _, g := range groups {
		if text := strings.Join(strings.Fields(g.Text()), " "); text != "" {
			return text
		}
	}
	return ""
}

// Every line of the JSON output is an object with a type, in the order type first.
func TestExamplesAreJSON(t *testing.T) {
	t.Parallel()
	for kind, e := range examples() {
		var out bytes.Buffer
		e.Kind, e.Time = kind, noon
		New(&out, &out, Options{JSON: true}).Event(e)
		var got struct {
			Type string
			ship.Event
		}
		if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.Type != "event" || got.Kind != kind || !strings.HasPrefix(out.String(), `{"type":"event",`) {
			t.Errorf("%s: %v: %s", kind, err, out.String())
		}
	}
}
