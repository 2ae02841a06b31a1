package localaws

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/imds"
)

// metadataDoor serves the instance metadata of built-in nodes, which share this machine's network. It listens on a loopback
// address, and a node's metadata are below a path that only the node is told: no other user of the machine gets a node's
// credentials. Some SDKs forget the path of a metadata service; for them the credentials are there in the containers' way as
// well, see https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html.
type metadataDoor struct {
	gateway *gateway.Gateway
	logf    func(format string, args ...any)

	mu     sync.Mutex
	server *http.Server
	served sync.WaitGroup
	base   string // http://127.0.0.1:PORT
	nodes  map[string]*nodeMetadata
}

// nodeMetadata is what a node finds behind its path.
type nodeMetadata struct {
	imds   *imds.Handler
	source *metadata
}

// credentialsPath is where the containers' way leads.
const credentialsPath = "/credentials"

// admit gives a node its metadata: the environment that tells its scripts, and a function that takes them away.
func (d *metadataDoor) admit(n *nodeMetadata) (environment []string, leave func(), err error) {
	secret := make([]byte, 24)
	if _, err := io.ReadFull(rand.Reader, secret); err != nil {
		return nil, nil, fmt.Errorf("instance metadata: %w", err)
	}
	name := hex.EncodeToString(secret)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.listen(); err != nil {
		return nil, nil, fmt.Errorf("instance metadata: %w", err)
	}
	d.nodes[name] = n
	leave = func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.nodes, name)
	}
	url := d.base + "/" + name
	return []string{"AWS_EC2_METADATA_DISABLED=false", "AWS_EC2_METADATA_SERVICE_ENDPOINT=" + url + "/",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + url + credentialsPath}, leave, nil
}

// listen opens the port, once. The caller holds mu.
func (d *metadataDoor) listen() error {
	if d.server != nil {
		return nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d.base, d.nodes = "http://"+listener.Addr().String(), map[string]*nodeMetadata{}
	d.server = d.gateway.Server()
	d.server.Handler = d
	server := d.server
	d.served.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			d.logf("instance metadata: %v", err)
		}
	})
	return nil
}

// ServeHTTP finds the node by the first element of the path.
func (d *metadataDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	d.mu.Lock()
	n := d.nodes[name]
	d.mu.Unlock()
	if n == nil || d.gateway.Guard(r) != nil {
		http.NotFound(w, r)
		return
	}
	if "/"+rest == credentialsPath {
		n.serveCredentials(w, r, d.logf)
		return
	}
	inner := r.Clone(r.Context())
	inner.URL.Path = "/" + strings.TrimPrefix(rest, "/") // after an endpoint with a slash at its end some write another one
	inner.URL.RawPath = ""
	n.imds.ServeHTTP(w, inner)
}

// serveCredentials answers in the containers' way.
func (n *nodeMetadata) serveCredentials(w http.ResponseWriter, r *http.Request, logf func(string, ...any)) {
	status, answer := http.StatusOK, map[string]string{}
	c, err := n.source.RoleCredentials(r.Context())
	switch {
	case r.Method != http.MethodGet:
		status, answer["code"] = http.StatusMethodNotAllowed, "MethodNotAllowed"
	case errors.Is(err, errNoRole):
		status, answer["code"], answer["message"] = http.StatusNotFound, "NotFound", err.Error()
	case errors.Is(err, errNoMetadata):
		status, answer["code"], answer["message"] = http.StatusForbidden, "Forbidden", err.Error()
	case err != nil:
		logf("instance metadata: %v", err)
		status, answer["code"] = http.StatusInternalServerError, "InternalError"
	case c.Denied != "":
		status, answer["code"], answer["message"] = http.StatusForbidden, "AssumeRoleUnauthorizedAccess", c.Denied
	default:
		answer = map[string]string{"AccessKeyId": c.AccessKeyID, "SecretAccessKey": c.SecretAccessKey, "Token": c.Token,
			"Expiration": c.Expires.UTC().Format(time.RFC3339)}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // who asked may have gone
}

// Close ends the service.
func (d *metadataDoor) Close() error {
	d.mu.Lock()
	server := d.server
	d.mu.Unlock()
	if server == nil {
		return nil
	}
	err := server.Close()
	d.served.Wait()
	return err
}
