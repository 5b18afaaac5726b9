//! Filters of the Data Manager in queries and bodies. Label Studio compares with what is stored, so that a filter by a piece
//! of a raw location tells whether it is there: whoever may not see locations could spell them out, letter by letter.

use serde_json::Value;

use super::is_handle;

/// A column of the Data Manager that something raw is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Column {
    /// It may hold locations: by the name that a filter has for it.
    Data(Box<str>),
    /// It holds nothing else, or nobody knows what.
    Hidden,
}

/// Columns that hold numbers, dates, people and names of models and of uploaded files.
const PLAIN: [&str; 26] = [
    "id",
    "inner_id",
    "ground_truth",
    "reviewed",
    "predictions_score",
    "predictions_model_versions",
    "file_upload",
    "created_at",
    "updated_at",
    "updated_by",
    "annotators",
    "annotations_ids",
    "total_predictions",
    "total_annotations",
    "cancelled_annotations",
    "completed_at",
    "agreement",
    "reviewers",
    "reviews_rejected",
    "reviews_accepted",
    "comments",
    "comment_count",
    "unresolved_comment_count",
    "avg_lead_time",
    "draft_exists",
    "state",
];
/// What a whole handle may be compared by: whoever has it knows already that it is there.
const BY_HANDLE: [&str; 6] =
    ["equal", "not_equal", "contains", "not_contains", "in_list", "not_in_list"];

/// The columns that a request compares with anything but handles.
#[must_use]
pub fn raw_columns(json: &[u8]) -> Vec<Column> {
    let mut columns = Vec::new();
    // What is not JSON was refused before.
    if let Ok(json) = serde_json::from_slice(json) {
        walk(&json, &mut columns);
    }
    columns
}

fn walk(json: &Value, columns: &mut Vec<Column>) {
    match json {
        Value::Array(items) => items.iter().for_each(|item| walk(item, columns)),
        Value::Object(members) => {
            let text = |name: &str| members.get(name).and_then(Value::as_str);
            let operator = text("operator").unwrap_or_default();
            // A tab's filter calls it by either name, and one filter may have both.
            for called in [text("filter"), text("column")].into_iter().flatten() {
                if !is_harmless(operator, members.get("value")) {
                    columns.extend(column(called).filter(|it| !columns.contains(it)));
                }
            }
            members.values().for_each(|value| walk(value, columns));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether the comparison tells nothing that the asker does not know.
fn is_harmless(operator: &str, value: Option<&Value>) -> bool {
    let handle = |value: &Value| value.as_str().is_some_and(is_handle);
    match (operator, value) {
        ("empty", _) => true,
        (operator, Some(Value::Array(items))) if BY_HANDLE.contains(&operator) => {
            !items.is_empty() && items.iter().all(handle)
        }
        (operator, Some(value)) => BY_HANDLE.contains(&operator) && handle(value),
        (_, None) => false,
    }
}

/// What a filter's column is, by Label Studio's own reading of the name. `None`: nothing that could hold a location.
fn column(called: &str) -> Option<Column> {
    let mut name = called.strip_prefix('-').unwrap_or(called);
    for prefix in ["filter:", "tasks:"] {
        name = name.strip_prefix(prefix).unwrap_or(name);
    }
    let name = name.strip_prefix('-').unwrap_or(name);
    // What follows two underscores is a part of the value, or a comparison of its own.
    let base = name.split("__").next().unwrap_or(name);
    match base {
        base if PLAIN.contains(&base) => None,
        "annotations_results" | "predictions_results" => Some(Column::Data(base.into())),
        base if base.starts_with("data.") && base.len() > 5 => Some(Column::Data(base.into())),
        _ => Some(Column::Hidden),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(name: &str) -> Vec<Column> {
        vec![Column::Data(name.into())]
    }

    #[test]
    fn a_filter_by_anything_raw_names_its_column() {
        let item = |column: &str, operator: &str, value: &str| {
            format!(
                r#"{{"filters":{{"conjunction":"and","items":[{{"filter":"{column}","operator":"{operator}","type":"String","value":{value}}}]}}}}"#
            )
        };
        for (column, operator, value, expected) in [
            ("filter:tasks:data.image", "contains", r#""s3://b""#, data("data.image")),
            ("filter:tasks:-data.image", "regex", r#""^s""#, data("data.image")),
            ("filter:tasks:data.image__startswith", "equal", r#""s""#, data("data.image")),
            ("filter:tasks:data.image", "contains", r#""/-/m/abc""#, vec![]),
            ("filter:tasks:data.image", "in_list", r#"["/-/m/abc"]"#, vec![]),
            ("filter:tasks:data.image", "in_list", r#"["/-/m/abc","s3"]"#, data("data.image")),
            ("filter:tasks:data.image", "less", r#""/-/m/abc""#, data("data.image")),
            ("filter:tasks:data.image", "empty", "true", vec![]),
            ("filter:tasks:id", "greater", "5", vec![]),
            ("filter:tasks:annotations_results", "contains", r#""x""#, data("annotations_results")),
            ("filter:tasks:storage_filename", "contains", r#""x""#, vec![Column::Hidden]),
            ("filter:tasks:data", "contains", r#""x""#, vec![Column::Hidden]),
        ] {
            let json = item(column, operator, value);
            assert_eq!(raw_columns(json.as_bytes()), expected, "{json}");
        }
    }

    #[test]
    fn filters_are_found_by_either_name_and_however_deep() {
        let json = r#"{"data":{"filter_group":{"filters":[{"column":"filter:tasks:data.a","operator":"equal","value":"x",
            "child_filter":{"filter":"filter:tasks:data.b","operator":"equal","value":"x"}}]}}}"#;
        let expected = [data("data.a"), data("data.b")].concat();
        assert_eq!(raw_columns(json.as_bytes()), expected);
    }
}
