package s3

import (
	"slices"
	"strconv"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
)

// set turns the properties of AWS::S3::Bucket into the documents that the API shows.
// Properties that stand for none of them are the sandbox's to ignore: they are about
// analytics, replication and the like.
func (b *bucket) set(request resource.Request) error {
	properties := resource.Props(request.Properties)
	var err error
	if b.Tags, err = properties.Tags("Tags", request.Tags); err != nil {
		return err
	}
	policy := b.Settings["policy"] // another resource's
	b.Settings = map[string]string{"ownershipControls": defaultOwnership}
	if policy != "" {
		b.Settings["policy"] = policy
	}
	for _, part := range []struct {
		property, setting string
		write             func(resource.Props) (string, error)
	}{
		{"VersioningConfiguration", "versioning", func(p resource.Props) (string, error) { return elements(p, "Status=Status!") }},
		{"PublicAccessBlockConfiguration", "publicAccessBlock", publicAccess},
		{"BucketEncryption", "encryption", encryption},
		{"LifecycleConfiguration", "lifecycle", lifecycle},
		{"CorsConfiguration", "cors", cors},
		{"OwnershipControls", "ownershipControls", ownership},
		{"NotificationConfiguration", "notification", notification},
		{"AccelerateConfiguration", "accelerate", func(p resource.Props) (string, error) { return elements(p, "AccelerationStatus=Status!") }},
		{"LoggingConfiguration", "logging", logging},
		{"WebsiteConfiguration", "website", website},
	} {
		given, err := properties.Object(part.property)
		if err != nil {
			return err
		}
		if given == nil {
			continue
		}
		content, err := part.write(given)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(settings, func(s setting) bool { return s.parameter == part.setting })
		text := document(settings[at].root, content)
		if err := settings[at].check([]byte(text)); err != nil {
			return resource.Invalid("property %s has a value that S3 does not know", part.property)
		}
		b.Settings[part.setting] = text
	}
	return nil
}

// elements writes texts as elements. A name is "Property" or "Property=Element", and
// ends in "!" where the property must be there.
func elements(p resource.Props, names ...string) (string, error) {
	out := ""
	for _, name := range names {
		name, required := strings.CutSuffix(name, "!")
		property, tag, ok := strings.Cut(name, "=")
		if !ok {
			tag = property
		}
		read := p.String
		if required {
			read = p.Required
		}
		value, err := read(property)
		if err != nil {
			return "", err
		}
		if value != "" {
			out += element(tag, value)
		}
	}
	return out, nil
}

// each writes an element for each object of a list.
func each(p resource.Props, property, tag string, write func(resource.Props) (string, error)) (string, error) {
	list, err := p.Objects(property)
	out := ""
	for _, item := range list {
		content, err := write(item)
		if err != nil {
			return "", err
		}
		out += "<" + tag + ">" + content + "</" + tag + ">"
	}
	return out, err
}

// texts writes an element for each text of a list.
func texts(p resource.Props, property, tag string) (string, error) {
	list, err := p.Strings(property)
	out := ""
	for _, text := range list {
		out += element(tag, text)
	}
	return out, err
}

// join puts together what several writers wrote.
func join(written ...func() (string, error)) (string, error) {
	out := ""
	for _, write := range written {
		text, err := write()
		if err != nil {
			return "", err
		}
		out += text
	}
	return out, nil
}

func publicAccess(p resource.Props) (string, error) {
	out := ""
	for _, name := range []string{"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"} {
		on, err := p.Bool(name)
		if err != nil {
			return "", err
		}
		out += element(name, strconv.FormatBool(on))
	}
	return out, nil
}

func encryption(p resource.Props) (string, error) {
	return each(p, "ServerSideEncryptionConfiguration", "Rule", func(rule resource.Props) (string, error) {
		byDefault, err := rule.Object("ServerSideEncryptionByDefault")
		if err != nil {
			return "", err
		}
		inner, err := elements(byDefault, "SSEAlgorithm!", "KMSMasterKeyID")
		if err != nil {
			return "", err
		}
		outer, err := elements(rule, "BucketKeyEnabled")
		return "<ApplyServerSideEncryptionByDefault>" + inner + "</ApplyServerSideEncryptionByDefault>" + outer, err
	})
}

