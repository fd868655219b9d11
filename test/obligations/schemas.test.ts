import { assert, suite } from '../support/harness.js';
import { healthyImage } from './commands.js';
import { everyDocument } from './documents.js';
import { allDemands, demandsOn, without } from './schema-walk.js';
import { type Document, documentOf, isObject, misfit, SCHEMAS, schemaOf } from './schemas.js';
import { patient, Workshop } from './workshop.js';

/**
 * The schemas of docs/schema hold what they promise: real documents fit, and a document that lacks any key
 * that is promised does not. (That the documents of all other runs fit is seen where they are run.)
 */

const test = suite('obligations: schemas');
const slow = patient(test);
const shop = new Workshop();
let made: Promise<readonly Document[]> | undefined;

/** Made once, by the test that needs them first. */
function documentsOnce(): Promise<readonly Document[]> {
  made ??= everyDocument(shop);
  return made;
}

test.after(() => shop.cleanUp());

slow('every real document fits', async () => {
  const documents = await documentsOnce();
  // documentOf has seen to the others; here at last all kinds are there
  const seen = new Set(documents.map(schemaOf));
  const missing = [...SCHEMAS.keys()].filter((name) => name !== 'common' && !seen.has(name));
  assert.equal(missing, [], 'no document of these was made');
});

slow('a document that lacks a key fits no more, whichever it is', async () => {
  const tried = new Set<string>();
  for (const document of await documentsOnce()) {
    const schema = schemaOf(document);
    for (const demand of demandsOn(document, schema)) {
      const name = `${demand.where} ${demand.key}`;
      if (tried.has(name)) continue;
      tried.add(name);
      const wrong = misfit(without(document, demand), schema);
      assert.ok(wrong, `${name} can be left out: ${JSON.stringify(demand.path)}`);
    }
  }
  const untried = [...SCHEMAS.keys()].flatMap(allDemands).filter((name) => !tried.has(name));
  assert.equal(untried, [], 'no document has these');
});

slow('a key that nobody knows fits nowhere', async () => {
  for (const document of await documentsOnce()) {
    const places = new Map(demandsOn(document, schemaOf(document)).map(({ path, where }) => [where, path]));
    for (const [where, path] of places) {
      const richer = structuredClone(document);
      let at: unknown = richer;
      for (const step of path) at = (at as { [step: string]: unknown })[step];
      Reflect.set(at as object, 'no_such_key', 1);
      assert.ok(misfit(richer), `${where} takes any key`);
    }
  }
});

test('every object in a schema is closed', () => {
  const open: string[] = [];
  const visit = (value: unknown, pointer: string): void => {
    if (Array.isArray(value)) for (const [index, item] of value.entries()) visit(item, `${pointer}/${index}`);
    if (!isObject(value)) return;
    if ((value['type'] === 'object' || 'required' in value) && value['additionalProperties'] !== false)
      open.push(pointer);
    for (const [key, item] of Object.entries(value)) visit(item, `${pointer}/${key}`);
  };
  for (const [name, schema] of SCHEMAS) visit(schema, name);
  assert.equal(open, []);
});

test('integers of 64 bits are exact and fit', async () => {
  const most = 2n ** 64n - 1n;
  const image = shop.put('extreme.img', healthyImage({ write_errors: most, creation_time: 2n ** 63n }));
  for (const line of [
    ['info', image],
    ['dump', image],
    ['status', image],
    ['check', image],
  ]) {
    const ended = await shop.run([...line, '--json']);
    documentOf(ended, line[0] ?? '');
    if (line[0] === 'check') continue;
    assert.match(ended.stdout, `"write_errors": ${most}`, line[0]);
    if (line[0] !== 'status') assert.match(ended.stdout, `"creation_time": ${2n ** 63n}`, line[0]);
  }
});
