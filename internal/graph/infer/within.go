package infer

import "github.com/drawbridge-gitops/drawbridge/internal/render"

// Wait says that one object of a component comes after another one of it.
type Wait struct {
	// From comes after To; both are places in the list of objects.
	From, To int
	// Ready says that To must be ready by then, and not only applied: what From reads is
	// made by the controller of To.
	Ready bool
	// Why, as a sentence: "Deployment shop/web reads Secret shop/db (written by
	// ExternalSecret shop/db)".
	Why string
}

// Within are the edges between the objects of one component, by the same rules as those
// between components: one for each two objects, in the order of the list. There may be
// circles among them, which Kubernetes itself can live with.
func Within(objects []render.Object, at Place) []Wait {
	j := newJoin[int]()
	facts := make([]Facts, len(objects))
	for i := range objects {
		facts[i] = Objects(objects[i:i+1], at)
		j.add(i, facts[i].Provides)
	}
	var all []Wait
	for from, f := range facts {
		first := len(all)
		for _, n := range f.Needs {
			j.follow(n, func(o offer[int], n Need) {
				if o.by != from {
					all = merge(all, first, Wait{from, o.by, o.Later && !n.Inside, o.reason(n).Text})
				}
			})
		}
	}
	return all
}

// merge adds a wait to those from first on; of two between the same objects the one for
// readiness stays.
func merge(all []Wait, first int, w Wait) []Wait {
	for i := first; i < len(all); i++ {
		if all[i].To == w.To {
			if w.Ready && !all[i].Ready {
				all[i] = w
			}
			return all
		}
	}
	return append(all, w)
}
