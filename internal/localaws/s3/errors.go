package s3

import (
	"fmt"
	"net/http"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// faults are the errors of S3 ("Error responses", S3 API reference): status, and the message where it is always the same.
var faults = map[string]struct {
	status  int
	message string
}{
	"AccessControlListNotSupported":           {400, "The bucket does not allow ACLs"},
	"AccessDenied":                            {403, "Access Denied"},
	"BadDigest":                               {400, "The Content-MD5 you specified did not match what we received."},
	"BucketAlreadyExists":                     {409, "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again."},
	"BucketAlreadyOwnedByYou":                 {409, "Your previous request to create the named bucket succeeded and you already own it."},
	"BucketNotEmpty":                          {409, "The bucket you tried to delete is not empty"},
	"ConditionalRequestConflict":              {409, "The conditional request cannot succeed due to a conflicting operation against this resource."},
	"EntityTooLarge":                          {400, "Your proposed upload exceeds the maximum allowed size"},
	"EntityTooSmall":                          {400, "Your proposed upload is smaller than the minimum allowed size"},
	"IllegalLocationConstraintException":      {400, ""},
	"IllegalVersioningConfigurationException": {400, "The Versioning element must be specified"},
	"IncompleteBody":                          {400, "You did not provide the number of bytes specified by the Content-Length HTTP header"},
	"InvalidArgument":                         {400, "Invalid Argument"},
	"InvalidBucketAclWithObjectOwnership":     {400, "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"},
	"InvalidBucketName":                       {400, "The specified bucket is not valid."},
	"InvalidDigest":                           {400, "The Content-MD5 you specified was invalid."},
	"InvalidLocationConstraint":               {400, "The specified location-constraint is not valid"},
	"InvalidPart":                             {400, "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."},
	"InvalidPartNumber":                       {416, "The requested partnumber is not satisfiable"},
	"InvalidPartOrder":                        {400, "The list of parts was not in ascending order. Parts must be ordered by part number."},
	"InvalidRange":                            {416, "The requested range is not satisfiable"},
	"InvalidRequest":                          {400, ""},
	"InvalidStorageClass":                     {400, "The storage class you specified is not valid"},
	"InvalidTag":                              {400, ""},
	"InvalidURI":                              {400, "Couldn't parse the specified URI."},
	"KeyTooLongError":                         {400, "Your key is too long"},
	"MalformedACLError":                       {400, "The XML you provided was not well-formed or did not validate against our published schema"},
	"MalformedPolicy":                         {400, ""},
	"MalformedXML":                            {400, "The XML you provided was not well-formed or did not validate against our published schema"},
	"MaxMessageLengthExceeded":                {400, "Your request was too big."},
	"MetadataTooLarge":                        {400, "Your metadata headers exceed the maximum allowed metadata size"},
	"MethodNotAllowed":                        {405, "The specified method is not allowed against this resource."},
	"MissingContentLength":                    {411, "You must provide the Content-Length HTTP header."},
	"MissingRequestBodyError":                 {400, "Request Body is empty"},
	"NoSuchBucket":                            {404, "The specified bucket does not exist"},
	"NoSuchBucketPolicy":                      {404, "The bucket policy does not exist"},
	"NoSuchKey":                               {404, "The specified key does not exist."},
	"NoSuchPublicAccessBlockConfiguration":    {404, "The public access block configuration was not found"},
	"NoSuchTagSet":                            {404, "The TagSet does not exist"},
	"NoSuchUpload":                            {404, "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."},
	"NoSuchVersion":                           {404, "The specified version does not exist."},
	"NotImplemented":                          {501, "A header you provided implies functionality that is not implemented"},
	"OwnershipControlsNotFoundError":          {404, "The bucket ownership controls were not found"},
	"PermanentRedirect":                       {301, "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint."},
	"PreconditionFailed":                      {412, "At least one of the pre-conditions you specified did not hold"},
	"TooManyBuckets":                          {400, "You have attempted to create more buckets than allowed"},
}

// detail is an element that S3 adds to an error.
func detail(name, value string) gateway.Detail { return gateway.Detail{Name: name, Value: value} }

// fail is an error of S3 in its own words.
func fail(code string, details ...gateway.Detail) error {
	f := faults[code]
	return &gateway.Error{Code: code, Message: f.message, Status: f.status, Details: details}
}

// failf is an error of S3 whose message depends on the request.
func failf(code, format string, args ...any) error {
	return &gateway.Error{Code: code, Message: fmt.Sprintf(format, args...), Status: faults[code].status}
}

// invalid is a parameter that S3 cannot take.
func invalid(name, value, message string) error {
	return &gateway.Error{Code: "InvalidArgument", Message: message, Status: http.StatusBadRequest,
		Details: []gateway.Detail{detail("ArgumentName", name), detail("ArgumentValue", value)}}
}

// notImplemented refuses what a header or a parameter asks for and is not there.
func notImplemented(what string) error {
	return &gateway.Error{Code: "NotImplemented", Message: "A header you provided implies functionality that is not implemented: " + what,
		Status: http.StatusNotImplemented, Details: []gateway.Detail{detail("Header", what)}}
}
