package gateway

import (
	"errors"
	"net/http"

	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

// regionDetail is the element that says where a bucket is; clients read it from a header as well.
const regionDetail = "Region"

// restRefusals are the refusals that only S3 knows, with their codes ("Error responses", S3 API reference).
var restRefusals = []struct {
	class error
	Error
}{
	{sigv4.ErrUnsignedHeader, Error{Code: "AccessDenied", Status: http.StatusForbidden}},
	{sigv4.ErrNoPayloadHash, Error{Code: "InvalidRequest"}},
	{sigv4.ErrPayloadHash, Error{Code: "InvalidArgument"}},
	{sigv4.ErrPayloadMismatch, Error{Code: "XAmzContentSHA256Mismatch"}},
	{sigv4.ErrLength, Error{Code: "MissingContentLength", Status: http.StatusLengthRequired}},
	{sigv4.ErrIncompleteBody, Error{Code: "IncompleteBody"}},
	{sigv4.ErrChunkSize, Error{Code: "InvalidChunkSizeError"}},
	{sigv4.ErrTrailer, Error{Code: "MalformedTrailerError"}},
}

// refusedREST is the error of a refusal where S3's differs from that of all others; nil elsewhere.
func (x *exchange) refusedREST(r *sigv4.Refusal) error {
	if x.protocol != RESTXML {
		return nil
	}
	for _, known := range restRefusals {
		if errors.Is(r, known.class) {
			e := known.Error
			e.Message = r.Message
			return &e
		}
	}
	presigned := x.r.Header.Get("Authorization") == ""
	switch {
	case errors.Is(r, sigv4.ErrExpired) && presigned:
		return &Error{Code: "AccessDenied", Message: "Request has expired", Status: http.StatusForbidden}
	case errors.Is(r, sigv4.ErrIncomplete) && presigned:
		return &Error{Code: "AuthorizationQueryParametersError", Message: r.Message}
	}
	return nil
}

// checkRESTScope is checkScope in S3's words: it tells the region that the host is in.
func (x *exchange) checkRESTScope() error {
	code := "AuthorizationHeaderMalformed"
	if x.sig.Presigned() {
		code = "AuthorizationQueryParametersError"
	}
	if x.sig.Service != x.svc.Name {
		return &Error{Code: code, Message: "Error parsing the credential; incorrect service. This endpoint belongs to \"" + x.svc.Name + "\"."}
	}
	want := hostRegion(x.r.Host)
	if want == "" && !isRegion(x.sig.Region) {
		want = defaultRegion
	}
	if want != "" && want != x.sig.Region {
		return WrongRegion(x.r, x.sig.Region, want)
	}
	return nil
}

// WrongRegion is S3's error for a signature that is scoped to another region than that of the bucket or the host.
func WrongRegion(r *http.Request, got, want string) *Error {
	code, message := "AuthorizationHeaderMalformed", "The authorization header is malformed; the region '"
	if r.Header.Get("Authorization") == "" {
		code, message = "AuthorizationQueryParametersError", "Error parsing the X-Amz-Credential parameter; the region '"
	}
	return &Error{Code: code, Message: message + printable(got) + "' is wrong; expecting '" + want + "'", Details: []Detail{{regionDetail, want}}}
}
