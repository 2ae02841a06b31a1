package yaml_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/yaml"
)

// texts are strings that a printer or a reader could take for something else.
var texts = []string{
	"*", "**", "yes", "No", "ON", "off", "true", "False", "null", "~", "y", "0123456789", "111122223333", "1e3", "0x1F", "0o17", ".5",
	"-", "- a", "a: b", "a:", ":a", "#", "a #b", "a#b", " a", "a ", "''", "it's", `"`, `\`, "a\nb", "a\n", "\n", "\t", "\r\n", "|", ">", "&a", "!Ref a", "%",
	"@a", "`a`", "{a}", "[a]", "a, b", "<<", "=", "?", "? a", "---", "...", "2012-10-17", "2001-12-14t21:59:43.10-05:00", "12:30:45", "${aws:username}",
	"arn:aws:s3:::b/${a:b, 'x'}/*", "s3:Get*", "ü", "日本", "\u0085", "\u2028", "\ufeff", "\u00a0", "😀", "\x7f", "\u0080", "\ufffd", "<&>", "/a", "$", "Ref", "Fn::Sub",
}

// text draws a string that is not empty.
func text() *rapid.Generator[string] {
	return rapid.OneOf(rapid.SampledFrom(texts), rapid.StringMatching(`[a-z0-9:*/ '"#,\-]{1,12}`),
		rapid.StringN(1, 8, -1).Filter(func(s string) bool { return !strings.ContainsRune(s, 0) }))
}

// argument draws the JSON of a value within a function call.
func argument(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		top := 8
		if depth == 0 {
			top = 4
		}
		switch rapid.IntRange(0, top).Draw(t, "kind") {
		case 0:
			return rapid.SampledFrom([]string{"1", "-1.50", "1e3", "0", "12345678901234567890"}).Draw(t, "number")
		case 1:
			return rapid.SampledFrom([]string{"true", "false", "null", "[]", "{}"}).Draw(t, "word")
		case 2, 3, 4:
			return jsonString(text().Draw(t, "text"))
		case 5:
			return "[" + strings.Join(rapid.SliceOfN(argument(depth-1), 1, 3).Draw(t, "list"), ",") + "]"
		case 6:
			keys := rapid.SliceOfNDistinct(text(), 1, 3, rapid.ID[string]).Draw(t, "keys")
			for i, key := range keys {
				keys[i] = jsonString(key) + ":" + argument(depth-1).Draw(t, "value")
			}
			return "{" + strings.Join(keys, ",") + "}"
		default:
			return call(depth-1).Draw(t, "call")
		}
	})
}

func jsonString(s string) string {
	d := iam.Document{ID: s}
	return strings.TrimSuffix(strings.TrimPrefix(string(d.Compact()), `{"Id":`), `,"Statement":[]}`)
}

// call draws the JSON of a function call.
func call(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		name := rapid.SampledFrom([]string{"Ref", "Condition", "Fn::Sub", "Fn::GetAtt", "Fn::Join", "Fn::If", "Fn::Base64", "Fn::Transform", "Fn::ForEach::x"}).Draw(t, "function")
		if name == "Ref" || name == "Condition" {
			return fmt.Sprintf(`{"%s":%s}`, name, jsonString(text().Draw(t, "name")))
		}
		return fmt.Sprintf(`{"%s":%s}`, name, argument(depth).Draw(t, "argument"))
	})
}

func intrinsic() *rapid.Generator[string] { return rapid.Map(call(2), iam.Intrinsic) }

// intrinsicObject draws a call that can stand for an object, which no condition of a template does.
func intrinsicObject() *rapid.Generator[string] {
	return intrinsic().Filter(func(s string) bool { return !strings.HasPrefix(s, "\x00{\"Condition\"") })
}

// textOrCall draws a text, and now and then a function call in its place.
func textOrCall() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		if rapid.IntRange(0, 5).Draw(t, "which") == 0 {
			return intrinsic().Draw(t, "call")
		}
		return text().Draw(t, "text")
	})
}

func sometimes(t *rapid.T, what string) bool { return rapid.IntRange(0, 7).Draw(t, what) == 0 }

func document() *rapid.Generator[*iam.Document] {
	return rapid.Custom(func(t *rapid.T) *iam.Document {
		d := &iam.Document{Name: "p"}
		if sometimes(t, "whole") {
			d.Intrinsic = intrinsicObject().Draw(t, "policy")
			return d
		}
		d.Version = rapid.SampledFrom([]string{"", iam.Version2012, iam.Version2008, iam.Intrinsic(`{"Ref":"V"}`)}).Draw(t, "version")
		if rapid.Bool().Draw(t, "id") {
			d.ID = textOrCall().Draw(t, "Id")
		}
		if sometimes(t, "statements") {
			d.StatementIntrinsic = intrinsicObject().Draw(t, "Statement")
			return d
		}
		d.Statements = rapid.SliceOfN(statement(), 0, 3).Draw(t, "Statement")
		return d
	})
}

