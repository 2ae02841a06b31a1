package s3

import (
	"context"
	"encoding/xml"
	"maps"
	"net/http"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

type versioningDocument struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ VersioningConfiguration"`
	Status  string   `xml:",omitempty"`
}

// getVersioning is GetBucketVersioning.
func getVersioning(_ context.Context, q *request) error {
	return q.answer(&versioningDocument{Status: q.bucket.settings.Versioning})
}

// putVersioning is PutBucketVersioning.
func putVersioning(ctx context.Context, q *request) error {
	var in struct {
		XMLName   xml.Name `xml:"VersioningConfiguration"`
		Status    string
		MfaDelete string
	}
	if err := q.decode(&in); err != nil {
		return err
	}
	switch {
	case in.MfaDelete != "" && in.MfaDelete != "Disabled" || q.r.Header.Get("X-Amz-Mfa") != "":
		return notImplemented("MfaDelete")
	case in.Status == "":
		return fail("IllegalVersioningConfigurationException")
	case in.Status != enabled && in.Status != suspended:
		return fail("MalformedXML")
	}
	return q.configure(ctx, http.StatusOK, func(s *settings) error { s.Versioning = in.Status; return nil })
}

type encryptionDocument struct {
	XMLName   xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ServerSideEncryptionConfiguration"`
	Algorithm string   `xml:"Rule>ApplyServerSideEncryptionByDefault>SSEAlgorithm"`
	BucketKey bool     `xml:"Rule>BucketKeyEnabled"`
}

// getEncryption is GetBucketEncryption: every bucket has at least AES256, since January 2023.
func getEncryption(_ context.Context, q *request) error {
	return q.answer(&encryptionDocument{Algorithm: "AES256", BucketKey: q.bucket.settings.BucketKey})
}

// putEncryption is PutBucketEncryption. Keys of KMS are refused: there are none here.
func putEncryption(ctx context.Context, q *request) error {
	var in struct {
		XMLName xml.Name `xml:"ServerSideEncryptionConfiguration"`
		Rule    []struct {
			Apply struct {
				SSEAlgorithm   string
				KMSMasterKeyID string
			} `xml:"ApplyServerSideEncryptionByDefault"`
			BucketKeyEnabled       bool
			BlockedEncryptionTypes *struct{}
		}
	}
	if err := q.decode(&in); err != nil {
		return err
	}
	if len(in.Rule) != 1 {
		return fail("MalformedXML")
	}
	switch rule := in.Rule[0]; {
	case rule.Apply.SSEAlgorithm == "aws:kms" || rule.Apply.SSEAlgorithm == "aws:kms:dsse" || rule.BlockedEncryptionTypes != nil:
		return notImplemented("aws:kms and BlockedEncryptionTypes")
	case rule.Apply.SSEAlgorithm != "AES256":
		return fail("MalformedXML")
	case rule.Apply.KMSMasterKeyID != "":
		return invalid("KMSMasterKeyID", rule.Apply.KMSMasterKeyID, "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse")
	default:
		return q.configure(ctx, http.StatusOK, func(s *settings) error { s.BucketKey = rule.BucketKeyEnabled; return nil })
	}
}

// deleteEncryption is DeleteBucketEncryption: back to the default.
func deleteEncryption(ctx context.Context, q *request) error {
	return q.configure(ctx, http.StatusNoContent, func(s *settings) error { s.BucketKey = false; return nil })
}

// publicAccess is the public access block of a bucket.
type publicAccess struct {
	BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, RestrictPublicBuckets bool
}

type publicAccessDocument struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ PublicAccessBlockConfiguration"`
	publicAccess
}

// getPublicAccess is GetPublicAccessBlock.
func getPublicAccess(_ context.Context, q *request) error {
	if q.bucket.settings.PublicAccess == nil {
		return fail("NoSuchPublicAccessBlockConfiguration", detail("BucketName", q.name))
	}
	return q.answer(&publicAccessDocument{publicAccess: *q.bucket.settings.PublicAccess})
}

// putPublicAccess is PutPublicAccessBlock. Those of its settings that are about access control lists have nothing to do:
// there are none.
func putPublicAccess(ctx context.Context, q *request) error {
	var in struct {
		XMLName xml.Name `xml:"PublicAccessBlockConfiguration"`
		publicAccess
	}
	if err := q.decode(&in); err != nil {
		return err
	}
	return q.configure(ctx, http.StatusOK, func(s *settings) error { s.PublicAccess = &in.publicAccess; return nil })
}

// deletePublicAccess is DeletePublicAccessBlock.
func deletePublicAccess(ctx context.Context, q *request) error {
	return q.configure(ctx, http.StatusNoContent, func(s *settings) error { s.PublicAccess = nil; return nil })
}

type ownershipDocument struct {
	XMLName   xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ OwnershipControls"`
	Ownership string   `xml:"Rule>ObjectOwnership"`
}

// getOwnership is GetBucketOwnershipControls.
func getOwnership(_ context.Context, q *request) error {
	return q.answer(&ownershipDocument{Ownership: q.bucket.settings.Ownership})
}

// putOwnership is PutBucketOwnershipControls: there is one kind of ownership here.
func putOwnership(ctx context.Context, q *request) error {
	var in struct {
		XMLName xml.Name `xml:"OwnershipControls"`
		Rule    []struct{ ObjectOwnership string }
	}
	if err := q.decode(&in); err != nil {
		return err
	}
	if len(in.Rule) != 1 {
		return fail("MalformedXML")
	}
	switch in.Rule[0].ObjectOwnership {
	case enforced:
		return q.configure(ctx, http.StatusOK, func(*settings) error { return nil })
	case "BucketOwnerPreferred", "ObjectWriter":
		return notImplemented("ObjectOwnership other than BucketOwnerEnforced")
	}
	return fail("MalformedXML")
}

type aclDocument struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ AccessControlPolicy"`
	Owner   owner
	Grants  []grantEntry `xml:"AccessControlList>Grant"`
}

type grantEntry struct {
	Grantee    grantee
	Permission string
}

type grantee struct {
	Namespace string `xml:"xmlns:xsi,attr"`
	Type      string `xml:"xsi:type,attr"`
	ID        string
}

// getACL is GetBucketAcl and GetObjectAcl: the bucket's owner has full control, and nobody else has anything.
func getACL(_ context.Context, q *request) error {
	if q.object != nil {
		if err := q.notMarker(); err != nil {
			return err
		}
	}
	id := canonical(q.bucket.account)
	return q.answer(&aclDocument{Owner: owner{id}, Grants: []grantEntry{{Permission: "FULL_CONTROL",
		Grantee: grantee{"http://www.w3.org/2001/XMLSchema-instance", "CanonicalUser", id}}}})
}

// putACL is PutBucketAcl and PutObjectAcl: no bucket has access control lists ("Controlling ownership of objects", S3 user
// guide).
func putACL(_ context.Context, q *request) error {
	if len(q.body) > 0 {
		var in struct {
			XMLName xml.Name `xml:"AccessControlPolicy"`
		}
		if err := q.decode(&in); err != nil {
			return fail("MalformedACLError")
		}
	}
	return fail("AccessControlListNotSupported")
}

// aclNeeds are the permissions of PutObjectAcl.
func aclNeeds(q *request) []gateway.Access {
	keys := q.existing()
	maps.Copy(keys, q.granted())
	if q.version != "" {
		return []gateway.Access{q.onObject("s3:PutObjectVersionAcl", keys)}
	}
	return []gateway.Access{q.onObject("s3:PutObjectAcl", keys)}
}
