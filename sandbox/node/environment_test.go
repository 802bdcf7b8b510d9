package node

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/yaml"
)

func TestACommandThatIsNotAllowedIsSimulated(t *testing.T) {
	t.Parallel()
	f := newLife(t, "containers: [{name: web, image: ghost}]")
	f.pod.Annotations = map[string]string{AnnotationExec: "exit 1"}
	f.pass(latency).want("Running ready web=running")
	if len(f.last.warnings) != 1 || f.last.warnings[0].reason != "ExecOff" || !strings.Contains(f.last.warnings[0].message, "up --exec") {
		t.Errorf("warnings = %v", f.last.warnings)
	}
}

func TestEnvironmentOfACommand(t *testing.T) {
	t.Setenv("PATH", "/bin") // and so not in parallel
	t.Setenv("HOME", "/home/ada")
	for _, name := range []string{"TMPDIR", "LANG", "TZ"} {
		t.Setenv(name, "")
	}
	k := fake.NewClientset(
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "db", Namespace: "blog"}, Data: map[string][]byte{"password": []byte("$(HOST)"), "user": []byte("ghost")}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "settings", Namespace: "blog"}, Data: map[string]string{"HOST": "db.test"}},
	)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web-1", Namespace: "blog", Labels: map[string]string{"app": "web"}}}
	for name, test := range map[string]struct {
		container string
		want      []string
		err       string
	}{
		"all kinds": {`
envFrom: [{configMapRef: {name: settings}}, {secretRef: {name: db}, prefix: DB_}, {secretRef: {name: none, optional: true}}]
env:
- {name: URL, value: "mysql://$(DB_user):$(DB_password)@$(HOST)/$$(HOST)$(NONE)"}
- {name: PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}
- {name: ABSENT, valueFrom: {configMapKeyRef: {name: settings, key: none, optional: true}}}
- {name: APP, valueFrom: {fieldRef: {fieldPath: "metadata.labels['app']"}}}
- {name: HOME, value: /srv}
- {name: PORT, value: "2368"}
`, []string{
			"APP=web", "DB_password=$(HOST)", "DB_user=ghost", "HOME=/srv", "HOST=db.test", "HOSTNAME=web-1", "PASSWORD=$(HOST)",
			"PATH=/bin", "PORT=20123", "URL=mysql://ghost:$(HOST)@db.test/$(HOST)$(NONE)",
		}, ""},
		"none": {"{}", []string{"HOME=/home/ada", "HOSTNAME=web-1", "PATH=/bin", "PORT=20123"}, ""},
		"a key that has gone": {
			"env: [{name: X, valueFrom: {secretKeyRef: {name: db, key: none}}}]", nil, `variable X of container web: key "none" of "db" is not there any more`,
		},
		"a Secret that has gone": {"envFrom: [{secretRef: {name: none}}]", nil, `"none" is not there any more`},
		"resources":              {"env: [{name: X, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}]", nil, "variable X of container web: the sandbox's nodes know no such source of a value"},
	} {
		c := corev1.Container{Name: "web"}
		if err := yaml.UnmarshalStrict([]byte(test.container), &c); err != nil {
			t.Fatal(err)
		}
		got, err := environ(t.Context(), k, pod, c, 20123)
		said := ""
		if err != nil {
			said = err.Error()
		}
		if diff := cmp.Diff(test.want, got); diff != "" || said != test.err {
			t.Errorf("%s: error %q, want %q; (-want +got):\n%s", name, said, test.err, diff)
		}
	}
}
