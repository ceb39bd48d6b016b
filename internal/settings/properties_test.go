package settings

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestProperties: what java.util.Properties reads from the same lines.
func TestProperties(t *testing.T) {
	v, err := Properties(strings.NewReader(strings.Join([]string{
		`# a comment`, `   ! another`, ``, `plain=value`, `  spaced  =  out  `, `colon: 1`, `white space`, `empty`, `nothing=`,
		`long=one,\`, `      two,\`, `  three`, `back\\slash=c:\\temp`, `double=ends\\`, `tab=a\tb\u00e9\q`, `a\=b\:c\ d=e=f:g`,
		`comment=a # stays`, `ünicode=ö`, "return=x\r",
	}, "\n")))
	require.NoError(t, err)
	require.Equal(t, map[string]string{
		"plain": "value", "spaced": "out  ", "colon": "1", "white": "space", "empty": "", "nothing": "",
		"long": "one,two,three", `back\slash`: `c:\temp`, "double": `ends\`, "tab": "a\tbéq", "a=b:c d": "e=f:g",
		"comment": "a # stays", "ünicode": "ö", "return": "x",
	}, v.given)
}

// TestPropertiesThatCannotBeRead: the line is said, and not what is in it, which may be secret.
func TestPropertiesThatCannotBeRead(t *testing.T) {
	for text, said := range map[string]string{
		"\na=\\u12":                            `line 2: \u is followed by four hexadecimal digits`,
		"a=\\ud800secret":                      `line 1: \u is followed by four hexadecimal digits`,
		"a=1\n\na=secret":                      "line 3: a is given twice",
		"a=1\n = secret":                       "line 2: it has no name",
		"a=" + strings.Repeat("secret", 1<<18): "token too long",
	} {
		_, err := Properties(strings.NewReader(text))
		require.ErrorContains(t, err, said)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestEnvironment(t *testing.T) {
	v, err := Environment("APP_", []string{"APP_COMMIT_INTERVAL_MS=5=6", "PATH=/bin", "APPLE=1", "APP_TOPIC_MIN_ISR="})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"commit.interval.ms": "5=6", "topic.min.isr": ""}, v.given)
	v.Rest()
	require.EqualError(t, v.Err(), "APP_COMMIT_INTERVAL_MS is not a setting that is known: see docs/configuration.md\n"+
		"APP_TOPIC_MIN_ISR is not a setting that is known: see docs/configuration.md")
	_, err = Environment("", nil)
	require.ErrorContains(t, err, "prefix")
	_, err = Environment("APP", []string{"PATH=/bin", "APP_LINGER_MS=secret"})
	require.EqualError(t, err,
		`the prefix of the variables is "APP", without the underscore of APP_LINGER_MS: make it "APP_"`)
}

// TestWhatMayBeMeant is said in the spelling of whoever gave the setting. What is refused is not meant.
func TestWhatMayBeMeant(t *testing.T) {
	v, err := Environment("APP_", []string{"APP_COMIT_INTERVAL_MS=5", "APP_GRUP_ID=a", "APP_SOMETHING_ELSE=1"})
	require.NoError(t, err)
	v.Get("commit.interval.ms")
	v.Instead("group.id", "it is application.id")
	v.Rest()
	require.EqualError(t, v.Err(), "APP_COMIT_INTERVAL_MS is not a setting that is known: "+
		"did you mean APP_COMMIT_INTERVAL_MS? see docs/configuration.md\n"+
		"APP_GRUP_ID is not a setting that is known: see docs/configuration.md\n"+
		"APP_SOMETHING_ELSE is not a setting that is known: see docs/configuration.md")
}

// TestLogin reads entries of JAAS as Java's clients take them.
func TestLogin(t *testing.T) {
	for entry, want := range map[string][2]string{
		`a.b.PlainLoginModule required username="u" password="p";`:                         {"u", "p"},
		"a.b.ScramLoginModule required\n  password='p\\'\"' \n  username = \"u v\" ;":      {"u v", `p'"`},
		`a.b.ScramLoginModule required username="u" password="a\"b;=c" tokenauth="false";`: {"u", `a"b;=c`},
	} {
		user, password, ok := login(entry)
		require.True(t, ok, entry)
		require.Equal(t, want, [2]string{user, password})
	}
	for _, entry := range []string{
		"", "a.b.PlainLoginModule", `a.b.X required;`, `a.b.X required username="u";`, `a.b.X required username=u password=p;`,
		`a.b.X required username="u" password="p`,
	} {
		_, _, ok := login(entry)
		require.False(t, ok, entry)
	}
}

// TestWhatIsNoName is shown as it is, but for a line of a secret whose lines before have no backslash.
func TestWhatIsNoName(t *testing.T) {
	secret := strings.Repeat("MIIEvQIBADANBgkq", 4)
	v, err := Properties(strings.NewReader("ssl.keystore.key=-----BEGIN PRIVATE KEY-----\n" + secret + "\n100%done=1"))
	require.NoError(t, err)
	v.Get("ssl.keystore.key")
	v.Rest()
	require.EqualError(t, v.Err(), "100%done is not a setting that is known: see docs/configuration.md\n"+
		"MIIE... (64 characters) is not a setting that is known: see docs/configuration.md")
	_, err = Properties(strings.NewReader(secret + "\n" + secret))
	require.ErrorContains(t, err, "given twice")
	require.NotContains(t, err.Error(), secret)
}
