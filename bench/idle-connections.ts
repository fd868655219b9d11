import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type SecureContextOptions } from 'node:tls';
import { RawClient } from '../test/server/raw-client.js';
import { SECTOR } from '../test/support/format-numbers.js';
import { clientFlags, infoData, option, sendOption } from '../test/support/nbd-bytes.js';
import { type Bench, line, PeerMissing, verdict } from './bench.js';
import { type Running, serving, withServers } from './nbd-servers.js';
import { spareImage } from './spare-image.js';

/** KiB of an idle connection, less than. */
const TARGET = 64;

const CONNECTIONS = 500;

/** What the first clients cost is had once, not for each. */
const FIRST = 20;

/** The greeting of a server and its reply to STARTTLS, in bytes. */
const BEFORE_TLS = 18 + 20;

const MAIN_BYTES = 1 << 24;

const METHOD =
  `connections: VmRSS of dmremap serve with ${CONNECTIONS} clients in transmission that ask for nothing, a second ` +
  `after the last of them came, less that with ${FIRST} before, over their number; TLS with certificates both ways`;

export function idleConnections(folder: string): Bench[] {
  return [false, true].map((isSecure): Bench => {
    const title = `memory of an idle connection, ${isSecure ? 'TLS' : 'plain'}`;
    return { title, method: METHOD, run: () => measure(folder, title, isSecure) };
  });
}

async function measure(folder: string, title: string, isSecure: boolean): Promise<string[]> {
  const place = mkdtempSync(join(folder, 'idle-'));
  const credentials = isSecure ? selfSigned(place) : undefined;
  const secure = isSecure ? ['--tls-certificates', place] : [];
  const most = `--max-connections=${CONNECTIONS + FIRST}`;
  const spare = (): string => spareImage(place, 0, MAIN_BYTES / SECTOR);
  const main = join(place, 'main.img');
  writeFileSync(main, '');
  truncateSync(main, MAIN_BYTES);
  return withServers(
    place,
    [serving('dmremap serve', spare, most, ...secure)],
    () => main,
    async ([server]) => {
      const each = server === undefined ? Number.NaN : await memoryOfEach(server, credentials);
      return [line(verdict(each < TARGET), title, `${each.toFixed(1)} KiB (less than ${TARGET})`)];
    },
  );
}

/** In KiB. */
async function memoryOfEach(server: Running, credentials: SecureContextOptions | undefined): Promise<number> {
  const clients: RawClient[] = [];
  const attach = async (count: number): Promise<number> => {
    while (clients.length < count) clients.push(await attached(server, credentials));
    await delay(1000);
    return residentSize(server.pid);
  };
  const before = await attach(FIRST);
  const after = await attach(FIRST + CONNECTIONS);
  for (const client of clients) client.close();
  return (after - before) / CONNECTIONS;
}

async function attached(server: Running, credentials: SecureContextOptions | undefined): Promise<RawClient> {
  const target = { address: { kind: 'unix', path: server.socket }, uri: server.uri } as const;
  if (credentials === undefined) return RawClient.attach(target);
  const client = await RawClient.connect(target);
  await client.send(clientFlags(), sendOption(option.startTls)).take(BEFORE_TLS);
  const secured = connect({ socket: client.socket, servername: 'localhost', ...credentials });
  await new Promise<void>((resolve, reject) => {
    secured.once('error', reject);
    secured.once('data', () => resolve());
    secured.write(sendOption(option.go, infoData('')));
  });
  return client;
}

/** One certificate, under all the names that the server looks for, which is its own authority and the client's. */
function selfSigned(folder: string): SecureContextOptions {
  const [key, certificate] = [join(folder, 'server-key.pem'), join(folder, 'server-cert.pem')];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const args = ['req', ...kind, '-keyout', key, '-out', certificate, '-subj', '/CN=localhost'];
  if (spawnSync('openssl', args).status !== 0) throw new PeerMissing('openssl makes no certificate here');
  const cert = readFileSync(certificate);
  writeFileSync(join(folder, 'ca-cert.pem'), cert);
  return { ca: cert, cert, key: readFileSync(key) };
}

/** In KiB. */
function residentSize(pid: number): number {
  const [, size] = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(size);
}
