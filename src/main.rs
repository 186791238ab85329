//! The `phaseshift` program.

fn main() -> std::process::ExitCode {
    phaseshift::main()
}
