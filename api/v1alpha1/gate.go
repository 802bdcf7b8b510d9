package v1alpha1

// Gate holds the rules that a change must pass before its rollout. With none,
// what is on the branch is rolled out. A policy that contradicts itself, or a rule that
// does not compile, lets nothing through: the Environment says so.
type Gate struct {
	// People says who is who: which logins, user names and e-mail addresses
	// belong to one person, so that nobody approves their own work under another
	// name.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=1000
	People []Person `json:"people,omitempty"`

	// Groups of people, for the rules to name.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=100
	Groups []Group `json:"groups,omitempty"`

	// Approvals that a change needs, of people who had no part in it.
	// +optional
	Approvals *Approvals `json:"approvals,omitempty"`

	// Checks that must have succeeded on the forge.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=50
	Checks []RequiredCheck `json:"checks,omitempty"`

	// Signatures that commits must carry.
	// +optional
	Signatures *Signatures `json:"signatures,omitempty"`

	// Windows in which rollouts begin; at any time without one. What has begun is
	// not cut off.
	// +optional
	// +kubebuilder:validation:MaxItems=50
	Windows []Window `json:"windows,omitempty"`

	// Freezes in which no rollout begins, windows or not.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=50
	Freezes []Freeze `json:"freezes,omitempty"`

	// Rules over the plan, in the Common Expression Language.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=50
	Rules []Rule `json:"rules,omitempty"`

	// Destructive says what happens to a change that deletes or replaces a
	// resource that holds data (databases, volumes, buckets, namespaces with
	// claims). Refuse, the default, stops it.
	// +optional
	// +kubebuilder:validation:Enum=Refuse;Allow
	Destructive string `json:"destructive,omitempty"`

	// BreakGlass says who may let a change through that the rules stop, with a
	// reason. It is recorded, and told loudly.
	// +optional
	BreakGlass *BreakGlass `json:"breakGlass,omitempty"`
}

// Values of Gate.Destructive.
const (
	DestructiveRefuse = "Refuse"
	DestructiveAllow  = "Allow"
)

// Person is somebody under all their names. Approvals count by login or user
// name, since somebody authenticated those; an e-mail address only tells whose
// commits are whose.
type Person struct {
	// Name that the gate calls them by.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	Name string `json:"name"`

	// Logins on the forge; upper and lower case are the same.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=20
	Logins []string `json:"logins,omitempty"`

	// Users are user names as the cluster or the OIDC issuer gives them, exactly.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=20
	Users []string `json:"users,omitempty"`

	// Emails are the addresses in their commits; upper and lower case are the same.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=20
	Emails []string `json:"emails,omitempty"`
}

// Group is a number of people.
type Group struct {
	// +kubebuilder:validation:Pattern=`^[a-z0-9][-a-z0-9]*$`
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`

	// Members are names of people; a name that stands for none of them is a login
	// on the forge.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=500
	Members []string `json:"members"`
}

// Approvals are how many, and whose, a change needs. One counts while it is the latest
// review of somebody who had no part in the change, at its head, for the
// plan, base and result that stand now.
type Approvals struct {
	// Count of different people. Default 1.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=20
	Count int32 `json:"count,omitempty"`

	// From are the groups whose members may approve.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=50
	From []string `json:"from"`

	// Owners of paths must approve changes of them, each entry for itself. One
	// approval counts for all that it fits.
	// +optional
	// +kubebuilder:validation:MaxItems=100
	Owners []Owners `json:"owners,omitempty"`

	// Strangers says what becomes of a change whose author, co-author or committer
	// is nobody that the forge or people knows: it can't be told whether they
	// approve their own work. Default Refuse.
	// +optional
	// +kubebuilder:validation:Enum=Refuse;Allow
	Strangers string `json:"strangers,omitempty"`

	// Forks says what becomes of pull requests from another repository. Default
	// Refuse.
	// +optional
	// +kubebuilder:validation:Enum=Refuse;Allow
	Forks string `json:"forks,omitempty"`
}

// Values of Approvals.Strangers and Approvals.Forks.
const (
	Refuse = "Refuse"
	Allow  = "Allow"
)

// Owners must approve what changes below some paths.
type Owners struct {
	// Paths in the repository: a file, a folder ("database/"), or a pattern in
	// which "*" is a part of a name, and "**" any number of folders.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	Paths []string `json:"paths"`

	// From are the groups whose members own them.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=50
	From []string `json:"from"`

	// Count of different people. Default 1.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=20
	Count int32 `json:"count,omitempty"`
}

// RequiredCheck is a check run or commit status on the forge.
type RequiredCheck struct {
	// Name as the forge shows it.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	Name string `json:"name"`

	// App that must have reported it; anybody who may write to the repository can
	// without it.
	// +optional
	App string `json:"app,omitempty"`
}

// Signatures says which commits must be signed, and by whose keys.
type Signatures struct {
	// Verify names the commits: Head is the one that is deployed; Merges is that and each
	// since the last deployed one that landed on the branch itself, by merge or push; Every is each since
	// the last deployed one.
	// +kubebuilder:validation:Enum=Head;Merges;Every
	Verify string `json:"verify"`

	// KeysSecretRef names a Secret beside the Environment with the public keys:
	// `allowedSigners` in the format of ssh-keygen, `keyring` with OpenPGP keys, or
	// both.
	KeysSecretRef LocalReference `json:"keysSecretRef"`
}

// Values of Signatures.Verify.
const (
	VerifyHead   = "Head"
	VerifyMerges = "Merges"
	VerifyEvery  = "Every"
)

// Window is a time of the week.
type Window struct {
	// Days on which it opens.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:items:Enum=Mon;Tue;Wed;Thu;Fri;Sat;Sun
	Days []string `json:"days"`

	// From this time of the day, as "09:00".
	// +kubebuilder:validation:Pattern=`^([01][0-9]|2[0-3]):[0-5][0-9]$`
	From string `json:"from"`

	// To this time, as "16:30" or "24:00"; on the next day when it is not after From.
	// +kubebuilder:validation:Pattern=`^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$`
	To string `json:"to"`

	// TimeZone by its IANA name, such as "Europe/Berlin" or "UTC".
	// +kubebuilder:validation:MinLength=1
	TimeZone string `json:"timeZone"`
}

// Freeze is a time in which nothing is rolled out.
type Freeze struct {
	// Name says why, to those who wait.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	Name string `json:"name"`

	// From this time, as "2026-12-18T18:00".
	// +kubebuilder:validation:Pattern=`^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]$`
	From string `json:"from"`

	// Until this time.
	// +kubebuilder:validation:Pattern=`^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]$`
	Until string `json:"until"`

	// TimeZone by its IANA name, such as "Europe/Berlin" or "UTC".
	// +kubebuilder:validation:MinLength=1
	TimeZone string `json:"timeZone"`
}

// Rule is something that must be true of the plan.
type Rule struct {
	// +kubebuilder:validation:Pattern=`^[a-z0-9][-a-z0-9]*$`
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`

	// Expression in CEL that is true when the plan may pass. It sees `plan`
	// and `environment`.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	Expression string `json:"expression"`

	// Message for those whose change it stops: what is wrong, and what to do.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message"`
}

// BreakGlass says who may open the gate by hand.
type BreakGlass struct {
	// From are the groups whose members may.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=50
	From []string `json:"from"`
}
