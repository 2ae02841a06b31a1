package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

// How output is put into a bucket. The agent tries again as often, more slowly.
const (
	uploadTries   = 3
	uploadPause   = 200 * time.Millisecond
	uploadTimeout = time.Minute
)

// maxObject is the largest object that a node downloads: of a larger one it has no more than this.
const maxObject = 64 << 20

// putObject writes an object as the agent does: it asks where the bucket is and how it is encrypted, neither of which
// need be answered, and then writes, with full control for the bucket's owner.
func (n *Node) putObject(ctx context.Context, bucket, key string, content *io.SectionReader) error {
	region := n.cfg.Region
	if resp, err := n.s3(ctx, region, http.MethodHead, "/"+bucket, nil, nil); err == nil {
		if named := resp.header.Get("X-Amz-Bucket-Region"); named != "" {
			region = named
		}
	}
	header := http.Header{"X-Amz-Acl": {"bucket-owner-full-control"}, "Content-Type": {"text/plain"}}
	if resp, err := n.s3(ctx, region, http.MethodGet, "/"+bucket+"?encryption", nil, nil); err == nil && resp.status == http.StatusOK {
		encryption(resp.body, header)
	}
	target := "/" + bucket + "/" + (&url.URL{Path: key}).EscapedPath()
	for try := 1; ; try++ {
		resp, err := n.s3(ctx, region, http.MethodPut, target, header, content)
		switch {
		case err == nil && resp.status == http.StatusOK:
			return nil
		case err == nil:
			err = fmt.Errorf("PutObject: HTTP %d: %s", resp.status, head(string(resp.body), 300))
		}
		again := resp.status == 0 || resp.status >= http.StatusInternalServerError
		if !again || try == uploadTries || !sleep(ctx, time.Duration(try)*uploadPause) {
			return err
		}
	}
}

// encryption asks for what a bucket encrypts with by default.
func encryption(body []byte, header http.Header) {
	var c struct {
		Rules []struct {
			Default struct {
				SSEAlgorithm   string
				KMSMasterKeyID string
			} `xml:"ApplyServerSideEncryptionByDefault"`
		} `xml:"Rule"`
	}
	if xml.Unmarshal(body, &c) != nil || len(c.Rules) == 0 {
		return
	}
	switch d := c.Rules[0].Default; d.SSEAlgorithm {
	case "aws:kms":
		header.Set("X-Amz-Server-Side-Encryption", d.SSEAlgorithm)
		if d.KMSMasterKeyID != "" {
			header.Set("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", d.KMSMasterKeyID)
		}
	case "AES256":
		header.Set("X-Amz-Server-Side-Encryption", d.SSEAlgorithm)
	}
}

// s3Answer is what S3 answered; the zero value is no answer.
type s3Answer struct {
	status int
	header http.Header
	body   []byte
}

// s3 makes a signed request. The bucket is part of the path, which is what an endpoint on a loopback address can serve.
func (n *Node) s3(ctx context.Context, region, method, target string, header http.Header, content *io.SectionReader) (s3Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, uploadTimeout)
	defer cancel()
	cred, err := n.client.credentials(ctx)
	if err != nil {
		return s3Answer{}, err
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(n.cfg.Endpoint, "/")+target, nil)
	if err != nil {
		return s3Answer{}, err
	}
	if header != nil {
		r.Header = header.Clone()
	}
	r.Header.Set("User-Agent", userAgent)
	if content != nil {
		if err := setContent(r, content); err != nil {
			return s3Answer{}, err
		}
	}
	sigv4.Sign(r, nil, sigv4.Credentials{AccessKeyID: cred.AccessKeyID, SecretAccessKey: cred.SecretAccessKey,
		SessionToken: cred.SessionToken}, region, "s3", n.cfg.Now())
	resp, err := n.cfg.HTTP.Do(r)
	if err != nil {
		return s3Answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxObject))
	return s3Answer{resp.StatusCode, resp.Header, body}, err
}

// setContent makes a part of a file the request's body, and names its hash.
func setContent(r *http.Request, content *io.SectionReader) error {
	hash := sha256.New()
	if _, err := io.Copy(hash, io.NewSectionReader(content, 0, content.Size())); err != nil {
		return fmt.Errorf("read the output: %w", err)
	}
	r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(hash.Sum(nil)))
	r.Body = io.NopCloser(io.NewSectionReader(content, 0, content.Size()))
	r.ContentLength = content.Size()
	return nil
}
