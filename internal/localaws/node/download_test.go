package node

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDownloadsStayInTheirDirectory: a document and what scripts left behind may name any place; the node itself, which
// is outside of what its scripts see, writes below its own commands only.
func TestDownloadsStayInTheirDirectory(t *testing.T) {
	t.Parallel()
	const url = "https://s3.eu-west-1.amazonaws.com/shop/"
	for name, tt := range map[string]struct {
		url, destination string
		// plant is a link that a script left, relative to the command's directory, and where it leads to; DIR is what
		// lies outside.
		plant, leads string
		want         string // below the command's directory; empty where nothing may be written
	}{
		"a file":                  {url + "a/b", "slipway/x", "", "", "downloads/slipway/x"},
		"the object's name":       {url + "a/b", "", "", "", "downloads/b"},
		"into a folder":           {url + "a/b", "to/", "", "", "downloads/to/b"},
		"the other style":         {"https://shop.s3.eu-west-1.amazonaws.com/a/b", "x", "", "", "downloads/x"},
		"an absolute path":        {url + "b", "DIR/x", "", "", ""},
		"upwards":                 {url + "b", "../../../x", "", "", ""},
		"upwards after all":       {url + "b", "a/../../../x", "", "", ""},
		"upwards by the key":      {url + "a/..", "", "", "", ""},
		"a key that is a folder":  {url + "a/", "x", "", "", ""},
		"a folder that is a link": {url + "b", "slipway/x", "downloads/slipway", "DIR", ""},
		"all of it a link":        {url + "b", "x", "downloads", "DIR", ""},
		"a link upwards":          {url + "b", "x", "downloads", "../../..", ""},
		"a file that is a link":   {url + "b", "x", "downloads/x", "DIR/x", "downloads/x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			env := fakeEnv(t, nil)
			env.Dir = filepath.Join(dir, "node", "commands", "c-1")
			env.Fetch = func(_ context.Context, bucket, key string) ([]byte, error) { return []byte(bucket + ":" + key), nil }
			outside := filepath.Join(dir, "outside")
			if err := os.Mkdir(outside, 0o755); err != nil {
				t.Fatal(err)
			}
			if tt.plant != "" {
				link := filepath.Join(env.Dir, tt.plant)
				if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(strings.ReplaceAll(tt.leads, "DIR", outside), link); err != nil {
					t.Fatal(err)
				}
			}
			result := Run(t.Context(), Job{Document: steps("2.2", map[string]any{
				"action": downloadContent, "name": "fetch", "inputs": map[string]any{
					"sourceType": "S3", "sourceInfo": `{"path":"` + tt.url + `"}`, "destinationPath": strings.ReplaceAll(tt.destination, "DIR", outside)},
			})}, env, nil)
			var want []string
			status := Failed
			if tt.want != "" {
				want, status = []string{filepath.Join("node", "commands", "c-1", tt.want)}, Success
			}
			if result.Status != status {
				t.Errorf("got %+v", result)
			}
			if diff := cmp.Diff(want, written(t, dir)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// written are the files in a directory and below.
func written(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			name, _ := filepath.Rel(dir, path)
			files = append(files, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
