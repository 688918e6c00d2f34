package main

import "github.com/itchyny/gojq"

// bodyFields adds to names the members of the body at which a jq expression looks: .a, .a.b[0], ."a b" and .["a b"], and what is computed
// from them. It says no where the expression may look at others, or at the body as a whole.
func bodyFields(q *gojq.Query, names map[string]bool) bool {
	switch {
	case q == nil:
		return true
	case q.Meta != nil || len(q.Imports) > 0 || len(q.FuncDefs) > 0 || len(q.Patterns) > 0:
		return false
	case q.Term != nil:
		return termFields(q.Term, names)
	case q.Op == gojq.OpPipe: // what follows sees what comes out of the left, and no body
		return bodyFields(q.Left, names)
	case q.Op >= gojq.OpComma && q.Op <= gojq.OpAlt: // not those that assign, whose result is the body
		return bodyFields(q.Left, names) && bodyFields(q.Right, names)
	}
	return false
}

func termFields(t *gojq.Term, names map[string]bool) bool {
	for _, s := range t.SuffixList {
		if i := s.Index; i != nil && !(stringFields(i.Str, names) && bodyFields(i.Start, names) && bodyFields(i.End, names)) {
			return false
		}
	}
	switch t.Type {
	case gojq.TermTypeNull, gojq.TermTypeTrue, gojq.TermTypeFalse, gojq.TermTypeNumber:
		return true
	case gojq.TermTypeString:
		return stringFields(t.Str, names)
	case gojq.TermTypeIndex:
		name, ok := indexName(t.Index)
		if ok {
			names[name] = true
		}
		return ok
	case gojq.TermTypeFunc: // functions see the body; variables do not
		return len(t.Func.Args) == 0 && t.Func.Name[0] == '$'
	case gojq.TermTypeUnary:
		return termFields(t.Unary.Term, names)
	case gojq.TermTypeArray:
		return bodyFields(t.Array.Query, names)
	case gojq.TermTypeQuery:
		return bodyFields(t.Query, names)
	}
	return false
}

// stringFields is bodyFields for what is computed within a string.
func stringFields(s *gojq.String, names map[string]bool) bool {
	if s != nil {
		for _, q := range s.Queries {
			if !bodyFields(q, names) {
				return false
			}
		}
	}
	return true
}

// indexName is the name of the member that an index of the body means, if that is known.
func indexName(i *gojq.Index) (name string, ok bool) {
	s := i.Str
	switch q := i.Start; {
	case i.Name != "":
		return i.Name, true
	case s == nil && q != nil && !i.IsSlice && q.Term != nil && q.Term.Type == gojq.TermTypeString && len(q.Term.SuffixList) == 0:
		s = q.Term.Str
	}
	if s == nil || len(s.Queries) > 0 {
		return "", false
	}
	return s.Str, true
}

// lookedAt is the members of the body at which any of the expressions looks, or nil: all.
func lookedAt(programs []*program) map[string]bool {
	names := make(map[string]bool)
	for _, p := range programs {
		if !bodyFields(p.query, names) {
			return nil
		}
	}
	return names
}
