package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/drawbridge-gitops/drawbridge/api/crds"
	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/sandbox/node"
)

// fieldManager is under whose name the sandbox applies what the cluster needs.
const fieldManager = "drawbridge-sandbox"

// prepare applies what must be there before the other parts start: the custom
// resources and the rights of the nodes' agent.
func (s *Sandbox) prepare(ctx context.Context) error {
	k, err := s.client()
	if err != nil {
		return err
	}
	defs, err := definitions()
	if err != nil {
		return err
	}
	role := &rbacv1.ClusterRole{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "ClusterRole"},
		ObjectMeta: metav1.ObjectMeta{Name: nodesGroup},
		Rules:      node.Rules,
	}
	binding := &rbacv1.ClusterRoleBinding{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "ClusterRoleBinding"},
		ObjectMeta: metav1.ObjectMeta{Name: nodesGroup},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: nodesGroup}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: nodesGroup},
	}
	objects := []client.Object{role, binding}
	for _, def := range defs {
		objects = append(objects, def)
	}
	g, applying := errgroup.WithContext(ctx)
	for _, o := range objects {
		g.Go(func() error { return apply(applying, k, o) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, def := range defs {
		if err := await(ctx, k, &apiextensionsv1.CustomResourceDefinitionList{}, client.ObjectKeyFromObject(def), established); err != nil {
			return fmt.Errorf("CustomResourceDefinition %s: not Established: %w", def.Name, err)
		}
	}
	return nil
}

func apply(ctx context.Context, k client.Client, o client.Object) error {
	raw, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return err
	}
	delete(raw, "status")
	u := &unstructured.Unstructured{Object: raw}
	if err := k.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(fieldManager), client.ForceOwnership); err != nil {
		return fmt.Errorf("apply %s %s: %w", u.GetKind(), u.GetName(), err)
	}
	return nil
}

// definitions are the custom resources of the product.
func definitions() ([]*apiextensionsv1.CustomResourceDefinition, error) {
	names, err := fs.Glob(crds.FS, "*.yaml")
	if err != nil {
		return nil, err
	}
	var out []*apiextensionsv1.CustomResourceDefinition
	for _, name := range names {
		body, err := fs.ReadFile(crds.FS, name)
		if err != nil {
			return nil, err
		}
		def := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(body, def); err != nil {
			return nil, fmt.Errorf("api/crds/%s: %w", name, err)
		}
		out = append(out, def)
	}
	if len(out) == 0 {
		return nil, errors.New("no definitions in api/crds: run make generate")
	}
	return out, nil
}

// awaitUsable waits until Pods can be made and scheduled: the default service
// account is there, and the nodes are ready and bear no taint.
func (s *Sandbox) awaitUsable(ctx context.Context) error {
	if !s.options.runs(ControllerManager) {
		return nil
	}
	k, err := s.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startDeadline, fmt.Errorf("not so after %s", startDeadline))
	defer cancel()
	account := client.ObjectKey{Namespace: metav1.NamespaceDefault, Name: "default"}
	if err := await(ctx, k, &corev1.ServiceAccountList{}, account, func(client.Object) string { return "" }); err != nil {
		return fmt.Errorf("ServiceAccount %s: %w; see %s", account, err, s.LogPath(ControllerManager))
	}
	if !s.options.runs(Nodes) {
		return nil
	}
	for _, m := range node.Machines(s.state.Region) {
		if err := await(ctx, k, &corev1.NodeList{}, client.ObjectKey{Name: m.Name}, takesPods); err != nil {
			return fmt.Errorf("node %s takes no Pods: %w; see %s and %s", m.Name, err, s.LogPath(Nodes), s.LogPath(ControllerManager))
		}
	}
	return nil
}

// established and takesPods say what an object lacks, or nothing.
func established(o client.Object) string {
	for _, c := range o.(*apiextensionsv1.CustomResourceDefinition).Status.Conditions {
		if c.Type == apiextensionsv1.Established {
			if c.Status == apiextensionsv1.ConditionTrue {
				return ""
			}
			return c.Message
		}
	}
	return "it has no condition Established"
}

func takesPods(o client.Object) string {
	n := o.(*corev1.Node)
	var lacks []string
	for _, t := range n.Spec.Taints {
		lacks = append(lacks, "it has the taint "+t.ToString())
	}
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue {
			lacks = append(lacks, "it is not Ready: "+c.Message)
		}
	}
	return strings.Join(lacks, ", ")
}

// client is the administrator's, for what the sandbox itself needs.
func (s *Sandbox) client() (client.WithWatch, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), apiextensionsv1.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	return client.NewWithWatch(s.RESTConfig(), client.Options{Scheme: scheme})
}
