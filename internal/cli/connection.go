package cli

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// connection says how to reach the cluster that holds the custom resources and
// the controller's API. The zero value with its flags unset follows the
// environment, as kubectl does.
type connection struct {
	kubeconfig, context, namespace string
	apiURL, apiToken               string
	// open connects to the cluster, and tells the namespace to look in.
	open func() (client.WithWatch, string, error)
}

func (c *connection) addFlags(f *pflag.FlagSet) {
	f.StringVar(&c.kubeconfig, "kubeconfig", "", "kubeconfig of the cluster that holds the Environments (default $KUBECONFIG, then ~/.kube/config)")
	f.StringVar(&c.context, "context", "", "context of the kubeconfig")
	f.StringVarP(&c.namespace, "namespace", "n", "", "namespace of the Environments (default: the context's)")
	f.StringVar(&c.apiURL, "api-url", os.Getenv("DRAWBRIDGE_API_URL"), "URL of the controller's API (default $DRAWBRIDGE_API_URL); its token is read from $DRAWBRIDGE_API_TOKEN")
}

const howToConnect = `set KUBECONFIG or --kubeconfig; in a sandbox: eval "$(drawbridge-sandbox env)"`

func (c *connection) config() (*rest.Config, string, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = c.kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: c.context})
	cfg, err := loader.ClientConfig()
	switch {
	case clientcmd.IsEmptyConfig(err): // whose own words are about kubectl's flags
		return nil, "", fmt.Errorf("no cluster to talk to: no kubeconfig at %s (%s)", strings.Join(rules.GetLoadingPrecedence(), ", "), howToConnect)
	case err != nil:
		return nil, "", fmt.Errorf("no cluster to talk to: %w (%s)", err, howToConnect)
	}
	cfg.WarningHandler = rest.NoWarnings{}
	namespace := c.namespace
	if namespace == "" {
		if namespace, _, err = loader.Namespace(); err != nil {
			return nil, "", err
		}
	}
	return cfg, namespace, nil
}

// openFor connects on behalf of a command that answers in a format, after it has
// refused a format that is none: that is no reason to ask a cluster.
func (c *connection) openFor(f format) (client.WithWatch, string, error) {
	if err := f.check(); err != nil {
		return nil, "", err
	}
	return c.open()
}

// connect reaches the cluster that the flags and the environment name.
func (c *connection) connect() (client.WithWatch, string, error) {
	cfg, namespace, err := c.config()
	if err != nil {
		return nil, "", err
	}
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, "", err
	}
	// The three kinds are known: asking the cluster for all of its kinds would
	// cost more than most commands.
	kinds := meta.NewDefaultRESTMapper(nil)
	for _, kind := range []string{"Environment", "Change", "Component"} {
		kinds.Add(v1alpha1.GroupVersion.WithKind(kind), meta.RESTScopeNamespace)
	}
	k, err := client.NewWithWatch(cfg, client.Options{Scheme: scheme, Mapper: kinds})
	if err != nil {
		return nil, "", fmt.Errorf("cluster at %s: %w", cfg.Host, err)
	}
	return k, namespace, nil
}

// typeMeta says what an object is, for programs; the client leaves it out.
func typeMeta(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: kind}
}

func noEnvironment(namespace string) error {
	return notFoundError{fmt.Sprintf("no Environment in namespace %s (another one? -n NAMESPACE)", namespace)}
}

// environment finds the Environment of that name, or the only one there is.
func environment(ctx context.Context, k client.Client, namespace, name string) (*v1alpha1.Environment, error) {
	if name != "" {
		var env v1alpha1.Environment
		switch err := k.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &env); {
		case apierrors.IsNotFound(err) && !notInstalled(err):
			return nil, notFoundError{fmt.Sprintf("no Environment %q in namespace %s; 'drawbridge status' lists them (another namespace? -n NAMESPACE)", name, namespace)}
		case err != nil:
			return nil, fmt.Errorf("environment %s/%s: %w", namespace, name, err)
		}
		env.ManagedFields, env.TypeMeta = nil, typeMeta("Environment")
		return &env, nil
	}
	var list v1alpha1.EnvironmentList
	if err := k.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("environments in namespace %s: %w", namespace, err)
	}
	switch len(list.Items) {
	case 0:
		return nil, noEnvironment(namespace)
	case 1:
		return &list.Items[0], nil
	}
	names := make([]string, len(list.Items))
	for i, e := range list.Items {
		names[i] = e.Name
	}
	return nil, usageError{fmt.Errorf("which Environment? -e with one of %s", strings.Join(names, ", "))}
}

// changesOf lists the Changes of an Environment, or of all with an empty name,
// newest first.
func changesOf(ctx context.Context, k client.Client, namespace, environment string) ([]v1alpha1.Change, error) {
	var list v1alpha1.ChangeList
	if err := k.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("changes in namespace %s: %w", namespace, err)
	}
	items := []v1alpha1.Change{} // an empty list is [], never null
	for _, c := range list.Items {
		if environment == "" || c.Spec.Environment == environment {
			c.ManagedFields, c.TypeMeta = nil, typeMeta("Change") // noise, and what it is
			items = append(items, c)
		}
	}
	slices.SortFunc(items, func(a, b v1alpha1.Change) int {
		if by := b.CreationTimestamp.Compare(a.CreationTimestamp.Time); by != 0 {
			return by
		}
		return int(b.Spec.Sequence - a.Spec.Sequence)
	})
	return items, nil
}