func statement() *rapid.Generator[iam.Statement] {
	return rapid.Custom(func(t *rapid.T) iam.Statement {
		if sometimes(t, "whole") {
			return iam.Statement{Intrinsic: intrinsicObject().Draw(t, "statement")}
		}
		list := rapid.SliceOfN(textOrCall(), 1, 3)
		st := iam.Statement{Effect: rapid.SampledFrom([]iam.Effect{iam.Allow, iam.Deny, iam.Effect(iam.Intrinsic(`{"Ref":"E"}`))}).Draw(t, "Effect")}
		if rapid.Bool().Draw(t, "sid") {
			st.Sid = textOrCall().Draw(t, "Sid")
		}
		if rapid.Bool().Draw(t, "not") {
			st.NotActions, st.Resources, st.NotPrincipals = list.Draw(t, "NotAction"), list.Draw(t, "Resource"), principals().Draw(t, "NotPrincipal")
		} else {
			st.Actions, st.NotResources, st.Principals = list.Draw(t, "Action"), list.Draw(t, "NotResource"), principals().Draw(t, "Principal")
		}
		st.Conditions = conditions().Draw(t, "Condition")
		return st
	})
}

func principals() *rapid.Generator[[]iam.PrincipalPattern] {
	return rapid.Custom(func(t *rapid.T) []iam.PrincipalPattern {
		switch rapid.IntRange(0, 4).Draw(t, "form") {
		case 0:
			return nil
		case 1:
			return []iam.PrincipalPattern{{Kind: iam.AnyPrincipal}}
		case 2:
			return []iam.PrincipalPattern{{Kind: intrinsicObject().Draw(t, "principal")}}
		}
		kinds := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{iam.KindAWS, iam.KindFederated, iam.KindService, iam.KindCanonicalUser}), 1, 4, rapid.ID[string]).Draw(t, "kinds")
		var patterns []iam.PrincipalPattern
		for _, kind := range kinds {
			patterns = append(patterns, iam.PrincipalPattern{Kind: kind, Values: rapid.SliceOfN(textOrCall(), 1, 2).Draw(t, "values")})
		}
		return patterns
	})
}

func conditions() *rapid.Generator[[]iam.Condition] {
	return rapid.Custom(func(t *rapid.T) (list []iam.Condition) {
		if sometimes(t, "whole") {
			return []iam.Condition{{Operator: intrinsicObject().Draw(t, "condition")}}
		}
		for _, operator := range rapid.SliceOfNDistinct(text(), 0, 2, rapid.ID[string]).Draw(t, "operators") {
			if isCall(operator) {
				continue
			}
			if sometimes(t, "block") {
				list = append(list, iam.Condition{Operator: operator, Key: intrinsicObject().Draw(t, "block")})
				continue
			}
			for _, key := range rapid.SliceOfNDistinct(text(), 1, 2, rapid.ID[string]).Draw(t, "keys") {
				if !isCall(key) {
					list = append(list, iam.Condition{Operator: operator, Key: key, Values: rapid.SliceOfN(textOrCall(), 0, 2).Draw(t, "values")})
				}
			}
		}
		return list
	})
}

// isCall: an object whose only key is this is a function call, so it is no operator and no key.
func isCall(key string) bool { return key == "Ref" || strings.HasPrefix(key, "Fn::") }

// TestBothNotationsAreOne: a document goes from JSON to YAML and back, and from YAML to JSON and back, without
// a byte's difference.
func TestBothNotationsAreOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := document().Draw(t, "document")
		first := string(d.JSON())
		fromJSON, findings := iam.Read("p", []byte(first), keepIntrinsics)
		if len(findings) > 0 {
			t.Fatalf("JSON: %v\n%s", findings[0], first)
		}
		asYAML, err := yaml.Print(fromJSON)
		if err != nil {
			t.Fatal(err)
		}
		fromYAML, findings := yaml.Read("p", asYAML, keepIntrinsics)
		if len(findings) > 0 {
			t.Fatalf("YAML: %v\n%s", findings[0], asYAML)
		}
		if diff := cmp.Diff(fromJSON, fromYAML, noPlaces); diff != "" {
			t.Fatalf("documents differ: %s\n%s", diff, asYAML)
		}
		if diff := cmp.Diff(first, string(fromYAML.JSON())); diff != "" {
			t.Fatalf("JSON to YAML to JSON: %s\n%s", diff, asYAML)
		}
		again, err := yaml.Print(fromYAML)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(asYAML), string(again)); diff != "" {
			t.Fatalf("YAML to JSON to YAML: %s", diff)
		}
		compact, findings := iam.Read("p", d.Compact(), keepIntrinsics)
		if len(findings) > 0 {
			t.Fatal(findings[0])
		}
		if diff := cmp.Diff(fromJSON, compact, noPlaces); diff != "" {
			t.Fatalf("compact: %s", diff)
		}
	})
}
