//! A mistake in a `service!` block or in its handlers is an error of the compiler, and a readable one.
//!
//! The expected errors are written anew with `TRYBUILD=overwrite`, as after a change of the toolchain.

#[test]
fn mistakes_in_a_service_do_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/compile/complete.rs");
    cases.compile_fail("tests/compile/forgotten_handler.rs");
    cases.compile_fail("tests/compile/wrong_reply.rs");
    cases.compile_fail("tests/compile/body_for_no_content.rs");
    cases.compile_fail("tests/compile/no_content_for_body.rs");
    cases.compile_fail("tests/compile/request_of_two_operations.rs");
    cases.compile_fail("tests/compile/unknown_refusal.rs");
}
