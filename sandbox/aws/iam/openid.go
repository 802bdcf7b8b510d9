package iam

import (
	"context"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/uuid"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// issuer is an OpenID Connect provider; its key is its ARN. AWS asks the issuer for
// the thumbprint that is not given; the sandbox opens no connection and leaves it out.
type issuer struct {
	ARN, Host              string // Host is the URL without its scheme
	ClientIDs, Thumbprints []string
	Created                time.Time
	Tags                   map[string]string
	Token                  string
}

var issuers = kind[issuer]{store.Table[issuer]{Name: "iam/issuers"}, func(arn string) string {
	return "OpenIDConnect Provider not found for arn " + arn
}}

func (i *IAM) registerOpenIDProviders(service *wire.Service) {
	wire.Register(service, "CreateOpenIDConnectProvider", i.createOpenIDConnectProvider)
	wire.Register(service, "GetOpenIDConnectProvider", i.getOpenIDConnectProvider)
	wire.Register(service, "ListOpenIDConnectProviders", i.listOpenIDConnectProviders)
	wire.Register(service, "DeleteOpenIDConnectProvider", i.deleteOpenIDConnectProvider)
	wire.Register(service, "UpdateOpenIDConnectProviderThumbprint", i.updateOpenIDConnectProviderThumbprint)
	wire.Register(service, "AddClientIDToOpenIDConnectProvider", i.addClientIDToOpenIDConnectProvider)
	wire.Register(service, "RemoveClientIDFromOpenIDConnectProvider", i.removeClientIDFromOpenIDConnectProvider)
	wire.Register(service, "TagOpenIDConnectProvider", i.tagOpenIDConnectProvider)
	wire.Register(service, "UntagOpenIDConnectProvider", i.untagOpenIDConnectProvider)
	wire.Register(service, "ListOpenIDConnectProviderTags", i.listOpenIDConnectProviderTags)
}

var thumbprintForm = regexp.MustCompile(`^[0-9a-fA-F]{40}$`)

func (i *IAM) newIssuer(account, address, token string) (issuer, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" {
		return issuer{}, wire.Errorf("ValidationError", "Invalid Open ID Connect Provider URL %q: it must begin with https://, and have no query", address)
	}
	host := strings.TrimPrefix(address, "https://")
	return issuer{
		ARN: issuerARN(account, host), Host: host, Created: i.pace.Now(), Token: token,
	}, nil
}

// addIssuer puts a new provider into the store. One of the same token is the same call.
func addIssuer(tx *store.Tx, scope store.Scope, made issuer) error {
	old, exists, err := issuers.Get(tx, scope, made.ARN)
	if err != nil || exists && old.Token == made.Token {
		return err
	}
	if exists {
		return entityExists("Provider with url https://" + made.Host + " already exists.")
	}
	return issuers.Put(tx, scope, made.ARN, made)
}

func (p *issuer) set(clientIDs, thumbprints []string) error {
	for _, t := range thumbprints {
		if !thumbprintForm.MatchString(t) {
			return wire.Errorf("ValidationError", "The thumbprint %q must have 40 hexadecimal digits", t)
		}
	}
	if len(thumbprints) > 5 || len(clientIDs) > 100 {
		return &wire.Error{Code: "LimitExceeded", Message: "An OpenID Connect provider has at most 5 thumbprints and 100 client IDs.", HTTPStatus: 409}
	}
	p.ClientIDs, p.Thumbprints = clientIDs, thumbprints
	return nil
}

func (i *IAM) createOpenIDConnectProvider(ctx context.Context, in *iam.CreateOpenIDConnectProviderInput) (*iam.CreateOpenIDConnectProviderOutput, error) {
	made, err := i.newIssuer(scopeOf(ctx).Account, aws.ToString(in.Url), uuid.NewString())
	if err != nil {
		return nil, err
	}
	if err := made.set(in.ClientIDList, in.ThumbprintList); err != nil {
		return nil, err
	}
	made.Tags = with(nil, in.Tags)
	err = i.store.Update(func(tx *store.Tx) error { return addIssuer(tx, scopeOf(ctx), made) })
	return &iam.CreateOpenIDConnectProviderOutput{OpenIDConnectProviderArn: &made.ARN, Tags: tagList(made.Tags)}, err
}

func (i *IAM) getOpenIDConnectProvider(ctx context.Context, in *iam.GetOpenIDConnectProviderInput) (*iam.GetOpenIDConnectProviderOutput, error) {
	found, err := issuers.read(ctx, i, in.OpenIDConnectProviderArn)
	return &iam.GetOpenIDConnectProviderOutput{
		Url: &found.Host, ClientIDList: found.ClientIDs, ThumbprintList: found.Thumbprints, CreateDate: &found.Created, Tags: tagList(found.Tags),
	}, err
}

func (i *IAM) listOpenIDConnectProviders(ctx context.Context, _ *iam.ListOpenIDConnectProvidersInput) (*iam.ListOpenIDConnectProvidersOutput, error) {
	all, err := issuers.list(ctx, i)
	out := &iam.ListOpenIDConnectProvidersOutput{}
	for _, p := range all {
		out.OpenIDConnectProviderList = append(out.OpenIDConnectProviderList, types.OpenIDConnectProviderListEntry{Arn: aws.String(p.ARN)})
	}
	return out, err
}

// deleteOpenIDConnectProvider deletes what is not there, too: AWS calls that a success.
func (i *IAM) deleteOpenIDConnectProvider(ctx context.Context, in *iam.DeleteOpenIDConnectProviderInput) (*iam.DeleteOpenIDConnectProviderOutput, error) {
	return nil, i.store.Update(func(tx *store.Tx) error {
		return issuers.Delete(tx, scopeOf(ctx), aws.ToString(in.OpenIDConnectProviderArn))
	})
}

