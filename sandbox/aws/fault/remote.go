package fault

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Remote is the Switch of an endpoint in another process, by its address:
// "http://127.0.0.1:4566". Each call returns the faults that are set then.
type Remote string

// List tells the faults that are set.
func (r Remote) List(ctx context.Context) ([]Status, error) {
	return r.send(ctx, http.MethodGet, nil)
}

// Set adds a fault.
func (r Remote) Set(ctx context.Context, f Fault) ([]Status, error) {
	return r.send(ctx, http.MethodPost, f)
}

// Clear ends all faults.
func (r Remote) Clear(ctx context.Context) ([]Status, error) {
	return r.send(ctx, http.MethodDelete, nil)
}

func (r Remote) send(ctx context.Context, method string, body any) ([]Status, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, string(r)+"/_sandbox/faults", bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("the sandbox's AWS endpoint: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("the sandbox's AWS endpoint: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the sandbox's AWS endpoint: %s", strings.TrimSpace(string(answer)))
	}
	var list []Status
	if err := json.Unmarshal(answer, &list); err != nil {
		return nil, fmt.Errorf("the sandbox's AWS endpoint at %s does not know faults: %w", r, err)
	}
	return list, nil
}
