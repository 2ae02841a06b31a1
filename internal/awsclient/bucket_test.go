package awsclient_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/slipway-cd/slipway/internal/awsclient"
	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/record"
	"github.com/slipway-cd/slipway/internal/record/recordtest"
	"github.com/slipway-cd/slipway/internal/testclient"
)

const (
	region  = "eu-west-1"
	account = "111111111111"
)

// localS3 is a local AWS with a bucket; the configuration is its administrator's.
func localS3(t *testing.T) aws.Config {
	t.Helper()
	local, err := localaws.Open(t.Context(), localaws.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := local.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	keys, err := local.EnsureAccount(t.Context(), account)
	if err == nil {
		err = local.EnsureBucket(t.Context(), account, region, "shop-slipway")
	}
	if err == nil {
		err = local.Serve("127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	return awsclient.ForEndpoint(local.Endpoint(), region, awsclient.Keys(keys.AccessKeyID, keys.SecretAccessKey))
}

func TestBucketOfTheLocalAWS(t *testing.T) {
	t.Parallel()
	cfg := localS3(t)
	bucket := awsclient.NewBucket(cfg, region, "shop-slipway", account)
	recordtest.Conforms(t, bucket)
	recordtest.Ages(t, bucket, time.Sleep)
}

// TestBucketOfMinIO runs the record on another S3.
func TestBucketOfMinIO(t *testing.T) {
	t.Parallel()
	endpoint := minio(t, testclient.Find(t, "minio"))
	cfg := awsclient.ForEndpoint(endpoint, "us-east-1", awsclient.Keys("slipway-test", "slipway-test-secret"))
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("shop-slipway")}); err != nil {
		t.Fatal(err)
	}
	bucket := awsclient.NewBucket(cfg, "us-east-1", "shop-slipway", account) // which it does not know, and ignores
	recordtest.Conforms(t, bucket)
	recordtest.Ages(t, bucket, time.Sleep)
}

// minio serves S3 on a port of the loopback interface until the test ends.
func minio(t *testing.T, program string) (endpoint string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), program, "server", dir, "--address", address, "--quiet")
	cmd.Dir = dir
	cmd.Env = []string{"HOME=" + dir, "MINIO_ROOT_USER=slipway-test", "MINIO_ROOT_PASSWORD=slipway-test-secret",
		"MINIO_BROWSER=off", "MINIO_UPDATE=off", "MINIO_CI_CD=1"}
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	for range 300 {
		answer, err := http.Get("http://" + address + "/minio/health/live")
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return "http://" + address
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("minio does not answer on %s:\n%s", address, log.String())
	return ""
}

func TestBucketKeepsTheCause(t *testing.T) {
	t.Parallel()
	cfg := localS3(t)
	for name, c := range map[string]struct {
		bucket *awsclient.Bucket
		code   string
	}{
		"no bucket":          {awsclient.NewBucket(cfg, region, "nobodys-bucket", ""), "NoSuchBucket"},
		"another's bucket":   {awsclient.NewBucket(cfg, region, "shop-slipway", "222222222222"), "AccessDenied"},
		"of another region":  {awsclient.NewBucket(cfg, "us-west-2", "shop-slipway", account), "PermanentRedirect"},
		"without permission": {awsclient.NewBucket(awsclient.ForEndpoint(*cfg.BaseEndpoint, region, awsclient.Nobody), region, "shop-slipway", ""), "AccessDenied"},
	} {
		for op, call := range map[string]func() error{
			"get": func() error { _, err := c.bucket.Get(t.Context(), "a.json"); return err },
			"put": func() error {
				_, err := c.bucket.Put(t.Context(), "a.json", nil, record.Condition{Absent: true})
				return err
			},
			"list": func() error { _, err := c.bucket.List(t.Context(), "a", "", 1); return err },
		} {
			err := call()
			var api interface{ ErrorCode() string }
			if !errors.As(err, &api) || api.ErrorCode() != c.code {
				t.Errorf("%s, %s: %v, want %s", name, op, err, c.code)
			}
			if errors.Is(err, record.ErrNotFound) || errors.Is(err, record.ErrConflict) {
				t.Errorf("%s, %s: %v is taken for an answer", name, op, err)
			}
		}
	}
}

// TestBucketWithoutConditionsIsFoundOut: a lock in it would be none.
func TestBucketWithoutConditionsIsFoundOut(t *testing.T) {
	t.Parallel()
	for name, careless := range map[string]*carelessS3{
		"ignores both":           {ignores: []string{"If-None-Match", "If-Match"}},
		"ignores If-None-Match":  {ignores: []string{"If-None-Match"}},
		"ignores If-Match":       {ignores: []string{"If-Match"}},
		"knows no If-None-Match": {refuses: "If-None-Match"},
		"knows no If-Match":      {refuses: "If-Match"},
	} {
		server := httptest.NewServer(careless)
		t.Cleanup(server.Close)
		cfg := awsclient.ForEndpoint(server.URL, region, awsclient.Keys("key", "secret"))
		s, err := record.NewStore(record.Config{Bucket: awsclient.NewBucket(cfg, region, "shop-slipway", ""), App: "shop", Stage: "prod",
			Now: time.Now, NewToken: func() string { return name }, Redact: func(s string) string { return s }})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Acquire(t.Context(), record.Owner{Actor: "alice"}, time.Minute); !errors.Is(err, record.ErrNoConditions) {
			t.Errorf("%s: %v, want %v", name, err, record.ErrNoConditions)
		}
		if careless.has("shop/prod/lock.json") {
			t.Errorf("%s: a lock was written", name)
		}
	}
}

// carelessS3 stores objects, and does not do with conditions as it should.
type carelessS3 struct {
	ignores []string
	refuses string

	mu      sync.Mutex
	objects map[string]string // path to ETag
}

func (c *carelessS3) has(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.objects["/shop-slipway/"+key] != ""
}

func (c *carelessS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, header := range c.ignores {
		r.Header.Del(header)
	}
	fail := func(status int, code string) {
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
	}
	etag := c.objects[r.URL.Path]
	switch {
	case c.refuses != "" && r.Header.Get(c.refuses) != "":
		fail(http.StatusNotImplemented, "NotImplemented")
	case r.Method != http.MethodPut && etag == "":
		fail(http.StatusNotFound, "NoSuchKey")
	case r.Method != http.MethodPut:
		w.Header().Set("ETag", etag)
	case r.Header.Get("If-None-Match") != "" && etag != "", r.Header.Get("If-Match") != "" && r.Header.Get("If-Match") != etag:
		fail(http.StatusPreconditionFailed, "PreconditionFailed")
	default:
		if c.objects == nil {
			c.objects = map[string]string{}
		}
		c.objects[r.URL.Path] = fmt.Sprintf("%q", fmt.Sprint(len(c.objects)))
		w.Header().Set("ETag", c.objects[r.URL.Path])
	}
}

// TestBucketAtItsOwnEndpoint: the record may lie in another S3 than everything else.
func TestBucketAtItsOwnEndpoint(t *testing.T) {
	server := httptest.NewServer(&carelessS3{})
	defer server.Close()
	t.Setenv("AWS_ENDPOINT_URL_S3", server.URL)
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	cfg, err := awsclient.Load(t.Context(), awsclient.Options{Region: region, Credentials: awsclient.Keys("key", "secret")})
	if err != nil {
		t.Fatal(err)
	}
	bucket := awsclient.NewBucket(cfg, region, "shop-slipway", account)
	if _, err := bucket.Put(t.Context(), "a.json", []byte("{}"), record.Condition{Absent: true}); err != nil {
		t.Error(err)
	}
}
