/**
 * oclif's configuration with only what a program of one package needs. `Config.load` spends a fifth of the
 * start-up on what this program has no use for (is this Windows under Linux, which shell, themes, plugins of
 * the user, where updates come from), and it throws where the user database knows no such user, as in an
 * initramfs.
 */
import type { Command } from '@oclif/core/command';
import type { Plugin as OclifPlugin } from '@oclif/core/config';
import type { Hook, Hooks, PJSON, Topic } from '@oclif/core/interfaces';
import { loadConfig, loadSettings } from './oclif.js';

const { Config, Plugin } = loadConfig();
const { settings } = loadSettings();

/** A program that is made of commands: ours, or a small one in a test. */
export interface Program {
  /** The directory with oclif.manifest.json, or with the commands where there is none. */
  readonly root: string;
  readonly packageJson: PJSON;
  /** How to load a command by its id, where the commands are no files of their own. */
  readonly commands?: Readonly<Record<string, CommandLoader>>;
}

export type CommandLoader = () => Promise<{ readonly default: Command.Class }>;

export class LeanConfig extends Config {
  readonly #commands: ReadonlyMap<string, Command.Loadable>;
  readonly #topics: ReadonlyMap<string, Topic>;

  private constructor(program: Program, plugin: OclifPlugin) {
    const { packageJson, root } = program;
    super({ root, pjson: packageJson });
    this.root = root;
    this.pjson = packageJson;
    this.name = packageJson.name;
    this.version = packageJson.version;
    this.bin = packageJson.oclif.bin ?? this.name;
    this.dirname = packageJson.oclif.dirname ?? this.name;
    this.topicSeparator = ' ';
    this.platform = process.platform;
    this.windows = false;
    this.shell = 'sh';
    this.userAgent = `${this.name}/${this.version} node-${process.version}`;
    this.plugins.set(plugin.name, plugin);
    this.#commands = new Map(plugin.commands.map((command) => [command.id, loadable(command, program)]));
    this.#topics = topicsOf(plugin);
  }

  /** Reads the manifest; without one, as before the first build of a release, loads all commands. */
  static async read(program: Program): Promise<LeanConfig> {
    // Set, and not left to NODE_ENV: with `test` oclif would look for a transpiler and for the sources.
    settings.enableAutoTranspile = false;
    const plugin = new Plugin({ isRoot: true, pjson: program.packageJson, root: program.root });
    await plugin.load();
    return new LeanConfig(program, plugin);
  }

  override get commands(): Command.Loadable[] {
    return [...this.#commands.values()];
  }

  override get commandIDs(): string[] {
    return [...this.#commands.keys()];
  }

  override get topics(): Topic[] {
    return [...this.#topics.values()];
  }

  override findCommand(id: string, options: { must: true }): Command.Loadable;
  override findCommand(id: string, options?: { must: boolean }): Command.Loadable | undefined;
  override findCommand(id: string): Command.Loadable | undefined {
    return this.#commands.get(id);
  }

  override findTopic(id: string, options: { must: true }): Topic;
  override findTopic(id: string, options?: { must: boolean }): Topic | undefined;
  override findTopic(id: string): Topic | undefined {
    return this.#topics.get(id);
  }

  /** There are no hooks: what happens around a command stands in BaseCommand. */
  override async runHook<T extends keyof Hooks, P extends Hooks = Hooks>(): Promise<
    Hook.Result<P[T]['return']>
  > {
    return { failures: [], successes: [] };
  }
}

function loadable(command: Command.Loadable, { commands }: Program): Command.Loadable {
  const load = commands?.[command.id];
  if (load === undefined) return command;
  return {
    ...command,
    load: async () => {
      const { default: loaded } = await load();
      loaded.id = command.id;
      return loaded;
    },
  };
}

/**
 * The groups of commands, such as `ctl` of `ctl save`, described in package.json. As in oclif, whose help
 * tells a group from a command by what else there is below its name, every command is in the list too.
 */
function topicsOf(plugin: OclifPlugin): ReadonlyMap<string, Topic> {
  const topics = new Map<string, Topic>();
  for (const { id, summary } of plugin.commands) {
    const parts = id.split(':');
    for (const length of parts.keys()) {
      const name = parts.slice(0, length + 1).join(':');
      const isCommand = name === id;
      if (isCommand || !topics.has(name)) {
        topics.set(name, isCommand && summary !== undefined ? { name, description: summary } : { name });
      }
    }
  }
  for (const topic of plugin.topics) {
    topics.set(topic.name, topic);
  }
  return topics;
}
