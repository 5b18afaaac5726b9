//! The question whether a column of the Data Manager holds locations, put as a filter of Label Studio's own: a regular
//! expression in what Python, PostgreSQL and SQLite understand alike.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

/// A scheme that is not the web's, whichever way it is spelt; addresses of media; what only signed links and storages have.
const LOCATION: &str = r"(?i)(^|[^a-z0-9+.-])(?!https?://)[a-z][a-z0-9+.-]*://|:\\+/|%3a|%2f%2f|&#|&colon;|&sol;|/data/local-files|fileuri=|x-amz-|x-goog-|googleaccessid=|awsaccesskeyid=|[?&]sig=|amazonaws|googleapis\.com|storage\.cloud\.google|core\.windows\.net|digitaloceanspaces|cloudflarestorage";

/// Where to ask: the answer's `total` counts the tasks that do.
pub(super) fn path(project: u64, column: &str, names: &[String]) -> String {
    let mut pattern = LOCATION.to_owned();
    for name in names {
        pattern.push('|');
        pattern.extend(name.chars().flat_map(|c| {
            let special = !c.is_ascii_alphanumeric() && c.is_ascii();
            special.then_some('\\').into_iter().chain([c])
        }));
    }
    // Results have no comparison by an expression: any colon before a slash will do.
    let (operator, value) =
        if column.starts_with("data.") { ("regex", pattern.as_str()) } else { ("contains", ":/") };
    let item = json!({
        "filter": format!("filter:tasks:{column}"), "operator": operator, "type": "String", "value": value,
    });
    let filters = json!({ "filters": { "conjunction": "and", "items": [item] } });
    // Label Studio decodes it twice. Of a review it makes no predictions.
    let filters = filters.to_string().replace('%', "%25");
    let filters = utf8_percent_encode(&filters, NON_ALPHANUMERIC);
    format!(
        "/api/tasks/?project={project}&page_size=1&include=id&resolve_uri=false&review=true&query={filters}"
    )
}
