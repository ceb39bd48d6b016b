package spelling

import "strings"

// Closest is the name that is most like another one, of those that are equally like it the first; empty if none is.
func Closest(name string, names []string) (best string) {
	least := len(name)/3 + 2 // more letters than that make it another word
	for _, n := range names {
		d := distance(strings.ToLower(name), strings.ToLower(n))
		if name != "" && strings.Contains("-"+n+"-", "-"+name+"-") {
			d = min(d, 1) // a repartition topic or changelog by its short name
		}
		if d < least {
			best, least = n, d
		}
	}
	return best
}

// distance is the number of bytes to insert, delete or replace that make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
