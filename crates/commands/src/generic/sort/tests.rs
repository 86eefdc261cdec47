//! SORT as clients see it.

use engine::testing::Tester;

fn tester() -> Tester {
    let mut t = Tester::new(crate::FAMILIES);
    t.check("RPUSH l 10 2 1 3", ":4");
    t.check("MSET w_1 30 w_2 20 w_3 10 w_10 5", "+OK");
    t.check("MSET t_1 d t_2 c t_3 b t_10 a", "+OK");
    t
}

#[test]
fn numbers_and_texts() {
    let mut t = tester();
    for (options, reply) in [
        ("", "[$1, $2, $3, $10]"),
        ("ASC", "[$1, $2, $3, $10]"),
        ("DESC ASC DESC", "[$10, $3, $2, $1]"),
        ("ALPHA", "[$1, $10, $2, $3]"),
        ("alpha desc", "[$3, $2, $10, $1]"),
        ("LIMIT 1 2", "[$2, $3]"),
        ("LIMIT 0 9 LIMIT 2 -1", "[$3, $10]"),
        ("LIMIT 4 1", "[]"),
        ("LIMIT 1 0", "[]"),
        ("DESC LIMIT -1 1", "[$10]"),
    ] {
        t.check(&format!("SORT l {options}"), reply);
        t.check(&format!("SORT_RO l {options}"), reply);
    }
    t.check("SORT none", "[]");
    t.check("RPUSH floats 1.5 -inf 1e3 0x10 ' 2'", ":5");
    t.check("SORT floats", "[$-inf, $1.5, $ 2, $0x10, $1e3]");
    t.check("RPUSH equal 1.0 01 1 1.00", ":4");
    t.check("SORT equal", "[$01, $1, $1.0, $1.00]");
    t.check("SORT equal DESC", "[$1.00, $1.0, $1, $01]");
}

#[test]
fn orders_of_other_keys() {
    let mut t = tester();
    for (options, reply) in [
        ("BY w_*", "[$10, $3, $2, $1]"),
        ("BY w_* DESC LIMIT 1 2", "[$2, $3]"),
        ("BY t_* ALPHA", "[$10, $3, $2, $1]"),
        ("BY nosuch_*", "[$1, $10, $2, $3]"),
        ("BY nosuch_* ALPHA", "[$10, $2, $1, $3]"),
        ("BY nosort", "[$10, $2, $1, $3]"),
        ("BY nosort DESC", "[$3, $1, $2, $10]"),
        ("BY nosort LIMIT 1 2", "[$2, $1]"),
        ("BY nosort DESC LIMIT 1 2", "[$1, $2]"),
        ("BY nosort BY w_*", "[$10, $2, $1, $3]"),
        ("BY w_* BY nosort LIMIT 3 5", "[$3]"),
        ("BY #", "[$10, $2, $1, $3]"),
    ] {
        t.check(&format!("SORT l {options}"), reply);
    }
    t.check("HSET h_1 weight 4 text d", ":2");
    t.check("HSET h_2 weight 3", ":1");
    t.check("HSET h_3 weight 2", ":1");
    t.check("SET h_10 1", "+OK");
    t.check("SORT l BY h_*->weight", "[$10, $3, $2, $1]");
    t.check("SORT l BY h_*->weight GET # GET h_*->text LIMIT 2 2", "[$2, (nil), $1, $d]");
    t.check("SORT l BY t_*", "-ERR One or more scores can't be converted into double");
    t.check("SORT l BY t_* LIMIT 0 0", "-ERR One or more scores can't be converted into double");
    // A key of another type is as good as none.
    t.check("SORT l BY h_*", "[$1, $2, $3, $10]");
}

#[test]
fn values_of_other_keys() {
    let mut t = tester();
    t.check("SORT l GET w_*", "[$30, $20, $10, $5]");
    t.check("SORT l GET # GET t_* LIMIT 0 2", "[$1, $d, $2, $c]");
    t.check("DEL w_2", ":1");
    t.check("SORT l GET w_* GET constant", "[$30, (nil), (nil), (nil), $10, (nil), $5, (nil)]");
    t.check("SORT_RO l GET w_*", "[$30, (nil), $10, $5]");
    t.check("SORT none GET w_*", "[]");
}

