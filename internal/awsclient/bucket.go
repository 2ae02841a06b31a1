package awsclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/slipway-cd/slipway/internal/record"
)

// Bucket is an S3 bucket, of AWS or of what else serves S3, as a [record.Bucket]. Each call is made once: whether to make
// it again is the caller's to know. Errors are the SDK's, with record's own in front where they are an answer.
type Bucket struct {
	client *s3.Client
	name   string
	// owner is the account that the bucket must belong to; empty for any.
	owner *string
}

var _ record.Bucket = (*Bucket)(nil)

// maxObject is more than any object of a record, or any script, has.
const maxObject = 64 << 20

// NewBucket gives a bucket of a region. owner, where it is not empty, is the account that it must belong to: a bucket
// of that name in somebody else's account is refused by S3.
func NewBucket(cfg Config, region, name, owner string) *Bucket {
	b := &Bucket{name: name}
	if owner != "" {
		b.owner = aws.String(owner)
	}
	b.client = s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.Region = region
		o.Retryer = aws.NopRetryer{}
		// Another endpoint than AWS's own seldom has a host name a bucket.
		o.UsePathStyle = o.BaseEndpoint != nil
		// The signature covers the body; what is no AWS need not know the newer checksums.
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	})
	return b
}

// Get is record.Bucket's.
func (b *Bucket) Get(ctx context.Context, key string) (record.Object, error) {
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key, ExpectedBucketOwner: b.owner})
	if errorCode(err) == "NoSuchKey" {
		return record.Object{}, fmt.Errorf("%w: %w", record.ErrNotFound, err)
	}
	if err != nil {
		return record.Object{}, err
	}
	defer func() { _ = out.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(out.Body, maxObject+1))
	if err != nil {
		return record.Object{}, &smithyhttp.RequestSendError{Err: err}
	}
	if len(body) > maxObject {
		return record.Object{}, fmt.Errorf("s3://%s/%s is larger than %d bytes: not slipway's", b.name, key, maxObject)
	}
	if aws.ToString(out.ETag) == "" {
		return record.Object{}, fmt.Errorf("%w: s3://%s/%s has no ETag", record.ErrNoConditions, b.name, key)
	}
	return record.Object{Body: body, ETag: *out.ETag, Age: age(out.ResultMetadata, out.LastModified)}, nil
}

// age is how old an object is by the clock of the service that gave it.
func age(answer middleware.Metadata, modified *time.Time) time.Duration {
	raw, ok := awsmiddleware.GetRawResponse(answer).(*smithyhttp.Response)
	if !ok || modified == nil {
		return 0
	}
	now, err := http.ParseTime(raw.Header.Get("Date"))
	if err != nil {
		return 0
	}
	return max(now.Sub(*modified), 0)
}

// Put is record.Bucket's.
func (b *Bucket) Put(ctx context.Context, key string, body []byte, when record.Condition) (string, error) {
	in := &s3.PutObjectInput{Bucket: &b.name, Key: &key, Body: bytes.NewReader(body), ExpectedBucketOwner: b.owner}
	if strings.HasSuffix(key, ".json") {
		in.ContentType = aws.String("application/json")
	}
	if when.Absent {
		in.IfNoneMatch = aws.String("*")
	}
	if when.ETag != "" {
		in.IfMatch = aws.String(when.ETag)
	}
	out, err := b.client.PutObject(ctx, in)
	if err != nil {
		return "", putError(err, when)
	}
	return aws.ToString(out.ETag), nil
}

// putError tells the errors of PutObject that are answers. An object that is gone is one of another ETag.
func putError(err error, when record.Condition) error {
	if when == (record.Condition{}) {
		return err
	}
	switch errorCode(err) {
	case "PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey":
		return fmt.Errorf("%w: %w", record.ErrConflict, err)
	case "NotImplemented":
		return fmt.Errorf("%w: %w", record.ErrNoConditions, err)
	}
	return err
}

// List is record.Bucket's.
func (b *Bucket) List(ctx context.Context, prefix, after string, limit int) ([]string, error) {
	in := &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix, ExpectedBucketOwner: b.owner}
	if after != "" {
		in.StartAfter = &after
	}
	var keys []string
	for len(keys) < limit {
		in.MaxKeys = aws.Int32(int32(min(limit-len(keys), 1000)))
		out, err := b.client.ListObjectsV2(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, o := range out.Contents {
			keys = append(keys, aws.ToString(o.Key))
		}
		if !aws.ToBool(out.IsTruncated) || out.NextContinuationToken == nil {
			break
		}
		in.ContinuationToken = out.NextContinuationToken
	}
	return keys, nil
}

// errorCode is the service's own name for the error; empty when the service did not answer.
func errorCode(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
