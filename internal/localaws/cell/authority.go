package cell

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// domain is what AWS's names end in, and all that the authority vouches for.
const domain = "amazonaws.com"

// The files of an authority in a data directory.
const (
	authorityFile = "cell-ca.pem"
	authorityKey  = "cell-ca-key.pem"
)

// How long certificates last. One of a host is made anew with every start.
const (
	authorityLife = 10 * 365 * 24 * time.Hour
	hostLife      = 30 * 24 * time.Hour
	maxHosts      = 4096
)

// Authority vouches for AWS's host names towards the programs in cells, and for no others: what it signs for another
// name is not valid.
type Authority struct {
	// PEM is its certificate.
	PEM string

	certificate *x509.Certificate
	key         *ecdsa.PrivateKey

	mu    sync.Mutex
	hosts map[string]*tls.Certificate
}

// LoadAuthority reads the authority of a data directory, or makes one.
func LoadAuthority(dir string) (*Authority, error) {
	a, err := readAuthority(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && time.Until(a.certificate.NotAfter) < hostLife {
		a, err = makeAuthority(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("certificates for cells: %w", err)
	}
	return a, nil
}

func readAuthority(dir string) (*Authority, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, authorityFile), filepath.Join(dir, authorityKey))
	if err != nil {
		return nil, err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("the key is of another kind")
	}
	return newAuthority(pair.Leaf, key), nil
}

func newAuthority(certificate *x509.Certificate, key *ecdsa.PrivateKey) *Authority {
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})
	return &Authority{PEM: string(text), certificate: certificate, key: key, hosts: map[string]*tls.Certificate{}}
}

func makeAuthority(dir string) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "slipway local AWS " + serial.Text(36)[:6]},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(authorityLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		PermittedDNSDomains: []string{domain}, PermittedDNSDomainsCritical: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	a := newAuthority(certificate, key)
	// The certificate comes last: an authority whose key is missing would be none.
	err = os.WriteFile(filepath.Join(dir, authorityKey), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, authorityFile), []byte(a.PEM), 0o600)
	}
	return a, err
}

// isAWS tells whether a host name is one of AWS's.
func isAWS(name string) bool {
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	return name == domain || strings.HasSuffix(name, "."+domain)
}

// Certificate makes the certificate that a client asks for by server name.
func (a *Authority) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := strings.ToLower(hello.ServerName)
	if !isAWS(name) {
		return nil, fmt.Errorf("a cell asked for %q, which is not AWS's", hello.ServerName)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if known := a.hosts[name]; known != nil {
		return known, nil
	}
	made, err := a.sign(name)
	if err != nil {
		return nil, err
	}
	if len(a.hosts) >= maxHosts { // of buckets, each has a name of its own
		clear(a.hosts)
	}
	a.hosts[name] = made
	return made, nil
}

func (a *Authority) sign(name string) (*tls.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: domain}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(hostLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	// The authority's own key: it never leaves this process, so a second one would protect nothing.
	raw, err := x509.CreateCertificate(rand.Reader, template, a.certificate, a.key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{raw, a.certificate.Raw}, PrivateKey: a.key}, nil
}
