package ship

import (
	"errors"
	"fmt"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/slipway-cd/slipway/internal/record"
)

// explainBucket says what is wrong with the record's bucket, and what would help.
func (r *runner) explainBucket(p *Problem, failed *callError) {
	at := r.plan.Record
	if at == nil {
		return
	}
	if planned := r.plannedResource(p.Action); p.Denied && planned != "*" {
		p.Statement = r.statement(p.Principal, p.Action, planned) // of all the stage's objects, not of the first that was asked for
	}
	switch code := errorCode(failed.err); {
	case code == "NoSuchBucket":
		p.Message = fmt.Sprintf("there is no bucket %s: %s", at.Bucket, p.Message)
		p.Hint = fmt.Sprintf("create it: `aws s3 mb s3://%s --region %s`, in account %s", at.Bucket, at.Region, r.bucketOwner())
	case elsewhere(failed.err) != "" && elsewhere(failed.err) != at.Region:
		p.Message = fmt.Sprintf("the bucket %s is in %s, and the release says %s: %s", at.Bucket, elsewhere(failed.err), at.Region, p.Message)
		p.Hint = fmt.Sprintf("write `region: %s` under `record` in the release file", elsewhere(failed.err))
	case p.Denied && operation(p.API) == "GetObject":
		p.Hint += fmt.Sprintf("; S3 also answers so for an object that is not there to who lacks s3:ListBucket on arn:aws:s3:::%s, "+
			"and for a bucket that is not account %s's", at.Bucket, r.bucketOwner())
	case p.Denied:
		p.Hint += "; S3 also answers so for a bucket that is not account " + r.bucketOwner() + "'s"
	}
}

// bucketOwner is the account that the record's bucket belongs to.
func (r *runner) bucketOwner() string {
	if r.plan.Record.Account != "" {
		return r.plan.Record.Account
	}
	return r.stage.Account
}

// elsewhere is the region that S3 says the bucket is in; empty where it does not.
func elsewhere(err error) string {
	var answer *smithyhttp.ResponseError
	if !errors.As(err, &answer) || answer.Response == nil || errorCode(err) == "AccessDenied" {
		return ""
	}
	return answer.Response.Header.Get("X-Amz-Bucket-Region")
}

// hintOfBucket is what would help against a bucket that is none for a record.
func hintOfBucket(err error) string {
	if errors.Is(err, record.ErrNoConditions) {
		return "the record takes an S3 that keeps If-None-Match and If-Match of PutObject, as AWS's does"
	}
	return ""
}
