package node

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStubCalls(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if calls, err := StubCalls(dir, time.Time{}); err != nil || calls != nil {
		t.Errorf("without a log: got %q, %v", calls, err)
	}
	log := "2026-11-22T05:00:00Z /srv: docker pull old\n" +
		"2026-11-22T05:00:01Z /var/tmp/app: docker compose up -d\n" +
		"written by a script\n" +
		"2026-11-22T05:00:02Z /var/tmp/app: systemctl\n"
	if err := os.WriteFile(filepath.Join(dir, StubLog), []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	calls, err := StubCalls(dir, time.Date(2026, 11, 22, 5, 0, 1, 999, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"docker compose up -d", "systemctl"}, calls); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
