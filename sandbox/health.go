package sandbox

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// awaitHealthy asks url until it answers 200, first often and then less so. The
// programs that it asks have no other way to tell.
func awaitHealthy(ctx context.Context, client *http.Client, url string) error {
	last := "no answer yet"
	for pause := 10 * time.Millisecond; ; pause = min(pause*5/4, 150*time.Millisecond) {
		ok, said := healthy(ctx, client, url)
		if ok {
			return nil
		}
		if said != "" {
			last = said
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not healthy: %s: %w", url, last, context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

func healthy(ctx context.Context, client *http.Client, url string) (bool, string) {
	// An answer that hangs must not use up the whole time.
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false, err.Error()
	}
	res, err := client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return false, ""
		}
		return false, err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 4096))
	if err != nil {
		return false, err.Error()
	}
	return res.StatusCode == http.StatusOK, res.Status + " " + strings.TrimSpace(string(body))
}
