//! Skipping a stage does not compile: each file under `tests/sealed/` tries to, and the compiler's words are kept.

#[test]
fn no_stage_can_be_skipped() {
    trybuild::TestCases::new().compile_fail("tests/sealed/*.rs");
}
