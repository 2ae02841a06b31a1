package cli

import (
	"regexp"
	"testing"

	"github.com/slipway-cd/slipway/internal/localaws"
)

// TestUpHelpNamesTheServices: all that are served.
func TestUpHelpNamesTheServices(t *testing.T) {
	t.Parallel()
	aws, err := localaws.Open(t.Context(), localaws.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := aws.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	for _, service := range aws.Services() {
		if !regexp.MustCompile(`\b` + service.Name + `\b[, ]`).MatchString(upCommand{}.Help()) {
			t.Errorf("the help of local up does not name %s", service.Name)
		}
	}
}
