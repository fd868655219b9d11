import { assert, suite } from '../support/harness.js';
import {
  clientFlags,
  contextData,
  counted,
  greeting,
  infoData,
  join,
  option,
  optionReply,
  reply,
  sendOption,
  u16,
  u32,
  u64,
} from '../support/nbd-bytes.js';
import { afterGreeting, readOptionReplies } from '../support/nbd-reader.js';
import { DISK_SIZE, Peer } from './peer.js';

/** What a client that keeps the rules is answered, byte for byte. */

const test = suite('nbd handshake');

/** HAS_FLAGS, FLUSH, FUA, TRIM, WRITE_ZEROES, MULTI_CONN, CACHE, FAST_ZERO. */
const FLAGS = 0b1101_0110_1101;
const DF = 0b1000_0000;

/** What a peer answers to these options after greeting and client flags. */
function answerTo(peer: Peer, ...options: Uint8Array[]): Buffer {
  peer.give(clientFlags());
  peer.sent();
  for (const sent of options) peer.give(sent);
  return peer.sent();
}

function exportInfo(flags: number): Buffer {
  return join(u16(0), u64(DISK_SIZE), u16(flags));
}

test('the server speaks first', () => {
  assert.equal(new Peer().sent(), greeting());
});

test('EXPORT_NAME ends the handshake, with zeroes unless they were declined', () => {
  for (const [flags, zeroes] of [
    [3, 0],
    [1, 124],
    [2, 0],
    [0, 124],
  ] as const) {
    const peer = new Peer();
    peer.give(clientFlags(flags)).give(sendOption(option.exportName, 'disk'));
    const wanted = join(greeting(), u64(DISK_SIZE), u16(FLAGS), Buffer.alloc(zeroes));
    assert.equal(peer.sent(), wanted, `client flags ${flags}`);
    assert.equal(peer.events, [['enter', 'disk', false, '']]);
  }
});

test('the empty name is the first export', () => {
  const peer = new Peer().give(clientFlags()).give(sendOption(option.exportName));
  assert.equal(peer.events, [['enter', 'disk', false, '']]);
});

test('LIST names every export with its description', () => {
  const sent = answerTo(new Peer(), sendOption(option.list));
  const row = join(counted('disk'), 'a disk that is dying');
  assert.equal(sent, join(optionReply(option.list, reply.server, row), optionReply(option.list, reply.ack)));
});

test('INFO answers what was asked for, EXPORT always, each once, and stays in the handshake', () => {
  const answer = (...wanted: number[]) =>
    readOptionReplies(answerTo(new Peer(), sendOption(option.info, infoData('', ...wanted)))).map(
      ({ type, data }) => [type, data.toString('latin1')],
    );
  const row = (data: Uint8Array) => [reply.info, Buffer.from(data).toString('latin1')];
  const exported = row(exportInfo(FLAGS));
  const name = row(join(u16(1), 'disk'));
  const description = row(join(u16(2), 'a disk that is dying'));
  const blocks = row(join(u16(3), u32(1), u32(4096), u32(32 << 20)));
  const ack = [reply.ack, ''];
  assert.equal(answer(), [exported, ack]);
  assert.equal(answer(1, 2, 3), [exported, name, description, blocks, ack]);
  assert.equal(answer(3, 0, 3, 77), [exported, blocks, ack]);
});

test('GO answers as INFO does, and transmission begins without zeroes', () => {
  const peer = new Peer();
  const go = sendOption(option.go, infoData('disk', 1));
  const sent = answerTo(peer, sendOption(option.info, infoData('disk', 1)), go);
  const [info, again] = [sent.subarray(0, sent.length / 2), sent.subarray(sent.length / 2)];
  const types = (bytes: Buffer) => readOptionReplies(bytes).map(({ type, data }) => [type, data]);
  assert.equal(types(again), types(info));
  assert.equal(
    readOptionReplies(again).map((found) => found.option),
    [option.go, option.go, option.go],
  );
  assert.equal(peer.events, [['enter', 'disk', false, '']]);
});

test('DF is offered with structured replies only', () => {
  const sent = answerTo(
    new Peer(),
    sendOption(option.structuredReply),
    sendOption(option.info, infoData('')),
  );
  assert.equal(readOptionReplies(sent)[0]?.type, reply.ack);
  assert.equal(readOptionReplies(sent)[1]?.data, exportInfo(FLAGS | DF));
});

test('an export that cannot be written offers nothing that writes', () => {
  const flagsOf = (exported: object) =>
    answerTo(new Peer({ exported }), sendOption(option.exportName)).readUInt16BE(8);
  const [readOnly, rotational, trimming, multiConn] = [
    1 << 1,
    1 << 4,
    (1 << 5) | (1 << 6) | (1 << 11),
    1 << 8,
  ];
  assert.is(flagsOf({ readOnly: true }), (FLAGS | readOnly) & ~trimming);
  assert.is(flagsOf({ rotational: true }), FLAGS | rotational);
  assert.is(flagsOf({ multiConn: false }), FLAGS & ~multiConn);
});

test('ABORT is acknowledged, whatever data it has, and ends the session', () => {
  const peer = new Peer();
  assert.equal(answerTo(peer, sendOption(option.abort, 'why')), optionReply(option.abort, reply.ack));
  assert.equal(peer.causes, ['asked']);
});

function contextNames(sent: Buffer, code: number): string[] {
  const replies = readOptionReplies(sent).filter((found) => found.option === code);
  assert.is(replies.at(-1)?.type, reply.ack);
  return replies.slice(0, -1).map(({ data }) => `${data.readUInt32BE()} ${data.subarray(4)}`);
}

