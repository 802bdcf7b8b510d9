package node

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// cluster is what a node looks up to start a Pod. ok says whether the object
// exists.
type cluster interface {
	secretKeys(namespace, name string) (keys []string, ok bool)
	configMapKeys(namespace, name string) (keys []string, ok bool)
	// claimPhase is the phase of a PersistentVolumeClaim.
	claimPhase(namespace, name string) (phase corev1.PersistentVolumeClaimPhase, ok bool)
}

// source is a Secret or ConfigMap that a Pod reads.
type source struct {
	secret   bool
	name     string
	optional bool
	keys     []string // that it must hold
}

// kind as the kubelet writes it in messages.
func (s source) kind() string {
	if s.secret {
		return "secret"
	}
	return "configmap"
}

func (s source) look(c cluster, namespace string) ([]string, bool) {
	if s.secret {
		return c.secretKeys(namespace, s.name)
	}
	return c.configMapKeys(namespace, s.name)
}

// volumeError says why a volume can't be mounted, as the kubelet would.
func volumeError(c cluster, pod *corev1.Pod, v corev1.Volume) error {
	sources, err := volumeSources(v)
	if err != nil {
		return err
	}
	for _, s := range sources {
		keys, ok := s.look(c, pod.Namespace)
		if !ok {
			if s.optional {
				continue
			}
			return fmt.Errorf("%s %q not found", s.kind(), s.name)
		}
		for _, key := range s.keys {
			if !slices.Contains(keys, key) && !s.optional {
				return fmt.Errorf("references non-existent %s key: %s", s.kind(), key)
			}
		}
	}
	if claim := claimOf(pod, v); claim != "" {
		phase, ok := c.claimPhase(pod.Namespace, claim)
		if !ok {
			return fmt.Errorf("persistentvolumeclaim %q not found", claim)
		}
		if phase != corev1.ClaimBound {
			return fmt.Errorf("persistentvolumeclaim %q is %s, not Bound", claim, phase)
		}
	}
	return nil
}

// volumeSources are the Secrets and ConfigMaps of a volume; an error says that
// the simulated nodes can't mount its kind.
func volumeSources(v corev1.Volume) ([]source, error) {
	switch {
	case v.Secret != nil:
		return []source{{true, v.Secret.SecretName, isTrue(v.Secret.Optional), paths(v.Secret.Items)}}, nil
	case v.ConfigMap != nil:
		return []source{{false, v.ConfigMap.Name, isTrue(v.ConfigMap.Optional), paths(v.ConfigMap.Items)}}, nil
	case v.Projected != nil:
		var all []source
		for _, p := range v.Projected.Sources {
			if p.Secret != nil {
				all = append(all, source{true, p.Secret.Name, isTrue(p.Secret.Optional), paths(p.Secret.Items)})
			}
			if p.ConfigMap != nil {
				all = append(all, source{false, p.ConfigMap.Name, isTrue(p.ConfigMap.Optional), paths(p.ConfigMap.Items)})
			}
		}
		return all, nil
	case v.EmptyDir != nil, v.HostPath != nil, v.DownwardAPI != nil, v.PersistentVolumeClaim != nil, v.Ephemeral != nil:
		return nil, nil
	case v.CSI != nil:
		return nil, fmt.Errorf("the sandbox's nodes have no CSI driver %q", v.CSI.Driver)
	}
	return nil, fmt.Errorf("the sandbox's nodes can't mount volumes of this kind")
}

// claimOf is the name of the claim behind a volume, or nothing.
func claimOf(pod *corev1.Pod, v corev1.Volume) string {
	switch {
	case v.PersistentVolumeClaim != nil:
		return v.PersistentVolumeClaim.ClaimName
	case v.Ephemeral != nil:
		return pod.Name + "-" + v.Name
	}
	return ""
}

// environmentError says why a container's environment can't be made, as the
// kubelet would.
func environmentError(c cluster, pod *corev1.Pod, container corev1.Container) error {
	for _, s := range environmentSources(container) {
		keys, ok := s.look(c, pod.Namespace)
		if !ok {
			if s.optional {
				continue
			}
			return fmt.Errorf("%s %q not found", s.kind(), s.name)
		}
		for _, key := range s.keys {
			if !slices.Contains(keys, key) && !s.optional {
				kind := "ConfigMap"
				if s.secret {
					kind = "Secret"
				}
				return fmt.Errorf("couldn't find key %s in %s %s/%s", key, kind, pod.Namespace, s.name)
			}
		}
	}
	return nil
}

func environmentSources(c corev1.Container) []source {
	var all []source
	for _, e := range c.EnvFrom {
		if r := e.SecretRef; r != nil {
			all = append(all, source{true, r.Name, isTrue(r.Optional), nil})
		}
		if r := e.ConfigMapRef; r != nil {
			all = append(all, source{false, r.Name, isTrue(r.Optional), nil})
		}
	}
	for _, e := range c.Env {
		if e.ValueFrom == nil {
			continue
		}
		if r := e.ValueFrom.SecretKeyRef; r != nil {
			all = append(all, source{true, r.Name, isTrue(r.Optional), []string{r.Key}})
		}
		if r := e.ValueFrom.ConfigMapKeyRef; r != nil {
			all = append(all, source{false, r.Name, isTrue(r.Optional), []string{r.Key}})
		}
	}
	return all
}

// sourcesOf are all Secrets and ConfigMaps that a Pod names, optional or not.
func sourcesOf(pod *corev1.Pod) []source {
	var all []source
	for _, v := range pod.Spec.Volumes {
		if of, err := volumeSources(v); err == nil {
			all = append(all, of...)
		}
	}
	for _, containers := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for _, c := range containers {
			all = append(all, environmentSources(c)...)
		}
	}
	return all
}

func paths(items []corev1.KeyToPath) []string {
	var keys []string
	for _, i := range items {
		keys = append(keys, i.Key)
	}
	return keys
}

func isTrue(b *bool) bool { return b != nil && *b }
