//! The `ringback` program; everything is in the library.
//! The command line is `cli/`, so that tests can use all that the program uses.

fn main() -> std::process::ExitCode {
    ringback::cli::main()
}
