package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const database = `
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: db, namespace: shop, generation: 2}
spec:
  refreshInterval: 1h
  secretStoreRef: {name: aws, kind: SecretStore}
  data:
    - secretKey: password
      remoteRef: {key: shop/db, property: password}
    - secretKey: user
      remoteRef: {key: shop/db, property: username}
status:
  refreshTime: "2026-03-01T12:00:00Z"
  syncedResourceVersion: 2-aaaa
  conditions: [{type: Ready, status: "True", message: secret synced}]
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: aws, namespace: shop}
spec: {provider: {aws: {service: SecretsManager, region: eu-west-1}}}
`

// refreshed is when the operator read last.
var refreshed = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func versionAt(d time.Duration) map[string]Version {
	return map[string]Version{"eu-west-1 shop/db AWSCURRENT": {ID: "v2", Changed: refreshed.Add(d)}}
}

func TestSecretVersion(t *testing.T) {
	t.Parallel()
	const (
		fresh  = "Passed secret-version: synced, with the newest version of secret shop/db"
		asking = "Waiting secret-version: waits for External Secrets: a version of secret shop/db is newer than what it read last, at 12:00:00; it is asked to read again"
	)
	run(t, database, account{secrets: versionAt(-time.Minute)}, []finds{
		{"synced", nil, []string{fresh}},
		{"changed just before", func(w *world) { w.secrets = versionAt(-ClockSkew) }, []string{fresh}},
		{"changed within the clocks' doubt", func(w *world) { w.secrets = versionAt(-ClockSkew + time.Millisecond) }, []string{asking}},
		{"changed in the same second", func(w *world) { w.secrets = versionAt(300 * time.Millisecond) }, []string{asking}},
		{"changed later", func(w *world) { w.secrets = versionAt(time.Hour) }, []string{asking}},
		{"no word yet", func(w *world) { w.edit(`"status":{`, `"not":{`) }, []string{
			"Waiting secret-version: waits for External Secrets: it has said nothing of this object yet",
		}},
		{"no word yet, since the operator is down", func(w *world) {
			w.edit(`"status":{`, `"not":{`)
			w.set(deployment("external-secrets", 0))
		}, []string{
			"Waiting secret-version: waits for External Secrets: it has said nothing of this object yet; Deployment operators/external-secrets has 0 of 1 ready",
		}},
		{"no word yet, but the operator is up", func(w *world) {
			w.edit(`"status":{`, `"not":{`)
			w.set(deployment("external-secrets", 1))
		}, []string{
			"Waiting secret-version: waits for External Secrets: it has said nothing of this object yet",
		}},
		{"edited since", func(w *world) { w.edit(`"generation":2`, `"generation":3`) }, []string{
			"Waiting secret-version: waits for External Secrets: its last status is from before this edit of the object",
		}},
		{"a JSON key that is missing", func(w *world) {
			w.edit(`"status":"True"`, `"status":"False"`)
			w.edit("secret synced", "could not get secret data from provider")
			w.set(event("ExternalSecret", "db", "Warning", "key password does not exist in secret shop/db", 5))
			w.set(event("ExternalSecret", "other", "Warning", "something else", 6))
		}, []string{
			"Waiting secret-version: waits for External Secrets: could not get secret data from provider (key password does not exist in secret shop/db)",
		}},
		{"read once", func(w *world) {
			w.edit(`"refreshInterval":"1h"`, `"refreshInterval":"1h","refreshPolicy":"CreatedOnce"`)
		}, []string{
			"Skipped secret-version: synced; it is read only once (refreshPolicy, refreshInterval), so its version is not compared",
		}},
		{"an interval of none", func(w *world) { w.edit(`"refreshInterval":"1h"`, `"refreshInterval":"0s"`) }, []string{
			"Skipped secret-version: synced; it is read only once (refreshPolicy, refreshInterval), so its version is not compared",
		}},
		{"an interval of none, but on change", func(w *world) {
			w.edit(`"refreshInterval":"1h"`, `"refreshInterval":"0","refreshPolicy":"OnChange"`)
		}, []string{fresh}},
		{"another stage", func(w *world) {
			w.edit(`"property":"username"`, `"version":"AWSPREVIOUS"`)
			w.secrets["eu-west-1 shop/db AWSPREVIOUS"] = Version{ID: "v1", Changed: refreshed.Add(-time.Minute)}
		}, []string{fresh}},
		{"one version", func(w *world) {
			w.edit(`"property":"username"`, `"version":"uuid/v1"`)
			w.edit(`"property":"password"`, `"version":"uuid/v1"`)
		}, []string{"Skipped secret-version: synced; its version is not compared: secret shop/db is pinned to version v1"}},
		{"a parameter, of another region", func(w *world) {
			w.edit(`"service":"SecretsManager"`, `"service":"ParameterStore"`)
			w.parameters = map[string]Version{"shop/db": {ID: "7", Changed: refreshed.Add(-time.Hour)}}
		}, []string{"Passed secret-version: synced, with the newest version of parameter shop/db"}},
		{"a secret of another region", func(w *world) { w.edit(`"region":"eu-west-1"`, `"region":"eu-west-3"`) }, []string{
			"Skipped secret-version: synced; its version is not compared: the Environment's account has no secret shop/db in eu-west-3, so the store reads elsewhere",
		}},
		{"a prefix", func(w *world) {
			w.edit(`"region":"eu-west-1"`, `"region":"eu-west-1","prefix":"shop/"`)
			w.edit(`"shop/db"`, `"db"`)
		}, []string{fresh}},
		{"another provider", func(w *world) { w.edit(`"provider":{"aws"`, `"provider":{"vault"`) }, []string{
			"Skipped secret-version: synced; its version is not compared: SecretStore shop/aws is not of AWS",
		}},
		{"stores that may not be seen", func(w *world) { w.refused["SecretStore"] = true }, []string{
			"Skipped secret-version: synced; its version is not compared: following SecretStore: forbidden",
		}},
		{"no right", func(w *world) { w.denied = "secretsmanager:DescribeSecret" }, []string{
			"Skipped secret-version: synced; its version is not compared: no right to secretsmanager:DescribeSecret",
		}},
		{"an account that fails", func(w *world) { w.failing = errors.New("throttled") }, []string{"Waiting secret-version: throttled"}},
		{"found by tags", func(w *world) {
			w.edit(`"data":[`, `"dataFrom":[{"find":{"tags":{"a":"b"}}}],"not":[`)
		}, []string{"Skipped secret-version: synced; its version is not compared: it finds its secrets by name or tags"}},
		{"made, and read", func(w *world) {
			w.edit(`"data":[`, `"dataFrom":[{"sourceRef":{"generatorRef":{"kind":"Password","name":"x"}}},{"extract":{"key":"shop/db"}}],"not":[`)
		}, []string{fresh, "Skipped secret-version: not all of it is compared: a generator makes it"}},
		{"not wanted", func(w *world) {
			w.edit(`"generation":2`, `"generation":2,"annotations":{"drawbridge.dev/skip-checks":"secret-version"}`)
		}, []string{"Skipped secret-version: its annotation drawbridge.dev/skip-checks says so"}},
		{"no such check", func(w *world) {
			w.edit(`"generation":2`, `"generation":2,"annotations":{"drawbridge.dev/skip-checks":"dns"}`)
		}, []string{`Waiting : its annotation drawbridge.dev/skip-checks names no check "dns"; there are secret-version, balancer, certificates, targets, name`}},
	})
}

