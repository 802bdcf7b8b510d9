package kube

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"syscall"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestPasses(t *testing.T) {
	t.Parallel()
	reset := &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	configMaps := schema.GroupResource{Resource: "configmaps"}
	for name, tt := range map[string]struct {
		err  error
		want bool
	}{
		"nothing":                   {nil, false},
		"refused":                   {&url.Error{Op: "Patch", Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}, true},
		"reset in the answer":       {fmt.Errorf("unexpected error when reading response body: %w", reset), true},
		"cut off in the answer":     {fmt.Errorf("reading: %w", io.ErrUnexpectedEOF), true},
		"HTTP/2 connection lost":    {errors.New("http2: client connection lost"), true},
		"overloaded":                {apierrors.NewTooManyRequests("later", 1), true},
		"internal":                  {apierrors.NewInternalError(errors.New("oops")), true},
		"conflict":                  {apierrors.NewConflict(configMaps, "x", errors.New("changed")), false},
		"not found":                 {apierrors.NewNotFound(configMaps, "x"), false},
		"not trusted":               {&url.Error{Op: "Get", Err: &tls.CertificateVerificationError{Err: errors.New("unknown authority")}}, false},
		"stopped by the caller":     {&url.Error{Op: "Get", Err: context.Canceled}, false},
		"something else altogether": {errors.New("no kind"), false},
	} {
		if got := Passes(tt.err); got != tt.want {
			t.Errorf("%s: %t, want %t", name, got, tt.want)
		}
	}
}
