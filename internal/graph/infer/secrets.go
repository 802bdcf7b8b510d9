package infer

import (
	"regexp"
	"strings"
)

const externalSecrets = "external-secrets.io/"

func secretStore(r *reader, o object) {
	p := Provided{Thing: storeOf(o, o.GetKind(), o.GetName())}
	for _, aws := range each(o.Object, "spec", "provider", "aws") {
		region := text(aws, "region")
		if region == "" {
			region = r.place.Region
		}
		switch text(aws, "service") {
		case "SecretsManager":
			p.Holds = Thing{Kind: secret, Scope: region}
		case "ParameterStore":
			p.Holds = Thing{Kind: parameter, Scope: region}
		}
	}
	r.has(p)
}

// storeOf is a store as an object in its namespace, or a ClusterSecretStore, names it.
func storeOf(o object, kind, name string) Thing {
	if kind == "ClusterSecretStore" {
		return Thing{Kind: externalSecrets + kind, Name: name}
	}
	return o.in(externalSecrets+"SecretStore", name)
}

func externalSecret(r *reader, o object) {
	if text(o.Object, "spec", "target", "creationPolicy") != "None" {
		target := text(o.Object, "spec", "target", "name")
		if target == "" {
			target = o.GetName()
		}
		r.has(Provided{Thing: o.in("Secret", target), By: "written by " + o.String(), Later: true})
	}
	common := o.store(each(o.Object, "spec", "secretStoreRef"))
	if common != (Thing{}) {
		r.needs(o.need("reads through", common))
	}
	for _, entry := range append(each(o.Object, "spec", "data"), each(o.Object, "spec", "dataFrom")...) {
		store := common
		if own := o.store(each(entry, "sourceRef", "storeRef")); own != (Thing{}) {
			store = own
			r.needs(o.need("reads through", store))
		} else if len(each(entry, "sourceRef")) > 0 {
			continue // a generator makes it
		}
		for _, key := range append(texts(entry, "remoteRef", "key"), texts(entry, "extract", "key")...) {
			for _, t := range namedByKey(key, r.place.Region) {
				r.needs(Need{Thing: t, Store: store, Why: o.String() + " reads " + key, Source: o.source})
			}
		}
		for _, find := range each(entry, "find") {
			if len(each(find, "name")) == 0 && len(each(find, "path")) == 0 {
				r.needs(Need{Thing: Thing{Kind: secret, Scope: r.place.Region}, Labels: labels(find, "tags"), Store: store,
					Why: o.String() + " reads the secrets with its tags", Source: o.source})
			}
		}
	}
}

// store is what a reference names; zero for none.
func (o object) store(refs []any) Thing {
	for _, ref := range refs {
		if name := text(ref, "name"); name != "" {
			return storeOf(o, text(ref, "kind"), name)
		}
	}
	return Thing{}
}

// randomSuffix is what Secrets Manager adds to the name of a secret in its ARN.
var randomSuffix = regexp.MustCompile(`-[A-Za-z0-9]{6}$`)

// namedByKey are the things that a name or an ARN may stand for. The ARN of a secret
// can be given with its random suffix or without.
func namedByKey(key, region string) []Thing {
	if key == "" {
		return nil
	}
	arn, ok := parseARN(key)
	if !ok {
		return []Thing{{secret, region, key}, {parameter, region, key}}
	}
	switch name, isSecret := strings.CutPrefix(arn.resource, "secret:"); {
	case arn.service == "secretsmanager" && isSecret:
		things := []Thing{{secret, arn.region, name}}
		if short := randomSuffix.ReplaceAllString(name, ""); short != name {
			things = append(things, Thing{secret, arn.region, short})
		}
		return things
	case arn.service == "ssm":
		// parameter/a stands for "a" as it does for "/a".
		if name, ok := strings.CutPrefix(arn.resource, "parameter/"); ok {
			return []Thing{{parameter, arn.region, "/" + name}, {parameter, arn.region, name}}
		}
	}
	return nil
}

// arn is an Amazon Resource Name.
type arn struct{ service, region, resource string }

func parseARN(s string) (arn, bool) {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		return arn{}, false
	}
	return arn{parts[2], parts[3], parts[5]}, true
}
