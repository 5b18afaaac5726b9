//! Tasks found by what they refer to, with the Data Manager's own filters. Label Studio goes through a project's tasks for it,
//! so it is done once for all who ask, and for members of the project only.

use std::collections::BTreeMap;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::api::{Api, ApiError};
use super::{Kept, Uris};

/// A task with more columns is searched in these.
const MOST_COLUMNS: usize = 64;
/// Of a query, in bytes: servers before Label Studio take lines of 4,094.
const LONGEST: usize = 3_700;

/// Whether a task of the project refers to this.
pub(super) async fn refers(api: &Api, project: u64, uri: &str) -> Result<bool, ApiError> {
    match Kept::read(uri) {
        // Tasks know the file that they were made of; its address may stand in them in several spellings.
        Some(Kept::Upload { project: of, name }) if of == project => {
            let target = Kept::Upload { project, name: name.clone() }.target();
            let columns = ["filter:tasks:file_upload".to_owned()];
            any(api, project, (&columns, &name), &target).await
        }
        Some(_) => Ok(false),
        None => {
            let columns = columns(api, project).await?;
            any(api, project, (&columns, uri), uri).await
        }
    }
}

/// The columns of all tasks' data, as filters name them.
async fn columns(api: &Api, project: u64) -> Result<Vec<String>, ApiError> {
    #[derive(Deserialize)]
    struct Summary {
        all_data_columns: BTreeMap<String, IgnoredAny>,
    }
    let path = format!("/api/projects/{project}/summary/");
    let summary: Option<Summary> = api.get("a project's columns", &path).await?;
    let names = summary.into_iter().flat_map(|summary| summary.all_data_columns.into_keys());
    Ok(names.take(MOST_COLUMNS).map(|name| format!("filter:tasks:data.{name}")).collect())
}

/// Whether one of the tasks that have `value` in one of these columns refers to `uri`.
async fn any(
    api: &Api,
    project: u64,
    (columns, value): (&[String], &str),
    uri: &str,
) -> Result<bool, ApiError> {
    #[derive(Deserialize)]
    struct Listed {
        tasks: Vec<Task>,
    }
    #[derive(Deserialize)]
    struct Task {
        data: Value,
    }
    if columns.is_empty() {
        return Ok(false);
    }
    let mut values = vec![value.to_owned(), in_json(value)];
    values.dedup();
    let items = columns.iter().flat_map(|column| {
        values.iter().map(move |value| json!({ "filter": column, "operator": "contains", "type": "String", "value": value }))
    });
    let mut uris = Uris::default();
    for query in queries(items) {
        // Whoever reviews makes no predictions, which Label Studio otherwise makes of every task that it lists.
        let path = format!(
            "/api/tasks/?project={project}&resolve_uri=false&include=id,data&review=true&page_size=100&query={query}"
        );
        let Some(Listed { tasks }) = api.get("a search", &path).await? else { return Ok(false) };
        tasks.iter().for_each(|task| collect(&task.data, &mut uris));
        if uris.refer_to(uri) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Conditions of which one must hold, in as many queries as make addresses that a server takes.
fn queries(items: impl Iterator<Item = Value>) -> Vec<String> {
    let query = |items: &[Value]| {
        let query = json!({ "filters": { "conjunction": "or", "items": items } });
        // Label Studio decodes it twice.
        let query = query.to_string().replace('%', "%25");
        utf8_percent_encode(&query, NON_ALPHANUMERIC).to_string()
    };
    let (mut all, mut batch) = (Vec::new(), Vec::new());
    for item in items {
        batch.push(item);
        if batch.len() > 1 && query(&batch).len() > LONGEST {
            let last = batch.pop();
            all.push(query(&batch));
            batch = last.into_iter().collect();
        }
    }
    if !batch.is_empty() {
        all.push(query(&batch));
    }
    all
}

/// As it stands within a list or an object of a task's data in SQLite: as Python writes JSON.
fn in_json(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => written.extend(['\\', c]),
            ' '..='~' => written.push(c),
            _ => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    written.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    written
}

/// All texts of a task's data.
pub(super) fn collect(value: &Value, uris: &mut Uris) {
    match value {
        Value::String(text) => uris.take(text),
        Value::Array(items) => items.iter().for_each(|item| collect(item, uris)),
        Value::Object(members) => members.values().for_each(|value| collect(value, uris)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, in_json, queries};

    #[test]
    fn conditions_are_asked_in_addresses_that_servers_take() {
        let items = |many: usize, length: usize| {
            (0..many).map(move |n| serde_json::json!({ "n": n, "value": "é".repeat(length) }))
        };
        assert_eq!(queries(items(0, 1)), Vec::<String>::new());
        for (many, length) in [(1, 1), (64, 8), (3, 5_000)] {
            let all = queries(items(many, length));
            assert!(all.iter().all(|query| length > LONGEST || query.len() <= LONGEST));
            let found: usize = all.iter().map(|query| query.matches("%22n%22").count()).sum();
            assert_eq!(found, many);
        }
    }

    #[test]
    fn texts_are_written_as_python_does() {
        for (text, written) in [
            ("s3://a/b c_%.png", "s3://a/b c_%.png"),
            ("ü", "\\u00fc"),
            ("🐈", "\\ud83d\\udc08"),
            ("a\"b\\c", "a\\\"b\\\\c"),
        ] {
            assert_eq!(in_json(text), written, "{text}");
        }
    }
}
