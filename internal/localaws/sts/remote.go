package sts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// The limits of what an issuer may take and say.
const (
	fetchTimeout = 5 * time.Second
	maxFetched   = 1 << 20
	maxRedirects = 3
	// configurationLife is how long an issuer's configuration is believed. Its keys are asked for again as soon as a
	// token names one that is not known.
	configurationLife = time.Hour
	maxIssuers        = 64
)

// errUnreachable says that an issuer did not answer, or not as an issuer answers.
var errUnreachable = errors.New("the issuer cannot be reached")

// Remote is the [KeySource] for all issuers: those in Known are asked for in the process, every other one over HTTPS, as
// OpenID Connect Discovery has it. Plain HTTP is spoken on the loopback interface only.
type Remote struct {
	// Known are issuers whose keys are in this process, by URL: the built-in one.
	Known map[string]KeySource

	client *http.Client
	now    func() time.Time

	mu      sync.Mutex
	fetched map[string]remoteKeys
}

// remoteKeys are the keys of an issuer until its configuration is asked for again.
type remoteKeys struct {
	keys  oidc.KeySet
	until time.Time
}

// NewRemote makes a source. transport reaches the issuers; nil means the default one. now is the clock.
func NewRemote(known map[string]KeySource, transport http.RoundTripper, now func() time.Time) *Remote {
	if transport == nil {
		transport = http.DefaultTransport
	}
	return &Remote{
		Known: known, now: now, fetched: map[string]remoteKeys{},
		client: &http.Client{Timeout: fetchTimeout, Transport: bounded{transport}, CheckRedirect: sameHost},
	}
}

// bounded cuts answers that are too long.
type bounded struct{ http.RoundTripper }

// RoundTrip asks, and bounds the answer.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, maxFetched), answer.Body}
	}
	return answer, err
}

// sameHost refuses to be sent elsewhere.
func sameHost(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects || r.URL.Host != via[0].URL.Host || r.URL.Scheme != via[0].URL.Scheme {
		return fmt.Errorf("redirected to %s", r.URL.Redacted())
	}
	return nil
}

// Verify verifies the signature of a token with the keys of its issuer, and gives what it says.
func (r *Remote) Verify(ctx context.Context, issuer, token string) ([]byte, error) {
	if known := r.Known[issuer]; known != nil {
		return known.Verify(ctx, issuer, token)
	}
	keys, err := r.keysOf(ctx, issuer)
	if err != nil {
		return nil, err
	}
	payload, err := keys.VerifySignature(ctx, token)
	var answered *url.Error
	if errors.As(err, &answered) {
		return nil, errors.Join(errUnreachable, err)
	}
	return payload, err
}

// keysOf gives the keys of an issuer, from its configuration.
func (r *Remote) keysOf(ctx context.Context, issuer string) (oidc.KeySet, error) {
	r.mu.Lock()
	known, ok := r.fetched[issuer]
	r.mu.Unlock()
	if ok && r.now().Before(known.until) {
		return known.keys, nil
	}
	keys, err := r.fetch(ctx, issuer)
	if err != nil {
		return nil, fmt.Errorf("keys of %s: %w: %w", issuer, errUnreachable, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.fetched) >= maxIssuers {
		clear(r.fetched)
	}
	r.fetched[issuer] = remoteKeys{keys, r.now().Add(configurationLife)}
	return keys, nil
}

// fetch reads an issuer's configuration. It must name the issuer exactly, and keys that may be fetched.
func (r *Remote) fetch(ctx context.Context, issuer string) (oidc.KeySet, error) {
	local, err := fetchable(issuer)
	if err != nil {
		return nil, err
	}
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, r.client), issuer)
	if err != nil {
		return nil, err
	}
	var configuration struct {
		Keys string `json:"jwks_uri"`
	}
	if err := provider.Claims(&configuration); err != nil {
		return nil, err
	}
	// An issuer elsewhere may not have this machine's own servers asked.
	if keysLocal, err := fetchable(configuration.Keys); err != nil {
		return nil, err
	} else if keysLocal && !local {
		return nil, fmt.Errorf("its keys are at %s", configuration.Keys)
	}
	// The key set outlives this request.
	return oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), r.client), configuration.Keys), nil
}

// fetchable says whether an address may be asked at all, and whether it is on this machine.
func fetchable(address string) (local bool, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return false, fmt.Errorf("%q is no address of an issuer", address)
	}
	host := strings.ToLower(u.Hostname())
	ip, err := netip.ParseAddr(host)
	switch {
	case err == nil:
		local = ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified()
	default:
		local = host == "localhost" || strings.HasSuffix(host, ".localhost")
	}
	loopback := local && (err != nil || ip.IsLoopback())
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback) {
		return false, fmt.Errorf("%q is neither https nor on the loopback interface", address)
	}
	return local, nil
}