test('metadata contexts are listed by name, by namespace, and all without a query', () => {
  const list = (...queries: string[]) =>
    contextNames(
      answerTo(
        new Peer(),
        sendOption(option.structuredReply),
        sendOption(option.listMetaContext, contextData('disk', ...queries)),
      ),
      option.listMetaContext,
    );
  assert.equal(list(), ['0 base:allocation', '0 x-dmremap:sectors']);
  assert.equal(list('base:'), ['0 base:allocation']);
  assert.equal(list('x-dmremap:', 'x-dmremap:sectors'), ['0 x-dmremap:sectors']);
  assert.equal(list('base:nothing', 'qemu:', 'x-other:sectors', 'base:allocation2'), []);
});

test('metadata contexts are selected by their full names, and the last selection counts', () => {
  const peer = new Peer();
  const select = (...queries: string[]) => {
    peer.give(sendOption(option.setMetaContext, contextData('disk', ...queries)));
    return contextNames(peer.sent(), option.setMetaContext);
  };
  answerTo(peer, sendOption(option.structuredReply));
  assert.equal(select('base:allocation', 'x-dmremap:sectors', 'base:allocation').length, 2);
  assert.equal(select(), []);
  assert.equal(select('base:', 'x-dmremap:'), []);
  const [only = ''] = select('x-dmremap:sectors', 'base:other');
  assert.match(only, / x-dmremap:sectors$/);
  peer.give(sendOption(option.go, infoData('disk')));
  assert.equal(peer.events, [['enter', 'disk', true, only.split(' ')[0]]]);
});

test('contexts hold for the export they were selected for, by that name', () => {
  const enter = (selected: string, entered: string) => {
    const peer = new Peer();
    answerTo(
      peer,
      sendOption(option.structuredReply),
      sendOption(option.setMetaContext, contextData(selected, 'base:allocation')),
      sendOption(option.exportName, entered),
    );
    return peer.events;
  };
  assert.equal(enter('disk', 'disk'), [['enter', 'disk', true, '1']]);
  assert.equal(enter('', ''), [['enter', 'disk', true, '1']]);
  assert.equal(enter('', 'disk'), [['enter', 'disk', true, '']]);
});

test('a selection that fails leaves nothing selected', () => {
  for (const failing of [contextData('disk', 'no colon'), contextData('nobody', 'base:allocation'), u32(9)]) {
    const peer = new Peer();
    answerTo(
      peer,
      sendOption(option.structuredReply),
      sendOption(option.setMetaContext, contextData('disk', 'base:allocation')),
      sendOption(option.setMetaContext, failing),
      sendOption(option.exportName, 'disk'),
    );
    assert.equal(peer.events, [['enter', 'disk', true, '']]);
  }
});

test('TLS is begun first where it is required, and nothing from before it counts', () => {
  const peer = new Peer({ tls: 'required' });
  const sent = answerTo(
    peer,
    sendOption(option.list),
    sendOption(option.startTls),
    sendOption(option.startTls),
    sendOption(option.listMetaContext, contextData('disk')),
    sendOption(option.list),
  );
  assert.equal(
    readOptionReplies(sent).map(({ option: code, type }) => [code, type]),
    [
      [option.list, reply.tlsRequired],
      [option.startTls, reply.ack],
      [option.startTls, reply.invalid],
      [option.listMetaContext, reply.invalid],
      [option.list, reply.server],
      [option.list, reply.ack],
    ],
  );
  assert.equal(peer.events, [['tls']]);
});

test('what follows STARTTLS in one chunk is left to TLS', () => {
  const peer = new Peer({ tls: 'required' });
  peer.give(clientFlags());
  const start = sendOption(option.startTls);
  const used = peer.session.receive(join(start, sendOption(option.go, infoData('disk'))));
  assert.is(used, start.length);
  assert.equal(peer.events, [['tls']]);
  assert.is(peer.session.receive(sendOption(option.list)), 0);
});

test('a client that is lost while TLS begins is not heard again', () => {
  const peer = new Peer({ tls: 'required' });
  peer.give(clientFlags());
  peer.session.receive(sendOption(option.startTls));
  peer.session.lose('ECONNRESET');
  peer.session.secured();
  peer.sent();
  peer.give(sendOption(option.list));
  assert.is(peer.sent().length, 0);
});

test('time runs out in a handshake only', () => {
  const slow = new Peer().give(clientFlags());
  slow.session.expire();
  assert.equal(slow.causes, ['limit']);
  const done = new Peer().give(join(clientFlags(), sendOption(option.exportName)));
  done.session.expire();
  assert.equal(done.causes, []);
});

test('a server that is shutting down refuses every option but ABORT', () => {
  const peer = new Peer();
  peer.give(clientFlags());
  peer.sent();
  peer.session.shutDown();
  peer.give(sendOption(option.list)).give(sendOption(option.go, infoData('')));
  assert.equal(
    readOptionReplies(peer.sent()).map(({ type }) => type),
    [reply.shutdown, reply.shutdown],
  );
  peer.give(sendOption(option.abort));
  assert.equal(peer.sent(), optionReply(option.abort, reply.ack));
  const named = new Peer();
  named.session.shutDown();
  named.give(join(clientFlags(), sendOption(option.exportName)));
  assert.equal(named.events, [['hang up', 'refused']]);
});

test('refusals carry a sentence for the person at the client', () => {
  const sent = answerTo(new Peer(), sendOption(option.go, infoData('nobody')));
  assert.match(
    readOptionReplies(afterGreeting(join(greeting(), sent)))[0]?.data.toString() ?? '',
    /"nobody"/,
  );
});
