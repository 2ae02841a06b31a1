package s3

import (
	"context"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// What several operations do not honour.
const (
	noKMS    = "encryption with keys of KMS or of the client is refused; nothing is encrypted on disk"
	noLock   = "object lock, website redirects and cold storage classes are refused"
	noACL    = "access control lists are refused: every bucket enforces its owner's control"
	someSums = "of the checksums, CRC32, CRC32C, CRC64NVME, SHA1 and SHA256"
)

// operations are all that are served.
func operations() []operation {
	return append(append(bucketOperations(), objectOperations()...), configOperations()...)
}

func bucketOperations() []operation {
	listAll := func(q *request) []gateway.Access {
		a := q.access(&bucket{account: q.Caller.Account}, "s3:ListAllMyBuckets", bucketARN("*"), nil)
		return []gateway.Access{a}
	}
	return []operation{
		{name: "ListBuckets", bare: true, needs: listAll, serve: signedOnly(listBuckets)},
		{name: "CreateBucket", bare: true, serve: createBucket, except: []string{"tags and object lock are refused", noACL}},
		{name: "DeleteBucket", needs: bucketNeeds("s3:DeleteBucket"), serve: deleteBucket},
		{name: "HeadBucket", needs: bucketNeeds("s3:ListBucket"), serve: headBucket},
		{name: "GetBucketLocation", anywhere: true, needs: bucketNeeds("s3:GetBucketLocation"), serve: getLocation},
		{name: "ListObjects", needs: listNeeds("s3:ListBucket"), serve: listObjects},
		{name: "ListObjectsV2", needs: listNeeds("s3:ListBucket"), serve: listObjectsV2},
		{name: "ListObjectVersions", needs: listNeeds("s3:ListBucketVersions"), serve: listVersions},
		{name: "ListMultipartUploads", needs: bucketNeeds("s3:ListBucketMultipartUploads"), serve: listUploads},
		{name: "DeleteObjects", serve: deleteObjects, except: []string{"LastModifiedTime and Size of an object are refused", "MFA delete is refused"}},
	}
}

// signedOnly refuses anonymous callers, whatever policies say.
func signedOnly(serve func(context.Context, *request) error) func(context.Context, *request) error {
	return func(ctx context.Context, q *request) error {
		if q.Caller.AccessKeyID == "" {
			return fail("AccessDenied")
		}
		return serve(ctx, q)
	}
}

func objectOperations() []operation {
	deletes := func(q *request) []gateway.Access { return q.deleteNeeds(q.key, q.version, q.r.Header.Get("If-Match")) }
	onKey := func(action string) func(*request) []gateway.Access {
		return func(q *request) []gateway.Access { return []gateway.Access{q.onObject(action, nil)} }
	}
	return []operation{
		{name: "PutObject", streams: true, needs: putNeeds, serve: putObject, except: []string{noKMS, noACL, noLock, someSums}},
		{name: "GetObject", current: true, needs: readNeeds, serve: getObject},
		{name: "HeadObject", current: true, needs: readNeeds, serve: getObject},
		{name: "DeleteObject", needs: deletes, serve: deleteObject, except: []string{"MFA delete is refused"}},
		{name: "CopyObject", serve: copyObject, except: []string{noKMS, noACL, noLock, someSums}},
		{name: "CreateMultipartUpload", needs: initiateNeeds, serve: createUpload, except: []string{noKMS, noACL, noLock, someSums}},
		{name: "UploadPart", streams: true, needs: partNeeds(false), serve: uploadPart},
		{name: "UploadPartCopy", serve: uploadPartCopy},
		{name: "CompleteMultipartUpload", needs: partNeeds(true), serve: completeUpload},
		{name: "AbortMultipartUpload", needs: onKey("s3:AbortMultipartUpload"), serve: abortUpload},
		{name: "ListParts", needs: onKey("s3:ListMultipartUploadParts"), serve: listParts},
		{name: "GetObjectTagging", current: true, needs: onExisting("s3:GetObjectTagging", "s3:GetObjectVersionTagging"), serve: getObjectTags},
		{name: "PutObjectTagging", current: true, serve: putObjectTags},
		{name: "DeleteObjectTagging", current: true, needs: onExisting("s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"), serve: deleteObjectTags},
		{name: "GetObjectAcl", current: true, needs: onExisting("s3:GetObjectAcl", "s3:GetObjectVersionAcl"), serve: getACL},
		{name: "PutObjectAcl", current: true, needs: aclNeeds, serve: putACL, except: []string{noACL}},
	}
}

func configOperations() []operation {
	on := func(name, action string, serve func(context.Context, *request) error, except ...string) operation {
		return operation{name: name, needs: bucketNeeds(action), serve: serve, except: except}
	}
	return []operation{
		on("GetBucketVersioning", "s3:GetBucketVersioning", getVersioning),
		on("PutBucketVersioning", "s3:PutBucketVersioning", putVersioning, "MFA delete is refused"),
		on("GetBucketPolicy", "s3:GetBucketPolicy", getPolicy),
		on("PutBucketPolicy", "s3:PutBucketPolicy", putPolicy, "whether the principals exist is not asked"),
		on("DeleteBucketPolicy", "s3:DeleteBucketPolicy", deletePolicy),
		on("GetBucketPolicyStatus", "s3:GetBucketPolicyStatus", getPolicyStatus),
		on("GetBucketEncryption", "s3:GetEncryptionConfiguration", getEncryption),
		on("PutBucketEncryption", "s3:PutEncryptionConfiguration", putEncryption, noKMS),
		on("DeleteBucketEncryption", "s3:PutEncryptionConfiguration", deleteEncryption),
		on("GetBucketTagging", "s3:GetBucketTagging", getBucketTags),
		on("PutBucketTagging", "s3:PutBucketTagging", putBucketTags),
		on("DeleteBucketTagging", "s3:PutBucketTagging", deleteBucketTags),
		on("GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock", getPublicAccess),
		on("PutPublicAccessBlock", "s3:PutBucketPublicAccessBlock", putPublicAccess),
		on("DeletePublicAccessBlock", "s3:PutBucketPublicAccessBlock", deletePublicAccess),
		on("GetBucketOwnershipControls", "s3:GetBucketOwnershipControls", getOwnership),
		on("PutBucketOwnershipControls", "s3:PutBucketOwnershipControls", putOwnership, noACL),
		on("GetBucketAcl", "s3:GetBucketAcl", getACL),
		on("PutBucketAcl", "s3:PutBucketAcl", putACL, noACL),
	}
}
