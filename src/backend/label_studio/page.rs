//! Label Studio's HTML: one shell for all pages, with settings of the server in a script.

/// Larger ones are no page of Label Studio's.
pub(super) const LARGEST: usize = 2 << 20;

/// Members of `window.APP_SETTINGS` that tell about the server, each on a line of its own.
const TOLD: [&str; 4] =
    ["local_files_document_root:", "server_id:", "sentry_dsn:", "sentry_environment:"];

/// Keeps the session and what it brought along alive while people work on a page for hours.
const RENEWAL: &str = "<script type=\"module\" src=\"/-/assets/renew.js\"></script>";

/// The page with our script that renews sessions from an identity provider.
pub(super) fn with_renewal(page: &str) -> String {
    page.replacen("</head>", &format!("{RENEWAL}</head>"), 1)
}

/// The page without what it tells of the server: paths, ids.
pub(super) fn without_server(page: &str) -> String {
    let mut clean = String::with_capacity(page.len());
    for line in page.split_inclusive('\n') {
        let text = line.trim_start();
        match TOLD.iter().find(|told| text.starts_with(**told)) {
            Some(told) => {
                clean.push_str(told);
                clean.push_str(" null,\n");
            }
            None => clean.push_str(line),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::{with_renewal, without_server};

    #[test]
    fn what_tells_of_the_server_is_blanked_and_all_else_stays() {
        let page =
            "<script>\n  a: 1,\n    local_files_document_root: \"/srv/files\",\n  b: 2\n</script>";
        let clean = "<script>\n  a: 1,\nlocal_files_document_root: null,\n  b: 2\n</script>";
        assert_eq!(without_server(page), clean);
    }

    #[test]
    fn the_script_stands_at_the_end_of_the_head_once() {
        let page = with_renewal("<html><head><title>a</title></head><body></head></body></html>");
        let head = "<head><title>a</title><script type=\"module\" src=\"/-/assets/renew.js\"></script></head>";
        assert!(page.contains(head) && page.matches("renew.js").count() == 1, "{page}");
        assert_eq!(with_renewal("<p>no head</p>"), "<p>no head</p>");
    }
}
