package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/build"
	"github.com/drawbridge-gitops/drawbridge/internal/cdk"
	"github.com/drawbridge-gitops/drawbridge/internal/component"
	"github.com/drawbridge-gitops/drawbridge/internal/contain"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
	"github.com/drawbridge-gitops/drawbridge/internal/ledger"
	"github.com/drawbridge-gitops/drawbridge/internal/logs"
	"github.com/drawbridge-gitops/drawbridge/internal/rollout"
	"github.com/drawbridge-gitops/drawbridge/internal/server"
)

// Options of a controller.
type Options struct {
	// Config of the cluster that holds the custom resources.
	Config *rest.Config
	// DataDir holds the ledger and the logs of Changes (which are to be kept), the
	// mirror of the repositories and what CDK apps need (which can be made again).
	DataDir string
	// Listen is the address of the HTTP server: health, webhooks, API.
	Listen string
	// Token that the API asks for; without one it is closed.
	Token string
	// LeaderElection lets replicas wait for each other.
	LeaderElection bool
	// LeaderElectionNamespace of the lease; the Pod's own when empty.
	LeaderElectionNamespace string
	// StackInterval is how often stacks under way are looked at.
	StackInterval time.Duration
	// Hidden are files that CDK apps and builds do not see where the kernel permits,
	// beside DataDir and the Pod's own credentials: that of the API's token.
	Hidden []string
	// AgentImage is the controller's own image, from which builds that run as Jobs
	// take the program that runs them.
	AgentImage string
	// ProfileListen serves net/http/pprof when set.
	ProfileListen string
	Log           *slog.Logger
}

// podCredentials is where a Pod has the tokens of its service account, for the
// cluster and for AWS.
const podCredentials = "/var/run/secrets"

// Run starts the controller and returns when ctx ends or something it can't do
// without failed.
func Run(ctx context.Context, o Options) error {
	sch := runtime.NewScheme()
	if err := errors.Join(scheme.AddToScheme(sch), v1alpha1.AddToScheme(sch)); err != nil {
		return err
	}
	dataDir, err := filepath.Abs(o.DataDir)
	if err != nil {
		return err
	}
	o.DataDir = dataDir
	if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	config := rest.CopyConfig(o.Config)
	config.QPS, config.Burst = -1, 0 // the server has fairness rules of its own
	config.UserAgent = "drawbridge"
	ctrl.SetLogger(logr.FromSlogHandler(o.Log.Handler()))
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: sch, Logger: logr.FromSlogHandler(o.Log.Handler()),
		Metrics:          metricsserver.Options{BindAddress: "0"},
		PprofBindAddress: o.ProfileListen,
		Cache:            cache.Options{DefaultTransform: cache.TransformStripManagedFields()},
		Client:           client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}},
		LeaderElection:   o.LeaderElection, LeaderElectionID: "drawbridge.dev", LeaderElectionNamespace: o.LeaderElectionNamespace,
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return fmt.Errorf("cluster at %s: %w", config.Host, err)
	}
	mirror, err := git.Open(ctx, filepath.Join(o.DataDir, "mirror"))
	if err != nil {
		return err
	}
	defer mirror.Close()
	book, err := ledger.Open(ctx, filepath.Join(o.DataDir, "ledger.db"))
	if err != nil {
		return err
	}
	defer book.Close()
	lines, err := logs.Open(filepath.Join(o.DataDir, "logs"), time.Now)
	if err != nil {
		return err
	}
	defer lines.Close()
	contentKey, err := keptKey(filepath.Join(o.DataDir, "restart.key"))
	if err != nil {
		return err
	}
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("cluster at %s: %w", config.Host, err)
	}
	if here := contain.Available(); errors.Join(here.Processes, here.Files, here.Network) != nil {
		o.Log.Warn("the kernel does not isolate apps and builds", "processes", here.Processes, "files", here.Files, "network", here.Network)
	}
	watched := &secrets{ctx: ctx, client: clientset, byName: map[types.NamespacedName]toolscache.SharedIndexInformer{}}
	hidden := append([]string{o.DataDir, podCredentials}, o.Hidden...)
	w := &world{
		client: mgr.GetClient(), reader: mgr.GetAPIReader(), log: o.Log, ledger: book, logs: lines, events: mgr.GetEventRecorder("drawbridge"),
		repositories: &repositories{secrets: watched, mirror: mirror, components: new(component.Cache)},
		apps:         cdk.New(cdk.Options{Dir: filepath.Join(o.DataDir, "cdk"), Hidden: hidden}),
		builds:       build.NewBuilder(filepath.Join(o.DataDir, "builds"), contain.Limits{}, hidden...),
		agentImage:   o.AgentImage,
		places:       newPlaces(config, watched, o, contentKey),
		runs:         &runs{byEnv: map[types.NamespacedName]*run{}},
		summaries:    &summaries{client: mgr.GetClient(), last: map[types.NamespacedName]v1alpha1.EnvironmentStatus{}},
		pushers:      &pushers{byHead: map[string]string{}},
		slots:        make(chan struct{}, storeRequests),
		states:       map[types.NamespacedName]*rollout.State{},
		heads:        map[types.NamespacedName]*v1alpha1.Change{},
		ended:        map[types.UID]bool{},
		seeded:       map[types.NamespacedName]string{},
	}
	defer w.places.close()
	envs := &environments{world: w, nudges: make(chan event.GenericEvent, 64)}
	if err := errors.Join(envs.setup(mgr), (&changes{w}).setup(mgr)); err != nil {
		return err
	}
	w.places.drifted = (&drifts{w}).correct

	ready := &atomic.Bool{}
	go func() {
		if mgr.GetCache().WaitForCacheSync(ctx) && w.filled(ctx) {
			ready.Store(true)
		}
	}()
	handler := server.New(server.Options{
		Ledger: book, Logs: lines, Token: o.Token, Log: o.Log, Pushed: envs.Pushed,
		Ready: func() error {
			if !ready.Load() {
				return errors.New("the caches are being filled")
			}
			return nil
		},
	})
	return serveBeside(ctx, o, handler, mgr.Start)
}

// serveBeside runs the HTTP server and the controller until either ends.
func serveBeside(ctx context.Context, o Options, handler http.Handler, start func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	srv := &http.Server{Addr: o.Listen, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := srv.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			cancel(fmt.Errorf("HTTP server: %w", err))
		}
	}()
	err := start(ctx)
	graceful, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	_ = srv.Shutdown(graceful) // what does not end by then is cut off with us
	<-done
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}
