//! The `ringback` program; everything is in the library.
//! The command line is `cli/`, so that tests can use all that the program uses.

/// Calls of different length live side by side for hours; what jemalloc holds for one is a quarter less than what the C library's
/// allocator does (decision 0038).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    ringback::cli::main()
}
