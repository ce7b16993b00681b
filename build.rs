//! Builds the crate again when the pages that are embedded into it have changed, or were built for the first time.
//! The pages themselves are made by `make web`.

fn main() {
    println!("cargo:rerun-if-changed=web/dist");
    println!("cargo:rerun-if-changed=migrations");
}
