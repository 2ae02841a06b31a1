package gateway

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSameNames: a document passes the quick look only when the close one would leave it as it means now.
func TestSameNames(t *testing.T) {
	t.Parallel()
	keys := []string{"Name", "name", "NAME", "Names", "names", "Nested", "nested", "Deep", "deep", "Value", "value", "Tags", "tags", "Key", "key",
		"Map", "map", "Other", "\\u004eame", "Nameſ", "ſame", "unknown", "a:b", "Inner", "inner"}
	random := rand.New(rand.NewPCG(1, 2))
	var document func(depth int) string
	document = func(depth int) string {
		switch n := random.IntN(6); {
		case depth == 0 || n == 0:
			return `"` + keys[random.IntN(len(keys))] + `"`
		case n == 1:
			return "[" + document(depth-1) + "," + document(depth-1) + "]"
		default:
			var members []string
			for range random.IntN(4) {
				members = append(members, `"`+keys[random.IntN(len(keys))]+`" : `+document(depth-1))
			}
			return "{" + strings.Join(members, ",") + "}"
		}
	}
	quick := 0
	for range 5000 {
		body := []byte(document(4))
		if !sameNames(body, reflect.TypeFor[codecIn]()) {
			continue
		}
		quick++
		var fast, slow codecIn
		fastErr, slowErr := json.Unmarshal(body, &fast), json.Unmarshal(ownMembers(body, reflect.TypeFor[codecIn]()), &slow)
		if (fastErr == nil) != (slowErr == nil) || !cmp.Equal(fast, slow, cmp.AllowUnexported(codecIn{}, codecEmbedded{})) {
			t.Fatalf("%s: %v, %v\n%s", body, fastErr, slowErr, cmp.Diff(slow, fast, cmp.AllowUnexported(codecIn{}, codecEmbedded{})))
		}
	}
	if quick < 100 {
		t.Errorf("only %d documents passed the quick look", quick)
	}
	for body, want := range map[string]bool{`{"Name":"names"}`: true, `{"name":1}`: false, `{"a":"name"}`: true, `{"Nested":{"deep":{}}}`: false,
		`{"\u006eame":1}`: false, `{"Name`: false, `{"Map":{"name" : 1}}`: false, `{"Name":"\"name\":"}`: true} {
		if got := sameNames([]byte(body), reflect.TypeFor[codecIn]()); got != want {
			t.Errorf("%s: %v, want %v", body, got, want)
		}
	}
}

// TestTwoNames: a type with two names that differ in case only is always looked at closely.
func TestTwoNames(t *testing.T) {
	t.Parallel()
	type two struct {
		A      string `json:"key"`
		Nested struct{ Key string }
	}
	if sameNames([]byte(`{"Key":"x"}`), reflect.TypeFor[two]()) {
		t.Error("it was not")
	}
}

// TestEncodeLikeJSON: strings and numbers are written as encoding/json does.
func TestEncodeLikeJSON(t *testing.T) {
	t.Parallel()
	for _, v := range []any{"", "plain", `q"\`, "<&>", "ünïcode\u2028", "\x00\x1f\x7f", "\xff", -1, int64(1) << 62, true, false, 1.5, uint8(7)} {
		want, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := encodeJSON(v); err != nil || string(got) != string(want) {
			t.Errorf("%q: got %s, %v, want %s", v, got, err, want)
		}
	}
}

// TestRedactionOfWhatOthersWrote: also what writes itself is searched for secrets.
func TestRedactionOfWhatOthersWrote(t *testing.T) {
	t.Parallel()
	in := struct{ Raw json.RawMessage }{json.RawMessage(`{"password":"x","a":[{"token":"y"}]}`)}
	got, err := redacted("ssm", &in)
	if err != nil || strings.ContainsAny(string(got), "xy") && !strings.Contains(string(got), "SECURITY") || strings.Contains(string(got), `"x"`) || strings.Contains(string(got), `"y"`) {
		t.Errorf("%s, %v", got, err)
	}
}

// TestCodecAllocations is a gate: an answer and an input of usual size must not cost more than this.
func TestCodecAllocations(t *testing.T) {
	in := codecIn{Name: "name", Names: []string{"a", "b"}, Map: map[string]string{"k": "v"}}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := encodeJSON(&in); err != nil {
			t.Fatal(err)
		}
	}); n > 30 {
		t.Errorf("an answer: %.0f allocations", n)
	}
	body := []byte(`{"Name":"name","Names":["a","b"],"Map":{"k":"v"}}`)
	if n := testing.AllocsPerRun(100, func() {
		var into codecIn
		if err := decodeJSON(body, &into); err != nil {
			t.Fatal(err)
		}
	}); n > 30 {
		t.Errorf("an input: %.0f allocations", n)
	}
}

func BenchmarkEncode(b *testing.B) {
	in := codecIn{Name: "name", Names: []string{"a", "b"}, Map: map[string]string{"k": "v"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := encodeJSON(&in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	body := []byte(`{"Name":"name","Names":["a","b"],"Map":{"k":"v"}}`)
	b.ReportAllocs()
	for b.Loop() {
		var into codecIn
		if err := decodeJSON(body, &into); err != nil {
			b.Fatal(err)
		}
	}
}
