import type { Command } from '@oclif/core/command';
import type { Config } from '@oclif/core/config';
import type { Topic } from '@oclif/core/interfaces';
import { loadHelp } from './oclif.js';
import { toAscii } from './render/text.js';
import type { Terminal } from './terminal.js';

const { CommandHelp, Help } = loadHelp();

type Render = (text: string) => string;

/** oclif compiles every text of the help as a template, several times each; hardly any is one. */
function onlyTemplates(render: Render): Render {
  return (text) => (text.includes('<%') ? render(text) : text);
}

class OurCommandHelp extends CommandHelp {
  constructor(...parameters: ConstructorParameters<typeof CommandHelp>) {
    super(...parameters);
    this.render = onlyTemplates(this.render);
  }

  /** oclif loses the indent of a list whose first flag has no letter: those with one come first. */
  protected override flags(flags: Command.Flag.Any[]): [string, string | undefined][] | undefined {
    return super.flags([...flags.filter(({ char }) => char), ...flags.filter(({ char }) => !char)]);
  }

  /** The shared flags have a section of their own; in every usage line they would hide what matters. */
  protected override defaultUsage(): string {
    const { command } = this;
    const own = Object.entries(command.flags).filter(([, flag]) => flag.helpGroup !== 'GLOBAL');
    this.command = { ...command, flags: Object.fromEntries(own) };
    try {
      return super.defaultUsage();
    } finally {
      this.command = command;
    }
  }
}

/** oclif writes help with console.log in its own idea of colour; this collects it for our output. */
class CollectedHelp extends Help {
  protected override CommandHelpClass = OurCommandHelp;
  readonly #lines: string[] = [];

  constructor(...parameters: ConstructorParameters<typeof Help>) {
    super(...parameters);
    this.render = onlyTemplates(this.render);
  }

  get text(): string {
    return `${this.#lines.join('\n').trimEnd()}\n`;
  }

  protected override log(...lines: string[]): void {
    this.#lines.push(lines.join(' '));
  }

  async root(): Promise<void> {
    await this.showRootHelp();
  }

  async topic(topic: Topic): Promise<void> {
    await this.showTopicHelp(topic);
  }
}

/** The help of a command, of a topic (a group of commands), or of the program. */
export async function helpText(
  config: Config,
  subject: { readonly command?: Command.Loadable; readonly topic?: Topic },
  terminal: Terminal,
): Promise<string> {
  const help = new CollectedHelp(config, {
    maxWidth: terminal.width,
    stripAnsi: !terminal.color,
    flagSortOrder: 'none',
  });
  if (subject.command !== undefined) {
    await help.showCommandHelp(subject.command);
  } else if (subject.topic !== undefined) {
    await help.topic(subject.topic);
  } else {
    await help.root();
  }
  return terminal.unicode ? help.text : toAscii(help.text);
}
