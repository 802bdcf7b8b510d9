package node

import (
	"context"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// sources reads Secrets and ConfigMaps with their values, each once. The caches of
// the nodes have the names of keys only.
type sources struct {
	ctx       context.Context
	k         kubernetes.Interface
	namespace string
	read      map[string]map[string]string
}

// values are those of a Secret or ConfigMap; nil when it is not there.
func (s *sources) values(secret bool, name string) (map[string]string, error) {
	key := fmt.Sprint(secret, "/", name)
	if known, ok := s.read[key]; ok {
		return known, nil
	}
	values := map[string]string{}
	var err error
	if secret {
		var o *corev1.Secret
		if o, err = s.k.CoreV1().Secrets(s.namespace).Get(s.ctx, name, metav1.GetOptions{}); err == nil {
			for k, v := range o.Data {
				values[k] = string(v)
			}
		}
	} else {
		var o *corev1.ConfigMap
		if o, err = s.k.CoreV1().ConfigMaps(s.namespace).Get(s.ctx, name, metav1.GetOptions{}); err == nil {
			maps.Copy(values, o.Data)
		}
	}
	if apierrors.IsNotFound(err) {
		values, err = nil, nil
	}
	if err == nil {
		s.read[key] = values
	}
	return values, err
}

// environ is the environment of a command: what every program of this machine has,
// what its container says, and PORT. That what is needed is there was seen before
// (environmentError); what has gone since is an error.
func environ(ctx context.Context, k kubernetes.Interface, pod *corev1.Pod, c corev1.Container, port int) ([]string, error) {
	s := &sources{ctx: ctx, k: k, namespace: pod.Namespace, read: map[string]map[string]string{}}
	env := map[string]string{}
	for _, from := range c.EnvFrom {
		var values map[string]string
		var err error
		var name string
		optional := false
		switch {
		case from.SecretRef != nil:
			name, optional = from.SecretRef.Name, isTrue(from.SecretRef.Optional)
			values, err = s.values(true, name)
		case from.ConfigMapRef != nil:
			name, optional = from.ConfigMapRef.Name, isTrue(from.ConfigMapRef.Optional)
			values, err = s.values(false, name)
		}
		if err != nil {
			return nil, err
		}
		if values == nil && !optional {
			return nil, fmt.Errorf("%q is not there any more", name)
		}
		for key, value := range values {
			env[from.Prefix+key] = value
		}
	}
	for _, e := range c.Env {
		value, ok, err := s.value(pod, e, env)
		if err != nil {
			return nil, fmt.Errorf("variable %s of container %s: %w", e.Name, c.Name, err)
		}
		if ok {
			env[e.Name] = value
		}
	}
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "LANG", "TZ"} {
		if _, set := env[name]; !set && os.Getenv(name) != "" {
			env[name] = os.Getenv(name)
		}
	}
	env["HOSTNAME"], env["PORT"] = pod.Name, strconv.Itoa(port)
	var out []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, name+"="+env[name])
	}
	return out, nil
}

// value is that of one variable; ok is false for one whose optional source is not
// there.
func (s *sources) value(pod *corev1.Pod, e corev1.EnvVar, before map[string]string) (value string, ok bool, err error) {
	from := e.ValueFrom
	switch {
	case from == nil:
		return expand(e.Value, before), true, nil
	case from.SecretKeyRef != nil:
		return s.key(true, from.SecretKeyRef.Name, from.SecretKeyRef.Key, isTrue(from.SecretKeyRef.Optional))
	case from.ConfigMapKeyRef != nil:
		return s.key(false, from.ConfigMapKeyRef.Name, from.ConfigMapKeyRef.Key, isTrue(from.ConfigMapKeyRef.Optional))
	case from.FieldRef != nil:
		value, err = field(pod, from.FieldRef.FieldPath)
		return value, true, err
	}
	return "", false, fmt.Errorf("the sandbox's nodes know no such source of a value")
}

func (s *sources) key(secret bool, name, key string, optional bool) (string, bool, error) {
	values, err := s.values(secret, name)
	if err != nil {
		return "", false, err
	}
	value, ok := values[key]
	if !ok && !optional {
		return "", false, fmt.Errorf("key %q of %q is not there any more", key, name)
	}
	return value, ok, nil
}

// field is a field of a Pod that a variable may have.
func field(pod *corev1.Pod, path string) (string, error) {
	if name, key, ok := strings.Cut(strings.TrimSuffix(path, "']"), "['"); ok {
		switch name {
		case "metadata.labels":
			return pod.Labels[key], nil
		case "metadata.annotations":
			return pod.Annotations[key], nil
		}
	}
	value, ok := map[string]string{
		"metadata.name": pod.Name, "metadata.namespace": pod.Namespace, "metadata.uid": string(pod.UID),
		"spec.nodeName": pod.Spec.NodeName, "spec.serviceAccountName": pod.Spec.ServiceAccountName,
		"status.hostIP": pod.Status.HostIP, "status.podIP": pod.Status.PodIP, "status.hostIPs": pod.Status.HostIP, "status.podIPs": pod.Status.PodIP,
	}[path]
	if !ok {
		return "", fmt.Errorf("the sandbox's nodes know no field %s", path)
	}
	return value, nil
}

var reference = regexp.MustCompile(`\$\$|\$\(([^()]*)\)`)

// expand replaces $(NAME) of variables that are known, and $$ by $.
func expand(text string, known map[string]string) string {
	return reference.ReplaceAllStringFunc(text, func(found string) string {
		if found == "$$" {
			return "$"
		}
		if value, ok := known[found[2:len(found)-1]]; ok {
			return value
		}
		return found
	})
}
