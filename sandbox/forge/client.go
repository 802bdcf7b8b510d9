package forge

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Client administers a running forge as one of its users.
type Client struct {
	// URL of the forge, without a repository.
	URL string
	// User and Token of somebody who may write; Pushes is for any user.
	User, Token string
}

// Refused is the answer of a forge that did not do what it was asked to.
type Refused struct {
	// Request is the method and URL.
	Request string
	// Status is the HTTP status; see the package for what each means.
	Status int
	Reason string
}

func (e *Refused) Error() string {
	return fmt.Sprintf("%s: %d %s: %s", e.Request, e.Status, http.StatusText(e.Status), e.Reason)
}

// CreateRepository makes a repository; it is no error if it is there.
func (c Client) CreateRepository(ctx context.Context, name string) (Repository, error) {
	var made Repository
	err := c.do(ctx, http.MethodPut, []string{name}, nil, nil, &made)
	return made, err
}

// SetHook makes a hook, or replaces the one of that name.
func (c Client) SetHook(ctx context.Context, repository, name string, hook Hook) error {
	return c.do(ctx, http.MethodPut, []string{repository, "hooks", name}, nil, hook, nil)
}

// Hooks are the hooks of a repository, by name.
func (c Client) Hooks(ctx context.Context, repository string) ([]NamedHook, error) {
	var list hookList
	err := c.do(ctx, http.MethodGet, []string{repository, "hooks"}, nil, nil, &list)
	return list.Hooks, err
}

// Pushes to a repository, oldest first; to one ref only, unless that is empty.
func (c Client) Pushes(ctx context.Context, repository, ref string) ([]Push, error) {
	query := url.Values{}
	if ref != "" {
		query.Set("ref", ref)
	}
	var list pushList
	err := c.do(ctx, http.MethodGet, []string{repository, "pushes"}, query, nil, &list)
	return list.Pushes, err
}

func (c Client) do(ctx context.Context, method string, path []string, query url.Values, send, receive any) error {
	u := strings.TrimSuffix(c.URL, "/") + "/api/v1/repos"
	for _, element := range path {
		u += "/" + url.PathEscape(element)
	}
	if len(query) > 0 {
		u += "?" + query.Encode()
	}
	var body io.Reader
	if send != nil {
		b, err := json.Marshal(send)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, u, body)
	if err != nil {
		return err
	}
	req.SetBasicAuth(c.User, c.Token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, u, err)
	}
	if res.StatusCode/100 != 2 {
		var said struct {
			Error string `json:"error"`
		}
		if json.Unmarshal(answer, &said) != nil || said.Error == "" {
			said.Error = strings.TrimSpace(string(answer))
		}
		return &Refused{Request: method + " " + u, Status: res.StatusCode, Reason: said.Error}
	}
	if receive == nil {
		return nil
	}
	if err := json.Unmarshal(answer, receive); err != nil {
		return fmt.Errorf("%s %s: %w", method, u, err)
	}
	return nil
}
