package node

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// downloadContent is the plugin that fetches files before a script runs. A built-in node has it for S3.
const downloadContent = "aws:downloadContent"

// downloadsDir is where files go that name no absolute path, and where later steps with a relative working directory are.
const downloadsDir = "downloads"

// downloadInput is what aws:downloadContent is given.
type downloadInput struct {
	sourceType, destination string
	url                     string // of the object
}

// readDownload reads the inputs of aws:downloadContent.
func readDownload(inputs map[string]any) (*downloadInput, error) {
	d := &downloadInput{sourceType: text(inputs["sourceType"]), destination: text(inputs["destinationPath"])}
	switch d.sourceType {
	case "":
		return nil, errors.New("invalid input: Location Type must be specified")
	case "S3":
	case "GitHub", "Git", "HTTP", "SSMDocument":
		return nil, fmt.Errorf("plugin %s with sourceType %s is not supported by the built-in node", downloadContent, d.sourceType)
	default:
		return nil, errors.New("invalid input: Unsupported location type")
	}
	var info struct {
		Path string `json:"path"`
	}
	raw := []byte(text(inputs["sourceInfo"]))
	if m, ok := inputs["sourceInfo"].(map[string]any); ok {
		raw, _ = json.Marshal(m) // what was decoded from JSON
	}
	if err := json.Unmarshal(raw, &info); err != nil {
		return nil, fmt.Errorf("s3 url parsing failed. Source Info could not be unmarshalled for source type S3. Please check JSON format of SourceInfo - %w", err)
	}
	if d.url = strings.TrimSpace(info.Path); d.url == "" {
		return nil, errors.New("S3 source path in SourceInfo must be specified")
	}
	return d, nil
}

// object finds bucket and key in an object's URL, of either style.
func (d *downloadInput) object() (bucket, key string, err error) {
	u, err := url.Parse(d.url)
	if err != nil {
		return "", "", err
	}
	if name, rest, found := strings.Cut(u.Host, ".s3"); found && rest != "" && (rest[0] == '.' || rest[0] == '-') {
		bucket, key = name, strings.TrimPrefix(u.Path, "/")
	} else {
		bucket, key, _ = strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	}
	if bucket == "" || key == "" || strings.HasSuffix(key, "/") {
		return "", "", fmt.Errorf("%s: the built-in node downloads single objects of a bucket", d.url)
	}
	return bucket, key, nil
}

// download runs aws:downloadContent.
func (r *runner) download(ctx context.Context, s step, result *StepResult) {
	to, err := r.fetch(ctx, s.download)
	if err != nil {
		result.failed(err)
		return
	}
	result.Status, result.StandardOutput = Success, "Content downloaded to "+to+"\n"
	result.Output = result.StandardOutput
}

func (r *runner) fetch(ctx context.Context, d *downloadInput) (string, error) {
	bucket, key, err := d.object()
	if err != nil {
		return "", err
	}
	if r.env.Fetch == nil {
		return "", errors.New("this machine reaches no bucket")
	}
	// The node itself is outside of what its scripts see: of their absolute paths it knows nothing.
	to := d.destination
	if to == "" || strings.HasSuffix(to, "/") {
		to += path.Base(key)
	}
	if !filepath.IsLocal(to) {
		return "", fmt.Errorf("destinationPath %s: the built-in node downloads to relative paths only", d.destination)
	}
	content, err := r.env.Fetch(ctx, bucket, key)
	if err != nil {
		return "", err
	}
	target := filepath.Join(r.env.Dir, downloadsDir, to)
	files, err := openCommands(filepath.Dir(r.env.Dir), filepath.Dir(target))
	if err != nil {
		return "", err
	}
	defer func() { _ = files.Close() }()
	file, err := files.create(filepath.Base(target), os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	_, err = file.Write(content)
	return target, errors.Join(err, file.Close())
}

// fetchObject reads an object as the agent does: it asks where the bucket is, looks whether the key is a folder, and then
// reads, with the node's role.
func (n *Node) fetchObject(ctx context.Context, bucket, key string) ([]byte, error) {
	region := n.cfg.Region
	if resp, err := n.s3(ctx, region, http.MethodHead, "/"+bucket, nil, nil); err == nil {
		if named := resp.header.Get("X-Amz-Bucket-Region"); named != "" {
			region = named
		}
	}
	list, err := n.s3(ctx, region, http.MethodGet, "/"+bucket+"?prefix="+url.QueryEscape(key+"/"), nil, nil)
	if err != nil {
		return nil, err
	}
	if list.status != http.StatusOK {
		return nil, fmt.Errorf("ListObjects: %s", list.problem())
	}
	var found struct {
		Contents []struct{ Key string }
	}
	if err := xml.Unmarshal(list.body, &found); err != nil {
		return nil, fmt.Errorf("ListObjects: %w", err)
	}
	if len(found.Contents) > 0 {
		return nil, fmt.Errorf("s3://%s/%s is a folder: the built-in node downloads single objects", bucket, key)
	}
	resp, err := n.s3(ctx, region, http.MethodGet, "/"+bucket+"/"+(&url.URL{Path: key}).EscapedPath(), nil, nil)
	if err != nil {
		return nil, err
	}
	if resp.status != http.StatusOK {
		return nil, fmt.Errorf("GetObject: %s", resp.problem())
	}
	return resp.body, nil
}

// problem is what S3 answered in place of what was asked for.
func (a s3Answer) problem() string {
	return fmt.Sprintf("HTTP %d: %s", a.status, head(string(a.body), 300))
}
