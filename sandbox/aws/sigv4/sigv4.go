// Package sigv4 verifies that a request was signed with AWS Signature Version 4
// by somebody who knows the secret of an access key, in headers or in the query
// of a presigned URL, and reads the body out of the forms that S3 clients wrap it
// in (aws-chunked, signed or not, with trailers).
//
// [Verify] takes a request as a server got it and returns who signed it, for
// which region and service. It reads the body whole, checks it against the hash
// that was signed, and leaves the plain body on the request. Its errors are the
// sentinels of this package, wrapped with what was wrong; no error holds a secret
// or an expected signature.
//
// Source: "Signature Version 4 signing process" in the IAM user guide, and
// "Authenticating requests" in the S3 API reference.
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"
)

// What can be wrong with a request.
var (
	ErrMissing    = errors.New("request is not signed")
	ErrMalformed  = errors.New("signature can't be read")
	ErrVersion    = errors.New("signature is of Signature Version 2")
	ErrUnknownKey = errors.New("access key is not known")
	ErrToken      = errors.New("session token is not the access key's")
	ErrExpired    = errors.New("signature has expired")
	ErrSession    = errors.New("session has ended")
	ErrURL        = fmt.Errorf("presigned URL's time is over: %w", ErrExpired)
	ErrMismatch   = errors.New("signature does not match")
	ErrBody       = errors.New("body is not what was signed")
	ErrTooLarge   = errors.New("body is too large")
)

// Credential is an access key and whom it belongs to.
type Credential struct {
	AccessKeyID, SecretAccessKey string
	SessionToken                 string    // of a session; else empty
	Expires                      time.Time // of a session; else zero
	Account                      string
	Principal                    string // an ARN
	UserID                       string
}

// Identity is who signed, and for what.
type Identity struct {
	Credential
	Region, Service string
}

// Verifier holds what verification needs.
type Verifier struct {
	// Lookup finds a credential by its access key ID.
	Lookup func(accessKeyID string) (Credential, bool)
	Now    func() time.Time
	// MaxBody is the largest body in bytes, by service; other services have the
	// entry "".
	MaxBody map[string]int64
}

// skew is how far the client's clock may be off.
const skew = 15 * time.Minute

const (
	algorithm  = "AWS4-HMAC-SHA256"
	timeLayout = "20060102T150405Z"
)

// signature is what a request says about how it was signed.
type signature struct {
	keyID, date, region, service string
	signedHeaders                []string
	value                        string
	at                           time.Time
	expires                      time.Duration // of a presigned URL
	presigned                    bool
	token                        string
	payloadHash                  string // from the header, may be empty
}

// Signed reports whether a request carries a signature of any kind.
func Signed(r *http.Request) bool {
	return r.Header.Get("Authorization") != "" || r.URL.Query().Has("X-Amz-Signature")
}

// Scope returns the region and service in the credential scope of a request,
// without verifying anything: what errors are answered with.
func Scope(r *http.Request) (region, service string) {
	if s, err := read(r); err == nil {
		return s.region, s.service
	}
	return "", ""
}

// Verify checks the signature of a request and unwraps its body.
func (v Verifier) Verify(r *http.Request) (Identity, error) {
	sig, err := read(r)
	if err != nil {
		return Identity{}, err
	}
	credential, ok := v.Lookup(sig.keyID)
	if !ok {
		return Identity{}, fmt.Errorf("%w: %s", ErrUnknownKey, sig.keyID)
	}
	if !hmac.Equal([]byte(credential.SessionToken), []byte(sig.token)) {
		return Identity{}, ErrToken
	}
	now := v.Now()
	switch {
	case !credential.Expires.IsZero() && now.After(credential.Expires):
		return Identity{}, fmt.Errorf("%w at %s", ErrSession, credential.Expires.Format(time.RFC3339))
	case sig.at.After(now.Add(skew)), !sig.presigned && sig.at.Before(now.Add(-skew)):
		return Identity{}, fmt.Errorf("%w: signed at %s, and it is %s", ErrExpired, sig.at.Format(timeLayout), now.UTC().Format(timeLayout))
	case sig.presigned && now.After(sig.at.Add(sig.expires)):
		return Identity{}, fmt.Errorf("%w: it was good until %s", ErrURL, sig.at.Add(sig.expires).Format(time.RFC3339))
	}
	limit, ok := v.MaxBody[sig.service]
	if !ok {
		limit = v.MaxBody[""]
	}
	raw, err := readBody(r, limit)
	if err != nil {
		return Identity{}, err
	}
	hash := sig.hash(raw)
	key := signingKey(credential.SecretAccessKey, sig.date, sig.region, sig.service)
	text := stringToSign(sig, canonicalRequest(r, sig, hash))
	if !hmac.Equal([]byte(hex.EncodeToString(mac(key, text))), []byte(sig.value)) {
		return Identity{}, ErrMismatch
	}
	if err := unwrap(r, raw, sig, hash, key); err != nil {
		return Identity{}, err
	}
	return Identity{Credential: credential, Region: sig.region, Service: sig.service}, nil
}

// hash is the payload hash that was signed.
func (s signature) hash(body []byte) string {
	switch {
	case s.payloadHash != "":
		return s.payloadHash
	case s.presigned && s.service == "s3":
		return unsignedPayload
	}
	return sum(body)
}

