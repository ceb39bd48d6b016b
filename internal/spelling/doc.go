// Package spelling finds the name that a misspelt one may mean.
package spelling
