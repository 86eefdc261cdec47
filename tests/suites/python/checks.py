"""Checks of a server through redis-py: python checks.py PORT.

Each check gets a client on an empty server, over RESP2 and again over RESP3.
"""

import sys
import time

import redis


def strings(r):
    assert r.set("k", "v") is True
    assert r.get("k") == b"v"
    assert r.set("k", "other", nx=True) is None
    assert r.set("k", "new", get=True) == b"v"
    assert r.getdel("k") == b"new" and r.get("k") is None
    assert r.mset({"a": 1, "b": 2}) is True
    assert r.mget("a", "none", "b") == [b"1", None, b"2"]
    assert r.msetnx({"a": 5, "c": 6}) in (False, 0)
    assert r.incr("a") == 2 and r.decrby("a", 10) == -8
    assert float(r.incrbyfloat("f", "0.1")) == 0.1
    assert r.append("s", "hello") == 5 and r.strlen("s") == 5
    assert r.setrange("s", 1, "a") == 5 and r.getrange("s", 0, -1) == b"hallo"
    r.mset({"x": "ohmytext", "y": "mynewtext"})
    assert r.lcs("x", "y") == b"mytext" and r.lcs("x", "y", len=True) == 6
    binary = bytes(range(256)) * 100
    assert r.set(binary, binary) and r.get(binary) == binary


def bitmaps(r):
    assert r.setbit("bits", 7, 1) == 0 and r.getbit("bits", 7) == 1
    assert r.bitcount("bits") == 1 and r.bitpos("bits", 1) == 7
    assert r.bitop("NOT", "inverse", "bits") == 1 and r.get("inverse") == b"\xfe"
    assert r.bitfield("field").set("u8", 0, 255).incrby("u8", 0, 1).get("u8", 0).execute() == [0, 0, 0]


def keys(r):
    r.mset({f"key:{i}": i for i in range(1000)})
    assert r.dbsize() == 1000
    assert len(r.keys("key:99?")) == 10
    assert set(r.scan_iter(match="key:*", count=50)) == {b"key:%d" % i for i in range(1000)}
    assert sum(1 for _ in r.scan_iter(_type="string")) == 1000
    assert r.exists("key:1", "key:1", "none") == 2 and r.delete("key:1") == 1 and r.unlink("key:2", "none") == 1
    assert r.rename("key:3", "renamed") is True and r.type("renamed") in (b"string", "string")
    assert r.copy("renamed", "copied") in (True, 1) and r.randomkey() is not None
    assert r.object("ENCODING", "renamed") in (b"int", "int")
    payload = r.dump("renamed")
    r.restore("restored", 0, payload)
    assert r.get("restored") == b"3"
    try:
        r.restore("restored", 0, payload)
        raise AssertionError("BUSYKEY was due")
    except redis.ResponseError as error:
        assert "BUSYKEY" in str(error) or "already exists" in str(error), error


def expiry(r):
    r.set("k", "v", ex=1000)
    assert 990 < r.ttl("k") <= 1000 and r.pttl("k") > 990_000
    assert r.persist("k") and r.ttl("k") == -1 and r.ttl("none") == -2
    assert r.expire("k", 500) and not r.expire("k", 100, gt=True) and r.expire("k", 900, gt=True)
    at = int(time.time()) + 5000
    assert r.expireat("k", at) and r.expiretime("k") == at
    assert r.getex("k", persist=True) == b"v" and r.ttl("k") == -1
    r.set("soon", "v", px=20)
    deadline = time.monotonic() + 30
    while r.exists("soon"):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def pipelines(r):
    pipe = r.pipeline(transaction=False)
    for i in range(500):
        pipe.set(f"p:{i}", i).incr(f"p:{i}")
    assert pipe.execute() == [x for i in range(500) for x in (True, i + 1)]
    r.set("text", "abc")
    replies = r.pipeline(transaction=False).incr("text").get("text").execute(raise_on_error=False)
    assert isinstance(replies[0], redis.ResponseError) and replies[1] == b"abc"


def transactions(r):
    assert r.pipeline().set("t", 1).incr("t").get("t").execute() == [True, 2, b"2"]
    with r.pipeline() as pipe:
        pipe.watch("t")
        value = int(pipe.get("t"))
        r.set("t", 100)
        pipe.multi()
        pipe.set("t", value + 1)
        try:
            pipe.execute()
            raise AssertionError("the watched key was changed")
        except redis.WatchError:
            pass
    assert r.get("t") == b"100"
    assert r.transaction(lambda pipe: pipe.multi() or pipe.incr("t"), "t") == [101]


def client_commands(r):
    assert r.ping() is True and r.echo("x") == b"x"
    with r.client() as one:
        assert one.client_setname("checks") is True
        assert one.client_getname() in (b"checks", "checks")
        number = one.client_id()
        entry = [client for client in one.client_list() if int(client["id"]) == number]
        assert entry and entry[0]["name"] == "checks" and entry[0].get("lib-name", "unknown to 7.0") != "", entry
        assert one.client_info()["id"] == number
        assert one.client_no_evict("ON") in (True, "OK", b"OK")
        victim = r.connection_pool.get_connection()
        victim.send_command("CLIENT", "ID")
        assert r.client_kill_filter(_id=victim.read_response()) == 1
    assert r.config_get("maxclients")["maxclients"].isdigit()
    assert r.config_set("timeout", 0) is True
    assert r.time()[0] > 1_600_000_000 and r.info("server")["redis_version"].startswith("7.")
    assert r.command_count() == len(r.command()) and "get" in {str(name).lower().strip("b'") for name in r.command()}
    try:
        r.execute_command("NOSUCH", "x")
        raise AssertionError("an error was due")
    except redis.ResponseError as error:
        assert str(error) == "unknown command 'NOSUCH', with args beginning with: 'x' ", error


CHECKS = [strings, bitmaps, keys, expiry, pipelines, transactions, client_commands]


def main(port):
    for protocol in (2, 3):
        client = redis.Redis(port=port, protocol=protocol)
        for check in CHECKS:
            client.flushall()
            check(client)
        client.close()
    print(f"{2 * len(CHECKS)} checks passed")


main(int(sys.argv[1]))
