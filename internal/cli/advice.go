package cli

import (
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// advice says what to do about an error of the API server, whose own words
// don't; "" for others.
func advice(err error) string {
	switch {
	case away(err):
		return "is the cluster up, and is this its kubeconfig? See 'kubectl cluster-info'"
	case apierrors.IsUnauthorized(err):
		return "the cluster does not accept the kubeconfig's credentials: log in again, or choose another with --kubeconfig or --context"
	case apierrors.IsForbidden(err):
		return "reading takes get, list and watch on environments, changes and components of drawbridge.dev; 'drawbridge sync' takes patch on environments too"
	case notInstalled(err):
		return "this cluster does not know Drawbridge's resources: is it the right one? To install them: kubectl apply -f api/crds"
	}
	return ""
}

// notInstalled tells an API that is not there from an object that is not.
func notInstalled(err error) bool {
	return apierrors.IsNotFound(err) && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}

// away tells whether an error says that the API server could not be talked to.
func away(err error) bool {
	return utilnet.IsConnectionRefused(err) || utilnet.IsConnectionReset(err) || utilnet.IsTimeout(err) || utilnet.IsProbableEOF(err) || utilnet.IsHTTP2ConnectionLost(err)
}
