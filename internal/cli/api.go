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
	if c.apiURL == "" {
		return nil, errNoAPI
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	address := strings.TrimSuffix(c.apiURL, "/") + "/api/v1/changes/" + url.PathEscape(change)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("API URL %s: %w", c.apiURL, err)
	}
	request.Header.Set("Authorization", "Bearer "+c.apiToken)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("the controller's API: %w (is DRAWBRIDGE_API_URL right?)", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		var failure struct{ Error string }
		if json.NewDecoder(response.Body).Decode(&failure) != nil || failure.Error == "" {
			failure.Error = response.Status
		}
		if response.StatusCode == http.StatusNotFound {
			return nil, notFoundError{failure.Error}
		}
		return nil, fmt.Errorf("the controller's API at %s: %s", c.apiURL, failure.Error)
	}
	var entry ledger.Entry
	if err := json.NewDecoder(response.Body).Decode(&entry); err != nil {
		return nil, fmt.Errorf("the controller's API at %s: %w", c.apiURL, err)
	}
	return &entry, nil
}
