//! `--help`, in the shape of redis-server's.

/// The text, for a server that was called as `program`.
pub fn text(program: &str) -> String {
    TEXT.replace("{program}", program)
}

const TEXT: &str = "\
Usage: {program} [FILE] [--DIRECTIVE VALUE ...] [-]
       {program} -              (the configuration comes from standard input)
       {program} -v, --version
       {program} -h, --help
       {program} --check-system (does this machine suit the server?)

Every directive of redis.conf is an option of that name; options win over standard input, that over the file.

Examples:
       {program}                                   (built-in defaults, port 6379)
       {program} /etc/redis/redis.conf
       {program} /etc/redis/redis.conf --loglevel verbose
       {program} --port 7777 --io-threads 2
       {program} --port 7777 --save 60 1000 --dbfilename other.rdb
       echo 'maxclients 100' | {program} -

Sentinel mode:
       {program} /etc/redis/sentinel.conf --sentinel
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_named_throughout() {
        let text = text("./redis-server");
        assert!(text.starts_with("Usage: ./redis-server [FILE]"));
        assert!(!text.contains("{program}"));
    }
}
