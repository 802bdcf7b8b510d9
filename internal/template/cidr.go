package template

import (
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"strconv"
)

// cidrs is Fn::Cidr: count blocks with hostBits bits for hosts each, from the
// beginning of the block. hostBits is 8 when not given.
func cidrs(args []any) (any, error) {
	if len(args) < 2 {
		return nil, errors.New("expected an IP block, a count and, if wanted, the number of host bits")
	}
	numbers := []int{0, 8}
	for i, a := range args[1:] {
		s, _ := text(a)
		n, err := strconv.Atoi(s)
		if err != nil || i > 1 {
			return nil, errors.New("the count and the number of host bits must be whole numbers")
		}
		numbers[i] = n
	}
	count, hostBits := numbers[0], numbers[1]
	s, _ := text(args[0])
	block, err := netip.ParsePrefix(s)
	if err != nil {
		return nil, fmt.Errorf("%q is not an IP block", s)
	}
	bits := block.Addr().BitLen()
	length := bits - hostBits
	if count < 1 || count > 256 {
		return nil, fmt.Errorf("the count must be 1 to 256, not %d", count)
	}
	if hostBits < 1 || length < block.Bits() {
		return nil, fmt.Errorf("blocks with %d host bits do not fit into %s", hostBits, block)
	}
	if room := length - block.Bits(); room < 9 && count > 1<<room {
		return nil, fmt.Errorf("%s has room for %d blocks with %d host bits, not for %d", block, 1<<room, hostBits, count)
	}
	base := new(big.Int).SetBytes(block.Masked().Addr().AsSlice())
	step := new(big.Int).Lsh(big.NewInt(1), uint(hostBits))
	out := make([]any, count)
	for i := range out {
		raw := make([]byte, bits/8)
		base.FillBytes(raw)
		addr, _ := netip.AddrFromSlice(raw)
		out[i] = netip.PrefixFrom(addr, length).String()
		base.Add(base, step)
	}
	return out, nil
}
