package secret

import "testing"

func TestNamedValuesAreHidden(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"DB_PASSWORD=hunter2-hunter2":                          "DB_PASSWORD=***",
		`{"masterUserPassword": "hunter2", "size": "large"}`:   `{"masterUserPassword": "***", "size": "large"}`,
		"token: abcdef and more":                               "token: *** and more",
		"export API_KEY='abcdef'; export STAGE=test":           "export API_KEY='***'; export STAGE=test",
		"cloning https://alice:hunter2@example.test/shop":      "cloning https://***@example.test/shop",
		"DB_PASSWORD=hunter2 CLIENT_SECRET=hunter3":            "DB_PASSWORD=*** CLIENT_SECRET=***",
		"secretName: database":                                 "secretName: database",
		"12:30:01 Database CREATE_COMPLETE":                    "12:30:01 Database CREATE_COMPLETE",
		"arn:aws:secretsmanager:eu-west-1:123456789012:secret": "arn:aws:secretsmanager:eu-west-1:123456789012:secret",
		"": "",
	} {
		if got := Named(line); got != want {
			t.Errorf("%q became %q, want %q", line, got, want)
		}
	}
}
