package localaws_test

import (
	"net/http"
	"strings"
	"testing"
)

const victimBucket = "shop-artifacts"

// bucket is a bucket with a policy, versions and an upload that has not ended.
func (v *victim) bucket(t *testing.T) {
	t.Helper()
	if err := v.aws.EnsureBucket(t.Context(), victimAccount, victimRegion, victimBucket); err != nil {
		t.Fatal(err)
	}
	for _, call := range []struct{ method, path, body string }{
		{"PUT", "?versioning", `<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>`},
		{"PUT", "?tagging", `<Tagging><TagSet><Tag><Key>Note</Key><Value>` + marker + `</Value></Tag></TagSet></Tagging>`},
		{"PUT", "?policy", `{"Version":"2012-10-17","Statement":[{"Sid":"` + marker + `","Effect":"Deny","Principal":{"AWS":"*"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::` +
			victimBucket + `/denied"}]}`},
		{"PUT", "/" + marker, marker},
		{"PUT", "/release.zip", marker},
		{"PUT", "/release.zip", marker + " again"},
		{"POST", "/" + marker + "?uploads", ""},
	} {
		if got := v.admin.send(t, call.method, "/"+victimBucket+call.path, "s3", http.Header{}, call.body); got.status >= 300 {
			t.Fatalf("%s %s: %d %s", call.method, call.path, got.status, got.body)
		}
	}
}

// s3Attempts are attempts at the victim's bucket and its objects.
var s3Attempts = attemptsAtBucket()

func attemptsAtBucket() []string {
	const bucket, object = "/" + victimBucket, "/" + victimBucket + "/release.zip"
	attempts := []string{"GET /", "HEAD " + bucket, "GET " + bucket, "GET " + bucket + "?list-type=2", "GET " + bucket + "?versions", "GET " + bucket + "?uploads",
		"GET " + bucket + "?location", "PUT " + bucket, "DELETE " + bucket, "POST " + bucket + "?delete",
		"GET " + object, "HEAD " + object, "PUT " + object, "DELETE " + object, "GET " + object + "?versionId=null", "POST " + object + "?uploads",
		"PUT " + object + "?partNumber=1&uploadId=x", "POST " + object + "?uploadId=x", "DELETE " + object + "?uploadId=x", "GET " + object + "?uploadId=x"}
	for _, sub := range []string{"acl", "encryption", "ownershipControls", "policy", "publicAccessBlock", "tagging", "versioning"} {
		attempts = append(attempts, "GET "+bucket+"?"+sub, "PUT "+bucket+"?"+sub)
	}
	for _, sub := range []string{"encryption", "policy", "publicAccessBlock", "tagging"} {
		attempts = append(attempts, "DELETE "+bucket+"?"+sub)
	}
	for _, call := range []string{"GET ?tagging", "PUT ?tagging", "DELETE ?tagging", "GET ?acl", "PUT ?acl", "GET ?partNumber=1"} {
		method, query, _ := strings.Cut(call, " ")
		attempts = append(attempts, method+" "+object+query)
	}
	return append(attempts, "GET "+bucket+"?policyStatus")
}
