package node

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// An enclosure has two networks, joined by a pair of virtual interfaces that has no other end. The inner one is that of
// its programs: lo and eth0, with the node's address, where every port is free. The outer one holds nothing but the sockets
// that this process answers on.
const (
	innerInterface = "eth0"
	outerInterface = "aws"
)

// network makes both networks and the sockets, and leaves this thread, and what it starts, in the inner one.
func (c *cellSetup) network() (sockets []*os.File, err error) {
	address, err := netip.ParseAddr(c.Address)
	if err != nil || !address.Is4() {
		return nil, fmt.Errorf("%q is no IPv4 address", c.Address)
	}
	outer, err := currentNetwork()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, outer.Close()) }()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, err
	}
	inner, err := currentNetwork()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, inner.Close()) }()
	if err := c.innerSide(address, outer); err != nil {
		return nil, err
	}
	if err := unix.Setns(int(outer.Fd()), unix.CLONE_NEWNET); err != nil {
		return nil, err
	}
	sockets, err = c.outerSide(address)
	return sockets, errors.Join(err, unix.Setns(int(inner.Fd()), unix.CLONE_NEWNET))
}

func currentNetwork() (*os.File, error) { return os.Open("/proc/thread-self/ns/net") }

// innerSide makes the pair of interfaces and sets up the end of the programs. There is a route to the sockets'
// addresses, and no other: whatever else they try to reach, they are told at once that it cannot be.
func (c *cellSetup) innerSide(address netip.Addr, outer *os.File) error {
	if err := addVeth(outer); err != nil {
		return fmt.Errorf("virtual interfaces (the kernel's veth) are needed: %w", err)
	}
	if err := bringUp("lo"); err != nil {
		return err
	}
	if err := errors.Join(addAddress(innerInterface, address), bringUp(innerInterface)); err != nil {
		return err
	}
	return c.eachAddress(func(_ int, a netip.Addr) error { return addRoute(innerInterface, a) })
}

// outerSide sets up the other end, and makes the sockets there.
func (c *cellSetup) outerSide(address netip.Addr) (sockets []*os.File, err error) {
	err = c.eachAddress(func(i int, a netip.Addr) error { return addAddress(fmt.Sprintf("%s:%d", outerInterface, i), a) })
	if err = errors.Join(err, bringUp(outerInterface)); err != nil {
		return nil, err
	}
	if err := addRoute(outerInterface, address); err != nil {
		return nil, err
	}
	for _, port := range c.Ports {
		f, err := port.open()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", port.Address, err), closeAll(sockets))
		}
		sockets = append(sockets, f)
	}
	return sockets, nil
}

// eachAddress calls f with every address of the ports, once.
func (c *cellSetup) eachAddress(f func(i int, a netip.Addr) error) error {
	seen := map[netip.Addr]bool{}
	for _, port := range c.Ports {
		a, err := netip.ParseAddrPort(port.Address)
		if err != nil {
			return err
		}
		if seen[a.Addr()] {
			continue
		}
		seen[a.Addr()] = true
		if err := f(len(seen), a.Addr()); err != nil {
			return fmt.Errorf("%s: %w", a.Addr(), err)
		}
	}
	return nil
}

// control runs a request about an interface.
func control(request uint, name string, change func(*unix.Ifreq) error) (*unix.Ifreq, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	r, err := unix.NewIfreq(name)
	if err != nil {
		return nil, err
	}
	if change != nil {
		if err := change(r); err != nil {
			return nil, err
		}
	}
	if err := unix.IoctlIfreq(fd, request, r); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

func bringUp(name string) error {
	_, err := control(unix.SIOCSIFFLAGS, name, func(r *unix.Ifreq) error {
		r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
		return nil
	})
	return err
}

// addAddress gives an interface, or an alias of one, an address that is a network by itself.
func addAddress(name string, ip netip.Addr) error {
	for _, part := range []struct {
		request uint
		value   netip.Addr
	}{{unix.SIOCSIFADDR, ip}, {unix.SIOCSIFNETMASK, netip.AddrFrom4([4]byte{255, 255, 255, 255})}} {
		if _, err := control(part.request, name, func(r *unix.Ifreq) error { return r.SetInet4Addr(part.value.AsSlice()) }); err != nil {
			return err
		}
	}
	return nil
}

// addVeth makes a pair of interfaces: one here, its peer in another network.
func addVeth(other *os.File) error {
	none := make([]byte, unix.SizeofIfInfomsg)
	fd := binary.NativeEndian.AppendUint32(nil, uint32(other.Fd()))
	peer := join(none, attribute(unix.IFLA_IFNAME, cString(outerInterface)), attribute(unix.IFLA_NET_NS_FD, fd))
	const vethInfoPeer = 1
	info := join(attribute(unix.IFLA_INFO_KIND, cString("veth")), attribute(unix.IFLA_INFO_DATA, attribute(vethInfoPeer, peer)))
	return netlink(unix.RTM_NEWLINK, join(none, attribute(unix.IFLA_IFNAME, cString(innerInterface)), attribute(unix.IFLA_LINKINFO, info)))
}

// addRoute leads to one address over an interface.
func addRoute(name string, to netip.Addr) error {
	r, err := control(unix.SIOCGIFINDEX, name, nil)
	if err != nil {
		return err
	}
	route := make([]byte, unix.SizeofRtMsg) // family, lengths of the destination and the source, tos, table, protocol, scope, type, flags
	route[0], route[1], route[4], route[5], route[6], route[7] = unix.AF_INET, 32, unix.RT_TABLE_MAIN, unix.RTPROT_BOOT, unix.RT_SCOPE_LINK, unix.RTN_UNICAST
	return netlink(unix.RTM_NEWROUTE, join(route, attribute(unix.RTA_DST, to.AsSlice()),
		attribute(unix.RTA_OIF, binary.NativeEndian.AppendUint32(nil, r.Uint32()))))
}

// netlink has the kernel make something, and waits for its answer.
func netlink(kind uint16, body []byte) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	const flags = unix.NLM_F_REQUEST | unix.NLM_F_ACK | unix.NLM_F_CREATE | unix.NLM_F_EXCL
	m := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	m = binary.NativeEndian.AppendUint16(m, kind)
	m = binary.NativeEndian.AppendUint16(m, flags)
	m = append(append(m, make([]byte, 8)...), body...) // a number and who sends, which nobody looks at
	if err := unix.Sendto(fd, m, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil {
		return err
	}
	if n < unix.SizeofNlMsghdr+4 || binary.NativeEndian.Uint16(answer[4:]) != unix.NLMSG_ERROR {
		return errors.New("the kernel's answer cannot be read")
	}
	if code := int32(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr:])); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}

// attribute is a length, a type and a value, in multiples of four bytes.
func attribute(kind uint16, value []byte) []byte {
	a := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
	a = append(binary.NativeEndian.AppendUint16(a, kind), value...)
	return append(a, make([]byte, (4-len(a)%4)%4)...)
}

func cString(s string) []byte { return append([]byte(s), 0) }

func join(parts ...[]byte) (all []byte) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}
