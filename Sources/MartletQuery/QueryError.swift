internal import MartletCore

/// Gives DuckDB's text the code that a user of Martlet can act on, and a message without the data.
///
/// DuckDB quotes values freely: in quotes or not, over several lines, whole lines of a CSV file. So of an error that
/// met data only what `EngineFailure` recognizes is kept. What it says of SQL, of files and of memory holds names.
func queryError(_ text: String?) -> MartletError {
    EngineFailure(text ?? "").error
}

/// SQL that ends the query with this message, which a user then reads as it is: other texts of SQL's `error` are data.
package func refusalSQL(_ message: String) -> String { "error(\(quotedLiteral(refusalMark + message)))" }

let refusalMark = "martlet refuses: "
