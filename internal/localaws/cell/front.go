package cell

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/node"
)

// Where a cell finds AWS: its name server, and all of AWS's services behind the same address, and the instance metadata
// service. The name server and the metadata service have these addresses on every instance.
const (
	awsAddress      = "169.254.169.253"
	metadataAddress = "169.254.169.254"
)

// ports are what a front answers on, in the order of serve.
var ports = []node.Port{
	{Network: "tcp", Address: awsAddress + ":443"},
	{Network: "tcp", Address: metadataAddress + ":80"},
	{Network: "tcp", Address: awsAddress + ":53"},
	{Network: "udp", Address: awsAddress + ":53"},
}

// front is what a cell has of a network: it answers for AWS, in this process, on sockets that are inside the cell.
type front struct {
	servers []*http.Server
	sockets []io.Closer
	wait    sync.WaitGroup
}

// serve begins to answer on the sockets of an enclosure, which it takes over.
func serve(c *Config, sockets []*os.File) (*front, error) {
	f := &front{}
	err := f.begin(c, sockets)
	for _, s := range sockets {
		err = errors.Join(err, s.Close()) // the listeners have their own descriptors
	}
	if err != nil {
		f.close()
		return nil, fmt.Errorf("answer the cell: %w", err)
	}
	return f, nil
}

func (f *front) begin(c *Config, sockets []*os.File) error {
	if len(sockets) != len(ports) {
		return fmt.Errorf("it has %d sockets, want %d", len(sockets), len(ports))
	}
	own, err := netip.ParseAddr(c.Address)
	if err != nil {
		return err
	}
	var listeners []net.Listener
	for _, s := range sockets[:3] {
		l, err := net.FileListener(s)
		if err != nil {
			return err
		}
		listeners = append(listeners, l)
		f.sockets = append(f.sockets, l)
	}
	packets, err := net.FilePacketConn(sockets[3])
	if err != nil {
		return err
	}
	f.sockets = append(f.sockets, packets)
	encrypted := tls.NewListener(listeners[0], &tls.Config{
		MinVersion: tls.VersionTLS12, GetCertificate: c.Authority.Certificate, NextProtos: []string{"http/1.1"},
	})
	f.http(c, encrypted, c.AWS)
	f.http(c, listeners[1], c.Metadata)
	names := &nameServer{aws: netip.MustParseAddr(awsAddress), own: map[string]netip.Addr{
		"localhost": netip.MustParseAddr("127.0.0.1"), c.HostName: own, c.HostName + "." + c.Region + ".compute.internal": own,
	}}
	f.wait.Go(func() { names.serveStreams(listeners[2]) })
	f.wait.Go(func() { names.servePackets(packets) })
	return nil
}

// The limits are the gateway's.
func (f *front) http(c *Config, l net.Listener, handler http.Handler) {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 3 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: log.New(logWriter(c.Logf), "", 0),
	}
	f.servers = append(f.servers, server)
	f.wait.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			c.Logf("answer the cell: %v", err)
		}
	})
}

// logWriter writes lines to a log function.
type logWriter func(format string, args ...any)

func (w logWriter) Write(line []byte) (int, error) {
	w("%s", line)
	return len(line), nil
}

// close ends all connections at once: who had them is gone.
func (f *front) close() {
	for _, s := range f.servers {
		_ = s.Close()
	}
	for _, n := range f.sockets {
		_ = n.Close() // those of the servers are closed already
	}
	f.wait.Wait()
}
