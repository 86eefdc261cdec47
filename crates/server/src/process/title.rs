//! `set-proc-title` and `proc-title-template`: what `ps` shows for the server, `redis-server *:6379 [cluster]`.
//!
//! In a template `{name}` stands for a fact about the server, `{{` for a brace; blanks at both ends are cut off.
//! An unknown name, a brace that is not closed or an empty result make the template invalid, as in Redis 7
//! (expandProcTitleTemplate in server.c, sdstemplate in sds.c).

mod memory;

pub use memory::{prepare, set};

/// What a template can show.
#[derive(Clone, Copy, Debug, Default)]
pub struct TitleFacts<'a> {
    /// `{title}`: the program as it was called.
    pub title: &'a str,
    /// The first address of `bind`; none is every address.
    pub bind: Option<&'a str>,
    /// `{port}`.
    pub port: u16,
    /// `{tls-port}`.
    pub tls_port: u16,
    /// `{unixsocket}`.
    pub unix_socket: Option<&'a str>,
    /// `{config-file}`.
    pub config_file: Option<&'a str>,
    /// `{server-mode}`.
    pub mode: ServerMode,
}

/// What kind of server it is, in the words of the title and the banner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerMode {
    /// An ordinary one.
    #[default]
    Standalone,
    /// A node of a cluster.
    Cluster,
    /// A sentinel.
    Sentinel,
}

impl ServerMode {
    /// As INFO, the banner and the log write it.
    pub fn name(self) -> &'static str {
        match self {
            ServerMode::Standalone => "standalone",
            ServerMode::Cluster => "cluster",
            ServerMode::Sentinel => "sentinel",
        }
    }
}

impl TitleFacts<'_> {
    /// The fact's text, or `None` for a name that is none.
    fn get(&self, name: &str) -> Option<String> {
        Some(match name {
            "title" => self.title.to_owned(),
            "listen-addr" => self.listen_address(),
            "server-mode" if self.mode == ServerMode::Standalone => String::new(),
            "server-mode" => format!("[{}]", self.mode.name()),
            "port" => self.port.to_string(),
            "tls-port" => self.tls_port.to_string(),
            "unixsocket" => self.unix_socket.unwrap_or_default().to_owned(),
            "config-file" => self.config_file.unwrap_or("-").to_owned(),
            _ => return None,
        })
    }

    fn listen_address(&self) -> String {
        match (self.port, self.tls_port) {
            (0, 0) => format!("unixsocket:{}", self.unix_socket.unwrap_or_default()),
            (0, port) | (port, _) => format!("{}:{port}", self.bind.unwrap_or("*")),
        }
    }
}

/// Whether CONFIG SET may take this template.
pub fn is_valid(template: &str) -> bool {
    expand(template, &TitleFacts::default()).is_some_and(|title| !title.is_empty())
}

/// The title; `None` if the template is malformed.
pub fn expand(template: &str, facts: &TitleFacts) -> Option<String> {
    let mut title = String::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once('{') {
        title += text;
        rest = match after.strip_prefix('{') {
            Some(after) => {
                title.push('{');
                after
            }
            None => {
                let (name, after) = after.split_once('}')?;
                title += &facts.get(name)?;
                after
            }
        };
    }
    title += rest;
    Some(title.trim_matches(' ').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: &str = "{title} {listen-addr} {server-mode}";

    fn facts() -> TitleFacts<'static> {
        TitleFacts { title: "/usr/bin/redis-server", bind: Some("*"), port: 6379, ..TitleFacts::default() }
    }

    #[test]
    fn the_default_template_reads_as_redis() {
        assert_eq!(expand(DEFAULT, &facts()).unwrap(), "/usr/bin/redis-server *:6379");
        let cluster = TitleFacts { mode: ServerMode::Cluster, bind: None, ..facts() };
        assert_eq!(expand(DEFAULT, &cluster).unwrap(), "/usr/bin/redis-server *:6379 [cluster]");
        let sentinel = TitleFacts { mode: ServerMode::Sentinel, bind: Some("127.0.0.1"), ..facts() };
        assert_eq!(expand("{listen-addr} {server-mode}", &sentinel).unwrap(), "127.0.0.1:6379 [sentinel]");
    }

    #[test]
    fn the_listening_address_falls_back_to_tls_and_then_to_the_unix_socket() {
        let tls = TitleFacts { port: 0, tls_port: 6390, ..facts() };
        assert_eq!(expand("{listen-addr}", &tls).unwrap(), "*:6390");
        let both = TitleFacts { tls_port: 6390, ..facts() };
        assert_eq!(expand("{listen-addr}", &both).unwrap(), "*:6379");
        let unix = TitleFacts { port: 0, unix_socket: Some("/run/s"), ..facts() };
        assert_eq!(expand("{listen-addr}", &unix).unwrap(), "unixsocket:/run/s");
    }

    #[test]
    fn every_fact_has_a_name() {
        let facts =
            TitleFacts { tls_port: 1, unix_socket: Some("/s"), config_file: Some("/etc/r.conf"), ..facts() };
        let template = "TEST {title} {listen-addr} {port} {tls-port} {unixsocket} {config-file}";
        assert_eq!(
            expand(template, &facts).unwrap(),
            "TEST /usr/bin/redis-server *:6379 6379 1 /s /etc/r.conf"
        );
        assert_eq!(expand("{unixsocket}{config-file}", &TitleFacts::default()).unwrap(), "-");
    }

    #[test]
    fn braces_can_be_written_and_must_be_closed() {
        assert_eq!(expand("{{title} {port}", &facts()).unwrap(), "{title} 6379");
        assert_eq!(expand(" a } b ", &facts()).unwrap(), "a } b");
        for broken in ["{", "a{", "{title", "{}", "{no-such-name}", "{ title }"] {
            assert_eq!(expand(broken, &facts()), None, "{broken}");
        }
    }

    #[test]
    fn a_template_must_show_something() {
        assert!(is_valid(DEFAULT) && is_valid("x") && is_valid("{port}"));
        for invalid in ["", "   ", "{title}", "{invalid-var}"] {
            assert!(!is_valid(invalid), "{invalid:?}");
        }
    }
}
