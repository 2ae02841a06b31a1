package gateway

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type codecIn struct {
	Name   string
	Count  *int
	Flag   bool
	Ratio  float64
	When   Time
	Then   time.Time
	Blob   []byte
	Names  []string
	Nested struct{ Deep struct{ Value string } }
	Tags   []struct{ Key, Value string }
	Map    map[string]string
	Other  string `xml:"Renamed"`
	codecEmbedded
	_ string // no field of this kind may be reached
}

type codecEmbedded struct{ Inner string }

func TestDecodeForm(t *testing.T) {
	t.Parallel()
	count := 3
	want := codecIn{Name: "a.b", Count: &count, Flag: true, Ratio: 0.5, Blob: []byte("hi"), Names: []string{"x", "y"}, Other: "r"}
	want.When.Time = time.Unix(0, 0).UTC()
	want.Then = want.When.Time
	want.Nested.Deep.Value = "v"
	want.Tags = []struct{ Key, Value string }{{"k", "v"}}
	want.Map = map[string]string{"k": "v"}
	want.Inner = "i"
	form := "Action=X&Version=1&Name=a.b&Count=3&Flag=true&Ratio=0.5&When=1970-01-01T00:00:00Z&Then=1970-01-01T00:00:00Z&Blob=aGk%3D&" +
		"Names.member.2=x&Names.member.10=y&Nested.Deep.Value=v&Tags.member.1.Key=k&Tags.member.1.Value=v&Map.entry.1.key=k&Map.entry.1.value=v&Renamed=r&Inner=i"
	for name, p := range map[string]Protocol{"query": Query, "flat": EC2Query} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := form
			if p == EC2Query {
				text = strings.NewReplacer(".member", "", ".entry", "").Replace(form)
			}
			values, err := url.ParseQuery(text)
			if err != nil {
				t.Fatal(err)
			}
			var got codecIn
			if err := decodeForm(values, p, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(codecIn{}, codecEmbedded{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeFormRefuses(t *testing.T) {
	t.Parallel()
	for name, form := range map[string]string{
		"number":       "Count=x",
		"bool":         "Flag=yes",
		"date":         "When=yesterday",
		"base64":       "Blob=%21",
		"empty part":   "Nested..Value=x",
		"deep":         "A.B.C.D.E.F.G.H.I.J.K.L.M=x",
		"index":        "Names.member.x=1",
		"odd index":    "Names.member.01=1",
		"map entry":    "Map.entry.1.key=k",
		"no such list": "Names.1.2=x",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values, err := url.ParseQuery(form)
			if err != nil {
				t.Fatal(err)
			}
			var e *Error
			if err := decodeForm(values, Query, &codecIn{}); !errors.As(err, &e) || e.Code != "MalformedInput" {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestEncodeJSON(t *testing.T) {
	t.Parallel()
	n := 1
	v := struct {
		Time, Zero time.Time `json:",omitzero"`
		Wire       Time
		Nil        *int
		NilList    []string
		Empty      []string
		Pointer    *int
		Map        map[string]any `json:"m"`
		Any        any
		Blob       []byte
		hidden     int
		Skipped    int `json:"-"`
	}{
		Time: time.UnixMilli(1500), Wire: Time{time.Unix(2, 0)}, Empty: []string{}, Pointer: &n,
		Map: map[string]any{"b": []int{1}, "a": nil}, Any: struct{ X string }{`"`}, Blob: []byte("hi"), hidden: 1, Skipped: 1,
	}
	got, err := encodeJSON(&v)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Time":1.5,"Wire":2,"Empty":[],"Pointer":1,"m":{"a":null,"b":[1]},"Any":{"X":"\""},"Blob":"aGk="}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestTimeRoundTrip(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"0", "1795321800.123", "-1"} {
		var v Time
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		back, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if string(back) != text {
			t.Errorf("%s became %s", text, back)
		}
	}
	for _, text := range []string{`"x"`, "1e300", "{}", "true"} {
		if err := json.Unmarshal([]byte(text), new(Time)); err == nil {
			t.Errorf("%s was read as a time", text)
		}
	}
}

func TestKnownHost(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"127.0.0.1:4566": true, "[::1]:80": true, "::1": true, "localhost": true, "LOCALHOST:1": true, "10.0.0.2:80": false, "169.254.169.254": false,
		"ssm.eu-west-1.amazonaws.com": true, "evilamazonaws.com": false, "localhost.evil.com": false, "1.1.1.1": false, "": false, "amazonaws.com.evil.com": false,
	} {
		if got := knownHost(host); got != want {
			t.Errorf("knownHost(%q) = %v", host, got)
		}
	}
}

func TestRedaction(t *testing.T) {
	t.Parallel()
	in := struct {
		Parameters map[string][]string
		Nested     []struct{ SessionToken, Name string }
	}{map[string][]string{"Password": {"x"}}, []struct{ SessionToken, Name string }{{"t", "n"}}}
	got, err := redacted("ssm", &in)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"parameters":"HIDDEN_DUE_TO_SECURITY_REASONS","nested":[{"sessionToken":"HIDDEN_DUE_TO_SECURITY_REASONS","name":"n"}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

// FuzzDecodeForm: whatever decodes, the encoders can write, as well-formed XML and JSON.
func FuzzDecodeForm(f *testing.F) {
	f.Add("Name=a&Names.member.1=b&Map.entry.1.key=k&Map.entry.1.value=v&Tags.1.Key=k", true)
	f.Add("Nested.Deep.Value=%00&When=2026-01-01T00:00:00Z&Blob=aGk%3D", false)
	f.Add("Names=&Tags.member.9999999999999999999.Key=x", false)
	f.Fuzz(func(t *testing.T, form string, ec2 bool) {
		values, err := url.ParseQuery(form)
		if err != nil {
			return
		}
		p := Query
		if ec2 {
			p = EC2Query
		}
		var in codecIn
		if err := decodeForm(values, p, &in); err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Errorf("not an AWS error: %v", err)
			}
			return
		}
		body, err := encodeJSON(&in)
		if err != nil || !json.Valid(body) {
			t.Errorf("JSON %s: %v", body, err)
		}
		w := xmlWriter{item: "member"}
		w.buf.WriteString("<R>")
		if err := w.fields(reflect.ValueOf(&in)); err != nil {
			t.Fatal(err)
		}
		w.buf.WriteString("</R>")
		if err := xml.Unmarshal(w.buf.Bytes(), new(struct{})); err != nil {
			t.Errorf("XML %s: %v", w.buf.Bytes(), err)
		}
	})
}

// FuzzDecodeJSON: a body never panics, and what it is refused with is AWS's error.
func FuzzDecodeJSON(f *testing.F) {
	f.Add([]byte(`{"Name":"a","Names":["b"],"When":1.5,"Map":{"k":"v"},"Nested":{"Deep":{"Value":"v"}}}`))
	f.Add([]byte(`{"When":"2026-01-01T00:00:00Z","Count":1e99}`))
	f.Add([]byte(`{}{}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var in codecIn
		err := decodeJSON(body, &in)
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Errorf("not an AWS error: %v", err)
		}
	})
}
