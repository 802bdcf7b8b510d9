package job

import (
	"encoding/json"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drawbridge-gitops/drawbridge/internal/build"
	"github.com/drawbridge-gitops/drawbridge/internal/contain"
)

// Declaration is what somebody decided of the Job.
type Declaration struct {
	// Namespace and Name of the Job. The name is a DNS label, unique for the
	// attempt.
	Namespace, Name string
	// Image has a shell and the programs that the commands call.
	Image string
	// AgentImage is Drawbridge's own, of the same version as the caller.
	AgentImage string
	// ServiceAccount is the identity of the commands; empty for one that has no
	// token.
	ServiceAccount string
	Labels         map[string]string
	// Resources of the build's container.
	Resources corev1.ResourceRequirements
	// Limits bound the build itself. Disk also bounds the volume that it has.
	Limits contain.Limits
}

// Instruction is what to build.
type Instruction struct {
	// Repository is the URL, and Username and Password are for it.
	Repository string `json:"repository"`
	Username   string `json:"username,omitempty"`
	Password   string `json:"password,omitempty"`
	// Commit is the full OID.
	Commit string `json:"commit"`
	// Path of the component's folder in the repository, and Buildspec in it.
	Path      string `json:"path"`
	Buildspec string `json:"buildspec"`
	// Reads are the paths outside the folder that the build needs.
	Reads []string `json:"reads,omitempty"`
	// As in build.Request.
	About     build.About       `json:"about"`
	Variables map[string]string `json:"variables,omitempty"`
	Hidden    []string          `json:"hidden,omitempty"`
	Limits    contain.Limits    `json:"limits"`
}

// Where things are in the build's container, and what its container is called.
const (
	Container       = "build"
	programVolume   = "/drawbridge/bin"
	program         = programVolume + "/drawbridge"
	InstructionFile = "/drawbridge/instruction/instruction.json"
	WorkFolder      = "/drawbridge/work"
	instructionKey  = "instruction.json"
)

// kept is how long a Job stays after its end, and grace how much longer than the
// build it may take.
const (
	kept  = time.Hour
	grace = time.Minute
)

// Object is the Job, suspended.
func Object(d Declaration) *batchv1.Job {
	job := &batchv1.Job{
		TypeMeta:   metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"},
		ObjectMeta: metav1.ObjectMeta{Namespace: d.Namespace, Name: d.Name, Labels: d.Labels},
		Spec: batchv1.JobSpec{
			Suspend:                 new(true),
			BackoffLimit:            new(int32(0)),
			TTLSecondsAfterFinished: new(int32(kept.Seconds())),
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: d.Labels},
				Spec:       pod(d),
			},
		},
	}
	if d.Limits.Time > 0 {
		job.Spec.ActiveDeadlineSeconds = new(int64((d.Limits.Time + grace).Seconds()))
	}
	return job
}

func pod(d Declaration) corev1.PodSpec {
	work := &corev1.EmptyDirVolumeSource{}
	if d.Limits.Disk > 0 {
		work.SizeLimit = resource.NewQuantity(d.Limits.Disk, resource.BinarySI)
	}
	mounts := func(readOnly bool) []corev1.VolumeMount {
		return []corev1.VolumeMount{{Name: "program", MountPath: programVolume, ReadOnly: readOnly}}
	}
	security := &corev1.SecurityContext{AllowPrivilegeEscalation: new(false)}
	return corev1.PodSpec{
		RestartPolicy:                 corev1.RestartPolicyNever,
		ServiceAccountName:            d.ServiceAccount,
		AutomountServiceAccountToken:  new(d.ServiceAccount != ""),
		EnableServiceLinks:            new(false),
		TerminationGracePeriodSeconds: new(int64(5)),
		SecurityContext:               &corev1.PodSecurityContext{SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
		InitContainers: []corev1.Container{{
			Name: "agent", Image: d.AgentImage,
			Args:            []string{"build-agent", "install", program},
			VolumeMounts:    mounts(false),
			SecurityContext: security,
		}},
		Containers: []corev1.Container{{
			Name: Container, Image: d.Image,
			Command:   []string{program, "build-agent", "run"},
			Resources: d.Resources,
			VolumeMounts: append(mounts(true),
				corev1.VolumeMount{Name: "instruction", MountPath: "/drawbridge/instruction", ReadOnly: true},
				corev1.VolumeMount{Name: "work", MountPath: WorkFolder}),
			SecurityContext: security,
		}},
		Volumes: []corev1.Volume{
			{Name: "program", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
			{Name: "work", VolumeSource: corev1.VolumeSource{EmptyDir: work}},
			{Name: "instruction", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: d.Name, DefaultMode: new(int32(0o444))}}},
		},
	}
}

// Secret is the instruction of a Job that exists, who owns it.
func Secret(job *batchv1.Job, i Instruction) (*corev1.Secret, error) {
	text, err := json.Marshal(i)
	if err != nil {
		return nil, fmt.Errorf("instruction of Job %s: %w", job.Name, err)
	}
	return &corev1.Secret{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: job.Namespace, Name: job.Name, Labels: job.Labels,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(job, batchv1.SchemeGroupVersion.WithKind("Job"))},
		},
		Data: map[string][]byte{instructionKey: text},
	}, nil
}
