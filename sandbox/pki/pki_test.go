package pki_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/drawbridge-gitops/drawbridge/sandbox/pki"
)

func TestServerAndClientTrustEachOther(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := pki.Open(dir, "the sandbox")
	if err != nil {
		t.Fatal(err)
	}
	// What the first start signed must still be trusted after the second.
	client, err := first.Client("alice", "writers")
	if err != nil {
		t.Fatal(err)
	}
	again, err := pki.Open(dir, "the sandbox")
	if err != nil {
		t.Fatal(err)
	}
	server, err := again.Server("server", "127.0.0.1", "localhost")
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(again.Certificate())

	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		subject := r.TLS.PeerCertificates[0].Subject
		io.WriteString(w, subject.CommonName+" of "+subject.Organization[0])
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{load(t, server)}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)

	get := func(c pki.Pair) (string, error) {
		h := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
			RootCAs: pool, Certificates: []tls.Certificate{load(t, c)},
		}}}
		defer h.CloseIdleConnections()
		r, err := h.Get(s.URL)
		if err != nil {
			return "", err
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		return string(body), err
	}
	if got, err := get(client); got != "alice of writers" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	other, err := pki.New("another sandbox")
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := other.Client("alice", "writers")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := get(stranger); err == nil {
		t.Error("a client of another authority was let in")
	}
}

func TestKeysAreKeptAndPrivate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := pki.Open(dir, "the sandbox"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "service-account.key")
	if err := pki.SigningKey(dir, "service-account"); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := pki.SigningKey(dir, "service-account"); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the second call made another key")
	}
	for _, name := range []string{"ca.key", "service-account.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o, want 600", name, mode)
		}
	}
}

func load(t *testing.T, p pki.Pair) tls.Certificate {
	t.Helper()
	c, err := tls.X509KeyPair(p.Certificate, p.Key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
