package acm

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/pki"
)

// life is how long a certificate lasts.
const life = 198 * 24 * time.Hour

// authority is an account's own, in PEM.
type authority struct{ Certificate, Key string }

// authorityOf returns the account's authority, and makes it when there is none,
// which must not happen in a View.
func authorityOf(tx *store.Tx, account string) (*pki.Authority, error) {
	scope := store.Scope{Account: account}
	kept, exists, err := authorities.Get(tx, scope, "ca")
	if err != nil {
		return nil, err
	}
	if exists {
		return pki.Load(pki.Pair{Certificate: []byte(kept.Certificate), Key: []byte(kept.Key)})
	}
	made, err := pki.New("Sandbox authority of " + account)
	if err != nil {
		return nil, err
	}
	pair := made.Pair()
	return made, authorities.Put(tx, scope, "ca", authority{Certificate: string(pair.Certificate), Key: string(pair.Key)})
}

// Authority returns the certificate, in PEM, that clients of an account's
// certificates trust.
func (a *ACM) Authority(_ context.Context, account string) ([]byte, error) {
	var pem []byte
	err := a.store.Update(func(tx *store.Tx) error {
		authority, err := authorityOf(tx, account)
		if err == nil {
			pem = authority.Certificate()
		}
		return err
	})
	return pem, err
}

// requestable are the algorithms of the keys that ACM makes.
var requestable = map[types.KeyAlgorithm]func() (crypto.Signer, error){
	types.KeyAlgorithmRsa2048:      func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) },
	types.KeyAlgorithmEcPrime256v1: func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) },
	types.KeyAlgorithmEcSecp384r1:  func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P384(), rand.Reader) },
}

// newKey returns a key in PEM.
func newKey(algorithm types.KeyAlgorithm) (string, error) {
	make, ok := requestable[algorithm]
	if !ok {
		return "", &types.ValidationException{Message: aws.String("The key algorithm " + string(algorithm) + " can't be requested: use RSA_2048, EC_prime256v1 or EC_secp384r1.")}
	}
	key, err := make()
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), err
}

// issue signs a certificate that has been validated.
func (c *certificate) issue(tx *store.Tx, account string, now, ready time.Time) error {
	signer, err := authorityOf(tx, account)
	if err != nil {
		return err
	}
	block, _ := pem.Decode([]byte(c.Key))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return fmt.Errorf("the key of %s: %w", *c.CertificateArn, err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return err
	}
	signed, err := signer.Sign(&x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: *c.DomainName}, DNSNames: c.SubjectAlternativeNames,
		NotBefore: now.Truncate(24 * time.Hour), NotAfter: now.Truncate(24 * time.Hour).Add(life),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, key.(crypto.Signer).Public())
	if err != nil {
		return err
	}
	c.PEM, c.Chain = string(signed), string(signer.Certificate())
	c.Status, c.Ready, c.IssuedAt = types.CertificateStatusIssued, ready, aws.Time(ready)
	return c.read()
}

// read fills the fields that the certificate itself tells.
func (c *certificate) read() error {
	pair, err := tls.X509KeyPair([]byte(c.PEM), []byte(c.Key))
	if err != nil {
		return err
	}
	leaf := pair.Leaf
	c.NotBefore, c.NotAfter = aws.Time(leaf.NotBefore), aws.Time(leaf.NotAfter)
	c.Serial, c.Issuer, c.Subject = aws.String(colons(leaf.SerialNumber)), aws.String(leaf.Issuer.CommonName), aws.String("CN="+leaf.Subject.CommonName)
	c.SignatureAlgorithm = aws.String(signatureOf(leaf.SignatureAlgorithm))
	c.KeyAlgorithm = algorithmOf(leaf.PublicKey)
	c.KeyUsages = []types.KeyUsage{{Name: types.KeyUsageNameDigitalSignature}}
	c.ExtendedKeyUsages = []types.ExtendedKeyUsage{
		{Name: types.ExtendedKeyUsageNameTlsWebServerAuthentication, OID: aws.String("1.3.6.1.5.5.7.3.1")},
		{Name: types.ExtendedKeyUsageNameTlsWebClientAuthentication, OID: aws.String("1.3.6.1.5.5.7.3.2")},
	}
	return nil
}

// signatureOf names an algorithm as ACM does: "SHA256WITHRSA".
func signatureOf(algorithm x509.SignatureAlgorithm) string {
	first, second, _ := strings.Cut(algorithm.String(), "-")
	if strings.HasPrefix(second, "SHA") { // Go has "ECDSA-SHA256" beside "SHA256-RSA"
		first, second = second, first
	}
	return first + "WITH" + second
}

func algorithmOf(key crypto.PublicKey) types.KeyAlgorithm {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return types.KeyAlgorithm(fmt.Sprintf("RSA_%d", key.N.BitLen()))
	case *ecdsa.PublicKey:
		return map[int]types.KeyAlgorithm{
			256: types.KeyAlgorithmEcPrime256v1, 384: types.KeyAlgorithmEcSecp384r1, 521: types.KeyAlgorithmEcSecp521r1,
		}[key.Curve.Params().BitSize]
	}
	return ""
}

// colons writes a serial number as ACM shows it: "0a:1b".
func colons(serial *big.Int) string {
	var parts []string
	for _, b := range serial.Bytes() {
		parts = append(parts, fmt.Sprintf("%02x", b))
	}
	return strings.Join(parts, ":")
}
