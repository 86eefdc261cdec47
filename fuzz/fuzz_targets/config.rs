//! Configuration texts, each line a directive with any words behind it: an error or a configuration, never a
//! panic; and what CONFIG REWRITE makes of the text loads to the same configuration.

#![no_main]

use config::{Config, PARAMS, Sources, rewrite};
use libfuzzer_sys::fuzz_target;

fn load(text: &[u8]) -> Option<Config> {
    let sources = Sources { stdin: true, options: Some(Vec::new()), ..Sources::default() };
    Config::load(&sources, text).ok().map(|loaded| loaded.config)
}

fuzz_target!(|lines: Vec<(u16, &[u8])>| {
    let mut text = Vec::new();
    for (chosen, rest) in lines {
        let name = PARAMS[usize::from(chosen) % PARAMS.len()].name;
        text.extend([name.as_bytes(), b" ", rest, b"\n"].concat());
    }
    // What other files hold is no input.
    if text.to_ascii_lowercase().windows(7).any(|word| word == b"include") {
        return;
    }
    let Some(config) = load(&text) else { return };
    let rewritten = rewrite(&text, &config, &[], false);
    let again = load(&rewritten).unwrap_or_else(|| panic!("refused: {}", rewritten.escape_ascii()));
    for param in PARAMS {
        assert!(param.same(&config, &again), "{} is {:?} after the rewrite", param.name, param.show(&again));
    }
});
