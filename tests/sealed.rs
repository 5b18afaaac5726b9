//! Skipping a stage does not compile: each file under `tests/sealed/` tries to, and its first line gives
//! words of the compiler that must stop it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test may panic, and its parts are its own"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn no_stage_can_be_skipped() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sealed");
    let mut tried = 0;
    for item in fs::read_dir(folder).unwrap() {
        let file = item.unwrap().path();
        let text = fs::read_to_string(&file).unwrap();
        let expected = text.lines().next().unwrap().trim_start_matches("// refused: ");
        let said = compile(&file);
        assert!(
            said.contains(expected),
            "{} must be refused for \"{expected}\", but the compiler said:\n{said}",
            file.display()
        );
        tried += 1;
    }
    assert!(tried >= 7, "only {tried} attempts were found");
}

/// What the compiler says of this file, linked with the library that this test was built with.
fn compile(file: &Path) -> String {
    let deps = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition", "2024", "--crate-type", "bin", "--emit", "metadata", "--out-dir"])
        .arg(std::env::temp_dir())
        .arg("-L")
        .arg(format!("dependency={}", deps.display()))
        .arg("--extern")
        .arg(format!("sluicegate={}", library(&deps).display()))
        .arg(file)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    String::from_utf8(output.stderr).unwrap()
}

/// The newest build of the library in this folder.
fn library(deps: &Path) -> PathBuf {
    let is_ours = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("libsluicegate-") && name.ends_with(".rlib")
    };
    fs::read_dir(deps)
        .unwrap()
        .map(|item| item.unwrap().path())
        .filter(is_ours)
        .max_by_key(|path| fs::metadata(path).unwrap().modified().unwrap())
        .expect("the library is built before its tests")
}
