package aws

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// Name is a name by which a listener of a load balancer is asked for.
type Name struct {
	// Name is the load balancer's own in DNS, or one that a record of a public
	// hosted zone points there: "ghost.example.test".
	Name string `json:"name"`
	// Record says that it is one of a hosted zone.
	Record bool `json:"record"`
	// Balancer is the name of the load balancer.
	Balancer string `json:"balancer"`
	// Protocol is "HTTP" or "HTTPS"; Port is the listener's, and Address where it is
	// served: "127.0.0.1:23456".
	Protocol string `json:"protocol"`
	Port     int32  `json:"port"`
	Address  string `json:"address"`
}

// URL is what users of the name type.
func (n Name) URL() string {
	url := strings.ToLower(n.Protocol) + "://" + n.Name
	if url := fmt.Sprintf("%s:%d/", url, n.Port); n.Protocol == "HTTP" && n.Port != 80 || n.Protocol == "HTTPS" && n.Port != 443 {
		return url
	}
	return url + "/"
}

// Names lists the names of all listeners that are served, those of hosted zones
// first.
func (e *Endpoint) Names(ctx context.Context) ([]Name, error) {
	all := []Name{}
	pointing := map[string]map[string][]string{} // account: target: names
	for _, l := range e.Listeners() {
		if pointing[l.Account] == nil {
			var err error
			if pointing[l.Account], err = e.domains.Pointing(ctx, l.Account); err != nil {
				return nil, err
			}
		}
		one := Name{Name: l.DNSName, Balancer: l.Balancer, Protocol: string(l.Protocol), Port: l.Port, Address: l.Address}
		all = append(all, one)
		for _, name := range pointing[l.Account][strings.ToLower(l.DNSName)] {
			one.Name, one.Record = name, true
			all = append(all, one)
		}
	}
	slices.SortStableFunc(all, func(a, b Name) int {
		if a.Record != b.Record {
			return map[bool]int{true: -1, false: 1}[a.Record]
		}
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Port, b.Port))
	})
	return all, nil
}

// ReadNames are the Names of an endpoint in another process, by its address.
func ReadNames(ctx context.Context, endpoint string) ([]Name, error) {
	fail := func(err error) ([]Name, error) { return nil, fmt.Errorf("the sandbox's AWS endpoint: %w", err) }
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"/_sandbox/names", nil)
	if err != nil {
		return fail(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fail(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return fail(err)
	}
	if answer.StatusCode != http.StatusOK {
		return fail(fmt.Errorf("%s: %s", answer.Status, strings.TrimSpace(string(body))))
	}
	var names []Name
	if err := json.Unmarshal(body, &names); err != nil {
		return fail(err)
	}
	return names, nil
}

func (e *Endpoint) serveNames(w http.ResponseWriter, r *http.Request) {
	names, err := e.Names(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(names)
}
