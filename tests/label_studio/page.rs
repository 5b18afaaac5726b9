//! The page for operators, tried word for word: its commands are run in their order, in an empty folder, on an install that
//! was there before. Only the values that it names as variables at its beginning are this machine's.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::Moto;
use crate::support::label_studio::{LabelStudio, OWNER, OWNER_PASSWORD, bin};
use crate::support::peer::free_port;

const PAGE: &str = include_str!("../../docs/label-studio.md");

/// The fenced blocks of shell, as one script.
fn script(values: &[(&str, String)]) -> String {
    let mut blocks: Vec<&str> = Vec::new();
    let mut rest = PAGE;
    while let Some((_, after)) = rest.split_once("\n```sh\n") {
        let (block, after) = after.split_once("\n```").unwrap();
        blocks.push(block);
        rest = after;
    }
    let fences = PAGE.lines().filter(|line| line.starts_with("```")).count();
    assert_eq!(fences, 2 * blocks.len(), "a block is no shell, so nobody tries it");
    let mut lines = Vec::new();
    let named = |line: &str, name: &str| line.starts_with(&format!("{name}="));
    for line in blocks[0].lines() {
        let value = values.iter().find(|(name, _)| named(line, name));
        let (name, value) = value.unwrap_or_else(|| panic!("nothing is known for {line}"));
        lines.push(format!("{name}={value}"));
    }
    assert_eq!(lines.len(), values.len(), "the page does not name all of {values:?}");
    format!("set -eu\n{}\n{}\n", lines.join("\n"), blocks[1..].join("\n"))
}

/// All that the script left running.
struct Group(u32);

impl Drop for Group {
    fn drop(&mut self) {
        let group = format!("-{}", self.0);
        drop(Command::new("kill").args(["-KILL", "--", &group]).status());
    }
}

fn secret(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
    std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn the_page_for_operators_holds_word_for_word() {
    let moto = Moto::shared();
    // What was there before: open to whoever comes, with a project, a storage and a user.
    let mut studio = LabelStudio::start();
    let project = studio.project("Cats");
    assert_eq!(project, 1, "the page calls it cats-1");
    moto.put("cats/one.png", "image/png", b"one");
    assert_eq!(studio.storage(project, moto, "cats"), 1);
    studio.user("ann@example.com");
    studio.stop();
    let folder = tempfile::Builder::new().prefix("page-").tempdir().unwrap();
    secret(folder.path(), "owner.password", OWNER_PASSWORD);
    secret(folder.path(), "s3.id", &moto.access_key_id);
    secret(folder.path(), "s3.secret", &moto.secret_access_key);
    let port = || free_port().to_string();
    let script = script(&[
        ("STUDIO_DATA", studio.data.path().display().to_string()),
        ("STUDIO_PORT", port()),
        ("GATEWAY_PORT", port()),
        ("OPERATIONS_PORT", port()),
        ("OWNER", OWNER.to_owned()),
        ("S3", moto.endpoint.clone()),
        ("BUCKET", moto.bucket.to_owned()),
    ]);
    let gateway = Path::new(env!("CARGO_BIN_EXE_sluicegate")).parent().unwrap().display();
    let script = format!("export PATH=\"{gateway}:{}:$PATH\"\n{script}", bin().display());
    let child = Command::new("timeout")
        .args(["240", "sh", "-c", &script])
        .current_dir(folder.path())
        .process_group(0)
        .env("LABEL_STUDIO_BASE_DATA_DIR", studio.data.path())
        .env("NO_PROXY", "*")
        .envs([("COLLECT_ANALYTICS", "false"), ("LATEST_VERSION_CHECK", "false")])
        .envs([("SENTRY_DSN", ""), ("FRONTEND_SENTRY_DSN", "")])
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(folder.path().join("said")).unwrap())
        .stderr(std::fs::File::create(folder.path().join("complained")).unwrap())
        .spawn();
    let mut child = child.unwrap();
    let group = Group(child.id());
    let status = child.wait().unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
    let (said, complained) = (read("said"), read("complained"));
    drop(group);
    assert!(status.success(), "{status}\n{said}\n{complained}\n{}", read("sluicegate.log"));
    for words in [
        // What the first check told, so that the page's command could follow.
        "the remedies stand beside the faults",
        "\"title\":\"Cats\"",
        "['Cats']",
        "no faults",
    ] {
        assert!(said.contains(words), "{words:?} is not in {said}\n{complained}");
    }
    let command = complained.lines().find(|line| line.contains("sluicegate storage create"));
    let command = command.unwrap_or_else(|| panic!("no remedy: {complained}"));
    for words in ["--project cats-1 --name s3-1", "--prefix 'cats/'", "--region eu-central-1"] {
        assert!(command.contains(words), "{words:?} is not in {command}");
    }
    assert!(
        !complained.contains("legacy tokens") && !complained.contains("sign up"),
        "{complained}"
    );
}
