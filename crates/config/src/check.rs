//! Checks of texts that the plain kinds cannot express: file names, host names, the process title.

/// Longest announced host name plus one, as Redis's buffers have it.
const HOST_LEN_MAX: usize = 256;

fn is_base_name(name: &str) -> bool {
    !name.contains(['/', '\\'])
}

/// `dbfilename`: the directory comes from `dir`.
pub(crate) fn rdb_file_name(name: &str) -> Result<(), &'static str> {
    is_base_name(name).then_some(()).ok_or("dbfilename can't be a path, just a filename")
}

/// `appendfilename`: the directory comes from `dir` and `appenddirname`.
pub(crate) fn aof_file_name(name: &str) -> Result<(), &'static str> {
    match name {
        "" => Err("appendfilename can't be empty"),
        name if !is_base_name(name) => Err("appendfilename can't be a path, just a filename"),
        _ => Ok(()),
    }
}

/// `appenddirname`: one level below `dir`.
pub(crate) fn aof_dir_name(name: &str) -> Result<(), &'static str> {
    match name {
        "" => Err("appenddirname can't be empty"),
        name if !is_base_name(name) => Err("appenddirname can't be a path, just a dirname"),
        _ => Ok(()),
    }
}

/// `cluster-announce-hostname`.
pub(crate) fn host_name(name: &str) -> Result<(), &'static str> {
    if name.len() >= HOST_LEN_MAX {
        return Err("Hostnames must be less than 256 characters");
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    name.chars()
        .all(allowed)
        .then_some(())
        .ok_or("Hostnames may only contain alphanumeric characters, hyphens or dots")
}

/// `cluster-announce-human-nodename`: none of the characters that nodes.conf gives a meaning to.
pub(crate) fn node_name(name: &str) -> Result<(), &'static str> {
    (!name.contains(|c| "!#$%&()*+:;<>?@[]^{|}~".contains(c)))
        .then_some(())
        .ok_or("Announced human node name contained invalid character")
}

/// `proc-title-template`: known variables only, and something left when the variables that may be empty are.
pub(crate) fn title_template(template: &str) -> Result<(), &'static str> {
    let sample = |name: &str| match name {
        "title" | "server-mode" | "unixsocket" => Some(String::new()),
        "listen-addr" | "config-file" | "port" | "tls-port" => Some("-".to_owned()),
        _ => None,
    };
    expand_title(template, sample)
        .filter(|title| !title.is_empty())
        .map(drop)
        .ok_or("template format is invalid or contains unknown variables")
}

/// Fills a `proc-title-template`: `{name}` asks `value`, `{{` is a brace. `None` if it is malformed or a variable
/// is unknown to `value`. Spaces around the result are cut.
pub fn expand_title(template: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        if let Some(quoted) = after.strip_prefix('{') {
            out.push('{');
            rest = quoted;
        } else {
            let (name, after) = after.split_once('}')?;
            out.push_str(&value(name)?);
            rest = after;
        }
    }
    out.push_str(rest);
    Some(out.trim_matches(' ').to_owned())
}
