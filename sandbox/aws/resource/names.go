package resource

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// ID returns an ID in the form of EC2's, such as "vpc-0a1b2c3d4e5f67890", that
// depends on nothing but the prefix and the token: a call that is repeated makes
// the same one.
func ID(prefix, token string) string {
	digest := sha256.Sum256([]byte(prefix + "\x00" + token))
	return prefix + "-0" + hex.EncodeToString(digest[:8])
}

// Name returns the name that CloudFormation gives to a resource whose template
// gives it none: "stack-LogicalID-1A2B3C4D5E6F". It depends on the request's
// token, and is cut in its middle to at most limit characters.
func Name(request Request, limit int) string {
	suffix := Suffix(request.Token, 12)
	front := request.StackName + "-" + request.LogicalID
	if room := limit - len(suffix) - 1; len(front) > room {
		front = strings.TrimRight(front[:room], "-")
	}
	return front + "-" + suffix
}

// Suffix returns n characters of A-Z and 0-9 that depend on the token alone.
func Suffix(token string, n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	digest := sha256.Sum256([]byte("suffix\x00" + token))
	out := make([]byte, n)
	for i := range out {
		out[i] = alphabet[int(digest[i%len(digest)])%len(alphabet)]
	}
	return string(out)
}
