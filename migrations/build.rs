//! The migrations are read while compiling; a new file among them must lead to a new build.

fn main() {
    for folder in ["callbacks", "journal", "meetingroom", "queue-dissuasion", "users"] {
        println!("cargo:rerun-if-changed={folder}");
    }
}
