package node

import (
	"fmt"
	"net/netip"
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// addresses gives the addresses of one prefix to Pods. It is safe for concurrent
// use.
type addresses struct {
	prefix netip.Prefix

	mu    sync.Mutex
	owner map[netip.Addr]types.UID
	of    map[types.UID]netip.Addr
	last  netip.Addr
}

func newAddresses(prefix netip.Prefix) *addresses {
	return &addresses{
		prefix: prefix, last: prefix.Masked().Addr(),
		owner: map[netip.Addr]types.UID{}, of: map[types.UID]netip.Addr{},
	}
}

// keep records an address that a Pod has already.
func (a *addresses) keep(pod types.UID, address string) {
	ip, err := netip.ParseAddr(address)
	if err != nil || !a.prefix.Contains(ip) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, taken := a.owner[ip]; !taken {
		a.owner[ip], a.of[pod] = pod, ip
	}
}

// give returns the Pod's address, a free one if it has none. Addresses go round,
// so that one that was just freed is not given at once to somebody else.
func (a *addresses) give(pod types.UID) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if ip, ok := a.of[pod]; ok {
		return ip.String(), nil
	}
	first := a.prefix.Masked().Addr()
	for ip, turns := a.last.Next(), 0; turns < 2; ip = ip.Next() {
		if !a.prefix.Contains(ip) {
			ip = first
			turns++
			continue
		}
		if _, taken := a.owner[ip]; taken {
			continue
		}
		a.owner[ip], a.of[pod], a.last = pod, ip, ip
		return ip.String(), nil
	}
	return "", fmt.Errorf("no free address in %s", a.prefix)
}

// free takes the Pod's address back.
func (a *addresses) free(pod types.UID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if ip, ok := a.of[pod]; ok {
		delete(a.of, pod)
		delete(a.owner, ip)
	}
}
