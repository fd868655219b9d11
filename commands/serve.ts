import * as Flags from '@oclif/core/flags';
import { BaseCommand, type CommandResult, type Input } from '../src/cli/base-command.js';
import { unixNow } from '../src/cli/clock.js';
import { acceptMainFlag, countFlag, mainFlag, portFlag, rateFlag, spareArg } from '../src/cli/flags.js';
import { processOutputs } from '../src/cli/output.js';
import { checkText } from '../src/cli/render/check.js';
import { serveDocument, serveHints, serveText, uriFields, uriLines } from '../src/cli/render/serve.js';
import type { OnSignal } from '../src/cli/signals.js';
import type { Terminal } from '../src/cli/terminal.js';
import { foreseeRecovery, recoverSpare } from '../src/operations/serve/recover.js';
import { detach, sayReady } from '../src/service/detach.js';
import { Serving } from '../src/service/serving.js';

export default class Serve extends BaseCommand<typeof Serve> {
  static override summary = 'Serve the remapped device over NBD.';
  static override description =
    'Recovers the metadata, then serves until SIGTERM, SIGINT or ctl stop. Prints the NBD URI when it accepts clients. Exits with 0 if the last commit succeeded.';
  static override onSignal: OnSignal = 'abort';
  static override args = { spare: spareArg };
  static override flags = {
    main: mainFlag,
    'accept-main': acceptMainFlag,
    unix: Flags.string({ description: 'Listen on this Unix socket.', helpValue: 'PATH' }),
    port: portFlag({ description: 'Listen on this TCP port; 0 takes a free one.' }),
    bind: Flags.string({ description: 'The address of the port.', default: '127.0.0.1', helpValue: 'ADDR' }),
    export: Flags.string({ description: 'The name of the export.', default: '', helpValue: 'NAME' }),
    'read-only': Flags.boolean({ description: 'Open both devices read-only, and recover in memory.' }),
    plan: Flags.string({
      description: 'Serve what the spare would be after this repair plan.',
      dependsOn: ['read-only'],
      helpValue: 'FILE',
    }),
    remap: Flags.option({
      options: ['write', 'salvage', 'off'] as const,
      default: 'write' as const,
      description:
        'What is moved to the spare: what main does not take, also what it hardly gives, or nothing.',
    })(),
    cache: Flags.option({
      options: ['direct', 'writeback'] as const,
      description: 'How main is used: direct for block devices unless told, writeback for images.',
    })(),
    scan: rateFlag({ description: 'Read all of it once while it is idle, so many bytes a second.' }),
    'save-interval': countFlag({
      description: 'Seconds for which a new remap may stay unsaved.',
      default: 5,
      least: 1,
    }),
    control: Flags.string({ description: 'Listen for messages on this Unix socket.', helpValue: 'PATH' }),
    'tls-certificates': Flags.string({
      description: 'A folder with ca-cert.pem, server-cert.pem and server-key.pem: clients are verified.',
      helpValue: 'DIR',
      exclusive: ['tls-psk'],
    }),
    'tls-psk': Flags.string({ description: 'A file of pre-shared keys, NAME:HEX.', helpValue: 'FILE' }),
    insecure: Flags.boolean({ description: 'Bind to any address without TLS.' }),
    'max-connections': countFlag({ description: 'Clients at a time.', default: 64, least: 1 }),
    run: Flags.string({
      description: 'Run this command with $uri set, and end with its code.',
      helpValue: 'CMD',
    }),
    'pid-file': Flags.string({
      description: 'Write the number of the process to this file.',
      helpValue: 'FILE',
    }),
    detach: Flags.boolean({
      description: 'Go on in the background once clients are accepted.',
      exclusive: ['run'],
    }),
    'log-file': Flags.string({ description: 'Log to this file, as JSON lines.', helpValue: 'FILE' }),
    metrics: Flags.string({ description: 'Metrics for Prometheus.', helpValue: '[ADDR:]PORT' }),
  };

  protected async execute({ args, flags }: Input<typeof Serve>): Promise<CommandResult> {
    if (flags.detach) return this.inBackground(args.spare);
    const report = flags['read-only']
      ? await foreseeRecovery(args.spare, { plan: flags.plan, now: unixNow })
      : await recoverSpare(args.spare, unixNow());
    const text = (terminal: Terminal) => checkText(report, { terminal, verbose: flags.verbose });
    if (report.corrected.length > 0) this.show(text(this.terminals.stderr));
    if (report.remaining.length > 0)
      return {
        exitCode: 4,
        json: () => ({ device: args.spare, remaining: report.remaining.map(({ id }) => id) }),
        text,
      };
    const serving = await Serving.start(args.spare, { ...flags, signal: this.signal, now: unixNow });
    const { facts } = serving;
    for (const warning of facts.warnings) this.warn(warning);
    this.show(serveHints(facts, this.terminals.stderr));
    let exitCode = 0;
    const end = serving.run().then((code) => {
      exitCode = code;
      return code;
    });
    // told where it is awaited, which is when the address is printed
    end.catch(() => undefined);
    sayReady({ uris: facts.uris });
    return {
      // asked for when all is printed, which is when the server has ended
      get exitCode() {
        return exitCode;
      },
      json: { document: () => serveDocument(args.spare, facts, end) },
      text: () => serveText(facts, end),
      isData: true,
    };
  }

  /** The same line without --detach, in a process of its own. */
  private async inBackground(spare: string): Promise<CommandResult> {
    const words = process.argv.slice(1).filter((word) => word !== '--detach');
    const { ready, output, said, code } = await detach([process.execPath, ...words], this.signal);
    this.signal.throwIfAborted();
    // with --quiet it has said errors only
    await processOutputs().stderr.write(said);
    if (ready === undefined) return { exitCode: code, json: { document: () => output }, text: () => output };
    const { uris } = ready as { readonly uris: readonly string[] };
    return {
      exitCode: 0,
      json: { device: spare, ...uriFields(uris) },
      text: () => uriLines(uris),
      isData: true,
    };
  }
}
