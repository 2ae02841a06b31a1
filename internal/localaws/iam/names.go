package iam

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	engine "github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

var (
	namePattern    = regexp.MustCompile(`^[\w+=,.@-]+$`)
	pathPattern    = regexp.MustCompile(`^(/|/[!-~]+/)$`)
	accountPattern = regexp.MustCompile(`^\d{12}$`)
)

// The limits of IAM's API reference and its default quotas.
const (
	maxRoleName    = 64
	maxPolicyName  = 128
	maxPath        = 512
	minARN         = 20
	maxARN         = 2048
	maxTrust       = 2048
	maxManaged     = 6144
	maxRoleInline  = 10240
	maxUserInline  = 2048
	maxGroupInline = 5120
	maxGroupName   = 128
	maxAlias       = 63
	maxAttached    = 10
	maxVersions    = 5
	maxKeys        = 2
	minSession     = 3600
	maxSession     = 43200
	defaultSession = 3600
	defaultItems   = 100
	maxItems       = 1000

	maxUsers        = 5000
	maxGroups       = 300
	maxRoles        = 1000
	maxPolicies     = 1500
	maxProfiles     = 1000
	maxProviders    = 100
	maxGroupsOfUser = 10
	maxDescription  = 1000
	maxClients      = 100
	maxThumbprints  = 5
)

func failure(status int, code, format string, args ...any) error {
	return &gateway.Error{Code: code, Message: fmt.Sprintf(format, args...), Status: status}
}

func noSuchEntity(format string, args ...any) error {
	return failure(http.StatusNotFound, "NoSuchEntity", format, args...)
}

func alreadyExists(format string, args ...any) error {
	return failure(http.StatusConflict, "EntityAlreadyExists", format, args...)
}

func deleteConflict(format string, args ...any) error {
	return failure(http.StatusConflict, "DeleteConflict", format, args...)
}

func limitExceeded(quota string, limit int) error {
	return failure(http.StatusConflict, "LimitExceeded", "Cannot exceed quota for %s: %d", quota, limit)
}

func invalidInput(format string, args ...any) error {
	return failure(http.StatusBadRequest, "InvalidInput", format, args...)
}

func invalid(format string, args ...any) error {
	return failure(http.StatusBadRequest, "ValidationError", format, args...)
}

// checkName checks the name of an entity; field is the parameter's name as AWS prints it, roleName.
func checkName(field, name string, limit int) error {
	if name == "" || len(name) > limit {
		return invalid("1 validation error detected: Value at '%s' failed to satisfy constraint: Member must have length between 1 and %d", field, limit)
	}
	if !namePattern.MatchString(name) {
		return invalid(`1 validation error detected: Value at '%s' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+`, field)
	}
	return nil
}

// checkPath checks a path and gives / for none.
func checkPath(path string) (string, error) {
	if path == "" {
		return "/", nil
	}
	if len(path) > maxPath || !pathPattern.MatchString(path) {
		return "", invalid("The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.")
	}
	return path, nil
}

// arn names an entity: kind is role, user, policy or instance-profile.
func arn(account, kind, path, name string) string {
	return "arn:aws:iam::" + account + ":" + kind + path + name
}

// newID makes an id such as AROA…, length characters long.
func (s *Service) newID(prefix string, length int) (string, error) {
	b, err := s.random(length)
	if err != nil {
		return "", err
	}
	return (prefix + base32.StdEncoding.EncodeToString(b))[:length], nil
}

// newUUID makes a random UUID, version 4.
func (s *Service) newUUID() (string, error) {
	b, err := s.random(16)
	if err != nil {
		return "", err
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}

// newSecret makes n random bytes as text.
func (s *Service) newSecret(n int) (string, error) {
	b, err := s.random(n)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(b), nil
}

func (s *Service) random(n int) ([]byte, error) {
	b := make([]byte, n)
	s.randMu.Lock()
	defer s.randMu.Unlock()
	if _, err := io.ReadFull(s.rand, b); err != nil {
		return nil, fmt.Errorf("make an id: %w", err)
	}
	return b, nil
}

// checkIdentityPolicy checks a policy that is attached to a user or a role.
func checkIdentityPolicy(name, document string) error {
	return check(name, document, engine.IdentityPolicy)
}

// checkTrustPolicy checks a role's trust policy.
func checkTrustPolicy(document string) error {
	if size(document) > maxTrust {
		return limitExceeded("ACLSizePerRole", maxTrust)
	}
	return check("trust policy", document, engine.TrustPolicy)
}

// check parses a document and finds what IAM refuses in it, so that whatever is stored can be evaluated.
func check(name, document string, kind engine.PolicyKind) error {
	doc, err := engine.Parse(name, []byte(document))
	if err != nil {
		return malformed("Syntax errors in policy. (%v)", err)
	}
	if errs := doc.Validate(kind); len(errs) > 0 {
		return malformed("Syntax errors in policy. (%v)", errs[0])
	}
	return nil
}

func malformed(format string, args ...any) error {
	return failure(http.StatusBadRequest, "MalformedPolicyDocument", format, args...)
}

// size is the length of a policy without white space, as IAM counts it.
func size(document string) int {
	return len(document) - strings.Count(document, " ") - strings.Count(document, "\n") - strings.Count(document, "\t") - strings.Count(document, "\r")
}

// encoded is a policy document as it stands in an answer: RFC 3986 percent encoding.
func encoded(document string) string {
	return strings.ReplaceAll(url.QueryEscape(document), "+", "%20")
}

// paging is what every List operation takes, and listed what it answers beside its list.
type (
	paging struct {
		MaxItems *int
		Marker   string
	}
	listed struct {
		IsTruncated bool
		Marker      string `xml:",omitempty"`
	}
)

// check applies the service model's constraints.
func (p *paging) check() error {
	if p.MaxItems != nil && (*p.MaxItems < 1 || *p.MaxItems > maxItems) {
		return invalid("1 validation error detected: Value '%d' at 'maxItems' failed to satisfy constraint: Member must have value between 1 and %d", *p.MaxItems, maxItems)
	}
	return nil
}

// page cuts a list down to the page that was asked for. The key of an item is unique and orders the list; the marker is
// that of the last item of the page before, so a list may change between two pages.
func page[T any](p paging, all []T, key func(T) string) ([]T, listed, error) {
	if err := p.check(); err != nil {
		return nil, listed{}, err
	}
	if p.Marker != "" {
		last, err := base64.RawURLEncoding.DecodeString(p.Marker)
		if err != nil {
			return nil, listed{}, invalid("Invalid Marker.")
		}
		all = slices.DeleteFunc(all, func(item T) bool { return key(item) <= string(last) })
	}
	size := defaultItems
	if p.MaxItems != nil {
		size = *p.MaxItems
	}
	if len(all) <= size {
		return all, listed{}, nil
	}
	return all[:size], listed{true, base64.RawURLEncoding.EncodeToString([]byte(key(all[size-1])))}, nil
}

// placeKey and placeOf are for pages of what has no other order than its own.
func placeKey(i int) string { return fmt.Sprintf("%06d", i) }

func placeOf(key string) int {
	i, _ := strconv.Atoi(key) // placeKey wrote it
	return i
}

func at(unix int64) gateway.Time { return gateway.Time{Time: time.Unix(unix, 0).UTC()} }

func toJSON(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("iam store: %w", err)
	}
	return string(b), nil
}

func fromJSON(text string, into any) error {
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("iam store: %w", err)
	}
	return nil
}
