package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/drawbridge-gitops/drawbridge/internal/ledger"
)

// errNoAPI says that the controller's API is not configured.
var errNoAPI = errors.New("the record is in the ledger: set DRAWBRIDGE_API_URL and DRAWBRIDGE_API_TOKEN to read it")

// record reads one row of the ledger from the controller.
func (c *connection) record(ctx context.Context, change string) (*ledger.Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	response, err := c.get(ctx, "/api/v1/changes/"+url.PathEscape(change))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var entry ledger.Entry
	if err := json.NewDecoder(response.Body).Decode(&entry); err != nil {
		return nil, fmt.Errorf("the controller's API at %s: %w", c.apiURL, err)
	}
	return &entry, nil
}

// get asks the controller's API. The caller closes the answer's body.
func (c *connection) get(ctx context.Context, path string) (*http.Response, error) {
	if c.apiURL == "" {
		return nil, errNoAPI
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.apiURL, "/")+path, nil)
	if err != nil {
		return nil, fmt.Errorf("API URL %s: %w", c.apiURL, err)
	}
	request.Header.Set("Authorization", "Bearer "+c.apiToken)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("the controller's API: %w (is DRAWBRIDGE_API_URL right?)", err)
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	defer response.Body.Close()
	var failure struct{ Error string }
	if json.NewDecoder(response.Body).Decode(&failure) != nil || failure.Error == "" {
		failure.Error = response.Status
	}
	if response.StatusCode == http.StatusNotFound {
		return nil, notFoundError{failure.Error}
	}
	return nil, fmt.Errorf("the controller's API at %s: %s", c.apiURL, failure.Error)
}
