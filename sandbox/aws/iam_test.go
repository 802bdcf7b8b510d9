package aws_test

import (
	"net/url"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
)

const (
	trustPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}}]}`
	readOnly    = "arn:aws:iam::aws:policy/ReadOnlyAccess"
)

func TestRolesByAPI(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := start(t, sandbox.Options{Dir: dir})
	client, ctx, name := iam.NewFromConfig(w.Config), t.Context(), aws.String("deploy")
	create := &iam.CreateRoleInput{
		RoleName: name, Path: aws.String("/app/"), AssumeRolePolicyDocument: aws.String(trustPolicy), MaxSessionDuration: aws.Int32(7200),
		Tags: []types.Tag{{Key: aws.String("owner"), Value: aws.String("us")}},
	}
	made := do(t, client.CreateRole, create)
	if got, want := *made.Role.Arn, "arn:aws:iam::"+account+":role/app/deploy"; got != want {
		t.Errorf("ARN = %s, want %s", got, want)
	}
	_, err := client.CreateRole(ctx, create)
	wantCode(t, err, "EntityAlreadyExists")
	_, err = client.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("x"), AssumeRolePolicyDocument: aws.String("{")})
	wantCode(t, err, "MalformedPolicyDocument")
	_, err = client.UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: name, MaxSessionDuration: aws.Int32(1)})
	wantCode(t, err, "ValidationError")
	do(t, client.UpdateRole, &iam.UpdateRoleInput{RoleName: name, Description: aws.String("deploys")})
	do(t, client.UpdateAssumeRolePolicy, &iam.UpdateAssumeRolePolicyInput{RoleName: name, PolicyDocument: aws.String(`{"Statement": []}`)})
	do(t, client.PutRolePolicy, &iam.PutRolePolicyInput{RoleName: name, PolicyName: aws.String("inline"), PolicyDocument: aws.String(trustPolicy)})
	do(t, client.AttachRolePolicy, &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: aws.String(readOnly)})
	_, err = client.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: aws.String("arn:aws:iam::" + account + ":policy/none")})
	wantCode(t, err, "NoSuchEntity")
	do(t, client.TagRole, &iam.TagRoleInput{RoleName: name, Tags: []types.Tag{{Key: aws.String("stage"), Value: aws.String("test")}}})
	do(t, client.UntagRole, &iam.UntagRoleInput{RoleName: name, TagKeys: []string{"owner"}})

	w.stop() // everything is there after a restart
	w = start(t, sandbox.Options{Dir: dir})
	client = iam.NewFromConfig(w.Config)
	got := do(t, client.GetRole, &iam.GetRoleInput{RoleName: name})
	trust, err := url.PathUnescape(*got.Role.AssumeRolePolicyDocument)
	if err != nil || trust != `{"Statement": []}` || *got.Role.Description != "deploys" || *got.Role.MaxSessionDuration != 7200 {
		t.Errorf("role = %+v, trust %s", got.Role, trust)
	}
	tags := do(t, client.ListRoleTags, &iam.ListRoleTagsInput{RoleName: name})
	if len(tags.Tags) != 1 || *tags.Tags[0].Key != "stage" {
		t.Errorf("tags = %v", tags.Tags)
	}
	_, err = client.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})
	wantCode(t, err, "DeleteConflict")
	do(t, client.DetachRolePolicy, &iam.DetachRolePolicyInput{RoleName: name, PolicyArn: aws.String(readOnly)})
	_, err = client.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: name, PolicyArn: aws.String(readOnly)})
	wantCode(t, err, "NoSuchEntity")
	_, err = client.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})
	wantCode(t, err, "DeleteConflict")
	do(t, client.DeleteRolePolicy, &iam.DeleteRolePolicyInput{RoleName: name, PolicyName: aws.String("inline")})
	do(t, client.DeleteRole, &iam.DeleteRoleInput{RoleName: name})
	_, err = client.GetRole(ctx, &iam.GetRoleInput{RoleName: name})
	wantCode(t, err, "NoSuchEntity")
	_, err = client.SimulatePrincipalPolicy(ctx, &iam.SimulatePrincipalPolicyInput{PolicySourceArn: made.Role.Arn, ActionNames: []string{"s3:GetObject"}})
	wantCode(t, err, "InvalidAction")
}

func TestManagedPolicies(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client, ctx := iam.NewFromConfig(w.Config), t.Context()
	made := do(t, client.CreatePolicy, &iam.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: aws.String(`{"v": 1}`)})
	arn := made.Policy.Arn
	_, err := client.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: aws.String(`{}`)})
	wantCode(t, err, "EntityAlreadyExists")
	for range 4 {
		do(t, client.CreatePolicyVersion, &iam.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: aws.String(`{"v": 2}`), SetAsDefault: true})
	}
	_, err = client.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: aws.String(`{}`)})
	wantCode(t, err, "LimitExceeded")
	_, err = client.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v5")})
	wantCode(t, err, "DeleteConflict")
	_, err = client.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: arn})
	wantCode(t, err, "DeleteConflict")
	do(t, client.SetDefaultPolicyVersion, &iam.SetDefaultPolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v1")})
	for _, id := range []string{"v2", "v3", "v4", "v5"} {
		do(t, client.DeletePolicyVersion, &iam.DeletePolicyVersionInput{PolicyArn: arn, VersionId: aws.String(id)})
	}
	version := do(t, client.GetPolicyVersion, &iam.GetPolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v1")})
	if document, _ := url.PathUnescape(*version.PolicyVersion.Document); document != `{"v": 1}` || !version.PolicyVersion.IsDefaultVersion {
		t.Errorf("v1 = %+v", version.PolicyVersion)
	}
	_, err = client.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v2")})
	wantCode(t, err, "NoSuchEntity")
	do(t, client.CreateRole, &iam.CreateRoleInput{RoleName: aws.String("r"), AssumeRolePolicyDocument: aws.String("{}")})
	do(t, client.AttachRolePolicy, &iam.AttachRolePolicyInput{RoleName: aws.String("r"), PolicyArn: arn})
	_, err = client.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: arn})
	wantCode(t, err, "DeleteConflict")
	entities := do(t, client.ListEntitiesForPolicy, &iam.ListEntitiesForPolicyInput{PolicyArn: arn})
	list := do(t, client.ListPolicies, &iam.ListPoliciesInput{OnlyAttached: true, Scope: types.PolicyScopeTypeLocal})
	if len(entities.PolicyRoles) != 1 || len(list.Policies) != 1 || *list.Policies[0].AttachmentCount != 1 {
		t.Errorf("attached to %v, policies %v", entities.PolicyRoles, list.Policies)
	}
	do(t, client.DetachRolePolicy, &iam.DetachRolePolicyInput{RoleName: aws.String("r"), PolicyArn: arn})
	do(t, client.DeletePolicy, &iam.DeletePolicyInput{PolicyArn: arn})
	_, err = client.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: arn})
	wantCode(t, err, "NoSuchEntity")
}

func TestManagedPolicyResource(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client := iam.NewFromConfig(w.Config)
	roles := []string{}
	for _, token := range []string{"r1", "r2"} {
		roles = append(roles, w.create(t, "AWS::IAM::Role", token, map[string]any{"AssumeRolePolicyDocument": map[string]any{}}).Ref)
	}
	properties := func(text string, role string) map[string]any {
		return map[string]any{"PolicyDocument": map[string]any{"Text": text}, "Roles": []any{role}}
	}
	first := properties("one", roles[0])
	made := w.create(t, "AWS::IAM::ManagedPolicy", "p", first)
	if again := w.create(t, "AWS::IAM::ManagedPolicy", "p", first); again.PhysicalID != made.PhysicalID {
		t.Errorf("the repeated call made %s, after %s", again.PhysicalID, made.PhysicalID)
	}
	for i, text := range []string{"two", "three", "four", "five", "six"} { // one more than there is room for
		if _, err := w.update(t, "AWS::IAM::ManagedPolicy", text, made.Ref, first, properties(text, roles[(i+1)%2])); err != nil {
			t.Fatal(err)
		}
		first = properties(text, roles[(i+1)%2])
	}
	for i, role := range roles {
		attached := do(t, client.ListAttachedRolePolicies, &iam.ListAttachedRolePoliciesInput{RoleName: &role})
		if want := []int{0, 1}[i]; len(attached.AttachedPolicies) != want {
			t.Errorf("role %d has %v, want %d policies", i, attached.AttachedPolicies, want)
		}
	}
	policy := do(t, client.GetPolicy, &iam.GetPolicyInput{PolicyArn: &made.Ref})
	versions := do(t, client.ListPolicyVersions, &iam.ListPolicyVersionsInput{PolicyArn: &made.Ref})
	if *policy.Policy.DefaultVersionId != "v6" || len(versions.Versions) != 5 {
		t.Errorf("default %s, versions %+v", *policy.Policy.DefaultVersionId, versions.Versions)
	}
	// The role's own update leaves what others attached.
	if _, err := w.update(t, "AWS::IAM::Role", "u", roles[1], nil, map[string]any{"AssumeRolePolicyDocument": map[string]any{}, "ManagedPolicyArns": []any{readOnly}}); err != nil {
		t.Fatal(err)
	}
	attached := do(t, client.ListAttachedRolePolicies, &iam.ListAttachedRolePoliciesInput{RoleName: &roles[1]})
	if len(attached.AttachedPolicies) != 2 {
		t.Errorf("attached = %v", attached.AttachedPolicies)
	}
	for range 2 {
		if err := w.delete(t, "AWS::IAM::ManagedPolicy", "d", made.Ref, first); err != nil {
			t.Error(err)
		}
	}
	_, err := w.tryCreate(t, "AWS::IAM::ManagedPolicy", "x", properties("", "none"))
	wantHandlerCode(t, err, resource.NotFound)
}

func TestInstanceProfiles(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client, ctx, name := iam.NewFromConfig(w.Config), t.Context(), aws.String("nodes")
	role := w.create(t, "AWS::IAM::Role", "r", map[string]any{"AssumeRolePolicyDocument": map[string]any{}}).Ref
	do(t, client.CreateInstanceProfile, &iam.CreateInstanceProfileInput{InstanceProfileName: name})
	_, err := client.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: name})
	wantCode(t, err, "EntityAlreadyExists")
	_, err = client.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: name, RoleName: aws.String("none")})
	wantCode(t, err, "NoSuchEntity")
	do(t, client.AddRoleToInstanceProfile, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: name, RoleName: &role})
	_, err = client.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: name, RoleName: &role})
	wantCode(t, err, "LimitExceeded")
	_, err = client.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &role})
	wantCode(t, err, "DeleteConflict")
	_, err = client.DeleteInstanceProfile(ctx, &iam.DeleteInstanceProfileInput{InstanceProfileName: name})
	wantCode(t, err, "DeleteConflict")

	properties := map[string]any{"Roles": []any{role}}
	made := w.create(t, "AWS::IAM::InstanceProfile", "p", properties)
	w.create(t, "AWS::IAM::InstanceProfile", "p", properties)
	list := do(t, client.ListInstanceProfilesForRole, &iam.ListInstanceProfilesForRoleInput{RoleName: &role})
	var names []string
	for _, p := range list.InstanceProfiles {
		names = append(names, *p.InstanceProfileName)
	}
	if want := []string{made.Ref, "nodes"}; !cmp.Equal(names, want) {
		t.Errorf("profiles of the role = %v, want %v", names, want)
	}
	wantHandlerCode(t, w.delete(t, "AWS::IAM::Role", "d", role, nil), resource.ResourceConflict)
	do(t, client.RemoveRoleFromInstanceProfile, &iam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: name, RoleName: &role})
	do(t, client.DeleteInstanceProfile, &iam.DeleteInstanceProfileInput{InstanceProfileName: name})
	for range 2 {
		if err := w.delete(t, "AWS::IAM::InstanceProfile", "d", made.Ref, properties); err != nil {
			t.Error(err)
		}
	}
	if err := w.delete(t, "AWS::IAM::Role", "d", role, nil); err != nil {
		t.Error(err)
	}
}

func TestOpenIDConnectProviders(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client, ctx, address := iam.NewFromConfig(w.Config), t.Context(), aws.String("https://oidc.eks.us-east-1.amazonaws.com/id/ABC")
	create := &iam.CreateOpenIDConnectProviderInput{Url: address, ClientIDList: []string{"sts.amazonaws.com"}}
	made := do(t, client.CreateOpenIDConnectProvider, create)
	arn := made.OpenIDConnectProviderArn
	if want := "arn:aws:iam::" + account + ":oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/ABC"; *arn != want {
		t.Errorf("ARN = %s, want %s", *arn, want)
	}
	_, err := client.CreateOpenIDConnectProvider(ctx, create)
	wantCode(t, err, "EntityAlreadyExists")
	_, err = client.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: aws.String("http://x")})
	wantCode(t, err, "ValidationError")
	do(t, client.AddClientIDToOpenIDConnectProvider, &iam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, ClientID: aws.String("two")})
	do(t, client.RemoveClientIDFromOpenIDConnectProvider, &iam.RemoveClientIDFromOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, ClientID: aws.String("sts.amazonaws.com")})
	thumbprint := "0123456789012345678901234567890123456789"
	do(t, client.UpdateOpenIDConnectProviderThumbprint, &iam.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderArn: arn, ThumbprintList: []string{thumbprint}})
	_, err = client.UpdateOpenIDConnectProviderThumbprint(ctx, &iam.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderArn: arn, ThumbprintList: []string{"x"}})
	wantCode(t, err, "ValidationError")
	got := do(t, client.GetOpenIDConnectProvider, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn})
	if *got.Url != (*address)[len("https://"):] || !slices.Equal(got.ClientIDList, []string{"two"}) || !slices.Equal(got.ThumbprintList, []string{thumbprint}) {
		t.Errorf("provider = %+v", got)
	}
	properties := map[string]any{"Url": *address + "D", "ClientIdList": []any{"sts.amazonaws.com"}}
	resourceARN := w.create(t, "AWS::IAM::OIDCProvider", "o", properties).Ref
	if again := w.create(t, "AWS::IAM::OIDCProvider", "o", properties).Ref; again != resourceARN {
		t.Errorf("the repeated call made %s, after %s", again, resourceARN)
	}
	list := do(t, client.ListOpenIDConnectProviders, &iam.ListOpenIDConnectProvidersInput{})
	if len(list.OpenIDConnectProviderList) != 2 {
		t.Errorf("providers = %v", list.OpenIDConnectProviderList)
	}
	do(t, client.DeleteOpenIDConnectProvider, &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn})
	_, err = client.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn})
	wantCode(t, err, "NoSuchEntity")
	if err := w.delete(t, "AWS::IAM::OIDCProvider", "d", resourceARN, properties); err != nil {
		t.Error(err)
	}
}

func TestServiceLinkedRoles(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client, ctx := iam.NewFromConfig(w.Config), t.Context()
	create := &iam.CreateServiceLinkedRoleInput{AWSServiceName: aws.String("elasticloadbalancing.amazonaws.com")}
	made := do(t, client.CreateServiceLinkedRole, create)
	if want := "arn:aws:iam::" + account + ":role/aws-service-role/elasticloadbalancing.amazonaws.com/AWSServiceRoleForElasticLoadBalancing"; *made.Role.Arn != want {
		t.Errorf("ARN = %s, want %s", *made.Role.Arn, want)
	}
	_, err := client.CreateServiceLinkedRole(ctx, create)
	wantCode(t, err, "InvalidInput")
	_, err = client.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: made.Role.RoleName})
	wantCode(t, err, "UnmodifiableEntity")
	task := do(t, client.DeleteServiceLinkedRole, &iam.DeleteServiceLinkedRoleInput{RoleName: made.Role.RoleName})
	status := do(t, client.GetServiceLinkedRoleDeletionStatus, &iam.GetServiceLinkedRoleDeletionStatusInput{DeletionTaskId: task.DeletionTaskId})
	if status.Status != types.DeletionTaskStatusTypeSucceeded {
		t.Errorf("status = %s", status.Status)
	}
	properties := map[string]any{"AWSServiceName": "eks.amazonaws.com"}
	state := w.create(t, "AWS::IAM::ServiceLinkedRole", "s", properties)
	if state.Ref != "AWSServiceRoleForAmazonEKS" {
		t.Errorf("Ref = %s", state.Ref)
	}
	_, err = w.tryCreate(t, "AWS::IAM::ServiceLinkedRole", "other", properties)
	wantHandlerCode(t, err, resource.AlreadyExists)
	if err := w.delete(t, "AWS::IAM::ServiceLinkedRole", "d", state.Ref, properties); err != nil {
		t.Error(err)
	}
}
