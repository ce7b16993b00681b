//! The `ringback` program; everything is in the library.

fn main() -> std::process::ExitCode {
    ringback::cli::main()
}
