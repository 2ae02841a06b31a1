package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/localaws"
)

// A local AWS that runs already is reached without --local: whoever is refused is told how, and nothing was sent.
func TestALocalAWSThatRunsIsReachedWithoutLocal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	aws, err := localaws.Open(t.Context(), localaws.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = aws.Close(t.Context()) }()
	process := &Process{Stderr: &strings.Builder{}}
	_, err = openLocal(t.Context(), process, localaws.Config{Dir: dir})
	err = nothingSent(runs(dir, err))
	var coded interface{ ExitCode() int }
	if !errors.As(err, &coded) || coded.ExitCode() != exitRefused {
		t.Errorf("got %v, want exit code 4", err)
	}
	if hint := hintOf(err); !strings.Contains(hint, `eval "$(slipway local env --data `+dir+`)"`) || !strings.Contains(hint, "without --local and --data") {
		t.Errorf("hint %q", hint)
	}
	other := errors.New("no such file")
	if runs(dir, other) != other {
		t.Error("an error of another kind got this hint")
	}
}
