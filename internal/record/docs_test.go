package record_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/record"
)

// TestDocsShowTheObjects: every object on the page is one that slipway would read, with no field that it does not know.
func TestDocsShowTheObjects(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/record.md")
	if err != nil {
		t.Fatal(err)
	}
	type head struct {
		Format   int `json:"format"`
		Revision int `json:"revision"`
	}
	for name, into := range map[string]any{
		"lock.json": &struct {
			head
			record.Lock
		}{},
		"state.json": &struct {
			head
			record.State
		}{},
		"deploy.json": &struct {
			head
			record.Deploy
		}{},
	} {
		_, rest, ok := strings.Cut(string(page), "<!-- "+name+" -->\n```json\n")
		body, _, ended := strings.Cut(rest, "```")
		if !ok || !ended {
			t.Fatalf("docs/record.md shows no %s", name)
		}
		d := json.NewDecoder(bytes.NewReader([]byte(body)))
		d.DisallowUnknownFields()
		if err := d.Decode(into); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.Contains(body, `"format": 1`) {
			t.Errorf("%s has no format", name)
		}
	}
}
