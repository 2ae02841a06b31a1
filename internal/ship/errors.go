package ship

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// class sorts errors by what may be done about them.
type class uint8

const (
	other     class = iota // everything that has no better name: ends what it meets
	denied                 // the principal lacks the permission
	expired                // the credentials have expired
	throttled              // too many requests: nothing was done
	broken                 // 5xx or a broken connection: whether anything was done is not known
)

var deniedCodes = map[string]bool{
	"AccessDeniedException": true, "AccessDenied": true, "UnauthorizedOperation": true, "NotAuthorized": true,
}

var expiredCodes = map[string]bool{
	"ExpiredTokenException": true, "ExpiredToken": true, "RequestExpired": true,
}

// classify sorts err. Codes come first: a denial stays one whatever HTTP status carries it.
func classify(err error) class {
	code := errorCode(err)
	if deniedCodes[code] {
		return denied
	}
	if expiredCodes[code] {
		return expired
	}
	if _, ok := retry.DefaultThrottleErrorCodes[code]; ok {
		return throttled
	}
	if _, ok := retry.DefaultRetryableErrorCodes[code]; ok {
		return broken
	}
	if status := httpStatus(err); status != 0 {
		switch {
		case status == http.StatusTooManyRequests:
			return throttled
		case status >= http.StatusInternalServerError:
			return broken
		}
	}
	return classifyTransport(err)
}

func classifyTransport(err error) class {
	var sending *smithyhttp.RequestSendError
	var network net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, io.ErrUnexpectedEOF):
		return broken
	case errors.As(err, &sending), errors.As(err, &network):
		return broken
	}
	return other
}

// dialFailed tells that no connection was ever made, so that no request can have arrived.
func dialFailed(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Op == "dial"
	}
	var dns *net.DNSError
	return errors.As(err, &dns)
}

// errorCode is the service's own name for the error; empty when the service did not answer.
func errorCode(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func httpStatus(err error) int {
	var answered *smithyhttp.ResponseError
	if errors.As(err, &answered) {
		return answered.HTTPStatusCode()
	}
	return 0
}

// notThere is the eventual consistency of reads right after a send.
func notThere(err error) bool {
	var missing *types.InvocationDoesNotExist
	return errors.As(err, &missing)
}

// modelledRead tells the errors by which GetCommandInvocation and ListCommandInvocations say, having let the caller
// in, that there is nothing to read.
func modelledRead(err error) bool {
	switch errorCode(err) {
	case "InvocationDoesNotExist", "InvalidCommandId", "InvalidInstanceId", "InvalidPluginName":
		return true
	}
	return false
}

// certainlyNotSent tells whether a failed SendCommand can have done nothing: the service itself said no, or no
// request ever left.
func certainlyNotSent(err error) bool {
	status, code := httpStatus(err), errorCode(err)
	if status >= 400 && status < 500 {
		_, retryable := retry.DefaultRetryableErrorCodes[code] // RequestTimeout: it may have been read
		return code != "" && code != "UnknownError" && !retryable
	}
	if status != 0 {
		return false
	}
	var sending *smithyhttp.RequestSendError
	if errors.As(err, &sending) {
		return dialFailed(err)
	}
	var garbled *smithy.DeserializationError
	// Without a request that was sent, or an answer that came, it failed before: signing, credentials, the endpoint.
	return !errors.As(err, &garbled) && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) &&
		!errors.Is(err, io.ErrUnexpectedEOF)
}

// callError is a call that ended, with what it takes to explain it.
type callError struct {
	api       string // service:Operation
	principal string
	note      string // what was tried, when it was tried more than once
	err       error
}

func (e *callError) Error() string {
	text := e.api + ": " + plain(e.err)
	if e.note != "" {
		text += " (" + e.note + ")"
	}
	return text
}

func (e *callError) Unwrap() error { return e.err }

// plain is the service's own message where there is one: the SDK's wrapping says nothing to a reader.
func plain(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		if api.ErrorMessage() == "" {
			return api.ErrorCode()
		}
		return api.ErrorCode() + ": " + api.ErrorMessage()
	}
	var request *url.Error
	if errors.As(err, &request) {
		return "no answer from " + hostOf(request.URL) + ": " + request.Err.Error()
	}
	return err.Error()
}

// hostOf is the part of a URL that says who was asked.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return text
	}
	return u.Scheme + "://" + u.Host
}

// The words of AWS's denials: "User: ARN is not authorized to perform: ACTION on resource: ARN because …".
var (
	denialUser     = regexp.MustCompile(`User: (\S+) is not authorized`)
	denialAction   = regexp.MustCompile(`not authorized to perform: ([A-Za-z0-9-]+:[A-Za-z0-9]+)`)
	denialResource = regexp.MustCompile(`on resource: "?([^\s"]+)`) // S3 puts it in quotes
)

func firstGroup(re *regexp.Regexp, text string) string {
	if m := re.FindStringSubmatch(text); m != nil {
		return strings.TrimRight(m[1], ".,;")
	}
	return ""
}

// statementFor is the statement that allows actions, when nobody gave a better one.
func statementFor(sid string, actions []string, resource string) string {
	var action any = actions
	if len(actions) == 1 {
		action = actions[0]
	}
	doc := struct {
		Sid      string
		Effect   string
		Action   any
		Resource string
	}{sid, "Allow", action, resource}
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return "" // strings always marshal
	}
	return string(text)
}
