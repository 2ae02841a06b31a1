package iam

import "strings"

// needsNoPermission says whether AWS lets the caller make the call whatever the caller's policies say.
//
// sts:GetCallerIdentity: "No permissions are required to perform this operation. If an administrator attaches a policy to
// your identity that explicitly denies access to the sts:GetCallerIdentity action, you can still perform this operation"
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html).
//
// sts:GetSessionToken: "No permissions are required for users to perform this operation. [...] You cannot use policies to
// control authentication operations" (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html).
func (r *Request) needsNoPermission() bool {
	if !ofService(r.Action, "sts") || r.Principal.Kind != PrincipalAWS {
		return false
	}
	return strings.EqualFold(r.Action, "sts:GetCallerIdentity") ||
		strings.EqualFold(r.Action, "sts:GetSessionToken") && (r.Principal.isUser() || r.Principal.isRoot())
}

// waive drops what the policies of the caller and of the resource say. The policy of a VPC endpoint still counts: one that
// does not list sts:GetCallerIdentity and sts:GetSessionToken "blocks" them
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sts_vpc_endpoint_policies.html).
//
// uncertain: whether service and resource control policies count; their denials are taken to.
func (e *evaluation) waive() {
	for l := LayerIdentity; l <= LayerResource; l++ {
		e.findings[l] = findings{}
		e.denied &^= 1 << l
	}
	e.waived = true
}

// ownsBucket says whether the caller is the root user of a bucket's account and works on the bucket's policy: "the root
// principal in a bucket owner's Amazon Web Services account can perform the GetBucketPolicy, PutBucketPolicy, and
// DeleteBucketPolicy API actions, even if their bucket policy explicitly denies the root principal's access"
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketPolicy.html).
func (e *evaluation) ownsBucket() bool {
	r := e.request
	return ofService(r.Action, "s3") && r.Principal.isRoot() && !e.crossAccount() &&
		hasWord(" s3:getbucketpolicy s3:putbucketpolicy s3:deletebucketpolicy ", r.Action)
}
