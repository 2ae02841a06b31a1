package ship

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var updateDocs = flag.Bool("update-docs", false, "write docs/error-codes.md anew")

const codesPage = "../../docs/error-codes.md"

// The page lists every code that there is, and nothing else.
func TestCodesAreDocumented(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# Error codes\n\nThe `code` of a `problem`, and of a step that was stopped, in the results of `--output json`. They are stable; the\n" +
		"message is for people and may change. This page is generated from `internal/ship/code.go`.\n\n| code | meaning |\n|---|---|\n")
	listed := map[string]bool{}
	for _, c := range Codes {
		fmt.Fprintf(&b, "| `%s` | %s |\n", c.Code, c.Meaning)
		listed[c.Code] = true
	}
	if *updateDocs {
		if err := os.WriteFile(codesPage, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile(codesPage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.String(), string(page)); diff != "" {
		t.Errorf("%s is not what -update-docs makes (-want +got):\n%s", codesPage, diff)
	}
	if declared := declaredCodes(t); !cmp.Equal(declared, listed) {
		t.Errorf("declared and listed codes:\n%s", cmp.Diff(declared, listed))
	}
}

// declaredCodes are the values of the constants Code… in code.go.
func declaredCodes(t *testing.T) map[string]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "code.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Code") || spec.Names[0].Name == "Codes" {
			return true
		}
		text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		codes[text] = true
		return true
	})
	return codes
}

// No problem is made without a code, but for what is filled in afterwards and what the record tells.
func TestEveryProblemHasACode(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range files {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			made, ok := n.(*ast.CompositeLit)
			if !ok || strings.HasSuffix(name, "_test.go") {
				return true
			}
			if kind, ok := made.Type.(*ast.Ident); !ok || kind.Name != "Problem" {
				return true
			}
			seen++
			keys := map[string]bool{}
			for _, e := range made.Elts {
				keys[e.(*ast.KeyValueExpr).Key.(*ast.Ident).Name] = true
			}
			if keys["Message"] && !keys["Code"] && name != "sends.go" {
				t.Errorf("%s: a problem without a code", set.Position(made.Pos()))
			}
			return true
		})
	}
	if seen < 20 {
		t.Errorf("only %d problems were found", seen)
	}
}

// Every refusal, and every other problem of a deploy, has a code.
func TestProblemsHaveCodes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		arrange func(f *fake)
		code    string
	}{
		"denied":       {func(f *fake) { f.always("ListCommands", deniedFor("ssm:ListCommands")) }, CodeAccessDenied},
		"throttled":    {func(f *fake) { f.always("ListCommands", fails("ThrottlingException")) }, CodeThrottled},
		"broken":       {func(f *fake) { f.always("ListCommands", reply{drop: true}) }, CodeNoAnswer},
		"other":        {func(f *fake) { f.always("ListCommands", fails("InvalidFilterKey")) }, CodeAWS},
		"expired":      {func(f *fake) { f.always("ListCommands", fails("ExpiredTokenException")) }, CodeExpired},
		"no such node": {func(f *fake) { f.always("DescribeInstances", fails("InvalidInstanceID.NotFound")) }, CodeNoTargets},
		"not there": {func(f *fake) {
			f.always("DescribeInstances", reply{raw: "<DescribeInstancesResponse></DescribeInstancesResponse>"})
		}, CodeNoTargets},
		"not reachable": {func(f *fake) { f.always("DescribeInstanceInformation", reply{}) }, CodeUnreachable},
		"unreadable":    {func(f *fake) { f.always("GetCommandInvocation", fails("ValidationException")) }, CodeUnreadable},
		"document": {func(f *fake) {
			f.always("DescribeDocument", reply{body: map[string]any{"Document": document("3", testHash, "Failed")}})
		}, CodeDocument},
		"node refused": {func(f *fake) { f.always("SendCommand", fails("InvalidInstanceId")) }, CodeUnreachable},
		"lost":         {func(f *fake) { f.always("SendCommand", reply{drop: true}) }, CodeLostAnswer},
		"overdue":      {func(f *fake) { f.invocations = func(int) []inv { return f.all("InProgress", "InProgress") } }, CodeTimeout},
		"running": {func(f *fake) {
			f.earlier = []map[string]any{f.past(oldCommand, "slipway web/dev/release run-0.1", "InProgress", 0)}
			f.invocations = func(int) []inv { return f.all("InProgress", "InProgress") }
		}, CodeEarlierRunning},
		"other account": {func(f *fake) {
			f.always("GetCallerIdentity", reply{raw: "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::999999999999:user/x</Arn>" +
				"<Account>999999999999</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"})
		}, CodeWrongAccount},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "i-00000001")
			tt.arrange(f)
			if res := f.deploy(); res.Problem == nil || res.Problem.Code != tt.code {
				t.Errorf("want %s, got %+v", tt.code, res.Problem)
			}
		})
	}
}
