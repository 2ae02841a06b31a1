package cell

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"
)

// The name server of a cell knows AWS's names, which are all at one address, and the cell's own. There are no others: a
// name that it cannot reach is better told at once than after a connection.
type nameServer struct {
	aws netip.Addr
	own map[string]netip.Addr // lower case, without a dot at the end
}

// The parts of DNS that are needed, of RFC 1035.
const (
	headerLength = 12
	typeA        = 1
	typeAny      = 255
	classIN      = 1
	noSuchName   = 3
	notDone      = 4
	timeToLive   = 60
	maxName      = 255
)

func (s *nameServer) lookup(name string) (netip.Addr, bool) {
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if ip, ok := s.own[name]; ok {
		return ip, true
	}
	return s.aws, isAWS(name)
}

var errNotDNS = errors.New("not a question to a name server")

// answer makes the answer to a message with one question.
func (s *nameServer) answer(query []byte) ([]byte, error) {
	name, end, err := question(query)
	if err != nil {
		return nil, err
	}
	kind, class := binary.BigEndian.Uint16(query[end-4:]), binary.BigEndian.Uint16(query[end-2:])
	out := append([]byte(nil), query[:end]...)
	out[2] = query[2]&0x79 | 0x84 // an answer, with authority, to the same operation; recursion stays desired
	out[3] = 0x80                 // recursion is available
	clear(out[6:headerLength])    // counts of what is after the question
	if query[2]&0x78 != 0 {
		out[3] |= notDone
		return out, nil
	}
	ip, ok := s.lookup(name)
	if !ok {
		out[3] |= noSuchName
		return out, nil
	}
	if kind != typeA && kind != typeAny || class != classIN {
		return out, nil // the name is there, and has nothing of that type
	}
	out[7] = 1
	out = append(out, 0xc0, headerLength) // the name of the question
	out = binary.BigEndian.AppendUint16(out, typeA)
	out = binary.BigEndian.AppendUint16(out, classIN)
	out = binary.BigEndian.AppendUint32(out, timeToLive)
	out = binary.BigEndian.AppendUint16(out, 4)
	return append(out, ip.AsSlice()...), nil
}

// question reads the name of the only question; end is behind its type and class.
func question(query []byte) (name string, end int, err error) {
	if len(query) < headerLength || query[2]&0x80 != 0 || binary.BigEndian.Uint16(query[4:]) != 1 {
		return "", 0, errNotDNS
	}
	var labels []string
	for at := headerLength; at < len(query); {
		length := int(query[at])
		at++
		if length == 0 {
			if at+4 > len(query) || at-headerLength > maxName {
				return "", 0, errNotDNS
			}
			return strings.Join(labels, "."), at + 4, nil
		}
		if length > 63 || at+length > len(query) {
			return "", 0, errNotDNS
		}
		labels = append(labels, string(query[at:at+length]))
		at += length
	}
	return "", 0, errNotDNS
}

// servePackets answers over UDP until the connection is closed.
func (s *nameServer) servePackets(conn net.PacketConn) {
	buffer := make([]byte, 4096)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // of an earlier answer that nobody waited for
		}
		if out, err := s.answer(buffer[:n]); err == nil {
			_, _ = conn.WriteTo(out, from) // who asked will ask again
		}
	}
}

// serveStreams answers over TCP until the listener is closed.
func (s *nameServer) serveStreams(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go s.serveStream(conn)
	}
}

func (s *nameServer) serveStream(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	for {
		if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			return
		}
		var length [2]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		out, err := s.answer(query)
		if err != nil {
			return
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...)); err != nil {
			return
		}
	}
}