func read(r *http.Request) (signature, error) {
	query := r.URL.Query()
	var sig signature
	var credential, headers, at string
	switch authorization := r.Header.Get("Authorization"); {
	case authorization != "":
		scheme, rest, _ := strings.Cut(authorization, " ")
		if scheme == "AWS" {
			return sig, ErrVersion
		}
		if scheme != algorithm {
			return sig, fmt.Errorf("%w: Authorization must be %s, not %.40q", ErrMalformed, algorithm, scheme)
		}
		for part := range strings.SplitSeq(rest, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			switch name {
			case "Credential":
				credential = value
			case "SignedHeaders":
				headers = value
			case "Signature":
				sig.value = value
			}
		}
		at = r.Header.Get("X-Amz-Date")
		sig.token = r.Header.Get("X-Amz-Security-Token")
	case query.Has("X-Amz-Signature"):
		sig.presigned = true
		credential, headers, at = query.Get("X-Amz-Credential"), query.Get("X-Amz-SignedHeaders"), query.Get("X-Amz-Date")
		sig.value, sig.token = query.Get("X-Amz-Signature"), query.Get("X-Amz-Security-Token")
		seconds, err := strconv.ParseUint(query.Get("X-Amz-Expires"), 10, 20)
		if err != nil {
			return sig, fmt.Errorf("%w: X-Amz-Expires must be a number of seconds", ErrMalformed)
		}
		sig.expires = time.Duration(seconds) * time.Second
	case query.Has("AWSAccessKeyId") && query.Has("Signature"):
		return sig, ErrVersion
	default:
		return sig, ErrMissing
	}
	sig.payloadHash = r.Header.Get("X-Amz-Content-Sha256")
	if sig.payloadHash == "" {
		sig.payloadHash = query.Get("X-Amz-Content-Sha256")
	}
	scope := strings.Split(credential, "/")
	if len(scope) < 5 || scope[len(scope)-1] != "aws4_request" {
		return sig, fmt.Errorf("%w: Credential must be KEY/DATE/REGION/SERVICE/aws4_request", ErrMalformed)
	}
	n := len(scope)
	sig.keyID = strings.Join(scope[:n-4], "/")
	sig.date, sig.region, sig.service = scope[n-4], scope[n-3], scope[n-2]
	var err error
	if sig.at, err = time.Parse(timeLayout, at); err != nil || sig.at.Format("20060102") != sig.date {
		return sig, fmt.Errorf("%w: X-Amz-Date must be a time on the date of the credential scope", ErrMalformed)
	}
	if headers == "" || sig.value == "" {
		return sig, fmt.Errorf("%w: SignedHeaders or Signature is missing", ErrMalformed)
	}
	sig.signedHeaders = strings.Split(headers, ";")
	return sig, nil
}

func canonicalRequest(r *http.Request, sig signature, payloadHash string) string {
	var out strings.Builder
	out.WriteString(r.Method + "\n")
	out.WriteString(canonicalPath(r.URL, sig.service) + "\n")
	out.WriteString(canonicalQuery(r.URL.Query()) + "\n")
	for _, name := range sig.signedHeaders {
		values := r.Header.Values(name)
		switch name {
		case "host":
			values = []string{r.Host}
		case "content-length":
			values = []string{strconv.FormatInt(r.ContentLength, 10)}
		}
		trimmed := make([]string, len(values))
		for i, value := range values {
			trimmed[i] = strings.Join(strings.Fields(value), " ")
		}
		out.WriteString(name + ":" + strings.Join(trimmed, ",") + "\n")
	}
	out.WriteString("\n" + strings.Join(sig.signedHeaders, ";") + "\n" + payloadHash)
	return out.String()
}

// canonicalPath encodes the path once for S3, and for everybody else what was sent
// once more, so that a slash in a label ("%2F") is told from one between labels.
func canonicalPath(u *url.URL, service string) string {
	switch {
	case u.Path == "":
		return "/"
	case service == "s3":
		return escape(u.Path, true)
	}
	return escape(u.EscapedPath(), true)
}

func canonicalQuery(values url.Values) string {
	var pairs []string
	for name, list := range values {
		if name == "X-Amz-Signature" {
			continue
		}
		for _, value := range list {
			pairs = append(pairs, escape(name, false)+"="+escape(value, false))
		}
	}
	sort.Strings(pairs)
	return strings.Join(pairs, "&")
}

// escape is RFC 3986's percent-encoding, which leaves less as it is than Go's.
func escape(s string, keepSlash bool) string {
	const hexDigits = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', strings.IndexByte("-._~", c) >= 0, c == '/' && keepSlash:
			out.WriteByte(c)
		default:
			out.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
	return out.String()
}

func (s signature) scope() string {
	return s.date + "/" + s.region + "/" + s.service + "/aws4_request"
}

func stringToSign(s signature, canonical string) string {
	return algorithm + "\n" + s.at.Format(timeLayout) + "\n" + s.scope() + "\n" + sum([]byte(canonical))
}

func signingKey(secret, date, region, service string) []byte {
	key := mac([]byte("AWS4"+secret), date)
	for _, step := range []string{region, service, "aws4_request"} {
		key = mac(key, step)
	}
	return key
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func sum(data []byte) string {
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:])
}