func (i *IAM) updateOpenIDConnectProviderThumbprint(ctx context.Context, in *iam.UpdateOpenIDConnectProviderThumbprintInput) (*iam.UpdateOpenIDConnectProviderThumbprintOutput, error) {
	return nil, issuers.change(ctx, i, in.OpenIDConnectProviderArn, func(p *issuer) error {
		return p.set(p.ClientIDs, in.ThumbprintList)
	})
}

func (i *IAM) addClientIDToOpenIDConnectProvider(ctx context.Context, in *iam.AddClientIDToOpenIDConnectProviderInput) (*iam.AddClientIDToOpenIDConnectProviderOutput, error) {
	return nil, issuers.change(ctx, i, in.OpenIDConnectProviderArn, func(p *issuer) error {
		if slices.Contains(p.ClientIDs, aws.ToString(in.ClientID)) {
			return nil
		}
		return p.set(append(p.ClientIDs, aws.ToString(in.ClientID)), p.Thumbprints)
	})
}

func (i *IAM) removeClientIDFromOpenIDConnectProvider(ctx context.Context, in *iam.RemoveClientIDFromOpenIDConnectProviderInput) (*iam.RemoveClientIDFromOpenIDConnectProviderOutput, error) {
	return nil, issuers.change(ctx, i, in.OpenIDConnectProviderArn, func(p *issuer) error {
		p.ClientIDs = slices.DeleteFunc(p.ClientIDs, func(id string) bool { return id == aws.ToString(in.ClientID) })
		return nil
	})
}

func (i *IAM) tagOpenIDConnectProvider(ctx context.Context, in *iam.TagOpenIDConnectProviderInput) (*iam.TagOpenIDConnectProviderOutput, error) {
	return nil, issuers.change(ctx, i, in.OpenIDConnectProviderArn, func(p *issuer) error {
		p.Tags = with(p.Tags, in.Tags)
		return nil
	})
}

func (i *IAM) untagOpenIDConnectProvider(ctx context.Context, in *iam.UntagOpenIDConnectProviderInput) (*iam.UntagOpenIDConnectProviderOutput, error) {
	return nil, issuers.change(ctx, i, in.OpenIDConnectProviderArn, func(p *issuer) error {
		p.Tags = without(p.Tags, in.TagKeys)
		return nil
	})
}

func (i *IAM) listOpenIDConnectProviderTags(ctx context.Context, in *iam.ListOpenIDConnectProviderTagsInput) (*iam.ListOpenIDConnectProviderTagsOutput, error) {
	found, err := issuers.read(ctx, i, in.OpenIDConnectProviderArn)
	return &iam.ListOpenIDConnectProviderTagsOutput{Tags: tagList(found.Tags)}, err
}

// ClientIDs are those of the provider at https://host; found is false where the
// account has no such provider.
func (i *IAM) ClientIDs(account, host string) (ids []string, found bool, err error) {
	err = i.store.View(func(tx *store.Tx) error {
		var p issuer
		p, found, err = issuers.Get(tx, store.Scope{Account: account}, issuerARN(account, host))
		ids = p.ClientIDs
		return err
	})
	return ids, found, err
}

func issuerARN(account, host string) string {
	return "arn:aws:iam::" + account + ":oidc-provider/" + host
}

// openIDProvider drives AWS::IAM::OIDCProvider. Its physical ID is the ARN.
type openIDProvider struct{ *IAM }

func (p openIDProvider) Create(ctx context.Context, request resource.Request) (resource.State, error) {
	address, err := resource.Props(request.Properties).Required("Url")
	if err != nil {
		return resource.State{}, err
	}
	made, err := p.newIssuer(request.Account, address, request.Token)
	if err == nil {
		err = made.read(request)
	}
	if err == nil {
		err = p.store.Update(func(tx *store.Tx) error { return addIssuer(tx, store.Scope{Account: request.Account}, made) })
	}
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return issuerState(made.ARN), p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Create))
}

func (p openIDProvider) Update(ctx context.Context, request resource.Request) (resource.State, error) {
	scope := store.Scope{Account: request.Account}
	err := p.store.Update(func(tx *store.Tx) error {
		found, err := issuers.find(tx, scope, request.PhysicalID)
		if err != nil {
			return err
		}
		if err := found.read(request); err != nil {
			return err
		}
		return issuers.Put(tx, scope, found.ARN, found)
	})
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return issuerState(request.PhysicalID), p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Update))
}

func (p openIDProvider) Delete(ctx context.Context, request resource.Request) error {
	scope := store.Scope{Account: request.Account}
	if err := p.store.Update(func(tx *store.Tx) error { return issuers.Delete(tx, scope, request.PhysicalID) }); err != nil {
		return err
	}
	return p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Delete))
}

// read gives the provider what its properties say.
func (p *issuer) read(request resource.Request) error {
	properties := resource.Props(request.Properties)
	clientIDs, err := properties.Strings("ClientIdList")
	if err != nil {
		return err
	}
	thumbprints, err := properties.Strings("ThumbprintList")
	if err != nil {
		return err
	}
	if p.Tags, err = properties.Tags("Tags", request.Tags); err != nil {
		return err
	}
	return p.set(clientIDs, thumbprints)
}

func issuerState(arn string) resource.State {
	return resource.State{PhysicalID: arn, Ref: arn, Attributes: map[string]any{"Arn": arn}}
}
