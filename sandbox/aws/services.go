package aws

import (
	"context"
	"path/filepath"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/acm"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/cloudformation"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/ec2"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/ecr"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/eks"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/elbv2"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/generic"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/iam"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/logs"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/rds"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/route53"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/s3"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/secretsmanager"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/ssm"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/sts"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/tagging"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// addServices makes the services and lets each add its resource types. A new
// service needs its lines here and nothing else.
func (e *Endpoint) addServices(options Options) error {
	e.identities = iam.New(e.store, e.pace)
	e.add(e.identities.Service())
	e.identities.Register(e.resources)

	e.sts = sts.New(e.store, e.pace, e.identities)
	e.add(e.sts.Service())

	network := ec2.New(e.store, e.pace, options.Zones)
	e.add(network.Service())
	network.Register(e.resources)
	for _, cluster := range options.Networks {
		if err := network.Provision(cluster); err != nil {
			return err
		}
	}

	databases := rds.New(e.store, e.pace, network)
	e.add(databases.Service())
	databases.Register(e.resources)

	secrets := secretsmanager.New(e.store, e.pace, databases)
	e.add(secrets.Service())
	secrets.Register(e.resources)

	parameters := ssm.New(e.store, e.pace)
	e.add(parameters.Service())
	parameters.Register(e.resources)

	events := logs.New(e.store, e.pace)
	e.add(events.Service())
	events.Register(e.resources)

	images := ecr.New(e.store, e.pace)
	e.add(images.Service())
	images.Register(e.resources)

	objects, err := s3.New(e.store, e.pace, filepath.Join(options.Dir, "objects"), e.log)
	if err != nil {
		return err
	}
	e.services["s3"] = objects
	objects.Register(e.resources)

	e.domains = route53.New(e.store, e.pace)
	e.add(e.domains.Service())
	e.domains.Register(e.resources)

	e.certificates = acm.New(e.store, e.pace, e.domains)
	e.add(e.certificates.Service())
	e.certificates.Register(e.resources)

	e.balancers = elbv2.New(e.store, e.pace, network, e.certificates)
	e.add(e.balancers.Service())
	e.balancers.Register(e.resources)
	e.certificates.UsedBy(e.balancers.Using)
	e.domains.Alias(e.balancers)
	network.HeldBy(e.balancers.Holds)

	e.add(eks.New(options.Clusters).Service())

	others := generic.New(e.store, e.pace)
	e.resources.SetFallback(others)
	e.add(tagging.New(e.store,
		e.identities, network, databases, secrets, parameters, events, images, objects, e.domains, e.certificates, e.balancers, others,
	).Service())
	clock := options.Clock
	if clock == nil {
		clock = simtime.System{}
	}
	stacks := cloudformation.New(cloudformation.Options{
		Store: e.store, Resources: e.resources, Now: e.pace.Now, After: clock.After, Log: e.log, Zones: network.Zones,
		Secret: secrets.Value,
		Parameter: func(ctx context.Context, account, region, name, version string) (string, error) {
			if version != "" {
				name += ":" + version
			}
			value, _, err := parameters.Value(ctx, account, region, name)
			return value, err
		},
		Object: func(ctx context.Context, account, url string) ([]byte, error) {
			bucket, key, err := s3.Location(url)
			if err != nil {
				return nil, err
			}
			return objects.Object(ctx, account, bucket, key)
		},
	})
	e.closers = append(e.closers, stacks.Close)
	e.add(stacks.Service())
	return stacks.Resume()
}

func (e *Endpoint) add(service *wire.Service) {
	service.Log = e.log
	e.services[service.Name] = service
}
