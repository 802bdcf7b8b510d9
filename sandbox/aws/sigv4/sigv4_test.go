package sigv4_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/sigv4"
)

var (
	now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	key = sigv4.Credential{AccessKeyID: "AKID", SecretAccessKey: "secret", Account: "123456789012"}
)

func verifier() sigv4.Verifier {
	return sigv4.Verifier{
		Lookup:  func(id string) (sigv4.Credential, bool) { return key, id == key.AccessKeyID },
		Now:     func() time.Time { return now },
		MaxBody: map[string]int64{"": 1 << 20},
	}
}

func sum(data []byte) string {
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:])
}

// sign returns a request as a server gets it, signed by the official signer.
func sign(t *testing.T, method, target, service, body, payloadHash string, at time.Time) *http.Request {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("X-Amz-Content-Sha256", payloadHash)
	r.Header.Set("Content-Type", "text/plain;  charset=utf-8")
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" })
	err := signer.SignHTTP(t.Context(), aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey}, r, payloadHash, service, "eu-west-1", at)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestVerify(t *testing.T) {
	t.Parallel()
	body := "Action=DescribeStacks&Version=1"
	for _, target := range []string{"http://h/", "http://h/a%20b/c%2Bd/%C3%BC?x=1&a=b%20c&empty", "http://h/a?list-type=2&prefix=p%2Fq"} {
		for _, service := range []string{"s3", "lambda"} {
			r := sign(t, http.MethodPost, target, service, body, sum([]byte(body)), now)
			got, err := verifier().Verify(r)
			if err != nil {
				t.Errorf("%s %s: %v", service, target, err)
				continue
			}
			if got.Region != "eu-west-1" || got.Service != service || got.Account != key.Account {
				t.Errorf("identity = %+v", got)
			}
			if left, _ := io.ReadAll(r.Body); string(left) != body {
				t.Errorf("body = %q", left)
			}
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	body := "body"
	good := func() *http.Request {
		return sign(t, http.MethodPut, "http://h/a?b=c", "s3", body, sum([]byte(body)), now)
	}
	for name, test := range map[string]struct {
		change func(*http.Request)
		want   error
	}{
		"not signed":      {func(r *http.Request) { r.Header.Del("Authorization") }, sigv4.ErrMissing},
		"another scheme":  {func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, sigv4.ErrMalformed},
		"version 2":       {func(r *http.Request) { r.Header.Set("Authorization", "AWS AKID:x") }, sigv4.ErrVersion},
		"half a header":   {func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/x") }, sigv4.ErrMalformed},
		"another method":  {func(r *http.Request) { r.Method = http.MethodDelete }, sigv4.ErrMismatch},
		"another path":    {func(r *http.Request) { r.URL.Path = "/b" }, sigv4.ErrMismatch},
		"another query":   {func(r *http.Request) { r.URL.RawQuery = "b=d" }, sigv4.ErrMismatch},
		"another host":    {func(r *http.Request) { r.Host = "other" }, sigv4.ErrMismatch},
		"another header":  {func(r *http.Request) { r.Header.Set("Content-Type", "text/html") }, sigv4.ErrMismatch},
		"another body":    {func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("else")) }, sigv4.ErrBody},
		"a token":         {func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "x") }, sigv4.ErrToken},
		"another key":     {func(r *http.Request) { swap(r, "AKID", "OTHER") }, sigv4.ErrUnknownKey},
		"another service": {func(r *http.Request) { swap(r, "/s3/", "/sts/") }, sigv4.ErrMismatch},
		"large":           {func(r *http.Request) { r.Body = io.NopCloser(bytes.NewReader(make([]byte, 2<<20))) }, sigv4.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := good()
			test.change(r)
			if _, err := verifier().Verify(r); !errors.Is(err, test.want) {
				t.Errorf("Verify = %v, want %v", err, test.want)
			}
		})
	}
	for _, at := range []time.Time{now.Add(-16 * time.Minute), now.Add(16 * time.Minute)} {
		if _, err := verifier().Verify(sign(t, http.MethodGet, "http://h/", "s3", "", sum(nil), at)); !errors.Is(err, sigv4.ErrExpired) {
			t.Errorf("signed at %s: %v, want %v", at, err, sigv4.ErrExpired)
		}
	}
}

