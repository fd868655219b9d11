/**
 * The one base of all commands. A command parses nothing, prints nothing and exits nowhere: it returns a
 * result, and this class makes text or JSON and the exit code of it, the same for every command.
 */
import type { Command as OclifCommand } from '@oclif/core/command';
import type { Config as OclifConfig } from '@oclif/core/config';
import * as Flags from '@oclif/core/flags';
import type { ArgInput, InferredArgs, InferredFlags, LoadOptions } from '@oclif/core/interfaces';
import { EXIT_OK } from './exit-codes.js';
import { leave } from './leave.js';
import { loadCommand, loadConfig } from './oclif.js';
import { type Content, processOutputs } from './output.js';
import type { Progress } from './progress.js';
import type { Prompts } from './prompts.js';
import type { JsonObject } from './render/json.js';
import { toAscii } from './render/text.js';
import { describeFailure, failureDocument } from './report.js';
import { type CommandResult, chain, isDocumentText, terminated } from './result.js';
import { sharedWishes } from './shared-flags.js';
import { type OnSignal, processInterruption } from './signals.js';
import { detectTerminals, paint, type Terminals } from './terminal.js';

const { Command } = loadCommand();
const { Config } = loadConfig();

export type { CommandResult } from './result.js';

/** Parsed arguments and flags, typed after the command's static `args` and `flags`. */
export interface Input<T extends typeof Command> {
  readonly args: InferredArgs<T['args']>;
  readonly flags: InferredFlags<(typeof BaseCommand)['baseFlags'] & T['flags']>;
}

const GLOBAL = { helpGroup: 'GLOBAL' } as const;

export abstract class BaseCommand<T extends typeof Command> extends Command {
  static override baseFlags = {
    json: Flags.boolean({ ...GLOBAL, description: 'Print one JSON document.' }),
    quiet: Flags.boolean({ ...GLOBAL, char: 'q', description: 'Print errors only.' }),
    verbose: Flags.boolean({ ...GLOBAL, char: 'v', description: 'Say more, and why something failed.' }),
    'no-color': Flags.boolean({ ...GLOBAL, description: 'Use no colours (also: NO_COLOR).' }),
    ascii: Flags.boolean({ ...GLOBAL, description: 'Use no characters outside ASCII.' }),
    help: Flags.boolean({ ...GLOBAL, char: 'h', description: 'Show this help.' }),
  };

  /** What Ctrl-C and SIGTERM do to this command; see OnSignal. */
  static onSignal: OnSignal = 'exit';

  /** What the streams can show, after the flags. */
  protected terminals: Terminals = detectTerminals(sharedWishes(this.argv));

  /** Raised by Ctrl-C and SIGTERM where `onSignal` is `abort`; its reason is the error to throw. */
  protected readonly signal: AbortSignal = processInterruption().adopt(
    (this.constructor as typeof BaseCommand).onSignal,
    (error) => void this.#fail(error).then(leave),
    (text) => this.note(text),
  );

  readonly #warnings: string[] = [];
  readonly #outputs = processOutputs();
  #wishes = sharedWishes(this.argv);
  #progress: Progress | undefined;

  /** Called by oclif. The configuration is not loaded a second time, as `Command.run` would do. */
  static override async run<C extends OclifCommand>(
    this: new (
      argv: string[],
      config: OclifConfig,
    ) => C,
    argv: string[] = process.argv.slice(2),
    options?: LoadOptions,
  ): Promise<ReturnType<C['run']>> {
    const config = options instanceof Config ? options : await Config.load(options);
    return new this(argv, config).run() as ReturnType<C['run']>;
  }

  /** The command itself: options in, result out. Inability is thrown as DmremapError. */
  protected abstract execute(input: Input<T>): Promise<CommandResult>;

  /** Parses, executes, prints; gives the exit code and never throws. */
  override async run(): Promise<number> {
    try {
      const input = await this.#parseInput();
      if (this.#wishes.help) {
        await this.#outputs.stdout.write(await this.#help());
        return EXIT_OK;
      }
      const result = await this.execute(input);
      await this.#print(result);
      return result.exitCode;
    } catch (thrown) {
      return await this.#fail(thrown);
    }
  }

  /** The command's name as it is typed behind the program's: `check`, `ctl save`. */
  protected get commandName(): string {
    return (this.id ?? '').replaceAll(':', ' ');
  }

  /** Says on standard error, and in the JSON document, what the user should know though nothing failed. */
  override warn(input: Error | string): Error | string {
    const message = input instanceof Error ? input.message : input;
    this.#warnings.push(message);
    if (!this.#wishes.quiet) {
      const label = paint(this.terminals.stderr, 'yellow', 'warning:');
      void this.#tell(`${this.#program}: ${label} ${message}\n`);
    }
    return input;
  }

  /** Says on standard error what goes on; silenced by --quiet. */
  protected note(message: string): void {
    if (!this.#wishes.quiet) {
      void this.#tell(`${this.#program}: ${message}\n`);
    }
  }

