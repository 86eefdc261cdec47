//! MONITOR.

use engine::{Command, Error, Flags, Group, Handler, Outcome, ServerCx, State};

/// MONITOR
pub const MONITOR: Command = Command {
    name: "monitor",
    group: Group::Server,
    summary: "Shows every command that is run from now on, as it is run; RESET ends it.",
    arity: 1,
    flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE),
    handler: Handler::Server(monitor),
    ..Command::DEFAULT
};

fn monitor(cx: &mut ServerCx) -> Outcome {
    // Only EXEC runs it with exclusive access.
    if cx.view.is_exclusive() {
        return Err(Error::text("ERR MONITOR isn't allowed for DENY BLOCKING client"));
    }
    // A second time there is not even a reply, as in Redis.
    if !cx.client.is(State::REPLICA | State::MONITOR) {
        cx.engine.monitor(cx.client, true);
        cx.reply().ok();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::engine::Message;
    use engine::testing::Tester;

    /// What the monitors were shown since the last time, without the times.
    fn shown(t: &mut Tester) -> Vec<String> {
        let mail = t.session().engine().mailboxes[0].take();
        let line = |message| match message {
            Message::Monitored(line) => {
                let line = String::from_utf8_lossy(&line).into_owned();
                let (time, rest) = line.split_once(" [").expect("a time");
                assert!(time.starts_with("+1") && time.len() == 18 && rest.ends_with("\r\n"), "{line}");
                Some(format!("[{}", rest.trim_end()))
            }
            _ => None,
        };
        mail.into_iter().filter_map(line).collect()
    }

    #[test]
    fn commands_are_shown_as_they_are_run() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("PING", "+PONG");
        t.client(1).check("MONITOR", "+OK");
        t.client(0).check("SELECT 5", "+OK");
        t.check("SET \"k\\x00\\n\\\"\" v", "+OK");
        t.check("NOSUCH", "-ERR unknown command 'NOSUCH', with args beginning with: ");
        t.reply("AUTH secret");
        t.reply("CONFIG GET port");
        for line in ["MULTI", "GET a", "SLOWLOG LEN", "EXEC"] {
            t.reply(line);
        }
        let expected = [
            r#"[5 127.0.0.1:50000] "SELECT" "5""#,
            r#"[5 127.0.0.1:50000] "SET" "k\x00\n\"" "v""#,
            r#"[5 127.0.0.1:50000] "AUTH" "(redacted)""#,
            r#"[5 127.0.0.1:50000] "MULTI""#,
            r#"[5 127.0.0.1:50000] "GET" "a""#,
            r#"[5 127.0.0.1:50000] "EXEC""#,
        ];
        assert_eq!(shown(&mut t), expected);
    }

    #[test]
    fn a_monitor_only_looks() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("MULTI", "+OK");
        t.check("MONITOR", "+QUEUED");
        t.check("EXEC", "[-ERR MONITOR isn't allowed for DENY BLOCKING client]");
        t.check("MONITOR", "+OK");
        t.check("MONITOR", "");
        for line in ["GET a", "SET a 1", "DBSIZE"] {
            t.check(line, "-ERR Replica can't interact with the keyspace");
        }
        t.check("PING", "+PONG");
        assert_eq!(shown(&mut t), [r#"[0 127.0.0.1:50000] "PING""#]);
        t.check("RESET", "+RESET");
        t.check("GET a", "(nil)");
        assert_eq!(shown(&mut t), [""; 0]);
    }
}