func swap(r *http.Request, from, to string) {
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), from, to, 1))
}

func TestPresigned(t *testing.T) {
	t.Parallel()
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	r := httptest.NewRequest(http.MethodGet, "http://h/b/k?X-Amz-Expires=60", nil)
	url, _, err := signer.PresignHTTP(t.Context(), aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey}, r, "UNSIGNED-PAYLOAD", "s3", "us-east-1", now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verifier().Verify(httptest.NewRequest(http.MethodGet, url, nil)); err != nil {
		t.Error(err)
	}
	old := httptest.NewRequest(http.MethodGet, "http://h/b/k?AWSAccessKeyId=AKID&Signature=x&Expires=1", nil)
	if _, err := verifier().Verify(old); !errors.Is(err, sigv4.ErrVersion) {
		t.Errorf("Signature Version 2: %v, want %v", err, sigv4.ErrVersion)
	}
	v := verifier()
	v.Now = func() time.Time { return now.Add(61 * time.Second) }
	if _, err := v.Verify(httptest.NewRequest(http.MethodGet, url, nil)); !errors.Is(err, sigv4.ErrExpired) {
		t.Errorf("after its time: %v, want %v", err, sigv4.ErrExpired)
	}
}

// chunked wraps parts as aws-chunked; seed is the request's signature, or empty
// for the unsigned form.
func chunked(seed string, parts []string, trailer string) string {
	mac := func(k []byte, text string) []byte {
		h := hmac.New(sha256.New, k)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	date, scope := now.Format("20060102"), now.Format("20060102")+"/eu-west-1/s3/aws4_request"
	k := []byte("AWS4" + key.SecretAccessKey)
	for _, step := range []string{date, "eu-west-1", "s3", "aws4_request"} {
		k = mac(k, step)
	}
	var out strings.Builder
	for _, part := range append(parts, "") {
		extension := ""
		if seed != "" {
			seed = hex.EncodeToString(mac(k, "AWS4-HMAC-SHA256-PAYLOAD\n"+now.Format("20060102T150405Z")+"\n"+scope+"\n"+seed+"\n"+sum(nil)+"\n"+sum([]byte(part))))
			extension = ";chunk-signature=" + seed
		}
		fmt.Fprintf(&out, "%x%s\r\n%s", len(part), extension, part)
		if part != "" {
			out.WriteString("\r\n")
		}
	}
	if trailer != "" {
		out.WriteString(trailer + "\r\n")
		if seed != "" {
			signature := mac(k, "AWS4-HMAC-SHA256-TRAILER\n"+now.Format("20060102T150405Z")+"\n"+scope+"\n"+seed+"\n"+sum([]byte(trailer+"\n")))
			out.WriteString("x-amz-trailer-signature:" + hex.EncodeToString(signature) + "\r\n")
		}
	}
	out.WriteString("\r\n")
	return out.String()
}

func TestChunkedBodies(t *testing.T) {
	t.Parallel()
	parts := []string{"hello ", "world"}
	for name, test := range map[string]struct {
		hash, trailer string
		signed        bool
		change        func(string) string
		want          error
	}{
		"signed":              {hash: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", signed: true},
		"signed with trailer": {hash: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", trailer: "x-amz-checksum-crc32:AAAAAA==", signed: true},
		"unsigned":            {hash: "STREAMING-UNSIGNED-PAYLOAD-TRAILER", trailer: "x-amz-checksum-crc32:AAAAAA=="},
		"altered part": {hash: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", signed: true, want: sigv4.ErrMismatch,
			change: func(s string) string { return strings.Replace(s, "world", "earth", 1) }},
		"altered trailer": {hash: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", trailer: "x-amz-checksum-crc32:AAAAAA==", signed: true, want: sigv4.ErrMismatch,
			change: func(s string) string { return strings.Replace(s, "AAAAAA", "BBBBBB", 1) }},
		"cut": {hash: "STREAMING-UNSIGNED-PAYLOAD-TRAILER", want: sigv4.ErrBody,
			change: func(s string) string { return s[:10] }},
		"no such form": {hash: "STREAMING-OTHER", want: sigv4.ErrBody},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodPut, "http://h/b/k", nil)
			r.Header.Set("X-Amz-Content-Sha256", test.hash)
			r.Header.Set("X-Amz-Decoded-Content-Length", "11")
			r.Header.Set("Content-Encoding", "aws-chunked,gzip")
			signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
			if err := signer.SignHTTP(t.Context(), aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey}, r, test.hash, "s3", "eu-west-1", now); err != nil {
				t.Fatal(err)
			}
			seed := ""
			if test.signed {
				_, seed, _ = strings.Cut(r.Header.Get("Authorization"), "Signature=")
			}
			body := chunked(seed, parts, test.trailer)
			if test.change != nil {
				body = test.change(body)
			}
			r.Body = io.NopCloser(strings.NewReader(body))
			_, err := verifier().Verify(r)
			if !errors.Is(err, test.want) {
				t.Fatalf("Verify = %v, want %v", err, test.want)
			}
			if test.want != nil {
				return
			}
			if left, _ := io.ReadAll(r.Body); string(left) != "hello world" {
				t.Errorf("body = %q", left)
			}
			if got := r.Header.Get("Content-Encoding"); got != "gzip" {
				t.Errorf("Content-Encoding = %q, want gzip", got)
			}
			if got := r.Header.Get("X-Amz-Checksum-Crc32"); test.trailer != "" && got != "AAAAAA==" {
				t.Errorf("the trailer's checksum = %q", got)
			}
		})
	}
}