#[test]
fn sets_and_sorted_sets() {
    let mut t = tester();
    t.check("SADD s 3 1 2", ":3");
    t.check("SORT s DESC", "[$3, $2, $1]");
    t.check("SADD texts c a b", ":3");
    t.check("SORT texts", "-ERR One or more scores can't be converted into double");
    t.check("SORT texts ALPHA", "[$a, $b, $c]");
    t.check("SORT texts BY nosort LIMIT 1 1 STORE d", ":1");
    t.check("LRANGE d 0 -1", "[$b]");
    t.check("SORT texts BY nosort DESC STORE d", ":3");
    t.check("LRANGE d 0 -1", "[$c, $b, $a]");
    t.check("SORT texts BY nosuch_* ALPHA STORE d", ":3");
    t.check("ZADD z 1 c 2 b 3 a", ":3");
    for (options, reply) in [
        ("ALPHA", "[$a, $b, $c]"),
        ("BY nosort", "[$c, $b, $a]"),
        ("BY nosort DESC", "[$a, $b, $c]"),
        ("BY nosort LIMIT 1 1", "[$b]"),
        ("BY nosort DESC LIMIT 0 2", "[$a, $b]"),
        ("BY nosort LIMIT 3 1", "[]"),
        ("BY nosort LIMIT 2 9", "[$a]"),
    ] {
        t.check(&format!("SORT z {options}"), reply);
    }
}

#[test]
fn results_are_stored() {
    let mut t = tester();
    t.check("SET d x EX 100", "+OK");
    t.check("SORT l STORE d", ":4");
    t.check("LRANGE d 0 -1", "[$1, $2, $3, $10]");
    t.check("TTL d", ":-1");
    t.check("OBJECT ENCODING d", "$listpack");
    t.check("SORT l DESC STORE other STORE l", ":4");
    t.check("EXISTS other", ":0");
    t.check("LRANGE l 0 -1", "[$10, $3, $2, $1]");
    t.check("SORT l GET # GET nosuch_* LIMIT 0 2 STORE d", ":4");
    t.check("LRANGE d 0 -1", "[$1, $, $2, $]");
    t.check("SORT none STORE d", ":0");
    t.check("EXISTS d", ":0");
    t.check("SORT none STORE d", ":0");
    t.check("CONFIG SET list-max-listpack-size 2", "+OK");
    t.check("SORT l STORE d", ":4");
    t.check("OBJECT ENCODING d", "$quicklist");
}

#[test]
fn texts_with_zero_bytes() {
    let mut t = tester();
    t.check("RPUSH zeros \"a\\x00c\" \"a\\x00b\" a", ":3");
    t.check("SORT zeros ALPHA", "[$a\0c, $a\0b, $a]");
    t.check("SORT zeros ALPHA STORE d", ":3");
    t.check("LRANGE d 0 -1", "[$a, $a\0b, $a\0c]");
}

#[test]
fn refusals() {
    let mut t = tester();
    for line in
        ["SORT l NOSUCH", "SORT l LIMIT 1", "SORT l BY", "SORT l GET", "SORT l STORE", "SORT_RO l STORE d"]
    {
        t.check(line, "-ERR syntax error");
    }
    t.check("SORT l LIMIT a 1", "-ERR value is not an integer or out of range");
    t.check("SORT w_1 NOSUCH", "-ERR syntax error");
    t.check("SORT w_1", "-WRONGTYPE Operation against a key holding the wrong kind of value");
    t.check("HSET h f v", ":1");
    t.check("SORT h", "-WRONGTYPE Operation against a key holding the wrong kind of value");
    t.check("SORT", "-ERR wrong number of arguments for 'sort' command");
}

#[test]
fn late_keys_in_transactions_and_beside_other_commands() {
    let mut t = tester();
    t.check("MULTI", "+OK");
    t.check("SET w_2 0", "+QUEUED");
    t.check("SORT l BY w_* GET w_* STORE d", "+QUEUED");
    t.check("EXEC", "[+OK, :4]");
    t.check("LRANGE d 0 -1", "[$0, $5, $10, $30]");
    // A key that came due in the meantime is gone from the log too, before what depends on it.
    t.check("PEXPIREAT w_10 1", ":1");
    t.check("SORT l BY w_* STORE d", ":4");
    t.check("COMMAND GETKEYS SORT l BY w_* STORE d STORE e", "[$l, $e]");
    t.check("COMMAND GETKEYS SORT_RO l BY w_*", "[$l]");
    t.check("COMMAND GETKEYS SORT l", "[$l]");
}

#[test]
fn patterns_in_a_cluster() {
    let config = config::Config { cluster_enabled: true, ..config::Config::default() };
    let mut t = Tester::with_config(crate::FAMILIES, config);
    t.check("RPUSH {a}l 2 1", ":2");
    t.check("MSET {a}w1 2 {a}w2 1", "+OK");
    t.check("SORT {a}l BY {a}w* GET # GET {a}w*", "[$2, $1, $1, $2]");
    let text =
        "option of SORT denied in Cluster mode when keys formed by the pattern may be in different slots.";
    t.check("SORT {a}l BY w*", &format!("-ERR BY {text}"));
    t.check("SORT_RO {a}l GET {b}w*", &format!("-ERR GET {text}"));
}
