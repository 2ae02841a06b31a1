package gateway

import (
	"net/http"
)

// refusal is a reason not to know the caller.
type refusal int

const (
	noSignature refusal = iota
	unreadableSignature
	wrongSignature
	oldSignature
	unknownKey
	wrongToken // as unknownKey where a protocol has no other words
	expiredToken
)

// refusals gives code and status of each refusal in each protocol ("Common errors" of the services' API references).
// EC2 does not tell a wrong key from a wrong signature. uncertain: EC2's code for a request without a signature; taken
// to be the common one.
var refusals = map[Protocol]map[refusal]Error{
	JSON11: {
		noSignature:         {Code: "MissingAuthenticationTokenException"},
		unreadableSignature: {Code: "IncompleteSignatureException"},
		wrongSignature:      {Code: "InvalidSignatureException"},
		oldSignature:        {Code: "InvalidSignatureException"},
		unknownKey:          {Code: "UnrecognizedClientException"},
		expiredToken:        {Code: "ExpiredTokenException"},
	},
	Query: {
		noSignature:         {Code: "MissingAuthenticationToken", Status: http.StatusForbidden},
		unreadableSignature: {Code: "IncompleteSignature"},
		wrongSignature:      {Code: "SignatureDoesNotMatch", Status: http.StatusForbidden},
		oldSignature:        {Code: "SignatureDoesNotMatch", Status: http.StatusForbidden},
		unknownKey:          {Code: "InvalidClientTokenId", Status: http.StatusForbidden},
		expiredToken:        {Code: "ExpiredToken", Status: http.StatusForbidden},
	},
	EC2Query: {
		noSignature:         {Code: "MissingAuthenticationToken", Status: http.StatusForbidden},
		unreadableSignature: {Code: "IncompleteSignature"},
		wrongSignature:      {Code: "AuthFailure", Message: ec2AuthFailure, Status: http.StatusUnauthorized},
		oldSignature:        {Code: "RequestExpired", Message: "Request has expired."},
		unknownKey:          {Code: "AuthFailure", Message: ec2AuthFailure, Status: http.StatusUnauthorized},
		expiredToken:        {Code: "RequestExpired", Message: "Request has expired."},
	},
	RESTXML: {
		noSignature:         {Code: "AccessDenied", Message: "Access Denied", Status: http.StatusForbidden},
		unreadableSignature: {Code: "AuthorizationHeaderMalformed"},
		wrongSignature:      {Code: "SignatureDoesNotMatch", Status: http.StatusForbidden},
		oldSignature:        {Code: "RequestTimeTooSkewed", Message: "The difference between the request time and the current time is too large.", Status: http.StatusForbidden},
		unknownKey:          {Code: "InvalidAccessKeyId", Message: "The AWS Access Key Id you provided does not exist in our records.", Status: http.StatusForbidden},
		wrongToken:          {Code: "InvalidToken", Message: "The provided token is malformed or otherwise invalid."},
		expiredToken:        {Code: "ExpiredToken", Message: "The provided token has expired."},
	},
}

const ec2AuthFailure = "AWS was not able to validate the provided access credentials"

func authError(p Protocol, kind refusal, message string) *Error {
	e, ok := refusals[p][kind]
	if !ok && kind == wrongToken {
		e = refusals[p][unknownKey]
	}
	if e.Message == "" {
		e.Message = message
	}
	return &e
}

func unknownOperation(p Protocol, name string) *Error {
	if p == RESTXML {
		return &Error{Code: "NotImplemented", Message: "The local AWS does not serve this operation.", Status: http.StatusNotImplemented}
	}
	if p == JSON11 {
		return &Error{Code: "UnknownOperationException", Message: "The local AWS does not serve the operation " + printable(name) + "."}
	}
	return &Error{Code: "InvalidAction", Message: "The local AWS does not serve the action " + printable(name) + "."}
}

// malformed is a request that cannot be decoded.
func malformed(p Protocol, message string) *Error {
	if p == JSON11 {
		return &Error{Code: "SerializationException", Message: message}
	}
	return &Error{Code: "MalformedInput", Message: message}
}

func internalFailure() *Error {
	return &Error{
		Code:    "InternalFailure",
		Message: "The request processing has failed because of an unknown error, exception or failure.",
		Status:  http.StatusInternalServerError,
	}
}

// printable cuts a client's text down to what may stand in a message.
func printable(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s) && i < 128; i++ {
		if s[i] > ' ' && s[i] < 0x7f {
			b = append(b, s[i])
		}
	}
	return string(b)
}
