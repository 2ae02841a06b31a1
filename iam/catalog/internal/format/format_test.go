package format

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var header = Header{
	Sources: []Source{{Package: "a/package", Version: "1.2.3", Date: "2026-09-26"}, {Package: "a/package", Version: "1.0.0", Date: "2025-12-06"}},
	Globals: []Key{{"aws:PrincipalArn", "ARN"}, {"aws:PrincipalTag/${TagKey}", "String"}},
}

func sample() []Service {
	return []Service{
		{
			Name: "a",
			Keys: []Key{{"aws:ResourceTag/${TagKey}", "String"}, {"a:Key", ""}},
			Resources: []Resource{
				{Name: "thing", ARNs: []string{"arn:${Partition}:a:::thing/${Id}", "arn:${Partition}:a:::things"}, Keys: []int{0}},
				{Name: "two words", ARNs: []string{"arn:x"}},
			},
			Actions: []Action{
				{Name: "Do", AccessLevel: "Permissions management", Types: []ActionType{{Name: "thing", Required: true}, {Name: "two words", Keys: []int{0, 1}}}, Keys: []int{1}, Dependents: []string{"iam:PassRole", "a:Look"}},
				{Name: "Look", AccessLevel: "Read"},
			},
		},
		{Name: "b", Actions: []Action{{Name: "Only", AccessLevel: "List"}}},
		{Name: "c"},
	}
}

func encode(t testing.TB, services []Service) []byte {
	t.Helper()
	data, err := Encode(header, services)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	a, err := Open(encode(t, sample()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(header, a.Header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	for _, want := range sample() {
		got, ok, err := a.Service(want.Name)
		if diff := cmp.Diff(want, got); !ok || err != nil || diff != "" {
			t.Errorf("service %s: %t, %v (-want +got):\n%s", want.Name, ok, err, diff)
		}
	}
	if _, ok, err := a.Service("d"); ok || err != nil {
		t.Errorf("service d: %t, %v, want not found", ok, err)
	}
}

// Any gunzip prints the whole file.
func TestFileIsOrdinaryGzip(t *testing.T) {
	t.Parallel()
	z, err := gzip.NewReader(bytes.NewReader(encode(t, sample())))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"source\ta/package\t1.2.3\t2026-09-26\n", "\nglobal\taws:PrincipalArn\tARN\n", "\na\tLook\tRead\t\t\t\n", "\na\tOnly\tList\t\t\t\n"} {
		if !strings.Contains("\n"+string(text), want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
}

func TestEncodeRefusesWhatItCannotSay(t *testing.T) {
	t.Parallel()
	tests := map[string][]Service{
		"unsorted":              {{Name: "b"}, {Name: "a"}},
		"twice":                 {{Name: "a"}, {Name: "a"}},
		"tab in a name":         {{Name: "a\tb"}},
		"space in an ARN":       {{Name: "a", Resources: []Resource{{Name: "r", ARNs: []string{"arn:a, arn:b"}}}}},
		"asterisk in a type":    {{Name: "a", Actions: []Action{{Name: "A", Types: []ActionType{{Name: "t*"}}}}}},
		"comma in a dependent":  {{Name: "a", Actions: []Action{{Name: "A", Dependents: []string{"a:B,a:C"}}}}},
		"newline in a key name": {{Name: "a", Keys: []Key{{Name: "k\n"}}}},
	}
	for name, services := range tests {
		if _, err := Encode(header, services); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestDamagedFiles(t *testing.T) {
	t.Parallel()
	good := encode(t, sample())
	flipped := bytes.Clone(good)
	flipped[len(flipped)-12] ^= 0xff // in the last member's checksum or data
	tests := map[string][]byte{
		"empty":         nil,
		"not gzip":      []byte("catalog"),
		"cut":           good[:len(good)-1],
		"longer":        append(bytes.Clone(good), 'x'),
		"damaged":       flipped,
		"not a catalog": archive(t, "hello\n"),
		"no source":     archive(t, "global\taws:PrincipalArn\tARN\n"),
		"bad global":    archive(t, "source\tp\t1\t2026-01-01\nglobal\tname\n"),
		"out of order":  archive(t, "source\tp\t1\t2026-01-01\nservice\tb\t0\n", "k\tname\tString\n"),
		"no length":     archive(t, "source\tp\t1\t2026-01-01\nservice\ta\n"),
		"bad length":    archive(t, "source\tp\t1\t2026-01-01\nservice\ta\t-1\n"),
		"unknown line":  archive(t, "source\tp\t1\t2026-01-01\n", "x\ty\n"),
		"bad key":       archive(t, "source\tp\t1\t2026-01-01\n", "k\tname\tString\na\tA\tRead\t\t1\t\n"),
		"too large":     archive(t, "source\tp\t1\t2026-01-01\n", strings.Repeat("k\ta\tString\n", maxMember/11+1)),
		"two members":   twoMembers(t),
		"bad type key":  archive(t, "source\tp\t1\t2026-01-01\n", "a\tA\tRead\tt:0\t\t\n"),
	}
	for name, data := range tests {
		if err := readAll(data); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := readAll(good); err != nil {
		t.Errorf("the good file: %v", err)
	}
}

// archive packs a header, completed with a line for each body, and the bodies.
func archive(t *testing.T, header string, bodies ...string) []byte {
	t.Helper()
	var members bytes.Buffer
	var head strings.Builder
	head.WriteString(header)
	for i, b := range bodies {
		before := members.Len()
		if err := member(&members, b); err != nil {
			t.Fatal(err)
		}
		if err := line(&head, "service", string(rune('a'+i)), numbers([]int{members.Len() - before})); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := member(&out, head.String()); err != nil {
		t.Fatal(err)
	}
	return append(out.Bytes(), members.Bytes()...)
}

// twoMembers is a file whose header counts two members as one service.
func twoMembers(t *testing.T) []byte {
	t.Helper()
	data := archive(t, "source\tp\t1\t2026-01-01\n", "k\ta\tString\n", "k\tb\tString\n")
	text, rest, err := inflate(data)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(text, "\nservice\tb")
	first = first[:strings.LastIndexByte(first, '\t')+1] + numbers([]int{len(rest)}) + "\n"
	var head bytes.Buffer
	if err := member(&head, first); err != nil {
		t.Fatal(err)
	}
	return append(head.Bytes(), rest...)
}

func readAll(data []byte) error {
	a, err := Open(data)
	if err != nil {
		return err
	}
	for _, name := range a.Services {
		if _, _, err := a.Service(name); err != nil {
			return err
		}
	}
	return nil
}

// FuzzParse: whatever a member says, it is refused or, written and read again, says the same.
func FuzzParse(f *testing.F) {
	for _, s := range sample() {
		text, err := s.text()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parse("s", text)
		if err != nil {
			return
		}
		again, err := s.text()
		if err != nil {
			return // a separator inside a name, which the encoder refuses
		}
		got, err := parse("s", again)
		if diff := cmp.Diff(s, got); err != nil || diff != "" {
			t.Errorf("%v (-first +again):\n%s", err, diff)
		}
	})
}

// FuzzOpen: no input makes the reader panic or loop.
func FuzzOpen(f *testing.F) {
	f.Add(encode(f, sample()))
	f.Fuzz(func(t *testing.T, data []byte) {
		if a, err := Open(data); err == nil && len(a.Services) != len(a.members) {
			t.Errorf("%d services with %d members", len(a.Services), len(a.members))
		}
	})
}
