package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/ec2"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/eks"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/route53"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/route53/nameserver"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/forge"
	"github.com/drawbridge-gitops/drawbridge/sandbox/node"
	"github.com/drawbridge-gitops/drawbridge/sandbox/node/podnet"
)

// ownParts are the parts that this program can be.
var ownParts = map[string]ownPart{
	Nodes: runNodes,
	AWS:   runAWS,
	Forge: runForge,
}

// listens says which of them have a listener.
var listens = map[string]bool{Nodes: true, AWS: true, Forge: true}

// addOwn adds the specs of our own parts.
func (s *Sandbox) addOwn(all map[string]spec) {
	nodes := nodesConfig{Kubeconfig: s.kubeconfig(Nodes), Region: s.state.Region, StartLatency: s.options.PodStartLatency}
	if s.options.Exec {
		nodes.Exec = &node.Exec{Dir: s.path("pods"), Logs: s.path("logs", "pods")}
	}
	all[Nodes] = s.own(Nodes, nodes)
	network := clusterNetwork(s.state.Region)
	all[AWS] = s.own(AWS, awsConfig{
		Dir: s.path("aws"), AccessKeyID: s.state.AccessKeyID, SecretAccessKey: s.state.SecretAccessKey,
		Durations: s.options.AWSDurations, CAFile: s.path("pki", "ca.crt"),
		PodProxy: s.PodProxy(), DNS: s.DNS(), Authority: s.Authority(),
		Network: network,
		Cluster: eks.Cluster{
			Name: clusterName, Account: aws.DefaultAccount, Region: s.state.Region,
			Endpoint: "https://" + s.state.address(APIServer), Issuer: issuer, ServiceRange: serviceRange,
			VPC: network.VPC(), Subnets: network.Subnets(), SecurityGroup: network.SecurityGroup(),
		},
	})
	config := forgeConfig{Dir: s.path("forge")}
	for _, name := range writers {
		config.Users = append(config.Users, forge.User{Name: name, Token: s.state.Tokens[name], Write: true})
	}
	for _, name := range readers {
		config.Users = append(config.Users, forge.User{Name: name, Token: s.state.Tokens[name]})
	}
	all[Forge] = s.own(Forge, config)
}

// clusterNetwork is where the nodes stand in the simulated account.
func clusterNetwork(region string) ec2.Cluster {
	c := ec2.Cluster{Account: aws.DefaultAccount, Region: region, Name: clusterName, Block: node.Network}
	for _, m := range node.Machines(region) {
		c.Nodes = append(c.Nodes, ec2.Node{InstanceID: m.InstanceID, Type: m.InstanceType, Zone: m.Zone, Subnet: m.Subnet, Address: m.Address, Pods: m.Pods})
	}
	return c
}

type forgeConfig struct {
	Dir   string
	Users []forge.User
}

func runForge(ctx context.Context, config []byte, l net.Listener, ready func(), log *slog.Logger) error {
	var c forgeConfig
	if err := json.Unmarshal(config, &c); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	f, err := forge.New(forge.Options{Dir: c.Dir, Users: c.Users, Log: log})
	if err != nil {
		return err
	}
	served := serve(ctx, l, f, ready)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopGrace/4)
	defer cancel()
	return errors.Join(served, f.Close(last))
}

type awsConfig struct {
	Dir, AccessKeyID, SecretAccessKey string
	Durations                         simtime.Durations
	// Cluster is what EKS shows of the control plane, its certificate in CAFile.
	Cluster eks.Cluster
	Network ec2.Cluster
	CAFile  string
	// PodProxy leads to the targets of load balancers. DNS is where to answer
	// questions for the hosted zones, and Authority the file that gets the
	// certificate which clients of load balancers trust.
	PodProxy, DNS, Authority string
}

func runAWS(ctx context.Context, config []byte, l net.Listener, ready func(), log *slog.Logger) error {
	var c awsConfig
	if err := json.Unmarshal(config, &c); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	ca, err := os.ReadFile(c.CAFile)
	if err != nil {
		return fmt.Errorf("the cluster's certificate: %w", err)
	}
	c.Cluster.CA = ca
	endpoint, err := aws.New(aws.Options{
		Dir: c.Dir, Durations: c.Durations, Log: log, Dial: podnet.Dialer(c.PodProxy).DialContext, Clusters: []eks.Cluster{c.Cluster}, Networks: []ec2.Cluster{c.Network},
		Credentials: []aws.Credential{{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, User: "sandbox"}},
	})
	if err != nil {
		return err
	}
	err = serveAWS(ctx, c, l, endpoint, ready, log)
	return errors.Join(err, endpoint.Close())
}

func serveAWS(ctx context.Context, c awsConfig, l net.Listener, endpoint *aws.Endpoint, ready func(), log *slog.Logger) error {
	authority, err := endpoint.Certificates().Authority(ctx, aws.DefaultAccount)
	if err == nil {
		err = os.WriteFile(c.Authority, authority, 0o600)
	}
	if err != nil {
		return fmt.Errorf("the authority of load balancers' certificates: %w", err)
	}
	names, err := nameserver.Listen(c.DNS, func(ctx context.Context, name string, kind types.RRType) (route53.Answer, error) {
		return endpoint.Domains().Answer(ctx, aws.DefaultAccount, name, kind)
	}, log)
	if err != nil {
		return err
	}
	return errors.Join(serve(ctx, l, endpoint, ready), names.Close())
}

// serve answers requests until ctx ends, and lets those in progress finish, but
// not for longer than the supervisor's patience.
func serve(ctx context.Context, l net.Listener, h http.Handler, ready func()) error {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	ready()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopGrace/2)
		defer cancel()
		if err := s.Shutdown(last); err != nil {
			return errors.Join(err, s.Close())
		}
		return nil
	}
}

type nodesConfig struct {
	Kubeconfig   string
	Region       string
	StartLatency time.Duration
	Exec         *node.Exec
}

func runNodes(ctx context.Context, config []byte, l net.Listener, ready func(), log *slog.Logger) error {
	var c nodesConfig
	if err := json.Unmarshal(config, &c); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		return err
	}
	return node.Run(ctx, cfg, node.Options{
		Machines: node.Machines(c.Region), StartLatency: c.StartLatency, Listener: l, Exec: c.Exec, Ready: ready, Log: log,
	})
}
