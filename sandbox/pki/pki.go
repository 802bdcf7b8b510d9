// Package pki makes the keys and certificates of a sandbox: one authority that
// signs the servers' and the clients' certificates of its control plane.
//
// All keys are ECDSA P-256. The authority lasts ten years and is kept with the
// sandbox's state; what it signs lasts one year and is made anew at each start,
// which takes less than a millisecond. Keys are PEM in PKCS #8, files that hold
// one have mode 0600. Nothing here is fit for use beyond one machine.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Pair is a certificate with its key, both PEM.
type Pair struct {
	Certificate, Key []byte
}

// Authority signs certificates. It is safe for concurrent use.
type Authority struct {
	pair        Pair
	certificate *x509.Certificate
	key         crypto.Signer
}

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 365 * 24 * time.Hour
	// backdate keeps certificates valid when the clock is set back a little.
	backdate = time.Hour
)

// New makes an authority.
func New(name string) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template, err := certificate(name, authorityLife)
	if err != nil {
		return nil, err
	}
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	pair, err := sign(template, template, key, key)
	if err != nil {
		return nil, err
	}
	return Load(pair)
}

// Open returns the authority that is kept in dir as ca.crt and ca.key, and makes
// it when there is none.
func Open(dir, name string) (*Authority, error) {
	pair, err := read(dir, "ca")
	if err == nil {
		return Load(pair)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	a, err := New(name)
	if err != nil {
		return nil, err
	}
	return a, a.pair.Write(dir, "ca")
}

// Pair returns the authority's certificate with its key, to be kept.
func (a *Authority) Pair() Pair { return a.pair }

// Sign makes the certificate, in PEM, of a key that somebody else has.
func (a *Authority) Sign(template *x509.Certificate, key crypto.PublicKey) ([]byte, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key, a.key)
	if err != nil {
		return nil, fmt.Errorf("certificate of %s: %w", template.Subject.CommonName, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

// Certificate returns the authority's own certificate, which clients trust.
func (a *Authority) Certificate() []byte { return a.pair.Certificate }

// Server makes the certificate of a server that is reached by these host names
// and IP addresses.
func (a *Authority) Server(name string, hosts ...string) (Pair, error) {
	template, err := certificate(name, leafLife)
	if err != nil {
		return Pair{}, err
	}
	// etcd's own proxy calls the server with the server's certificate.
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return a.issue(template)
}

// Client makes the certificate of a user, in the sense that Kubernetes gives to
// the subject: the common name is the user, the organizations are its groups.
func (a *Authority) Client(user string, groups ...string) (Pair, error) {
	template, err := certificate(user, leafLife)
	if err != nil {
		return Pair{}, err
	}
	template.Subject.Organization = groups
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.issue(template)
}

func (a *Authority) issue(template *x509.Certificate) (Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	return sign(template, a.certificate, key, a.key)
}

// SigningKey makes sure that dir holds a key pair as name.key and name.pub.
// Kubernetes signs service accounts' tokens with such a key; it must outlast a
// restart, since tokens do.
func SigningKey(dir, name string) error {
	private, public := filepath.Join(dir, name+".key"), filepath.Join(dir, name+".pub")
	if _, err := os.Stat(public); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	encoded, err := encodeKey(key)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	if err := os.WriteFile(private, encoded, 0o600); err != nil {
		return err
	}
	// Last, since its presence says that the pair is whole.
	return os.WriteFile(public, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o644)
}

// Write keeps the pair in dir as name.crt and name.key.
func (p Pair) Write(dir, name string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, name+".key"), p.Key, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name+".crt"), p.Certificate, 0o644)
}

func read(dir, name string) (Pair, error) {
	certificate, err := os.ReadFile(filepath.Join(dir, name+".crt"))
	if err != nil {
		return Pair{}, err
	}
	key, err := os.ReadFile(filepath.Join(dir, name+".key"))
	return Pair{certificate, key}, err
}

func certificate(name string, life time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-backdate),
		NotAfter:     now.Add(life),
	}, nil
}

func sign(template, parent *x509.Certificate, key, parentKey crypto.Signer) (Pair, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		return Pair{}, fmt.Errorf("certificate of %s: %w", template.Subject.CommonName, err)
	}
	encoded, err := encodeKey(key)
	if err != nil {
		return Pair{}, err
	}
	return Pair{pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), encoded}, nil
}

func encodeKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// Load returns the authority of a pair that the caller kept.
func Load(pair Pair) (*Authority, error) {
	certBlock, _ := pem.Decode(pair.Certificate)
	keyBlock, _ := pem.Decode(pair.Key)
	if certBlock == nil || keyBlock == nil {
		return nil, errors.New("the authority's certificate or key is not PEM; remove its folder to have it made anew")
	}
	cert, err := x509.ParseCertificate(certBlock.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the authority's certificate: %w", err)
	}
	key, err := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the authority's key: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("the authority's key is a %T, which can't sign", key)
	}
	return &Authority{pair: pair, certificate: cert, key: signer}, nil
}
