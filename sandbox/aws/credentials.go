package aws

import "github.com/drawbridge-gitops/drawbridge/sandbox/aws/sigv4"

func known(credentials []Credential) map[string]sigv4.Credential {
	if len(credentials) == 0 {
		credentials = []Credential{{AccessKeyID: "test", SecretAccessKey: "test"}}
	}
	out := make(map[string]sigv4.Credential, len(credentials))
	for _, c := range credentials {
		if c.Account == "" {
			c.Account = DefaultAccount
		}
		if c.User == "" {
			c.User = c.AccessKeyID
		}
		out[c.AccessKeyID] = sigv4.Credential{
			AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, Account: c.Account,
			Principal: "arn:aws:iam::" + c.Account + ":user/" + c.User,
			UserID:    "AIDA" + c.AccessKeyID,
		}
	}
	return out
}

// credential finds an access key among those known from the start, then among those
// of users, then among sessions.
func (e *Endpoint) credential(accessKeyID string) (sigv4.Credential, bool) {
	if c, ok := e.known[accessKeyID]; ok {
		return c, true
	}
	for _, find := range []func(string) (sigv4.Credential, bool, error){e.identities.Credential, e.sts.Credential} {
		c, found, err := find(accessKeyID)
		if err != nil {
			e.log.Error("AWS access keys can't be read", "error", err)
		}
		if found && err == nil {
			return c, true
		}
	}
	return sigv4.Credential{}, false
}
