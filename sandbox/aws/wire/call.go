package wire

import "context"

// Call is who asks for what, and where.
type Call struct {
	Account string // twelve digits
	Region  string // from the credential scope: "us-east-1"
	// Principal is the caller's ARN, and UserID its unique ID, as STS shows them.
	Principal string
	UserID    string
	RequestID string
	// Endpoint is the address that the client used: "http://127.0.0.1:4566".
	Endpoint string
}

type callKey struct{}

// WithCall returns a context that carries call.
func WithCall(ctx context.Context, call Call) context.Context {
	return context.WithValue(ctx, callKey{}, call)
}

// CallOf returns the call that a context carries; the zero Call where there is none.
func CallOf(ctx context.Context) Call {
	call, _ := ctx.Value(callKey{}).(Call)
	return call
}
