package ecr

// differsFromAWS is what is known to differ.
var differsFromAWS = []string{
	"There is no registry behind it: nothing can be pushed, repositories hold no images, and the token of `GetAuthorizationToken` is taken by none.",
	"Policies are kept and shown, and never enforced; nothing expires.",
}