  /** Shows text of several lines on standard error, as it is; silenced by --quiet. */
  protected show(text: string): void {
    if (this.#wishes.quiet) return;
    this.#progress?.clear();
    this.#outputs.stderr.write(this.terminals.stderr.unicode ? text : toAscii(text)).catch(() => {});
  }

  /** Says on standard error what is of interest only with --verbose. */
  protected detail(message: string): void {
    if (this.#wishes.verbose) {
      this.note(message);
    }
  }

  /** Questions for this command; `assumeYes` is its --yes. */
  protected async prompts(assumeYes: boolean): Promise<Prompts> {
    const { createPrompts } = await import('./prompts.js');
    const before = () => this.#progress?.done();
    return createPrompts({ terminals: this.terminals, assumeYes, signal: this.signal, before });
  }

  /** Progress of this command; `flag` is its --progress. Its `listener` is what an operation is given. */
  protected async progress(flag: 'json' | undefined): Promise<Progress> {
    const { Progress, progressMode } = await import('./progress.js');
    const { stderr } = this.terminals;
    this.#progress ??= new Progress({
      mode: progressMode(flag, this.#wishes.quiet, stderr),
      width: stderr.width,
      write: (text) => void this.#outputs.stderr.write(text).catch(() => {}),
    });
    return this.#progress;
  }

  /** For a command that reads most of the time: see Interruption. */
  protected readonly uninterrupted = processInterruption().uninterrupted;

  /** Reports an error that does not end the command: that of one device among several. */
  protected async complainOf(error: unknown): Promise<void> {
    const failure = describeFailure(error, this.#wishes.verbose);
    await this.#tell(failure.text(this.#program, this.terminals.stderr));
  }

  async #parseInput(): Promise<Input<T>> {
    // By itself oclif takes a missing argument from standard input, which may be a dump or a script.
    for (const arg of Object.values(this.ctor.args as ArgInput)) {
      arg.ignoreStdin = true;
    }
    // By itself oclif lets `--answer A=B SPARE` take SPARE for a second answer.
    for (const flag of Object.values(this.ctor.flags ?? {})) {
      if (flag.type === 'option' && flag.multiple) {
        flag.multipleNonGreedy = true;
      }
    }
    try {
      const { args, flags } = await this.parse();
      this.#wishes = {
        json: Boolean(flags['json']),
        quiet: Boolean(flags['quiet']),
        verbose: this.#wishes.verbose || Boolean(flags['verbose']),
        noColor: Boolean(flags['no-color']),
        ascii: Boolean(flags['ascii']),
        help: Boolean(flags['help']),
      };
      this.terminals = detectTerminals(this.#wishes);
      return { args, flags } as Input<T>;
    } catch (thrown) {
      const flags = { ...BaseCommand.baseFlags, ...this.ctor.flags };
      const { usageError } = await import('./usage.js');
      throw usageError(thrown, { program: this.#program, flags, argv: this.argv }) ?? thrown;
    }
  }

  async #print(result: CommandResult): Promise<void> {
    this.#progress?.done();
    if (this.#wishes.json) {
      if (isDocumentText(result.json)) {
        return await this.#writeDocument(result.json.document());
      }
      const document = typeof result.json === 'function' ? result.json() : result.json;
      const { command: _command, exit_code: _code, ...rest } = document;
      const warnings = this.#warnings.length > 0 ? { warnings: this.#warnings } : {};
      const head = { command: this.commandName, exit_code: result.exitCode };
      await this.#printJson({ ...head, ...rest, ...warnings });
    } else if (!this.#wishes.quiet || result.isData) {
      const terminal = this.terminals.stdout;
      const content = result.text(terminal);
      await this.#outputs.stdout.write(terminated(content, terminal.unicode || Boolean(result.isData)));
    }
  }

  async #printJson(document: JsonObject): Promise<void> {
    const { jsonPieces } = await import('./render/json.js');
    const pieces = jsonPieces(document);
    // The first piece is made before the claim: a document that cannot be made leaves room for its error.
    const first = pieces.next().value ?? '';
    await this.#writeDocument(chain(first, pieces));
  }

  async #writeDocument(content: Content): Promise<void> {
    if (this.#outputs.stdout.claimDocument()) {
      await this.#outputs.stdout.write(content);
    }
  }

  /** Reports what was thrown; the exit code is the same with and without --json. */
  async #fail(thrown: unknown): Promise<number> {
    this.#progress?.done();
    const failure = describeFailure(thrown, this.#wishes.verbose);
    try {
      if (this.#wishes.json) {
        await this.#printJson(failureDocument(this.commandName, failure, this.#warnings));
      }
    } catch {
      // Standard output cannot be written; standard error and the exit code still tell.
    }
    await this.#tell(failure.text(this.#program, this.terminals.stderr));
    return failure.exitCode;
  }

  async #help(): Promise<string> {
    const { helpText } = await import('./help.js');
    const command = this.config.findCommand(this.id ?? '');
    return helpText(this.config, command === undefined ? {} : { command }, this.terminals.stdout);
  }

  /** Writes to standard error, past a line of progress. A closed one is nobody's business. */
  async #tell(text: string): Promise<void> {
    this.#progress?.clear();
    await this.#outputs.stderr.write(this.terminals.stderr.unicode ? text : toAscii(text)).catch(() => {});
  }

  get #program(): string {
    return `${this.config.bin} ${this.commandName}`.trim();
  }
}
