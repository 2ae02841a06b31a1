// Package imds is the instance metadata service of one EC2 instance: what programs on a node ask to find out where they
// are, and for the credentials of their role.
//
// It speaks version 2, in which a session begins with PUT /latest/api/token, and version 1 where the instance lets it. What there is
// to tell comes from a [Source], the credentials included; nothing is kept here. See
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-categories.html.
package imds

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Source is what an instance's metadata comes from. Its errors are answered as 500.
type Source interface {
	// Instance describes the instance as it is now.
	Instance(ctx context.Context) (Instance, error)
	// RoleCredentials gives the credentials of the instance profile's role.
	RoleCredentials(ctx context.Context) (Credentials, error)
	// IdentityCredentials gives those that say which instance it is, and allow nothing; without AccessKeyID there are none.
	IdentityCredentials(ctx context.Context) (Credentials, error)
}

// Credentials are temporary keys, or the reason why there are none.
type Credentials struct {
	AccessKeyID, SecretAccessKey, Token string
	Issued, Expires                     time.Time
	// Denied says why EC2 may not assume the role; all else is empty then but Issued.
	Denied string
}

// The path, header names and bounds of version 2.
const (
	tokenPath   = "/latest/api/token"
	tokenHeader = "X-Aws-Ec2-Metadata-Token"
	ttlHeader   = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
	maxTTL      = 21600
)

// Handler is the service of one instance. Make one with [New].
type Handler struct {
	source  Source
	now     func() time.Time
	key     [32]byte // signs tokens
	onError func(error)
}

// New makes the service. random gives the key that its tokens are signed with; onError hears of the source's errors.
func New(source Source, now func() time.Time, random io.Reader, onError func(error)) (*Handler, error) {
	h := &Handler{source: source, now: now, onError: onError}
	if _, err := io.ReadFull(random, h.key[:]); err != nil {
		return nil, fmt.Errorf("instance metadata: %w", err)
	}
	return h, nil
}

// ServeHTTP answers a request to http://169.254.169.254.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", "EC2ws")
	instance, err := h.source.Instance(r.Context())
	switch {
	case err != nil:
		h.failed(w, err)
	case instance.Disabled || r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "":
		fail(w, http.StatusForbidden) // or a web page, whose browser runs on the node
	case r.URL.Path == tokenPath:
		h.serveToken(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		fail(w, http.StatusMethodNotAllowed)
	case !h.admitted(r, instance):
		fail(w, http.StatusUnauthorized)
	default:
		h.serveItem(w, r, instance)
	}
}

// admitted tells whether a request belongs to a session, or needs none. A token that is not good is refused even then.
func (h *Handler) admitted(r *http.Request, i Instance) bool {
	token := r.Header.Get(tokenHeader)
	return h.valid(token) || token == "" && i.TokensOptional
}

// serveToken begins a session. What a proxy passed on is refused: it may come from anywhere.
func (h *Handler) serveToken(w http.ResponseWriter, r *http.Request) {
	ttl, err := strconv.Atoi(r.Header.Get(ttlHeader))
	switch {
	case r.Method != http.MethodPut:
		fail(w, http.StatusMethodNotAllowed)
	case r.Header.Get("X-Forwarded-For") != "":
		fail(w, http.StatusForbidden)
	case err != nil || ttl < 1 || ttl > maxTTL:
		fail(w, http.StatusBadRequest)
	default:
		w.Header().Set(ttlHeader, strconv.Itoa(ttl))
		send(w, plain, h.token(h.now().Add(time.Duration(ttl)*time.Second)))
	}
}

// token says until when it is valid, signed.
func (h *Handler) token(expires time.Time) string {
	text := binary.BigEndian.AppendUint64(nil, uint64(expires.UnixNano()))
	return base64.URLEncoding.EncodeToString(append(text, h.sign(text)...))
}

func (h *Handler) sign(text []byte) []byte {
	mac := hmac.New(sha256.New, h.key[:])
	mac.Write(text)
	return mac.Sum(nil)
}

func (h *Handler) valid(token string) bool {
	b, err := base64.URLEncoding.DecodeString(token)
	if err != nil || len(b) != 8+sha256.Size || !hmac.Equal(h.sign(b[:8]), b[8:]) {
		return false
	}
	return h.now().Before(time.Unix(0, int64(binary.BigEndian.Uint64(b))))
}

func (h *Handler) serveItem(w http.ResponseWriter, r *http.Request, instance Instance) {
	path, ok := strings.CutPrefix(r.URL.Path, "/latest/")
	if !ok {
		fail(w, http.StatusNotFound)
		return
	}
	all := instance.items()
	if item, ok := all[strings.TrimSuffix(path, "/")]; ok {
		h.serveValue(w, r, item)
		return
	}
	if listed := list(all, path); listed != "" {
		send(w, plain, listed)
		return
	}
	fail(w, http.StatusNotFound)
}

func (h *Handler) serveValue(w http.ResponseWriter, r *http.Request, i item) {
	text, err := i.value(r.Context(), h.source, h.now())
	switch {
	case err != nil:
		h.failed(w, err)
	case text == "":
		fail(w, http.StatusNotFound)
	default:
		send(w, i.kind, text)
	}
}

func (h *Handler) failed(w http.ResponseWriter, err error) {
	h.onError(fmt.Errorf("instance metadata: %w", err))
	fail(w, http.StatusInternalServerError)
}

func send(w http.ResponseWriter, kind, text string) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = io.WriteString(w, text) // who asked may have gone
}

// fail answers with the page that the service has for every error.
func fail(w http.ResponseWriter, status int) {
	title := fmt.Sprintf("%d - %s", status, http.StatusText(status))
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"en\" lang=\"en\">\n"+
		" <head>\n  <title>%s</title>\n </head>\n <body>\n  <h1>%s</h1>\n </body>\n</html>\n", title, title)
}
