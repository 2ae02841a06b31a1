package iam_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-cd/slipway/internal/testclient"
)

const (
	simulatorPackage = "@cloud-copilot/iam-simulate"
	// simulatorVariable names a directory whose node_modules has the package.
	simulatorVariable = "SLIPWAY_IAM_SIMULATE"
	differentialData  = "testdata/differential"
)

// simAnswer is what the simulator says about one case: an outcome, or why it did not look at it.
type simAnswer struct {
	ID      int    `json:"id"`
	Outcome string `json:"outcome"`
	Problem string `json:"problem"`
}

// simulator is a way to the installed package.
type simulator struct{ node, directory, version string }

// findSimulator skips the test where Node or the package is missing, and fails it where node is required.
func findSimulator(t *testing.T) *simulator {
	t.Helper()
	missing := func(format string, args ...any) {
		t.Helper()
		testclient.Missing(t, "node", fmt.Sprintf(format, args...))
	}
	version := pinnedVersion(t)
	install := fmt.Sprintf("npm install --prefix DIR %s@%s, then set %s=DIR", simulatorPackage, version, simulatorVariable)
	node, err := exec.LookPath("node")
	if err != nil {
		missing("the client node is missing: %v", err)
	}
	directory := os.Getenv(simulatorVariable)
	if directory == "" {
		missing("no %s: %s", simulatorPackage, install)
	}
	if directory, err = filepath.Abs(directory); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(directory, "node_modules", filepath.FromSlash(simulatorPackage))); err != nil {
		missing("no %s (%v): %s", simulatorPackage, err, install)
	}
	return &simulator{node, directory, version}
}

// pinnedVersion reads the version that the classes of differences are about.
func pinnedVersion(t *testing.T) string {
	t.Helper()
	src, err := os.ReadFile(filepath.Join(differentialData, "package.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct{ Dependencies map[string]string }
	if err := json.Unmarshal(src, &manifest); err != nil {
		t.Fatal(err)
	}
	return manifest.Dependencies[simulatorPackage]
}

// ask has two processes answer all cases, which keep their order.
func (s *simulator) ask(t *testing.T, cases []*simCase) []simAnswer {
	t.Helper()
	answers := make([]simAnswer, len(cases))
	middle := len(cases) / 2
	var wait sync.WaitGroup
	failed := make([]error, 2)
	for i, part := range [][2]int{{0, middle}, {middle, len(cases)}} {
		wait.Go(func() { failed[i] = s.run(t, cases[part[0]:part[1]], answers[part[0]:part[1]]) })
	}
	wait.Wait()
	if err := errors.Join(failed...); err != nil {
		t.Fatal(err)
	}
	return answers
}

// run starts one process and has it answer.
func (s *simulator) run(t *testing.T, cases []*simCase, answers []simAnswer) error {
	cmd := exec.CommandContext(t.Context(), s.node, filepath.Join(differentialData, "driver.mjs"), s.directory)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go writeCases(in, cases) // a broken pipe shows as answers that are missing
	readErr := s.read(json.NewDecoder(out), answers)
	if err := cmd.Wait(); err != nil || readErr != nil {
		return fmt.Errorf("driver: %w\n%s", errors.Join(err, readErr), stderr.String())
	}
	return nil
}

func writeCases(in io.WriteCloser, cases []*simCase) {
	defer in.Close()
	w := bufio.NewWriter(in)
	encoder := json.NewEncoder(w)
	for i, c := range cases {
		if encoder.Encode(map[string]any{"id": i, "simulation": c.simulation()}) != nil {
			return
		}
	}
	_ = w.Flush()
}

// read takes the version and then one answer a case.
func (s *simulator) read(from *json.Decoder, answers []simAnswer) error {
	var first struct{ Version string }
	if err := from.Decode(&first); err != nil {
		return fmt.Errorf("reading the version: %w", err)
	}
	if first.Version != s.version {
		return fmt.Errorf("%s %s is installed, and %s is what the classes are about", simulatorPackage, first.Version, s.version)
	}
	for i := range answers {
		if err := from.Decode(&answers[i]); err != nil {
			return fmt.Errorf("reading answer %d: %w", i, err)
		}
		if answers[i].ID != i {
			return fmt.Errorf("answer %d is for case %d", i, answers[i].ID)
		}
	}
	return nil
}
