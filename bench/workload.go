package main

import (
	"bytes"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/drawbridge-gitops/drawbridge/internal/render"
)

// workload is n generated applications of four objects each, as the peers are
// measured with: ServiceAccount, Service, Deployment with no replicas, Ingress.
type workload struct {
	n int
}

// name of the i-th component.
func (w workload) name(i int) string { return fmt.Sprintf("app-%04d", i) }

// file is the i-th component's only file, at its path in a repository.
// Revision is the tag of its image.
func (w workload) file(i, revision int) (path string, content []byte) {
	var b bytes.Buffer
	fmt.Fprintf(&b, manifest, w.name(i), revision)
	return w.name(i) + "/app.yaml", b.Bytes()
}

// objects are those of the i-th component's file.
func (w workload) objects(i, revision int) ([]render.Object, error) {
	path, content := w.file(i, revision)
	var all []render.Object
	for line, doc := 1, []byte(nil); len(content) > 0; line += bytes.Count(doc, []byte("\n")) + 1 {
		doc, content, _ = bytes.Cut(content, []byte("---\n"))
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(doc, &u.Object); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, line, err)
		}
		all = append(all, render.Object{Object: u, Source: render.Source{File: path, Line: line}})
	}
	return all, nil
}

// all objects, a list a component.
func (w workload) all(revision int) ([][]render.Object, error) {
	all := make([][]render.Object, w.n)
	for i := range all {
		var err error
		if all[i], err = w.objects(i, revision); err != nil {
			return nil, err
		}
	}
	return all, nil
}

const manifest = `apiVersion: v1
kind: ServiceAccount
metadata:
  name: %[1]s
---
apiVersion: v1
kind: Service
metadata:
  name: %[1]s
spec:
  selector:
    app: %[1]s
  ports:
  - name: http
    port: 80
    targetPort: http
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: %[1]s
  labels:
    app: %[1]s
spec:
  replicas: 0
  selector:
    matchLabels:
      app: %[1]s
  template:
    metadata:
      labels:
        app: %[1]s
    spec:
      serviceAccountName: %[1]s
      containers:
      - name: app
        image: registry.invalid/%[1]s:%[2]d
        ports:
        - name: http
          containerPort: 8080
        env:
        - name: LOG_LEVEL
          value: info
        resources:
          requests:
            cpu: 10m
            memory: 32Mi
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: %[1]s
spec:
  rules:
  - host: %[1]s.example.com
    http:
      paths:
      - path: /
        pathType: Prefix
        backend:
          service:
            name: %[1]s
            port:
              name: http
`