// FuzzVerify checks that no header, query or body makes Verify panic, or pass.
func FuzzVerify(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=AKID/20261123/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00", "20261123T120000Z", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "", "5\r\nhello\r\n0\r\n\r\n")
	f.Add("", "", "", "X-Amz-Signature=0&X-Amz-Credential=AKID/20261123/r/s/aws4_request&X-Amz-Date=20261123T120000Z&X-Amz-Expires=5&X-Amz-SignedHeaders=host", "")
	f.Fuzz(func(t *testing.T, authorization, date, hash, query, body string) {
		r := httptest.NewRequest(http.MethodPut, "http://h/", strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Authorization", authorization)
		r.Header.Set("X-Amz-Date", date)
		r.Header.Set("X-Amz-Content-Sha256", hash)
		if _, err := verifier().Verify(r); err == nil {
			t.Error("a request that nobody signed passed")
		}
	})
}

// FuzzChunks checks that no body makes the reader of chunks panic.
func FuzzChunks(f *testing.F) {
	f.Add("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n")
	f.Add("ffffffffff\r\n")
	f.Add("0;chunk-signature=\r\n")
	f.Fuzz(func(t *testing.T, body string) {
		const hash = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
		r := httptest.NewRequest(http.MethodPut, "http://h/b/k", nil)
		r.Header.Set("X-Amz-Content-Sha256", hash)
		signer := v4.NewSigner()
		if err := signer.SignHTTP(t.Context(), aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey}, r, hash, "s3", "eu-west-1", now); err != nil {
			t.Fatal(err)
		}
		r.Body = io.NopCloser(strings.NewReader(body))
		_, _ = verifier().Verify(r)
	})
}

// TestSlashInALabel signs a path as the clients of REST services send it.
func TestSlashInALabel(t *testing.T) {
	t.Parallel()
	r := sign(t, http.MethodGet, "http://h/tags/arn%3Aaws%3Ax%2Fy", "route53", "", sum(nil), now)
	if _, err := verifier().Verify(r); err != nil {
		t.Error(err)
	}
}
