package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What an error quotes may be a secret, in the file as on the terminal (R119).
func TestR119ResultFileHoldsNoSecret(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "result.json")
	f := &reviewFlags{ResultFile: file}
	token := "ghp_" + strings.Repeat("a1B2", 9)
	if err := f.written(errors.New("Token: " + token)); err == nil || !strings.Contains(err.Error(), token) {
		t.Errorf("the error is not given on: %v", err)
	}
	content, err := os.ReadFile(file)
	if err != nil || strings.Contains(string(content), token) || !strings.Contains(string(content), "[redacted: ") {
		t.Errorf("got %s, %v", content, err)
	}
}
