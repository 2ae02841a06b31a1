package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sample() Frame {
	id, err := ParseID("00112233-4455-6677-8899-aabbccddeeff")
	if err != nil {
		panic(err)
	}
	return New(TypeJob, id, time.UnixMilli(1700000000123).UTC(), []byte(`{"a":1}`))
}

// TestLayout: every field is where the agent has it.
func TestLayout(t *testing.T) {
	t.Parallel()
	f := sample()
	f.Sequence, f.Flags = -2, 3
	b := f.Encode()
	want := "00000074" + // 116
		hex.EncodeToString([]byte("agent_job                       ")) +
		"00000001" + "0000018bcfe5687b" + "fffffffffffffffe" + "0000000000000003" +
		"8899aabbccddeeff0011223344556677" +
		"015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862" +
		"00000000" + "00000007" + hex.EncodeToString([]byte(`{"a":1}`))
	if got := hex.EncodeToString(b); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	back, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f, back); diff != "" {
		t.Error(diff)
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	f := sample()
	for name, spoil := range map[string]func(b []byte) []byte{
		"empty":                func([]byte) []byte { return nil },
		"half a header":        func(b []byte) []byte { return b[:60] },
		"header length":        func(b []byte) []byte { b[3] = 120; return b },
		"no type":              func(b []byte) []byte { copy(b[atType:], bytes.Repeat([]byte{' '}, 32)); return b },
		"payload cut":          func(b []byte) []byte { return b[:len(b)-1] },
		"payload longer":       func(b []byte) []byte { return append(b, 'x') },
		"payload length huge":  func(b []byte) []byte { binary.BigEndian.PutUint32(b[atLength:], 1<<32-1); return b },
		"payload changed":      func(b []byte) []byte { b[len(b)-1] = ']'; return b },
		"digest of other text": func(b []byte) []byte { b[atDigest]++; return b },
	} {
		if _, err := Decode(spoil(f.Encode())); !errors.Is(err, ErrFrame) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{"", "0011", "00112233-4455-6677-8899-aabbccddeeffaa", "g0112233-4455-6677-8899-aabbccddeeff"} {
		if _, err := ParseID(text); !errors.Is(err, ErrFrame) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzDecode: what can be read is written the same way again, but for the padding of its type.
func FuzzDecode(f *testing.F) {
	s := sample()
	f.Add(s.Encode())
	f.Add([]byte(`{"TokenValue":"x"}`))
	f.Add(s.Encode()[:119])
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := Decode(b)
		if err != nil {
			if !errors.Is(err, ErrFrame) {
				t.Errorf("class of %v", err)
			}
			return
		}
		again := frame.Encode()
		copy(again[atType:atSchema], b[atType:atSchema])
		if !bytes.Equal(again, b) {
			t.Errorf("got %x, want %x", again, b)
		}
	})
}