func ownership(p resource.Props) (string, error) {
	return each(p, "Rules", "Rule", func(rule resource.Props) (string, error) { return elements(rule, "ObjectOwnership!") })
}

func lifecycle(p resource.Props) (string, error) {
	return each(p, "Rules", "Rule", func(rule resource.Props) (string, error) {
		prefix, err := rule.String("Prefix")
		if err != nil {
			return "", err
		}
		within := func(property string, names ...string) func() (string, error) {
			return func() (string, error) {
				given, err := rule.Object(property)
				if err != nil || given == nil {
					return "", err
				}
				content, err := elements(given, names...)
				return "<" + property + ">" + content + "</" + property + ">", err
			}
		}
		return join(
			func() (string, error) { return elements(rule, "Id=ID") },
			func() (string, error) { return "<Filter>" + element("Prefix", prefix) + "</Filter>", nil },
			func() (string, error) { return elements(rule, "Status!") },
			func() (string, error) {
				content, err := elements(rule, "ExpirationInDays=Days", "ExpirationDate=Date", "ExpiredObjectDeleteMarker")
				if content != "" {
					content = "<Expiration>" + content + "</Expiration>"
				}
				return content, err
			},
			func() (string, error) {
				return each(rule, "Transitions", "Transition", func(t resource.Props) (string, error) {
					return elements(t, "TransitionInDays=Days", "TransitionDate=Date", "StorageClass!")
				})
			},
			within("NoncurrentVersionExpiration", "NoncurrentDays", "NewerNoncurrentVersions"),
			within("AbortIncompleteMultipartUpload", "DaysAfterInitiation"),
		)
	})
}

func cors(p resource.Props) (string, error) {
	return each(p, "CorsRules", "CORSRule", func(rule resource.Props) (string, error) {
		return join(
			func() (string, error) { return elements(rule, "Id=ID") },
			func() (string, error) { return texts(rule, "AllowedHeaders", "AllowedHeader") },
			func() (string, error) { return texts(rule, "AllowedMethods", "AllowedMethod") },
			func() (string, error) { return texts(rule, "AllowedOrigins", "AllowedOrigin") },
			func() (string, error) { return texts(rule, "ExposedHeaders", "ExposeHeader") },
			func() (string, error) { return elements(rule, "MaxAge=MaxAgeSeconds") },
		)
	})
}

func notification(p resource.Props) (string, error) {
	out := ""
	for _, kind := range []struct{ property, tag, target string }{
		{"TopicConfigurations", "TopicConfiguration", "Topic!"},
		{"QueueConfigurations", "QueueConfiguration", "Queue!"},
		{"LambdaConfigurations", "CloudFunctionConfiguration", "Function=CloudFunction!"},
	} {
		text, err := each(p, kind.property, kind.tag, func(c resource.Props) (string, error) { return elements(c, kind.target, "Event!") })
		if err != nil {
			return "", err
		}
		out += text
	}
	events, err := p.Object("EventBridgeConfiguration")
	if events != nil {
		out += "<EventBridgeConfiguration></EventBridgeConfiguration>"
	}
	return out, err
}

func logging(p resource.Props) (string, error) {
	content, err := elements(p, "DestinationBucketName=TargetBucket", "LogFilePrefix=TargetPrefix")
	return "<LoggingEnabled>" + content + "</LoggingEnabled>", err
}

func website(p resource.Props) (string, error) {
	index, err := elements(p, "IndexDocument=Suffix")
	if err != nil {
		return "", err
	}
	failure, err := elements(p, "ErrorDocument=Key")
	out := ""
	if index != "" {
		out += "<IndexDocument>" + index + "</IndexDocument>"
	}
	if failure != "" {
		out += "<ErrorDocument>" + failure + "</ErrorDocument>"
	}
	return out, err
}
