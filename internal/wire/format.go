package wire

// FormatHeader is the header that the first record of each commit has in a changelog, and the first with a value: kind
// and serdes of the store, as text. Kafka Streams passes over headers that it does not know.
const FormatHeader = "millstream-format"

// WindowsHeader is a header of the same records in the changelog of windows that a start identifies: which windows they
// are, as text.
const WindowsHeader = "millstream-windows"
