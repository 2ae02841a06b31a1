package node

// RenewCredentials makes the node fetch its credentials anew with its next request, as an agent does that finds another
// role in the instance metadata. While there are no new ones, the old ones are used until they expire.
func (n *Node) RenewCredentials() {
	n.client.mu.Lock()
	defer n.client.mu.Unlock()
	n.client.renewAt = n.cfg.Now()
}
