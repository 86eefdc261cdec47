// Checks of a server through ioredis: node checks.cjs PORT. Each check gets a client on an empty server.
'use strict';
const assert = require('node:assert/strict');
const Redis = require('ioredis');

const checks = {
  async strings(r) {
    assert.equal(await r.set('k', 'v'), 'OK');
    assert.equal(await r.set('k', 'w', 'EX', 1000, 'NX'), null);
    assert.equal(await r.set('k', 'w', 'XX', 'GET'), 'v');
    assert.equal(await r.getdel('k'), 'w');
    assert.equal(await r.mset({ a: 1, b: 'two' }), 'OK');
    assert.deepEqual(await r.mget('a', 'none', 'b'), ['1', null, 'two']);
    assert.equal(await r.incrby('a', 41), 42);
    assert.equal(await r.incrbyfloat('a', 0.5), '42.5');
    const binary = Buffer.from(Array.from({ length: 70000 }, (_, i) => i % 256));
    await r.set(binary, binary);
    assert.deepEqual(await r.getBuffer(binary), binary);
    assert.equal(await r.setbit('bits', 3, 1), 0);
    assert.deepEqual(await r.bitfield('bits', 'GET', 'u4', 0, 'INCRBY', 'u2', 100, 1), [1, 1]);
    await assert.rejects(r.incr('b'), /value is not an integer or out of range/);
  },

  async keysAndScan(r) {
    const pipeline = r.pipeline();
    for (let i = 0; i < 1000; i++) pipeline.set(`key:${i}`, i);
    assert.ok((await pipeline.exec()).every(([error, reply]) => error === null && reply === 'OK'));
    const seen = new Set();
    for await (const keys of r.scanStream({ match: 'key:*', count: 100 })) keys.forEach((key) => seen.add(key));
    assert.equal(seen.size, 1000);
    assert.equal(await r.dbsize(), 1000);
    assert.equal(await r.rename('key:1', 'renamed'), 'OK');
    assert.equal(await r.copy('renamed', 'copied'), 1);
    assert.equal(await r.type('copied'), 'string');
    assert.equal(await r.del('key:2', 'key:3', 'none'), 2);
    const payload = await r.dumpBuffer('renamed');
    assert.equal(await r.restore('restored', 0, payload), 'OK');
    assert.equal(await r.get('restored'), '1');
    await assert.rejects(r.restore('restored', 0, payload), /BUSYKEY/);
  },

  async expiry(r) {
    await r.set('k', 'v', 'PX', 500000);
    const left = await r.pttl('k');
    assert.ok(left > 400000 && left <= 500000);
    assert.equal(await r.expire('k', 100, 'GT'), 0);
    assert.equal(await r.persist('k'), 1);
    assert.equal(await r.ttl('k'), -1);
    assert.equal(await r.pexpireat('k', 1), 1);
    assert.equal(await r.exists('k'), 0);
  },

  async transactions(r, other) {
    assert.deepEqual(await r.multi().set('t', 1).incr('t').get('t').exec(), [[null, 'OK'], [null, 2], [null, '2']]);
    await r.watch('t');
    await other.set('t', 'changed');
    assert.equal(await r.multi().set('t', 'lost').exec(), null);
    assert.equal(await r.get('t'), 'changed');
    await assert.rejects(r.multi().set('t').exec(), /EXECABORT|wrong number of arguments/);
    await r.multi({ pipeline: false });
    assert.equal(await r.get('t'), 'QUEUED');
    assert.equal(await r.discard(), 'OK');
  },

  async clientCommands(r) {
    assert.equal(await r.ping(), 'PONG');
    assert.equal(await r.client('SETNAME', 'checks'), 'OK');
    assert.equal(await r.client('GETNAME'), 'checks');
    assert.match(await r.client('LIST'), new RegExp(`id=${await r.client('ID')} .*name=checks`));
    assert.deepEqual(await r.config('GET', 'databases'), ['databases', '16']);
    assert.equal(await r.select(3), 'OK');
    await r.set('elsewhere', 1);
    assert.equal(await r.move('elsewhere', 0), 1);
    assert.equal(await r.select(0), 'OK');
    assert.equal(await r.get('elsewhere'), '1');
    assert.match(await r.info('server'), /redis_version:7\./);
  },

  async resp3(r) {
    const hello = await r.call('HELLO', 3);
    assert.ok(hello);
    assert.equal(await r.call('HELLO', 2, 'SETNAME', 'again').then(() => r.client('GETNAME')), 'again');
  },
};

async function main(port) {
  const r = new Redis(port, { maxRetriesPerRequest: 0 });
  const other = new Redis(port, { maxRetriesPerRequest: 0 });
  for (const check of Object.values(checks)) {
    await r.flushall();
    await check(r, other);
  }
  r.disconnect();
  other.disconnect();
  console.log(`${Object.keys(checks).length} checks passed`);
}

main(Number(process.argv[2])).catch((error) => {
  console.error(error);
  process.exit(1);
});
