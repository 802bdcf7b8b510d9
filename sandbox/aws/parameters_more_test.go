package aws_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
)

func TestParameterLabels(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := start(t, sandbox.Options{Dir: dir})
	client, ctx, name := ssm.NewFromConfig(w.Config), t.Context(), aws.String("/app/p")
	for i := range 3 {
		do(t, client.PutParameter, &ssm.PutParameterInput{Name: name, Value: aws.String(fmt.Sprint(i + 1)), Type: types.ParameterTypeString, Overwrite: aws.Bool(true)})
	}
	out := do(t, client.LabelParameterVersion, &ssm.LabelParameterVersionInput{Name: name, ParameterVersion: aws.Int64(1), Labels: []string{"live", "1st", "aws-x"}})
	if !cmp.Equal(out.InvalidLabels, []string{"1st", "aws-x"}) || out.ParameterVersion != 1 {
		t.Errorf("label = %+v", out)
	}
	_, err := client.LabelParameterVersion(ctx, &ssm.LabelParameterVersionInput{Name: name, ParameterVersion: aws.Int64(9), Labels: []string{"x"}})
	wantCode(t, err, "ParameterVersionNotFound")
	do(t, client.LabelParameterVersion, &ssm.LabelParameterVersionInput{Name: name, ParameterVersion: aws.Int64(2), Labels: []string{"live"}})

	w.stop() // everything is there after a restart
	w = start(t, sandbox.Options{Dir: dir})
	client = ssm.NewFromConfig(w.Config)
	got := do(t, client.GetParameter, &ssm.GetParameterInput{Name: aws.String("/app/p:live")})
	if *got.Parameter.Value != "2" || *got.Parameter.Selector != ":live" {
		t.Errorf("the live version = %+v", got.Parameter)
	}
	removed := do(t, client.UnlabelParameterVersion, &ssm.UnlabelParameterVersionInput{Name: name, ParameterVersion: aws.Int64(2), Labels: []string{"live", "none"}})
	if !cmp.Equal(removed.RemovedLabels, []string{"live"}) || !cmp.Equal(removed.InvalidLabels, []string{"none"}) {
		t.Errorf("unlabel = %+v", removed)
	}
	_, err = client.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/app/p:live")})
	wantCode(t, err, "ParameterVersionNotFound")
	n := 0
	pages := ssm.NewGetParameterHistoryPaginator(client, &ssm.GetParameterHistoryInput{Name: name, MaxResults: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		n += len(page.Parameters)
	}
	if n != 3 {
		t.Errorf("%d versions by pages, want 3", n)
	}
}

func TestParameterFiltersAndTags(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client, ctx := ssm.NewFromConfig(w.Config), t.Context()
	for name, kind := range map[string]types.ParameterType{"/a/one": types.ParameterTypeString, "/a/b/two": types.ParameterTypeStringList, "/c/three": types.ParameterTypeSecureString} {
		do(t, client.PutParameter, &ssm.PutParameterInput{Name: &name, Value: aws.String("x,y"), Type: kind})
	}
	tag := func(id string) error {
		_, err := client.AddTagsToResource(ctx, &ssm.AddTagsToResourceInput{ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: &id, Tags: []types.Tag{{Key: aws.String("owner"), Value: aws.String("us")}, {Key: aws.String("x"), Value: aws.String("y")}}})
		return err
	}
	if err := tag("/a/one"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, tag("/none"), "InvalidResourceId")
	do(t, client.RemoveTagsFromResource, &ssm.RemoveTagsFromResourceInput{ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: aws.String("/a/one"), TagKeys: []string{"x"}})
	_, err := client.RemoveTagsFromResource(ctx, &ssm.RemoveTagsFromResourceInput{ResourceType: types.ResourceTypeForTaggingDocument, ResourceId: aws.String("d"), TagKeys: []string{"x"}})
	wantCode(t, err, "InvalidResourceType")

	filter := func(key, option string, values ...string) types.ParameterStringFilter {
		f := types.ParameterStringFilter{Key: &key, Values: values}
		if option != "" {
			f.Option = &option
		}
		return f
	}
	describe := func(in *ssm.DescribeParametersInput) (names []string) {
		t.Helper()
		for _, p := range do(t, client.DescribeParameters, in).Parameters {
			names = append(names, *p.Name)
		}
		return names
	}
	for _, test := range []struct {
		filter types.ParameterStringFilter
		want   []string
	}{
		{filter("Path", "Recursive", "/a"), []string{"/a/b/two", "/a/one"}},
		{filter("Path", "OneLevel", "/a"), []string{"/a/one"}},
		{filter("Type", "", "StringList", "SecureString"), []string{"/a/b/two", "/c/three"}},
		{filter("KeyId", "", "alias/aws/ssm"), []string{"/c/three"}},
		{filter("Name", "Contains", "t"), []string{"/a/b/two", "/c/three"}},
		{filter("tag:owner", "", "us"), []string{"/a/one"}},
		{filter("tag:x", ""), nil},
		{filter("Tier", "", "Advanced"), nil},
	} {
		if got := describe(&ssm.DescribeParametersInput{ParameterFilters: []types.ParameterStringFilter{test.filter}}); !cmp.Equal(got, test.want) {
			t.Errorf("filter %s %v: %v, want %v", *test.filter.Key, test.filter.Values, got, test.want)
		}
	}
	if got := describe(&ssm.DescribeParametersInput{Filters: []types.ParametersFilter{{Key: types.ParametersFilterKeyName, Values: []string{"/c"}}}}); !cmp.Equal(got, []string{"/c/three"}) {
		t.Errorf("old filter: %v", got)
	}
	_, err = client.DescribeParameters(ctx, &ssm.DescribeParametersInput{ParameterFilters: []types.ParameterStringFilter{filter("Color", "", "red")}})
	wantCode(t, err, "InvalidFilterKey")
	_, err = client.DescribeParameters(ctx, &ssm.DescribeParametersInput{ParameterFilters: []types.ParameterStringFilter{filter("Name", "EndsWith", "x")}})
	wantCode(t, err, "InvalidFilterOption")
	byPath := do(t, client.GetParametersByPath, &ssm.GetParametersByPathInput{Path: aws.String("/"), Recursive: aws.Bool(true), ParameterFilters: []types.ParameterStringFilter{filter("Type", "", "String")}})
	if len(byPath.Parameters) != 1 {
		t.Errorf("by path and type: %+v", byPath.Parameters)
	}
}

func TestParameterTiers(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client := ssm.NewFromConfig(w.Config)
	put := func(size int, tier types.ParameterTier) (types.ParameterTier, error) {
		out, err := client.PutParameter(t.Context(), &ssm.PutParameterInput{Name: aws.String("p"), Value: aws.String(strings.Repeat("x", size)), Type: types.ParameterTypeString, Overwrite: aws.Bool(true), Tier: tier})
		if err != nil {
			return "", err
		}
		return out.Tier, nil
	}
	_, err := put(5000, "")
	wantCode(t, err, "ValidationException")
	for _, step := range []struct {
		size        int
		asked, want types.ParameterTier
	}{{10, types.ParameterTierIntelligentTiering, types.ParameterTierStandard}, {5000, types.ParameterTierIntelligentTiering, types.ParameterTierAdvanced}, {10, "", types.ParameterTierAdvanced}} {
		if got, err := put(step.size, step.asked); err != nil || got != step.want {
			t.Errorf("%d characters in tier %q: %s, %v, want %s", step.size, step.asked, got, err, step.want)
		}
	}
	_, err = put(10, types.ParameterTierStandard)
	wantCode(t, err, "ValidationException")
	_, err = put(9000, types.ParameterTierAdvanced)
	wantCode(t, err, "ValidationException")
}
