//! Prints the commented configuration file: `cargo run -p config --example carnelian_conf > carnelian.conf`.

fn main() {
    print!("{}", config::sample_file());
}