func deployment(name string, ready int) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %s, namespace: operators, labels: {app.kubernetes.io/name: %s}}
spec: {replicas: 1}
status: {readyReplicas: %d}
`, name, name, ready)
}

// event is one at a second past noon.
func event(kind, name, sort, message string, second int) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Event
metadata: {name: %s-%d, namespace: shop}
involvedObject: {kind: %s, name: %s}
type: %s
message: %q
lastTimestamp: "2026-03-01T12:00:%02dZ"
`, name, second, kind, name, sort, message, second)
}

// A stale secret is asked for once for its version, and counts only when the operator
// has seen the request, whatever its clock says.
func TestStaleSecretIsAskedForOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, database)
		w.secrets = versionAt(time.Hour)
		asked := make(chan struct{}, 10)
		w.onAsked = func() { asked <- struct{}{} }
		var said []string
		r := w.request()
		r.Say = func(line string) { said = append(said, line) }
		ended := make(chan []Finding)
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			f, err := Run(ctx, r)
			if err != nil {
				t.Error(err)
			}
			ended <- f
		}()
		<-asked
		synctest.Wait()
		w.set(event("ExternalSecret", "db", "Normal", "nothing of interest", 1))
		synctest.Wait()
		if d := cmp.Diff([]string{"external-secrets.io/ExternalSecret/shop/db v1 shop:deployer: force-sync"}, w.annotated); d != "" {
			t.Error(d)
		}
		w.edit(`"syncedResourceVersion":"2-aaaa"`, `"syncedResourceVersion":"2-bbbb"`) // with a clock that is an hour behind
		w.set(event("ExternalSecret", "db", "Normal", "updated", 2))
		f := <-ended
		if len(f) != 1 || f[0].Result != Passed || len(w.annotated) != 1 {
			t.Errorf("%v after %d requests", f, len(w.annotated))
		}
		if len(said) != 1 || !strings.Contains(said[0], "ExternalSecret shop/db: waits for External Secrets") {
			t.Errorf("%q", said)
		}

		// A later controller finds the answer to the request of the first one.
		if again, err := Run(t.Context(), w.request()); err != nil || again[0].Result != Passed || len(w.annotated) != 1 {
			t.Errorf("%v, %v after %d requests", again, err, len(w.annotated))
		}
		// The next version is another request.
		w.secrets = map[string]Version{"eu-west-1 shop/db AWSCURRENT": {ID: "v3", Changed: refreshed.Add(time.Hour)}}
		w.found()
		if len(w.annotated) != 2 {
			t.Errorf("%d requests after another version", len(w.annotated))
		}
	})
}

// What several objects read is asked for once a look, and what does not change in the
// account is not asked for again.
func TestAsksAsLittleAsItCan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		second := strings.Replace(database[:strings.Index(database, "---")], "name: db", "name: second", 1)
		w := newWorld(t, database+"---"+second)
		w.secrets = versionAt(-time.Hour)
		w.found()
		if d := cmp.Diff([]string{"secretsmanager:DescribeSecret"}, w.calls); d != "" {
			t.Error(d)
		}

		w.failing = errors.New("throttled")
		w.calls = nil
		ctx, cancel := context.WithTimeout(t.Context(), 59*time.Second)
		defer cancel()
		_, err := Run(ctx, w.request())
		var not *NotVerifiedError
		if !errors.As(err, &not) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "ExternalSecret shop/db: throttled; ExternalSecret shop/second: throttled") {
			t.Error(err)
		}
		if n := len(w.calls); n != 7 { // at 0, 1, 3, 7, 15, 30 and 45 s
			t.Errorf("the account was asked %d times in a minute", n)
		}

		w = newWorld(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: shop}}`)
		if f, err := Run(t.Context(), w.request()); len(f) > 0 || err != nil || len(w.followed) > 0 {
			t.Errorf("%v, %v, followed %v", f, err, w.followed)
		}
	})
}
