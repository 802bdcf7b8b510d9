// Package eks is the sandbox's EKS as far as clients read it: which clusters there are
// and how to reach them. It makes none: the clusters are the sandbox's own control
// planes, which whoever runs them names in full.
//
// A cluster is seen in its account and region alone. An answer holds what is known of
// a cluster and leaves out what is not.
//
// Source: the EKS API reference.
package eks

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/schemas"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// Cluster is a Kubernetes control plane.
type Cluster struct {
	Name            string
	Account, Region string
	// Endpoint is the address of the API server: "https://127.0.0.1:6443".
	Endpoint string
	// CA is the certificate, in PEM, that the API server's was signed with.
	CA []byte
	// Version is "1.36"; it is left out of answers when empty.
	Version string
	// Issuer is the URL of the issuer of service account tokens, if there is one.
	Issuer string
	// ServiceRange is the block of the addresses of Services, if it is known.
	ServiceRange string
	// VPC, Subnets and SecurityGroup are the IDs of where the cluster stands, if it
	// stands anywhere in EC2.
	VPC           string
	Subnets       []string
	SecurityGroup string
	Created       time.Time
}

// EKS is the service. It is safe for concurrent use.
type EKS struct{ clusters []Cluster }

// New returns the service over clusters.
func New(clusters []Cluster) *EKS {
	sorted := slices.Clone(clusters)
	slices.SortFunc(sorted, func(a, b Cluster) int { return strings.Compare(a.Name, b.Name) })
	return &EKS{sorted}
}

// Service returns the API.
func (e *EKS) Service() *wire.Service {
	service := &wire.Service{Name: "eks", Protocol: wire.RestJSON, Differences: differsFromAWS}
	wire.RegisterREST(service, schemas.ListClusters, e.listClusters)
	wire.RegisterREST(service, schemas.DescribeCluster, e.describeCluster)
	return service
}

// here are the clusters that a caller sees, by name.
func (e *EKS) here(ctx context.Context) []Cluster {
	call := wire.CallOf(ctx)
	return slices.DeleteFunc(slices.Clone(e.clusters), func(c Cluster) bool { return c.Account != call.Account || c.Region != call.Region })
}

func (e *EKS) listClusters(ctx context.Context, in *eks.ListClustersInput) (*eks.ListClustersOutput, error) {
	page, next := wire.Page(e.here(ctx), in.NextToken, in.MaxResults, 100, func(c Cluster) string { return c.Name })
	out := &eks.ListClustersOutput{NextToken: next}
	for _, c := range page {
		out.Clusters = append(out.Clusters, c.Name)
	}
	return out, nil
}

func (e *EKS) describeCluster(ctx context.Context, in *eks.DescribeClusterInput) (*eks.DescribeClusterOutput, error) {
	for _, c := range e.here(ctx) {
		if c.Name == aws.ToString(in.Name) {
			return &eks.DescribeClusterOutput{Cluster: c.answer()}, nil
		}
	}
	return nil, &types.ResourceNotFoundException{Message: aws.String(fmt.Sprintf("No cluster found for name: %s.", aws.ToString(in.Name)))}
}

func (c Cluster) answer() *types.Cluster {
	answer := &types.Cluster{
		Name: aws.String(c.Name), Arn: aws.String("arn:aws:eks:" + c.Region + ":" + c.Account + ":cluster/" + c.Name),
		Endpoint: aws.String(c.Endpoint), Status: types.ClusterStatusActive, Tags: map[string]string{},
		CertificateAuthority: &types.Certificate{Data: aws.String(base64.StdEncoding.EncodeToString(c.CA))},
	}
	if !c.Created.IsZero() {
		answer.CreatedAt = aws.Time(c.Created)
	}
	if c.Version != "" {
		answer.Version = aws.String(c.Version)
	}
	if c.Issuer != "" {
		answer.Identity = &types.Identity{Oidc: &types.OIDC{Issuer: aws.String(c.Issuer)}}
	}
	if c.ServiceRange != "" {
		answer.KubernetesNetworkConfig = &types.KubernetesNetworkConfigResponse{ServiceIpv4Cidr: aws.String(c.ServiceRange), IpFamily: types.IpFamilyIpv4}
	}
	if c.VPC != "" {
		answer.ResourcesVpcConfig = &types.VpcConfigResponse{
			VpcId: aws.String(c.VPC), SubnetIds: c.Subnets, ClusterSecurityGroupId: aws.String(c.SecurityGroup), SecurityGroupIds: []string{},
			EndpointPublicAccess: true, PublicAccessCidrs: []string{"0.0.0.0/0"},
		}
	}
	return answer
}
