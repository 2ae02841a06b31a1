package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// createBucketNeeds are the permissions of CreateBucket; the bucket is the caller's, if it can be made.
func createBucketNeeds(q *request) []gateway.Access {
	keys := q.written()
	if region, err := q.location(); err == nil && len(q.body) > 0 {
		keys["s3:locationconstraint"] = []string{region}
	}
	b := &bucket{name: q.name, account: q.Caller.Account}
	needs := []gateway.Access{q.access(b, "s3:CreateBucket", bucketARN(q.name), keys)}
	if q.setsACL() {
		needs = append(needs, q.access(b, "s3:PutBucketAcl", bucketARN(q.name), keys))
	}
	if q.r.Header.Get("X-Amz-Object-Ownership") != "" {
		needs = append(needs, q.access(b, "s3:PutBucketOwnershipControls", bucketARN(q.name), keys))
	}
	return needs
}

type createRequest struct {
	XMLName            xml.Name `xml:"CreateBucketConfiguration"`
	LocationConstraint string
	Location           *struct{} `xml:"Location"`
	Bucket             *struct{} `xml:"Bucket"`
	Tags               *struct{} `xml:"Tags"`
}

const firstRegion = "us-east-1"

// location is the region that a new bucket is to be in.
func (q *request) location() (string, error) {
	var in createRequest
	if len(q.body) > 0 {
		if err := q.decode(&in); err != nil {
			return "", err
		}
		if in.Location != nil || in.Bucket != nil || in.Tags != nil {
			return "", notImplemented("Location, Bucket and Tags of CreateBucketConfiguration")
		}
	}
	wanted := in.LocationConstraint
	if wanted == "EU" {
		wanted = "eu-west-1"
	}
	switch {
	case q.Region == firstRegion && wanted == "":
		return firstRegion, nil
	case wanted == firstRegion || wanted != "" && !regionName.MatchString(wanted):
		return "", fail("InvalidLocationConstraint", detail("LocationConstraint", wanted))
	case wanted == "":
		return "", failf("IllegalLocationConstraintException", "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.")
	case wanted != q.Region && q.Region != firstRegion:
		return "", failf("IllegalLocationConstraintException", "The %s location constraint is incompatible for the region specific endpoint this request was sent to.", wanted)
	}
	return wanted, nil
}

// createBucket is CreateBucket. Its permission may depend on its body, so it authorises here.
func createBucket(ctx context.Context, q *request) error {
	if q.Caller.AccessKeyID == "" {
		return fail("AccessDenied")
	}
	if err := q.authorizeAll(ctx, createBucketNeeds(q)); err != nil {
		return err
	}
	if !validBucketName(q.name) {
		return fail("InvalidBucketName", detail("BucketName", q.name))
	}
	region, err := q.location()
	if err != nil {
		return err
	}
	if err := q.checkNewBucket(); err != nil {
		return err
	}
	made := &bucket{name: q.name, account: q.Caller.Account, region: region, settings: newSettings()}
	err = q.s.db.Tx(ctx, func(tx *store.Tx) error {
		there, err := findBucket(ctx, tx, q.name)
		switch {
		case errors.Is(err, errNoBucket):
			return q.s.makeBucket(ctx, tx, made)
		case err != nil:
			return err
		case there.account != q.Caller.Account:
			return fail("BucketAlreadyExists", detail("BucketName", q.name))
		case q.Region == firstRegion && there.region == firstRegion && region == firstRegion:
			return nil // "CreateBucket", S3 API reference: in this region a bucket can be made again
		}
		return fail("BucketAlreadyOwnedByYou", detail("BucketName", q.name))
	})
	if err != nil {
		return err
	}
	q.w.Header().Set("Location", "/"+q.name)
	return q.empty(http.StatusOK)
}

// checkNewBucket refuses what a new bucket cannot have here.
func (q *request) checkNewBucket() error {
	switch ownership := q.r.Header.Get("X-Amz-Object-Ownership"); ownership {
	case "", enforced:
	case "BucketOwnerPreferred", "ObjectWriter":
		return notImplemented("x-amz-object-ownership")
	default:
		return invalid("x-amz-object-ownership", ownership, "Invalid x-amz-object-ownership header: "+ownership)
	}
	for _, name := range aclHeaders {
		if value := q.r.Header.Get(name); value != "" && (name != "X-Amz-Acl" || value != "private") {
			return fail("InvalidBucketAclWithObjectOwnership")
		}
	}
	if strings.EqualFold(q.r.Header.Get("X-Amz-Bucket-Object-Lock-Enabled"), "true") {
		return notImplemented("x-amz-bucket-object-lock-enabled")
	}
	if value := q.r.Header.Get("X-Amz-Bucket-Namespace"); value != "" && value != "global" {
		return notImplemented("x-amz-bucket-namespace")
	}
	return nil
}

// deleteBucket is DeleteBucket. uncertain: whether uploads that have not ended keep a bucket; here they end with it.
func deleteBucket(ctx context.Context, q *request) error {
	var freed []int64
	err := q.s.db.Tx(ctx, func(tx *store.Tx) error {
		freed = nil
		if _, err := q.bucket.again(ctx, tx); err != nil {
			return err
		}
		var objects int
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM s3_object WHERE bucket = ?)`, q.bucket.id).Scan(&objects); err != nil {
			return err
		}
		if objects > 0 {
			return fail("BucketNotEmpty", detail("BucketName", q.name))
		}
		var err error
		if freed, err = removeUploads(ctx, tx, q.bucket.id); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM s3_bucket WHERE id = ?`, q.bucket.id)
		return err
	})
	if err != nil {
		return err
	}
	q.s.policies.Delete(q.bucket.id)
	q.s.giveUp(ctx, freed)
	return q.noContent()
}

// removeUploads ends all uploads to a bucket.
func removeUploads(ctx context.Context, tx *store.Tx, bucket int64) ([]int64, error) {
	rows, err := tx.QueryContext(ctx, `SELECT blob FROM s3_part JOIN s3_upload ON upload = id WHERE bucket = ?`, bucket)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var freed []int64
	for rows.Next() {
		var blob int64
		if err := rows.Scan(&blob); err != nil {
			return nil, err
		}
		freed = append(freed, blob)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM s3_upload WHERE bucket = ?`, bucket)
	return freed, err
}

// headBucket is HeadBucket.
func headBucket(_ context.Context, q *request) error {
	q.w.Header().Set("X-Amz-Access-Point-Alias", "false")
	return q.empty(http.StatusOK)
}

type locationResult struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ LocationConstraint"`
	Region  string   `xml:",chardata"`
}

// getLocation is GetBucketLocation; us-east-1 is written as nothing.
func getLocation(_ context.Context, q *request) error {
	out := &locationResult{Region: q.bucket.region}
	if out.Region == firstRegion {
		out.Region = ""
	}
	return q.answer(out)
}
