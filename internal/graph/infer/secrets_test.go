package infer

import (
	"strings"
	"testing"
)

// An ExternalSecret that reads through a store, and a template with what it reads.
const (
	external = `
-- reader.yaml --
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: es}
spec:
  secretStoreRef: {name: aws, kind: SecretStore}
  data: [{secretKey: k, remoteRef: {key: shop/db}}]
`
	awsSecret = `
-- vault.yaml --
Resources:
  S: {Type: AWS::SecretsManager::Secret, Properties: {Name: shop/db, Tags: [{Key: team, Value: shop}, {Key: tier, Value: data}]}}
`
	reads = "reader needs vault: ExternalSecret es reads shop/db, reader.yaml:1\n"
)

func store(provider string) string {
	return "-- store.yaml --\napiVersion: external-secrets.io/v1\nkind: SecretStore\nmetadata: {name: aws}\nspec: {provider: " + provider + "}\n"
}

func TestSecretsOfAWS(t *testing.T) {
	t.Parallel()
	byKey := func(key string) string { return strings.Replace(external, "key: shop/db", "key: \""+key+"\"", 1) }
	from := func(source string) string {
		return strings.Replace(external, "data: [{secretKey: k, remoteRef: {key: shop/db}}]", "dataFrom: [{"+source+"}]", 1) + awsSecret
	}
	arn := "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/db-a1B2c3"
	others := []edit{{"Name: shop/db", "Name: shop/db2"}, {"Name: shop/db", "Name: db"}, {"Name: shop/db, ", ""}, {"kind: ExternalSecret", "kind: PushSecret"}, {"external-secrets.io/v1", "example.com/v1"}}
	for name, r := range map[string]rule{
		"by name": {external + awsSecret, reads, append([]edit{{"key: shop/db", "key: \"${OPEN}\""}, {"k, remoteRef", "k, sourceRef: {generatorRef: {name: x}}, remoteRef"}}, others...)},
		"by name, with the stack's": {byKey("production-vault/db") + strings.Replace(awsSecret, "shop/db", "!Sub '${AWS::StackName}/db'", 1),
			strings.ReplaceAll(reads, "shop/db", "production-vault/db"), []edit{{"AWS::StackName", "AWS::AccountId"}}},
		"all of its keys": {from("extract: {key: shop/db}"), reads, others},
		"by ARN": {byKey(arn) + awsSecret, strings.Replace(reads, "reads shop/db", "reads "+arn, 1),
			[]edit{{"eu-west-1:", "us-east-1:"}, {"Name: shop/db", "Name: shop/d"}, {"secret:shop", "rotation:shop"}}},
		"by tags": {from("find: {tags: {team: shop}}"), "reader needs vault: ExternalSecret es reads the secrets with its tags, reader.yaml:1",
			[]edit{{"{team: shop}", "{team: blog}"}, {"{team: shop}", "{team: shop, x: y}"}, {"{team: shop}", "{}"}, {"{tags:", "{path: x, tags:"}}},
		"a parameter": {external + "-- vault.yaml --\nResources: {P: {Type: AWS::SSM::Parameter, Properties: {Name: shop/db, Type: String, Value: x}}}\n", reads,
			[]edit{{"Name: shop/db", "Name: /shop/db"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r.check(t)
		})
	}
}

// A store that is known decides what can be read through it.
func TestStores(t *testing.T) {
	t.Parallel()
	through := "reader needs store: ExternalSecret es reads through SecretStore shop/aws, reader.yaml:1\n"
	for provider, want := range map[string]string{
		"{aws: {service: SecretsManager}}":                    through + reads,
		"{aws: {service: SecretsManager, region: eu-west-1}}": through + reads,
		"{aws: {service: SecretsManager, region: us-east-1}}": through,
		"{aws: {service: ParameterStore}}":                    through,
		"{vault: {server: x}}":                                through,
	} {
		if got := printed(edgesOf(t, external+awsSecret+store(provider))); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", provider, got, want)
		}
	}
	rule{external + store("{vault: {}}"), through, []edit{
		{"{name: aws, kind: SecretStore}", "{name: aws, kind: ClusterSecretStore}"}, {"{name: es}", "{name: es, namespace: other}"}, {"metadata: {name: aws}", "metadata: {name: aws2}"},
	}}.check(t)
}

func TestSecretsThatExternalSecretsWrite(t *testing.T) {
	t.Parallel()
	writer := "-- writer.yaml --\napiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: a}\nspec: {target: {creationPolicy: Owner}}\n"
	files := pod + "  imagePullSecrets: [{name: a}]\n" + writer
	want := "app needs writer: Pod app pulls images with Secret shop/a (written by ExternalSecret a), app.yaml:1"
	rule{files, want, append([]edit{{"target: {", "target: {name: b, "}, {"Owner", "None"}}, lookalikes...)}.check(t)
	named := strings.Replace(strings.Replace(files, "metadata: {name: a}", "metadata: {name: other}", 1), "target: {", "target: {name: a, ", 1)
	rule{named, strings.Replace(want, "ExternalSecret a", "ExternalSecret other", 1), []edit{{"{name: a, ", "{"}}}.check(t)
}
