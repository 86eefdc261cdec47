//! redis-rs, typed and over both protocols.

use redis::{Commands, Connection, RedisResult, Value, cmd, pipe, transaction};
use std::collections::{BTreeSet, HashMap};
use suites::{Kind, Server};

/// Runs a check on an empty server, once a protocol.
fn over_both(check: fn(&mut Connection, &mut Connection) -> RedisResult<()>) {
    let server = Server::start::<&str>(Kind::Ours, &[]);
    for protocol in ["resp2", "resp3"] {
        let url = format!("redis://127.0.0.1:{}/?protocol={protocol}", server.port());
        let client = redis::Client::open(url).expect("a URL");
        let connect = || client.get_connection().expect("a connection");
        let (mut one, mut other) = (connect(), connect());
        cmd("FLUSHALL").exec(&mut one).expect("an empty server");
        check(&mut one, &mut other).unwrap_or_else(|error| panic!("over {protocol}: {error}"));
    }
}

#[test]
fn strings() {
    over_both(|c, _| {
        c.set::<_, _, ()>("k", "v")?;
        assert_eq!(c.get::<_, Option<String>>("k")?.as_deref(), Some("v"));
        assert_eq!(c.get::<_, Option<String>>("none")?, None);
        assert!(c.set_nx::<_, _, bool>("new", 1)?);
        assert_eq!(c.incr::<_, _, i64>("new", 41)?, 42);
        c.mset::<_, _, ()>(&[("a", 1), ("b", 2)])?;
        assert_eq!(c.mget::<_, Vec<Option<i64>>>(&["a", "none", "b"])?, [Some(1), None, Some(2)]);
        assert_eq!(c.append::<_, _, usize>("k", "alue")?, 5);
        assert_eq!(c.getrange::<_, String>("k", 1, -2)?, "alu");
        assert_eq!(c.get_del::<_, String>("k")?, "value");
        assert!(!c.setbit::<_, bool>("bits", 9, true)? && c.getbit::<_, bool>("bits", 9)?);
        let error = c.incr::<_, _, i64>("bits", 1).expect_err("no number");
        assert_eq!(error.detail(), Some("value is not an integer or out of range"));
        Ok(())
    });
}

#[test]
fn keys_expiry_and_scan() {
    over_both(|c, _| {
        let mut fill = pipe();
        for i in 0..500 {
            fill.set(format!("key:{i}"), i).ignore();
        }
        fill.exec(c)?;
        let found: BTreeSet<String> = c.scan_match("key:*")?.collect::<RedisResult<_>>()?;
        assert_eq!(found.len(), 500);
        assert!(c.expire::<_, bool>("key:1", 1_000)? && c.ttl::<_, i64>("key:1")? > 900);
        assert!(c.persist::<_, bool>("key:1")? && c.ttl::<_, i64>("key:1")? == -1);
        assert_eq!(c.del::<_, usize>(&["key:1", "key:2", "none"])?, 2);
        assert!(c.rename_nx::<_, _, bool>("key:3", "renamed")?);
        assert!(!c.exists::<_, bool>("key:3")?);
        let payload: Vec<u8> = cmd("DUMP").arg("renamed").query(c)?;
        cmd("RESTORE").arg("restored").arg(0).arg(payload).exec(c)?;
        assert_eq!(c.get::<_, i64>("restored")?, 3);
        Ok(())
    });
}

#[test]
fn pipelines_and_transactions() {
    over_both(|c, other| {
        let replies: (i64, Option<String>) = pipe().incr("n", 1).get("none").query(c)?;
        assert_eq!(replies, (1, None));
        let replies: (i64, i64) = pipe().atomic().incr("n", 1).incr("n", 1).query(c)?;
        assert_eq!(replies, (2, 3));
        let mut tries = 0;
        let (reply,): (i64,) = transaction(c, &["n"], |c, pipe| {
            let seen: i64 = c.get("n")?;
            tries += 1;
            if tries == 1 {
                other.set::<_, _, ()>("n", 100)?;
            }
            pipe.set("n", seen + 1).ignore().get("n").query(c)
        })?;
        assert_eq!((tries, reply), (2, 101));
        Ok(())
    });
}

#[test]
fn the_server_tells_of_itself() {
    over_both(|c, _| {
        assert_eq!(cmd("PING").query::<String>(c)?, "PONG");
        cmd("CLIENT").arg("SETNAME").arg("checks").exec(c)?;
        assert_eq!(cmd("CLIENT").arg("GETNAME").query::<String>(c)?, "checks");
        let config: HashMap<String, String> = cmd("CONFIG").arg("GET").arg("databases").query(c)?;
        assert_eq!(config.get("databases").map(String::as_str), Some("16"));
        assert!(
            cmd("INFO").arg("server").query::<redis::InfoDict>(c)?.get::<String>("redis_version").is_some()
        );
        let docs: Value = cmd("COMMAND").arg("INFO").arg("get").query(c)?;
        assert!(matches!(docs, Value::Array(entries) if entries.len() == 1));
        Ok(())
    });
}
