import fs = require('node:fs');
import nodeModule = require('node:module');
import path = require('node:path');
import vm = require('node:vm');
import threads = require('node:worker_threads');

/**
 * One run of a program in a thread of its own, for in-thread.ts: from its entry in bin/ on, as Node starts it. What
 * V8 made of its files in an earlier run is used again, since a thread begins with nothing.
 *
 * Data: the entry; what is known of its files. Says at its end what it made of those that were new.
 */
interface Loading {
  readonly program: string;
  readonly compiled: ReadonlyMap<string, Uint8Array>;
}

/** A module as Node loads it, of which its types know nothing. */
interface Loaded {
  readonly exports: object;
  _compile(content: string, filename: string): unknown;
}

const { program, compiled } = threads.workerData as Loading;
const fresh = new Map<string, vm.Script>();
const { prototype } = nodeModule.Module as unknown as { readonly prototype: Loaded };
const compile = prototype._compile;

prototype._compile = function (this: Loaded, content: string, filename: string): unknown {
  // what others have written may want to be loaded in Node's own way
  if (!filename.endsWith('.cjs') || filename.includes('node_modules'))
    return compile.call(this, content, filename);
  const known = compiled.get(filename);
  const script = new vm.Script(nodeModule.wrap(content), {
    filename,
    cachedData: known,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  if (known === undefined) fresh.set(filename, script);
  const run = script.runInThisContext() as (...words: unknown[]) => unknown;
  const require = nodeModule.createRequire(filename);
  return run.call(this.exports, this.exports, require, this, filename, path.dirname(filename));
};

process.on('exit', () => {
  // by now it has what was compiled only when it was called
  const made = [...fresh].map(([filename, script]) => [filename, script.createCachedData()]);
  if (made.length > 0) threads.parentPort?.postMessage(new Map(made as [string, Uint8Array][]));
});

// where a request is stuck the program ends its process without waiting, and that is the tests' process here
process.getActiveResourcesInfo = () => [];

process.argv[1] = fs.realpathSync(program);
nodeModule.createRequire(__filename)(program);
