/** `grapevine membership create|sign|check`: who may take part, as a file signed by the operator. */
import type { Command } from 'commander';
import { InputError } from '../base/errors.ts';
import type { Member, Membership } from '../identity/index.ts';
import { writeTextFile } from './files.ts';
import type { Host } from './host.ts';
import type { Session } from './session.ts';

const EXAMPLES = `
Examples:
  grapevine membership create members.yaml --experiment penguins \\
    --member biscoe=12D3KooW…@/ip4/10.0.0.5/tcp/4001 --member dream=12D3KooW…
  grapevine membership sign members.yaml --key keys/operator.pem
  grapevine membership check members.yaml --operator 12D3KooW…

A member is NAME=PEER_ID, followed by @ADDRESS[,ADDRESS…] where others can dial it. A peer's index in records is its
place in the file. Every edit needs a new signature; \`sign\` then also raises the sequence number.`;

interface CreateOptions {
  readonly experiment: string;
  readonly member: readonly string[];
}

interface SignOptions {
  readonly key: string;
  readonly sequence?: string;
}

interface CheckOptions {
  readonly operator?: string;
  readonly experiment?: string;
}

export function declareMembership(program: Command, host: Host): void {
  const membership = program.command('membership').description('say who may take part, and sign it');
  membership.addHelpText('after', EXAMPLES);
  membership
    .command('create')
    .description('write an unsigned membership file')
    .argument('<file>', 'the file to write (YAML, or JSON where it ends in .json)')
    .requiredOption('--experiment <name>', 'name of the experiment')
    .requiredOption(
      '--member <name=peer-id[@address,…]>',
      'one member; repeatable',
      (value, earlier: string[] = []) => [...earlier, value],
    )
    .addHelpText('after', EXAMPLES)
    .action(host.run<CreateOptions>(create));
  membership
    .command('sign')
    .description("sign a membership file with the operator's key")
    .argument('<file>', 'the file; it is rewritten with the signature')
    .requiredOption('--key <file>', "the operator's key")
    .option(
      '--sequence <number>',
      'number of this edition (default: kept, or one more where a signed file was edited)',
    )
    .action(host.run<SignOptions>(signFile));
  membership
    .command('check')
    .description('check structure, signature and operator of a membership file')
    .argument('<file>', 'the file')
    .option(
      '--operator <peer-id>',
      "peer id of the operator's key; without it the file's own is taken on trust",
    )
    .option('--experiment <name>', 'the experiment it must be for')
    .action(host.run<CheckOptions>(checkFile));
}

async function create(
  session: Session,
  [path = '']: readonly string[],
  options: CreateOptions,
): Promise<undefined> {
  const { MEMBERSHIP_FORMAT, parseMembership } = await import('../identity/index.ts');
  const draft: Membership = {
    format: MEMBERSHIP_FORMAT,
    experiment: options.experiment,
    sequence: 1,
    members: options.member.map(parseMember),
  };
  const text = await textOf(draft, path);
  parseMembership(text, path);
  await writeTextFile(path, text, { isNew: true });
  session.answer(
    { path, membership: draft },
    `${path}: ${draft.members.length} members, not signed yet; next: grapevine membership sign ${path} --key OPERATOR.pem`,
  );
}

async function signFile(
  session: Session,
  [path = '']: readonly string[],
  options: SignOptions,
): Promise<undefined> {
  const { isSignatureValid, loadIdentity, signMembership } = await import('../identity/index.ts');
  const operator = await loadIdentity(options.key);
  const old = await readMembership(path);
  const isEdited = old.signature !== undefined && !isSignatureValid(old);
  const sequence =
    options.sequence === undefined ? old.sequence + (isEdited ? 1 : 0) : parseSequence(options.sequence);
  const issuedAt = session.io.clock.calendar();
  const signed = signMembership(
    { ...old, sequence, ...(issuedAt === undefined ? {} : { issuedAt }) },
    operator,
  );
  await writeTextFile(path, await textOf(signed, path));
  session.answer(
    { path, membership: signed },
    `${path}: edition ${sequence} for ${signed.experiment}, ${signed.members.length} members, signed by ${operator.peerId}\nsilos pin this operator in their silo file: ${operator.peerId}`,
  );
}

async function checkFile(
  session: Session,
  [path = '']: readonly string[],
  options: CheckOptions,
): Promise<undefined> {
  const { verifyMembership } = await import('../identity/index.ts');
  const membership = await readMembership(path);
  const operator = options.operator ?? membership.operator ?? '';
  const expected =
    options.experiment === undefined ? { operator } : { operator, experiment: options.experiment };
  verifyMembership(membership, expected, path);
  if (options.operator === undefined) {
    session.warn(`the operator's key was taken from the file itself; name the one you know with --operator`);
  }
  const members = membership.members.map(
    ({ name, peerId, addresses = [] }, index) =>
      `  ${index}  ${name}  ${peerId}  ${addresses.join(' ') || '(dials out only)'}`,
  );
  session.answer(
    { path, valid: true, membership },
    `${path}: edition ${membership.sequence} for ${membership.experiment}, signed by ${operator}\n${members.join('\n')}`,
  );
}

async function readMembership(path: string): Promise<Membership> {
  const { readDocumentFile } = await import('../base/document.ts');
  const { parseMembership } = await import('../identity/index.ts');
  return parseMembership(readDocumentFile(path, 'the membership'), path);
}

/** `NAME=PEER_ID[@ADDRESS,…]`; ids and addresses are checked with the whole file. */
function parseMember(text: string): Member {
  const match = /^([^=]+)=([^@]+)(?:@(.+))?$/.exec(text);
  if (match === null) {
    throw new InputError(
      'member-malformed',
      `--member ${text}: wanted NAME=PEER_ID or NAME=PEER_ID@ADDRESS,ADDRESS`,
      { got: text },
    );
  }
  const [, name = '', peerId = '', addresses] = match;
  return addresses === undefined ? { name, peerId } : { name, peerId, addresses: addresses.split(',') };
}

function parseSequence(text: string): number {
  const sequence = Number(text);
  if (Number.isSafeInteger(sequence) && sequence >= 1) return sequence;
  throw new InputError('sequence-malformed', `--sequence ${text}: wanted a whole number from 1`, {
    got: text,
  });
}

async function textOf(membership: Membership, path: string): Promise<string> {
  if (path.endsWith('.json')) return `${JSON.stringify(membership, null, 2)}\n`;
  const { stringify } = await import('yaml');
  return stringify(membership, { lineWidth: 0 });
}
