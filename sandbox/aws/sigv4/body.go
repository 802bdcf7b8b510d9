package sigv4

import (
	"bytes"
	"crypto/hmac"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// The payload hashes that are no hashes.
const (
	unsignedPayload   = "UNSIGNED-PAYLOAD"
	streamingPrefix   = "STREAMING-"
	streamingUnsigned = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	streamingTrailer  = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	streamingSigned   = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
)

func readBody(r *http.Request, limit int64) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBody, err)
	}
	if int64(len(raw)) > limit {
		return nil, fmt.Errorf("%w: at most %d bytes", ErrTooLarge, limit)
	}
	return raw, nil
}

// unwrap checks the body against what was signed and puts the plain one on the
// request. Trailers become headers, where S3's checksums are looked for.
func unwrap(r *http.Request, raw []byte, sig signature, hash string, key []byte) error {
	body := raw
	switch {
	case hash == unsignedPayload:
	case strings.HasPrefix(hash, streamingPrefix):
		if hash != streamingUnsigned && hash != streamingTrailer && hash != streamingSigned {
			return fmt.Errorf("%w: %q is not supported", ErrBody, hash)
		}
		c := chunks{sig: sig, key: key, previous: sig.value, signed: hash != streamingUnsigned}
		plain, trailers, err := c.read(raw)
		if err != nil {
			return err
		}
		if want := r.Header.Get("X-Amz-Decoded-Content-Length"); want != strconv.Itoa(len(plain)) {
			return fmt.Errorf("%w: it holds %d bytes, and X-Amz-Decoded-Content-Length is %q", ErrBody, len(plain), want)
		}
		for name, value := range trailers {
			if strings.HasPrefix(name, "X-Amz-Checksum-") { // nothing else is a trailer's business
				r.Header.Set(name, value)
			}
		}
		dropChunkedEncoding(r.Header)
		body = plain
	case hash != sum(raw):
		return fmt.Errorf("%w: its SHA-256 is another than X-Amz-Content-Sha256", ErrBody)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	return nil
}

// dropChunkedEncoding takes aws-chunked out of Content-Encoding, as S3 does.
func dropChunkedEncoding(header http.Header) {
	var left []string
	for encoding := range strings.SplitSeq(header.Get("Content-Encoding"), ",") {
		if e := strings.TrimSpace(encoding); e != "" && e != "aws-chunked" {
			left = append(left, e)
		}
	}
	header.Del("Content-Encoding")
	if len(left) > 0 {
		header.Set("Content-Encoding", strings.Join(left, ","))
	}
}

// chunks reads an aws-chunked body: "SIZE[;chunk-signature=…]\r\nDATA\r\n" until
// a chunk of size 0, then trailers. Each signature covers the one before.
type chunks struct {
	sig      signature
	key      []byte
	previous string
	signed   bool
}

func (c *chunks) read(raw []byte) (plain []byte, trailers map[string]string, err error) {
	plain = []byte{}
	for {
		line, rest, ok := bytes.Cut(raw, []byte("\r\n"))
		if !ok {
			return nil, nil, fmt.Errorf("%w: a chunk has no header", ErrBody)
		}
		size, extension, _ := strings.Cut(string(line), ";")
		n, err := strconv.ParseUint(strings.TrimSpace(size), 16, 40)
		if err != nil || n > uint64(len(rest)) {
			return nil, nil, fmt.Errorf("%w: a chunk's size is wrong", ErrBody)
		}
		data := rest[:n]
		if c.signed {
			text := algorithm + "-PAYLOAD\n" + c.sig.at.Format(timeLayout) + "\n" + c.sig.scope() + "\n" +
				c.previous + "\n" + sum(nil) + "\n" + sum(data)
			if err := c.check(text, strings.TrimPrefix(extension, "chunk-signature=")); err != nil {
				return nil, nil, err
			}
		}
		plain = append(plain, data...)
		raw = rest[n:]
		if n == 0 {
			trailers, err = c.trailers(raw)
			return plain, trailers, err
		}
		if raw, ok = bytes.CutPrefix(raw, []byte("\r\n")); !ok {
			return nil, nil, fmt.Errorf("%w: a chunk is longer than it says", ErrBody)
		}
	}
}

func (c *chunks) trailers(raw []byte) (map[string]string, error) {
	trailers := map[string]string{}
	var canonical strings.Builder
	signature := ""
	for line := range strings.SplitSeq(string(raw), "\n") {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			continue
		}
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		if name == "x-amz-trailer-signature" {
			signature = value
			continue
		}
		canonical.WriteString(name + ":" + value + "\n")
		trailers[textproto.CanonicalMIMEHeaderKey(name)] = value
	}
	if c.signed && len(trailers) > 0 {
		text := algorithm + "-TRAILER\n" + c.sig.at.Format(timeLayout) + "\n" + c.sig.scope() + "\n" +
			c.previous + "\n" + sum([]byte(canonical.String()))
		if err := c.check(text, signature); err != nil {
			return nil, err
		}
	}
	return trailers, nil
}

func (c *chunks) check(text, signature string) error {
	expected := hex.EncodeToString(mac(c.key, text))
	if !hmac.Equal([]byte(expected), []byte(signature)) {
		return fmt.Errorf("%w: of a part of the body", ErrMismatch)
	}
	c.previous = expected
	return nil
}
