package windows

// Sealed are windows as users have them: there is nothing in it for them. The types of package window are made of it,
// and a conversion leads from one to the other.
type Sealed struct{ windows Windows }

// Seal are windows as users have them.
func Seal(w Windows) Sealed { return Sealed{w} }

// Of are the windows in what users have; nil where nobody made any.
func Of(s Sealed) Windows { return s.windows }
